//! Every wire over recorded replies: what is read, what is sent back, and that pieces and cuts change nothing.

#![cfg(feature = "runtime")]
// clippy.toml allows these in `#[test]` functions, not in the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use nis_core::provider::wire::anthropic::Anthropic;
use nis_core::provider::wire::chat::{Chat, Dialect};
use nis_core::provider::wire::gemini::Gemini;
use nis_core::provider::wire::responses::Responses;
use nis_core::provider::wire::vertex::Vertex;
use nis_core::provider::wire::{Framing, Stop, Wire, decode};
use nis_core::provider::{
    Completion, Effort, Event, Finish, Image, Message, Request, Schema, ToolCall, ToolChoice,
    ToolSpec,
};
use serde_json::{Value, json};

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    std::fs::read(folder.join(name)).expect(name)
}

fn recorded(name: &str) -> Value {
    serde_json::from_slice(&fixture(name)).unwrap()
}

/// The wire that a fixture belongs to.
fn wire_of(name: &str) -> Box<dyn Wire> {
    match name.split('_').next().unwrap() {
        "anthropic" => Box::new(Anthropic),
        "gemini" => Box::new(Gemini),
        "vertex" => Box::new(Vertex::new("fx-project", "global", "gemini-3.8-flash").unwrap()),
        "deepseek" => Box::new(Chat(Dialect::DEEPSEEK)),
        "nim" => Box::new(Chat(Dialect::NIM)),
        "compat" => Box::new(Chat(Dialect::COMPATIBLE)),
        "openai" if name.contains("responses") => Box::new(Responses),
        "openai" => Box::new(Chat(Dialect::OPENAI)),
        other => panic!("{other}"),
    }
}

fn framing_of(name: &str) -> Framing {
    if name.ends_with(".sse") {
        Framing::Stream
    } else {
        Framing::Whole
    }
}

fn read(name: &str) -> Result<Completion, Stop> {
    decode(wire_of(name).decoder(framing_of(name)), &fixture(name))
}

fn pieces(name: &str, pieces: &[&[u8]]) -> (Vec<Event>, Result<(), Stop>) {
    let (mut decoder, mut events) = (wire_of(name).decoder(framing_of(name)), Vec::new());
    for piece in pieces {
        if let Err(stop) = decoder.push(piece, &mut events) {
            return (events, Err(stop));
        }
    }
    let end = decoder.end(&mut events);
    (events, end)
}

/// All recorded replies.
fn replies() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|n| {
            n.contains("_stream_") || n.contains("_response_") || n.ends_with("_response.json")
        })
        .filter(|n| !["embed", "token", "request"].iter().any(|w| n.contains(w)))
        .collect();
    names.sort();
    assert!(names.len() >= 30, "{}", names.len());
    names
}

fn strouhal() -> ToolSpec {
    ToolSpec {
        name: "strouhal_frequency".into(),
        description: "Vortex shedding frequency in Hz".into(),
        parameters: json!({
            "type": "object",
            "properties": {"diameter_m": {"type": "number"}, "speed_m_s": {"type": "number"}},
            "required": ["diameter_m", "speed_m_s"],
            "additionalProperties": false,
        }),
        strict: true,
    }
}

/// JSON with every number as a float: 1 and 1.0 are the same argument.
fn json_of(text: &str) -> Value {
    fn floats(value: Value) -> Value {
        match value {
            Value::Number(n) => json!(n.as_f64().unwrap()),
            Value::Array(all) => all.into_iter().map(floats).collect(),
            Value::Object(all) => all.into_iter().map(|(k, v)| (k, floats(v))).collect(),
            other => other,
        }
    }
    floats(serde_json::from_str(text).unwrap())
}

fn call(id: &str, name: &str, arguments: Value, provider_ref: Option<&str>) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.to_string(),
        provider_ref: provider_ref.map(str::to_owned),
    }
}

fn assert_calls(got: &[ToolCall], want: &[ToolCall], name: &str) {
    assert_eq!(got.len(), want.len(), "{name}");
    for (got, want) in got.iter().zip(want) {
        assert_eq!(
            (&got.id, &got.name, &got.provider_ref),
            (&want.id, &want.name, &want.provider_ref),
            "{name}"
        );
        assert_eq!(json_of(&got.arguments), json_of(&want.arguments), "{name}");
    }
}

fn both_calls(ids: [&str; 2], refs: [Option<&str>; 2]) -> Vec<ToolCall> {
    vec![
        call(
            ids[0],
            "strouhal_frequency",
            json!({"diameter_m": 0.1, "speed_m_s": 1.0}),
            refs[0],
        ),
        call(
            ids[1],
            "reynolds",
            json!({"speed_m_s": 1.0, "length_m": 0.1, "nu_m2_s": 1e-6}),
            refs[1],
        ),
    ]
}

#[test]
fn texts_are_read() {
    for (name, text, finish, reasoning, usage) in [
        // input, output, cached, reasoning
        (
            "anthropic_response_text.json",
            "About 2 Hz; Re ≈ 1.0×10⁵.",
            Finish::Stop,
            None,
            [Some(566), Some(15), Some(256), None],
        ),
        (
            "anthropic_stream_text.sse",
            "About 2 Hz — Re ≈ 1.0×10⁵",
            Finish::Stop,
            None,
            [Some(310), Some(15), Some(0), None],
        ),
        (
            "gemini_response_text.json",
            "About 2 Hz.",
            Finish::Stop,
            None,
            [Some(88), Some(6), None, None],
        ),
        (
            "gemini_stream_json_array.json",
            "About 2 Hz.",
            Finish::Stop,
            None,
            [Some(88), Some(6), None, None],
        ),
        (
            "gemini_stream_text_thinking.sse",
            "About 2 Hz (≈ 0.5 s period).",
            Finish::Stop,
            Some("Use St = 0.2."),
            [Some(88), Some(31), None, Some(20)],
        ),
        (
            "vertex_response_text.json",
            "About 2 Hz.",
            Finish::Stop,
            None,
            [Some(88), Some(6), None, None],
        ),
        (
            "vertex_stream_text.sse",
            "About 2 Hz.",
            Finish::Stop,
            None,
            [Some(88), Some(6), None, None],
        ),
        (
            "openai_responses_response.json",
            "About 2 Hz.",
            Finish::Stop,
            None,
            [Some(96), Some(40), Some(0), Some(16)],
        ),
        (
            "openai_responses_stream_text.sse",
            "About 2 Hz.",
            Finish::Stop,
            None,
            [Some(96), Some(40), Some(0), Some(16)],
        ),
        (
            "openai_responses_response_incomplete.json",
            "",
            Finish::Length,
            None,
            [Some(96), Some(40), Some(0), Some(16)],
        ),
        (
            "deepseek_response_leading_blank_lines.txt",
            "About 2 Hz.",
            Finish::Stop,
            None,
            [Some(150), Some(70), Some(128), Some(41)],
        ),
        (
            "deepseek_stream_reasoning.sse",
            "About 2 Hz.",
            Finish::Stop,
            Some("St is about 0.2."),
            [Some(150), Some(70), Some(128), Some(41)],
        ),
        (
            "nim_response_text.json",
            "About 2 Hz.",
            Finish::Stop,
            Some("St ≈ 0.2."),
            [Some(60), Some(20), None, None],
        ),
        (
            "nim_stream_reasoning.sse",
            "About 2 Hz.",
            Finish::Stop,
            Some("St ≈ 0.2."),
            [Some(60), Some(20), None, None],
        ),
    ] {
        let c = read(name).expect(name);
        assert_eq!((c.text.as_str(), &c.finish), (text, &finish), "{name}");
        assert_eq!(c.reasoning.as_deref(), reasoning, "{name}");
        let u = c.usage.unwrap();
        assert_eq!([u.input, u.output, u.cached, u.reasoning], usage, "{name}");
        assert!(c.tool_calls.is_empty() && c.refusal.is_none(), "{name}");
        assert!(c.model.is_some(), "{name}");
    }
}

#[test]
fn calls_are_read() {
    let toolu = ["toolu_fx1", "toolu_fx2"];
    for (name, want, reasoning, text) in [
        (
            "anthropic_response_thinking_tools.json",
            both_calls(toolu, [None, None]),
            Some("Use St = 0.2."),
            "I'll compute both.",
        ),
        (
            "anthropic_stream_thinking_tools.sse",
            both_calls(toolu, [None, None]),
            Some("Use St = 0.2."),
            "",
        ),
        (
            "gemini_response_function_calls.json",
            both_calls(["gfc1", "gfc2"], [Some("c2lnLWZ4"), None]),
            Some("Use St = 0.2."),
            "",
        ),
        (
            "gemini_stream_function_call.sse",
            both_calls(["gfc1", ""], [Some("c2lnLWZ4"), None])[..1].to_vec(),
            Some("Use St = 0.2."),
            "",
        ),
        (
            "openai_responses_stream_function_call.sse",
            both_calls(["call_fx1", ""], [Some("fc_fx1"), None])[..1].to_vec(),
            Some("Use St≈0.2."),
            "",
        ),
        (
            "deepseek_response_reasoning_tool.json",
            both_calls(["call_00_fx", ""], [None, None])[..1].to_vec(),
            Some("St is about 0.2 here, so call the tool."),
            "",
        ),
    ] {
        let c = read(name).expect(name);
        assert_calls(&c.tool_calls, &want, name);
        assert_eq!(
            (c.finish, c.text.as_str()),
            (Finish::ToolCalls, text),
            "{name}"
        );
        assert_eq!(c.reasoning.as_deref(), reasoning, "{name}");
    }
}

#[test]
fn failures_and_refusals_are_told() {
    for (name, said, code) in [
        (
            "anthropic_stream_overloaded_midway.sse",
            "Overloaded",
            "overloaded_error",
        ),
        (
            "openai_responses_stream_failed.sse",
            "failed to generate",
            "server_error",
        ),
    ] {
        let stop = read(name).unwrap_err();
        assert!(
            matches!(&stop, Stop::Server { message, code: Some(c) } if message.contains(said) && c == code),
            "{name}: {stop:?}"
        );
    }
    let c = read("gemini_response_prompt_blocked.json").unwrap();
    assert_eq!(
        (c.finish, c.refusal.as_deref()),
        (
            Finish::ContentFilter,
            Some("the prompt was blocked: SAFETY")
        )
    );
    // Tokens that were not counted are not 0.
    assert_eq!(c.usage.unwrap().output, None);
    let c = read("gemini_response_malformed_function_call.json").unwrap();
    assert!(
        matches!(&c.finish, Finish::Other(why) if why.contains("MALFORMED_FUNCTION_CALL") && why.contains("print(")),
        "{:?}",
        c.finish
    );
    let refusal = br#"{"content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "no"}}"#;
    let c = decode(Anthropic.decoder(Framing::Whole), refusal).unwrap();
    assert_eq!(
        (c.finish, c.refusal.as_deref()),
        (Finish::ContentFilter, Some("no"))
    );
    for wire in [
        &Anthropic as &dyn Wire,
        &Gemini,
        &Responses,
        &Chat(Dialect::OPENAI),
    ] {
        for body in [
            "{}",
            "[1]",
            "<html>",
            "null",
            "7",
            "{\"error\": {\"message\": \"no\", \"code\": 500}}",
            "{\"error\": \"no\"}",
        ] {
            let stop = decode(wire.decoder(Framing::Whole), body.as_bytes());
            assert!(
                matches!(stop, Err(Stop::Malformed(_) | Stop::Server { .. })),
                "{}: {body}: {stop:?}",
                wire.name()
            );
        }
        assert_eq!(
            decode(wire.decoder(Framing::Whole), b"").unwrap_err(),
            Stop::Truncated { received: 0 }
        );
        assert_eq!(
            decode(wire.decoder(Framing::Stream), b"").unwrap_err(),
            Stop::Truncated { received: 0 }
        );
    }
    // What comes without the id and arguments that were promised gets both.
    let bare = br#"{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}, "finishReason": "STOP"}]}"#;
    let c = decode(Gemini.decoder(Framing::Whole), bare).unwrap();
    assert_calls(
        &c.tool_calls,
        &[call("call_0", "f", json!({}), None)],
        "bare",
    );
}

/// Success only when the provider said that the reply is complete, wherever the connection is cut.
#[test]
fn a_cut_reply_is_no_reply() {
    let terminal = |name: &str| -> &[&str] {
        match name.split('_').next().unwrap() {
            "anthropic" => &["message_stop"],
            "gemini" | "vertex" => &["finishReason"],
            "openai" if name.contains("responses") => &[
                "response.completed",
                "response.incomplete",
                "response.failed",
            ],
            _ => &["finish_reason"],
        }
    };
    for name in replies() {
        let bytes = fixture(&name);
        let whole = framing_of(&name) == Framing::Whole;
        let first = (0..=bytes.len()).find(|end| pieces(&name, &[&bytes[..*end]]).1.is_ok());
        let Some(first) = first else {
            assert!(
                ["midstream", "cut", "overloaded", "failed"]
                    .iter()
                    .any(|w| name.contains(w)),
                "{name}"
            );
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..first]).into_owned();
        assert!(
            name.contains("blocked") || terminal(&name).iter().any(|t| head.contains(t)) || whole,
            "{name}: {first}"
        );
        if whole {
            assert_eq!(first, bytes.trim_ascii_end().len(), "{name}");
        }
    }
}

#[test]
fn every_two_cut_partition_gives_the_same() {
    for name in replies() {
        let bytes = fixture(&name);
        let expected = pieces(&name, &[&bytes]);
        for a in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(a);
            assert_eq!(pieces(&name, &[head, tail]), expected, "{name}: {a}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(pieces(&name, &single), expected, "{name}: byte by byte");
        // Both cuts near line ends and inside characters, and on a grid.
        let grid = bytes.len() / 12 + 1;
        let interesting: Vec<usize> = (0..=bytes.len())
            .filter(|i| {
                i % grid == 0
                    || (i.saturating_sub(1)..i + 1)
                        .any(|j| bytes.get(j).is_some_and(|b| *b == b'\r' || *b >= 0x80))
            })
            .collect();
        for (n, a) in interesting.iter().enumerate() {
            for b in &interesting[n..] {
                let cut = [&bytes[..*a], &bytes[*a..*b], &bytes[*b..]];
                assert_eq!(pieces(&name, &cut), expected, "{name}: {a}, {b}");
            }
        }
    }
}

/// A conversation with a tool loop, the assistant's turn read from a recorded reply.
fn loop_of(reply: &str, results: &[(&str, &str, bool)]) -> Request {
    let question =
        "Shedding frequency behind a 0.1 m cylinder at 1 m/s in water, and the Reynolds number?";
    let mut messages = vec![
        Message::user(question),
        read(reply).expect(reply).into_message(),
    ];
    for (id, content, is_error) in results {
        messages.push(Message {
            is_error: *is_error,
            ..Message::tool(*id, *content)
        });
    }
    // Through storage and back: nothing of it may be lost.
    let stored = serde_json::to_string(&messages).unwrap();
    Request {
        messages: serde_json::from_str(&stored).unwrap(),
        tools: vec![strouhal()],
        ..Request::default()
    }
}

#[test]
fn anthropic_requests_are_as_recorded() {
    let given = recorded("anthropic_request_tool_results.json");
    let request = loop_of(
        "anthropic_stream_thinking_tools.sse",
        &[
            ("toolu_fx1", "{\"hz\":2.0}", false),
            ("toolu_fx2", "viscosity must be positive", true),
        ],
    );
    let sent = Anthropic
        .encode(&request, "claude-sonnet-5-5", false)
        .unwrap();
    assert_eq!(
        (sent.path.as_str(), sent.headers),
        (
            "messages",
            vec![("anthropic-version", "2023-06-01".to_owned())]
        )
    );
    let (have, want) = (&sent.body["messages"], &given["messages"]);
    assert_eq!(have[0]["content"][0]["text"], want[0]["content"]);
    // The signed thought and both calls, unchanged and in order.
    assert_eq!(have[1], want[1]);
    assert_eq!(have[2]["content"][0]["tool_use_id"], "toolu_fx1");
    assert_eq!(have[2]["content"][1], want[2]["content"][1]);
    assert_eq!(have.as_array().unwrap().len(), 3);
    assert_eq!(sent.body["tools"][0], given["tools"][0]);
    assert_eq!(sent.body["max_tokens"], 8192);

    let given = recorded("anthropic_request_tools.json");
    let system = given["system"][0]["text"].as_str().unwrap();
    let request = Request {
        messages: vec![
            Message::system(system),
            Message::user(given["messages"][0]["content"][0]["text"].as_str().unwrap()),
        ],
        tools: vec![strouhal()],
        max_tokens: Some(1024),
        parallel_tools: Some(true),
        effort: Some(Effort::High),
        ..Request::default()
    };
    let body = Anthropic
        .encode(&request, "claude-sonnet-5-5", false)
        .unwrap()
        .body;
    for key in [
        "model",
        "max_tokens",
        "messages",
        "tool_choice",
        "thinking",
        "stream",
    ] {
        assert_eq!(body[key], given[key], "{key}");
    }
    assert_eq!(body["system"], system);
}

#[test]
fn gemini_requests_are_as_recorded() {
    let given = recorded("gemini_request_function_response.json");
    let request = loop_of(
        "gemini_stream_function_call.sse",
        &[("gfc1", "{\"hz\":2.0}", false)],
    );
    let sent = Gemini.encode(&request, "gemini-3.8-flash", true).unwrap();
    assert_eq!(
        sent.path,
        "models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    );
    assert_eq!(sent.body["contents"], given["contents"]);
    assert_eq!(
        sent.body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"],
        strouhal().parameters
    );

    let given = recorded("gemini_request_tools.json");
    let request = Request {
        messages: vec![
            Message::system(
                given["systemInstruction"]["parts"][0]["text"]
                    .as_str()
                    .unwrap(),
            ),
            Message::user(given["contents"][0]["parts"][0]["text"].as_str().unwrap()),
        ],
        tools: vec![strouhal()],
        max_tokens: Some(512),
        temperature: Some(0.2),
        effort: Some(Effort::Low),
        ..Request::default()
    };
    let body = Gemini.encode(&request, "m", false).unwrap().body;
    for key in [
        "systemInstruction",
        "contents",
        "toolConfig",
        "generationConfig",
    ] {
        assert_eq!(body[key], given[key], "{key}");
    }
}

#[test]
fn responses_requests_are_as_recorded() {
    let given = recorded("openai_responses_request_tool_output.json");
    let request = loop_of(
        "openai_responses_stream_function_call.sse",
        &[("call_fx1", "{\"hz\":2.0}", false)],
    );
    let body = Responses
        .encode(&request, "gpt-5.6-sol", false)
        .unwrap()
        .body;
    let items = body["input"].as_array().unwrap();
    assert_eq!(items.len(), 4);
    for n in [0, 2, 3] {
        assert_eq!(items[n], given["input"][n], "{n}");
    }
    // The reasoning item as it came, before the call that it led to.
    for key in ["type", "id", "summary", "encrypted_content"] {
        assert_eq!(items[1][key], given["input"][1][key], "{key}");
    }
    assert_eq!(body["store"], false);

    let given = recorded("openai_responses_request.json");
    let request = Request {
        messages: vec![
            Message::system(given["instructions"].as_str().unwrap()),
            Message::user(given["input"][0]["content"][0]["text"].as_str().unwrap()),
        ],
        tools: vec![strouhal()],
        parallel_tools: Some(true),
        max_tokens: Some(512),
        effort: Some(Effort::Low),
        ..Request::default()
    };
    assert_eq!(
        Responses
            .encode(&request, "gpt-5.6-sol", true)
            .unwrap()
            .body,
        given
    );
}

#[test]
fn deepseek_gets_its_reasoning_back_even_when_it_is_empty() {
    let given = recorded("deepseek_request_tool_result_keeps_reasoning.json");
    let mut request = loop_of(
        "deepseek_response_reasoning_tool.json",
        &[("call_00_fx", "{\"hz\":2.0}", false)],
    );
    let wire = Chat(Dialect::DEEPSEEK);
    let body = wire.encode(&request, "deepseek-flash", false).unwrap().body;
    assert_eq!(
        (&body["messages"], &body["tools"]),
        (&given["messages"], &given["tools"])
    );
    request.messages[1].reasoning = Some(String::new());
    let body = wire.encode(&request, "deepseek-flash", false).unwrap().body;
    assert_eq!(body["messages"][1]["reasoning_content"], "");
    // Other servers never see it.
    let body = Chat(Dialect::OPENAI)
        .encode(&request, "m", false)
        .unwrap()
        .body;
    assert_eq!(body["messages"][1].get("reasoning_content"), None);

    let given = recorded("deepseek_request_thinking_tools.json");
    let request = Request {
        messages: vec![
            Message::system(given["messages"][0]["content"].as_str().unwrap()),
            Message::user(given["messages"][1]["content"].as_str().unwrap()),
        ],
        tools: vec![strouhal()],
        effort: Some(Effort::High),
        ..Request::default()
    };
    let mut body = wire.encode(&request, "deepseek-flash", true).unwrap().body;
    assert_eq!(
        body.as_object_mut().unwrap().remove("tool_choice"),
        Some(json!("auto"))
    );
    assert_eq!(body, given);
}

#[test]
fn nim_requests_are_as_recorded() {
    let given = recorded("nim_request.json");
    let request = Request {
        messages: vec![
            Message::system(given["messages"][0]["content"].as_str().unwrap()),
            Message::user(given["messages"][1]["content"].as_str().unwrap()),
        ],
        max_tokens: Some(512),
        temperature: Some(0.6),
        top_p: Some(0.95),
        effort: Some(Effort::Medium),
        ..Request::default()
    };
    let body = Chat(Dialect::NIM)
        .encode(&request, "nvidia/nemotron-3-super-120b-a12b", true)
        .unwrap()
        .body;
    assert_eq!(body, given);
}

#[test]
fn schemas_images_and_choices_are_said_in_each_dialect() {
    let schema = recorded("openai_chat_request_json_schema.json");
    let format = &schema["response_format"]["json_schema"];
    let request = Request {
        messages: vec![Message {
            images: vec![
                Image::Data {
                    media_type: "image/png".into(),
                    base64: "iVBOR".into(),
                },
                Image::Url("https://example.com/a.png".into()),
            ],
            ..Message::user("What is this?")
        }],
        tools: vec![strouhal()],
        tool_choice: ToolChoice::Tool("strouhal_frequency".into()),
        stop: vec!["END".into()],
        seed: Some(7),
        schema: Some(Schema {
            name: format["name"].as_str().unwrap().into(),
            schema: format["schema"].clone(),
        }),
        ..Request::default()
    };
    let body = Chat(Dialect::OPENAI)
        .encode(&request, "m", false)
        .unwrap()
        .body;
    assert_eq!(body["response_format"], schema["response_format"]);
    assert_eq!(
        body["messages"][0]["content"][1]["image_url"]["url"],
        "data:image/png;base64,iVBOR"
    );
    assert_eq!(
        body["messages"][0]["content"][2]["image_url"]["url"],
        "https://example.com/a.png"
    );
    assert_eq!(
        body["tool_choice"]["function"]["name"],
        "strouhal_frequency"
    );
    assert_eq!((&body["seed"], &body["stop"]), (&json!(7), &json!(["END"])));
    let body = Chat(Dialect::DEEPSEEK)
        .encode(&request, "m", false)
        .unwrap()
        .body;
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert!(
        body["messages"][0]["content"]
            .as_str()
            .unwrap()
            .contains("\"properties\"")
    );
    let body = Anthropic.encode(&request, "m", false).unwrap().body;
    assert_eq!(body["output_config"]["format"]["schema"], format["schema"]);
    assert_eq!(
        body["messages"][0]["content"][1]["source"],
        json!({"type": "base64", "media_type": "image/png", "data": "iVBOR"})
    );
    assert_eq!(
        body["messages"][0]["content"][2]["source"],
        json!({"type": "url", "url": "https://example.com/a.png"})
    );
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": "strouhal_frequency"})
    );
    assert_eq!(body["stop_sequences"], json!(["END"]));
    let body = Gemini.encode(&request, "m", false).unwrap().body;
    assert_eq!(
        body["generationConfig"]["responseJsonSchema"],
        format["schema"]
    );
    assert_eq!(
        body["contents"][0]["parts"][1]["inlineData"],
        json!({"mimeType": "image/png", "data": "iVBOR"})
    );
    assert_eq!(
        body["toolConfig"]["functionCallingConfig"],
        json!({"mode": "ANY", "allowedFunctionNames": ["strouhal_frequency"]})
    );
    let body = Responses.encode(&request, "m", false).unwrap().body;
    assert_eq!(body["text"]["format"]["schema"], format["schema"]);
    assert_eq!(
        body["input"][0]["content"][1],
        json!({"type": "input_image", "image_url": "data:image/png;base64,iVBOR"})
    );
}

#[test]
fn vertex_addresses_are_as_recorded() {
    let urls = recorded("vertex_urls.json");
    let request = Request {
        messages: vec![Message::user("a")],
        ..Request::default()
    };
    let url = |location: &str, model: &str, stream: bool| {
        let wire = Vertex::new("fx-project", location, model).unwrap();
        let sent = wire.encode(&request, model, stream).unwrap();
        (
            format!("{}/{}", Vertex::base_url(location), sent.path),
            sent.body,
        )
    };
    assert_eq!(
        url("us-central1", "gemini-3.8-flash", false).0,
        urls["regional"]
    );
    assert_eq!(url("global", "gemini-3.8-flash", true).0, urls["global"]);
    assert_eq!(url("eu", "gemini-3.8-flash", false).0, urls["multi_region"]);
    let (address, body) = url("us-east5", "anthropic/claude-sonnet-5-5", true);
    assert_eq!(address, urls["anthropic_on_vertex"]);
    assert_eq!(body["anthropic_version"], "vertex-2023-10-16");
    assert_eq!(body.get("model"), None);
    for bad in ["", "a/b", "a b", "..\\"] {
        assert_eq!(
            Vertex::new(bad, "global", "m").unwrap_err().field(),
            Some("project")
        );
    }
}

#[test]
fn another_wires_blocks_stay_away() {
    let foreign = loop_of(
        "anthropic_response_thinking_tools.json",
        &[("toolu_fx1", "1", false), ("toolu_fx2", "1", false)],
    );
    for wire in [&Gemini as &dyn Wire, &Responses, &Chat(Dialect::OPENAI)] {
        let text = wire.encode(&foreign, "m", false).unwrap().body.to_string();
        assert!(!text.contains("c2lnLWZpeHR1cmU="), "{}", wire.name());
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), cut in 0usize..300) {
        let cut = cut.min(bytes.len());
        for name in ["anthropic_x.sse", "gemini_x.sse", "openai_responses_x.sse", "anthropic_x", "gemini_x", "openai_responses_x"] {
            proptest::prop_assert_eq!(pieces(name, &[&bytes[..cut], &bytes[cut..]]), pieces(name, &[&bytes]));
        }
    }

    /// One value of a recorded reply replaced by another of any type: read or refused, never a panic.
    #[test]
    fn replies_with_wrong_types_are_read_or_refused(which in 0usize..64, place in 0usize..200, with in 0usize..7) {
        let names: Vec<String> = replies().into_iter().filter(|n| n.ends_with(".json")).collect();
        let name = &names[which % names.len()];
        let mut value = recorded(name);
        let mut left = place;
        fn replace(value: &mut Value, left: &mut usize, with: &Value) -> bool {
            if *left == 0 {
                *value = with.clone();
                return true;
            }
            *left -= 1;
            match value {
                Value::Array(all) => all.iter_mut().any(|v| replace(v, left, with)),
                Value::Object(all) => all.iter_mut().any(|(_, v)| replace(v, left, with)),
                _ => false,
            }
        }
        let others = [json!(null), json!(-1), json!("x"), json!([]), json!({}), json!(true), json!(1e300)];
        replace(&mut value, &mut left, &others[with]);
        let _ = decode(wire_of(name).decoder(Framing::Whole), value.to_string().as_bytes());
    }
}
