//! Which solver takes a problem, and what all of them answer.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::solution::{Representation, Solution};
use super::{Parameter, features, network, ode};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Estimated relative error below which features are kept though they did not reach the tolerance.
const GOOD: f64 = 1e-4;

/// Most threads.
const MAX_THREADS: usize = 1024;

/// How a problem is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By what the problem is (default): initial-value problems of ordinary differential equations are integrated;
    /// all others are solved by features; where those end with a fault or an estimated error above 1e-4 and the
    /// problem is not linear, by a network too, and the better of the two is given.
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
    /// Wanted relative error, as far as it can be estimated; work stops when it is reached. Between 0 and 1.
    pub tolerance: f64,
    /// Seed of points, features and starting weights.
    pub seed: u64,
    /// Threads, 1 to 1024; the result does not depend on it.
    pub threads: usize,
    /// Seconds after which the best solution so far is given, marked as not converged. Where there is none yet
    /// (an integration on its way) that is [`Error::Timeout`].
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

impl SolveOptions {
    fn check(&self) -> Result<()> {
        if self.tolerance.is_nan() || self.tolerance <= 0.0 || self.tolerance >= 1.0 {
            return Err(Error::invalid(
                "tolerance",
                self.tolerance,
                "a relative error between 0 and 1",
            ));
        }
        if self.threads == 0 || self.threads > MAX_THREADS {
            return Err(Error::invalid("threads", self.threads, "1 to 1024"));
        }
        match self.max_seconds {
            Some(s) if s.is_nan() || s <= 0.0 => {
                Err(Error::invalid("max_seconds", s, "more than 0 seconds"))
            }
            _ => Ok(()),
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
    /// A second solution of lower accuracy (residual at least 5 times larger): the certificate learns from it how
    /// residual and error go together.
    pub(super) coarse: Option<Representation>,
}

/// Solves a problem.
///
/// ```
/// use nis_core::{pinn::{ProblemSpec, SolveOptions, solve}, telemetry::Progress};
/// let problem = ProblemSpec::new(["y' = -k*y"])
///     .parameter("k", 2.0)
///     .interval("t", 0.0, 1.0)
///     .conditions(["y(0) = 3"])
///     .read()?;
/// let solution = solve(&problem, &SolveOptions::default(), &Progress::none())?;
/// assert!(solution.valid());
/// assert!((solution.evaluate(&[1.0])?[0] - 3.0 * (-2f64).exp()).abs() < 1e-9);
/// assert!((solution.derivative("y'", &[0.0])?[0] + 6.0).abs() < 1e-7);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] for options that do not fit the problem, with the reason; [`Error::Numerical`] where no
/// finite solution was found; [`Error::Timeout`]; [`Error::Cancelled`]. A solution that did not converge is no error:
/// it says so.
pub fn solve(
    problem: &Problem,
    options: &SolveOptions,
    progress: &Progress<'_>,
) -> Result<Solution> {
    options.check()?;
    progress.check()?;
    let started = Instant::now();
    let finish = |found| Solution::new(problem, options, found, started, progress);
    match options.method {
        Method::Features => finish(features::solve(problem, options, progress)?),
        Method::Network => finish(network::solve(problem, options, progress)?),
        Method::Integrate => finish(ode::solve(problem, options, progress)?),
        Method::Auto => choose(problem, options, started, progress),
    }
}

fn choose(
    problem: &Problem,
    options: &SolveOptions,
    started: Instant,
    progress: &Progress<'_>,
) -> Result<Solution> {
    let mut notes = Vec::new();
    let finish = |mut found: Found, notes: &[String]| {
        found.notes.splice(0..0, notes.iter().cloned());
        Solution::new(problem, options, found, started, progress)
    };
    if problem.coordinates.len() == 1 && problem.eigen.is_none() {
        match ode::solve(problem, options, progress) {
            Ok(found) => {
                notes.push("integrated step by step: an initial-value problem".into());
                return finish(found, &notes);
            }
            // No initial-value problem, or one that integration cannot take: the reason is kept.
            Err(e @ (Error::InvalidInput { .. } | Error::Limit { .. })) => {
                notes.push(format!("not integrated: {e}"));
            }
            Err(e) => return Err(e),
        }
    }
    // Where a network may follow, features get half of the time.
    let network = !problem.is_linear() && problem.eigen.is_none();
    let mut first = options.clone();
    if network {
        first.max_seconds = options.max_seconds.map(|s| 0.5 * s);
    }
    let features = match features::solve(problem, &first, progress) {
        Ok(found) => match finish(found, &notes) {
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            other => other,
        },
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        Err(e) => Err(e),
    };
    let why = match &features {
        Ok(s) if s.converged && s.certificate.faults.is_empty() => return features,
        Ok(s) => match s.certificate.error_estimate {
            _ if !s.certificate.faults.is_empty() => s.certificate.faults.join("; "),
            Some(e) if e > GOOD => format!("estimated error {e:.1e}"),
            Some(_) => return features,
            None => "did not converge".to_string(),
        },
        Err(e) => e.to_string(),
    };
    if !network {
        return features;
    }
    let mut second = options.clone();
    if let Some(limit) = options.max_seconds {
        let left = limit - started.elapsed().as_secs_f64();
        if left <= 0.0 {
            return features;
        }
        second.max_seconds = Some(left);
    }
    let network = network::solve(problem, &second, progress);
    let network = network.and_then(|found| {
        notes.push(format!("features were tried first: {why}"));
        finish(found, &notes)
    });
    match (features, network) {
        (_, Err(Error::Cancelled)) => Err(Error::Cancelled),
        (Ok(a), Ok(b)) if b.merit() < a.merit() => Ok(b),
        (Ok(mut a), Ok(b)) => {
            a.notes.push(format!(
                "a network was tried too and is no better: {} (residual and conditions {:.1e}, here {:.1e})",
                b.method,
                b.merit(),
                a.merit()
            ));
            a.seconds = started.elapsed().as_secs_f64();
            Ok(a)
        }
        (Ok(mut a), Err(e)) => {
            a.notes.push(format!("a network was tried too: {e}"));
            a.seconds = started.elapsed().as_secs_f64();
            Ok(a)
        }
        (Err(_), Ok(b)) => Ok(b),
        (Err(e), Err(_)) => Err(e),
    }
}

/// When to stop.
pub(super) fn deadline(options: &SolveOptions) -> Option<(Instant, f64)> {
    let seconds = options.max_seconds?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some((Instant::now().checked_add(wait)?, seconds))
}
