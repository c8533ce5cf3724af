//! Facts of the user as tools.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Context, Tool, read};
use crate::error::{Error, Result};
use crate::store::Store;

/// Longest fact, in bytes.
pub const MAX_FACT_BYTES: usize = 4096;

/// Most facts that one search gives.
const MOST: usize = 20;

/// Stores a fact about the user.
#[derive(Debug, Clone)]
pub struct Remember(pub Arc<dyn Store>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RememberArguments {
    fact: String,
}

impl Tool for Remember {
    fn name(&self) -> &'static str {
        "remember"
    }

    fn description(&self) -> &'static str {
        "Stores a fact for this user, to be found in later conversations. Use it when the user asks for it."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {"fact": {"type": "string"}},
            "required": ["fact"],
            "additionalProperties": false,
        })
    }

    fn call(&self, arguments: Value, context: &Context<'_>) -> Result<Value> {
        let RememberArguments { fact } = read(self.name(), arguments)?;
        let fact = fact.trim();
        if fact.is_empty() || fact.len() > MAX_FACT_BYTES {
            return Err(Error::invalid(
                "remember.fact",
                fact,
                format!("1 to {MAX_FACT_BYTES} bytes"),
            ));
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |d| d.as_secs_f64());
        self.0.remember(context.user, fact, now)?;
        Ok(json!({"remembered": fact}))
    }
}

/// Finds facts about the user.
#[derive(Debug, Clone)]
pub struct Recall(pub Arc<dyn Store>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecallArguments {
    #[serde(default)]
    query: String,
}

impl Tool for Recall {
    fn name(&self) -> &'static str {
        "recall"
    }

    fn description(&self) -> &'static str {
        "Finds facts stored for this user that share words with the query; the newest facts for an empty query."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {"query": {"type": "string"}},
            "additionalProperties": false,
        })
    }

    fn call(&self, arguments: Value, context: &Context<'_>) -> Result<Value> {
        let RecallArguments { query } = read(self.name(), arguments)?;
        Ok(json!({"facts": self.0.recall(context.user, &query, MOST)?}))
    }
}
