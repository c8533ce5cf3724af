//! `nis analyze` and `nis ask` on the command line, on the real data of examples/data.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on shall stop"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use common::{data, nis, signal, wait};
use serde_json::Value;

const LOTKA_VOLTERRA: &str = "hare' = a*hare - b*hare*lynx; lynx' = -c*lynx + d*hare*lynx";

fn analyze(home: &Path, file: &str, more: &[&str]) -> Output {
    nis(home)
        .arg("analyze")
        .arg(data(file))
        .args(more)
        .output()
        .unwrap()
}

fn report(file: &str, more: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let output = analyze(home.path(), file, more);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    // No terminal, so no progress; and nothing but the report on standard output.
    assert_eq!(errors, "");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fails(output: &Output, code: i32, part: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.starts_with("error: "), "{text}");
    assert!(text.contains(part), "{part:?} in {text:?}");
    assert!(!text.contains("panicked"), "{text}");
    assert!(output.stdout.is_empty());
}

#[test]
fn sunspots_have_their_period() {
    let report = report("sunspots.csv", &["--json"]);
    let mode = &report["modes"][0]["modes"]["modes"][0];
    let period = mode["period"].as_f64().unwrap();
    assert!((10.5..=11.2).contains(&period), "{period}");
    let error = mode["period_se"].as_f64().unwrap();
    assert!(error > 0.0 && error < 1.0, "{error}");
}

#[test]
fn planets_have_keplers_exponent() {
    let report = report("planets.csv", &["--law", "--json", "--quiet"]);
    let law = &report["laws"][0]["law"];
    assert!(law["formula"].is_string(), "{law}");
    let exponent = law["constants"]
        .as_array()
        .unwrap()
        .iter()
        .find(|constant| constant["name"].as_str().unwrap().starts_with("exponent"))
        .unwrap();
    let value = exponent["value"].as_f64().unwrap();
    assert!((value - 1.5).abs() <= 0.002, "{value}");
    assert!(law["formula_holdout_error"].as_f64().unwrap() >= 0.0);
}

#[test]
fn hare_and_lynx_have_their_parameters() {
    let report = report("hare_lynx.csv", &["--equation", LOTKA_VOLTERRA, "--json"]);
    let fitted = report["fit"]["parameters"].as_array().unwrap();
    for (name, expected) in [("a", 0.55), ("b", 0.028), ("c", 0.80), ("d", 0.024)] {
        let parameter = fitted.iter().find(|known| known["name"] == name).unwrap();
        let value = parameter["value"].as_f64().unwrap();
        assert!((value / expected - 1.0).abs() <= 0.2, "{name}: {value}");
    }
}

#[test]
fn options_reach_the_report() {
    let report = report(
        "sunspots.csv",
        &["--json", "--seed", "7", "--order", "4", "--time", "year"],
    );
    assert_eq!(report["run"]["seed"], 7);
    assert_eq!(report["run"]["options"]["time"], "year");
    assert_eq!(report["modes"][0]["modes"]["order"], 4);
}

#[test]
fn the_text_report_and_the_page() {
    let home = tempfile::tempdir().unwrap();
    let output = analyze(
        home.path(),
        "planets.csv",
        &["--law", "--html", "page.html"],
    );
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("orbital_period_d"), "{text}");
    assert_eq!(text.lines().last(), Some("report page: page.html"));
    let page = fs::read_to_string(home.path().join("page.html")).unwrap();
    assert!(
        page.trim_start()
            .to_lowercase()
            .starts_with("<!doctype html")
    );
    assert!(page.trim_end().ends_with("</html>"));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);

    // With --json, standard output holds the report alone.
    let output = analyze(
        home.path(),
        "planets.csv",
        &["--law", "--json", "--html", "page.html"],
    );
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "report page: page.html\n"
    );
}

#[test]
fn a_page_that_cannot_be_written_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("taken")).unwrap();
    for place in ["taken", "no/such/folder/page.html"] {
        let output = analyze(home.path(), "planets.csv", &["--law", "--html", place]);
        fails(&output, 1, place);
    }
    let output = analyze(home.path(), "planets.csv", &["--law", "--html", ".."]);
    fails(&output, 2, "--html");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn bad_input_is_named_and_exits_with_2() {
    let home = tempfile::tempdir().unwrap();
    fails(&analyze(home.path(), "nothing.csv", &[]), 2, "nothing.csv");
    fails(&analyze(home.path(), "", &[]), 2, "data");
    let time = ["--time", "no_such_column"];
    fails(&analyze(home.path(), "sunspots.csv", &time), 2, time[1]);
    let target = ["--law", "--target", "no_such_column"];
    fails(&analyze(home.path(), "planets.csv", &target), 2, target[2]);
    let equation = ["--equation", "hare' = a*(hare"];
    fails(
        &analyze(home.path(), "hare_lynx.csv", &equation),
        2,
        "column",
    );

    for (name, text) in [
        ("empty.csv", &b""[..]),
        ("header.csv", b"year,value\n"),
        ("ragged.csv", b"year,value\n1,2\n3\n"),
        ("binary.csv", b"\xff\xfe\x00\x01\x02\n\x00"),
        ("words.csv", b"year,value\n1,1\n2,2\n3,x\n4,4\n5,5\n"),
    ] {
        fs::write(home.path().join(name), text).unwrap();
        let output = nis(home.path()).args(["analyze", name]).output().unwrap();
        fails(&output, 2, name);
    }
    // Wrong use is clap's to tell, with the same code.
    for args in [
        &["analyze"][..],
        &["analyze", "a", "--seed", "-1"],
        &["dance"],
        &["ask"],
    ] {
        let output = nis(home.path()).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    for more in [&["--law"][..], &["--law", "--json"]] {
        let mut child = nis(home.path())
            .arg("analyze")
            .arg(data("planets.csv"))
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn ctrl_c_stops_cleanly() {
    let home = tempfile::tempdir().unwrap();
    // Enough work that it cannot be over before the signal comes.
    let mut text = String::from("t");
    for column in 0..20 {
        text.push_str(&format!(",c{column}"));
    }
    text.push('\n');
    for row in 0..2000_u32 {
        let t = f64::from(row) * 0.01;
        text.push_str(&t.to_string());
        for column in 1..=20_u32 {
            let speed = f64::from(column) * 0.37;
            let value = (speed * t).sin() + (1.7 * speed * t).cos() * (-0.01 * t).exp();
            text.push_str(&format!(",{value}"));
        }
        text.push('\n');
    }
    fs::write(home.path().join("long.csv"), text).unwrap();
    let mut child = nis(home.path())
        .args(["analyze", "long.csv", "--html", "page.html"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert!(
        child.try_wait().unwrap().is_none(),
        "over too early to test"
    );
    signal(&child, "INT");
    let status = wait(&mut child, Duration::from_secs(10));
    assert_eq!(status.code(), Some(130));
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("stopped by Ctrl-C"), "{errors}");
    let left: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["long.csv"]);
}

#[test]
fn ask_answers_and_says_who_did() {
    let home = tempfile::tempdir().unwrap();
    let output = nis(home.path())
        .args(["ask", "What is 2+2?"])
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    assert!(String::from_utf8(output.stdout).unwrap().contains('4'));
    assert!(
        errors.contains("offline") && errors.contains("no language model"),
        "{errors}"
    );

    let output = nis(home.path())
        .args(["ask", "--json", "What", "is", "6*7?"])
        .output()
        .unwrap();
    let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reply["real_ai"], false);
    assert!(reply["response"].as_str().unwrap().contains("42"));

    let output = nis(home.path())
        .args(["ask", "--provider", "no_such_provider", "hello"])
        .output()
        .unwrap();
    fails(&output, 2, "no_such_provider");
    let output = nis(home.path()).args(["ask", " "]).output().unwrap();
    fails(&output, 2, "message");
}
