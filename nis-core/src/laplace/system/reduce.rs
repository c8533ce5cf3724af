//! Model reduction by balanced truncation.

use faer::Mat;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::dense::solve;
use super::discretize::{to_continuous, to_discrete};
use super::gramian;
use super::schur::Schur;
use super::{StateSpace, System};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// How a system is reduced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReduceOptions {
    /// Number of states of the result, unstable ones included; chosen by `tolerance` where `None`.
    pub order: Option<usize>,
    /// Largest error bound, relative to the largest Hankel singular value.
    pub tolerance: f64,
    /// Keep the gain at zero frequency exactly, by residualising the states that are left out (Liu and Anderson,
    /// Int. J. Control 50 (1989) 1379) instead of truncating them, which keeps that at infinity.
    pub match_dc: bool,
}

impl Default for ReduceOptions {
    fn default() -> Self {
        ReduceOptions {
            order: None,
            tolerance: 1e-6,
            match_dc: false,
        }
    }
}

/// A reduced system and how far it can be from the original.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reduction {
    /// The reduced system, balanced.
    pub system: StateSpace,
    /// Its number of states.
    pub order: usize,
    /// How many of these are the unstable part, which is kept as it is.
    pub unstable: usize,
    /// Hankel singular values of the stable part, largest first.
    pub hankel_singular_values: Vec<f64>,
    /// Bound on the H-infinity norm of the difference: twice the sum of the values left out (Glover, Int. J.
    /// Control 39 (1984) 1115, theorem 9.6).
    pub error_bound: f64,
}

impl System {
    /// The parts with poles left of the imaginary axis (inside the unit circle) by more than rounding, and with the
    /// others; they add up to the system. The direct term goes with the first.
    ///
    /// # Errors
    /// [`Error::Numerical`] where poles on both sides lie too close together to separate.
    pub fn split_stable(&self) -> Result<(StateSpace, StateSpace)> {
        split(&self.to_state_space()?)
    }

    /// Balanced truncation by the square-root method (Laub, Heath, Paige and Ward, IEEE Trans. Autom. Control 32
    /// (1987) 115; Tombs and Postlethwaite, Int. J. Control 46 (1987) 1319): the factors of the Gramians come
    /// from Hammarling's method, never from the Gramians themselves, so that small Hankel singular values are
    /// accurate. The unstable part is split off first and kept. Discrete systems go through the bilinear map,
    /// which keeps Gramians and bound. `O(n^3)`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the order is below that of the unstable part or above that of the system or
    /// the tolerance is not positive; [`Error::Numerical`] where an eigenproblem fails; [`Error::Cancelled`].
    pub fn reduce(&self, options: &ReduceOptions, progress: &Progress<'_>) -> Result<Reduction> {
        if options.tolerance.is_nan() || options.tolerance <= 0.0 {
            return Err(Error::invalid(
                "options.tolerance",
                options.tolerance,
                "a positive number",
            ));
        }
        let system = self.to_state_space()?;
        progress.report("reduce", 0, 4, "splitting off the unstable part")?;
        let (stable, unstable) = split(&system)?;
        progress.check()?;
        if let Some(order) = options
            .order
            .filter(|o| *o < unstable.states || *o > system.states)
        {
            return Err(Error::invalid(
                "options.order",
                order,
                format!(
                    "from {} (the unstable part) to {} (the whole system)",
                    unstable.states, system.states
                ),
            ));
        }
        let plane = to_continuous(&stable)?;
        let (a, b, c, d) = plane.mats();
        progress.report("reduce", 1, 4, "controllability Gramian")?;
        let schur = Schur::new(a.as_ref())?;
        progress.check()?;
        let reach = gramian::factor(&schur, &b, progress)?;
        progress.report("reduce", 2, 4, "observability Gramian")?;
        let schur = Schur::new(a.transpose())?;
        progress.check()?;
        let observe = gramian::factor(&schur, &c.transpose().to_owned(), progress)?;
        progress.report("reduce", 3, 4, "balancing")?;
        let svd = (observe.transpose() * &reach)
            .svd()
            .map_err(|_| Error::numerical("balanced truncation", "the SVD did not converge"))?;
        let n = plane.states;
        let hankel: Vec<f64> = (0..n).map(|k| svd.S()[k]).collect();
        let top = hankel.first().copied().unwrap_or(0.0);
        // Values below rounding have no direction to balance.
        let minimal = hankel
            .iter()
            .filter(|s| **s > top * f64::EPSILON * n as f64)
            .count();
        let tail = |r: usize| 2.0 * hankel.iter().skip(r).sum::<f64>();
        let kept = match options.order {
            Some(order) => (order - unstable.states).min(minimal),
            None => (0..minimal)
                .find(|r| tail(*r) <= options.tolerance * top)
                .unwrap_or(minimal),
        };
        let size = if options.match_dc { minimal } else { kept };
        let root = |k: usize| hankel[k].sqrt();
        let left = Mat::from_fn(size, n, |i, j| svd.U()[(j, i)] / root(i)) * observe.transpose();
        let right = &reach * Mat::from_fn(n, size, |i, j| svd.V()[(i, j)] / root(j));
        let (a, b, c) = (&left * &a * &right, &left * &b, &c * &right);
        let reduced = if options.match_dc && kept < size {
            residualised(&a, &b, &c, &d, kept)?
        } else {
            StateSpace::from_mats(&a, &b, &c, &d, None)
        };
        let reduced = match system.dt {
            Some(dt) => to_discrete(&reduced, dt)?,
            None => reduced,
        };
        let result = if unstable.states == 0 {
            reduced
        } else {
            reduced.parallel(&unstable)?
        };
        result.check()?;
        Ok(Reduction {
            order: result.states,
            unstable: unstable.states,
            error_bound: tail(kept),
            hankel_singular_values: hankel,
            system: result,
        })
    }
}

/// The first `kept` states, with the others at rest: `A11 - A12 A22^-1 A21` and so on.
fn residualised(
    a: &Mat<f64>,
    b: &Mat<f64>,
    c: &Mat<f64>,
    d: &Mat<f64>,
    kept: usize,
) -> Result<StateSpace> {
    let rest = a.nrows() - kept;
    let part = |m: &Mat<f64>, i0: usize, rows: usize, j0: usize, cols: usize| {
        Mat::from_fn(rows, cols, |i, j| m[(i0 + i, j0 + j)])
    };
    let (m, p) = (b.ncols(), c.nrows());
    let a22 = part(a, kept, rest, kept, rest);
    let a21 = solve(
        "residualisation",
        a22.as_ref(),
        part(a, kept, rest, 0, kept).as_ref(),
    )?;
    let b2 = solve(
        "residualisation",
        a22.as_ref(),
        part(b, kept, rest, 0, m).as_ref(),
    )?;
    let (a12, c2) = (part(a, 0, kept, kept, rest), part(c, 0, p, kept, rest));
    Ok(StateSpace::from_mats(
        &(part(a, 0, kept, 0, kept) - &a12 * &a21),
        &(part(b, 0, kept, 0, m) - &a12 * &b2),
        &(part(c, 0, p, 0, kept) - &c2 * &a21),
        &(d - &c2 * &b2),
        None,
    ))
}

/// The stable and the other part, by the ordered Schur form and its block diagonalisation in real coordinates.
fn split(system: &StateSpace) -> Result<(StateSpace, StateSpace)> {
    let (a, b, c, d) = system.mats();
    let n = system.states;
    let mut schur = Schur::new(a.as_ref())?;
    // An integrator whose computed pole lies left of the axis by rounding is no stable part.
    let rounding = 10.0 * n as f64 * f64::EPSILON * schur.t.norm_l2();
    let inside = |e: &Complex64| match system.dt {
        Some(_) => e.norm() < 1.0 - rounding,
        None => e.re < -rounding,
    };
    let rank: Vec<usize> = schur
        .eigenvalues()
        .iter()
        .map(|e| usize::from(!inside(e)))
        .collect();
    let stable = rank.iter().filter(|r| **r == 0).count();
    let constant = |d: &Mat<f64>| {
        StateSpace::from_mats(
            &Mat::zeros(0, 0),
            &Mat::zeros(0, system.inputs),
            &Mat::zeros(system.outputs, 0),
            d,
            system.dt,
        )
    };
    let zero = Mat::zeros(system.outputs, system.inputs);
    if stable == n {
        return Ok((system.clone(), constant(&zero)));
    }
    if stable == 0 {
        let rest = StateSpace {
            d: Vec::new(),
            ..system.clone()
        };
        return Ok((constant(&d), rest));
    }
    schur.sort_by_rank(&rank);
    let basis = &schur.u * schur.block_basis(&[stable, n - stable]);
    let real = |from: usize, count: usize| -> Result<Mat<f64>> {
        // The columns span a space that is its own conjugate: a real basis comes from real and imaginary parts.
        let parts = Mat::from_fn(n, 2 * count, |i, j| {
            let v = basis[(i, from + j % count)];
            if j < count { v.re } else { v.im }
        });
        let svd = parts
            .thin_svd()
            .map_err(|_| Error::numerical("stable part", "an SVD did not converge"))?;
        Ok(Mat::from_fn(n, count, |i, j| svd.U()[(i, j)]))
    };
    let (v1, v2) = (real(0, stable)?, real(stable, n - stable)?);
    let v = Mat::from_fn(n, n, |i, j| {
        schur.scale[i]
            * if j < stable {
                v1[(i, j)]
            } else {
                v2[(i, j - stable)]
            }
    });
    let moved = solve("stable part", v.as_ref(), (&a * &v).as_ref())?;
    let inputs = solve("stable part", v.as_ref(), b.as_ref())?;
    let outputs = &c * &v;
    let part = |from: usize, count: usize, d: &Mat<f64>| {
        StateSpace::from_mats(
            &Mat::from_fn(count, count, |i, j| moved[(from + i, from + j)]),
            &Mat::from_fn(count, system.inputs, |i, j| inputs[(from + i, j)]),
            &Mat::from_fn(system.outputs, count, |i, j| outputs[(i, from + j)]),
            d,
            system.dt,
        )
    };
    Ok((part(0, stable, &d), part(stable, n - stable, &zero)))
}
