//! The optimisers behind one interface.

use super::loss::Loss;
use super::options::Optimiser;
use crate::error::Result;
use crate::optim::{
    AdamOptions, AdamState, BroydenOptions, BroydenState, GaussNewton, GaussNewtonState,
    LbfgsOptions, LbfgsState, Moved, Objective, Stepped,
};

/// The iteration, whichever it is.
pub(super) enum Machine {
    Gauss(Box<GaussNewton>),
    Broyden(BroydenState),
    Lbfgs(LbfgsState),
    Adam(AdamState<f64>, Vec<f64>),
}

impl Machine {
    pub(super) fn p(&self) -> &[f64] {
        match self {
            Machine::Gauss(g) => &g.state.p,
            Machine::Broyden(s) => &s.p,
            Machine::Lbfgs(s) => &s.p,
            Machine::Adam(_, p) => p,
        }
    }

    /// One step; the loss if it is known, and whether the iteration has come to an end.
    pub(super) fn step(&mut self, loss: &mut Loss<'_>, done: f64) -> Result<(Option<f64>, bool)> {
        let moved = |m: Moved| match m {
            Moved::Lower { value, .. } => (Some(value), false),
            Moved::Done => (None, true),
        };
        match self {
            Machine::Gauss(g) => Ok(match g.step(loss)? {
                Stepped::Lower { cost, .. } => (Some(cost), false),
                Stepped::Refused => (None, false),
                Stepped::Done => (None, true),
            }),
            Machine::Broyden(s) => Ok(moved(s.step(loss, &BroydenOptions::default())?)),
            Machine::Lbfgs(s) => Ok(moved(s.step(loss, &LbfgsOptions::default())?)),
            Machine::Adam(state, p) => {
                let mut gradient = vec![0.0; p.len()];
                let value = loss.evaluate(p, &mut gradient)?;
                if !value.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
                    return Ok((None, true));
                }
                let options = AdamOptions {
                    learning_rate: 5e-3 * 0.01f64.powf(done),
                    ..AdamOptions::default()
                };
                state.step(p, &gradient, &options);
                Ok((Some(value), false))
            }
        }
    }

    /// The loss has changed: what is known of it at this point is forgotten, the curvature is kept.
    pub(super) fn refresh(&mut self) {
        match self {
            Machine::Gauss(g) => {
                let p = g.state.p.clone();
                g.move_to(&p);
            }
            Machine::Broyden(s) => s.at = None,
            Machine::Lbfgs(s) => s.at = None,
            Machine::Adam(..) => {}
        }
    }

    pub(super) fn new(optimiser: Optimiser, p: Vec<f64>) -> Self {
        match optimiser {
            Optimiser::LevenbergMarquardt | Optimiser::Auto => {
                Machine::Gauss(Box::new(GaussNewton::new(GaussNewtonState {
                    p,
                    damping: 1e-2,
                    grow: 2.0,
                    iterations: 0,
                })))
            }
            Optimiser::Broyden => Machine::Broyden(BroydenState::new(p)),
            Optimiser::Lbfgs => Machine::Lbfgs(LbfgsState::new(p)),
            Optimiser::Adam => Machine::Adam(AdamState::<f64>::new(p.len()), p),
        }
    }
}

pub(super) fn chosen(optimiser: Optimiser, parameters: usize) -> (Optimiser, &'static str) {
    match optimiser {
        Optimiser::Auto if parameters <= 1500 => chosen(Optimiser::LevenbergMarquardt, 0),
        Optimiser::Auto if parameters <= 6000 => chosen(Optimiser::Broyden, 0),
        Optimiser::Auto => chosen(Optimiser::Lbfgs, 0),
        Optimiser::LevenbergMarquardt => (optimiser, "Levenberg-Marquardt"),
        Optimiser::Broyden => (optimiser, "self-scaled Broyden"),
        Optimiser::Lbfgs => (optimiser, "L-BFGS"),
        Optimiser::Adam => (optimiser, "Adam"),
    }
}

/// Steps at most, and steps after which points are drawn anew.
pub(super) fn pace(optimiser: Optimiser) -> (usize, usize) {
    match optimiser {
        Optimiser::LevenbergMarquardt | Optimiser::Auto => (3000, 10),
        Optimiser::Broyden => (20_000, 200),
        Optimiser::Lbfgs => (20_000, 500),
        Optimiser::Adam => (20_000, 500),
    }
}
