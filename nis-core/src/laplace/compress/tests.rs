//! Round trips, bounds, damage, and the kinds of signals that the coder must tell apart.

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;
use crate::error::Code;
use crate::optim::Random;

fn with(target: Target) -> CompressOptions {
    CompressOptions {
        target,
        ..CompressOptions::default()
    }
}

fn run(x: &[f64], target: Target) -> Compressed {
    let c = compress(x, 1e-3, &with(target), &Progress::none()).unwrap();
    // The report against what a decoder gives.
    let back = decompress(&c.bytes, &Progress::none()).unwrap();
    assert_eq!(back.len(), x.len());
    let max = x
        .iter()
        .zip(&back)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |m: f64, e| if e <= m { m } else { e });
    assert!(max == c.report.max_error, "{max} {}", c.report.max_error);
    assert_eq!(c.report.bytes as usize, c.bytes.len());
    let shares: u64 = c.report.kinds.iter().map(|k| k.samples).sum();
    assert_eq!(shares, x.len() as u64);
    c
}

fn show(name: &str, c: &Compressed) {
    let r = &c.report;
    println!(
        "{name}: {} samples {} bytes ratio {:.1} max {:.3e} rms {:.3e} rel {:.3e} segs {} modes {} not_modal {} {:?} {:?} {:.3}s",
        r.samples,
        r.bytes,
        r.ratio,
        r.max_error,
        r.rms_error,
        r.relative_rms,
        r.segments,
        r.modes,
        r.not_modal,
        r.kinds
            .iter()
            .map(|k| (k.kind, k.share, k.bytes))
            .collect::<Vec<_>>(),
        r.trial,
        r.seconds
    );
}

/// Six damped modes, 2048 samples at 1 kHz.
fn six_modes(noise_db: Option<f64>) -> (Vec<f64>, Vec<f64>) {
    let clean: Vec<f64> = (0..2048)
        .map(|k| {
            let t = 1e-3 * f64::from(k);
            [
                (1.0, 0.8, 31.0, 0.3),
                (0.8, 1.5, 50.0, 1.1),
                (0.6, 1.1, 53.0, 2.0),
                (0.5, 2.5, 120.0, 0.0),
                (0.4, 0.5, 210.0, 0.7),
                (0.3, 3.0, 333.0, 1.9),
            ]
            .iter()
            .map(|(a, d, f, p): &(f64, f64, f64, f64)| a * (-d * t).exp() * (TAU * f * t + p).cos())
            .sum()
        })
        .collect();
    let power = clean.iter().map(|v| v * v).sum::<f64>() / clean.len() as f64;
    let sigma = noise_db.map_or(0.0, |db| (power / 10f64.powf(db / 10.0)).sqrt());
    let mut random = Random(1234);
    let noisy = clean.iter().map(|v| v + sigma * random.normal()).collect();
    (clean, noisy)
}

fn relative(x: &[f64], y: &[f64]) -> f64 {
    let d: f64 = x.iter().zip(y).map(|(a, b)| (a - b) * (a - b)).sum();
    (d / x.iter().map(|v| v * v).sum::<f64>()).sqrt()
}

/// An electrocardiogram as a sum of five Gaussians per beat (McSharry et al., IEEE Trans. Biomed. Eng. 50 (2003)
/// 289, table I), 360 Hz, with beats of varying length.
fn ecg(n: usize) -> Vec<f64> {
    let waves = [
        (-1.0 / 3.0 * std::f64::consts::PI, 1.2, 0.25),
        (-std::f64::consts::PI / 12.0, -5.0, 0.1),
        (0.0, 30.0, 0.1),
        (std::f64::consts::PI / 12.0, -7.5, 0.1),
        (0.5 * std::f64::consts::PI, 0.75, 0.4),
    ];
    let mut random = Random(5);
    let mut phase = -std::f64::consts::PI;
    let mut rate = TAU;
    (0..n)
        .map(|_| {
            phase += rate / 360.0;
            if phase > std::f64::consts::PI {
                phase -= TAU;
                rate = TAU * (1.0 + 0.05 * random.normal());
            }
            waves
                .iter()
                .map(|(at, a, b): &(f64, f64, f64)| {
                    a * b * b * (-(phase - at) * (phase - at) / (2.0 * b * b)).exp()
                })
                .sum::<f64>()
                + 0.001 * random.normal()
        })
        .collect()
}

#[test]
fn figures() {
    let (clean, noisy) = six_modes(Some(20.0));
    let c = run(&clean, Target::Ratio(85.0));
    show("six clean 85x", &c);
    let c = run(&noisy, Target::Ratio(85.0));
    show("six noisy 85x", &c);
    let back = decompress(&c.bytes, &Progress::none()).unwrap();
    println!("against clean {:e}", relative(&clean, &back));
    for t in [1e-2, 1e-4, 1e-8] {
        show("six clean max", &run(&clean, Target::MaxError(t)));
        show("six noisy max", &run(&noisy, Target::MaxError(t)));
    }
    let x = ecg(4096);
    show("ecg 8x", &run(&x, Target::Ratio(8.0)));
    show("ecg 30x", &run(&x, Target::Ratio(30.0)));
    let saw: Vec<f64> = (0..4096).map(|k| (f64::from(k) * 0.0123) % 1.0).collect();
    show("saw 8x", &run(&saw, Target::Ratio(8.0)));
    show("saw 60x", &run(&saw, Target::Ratio(60.0)));
    let mut random = Random(1);
    let noise: Vec<f64> = (0..4096).map(|_| random.normal()).collect();
    show("noise", &run(&noise, Target::MaxError(0.01)));
}
