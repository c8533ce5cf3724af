//! One basis, one set of rows, one solution, judged.

use super::super::Parameter;
use super::super::problem::Problem;
use super::FeatureOptions;
use super::basis::{Basis, Block, members};
use super::judge::Judge;
use super::newton::{Reached, continued, gauss_newton, linear};
use super::rows::{Rows, Says, State, System};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Conditions weigh this much more than equations, once the rows of both have norm one.
pub(super) const STRENGTH: f64 = 10.0;

/// Measurements weigh this much, one after the other: first enough to lead the parameters, then so little that the
/// equations hold and the scatter stays in the measurements.
const DATA: [f64; 4] = [1e-2, 1e-5, 1e-7, 1e-9];

/// A solution and how it was come by.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) basis: Basis,
    pub(super) state: State,
    /// Relative residual on fresh points.
    pub(super) residual: f64,
    pub(super) iterations: usize,
    pub(super) parameters: Vec<Parameter>,
    /// Independent functions less functions: 0 where the solution is the only one.
    pub(super) dependent: usize,
}

/// Bytes that a system of this size takes: the functions at the points, the Jacobian, its factors.
fn bytes(problem: &Problem, rows: &[Rows], functions: usize) -> u64 {
    let mut orders: Vec<&[u8]> = problem.jets.iter().map(|j| j.order.as_slice()).collect();
    orders.sort_unstable();
    orders.dedup();
    let rows: usize = rows.iter().map(|r| r.points.len()).sum();
    let columns = functions * problem.fields.len() + problem.unknowns.len();
    let numbers = rows as u64 * (3 * columns as u64 + (orders.len() * functions) as u64);
    8 * numbers
}

/// Whether a system fits in the memory allowed.
pub(super) fn fits(
    problem: &Problem,
    options: &FeatureOptions,
    rows: &[Rows],
    functions: usize,
) -> Result<()> {
    let need = bytes(problem, rows, functions);
    if need > options.memory {
        return Err(Error::Limit {
            what: "memory of the features, in bytes".into(),
            limit: options.memory,
            got: need,
        });
    }
    Ok(())
}

/// Solves over a basis from a start, and judges.
pub(super) fn attempt(
    problem: &Problem,
    basis: Basis,
    sets: Vec<Rows>,
    start: &State,
    judge: &Judge,
    patience: usize,
    progress: &Progress<'_>,
) -> Result<Attempt> {
    let mut system = System::new(problem, basis, sets, progress)?;
    let measured = problem.spec.data.is_some();
    let weights: &[f64] = if measured { &DATA } else { &[1.0] };
    let mut start = start.clone();
    let mut iterations = 0;
    let mut last = None;
    for data in weights {
        system.balance(&start, STRENGTH, *data)?;
        let reached = if problem.is_linear() {
            linear(&system, &start, progress)?
        } else {
            nonlinear(&system, &start, patience, progress)?
        };
        iterations += reached.iterations;
        start = reached.state.clone();
        last = Some(reached);
    }
    let reached = last.ok_or_else(|| Error::Internal {
        message: "no weights".into(),
    })?;
    let residual = judge.residual(problem, &reached.state, |orders, points| {
        system
            .basis
            .sums(&reached.state.coefficients, orders, points)
    })?;
    let parameters = parameters(&system, &reached)?;
    let dependent = match &reached.factored {
        Some(f) => system.columns() - f.rank,
        None => 0,
    };
    Ok(Attempt {
        basis: system.basis,
        state: reached.state,
        residual,
        iterations,
        parameters,
        dependent,
    })
}

fn nonlinear(
    system: &System<'_>,
    start: &State,
    patience: usize,
    progress: &Progress<'_>,
) -> Result<Reached> {
    let before = system.residual(start)?;
    let size = before.iter().map(|v| v * v).sum::<f64>().sqrt();
    let direct = gauss_newton(system, start.clone(), &[], patience, progress)?;
    // Stuck near the start: come from a problem that the start solves.
    if direct.norm > 0.1 * size && patience > 10 && size > 1e-3 {
        let other = continued(system, start, 4 * patience, progress)?;
        if other.norm < direct.norm {
            return Ok(other);
        }
    }
    Ok(direct)
}

/// The unknown parameters with standard errors from the scatter of the measurements.
fn parameters(system: &System<'_>, reached: &Reached) -> Result<Vec<Parameter>> {
    let problem = system.problem;
    let n = problem.fields.len() * system.basis.len();
    let (mut sum, mut count) = (0.0, 0usize);
    for set in &system.sets {
        if matches!(set.says, Says::Data { .. }) {
            let values = set.values(problem, &Vec::new(), &reached.state)?;
            sum += values.iter().map(|v| (v * set.weight).powi(2)).sum::<f64>();
            count += values.len();
        }
    }
    let free = count.checked_sub(problem.unknowns.len()).filter(|f| *f > 0);
    Ok(problem
        .unknowns
        .iter()
        .zip(&reached.state.parameters)
        .enumerate()
        .map(|(k, (unknown, value))| Parameter {
            name: unknown.name.clone(),
            value: *value,
            std_error: (|| {
                let variance = reached.factored.as_ref()?.variance(n + k)?;
                Some((sum / free? as f64 * variance).sqrt()).filter(|s| s.is_finite())
            })(),
        })
        .collect())
}

/// The parameters of a state, without errors.
pub(super) fn plain(problem: &Problem, state: &State) -> Vec<Parameter> {
    let all = problem.unknowns.iter().zip(&state.parameters);
    all.map(|(unknown, value)| Parameter {
        name: unknown.name.clone(),
        value: *value,
        std_error: None,
    })
    .collect()
}

/// Coefficients of a state in a basis whose polynomials have other degrees; other blocks must be the same.
pub(super) fn prolonged(from: &Basis, state: &State, to: &Basis) -> State {
    let mut next = State {
        coefficients: vec![vec![0.0; to.len()]; state.coefficients.len()],
        parameters: state.parameters.clone(),
    };
    let (mut first_from, mut first_to) = (0, 0);
    for (a, b) in from.blocks.iter().zip(&to.blocks) {
        let pairs: Vec<(usize, usize)> = match (a, b) {
            (Block::Tensor(a), Block::Tensor(b)) => {
                let (old, new) = (members(a), members(b));
                let places: std::collections::HashMap<&[usize], usize> = new
                    .iter()
                    .enumerate()
                    .map(|(k, m)| (m.as_slice(), k))
                    .collect();
                old.iter()
                    .enumerate()
                    .filter_map(|(k, m)| Some((k, *places.get(m.as_slice())?)))
                    .collect()
            }
            _ if a == b => (0..a.len()).map(|k| (k, k)).collect(),
            _ => Vec::new(),
        };
        for (old, new) in state.coefficients.iter().zip(&mut next.coefficients) {
            for (i, j) in &pairs {
                if let (Some(v), Some(place)) = (old.get(first_from + i), new.get_mut(first_to + j))
                {
                    *place = *v;
                }
            }
        }
        first_from += a.len();
        first_to += b.len();
    }
    next
}
