//! Steady eigenproblems: `L u = lambda M u` with homogeneous conditions.
//!
//! At the coarsest level the functions are made orthonormal on the domain, the conditions are met by staying in the
//! null space of their rows, and the equations become a small matrix whose eigenvalues are candidates (the projection
//! of Driscoll and Hale, IMA J. Numer. Anal. 36 (2016) 108, with least squares in place of resampling). The chosen one
//! is then followed by Newton's method on the eigenvalue and the function together (Peters and Wilkinson, SIAM Review
//! 21 (1979) 339), through growing degrees.

use std::time::Instant;

use faer::Mat;
use faer::linalg::solvers::{ColPivQr, SolveLstsqCore};

use super::super::problem::{ParameterSpec, Problem};
use super::super::solve::SolveOptions;
use super::attempt::{Attempt, STRENGTH, fits, prolonged};
use super::basis::{Basis, Block, tensor};
use super::grow::{first, grown_sizes, rows, tails};
use super::judge::Judge;
use super::linear::Factored;
use super::rows::{Says, State, System};
use super::sets::periodic;
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Directions of the functions on the domain that are left out of the small matrix, as a share of the largest.
const CUT: f64 = 1e-9;

/// Candidates that are followed, and those that are named.
const FOLLOWED: usize = 6;
const NAMED: usize = 5;

/// Columns at most.
const COLUMNS: usize = 1600;

/// What was found.
pub(super) struct Eigen {
    pub(super) best: Attempt,
    pub(super) sizes: Vec<usize>,
    pub(super) notes: Vec<String>,
}

/// Rows of equations and of conditions, at an eigenvalue.
fn split(system: &System<'_>, matrix: &Mat<f64>, columns: usize) -> (Mat<f64>, Mat<f64>) {
    let mut which = Vec::new();
    for set in &system.sets {
        let equation = matches!(set.says, Says::Equation(_));
        which.extend(std::iter::repeat_n(equation, set.points.len()));
    }
    let part = |equation: bool| {
        let own: Vec<usize> = (0..which.len()).filter(|i| which[*i] == equation).collect();
        Mat::from_fn(own.len(), columns, |i, j| matrix[(own[i], j)])
    };
    (part(true), part(false))
}

/// Candidates `(lambda, coefficients)`, nearest to `near` first.
fn candidates(system: &System<'_>, near: f64) -> Result<Vec<(f64, Vec<f64>)>> {
    let n = system.basis.len() * system.problem.fields.len();
    let mut state = State::zero(system.problem, system.basis.len());
    let mut at = |lambda: f64| {
        state.parameters = vec![lambda];
        system.jacobian(&state)
    };
    let (zero, one, two) = (at(0.0)?, at(1.0)?, at(2.0)?);
    let curved = Mat::from_fn(zero.nrows(), n, |i, j| {
        zero[(i, j)] - 2.0 * one[(i, j)] + two[(i, j)]
    });
    let slope = Mat::from_fn(zero.nrows(), n, |i, j| one[(i, j)] - zero[(i, j)]);
    if !zero.is_all_finite() || !slope.is_all_finite() {
        return Err(Error::numerical(
            "eigenproblem",
            "the equations are not finite at some point",
        ));
    }
    if curved.norm_max() > 1e-9 * (one.norm_max() + two.norm_max()) {
        return Err(Error::unavailable(
            "eigenproblem",
            "only equations linear in the eigenvalue are solved",
        ));
    }
    let (l, edge) = split(system, &zero, n);
    let (m, _) = split(system, &slope, n);
    // The functions, orthonormal at the points where `m` sees them.
    let qr = ColPivQr::new(m.as_ref());
    let r = qr.thin_R();
    let size = r.nrows();
    let rank = (0..size)
        .find(|k| r[(*k, *k)].abs() <= CUT * r[(0, 0)].abs())
        .unwrap_or(size);
    if rank == 0 {
        return Err(Error::numerical(
            "eigenproblem",
            "the eigenvalue multiplies nothing",
        ));
    }
    let (forward, _) = qr.P().arrays();
    let mut inverse = Mat::<f64>::identity(rank, rank);
    faer::linalg::triangular_solve::solve_upper_triangular_in_place(
        r.submatrix(0, 0, rank, rank),
        inverse.as_mut(),
        faer::Par::Seq,
    );
    let mut change = Mat::<f64>::zeros(n, rank);
    for j in 0..rank {
        for i in 0..=j {
            change[(forward[i], j)] = inverse[(i, j)];
        }
    }
    let (l, m, edge) = (&l * &change, &m * &change, &edge * &change);
    // The null space of the conditions.
    let qr = ColPivQr::new(edge.transpose());
    let r = qr.thin_R();
    let size = r.nrows().min(r.ncols());
    let held = (0..size)
        .find(|k| r[(*k, *k)].abs() <= CUT * r[(0, 0)].abs())
        .unwrap_or(size);
    if held >= rank {
        return Ok(Vec::new());
    }
    let q = qr.compute_Q();
    let free = q.submatrix(0, held, rank, rank - held);
    let (l, m) = (&l * free, &m * free);
    // -M z = L z / lambda: the least-squares solution of M G = -L has the eigenvalues.
    let mut g = &l * -1.0;
    ColPivQr::new(m.as_ref()).solve_lstsq_in_place_with_conj(faer::Conj::No, g.as_mut());
    let g = g.submatrix(0, 0, m.ncols(), m.ncols()).to_owned();
    let failed = |_| Error::numerical("eigenproblem", "the small matrix has no eigenvalues");
    let eigen = g.eigen().map_err(failed)?;
    let values = eigen.S().column_vector();
    let mut found: Vec<(f64, usize)> = (0..values.nrows())
        .map(|k| (values[k], k))
        .filter(|(v, _)| v.re.is_finite() && v.im.abs() <= 1e-4 * v.re.abs())
        .map(|(v, k)| (v.re, k))
        .collect();
    found.sort_by(|a, b| (a.0 - near).abs().total_cmp(&(b.0 - near).abs()));
    let vectors = eigen.U();
    Ok(found
        .into_iter()
        .take(FOLLOWED + NAMED)
        .map(|(lambda, k)| {
            // A complex multiple of a real vector: turned by its largest component.
            let column: Vec<_> = (0..vectors.nrows()).map(|i| vectors[(i, k)]).collect();
            let largest =
                column.iter().fold(
                    column[0],
                    |a, b| if b.norm_sqr() > a.norm_sqr() { *b } else { a },
                );
            let z = Mat::from_fn(column.len(), 1, |i, _| (column[i] / largest).re);
            let c = &change * (free * &z);
            (lambda, (0..n).map(|i| c[(i, 0)]).collect())
        })
        .collect())
}

/// Newton's method on function and eigenvalue; the function keeps its length along the start.
fn follow(system: &System<'_>, start: State, progress: &Progress<'_>) -> Result<(State, usize)> {
    let mut state = start;
    let n = system.basis.len() * system.problem.fields.len();
    let flat = |state: &State| -> Vec<f64> { state.coefficients.concat() };
    let mut iterations = 0;
    for _ in 0..8 {
        progress.check()?;
        let along = flat(&state);
        let length = along.iter().map(|v| v * v).sum::<f64>();
        if length.is_nan() || length <= 0.0 {
            break;
        }
        let jacobian = system.jacobian(&state)?;
        let mut residual = system.residual(&state)?;
        let before = residual.iter().map(|v| v * v).sum::<f64>();
        let rows = jacobian.nrows();
        let matrix = Mat::from_fn(rows + 1, jacobian.ncols(), |i, j| {
            if i < rows {
                jacobian[(i, j)]
            } else if j < n {
                along[j] / length
            } else {
                0.0
            }
        });
        residual.push(0.0);
        let step = Factored::new(matrix)?.solve(&residual);
        let next = state.moved(&step, -1.0);
        let after = system.residual(&next)?.iter().map(|v| v * v).sum::<f64>();
        iterations += 1;
        // The rounding error ends it, or a start that was none.
        if after.is_nan() || (after >= before && iterations > 2) {
            break;
        }
        state = next;
        if after > 0.25 * before && iterations > 2 {
            break;
        }
    }
    Ok((state, iterations))
}

/// Root mean square one over the equations' points, and positive where it is largest.
fn scaled(system: &System<'_>, mut state: State) -> Result<State> {
    let Some(set) = system.sets.first() else {
        return Ok(state);
    };
    let order = vec![0; system.problem.coordinates.len()];
    let sums = system
        .basis
        .sums(&state.coefficients, &[&order], &set.points)?;
    let all: Vec<f64> = sums.iter().flatten().flatten().copied().collect();
    let rms = (all.iter().map(|v| v * v).sum::<f64>() / set.points.len().max(1) as f64).sqrt();
    let largest = all
        .iter()
        .fold(0.0, |a: f64, b| if b.abs() > a.abs() { *b } else { a });
    if rms > 0.0 && rms.is_finite() {
        for c in state.coefficients.iter_mut().flatten() {
            *c /= rms.copysign(largest);
        }
    }
    Ok(state)
}

/// The eigenvalue nearest to the start that the problem gives, else the smallest, with its function.
pub(super) fn eigen(
    problem: &Problem,
    options: &SolveOptions,
    extra: &[Block],
    judge: &Judge,
    started: Instant,
    progress: &Progress<'_>,
) -> Result<Eigen> {
    let near = match problem.unknowns.first() {
        Some(u) => match problem.spec.parameters.get(&u.name) {
            Some(ParameterSpec::Start { start }) => *start,
            _ => 0.0,
        },
        None => 0.0,
    };
    let round = periodic(problem);
    let mut sizes = first(problem);
    let mut best: Option<(Attempt, Vec<usize>)> = None;
    let mut last: Option<(Basis, State)> = None;
    let (mut notes, mut idle) = (Vec::new(), 0);
    loop {
        let mut blocks = vec![tensor(&sizes, &round)];
        blocks.extend_from_slice(extra);
        let basis = Basis {
            ranges: problem.domain.ranges.clone(),
            blocks,
        };
        if basis.len() * problem.fields.len() > COLUMNS && best.is_some() {
            break;
        }
        let sets = rows(problem, &basis, &sizes, options.seed)?;
        fits(problem, &options.features, &sets, basis.len())?;
        let mut system = System::new(problem, basis, sets, progress)?;
        let mut state = State::zero(problem, system.basis.len());
        state.parameters = vec![near; problem.unknowns.len()];
        system.balance(&state, STRENGTH, 1.0)?;
        let mut starts = Vec::new();
        match &last {
            Some((from, old)) => starts.push(prolonged(from, old, &system.basis)),
            None => {
                let all = candidates(&system, near)?;
                let values: Vec<String> = all
                    .iter()
                    .take(NAMED)
                    .map(|c| format!("{:.6}", c.0))
                    .collect();
                notes = vec![format!(
                    "eigenvalues near {near}, roughly: {}",
                    values.join(", ")
                )];
                for (lambda, c) in all.into_iter().take(FOLLOWED) {
                    let chunks = c.chunks(system.basis.len());
                    starts.push(State {
                        coefficients: chunks.map(<[f64]>::to_vec).collect(),
                        parameters: vec![lambda],
                    });
                }
            }
        }
        let mut level: Option<Attempt> = None;
        for start in starts {
            let start = scaled(&system, start)?;
            let (state, iterations) = follow(&system, start, progress)?;
            let state = scaled(&system, state)?;
            let residual = judge.residual(problem, &state, |orders, points| {
                system.basis.sums(&state.coefficients, orders, points)
            })?;
            let better = level.as_ref().is_none_or(|l| residual < 0.1 * l.residual);
            if better {
                level = Some(Attempt {
                    basis: system.basis.clone(),
                    parameters: super::attempt::plain(problem, &state),
                    state,
                    residual,
                    iterations,
                    dependent: 0,
                });
            }
            if residual < GOOD {
                break;
            }
        }
        let Some(level) = level else {
            if best.is_none() && sizes.iter().product::<usize>() < COLUMNS {
                sizes = grown_sizes(&sizes, &[], 1.4);
                continue;
            }
            break;
        };
        let message = format!(
            "eigenvalue {:.10}: residual {:.2e}",
            level.state.parameters[0], level.residual
        );
        progress.report("features", level.iterations as u64, 0, &message)?;
        let tails = tails(&level.basis, &level.state, &sizes);
        last = (level.residual < GOOD).then(|| (level.basis.clone(), level.state.clone()));
        let gained = best
            .as_ref()
            .is_none_or(|(b, _)| level.residual < 0.5 * b.residual);
        idle = if gained { 0 } else { idle + 1 };
        let done = level.residual <= options.tolerance;
        if best
            .as_ref()
            .is_none_or(|(b, _)| level.residual < b.residual)
        {
            best = Some((level, sizes.clone()));
        }
        let limit = options.max_seconds.unwrap_or(f64::INFINITY);
        if done || idle >= 2 || started.elapsed().as_secs_f64() > limit {
            break;
        }
        sizes = grown_sizes(&sizes, &tails, 1.3);
    }
    let (best, sizes) =
        best.ok_or_else(|| Error::numerical("eigenproblem", "no real eigenvalue was found"))?;
    notes.push("the function has root mean square 1".into());
    Ok(Eigen { best, sizes, notes })
}

/// Residual below which a candidate is an eigenvalue.
const GOOD: f64 = 0.05;
