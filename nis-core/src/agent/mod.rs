//! Agents, their registry and the coordinator.
//!
//! Floor 5: imports floors 0 to 4. An [`Agent`] takes a [`Task`] and gives an [`Outcome`] with the steps that
//! led to it, or a typed error. Agents reach each other through the [`Registry`] in their [`Context`], tools
//! through its toolbox. The [`roster`] has one file per agent; five do their work, nine say why they do not.

pub mod claims;
mod part;
pub mod roster;
mod work;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bus::{Bus, Event};
use crate::error::{Error, Result};
use crate::provider::{Message, Pending, Provider, Request, Usage};
use crate::store::{Store, Turn};
use crate::tool::Toolbox;

pub use claims::Claim;
pub use part::{ChatReply, Part, Parts};
pub use work::{Stopwatch, call_tool, now, off_thread};

/// One step of how an answer came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceStep {
    /// Agent, tool or provider that acted.
    pub actor: String,
    /// What it did, in one sentence.
    pub action: String,
    /// What came of it.
    pub result: String,
    /// Wall time in milliseconds.
    pub ms: f64,
}

/// Whether an agent does its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// It does.
    Ready,
    /// It refuses all work.
    Unavailable {
        /// Why.
        reason: String,
    },
}

/// What an agent can be asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Task {
    /// Answer a message in a conversation (coordination).
    Chat {
        /// The message.
        message: String,
        /// The conversation, which need not exist yet.
        conversation: String,
        /// The user.
        user: String,
        /// Who completes.
        provider: Arc<dyn Provider>,
        /// Turns of the conversation that the provider sees.
        history: usize,
        /// With `false`: exactly one call of the provider and no tools.
        tools: bool,
        /// Who hears how the answer comes about.
        parts: Parts,
    },
    /// Answer the last message of a conversation that the host keeps: nothing is loaded or kept (coordination).
    Answer {
        /// The conversation, oldest first.
        messages: Vec<Message>,
        /// The user, for whom tools work.
        user: String,
        /// Who completes.
        provider: Arc<dyn Provider>,
        /// How: what is set beside messages and tools.
        shape: Box<Request>,
        /// Who hears how the answer comes about.
        parts: Parts,
    },
    /// Complete a conversation, calling tools on the way (reasoning).
    Reason {
        /// The conversation so far.
        messages: Vec<Message>,
        /// The user, for whom tools work.
        user: String,
        /// Who completes.
        provider: Arc<dyn Provider>,
        /// With `false`: exactly one call of the provider and no tools.
        tools: bool,
        /// How: what is set beside messages and tools.
        shape: Box<Request>,
        /// Who hears how the answer comes about.
        parts: Parts,
    },
    /// Call one tool (signal, physics, memory: each its own).
    Call {
        /// The tool.
        tool: String,
        /// JSON text.
        arguments: String,
        /// The user, for whom it works.
        user: String,
    },
    /// Compute again what a text states (physics).
    Check {
        /// The text.
        text: String,
    },
    /// Give a conversation's last turns, and the user's facts that fit the message (memory).
    Load {
        /// The conversation.
        conversation: String,
        /// The user.
        user: String,
        /// The message.
        message: String,
        /// Most turns.
        limit: usize,
    },
    /// Keep turns (memory).
    Save {
        /// The conversation.
        conversation: String,
        /// The user.
        user: String,
        /// The turns.
        turns: Vec<Turn>,
    },
}

impl Task {
    /// The task's name, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Task::Chat { .. } => "chat",
            Task::Answer { .. } => "answer",
            Task::Reason { .. } => "reason",
            Task::Call { .. } => "call",
            Task::Check { .. } => "check",
            Task::Load { .. } => "load",
            Task::Save { .. } => "save",
        }
    }
}

/// What came of a task.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Product {
    /// Nothing to hand back: it was done.
    Done,
    /// An answer.
    Answer {
        /// The text.
        text: String,
        /// The model, as its provider named it.
        model: Option<String>,
        /// Tokens over all calls, as far as the provider counted them.
        usage: Option<Usage>,
        /// The share of checked claims that held; `None` where nothing was checked.
        confidence: Option<f64>,
    },
    /// A tool's result.
    Value(Value),
    /// What was stated, and what it is.
    Claims(Vec<Claim>),
    /// What memory holds.
    Memory {
        /// The last turns, oldest first.
        turns: Vec<Turn>,
        /// The facts.
        facts: Vec<String>,
    },
}

/// The product of a task and the steps that led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What came of it.
    pub product: Product,
    /// How.
    pub steps: Vec<TraceStep>,
}

/// What agents work with.
#[derive(Debug, Clone)]
pub struct Context {
    /// The other agents.
    pub registry: Arc<Registry>,
    /// The tools.
    pub tools: Arc<Toolbox>,
    /// Conversations and facts.
    pub store: Arc<dyn Store>,
    /// Where agents say what they did.
    pub bus: Arc<dyn Bus>,
}

impl Context {
    /// Publishes an event.
    pub fn publish(&self, source: &str, topic: &str, payload: Value) {
        self.bus.publish(Event {
            topic: topic.into(),
            source: source.into(),
            payload,
            at: now(),
        });
    }

    /// Gives a task to the agent of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, and what it returns.
    pub async fn ask(&self, agent: &str, task: Task) -> Result<Outcome> {
        self.registry.get(agent)?.handle(task, self).await
    }
}

/// Something that takes tasks.
pub trait Agent: Send + Sync + fmt::Debug {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What it does.
    fn description(&self) -> &'static str;

    /// Whether it does.
    fn state(&self) -> State;

    /// Does the work. Dropping the future stops it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with the reason of [`Agent::state`], [`Error::InvalidInput`] for a task of
    /// another agent, and what the work returns.
    fn handle<'a>(&'a self, task: Task, context: &'a Context) -> Pending<'a, Result<Outcome>>;
}

/// Refuses a task that is another agent's.
pub fn not_mine(agent: &dyn Agent, task: &Task) -> Error {
    Error::invalid(
        format!("task of agent {}", agent.name()),
        task.name(),
        agent.description(),
    )
}

/// The agents by name, in the order of their addition.
#[derive(Debug, Default)]
pub struct Registry {
    agents: Vec<Arc<dyn Agent>>,
}

impl Registry {
    /// Adds an agent.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where one of that name is there already.
    pub fn add(&mut self, agent: Arc<dyn Agent>) -> Result<()> {
        if self.get(agent.name()).is_ok() {
            return Err(Error::invalid(
                "agent",
                agent.name(),
                "a name that is not taken",
            ));
        }
        self.agents.push(agent);
        Ok(())
    }

    /// The agent of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn get(&self, name: &str) -> Result<&Arc<dyn Agent>> {
        self.agents
            .iter()
            .find(|a| a.name() == name)
            .ok_or_else(|| Error::NotFound {
                what: "agent".into(),
                name: name.into(),
            })
    }

    /// All agents.
    pub fn all(&self) -> &[Arc<dyn Agent>] {
        &self.agents
    }
}
