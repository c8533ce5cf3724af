//! Compression of sampled signals: modal, noisy, noise, and decoding.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nis_core::laplace::compress::{CompressOptions, Target, compress, decompress};
use nis_core::telemetry::Progress;

/// Three damped modes and noise of the given size (a linear congruential generator: its quality plays no part).
fn signal(n: usize, noise: f64) -> Vec<f64> {
    let mut state = 1u64;
    (0..n)
        .map(|k| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let random = (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
            let t = k as f64;
            let wave = |d: f64, w: f64| (-d * t / n as f64).exp() * (w * t).cos();
            wave(1.0, 0.31) + 0.7 * wave(2.0, 0.33) + 0.4 * wave(0.5, 0.75) + noise * random
        })
        .collect()
}

fn options(e: f64) -> CompressOptions {
    CompressOptions {
        target: Target::MaxError(e),
        ..CompressOptions::default()
    }
}

fn benches(c: &mut Criterion) {
    let none = Progress::none();
    let mut group = c.benchmark_group("compress");
    group.sample_size(10);
    for (name, n, noise, e) in [
        ("modal_2048", 2048, 0.0, 1e-4),
        ("modal_65536", 65_536, 0.0, 1e-4),
        ("modal_in_noise_16384", 16_384, 0.05, 1e-4),
        ("noise_16384", 16_384, 50.0, 1e-2),
    ] {
        let x = signal(n, noise);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(name, |b| {
            b.iter(|| compress(black_box(&x), 1.0, &options(e), &none).unwrap());
        });
        let bytes = compress(&x, 1.0, &options(e), &none).unwrap().bytes;
        group.bench_function(format!("decode_{name}"), |b| {
            b.iter(|| decompress(black_box(&bytes), &none).unwrap());
        });
    }
    let x = signal(16_384, 50.0);
    let without = CompressOptions {
        modes: false,
        ..options(1e-2)
    };
    group.bench_function("noise_16384_without_modes", |b| {
        b.iter(|| compress(black_box(&x), 1.0, &without, &none).unwrap());
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
