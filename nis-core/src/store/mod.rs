//! Conversations and facts.
//!
//! Floor 3: imports floors 0 to 2. [`Store`] is the trait, [`SqliteStore`] the implementation: in memory
//! without a path, in a file with one. Calls block for the time of one transaction; async callers run them
//! on a thread for blocking work.

mod sqlite;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use sqlite::SqliteStore;

use crate::error::Result;

/// Who spoke a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The user.
    User,
    /// The agents.
    Assistant,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Who spoke.
    pub speaker: Speaker,
    /// What was said.
    pub text: String,
    /// Seconds since 1970-01-01 UTC.
    pub at: f64,
}

/// Keeps conversations and facts. Each call is one transaction: it happened as a whole or not at all.
pub trait Store: Send + Sync + fmt::Debug {
    /// Adds turns to a conversation, which is made where it does not exist and then belongs to `user`.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] where the conversation belongs to another user (whether it exists is not
    /// theirs to know), [`crate::Error::Io`] naming the file.
    fn append(&self, conversation: &str, user: &str, turns: &[Turn]) -> Result<()>;

    /// The last `limit` turns of a conversation, oldest first; none where it does not exist.
    ///
    /// # Errors
    /// As [`Store::append`].
    fn history(&self, conversation: &str, user: &str, limit: usize) -> Result<Vec<Turn>>;

    /// How many conversations are held.
    ///
    /// # Errors
    /// [`crate::Error::Io`] naming the file.
    fn conversations(&self) -> Result<u64>;

    /// Stores a fact for a user; one that is there already is kept once.
    ///
    /// # Errors
    /// [`crate::Error::Io`] naming the file.
    fn remember(&self, user: &str, fact: &str, at: f64) -> Result<()>;

    /// The user's facts that share words with `query`, most shared words first, then the newest first. An
    /// empty query gives the newest facts.
    ///
    /// # Errors
    /// [`crate::Error::Io`] naming the file.
    fn recall(&self, user: &str, query: &str, limit: usize) -> Result<Vec<String>>;
}

/// Words of a text for the search of facts: lower case, three letters or more, no filler.
fn words(text: &str) -> Vec<String> {
    const FILLER: [&str; 22] = [
        "the", "and", "that", "this", "what", "who", "how", "are", "was", "were", "for", "with",
        "you", "your", "does", "about", "know", "remember", "can", "tell", "not", "has",
    ];
    let mut out: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().count() >= 3)
        .map(str::to_lowercase)
        .filter(|w| !FILLER.contains(&w.as_str()))
        .collect();
    out.sort();
    out.dedup();
    out
}
