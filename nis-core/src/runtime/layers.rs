//! What the configuration says of the layers around providers.

use serde::{Deserialize, Serialize};

use super::Config;
use crate::error::{Error, Result};
use crate::provider::route::{BreakerOptions, CacheOptions, Price};
use crate::provider::{OFFLINE, RateOptions};

fn seconds(field: &str, value: f64) -> Result<std::time::Duration> {
    if !(0.0..=31_536_000.0).contains(&value) {
        return Err(Error::invalid(field, value, "seconds, 0 to 31536000"));
    }
    Ok(std::time::Duration::from_secs_f64(value))
}

/// The circuit breaker of one provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before one call may try, in seconds.
    pub open_for_s: f64,
}

impl Default for Breaker {
    fn default() -> Self {
        let options = BreakerOptions::default();
        Breaker {
            failures: options.failures,
            open_for_s: options.open_for.as_secs_f64(),
        }
    }
}

impl Breaker {
    pub(super) fn options(&self, field: &str) -> Result<BreakerOptions> {
        if self.failures == 0 {
            return Err(Error::invalid(format!("{field}.failures"), 0, "at least 1"));
        }
        Ok(BreakerOptions {
            failures: self.failures,
            open_for: seconds(&format!("{field}.open_for_s"), self.open_for_s)?,
        })
    }
}

/// How often and how many at once one provider is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Tries within a minute; not limited where `None`.
    pub per_minute: Option<f64>,
    /// Calls at once; not limited where `None`.
    pub in_flight: Option<usize>,
    /// How long a call may wait for its turn, in seconds.
    pub max_wait_s: f64,
}

impl Default for RateLimit {
    fn default() -> Self {
        RateLimit {
            per_minute: None,
            in_flight: None,
            max_wait_s: 10.0,
        }
    }
}

impl RateLimit {
    pub(super) fn options(&self, field: &str) -> Result<RateOptions> {
        if let Some(n) = self.per_minute
            && !(n > 0.0 && n <= 1e6)
        {
            return Err(Error::invalid(
                format!("{field}.per_minute"),
                n,
                "over 0 and at most 1000000",
            ));
        }
        if self.in_flight == Some(0) {
            return Err(Error::invalid(
                format!("{field}.in_flight"),
                0,
                "at least 1",
            ));
        }
        Ok(RateOptions {
            per_minute: self.per_minute,
            in_flight: self.in_flight,
            max_wait: seconds(&format!("{field}.max_wait_s"), self.max_wait_s)?,
        })
    }
}

/// What a provider costs, in US dollars for a million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnPrice {
    /// Tokens of requests.
    pub input: f64,
    /// Tokens of completions.
    pub output: f64,
    /// Tokens of requests that the provider read from its cache; as `input` where `None`.
    #[serde(default)]
    pub cached: Option<f64>,
}

impl OwnPrice {
    pub(super) fn price(&self, field: &str) -> Result<Price> {
        for (name, value) in [
            ("input", Some(self.input)),
            ("output", Some(self.output)),
            ("cached", self.cached),
        ] {
            if let Some(v) = value.filter(|v| v.is_nan() || *v < 0.0 || *v > 1e9) {
                return Err(Error::invalid(
                    format!("{field}.{name}"),
                    v,
                    "dollars for a million tokens",
                ));
            }
        }
        Ok(Price {
            model: String::new(),
            input: self.input,
            output: self.output,
            cached: self.cached,
        })
    }
}

/// Replies that are given again to requests that are the same letter by letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Most replies of one provider.
    pub entries: usize,
    /// Most bytes of requests and replies of one provider.
    pub bytes: usize,
    /// How long a reply is good for, in seconds.
    pub good_for_s: f64,
    /// Whether requests are answered that ask for chance: a temperature other than 0, or none stated.
    pub any_temperature: bool,
}

impl Default for Cache {
    fn default() -> Self {
        let options = CacheOptions::default();
        Cache {
            entries: options.entries,
            bytes: options.bytes,
            good_for_s: options.good_for.as_secs_f64(),
            any_temperature: options.any_temperature,
        }
    }
}

impl Cache {
    pub(super) fn options(&self) -> Result<CacheOptions> {
        Ok(CacheOptions {
            entries: self.entries,
            bytes: self.bytes,
            good_for: seconds("config.cache.good_for_s", self.good_for_s)?,
            any_temperature: self.any_temperature,
        })
    }
}

/// What calls of providers may cost, since the runtime was built.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// US dollars for one conversation.
    pub conversation_usd: Option<f64>,
    /// US dollars for all of them.
    pub total_usd: Option<f64>,
    /// File of a price table (TOML) instead of the built-in one.
    pub prices: Option<std::path::PathBuf>,
}

impl Budget {
    /// Millionths of a dollar.
    pub(super) fn limits(&self) -> Result<(Option<u64>, Option<u64>)> {
        let of = |field: &str, usd: Option<f64>| match usd {
            None => Ok(None),
            Some(usd) if (0.0..=1e9).contains(&usd) => Ok(Some((usd * 1e6).round() as u64)),
            Some(usd) => Err(Error::invalid(field, usd, "US dollars, 0 to 1000000000")),
        };
        Ok((
            of("config.budget.conversation_usd", self.conversation_usd)?,
            of("config.budget.total_usd", self.total_usd)?,
        ))
    }
}

/// How a route asks its providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteMode {
    /// One after the other until one completes.
    #[default]
    Fallback,
    /// All at once; the answer that most of them give.
    Consensus,
}

/// Which provider of a route is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteBy {
    /// The first one listed.
    #[default]
    Order,
    /// The cheapest by its price for a token in and a token out; unknown prices last.
    Cost,
    /// The one whose calls took the least time on average; those not asked yet first.
    Latency,
    /// The one with the highest `quality`; those without one last.
    Quality,
}

/// A name for several providers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// Its name, used in requests as a provider's.
    pub name: String,
    /// Names of its providers.
    pub providers: Vec<String>,
    /// How they are asked.
    pub mode: RouteMode,
    /// Which is asked first.
    pub by: RouteBy,
    /// Requests that name one of these tasks and no provider are answered by this route.
    pub tasks: Vec<String>,
    /// Consensus: the least share of answers that must say the same, in [0, 1].
    pub min_agreement: f64,
    /// Consensus: most that the calls of one question may cost together, in US dollars. Needs prices, and
    /// `max_tokens` in the request.
    pub max_cost_usd: Option<f64>,
}

impl Config {
    /// Checks the layers; `names` are the providers.
    pub(super) fn check_layers(&self, names: &[&str]) -> Result<()> {
        for (n, p) in self.providers.iter().enumerate() {
            let key = |name: &str| format!("config.providers[{n}].{name}");
            if let Some(breaker) = &p.breaker {
                breaker.options(&key("breaker"))?;
            }
            if let Some(rate) = &p.rate_limit {
                rate.options(&key("rate_limit"))?;
            }
            if let Some(price) = &p.price {
                price.price(&key("price"))?;
            }
            if let Some(q) = p.quality
                && !(0.0..=1.0).contains(&q)
            {
                return Err(Error::invalid(key("quality"), q, "0 to 1"));
            }
        }
        if let Some(cache) = &self.cache {
            cache.options()?;
        }
        if let Some(budget) = &self.budget {
            budget.limits()?;
        }
        let mut tasks: Vec<&str> = Vec::new();
        for (n, route) in self.routes.iter().enumerate() {
            let key = |name: &str| format!("config.routes[{n}].{name}");
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            let taken = names.contains(&route.name.as_str())
                || route.name == OFFLINE
                || self.routes.iter().take(n).any(|r| r.name == route.name);
            if route.name.is_empty()
                || route.name.len() > 64
                || !route.name.chars().all(plain)
                || taken
            {
                return Err(Error::invalid(
                    key("name"),
                    &route.name,
                    "1 to 64 letters, digits, `_`, `-` or `.`, and no other provider's or route's name",
                ));
            }
            let least = match route.mode {
                RouteMode::Fallback => 1,
                RouteMode::Consensus => 2,
            };
            if route.providers.len() < least {
                return Err(Error::invalid(
                    key("providers"),
                    format!("{} providers", route.providers.len()),
                    format!("at least {least}"),
                ));
            }
            for (at, name) in route.providers.iter().enumerate() {
                if name != OFFLINE && !names.contains(&name.as_str()) {
                    return Err(Error::invalid(
                        key(&format!("providers[{at}]")),
                        name,
                        "the name of a configured provider, or offline",
                    ));
                }
                if route.providers.iter().take(at).any(|p| p == name) {
                    return Err(Error::invalid(
                        key(&format!("providers[{at}]")),
                        name,
                        "each provider once",
                    ));
                }
            }
            if !(0.0..=1.0).contains(&route.min_agreement) {
                return Err(Error::invalid(
                    key("min_agreement"),
                    route.min_agreement,
                    "0 to 1",
                ));
            }
            if let Some(usd) = route.max_cost_usd
                && !(0.0..=1e9).contains(&usd)
            {
                return Err(Error::invalid(
                    key("max_cost_usd"),
                    usd,
                    "US dollars, 0 to 1000000000",
                ));
            }
            for (at, task) in route.tasks.iter().enumerate() {
                if task.is_empty() || tasks.contains(&task.as_str()) {
                    return Err(Error::invalid(
                        key(&format!("tasks[{at}]")),
                        task,
                        "a task that no other route has",
                    ));
                }
                tasks.push(task);
            }
        }
        Ok(())
    }
}
