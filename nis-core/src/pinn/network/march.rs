//! Windows of time, solved one after the other.

use std::time::{Duration, Instant};

use super::super::Parameter;
use super::super::points::Sequence;
use super::super::problem::{Jet, Place, Problem};
use super::super::solution::Representation;
use super::super::solve::{Found, SolveOptions};
use super::lift::{Lifting, Lifts};
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
        None => windows(problem)?,
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

/// Windows of time: 1, or so many that a reaction (what is left of an equation without derivatives) grows by about
/// `exp(4)` in each. All of time at once has false minima in which the solution stays at an unstable state.
fn windows(problem: &Problem) -> Result<usize> {
    let (Some(time), true) = (problem.time(), problem.unknowns.is_empty()) else {
        return Ok(1);
    };
    if problem.spec.data.is_some() || problem.equations.iter().all(|e| e.linear) {
        return Ok(1);
    }
    let range = problem.coordinates.get(time).map_or([0.0; 2], |c| c.range);
    let lifts = setup::wrapped(problem, false)?;
    let lifts = match problem.conditions.iter().find_map(|c| match c.place {
        Place::Periodic { axis } => Some(axis),
        _ => None,
    }) {
        Some(axis) => Lifts::new(problem, false, Some(axis))?,
        None => lifts,
    };
    let dimensions = problem.coordinates.len();
    let zero = |field: usize| Jet {
        field,
        order: vec![0; dimensions],
    };
    let own: Vec<Jet> = (0..problem.fields.len()).map(zero).collect();
    let mut sequence = Sequence::new(dimensions, 3);
    let inside = problem.domain.interior(256, &mut sequence)?;
    let base = Lifting::new(problem, &lifts.fields, &own)?.at(&inside)?;
    let mut rate = 0.0f64;
    for i in 0..inside.len() {
        let mut arguments: Vec<f64> = inside
            .columns()
            .map(|c| c.get(i).copied().unwrap_or(f64::NAN))
            .collect();
        arguments.extend(problem.jets.iter().map(|jet| {
            let value = jet.order.iter().all(|o| *o == 0);
            let base = base.base.get(jet.field).and_then(|b| b.get(i));
            base.copied().filter(|_| value).unwrap_or(0.0)
        }));
        arguments.resize(arguments.len() + dimensions, 0.0);
        for equation in &problem.equations {
            let (mut by_value, mut by_time) = (0.0f64, 0.0f64);
            for (jet, program) in &equation.by_jet {
                let Some(jet) = problem.jets.get(*jet) else {
                    continue;
                };
                let slope = program.evaluate_point(&arguments).abs();
                let total: u32 = jet.order.iter().map(|o| u32::from(*o)).sum();
                if total == 0 {
                    by_value = by_value.max(slope);
                } else if total == 1 && jet.order.get(time) == Some(&1) {
                    by_time = by_time.max(slope);
                }
            }
            if by_time > 0.0 {
                rate = rate.max(by_value / by_time);
            }
        }
    }
    let growth = rate * (range[1] - range[0]) / 4.0;
    Ok(if growth.is_finite() {
        (growth.ceil() as usize).clamp(1, 8)
    } else {
        1
    })
}
