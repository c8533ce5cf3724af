//! The Fourier series with Euler summation.

use num_complex::Complex64;

use super::transform::Source;
use super::{Estimate, growth};
use crate::error::Result;

/// `M` of the finer of the two sums: more would lose more digits to `10^{M/3}` than it gains.
const FINE: usize = 17;

/// Nodes `beta_k` and weights of Abate and Whitt, INFORMS J. Comput. 18 (2006) 408, eqs. (33) and (34):
/// `f(t) = 10^{M/3}/t sum_k eta_k Re F(beta_k/t)`. About `0.6 M` digits where `f` is smooth.
fn rule(m: usize) -> (Vec<Complex64>, Vec<f64>) {
    let right = m as f64 * std::f64::consts::LN_10 / 3.0;
    let mut xi = vec![1.0; 2 * m + 1];
    xi[0] = 0.5;
    let half = 0.5f64.powi(m as i32);
    xi[2 * m] = half;
    let mut binomial = 1.0;
    for k in 1..m {
        binomial *= (m + 1 - k) as f64 / k as f64;
        xi[2 * m - k] = xi[2 * m - k + 1] + half * binomial;
    }
    let scale = 10f64.powf(m as f64 / 3.0);
    let nodes = (0..=2 * m)
        .map(|k| Complex64::new(right, std::f64::consts::PI * k as f64))
        .collect();
    let weights = xi
        .iter()
        .enumerate()
        .map(|(k, xi)| if k % 2 == 0 { xi * scale } else { -xi * scale })
        .collect();
    (nodes, weights)
}

fn sums(source: &mut Source<'_>, times: &[f64], abscissa: f64, m: usize) -> Result<Vec<Estimate>> {
    let (nodes, weights) = rule(m);
    let mut out = Vec::with_capacity(times.len());
    for t in times {
        let s: Vec<Complex64> = nodes.iter().map(|b| abscissa + b / t).collect();
        let f = source.values(&s)?;
        let (mut sum, mut size) = (0.0, 0.0);
        for (w, f) in weights.iter().zip(&f) {
            sum += w * f.re;
            size += (w * f.re).abs();
        }
        let scale = growth(abscissa, *t) / t;
        out.push(Estimate {
            value: sum * scale,
            error: f64::EPSILON * size * scale,
        });
    }
    Ok(out)
}

/// Euler's method for every time; the error is the difference of two orders. 61 values of `F` a time.
pub(super) fn euler(
    source: &mut Source<'_>,
    times: &[f64],
    abscissa: f64,
    nodes: Option<usize>,
) -> Result<Vec<Estimate>> {
    let m = nodes.map_or(FINE, |n| (n / 2).clamp(3, 30));
    let fine = sums(source, times, abscissa, m)?;
    let coarse = sums(source, times, abscissa, (m * 4 / 5).max(2))?;
    Ok(fine
        .iter()
        .zip(&coarse)
        .map(|(a, b)| a.against(b))
        .collect())
}
