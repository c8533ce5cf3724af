//! Everything that a fit under way consists of.

use serde::{Deserialize, Serialize};

use super::adam::Moments;
use super::options::{FitOptions, Method, Progressed};
use crate::kan::network::Kan;
use crate::optim::{GaussNewtonState, LbfgsState};

/// Everything from which a fit goes on bit for bit: network, optimiser with its moments and random numbers, place in
/// the course, best network so far. It can be written as JSON (numbers are kept exactly).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    pub(super) options: FitOptions,
    /// Fingerprint of the rows.
    pub(super) data: u64,
    pub(super) method: Method,
    pub(super) grids: Vec<usize>,
    /// Network of the stage; its parameters are those of the optimiser.
    pub(super) net: Kan,
    pub(super) optimiser: Optimiser,
    pub(super) stage: usize,
    pub(super) rung: usize,
    pub(super) rung_iterations: usize,
    pub(super) stale: usize,
    pub(super) smoothness: f64,
    pub(super) rung_best: Option<Best>,
    pub(super) stage_best: Option<Best>,
    /// Whether the stages came back to a coarser grid to converge on it.
    pub(super) polished: bool,
    pub(super) best: Option<(Kan, Best)>,
    pub(super) iterations: usize,
    pub(super) history: Vec<Progressed>,
    pub(super) stop: Option<String>,
}

impl Checkpoint {
    /// Iterations so far.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// The last entry of the history.
    pub fn last(&self) -> Option<&Progressed> {
        self.history.last()
    }

    /// The options of the fit.
    pub fn options(&self) -> &FitOptions {
        &self.options
    }
}

/// The best parameters on a grid so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    pub(super) p: Vec<f64>,
    pub(super) loss: f64,
    pub(super) smoothness: f64,
}

/// The optimiser and all that it remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Optimiser {
    GaussNewton(GaussNewtonState),
    Lbfgs(LbfgsState),
    Adam {
        p: Vec<f64>,
        moments: Moments,
        random: u64,
    },
}

impl Optimiser {
    pub(super) fn p(&self) -> &[f64] {
        match self {
            Optimiser::GaussNewton(state) => &state.p,
            Optimiser::Lbfgs(state) => &state.p,
            Optimiser::Adam { p, .. } => p,
        }
    }
}
