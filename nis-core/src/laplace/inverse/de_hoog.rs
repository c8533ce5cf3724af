//! The Fourier series along a vertical line, summed as a continued fraction.
//!
//! de Hoog, Knight and Stokes, SIAM J. Sci. Stat. Comput. 3 (1982) 357. The series has period `2T`, so its
//! aliases are as large as `e^{-2 gamma T}` wherever `t` is; the times are taken in panels within a factor of 2,
//! each with its own period, so that small times keep their digits.

use num_complex::Complex64;

use super::transform::Source;
use super::{Estimate, growth};
use crate::error::Result;

/// Relative size of the aliases.
const ALIAS: f64 = 1e-13;

/// Period of the series over the largest time of a panel, halved.
const STRETCH: f64 = 2.0;

/// Largest ratio of the times in a panel.
const RATIO: f64 = 2.0;

/// Coefficients of the continued fraction `d_0/(1 + d_1 z/(1 + d_2 z/(1 + ...)))` of a power series by the
/// quotient-difference algorithm; shorter where it breaks down.
fn continued_fraction(a: &[Complex64]) -> Vec<Complex64> {
    let mut d = Vec::with_capacity(a.len());
    d.push(a[0]);
    let mut q: Vec<Complex64> = a.windows(2).map(|w| w[1] / w[0]).collect();
    let mut e = vec![Complex64::default(); a.len()];
    let push = |d: &mut Vec<Complex64>, v: Option<&Complex64>| match v {
        Some(v) if v.is_finite() => {
            d.push(-v);
            true
        }
        _ => false,
    };
    // The columns of the table overwrite each other, one entry shorter each.
    while push(&mut d, q.first()) {
        for i in 0..q.len() - 1 {
            e[i] = q[i + 1] - q[i] + e[i + 1];
        }
        e.truncate(q.len() - 1);
        if !push(&mut d, e.first()) {
            break;
        }
        for i in 0..e.len() - 1 {
            q[i] = q[i + 1] * e[i + 1] / e[i];
        }
        q.truncate(e.len() - 1);
    }
    d
}

/// The continued fraction at `z`, with the analytic estimate of its tail (eqs. (21) to (23) of the paper), and
/// what it is with four coefficients less.
fn value(d: &[Complex64], z: Complex64) -> (Complex64, Complex64) {
    let one = Complex64::new(1.0, 0.0);
    let (mut a0, mut a1) = (Complex64::default(), d[0]);
    let (mut b0, mut b1) = (one, one);
    let last = d.len() - 1;
    let mut before = a1 / b1;
    for (i, d_i) in d.iter().enumerate().take(last).skip(1) {
        let step = d_i * z;
        (a0, a1) = (a1, a1 + step * a0);
        (b0, b1) = (b1, b1 + step * b0);
        if i + 5 == last {
            before = a1 / b1;
        }
        // Not the modulus, which costs more than all the rest.
        let size = b1.re.abs() + b1.im.abs();
        if size > 1e100 {
            for v in [&mut a0, &mut a1, &mut b0, &mut b1] {
                *v /= size;
            }
        }
    }
    if last == 0 {
        return (a1, a1);
    }
    let step = d[last] * z;
    let tail = if last.is_multiple_of(2) {
        let h = 0.5 * (one + (d[last - 1] - d[last]) * z);
        let tail = -h * (one - (one + step / (h * h)).sqrt());
        if tail.is_finite() { tail } else { step }
    } else {
        step
    };
    ((a1 + tail * a0) / (b1 + tail * b0), before)
}

/// About the size of `e^{-abscissa u} f(u)`: the least of `e^x F(x/u) x/u` over a few `x`, right of the abscissa; for
/// `u^n` it is up to 7 times as much for n up to 5. The aliases of a Fourier series are this times their relative size.
pub(super) fn level(source: &mut Source<'_>, abscissa: f64, u: f64) -> Result<f64> {
    const AT: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
    /// Of the constant's overestimate, which is `e`, and of others.
    const SHARE: f64 = 0.2;
    let s = AT.map(|x| Complex64::new(abscissa + x / u, 0.0));
    let f = source.values(&s)?;
    let sizes = AT.iter().zip(&f).map(|(x, f)| x.exp() * f.norm() * x / u);
    let least = sizes.fold(f64::INFINITY, f64::min);
    Ok(if least.is_finite() {
        SHARE * least
    } else {
        0.0
    })
}

/// Places of the times in panels, each within a factor of `ratio`.
pub(super) fn panels(times: &[f64], ratio: f64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by(|a, b| times[*b].total_cmp(&times[*a]));
    let mut out: Vec<Vec<usize>> = Vec::new();
    let mut top = f64::INFINITY;
    for i in order {
        match out.last_mut() {
            Some(panel) if times[i] * ratio >= top => panel.push(i),
            _ => {
                top = times[i];
                out.push(vec![i]);
            }
        }
    }
    out
}

/// De Hoog's method with `2 order + 1` values of `F` a panel. The error counts the change over the last
/// coefficients, the aliases and rounding.
pub(super) fn de_hoog(
    source: &mut Source<'_>,
    times: &[f64],
    abscissa: f64,
    order: usize,
) -> Result<Vec<Estimate>> {
    de_hoog_stretched(source, times, abscissa, order, STRETCH)
}

/// The same with another period.
pub(super) fn de_hoog_stretched(
    source: &mut Source<'_>,
    times: &[f64],
    abscissa: f64,
    order: usize,
    stretch: f64,
) -> Result<Vec<Estimate>> {
    let mut out = vec![Estimate::NONE; times.len()];
    for panel in panels(times, RATIO) {
        let top = panel.iter().map(|&i| times[i]).fold(0.0, f64::max);
        let half_period = stretch * top;
        let shift = -ALIAS.ln() / (2.0 * half_period);
        let omega = std::f64::consts::PI / half_period;
        let s: Vec<Complex64> = (0..=2 * order)
            .map(|k| Complex64::new(abscissa + shift, omega * k as f64))
            .collect();
        let mut a = source.values(&s)?;
        let alias = ALIAS * level(source, abscissa, 2.0 * half_period + top)?;
        a[0] *= 0.5;
        let size = a.iter().fold(0.0f64, |m, v| m.max(v.norm()));
        let d = continued_fraction(&a);
        for i in panel {
            let t = times[i];
            let (full, before) = value(&d, Complex64::from_polar(1.0, omega * t));
            let scale = (shift * t).exp() / half_period * growth(abscissa, t);
            let value = full.re * scale;
            out[i] = Estimate {
                value,
                error: (full - before).norm() * scale
                    + alias * growth(abscissa, t)
                    + f64::EPSILON * size * scale,
            };
        }
    }
    Ok(out)
}
