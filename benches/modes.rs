//! Modes from data: the three-mode case of the golden records, and a long record.
#![allow(clippy::unwrap_used)] // a bench that cannot run shall stop

use criterion::{Criterion, criterion_group, criterion_main};
use nis_core::laplace::{Detrend, ModesOptions, modes};
use nis_core::telemetry::Progress;

/// Three damped modes and noise of a golden ratio sequence, which needs no generator.
fn record(n: usize) -> Vec<f64> {
    let scale = 2048.0 / n as f64;
    (0..n)
        .map(|k| {
            let t = k as f64 * 1e-3;
            let noise = (k as f64 * 0.618_033_988_749_895).fract() - 0.5;
            (-5.0 * scale * t).exp() * (314.159 * t).cos()
                + 0.7 * (-8.0 * scale * t).exp() * (333.009 * t + 0.5).cos()
                + 0.5 * (-20.0 * scale * t).exp() * (753.982 * t + 1.0).cos()
                + 1e-3 * noise
        })
        .collect()
}

fn bench(c: &mut Criterion) {
    let quiet = Progress::none();
    let mut group = c.benchmark_group("modes");
    group.sample_size(10);
    for n in [2048, 1_000_000] {
        let x = record(n);
        for order in [None, Some(6)] {
            let options = ModesOptions {
                order,
                detrend: Detrend::None,
                ..ModesOptions::default()
            };
            let name = match order {
                Some(order) => format!("{n} samples, order {order}"),
                None => format!("{n} samples, order chosen"),
            };
            group.bench_function(name, |b| {
                b.iter(|| modes(&x, 0.0, 1e-3, &options, &quiet).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
