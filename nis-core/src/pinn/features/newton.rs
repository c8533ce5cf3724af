//! From rows to coefficients: one solve where everything is linear, else Gauss-Newton steps with a line search.

use super::linear::Factored;
use super::rows::{State, System};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// What the steps came to.
pub(super) struct Reached {
    pub(super) state: State,
    pub(super) iterations: usize,
    /// Norm of the weighted residual at the end.
    pub(super) norm: f64,
    /// The last factorisation: of the Jacobian one step before the end.
    pub(super) factored: Option<Factored>,
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Names the equation or condition that is not finite.
fn not_finite(system: &System<'_>, state: &State) -> Error {
    let what = system.sets.iter().find_map(|set| {
        let jets = set.jets(system.problem, state).ok()?;
        let values = set.values(system.problem, &jets, state).ok()?;
        let i = values.iter().position(|v| !v.is_finite())?;
        let at: Vec<f64> = set.points.columns().map(|c| c[i]).collect();
        let text = set.residual(system.problem).map_or("data", |r| &r.text);
        Some(format!("`{text}` is {} at {at:?}", values[i]))
    });
    Error::numerical(
        "least squares",
        what.unwrap_or_else(|| "the residual is not finite".into()),
    )
}

/// Halvings of a step before it is given up.
const HALVINGS: i32 = 12;

/// Corrections of a step at most.
const CORRECTIONS: usize = 4;

/// What is to be taken away from a residual when a share of the one before is to stay.
fn kept(now: &[f64], before: &[f64], share: f64) -> Vec<f64> {
    now.iter().zip(before).map(|(n, b)| n - share * b).collect()
}

/// Solves a linear system; a second right-hand side, the residual of the first solution, costs next to nothing and
/// removes rounding errors.
pub(super) fn linear(
    system: &System<'_>,
    start: &State,
    progress: &Progress<'_>,
) -> Result<Reached> {
    let before = system.residual(start)?;
    if !norm(&before).is_finite() {
        return Err(not_finite(system, start));
    }
    let matrix = system.jacobian(start)?;
    progress.check()?;
    let factored = Factored::new(matrix)?;
    progress.check()?;
    let mut state = start.moved(&factored.solve(&before), -1.0);
    let mut at = system.residual(&state)?;
    let better = state.moved(&factored.solve(&at), -1.0);
    let then = system.residual(&better)?;
    if norm(&then) < norm(&at) {
        (state, at) = (better, then);
    }
    Ok(Reached {
        state,
        iterations: 1,
        norm: norm(&at),
        factored: Some(factored),
    })
}

/// Gauss-Newton steps on `|F - offset|`, at most `limit` of them. Every step is halved until the residual falls
/// (Nocedal and Wright, Numerical Optimization, 2nd ed., section 10.3); it ends where no step does that, where the
/// last one gained little, or where the residual is what the linear model leaves.
pub(super) fn gauss_newton(
    system: &System<'_>,
    start: State,
    offset: &[f64],
    limit: usize,
    progress: &Progress<'_>,
) -> Result<Reached> {
    let residual = |state: &State| -> Result<Vec<f64>> {
        let mut r = system.residual(state)?;
        for (r, o) in r.iter_mut().zip(offset) {
            *r -= o;
        }
        Ok(r)
    };
    let mut state = start;
    let mut r = residual(&state)?;
    let mut last = norm(&r);
    if !last.is_finite() {
        return Err(not_finite(system, &state));
    }
    let mut factored = None;
    let mut iterations = 0;
    while iterations < limit && last > 0.0 {
        progress.report(
            "features",
            iterations as u64,
            limit as u64,
            &format!("residual {last:.3e}"),
        )?;
        let jacobian = system.jacobian(&state)?;
        if !jacobian.is_all_finite() {
            break;
        }
        let f = Factored::new(jacobian)?;
        progress.check()?;
        let (step, rest) = f.solve_with_rest(&r);
        iterations += 1;
        let mut taken = None;
        for halving in 0..HALVINGS {
            let length = 0.5f64.powi(halving);
            let mut next = state.moved(&step, -length);
            let mut then = residual(&next)?;
            let mut now = norm(&then);
            // Where some rows weigh far more than others, a straight step leaves the curved valley that they make;
            // steps with the same factors lead back to it.
            for _ in 0..CORRECTIONS {
                if !now.is_finite() || now < last * (1.0 - 0.5 * length) {
                    break;
                }
                let (back, _) = f.solve_with_rest(&kept(&then, &r, 1.0 - length));
                let corrected = next.moved(&back, -1.0);
                let after = residual(&corrected)?;
                let size = norm(&after);
                if size.is_nan() || size > 0.9 * now {
                    break;
                }
                (next, then, now) = (corrected, after, size);
            }
            if now < last * (1.0 - 1e-4 * length) {
                taken = Some((next, then, now, length));
                break;
            }
        }
        factored = Some(f);
        let Some((next, then, now, length)) = taken else {
            break;
        };
        let gain = now / last;
        (state, r, last) = (next, then, now);
        // What is left is what the functions cannot represent, or rounding.
        if length == 1.0 && (last < 1.05 * rest || gain > 0.95) {
            break;
        }
    }
    Ok(Reached {
        state,
        iterations,
        norm: last,
        factored,
    })
}

/// From a start that Gauss-Newton does not leave: the residual there is taken away in steps (Newton homotopy,
/// Allgower and Georg, Numerical Continuation Methods, 1990).
pub(super) fn continued(
    system: &System<'_>,
    start: &State,
    limit: usize,
    progress: &Progress<'_>,
) -> Result<Reached> {
    let first = system.residual(start)?;
    let mut state = start.clone();
    let (mut done, mut width): (f64, f64) = (0.0, 0.25);
    let mut iterations = 0;
    while done < 1.0 && iterations < limit {
        let next = (done + width).min(1.0);
        let offset: Vec<f64> = first.iter().map(|v| v * (1.0 - next)).collect();
        let reached = gauss_newton(system, state.clone(), &offset, 6, progress)?;
        iterations += reached.iterations.max(1);
        if reached.norm < 0.3 * width * norm(&first) {
            done = next;
            state = reached.state;
            width *= 1.5;
        } else {
            width *= 0.5;
            if width < 1e-3 {
                break;
            }
        }
    }
    let last = gauss_newton(
        system,
        state,
        &[],
        limit.saturating_sub(iterations).max(1),
        progress,
    )?;
    Ok(Reached {
        iterations: iterations + last.iterations,
        ..last
    })
}
