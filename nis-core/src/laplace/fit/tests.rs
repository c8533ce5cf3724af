//! Fits against known systems, the Cramer-Rao bound and golden values.

use num_complex::Complex64;
use serde_json::Value;

use super::noise_tests::noisy;
use super::{FitOptions, FrequencyData, ResponseFit, Start, Weighting, fit_response, on_axis};
use crate::error::Code;
use crate::laplace::{PoleResidue, Term};
use crate::optim::Random;
use crate::telemetry::{Cancel, Progress};

pub(super) fn c(re: f64, im: f64) -> Complex64 {
    Complex64::new(re, im)
}

/// `n` frequencies from `a` to `b`, evenly spaced in the logarithm.
fn log_grid(a: f64, b: f64, n: usize) -> Vec<f64> {
    (0..n)
        .map(|k| a * (b / a).powf(k as f64 / (n - 1) as f64))
        .collect()
}

pub(super) fn sample(system: &PoleResidue, s: &[Complex64]) -> Vec<Complex64> {
    s.iter().flat_map(|s| system.evaluate(*s)).collect()
}

pub(super) fn fit(
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

#[test]
fn a_delay_line_converges() {
    // e^{-s} has no poles; the error of the fit falls with the order, below 1e-6 before 40.
    let s = on_axis(&(0..400).map(|k| 0.05 * f64::from(k)).collect::<Vec<_>>());
    let h: Vec<Complex64> = s.iter().map(|s| (-s).exp() / (1.0 + 0.1 * s)).collect();
    let error = |order| {
        let options = FitOptions {
            order: Some(order),
            ..FitOptions::default()
        };
        let found = fit(&s, (1, 1), &h, &options).unwrap();
        assert!(found.stable && found.rms.is_finite());
        found.relative_rms
    };
    let errors: Vec<f64> = [6, 9, 12, 15].into_iter().map(error).collect();
    assert!(errors.windows(2).all(|w| w[1] <= 0.1 * w[0]), "{errors:?}");
    assert!(errors[3] <= 1e-8, "{errors:?}");
    let options = FitOptions {
        tolerance: 1e-4,
        ..FitOptions::default()
    };
    let found = fit(&s, (1, 1), &h, &options).unwrap();
    assert!(
        found.relative_rms <= 1e-4 && found.order < 24,
        "{:?}",
        found.tried
    );
    assert!(
        found.order_reason.contains("1e-4"),
        "{}",
        found.order_reason
    );
}

#[test]
fn weights_and_other_starts_fit_the_same_system() {
    let truth = random_system(31, 6, 2, 2);
    let s = on_axis(&log_grid(0.1, 30.0, 100));
    let h = sample(&truth, &s);
    for weighting in [
        Weighting::Uniform,
        Weighting::InverseMagnitude,
        Weighting::InverseNorm,
    ] {
        for start in [Start::Auto, Start::Spread, Start::Aaa] {
            let options = FitOptions {
                order: Some(6),
                weighting,
                start,
                ..FitOptions::default()
            };
            let found = fit(&s, (2, 2), &h, &options).unwrap();
            assert!(
                pole_error(&found, &truth) <= 1e-9,
                "{weighting:?} {start:?}"
            );
        }
    }
    // Points without weight have no say; weights that are the inverse noise give a noise of 1.
    let mut spoiled = noisy(&h, 1e-3, 5);
    let mut weights = vec![1e3; s.len()];
    for k in (0..s.len()).step_by(7) {
        weights[k] = 0.0;
        spoiled[4 * k] = c(100.0, -50.0);
    }
    let data = FrequencyData {
        s: &s,
        outputs: 2,
        inputs: 2,
        response: &spoiled,
        weights: Some(&weights),
    };
    let found = fit_response(&data, &FitOptions::default(), &Progress::none()).unwrap();
    assert_eq!(found.order, 6, "{}", found.order_reason);
    assert!(pole_error(&found, &truth) <= 1e-2);
    assert!(
        (found.noise_std.unwrap() - 1.0).abs() <= 0.1,
        "{:?}",
        found.noise_std
    );
}

#[test]
fn linear_terms_repeated_points_and_points_off_the_axis() {
    let mut truth = random_system(41, 4, 1, 1);
    truth.linear = vec![0.25];
    // Off the axis, with conjugates, s = 0 and repeated points.
    let mut s: Vec<Complex64> = (0..60)
        .map(|k| c(0.1 * f64::from(k % 5), 0.2 * f64::from(k)))
        .collect();
    s.extend((3..20).map(|k| c(0.1, -0.5 * f64::from(k))));
    s.extend_from_within(10..20);
    let options = FitOptions {
        linear: true,
        ..FitOptions::default()
    };
    let found = fit(&s, (1, 1), &sample(&truth, &s), &options).unwrap();
    assert_eq!(found.order, 4, "{}", found.order_reason);
    assert!(pole_error(&found, &truth) <= 1e-9);
    assert!((found.system.linear[0] - 0.25).abs() <= 1e-9);
}

#[test]
fn unstable_poles_are_kept_where_allowed_and_mirrored_elsewhere() {
    let mut truth = random_system(51, 4, 1, 1);
    truth.terms[0].pole.re = truth.terms[0].pole.re.abs();
    let s = on_axis(&log_grid(0.1, 30.0, 100));
    let h = sample(&truth, &s);
    let mut options = FitOptions {
        order: Some(4),
        stable: false,
        ..FitOptions::default()
    };
    let found = fit(&s, (1, 1), &h, &options).unwrap();
    assert!(!found.stable && pole_error(&found, &truth) <= 1e-9);
    options.stable = true;
    let found = fit(&s, (1, 1), &h, &options).unwrap();
    assert!(found.stable && found.system.terms.iter().all(|t| t.pole.re < 0.0));
    assert!(found.relative_rms > 1e-3);
}

#[test]
fn responses_without_variation() {
    let s = on_axis(&log_grid(0.1, 10.0, 30));
    for value in [0.0, 3.5] {
        let h = vec![c(value, 0.0); 30];
        let found = fit(&s, (1, 1), &h, &FitOptions::default()).unwrap();
        assert_eq!(found.order, 0, "{:?}", found.tried);
        assert!((found.system.direct[0] - value).abs() <= 1e-14);
        let options = FitOptions {
            order: Some(2),
            ..FitOptions::default()
        };
        assert_eq!(
            fit(&s, (1, 1), &h, &options).unwrap_err().field(),
            Some("response")
        );
    }
    let options = FitOptions {
        direct: false,
        order: Some(0),
        ..FitOptions::default()
    };
    let found = fit(&s, (1, 1), &vec![c(1.0, 0.0); 30], &options).unwrap();
    assert!(found.order == 0 && (found.relative_rms - 1.0).abs() <= 1e-12);
}

#[test]
fn bad_data_is_refused() {
    let truth = random_system(61, 4, 1, 1);
    let s = on_axis(&log_grid(0.1, 10.0, 30));
    let h = sample(&truth, &s);
    let d = FitOptions::default();
    let field = |s: &[Complex64], ports, h: &[Complex64], o: &FitOptions| {
        let e = fit(s, ports, h, o).unwrap_err();
        assert_eq!(e.code(), Code::InvalidInput);
        e.field().unwrap().to_owned()
    };
    assert_eq!(field(&[], (1, 1), &[], &d), "s");
    assert_eq!(field(&s[..1], (1, 1), &h[..1], &d), "s");
    assert_eq!(field(&[c(0.0, 0.0); 3], (1, 1), &h[..3], &d), "s");
    assert_eq!(field(&s, (0, 1), &h, &d), "outputs, inputs");
    assert_eq!(field(&s, (usize::MAX, 2), &h, &d), "outputs, inputs");
    assert_eq!(field(&s, (2, 1), &h, &d), "response");
    assert_eq!(field(&s, (1, 1), &h[..29], &d), "response");
    let mut bad = h.clone();
    bad[4].im = f64::NAN;
    assert_eq!(field(&s, (1, 1), &bad, &d), "response[4]");
    let mut bad = s.clone();
    bad[7].re = f64::INFINITY;
    assert_eq!(field(&bad, (1, 1), &h, &d), "s[7]");
    let mut at_zero = s.clone();
    at_zero[0] = c(0.0, 0.0);
    assert_eq!(field(&at_zero, (1, 1), &h, &d), "response[0]");
    for (order, wanted) in [
        (Some(28), true),
        (Some(30), true),
        (Some(1000), true),
        (Some(4), false),
    ] {
        let o = FitOptions { order, ..d.clone() };
        match fit(&s, (1, 1), &h, &o) {
            Err(e) => assert!(
                wanted && e.field() == Some("options.order"),
                "{order:?} {e}"
            ),
            Ok(_) => assert!(!wanted || order == Some(28), "{order:?}"),
        }
    }
    let o = FitOptions {
        tolerance: f64::NAN,
        ..d.clone()
    };
    assert_eq!(field(&s, (1, 1), &h, &o), "options.tolerance");
    let o = FitOptions {
        weighting: Weighting::InverseMagnitude,
        ..d.clone()
    };
    let mut zero = h.clone();
    zero[3] = c(0.0, 0.0);
    assert_eq!(field(&s, (1, 1), &zero, &o), "response[3]");
    zero[3] = c(5e-324, 0.0);
    assert_eq!(field(&s, (1, 1), &zero, &o), "weights");
    for (weights, name) in [
        (vec![1.0; 29], "weights"),
        (vec![0.0; 30], "weights"),
        ([vec![1.0; 29], vec![-1.0]].concat(), "weights[29]"),
        ([vec![f64::NAN], vec![1.0; 29]].concat(), "weights[0]"),
    ] {
        let data = FrequencyData {
            s: &s,
            outputs: 1,
            inputs: 1,
            response: &h,
            weights: Some(&weights),
        };
        let e = fit_response(&data, &d, &Progress::none()).unwrap_err();
        assert_eq!(e.field(), Some(name));
    }
    let cancel = Cancel::new();
    cancel.cancel();
    let progress = Progress::none().with_cancel(&cancel);
    let data = FrequencyData {
        s: &s,
        outputs: 1,
        inputs: 1,
        response: &h,
        weights: None,
    };
    assert_eq!(
        fit_response(&data, &d, &progress).unwrap_err().code(),
        Code::Cancelled
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
    #[test]
    fn any_finite_response_is_fitted_or_refused(
        values in proptest::collection::vec((-1e3..1e3f64, -1e3..1e3f64), 2..40),
        step in 1e-9..1e9f64,
        order in 0usize..12,
    ) {
        let s = on_axis(&(1..=values.len()).map(|k| step * k as f64).collect::<Vec<_>>());
        let h: Vec<Complex64> = values.iter().map(|v| c(v.0, v.1)).collect();
        let options = FitOptions { order: (order < 10).then_some(order), max_order: 10, ..FitOptions::default() };
        match fit(&s, (1, 1), &h, &options) {
            Ok(found) => {
                proptest::prop_assert!(found.system.check().is_ok() && found.rms.is_finite());
                proptest::prop_assert!(found.system.terms.iter().all(|t| t.pole.re < 0.0));
            }
            Err(e) => proptest::prop_assert!(
                e.code() == Code::Numerical || e.field() == Some("options.order"), "{e}"),
        }
    }
}
