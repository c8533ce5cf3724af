//! Responses of matrices at many points: against LU, closed forms of defective systems and the pole-residue form;
//! progress and cancellation.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use faer::Mat;
use num_complex::Complex64;

use super::tests::{c, distance, distance_c, even};
use super::*;
use crate::laplace::Term;
use crate::optim::Random;
use crate::telemetry::{Cancel, Progress, Step};

const NONE: Progress<'static> = Progress::none();

fn rows(m: &Mat<f64>) -> Vec<f64> {
    super::dense::to_rows(m.as_ref())
}

/// A random system with poles around `-shift`.
fn random(n: usize, m: usize, p: usize, shift: f64, seed: u64) -> StateSpace {
    let mut random = Random(seed);
    let mut part = |r: usize, c: usize| Mat::from_fn(r, c, |_, _| random.normal());
    let (mut a, b, c, d) = (part(n, n), part(n, m), part(p, n), part(p, m));
    for i in 0..n {
        a[(i, i)] -= shift;
    }
    StateSpace::new(n, m, p, rows(&a), rows(&b), rows(&c), rows(&d)).unwrap()
}

/// `1/(s + 1)^n`: one Jordan block in random orthogonal coordinates, so that no structure shows.
fn defective(n: usize, seed: u64) -> StateSpace {
    let mut random = Random(seed);
    let q = Mat::from_fn(n, n, |_, _| random.normal())
        .qr()
        .compute_thin_Q();
    let jordan = Mat::from_fn(n, n, |i, j| match (i, j) {
        _ if i == j => -1.0,
        _ if j == i + 1 => 1.0,
        _ => 0.0,
    });
    let b = Mat::from_fn(n, 1, |i, _| f64::from(u8::from(i == n - 1)));
    let c = Mat::from_fn(1, n, |_, j| f64::from(u8::from(j == 0)));
    StateSpace::new(
        n,
        1,
        1,
        rows(&(q.transpose() * jordan * &q)),
        rows(&(q.transpose() * b)),
        rows(&(c * &q)),
        vec![],
    )
    .unwrap()
}

#[test]
fn responses_agree_with_lu_at_odd_orders_and_channels() {
    for (n, m, p) in [
        (0, 1, 1),
        (1, 1, 1),
        (2, 1, 2),
        (3, 2, 1),
        (7, 3, 2),
        (20, 1, 1),
        (33, 2, 2),
    ] {
        let system = random(n, m, p, 1.0, n as u64 + 1);
        // Not a multiple of what is worked on together, zero and negative frequencies, far out.
        let mut omega: Vec<f64> = (0..37).map(|k| 0.3 * f64::from(k) - 4.0).collect();
        omega.extend([0.0, 1e3, -1e6]);
        let prepared = Prepared::new(system.clone());
        let got = prepared.frequency_response(&omega, &NONE).unwrap();
        for (k, w) in omega.iter().enumerate() {
            let expected = system.evaluate(c(0.0, *w)).unwrap();
            let column: Vec<Complex64> = (0..m * p)
                .map(|cell| got.response[cell * omega.len() + k])
                .collect();
            let size = expected.iter().map(|h| h.norm()).fold(1.0, f64::max);
            let error = distance_c(&column, &expected);
            assert!(error <= 1e-11 * size, "{n} {m} {p} at {w}: {error}");
        }
        // What is kept changes nothing.
        assert_eq!(got, prepared.frequency_response(&omega, &NONE).unwrap());
        assert_eq!(got, system.frequency_response(&omega).unwrap());
    }
}

#[test]
fn a_defective_matrix_costs_no_accuracy() {
    // 1/(s + 1)^n; the eigenvalues of its matrix scatter by the n-th root of rounding.
    for n in [2, 4, 6, 9] {
        let system = Prepared::new(defective(n, 7 + n as u64));
        let omega = even(101, 0.05);
        let got = system.frequency_response(&omega, &NONE).unwrap();
        let expected: Vec<Complex64> = omega
            .iter()
            .map(|w| c(1.0, *w).powi(n as i32).inv())
            .collect();
        let error = distance_c(&got.response, &expected);
        assert!(error <= 2e-14 * n as f64, "H at {n}: {error}");

        // Step: the regularised incomplete gamma function; impulse: t^{n-1} e^{-t}/(n-1)!.
        let t = even(1000, 0.02);
        let term = |t: f64, k: usize| (0..k).fold((-t).exp(), |v, i| v * t / (i as f64 + 1.0));
        let step: Vec<f64> = t
            .iter()
            .map(|t| 1.0 - (0..n).map(|k| term(*t, k)).sum::<f64>())
            .collect();
        let impulse: Vec<f64> = t.iter().map(|t| term(*t, n - 1)).collect();
        let error = distance(&system.step(&t, &NONE).unwrap().y, &step);
        assert!(error <= 1e-12, "step of {n}: {error}");
        let error = distance(&system.impulse(&t, &NONE).unwrap().y, &impulse);
        assert!(error <= 1e-12, "impulse of {n}: {error}");
    }
}

#[test]
fn blocks_of_even_times_agree_with_single_steps_and_with_poles() {
    let pair = |re: f64, im: f64, r: [f64; 4]| Term {
        pole: c(re, im),
        power: 1,
        residue: r.iter().map(|v| c(*v, 0.3 * v - 0.1)).collect(),
    };
    let poles = PoleResidue {
        outputs: 2,
        inputs: 2,
        terms: vec![
            pair(-0.3, 5.0, [1.0, -0.5, 0.25, 2.0]),
            pair(-2.0, 1.0, [0.5, 0.5, -1.0, 0.1]),
            pair(0.2, 3.0, [0.1, 0.0, 0.2, -0.1]),
        ],
        direct: vec![0.5, 0.0, 0.0, -1.0],
        linear: vec![],
    };
    let matrices = poles.to_state_space().unwrap();
    for (n, start) in [(1000, 0.0), (1000, 0.37), (65, 0.0), (321, 1.0)] {
        let t: Vec<f64> = (0..n).map(|k| start + 0.01 * k as f64).collect();
        // Moved by a little, the times are no longer even, and each is a step of its own.
        let mut uneven = t.clone();
        uneven[n - 1] += 1e-3;
        for (got, one_by_one, expected) in [
            (matrices.step(&t), matrices.step(&uneven), poles.step(&t)),
            (
                matrices.impulse(&t),
                matrices.impulse(&uneven),
                poles.impulse(&t),
            ),
        ] {
            let (got, one_by_one, expected) =
                (got.unwrap(), one_by_one.unwrap(), expected.unwrap());
            assert!(distance(&got.y, &expected.y) <= 1e-11, "{n} {start}");
            for channel in 0..4 {
                let (a, b) = (channel * n, channel * n + n - 1);
                assert!(distance(&got.y[a..b], &one_by_one.y[a..b]) <= 1e-11);
            }
        }
        let x0: Vec<f64> = (0..matrices.states).map(|k| k as f64 - 2.0).collect();
        let free = matrices.initial(&x0, &t).unwrap();
        let steps = matrices.initial(&x0, &uneven).unwrap();
        assert!(distance(&free.y[..n - 1], &steps.y[..n - 1]) <= 1e-11);
    }
}

#[test]
fn poles_and_numbers_at_the_edge_of_the_range() {
    // An integrator: infinite at 0, and nowhere else; the other points of its block stay exact.
    let integrator = StateSpace::new(1, 1, 1, vec![0.0], vec![1.0], vec![1.0], vec![]).unwrap();
    let h = integrator.frequency_response(&[0.0, 2.0]).unwrap();
    assert!(h.response[0].re.is_infinite());
    assert!((h.response[1] - c(0.0, -0.5)).norm() <= 1e-16);
    // An undamped pair, at its resonance; poles whose squares leave the range of numbers.
    let undamped = StateSpace::new(
        2,
        1,
        1,
        vec![0.0, 1.0, -1.0, 0.0],
        vec![0.0, 1.0],
        vec![1.0, 0.0],
        vec![],
    )
    .unwrap();
    let h = undamped.frequency_response(&[1.0, 0.0]).unwrap();
    assert!(!h.response[0].re.is_finite() && (h.response[1] - c(1.0, 0.0)).norm() <= 1e-15);
    for size in [1e-200, 1e200] {
        let lag = StateSpace::new(1, 1, 1, vec![-size], vec![size], vec![1.0], vec![]).unwrap();
        let h = lag.frequency_response(&[size, 0.0]).unwrap();
        assert!((h.response[0] - c(0.5, -0.5)).norm() <= 1e-15, "{size}");
        assert!((h.response[1] - c(1.0, 0.0)).norm() <= 1e-15, "{size}");
    }
}

#[test]
fn long_work_reports_and_stops() {
    let t = even(1000, 0.01);
    let u: Vec<f64> = t.iter().map(|t| t.sin()).collect();
    let matrices = random(5, 1, 1, 4.0, 3);
    let poles = PoleResidue::from_pairs(
        &[c(-1.0, 2.0), c(-1.0, -2.0)],
        &[c(1.0, 1.0), c(1.0, -1.0)],
        0.0,
    );
    for system in [System::from(matrices.clone()), System::from(poles.unwrap())] {
        let prepared = Prepared::new(system.clone());
        let states = prepared.system().to_state_space().unwrap().states;
        let x0 = vec![1.0; states];
        type Work<'a> = Box<dyn Fn(&Progress<'_>) -> Result<Vec<f64>> + 'a>;
        let works: Vec<Work<'_>> = vec![
            Box::new(|p| Ok(prepared.step(&t, p)?.y)),
            Box::new(|p| Ok(prepared.impulse(&t, p)?.y)),
            Box::new(|p| Ok(prepared.initial(&x0, &t, p)?.y)),
            Box::new(|p| Ok(prepared.simulate(&t, &u, &[], Hold::First, p)?.y)),
            Box::new(|p| Ok(prepared.simulate(&t, &u, &x0, Hold::First, p)?.y)),
            Box::new(|p| Ok(prepared.frequency_response(&t, p)?.bode().decibel)),
            Box::new(|p| Ok(prepared.zeros(p)?.iter().map(|z| z.re).collect())),
            Box::new(|p| {
                Ok(system
                    .reduce(&ReduceOptions::default(), p)?
                    .hankel_singular_values)
            }),
        ];
        for (k, work) in works.iter().enumerate() {
            let reports = AtomicUsize::new(0);
            let count = |step: Step<'_>| {
                assert!(step.done <= step.total);
                reports.fetch_add(1, Ordering::Relaxed);
                ControlFlow::Continue(())
            };
            assert!(work(&Progress::new(&count)).is_ok(), "{k}");
            assert!(reports.load(Ordering::Relaxed) > 0, "{k}");
            let stop = |_: Step<'_>| ControlFlow::Break(());
            assert_eq!(work(&Progress::new(&stop)), Err(Error::Cancelled), "{k}");
            let cancel = Cancel::new();
            cancel.cancel();
            let cancelled = NONE.with_cancel(&cancel);
            assert_eq!(work(&cancelled), Err(Error::Cancelled), "{k}");
        }
        assert_eq!(prepared.step(&t, &NONE).unwrap(), system.step(&t).unwrap());
    }
    let bad = Prepared::new(matrices).frequency_response(&[f64::NAN], &NONE);
    assert!(matches!(bad, Err(Error::InvalidInput { .. })));
}
