//! `nis validate` on the command line, and `POST /physics/validate`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on shall stop"
)]

mod common;

use std::path::Path;
use std::process::Output;

use common::{Server, nis};
use serde_json::{Value, json};

fn run(home: &Path, arguments: &[&str]) -> Output {
    nis(home)
        .arg("validate")
        .args(arguments)
        .current_dir(home)
        .output()
        .unwrap()
}

fn overall(out: &Output) -> Value {
    assert!(out.status.success(), "{out:?}");
    let found: Value = serde_json::from_slice(&out.stdout).unwrap();
    found["overall"].clone()
}

#[test]
fn files_and_claims() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let toml = "[numbers]\nF = \"100 N\"\nm = \"5 kg\"\na = 20.0\n\n[[claims]]\nlaw = \"equation\"\ntext = \"F = m*a\"\n";
    std::fs::write(home.join("force.toml"), toml).unwrap();
    assert_eq!(overall(&run(home, &["force.toml", "--json"])), "valid");
    let fast = run(home, &["force.toml", "--number", "a=50 m/s^2", "--json"]);
    assert_eq!(overall(&fast), "violated");
    let json = json!({"claims": [{"law": "heat_flow", "heat": 1000, "from": 300, "to": 400}]});
    std::fs::write(home.join("heat.json"), json.to_string()).unwrap();
    assert_eq!(overall(&run(home, &["heat.json", "--json"])), "violated");
    let mut csv = String::from("s,y\n");
    for i in 0..75 {
        let t = 0.02 * f64::from(i);
        // Centimetres, rounded to 0.01 mm.
        csv.push_str(&format!(
            "{t},{:.3}\n",
            100.0 * (2.0 + 6.0 * t - 0.5 * 9.80665 * t * t)
        ));
    }
    std::fs::write(home.join("fall.csv"), csv).unwrap();
    let fall = r#"{"law": "free_fall", "height": "y"}"#;
    let given = ["fall.csv", "--unit", "y=cm", "--time", "s", "--claim"];
    let all = |more: &[&str]| run(home, &[given.as_slice(), more].concat());
    assert_eq!(overall(&all(&[fall, "--json"])), "valid");
    assert_eq!(overall(&all(&["y'' = -9.80665", "--json"])), "valid");
    assert_eq!(overall(&all(&["y'' = -1.62", "--json"])), "violated");
    let text = String::from_utf8(all(&[fall]).stdout).unwrap();
    assert!(
        text.contains("g = 9.80") && text.ends_with("overall: valid\n"),
        "{text}"
    );
    for (arguments, message) in [
        (vec!["none.toml"], "none.toml"),
        (vec!["force.toml", "--number", "a"], "--number"),
        (vec!["force.toml", "--number", "a=fast"], "numbers.a"),
        (vec!["force.toml", "--unit", "x=m"], "--unit"),
        (vec!["force.toml", "--check", "enrgy"], "--check"),
        (vec!["force.toml", "--claim", "{\"law\": 1}"], "--claim"),
        (vec!["fall.csv", "--time", "w"], "time"),
    ] {
        let out = run(home, &arguments);
        assert_eq!(out.status.code(), Some(2), "{out:?}");
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(told.contains(message), "{told}");
    }
}

#[test]
fn over_http() {
    let server = Server::start(&[]);
    let judged = |claims: Value| {
        let answer = server.post("/physics/validate", &json!({ "claims": claims }));
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["overall"].clone()
    };
    assert_eq!(judged(json!([{"law": "speed", "value": 4e8}])), "violated");
    assert_eq!(
        judged(json!([{"law": "speed", "value": "5 km/h"}])),
        "valid"
    );
    assert_eq!(
        judged(json!([{"law": "energy_balance", "before": 0, "after": "1 kJ"}])),
        "violated"
    );
    assert_eq!(
        judged(json!([{"law": "momentum_balance", "before": 50, "after": 100}])),
        "violated"
    );
    assert_eq!(
        judged(json!([{"law": "equation", "text": "test"}])),
        "not_checked"
    );
    let elastic = json!([{"law": "collision", "masses": [1, 2], "before": [3, 0], "after": [-1, 2], "elastic": true}]);
    assert_eq!(judged(elastic), "valid");
    for (body, place) in [
        (
            json!({"claims": [{"law": "speed", "value": "5 kg"}]}),
            json!(["body", "claims", 0, "value"]),
        ),
        (json!({"claim": []}), json!(["body", "claim"])),
        (json!([1]), json!(["body"])),
    ] {
        let answer = server.post("/physics/validate", &body);
        assert_eq!(answer.status, 422, "{}", answer.json());
        assert_eq!(
            answer.json()["detail"][0]["loc"],
            place,
            "{}",
            answer.json()
        );
    }
}
