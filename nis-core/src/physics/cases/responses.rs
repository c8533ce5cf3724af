//! Frequency responses (anchors: case 13).

use num_complex::Complex64;

use super::*;

/// A Lorentz oscillator at 1 with damping 0.5 and strength 1, with its imaginary axis stretched, noisy.
pub(super) fn lorentz(
    real: f64,
    imaginary: f64,
    stretch: f64,
    sigma: f64,
    seed: u64,
) -> ValidationSpec {
    let w: Vec<f64> = (0..8001).map(|i| 0.0025 * f64::from(i)).collect();
    let x = |w: f64| 1.0 / Complex64::new(1.0 - w * w, -0.5 * w);
    let re = noisy(w.iter().map(|w| real * x(*w).re), sigma, seed);
    let im = noisy(
        w.iter().map(|w| imaginary * x(*w / stretch).im),
        sigma,
        seed + 1,
    );
    let spec =
        claims(r#"[{"law": "response", "frequency": "w", "real": "re", "imaginary": "im"}]"#);
    with_columns(spec, &[("w", &w), ("re", &re), ("im", &im)])
}

/// Anchors 13.
#[test]
fn kramers_and_kronig() {
    let of = |real, imaginary, stretch| judge(&lorentz(real, imaginary, stretch, 0.0, 1));
    let good = of(1.0, 1.0, 1.0);
    assert_eq!(good.overall, Status::Valid, "{good:#?}");
    assert!(statistic(first(&good, Kind::KramersKronig)) <= 1e-4);
    for (real, imaginary, stretch, size) in [
        (1.3, 1.0, 1.0, 0.231),
        (1.0, -1.0, 1.0, 2.0),
        (1.0, 1.0, 1.05, 0.344),
    ] {
        let bad = of(real, imaginary, stretch);
        let verdict = first(&bad, Kind::KramersKronig);
        assert_eq!(verdict.status, Status::Violated, "{verdict:#?}");
        let found = statistic(verdict);
        assert!((found / size - 1.0).abs() <= 0.15, "{found} {size}");
    }
    let active = of(1.0, -1.0, 1.0);
    assert_eq!(first(&active, Kind::Passivity).status, Status::Violated);
    assert_eq!(first(&good, Kind::Passivity).status, Status::Valid);
    let noisy = judge(&lorentz(1.0, 1.0, 1.0, 0.01, 5));
    assert_eq!(noisy.overall, Status::Valid, "{noisy:#?}");
}

#[test]
fn a_band_that_ends_too_early_cannot_tell() {
    let mut spec = lorentz(1.0, 1.0, 1.0, 0.0, 1);
    for column in spec.columns.values_mut() {
        // Up to 1.0: in the middle of the line.
        column.values.truncate(401);
    }
    let verdict = judge(&spec);
    assert_eq!(
        first(&verdict, Kind::KramersKronig).status,
        Status::NotChecked,
        "{verdict:#?}"
    );
}
