//! Modes at the Nyquist frequency of real records: `a r^n (-1)^n`.

use std::f64::consts::{LN_2, PI, TAU};

use num_complex::Complex64;

use super::*;
use crate::optim::Random;
use crate::telemetry::Progress;

const QUIET: Progress<'static> = Progress::none();

fn options(order: Option<usize>) -> ModesOptions {
    ModesOptions {
        order,
        detrend: Detrend::None,
        ..ModesOptions::default()
    }
}

fn alternating(k: usize) -> f64 {
    if k.is_multiple_of(2) { 1.0 } else { -1.0 }
}

#[test]
fn one_alternating_mode_is_found_exactly() {
    let dt = 0.1;
    for (r, a) in [(0.9f64, 1.5), (0.5, -2.0), (1.02, 0.1)] {
        let x: Vec<f64> = (0..60)
            .map(|k| a * r.powi(k as i32) * alternating(k))
            .collect();
        for order in [None, Some(1)] {
            let found = modes(&x, 2.0, dt, &options(order), &QUIET).unwrap();
            assert_eq!(found.order, 1, "{r}");
            let mode = &found.modes[0];
            assert!(
                (mode.pole.re - r.ln() / dt).abs() <= 1e-8 * LN_2 / dt,
                "{r}"
            );
            assert_eq!(mode.pole.im, PI / dt);
            assert_eq!(mode.frequency, 0.5 / dt);
            assert_eq!((mode.frequency_se, mode.pole_se.im), (0.0, 0.0));
            assert_eq!(mode.period, Some(2.0 * dt));
            // A pair of which each half has half of the amplitude.
            assert!((mode.amplitude - a.abs()).abs() <= 1e-8 * a.abs(), "{r}");
            assert!((mode.residue - a / 2.0).norm() <= 1e-8 * a.abs(), "{r}");
            assert_eq!(mode.phase, if a > 0.0 { 0.0 } else { PI });
            let t: Vec<f64> = (0..60).map(|k| 2.0 + dt * k as f64).collect();
            let largest = x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            for (v, x) in found.evaluate(&t).iter().zip(&x) {
                assert!((v - x).abs() <= 1e-8 * largest, "{r}: {v} {x}");
            }
        }
    }
}

/// Times `(-1)^n` a record's frequencies are mirrored about a quarter of the sampling rate, and white noise stays
/// white: real poles become alternating ones, with the same errors.
#[test]
fn mirrored_records_have_mirrored_modes_with_the_same_errors() {
    let mut random = Random(11);
    let (n, dt) = (400, 0.5);
    let noisy: Vec<f64> = (0..n)
        .map(|k| {
            let t = dt * k as f64;
            2.0 * (-0.02 * t).exp()
                + (-0.01 * t).exp() * (TAU * 0.21 * t + 0.4).cos()
                + 0.02 * random.normal()
        })
        .collect();
    let mirrored: Vec<f64> = noisy
        .iter()
        .enumerate()
        .map(|(k, v)| v * alternating(k))
        .collect();
    let a = modes(&noisy, 0.0, dt, &options(Some(3)), &QUIET).unwrap();
    let b = modes(&mirrored, 0.0, dt, &options(Some(3)), &QUIET).unwrap();
    assert_eq!((a.order, b.order), (3, 3));
    let near = |x: f64, y: f64| (x - y).abs() <= 1e-6 * (x.abs() + y.abs());
    assert!(near(a.residual_rms, b.residual_rms));
    let real = a.modes.iter().find(|m| !m.is_pair()).unwrap();
    let alternating = b.modes.iter().find(|m| m.frequency == 0.5 / dt).unwrap();
    assert!(near(real.pole.re, alternating.pole.re));
    assert!(near(real.pole_bound.re, alternating.pole_bound.re));
    assert!(near(real.pole_se.re, alternating.pole_se.re));
    assert!(near(real.amplitude, alternating.amplitude));
    assert!(near(real.amplitude_se, alternating.amplitude_se));
    assert!(near(real.power_share, alternating.power_share));
    // The truth lies within some standard errors.
    assert!((alternating.pole.re + 0.02).abs() <= 5.0 * alternating.pole_bound.re);
    let pair = |m: &Modes| {
        let inner = |m: &&Mode| m.is_pair() && m.frequency != 0.5 / dt;
        m.modes
            .iter()
            .find(inner)
            .map(|m| (m.frequency, m.frequency_se))
    };
    let ((f, se), (g, mirrored_se)) = (pair(&a).unwrap(), pair(&b).unwrap());
    assert!((f + g - 0.5 / dt).abs() <= 1e-6 * f && near(se, mirrored_se));
}

#[test]
fn channels_share_alternating_modes() {
    let signal = |a: f64, b: f64| -> Vec<f64> {
        (0..80)
            .map(|k| {
                let t = k as f64;
                a * 0.95f64.powi(k as i32) * alternating(k)
                    + b * (-0.03 * t).exp() * (0.9 * t).cos()
            })
            .collect()
    };
    let (x, y) = (signal(1.0, 0.5), signal(-3.0, 1.0));
    let found = shared_modes(&[&x, &y], 0.0, 1.0, &options(None), &QUIET).unwrap();
    assert_eq!(found.order, 3);
    let mode = found.modes.iter().find(|m| m.frequency == 0.5).unwrap();
    assert!(mode.pair && (mode.pole - Complex64::new(0.95f64.ln(), PI)).norm() <= 1e-8);
    assert!((mode.residues[0] - 0.5).norm() <= 1e-8);
    assert!((mode.residues[1] + 1.5).norm() <= 1e-8);
    let t: Vec<f64> = (0..80).map(|k| k as f64).collect();
    for (v, y) in found.evaluate(1, &t).iter().zip(&y) {
        assert!((v - y).norm() <= 1e-8);
    }
}

#[test]
fn long_records_show_weak_alternating_modes() {
    // Its line stands at three times the noise in a block of 8192 samples, at fifty times in all of them.
    let mut random = Random(5);
    let n = 131_072;
    let x: Vec<f64> = (0..n)
        .map(|k| {
            let t = k as f64;
            (-1e-6 * t).exp() * (0.7 * t).cos() + 0.02 * alternating(k) + random.normal()
        })
        .collect();
    let found = modes(&x, 0.0, 1.0, &options(None), &QUIET).unwrap();
    let mode = found.modes.iter().find(|m| m.frequency == 0.5).unwrap();
    assert!((mode.amplitude - 0.02).abs() <= 4.0 * mode.amplitude_se);
    assert!(mode.amplitude_se <= 0.01 && mode.pole.re.abs() <= 5.0 * mode.pole_bound.re);
}
