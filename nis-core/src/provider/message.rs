//! What goes to a model and what comes back, in no provider's dialect.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// Most tool calls in one completion.
pub const MAX_TOOL_CALLS: usize = 128;

/// Most reasoning items in one completion.
pub const MAX_BLOCKS: usize = 1024;

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
    /// What the provider wants back with the call, unchanged: Gemini's thought signature, the item id of the
    /// Responses API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_ref: Option<String>,
}

/// An image that a user shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// The file itself.
    Data {
        /// For example `image/png`.
        media_type: String,
        /// Base64, without line breaks.
        base64: String,
    },
    /// Where the provider finds it; NIS does not fetch it.
    Url(String),
}

/// A piece of a reply that its provider wants back unchanged in later requests: a reasoning item, a signed
/// thought. Only the wire that made it sends it back; others leave it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Name of the wire, for example `anthropic`.
    pub wire: String,
    /// JSON text as it came.
    pub json: String,
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
    /// For [`Role::Tool`]: whether the tool failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
    /// Images that a user's message shows, after its text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// The reasoning that an assistant's message came with, where the provider showed it; may be empty text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// What the provider wants back unchanged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
}

impl Message {
    fn new(role: Role, content: impl Into<String>) -> Self {
        Message {
            role,
            content: content.into(),
            tool_calls: Vec::new(),
            tool_call_id: None,
            is_error: false,
            images: Vec::new(),
            reasoning: None,
            blocks: Vec::new(),
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
    /// Whether the provider shall hold the model to the schema, where it can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// Which tools the model may or must ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it likes (default).
    #[default]
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
}

/// How much a reasoning model shall think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

impl Effort {
    /// `low`, `medium` or `high`.
    pub fn name(self) -> &'static str {
        match self {
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
        }
    }
}

/// The shape that an answer must have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// JSON schema of the answer.
    pub schema: Value,
}

/// A conversation to complete. What is `None` or empty is left to the provider.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools that the model may ask for.
    pub tools: Vec<ToolSpec>,
    /// Which of them.
    pub tool_choice: ToolChoice,
    /// Whether several tools may be asked for at once.
    pub parallel_tools: Option<bool>,
    /// Longest completion, in tokens.
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Share of the probability that is sampled from.
    pub top_p: Option<f64>,
    /// Texts that end the completion.
    pub stop: Vec<String>,
    /// Seed of the sampling, where the provider has one.
    pub seed: Option<u64>,
    /// How much to think, where the model reasons.
    pub effort: Option<Effort>,
    /// The shape of the answer.
    pub schema: Option<Schema>,
    /// The conversation that this belongs to, for budgets; never sent and no part of what caches compare.
    #[serde(skip)]
    pub conversation: Option<String>,
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
    /// With another call's tokens: what neither said stays `None`.
    #[must_use]
    pub fn plus(self, other: Usage) -> Usage {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        Usage {
            input: sum(self.input, other.input),
            output: sum(self.output, other.output),
            cached: sum(self.cached, other.cached),
            reasoning: sum(self.reasoning, other.reasoning),
        }
    }

    /// Input and output; `None` where neither was said.
    pub fn total(&self) -> Option<u64> {
        match (self.input, self.output) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        }
    }
}

/// One finished reply of a model. In JSON what is left out is empty, and `finish` is `stop`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
    /// The model's reasoning, where the provider shows it; may be empty text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// What the provider wants back unchanged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
}

impl Default for Completion {
    fn default() -> Self {
        Completion::of_text("")
    }
}

impl Completion {
    /// A complete text and nothing else.
    pub fn of_text(text: impl Into<String>) -> Self {
        Completion {
            text: text.into(),
            tool_calls: Vec::new(),
            refusal: None,
            finish: Finish::Stop,
            usage: None,
            model: None,
            reasoning: None,
            blocks: Vec::new(),
        }
    }

    /// Hands the whole completion to `each` as events, in the order of a stream.
    pub fn tell(&self, each: &super::Each<'_>) {
        if let Some(model) = &self.model {
            each(&Event::Model(model.clone()));
        }
        if let Some(reasoning) = &self.reasoning {
            each(&Event::Reasoning(reasoning.clone()));
        }
        if !self.text.is_empty() {
            each(&Event::Text(self.text.clone()));
        }
        if let Some(refusal) = &self.refusal {
            each(&Event::Refusal(refusal.clone()));
        }
        for (index, call) in self.tool_calls.iter().enumerate() {
            each(&Event::ToolCall {
                index,
                id: Some(call.id.clone()),
                name: Some(call.name.clone()),
                arguments: call.arguments.clone(),
                provider_ref: call.provider_ref.clone(),
            });
        }
        for block in &self.blocks {
            each(&Event::Block(block.clone()));
        }
        if let Some(usage) = self.usage {
            each(&Event::Usage(usage));
        }
        each(&Event::Finish(self.finish.clone()));
    }

    /// The completion as a message of the conversation, with all that its provider wants back.
    pub fn into_message(self) -> Message {
        Message {
            reasoning: self.reasoning,
            blocks: self.blocks,
            ..Message::assistant(self.text, self.tool_calls)
        }
    }
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
    /// More of the reasoning that the provider shows; empty text says that there is reasoning.
    Reasoning(String),
    /// A piece that the provider wants back unchanged.
    Block(Block),
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
        /// What the provider wants back with the call, where this piece has it.
        provider_ref: Option<String>,
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
    reasoning: Option<String>,
    blocks: Vec<Block>,
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
            Event::Reasoning(more) => self.reasoning.get_or_insert_default().push_str(&more),
            Event::Block(block) => {
                if self.blocks.len() >= MAX_BLOCKS {
                    return Err(Error::Limit {
                        what: "reasoning items of one reply".into(),
                        limit: MAX_BLOCKS as u64,
                        got: self.blocks.len() as u64 + 1,
                    });
                }
                self.blocks.push(block);
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish(finish) => self.finish = Some(finish),
            Event::ToolCall {
                index,
                id,
                name,
                arguments,
                provider_ref,
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
                            provider_ref: None,
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
                if call.provider_ref.is_none() {
                    call.provider_ref = provider_ref;
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
            reasoning: self.reasoning,
            blocks: self.blocks,
        })
    }
}
