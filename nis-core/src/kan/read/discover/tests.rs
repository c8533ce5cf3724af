//! Laws that are there, and labels that are random.

use super::*;
use crate::optim::Random;

fn columns(inputs: usize, rows: usize, seed: u64, from: f64, to: f64) -> Vec<Vec<f64>> {
    let mut random = Random(seed);
    let middle = 0.5 * (from + to);
    (0..inputs)
        .map(|_| {
            (0..rows)
                .map(|_| middle + 0.5 * (to - from) * random.symmetric())
                .collect()
        })
        .collect()
}

fn search(columns: &[Vec<f64>], y: &[f64], options: &DiscoverOptions) -> Discovery {
    let names = ["a", "b", "c"];
    let inputs: Vec<Named<'_>> = columns
        .iter()
        .zip(names)
        .map(|(values, name)| Named { name, values })
        .collect();
    discover(
        &inputs,
        Named {
            name: "y",
            values: y,
        },
        &Library::default(),
        options,
        &Progress::none(),
    )
    .unwrap()
}

#[test]
fn a_product_is_found_exactly() {
    let x = columns(2, 300, 1, 0.2, 2.0);
    let y: Vec<f64> = (0..300).map(|r| 1.0 + x[0][r] * x[1][r].sin()).collect();
    let found = search(&x, &y, &DiscoverOptions::default());
    let formula = &found.formula;
    assert!(formula.found, "{found:#?}");
    let program = formula.expr.as_ref().unwrap().compile(&["a", "b"]).unwrap();
    for (a, b) in [(0.3, 1.9), (1.7, 0.4)] {
        let want = 1.0 + a * f64::sin(b);
        assert!(
            (program.evaluate_point(&[a, b]) - want).abs() <= 1e-6,
            "{found:#?}"
        );
    }
}

#[test]
fn random_labels_have_no_law() {
    let mut random = Random(7);
    let x = columns(2, 120, 2, -1.0, 1.0);
    let y: Vec<f64> = (0..120).map(|_| random.normal()).collect();
    let quick = DiscoverOptions {
        starts: 1,
        ..DiscoverOptions::default()
    };
    let found = search(&x, &y, &quick);
    assert!(
        !found.formula.found && found.formula.reason.contains("no law"),
        "{found:#?}"
    );
    let flat = search(&x, &[1.0; 120], &quick);
    assert!(!flat.formula.found);
}

#[test]
fn bad_columns_are_refused() {
    let x = columns(2, 30, 2, -1.0, 1.0);
    let y = x[0].clone();
    let run = |x: &[Vec<f64>], y: &[f64], options: &DiscoverOptions| {
        let inputs: Vec<Named<'_>> = x
            .iter()
            .zip(["a", "b"])
            .map(|(values, name)| Named { name, values })
            .collect();
        let target = Named {
            name: "y",
            values: y,
        };
        let error = discover(
            &inputs,
            target,
            &Library::default(),
            options,
            &Progress::none(),
        )
        .unwrap_err();
        error.field().unwrap().to_string()
    };
    let d = DiscoverOptions::default();
    assert_eq!(run(&[], &y, &d), "inputs");
    assert_eq!(run(&x, &y[..19], &d), "rows");
    assert_eq!(run(&x, &[0.5; 29], &d), "a");
    let mut gap = x.clone();
    gap[1][3] = f64::INFINITY;
    assert_eq!(run(&gap, &y, &d), "b[3]");
    assert_eq!(
        run(
            &x,
            &y,
            &DiscoverOptions {
                starts: 0,
                ..d.clone()
            }
        ),
        "starts, iterations, rows"
    );
    let other = Structure {
        widths: vec![3, 1],
        ..Structure::default()
    };
    assert_eq!(
        run(
            &x,
            &y,
            &DiscoverOptions {
                structures: vec![other],
                ..d
            }
        ),
        "structures"
    );
}
