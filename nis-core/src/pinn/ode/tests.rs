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
    .conditions(["x(0) = 0.5", "y(0) = 0.075"])
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

/// Reference values: Robertson at t = 40 and 1e11 (Hairer and Wanner II, section IV.10; digits of the test set for IVP
/// solvers), HIRES at t = 321.8122 (Mazzia and Magherini, Test Set for IVP Solvers, release 2.4).
#[test]
fn stiff_problems() {
    let robertson = ProblemSpec::new([
        "a' = -0.04*a + 1e4*b*c",
        "b' = 0.04*a - 1e4*b*c - 3e7*b^2",
        "c' = 3e7*b^2",
    ])
    .interval("t", 0.0, 1e11)
    .conditions(["a(0) = 1", "b(0) = 0", "c(0) = 0"]);
    let solution = integrate(&robertson, 1e-8);
    let end = solution.evaluate(&[1e11]).unwrap();
    println!(
        "{end:?} {} {:?} {:?}",
        solution.method, solution.notes, solution.certificate
    );
    let want = [
        0.208_334_014_970_122e-7,
        0.833_336_077_033_443e-13,
        0.999_999_979_166_504,
    ];
    for (got, want) in end.iter().zip(want) {
        assert!((got / want - 1.0).abs() <= 1e-6, "{got} {want}");
    }
    let hires = ProblemSpec::new([
        "a' = -1.71*a + 0.43*b + 8.32*c + 0.0007",
        "b' = 1.71*a - 8.75*b",
        "c' = -10.03*c + 0.43*d + 0.035*f",
        "d' = 8.32*b + 1.71*c - 1.12*d",
        "f' = -1.745*f + 0.43*g + 0.43*h",
        "g' = -280*g*k + 0.69*d + 1.71*f - 0.43*g + 0.69*h",
        "h' = 280*g*k - 1.81*h",
        "k' = -280*g*k + 1.81*h",
    ])
    .interval("t", 0.0, 321.8122)
    .conditions([
        "a(0) = 1",
        "b(0) = 0",
        "c(0) = 0",
        "d(0) = 0",
        "f(0) = 0",
        "g(0) = 0",
        "h(0) = 0",
        "k(0) = 0.0057",
    ]);
    let solution = integrate(&hires, 1e-8);
    let end = solution.evaluate(&[321.8122]).unwrap();
    println!(
        "{end:?} {} {:?} {:?}",
        solution.method, solution.notes, solution.certificate
    );
    let want = [
        0.737_131_257_332_566_8e-3,
        0.144_248_572_631_618_5e-3,
        0.588_872_976_017_675_3e-4,
        0.117_565_134_328_315_1e-2,
        0.238_635_619_882_233_3e-2,
        0.623_896_825_274_279_6e-2,
        0.284_999_839_518_570_9e-2,
        0.285_000_160_481_429_1e-2,
    ];
    for (got, want) in end.iter().zip(want) {
        assert!((got / want - 1.0).abs() <= 1e-5, "{got} {want}");
    }
    assert!(solution.valid());
    let relaxation = integrate(&van_der_pol(1000.0, 3000.0), 1e-7);
    println!(
        "{} {:?} {:?}",
        relaxation.method, relaxation.notes, relaxation.certificate
    );
    assert!(relaxation.valid());
}
