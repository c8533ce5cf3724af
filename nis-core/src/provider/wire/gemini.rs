//! The generateContent wire of the Gemini API and of Vertex AI.
//!
//! Every event of a stream is a whole reply with the next parts. A reply with function calls finishes with `STOP`
//! like any other, so calls are told by the parts. Thought signatures are kept with their parts and sent back on
//! them: newer models refuse a tool loop without.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Auth, Call, Decoder, Format, Framing, Object, Reader, Stop, Vectors, Wire, arguments_object,
    embed, instructions, malformed, own_blocks, server_error, turns,
};
use crate::error::Result;
use crate::provider::embed::EmbedRequest;
use crate::provider::message::{
    Block, Event, Finish, Image, Message, Request, Role, ToolChoice, Usage,
};

const NAME: &str = "gemini";

/// The Gemini API; its base address ends in the version, for example
/// `https://generativelanguage.googleapis.com/v1beta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gemini;

impl Wire for Gemini {
    fn name(&self) -> &'static str {
        NAME
    }

    fn auth(&self) -> Auth {
        // Never `?key=`: addresses end up in logs.
        Auth {
            header: "x-goog-api-key",
            prefix: "",
        }
    }

    fn encode(&self, request: &Request, model: &str, stream: bool) -> Result<Call> {
        Ok(Call {
            path: format!("models/{}", method(model, stream)),
            headers: Vec::new(),
            body: encode(request),
        })
    }

    fn decoder(&self, framing: Framing) -> Box<dyn Decoder> {
        Box::new(Reader::new(framing, Candidates::default()))
    }

    fn encode_embed(&self, request: &EmbedRequest, model: &str) -> Result<Call> {
        Ok(embed::gemini_call(request, model))
    }

    fn decode_embed(&self, body: &[u8], count: usize) -> Result<Vectors, Stop> {
        embed::gemini_vectors(body, count)
    }
}

/// `MODEL:generateContent`, streamed or not; both APIs share it.
pub(crate) fn method(model: &str, stream: bool) -> String {
    if stream {
        format!("{model}:streamGenerateContent?alt=sse")
    } else {
        format!("{model}:generateContent")
    }
}

/// The request body.
pub(crate) fn encode(request: &Request) -> Value {
    let mut body = Object::default();
    if let Some(text) = instructions(request) {
        body.set("systemInstruction", json!({"parts": [{"text": text}]}));
    }
    body.set("contents", contents(&request.messages));
    if !request.tools.is_empty() {
        let declarations: Vec<Value> = request
            .tools
            .iter()
            .map(|t| {
                json!({"name": t.name, "description": t.description, "parametersJsonSchema": t.parameters})
            })
            .collect();
        body.set("tools", json!([{"functionDeclarations": declarations}]));
        let mut config = Object::default();
        match &request.tool_choice {
            ToolChoice::Auto => config.set("mode", "AUTO"),
            ToolChoice::None => config.set("mode", "NONE"),
            ToolChoice::Required => config.set("mode", "ANY"),
            ToolChoice::Tool(name) => config
                .set("mode", "ANY")
                .set("allowedFunctionNames", vec![name.clone()]),
        };
        body.set(
            "toolConfig",
            json!({"functionCallingConfig": config.finish()}),
        );
    }
    let mut generation = Object::default();
    generation
        .set_some("temperature", request.temperature)
        .set_some("topP", request.top_p)
        .set_some("maxOutputTokens", request.max_tokens)
        .set_some("seed", request.seed);
    if !request.stop.is_empty() {
        generation.set("stopSequences", request.stop.clone());
    }
    if let Some(schema) = &request.schema {
        generation
            .set("responseMimeType", "application/json")
            .set("responseJsonSchema", schema.schema.clone());
    }
    if let Some(effort) = request.effort {
        let level = effort.name().to_ascii_uppercase();
        generation.set(
            "thinkingConfig",
            json!({"thinkingLevel": level, "includeThoughts": true}),
        );
    }
    if !generation.is_empty() {
        body.set("generationConfig", generation.finish());
    }
    body.finish()
}

fn contents(all: &[Message]) -> Vec<Value> {
    turns(all, "parts", |at, message| match message.role {
        Role::System => None,
        Role::User => Some(("user", user(message))),
        Role::Tool => Some(("user", vec![function_response(message, &all[..at])])),
        Role::Assistant => Some(("model", model(message))),
    })
}

fn user(message: &Message) -> Vec<Value> {
    let mut parts = Vec::new();
    if !message.content.is_empty() || message.images.is_empty() {
        parts.push(json!({"text": message.content}));
    }
    parts.extend(message.images.iter().map(|image| match image {
        Image::Url(url) => json!({"fileData": {"fileUri": url}}),
        Image::Data { media_type, base64 } => {
            json!({"inlineData": {"mimeType": media_type, "data": base64}})
        }
    }));
    parts
}

/// The result of a call; its name is that of the call before it that it answers.
fn function_response(message: &Message, before: &[Message]) -> Value {
    let id = message.tool_call_id.as_deref().unwrap_or("");
    let name = before
        .iter()
        .rev()
        .flat_map(|m| &m.tool_calls)
        .find(|c| c.id == id)
        .map_or(id, |c| c.name.as_str());
    let result: Value =
        serde_json::from_str(&message.content).unwrap_or_else(|_| json!(message.content));
    let key = if message.is_error { "error" } else { "result" };
    json!({"functionResponse": {"id": id, "name": name, "response": {key: result}}})
}

fn model(message: &Message) -> Vec<Value> {
    // A signed text part is kept whole; it then stands for the text.
    let mut parts = own_blocks(message, NAME);
    let has_text = parts
        .iter()
        .any(|p| p.get("text").is_some() && p.get("thought").is_none());
    if !message.content.is_empty() && !has_text {
        parts.push(json!({"text": message.content}));
    }
    parts.extend(message.tool_calls.iter().map(|call| {
        let mut part = Object::default();
        part.set(
            "functionCall",
            json!({"name": call.name, "args": arguments_object(call), "id": call.id}),
        )
        .set_some("thoughtSignature", call.provider_ref.as_deref());
        part.finish()
    }));
    parts
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    candidates: Option<Vec<Candidate>>,
    #[serde(default)]
    prompt_feedback: Option<Value>,
    #[serde(default)]
    usage_metadata: Option<WireUsage>,
    #[serde(default)]
    model_version: Option<String>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    finish_message: Option<String>,
    #[serde(default)]
    index: u64,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUsage {
    #[serde(default)]
    prompt_token_count: Option<u64>,
    #[serde(default)]
    tool_use_prompt_token_count: Option<u64>,
    #[serde(default)]
    candidates_token_count: Option<u64>,
    #[serde(default)]
    thoughts_token_count: Option<u64>,
    #[serde(default)]
    cached_content_token_count: Option<u64>,
}

#[derive(Default)]
struct Candidates {
    finished: bool,
    calls: usize,
}

impl Candidates {
    fn part(&mut self, part: &Value, out: &mut Vec<Event>) {
        let signature = part.get("thoughtSignature").and_then(Value::as_str);
        if let Some(call) = part.get("functionCall") {
            let said = |key: &str| call.get(key).and_then(Value::as_str).map(str::to_owned);
            let args = call.get("args").filter(|a| !a.is_null());
            out.push(Event::ToolCall {
                index: self.calls,
                id: said("id"),
                name: said("name"),
                arguments: args.map(Value::to_string).unwrap_or_default(),
                provider_ref: signature.map(str::to_owned),
            });
            self.calls += 1;
            return;
        }
        let Some(text) = part.get("text").and_then(Value::as_str) else {
            return;
        };
        if part.get("thought").and_then(Value::as_bool) == Some(true) {
            out.push(Event::Reasoning(text.into()));
        } else if !text.is_empty() {
            out.push(Event::Text(text.into()));
        }
        if signature.is_some() {
            out.push(Event::Block(Block {
                wire: NAME.into(),
                json: part.to_string(),
            }));
        }
    }

    fn finish(&mut self, reason: String, said: Option<String>, out: &mut Vec<Event>) {
        self.finished = true;
        let finish = match reason.as_str() {
            "STOP" if self.calls > 0 => Finish::ToolCalls,
            "STOP" => Finish::Stop,
            "MAX_TOKENS" => Finish::Length,
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => {
                Finish::ContentFilter
            }
            _ => Finish::Other(match said {
                Some(said) => format!("{reason}: {said}"),
                None => reason,
            }),
        };
        out.push(Event::Finish(finish));
    }

    fn reply(&mut self, reply: Reply, out: &mut Vec<Event>) -> Result<(), Stop> {
        if let Some(error) = reply.error.filter(|e| !e.is_null()) {
            return Err(server_error(&error));
        }
        let blocked = reply
            .prompt_feedback
            .as_ref()
            .and_then(|f| f.get("blockReason"))
            .and_then(Value::as_str);
        if reply.candidates.is_none() && blocked.is_none() && reply.usage_metadata.is_none() {
            return Err(Stop::Malformed(
                "no content: `candidates` is missing".into(),
            ));
        }
        out.extend(
            reply
                .model_version
                .filter(|m| !m.is_empty())
                .map(Event::Model),
        );
        if let Some(usage) = reply.usage_metadata {
            let add = |a: Option<u64>, b: Option<u64>| match (a, b) {
                (None, None) => None,
                (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
            };
            out.push(Event::Usage(Usage {
                input: add(usage.prompt_token_count, usage.tool_use_prompt_token_count),
                // Thoughts are counted beside the candidates there.
                output: add(usage.candidates_token_count, usage.thoughts_token_count),
                cached: usage.cached_content_token_count,
                reasoning: usage.thoughts_token_count,
            }));
        }
        if let Some(reason) = blocked {
            out.push(Event::Refusal(format!("the prompt was blocked: {reason}")));
            self.finished = true;
            out.push(Event::Finish(Finish::ContentFilter));
        }
        // Only the first candidate was asked for.
        let candidates = reply.candidates.into_iter().flatten();
        for candidate in candidates.filter(|c| c.index == 0) {
            for part in candidate.content.iter().flat_map(|c| &c.parts) {
                self.part(part, out);
            }
            if let Some(reason) = candidate.finish_reason.filter(|r| !r.is_empty()) {
                self.finish(reason, candidate.finish_message, out);
            }
        }
        Ok(())
    }
}

impl Format for Candidates {
    fn finished(&self) -> bool {
        self.finished
    }

    fn event(&mut self, json: &[u8], out: &mut Vec<Event>) -> Result<(), Stop> {
        // Errors, and streams without `alt=sse`, come in an array.
        if json.first() == Some(&b'[') {
            let all: Vec<Reply> = serde_json::from_slice(json).map_err(malformed("content"))?;
            return all.into_iter().try_for_each(|reply| self.reply(reply, out));
        }
        let reply: Reply = serde_json::from_slice(json).map_err(malformed("content"))?;
        self.reply(reply, out)
    }
}
