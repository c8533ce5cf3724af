//! `nis solve` on the command line, and `POST /physics/solve`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on shall stop"
)]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use common::{Server, nis};
use serde_json::{Value, json};

fn problem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../problems")
        .join(name)
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    nis(home).arg("solve").args(arguments).output().unwrap()
}

fn done(out: &Output) -> String {
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout.clone()).unwrap()
}

fn exact(x: f64, t: f64) -> f64 {
    let pi = std::f64::consts::PI;
    (-0.4 * pi * pi * t).exp() * (pi * x).sin()
}

#[test]
fn a_file_is_solved_and_written_in_every_form() {
    let home = tempfile::tempdir().unwrap();
    let file = problem("heat.toml");
    let file = file.to_str().unwrap();
    let text = done(&run(
        home.path(),
        &[
            file, "--html", "p.html", "--csv", "v.csv", "--grid", "5,3", "--out", "s.json",
        ],
    ));
    for part in [
        "u_t = a*u_xx",
        "verdict     valid",
        "u(x,0) = sin(pi*x)",
        "residual, root mean square",
        "page: p.html",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let page = std::fs::read_to_string(home.path().join("p.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.matches("<svg").count() >= 2);
    let csv = std::fs::read_to_string(home.path().join("v.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("x,t,u"));
    let rows: Vec<Vec<f64>> = lines
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.len(), 15);
    for row in rows {
        assert!((row[2] - exact(row[0], row[1])).abs() < 1e-6, "{row:?}");
    }
    let whole: Value =
        serde_json::from_str(&std::fs::read_to_string(home.path().join("s.json")).unwrap())
            .unwrap();
    assert_eq!(whole["fields"], json!(["u"]));

    let out = run(home.path(), &[file, "--json", "--seed", "3"]);
    let summary: Value = serde_json::from_str(&done(&out)).unwrap();
    assert_eq!(summary["seed"], 3);
    assert_eq!(summary["valid"], true);
    assert!(summary.get("representation").is_none());
}

#[test]
fn parameters_are_found_from_a_table_beside_the_file() {
    let home = tempfile::tempdir().unwrap();
    let mut csv = String::from("t,y\n");
    for k in 0..21 {
        let t = 0.1 * f64::from(k);
        csv.push_str(&format!("{t},{}\n", (-0.7 * t).exp()));
    }
    std::fs::write(home.path().join("decay.csv"), csv).unwrap();
    std::fs::write(
        home.path().join("decay.toml"),
        "equations = [\"y' = -k*y\"]\nconditions = [\"y(0) = 1\"]\ndomain = {t = [0, 2]}\nparameters = {k = \"?\"}\ndata = {file = \"decay.csv\"}\n",
    )
    .unwrap();
    let out = run(home.path(), &["decay.toml", "--json"]);
    let summary: Value = serde_json::from_str(&done(&out)).unwrap();
    let k = summary["parameters"][0]["value"].as_f64().unwrap();
    assert!((k - 0.7).abs() < 1e-5, "{k}");
    assert!(done(&run(home.path(), &["decay.toml"])).contains("+-"));
}

#[test]
fn what_does_not_fit_exits_2_with_the_place() {
    let home = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(problem("heat.toml")).unwrap();
    let file = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    file("broken.toml", "equations = [\n  \"u\"\n  = 3\n");
    file("unknown.toml", &format!("{good}\nequatoins = []\n"));
    file("kind.toml", "equations = \"u_t = u_xx\"\n");
    file(
        "options.toml",
        &format!("{good}\n[options]\nmetod = \"auto\"\n"),
    );
    file("formula.toml", &good.replace("a*u_xx", "a*u_xx +"));
    file("name.toml", &good.replace("a*u_xx", "b*u_xx"));
    file(
        "missing.toml",
        &format!("{good}\ndata = {{file = \"none.csv\"}}\n"),
    );
    file("broken.json", "{\"equations\": [}");
    file("list.json", "[1]");
    file("good.toml", &good);
    let cases: [(&[&str], &str); 14] = [
        (&["broken.toml"], "broken.toml: line 3, column"),
        (&["unknown.toml"], "equatoins"),
        (&["kind.toml"], "equations"),
        (&["options.toml"], "metod"),
        (&["formula.toml"], "column"),
        (&["name.toml"], "b"),
        (&["missing.toml"], "none.csv"),
        (&["broken.json"], "broken.json"),
        (&["list.json"], "list.json"),
        (&["none.toml"], "none.toml"),
        (&["good.toml", "--method", "magic"], "magic"),
        (
            &["good.toml", "--csv", "v.csv", "--grid", "3,3,3"],
            "--grid",
        ),
        (&["good.toml", "--csv", "v.csv", "--grid", "1"], "--grid"),
        (
            &["good.toml", "--csv", "v.csv", "--grid", "1000000"],
            "--grid",
        ),
    ];
    for (arguments, part) in cases {
        let out = run(home.path(), arguments);
        let message = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(part), "{arguments:?}: {message}");
        assert!(out.stdout.is_empty());
    }
}

fn request() -> Value {
    json!({
        "problem": {
            "equations": ["u_t = a*u_xx"],
            "domain": {"x": [0, 1], "t": [0, 1]},
            "conditions": ["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"],
            "parameters": {"a": 0.4}
        }
    })
}

#[test]
fn the_server_solves_within_limits() {
    let server = Server::start(&[]);
    let post = |body: &Value| server.post("/physics/solve", body);
    let mut body = request();
    body["grid"] = json!([5, 3]);
    body["points"] = json!([[0.5, 0.1], [0.25, 1.0]]);
    let answer = post(&body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let found = answer.json();
    assert_eq!(found["valid"], true);
    for (k, (x, t)) in [(0.5, 0.1), (0.25, 1.0)].into_iter().enumerate() {
        let value = found["values"][k][0].as_f64().unwrap();
        assert!((value - exact(x, t)).abs() < 1e-6);
    }
    assert_eq!(found["grid"]["values"].as_array().unwrap().len(), 15);
    let document = server.get("/openapi.json").json();
    for field in document["components"]["schemas"]["Solution"]["required"]
        .as_array()
        .unwrap()
    {
        assert!(found.get(field.as_str().unwrap()).is_some(), "{field}");
    }

    let changed = |path: &str, value: Value| {
        let mut body = request();
        *body.pointer_mut(path).unwrap_or(&mut Value::Null) = value.clone();
        if body.pointer(path).is_none() {
            let (parent, name) = path.rsplit_once('/').unwrap();
            body.pointer_mut(parent).unwrap()[name] = value;
        }
        post(&body)
    };
    let refused = [
        ("/options", json!({"max_seconds": 1e9}), "max_seconds"),
        ("/options", json!({"metod": 1}), "metod"),
        ("/problem/equations", json!("u"), "equations"),
        ("/problem/nonsense", json!(1), "nonsense"),
        ("/points", json!([[0.5]]), "points"),
        ("/points", json!([[0.5, 7.0]]), "points"),
    ];
    for (path, value, part) in refused {
        let answer = changed(path, value);
        assert_eq!(answer.status, 422, "{path}: {}", answer.text());
        assert!(answer.text().contains(part), "{path}: {}", answer.text());
    }
    for grid in [json!(100_000), json!([1_000_000_000, 1_000_000_000])] {
        let answer = changed("/grid", grid);
        assert_eq!(answer.status, 413, "{}", answer.text());
    }
}

#[test]
fn the_work_stops_when_its_client_goes_away() {
    let server = Server::start(&[]);
    let mut body = request();
    body["problem"] = json!({
        "equations": ["u_t + u*u_x = nu*u_xx"],
        "domain": {"x": [-1, 1], "t": [0, 1]},
        "conditions": ["u(x,0) = -sin(pi*x)", "u(-1,t) = 0", "u(1,t) = 0"],
        "parameters": {"nu": "0.01/pi"}
    });
    body["options"] = json!({"tolerance": 1e-13, "max_seconds": 60, "method": "network"});
    let body = body.to_string();
    let wait_for = |count: u32| {
        let start = Instant::now();
        let line = format!("nis_http_analyses {count}\n");
        while !server.get("/metrics").text().contains(&line) {
            assert!(start.elapsed() < Duration::from_secs(20), "never {count}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    let mut stream = common::open(server.addr, "POST", "/physics/solve", &[], body.len());
    stream.write_all(body.as_bytes()).unwrap();
    wait_for(1);
    drop(stream);
    wait_for(0);
}
