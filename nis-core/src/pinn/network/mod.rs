//! Networks whose derivatives are propagated as Taylor coefficients.

pub mod kernel;

use serde::{Deserialize, Serialize};

use super::points::Points;
use super::problem::{Jet, Problem};
use super::solve::{Found, SolveOptions};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Options of the network solver.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkOptions {
    /// Widths of the hidden layers; chosen where `None`.
    pub hidden: Option<Vec<usize>>,
}

/// A trained network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trained {}

impl Trained {
    /// The values of jets at points: `out[k]` for `jets[k]`.
    pub(super) fn jets(
        &self,
        _jets: &[Jet],
        _points: &Points,
        _out: &mut [Vec<f64>],
    ) -> Result<()> {
        Err(Error::unavailable("networks", "not built yet"))
    }
}

pub(super) fn solve(
    _problem: &Problem,
    _options: &SolveOptions,
    _progress: &Progress<'_>,
) -> Result<Found> {
    Err(Error::unavailable("networks", "not built yet"))
}
