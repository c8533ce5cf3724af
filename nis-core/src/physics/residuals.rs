//! Checks of a fit by what it leaves over.

use super::Verdict;

/// Standard normal deviates beyond which a check fails: 6e-5 two-sided, low enough that a report of twenty
/// checks raises one false alarm in eight hundred.
pub(super) const Z: f64 = 4.0;

/// Fewest residuals that a test of independence is made on: with fewer, even a straight line stays below [`Z`],
/// so the test could not fail.
const MIN_INDEPENDENT: usize = 20;

/// Fewest residuals that are searched for outliers.
const MIN_OUTLIERS: usize = 10;

/// Whether residuals in the order of time are independent, by the number of runs above and below their median
/// (Wald and Wolfowitz, Ann. Math. Statist. 11 (1940) 147) and by their lag-1 autocorrelation, whose variance
/// under independence is about `1/n` (Bartlett 1946). `fitted` parameters bias the autocorrelation by about
/// `-fitted/n^2`; that is taken into account by the variance only. The statistic is the larger deviate.
///
/// ```
/// use nis_core::physics::{Status, independent};
/// let trend: Vec<f64> = (0..30).map(|i| f64::from(i) - 14.5).collect();
/// assert_eq!(independent("ramp", &trend, 0).status, Status::Violated);
/// ```
pub fn independent(name: &str, residuals: &[f64], fitted: usize) -> Verdict {
    let check = format!("residuals independent: {name}");
    let n = residuals.len();
    if n < MIN_INDEPENDENT.max(fitted + 2) {
        return Verdict::not_checked(
            check,
            format!("{n} residuals are too few for a test of independence"),
        );
    }
    if residuals.iter().any(|r| !r.is_finite()) {
        return Verdict::not_checked(check, "a residual is not finite");
    }
    let mut sorted = residuals.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
    let signs: Vec<bool> = residuals
        .iter()
        .filter(|r| **r != median)
        .map(|r| *r > median)
        .collect();
    let above = signs.iter().filter(|s| **s).count() as f64;
    let below = signs.len() as f64 - above;
    if above == 0.0 || below == 0.0 {
        return Verdict::not_checked(check, "the residuals are all the same");
    }
    let runs = 1.0 + signs.windows(2).filter(|w| w[0] != w[1]).count() as f64;
    let m = above + below;
    let expected = 1.0 + 2.0 * above * below / m;
    let variance = (expected - 1.0) * (expected - 2.0) / (m - 1.0);
    let by_runs = (runs - expected) / variance.sqrt();
    let mean = residuals.iter().sum::<f64>() / n as f64;
    let power: f64 = residuals.iter().map(|r| (r - mean).powi(2)).sum();
    let lagged: f64 = residuals
        .windows(2)
        .map(|w| (w[0] - mean) * (w[1] - mean))
        .sum();
    let correlation = lagged / power;
    let by_lag = correlation * (n as f64).sqrt();
    let (kind, z) = if by_runs.abs() > by_lag.abs() {
        ("runs", by_runs)
    } else {
        ("lag-1 correlation", by_lag)
    };
    Verdict::by(
        check,
        ("z", z),
        Z,
        format!(
            "by {kind}: what the model leaves over should not tell its own next value; {n} residuals resolve a correlation of {:.2} or more",
            Z / (n as f64).sqrt()
        ),
    )
    .with_effect(format!("lag-1 correlation {correlation:.2}"))
}

/// Whether no residual stands out from the others. The statistic is the largest residual over their root mean
/// square, so the scale of the residuals does not matter; it fails beyond the value that the largest of `n`
/// normal deviates passes with a probability of at most 6e-5 (Bonferroni). Because the root mean square contains
/// the largest residual, its exact small-sample distribution is used (Thompson, Ann. Math. Statist. 6 (1935)
/// 214), not the normal one, whose bound cannot be reached by fewer than about 20 values.
///
/// ```
/// use nis_core::physics::{Status, outliers};
/// let mut residuals = vec![0.5, -1.0, 0.8, -0.2, 1.1, -0.9, 0.3, -0.6, 0.7, -0.4, 0.1, 0.9];
/// assert_eq!(outliers("y", &residuals).status, Status::Valid);
/// residuals[3] = 40.0;
/// assert_eq!(outliers("y", &residuals).status, Status::Violated);
/// ```
pub fn outliers(name: &str, residuals: &[f64]) -> Verdict {
    let check = format!("no outliers: {name}");
    let n = residuals.len();
    if n < MIN_OUTLIERS {
        return Verdict::not_checked(check, format!("{n} residuals are too few"));
    }
    if residuals.iter().any(|r| !r.is_finite()) {
        return Verdict::not_checked(check, "a residual is not finite");
    }
    let largest = residuals.iter().fold(0.0f64, |a, r| a.max(r.abs()));
    if largest == 0.0 {
        return Verdict::not_checked(check, "all residuals are 0");
    }
    // Over the largest first: squares of very large or small residuals need not be finite or above 0.
    let mean_square = residuals.iter().map(|r| (r / largest).powi(2)).sum::<f64>() / n as f64;
    Verdict::by(
        check,
        (
            "largest |residual| in standard deviations",
            1.0 / mean_square.sqrt(),
        ),
        outlier_bound(n),
        "under normal scatter the largest residual stays below the threshold".into(),
    )
}

/// The value `x` with `P(|r_1| / rms(r) > x) = 6e-5/n` for `n` independent normal deviates `r`.
///
/// The ratio is `sqrt(n)` times one coordinate of a point that is uniform on the sphere in `n` dimensions; with
/// that coordinate `sin(a)`, the density of `a` is proportional to `cos(a)^(n-2)`.
pub(super) fn outlier_bound(n: usize) -> f64 {
    (n as f64).sqrt() * super::statistics::tail_angle(n as f64 - 2.0, 6e-5 / n as f64).sin()
}

/// Whether a model says more about the data than their mean, by the F-test on the sums of squares: `n` values,
/// `parameters` of the model beside the mean. The statistic is the F ratio as a normal deviate (Paulson's
/// approximation, Ann. Math. Statist. 13 (1942) 233).
pub fn explains(name: &str, explained: f64, n: usize, parameters: usize, enough: f64) -> Verdict {
    let check = format!("equation explains the data: {name}");
    if n <= parameters + 2 || parameters == 0 {
        return Verdict::not_checked(
            check,
            format!("{n} values leave no degrees of freedom beside {parameters} parameters"),
        );
    }
    if !explained.is_finite() {
        return Verdict::not_checked(check, "the explained share is not finite");
    }
    let (a, b) = (parameters as f64, (n - parameters - 1) as f64);
    let f = (explained / a) / ((1.0 - explained) / b).max(f64::MIN_POSITIVE);
    let root = f.max(0.0).cbrt();
    let (va, vb) = (2.0 / (9.0 * a), 2.0 / (9.0 * b));
    let z = ((1.0 - vb) * root - (1.0 - va)) / (vb * root * root + va).sqrt();
    let significant = z > Z;
    let mut verdict = Verdict::by(
        check,
        ("unexplained share of the variance", 1.0 - explained),
        1.0 - enough,
        format!(
            "a law of the data should explain at least {:.0} % of their variance{}",
            100.0 * enough,
            if significant {
                String::new()
            } else {
                format!("; what it explains may be chance (z = {z:.1})")
            }
        ),
    )
    .with_effect(format!(
        "{:.1} % explained, F-test z = {z:.1}",
        100.0 * explained
    ));
    if !significant && verdict.status == super::Status::Valid {
        // So few values that even a good share may be chance.
        verdict = Verdict::not_checked(
            verdict.check,
            format!(
                "{:.1} % explained, but with {n} values that may be chance (z = {z:.1})",
                100.0 * explained
            ),
        );
    }
    verdict
}

/// Whether a solution satisfies its equations: a residual relative to the size of the terms.
pub fn satisfied(name: &str, residual: f64, tolerance: f64) -> Verdict {
    Verdict::by(
        format!("equations satisfied: {name}"),
        ("relative residual", residual),
        tolerance,
        "the fitted state must obey the equations between the points where they were imposed"
            .into(),
    )
}
