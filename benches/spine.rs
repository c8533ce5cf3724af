//! Benches of the engines of the spine, one thread. Run with `make bench`.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use nis_core::expr::Expr;
use nis_core::kan::{LawOptions, Named, learn_law};
use nis_core::laplace::{Detrend, ModesOptions, modes};
use nis_core::pinn::{FitOptions, OdeSystem, fit_ode};
use nis_core::pipeline::{AnalyzeOptions, Dataset, analyze};
use nis_core::telemetry::Progress;

const LOTKA_VOLTERRA: &str = "hare' = a*hare - b*hare*lynx; lynx' = -c*lynx + d*hare*lynx";

fn data(name: &str) -> nis_core::Result<Dataset> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    Dataset::from_csv_path(&folder.join(name))
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

fn engines(c: &mut Criterion) {
    let none = Progress::none();
    let signal: Vec<f64> = (0..2048)
        .map(|i| {
            let t = f64::from(i) * 1e-3;
            [(50.0f64, 2.0f64), (53.0, 3.0), (120.0, 5.0)]
                .iter()
                .map(|(f, a)| (-a * t).exp() * (std::f64::consts::TAU * f * t).sin())
                .sum()
        })
        .collect();
    let options = ModesOptions {
        detrend: Detrend::None,
        ..ModesOptions::default()
    };
    bench(c, "laplace/modes of 2048 samples, 3 modes", || {
        modes(black_box(&signal), 0.0, 1e-3, &options, &none).map(|_| ())
    });
    bench(c, "expr/evaluate exp(sin(pi*x)+y^2) at 1e5 points", || {
        let program = Expr::parse("exp(sin(pi*x)+y^2)")?.compile(&["x", "y"])?;
        let x: Vec<f64> = (0..100_000).map(|i| f64::from(i) * 1e-5).collect();
        let mut out = vec![0.0; x.len()];
        program.evaluate(&[&x, &x], &mut out)
    });
    bench(c, "kan/law of the planets", || {
        let table = data("planets.csv")?;
        let (axis, period) = (
            table.column("semi_major_axis_gm")?,
            table.column("orbital_period_d")?,
        );
        let input = [Named {
            name: &axis.name,
            values: &axis.values,
        }];
        let target = Named {
            name: &period.name,
            values: &period.values,
        };
        learn_law(&input, target, &LawOptions::default(), &none).map(|_| ())
    });
    bench(c, "pinn/Lotka-Volterra on hare and lynx", || {
        let table = data("hare_lynx.csv")?;
        let system = OdeSystem::parse(LOTKA_VOLTERRA)?;
        let observed = [
            ("hare", table.column("hare")?.values.as_slice()),
            ("lynx", table.column("lynx")?.values.as_slice()),
        ];
        let t = &table.column("year")?.values;
        fit_ode(&system, t, &observed, &FitOptions::default(), &none).map(|_| ())
    });
}

fn analyses(c: &mut Criterion) {
    let plain = AnalyzeOptions::default();
    let law = AnalyzeOptions {
        law: true,
        ..AnalyzeOptions::default()
    };
    let equation = AnalyzeOptions {
        equation: Some(LOTKA_VOLTERRA.into()),
        ..AnalyzeOptions::default()
    };
    for (name, options) in [
        ("sunspots.csv", plain),
        ("planets.csv", law),
        ("hare_lynx.csv", equation),
    ] {
        bench(c, &format!("pipeline/{name}"), || {
            analyze(&data(name)?, &options, &Progress::none()).map(|_| ())
        });
    }
}

criterion_group! {
    name = spine;
    config = Criterion::default().sample_size(10);
    targets = engines, analyses
}
criterion_main!(spine);
