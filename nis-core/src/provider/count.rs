//! Counts every call of a provider: [`Counted`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::message::{Completion, Request, Usage};
use super::{Each, EmbedRequest, Embeddings, Pending, Provider};
use crate::error::Result;

/// Upper bounds of the latency histogram, in seconds.
pub const LATENCY_BOUNDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 120.0,
];

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Calls that gave a completion.
    pub ok: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls whose future was dropped.
    pub dropped: u64,
    /// Seconds spent in calls that ended.
    pub seconds: f64,
    /// Calls that ended within each of [`LATENCY_BOUNDS`], not cumulated; slower ones are in none.
    pub within: [u64; LATENCY_BOUNDS.len()],
    /// Tokens of requests, as far as providers said.
    pub input_tokens: u64,
    /// Tokens of completions, as far as providers said.
    pub output_tokens: u64,
}

/// A provider that counts its calls.
#[derive(Debug)]
pub struct Counted {
    inner: Arc<dyn Provider>,
    counts: Mutex<Counts>,
}

impl Counted {
    /// Wraps a provider.
    pub fn new(inner: Arc<dyn Provider>) -> Self {
        Counted {
            inner,
            counts: Mutex::default(),
        }
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn counting<T>(
        &self,
        work: Pending<'_, Result<T>>,
        usage: impl Fn(&T) -> Option<Usage>,
    ) -> Result<T> {
        let started = Instant::now();
        let mut running = Running(Some(self));
        let result = work.await;
        running.0 = None;
        let seconds = started.elapsed().as_secs_f64();
        self.update(|c| {
            c.seconds += seconds;
            if let Some(n) = LATENCY_BOUNDS
                .iter()
                .position(|b| seconds <= *b)
                .and_then(|i| c.within.get_mut(i))
            {
                *n += 1;
            }
            match &result {
                Ok(done) => {
                    c.ok += 1;
                    if let Some(usage) = usage(done) {
                        c.input_tokens += usage.input.unwrap_or(0);
                        c.output_tokens += usage.output.unwrap_or(0);
                    }
                }
                Err(_) => c.failed += 1,
            }
        });
        result
    }
}

/// Counts a call as dropped unless it ended.
struct Running<'a>(Option<&'a Counted>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(counted) = self.0 {
            counted.update(|c| c.dropped += 1);
        }
    }
}

impl Provider for Counted {
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
        Box::pin(self.counting(self.inner.complete(request), |c| c.usage))
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        each: &'a Each<'a>,
    ) -> Pending<'a, Result<Completion>> {
        Box::pin(self.counting(self.inner.stream(request, each), |c| c.usage))
    }

    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Pending<'a, Result<Embeddings>> {
        Box::pin(self.counting(self.inner.embed(request), |e| e.usage))
    }
}
