//! Margins, norms, reduction and discretisation against closed forms.

use std::f64::consts::PI;

use num_complex::Complex64;
use proptest::prelude::*;

use super::tests::{c, distance, even, mixed, random_system};
use super::*;
use crate::telemetry::Progress;

fn zpk(zeros: &[Complex64], poles: &[Complex64], gain: f64) -> System {
    Zpk {
        zeros: zeros.to_vec(),
        poles: poles.to_vec(),
        gain,
        dt: None,
    }
    .to_system()
    .unwrap()
}

fn none() -> Progress<'static> {
    Progress::none()
}

#[test]
fn margins_of_a_third_order_loop() {
    // 4/(s (s + 1)(s + 2)): phase crossover at sqrt(2), |H| = 4/6 there, so a gain margin of 3/2.
    let loop_ = zpk(&[], &[c(0.0, 0.0), c(-1.0, 0.0), c(-2.0, 0.0)], 4.0);
    let m = loop_.margins(&none()).unwrap();
    assert!(m.closed_loop_stable);
    assert_eq!((m.gain.len(), m.phase.len()), (1, 1));
    assert!((m.gain[0].omega - 2f64.sqrt()).abs() <= 1e-14);
    assert!((m.gain_margin.unwrap() - 1.5).abs() <= 1e-13);
    // |H| = 1: w^2 (w^2 + 1)(w^2 + 4) = 16.
    let w = m.phase[0].omega;
    assert!((w * w * (w * w + 1.0) * (w * w + 4.0) - 16.0).abs() <= 1e-12);
    let phase = PI - 0.5 * PI - w.atan() - (w / 2.0).atan();
    assert!((m.phase_margin.unwrap() - phase).abs() <= 1e-13);
    assert!((m.delay_margin.unwrap() - phase / w).abs() <= 1e-13);
    let distance = |w: f64| (loop_.frequency_response(&[w]).unwrap().response[0] + 1.0).norm();
    let least = (1..400_000)
        .map(|k| distance(1e-5 * f64::from(k)))
        .fold(f64::INFINITY, f64::min);
    assert!(
        (m.modulus_margin.unwrap() - least).abs() <= 1e-8,
        "{m:?} {least}"
    );
    // The same from matrices, and twice the gain is unstable.
    let matrices = System::from(mixed(&loop_.to_state_space().unwrap(), 3));
    let again = matrices.margins(&none()).unwrap();
    assert!((again.gain_margin.unwrap() - 1.5).abs() <= 1e-10);
    assert!((again.phase_margin.unwrap() - phase).abs() <= 1e-10);
    let double = loop_.scaled(2.0).unwrap().margins(&none()).unwrap();
    assert!(!double.closed_loop_stable && double.modulus_margin.is_none());
    assert!((double.gain_reduction.unwrap() - 0.75).abs() <= 1e-13);
}

#[test]
fn every_crossover_is_found_however_narrow() {
    // Two resonances of damping ratio 1e-7, far narrower than any grid, lift the gain above 1: 1 + 2 * 2 crossings.
    let pole = |w: f64| [c(-1e-7 * w, w), c(-1e-7 * w, -w)];
    let mut poles = vec![c(-1.0, 0.0)];
    poles.extend(pole(30.0));
    poles.extend(pole(70.0));
    let near = |w: f64| [c(-2e-3, w), c(-2e-3, -w)];
    let mut zeros = near(30.001).to_vec();
    zeros.extend(near(70.002));
    let loop_ = zpk(&zeros, &poles, 3.0);
    let m = loop_.margins(&none()).unwrap();
    assert_eq!(m.phase.len(), 5, "{:?}", m.phase);
    for p in &m.phase {
        let h = loop_.frequency_response(&[p.omega]).unwrap().response[0];
        assert!((h.norm() - 1.0).abs() <= 1e-7, "{p:?} {}", h.norm());
    }
    // |3/(s + 1)| = 1 at sqrt(8), near enough where the resonances cancel.
    assert!((m.phase[0].omega - 8f64.sqrt()).abs() <= 1e-3);
    // A constant loop has no crossover at all.
    let constant =
        System::from(StateSpace::new(0, 1, 1, vec![], vec![], vec![], vec![0.5]).unwrap());
    let m = constant.margins(&none()).unwrap();
    assert!(m.closed_loop_stable && m.gain.is_empty() && m.phase.is_empty());
    let wide = System::from(random_system(1, 1, 2, 1));
    assert_eq!(wide.margins(&none()).unwrap_err().field(), Some("system"));
}

#[test]
fn margins_of_a_discrete_loop() {
    // k/(z - 1): |H| = 1 at 2 sin(w dt/2) = k; H(-1) = -k/2.
    let loop_ = System::from(StateSpace {
        dt: Some(0.1),
        ..StateSpace::new(1, 1, 1, vec![1.0], vec![1.0], vec![0.5], vec![]).unwrap()
    });
    let m = loop_.margins(&none()).unwrap();
    assert!(m.closed_loop_stable);
    let w = 2.0 / 0.1 * (0.25f64).asin();
    assert!((m.phase[0].omega - w).abs() <= 1e-12 * w, "{m:?}");
    assert!((m.phase[0].margin - (0.5 * PI - 0.5 * w * 0.1)).abs() <= 1e-12);
}

#[test]
fn norms_have_their_closed_forms() {
    // w0^2/(s^2 + 2 z w0 s + w0^2): peak 1/(2 z sqrt(1 - z^2)) at w0 sqrt(1 - 2 z^2); H2^2 = w0/(4 z).
    for damping in [0.5, 0.1, 1e-3, 1e-6] {
        let (w0, d) = (3.0, damping);
        let p = c(-d * w0, w0 * f64::sqrt(1.0 - d * d));
        let system = zpk(&[], &[p, p.conj()], w0 * w0);
        let peak = system.h_infinity_norm(&none()).unwrap();
        let expected = 1.0 / (2.0 * d * f64::sqrt(1.0 - d * d));
        assert!(
            (peak.norm / expected - 1.0).abs() <= 1e-9,
            "{damping}: {peak:?} {expected}"
        );
        let h2 = system.h2_norm().unwrap();
        assert!(
            (h2 / (w0 / (4.0 * d)).sqrt() - 1.0).abs() <= 1e-12,
            "{damping}: {h2}"
        );
    }
    // Discrete 1/(z - a): the sum of squares is 1/(1 - a^2), the peak 1/(1 - a).
    let system = System::from(StateSpace {
        dt: Some(2.0),
        ..StateSpace::new(1, 1, 1, vec![0.8], vec![1.0], vec![1.0], vec![0.5]).unwrap()
    });
    assert!((system.h2_norm().unwrap().powi(2) - 1.0 / 0.36 - 0.25).abs() <= 1e-14);
    assert!((system.h_infinity_norm(&none()).unwrap().norm - 5.5).abs() <= 1e-9);
    let unstable = zpk(&[], &[c(1.0, 0.0)], 1.0);
    assert_eq!(unstable.h2_norm().unwrap_err().field(), Some("system"));
    assert!(unstable.h_infinity_norm(&none()).is_err());
    // Several inputs and outputs: the largest singular value over a fine grid is never above.
    let wide = System::from(random_system(5, 2, 2, 3));
    let peak = wide.h_infinity_norm(&none()).unwrap();
    let at = wide.frequency_response(&[peak.omega]).unwrap();
    let h = faer::Mat::from_fn(2, 3, |o, i| at.response[o * 3 + i]);
    assert!((h.singular_values().unwrap()[0] / peak.norm - 1.0).abs() <= 1e-9);
}

#[test]
fn reduction_keeps_its_bound() {
    for seed in 0..6 {
        let mut system = random_system(seed, 6, 1 + seed as usize % 2, 1 + seed as usize % 3);
        system
            .terms
            .iter_mut()
            .skip(4)
            .for_each(|t| t.residue.iter_mut().for_each(|r| *r *= 1e-3));
        let full = System::from(system);
        for match_dc in [false, true] {
            let options = ReduceOptions {
                order: None,
                tolerance: 1e-2,
                match_dc,
            };
            let reduced = full.reduce(&options, &none()).unwrap();
            assert!(reduced.order < full.to_state_space().unwrap().states);
            assert!(
                reduced
                    .hankel_singular_values
                    .windows(2)
                    .all(|h| h[0] >= h[1])
            );
            let small = System::from(reduced.system.clone());
            let difference = full.parallel(&small.scaled(-1.0).unwrap()).unwrap();
            let error = difference.h_infinity_norm(&none()).unwrap().norm;
            assert!(
                error <= reduced.error_bound * (1.0 + 1e-8),
                "{error} {}",
                reduced.error_bound
            );
            // Glover 1984: nothing of this order comes closer than the first value left out.
            assert!(error >= reduced.hankel_singular_values[reduced.order] * (1.0 - 1e-8));
            if match_dc {
                let error = distance(&full.dc_gain().unwrap(), &small.dc_gain().unwrap());
                assert!(error <= 1e-12, "{error}");
            }
        }
    }
    // 1/(s + 1): the Hankel singular value is 1/2.
    let lag = zpk(&[], &[c(-1.0, 0.0)], 1.0)
        .reduce(&ReduceOptions::default(), &none())
        .unwrap();
    assert!((lag.hankel_singular_values[0] - 0.5).abs() <= 1e-15);
    // What cannot be reached goes: a sum of two equal systems has the order of one.
    let one = System::from(mixed(
        &random_system(9, 2, 1, 1).to_state_space().unwrap(),
        4,
    ));
    let two = one.parallel(&one).unwrap();
    let back = two
        .reduce(
            &ReduceOptions {
                tolerance: 1e-13,
                ..Default::default()
            },
            &none(),
        )
        .unwrap();
    assert_eq!(back.order, one.to_state_space().unwrap().states);
    let w = [0.3, 2.0, 5.0];
    let (a, b) = (
        two.frequency_response(&w).unwrap(),
        back.system.frequency_response(&w).unwrap(),
    );
    assert!(
        a.response
            .iter()
            .zip(&b.response)
            .all(|(a, b)| (a - b).norm() <= 1e-11)
    );
}

#[test]
fn an_unstable_part_is_split_off_and_kept() {
    let mut system = random_system(3, 3, 2, 2);
    system.terms[0].pole.re = 0.3;
    system.terms[1].pole = c(0.0, 0.0);
    let full = System::from(mixed(&system.to_state_space().unwrap(), 8));
    let (stable, rest) = full.split_stable().unwrap();
    assert!(System::from(stable.clone()).is_stable().unwrap());
    let unstable = rest.poles().unwrap();
    assert!(
        unstable.iter().all(|p| p.re >= -1e-12) && unstable.len() == 4 + 2,
        "{unstable:?}"
    );
    let sum = stable.parallel(&rest).unwrap();
    for s in [c(0.1, 1.0), c(2.0, 0.0)] {
        let (a, b) = (full.evaluate(s).unwrap(), sum.evaluate(s).unwrap());
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).norm() <= 1e-11));
    }
    let reduced = full
        .reduce(
            &ReduceOptions {
                order: Some(8),
                ..Default::default()
            },
            &none(),
        )
        .unwrap();
    assert_eq!((reduced.order, reduced.unstable), (8, 6));
    let low = full
        .reduce(
            &ReduceOptions {
                order: Some(2),
                ..Default::default()
            },
            &none(),
        )
        .unwrap_err();
    assert_eq!(low.field(), Some("options.order"));
}

#[test]
fn discretisations_do_what_they_promise() {
    let full = System::from(random_system(12, 2, 2, 2));
    let dt = 0.07;
    let with = |method, prewarp| {
        full.discretize(dt, &DiscretizeOptions { method, prewarp })
            .unwrap()
    };
    let t = even(60, dt);
    let u: Vec<f64> = (0..120).map(|k| (0.3 * f64::from(k)).sin() + 0.1).collect();
    for (method, hold) in [
        (Discretization::Zoh, Hold::Zero),
        (Discretization::Foh, Hold::First),
    ] {
        let discrete = with(method, None);
        // The first-order hold of the discrete system starts from x - g1 u(0) = 0, so its input starts at 0.
        let mut u = u.clone();
        (u[0], u[60]) = (0.0, 0.0);
        let exact = full.simulate(&t, &u, &[], hold).unwrap().y;
        let got = discrete.simulate(&t, &u, &[], Hold::Zero).unwrap().y;
        assert!(
            distance(&exact, &got) <= 1e-12,
            "{method:?} {}",
            distance(&exact, &got)
        );
    }
    let tustin = with(Discretization::Tustin, None);
    let w = 4.0;
    let warped = 2.0 / dt * (0.5 * w * dt).tan();
    let gap = |a: &System, wa: f64, b: &System, wb: f64| {
        let (a, b) = (
            a.frequency_response(&[wa]).unwrap(),
            b.frequency_response(&[wb]).unwrap(),
        );
        a.response
            .iter()
            .zip(&b.response)
            .map(|(a, b)| (a - b).norm())
            .sum::<f64>()
    };
    assert!(gap(&tustin, w, &full, warped) <= 1e-12);
    let prewarped = with(Discretization::Tustin, Some(w));
    assert!(gap(&prewarped, w, &full, w) <= 1e-12);
    assert!(gap(&prewarped, 0.0, &full, 0.0) <= 1e-12);
    let lag = zpk(
        &[c(-3.0, 0.0)],
        &[c(-1.0, 0.0), c(-2.0, 5.0), c(-2.0, -5.0)],
        10.0,
    );
    let matched = lag
        .discretize(
            dt,
            &DiscretizeOptions {
                method: Discretization::Matched,
                prewarp: None,
            },
        )
        .unwrap();
    assert!((matched.dc_gain().unwrap()[0] - lag.dc_gain().unwrap()[0]).abs() <= 1e-13);
    let mut poles = matched.poles().unwrap();
    for p in lag.poles().unwrap() {
        let at = poles
            .iter()
            .position(|q| (q - (p * dt).exp()).norm() <= 1e-13)
            .unwrap();
        poles.remove(at);
    }
    let zeros = matched.zeros().unwrap();
    assert!(
        zeros.iter().any(|z| (z + 1.0).norm() <= 1e-12) && zeros.len() == 2,
        "{zeros:?}"
    );
    for dt in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            full.discretize(dt, &Default::default())
                .unwrap_err()
                .field(),
            Some("dt")
        );
    }
    assert_eq!(
        tustin
            .discretize(dt, &Default::default())
            .unwrap_err()
            .field(),
        Some("system.dt")
    );
}

#[test]
fn discrete_responses_follow_the_recursion() {
    let system = System::from(StateSpace {
        dt: Some(0.5),
        ..StateSpace::new(1, 1, 1, vec![0.5], vec![1.0], vec![2.0], vec![3.0]).unwrap()
    });
    let t = [0.0, 0.5, 1.0, 2.0];
    assert_eq!(system.impulse(&t).unwrap().y, [3.0, 2.0, 1.0, 0.25]);
    assert_eq!(system.step(&t).unwrap().y, [3.0, 5.0, 6.0, 6.75]);
    assert_eq!(system.initial(&[4.0], &t).unwrap().y, [8.0, 4.0, 2.0, 0.5]);
    assert_eq!(system.step(&[0.2]).unwrap_err().field(), Some("t[0]"));
    assert!((system.dc_gain().unwrap()[0] - 7.0).abs() <= 1e-14);
    let h = system.frequency_response(&[2.0]).unwrap().response[0];
    assert!((h - (2.0 / (Complex64::cis(1.0) - 0.5) + 3.0)).norm() <= 1e-14);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn hankel_values_do_not_depend_on_coordinates_or_sampling(seed in 0u64..500) {
        let system = random_system(seed, 2, 2, 1).to_state_space().unwrap();
        let values = |s: &StateSpace| System::from(s.clone()).reduce(&ReduceOptions::default(), &none()).unwrap().hankel_singular_values;
        let first = values(&system);
        prop_assert!(distance(&first, &values(&mixed(&system, seed + 1))) <= 1e-11 * first[0]);
        let options = DiscretizeOptions { method: Discretization::Tustin, prewarp: None };
        let System::StateSpace(sampled) = System::from(system).discretize(0.3, &options).unwrap() else {
            return Err(TestCaseError::fail("form"));
        };
        prop_assert!(distance(&first, &values(&sampled)) <= 1e-11 * first[0]);
    }
}
