//! The forward Laplace transform: plans, lines, arbitrary points.

#![allow(clippy::unwrap_used)] // a bench that cannot run shall stop

use criterion::{Criterion, criterion_group, criterion_main};
use nis_core::laplace::forward::{Line, LinePlan, Quadrature, TransformOptions, transform};
use nis_core::telemetry::Progress;
use num_complex::Complex64;

fn signal(n: usize) -> Vec<f64> {
    (0..n)
        .map(|i| ((i * i) as f64 * 1e-3).sin() + (i as f64 * 0.3).cos())
        .collect()
}

fn forward(c: &mut Criterion) {
    let quiet = Progress::none();
    for threads in [1, 2] {
        let options = TransformOptions {
            quadrature: Quadrature::Rectangle,
            threads,
            ..TransformOptions::default()
        };
        let spline = TransformOptions {
            quadrature: Quadrature::Spline,
            ..options.clone()
        };
        for (n, count) in [(4096, 256), (1_000_000, 65_536)] {
            let x = signal(n);
            let line = Line {
                sigma: 0.1,
                omega0: 10.0,
                step: 0.01,
                count,
            };
            let name = |what: &str| format!("line {n} x {count}, {threads} threads: {what}");
            let mut group = c.benchmark_group("forward");
            group.sample_size(10);
            group.bench_function(name("plan"), |b| {
                b.iter(|| LinePlan::new(n, 0.0, 1e-3, line, options.clone()).unwrap());
            });
            let plan = LinePlan::new(n, 0.0, 1e-3, line, options.clone()).unwrap();
            group.bench_function(name("rectangle"), |b| {
                b.iter(|| plan.transform(&x, &quiet).unwrap());
            });
            let plan = LinePlan::new(n, 0.0, 1e-3, line, spline.clone()).unwrap();
            group.bench_function(name("spline"), |b| {
                b.iter(|| plan.transform(&x, &quiet).unwrap());
            });
        }
        let x = signal(1_000_000);
        let s: Vec<Complex64> = (0..256)
            .map(|k| Complex64::new(0.1 + 0.001 * k as f64, 1.7 * k as f64))
            .collect();
        let mut group = c.benchmark_group("forward");
        group.sample_size(10);
        group.bench_function(format!("points 1000000 x 256, {threads} threads"), |b| {
            b.iter(|| transform(&x, 0.0, 1e-3, &s, &options, &quiet).unwrap());
        });
    }
}

criterion_group!(benches, forward);
criterion_main!(benches);
