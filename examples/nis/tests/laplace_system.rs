//! `nis laplace bode | step | impulse | reduce`.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

fn nis(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nis"))
        .arg("laplace")
        .args(args)
        .output()
        .unwrap()
}

fn json(args: &[&str]) -> Value {
    let out = nis(args);
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn responses_and_reduction_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("system.json");
    std::fs::write(
        &path,
        r#"{"zpk": {"zeros": [], "poles": [[-1, 0], [-100, 0]], "gain": 100}}"#,
    )
    .unwrap();
    let file = path.to_str().unwrap();
    let step = json(&["step", file, "--to", "1", "--points", "2", "--json"]);
    // 1 - 100/99 e^-t + 1/99 e^-100t.
    let expected = 1.0 - 100.0 / 99.0 * (-1.0f64).exp();
    assert!((step["y"][1].as_f64().unwrap() - expected).abs() < 1e-14);
    let impulse = json(&["impulse", file, "--json"]);
    assert!(impulse["t"].as_array().unwrap().len() >= 200);
    let bode = json(&[
        "bode", file, "--from", "1", "--to", "10", "--points", "2", "--json",
    ]);
    let phase = -(1.0f64.atan() + 0.01f64.atan());
    assert!((bode["phase"][0].as_f64().unwrap() - phase).abs() < 1e-14);
    let reduced = json(&["reduce", file, "--order", "1", "--json", "--quiet"]);
    assert_eq!(reduced["order"], 1);
    assert_eq!(
        reduced["hankel_singular_values"].as_array().unwrap().len(),
        2
    );
    let table = nis(&["reduce", file, "--tolerance", "0.5", "--quiet"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("left out"));
    let table = nis(&["bode", file]);
    assert!(String::from_utf8_lossy(&table.stdout).lines().count() > 1000);
}

#[test]
fn bad_input_exits_2_and_names_the_field() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("system.json");
    let file = path.to_str().unwrap();
    for (text, args, field) in [
        ("{", vec![], "line 1"),
        ("{}", vec![], "system"),
        (
            r#"{"zpk": {"zeros": [], "poles": [[-1, 1]], "gain": 1}}"#,
            vec![],
            "poles[0]",
        ),
        (
            r#"{"zpk": {"zeros": [], "poles": [[-1, 0]], "gain": 1}}"#,
            vec!["--to=-1"],
            "--to",
        ),
        (
            r#"{"zpk": {"zeros": [], "poles": [[-1, 0]], "gain": 1}}"#,
            vec!["--to", "1", "--points", "1"],
            "--points",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let mut all = vec!["step", file];
        all.extend(args);
        let out = nis(&all);
        assert_eq!(out.status.code(), Some(2), "{text}");
        let message = String::from_utf8_lossy(&out.stderr);
        assert!(message.contains(field), "{message}");
    }
    let none = nis(&["step", "/nowhere/system.json"]);
    assert_eq!(none.status.code(), Some(2));
}
