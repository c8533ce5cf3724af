//! Parameters from data, through problems.

use super::*;
use crate::optim::Random;
use crate::pinn::Observations;

fn data(fields: &[&str], t: &[f64], rows: Vec<Vec<f64>>) -> Observations {
    Observations {
        fields: fields.iter().map(|f| (*f).to_string()).collect(),
        points: t.iter().map(|t| vec![*t]).collect(),
        values: rows,
        noise: None,
    }
}

fn find(spec: &ProblemSpec) -> Solution {
    solve(
        &spec.read().unwrap(),
        &SolveOptions::default(),
        &Progress::none(),
    )
    .unwrap()
}

fn value(s: &Solution, name: &str) -> (f64, f64) {
    let p = s.parameters.iter().find(|p| p.name == name).unwrap();
    (p.value, p.std_error.unwrap_or(f64::NAN))
}

fn lorenz_data() -> (Vec<f64>, Vec<Vec<f64>>) {
    let case = golden("lorenz_r15");
    let rows = case["y[t]"].as_array().unwrap().iter().map(numbers);
    (numbers(&case["t"]), rows.collect())
}

fn lorenz_unknown(end: f64) -> ProblemSpec {
    ProblemSpec::new(["x_t = s*(y - x)", "y_t = x*(r - z) - y", "z_t = x*y - b*z"])
        .unknown("s", 1.0)
        .unknown("r", 1.0)
        .unknown("b", 1.0)
        .interval("t", 0.0, end)
}

const LORENZ: [(&str, f64); 3] = [("s", 10.0), ("r", 15.0), ("b", 8.0 / 3.0)];

#[test]
fn lorenz_from_exact_data() {
    let (t, rows) = lorenz_data();
    for known in [false, true] {
        let mut spec = lorenz_unknown(t[t.len() - 1]);
        if known {
            spec = spec.conditions(["x(0) = -8", "y(0) = 7", "z(0) = 27"]);
        }
        spec.data = Some(data(&["x", "y", "z"], &t, rows.clone()));
        let found = find(&spec);
        for (name, want) in LORENZ {
            let (got, _) = value(&found, name);
            assert!(
                (got / want - 1.0).abs() <= 1e-7,
                "{known} {name}: {got} {want}"
            );
        }
        assert!(found.valid(), "{found:?}");
    }
}

#[test]
fn lorenz_from_noisy_data_within_its_errors() {
    let (t, rows) = lorenz_data();
    let (mut squares, mut count) = (0.0, 0.0);
    for seed in 1..=4 {
        let mut random = Random(seed);
        let noisy: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .zip([5.0, 5.0, 10.0])
                    .map(|(v, s)| v + 0.01 * s * random.normal())
                    .collect()
            })
            .collect();
        let mut spec = lorenz_unknown(t[t.len() - 1]);
        spec.data = Some(data(&["x", "y", "z"], &t, noisy));
        let found = find(&spec);
        for (name, want) in LORENZ {
            let (got, error) = value(&found, name);
            squares += ((got - want) / error).powi(2);
            count += 1.0;
        }
    }
    let ratio: f64 = squares / count;
    // 12 squares of which 3 belong together: mean 1.
    assert!(ratio > 0.2 && ratio < 2.5, "{ratio}");
}

/// Position measured, velocity not; gaps; the scatter known.
#[test]
fn hidden_fields_and_gaps() {
    let t: Vec<f64> = (0..60).map(|k| 0.05 * f64::from(k)).collect();
    let w: f64 = (4.0 - 0.04f64).sqrt();
    let x = |t: f64| (-0.2 * t).exp() * ((w * t).cos() + 0.2 / w * (w * t).sin());
    let mut spec = ProblemSpec::new(["x' = v", "v' = -k*x - c*v"])
        .unknown("k", 1.0)
        .unknown("c", 1.0)
        .interval("t", 0.0, 3.0);
    let rows = t
        .iter()
        .enumerate()
        .map(|(i, t)| vec![if i % 7 == 3 { f64::NAN } else { x(*t) }])
        .collect();
    spec.data = Some(data(&["x"], &t, rows));
    let found = find(&spec);
    let (k, c) = (value(&found, "k").0, value(&found, "c").0);
    assert!(
        (k - 4.0).abs() <= 1e-6 && (c - 0.4).abs() <= 1e-6,
        "{k} {c}"
    );
    let v = found.evaluate(&[0.0]).unwrap()[1];
    assert!(v.abs() <= 1e-6, "{v}");
}

/// An unknown parameter in the initial condition, and known scatter.
#[test]
fn parameters_in_conditions() {
    let t: Vec<f64> = (0..30).map(|k| 0.1 * f64::from(k + 1)).collect();
    let mut spec = ProblemSpec::new(["y' = -k*y"])
        .unknown("k", 1.0)
        .unknown("a", 1.0)
        .interval("t", 0.0, 3.0)
        .conditions(["y(0) = 2*a"]);
    let mut random = Random(5);
    let rows = t
        .iter()
        .map(|t| vec![6.0 * (-0.7 * t).exp() + 0.02 * random.normal()]);
    let mut observed = data(&["y"], &t, rows.collect());
    observed.noise = Some(vec![0.02]);
    spec.data = Some(observed);
    let found = find(&spec);
    for (name, want) in [("k", 0.7), ("a", 3.0)] {
        let (got, error) = value(&found, name);
        assert!(
            (got - want).abs() <= 4.0 * error && error < 0.02,
            "{name}: {got} {error}"
        );
    }
    // d/dk and d/da of 2a exp(-kt), by hand.
    let (mut aa, mut ak, mut kk) = (0.0, 0.0, 0.0);
    let (k, a) = (value(&found, "k"), value(&found, "a"));
    for t in &t {
        let (by_a, by_k) = (2.0 * (-k.0 * t).exp(), -2.0 * a.0 * t * (-k.0 * t).exp());
        (aa, ak, kk) = (aa + by_a * by_a, ak + by_a * by_k, kk + by_k * by_k);
    }
    let determinant = aa * kk - ak * ak;
    assert!(
        (a.1 / (0.02 * (kk / determinant).sqrt()) - 1.0).abs() <= 1e-4,
        "{a:?}"
    );
    assert!(
        (k.1 / (0.02 * (aa / determinant).sqrt()) - 1.0).abs() <= 1e-4,
        "{k:?}"
    );
}

#[test]
fn hare_and_lynx() {
    let text = include_str!("../../../../../examples/data/hare_lynx.csv");
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|l| l.split(',').map(|v| v.parse().unwrap()).collect())
        .collect();
    let t: Vec<f64> = rows.iter().map(|r| r[0]).collect();
    let mut spec = ProblemSpec::new([
        "hare' = a*hare - b*hare*lynx",
        "lynx' = -c*lynx + d*hare*lynx",
    ])
    .interval("t", t[0], t[t.len() - 1]);
    for name in ["a", "b", "c", "d"] {
        spec = spec.unknown(name, 1.0);
    }
    spec.data = Some(data(
        &["hare", "lynx"],
        &t,
        rows.iter().map(|r| r[1..3].to_vec()).collect(),
    ));
    let found = find(&spec);
    // The published fit (Stan case study, Carpenter 2018) with two of its standard deviations.
    for (name, want, sd) in [
        ("a", 0.55, 0.064),
        ("b", 0.028, 0.004),
        ("c", 0.80, 0.09),
        ("d", 0.024, 0.004),
    ] {
        let (got, error) = value(&found, name);
        assert!((got - want).abs() <= 2.0 * sd, "{name}: {got}");
        assert!(error > 0.3 * sd && error < 3.0 * sd, "{name}: {error} {sd}");
    }
    assert!(
        found.notes.iter().any(|n| n.contains("multiplicative")),
        "{:?}",
        found.notes
    );
}

#[test]
fn data_that_do_not_determine_are_refused() {
    let t = [0.0, 1.0];
    let mut spec = ProblemSpec::new(["y' = -k*y + a"])
        .unknown("k", 1.0)
        .unknown("a", 1.0)
        .interval("t", 0.0, 1.0);
    spec.data = Some(data(&["y"], &t, vec![vec![1.0], vec![0.5]]));
    let problem = spec.read().unwrap();
    let error = solve(&problem, &options(1e-8), &Progress::none())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidInput, "{error}");
}
