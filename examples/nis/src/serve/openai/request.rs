//! Requests as OpenAI's clients write them.
//!
//! Fields that only tag a request (`metadata`, `store`, `service_tier`, ...) are ignored; fields that change what is
//! asked for and that a provider of NIS cannot be told are refused.

use nis_core::provider::{
    Effort, Image, Message, Request, Role, Schema, ToolCall, ToolChoice, ToolSpec,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::Refusal;

/// A request for a completion.
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) request: Request,
    pub(super) stream: bool,
    /// Whether a stream ends with the tokens.
    pub(super) usage: bool,
    pub(super) user: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    model: String,
    messages: Vec<WireMessage>,
    tools: Option<Vec<WireTool>>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop: Option<OneOrMany>,
    seed: Option<u64>,
    reasoning_effort: Option<String>,
    response_format: Option<ResponseFormat>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    user: Option<String>,
    n: Option<u64>,
    logprobs: Option<bool>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    logit_bias: Option<serde_json::Map<String, Value>>,
    modalities: Option<Vec<String>>,
    functions: Option<Value>,
    web_search_options: Option<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn all(self) -> Vec<String> {
        match self {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }
    }
}

#[derive(Deserialize)]
struct WireMessage {
    role: String,
    content: Option<Content>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<WireCall>>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Deserialize)]
struct ContentPart {
    r#type: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<ImageUrl>,
}

#[derive(Deserialize)]
struct ImageUrl {
    url: String,
}

#[derive(Deserialize)]
struct WireCall {
    id: String,
    function: WireFunctionCall,
}

#[derive(Deserialize)]
struct WireFunctionCall {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct WireTool {
    r#type: Option<String>,
    function: Option<WireFunction>,
}

#[derive(Deserialize)]
struct WireFunction {
    name: String,
    description: Option<String>,
    parameters: Option<Value>,
    strict: Option<bool>,
}

#[derive(Deserialize)]
struct ResponseFormat {
    r#type: String,
    json_schema: Option<WireSchema>,
}

#[derive(Deserialize)]
struct WireSchema {
    name: String,
    schema: Option<Value>,
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    if !value.is_object() {
        return Err(Refusal::value("", "the body must be a JSON object"));
    }
    serde_path_to_error::deserialize(value).map_err(|e| {
        let path = e.path().to_string();
        let message = format!("{path}: {}", e.inner());
        Refusal::value(&path, message)
    })
}

pub(super) fn read(value: Value) -> Result<Asked, Refusal> {
    let wire: Wire = typed(value)?;
    refuse_unknown_effects(&wire)?;
    let mut messages = Vec::with_capacity(wire.messages.len());
    for (n, message) in wire.messages.into_iter().enumerate() {
        messages.push(read_message(&format!("messages[{n}]"), message)?);
    }
    if messages.is_empty() {
        return Err(Refusal::value(
            "messages",
            "messages: at least one is needed",
        ));
    }
    let mut tools = Vec::new();
    for (n, tool) in wire.tools.into_iter().flatten().enumerate() {
        let at = format!("tools[{n}]");
        let function = match (tool.r#type.as_deref(), tool.function) {
            (None | Some("function"), Some(function)) => function,
            _ => return Err(Refusal::unsupported(&at, "only functions are")),
        };
        tools.push(ToolSpec {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters: function
                .parameters
                .unwrap_or_else(|| json!({"type": "object", "properties": {}})),
            strict: function.strict.unwrap_or(false),
        });
    }
    let request = Request {
        messages,
        tools,
        tool_choice: wire.tool_choice.map_or(Ok(ToolChoice::Auto), choice)?,
        parallel_tools: wire.parallel_tool_calls,
        max_tokens: wire.max_completion_tokens.or(wire.max_tokens),
        temperature: wire.temperature,
        top_p: wire.top_p,
        stop: wire.stop.map(OneOrMany::all).unwrap_or_default(),
        seed: wire.seed,
        effort: wire.reasoning_effort.map_or(Ok(None), effort)?,
        schema: wire.response_format.map_or(Ok(None), schema)?,
        ..Request::default()
    };
    Ok(Asked {
        model: wire.model,
        request,
        stream: wire.stream.unwrap_or(false),
        usage: wire
            .stream_options
            .and_then(|o| o.include_usage)
            .unwrap_or(false),
        user: wire.user.filter(|u| !u.is_empty()),
    })
}

fn refuse_unknown_effects(wire: &Wire) -> Result<(), Refusal> {
    let effects = [
        ("n", wire.n.is_some_and(|n| n != 1), "one answer is made"),
        (
            "logprobs",
            wire.logprobs == Some(true),
            "providers are not asked for them",
        ),
        (
            "presence_penalty",
            wire.presence_penalty.is_some_and(|p| p != 0.0),
            "not every provider has it",
        ),
        (
            "frequency_penalty",
            wire.frequency_penalty.is_some_and(|p| p != 0.0),
            "not every provider has it",
        ),
        (
            "logit_bias",
            wire.logit_bias.as_ref().is_some_and(|b| !b.is_empty()),
            "not every provider has it",
        ),
        (
            "modalities",
            wire.modalities
                .as_ref()
                .is_some_and(|m| m.iter().any(|m| m != "text")),
            "answers are text",
        ),
        ("functions", wire.functions.is_some(), "use tools"),
        (
            "web_search_options",
            wire.web_search_options.is_some(),
            "there is no web search",
        ),
    ];
    match effects.iter().find(|(_, asked, _)| *asked) {
        Some((param, _, why)) => Err(Refusal::unsupported(param, why)),
        None => Ok(()),
    }
}

fn read_message(at: &str, message: WireMessage) -> Result<Message, Refusal> {
    let (mut text, mut images, mut refused) = (String::new(), Vec::new(), message.refusal);
    match message.content {
        None => {}
        Some(Content::Text(all)) => text = all,
        Some(Content::Parts(parts)) => {
            for (n, part) in parts.into_iter().enumerate() {
                let at = format!("{at}.content[{n}]");
                match (part.r#type.as_str(), part.text, part.image_url) {
                    ("text", Some(more), _) => text.push_str(&more),
                    ("refusal", _, _) => refused = part.refusal,
                    ("image_url", _, Some(image)) => images.push(read_image(&at, image.url)?),
                    _ => return Err(Refusal::unsupported(&at, "only text and image_url are")),
                }
            }
        }
    }
    let role = match message.role.as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => {
            return Err(Refusal::value(
                &format!("{at}.role"),
                format!(
                    "{at}.role: got {other:?}, expected system, developer, user, assistant or tool"
                ),
            ));
        }
    };
    if !images.is_empty() && role != Role::User {
        return Err(Refusal::value(at, format!("{at}: only users show images")));
    }
    if role == Role::Tool && message.tool_call_id.is_none() {
        let at = format!("{at}.tool_call_id");
        return Err(Refusal::value(&at, format!("{at}: missing")));
    }
    let calls = message.tool_calls.unwrap_or_default();
    if text.is_empty() {
        text = refused.unwrap_or_default();
    }
    Ok(Message {
        role,
        tool_call_id: message.tool_call_id,
        images,
        reasoning: message.reasoning_content,
        ..Message::assistant(
            text,
            calls
                .into_iter()
                .map(|call| ToolCall {
                    id: call.id,
                    name: call.function.name,
                    arguments: call.function.arguments,
                    provider_ref: None,
                })
                .collect(),
        )
    })
}

/// `data:image/png;base64,...` or an address, which the provider fetches.
fn read_image(at: &str, url: String) -> Result<Image, Refusal> {
    let Some(data) = url.strip_prefix("data:") else {
        return Ok(Image::Url(url));
    };
    match data.split_once(";base64,") {
        Some((media_type, base64)) => Ok(Image::Data {
            media_type: media_type.into(),
            base64: base64.into(),
        }),
        None => Err(Refusal::value(
            at,
            format!("{at}: a data address must be base64"),
        )),
    }
}

fn choice(value: Value) -> Result<ToolChoice, Refusal> {
    match value.as_str() {
        Some("auto") => return Ok(ToolChoice::Auto),
        Some("none") => return Ok(ToolChoice::None),
        Some("required") => return Ok(ToolChoice::Required),
        _ => {}
    }
    match value.pointer("/function/name").and_then(Value::as_str) {
        Some(name) => Ok(ToolChoice::Tool(name.to_owned())),
        None if value.is_null() => Ok(ToolChoice::Auto),
        None => Err(Refusal::value(
            "tool_choice",
            "tool_choice: expected auto, none, required or a function",
        )),
    }
}

fn effort(word: String) -> Result<Option<Effort>, Refusal> {
    match word.as_str() {
        "low" | "minimal" => Ok(Some(Effort::Low)),
        "medium" => Ok(Some(Effort::Medium)),
        "high" => Ok(Some(Effort::High)),
        other => Err(Refusal::value(
            "reasoning_effort",
            format!("reasoning_effort: got {other:?}, expected minimal, low, medium or high"),
        )),
    }
}

fn schema(format: ResponseFormat) -> Result<Option<Schema>, Refusal> {
    match (format.r#type.as_str(), format.json_schema) {
        ("text", _) => Ok(None),
        ("json_schema", Some(given)) => Ok(Some(Schema {
            name: given.name,
            schema: given.schema.unwrap_or_else(|| json!({"type": "object"})),
        })),
        _ => Err(Refusal::unsupported(
            "response_format",
            "only text and json_schema are",
        )),
    }
}

/// A request for embeddings.
pub(super) struct AskedEmbedding {
    pub(super) model: String,
    pub(super) input: Vec<String>,
    pub(super) dimensions: Option<u32>,
    pub(super) base64: bool,
}

#[derive(Deserialize)]
struct WireEmbedding {
    model: String,
    input: Value,
    dimensions: Option<u32>,
    encoding_format: Option<String>,
}

pub(super) fn read_embedding(value: Value) -> Result<AskedEmbedding, Refusal> {
    let wire: WireEmbedding = typed(value)?;
    let input = match wire.input {
        Value::String(text) => vec![text],
        Value::Array(all) => {
            let texts: Option<Vec<String>> =
                all.iter().map(|v| v.as_str().map(str::to_owned)).collect();
            texts.ok_or_else(|| Refusal::unsupported("input", "only texts are, no tokens"))?
        }
        _ => return Err(Refusal::value("input", "input: expected a text or texts")),
    };
    let base64 = match wire.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(Refusal::value(
                "encoding_format",
                format!("encoding_format: got {other:?}, expected float or base64"),
            ));
        }
    };
    Ok(AskedEmbedding {
        model: wire.model,
        input,
        dimensions: wire.dimensions,
        base64,
    })
}
