//! From a [`Config`] to the parts of a runtime.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::entry::{Entry, Layers};
use super::layers::RouteMode;
use super::{Blocking, Config, Inner, Metrics, ProviderConfig, ProviderKind, is_offline};
use crate::agent::{self, roster};
use crate::bus::LocalBus;
use crate::error::{Error, Result};
use crate::provider::{
    Endpoint, HttpOptions, HttpProvider, OFFLINE, Offline, Provider, Rate, Secret, ServiceAccount,
    SystemClock, TokenSource,
};
use crate::store::{SqliteStore, Store};
use crate::tool::{Analyze, Calculate, ConvertUnits, FindConstant, Recall, Remember, Toolbox};

pub(super) fn build(config: Config, own: Vec<Arc<dyn Provider>>) -> Result<Inner> {
    let default_own = config
        .default_provider
        .as_ref()
        .is_some_and(|d| own.iter().any(|p| p.name() == d));
    let mut checked = config.clone();
    if default_own {
        checked.default_provider = None;
    }
    checked.check()?;
    let layers = Layers::new(&config)?;
    let mut entries: Vec<Entry> = Vec::new();
    let given: Vec<ProviderConfig> = config.providers.iter().map(|p| p.filled()).collect();
    for provider in own {
        let name = provider.name();
        let taken = is_offline(name)
            || entries.iter().any(|p| p.name() == name)
            || given.iter().any(|p| p.name == name)
            || config.routes.iter().any(|r| r.name == name);
        if taken || name.is_empty() {
            return Err(Error::invalid("provider", name, "a name that is not taken"));
        }
        entries.push(layers.provider(provider, None)?);
    }
    let mut unusable = Vec::new();
    for (n, given) in given.iter().enumerate() {
        if given.kind == ProviderKind::Offline {
            continue;
        }
        let table = format!("config.providers[{n}]");
        match http_provider(&table, given, config.limits.max_reply_bytes)? {
            Ok(provider) => {
                entries.push(layers.provider(Arc::new(provider), Some((given, &table)))?);
            }
            Err(reason) => unusable.push((given.name.clone(), reason)),
        }
    }
    entries.push(layers.provider(Arc::new(Offline), None)?);
    let default_provider = match config.default_provider {
        Some(name) => name,
        None => entries.first().map_or(OFFLINE, |p| p.name()).to_owned(),
    };
    let mut tasks = Vec::new();
    for route in &config.routes {
        let members: Vec<Entry> = route
            .providers
            .iter()
            .filter_map(|name| entries.iter().find(|e| e.name() == name).cloned())
            .collect();
        // What cannot be used now is left out; health and the request's error say so.
        let least = match route.mode {
            RouteMode::Fallback => 1,
            RouteMode::Consensus => 2,
        };
        if members.len() < least {
            let reason = format!("{} of its providers can be used", members.len());
            unusable.push((route.name.clone(), reason));
            continue;
        }
        entries.push(layers.route(route, members)?);
        tasks.extend(route.tasks.iter().map(|t| (t.clone(), route.name.clone())));
    }
    let store: Arc<dyn Store> = match &config.store_path {
        Some(path) => Arc::new(SqliteStore::open(path)?),
        None => Arc::new(SqliteStore::in_memory()?),
    };
    let mut tools = Toolbox::default();
    tools.add(Arc::new(Calculate))?;
    tools.add(Arc::new(ConvertUnits))?;
    tools.add(Arc::new(FindConstant))?;
    tools.add(Arc::new(Analyze))?;
    tools.add(Arc::new(Remember(store.clone())))?;
    tools.add(Arc::new(Recall(store.clone())))?;
    Ok(Inner {
        limits: config.limits,
        default_provider,
        entries: RwLock::new(entries),
        layers,
        tasks,
        unusable,
        context: agent::Context {
            registry: Arc::new(roster::all()?),
            tools: Arc::new(tools),
            store,
            bus: Arc::new(LocalBus::default()),
        },
        metrics: Metrics::default(),
        blocking: Blocking::default(),
    })
}

/// A provider, or why it cannot be used.
fn http_provider(
    table: &str,
    given: &ProviderConfig,
    max_reply_bytes: u64,
) -> Result<Result<HttpProvider, String>> {
    let endpoint = Endpoint::parse(&format!("{table}.base_url"), &given.base_url)?;
    let mut given = given.clone();
    let tokens = match (&given.service_account_key, given.kind) {
        (Some(path), ProviderKind::Vertex) => {
            let field = format!("{table}.service_account_key");
            let account = ServiceAccount::from_file(&field, path)?;
            if given.project.is_none() && !account.project().is_empty() {
                given.project = Some(account.project().into());
            }
            Some(TokenSource::new(account, Arc::new(SystemClock)))
        }
        _ => None,
    };
    let key = given.api_key.clone().or_else(|| {
        let name = given.api_key_env.as_deref()?;
        std::env::var(name).ok().map(Secret::new)
    });
    let key = key.filter(Secret::is_usable);
    if key.is_none() && tokens.is_none() && !endpoint.is_loopback() {
        let place = match (&given.api_key_env, given.kind) {
            (Some(name), _) => format!("the environment variable {name} holds no usable key"),
            (None, ProviderKind::Vertex) => "no service_account_key is configured".to_owned(),
            (None, _) => "no usable key is configured".to_owned(),
        };
        return Ok(Err(place));
    }
    if given.kind == ProviderKind::Vertex && given.project.is_none() {
        return Ok(Err("no project is configured".into()));
    }
    let options = HttpOptions {
        timeout: Duration::from_secs_f64(given.timeout_s),
        connect_timeout: Duration::from_secs_f64(given.connect_timeout_s),
        headers_timeout: Duration::from_secs_f64(given.headers_timeout_s),
        idle_timeout: Duration::from_secs_f64(given.idle_timeout_s),
        max_reply_bytes,
        max_retries: given.max_retries,
        ..HttpOptions::default()
    };
    let wire = given.wire(table, endpoint.host())?;
    let mut provider =
        HttpProvider::new(&given.name, &given.model, endpoint, key, options).with_wire(wire);
    if let Some(model) = &given.embedding_model {
        provider = provider.with_embedding_model(model);
    }
    if let Some(rate) = &given.rate_limit {
        provider = provider.with_rate(Rate::new(rate.options(&format!("{table}.rate_limit"))?));
    }
    if given.allow_private {
        provider = provider.with_private_network();
    }
    Ok(Ok(match tokens {
        Some(tokens) => provider.with_tokens(tokens),
        None => provider,
    }))
}

/// `conv_` and 12 hexadecimal digits from the operating system's random numbers.
pub(super) fn conversation_id() -> Result<String> {
    let mut bytes = [0u8; 6];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| Error::unavailable("random numbers", "the operating system gave none"))?;
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!("conv_{digits}"))
}
