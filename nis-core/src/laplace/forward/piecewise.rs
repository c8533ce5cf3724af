//! Transforms interval by interval: uneven times, short records and steep exponentials.

use num_complex::Complex64;

use super::bspline::moments_of;
use super::tail::Bound;
use super::{
    Quadrature, Sample, Transform, TransformOptions, check_points, check_samples, threads,
};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// How the intervals are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spline {
    /// Straight lines.
    Linear,
    /// The cubic spline, not-a-knot at the ends; a parabola through three samples, a line through two.
    Cubic,
}

/// Samples at rising times and the slopes of the spline there.
pub(super) struct Piecewise {
    times: Vec<f64>,
    values: Vec<Complex64>,
    slopes: Vec<Complex64>,
}

impl Piecewise {
    /// `times` must rise and be as many as `values`.
    pub(super) fn new(times: Vec<f64>, values: Vec<Complex64>, spline: Spline) -> Self {
        let slopes = match spline {
            Spline::Linear => Vec::new(),
            Spline::Cubic => slopes(&times, &values),
        };
        Piecewise {
            times,
            values,
            slopes,
        }
    }

    /// `int x(t) e^{-s t} dt` over the record.
    pub(super) fn transform(&self, s: Complex64, spline: Spline) -> Complex64 {
        let mut sum = Complex64::default();
        let intervals = self.times.windows(2).zip(self.values.windows(2));
        for (i, (t, x)) in intervals.enumerate() {
            let h = t[1] - t[0];
            let theta = s * h;
            let w = (-theta).exp();
            let rise = x[1] - x[0];
            let mut e = [Complex64::default(); 4];
            let inner = match (spline, self.slopes.get(i), self.slopes.get(i + 1)) {
                (Spline::Cubic, Some(a), Some(b)) => {
                    let (a, b) = (a * h, b * h);
                    moments_of(theta, w, &mut e);
                    // Hermite form on [0, 1].
                    x[0] * e[0]
                        + a * e[1]
                        + (rise * 3.0 - a * 2.0 - b) * e[2]
                        + (a + b - rise * 2.0) * e[3]
                }
                _ => {
                    moments_of(theta, w, &mut e[..2]);
                    x[0] * e[0] + rise * e[1]
                }
            };
            sum += (-s * t[0]).exp() * inner * h;
        }
        sum
    }

    /// Every second sample, and the last.
    fn thinned(&self) -> Self {
        let last = self.times.len() - 1;
        let keep = |i: &usize| i.is_multiple_of(2) || *i == last;
        let chosen: Vec<usize> = (0..=last).filter(keep).collect();
        Piecewise::new(
            chosen.iter().map(|i| self.times[*i]).collect(),
            chosen.iter().map(|i| self.values[*i]).collect(),
            Spline::Cubic,
        )
    }
}

/// Slopes of the interpolating cubic spline (de Boor, A Practical Guide to Splines, chapter IV, eqs. (7) and
/// (14) to (15)).
fn slopes(t: &[f64], x: &[Complex64]) -> Vec<Complex64> {
    let n = t.len().min(x.len());
    let h: Vec<f64> = t.windows(2).map(|w| w[1] - w[0]).collect();
    let d: Vec<Complex64> = x
        .windows(2)
        .zip(&h)
        .map(|(x, h)| (x[1] - x[0]) / *h)
        .collect();
    match n {
        0 | 1 => return vec![Complex64::default(); n],
        2 => return vec![d[0]; 2],
        3 => {
            // The parabola through three points.
            let middle = (d[0] * h[1] + d[1] * h[0]) / (h[0] + h[1]);
            return vec![d[0] * 2.0 - middle, middle, d[1] * 2.0 - middle];
        }
        _ => {}
    }
    // Rows: below, diagonal, above, right-hand side.
    let mut rows: Vec<(f64, f64, f64, Complex64)> = Vec::with_capacity(n);
    let two = h[0] + h[1];
    rows.push((
        0.0,
        h[1],
        two,
        (d[0] * ((h[0] + 2.0 * two) * h[1]) + d[1] * (h[0] * h[0])) / two,
    ));
    for i in 1..n - 1 {
        rows.push((
            h[i],
            2.0 * (h[i - 1] + h[i]),
            h[i - 1],
            (d[i - 1] * h[i] + d[i] * h[i - 1]) * 3.0,
        ));
    }
    let (a, b) = (h[n - 3], h[n - 2]);
    let two = a + b;
    rows.push((
        two,
        a,
        0.0,
        (d[n - 3] * (b * b) + d[n - 2] * ((2.0 * two + b) * a)) / two,
    ));
    for i in 1..n {
        let (_, diagonal, above, right) = rows[i - 1];
        let factor = rows[i].0 / diagonal;
        rows[i].1 -= factor * above;
        rows[i].3 -= right * factor;
    }
    let mut out = vec![Complex64::default(); n];
    for i in (0..n).rev() {
        let (_, diagonal, above, right) = rows[i];
        let next = out.get(i + 1).copied().unwrap_or_default();
        out[i] = (right - next * above) / diagonal;
    }
    out
}

/// The transform of a record with uneven times at arbitrary `s`.
///
/// `times` must rise. [`Quadrature::Spline`] is the exact transform of the cubic spline through the samples,
/// [`Quadrature::Trapezoid`] the trapezoidal rule on the integrand; the other rules need even times. The error
/// estimate is the distance to the transform of every second sample, which is on the safe side. Costs about
/// 0.1 microseconds a sample and point.
///
/// ```
/// use nis_core::{laplace::forward::{TransformOptions, transform_nonuniform}, telemetry::Progress};
/// use num_complex::Complex64;
/// let times: Vec<f64> = (0..=300).map(|n| (f64::from(n) / 100.0).powi(2)).collect(); // denser at the start
/// let x: Vec<f64> = times.iter().map(|t| (-t).exp()).collect();
/// let s = Complex64::new(1.0, 1.0);
/// let f = transform_nonuniform(&times, &x, &[s], &TransformOptions::default(), &Progress::none())?;
/// let exact = (1.0 - (-9.0 * (s + 1.0)).exp()) / (s + 1.0);
/// assert!((f.values[0] - exact).norm() < 1e-8);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// As [`transform`](super::transform), and [`Error::InvalidInput`] for times that do not rise (naming the first
/// pair) or a rule that needs even times.
pub fn transform_nonuniform<T: Sample>(
    times: &[f64],
    signal: &[T],
    s: &[Complex64],
    options: &TransformOptions,
    progress: &Progress<'_>,
) -> Result<Transform> {
    let n = signal.len();
    if n == 0 {
        return Err(Error::invalid("signal", "empty", "at least one sample"));
    }
    if times.len() != n {
        return Err(Error::invalid(
            "times",
            format!("{} values", times.len()),
            format!("{n}, one per sample"),
        ));
    }
    if let Some(at) = times.iter().position(|t| !t.is_finite()) {
        return Err(Error::invalid(
            format!("times[{at}]"),
            times[at],
            "finite times",
        ));
    }
    if let Some(at) = (1..n).find(|&i| times[i] <= times[i - 1]) {
        return Err(Error::invalid(
            format!("times[{at}]"),
            format!("{} after {}", times[at], times[at - 1]),
            "times that rise",
        ));
    }
    match options.quadrature {
        Quadrature::Spline | Quadrature::Trapezoid => {}
        other => {
            return Err(Error::invalid(
                "quadrature",
                format!("{other:?}").to_lowercase(),
                "spline or trapezoid: the other rules need even times",
            ));
        }
    }
    let largest = check_samples(signal)?;
    let (t0, last) = (times[0], times[n - 1]);
    let span = last - t0;
    let mean_step = if n > 1 { span / (n - 1) as f64 } else { 1.0 };
    check_points(s, t0, mean_step, n)?;
    let tail = Bound::new(signal, last, mean_step, options)?;
    for (k, s) in s.iter().enumerate() {
        tail.check(k, *s)?;
    }
    let values: Vec<Complex64> = signal.iter().map(|v| v.complex()).collect();
    let since: Vec<f64> = times.iter().map(|t| t - t0).collect();
    let fine = Piecewise::new(since, values, Spline::Cubic);
    let coarse = fine.thinned();
    let rounding = 4.0 * f64::EPSILON * largest * span;
    let spline = options.quadrature == Quadrature::Spline;
    let one = |s: Complex64| {
        let cubic = fine.transform(s, Spline::Cubic);
        let shift = (-s * t0).exp();
        let value = if spline { cubic } else { fine.trapezoid(s) };
        let other = if spline {
            coarse.transform(s, Spline::Cubic)
        } else {
            cubic
        };
        let error = (value - other).norm() + rounding * 1.0f64.max((-s.re * span).exp());
        (value * shift, error * shift.norm())
    };
    let threads = threads(
        options.threads,
        n.saturating_mul(s.len()).saturating_mul(32),
    );
    let mut results = vec![(Complex64::default(), 0.0); s.len()];
    // Pieces short enough to be stopped between them.
    let piece = (4_000_000 / n).clamp(1, s.len().div_ceil(threads).max(1));
    for (round, (s_part, out_part)) in s
        .chunks(piece * threads)
        .zip(results.chunks_mut(piece * threads))
        .enumerate()
    {
        progress.report(
            "laplace",
            (round * piece * threads) as u64,
            s.len() as u64,
            "intervals",
        )?;
        let run = |s: &[Complex64], out: &mut [(Complex64, f64)]| {
            s.iter().zip(out).for_each(|(s, out)| *out = one(*s));
        };
        if s_part.len() <= piece {
            run(s_part, out_part);
            continue;
        }
        std::thread::scope(|scope| {
            for (s, out) in s_part.chunks(piece).zip(out_part.chunks_mut(piece)) {
                let run = &run;
                scope.spawn(move || run(s, out));
            }
        });
    }
    let (values, error) = results.into_iter().unzip();
    Ok(Transform {
        s: s.to_vec(),
        values,
        error,
        tail: s.iter().map(|s| tail.at(*s)).collect(),
        abscissa: tail.abscissa(),
        quadrature: options.quadrature,
    })
}

impl Piecewise {
    /// The trapezoidal rule on `x e^{-s t}`.
    fn trapezoid(&self, s: Complex64) -> Complex64 {
        self.times
            .windows(2)
            .zip(self.values.windows(2))
            .map(|(t, x)| {
                let (a, b) = ((-s * t[0]).exp() * x[0], (-s * t[1]).exp() * x[1]);
                (a + b) * (0.5 * (t[1] - t[0]))
            })
            .sum()
    }
}
