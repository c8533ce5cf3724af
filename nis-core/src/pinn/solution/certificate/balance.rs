//! Balance of integrals over space: change against flux and source.

use super::super::super::points::Points;
use super::super::super::problem::{Problem, Residual, Role};
use super::super::Representation;
use super::Conservation;
use super::residuals::Sampled;
use crate::error::Result;
use crate::telemetry::Progress;

/// Cells of each axis, by the number of space axes, each with the Gauss points below.
const CELLS: [usize; 4] = [1, 24, 6, 3];
const TIME_CELLS: [usize; 4] = [1, 32, 12, 6];

/// Gauss-Legendre nodes and weights on [-1, 1], 5 points (Abramowitz and Stegun, table 25.4).
const NODES: [f64; 5] = [
    -0.906_179_845_938_664,
    -0.538_469_310_105_683_1,
    0.0,
    0.538_469_310_105_683_1,
    0.906_179_845_938_664,
];
const WEIGHTS: [f64; 5] = [
    0.236_926_885_056_189_08,
    0.478_628_670_499_366_47,
    0.568_888_888_888_888_9,
    0.478_628_670_499_366_47,
    0.236_926_885_056_189_08,
];

/// For every equation `c u_t = ...` of first order in time with a constant `c`: follows the integral of `u` over
/// space, and the integral of the rest of the equation over space and time. Empty where the domain is no box.
pub(super) fn measure(
    problem: &Problem,
    unknowns: &[f64],
    representation: &Representation,
    progress: &Progress<'_>,
) -> Result<Vec<Conservation>> {
    let space: Vec<usize> = (0..problem.coordinates.len())
        .filter(|k| {
            problem
                .coordinates
                .get(*k)
                .is_some_and(|c| c.role == Role::Space)
        })
        .collect();
    let Some(time) = problem.time() else {
        return Ok(Vec::new());
    };
    let others = problem.coordinates.len() - space.len() - 1;
    let box_like = problem.domain.is_box();
    let balanced: Vec<(&Residual, usize, f64)> = problem
        .equations
        .iter()
        .filter_map(|e| rate(problem, e, time).map(|(field, c)| (e, field, c)))
        .collect();
    let (Some(cells), Some(times)) = (CELLS.get(space.len()), TIME_CELLS.get(space.len())) else {
        return Ok(Vec::new());
    };
    if others > 0 || !box_like || space.is_empty() || balanced.is_empty() {
        return Ok(Vec::new());
    }
    let range = |axis: usize| problem.domain.ranges.get(axis).copied().unwrap_or_default();
    // Points of all space axes, with weights.
    let mut nodes = vec![(vec![0.0; problem.coordinates.len()], 1.0)];
    for axis in &space {
        let rule = gauss(range(*axis), *cells);
        nodes = nodes
            .iter()
            .flat_map(|(at, weight)| {
                rule.iter().map(move |(x, w)| {
                    let mut at = at.clone();
                    if let Some(place) = at.get_mut(*axis) {
                        *place = *x;
                    }
                    (at, weight * w)
                })
            })
            .collect();
    }
    let slab = |t: f64| -> Result<Sampled> {
        let mut points = Points::new(problem.coordinates.len());
        for (at, _) in &nodes {
            points.push(at.iter().copied());
        }
        points.column_mut(time).fill(t);
        Sampled::new(problem, representation, unknowns, &points, None)
    };
    let integral = |values: &[f64]| -> f64 {
        let weighted = values.iter().zip(&nodes).map(|(v, (_, w))| v * w);
        weighted.sum()
    };
    let [begin, end] = range(time);
    let step = (end - begin) / *times as f64;
    struct Track {
        first: f64,
        brought: f64,
        size: f64,
        drift: f64,
        change: f64,
    }
    let mut tracks: Vec<Track> = Vec::new();
    let grow = |a: f64, b: f64| if b > a || b.is_nan() { b } else { a };
    for k in 0..=*times {
        progress.check()?;
        let t = if k == *times {
            end
        } else {
            begin + k as f64 * step
        };
        let here = slab(t)?;
        for (i, (_, field, _)) in balanced.iter().enumerate() {
            let u = here.field(problem, *field)?;
            let now = integral(&u);
            let size = integral(&u.iter().map(|v| v.abs()).collect::<Vec<_>>());
            match tracks.get_mut(i) {
                Some(track) => {
                    track.size = grow(track.size, size);
                    let gained = now - track.first;
                    track.drift = grow(track.drift, (gained - track.brought).abs());
                    track.change = grow(track.change, gained.abs());
                }
                None => tracks.push(Track {
                    first: now,
                    brought: 0.0,
                    size,
                    drift: 0.0,
                    change: 0.0,
                }),
            }
        }
        if k == *times {
            break;
        }
        for (t, weight) in gauss([t, t + step], 1) {
            let here = slab(t)?;
            for ((residual, field, c), track) in balanced.iter().zip(&mut tracks) {
                // R = c u_t + rest, so that -rest/c = u_t - R/c is what flux and source bring.
                let r = here.evaluate(&residual.value)?;
                let rate = here.rate(problem, *field, time)?;
                let brought: Vec<f64> = rate.iter().zip(r).map(|(u, r)| u - r / c).collect();
                track.brought += weight * integral(&brought);
            }
        }
    }
    Ok(balanced
        .iter()
        .zip(tracks)
        .map(|((residual, field, _), track)| Conservation {
            text: residual.text.clone(),
            field: problem.fields.get(*field).cloned().unwrap_or_default(),
            drift: super::over(track.drift, track.size),
            change: super::over(track.change, track.size),
            method: format!(
                "Gauss quadrature, {} points of space at {} times",
                nodes.len(),
                times * NODES.len()
            ),
        })
        .collect())
}

/// The field and the factor of its first derivative by time, where that is all there is of time in the equation
/// and the field itself is a jet of the problem.
fn rate(problem: &Problem, residual: &Residual, time: usize) -> Option<(usize, f64)> {
    let mut found = None;
    for (k, slope) in &residual.by_jet {
        let jet = problem.jets.get(*k)?;
        if jet.order.get(time).copied().unwrap_or(0) == 0 {
            continue;
        }
        let first = jet.order.iter().map(|n| u32::from(*n)).sum::<u32>() == 1;
        if found.is_some() || !first {
            return None;
        }
        let numbers = vec![0.5; slope.arguments()];
        let others = vec![0.7; slope.arguments()];
        let (a, b) = (
            slope.evaluate_point(&numbers),
            slope.evaluate_point(&others),
        );
        if a != b || a == 0.0 || !a.is_finite() {
            return None;
        }
        found = Some((jet.field, a));
    }
    found
}

/// Gauss points of equal cells, with weights.
fn gauss([low, high]: [f64; 2], cells: usize) -> Vec<(f64, f64)> {
    let h = (high - low) / cells as f64;
    let mut out = Vec::with_capacity(cells * NODES.len());
    for cell in 0..cells {
        let middle = low + (cell as f64 + 0.5) * h;
        out.extend(
            NODES
                .iter()
                .zip(WEIGHTS)
                .map(|(x, w)| (middle + 0.5 * h * x, 0.5 * h * w)),
        );
    }
    out
}
