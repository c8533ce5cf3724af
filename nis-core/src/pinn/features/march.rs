//! Evolution in one space dimension, slab after slab of time: in every slab the space is cut into pieces with
//! polynomials of fixed degree, halved where the solution is not resolved and joined again where it is easy.
//!
//! The slabs are a discretisation in space and time by least squares (Bochev and Gunzburger, Least-Squares Finite
//! Element Methods, 2009, chapter 9), with collocation instead of integrals.

use std::time::Instant;

use super::super::points::Points;
use super::super::problem::{Place, Problem};
use super::super::solution::Representation;
use super::super::solve::SolveOptions;
use super::Expansion;
use super::slab::{Slab, Solved};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Pieces of space in a slab at most.
const PIECES: usize = 160;

/// Attempts at slabs at most.
const ATTEMPTS: usize = 6000;

/// Where the march ended.
pub(super) struct Marched {
    pub(super) representation: Representation,
    pub(super) slabs: usize,
    pub(super) pieces: usize,
    pub(super) iterations: usize,
    /// Why it ended early, where it did.
    pub(super) short: Option<String>,
}

/// Whether a problem can be marched: a box of one space coordinate and time, with conditions at the start and at the
/// ends of space.
pub(super) fn applies(problem: &Problem) -> bool {
    let box_in_time = problem.domain.is_box()
        && problem.coordinates.len() == 2
        && problem.time() == Some(1)
        && problem.unknowns.is_empty()
        && problem.spec.data.is_none()
        && problem.highest(1) > 0;
    let [start, _] = problem.domain.ranges.get(1).copied().unwrap_or([0.0; 2]);
    let ends = problem.domain.ranges.first().copied().unwrap_or([0.0; 2]);
    box_in_time
        && problem.conditions.iter().all(|c| match &c.place {
            Place::Face { axis: 1, value } => *value == start,
            Place::Face { axis: 0, value } => ends.contains(value),
            Place::Periodic { axis } => *axis == 0,
            _ => false,
        })
}

/// Cuts every marked piece in two.
fn halved(edges: &[f64], marked: &[bool]) -> Vec<f64> {
    let mut out = Vec::new();
    for (k, edge) in edges.iter().enumerate() {
        out.push(*edge);
        if let (true, Some(next)) = (marked.get(k) == Some(&true), edges.get(k + 1)) {
            out.push(0.5 * (edge + next));
        }
    }
    out
}

/// Joins neighbours that halving made, where both are easy.
fn joined(edges: &[f64], easy: &[bool], [low, high]: [f64; 2]) -> Vec<f64> {
    let mut out = vec![low];
    let mut k = 0;
    while k + 1 < edges.len() {
        let width = edges[k + 1] - edges[k];
        let twin = k + 2 < edges.len() && {
            let other = edges[k + 2] - edges[k + 1];
            let place = (edges[k] - low) / (2.0 * width);
            (other - width).abs() < 1e-6 * width
                && (place - place.round()).abs() < 1e-6
                && 2.0 * width <= (high - low) / 3.0
        };
        if twin && easy[k] && easy[k + 1] {
            out.push(edges[k + 2]);
            k += 2;
        } else {
            out.push(edges[k + 1]);
            k += 1;
        }
    }
    out
}

/// Solves slab after slab; what the highest polynomials hold decides on the widths.
pub(super) fn march(
    problem: &Problem,
    options: &SolveOptions,
    started: Instant,
    progress: &Progress<'_>,
) -> Result<Marched> {
    let ([low, high], [first, last]) = match problem.domain.ranges.as_slice() {
        [x, t] => (*x, *t),
        _ => {
            return Err(Error::Internal {
                message: "marching needs space and time".into(),
            });
        }
    };
    let wanted = (TAIL * options.tolerance).max(1e-13);
    let finest = 1e-7 * (high - low);
    let mut edges: Vec<f64> = (0..=4)
        .map(|k| low + (high - low) * f64::from(k) / 4.0)
        .collect();
    let mut width = (last - first) / 16.0;
    let (mut at, mut before): (f64, Option<Solved>) = (first, None);
    let (mut ends, mut parts) = (Vec::new(), Vec::new());
    let (mut iterations, mut attempts, mut most, mut held) = (0, 0, 0, 0);
    let short = loop {
        let left = last - at;
        if left <= 1e-12 * (last - first) {
            break None;
        }
        let end = if left < 1.2 * width { last } else { at + width };
        attempts += 1;
        let limit = options.max_seconds.unwrap_or(f64::INFINITY);
        if attempts > ATTEMPTS || started.elapsed().as_secs_f64() > limit {
            break Some(format!("{attempts} attempts at slabs"));
        }
        let message = format!("{} pieces, t = {at:.6}", edges.len() - 1);
        let share = (1000.0 * (at - first) / (last - first)) as u64;
        progress.report("march", share, 1000, &message)?;
        let slab = Slab::new(problem, &edges, [at, end], before.as_ref(), progress)?;
        let solved = match slab.solve(progress) {
            Ok(solved) => solved,
            Err(Error::Numerical { reason, .. }) => {
                width = 0.4 * (end - at);
                if width < 1e-12 * (last - first) {
                    break Some(format!("no step is small enough: {reason}"));
                }
                continue;
            }
            Err(e) => return Err(e),
        };
        iterations += solved.iterations;
        let smallest = end - at <= 1e-11 * (last - first);
        let (across, along) = (&solved.across, solved.along);
        if !smallest && (!solved.settled || along > 100.0 * wanted) {
            width = (end - at) * if solved.settled { 0.5 } else { 0.35 };
            continue;
        }
        let marked: Vec<bool> = across
            .iter()
            .zip(edges.windows(2))
            .map(|(tail, e)| *tail > wanted && e[1] - e[0] > finest)
            .collect();
        let finer = halved(&edges, &marked);
        if finer.len() > edges.len() && finer.len() <= PIECES + 1 {
            edges = finer;
            continue;
        }
        if !smallest && along > wanted {
            width = (end - at) * (wanted / along).powf(1.0 / 6.0).clamp(0.3, 0.8);
            continue;
        }
        most = most.max(edges.len() - 1);
        held += (edges.len() - 1) * (8 * solved.functions() + 200);
        if held as u64 > options.features.memory {
            break Some(format!("the slabs take {held} bytes, over features.memory"));
        }
        ends.push(end);
        parts.push(piece(&edges, &solved));
        let easy: Vec<bool> = across.iter().map(|t| *t < 1e-4 * wanted).collect();
        edges = joined(&edges, &easy, [low, high]);
        width = (end - at) * (wanted / along.max(1e-300)).powf(1.0 / 7.0).clamp(0.5, 2.5) * 0.9;
        at = end;
        before = Some(solved);
    };
    if parts.is_empty() {
        return Err(Error::numerical(
            "marching",
            short.unwrap_or_else(|| "no slab".into()),
        ));
    }
    Ok(Marched {
        slabs: parts.len(),
        representation: Representation::Pieces {
            axis: 1,
            ends,
            parts,
        },
        pieces: most,
        iterations,
        short,
    })
}

/// Tails of the coefficients that are accepted, as a share of the tolerance.
const TAIL: f64 = 0.01;

fn piece(edges: &[f64], solved: &Solved) -> Representation {
    let parts = solved.bases.iter().zip(&solved.states);
    Representation::Pieces {
        axis: 0,
        ends: edges[1..].to_vec(),
        parts: parts
            .map(|(basis, state)| {
                Representation::Features(Expansion {
                    basis: basis.clone(),
                    coefficients: state.coefficients.clone(),
                })
            })
            .collect(),
    }
}

/// Derivatives of the fields by pieces, for the judge.
pub(super) fn evaluate(
    representation: &Representation,
    fields: usize,
    orders: &[&[u8]],
    points: &Points,
) -> Result<Vec<Vec<Vec<f64>>>> {
    let mut out = Vec::new();
    for field in 0..fields {
        let jets: Vec<super::Jet> = orders
            .iter()
            .map(|o| super::Jet {
                field,
                order: o.to_vec(),
            })
            .collect();
        let mut values = vec![Vec::new(); jets.len()];
        representation.jets(&jets, points, &mut values)?;
        out.push(values);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_halved_and_joined() {
        let edges = [0.0, 1.0, 2.0, 3.0, 4.0];
        let finer = halved(&edges, &[false, true, false, false]);
        assert_eq!(finer, [0.0, 1.0, 1.5, 2.0, 3.0, 4.0]);
        let easy = [true, true, true, true, true];
        assert_eq!(joined(&finer, &easy, [0.0, 4.0]), edges);
        let hard = [true, true, false, true, true];
        assert_eq!(joined(&finer, &hard, [0.0, 4.0]), finer);
    }
}
