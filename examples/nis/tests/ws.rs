//! The WebSocket of `nis serve`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on shall stop"
)]

mod common;

use std::time::Duration;

use common::{Mock, Server, Upstream, signal, wait};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const KEY: &str = "sk-test-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(server: &Server) -> Self {
        let (socket, _) = connect_async(format!("ws://{}/ws", server.addr))
            .await
            .unwrap();
        Socket(socket)
    }

    async fn tell(&mut self, text: impl ToString) {
        self.0.send(Message::text(text.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(Duration::from_secs(30), self.0.next());
        next.await.unwrap().unwrap().unwrap()
    }

    async fn hear(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn ask(&mut self, text: impl ToString) -> Value {
        self.tell(text).await;
        self.hear().await
    }
}

#[tokio::test]
async fn each_type_has_its_answer() {
    let server = Server::start(&[]);
    let mut socket = Socket::open(&server).await;
    let pong = socket.ask(json!({"type": "ping"})).await;
    assert_eq!(pong["type"], "pong");
    assert!(pong["timestamp"].as_f64().unwrap() > 1.7e9);
    for name in ["content", "message", "query"] {
        let frame = json!({"type": "message", name: "What is 2+2?", "user_id": "ada"});
        let reply = socket.ask(frame).await;
        assert_eq!(reply["type"], "response", "{reply}");
        assert!(reply["response"].as_str().unwrap().contains('4'));
        assert_eq!(reply["provider"], "offline");
        assert_eq!(reply["user_id"], "ada");
        assert!(
            reply["conversation_id"]
                .as_str()
                .unwrap()
                .starts_with("conv_")
        );
    }
    let ack = socket.ask(json!({"type": "subscribe", "x": 1})).await;
    assert_eq!(ack["type"], "ack");
    assert_eq!(ack["received_type"], "subscribe");
}

#[tokio::test]
async fn what_does_not_fit_is_an_error_frame_and_the_socket_stays_open() {
    let server = Server::start(&[]);
    let mut socket = Socket::open(&server).await;
    let cases = [
        ("{not json", json!(["body", 1])),
        ("", json!(["body"])),
        ("[1, 2]", json!(["body"])),
        ("\"text\"", json!(["body"])),
        ("null", json!(["body"])),
        ("{}", json!(["body", "type"])),
        ("{\"type\": 7}", json!(["body", "type"])),
        ("{\"type\": \"message\"}", json!(["body", "content"])),
        (
            "{\"type\": \"message\", \"content\": 5}",
            json!(["body", "content"]),
        ),
        (
            "{\"type\": \"message\", \"message\": \"\"}",
            json!(["body", "message"]),
        ),
        (
            "{\"type\": \"message\", \"content\": \"a\", \"provider\": \"nobody\"}",
            json!(["body", "provider"]),
        ),
    ];
    for (text, place) in cases {
        let frame = socket.ask(text).await;
        assert_eq!(frame["type"], "error", "{text}");
        assert_eq!(frame["error"]["code"], "invalid_input", "{text}");
        assert!(frame["error"]["message"].is_string());
        assert_eq!(frame["detail"][0]["loc"], place, "{text}");
    }
    socket.0.send(Message::binary(vec![0, 159])).await.unwrap();
    assert_eq!(socket.hear().await["type"], "error");
    assert_eq!(socket.ask(json!({"type": "ping"})).await["type"], "pong");
}

#[tokio::test]
async fn a_message_over_the_limit_ends_its_socket_only() {
    let server = Server::start(&[]);
    let mut other = Socket::open(&server).await;
    let mut socket = Socket::open(&server).await;
    let long = json!({"type": "message", "content": "x".repeat(1 << 20)}).to_string();
    // The server may close before it took everything.
    let _ = socket.0.send(Message::text(long)).await;
    let mut seen_error = false;
    let ended = async {
        while let Some(Ok(message)) = socket.0.next().await {
            match message {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(frame["error"]["code"], "limit");
                    seen_error = true;
                }
                Message::Close(frame) => assert_eq!(frame.unwrap().code, CloseCode::Size),
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .unwrap();
    assert!(seen_error);
    assert_eq!(other.ask(json!({"type": "ping"})).await["type"], "pong");
}

#[tokio::test]
async fn a_ping_is_answered_while_a_message_waits_for_its_answer() {
    let mock = Mock::start(Upstream::Slow("Late.", Duration::from_millis(800)));
    let url = mock.base_url();
    let server = Server::start(&[("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", &url)]);
    let mut socket = Socket::open(&server).await;
    let question = json!({"type": "message", "content": "Tell me a story.", "provider": "openai"});
    socket.tell(question).await;
    assert_eq!(socket.ask(json!({"type": "ping"})).await["type"], "pong");
    let reply = socket.hear().await;
    assert_eq!(reply["type"], "response", "{reply}");
    assert_eq!(reply["response"], "Late.");
}

#[tokio::test]
async fn answers_come_in_order_and_too_many_questions_are_refused() {
    let mock = Mock::start(Upstream::Slow("Late.", Duration::from_millis(500)));
    let url = mock.base_url();
    let server = Server::start(&[("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", &url)]);
    let mut socket = Socket::open(&server).await;
    let slow = json!({"type": "message", "content": "Tell me a story.", "provider": "openai"});
    socket.tell(slow).await;
    let sent = 40_usize;
    for i in 0..sent {
        let question = json!({
            "type": "message", "content": format!("What is {i}+1000?"), "provider": "offline"
        });
        socket.tell(question).await;
    }
    let (mut refused, mut answers) = (0, Vec::new());
    while refused + answers.len() <= sent {
        let frame = socket.hear().await;
        if frame["type"] == "error" {
            assert_eq!(frame["error"]["code"], "limit");
            refused += 1;
        } else {
            answers.push(frame["response"].as_str().unwrap().replace(',', ""));
        }
    }
    assert!(refused > 0);
    assert_eq!(answers[0], "Late.");
    for (i, answer) in answers[1..].iter().enumerate() {
        assert!(answer.contains(&(i + 1000).to_string()), "{i}: {answer}");
    }
}

#[tokio::test]
async fn sigterm_closes_sockets_after_their_answer() {
    let mock = Mock::start(Upstream::Slow("Late.", Duration::from_millis(800)));
    let url = mock.base_url();
    let mut server = Server::start(&[("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", &url)]);
    let mut idle = Socket::open(&server).await;
    let mut busy = Socket::open(&server).await;
    let question = json!({"type": "message", "content": "Tell me a story.", "provider": "openai"});
    busy.tell(question).await;
    mock.wait_for_request();
    signal(&server.child, "TERM");
    let away = |message: Message| match message {
        Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::Away),
        other => panic!("{other:?}"),
    };
    away(idle.next().await);
    assert_eq!(busy.hear().await["response"], "Late.");
    away(busy.next().await);
    assert!(wait(&mut server.child, Duration::from_secs(5)).success());
}

#[tokio::test]
async fn sockets_are_counted_and_foreign_pages_refused() {
    let server = Server::start(&[]);
    let gauge = |value: u32| {
        let line = format!("nis_http_websockets {value}");
        server
            .get("/metrics")
            .text()
            .lines()
            .any(|known| known == line)
    };
    let mut socket = Socket::open(&server).await;
    socket.ask(json!({"type": "ping"})).await;
    assert!(gauge(1));
    drop(socket);
    let start = std::time::Instant::now();
    while !gauge(0) {
        assert!(start.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut request = format!("ws://{}/ws", server.addr)
        .into_client_request()
        .unwrap();
    let origin = "https://evil.example".parse().unwrap();
    request.headers_mut().insert("origin", origin);
    match connect_async(request).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
            assert_eq!(answer.status().as_u16(), 403);
        }
        other => panic!("{other:?}"),
    }
}
