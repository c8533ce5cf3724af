//! Chats through the whole runtime with the offline provider and with scripted ones: no network.

#![cfg(feature = "runtime")]
// clippy.toml allows these in `#[test]` functions, not in the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nis_core::Error;
use nis_core::agent::{State, Task};
use nis_core::provider::{Completion, Finish, Pending, Provider, Request, Role, ToolCall, Usage};
use nis_core::runtime::{ChatReply, ChatRequest, Config, Nis};

fn ask(message: &str) -> ChatRequest {
    ChatRequest {
        message: message.into(),
        ..ChatRequest::default()
    }
}

fn nis() -> Nis {
    Nis::new(Config::default()).unwrap()
}

/// Gives its completions in turn and keeps the requests.
#[derive(Debug, Default)]
struct Scripted {
    replies: Mutex<Vec<Completion>>,
    requests: Mutex<Vec<Request>>,
    delay: Duration,
}

fn text(text: &str) -> Completion {
    Completion {
        reasoning: None,
        blocks: vec![],
        text: text.into(),
        tool_calls: vec![],
        refusal: None,
        finish: Finish::Stop,
        usage: Some(Usage {
            input: Some(10),
            output: Some(5),
            ..Usage::default()
        }),
        model: Some("scripted-1".into()),
    }
}

fn calls(calls: &[(&str, &str)]) -> Completion {
    let call = |(n, (name, arguments)): (usize, &(&str, &str))| ToolCall {
        provider_ref: None,
        id: format!("c{n}"),
        name: (*name).into(),
        arguments: (*arguments).into(),
    };
    Completion {
        tool_calls: calls.iter().enumerate().map(call).collect(),
        finish: Finish::ToolCalls,
        ..text("")
    }
}

impl Scripted {
    fn of(replies: &[Completion]) -> Arc<Self> {
        let mut replies = replies.to_vec();
        replies.reverse();
        Arc::new(Scripted {
            replies: Mutex::new(replies),
            ..Scripted::default()
        })
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Provider for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn model(&self) -> &str {
        "scripted"
    }

    fn real_ai(&self) -> bool {
        true
    }

    fn complete<'a>(&'a self, request: &'a Request) -> Pending<'a, nis_core::Result<Completion>> {
        Box::pin(async move {
            self.requests.lock().unwrap().push(request.clone());
            tokio::time::sleep(self.delay).await;
            self.replies
                .lock()
                .unwrap()
                .pop()
                .ok_or_else(|| Error::Provider {
                    provider: "scripted".into(),
                    status: Some(503),
                    retryable: true,
                    message: "no more replies".into(),
                })
        })
    }
}

fn with(provider: &Arc<Scripted>) -> Nis {
    Nis::with_providers(
        Config::default(),
        vec![provider.clone() as Arc<dyn Provider>],
    )
    .unwrap()
}

#[tokio::test]
async fn two_and_two_are_four_without_a_model() {
    let reply = nis().chat(ask("What is 2+2?")).await.unwrap();
    assert_eq!(reply.response, "2+2 = 4");
    assert_eq!(
        (reply.provider.as_str(), reply.model.as_str(), reply.real_ai),
        ("offline", "offline", false)
    );
    assert_eq!(
        (reply.user_id.as_str(), reply.tokens_used, reply.confidence),
        ("anonymous", None, Some(1.0))
    );
    let digits = reply.conversation_id.strip_prefix("conv_").unwrap();
    assert!(digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let actors: Vec<&str> = reply
        .reasoning_trace
        .iter()
        .map(|s| s.actor.as_str())
        .collect();
    assert_eq!(
        actors,
        [
            "memory",
            "offline",
            "physics",
            "offline",
            "physics",
            "memory",
            "coordination"
        ]
    );
    assert!(
        reply
            .reasoning_trace
            .iter()
            .all(|s| s.ms >= 0.0 && s.ms.is_finite() && !s.result.is_empty())
    );
    let sum = reply.reasoning_trace.last().unwrap().ms;
    assert!(
        reply
            .reasoning_trace
            .iter()
            .rev()
            .skip(1)
            .map(|s| s.ms)
            .sum::<f64>()
            <= sum * 1.01
    );
}

#[tokio::test]
async fn the_offline_provider_uses_tools_and_says_what_it_is_not() {
    let nis = nis();
    for (question, answer) in [
        ("convert 100 km/h to m/s", "100 km/h = 27.7777777777778 m/s"),
        (
            "What is the speed of light?",
            "speed of light in vacuum = 299792458 m/s (CODATA 2022)",
        ),
        ("calculate {\"expression\": \"6*7\"}", "6*7 = 42"),
    ] {
        let reply = nis.chat(ask(question)).await.unwrap();
        assert_eq!(
            (reply.response.as_str(), reply.confidence),
            (answer, Some(1.0)),
            "{question}"
        );
    }
    let reply = nis.chat(ask("Write a poem about the sea")).await.unwrap();
    assert!(
        reply
            .response
            .starts_with("No language model is configured")
    );
    assert_eq!((reply.confidence, reply.real_ai), (None, false));
    let reply = nis.chat(ask("convert 1 kg to m")).await.unwrap();
    assert!(
        reply.response.contains("failed") || reply.response.contains("could not"),
        "{}",
        reply.response
    );
}

#[tokio::test]
async fn conversations_go_on_and_facts_are_kept_per_user() {
    let provider = Scripted::of(&[text("Hello Ann."), text("You are Ann.")]);
    let nis = with(&provider);
    let ask_as =
        |message: &str, user: &str, conversation: Option<&str>, provider: &str| ChatRequest {
            message: message.into(),
            user_id: Some(user.into()),
            conversation_id: conversation.map(str::to_owned),
            provider: Some(provider.into()),
            task: None,
        };
    let first = nis
        .chat(ask_as("I am Ann", "ann", None, "scripted"))
        .await
        .unwrap();
    let id = first.conversation_id.as_str();
    let second = nis
        .chat(ask_as("Who am I?", "ann", Some(id), "scripted"))
        .await
        .unwrap();
    assert_eq!(
        (second.response.as_str(), second.conversation_id.as_str()),
        ("You are Ann.", id)
    );
    let seen: Vec<(Role, String)> = provider.requests()[1]
        .messages
        .iter()
        .skip(1)
        .map(|m| (m.role, m.content.clone()))
        .collect();
    let want = [
        (Role::User, "I am Ann"),
        (Role::Assistant, "Hello Ann."),
        (Role::User, "Who am I?"),
    ];
    assert_eq!(seen, want.map(|(r, t)| (r, t.to_owned())));
    let e = nis
        .chat(ask_as("Who is it?", "bob", Some(id), "scripted"))
        .await
        .unwrap_err();
    assert_eq!(e.field(), Some("conversation_id"));
    assert_eq!(nis.health().conversations_active, 1);

    let stored = nis
        .chat(ask_as(
            "Remember that my dog is called Rex",
            "ann",
            None,
            "offline",
        ))
        .await
        .unwrap();
    assert_eq!(stored.response, "I have stored: my dog is called Rex");
    let recall = |user: &'static str| {
        nis.chat(ask_as(
            "What do you remember about my dog?",
            user,
            None,
            "offline",
        ))
    };
    assert_eq!(
        recall("ann").await.unwrap().response,
        "I have stored: my dog is called Rex"
    );
    assert_eq!(
        recall("bob").await.unwrap().response,
        "I have nothing stored about this."
    );
}

/// A damped oscillation of period 4 in the message goes through the signal agent.
#[tokio::test(flavor = "multi_thread")]
async fn data_in_the_message_is_analysed() {
    let t: Vec<f64> = (0..200).map(|i| f64::from(i) * 0.1).collect();
    let y: Vec<f64> = t
        .iter()
        .map(|t| (-0.05 * t).exp() * (std::f64::consts::TAU * t / 4.0).cos())
        .collect();
    let data =
        serde_json::json!({"columns": [{"name": "t", "values": t}, {"name": "y", "values": y}]});
    let reply = nis()
        .chat(ask(&format!("Please analyse this: {data}")))
        .await
        .unwrap();
    let actors: Vec<&str> = reply
        .reasoning_trace
        .iter()
        .map(|s| s.actor.as_str())
        .collect();
    assert!(actors.contains(&"signal"), "{actors:?}");
    println!("{}", reply.response);
    let period = reply.response.split("period").nth(1).unwrap_or("");
    let period: f64 = period
        .trim_start()
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .find(|w| !w.is_empty())
        .and_then(|w| w.trim_end_matches('.').parse().ok())
        .unwrap_or(f64::NAN);
    assert!((period - 4.0).abs() <= 0.01, "{}", reply.response);
}

#[tokio::test]
async fn tools_run_for_a_model_and_their_errors_go_back_to_it() {
    let provider = Scripted::of(&[
        calls(&[
            ("calculate", r#"{"expression":"3*4"}"#),
            ("calculate", "{broken"),
            ("nothing", "{}"),
            ("calculate", r#"{"expression":"1/0"}"#),
        ]),
        text("3*4 = 12"),
    ]);
    let reply = with(&provider).chat(ask("go")).await.unwrap();
    assert_eq!(
        (
            reply.response.as_str(),
            reply.tokens_used,
            reply.model.as_str()
        ),
        ("3*4 = 12", Some(30), "scripted-1")
    );
    let second = &provider.requests()[1];
    let results: Vec<&str> = second
        .messages
        .iter()
        .filter(|m| m.role == Role::Tool)
        .map(|m| m.content.as_str())
        .collect();
    assert_eq!(results[0], r#"{"expression":"3*4","value":12.0}"#);
    for (result, code) in results[1..].iter().zip(["parse", "not_found", "numerical"]) {
        assert!(result.contains(&format!("\"code\":\"{code}\"")), "{result}");
    }
    let ids: Vec<_> = second
        .messages
        .iter()
        .filter_map(|m| m.tool_call_id.as_deref())
        .collect();
    assert_eq!(ids, ["c0", "c1", "c2", "c3"]);
}

#[tokio::test]
async fn wrong_statements_are_found_and_lower_the_confidence() {
    let nis = with(&Scripted::of(&[
        text("2+2 = 5, and 3*3 = 9."),
        text("I like the sea."),
    ]));
    let mut events = nis.events();
    let reply = nis.chat(ask("?")).await.unwrap();
    assert_eq!(reply.confidence, Some(0.5));
    let step = reply
        .reasoning_trace
        .iter()
        .find(|s| s.actor == "physics")
        .unwrap();
    assert_eq!(step.result, "1 of 2 held; `2+2 = 5` does not hold: 4");
    assert_eq!(nis.chat(ask("?")).await.unwrap().confidence, None);
    let mut topics = vec![];
    for _ in 0..3 {
        topics.push(events.next().await.unwrap().unwrap().topic);
    }
    assert_eq!(topics, ["claim.failed", "memory.saved", "chat.answered"]);
    assert!(
        nis.metrics()
            .contains("nis_checked_replies_total{verdict=\"failed\"} 1")
    );
}

#[tokio::test]
async fn a_single_chat_makes_one_call_without_tools() {
    let provider = Scripted::of(&[
        calls(&[("calculate", r#"{"expression":"1"}"#)]),
        text("yes"),
    ]);
    let nis = with(&provider);
    assert!(nis.chat_single(ask("a")).await.is_err());
    assert_eq!(nis.chat_single(ask("b")).await.unwrap().response, "yes");
    assert_eq!(provider.requests().len(), 2);
    assert!(provider.requests().iter().all(|r| r.tools.is_empty()));
    let offline = ChatRequest {
        provider: Some("offline".into()),
        ..ask("12 times 7")
    };
    assert_eq!(
        nis.chat_single(offline).await.unwrap().response,
        "12 * 7 = 84"
    );
}

#[tokio::test]
async fn endless_tool_calls_end() {
    let provider = Scripted::of(&vec![
        calls(&[("calculate", r#"{"expression":"1+1"}"#)]);
        50
    ]);
    let e = with(&provider).chat(ask("loop")).await.unwrap_err();
    assert!(matches!(e, Error::Provider { .. }), "{e}");
    assert_eq!(
        provider.requests().len(),
        nis_core::agent::roster::MAX_ROUNDS + 1
    );
}

#[tokio::test]
async fn a_failed_chat_leaves_no_turns() {
    let nis = with(&Scripted::of(&[]));
    let e = nis.chat(ask("hello")).await.unwrap_err();
    assert!(
        matches!(
            e,
            Error::Provider {
                status: Some(503),
                retryable: true,
                ..
            }
        ),
        "{e}"
    );
    assert_eq!(nis.health().conversations_active, 0);
    let metrics = nis.metrics();
    assert!(
        metrics.contains("nis_chat_requests_total{provider=\"scripted\",outcome=\"error\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("nis_errors_total{code=\"provider\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn bad_requests_name_their_field() {
    let nis = nis();
    let long = "é".repeat(600_000);
    for (request, field) in [
        (ask(""), "message"),
        (ask(" \n"), "message"),
        (ask(&long), "message"),
        (
            ChatRequest {
                provider: Some("nobody".into()),
                ..ask("a")
            },
            "provider",
        ),
        (
            ChatRequest {
                conversation_id: Some("".into()),
                ..ask("a")
            },
            "conversation_id",
        ),
        (
            ChatRequest {
                conversation_id: Some("a b".into()),
                ..ask("a")
            },
            "conversation_id",
        ),
        (
            ChatRequest {
                conversation_id: Some("x".repeat(129)),
                ..ask("a")
            },
            "conversation_id",
        ),
        (
            ChatRequest {
                user_id: Some("a\0".into()),
                ..ask("a")
            },
            "user_id",
        ),
    ] {
        let e = nis.chat(request.clone()).await.unwrap_err();
        assert_eq!(e.field(), Some(field), "{e}");
        assert!(e.to_string().len() < 500);
    }
}

#[tokio::test]
async fn nine_agents_refuse_and_five_work() {
    let nis = nis();
    let agents = nis.agents();
    let names: Vec<&str> = agents.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "signal",
            "reasoning",
            "physics",
            "reflection",
            "memory",
            "coordination",
            "vision",
            "document",
            "research",
            "simulation",
            "a2a",
            "mcp",
            "learning",
            "local_model"
        ]
    );
    let ready: Vec<&str> = agents
        .iter()
        .filter(|a| a.state == State::Ready)
        .map(|a| a.name.as_str())
        .collect();
    assert_eq!(
        ready,
        ["signal", "reasoning", "physics", "memory", "coordination"]
    );
    for agent in agents.iter().filter(|a| a.state != State::Ready) {
        let e = nis
            .ask_agent(
                &agent.name,
                Task::Check {
                    text: "2+2 = 4".into(),
                },
            )
            .await
            .unwrap_err();
        assert!(
            matches!(&e, Error::Unavailable { what, reason } if what.contains(&agent.name) && !reason.is_empty()),
            "{e}"
        );
    }
    for name in ["signal", "reasoning", "memory", "coordination"] {
        let e = nis
            .ask_agent(
                name,
                Task::Check {
                    text: String::new(),
                },
            )
            .await
            .unwrap_err();
        assert!(matches!(e, Error::InvalidInput { .. }), "{name}: {e}");
    }
    assert!(
        nis.ask_agent(
            "nobody",
            Task::Check {
                text: String::new()
            }
        )
        .await
        .is_err()
    );
    let json = serde_json::to_value(&agents[6]).unwrap();
    assert_eq!(
        (json["name"].as_str(), json["state"].as_str()),
        (Some("vision"), Some("unavailable"))
    );
}

#[tokio::test]
async fn health_is_honest() {
    let health = nis().health();
    assert_eq!(
        (
            health.status.as_str(),
            health.pattern.as_str(),
            health.agents_registered
        ),
        ("healthy", "nis_v3_agnostic", 14)
    );
    assert_eq!(
        (health.provider, health.model, health.real_ai),
        (vec!["offline".into()], vec!["offline".into()], vec![false])
    );
    assert_eq!(
        health.tools_available,
        [
            "calculate",
            "convert_units",
            "constant",
            "analyze",
            "remember",
            "recall"
        ]
    );

    let config = Config::from_json(
        r#"{"providers": [{"name": "openai", "api_key": "your_openai_api_key_here"},
            {"name": "other", "api_key": "sk-REALKEY123", "base_url": "https://example.com/v1", "model": "m"}]}"#,
    )
    .unwrap();
    let nis = Nis::new(config.clone()).unwrap();
    let health = nis.health();
    assert_eq!(health.provider, ["other", "offline"]);
    assert_eq!(health.real_ai, [true, false]);
    let e = nis
        .chat(ChatRequest {
            provider: Some("openai".into()),
            ..ask("a")
        })
        .await
        .unwrap_err();
    assert!(matches!(e, Error::Unavailable { .. }), "{e}");
    let degraded = Nis::new(Config {
        default_provider: Some("openai".into()),
        ..config
    })
    .unwrap();
    assert_eq!(degraded.health().status, "degraded");
    let shown = format!("{nis:?} {:?} {}", nis.health(), nis.metrics());
    assert!(!shown.contains("REALKEY"), "{shown}");
}

#[test]
fn blocking_calls_work_outside_and_are_refused_inside_a_runtime() {
    let one = nis();
    assert_eq!(one.chat_blocking(ask("6*7")).unwrap().response, "6*7 = 42");
    assert_eq!(
        one.chat_single_blocking(ask("6*7")).unwrap().response,
        "6*7 = 42"
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        assert!(matches!(
            one.chat_blocking(ask("1+1")),
            Err(Error::Unavailable { .. })
        ));
        // Dropped inside a runtime, with its own threads running.
        drop(one);
        let another = nis();
        assert_eq!(another.chat(ask("1+1")).await.unwrap().response, "1+1 = 2");
    });
    // Outside of any runtime the future says what it needs.
    let lone = nis();
    let mut future = Box::pin(lone.chat(ask("1+1")));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let polled = std::future::Future::poll(future.as_mut(), &mut context);
    assert!(
        matches!(
            polled,
            std::task::Poll::Ready(Err(Error::Unavailable { .. }))
        ),
        "{polled:?}"
    );
    // From many threads at once.
    let shared = nis();
    let answers: Vec<ChatReply> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let nis = &shared;
                scope.spawn(move || nis.chat_blocking(ask(&format!("{n}+1"))).unwrap())
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for (n, reply) in answers.iter().enumerate() {
        assert_eq!(reply.response, format!("{n}+1 = {}", n + 1));
    }
    let mut ids: Vec<_> = answers.iter().map(|r| &r.conversation_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    assert_eq!(
        nis().health().conversations_active,
        0,
        "two runtimes share nothing"
    );
}

#[tokio::test]
async fn a_dropped_chat_is_counted_as_cancelled() {
    let provider = Arc::new(Scripted {
        delay: Duration::from_secs(60),
        ..Scripted::default()
    });
    let nis = with(&provider);
    let dropped = tokio::time::timeout(Duration::from_millis(50), nis.chat(ask("slow"))).await;
    assert!(dropped.is_err());
    let metrics = nis.metrics();
    assert!(
        metrics.contains("nis_errors_total{code=\"cancelled\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("nis_provider_calls_total{provider=\"scripted\",outcome=\"dropped\"} 1"),
        "{metrics}"
    );
    assert_eq!(nis.health().conversations_active, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offline_answer_is_fast() {
    let folder = tempfile::tempdir().unwrap();
    for store_path in [None, Some(folder.path().join("nis.db"))] {
        let nis = Nis::new(Config {
            store_path: store_path.clone(),
            ..Config::default()
        })
        .unwrap();
        let mut times = vec![];
        for _ in 0..200 {
            let started = Instant::now();
            nis.chat(ask("What is 2+2?")).await.unwrap();
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "store {store_path:?}: median {:.3} ms, p99 {:.3} ms",
            times[100], times[197]
        );
        assert!(times[100] < 5.0, "median {} ms", times[100]);
    }
}

#[tokio::test]
async fn metrics_are_valid_exposition_text() {
    let nis = nis();
    nis.chat(ask("1+1")).await.unwrap();
    let _ = nis.chat(ask("")).await;
    let text = nis.metrics();
    let mut families = std::collections::BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(
                families.insert(name.to_owned(), kind.to_owned()).is_none(),
                "{name} twice"
            );
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(
                value
                    .parse::<f64>()
                    .is_ok_and(|v| v.is_finite() && v >= 0.0),
                "{line}"
            );
            let name = series.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|s| name.strip_suffix(s))
                .filter(|f| families.contains_key(*f))
                .unwrap_or(name);
            assert!(families.contains_key(family), "{line}");
        }
    }
    assert_eq!(families["nis_chat_duration_seconds"], "histogram");
    assert!(text.contains("nis_chat_requests_total{provider=\"offline\",outcome=\"ok\"} 1"));
    assert!(text.contains("nis_chat_requests_total{provider=\"none\",outcome=\"error\"} 1"));
    assert!(text.contains("nis_chat_duration_seconds_bucket{provider=\"offline\",le=\"+Inf\"} 1"));
    assert!(text.contains("nis_provider_calls_total{provider=\"offline\",outcome=\"ok\"} 2"));
    assert!(text.contains("nis_conversations 1"));
}
