//! What training is asked for, and what it reports.

use serde::{Deserialize, Serialize};

/// How parameters are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Levenberg-Marquardt up to 3000 parameters and about ten seconds per iteration, L-BFGS up to 20000 rows times
    /// outputs, Adam beyond (default).
    #[default]
    Auto,
    /// Levenberg-Marquardt.
    LevenbergMarquardt,
    /// Limited-memory BFGS on all rows.
    Lbfgs,
    /// Adam with decoupled weight decay (AdamW) on mini-batches.
    Adam,
}

/// What is minimised: the mean of this over rows and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Half the squared residual (default).
    #[default]
    Squared,
    /// Huber's: half the squared residual up to the given size, straight beyond. Huber, Ann. Math. Statist. 35
    /// (1964) 73, eq. (1.3).
    Huber(f64),
    /// Cross-entropy of the softmax of the outputs; `y` holds probabilities of the classes, for example 0 and 1.
    CrossEntropy,
}

/// Arithmetic of training by Adam and of prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 64 bits (default).
    #[default]
    F64,
    /// 32 bits.
    F32,
}

/// How a network is fitted to rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// How parameters are found.
    pub method: Method,
    /// What is minimised.
    pub loss: Loss,
    /// Iterations per grid at most (steps for Adam: epochs).
    pub max_iterations: usize,
    /// Stop when an iteration lowers the cost by less than this share.
    pub tolerance: f64,
    /// Weight of the smoothness penalty; `None` takes it from the held-out rows where there are any.
    pub smoothness: Option<f64>,
    /// Share of the rows held out to choose smoothness and grid and to stop early; in [0, 0.5], 0 for none.
    pub holdout: f64,
    /// Grid cells of successive stages, each starting from the function found before; empty keeps the grid.
    pub grids: Vec<usize>,
    /// Whether grids follow the samples before every stage, keeping the function ([`crate::kan::Kan::follow`]).
    pub update_grid: bool,
    /// Share of the quantiles in the knots of grids that follow the samples: 0 for equal cells, below 1.
    pub adaptive: f64,
    /// Weight of the L1 norm of edge activations.
    pub l1: f64,
    /// Weight of the entropy of edge activations.
    pub entropy: f64,
    /// Rows per step of Adam.
    pub batch: usize,
    /// Step size of Adam at the start; it falls to a hundredth of it along a half cosine over `max_iterations`
    /// epochs (Loshchilov and Hutter, SGDR (2017), eq. (5)).
    pub learning_rate: f64,
    /// Decoupled weight decay of Adam.
    pub weight_decay: f64,
    /// Stop after so many epochs of Adam, or iterations of L-BFGS, without a better held-out error; 0 never.
    pub patience: usize,
    /// Seed of the held-out rows and of the order of mini-batches.
    pub seed: u64,
    /// Threads; the result does not depend on them.
    pub threads: usize,
    /// Arithmetic of Adam; the others use 64 bits.
    pub precision: Precision,
}

impl Default for FitOptions {
    fn default() -> Self {
        FitOptions {
            method: Method::Auto,
            loss: Loss::Squared,
            max_iterations: 100,
            tolerance: 1e-6,
            smoothness: None,
            holdout: 0.2,
            grids: Vec::new(),
            update_grid: true,
            adaptive: 0.0,
            l1: 0.0,
            entropy: 0.0,
            batch: 256,
            learning_rate: 1e-2,
            weight_decay: 0.0,
            patience: 20,
            seed: 0,
            threads: 1,
            precision: Precision::F64,
        }
    }
}

/// One entry of the history of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progressed {
    /// Grid cells.
    pub grid: usize,
    /// Iteration or epoch.
    pub iteration: usize,
    /// Loss on the training rows, penalties left out.
    pub train: f64,
    /// Loss on the held-out rows.
    pub holdout: Option<f64>,
}

/// What came of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// The method that ran.
    pub method: Method,
    /// Iterations in all.
    pub iterations: usize,
    /// Why it stopped.
    pub stop: String,
    /// Grid cells of the network kept.
    pub grid: usize,
    /// Smoothness used.
    pub smoothness: f64,
    /// Root mean square residual of the training rows (mean cross-entropy under that loss).
    pub train_error: f64,
    /// The same for the held-out rows; `None` without any.
    pub holdout_error: Option<f64>,
    /// Indices of the held-out rows.
    pub holdout_rows: Vec<usize>,
    /// The course of the fit.
    pub history: Vec<Progressed>,
}
