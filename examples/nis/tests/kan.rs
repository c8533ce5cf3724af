//! `nis kan fit`, `predict` and `export` on the command line.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on shall stop"
)]

mod common;

use std::path::Path;
use std::process::Output;

use common::nis;
use serde_json::Value;

fn run(home: &Path, arguments: &[&str]) -> Output {
    nis(home)
        .arg("kan")
        .args(arguments)
        .current_dir(home)
        .output()
        .unwrap()
}

fn done(out: &Output) -> String {
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout.clone()).unwrap()
}

fn refused(out: &Output, text: &str) {
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    let message = String::from_utf8_lossy(&out.stderr);
    assert!(message.contains(text), "{message}");
}

/// y = sin(a) + b^2 on scattered points, with a column that says nothing and two classes.
fn data(home: &Path) {
    let mut csv = String::from("a,b,noise,y,side\n");
    for k in 0..120 {
        let k = f64::from(k);
        let (a, b) = (
            -1.5 + 3.0 * (k * 0.618034).fract(),
            -1.0 + 2.0 * (k * 0.754878).fract(),
        );
        let side = if a > 0.0 { "right" } else { "left" };
        csv.push_str(&format!(
            "{a},{b},{},{},{side}\n",
            (k * 0.57).fract(),
            a.sin() + b * b
        ));
    }
    std::fs::write(home.join("data.csv"), csv).unwrap();
}

#[test]
fn fit_tells_the_formula_and_predict_follows_it() {
    let home = tempfile::tempdir().unwrap();
    data(home.path());
    let fit = [
        "fit", "data.csv", "--target", "y", "--hidden", "0", "--grid", "6",
    ];
    let text = done(&run(home.path(), &fit));
    for expected in ["120 rows, y from a, b, noise", "y = ", "held out", "noise"] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(
        text.contains("sin(a) + b^2") || text.contains("b^2 + sin(a)"),
        "{text}"
    );

    let json = [&fit[..], &["--json", "--out", "kan.json"]].concat();
    let found: Value = serde_json::from_str(&done(&run(home.path(), &json))).unwrap();
    assert_eq!(found["rows"], 120);
    assert_eq!(found["widths"], serde_json::json!([3, 1]));
    assert!(found["report"]["holdout_error"].as_f64().unwrap() < 0.01);
    assert_eq!(found["formulas"][0]["found"], true);

    let csv = done(&run(home.path(), &["predict", "kan.json", "data.csv"]));
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("y"));
    let values: Vec<f64> = lines.map(|l| l.parse().unwrap()).collect();
    let table = std::fs::read_to_string(home.path().join("data.csv")).unwrap();
    let want = table.lines().skip(1).map(|l| {
        let cell = l.split(',').nth(3).unwrap();
        cell.parse::<f64>().unwrap()
    });
    assert_eq!(values.len(), 120);
    for (got, want) in values.iter().zip(want) {
        assert!((got - want).abs() < 0.05, "{got} {want}");
    }

    // Through every format; what can be read back gives the same.
    for file in ["kan.safetensors", "kan.c", "kan.onnx", "again.json"] {
        done(&run(
            home.path(),
            &["export", "kan.json", "--out", file, "--prefix", "mine"],
        ));
        assert!(home.path().join(file).exists(), "{file}");
    }
    let c = std::fs::read_to_string(home.path().join("kan.c")).unwrap();
    assert!(c.contains("void mine_predict(const double *x"));
    assert!(home.path().join("kan.h").exists());
    done(&run(
        home.path(),
        &["predict", "kan.safetensors", "data.csv", "--out", "p.csv"],
    ));
    assert_eq!(
        std::fs::read_to_string(home.path().join("p.csv")).unwrap(),
        csv
    );
    let again = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
    assert_eq!(again("again.json"), again("kan.json"));
}

#[test]
fn classes_are_named() {
    let home = tempfile::tempdir().unwrap();
    data(home.path());
    let fit = [
        "fit",
        "data.csv",
        "--target",
        "side",
        "--classify",
        "--features",
        "a,b",
        "--hidden",
        "0",
        "--out",
        "side.safetensors",
    ];
    let text = done(&run(home.path(), &fit));
    assert!(text.contains("mean cross-entropy"), "{text}");
    let csv = done(&run(
        home.path(),
        &["predict", "side.safetensors", "data.csv"],
    ));
    let table = std::fs::read_to_string(home.path().join("data.csv")).unwrap();
    let right = csv
        .lines()
        .zip(table.lines())
        .skip(1)
        .filter(|(got, row)| row.ends_with(&format!(",{got}")))
        .count();
    assert!(right >= 108, "{right} of 120");
    let p = done(&run(
        home.path(),
        &[
            "predict",
            "side.safetensors",
            "data.csv",
            "--proba",
            "--json",
        ],
    ));
    let p: Value = serde_json::from_str(&p).unwrap();
    for (l, r) in p["left"]
        .as_array()
        .unwrap()
        .iter()
        .zip(p["right"].as_array().unwrap())
    {
        assert!((l.as_f64().unwrap() + r.as_f64().unwrap() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn input_that_does_not_fit_exits_with_2() {
    let home = tempfile::tempdir().unwrap();
    data(home.path());
    std::fs::write(home.path().join("bad.csv"), "a,y\n1,2\n,3\n4,5\n").unwrap();
    std::fs::write(home.path().join("broken.json"), "{\"net\": 3}").unwrap();
    for (arguments, text) in [
        (&["fit", "none.csv", "--target", "y"][..], "none.csv"),
        (&["fit", "data.csv", "--target", "z"], "column not found: z"),
        (
            &["fit", "data.csv", "--target", "y", "--features", "a,y"],
            "--features",
        ),
        (
            &["fit", "data.csv", "--target", "y", "--out", "kan.txt"],
            "--out",
        ),
        (
            &["fit", "data.csv", "--target", "y", "--holdout", "0.9"],
            "holdout",
        ),
        (&["fit", "bad.csv", "--target", "y"], "row 1, column 0 (a)"),
        (
            &["fit", "data.csv", "--target", "y,b", "--classify"],
            "expected one",
        ),
        (&["predict", "broken.json", "data.csv"], "net"),
        (&["export", "none.json", "--out", "kan.c"], "none.json"),
    ] {
        refused(&run(home.path(), arguments), text);
    }
}
