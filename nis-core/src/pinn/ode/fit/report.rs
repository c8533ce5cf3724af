//! What a finished fit reports: fields on a fine grid, residuals, and two independent checks of the trajectory.

use super::{Exact, Setup, TOLERANCE, spread};
use crate::error::{Error, Result};
use crate::pinn::ode::integrate::{Integrator, runge_kutta_4};
use crate::pinn::ode::system::{Compiled, OdeSystem};
use crate::pinn::{FittedState, Noise, OdeFit, Parameter};

impl Setup<'_> {
    pub(super) fn report(
        self,
        system: &OdeSystem,
        fit: Exact,
        noise: Noise,
        reason: String,
    ) -> Result<OdeFit> {
        let n = self.compiled.components;
        let (from, to) = (self.t[0], self.t[self.t.len() - 1]);
        let cells = (4 * (self.t.len() - 1)).clamp(200, 2000);
        let grid: Vec<f64> = (0..=cells)
            .map(|i| from + (to - from) * i as f64 / cells as f64)
            .collect();
        let mut fine: Vec<Vec<f64>> = Vec::with_capacity(grid.len());
        let mut integrator = Integrator::new(self.compiled, &fit.p, &self.sizes, false);
        let finite = integrator.run(&fit.initial, &grid, TOLERANCE, |_, z| fine.push(z.to_vec()));
        let mut at_rows: Vec<Vec<f64>> = Vec::with_capacity(self.t.len());
        let finite = finite
            && integrator.run(&fit.initial, self.t, TOLERANCE, |_, z| {
                at_rows.push(z.to_vec())
            });
        if !finite {
            return Err(Error::numerical(
                "fit of the equations",
                "the fitted trajectory is not finite",
            ));
        }
        let witness = runge_kutta_4(self.compiled, &fit.p, &fit.initial, &grid, 20);
        let mut difference = 0.0f64;
        for c in self.first.iter().copied() {
            let (low, high) = fine
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), z| {
                    (a.min(z[c]), b.max(z[c]))
                });
            let range = if high > low { high - low } else { 1.0 };
            for (a, b) in fine.iter().zip(&witness) {
                let off = (a[c] - b[c]).abs() / range;
                // `max` would drop a NaN.
                difference = if off > difference || off.is_nan() {
                    off
                } else {
                    difference
                };
            }
        }
        let mut states = Vec::new();
        let mut explained = Vec::new();
        for (f, name) in system.states().iter().enumerate() {
            let (column, c) = (self.columns[f], self.first[f]);
            let squares: f64 = column
                .iter()
                .zip(&at_rows)
                .map(|(y, z)| (y - z[c]).powi(2))
                .sum();
            let total = spread(column).powi(2) * column.len() as f64;
            explained.push(((*name).to_string(), 1.0 - squares / total));
            states.push(FittedState {
                name: (*name).to_string(),
                values: fine.iter().map(|z| z[c]).collect(),
                initial: fit.initial[c],
                standardised_residuals: Some(fit.residuals[f].clone()),
                noise: Some(fit.sigma[f]),
                residual_rms: Some((squares / column.len() as f64).sqrt()),
            });
        }
        Ok(OdeFit {
            equations: system.equations().iter().map(ToString::to_string).collect(),
            parameters: system
                .parameters()
                .iter()
                .zip(fit.p.iter().zip(&fit.std_errors))
                .map(|(name, (value, std_error))| Parameter {
                    name: (*name).to_string(),
                    value: *value,
                    std_error: *std_error,
                })
                .collect(),
            noise,
            noise_reason: reason,
            equation_residual: equation_residual(self.compiled, &fit.p, &grid, &fine, n),
            t: grid,
            t_observed: self.t.to_vec(),
            states,
            integration_difference: difference,
            explained,
            log_likelihood: fit.log_likelihood,
            iterations: fit.iterations,
            converged: fit.converged,
        })
    }
}

/// Root mean square of slope less right-hand side at the midpoints of the cubic Hermite spline through the
/// trajectory, relative to that of the slope.
fn equation_residual(system: &Compiled, p: &[f64], grid: &[f64], z: &[Vec<f64>], n: usize) -> f64 {
    let mut point = system.point(p);
    let mut slope = |t: f64, z: &[f64]| {
        let mut f = vec![0.0; n];
        point[0] = t;
        point[1..=n].copy_from_slice(z);
        system.slope(&point, &mut f);
        f
    };
    let (mut residual, mut size) = (vec![0.0; n], vec![0.0; n]);
    for k in 0..grid.len() - 1 {
        let h = grid[k + 1] - grid[k];
        let (f0, f1) = (slope(grid[k], &z[k]), slope(grid[k + 1], &z[k + 1]));
        let middle: Vec<f64> = (0..n)
            .map(|c| 0.5 * (z[k][c] + z[k + 1][c]) + h / 8.0 * (f0[c] - f1[c]))
            .collect();
        let fm = slope(grid[k] + 0.5 * h, &middle);
        for c in 0..n {
            let dz = 1.5 * (z[k + 1][c] - z[k][c]) / h - 0.25 * (f0[c] + f1[c]);
            residual[c] += (dz - fm[c]).powi(2);
            size[c] += fm[c] * fm[c];
        }
    }
    let sum: f64 = residual
        .iter()
        .zip(&size)
        .map(|(r, s)| if *s > 0.0 { r / s } else { *r })
        .sum();
    (sum / n as f64).sqrt()
}
