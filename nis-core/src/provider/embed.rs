//! Texts as vectors: [`EmbedRequest`] and [`Embeddings`].

use serde::{Deserialize, Serialize};

use super::message::Usage;
use crate::error::{Error, Result};

/// Most texts of one request, as OpenAI's own server allows.
pub const MAX_EMBEDDED: usize = 2048;

/// Texts to embed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbedRequest {
    /// The texts, 1 to [`MAX_EMBEDDED`], none empty.
    pub input: Vec<String>,
    /// The model; the provider's configured embedding model where `None`.
    pub model: Option<String>,
    /// Length of the vectors, where the model lets one choose.
    pub dimensions: Option<u32>,
}

impl EmbedRequest {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for no text, an empty one or too many.
    pub fn check(&self) -> Result<()> {
        if self.input.is_empty() || self.input.len() > MAX_EMBEDDED {
            return Err(Error::invalid(
                "input",
                format!("{} texts", self.input.len()),
                format!("1 to {MAX_EMBEDDED} texts"),
            ));
        }
        if let Some(at) = self.input.iter().position(String::is_empty) {
            return Err(Error::invalid(
                format!("input[{at}]"),
                "\"\"",
                "a text that is not empty",
            ));
        }
        if self.dimensions == Some(0) {
            return Err(Error::invalid("dimensions", 0, "at least 1"));
        }
        Ok(())
    }
}

/// One vector for each text, in the order of the texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embeddings {
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// The model that made them.
    pub model: String,
    /// Tokens, where they were counted.
    pub usage: Option<Usage>,
}
