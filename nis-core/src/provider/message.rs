//! What goes to a model and what comes back, in no provider's dialect.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// Most tool calls in one completion.
pub const MAX_TOOL_CALLS: usize = 128;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The host's instructions.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// The result of a tool.
    Tool,
}

/// A tool that the model asks to be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Names the call; the result carries it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text as the model wrote it, which may be broken.
    pub arguments: String,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The text; for [`Role::Tool`] the result as JSON text.
    pub content: String,
    /// Calls that an assistant's message asks for.
    pub tool_calls: Vec<ToolCall>,
    /// For [`Role::Tool`]: the call that this answers.
    pub tool_call_id: Option<String>,
}

impl Message {
    fn new(role: Role, content: impl Into<String>) -> Self {
        Message {
            role,
            content: content.into(),
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    /// Instructions.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }

    /// The user's words.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// The model's words and the calls that it asked for.
    pub fn assistant(content: impl Into<String>, tool_calls: Vec<ToolCall>) -> Self {
        Message {
            tool_calls,
            ..Self::new(Role::Assistant, content)
        }
    }

    /// The result of a call.
    pub fn tool(call_id: impl Into<String>, content: impl Into<String>) -> Self {
        Message {
            tool_call_id: Some(call_id.into()),
            ..Self::new(Role::Tool, content)
        }
    }
}

/// A tool as the model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON schema of its arguments.
    pub parameters: Value,
}

/// A conversation to complete.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Request {
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools that the model may ask for.
    pub tools: Vec<ToolSpec>,
    /// Longest completion, in tokens; the provider's default where `None`.
    pub max_tokens: Option<u32>,
}

/// Why a completion ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finish {
    /// It was complete.
    Stop,
    /// The token limit cut it.
    Length,
    /// It asks for tools.
    ToolCalls,
    /// The provider's filter cut it.
    ContentFilter,
    /// Another reason, in the provider's word.
    Other(String),
}

/// Tokens as the provider counted them. What it did not say is `None`, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the request, cached ones included.
    pub input: Option<u64>,
    /// Tokens of the completion, reasoning included.
    pub output: Option<u64>,
    /// Of `input`, those read from the provider's cache.
    pub cached: Option<u64>,
    /// Of `output`, those of hidden reasoning.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// Input and output; `None` where neither was said.
    pub fn total(&self) -> Option<u64> {
        match (self.input, self.output) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        }
    }
}

/// One finished reply of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The text; empty where the model only asks for tools.
    pub text: String,
    /// The tools asked for, in order.
    pub tool_calls: Vec<ToolCall>,
    /// The model's refusal, where it refused.
    pub refusal: Option<String>,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens, where they were counted.
    pub usage: Option<Usage>,
    /// The model as the provider names it, where it did.
    pub model: Option<String>,
}

/// A piece of a reply, in the order of arrival. All wires speak this.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The provider named the model.
    Model(String),
    /// More text.
    Text(String),
    /// More of a refusal.
    Refusal(String),
    /// A piece of tool call number `index`: the id and the name may come once, late or never.
    ToolCall {
        /// Position of the call in the reply.
        index: usize,
        /// Its id, where this piece has it.
        id: Option<String>,
        /// Its name, where this piece has it.
        name: Option<String>,
        /// More of its arguments.
        arguments: String,
    },
    /// Tokens so far; a later one replaces an earlier one.
    Usage(Usage),
    /// The reply is complete.
    Finish(Finish),
}

/// Puts [`Event`]s together to a [`Completion`].
#[derive(Debug, Default)]
pub struct Fold {
    text: String,
    refusal: Option<String>,
    calls: Vec<(usize, ToolCall)>,
    usage: Option<Usage>,
    model: Option<String>,
    finish: Option<Finish>,
}

impl Fold {
    /// Takes the next event.
    ///
    /// # Errors
    /// [`Error::Limit`] for more than [`MAX_TOOL_CALLS`] calls.
    pub fn push(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Model(name) => {
                self.model.get_or_insert(name);
            }
            Event::Text(more) => self.text.push_str(&more),
            Event::Refusal(more) => self.refusal.get_or_insert_default().push_str(&more),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish(finish) => self.finish = Some(finish),
            Event::ToolCall {
                index,
                id,
                name,
                arguments,
            } => {
                let known = self.calls.iter().position(|(i, _)| *i == index);
                let call = match known.and_then(|at| self.calls.get_mut(at)) {
                    Some((_, call)) => call,
                    None => {
                        if self.calls.len() >= MAX_TOOL_CALLS {
                            return Err(Error::Limit {
                                what: "tool calls of one reply".into(),
                                limit: MAX_TOOL_CALLS as u64,
                                got: self.calls.len() as u64 + 1,
                            });
                        }
                        let empty = ToolCall {
                            id: String::new(),
                            name: String::new(),
                            arguments: String::new(),
                        };
                        self.calls.push((index, empty));
                        match self.calls.last_mut() {
                            Some((_, call)) => call,
                            None => return Ok(()),
                        }
                    }
                };
                // Some servers repeat empty ids and names in later pieces.
                if call.id.is_empty() {
                    call.id = id.unwrap_or_default();
                }
                if call.name.is_empty() {
                    call.name = name.unwrap_or_default();
                }
                call.arguments.push_str(&arguments);
            }
        }
        Ok(())
    }

    /// Whether the provider said that the reply is complete.
    pub fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// The completion; `None` where the provider never said that it is complete.
    pub fn finish(mut self) -> Option<Completion> {
        let finish = self.finish?;
        self.calls.sort_by_key(|(index, _)| *index);
        let tool_calls = self
            .calls
            .into_iter()
            .map(|(index, mut call)| {
                if call.id.is_empty() {
                    call.id = format!("call_{index}");
                }
                if call.arguments.trim().is_empty() {
                    call.arguments = "{}".into();
                }
                call
            })
            .collect();
        Some(Completion {
            text: self.text,
            tool_calls,
            refusal: self.refusal.filter(|r| !r.is_empty()),
            finish,
            usage: self.usage,
            model: self.model,
        })
    }
}
