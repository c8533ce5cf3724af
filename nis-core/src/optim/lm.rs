//! Nonlinear least squares by the Levenberg-Marquardt method.
//!
//! More, "The Levenberg-Marquardt algorithm: implementation and theory" (1978) for the scaling; Nielsen,
//! "Damping parameter in Marquardt's method" (IMM-REP-1999-05) for the update of the damping.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::Solve;
use faer::{Accum, Mat, MatMut, Par, Side};

use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// A sum of squares `1/2 |r(p)|^2` to be minimised over `p`.
pub trait LeastSquares {
    /// Number of parameters.
    fn parameters(&self) -> usize;

    /// Number of residuals.
    fn residuals(&self) -> usize;

    /// Writes the residuals at `p` and, where asked for, their Jacobian (`residuals` x `parameters`,
    /// zeroed before the call). Returns `false` where the residuals do not exist at `p`; the step is then
    /// shortened.
    fn evaluate(&mut self, p: &[f64], r: &mut [f64], jacobian: Option<MatMut<'_, f64>>) -> bool;
}

/// When to stop, and how to start.
#[derive(Debug, Clone, PartialEq)]
pub struct LmOptions {
    /// Iterations (accepted or not) at most.
    pub max_iterations: usize,
    /// Stop when an accepted step lowers the cost by less than this share.
    pub cost_tolerance: f64,
    /// Stop when the step is below this share of the parameters' norm.
    pub step_tolerance: f64,
    /// Stop when the largest cosine between the residual and a Jacobian column is below this.
    pub gradient_tolerance: f64,
    /// First damping, relative to the diagonal of `J^T J`.
    pub damping: f64,
    /// Stage name for progress reports.
    pub stage: &'static str,
}

impl Default for LmOptions {
    fn default() -> Self {
        LmOptions {
            max_iterations: 200,
            cost_tolerance: 1e-12,
            step_tolerance: 1e-12,
            gradient_tolerance: 1e-12,
            damping: 1e-3,
            stage: "fit",
        }
    }
}

/// Why the iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The cost no longer falls.
    Cost,
    /// The steps are too short to matter.
    Step,
    /// The gradient vanishes.
    Gradient,
    /// `max_iterations` was reached: not converged.
    Iterations,
    /// No damping gives a lower cost: converged to working precision, or the Jacobian is wrong.
    Stalled,
}

/// The outcome of [`levenberg_marquardt`].
#[derive(Debug, Clone)]
pub struct LmFit {
    /// The parameters.
    pub p: Vec<f64>,
    /// The residuals there.
    pub residuals: Vec<f64>,
    /// Half the sum of squares.
    pub cost: f64,
    /// Iterations used.
    pub iterations: usize,
    /// Why it ended.
    pub stop: Stop,
    /// `J^T J` at `p`.
    pub normal: Mat<f64>,
}

impl LmFit {
    /// Whether a convergence test was met.
    pub fn converged(&self) -> bool {
        !matches!(self.stop, Stop::Iterations)
    }

    /// `(J^T J)^-1`, by which the noise variance is multiplied to get the covariance of `p`; `None` where
    /// the matrix is singular to working precision (after scaling to a unit diagonal).
    pub fn inverse_normal(&self) -> Option<Mat<f64>> {
        let n = self.p.len();
        let scale: Vec<f64> = (0..n).map(|i| self.normal[(i, i)].sqrt()).collect();
        if scale.iter().any(|s| s.is_nan() || *s <= 0.0) {
            return None;
        }
        let scaled = Mat::from_fn(n, n, |i, j| self.normal[(i, j)] / (scale[i] * scale[j]));
        let llt = scaled.llt(Side::Lower).ok()?;
        let l = llt.L();
        let least = (0..n).map(|i| l[(i, i)]).fold(f64::INFINITY, f64::min);
        if least.is_nan() || least * least <= f64::EPSILON * n as f64 {
            return None;
        }
        let inv = llt.solve(Mat::<f64>::identity(n, n));
        Some(Mat::from_fn(n, n, |i, j| {
            inv[(i, j)] / (scale[i] * scale[j])
        }))
    }
}

/// Minimises `1/2 |r(p)|^2` from `start`. Deterministic; one evaluation with Jacobian per accepted step and
/// one without per trial. Each iteration costs `m n^2` operations for `J^T J` and `n^3/3` for the solve.
///
/// # Errors
/// [`Error::InvalidInput`] where `start` has the wrong length or is not finite, [`Error::Numerical`] where the
/// residuals do not exist at `start`, [`Error::Cancelled`] on request.
///
/// ```
/// use nis_core::{optim::*, telemetry::Progress};
/// /// Rosenbrock's function as two residuals.
/// struct Rosenbrock;
/// impl LeastSquares for Rosenbrock {
///     fn parameters(&self) -> usize { 2 }
///     fn residuals(&self) -> usize { 2 }
///     fn evaluate(&mut self, p: &[f64], r: &mut [f64], jacobian: Option<faer::MatMut<'_, f64>>) -> bool {
///         r[0] = 10.0 * (p[1] - p[0] * p[0]);
///         r[1] = 1.0 - p[0];
///         if let Some(mut j) = jacobian {
///             j[(0, 0)] = -20.0 * p[0];
///             j[(0, 1)] = 10.0;
///             j[(1, 0)] = -1.0;
///         }
///         true
///     }
/// }
/// let fit = levenberg_marquardt(&mut Rosenbrock, &[-1.2, 1.0], &LmOptions::default(), &Progress::none())?;
/// assert!(fit.converged() && (fit.p[0] - 1.0).abs() < 1e-10 && (fit.p[1] - 1.0).abs() < 1e-10);
/// # Ok::<(), nis_core::Error>(())
/// ```
pub fn levenberg_marquardt(
    problem: &mut dyn LeastSquares,
    start: &[f64],
    options: &LmOptions,
    progress: &Progress<'_>,
) -> Result<LmFit> {
    let (m, n) = (problem.residuals(), problem.parameters());
    if start.len() != n || n == 0 {
        return Err(Error::invalid(
            "start",
            start.len(),
            format!("{n} (at least 1) values"),
        ));
    }
    if let Some(bad) = start.iter().find(|v| !v.is_finite()) {
        return Err(Error::invalid("start", bad, "finite values"));
    }
    let mut p = start.to_vec();
    let mut r = vec![0.0; m];
    let mut jacobian = Mat::<f64>::zeros(m, n);
    if !problem.evaluate(&p, &mut r, Some(jacobian.as_mut())) || !half_square(&r).is_finite() {
        return Err(Error::numerical(
            "Levenberg-Marquardt",
            "the residuals do not exist at the starting point",
        ));
    }
    let mut cost = half_square(&r);
    let mut normal = Mat::<f64>::zeros(n, n);
    let mut gradient = vec![0.0; n];
    normal_equations(&jacobian, &r, &mut normal, &mut gradient);

    let mut trial = vec![0.0; n];
    let mut trial_r = vec![0.0; m];
    let (mut lambda, mut grow) = (options.damping, 2.0);
    let mut iterations = 0;
    let stop = loop {
        if iterations >= options.max_iterations {
            break Stop::Iterations;
        }
        if cosine(&gradient, &normal, cost) <= options.gradient_tolerance {
            break Stop::Gradient;
        }
        if lambda > 1e20 {
            break Stop::Stalled;
        }
        iterations += 1;
        let message = if iterations % 16 == 1 {
            format!("cost {cost:.6e}")
        } else {
            String::new()
        };
        progress.report(
            options.stage,
            iterations as u64,
            options.max_iterations as u64,
            &message,
        )?;
        let Some(step) = damped_step(&normal, &gradient, lambda) else {
            lambda *= grow;
            grow *= 2.0;
            continue;
        };
        for i in 0..n {
            trial[i] = p[i] + step[i];
        }
        let trial_cost = if problem.evaluate(&trial, &mut trial_r, None) {
            half_square(&trial_r)
        } else {
            f64::INFINITY
        };
        let predicted = predicted_decrease(&normal, &gradient, &step, lambda);
        let gain = (cost - trial_cost) / predicted;
        if gain > 0.0 && trial_cost.is_finite() {
            let decrease = cost - trial_cost;
            let short = norm(&step) <= options.step_tolerance * (norm(&p) + options.step_tolerance);
            std::mem::swap(&mut p, &mut trial);
            jacobian.fill(0.0);
            if !problem.evaluate(&p, &mut r, Some(jacobian.as_mut())) {
                return Err(Error::numerical(
                    "Levenberg-Marquardt",
                    "the Jacobian does not exist at an accepted point",
                ));
            }
            normal_equations(&jacobian, &r, &mut normal, &mut gradient);
            let flat = decrease <= options.cost_tolerance * cost;
            cost = half_square(&r);
            lambda *= (1.0 - (2.0 * gain - 1.0).powi(3)).max(1.0 / 3.0);
            lambda = lambda.max(1e-16);
            grow = 2.0;
            if flat && gain > 0.25 {
                break Stop::Cost;
            }
            if short {
                break Stop::Step;
            }
        } else {
            if norm(&step) <= options.step_tolerance * (norm(&p) + options.step_tolerance) {
                break Stop::Step;
            }
            lambda *= grow;
            grow *= 2.0;
        }
    };
    Ok(LmFit {
        p,
        residuals: r,
        cost,
        iterations,
        stop,
        normal,
    })
}

fn half_square(r: &[f64]) -> f64 {
    0.5 * r.iter().map(|v| v * v).sum::<f64>()
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Largest `|J_k . r| / (|J_k| |r|)` over the columns; a column of zeros does not count.
fn cosine(gradient: &[f64], normal: &Mat<f64>, cost: f64) -> f64 {
    let r = (2.0 * cost).sqrt();
    let mut worst = 0.0f64;
    for (i, g) in gradient.iter().enumerate() {
        let column = normal[(i, i)].sqrt();
        if column > 0.0 && r > 0.0 {
            worst = worst.max(g.abs() / (column * r));
        }
    }
    worst
}

/// `normal = J^T J` (both triangles) and `gradient = J^T r`.
fn normal_equations(jacobian: &Mat<f64>, r: &[f64], normal: &mut Mat<f64>, gradient: &mut [f64]) {
    let n = normal.nrows();
    matmul(
        normal.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        jacobian.transpose(),
        BlockStructure::Rectangular,
        jacobian.as_ref(),
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    for j in 0..n {
        for i in 0..j {
            normal[(i, j)] = normal[(j, i)];
        }
        gradient[j] = jacobian.col(j).iter().zip(r).map(|(a, b)| a * b).sum();
    }
}

/// Solves `(N + lambda D) step = -g` with `D = diag(N)` bounded below; `None` where it is not definite.
fn damped_step(normal: &Mat<f64>, gradient: &[f64], lambda: f64) -> Option<Vec<f64>> {
    let n = gradient.len();
    let mut a = normal.clone();
    for i in 0..n {
        a[(i, i)] += lambda * damping_weight(normal, i);
    }
    let llt = a.llt(Side::Lower).ok()?;
    let x = llt.solve(Mat::from_fn(n, 1, |i, _| -gradient[i]));
    let step: Vec<f64> = (0..n).map(|i| x[(i, 0)]).collect();
    step.iter().all(|v| v.is_finite()).then_some(step)
}

/// A parameter without influence still needs a positive weight.
fn damping_weight(normal: &Mat<f64>, i: usize) -> f64 {
    normal[(i, i)].max(1e-12)
}

/// `-(g.s + 1/2 s^T N s)` written as `1/2 s.(lambda D s - g)`, which is free of cancellation.
fn predicted_decrease(normal: &Mat<f64>, gradient: &[f64], step: &[f64], lambda: f64) -> f64 {
    let mut sum = 0.0;
    for (i, s) in step.iter().enumerate() {
        sum += s * (lambda * damping_weight(normal, i) * s - gradient[i]);
    }
    0.5 * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST StRD "Misra1a": y = b1 (1 - exp(-b2 x)).
    struct Misra1a;
    const X: [f64; 14] = [
        77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1,
        760.0,
    ];
    const Y: [f64; 14] = [
        10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47,
        81.78,
    ];

    impl LeastSquares for Misra1a {
        fn parameters(&self) -> usize {
            2
        }
        fn residuals(&self) -> usize {
            X.len()
        }
        fn evaluate(
            &mut self,
            p: &[f64],
            r: &mut [f64],
            jacobian: Option<MatMut<'_, f64>>,
        ) -> bool {
            let mut jacobian = jacobian;
            for (i, x) in X.iter().enumerate() {
                let e = (-p[1] * x).exp();
                r[i] = p[0] * (1.0 - e) - Y[i];
                if let Some(j) = jacobian.as_mut() {
                    j[(i, 0)] = 1.0 - e;
                    j[(i, 1)] = p[0] * x * e;
                }
            }
            true
        }
    }

    #[test]
    fn misra1a_from_the_far_start() {
        let fit = levenberg_marquardt(
            &mut Misra1a,
            &[500.0, 0.0001],
            &LmOptions::default(),
            &Progress::none(),
        )
        .unwrap();
        assert!(fit.converged(), "{:?}", fit.stop);
        assert!(
            (fit.p[0] / 2.3894212918e2 - 1.0).abs() < 1e-8,
            "{:?}",
            fit.p
        );
        assert!(
            (fit.p[1] / 5.5015643181e-4 - 1.0).abs() < 1e-8,
            "{:?}",
            fit.p
        );
        let s2 = 2.0 * fit.cost / 12.0;
        let inverse = fit.inverse_normal().unwrap();
        assert!(((s2 * inverse[(0, 0)]).sqrt() / 2.7070075241 - 1.0).abs() < 1e-6);
        assert!(((s2 * inverse[(1, 1)]).sqrt() / 7.2668688436e-6 - 1.0).abs() < 1e-6);
    }

    /// A parameter that nothing depends on stays where it was and has no variance.
    struct Idle;
    impl LeastSquares for Idle {
        fn parameters(&self) -> usize {
            2
        }
        fn residuals(&self) -> usize {
            2
        }
        fn evaluate(
            &mut self,
            p: &[f64],
            r: &mut [f64],
            jacobian: Option<MatMut<'_, f64>>,
        ) -> bool {
            r[0] = p[0] - 3.0;
            r[1] = 2.0 * (p[0] - 3.0);
            if let Some(mut j) = jacobian {
                j[(0, 0)] = 1.0;
                j[(1, 0)] = 2.0;
            }
            true
        }
    }

    #[test]
    fn an_idle_parameter_does_no_harm() {
        let fit = levenberg_marquardt(
            &mut Idle,
            &[0.0, 7.0],
            &LmOptions::default(),
            &Progress::none(),
        )
        .unwrap();
        assert!((fit.p[0] - 3.0).abs() < 1e-9);
        assert_eq!(fit.p[1], 7.0);
        assert!(fit.inverse_normal().is_none());
    }

    /// Residuals that do not exist for p < 0 are avoided by shorter steps.
    struct Fenced;
    impl LeastSquares for Fenced {
        fn parameters(&self) -> usize {
            1
        }
        fn residuals(&self) -> usize {
            1
        }
        fn evaluate(
            &mut self,
            p: &[f64],
            r: &mut [f64],
            jacobian: Option<MatMut<'_, f64>>,
        ) -> bool {
            if p[0] <= 0.0 {
                return false;
            }
            r[0] = p[0].ln() + 4.0;
            if let Some(mut j) = jacobian {
                j[(0, 0)] = 1.0 / p[0];
            }
            true
        }
    }

    #[test]
    fn a_fence_is_respected() {
        let fit = levenberg_marquardt(
            &mut Fenced,
            &[5.0],
            &LmOptions::default(),
            &Progress::none(),
        )
        .unwrap();
        assert!((fit.p[0] - (-4.0f64).exp()).abs() < 1e-12, "{:?}", fit);
        let bad = levenberg_marquardt(
            &mut Fenced,
            &[-5.0],
            &LmOptions::default(),
            &Progress::none(),
        );
        assert_eq!(bad.unwrap_err().code(), crate::error::Code::Numerical);
    }

    #[test]
    fn cancel_is_seen() {
        let cancel = crate::telemetry::Cancel::new();
        cancel.cancel();
        let progress = Progress::none().with_cancel(&cancel);
        let out = levenberg_marquardt(&mut Idle, &[0.0, 0.0], &LmOptions::default(), &progress);
        assert_eq!(out.unwrap_err(), Error::Cancelled);
    }
}
