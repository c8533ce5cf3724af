//! From one provider to the next where one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::provider::message::{Completion, Event, Request};
use crate::provider::{Each, EmbedRequest, Embeddings, Pending, Provider};

/// Asks providers in turn until one completes.
///
/// A request holds its whole transcript, so what tools did before is never done again by the next provider; blocks
/// that only another provider understands stay behind (each wire sends its own). After the first event of a stream
/// no other provider is asked. Bad input, a reached limit and a cancel end the call at once.
#[derive(Debug)]
pub struct Fallback {
    name: String,
    providers: Vec<Arc<dyn Provider>>,
    order: Option<Arc<dyn Order>>,
    fell_back: AtomicU64,
}

/// In which order a [`Fallback`] asks, worked out anew for each call.
pub trait Order: Send + Sync + std::fmt::Debug {
    /// What comes first has the smallest weight; those of one weight keep the order of the configuration. `NaN`
    /// counts as the largest.
    fn weight(&self, at: usize, provider: &dyn Provider) -> f64;
}

impl Fallback {
    /// Providers in the order in which they are asked.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for none.
    pub fn new(name: impl Into<String>, providers: Vec<Arc<dyn Provider>>) -> Result<Self> {
        if providers.is_empty() {
            return Err(Error::invalid("providers", "none", "at least one"));
        }
        Ok(Fallback {
            name: name.into(),
            providers,
            order: None,
            fell_back: AtomicU64::new(0),
        })
    }

    /// Asks in this order instead of that of the list.
    #[must_use]
    pub fn with_order(mut self, order: Arc<dyn Order>) -> Self {
        self.order = Some(order);
        self
    }

    fn ordered(&self) -> Vec<&Arc<dyn Provider>> {
        let Some(order) = &self.order else {
            return self.providers.iter().collect();
        };
        let mut weighed: Vec<(f64, &Arc<dyn Provider>)> = self
            .providers
            .iter()
            .enumerate()
            .map(|(at, p)| (order.weight(at, p.as_ref()), p))
            .map(|(w, p)| (if w.is_nan() { f64::INFINITY } else { w }, p))
            .collect();
        weighed.sort_by(|a, b| a.0.total_cmp(&b.0));
        weighed.into_iter().map(|(_, p)| p).collect()
    }

    /// How often another than the first provider was asked.
    pub fn fallbacks(&self) -> u64 {
        self.fell_back.load(Ordering::Relaxed)
    }

    fn first(&self) -> Option<&Arc<dyn Provider>> {
        self.providers.first()
    }

    async fn call(&self, request: &Request, each: Option<&Each<'_>>) -> Result<Completion> {
        let began = AtomicBool::new(false);
        let told = |event: &Event| {
            began.store(true, Ordering::Relaxed);
            if let Some(each) = each {
                each(event);
            }
        };
        let mut failures: Vec<Error> = Vec::new();
        for provider in self.ordered() {
            if !failures.is_empty() {
                self.fell_back.fetch_add(1, Ordering::Relaxed);
            }
            let result = match each {
                Some(_) => provider.stream(request, &told).await,
                None => provider.complete(request).await,
            };
            let error = match result {
                Ok(completion) => return Ok(completion),
                Err(error) => error,
            };
            let another_may_do_better = matches!(
                error,
                Error::Provider { .. } | Error::Timeout { .. } | Error::Unavailable { .. }
            );
            if !another_may_do_better || began.load(Ordering::Relaxed) {
                return Err(error);
            }
            failures.push(error);
        }
        match failures.len() {
            1 => Err(failures.remove(0)),
            _ => Err(Error::Provider {
                provider: self.name.clone(),
                status: None,
                retryable: failures.iter().any(super::breaker::is_outage),
                message: failures
                    .iter()
                    .map(Error::to_string)
                    .collect::<Vec<_>>()
                    .join("; "),
            }),
        }
    }
}

impl Provider for Fallback {
    fn name(&self) -> &str {
        &self.name
    }

    fn model(&self) -> &str {
        self.first().map_or("", |p| p.model())
    }

    fn real_ai(&self) -> bool {
        self.first().is_some_and(|p| p.real_ai())
    }

    fn complete<'a>(&'a self, request: &'a Request) -> Pending<'a, Result<Completion>> {
        Box::pin(self.call(request, None))
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        each: &'a Each<'a>,
    ) -> Pending<'a, Result<Completion>> {
        Box::pin(self.call(request, Some(each)))
    }

    /// By the first of the list alone: vectors of different models do not go together.
    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Pending<'a, Result<Embeddings>> {
        match self.first() {
            Some(first) => first.embed(request),
            None => Box::pin(async { Err(Error::unavailable("embeddings", "no provider")) }),
        }
    }
}
