//! The points of a round: those of the equations by the residual, those of conditions evenly.

use super::super::points::{Points, Sequence};
use super::super::problem::{Place, Problem};
use super::loss::Loss;
use super::rows::{Block, Plan};
use super::sample::{Causal, by_residual};
use super::train::Ground;
use crate::error::Result;
use crate::optim::Random;

/// Points of the pool that new points are drawn from, per point.
const POOL: usize = 5;

/// Share of evenly spread points: with little of it, steep parts that are not resolved yet draw all points (measured on
/// Burgers' equation: 4 leaves the false minimum in the fewest steps, 0 in the most).
const FLOOR: f64 = 4.0;

/// Where the points of a condition come from, if they are drawn, and the factors of its rows.
pub(super) struct Drawn {
    pub(super) place: Option<Place>,
    pub(super) factors: Vec<f64>,
}

/// A block of the equations with the same weight everywhere; of a symmetric problem on one half.
pub(super) fn plain(
    problem: &Problem,
    plan: &Plan<'_>,
    mut points: Points,
    factors: &[f64],
    open: Option<usize>,
) -> Result<Block> {
    if let Some((mirror, _)) = &plan.mirror {
        mirror.fold(&mut points);
    }
    let n = points.len();
    let root = (n.max(1) as f64).sqrt();
    let shares = contradicted(problem, &points, open);
    let share = |i: usize| {
        let shares = shares.as_ref();
        shares.map_or(1.0, |s| s.get(i).copied().unwrap_or(1.0))
    };
    let weights = factors
        .iter()
        .map(|f| (0..n).map(|i| share(i) * f / root).collect());
    let weights = weights.collect();
    let normals = Points::zeros(problem.coordinates.len(), n);
    plan.block(points, normals, weights)
}

/// Where the start contradicts the ends of the axis `open` a layer forms that is infinitely thin at first: rows count
/// little near it, lest it spoil all the rest. The factor of each point.
fn contradicted(problem: &Problem, points: &Points, open: Option<usize>) -> Option<Vec<f64>> {
    let (axis, time) = (open?, problem.time()?);
    let own = problem.coordinates.get(axis)?.range;
    let times = problem.coordinates.get(time)?.range;
    let each = points.column(axis).iter().zip(points.column(time));
    let share = |(x, t): (&f64, &f64)| {
        let end = (x - own[0]).min(own[1] - x) / (own[1] - own[0]);
        let after = (t - times[0]) / (times[1] - times[0]);
        (end / 0.05 + after).clamp(0.01, 1.0)
    };
    Some(each.map(share).collect())
}

/// New points of the equations, drawn by the residual from a larger pool, with weights.
pub(super) fn redraw_interior(
    ground: &Ground<'_>,
    loss: &mut Loss<'_>,
    points: usize,
    p: &[f64],
    sequence: &mut Sequence,
) -> Result<()> {
    let (problem, factors) = (ground.job.problem, &ground.factors);
    let options = &ground.job.options.network;
    let pool = problem.domain.interior(POOL * points, sequence)?;
    let Some(plan) = loss.plans.first() else {
        return Ok(());
    };
    let n = pool.len();
    let root = (n.max(1) as f64).sqrt();
    let ones: Vec<f64> = factors.iter().map(|f| f * root).collect();
    let pool = plain(problem, plan, pool, &ones, ground.open)?;
    if let Some(first) = loss.blocks.first_mut() {
        *first = pool;
    }
    let rows = loss.residuals(p, 0)?;
    let Some(pool) = loss.blocks.first() else {
        return Ok(());
    };
    let squares: Vec<f64> = (0..n)
        .map(|i| rows.iter().map(|r| r.get(i).map_or(0.0, |v| v * v)).sum())
        .collect();
    let mut sizes: Vec<f64> = squares.iter().map(|s| s.sqrt()).collect();
    let causal = match (options.causal, problem.time()) {
        (Some(epsilon), Some(axis)) if epsilon > 0.0 => {
            let range = problem.coordinates.get(axis).map_or([0.0; 2], |c| c.range);
            let times = pool.points.column(axis);
            Some((axis, Causal::new(range, times, &squares, epsilon)))
        }
        _ => None,
    };
    if let Some((axis, causal)) = &causal {
        for (s, t) in sizes.iter_mut().zip(pool.points.column(*axis)) {
            *s *= causal.at(*t);
        }
    }
    let shift = 0.5 + 0.5 * Random(p.first().map_or(0, |v| v.to_bits())).symmetric();
    let chosen = by_residual(&pool.points, &sizes, points, 1.0, FLOOR, shift);
    let Some(plan) = loss.plans.first() else {
        return Ok(());
    };
    let mut block = plain(problem, plan, chosen, factors, ground.open)?;
    if let Some((axis, causal)) = &causal {
        let times: Vec<f64> = block.points.column(*axis).to_vec();
        for weights in &mut block.weights {
            for (w, t) in weights.iter_mut().zip(&times) {
                *w *= causal.at(*t);
            }
        }
    }
    if let Some(first) = loss.blocks.first_mut() {
        *first = block;
    }
    Ok(())
}

pub(super) fn redraw_condition(
    loss: &mut Loss<'_>,
    problem: &Problem,
    k: usize,
    drawn: &Drawn,
    n: usize,
    sequence: &mut Sequence,
) -> Result<()> {
    let (Some(plan), Some(place)) = (loss.plans.get(k), &drawn.place) else {
        return Ok(());
    };
    let surface = problem.domain.on(place, n, sequence)?;
    let count = surface.points.len();
    let root = (count.max(1) as f64).sqrt();
    let weights = drawn
        .factors
        .iter()
        .map(|f| vec![f / root; count])
        .collect();
    let block = plan.block(surface.points, surface.normals, weights)?;
    if let Some(own) = loss.blocks.get_mut(k) {
        *own = block;
    }
    Ok(())
}
