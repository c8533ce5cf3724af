//! Benches of the Taylor-mode kernels: a training step of 3 layers of 20 and of 4 of 50. Run with
//! `cargo bench -p nis-benches --bench pinn`. The same steps as in the peers' bench (benches/peers/pinn.py).

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nis_benches::pinn::{Case, POINTS, Step};
use nis_core::Result;
use nis_core::pinn::network::kernel::Real;

fn step<T: Real>(c: &mut Criterion, name: &str) -> Result<()> {
    for case in Case::ALL {
        let mut group = c.benchmark_group(format!("pinn/step of {}, {name}", case.name()));
        group.throughput(Throughput::Elements(POINTS as u64));
        for threads in [1, 2] {
            let mut step = Step::<T>::new(case, threads)?;
            group.bench_function(format!("{threads} threads"), |b| {
                b.iter(|| step.run().unwrap_or(f64::NAN));
            });
        }
    }
    Ok(())
}

fn all(c: &mut Criterion) {
    if let Err(e) = step::<f64>(c, "64 bits").and_then(|()| step::<f32>(c, "32 bits")) {
        eprintln!("{e}");
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
