//! Models of data in many scales.

use super::*;
use crate::kan::{FormulaOptions, Library, PruneOptions};
use crate::optim::Random;
use crate::telemetry::Progress;

fn fit(x: &[f64], y: &[f64], inputs: usize, outputs: usize) -> Result<Model> {
    Model::fit(
        x,
        y,
        &Names::numbered(inputs, outputs),
        &ModelOptions::default(),
        &Progress::none(),
    )
}

#[test]
fn scales_of_1e300_and_1e_300() {
    for (sx, sy) in [
        (1e300, 1e-300),
        (1e-300, 1e300),
        (1e308, 1e308),
        (5e-324, 1.0),
    ] {
        let steps = 40.0;
        let x: Vec<f64> = (0..=40)
            .map(|i| (f64::from(i) / steps * 2.0 - 1.0) * sx)
            .collect();
        let y: Vec<f64> = (0..=40)
            .map(|i| (f64::from(i) / steps * 2.0 - 1.0).powi(2) * sy)
            .collect();
        // All rows, hardly smoothed: what is tested is the scaling.
        let mut options = ModelOptions::default();
        options.fit.holdout = 0.0;
        options.fit.smoothness = Some(1e-9);
        let names = Names::numbered(1, 1);
        let model = Model::fit(&x, &y, &names, &options, &Progress::none()).unwrap();
        if sx > 1e-320 {
            for (p, y) in model.predict(&x).unwrap().iter().zip(&y) {
                assert!((p - y).abs() <= 2e-3 * sy, "{sx} {sy}: {p} {y}");
            }
        }
    }
}

#[test]
fn an_input_that_does_not_vary_has_no_influence() {
    let mut random = Random(5);
    let x: Vec<f64> = (0..50).flat_map(|_| [random.symmetric(), 7e299]).collect();
    let y: Vec<f64> = x.chunks(2).map(|x| 2.0 * x[0] + 1.0).collect();
    let model = fit(&x, &y, 2, 1).unwrap();
    let here = model.predict(&[0.3, 7e299, 0.3, -1e308]).unwrap();
    assert!((here[0] - 1.6).abs() < 1e-3);
    assert_eq!(here[0], here[1]);
}

#[test]
fn one_row_gives_its_value() {
    let model = fit(&[3.0, 4.0], &[5.0, -6.0], 2, 2).unwrap();
    assert_eq!(model.predict(&[0.0, 1e10]).unwrap(), [5.0, -6.0]);
    assert_eq!(model.rows(), 1);
}

#[test]
fn nan_is_refused_with_row_and_column() {
    let e = fit(&[1.0, 2.0, 3.0, f64::NAN], &[1.0, 2.0], 2, 1).unwrap_err();
    assert_eq!(e.field(), Some("x"));
    assert!(e.to_string().contains("row 1, column 1 (x2)"), "{e}");
    let e = fit(&[1.0, 2.0], &[1.0, f64::INFINITY], 1, 1).unwrap_err();
    assert!(e.to_string().contains("row 1, column 0 (y)"), "{e}");
    let model = fit(&[1.0, 2.0], &[1.0, 2.0], 1, 1).unwrap();
    let e = model.predict(&[1.0, f64::NAN]).unwrap_err();
    assert!(e.to_string().contains("row 1"), "{e}");
    assert!(model.predict(&[]).unwrap().is_empty());
    assert!(fit(&[], &[], 1, 1).is_err());
    assert!(fit(&[1.0, 2.0], &[1.0], 1, 1).is_err());
}

#[test]
fn derivatives_agree_with_differences_in_the_units_of_the_data() {
    let mut random = Random(2);
    let x: Vec<f64> = (0..300)
        .flat_map(|_| [1e5 * random.symmetric(), 3.0 + 1e-3 * random.symmetric()])
        .collect();
    let y: Vec<f64> = x
        .chunks(2)
        .flat_map(|x| [(x[0] / 1e5).sin(), x[1] * x[0]])
        .collect();
    let model = fit(&x, &y, 2, 2).unwrap();
    let at = [2e4, 3.0002];
    let jacobian = model.jacobian(&at).unwrap();
    for (i, h) in [1.0, 1e-8].into_iter().enumerate() {
        let (mut up, mut down) = (at, at);
        up[i] += h;
        down[i] -= h;
        let (up, down) = (model.predict(&up).unwrap(), model.predict(&down).unwrap());
        for o in 0..2 {
            let numeric = (up[o] - down[o]) / (2.0 * h);
            let exact = jacobian[2 * o + i];
            // Predictions are rounded in units of their size and of the output's scale.
            let rounding = f64::EPSILON * (up[o].abs() + model.outputs()[o].scale) / h;
            assert!(
                (numeric - exact).abs() <= 1e-5 * exact.abs() + 16.0 * rounding,
                "{o} {i}: {numeric} {exact}"
            );
        }
    }
}

#[test]
fn two_classes_that_a_circle_divides() {
    let mut random = Random(11);
    let x: Vec<f64> = (0..800).map(|_| 2.0 * random.symmetric()).collect();
    let inside = |x: &[f64]| if x[0].hypot(x[1]) < 1.3 { 1.0 } else { 0.0 };
    let y: Vec<f64> = x.chunks(2).map(inside).collect();
    let options = ModelOptions {
        task: Task::Classification {
            classes: vec!["out".into(), "in".into()],
        },
        ..ModelOptions::default()
    };
    let names = Names::numbered(2, 0);
    let model = Model::fit(&x, &y, &names, &options, &Progress::none()).unwrap();
    let right = model
        .predict(&x)
        .unwrap()
        .iter()
        .zip(&y)
        .filter(|(a, b)| a == b)
        .count();
    assert!(right >= 388, "{right} of 400");
    for p in model.predict_proba(&x).unwrap().chunks(2) {
        assert!((p[0] + p[1] - 1.0).abs() <= 1e-12);
    }
    let e = Model::fit(&x, &[2.0; 400], &names, &options, &Progress::none()).unwrap_err();
    assert!(e.to_string().contains("row 0"), "{e}");
}

#[test]
fn one_class_and_no_varying_input() {
    let one = ModelOptions {
        task: Task::Classification {
            classes: vec!["only".into()],
        },
        ..ModelOptions::default()
    };
    let names = Names::numbered(1, 0);
    let model = Model::fit(&[1.0, 2.0], &[0.0, 0.0], &names, &one, &Progress::none()).unwrap();
    assert_eq!(model.predict_proba(&[9.0]).unwrap(), [1.0]);
    let two = ModelOptions {
        task: Task::Classification {
            classes: vec!["a".into(), "b".into()],
        },
        ..ModelOptions::default()
    };
    let model = Model::fit(
        &[1.0; 4],
        &[0.0, 1.0, 1.0, 1.0],
        &names,
        &two,
        &Progress::none(),
    )
    .unwrap();
    // (1 + 0.5) / (1 + 3 + 2 * 0.5)
    assert!((model.predict_proba(&[1.0]).unwrap()[0] - 0.3).abs() < 1e-12);
}

#[test]
fn the_structure_follows_the_rows() {
    let options = ModelOptions::default();
    assert_eq!(options.hidden_for(59, 2, 1), Vec::<usize>::new());
    assert_eq!(options.hidden_for(1000, 2, 1), [5]);
    // 100 rows allow 50 parameters: 2 nodes of 3 edges of 8.
    assert_eq!(options.hidden_for(100, 2, 1), [2]);
    assert_eq!(options.hidden_for(1000, 500, 1), Vec::<usize>::new());
    assert_eq!(options.hidden_for(1_000_000, 500, 1), [10]);
    assert_eq!(
        options.hidden_for(usize::MAX, usize::MAX, 1),
        Vec::<usize>::new()
    );
}

#[test]
fn nodes_add_up_from_their_edges() {
    let mut random = Random(4);
    let x: Vec<f64> = (0..400).map(|_| 10.0 * random.symmetric()).collect();
    let y: Vec<f64> = x.chunks(2).map(|x| (x[0] * x[1] / 40.0).sin()).collect();
    let model = fit(&x, &y, 2, 1).unwrap();
    let nodes = model.nodes(&x[..6]).unwrap();
    assert_eq!(nodes.len(), model.net().widths().len());
    let last = nodes.len() - 1;
    let predicted = model.predict(&x[..6]).unwrap();
    for (row, predicted) in predicted.iter().enumerate() {
        for (l, pair) in nodes.windows(2).enumerate() {
            let (a, b) = (model.net().widths()[l], model.net().widths()[l + 1]);
            for o in 0..b {
                let sum: f64 = (0..a)
                    .map(|i| {
                        model
                            .curve(l, i, o, &pair[0][row * a + i..=row * a + i])
                            .unwrap()[0]
                    })
                    .sum();
                assert!((sum - pair[1][row * b + o]).abs() <= 1e-12);
            }
        }
        let restored = model.outputs()[0].restore(nodes[last][row]);
        // The packed network adds in another order.
        assert!(
            (restored - predicted).abs() <= 1e-12,
            "{restored} {predicted}"
        );
    }
    assert!(model.curve(0, 2, 0, &[0.0]).is_err());
    assert!(model.curve(9, 0, 0, &[0.0]).is_err());
}

fn additive(options: &ModelOptions, x: &[f64], y: &[f64]) -> Model {
    let options = ModelOptions {
        hidden: Some(vec![]),
        ..options.clone()
    };
    let names = Names::of(&["length", "height"], &["area"]);
    Model::fit(x, y, &names, &options, &Progress::none()).unwrap()
}

#[test]
fn the_formula_is_in_names_and_units_of_the_data() {
    let mut random = Random(3);
    let x: Vec<f64> = (0..600)
        .map(|i| {
            if i % 2 == 0 {
                5.0 + 4.0 * random.symmetric()
            } else {
                1e3 * random.symmetric()
            }
        })
        .collect();
    let y: Vec<f64> = x.chunks(2).map(|x| x[0] * x[0] + 0.03 * x[1]).collect();
    let model = additive(&ModelOptions::default(), &x, &y);
    let read = model
        .formula(
            &x,
            &y,
            &Library::default(),
            &FormulaOptions::default(),
            &Progress::none(),
        )
        .unwrap();
    assert_eq!(read[0].target, "area");
    assert!(read[0].found, "{}", read[0].reason);
    let program = read[0]
        .expr
        .as_ref()
        .unwrap()
        .compile(&["length", "height"])
        .unwrap();
    for at in [[2.0, -700.0], [8.5, 900.0]] {
        let want = at[0] * at[0] + 0.03 * at[1];
        let got = program.evaluate_point(&at);
        assert!(
            (got - want).abs() <= 1e-6 * want.abs().max(1.0),
            "{got} {want}"
        );
    }
    assert!(
        model
            .formula(
                &x,
                &y[1..],
                &Library::default(),
                &FormulaOptions::default(),
                &Progress::none()
            )
            .is_err()
    );
}

#[test]
fn an_input_without_influence_is_pruned() {
    let mut random = Random(9);
    let x: Vec<f64> = (0..600).map(|_| 7.0 * random.symmetric()).collect();
    let y: Vec<f64> = x.chunks(2).map(|x| x[0] * x[0]).collect();
    let model = additive(&ModelOptions::default(), &x, &y);
    let (pruned, report) = model
        .pruned(&x, &y, &PruneOptions::default(), &Progress::none())
        .unwrap();
    assert_eq!(report.unused_inputs, [1]);
    let both = pruned.predict(&[3.0, -6.0, 3.0, 6.0]).unwrap();
    assert_eq!(both[0], both[1]);
    assert!((both[0] - 9.0).abs() < 0.1, "{both:?}");
    let importance = model.importance(&x).unwrap();
    assert!(importance.nodes[0][0] > 0.99 && importance.nodes[0][1] < 0.01);
}

#[test]
fn intervals_are_in_the_units_of_the_output() {
    let mut random = Random(21);
    // The sum of 12 uniform numbers is close to normal; its variance is 12/3.
    let mut noise = || (0..12).map(|_| random.symmetric()).sum::<f64>() / 2.0;
    let mut rows = |n: usize| {
        let x: Vec<f64> = (0..2 * n)
            .map(|i| ((i * 7919) % 1000) as f64 / 10.0)
            .collect();
        let y: Vec<f64> = x
            .chunks(2)
            .map(|x| 1e6 + 500.0 * (x[0] / 20.0).sin() + 50.0 * noise())
            .collect();
        (x, y)
    };
    let ((x, y), (test_x, test_y)) = (rows(800), rows(4000));
    let model = additive(&ModelOptions::default(), &x, &y);
    let uncertainty = model.laplace(&x, &y).unwrap();
    let intervals = model.intervals(&uncertainty, &test_x, 0.9).unwrap();
    let inside = intervals
        .iter()
        .zip(&test_y)
        .filter(|(i, y)| i.lower <= **y && **y <= i.upper)
        .count();
    let share = inside as f64 / test_y.len() as f64;
    assert!((0.87..=0.93).contains(&share), "{share}");
    let errors = model.standard_errors(&uncertainty, &test_x[..20]).unwrap();
    assert!(errors.iter().all(|e| *e > 0.1 && *e < 50.0), "{errors:?}");
}
