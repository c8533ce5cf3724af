//! The spline state: values of all components at nodes, joined by cubic Hermite splines whose slopes are the
//! right-hand side, fitted to data and equations together.
//!
//! The penalty on the equations rises in stages until the state obeys them, as in generalised profiling
//! (Ramsay, Hooker, Campbell and Cao, J. R. Statist. Soc. B 69 (2007) 741, eq. (11)); the equations are taken
//! at the nodes and midpoints (Hermite-Simpson collocation, Hargraves and Paris, J. Guidance 10 (1987) 338).

use faer::MatMut;

use super::system::Compiled;
use crate::error::Result;
use crate::optim::{LeastSquares, LmOptions, levenberg_marquardt};
use crate::telemetry::Progress;

/// Unknown node values at most: the normal equations are dense.
const MAX_UNKNOWNS: usize = 260;

/// Weights of the equations, relative to the data.
const STAGES: [f64; 4] = [1e-1, 1e1, 1e3, 1e5];

/// A state and parameters.
pub(super) struct State {
    /// Components at the first node.
    pub(super) initial: Vec<f64>,
    pub(super) p: Vec<f64>,
    pub(super) iterations: usize,
}

/// What is fitted: samples of some components.
pub(super) struct Observed<'a> {
    pub(super) t: &'a [f64],
    /// `[sample][component]`: smoothed starting values of all components.
    pub(super) start: &'a [Vec<f64>],
    /// Observed component and its values.
    pub(super) data: Vec<(usize, &'a [f64])>,
}

struct Collocation<'a> {
    system: &'a Compiled,
    times: Vec<f64>,
    /// Component, values at the nodes, one over the scatter that is allowed.
    data: Vec<(usize, Vec<f64>, f64)>,
    /// One over each component's size.
    scale: Vec<f64>,
    free: Vec<usize>,
    p: Vec<f64>,
    weight: f64,
}

impl Collocation<'_> {
    fn at(&self, node: usize, component: usize) -> usize {
        node * self.system.components + component
    }

    fn parameter_column(&self, k: usize) -> usize {
        self.times.len() * self.system.components + k
    }
}

impl LeastSquares for Collocation<'_> {
    fn parameters(&self) -> usize {
        self.times.len() * self.system.components + self.free.len()
    }

    fn residuals(&self) -> usize {
        self.times.len() * self.data.len() + (self.times.len() - 1) * self.system.components
    }

    fn evaluate(&mut self, x: &[f64], r: &mut [f64], jacobian: Option<MatMut<'_, f64>>) -> bool {
        let mut jacobian = jacobian;
        let n = self.system.components;
        let width = n + self.system.parameters;
        for (k, free) in self.free.iter().enumerate() {
            self.p[*free] = x[self.parameter_column(k)];
        }
        let mut row = 0;
        for (component, values, weight) in &self.data {
            for (node, value) in values.iter().enumerate() {
                let at = self.at(node, *component);
                r[row] = weight * (x[at] - value);
                if let Some(j) = jacobian.as_mut() {
                    j[(row, at)] = *weight;
                }
                row += 1;
            }
        }
        let mut point = self.system.point(&self.p);
        let (mut f0, mut f1, mut fm) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let (mut j0, mut j1, mut jm) = (
            vec![0.0; n * width],
            vec![0.0; n * width],
            vec![0.0; n * width],
        );
        let want = jacobian.is_some();
        let mut slope = |t: f64, z: &[f64], f: &mut [f64], j: &mut [f64]| {
            point[0] = t;
            point[1..=n].copy_from_slice(z);
            self.system.slope(&point, f);
            if want {
                self.system.jacobian(&point, j);
            }
        };
        slope(self.times[0], &x[..n], &mut f0, &mut j0);
        for k in 0..self.times.len() - 1 {
            let (t0, t1) = (self.times[k], self.times[k + 1]);
            let h = t1 - t0;
            let (z0, z1) = (&x[k * n..(k + 1) * n], &x[(k + 1) * n..(k + 2) * n]);
            slope(t1, z1, &mut f1, &mut j1);
            let middle: Vec<f64> = (0..n)
                .map(|c| 0.5 * (z0[c] + z1[c]) + h / 8.0 * (f0[c] - f1[c]))
                .collect();
            slope(t0 + 0.5 * h, &middle, &mut fm, &mut jm);
            for c in 0..n {
                let w = self.weight * self.scale[c];
                r[row] = w * (z1[c] - z0[c] - h / 6.0 * (f0[c] + 4.0 * fm[c] + f1[c]));
                if let Some(j) = jacobian.as_mut() {
                    // d middle/d z0 = I/2 + h/8 J0, d middle/d z1 = I/2 - h/8 J1
                    for d in 0..n {
                        let mut by0 = -h / 6.0 * j0[c * width + d];
                        let mut by1 = -h / 6.0 * j1[c * width + d];
                        for m in 0..n {
                            let outer = -4.0 * h / 6.0 * jm[c * width + m];
                            let unit = if m == d { 0.5 } else { 0.0 };
                            by0 += outer * (unit + h / 8.0 * j0[m * width + d]);
                            by1 += outer * (unit - h / 8.0 * j1[m * width + d]);
                        }
                        let unit = if c == d { 1.0 } else { 0.0 };
                        j[(row, self.at(k, d))] = w * (by0 - unit);
                        j[(row, self.at(k + 1, d))] = w * (by1 + unit);
                    }
                    for (column, free) in self.free.iter().enumerate() {
                        let q = n + free;
                        let mut by = -h / 6.0
                            * (j0[c * width + q] + 4.0 * jm[c * width + q] + j1[c * width + q]);
                        for m in 0..n {
                            by += -4.0 * h / 6.0 * jm[c * width + m] * h / 8.0
                                * (j0[m * width + q] - j1[m * width + q]);
                        }
                        j[(row, self.parameter_column(column))] = w * by;
                    }
                }
                row += 1;
            }
            std::mem::swap(&mut f0, &mut f1);
            std::mem::swap(&mut j0, &mut j1);
        }
        r.iter().all(|v| v.is_finite())
    }
}

/// Fits the spline state and the free parameters from `p`; `None` where no stage has finite residuals.
pub(super) fn fit_state(
    system: &Compiled,
    observed: &Observed<'_>,
    p: &[f64],
    free: &[usize],
    progress: &Progress<'_>,
) -> Result<Option<State>> {
    let n = system.components;
    let all = observed.t.len();
    // Nodes are samples, thinned evenly where there are too many; the first is always one.
    let stride = (all * n).div_ceil(MAX_UNKNOWNS).max(1);
    let nodes: Vec<usize> = (0..all).step_by(stride).collect();
    if nodes.len() < 3 {
        return Ok(None);
    }
    let size = |values: &mut dyn Iterator<Item = f64>| {
        let (mut sum, mut count) = (0.0, 0.0);
        for v in values {
            sum += v * v;
            count += 1.0;
        }
        let rms = (sum / f64::max(count, 1.0)).sqrt();
        if rms > 0.0 { rms } else { 1.0 }
    };
    let mut problem = Collocation {
        system,
        times: nodes.iter().map(|i| observed.t[*i]).collect(),
        data: observed
            .data
            .iter()
            .map(|(component, values)| {
                let mean = values.iter().sum::<f64>() / all as f64;
                let spread = size(&mut values.iter().map(|v| v - mean));
                let picked = nodes.iter().map(|i| values[*i]).collect();
                // A tenth of the spread is allowed as scatter until the exact fit finds the true one.
                (*component, picked, 10.0 / spread)
            })
            .collect(),
        scale: (0..n)
            .map(|c| 1.0 / size(&mut observed.start.iter().map(|z| z[c])))
            .collect(),
        free: free.to_vec(),
        p: p.to_vec(),
        weight: 1.0,
    };
    let mut x: Vec<f64> = nodes
        .iter()
        .flat_map(|i| observed.start[*i].iter().copied())
        .collect();
    x.extend(free.iter().map(|k| p[*k]));
    let mut iterations = 0;
    let mut done = false;
    for (stage, weight) in STAGES.iter().enumerate() {
        progress.report("pinn", stage as u64, STAGES.len() as u64, "spline state")?;
        problem.weight = 10.0 * weight.sqrt();
        let options = LmOptions {
            max_iterations: 30,
            cost_tolerance: 1e-4,
            stage: "pinn",
            ..LmOptions::default()
        };
        match levenberg_marquardt(&mut problem, &x, &options, progress) {
            Ok(fit) => {
                iterations += fit.iterations;
                x = fit.p;
                done = true;
            }
            Err(crate::Error::Numerical { .. }) => break,
            Err(e) => return Err(e),
        }
    }
    if !done {
        return Ok(None);
    }
    let mut found = p.to_vec();
    for (k, free) in free.iter().enumerate() {
        found[*free] = x[problem.parameter_column(k)];
    }
    Ok(Some(State {
        initial: x[..n].to_vec(),
        p: found,
        iterations,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::OdeSystem;
    use super::*;

    #[test]
    fn the_jacobian_agrees_with_differences() {
        let system = OdeSystem::parse("x'' = -a*x + b*y*x'; y' = x*y - b*t")
            .unwrap()
            .compile()
            .unwrap();
        let times = vec![0.0, 0.3, 0.8, 1.0];
        let mut problem = Collocation {
            system: &system,
            data: vec![(0, vec![1.0, 0.9, 0.3, 0.1], 2.0), (2, vec![0.5; 4], 3.0)],
            scale: vec![1.0, 0.5, 2.0],
            free: vec![0, 1],
            p: vec![0.7, -0.4],
            weight: 1.7,
            times,
        };
        let x: Vec<f64> = (0..14).map(|i| (1.3 * f64::from(i)).sin() + 0.2).collect();
        let (m, n) = (problem.residuals(), problem.parameters());
        let mut r = vec![0.0; m];
        let mut j = faer::Mat::zeros(m, n);
        assert!(problem.evaluate(&x, &mut r, Some(j.as_mut())));
        let (mut up, mut down) = (vec![0.0; m], vec![0.0; m]);
        for c in 0..n {
            let mut y = x.clone();
            y[c] += 1e-6;
            problem.evaluate(&y, &mut up, None);
            y[c] -= 2e-6;
            problem.evaluate(&y, &mut down, None);
            for i in 0..m {
                let numeric = (up[i] - down[i]) / 2e-6;
                assert!(
                    (numeric - j[(i, c)]).abs() <= 1e-8,
                    "{i} {c}: {numeric} {}",
                    j[(i, c)]
                );
            }
        }
    }
}
