//! Tests of the inversion against 40-digit values, closed forms and properties.

use num_complex::Complex64;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn c(re: f64, im: f64) -> Complex64 {
    Complex64::new(re, im)
}

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

/// Name, formula, times and values of the 16 pairs: at 100 times, then at the 14 of the golden data.
fn pairs() -> Vec<(String, String, Vec<f64>, Vec<f64>)> {
    let (fine, coarse) = (golden("laplace_inverse.json"), golden("laplace.json"));
    let t = numbers(&fine["t"]);
    let mut out = Vec::new();
    for (a, b) in fine["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .zip(coarse["pairs"].as_array().unwrap())
    {
        assert_eq!(a["name"], b["name"]);
        let name = a["name"].as_str().unwrap().to_string();
        let text = a["F"].as_str().unwrap().to_string();
        let mut times = t.clone();
        times.extend(numbers(&b["t"]));
        let mut values = numbers(&a["f"]);
        values.extend(numbers(&b["f_t"]));
        assert_eq!(times.len(), 114);
        out.push((name, text, times, values));
    }
    assert_eq!(out.len(), 16);
    out
}

pub(super) fn worst(found: &Inversion, exact: &[f64]) -> f64 {
    found
        .value
        .iter()
        .zip(exact)
        .map(|(v, f)| (v - f).abs())
        .fold(0.0, |a, b| if b <= a { a } else { b })
}

/// Share of the points whose error estimate is within a factor 100 of the true error, both taken as at
/// least 1e-12.
pub(super) fn honest(found: &Inversion, exact: &[f64]) -> f64 {
    let good = (0..exact.len()).filter(|&i| {
        let error = (found.value[i] - exact[i]).abs().max(1e-12);
        let stated = found.error[i].max(1e-12);
        stated <= 100.0 * error && error <= 100.0 * stated
    });
    good.count() as f64 / exact.len() as f64
}

pub(super) fn formula(text: &str, t: &[f64], options: &InvertOptions) -> Inversion {
    let e = Expr::parse(text).unwrap();
    invert_formula(&e, t, options, &Progress::none()).unwrap()
}

pub(super) fn function(text: &str, t: &[f64], options: &InvertOptions) -> Inversion {
    let mut f = Formula::new(&Expr::parse(text).unwrap(), "s").unwrap();
    invert(&mut f, t, options, &Progress::none()).unwrap()
}

/// As a formula every one of the 16 pairs is right to 1e-8 at all 114 times, without being told which it is; the
/// largest errors are those stated here, and the stated errors are honest.
#[test]
fn formulas_reach_1e_8_on_all_pairs() {
    let (mut points, mut good) = (0.0, 0.0);
    for (name, text, t, exact) in pairs() {
        let found = formula(&text, &t, &InvertOptions::default());
        let reached = match name.as_str() {
            // The cut of sqrt(s^2 + 1) lies across every contour: the vertical line alone serves.
            "bessel" => 5e-12,
            "unstable" | "invsqrt" => 2e-12,
            _ => 5e-13,
        };
        let worst = worst(&found, &exact);
        assert!(worst <= reached, "{name} {worst:e}");
        let share = honest(&found, &exact);
        assert!(share >= 0.95, "{name} {share}");
        points += exact.len() as f64;
        good += share * exact.len() as f64;
        assert_eq!(found.abscissa > 0.0, name == "unstable", "{name}");
    }
    assert!(good / points >= 0.99, "{}", good / points);
}

/// As a function, whose delays are not to be seen, all 16 are as good, those with jumps too (0.05 is the least
/// distance of these times to one).
#[test]
fn functions_reach_1e_8_too() {
    for (name, text, t, exact) in pairs() {
        let found = function(&text, &t, &InvertOptions::default());
        let worst = worst(&found, &exact);
        assert!(worst <= 5e-12, "{name} {worst:e}");
        let share = honest(&found, &exact);
        assert!(share >= 0.95, "{name} {share}");
    }
}

/// A jump at an unknown time: what is stated tells how near it is, and right at it that nothing is known.
#[test]
fn next_to_a_jump_the_error_says_so() {
    let jump = 2.0;
    let at = function("exp(-2*s)/s", &[jump], &InvertOptions::default());
    assert!(at.error[0] >= 0.01, "{at:?}");
    for distance in [1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 0.03, 0.1, 0.5] {
        for (t, exact) in [(jump - distance, 0.0), (jump + distance, 1.0)] {
            let found = function("exp(-2*s)/s", &[t], &InvertOptions::default());
            let (error, stated) = ((found.value[0] - exact).abs(), found.error[0]);
            assert!(
                error <= 100.0 * stated.max(1e-12),
                "{distance} {error:e} {stated:e}"
            );
            if distance >= 0.03 {
                assert!(
                    error <= 1e-11 && stated <= 1e-9,
                    "{distance} {error:e} {stated:e}"
                );
            }
        }
    }
}

#[test]
fn a_known_delay_of_a_function_is_used() {
    let t: Vec<f64> = (1..100).map(|k| 0.1 * f64::from(k) + 0.05).collect();
    let options = InvertOptions {
        delay: 2.0,
        ..InvertOptions::default()
    };
    let found = function("exp(-2*s)/(s^2 + 9)", &t, &options);
    for (t, v) in t.iter().zip(&found.value) {
        let exact = if *t > 2.0 {
            (3.0 * (t - 2.0)).sin() / 3.0
        } else {
            0.0
        };
        assert!((v - exact).abs() <= 1e-12, "{t} {v} {exact}");
    }
}

/// Each method on functions that it is made for.
#[test]
fn each_method_alone() {
    let t: Vec<f64> = (1..40).map(|k| 0.25 * f64::from(k)).collect();
    let with = |method: Method, text: &str| {
        let options = InvertOptions {
            method,
            ..InvertOptions::default()
        };
        function(text, &t, &options)
    };
    let smooth = |t: f64| (-t).exp();
    for (method, tolerance) in [
        (Method::Talbot, 1e-13),
        (Method::Euler, 1e-8),
        (Method::DeHoog, 1e-12),
        (Method::Fourier, 1e-11),
        (Method::Weeks, 1e-11),
        (Method::Rational, 1e-12),
        // (variation/2) t^2 e^-t, at most 0.54 * 8e-5
        (Method::Cme, 5e-5),
    ] {
        let found = with(method, "1/(s + 1)");
        for (i, t) in t.iter().enumerate() {
            let error = (found.value[i] - smooth(*t)).abs();
            assert!(error <= tolerance, "{method:?} {t} {error:e}");
            assert!(
                found.error[i] >= 1e-2 * error,
                "{method:?} {t} {error:e} {:e}",
                found.error[i]
            );
            assert_eq!(found.method[i], method);
        }
    }
    // Averages of a step stay between its values.
    let step = with(Method::Cme, "exp(-3*s)/s");
    assert!(
        step.value.iter().all(|v| (-1e-9..=1.0 + 1e-9).contains(v)),
        "{:?}",
        step.value
    );
    let options = InvertOptions {
        method: Method::Talbot,
        nodes: Some(12),
        ..InvertOptions::default()
    };
    let found = function("1/sqrt(s)", &t, &options);
    for (t, v) in t.iter().zip(&found.value) {
        assert!((v - 1.0 / (std::f64::consts::PI * t).sqrt()).abs() <= 1e-11);
    }
}

/// Singularities right of the imaginary axis are found, also far right, and a branch point.
#[test]
fn growing_functions() {
    let t = [0.1, 1.0, 3.0, 8.0];
    for (text, f) in [
        ("1/(s - 5)", (|t: f64| (5.0 * t).exp()) as fn(f64) -> f64),
        ("s/((s - 1)^2 + 25)", |t| {
            t.exp() * ((5.0 * t).cos() + 0.2 * (5.0 * t).sin())
        }),
        ("1/sqrt(s - 2)", |t| {
            (2.0 * t).exp() / (std::f64::consts::PI * t).sqrt()
        }),
    ] {
        let found = function(text, &t, &InvertOptions::default());
        for (i, t) in t.iter().enumerate() {
            let exact = f(*t);
            let size = exact.abs().max((found.abscissa * t).exp());
            let error = (found.value[i] - exact).abs();
            assert!(error <= 1e-10 * size, "{text} {t} {error:e} {:?}", found);
            assert!(
                error <= 100.0 * found.error[i].max(1e-12),
                "{text} {t} {error:e} {:e}",
                found.error[i]
            );
        }
    }
    let given = InvertOptions {
        abscissa: Some(5.0),
        ..InvertOptions::default()
    };
    let found = function("1/(s - 5)", &t, &given);
    assert!((found.value[3] / 40f64.exp() - 1.0).abs() <= 1e-11);
}

/// High frequencies: neither the narrow contours nor the vertical line see these poles, and both agree on a
/// value without them.
#[test]
fn fast_oscillations_are_not_lost() {
    let t = [0.5, 5.0, 9.95];
    for omega in [30.0, 100.0] {
        let found = function(
            &format!("{omega}/(s^2 + {})", omega * omega),
            &t,
            &InvertOptions::default(),
        );
        for (i, t) in t.iter().enumerate() {
            let error = (found.value[i] - (omega * t).sin()).abs();
            assert!(error <= 1e-10, "{omega} {t} {error:e}");
        }
    }
    // J0(20 t), with its cuts to the left.
    let mut f =
        Pointwise(|s: Complex64| 1.0 / ((s + c(0.0, 20.0)).sqrt() * (s - c(0.0, 20.0)).sqrt()));
    let found = invert(
        &mut f,
        &[0.1, 10.0],
        &InvertOptions::default(),
        &Progress::none(),
    )
    .unwrap();
    // J0(2) and J0(200), Abramowitz and Stegun's series and asymptotic expansion in 40 digits.
    for (v, exact) in found
        .value
        .iter()
        .zip([0.22389077914123566, -0.0154374399305651])
    {
        assert!((v - exact).abs() <= 1e-10, "{v} {exact} {found:?}");
    }
}

#[test]
fn samples_and_poles() {
    let s: Vec<Complex64> = (0..60).map(|k| c(0.0, 0.25 * f64::from(k))).collect();
    let h = crate::laplace::PoleResidue::from_pairs(
        &[c(-0.3, 4.0), c(-0.3, -4.0), c(-2.0, 0.0)],
        &[c(1.0, -0.5), c(1.0, 0.5), c(3.0, 0.0)],
        0.7,
    )
    .unwrap();
    let f: Vec<Complex64> = s.iter().map(|s| h.evaluate(*s)[0]).collect();
    let t = [0.01, 0.5, 2.0, 10.0];
    let exact = invert_poles(&h, &t).unwrap();
    let found = invert_samples(&s, &f, &t, &InvertOptions::default(), &Progress::none()).unwrap();
    for (i, t) in t.iter().enumerate() {
        let plain = 2.0 * ((c(-0.3, 4.0) * t).exp() * c(1.0, -0.5)).re + 3.0 * (-2.0 * t).exp();
        assert!((exact.value[i] - plain).abs() <= 1e-14);
        assert!((found.value[i] - plain).abs() <= 1e-11, "{found:?}");
        assert!(found.error[i] <= 1e-9);
    }
    // Noise shows in the error.
    let mut random = crate::optim::Random(3);
    let noisy: Vec<Complex64> = f
        .iter()
        .map(|f| f + 1e-4 * c(random.normal(), random.normal()))
        .collect();
    let noisy = [vec![c(f[0].re, 0.0)], noisy[1..].to_vec()].concat();
    let found =
        invert_samples(&s, &noisy, &t, &InvertOptions::default(), &Progress::none()).unwrap();
    assert!(found.error.iter().any(|e| *e >= 1e-5), "{found:?}");
    // Repeated poles: t^2 e^{-2t}/2.
    let triple = crate::laplace::PoleResidue::from_pairs(
        &[c(-2.0, 0.0); 3],
        &[c(0.0, 0.0), c(0.0, 0.0), c(1.0, 0.0)],
        0.0,
    )
    .unwrap();
    let found = invert_poles(&triple, &[1.5]).unwrap();
    assert!((found.value[0] - 1.125 * (-3.0f64).exp()).abs() <= 1e-16);
    let wide = crate::laplace::PoleResidue {
        outputs: 2,
        terms: vec![],
        direct: vec![],
        ..triple
    };
    assert_eq!(
        invert_poles(&wide, &t).unwrap_err().field(),
        Some("outputs, inputs")
    );
}

#[test]
fn jumps_at_a_time_itself_are_halved() {
    let found = formula(
        "exp(-s)/s + exp(-2*s)/sqrt(s)",
        &[1.0, 2.0],
        &InvertOptions::default(),
    );
    assert!(
        (found.value[0] - 0.5).abs() <= 1e-9 && found.error[0] >= 0.4,
        "{found:?}"
    );
    assert!(
        found.value[1].is_nan() && found.error[1] == f64::INFINITY,
        "{found:?}"
    );
    let text = serde_json::to_string(&found).unwrap();
    let back: Inversion = serde_json::from_str(&text).unwrap();
    assert!(back.value[1].is_nan() && back.error[1] == f64::INFINITY);
}

#[test]
fn bad_input_is_named() {
    let none = Progress::none();
    let ask = |t: &[f64], options: &InvertOptions| {
        let mut f = Pointwise(|s: Complex64| 1.0 / s);
        invert(&mut f, t, options, &none).unwrap_err()
    };
    let default = InvertOptions::default();
    for (t, field) in [
        (vec![], "t"),
        (vec![1.0, 0.0], "t[1]"),
        (vec![-1.0], "t[0]"),
        (vec![f64::NAN], "t[0]"),
        (vec![1.0, 2.0, f64::INFINITY], "t[2]"),
    ] {
        assert_eq!(ask(&t, &default).field(), Some(field));
    }
    for (options, field) in [
        (
            InvertOptions {
                abscissa: Some(f64::NAN),
                ..default.clone()
            },
            "abscissa",
        ),
        (
            InvertOptions {
                delay: -1.0,
                ..default.clone()
            },
            "delay",
        ),
        (
            InvertOptions {
                nodes: Some(1),
                ..default.clone()
            },
            "nodes",
        ),
        (
            InvertOptions {
                method: Method::Exact,
                ..default.clone()
            },
            "method",
        ),
    ] {
        assert_eq!(ask(&[1.0], &options).field(), Some(field));
    }
    for method in [
        Method::Auto,
        Method::Talbot,
        Method::Euler,
        Method::DeHoog,
        Method::Cme,
        Method::Fourier,
        Method::Weeks,
        Method::Rational,
    ] {
        let options = InvertOptions {
            method,
            ..default.clone()
        };
        let mut f = Pointwise(|_: Complex64| c(f64::NAN, f64::NAN));
        let e = invert(&mut f, &[1.0, 2.0], &options, &none).unwrap_err();
        assert_eq!(e.code(), crate::error::Code::Numerical, "{method:?} {e}");
    }
    let e = Expr::parse("1/(s + a)").unwrap();
    let e = invert_formula(&e, &[1.0], &default, &none).unwrap_err();
    assert_eq!(e.code(), crate::error::Code::NotFound);
    let e = Expr::parse("abs(s)").unwrap();
    assert_eq!(
        invert_formula(&e, &[1.0], &default, &none)
            .unwrap_err()
            .field(),
        Some("formula")
    );
    let mut failing =
        |_: &[Complex64], _: &mut [Complex64]| -> Result<()> { Err(Error::numerical("F", "no")) };
    assert_eq!(
        invert(&mut failing, &[1.0], &default, &none).unwrap_err(),
        Error::numerical("F", "no")
    );
}

/// Half of the plane where F does not exist, infinite values, amplitudes and times from 1e-300 to 1e300.
#[test]
fn hostile_functions() {
    let none = Progress::none();
    let t = [0.5, 2.0];
    let mut right_only = |s: &[Complex64], out: &mut [Complex64]| -> Result<()> {
        for (s, out) in s.iter().zip(out) {
            *out = if s.re > 0.0 {
                1.0 / (s + 1.0)
            } else {
                c(f64::NAN, 0.0)
            };
        }
        Ok(())
    };
    let found = invert(&mut right_only, &t, &InvertOptions::default(), &none).unwrap();
    for (t, v) in t.iter().zip(&found.value) {
        assert!((v - (-t).exp()).abs() <= 1e-10, "{found:?}");
    }
    for exponent in [-280, -100, 100, 280] {
        let size = 10f64.powi(exponent);
        let mut f = Pointwise(move |s: Complex64| size / (s + 1.0));
        let found = invert(&mut f, &t, &InvertOptions::default(), &none).unwrap();
        for (t, v) in t.iter().zip(&found.value) {
            assert!(
                (v / size - (-t).exp()).abs() <= 1e-11,
                "1e{exponent} {found:?}"
            );
        }
        let mut f = Pointwise(|s: Complex64| 1.0 / s.sqrt());
        let times = [10f64.powi(exponent / 2)];
        let found = invert(&mut f, &times, &InvertOptions::default(), &none).unwrap();
        let exact = 1.0 / (std::f64::consts::PI * times[0]).sqrt();
        assert!((found.value[0] / exact - 1.0).abs() <= 1e-11, "{found:?}");
    }
    // No transform of a function at all: what comes back is not believed.
    let found = invert(
        &mut Pointwise(|s: Complex64| s.exp()),
        &t,
        &InvertOptions::default(),
        &none,
    );
    if let Ok(found) = found {
        for (v, e) in found.value.iter().zip(&found.error) {
            assert!(
                v.is_nan() || v.abs() <= 1e-8 || *e >= 1e-3 * v.abs(),
                "{found:?}"
            );
        }
    }
}

#[test]
fn it_can_be_stopped() {
    let cancel = crate::telemetry::Cancel::new();
    let mut calls = 0;
    let mut f = |s: &[Complex64], out: &mut [Complex64]| -> Result<()> {
        calls += 1;
        if calls == 3 {
            cancel.cancel();
        }
        out.copy_from_slice(&s.iter().map(|s| 1.0 / s).collect::<Vec<_>>());
        Ok(())
    };
    let progress = Progress::none().with_cancel(&cancel);
    let e = invert(&mut f, &[1.0, 2.0], &InvertOptions::default(), &progress).unwrap_err();
    assert_eq!(e, Error::Cancelled);
    assert_eq!(calls, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// L^-1(a F + b G) = a f + b g; L^-1 F(s + k) = e^{-kt} f(t); L^-1 F(s/m)/m = f(m t); e^{-as} F(s) is f(t - a);
    /// F(s)/s is the integral; lim f = lim s F where f settles.
    #[test]
    fn rules_of_the_transform(
        a in -3.0f64..3.0, b in -3.0f64..3.0, k in 0.1f64..2.0, m in 0.2f64..5.0, delay in 0.1f64..2.0,
        t in 0.05f64..8.0,
    ) {
        let default = InvertOptions::default();
        let one = |text: &str, t: f64| formula(text, &[t], &default).value[0];
        let (f, g) = ("1/(sqrt(s)*(s + 1))", "3/((s + 0.2)^2 + 9)");
        let sum = one(&format!("{a}*({f}) + {b}*({g})"), t);
        prop_assert!((sum - a * one(f, t) - b * one(g, t)).abs() <= 1e-11);
        let shifted = one(&format!("1/(sqrt(s + {k})*(s + {k} + 1))"), t);
        prop_assert!((shifted - (-k * t).exp() * one(f, t)).abs() <= 1e-11, "{} {} {:?}", shifted, (-k * t).exp() * one(f, t), formula(&format!("1/(sqrt(s + {k})*(s + {k} + 1))"), &[t], &default));
        let scaled = one(&format!("1/(sqrt(s/{m})*(s/{m} + 1))/{m}"), t);
        prop_assert!((scaled - one(f, m * t)).abs() <= 1e-11);
        let late = one(&format!("exp(-{delay}*s)*3/((s + 0.2)^2 + 9)"), t);
        let expected = if t > delay { (-0.2 * (t - delay)).exp() * (3.0 * (t - delay)).sin() } else { 0.0 };
        prop_assert!((late - expected).abs() <= 1e-11, "{} {}", late, expected);
        let settled = one(&format!("(2*s + {k})/(s*(s + {k})*(s + 1))"), 60.0 / k.min(1.0));
        prop_assert!((settled - 1.0).abs() <= 1e-10, "{}", settled);
    }
}
