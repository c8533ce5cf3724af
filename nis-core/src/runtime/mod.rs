//! [`Nis`]: builds providers, store, tools and agents from one [`Config`].
//!
//! Floor 6: imports all floors below.

mod ask;
mod blocking;
mod build;
mod config;
mod entry;
mod kinds;
mod layers;
mod metrics;
mod read;
mod stream;
mod types;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

pub use ask::MAX_ID;
pub use config::{Config, Limits, ProviderConfig, VARIABLES, Variable};
pub use kinds::{OPENAI_BASE_URL, OPENAI_MODEL, ProviderKind};
pub use layers::{Breaker, Budget, Cache, OwnPrice, RateLimit, Route, RouteBy, RouteMode};
pub use read::read_json;
pub use stream::{Answering, BlockingStream, ChatStream};
pub use types::{AgentInfo, ChatReply, ChatRequest, Health, Part, State, TraceStep};

use ask::{Ask, What};
use blocking::Blocking;
use entry::{Entry, Layers};
use metrics::Metrics;

use crate::agent::{self, Parts, Product, Task, now};
use crate::bus::Subscription;
use crate::error::{Error, Result};
use crate::pipeline::{AnalyzeOptions, Dataset, Report};
use crate::provider::route::Consensus;
use crate::provider::{OFFLINE, Provider, Request, ToolSpec};
use crate::telemetry::Progress;

/// The runtime that a host embeds. Cheap to clone; clones share everything. Two runtimes share nothing.
///
/// ```
/// use nis_core::runtime::{ChatRequest, Config, Nis};
/// let nis = Nis::new(Config::default())?;
/// let reply = nis.chat_blocking(ChatRequest { message: "What is 2+2?".into(), ..Default::default() })?;
/// assert_eq!((reply.response.as_str(), reply.real_ai), ("2+2 = 4", false));
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Nis {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limits: Limits,
    default_provider: String,
    /// Usable providers in the order of the configuration, then `offline`, then routes, then those that the host
    /// registered.
    entries: RwLock<Vec<Entry>>,
    layers: Layers,
    /// Tasks and the routes that have them.
    tasks: Vec<(String, String)>,
    /// Configured providers that cannot be used, and why.
    unusable: Vec<(String, String)>,
    context: agent::Context,
    metrics: Metrics,
    blocking: Blocking,
}

/// One chat, counted however it ends: also when its future is dropped.
struct Counting<'a> {
    metrics: &'a Metrics,
    provider: String,
    started: Instant,
    error: Option<crate::error::Code>,
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        self.metrics
            .chat(&self.provider, self.started.elapsed(), self.error);
    }
}

impl Nis {
    /// Builds a runtime. Opens the store; makes no connection.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] names the configuration key; [`Error::Io`] names the store's file.
    pub fn new(config: Config) -> Result<Self> {
        Self::with_providers(config, Vec::new())
    }

    /// Builds a runtime with the host's own providers before those of the configuration.
    ///
    /// # Errors
    /// As [`Nis::new`]; [`Error::InvalidInput`] where two providers have one name.
    pub fn with_providers(config: Config, own: Vec<Arc<dyn Provider>>) -> Result<Self> {
        Ok(Nis {
            inner: Arc::new(build::build(config, own)?),
        })
    }

    /// Answers one message. Must run inside a tokio runtime. Dropping the future stops the work.
    ///
    /// The answer's confidence is the share of checked claims that held (see [`crate::agent::claims`]);
    /// `None` where nothing could be checked.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an empty or overlong message or an unknown provider,
    /// [`Error::Provider`] where the provider fails.
    pub async fn chat(&self, request: ChatRequest) -> Result<ChatReply> {
        let tools = true;
        self.answer(Ask::Chat { request, tools }, Parts::default())
            .await
    }

    /// Answers one message with exactly one upstream call and no tools.
    ///
    /// # Errors
    /// As [`Nis::chat`].
    pub async fn chat_single(&self, request: ChatRequest) -> Result<ChatReply> {
        let tools = false;
        self.answer(Ask::Chat { request, tools }, Parts::default())
            .await
    }

    /// [`Nis::chat`] for hosts without an async runtime: runs on threads owned by this `Nis`. Must not be
    /// called from inside an async runtime.
    ///
    /// # Errors
    /// As [`Nis::chat`]; [`Error::Unavailable`] inside an async runtime, whose thread it would block.
    pub fn chat_blocking(&self, request: ChatRequest) -> Result<ChatReply> {
        self.inner.blocking.run(self.chat(request))
    }

    /// [`Nis::chat_single`] for hosts without an async runtime.
    ///
    /// # Errors
    /// As [`Nis::chat_blocking`].
    pub fn chat_single_blocking(&self, request: ChatRequest) -> Result<ChatReply> {
        self.inner.blocking.run(self.chat_single(request))
    }

    async fn answer(&self, ask: Ask, parts: Parts) -> Result<ChatReply> {
        let mut counting = Counting {
            metrics: &self.inner.metrics,
            provider: "none".into(),
            started: Instant::now(),
            // What stands where nobody waits for the answer any more.
            error: Some(crate::error::Code::Cancelled),
        };
        let result = self
            .answer_counted(ask, parts, &mut counting.provider)
            .await;
        counting.error = result.as_ref().err().map(Error::code);
        result
    }

    async fn answer_counted(
        &self,
        ask: Ask,
        parts: Parts,
        counted: &mut String,
    ) -> Result<ChatReply> {
        let inner = &self.inner;
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::unavailable(
                "chat",
                "it needs a tokio runtime; use chat_blocking outside of one",
            ));
        }
        let checked = ask.check(inner.limits.max_message_bytes)?;
        let by_task = || {
            let task = checked.task.as_deref()?;
            inner.tasks.iter().find(|(t, _)| t == task).map(|(_, r)| r)
        };
        let named = checked.provider.as_ref().or_else(by_task);
        let provider = self.provider(named.map(String::as_str))?;
        *counted = provider.name().to_owned();
        parts.tell(|| Part::Begin {
            conversation_id: checked.conversation.clone(),
            user_id: checked.user.clone(),
            provider: provider.name().into(),
            model: provider.model().into(),
            real_ai: provider.real_ai(),
        });
        let task = match checked.what {
            What::Message { message, tools } => Task::Chat {
                message,
                conversation: checked.conversation.clone(),
                user: checked.user.clone(),
                provider: provider.clone(),
                history: inner.limits.history_turns,
                tools,
                parts,
            },
            What::Given(mut request) => Task::Answer {
                messages: std::mem::take(&mut request.messages),
                user: checked.user.clone(),
                provider: provider.clone(),
                shape: request,
                parts,
            },
        };
        let outcome = inner.context.ask("coordination", task).await?;
        let Product::Answer {
            text,
            model,
            usage,
            confidence,
        } = outcome.product
        else {
            return Err(Error::Internal {
                message: "coordination gave no answer".into(),
            });
        };
        inner.metrics.checked(confidence);
        Ok(ChatReply {
            response: text,
            user_id: checked.user,
            conversation_id: checked.conversation,
            timestamp: now(),
            confidence,
            provider: provider.name().into(),
            real_ai: provider.real_ai(),
            model: model.unwrap_or_else(|| provider.model().into()),
            tokens_used: usage.and_then(|u| u.total()),
            usage,
            reasoning_trace: outcome.steps,
        })
    }

    fn entries(&self) -> Vec<Entry> {
        let entries = self.inner.entries.read();
        entries.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The provider or route of that name in its layers, or the default one: for completions without agents.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is none of that name, [`Error::Unavailable`] where it cannot be used.
    pub fn provider(&self, name: Option<&str>) -> Result<Arc<dyn Provider>> {
        let wanted = name.unwrap_or(&self.inner.default_provider);
        let entries = self.entries();
        if let Some(entry) = entries.iter().find(|e| e.name() == wanted) {
            return Ok(entry.top.clone());
        }
        if let Some((_, reason)) = self.inner.unusable.iter().find(|(n, _)| n == wanted) {
            return Err(Error::unavailable(format!("provider {wanted}"), reason));
        }
        let names: Vec<&str> = entries.iter().map(Entry::name).collect();
        Err(Error::invalid(
            "provider",
            wanted,
            format!("one of {}", names.join(", ")),
        ))
    }

    /// Adds a provider of the host's, in the layers of the configuration; requests name it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a name that is taken, or that is not 1 to 64 letters, digits, `_`, `-`, `.`.
    pub fn register(&self, provider: Arc<dyn Provider>) -> Result<()> {
        let name = provider.name().to_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let entry = self.inner.layers.provider(provider, None)?;
        let mut entries = self
            .inner
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let taken = entries.iter().any(|e| e.name() == name)
            || self.inner.unusable.iter().any(|(n, _)| *n == name);
        if taken || name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(Error::invalid(
                "provider",
                name,
                "1 to 64 letters, digits, `_`, `-` or `.`, and a name that is not taken",
            ));
        }
        entries.push(entry);
        Ok(())
    }

    /// Asks the providers of a consensus route and returns all answers and failures.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is no consensus route of that name; as
    /// [`crate::provider::route::consensus`].
    pub async fn consensus(&self, route: &str, request: &Request) -> Result<Consensus> {
        let entries = self.entries();
        let found = entries.iter().find(|e| e.name() == route);
        let Some(agreed) = found.and_then(|e| e.agreed.as_ref()) else {
            return Err(Error::invalid(
                "route",
                route,
                "the name of a consensus route",
            ));
        };
        let (providers, options) = agreed.parts();
        crate::provider::route::consensus(providers, request, options).await
    }

    /// Runs the scientific path on a data set, on the calling thread.
    ///
    /// # Errors
    /// As [`crate::pipeline::analyze`].
    pub fn analyze(
        &self,
        data: &Dataset,
        options: &AnalyzeOptions,
        progress: &Progress<'_>,
    ) -> Result<Report> {
        crate::pipeline::analyze(data, options, progress)
    }

    /// What this runtime can do now. `degraded` where the store does not answer or the configured default
    /// provider cannot be used.
    pub fn health(&self) -> Health {
        let inner = &self.inner;
        let conversations = inner.context.store.conversations();
        let entries = self.entries();
        let default_works = entries.iter().any(|e| e.name() == inner.default_provider);
        Health {
            status: if conversations.is_ok() && default_works {
                "healthy"
            } else {
                "degraded"
            }
            .into(),
            timestamp: now(),
            provider: entries.iter().map(|e| e.name().to_owned()).collect(),
            model: entries.iter().map(|e| e.top.model().to_owned()).collect(),
            real_ai: entries.iter().map(|e| e.top.real_ai()).collect(),
            conversations_active: conversations.unwrap_or(0),
            agents_registered: inner.context.registry.all().len() as u64,
            tools_available: inner
                .context
                .tools
                .names()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            pattern: "nis_v3_agnostic".into(),
        }
    }

    /// The counters in Prometheus text format.
    pub fn metrics(&self) -> String {
        let entries = self.entries();
        let spent = self.inner.layers.ledger.as_ref().map(|l| l.spent());
        self.inner.metrics.text(
            &entries,
            spent,
            self.inner.context.store.conversations().ok(),
        )
    }

    /// The agents and whether they do their work.
    pub fn agents(&self) -> Vec<AgentInfo> {
        let info = |agent: &Arc<dyn agent::Agent>| AgentInfo {
            name: agent.name().into(),
            state: agent.state(),
            description: agent.description().into(),
        };
        self.inner.context.registry.all().iter().map(info).collect()
    }

    /// Gives a task to one agent.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of that name, [`Error::Unavailable`] where it does no work yet,
    /// and what it returns.
    pub async fn ask_agent(&self, name: &str, task: Task) -> Result<agent::Outcome> {
        self.inner.context.ask(name, task).await
    }

    /// The tools as a model sees them.
    pub fn tools(&self) -> Vec<ToolSpec> {
        self.inner.context.tools.specs()
    }

    /// What the agents do, from now on.
    pub fn events(&self) -> Box<dyn Subscription> {
        self.inner.context.bus.subscribe()
    }

    /// Configured providers that cannot be used, each with the reason.
    pub fn unusable_providers(&self) -> &[(String, String)] {
        &self.inner.unusable
    }
}

/// Whether a name is the offline provider's.
fn is_offline(name: &str) -> bool {
    name == OFFLINE
}
