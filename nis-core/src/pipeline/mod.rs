//! The scientific path: signal -> modes -> law -> equation -> verdict, as one typed [`Report`].
//!
//! Floor 3: imports floors 0 to 2. Knows nothing of async, HTTP or JSON text.

mod dataset;
mod report;

pub use dataset::{Column, Dataset, MAX_CELLS};
pub use report::{
    AnalyzeOptions, ColumnSummary, DataSummary, LawStage, Mode, ModesStage, Report, Run, Series,
    StageTime, TimeAxis,
};

use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Runs the path on a data set.
///
/// # Errors
/// [`Error::InvalidInput`] where the data cannot carry the analysis asked for, and whatever a stage
/// returns on bad input.
pub fn analyze(
    _data: &Dataset,
    _options: &AnalyzeOptions,
    _progress: &Progress<'_>,
) -> Result<Report> {
    Err(Error::unavailable("pipeline::analyze", "not written yet"))
}
