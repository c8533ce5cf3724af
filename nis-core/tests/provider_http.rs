//! Streams, other wires and service accounts over HTTP, against a server in this process.

#![cfg(feature = "runtime")]
// clippy.toml allows these in `#[test]` functions, not in the functions that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mock.rs"]
mod mock;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mock::{Act, KEY, hello, reply, serve};
use nis_core::Error;
use nis_core::provider::wire::Wire;
use nis_core::provider::wire::anthropic::Anthropic;
use nis_core::provider::wire::gemini::Gemini;
use nis_core::provider::wire::vertex::Vertex;
use nis_core::provider::{Clock, Event, Finish, Provider, ServiceAccount, TokenSource};
use nis_core::runtime::{Config, Nis};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::sha2::Sha256;
use rsa::signature::Verifier;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};

fn fixture(name: &str) -> String {
    let folder =
        std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

fn word(text: &str) -> Vec<u8> {
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    format!("data: {chunk}\n\n").into_bytes()
}

#[tokio::test]
async fn words_arrive_before_the_reply_ends() {
    let mut pieces = vec![HEAD.as_bytes().to_vec(), word("one"), word(" two")];
    let last = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    pieces.push(format!("data: {last}\n\ndata: [DONE]\n\n").into_bytes());
    // The server never ends the reply: only events that come through at once can be seen.
    let server = serve(vec![Act::Drip(pieces, Duration::from_millis(30))]).await;
    let provider = server.provider(|o| o.timeout = Duration::from_secs(60));
    let seen: Arc<Mutex<Vec<(Event, Instant)>>> = Arc::default();
    let started = Instant::now();
    let heard = seen.clone();
    let each = move |event: &Event| heard.lock().unwrap().push((event.clone(), Instant::now()));
    let request = hello();
    {
        let stream = provider.stream(&request, &each);
        // Three events, then the caller loses interest.
        let enough = async {
            while seen.lock().unwrap().len() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            result = stream => panic!("the reply never ended: {result:?}"),
            () = enough => {}
            () = tokio::time::sleep(Duration::from_secs(30)) => panic!("nothing came"),
        }
    }
    let events: Vec<Event> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(e, _)| e.clone())
        .collect();
    assert_eq!(
        events,
        [
            Event::Text("one".into()),
            Event::Text(" two".into()),
            Event::Finish(Finish::Stop)
        ]
    );
    let first = seen.lock().unwrap()[0].1;
    let last = seen.lock().unwrap()[2].1;
    assert!(last - first >= Duration::from_millis(40) && first > started);
    // The connection is closed at once when the future is dropped.
    let dropped = Instant::now();
    while server.closed.load(Ordering::SeqCst) == 0 {
        assert!(
            dropped.elapsed() < Duration::from_secs(5),
            "the socket stays open"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(server.requests.lock().unwrap()[0].contains("\"stream\":true"));
}

#[tokio::test]
async fn a_stream_that_broke_off_is_not_begun_again() {
    let mut bytes = HEAD.as_bytes().to_vec();
    bytes.extend(word("half"));
    let server = serve(vec![Act::Say(bytes)]).await;
    let seen: Arc<Mutex<Vec<Event>>> = Arc::default();
    let heard = seen.clone();
    let each = move |event: &Event| heard.lock().unwrap().push(event.clone());
    let e = server
        .provider(|_| ())
        .stream(&hello(), &each)
        .await
        .unwrap_err();
    assert!(
        e.to_string()
            .contains("before it was complete, after 4 characters"),
        "{e}"
    );
    assert_eq!((server.count(), seen.lock().unwrap().len()), (1, 1));
}

#[tokio::test]
async fn other_wires_send_their_keys_their_way() {
    for (wire, name, path, header) in [
        (
            Arc::new(Anthropic) as Arc<dyn Wire>,
            "anthropic_response_text.json",
            "/v1/messages ",
            format!("x-api-key: {KEY}"),
        ),
        (
            Arc::new(Gemini),
            "gemini_response_text.json",
            "/v1/models/model-x:generateContent ",
            format!("x-goog-api-key: {KEY}"),
        ),
    ] {
        let server = serve(vec![reply("200 OK", "application/json", &fixture(name))]).await;
        let provider = server.provider(|_| ()).with_wire(wire);
        let c = provider.complete(&hello()).await.unwrap();
        assert!(c.text.starts_with("About 2 Hz"));
        let request = server.requests.lock().unwrap()[0].clone();
        assert!(request.starts_with(&format!("POST {path}")), "{request}");
        let head = request.split("\r\n\r\n").next().unwrap();
        assert!(
            head.contains(&header) && !head.to_lowercase().contains("authorization"),
            "{head}"
        );
        assert!(!format!("{provider:?}").contains("SENTINEL"));
    }
}

#[tokio::test]
async fn a_configuration_names_the_kind() {
    let server = serve(vec![reply(
        "200 OK",
        "application/json",
        &fixture("anthropic_response_text.json"),
    )])
    .await;
    let config = Config::from_json(
        &json!({"providers": [{"kind": "anthropic", "base_url": server.base, "api_key": KEY}]})
            .to_string(),
    )
    .unwrap();
    let nis = Nis::new(config).unwrap();
    assert_eq!(nis.health().provider, ["anthropic", "offline"]);
    assert_eq!(nis.health().model[0], "claude-sonnet-5-5");
    let answer = nis
        .chat_single(nis_core::runtime::ChatRequest {
            message: "How fast?".into(),
            ..Default::default()
        })
        .await
        .unwrap();
    assert!(answer.response.starts_with("About 2 Hz"), "{answer:?}");
    // No key, no provider: it says so.
    let config =
        Config::from_json(r#"{"providers": [{"kind": "vertex"}, {"kind": "gemini"}]}"#).unwrap();
    assert_eq!(Nis::new(config).unwrap().health().provider, ["offline"]);
}

/// A clock that stands where it is put.
#[derive(Debug)]
struct Stopped(AtomicU64);

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

const NOW: u64 = 1_795_000_000;

struct Account {
    json: String,
    public: RsaPublicKey,
    pem: String,
}

fn account(token_uri: &str) -> Account {
    let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
    let mut file: Value = serde_json::from_str(&fixture("vertex_service_account.json")).unwrap();
    file["private_key"] = json!(pem);
    file["token_uri"] = json!(token_uri);
    Account {
        json: file.to_string(),
        public: key.to_public_key(),
        pem,
    }
}

/// The claims of an assertion whose signature is right.
fn verified(assertion: &str, public: &RsaPublicKey) -> (Value, Value) {
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let signature =
        Signature::try_from(URL_SAFE_NO_PAD.decode(signature).unwrap().as_slice()).unwrap();
    VerifyingKey::<Sha256>::new(public.clone())
        .verify(signed.as_bytes(), &signature)
        .expect("the signature is wrong");
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (read(header), read(claims))
}

#[test]
fn claims_are_signed_as_recorded() {
    let account = account("https://oauth2.googleapis.com/token");
    let read = ServiceAccount::from_json("key", &account.json).unwrap();
    let when = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 30);
    let (header, claims) = verified(read.assertion(when).unwrap().expose(), &account.public);
    let recorded: Value = serde_json::from_str(&fixture("vertex_jwt_claims.json")).unwrap();
    assert_eq!(
        (header, claims),
        (recorded["header"].clone(), recorded["claims"].clone())
    );
    let body = account.pem.lines().nth(1).unwrap();
    assert!(!format!("{read:?}").contains(body));
    let elsewhere = account
        .json
        .replace("oauth2.googleapis.com", "evil.example.com");
    for bad in [
        "",
        "{}",
        "[]",
        elsewhere.as_str(),
        &account.json.replace(body, "AAAA"),
        &fixture("vertex_service_account.json"),
    ] {
        let e = ServiceAccount::from_json("config.key", bad).unwrap_err();
        assert_eq!(e.field(), Some("config.key"), "{e}");
        assert!(!format!("{e} {e:?}").contains(body), "{e}");
    }
    let e = ServiceAccount::from_file("key", std::path::Path::new("/nonexistent")).unwrap_err();
    assert!(matches!(e, Error::Io { .. }), "{e}");
}

fn token(name: &str) -> Act {
    let body = json!({"access_token": name, "expires_in": 3600, "token_type": "Bearer"});
    reply("200 OK", "application/json", &body.to_string())
}

#[tokio::test]
async fn a_thousand_calls_ask_for_one_token() {
    let server = serve(vec![token("ya29.first"), token("ya29.second")]).await;
    let account = account(&format!("{}/token", server.base));
    let clock = Arc::new(Stopped(AtomicU64::new(NOW)));
    let read = ServiceAccount::from_json("key", &account.json).unwrap();
    let source = Arc::new(TokenSource::new(read, clock.clone()));
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let (source, client) = (source.clone(), client.clone());
            tokio::spawn(async move { source.token(&client).await.unwrap().expose().to_owned() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), "ya29.first");
    }
    assert_eq!(server.count(), 1);
    // Renewed at 80 % of its life.
    for (at, name, requests) in [
        (NOW + 2879, "ya29.first", 1),
        (NOW + 2881, "ya29.second", 2),
    ] {
        clock.0.store(at, Ordering::SeqCst);
        assert_eq!(source.token(&client).await.unwrap().expose(), name);
        assert_eq!(server.count(), requests);
    }
    let sent = server.requests.lock().unwrap()[0].clone();
    let form = sent.split("\r\n\r\n").nth(1).unwrap();
    let assertion = form
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .unwrap();
    let (_, claims) = verified(assertion, &account.public);
    assert_eq!(claims["aud"], format!("{}/token", server.base));
    assert!(!format!("{source:?}").contains("ya29"));
}

#[tokio::test]
async fn a_clock_that_is_off_is_put_right_once() {
    let refusal: Value =
        serde_json::from_str(&fixture("vertex_token_error_invalid_grant.json")).unwrap();
    let body = refusal["body"].to_string();
    let theirs = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 600);
    let refused = reply(
        &format!(
            "400 Bad Request\r\ndate: {}",
            httpdate::fmt_http_date(theirs)
        ),
        "application/json",
        &body,
    );
    let server = serve(vec![refused.clone(), token("ya29.good")]).await;
    let account = account(&format!("{}/token", server.base));
    let clock = Arc::new(Stopped(AtomicU64::new(NOW)));
    let source = |server_account: &str| {
        TokenSource::new(
            ServiceAccount::from_json("key", server_account).unwrap(),
            clock.clone(),
        )
    };
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    assert_eq!(
        source(&account.json).token(&client).await.unwrap().expose(),
        "ya29.good"
    );
    let iat = |n: usize| {
        let sent = server.requests.lock().unwrap()[n].clone();
        let assertion = sent.rsplit_once("assertion=").unwrap().1.to_owned();
        verified(&assertion, &account.public).1["iat"]
            .as_u64()
            .unwrap()
    };
    assert_eq!((iat(0), iat(1)), (NOW - 30, NOW + 570));
    // A server that is never content is asked twice.
    let server = serve(vec![refused]).await;
    let e = source(&account.json.replace(
        &account_address(&account.json),
        &format!("{}/token", server.base),
    ))
    .token(&client)
    .await
    .unwrap_err();
    assert!(
        matches!(
            &e,
            Error::Provider {
                retryable: false,
                ..
            }
        ),
        "{e}"
    );
    assert_eq!(server.count(), 2);
}

fn account_address(json: &str) -> String {
    let file: Value = serde_json::from_str(json).unwrap();
    file["token_uri"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn vertex_renews_a_withdrawn_token_once() {
    let tokens = serve(vec![token("ya29.old"), token("ya29.new")]).await;
    let account = account(&format!("{}/token", tokens.base));
    let model = serve(vec![
        reply(
            "401 Unauthorized",
            "application/json",
            r#"{"error": {"code": 401, "message": "expired", "status": "UNAUTHENTICATED"}}"#,
        ),
        reply(
            "200 OK",
            "application/json",
            &fixture("vertex_response_text.json"),
        ),
        reply("401 Unauthorized", "application/json", "{}"),
    ])
    .await;
    let clock = Arc::new(Stopped(AtomicU64::new(NOW)));
    let read = ServiceAccount::from_json("key", &account.json).unwrap();
    let wire = Vertex::new(read.project(), "global", "model-x").unwrap();
    let provider = model
        .provider(|_| ())
        .with_wire(Arc::new(wire))
        .with_clock(clock.clone())
        .with_tokens(TokenSource::new(read, clock));
    assert_eq!(
        provider.complete(&hello()).await.unwrap().text,
        "About 2 Hz."
    );
    let sent = model.requests.lock().unwrap().clone();
    assert!(
        sent[0]
            .to_lowercase()
            .contains("authorization: bearer ya29.old"),
        "{}",
        sent[0]
    );
    assert!(
        sent[1]
            .to_lowercase()
            .contains("authorization: bearer ya29.new"),
        "{}",
        sent[1]
    );
    assert!(sent[1].starts_with("POST /v1/projects/fx-project/locations/global/publishers/google/models/model-x:generateContent "), "{}", sent[1]);
    assert_eq!((model.count(), tokens.count()), (2, 2));
    // Refused for good: asked once more, then told.
    let e = provider.complete(&hello()).await.unwrap_err();
    assert!(
        matches!(
            e,
            Error::Provider {
                status: Some(401),
                ..
            }
        ),
        "{e}"
    );
    assert_eq!(model.count(), 4);
}
