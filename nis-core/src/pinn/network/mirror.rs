//! Mirror symmetry: where a problem says the same after `x -> 2c - x`, its solution is even or odd in `x - c`, and the
//! network is made so: `(N(x) + s N(2c - x))/2`. Equations are then asked for on one half only.
//!
//! The symmetry is found by evaluating every residual at random arguments and at their mirror images; it is used for
//! problems with time, whose solution is determined by its start. (The solution of a steady problem that is not
//! linear need not have the symmetry of the problem.)

use serde::{Deserialize, Serialize};

use super::super::points::{Points, Sequence};
use super::super::problem::{Jet, Place, Problem, Residual, Role};
use super::kernel::Streams;
use super::lift::{Lift, Lifting};
use crate::error::Result;
use crate::optim::Random;

/// A mirror symmetry of the fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mirror {
    pub(super) axis: usize,
    pub(super) centre: f64,
    /// 1 for an even field, -1 for an odd one.
    pub(super) signs: Vec<f64>,
}

/// Random arguments at which residuals are compared.
const TRIALS: usize = 12;

impl Mirror {
    /// The first symmetry found, axis by axis.
    pub(super) fn find(problem: &Problem, lifts: &[Lift]) -> Result<Option<Self>> {
        let fields = problem.fields.len();
        let boxed = problem.domain.is_box();
        if !boxed || problem.time().is_none() || problem.spec.data.is_some() || fields > 4 {
            return Ok(None);
        }
        for (axis, coordinate) in problem.coordinates.iter().enumerate() {
            if coordinate.role != Role::Space {
                continue;
            }
            let centre = 0.5 * (coordinate.range[0] + coordinate.range[1]);
            for pattern in 0..1u32 << fields {
                let sign = |f: usize| if pattern >> f & 1 == 1 { -1.0 } else { 1.0 };
                let mirror = Mirror {
                    axis,
                    centre,
                    signs: (0..fields).map(sign).collect(),
                };
                if mirror.keeps(problem) && mirror.keeps_lifts(problem, lifts)? {
                    return Ok(Some(mirror));
                }
            }
        }
        Ok(None)
    }

    /// Where a value of this coordinate goes.
    pub(super) fn image(&self, value: f64) -> f64 {
        2.0 * self.centre - value
    }

    /// Brings points onto the upper half.
    pub(super) fn fold(&self, points: &mut Points) {
        for v in points.column_mut(self.axis) {
            *v = self.centre + (*v - self.centre).abs();
        }
    }

    /// The mirror images of points.
    pub(super) fn images(&self, columns: &[&[f64]]) -> Vec<Vec<f64>> {
        let each = columns.iter().enumerate().map(|(k, c)| {
            if k == self.axis {
                c.iter().map(|v| self.image(*v)).collect()
            } else {
                c.to_vec()
            }
        });
        each.collect()
    }

    /// The sign of a derivative of a field under the mirror.
    pub(super) fn sign(&self, field: usize, order: &[u8]) -> f64 {
        let own = self.signs.get(field).copied().unwrap_or(1.0);
        let odd = order.get(self.axis).is_some_and(|o| o % 2 == 1);
        if odd { -own } else { own }
    }

    /// Signs of all streams: `[stream * outputs + output]`.
    pub(super) fn of_streams(&self, streams: &Streams, outputs: usize) -> Vec<f64> {
        let orders = streams.orders().iter();
        orders
            .flat_map(|order| (0..outputs).map(|field| self.sign(field, order)))
            .collect()
    }

    /// Replaces streams of the network at points by those of its symmetric part: half of their sum with the ones at
    /// the images.
    pub(super) fn join(signs: &[f64], values: &mut [f64], images: &[f64]) {
        let n = values.len() / signs.len().max(1);
        if n == 0 {
            return;
        }
        let both = values.chunks_exact_mut(n).zip(images.chunks_exact(n));
        for ((values, images), sign) in both.zip(signs) {
            for (v, i) in values.iter_mut().zip(images) {
                *v = 0.5 * (*v + sign * i);
            }
        }
    }

    /// Whether every equation and condition says the same in the mirror.
    fn keeps(&self, problem: &Problem) -> bool {
        let mut random = Random(0x3177);
        let equations = problem.equations.iter();
        if !equations
            .into_iter()
            .all(|e| self.same(problem, e, e, None, &mut random))
        {
            return false;
        }
        problem.conditions.iter().all(|condition| {
            if matches!(condition.place, Place::Periodic { .. }) {
                return true;
            }
            let Some(image) = self.place(&condition.place) else {
                return false;
            };
            problem.conditions.iter().any(|other| {
                other.place == image
                    && self.same(
                        problem,
                        &condition.residual,
                        &other.residual,
                        Some(&condition.place),
                        &mut random,
                    )
            })
        })
    }

    fn place(&self, place: &Place) -> Option<Place> {
        match place {
            Place::Face { axis, value } => Some(Place::Face {
                axis: *axis,
                value: if *axis == self.axis {
                    self.image(*value)
                } else {
                    *value
                },
            }),
            Place::Boundary => Some(Place::Boundary),
            _ => None,
        }
    }

    /// Whether `b` at the mirror images of arguments is always `a`, or always `-a`.
    fn same(
        &self,
        problem: &Problem,
        a: &Residual,
        b: &Residual,
        place: Option<&Place>,
        random: &mut Random,
    ) -> bool {
        let (mut even, mut odd) = (true, true);
        for _ in 0..TRIALS {
            let (mut here, mut there) = (Vec::new(), Vec::new());
            for (k, c) in problem.coordinates.iter().enumerate() {
                let share = 0.5 + 0.5 * random.symmetric();
                let v = match place {
                    Some(Place::Face { axis, value }) if *axis == k => *value,
                    _ => c.range[0] + share * (c.range[1] - c.range[0]),
                };
                here.push(v);
                there.push(if k == self.axis { self.image(v) } else { v });
            }
            for jet in &problem.jets {
                let v = 1.5 * random.symmetric();
                here.push(v);
                there.push(v * self.sign(jet.field, &jet.order));
            }
            for unknown in &problem.unknowns {
                let v = unknown.start + random.symmetric();
                here.push(v);
                there.push(v);
            }
            for k in 0..problem.coordinates.len() {
                let v = random.symmetric();
                here.push(v);
                there.push(if k == self.axis { -v } else { v });
            }
            let (u, v) = (
                a.value.evaluate_point(&here),
                b.value.evaluate_point(&there),
            );
            let tolerance = 1e-11 * (1.0 + u.abs());
            even &= (u - v).abs() <= tolerance;
            odd &= (u + v).abs() <= tolerance;
        }
        even || odd
    }

    /// Whether the bases have the symmetry of their fields, and the factors are even.
    fn keeps_lifts(&self, problem: &Problem, lifts: &[Lift]) -> Result<bool> {
        let mut sequence = Sequence::new(problem.coordinates.len(), 11);
        let here = problem.domain.interior(32, &mut sequence)?;
        let mut there = here.clone();
        for v in there.column_mut(self.axis) {
            *v = self.image(*v);
        }
        for (field, lift) in lifts.iter().enumerate() {
            let sign = self.signs.get(field).copied().unwrap_or(1.0);
            for (formula, sign) in [(&lift.base, sign), (&lift.factor, 1.0)] {
                let own = [Lift {
                    base: formula.clone(),
                    factor: formula.clone(),
                }];
                let jet = Jet {
                    field: 0,
                    order: vec![0; problem.coordinates.len()],
                };
                let lifting = Lifting::new(problem, &own, &[jet])?;
                let (a, b) = (lifting.at(&here)?, lifting.at(&there)?);
                let pairs = a.base.iter().flatten().zip(b.base.iter().flatten());
                for (a, b) in pairs {
                    let off = (a - sign * b).abs();
                    if off.is_nan() || off > 1e-11 * (1.0 + a.abs()) {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}
