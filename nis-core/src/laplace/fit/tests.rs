//! Fits against known systems, the Cramer-Rao bound and golden values.

use num_complex::Complex64;
use serde_json::Value;

use super::{FitOptions, FrequencyData, ResponseFit, Start, Weighting, fit_response, on_axis};
use crate::error::Code;
use crate::laplace::{PoleResidue, Term};
use crate::optim::Random;
use crate::telemetry::{Cancel, Progress};

fn c(re: f64, im: f64) -> Complex64 {
    Complex64::new(re, im)
}

/// `n` frequencies from `a` to `b`, evenly spaced in the logarithm.
fn log_grid(a: f64, b: f64, n: usize) -> Vec<f64> {
    (0..n)
        .map(|k| a * (b / a).powf(k as f64 / (n - 1) as f64))
        .collect()
}

fn sample(system: &PoleResidue, s: &[Complex64]) -> Vec<Complex64> {
    s.iter().flat_map(|s| system.evaluate(*s)).collect()
}

fn fit(
    s: &[Complex64],
    ports: (usize, usize),
    h: &[Complex64],
    options: &FitOptions,
) -> crate::Result<ResponseFit> {
    let data = FrequencyData {
        s,
        outputs: ports.0,
        inputs: ports.1,
        response: h,
        weights: None,
    };
    fit_response(&data, options, &Progress::none())
}

/// A system of `n` poles: pairs spread over `from..to` with a few percent damping, a real pole where odd.
pub(super) fn random_system(seed: u64, n: usize, outputs: usize, inputs: usize) -> PoleResidue {
    let mut random = Random(seed);
    let cells = outputs * inputs;
    let pairs = n / 2;
    let mut terms: Vec<Term> = (0..pairs)
        .map(|i| {
            let b = 1.0 + 9.0 * (i as f64 + 0.5 + 0.3 * random.symmetric()) / pairs as f64;
            let a = -b * (0.01 + 0.01 * random.symmetric().abs());
            Term {
                pole: c(a, b),
                power: 1,
                residue: (0..cells)
                    .map(|_| c(random.symmetric(), random.symmetric()) * a.abs())
                    .collect(),
            }
        })
        .collect();
    if n % 2 == 1 {
        terms.push(Term {
            pole: c(-2.0, 0.0),
            power: 1,
            residue: (0..cells).map(|_| c(random.symmetric(), 0.0)).collect(),
        });
    }
    PoleResidue {
        outputs,
        inputs,
        terms,
        direct: (0..cells).map(|_| 0.3 * random.symmetric()).collect(),
        linear: Vec::new(),
    }
}

/// Largest relative distance of a true pole from the nearest one found.
fn pole_error(found: &ResponseFit, truth: &PoleResidue) -> f64 {
    truth
        .terms
        .iter()
        .map(|t| {
            found
                .poles
                .iter()
                .map(|p| (p.pole - t.pole).norm() / t.pole.norm())
                .fold(f64::INFINITY, f64::min)
        })
        .fold(0.0, |a: f64, b| if b.is_nan() || b > a { b } else { a })
}

#[test]
fn known_systems_are_recovered() {
    for (seed, n, p, m) in [
        (1, 1, 1, 1),
        (2, 2, 1, 1),
        (3, 5, 1, 1),
        (4, 8, 2, 1),
        (5, 13, 1, 1),
        (6, 20, 2, 2),
        (7, 7, 1, 3),
    ] {
        let truth = random_system(seed, n, p, m);
        let s = on_axis(&log_grid(0.1, 30.0, 150));
        let h = sample(&truth, &s);
        for order in [Some(n), None] {
            let options = FitOptions {
                order,
                ..FitOptions::default()
            };
            let found = fit(&s, (p, m), &h, &options).unwrap();
            assert_eq!(
                found.order, n,
                "{seed}: {} {:?}",
                found.order_reason, found.tried
            );
            assert!(
                pole_error(&found, &truth) <= 1e-9,
                "{seed} {order:?}: {:e}",
                pole_error(&found, &truth)
            );
            assert!(
                found.relative_rms <= 1e-10,
                "{seed} {order:?}: {:e}",
                found.relative_rms
            );
            assert!(found.stable);
        }
    }
}

#[test]
fn units_do_not_matter() {
    // The same circuit in rad/s around 1e10 and in tiny and huge responses.
    let truth = random_system(11, 6, 1, 1);
    let omega = log_grid(0.3, 20.0, 80);
    let h = sample(&truth, &on_axis(&omega));
    for (time, size) in [(1e10, 1.0), (1e-12, 1e-9), (1.0, 1e300), (1e3, 1e-300)] {
        let s = on_axis(&omega.iter().map(|w| w * time).collect::<Vec<_>>());
        let scaled: Vec<Complex64> = h.iter().map(|v| v * size).collect();
        let found = fit(&s, (1, 1), &scaled, &FitOptions::default()).unwrap();
        assert_eq!(found.order, 6, "{time:e} {size:e}: {}", found.order_reason);
        for t in &truth.terms {
            let near = found
                .system
                .terms
                .iter()
                .find(|f| (f.pole / time - t.pole).norm() <= 1e-9 * t.pole.norm());
            let near = near.unwrap_or_else(|| panic!("{time:e} {size:e}: {:?}", found.poles));
            let residue = near.residue[0] / time / size;
            assert!((residue - t.residue[0]).norm() <= 1e-8 * t.residue[0].norm());
        }
        assert!((found.system.direct[0] / size - truth.direct[0]).abs() <= 1e-9);
    }
}

#[test]
fn golden_transfer() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/laplace.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let number = |v: &Value| v.as_f64().unwrap();
    let complex = |v: &Value| c(number(&v[0]), number(&v[1]));
    let list =
        |v: &Value| -> Vec<Complex64> { v.as_array().unwrap().iter().map(complex).collect() };
    let mut seen = 0;
    for case in golden["transfer"].as_array().unwrap() {
        let omega: Vec<f64> = case["w"].as_array().unwrap().iter().map(number).collect();
        let (poles, residues) = (list(&case["poles"]), list(&case["residues"]));
        // Six complex values determine the nine parameters.
        let options = FitOptions {
            order: Some(poles.len()),
            ..FitOptions::default()
        };
        let found = fit(&on_axis(&omega), (1, 1), &list(&case["H"]), &options).unwrap();
        for (pole, residue) in poles.iter().zip(&residues).filter(|(p, _)| p.im >= 0.0) {
            let (k, near) = found
                .poles
                .iter()
                .enumerate()
                .min_by(|a, b| {
                    (a.1.pole - pole)
                        .norm()
                        .total_cmp(&(b.1.pole - pole).norm())
                })
                .unwrap();
            assert!((near.pole - pole).norm() <= 1e-9, "{pole} {}", near.pole);
            let error = (found.system.terms[k].residue[0] - residue).norm();
            assert!(error <= 1e-9, "{pole}: {error:e}");
            seen += 1;
        }
    }
    assert!(seen >= 3);
}
