//! `nis laplace invert` on the command line.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on shall stop"
)]

mod common;

use std::process::Output;

use common::nis;
use serde_json::Value;

fn invert(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    nis(home.path())
        .args(["laplace", "invert"])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn values_as_json_and_as_a_table() {
    let out = invert(&["exp(-2*s)/(s^2 + 1)", "--t", "0:4:5", "--json"]);
    assert!(out.status.success());
    let found: Value = serde_json::from_slice(&out.stdout).unwrap();
    // t = 0 is left out; t = 2 is the delay itself.
    assert_eq!(found["t"].as_array().unwrap().len(), 4);
    assert_eq!(found["value"][0].as_f64(), Some(0.0));
    assert!((found["value"][3].as_f64().unwrap() - 2f64.sin()).abs() <= 1e-12);
    let out = invert(&["1/(s + 1)", "--t", "1,2", "--method", "de-hoog"]);
    let text = String::from_utf8(out.stdout).unwrap();
    // t, value, error estimate, method.
    let line = text.lines().nth(1).unwrap();
    let columns: Vec<&str> = line.split_whitespace().collect();
    let number = |i: usize| columns[i].parse::<f64>().unwrap();
    let off = (number(1) - (-1f64).exp()).abs();
    assert!(columns[3] == "de-hoog" && number(2) < 1e-10, "{text}");
    assert!(off <= number(2), "{text}");
}

#[test]
fn bad_input_is_named() {
    for (arguments, part) in [
        (vec!["1/(s", "--t", "1"], "formula"),
        (vec!["1/s", "--t", "3:1:5"], "t: got 3:1:5"),
        (vec!["1/s", "--t", "1,-2"], "t[1]"),
        (vec!["1/s", "--t", "1", "--method", "guess"], "method"),
        (vec!["abs(s)", "--t", "1"], "formula"),
    ] {
        let out = invert(&arguments);
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{text}");
        assert!(
            text.contains(part) && out.stdout.is_empty(),
            "{part} in {text}"
        );
    }
}
