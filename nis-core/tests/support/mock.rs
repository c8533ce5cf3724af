//! A server in this process that answers as it is told, on the loopback address only.
// Not every test file uses all of it.
#![allow(dead_code)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nis_core::provider::{Endpoint, HttpOptions, HttpProvider, Message, Request, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) const KEY: &str = "sk-SENTINEL-4711";

/// Answers each request with the next raw reply (the last one for ever) and keeps the requests.
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    /// Connections of [`Act::Drip`] that the client closed.
    pub(crate) closed: Arc<AtomicUsize>,
}

#[derive(Clone)]
pub(crate) enum Act {
    /// These bytes, then the connection is closed.
    Say(Vec<u8>),
    /// A head and the first bytes of a body, then these pieces, one after the other with a pause between, and
    /// nothing more for ever.
    Drip(Vec<Vec<u8>>, Duration),
    /// Nothing, for ever.
    Hang,
    /// A head and then bytes without end.
    Flood,
}

pub(crate) fn reply(status: &str, kind: &str, body: &str) -> Act {
    Act::Say(
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes(),
    )
}

pub(crate) fn good(text: &str) -> Act {
    let body = serde_json::json!({"model": "m-1", "choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4}});
    reply("200 OK", "application/json", &body.to_string())
}

pub(crate) async fn serve(acts: Vec<Act>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (kept, next) = (requests.clone(), Arc::new(AtomicUsize::new(0)));
    let gone = Arc::new(AtomicUsize::new(0));
    let closed = gone.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (kept, next, acts) = (kept.clone(), next.clone(), acts.clone());
            let closed = closed.clone();
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                let mut buffer = [0u8; 4096];
                loop {
                    let n = socket.read(&mut buffer).await.unwrap_or(0);
                    bytes.extend_from_slice(&buffer[..n]);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let length = head
                            .lines()
                            .find_map(|l| {
                                l.to_lowercase()
                                    .strip_prefix("content-length: ")?
                                    .parse::<usize>()
                                    .ok()
                            })
                            .unwrap_or(0);
                        if body.len() >= length {
                            kept.lock().unwrap().push(text);
                            break;
                        }
                    }
                    if n == 0 {
                        return;
                    }
                }
                let n = next.fetch_add(1, Ordering::SeqCst).min(acts.len() - 1);
                match &acts[n] {
                    Act::Say(bytes) => {
                        let _ = socket.write_all(bytes).await;
                        let _ = socket.shutdown().await;
                    }
                    Act::Drip(pieces, pause) => {
                        for piece in pieces {
                            if socket.write_all(piece).await.is_err() {
                                break;
                            }
                            tokio::time::sleep(*pause).await;
                        }
                        // Until the other side goes away.
                        let _ = socket.read(&mut buffer).await;
                        closed.fetch_add(1, Ordering::SeqCst);
                    }
                    Act::Hang => tokio::time::sleep(Duration::from_secs(600)).await,
                    Act::Flood => {
                        let _ = socket
                            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
                            .await;
                        while socket.write_all(&[b' '; 65536]).await.is_ok() {}
                    }
                }
            });
        }
    });
    Server {
        base,
        requests,
        closed: gone,
    }
}

impl Server {
    pub(crate) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    pub(crate) fn provider(&self, change: impl FnOnce(&mut HttpOptions)) -> HttpProvider {
        let mut options = HttpOptions {
            backoff: Duration::from_millis(5),
            timeout: Duration::from_secs(20),
            ..HttpOptions::default()
        };
        change(&mut options);
        let endpoint = Endpoint::parse("base_url", &self.base).unwrap();
        HttpProvider::new("mock", "model-x", endpoint, Some(Secret::new(KEY)), options)
    }
}

pub(crate) fn hello() -> Request {
    Request {
        messages: vec![Message::user("hello")],
        ..Request::default()
    }
}
