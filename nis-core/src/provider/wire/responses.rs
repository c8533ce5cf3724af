//! The Responses API of OpenAI.
//!
//! Reasoning items are asked for in encrypted form and sent back unchanged before the calls that they led to:
//! nothing is stored at the provider, and the API refuses a call without its reasoning.

use serde::Deserialize;
use serde_json::{Value, json};

use super::chat::image_url;
use super::{
    Call, Decoder, Format, Framing, Object, Reader, Stop, Vectors, Wire, embed, instructions,
    malformed, own_blocks, server_error,
};
use crate::error::Result;
use crate::provider::embed::EmbedRequest;
use crate::provider::message::{Block, Event, Finish, Message, Request, Role, ToolChoice, Usage};

const NAME: &str = "responses";

/// The Responses API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Responses;

impl Wire for Responses {
    fn name(&self) -> &'static str {
        NAME
    }

    fn encode(&self, request: &Request, model: &str, stream: bool) -> Result<Call> {
        Ok(Call {
            path: "responses".into(),
            headers: Vec::new(),
            body: encode(request, model, stream),
        })
    }

    fn decoder(&self, framing: Framing) -> Box<dyn Decoder> {
        Box::new(Reader::new(framing, Items::default()))
    }

    fn encode_embed(&self, request: &EmbedRequest, model: &str) -> Result<Call> {
        Ok(embed::openai_call(request, model))
    }

    fn decode_embed(&self, body: &[u8], count: usize) -> Result<Vectors, Stop> {
        embed::openai_vectors(body, count)
    }
}

/// The request body.
pub(crate) fn encode(request: &Request, model: &str, stream: bool) -> Value {
    let mut body = Object::default();
    body.set("model", model)
        .set("stream", stream)
        .set("store", false)
        .set("include", json!(["reasoning.encrypted_content"]))
        .set_some("instructions", instructions(request))
        .set_some("max_output_tokens", request.max_tokens)
        .set_some("temperature", request.temperature)
        .set_some("top_p", request.top_p);
    let input: Vec<Value> = request.messages.iter().flat_map(items).collect();
    body.set("input", input);
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|t| {
                json!({"type": "function", "name": t.name, "description": t.description,
                       "parameters": t.parameters, "strict": t.strict})
            })
            .collect();
        body.set("tools", tools)
            .set(
                "tool_choice",
                match &request.tool_choice {
                    ToolChoice::Auto => json!("auto"),
                    ToolChoice::None => json!("none"),
                    ToolChoice::Required => json!("required"),
                    ToolChoice::Tool(name) => json!({"type": "function", "name": name}),
                },
            )
            .set_some("parallel_tool_calls", request.parallel_tools);
    }
    if let Some(effort) = request.effort {
        body.set(
            "reasoning",
            json!({"effort": effort.name(), "summary": "auto"}),
        );
    }
    if let Some(schema) = &request.schema {
        body.set(
            "text",
            json!({"format": {"type": "json_schema", "name": schema.name, "strict": true, "schema": schema.schema}}),
        );
    }
    body.finish()
}

fn items(message: &Message) -> Vec<Value> {
    match message.role {
        Role::System => Vec::new(),
        Role::User => {
            let mut parts = vec![json!({"type": "input_text", "text": message.content})];
            parts.extend(
                message
                    .images
                    .iter()
                    .map(|image| json!({"type": "input_image", "image_url": image_url(image)})),
            );
            vec![json!({"type": "message", "role": "user", "content": parts})]
        }
        Role::Tool => vec![json!({
            "type": "function_call_output", "call_id": message.tool_call_id, "output": message.content,
        })],
        Role::Assistant => {
            let mut out = own_blocks(message, NAME);
            if !message.content.is_empty() {
                out.push(json!({"type": "message", "role": "assistant",
                    "content": [{"type": "output_text", "text": message.content}]}));
            }
            out.extend(message.tool_calls.iter().map(|call| {
                let mut item = Object::default();
                item.set("type", "function_call")
                    .set_some("id", call.provider_ref.as_deref())
                    .set("call_id", call.id.as_str())
                    .set("name", call.name.as_str())
                    .set("arguments", call.arguments.as_str());
                item.finish()
            }));
            out
        }
    }
}

#[derive(Deserialize)]
struct Wrapped {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    output_index: usize,
    #[serde(default)]
    delta: Option<Value>,
    #[serde(default)]
    item: Option<Value>,
    #[serde(default)]
    response: Option<Response>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Response {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    output: Option<Vec<Value>>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    incomplete_details: Option<Value>,
    #[serde(default)]
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

#[derive(Default)]
struct Items {
    finished: bool,
    /// Output indices of the calls, in order of appearance, and whether pieces of their arguments came.
    calls: Vec<(usize, bool)>,
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .filter(|t| !t.is_empty())
}

impl Items {
    /// Number of the call at this output index, and whether pieces of its arguments came before; from now on
    /// they did if `pieces`.
    fn call(&mut self, output: usize, pieces: bool) -> (usize, bool) {
        for (at, (known, had)) in self.calls.iter_mut().enumerate() {
            if *known == output {
                return (at, std::mem::replace(had, *had || pieces));
            }
        }
        self.calls.push((output, pieces));
        (self.calls.len() - 1, false)
    }

    /// A call's name and, where no piece of them came before, its arguments.
    fn call_item(&mut self, output: usize, item: &Value, done: bool, out: &mut Vec<Event>) {
        let (index, had_pieces) = self.call(output, done);
        let arguments = match text(item, "arguments") {
            Some(all) if done && !had_pieces => all.to_owned(),
            _ => String::new(),
        };
        out.push(Event::ToolCall {
            index,
            id: text(item, "call_id").map(str::to_owned),
            name: text(item, "name").map(str::to_owned),
            arguments,
            provider_ref: text(item, "id").map(str::to_owned),
        });
    }

    /// An item that is complete. In a stream its text and summary came before, in pieces.
    fn item(&mut self, output: usize, item: &Value, streamed: bool, out: &mut Vec<Event>) {
        match text(item, "type") {
            Some("function_call") => self.call_item(output, item, true, out),
            Some("reasoning") => {
                if !streamed {
                    let summary = item.get("summary").and_then(Value::as_array);
                    for part in summary.into_iter().flatten() {
                        if let Some(more) = text(part, "text") {
                            out.push(Event::Reasoning(more.into()));
                        }
                    }
                }
                out.push(Event::Block(Block {
                    wire: NAME.into(),
                    json: item.to_string(),
                }));
            }
            Some("message") if !streamed => {
                let content = item.get("content").and_then(Value::as_array);
                for part in content.into_iter().flatten() {
                    if let Some(more) = text(part, "text") {
                        out.push(Event::Text(more.into()));
                    }
                    if let Some(more) = text(part, "refusal") {
                        out.push(Event::Refusal(more.into()));
                    }
                }
            }
            // Items of tools that run at the provider, and what is not known yet.
            _ => {}
        }
    }

    fn close(&mut self, response: Response, whole: bool, out: &mut Vec<Event>) -> Result<(), Stop> {
        if let Some(error) = response.error.filter(|e| !e.is_null()) {
            return Err(server_error(&error));
        }
        out.extend(response.model.filter(|m| !m.is_empty()).map(Event::Model));
        if whole {
            for (output, item) in response.output.iter().flatten().enumerate() {
                self.item(output, item, false, out);
            }
        }
        if let Some(usage) = response.usage {
            out.push(Event::Usage(Usage {
                input: usage.input_tokens,
                output: usage.output_tokens,
                cached: usage.input_tokens_details.and_then(|d| d.cached_tokens),
                reasoning: usage.output_tokens_details.and_then(|d| d.reasoning_tokens),
            }));
        }
        let finish = match response.status.as_deref() {
            Some("completed") if self.calls.is_empty() => Finish::Stop,
            Some("completed") => Finish::ToolCalls,
            Some("incomplete") => {
                let details = response.incomplete_details.unwrap_or_default();
                match text(&details, "reason") {
                    Some("max_output_tokens") => Finish::Length,
                    Some("content_filter") => Finish::ContentFilter,
                    other => Finish::Other(other.unwrap_or("incomplete").into()),
                }
            }
            Some("failed" | "cancelled") => {
                return Err(Stop::Server {
                    message: format!(
                        "the response is {}",
                        response.status.as_deref().unwrap_or("")
                    ),
                    code: None,
                });
            }
            // Still in work: not complete.
            _ => return Ok(()),
        };
        self.finished = true;
        out.push(Event::Finish(finish));
        Ok(())
    }
}

impl Format for Items {
    fn finished(&self) -> bool {
        self.finished
    }

    fn event(&mut self, json: &[u8], out: &mut Vec<Event>) -> Result<(), Stop> {
        let event: Wrapped = serde_json::from_slice(json).map_err(malformed("response"))?;
        let delta = event.delta.as_ref().and_then(Value::as_str).unwrap_or("");
        match event.kind.as_str() {
            "response.output_text.delta" if !delta.is_empty() => {
                out.push(Event::Text(delta.into()));
            }
            "response.refusal.delta" => out.push(Event::Refusal(delta.into())),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                out.push(Event::Reasoning(delta.into()));
            }
            "response.function_call_arguments.delta" => {
                let (index, _) = self.call(event.output_index, true);
                out.push(Event::ToolCall {
                    index,
                    id: None,
                    name: None,
                    arguments: delta.into(),
                    provider_ref: None,
                });
            }
            "response.output_item.added" => {
                let item = event.item.unwrap_or_default();
                if text(&item, "type") == Some("function_call") {
                    self.call_item(event.output_index, &item, false, out);
                }
            }
            "response.output_item.done" => {
                let item = event.item.unwrap_or_default();
                self.item(event.output_index, &item, true, out);
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                let response = event.response.unwrap_or_default();
                self.close(response, false, out)?;
            }
            "error" => {
                return Err(server_error(
                    &json!({"message": event.message, "code": event.code}),
                ));
            }
            // Many more kinds announce what comes in others; new ones are added.
            _ => {}
        }
        Ok(())
    }

    fn whole(&mut self, json: &[u8], out: &mut Vec<Event>) -> Result<(), Stop> {
        let response: Response = serde_json::from_slice(json).map_err(malformed("response"))?;
        if response.status.is_none() && response.error.is_none() {
            return Err(Stop::Malformed("no response: `status` is missing".into()));
        }
        self.close(response, true, out)
    }
}
