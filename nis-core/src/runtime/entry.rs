//! What stands under a provider's name: the layers, in their fixed order, and what they count.

use std::sync::Arc;

use super::layers::{RouteBy, RouteMode};
use super::{Config, ProviderConfig};
use crate::error::{Error, Result};
use crate::provider::route::{
    Agreed, Budgeted, Cached, ConsensusOptions, Fallback, Guarded, Ledger, Order, Price, PriceTable,
};
use crate::provider::{Clock, Counted, Provider, SystemClock};

/// A provider or a route as requests name it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The outermost layer: what is asked.
    pub(super) top: Arc<dyn Provider>,
    /// What calls of the provider itself are counted by; a route has none of its own.
    pub(super) counted: Option<Arc<Counted>>,
    pub(super) guarded: Option<Arc<Guarded>>,
    pub(super) cached: Option<Arc<Cached>>,
    pub(super) fallback: Option<Arc<Fallback>>,
    pub(super) agreed: Option<Arc<Agreed>>,
    /// Below the cache: what a route asks.
    inner: Arc<dyn Provider>,
    price: Option<Price>,
    quality: Option<f64>,
}

impl Entry {
    pub(super) fn name(&self) -> &str {
        self.top.name()
    }
}

/// Puts the layers around providers: one for a runtime.
#[derive(Debug)]
pub(super) struct Layers {
    cache: Option<crate::provider::route::CacheOptions>,
    pub(super) ledger: Option<Arc<Ledger>>,
    prices: PriceTable,
    clock: Arc<dyn Clock>,
}

impl Layers {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let prices = match config.budget.as_ref().and_then(|b| b.prices.as_ref()) {
            None => PriceTable::built_in()?,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|e| Error::io(path.display().to_string(), &e))?;
                PriceTable::from_toml(&text)?
            }
        };
        let ledger = match &config.budget {
            None => None,
            Some(budget) => {
                let (conversation, total) = budget.limits()?;
                Some(Arc::new(Ledger::new(conversation, total, prices.clone())))
            }
        };
        Ok(Layers {
            cache: config.cache.as_ref().map(|c| c.options()).transpose()?,
            ledger,
            prices,
            clock: Arc::new(SystemClock),
        })
    }

    /// Caches what is asked under a name.
    fn cached(&self, inner: &Arc<dyn Provider>) -> (Arc<dyn Provider>, Option<Arc<Cached>>) {
        match self.cache {
            None => (inner.clone(), None),
            Some(options) => {
                let cached = Arc::new(Cached::new(inner.clone(), options, self.clock.clone()));
                (cached.clone(), Some(cached))
            }
        }
    }

    /// A provider in its layers, innermost first: breaker, counts, budget, cache.
    pub(super) fn provider(
        &self,
        bare: Arc<dyn Provider>,
        config: Option<(&ProviderConfig, &str)>,
    ) -> Result<Entry> {
        let of = |name: &str| config.map_or_else(String::new, |(_, key)| format!("{key}.{name}"));
        let given = config.map(|(given, _)| given);
        let breaker = given.and_then(|p| p.breaker.as_ref());
        let price = given
            .and_then(|p| p.price.as_ref())
            .map(|p| p.price(&of("price")))
            .transpose()?;
        let mut inner = bare;
        let guarded = match breaker {
            None => None,
            Some(breaker) => {
                let options = breaker.options(&of("breaker"))?;
                let guarded = Arc::new(Guarded::new(inner, options, self.clock.clone()));
                inner = guarded.clone();
                Some(guarded)
            }
        };
        let counted = Arc::new(Counted::new(inner));
        let mut inner: Arc<dyn Provider> = counted.clone();
        if let Some(ledger) = &self.ledger {
            inner = Arc::new(Budgeted::new(inner, ledger.clone(), price.clone()));
        }
        let (top, cached) = self.cached(&inner);
        Ok(Entry {
            top,
            counted: Some(counted),
            guarded,
            cached,
            fallback: None,
            agreed: None,
            inner,
            price,
            quality: given.and_then(|p| p.quality),
        })
    }

    /// A route over providers that are there.
    pub(super) fn route(&self, route: &super::layers::Route, members: Vec<Entry>) -> Result<Entry> {
        let inner: Vec<Arc<dyn Provider>> = members.iter().map(|m| m.inner.clone()).collect();
        let (mut fallback, mut agreed) = (None, None);
        let asked: Arc<dyn Provider> = match route.mode {
            RouteMode::Fallback => {
                let mut asked = Fallback::new(&route.name, inner)?;
                if route.by != RouteBy::Order {
                    asked = asked.with_order(Arc::new(By {
                        by: route.by,
                        prices: self.prices.clone(),
                        members,
                    }));
                }
                let asked = Arc::new(asked);
                fallback = Some(asked.clone());
                asked
            }
            RouteMode::Consensus => {
                let options = ConsensusOptions {
                    max_cost: route.max_cost_usd.map(|usd| (usd * 1e6).round() as u64),
                    prices: Some(self.prices.clone()),
                };
                let asked = Arc::new(Agreed::new(
                    &route.name,
                    inner,
                    options,
                    route.min_agreement,
                )?);
                agreed = Some(asked.clone());
                asked
            }
        };
        let (top, cached) = self.cached(&asked);
        Ok(Entry {
            top,
            counted: None,
            guarded: None,
            cached,
            fallback,
            agreed,
            inner: asked,
            price: None,
            quality: None,
        })
    }
}

/// The order of a route's providers.
#[derive(Debug)]
struct By {
    by: RouteBy,
    prices: PriceTable,
    members: Vec<Entry>,
}

impl Order for By {
    fn weight(&self, at: usize, provider: &dyn Provider) -> f64 {
        let Some(member) = self.members.get(at) else {
            return f64::INFINITY;
        };
        match self.by {
            RouteBy::Order => 0.0,
            RouteBy::Cost if !provider.real_ai() => 0.0,
            RouteBy::Cost => member
                .price
                .as_ref()
                .or_else(|| self.prices.price(provider.model()))
                .map_or(f64::INFINITY, |p| p.input + p.output),
            RouteBy::Quality => member.quality.map_or(f64::INFINITY, |q| -q),
            RouteBy::Latency => match member.counted.as_ref().map(|c| c.counts()) {
                Some(counts) if counts.ok + counts.failed > 0 => {
                    counts.seconds / (counts.ok + counts.failed) as f64
                }
                _ => 0.0,
            },
        }
    }
}
