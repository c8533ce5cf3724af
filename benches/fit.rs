//! Benches of the rational fit of frequency data, one thread. Run with `cargo bench -p nis-benches --bench fit`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use nis_core::laplace::fit::{
    EnforceOptions, FitOptions, FrequencyData, Representation, enforce_passivity, fit_response,
    on_axis, passivity,
};
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

/// A system of `ports` ports and `poles` poles between 1 and 10.
fn system(ports: usize, poles: usize, state: &mut u64) -> PoleResidue {
    let cells = ports * ports;
    let pairs = poles / 2;
    let terms = (0..pairs)
        .map(|i| {
            let b = 1.0 + 9.0 * (i as f64 + 0.5 + 0.3 * random(state)) / pairs as f64;
            let a = -b * (0.01 + 0.01 * random(state).abs());
            Term {
                pole: Complex64::new(a, b),
                power: 1,
                residue: (0..cells)
                    .map(|_| Complex64::new(random(state), random(state)) * a.abs())
                    .collect(),
            }
        })
        .collect();
    PoleResidue {
        outputs: ports,
        inputs: ports,
        terms,
        direct: vec![0.1; cells],
        linear: Vec::new(),
    }
}

/// Responses such a system, with noise of 1e-4.
fn network(ports: usize, poles: usize, points: usize) -> (Vec<Complex64>, Vec<Complex64>) {
    let mut state = 7;
    let system = system(ports, poles, &mut state);
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

/// Test and enforcement for a reciprocal and for another network.
fn passive(c: &mut Criterion) {
    for (name, poles, symmetric) in [
        ("4 ports, 40 poles, reciprocal", 40, true),
        ("4 ports, 40 poles", 40, false),
        ("4 ports, 200 poles, reciprocal", 200, true),
        ("4 ports, 200 poles", 200, false),
    ] {
        let mut system = system(4, poles, &mut 7);
        for t in &mut system.terms {
            for cell in 0..16 {
                t.residue[cell] *= 0.4;
                let mirrored = (cell % 4) * 4 + cell / 4;
                if symmetric && mirrored < cell {
                    t.residue[cell] = t.residue[mirrored];
                }
            }
        }
        let kind = Representation::Scattering;
        let none = Progress::none();
        let options = EnforceOptions::default();
        match enforce_passivity(&system, kind, &options, &none) {
            Ok(done) => {
                eprintln!(
                    "{name}: {} states, {}, {} bands, worst {:.4}; {:?}",
                    done.before.states,
                    done.before.method,
                    done.before.bands.len(),
                    done.before.worst,
                    done.report
                );
                c.bench_function(&format!("laplace/passivity of {name}"), |b| {
                    b.iter(|| black_box(passivity(&system, kind, &none).is_ok()));
                });
                if poles <= 40 || symmetric {
                    c.bench_function(&format!("laplace/enforce passivity of {name}"), |b| {
                        b.iter(|| {
                            black_box(enforce_passivity(&system, kind, &options, &none).is_ok())
                        });
                    });
                }
            }
            Err(e) => eprintln!("{name}: not measured: {e}"),
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5));
    targets = fits, passive
}
criterion_main!(benches);
