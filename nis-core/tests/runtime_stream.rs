//! Answers heard while they are made: order of parts, errors, cancellation, hosts without an async runtime.

#![cfg(feature = "runtime")]
// clippy.toml allows these in `#[test]` functions, not in the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/mock.rs"]
mod mock;

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use mock::{Act, Server, reply, serve};
use nis_core::Error;
use nis_core::provider::{Completion, Message, Pending, Provider, Request};
use nis_core::runtime::{ChatReply, ChatRequest, ChatStream, Config, Nis, Part};

fn ask(message: &str) -> ChatRequest {
    ChatRequest {
        message: message.into(),
        ..ChatRequest::default()
    }
}

async fn all(mut stream: ChatStream) -> (Vec<Part>, Option<Error>) {
    let (mut parts, mut error) = (Vec::new(), None);
    while let Some(batch) = stream.next_batch().await {
        assert!(error.is_none(), "something came after the error");
        match batch {
            Ok(batch) => {
                assert!(!batch.is_empty());
                parts.extend(batch);
            }
            Err(e) => error = Some(e),
        }
    }
    assert!(stream.next_batch().await.is_none());
    (parts, error)
}

fn kinds(parts: &[Part]) -> Vec<String> {
    let kind = |p: &Part| {
        serde_json::to_value(p).unwrap()["type"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    parts.iter().map(kind).collect()
}

fn said(parts: &[Part]) -> String {
    let text = |p: &Part| match p {
        Part::Text { text } => Some(text.clone()),
        _ => None,
    };
    parts.iter().filter_map(text).collect()
}

fn last(parts: &[Part]) -> &ChatReply {
    match parts.last() {
        Some(Part::Reply(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

async fn with(acts: Vec<Act>) -> (Nis, Server) {
    let server = serve(acts).await;
    let provider = Arc::new(server.provider(|o| o.max_retries = 0));
    (
        Nis::with_providers(Config::default(), vec![provider]).unwrap(),
        server,
    )
}

fn event(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"model\":\"m-1\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

#[tokio::test]
async fn the_offline_provider_streams_and_says_what_it_is() {
    let nis = Nis::new(Config::default()).unwrap();
    let (parts, error) = all(nis.stream(ask("What is 2+2?"))).await;
    assert_eq!(error, None);
    assert_eq!(
        kinds(&parts),
        [
            "begin",
            "tool_call",
            "tool_result",
            "text",
            "claims",
            "reply"
        ]
    );
    let Part::Begin {
        provider,
        real_ai,
        conversation_id,
        ..
    } = &parts[0]
    else {
        panic!()
    };
    assert_eq!((provider.as_str(), *real_ai), ("offline", false));
    let reply = last(&parts);
    assert_eq!(&reply.conversation_id, conversation_id);
    assert_eq!(
        (reply.response.as_str(), reply.confidence),
        ("2+2 = 4", Some(1.0))
    );
    assert_eq!((reply.usage, reply.tokens_used), (None, None));
    assert_eq!(said(&parts), reply.response);
    // The conversation goes on as one that was not streamed.
    let again = ChatRequest {
        conversation_id: Some(conversation_id.clone()),
        ..ask("Who are you?")
    };
    let reply = nis.chat(again).await.unwrap();
    assert!(
        reply.reasoning_trace[0]
            .result
            .starts_with("2 earlier turns"),
        "{:?}",
        reply.reasoning_trace[0]
    );
    // Parts go through JSON and back.
    for part in &parts {
        let text = serde_json::to_string(part).unwrap();
        assert_eq!(&serde_json::from_str::<Part>(&text).unwrap(), part);
    }
}

#[tokio::test]
async fn tools_run_between_the_texts_and_tokens_are_added_up() {
    let call = r#"{"tool_calls":[{"index":0,"id":"c1","function":{"name":"calculate","arguments":"{\"expression\":\"6*7\"}"}}]}"#;
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\n";
    let first = [
        event(r#"{"content":"Let me see. "}"#, "null"),
        event(call, "null"),
        event("{}", "\"tool_calls\""),
        usage.to_owned(),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let second = [
        event(r#"{"content":"6*7 "}"#, "null"),
        event(r#"{"content":"= 42, and 2+2 = 5"}"#, "null"),
        event("{}", "\"stop\""),
        usage.to_owned(),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let (nis, server) = with(vec![
        reply("200 OK", "text/event-stream", &first),
        reply("200 OK", "text/event-stream", &second),
    ])
    .await;
    let (parts, error) = all(nis.stream(ask("six times seven?"))).await;
    assert_eq!(error, None);
    assert_eq!(
        kinds(&parts),
        [
            "begin",
            "text",
            "tool_call",
            "tool_result",
            "text",
            "text",
            "claims",
            "reply"
        ]
    );
    let Part::ToolResult { id, result, .. } = &parts[3] else {
        panic!()
    };
    assert_eq!(
        (id.as_str(), &result["value"]),
        ("c1", &serde_json::json!(42.0))
    );
    let Part::Claims { claims, confidence } = &parts[6] else {
        panic!()
    };
    assert_eq!(
        claims.iter().map(|c| c.holds).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(*confidence, Some(0.5));
    let reply = last(&parts);
    assert_eq!(reply.response, "6*7 = 42, and 2+2 = 5");
    assert_eq!(said(&parts[4..]), reply.response);
    let usage = reply.usage.unwrap();
    assert_eq!(
        (usage.input, usage.output, usage.cached),
        (Some(20), Some(10), None)
    );
    assert_eq!(reply.tokens_used, Some(30));
    assert!(server.requests.lock().unwrap()[1].contains("\"stream\":true"));
}

#[tokio::test]
async fn what_came_before_an_error_is_heard_and_then_the_error_once() {
    let cut = [HEAD, event(r#"{"content":"half"}"#, "null").as_bytes()].concat();
    let (nis, server) = with(vec![Act::Say(cut)]).await;
    let (parts, error) = all(nis.stream(ask("hello"))).await;
    assert_eq!(kinds(&parts), ["begin", "text"]);
    let error = error.unwrap();
    assert!(
        matches!(
            &error,
            Error::Provider {
                retryable: true,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        server.count(),
        1,
        "a reply that began is not asked for again"
    );
    // Nothing of a failed answer is kept.
    assert_eq!(nis.health().conversations_active, 0);

    let (parts, error) = all(nis.stream(ask(" "))).await;
    assert_eq!((parts.len(), error.unwrap().field()), (0, Some("message")));
}

#[tokio::test]
async fn dropping_the_stream_closes_the_socket_and_leaves_no_task() {
    let pieces = vec![
        [HEAD, event(r#"{"content":"a"}"#, "null").as_bytes()].concat(),
        event(r#"{"content":"b"}"#, "null").into_bytes(),
    ];
    let (nis, server) = with(vec![Act::Drip(pieces, Duration::from_millis(5))]).await;
    let before = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let mut stream = nis.stream(ask("hello"));
    let mut heard = String::new();
    while heard != "ab" {
        heard += &said(&stream.next_batch().await.unwrap().unwrap());
    }
    drop(stream);
    let closed = async {
        while server.closed.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // The mock's own task of this connection ends with it, hyper's too.
        while tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
            > before
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_millis(100), closed)
        .await
        .unwrap();
    assert!(
        nis.metrics()
            .contains(r#"nis_errors_total{code="cancelled"} 1"#)
    );
}

#[tokio::test]
async fn a_conversation_of_the_host_is_answered_and_not_kept() {
    let nis = Nis::new(Config::default()).unwrap();
    let request = Request {
        messages: vec![Message::system("Be brief."), Message::user("What is 2+2?")],
        ..Request::default()
    };
    let (parts, error) = all(nis.converse(request.clone(), None, None)).await;
    assert_eq!((error, last(&parts).response.as_str()), (None, "2+2 = 4"));
    assert_eq!(nis.health().conversations_active, 0);
    for (request, field) in [
        (Request::default(), "messages"),
        (
            Request {
                messages: vec![Message::system("x")],
                ..Request::default()
            },
            "messages",
        ),
        (
            Request {
                tools: nis.tools(),
                ..request
            },
            "tools",
        ),
    ] {
        let (_, error) = all(nis.converse(request, None, None)).await;
        assert_eq!(error.unwrap().field(), Some(field));
    }
}

#[test]
fn hosts_without_a_runtime_take_batches() {
    let nis = Nis::new(Config::default()).unwrap();
    let mut stream = nis.stream_blocking(ask("What is 2+2?"));
    let mut parts = Vec::new();
    while let Some(batch) = stream.next_batch(Duration::from_secs(10)).unwrap() {
        parts.extend(batch);
    }
    assert_eq!(last(&parts).response, "2+2 = 4");
    assert_eq!(stream.next_batch(Duration::ZERO), Ok(None));

    // Inside an async runtime it would block a thread of it.
    let inside = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut stream = nis.stream_blocking(ask("What is 2+2?"));
    let e = inside.block_on(async { stream.next_batch(Duration::ZERO) });
    assert!(matches!(e, Err(Error::Unavailable { .. })), "{e:?}");
}

#[test]
fn a_wait_that_passes_gives_nothing_and_loses_nothing() {
    let host = tokio::runtime::Runtime::new().unwrap();
    let pieces = vec![
        [HEAD, event(r#"{"content":"a"}"#, "null").as_bytes()].concat(),
        [event("{}", "\"stop\""), "data: [DONE]\n\n".to_owned()]
            .concat()
            .into_bytes(),
    ];
    let (nis, server) = host.block_on(with(vec![Act::Drip(pieces, Duration::from_millis(60))]));
    let mut stream = nis.stream_blocking(ask("hello"));
    let (mut empty, mut text) = (0, String::new());
    while text.is_empty() {
        let batch = stream
            .next_batch(Duration::from_millis(5))
            .unwrap()
            .unwrap();
        text += &said(&batch);
    }
    for _ in 0..3 {
        empty += usize::from(
            stream
                .next_batch(Duration::from_millis(1))
                .unwrap()
                .unwrap()
                .is_empty(),
        );
    }
    assert_eq!((empty, text.as_str()), (3, "a"));
    drop(stream);
    host.block_on(async {
        while server.closed.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn batches_come_on_the_runtimes_threads_until_the_answering_is_dropped() {
    let nis = Nis::new(Config::default()).unwrap();
    let (sender, receiver) = mpsc::channel();
    let answering = nis
        .stream_each(ask("What is 2+2?"), move |batch| {
            let _ = sender.send(batch.unwrap());
            ControlFlow::Continue(())
        })
        .unwrap();
    let parts: Vec<Part> = receiver.iter().flatten().collect();
    assert_eq!(last(&parts).response, "2+2 = 4");
    drop(answering);

    let host = tokio::runtime::Runtime::new().unwrap();
    let (nis, server) = host.block_on(with(vec![Act::Drip(
        vec![[HEAD, event(r#"{"content":"a"}"#, "null").as_bytes()].concat()],
        Duration::ZERO,
    )]));
    let (sender, receiver) = mpsc::channel();
    let answering = nis
        .stream_each(ask("hello"), move |batch| {
            let _ = sender.send(batch);
            ControlFlow::Continue(())
        })
        .unwrap();
    let mut text = String::new();
    while text.is_empty() {
        text += &said(&receiver.recv().unwrap().unwrap());
    }
    drop(answering);
    // The sender goes with the task.
    assert!(receiver.recv_timeout(Duration::from_secs(5)).is_err());
    host.block_on(async {
        while server.closed.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[derive(Debug)]
struct Panics;

impl Provider for Panics {
    fn name(&self) -> &str {
        "panics"
    }

    fn model(&self) -> &str {
        "panics"
    }

    fn real_ai(&self) -> bool {
        false
    }

    fn complete<'a>(&'a self, _: &'a Request) -> Pending<'a, nis_core::Result<Completion>> {
        Box::pin(async { panic!("on purpose") })
    }
}

#[tokio::test]
async fn a_panic_of_a_provider_is_an_error_of_the_stream() {
    let nis = Nis::with_providers(Config::default(), vec![Arc::new(Panics)]).unwrap();
    let (parts, error) = all(nis.stream(ask("hello"))).await;
    assert_eq!(kinds(&parts), ["begin"]);
    assert!(matches!(error, Some(Error::Internal { .. })), "{error:?}");
}
