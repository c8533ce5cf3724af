//! The embedding requests and replies of the chat-completions servers and of Gemini.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Object, Stop, malformed, server_error};
use crate::provider::embed::EmbedRequest;
use crate::provider::message::Usage;

/// What a reply says: vectors and, where it does, the model and tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// In the order of the request's texts.
    pub vectors: Vec<Vec<f32>>,
    /// The model as the provider names it.
    pub model: Option<String>,
    /// Tokens, where they were counted.
    pub usage: Option<Usage>,
}

pub(super) fn openai_call(request: &EmbedRequest, model: &str) -> Call {
    let mut body = Object::default();
    body.set("model", model)
        .set("input", request.input.clone())
        .set("encoding_format", "float")
        .set_some("dimensions", request.dimensions);
    Call {
        path: "embeddings".into(),
        headers: Vec::new(),
        body: body.finish(),
    }
}

#[derive(Deserialize)]
struct OpenaiReply {
    #[serde(default)]
    data: Vec<OpenaiVector>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<OpenaiUsage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct OpenaiVector {
    #[serde(default)]
    index: Option<usize>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct OpenaiUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
}

pub(super) fn openai_vectors(body: &[u8], count: usize) -> Result<Vectors, Stop> {
    let reply: OpenaiReply = serde_json::from_slice(body).map_err(malformed("embeddings"))?;
    if let Some(error) = &reply.error {
        return Err(server_error(error));
    }
    let mut places: Vec<Option<Vec<f32>>> = vec![None; count];
    let got = reply.data.len();
    for (n, vector) in reply.data.into_iter().enumerate() {
        // Some servers leave the index out, in the order of the texts.
        if let Some(place) = places.get_mut(vector.index.unwrap_or(n)) {
            *place = Some(vector.embedding);
        }
    }
    Ok(Vectors {
        vectors: whole(places, got)?,
        model: reply.model,
        usage: reply.usage.map(|u| Usage {
            input: u.prompt_tokens,
            ..Usage::default()
        }),
    })
}

pub(super) fn gemini_call(request: &EmbedRequest, model: &str) -> Call {
    let one = |text: &String| {
        let mut out = Object::default();
        out.set("model", format!("models/{model}"))
            .set("content", json!({"parts": [{"text": text}]}))
            .set_some("outputDimensionality", request.dimensions);
        out.finish()
    };
    let requests: Vec<Value> = request.input.iter().map(one).collect();
    Call {
        path: format!("models/{model}:batchEmbedContents"),
        headers: Vec::new(),
        body: json!({"requests": requests}),
    }
}

#[derive(Deserialize)]
struct GeminiReply {
    #[serde(default)]
    embeddings: Vec<GeminiVector>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct GeminiVector {
    values: Vec<f32>,
}

pub(super) fn gemini_vectors(body: &[u8], count: usize) -> Result<Vectors, Stop> {
    let reply: GeminiReply = serde_json::from_slice(body).map_err(malformed("embeddings"))?;
    if let Some(error) = &reply.error {
        return Err(server_error(error));
    }
    let got = reply.embeddings.len();
    let mut vectors = reply.embeddings.into_iter().map(|v| v.values);
    let places = (0..count).map(|_| vectors.next()).collect();
    Ok(Vectors {
        vectors: whole(places, got)?,
        model: None,
        usage: None,
    })
}

/// All vectors, one for each text, of one length and finite.
fn whole(places: Vec<Option<Vec<f32>>>, got: usize) -> Result<Vec<Vec<f32>>, Stop> {
    let count = places.len();
    let vectors: Option<Vec<Vec<f32>>> = places.into_iter().collect();
    let Some(vectors) = vectors.filter(|_| got == count) else {
        return Err(Stop::Malformed(format!(
            "{got} vectors for {count} texts, or not one for each"
        )));
    };
    let length = vectors.first().map_or(0, Vec::len);
    if length == 0 || vectors.iter().any(|v| v.len() != length) {
        return Err(Stop::Malformed(
            "vectors that are empty or differ in length".into(),
        ));
    }
    if vectors.iter().flatten().any(|x| !x.is_finite()) {
        return Err(Stop::Malformed(
            "a vector with a number that is not finite".into(),
        ));
    }
    Ok(vectors)
}
