//! [`Nis`]: builds providers, store, tools and agents from one [`Config`].
//!
//! Floor 6: imports all floors below.

mod config;
mod read;
mod types;

pub use config::Config;
pub use read::read_json;
pub use types::{ChatReply, ChatRequest, Health, TraceStep};

use crate::error::{Error, Result};
use crate::pipeline::{AnalyzeOptions, Dataset, Report};
use crate::telemetry::Progress;

/// The runtime that a host embeds. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Nis {}

impl Nis {
    /// Builds a runtime.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] names the configuration key.
    pub fn new(_config: Config) -> Result<Self> {
        Ok(Nis {})
    }

    /// Answers one message.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an empty or overlong message or an unknown provider,
    /// [`Error::Provider`] where the provider fails.
    pub async fn chat(&self, _request: ChatRequest) -> Result<ChatReply> {
        Err(Error::unavailable("chat", "not written yet"))
    }

    /// Answers one message with exactly one upstream call and no tools.
    ///
    /// # Errors
    /// As [`Nis::chat`].
    pub async fn chat_single(&self, _request: ChatRequest) -> Result<ChatReply> {
        Err(Error::unavailable("chat_single", "not written yet"))
    }

    /// [`Nis::chat`] for hosts without an async runtime: runs on threads owned by this `Nis`. Must not be
    /// called from inside an async runtime.
    ///
    /// # Errors
    /// As [`Nis::chat`].
    pub fn chat_blocking(&self, _request: ChatRequest) -> Result<ChatReply> {
        Err(Error::unavailable("chat_blocking", "not written yet"))
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

    /// What this runtime can do now.
    pub fn health(&self) -> Health {
        Health::default()
    }

    /// The counters in Prometheus text format.
    pub fn metrics(&self) -> String {
        String::new()
    }
}
