//! The Fourier series along a vertical line with a smooth cut-off: for functions with jumps and kinks.
//!
//! The series of `e^{-gamma t} f(t)` with the terms weighted by a window is `f` averaged over a kernel: for a window
//! that is an error function, a sinc times a Gaussian. The average is exact to rounding at all times further
//! from a jump than a few widths of the Gaussian (Tanner, J. Comput. Phys. 213 (2006) 30, eq. (4.1)), and the
//! width falls as the number of terms grows. Two kernels of different width differ where a jump is near, so
//! that their difference tells it.

use num_complex::Complex64;

use super::de_hoog::{level, panels};
use super::transform::Source;
use super::{Estimate, growth};
use crate::error::Result;
use crate::laplace::phase::Turns;

/// Relative size of the aliases.
const ALIAS: f64 = 1e-13;

/// Half the period of the series over the largest time of a panel.
const STRETCH: f64 = 2.0;

/// Largest ratio of the times in a panel.
const RATIO: f64 = 8.0;

/// Terms of the stages; a time takes part in the next one where it has not converged.
const TERMS: [usize; 3] = [1 << 11, 1 << 13, 1 << 15];

/// Share of the terms that both windows leave as they are.
const PASSED: f64 = 0.25;

/// How much wider the second kernel is. The difference of the two is about the error to the power of
/// `1/WIDER^2` where a jump is near: small enough that it is not far from the error.
const WIDER: f64 = 1.15;

/// Width of the Gaussian (standard deviations) between the cut-off and the last term.
const SIGMAS: f64 = 7.9;

/// A time has converged where the kernels differ by less than this many rounding errors.
const ROUNDED: f64 = 8.0;

/// Terms between two exact angles.
const BLOCK: usize = 64;

/// `w_k`, k = 0 to `terms`: 1 up to about the cut-off `terms/(2 wider)` and then falling to 0 as a sum of a
/// Gaussian, which is an error function but for rounding.
fn window(terms: usize, wider: f64) -> Vec<f64> {
    let middle = 0.5 * terms as f64 / wider;
    let width = middle / SIGMAS;
    let mut out = vec![0.0; terms + 1];
    let mut sum = 0.0;
    for k in (0..=terms).rev() {
        out[k] = sum;
        let x = (k as f64 - middle) / width;
        sum += (-0.5 * x * x).exp();
    }
    for w in &mut out {
        *w /= sum;
    }
    out
}

/// `sum_k a_k z^k` for `z = e^{j angle}`: an exact angle per block, and powers within it.
fn series(a: &[Complex64], angle: Turns, powers: &[Complex64; BLOCK]) -> Complex64 {
    let mut out = Complex64::default();
    for (block, a) in a.chunks(BLOCK).enumerate() {
        let (mut re, mut im) = (0.0, 0.0);
        for (a, p) in a.iter().zip(powers) {
            re += a.re * p.re - a.im * p.im;
            im += a.re * p.im + a.im * p.re;
        }
        out += Complex64::new(re, im) * angle.times((block * BLOCK) as u128).cis();
    }
    out
}

/// A stage: the weighted terms of the narrow kernel, what the wide one differs by, the same of the slopes in units
/// of the cut-off, and the size of the sum.
struct Stage {
    narrow: Vec<Complex64>,
    change: Vec<Complex64>,
    slope: Vec<Complex64>,
    size: f64,
}

impl Stage {
    fn new(a: &[Complex64]) -> Self {
        let terms = a.len() - 1;
        let cut = 0.5 * terms as f64;
        let (fine, wide) = (window(terms, 1.0), window(terms, WIDER));
        let mut out = Stage {
            narrow: Vec::with_capacity(a.len()),
            change: Vec::with_capacity(a.len()),
            slope: Vec::with_capacity(a.len()),
            size: 0.0,
        };
        for (k, ((a, fine), wide)) in a.iter().zip(&fine).zip(&wide).enumerate() {
            let a = if k == 0 { 0.5 * a } else { *a };
            let change = a * (fine - wide);
            out.size += (a * fine).norm();
            out.narrow.push(a * fine);
            out.change.push(change);
            out.slope.push(change * Complex64::new(0.0, k as f64 / cut));
        }
        out
    }
}

/// The method for every time, with 2049 to 32769 values of `F` per panel of times within a factor of 8. The error
/// counts the difference of two kernels, aliases and rounding. A time has not converged before the terms reach
/// its `heights`, `|Im s| t` of the highest singularity that counts.
pub(super) fn fourier(
    source: &mut Source<'_>,
    times: &[f64],
    abscissa: f64,
    heights: &[f64],
) -> Result<Vec<Estimate>> {
    /// Times between two checks whether the work shall stop.
    const BETWEEN: usize = 64;
    let mut out = vec![Estimate::NONE; times.len()];
    for panel in panels(times, RATIO) {
        let top = panel.iter().map(|&i| times[i]).fold(0.0, f64::max);
        // Few digits, so that its multiples are exact: at s = j k step a phase a s must not be rounded off.
        let step = rounded(std::f64::consts::PI / (STRETCH * top));
        let half_period = std::f64::consts::PI / step;
        let shift = -ALIAS.ln() / (2.0 * half_period);
        let alias = ALIAS * level(source, abscissa, 2.0 * half_period + top)?;
        let mut a: Vec<Complex64> = Vec::new();
        let mut open = panel;
        for terms in TERMS {
            let s: Vec<Complex64> = (a.len()..=terms)
                .map(|k| Complex64::new(abscissa + shift, step * k as f64))
                .collect();
            a.extend(source.values(&s)?);
            let stage = Stage::new(&a);
            let mut left = Vec::new();
            for (n, &i) in open.iter().enumerate() {
                if n % BETWEEN == 0 {
                    source.progress().check()?;
                }
                let t = times[i];
                let angle = Turns::of_product(step, t, 1.0);
                let mut powers = [Complex64::default(); BLOCK];
                for (j, p) in powers.iter_mut().enumerate() {
                    *p = angle.times(j as u128).cis();
                }
                let scale = (shift * t).exp() / half_period * growth(abscissa, t);
                let at = |terms: &[Complex64]| series(terms, angle, &powers).re * scale;
                let (value, change) = (at(&stage.narrow), at(&stage.change).abs());
                // In the middle of a jump all kernels give the same, but not the same slope.
                let change = change.max(at(&stage.slope).abs());
                let rounding = f64::EPSILON * stage.size * scale;
                let reach = PASSED * terms as f64 * step * t;
                let seen = heights.get(i).is_none_or(|h| *h <= reach);
                let converged = seen && change <= ROUNDED * rounding;
                if seen && change.is_finite() {
                    out[i] = Estimate {
                        value,
                        error: change + alias * growth(abscissa, t) + rounding,
                    };
                }
                if !converged && value.is_finite() {
                    left.push(i);
                }
            }
            open = left;
            if open.is_empty() {
                break;
            }
        }
    }
    Ok(out)
}

/// A number with the leading 24 bits of `x`.
fn rounded(x: f64) -> f64 {
    const DROPPED: u64 = (1 << 29) - 1;
    f64::from_bits(x.to_bits() & !DROPPED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_flat_then_fall() {
        for terms in TERMS {
            for wider in [1.0, WIDER] {
                let w = window(terms, wider);
                assert_eq!(w.len(), terms + 1);
                assert!((w[0] - 1.0).abs() <= 1e-14 && w[terms] == 0.0);
                let middle = (0.5 * terms as f64 / wider) as usize;
                assert!((w[middle] - 0.5).abs() <= 1e-2);
                assert!(w.windows(2).all(|w| w[1] <= w[0]));
            }
        }
    }

    #[test]
    fn a_series_with_blocks_is_the_series() {
        let a: Vec<Complex64> = (0..1000)
            .map(|k| Complex64::new(1.0 / (k + 1) as f64, -0.3 / (k + 2) as f64))
            .collect();
        let angle = Turns::of_product(0.37, 1.1, 1.0);
        let mut powers = [Complex64::default(); BLOCK];
        for (j, p) in powers.iter_mut().enumerate() {
            *p = angle.times(j as u128).cis();
        }
        let exact: Complex64 = a
            .iter()
            .enumerate()
            .map(|(k, a)| a * Complex64::from_polar(1.0, 0.37 * 1.1 * k as f64))
            .sum();
        let found = series(&a, angle, &powers);
        assert!((found - exact).norm() <= 1e-12, "{found} {exact}");
    }
}
