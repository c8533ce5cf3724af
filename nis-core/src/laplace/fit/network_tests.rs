//! Passivity of fits of networks like those of scikit-rf's reports 524, 677 and 702: passive data, a fit that is
//! not, violations outside of the data that a sweep of the data's own frequencies misses, and enforcement that
//! must not spoil the fit. The networks are made here from line equations; their files are not used.

use num_complex::Complex64;

use super::{
    EnforceOptions, FitOptions, FrequencyData, Representation, enforce_passivity, fit_response,
};
use crate::laplace::PoleResidue;
use crate::telemetry::Progress;

fn c(re: f64, im: f64) -> Complex64 {
    Complex64::new(re, im)
}

/// Reflection and transmission in 50 ohm of a line of impedance `z`, delay `tau` (ns) and a loss of `loss` neper at
/// 1 GHz, growing with the root of the frequency (skin effect): Pozar, Microwave Engineering, section 4.4.
fn line(s: Complex64, z: f64, tau: f64, loss: f64) -> (Complex64, Complex64) {
    let gamma = s * tau + loss * (s / c(0.0, std::f64::consts::TAU)).sqrt() * c(1.0, 1.0);
    let (sinh, cosh) = (gamma.sinh(), gamma.cosh());
    let r = z / 50.0;
    let below = 2.0 * cosh + (r + 1.0 / r) * sinh;
    ((r - 1.0 / r) * sinh / below, 2.0 / below)
}

/// Angular frequencies in 1/ns of `n` points from `from` to `to` GHz.
fn axis(n: usize, from: f64, to: f64) -> Vec<Complex64> {
    (0..n)
        .map(|k| from + (to - from) * k as f64 / (n - 1) as f64)
        .map(|f| c(0.0, std::f64::consts::TAU * f))
        .collect()
}

/// Largest singular value: the root of the largest eigenvalue of `H^H H`, by power iteration from several starts.
fn largest(system: &PoleResidue, omega: f64) -> f64 {
    let h = system.evaluate(c(0.0, omega));
    let m = system.inputs;
    let mut best = 0.0f64;
    for start in 0..m {
        let mut v: Vec<Complex64> = (0..m)
            .map(|i| c(if i == start { 1.0 } else { 0.01 }, 0.0))
            .collect();
        let mut gain = 0.0;
        for _ in 0..60 {
            let norm = v.iter().map(|v| v.norm_sqr()).sum::<f64>().sqrt();
            v.iter_mut().for_each(|v| *v /= norm);
            let w: Vec<Complex64> = (0..m)
                .map(|i| (0..m).map(|j| h[i * m + j] * v[j]).sum())
                .collect();
            gain = w.iter().map(|w| w.norm_sqr()).sum::<f64>().sqrt();
            v = (0..m)
                .map(|j| (0..m).map(|i| h[i * m + j].conj() * w[i]).sum())
                .collect();
        }
        best = if gain <= best { best } else { gain };
    }
    best
}

/// Fits, finds violations, enforces, and judges by a sweep to twice the highest frequency.
fn enforced(s: &[Complex64], ports: usize, response: &[Complex64], order: usize) {
    let data = FrequencyData {
        s,
        outputs: ports,
        inputs: ports,
        response,
        weights: None,
    };
    let options = FitOptions {
        order: Some(order),
        ..FitOptions::default()
    };
    let none = Progress::none();
    let fit = fit_response(&data, &options, &none).unwrap();
    let done = enforce_passivity(
        &fit.system,
        Representation::Scattering,
        &EnforceOptions::default(),
        &none,
    )
    .unwrap();
    assert!(!done.before.passive, "order {order}: nothing to enforce");
    let top = 2.0 * s[s.len() - 1].im;
    for k in 0..4000 {
        let omega = top * f64::from(k) / 4000.0;
        let known = done.before.bands.iter().any(|b| {
            omega >= b.from * (1.0 - 1e-6) && b.to.is_none_or(|to| omega <= to * (1.0 + 1e-6))
        });
        assert!(
            known || largest(&fit.system, omega) <= 1.0 + 1e-9,
            "{omega}"
        );
        assert!(largest(&done.system, omega) <= 1.0 + 1e-9, "{omega}");
    }
    assert!(
        done.report.enforced && done.report.method == "perturbation",
        "{:?}",
        done.report
    );
    let rms = |system: &PoleResidue| {
        let each = s.iter().enumerate().flat_map(|(k, s)| {
            let h = system.evaluate(*s);
            (0..ports * ports).map(move |i| (k * ports * ports + i, h[i]))
        });
        (each.map(|(i, h)| (h - response[i]).norm_sqr()).sum::<f64>() / response.len() as f64)
            .sqrt()
    };
    let (before, after) = (rms(&fit.system), rms(&done.system));
    assert!(
        after <= before + (done.before.worst - 1.0),
        "{before:e} {after:e} {}",
        done.before.worst
    );
}

/// A coaxial line with a mismatch, one real pole and five pairs (reports 524 and 702).
#[test]
fn coaxial_line_of_two_ports() {
    let s = axis(200, 0.01, 10.0);
    let mut h = Vec::new();
    for s in &s {
        let (r, t) = line(*s, 53.0, 0.2, 5e-4);
        h.extend([r, t, t, r]);
    }
    enforced(&s, 2, &h, 11);
}

/// Two coupled lines, their even and odd modes of different speed, by 20 pairs (report 677).
#[test]
fn coupled_lines_of_four_ports() {
    let s = axis(150, 0.0003, 5.0);
    let mut h = Vec::new();
    for s in &s {
        let (re, te) = line(*s, 62.0, 0.41, 5e-4);
        let (ro, to) = line(*s, 43.0, 0.37, 7e-4);
        let half = |a: Complex64, b: Complex64| [0.5 * (a + b), 0.5 * (a - b)];
        let ([r, x], [t, y]) = (half(re, ro), half(te, to));
        // Ports 1 and 2 at one end, 3 and 4 at the other.
        h.extend([r, x, t, y, x, r, y, t, t, y, r, x, y, t, x, r]);
    }
    enforced(&s, 4, &h, 20);
}
