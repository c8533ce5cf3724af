//! Windows of time, solved one after the other.

use std::time::{Duration, Instant};

use super::super::Parameter;
use super::super::problem::Problem;
use super::super::solution::Representation;
use super::super::solve::{Found, SolveOptions};
use super::setup;
use super::train::{Job, Outcome, train};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

pub(super) fn solve(
    problem: &Problem,
    options: &SolveOptions,
    progress: &Progress<'_>,
) -> Result<Found> {
    let windows = match options.network.windows {
        Some(windows) => windows,
        None => setup::windows(problem)?,
    };
    if windows > 1 && (problem.time().is_none() || !problem.unknowns.is_empty()) {
        return Err(Error::invalid(
            "network.windows",
            windows,
            "1 for a problem without time or with unknown parameters",
        ));
    }
    let deadline = match options.max_seconds {
        Some(s) if s.is_nan() || s < 0.0 => {
            return Err(Error::invalid("max_seconds", s, "0 or a positive number"));
        }
        Some(s) => Duration::try_from_secs_f64(s)
            .ok()
            .and_then(|d| Instant::now().checked_add(d)),
        None => None,
    };
    let mut done: Vec<(f64, Outcome)> = Vec::new();
    let mut late = false;
    for k in 0..windows {
        let mut part = problem.clone();
        let (mut end, mut share) = (f64::INFINITY, deadline);
        if let (Some(axis), true) = (problem.time(), windows > 1) {
            let whole = problem.coordinates.get(axis).map_or([0.0; 2], |c| c.range);
            let at = |k: usize| whole[0] + (whole[1] - whole[0]) * k as f64 / windows as f64;
            let range = [at(k), at(k + 1)];
            end = range[1];
            if let Some(c) = part.coordinates.get_mut(axis) {
                c.range = range;
            }
            if let Some(r) = part.domain.ranges.get_mut(axis) {
                *r = range;
            }
            // What is left of the time is shared by the windows that are left.
            share = deadline.map(|d| {
                let now = Instant::now();
                now + d.saturating_duration_since(now) / (windows - k) as u32
            });
        }
        let outcome = train(&Job {
            problem: &part,
            before: done.last().map(|(_, o)| &o.trained),
            options,
            deadline: share,
            progress,
            window: (k, windows),
        })?;
        late |= outcome.late;
        done.push((end, outcome));
    }
    found(problem, done, late)
}

fn found(problem: &Problem, done: Vec<(f64, Outcome)>, late: bool) -> Result<Found> {
    let windows = done.len();
    let mut notes = Vec::new();
    let (mut iterations, mut converged, mut method) = (0, true, String::new());
    let mut parameters = Vec::new();
    let (mut ends, mut parts) = (Vec::new(), Vec::new());
    for (k, (end, outcome)) in done.into_iter().enumerate() {
        iterations += outcome.iterations;
        converged &= outcome.converged;
        if windows == 1 {
            notes.extend(outcome.notes);
        } else {
            let named = outcome.notes.into_iter();
            notes.extend(named.map(|n| format!("window {}: {n}", k + 1)));
        }
        method = outcome.method;
        parameters = problem
            .unknowns
            .iter()
            .zip(&outcome.unknowns)
            .map(|(u, v)| Parameter {
                name: u.name.clone(),
                value: v.0,
                std_error: v.1,
            })
            .collect();
        ends.push(end);
        parts.push(Representation::Network(outcome.trained));
    }
    if late {
        notes.push("stopped at max_seconds".into());
    }
    let representation = match (problem.time(), parts.len()) {
        (_, 1) => parts.remove(0),
        (Some(axis), 2..) => Representation::Pieces { axis, ends, parts },
        _ => {
            return Err(Error::Internal {
                message: "windows without time".into(),
            });
        }
    };
    if windows > 1 {
        method = format!("{method}, {windows} windows of time");
    }
    Ok(Found {
        representation,
        parameters,
        method,
        iterations,
        converged,
        notes,
        error: None,
        coarse: None,
    })
}
