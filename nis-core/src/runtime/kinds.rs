//! What each kind of provider means where a configuration says nothing else: one row each.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ProviderConfig;
use crate::error::{Error, Result};
use crate::provider::OFFLINE;
use crate::provider::wire::Wire;
use crate::provider::wire::anthropic::Anthropic;
use crate::provider::wire::chat::{Chat, Dialect};
use crate::provider::wire::gemini::Gemini;
use crate::provider::wire::responses::Responses;
use crate::provider::wire::vertex::Vertex;

/// Where OpenAI's own server is.
pub const OPENAI_BASE_URL: &str = Dialect::OPENAI.base_url;

/// The model of the provider `openai` where none is given.
pub const OPENAI_MODEL: &str = "gpt-5.6-luna";

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Chat completions: OpenAI's own server, or a compatible one where `base_url` is another.
    #[default]
    Openai,
    /// OpenAI's Responses API.
    OpenaiResponses,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Google's Vertex AI, with a service account; a model named `anthropic/...` is Anthropic's.
    Vertex,
    /// DeepSeek.
    Deepseek,
    /// NVIDIA NIM.
    Nim,
    /// vLLM.
    Vllm,
    /// Ollama.
    Ollama,
    /// llama.cpp's server.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
    /// Any other server of chat completions.
    Compatible,
    /// The offline provider.
    Offline,
}

/// What a kind has by default.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) base_url: &'static str,
    /// A model that the provider served on 2026-11-24; empty where the server has its own.
    pub(super) model: &'static str,
}

impl ProviderKind {
    pub(super) fn row(self) -> Row {
        let row = |name, base_url, model| Row {
            name,
            base_url,
            model,
        };
        let chat = |dialect: Dialect, model| row(dialect.name, dialect.base_url, model);
        match self {
            ProviderKind::Openai => chat(Dialect::OPENAI, OPENAI_MODEL),
            ProviderKind::OpenaiResponses => row("openai_responses", OPENAI_BASE_URL, OPENAI_MODEL),
            ProviderKind::Anthropic => row(
                "anthropic",
                "https://api.anthropic.com/v1",
                "claude-sonnet-5-5",
            ),
            ProviderKind::Gemini => row(
                "gemini",
                "https://generativelanguage.googleapis.com/v1beta",
                "gemini-3.8-flash",
            ),
            // The address follows from the location.
            ProviderKind::Vertex => row("vertex", "", "gemini-3.8-flash"),
            ProviderKind::Deepseek => chat(Dialect::DEEPSEEK, "deepseek-flash"),
            ProviderKind::Nim => chat(Dialect::NIM, "nvidia/nemotron-3-super-120b-a12b"),
            ProviderKind::Vllm => chat(Dialect::VLLM, ""),
            ProviderKind::Ollama => chat(Dialect::OLLAMA, ""),
            ProviderKind::LlamaCpp => chat(Dialect::LLAMA_CPP, ""),
            ProviderKind::LmStudio => chat(Dialect::LM_STUDIO, ""),
            ProviderKind::Compatible => chat(Dialect::COMPATIBLE, ""),
            ProviderKind::Offline => row(OFFLINE, OPENAI_BASE_URL, OFFLINE),
        }
    }
}

impl ProviderConfig {
    /// With what the kind has by default in the place of what is empty.
    pub fn filled(&self) -> ProviderConfig {
        let (row, mut out) = (self.kind.row(), self.clone());
        let fill = |text: &mut String, default: &str| {
            if text.trim().is_empty() {
                *text = default.into();
            }
        };
        fill(&mut out.name, row.name);
        if self.kind == ProviderKind::Vertex {
            let location = out.location.get_or_insert_with(|| "global".into()).clone();
            fill(&mut out.base_url, &Vertex::base_url(&location));
        }
        fill(&mut out.base_url, row.base_url);
        fill(&mut out.model, row.model);
        out
    }

    /// The wire that this provider speaks; `field` is the path of its table in errors.
    pub(super) fn wire(&self, field: &str, host: &str) -> Result<Arc<dyn Wire>> {
        let openai = host == "api.openai.com";
        Ok(match self.kind {
            ProviderKind::Openai if openai => Arc::new(Chat(Dialect::OPENAI)),
            ProviderKind::Openai | ProviderKind::Compatible | ProviderKind::Offline => {
                Arc::new(Chat(Dialect::COMPATIBLE))
            }
            ProviderKind::OpenaiResponses => Arc::new(Responses),
            ProviderKind::Anthropic => Arc::new(Anthropic),
            ProviderKind::Gemini => Arc::new(Gemini),
            ProviderKind::Vertex => {
                let project = self.project.as_deref().unwrap_or("");
                let location = self.location.as_deref().unwrap_or("global");
                let wire = Vertex::new(project, location, &self.model).map_err(|e| match e {
                    Error::InvalidInput {
                        field: inner,
                        value,
                        expected,
                    } => Error::invalid(format!("{field}.{inner}"), value, expected),
                    other => other,
                })?;
                Arc::new(wire)
            }
            ProviderKind::Deepseek => Arc::new(Chat(Dialect::DEEPSEEK)),
            ProviderKind::Nim => Arc::new(Chat(Dialect::NIM)),
            ProviderKind::Vllm => Arc::new(Chat(Dialect::VLLM)),
            ProviderKind::Ollama => Arc::new(Chat(Dialect::OLLAMA)),
            ProviderKind::LlamaCpp => Arc::new(Chat(Dialect::LLAMA_CPP)),
            ProviderKind::LmStudio => Arc::new(Chat(Dialect::LM_STUDIO)),
        })
    }
}
