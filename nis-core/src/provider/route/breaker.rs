//! A circuit breaker: a provider that failed several times in a row is left alone for a while, then asked once.
//!
//! Nygard, Release It! (2nd ed. 2018), section "Circuit Breaker".

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::{Error, Result};
use crate::provider::message::{Completion, Request};
use crate::provider::{Clock, Each, EmbedRequest, Embeddings, Pending, Provider};

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerOptions {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long it stays open before one call may try.
    pub open_for: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        BreakerOptions {
            failures: 5,
            open_for: Duration::from_secs(30),
        }
    }
}

/// How a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// One call is trying.
    Probing,
}

#[derive(Debug)]
struct Inner {
    state: BreakerState,
    failures: u32,
    opened: SystemTime,
}

/// The breaker of one provider, model and key.
#[derive(Debug)]
pub struct Breaker {
    options: BreakerOptions,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(options: BreakerOptions, clock: Arc<dyn Clock>) -> Self {
        Breaker {
            options,
            clock,
            inner: Mutex::new(Inner {
                state: BreakerState::Closed,
                failures: 0,
                opened: SystemTime::UNIX_EPOCH,
            }),
        }
    }

    /// How it stands now.
    pub fn state(&self) -> BreakerState {
        self.with(|inner| inner.state)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a call pass, or says how long it must wait.
    fn admit(&self) -> Result<(), Duration> {
        let now = self.clock.now();
        self.with(|inner| match inner.state {
            BreakerState::Closed => Ok(()),
            BreakerState::Probing => Err(self.options.open_for),
            BreakerState::Open => {
                // A clock that went back counts as no time.
                let waited = now.duration_since(inner.opened).unwrap_or_default();
                match self.options.open_for.checked_sub(waited) {
                    Some(left) if !left.is_zero() => Err(left),
                    _ => {
                        inner.state = BreakerState::Probing;
                        Ok(())
                    }
                }
            }
        })
    }

    fn succeeded(&self) {
        self.with(|inner| {
            inner.state = BreakerState::Closed;
            inner.failures = 0;
        });
    }

    fn failed(&self) {
        let now = self.clock.now();
        self.with(|inner| {
            inner.failures = inner.failures.saturating_add(1);
            if inner.state == BreakerState::Probing
                || inner.failures >= self.options.failures.max(1)
            {
                inner.state = BreakerState::Open;
                inner.opened = now;
            }
        });
    }

    /// The call ended without a verdict: a probe did not happen.
    fn abandoned(&self) {
        self.with(|inner| {
            if inner.state == BreakerState::Probing {
                inner.state = BreakerState::Open;
            }
        });
    }
}

/// Ends as abandoned unless the call ended.
struct Running<'a>(Option<&'a Breaker>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(breaker) = self.0 {
            breaker.abandoned();
        }
    }
}

/// A provider behind a breaker.
#[derive(Debug)]
pub struct Guarded {
    inner: Arc<dyn Provider>,
    breaker: Breaker,
}

impl Guarded {
    /// Puts a breaker before a provider.
    pub fn new(inner: Arc<dyn Provider>, options: BreakerOptions, clock: Arc<dyn Clock>) -> Self {
        Guarded {
            inner,
            breaker: Breaker::new(options, clock),
        }
    }

    /// Its breaker.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    async fn guarded<T>(&self, work: Pending<'_, Result<T>>) -> Result<T> {
        if let Err(wait) = self.breaker.admit() {
            return Err(Error::Provider {
                provider: self.inner.name().into(),
                status: None,
                retryable: true,
                message: format!(
                    "not asked: it failed {} times in a row; it is tried again in {:.0} s",
                    self.breaker.options.failures.max(1),
                    wait.as_secs_f64().ceil()
                ),
            });
        }
        let mut running = Running(Some(&self.breaker));
        let result = work.await;
        running.0 = None;
        match &result {
            Ok(_) => self.breaker.succeeded(),
            Err(e) if is_outage(e) => self.breaker.failed(),
            // It answered, and knew why not: it works.
            Err(Error::Provider { .. }) => self.breaker.succeeded(),
            Err(_) => self.breaker.abandoned(),
        }
        result
    }
}

/// Whether an error says that the provider does not work, not that the request is bad.
pub(super) fn is_outage(error: &Error) -> bool {
    match error {
        Error::Provider {
            status, retryable, ..
        } => *retryable || status.is_none_or(|s| s >= 500),
        Error::Timeout { .. } => true,
        _ => false,
    }
}

impl Provider for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    fn real_ai(&self) -> bool {
        self.inner.real_ai()
    }

    fn complete<'a>(&'a self, request: &'a Request) -> Pending<'a, Result<Completion>> {
        Box::pin(self.guarded(self.inner.complete(request)))
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        each: &'a Each<'a>,
    ) -> Pending<'a, Result<Completion>> {
        Box::pin(self.guarded(self.inner.stream(request, each)))
    }

    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Pending<'a, Result<Embeddings>> {
        Box::pin(self.guarded(self.inner.embed(request)))
    }
}
