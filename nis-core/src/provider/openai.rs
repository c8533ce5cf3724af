//! The chat-completions wire of OpenAI, which vLLM, Ollama, llama.cpp, LM Studio and many more speak.
//!
//! Pure: [`encode`] makes the body, [`Decoder`] takes bytes. Facts of the format and of how servers deviate:
//! the providers' published API references and recorded replies (tests/fixtures/providers).

use serde::Deserialize;
use serde_json::{Value, json};

use super::message::{Completion, Event, Finish, Fold, Message, Request, Role, Usage};
use super::sse::Framer;
use crate::error::{Error, Result};

/// How a server deviates from OpenAI's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Name of the field for the longest completion: OpenAI's reasoning models refuse `max_tokens`, most
    /// other servers know nothing else.
    pub max_tokens: &'static str,
}

impl Dialect {
    /// OpenAI's own server.
    pub const OPENAI: Dialect = Dialect {
        max_tokens: "max_completion_tokens",
    };
    /// Any other server.
    pub const COMPATIBLE: Dialect = Dialect {
        max_tokens: "max_tokens",
    };
}

/// The request body.
pub fn encode(request: &Request, model: &str, dialect: Dialect, stream: bool) -> Value {
    let mut body = json!({
        "model": model,
        "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
        "stream": stream,
    });
    let mut set = |key: &str, value: Value| {
        if let Some(map) = body.as_object_mut() {
            map.insert(key.to_owned(), value);
        }
    };
    if stream {
        set("stream_options", json!({"include_usage": true}));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            }})
        });
        set("tools", tools.collect());
        set("tool_choice", json!("auto"));
    }
    if let Some(limit) = request.max_tokens {
        set(dialect.max_tokens, json!(limit));
    }
    body
}

fn message(message: &Message) -> Value {
    match message.role {
        Role::System => json!({"role": "system", "content": message.content}),
        Role::User => json!({"role": "user", "content": message.content}),
        Role::Tool => json!({
            "role": "tool", "tool_call_id": message.tool_call_id, "content": message.content,
        }),
        Role::Assistant if message.tool_calls.is_empty() => {
            json!({"role": "assistant", "content": message.content})
        }
        Role::Assistant => {
            let calls = message.tool_calls.iter().map(|call| {
                json!({"id": call.id, "type": "function",
                       "function": {"name": call.name, "arguments": call.arguments}})
            });
            let content = if message.content.is_empty() {
                Value::Null
            } else {
                json!(message.content)
            };
            json!({"role": "assistant", "content": content, "tool_calls": calls.collect::<Vec<_>>()})
        }
    }
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

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default, alias = "message")]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Delta {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<WireCall>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct WireCall {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<WireFunction>,
}

#[derive(Deserialize)]
struct WireFunction {
    #[serde(default)]
    name: Option<String>,
    /// A string by the book; some servers send the object itself.
    #[serde(default)]
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

/// Reads a reply as it arrives. A whole JSON reply and a stream of chunks go through the same events.
#[derive(Debug)]
pub struct Decoder {
    form: Form,
    finished: bool,
    received: usize,
}

#[derive(Debug)]
enum Form {
    Whole(Vec<u8>),
    Stream(Framer),
}

impl Decoder {
    /// For a reply that is one JSON object.
    pub fn whole() -> Self {
        Decoder {
            form: Form::Whole(Vec::new()),
            finished: false,
            received: 0,
        }
    }

    /// For a reply of server-sent events.
    pub fn stream() -> Self {
        Decoder {
            form: Form::Stream(Framer::default()),
            finished: false,
            received: 0,
        }
    }

    /// Takes the next bytes; what they complete is added to `events`.
    ///
    /// # Errors
    /// [`Stop`]; the decoder is of no use afterwards.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Stop> {
        match &mut self.form {
            Form::Whole(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            Form::Stream(framer) => {
                let (mut stop, mut frames) = (None, Vec::new());
                framer
                    .push(bytes, |frame| {
                        frames.push(frame);
                        Ok(())
                    })
                    .unwrap_or_else(|e| stop = Some(Stop::Limit(e)));
                for frame in frames {
                    self.chunk(&frame, events)?;
                }
                stop.map_or(Ok(()), Err)
            }
        }
    }

    /// The connection ended: what was whole is read, and the reply must have been complete.
    ///
    /// # Errors
    /// [`Stop::Truncated`] where the server never said that the reply is complete.
    pub fn end(mut self, events: &mut Vec<Event>) -> Result<(), Stop> {
        if let Form::Whole(body) = &mut self.form {
            let body = std::mem::take(body);
            self.chunk(&body, events)?;
        }
        if self.finished {
            Ok(())
        } else {
            Err(Stop::Truncated {
                received: self.received,
            })
        }
    }

    fn chunk(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Stop> {
        let text = bytes.trim_ascii();
        if text.is_empty() || text == b"[DONE]" {
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_slice(text)
            .map_err(|e| Stop::Malformed(format!("no chat completion: {e}")))?;
        if let Some(error) = chunk.error.filter(|e| !e.is_null()) {
            let said = |key: &str| {
                let value = error.get(key)?;
                value
                    .as_str()
                    .map(str::to_owned)
                    .or_else(|| value.as_i64().map(|n| n.to_string()))
            };
            return Err(Stop::Server {
                message: said("message").unwrap_or_else(|| error.to_string()),
                code: said("code").or_else(|| said("type")),
            });
        }
        let Some(choices) = chunk.choices else {
            return Err(Stop::Malformed(
                "no chat completion: `choices` is missing".into(),
            ));
        };
        if let Some(model) = chunk.model.filter(|m| !m.is_empty()) {
            events.push(Event::Model(model));
        }
        // Only the first choice was asked for.
        for choice in choices.into_iter().filter(|c| c.index == 0) {
            self.delta(choice.delta.unwrap_or_default(), events);
            // Some servers write an empty reason where OpenAI writes null.
            if let Some(reason) = choice.finish_reason.filter(|r| !r.is_empty()) {
                self.finished = true;
                events.push(Event::Finish(match reason.as_str() {
                    "stop" => Finish::Stop,
                    "length" => Finish::Length,
                    "tool_calls" | "function_call" => Finish::ToolCalls,
                    "content_filter" => Finish::ContentFilter,
                    _ => Finish::Other(reason),
                }));
            }
        }
        if let Some(usage) = chunk.usage {
            events.push(Event::Usage(Usage {
                input: usage.prompt_tokens,
                output: usage.completion_tokens,
                cached: usage.prompt_tokens_details.and_then(|d| d.cached_tokens),
                reasoning: usage
                    .completion_tokens_details
                    .and_then(|d| d.reasoning_tokens),
            }));
        }
        Ok(())
    }

    fn delta(&mut self, delta: Delta, events: &mut Vec<Event>) {
        let text = match delta.content {
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => parts.into_iter().filter_map(|p| p.text).collect(),
            None => String::new(),
        };
        if !text.is_empty() {
            self.received = self.received.saturating_add(text.chars().count());
            events.push(Event::Text(text));
        }
        if let Some(refusal) = delta.refusal.filter(|r| !r.is_empty()) {
            events.push(Event::Refusal(refusal));
        }
        for (position, call) in delta.tool_calls.into_iter().flatten().enumerate() {
            let (name, arguments) = match call.function {
                Some(f) => (f.name, f.arguments),
                None => (None, None),
            };
            events.push(Event::ToolCall {
                // A whole reply numbers its calls by their place.
                index: call.index.unwrap_or(position),
                id: call.id.filter(|id| !id.is_empty()),
                name: name.filter(|name| !name.is_empty()),
                arguments: match arguments {
                    None | Some(Value::Null) => String::new(),
                    Some(Value::String(text)) => text,
                    Some(other) => other.to_string(),
                },
            });
        }
    }
}

/// Reads a reply that is there as a whole.
///
/// # Errors
/// [`Stop`].
pub fn decode(mut decoder: Decoder, bytes: &[u8]) -> Result<Completion, Stop> {
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
