//! Counters of a runtime and their Prometheus text (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::entry::Entry;
use crate::error::Code;
use crate::provider::route::{BreakerState, Spent};
use crate::provider::{Counts, LATENCY_BOUNDS};

/// What happened in chats.
#[derive(Debug, Default)]
pub(super) struct Metrics(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    chats: BTreeMap<(String, &'static str), u64>,
    latency: BTreeMap<String, Latency>,
    errors: BTreeMap<&'static str, u64>,
    claims: [u64; 2],
}

#[derive(Debug, Default, Clone, Copy)]
struct Latency {
    within: [u64; LATENCY_BOUNDS.len()],
    seconds: f64,
    count: u64,
}

impl Metrics {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One chat ended. `provider` is a configured name, or `none`.
    pub(super) fn chat(&self, provider: &str, took: Duration, error: Option<Code>) {
        let mut inner = self.inner();
        let outcome = if error.is_some() { "error" } else { "ok" };
        *inner
            .chats
            .entry((provider.to_owned(), outcome))
            .or_default() += 1;
        let seconds = took.as_secs_f64();
        let latency = inner.latency.entry(provider.to_owned()).or_default();
        latency.count += 1;
        latency.seconds += seconds;
        for (n, bound) in latency.within.iter_mut().zip(LATENCY_BOUNDS) {
            *n += u64::from(seconds <= bound);
        }
        if let Some(code) = error {
            *inner.errors.entry(code.name()).or_default() += 1;
        }
    }

    /// The share of a reply's claims is not kept; whether all held is.
    pub(super) fn checked(&self, confidence: Option<f64>) {
        if let Some(share) = confidence {
            let mut inner = self.inner();
            let [held, failed] = &mut inner.claims;
            *(if share >= 1.0 { held } else { failed }) += 1;
        }
    }

    /// Prometheus text, with the providers' own counts and the number of conversations where it is known.
    pub(super) fn text(
        &self,
        entries: &[Entry],
        spent: Option<Spent>,
        conversations: Option<u64>,
    ) -> String {
        let providers: Vec<(&str, Counts)> = entries
            .iter()
            .filter_map(|e| Some((e.name(), e.counted.as_ref()?.counts())))
            .collect();
        let inner = self.inner();
        let mut out = Text::default();
        out.family(
            "nis_chat_requests_total",
            "counter",
            "Chat requests by provider and outcome.",
        );
        for ((provider, outcome), n) in &inner.chats {
            out.line(
                "nis_chat_requests_total",
                &[("provider", provider), ("outcome", outcome)],
                *n as f64,
            );
        }
        out.family(
            "nis_chat_duration_seconds",
            "histogram",
            "Time from request to reply.",
        );
        for (provider, latency) in &inner.latency {
            let cumulated: Vec<u64> = latency.within.to_vec();
            out.histogram(
                "nis_chat_duration_seconds",
                provider,
                &cumulated,
                latency.seconds,
                latency.count,
            );
        }
        out.family(
            "nis_errors_total",
            "counter",
            "Chat requests that failed, by error code.",
        );
        for (code, n) in &inner.errors {
            out.line("nis_errors_total", &[("code", code)], *n as f64);
        }
        out.family(
            "nis_checked_replies_total",
            "counter",
            "Replies with checked claims, by whether all of them held.",
        );
        for (verdict, n) in ["held", "failed"].iter().zip(inner.claims) {
            out.line(
                "nis_checked_replies_total",
                &[("verdict", verdict)],
                n as f64,
            );
        }
        out.family(
            "nis_provider_calls_total",
            "counter",
            "Calls of providers by outcome.",
        );
        for (provider, c) in &providers {
            for (outcome, n) in [("ok", c.ok), ("error", c.failed), ("dropped", c.dropped)] {
                out.line(
                    "nis_provider_calls_total",
                    &[("provider", provider), ("outcome", outcome)],
                    n as f64,
                );
            }
        }
        out.family(
            "nis_provider_call_duration_seconds",
            "histogram",
            "Time of one call of a provider, retries included.",
        );
        for (provider, c) in &providers {
            let mut sum = 0;
            let cumulated: Vec<u64> = c
                .within
                .iter()
                .map(|n| {
                    sum += n;
                    sum
                })
                .collect();
            out.histogram(
                "nis_provider_call_duration_seconds",
                provider,
                &cumulated,
                c.seconds,
                c.ok + c.failed,
            );
        }
        out.family(
            "nis_tokens_total",
            "counter",
            "Tokens as far as providers counted them.",
        );
        for (provider, c) in &providers {
            for (kind, n) in [("input", c.input_tokens), ("output", c.output_tokens)] {
                out.line(
                    "nis_tokens_total",
                    &[("provider", provider), ("kind", kind)],
                    n as f64,
                );
            }
        }
        out.layers(entries, spent);
        if let Some(n) = conversations {
            out.family("nis_conversations", "gauge", "Conversations held.");
            out.line("nis_conversations", &[], n as f64);
        }
        out.0
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    /// What layers did, where there are any.
    fn layers(&mut self, entries: &[Entry], spent: Option<Spent>) {
        let cached: Vec<_> = entries
            .iter()
            .filter_map(|e| Some((e.name(), e.cached.as_ref()?.counts())))
            .collect();
        if !cached.is_empty() {
            let name = "nis_cache_requests_total";
            let help =
                "Requests by what the cache did: hit, miss, or pass where it may not answer.";
            self.family(name, "counter", help);
            for (provider, c) in &cached {
                for (outcome, n) in [("hit", c.hits), ("miss", c.misses), ("pass", c.passed)] {
                    let labels = [("provider", *provider), ("outcome", outcome)];
                    self.line(name, &labels, n as f64);
                }
            }
        }
        let fallbacks: Vec<_> = entries
            .iter()
            .filter_map(|e| Some((e.name(), e.fallback.as_ref()?.fallbacks())))
            .collect();
        if !fallbacks.is_empty() {
            let name = "nis_fallbacks_total";
            let help = "How often a route asked another than its first provider.";
            self.family(name, "counter", help);
            for (route, n) in fallbacks {
                self.line(name, &[("route", route)], n as f64);
            }
        }
        let guarded: Vec<_> = entries
            .iter()
            .filter_map(|e| Some((e.name(), e.guarded.as_ref()?.breaker().state())))
            .collect();
        if !guarded.is_empty() {
            let name = "nis_breaker_open";
            let help = "1 where a provider is left alone after failures, 0.5 where one call tries, else 0.";
            self.family(name, "gauge", help);
            for (provider, state) in guarded {
                let value = match state {
                    BreakerState::Closed => 0.0,
                    BreakerState::Probing => 0.5,
                    BreakerState::Open => 1.0,
                };
                self.line(name, &[("provider", provider)], value);
            }
        }
        if let Some(spent) = spent {
            let name = "nis_cost_usd_total";
            self.family(
                name,
                "counter",
                "US dollars that calls cost, by the price table.",
            );
            self.line(name, &[], spent.total as f64 / 1e6);
            let name = "nis_cost_estimated_usd_total";
            let help = "Of them, those of streamed calls that were given up, estimated.";
            self.family(name, "counter", help);
            self.line(name, &[], spent.estimated as f64 / 1e6);
            let name = "nis_budget_refusals_total";
            self.family(
                name,
                "counter",
                "Calls that were refused since a budget was used up.",
            );
            self.line(name, &[], spent.refused as f64);
        }
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a `String` cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(k, v)| format!("{k}=\"{}\"", escaped(v)))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn histogram(
        &mut self,
        name: &str,
        provider: &str,
        cumulated: &[u64],
        seconds: f64,
        count: u64,
    ) {
        let bucket = format!("{name}_bucket");
        for (bound, n) in LATENCY_BOUNDS.iter().zip(cumulated) {
            self.line(
                &bucket,
                &[("provider", provider), ("le", &bound.to_string())],
                *n as f64,
            );
        }
        self.line(
            &bucket,
            &[("provider", provider), ("le", "+Inf")],
            count as f64,
        );
        self.line(&format!("{name}_sum"), &[("provider", provider)], seconds);
        self.line(
            &format!("{name}_count"),
            &[("provider", provider)],
            count as f64,
        );
    }
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
