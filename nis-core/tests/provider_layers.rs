//! Layers that a configuration puts around providers, embeddings, timers, checked names, functions as providers.

#![cfg(feature = "runtime")]
// clippy.toml allows these in `#[test]` functions, not in the functions that they share.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/mock.rs"]
mod mock;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mock::{Act, good, hello, reply, serve};
use nis_core::Error;
use nis_core::provider::wire::Wire;
use nis_core::provider::wire::chat::{Chat, Dialect};
use nis_core::provider::wire::gemini::Gemini;
use nis_core::provider::{
    Completion, EmbedRequest, Endpoint, Event, Found, FunctionProvider, HttpOptions, HttpProvider,
    Lookup, Offline, Provider, Request, Secret,
};
use nis_core::runtime::{ChatRequest, Config, Nis};
use serde_json::{Value, json};

fn fixture(name: &str) -> String {
    let folder =
        std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn texts(texts: &[&str]) -> EmbedRequest {
    EmbedRequest {
        input: texts.iter().map(|t| (*t).to_owned()).collect(),
        ..EmbedRequest::default()
    }
}

fn body_of(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn ask(message: &str, provider: &str) -> ChatRequest {
    ChatRequest {
        message: message.into(),
        provider: Some(provider.into()),
        ..ChatRequest::default()
    }
}

// ---- embeddings

#[tokio::test]
async fn embeddings_go_over_the_wires_that_have_them() {
    let answer = fixture("openai_embeddings_response.json");
    let server = serve(vec![reply("200 OK", "application/json", &answer)]).await;
    let provider = server
        .provider(|_| {})
        .with_embedding_model("text-embedding-3-small");
    let request = EmbedRequest {
        dimensions: Some(4),
        ..texts(&["vortex", "shedding"])
    };
    let made = provider.embed(&request).await.unwrap();
    assert_eq!(made.vectors, [[0.1, -0.2, 0.3, 0.4], [0.5, 0.0, -0.1, 0.2]]);
    assert_eq!(made.model, "text-embedding-3-small");
    let usage = made.usage.unwrap();
    assert_eq!((usage.input, usage.output), (Some(4), None));
    let want: Value = serde_json::from_str(&fixture("openai_embeddings_request.json")).unwrap();
    assert_eq!(body_of(&server.requests.lock().unwrap()[0]), want);

    let answer = fixture("gemini_embed_response.json");
    let server = serve(vec![reply("200 OK", "application/json", &answer)]).await;
    let provider = server.provider(|_| {}).with_wire(Arc::new(Gemini));
    let request = EmbedRequest {
        model: Some("gemini-embedding-001".into()),
        dimensions: Some(4),
        ..texts(&["vortex"])
    };
    let made = provider.embed(&request).await.unwrap();
    assert_eq!(made.vectors, [[0.1, -0.2, 0.3, 0.4]]);
    assert_eq!(
        (made.model.as_str(), made.usage),
        ("gemini-embedding-001", None)
    );
    let sent = server.requests.lock().unwrap()[0].clone();
    assert!(
        sent.starts_with("POST /v1/models/gemini-embedding-001:batchEmbedContents "),
        "{sent}"
    );
    let mut want: Value = serde_json::from_str(&fixture("gemini_embed_request.json")).unwrap();
    want["requests"][0]
        .as_object_mut()
        .unwrap()
        .remove("taskType");
    assert_eq!(body_of(&sent), want);
}

#[tokio::test]
async fn embeddings_that_are_not_there_are_not_made_up() {
    let server = serve(vec![good("x")]).await;
    let provider = server.provider(|_| {});
    // No model is configured, and none is named.
    let e = provider.embed(&texts(&["a"])).await.unwrap_err();
    assert!(matches!(e, Error::Unavailable { .. }), "{e}");
    let e = Offline.embed(&texts(&["a"])).await.unwrap_err();
    assert!(matches!(e, Error::Unavailable { .. }), "{e}");
    let provider = provider.with_embedding_model("m");
    for (request, field) in [
        (texts(&[]), "input"),
        (texts(&["a", ""]), "input[1]"),
        (
            EmbedRequest {
                dimensions: Some(0),
                ..texts(&["a"])
            },
            "dimensions",
        ),
    ] {
        assert_eq!(
            provider.embed(&request).await.unwrap_err().field(),
            Some(field)
        );
    }
    assert_eq!(server.count(), 0);
}

#[test]
fn replies_with_other_vectors_than_asked_for_are_refused() {
    let chat = Chat(Dialect::OPENAI);
    let vector = |index: Value, v: Value| json!({"index": index, "embedding": v});
    let fine = json!({"data": [vector(json!(1), json!([2.0])), vector(json!(0), json!([1.0]))]});
    let made = chat.decode_embed(fine.to_string().as_bytes(), 2).unwrap();
    assert_eq!(made.vectors, [[1.0], [2.0]], "sorted by index");
    for bad in [
        json!({}),
        json!({"data": []}),
        json!({"data": [vector(json!(0), json!([1.0]))]}),
        json!({"data": [vector(json!(0), json!([1.0])), vector(json!(0), json!([1.0]))]}),
        json!({"data": [vector(json!(0), json!([1.0])), vector(json!(7), json!([1.0]))]}),
        json!({"data": [vector(json!(0), json!([1.0])), vector(json!(1), json!([1.0, 2.0]))]}),
        json!({"data": [vector(json!(0), json!([])), vector(json!(1), json!([]))]}),
        json!({"data": [vector(json!(0), json!([1e300])), vector(json!(1), json!([1.0]))]}),
        json!({"data": [vector(json!(0), json!(["x"])), vector(json!(1), json!([1.0]))]}),
        json!({"error": {"message": "no"}}),
    ] {
        assert!(
            chat.decode_embed(bad.to_string().as_bytes(), 2).is_err(),
            "{bad}"
        );
    }
    assert!(
        Gemini
            .decode_embed(br#"{"embeddings": [{"values": [1.0]}]}"#, 2)
            .is_err()
    );
    assert!(Gemini.decode_embed(b"{", 1).is_err());
}

// ---- timers

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

#[tokio::test]
async fn a_reply_that_falls_silent_is_given_up() {
    let word = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    for pieces in [vec![HEAD.to_vec()], vec![HEAD.to_vec(), word.to_vec()]] {
        let server = serve(vec![Act::Drip(pieces, Duration::ZERO)]).await;
        let provider = server.provider(|o| o.idle_timeout = Duration::from_millis(50));
        let (request, started) = (hello(), Instant::now());
        let e = provider.stream(&request, &|_| {}).await.unwrap_err();
        assert!(matches!(&e, Error::Timeout { after_ms: 50, .. }), "{e}");
        assert!(started.elapsed() < Duration::from_secs(5));
        assert_eq!(
            server.count(),
            1,
            "a reply that began is not asked for again"
        );
    }
}

#[tokio::test]
async fn a_stream_without_a_head_is_asked_for_again() {
    let server = serve(vec![Act::Hang]).await;
    let provider = server.provider(|o| {
        o.headers_timeout = Duration::from_millis(30);
        o.max_retries = 1;
    });
    let request = hello();
    let e = provider.stream(&request, &|_| {}).await.unwrap_err();
    assert!(
        e.to_string().contains("no head of a reply within 0.03 s"),
        "{e}"
    );
    assert_eq!(server.count(), 2);
    // A reply that is not streamed may take as long as the whole call.
    let provider = server.provider(|o| {
        o.headers_timeout = Duration::from_millis(30);
        o.timeout = Duration::from_millis(150);
    });
    let e = provider.complete(&request).await.unwrap_err();
    assert!(matches!(e, Error::Timeout { after_ms: 150, .. }), "{e}");
}

// ---- names

#[derive(Debug)]
struct Leads(Vec<IpAddr>, AtomicUsize);

impl Lookup for Leads {
    fn lookup(&self, _: &str) -> Found {
        self.1.fetch_add(1, Ordering::SeqCst);
        let found = self.0.clone();
        Box::pin(async move { Ok(found) })
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connected = Arc::new(AtomicBool::new(false));
    let seen = connected.clone();
    tokio::spawn(async move {
        let _ = listener.accept().await;
        seen.store(true, Ordering::SeqCst);
    });
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    for (found, private, refused) in [
        (vec!["127.0.0.1"], false, true),
        (vec!["127.0.0.1"], true, true),
        (vec!["169.254.169.254"], true, true),
        (vec!["93.184.215.14", "127.0.0.1"], false, true),
        (vec!["10.0.0.1"], false, true),
        (vec!["::ffff:127.0.0.1"], false, true),
        // Nobody answers there, or nobody can be reached at all; but the name was fine.
        (vec!["192.0.2.1"], false, false),
        (vec!["10.255.255.1"], true, false),
    ] {
        let lookup = Arc::new(Leads(
            found.iter().map(|t| ip(t)).collect(),
            AtomicUsize::new(0),
        ));
        let options = HttpOptions {
            timeout: Duration::from_millis(300),
            connect_timeout: Duration::from_millis(100),
            max_retries: 0,
            ..HttpOptions::default()
        };
        let endpoint =
            Endpoint::parse("base_url", &format!("https://models.example:{port}/v1")).unwrap();
        let key = Some(Secret::new("sk-1234567890abcdef"));
        let mut provider =
            HttpProvider::new("p", "m", endpoint, key, options).with_lookup(lookup.clone());
        if private {
            provider = provider.with_private_network();
        }
        let e = provider.complete(&hello()).await.unwrap_err().to_string();
        assert_eq!(
            e.contains("models.example leads to"),
            refused,
            "{found:?}: {e}"
        );
        assert_eq!(lookup.1.load(Ordering::SeqCst), 1, "{found:?}");
    }
    assert!(!connected.load(Ordering::SeqCst));

    // `localhost` must be this machine.
    let endpoint = Endpoint::parse("base_url", "http://localhost:1/v1").unwrap();
    let lookup = Arc::new(Leads(vec![ip("93.184.215.14")], AtomicUsize::new(0)));
    let options = HttpOptions {
        max_retries: 0,
        ..HttpOptions::default()
    };
    let provider = HttpProvider::new("p", "m", endpoint, None, options).with_lookup(lookup);
    let e = provider.complete(&hello()).await.unwrap_err().to_string();
    assert!(e.contains("which is not this machine"), "{e}");
}

// ---- layers from one configuration

async fn nis(toml: &str, servers: &[&mock::Server]) -> Nis {
    let mut text = toml.to_owned();
    for (n, server) in servers.iter().enumerate() {
        text = text.replace(&format!("${n}"), &server.base);
    }
    Nis::new(Config::from_toml(&text).unwrap()).unwrap()
}

fn down() -> Act {
    reply("503 Service Unavailable", "application/json", "{}")
}

fn value(metrics: &str, line: &str) -> f64 {
    let found = metrics.lines().find_map(|l| l.strip_prefix(line));
    found
        .unwrap_or_else(|| panic!("{line} in {metrics}"))
        .trim()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_route_falls_back_and_a_breaker_opens() {
    let (bad, fine) = (serve(vec![down()]).await, serve(vec![good("yes")]).await);
    let nis = nis(
        r#"
        providers = [
            { name = "bad", kind = "compatible", base_url = "$0", model = "m", max_retries = 0,
              breaker = { failures = 2, open_for_s = 3600 } },
            { name = "fine", kind = "compatible", base_url = "$1", model = "m" },
        ]
        routes = [{ name = "both", providers = ["bad", "fine"], tasks = ["talk"] }]
        "#,
        &[&bad, &fine],
    )
    .await;
    assert_eq!(nis.health().provider, ["bad", "fine", "offline", "both"]);
    for _ in 0..4 {
        let reply = nis.chat_single(ask("hi", "both")).await.unwrap();
        assert_eq!(
            (reply.response.as_str(), reply.provider.as_str()),
            ("yes", "both")
        );
    }
    assert_eq!(
        (bad.count(), fine.count()),
        (2, 4),
        "the breaker left it alone"
    );
    // A task names its route; a name given counts more.
    let by_task = ChatRequest {
        message: "hi".into(),
        task: Some("talk".into()),
        ..ChatRequest::default()
    };
    assert_eq!(
        nis.chat_single(by_task.clone()).await.unwrap().provider,
        "both"
    );
    let named = ChatRequest {
        provider: Some("fine".into()),
        ..by_task
    };
    assert_eq!(nis.chat_single(named).await.unwrap().provider, "fine");
    let metrics = nis.metrics();
    assert_eq!(value(&metrics, "nis_fallbacks_total{route=\"both\"}"), 5.0);
    assert_eq!(value(&metrics, "nis_breaker_open{provider=\"bad\"}"), 1.0);
    // Calls of the provider itself, not of the route: what the breaker kept away is none.
    let calls = |p: &str, o: &str| {
        let line = format!("nis_provider_calls_total{{provider=\"{p}\",outcome=\"{o}\"}}");
        value(&metrics, &line)
    };
    assert_eq!((calls("fine", "ok"), calls("bad", "ok")), (6.0, 0.0));
    assert!(!metrics.contains("nis_provider_calls_total{provider=\"both\""));
}

#[tokio::test]
async fn routes_choose_by_cost_quality_and_latency() {
    let (a, b) = (serve(vec![good("a")]).await, serve(vec![good("b")]).await);
    let nis = nis(
        r#"
        providers = [
            { name = "a", kind = "compatible", base_url = "$0", model = "m", price = { input = 5.0, output = 5.0 }, quality = 0.9 },
            { name = "b", kind = "compatible", base_url = "$1", model = "m", price = { input = 1.0, output = 2.0 }, quality = 0.2 },
        ]
        routes = [
            { name = "cheap", providers = ["a", "b"], by = "cost" },
            { name = "best", providers = ["b", "a"], by = "quality" },
            { name = "fast", providers = ["a", "b"], by = "latency" },
            { name = "listed", providers = ["b", "a"] },
        ]
        "#,
        &[&a, &b],
    )
    .await;
    for (route, said) in [("cheap", "b"), ("best", "a"), ("listed", "b")] {
        assert_eq!(
            nis.chat_single(ask("hi", route)).await.unwrap().response,
            said,
            "{route}"
        );
    }
    // Both were asked; nobody is left that was not, so the faster one is asked again, whichever it is.
    nis.chat_single(ask("hi", "fast")).await.unwrap();
    assert_eq!(a.count() + b.count(), 4);
}

#[tokio::test]
async fn a_consensus_needs_its_share_and_returns_all_answers() {
    let servers = [
        serve(vec![good("it is 4")]).await,
        serve(vec![good("4.0")]).await,
        serve(vec![good("5")]).await,
    ];
    let [a, b, c] = &servers;
    let text = |least: f64| {
        let provider = |n: usize| {
            format!(
                "{{ name = \"p{n}\", kind = \"compatible\", base_url = \"${n}\", model = \"m\" }}"
            )
        };
        format!(
            "providers = [{}, {}, {}]\nroutes = [{{ name = \"all\", mode = \"consensus\", providers = [\"p0\", \"p1\", \"p2\"], min_agreement = {least:?} }}]",
            provider(0),
            provider(1),
            provider(2)
        )
    };
    let nis_of = async |least: f64| nis(&text(least), &[a, b, c]).await;
    let nis = nis_of(0.6).await;
    let reply = nis.chat(ask("2+2?", "all")).await.unwrap();
    assert_eq!(reply.response, "it is 4");
    assert_eq!(reply.tokens_used, Some(21), "all three are paid for");
    let all = nis.consensus("all", &hello()).await.unwrap();
    assert_eq!(
        (all.answers.len(), all.agreement, all.chosen),
        (3, Some(2.0 / 3.0), Some(0))
    );
    let e = nis.consensus("p0", &hello()).await.unwrap_err();
    assert_eq!(e.field(), Some("route"));
    let e = nis_of(0.9)
        .await
        .chat(ask("2+2?", "all"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        e.contains("67 % of the answers agree where 90 % must"),
        "{e}"
    );
}

#[tokio::test]
async fn a_cache_answers_again_and_its_counts_are_honest() {
    let server = serve(vec![good("yes")]).await;
    let nis = nis(
        r#"
        providers = [{ name = "p", kind = "compatible", base_url = "$0", model = "m" }]
        cache = { any_temperature = true }
        "#,
        &[&server],
    )
    .await;
    for expected in [Some(7), None, None] {
        let reply = nis.chat_single(ask("hi", "p")).await.unwrap();
        assert_eq!(
            (reply.response.as_str(), reply.tokens_used),
            ("yes", expected)
        );
    }
    assert_eq!(server.count(), 1);
    // With tools nothing is answered from the cache.
    nis.chat(ask("hi", "p")).await.unwrap();
    assert_eq!(server.count(), 2);
    let metrics = nis.metrics();
    let count = |o: &str| {
        value(
            &metrics,
            &format!("nis_cache_requests_total{{provider=\"p\",outcome=\"{o}\"}}"),
        )
    };
    assert_eq!(
        (count("hit"), count("miss"), count("pass")),
        (2.0, 1.0, 1.0)
    );
}

#[tokio::test]
async fn a_conversation_has_a_budget() {
    let server = serve(vec![good("yes")]).await;
    // A call has 3 tokens in and 4 out: 3 * 1000 + 4 * 2000 millionths of a dollar.
    let text = r#"
        providers = [{ name = "p", kind = "compatible", base_url = "$0", model = "m", price = { input = 1000.0, output = 2000.0 } },
                     { name = "unknown", kind = "compatible", base_url = "$0", model = "m" }]
        budget = { conversation_usd = 0.02, total_usd = 0.05 }
        "#;
    let nis = nis(text, &[&server]).await;
    let say = async |conversation: &str| {
        let request = ChatRequest {
            conversation_id: Some(conversation.into()),
            ..ask("hi", "p")
        };
        nis.chat_single(request).await
    };
    say("one").await.unwrap();
    say("one").await.unwrap();
    let e = say("one").await.unwrap_err();
    let Error::Limit { what, limit, got } = &e else {
        panic!("{e}")
    };
    assert_eq!((*limit, *got), (20_000, 22_000));
    assert!(what.contains("this conversation"), "{what}");
    // Another conversation has its own, until all of it is used up.
    say("two").await.unwrap();
    say("two").await.unwrap();
    say("three").await.unwrap();
    let e = say("four").await.unwrap_err().to_string();
    assert!(e.contains("all conversations"), "{e}");
    assert_eq!(server.count(), 5);
    // Nobody is paid for what is computed here; a model without a price cannot be held to a budget.
    assert!(nis.chat(ask("2+2", "offline")).await.is_ok());
    let e = nis.chat(ask("hi", "unknown")).await.unwrap_err();
    assert!(matches!(e, Error::Unavailable { .. }), "{e}");
    let metrics = nis.metrics();
    assert_eq!(value(&metrics, "nis_cost_usd_total"), 0.055);
    assert_eq!(value(&metrics, "nis_budget_refusals_total"), 2.0);
}

#[tokio::test]
async fn a_stream_that_is_given_up_is_charged_by_estimate() {
    let word = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"abcdef\"}}]}\n\n";
    let server = serve(vec![Act::Drip(vec![[HEAD, word].concat()], Duration::ZERO)]).await;
    let nis = nis(
        r#"
        providers = [{ name = "p", kind = "compatible", base_url = "$0", model = "m", price = { input = 0.0, output = 1000.0 } }]
        budget = { total_usd = 1.0 }
        "#,
        &[&server],
    )
    .await;
    let mut stream = nis.stream(ask("hi", "p"));
    let mut text = false;
    while !text {
        let batch = stream.next_batch().await.unwrap().unwrap();
        text = batch
            .iter()
            .any(|p| matches!(p, nis_core::runtime::Part::Text { .. }));
    }
    drop(stream);
    // Six characters count as two tokens.
    assert_eq!(value(&nis.metrics(), "nis_cost_estimated_usd_total"), 0.002);
    assert_eq!(value(&nis.metrics(), "nis_cost_usd_total"), 0.002);
}

#[tokio::test]
async fn a_rate_limit_refuses_what_cannot_wait() {
    let server = serve(vec![good("yes")]).await;
    let nis = nis(
        r#"
        providers = [{ name = "p", kind = "compatible", base_url = "$0", model = "m", rate_limit = { per_minute = 6, max_wait_s = 0.5 } }]
        "#,
        &[&server],
    )
    .await;
    nis.chat_single(ask("hi", "p")).await.unwrap();
    let e = nis.chat_single(ask("hi", "p")).await.unwrap_err();
    assert!(matches!(e, Error::Unavailable { .. }), "{e}");
    assert_eq!(server.count(), 1);
}

#[test]
fn layers_that_do_not_fit_are_named() {
    let p = |more: &str| {
        format!("providers = [{{ name = \"p\", kind = \"ollama\", model = \"m\"{more} }}]\n")
    };
    for (text, field) in [
        (
            p(", breaker = { failures = 0 }"),
            "config.providers[0].breaker.failures",
        ),
        (p(", breaker = { open_for_s = nan }"), ""),
        (
            p(", rate_limit = { per_minute = 0 }"),
            "config.providers[0].rate_limit.per_minute",
        ),
        (
            p(", rate_limit = { in_flight = 0 }"),
            "config.providers[0].rate_limit.in_flight",
        ),
        (
            p(", rate_limit = { max_wait_s = -1 }"),
            "config.providers[0].rate_limit.max_wait_s",
        ),
        (
            p(", price = { input = -1, output = 1 }"),
            "config.providers[0].price.input",
        ),
        (p(", quality = 1.5"), "config.providers[0].quality"),
        (
            p(", idle_timeout_s = 0"),
            "config.providers[0].idle_timeout_s",
        ),
        (
            p(", breaker = { opens = 1 }"),
            "config.providers[0].breaker.opens",
        ),
        (
            p("") + "cache = { good_for_s = -1 }",
            "config.cache.good_for_s",
        ),
        (
            p("") + "budget = { total_usd = -1 }",
            "config.budget.total_usd",
        ),
        (
            p("") + "routes = [{ name = \"p\", providers = [\"p\"] }]",
            "config.routes[0].name",
        ),
        (
            p("") + "routes = [{ name = \"offline\", providers = [\"p\"] }]",
            "config.routes[0].name",
        ),
        (
            p("") + "routes = [{ name = \"r\", providers = [] }]",
            "config.routes[0].providers",
        ),
        (
            p("") + "routes = [{ name = \"r\", providers = [\"q\"] }]",
            "config.routes[0].providers[0]",
        ),
        (
            p("") + "routes = [{ name = \"r\", providers = [\"p\", \"p\"] }]",
            "config.routes[0].providers[1]",
        ),
        (
            p("") + "routes = [{ name = \"r\", mode = \"consensus\", providers = [\"p\"] }]",
            "config.routes[0].providers",
        ),
        (
            p("") + "routes = [{ name = \"r\", providers = [\"p\"], min_agreement = 2 }]",
            "config.routes[0].min_agreement",
        ),
        (
            p("")
                + "routes = [{ name = \"r\", providers = [\"p\"], tasks = [\"t\"] }, { name = \"s\", providers = [\"p\"], tasks = [\"t\"] }]",
            "config.routes[1].tasks[0]",
        ),
    ] {
        let e = Config::from_toml(&text).unwrap_err();
        if !field.is_empty() {
            assert_eq!(e.field(), Some(field), "{text}: {e}");
        }
    }
    let config = Config::from_toml(
        &(p("") + "default_provider = \"r\"\nroutes = [{ name = \"r\", providers = [\"p\"] }]"),
    );
    assert_eq!(
        Nis::new(config.unwrap()).unwrap().health().status,
        "healthy"
    );
    // A route whose providers cannot be used says so.
    let text = "providers = [{ kind = \"openai\" }]\nroutes = [{ name = \"r\", providers = [\"openai\"] }]";
    let nis = Nis::new(Config::from_toml(text).unwrap()).unwrap();
    let e = nis.provider(Some("r")).unwrap_err();
    assert!(matches!(e, Error::Unavailable { .. }), "{e}");
}

// ---- functions of the host

fn function(
    name: &str,
    work: impl Fn(&Request, &nis_core::provider::Saying) -> nis_core::Result<Completion>
    + Send
    + Sync
    + 'static,
) -> Arc<FunctionProvider> {
    Arc::new(FunctionProvider::new(name, "f-1", false, work))
}

#[tokio::test]
async fn a_function_says_its_reply_in_pieces_or_at_once() {
    let pieces = function("pieces", |_, saying| {
        assert!(saying.text("a") && saying.text("") && saying.text("b"));
        Ok(Completion::of_text(""))
    });
    let once = function("once", |_, _| Ok(Completion::of_text("ab")));
    let both = function("both", |_, saying| {
        saying.text("ab");
        Ok(Completion::of_text("ab"))
    });
    for (provider, events) in [(pieces, 2), (once, 1), (both, 1)] {
        assert_eq!(provider.complete(&hello()).await.unwrap().text, "ab");
        let heard = std::sync::Mutex::new(Vec::new());
        let each = |e: &Event| heard.lock().unwrap().push(e.clone());
        assert_eq!(provider.stream(&hello(), &each).await.unwrap().text, "ab");
        let texts = |e: &&Event| matches!(e, Event::Text(_));
        let heard = heard.lock().unwrap();
        assert_eq!(
            heard.iter().filter(texts).count(),
            events,
            "{}",
            provider.name()
        );
        assert!(matches!(heard.last(), Some(Event::Finish(_))));
    }
    let differs = function("differs", |_, saying| {
        saying.text("a");
        Ok(Completion::of_text("b"))
    });
    assert!(differs.complete(&hello()).await.is_err());
}

#[tokio::test]
async fn what_goes_wrong_in_a_function_is_an_error_of_the_call() {
    let nis = Nis::new(Config::default()).unwrap();
    nis.register(function("panics", |_, _| panic!("on purpose")))
        .unwrap();
    nis.register(function("fails", |_, _| Err(Error::numerical("x", "y"))))
        .unwrap();
    let e = nis.chat(ask("hi", "panics")).await.unwrap_err();
    assert!(
        matches!(&e, Error::Provider { provider, .. } if provider == "panics"),
        "{e}"
    );
    let e = nis.chat(ask("hi", "fails")).await.unwrap_err();
    assert!(matches!(e, Error::Numerical { .. }), "{e}");
    for name in ["panics", "offline", "", "a b"] {
        let e = nis
            .register(function(name, |_, _| Ok(Completion::of_text("x"))))
            .unwrap_err();
        assert_eq!(e.field(), Some("provider"), "{name}");
    }
}

#[tokio::test]
async fn a_function_learns_that_nobody_waits() {
    let ended = Arc::new(AtomicBool::new(false));
    let seen = ended.clone();
    let endless = function("endless", move |_, saying| {
        while saying.text("x") {
            std::thread::sleep(Duration::from_millis(1));
        }
        seen.store(saying.is_cancelled(), Ordering::SeqCst);
        Err(Error::Cancelled)
    });
    let request = hello();
    let waited =
        tokio::time::timeout(Duration::from_millis(30), endless.stream(&request, &|_| {})).await;
    assert!(waited.is_err());
    let stopped = async {
        while !ended.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), stopped)
        .await
        .unwrap();
}
