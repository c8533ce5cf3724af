//! Bounds of normal and Student deviates, and the noise of a record.

use std::f64::consts::FRAC_PI_2;

/// Probability that a normal deviate is beyond 4 on either side: the false alarms allowed to one check, shared by
/// all checks of a request (Bonferroni).
pub(super) const ALPHA: f64 = 6.334_248_366_623_996e-5;

/// How far above the estimated noise the true one may be: estimates from some 75 samples were up to a quarter low.
pub(super) const SLACK: f64 = 1.4;

/// Largest deviation, as a share of what is measured, that a check may overlook and still say `valid`.
pub(super) const BLIND: f64 = 0.5;

/// The angle `a` beyond which the density `cos(a)^power` on `[0, pi/2]` holds the share `p`.
///
/// With `power = n - 2` this is the distribution of a coordinate `sin(a)` on the sphere in `n` dimensions, with
/// `power = n - 1` that of Student's `t = sqrt(n) tan(a)` of `n` degrees of freedom.
pub(super) fn tail_angle(power: f64, p: f64) -> f64 {
    const CELLS: usize = 4000;
    // Beyond 12 standard deviations nothing is left.
    let end = (12.0 / (power + 2.0).sqrt()).min(FRAC_PI_2);
    let step = end / CELLS as f64;
    let density = |a: f64| a.cos().max(0.0).powf(power);
    let at = |i: usize| i as f64 * step;
    // Simpson's rule on each cell.
    let cell = |i: usize| {
        step / 6.0 * (density(at(i)) + 4.0 * density(at(i) + 0.5 * step) + density(at(i + 1)))
    };
    let wanted = p * (0..CELLS).map(cell).sum::<f64>();
    let mut tail = 0.0;
    for i in (0..CELLS).rev() {
        let more = cell(i);
        if tail + more >= wanted {
            // The density is taken as linear within the cell; the width from its right edge follows.
            let (right, missing) = (density(at(i + 1)), wanted - tail);
            let slope = (density(at(i)) - right) / step;
            let width = 2.0 * missing / (right + (right * right + 2.0 * slope * missing).sqrt());
            return at(i + 1) - width;
        }
        tail += more;
    }
    // Not reached: the cells together hold more than the tail.
    f64::NAN
}

/// The size that a Student deviate of `freedom` degrees passes with the probability [`ALPHA`]`/checks`; infinite
/// freedom is the normal deviate. NaN below one degree.
pub(super) fn bound(checks: usize, freedom: f64) -> f64 {
    if freedom.is_nan() || freedom < 1.0 {
        return f64::NAN;
    }
    let freedom = freedom.min(1e7);
    let angle = tail_angle(freedom - 1.0, ALPHA / checks.max(1) as f64);
    freedom.sqrt() * angle.tan()
}

/// A sum of squares over its expectation as a normal deviate (Wilson and Hilferty, Proc. Natl. Acad. Sci. 17
/// (1931) 684), after a factor [`SLACK`] of the noise is granted; less scatter than expected counts as 0.
pub(super) fn excess(mean_square: f64, freedom: f64) -> f64 {
    let v = 2.0 / (9.0 * freedom);
    (((mean_square / (SLACK * SLACK)).cbrt() - (1.0 - v)) / v.sqrt()).max(0.0)
}

/// Root of the mean of squares, over the largest first, so that it neither overflows nor vanishes.
pub(super) fn rms(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let mut largest = 0.0f64;
    for v in values.clone() {
        if v.is_nan() {
            return f64::NAN;
        }
        largest = largest.max(v.abs());
    }
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    let (mut sum, mut n) = (0.0, 0usize);
    for v in values {
        sum += (v / largest).powi(2);
        n += 1;
    }
    largest * (sum / n as f64).sqrt()
}

/// Most differences that a noise estimate looks at.
const LOOKED_AT: usize = 20_000;

/// Noise of evenly spaced lines of values: the median size of third differences, `/ (0.6745 sqrt 20)`. Where fifth
/// or seventh differences are less than half of that, the third held signal, and the higher ones count. `None`
/// where no line is long enough.
pub(super) fn noise_of_lines(lines: &[Vec<f64>]) -> Option<f64> {
    let mut found: Option<f64> = None;
    for (order, gain) in [(3usize, 20.0f64), (5, 252.0), (7, 3432.0)] {
        let Some(size) = median_difference(lines, order) else {
            break;
        };
        let sigma = size / (0.674_489_750_196_081_7 * gain.sqrt());
        match found {
            Some(lower) if sigma >= 0.5 * lower => break,
            _ => found = Some(sigma),
        }
    }
    found
}

fn median_difference(lines: &[Vec<f64>], order: usize) -> Option<f64> {
    let total: usize = lines.iter().map(|l| l.len().saturating_sub(order)).sum();
    if total < 4 {
        return None;
    }
    let stride = total.div_ceil(LOOKED_AT).max(1);
    let mut sizes = Vec::with_capacity(total.min(LOOKED_AT));
    let mut at = 0;
    for line in lines {
        for window in line.windows(order + 1) {
            if at % stride == 0 {
                sizes.push(difference(window).abs());
            }
            at += 1;
        }
    }
    let middle = sizes.len() / 2;
    let (_, median, _) = sizes.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median)
}

/// The highest difference of a few values.
fn difference(window: &[f64]) -> f64 {
    let order = window.len() - 1;
    let mut binomial = 1.0;
    let mut sum = 0.0;
    for (k, v) in window.iter().rev().enumerate() {
        sum += binomial * v;
        binomial *= -((order - k) as f64) / (k + 1) as f64;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Random;

    #[test]
    fn bounds_of_student() {
        // Closed forms of the two-sided tail for 1 and 2 degrees of freedom, and the normal limit.
        let p = ALPHA;
        let one = (FRAC_PI_2 * (1.0 - p)).tan();
        let two = (1.0 - p) * (2.0 / (p * (2.0 - p))).sqrt();
        assert!((bound(1, 1.0) / one - 1.0).abs() <= 1e-6);
        assert!(
            (bound(1, 2.0) / two - 1.0).abs() <= 1e-6,
            "{}",
            bound(1, 2.0)
        );
        assert!(
            (bound(1, f64::INFINITY) - 4.0).abs() <= 1e-4,
            "{}",
            bound(1, f64::INFINITY)
        );
        // A tenth of the probability: the normal quantile of 1 - 3.167e-6 is 4.5139.
        assert!((bound(10, f64::INFINITY) - 4.5139).abs() <= 2e-3);
        assert!(bound(1, 0.0).is_nan() && bound(1, f64::NAN).is_nan());
    }

    #[test]
    fn noise_is_found_under_a_signal() {
        let mut random = Random(11);
        let line = |random: &mut Random, sigma: f64| -> Vec<f64> {
            (0..2000)
                .map(|i| (0.05 * f64::from(i)).sin() + sigma * random.normal())
                .collect()
        };
        for sigma in [1e-2, 1e-4, 1e-6] {
            let found = noise_of_lines(&[line(&mut random, sigma)]).unwrap();
            assert!((found / sigma - 1.0).abs() <= 0.15, "{sigma} {found}");
        }
        assert!(noise_of_lines(&[line(&mut random, 0.0)]).unwrap() <= 1e-9);
        assert!(noise_of_lines(&[vec![1.0; 4]]).is_none());
        assert!(noise_of_lines(&[]).is_none());
    }

    #[test]
    fn rms_of_any_size() {
        assert_eq!(rms([1e300, -1e300].into_iter()), 1e300);
        assert_eq!(rms([3e-300, 4e-300, 0.0, 0.0].into_iter()), 2.5e-300);
        assert!(rms([f64::NAN, f64::INFINITY].into_iter()).is_nan());
        assert_eq!(rms(std::iter::empty()), 0.0);
    }
}
