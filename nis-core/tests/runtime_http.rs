//! The HTTP provider against a server in this process, on the loopback address only.

#![cfg(feature = "runtime")]
// clippy.toml allows these in `#[test]` functions, not in the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/mock.rs"]
mod mock;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mock::{Act, KEY, Server, good, hello, reply, serve};
use nis_core::Error;
use nis_core::provider::Provider;
use nis_core::runtime::{ChatRequest, Config, Nis};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_call_goes_there_and_back() {
    let server = serve(vec![good("hi")]).await;
    let c = server.provider(|_| ()).complete(&hello()).await.unwrap();
    assert_eq!(
        (
            c.text.as_str(),
            c.model.as_deref(),
            c.usage.unwrap().total()
        ),
        ("hi", Some("m-1"), Some(7))
    );
    let request = server.requests.lock().unwrap()[0].clone();
    assert!(
        request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request
            .to_lowercase()
            .contains(&format!("authorization: bearer {}", KEY.to_lowercase()))
    );
    assert!(request.contains(r#""model":"model-x""#));
}

#[tokio::test]
async fn a_streamed_reply_is_read_too() {
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let server = serve(vec![reply("200 OK", "text/event-stream", body)]).await;
    assert_eq!(
        server
            .provider(|_| ())
            .complete(&hello())
            .await
            .unwrap()
            .text,
        "a"
    );
}

#[tokio::test]
async fn busy_servers_are_asked_again_twice_at_most() {
    let busy = reply(
        "503 Service Unavailable",
        "application/json",
        r#"{"error":{"message":"overloaded"}}"#,
    );
    let server = serve(vec![busy.clone(), busy.clone(), good("third")]).await;
    assert_eq!(
        server
            .provider(|_| ())
            .complete(&hello())
            .await
            .unwrap()
            .text,
        "third"
    );
    assert_eq!(server.count(), 3);
    let server = serve(vec![busy.clone()]).await;
    let e = server
        .provider(|_| ())
        .complete(&hello())
        .await
        .unwrap_err();
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
    assert_eq!(server.count(), 3);
    let server = serve(vec![busy]).await;
    assert!(
        server
            .provider(|o| o.max_retries = 0)
            .complete(&hello())
            .await
            .is_err()
    );
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn the_servers_wait_is_honoured_and_capped() {
    let wait = |s: &str| {
        Act::Say(
            format!(
                "HTTP/1.1 429 Too Many Requests\r\nretry-after: {s}\r\ncontent-length: 0\r\n\r\n"
            )
            .into_bytes(),
        )
    };
    let server = serve(vec![wait("0.3"), good("later")]).await;
    let started = Instant::now();
    assert_eq!(
        server
            .provider(|_| ())
            .complete(&hello())
            .await
            .unwrap()
            .text,
        "later"
    );
    assert!(started.elapsed() >= Duration::from_millis(300));
    for long in ["86400", "30"] {
        // Longer than the cap, and longer than the deadline.
        let server = serve(vec![wait(long)]).await;
        let started = Instant::now();
        let e = server
            .provider(|_| ())
            .complete(&hello())
            .await
            .unwrap_err();
        assert!(
            matches!(
                e,
                Error::Provider {
                    status: Some(429),
                    ..
                }
            ),
            "{e}"
        );
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn what_cannot_get_better_is_not_asked_again() {
    for (act, status, said) in [
        (reply("401 Unauthorized", "application/json", r#"{"error":{"message":"Incorrect API key provided: sk-SENTINEL-4711.","code":"invalid_api_key"}}"#), 401, "Incorrect"),
        (reply("429 Too Many Requests", "application/json", r#"{"error":{"message":"quota","code":"insufficient_quota"}}"#), 429, "quota"),
        (reply("307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/", "text/plain", ""), 307, "redirect"),
        (reply("200 OK", "text/html", "<html>log in</html>"), 200, "HTML"),
        (reply("200 OK", "application/json", "{\"choices\":"), 200, "no chat completion"),
        (reply("200 OK", "application/json", r#"{"choices":[{"index":0,"message":{"content":"half"}}]}"#), 200, "before it was complete"),
        (Act::Say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"choices\":[".to_vec()), 200, "broke off"),
    ] {
        let server = serve(vec![act]).await;
        let provider = server.provider(|_| ());
        let e = provider.complete(&hello()).await.unwrap_err();
        let Error::Provider { status: got, message, .. } = &e else { panic!("{e}") };
        assert_eq!(*got, Some(status), "{e}");
        assert!(message.contains(said), "{e}");
        assert!(!format!("{e} {e:?} {provider:?}").contains("SENTINEL"), "{e}");
        assert_eq!(server.count(), 1, "{e}");
    }
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let server = serve(vec![Act::Hang]).await;
    let started = Instant::now();
    let e = server
        .provider(|o| o.timeout = Duration::from_millis(200))
        .complete(&hello())
        .await
        .unwrap_err();
    assert_eq!(
        e,
        Error::Timeout {
            what: "provider mock".into(),
            after_ms: 200
        }
    );
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_endless_reply_ends_at_the_limit() {
    let server = serve(vec![Act::Flood]).await;
    let e = server
        .provider(|o| o.max_reply_bytes = 1 << 20)
        .complete(&hello())
        .await
        .unwrap_err();
    assert!(
        matches!(
            e,
            Error::Limit {
                limit: 1_048_576,
                ..
            }
        ),
        "{e}"
    );
}

#[tokio::test]
async fn nobody_there_is_a_provider_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let server = Server {
        base,
        requests: Arc::default(),
        closed: Arc::default(),
    };
    let e = server
        .provider(|_| ())
        .complete(&hello())
        .await
        .unwrap_err();
    assert!(
        matches!(
            &e,
            Error::Provider {
                status: None,
                retryable: true,
                ..
            }
        ),
        "{e}"
    );
}

#[tokio::test]
async fn a_whole_chat_over_http_never_shows_the_key() {
    let calls = serde_json::json!({"model": "m-1", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"content": null,
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "calculate", "arguments": "{\"expression\":\"2+2\"}"}}]}}]});
    let echo = reply(
        "401 Unauthorized",
        "application/json",
        &format!(r#"{{"error":{{"message":"bad key {KEY}"}}}}"#),
    );
    let server = serve(vec![
        reply("200 OK", "application/json", &calls.to_string()),
        good("2+2 = 4"),
        echo,
    ])
    .await;
    let config = Config::from_json(&serde_json::json!({"providers": [{"name": "local", "base_url": server.base, "api_key": KEY, "model": "m"}]}).to_string()).unwrap();
    let shown_config = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
    let nis = Nis::new(config).unwrap();
    let ask = || {
        nis.chat(ChatRequest {
            message: "What is 2+2?".into(),
            ..ChatRequest::default()
        })
    };
    let reply = ask().await.unwrap();
    assert_eq!(
        (
            reply.response.as_str(),
            reply.provider.as_str(),
            reply.real_ai,
            reply.model.as_str()
        ),
        ("2+2 = 4", "local", true, "m-1")
    );
    assert_eq!((reply.confidence, reply.tokens_used), (Some(1.0), Some(7)));
    assert!(server.requests.lock().unwrap()[1].contains(r#""role":"tool""#));
    let e = ask().await.unwrap_err();
    assert!(
        matches!(
            e,
            Error::Provider {
                status: Some(401),
                retryable: false,
                ..
            }
        ),
        "{e}"
    );
    let shown = format!(
        "{shown_config} {nis:?} {reply:?} {} {e} {e:?} {:?} {} {}",
        serde_json::to_string(&reply).unwrap(),
        nis.health(),
        nis.metrics(),
        serde_json::to_string(&e).unwrap()
    );
    assert!(!shown.contains("SENTINEL"), "{shown}");
    assert!(
        nis.metrics()
            .contains("nis_tokens_total{provider=\"local\",kind=\"input\"} 3")
    );
}

#[tokio::test]
async fn a_single_chat_is_one_request() {
    let server = serve(vec![good("one")]).await;
    let config = Config::from_json(&serde_json::json!({"providers": [{"name": "local", "base_url": server.base, "model": "m"}]}).to_string()).unwrap();
    let reply = Nis::new(config)
        .unwrap()
        .chat_single(ChatRequest {
            message: "hello".into(),
            ..ChatRequest::default()
        })
        .await
        .unwrap();
    assert_eq!((reply.response.as_str(), server.count()), ("one", 1));
    assert!(!server.requests.lock().unwrap()[0].contains("\"tools\""));
    assert!(
        !server.requests.lock().unwrap()[0]
            .to_lowercase()
            .contains("authorization")
    );
}
