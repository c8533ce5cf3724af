//! The HTTP routes of `nis serve`, their errors and their limits.
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

use common::{Answer, Server, request};
use serde_json::{Value, json};

fn loc(answer: &Answer) -> Value {
    assert_eq!(answer.status, 422, "{}", answer.text());
    answer.json()["detail"][0]["loc"].clone()
}

fn kind(answer: &Answer) -> Value {
    answer.json()["detail"][0]["type"].clone()
}

#[test]
fn health_without_a_key_lists_only_the_offline_provider() {
    for env in [
        &[][..],
        &[("OPENAI_API_KEY", "your_openai_api_key_here")],
        &[("OPENAI_API_KEY", "")],
    ] {
        let server = Server::start(env);
        let answer = server.get("/health");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let health = answer.json();
        assert_eq!(health["status"], "healthy");
        assert_eq!(health["provider"], json!(["offline"]), "{env:?}");
        assert_eq!(health["real_ai"], json!([false]));
        assert_eq!(health["model"].as_array().unwrap().len(), 1);
        assert_eq!(health["agents_registered"], 14);
        assert_eq!(health["pattern"], "nis_v3_agnostic");
        assert_eq!(health["conversations_active"], 0);
        assert!(!health["tools_available"].as_array().unwrap().is_empty());
        assert!(health["timestamp"].as_f64().unwrap() > 1.7e9);
    }
}

#[test]
fn chat_answers_arithmetic_without_a_key() {
    let server = Server::start(&[]);
    for (path, field) in [
        ("/chat", "query"),
        ("/chat", "message"),
        ("/chat/optimized", "query"),
    ] {
        let answer = server.post(path, &json!({ field: "What is 2+2?" }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let reply = answer.json();
        assert!(reply["response"].as_str().unwrap().contains('4'), "{reply}");
        assert_eq!(reply["provider"], "offline");
        assert_eq!(reply["real_ai"], false);
        assert!(reply["model"].is_string());
        assert!(reply["user_id"].is_string());
        assert!(reply["timestamp"].as_f64().unwrap() > 1.7e9);
        assert!(reply["reasoning_trace"].is_array());
        for absent_or_number in ["confidence", "tokens_used"] {
            let value = &reply[absent_or_number];
            assert!(value.is_null() || value.is_number(), "{value}");
            assert!(reply.as_object().unwrap().contains_key(absent_or_number));
        }
        let id = reply["conversation_id"].as_str().unwrap();
        let digits = id.strip_prefix("conv_").unwrap();
        assert_eq!(digits.len(), 12);
        assert!(
            digits
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        );
    }
}

#[test]
fn chat_keeps_what_the_client_names_and_ignores_the_unknown() {
    let server = Server::start(&[]);
    let body = json!({
        "query": "What is 6*7?", "message": "What is 6*7?", "conversation_id": "conv_mine",
        "user_id": "ada", "provider": "offline", "surprise": [1, 2]
    });
    let answer = server.post("/chat", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let reply = answer.json();
    assert!(reply["response"].as_str().unwrap().contains("42"));
    assert_eq!(reply["conversation_id"], "conv_mine");
    assert_eq!(reply["user_id"], "ada");
    assert_eq!(server.get("/health").json()["conversations_active"], 1);
}

#[test]
fn chat_points_at_what_does_not_fit() {
    let server = Server::start(&[]);
    let cases = [
        (json!({}), json!(["body", "query"]), "missing"),
        (json!({"user_id": "a"}), json!(["body", "query"]), "missing"),
        (json!({"query": null}), json!(["body", "query"]), "missing"),
        (json!({"query": 3}), json!(["body", "query"]), "string_type"),
        (
            json!({"message": {}}),
            json!(["body", "message"]),
            "string_type",
        ),
        (
            json!({"query": ""}),
            json!(["body", "query"]),
            "string_too_short",
        ),
        (
            json!({"message": " \n"}),
            json!(["body", "message"]),
            "string_too_short",
        ),
        (
            json!({"query": "a", "message": "b"}),
            json!(["body", "message"]),
            "value_error",
        ),
        (
            json!({"query": "a", "user_id": 1}),
            json!(["body", "user_id"]),
            "string_type",
        ),
        (
            json!({"query": "a", "conversation_id": true}),
            json!(["body", "conversation_id"]),
            "string_type",
        ),
        (
            json!({"query": "a", "provider": []}),
            json!(["body", "provider"]),
            "string_type",
        ),
        (
            json!({"query": "a", "provider": "no_such_provider"}),
            json!(["body", "provider"]),
            "value_error",
        ),
        (json!([1]), json!(["body"]), "model_attributes_type"),
        (json!("text"), json!(["body"]), "model_attributes_type"),
    ];
    for path in ["/chat", "/chat/optimized"] {
        for (body, place, what) in &cases {
            let answer = server.post(path, body);
            assert_eq!(loc(&answer), *place, "{body}");
            assert_eq!(kind(&answer), *what, "{body}");
            assert!(answer.json()["detail"][0]["msg"].is_string());
        }
    }
    let wrong = server.post("/chat", &json!({"query": 3}));
    assert_eq!(wrong.json()["detail"][0]["input"], 3);
}

#[test]
fn text_that_is_no_json_is_refused_with_its_place() {
    let server = Server::start(&[]);
    for path in ["/chat", "/chat/optimized", "/analyze"] {
        for (body, place) in [
            (&b"{\"query\": }"[..], json!(["body", 10])),
            (b"\"\xff\"", json!(["body", 1])),
        ] {
            let answer = server.post_text(path, body);
            assert_eq!(loc(&answer), place);
            assert_eq!(kind(&answer), "json_invalid");
        }
        let empty = server.post_text(path, b"");
        assert_eq!(loc(&empty), json!(["body"]));
        assert_eq!(kind(&empty), "missing");
        let deep = "[".repeat(200_000);
        assert_eq!(
            kind(&server.post_text(path, deep.as_bytes())),
            "json_invalid"
        );
    }
}

#[test]
fn bodies_have_a_limit() {
    let server = Server::start(&[]);
    let limit = 1 << 20;
    let over = json!({ "query": "x".repeat(limit) }).to_string();
    for path in ["/chat", "/chat/optimized", "/analyze"] {
        let answer = server.post_text(path, over.as_bytes());
        assert_eq!(answer.status, 413);
        assert_eq!(answer.json()["error"]["code"], "limit");
    }
    // The same without Content-Length.
    let mut stream = TcpStream::connect(server.addr).unwrap();
    let head = format!(
        "POST /chat HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        server.addr
    );
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..20 {
        stream.write_all(b"10000\r\n").unwrap();
        stream.write_all(&[b'x'; 0x10000]).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(common::receive(stream).status, 413);
    // Exactly at the limit a body is read: here it is no JSON.
    assert_eq!(server.post_text("/chat", &vec![b'x'; limit]).status, 422);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn unknown_paths_and_wrong_methods_answer_json() {
    let server = Server::start(&[]);
    let answer = server.get("/nothing");
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"]["code"], "not_found");
    for (method, path, allowed) in [
        ("GET", "/chat", "POST"),
        ("POST", "/health", "GET"),
        ("DELETE", "/analyze", "POST"),
    ] {
        let answer = request(server.addr, method, path, &[], b"");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
        assert!(answer.header("allow").unwrap().contains(allowed));
    }
    let answer = server.get("/ws");
    assert_eq!(answer.status, 426);
    assert_eq!(answer.json()["error"]["code"], "upgrade_required");
    for answer in [server.get("/nothing"), server.get("/ws")] {
        let error = &answer.json()["error"];
        assert!(error["message"].is_string() && error["field"].is_null());
    }
}

#[test]
fn the_openapi_document_lists_every_route() {
    let server = Server::start(&[]);
    let document = server.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.push((method.to_uppercase(), path.clone()));
        }
    }
    let index = server.get("/").json();
    let mut listed: Vec<(String, String)> = index["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| {
            let text = |name: &str| route[name].as_str().unwrap().to_owned();
            (text("method"), text("path"))
        })
        .collect();
    described.sort();
    listed.sort();
    assert_eq!(described, listed);
    assert_eq!(listed.len(), 13);
    for (method, path) in listed {
        let status = request(server.addr, &method, &path, &[], b"").status;
        assert!(
            !matches!(status, 404 | 405 | 500),
            "{method} {path}: {status}"
        );
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
}

#[test]
fn the_reply_and_health_have_the_fields_that_the_document_requires() {
    let server = Server::start(&[]);
    let document = server.get("/openapi.json").json();
    let reply = server.post("/chat", &json!({"query": "1+1"})).json();
    let health = server.get("/health").json();
    for (name, value) in [("ChatReply", reply), ("Health", health)] {
        let required: Vec<&str> = document["components"]["schemas"][name]["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field.as_str().unwrap())
            .collect();
        for field in &required {
            assert!(value.as_object().unwrap().contains_key(*field), "{field}");
        }
        assert_eq!(value.as_object().unwrap().len(), required.len(), "{value}");
    }
}

#[test]
fn every_answer_has_a_request_id() {
    let server = Server::start(&[]);
    let id = |given: &str| {
        let headers = [("X-Request-Id", given)];
        let answer = request(server.addr, "GET", "/nothing", &headers, b"");
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("mine-1.2_A"), "mine-1.2_A");
    let made = id("not sane <script>");
    assert_eq!(made.len(), 16);
    assert_ne!(made, id(&"x".repeat(65)));
    assert!(server.get("/health").header("x-request-id").is_some());
}

#[test]
fn pages_of_other_hosts_are_refused() {
    let server = Server::start(&[]);
    let from = |origin: &str| {
        let headers = [("Origin", origin), ("Content-Type", "text/plain")];
        let body = br#"{"query": "1+1"}"#;
        request(server.addr, "POST", "/chat", &headers, body)
    };
    let answer = from("https://evil.example");
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["error"]["code"], "forbidden");
    assert_eq!(from("http://localhost:3000").status, 200);
}

#[test]
fn metrics_count_requests() {
    let server = Server::start(&[]);
    server.get("/health");
    server.get("/health");
    server.post("/chat", &json!({}));
    let answer = server.get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let text = answer.text();
    let lines: Vec<&str> = text.lines().collect();
    for line in [
        "nis_http_requests_total{route=\"GET /health\",status=\"200\"} 2",
        "nis_http_requests_total{route=\"POST /chat\",status=\"422\"} 1",
        "nis_http_websockets 0",
        "nis_http_analyses 0",
    ] {
        assert!(lines.contains(&line), "{line} in {text}");
    }
    // The form: comments, or a name, labels and a number; no family twice.
    let mut families = Vec::new();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap();
            assert!(!families.contains(&name), "{name} twice");
            families.push(name);
        } else if !line.starts_with('#') {
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}

#[test]
fn many_requests_at_once_are_all_answered() {
    let server = Server::start(&[]);
    thread::scope(|scope| {
        for i in 0..50_u32 {
            let server = &server;
            scope.spawn(move || {
                let answer =
                    server.post("/chat", &json!({ "query": format!("What is {i}+1000?") }));
                assert_eq!(answer.status, 200, "{}", answer.text());
                let reply = answer.json()["response"].as_str().unwrap().replace(',', "");
                assert!(reply.contains(&(i + 1000).to_string()), "{i}: {reply}");
            });
        }
    });
    assert_eq!(server.get("/health").json()["conversations_active"], 50);
}

fn columns(file: &str) -> Value {
    let text = std::fs::read_to_string(common::data(file)).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    names
        .iter()
        .enumerate()
        .filter(|(_, name)| **name != "body")
        .map(|(place, name)| {
            let values: Vec<f64> = rows.iter().map(|row| row[place].parse().unwrap()).collect();
            json!({ "name": name, "values": values })
        })
        .collect()
}

#[test]
fn analyze_answers_with_the_report() {
    let server = Server::start(&[]);
    let body = json!({
        "columns": columns("planets.csv"), "source": "planets", "options": {"law": true}
    });
    let answer = server.post("/analyze", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let report = answer.json();
    assert_eq!(report["source"], "planets");
    assert_eq!(report["mode"], "law");
    let constants = report["laws"][0]["law"]["constants"].as_array().unwrap();
    assert!(
        constants
            .iter()
            .any(|constant| (constant["value"].as_f64().unwrap() - 1.5).abs() <= 0.002)
    );
    // What the document promises is there.
    let document = server.get("/openapi.json").json();
    for field in document["components"]["schemas"]["Report"]["required"]
        .as_array()
        .unwrap()
    {
        assert!(report.get(field.as_str().unwrap()).is_some(), "{field}");
    }
    assert_eq!(
        server
            .get("/metrics")
            .text()
            .matches("nis_http_analyses 0\n")
            .count(),
        1
    );
}

#[test]
fn analyze_points_at_what_does_not_fit() {
    let server = Server::start(&[]);
    let post = |body: Value| server.post("/analyze", &body);
    assert_eq!(loc(&post(json!({}))), json!(["body", "columns"]));
    assert_eq!(loc(&post(json!([]))), json!(["body"]));
    let answer = post(json!({"columns": [{"name": "a", "values": [1, "x"]}]}));
    assert_eq!(loc(&answer), json!(["body", "columns", 0, "values", 1]));
    assert_eq!(answer.json()["detail"][0]["input"], "x");
    let planets = columns("planets.csv");
    let answer = post(json!({"columns": planets, "options": {"speed": 1}}));
    assert_eq!(loc(&answer), json!(["body", "options", "speed"]));
    let answer = post(json!({"columns": planets, "options": {"kan": {"holdout": "a"}}}));
    assert_eq!(loc(&answer), json!(["body", "options", "kan", "holdout"]));
    let options = json!({"law": true, "target": "no_such_column"});
    let answer = post(json!({"columns": planets, "options": options}));
    assert_eq!(answer.status, 404, "{}", answer.text());
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "not_found");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("no_such_column")
    );
    let answer = post(json!({
        "columns": columns("hare_lynx.csv"), "options": {"equation": "hare' = a*(hare"}
    }));
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(kind(&answer), "parse_error");
}

#[test]
fn an_analysis_stops_when_its_client_goes_away() {
    let server = Server::start(&[]);
    let t: Vec<f64> = (0..1500).map(|row| f64::from(row) * 0.01).collect();
    let mut columns = vec![json!({"name": "t", "values": t})];
    for column in 1..=20_u32 {
        let speed = f64::from(column) * 0.37;
        let values: Vec<f64> = t
            .iter()
            .map(|t| ((speed * t).sin() + (1.7 * speed * t).cos()) * 1e3)
            .map(f64::round)
            .collect();
        columns.push(json!({"name": format!("c{column}"), "values": values}));
    }
    let body = json!({ "columns": columns }).to_string();
    let running = |count: u32| {
        let line = format!("nis_http_analyses {count}\n");
        server.get("/metrics").text().contains(&line)
    };
    let wait_for = |count: u32| {
        let start = std::time::Instant::now();
        while !running(count) {
            assert!(start.elapsed() < Duration::from_secs(10), "never {count}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    let mut stream = common::open(server.addr, "POST", "/analyze", &[], body.len());
    stream.write_all(body.as_bytes()).unwrap();
    wait_for(1);
    thread::sleep(Duration::from_millis(500));
    assert!(running(1), "over too early to test");
    drop(stream);
    wait_for(0);
}

#[test]
fn errors_of_the_runtime_have_their_status_and_place() {
    let placeholder = [("OPENAI_API_KEY", "your_openai_api_key_here")];
    let server = Server::start(&placeholder);
    let ask = |body: Value| server.post("/chat", &body);
    // Known, but without a usable key.
    let answer = ask(json!({"query": "hello", "provider": "openai"}));
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "unavailable");
    assert!(!answer.text().contains("your_openai"));
    for (field, value) in [
        ("user_id", "x".repeat(500)),
        ("conversation_id", "a b/../c".into()),
    ] {
        let answer = ask(json!({"query": "1+1", field: value}));
        assert_eq!(loc(&answer), json!(["body", field]));
    }
    // A conversation of somebody else does not exist.
    let mine = json!({"query": "1+1", "conversation_id": "conv_a", "user_id": "ada"});
    assert_eq!(ask(mine).status, 200);
    let answer = ask(json!({"query": "1+1", "conversation_id": "conv_a", "user_id": "bob"}));
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert_eq!(answer.json()["error"]["code"], "not_found");
}
