//! Transforms on a line of evenly spaced points, with what can be computed once kept.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::bins::Bins;
use super::chirp::Chirp;
use super::rule::Rule;
use super::{
    Sample, Transform, TransformOptions, check_points, check_record, check_samples, tail, threads,
};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// The points `sigma + j (omega0 + k step)`, `k = 0..count`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Real part of every point, in 1/(time unit).
    #[serde(default)]
    pub sigma: f64,
    /// Imaginary part of the first point, in radians per time unit.
    #[serde(default)]
    pub omega0: f64,
    /// Distance of the points, in radians per time unit.
    pub step: f64,
    /// Number of points.
    pub count: usize,
}

impl Line {
    /// The `k`-th point.
    pub fn point(&self, k: usize) -> Complex64 {
        Complex64::new(self.sigma, self.omega0 + k as f64 * self.step)
    }
}

enum Sums {
    Chirp(Box<Chirp>),
    Bins(Bins),
}

/// A transform of records of one length on one line. It is made once and used for any number of records.
///
/// On a general line it is a chirp-z transform whose phases are exact: the error stays below 1e-12 of the
/// largest value for a million samples. Making the plan costs one FFT of about `samples + line.count` points
/// (less for long records and short lines), a transform two. Memory: about 64 bytes for each of
/// `samples + count`, and 32 more for each and thread (at most; less for long records) from the first transform on.
///
/// ```
/// use nis_core::{laplace::forward::{Line, LinePlan, TransformOptions}, telemetry::Progress};
/// let x: Vec<f64> = (0..2000).map(|n| (-0.01 * f64::from(n)).exp()).collect();
/// let line = Line { sigma: 0.5, omega0: 0.0, step: 0.1, count: 100 };
/// let plan = LinePlan::new(x.len(), 0.0, 0.01, line, TransformOptions::default())?;
/// let f = plan.transform(&x, &Progress::none())?;
/// // 1/(s + 1) but for the part after t = 20.
/// assert!((f.values[20] - 1.0 / (f.s[20] + 1.0)).norm() < 1e-9);
/// # Ok::<(), nis_core::Error>(())
/// ```
pub struct LinePlan {
    samples: usize,
    t0: f64,
    dt: f64,
    s: Vec<Complex64>,
    sums: Sums,
    options: TransformOptions,
    threads: usize,
}

impl std::fmt::Debug for LinePlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinePlan")
            .field("samples", &self.samples)
            .field("t0", &self.t0)
            .field("dt", &self.dt)
            .field("points", &self.s.len())
            .field("options", &self.options)
            .finish()
    }
}

/// Most points of a line.
const MAX_POINTS: usize = 1 << 28;

impl LinePlan {
    /// A plan for records of `samples` samples at `t0`, `t0 + dt`, ... and the points of `line`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for no samples or points, a bad `dt`, a value that is not finite, a step of 0 or a
    /// `sigma` whose exponential overflows over the record; [`Error::Limit`] for more than 2^28 points.
    pub fn new(
        samples: usize,
        t0: f64,
        dt: f64,
        line: Line,
        options: TransformOptions,
    ) -> Result<Self> {
        check_record(samples, t0, dt)?;
        check_count(line.count)?;
        if !(line.step.is_finite() && line.step != 0.0) {
            return Err(Error::invalid(
                "line.step",
                line.step,
                "a finite step that is not 0",
            ));
        }
        let ends = [line.point(0), line.point(line.count - 1)];
        if let Some(end) = ends.iter().find(|s| !s.is_finite()) {
            return Err(Error::invalid("line", end, "finite points"));
        }
        check_points(&ends, t0, dt, samples)?;
        Ok(LinePlan {
            samples,
            t0,
            dt,
            s: (0..line.count).map(|k| line.point(k)).collect(),
            sums: Sums::Chirp(Box::new(Chirp::new(samples, dt, &line))),
            threads: threads(options.threads, 16 * (samples + line.count)),
            options,
        })
    }

    /// A plan for the points `sigma + j 2 pi k/(length dt)`, `k = 0..=length/2`, of a discrete Fourier transform
    /// of `length` points: one FFT of half that length for real records.
    ///
    /// ```
    /// use nis_core::{laplace::forward::{LinePlan, Quadrature, TransformOptions}, telemetry::Progress};
    /// let options = TransformOptions { quadrature: Quadrature::Rectangle, ..TransformOptions::default() };
    /// let plan = LinePlan::bins(4, 0.0, 1.0, 0.0, 4, options)?;
    /// let f = plan.transform(&[1.0, 2.0, 3.0, 4.0], &Progress::none())?;
    /// assert!((f.values[1].re + 2.0).abs() < 1e-15 && (f.values[1].im - 2.0).abs() < 1e-15);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`LinePlan::new`].
    pub fn bins(
        samples: usize,
        t0: f64,
        dt: f64,
        sigma: f64,
        length: usize,
        options: TransformOptions,
    ) -> Result<Self> {
        check_record(samples, t0, dt)?;
        check_count(length)?;
        check_points(&[Complex64::new(sigma, 0.0)], t0, dt, samples)?;
        let bins = Bins::new(length, sigma * dt);
        let step = std::f64::consts::TAU / (length as f64 * dt);
        Ok(LinePlan {
            samples,
            t0,
            dt,
            s: (0..bins.count())
                .map(|k| Complex64::new(sigma, k as f64 * step))
                .collect(),
            sums: Sums::Bins(bins),
            threads: threads(options.threads, 16 * (samples + length)),
            options,
        })
    }

    /// Length of the longest Fourier transform that a transform does; between two of them it reports progress and can
    /// be stopped. Some 50 ns a point.
    pub fn longest(&self) -> usize {
        match &self.sums {
            Sums::Chirp(chirp) => chirp.length(),
            Sums::Bins(bins) => bins.length(),
        }
    }

    /// The points.
    pub fn points(&self) -> &[Complex64] {
        &self.s
    }

    /// The transform of one record.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for another number of samples than planned, a sample that is not finite, or a
    /// point left of the region of convergence where [`Extent::Signal`](super::Extent::Signal) is asked for;
    /// [`Error::Cancelled`] on request.
    pub fn transform<T: Sample>(&self, signal: &[T], progress: &Progress<'_>) -> Result<Transform> {
        self.one(signal, self.threads, progress)
    }

    /// The transforms of several records, such as the channels of a measurement, in their order.
    ///
    /// # Errors
    /// As [`LinePlan::transform`], for the first record that has one.
    pub fn transform_channels<T: Sample>(
        &self,
        signals: &[&[T]],
        progress: &Progress<'_>,
    ) -> Result<Vec<Transform>> {
        if signals.len() < self.threads || self.threads < 2 {
            return signals
                .iter()
                .map(|x| self.transform(x, progress))
                .collect();
        }
        // A thread for each of so many records; each record on one thread.
        let mut out = Vec::with_capacity(signals.len());
        for group in signals.chunks(self.threads) {
            progress.report(
                "laplace",
                out.len() as u64,
                signals.len() as u64,
                "channels",
            )?;
            let quiet = Progress::none();
            let found: Vec<Result<Transform>> = std::thread::scope(|scope| {
                let running: Vec<_> = group
                    .iter()
                    .map(|x| scope.spawn(move || self.one(x, 1, &quiet)))
                    .collect();
                running
                    .into_iter()
                    .map(|thread| {
                        thread.join().unwrap_or_else(|_| {
                            Err(Error::Internal {
                                message: "a thread of a transform panicked".into(),
                            })
                        })
                    })
                    .collect()
            });
            for one in found {
                out.push(one?);
            }
        }
        Ok(out)
    }

    fn one<T: Sample>(
        &self,
        signal: &[T],
        threads: usize,
        progress: &Progress<'_>,
    ) -> Result<Transform> {
        if signal.len() != self.samples {
            return Err(Error::invalid(
                "signal",
                format!("{} samples", signal.len()),
                format!("{}, as planned", self.samples),
            ));
        }
        let largest = check_samples(signal)?;
        let rule = Rule::new(signal, self.t0, self.dt, self.options.quadrature, largest);
        let mut plain = vec![Complex64::default(); self.s.len()];
        if rule.needs_plain_sums() {
            self.sums(signal, &mut plain, threads, progress)?;
        }
        let mut weighted = Vec::new();
        if let Some(signal) = rule.weighted(signal) {
            weighted = vec![Complex64::default(); self.s.len()];
            self.sums(&signal, &mut weighted, threads, progress)?;
        }
        let last_time = self.t0 + self.dt * (self.samples - 1) as f64;
        let tail = tail::Bound::new(signal, last_time, self.dt, &self.options)?;
        rule.finish(&self.s, plain, weighted, &tail, threads, progress)
    }

    fn sums<T: Sample>(
        &self,
        x: &[T],
        out: &mut [Complex64],
        threads: usize,
        progress: &Progress<'_>,
    ) -> Result<()> {
        match &self.sums {
            Sums::Chirp(chirp) => chirp.sums(x, out, threads, progress),
            Sums::Bins(bins) => {
                progress.check()?;
                bins.sums(x, out);
                Ok(())
            }
        }
    }
}

fn check_count(count: usize) -> Result<()> {
    if count == 0 {
        return Err(Error::invalid("line.count", 0, "at least one point"));
    }
    if count > MAX_POINTS {
        return Err(Error::Limit {
            what: "points of a line".into(),
            limit: MAX_POINTS as u64,
            got: count as u64,
        });
    }
    Ok(())
}
