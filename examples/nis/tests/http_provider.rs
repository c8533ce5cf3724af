//! `nis serve` with a provider behind it: exactly the calls that were promised, its failures, and the end of
//! the server while it answers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on shall stop"
)]

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use common::{Mock, Server, Upstream, request, signal, wait};
use serde_json::json;

const KEY: &str = "sk-test-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";

#[test]
fn a_usable_key_brings_the_provider() {
    let mock = Mock::start(Upstream::Text("The capital of France is Paris."));
    let url = mock.base_url();
    let server = Server::start(&[("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", &url)]);
    let health = server.get("/health").json();
    let names = health["provider"].as_array().unwrap();
    let place = names.iter().position(|name| name == "openai").unwrap();
    assert_eq!(health["real_ai"][place], true);
    assert!(names.contains(&json!("offline")));
    assert_eq!(mock.requests(), 0, "health must not call the provider");

    let question = json!({"query": "What is the capital of France?"});
    let answer = server.post("/chat/optimized", &question);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let reply = answer.json();
    assert_eq!(mock.requests(), 1, "exactly one upstream call");
    assert!(reply["response"].as_str().unwrap().contains("Paris"));
    assert_eq!(reply["provider"], "openai");
    assert_eq!(reply["real_ai"], true);
    assert_eq!(reply["model"], "gpt-mock");
    assert_eq!(reply["tokens_used"], 7);

    let answer = server.post("/chat", &question);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer.json()["response"]
            .as_str()
            .unwrap()
            .contains("Paris")
    );
    assert!(mock.requests() >= 2);
    let bodies = mock.bodies.lock().unwrap();
    assert!(
        bodies[0].to_string().contains("capital of France"),
        "{}",
        bodies[0]
    );
}

#[test]
fn a_failing_provider_is_a_502_without_its_words() {
    let secret = "Incorrect API key provided: SECRET at http://internal.SECRET";
    let mock = Mock::start(Upstream::Fails(401, secret));
    let url = mock.base_url();
    let server = Server::start(&[("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", &url)]);
    let question = json!({"query": "Tell me a story.", "provider": "openai"});
    let answer = server.post("/chat/optimized", &question);
    assert_eq!(answer.status, 502, "{}", answer.text());
    let text = answer.text();
    assert!(!text.contains("SECRET") && !text.contains(KEY), "{text}");
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "provider");
    assert!(
        error["message"].as_str().unwrap().contains("401"),
        "{error}"
    );
    // The operator finds the rest under the request id; the key is nowhere.
    let id = answer.header("x-request-id").unwrap().to_owned();
    let log = server.log();
    assert!(log.lines().any(|line| line.contains(&id)), "{log}");
    assert!(!log.contains(KEY));
}

#[test]
fn a_provider_that_does_not_listen_is_a_502() {
    // Port 9 (discard) of the loopback interface: nothing listens there.
    let server = Server::start(&[
        ("OPENAI_API_KEY", KEY),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
    ]);
    let question = json!({"query": "Tell me a story.", "provider": "openai"});
    let answer = server.post("/chat/optimized", &question);
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "provider");
}

#[test]
fn sigterm_lets_running_requests_finish() {
    let mock = Mock::start(Upstream::Slow(
        "Late, but here.",
        Duration::from_millis(1500),
    ));
    let url = mock.base_url();
    let mut server = Server::start(&[("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", &url)]);
    let addr = server.addr;
    let running = thread::spawn(move || {
        let body = json!({"query": "Tell me a story.", "provider": "openai"}).to_string();
        request(addr, "POST", "/chat/optimized", &[], body.as_bytes())
    });
    mock.wait_for_request();
    signal(&server.child, "TERM");
    thread::sleep(Duration::from_millis(300));
    assert!(!running.is_finished(), "the request outlives the signal");
    assert!(TcpStream::connect(addr).is_err(), "no new connections");
    let answer = running.join().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["response"], "Late, but here.");
    assert!(wait(&mut server.child, Duration::from_secs(5)).success());
    assert!(server.log().contains("stopped"));
}

#[test]
fn a_second_signal_and_an_idle_connection_do_not_hold_the_server() {
    let mut server = Server::start(&[]);
    let _idle = TcpStream::connect(server.addr).unwrap();
    server.get("/health");
    signal(&server.child, "INT");
    assert!(wait(&mut server.child, Duration::from_secs(5)).success());

    let mock = Mock::start(Upstream::Slow("never read", Duration::from_secs(60)));
    let url = mock.base_url();
    let mut server = Server::start(&[("OPENAI_API_KEY", KEY), ("OPENAI_BASE_URL", &url)]);
    let body = json!({"query": "Tell me a story.", "provider": "openai"}).to_string();
    let mut running = common::open(server.addr, "POST", "/chat/optimized", &[], body.len());
    running.write_all(body.as_bytes()).unwrap();
    mock.wait_for_request();
    signal(&server.child, "TERM");
    thread::sleep(Duration::from_millis(200));
    assert!(server.child.try_wait().unwrap().is_none());
    signal(&server.child, "TERM");
    assert!(wait(&mut server.child, Duration::from_secs(5)).success());
}

#[test]
fn a_port_in_use_is_an_error_and_not_a_panic() {
    let server = Server::start(&[]);
    let output = common::nis(server.home.path())
        .args(["serve", "--port", &server.addr.port().to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("error: ") && !text.contains("panicked"),
        "{text}"
    );
    let output = common::nis(server.home.path())
        .args(["serve", "--host", "not an address"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_provider_that_does_not_answer_is_a_504() {
    let mock = Mock::start(Upstream::Slow("too late", Duration::from_secs(30)));
    let url = mock.base_url();
    let server = Server::start(&[
        ("OPENAI_API_KEY", KEY),
        ("OPENAI_BASE_URL", &url),
        ("NIS_PROVIDER_TIMEOUT_S", "0.4"),
    ]);
    let question = json!({"query": "Tell me a story.", "provider": "openai"});
    let answer = server.post("/chat/optimized", &question);
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "timeout");
}
