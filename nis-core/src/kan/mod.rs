//! Kolmogorov-Arnold networks: trained, read as formulas, run fast, saved and exported.
//!
//! Floor 2: imports floors 0 and 1.

mod basis;
mod law;
mod model;
mod network;
mod read;
pub mod run;
mod shapes;
pub mod store;
mod symbolic;
mod train;
mod uncertainty;

pub use basis::{Basis, Family, Local, MAX_FUNCTIONS, MAX_ORDER, Outside};
pub use law::learn_law;
pub use model::{Column, Model, ModelOptions, Names, Task};
pub use network::{Base, Edge, Kan, Layer, Structure, Symbolic};
pub use read::{
    Attempted, DiscoverOptions, Discovery, EdgeFit, EdgeOptions, EdgeReading, Form, Formula,
    FormulaOptions, Importance, Library, PruneOptions, PruneReport, Quantity, discover, read_curve,
};
pub use run::Predictor;
pub use train::{
    Checkpoint, FitOptions, FitReport, Loss, Method, Precision, Progressed, TrainOptions,
};
pub use uncertainty::{Conformal, Interval, Laplace, Uncertainty};

use serde::{Deserialize, Serialize};

use crate::expr::Expr;

/// Whether quantities are learned as they are or through their logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Logarithms where all values are positive and a column spans more than one decade, unless the
    /// quantities as they are give the better formula (default).
    #[default]
    Auto,
    /// As they are.
    Linear,
    /// Logarithms of all quantities; refused where a value is not positive.
    Log,
}

/// How a law is learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LawOptions {
    /// Widths of hidden layers; chosen by cross-validation on the training rows between none and one layer
    /// where `None`.
    pub hidden: Option<Vec<usize>>,
    /// Grid cells per edge; chosen by cross-validation on the training rows where `None`.
    pub grid: Option<usize>,
    /// Share of the rows held out, in (0, 0.5].
    pub holdout: f64,
    /// Linear or logarithmic quantities.
    pub scale: Scale,
    /// R2 below which no law is reported, in cross-validation and on the held-out rows; in [0, 1).
    pub threshold: f64,
    /// Seed of the split and of the initial weights.
    pub seed: u64,
    /// Levenberg-Marquardt iterations per network at most.
    pub max_iterations: usize,
}

impl Default for LawOptions {
    fn default() -> Self {
        LawOptions {
            hidden: None,
            grid: None,
            holdout: 0.2,
            scale: Scale::Auto,
            threshold: 0.5,
            seed: 0,
            max_iterations: 200,
        }
    }
}

/// A constant of a formula, refitted after the formula was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// What the constant is, for example `exponent of semi_major_axis_gm`.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Standard error from the last Gauss-Newton matrix; `None` where the rows do not determine it.
    pub std_error: Option<f64>,
}

/// One learned edge function, sampled for plots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Where the edge starts, for example the input's name.
    pub from: String,
    /// Where it ends, for example `hidden 1` or the target's name.
    pub to: String,
    /// Abscissae (in the scale learned in).
    pub x: Vec<f64>,
    /// The spline's values.
    pub y: Vec<f64>,
    /// The symbolic function read from it, where one was accepted.
    pub symbolic: Option<String>,
    /// R2 of the symbolic function against the spline.
    pub symbolic_r2: Option<f64>,
}

/// What was learned about how one quantity depends on others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Law {
    /// The quantity explained.
    pub target: String,
    /// The quantities it may depend on.
    pub inputs: Vec<String>,
    /// Whether a law was found: R2 reaches `threshold` in cross-validation and on the held-out rows.
    pub found: bool,
    /// Why it was found or not, with the figures.
    pub reason: String,
    /// `target = formula`, simplified, constants refitted, with the digits that matter; `None` where none was
    /// accepted.
    pub formula: Option<String>,
    /// The same for LaTeX.
    pub latex: Option<String>,
    /// The formula as an expression in the inputs, with all digits.
    pub expr: Option<Expr>,
    /// Its constants with standard errors. A constant that is 0 to rounding (a factor that is 1) is left out of
    /// formula and list.
    pub constants: Vec<Constant>,
    /// Root-mean-square relative error (log scale) or error over the standard deviation of the target
    /// (linear scale) of the formula on the held-out rows; `None` without formula.
    pub formula_holdout_error: Option<f64>,
    /// Which of the two `formula_holdout_error` and the network's errors are: `relative` or `normalised`.
    pub error_kind: String,
    /// The network's error on the training rows.
    pub train_error: f64,
    /// The network's error on the held-out rows.
    pub holdout_error: f64,
    /// R2 of the network on the held-out rows in the learned scale: against the mean of the training rows, or
    /// against their variance where the held-out rows lie closer to that mean.
    pub holdout_r2: f64,
    /// Rows held out (indices into the data).
    pub holdout_rows: Vec<usize>,
    /// Whether each input (in order), then the target, was learned through its logarithm.
    pub logarithmic: Vec<bool>,
    /// Layer widths of the chosen network.
    pub widths: Vec<usize>,
    /// Grid cells per edge.
    pub grid: usize,
    /// Its parameters.
    pub parameters: usize,
    /// Iterations that training took.
    pub iterations: usize,
    /// Learned edges.
    pub curves: Vec<Curve>,
    /// The network's prediction for every row, in the target's unit.
    pub predicted: Vec<f64>,
}

/// A named column.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its name; appears in the formula.
    pub name: &'a str,
    /// Its values, one per row.
    pub values: &'a [f64],
}
