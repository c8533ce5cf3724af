//! What a model is asked to be.

use serde::{Deserialize, Serialize};

use crate::kan::basis::{Family, Outside};
use crate::kan::network::Base;
use crate::kan::train::FitOptions;

/// What is predicted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Numbers (default).
    #[default]
    Regression,
    /// One of several classes, through the softmax of one output per class.
    Classification {
        /// Their names; `y` holds indices into them.
        classes: Vec<String>,
    },
}

/// Names of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Names {
    /// One per input.
    pub inputs: Vec<String>,
    /// One per output; not used by a classification, whose outputs are named after the classes.
    pub outputs: Vec<String>,
}

impl Names {
    /// Names from slices.
    pub fn of(inputs: &[&str], outputs: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Names {
            inputs: owned(inputs),
            outputs: owned(outputs),
        }
    }

    /// `x1, x2, ..` and `y` (`y1, y2, ..` for several outputs).
    pub fn numbered(inputs: usize, outputs: usize) -> Self {
        let many = |letter: &str, n: usize| (1..=n).map(|i| format!("{letter}{i}")).collect();
        Names {
            inputs: many("x", inputs),
            outputs: if outputs == 1 {
                vec!["y".into()]
            } else {
                many("y", outputs)
            },
        }
    }
}

/// How a model is made and fitted.
///
/// Where `hidden` is `None` the structure follows the data: without a hidden layer (one function per input,
/// added up) under 60 rows; from there on one hidden layer of `2 n + 1` nodes for `n` inputs, at most 10, made
/// narrower until the network has at most half as many parameters as there are rows times outputs, and left out
/// where fewer than 2 nodes remain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelOptions {
    /// Regression or classification.
    pub task: Task,
    /// Nodes of the hidden layers; `None` for the rule above, empty for no hidden layer.
    pub hidden: Option<Vec<usize>>,
    /// Per layer after the inputs the factors of its multiplication nodes, which are the last of its nodes.
    pub products: Vec<Vec<usize>>,
    /// Grid cells per edge.
    pub grid: usize,
    /// Spline order (degree), 1 to 5.
    pub order: usize,
    /// Family of functions on the edges.
    pub family: Family,
    /// Base function beside them.
    pub base: Base,
    /// How edges go on outside the grid.
    pub outside: Outside,
    /// Seed of the initial weights.
    pub seed: u64,
    /// How the network is fitted. The loss is cross-entropy for every classification.
    pub fit: FitOptions,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions {
            task: Task::Regression,
            hidden: None,
            products: Vec::new(),
            grid: 5,
            order: 3,
            family: Family::BSpline,
            base: Base::None,
            outside: Outside::Linear,
            seed: 0,
            fit: FitOptions::default(),
        }
    }
}

/// Rows from which on a hidden layer is used where none is asked for.
const HIDDEN_FROM: usize = 60;

/// Most nodes of a hidden layer that was not asked for.
const WIDEST: usize = 10;

impl ModelOptions {
    /// The hidden layers for so many rows, inputs and outputs: those asked for, or by the rule.
    pub(super) fn hidden_for(&self, rows: usize, inputs: usize, outputs: usize) -> Vec<usize> {
        if let Some(hidden) = &self.hidden {
            return hidden.clone();
        }
        if rows < HIDDEN_FROM {
            return Vec::new();
        }
        let per_node = inputs
            .saturating_add(outputs)
            .saturating_mul(self.grid.saturating_add(self.order))
            .max(1);
        let most = rows.saturating_mul(outputs) / 2 / per_node;
        match most
            .min(WIDEST)
            .min(inputs.saturating_mul(2).saturating_add(1))
        {
            0 | 1 => Vec::new(),
            nodes => vec![nodes],
        }
    }
}
