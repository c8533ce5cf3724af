//! What a host hears while an answer is made: [`Part`], and the answer itself: [`ChatReply`].

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Claim, TraceStep};
use crate::provider::Usage;

/// The agents' answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    /// The answer.
    pub response: String,
    /// Who asked.
    pub user_id: String,
    /// `conv_` and 12 hexadecimal digits where the request had none.
    pub conversation_id: String,
    /// Seconds since 1970-01-01 UTC.
    pub timestamp: f64,
    /// In [0, 1], only where it was computed.
    pub confidence: Option<f64>,
    /// Which provider answered.
    pub provider: String,
    /// Whether a language model answered.
    pub real_ai: bool,
    /// The model's name.
    pub model: String,
    /// Tokens as the provider counted them; `None` where it did not.
    pub tokens_used: Option<u64>,
    /// The same by kind, over all calls of the provider.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// How the answer came about.
    pub reasoning_trace: Vec<TraceStep>,
}

/// One piece of an answer that is being made, in the order of events. As JSON an object whose `type` names the
/// kind.
///
/// The first is `begin`, the last is `reply`. `text` pieces after the last `tool_result` (or from the beginning,
/// where there is none) are the answer; those before were said on the way to a tool. Where the model refuses, the
/// refusal is the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// The question was accepted.
    Begin {
        /// The conversation that it belongs to.
        conversation_id: String,
        /// Who asks.
        user_id: String,
        /// Which provider is asked.
        provider: String,
        /// Its model.
        model: String,
        /// Whether a language model answers.
        real_ai: bool,
    },
    /// More text.
    Text {
        /// The text.
        text: String,
    },
    /// More of the reasoning that the model shows.
    Reasoning {
        /// The text.
        text: String,
    },
    /// A tool is called.
    ToolCall {
        /// Names the call.
        id: String,
        /// The tool.
        name: String,
        /// JSON text as the model wrote it.
        arguments: String,
    },
    /// What the tool gave.
    ToolResult {
        /// The call.
        id: String,
        /// The tool.
        name: String,
        /// Its result, or `{"error": {"code", "message"}}`.
        result: Value,
    },
    /// What the answer states and was computed again.
    Claims {
        /// The claims; empty where nothing could be checked.
        claims: Vec<Claim>,
        /// The share that holds; `None` where there are none.
        confidence: Option<f64>,
    },
    /// The whole answer.
    Reply(Box<ChatReply>),
}

/// Who hears the parts of an answer; by default nobody.
#[derive(Clone, Default)]
pub struct Parts(Option<Arc<dyn Fn(Part) + Send + Sync>>);

impl Parts {
    /// Hands each part to `hear`, which must not block.
    pub fn new(hear: impl Fn(Part) + Send + Sync + 'static) -> Self {
        Parts(Some(Arc::new(hear)))
    }

    /// Whether anybody hears.
    pub fn heard(&self) -> bool {
        self.0.is_some()
    }

    /// Hands a part over; it is made only where somebody hears.
    pub fn tell(&self, part: impl FnOnce() -> Part) {
        if let Some(hear) = &self.0 {
            hear(part());
        }
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Parts({})",
            if self.heard() { "heard" } else { "unheard" }
        )
    }
}
