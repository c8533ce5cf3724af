//! What lies after the record: a bound for its part of the integral, and the region of convergence.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Sample, TransformOptions, largest_part};
use crate::error::{Error, Result};
use crate::laplace::wide::{Kernel, widest};

/// Whether the integral ends with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// The record is all there is (default): the transform exists at every `s`; the tail is told beside it.
    #[default]
    Record,
    /// The record is the beginning of a signal: `s` outside the region of convergence is refused.
    Signal,
}

/// What is assumed of a signal after its record: `|x(t)| <= amplitude e^{-rate (t - t_last)}`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tail {
    /// The amplitude is the largest of the last quarter of the record, the rate that at which this quarter
    /// falls against the one before (default). An assumption, not a proof.
    #[default]
    Estimated,
    /// Known from elsewhere.
    Given {
        /// Bound at the last sample, in signal units.
        amplitude: f64,
        /// Decay rate, in 1/(time unit); negative for growth.
        rate: f64,
    },
    /// The signal ends with the record.
    Zero,
}

/// The bound, ready for use.
pub(super) struct Bound {
    amplitude: f64,
    /// Infinite where nothing follows.
    rate: f64,
    last_time: f64,
    signal: bool,
}

impl Bound {
    pub(super) fn new<T: Sample>(
        signal: &[T],
        last_time: f64,
        step: f64,
        options: &TransformOptions,
    ) -> Result<Self> {
        let (amplitude, rate) = match options.tail {
            Tail::Zero => (0.0, f64::INFINITY),
            Tail::Given { amplitude, rate } => {
                if !(amplitude.is_finite() && amplitude >= 0.0) {
                    return Err(Error::invalid(
                        "tail.amplitude",
                        amplitude,
                        "a finite bound of at least 0",
                    ));
                }
                if !rate.is_finite() {
                    return Err(Error::invalid("tail.rate", rate, "a finite rate"));
                }
                (amplitude, rate)
            }
            Tail::Estimated => estimate(signal, step),
        };
        Ok(Bound {
            amplitude,
            rate,
            last_time,
            signal: options.extent == Extent::Signal,
        })
    }

    pub(super) fn abscissa(&self) -> Option<f64> {
        self.rate.is_finite().then_some(-self.rate)
    }

    /// `int_T^inf amplitude e^{-rate (t - T)} e^{-Re(s) t} dt`
    pub(super) fn at(&self, s: Complex64) -> Option<f64> {
        if self.amplitude == 0.0 {
            return Some(0.0);
        }
        let margin = s.re + self.rate;
        (margin > 0.0).then(|| self.amplitude * (-s.re * self.last_time).exp() / margin)
    }

    /// Refuses a point outside the region of convergence, where the signal goes on.
    pub(super) fn check(&self, index: usize, s: Complex64) -> Result<()> {
        let outside = self.amplitude > 0.0 && s.re + self.rate <= 0.0;
        if self.signal && outside {
            return Err(Error::invalid(
                format!("s[{index}]"),
                s,
                format!(
                    "a point in the region of convergence Re(s) > {:.6e} of a signal that goes on as \
                     {:.3e} e^{{{:.6e} (t - {})}} after its record",
                    -self.rate, self.amplitude, -self.rate, self.last_time
                ),
            ));
        }
        Ok(())
    }
}

/// Amplitude and rate from the last half of the record.
fn estimate<T: Sample>(signal: &[T], step: f64) -> (f64, f64) {
    let quarter = signal.len() / 4;
    if quarter == 0 {
        return (peak(signal), 0.0);
    }
    let n = signal.len();
    let (before, last) = (
        peak(&signal[n - 2 * quarter..n - quarter]),
        peak(&signal[n - quarter..]),
    );
    if last == 0.0 {
        return (0.0, f64::INFINITY);
    }
    let rate = (before / last).ln() / (quarter as f64 * step);
    (last, if rate.is_finite() { rate } else { 0.0 })
}

/// The largest magnitude of finite samples.
fn peak<T: Sample>(part: &[T]) -> f64 {
    struct Squares<'a, T>(&'a [T], f64);
    impl<T: Sample> Kernel for Squares<'_, T> {
        type Output = f64;
        #[inline(always)]
        fn run(self) -> f64 {
            self.0.iter().fold(0.0, |largest, v| {
                let (re, im) = (v.re() * self.1, v.im() * self.1);
                let square = re * re + im * im;
                if square > largest { square } else { largest }
            })
        }
    }
    let largest = largest_part(part);
    if !T::COMPLEX || largest == 0.0 {
        return largest;
    }
    // Scaled so that squares neither over- nor underflow where it matters.
    let scale = 1.0 / largest;
    if scale.is_finite() && scale.is_normal() {
        widest(Squares(part, scale)).sqrt() * largest
    } else {
        part.iter()
            .map(|v| v.re().hypot(v.im()))
            .fold(0.0, f64::max)
    }
}
