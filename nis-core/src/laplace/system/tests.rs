//! Golden values, closed forms and properties.

use num_complex::Complex64;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::laplace::Term;
use crate::optim::Random;

pub(super) fn c(re: f64, im: f64) -> Complex64 {
    Complex64::new(re, im)
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/laplace.json")).unwrap()
}

fn reals(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

fn complexes(v: &Value) -> Vec<Complex64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|x| c(x[0].as_f64().unwrap(), x[1].as_f64().unwrap()))
        .collect()
}

/// Largest difference, NaN kept.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let worst = |w: f64, d: f64| if d.is_nan() || d > w { d } else { w };
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, worst)
}

pub(super) fn distance_c(a: &[Complex64], b: &[Complex64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let worst = |w: f64, d: f64| if d.is_nan() || d > w { d } else { w };
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).norm())
        .fold(0.0, worst)
}

pub(super) fn even(n: usize, h: f64) -> Vec<f64> {
    (0..n).map(|k| k as f64 * h).collect()
}

fn golden_system() -> PoleResidue {
    let golden = &golden()["transfer"][0];
    PoleResidue::from_pairs(
        &complexes(&golden["poles"]),
        &complexes(&golden["residues"]),
        0.0,
    )
    .unwrap()
}

/// A random stable system with `pairs` pairs of poles and as many real ones.
pub(super) fn random_system(seed: u64, pairs: usize, outputs: usize, inputs: usize) -> PoleResidue {
    let mut random = Random(seed);
    let mut uniform = move |a: f64, b: f64| a + (b - a) * 0.5 * (1.0 + random.symmetric());
    let mut terms = Vec::new();
    for k in 0..2 * pairs {
        let pair = k % 2 == 0;
        let pole = c(
            -uniform(0.1, 2.0),
            if pair { uniform(0.5, 8.0) } else { 0.0 },
        );
        let residue = (0..outputs * inputs)
            .map(|_| {
                c(
                    uniform(-1.0, 1.0),
                    if pair { uniform(-1.0, 1.0) } else { 0.0 },
                )
            })
            .collect();
        terms.push(Term {
            pole,
            power: 1,
            residue,
        });
    }
    PoleResidue {
        outputs,
        inputs,
        terms,
        direct: (0..outputs * inputs).map(|_| uniform(-0.5, 0.5)).collect(),
        linear: vec![],
    }
}

/// A random change of the state's coordinates.
pub(super) fn mixed(system: &StateSpace, seed: u64) -> StateSpace {
    let n = system.states;
    let mut random = Random(seed);
    let t = faer::Mat::from_fn(n, n, |i, j| {
        random.normal() * 0.3 + f64::from(u8::from(i == j))
    });
    let (a, b, c, d) = system.mats();
    let inverse = dense::solve(
        "test",
        t.as_ref(),
        faer::Mat::<f64>::identity(n, n).as_ref(),
    )
    .unwrap();
    StateSpace::from_mats(
        &(&inverse * a * &t),
        &(&inverse * b),
        &(c * &t),
        &d,
        system.dt,
    )
}

#[test]
fn golden_transfer_in_both_forms() {
    let golden = &golden()["transfer"][0];
    let system = golden_system();
    let (w, t) = (reals(&golden["w"]), reals(&golden["t"]));
    let (h, impulse, step) = (
        complexes(&golden["H"]),
        reals(&golden["impulse"]),
        reals(&golden["step"]),
    );
    let state_space = mixed(&system.to_state_space().unwrap(), 5);
    for system in [System::from(system), System::from(state_space)] {
        let got = system.frequency_response(&w).unwrap();
        assert!(distance_c(&got.response, &h) <= 1e-12);
        let error = distance(&system.impulse(&t).unwrap().y, &impulse);
        assert!(error <= 1e-12, "{error}");
        let error = distance(&system.step(&t).unwrap().y, &step);
        assert!(error <= 1e-12, "{error}");
        // Uneven times take another path.
        let pick: Vec<usize> = (0..t.len()).filter(|k| k % 7 != 3).collect();
        let some = |v: &[f64]| pick.iter().map(|k| v[*k]).collect::<Vec<f64>>();
        let error = distance(&system.impulse(&some(&t)).unwrap().y, &some(&impulse));
        assert!(error <= 1e-12, "{error}");
        let error = distance(&system.step(&some(&t)).unwrap().y, &some(&step));
        assert!(error <= 1e-12, "{error}");
    }
}

#[test]
fn fast_frequency_response_is_the_plain_sum() {
    let system = random_system(3, 5, 2, 3);
    let omega: Vec<f64> = (0..77).map(|k| -3.0 + 0.17 * f64::from(k)).collect();
    let got = system.frequency_response(&omega).unwrap();
    let modal = mixed(&system.to_state_space().unwrap(), 6)
        .frequency_response(&omega)
        .unwrap();
    for (k, w) in omega.iter().enumerate() {
        for (cell, h) in system.evaluate(c(0.0, *w)).iter().enumerate() {
            let at = cell * omega.len() + k;
            assert!((got.response[at] - h).norm() <= 1e-13);
            assert!((modal.response[at] - h).norm() <= 1e-11);
        }
    }
}

#[test]
fn frequency_response_at_resonance_at_a_pole_and_out_of_range() {
    // Damping ratio 1e-12: H(j w0) is about r/sigma.
    let p = c(-1e-12, 1.0);
    let sharp = PoleResidue::from_pairs(&[p, p.conj()], &[c(0.0, -0.5), c(0.0, 0.5)], 0.0).unwrap();
    let got = sharp
        .frequency_response(&[1.0, 1.0 + 1e-12])
        .unwrap()
        .response;
    let expected = |w: f64| c(0.0, -0.5) / c(1e-12, w - 1.0) + c(0.0, 0.5) / c(1e-12, w + 1.0);
    for (h, w) in got.iter().zip([1.0, 1.0 + 1e-12]) {
        assert!(
            (h - expected(w)).norm() <= 1e-14 * h.norm(),
            "{h} {}",
            expected(w)
        );
    }
    let integrator = PoleResidue::from_pairs(&[c(0.0, 0.0)], &[c(1.0, 0.0)], 0.0).unwrap();
    let got = integrator
        .frequency_response(&[0.0, 1e-300, 1e300])
        .unwrap();
    assert!(got.response[0].re.is_infinite());
    assert!((got.response[1].im * 1e-300 + 1.0).abs() <= 1e-15);
    assert!((got.response[2].im * 1e300 + 1.0).abs() <= 1e-15);
    assert!((got.bode().phase[2] + std::f64::consts::FRAC_PI_2).abs() < 1e-15);
    let huge = PoleResidue::from_pairs(&[c(-1e300, 0.0)], &[c(1e300, 0.0)], 0.0).unwrap();
    let got = huge.frequency_response(&[1e300]).unwrap().response[0];
    assert!((got - c(0.5, -0.5)).norm() <= 1e-15, "{got}");
    let same = System::from(integrator.to_state_space().unwrap());
    assert!(same.dc_gain().unwrap()[0].is_infinite());
}

#[test]
fn repeated_poles_and_integrators_have_their_closed_forms() {
    // 1/(s + 2)^4: step 1/16 (1 - e^{-2t} sum_{k<4} (2t)^k/k!); 1/s^3: step t^3/6.
    let term = |pole: f64, power: u32| Term {
        pole: c(pole, 0.0),
        power,
        residue: vec![c(1.0, 0.0)],
    };
    let system = |pole: f64, power: u32| PoleResidue {
        outputs: 1,
        inputs: 1,
        terms: vec![term(pole, power)],
        direct: vec![],
        linear: vec![],
    };
    let t = even(200, 0.05);
    let lag = system(-2.0, 4);
    let expected: Vec<f64> = t
        .iter()
        .map(|t| {
            let x = 2.0 * t;
            // Summed from the far end of the series, which does not cancel.
            let mut tail = 0.0;
            let mut term = (-x).exp() * x.powi(4) / 24.0;
            for k in 5..80 {
                tail += term;
                term *= x / f64::from(k);
            }
            tail / 16.0
        })
        .collect();
    let both = [
        System::from(lag.clone()),
        System::from(lag.to_state_space().unwrap()),
    ];
    for system in &both {
        let error = distance(&system.step(&t).unwrap().y, &expected);
        assert!(
            error
                <= if matches!(system, System::PoleResidue(_)) {
                    2e-16
                } else {
                    1e-14
                },
            "{error}"
        );
        let h: Vec<f64> = t
            .iter()
            .map(|t| t.powi(3) / 6.0 * (-2.0 * t).exp())
            .collect();
        assert!(distance(&system.impulse(&t).unwrap().y, &h) <= 1e-15);
        let h = system.frequency_response(&[3.0]).unwrap().response[0];
        assert!((h - c(2.0, 3.0).powi(-4)).norm() <= 1e-16);
    }
    let cube: Vec<f64> = t.iter().map(|t| t.powi(3) / 6.0).collect();
    let triple = system(0.0, 3);
    for system in [
        System::from(triple.clone()),
        System::from(triple.to_state_space().unwrap()),
    ] {
        let error = distance(&system.step(&t).unwrap().y, &cube);
        assert!(error <= 1e-13 * cube[199], "{error}");
    }
    // A complex double pole, in several inputs and outputs, against its state-space form.
    let mut wide = random_system(8, 1, 2, 3);
    let mut more = wide.terms.clone();
    more.iter_mut().for_each(|t| t.power = 2);
    wide.terms.extend(more);
    let u: Vec<f64> = (0..3 * t.len()).map(|k| (0.37 * k as f64).sin()).collect();
    for wide in [
        wide.clone(),
        PoleResidue {
            outputs: 3,
            inputs: 2,
            ..wide
        },
    ] {
        let matrices = wide.to_state_space().unwrap();
        let (a, b) = (wide.step(&t).unwrap(), matrices.step(&t).unwrap());
        assert!(distance(&a.y, &b.y) <= 1e-12);
        let u = &u[..wide.inputs * t.len()];
        let a = wide.simulate(&t, u, Hold::First).unwrap();
        let b = matrices.simulate(&t, u, &[], Hold::First).unwrap();
        assert!(distance(&a.y, &b.y) <= 1e-12);
    }
}

#[test]
fn a_defective_matrix_becomes_one_repeated_pole() {
    // Companion matrix of (s + 1)^5: its computed eigenvalues scatter by 1e-3.
    let n = 5;
    let binomial = [1.0, 5.0, 10.0, 10.0, 5.0];
    let mut a = vec![0.0; n * n];
    for i in 0..n - 1 {
        a[i * n + i + 1] = 1.0;
    }
    for (j, b) in binomial.iter().enumerate() {
        a[(n - 1) * n + j] = -b;
    }
    let unit = |at: usize| {
        (0..n)
            .map(|k| f64::from(u8::from(k == at)))
            .collect::<Vec<f64>>()
    };
    let system = StateSpace::new(n, 1, 1, a, unit(n - 1), unit(0), vec![]).unwrap();
    let form = system.to_pole_residue(1e-9).unwrap();
    assert_eq!(form.groups, [5]);
    assert!((form.system.terms[0].pole - c(-1.0, 0.0)).norm() <= 1e-13);
    assert!(form.error <= 1e-11, "{}", form.error);
    let t = even(100, 0.1);
    let error = distance(
        &form.system.step(&t).unwrap().y,
        &system.step(&t).unwrap().y,
    );
    assert!(error <= 1e-11, "{error}");
    // A double integrator beside a fast pole: the pair at zero is found by the size of the whole.
    let zpk = Zpk {
        zeros: vec![],
        poles: vec![c(0.0, 0.0), c(0.0, 0.0), c(-50.0, 0.0)],
        gain: 50.0,
        dt: None,
    };
    let form = mixed(&zpk.to_state_space().unwrap(), 3)
        .to_pole_residue(1e-9)
        .unwrap();
    let h = form.system.evaluate(c(0.3, 1.0))[0];
    assert!((h - zpk.evaluate(c(0.3, 1.0))).norm() <= 1e-10 * h.norm());
}

#[test]
fn both_forms_convert_into_each_other() {
    for (seed, outputs, inputs) in [(1, 1, 1), (2, 2, 1), (3, 1, 3), (4, 3, 2)] {
        let system = random_system(seed, 3, outputs, inputs);
        let matrices = mixed(&system.to_state_space().unwrap(), seed + 10);
        let form = matrices.to_pole_residue(1e-9).unwrap();
        for s in [c(0.0, 0.0), c(0.0, 2.0), c(1.0, -3.0)] {
            assert!(distance_c(&form.system.evaluate(s), &system.evaluate(s)) <= 1e-11);
        }
        // Every eigenvalue stands for itself or belongs to one group.
        let mut poles: Vec<Complex64> = form.system.terms.iter().map(|t| t.pole).collect();
        poles.dedup();
        assert_eq!(poles.len(), form.groups.len());
        let weight = |p: &Complex64| if p.im != 0.0 { 2 } else { 1 };
        let total: usize = poles
            .iter()
            .zip(&form.groups)
            .map(|(p, g)| weight(p) * g)
            .sum();
        assert_eq!(total, matrices.states);
    }
    let mut improper = random_system(1, 1, 1, 1);
    improper.linear = vec![2.0];
    assert_eq!(
        improper.to_state_space().unwrap_err().field(),
        Some("linear[0]")
    );
}

#[test]
fn ramp_and_sine_have_their_closed_forms_under_a_first_order_hold() {
    let system = golden_system();
    let t = even(500, 0.01);
    // A ramp: the integral of the step response, here from the pole-residue form of H/s^2 via one more step.
    let ramp = system.simulate(&t, &t, Hold::First).unwrap();
    let mut integrated = system.clone();
    let (mut offset, mut slope) = (0.0, 0.0);
    integrated.terms.clear();
    for term in &system.terms {
        let weight = if term.pole.im != 0.0 { 2.0 } else { 1.0 };
        let r = term.residue[0];
        // r/(s^2 (s - p)) = r/p^2/(s - p) - r/p^2/s - r/p/s^2.
        offset -= weight * (r / (term.pole * term.pole)).re;
        slope -= weight * (r / term.pole).re;
        integrated.terms.push(Term {
            residue: vec![r / (term.pole * term.pole)],
            ..term.clone()
        });
    }
    let modal = integrated.impulse(&t).unwrap().y;
    let expected: Vec<f64> = t
        .iter()
        .zip(modal)
        .map(|(t, y)| y + offset + slope * t)
        .collect();
    assert!(distance(&ramp.y, &expected) <= 1e-12 * 100.0);
    // Constant input under either hold is the step response.
    let ones = vec![1.0; t.len()];
    let step = system.step(&t).unwrap().y;
    for hold in [Hold::Zero, Hold::First] {
        assert!(distance(&system.simulate(&t, &ones, hold).unwrap().y, &step) <= 1e-12);
    }
    // Zero-order hold: a pulse of one interval is a difference of steps.
    let mut pulse = vec![0.0; t.len()];
    pulse[3] = 1.0;
    let got = system.simulate(&t, &pulse, Hold::Zero).unwrap().y;
    let expected: Vec<f64> = (0..t.len())
        .map(|k| {
            if k < 4 {
                0.0
            } else {
                step[k - 3] - step[k - 4]
            }
        })
        .collect();
    assert!(distance(&got, &expected) <= 1e-12);
}

#[test]
fn default_grids_follow_the_poles() {
    // python-control #440: a slow mode that does not matter must not stretch the axis.
    let system = PoleResidue::from_pairs(
        &[c(-1.0, 0.0), c(-1e-4, 0.0)],
        &[c(1.0, 0.0), c(1e-9, 0.0)],
        0.0,
    )
    .unwrap();
    let t = System::from(system).default_times().unwrap();
    assert!(
        t[0] == 0.0 && (5.0..20.0).contains(&t[t.len() - 1]),
        "{:?}",
        t.last()
    );
    let light = Zpk {
        zeros: vec![],
        poles: vec![c(-0.01, 10.0), c(-0.01, -10.0)],
        gain: 100.0,
        dt: None,
    }
    .to_system()
    .unwrap();
    let t = light.default_times().unwrap();
    let (last, h) = (t[t.len() - 1], t[1]);
    assert!(
        last >= 100.0 && h <= std::f64::consts::TAU / 10.0 / 10.0,
        "{last} {h}"
    );
    let w = light.default_frequencies().unwrap();
    let bode = light.frequency_response(&w).unwrap().bode();
    let peak = bode.magnitude.iter().copied().fold(0.0, f64::max);
    assert!(peak > 499.0, "{peak}");
    assert!(bode.phase.windows(2).all(|p| (p[1] - p[0]).abs() < 0.6));
    let integrator = Zpk {
        zeros: vec![],
        poles: vec![c(0.0, 0.0)],
        gain: 1.0,
        dt: None,
    }
    .to_system()
    .unwrap();
    assert!(integrator.default_times().unwrap().len() > 100);
    assert!(integrator.default_frequencies().unwrap().len() >= 1000);
    let constant = StateSpace::new(0, 1, 1, vec![], vec![], vec![], vec![2.0]).unwrap();
    let constant = System::from(constant);
    assert_eq!(
        constant.step(&constant.default_times().unwrap()).unwrap().y[0],
        2.0
    );
    assert_eq!(constant.dc_gain().unwrap(), [2.0]);
}

#[test]
fn what_does_not_fit_is_named() {
    let system = golden_system();
    for (t, field) in [
        (vec![0.0, f64::NAN], "t[1]"),
        (vec![0.0, 0.0], "t[1]"),
        (vec![-1.0], "t[0]"),
        (vec![0.0, f64::INFINITY], "t[1]"),
    ] {
        assert_eq!(system.step(&t).unwrap_err().field(), Some(field));
        assert_eq!(
            system
                .to_state_space()
                .unwrap()
                .impulse(&t)
                .unwrap_err()
                .field(),
            Some(field)
        );
    }
    assert!(system.step(&[]).unwrap().y.is_empty());
    assert_eq!(system.step(&[1.0]).unwrap().y.len(), 1);
    assert_eq!(
        system.frequency_response(&[f64::NAN]).unwrap_err().field(),
        Some("omega[0]")
    );
    assert_eq!(
        system
            .simulate(&[0.0, 1.0], &[1.0], Hold::First)
            .unwrap_err()
            .field(),
        Some("u")
    );
    assert_eq!(
        system
            .simulate(&[0.0, 1.0], &[1.0, f64::NAN], Hold::First)
            .unwrap_err()
            .field(),
        Some("u[1]")
    );
    let bad = StateSpace::new(1, 1, 1, vec![1.0, 2.0], vec![1.0], vec![1.0], vec![]).unwrap_err();
    assert_eq!(bad.field(), Some("a"));
    let bad = StateSpace::new(1, 1, 1, vec![f64::NAN], vec![1.0], vec![1.0], vec![]).unwrap_err();
    assert_eq!(bad.field(), Some("a[0]"));
    let mut steep = golden_system();
    steep.terms[0].power = 4_000_000_000;
    assert_eq!(
        steep.step(&[0.0]).unwrap_err().field(),
        Some("terms[0].power")
    );
    for (outputs, inputs) in [(usize::MAX, 2), (1 << 20, 1 << 20)] {
        let many = StateSpace {
            outputs,
            inputs,
            ..StateSpace::new(0, 1, 1, vec![], vec![], vec![], vec![]).unwrap()
        };
        assert_eq!(many.check().unwrap_err().field(), Some("outputs * inputs"));
        let many = PoleResidue {
            outputs,
            inputs,
            terms: vec![],
            direct: vec![],
            linear: vec![],
        };
        assert!(many.frequency_response(&[1.0]).is_err());
    }
    let unstable = PoleResidue::from_pairs(&[c(10.0, 0.0)], &[c(1.0, 0.0)], 0.0).unwrap();
    assert!(unstable.step(&[0.0, 100.0]).is_err());
    for text in [
        r#"{"zpk": {"zeros": [], "poles": [[-1, 0]], "gain": 1}}"#,
        r#"{"coefficients": {"numerator": [1], "denominator": [1, 1]}}"#,
        r#"{"state_space": {"states": 1, "inputs": 1, "outputs": 1, "a": [-1], "b": [1], "c": [1]}}"#,
        r#"{"pole_residue": {"outputs": 1, "inputs": 1, "terms": [{"pole": [-1, 0], "residue": [[1, 0]]}]}}"#,
    ] {
        let spec: SystemSpec = serde_json::from_str(text).unwrap();
        let system = spec.build().unwrap();
        assert!((system.dc_gain().unwrap()[0] - 1.0).abs() <= 1e-15);
        let again: SystemSpec =
            serde_json::from_str(&serde_json::to_string(&system).unwrap()).unwrap();
        assert_eq!(again.build().unwrap(), system);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn interconnections_hold_at_any_point(seed in 0u64..1000, re in -0.05f64..3.0, im in -9.0f64..9.0) {
        let s = c(re, im);
        let a = System::from(random_system(seed, 2, 1, 1));
        let b = System::from(random_system(seed + 7, 1, 1, 1));
        let at = |x: &System| x.evaluate(s).unwrap()[0];
        let (ha, hb) = (at(&a), at(&b));
        let scale = 1.0 + ha.norm() + hb.norm();
        prop_assert!((at(&a.series(&b).unwrap()) - ha * hb).norm() <= 1e-11 * scale * scale);
        prop_assert!((at(&a.parallel(&b).unwrap()) - ha - hb).norm() <= 1e-12 * scale);
        for sign in [-1.0, 1.0] {
            let closed = at(&a.feedback(&b, sign).unwrap());
            let expected = ha / (1.0 - sign * ha * hb);
            let loss = 1.0 / (1.0 - sign * ha * hb).norm();
            prop_assert!((closed - expected).norm() <= 1e-10 * scale * scale * (1.0 + loss * loss));
        }
        let both = a.append(&b).unwrap().evaluate(s).unwrap();
        prop_assert!(distance_c(&both, &[ha, c(0.0, 0.0), c(0.0, 0.0), hb]) <= 1e-12 * scale);
    }

    #[test]
    fn final_value_linearity_and_shift(seed in 0u64..1000, shift in 1usize..40) {
        let system = System::from(random_system(seed, 2, 2, 2));
        let last = system.step(&[0.0, 2000.0]).unwrap();
        let gain = system.dc_gain().unwrap();
        for (cell, g) in gain.iter().enumerate() {
            prop_assert!((last.y[2 * cell + 1] - g).abs() <= 1e-12 * (1.0 + g.abs()));
        }
        let t = even(100, 0.03);
        let mut random = Random(seed + 1);
        let mut signal = || (0..200).map(|_| random.normal()).collect::<Vec<f64>>();
        let (u, v) = (signal(), signal());
        let mix: Vec<f64> = u.iter().zip(&v).map(|(u, v)| 2.0 * u - 0.5 * v).collect();
        for system in [system.clone(), System::from(system.to_state_space().unwrap())] {
            let run = |u: &[f64]| system.simulate(&t, u, &[], Hold::First).unwrap().y;
            let (yu, yv) = (run(&u), run(&v));
            let expected: Vec<f64> = yu.iter().zip(&yv).map(|(u, v)| 2.0 * u - 0.5 * v).collect();
            prop_assert!(distance(&run(&mix), &expected) <= 1e-11);
            // Zeros before the input delay the output; the first sample is zero so that nothing jumps.
            let mut first = u.clone();
            (first[0], first[100]) = (0.0, 0.0);
            let late: Vec<f64> = (0..200).map(|k| if k % 100 < shift { 0.0 } else { first[k - shift] }).collect();
            let (y, y_late) = (run(&first), run(&late));
            for o in 0..2 {
                let at = o * 100;
                prop_assert!(distance(&y_late[at + shift..at + 100], &y[at..at + 100 - shift]) <= 1e-11);
            }
        }
    }
}
