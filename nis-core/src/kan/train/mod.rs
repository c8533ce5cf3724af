//! Training: Levenberg-Marquardt, L-BFGS or Adam under a loss with penalties, on grids that become finer.
//!
//! The penalty on second differences of the coefficients is that of P-splines (Eilers and Marx, Statist. Sci.
//! 11 (1996) 89, eq. (4)): it pulls every edge towards a straight line, never towards zero.

mod adam;
mod check;
mod checkpoint;
mod course;
mod loss;
mod matrix;
mod options;
mod pass;
mod penalty;
mod problem;
mod setup;

pub use checkpoint::Checkpoint;
pub use options::{FitOptions, FitReport, Loss, Method, Precision, Progressed};
pub(super) use penalty::Smoothness;

use self::check::check_data;
use self::course::Course;
use self::problem::{Data, Problem};
use self::setup::check_memory;
use super::network::Kan;
use crate::error::Result;
use crate::optim::{GaussNewton, GaussNewtonState, Stepped};
use crate::telemetry::Progress;

/// How a network is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOptions {
    /// Weight of the smoothness penalty, relative to the mean squared residual.
    pub smoothness: f64,
    /// Iterations at most.
    pub max_iterations: usize,
    /// Stop when a step lowers the cost by less than this share.
    pub tolerance: f64,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            smoothness: 1e-8,
            max_iterations: 100,
            tolerance: 1e-6,
        }
    }
}

/// A pull towards zero so slight that it changes no digit that is printed; it decides between edges that can
/// trade a constant with one another.
const RIDGE: f64 = 1e-10;

fn data<'a>(
    x: &'a [f64],
    y: &'a [f64],
    options: &FitOptions,
    progress: &'a Progress<'a>,
) -> Data<'a> {
    Data {
        x,
        y,
        loss: options.loss,
        l1: options.l1,
        entropy: options.entropy,
        threads: options.threads,
        progress,
    }
}

fn run(
    mut course: Course<'_>,
    every: usize,
    keep: &mut dyn FnMut(&Checkpoint) -> Result<()>,
) -> Result<(Kan, FitReport)> {
    while !course.over() {
        course.advance()?;
        if every > 0 && course.state.iterations().is_multiple_of(every) && !course.over() {
            keep(course.store())?;
        }
    }
    course.finish()
}

impl Kan {
    /// Fits the trained edges to rows of inputs and outputs, row-major: `x` holds [`Kan::inputs`] numbers per row,
    /// `y` holds [`Kan::outputs`]. Values of about unit size are expected.
    ///
    /// ```
    /// use nis_core::kan::{FitOptions, Kan};
    /// use nis_core::telemetry::Progress;
    /// let x: Vec<f64> = (0..400).flat_map(|i| [f64::from(i % 20) / 9.5 - 1.0, f64::from(i / 20) / 9.5 - 1.0]).collect();
    /// let y: Vec<f64> = x.chunks(2).map(|x| (x[0] - x[1] * x[1]).sin()).collect();
    /// let mut net = Kan::new(&[2, 1, 1], 5, 3, 0)?;
    /// let report = net.fit(&x, &y, &FitOptions::default(), &Progress::none())?;
    /// assert!(report.holdout_error.is_some_and(|e| e < 1e-3));
    /// assert!((net.predict(&[0.5, -0.5])?[0] - 0.25f64.sin()).abs() < 3e-3);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// The fit runs in stages, one per entry of [`FitOptions::grids`]; each goes on from the function found before.
    /// Where rows are held out and no smoothness is given, every stage lowers the smoothness for as long as the
    /// held-out loss falls; a finer grid is kept only where that loss halves. So neither the grid nor the smoothness
    /// can be too fine for the data.
    ///
    /// With `P` parameters, `r` non-zero derivatives per row ([`crate::kan::Basis::width`] per edge) and `N` rows times
    /// outputs, an iteration of Levenberg-Marquardt costs about `N r^2/2 + P^3/3` multiplications, one of L-BFGS or an
    /// epoch of Adam some `3 N r`. Memory beyond `x` and `y`: 8 bytes per row for the split, at most 64 MiB for the
    /// functions of the inputs, and `8 (2 + threads) P^2` bytes for Levenberg-Marquardt (one matrix less per
    /// thread for few rows), `8 (46 + threads) P` for L-BFGS, `8 (5 + threads) P` for Adam.
    ///
    /// # Errors
    /// [`crate::Error::InvalidInput`] where sizes do not fit, an option is out of range, or a value is not finite or its
    /// column needs scaling (with row or column, from 0); [`crate::Error::Limit`] where Levenberg-Marquardt was asked for and
    /// would take over 4 GiB; [`crate::Error::Numerical`] where the loss does not exist; [`crate::Error::Cancelled`]. The network is
    /// then as before.
    pub fn fit(
        &mut self,
        x: &[f64],
        y: &[f64],
        options: &FitOptions,
        progress: &Progress<'_>,
    ) -> Result<FitReport> {
        self.fit_with_checkpoints(x, y, options, 0, &mut |_| Ok(()), progress)
    }

    /// As [`Kan::fit`], handing on everything from which [`Kan::resume`] goes on after every `every` iterations
    /// (never for 0). An error of `keep` ends the fit.
    ///
    /// # Errors
    /// Those of [`Kan::fit`] and of `keep`.
    pub fn fit_with_checkpoints(
        &mut self,
        x: &[f64],
        y: &[f64],
        options: &FitOptions,
        every: usize,
        keep: &mut dyn FnMut(&Checkpoint) -> Result<()>,
        progress: &Progress<'_>,
    ) -> Result<FitReport> {
        check_memory(self, options)?;
        let course = Course::start(self, data(x, y, options, progress), options)?;
        let (net, report) = run(course, every, keep)?;
        *self = net;
        Ok(report)
    }

    /// Goes on with a fit from a checkpoint and the same rows; the network and the report are those, bit for bit,
    /// that the fit would have come to.
    ///
    /// # Errors
    /// [`crate::Error::InvalidInput`] for other rows than those of the fit; those of [`Kan::fit_with_checkpoints`].
    pub fn resume(
        checkpoint: &Checkpoint,
        x: &[f64],
        y: &[f64],
        every: usize,
        keep: &mut dyn FnMut(&Checkpoint) -> Result<()>,
        progress: &Progress<'_>,
    ) -> Result<(Kan, FitReport)> {
        let course = Course::resume(
            checkpoint.clone(),
            data(x, y, checkpoint.options(), progress),
        )?;
        run(course, every, keep)
    }

    /// Fits the trained edges to all rows (row-major) by Levenberg-Marquardt from where the network stands, on its
    /// grids and with a given smoothness: [`Kan::fit`] without its choices. Returns the iterations used. Costs and
    /// memory are those of an iteration of [`Kan::fit`].
    ///
    /// # Errors
    /// [`crate::Error::InvalidInput`] where the sizes do not fit, a value is not finite or `smoothness` is negative;
    /// [`crate::Error::Limit`] where the matrices would take over 4 GiB; [`crate::Error::Cancelled`]. The network is then as
    /// before.
    pub fn train(
        &mut self,
        x: &[f64],
        y: &[f64],
        options: &TrainOptions,
        progress: &Progress<'_>,
    ) -> Result<usize> {
        let all = FitOptions {
            method: Method::LevenbergMarquardt,
            smoothness: Some(options.smoothness),
            ..FitOptions::default()
        };
        all.check()?;
        check_memory(self, &all)?;
        let rows = check_data(self, x, y, Loss::Squared)?;
        let data = data(x, y, &all, progress);
        let mut problem =
            Problem::new(self.clone(), data, (0..rows).collect(), options.smoothness)?;
        problem.ridge = RIDGE;
        let mut newton = GaussNewton::new(GaussNewtonState {
            p: self.parameter_values(),
            damping: 1e-3,
            grow: 2.0,
            iterations: 0,
        });
        while newton.state.iterations < options.max_iterations {
            let done = newton.state.iterations as u64 + 1;
            progress.report("kan", done, options.max_iterations as u64, "")?;
            match newton.step(&mut problem)? {
                Stepped::Lower { share, gain, .. } => {
                    if share <= options.tolerance && gain > 0.25 {
                        break;
                    }
                }
                Stepped::Refused => {}
                Stepped::Done => break,
            }
        }
        self.set_parameter_values(&newton.state.p);
        Ok(newton.state.iterations)
    }
}

#[cfg(test)]
mod derivative_tests;
#[cfg(test)]
mod tests;
