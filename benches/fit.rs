//! Benches of the rational fit of frequency data, one thread. Run with `cargo bench -p nis-benches --bench fit`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use nis_core::laplace::fit::{FitOptions, FrequencyData, fit_response, on_axis};
use nis_core::laplace::{PoleResidue, Term};
use nis_core::telemetry::Progress;
use num_complex::Complex64;

/// Numbers in (-1, 1) from a seed (splitmix64).
fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    2.0 * ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 - 1.0
}

/// Scattering-like data of `ports` ports and `poles` poles between 1 and 10, with noise of 1e-4.
fn network(ports: usize, poles: usize, points: usize) -> (Vec<Complex64>, Vec<Complex64>) {
    let mut state = 7;
    let cells = ports * ports;
    let pairs = poles / 2;
    let terms = (0..pairs)
        .map(|i| {
            let b = 1.0 + 9.0 * (i as f64 + 0.5 + 0.3 * random(&mut state)) / pairs as f64;
            let a = -b * (0.01 + 0.01 * random(&mut state).abs());
            Term {
                pole: Complex64::new(a, b),
                power: 1,
                residue: (0..cells)
                    .map(|_| Complex64::new(random(&mut state), random(&mut state)) * a.abs())
                    .collect(),
            }
        })
        .collect();
    let system = PoleResidue {
        outputs: ports,
        inputs: ports,
        terms,
        direct: vec![0.1; cells],
        linear: Vec::new(),
    };
    let omega: Vec<f64> = (0..points)
        .map(|k| 0.5 + 10.5 * k as f64 / points as f64)
        .collect();
    let s = on_axis(&omega);
    let h = s
        .iter()
        .flat_map(|s| system.evaluate(*s))
        .map(|h| h + 1e-4 * Complex64::new(random(&mut state), random(&mut state)))
        .collect();
    (s, h)
}

fn fits(c: &mut Criterion) {
    for (name, ports, poles, points) in [
        ("laplace/fit of 1 port, 20 poles, 500 points", 1, 20, 500),
        (
            "laplace/fit of 4 ports, 200 poles, 1000 points",
            4,
            200,
            1000,
        ),
    ] {
        let (s, h) = network(ports, poles, points);
        let options = FitOptions {
            order: Some(poles),
            ..FitOptions::default()
        };
        let work = || {
            let data = FrequencyData {
                s: black_box(&s),
                outputs: ports,
                inputs: ports,
                response: &h,
                weights: None,
            };
            fit_response(&data, &options, &Progress::none())
        };
        match work() {
            Ok(found) => {
                eprintln!(
                    "{name}: rms {:.3e}, noise {:.3e}, {} relocations, {} steps, converged {}",
                    found.rms,
                    found.noise_std.unwrap_or(f64::NAN),
                    found.relocations,
                    found.polish_steps,
                    found.converged
                );
                c.bench_function(name, |b| b.iter(|| black_box(work().is_ok())));
            }
            Err(e) => eprintln!("{name}: not measured: {e}"),
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5));
    targets = fits
}
criterion_main!(benches);
