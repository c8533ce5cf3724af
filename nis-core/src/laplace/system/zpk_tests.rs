//! Zeros, poles and gain, partial fractions, invariant zeros.

use num_complex::Complex64;

use super::tests::{c, distance_c, random_system};
use super::*;
use crate::laplace::Term;
use crate::optim::Random;

#[test]
fn clustered_poles_do_not_cancel() {
    // scipy #15623, #23519: residues of clustered poles. Five poles within 1e-5 of each other.
    let poles: Vec<Complex64> = (0..5).map(|k| c(-1.0 - 2e-6 * f64::from(k), 0.0)).collect();
    let zpk = Zpk {
        zeros: vec![c(-3.0, 0.0)],
        poles,
        gain: 1.0,
        dt: None,
    };
    let (_, cancellation) = zpk.partial_fractions().unwrap();
    assert!(cancellation > 1e15);
    let system = zpk.to_system().unwrap();
    assert!(matches!(system, System::StateSpace(_)));
    for w in [0.0, 0.1, 1.0, 10.0] {
        let (h, expected) = (
            system.frequency_response(&[w]).unwrap().response[0],
            zpk.evaluate(c(0.0, w)),
        );
        assert!(
            (h - expected).norm() <= 1e-13 * expected.norm(),
            "{w}: {h} {expected}"
        );
    }
    // 1/(s^2 (s + 1)^3) from exactly repeated poles.
    let zpk = Zpk {
        zeros: vec![],
        poles: vec![
            c(0.0, 0.0),
            c(0.0, 0.0),
            c(-1.0, 0.0),
            c(-1.0, 0.0),
            c(-1.0, 0.0),
        ],
        gain: 1.0,
        dt: None,
    };
    let System::PoleResidue(system) = zpk.to_system().unwrap() else {
        panic!()
    };
    let find = |p: f64, power: u32| {
        system
            .terms
            .iter()
            .find(|t| t.pole.re == p && t.power == power)
            .unwrap()
            .residue[0]
            .re
    };
    let got = [
        find(0.0, 2),
        find(0.0, 1),
        find(-1.0, 3),
        find(-1.0, 2),
        find(-1.0, 1),
    ];
    assert_eq!(got, [1.0, -3.0, 1.0, 2.0, 3.0]);
}

#[test]
fn zeros_poles_and_gain_in_every_shape() {
    let mut random = Random(4);
    for case in 0..40 {
        let mut uniform = |a: f64, b: f64| a + (b - a) * 0.5 * (1.0 + random.symmetric());
        let mut draw = |count: usize, pairs: usize| {
            let mut list = Vec::new();
            for _ in 0..pairs {
                let r = c(uniform(-3.0, -0.1), uniform(0.2, 5.0));
                list.extend([r, r.conj()]);
            }
            for _ in 2 * pairs..count {
                list.push(c(uniform(-3.0, -0.1), 0.0));
            }
            list
        };
        let order = 1 + case % 7;
        let degree = case % (order + 1);
        let poles = draw(order, (case / 3) % (order / 2 + 1));
        let zeros = draw(degree, (case / 2) % (degree / 2 + 1));
        let zpk = Zpk {
            zeros: zeros.clone(),
            poles,
            gain: 2.5,
            dt: None,
        };
        let cascade = zpk.to_state_space().unwrap();
        let either = zpk.to_system().unwrap();
        for s in [c(0.0, 0.0), c(0.0, 1.7), c(0.4, -0.3)] {
            let expected = zpk.evaluate(s);
            let error = (cascade.evaluate(s).unwrap()[0] - expected).norm();
            assert!(error <= 1e-12 * expected.norm(), "case {case}: {error}");
            let error = (either.evaluate(s).unwrap()[0] - expected).norm();
            assert!(error <= 1e-11 * expected.norm(), "case {case}: {error}");
        }
        let mut found = cascade.zeros().unwrap();
        assert_eq!(found.len(), zeros.len(), "case {case}: {found:?} {zeros:?}");
        for z in &zeros {
            let at = (0..found.len())
                .min_by(|i, j| (found[*i] - z).norm().total_cmp(&(found[*j] - z).norm()))
                .unwrap();
            let error = (found.remove(at) - z).norm();
            assert!(error <= 1e-9, "case {case}: {error}");
        }
    }
    let stray = Zpk {
        zeros: vec![],
        poles: vec![c(-1.0, 1.0)],
        gain: 1.0,
        dt: None,
    };
    assert_eq!(stray.to_system().unwrap_err().field(), Some("poles[0]"));
    let differentiator = Zpk {
        zeros: vec![c(0.0, 0.0), c(-2.0, 0.0)],
        poles: vec![c(-1.0, 0.0)],
        gain: 3.0,
        dt: None,
    };
    let system = differentiator.to_system().unwrap();
    let (s, h) = (c(0.2, 0.7), differentiator.evaluate(c(0.2, 0.7)));
    assert!((system.evaluate(s).unwrap()[0] - h).norm() <= 1e-14);
    let mut zeros = system.zeros().unwrap();
    zeros.sort_by(|a, b| a.re.total_cmp(&b.re));
    assert!(
        distance_c(&zeros, &[c(-2.0, 0.0), c(0.0, 0.0)]) <= 1e-14,
        "{zeros:?}"
    );
}

#[test]
fn zeros_of_several_inputs() {
    // Skogestad and Postlethwaite, Multivariable Feedback Control, 2nd ed., example 4.11: a zero at 4.
    let row = |d: f64, r: f64| (d, r);
    // [s - 1, 4; 4.5, 2 (s - 1)]/(s + 2) = D + R/(s + 2).
    let cells = [row(1.0, -3.0), row(0.0, 4.0), row(0.0, 4.5), row(2.0, -6.0)];
    let system = PoleResidue {
        outputs: 2,
        inputs: 2,
        terms: vec![Term {
            pole: c(-2.0, 0.0),
            power: 1,
            residue: cells.iter().map(|x| c(x.1, 0.0)).collect(),
        }],
        direct: cells.iter().map(|x| x.0).collect(),
        linear: vec![],
    };
    let zeros = System::from(system).zeros().unwrap();
    assert!(
        zeros.iter().any(|z| (z - c(4.0, 0.0)).norm() <= 1e-12),
        "{zeros:?}"
    );
    // More outputs than inputs: none, unless shared by all.
    let tall = random_system(6, 2, 3, 1);
    assert!(System::from(tall).zeros().unwrap().is_empty());
}

#[test]
fn coefficients_give_roots_with_their_uncertainty() {
    let (zpk, zeros, poles) =
        Zpk::from_coefficients(&[2.0, 0.0, 8.0], &[1.0, 6.0, 11.0, 6.0, 0.0], None).unwrap();
    assert_eq!(zpk.gain, 2.0);
    assert!(
        zeros
            .roots
            .iter()
            .all(|z| (z.im.abs() - 2.0).abs() <= 1e-14 && z.re.abs() <= 1e-14)
    );
    for p in [0.0, -1.0, -2.0, -3.0] {
        assert!(poles.roots.iter().any(|r| (r - c(p, 0.0)).norm() <= 1e-13));
    }
    assert!(poles.error.iter().all(|e| *e <= 1e-13));
    // (s + 1)^8 says itself how bad it is.
    let (_, _, poles) = Zpk::from_coefficients(
        &[1.0],
        &[1.0, 8.0, 28.0, 56.0, 70.0, 56.0, 28.0, 8.0, 1.0],
        None,
    )
    .unwrap();
    let worst = poles
        .roots
        .iter()
        .map(|r| (r + 1.0).norm())
        .fold(0.0, f64::max);
    assert!(worst > 1e-3 && poles.error.iter().fold(0.0, |a: f64, b| a.max(*b)) >= 0.1 * worst);
    let none = Zpk::from_coefficients(&[1.0], &[0.0], None).unwrap_err();
    assert_eq!(none.field(), Some("denominator"));
}
