//! Wire formats, without any socket: what a request looks like in a provider's dialect, and what its bytes say.
//!
//! A [`Wire`] encodes a [`Request`] and makes a [`Decoder`] for the reply. A whole reply is read as a stream that
//! came at once, so one decoder serves both, and success needs the provider's own word that the reply is
//! complete. Nothing here knows HTTP beyond path, header names and bytes.

pub mod anthropic;
pub mod chat;
mod embed;
pub mod gemini;
pub mod responses;
mod sse;
pub mod vertex;

use std::fmt;

use serde_json::Value;

pub use embed::Vectors;
pub use sse::{Frame, Framer, MAX_EVENT_BYTES};

use super::embed::EmbedRequest;
use super::message::{Completion, Event, Fold, Request};
use crate::error::{Error, Result};

/// What is posted.
#[derive(Clone, PartialEq)]
pub struct Call {
    /// After the base address, without a slash in front; may end in a query.
    pub path: String,
    /// Headers beside the key and the content type.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Value,
}

impl fmt::Debug for Call {
    /// Path and size: never the conversation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("path", &self.path)
            .field(
                "body",
                &format_args!("{} bytes", self.body.to_string().len()),
            )
            .finish_non_exhaustive()
    }
}

/// How a key is sent: the header's name and what stands before the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth {
    /// Lower-case name of the header.
    pub header: &'static str,
    /// Before the key, for example `Bearer `.
    pub prefix: &'static str,
}

impl Auth {
    /// `authorization: Bearer KEY`.
    pub const BEARER: Auth = Auth {
        header: "authorization",
        prefix: "Bearer ",
    };
}

/// How the bytes of a reply are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One JSON value.
    Whole,
    /// Server-sent events.
    Stream,
}

/// A provider's format. Implement it outside this crate to speak another.
pub trait Wire: Send + Sync + fmt::Debug {
    /// Its name; [`super::Block::wire`] carries it.
    fn name(&self) -> &'static str;

    /// How the key is sent.
    fn auth(&self) -> Auth {
        Auth::BEARER
    }

    /// The request in this format; pure.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] or [`Error::Unavailable`] for what the format cannot say.
    fn encode(&self, request: &Request, model: &str, stream: bool) -> Result<Call>;

    /// A request for embeddings in this format; pure.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the format has none (this default).
    fn encode_embed(&self, request: &EmbedRequest, model: &str) -> Result<Call> {
        let _ = (request, model);
        Err(Error::unavailable(
            format!("embeddings over the wire {}", self.name()),
            "its provider makes none",
        ))
    }

    /// Reads a whole reply with `count` embeddings.
    ///
    /// # Errors
    /// [`Stop`].
    fn decode_embed(&self, body: &[u8], count: usize) -> Result<Vectors, Stop> {
        let _ = (body, count);
        Err(Stop::Malformed("this wire reads no embeddings".into()))
    }

    /// A decoder for one reply.
    fn decoder(&self, framing: Framing) -> Box<dyn Decoder>;
}

/// Reads one reply as it arrives.
pub trait Decoder: Send {
    /// Takes the next bytes; what they complete is added to `events`.
    ///
    /// # Errors
    /// [`Stop`]; the decoder is of no use afterwards.
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Stop>;

    /// The connection ended: what was whole is read, and the reply must have been complete.
    ///
    /// # Errors
    /// [`Stop::Truncated`] where the provider never said that the reply is complete.
    fn end(self: Box<Self>, events: &mut Vec<Event>) -> Result<(), Stop>;
}

/// Why decoding stopped.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// The server reported a failure inside the reply: its message and code.
    Server {
        /// The server's words.
        message: String,
        /// Its code or type.
        code: Option<String>,
    },
    /// The bytes are no reply of this format.
    Malformed(String),
    /// The reply ended before the server said that it is complete.
    Truncated {
        /// Characters of text that had arrived.
        received: usize,
    },
    /// A limit was reached.
    Limit(Error),
}

/// What differs between formats once the bytes are cut into JSON texts.
pub(crate) trait Format: Send {
    /// Reads one event of a stream.
    fn event(&mut self, json: &[u8], out: &mut Vec<Event>) -> Result<(), Stop>;

    /// Reads a reply that is one JSON value.
    fn whole(&mut self, json: &[u8], out: &mut Vec<Event>) -> Result<(), Stop> {
        self.event(json, out)
    }

    /// Whether the provider said that the reply is complete.
    fn finished(&self) -> bool;
}

/// Cuts bytes into JSON texts and hands them to a [`Format`].
pub(crate) struct Reader<F> {
    format: F,
    bytes: Bytes,
    received: usize,
}

enum Bytes {
    Whole(Vec<u8>),
    Stream(Framer),
}

impl<F: Format> Reader<F> {
    pub(crate) fn new(framing: Framing, format: F) -> Self {
        Reader {
            format,
            bytes: match framing {
                Framing::Whole => Bytes::Whole(Vec::new()),
                Framing::Stream => Bytes::Stream(Framer::default()),
            },
            received: 0,
        }
    }

    fn count(&mut self, events: &[Event]) {
        for event in events {
            if let Event::Text(text) = event {
                self.received = self.received.saturating_add(text.chars().count());
            }
        }
    }
}

impl<F: Format> Decoder for Reader<F> {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Stop> {
        let known = events.len();
        let result = match &mut self.bytes {
            Bytes::Whole(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            Bytes::Stream(framer) => {
                // Frames first: what came before an overlong event still counts.
                let mut frames = Vec::new();
                let framed = framer.push(bytes, |frame| {
                    frames.push(frame);
                    Ok(())
                });
                frames
                    .iter()
                    .map(|frame| frame.trim_ascii())
                    .filter(|frame| !frame.is_empty())
                    .try_for_each(|frame| self.format.event(frame, events))
                    .and_then(|()| framed.map_err(Stop::Limit))
            }
        };
        self.count(events.get(known..).unwrap_or_default());
        result
    }

    fn end(mut self: Box<Self>, events: &mut Vec<Event>) -> Result<(), Stop> {
        if let Bytes::Whole(body) = &mut self.bytes {
            let body = std::mem::take(body);
            let text = body.trim_ascii();
            if !text.is_empty() {
                let known = events.len();
                self.format.whole(text, events)?;
                self.count(events.get(known..).unwrap_or_default());
            }
        }
        if self.format.finished() {
            Ok(())
        } else {
            Err(Stop::Truncated {
                received: self.received,
            })
        }
    }
}

/// Reads a reply that is there as a whole.
///
/// # Errors
/// [`Stop`].
pub fn decode(mut decoder: Box<dyn Decoder>, bytes: &[u8]) -> Result<Completion, Stop> {
    let mut events = Vec::new();
    decoder.push(bytes, &mut events)?;
    decoder.end(&mut events)?;
    fold(events)
}

/// Puts the events of a complete reply together.
///
/// # Errors
/// [`Stop::Limit`], or [`Stop::Truncated`] where no event says that the reply is complete.
pub fn fold(events: Vec<Event>) -> Result<Completion, Stop> {
    let mut fold = Fold::default();
    for event in events {
        fold.push(event).map_err(Stop::Limit)?;
    }
    fold.finish().ok_or(Stop::Truncated { received: 0 })
}

/// The failure that an `error` object reports, whichever of its fields are there and of whatever type.
pub(crate) fn server_error(error: &Value) -> Stop {
    let said = |key: &str| {
        let value = error.get(key)?;
        value
            .as_str()
            .map(str::to_owned)
            .or_else(|| value.as_i64().map(|n| n.to_string()))
    };
    Stop::Server {
        message: said("message")
            .or_else(|| error.as_str().map(str::to_owned))
            .unwrap_or_else(|| error.to_string()),
        code: said("code")
            .filter(|c| c.parse::<i64>().is_err())
            .or_else(|| said("type"))
            .or_else(|| said("status"))
            .or_else(|| said("code")),
    }
}

/// The conversation's instructions, joined; what formats want outside of the messages.
pub(crate) fn instructions(request: &Request) -> Option<String> {
    let texts: Vec<&str> = request
        .messages
        .iter()
        .filter(|m| m.role == super::Role::System)
        .map(|m| m.content.as_str())
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// The conversation in turns: messages of one role in a row stand in one turn, instructions elsewhere, and turns
/// without parts are left out. `each` gives a message's role and parts in the format's words, from its index.
pub(crate) fn turns(
    messages: &[super::Message],
    parts_key: &str,
    each: impl Fn(usize, &super::Message) -> Option<(&'static str, Vec<Value>)>,
) -> Vec<Value> {
    let mut out: Vec<(&str, Vec<Value>)> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let Some((role, parts)) = each(at, message) else {
            continue;
        };
        match out.last_mut() {
            Some((last, have)) if *last == role => have.extend(parts),
            _ => out.push((role, parts)),
        }
    }
    out.into_iter()
        .filter(|(_, parts)| !parts.is_empty())
        .map(|(role, parts)| serde_json::json!({"role": role, parts_key: parts}))
        .collect()
}

/// The pieces of a message that the wire `name` made and wants back, as they came.
pub(crate) fn own_blocks(message: &super::Message, name: &str) -> Vec<Value> {
    let own = message.blocks.iter().filter(|b| b.wire == name);
    own.filter_map(|b| serde_json::from_str(&b.json).ok())
        .collect()
}

/// JSON that is not `what` a format expects.
pub(crate) fn malformed(what: &'static str) -> impl Fn(serde_json::Error) -> Stop {
    move |error| Stop::Malformed(format!("no {what}: {error}"))
}

/// Arguments of a call as an object; formats that want one cannot say what is none.
pub(crate) fn arguments_object(call: &super::ToolCall) -> Value {
    match serde_json::from_str(&call.arguments) {
        Ok(value @ Value::Object(_)) => value,
        // The model wrote no object; it reads what it wrote, and the tool's answer said why that failed.
        _ if call.arguments.trim().is_empty() => Value::Object(serde_json::Map::new()),
        _ => serde_json::json!({"unreadable_arguments": call.arguments}),
    }
}

/// A JSON object under construction: `None` and empty lists are left out.
#[derive(Default)]
pub(crate) struct Object(serde_json::Map<String, Value>);

impl Object {
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn set_some(&mut self, key: &str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn finish(self) -> Value {
        Value::Object(self.0)
    }
}
