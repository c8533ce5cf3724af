//! Benches of the inverse Laplace transform, one thread: 100 times from 0.05 to 9.95. Run with
//! `cargo bench -p nis-benches --bench inverse`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nis_core::expr::Expr;
use nis_core::laplace::inverse::{InvertOptions, Method, Pointwise, invert, invert_formula};
use nis_core::telemetry::Progress;

fn inverse(c: &mut Criterion) {
    let none = Progress::none();
    let t: Vec<f64> = (0..100).map(|k| 0.05 + 0.1 * f64::from(k)).collect();
    let mut group = c.benchmark_group("inverse");
    group.throughput(Throughput::Elements(t.len() as u64));
    for (name, method) in [
        ("auto", Method::Auto),
        ("talbot", Method::Talbot),
        ("de_hoog", Method::DeHoog),
        ("euler", Method::Euler),
        ("weeks", Method::Weeks),
        ("cme", Method::Cme),
        ("rational", Method::Rational),
    ] {
        // As the peers are told where the singularities are.
        let abscissa = (method != Method::Auto).then_some(0.0);
        let options = InvertOptions {
            method,
            abscissa,
            ..InvertOptions::default()
        };
        let mut f = Pointwise(|s: num_complex::Complex64| 1.0 / (s + 1.0));
        group.bench_function(format!("{name} 1/(s+1)"), |b| {
            b.iter(|| black_box(invert(&mut f, &t, &options, &none).is_ok()));
        });
    }
    for text in [
        "1/(s+1)",
        "s/(s^2+100)",
        "1/sqrt(s)",
        "exp(-2*sqrt(s))/s",
        "1/sqrt(s^2+1)",
        "exp(-s)/s",
        "1/(s*(1+exp(-s)))",
    ] {
        let Ok(e) = Expr::parse(text) else {
            eprintln!("{text}: not measured: no formula");
            continue;
        };
        let options = InvertOptions::default();
        group.bench_function(format!("auto formula {text}"), |b| {
            b.iter(|| black_box(invert_formula(&e, &t, &options, &none).is_ok()));
        });
    }
    group.finish();
}

criterion_group!(benches, inverse);
criterion_main!(benches);
