//! Initial-value problems beside golden trajectories, closed forms and reference values of stiff problems.

use serde_json::Value;

use crate::error::Code;
use crate::pinn::{Method, ProblemSpec, Solution, SolveOptions, solve};
use crate::telemetry::Progress;

fn golden(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../../../tests/golden/pinn.json")).unwrap();
    all[name].clone()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

fn flat(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().flat_map(numbers).collect()
}

fn options(tolerance: f64) -> SolveOptions {
    SolveOptions {
        method: Method::Integrate,
        tolerance,
        ..SolveOptions::default()
    }
}

fn integrate(spec: &ProblemSpec, tolerance: f64) -> Solution {
    solve(
        &spec.read().unwrap(),
        &options(tolerance),
        &Progress::none(),
    )
    .unwrap()
}

fn lorenz(r: f64, start: [f64; 3], end: f64) -> ProblemSpec {
    let [x, y, z] = start;
    ProblemSpec::new(["x_t = s*(y - x)", "y_t = x*(r - z) - y", "z_t = x*y - b*z"])
        .parameter("s", 10.0)
        .parameter("r", r)
        .parameter("b", 8.0 / 3.0)
        .interval("t", 0.0, end)
        .conditions([
            format!("x(0) = {x}"),
            format!("y(0) = {y}"),
            format!("z(0) = {z}"),
        ])
}

fn oscillator() -> ProblemSpec {
    ProblemSpec::new(["u'' + 0.4*u' + 16*u = 0"])
        .interval("t", 0.0, 2.0)
        .conditions(["u(0) = 1", "u'(0) = 0"])
}

fn lotka_volterra() -> ProblemSpec {
    ProblemSpec::new([
        "x' = r/w*(2*w*x - 0.04*w*x*w*y)",
        "y' = r/w*(0.02*w*x*w*y - 1.06*w*y)",
    ])
    .parameter("r", 20.0)
    .parameter("w", 200.0)
    .interval("t", 0.0, 1.0)
    .conditions(["x(0) = 0.5", "y(0) = 0.1"])
}

fn van_der_pol(mu: f64, end: f64) -> ProblemSpec {
    ProblemSpec::new(["u'' = mu*(1 - u^2)*u' - u"])
        .parameter("mu", mu)
        .interval("t", 0.0, end)
        .conditions(["u(0) = 2", "u'(0) = 0"])
}

/// Relative difference to golden values, and the solution.
fn against(name: &str, spec: &ProblemSpec, column: &str, tolerance: f64) -> (f64, Solution) {
    let case = golden(name);
    let t = numbers(&case["t"]);
    let values = match &case[column][0] {
        Value::Array(_) => flat(&case[column]),
        _ => numbers(&case[column]),
    };
    let mut spec = spec.clone();
    spec.domain
        .ranges
        .insert("t".into(), [t[0], t[t.len() - 1]]);
    let solution = integrate(&spec, tolerance);
    let off = solution.compare(&t, &values).unwrap().relative_l2;
    (off, solution)
}

#[test]
fn golden_trajectories() {
    for (name, spec, column, most) in [
        ("damped_oscillator", oscillator(), "u", 1e-11),
        ("lotka_volterra", lotka_volterra(), "y[t]", 1e-10),
        (
            "lorenz_r15",
            lorenz(15.0, [-8.0, 7.0, 27.0], 3.0),
            "y[t]",
            1e-9,
        ),
        ("lorenz_r28", lorenz(28.0, [1.0; 3], 10.0), "y[t]", 1e-7),
        ("van_der_pol_mu5", van_der_pol(5.0, 1.0), "u", 1e-8),
    ] {
        let (off, solution) = against(name, &spec, column, 1e-9);
        println!(
            "{name} {off:e} {} {:?}",
            solution.method, solution.certificate
        );
        assert!(off <= most, "{name}: {off}");
        assert!(solution.valid(), "{name}: {solution:?}");
    }
}
