//! Passivity against closed forms and dense sweeps.

use num_complex::Complex64;

use super::tests::random_system;
use super::{EnforceOptions, Passivity, Representation, enforce_passivity, passivity};
use crate::error::Code;
use crate::laplace::{PoleResidue, Term};
use crate::telemetry::Progress;

use Representation::{Immittance, Scattering};

fn c(re: f64, im: f64) -> Complex64 {
    Complex64::new(re, im)
}

fn test(system: &PoleResidue, representation: Representation) -> Passivity {
    passivity(system, representation, &Progress::none()).unwrap()
}

fn one(poles: &[(f64, f64)], residues: &[(f64, f64)], d: f64) -> PoleResidue {
    PoleResidue {
        outputs: 1,
        inputs: 1,
        terms: poles
            .iter()
            .zip(residues)
            .map(|(p, r)| Term {
                pole: c(p.0, p.1),
                power: 1,
                residue: vec![c(r.0, r.1)],
            })
            .collect(),
        direct: vec![d],
        linear: Vec::new(),
    }
}

/// The worst value at a frequency by another way: power iteration is avoided, `H^H H` and the Hermitian part of
/// 2 x 2 matrices are solved by formula.
fn value(system: &PoleResidue, representation: Representation, omega: f64) -> f64 {
    let h = system.evaluate(c(0.0, omega));
    let n = system.inputs;
    if n == 1 {
        return if representation == Scattering {
            h[0].norm()
        } else {
            h[0].re
        };
    }
    assert_eq!((system.outputs, n), (2, 2));
    let (a, b, d) = if representation == Scattering {
        let col = |j: usize, k: usize| h[j].conj() * h[k] + h[2 + j].conj() * h[2 + k];
        (col(0, 0).re, col(0, 1), col(1, 1).re)
    } else {
        (h[0].re, 0.5 * (h[1] + h[2].conj()), h[3].re)
    };
    let root = (0.25 * (a - d) * (a - d) + b.norm_sqr()).sqrt();
    if representation == Scattering {
        (0.5 * (a + d) + root).sqrt()
    } else {
        0.5 * (a + d) - root
    }
}

fn violates(system: &PoleResidue, representation: Representation, omega: f64) -> bool {
    let v = value(system, representation, omega);
    if representation == Scattering {
        v > 1.0 + 1e-9
    } else {
        v < -1e-9
    }
}

fn in_band(found: &Passivity, omega: f64) -> bool {
    found
        .bands
        .iter()
        .any(|b| omega >= b.from * (1.0 - 1e-7) && b.to.is_none_or(|to| omega <= to * (1.0 + 1e-7)))
}

/// Sweeps densely and compares every point with the bands.
fn agrees(system: &PoleResidue, representation: Representation) -> usize {
    let found = test(system, representation);
    for k in 0..20_000 {
        let omega = 15.0 * f64::from(k) / 20_000.0;
        let v = violates(system, representation, omega);
        assert!(!v || in_band(&found, omega), "{omega} {:?}", found.bands);
    }
    for band in &found.bands {
        let inside = band
            .to
            .map_or(2.0 * band.from + 1.0, |to| 0.5 * (band.from + to));
        let worst = band.at.unwrap_or(1e9);
        let at = value(system, representation, worst);
        assert!((at - band.worst).abs() <= 1e-8, "{band:?} {at}");
        assert!(value(system, representation, inside).is_finite());
        // The value at each edge is the limit itself.
        let limit = if representation == Scattering {
            1.0
        } else {
            0.0
        };
        for edge in [Some(band.from), band.to]
            .into_iter()
            .flatten()
            .filter(|w| *w > 0.0)
        {
            let at = value(system, representation, edge);
            assert!((at - limit).abs() <= 1e-9, "{edge}: {at}");
        }
    }
    assert_eq!(found.passive, found.bands.is_empty());
    found.bands.len()
}

#[test]
fn closed_forms() {
    // |1.5/(j w + 1)| > 1 for w < sqrt(1.25).
    let found = test(&one(&[(-1.0, 0.0)], &[(1.5, 0.0)], 0.0), Scattering);
    assert!(!found.passive && found.stable && found.bands.len() == 1);
    assert_eq!(found.bands[0].from, 0.0);
    assert!((found.bands[0].to.unwrap() - 1.25f64.sqrt()).abs() <= 1e-12);
    // Z = 1 - 2/(s + 1): Re = 1 - 2/(1 + w^2) < 0 for w < 1.
    let found = test(&one(&[(-1.0, 0.0)], &[(-2.0, 0.0)], 1.0), Immittance);
    assert!((found.bands[0].to.unwrap() - 1.0).abs() <= 1e-12);
    assert!((found.worst + 1.0).abs() <= 1e-12 && found.worst_at == Some(0.0));
    // S = 1.2 - 0.7/(s+1): above 1 to infinity: |S|^2 = (0.25 + 1.44 w^2)/(1 + w^2) > 1 for w^2 > 0.75/0.44.
    let found = test(&one(&[(-1.0, 0.0)], &[(-0.7, 0.0)], 1.2), Scattering);
    assert_eq!(found.bands.len(), 1);
    assert!((found.bands[0].from - (0.75f64 / 0.44).sqrt()).abs() <= 1e-12);
    assert_eq!((found.bands[0].to, found.bands[0].at), (None, None));
    // An all-pass sits on the limit everywhere and is passive.
    assert!(test(&one(&[(-1.0, 0.0)], &[(-2.0, 0.0)], 1.0), Scattering).passive);
    // 1/(s + 1) as impedance: D = 0, positive everywhere; a negative residue nowhere.
    assert!(test(&one(&[(-1.0, 0.0)], &[(1.0, 0.0)], 0.0), Immittance).passive);
    assert!(!test(&one(&[(-1.0, 0.0)], &[(-1.0, 0.0)], 0.0), Immittance).passive);
    // Constants.
    assert!(test(&one(&[], &[], 0.9), Scattering).passive);
    assert!(!test(&one(&[], &[], 1.1), Scattering).passive);
    // Unstable, and with a linear term.
    let found = test(&one(&[(0.1, 1.0)], &[(0.01, 0.0)], 0.0), Scattering);
    assert!(!found.stable && !found.passive);
    let mut inductor = one(&[(-1.0, 0.0)], &[(1.0, 0.0)], 0.0);
    inductor.linear = vec![1.0];
    assert!(test(&inductor, Immittance).passive && !test(&inductor, Scattering).passive);
    inductor.linear = vec![-1.0];
    assert!(!test(&inductor, Immittance).passive);
    // 1/(s^2 + 2 s + 1) has a real part (1 - w^2)/(1 + w^2)^2 < 0 for w > 1, fading out, and a double pole.
    let mut double = one(&[(-1.0, 0.0)], &[(1.0, 0.0)], 0.0);
    double.terms[0].power = 2;
    let found = test(&double, Immittance);
    assert_eq!(found.bands.len(), 1, "{found:?}");
    assert!(
        (found.bands[0].from - 1.0).abs() <= 1e-9 && found.bands[0].to.is_none(),
        "{found:?}"
    );
}

/// Scales a random system so that its peaks lie around the limit.
fn near_limit(seed: u64, n: usize, symmetric: bool, representation: Representation) -> PoleResidue {
    let mut system = random_system(seed, n, 2, 2);
    if symmetric {
        for t in &mut system.terms {
            t.residue[2] = t.residue[1];
        }
        system.direct[2] = system.direct[1];
    }
    if representation == Immittance {
        for i in [0, 3] {
            system.direct[i] += 1.0;
        }
    }
    system
}

#[test]
fn bands_agree_with_dense_sweeps() {
    let mut bands = 0;
    for seed in 0..12 {
        for symmetric in [true, false] {
            for representation in [Scattering, Immittance] {
                let system = near_limit(seed, 9, symmetric, representation);
                let method = test(&system, representation).method;
                assert_eq!(
                    method,
                    if symmetric {
                        "half_size"
                    } else {
                        "hamiltonian"
                    }
                );
                bands += agrees(&system, representation);
            }
        }
    }
    assert!(bands > 40, "{bands}");
}

#[test]
fn thin_bands_are_found() {
    // A resonance of relative width 1e-6 that exceeds 1 by 1e-7, where no sweep would look.
    let b = 3.217;
    let a = 1e-6;
    let peak = one(&[(-a, b)], &[(a * (1.0 + 1e-7), 0.0)], 0.0);
    let found = test(&peak, Scattering);
    assert_eq!(found.bands.len(), 1, "{found:?}");
    assert!((found.worst - 1.0 - 1e-7).abs() <= 2e-8, "{}", found.worst);
    assert!((found.bands[0].at.unwrap() / b - 1.0).abs() <= 1e-6);
    let width = found.bands[0].to.unwrap() - found.bands[0].from;
    // |H|^2 = (1 + d)^2/(1 + x^2), x = (w - b)/a: above 1 for |x| < sqrt(2 d).
    assert!(
        (width / (2.0 * a * 2e-7f64.sqrt()) - 1.0).abs() <= 0.3,
        "{width:e}"
    );
}

#[test]
fn singular_responses_at_infinity_use_the_pencil() {
    for seed in 0..6 {
        // Impedance with D = 0, scattering with |D| = 1.
        let mut z = near_limit(seed, 7, false, Scattering);
        z.direct.clear();
        for t in &mut z.terms {
            // Dominant diagonal: mostly positive, with violations.
            t.residue[0] = c(t.residue[0].re.abs() + 0.1 * t.pole.norm(), t.residue[0].im);
            t.residue[3] = c(t.residue[3].re.abs() + 0.1 * t.pole.norm(), t.residue[3].im);
            if t.pole.im == 0.0 {
                t.residue[0].im = 0.0;
                t.residue[3].im = 0.0;
            }
        }
        assert_eq!(test(&z, Immittance).method, "pencil");
        let found = test(&z, Immittance);
        for k in 0..20_000 {
            let omega = 20.0 * f64::from(k) / 20_000.0;
            assert!(
                !violates(&z, Immittance, omega) || in_band(&found, omega),
                "{omega} {found:?}"
            );
        }
        let mut s = near_limit(seed, 7, true, Scattering);
        s.direct = vec![1.0, 0.0, 0.0, 0.2];
        assert_eq!(test(&s, Scattering).method, "pencil");
        agrees(&s, Scattering);
    }
}

#[test]
fn violations_are_removed_with_little_change() {
    for seed in 0..12 {
        for symmetric in [true, false] {
            for representation in [Scattering, Immittance] {
                let system = near_limit(seed, 9, symmetric, representation);
                let done = enforce_passivity(
                    &system,
                    representation,
                    &EnforceOptions::default(),
                    &Progress::none(),
                )
                .unwrap();
                let report = &done.report;
                assert!(
                    report.enforced && done.after.passive,
                    "{seed} {symmetric} {representation:?} {report:?}"
                );
                if done.before.passive {
                    assert_eq!((report.method.as_str(), report.change_max), ("none", 0.0));
                    continue;
                }
                assert_eq!(
                    report.method, "perturbation",
                    "{seed} {symmetric} {representation:?} {report:?}"
                );
                // By a sweep, not by our own test.
                for k in 0..5_000 {
                    let omega = 15.0 * f64::from(k) / 5_000.0;
                    assert!(!violates(&done.system, representation, omega));
                }
                // Less change than scaling (shifting) the whole response would make.
                let violation = match representation {
                    Scattering => 1.0 - 1.0 / done.before.worst,
                    Immittance => -done.before.worst,
                };
                if representation == Scattering {
                    assert!(
                        report.change_relative <= violation,
                        "{report:?} {violation}"
                    );
                } else {
                    assert!(report.change_rms <= violation, "{report:?} {violation}");
                }
                for (a, b) in system.terms.iter().zip(&done.system.terms) {
                    assert_eq!(a.pole, b.pole);
                    assert!(!symmetric || b.residue[1] == b.residue[2]);
                }
            }
        }
    }
}

#[test]
fn enforcement_ends_and_says_so() {
    // Far from passive: gains of 30. With two perturbations it cannot succeed; it says so, or scales.
    let mut system = random_system(3, 9, 2, 2);
    for t in &mut system.terms {
        for r in &mut t.residue {
            *r *= 30.0;
        }
    }
    let mut options = EnforceOptions {
        max_iterations: 1,
        fallback: false,
        ..EnforceOptions::default()
    };
    let run =
        |o: &EnforceOptions| enforce_passivity(&system, Scattering, o, &Progress::none()).unwrap();
    let done = run(&options);
    assert!(!done.report.enforced && done.report.method == "failed" && !done.after.passive);
    options.fallback = true;
    let done = run(&options);
    assert!(
        done.report.enforced && done.report.method == "scaling",
        "{:?}",
        done.report
    );
    let done = run(&EnforceOptions::default());
    assert!(done.report.enforced, "{:?}", done.report);
    // D alone above 1.
    let done = enforce_passivity(
        &one(&[(-1.0, 0.0)], &[(-0.7, 0.0)], 1.2),
        Scattering,
        &EnforceOptions::default(),
        &Progress::none(),
    )
    .unwrap();
    assert!(
        done.report.enforced && done.system.direct[0] <= 1.0,
        "{:?}",
        done.report
    );
    // Impedance without D: the fading violation.
    let z = one(&[(-0.5, 2.0), (-1.0, 0.0)], &[(-0.2, 1.0), (0.3, 0.0)], 0.0);
    let done = enforce_passivity(
        &z,
        Immittance,
        &EnforceOptions::default(),
        &Progress::none(),
    )
    .unwrap();
    assert!(
        done.report.enforced && !done.before.passive,
        "{:?}",
        done.report
    );
}

/// `1.5/(s + 1)^2` is above 1 below `w^2 = 0.5`; and chains of poles of two ports.
#[test]
fn repeated_poles_are_enforced() {
    let mut double = one(&[(-1.0, 0.0)], &[(1.5, 0.0)], 0.0);
    double.terms[0].power = 2;
    double.direct.clear();
    let done = enforce_passivity(
        &double,
        Scattering,
        &EnforceOptions::default(),
        &Progress::none(),
    )
    .unwrap();
    assert!((done.before.bands[0].to.unwrap() - 0.5f64.sqrt()).abs() <= 1e-9);
    assert!(
        done.report.enforced && done.report.method == "perturbation",
        "{:?}",
        done.report
    );
    // One number can change, so the answer is known: the gain falls to 1.
    let gain = done.system.terms[0].residue[0].re;
    assert!((gain - 1.0).abs() <= 1e-3 && gain <= 1.0, "{gain}");

    let mut bands = 0;
    for seed in 0..6 {
        for symmetric in [true, false] {
            let mut system = near_limit(seed, 5, symmetric, Scattering);
            // Second powers of the first two poles, at about a third of their own peaks.
            for k in 0..2 {
                let mut term = system.terms[k].clone();
                term.power = 2;
                for r in &mut term.residue {
                    *r *= 0.3 * term.pole.re.abs();
                }
                system.terms.push(term);
            }
            bands += agrees(&system, Scattering);
            let done = enforce_passivity(
                &system,
                Scattering,
                &EnforceOptions::default(),
                &Progress::none(),
            )
            .unwrap();
            assert!(done.report.enforced, "{seed} {symmetric} {:?}", done.report);
            for k in 0..5_000 {
                let omega = 15.0 * f64::from(k) / 5_000.0;
                assert!(!violates(&done.system, Scattering, omega));
            }
            for (a, b) in system.terms.iter().zip(&done.system.terms) {
                assert_eq!((a.pole, a.power), (b.pole, b.power));
            }
        }
    }
    assert!(bands > 5, "{bands}");
}

#[test]
fn bad_systems_are_refused() {
    let o = EnforceOptions::default();
    let run = |s: &PoleResidue, r, o: &EnforceOptions| {
        enforce_passivity(s, r, o, &Progress::none()).unwrap_err()
    };
    let unstable = one(&[(0.1, 1.0)], &[(0.01, 0.0)], 0.0);
    assert_eq!(run(&unstable, Scattering, &o).field(), Some("system"));
    let mut bad = one(&[(-1.0, 0.0)], &[(1.0, 0.0)], 0.0);
    bad.linear = vec![-1.0];
    assert_eq!(run(&bad, Immittance, &o).field(), Some("system.linear"));
    bad.linear.clear();
    bad.terms[0].residue[0].re = f64::NAN;
    assert_eq!(run(&bad, Scattering, &o).code(), Code::InvalidInput);
    let good = one(&[(-1.0, 0.0)], &[(1.5, 0.0)], 0.0);
    let margin = EnforceOptions {
        margin: f64::NAN,
        ..o.clone()
    };
    assert_eq!(
        run(&good, Scattering, &margin).field(),
        Some("options.margin")
    );
    let omega = EnforceOptions {
        omega: vec![1.0, -1.0],
        ..o.clone()
    };
    assert_eq!(
        run(&good, Scattering, &omega).field(),
        Some("options.omega[1]")
    );
    let flat = random_system(1, 4, 2, 3);
    assert!(passivity(&flat, Immittance, &Progress::none()).is_err());
    assert!(passivity(&flat, Scattering, &Progress::none()).is_ok());
}
