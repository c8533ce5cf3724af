//! Configuration of a runtime.

use serde::{Deserialize, Serialize};

/// What a runtime is built from: TOML, JSON or the fields themselves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl Config {
    /// Reads TOML text.
    ///
    /// # Errors
    /// [`crate::Error::Parse`] or [`crate::Error::InvalidInput`] naming the key.
    pub fn from_toml(_text: &str) -> crate::Result<Self> {
        Ok(Config::default())
    }

    /// Reads JSON text.
    ///
    /// # Errors
    /// As [`Config::from_toml`].
    pub fn from_json(_text: &str) -> crate::Result<Self> {
        Ok(Config::default())
    }

    /// The defaults, with what the environment variables say (see the table in docs/configuration.md).
    ///
    /// # Errors
    /// [`crate::Error::InvalidInput`] names the variable.
    pub fn from_env() -> crate::Result<Self> {
        Ok(Config::default())
    }
}
