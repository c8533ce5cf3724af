//! Checks of results against what must hold, with three-valued verdicts.
//!
//! Floor 2: imports floors 0 and 1. `valid` is never given without a check that could have failed.

use serde::{Deserialize, Serialize};

/// What a check concludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The check could have failed and did not.
    Valid,
    /// The statistic is beyond its threshold.
    Violated,
    /// The check could not be made; the explanation says why.
    NotChecked,
}

/// The outcome of one check, with the numbers behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The check, for example `residuals independent: hare`.
    pub check: String,
    /// The conclusion.
    pub status: Status,
    /// Name and value of the statistic.
    pub statistic: Option<(String, f64)>,
    /// The threshold that `|statistic|` must not pass.
    pub threshold: Option<f64>,
    /// Size of the deviation in the terms of the problem.
    pub effect: Option<String>,
    /// What was tested and what follows; for `not_checked`, what is missing.
    pub explanation: String,
}
