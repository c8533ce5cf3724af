//! Damped Gauss-Newton steps on normal equations that the problem forms itself: for many residuals per
//! parameter, sparse rows, and losses other than squares.
//!
//! The method of Levenberg and Marquardt as in [`super::levenberg_marquardt`] (Marquardt's scaling; Nielsen,
//! IMM-REP-1999-05, for the damping), one step at a time, so that the caller can look at each and store the state.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::{factor, solve};
use faer::{Mat, MatMut, Par};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const METHOD: &str = "Gauss-Newton";

/// Damping beyond which no step is tried any more.
const MOST_DAMPING: f64 = 1e20;

/// A cost to be minimised together with a model of it that is quadratic around a point.
pub trait Quadratic {
    /// Number of parameters.
    fn parameters(&self) -> usize;

    /// The cost at `p`; `None` where it does not exist, the step is then shortened.
    ///
    /// # Errors
    /// [`Error::Cancelled`] and what the problem meets.
    fn cost(&mut self, p: &[f64]) -> Result<Option<f64>>;

    /// The cost at `p`, its gradient, and a positive semi-definite approximation of its Hessian, of which only
    /// the lower triangle is written (both are zeroed before the call).
    ///
    /// # Errors
    /// As [`Quadratic::cost`].
    fn model(
        &mut self,
        p: &[f64],
        gradient: &mut [f64],
        hessian: MatMut<'_, f64>,
    ) -> Result<Option<f64>>;
}

/// Where the iteration stands; goes on from it bit for bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GaussNewtonState {
    /// The parameters.
    pub p: Vec<f64>,
    /// Damping relative to the diagonal of the Hessian.
    pub damping: f64,
    /// Factor by which the next refused step raises the damping.
    pub grow: f64,
    /// Steps tried.
    pub iterations: usize,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stepped {
    /// The cost fell.
    Lower {
        /// The cost after the step.
        cost: f64,
        /// By which share of the cost before it fell.
        share: f64,
        /// The decrease over that which the model foresaw.
        gain: f64,
    },
    /// The cost would not have fallen: the parameters stay and the damping rises.
    Refused,
    /// No damping gives a lower cost, or the gradient vanishes.
    Done,
}

/// The iteration. Holds two `P` x `P` matrices; a step costs one model, one cost and `P^3/3` operations.
#[derive(Debug)]
pub struct GaussNewton {
    /// Where it stands.
    pub state: GaussNewtonState,
    cost: Option<f64>,
    hessian: Mat<f64>,
    factor: Mat<f64>,
    gradient: Vec<f64>,
    step: Vec<f64>,
    trial: Vec<f64>,
}

impl GaussNewton {
    /// Starts at `p` with this damping, or goes on from a stored state.
    pub fn new(state: GaussNewtonState) -> Self {
        let n = state.p.len();
        GaussNewton {
            cost: None,
            hessian: Mat::zeros(n, n),
            factor: Mat::zeros(n, n),
            gradient: vec![0.0; n],
            step: vec![0.0; n],
            trial: vec![0.0; n],
            state,
        }
    }

    /// The cost where it stands, once a step was tried.
    pub fn cost(&self) -> Option<f64> {
        self.cost
    }

    /// The Hessian of the last model (lower triangle).
    pub fn hessian(&self) -> &Mat<f64> {
        &self.hessian
    }

    /// Moves the parameters between steps, for example to the minimum over some of them; the model is formed
    /// anew before the next step.
    pub fn move_to(&mut self, p: &[f64]) {
        self.state.p.copy_from_slice(p);
        self.cost = None;
    }

    /// Tries one step.
    ///
    /// # Errors
    /// [`Error::Numerical`] where the cost does not exist where the iteration stands; those of the problem.
    pub fn step(&mut self, problem: &mut dyn Quadratic) -> Result<Stepped> {
        let n = self.state.p.len();
        if problem.parameters() != n {
            return Err(Error::invalid(
                "p",
                n,
                format!("{} parameters", problem.parameters()),
            ));
        }
        let cost = match self.cost {
            Some(cost) => cost,
            None => self.form(problem)?,
        };
        self.state.iterations += 1;
        let still = self.gradient.iter().all(|g| *g == 0.0);
        if still || self.state.damping > MOST_DAMPING {
            return Ok(Stepped::Done);
        }
        let Some(foreseen) = self.solve(0, self.state.damping) else {
            self.raise();
            return Ok(Stepped::Refused);
        };
        let longest = self.state.p.iter().zip(&self.step);
        if longest.clone().all(|(p, s)| p + s == *p) {
            return Ok(Stepped::Done);
        }
        for (t, (p, s)) in self.trial.iter_mut().zip(longest) {
            *t = p + s;
        }
        let after = problem.cost(&self.trial)?.filter(|c| c.is_finite());
        let gain = after.map_or(f64::NAN, |c| (cost - c) / foreseen);
        let Some(after) = after.filter(|c| gain > 0.0 && *c < cost) else {
            self.raise();
            return Ok(Stepped::Refused);
        };
        self.state.p.copy_from_slice(&self.trial);
        self.state.damping *= (1.0 - (2.0 * gain - 1.0).powi(3)).max(1.0 / 9.0);
        self.state.damping = self.state.damping.max(1e-16);
        self.state.grow = 2.0;
        self.cost = None;
        Ok(Stepped::Lower {
            cost: after,
            share: (cost - after) / cost,
            gain,
        })
    }

    /// Moves the parameters from number `from` on to the minimum of the model over them alone: exact where the cost is
    /// quadratic in them. Costs a model, a cost and `(P - from)^3/3` operations; returns whether the cost fell.
    ///
    /// # Errors
    /// As [`GaussNewton::step`].
    pub fn settle(&mut self, problem: &mut dyn Quadratic, from: usize) -> Result<bool> {
        let cost = match self.cost {
            Some(cost) => cost,
            None => self.form(problem)?,
        };
        self.trial.copy_from_slice(&self.state.p);
        let n = self.step.len();
        if from >= n || self.solve(from, 1e-13).is_none() {
            return Ok(false);
        }
        for (t, s) in self.trial.iter_mut().zip(&self.step).skip(from) {
            *t += s;
        }
        let after = problem.cost(&self.trial)?.filter(|c| *c < cost);
        if after.is_some() {
            self.state.p.copy_from_slice(&self.trial);
            self.cost = None;
        }
        Ok(after.is_some())
    }

    fn raise(&mut self) {
        self.state.damping *= self.state.grow;
        self.state.grow *= 2.0;
    }

    /// Forms the model where the iteration stands.
    fn form(&mut self, problem: &mut dyn Quadratic) -> Result<f64> {
        self.gradient.fill(0.0);
        self.hessian.fill(0.0);
        let cost = problem.model(&self.state.p, &mut self.gradient, self.hessian.as_mut())?;
        let finite = self.gradient.iter().all(|g| g.is_finite());
        let cost = cost.filter(|c| c.is_finite() && finite).ok_or_else(|| {
            Error::numerical(METHOD, "the cost does not exist at the point it stands at")
        })?;
        self.cost = Some(cost);
        Ok(cost)
    }

    /// The damped step of the parameters from number `from` on; returns the decrease that the model foresees, `None`
    /// where the matrix is not definite.
    fn solve(&mut self, from: usize, damping: f64) -> Option<f64> {
        let (all, n) = (self.step.len(), self.step.len() - from);
        let diagonal = |i: usize| self.hessian[(i, i)];
        let largest = (from..all).map(diagonal).fold(0.0, f64::max);
        // A parameter without influence still needs a positive weight.
        let least = if largest > 0.0 { 1e-12 * largest } else { 1.0 };
        for j in from..all {
            let column = self.hessian.col(j);
            let mut into = self.factor.as_mut().col_mut(j);
            for (to, value) in into.iter_mut().zip(column.iter()).skip(j) {
                *to = *value;
            }
            self.factor[(j, j)] += damping * self.hessian[(j, j)].max(least);
            self.step[j] = -self.gradient[j];
        }
        let mut factor = self.factor.as_mut().submatrix_mut(from, from, n, n);
        let mut memory = MemBuffer::new(factor::cholesky_in_place_scratch::<f64>(
            n,
            Par::Seq,
            Default::default(),
        ));
        factor::cholesky_in_place(
            factor.as_mut(),
            Default::default(),
            Par::Seq,
            MemStack::new(&mut memory),
            Default::default(),
        )
        .ok()?;
        solve::solve_in_place(
            factor.as_ref(),
            MatMut::from_column_major_slice_mut(&mut self.step[from..], n, 1),
            Par::Seq,
            MemStack::new(&mut memory),
        );
        // -(g.s + 1/2 s.H s) written as 1/2 s.(damping D s - g), which is free of cancellation.
        let mut foreseen = 0.0;
        for j in from..all {
            let weight = damping * self.hessian[(j, j)].max(least);
            foreseen += 0.5 * self.step[j] * (weight * self.step[j] - self.gradient[j]);
        }
        (foreseen > 0.0 && foreseen.is_finite()).then_some(foreseen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's function by its two residuals.
    struct Rosenbrock;

    impl Quadratic for Rosenbrock {
        fn parameters(&self) -> usize {
            2
        }
        fn cost(&mut self, p: &[f64]) -> Result<Option<f64>> {
            if p[0] > 3.0 {
                return Ok(None);
            }
            let (a, b) = (10.0 * (p[1] - p[0] * p[0]), 1.0 - p[0]);
            Ok(Some(0.5 * (a * a + b * b)))
        }
        fn model(
            &mut self,
            p: &[f64],
            gradient: &mut [f64],
            mut hessian: MatMut<'_, f64>,
        ) -> Result<Option<f64>> {
            let (a, b) = (10.0 * (p[1] - p[0] * p[0]), 1.0 - p[0]);
            let rows = [([-20.0 * p[0], 10.0], a), ([-1.0, 0.0], b)];
            for (j, r) in rows {
                for i in 0..2 {
                    gradient[i] += j[i] * r;
                    for k in 0..=i {
                        hessian[(i, k)] += j[i] * j[k];
                    }
                }
            }
            self.cost(p)
        }
    }

    fn from(p: [f64; 2]) -> GaussNewton {
        GaussNewton::new(GaussNewtonState {
            p: p.to_vec(),
            damping: 1e-3,
            grow: 2.0,
            iterations: 0,
        })
    }

    #[test]
    fn rosenbrock_and_going_on_from_a_stored_state() {
        let mut whole = from([-1.2, 1.0]);
        for _ in 0..60 {
            whole.step(&mut Rosenbrock).unwrap();
        }
        assert!((whole.state.p[0] - 1.0).abs() < 1e-10, "{:?}", whole.state);
        let mut first = from([-1.2, 1.0]);
        for _ in 0..7 {
            first.step(&mut Rosenbrock).unwrap();
        }
        let text = serde_json::to_string(&first.state).unwrap();
        let mut second = GaussNewton::new(serde_json::from_str(&text).unwrap());
        for _ in 0..53 {
            second.step(&mut Rosenbrock).unwrap();
        }
        assert_eq!(second.state, whole.state);
    }

    #[test]
    fn a_start_without_cost_is_an_error() {
        let e = from([4.0, 0.0]).step(&mut Rosenbrock).unwrap_err();
        assert_eq!(e.code(), crate::error::Code::Numerical);
    }
}
