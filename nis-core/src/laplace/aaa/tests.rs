//! Tests of the approximation against closed forms.

use num_complex::Complex64;
use proptest::prelude::*;

use super::*;

fn c(re: f64, im: f64) -> Complex64 {
    Complex64::new(re, im)
}

fn line(n: usize, from: f64, to: f64) -> Vec<Complex64> {
    (0..n)
        .map(|k| c(0.0, from + (to - from) * k as f64 / (n - 1) as f64))
        .collect()
}

fn fit(s: &[Complex64], f: &[&[Complex64]], options: &AaaOptions) -> Barycentric {
    aaa(s, f, options, &Progress::none()).unwrap()
}

/// Six poles over three decades, several functions, with and without symmetry.
#[test]
fn common_poles_of_three_functions() {
    let pairs = [(c(-0.01, 1.0), c(1.0, 0.5)), (c(-0.5, 30.0), c(-2.0, 1.0))];
    let real = [(-3.0, 2.0), (-400.0, 50.0)];
    let f = |k: usize, s: Complex64| {
        let mut sum = c(0.25 * k as f64, 0.0);
        for (i, (p, r)) in pairs.iter().enumerate() {
            let r = r * (1.0 + (i * k) as f64);
            sum += r / (s - p) + r.conj() / (s - p.conj());
        }
        for (p, r) in real {
            sum += r / (s - p) * (1.0 - 0.3 * k as f64);
        }
        sum
    };
    let s: Vec<Complex64> = (0..300)
        .map(|k| c(0.0, 10f64.powf(-2.0 + 5.0 * k as f64 / 299.0)))
        .collect();
    let data: Vec<Vec<Complex64>> = (0..3)
        .map(|k| s.iter().map(|s| f(k, *s)).collect())
        .collect();
    let columns: Vec<&[Complex64]> = data.iter().map(Vec::as_slice).collect();
    for conjugate in [true, false] {
        let options = AaaOptions {
            conjugate,
            ..AaaOptions::default()
        };
        let r = fit(&s, &columns, &options);
        assert!(r.error() <= 1e-12, "{conjugate} {}", r.error());
        let parts = r.partial_fractions().unwrap();
        let expected = [
            pairs[0].0,
            pairs[0].0.conj(),
            pairs[1].0,
            pairs[1].0.conj(),
            c(-3.0, 0.0),
            c(-400.0, 0.0),
        ];
        for p in expected {
            let near = parts
                .poles
                .iter()
                .map(|q| (q - p).norm() / p.norm())
                .fold(f64::INFINITY, f64::min);
            assert!(near <= 1e-9, "{conjugate} {p} {near}");
        }
        if conjugate {
            assert_eq!(parts.poles.len(), 6);
            for p in &parts.poles {
                assert!(p.im == 0.0 || parts.poles.contains(&p.conj()), "{p}");
            }
        }
        for at in [c(0.3, 5.0), c(2.0, 0.0), c(0.0, 77.0)] {
            let values = r.evaluate(at);
            for (k, v) in values.iter().enumerate() {
                let exact = f(k, at);
                let by_poles = parts.direct[k]
                    + parts.linear[k] * at
                    + parts
                        .poles
                        .iter()
                        .zip(&parts.residues)
                        .map(|(p, r)| r[k] / (at - p))
                        .sum::<Complex64>();
                assert!((v - exact).norm() <= 1e-11 * (1.0 + exact.norm()), "{at}");
                assert!(
                    (by_poles - exact).norm() <= 1e-9 * (1.0 + exact.norm()),
                    "{at} {by_poles} {exact}"
                );
            }
        }
    }
}

/// Functions that are not rational converge at the rates of the paper: exp on [-1, 1] needs degree 7.
#[test]
fn exp_on_an_interval() {
    let s: Vec<Complex64> = (0..400).map(|k| c(-1.0 + k as f64 / 199.5, 0.0)).collect();
    let f: Vec<Complex64> = s.iter().map(|s| s.exp()).collect();
    let r = fit(&s, &[&f], &AaaOptions::default());
    assert!(r.degree() <= 8, "{}", r.degree());
    for x in [-0.987, -0.123, 0.6543] {
        assert!((r.evaluate(c(x, 0.0))[0] - x.exp()).norm() <= 1e-12);
    }
}

#[test]
fn a_polynomial_of_degree_one_grows_at_infinity() {
    let s = line(30, 0.1, 10.0);
    let f: Vec<Complex64> = s.iter().map(|s| 2.0 + 0.5 * s + 1.0 / (s + 1.0)).collect();
    let parts = fit(&s, &[&f], &AaaOptions::default())
        .partial_fractions()
        .unwrap();
    assert_eq!(parts.poles.len(), 1);
    assert!((parts.poles[0] + 1.0).norm() <= 1e-10, "{parts:?}");
    assert!((parts.linear[0] - 0.5).norm() <= 1e-11, "{parts:?}");
    assert!((parts.direct[0] - 2.0).norm() <= 1e-10, "{parts:?}");
}

/// Samples with noise of 1e-6 and a tolerance below it: the approximation stops at the noise, and the true
/// pole is among the poles.
#[test]
fn noise_ends_the_search() {
    let s = line(200, 0.05, 10.0);
    let mut random = crate::optim::Random(7);
    let f: Vec<Complex64> = s
        .iter()
        .map(|s| 1.0 / ((s + 0.1) * (s + 0.1) + 9.0) + 1e-6 * c(random.normal(), random.normal()))
        .collect();
    let options = AaaOptions {
        tolerance: 1e-5,
        ..AaaOptions::default()
    };
    let r = fit(&s, &[&f], &options);
    let near = r
        .poles()
        .unwrap()
        .iter()
        .map(|p| (p - c(-0.1, 3.0)).norm())
        .fold(f64::INFINITY, f64::min);
    assert!(near <= 1e-4, "{near}");
    assert!(r.degree() <= 12, "{}", r.degree());
}

#[test]
fn constants_and_zero() {
    let s = line(20, 1.0, 2.0);
    for value in [0.0, 3.5] {
        let f = vec![c(value, 0.0); 20];
        let r = fit(&s, &[&f], &AaaOptions::default());
        assert_eq!(r.degree(), 0);
        assert!(r.poles().unwrap().is_empty());
        assert!((r.evaluate(c(7.0, 1.0))[0] - value).norm() <= 1e-15);
    }
}

#[test]
fn bad_input_is_named() {
    let s = line(20, 1.0, 2.0);
    let f = vec![c(1.0, 0.0); 20];
    let field = |s: &[Complex64], f: &[&[Complex64]], o: &AaaOptions| {
        let e = aaa(s, f, o, &Progress::none()).unwrap_err();
        e.field().unwrap_or_default().to_string()
    };
    let default = AaaOptions::default();
    assert_eq!(field(&s[..2], &[&f[..2]], &default), "s");
    assert_eq!(field(&s, &[], &default), "functions");
    assert_eq!(field(&s, &[&f[..19]], &default), "functions[0]");
    let mut bad = f.clone();
    bad[3].im = f64::NAN;
    assert_eq!(field(&s, &[&bad], &default), "functions[0][3]");
    let mut twice = s.clone();
    twice[4] = twice[9];
    assert_eq!(field(&twice, &[&f], &default), "s[9]");
    let real: Vec<Complex64> = (0..20).map(|k| c(k as f64, 0.0)).collect();
    let complex = vec![c(0.0, 1.0); 20];
    assert_eq!(field(&real, &[&complex], &default), "functions[0][0]");
    for (options, name) in [
        (
            AaaOptions {
                tolerance: f64::NAN,
                ..default.clone()
            },
            "tolerance",
        ),
        (
            AaaOptions {
                max_degree: 0,
                ..default.clone()
            },
            "max_degree",
        ),
        (
            AaaOptions {
                cleanup_tolerance: -1.0,
                ..default.clone()
            },
            "cleanup_tolerance",
        ),
    ] {
        assert_eq!(field(&s, &[&f], &options), name);
    }
}

#[test]
fn it_can_be_stopped() {
    let s = line(50, 0.1, 10.0);
    let f: Vec<Complex64> = s.iter().map(|s| s.sqrt()).collect();
    let stop = |_: crate::telemetry::Step<'_>| std::ops::ControlFlow::Break(());
    let e = aaa(&s, &[&f], &AaaOptions::default(), &Progress::new(&stop)).unwrap_err();
    assert_eq!(e, Error::Cancelled);
}

proptest! {
    /// Any rational function of degree up to 6 is found, and its residues sum up to it, at amplitudes from
    /// 1e-200 to 1e200.
    #[test]
    fn rational_functions_are_reproduced(
        poles in prop::collection::vec((-3.0f64..-0.2, 0.5f64..9.0), 1..4),
        residues in prop::collection::vec((0.5f64..2.0, -2.0f64..2.0), 3),
        exponent in -200i32..200,
    ) {
        let apart = poles.iter().enumerate().all(|(i, p)| {
            poles[..i].iter().all(|q| (p.0 - q.0).hypot(p.1 - q.1) > 0.5)
        });
        prop_assume!(apart);
        let size = 10f64.powi(exponent);
        let f = |s: Complex64| poles.iter().zip(&residues).map(|(p, r)| {
            let (p, r) = (c(p.0, p.1), c(r.0, r.1));
            r / (s - p) + r.conj() / (s - p.conj())
        }).sum::<Complex64>();
        let s = line(80, 0.0, 12.0);
        let data: Vec<Complex64> = s.iter().map(|s| f(*s) * size).collect();
        let r = fit(&s, &[&data], &AaaOptions::default());
        prop_assert!(r.error() <= 1e-12);
        let parts = r.partial_fractions().unwrap();
        let at = c(0.5, 3.3);
        let sum = parts.direct[0] + parts.poles.iter().zip(&parts.residues)
            .map(|(p, r)| r[0] / (at - p)).sum::<Complex64>();
        prop_assert!((sum / size - f(at)).norm() <= 1e-8 * (1.0 + f(at).norm()), "{} {}", sum / size, f(at));
    }
}
