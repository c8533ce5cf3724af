//! Parameters recovered from golden trajectories and from noise; data that cannot be used.

use serde_json::Value;

use super::*;
use crate::error::Code;

fn golden(name: &str) -> Value {
    let all: Value =
        serde_json::from_str(include_str!("../../../../tests/golden/pinn.json")).unwrap();
    all[name].clone()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

fn columns(case: &Value, count: usize) -> Vec<Vec<f64>> {
    let rows: Vec<Vec<f64>> = case["y[t]"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    (0..count)
        .map(|c| rows.iter().map(|r| r[c]).collect())
        .collect()
}

fn fit(text: &str, t: &[f64], observed: &[(&str, &[f64])], options: &FitOptions) -> Result<OdeFit> {
    fit_ode(
        &OdeSystem::parse(text).unwrap(),
        t,
        observed,
        options,
        &Progress::none(),
    )
}

fn value(fit: &OdeFit, name: &str) -> f64 {
    fit.parameters
        .iter()
        .find(|p| p.name == name)
        .unwrap()
        .value
}

#[test]
fn exact_data_give_exact_parameters() {
    let d = FitOptions::default();
    let case = golden("lotka_volterra");
    let (t, y) = (numbers(&case["t"]), columns(&case, 2));
    let found = fit(
        "x' = a*x - b*x*y; y' = d*x*y - c*y",
        &t,
        &[("x", &y[0]), ("y", &y[1])],
        &d,
    )
    .unwrap();
    // rb/ub (2 ub x - 0.04 ub x ub y) with ub = 200, rb = 20
    for (name, want) in [("a", 40.0), ("b", 160.0), ("c", 21.2), ("d", 80.0)] {
        let got = value(&found, name);
        assert!((got / want - 1.0).abs() < 1e-6, "{name}: {got} {want}");
    }
    assert!(
        found.equation_residual < 1e-3 && found.integration_difference < 1e-6,
        "{found:?}"
    );

    let case = golden("damped_oscillator");
    let (t, u) = (numbers(&case["t"]), numbers(&case["u"]));
    let found = fit("u'' + g*u' + w2*u = 0", &t, &[("u", &u)], &d).unwrap();
    assert!((value(&found, "g") - 0.4).abs() < 1e-6, "{found:?}");
    assert!((value(&found, "w2") - 16.0).abs() < 1e-5);
    assert!(found.explained[0].1 > 0.999_999);

    let case = golden("lorenz_r15");
    let (t, y) = (numbers(&case["t"]), columns(&case, 3));
    let observed: [(&str, &[f64]); 3] = [("x", &y[0]), ("y", &y[1]), ("z", &y[2])];
    let text = "x' = s*(y - x); y' = x*(r - z) - y; z' = x*y - b*z";
    let found = fit(text, &t, &observed, &d).unwrap();
    for (name, want) in [("s", 10.0), ("r", 15.0), ("b", 8.0 / 3.0)] {
        let got = value(&found, name);
        assert!((got / want - 1.0).abs() < 1e-6, "{name}: {got} {want}");
    }
}

#[test]
fn hare_and_lynx() {
    let text = include_str!("../../../../../examples/data/hare_lynx.csv");
    let column = |i: usize| -> Vec<f64> {
        text.lines()
            .skip(1)
            .map(|l| l.split(',').nth(i).unwrap().parse().unwrap())
            .collect()
    };
    let (t, hare, lynx) = (column(0), column(1), column(2));
    let equations = "hare' = a*hare - b*hare*lynx; lynx' = -c*lynx + d*hare*lynx";
    let observed: [(&str, &[f64]); 2] = [("hare", &hare), ("lynx", &lynx)];
    let by = |noise| {
        let options = FitOptions {
            noise,
            ..FitOptions::default()
        };
        let found = fit(equations, &t, &observed, &options).unwrap();
        assert!(found.converged);
        for (name, want) in [("a", 0.55), ("b", 0.028), ("c", 0.80), ("d", 0.024)] {
            let got = value(&found, name);
            assert!(
                (got / want - 1.0).abs() < 0.2,
                "{noise:?} {name}: {got} {want}"
            );
        }
        found
    };
    let (additive, multiplicative) = (by(Noise::Additive), by(Noise::Multiplicative));
    // The published fit is log-normal; its scatter is 0.25 for both.
    for state in &multiplicative.states {
        assert!(
            (state.noise.unwrap() - 0.25).abs() < 0.05,
            "{:?}",
            state.noise
        );
    }
    let auto = by(Noise::Auto);
    let best = additive.log_likelihood.max(multiplicative.log_likelihood);
    assert_eq!(auto.log_likelihood, best, "{}", auto.noise_reason);
}

#[test]
fn errors_scatter_as_the_standard_errors_say() {
    let mut state = 77u64;
    let mut normal = || {
        let mut sum = 0.0;
        for _ in 0..12 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            sum += (state >> 11) as f64 / (1u64 << 53) as f64;
        }
        sum - 6.0
    };
    let t: Vec<f64> = (0..80).map(|i| 0.1 * f64::from(i)).collect();
    let truth = [("w2", 9.09), ("m", 2.0), ("g", 0.6)];
    let (mut squares, mut count) = (0.0, 0.0);
    for _ in 0..25 {
        let y: Vec<f64> = t
            .iter()
            .map(|t| 2.0 + 1.5 * (-0.3 * t).exp() * (3.0 * t).cos() + 0.05 * normal())
            .collect();
        let found = fit(
            "y'' = -w2*(y - m) - g*y'",
            &t,
            &[("y", &y)],
            &FitOptions::default(),
        )
        .unwrap();
        assert!(found.converged);
        for (name, want) in truth {
            let p = found.parameters.iter().find(|p| p.name == name).unwrap();
            squares += ((p.value - want) / p.std_error.unwrap()).powi(2);
            count += 1.0;
        }
    }
    let ratio = squares / count;
    assert!(ratio > 0.5 && ratio < 1.7, "{ratio}");
}

#[test]
fn fixed_and_starting_values() {
    let t: Vec<f64> = (0..30).map(|i| 0.1 * f64::from(i)).collect();
    let y: Vec<f64> = t.iter().map(|t| 2.0 * (-0.5 * t).exp() + 1.0).collect();
    let options = FitOptions {
        start: vec![("m".into(), 1.0, true), ("k".into(), 3.0, false)],
        ..FitOptions::default()
    };
    let found = fit("y' = -k*(y - m)", &t, &[("y", &y)], &options).unwrap();
    assert!((value(&found, "k") - 0.5).abs() < 1e-7);
    let m = found.parameters.iter().find(|p| p.name == "m").unwrap();
    assert_eq!((m.value, m.std_error), (1.0, None));
}

#[test]
fn bad_data_are_refused() {
    let t: Vec<f64> = (0..10).map(f64::from).collect();
    let y: Vec<f64> = t.iter().map(|t| (-t).exp()).collect();
    let d = FitOptions::default();
    let field = |r: Result<OdeFit>| r.map(|_| ()).unwrap_err().field().unwrap().to_string();
    let text = "y' = -k*y";
    assert_eq!(field(fit(text, &t[..4], &[("y", &y[..4])], &d)), "rows");
    assert_eq!(field(fit(text, &t, &[("y", &y[..4])], &d)), "y");
    assert_eq!(field(fit(text, &t, &[("x", &y)], &d)), "field");
    assert_eq!(field(fit(text, &t, &[("y", &y), ("y", &y)], &d)), "y");
    assert_eq!(
        field(fit("y' = -k*x; x' = y", &t, &[("y", &y)], &d)),
        "columns"
    );
    let mut back = t.clone();
    back[3] = 0.0;
    assert_eq!(field(fit(text, &back, &[("y", &y)], &d)), "t[3]");
    let mut gap = y.clone();
    gap[3] = f64::NAN;
    assert_eq!(field(fit(text, &t, &[("y", &gap)], &d)), "y[3]");
    let many = "y' = a + b*t + c*t^2 + d*t^3 + k*t^4 + f*t^5 + g*t^6 + h*t^7 + i*t^8";
    assert_eq!(field(fit(many, &t, &[("y", &y)], &d)), "rows");
    let o = FitOptions {
        start: vec![("q".into(), 1.0, false)],
        ..d.clone()
    };
    assert_eq!(field(fit(text, &t, &[("y", &y)], &o)), "start");
    let o = FitOptions {
        noise: Noise::Multiplicative,
        ..d.clone()
    };
    let negative: Vec<f64> = y.iter().map(|v| -v).collect();
    assert_eq!(field(fit(text, &t, &[("y", &negative)], &o)), "noise");
    assert_eq!(field(fit(text, &t, &[("y", &[3.0; 10])], &d)), "y");
    let twice = FitOptions {
        start: vec![("k".into(), 1.0, true), ("k".into(), 2.0, false)],
        ..d.clone()
    };
    assert_eq!(field(fit(text, &t, &[("y", &y)], &twice)), "start.k");
    let cancel = crate::telemetry::Cancel::new();
    cancel.cancel();
    let system = OdeSystem::parse(text).unwrap();
    let stopped = Progress::none().with_cancel(&cancel);
    let out = fit_ode(&system, &t, &[("y", &y)], &d, &stopped);
    assert_eq!(out.map(|_| ()).unwrap_err().code(), Code::Cancelled);
}

/// `k` and `m` of an exponential stay determined beside a parameter that does nothing; of two parameters that
/// only occur as a sum, neither is.
#[test]
fn undetermined_parameters_have_no_standard_error() {
    let t: Vec<f64> = (0..40).map(|i| 0.1 * f64::from(i)).collect();
    let y: Vec<f64> = t
        .iter()
        .enumerate()
        .map(|(i, t)| 2.0 * (-0.5 * t).exp() + 1.0 + 1e-3 * (7.0 * i as f64).sin())
        .collect();
    let d = FitOptions {
        noise: Noise::Additive,
        ..FitOptions::default()
    };
    let error = |found: &OdeFit, name: &str| {
        let parameter = found.parameters.iter().find(|p| p.name == name);
        parameter.unwrap().std_error
    };
    let plain = fit("y' = -k*(y - m)", &t, &[("y", &y)], &d).unwrap();
    let idle = fit("y' = -k*(y - m) + 0.0*q", &t, &[("y", &y)], &d);
    let idle = idle.unwrap();
    assert_eq!(error(&idle, "q"), None);
    for name in ["k", "m"] {
        let (a, b) = (error(&plain, name).unwrap(), error(&idle, name).unwrap());
        assert!((a / b - 1.0).abs() <= 0.1, "{name} {a} {b}");
    }
    let twins = fit("y' = -(k + q)*(y - m)", &t, &[("y", &y)], &d).unwrap();
    assert_eq!((error(&twins, "k"), error(&twins, "q")), (None, None));
    let (a, b) = (error(&plain, "m").unwrap(), error(&twins, "m").unwrap());
    assert!((a / b - 1.0).abs() <= 0.1, "{a} {b}");
    let sum = value(&twins, "k") + value(&twins, "q");
    assert!((sum / value(&plain, "k") - 1.0).abs() <= 1e-5, "{sum}");
}

#[test]
fn the_unit_of_the_data_does_not_matter() {
    let t: Vec<f64> = (0..60).map(|i| 0.1 * f64::from(i)).collect();
    for size in [1e-9, 1.0, 1e12] {
        let y: Vec<f64> = t
            .iter()
            .map(|t| size * (2.0 * (-0.5 * t).exp() + 1.0))
            .collect();
        let found = fit("y' = -k*(y - m)", &t, &[("y", &y)], &FitOptions::default()).unwrap();
        assert!((value(&found, "k") - 0.5).abs() <= 1e-6, "{size} {found:?}");
        assert!((value(&found, "m") / size - 1.0).abs() <= 1e-6, "{size}");
        assert!(found.converged && found.explained[0].1 > 0.999_999);
    }
}

#[test]
fn the_chaotic_lorenz_system_is_recovered() {
    let case = golden("lorenz_r28");
    let (t, y) = (numbers(&case["t"]), columns(&case, 3));
    let observed: [(&str, &[f64]); 3] = [("x", &y[0]), ("y", &y[1]), ("z", &y[2])];
    let text = "x' = s*(y - x); y' = x*(r - z) - y; z' = x*y - b*z";
    let found = fit(text, &t, &observed, &FitOptions::default()).unwrap();
    for (name, want) in [("s", 10.0), ("r", 28.0), ("b", 8.0 / 3.0)] {
        let got = value(&found, name);
        assert!((got / want - 1.0).abs() <= 1e-6, "{name}: {got} {want}");
    }
}

#[test]
fn a_solution_that_cannot_be_followed_is_an_error() {
    let t: Vec<f64> = (0..60).map(|i| 0.1 * f64::from(i)).collect();
    let y: Vec<f64> = t.iter().map(|t| t.sin()).collect();
    // y' >= 1 + y^2 passes every bound within pi, whatever k and the start are; the record is 5.9 long.
    let out = fit(
        "y' = 1 + k^2 + y^2",
        &t,
        &[("y", &y)],
        &FitOptions::default(),
    );
    assert_eq!(out.map(|_| ()).unwrap_err().code(), Code::Numerical);
}

/// One oscillator explains a third of the sunspots; the fit must end and say so.
#[test]
fn a_poor_model_ends_with_a_poor_share() {
    let text = include_str!("../../../../../examples/data/sunspots.csv");
    let column = |i: usize| -> Vec<f64> {
        text.lines()
            .skip(1)
            .map(|l| l.split(',').nth(i).unwrap().parse().unwrap())
            .collect()
    };
    let (t, y) = (column(0), column(1));
    let found = fit(
        "y'' = -w2*(y - m) - g*y'",
        &t,
        &[("y", &y)],
        &FitOptions::default(),
    )
    .unwrap();
    let share = found.explained[0].1;
    assert!(share > 0.0 && share < 0.6, "{share}");
    // One cycle takes about 11 years.
    let period = std::f64::consts::TAU / value(&found, "w2").sqrt();
    assert!((period - 11.0).abs() <= 0.5, "{period}");
}
