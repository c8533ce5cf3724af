//! Parameters and initial values from data.

use super::super::problem::Problem;
use super::super::solve::{Found, SolveOptions};
use super::system::OdeSystem;
use crate::error::{Error, Result};
use crate::telemetry::Progress;

pub(super) fn solve(
    _problem: &Problem,
    _system: &OdeSystem,
    _options: &SolveOptions,
    _progress: &Progress<'_>,
) -> Result<Found> {
    Err(Error::unavailable("inverse problems", "not built yet"))
}
