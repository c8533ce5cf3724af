//! Vertex AI: Google's own models through [`super::gemini`], Anthropic's through [`super::anthropic`], under other
//! paths and with tokens instead of keys.

use serde_json::json;

use super::gemini::{self, Gemini};
use super::{Auth, Call, Decoder, Framing, Wire, anthropic};
use crate::error::{Error, Result};
use crate::provider::message::Request;

/// Vertex AI in one project and location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vertex {
    project: String,
    location: String,
    publisher: Publisher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publisher {
    Google,
    Anthropic,
}

impl Vertex {
    /// For a model that is named `MODEL` (Google's) or `anthropic/MODEL`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a project or location with other characters than letters, digits, `-`, `.`, `:`.
    pub fn new(project: &str, location: &str, model: &str) -> Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
        for (field, value) in [("project", project), ("location", location)] {
            if value.is_empty() || !value.chars().all(plain) {
                return Err(Error::invalid(
                    field,
                    value,
                    "letters, digits, `-`, `.` or `:`",
                ));
            }
        }
        Ok(Vertex {
            project: project.into(),
            location: location.into(),
            publisher: if model.starts_with("anthropic/") {
                Publisher::Anthropic
            } else {
                Publisher::Google
            },
        })
    }

    /// Where the location's server is.
    pub fn base_url(location: &str) -> String {
        match location {
            "global" => "https://aiplatform.googleapis.com/v1".into(),
            "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com/v1"),
            _ => format!("https://{location}-aiplatform.googleapis.com/v1"),
        }
    }

    fn path(&self, publisher: &str, method: &str) -> String {
        format!(
            "projects/{}/locations/{}/publishers/{publisher}/models/{method}",
            self.project, self.location
        )
    }
}

impl Wire for Vertex {
    fn name(&self) -> &'static str {
        match self.publisher {
            Publisher::Google => Gemini.name(),
            Publisher::Anthropic => anthropic::Anthropic.name(),
        }
    }

    fn auth(&self) -> Auth {
        Auth::BEARER
    }

    fn encode(&self, request: &Request, model: &str, stream: bool) -> Result<Call> {
        let model = model.split_once('/').map_or(model, |(_, name)| name);
        let (path, body) = match self.publisher {
            Publisher::Google => (
                self.path("google", &gemini::method(model, stream)),
                gemini::encode(request),
            ),
            Publisher::Anthropic => {
                let method = if stream {
                    "streamRawPredict"
                } else {
                    "rawPredict"
                };
                let mut body = anthropic::encode(request);
                body.set("anthropic_version", json!(anthropic::VERTEX_VERSION))
                    .set("stream", stream);
                (
                    self.path("anthropic", &format!("{model}:{method}")),
                    body.finish(),
                )
            }
        };
        Ok(Call {
            path,
            headers: Vec::new(),
            body,
        })
    }

    fn decoder(&self, framing: Framing) -> Box<dyn Decoder> {
        match self.publisher {
            Publisher::Google => Gemini.decoder(framing),
            Publisher::Anthropic => anthropic::Anthropic.decoder(framing),
        }
    }
}
