//! The reasoning agent: a provider and tools, in turns, until there is an answer.

use serde_json::{Value, json};

use crate::agent::{
    Agent, Context, Outcome, Part, Parts, Product, State, Stopwatch, Task, TraceStep, call_tool,
    not_mine,
};
use crate::error::{Error, Result};
use crate::provider::{
    Completion, Event, Finish, Message, Pending, Provider, Request, ToolCall, Usage,
};

/// Most rounds of tool calls; the answer is then asked for without tools.
pub const MAX_ROUNDS: usize = 8;

/// Most tool calls that are run in one round.
const MAX_CALLS: usize = 16;

/// Completes a conversation with a provider and runs the tools that it asks for, through the agents that
/// own them.
#[derive(Debug, Clone, Copy)]
pub struct Reasoning;

impl Agent for Reasoning {
    fn name(&self) -> &'static str {
        "reasoning"
    }

    fn description(&self) -> &'static str {
        "Answers with a provider, and runs the tools that it asks for."
    }

    fn state(&self) -> State {
        State::Ready
    }

    fn handle<'a>(&'a self, task: Task, context: &'a Context) -> Pending<'a, Result<Outcome>> {
        Box::pin(async move {
            match task {
                Task::Reason {
                    messages,
                    user,
                    provider,
                    tools,
                    shape,
                    parts,
                } => {
                    let request = Request {
                        messages,
                        tools: if tools {
                            context.tools.specs()
                        } else {
                            Vec::new()
                        },
                        ..*shape
                    };
                    self.reason(request, &user, provider.as_ref(), &parts, context)
                        .await
                }
                other => Err(not_mine(self, &other)),
            }
        })
    }
}

impl Reasoning {
    async fn reason(
        &self,
        mut request: Request,
        user: &str,
        provider: &dyn Provider,
        parts: &Parts,
        context: &Context,
    ) -> Result<Outcome> {
        let (mut steps, mut usage) = (Vec::new(), None::<Usage>);
        for round in 0.. {
            if round == MAX_ROUNDS {
                request.tools.clear();
            }
            let watch = Stopwatch::start();
            let completion = complete(provider, &request, parts).await?;
            if let Some(more) = completion.usage {
                usage = Some(usage.unwrap_or_default().plus(more));
            }
            steps.push(watch.step(
                provider.name(),
                format!(
                    "completed with {}",
                    completion.model.as_deref().unwrap_or(provider.model())
                ),
                outcome_of(&completion),
            ));
            if completion.tool_calls.is_empty() || request.tools.is_empty() {
                let model = completion.model.clone();
                return Ok(Outcome {
                    product: Product::Answer {
                        text: answer_of(completion, provider)?,
                        model,
                        usage,
                        confidence: None,
                    },
                    steps,
                });
            }
            let calls = completion.tool_calls.clone();
            // With all that the provider wants back, such as signed thoughts.
            request.messages.push(completion.into_message());
            for (number, call) in calls.iter().enumerate() {
                parts.tell(|| Part::ToolCall {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    arguments: call.arguments.clone(),
                });
                let result = if number < MAX_CALLS {
                    self.run(call, user, context, &mut steps).await?
                } else {
                    json!({"error": {"code": "limit", "message": format!("at most {MAX_CALLS} calls at once")}}).to_string()
                };
                parts.tell(|| Part::ToolResult {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    result: serde_json::from_str(&result).unwrap_or(Value::Null),
                });
                request.messages.push(Message::tool(&call.id, result));
            }
        }
        Err(Error::Internal {
            message: "the rounds of reasoning did not end".into(),
        })
    }

    /// Runs one call through the agent that owns the tool. What goes wrong is the model's to read, except a
    /// stop by the caller.
    async fn run(
        &self,
        call: &ToolCall,
        user: &str,
        context: &Context,
        steps: &mut Vec<TraceStep>,
    ) -> Result<String> {
        let watch = Stopwatch::start();
        let owner = match call.name.as_str() {
            "analyze" => Some("signal"),
            "calculate" | "convert_units" | "constant" => Some("physics"),
            "remember" | "recall" => Some("memory"),
            _ => None,
        };
        let result = match owner {
            Some(agent) => {
                let task = Task::Call {
                    tool: call.name.clone(),
                    arguments: call.arguments.clone(),
                    user: user.to_owned(),
                };
                context.ask(agent, task).await.map(|outcome| {
                    steps.extend(outcome.steps);
                    outcome.product
                })
            }
            None => call_tool(
                self.name(),
                &call.name,
                call.arguments.clone(),
                user,
                context,
            )
            .await
            .map(|(value, step)| {
                steps.push(step);
                Product::Value(value)
            }),
        };
        match result {
            Ok(Product::Value(value)) => Ok(value.to_string()),
            Ok(_) => Err(Error::Internal {
                message: format!("the tool {} gave no value", call.name),
            }),
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(error) => {
                let actor = owner.unwrap_or("reasoning");
                steps.push(watch.step(
                    actor,
                    format!("called the tool {}", call.name),
                    format!("failed: {error}"),
                ));
                Ok(
                    json!({"error": {"code": error.code().name(), "message": error.to_string()}})
                        .to_string(),
                )
            }
        }
    }
}

/// One call of the provider: streamed where somebody hears.
async fn complete(provider: &dyn Provider, request: &Request, parts: &Parts) -> Result<Completion> {
    if !parts.heard() {
        return provider.complete(request).await;
    }
    let each = |event: &Event| match event {
        Event::Text(text) | Event::Refusal(text) if !text.is_empty() => {
            parts.tell(|| Part::Text { text: text.clone() });
        }
        Event::Reasoning(text) if !text.is_empty() => {
            parts.tell(|| Part::Reasoning { text: text.clone() });
        }
        _ => {}
    };
    provider.stream(request, &each).await
}

fn outcome_of(completion: &Completion) -> String {
    if completion.refusal.is_some() {
        return "refused".into();
    }
    if !completion.tool_calls.is_empty() {
        let names: Vec<&str> = completion
            .tool_calls
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        return format!("asked for {}", names.join(", "));
    }
    match &completion.finish {
        Finish::Length => "answered; the token limit cut the answer".into(),
        Finish::ContentFilter => "answered; the provider's filter cut the answer".into(),
        _ => "answered".into(),
    }
}

fn answer_of(completion: Completion, provider: &dyn Provider) -> Result<String> {
    if let Some(refusal) = completion.refusal {
        return Ok(refusal);
    }
    if completion.text.trim().is_empty() {
        let why = match completion.finish {
            Finish::Length => "an empty answer: the token limit was reached first",
            Finish::ContentFilter => "an empty answer: the provider's filter held it back",
            _ if !completion.tool_calls.is_empty() => "tools asked for where none were offered",
            _ => "an empty answer",
        };
        return Err(Error::Provider {
            provider: provider.name().into(),
            status: None,
            retryable: true,
            message: why.into(),
        });
    }
    Ok(completion.text)
}
