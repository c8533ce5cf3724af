//! Checks of results against what must hold, with three-valued verdicts.
//!
//! Floor 2: imports floors 0 and 1. `valid` is never given without a check that could have failed: a check
//! whose input is missing or not finite answers `not_checked` and says what is missing.

mod collisions;
mod conserved;
mod data;
mod dimensional;
mod equation;
mod estimate;
mod evaluate;
mod fields;
mod findings;
mod gravity;
mod laws;
mod local;
mod motion;
mod relativity;
mod residuals;
mod response;
mod spec;
mod statistics;
mod thermo;
mod totals;

pub use collisions::{CollisionClaim, Velocity};
pub use conserved::{Conserved, Rule};
pub use data::{Column, Given, Grid, GridAxis, MAX_VALUES, Measured, Named};
pub use dimensional::{Buckingham, DimensionsClaim};
pub use equation::EquationClaim;
pub use fields::{Amount, Diffusion, Edge, Flow};
pub use findings::Kind;
pub use gravity::{FreeFall, Pendulum, pendulum_period};
pub use laws::{
    Collision, collision, conserved_quantity, dimensions, energy, equation_of_numbers, heat_flow,
    momentum, passive, speed,
};
pub use motion::{Body, EnergyRule, Integrator, Method, Motion};
pub use relativity::{Event, Events, Speed};
pub use residuals::{explains, independent, outliers, satisfied};
pub use response::Response;
pub use spec::{Claim, MAX_CLAIMS, Validation, ValidationSpec, validate};
pub use thermo::{EnergyBalance, Engine, Exchange, Exchanges, HeatFlow, MomentumBalance};

use serde::{Deserialize, Serialize};

/// What a check concludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The check could have failed and did not.
    Valid,
    /// The statistic is beyond its threshold.
    Violated,
    /// The check could not be made; the explanation says why.
    NotChecked,
}

/// The outcome of one check, with the numbers behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The check, for example `residuals independent: hare`.
    pub check: String,
    /// The conclusion.
    pub status: Status,
    /// Name and value of the statistic.
    pub statistic: Option<(String, f64)>,
    /// The threshold that `|statistic|` must not pass.
    pub threshold: Option<f64>,
    /// Size of the deviation in the terms of the problem.
    pub effect: Option<String>,
    /// What was tested and what follows; for `not_checked`, what is missing.
    pub explanation: String,
    /// Standard deviation of the noise that the check reckoned with, in the unit of the tested quantity; absent
    /// where it is about exact numbers.
    #[serde(default)]
    pub noise: Option<f64>,
}

impl Verdict {
    /// A check that could not be made.
    pub fn not_checked(check: impl Into<String>, why: impl Into<String>) -> Self {
        Verdict {
            check: check.into(),
            status: Status::NotChecked,
            statistic: None,
            threshold: None,
            effect: None,
            explanation: why.into(),
            noise: None,
        }
    }

    /// A check by one statistic, valid where its size is at most the threshold; a statistic or threshold that is
    /// not finite is no check.
    fn by(check: String, statistic: (&str, f64), threshold: f64, explanation: String) -> Self {
        if !statistic.1.is_finite() {
            return Self::not_checked(check, format!("the {} is not finite", statistic.0));
        }
        if !(threshold.is_finite() && threshold >= 0.0) {
            return Self::not_checked(
                check,
                format!("the threshold {threshold} is not a finite number of 0 or more"),
            );
        }
        let status = if statistic.1.abs() <= threshold {
            Status::Valid
        } else {
            Status::Violated
        };
        Verdict {
            check,
            status,
            statistic: Some((statistic.0.to_string(), statistic.1)),
            threshold: Some(threshold),
            effect: None,
            explanation,
            noise: None,
        }
    }

    fn with_effect(mut self, effect: impl Into<String>) -> Self {
        if self.status != Status::NotChecked {
            self.effect = Some(effect.into());
        }
        self
    }

    /// Effect and noise of a verdict that is judged later.
    fn noted(mut self, effect: String, noise: f64) -> Self {
        self.effect = Some(effect);
        self.with_noise(noise)
    }

    fn with_noise(mut self, noise: f64) -> Self {
        self.noise = noise.is_finite().then_some(noise);
        self
    }
}

/// A number to nine digits, for reading.
fn short(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap_or(value)
}

/// The conclusion of several checks: violated where any is, valid where at least one is and none is violated,
/// else not checked.
///
/// ```
/// use nis_core::physics::{Status, Verdict, overall};
/// assert_eq!(overall(&[]), Status::NotChecked);
/// assert_eq!(overall(&[Verdict::not_checked("units", "no units were given")]), Status::NotChecked);
/// ```
pub fn overall(verdicts: &[Verdict]) -> Status {
    let any = |status| verdicts.iter().any(|v| v.status == status);
    if any(Status::Violated) {
        Status::Violated
    } else if any(Status::Valid) {
        Status::Valid
    } else {
        Status::NotChecked
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
