//! From exponential sums of the samples to transforms: the quadrature rules and their error estimates.

use num_complex::Complex64;

use super::bspline::{CUBIC, Ends, MIN_SAMPLES, QUINTIC};
use super::lanes::{LANES, Points, Wide, transforms};
use super::piecewise::{Piecewise, Spline};
use super::share::share;
use super::tail::Bound;
use super::{Quadrature, Sample, Transform};
use crate::error::Result;
use crate::laplace::phase::Turns;
use crate::telemetry::Progress;
use std::sync::OnceLock;

/// Largest `|Re(s)| dt` for which sums over the whole record make a spline's transform; beyond, its first (or
/// last) intervals outweigh all others, and are summed alone.
const SHALLOW: f64 = 0.5;

/// Points that a thread finishes in one go, some 0.2 ms.
const PIECE: usize = 2048;

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
    head: Deep,
    tail: Deep,
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
        let deep = |from: usize| Deep {
            from,
            dt,
            values: (0..keep).map(|i| at(from + i)).collect(),
            made: OnceLock::new(),
        };
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
            head: deep(0),
            tail: deep(n - keep),
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
        progress: &Progress<'_>,
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
            for (block, values) in values.chunks_mut(LANES).enumerate() {
                let range = block * LANES..block * LANES + values.len();
                let weighted = weighted.get(range.clone()).unwrap_or_default();
                let (error, tails) = (&mut error[range.clone()], &mut tails[range.clone()]);
                self.block(&s[range], values, weighted, error, tail, tails);
            }
        };
        let pieces = s
            .chunks(PIECE)
            .zip(plain.chunks_mut(PIECE))
            .zip(error.chunks_mut(PIECE))
            .zip(tails.chunks_mut(PIECE))
            .enumerate();
        let count = s.len().div_ceil(PIECE);
        share(
            threads.clamp(1, count.max(1)),
            pieces,
            count,
            "errors",
            progress,
            |(i, (((s, values), error), tails)), _| {
                let weighted = weighted.get(i * PIECE..).unwrap_or_default();
                one(s, values, weighted, error, tails);
                Ok(())
            },
        )?;
        Ok(Transform {
            tail: tails,
            abscissa: tail.abscissa(),
            quadrature: self.quadrature,
            s: s.to_vec(),
            values: plain,
            error,
        })
    }

    /// Values, error estimates and tails at some points, at most [`LANES`].
    fn block(
        &self,
        s: &[Complex64],
        values: &mut [Complex64],
        weighted: &[Complex64],
        error: &mut [f64],
        bound: &Bound,
        tails: &mut [Option<f64>],
    ) {
        let span = self.samples - 1;
        let (mut at, mut sums) = (Points::new(), Wide::zero());
        let mut scales = [1.0; LANES];
        // Points of a line share their exponentials.
        let mut shared = Shared::new(f64::NAN, self.dt, span, bound);
        for (lane, scale) in scales.iter_mut().enumerate() {
            let k = if lane < s.len() { lane } else { 0 };
            let (Some(s), Some(sum)) = (s.get(k), values.get(k)) else {
                return;
            };
            if s.re != shared.re {
                shared = Shared::new(s.re, self.dt, span, bound);
            }
            let turn = Turns::of_product(s.im, self.dt, 1.0);
            let one = turn.cis();
            let last = turn.times(span as u128).negated().cis() * shared.end;
            at.theta.set(lane, s * self.dt);
            at.z.set(lane, one.conj() * shared.down);
            at.inverse.set(lane, one * shared.up);
            at.last.set(lane, last);
            sums.set(lane, *sum);
            *scale = shared.end.max(1.0);
            if let Some(tail) = tails.get_mut(lane) {
                *tail = shared.tail;
            }
        }
        let shallow = |s: &Complex64| (s.re * self.dt).abs() <= SHALLOW;
        let splines = match &self.ends {
            Some(ends) if s.iter().any(shallow) => transforms(ends, &at, &sums),
            _ => [Wide::zero(); 2],
        };
        for (k, (s, value)) in s.iter().zip(values).enumerate() {
            let (spline, spline_error) = if self.ends.is_some() && shallow(s) {
                let [cubic, quintic] = &splines;
                let (a, b) = (cubic.get(k) * self.dt, quintic.get(k) * self.dt);
                (a, magnitude(a - b))
            } else {
                let end = if s.re < 0.0 { &self.tail } else { &self.head };
                let end = end.intervals();
                let value = end.transform(*s, Spline::Cubic);
                (value, (value - end.transform(*s, Spline::Linear)).norm())
            };
            let extra = weighted.get(k).copied().unwrap_or_default();
            let of_rule = self.of_rule(*value, extra, at.last.get(k));
            let mut distance = spline_error + self.rounding * scales[k];
            *value = match of_rule {
                Some(of_rule) => {
                    distance += magnitude(of_rule - spline);
                    of_rule
                }
                None => spline,
            };
            if self.t0 != 0.0 {
                let shift = (-s * self.t0).exp();
                *value *= shift;
                distance *= shift.norm();
            }
            error[k] = distance;
        }
    }

    /// What the rule makes of the sums, for a record that begins at time 0; `None` where it is the spline.
    fn of_rule(&self, plain: Complex64, weighted: Complex64, last: Complex64) -> Option<Complex64> {
        Some(match self.quadrature {
            Quadrature::Spline => return None,
            Quadrature::Rectangle => plain * self.dt,
            Quadrature::Trapezoid if self.samples == 1 => Complex64::default(),
            Quadrature::Simpson if self.samples >= 3 => weighted * self.dt,
            Quadrature::Trapezoid | Quadrature::Simpson => {
                (plain - (self.first + self.last * last) / 2.0) * self.dt
            }
        })
    }
}

/// `|z|`; the square root of the square where that is in range.
fn magnitude(z: Complex64) -> f64 {
    let square = z.norm_sqr();
    if square.is_normal() {
        square.sqrt()
    } else {
        z.norm()
    }
}

/// What the real part of a point decides.
struct Shared {
    re: f64,
    down: f64,
    up: f64,
    end: f64,
    tail: Option<f64>,
}

impl Shared {
    fn new(re: f64, dt: f64, span: usize, bound: &Bound) -> Self {
        let theta = re * dt;
        Shared {
            re,
            down: (-theta).exp(),
            up: theta.exp(),
            end: (-theta * span as f64).exp(),
            tail: bound.at(Complex64::new(re, 0.0)),
        }
    }
}

/// Some intervals, made ready when the first point needs them.
struct Deep {
    from: usize,
    dt: f64,
    values: Vec<Complex64>,
    made: OnceLock<Piecewise>,
}

impl Deep {
    fn intervals(&self) -> &Piecewise {
        self.made.get_or_init(|| {
            let times = (0..self.values.len()).map(|i| (self.from + i) as f64 * self.dt);
            Piecewise::new(times.collect(), self.values.clone(), Spline::Cubic)
        })
    }
}
