//! The Messages API of Anthropic, which also stands on Vertex AI and behind DeepSeek's `/anthropic` address.
//!
//! Thinking blocks are kept as they came and sent back first in their message: the API refuses a tool loop
//! without them. Input tokens are counted without cached ones there; [`Usage`] adds them up.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Auth, Call, Decoder, Format, Framing, Object, Reader, Stop, Wire, arguments_object,
    instructions, malformed, own_blocks, server_error, turns,
};
use crate::error::Result;
use crate::provider::message::{
    Block, Event, Finish, Image, Message, Request, Role, ToolChoice, Usage,
};

/// Version of the API.
pub const VERSION: &str = "2023-06-01";

/// Version of the API on Vertex AI, which stands in the body.
pub const VERTEX_VERSION: &str = "vertex-2023-10-16";

/// Longest completion where the request names none: the API wants a number.
pub const DEFAULT_MAX_TOKENS: u32 = 8192;

const NAME: &str = "anthropic";

/// The Messages API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anthropic;

impl Wire for Anthropic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn auth(&self) -> Auth {
        Auth {
            header: "x-api-key",
            prefix: "",
        }
    }

    fn encode(&self, request: &Request, model: &str, stream: bool) -> Result<Call> {
        let mut body = encode(request);
        body.set("model", model).set("stream", stream);
        Ok(Call {
            path: "messages".into(),
            headers: vec![("anthropic-version", VERSION.into())],
            body: body.finish(),
        })
    }

    fn decoder(&self, framing: Framing) -> Box<dyn Decoder> {
        Box::new(Reader::new(framing, Messages::default()))
    }
}

/// The body without model and version, which stand elsewhere on Vertex AI.
pub(crate) fn encode(request: &Request) -> Object {
    let mut body = Object::default();
    let max_tokens = request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
    body.set("max_tokens", max_tokens)
        .set("messages", messages(&request.messages))
        .set_some("system", instructions(request))
        .set_some("temperature", request.temperature)
        .set_some("top_p", request.top_p);
    if !request.stop.is_empty() {
        body.set("stop_sequences", request.stop.clone());
    }
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|t| {
                let mut tool = Object::default();
                tool.set("name", t.name.as_str())
                    .set("description", t.description.as_str())
                    .set("input_schema", t.parameters.clone());
                if t.strict {
                    tool.set("strict", true);
                }
                tool.finish()
            })
            .collect();
        let mut choice = match &request.tool_choice {
            ToolChoice::Auto => json!({"type": "auto"}),
            ToolChoice::None => json!({"type": "none"}),
            ToolChoice::Required => json!({"type": "any"}),
            ToolChoice::Tool(name) => json!({"type": "tool", "name": name}),
        };
        if let (Some(parallel), Some(map), true) = (
            request.parallel_tools,
            choice.as_object_mut(),
            request.tool_choice != ToolChoice::None,
        ) {
            map.insert("disable_parallel_tool_use".into(), json!(!parallel));
        }
        body.set("tools", tools).set("tool_choice", choice);
    }
    if let Some(effort) = request.effort {
        body.set("thinking", json!({"type": "adaptive"}));
        body.set("output_config", json!({"effort": effort.name()}));
    }
    if let Some(schema) = &request.schema {
        let format = json!({"type": "json_schema", "schema": schema.schema});
        let mut config = Object::default();
        config
            .set_some("effort", request.effort.map(|e| e.name()))
            .set("format", format);
        body.set("output_config", config.finish());
    }
    body
}

/// The conversation in turns of `user` and `assistant`: the API wants all results of tools in one turn of the user.
fn messages(all: &[Message]) -> Vec<Value> {
    turns(all, "content", |_, message| match message.role {
        Role::System => None,
        Role::User => Some(("user", user(message))),
        Role::Tool => Some(("user", vec![tool_result(message)])),
        Role::Assistant => Some(("assistant", assistant(message))),
    })
}

fn user(message: &Message) -> Vec<Value> {
    let mut parts = Vec::new();
    if !message.content.is_empty() {
        parts.push(json!({"type": "text", "text": message.content}));
    }
    parts.extend(message.images.iter().map(|image| {
        let source = match image {
            Image::Url(url) => json!({"type": "url", "url": url}),
            Image::Data { media_type, base64 } => {
                json!({"type": "base64", "media_type": media_type, "data": base64})
            }
        };
        json!({"type": "image", "source": source})
    }));
    parts
}

fn tool_result(message: &Message) -> Value {
    let mut part = Object::default();
    part.set("type", "tool_result")
        .set_some("tool_use_id", message.tool_call_id.as_deref())
        .set("content", message.content.as_str());
    if message.is_error {
        part.set("is_error", true);
    }
    part.finish()
}

fn assistant(message: &Message) -> Vec<Value> {
    let mut parts = own_blocks(message, NAME);
    // The API refuses empty text.
    if !message.content.is_empty() {
        parts.push(json!({"type": "text", "text": message.content}));
    }
    parts.extend(message.tool_calls.iter().map(|call| {
        json!({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_object(call)})
    }));
    parts
}

#[derive(Deserialize)]
struct Wrapped {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    index: usize,
    #[serde(default)]
    message: Option<Whole>,
    #[serde(default)]
    content_block: Option<Value>,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Whole {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    content: Vec<Value>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_details: Option<Value>,
    #[serde(default)]
    usage: Option<WireUsage>,
}

#[derive(Deserialize, Default)]
struct Delta {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_details: Option<Value>,
}

#[derive(Deserialize, Default, Clone, Copy)]
struct WireUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
}

/// A thinking block while it comes in.
#[derive(Default)]
struct Thought {
    index: usize,
    text: String,
    signature: String,
}

#[derive(Default)]
struct Messages {
    finished: bool,
    stop: Option<(String, Option<Value>)>,
    usage: WireUsage,
    thought: Option<Thought>,
    /// Blocks that are tool calls, by their index, and how many calls there were before.
    calls: Vec<usize>,
}

impl Messages {
    fn count(&mut self, more: WireUsage, out: &mut Vec<Event>) {
        let known = &mut self.usage;
        known.input_tokens = more.input_tokens.or(known.input_tokens);
        known.output_tokens = more.output_tokens.or(known.output_tokens);
        known.cache_creation_input_tokens = more
            .cache_creation_input_tokens
            .or(known.cache_creation_input_tokens);
        known.cache_read_input_tokens = more
            .cache_read_input_tokens
            .or(known.cache_read_input_tokens);
        out.push(Event::Usage(Usage {
            input: known.input_tokens.map(|n| {
                n.saturating_add(known.cache_creation_input_tokens.unwrap_or(0))
                    .saturating_add(known.cache_read_input_tokens.unwrap_or(0))
            }),
            output: known.output_tokens,
            cached: known.cache_read_input_tokens,
            reasoning: None,
        }));
    }

    fn call_number(&mut self, index: usize) -> usize {
        match self.calls.iter().position(|i| *i == index) {
            Some(at) => at,
            None => {
                self.calls.push(index);
                self.calls.len() - 1
            }
        }
    }

    /// A block that is there as a whole, or the beginning of one in a stream.
    fn block(&mut self, index: usize, block: &Value, whole: bool, out: &mut Vec<Event>) {
        let text = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or("");
        match text("type") {
            "text" if !text("text").is_empty() => out.push(Event::Text(text("text").into())),
            "thinking" => {
                if !text("thinking").is_empty() || whole {
                    out.push(Event::Reasoning(text("thinking").into()));
                }
                if whole {
                    out.push(keep(block));
                } else {
                    self.thought = Some(Thought {
                        index,
                        text: text("thinking").into(),
                        signature: text("signature").into(),
                    });
                }
            }
            "redacted_thinking" => out.push(keep(block)),
            "tool_use" => {
                let input = block.get("input").filter(|v| whole && !v.is_null());
                out.push(Event::ToolCall {
                    index: self.call_number(index),
                    id: Some(text("id").to_owned()).filter(|s| !s.is_empty()),
                    name: Some(text("name").to_owned()).filter(|s| !s.is_empty()),
                    arguments: input.map(Value::to_string).unwrap_or_default(),
                    provider_ref: None,
                });
            }
            // Blocks of tools that run at the provider, and what is not known yet.
            _ => {}
        }
    }

    fn delta(&mut self, index: usize, delta: Delta, out: &mut Vec<Event>) {
        if let Some(text) = delta.text.filter(|t| !t.is_empty()) {
            out.push(Event::Text(text));
        }
        if let Some(more) = delta.partial_json {
            let index = self.call_number(index);
            out.push(Event::ToolCall {
                index,
                id: None,
                name: None,
                arguments: more,
                provider_ref: None,
            });
        }
        if let Some(thought) = self.thought.as_mut().filter(|t| t.index == index) {
            if let Some(more) = delta.thinking {
                thought.text.push_str(&more);
                out.push(Event::Reasoning(more));
            }
            if let Some(signature) = delta.signature {
                thought.signature.push_str(&signature);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        self.finished = true;
        let (reason, details) = self.stop.take().unwrap_or_default();
        if reason == "refusal" {
            let explained = details
                .as_ref()
                .and_then(|d| d.get("explanation"))
                .and_then(Value::as_str);
            out.push(Event::Refusal(
                explained.unwrap_or("the model declined to answer").into(),
            ));
        }
        out.push(Event::Finish(match reason.as_str() {
            "end_turn" | "stop_sequence" => Finish::Stop,
            "max_tokens" | "model_context_window_exceeded" => Finish::Length,
            "tool_use" => Finish::ToolCalls,
            "refusal" => Finish::ContentFilter,
            _ => Finish::Other(reason),
        }));
    }
}

fn keep(block: &Value) -> Event {
    Event::Block(Block {
        wire: NAME.into(),
        json: block.to_string(),
    })
}

impl Format for Messages {
    fn finished(&self) -> bool {
        self.finished
    }

    fn event(&mut self, json: &[u8], out: &mut Vec<Event>) -> Result<(), Stop> {
        let event: Wrapped = serde_json::from_slice(json).map_err(malformed("message"))?;
        match event.kind.as_str() {
            "error" => return Err(server_error(&event.error.unwrap_or_default())),
            "message_start" => {
                let start = event.message.unwrap_or_default();
                out.extend(start.model.filter(|m| !m.is_empty()).map(Event::Model));
                if let Some(usage) = start.usage {
                    self.count(usage, out);
                }
            }
            "content_block_start" => {
                if let Some(block) = &event.content_block {
                    self.block(event.index, block, false, out);
                }
            }
            "content_block_delta" => {
                self.delta(event.index, event.delta.unwrap_or_default(), out);
            }
            "content_block_stop" => {
                if let Some(thought) = self.thought.take_if(|t| t.index == event.index) {
                    out.push(keep(&json!({
                        "type": "thinking", "thinking": thought.text, "signature": thought.signature,
                    })));
                }
            }
            "message_delta" => {
                if let Some(usage) = event.usage {
                    self.count(usage, out);
                }
                let delta = event.delta.unwrap_or_default();
                if let Some(reason) = delta.stop_reason {
                    self.stop = Some((reason, delta.stop_details));
                }
            }
            "message_stop" => self.finish(out),
            // `ping`, and events that are not known yet.
            _ => {}
        }
        Ok(())
    }

    fn whole(&mut self, json: &[u8], out: &mut Vec<Event>) -> Result<(), Stop> {
        let value: Value = serde_json::from_slice(json).map_err(malformed("message"))?;
        if let Some(error) = value.get("error").filter(|e| !e.is_null()) {
            return Err(server_error(error));
        }
        if value.get("content").is_none_or(|c| !c.is_array()) {
            return Err(Stop::Malformed("no message: `content` is missing".into()));
        }
        let message: Whole = serde_json::from_value(value).map_err(malformed("message"))?;
        out.extend(message.model.filter(|m| !m.is_empty()).map(Event::Model));
        for (index, block) in message.content.iter().enumerate() {
            self.block(index, block, true, out);
        }
        if let Some(usage) = message.usage {
            self.count(usage, out);
        }
        if let Some(reason) = message.stop_reason {
            self.stop = Some((reason, message.stop_details));
            self.finish(out);
        }
        Ok(())
    }
}
