//! The three records of examples/data, and what the path does with data it cannot use.

use std::path::Path;

use super::*;
use crate::error::Code;
use crate::physics::Status;

fn example(name: &str) -> Dataset {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/data")
        .join(name);
    Dataset::from_csv_path(&path).unwrap()
}

fn run(data: &Dataset, options: &AnalyzeOptions) -> Result<Report> {
    analyze(data, options, &Progress::none())
}

fn columns(named: &[(&str, Vec<f64>)]) -> Dataset {
    let named = named
        .iter()
        .map(|(n, v)| ((*n).to_string(), v.clone()))
        .collect();
    Dataset::from_columns("test", named).unwrap()
}

fn status_of(report: &Report, check: &str) -> Vec<Status> {
    report
        .verdicts
        .iter()
        .filter(|v| v.check.contains(check))
        .map(|v| v.status)
        .collect()
}

#[test]
fn sunspots_have_a_mode_of_eleven_years() {
    let report = run(&example("sunspots.csv"), &AnalyzeOptions::default()).unwrap();
    let modes = report.modes[0].modes.as_ref().unwrap();
    let period = modes.modes[0].period.unwrap();
    assert!(period > 10.5 && period < 11.2, "{period}");
    let se = modes.modes[0].period_se.unwrap();
    assert!(se > 0.0 && se < 0.5, "{se}");
    // One damped oscillator is not the whole truth about the Sun, and the checks must see it.
    assert!(report.fit.is_some(), "{:?}", report.fit_skipped);
    assert_eq!(overall_status(&report), Status::Violated);
}

fn overall_status(report: &Report) -> Status {
    crate::physics::overall(&report.verdicts)
}

#[test]
fn planets_obey_kepler() {
    let options = AnalyzeOptions {
        law: true,
        ..AnalyzeOptions::default()
    };
    let report = run(&example("planets.csv"), &options).unwrap();
    let law = report.laws[0].law.as_ref().unwrap();
    assert!(law.found, "{}", law.reason);
    let exponent = law
        .constants
        .iter()
        .find(|c| c.name.starts_with("exponent"))
        .unwrap();
    assert!((exponent.value - 1.5).abs() < 0.002, "{exponent:?}");
    assert!(exponent.std_error.unwrap() < 0.002);
    assert!(law.formula_holdout_error.unwrap() < 0.01, "{law:?}");
    let earth = law
        .expr
        .as_ref()
        .unwrap()
        .compile(&["semi_major_axis_gm"])
        .unwrap();
    assert!((earth.evaluate_point(&[149.598]) / 365.256 - 1.0).abs() < 0.005);
    assert_eq!(report.data.labels.as_ref().unwrap()[2], "Earth");
    assert_eq!(report.data.ignored, ["body: text"]);
}

#[test]
fn hare_and_lynx_have_the_published_parameters() {
    let options = AnalyzeOptions {
        equation: Some("hare' = a*hare - b*hare*lynx; lynx' = -c*lynx + d*hare*lynx".into()),
        ..AnalyzeOptions::default()
    };
    let report = run(&example("hare_lynx.csv"), &options).unwrap();
    let fit = report.fit.as_ref().unwrap();
    assert!(fit.converged);
    for (name, published) in [("a", 0.55), ("b", 0.028), ("c", 0.80), ("d", 0.024)] {
        let p = fit.parameters.iter().find(|p| p.name == name).unwrap();
        assert!((p.value / published - 1.0).abs() < 0.2, "{p:?}");
        assert!(p.std_error.unwrap() > 0.0);
    }
    assert!(
        fit.integration_difference < 1e-3,
        "{}",
        fit.integration_difference
    );
    // What could be checked was; what could not says why.
    assert!(!status_of(&report, "independent").is_empty());
    let unchecked: Vec<_> = report
        .verdicts
        .iter()
        .filter(|v| v.status == Status::NotChecked)
        .collect();
    assert!(!unchecked.is_empty());
    assert!(unchecked.iter().all(|v| !v.explanation.is_empty()));
}

#[test]
fn a_clean_oscillator_is_valid() {
    let t: Vec<f64> = (0..200).map(|i| 0.05 * f64::from(i)).collect();
    // Noise by a fixed congruential sequence, standard deviation 0.01.
    let mut state = 1u64;
    let mut noise = || {
        let mut sum = 0.0;
        for _ in 0..12 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            sum += (state >> 11) as f64 / (1u64 << 53) as f64;
        }
        0.01 * (sum - 6.0)
    };
    let y = t
        .iter()
        .map(|t| 3.0 + (-0.2 * t).exp() * (4.0 * t).cos() + noise())
        .collect();
    let report = run(&columns(&[("t", t), ("y", y)]), &AnalyzeOptions::default()).unwrap();
    let fit = report.fit.as_ref().unwrap();
    let value = |name: &str| fit.parameters.iter().find(|p| p.name == name).unwrap();
    for (name, exact) in [("w2", 16.04), ("m", 3.0), ("g", 0.4)] {
        let p = value(name);
        assert!(
            (p.value - exact).abs() < 4.0 * p.std_error.unwrap(),
            "{p:?}"
        );
    }
    assert_eq!(
        overall_status(&report),
        Status::Valid,
        "{:#?}",
        report.verdicts
    );
}

#[test]
fn exact_data_have_no_scatter_to_find_fault_with() {
    let t: Vec<f64> = (0..200).map(|i| 0.05 * f64::from(i)).collect();
    let y = t
        .iter()
        .map(|t| (-0.1 * t).exp() * (2.0 * t).cos())
        .collect();
    let report = run(&columns(&[("t", t), ("y", y)]), &AnalyzeOptions::default()).unwrap();
    assert_eq!(
        overall_status(&report),
        Status::Valid,
        "{:#?}",
        report.verdicts
    );
    assert_eq!(status_of(&report, "independent"), [Status::NotChecked]);
}

#[test]
fn bad_requests_are_refused() {
    let series = || {
        columns(&[
            ("t", vec![1.0, 2.0, 3.0, 4.0]),
            ("y", vec![1.0, 3.0, 2.0, 5.0]),
        ])
    };
    let with = |change: &dyn Fn(&mut AnalyzeOptions)| {
        let mut options = AnalyzeOptions::default();
        change(&mut options);
        run(&series(), &options).map(|_| ()).unwrap_err()
    };
    assert_eq!(with(&|o| o.time = Some("x".into())).code(), Code::NotFound);
    assert_eq!(
        with(&|o| o.equation = Some("y' = ".into())).code(),
        Code::Parse
    );
    assert_eq!(
        with(&|o| o.equation = Some("z' = -z".into())).code(),
        Code::InvalidInput
    );
    assert_eq!(
        with(&|o| {
            o.law = true;
            o.equation = Some("y' = -y".into());
        })
        .field(),
        Some("equation")
    );
    assert_eq!(
        with(&|o| {
            o.law = true;
            o.time = Some("t".into());
        })
        .field(),
        Some("time")
    );
    assert_eq!(
        with(&|o| {
            o.law = true;
            o.target = Some("z".into());
        })
        .code(),
        Code::NotFound
    );
    let unordered = columns(&[("a", vec![2.0, 1.0, 3.0]), ("b", vec![1.0, 3.0, 2.0])]);
    let e = run(&unordered, &AnalyzeOptions::default())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(e.field(), Some("time"));
    let twice = columns(&[("t", vec![1.0, 1.0, 3.0]), ("b", vec![1.0, 3.0, 2.0])]);
    let options = AnalyzeOptions {
        time: Some("t".into()),
        ..AnalyzeOptions::default()
    };
    assert_eq!(
        run(&twice, &options).map(|_| ()).unwrap_err().field(),
        Some("t")
    );
    let alone = columns(&[("t", vec![1.0, 2.0, 3.0])]);
    assert!(run(&alone, &AnalyzeOptions::default()).is_err());
}

#[test]
fn short_or_gappy_series_say_why_a_stage_was_skipped() {
    let data = columns(&[
        ("t", vec![1.0, 2.0, 3.5, 4.0]),
        ("y", vec![1.0, f64::NAN, 2.0, 5.0]),
    ]);
    let report = run(&data, &AnalyzeOptions::default()).unwrap();
    assert!(
        report.modes[0]
            .skipped
            .as_ref()
            .unwrap()
            .contains("equal steps")
    );
    assert!(report.laws[0].skipped.is_some());
    assert!(report.fit_skipped.is_some());
    assert_eq!(report.data.columns[0].missing, 1);
    assert_ne!(overall_status(&report), Status::Valid);
}

#[test]
fn rows_out_of_order_are_sorted_by_the_named_time() {
    let t: Vec<f64> = (0..60).map(|i| 0.1 * f64::from(i)).collect();
    let y: Vec<f64> = t.iter().map(|t| (3.0 * t).sin()).collect();
    let reversed = |v: &[f64]| -> Vec<f64> { v.iter().rev().copied().collect() };
    let options = AnalyzeOptions {
        time: Some("t".into()),
        ..AnalyzeOptions::default()
    };
    let forward = run(&columns(&[("t", t.clone()), ("y", y.clone())]), &options).unwrap();
    let backward = run(
        &columns(&[("t", reversed(&t)), ("y", reversed(&y))]),
        &options,
    )
    .unwrap();
    assert_eq!(forward.modes, backward.modes);
    assert_eq!(forward.series, backward.series);
}

#[test]
fn cancel_ends_the_analysis() {
    let cancel = crate::telemetry::Cancel::new();
    cancel.cancel();
    let progress = Progress::none().with_cancel(&cancel);
    let out = analyze(
        &example("sunspots.csv"),
        &AnalyzeOptions::default(),
        &progress,
    );
    assert_eq!(out.map(|_| ()).unwrap_err(), Error::Cancelled);
}
