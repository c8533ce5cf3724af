//! Random-feature least squares.

use serde::{Deserialize, Serialize};

use super::points::Points;
use super::problem::{Jet, Problem};
use super::solve::{Found, SolveOptions};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Options of the random-feature solver.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureOptions {
    /// Features per field; chosen where `None`.
    pub count: Option<usize>,
    /// Scale of the random weights; chosen by the residual where `None`.
    pub scale: Option<f64>,
}

/// Fields as sums of features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Expansion {}

impl Expansion {
    /// The values of jets at points: `out[k]` for `jets[k]`.
    pub(super) fn jets(
        &self,
        _jets: &[Jet],
        _points: &Points,
        _out: &mut [Vec<f64>],
    ) -> Result<()> {
        Err(Error::unavailable("random features", "not built yet"))
    }
}

pub(super) fn solve(
    _problem: &Problem,
    _options: &SolveOptions,
    _progress: &Progress<'_>,
) -> Result<Found> {
    Err(Error::unavailable("random features", "not built yet"))
}
