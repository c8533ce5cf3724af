//! The scenarios that every checker must tell apart.

use super::*;
use crate::expr::Equation;
use crate::expr::units::Unit;

fn all(verdicts: &[Verdict], status: Status) -> bool {
    verdicts.iter().all(|v| v.status == status)
}

#[test]
fn scenarios() {
    assert_eq!(energy(0.0, 1000.0, 0.0, 0.0).status, Status::Violated);
    assert_eq!(momentum(50.0, 100.0, 0.0).status, Status::Violated);
    assert_eq!(momentum(50.0, 100.0, 50.0).status, Status::Valid);
    assert_eq!(
        heat_flow(1000.0, 300.0, 400.0, 0.0).status,
        Status::Violated
    );
    assert_eq!(heat_flow(1000.0, 400.0, 300.0, 0.0).status, Status::Valid);
    assert_eq!(heat_flow(1000.0, 300.0, 400.0, 400.0).status, Status::Valid);
    assert_eq!(
        heat_flow(1000.0, 0.0, 400.0, 0.0).status,
        Status::NotChecked
    );
    assert_eq!(speed(4e8).status, Status::Violated);
    assert_eq!(speed(2.9e8).status, Status::Valid);
    assert_eq!(speed(f64::NAN).status, Status::NotChecked);
    let newton = |a| equation_of_numbers("F = m*a", &[("F", 100.0), ("m", 5.0), ("a", a)]).status;
    assert_eq!(
        (newton(50.0), newton(20.0)),
        (Status::Violated, Status::Valid)
    );
    let fall = [
        ("m", 100.0),
        ("g", 9.80665),
        ("h", 10.0),
        ("v", (2.0f64 * 9.80665 * 10.0).sqrt()),
    ];
    assert_eq!(
        equation_of_numbers("m*g*h = m*v^2/2", &fall).status,
        Status::Valid
    );
    assert_eq!(
        equation_of_numbers("test", &fall).status,
        Status::NotChecked
    );
    assert_eq!(
        equation_of_numbers("F = q*m", &fall).status,
        Status::NotChecked
    );
    assert_eq!(
        equation_of_numbers("log(0-1) = m", &fall).status,
        Status::NotChecked
    );
}

#[test]
fn collisions() {
    let c = |after, elastic| {
        collision(Collision {
            masses: [1.0, 2.0],
            before: [3.0, 0.0],
            after,
            elastic,
        })
    };
    assert!(all(&c([-1.0, 2.0], true), Status::Valid));
    assert!(all(&c([-0.5, 1.75], false), Status::Valid));
    assert_eq!(c([-0.5, 1.75], true)[1].status, Status::Violated);
    let created = c([-2.0, 2.5], false);
    assert_eq!(
        (created[0].status, created[1].status),
        (Status::Valid, Status::Violated)
    );
    assert_eq!(c([2.0, 2.0], false)[0].status, Status::Violated);
    let bad = Collision {
        masses: [0.0, 1.0],
        before: [1.0, 1.0],
        after: [1.0, 1.0],
        elastic: true,
    };
    assert!(all(&collision(bad), Status::NotChecked));
}

#[test]
fn dimensions_of_equations() {
    let of = |name: &str| {
        let unit = match name {
            "E" => "J",
            "m" => "kg",
            "c" => "m/s",
            _ => return None,
        };
        Unit::parse(unit).ok().map(|u| u.dimension)
    };
    let check = |text: &str| dimensions(&Equation::parse(text).unwrap(), &of).status;
    assert_eq!(check("E = m*c^2"), Status::Valid);
    assert_eq!(check("E = m*c^3"), Status::Violated);
    assert_eq!(check("E = q"), Status::NotChecked);
}

#[test]
fn conservation_with_noise_and_without() {
    let t: Vec<f64> = (0..100).map(|i| 0.1 * f64::from(i)).collect();
    let mut state = 5u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        2.0 * 3f64.sqrt() * ((state >> 11) as f64 / (1u64 << 53) as f64 - 0.5)
    };
    let steady: Vec<f64> = t.iter().map(|_| 2.0 + 1e-3 * noise()).collect();
    let falling: Vec<f64> = t.iter().map(|t| 2.0 - 0.01 * t + 1e-3 * noise()).collect();
    assert_eq!(
        conserved_quantity("E", &t, &steady, 1e-3).status,
        Status::Valid
    );
    assert_eq!(
        conserved_quantity("E", &t, &falling, 1e-3).status,
        Status::Violated
    );
    assert_eq!(
        conserved_quantity("E", &t, &vec![2.0; 100], 0.0).status,
        Status::Valid
    );
    assert_eq!(
        conserved_quantity("E", &t, &steady, 0.0).status,
        Status::Violated
    );
    assert_eq!(
        conserved_quantity("E", &t, &steady, f64::NAN).status,
        Status::NotChecked
    );
    assert_eq!(
        conserved_quantity("E", &t[..2], &steady[..2], 1.0).status,
        Status::NotChecked
    );
}

#[test]
fn residual_checks() {
    let mut state = 9u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    // Independence holds on 300 independent records: at |z| <= 4 not one false alarm is expected.
    for _ in 0..300 {
        let r: Vec<f64> = (0..40).map(|_| uniform()).collect();
        assert_eq!(independent("x", &r, 3).status, Status::Valid);
    }
    let wave: Vec<f64> = (0..60).map(|i| (0.3 * f64::from(i)).sin()).collect();
    assert_eq!(independent("x", &wave, 3).status, Status::Violated);
    let zigzag: Vec<f64> = (0..60)
        .map(|i| if i % 2 == 0 { 1.0 } else { -1.0 })
        .collect();
    assert_eq!(independent("x", &zigzag, 3).status, Status::Violated);
    assert_eq!(independent("x", &wave[..9], 0).status, Status::NotChecked);
    assert_eq!(independent("x", &[0.0; 20], 0).status, Status::NotChecked);
    let mut gap = wave.clone();
    gap[0] = f64::NAN;
    assert_eq!(independent("x", &gap, 0).status, Status::NotChecked);
    assert_eq!(outliers("x", &gap).status, Status::NotChecked);

    let mut fine = vec![1.0; 50];
    assert_eq!(outliers("x", &fine).status, Status::Valid);
    fine[7] = -9.0;
    assert_eq!(outliers("x", &fine).status, Status::Violated);

    assert_eq!(explains("x", 0.95, 100, 3, 0.5).status, Status::Valid);
    assert_eq!(explains("x", 0.2, 100, 3, 0.5).status, Status::Violated);
    assert_eq!(explains("x", 0.7, 8, 5, 0.5).status, Status::NotChecked);
    assert_eq!(
        explains("x", f64::NAN, 100, 3, 0.5).status,
        Status::NotChecked
    );
    assert_eq!(satisfied("x", 1e-6, 1e-3).status, Status::Valid);
    assert_eq!(satisfied("x", f64::NAN, 1e-3).status, Status::NotChecked);
}

#[test]
fn growth_and_the_whole() {
    assert_eq!(passive("x", &[(-0.1, 0.01)], true).status, Status::Valid);
    assert_eq!(passive("x", &[(0.1, 0.01)], true).status, Status::Violated);
    assert_eq!(
        passive("x", &[(0.1, 0.01)], false).status,
        Status::NotChecked
    );
    let valid = speed(1.0);
    let violated = speed(1e9);
    let none = Verdict::not_checked("x", "y");
    assert_eq!(overall(&[valid.clone(), none.clone()]), Status::Valid);
    assert_eq!(overall(&[valid, violated, none.clone()]), Status::Violated);
    assert_eq!(overall(&[none]), Status::NotChecked);
}

/// What is not finite, cannot fail or holds by form alone must never be called valid.
#[test]
fn nothing_is_valid_without_a_check_that_could_fail() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    for bad in [nan, inf, -inf] {
        for at in 0..6 {
            let mut v = [1.0, 2.0, 3.0, 0.0, -1.0, 2.0];
            v[at] = bad;
            for elastic in [true, false] {
                let verdicts = collision(Collision {
                    masses: [v[0], v[1]],
                    before: [v[2], v[3]],
                    after: [v[4], v[5]],
                    elastic,
                });
                assert!(all(&verdicts, Status::NotChecked), "{v:?} {verdicts:?}");
            }
        }
        for at in 0..4 {
            let mut v = [1000.0, 300.0, 400.0, 400.0];
            v[at] = bad;
            let verdict = heat_flow(v[0], v[1], v[2], v[3]);
            assert_eq!(verdict.status, Status::NotChecked, "{v:?}");
            let mut v = [1.0, 2.0, 1.0, 0.0];
            v[at] = bad;
            assert_ne!(energy(v[0], v[1], v[2], v[3]).status, Status::Valid);
            if at < 3 {
                assert_ne!(momentum(v[0], v[1], v[2]).status, Status::Valid);
            }
        }
        let poles = [(-0.1, 0.01), (bad, 0.01)];
        assert_eq!(passive("x", &poles, true).status, Status::NotChecked);
        let values = [1.0, 2.0, 9.0];
        let verdict = conserved_quantity("E", &[0.0, 1.0, 2.0], &values, bad);
        assert_eq!(verdict.status, Status::NotChecked);
        assert_eq!(satisfied("x", 5.0, bad).status, Status::NotChecked);
        assert_eq!(satisfied("x", bad, 5.0).status, Status::NotChecked);
        assert_eq!(
            explains("x", 0.9, 100, 2, bad).status,
            Status::NotChecked,
            "{bad}"
        );
    }
    for se in [0.0, -0.01, nan, inf] {
        let verdict = passive("x", &[(0.1, se)], true);
        assert_eq!(verdict.status, Status::NotChecked, "{se}");
    }
    let of = |text: &str| equation_of_numbers(text, &[("F", 1.0), ("m", 2.0)]).status;
    assert_eq!(of("F = F"), Status::NotChecked);
    assert_eq!(of("F + m = m + F"), Status::NotChecked);
    assert_eq!(
        (of("2 + 2 = 4"), of("2 + 2 = 5")),
        (Status::Valid, Status::Violated)
    );
    let equation = Equation::parse("2 = 3").unwrap();
    let verdict = dimensions(&equation, &|_| None);
    assert_eq!(verdict.status, Status::NotChecked);
}

#[test]
fn a_bump_is_not_conserved_and_noise_is() {
    let t: Vec<f64> = (0..21).map(f64::from).collect();
    let bump: Vec<f64> = t.iter().map(|t| 1.0 + (t * 0.157).sin()).collect();
    let verdict = conserved_quantity("E", &t, &bump, 0.1);
    assert_eq!(verdict.status, Status::Violated, "{verdict:?}");
    assert_eq!(
        conserved_quantity("E", &t, &bump, 10.0).status,
        Status::Valid
    );
    let flat = [0.0; 3];
    let same = conserved_quantity("E", &flat, &[1.0, 2.0, 3.0], 0.1);
    assert_eq!(same.status, Status::NotChecked);
}

/// At every size from the least on, the tests can fail, and they do not fail on normal noise.
#[test]
fn small_samples_can_fail() {
    let mut state = 3u64;
    let mut normal = || {
        let mut sum = 0.0;
        for _ in 0..12 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            sum += (state >> 11) as f64 / (1u64 << 53) as f64;
        }
        sum - 6.0
    };
    for n in 10..60 {
        let mut one = vec![0.0; n];
        one[n / 2] = 1.0;
        assert_eq!(outliers("x", &one).status, Status::Violated, "{n}");
        for _ in 0..40 {
            let r: Vec<f64> = (0..n).map(|_| normal()).collect();
            assert_eq!(outliers("x", &r).status, Status::Valid, "{r:?}");
        }
    }
    let ramp = |n: usize| -> Vec<f64> { (0..n).map(|i| i as f64).collect() };
    for n in [20, 21, 22, 23, 40] {
        assert_eq!(
            independent("x", &ramp(n), 0).status,
            Status::Violated,
            "{n}"
        );
    }
    for n in [10, 19] {
        assert_eq!(
            independent("x", &ramp(n), 0).status,
            Status::NotChecked,
            "{n}"
        );
    }
    // Closed forms: the coordinate on the sphere is uniform for n = 3; for n = 4 its angle has density cos^2.
    let p: f64 = 6e-5 / 3.0;
    assert!((residuals::outlier_bound(3) / 3f64.sqrt() - (1.0 - p)).abs() <= 1e-7);
    let a = (residuals::outlier_bound(4) / 2.0).asin();
    let tail = (std::f64::consts::FRAC_PI_2 - a - a.sin() * a.cos()) / std::f64::consts::FRAC_PI_2;
    assert!((tail / (6e-5 / 4.0) - 1.0).abs() <= 1e-4, "{tail}");
    // Large samples follow the normal deviate: 6e-5/1e5 in both tails is 6.1904 (inverse normal distribution).
    let bound = residuals::outlier_bound(100_000);
    assert!((bound - 6.1904).abs() <= 2e-3, "{bound}");
}
