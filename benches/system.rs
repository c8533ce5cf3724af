//! Benches of linear systems, one thread: 20th order Bode and step, reduction of order 60.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use nis_core::laplace::PoleResidue;
use nis_core::laplace::system::{Hold, Prepared, ReduceOptions, System};
use nis_core::telemetry::Progress;
use num_complex::Complex64;

/// `pairs` pairs of poles with damping ratios of 2 to 10 % over two decades.
fn system(pairs: u32) -> nis_core::Result<PoleResidue> {
    let (mut poles, mut residues) = (Vec::new(), Vec::new());
    for k in 0..pairs {
        let x = f64::from(k) / f64::from(pairs);
        let w = 10f64.powf(2.0 * x);
        let p = Complex64::new(-w * (0.02 + 0.08 * x), w);
        let r = Complex64::new(1.0 - x, 0.5 + (7.0 * x).sin());
        poles.extend([p, p.conj()]);
        residues.extend([r, r.conj()]);
    }
    PoleResidue::from_pairs(&poles, &residues, 0.1)
}

/// A bench that cannot run is left out with the reason, not counted as a time.
fn bench(c: &mut Criterion, name: &str, mut work: impl FnMut() -> nis_core::Result<()>) {
    match work() {
        Ok(()) => {
            c.bench_function(name, |b| b.iter(|| black_box(work().is_ok())));
        }
        Err(e) => eprintln!("{name}: not measured: {e}"),
    }
}

fn systems(c: &mut Criterion) {
    let none = Progress::none();
    let (small, large) = match (system(10), system(30)) {
        (Ok(small), Ok(large)) => (small, large),
        (Err(e), _) | (_, Err(e)) => return eprintln!("not measured: {e}"),
    };
    let omega: Vec<f64> = (0..1000)
        .map(|k| 0.1 * 10f64.powf(0.004 * f64::from(k)))
        .collect();
    let t: Vec<f64> = (0..1000).map(|k| 0.005 * f64::from(k)).collect();
    let u: Vec<f64> = t.iter().map(|t| (3.0 * t).sin()).collect();
    bench(c, "system/pole-residue, order 20: H at 1000", || {
        small.frequency_response(black_box(&omega)).map(|_| ())
    });
    bench(c, "system/pole-residue, order 20: Bode at 1000", || {
        small.frequency_response(black_box(&omega)).map(|h| {
            black_box(h.bode());
        })
    });
    bench(c, "system/pole-residue, order 20: step at 1000", || {
        small.step(black_box(&t)).map(|_| ())
    });
    bench(c, "system/pole-residue, order 20: impulse at 1000", || {
        small.impulse(black_box(&t)).map(|_| ())
    });
    bench(c, "system/pole-residue, order 20: simulate 1000", || {
        small.simulate(black_box(&t), &u, Hold::First).map(|_| ())
    });
    if let Ok(matrices) = small.to_state_space() {
        bench(c, "system/state space, order 20: Bode at 1000", || {
            matrices.frequency_response(black_box(&omega)).map(|h| {
                black_box(h.bode());
            })
        });
        let prepared = Prepared::new(matrices.clone());
        bench(c, "system/state space, order 20: Bode, prepared", || {
            let h = prepared.frequency_response(black_box(&omega), &none)?;
            black_box(h.bode());
            Ok(())
        });
        bench(c, "system/state space, order 20: step at 1000", || {
            matrices.step(black_box(&t)).map(|_| ())
        });
        bench(c, "system/state space, order 20: to pole-residue", || {
            matrices.to_pole_residue(1e-9).map(|_| ())
        });
        bench(c, "system/order 20: margins", || {
            System::from(small.clone()).margins(&none).map(|_| ())
        });
    }
    let large = System::from(large);
    bench(c, "system/order 60: balanced truncation to 20", || {
        let options = ReduceOptions {
            order: Some(20),
            ..ReduceOptions::default()
        };
        large.reduce(black_box(&options), &none).map(|_| ())
    });
}

criterion_group! {
    name = system_benches;
    config = Criterion::default().sample_size(20);
    targets = systems
}
criterion_main!(system_benches);
