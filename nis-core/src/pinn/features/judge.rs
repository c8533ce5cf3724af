//! How good a solution is, on points that it was not made from.

use super::super::points::Points;
use super::super::problem::Problem;
use super::rows::{Rows, Says, State};
use super::sets::spread;
use crate::error::Result;

/// Fresh points.
pub(super) struct Judge {
    sets: Vec<Rows>,
}

/// Seed of the fresh points, so that they are not those of the rows.
const FRESH: u64 = 0x6a75_6467_6521_0001;

fn rms(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut n) = (0.0, 0usize);
    for v in values {
        sum += v * v;
        n += 1;
    }
    (sum / n.max(1) as f64).sqrt()
}

impl Judge {
    pub(super) fn new(problem: &Problem, seed: u64) -> Result<Self> {
        let (inside, edge) = match problem.coordinates.len() {
            1 => (127, 1),
            2 => (331, 67),
            _ => (701, 211),
        };
        Ok(Judge {
            sets: spread(problem, inside, edge, seed ^ FRESH)?,
        })
    }

    /// `evaluate` gives derivatives of the fields, `[field][order]`.
    ///
    /// The largest over equations and conditions of the residual's root mean square relative to that of the largest
    /// term; a condition's terms are measured by the size of the fields and slopes inside. Infinite where a value is
    /// not finite.
    pub(super) fn residual(
        &self,
        problem: &Problem,
        state: &State,
        evaluate: impl Fn(&[&[u8]], &Points) -> Result<Vec<Vec<Vec<f64>>>>,
    ) -> Result<f64> {
        let mut orders: Vec<&[u8]> = Vec::new();
        for jet in &problem.jets {
            if !orders.contains(&jet.order.as_slice()) {
                orders.push(&jet.order);
            }
        }
        let (mut inside, mut shared): (Vec<f64>, Option<Vec<Vec<f64>>>) = (Vec::new(), None);
        let mut worst = 0.0;
        for set in &self.sets {
            let equation = matches!(set.says, Says::Equation(_));
            let jets = match (&shared, equation) {
                (Some(jets), true) => jets.clone(),
                _ => {
                    let sums = evaluate(&orders, &set.points)?;
                    let of = |jet: &super::super::problem::Jet| {
                        let place = orders.iter().position(|o| *o == jet.order.as_slice())?;
                        sums.get(jet.field)?.get(place).cloned()
                    };
                    let jets: Vec<Vec<f64>> = problem
                        .jets
                        .iter()
                        .map(|j| of(j).unwrap_or_default())
                        .collect();
                    if equation {
                        inside = jets.iter().map(|j| rms(j.iter().copied())).collect();
                        shared = Some(jets.clone());
                    }
                    jets
                }
            };
            let values = set.values(problem, &jets, state)?;
            let (by_jet, by_unknown) = set.slopes(problem, &jets, state)?;
            let mut source = values.clone();
            let mut scale = 0.0f64;
            for (k, slope) in &by_jet {
                let term = slope.iter().zip(&jets[*k]).map(|(s, u)| s * u);
                scale = scale.max(rms(term.clone()));
                if !equation {
                    let size = inside.get(*k).copied().unwrap_or(0.0);
                    scale = scale.max(rms(slope.iter().copied()) * size);
                }
                for (s, t) in source.iter_mut().zip(term) {
                    *s -= t;
                }
            }
            for (k, slope) in &by_unknown {
                let p = state.parameters.get(*k).copied().unwrap_or(0.0);
                scale = scale.max(rms(slope.iter().map(|s| s * p)));
            }
            scale = scale.max(rms(source.iter().copied()));
            let error = rms(values.iter().copied());
            let relative = if error == 0.0 { 0.0 } else { error / scale };
            if !relative.is_finite() {
                return Ok(f64::INFINITY);
            }
            if relative > worst {
                worst = relative;
            }
        }
        Ok(worst)
    }
}
