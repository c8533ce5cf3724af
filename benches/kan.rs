//! Benches of running Kolmogorov-Arnold networks, in 32 bits unless said: outputs, derivatives with respect to the
//! inputs, and a training step. Run with `cargo bench -p nis-benches --bench kan`.
//!
//! Networks as in the peers' bench (benches/peers/kan.py): cubic splines on 5 cells with SiLU as base function. Times
//! are per call; divide the rows by them.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nis_core::Result;
use nis_core::kan::run::{Batch, Room, Scratch};
use nis_core::kan::{Base, Kan, Predictor, Structure};
use nis_core::telemetry::Progress;

/// Numbers in (-1, 1) from a seed (splitmix64).
fn random(count: usize) -> Vec<f32> {
    let mut state = 7u64;
    (0..count)
        .map(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            2.0 * ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32 - 1.0
        })
        .collect()
}

fn network(widths: &[usize]) -> Result<Kan> {
    Kan::of(&Structure {
        widths: widths.to_vec(),
        base: Base::Silu,
        ..Structure::default()
    })
}

fn outputs(c: &mut Criterion) -> Result<()> {
    for widths in [vec![64, 64, 64, 10], vec![2, 5, 1]] {
        let net = network(&widths)?;
        let fast = Predictor::<f32>::new(&net)?;
        eprintln!("{widths:?}: path {:?}", fast.path());
        for rows in [1usize, 256, 65_536] {
            let x = random(rows * fast.inputs());
            let mut y = vec![0.0; rows * fast.outputs()];
            let mut group = c.benchmark_group(format!("kan/outputs of {widths:?}"));
            group.throughput(Throughput::Elements(rows as u64));
            let mut room = Room::default();
            group.bench_function(format!("{rows} rows, 1 thread"), |b| {
                b.iter(|| fast.predict_with(black_box(&x), &mut y, &mut room).is_ok());
            });
            if rows == 65_536 {
                group.bench_function(format!("{rows} rows, 2 threads"), |b| {
                    b.iter(|| {
                        fast.predict_on(black_box(&x), &mut y, 2, &Progress::none())
                            .is_ok()
                    });
                });
                let wide = Predictor::<f64>::new(&net)?;
                let x: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
                let mut y = vec![0.0; y.len()];
                group.bench_function(format!("{rows} rows, 1 thread, 64 bits"), |b| {
                    b.iter(|| wide.predict_into(black_box(&x), &mut y).is_ok());
                });
            }
        }
    }
    Ok(())
}

fn derivatives(c: &mut Criterion) -> Result<()> {
    let fast = Predictor::<f64>::new(&network(&[2, 5, 1])?)?;
    let x: Vec<f64> = random(2 * 1024).iter().map(|v| f64::from(*v)).collect();
    let (mut first, mut second) = (vec![0.0; 2 * 1024], vec![0.0; 4 * 1024]);
    let mut group = c.benchmark_group("kan/derivatives of [2, 5, 1]");
    group.throughput(Throughput::Elements(1024));
    group.bench_function("first, 1024 rows, 64 bits", |b| {
        b.iter(|| fast.jacobian_into(black_box(&x), &mut first).is_ok());
    });
    group.bench_function("first and second, 1024 rows, 64 bits", |b| {
        b.iter(|| {
            fast.hessian_into(black_box(&x), &mut first, &mut second)
                .is_ok()
        });
    });
    Ok(())
}

/// Moments of Adam.
struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    step: i32,
}

impl Adam {
    /// Kingma and Ba, "Adam" (2015), algorithm 1.
    fn update(&mut self, weights: &mut [f32], gradient: &[f32]) {
        self.step += 1;
        let (b1, b2) = (0.9f32, 0.999f32);
        let (c1, c2) = (1.0 - b1.powi(self.step), 1.0 - b2.powi(self.step));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((w, g), (m, v)) in weights.iter_mut().zip(gradient).zip(moments) {
            *m = b1 * *m + (1.0 - b1) * g;
            *v = b2 * *v + (1.0 - b2) * g * g;
            *w -= 1e-3 * (*m / c1) / ((*v / c2).sqrt() + 1e-8);
        }
    }
}

/// Forward, backward and Adam under the squared loss.
fn step(c: &mut Criterion) -> Result<()> {
    let net = network(&[784, 64, 10])?;
    let batch = Batch::<f32>::new(&net)?;
    for rows in [64usize, 1024] {
        let (x, target) = (random(rows * 784), random(rows * 10));
        for threads in [1, 2] {
            let mut weights = batch.pack(&net);
            let mut gradient = vec![0.0; weights.len()];
            let mut adam = Adam {
                first: vec![0.0; weights.len()],
                second: vec![0.0; weights.len()],
                step: 0,
            };
            let mut scratch = Scratch::default();
            let size = rows as f32;
            let loss = |row: usize, y: &[f32], slopes: &mut [f32]| {
                let mut sum = 0.0;
                for ((y, t), slope) in y.iter().zip(&target[row * 10..]).zip(slopes) {
                    *slope = (y - t) / size;
                    sum += 0.5 * f64::from((y - t) * *slope);
                }
                sum
            };
            c.bench_function(
                &format!("kan/step of [784, 64, 10], {rows} rows, {threads} threads"),
                |b| {
                    b.iter(|| {
                        gradient.fill(0.0);
                        let loss = batch.loss_gradient(
                            &weights,
                            black_box(&x),
                            threads,
                            &mut scratch,
                            &loss,
                            &mut gradient,
                        );
                        adam.update(&mut weights, &gradient);
                        loss.unwrap_or(f64::NAN)
                    });
                },
            );
        }
    }
    Ok(())
}

fn all(c: &mut Criterion) {
    for (name, bench) in [
        ("outputs", outputs as fn(&mut Criterion) -> Result<()>),
        ("derivatives", derivatives),
        ("step", step),
    ] {
        if let Err(e) = bench(c) {
            eprintln!("{name}: not measured: {e}");
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).sample_size(20);
    targets = all
}
criterion_main!(benches);
