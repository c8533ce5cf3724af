//! Training the toy of the KAN paper, exp(sin(pi x) + y^2) from 1000 rows, by `Kan::fit`, one thread. Run with
//! `cargo bench -p nis-benches --bench kan_train`.
#![allow(clippy::unwrap_used)] // a bench that cannot run shall stop

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use nis_core::kan::{FitOptions, Kan};
use nis_core::telemetry::Progress;

/// Numbers in [-1, 1) that fill the square evenly (the additive recurrence of Roberts, 2018).
fn rows(count: u32) -> (Vec<f64>, Vec<f64>) {
    let along = |i: u32, step: f64| 2.0 * (f64::from(i) * step).fract() - 1.0;
    let x: Vec<f64> = (1..=count)
        .flat_map(|i| {
            [
                along(i, 0.754_877_666_246_692_8),
                along(i, 0.569_840_290_998_053_2),
            ]
        })
        .collect();
    let y = x
        .chunks(2)
        .map(|x| ((std::f64::consts::PI * x[0]).sin() + x[1] * x[1]).exp())
        .collect();
    (x, y)
}

fn toy(c: &mut Criterion) {
    let (x, y) = rows(1000);
    let mut group = c.benchmark_group("kan_train");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for (order, grids) in [(3, vec![3, 5, 10, 20]), (5, vec![3, 6, 10])] {
        let net = Kan::new(&[2, 5, 1], 3, order, 0).unwrap();
        let options = FitOptions {
            grids,
            ..FitOptions::default()
        };
        group.bench_function(format!("toy_order_{order}"), |b| {
            b.iter(|| {
                let mut net = net.clone();
                net.fit(&x, &y, &options, &Progress::none()).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, toy);
criterion_main!(benches);
