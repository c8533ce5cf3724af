//! The Laplace transform of sampled signals.
//!
//! A record of samples `x_n` at times `t_n` is made a function by an interpolation rule ([`Quadrature`]) whose
//! transform `F(s) = int x(t) e^{-s t} dt` over the record is then computed exactly: on a line of evenly spaced
//! `s` by a reusable [`LinePlan`], at arbitrary `s` by [`transform`], for uneven times by
//! [`transform_nonuniform`]. Each value comes with an estimate of the interpolation's error and a bound for the
//! part of the integral after the record.

mod bins;
mod bspline;
mod chirp;
mod lanes;
mod piecewise;
mod plan;
mod rule;
mod share;
mod sums;
mod tail;

pub use piecewise::transform_nonuniform;
pub use plan::{Line, LinePlan};
pub use tail::{Extent, Tail};

use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::laplace::wide::{Kernel, widest};
use crate::telemetry::Progress;
use rule::Rule;

/// What a record is taken to be between its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quadrature {
    /// Left rectangles: `dt sum x_n e^{-s n dt}`, the z-transform times `dt`. Error of order `dt`.
    Rectangle,
    /// The trapezoidal rule on the integrand. Error of order `dt^2`.
    Trapezoid,
    /// Simpson's rule on the integrand, with the 3/8 rule at the end where the number of steps is odd. Error of
    /// order `dt^4`; poor from a quarter of the sampling frequency on.
    Simpson,
    /// The exact transform of the cubic spline through the samples, not-a-knot at the ends (default). Error of
    /// order `dt^4`, small up to near the Nyquist frequency.
    #[default]
    Spline,
}

/// How a transform is done.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransformOptions {
    /// What the record is between its samples.
    pub quadrature: Quadrature,
    /// Whether the integral ends with the record or goes on.
    pub extent: Extent,
    /// What is assumed of the signal after the record.
    pub tail: Tail,
    /// Threads; 0 for as many as the machine has. Results do not depend on it.
    pub threads: usize,
}

/// A transform at some points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transform {
    /// The points, in 1/(time unit).
    pub s: Vec<Complex64>,
    /// `F(s)`, in signal units times time units.
    pub values: Vec<Complex64>,
    /// Estimate of the error of each value that the interpolation makes: the distance to the next better rule.
    pub error: Vec<f64>,
    /// Bound for the part of the integral after the record; `None` where it does not converge.
    pub tail: Vec<Option<f64>>,
    /// The integral over all time converges for `Re(s)` above this, as far as [`TransformOptions::tail`] tells;
    /// `None` where it does for every `s`.
    pub abscissa: Option<f64>,
    /// The rule that was used.
    pub quadrature: Quadrature,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for num_complex::Complex32 {}
    impl Sealed for num_complex::Complex64 {}
}

/// A sample: `f32`, `f64`, `Complex32` or `Complex64`. All arithmetic is done in double precision.
pub trait Sample: Copy + Send + Sync + sealed::Sealed {
    /// Whether samples have an imaginary part.
    const COMPLEX: bool;
    /// Real part.
    fn re(self) -> f64;
    /// Imaginary part.
    fn im(self) -> f64;
    /// The sample as a complex number.
    fn complex(self) -> Complex64 {
        Complex64::new(self.re(), self.im())
    }
    /// The samples as they lie, where they are `f64`.
    fn as_f64(_samples: &[Self]) -> Option<&[f64]> {
        None
    }
    /// The product with a factor.
    #[inline(always)]
    fn times(self, factor: Complex64) -> Complex64 {
        if Self::COMPLEX {
            self.complex() * factor
        } else {
            factor * self.re()
        }
    }
}

macro_rules! sample {
    ($type:ty, $complex:expr, $v:ident, $re:expr, $im:expr $(, $plain:item)?) => {
        impl Sample for $type {
            const COMPLEX: bool = $complex;
            #[inline(always)]
            fn re(self) -> f64 {
                let $v = self;
                $re
            }
            #[inline(always)]
            fn im(self) -> f64 {
                let $v = self;
                let _ = $v;
                $im
            }
            $($plain)?
        }
    };
}
sample!(
    f64,
    false,
    v,
    v,
    0.0,
    fn as_f64(samples: &[f64]) -> Option<&[f64]> {
        Some(samples)
    }
);
sample!(f32, false, v, f64::from(v), 0.0);
sample!(Complex64, true, v, v.re, v.im);
sample!(Complex32, true, v, f64::from(v.re), f64::from(v.im));

/// The transform of an evenly sampled record at arbitrary `s`.
///
/// `signal` holds the samples at `t0`, `t0 + dt`, ...; the integral runs from the first to the last sample.
/// Costs two fused multiply-adds a sample and point (four for complex samples). For
/// evenly spaced points on a line parallel to the imaginary axis use a [`LinePlan`].
///
/// ```
/// use nis_core::{laplace::forward::{TransformOptions, transform}, telemetry::Progress};
/// use num_complex::Complex64;
/// // e^{-t} on [0, 10]: F(s) = (1 - e^{-10 (s + 1)})/(s + 1)
/// let x: Vec<f64> = (0..=1000).map(|n| (-0.01 * f64::from(n)).exp()).collect();
/// let s = Complex64::new(0.5, 2.0);
/// let f = transform(&x, 0.0, 0.01, &[s], &TransformOptions::default(), &Progress::none())?;
/// let exact = (1.0 - (-10.0 * (s + 1.0)).exp()) / (s + 1.0);
/// assert!((f.values[0] - exact).norm() < 1e-10);
/// assert!(f.error[0] < 1e-9 && f.tail[0].unwrap() < 1e-4);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] for an empty signal, a value that is not finite, a bad `dt`, an `s` whose exponential
/// overflows over the record, or one left of the region of convergence where [`Extent::Signal`] is asked for;
/// [`Error::Cancelled`] on request.
pub fn transform<T: Sample>(
    signal: &[T],
    t0: f64,
    dt: f64,
    s: &[Complex64],
    options: &TransformOptions,
    progress: &Progress<'_>,
) -> Result<Transform> {
    check_record(signal.len(), t0, dt)?;
    let largest = check_samples(signal)?;
    check_points(s, t0, dt, signal.len())?;
    progress.check()?;
    let rule = Rule::new(signal, t0, dt, options.quadrature, largest);
    let threads = threads(options.threads, signal.len().saturating_mul(s.len()));
    let mut values = vec![Complex64::default(); s.len()];
    // Splines look at the plain sums too; Simpson's rule weights the samples.
    if rule.needs_plain_sums() {
        sums::sums(signal, dt, s, &mut values, threads, progress)?;
    }
    let mut weighted = Vec::new();
    if let Some(signal) = rule.weighted(signal) {
        weighted = vec![Complex64::default(); s.len()];
        sums::sums(&signal, dt, s, &mut weighted, threads, progress)?;
    }
    let last_time = t0 + dt * (signal.len() - 1) as f64;
    let tail = tail::Bound::new(signal, last_time, dt, options)?;
    rule.finish(s, values, weighted, &tail, threads, progress)
}

/// Threads for an amount of work in elementary terms: one where it does not pay to start more.
fn threads(asked: usize, terms: usize) -> usize {
    const PAYS: usize = 1 << 18;
    if terms < PAYS {
        return 1;
    }
    let there = std::thread::available_parallelism().map_or(1, usize::from);
    match asked {
        0 => there,
        n => n.min(256),
    }
}

fn check_record(samples: usize, t0: f64, dt: f64) -> Result<()> {
    if samples == 0 {
        return Err(Error::invalid("signal", "empty", "at least one sample"));
    }
    if samples > MAX_SAMPLES {
        return Err(Error::Limit {
            what: "samples of a record".into(),
            limit: MAX_SAMPLES as u64,
            got: samples as u64,
        });
    }
    if !(dt > 0.0 && dt.is_normal() && (dt * samples as f64).is_finite()) {
        return Err(Error::invalid(
            "dt",
            dt,
            "a positive sampling interval within the range of floating point",
        ));
    }
    if !(t0.is_finite() && (t0 + dt * samples as f64).is_finite()) {
        return Err(Error::invalid("t0", t0, "a finite time"));
    }
    Ok(())
}

/// Longest record: phases are exact up to here.
const MAX_SAMPLES: usize = 1 << 32;

/// The largest magnitude of a part, of samples that must be finite.
fn check_samples<T: Sample>(signal: &[T]) -> Result<f64> {
    let largest = largest_part(signal);
    if !largest.is_nan() {
        return Ok(largest);
    }
    let finite = |v: &T| v.re().is_finite() && (!T::COMPLEX || v.im().is_finite());
    let at = signal.iter().position(|v| !finite(v)).unwrap_or_default();
    let value = signal
        .get(at)
        .map_or_else(Complex64::default, |v| v.complex());
    Err(Error::invalid(
        format!("signal[{at}]"),
        if T::COMPLEX {
            format!("{value}")
        } else {
            format!("{}", value.re)
        },
        "finite samples",
    ))
}

/// The largest magnitude of a real or imaginary part; NaN where one is not finite.
fn largest_part<T: Sample>(signal: &[T]) -> f64 {
    const LANES: usize = 16;
    struct Largest<'a, T>(&'a [T]);
    #[inline(always)]
    fn take<T: Sample>(v: T, largest: &mut f64, odd: &mut f64) {
        let re = v.re().abs();
        let size = if T::COMPLEX {
            let im = v.im().abs();
            *odd += im * 0.0;
            if im > re { im } else { re }
        } else {
            re
        };
        // 0 where the part is finite, else NaN.
        *odd += re * 0.0;
        *largest = if size > *largest { size } else { *largest };
    }
    impl<T: Sample> Kernel for Largest<'_, T> {
        type Output = f64;
        #[inline(always)]
        fn run(self) -> f64 {
            let (mut largest, mut odd) = ([0.0; LANES], [0.0; LANES]);
            let (chunks, rest) = self.0.as_chunks::<LANES>();
            for chunk in chunks {
                for j in 0..LANES {
                    take(chunk[j], &mut largest[j], &mut odd[j]);
                }
            }
            for (j, v) in rest.iter().enumerate() {
                take(*v, &mut largest[j], &mut odd[j]);
            }
            let odd: f64 = odd.iter().sum();
            largest.iter().copied().fold(0.0, f64::max) + odd
        }
    }
    widest(Largest(signal))
}

/// Largest exponent that is taken; `e^{709.8}` overflows.
const MAX_EXPONENT: f64 = 700.0;

fn check_points(s: &[Complex64], t0: f64, dt: f64, samples: usize) -> Result<()> {
    let span = dt * (samples - 1) as f64;
    let reach = span.max(t0.abs()).max(span + t0);
    for (k, s) in s.iter().enumerate() {
        if !s.is_finite() {
            return Err(Error::invalid(format!("s[{k}]"), s, "a finite point"));
        }
        let grows = (-s.re * span).max(-s.re * t0).max(-s.re * (span + t0));
        if grows.is_nan() || grows > MAX_EXPONENT || s.re.abs() * dt > 1e300 {
            return Err(Error::invalid(
                format!("s[{k}]"),
                s,
                format!(
                    "Re(s) of at least {:.3e}, or e^{{-s t}} overflows within the record",
                    -MAX_EXPONENT / reach
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
