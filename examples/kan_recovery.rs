//! Which textbook formulas the KAN finds in data made from them: the table of docs/kan.md.
//!
//! `cargo run --release -p nis-core --no-default-features --example kan_recovery [rows] [starts] [name]`
//!
//! Every formula is sampled without noise, uniformly over the ranges below; a fifth of the rows is held out and judges.
//! "Recovered" means that the formula read agrees with the true one to 1e-6 of the target's standard deviation on new
//! points; otherwise its error there is shown. Random labels come last.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use nis_core::kan::{DiscoverOptions, Discovery, Library, Named, Structure, discover};
use nis_core::telemetry::Progress;

struct Case {
    name: &'static str,
    text: &'static str,
    names: &'static [&'static str],
    ranges: &'static [[f64; 2]],
    truth: fn(&[f64]) -> f64,
}

const PI: f64 = std::f64::consts::PI;

const CASES: &[Case] = &[
    Case {
        name: "toy",
        text: "exp(sin(pi x) + y^2)",
        names: &["x", "y"],
        ranges: &[[-1.0, 1.0]; 2],
        truth: |v| ((PI * v[0]).sin() + v[1] * v[1]).exp(),
    },
    Case {
        name: "I.6.20",
        text: "exp(-theta^2/(2 sigma^2))/sqrt(2 pi sigma^2)",
        names: &["theta", "sigma"],
        ranges: &[[-1.0, 1.0], [0.5, 2.0]],
        truth: |v| (-0.5 * (v[0] / v[1]).powi(2)).exp() / (2.0 * PI * v[1] * v[1]).sqrt(),
    },
    Case {
        name: "I.9.18",
        text: "a/((b - 1)^2 + (c - d)^2 + (e - f)^2)",
        names: &["a", "b", "c", "d", "e", "f"],
        ranges: &[
            [0.5, 1.5],
            [2.0, 3.0],
            [0.0, 1.0],
            [0.0, 1.0],
            [0.0, 1.0],
            [0.0, 1.0],
        ],
        truth: |v| v[0] / ((v[1] - 1.0).powi(2) + (v[2] - v[3]).powi(2) + (v[4] - v[5]).powi(2)),
    },
    Case {
        name: "I.12.11",
        text: "1 + a sin(theta)",
        names: &["a", "theta"],
        ranges: &[[0.0, 2.0], [0.0, 2.0 * PI]],
        truth: |v| 1.0 + v[0] * v[1].sin(),
    },
    Case {
        name: "I.15.3x",
        text: "(1 - a)/sqrt(1 - b^2)",
        names: &["a", "b"],
        ranges: &[[0.0, 0.9], [0.0, 0.9]],
        truth: |v| (1.0 - v[0]) / (1.0 - v[1] * v[1]).sqrt(),
    },
    Case {
        name: "I.26.2",
        text: "arcsin(n sin(theta))",
        names: &["n", "theta"],
        ranges: &[[0.0, 0.99], [0.0, 0.5 * PI]],
        truth: |v| (v[0] * v[1].sin()).asin(),
    },
    Case {
        name: "I.27.6",
        text: "1/(1 + a b)",
        names: &["a", "b"],
        ranges: &[[0.5, 2.0], [0.5, 2.0]],
        truth: |v| 1.0 / (1.0 + v[0] * v[1]),
    },
    Case {
        name: "I.30.3",
        text: "sin(n theta/2)^2/sin(theta/2)^2",
        names: &["n", "theta"],
        ranges: &[[0.0, 4.0], [0.4 * PI, 1.6 * PI]],
        truth: |v| ((0.5 * v[0] * v[1]).sin() / (0.5 * v[1]).sin()).powi(2),
    },
    Case {
        name: "I.40.1",
        text: "n exp(-a)",
        names: &["n", "a"],
        ranges: &[[0.5, 2.0], [-1.0, 1.0]],
        truth: |v| v[0] * (-v[1]).exp(),
    },
    Case {
        name: "II.6.15a",
        text: "c sqrt(a^2 + b^2)/(4 pi)",
        names: &["a", "b", "c"],
        ranges: &[[0.5, 1.5], [0.5, 1.5], [0.5, 1.5]],
        truth: |v| v[2] * v[0].hypot(v[1]) / (4.0 * PI),
    },
    Case {
        name: "III.17.37",
        text: "beta (1 + alpha cos(theta))",
        names: &["alpha", "beta", "theta"],
        ranges: &[[0.0, 1.0], [0.5, 2.0], [0.0, 2.0 * PI]],
        truth: |v| v[1] * (1.0 + v[0] * v[2].cos()),
    },
    Case {
        name: "random labels",
        text: "none",
        names: &["a", "b"],
        ranges: &[[-1.0, 1.0]; 2],
        truth: |_| 0.0,
    },
];

/// Deviates in (-1, 1) by xorshift64* (Vigna, ACM Trans. Math. Softw. 42 (2016) 30).
struct Random(u64);

impl Random {
    fn within(&mut self, [from, to]: [f64; 2]) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let unit = (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64;
        from + (to - from) * unit
    }
}

fn points(case: &Case, rows: usize, random: &mut Random) -> Vec<Vec<f64>> {
    (0..rows)
        .map(|_| case.ranges.iter().map(|r| random.within(*r)).collect())
        .collect()
}

fn search(case: &Case, rows: usize, starts: usize) -> Discovery {
    let mut random = Random(42);
    let x = points(case, rows, &mut random);
    let y: Vec<f64> = match case.text {
        "none" => (0..rows).map(|_| random.within([-1.0, 1.0])).collect(),
        _ => x.iter().map(|v| (case.truth)(v)).collect(),
    };
    let columns: Vec<Vec<f64>> = (0..case.names.len())
        .map(|i| x.iter().map(|v| v[i]).collect())
        .collect();
    let inputs: Vec<Named<'_>> = case
        .names
        .iter()
        .zip(&columns)
        .map(|(name, values)| Named { name, values })
        .collect();
    let mut options = DiscoverOptions {
        starts,
        ..DiscoverOptions::default()
    };
    if case.name == "I.9.18" {
        // Of the shape of the law: two products of coordinates, and their sum beside a in a product.
        options.structures = vec![Structure {
            widths: vec![6, 4, 1, 1],
            products: vec![vec![2, 2], vec![2]],
            ..Structure::default()
        }];
    }
    discover(
        &inputs,
        Named {
            name: "target",
            values: &y,
        },
        &Library::default(),
        &options,
        &Progress::none(),
    )
    .unwrap()
}

/// Root mean square difference from the true formula on new points, in standard deviations of the target.
fn distance(case: &Case, found: &Discovery) -> Option<f64> {
    let program = found.formula.expr.as_ref()?.compile(case.names).ok()?;
    let fresh = points(case, 500, &mut Random(7));
    let truth: Vec<f64> = fresh.iter().map(|v| (case.truth)(v)).collect();
    let n = truth.len() as f64;
    let mean = truth.iter().sum::<f64>() / n;
    let total: f64 = truth.iter().map(|t| (t - mean).powi(2)).sum();
    let off: f64 = fresh
        .iter()
        .zip(&truth)
        .map(|(v, t)| (program.evaluate_point(v) - t).powi(2))
        .sum();
    Some((off / total).sqrt())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |k: usize, default: usize| {
        arguments
            .get(k)
            .and_then(|a| a.parse().ok())
            .unwrap_or(default)
    };
    let (rows, starts) = (number(0, 500), number(1, 4));
    println!("| law | truth | found | error on new points | networks tried | s |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for case in CASES
        .iter()
        .filter(|c| arguments.get(2).is_none_or(|name| c.name == name))
    {
        let clock = Instant::now();
        let found = search(case, rows, starts);
        let seconds = clock.elapsed().as_secs_f64();
        let text = match &found.formula.formula {
            Some(text) => format!("`{text}`"),
            None => found.formula.reason.clone(),
        };
        let error = match distance(case, &found) {
            Some(off) if off <= 1e-6 => "recovered".to_string(),
            Some(off) => format!("{off:.1e}"),
            None => "-".into(),
        };
        println!(
            "| {} | `{}` | {text} | {error} | {} | {seconds:.1} |",
            case.name,
            case.text,
            found.attempts.len()
        );
        if std::env::var_os("NIS_ATTEMPTS").is_some() {
            for attempt in &found.attempts {
                println!("    {attempt:?}");
            }
        }
    }
}
