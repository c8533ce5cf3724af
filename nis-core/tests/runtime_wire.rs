//! The chat-completions wire over recorded replies: every partition gives the same, a cut reply is no reply.

#![cfg(feature = "runtime")]
// clippy.toml allows these in `#[test]` functions, not in the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::time::SystemTime;

use nis_core::provider::wire::chat::{Chat, Dialect, encode};
use nis_core::provider::wire::{Decoder, Framing, Stop, Wire, decode, fold};
use nis_core::provider::{
    Completion, Event, Failure, Finish, Message, Request, Retry, ToolCall, ToolSpec,
};
use serde_json::{Value, json};

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    std::fs::read(folder.join(name)).unwrap()
}

const STREAMS: [&str; 9] = [
    "openai_chat_stream_text_usage.sse",
    "openai_chat_stream_parallel_tools.sse",
    "openai_chat_stream_midstream_error.sse",
    "openai_chat_stream_cut_mid_event.sse",
    "compat_stream_bom_multiline_retry.sse",
    "compat_stream_crlf.sse",
    "compat_stream_finish_reason_empty_string.sse",
    "compat_stream_no_done.sse",
    "compat_stream_tool_args_object_and_empty_name.sse",
];

fn decoder(framing: Framing) -> Box<dyn Decoder> {
    Chat(Dialect::OPENAI).decoder(framing)
}

fn stream(pieces: &[&[u8]]) -> (Vec<Event>, Result<(), Stop>) {
    let (mut decoder, mut events) = (decoder(Framing::Stream), Vec::new());
    for piece in pieces {
        if let Err(stop) = decoder.push(piece, &mut events) {
            return (events, Err(stop));
        }
    }
    let end = decoder.end(&mut events);
    (events, end)
}

fn streamed(name: &str) -> Result<Completion, Stop> {
    decode(decoder(Framing::Stream), &fixture(name))
}

fn whole(name: &str) -> Completion {
    decode(decoder(Framing::Whole), &fixture(name)).unwrap()
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
        provider_ref: None,
    }
}

#[test]
fn streams_are_read() {
    let c = streamed("openai_chat_stream_text_usage.sse").unwrap();
    assert_eq!(
        (c.text.as_str(), c.finish, c.refusal),
        ("About 2 Hz; Re ≈ 1.0×10⁵ 🌀", Finish::Stop, None)
    );
    let usage = c.usage.unwrap();
    assert_eq!(
        (usage.input, usage.output, usage.total()),
        (Some(301), Some(14), Some(315))
    );
    assert_eq!(c.model.as_deref(), Some("gpt-5.6-luna"));

    let c = streamed("openai_chat_stream_parallel_tools.sse").unwrap();
    assert_eq!(c.finish, Finish::ToolCalls);
    let calls = [
        call(
            "call_f1",
            "strouhal_frequency",
            r#"{"diameter_m":0.1,"speed_m_s":1.0}"#,
        ),
        call(
            "call_f2",
            "reynolds",
            r#"{"speed_m_s":1.0,"length_m":0.1,"nu_m2_s":1e-6}"#,
        ),
    ];
    assert_eq!(c.tool_calls, calls);
    assert_eq!(
        whole("openai_chat_response_parallel_tools.json").tool_calls,
        calls
    );

    assert_eq!(
        streamed("compat_stream_bom_multiline_retry.sse")
            .unwrap()
            .text,
        "Hi"
    );
    assert_eq!(streamed("compat_stream_crlf.sse").unwrap().text, "Hi there");
    assert_eq!(streamed("compat_stream_no_done.sse").unwrap().text, "Hi");
    let c = streamed("compat_stream_finish_reason_empty_string.sse").unwrap();
    assert_eq!(
        (c.text.as_str(), c.finish, c.usage),
        ("Hello", Finish::Stop, None)
    );
    let c = streamed("compat_stream_tool_args_object_and_empty_name.sse").unwrap();
    assert_eq!(c.finish, Finish::Length);
    assert_eq!(
        c.tool_calls,
        [call(
            "call_1",
            "reynolds",
            r#"{"speed_m_s":1,"length_m":0.1"#
        )]
    );
}

#[test]
fn whole_replies_are_read() {
    let c = whole("openai_chat_response_text.json");
    assert_eq!(
        (c.text.as_str(), c.finish),
        ("About 2 Hz; Re ≈ 1.0×10⁵.", Finish::Stop)
    );
    assert_eq!(c.usage.unwrap().cached, Some(128));
    let c = whole("openai_chat_response_parallel_tools.json");
    assert_eq!(
        (c.text.as_str(), c.usage.unwrap().reasoning),
        ("", Some(16))
    );
    let c = whole("openai_chat_response_refusal_schema.json");
    assert_eq!(c.refusal.as_deref(), Some("I can't help with that."));
    for (body, why) in [
        ("", "truncated"),
        ("{}", "malformed"),
        ("<html>", "malformed"),
        (r#"{"choices":[]}"#, "truncated"),
        ("[1]", "malformed"),
        (
            r#"{"choices":[{"message":{"content":"half"}}]}"#,
            "truncated",
        ),
        (r#"{"error":{"message":"no","code":500}}"#, "server"),
    ] {
        let stop = decode(decoder(Framing::Whole), body.as_bytes()).unwrap_err();
        let kind = match stop {
            Stop::Truncated { .. } => "truncated",
            Stop::Malformed(_) => "malformed",
            Stop::Server { code, .. } => {
                assert_eq!(code.as_deref(), Some("500"));
                "server"
            }
            Stop::Limit(_) => "limit",
        };
        assert_eq!(kind, why, "{body}");
    }
}

#[test]
fn failures_inside_a_stream_are_failures() {
    let stop = streamed("openai_chat_stream_midstream_error.sse").unwrap_err();
    assert!(
        matches!(&stop, Stop::Server { message, code } if message.contains("had an error") && code.as_deref() == Some("server_error")),
        "{stop:?}"
    );
    assert_eq!(
        streamed("openai_chat_stream_cut_mid_event.sse").unwrap_err(),
        Stop::Truncated { received: 6 }
    );
    let page = b"<html><body>log in first</body></html>\n\n";
    assert_eq!(
        decode(decoder(Framing::Stream), page).unwrap_err(),
        Stop::Truncated { received: 0 }
    );
}

/// Success only when the server said that the reply is complete, wherever the connection is cut.
#[test]
fn a_cut_reply_is_no_reply() {
    for name in STREAMS {
        let bytes = fixture(name);
        let complete = |end: usize| stream(&[&bytes[..end]]).1.is_ok();
        let first = (0..=bytes.len()).find(|end| complete(*end));
        // From the first complete cut on, only the part after the final event may be missing.
        if let Some(first) = first {
            let head = String::from_utf8_lossy(&bytes[..first]).into_owned();
            assert!(
                head.contains("finish_reason\":\"stop")
                    || head.contains("finish_reason\":\"tool_calls")
                    || head.contains("finish_reason\":\"length"),
                "{name}"
            );
        } else {
            assert!(
                name.contains("error") || name.contains("cut"),
                "{name} is never complete"
            );
        }
    }
    let bytes = fixture("openai_chat_response_text.json");
    for end in 0..bytes.trim_ascii_end().len() {
        assert!(
            decode(decoder(Framing::Whole), &bytes[..end]).is_err(),
            "{end}"
        );
    }
}

#[test]
fn every_two_cut_partition_gives_the_same() {
    for name in STREAMS {
        let bytes = fixture(name);
        let expected = stream(&[&bytes]);
        for a in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(a);
            assert_eq!(stream(&[head, tail]), expected, "{name}: {a}");
        }
        // Long fixtures: both cuts near line ends, inside characters and on a grid; short ones: everywhere.
        let long = bytes.len() > 400;
        let grid = bytes.len() / 30 + 1;
        let interesting: Vec<usize> = (0..=bytes.len())
            .filter(|i| {
                !long
                    || i % grid == 0
                    || (i.saturating_sub(1)..i + 1).any(|j| {
                        bytes
                            .get(j)
                            .is_some_and(|b| *b == b'\n' || *b == b'\r' || *b >= 0x80)
                    })
            })
            .collect();
        for (n, a) in interesting.iter().enumerate() {
            for b in &interesting[n..] {
                let pieces = [&bytes[..*a], &bytes[*a..*b], &bytes[*b..]];
                assert_eq!(stream(&pieces), expected, "{name}: {a}, {b}");
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(stream(&single), expected, "{name}: byte by byte");
    }
}

#[test]
fn requests_are_written_as_recorded() {
    let given: Value =
        serde_json::from_slice(&fixture("openai_chat_request_tool_results.json")).unwrap();
    let tools: Vec<ToolSpec> = given["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| ToolSpec {
            name: t["function"]["name"].as_str().unwrap().into(),
            description: t["function"]["description"].as_str().unwrap().into(),
            parameters: t["function"]["parameters"].clone(),
            strict: t["function"]["strict"].as_bool().unwrap_or(false),
        })
        .collect();
    let text = |n: usize| given["messages"][n]["content"].as_str().unwrap();
    let asked = [
        call(
            "call_f1",
            "strouhal_frequency",
            r#"{"diameter_m":0.1,"speed_m_s":1.0}"#,
        ),
        call(
            "call_f2",
            "reynolds",
            r#"{"speed_m_s":1.0,"length_m":0.1,"nu_m2_s":1e-6}"#,
        ),
    ];
    let request = Request {
        messages: vec![
            Message::system(text(0)),
            Message::user(text(1)),
            Message::assistant("", asked.to_vec()),
            Message::tool("call_f1", text(3)),
            Message::tool("call_f2", text(4)),
        ],
        tools,
        max_tokens: Some(512),
        ..Request::default()
    };
    let body = encode(&request, "gpt-5.6-luna", Dialect::OPENAI, true);
    for n in 1..5 {
        assert_eq!(body["messages"][n], given["messages"][n]);
    }
    assert_eq!(
        body["messages"][0],
        json!({"role": "system", "content": text(0)})
    );
    for key in ["model", "stream", "stream_options"] {
        assert_eq!(body[key], given[key], "{key}");
    }
    for n in 0..2 {
        for key in ["name", "description", "parameters", "strict"] {
            assert_eq!(
                body["tools"][n]["function"][key],
                given["tools"][n]["function"][key]
            );
        }
    }
    assert_eq!(
        (&body["max_completion_tokens"], &body["max_tokens"]),
        (&json!(512), &Value::Null)
    );
    let body = encode(&request, "m", Dialect::COMPATIBLE, false);
    assert_eq!(
        (&body["max_tokens"], &body["stream"]),
        (&json!(512), &json!(false))
    );
    let body = encode(
        &Request {
            messages: vec![Message::user("a")],
            ..Request::default()
        },
        "m",
        Dialect::OPENAI,
        false,
    );
    assert_eq!(
        body,
        json!({"model": "m", "messages": [{"role": "user", "content": "a"}], "stream": false})
    );
}

#[test]
fn refused_calls_say_whether_to_try_again() {
    for (name, retry, said) in [
        (
            "openai_error_400_context.json",
            Retry::No,
            "maximum context length",
        ),
        ("openai_error_401.json", Retry::No, "Incorrect API key"),
        (
            "openai_error_429_quota.json",
            Retry::No,
            "exceeded your current quota",
        ),
        (
            "openai_error_429_rate_limit.json",
            Retry::After(std::time::Duration::from_millis(1750)),
            "Rate limit reached",
        ),
        (
            "openai_error_503_overloaded.json",
            Retry::Backoff,
            "overloaded",
        ),
        ("gateway_error_502_html.json", Retry::Backoff, "HTML page"),
        (
            "anthropic_error_400.json",
            Retry::No,
            "max_tokens: Field required",
        ),
        ("anthropic_error_401.json", Retry::No, "invalid x-api-key"),
        (
            "anthropic_error_429.json",
            Retry::After(std::time::Duration::from_secs(17)),
            "input token rate limit",
        ),
        ("anthropic_error_529.json", Retry::Backoff, "Overloaded"),
        (
            "deepseek_error_400_reasoning_missing.json",
            Retry::No,
            "must be passed back",
        ),
        ("deepseek_error_402.json", Retry::No, "Insufficient Balance"),
        ("gemini_error_400_key.json", Retry::No, "API key not valid"),
        (
            "gemini_error_429_retryinfo.json",
            Retry::After(std::time::Duration::from_millis(21_400)),
            "exceeded your current quota",
        ),
        ("gemini_error_503.json", Retry::Backoff, "overloaded"),
        ("nim_error_401.json", Retry::No, "Authentication failed"),
        (
            "nim_error_404_detail.json",
            Retry::No,
            "Not found for account",
        ),
        (
            "nim_error_422_fastapi.json",
            Retry::No,
            "body.messages: Field required",
        ),
        ("nim_error_vllm_400.json", Retry::No, "131072 tokens"),
        ("vertex_error_403.json", Retry::No, "denied on resource"),
        (
            "vertex_error_429_array.json",
            Retry::Backoff,
            "Resource exhausted",
        ),
    ] {
        let reply: Value = serde_json::from_slice(&fixture(name)).unwrap();
        let body = match &reply["body"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let status = u16::try_from(reply["status"].as_u64().unwrap()).unwrap();
        let header = |key: &str| reply["headers"][key].as_str().map(str::to_owned);
        let failure = Failure::from_reply(status, header, body.as_bytes(), SystemTime::UNIX_EPOCH);
        assert_eq!(
            (failure.status, failure.retry),
            (Some(status), retry),
            "{name}"
        );
        assert!(
            failure.message.contains(said) && failure.message.contains(&status.to_string()),
            "{}",
            failure.message
        );
    }
    let per_day = br#"{"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED", "details":
        [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}, {"retryDelay": "20s"}]}}"#;
    let none = |_: &str| None;
    assert_eq!(
        Failure::from_reply(429, none, per_day, SystemTime::UNIX_EPOCH).retry,
        Retry::No
    );
    assert_eq!(
        Failure::from_reply(529, none, b"", SystemTime::UNIX_EPOCH).retry,
        Retry::Backoff
    );
    assert_eq!(
        Failure::from_reply(501, none, b"{}", SystemTime::UNIX_EPOCH).retry,
        Retry::No
    );
    assert_eq!(
        Failure::from_reply(
            422,
            none,
            br#"{"detail":[{"msg":"no"}]}"#,
            SystemTime::UNIX_EPOCH
        )
        .retry,
        Retry::No
    );
    let long = |name: &str| (name == "retry-after").then(|| "86400".to_owned());
    assert_eq!(
        Failure::from_reply(429, long, b"", SystemTime::UNIX_EPOCH).retry,
        Retry::No
    );
    let no = |name: &str| (name == "x-should-retry").then(|| "false".to_owned());
    assert_eq!(
        Failure::from_reply(503, no, b"", SystemTime::UNIX_EPOCH).retry,
        Retry::No
    );
    let big = Failure::from_reply(
        500,
        none,
        "x".repeat(1 << 20).as_bytes(),
        SystemTime::UNIX_EPOCH,
    );
    assert!(big.message.len() < 1000);
}

#[test]
fn too_many_tool_calls_are_refused() {
    let event = |index| Event::ToolCall {
        index,
        id: None,
        name: Some("f".into()),
        arguments: String::new(),
        provider_ref: None,
    };
    let mut events: Vec<Event> = (0..128).map(event).collect();
    events.push(Event::Finish(Finish::ToolCalls));
    let c = fold(events.clone()).unwrap();
    assert_eq!(
        (
            c.tool_calls.len(),
            c.tool_calls[3].id.as_str(),
            c.tool_calls[3].arguments.as_str()
        ),
        (128, "call_3", "{}")
    );
    events.push(event(usize::MAX));
    assert!(matches!(fold(events), Err(Stop::Limit(_))));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), cut in 0usize..400) {
        let cut = cut.min(bytes.len());
        let _ = decode(decoder(Framing::Whole), &bytes);
        proptest::prop_assert_eq!(stream(&[&bytes[..cut], &bytes[cut..]]), stream(&[&bytes]));
    }

    #[test]
    fn streams_of_odd_pieces_are_read_or_refused(text in "(data: ?|\\{\"choices\":\\[\\{|\"delta\":\\{|\"content\":\"a\"|\\}\\]\\}|\"finish_reason\":\"stop\"|,|\\}|\n|\r|\r\n|: c|\\[DONE\\]|null|\u{feff}){0,30}", cut in 0usize..300) {
        let bytes = text.as_bytes();
        let cut = cut.min(bytes.len());
        proptest::prop_assert_eq!(stream(&[&bytes[..cut], &bytes[cut..]]), stream(&[bytes]));
    }

    #[test]
    fn what_is_stated_in_a_chunk_arrives(text in "\\PC{1,60}") {
        let chunk = json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]});
        let c = decode(decoder(Framing::Stream), format!("data: {chunk}\n\n").as_bytes()).unwrap();
        proptest::prop_assert_eq!(c.text, text);
    }
}
