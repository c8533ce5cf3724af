//! Fallback, breaker, cache, prices and consensus over providers that answer as they are told.

#![cfg(feature = "runtime")]
// clippy.toml allows these in `#[test]` functions, not in the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use nis_core::provider::route::{
    BreakerOptions, BreakerState, CacheOptions, Cached, ConsensusOptions, Fallback, Guarded,
    PriceTable, consensus,
};
use nis_core::provider::{
    Clock, Completion, Each, Event, Finish, Message, Pending, Provider, Request, ToolSpec, Usage,
};
use nis_core::{Error, Result};
use serde_json::json;

#[derive(Debug, Clone)]
enum Act {
    Say(&'static str),
    Fail(u16, bool),
    /// One event, then a failure.
    Break,
    Input,
    Hang,
}

#[derive(Debug)]
struct Script {
    name: &'static str,
    model: &'static str,
    acts: Mutex<VecDeque<Act>>,
    calls: AtomicUsize,
}

fn script(name: &'static str, acts: &[Act]) -> Arc<Script> {
    Arc::new(Script {
        name,
        model: "claude-sonnet-5-5",
        acts: Mutex::new(acts.iter().cloned().collect()),
        calls: AtomicUsize::new(0),
    })
}

impl Script {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn call(&self, each: Option<&Each<'_>>) -> Result<Completion> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let act = {
            let mut acts = self.acts.lock().unwrap();
            if acts.len() > 1 {
                acts.pop_front()
            } else {
                acts.front().cloned()
            }
        };
        let failed = |status: Option<u16>, retryable| Error::Provider {
            provider: self.name.into(),
            status,
            retryable,
            message: "told to fail".into(),
        };
        match act.unwrap() {
            Act::Say(text) => {
                if let Some(each) = each {
                    each(&Event::Text(text.into()));
                }
                Ok(Completion {
                    text: text.into(),
                    tool_calls: vec![],
                    refusal: None,
                    finish: Finish::Stop,
                    usage: Some(Usage {
                        input: Some(100),
                        output: Some(10),
                        ..Usage::default()
                    }),
                    model: None,
                    reasoning: None,
                    blocks: vec![],
                })
            }
            Act::Fail(status, retryable) => Err(failed(Some(status), retryable)),
            Act::Break => {
                if let Some(each) = each {
                    each(&Event::Text("half".into()));
                }
                Err(failed(Some(200), true))
            }
            Act::Input => Err(Error::invalid("messages", "none", "at least one")),
            Act::Hang => std::future::pending().await,
        }
    }
}

impl Provider for Script {
    fn name(&self) -> &str {
        self.name
    }

    fn model(&self) -> &str {
        self.model
    }

    fn real_ai(&self) -> bool {
        true
    }

    fn complete<'a>(&'a self, _: &'a Request) -> Pending<'a, Result<Completion>> {
        Box::pin(self.call(None))
    }

    fn stream<'a>(&'a self, _: &'a Request, each: &'a Each<'a>) -> Pending<'a, Result<Completion>> {
        Box::pin(self.call(Some(each)))
    }
}

/// A clock that stands where it is put.
#[derive(Debug, Default)]
struct Stopped(AtomicU64);

impl Stopped {
    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + self.0.load(Ordering::SeqCst))
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

fn ask(text: &str) -> Request {
    Request {
        messages: vec![Message::user(text)],
        temperature: Some(0.0),
        max_tokens: Some(1000),
        ..Request::default()
    }
}

#[tokio::test]
async fn the_next_provider_answers_where_one_fails() {
    let (a, b) = (
        script("a", &[Act::Fail(503, true)]),
        script("b", &[Act::Say("b")]),
    );
    let both = Fallback::new("both", vec![a.clone(), b.clone()]).unwrap();
    assert_eq!(both.complete(&ask("x")).await.unwrap().text, "b");
    assert_eq!((a.calls(), b.calls(), both.fallbacks()), (1, 1, 1));
    // Bad input is bad everywhere.
    let a = script("a", &[Act::Input]);
    let both = Fallback::new("both", vec![a, b.clone()]).unwrap();
    assert!(matches!(
        both.complete(&ask("x")).await,
        Err(Error::InvalidInput { .. })
    ));
    assert_eq!(b.calls(), 1);
    // All fail: all are told.
    let (a, c) = (
        script("a", &[Act::Fail(401, false)]),
        script("c", &[Act::Fail(404, false)]),
    );
    let both = Fallback::new("both", vec![a, c]).unwrap();
    let e = both.complete(&ask("x")).await.unwrap_err();
    let text = e.to_string();
    assert!(
        text.contains("provider a") && text.contains("provider c"),
        "{text}"
    );
    assert!(matches!(
        e,
        Error::Provider {
            retryable: false,
            ..
        }
    ));
    assert!(Fallback::new("none", vec![]).is_err());
}

#[tokio::test]
async fn no_other_provider_is_asked_after_the_first_word() {
    let (a, b) = (script("a", &[Act::Break]), script("b", &[Act::Say("b")]));
    let both = Fallback::new("both", vec![a.clone(), b.clone()]).unwrap();
    let heard: Arc<Mutex<Vec<Event>>> = Arc::default();
    let kept = heard.clone();
    let each = move |event: &Event| kept.lock().unwrap().push(event.clone());
    assert!(both.stream(&ask("x"), &each).await.is_err());
    assert_eq!((b.calls(), heard.lock().unwrap().len()), (0, 1));
    // Before it, the next one is.
    let a = script("a", &[Act::Fail(529, true)]);
    let both = Fallback::new("both", vec![a, b.clone()]).unwrap();
    assert_eq!(both.stream(&ask("x"), &each).await.unwrap().text, "b");
    assert_eq!(b.calls(), 1);
}

#[tokio::test]
async fn a_breaker_opens_probes_and_closes() {
    let clock = Arc::new(Stopped::default());
    let options = BreakerOptions {
        failures: 3,
        open_for: Duration::from_secs(30),
    };
    let inner = script(
        "a",
        &[
            Act::Fail(503, true),
            Act::Fail(500, false),
            Act::Fail(503, true),
            Act::Fail(503, true),
            Act::Say("well again"),
        ],
    );
    let guarded = Guarded::new(inner.clone(), options, clock.clone());
    for n in 1..=3 {
        assert_eq!(guarded.breaker().state(), BreakerState::Closed, "{n}");
        assert!(guarded.complete(&ask("x")).await.is_err());
    }
    assert_eq!(guarded.breaker().state(), BreakerState::Open);
    let e = guarded.complete(&ask("x")).await.unwrap_err();
    assert!(e.to_string().contains("tried again in 30 s"), "{e}");
    clock.pass(29);
    assert!(guarded.complete(&ask("x")).await.is_err());
    assert_eq!(inner.calls(), 3);
    // The probe fails: open for as long again.
    clock.pass(1);
    assert!(guarded.complete(&ask("x")).await.is_err());
    assert_eq!(
        (inner.calls(), guarded.breaker().state()),
        (4, BreakerState::Open)
    );
    clock.pass(30);
    assert_eq!(
        guarded.complete(&ask("x")).await.unwrap().text,
        "well again"
    );
    assert_eq!(guarded.breaker().state(), BreakerState::Closed);
}

#[tokio::test]
async fn a_probe_that_is_dropped_leaves_the_breaker_open() {
    let clock = Arc::new(Stopped::default());
    let options = BreakerOptions {
        failures: 1,
        open_for: Duration::from_secs(10),
    };
    let inner = script("a", &[Act::Fail(503, true), Act::Hang, Act::Say("x")]);
    let guarded = Guarded::new(inner.clone(), options, clock.clone());
    assert!(guarded.complete(&ask("x")).await.is_err());
    clock.pass(10);
    let request = ask("x");
    let mut probe = guarded.complete(&request);
    tokio::select! {
        biased;
        _ = &mut probe => panic!("it hangs"),
        () = tokio::task::yield_now() => {}
    }
    // One probe at a time.
    assert_eq!(guarded.breaker().state(), BreakerState::Probing);
    assert!(guarded.complete(&request).await.is_err());
    drop(probe);
    assert_eq!(guarded.breaker().state(), BreakerState::Open);
    assert_eq!(guarded.complete(&request).await.unwrap().text, "x");
    // What the request is to blame for is no outage.
    let inner = script("a", &[Act::Fail(400, false)]);
    let guarded = Guarded::new(inner, options, clock);
    for _ in 0..5 {
        assert!(guarded.complete(&ask("x")).await.is_err());
        assert_eq!(guarded.breaker().state(), BreakerState::Closed);
    }
}

#[tokio::test]
async fn equal_requests_are_answered_from_the_cache() {
    let clock = Arc::new(Stopped::default());
    let options = CacheOptions {
        entries: 2,
        good_for: Duration::from_secs(60),
        ..CacheOptions::default()
    };
    let inner = script(
        "a",
        &[Act::Say("first"), Act::Say("second"), Act::Say("third")],
    );
    let cached = Cached::new(inner.clone(), options, clock.clone());
    let one = cached.complete(&ask("x")).await.unwrap();
    let again = cached.complete(&ask("x")).await.unwrap();
    assert_eq!((one.text.as_str(), again.text.as_str()), ("first", "first"));
    // Nothing was spent on the second.
    assert_eq!((one.usage.unwrap().input, again.usage), (Some(100), None));
    let heard: Arc<Mutex<Vec<Event>>> = Arc::default();
    let kept = heard.clone();
    let each = move |event: &Event| kept.lock().unwrap().push(event.clone());
    assert_eq!(cached.stream(&ask("x"), &each).await.unwrap().text, "first");
    assert_eq!(
        *heard.lock().unwrap(),
        [Event::Text("first".into()), Event::Finish(Finish::Stop)]
    );
    assert_eq!(cached.complete(&ask("y")).await.unwrap().text, "second");
    let counts = cached.counts();
    assert_eq!(
        (counts.hits, counts.misses, counts.passed, counts.entries),
        (2, 2, 0, 2)
    );
    // Too old.
    clock.pass(61);
    assert_eq!(cached.complete(&ask("x")).await.unwrap().text, "third");
    // Chance was asked for, or tools may act: never from here.
    let warm = Request {
        temperature: None,
        ..ask("x")
    };
    let tools = Request {
        tools: vec![ToolSpec {
            name: "f".into(),
            description: String::new(),
            parameters: json!({}),
            strict: false,
        }],
        ..ask("x")
    };
    for request in [&warm, &tools] {
        let before = inner.calls();
        cached.complete(request).await.unwrap();
        cached.complete(request).await.unwrap();
        assert_eq!(inner.calls(), before + 2);
    }
    assert_eq!(cached.counts().passed, 4);
    // Failures are not kept, and memory is bounded.
    let inner = script("a", &[Act::Fail(500, true), Act::Say("good")]);
    let small = Cached::new(
        inner,
        CacheOptions {
            bytes: 10,
            ..CacheOptions::default()
        },
        clock,
    );
    assert!(small.complete(&ask("x")).await.is_err());
    assert_eq!(small.complete(&ask("x")).await.unwrap().text, "good");
    assert_eq!(small.counts().entries, 0);
}

#[tokio::test]
async fn answers_are_compared() {
    let ask_all = |acts: Vec<Act>, max_cost: Option<u64>| async move {
        let names = ["a", "b", "c", "d"];
        let providers: Vec<Arc<dyn Provider>> = acts
            .into_iter()
            .zip(names)
            .map(|(act, name)| script(name, &[act]) as Arc<dyn Provider>)
            .collect();
        let options = ConsensusOptions {
            max_cost,
            prices: None,
        };
        consensus(&providers, &ask("x"), &options).await
    };
    let c = ask_all(
        vec![
            Act::Say("It is 3."),
            Act::Say("About 2 Hz."),
            Act::Say("f = 2.0 Hz"),
            Act::Fail(500, true),
        ],
        None,
    )
    .await
    .unwrap();
    assert_eq!(
        c.answers.iter().map(|a| a.group).collect::<Vec<_>>(),
        [Some(0), Some(1), Some(1), None]
    );
    assert_eq!((c.agreement, c.chosen), (Some(2.0 / 3.0), Some(1)));
    assert!(c.answers[3].result.is_err());
    // 3 answers of 100 tokens in at 2 and 10 out at 10 dollars for a million.
    assert_eq!(c.cost, Some(900));
    let c = ask_all(
        vec![Act::Say("Yes!"), Act::Say("yes"), Act::Say("no")],
        None,
    )
    .await
    .unwrap();
    assert_eq!((c.agreement, c.chosen), (Some(2.0 / 3.0), Some(0)));
    let c = ask_all(vec![Act::Fail(500, true), Act::Say("yes")], None)
        .await
        .unwrap();
    assert_eq!((c.agreement, c.chosen), (None, Some(1)));
    let e = ask_all(vec![Act::Say("yes"), Act::Say("yes")], Some(10))
        .await
        .unwrap_err();
    assert!(matches!(e, Error::Limit { limit: 10, .. }), "{e}");
    assert!(ask_all(vec![Act::Say("yes")], None).await.is_err());
    let unknown = Arc::new(Script {
        name: "u",
        model: "nobody-knows",
        acts: Mutex::new([Act::Say("yes")].into_iter().collect()),
        calls: AtomicUsize::new(0),
    });
    let providers: Vec<Arc<dyn Provider>> = vec![unknown.clone(), unknown];
    let limited = ConsensusOptions {
        max_cost: Some(1 << 40),
        prices: Some(PriceTable::built_in().unwrap()),
    };
    assert!(matches!(
        consensus(&providers, &ask("x"), &limited).await,
        Err(Error::Unavailable { .. })
    ));
    assert_eq!(
        consensus(&providers, &ask("x"), &ConsensusOptions::default())
            .await
            .unwrap()
            .cost,
        None
    );
}
