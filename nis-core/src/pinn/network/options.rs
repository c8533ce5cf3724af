//! Options of the network solver.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How a network is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// By the number of parameters: Levenberg-Marquardt up to 1500, self-scaled Broyden up to 6000, else L-BFGS.
    #[default]
    Auto,
    /// Levenberg-Marquardt on the list of residuals.
    LevenbergMarquardt,
    /// Self-scaled Broyden (dense inverse Hessian).
    Broyden,
    /// L-BFGS.
    Lbfgs,
    /// Adam, its step size falling from 5e-3 to 5e-5.
    Adam,
}

/// Where conditions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conditions {
    /// Into the form of the solution where the domain is a box and the data fit, else into residuals.
    #[default]
    Hard,
    /// Into residuals.
    Soft,
}

/// Random Fourier features of the inputs (Tancik et al. 2020).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FourierFeatures {
    /// Pairs of cosines and sines.
    pub count: usize,
    /// Standard deviation of the rates, in radians per half of each coordinate's range.
    pub scale: f64,
}

/// Options of the network solver. What is `None` is chosen from the problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkOptions {
    /// Widths of the hidden layers.
    pub hidden: Option<Vec<usize>>,
    /// The optimiser.
    pub optimiser: Optimiser,
    /// Points of the equations.
    pub points: Option<usize>,
    /// Steps after which points are drawn anew by the residual; 0: never.
    pub resample: Option<usize>,
    /// Strength of the causal weights: later times count once earlier ones are learnt. 0: none.
    pub causal: Option<f64>,
    /// Windows of time that are solved one after the other, each by a network of its own.
    pub windows: Option<usize>,
    /// Fourier features.
    pub fourier: Option<FourierFeatures>,
    /// Sines and cosines per periodic coordinate.
    pub harmonics: Option<usize>,
    /// Whether conditions hold by construction.
    pub conditions: Conditions,
    /// Weight of residuals of conditions and data relative to those of the equations.
    pub condition_weight: f64,
    /// Steps per window at most.
    pub iterations: Option<usize>,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        NetworkOptions {
            hidden: None,
            optimiser: Optimiser::Auto,
            points: None,
            resample: None,
            causal: None,
            windows: None,
            fourier: None,
            harmonics: None,
            conditions: Conditions::Hard,
            condition_weight: 10.0,
            iterations: None,
        }
    }
}

impl NetworkOptions {
    /// Refuses what makes no sense.
    pub(super) fn check(&self) -> Result<()> {
        let bad = |field: &str, value: String, expected: &str| {
            Err(Error::invalid(format!("network.{field}"), value, expected))
        };
        if let Some(hidden) = &self.hidden
            && (hidden.is_empty()
                || hidden.len() > 64
                || hidden.iter().any(|w| *w == 0 || *w > 4096))
        {
            return bad(
                "hidden",
                format!("{hidden:?}"),
                "1 to 64 widths of 1 to 4096",
            );
        }
        let ranges = [
            ("points", self.points, 1..=10_000_000),
            ("windows", self.windows, 1..=1000),
            ("harmonics", self.harmonics, 1..=256),
        ];
        for (field, value, range) in ranges {
            if let Some(v) = value.filter(|v| !range.contains(v)) {
                let expected = format!("{} to {}", range.start(), range.end());
                return bad(field, v.to_string(), &expected);
            }
        }
        if let Some(e) = self.causal.filter(|e| !e.is_finite() || *e < 0.0) {
            return bad("causal", e.to_string(), "0 or a positive number");
        }
        let w = self.condition_weight;
        if !w.is_finite() || w <= 0.0 {
            return bad("condition_weight", w.to_string(), "a positive number");
        }
        if let Some(f) = &self.fourier
            && (f.count == 0 || f.count > 4096 || !f.scale.is_finite() || f.scale <= 0.0)
        {
            return bad(
                "fourier",
                format!("{f:?}"),
                "1 to 4096 pairs of a positive scale",
            );
        }
        Ok(())
    }
}
