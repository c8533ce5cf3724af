//! Configuration of a runtime.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::kinds::ProviderKind;
use super::layers::{Breaker, Budget, Cache, OwnPrice, RateLimit, Route};
use super::read::read_json;
use crate::error::{Error, Result};
use crate::provider::{Endpoint, OFFLINE, Secret};

/// What a runtime is built from: TOML, JSON, or a chain of `with_...` calls from [`Config::default`].
///
/// Only [`Config::from_env`] reads the environment; the keys and variables stand in docs/configuration.md.
///
/// ```
/// use nis_core::runtime::Config;
/// let config = Config::from_toml("
///     default_provider = 'local'
///     [[providers]]
///     name = 'local'
///     base_url = 'http://127.0.0.1:8000/v1'
///     model = 'qwen'
/// ")?;
/// assert_eq!(config.providers[0].timeout_s, 120.0);
/// let e = Config::from_toml("[limits]\nhistory = 3").unwrap_err();
/// assert_eq!(e.field(), Some("config.limits.history"));
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The language models. `offline` is always there and need not be listed.
    pub providers: Vec<ProviderConfig>,
    /// The provider that answers where a request names none; the first usable one where `None`, `offline`
    /// where there is none.
    pub default_provider: Option<String>,
    /// The SQLite file of conversations and facts; in memory where `None`.
    pub store_path: Option<PathBuf>,
    /// Limits.
    pub limits: Limits,
    /// Names for several providers: fallback, choice by cost, latency or quality, consensus.
    pub routes: Vec<Route>,
    /// Keeps replies; none are kept where `None`.
    pub cache: Option<Cache>,
    /// What providers may cost; not limited where `None`.
    pub budget: Option<Budget>,
}

/// One provider. What is empty is the kind's own ([`ProviderConfig::filled`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// Its name in requests: letters, digits, `_`, `-`, `.`.
    pub name: String,
    /// How it is spoken to.
    pub kind: ProviderKind,
    /// Where it is: https, or http to this machine.
    pub base_url: String,
    /// Its key. Written as `***` wherever a configuration is shown.
    pub api_key: Option<Secret>,
    /// Environment variable that holds the key, read when the runtime is built; `api_key` comes first.
    pub api_key_env: Option<String>,
    /// The model; never checked against a list.
    pub model: String,
    /// Deadline of one call, retries included, in seconds.
    pub timeout_s: f64,
    /// Deadline for making a connection, in seconds.
    pub connect_timeout_s: f64,
    /// Deadline for the head of a streamed reply, in seconds.
    pub headers_timeout_s: f64,
    /// Deadline between two pieces of a reply, in seconds.
    pub idle_timeout_s: f64,
    /// Most further tries after a failed one: 0 to 2.
    pub max_retries: u32,
    /// Whether its host's name may lead to a private network; this machine and metadata services never may.
    pub allow_private: bool,
    /// The model that makes embeddings; none are made where `None`.
    pub embedding_model: Option<String>,
    /// Leaves it alone for a while after failures in a row; never where `None`.
    pub breaker: Option<Breaker>,
    /// How often it is asked; not limited where `None`.
    pub rate_limit: Option<RateLimit>,
    /// What it costs; as the price table says where `None`.
    pub price: Option<OwnPrice>,
    /// How good the host finds it, in [0, 1], for routes by quality.
    pub quality: Option<f64>,
    /// Vertex AI: the project; that of the key file where `None`.
    pub project: Option<String>,
    /// Vertex AI: the location; `global` where `None`.
    pub location: Option<String>,
    /// Vertex AI: the key file of a service account.
    pub service_account_key: Option<PathBuf>,
}

impl Default for ProviderConfig {
    fn default() -> Self {
        ProviderConfig {
            name: String::new(),
            kind: ProviderKind::Openai,
            base_url: String::new(),
            api_key: None,
            api_key_env: None,
            model: String::new(),
            timeout_s: 120.0,
            connect_timeout_s: 5.0,
            headers_timeout_s: 60.0,
            idle_timeout_s: 60.0,
            max_retries: 2,
            allow_private: false,
            embedding_model: None,
            breaker: None,
            rate_limit: None,
            price: None,
            quality: None,
            project: None,
            location: None,
            service_account_key: None,
        }
    }
}

/// Limits of a runtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Longest message, in bytes.
    pub max_message_bytes: usize,
    /// Turns of a conversation that a provider sees.
    pub history_turns: usize,
    /// Longest reply of a provider, in bytes.
    pub max_reply_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_message_bytes: 1 << 20,
            history_turns: 20,
            max_reply_bytes: crate::provider::MAX_REPLY_BYTES,
        }
    }
}

/// An environment variable that [`Config::from_env`] reads.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The key of [`Config`] that it sets.
    pub key: &'static str,
    /// What it means.
    pub meaning: &'static str,
    set: fn(&mut Config, &'static str, &str) -> Result<()>,
}

/// All variables that NIS reads. docs/configuration.md has the same table; a test compares them.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: "OPENAI_API_KEY",
        key: "providers[openai].api_key",
        meaning: "Key of the provider `openai`. A placeholder such as `your_openai_api_key_here` counts as none.",
        set: |config, _, value| {
            openai(config).api_key = Some(Secret::new(value));
            Ok(())
        },
    },
    Variable {
        name: "OPENAI_BASE_URL",
        key: "providers[openai].base_url",
        meaning: "Where the provider `openai` is: https, or http to this machine (which then needs no key).",
        set: |config, name, value| {
            Endpoint::parse(name, value)?;
            openai(config).base_url = value.into();
            Ok(())
        },
    },
    Variable {
        name: "OPENAI_MODEL",
        key: "providers[openai].model",
        meaning: "Model of the provider `openai`.",
        set: |config, _, value| {
            openai(config).model = value.into();
            Ok(())
        },
    },
    Variable {
        name: "ANTHROPIC_API_KEY",
        key: "providers[anthropic].api_key",
        meaning: "Key of the provider `anthropic`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Anthropic).api_key = Some(Secret::new(value));
            Ok(())
        },
    },
    Variable {
        name: "ANTHROPIC_MODEL",
        key: "providers[anthropic].model",
        meaning: "Model of the provider `anthropic`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Anthropic).model = value.into();
            Ok(())
        },
    },
    Variable {
        name: "GEMINI_API_KEY",
        key: "providers[gemini].api_key",
        meaning: "Key of the provider `gemini`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Gemini).api_key = Some(Secret::new(value));
            Ok(())
        },
    },
    Variable {
        name: "GEMINI_MODEL",
        key: "providers[gemini].model",
        meaning: "Model of the provider `gemini`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Gemini).model = value.into();
            Ok(())
        },
    },
    Variable {
        name: "GCP_PROJECT_ID",
        key: "providers[vertex].project",
        meaning: "Project of the provider `vertex`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Vertex).project = Some(value.into());
            Ok(())
        },
    },
    Variable {
        name: "GCP_LOCATION",
        key: "providers[vertex].location",
        meaning: "Location of the provider `vertex`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Vertex).location = Some(value.into());
            Ok(())
        },
    },
    Variable {
        name: "GOOGLE_SERVICE_ACCOUNT_KEY",
        key: "providers[vertex].service_account_key",
        meaning: "Path of the key file of the service account of the provider `vertex`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Vertex).service_account_key = Some(value.into());
            Ok(())
        },
    },
    Variable {
        name: "VERTEX_MODEL",
        key: "providers[vertex].model",
        meaning: "Model of the provider `vertex`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Vertex).model = value.into();
            Ok(())
        },
    },
    Variable {
        name: "DEEPSEEK_API_KEY",
        key: "providers[deepseek].api_key",
        meaning: "Key of the provider `deepseek`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Deepseek).api_key = Some(Secret::new(value));
            Ok(())
        },
    },
    Variable {
        name: "DEEPSEEK_MODEL",
        key: "providers[deepseek].model",
        meaning: "Model of the provider `deepseek`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Deepseek).model = value.into();
            Ok(())
        },
    },
    Variable {
        name: "NGC_API_KEY",
        key: "providers[nim].api_key",
        meaning: "Key of the provider `nim`, where `NVIDIA_API_KEY` is not set.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Nim).api_key = Some(Secret::new(value));
            Ok(())
        },
    },
    Variable {
        name: "NVIDIA_API_KEY",
        key: "providers[nim].api_key",
        meaning: "Key of the provider `nim`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Nim).api_key = Some(Secret::new(value));
            Ok(())
        },
    },
    Variable {
        name: "NIM_BASE_URL",
        key: "providers[nim].base_url",
        meaning: "Where the provider `nim` is: https, or http to this machine (which then needs no key).",
        set: |config, name, value| {
            Endpoint::parse(name, value)?;
            of_kind(config, ProviderKind::Nim).base_url = value.into();
            Ok(())
        },
    },
    Variable {
        name: "NIM_MODEL",
        key: "providers[nim].model",
        meaning: "Model of the provider `nim`.",
        set: |config, _, value| {
            of_kind(config, ProviderKind::Nim).model = value.into();
            Ok(())
        },
    },
    Variable {
        name: "NVIDIA_NIM_ENABLED",
        key: "providers[nim]",
        meaning: "`true` or `1` makes the provider `nim` where no other variable does, `false` or `0` leaves it out.",
        set: |config, name, value| match value.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => {
                of_kind(config, ProviderKind::Nim);
                Ok(())
            }
            "0" | "false" | "no" | "off" => {
                config.providers.retain(|p| p.kind != ProviderKind::Nim);
                Ok(())
            }
            _ => Err(Error::invalid(name, value, "true or false")),
        },
    },
    Variable {
        name: "NIS_PROVIDER_TIMEOUT_S",
        key: "providers[openai].timeout_s",
        meaning: "Deadline of one call of the provider `openai`, retries included, in seconds.",
        set: |config, name, value| {
            openai(config).timeout_s = number(name, value)?;
            Ok(())
        },
    },
    Variable {
        name: "NIS_DEFAULT_PROVIDER",
        key: "default_provider",
        meaning: "The provider that answers where a request names none.",
        set: |config, _, value| {
            config.default_provider = Some(value.into());
            Ok(())
        },
    },
    Variable {
        name: "NIS_STORE_PATH",
        key: "store_path",
        meaning: "The SQLite file of conversations and facts; in memory where it is not set.",
        set: |config, _, value| {
            config.store_path = Some(value.into());
            Ok(())
        },
    },
    Variable {
        name: "NIS_MAX_MESSAGE_BYTES",
        key: "limits.max_message_bytes",
        meaning: "Longest message, in bytes.",
        set: |config, name, value| {
            config.limits.max_message_bytes = number(name, value)?;
            Ok(())
        },
    },
    Variable {
        name: "NIS_HISTORY_TURNS",
        key: "limits.history_turns",
        meaning: "Turns of a conversation that a provider sees.",
        set: |config, name, value| {
            config.limits.history_turns = number(name, value)?;
            Ok(())
        },
    },
];

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T> {
    value
        .trim()
        .parse()
        .map_err(|_| Error::invalid(name, value, "a number"))
}

/// The provider of this kind with the kind's name, made where it is not there.
fn of_kind(config: &mut Config, kind: ProviderKind) -> &mut ProviderConfig {
    let name = kind.row().name;
    let at = match config.providers.iter().position(|p| p.name == name) {
        Some(at) => at,
        None => {
            config.providers.push(ProviderConfig {
                name: name.into(),
                kind,
                ..ProviderConfig::default()
            });
            config.providers.len() - 1
        }
    };
    &mut config.providers[at]
}

fn openai(config: &mut Config) -> &mut ProviderConfig {
    of_kind(config, ProviderKind::Openai)
}

impl Config {
    /// Adds a language model.
    ///
    /// ```
    /// use nis_core::runtime::{Config, Nis, ProviderConfig};
    /// let local = ProviderConfig {
    ///     name: "local".into(),
    ///     base_url: "http://127.0.0.1:8000/v1".into(),
    ///     model: "qwen".into(),
    ///     ..ProviderConfig::default()
    /// };
    /// let config = Config::default().with_provider(local).with_default_provider("local");
    /// assert_eq!(Nis::new(config)?.health().provider, ["local", "offline"]);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderConfig) -> Self {
        self.providers.push(provider);
        self
    }

    /// Sets the provider that answers where a request names none.
    #[must_use]
    pub fn with_default_provider(mut self, name: impl Into<String>) -> Self {
        self.default_provider = Some(name.into());
        self
    }

    /// Keeps conversations and facts in this SQLite file.
    #[must_use]
    pub fn with_store_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.store_path = Some(path.into());
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads TOML text: exactly what it says over the defaults.
    ///
    /// # Errors
    /// [`Error::Parse`] with line and column where the text is no TOML; [`Error::InvalidInput`] naming the key
    /// for an unknown key or a value that does not fit.
    pub fn from_toml(text: &str) -> Result<Self> {
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
            let before = e.span().and_then(|s| text.get(..s.start)).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
            Error::parse(format!("config, line {line}"), column, e.message())
        })?;
        // The same reader as for JSON, so that both name keys alike.
        let json = serde_json::to_string(&table).map_err(|e| Error::Internal {
            message: format!("a TOML table is no JSON: {e}"),
        })?;
        Self::from_json(&json)
    }

    /// Reads JSON text: exactly what it says over the defaults; the environment is not read.
    ///
    /// # Errors
    /// As [`Config::from_toml`].
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Config = read_json("config", text).map_err(|e| match e {
            // What stands in or under `api_key` is not repeated.
            Error::InvalidInput { field, value, .. }
                if field == "config" || field.contains("key") || value.contains("key") =>
            {
                Error::invalid(
                    field,
                    "a value not shown here, as it may hold a key",
                    "what docs/configuration.md says",
                )
            }
            other => other,
        })?;
        config.check()?;
        Ok(config)
    }

    /// The defaults, with what the environment variables say (see [`VARIABLES`]). Empty ones count as not set.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] names the variable.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(&|name| {
            std::env::var_os(name).map(|v| v.to_string_lossy().into_owned())
        })
    }

    /// [`Config::from_env`] over any source of variables.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut config = Config::default();
        for v in VARIABLES {
            if let Some(value) = variable(v.name).filter(|v| !v.trim().is_empty()) {
                (v.set)(&mut config, v.name, value.trim())?;
            }
        }
        config.check()?;
        Ok(config)
    }

    /// Checks what types cannot say.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] naming the key.
    pub fn check(&self) -> Result<()> {
        let mut names: Vec<&str> = Vec::new();
        let providers: Vec<ProviderConfig> = self.providers.iter().map(|p| p.filled()).collect();
        for (n, p) in providers.iter().enumerate() {
            let key = |name: &str| format!("config.providers[{n}].{name}");
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if p.name.is_empty() || p.name.len() > 64 || !p.name.chars().all(plain) {
                return Err(Error::invalid(
                    key("name"),
                    &p.name,
                    "1 to 64 letters, digits, `_`, `-` or `.`",
                ));
            }
            if names.contains(&p.name.as_str()) {
                return Err(Error::invalid(
                    key("name"),
                    &p.name,
                    "a name that no other provider has",
                ));
            }
            if (p.name == OFFLINE) != (p.kind == ProviderKind::Offline) {
                return Err(Error::invalid(
                    key("name"),
                    &p.name,
                    "the name `offline` for the kind offline, and for no other",
                ));
            }
            names.push(&p.name);
            Endpoint::parse(&key("base_url"), &p.base_url)?;
            if p.model.trim().is_empty() {
                return Err(Error::invalid(key("model"), &p.model, "a model's name"));
            }
            for (name, seconds) in [
                ("timeout_s", p.timeout_s),
                ("connect_timeout_s", p.connect_timeout_s),
                ("headers_timeout_s", p.headers_timeout_s),
                ("idle_timeout_s", p.idle_timeout_s),
            ] {
                if !(seconds > 0.0 && seconds <= 86_400.0) {
                    return Err(Error::invalid(
                        key(name),
                        seconds,
                        "seconds, over 0 and at most 86400",
                    ));
                }
            }
            if p.max_retries > crate::provider::MAX_RETRIES {
                return Err(Error::invalid(key("max_retries"), p.max_retries, "0 to 2"));
            }
        }
        self.check_layers(&names)?;
        names.extend(self.routes.iter().map(|r| r.name.as_str()));
        if let Some(name) = &self.default_provider
            && name != OFFLINE
            && !names.contains(&name.as_str())
        {
            names.push(OFFLINE);
            return Err(Error::invalid(
                "config.default_provider",
                name,
                format!("one of {}", names.join(", ")),
            ));
        }
        if self.limits.max_message_bytes == 0 || self.limits.max_message_bytes > 64 << 20 {
            return Err(Error::invalid(
                "config.limits.max_message_bytes",
                self.limits.max_message_bytes,
                "1 to 67108864",
            ));
        }
        if self.limits.history_turns > 10_000 {
            return Err(Error::invalid(
                "config.limits.history_turns",
                self.limits.history_turns,
                "at most 10000",
            ));
        }
        if self.limits.max_reply_bytes == 0 {
            return Err(Error::invalid(
                "config.limits.max_reply_bytes",
                0,
                "at least 1",
            ));
        }
        Ok(())
    }
}
