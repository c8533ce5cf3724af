//! The paths that OpenAI's clients know: chat completions, models, embeddings.
//!
//! The model `nis` is the agents, with NIS's own tools and checked claims; `nis/PROVIDER` the agents with that
//! provider. The name of a provider or a route, or a provider's model, is that model alone, with the caller's
//! tools.

mod error;
mod reply;
mod request;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use futures::{FutureExt, Stream, StreamExt, stream};
use nis_core::provider::{Completion, EmbedRequest, Event, Finish, Provider, Request};
use nis_core::runtime::{ChatReply, ChatStream, Nis, Part};
use nis_core::{Error, Result};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::error::Refusal;
use self::reply::Answer;
use super::body;
use super::routes::App;

/// The model that is the agents.
const AGENTS: &str = "nis";

/// How often a stream that says nothing shows that it is alive.
const ALIVE: Duration = Duration::from_secs(15);

/// Who answers.
enum Target {
    Agents(Option<String>),
    Provider(Arc<dyn Provider>),
}

/// Who has that name.
fn target(nis: &Nis, model: &str) -> Result<Target, Refusal> {
    if model == AGENTS {
        return Ok(Target::Agents(None));
    }
    let health = nis.health();
    if let Some(name) = model.strip_prefix("nis/")
        && health.provider.iter().any(|p| p == name)
    {
        return Ok(Target::Agents(Some(name.to_owned())));
    }
    let by_name = health.provider.iter().find(|p| *p == model);
    let by_model = || {
        let at = health.model.iter().position(|m| m == model)?;
        health.provider.get(at)
    };
    match by_name.or_else(by_model) {
        Some(name) => Ok(Target::Provider(nis.provider(Some(name))?)),
        None => Err(Refusal::no_model(model)),
    }
}

pub(super) async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let health = app.nis.health();
    let agents = std::iter::once(AGENTS.to_owned());
    let with = health.provider.iter().map(|p| format!("{AGENTS}/{p}"));
    let alone = health.provider.iter().cloned();
    let model = |id: String| json!({"id": id, "object": "model", "created": 0, "owned_by": "nis"});
    let data: Vec<Value> = agents.chain(with).chain(alone).map(model).collect();
    Json(json!({"object": "list", "data": data}))
}

pub(super) async fn chat(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let value = body::read_json(&headers, body).await?;
    let asked = request::read(value)?;
    let answer = Answer::new(&asked.model);
    match target(&app.nis, &asked.model)? {
        Target::Agents(provider) => {
            let stream = app.nis.converse(asked.request, provider, asked.user);
            match asked.stream {
                false => Ok(Json(answer.of_agents(&whole(stream).await?)).into_response()),
                true => open(answer, asked.usage, of_agents(stream)).await,
            }
        }
        Target::Provider(provider) => match asked.stream {
            false => {
                let completion = provider.complete(&asked.request).await?;
                Ok(Json(answer.of_provider(&completion)).into_response())
            }
            true => open(answer, asked.usage, of_provider(provider, asked.request)).await,
        },
    }
}

/// The agents' reply.
async fn whole(mut stream: ChatStream) -> Result<ChatReply> {
    while let Some(batch) = stream.next_batch().await {
        for part in batch? {
            if let Part::Reply(reply) = part {
                return Ok(*reply);
            }
        }
    }
    Err(Error::Internal {
        message: "a stream ended without its reply".into(),
    })
}

/// A piece of an answer, from agents or a provider.
pub(super) enum Piece {
    Event(Event),
    /// The end, with what NIS has to say beside it.
    Reply(Box<ChatReply>),
    Completion(Box<Completion>),
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Piece>> + Send>>;

fn of_agents(stream: ChatStream) -> Pieces {
    let piece = |part| match part {
        Part::Text { text } => Some(Ok(Piece::Event(Event::Text(text)))),
        Part::Reasoning { text } => Some(Ok(Piece::Event(Event::Reasoning(text)))),
        Part::Reply(reply) => Some(Ok(Piece::Reply(reply))),
        _ => None,
    };
    let batches = stream::unfold(stream, |mut stream| async move {
        let batch = stream.next_batch().await?;
        Some((batch, stream))
    });
    Box::pin(batches.flat_map(move |batch| {
        let pieces: Vec<Result<Piece>> = match batch {
            Ok(parts) => parts.into_iter().filter_map(piece).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(pieces)
    }))
}

/// A completion that is made only while its pieces are asked for; dropped with them.
fn of_provider(provider: Arc<dyn Provider>, request: Request) -> Pieces {
    let (told, heard) = mpsc::unbounded_channel();
    let work = async move {
        let each = move |event: &Event| {
            // Nobody hears only where the whole is dropped.
            let _ = told.send(event.clone());
        };
        provider.stream(&request, &each).await
    };
    let work = std::panic::AssertUnwindSafe(work).catch_unwind().map(|r| {
        r.unwrap_or_else(|_| {
            Err(Error::Internal {
                message: "a provider panicked".into(),
            })
        })
    });
    let state = (Some(Box::pin(work)), heard, VecDeque::new());
    Box::pin(stream::unfold(
        state,
        |(mut work, mut heard, mut ready)| async move {
            loop {
                if let Some(piece) = ready.pop_front() {
                    return Some((piece, (work, heard, ready)));
                }
                let running = work.as_mut()?;
                tokio::select! {
                    biased;
                    Some(event) = heard.recv() => ready.push_back(Ok(Piece::Event(event))),
                    result = running => {
                        work = None;
                        while let Ok(event) = heard.try_recv() {
                            ready.push_back(Ok(Piece::Event(event)));
                        }
                        ready.push_back(result.map(|c| Piece::Completion(Box::new(c))));
                    }
                }
            }
        },
    ))
}

/// Opens a stream of events when the first piece is there: what fails before has a status of its own.
async fn open(mut answer: Answer, usage: bool, mut pieces: Pieces) -> Result<Response, Refusal> {
    let first = match pieces.next().await {
        Some(Ok(piece)) => piece,
        Some(Err(error)) => return Err(error.into()),
        None => return Err(Refusal::from(Error::Cancelled)),
    };
    let start = stream::iter(answer.begin(usage));
    let rest = stream::once(async { Ok(first) }).chain(pieces);
    let events = rest.flat_map(move |piece| {
        let events = match piece {
            Ok(piece) => answer.piece(piece),
            Err(error) => vec![Refusal::from(error).event()],
        };
        stream::iter(events)
    });
    let events = start.chain(events).map(Ok::<_, std::convert::Infallible>);
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(ALIVE))
        .into_response())
}

pub(super) async fn embeddings(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let value = body::read_json(&headers, body).await?;
    let asked = request::read_embedding(value)?;
    let (name, model) = match asked.model.split_once('/') {
        Some((name, model)) if name != AGENTS => (name, Some(model.to_owned())),
        _ => (asked.model.as_str(), None),
    };
    let provider = match target(&app.nis, name)? {
        Target::Provider(provider) => provider,
        Target::Agents(_) => return Err(Refusal::no_embeddings("the agents make no embeddings")),
    };
    let request = EmbedRequest {
        input: asked.input,
        model,
        dimensions: asked.dimensions,
    };
    let made = provider.embed(&request).await.map_err(|e| match e {
        Error::Unavailable { reason, .. } => {
            Refusal::no_embeddings(&format!("{name} makes no embeddings here: {reason}"))
        }
        other => other.into(),
    })?;
    let data: Vec<Value> = made
        .vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            let embedding = match asked.base64 {
                false => json!(vector),
                true => {
                    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                    json!(base64::engine::general_purpose::STANDARD.encode(bytes))
                }
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens = made.usage.and_then(|u| u.input);
    let usage = tokens.map(|n| json!({"prompt_tokens": n, "total_tokens": n}));
    Ok(Json(
        json!({"object": "list", "data": data, "model": made.model, "usage": usage}),
    ))
}

/// OpenAI's word for the end of a completion.
pub(super) fn finish_reason(finish: &Finish, calls: bool) -> String {
    match finish {
        _ if calls => "tool_calls".into(),
        Finish::Length => "length".into(),
        Finish::ContentFilter => "content_filter".into(),
        Finish::ToolCalls => "tool_calls".into(),
        Finish::Other(word) => word.clone(),
        _ => "stop".into(),
    }
}
