//! Rational fits of frequency data, and the passivity of rational systems.
//!
//! [`fit_response`] finds the poles and residues that describe measured responses; [`passivity`] tells whether
//! a system can deliver more energy than it takes in, and at which frequencies; [`enforce_passivity`] changes
//! the residues as little as it can until it cannot.

mod aaa_start;
mod basis;
mod data;
mod enforce;
mod hamiltonian;
mod metric;
mod order;
mod passivity;
mod polish;
mod quadratic;
mod realization;
mod relocate;
mod report;

pub use enforce::{EnforceOptions, EnforceReport, Enforced, enforce_passivity};
pub use passivity::{Band, Passivity, Representation, passivity};
pub use report::{FitPole, ResponseFit, Tried};

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::telemetry::Progress;

/// Measured responses of a real system: `H(s_k)` at points of the complex plane, mostly `s = j omega`.
#[derive(Debug, Clone, Copy)]
pub struct FrequencyData<'a> {
    /// Points, in 1/(time unit); for a frequency `f` in cycles per time unit `j 2 pi f`. In any order;
    /// repeated points are repeated measurements.
    pub s: &'a [Complex64],
    /// Number of outputs (rows of `H`).
    pub outputs: usize,
    /// Number of inputs (columns of `H`).
    pub inputs: usize,
    /// Responses, point by point, each by rows: `[s][output][input]`.
    pub response: &'a [Complex64],
    /// Weights of the squared errors' roots: one per point, or one per value of `response`. For noise of known
    /// standard deviation its inverse. `None` for 1 everywhere.
    pub weights: Option<&'a [f64]>,
}

/// How the errors at the points are weighted, beside the caller's own weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// Absolute error (default).
    #[default]
    Uniform,
    /// Error relative to the magnitude of each value. Every element of the response then has its own weights
    /// and its own factorisation, which costs more.
    InverseMagnitude,
    /// Error relative to the Frobenius norm of the response matrix at each point.
    InverseNorm,
}

/// Where the poles start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// Spread; where that fit does not converge or leaves an error of more than 1 %, and the order is at most 60,
    /// also AAA, and what fits better is kept (default).
    #[default]
    Auto,
    /// Weakly damped pairs, spread over the points as the points are.
    Spread,
    /// Poles of a rational approximation by AAA.
    Aaa,
}

/// How a response is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// Number of poles, a conjugate pair counting 2; chosen from the data where `None`.
    pub order: Option<usize>,
    /// Highest order that the automatic choice considers.
    pub max_order: usize,
    /// Whether there is a constant term `D` (default yes).
    pub direct: bool,
    /// Whether there is a term `s E` (default no).
    pub linear: bool,
    /// How errors are weighted.
    pub weighting: Weighting,
    /// Where the poles start.
    pub start: Start,
    /// Whether poles with a positive real part are mirrored into the stable half plane (default yes).
    pub stable: bool,
    /// The automatic choice stops at the first order whose rms error, relative to the rms of the response
    /// (both weighted), is below this; 0 to let the description length decide alone.
    pub tolerance: f64,
    /// Most relocations of the poles by vector fitting, per order.
    pub max_relocations: usize,
    /// Most Gauss-Newton steps afterwards, per order; 0 leaves the poles where vector fitting put them.
    pub max_polish: usize,
}

impl Default for FitOptions {
    fn default() -> Self {
        FitOptions {
            order: None,
            max_order: 60,
            direct: true,
            linear: false,
            weighting: Weighting::Uniform,
            start: Start::Auto,
            stable: true,
            tolerance: 0.0,
            max_relocations: 20,
            max_polish: 60,
        }
    }
}

/// Points `j omega` on the imaginary axis.
pub fn on_axis(omega: &[f64]) -> Vec<Complex64> {
    omega.iter().map(|w| Complex64::new(0.0, *w)).collect()
}

/// Fits a rational function with common poles to frequency responses: the least-squares optimum over poles,
/// residues, `D` and `E` that is reached from relaxed vector fitting.
///
/// 1. Relaxed vector fitting (Gustavsen, IEEE Trans. Power Delivery 21 (2006) 1587, eqs. (4) to (10)) moves the
///    poles, with the elements of the response compressed by QR one after the other (Deschrijver, Mrozowski,
///    Dhaene and De Zutter, IEEE Microwave Wireless Compon. Lett. 18 (2008) 383). All arithmetic is real.
/// 2. Gauss-Newton on the poles alone, residues eliminated by variable projection (Golub and Pereyra, SIAM J.
///    Numer. Anal. 10 (1973) 413; Kaufman, BIT 15 (1975) 49). Vector fitting is biased where there is noise;
///    this step ends at the optimum.
/// 3. Without a given order, orders are tried from 0 upwards until the description length
///    `n ln(rss/n) + k ln n` no longer falls, and poles that the description can do without are then dropped.
///
/// Frequencies and responses are scaled to 1 inside. With `m` points, `c` elements and `N` poles a relocation
/// costs about `8 m c N^2`, less where elements are equal (reciprocal networks), a Gauss-Newton step
/// `(16 m + 4 c N) N^2`.
///
/// # Errors
/// [`Error::InvalidInput`](crate::Error::InvalidInput) for sizes that do not fit, values that are not finite,
/// negative weights, too few points for the order, responses without variation where an order is given, and a
/// complex response at real `s`; [`Error::Numerical`](crate::Error::Numerical) where no order could be fitted;
/// [`Error::Cancelled`](crate::Error::Cancelled) on request.
///
/// ```
/// use nis_core::laplace::fit::{FitOptions, FrequencyData, fit_response, on_axis};
/// use nis_core::telemetry::Progress;
/// let omega: Vec<f64> = (0..100).map(|k| 0.1 * f64::from(k)).collect();
/// let s = on_axis(&omega);
/// // A resonance at 3 with a constant beside it.
/// let response: Vec<_> = s.iter().map(|s| 0.5 + 1.0 / (s * s + 0.2 * s + 9.0)).collect();
/// let data = FrequencyData { s: &s, outputs: 1, inputs: 1, response: &response, weights: None };
/// let found = fit_response(&data, &FitOptions::default(), &Progress::none())?;
/// assert_eq!(found.order, 2);
/// let pole = found.poles[0].pole;
/// assert!((pole.re + 0.1).abs() < 1e-10 && (pole.norm() - 3.0).abs() < 1e-10);
/// assert!((found.system.direct[0] - 0.5).abs() < 1e-10);
/// # Ok::<(), nis_core::Error>(())
/// ```
pub fn fit_response(
    data: &FrequencyData<'_>,
    options: &FitOptions,
    progress: &Progress<'_>,
) -> Result<ResponseFit> {
    let samples = data::Samples::new(data, options)?;
    let found = order::find(&samples, options, progress)?;
    report::report(data, &samples, options, found)
}

#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod noise_tests;
#[cfg(test)]
mod passivity_tests;
#[cfg(test)]
mod tests;
