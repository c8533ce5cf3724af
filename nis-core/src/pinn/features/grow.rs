//! Polynomials (waves along periodic axes) whose degrees grow, axis by axis, until the residual is small.

use std::time::Instant;

use super::super::problem::Problem;
use super::super::solve::SolveOptions;
use super::attempt::{Attempt, attempt, fits, prolonged};
use super::basis::{Basis, Block, members, tensor};
use super::judge::Judge;
use super::rows::{Rows, State};
use super::sets::{measurements, on_grids, periodic, spread};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Columns of the least-squares system at most: where every step of Newton's method has to solve one, and where not.
pub(super) const COLUMNS: [usize; 2] = [1500, 2400];

/// The same on an axis alone.
const LINE: usize = 400;

/// Residuals below which growth that gains nothing is at the rounding error.
const SMALL: f64 = 1e-5;

/// Where the growth ends, and what was found.
pub(super) struct Grown {
    pub(super) best: Attempt,
    /// An earlier level with a residual at least 5 times larger, to learn from it how residual and error go together.
    pub(super) coarse: Option<Attempt>,
    pub(super) sizes: Vec<usize>,
    pub(super) levels: usize,
    pub(super) why: String,
}

/// Functions per axis to begin with.
pub(super) fn first(problem: &Problem) -> Vec<usize> {
    let d = problem.coordinates.len();
    let n = match d {
        1 => 16,
        2 => 10,
        3 => 7,
        _ => 5,
    };
    vec![n; d]
}

/// Rows for polynomials of these sizes.
pub(super) fn rows(
    problem: &Problem,
    basis: &Basis,
    sizes: &[usize],
    seed: u64,
) -> Result<Vec<Rows>> {
    let d = sizes.len();
    let is_box = problem.domain.is_box();
    if is_box && d <= 2 {
        let more: Vec<usize> = sizes.iter().map(|n| n + 2).collect();
        return on_grids(problem, &more);
    }
    let most = sizes.iter().max().copied().unwrap_or(1);
    let inside = 2 * basis.len();
    let edge = match d {
        1 => 1,
        2 => 12 * most,
        _ => (basis.len() / 2).max(2 * most),
    };
    let mut sets = spread(problem, inside, edge, seed)?;
    measurements(problem, &mut sets)?;
    Ok(sets)
}

/// The share of the coefficients that the highest functions of every axis hold, the largest over the fields.
pub(super) fn tails(basis: &Basis, state: &State, sizes: &[usize]) -> Vec<f64> {
    let mut tails = vec![0.0f64; sizes.len()];
    let Some(Block::Tensor(axes)) = basis.blocks.first() else {
        return tails;
    };
    let members = members(axes);
    for coefficients in &state.coefficients {
        let own = coefficients.iter().take(members.len());
        let largest = own.clone().fold(0.0, |m: f64, c| m.max(c.abs()));
        for (numbers, c) in members.iter().zip(own) {
            for (axis, k) in numbers.iter().enumerate() {
                let share = if largest > 0.0 {
                    c.abs() / largest
                } else {
                    0.0
                };
                if k + 3 >= axes[axis].size && share > tails[axis] {
                    tails[axis] = share;
                }
            }
        }
    }
    tails
}

/// Solves with growing degrees, up to `most` unknowns; `extra` blocks stand beside the polynomials and stay as they are.
pub(super) fn grow(
    problem: &Problem,
    options: &SolveOptions,
    extra: &[Block],
    most: usize,
    judge: &Judge,
    started: Instant,
    progress: &Progress<'_>,
) -> Result<Grown> {
    let round = periodic(problem);
    let mut sizes = first(problem);
    let fixed = options.features.count;
    if let Some(count) = fixed {
        sizes = of_count(count, &round);
    }
    let most = match problem.coordinates.len() {
        1 => most.min(LINE * problem.fields.len()),
        _ => most,
    };
    let mut best: Option<(Attempt, Vec<usize>)> = None;
    let mut coarse: Option<Attempt> = None;
    let mut last: Option<Attempt> = None;
    let (mut levels, mut idle) = (0, 0);
    let why = loop {
        let mut blocks = vec![tensor(&sizes, &round)];
        blocks.extend_from_slice(extra);
        let basis = Basis {
            ranges: problem.domain.ranges.clone(),
            blocks,
        };
        let columns = basis.len() * problem.fields.len() + problem.unknowns.len();
        if columns > most && fixed.is_none() && best.is_some() {
            break format!("the next degrees would take {columns} unknowns, over {most}");
        }
        let sets = rows(problem, &basis, &sizes, options.seed)?;
        match fits(problem, &options.features, &sets, basis.len()) {
            Err(e) if fixed.is_some() || best.is_none() => return Err(e),
            Err(e) => break e.to_string(),
            Ok(()) => {}
        }
        let start = match &last {
            Some(a) => prolonged(&a.basis, &a.state, &basis),
            None => State::zero(problem, basis.len()),
        };
        let patience = if levels == 0 || last.as_ref().is_some_and(|a| a.residual > 0.1) {
            30
        } else {
            8
        };
        levels += 1;
        let now = attempt(problem, basis, sets, &start, judge, patience, progress)?;
        let message = format!("degrees {}: residual {:.2e}", words(&sizes), now.residual);
        progress.report("features", levels as u64, 0, &message)?;
        let gained = best
            .as_ref()
            .is_none_or(|(b, _)| now.residual < 0.5 * b.residual);
        idle = if gained { 0 } else { idle + 1 };
        let tails = tails(&now.basis, &now.state, &sizes);
        if best.as_ref().is_none_or(|(b, _)| now.residual < b.residual) {
            let old = best.replace((now.clone(), sizes.clone()));
            coarse = old
                .map(|(old, _)| old)
                .filter(|old| old.residual > 5.0 * now.residual)
                .or(coarse);
        }
        if now.residual <= options.tolerance {
            break "the residual is within the tolerance".into();
        }
        if fixed.is_some() {
            break "the number of features is given".into();
        }
        let small = best.as_ref().is_some_and(|(b, _)| b.residual < SMALL);
        let patient = if problem.is_linear() { 5 } else { 3 };
        if idle >= 2 && (small || idle >= patient) {
            break "higher degrees gain nothing".into();
        }
        if let Some(limit) = options.max_seconds
            && started.elapsed().as_secs_f64() > limit
        {
            break format!("{limit} s have passed");
        }
        // Grow the axes that are the least resolved.
        let factor = if now.residual > 1e-2 { 1.4 } else { 1.25 };
        sizes = grown_sizes(&sizes, &tails, factor);
        // A state that is no solution is a poor start for the next level of a nonlinear problem.
        let usable = now.residual < 0.9 || problem.is_linear();
        last = usable.then_some(now);
    };
    let (best, sizes) = best.ok_or_else(|| Error::Internal {
        message: "no attempt was made".into(),
    })?;
    Ok(Grown {
        best,
        coarse,
        sizes,
        levels,
        why,
    })
}

/// Larger sizes along the axes whose tails are not far below the largest.
pub(super) fn grown_sizes(sizes: &[usize], tails: &[f64], factor: f64) -> Vec<usize> {
    let highest = tails.iter().fold(0.0, |m: f64, t| m.max(*t));
    let one = |(k, size): (usize, &usize)| {
        let tail = tails.get(k).copied().unwrap_or(highest);
        if tail >= 0.01 * highest || highest == 0.0 {
            ((*size as f64 * factor).ceil() as usize).max(size + 1)
        } else {
            *size
        }
    };
    sizes.iter().enumerate().map(one).collect()
}

/// The sizes, the same along every axis, with at most this many functions.
fn of_count(count: usize, round: &[bool]) -> Vec<usize> {
    let mut n = 1;
    while n < count {
        let block = tensor(&vec![n + 1; round.len()], round);
        if block.len() > count {
            break;
        }
        n += 1;
    }
    vec![n; round.len()]
}

/// `12 x 17`.
pub(super) fn words(sizes: &[usize]) -> String {
    let all: Vec<String> = sizes.iter().map(usize::to_string).collect();
    all.join(" x ")
}
