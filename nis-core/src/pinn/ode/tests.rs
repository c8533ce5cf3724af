//! Initial-value problems beside golden trajectories, closed forms and reference values of stiff problems.

mod inverse;

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

/// Reference values: Robertson at t = 1e11 and HIRES at t = 321.8122 (Mazzia and Magherini, Test Set for IVP Solvers,
/// release 2.4).
#[test]
fn stiff_problems() {
    let robertson = ProblemSpec::new([
        "a' = -0.04*a + 1e4*b*c",
        "b' = 0.04*a - 1e4*b*c - 3e7*b^2",
        "c' = 3e7*b^2",
    ])
    .interval("t", 0.0, 1e11)
    .conditions(["a(0) = 1", "b(0) = 0", "c(0) = 0"]);
    let solution = integrate(&robertson, 1e-12);
    let end = solution.evaluate(&[1e11]).unwrap();
    let want = [
        0.208_334_014_970_122e-7,
        0.833_336_077_033_443e-13,
        0.999_999_979_166_504,
    ];
    for (got, want) in end.iter().zip(want) {
        // Errors are relative to the largest value of a component, which is 1 for `a`.
        assert!((got / want - 1.0).abs() <= 1e-5, "{got} {want}");
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
    let want = [
        0.737_131_257_332_566_8e-3,
        0.144_248_572_631_618_5e-3,
        0.588_872_974_096_756_2e-4,
        0.117_565_134_328_315_1e-2,
        0.238_635_619_882_233_3e-2,
        0.623_896_825_274_279_6e-2,
        0.284_999_839_518_570_9e-2,
        0.285_000_160_481_429_1e-2,
    ];
    for (got, want) in end.iter().zip(want) {
        assert!((got / want - 1.0).abs() <= 1e-8, "{got} {want}");
    }
    assert!(
        solution.valid() && solution.method.contains("Radau"),
        "{solution:?}"
    );
    // scipy 1.17.1, Radau: -1.5106069367443573 at rtol 1e-11, -1.5106069367440011 at 1e-12.
    let relaxation = integrate(&van_der_pol(1000.0, 3000.0), 1e-5);
    assert!(relaxation.valid(), "{:?}", relaxation.certificate);
    let end = relaxation.evaluate(&[3000.0]).unwrap();
    assert!((end[0] + 1.510_606_936_744).abs() <= 1e-6, "{end:?}");
}

/// The estimate is near the true error, whatever the tolerance.
#[test]
fn the_error_estimate_is_honest() {
    for (name, spec, column) in [
        ("damped_oscillator", oscillator(), "u"),
        ("lotka_volterra", lotka_volterra(), "y[t]"),
        ("lorenz_r15", lorenz(15.0, [-8.0, 7.0, 27.0], 3.0), "y[t]"),
        ("lorenz_r28", lorenz(28.0, [1.0; 3], 10.0), "y[t]"),
        ("van_der_pol_mu5", van_der_pol(5.0, 1.0), "u"),
    ] {
        for tolerance in [1e-3, 1e-5, 1e-7] {
            let (off, solution) = against(name, &spec, column, tolerance);
            let estimate = solution.certificate.error_estimate.unwrap();
            // The reference itself is good to 1e-11.
            assert!(
                off <= 100.0 * estimate + 1e-11 && estimate <= 100.0 * off.max(1e-11),
                "{name} {tolerance}: {off} {estimate}"
            );
            assert!(off <= tolerance, "{name} {tolerance}: {off}");
        }
    }
}

#[test]
fn chaos_says_how_far_it_can_be_trusted() {
    let solution = integrate(&lorenz(28.0, [1.0; 3], 60.0), 1e-8);
    assert!(!solution.converged && !solution.valid());
    let note = solution
        .notes
        .iter()
        .find(|n| n.contains("trusted"))
        .unwrap();
    let until: f64 = note
        .split("t = ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    // A difference of rounding grows by e^(0.9 t): 1e-3 is reached after 30 to 45.
    assert!((25.0..50.0).contains(&until), "{note}");
}

/// Every function: `y' = f(t)`, whose derivatives are those of the polynomials.
#[test]
fn series_of_all_functions() {
    for f in [
        "sin(3*t)",
        "cos(t^2)",
        "tan(t)",
        "exp(-t)",
        "log(1 + t)",
        "sqrt(1 + t)",
        "tanh(3*t - 1)",
        "sinh(t)",
        "cosh(2*t)",
        "atan(5*t - 2)",
        "(1 + t)^2.5",
        "(1 + t)^-3",
        "t^3",
        "(1 + t)^t",
        "1/(1 + t^2)",
        "2^t",
        "(t - 0.3)^2/(2 + sin(t))",
        "abs(1 + t)",
        "-t + 2 - sin(1)",
        "e^(pi*t)",
    ] {
        let spec = ProblemSpec::new([format!("y' = {f}")])
            .interval("t", 0.0, 1.0)
            .conditions(["y(0) = 0"]);
        let solution = integrate(&spec, 1e-10);
        let formula = crate::expr::Expr::parse(f).unwrap();
        let value = formula.compile(&["t"]).unwrap();
        let slope = formula.differentiate("t").unwrap().compile(&["t"]).unwrap();
        for t in [0.0, 0.11, 0.57, 0.93, 1.0] {
            let first = solution.derivative("y'", &[t]).unwrap()[0];
            let want = value.evaluate_point(&[t]);
            assert!(
                (first - want).abs() <= 1e-8 * want.abs().max(1.0),
                "{f} {t}: {first} {want}"
            );
            let second = solution.derivative("y_tt", &[t]).unwrap()[0];
            let want = slope.evaluate_point(&[t]);
            assert!(
                (second - want).abs() <= 1e-6 * want.abs().max(1.0),
                "{f} {t}: {second} {want}"
            );
        }
    }
}

#[test]
fn kinks_are_not_stepped_over() {
    let spec = ProblemSpec::new(["y' = sign(sin(20*t))"])
        .interval("t", 0.0, 1.0)
        .conditions(["y(0) = 0"]);
    let solution = integrate(&spec, 1e-8);
    // A saw: up for pi/20, down for pi/20.
    let half = std::f64::consts::PI / 20.0;
    for k in 0..40 {
        let t = 0.024 * f64::from(k);
        let inside = t % (2.0 * half);
        let want = if inside < half {
            inside
        } else {
            2.0 * half - inside
        };
        let got = solution.evaluate(&[t]).unwrap()[0];
        assert!((got - want).abs() <= 1e-7, "{t} {got} {want}");
    }
    let spec = ProblemSpec::new(["y' = -1 - abs(y)"])
        .interval("t", 0.0, 2.0)
        .conditions(["y(0) = 1"]);
    // Down to 0 at ln 2, then y = 1 - exp(t - ln 2).
    let got = integrate(&spec, 1e-8).evaluate(&[2.0]).unwrap()[0];
    let want = 1.0 - 2f64.exp() / 2.0;
    assert!((got / want - 1.0).abs() <= 1e-7, "{got} {want}");
}

#[test]
fn any_point_of_the_range_may_hold_the_conditions() {
    for at in [0.0, 0.7, 2.0f64] {
        let spec = ProblemSpec::new(["y_ss + y = 0"])
            .interval("s", 0.0, 2.0)
            .conditions([
                format!("y({at}) = {}", at.sin()),
                format!("y_s({at}) = {}", at.cos()),
            ]);
        let solution = integrate(&spec, 1e-10);
        for s in [0.0f64, 0.4, 0.7, 1.3, 2.0] {
            let got = solution.evaluate(&[s]).unwrap()[0];
            assert!((got - s.sin()).abs() <= 1e-9, "{at} {s} {got}");
            let got = solution.derivative("y_sss", &[s]).unwrap()[0];
            assert!((got + s.cos()).abs() <= 1e-7, "{at} {s} {got}");
        }
        assert!(solution.valid());
    }
}

#[test]
fn equations_coupled_in_their_highest_derivatives() {
    let spec = ProblemSpec::new(["x' + y' = 3*t^2 + 1", "x' - y' = 3*t^2 - 1 + 0*x"])
        .interval("t", 0.0, 1.0)
        .conditions(["x(0) + y(0) = 3", "x(0) - y(0) = 1"]);
    let solution = integrate(&spec, 1e-10);
    let end = solution.evaluate(&[1.0]).unwrap();
    assert!(
        (end[0] - 3.0).abs() <= 1e-10 && (end[1] - 2.0).abs() <= 1e-10,
        "{end:?}"
    );
}

#[test]
fn a_solution_that_runs_away_says_where() {
    let run = |equation: &str, start: &str| {
        let spec = ProblemSpec::new([equation])
            .interval("t", 0.0, 2.0)
            .conditions([start]);
        solve(&spec.read().unwrap(), &options(1e-8), &Progress::none())
            .map(|_| ())
            .unwrap_err()
    };
    let error = run("y' = y^2", "y(0) = 1");
    assert_eq!(error.code(), Code::Numerical);
    assert!(
        error.to_string().contains("stopped at 1.0000000")
            || error.to_string().contains("stopped at 0.9999999"),
        "{error}"
    );
    let error = run("y' = -1/y", "y(0) = 1");
    assert!(
        error.to_string().contains("stopped at 0.5")
            || error.to_string().contains("stopped at 0.4999"),
        "{error}"
    );
    let error = run("y' = log(-1 - y^2)", "y(0) = 1");
    assert!(error.to_string().contains("stopped at 0.0"), "{error}");
}

#[test]
fn what_is_no_initial_value_problem_is_refused() {
    let refused = |spec: &ProblemSpec| {
        let problem = match spec.read() {
            Ok(p) => p,
            Err(e) => return e,
        };
        solve(&problem, &options(1e-8), &Progress::none())
            .map(|_| ())
            .unwrap_err()
    };
    let one = |equation: &str| ProblemSpec::new([equation]).interval("t", 0.0, 1.0);
    let boundary = one("u'' = -u").conditions(["u(0) = 0", "u(1) = 1"]);
    assert!(
        refused(&boundary).to_string().contains("boundary-value"),
        "{}",
        refused(&boundary)
    );
    for spec in [
        one("u'' = -u").conditions(["u(0) = 0"]),
        one("u'^2 = u").conditions(["u(0) = 1"]),
        one("u' = -u").conditions(["u(0) = 1", "u(0) = 2"]),
        one("u' = -u").conditions(["u(0)^2 = 4"]),
        one("u' = -k*u").unknown("k", 1.0).conditions(["u(0) = 1"]),
        ProblemSpec::new(["u_t = u_xx"])
            .interval("x", 0.0, 1.0)
            .interval("t", 0.0, 1.0)
            .conditions(["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"]),
    ] {
        let error = refused(&spec);
        let code = error.code();
        assert!(
            matches!(code, Code::InvalidInput | Code::NotFound),
            "{error}"
        );
    }
}

#[test]
fn options_and_limits() {
    let problem = oscillator().read().unwrap();
    let with = |change: fn(&mut SolveOptions)| {
        let mut o = options(1e-8);
        change(&mut o);
        solve(&problem, &o, &Progress::none())
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(with(|o| o.tolerance = 0.0).field(), Some("tolerance"));
    assert_eq!(with(|o| o.tolerance = f64::NAN).field(), Some("tolerance"));
    assert_eq!(with(|o| o.threads = 0).field(), Some("threads"));
    assert_eq!(
        with(|o| o.max_seconds = Some(-1.0)).field(),
        Some("max_seconds")
    );
    assert_eq!(with(|o| o.max_seconds = Some(1e-9)).code(), Code::Timeout);
    assert!(serde_json::from_str::<SolveOptions>(r#"{"tolerence": 1e-3}"#).is_err());
    let cancel = crate::telemetry::Cancel::new();
    let stop = |_: crate::telemetry::Step<'_>| std::ops::ControlFlow::Break(());
    let stopped = Progress::new(&stop).with_cancel(&cancel);
    let error = solve(&problem, &options(1e-8), &stopped)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    let chosen = solve(&problem, &SolveOptions::default(), &Progress::none()).unwrap();
    assert!(
        chosen.method.contains("Taylor") && chosen.notes[0].contains("integrated"),
        "{chosen:?}"
    );
}
