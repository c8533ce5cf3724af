//! Differential equations as text, fitted to data.
//!
//! Floor 2: imports floors 0 and 1. [`OdeSystem`] reads equations; [`fit_ode`] finds parameters and initial
//! values: first through a spline state that is pulled towards the data and the equations (so that a poor
//! start does not matter), then through the exact trajectory.

pub mod features;
pub mod network;
mod ode;
mod points;
mod problem;
mod solution;
mod solve;

pub use ode::{OdeSystem, fit_ode};
pub use problem::{
    Domain, DomainSpec, Functions, Observations, ParameterSpec, Problem, ProblemSpec, Shape,
};
pub use solution::{
    Certificate, Comparison, ConditionCheck, Conservation, EquationCheck, FieldComparison, Grid,
    Solution,
};
pub use solve::{Method, SolveOptions, solve};

use serde::{Deserialize, Serialize};

/// How the observations scatter around the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// By likelihood, between the other two (default).
    #[default]
    Auto,
    /// Same standard deviation everywhere.
    Additive,
    /// Same relative standard deviation (log-normal); needs positive data.
    Multiplicative,
}

/// How a system is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// Scatter of the observations.
    pub noise: Noise,
    /// Known or starting values of parameters: `(name, value, fixed)`.
    pub start: Vec<(String, f64, bool)>,
    /// Iterations per stage at most.
    pub max_iterations: usize,
}

impl Default for FitOptions {
    fn default() -> Self {
        FitOptions {
            noise: Noise::Auto,
            start: Vec::new(),
            max_iterations: 200,
        }
    }
}

/// A fitted parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Name in the equations.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Standard error (Gauss-Newton); `None` where it was fixed or is not determined.
    pub std_error: Option<f64>,
}

/// One field of the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedState {
    /// Field name.
    pub name: String,
    /// Values on [`OdeFit::t`].
    pub values: Vec<f64>,
    /// Value at the first observation.
    pub initial: f64,
    /// Fitted minus observed at the observations, standardised by the noise; `None` for a hidden field.
    pub standardised_residuals: Option<Vec<f64>>,
    /// Standard deviation of the observation noise: in the field's unit, or relative.
    pub noise: Option<f64>,
    /// Root mean square of observed minus fitted, in the field's unit.
    pub residual_rms: Option<f64>,
}

/// A system fitted to data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OdeFit {
    /// The equations as read.
    pub equations: Vec<String>,
    /// Parameters in order of appearance.
    pub parameters: Vec<Parameter>,
    /// The noise model used, and why.
    pub noise: Noise,
    /// Why that noise model.
    pub noise_reason: String,
    /// Times of the fine grid that the fitted fields are given on.
    pub t: Vec<f64>,
    /// Times of the observations.
    pub t_observed: Vec<f64>,
    /// Fields.
    pub states: Vec<FittedState>,
    /// Root mean square of the equations' residual midway between the points of [`OdeFit::t`], on the cubic
    /// Hermite spline through the fitted trajectory, relative to the root mean square of the derivative. It
    /// contains the error of that spline, so it also tells whether the grid resolves the trajectory.
    pub equation_residual: f64,
    /// Largest difference between the fitted trajectory (Dormand-Prince) and an independent integration from
    /// the same initial values (classical Runge-Kutta), relative to each field's range.
    pub integration_difference: f64,
    /// Share of the observations' variance that the fit explains, per observed field.
    pub explained: Vec<(String, f64)>,
    /// Log-likelihood.
    pub log_likelihood: f64,
    /// Iterations in all.
    pub iterations: usize,
    /// Whether the last stage converged, and how it ended.
    pub converged: bool,
}
