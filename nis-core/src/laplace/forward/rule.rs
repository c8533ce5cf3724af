//! From exponential sums of the samples to transforms: the quadrature rules and their error estimates.

use num_complex::Complex64;

use super::bspline::{CUBIC, Ends, MIN_SAMPLES, Point, QUINTIC};
use super::piecewise::{Piecewise, Spline};
use super::tail::Bound;
use super::{Quadrature, Sample, Transform};
use crate::error::Result;
use crate::laplace::phase::Turns;

/// Largest `|Re(s)| dt` for which sums over the whole record make a spline's transform; beyond, its first (or
/// last) intervals outweigh all others, and are summed alone.
const SHALLOW: f64 = 0.5;

/// Intervals after which `e^{-SHALLOW n}` is below rounding.
const DEEP_SAMPLES: usize = 96;

/// A rule, made ready for one record.
pub(super) struct Rule<'a> {
    quadrature: Quadrature,
    samples: usize,
    t0: f64,
    dt: f64,
    first: Complex64,
    last: Complex64,
    /// Size of rounding errors of the sums.
    rounding: f64,
    ends: Option<[Ends<'a>; 2]>,
    /// The first and the last intervals, for deep `s`; the whole record where it is short.
    head: Piecewise,
    tail: Piecewise,
}

impl Rule<'_> {
    /// `largest` is the largest magnitude of a sample.
    pub(super) fn new<T: Sample>(
        signal: &[T],
        t0: f64,
        dt: f64,
        quadrature: Quadrature,
        largest: f64,
    ) -> Self {
        let n = signal.len();
        let at = |i: usize| signal.get(i).map_or(Complex64::default(), |v| v.complex());
        // The intervals at an end, with more samples than are summed so that the spline is that of the record.
        let keep = n.min(2 * DEEP_SAMPLES);
        let times = |from: usize| (0..keep).map(move |i| (from + i) as f64 * dt).collect();
        let values = |from: usize| (0..keep).map(|i| at(from + i)).collect::<Vec<_>>();
        let ends =
            (n >= MIN_SAMPLES).then(|| [Ends::new(&CUBIC, n, at), Ends::new(&QUINTIC, n, at)]);
        Rule {
            quadrature,
            samples: n,
            t0,
            dt,
            first: at(0),
            last: at(n - 1),
            rounding: 4.0 * f64::EPSILON * largest * dt * (n as f64).sqrt(),
            ends,
            head: Piecewise::new(times(0), values(0), Spline::Cubic),
            tail: Piecewise::new(times(n - keep), values(n - keep), Spline::Cubic),
        }
    }

    /// Whether the sums of the samples as they are enter.
    pub(super) fn needs_plain_sums(&self) -> bool {
        self.ends.is_some() || self.quadrature != Quadrature::Spline
    }

    /// The samples times the weights of Simpson's rule.
    pub(super) fn weighted<T: Sample>(&self, signal: &[T]) -> Option<Vec<Complex64>> {
        if self.quadrature != Quadrature::Simpson || signal.len() < 3 {
            return None;
        }
        let mut weights = vec![0.0; signal.len()];
        let steps = signal.len() - 1;
        let even = if steps.is_multiple_of(2) {
            steps
        } else {
            steps - 3
        };
        for pair in (0..even).step_by(2) {
            for (w, add) in weights[pair..].iter_mut().zip([1.0, 4.0, 1.0]) {
                *w += add / 3.0;
            }
        }
        if even < steps {
            for (w, add) in weights[even..].iter_mut().zip([3.0, 9.0, 9.0, 3.0]) {
                *w += add / 8.0;
            }
        }
        Some(
            signal
                .iter()
                .zip(weights)
                .map(|(v, w)| v.complex() * w)
                .collect(),
        )
    }

    /// Turns the sums at every point into values, error estimates and tails.
    pub(super) fn finish(
        &self,
        s: &[Complex64],
        mut plain: Vec<Complex64>,
        weighted: Vec<Complex64>,
        tail: &Bound,
        threads: usize,
    ) -> Result<Transform> {
        for (k, s) in s.iter().enumerate() {
            tail.check(k, *s)?;
        }
        let mut error = vec![0.0; s.len()];
        let mut tails = vec![None; s.len()];
        let one = |s: &[Complex64],
                   values: &mut [Complex64],
                   weighted: &[Complex64],
                   error: &mut [f64],
                   tails: &mut [Option<f64>]| {
            for (k, (s, value)) in s.iter().zip(values).enumerate() {
                let extra = weighted.get(k).copied().unwrap_or_default();
                let (v, e) = self.value(*s, *value, extra);
                let shift = if self.t0 == 0.0 {
                    Complex64::new(1.0, 0.0)
                } else {
                    (-s * self.t0).exp()
                };
                *value = v * shift;
                error[k] = e * shift.norm();
                tails[k] = tail.at(*s);
            }
        };
        let piece = s.len().div_ceil(threads.max(1)).max(64);
        if s.len() <= piece {
            one(s, &mut plain, &weighted, &mut error, &mut tails);
        } else {
            std::thread::scope(|scope| {
                let parts = s
                    .chunks(piece)
                    .zip(plain.chunks_mut(piece))
                    .zip(error.chunks_mut(piece))
                    .zip(tails.chunks_mut(piece));
                for (i, (((s, values), error), tails)) in parts.enumerate() {
                    let weighted = weighted.get(i * piece..).unwrap_or_default();
                    let one = &one;
                    scope.spawn(move || one(s, values, weighted, error, tails));
                }
            });
        }
        Ok(Transform {
            tail: tails,
            abscissa: tail.abscissa(),
            quadrature: self.quadrature,
            s: s.to_vec(),
            values: plain,
            error,
        })
    }

    /// Value and error estimate at one point, for a record that begins at time 0.
    fn value(&self, s: Complex64, plain: Complex64, weighted: Complex64) -> (Complex64, f64) {
        let theta = s * self.dt;
        let span = self.samples - 1;
        let last = Turns::of_product(s.im, self.dt, 1.0)
            .times(span as u128)
            .negated()
            .cis()
            * (-theta.re * span as f64).exp();
        let scale = 1.0f64.max((-theta.re * span as f64).exp());
        let (spline, spline_error) = match &self.ends {
            Some([cubic, quintic]) if theta.re.abs() <= SHALLOW => {
                let point = Point::new(theta);
                let value = cubic.transform(plain, &point, last) * self.dt;
                let better = quintic.transform(plain, &point, last) * self.dt;
                (value, (value - better).norm())
            }
            _ if theta.re < 0.0 => {
                let value = self.tail.transform(s, Spline::Cubic);
                (
                    value,
                    (value - self.tail.transform(s, Spline::Linear)).norm(),
                )
            }
            _ => {
                let value = self.head.transform(s, Spline::Cubic);
                (
                    value,
                    (value - self.head.transform(s, Spline::Linear)).norm(),
                )
            }
        };
        let value = match self.quadrature {
            Quadrature::Spline => return (spline, spline_error + self.rounding * scale),
            Quadrature::Rectangle => plain * self.dt,
            Quadrature::Trapezoid if self.samples == 1 => Complex64::default(),
            Quadrature::Simpson if self.samples >= 3 => weighted * self.dt,
            Quadrature::Trapezoid | Quadrature::Simpson => {
                (plain - (self.first + self.last * last) / 2.0) * self.dt
            }
        };
        (
            value,
            (value - spline).norm() + spline_error + self.rounding * scale,
        )
    }
}
