//! The golden bases, closed forms, derivatives by differences.

use super::*;
use serde_json::Value;

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

fn compare(case: &Value, outside: Outside) {
    let order = case["k"].as_u64().unwrap() as usize;
    let basis = Basis::new(numbers(&case["knots"]), order).unwrap();
    let n = basis.functions();
    assert_eq!(n as u64, case["n_basis"].as_u64().unwrap());
    let mut wants = vec![("values", numbers(&case["values"]))];
    for name in ["d1", "d2"] {
        // The file has no derivatives outside the grid and no second ones of straight lines.
        if case[name].is_array() {
            wants.push((name, numbers(&case[name])));
        }
    }
    for (row, x) in numbers(&case["x"]).iter().enumerate() {
        let at = basis.local(*x, outside);
        for (name, want) in &wants {
            let got = match *name {
                "values" => at.value.clone(),
                "d1" => at.d1.clone(),
                _ => at.d2.clone(),
            };
            let mut dense = vec![0.0; n];
            dense[at.first..at.first + got.len()].copy_from_slice(&got);
            for (i, v) in dense.iter().enumerate() {
                let want = want[row * n + i];
                let error = (v - want).abs();
                assert!(
                    error <= 1e-12 * want.abs().max(1.0),
                    "{} {name} x={x} i={i}: {v} {want}",
                    case["name"]
                );
            }
        }
    }
}

#[test]
fn golden_bases() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../tests/golden/kan.json")).unwrap();
    for case in golden["bases"].as_array().unwrap() {
        compare(case, Outside::Linear);
    }
}

/// The golden set named `outside` holds zeros beyond the grid, which contradicts its own description (zero
/// beyond the extended knots), and no golden network leaves its grid; so the description is tested by the
/// closed form of the uniform cubic.
#[test]
fn fading_functions_follow_the_closed_form() {
    let basis = Basis::uniform(-1.0, 1.0, 5, 3).unwrap();
    let bump = |u: f64| match u {
        0.0..1.0 => u.powi(3) / 6.0,
        1.0..2.0 => (-3.0 * u.powi(3) + 12.0 * u * u - 12.0 * u + 4.0) / 6.0,
        2.0..3.0 => (3.0 * u.powi(3) - 24.0 * u * u + 60.0 * u - 44.0) / 6.0,
        3.0..4.0 => (4.0 - u).powi(3) / 6.0,
        _ => 0.0,
    };
    for x in [-2.5, -2.19, -1.5, -1.01, 0.0, 0.99, 1.01, 1.6, 2.1, 2.3] {
        let at = basis.local(x, Outside::Natural);
        let mut dense = [0.0; 8];
        dense[at.first..at.first + at.value.len()].copy_from_slice(&at.value);
        for (i, v) in dense.iter().enumerate() {
            let want = bump((x + 2.2) / 0.4 - i as f64);
            assert!((v - want).abs() <= 1e-14, "{x} {i}: {v} {want}");
        }
    }
}

#[test]
fn the_tangent_continues_the_spline() {
    let basis = Basis::uniform(0.0, 2.0, 4, 3).unwrap();
    let c: Vec<f64> = (0..basis.functions()).map(|i| (i as f64).sin()).collect();
    let f = |x: f64| {
        let at = basis.local(x, Outside::Linear);
        (0..at.value.len())
            .map(|i| at.value[i] * c[at.first + i])
            .sum::<f64>()
    };
    for (edge, away) in [(0.0, -1.0), (2.0, 1.0)] {
        let slope = (f(edge) - f(edge - away * 1e-6)) / (away * 1e-6);
        for d in [0.5, 3.0, 1e3] {
            let want = f(edge) + away * d * slope;
            assert!((f(edge + away * d) - want).abs() <= 1e-5 * d.max(1.0));
        }
    }
    assert!(f(f64::NAN).is_nan());
}

#[test]
fn bad_bases_are_refused() {
    assert!(Basis::uniform(0.0, 1.0, 0, 3).is_err());
    assert!(Basis::uniform(0.0, 1.0, 3, 0).is_err());
    assert!(Basis::uniform(0.0, 1.0, 3, 6).is_err());
    assert!(Basis::uniform(1.0, 1.0, 3, 3).is_err());
    assert!(Basis::uniform(0.0, f64::NAN, 3, 3).is_err());
    assert!(Basis::new(vec![0.0, 1.0, 0.5, 2.0], 1).is_err());
}

#[test]
fn derivatives_agree_with_differences_in_every_family() {
    for family in [
        Family::BSpline,
        Family::Chebyshev,
        Family::Fourier,
        Family::Rbf,
        Family::Rational,
    ] {
        let basis = Basis::of(family, -0.5, 2.0, 6, 3).unwrap();
        for outside in [Outside::Linear, Outside::Natural] {
            for x in [-3.1, -0.7, -0.32, 0.11, 0.93, 1.77, 2.2, 4.0] {
                let h = 1e-5;
                let dense = |x: f64| {
                    let at = basis.local(x, outside);
                    let mut all = vec![[0.0; 3]; basis.functions()];
                    for (i, all) in all[at.first..].iter_mut().take(at.value.len()).enumerate() {
                        *all = [at.value[i], at.d1[i], at.d2[i]];
                    }
                    all
                };
                let (low, mid, high) = (dense(x - h), dense(x), dense(x + h));
                for i in 0..basis.functions() {
                    for d in 0..2 {
                        let slope = (high[i][d] - low[i][d]) / (2.0 * h);
                        let want = mid[i][d + 1];
                        let scale = want.abs().max(mid[i][d].abs()).max(1.0);
                        assert!(
                            (slope - want).abs() <= 1e-6 * scale,
                            "{family:?} {outside:?} x={x} function {i}: {slope} {want}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn dense_families_are_what_their_names_say() {
    let at = |family, x| {
        Basis::of(family, -1.0, 1.0, 3, 2)
            .unwrap()
            .local(x, Outside::Natural)
            .value
    };
    let x: f64 = 0.37;
    let angle = x.acos();
    for (n, v) in at(Family::Chebyshev, x).iter().enumerate() {
        assert!((v - (n as f64 * angle).cos()).abs() <= 1e-14);
    }
    for (n, v) in at(Family::Rational, x / (1.0 - x * x).sqrt())
        .iter()
        .enumerate()
    {
        assert!((v - (n as f64 * angle).cos()).abs() <= 1e-14);
    }
    let waves = at(Family::Fourier, x);
    assert!((waves[4] - (2.0 * std::f64::consts::PI * x).sin()).abs() <= 1e-14);
    let bumps = at(Family::Rbf, 0.5);
    assert!((bumps[3] - 1.0).abs() <= 1e-14 && (bumps[2] - (-1.0f64).exp()).abs() <= 1e-14);
}
