//! Fits of noisy data against the Cramer-Rao bound.

use num_complex::Complex64;

use super::tests::{c, fit, random_system, sample};
use super::{FitOptions, on_axis};
use crate::laplace::PoleResidue;
use crate::optim::Random;

pub(super) fn noisy(h: &[Complex64], sigma: f64, seed: u64) -> Vec<Complex64> {
    let mut random = Random(seed);
    h.iter()
        .map(|h| h + sigma * c(random.normal(), random.normal()))
        .collect()
}

/// Cramer-Rao bounds of the packed poles (re, im, re, im, ...) from a Jacobian by central differences of the
/// whole model, all parameters at once.
fn bounds(truth: &PoleResidue, s: &[Complex64], sigma: f64) -> Vec<f64> {
    let rebuild = |p: &[f64]| {
        let mut system = truth.clone();
        let mut v = p.iter().copied();
        let mut next = || v.next().unwrap();
        for t in &mut system.terms {
            t.pole = c(next(), next());
        }
        for t in &mut system.terms {
            for r in &mut t.residue {
                *r = c(next(), next());
            }
        }
        for d in &mut system.direct {
            *d = next();
        }
        system
    };
    let mut p: Vec<f64> = truth
        .terms
        .iter()
        .flat_map(|t| [t.pole.re, t.pole.im])
        .collect();
    p.extend(
        truth
            .terms
            .iter()
            .flat_map(|t| t.residue.iter().flat_map(|r| [r.re, r.im])),
    );
    p.extend(&truth.direct);
    let n = p.len();
    let rows = 2 * s.len() * truth.outputs * truth.inputs;
    let mut jacobian = faer::Mat::<f64>::zeros(rows, n);
    for j in 0..n {
        let step = 1e-5 * p[j].abs().max(1e-3);
        let (mut up, mut down) = (p.clone(), p.clone());
        up[j] += step;
        down[j] -= step;
        let (a, b) = (sample(&rebuild(&up), s), sample(&rebuild(&down), s));
        for (i, (a, b)) in a.iter().zip(&b).enumerate() {
            let d = (a - b) / (2.0 * step);
            jacobian[(2 * i, j)] = d.re;
            jacobian[(2 * i + 1, j)] = d.im;
        }
    }
    let inverse = crate::optim::least_squares(jacobian.as_ref(), &vec![0.0; rows])
        .unwrap()
        .inverse_normal
        .unwrap();
    (0..2 * truth.terms.len())
        .map(|j| sigma * inverse[(j, j)].sqrt())
        .collect()
}

#[test]
fn errors_reach_the_cramer_rao_bound_and_scatter_as_the_standard_errors_say() {
    // Two ports, three pairs, 120 frequencies, 60 dB and 40 dB; 100 seeds each.
    let truth = random_system(21, 6, 2, 2);
    let s = on_axis(
        &(0..120)
            .map(|k| 0.2 + 0.1 * f64::from(k))
            .collect::<Vec<_>>(),
    );
    let h = sample(&truth, &s);
    for sigma in [1e-3, 1e-2] {
        let bound = bounds(&truth, &s, sigma);
        let mut squares = vec![0.0; bound.len()];
        let mut standardised = 0.0;
        let mut noise = 0.0;
        let seeds = 100;
        for seed in 0..seeds {
            let options = FitOptions {
                order: Some(6),
                ..FitOptions::default()
            };
            let found = fit(&s, (2, 2), &noisy(&h, sigma, 1000 + seed), &options).unwrap();
            assert!(found.converged, "{seed}");
            noise += found.noise_std.unwrap() / sigma / seeds as f64;
            for (k, t) in truth.terms.iter().enumerate() {
                let near = found
                    .poles
                    .iter()
                    .min_by(|a, b| {
                        (a.pole - t.pole)
                            .norm()
                            .total_cmp(&(b.pole - t.pole).norm())
                    })
                    .unwrap();
                let (d, se) = (near.pole - t.pole, near.pole_se.unwrap());
                squares[2 * k] += d.re * d.re / seeds as f64;
                squares[2 * k + 1] += d.im * d.im / seeds as f64;
                standardised += (d.re / se.re).powi(2) + (d.im / se.im).powi(2);
            }
        }
        // A root mean square of 100 normal deviates lies within 1 +- 0.24 but for 1 in 1000.
        for (square, bound) in squares.iter().zip(&bound) {
            let ratio = square.sqrt() / bound;
            assert!(ratio > 0.76 && ratio < 1.24, "{sigma}: {ratio}");
        }
        let ratio = standardised / (seeds as f64 * bound.len() as f64);
        assert!(ratio > 0.8 && ratio < 1.2, "{sigma}: {ratio}");
        assert!((noise - 1.0).abs() <= 0.02, "{noise}");
    }
}

#[test]
fn the_order_is_found_in_noise() {
    let mut wrong = 0;
    for seed in 0..20 {
        let n = 2 + (seed as usize % 7);
        let truth = random_system(300 + seed, n, 1, 1);
        let s = on_axis(
            &(0..150)
                .map(|k| 0.2 + 0.1 * f64::from(k))
                .collect::<Vec<_>>(),
        );
        let h = noisy(&sample(&truth, &s), 1e-3, seed);
        let found = fit(&s, (1, 1), &h, &FitOptions::default()).unwrap();
        wrong += usize::from(found.order != n);
        assert!(
            found.order.abs_diff(n) <= 2,
            "{n} {} {:?}",
            found.order,
            found.tried
        );
    }
    assert!(wrong <= 2, "{wrong} of 20");
}

#[test]
fn noise_alone_has_no_poles() {
    let s = on_axis(&(1..100).map(f64::from).collect::<Vec<_>>());
    let mut found_any = 0;
    for seed in 0..20 {
        let h = noisy(&vec![c(0.3, 0.0); 99], 1e-2, seed);
        let found = fit(&s, (1, 1), &h, &FitOptions::default()).unwrap();
        found_any += usize::from(found.order > 0);
    }
    assert!(found_any <= 1, "{found_any}");
}
