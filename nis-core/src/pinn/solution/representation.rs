//! What solutions are made of.

use serde::{Deserialize, Serialize};

use super::super::features::Expansion;
use super::super::network::Trained;
use super::super::ode::Trajectory;
use super::super::points::Points;
use super::super::problem::Jet;
use crate::error::{Error, Result};

/// Parts of [`Representation::Pieces`] at most, and how deep they may nest.
const MAX_PARTS: usize = 10_000;
const MAX_NESTING: usize = 3;

/// What a solution is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Representation {
    /// Sums of features.
    Features(Expansion),
    /// A network.
    Network(Trained),
    /// Polynomials, step after step along the only coordinate.
    Trajectory(Trajectory),
    /// Parts that follow one another along an axis: part `k` holds up to `ends[k]`.
    Pieces {
        /// The axis.
        axis: usize,
        /// Upper ends, rising.
        ends: Vec<f64>,
        /// One per end.
        parts: Vec<Representation>,
    },
}

impl Representation {
    /// The values of jets at points: `out[k]` for `jets[k]`.
    pub(in super::super) fn jets(
        &self,
        jets: &[Jet],
        points: &Points,
        out: &mut [Vec<f64>],
    ) -> Result<()> {
        match self {
            Representation::Features(e) => e.jets(jets, points, out),
            Representation::Network(n) => n.jets(jets, points, out),
            Representation::Trajectory(t) => t.jets(jets, points, out),
            Representation::Pieces { axis, ends, parts } => {
                for column in out.iter_mut() {
                    column.clear();
                    column.resize(points.len(), 0.0);
                }
                let last = parts.len().saturating_sub(1);
                let piece = |v: f64| ends.partition_point(|e| *e < v).min(last);
                let mut own: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
                for (i, v) in points.column(*axis).iter().enumerate() {
                    if let Some(list) = own.get_mut(piece(*v)) {
                        list.push(i);
                    }
                }
                for (part, own) in parts.iter().zip(own) {
                    if own.is_empty() {
                        continue;
                    }
                    let mut here = Points::new(points.dimensions());
                    for i in &own {
                        here.push(
                            points
                                .columns()
                                .map(|c| c.get(*i).copied().unwrap_or(f64::NAN)),
                        );
                    }
                    let mut values = vec![Vec::new(); jets.len()];
                    part.jets(jets, &here, &mut values)?;
                    for (to, from) in out.iter_mut().zip(&values) {
                        for (i, v) in own.iter().zip(from) {
                            if let Some(place) = to.get_mut(*i) {
                                *place = *v;
                            }
                        }
                    }
                }
                Ok(())
            }
        }
    }

    /// Whether what was read from a file can be evaluated: sizes fit one another and numbers are finite.
    pub(super) fn check(&self, fields: usize, dimensions: usize) -> Result<()> {
        self.check_nested(fields, dimensions, 0)
    }

    fn check_nested(&self, fields: usize, dimensions: usize, depth: usize) -> Result<()> {
        match self {
            Representation::Features(e) => e.check(),
            Representation::Network(_) => Ok(()),
            Representation::Trajectory(t) => t.check(fields, dimensions),
            Representation::Pieces { axis, ends, parts } => {
                let fine = *axis < dimensions
                    && !parts.is_empty()
                    && parts.len() == ends.len()
                    && parts.len() <= MAX_PARTS
                    && depth < MAX_NESTING
                    && ends.iter().all(|e| e.is_finite())
                    && ends.windows(2).all(|w| w.first() < w.last());
                if !fine {
                    return Err(Error::invalid(
                        "representation.pieces",
                        format!("{} parts, {} ends, axis {axis}", parts.len(), ends.len()),
                        "an axis of the problem and rising ends, one for each part",
                    ));
                }
                let each = |p: &Representation| p.check_nested(fields, dimensions, depth + 1);
                parts.iter().try_for_each(each)
            }
        }
    }
}
