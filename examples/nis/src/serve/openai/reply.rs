//! Answers as chat completions and their chunks.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::response::sse;
use nis_core::provider::{Completion, Event, Finish, ToolCall, Usage};
use nis_core::runtime::ChatReply;
use serde_json::{Value, json};

use super::{Piece, finish_reason};

/// One answer under construction.
pub(super) struct Answer {
    id: String,
    created: u64,
    model: String,
    usage: bool,
    /// The calls that were told: their place in the provider's reply, and what is known of them.
    calls: BTreeMap<usize, Told>,
    text: bool,
    finish: Option<Finish>,
}

/// A tool call that arrives in pieces.
struct Told {
    /// Its place in the answer.
    index: usize,
    id: Option<String>,
    name: String,
    /// Arguments that came before the name.
    held: String,
    begun: bool,
}

impl Answer {
    pub(super) fn new(model: &str) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Answer {
            // Not secret; the hasher's key is the operating system's random number.
            id: format!(
                "chatcmpl-{:016x}",
                RandomState::new().hash_one(now.as_nanos())
            ),
            created: now.as_secs(),
            model: model.to_owned(),
            usage: false,
            calls: BTreeMap::new(),
            text: false,
            finish: None,
        }
    }

    fn whole(&self, message: Value, finish: &str, usage: Option<Usage>) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
            "usage": usage.as_ref().and_then(usage_of), "system_fingerprint": null,
        })
    }

    /// The agents' reply; what NIS knows beside stands under `nis`.
    pub(super) fn of_agents(&self, reply: &ChatReply) -> Value {
        let message = json!({"role": "assistant", "content": reply.response, "refusal": null});
        let mut out = self.whole(message, "stop", reply.usage);
        out["nis"] = beside(reply);
        out
    }

    /// A provider's completion.
    pub(super) fn of_provider(&self, completion: &Completion) -> Value {
        let content = match completion.text.is_empty() {
            true => Value::Null,
            false => json!(completion.text),
        };
        let mut message =
            json!({"role": "assistant", "content": content, "refusal": completion.refusal});
        if let Some(reasoning) = &completion.reasoning {
            message["reasoning_content"] = json!(reasoning);
        }
        if !completion.tool_calls.is_empty() {
            let calls: Vec<Value> = completion.tool_calls.iter().map(call).collect();
            message["tool_calls"] = json!(calls);
        }
        let finish = finish_reason(&completion.finish, !completion.tool_calls.is_empty());
        self.whole(message, &finish, completion.usage)
    }

    fn chunk(&self, choices: Value, usage: Value) -> sse::Event {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices, "system_fingerprint": null,
        });
        if self.usage {
            chunk["usage"] = usage;
        }
        sse::Event::default().data(chunk.to_string())
    }

    fn delta(&self, delta: Value) -> sse::Event {
        let choice = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]);
        self.chunk(choice, Value::Null)
    }

    /// The first chunk. `usage` is whether tokens are told at the end.
    pub(super) fn begin(&mut self, usage: bool) -> Vec<sse::Event> {
        self.usage = usage;
        vec![self.delta(json!({"role": "assistant", "content": ""}))]
    }

    /// The chunks of one piece.
    pub(super) fn piece(&mut self, piece: Piece) -> Vec<sse::Event> {
        match piece {
            Piece::Event(Event::Text(text)) => {
                self.text = true;
                vec![self.delta(json!({"content": text}))]
            }
            Piece::Event(Event::Reasoning(text)) => {
                vec![self.delta(json!({"reasoning_content": text}))]
            }
            Piece::Event(Event::Refusal(text)) => vec![self.delta(json!({"refusal": text}))],
            Piece::Event(Event::ToolCall {
                index,
                id,
                name,
                arguments,
                ..
            }) => self.tool(index, id, name, &arguments),
            Piece::Event(Event::Finish(finish)) => {
                self.finish = Some(finish);
                Vec::new()
            }
            Piece::Event(_) => Vec::new(),
            Piece::Reply(reply) => {
                let mut events = Vec::new();
                if !self.text {
                    events.push(self.delta(json!({"content": reply.response})));
                }
                self.end(&mut events, "stop", reply.usage);
                events
            }
            Piece::Completion(completion) => {
                let mut events = Vec::new();
                // What a provider did not tell in pieces.
                if self.calls.is_empty() {
                    for (n, c) in completion.tool_calls.iter().enumerate() {
                        let (id, name) = (Some(c.id.clone()), Some(c.name.clone()));
                        events.extend(self.tool(n, id, name, &c.arguments));
                    }
                }
                let finish = self.finish.as_ref().unwrap_or(&completion.finish);
                let finish = finish_reason(finish, !self.calls.is_empty());
                self.end(&mut events, &finish, completion.usage);
                events
            }
        }
    }

    /// A piece of a tool call. The first one that is told has id and name, whichever order they came in.
    fn tool(
        &mut self,
        at: usize,
        id: Option<String>,
        name: Option<String>,
        arguments: &str,
    ) -> Vec<sse::Event> {
        let next = self.calls.len();
        let told = self.calls.entry(at).or_insert_with(|| Told {
            index: next,
            id: None,
            name: String::new(),
            held: String::new(),
            begun: false,
        });
        told.id = told.id.take().or(id.filter(|i| !i.is_empty()));
        if told.name.is_empty() {
            told.name = name.unwrap_or_default();
        }
        let index = told.index;
        let piece = if told.begun {
            if arguments.is_empty() {
                return Vec::new();
            }
            json!({"index": index, "function": {"arguments": arguments}})
        } else {
            told.held.push_str(arguments);
            if told.name.is_empty() {
                return Vec::new();
            }
            told.begun = true;
            let id = told.id.clone().unwrap_or_else(|| format!("call_{at}"));
            json!({"index": index, "id": id, "type": "function",
                   "function": {"name": told.name, "arguments": std::mem::take(&mut told.held)}})
        };
        vec![self.delta(json!({"tool_calls": [piece]}))]
    }

    /// The chunks of the end.
    fn end(&self, events: &mut Vec<sse::Event>, finish: &str, usage: Option<Usage>) {
        let choice = json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": finish}]);
        events.push(self.chunk(choice, Value::Null));
        if self.usage {
            let usage = usage.as_ref().and_then(usage_of);
            events.push(self.chunk(json!([]), json!(usage)));
        }
        events.push(sse::Event::default().data("[DONE]"));
    }
}

fn call(call: &ToolCall) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}

/// Tokens in OpenAI's words; `None` where the provider did not count both.
fn usage_of(usage: &Usage) -> Option<Value> {
    let (input, output) = (usage.input?, usage.output?);
    let mut out = json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output),
    });
    if let Some(cached) = usage.cached {
        out["prompt_tokens_details"] = json!({"cached_tokens": cached});
    }
    if let Some(reasoning) = usage.reasoning {
        out["completion_tokens_details"] = json!({"reasoning_tokens": reasoning});
    }
    Some(out)
}

/// What NIS knows of an answer that OpenAI's format has no place for.
fn beside(reply: &ChatReply) -> Value {
    json!({
        "confidence": reply.confidence, "provider": reply.provider, "model": reply.model, "real_ai": reply.real_ai,
        "reasoning_trace": reply.reasoning_trace,
    })
}
