//! Replies of providers: every wire's decoder reads whatever comes, cut anywhere, and says the same.

use nis_core::provider::wire::anthropic::Anthropic;
use nis_core::provider::wire::chat::{Chat, Dialect};
use nis_core::provider::wire::gemini::Gemini;
use nis_core::provider::wire::responses::Responses;
use nis_core::provider::wire::{Framing, Stop, Wire, fold};
use nis_core::provider::{Event, EmbedRequest, MAX_EVENT_BYTES};

fn pushed(wire: &dyn Wire, framing: Framing, pieces: &[&[u8]]) -> (Vec<Event>, Result<(), Stop>) {
    let mut decoder = wire.decoder(framing);
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(stop) = decoder.push(piece, &mut events) {
            return (events, Err(stop));
        }
    }
    let end = decoder.end(&mut events);
    (events, end)
}

/// Text of all deltas; how an event is cut does not count, what it says does.
fn said(events: &[Event]) -> usize {
    let text = |e: &Event| match e {
        Event::Text(t) | Event::Refusal(t) | Event::Reasoning(t) => t.len(),
        Event::ToolCall { arguments, .. } => arguments.len(),
        _ => 0,
    };
    events.iter().map(text).sum()
}

fn decode(wire: &dyn Wire, data: &[u8]) {
    // The first two bytes choose where the reply is cut.
    let (cut, reply) = match data {
        [a, b, rest @ ..] => (usize::from(*a) * 256 + usize::from(*b), rest),
        rest => (0, rest),
    };
    for framing in [Framing::Stream, Framing::Whole] {
        let (events, end) = pushed(wire, framing, &[reply]);
        let at = cut % (reply.len() + 1);
        let (head, tail) = reply.split_at(at);
        let (same, same_end) = pushed(wire, framing, &[head, tail]);
        assert_eq!((&events, &end), (&same, &same_end), "cut at {at}");
        assert!(said(&events) <= 2 * reply.len() + 16, "more was said than came");
        assert!(reply.len() < MAX_EVENT_BYTES);
        if end.is_ok() {
            // What ended well is a completion, unless a limit says no.
            assert!(!matches!(fold(events), Err(Stop::Truncated { .. })));
        }
    }
    let count = cut % 4 + 1;
    if let Ok(made) = wire.decode_embed(reply, count) {
        assert_eq!(made.vectors.len(), count);
        assert!(made.vectors.iter().flatten().all(|x| x.is_finite()));
    }
    let _ = wire.encode_embed(&EmbedRequest::default(), "m");
}

macro_rules! target {
    ($(#[$doc:meta])* $name:ident, $seeds:ident, $wire:expr, $prefixes:expr) => {
        $(#[$doc])*
        pub fn $name(data: &[u8]) {
            decode(&$wire, data);
        }

        pub(crate) fn $seeds() -> Vec<Vec<u8>> {
            seeds(&$prefixes)
        }
    };
}

target!(
    /// Chat completions.
    wire_chat,
    wire_chat_seeds,
    Chat(Dialect::COMPATIBLE),
    ["openai_chat", "deepseek", "nim", "compat", "openai_embeddings"]
);
target!(
    /// OpenAI's Responses.
    wire_responses,
    wire_responses_seeds,
    Responses,
    ["openai_responses"]
);
target!(
    /// Anthropic's Messages.
    wire_anthropic,
    wire_anthropic_seeds,
    Anthropic,
    ["anthropic"]
);
target!(
    /// Gemini and Vertex AI.
    wire_gemini,
    wire_gemini_seeds,
    Gemini,
    ["gemini", "vertex"]
);

/// The recorded replies whose names begin so, each with a cut in front.
fn seeds(prefixes: &[&str]) -> Vec<Vec<u8>> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../nis-core/tests/fixtures/providers"
    );
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.to_owned();
            let fits = prefixes.iter().any(|p| name.starts_with(p)) && !name.contains("request");
            let body = std::fs::read(entry.path()).ok().filter(|_| fits)?;
            Some((name, [b"\x01\x37".as_slice(), &body].concat()))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, body)| body).collect()
}
