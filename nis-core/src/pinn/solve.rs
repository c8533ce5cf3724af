//! Which solver takes a problem, and what all of them answer.

use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::solution::{Representation, Solution};
use super::{Parameter, features, network, ode};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// How a problem is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By what the problem is (default).
    #[default]
    Auto,
    /// Random features: linear least squares, with Newton's method where the problem is not linear.
    Features,
    /// A tanh network whose derivatives are propagated as Taylor coefficients.
    Network,
    /// Step-by-step integration: initial-value problems of ordinary differential equations.
    Integrate,
}

/// Method, accuracy and limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SolveOptions {
    /// The solver.
    pub method: Method,
    /// Wanted relative error, as far as it can be estimated; work stops when it is reached.
    pub tolerance: f64,
    /// Seed of points, features and starting weights.
    pub seed: u64,
    /// Threads; the result does not depend on it.
    pub threads: usize,
    /// Seconds after which the best solution so far is given, marked as not converged.
    pub max_seconds: Option<f64>,
    /// Random-feature solver.
    pub features: features::FeatureOptions,
    /// Network solver.
    pub network: network::NetworkOptions,
}

impl Default for SolveOptions {
    fn default() -> Self {
        SolveOptions {
            method: Method::Auto,
            tolerance: 1e-8,
            seed: 1,
            threads: 2,
            max_seconds: None,
            features: features::FeatureOptions::default(),
            network: network::NetworkOptions::default(),
        }
    }
}

/// What a solver found.
pub(super) struct Found {
    pub(super) representation: Representation,
    /// The unknown parameters.
    pub(super) parameters: Vec<Parameter>,
    /// The method in words, with its sizes: `random features, 400 per field, scale 3.2`.
    pub(super) method: String,
    pub(super) iterations: usize,
    pub(super) converged: bool,
    /// What the reader should know: what was tried, what was refused, why it ended.
    pub(super) notes: Vec<String>,
    /// The solver's own estimate of the relative error (2-norm over the domain), and how it was made.
    pub(super) error: Option<(f64, String)>,
    /// A second solution of lower accuracy (residual at least 10 times larger): the certificate learns from it how
    /// residual and error go together.
    pub(super) coarse: Option<Representation>,
}

/// Solves a problem.
///
/// # Errors
/// [`Error::InvalidInput`] for options that do not fit the problem; [`Error::Numerical`] where no finite
/// solution was found; [`Error::Cancelled`]. A solution that did not converge is no error: it says so.
pub fn solve(
    problem: &Problem,
    options: &SolveOptions,
    progress: &Progress<'_>,
) -> Result<Solution> {
    let started = std::time::Instant::now();
    let found = match options.method {
        Method::Auto | Method::Features => features::solve(problem, options, progress)?,
        Method::Network => network::solve(problem, options, progress)?,
        Method::Integrate => ode::solve(problem, options, progress)?,
    };
    Solution::new(problem, options, found, started, progress)
}
