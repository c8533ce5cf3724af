//! Against golden records, closed forms and plain sums.

use num_complex::{Complex32, Complex64};
use proptest::prelude::*;

use super::*;
use crate::optim::Random;

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../tests/golden/laplace.json")).unwrap()
}

fn complex(v: &serde_json::Value) -> Complex64 {
    Complex64::new(v[0].as_f64().unwrap(), v[1].as_f64().unwrap())
}

fn list(v: &serde_json::Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn options(quadrature: Quadrature) -> TransformOptions {
    TransformOptions {
        quadrature,
        ..TransformOptions::default()
    }
}

const QUIET: Progress<'static> = Progress::none();

/// Largest difference, NaN where one is NaN.
fn worst(a: &[Complex64], b: &[Complex64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let mut worst = 0.0;
    for (a, b) in a.iter().zip(b) {
        let d = (a - b).norm();
        if d.is_nan() || d > worst {
            worst = d;
        }
    }
    worst
}

#[test]
fn the_golden_chirp() {
    let g = golden();
    let c = &g["czt"];
    let x: Vec<f64> = (0..97i64)
        .map(|n| ((7 * n * n + 3 * n + 1) % 11 - 5) as f64)
        .collect();
    let line = Line {
        sigma: c["sigma"].as_f64().unwrap(),
        omega0: c["w0"].as_f64().unwrap(),
        step: c["dw"].as_f64().unwrap(),
        count: 13,
    };
    let expected: Vec<Complex64> = c["X"].as_array().unwrap().iter().map(complex).collect();
    let dt = c["dt"].as_f64().unwrap();
    let plan = LinePlan::new(97, 0.0, dt, line, options(Quadrature::Rectangle)).unwrap();
    let got: Vec<Complex64> = plan
        .transform(&x, &QUIET)
        .unwrap()
        .values
        .iter()
        .map(|v| v / dt)
        .collect();
    assert!(worst(&got, &expected) <= 1e-12);
    let at = transform(
        &x,
        0.0,
        dt,
        plan.points(),
        &options(Quadrature::Rectangle),
        &QUIET,
    )
    .unwrap();
    let at: Vec<Complex64> = at.values.iter().map(|v| v / dt).collect();
    assert!(worst(&at, &expected) <= 1e-12);
}

#[test]
fn golden_records_by_every_rule() {
    for record in golden()["forward"].as_array().unwrap() {
        let name = record["name"].as_str().unwrap();
        let n = record["N"].as_u64().unwrap() as usize;
        let dt = record["dt"].as_f64().unwrap();
        let (a, alpha, f, phase) = (
            list(&record["A"]),
            list(&record["alpha"]),
            list(&record["freq_hz"]),
            list(&record["phase"]),
        );
        let x: Vec<f64> = (0..n)
            .map(|i| {
                let t = i as f64 * dt;
                (0..3)
                    .map(|k| {
                        a[k] * (-alpha[k] * t).exp()
                            * (std::f64::consts::TAU * f[k] * t + phase[k]).sin()
                    })
                    .sum()
            })
            .collect();
        let points = |key: &str| -> Vec<Complex64> {
            record[key]
                .as_array()
                .unwrap()
                .iter()
                .map(complex)
                .collect()
        };
        let (s, exact, trapezoid) = (points("s"), points("F_exact_on_0_T"), points("F_trapezoid"));
        let got = transform(&x, 0.0, dt, &s, &options(Quadrature::Trapezoid), &QUIET).unwrap();
        assert!(worst(&got.values, &trapezoid) <= 1e-12, "{name}");
        for rule in [
            Quadrature::Spline,
            Quadrature::Simpson,
            Quadrature::Trapezoid,
            Quadrature::Rectangle,
        ] {
            let got = transform(&x, 0.0, dt, &s, &options(rule), &QUIET).unwrap();
            let largest = exact.iter().map(|v| v.norm()).fold(0.0, f64::max);
            let off = worst(&got.values, &exact);
            println!("{name} {rule:?}: {:.2e} of the largest", off / largest);
            for k in 0..s.len() {
                let error = (got.values[k] - exact[k]).norm();
                assert!(
                    error <= 3.0 * got.error[k] && got.error[k] <= 100.0 * error + 1e-9 * largest,
                    "{name} {rule:?} {}: {error:.2e}, estimated {:.2e}",
                    s[k],
                    got.error[k]
                );
            }
        }
    }
}

/// Polynomials of degree 3 are their own splines: the closed form holds to rounding, at every length.
#[test]
fn splines_of_cubics_are_exact() {
    let dt = 0.25;
    for n in [2usize, 3, 4, 5, 11, 12, 13, 30, 47, 48, 49, 200] {
        let c: [f64; 4] = match n {
            2 => [0.3, -1.0, 0.0, 0.0],
            3 => [0.3, -1.0, 0.5, 0.0],
            _ => [0.3, -1.0, 0.5, 0.07],
        };
        let length = dt * (n - 1) as f64;
        let value = |t: f64| {
            let u = t / length;
            ((c[3] * u + c[2]) * u + c[1]) * u + c[0]
        };
        let x: Vec<f64> = (0..n).map(|i| value(dt * i as f64)).collect();
        for s in [
            Complex64::new(0.0, 0.0),
            Complex64::new(1e-6, 1e-7),
            Complex64::new(0.3, 2.0),
            Complex64::new(-0.2, 11.0),
            Complex64::new(1.9, 7.0),
            Complex64::new(2.1, 7.0),
            Complex64::new(40.0, 1.0),
            Complex64::new(-3.0, 1.0),
        ] {
            // length * sum_k c_k int_0^1 u^k e^{-s length u} du
            let theta = s * length;
            let mut e = [Complex64::default(); 4];
            bspline::moments_of(theta, (-theta).exp(), &mut e);
            let exact: Complex64 = (0..4).map(|k| e[k] * c[k]).sum::<Complex64>() * length;
            let got = transform(&x, 0.0, dt, &[s], &TransformOptions::default(), &QUIET).unwrap();
            let scale = length * 1.0f64.max((-s.re * length).exp());
            assert!(
                (got.values[0] - exact).norm() <= 1e-13 * scale,
                "{n} {s}: {} {exact}",
                got.values[0]
            );
        }
    }
}

#[test]
fn plan_sums_and_bins_agree_with_plain_sums_at_odd_sizes() {
    let mut random = Random(3);
    for (n, count) in [
        (1, 1),
        (1, 5),
        (2, 3),
        (7, 1),
        (40, 33),
        (97, 200),
        (1000, 7),
        (4097, 30),
    ] {
        let x: Vec<Complex64> = (0..n)
            .map(|_| Complex64::new(random.normal(), random.normal()))
            .collect();
        let real: Vec<f64> = x.iter().map(|v| v.re).collect();
        let dt = 0.01;
        for sigma in [0.0, 0.4, -0.1] {
            let line = Line {
                sigma,
                omega0: -3.0,
                step: 0.7,
                count,
            };
            let rule = options(Quadrature::Rectangle);
            let plan = LinePlan::new(n, 0.0, dt, line, rule.clone()).unwrap();
            let sum = |s: Complex64| -> Complex64 {
                x.iter()
                    .enumerate()
                    .map(|(i, v)| v * (-s * dt * i as f64).exp())
                    .sum::<Complex64>()
                    * dt
            };
            let expected: Vec<Complex64> = plan.points().iter().map(|s| sum(*s)).collect();
            let tolerance = 1e-12 * dt * n as f64;
            let got = plan.transform(&x, &QUIET).unwrap();
            assert!(
                worst(&got.values, &expected) <= tolerance,
                "{n} {count} {sigma}"
            );
            let at = transform(&x, 0.0, dt, plan.points(), &rule, &QUIET).unwrap();
            assert!(
                worst(&at.values, &expected) <= tolerance,
                "{n} {count} {sigma}"
            );
            let bins = LinePlan::bins(n, 0.0, dt, sigma, count, rule.clone()).unwrap();
            let expected: Vec<Complex64> = bins.points().iter().map(|s| sum(*s)).collect();
            let got = bins.transform(&x, &QUIET).unwrap();
            assert!(
                worst(&got.values, &expected) <= tolerance,
                "bins {n} {count} {sigma}"
            );
            let sum = |s: Complex64| -> Complex64 {
                real.iter()
                    .enumerate()
                    .map(|(i, v)| v * (-s * dt * i as f64).exp())
                    .sum::<Complex64>()
                    * dt
            };
            let expected: Vec<Complex64> = bins.points().iter().map(|s| sum(*s)).collect();
            let got = bins.transform(&real, &QUIET).unwrap();
            assert!(
                worst(&got.values, &expected) <= tolerance,
                "real {n} {count} {sigma}"
            );
        }
    }
}

#[test]
fn long_records_keep_their_digits_and_threads_change_nothing() {
    // A sum that has a closed form: x_n = r^n, with r on the unit circle, far from a bin.
    let n = 1_000_000usize;
    let dt = 1e-3;
    let w = 1234.567;
    let step = crate::laplace::phase::Turns::of_product(w, dt, 1.0);
    let x: Vec<Complex64> = (0..n).map(|i| step.times(i as u128).cis()).collect();
    let line = Line {
        sigma: 1e-3,
        omega0: 1000.0,
        step: 0.37,
        count: 4096,
    };
    let mut rule = options(Quadrature::Rectangle);
    rule.threads = 1;
    let plan = LinePlan::new(n, 0.0, dt, line, rule.clone()).unwrap();
    let one = plan.transform(&x, &QUIET).unwrap();
    let exact: Vec<Complex64> = (0..line.count)
        .map(|k| {
            // (1 - q^N)/(1 - q), q = e^{(j w - s) dt}; the angle w - omega0 - k step in turns, exactly.
            let angle = crate::laplace::phase::Turns::of_product(w, dt, 1.0)
                .plus(crate::laplace::phase::Turns::of_product(line.omega0, dt, 1.0).negated())
                .plus(
                    crate::laplace::phase::Turns::of_product(line.step, dt, 1.0)
                        .times(k as u128)
                        .negated(),
                );
            // 1 - q without cancellation near q = 1.
            let phi = angle.0 as i128 as f64 * 2f64.powi(-128) * std::f64::consts::TAU;
            let a = line.sigma * dt;
            let decay = (-a).exp();
            let rest = Complex64::new(
                -(-a).exp_m1() + 2.0 * decay * (phi / 2.0).sin().powi(2),
                -decay * phi.sin(),
            );
            let qn = angle.times(n as u128).cis() * (-a * n as f64).exp();
            (1.0 - qn) / rest * dt
        })
        .collect();
    let largest = exact.iter().map(|v| v.norm()).fold(0.0, f64::max);
    let off = worst(&one.values, &exact) / largest;
    println!("1e6 samples: {off:.2e} of the largest");
    assert!(off <= 1e-12);
    rule.threads = 2;
    let two = LinePlan::new(n, 0.0, dt, line, rule.clone()).unwrap();
    assert_eq!(one, two.transform(&x, &QUIET).unwrap());
    let some: Vec<Complex64> = plan.points().iter().step_by(50).copied().collect();
    let expected: Vec<Complex64> = exact.iter().step_by(50).copied().collect();
    let at_two = transform(&x, 0.0, dt, &some, &rule, &QUIET).unwrap();
    rule.threads = 1;
    let at_one = transform(&x, 0.0, dt, &some, &rule, &QUIET).unwrap();
    assert_eq!(at_one, at_two);
    assert!(worst(&at_one.values, &expected) <= 1e-12 * largest);
}

#[test]
fn kinds_of_samples_and_channels() {
    let x: Vec<f64> = (0..50).map(|i| (i as f64 * 0.3).sin()).collect();
    let s = [Complex64::new(0.1, 0.5)];
    let o = TransformOptions::default();
    let f64s = transform(&x, 1.0, 0.1, &s, &o, &QUIET).unwrap();
    let singles: Vec<f32> = x.iter().map(|v| *v as f32).collect();
    let f32s = transform(&singles, 1.0, 0.1, &s, &o, &QUIET).unwrap();
    assert!((f64s.values[0] - f32s.values[0]).norm() < 1e-6);
    let complex: Vec<Complex64> = x.iter().map(|v| Complex64::new(0.0, *v)).collect();
    let turned = transform(&complex, 1.0, 0.1, &s, &o, &QUIET).unwrap();
    assert!((f64s.values[0] * Complex64::i() - turned.values[0]).norm() < 1e-15);
    let short: Vec<Complex32> = singles.iter().map(|v| Complex32::new(*v, 0.0)).collect();
    let c32 = transform(&short, 1.0, 0.1, &s, &o, &QUIET).unwrap();
    assert!((c32.values[0] - f32s.values[0]).norm() < 1e-15);
    let line = Line {
        sigma: 0.1,
        omega0: 0.5,
        step: 1.0,
        count: 2,
    };
    let plan = LinePlan::new(50, 1.0, 0.1, line, o.clone()).unwrap();
    let channels = plan.transform_channels(&[&x, &x, &x], &QUIET).unwrap();
    assert_eq!(channels.len(), 3);
    assert!((channels[2].values[0] - f64s.values[0]).norm() < 1e-15);
    let uneven: Vec<f64> = (0..50).map(|i| 1.0 + 0.1 * i as f64).collect();
    let same = transform_nonuniform(&uneven, &x, &s, &o, &QUIET).unwrap();
    assert!((same.values[0] - f64s.values[0]).norm() < 1e-14);
}

/// `sum_n x_n e^{-s n dt}`, term by term.
fn plain<T: Sample>(x: &[T], dt: f64, s: Complex64) -> Complex64 {
    let terms = x.iter().enumerate();
    terms
        .map(|(n, x)| x.complex() * (-s * (n as f64 * dt)).exp())
        .sum()
}

#[test]
fn sums_of_all_kinds_of_samples_at_sizes_around_every_edge() {
    fn check<T: Sample>(x: &[T], count: usize) {
        let dt = 0.01;
        let s: Vec<Complex64> = (0..count)
            .map(|k| Complex64::new(0.3 - 0.02 * k as f64, 1.7 * k as f64 - 40.0))
            .collect();
        let size: f64 = (0..x.len())
            .map(|n| x[n].complex().norm() * (3.0 * dt * n as f64).exp())
            .sum();
        let got = transform(x, 0.0, dt, &s, &options(Quadrature::Rectangle), &QUIET).unwrap();
        let expected: Vec<Complex64> = s.iter().map(|s| plain(x, dt, *s) * dt).collect();
        let error = worst(&got.values, &expected);
        assert!(error <= 1e-14 * size, "{} x {count}: {error}", x.len());
    }
    // One sample, one column, whole and broken columns; points below, at and above a chunk.
    for (n, count) in [
        (1, 1),
        (2, 63),
        (7, 64),
        (8, 65),
        (64, 3),
        (65, 130),
        (1000, 7),
        (4097, 66),
        (9999, 2),
    ] {
        let mut random = Random(n as u64);
        let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let z: Vec<Complex64> = x
            .iter()
            .map(|x| Complex64::new(*x, random.normal()))
            .collect();
        check(&x, count);
        check(&x.iter().map(|v| *v as f32).collect::<Vec<_>>(), count);
        check(&z, count);
        let narrow = |z: &Complex64| Complex32::new(z.re as f32, z.im as f32);
        check(&z.iter().map(narrow).collect::<Vec<_>>(), count);
    }
    // Powers beyond the record would overflow; they meet no samples.
    for s in [-1e5, 1e5] {
        let s = [Complex64::new(s, 3.0)];
        let got = transform(
            &[2.5],
            0.0,
            1.0,
            &s,
            &options(Quadrature::Rectangle),
            &QUIET,
        );
        assert_eq!(got.unwrap().values[0], Complex64::new(2.5, 0.0));
    }
}

#[test]
fn lines_longer_than_their_records_and_points_at_the_fold() {
    let dt = 0.02;
    for (n, count) in [
        (1, 1),
        (1, 200),
        (5, 100),
        (63, 64),
        (64, 65),
        (100, 5),
        (1000, 300),
    ] {
        let mut random = Random(count as u64);
        let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let line = Line {
            sigma: -0.05,
            omega0: -3.0,
            step: 0.37,
            count,
        };
        let plan = LinePlan::new(n, 0.0, dt, line, options(Quadrature::Rectangle)).unwrap();
        let got = plan.transform(&x, &QUIET).unwrap();
        let expected: Vec<Complex64> = got.s.iter().map(|s| plain(&x, dt, *s) * dt).collect();
        let size: f64 = x.iter().map(|v| v.abs() * 3.0).sum::<f64>() * dt;
        let error = worst(&got.values, &expected);
        assert!(
            error <= 3e-15 * size * (n as f64).sqrt().max(4.0),
            "{n} {count}: {error}"
        );
    }
}

#[test]
fn values_that_are_not_finite_are_found_at_any_place() {
    for n in [1usize, 15, 16, 17, 100] {
        for at in [0, n / 2, n - 1] {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut x = vec![1.0; n];
                x[at] = bad;
                let s = [Complex64::new(0.0, 1.0)];
                let got = transform(&x, 0.0, 1.0, &s, &TransformOptions::default(), &QUIET);
                let Err(Error::InvalidInput { field, .. }) = got else {
                    panic!("{n} {at} {bad}: {got:?}");
                };
                assert_eq!(field, format!("signal[{at}]"));
                let mut z = vec![Complex64::new(1.0, 1.0); n];
                z[at].im = bad;
                let got = transform(&z, 0.0, 1.0, &s, &TransformOptions::default(), &QUIET);
                assert!(
                    matches!(got, Err(Error::InvalidInput { field, .. }) if field == format!("signal[{at}]"))
                );
            }
        }
    }
}

#[test]
fn shallow_and_deep_points_in_one_list_do_not_touch_each_other() {
    let x: Vec<f64> = (0..500).map(|n| (0.1 * f64::from(n)).cos()).collect();
    // Around the depth where the method changes, across it, and at both branches of the moments.
    let s: Vec<Complex64> = (0..100)
        .map(|k| Complex64::new([0.0, 0.4, 0.6, 50.0, -0.01][k % 5], 0.05 * k as f64 - 2.5))
        .collect();
    for quadrature in [
        Quadrature::Spline,
        Quadrature::Trapezoid,
        Quadrature::Simpson,
    ] {
        let together = transform(&x, 0.3, 1.0, &s, &options(quadrature), &QUIET).unwrap();
        for (k, s) in s.iter().enumerate() {
            let one = transform(&x, 0.3, 1.0, &[*s], &options(quadrature), &QUIET).unwrap();
            let size = 1e-14 * (1.0 + one.values[0].norm()) * (-s.re * 500.0).exp().max(1.0);
            assert!((together.values[k] - one.values[0]).norm() <= size, "{s}");
            assert!(
                (together.error[k] - one.error[0]).abs() <= 2.0 * size,
                "{s}"
            );
            assert_eq!(together.tail[k], one.tail[0]);
        }
    }
}

#[test]
fn region_of_convergence_and_tail() {
    // e^{-2 t}: converges right of -2.
    let x: Vec<f64> = (0..1000).map(|i| (-0.02 * i as f64).exp()).collect();
    let mut o = TransformOptions {
        extent: Extent::Signal,
        ..TransformOptions::default()
    };
    let s = [Complex64::new(-1.0, 0.3), Complex64::new(-2.5, 0.0)];
    let fine = transform(&x, 0.0, 0.01, &s[..1], &o, &QUIET).unwrap();
    let abscissa = fine.abscissa.unwrap();
    assert!((abscissa + 2.0).abs() < 0.02, "{abscissa}");
    let exact = 1.0 / (s[0] + 2.0);
    let gap = (fine.values[0] - exact).norm();
    assert!(gap <= fine.tail[0].unwrap() + fine.error[0] && gap > 0.0);
    let refused = transform(&x, 0.0, 0.01, &s, &o, &QUIET).unwrap_err();
    assert_eq!(refused.field(), Some("s[1]"));
    assert!(
        refused.to_string().contains("region of convergence"),
        "{refused}"
    );
    o.tail = Tail::Given {
        amplitude: 1.0,
        rate: 3.0,
    };
    assert!(transform(&x, 0.0, 0.01, &s, &o, &QUIET).is_ok());
    o.tail = Tail::Zero;
    let zero = transform(&x, 0.0, 0.01, &s, &o, &QUIET).unwrap();
    assert_eq!((zero.tail[1], zero.abscissa), (Some(0.0), None));
    o.tail = Tail::Given {
        amplitude: f64::NAN,
        rate: 0.0,
    };
    let refused = transform(&x, 0.0, 0.01, &s, &o, &QUIET).unwrap_err();
    assert_eq!(refused.field(), Some("tail.amplitude"));
}

#[test]
fn bad_input_is_named() {
    let s = [Complex64::new(0.0, 1.0)];
    let o = TransformOptions::default();
    let field = |x: &[f64], t0: f64, dt: f64, s: &[Complex64]| {
        let e = transform(x, t0, dt, s, &o, &QUIET).unwrap_err();
        e.field().unwrap_or_default().to_owned()
    };
    assert_eq!(field(&[], 0.0, 1.0, &s), "signal");
    assert_eq!(field(&[1.0, f64::NAN], 0.0, 1.0, &s), "signal[1]");
    assert_eq!(field(&[1.0, f64::INFINITY], 0.0, 1.0, &s), "signal[1]");
    for dt in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-320] {
        assert_eq!(field(&[1.0, 2.0], 0.0, dt, &s), "dt");
    }
    assert_eq!(field(&[1.0], f64::NAN, 1.0, &s), "t0");
    assert_eq!(
        field(&[1.0, 2.0], 0.0, 1.0, &[Complex64::new(f64::NAN, 0.0)]),
        "s[0]"
    );
    assert_eq!(
        field(&[1.0, 2.0], 0.0, 1.0, &[s[0], Complex64::new(-1000.0, 0.0)]),
        "s[1]"
    );
    let line = |count, step| Line {
        sigma: 0.0,
        omega0: 0.0,
        step,
        count,
    };
    for (line, field) in [
        (line(0, 1.0), "line.count"),
        (line(3, 0.0), "line.step"),
        (line(3, f64::NAN), "line.step"),
    ] {
        let e = LinePlan::new(4, 0.0, 1.0, line, o.clone()).unwrap_err();
        assert_eq!(e.field(), Some(field));
    }
    let plan = LinePlan::new(4, 0.0, 1.0, line(3, 1.0), o.clone()).unwrap();
    assert_eq!(
        plan.transform(&[1.0], &QUIET).unwrap_err().field(),
        Some("signal")
    );
    let times = |t: &[f64]| {
        let e = transform_nonuniform(t, &[1.0, 2.0, 3.0], &s, &o, &QUIET).unwrap_err();
        e.field().unwrap_or_default().to_owned()
    };
    assert_eq!(times(&[0.0, 1.0, 1.0]), "times[2]");
    assert_eq!(times(&[0.0, 2.0, 1.0]), "times[2]");
    assert_eq!(times(&[0.0, f64::NAN, 1.0]), "times[1]");
    assert_eq!(times(&[0.0, 1.0]), "times");
    let cancel = crate::telemetry::Cancel::new();
    cancel.cancel();
    let stopped = transform(
        &[1.0, 2.0],
        0.0,
        1.0,
        &s,
        &o,
        &Progress::none().with_cancel(&cancel),
    );
    assert_eq!(stopped.unwrap_err(), Error::Cancelled);
}

#[test]
fn extreme_sizes() {
    let s = [Complex64::new(0.1, 1.0)];
    let o = TransformOptions::default();
    for (n, size) in [
        (1usize, 1.0),
        (2, 1e300),
        (40, 1e300),
        (40, 5e-324),
        (13, 0.0),
    ] {
        let x = vec![size; n];
        let got = transform(&x, 0.0, 0.5, &s, &o, &QUIET).unwrap();
        let length = 0.5 * (n - 1) as f64;
        let exact = (1.0 - (-s[0] * length).exp()) / s[0] * size;
        // Denormal numbers lie on a coarse grid.
        let tolerance = 1e-13 * size * length + 1e-323;
        assert!((got.values[0] - exact).norm() <= tolerance, "{n} {size}");
    }
}

proptest! {
    #[test]
    fn linear_shifting_and_scaling(
        x in prop::collection::vec(-10.0..10.0f64, 1..80),
        sigma in -0.3..1.5f64,
        omega in -12.0..12.0f64,
        a in -5.0..5.0f64,
        shift in -3.0..3.0f64,
        scale in 0.1..10.0f64,
    ) {
        let o = TransformOptions::default();
        let s = Complex64::new(sigma, omega);
        let dt = 0.2;
        let base = transform(&x, 0.0, dt, &[s], &o, &QUIET).unwrap().values[0];
        let size = 10.0 * dt * x.len() as f64 * 1.0f64.max((-sigma * dt * x.len() as f64).exp());
        // Linear: a x + reversed x.
        let other: Vec<f64> = x.iter().rev().copied().collect();
        let sum: Vec<f64> = x.iter().zip(&other).map(|(x, y)| a * x + y).collect();
        let reversed = transform(&other, 0.0, dt, &[s], &o, &QUIET).unwrap().values[0];
        let both = transform(&sum, 0.0, dt, &[s], &o, &QUIET).unwrap().values[0];
        prop_assert!((both - (base * a + reversed)).norm() <= 1e-12 * size);
        // A shift in time multiplies by e^{-s shift}.
        let shifted = transform(&x, shift, dt, &[s], &o, &QUIET).unwrap().values[0];
        let expected = base * (-s * shift).exp();
        prop_assert!((shifted - expected).norm() <= 1e-12 * size * (-sigma * shift).exp());
        // A shift in s multiplies the signal by e^{b t}: exact for the sums.
        let rule = options(Quadrature::Rectangle);
        let b = 0.3;
        let damped: Vec<f64> = x.iter().enumerate().map(|(i, x)| x * (-b * dt * i as f64).exp()).collect();
        let left = transform(&damped, 0.0, dt, &[s], &rule, &QUIET).unwrap().values[0];
        let right = transform(&x, 0.0, dt, &[s + b], &rule, &QUIET).unwrap().values[0];
        prop_assert!((left - right).norm() <= 1e-12 * size);
        // x(t/c) has c F(c s).
        let stretched = transform(&x, 0.0, dt * scale, &[s / scale], &o, &QUIET).unwrap().values[0];
        prop_assert!((stretched - base * scale).norm() <= 1e-12 * size * scale);
    }

    /// Convolution of samples is the product of their sums.
    #[test]
    fn convolution(
        x in prop::collection::vec(-3.0..3.0f64, 1..30),
        y in prop::collection::vec(-3.0..3.0f64, 1..30),
        sigma in -0.5..2.0f64,
        omega in -20.0..20.0f64,
    ) {
        let rule = options(Quadrature::Rectangle);
        let s = [Complex64::new(sigma, omega)];
        let mut z = vec![0.0; x.len() + y.len() - 1];
        for (i, x) in x.iter().enumerate() {
            for (j, y) in y.iter().enumerate() {
                z[i + j] += x * y;
            }
        }
        let of = |x: &[f64]| transform(x, 0.0, 0.1, &s, &rule, &QUIET).unwrap().values[0] / 0.1;
        let size = 9.0 * 900.0 * 1.0f64.max((-sigma * 6.0).exp());
        prop_assert!((of(&z) - of(&x) * of(&y)).norm() <= 1e-12 * size);
    }

    /// `s F(s)` at small `s` is the final value of a long constant end.
    #[test]
    fn final_value(end in -5.0..5.0f64, start in prop::collection::vec(-5.0..5.0f64, 0..20)) {
        let mut x = start;
        x.resize(40_000, end);
        let s = [Complex64::new(1e-3, 0.0)];
        let f = transform(&x, 0.0, 1.0, &s, &TransformOptions::default(), &QUIET).unwrap();
        prop_assert!((f.values[0] * s[0] - end).norm() <= 0.3);
    }
}
