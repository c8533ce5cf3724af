//! The chat-completions wire of OpenAI, which DeepSeek, NVIDIA NIM, vLLM, Ollama, llama.cpp, LM Studio and many more
//! speak. How they deviate is data: [`Dialect`].
//!
//! Facts of the format and of how servers deviate: the providers' published API references and recorded replies
//! (tests/fixtures/providers).

use serde::Deserialize;
use serde_json::{Value, json};

use super::embed;
use super::{
    Call, Decoder, Format, Framing, Object, Reader, Stop, Vectors, Wire, malformed, server_error,
};
use crate::error::Result;
use crate::provider::embed::EmbedRequest;
use crate::provider::message::{
    Event, Finish, Image, Message, Request, Role, ToolChoice, ToolSpec, Usage,
};

/// How an answer is held to a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaStyle {
    /// The server takes the schema.
    Schema,
    /// The server only promises JSON; the schema goes into the instructions.
    JsonOnly,
}

/// How a model is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// `reasoning_effort`.
    Effort,
    /// `thinking: {type: enabled}` and `reasoning_effort` (DeepSeek).
    EnabledAndEffort,
    /// `chat_template_kwargs: {enable_thinking: true}` (NIM, vLLM, llama.cpp).
    Template,
}

/// How a server deviates from OpenAI's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Its name in configurations.
    pub name: &'static str,
    /// Where it is by default.
    pub base_url: &'static str,
    /// Environment variables that hold its key, first one first.
    pub key_env: &'static [&'static str],
    /// Name of the field for the longest completion: OpenAI's reasoning models refuse `max_tokens`, most other
    /// servers know nothing else.
    pub max_tokens: &'static str,
    /// Whether reasoning is sent back with messages that ask for tools, even where it is empty.
    pub reasoning_back: bool,
    /// Whether `parallel_tool_calls` and `strict` tools are known.
    pub strict_tools: bool,
    /// How an answer is held to a schema.
    pub schema: SchemaStyle,
    /// How a model is asked to think.
    pub thinking: Thinking,
}

impl Dialect {
    /// OpenAI's own server.
    pub const OPENAI: Dialect = Dialect {
        name: "openai",
        base_url: "https://api.openai.com/v1",
        key_env: &["OPENAI_API_KEY"],
        max_tokens: "max_completion_tokens",
        reasoning_back: false,
        strict_tools: true,
        schema: SchemaStyle::Schema,
        thinking: Thinking::Effort,
    };
    /// Any other server.
    pub const COMPATIBLE: Dialect = Dialect {
        name: "compatible",
        base_url: "http://127.0.0.1:8000/v1",
        key_env: &[],
        max_tokens: "max_tokens",
        reasoning_back: false,
        strict_tools: false,
        schema: SchemaStyle::Schema,
        thinking: Thinking::Effort,
    };
    /// DeepSeek: answers 400 where the reasoning of a message with tool calls is not sent back.
    pub const DEEPSEEK: Dialect = Dialect {
        name: "deepseek",
        base_url: "https://api.deepseek.com",
        key_env: &["DEEPSEEK_API_KEY"],
        reasoning_back: true,
        strict_tools: true,
        schema: SchemaStyle::JsonOnly,
        thinking: Thinking::EnabledAndEffort,
        ..Self::COMPATIBLE
    };
    /// NVIDIA NIM, hosted or self-hosted.
    pub const NIM: Dialect = Dialect {
        name: "nim",
        base_url: "https://integrate.api.nvidia.com/v1",
        key_env: &["NVIDIA_API_KEY", "NGC_API_KEY"],
        thinking: Thinking::Template,
        ..Self::COMPATIBLE
    };
    /// vLLM.
    pub const VLLM: Dialect = Dialect {
        name: "vllm",
        strict_tools: true,
        thinking: Thinking::Template,
        ..Self::COMPATIBLE
    };
    /// Ollama.
    pub const OLLAMA: Dialect = Dialect {
        name: "ollama",
        base_url: "http://127.0.0.1:11434/v1",
        ..Self::COMPATIBLE
    };
    /// llama.cpp's server.
    pub const LLAMA_CPP: Dialect = Dialect {
        name: "llama_cpp",
        base_url: "http://127.0.0.1:8080/v1",
        thinking: Thinking::Template,
        ..Self::COMPATIBLE
    };
    /// LM Studio.
    pub const LM_STUDIO: Dialect = Dialect {
        name: "lm_studio",
        base_url: "http://127.0.0.1:1234/v1",
        ..Self::COMPATIBLE
    };

    /// All of them.
    pub const ALL: [Dialect; 8] = [
        Self::OPENAI,
        Self::DEEPSEEK,
        Self::NIM,
        Self::VLLM,
        Self::OLLAMA,
        Self::LLAMA_CPP,
        Self::LM_STUDIO,
        Self::COMPATIBLE,
    ];
}

/// Chat completions in one dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chat(pub Dialect);

impl Wire for Chat {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn encode(&self, request: &Request, model: &str, stream: bool) -> Result<Call> {
        Ok(Call {
            path: "chat/completions".into(),
            headers: Vec::new(),
            body: encode(request, model, self.0, stream),
        })
    }

    fn decoder(&self, framing: Framing) -> Box<dyn Decoder> {
        Box::new(Reader::new(framing, Chunks::default()))
    }

    fn encode_embed(&self, request: &EmbedRequest, model: &str) -> Result<Call> {
        Ok(embed::openai_call(request, model))
    }

    fn decode_embed(&self, body: &[u8], count: usize) -> Result<Vectors, Stop> {
        embed::openai_vectors(body, count)
    }
}

/// The request body.
pub fn encode(request: &Request, model: &str, dialect: Dialect, stream: bool) -> Value {
    let mut body = Object::default();
    let mut messages: Vec<Value> = request
        .messages
        .iter()
        .map(|m| message(m, dialect))
        .collect();
    body.set("model", model).set("stream", stream);
    if stream {
        body.set("stream_options", json!({"include_usage": true}));
    }
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request.tools.iter().map(|t| tool(t, dialect)).collect();
        body.set("tools", tools);
        body.set(
            "tool_choice",
            match &request.tool_choice {
                ToolChoice::Auto => json!("auto"),
                ToolChoice::None => json!("none"),
                ToolChoice::Required => json!("required"),
                ToolChoice::Tool(name) => json!({"type": "function", "function": {"name": name}}),
            },
        );
        if dialect.strict_tools {
            body.set_some("parallel_tool_calls", request.parallel_tools);
        }
    }
    body.set_some(dialect.max_tokens, request.max_tokens)
        .set_some("temperature", request.temperature)
        .set_some("top_p", request.top_p)
        .set_some("seed", request.seed);
    if !request.stop.is_empty() {
        body.set("stop", request.stop.clone());
    }
    if let Some(effort) = request.effort {
        match dialect.thinking {
            Thinking::Effort => body.set("reasoning_effort", effort.name()),
            Thinking::EnabledAndEffort => body
                .set("thinking", json!({"type": "enabled"}))
                .set("reasoning_effort", effort.name()),
            Thinking::Template => {
                body.set("chat_template_kwargs", json!({"enable_thinking": true}))
            }
        };
    }
    if let Some(schema) = &request.schema {
        match dialect.schema {
            SchemaStyle::Schema => {
                body.set(
                    "response_format",
                    json!({"type": "json_schema", "json_schema": {
                        "name": schema.name, "strict": true, "schema": schema.schema,
                    }}),
                );
            }
            SchemaStyle::JsonOnly => {
                body.set("response_format", json!({"type": "json_object"}));
                let text = format!(
                    "Answer with one JSON object of this JSON schema and nothing else: {}",
                    schema.schema
                );
                messages.insert(0, json!({"role": "system", "content": text}));
            }
        }
    }
    body.set("messages", messages);
    body.finish()
}

fn tool(tool: &ToolSpec, dialect: Dialect) -> Value {
    let mut function = Object::default();
    function
        .set("name", tool.name.as_str())
        .set("description", tool.description.as_str())
        .set("parameters", tool.parameters.clone());
    if tool.strict && dialect.strict_tools {
        function.set("strict", true);
    }
    json!({"type": "function", "function": function.finish()})
}

fn message(message: &Message, dialect: Dialect) -> Value {
    match message.role {
        Role::System => json!({"role": "system", "content": message.content}),
        Role::User if message.images.is_empty() => {
            json!({"role": "user", "content": message.content})
        }
        Role::User => {
            let mut parts = vec![json!({"type": "text", "text": message.content})];
            parts.extend(
                message.images.iter().map(
                    |image| json!({"type": "image_url", "image_url": {"url": image_url(image)}}),
                ),
            );
            json!({"role": "user", "content": parts})
        }
        Role::Tool => json!({
            "role": "tool", "tool_call_id": message.tool_call_id, "content": message.content,
        }),
        Role::Assistant if message.tool_calls.is_empty() => {
            json!({"role": "assistant", "content": message.content})
        }
        Role::Assistant => {
            let calls: Vec<Value> = message
                .tool_calls
                .iter()
                .map(|call| {
                    json!({"id": call.id, "type": "function",
                           "function": {"name": call.name, "arguments": call.arguments}})
                })
                .collect();
            let mut out = Object::default();
            out.set("role", "assistant").set("tool_calls", calls);
            if message.content.is_empty() && !dialect.reasoning_back {
                out.set("content", Value::Null);
            } else {
                out.set("content", message.content.as_str());
            }
            if dialect.reasoning_back {
                out.set_some("reasoning_content", message.reasoning.as_deref());
            }
            out.finish()
        }
    }
}

/// An address or a `data:` address.
pub(super) fn image_url(image: &Image) -> String {
    match image {
        Image::Url(url) => url.clone(),
        Image::Data { media_type, base64 } => format!("data:{media_type};base64,{base64}"),
    }
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
    /// DeepSeek, NIM and llama.cpp say this, vLLM and others `reasoning`, some both.
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
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
    /// DeepSeek's name for cached tokens.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
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

/// The chunks of a reply; a whole reply is one of them.
#[derive(Debug, Default)]
struct Chunks {
    finished: bool,
}

impl Format for Chunks {
    fn finished(&self) -> bool {
        self.finished
    }

    fn event(&mut self, json: &[u8], events: &mut Vec<Event>) -> Result<(), Stop> {
        if json == b"[DONE]" {
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_slice(json).map_err(malformed("chat completion"))?;
        if let Some(error) = chunk.error.filter(|e| !e.is_null()) {
            return Err(server_error(&error));
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
            delta(choice.delta.unwrap_or_default(), events);
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
                cached: usage
                    .prompt_tokens_details
                    .and_then(|d| d.cached_tokens)
                    .or(usage.prompt_cache_hit_tokens),
                reasoning: usage
                    .completion_tokens_details
                    .and_then(|d| d.reasoning_tokens),
            }));
        }
        Ok(())
    }
}

fn delta(delta: Delta, events: &mut Vec<Event>) {
    let text = match delta.content {
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => parts.into_iter().filter_map(|p| p.text).collect(),
        None => String::new(),
    };
    if !text.is_empty() {
        events.push(Event::Text(text));
    }
    if let Some(reasoning) = delta.reasoning_content.or(delta.reasoning) {
        events.push(Event::Reasoning(reasoning));
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
            provider_ref: None,
        });
    }
}
