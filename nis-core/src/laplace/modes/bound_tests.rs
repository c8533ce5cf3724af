//! Against the Cramer-Rao bound over many seeds; channels, complex samples, long records, coloured noise.

use num_complex::Complex64;
use serde_json::Value;

use super::*;
use crate::optim::Random;
use crate::telemetry::Progress;

const QUIET: Progress<'static> = Progress::none();

fn plain() -> ModesOptions {
    ModesOptions {
        detrend: Detrend::None,
        ..ModesOptions::default()
    }
}

/// The pole that is nearest.
fn nearest(found: &[Complex64], want: Complex64) -> Complex64 {
    *found
        .iter()
        .min_by(|a, b| (*a - want).norm().total_cmp(&(*b - want).norm()))
        .unwrap()
}

const POLES: [(f64, f64); 3] = [(-5.0, 50.0), (-8.0, 53.0), (-20.0, 120.0)];
const AMPLITUDES: [f64; 3] = [1.0, 0.7, 0.5];
const PHASES: [f64; 3] = [0.0, 0.5, 1.0];

fn pole(k: usize) -> Complex64 {
    Complex64::new(POLES[k].0, std::f64::consts::TAU * POLES[k].1)
}

/// The three-mode case of the golden records: 2048 samples at 1 kHz.
fn three_modes(n: usize, dt: f64) -> Vec<f64> {
    (0..n)
        .map(|i| {
            let t = i as f64 * dt;
            (0..3)
                .map(|k| {
                    AMPLITUDES[k] * (pole(k).re * t).exp() * (pole(k).im * t + PHASES[k]).cos()
                })
                .sum()
        })
        .collect()
}

fn noise_for(x: &[f64], snr: f64) -> f64 {
    let power = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
    (power / 10f64.powf(snr / 10.0)).sqrt()
}

#[test]
fn poles_reach_the_bound_over_fifty_seeds() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../tests/golden/laplace.json")).unwrap();
    let clean = three_modes(2048, 1e-3);
    for case in golden["poles"].as_array().unwrap() {
        let Some(snr) = case["snr_db"].as_f64() else {
            continue;
        };
        let bounds: Vec<f64> = case["crlb_rms_abs_pole"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect();
        let sigma = noise_for(&clean, snr);
        let mut squares = [0.0; 3];
        for seed in 0..50 {
            let mut random = Random(7000 + seed);
            let x: Vec<f64> = clean.iter().map(|v| v + sigma * random.normal()).collect();
            let found = modes(&x, 0.0, 1e-3, &plain(), &QUIET).unwrap();
            assert_eq!(
                found.order, 6,
                "{snr} dB, seed {seed}: {}",
                found.order_reason
            );
            let poles: Vec<Complex64> = found.modes.iter().map(|m| m.pole).collect();
            for (k, sum) in squares.iter_mut().enumerate() {
                *sum += (nearest(&poles, pole(k)) - pole(k)).norm_sqr();
            }
        }
        for k in 0..3 {
            let ratio = (squares[k] / 50.0f64).sqrt() / bounds[k];
            println!("{snr} dB, pole {k}: {ratio:.3} of the bound");
            assert!(ratio <= 1.2, "{snr} dB, pole {k}: {ratio}");
        }
    }
}

#[test]
fn gaps_decide_clean_records_and_description_length_noisy_ones() {
    let clean = three_modes(2048, 1e-3);
    let found = modes(&clean, 0.0, 1e-3, &plain(), &QUIET).unwrap();
    assert_eq!(found.order_rule, OrderRule::Gap, "{}", found.order_reason);
    let mut random = Random(1);
    let sigma = noise_for(&clean, 20.0);
    let x: Vec<f64> = clean.iter().map(|v| v + sigma * random.normal()).collect();
    let found = modes(&x, 0.0, 1e-3, &plain(), &QUIET).unwrap();
    assert_eq!(found.order_rule, OrderRule::DescriptionLength);
    let given = ModesOptions {
        order: Some(6),
        ..plain()
    };
    let found = modes(&x, 0.0, 1e-3, &given, &QUIET).unwrap();
    assert_eq!(found.order_rule, OrderRule::Given);
}

/// A fitted mean or line leaves a direction of its own between the modes and the noise: no mode comes of it.
#[test]
fn a_baseline_adds_no_mode() {
    let clean = three_modes(2048, 1e-3);
    for (seed, detrend) in [(1, Detrend::Mean), (2, Detrend::Mean), (3, Detrend::Linear)] {
        let mut random = Random(seed);
        let sigma = noise_for(&clean, 40.0);
        let x: Vec<f64> = clean
            .iter()
            .map(|v| v + sigma * random.normal() + 0.7)
            .collect();
        let options = ModesOptions {
            detrend,
            ..ModesOptions::default()
        };
        let found = modes(&x, 0.0, 1e-3, &options, &QUIET).unwrap();
        assert_eq!(found.order, 6, "{}", found.order_reason);
        assert!((found.offset - 0.7).abs() <= 10.0 * sigma / 2048f64.sqrt());
    }
}

/// A mode near the noise behind strong ones: the gap before it must not hide it.
#[test]
fn a_gap_hides_no_weak_mode() {
    let detrended = |detrend| ModesOptions {
        detrend,
        ..ModesOptions::default()
    };
    for seed in 0..10 {
        let mut random = Random(50 + seed);
        let x: Vec<f64> = (0..2048)
            .map(|k| {
                let t = f64::from(k);
                (0.3 * t).cos()
                    + 0.01 * (1.1 * t).cos() * (-0.001 * t).exp()
                    + 0.002 * random.normal()
            })
            .collect();
        for detrend in [Detrend::None, Detrend::Mean, Detrend::Linear] {
            let found = modes(&x, 0.0, 1.0, &detrended(detrend), &QUIET).unwrap();
            assert_eq!(found.order, 4, "seed {seed}: {}", found.order_reason);
        }
    }
}

/// Two channels of noise 20 times as different, with the same two poles: errors must scatter as their standard
/// errors say, and the quiet channel must count.
#[test]
fn channels_share_poles() {
    let (p, q) = (Complex64::new(-0.004, 0.5), Complex64::new(-0.01, 1.3));
    let (mut squares, mut alone) = (0.0, 0.0);
    let seeds = 40;
    for seed in 0..seeds {
        let mut random = Random(400 + seed);
        let mut channel = |a: f64, b: f64, phase: f64, unit: f64, noise: f64| -> Vec<f64> {
            (0..300)
                .map(|k| {
                    let t = f64::from(k);
                    let v = a * (p.re * t).exp() * (p.im * t + phase).cos()
                        + b * (q.re * t).exp() * (q.im * t).cos();
                    unit * (v + noise * random.normal() + 3.0)
                })
                .collect()
        };
        let x = channel(1.0, 0.5, 0.3, 1e6, 0.5);
        let y = channel(0.5, 0.7, 1.0, 1e-3, 0.025);
        let found = shared_modes(&[&x, &y], 2.0, 1.0, &ModesOptions::default(), &QUIET).unwrap();
        assert_eq!(found.order, 4, "seed {seed}: {}", found.order_reason);
        for mode in &found.modes {
            let want = if mode.pole.im < 0.9 { p } else { q };
            let d = mode.pole - want;
            squares += (d.re / mode.pole_se.re).powi(2) + (d.im / mode.pole_se.im).powi(2);
        }
        assert!(
            (found.noise_std[0] / 5e5 - 1.0).abs() < 0.2,
            "{:?}",
            found.noise_std
        );
        assert!(
            (found.noise_std[1] / 2.5e-5 - 1.0).abs() < 0.2,
            "{:?}",
            found.noise_std
        );
        assert!((found.offset[1].re / 3e-3 - 1.0).abs() < 0.1);
        let single = modes(&y, 2.0, 1.0, &ModesOptions::default(), &QUIET).unwrap();
        let se = nearest_bound(&single, p);
        let both = found
            .modes
            .iter()
            .min_by(|a, b| (a.pole - p).norm().total_cmp(&(b.pole - p).norm()))
            .unwrap();
        alone += both.pole_bound.norm() / se;
        let t: Vec<f64> = (0..300).map(|k| 2.0 + f64::from(k)).collect();
        let model = found.evaluate(1, &t);
        let off: f64 = model
            .iter()
            .zip(&y)
            .map(|(m, v)| (m.re - v).powi(2))
            .sum::<f64>()
            / 300.0;
        assert!(off.sqrt() < 3e-5);
    }
    let ratio = squares / (4.0 * seeds as f64);
    assert!(ratio > 0.7 && ratio < 1.35, "{ratio}");
    // The noisy channel adds little to the quiet one, and takes nothing.
    let share = alone / seeds as f64;
    assert!(share > 0.9 && share < 1.02, "{share}");
}

fn nearest_bound(found: &Modes, want: Complex64) -> f64 {
    found
        .modes
        .iter()
        .min_by(|a, b| (a.pole - want).norm().total_cmp(&(b.pole - want).norm()))
        .unwrap()
        .pole_bound
        .norm()
}

#[test]
fn complex_records_scatter_as_their_bound() {
    // Two exponentials, one turning backwards; noise of both parts.
    let truth = [Complex64::new(-0.01, -0.7), Complex64::new(-0.003, 2.9)];
    let mut squares = 0.0;
    let seeds = 400;
    for seed in 0..seeds {
        let mut random = Random(seed);
        let x: Vec<Complex64> = (0..200)
            .map(|k| {
                let clean = (truth[0] * f64::from(k)).exp()
                    + (truth[1] * f64::from(k)).exp() * Complex64::new(0.0, 0.6);
                clean + Complex64::new(random.normal(), random.normal()) * 0.05
            })
            .collect();
        let found = shared_modes(&[&x], 0.0, 1.0, &plain(), &QUIET).unwrap();
        assert_eq!(found.order, 2, "seed {seed}: {}", found.order_reason);
        for mode in &found.modes {
            let want = if mode.pole.im < 0.0 {
                truth[0]
            } else {
                truth[1]
            };
            let d = mode.pole - want;
            squares += (d.re / mode.pole_bound.re).powi(2) + (d.im / mode.pole_bound.im).powi(2);
            assert!(!mode.pair);
        }
        // |noise|^2 has mean 2 * 0.05^2.
        assert!((found.noise_std[0] / (0.05 * 2f64.sqrt()) - 1.0).abs() < 0.15);
    }
    let ratio = squares / (4.0 * seeds as f64);
    // 1600 standardised errors: the mean square lies within 0.15 of 1 but for 1 in 10000.
    assert!((ratio - 1.0).abs() < 0.15, "{ratio}");
}

#[test]
fn long_records_find_what_a_block_cannot_resolve() {
    // Two lines 0.3 bins of a block apart, and a weak one far below the noise of a block.
    let n = 60_000;
    let mut random = Random(11);
    let x: Vec<f64> = (0..n)
        .map(|k| {
            let t = f64::from(k);
            (0.5 * t).cos()
                + 0.8 * (0.500_23 * t + 1.0).cos()
                + 0.02 * (1.7 * t).cos()
                + 0.3 * random.normal()
        })
        .collect();
    let found = modes(&x, 0.0, 1.0, &plain(), &QUIET).unwrap();
    assert_eq!(found.order, 6, "{}", found.order_reason);
    for want in [0.5, 0.500_23, 1.7] {
        let mode = found
            .modes
            .iter()
            .min_by(|a, b| {
                (a.pole.im - want)
                    .abs()
                    .total_cmp(&(b.pole.im - want).abs())
            })
            .unwrap();
        let off = (mode.pole.im - want).abs() / mode.pole_se.im;
        assert!(off < 4.0, "{want}: {off} standard errors");
    }
    let given = ModesOptions {
        order: Some(4),
        ..plain()
    };
    assert_eq!(modes(&x, 0.0, 1.0, &given, &QUIET).unwrap().order, 4);
}

/// Noise that is ten times as strong below a frequency as above: white-noise bounds are off there, the standard
/// errors are not.
#[test]
fn standard_errors_hold_in_coloured_noise() {
    let (low, high) = (Complex64::new(-0.002, 0.15), Complex64::new(-0.002, 2.5));
    let (mut squares, mut white) = ([0.0; 2], [0.0; 2]);
    let seeds = 40;
    for seed in 0..seeds {
        let mut random = Random(900 + seed);
        let mut red = 0.0;
        let x: Vec<f64> = (0..1024)
            .map(|k| {
                red = 0.9 * red + random.normal();
                let t = f64::from(k);
                2.0 * ((low * t).exp().re + (high * t).exp().re) + 0.1 * red
            })
            .collect();
        let given = ModesOptions {
            order: Some(4),
            ..plain()
        };
        let found = modes(&x, 0.0, 1.0, &given, &QUIET).unwrap();
        for (k, want) in [low, high].into_iter().enumerate() {
            let mode = found
                .modes
                .iter()
                .min_by(|a, b| (a.pole - want).norm().total_cmp(&(b.pole - want).norm()))
                .unwrap();
            let d = mode.pole - want;
            squares[k] += (d.re / mode.pole_se.re).powi(2) + (d.im / mode.pole_se.im).powi(2);
            white[k] += (d.re / mode.pole_bound.re).powi(2) + (d.im / mode.pole_bound.im).powi(2);
        }
    }
    for k in 0..2 {
        let (ratio, bound) = (
            squares[k] / (2.0 * seeds as f64),
            white[k] / (2.0 * seeds as f64),
        );
        println!("mode {k}: {ratio:.2} by the standard errors, {bound:.2} by the white bound");
        assert!(ratio > 0.5 && ratio < 1.7, "mode {k}: {ratio}");
        assert!(!(0.5..1.7).contains(&bound), "mode {k}: {bound}");
    }
}

#[test]
fn bad_channels_are_named() {
    let x: Vec<f64> = (0..40).map(|k| (0.3 * f64::from(k)).sin()).collect();
    let field = |signals: &[&[f64]]| {
        let e = shared_modes(signals, 0.0, 1.0, &plain(), &QUIET).unwrap_err();
        e.field().unwrap_or_default().to_owned()
    };
    let mut holed = x.clone();
    holed[7] = f64::NAN;
    assert_eq!(field(&[]), "signals");
    assert_eq!(field(&[&x, &holed]), "signals[1][7]");
    assert_eq!(field(&[&x, &x[1..]]), "signals[1]");
    assert_eq!(field(&[&x, &vec![2.0; 40]]), "signals[1]");
    let complex = vec![Complex64::new(f64::INFINITY, 0.0); 40];
    let e = shared_modes(&[&complex], 0.0, 1.0, &plain(), &QUIET).unwrap_err();
    assert_eq!(e.field(), Some("signal[0]"));
}
