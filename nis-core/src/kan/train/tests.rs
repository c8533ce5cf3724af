//! Fits of functions with closed forms, checkpoints, hard data.

use super::*;
use crate::error::{Code, Error};
use crate::optim::Random;
use crate::telemetry::Cancel;

pub(super) fn rows(seed: u64, count: usize, size: f64) -> Vec<f64> {
    let mut random = Random(seed);
    (0..count).map(|_| size * random.symmetric()).collect()
}

fn rmse(net: &Kan, x: &[f64], y: &[f64]) -> f64 {
    let predicted = net.predict(x).unwrap();
    let squares = predicted.iter().zip(y).map(|(a, b)| (a - b) * (a - b));
    (squares.sum::<f64>() / y.len() as f64).sqrt()
}

pub(super) fn toy(x: &[f64]) -> Vec<f64> {
    x.chunks(2)
        .map(|x| ((std::f64::consts::PI * x[0]).sin() + x[1] * x[1]).exp())
        .collect()
}

#[test]
fn the_toy_of_the_kan_paper_by_stages() {
    let (x, fresh) = (rows(7, 2000, 1.0), rows(8, 2000, 1.0));
    let (y, fresh_y) = (toy(&x), toy(&fresh));
    let mut net = Kan::new(&[2, 5, 1], 3, 5, 0).unwrap();
    let options = FitOptions {
        grids: vec![3, 6, 10],
        ..FitOptions::default()
    };
    let report = net.fit(&x, &y, &options, &Progress::none()).unwrap();
    let error = rmse(&net, &fresh, &fresh_y);
    assert!(error <= 1e-4, "{error} {}", report.stop);
    assert_eq!(
        (report.method, report.grid),
        (Method::LevenbergMarquardt, 10)
    );
    assert_eq!(report.holdout_rows.len(), 200);
    let held = report.holdout_error.unwrap();
    assert!((0.2..20.0).contains(&(error / held)), "{error} {held}");
}

/// Feynman I.12.11 `q (Ef + B v sin(theta))` and I.30.3 `I0 sin^2(n theta/2)/sin^2(theta/2)` in the dimensionless
/// forms and ranges of pykan's `feynman.py`, on which plain least squares overfits with finer grids
/// (/work/shared/anchors/kan.md, table (b)): the error on fresh points must not grow with the grid.
#[test]
fn finer_grids_do_no_harm_on_feynman_formulas() {
    let f = |x: &[f64]| 1.0 + x[0] * x[1].sin();
    let g = |x: &[f64]| {
        let half = (0.5 * x[1]).sin();
        (0.5 * x[0] * x[1]).sin().powi(2) / (half * half)
    };
    let scale = |lo: f64, hi: f64, t: f64| lo + 0.5 * (t + 1.0) * (hi - lo);
    type Case<'a> = (&'a dyn Fn(&[f64]) -> f64, [f64; 4]);
    let tau = std::f64::consts::TAU;
    let cases: [Case<'_>; 2] = [
        (&f, [-1.0, 1.0, 0.0, tau]),
        (&g, [0.0, 4.0, 0.2 * tau, 0.8 * tau]),
    ];
    for (case, (f, range)) in cases.iter().enumerate() {
        let noisy = |seed: u64, noise: f64| {
            let x = rows(seed, 1000, 1.0);
            let mut random = Random(seed + 1000);
            let y: Vec<f64> = x
                .chunks(2)
                .map(|x| {
                    f(&[
                        scale(range[0], range[1], x[0]),
                        scale(range[2], range[3], x[1]),
                    ])
                })
                .map(|y| y + noise * random.normal())
                .collect();
            (x, y)
        };
        // A little noise gives plain least squares something to run after.
        let (x, y) = noisy(1, 0.05);
        let (fresh, fresh_y) = noisy(2, 0.0);
        let error = |grids: &[usize]| {
            let mut net = Kan::new(&[2, 5, 1], grids[0], 3, 0).unwrap();
            let options = FitOptions {
                grids: grids.to_vec(),
                ..FitOptions::default()
            };
            net.fit(&x, &y, &options, &Progress::none()).unwrap();
            rmse(&net, &fresh, &fresh_y)
        };
        let coarse = error(&[5]);
        let fine = error(&[5, 10, 20]);
        let finest = error(&[20]);
        assert!(fine <= 1.3 * coarse, "{case}: {coarse} {fine}");
        assert!(finest <= 2.0 * coarse, "{case}: {coarse} {finest}");
        assert!(coarse <= 0.5, "{case}: {coarse}");
    }
}

#[test]
fn every_method_and_loss_finds_a_simple_function() {
    let x = rows(3, 800, 1.0);
    let y: Vec<f64> = x
        .chunks(2)
        .map(|x| (2.0 * x[0] - x[1] * x[1]).tanh())
        .collect();
    let classes: Vec<f64> = y
        .iter()
        .flat_map(|y| if *y > 0.0 { [1.0, 0.0] } else { [0.0, 1.0] })
        .collect();
    for method in [Method::LevenbergMarquardt, Method::Lbfgs, Method::Adam] {
        for loss in [Loss::Squared, Loss::Huber(0.1), Loss::CrossEntropy] {
            let outputs = if loss == Loss::CrossEntropy { 2 } else { 1 };
            let y = if outputs == 2 { &classes } else { &y };
            let mut net = Kan::new(&[2, 2, outputs], 5, 3, 1).unwrap();
            let options = FitOptions {
                method,
                loss,
                batch: 32,
                learning_rate: 0.02,
                ..FitOptions::default()
            };
            let report = net.fit(&x, y, &options, &Progress::none()).unwrap();
            let error = report.holdout_error.unwrap();
            let most = match (loss, method) {
                (Loss::CrossEntropy, _) => 0.25,
                (_, Method::Adam) => 0.03,
                _ => 0.01,
            };
            assert!(
                error <= most,
                "{method:?} {loss:?}: {error} {}",
                report.stop
            );
        }
    }
}

#[test]
fn huber_shrugs_off_outliers() {
    let x = rows(3, 500, 1.0);
    let clean: Vec<f64> = x.iter().map(|x| x * x).collect();
    let mut y = clean.clone();
    y.iter_mut().step_by(10).for_each(|y| *y += 10.0);
    let error = |loss| {
        let mut net = Kan::new(&[1, 1], 5, 3, 0).unwrap();
        let options = FitOptions {
            loss,
            holdout: 0.0,
            ..FitOptions::default()
        };
        net.fit(&x, &y, &options, &Progress::none()).unwrap();
        rmse(&net, &x, &clean)
    };
    let (squared, huber) = (error(Loss::Squared), error(Loss::Huber(0.02)));
    assert!(huber <= 0.02 && squared >= 0.5, "{huber} {squared}");
}

#[test]
fn sparsity_silences_an_idle_input() {
    let x = rows(3, 1000, 1.0);
    let y: Vec<f64> = x.chunks(2).map(|x| (2.0 * x[0]).sin()).collect();
    let mut random = Random(9);
    let y: Vec<f64> = y.iter().map(|y| y + 0.1 * random.normal()).collect();
    let share = |l1: f64| {
        let mut net = Kan::new(&[2, 2, 1], 5, 3, 0).unwrap();
        let options = FitOptions {
            l1,
            entropy: l1,
            ..FitOptions::default()
        };
        net.fit(&x, &y, &options, &Progress::none()).unwrap();
        let spread = |input: usize| {
            let slopes = x.chunks(2).map(|x| net.jacobian(x).unwrap()[input].abs());
            slopes.sum::<f64>()
        };
        spread(1) / spread(0)
    };
    let (with, without) = (share(3e-3), share(0.0));
    assert!(with <= 0.3 * without && with <= 0.05, "{with} {without}");
}

#[test]
fn a_fit_goes_on_from_any_checkpoint_bit_for_bit() {
    let x = rows(3, 600, 1.0);
    let y = toy(&x);
    for (method, precision) in [
        (Method::LevenbergMarquardt, Precision::F64),
        (Method::Lbfgs, Precision::F64),
        (Method::Adam, Precision::F64),
        (Method::Adam, Precision::F32),
    ] {
        let options = FitOptions {
            method,
            precision,
            grids: vec![3, 6],
            max_iterations: 12,
            ..FitOptions::default()
        };
        let mut kept = Vec::new();
        let mut net = Kan::new(&[2, 3, 1], 3, 3, 0).unwrap();
        let start = net.clone();
        let report = net
            .fit_with_checkpoints(
                &x,
                &y,
                &options,
                5,
                &mut |c| {
                    kept.push(serde_json::to_string(c).unwrap());
                    Ok(())
                },
                &Progress::none(),
            )
            .unwrap();
        assert!(kept.len() >= 2, "{method:?}: {}", report.iterations);
        for text in &kept {
            let checkpoint: Checkpoint = serde_json::from_str(text).unwrap();
            let (again, same) =
                Kan::resume(&checkpoint, &x, &y, 0, &mut |_| Ok(()), &Progress::none()).unwrap();
            assert_eq!(again, net, "{method:?}");
            assert_eq!(same, report);
            let e = Kan::resume(
                &checkpoint,
                &x[..400],
                &y[..200],
                0,
                &mut |_| Ok(()),
                &Progress::none(),
            );
            assert_eq!(e.unwrap_err().field(), Some("checkpoint"));
        }
        let two = FitOptions {
            threads: 2,
            ..options.clone()
        };
        let mut other = start;
        let with_two = other.fit(&x, &y, &two, &Progress::none()).unwrap();
        assert_eq!((other, with_two), (net, report), "{method:?}");
    }
}

#[test]
fn cancel_leaves_the_network_alone_and_is_seen_within_rows() {
    let x = rows(3, 2000, 1.0);
    let y = toy(&x);
    let before = Kan::new(&[2, 5, 1], 5, 3, 0).unwrap();
    for method in [Method::LevenbergMarquardt, Method::Lbfgs, Method::Adam] {
        let mut net = before.clone();
        let cancel = Cancel::new();
        let stop = |step: crate::telemetry::Step<'_>| {
            assert!(step.message.contains("loss"));
            cancel.cancel();
            std::ops::ControlFlow::Continue(())
        };
        let progress = Progress::new(&stop).with_cancel(&cancel);
        let options = FitOptions {
            method,
            ..FitOptions::default()
        };
        assert_eq!(
            net.fit(&x, &y, &options, &progress).unwrap_err(),
            Error::Cancelled
        );
        assert_eq!(net, before);
    }
}

#[test]
fn hard_data_give_a_fit_or_a_precise_error() {
    let none = Progress::none();
    let o = FitOptions::default();
    let fit = |net: &Kan, x: &[f64], y: &[f64]| {
        let mut net = net.clone();
        net.fit(x, y, &o, &none).map(|report| (net, report))
    };
    let small = Kan::new(&[2, 2, 1], 5, 3, 0).unwrap();
    // One sample; all samples equal; a constant column; a rank-deficient pair of columns.
    let (net, _) = fit(&small, &[0.3, 0.4], &[0.7]).unwrap();
    assert!((net.predict(&[0.3, 0.4]).unwrap()[0] - 0.7).abs() <= 1e-6);
    let (net, _) = fit(&small, &[0.3, 0.4].repeat(50), &[0.7; 50]).unwrap();
    assert!((net.predict(&[0.3, 0.4]).unwrap()[0] - 0.7).abs() <= 1e-6);
    let line = rows(1, 200, 1.0);
    let y: Vec<f64> = line.iter().map(|x| x * x).collect();
    for other in [0usize, 1] {
        let x: Vec<f64> = line
            .iter()
            .flat_map(|x| [*x, if other == 0 { 5.0 } else { *x }])
            .collect();
        let (net, report) = fit(&small, &x, &y).unwrap();
        let error = rmse(&net, &x, &y);
        assert!(error <= 1e-3, "{other}: {error} {}", report.stop);
    }
    // A constant target.
    let (net, report) = fit(&small, &rows(1, 100, 1.0), &[3.0; 50]).unwrap();
    assert!(report.train_error <= 1e-5, "{}", report.train_error);
    assert!((net.predict(&[0.1, 9.0]).unwrap()[0] - 3.0).abs() <= 1e-2);
    // Width 1, 500 inputs.
    let thin = Kan::new(&[1, 1, 1, 1], 5, 3, 0).unwrap();
    assert!(fit(&thin, &line, &y).unwrap().1.holdout_error.unwrap() <= 1e-2);
    let wide = Kan::new(&[500, 1], 2, 2, 0).unwrap();
    let x = rows(2, 500 * 300, 1.0);
    let y: Vec<f64> = x.chunks(500).map(|x| x[3]).collect();
    assert!(fit(&wide, &x, &y).unwrap().1.train_error <= 0.2);
    // Values that cannot be used are named.
    let e = fit(&small, &[0.1, 0.2, 0.3, f64::NAN], &[1.0, 2.0]).unwrap_err();
    assert_eq!((e.code(), e.field()), (Code::InvalidInput, Some("x")));
    assert!(e.to_string().contains("NaN in row 1, column 1"), "{e}");
    let e = fit(&small, &[0.1, 0.2, 0.3, 0.4], &[f64::INFINITY, 2.0]).unwrap_err();
    assert!(
        e.to_string().contains("y: got inf in row 0, column 0"),
        "{e}"
    );
    for scale in [1e-300, 1e300] {
        let e = fit(&small, &[scale, 0.2, -scale, 0.4], &[1.0, 2.0]).unwrap_err();
        assert!(
            e.to_string().contains("column 0") && e.to_string().contains("scale"),
            "{e}"
        );
        let e = fit(&small, &[0.1, 0.2, 0.3, 0.4], &[scale, -scale]).unwrap_err();
        assert_eq!(e.field(), Some("y"));
    }
    assert!(fit(&small, &[], &[]).is_err());
    assert!(fit(&small, &[1.0, 2.0, 3.0], &[1.0]).is_err());
    // Far outside the grid.
    let far: Vec<f64> = line.iter().flat_map(|x| [1e6 * x, *x]).collect();
    let y: Vec<f64> = line.iter().map(|x| x.sin()).collect();
    assert!(fit(&small, &far, &y).unwrap().1.train_error <= 1e-2);
}

#[test]
fn bad_options_are_named() {
    let o = FitOptions::default;
    let bad = [
        (
            "holdout",
            FitOptions {
                holdout: 0.6,
                ..o()
            },
        ),
        (
            "holdout",
            FitOptions {
                holdout: f64::NAN,
                ..o()
            },
        ),
        (
            "tolerance",
            FitOptions {
                tolerance: -1.0,
                ..o()
            },
        ),
        (
            "smoothness",
            FitOptions {
                smoothness: Some(f64::NAN),
                ..o()
            },
        ),
        ("l1", FitOptions { l1: -1.0, ..o() }),
        (
            "entropy",
            FitOptions {
                entropy: f64::INFINITY,
                ..o()
            },
        ),
        (
            "weight_decay",
            FitOptions {
                weight_decay: -1.0,
                ..o()
            },
        ),
        (
            "learning_rate",
            FitOptions {
                learning_rate: 0.0,
                ..o()
            },
        ),
        (
            "adaptive",
            FitOptions {
                adaptive: 1.0,
                ..o()
            },
        ),
        (
            "max_iterations",
            FitOptions {
                max_iterations: 0,
                ..o()
            },
        ),
        ("batch", FitOptions { batch: 0, ..o() }),
        ("threads", FitOptions { threads: 0, ..o() }),
        (
            "grids",
            FitOptions {
                grids: vec![3, 0],
                ..o()
            },
        ),
        (
            "loss.huber",
            FitOptions {
                loss: Loss::Huber(0.0),
                ..o()
            },
        ),
    ];
    let net = Kan::new(&[1, 1], 4, 3, 0).unwrap();
    for (field, options) in bad {
        let e = net
            .clone()
            .fit(&[0.1, 0.2], &[0.3, 0.4], &options, &Progress::none())
            .unwrap_err();
        assert_eq!(e.field(), Some(field));
    }
    let classes = FitOptions {
        loss: Loss::CrossEntropy,
        ..o()
    };
    let e = net
        .clone()
        .fit(&[0.1], &[1.0], &classes, &Progress::none())
        .unwrap_err();
    assert_eq!(e.field(), Some("outputs"));
    let large = Kan::new(&[100, 100, 1], 5, 3, 0).unwrap();
    let newton = FitOptions {
        method: Method::LevenbergMarquardt,
        ..o()
    };
    let e = large
        .clone()
        .fit(&rows(1, 200, 1.0), &[0.1, 0.2], &newton, &Progress::none())
        .unwrap_err();
    assert_eq!(e.code(), Code::Limit);
}
