//! Weeks' expansion in Laguerre functions: one expansion serves all times.

use num_complex::Complex64;

use super::transform::Source;
use super::{Estimate, growth};
use crate::error::Result;

const TERMS: usize = 128;

/// Scales that are tried, in units of `terms/(2 t_max)`.
const SCALES: [f64; 5] = [0.01, 0.04, 0.15, 0.6, 2.0];

/// `f(t) = e^{(sigma - b) t} sum_n a_n L_n(2 b t)`.
struct Expansion {
    sigma: f64,
    b: f64,
    a: Vec<f64>,
    /// Size of the last quarter of the coefficients, and rounding: the error at `sigma t = 0`.
    error: f64,
}

impl Expansion {
    /// Coefficients by the midpoint rule on the circle `w = e^{i theta}`, where `s = sigma - b + 2b/(1 - w)`:
    /// Weideman, SIAM J. Sci. Comput. 21 (1999) 111, eqs. (1.4) to (1.6).
    fn new(source: &mut Source<'_>, sigma: f64, b: f64, terms: usize) -> Result<Self> {
        let one = Complex64::new(1.0, 0.0);
        let w: Vec<Complex64> = (0..terms)
            .map(|j| {
                Complex64::from_polar(1.0, (j as f64 + 0.5) * std::f64::consts::PI / terms as f64)
            })
            .collect();
        let s: Vec<Complex64> = w.iter().map(|w| sigma - b + 2.0 * b / (one - w)).collect();
        let f = source.values(&s)?;
        let q: Vec<Complex64> = w
            .iter()
            .zip(&f)
            .map(|(w, f)| 2.0 * b / (one - w) * f)
            .collect();
        let mut turned = q;
        let mut a = Vec::with_capacity(terms);
        for _ in 0..terms {
            a.push(turned.iter().map(|v| v.re).sum::<f64>() / terms as f64);
            for (v, w) in turned.iter_mut().zip(&w) {
                *v *= w.conj();
            }
        }
        let tail: f64 = a.iter().skip(3 * terms / 4).map(|a| a.abs()).sum();
        let all: f64 = a.iter().map(|a| a.abs()).sum();
        Ok(Expansion {
            sigma,
            b,
            a,
            error: tail + f64::EPSILON * all,
        })
    }

    fn value(&self, t: f64) -> Estimate {
        let x = 2.0 * self.b * t;
        // e^{-x/2} L_n(x) stays below 1.
        let (mut before, mut now) = (0.0, (-0.5 * x).exp());
        let mut sum = 0.0;
        for (n, a) in self.a.iter().enumerate() {
            sum += a * now;
            let n = n as f64;
            (before, now) = (now, ((2.0 * n + 1.0 - x) * now - n * before) / (n + 1.0));
        }
        let scale = growth(self.sigma, t);
        Estimate {
            value: sum * scale,
            error: self.error * scale,
        }
    }
}

/// Weeks' method with the scale of least error among a few. For `f` that is smooth also at 0.
pub(super) fn weeks(
    source: &mut Source<'_>,
    times: &[f64],
    abscissa: f64,
    nodes: Option<usize>,
) -> Result<Vec<Estimate>> {
    let terms = nodes.unwrap_or(TERMS);
    let top = times.iter().copied().fold(0.0, f64::max);
    let sigma = abscissa + 1.0 / top;
    let mut best: Option<Expansion> = None;
    for scale in SCALES {
        let b = scale * terms as f64 / (2.0 * top);
        let next = Expansion::new(source, sigma, b, terms)?;
        if next.error.is_finite() && best.as_ref().is_none_or(|best| next.error < best.error) {
            best = Some(next);
        }
    }
    Ok(times
        .iter()
        .map(|t| best.as_ref().map_or(Estimate::NONE, |b| b.value(*t)))
        .collect())
}
