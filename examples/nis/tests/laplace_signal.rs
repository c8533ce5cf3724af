//! `nis laplace modes`, `transform`, `compress` and `decompress` on the command line.

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
        .arg("laplace")
        .args(arguments)
        .current_dir(home)
        .output()
        .unwrap()
}

/// e^{-t/2} cos(3 t), sampled every 0.02 from the year 1700 on.
fn record(home: &Path) {
    let mut csv = String::from("t,y\n");
    for k in 0..500 {
        let t = 0.02 * f64::from(k);
        csv.push_str(&format!(
            "{},{}\n",
            1700.0 + t,
            (-0.5 * t).exp() * (3.0 * t).cos()
        ));
    }
    std::fs::write(home.join("record.csv"), csv).unwrap();
}

fn json(out: &Output) -> Value {
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn transforms_and_modes_of_a_column() {
    let home = tempfile::tempdir().unwrap();
    record(home.path());
    let found = json(&run(
        home.path(),
        &["transform", "record.csv", "--s", "0.5,1+2j", "--json"],
    ));
    // (s + 1/2)/((s + 1/2)^2 + 9) at 1/2, but for what follows the record.
    let value = found["values"][0][0].as_f64().unwrap();
    let (error, tail) = (
        found["error"][0].as_f64().unwrap(),
        found["tail"][0].as_f64().unwrap(),
    );
    assert!((value - 0.1).abs() <= 3.0 * error + tail, "{value}");
    let line = json(&run(
        home.path(),
        &["transform", "record.csv", "--line", "0.5:0:2:3", "--json"],
    ));
    assert!((line["values"][0][0].as_f64().unwrap() - value).abs() <= 1e-12);
    let modes = json(&run(home.path(), &["modes", "record.csv", "--json"]));
    let pole = &modes["modes"][0]["pole"];
    assert!((pole[0].as_f64().unwrap() + 0.5).abs() <= 1e-6);
    assert!((pole[1].as_f64().unwrap() - 3.0).abs() <= 1e-6);
    for arguments in [
        vec!["transform", "record.csv", "--s", "one"],
        vec!["transform", "record.csv", "--line", "1:2"],
        vec!["transform", "record.csv"],
        vec!["modes", "record.csv", "--column", "z"],
        vec!["modes", "record.csv", "--rate", "-1"],
        vec!["modes", "absent.csv"],
    ] {
        let out = run(home.path(), &arguments);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}");
        assert!(
            out.stdout.is_empty() && !out.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn compressed_and_back() {
    let home = tempfile::tempdir().unwrap();
    record(home.path());
    let out = run(
        home.path(),
        &[
            "compress",
            "record.csv",
            "--out",
            "record.nlc",
            "--max-error",
            "1e-3",
        ],
    );
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let size = std::fs::metadata(home.path().join("record.nlc"))
        .unwrap()
        .len();
    assert!(size < 500, "{size} bytes");
    let out = run(home.path(), &["decompress", "record.nlc"]);
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8(out.stdout).unwrap();
    let values: Vec<f64> = text
        .lines()
        .skip(1)
        .map(|line| line.rsplit(',').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(values.len(), 500);
    for (k, value) in values.iter().enumerate() {
        let t = 0.02 * k as f64;
        assert!(
            (value - (-0.5 * t).exp() * (3.0 * t).cos()).abs() <= 1e-3,
            "{k}"
        );
    }
    std::fs::write(home.path().join("broken.nlc"), b"NLC nonsense").unwrap();
    let out = run(home.path(), &["decompress", "broken.nlc"]);
    assert_eq!(out.status.code(), Some(2));
}
