//! Training by Levenberg-Marquardt with a smoothness penalty.
//!
//! The penalty on second differences of the coefficients is that of P-splines (Eilers and Marx, Statist. Sci.
//! 11 (1996) 89, eq. (4)): it pulls every edge towards a straight line, never towards zero.

mod check;
mod course;
mod loss;
mod options;
mod pass;
mod penalty;
mod problem;

use faer::MatMut;

pub use course::Checkpoint;
pub use options::{FitOptions, FitReport, Loss, Method, Precision, Progressed};
pub(super) use penalty::Smoothness;

use self::course::{Course, check_memory};
use self::problem::Data;
use super::network::{Kan, Trace};
use crate::error::{Error, Result};
use crate::optim::{LeastSquares, LmOptions, levenberg_marquardt};
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

/// A pull towards zero so slight that it changes no digit that is printed; it decides between edges that can
/// trade a constant with one another.
const RIDGE: f64 = 1e-10;

struct Problem<'a> {
    net: &'a mut Kan,
    trace: Trace,
    x: &'a [f64],
    y: &'a [f64],
    data_weight: f64,
    smoothness: f64,
    gradient: Vec<f64>,
}

impl Problem<'_> {
    fn smooth_rows(&self) -> usize {
        let rows = |l: &super::network::Layer| l.inputs * l.sums * l.functions().saturating_sub(2);
        self.net.layers.iter().map(rows).sum()
    }
}

impl LeastSquares for Problem<'_> {
    fn parameters(&self) -> usize {
        self.net.parameters()
    }

    fn residuals(&self) -> usize {
        self.y.len() + self.smooth_rows() + self.net.parameters()
    }

    fn evaluate(&mut self, p: &[f64], r: &mut [f64], jacobian: Option<MatMut<'_, f64>>) -> bool {
        let mut jacobian = jacobian;
        self.net.set_parameter_values(p);
        let outputs = self.net.outputs();
        let mut row = 0;
        let mut weights = vec![0.0; outputs];
        for (x, y) in self.x.chunks(self.net.inputs()).zip(self.y.chunks(outputs)) {
            let predicted = self.net.forward(x, &mut self.trace);
            for (o, (predicted, y)) in predicted.iter().zip(y).enumerate() {
                r[row + o] = self.data_weight * (predicted - y);
            }
            if let Some(j) = jacobian.as_mut() {
                for o in 0..outputs {
                    weights.fill(0.0);
                    weights[o] = self.data_weight;
                    self.gradient.fill(0.0);
                    self.net
                        .add_gradient(&self.trace, &weights, &mut self.gradient);
                    for (c, g) in self.gradient.iter().enumerate() {
                        if *g != 0.0 {
                            j[(row + o, c)] = *g;
                        }
                    }
                }
            }
            row += outputs;
        }
        let mut start = 0;
        for layer in &self.net.layers {
            let n = layer.functions();
            for edge in 0..layer.inputs * layer.sums {
                let at = start + edge * n;
                for i in 2..n {
                    let c = at + i;
                    r[row] = self.smoothness * (p[c] - 2.0 * p[c - 1] + p[c - 2]);
                    if let Some(j) = jacobian.as_mut() {
                        j[(row, c)] = self.smoothness;
                        j[(row, c - 1)] = -2.0 * self.smoothness;
                        j[(row, c - 2)] = self.smoothness;
                    }
                    row += 1;
                }
            }
            start += layer.parameters();
        }
        let ridge = RIDGE.sqrt();
        for (c, p) in p.iter().enumerate() {
            r[row + c] = ridge * p;
            if let Some(j) = jacobian.as_mut() {
                j[(row + c, c)] = ridge;
            }
        }
        r.iter().all(|v| v.is_finite())
    }
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
    /// held-out loss falls; a finer grid is kept only where that loss falls. So neither the grid nor the smoothness
    /// can be too fine for the data.
    ///
    /// With `P` parameters, `r` non-zero derivatives per row ([`crate::kan::Basis::width`] per edge) and `N` rows times
    /// outputs, an iteration of Levenberg-Marquardt costs about `N r^2/2 + P^3/3` multiplications, one of L-BFGS or an
    /// epoch of Adam some `3 N r`. Memory beyond `x` and `y`: 8 bytes per row for the split, at most 64 MiB for the
    /// functions of the inputs, and `8 (2 + threads) P^2` bytes for Levenberg-Marquardt (one matrix less per
    /// thread for few rows), `8 (46 + threads) P` for L-BFGS, `8 (5 + threads) P` for Adam.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where sizes do not fit, an option is out of range, or a value is not finite or its
    /// column needs scaling (with row or column, from 0); [`Error::Limit`] where Levenberg-Marquardt was asked for and
    /// would take over 4 GiB; [`Error::Numerical`] where the loss does not exist; [`Error::Cancelled`]. The network is
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
    /// [`Error::InvalidInput`] for other rows than those of the fit; those of [`Kan::fit_with_checkpoints`].
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

    /// Fits the spline coefficients to rows of inputs and outputs (row-major) by Levenberg-Marquardt from
    /// where the network stands. Returns the iterations used. Costs `N P^2` operations per iteration for `N`
    /// values of `y` and `P` parameters, and `8 N P` bytes.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the sizes do not fit, a value is not finite or `smoothness` is negative;
    /// [`Error::Limit`] where the Jacobian would take over 4 GiB; [`Error::Cancelled`].
    pub fn train(
        &mut self,
        x: &[f64],
        y: &[f64],
        options: &TrainOptions,
        progress: &Progress<'_>,
    ) -> Result<usize> {
        let rows = x.len() / self.inputs();
        if rows == 0 || x.len() != rows * self.inputs() || y.len() != rows * self.outputs() {
            return Err(Error::invalid(
                "x, y",
                format!("{} and {} values", x.len(), y.len()),
                format!(
                    "rows of {} inputs and {} outputs",
                    self.inputs(),
                    self.outputs()
                ),
            ));
        }
        if let Some(bad) = x.iter().chain(y).find(|v| !v.is_finite()) {
            return Err(Error::invalid("x, y", bad, "finite values"));
        }
        if !(options.smoothness >= 0.0 && options.smoothness.is_finite()) {
            return Err(Error::invalid(
                "smoothness",
                options.smoothness,
                "0 or a positive number",
            ));
        }
        const MOST: usize = 1 << 29;
        let size = (y.len() + 2 * self.parameters()).saturating_mul(self.parameters());
        if size > MOST {
            return Err(Error::Limit {
                what: "numbers in the Jacobian".into(),
                limit: MOST as u64,
                got: size as u64,
            });
        }
        let start = self.parameter_values();
        let mut problem = Problem {
            trace: self.trace(),
            gradient: vec![0.0; self.parameters()],
            x,
            y,
            data_weight: 1.0 / (y.len() as f64).sqrt(),
            smoothness: options.smoothness.sqrt(),
            net: self,
        };
        let lm = LmOptions {
            max_iterations: options.max_iterations,
            cost_tolerance: options.tolerance,
            stage: "kan",
            ..LmOptions::default()
        };
        let outcome = levenberg_marquardt(&mut problem, &start, &lm, progress);
        match outcome {
            Ok(fit) => {
                self.set_parameter_values(&fit.p);
                Ok(fit.iterations)
            }
            Err(e) => {
                self.set_parameter_values(&start);
                Err(e)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Random;

    #[test]
    fn the_toy_of_the_kan_paper() {
        let mut random = Random(7);
        let mut sample = |n: usize| {
            let x: Vec<f64> = (0..2 * n).map(|_| random.symmetric()).collect();
            let y: Vec<f64> = x
                .chunks(2)
                .map(|x| ((std::f64::consts::PI * x[0]).sin() + x[1] * x[1]).exp())
                .collect();
            (x, y)
        };
        let (x, y) = sample(1000);
        let (test_x, test_y) = sample(1000);
        let mut net = Kan::new(&[2, 5, 1], 10, 3, 0).unwrap();
        let options = TrainOptions {
            smoothness: 1e-7,
            ..TrainOptions::default()
        };
        net.train(&x, &y, &options, &Progress::none()).unwrap();
        let predicted = net.predict(&test_x).unwrap();
        let squares: f64 = predicted
            .iter()
            .zip(&test_y)
            .map(|(a, b)| (a - b) * (a - b))
            .sum();
        let rmse = (squares / 1000.0).sqrt();
        assert!(rmse < 1e-3, "{rmse}");
    }

    #[test]
    fn the_jacobian_agrees_with_differences() {
        let mut net = Kan::new(&[2, 3, 2], 4, 3, 1).unwrap();
        let mut random = Random(3);
        let x: Vec<f64> = (0..10).map(|_| 1.3 * random.symmetric()).collect();
        let y: Vec<f64> = (0..10).map(|_| random.symmetric()).collect();
        let p = net.parameter_values();
        let mut problem = Problem {
            trace: net.trace(),
            gradient: vec![0.0; p.len()],
            x: &x,
            y: &y,
            data_weight: 0.7,
            smoothness: 0.3,
            net: &mut net,
        };
        let (m, n) = (problem.residuals(), p.len());
        let mut r = vec![0.0; m];
        let mut j = faer::Mat::zeros(m, n);
        assert!(problem.evaluate(&p, &mut r, Some(j.as_mut())));
        let (mut up, mut down) = (vec![0.0; m], vec![0.0; m]);
        for c in 0..n {
            let mut q = p.clone();
            q[c] += 1e-6;
            problem.evaluate(&q, &mut up, None);
            q[c] -= 2e-6;
            problem.evaluate(&q, &mut down, None);
            for i in 0..m {
                let numeric = (up[i] - down[i]) / 2e-6;
                assert!(
                    (numeric - j[(i, c)]).abs() <= 1e-7,
                    "{i} {c}: {numeric} {}",
                    j[(i, c)]
                );
            }
        }
    }

    #[test]
    fn bad_data_is_refused_and_the_network_kept() {
        let mut net = Kan::new(&[2, 1], 4, 3, 1).unwrap();
        let before = net.clone();
        let o = TrainOptions::default();
        let none = Progress::none();
        assert!(net.train(&[], &[], &o, &none).is_err());
        assert!(net.train(&[1.0, 2.0, 3.0], &[1.0], &o, &none).is_err());
        assert!(net.train(&[1.0, f64::NAN], &[1.0], &o, &none).is_err());
        let bad = TrainOptions {
            smoothness: -1.0,
            ..o.clone()
        };
        assert!(net.train(&[1.0, 2.0], &[1.0], &bad, &none).is_err());
        let cancel = crate::telemetry::Cancel::new();
        cancel.cancel();
        let stopped = none.with_cancel(&cancel);
        assert_eq!(
            net.train(&[1.0, 2.0], &[1.0], &o, &stopped),
            Err(Error::Cancelled)
        );
        assert_eq!(net, before);
    }
}
