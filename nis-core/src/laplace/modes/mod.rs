//! Modes of sampled signals: damped exponentials, their number and their errors.
//!
//! The signal subspace of the Hankel matrix gives first poles for every order (`subspace`), the order is chosen
//! (`order`), the poles are refined to the least-squares optimum (`refine`, on the closed-form inner products of
//! `exponentials`), and what is known of them is reported (`report`). Long records start from a block (`long`).

mod estimate;
mod exponentials;
mod long;
mod order;
mod refine;
mod report;
mod shared;
mod subspace;

pub use order::OrderRule;
pub use report::modes;
pub use shared::{SharedMode, SharedModes, shared_modes};

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// What is removed from the signal before its modes are sought; it is reported beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detrend {
    /// Nothing.
    None,
    /// The mean (default).
    #[default]
    Mean,
    /// The least-squares line.
    Linear,
}

/// How modes are sought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModesOptions {
    /// Number of real degrees of freedom in the pole set (a conjugate pair counts 2); chosen from the
    /// data where `None`.
    pub order: Option<usize>,
    /// Largest order that the automatic choice considers.
    pub max_order: usize,
    /// What is removed first.
    pub detrend: Detrend,
}

impl Default for ModesOptions {
    fn default() -> Self {
        ModesOptions {
            order: None,
            max_order: 20,
            detrend: Detrend::Mean,
        }
    }
}

/// One damped mode of a real signal: a conjugate pair of poles, or one real pole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    /// Pole with non-negative imaginary part, in 1/(time unit).
    pub pole: Complex64,
    /// Standard errors of the real and imaginary part of the pole: [`Mode::pole_bound`] with the noise as strong
    /// as the residual is around the mode's frequency, which matters where the noise is not white.
    pub pole_se: Complex64,
    /// Cramer-Rao bounds of the real and imaginary part of the pole in white noise of [`Modes::noise_std`].
    #[serde(default)]
    pub pole_bound: Complex64,
    /// Complex amplitude at the first sample: the mode is `2 Re(residue e^{pole (t - t0)})` for a pair,
    /// `Re(residue) e^{pole (t - t0)}` for a real pole.
    pub residue: Complex64,
    /// Cycles per time unit; 0 for a real pole.
    pub frequency: f64,
    /// Standard error of the frequency.
    pub frequency_se: f64,
    /// Time units per cycle; `None` for a real pole.
    pub period: Option<f64>,
    /// Standard error of the period.
    pub period_se: Option<f64>,
    /// `-Re(pole)/|pole|`.
    pub damping_ratio: f64,
    /// Peak amplitude at the first sample.
    pub amplitude: f64,
    /// Standard error of the amplitude.
    pub amplitude_se: f64,
    /// Phase at the first sample, radians (cosine convention).
    pub phase: f64,
    /// Mean square of this mode over the record, divided by that of the detrended signal.
    pub power_share: f64,
}

/// The modes of one signal, strongest first, and what is needed to judge them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Modes {
    /// The modes, by falling `power_share`.
    pub modes: Vec<Mode>,
    /// Time of the first sample.
    pub t0: f64,
    /// Sampling interval.
    pub dt: f64,
    /// Number of samples.
    pub n: usize,
    /// Real degrees of freedom of the pole set.
    pub order: usize,
    /// What decided the order, with the figure.
    pub order_reason: String,
    /// What decided the order.
    #[serde(default)]
    pub order_rule: OrderRule,
    /// Removed offset (value at `t0`).
    pub offset: f64,
    /// Removed slope per time unit.
    pub slope: f64,
    /// Standard deviation of the noise, estimated from the residual.
    pub noise_std: f64,
    /// Root mean square of signal minus model.
    pub residual_rms: f64,
    /// `1 - residual power / detrended power`.
    pub explained: f64,
    /// The model at the samples.
    pub fitted: Vec<f64>,
}

impl Modes {
    /// The model (modes, offset and slope) at times `t`, also outside the record.
    pub fn evaluate(&self, t: &[f64]) -> Vec<f64> {
        t.iter()
            .map(|t| {
                let since = t - self.t0;
                let modal: f64 = self.modes.iter().map(|m| m.value(since)).sum();
                self.offset + self.slope * since + modal
            })
            .collect()
    }

    /// The Laplace transform of the modes (without offset and slope), started at the first sample:
    /// `F(s) = sum_k r_k/(s - s_k) + conj(r_k)/(s - conj(s_k))`, one term for a real pole. Exists for
    /// `Re(s)` right of all poles; elsewhere this is its continuation.
    pub fn transform(&self, s: Complex64) -> Complex64 {
        self.modes
            .iter()
            .map(|m| {
                let term = m.residue / (s - m.pole);
                if m.is_pair() {
                    term + m.residue.conj() / (s - m.pole.conj())
                } else {
                    term
                }
            })
            .sum()
    }
}

impl Mode {
    /// Whether the mode is a conjugate pair of poles.
    pub fn is_pair(&self) -> bool {
        self.pole.im != 0.0
    }

    /// The mode's value at a time after the first sample.
    pub fn value(&self, since: f64) -> f64 {
        let term = self.residue * (self.pole * since).exp();
        if self.is_pair() {
            2.0 * term.re
        } else {
            term.re
        }
    }
}

#[cfg(test)]
mod bound_tests;
#[cfg(test)]
mod nyquist_tests;
#[cfg(test)]
mod tests;
