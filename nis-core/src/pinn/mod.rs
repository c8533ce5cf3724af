//! Differential equations as text, fitted to data through a spline state.
//!
//! Floor 2: imports floors 0 and 1.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// A system of ordinary differential equations read from text, each solved for its highest derivative:
/// `hare' = a*hare - b*hare*lynx; lynx' = -c*lynx + d*hare*lynx`, or `y'' = -w2*y - g*y'`.
#[derive(Debug, Clone, PartialEq)]
pub struct OdeSystem {}

impl OdeSystem {
    /// Reads a system; equations are separated by `;` or line ends.
    ///
    /// # Errors
    /// [`Error::Parse`] points at the column.
    pub fn parse(_text: &str) -> Result<Self> {
        Err(Error::unavailable("pinn::OdeSystem", "not written yet"))
    }

    /// Names of the fields, in the order of their equations.
    pub fn states(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Names that are neither fields, time `t`, nor constants: the unknown parameters.
    pub fn parameters(&self) -> Vec<&str> {
        Vec::new()
    }
}

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
    /// Root mean square of the equations' residual on points between the collocation points, relative to
    /// the root mean square of the derivative.
    pub equation_residual: f64,
    /// Largest difference between the spline state and an independent Runge-Kutta integration from the
    /// fitted initial values, relative to each field's range.
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

/// Fits the unknown parameters and initial values of `system` to observations at times `t` (rising, not
/// necessarily uniform) of some or all fields.
///
/// # Errors
/// [`Error::InvalidInput`] for too few rows or values that are not finite, [`Error::NotFound`] for a column
/// that is no field, [`Error::Numerical`] where no finite trajectory was found.
pub fn fit_ode(
    _system: &OdeSystem,
    _t: &[f64],
    _observed: &[(&str, &[f64])],
    _options: &FitOptions,
    _progress: &Progress<'_>,
) -> Result<OdeFit> {
    Err(Error::unavailable("pinn::fit_ode", "not written yet"))
}
