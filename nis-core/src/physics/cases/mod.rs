//! The cases of a foreign data set that every checker must tell apart, through the one request.

mod alarms;
mod fields;
mod numbers;
mod responses;
mod trajectories;

use super::*;
use crate::optim::Random;
use crate::telemetry::Progress;

/// A request around claims in JSON.
fn claims(json: &str) -> ValidationSpec {
    serde_json::from_str(&format!("{{\"claims\": {json}}}")).unwrap()
}

fn judge(spec: &ValidationSpec) -> Validation {
    validate(spec, &Progress::none()).unwrap()
}

fn overall_of(json: &str) -> Status {
    judge(&claims(json)).overall
}

fn with_columns(mut spec: ValidationSpec, columns: &[(&str, &[f64])]) -> ValidationSpec {
    for (name, values) in columns {
        spec.columns
            .insert((*name).into(), Column::from(values.to_vec()));
    }
    spec
}

/// The verdict of a kind, the first of that kind.
fn first(found: &Validation, kind: Kind) -> &Verdict {
    let at = found.kinds.iter().position(|k| *k == kind);
    &found.verdicts[at.unwrap_or_else(|| panic!("no {kind:?} in {found:#?}"))]
}

fn statistic(verdict: &Verdict) -> f64 {
    verdict
        .statistic
        .as_ref()
        .unwrap_or_else(|| panic!("{verdict:#?}"))
        .1
}

fn times(n: usize, step: f64) -> Vec<f64> {
    (0..n).map(|i| i as f64 * step).collect()
}

fn noisy(values: impl Iterator<Item = f64>, sigma: f64, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    values.map(|v| v + sigma * random.normal()).collect()
}
