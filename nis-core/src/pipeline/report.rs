//! The report: everything that an analysis found, with what is needed to judge and to plot it.

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::kan::{Law, LawOptions};
use crate::laplace::{Modes, ModesOptions};
use crate::physics::Verdict;
use crate::pinn::{FitOptions, OdeFit};

/// The current version of [`Report`].
pub const SCHEMA: u32 = 1;

/// What is asked of an analysis.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnalyzeOptions {
    /// Name of the time or index column; the first monotonic column where `None`.
    pub time: Option<String>,
    /// Treat the rows as unordered and learn `target` from the other columns.
    pub law: bool,
    /// The column to explain in a law; the last numeric column where `None`.
    pub target: Option<String>,
    /// Equations to fit, for example `y'' = -w2*y - g*y'`.
    pub equation: Option<String>,
    /// Options of the Laplace stage.
    pub modes: ModesOptions,
    /// Options of the KAN stage.
    pub kan: LawOptions,
    /// Options of the PINN stage.
    pub fit: FitOptions,
}

/// Which way the analysis went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Rows ordered in time.
    Series,
    /// Rows unordered: a law between columns.
    Law,
}

/// The time axis of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeAxis {
    /// Column name.
    pub name: String,
    /// First time.
    pub start: f64,
    /// Last time.
    pub end: f64,
    /// Median step.
    pub step: f64,
    /// Whether all steps agree with the median within 1e-6 of it.
    pub uniform: bool,
}

/// Figures of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSummary {
    /// Column name.
    pub name: String,
    /// Mean of the present values.
    pub mean: f64,
    /// Sample standard deviation.
    pub std: f64,
    /// Least value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Missing values.
    pub missing: usize,
}

/// What the data are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// Rows used.
    pub rows: usize,
    /// Time axis, for a series.
    pub time: Option<TimeAxis>,
    /// Numeric columns.
    pub columns: Vec<ColumnSummary>,
    /// Columns that were left out, with the reason.
    pub ignored: Vec<String>,
    /// Row labels, where a text column gives them.
    pub labels: Option<Vec<String>>,
}

/// A column's values against time (or against the row number in a law), for plots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Column name.
    pub name: String,
    /// Times.
    pub t: Vec<f64>,
    /// Values.
    pub y: Vec<f64>,
}

/// The Laplace stage of one column: its modes, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModesStage {
    /// Column name.
    pub column: String,
    /// The modes found.
    pub modes: Option<Modes>,
    /// Why the stage did not run or found nothing.
    pub skipped: Option<String>,
}

/// The KAN stage for one target: the law, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LawStage {
    /// What was asked, for example `next sunspots from the two values before`.
    pub question: String,
    /// The learned law.
    pub law: Option<Law>,
    /// The values that the law was learned from: inputs in order, then the target (for plots).
    pub rows: Vec<Series>,
    /// Why the stage did not run.
    pub skipped: Option<String>,
}

/// Time that a stage took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// Stage name.
    pub stage: String,
    /// Wall time in milliseconds.
    pub ms: f64,
}

/// How the report was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Seed.
    pub seed: u64,
    /// Where it was computed.
    pub device: Device,
    /// Time per stage.
    pub timings: Vec<StageTime>,
    /// The options used.
    pub options: AnalyzeOptions,
}

/// Everything that an analysis found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this structure; raised when a field changes its meaning.
    pub schema: u32,
    /// Version of NIS.
    pub version: String,
    /// Where the data came from.
    pub source: String,
    /// Which way the analysis went.
    pub mode: Mode,
    /// The data.
    pub data: DataSummary,
    /// The columns, for plots.
    pub series: Vec<Series>,
    /// Laplace stage, per column.
    pub modes: Vec<ModesStage>,
    /// KAN stage, per target.
    pub laws: Vec<LawStage>,
    /// PINN stage: the equations fitted.
    pub fit: Option<OdeFit>,
    /// Where the equations came from: given, or implied by which mode.
    pub fit_origin: Option<String>,
    /// Why the PINN stage did not run.
    pub fit_skipped: Option<String>,
    /// Physics checks.
    pub verdicts: Vec<Verdict>,
    /// The main results as sentences with numbers.
    pub findings: Vec<String>,
    /// How it was made.
    pub run: Run,
}
