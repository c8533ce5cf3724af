//! Residuals of the integrated trajectory, with their exact derivatives.

use faer::MatMut;

use super::{Setup, TOLERANCE};
use crate::optim::LeastSquares;
use crate::pinn::ode::integrate::Integrator;
use crate::telemetry::Progress;

/// Residuals of the trajectory over free parameters and initial components.
pub(super) struct Shooting<'a> {
    pub(super) setup: &'a Setup<'a>,
    pub(super) data: &'a [Vec<f64>],
    pub(super) multiplicative: bool,
    pub(super) weights: Vec<f64>,
    pub(super) p: Vec<f64>,
    pub(super) progress: &'a Progress<'a>,
}

impl Shooting<'_> {
    pub(super) fn pack(&self, p: &[f64], initial: &[f64]) -> Vec<f64> {
        self.setup
            .free
            .iter()
            .map(|k| p[*k])
            .chain(initial.iter().copied())
            .collect()
    }

    pub(super) fn unpack(&self, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut p = self.p.clone();
        for (k, free) in self.setup.free.iter().enumerate() {
            p[*free] = x[k];
        }
        (p, x[self.setup.free.len()..].to_vec())
    }
}

impl LeastSquares for Shooting<'_> {
    fn parameters(&self) -> usize {
        self.setup.free.len() + self.setup.compiled.components
    }

    fn residuals(&self) -> usize {
        self.setup.t.len() * self.data.len()
    }

    fn evaluate(&mut self, x: &[f64], r: &mut [f64], jacobian: Option<MatMut<'_, f64>>) -> bool {
        if self.progress.check().is_err() {
            return false;
        }
        let mut jacobian = jacobian;
        let setup = self.setup;
        let (p, initial) = self.unpack(x);
        let n = setup.compiled.components;
        let width = n + setup.compiled.parameters;
        let rows = setup.t.len();
        let mut fine = true;
        let mut integrator = Integrator::new(setup.compiled, &p, &setup.sizes, jacobian.is_some());
        let finite = integrator.run(&initial, setup.t, TOLERANCE, |i, z| {
            for (f, first) in setup.first.iter().enumerate() {
                let row = f * rows + i;
                let value = z[*first];
                let (model, slope) = if self.multiplicative {
                    fine &= value > 0.0;
                    (value.ln(), 1.0 / value)
                } else {
                    (value, 1.0)
                };
                let w = self.weights[f];
                r[row] = w * (model - self.data[f][i]);
                if let Some(j) = jacobian.as_mut() {
                    let s = &z[n + first * width..n + (first + 1) * width];
                    for (k, free) in setup.free.iter().enumerate() {
                        j[(row, k)] = w * slope * s[n + free];
                    }
                    for c in 0..n {
                        j[(row, setup.free.len() + c)] = w * slope * s[c];
                    }
                }
            }
        });
        finite && fine && r.iter().all(|v| v.is_finite())
    }
}
