//! Minimisation with gradients by self-scaled Broyden and BFGS updates of the dense inverse Hessian.
//!
//! Al-Baali, "Numerical experience with a class of self-scaling quasi-Newton algorithms", J. Optim. Theory Appl. 96
//! (1998) 533; Al-Baali and Khalfan, "Wide interval for efficient self-scaling quasi-Newton algorithms", Optim.
//! Methods Softw. 20 (2005) 679; in the form of Kiyani, Shukla, Urban, Darbon and Karniadakis, arXiv 2501.16371,
//! eqs. (11)-(23). The line search is that of [`super::LbfgsState`] and ends whatever the function does.

use serde::{Deserialize, Serialize};

use super::lbfgs::{Moved, Objective, Point, WolfeOptions, add, advance, dot, known_at, search};
use crate::error::{Error, Result};

/// How the inverse Hessian follows from the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BroydenUpdate {
    /// Broyden, Fletcher, Goldfarb and Shanno, without scaling.
    Bfgs,
    /// The same, the old matrix scaled down where its curvature was too small.
    SelfScaledBfgs,
    /// A member of Broyden's class chosen per step, scaled (default).
    #[default]
    SelfScaledBroyden,
}

/// Update and line search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BroydenOptions {
    /// The update.
    pub update: BroydenUpdate,
    /// Evaluations per line search at most.
    pub evaluations: usize,
    /// Share of the decrease along the tangent that a step must bring.
    pub decrease: f64,
    /// Share of the slope that may be left.
    pub curvature: f64,
}

impl Default for BroydenOptions {
    fn default() -> Self {
        BroydenOptions {
            update: BroydenUpdate::default(),
            evaluations: 20,
            decrease: 1e-4,
            curvature: 0.9,
        }
    }
}

/// Where the iteration stands; goes on from it bit for bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BroydenState {
    /// The parameters.
    pub p: Vec<f64>,
    /// The value and the gradient there, once evaluated.
    pub at: Option<(f64, Vec<f64>)>,
    /// Lower triangle of the approximate inverse Hessian, row by row; empty before the first step.
    pub inverse: Vec<f64>,
    /// Iterations done.
    pub iterations: usize,
    /// Evaluations done.
    pub evaluations: usize,
}

impl BroydenState {
    /// Starts at `p`.
    pub fn new(p: Vec<f64>) -> Self {
        BroydenState {
            p,
            at: None,
            inverse: Vec::new(),
            iterations: 0,
            evaluations: 0,
        }
    }

    /// Forgets value and gradient but keeps the curvature: for a function that has changed a little.
    pub fn refresh(&mut self) {
        self.at = None;
    }

    /// One iteration. Costs the evaluations of its line search (about one) and `4 P^2` operations; holds
    /// `P^2/2 + 8 P` numbers.
    ///
    /// ```
    /// use nis_core::optim::{BroydenOptions, BroydenState, Moved, Objective};
    /// /// (p0 - 3)^2 + 10 (p1 + 1)^2
    /// struct Bowl;
    /// impl Objective for Bowl {
    ///     fn parameters(&self) -> usize { 2 }
    ///     fn evaluate(&mut self, p: &[f64], g: &mut [f64]) -> nis_core::Result<f64> {
    ///         let (a, b) = (p[0] - 3.0, p[1] + 1.0);
    ///         (g[0], g[1]) = (2.0 * a, 20.0 * b);
    ///         Ok(a * a + 10.0 * b * b)
    ///     }
    /// }
    /// let mut state = BroydenState::new(vec![0.0, 0.0]);
    /// while state.iterations < 50 && state.step(&mut Bowl, &BroydenOptions::default())? != Moved::Done {}
    /// assert!((state.p[0] - 3.0).abs() < 1e-8 && (state.p[1] + 1.0).abs() < 1e-8);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Numerical`] where the function does not exist at the start; [`Error::InvalidInput`] where the state
    /// does not fit the function; those of the function.
    pub fn step(&mut self, problem: &mut dyn Objective, options: &BroydenOptions) -> Result<Moved> {
        let n = self.p.len();
        if problem.parameters() != n || n == 0 {
            return Err(Error::invalid(
                "p",
                n,
                format!("{} (at least 1) parameters", problem.parameters()),
            ));
        }
        if !self.inverse.is_empty() && self.inverse.len() != n * (n + 1) / 2 {
            return Err(Error::invalid(
                "inverse",
                self.inverse.len(),
                format!("the lower triangle of {n} rows"),
            ));
        }
        let known = self.at.take();
        let method = "self-scaled Broyden";
        let (value, gradient) = known_at(problem, &self.p, known, &mut self.evaluations, method)?;
        self.iterations += 1;
        let fresh = self.inverse.is_empty();
        let mut direction = vec![0.0; n];
        if fresh {
            add(&mut direction, -1.0, &gradient);
        } else {
            times(&self.inverse, &gradient, &mut direction);
            direction.iter_mut().for_each(|d| *d = -*d);
        }
        let slope = dot(&gradient, &direction);
        if slope.is_nan() || slope >= 0.0 {
            self.at = Some((value, gradient));
            return Ok(self.forget(value, fresh));
        }
        // Without curvature the length of the step is unknown: at most 1 in the largest parameter.
        let largest = direction.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        let first = if fresh { (1.0 / largest).min(1.0) } else { 1.0 };
        let start = Point {
            step: 0.0,
            value,
            slope,
            gradient,
        };
        let wolfe = WolfeOptions {
            evaluations: options.evaluations,
            decrease: options.decrease,
            curvature: options.curvature,
        };
        let (found, evaluations) = search(problem, &self.p, &direction, &start, first, &wolfe)?;
        self.evaluations += evaluations;
        let Some(found) = found else {
            self.at = Some((value, start.gradient));
            return Ok(self.forget(value, fresh));
        };
        let s = advance(&mut self.p, found.step, &direction);
        let mut y = found.gradient.clone();
        add(&mut y, -1.0, &start.gradient);
        self.update(&s, &y, found.step, dot(&s, &start.gradient), options.update);
        let share = (value - found.value) / value.abs().max(f64::MIN_POSITIVE);
        let value = found.value;
        self.at = Some((value, found.gradient));
        Ok(Moved::Lower { value, share })
    }

    /// No step was found: the next iteration tries the steepest descent, or it is the end.
    fn forget(&mut self, value: f64, fresh: bool) -> Moved {
        self.inverse.clear();
        if fresh {
            Moved::Done
        } else {
            Moved::Lower { value, share: 0.0 }
        }
    }

    /// Eqs. (11)-(23) of arXiv 2501.16371 for the step `s = alpha d` with the gradient change `y`; `descent` is
    /// `s . g` before the step.
    fn update(&mut self, s: &[f64], y: &[f64], alpha: f64, descent: f64, update: BroydenUpdate) {
        let n = s.len();
        let (ys, yy) = (dot(y, s), dot(y, y));
        if ys.is_nan() || ys <= 1e-14 * (yy * dot(s, s)).sqrt() {
            return;
        }
        let fresh = self.inverse.is_empty();
        if fresh {
            // Nocedal and Wright, Numerical Optimization, eq. (6.20).
            self.inverse = vec![0.0; n * (n + 1) / 2];
            for i in 0..n {
                if let Some(h) = self.inverse.get_mut(i * (i + 3) / 2) {
                    *h = ys / yy;
                }
            }
        }
        let mut hy = vec![0.0; n];
        times(&self.inverse, y, &mut hy);
        let yhy = dot(y, &hy);
        if yhy.is_nan() || yhy <= 0.0 {
            self.inverse.clear();
            return;
        }
        // s.B s is -alpha s.g but for the first step, whose direction did not come from this matrix.
        let sbs = if fresh {
            dot(s, s) * yy / ys
        } else {
            -alpha * descent
        };
        let (scale, member) = scaling(n, sbs / ys, yhy / ys, update);
        let own = (member - 1.0) / (scale * yhy);
        let cross = -member / (scale * ys);
        let step = member * yhy / (scale * ys * ys) + 1.0 / ys;
        let mut rest = self.inverse.as_mut_slice();
        for i in 0..n {
            let (row, after) = rest.split_at_mut((i + 1).min(rest.len()));
            rest = after;
            let (si, hi) = (s[i], hy[i]);
            let (by_h, by_s) = (own * hi + cross * si, step * si + cross * hi);
            for ((r, h), s) in row.iter_mut().zip(&hy).zip(s) {
                *r = *r / scale + by_h * h + by_s * s;
            }
        }
    }
}

/// `tau` by which the old matrix is divided and `phi`, the member of Broyden's class (1 is BFGS).
fn scaling(n: usize, b: f64, h: f64, update: BroydenUpdate) -> (f64, f64) {
    let first = (1.0 / b).min(1.0); // eq. (11)
    let plain = (1.0, 1.0);
    if update == BroydenUpdate::Bfgs || b.is_nan() || b <= 0.0 {
        return plain;
    }
    if update == BroydenUpdate::SelfScaledBfgs || n < 2 {
        return (first, 1.0);
    }
    let a = h * b - 1.0; // eq. (17), not negative but for rounding
    if a.is_nan() || a <= 1e-12 {
        return (first, 1.0);
    }
    let c = (a / (1.0 + a)).sqrt();
    let low = (h * (1.0 - c)).min(1.0);
    let theta = ((1.0 - b) / b).min(1.0 / low).max((low - 1.0) / a); // eq. (22)
    let sigma = 1.0 + a * theta;
    let root = sigma.abs().powf(-1.0 / (n as f64 - 1.0));
    let tau = if theta > 0.0 {
        first * root.min(1.0 / theta)
    } else {
        (first * root).min(sigma)
    };
    let phi = (1.0 - theta) / sigma; // eq. (14)
    if tau > 0.0 && tau.is_finite() && phi.is_finite() {
        (tau, phi)
    } else {
        plain
    }
}

/// `out = H x` for a symmetric matrix by its lower triangle.
fn times(lower: &[f64], x: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    let mut rest = lower;
    for (i, xi) in x.iter().enumerate() {
        let Some((row, after)) = rest.split_at_checked(i + 1) else {
            return;
        };
        rest = after;
        let (before, here) = out.split_at_mut(i);
        let mut lanes = [0.0; 8];
        let whole = i - i % 8;
        let blocks = before.chunks_exact_mut(8).zip(row.chunks_exact(8));
        for ((o, r), x) in blocks.zip(x.chunks_exact(8)) {
            for k in 0..8 {
                lanes[k] += r[k] * x[k];
                o[k] += r[k] * xi;
            }
        }
        let mut sum: f64 = lanes.iter().sum();
        for k in whole..i {
            sum += row[k] * x[k];
            before[k] += row[k] * xi;
        }
        here[0] += sum + row[i] * xi;
    }
}

#[cfg(test)]
#[path = "broyden_tests.rs"]
mod tests;
