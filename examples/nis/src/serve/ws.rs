//! Chat over a WebSocket: JSON objects in text frames, told apart by `type`.
//!
//! `ping` is answered by `pong` at once, `message` by `response` in order of arrival, any other type by
//! `ack`. What is no JSON object is answered by `error`, and the socket stays open; only a message over
//! the size limit ends it, since the rest of that message cannot be skipped.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::http::StatusCode;
use axum::response::Response;
use futures::FutureExt;
use serde_json::{Value, json};

use super::body::{self, Chat, LIMIT};
use super::error::{Detail, Failure};
use super::routes::{App, Depth, answer};

/// Messages of one socket that wait for their answer; more are refused.
const QUEUE: usize = 16;

/// How long a client may take to accept a frame before the socket is given up.
const SEND_TIME: Duration = Duration::from_secs(10);

pub(crate) fn accept(app: Arc<App>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(LIMIT)
        .max_frame_size(LIMIT)
        .on_upgrade(move |socket| async move {
            let _open = Open::new(&app);
            // The end of a socket has nobody to be told to.
            let _ = talk(&app, socket).await;
        })
}

/// Counts a socket as open while it lives, whatever way it ends.
struct Open(Arc<App>);

impl Open {
    fn new(app: &Arc<App>) -> Self {
        app.sockets.send_modify(|count| *count += 1);
        Open(app.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0
            .sockets
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// The socket can take no more.
struct Gone;

type Answering<'a> = Pin<Box<dyn Future<Output = Value> + Send + 'a>>;

async fn talk(app: &App, mut socket: WebSocket) -> Result<(), Gone> {
    let mut stopping = app.stopping.clone();
    let mut waiting: VecDeque<Value> = VecDeque::new();
    let mut answering: Option<Answering<'_>> = None;
    loop {
        if answering.is_none() {
            answering = waiting.pop_front().map(|message| respond(app, message));
        }
        let stop = *stopping.borrow();
        if stop && answering.is_none() {
            return close(&mut socket, close_code::AWAY, "the server stops").await;
        }
        let reply = async {
            match answering.as_mut() {
                Some(future) => future.await,
                None => pending().await,
            }
        };
        tokio::select! {
            reply = reply => {
                answering = None;
                send(&mut socket, &reply).await?;
            }
            _ = stopping.changed(), if !stop => {}
            received = socket.recv(), if !stop => match received {
                None | Some(Ok(Message::Close(_))) => return Ok(()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    let failure = Failure::invalid(Detail::new(
                        "type_error",
                        "",
                        "got a binary frame, expected a text frame with a JSON object",
                    ));
                    send(&mut socket, &failure.frame()).await?;
                }
                Some(Ok(Message::Text(text))) => match receive(&text) {
                    Received::Reply(reply) => send(&mut socket, &reply).await?,
                    Received::Chat(_) if waiting.len() >= QUEUE => {
                        let failure = Failure::new(
                            StatusCode::TOO_MANY_REQUESTS,
                            "limit",
                            format!("{QUEUE} messages wait for their answer already"),
                        );
                        send(&mut socket, &failure.frame()).await?;
                    }
                    Received::Chat(message) => waiting.push_back(message),
                },
                Some(Err(_)) => {
                    let failure = Failure::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "limit",
                        format!(
                            "a frame that breaks the protocol, or a message over {LIMIT} bytes"
                        ),
                    );
                    send(&mut socket, &failure.frame()).await?;
                    return close(&mut socket, close_code::SIZE, "message too large").await;
                }
            },
        }
    }
}

enum Received {
    /// To be answered at once.
    Reply(Value),
    /// A question.
    Chat(Value),
}

fn receive(text: &str) -> Received {
    let value = match body::parse(text.as_bytes()) {
        Ok(value) => value,
        Err(failure) => return Received::Reply(failure.frame()),
    };
    let wrong = |kind, path, msg: &str, input: &Value| {
        let detail = Detail::new(kind, path, msg).with_input(input);
        Received::Reply(Failure::invalid(detail).frame())
    };
    let Some(object) = value.as_object() else {
        return wrong(
            "model_attributes_type",
            "",
            "Input should be a valid dictionary or object to extract fields from",
            &value,
        );
    };
    match object.get("type") {
        None => wrong("missing", "type", "Field required", &value),
        Some(Value::String(kind)) => match kind.as_str() {
            "ping" => Received::Reply(json!({ "type": "pong", "timestamp": now() })),
            "message" => Received::Chat(value),
            other => Received::Reply(json!({
                "type": "ack",
                "received_type": other,
                "timestamp": now(),
            })),
        },
        Some(other) => wrong(
            "string_type",
            "type",
            "Input should be a valid string",
            other,
        ),
    }
}

fn respond(app: &App, message: Value) -> Answering<'_> {
    Box::pin(async move {
        let asked = answer(&app.nis, &message, Chat::FRAME, Depth::Agents);
        let outcome = std::panic::AssertUnwindSafe(asked)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(Failure::internal("a panic was caught")));
        let failure = match outcome.map(serde_json::to_value) {
            Ok(Ok(mut reply)) => {
                reply["type"] = json!("response");
                return reply;
            }
            Ok(Err(error)) => Failure::internal(error.to_string()),
            Err(failure) => failure,
        };
        if let Some(log) = failure.log() {
            crate::complain(&format!("WS /ws: {log}"));
        }
        failure.frame()
    })
}

/// Seconds since 1970-01-01 UTC.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

async fn send(socket: &mut WebSocket, value: &Value) -> Result<(), Gone> {
    deliver(socket, Message::text(value.to_string())).await
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) -> Result<(), Gone> {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    deliver(socket, Message::Close(Some(frame))).await
}

async fn deliver(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match tokio::time::timeout(SEND_TIME, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}
