//! Requests and replies of the runtime: the same JSON in Rust, C, Python and HTTP.

use serde::{Deserialize, Serialize};

pub use crate::agent::{ChatReply, Part, State, TraceStep};

/// A question to the agents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatRequest {
    /// The user's message.
    pub message: String,
    /// Continues this conversation; a new one where `None`.
    pub conversation_id: Option<String>,
    /// Who asks; `anonymous` where `None`.
    pub user_id: Option<String>,
    /// Name of the provider or route to use; that of the task, else the configured default, where `None`.
    pub provider: Option<String>,
    /// What the question is about, in the words of the configuration: chooses the route that has this task.
    pub task: Option<String>,
}

/// What a runtime can do now.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Health {
    /// `healthy`, or `degraded` where a configured part does not work.
    pub status: String,
    /// Seconds since 1970-01-01 UTC.
    pub timestamp: f64,
    /// Providers with a usable key, and `offline`.
    pub provider: Vec<String>,
    /// Their models, in the same order.
    pub model: Vec<String>,
    /// Whether each is a language model, in the same order.
    pub real_ai: Vec<bool>,
    /// Conversations held.
    pub conversations_active: u64,
    /// Registered agents.
    pub agents_registered: u64,
    /// Names of the tools.
    pub tools_available: Vec<String>,
    /// `nis_v3_agnostic`.
    pub pattern: String,
}

/// An agent and whether it does its work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// Its name.
    pub name: String,
    /// `ready`, or `unavailable` with the reason.
    #[serde(flatten)]
    pub state: State,
    /// What it does.
    pub description: String,
}
