//! `nis laplace fit` on the command line.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on shall stop"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use common::nis;
use serde_json::Value;

fn fit(home: &Path, file: &str, more: &[&str]) -> Output {
    nis(home)
        .args(["laplace", "fit"])
        .arg(home.join(file))
        .args(more)
        .output()
        .unwrap()
}

/// `gain * 0.2 s/(s^2 + 0.2 s + 9)` at angular frequencies 0.1 to 8: real and imaginary part.
fn resonance(gain: f64) -> Vec<(f64, f64, f64)> {
    (1..=80)
        .map(|k| {
            let w = 0.1 * f64::from(k);
            let (re, im) = (9.0 - w * w, 0.2 * w);
            let size = re * re + im * im;
            (w, gain * 0.2 * w * im / size, gain * 0.2 * w * re / size)
        })
        .collect()
}

#[test]
fn csv_and_touchstone_give_the_same_poles() {
    let home = tempfile::tempdir().unwrap();
    let rows = resonance(1.4);
    let mut csv = "w,re,im\n".to_owned();
    let mut net = "! made by a test\n# Hz S RI R 50\n".to_owned();
    for (w, re, im) in &rows {
        csv.push_str(&format!("{w:e},{re:e},{im:e}\n"));
        net.push_str(&format!("{:e} {re:e} {im:e}\n", w / std::f64::consts::TAU));
    }
    fs::write(home.path().join("a.csv"), csv).unwrap();
    fs::write(home.path().join("a.s1p"), net).unwrap();
    for (file, more) in [
        ("a.csv", &["--angular", "--json"][..]),
        ("a.s1p", &["--json"][..]),
    ] {
        let output = fit(home.path(), file, more);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let pole = &found["fit"]["poles"][0]["pole"];
        assert!((pole[0].as_f64().unwrap() + 0.1).abs() < 1e-9, "{pole}");
        assert!(
            (pole[1].as_f64().unwrap() - 8.99f64.sqrt()).abs() < 1e-9,
            "{pole}"
        );
    }
    let output = fit(home.path(), "a.s1p", &["--passivity", "scattering"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("2 poles") && text.contains("not passive: worst 1.4"),
        "{text}"
    );
    let system = home.path().join("system.json");
    let output = fit(
        home.path(),
        "a.s1p",
        &[
            "--order",
            "2",
            "--passivity",
            "scattering",
            "--enforce",
            "--output",
            system.to_str().unwrap(),
        ],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("made passive by perturbation"), "{text}");
    let written: Value = serde_json::from_str(&fs::read_to_string(system).unwrap()).unwrap();
    assert_eq!(written["terms"].as_array().unwrap().len(), 1);
}

#[test]
fn what_does_not_fit_exits_with_2() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("odd.csv"), "f,re\n1,2\n2,3\n3,4\n").unwrap();
    fs::write(home.path().join("short.s1p"), "# Hz S RI\n1 0.5\n").unwrap();
    fs::write(home.path().join("one.csv"), "f,re,im\n1,2,3\n2,2,1\n").unwrap();
    for (file, more, part) in [
        ("odd.csv", &[][..], "2 numeric columns"),
        ("short.s1p", &[][..], "2 numbers"),
        ("absent.s2p", &[][..], "absent.s2p"),
        ("absent.csv", &[][..], "absent.csv"),
        ("one.csv", &["--order", "50"][..], "options.order"),
        ("one.csv", &["--inputs", "2"][..], "--inputs"),
        ("one.csv", &["--order", "some"][..], "auto"),
        ("one.csv", &["--enforce"][..], "--passivity"),
    ] {
        let output = fit(home.path(), file, more);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{file}: {text}");
        assert!(text.contains(part), "{part:?} in {text:?}");
        assert!(output.stdout.is_empty());
    }
}
