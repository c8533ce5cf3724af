//! Solutions of partial differential equations beside closed forms; certificates that must find fault; files.

use super::*;
use crate::error::Code;
use crate::pinn::{Method, Shape, solve};

fn heat(start: &str, ends: [&str; 2], end: f64) -> ProblemSpec {
    ProblemSpec::new(["u_t = 0.4*u_xx"])
        .interval("x", 0.0, 1.0)
        .interval("t", 0.0, end)
        .conditions([format!("u(x,0) = {start}"), ends[0].into(), ends[1].into()])
}

fn solved(spec: &ProblemSpec, tolerance: f64) -> Solution {
    let options = SolveOptions {
        method: Method::Features,
        tolerance,
        ..SolveOptions::default()
    };
    solve(&spec.read().unwrap(), &options, &Progress::none()).unwrap()
}

fn sine_heat(tolerance: f64) -> Solution {
    solved(
        &heat("sin(pi*x)", ["u(0,t) = 0", "u(1,t) = 0"], 0.5),
        tolerance,
    )
}

fn exact(x: f64, t: f64) -> f64 {
    let pi = std::f64::consts::PI;
    (-0.4 * pi * pi * t).exp() * (pi * x).sin()
}

const POINTS: [f64; 10] = [0.5, 0.0, 0.25, 0.1, 0.0, 0.3, 1.0, 0.5, 0.77, 0.41];

#[test]
fn values_derivatives_and_grids() {
    let s = sine_heat(1e-9);
    assert!(s.valid(), "{:?}", s.certificate);
    let pi = std::f64::consts::PI;
    let got = s.evaluate(&POINTS).unwrap();
    let second = s.derivative("u_xx", &POINTS).unwrap();
    let mixed = s.derivative("u_xt", &POINTS).unwrap();
    for (i, p) in POINTS.chunks(2).enumerate() {
        let u = exact(p[0], p[1]);
        assert!((got[i] - u).abs() <= 1e-8, "{p:?} {}", got[i]);
        assert!(
            (second[i] + pi * pi * u).abs() <= 1e-5,
            "{p:?} {}",
            second[i]
        );
        let want = -0.4 * pi.powi(3) * (-0.4 * pi * pi * p[1]).exp() * (pi * p[0]).cos();
        assert!((mixed[i] - want).abs() <= 1e-4, "{p:?} {} {want}", mixed[i]);
    }
    assert_eq!(s.derivative("u", &POINTS).unwrap(), got);
    for (name, code) in [
        ("v_x", Code::NotFound),
        ("u_q", Code::NotFound),
        ("u'", Code::NotFound),
        ("", Code::NotFound),
        ("u_xxxxxxxxx", Code::Limit),
    ] {
        assert_eq!(
            s.derivative(name, &POINTS).unwrap_err().code(),
            code,
            "{name}"
        );
    }
    let grid = s.on_grid(&[3, 5]).unwrap();
    assert_eq!(
        (grid.axes[0].as_slice(), grid.values.len()),
        ([0.0, 0.5, 1.0].as_slice(), 15)
    );
    let want: Vec<f64> = grid.axes[0]
        .iter()
        .flat_map(|x| grid.axes[1].iter().map(move |t| exact(*x, *t)))
        .collect();
    for (got, want) in grid.numbers().iter().zip(&want) {
        assert!((got - want).abs() <= 1e-8);
    }
    assert_eq!(s.on_grid(&[4]).unwrap().values.len(), 16);
    assert_eq!(s.on_grid(&[1, 5]).unwrap_err().field(), Some("counts.x"));
    assert_eq!(s.on_grid(&[1, 5, 3]).unwrap_err().field(), Some("counts"));
    assert_eq!(
        s.on_grid(&[1 << 20, 1 << 20]).unwrap_err().code(),
        Code::Limit
    );
    assert_eq!(s.evaluate(&[0.5]).unwrap_err().field(), Some("points"));
    assert_eq!(
        s.evaluate(&[0.5, f64::NAN]).unwrap_err().field(),
        Some("points[0].t")
    );
    assert_eq!(
        s.evaluate(&[0.5, 0.1, 1.1, 0.1]).unwrap_err().field(),
        Some("points[1].x")
    );
    assert_eq!(s.evaluate_outside(&[1.1, 0.1]).unwrap().len(), 1);
    assert_eq!(s.evaluate(&[]).unwrap(), Vec::<f64>::new());
}

#[test]
fn comparison_by_hand() {
    let s = sine_heat(1e-9);
    let mut values: Vec<f64> = POINTS.chunks(2).map(|p| exact(p[0], p[1])).collect();
    let c = s.compare(&POINTS, &values).unwrap();
    assert!(c.relative_l2 <= 1e-8, "{c:?}");
    values[1] += 0.5;
    values[3] = f64::NAN;
    let size = values
        .iter()
        .filter(|v| !v.is_nan())
        .map(|v| v * v)
        .sum::<f64>()
        .sqrt();
    let c = s.compare(&POINTS, &values).unwrap();
    assert!((c.relative_l2 - 0.5 / size).abs() <= 1e-7, "{c:?}");
    assert!((c.fields[0].max - 0.5).abs() <= 1e-7 && c.fields[0].at == [0.25, 0.1]);
    assert_eq!(c.fields[0].count, 4);
    assert_eq!(
        s.compare(&POINTS, &values[1..]).unwrap_err().field(),
        Some("values")
    );
}

/// The estimate is near the true error, at loose and tight tolerances.
#[test]
fn the_error_estimate_is_honest() {
    let poisson = ProblemSpec::new(["-(u_xx + u_yy) = 2*pi^2*sin(pi*x)*sin(pi*y)"])
        .interval("x", 0.0, 1.0)
        .interval("y", 0.0, 1.0)
        .conditions([
            "u = 0 at x=0",
            "u = 0 at x=1",
            "u = 0 at y=0",
            "u = 0 at y=1",
        ]);
    let pi = std::f64::consts::PI;
    let points: Vec<f64> = (0..50)
        .flat_map(|k| {
            [
                (0.31 * f64::from(k)).fract(),
                0.5 * (0.17 * f64::from(k)).fract(),
            ]
        })
        .collect();
    let by = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        points.chunks(2).map(|p| f(p[0], p[1])).collect()
    };
    for tolerance in [1e-3, 1e-6, 1e-8] {
        for (s, want) in [
            (sine_heat(tolerance), by(&exact)),
            (
                solved(&poisson, tolerance),
                by(&|x, y| (pi * x).sin() * (pi * y).sin()),
            ),
        ] {
            let off = s.compare(&points, &want).unwrap().relative_l2;
            let c = &s.certificate;
            // One level may do for a loose tolerance: then there is no coarser solution to learn from.
            let Some(estimate) = c.error_estimate else {
                if tolerance > 1e-4 {
                    assert!(c.error_method.contains("none") && off <= tolerance);
                    continue;
                }
                panic!("no estimate at {tolerance}: {c:?}");
            };
            assert!(
                off <= 100.0 * estimate && estimate <= 100.0 * off,
                "{tolerance}: {off} {estimate} {}",
                c.error_method
            );
        }
    }
}

/// Nothing at all satisfies the equation and the boundary, but not the sine that it begins with.
#[test]
fn zero_fails_where_the_initial_condition_is_a_sine() {
    let spec = heat("-sin(pi*x)", ["u(0,t) = 0", "u(1,t) = 0"], 0.5);
    let problem = spec.read().unwrap();
    let zero = solved(&heat("0", ["u(0,t) = 0", "u(1,t) = 0"], 0.5), 1e-8);
    assert!(
        zero.evaluate(&POINTS)
            .unwrap()
            .iter()
            .all(|u| u.abs() <= 1e-12)
    );
    let found = Found {
        representation: zero.representation.clone(),
        parameters: Vec::new(),
        method: "none".into(),
        iterations: 0,
        converged: true,
        notes: Vec::new(),
        error: None,
        coarse: None,
    };
    let s = Solution::new(
        &problem,
        &SolveOptions::default(),
        found,
        std::time::Instant::now(),
        &Progress::none(),
    )
    .unwrap();
    assert!(!s.valid());
    let c = &s.certificate.conditions[0];
    // The root mean square of the sine is 1/sqrt 2.
    assert!(
        (c.relative - 2f64.sqrt()).abs() <= 0.05 && (c.error - 1.0).abs() <= 1e-3,
        "{c:?}"
    );
    assert!(
        s.certificate.faults.iter().any(|f| f.contains("u(x,0)")),
        "{:?}",
        s.certificate.faults
    );
}

#[test]
fn insulated_heat_is_conserved() {
    let s = solved(
        &heat(
            "1 + cos(pi*x) + cos(2*pi*x)/3",
            ["u_x(0,t) = 0", "u_x(1,t) = 0"],
            0.3,
        ),
        1e-9,
    );
    let [c] = s.certificate.conservation.as_slice() else {
        panic!("{:?}", s.certificate);
    };
    assert!(c.change <= 1e-6 && c.drift <= 1e-6, "{c:?}");
    // Heat that leaves is no drift, but a change: 2/pi (1 - exp(-0.4 pi^2 t)), relative to 2/pi.
    let s = sine_heat(1e-9);
    let c = &s.certificate.conservation[0];
    let want = 1.0 - (-0.2 * std::f64::consts::PI.powi(2)).exp();
    assert!(
        (c.change - want).abs() <= 1e-6 && c.drift <= 1e-7,
        "{c:?} {want}"
    );
}

#[test]
fn shapes_leave_their_outside_out() {
    let mut spec = ProblemSpec::new(["-(u_xx + u_yy) = 4"])
        .shape(Shape::Disk {
            center: [0.0, 0.0],
            radius: 1.0,
        })
        .conditions(["u = 0 on boundary"]);
    spec.domain.holes.clear();
    let s = solved(&spec, 1e-8);
    // u = 1 - r^2
    let grid = s.on_grid(&[5, 5]).unwrap();
    for (k, v) in grid.values.iter().enumerate() {
        let (x, y) = (-1.0 + 0.5 * (k / 5) as f64, -1.0 + 0.5 * (k % 5) as f64);
        let r = x * x + y * y;
        match v {
            Some(u) => assert!(
                r <= 1.0 + 1e-9 && (u - (1.0 - r)).abs() <= 1e-7,
                "{x} {y} {u}"
            ),
            None => assert!(r > 1.0, "{x} {y}"),
        }
    }
    assert_eq!(
        s.evaluate(&[0.9, 0.9]).unwrap_err().field(),
        Some("points[0]")
    );
    let edge = 0.5f64.sqrt();
    assert!(s.evaluate(&[edge, edge]).unwrap()[0].abs() <= 1e-7);
}

#[test]
fn files_are_read_again() {
    let s = sine_heat(1e-6);
    let text = s.to_json().unwrap();
    let again = Solution::from_json(&text).unwrap();
    assert_eq!(again, s);
    assert_eq!(
        again.evaluate(&POINTS).unwrap(),
        s.evaluate(&POINTS).unwrap()
    );
    let other = text.replacen("\"format\":1", "\"format\":2", 1);
    assert_eq!(
        Solution::from_json(&other).unwrap_err().field(),
        Some("format")
    );
    assert_eq!(
        Solution::from_json(&text[..text.len() / 2])
            .unwrap_err()
            .code(),
        Code::Parse
    );
    assert!(Solution::from_json("[1, 2]").is_err());
}

fn trajectory() -> String {
    let spec = ProblemSpec::new(["y'' = -y"])
        .interval("t", 0.0, 1.0)
        .conditions(["y(0) = 1", "y'(0) = 0"]);
    let s = solve(
        &spec.read().unwrap(),
        &SolveOptions::default(),
        &Progress::none(),
    )
    .unwrap();
    assert_eq!(Solution::from_json(&s.to_json().unwrap()).unwrap(), s);
    s.to_json().unwrap()
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    /// A file with a changed number or letter gives a solution or an error; what is read can be evaluated.
    #[test]
    fn hostile_files_are_refused_or_read(changes in proptest::collection::vec((0usize..1 << 20, proptest::sample::select(vec!["0", "9", "-", "e9", "[", "]", "null", "", "1e308", "\"", ",1"])), 1..4)) {
        static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let mut text = TEXT.get_or_init(trajectory).clone();
        for (at, new) in changes {
            let at = at % text.len();
            if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                text.replace_range(at..=at, new);
            }
        }
        if let Ok(s) = Solution::from_json(&text) {
            let _ = s.evaluate(&[0.5]);
            let _ = s.derivative("y''", &[0.5]);
            let _ = s.on_grid(&[3]);
        }
    }
}
