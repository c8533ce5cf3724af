//! Solutions of initial-value problems: polynomials, step after step.

use serde::{Deserialize, Serialize};

use super::super::points::Points;
use super::super::problem::Jet;
use crate::error::{Error, Result};

/// Numbers that a trajectory may hold (128 MiB).
pub(super) const MAX_NUMBERS: usize = 1 << 24;

/// Fields as polynomials in time, one for each step and component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Trajectory {
    /// Times between the steps, rising: one more than steps.
    pub(super) times: Vec<f64>,
    /// Order of each field; its components are the field and the derivatives below that order.
    pub(super) orders: Vec<usize>,
    /// Degree of the polynomials of each step.
    pub(super) degrees: Vec<usize>,
    /// Where each step's polynomial is centred: 0 at its beginning, 1 at its end (steps made backwards).
    pub(super) from_end: Vec<bool>,
    /// Step by step, component by component: coefficients of powers of (time less centre) over the step's length.
    pub(super) coefficients: Vec<f64>,
}

impl Trajectory {
    /// No steps yet.
    pub(super) fn new(orders: Vec<usize>) -> Self {
        Trajectory {
            times: Vec::new(),
            orders,
            degrees: Vec::new(),
            from_end: Vec::new(),
            coefficients: Vec::new(),
        }
    }

    fn components(&self) -> usize {
        self.orders.iter().fold(0, |a, n| a.saturating_add(*n))
    }

    /// Adds a step that begins where the last one ended; coefficients as in [`Trajectory::coefficients`].
    pub(super) fn push(
        &mut self,
        begin: f64,
        end: f64,
        degree: usize,
        coefficients: &[f64],
    ) -> Result<()> {
        if self.coefficients.len() + coefficients.len() > MAX_NUMBERS {
            return Err(Error::Limit {
                what: "numbers of a trajectory".into(),
                limit: MAX_NUMBERS as u64,
                got: (self.coefficients.len() + coefficients.len()) as u64,
            });
        }
        if self.times.is_empty() {
            self.times.push(begin);
        }
        self.times.push(end);
        self.degrees.push(degree);
        self.from_end.push(false);
        self.coefficients.extend_from_slice(coefficients);
        Ok(())
    }

    /// The same steps in the order of rising time, where they were made backwards.
    pub(super) fn reversed(mut self) -> Self {
        let n = self.components();
        self.times.reverse();
        let mut end = self.coefficients.len();
        let mut coefficients = Vec::with_capacity(end);
        for degree in self.degrees.iter().rev() {
            let begin = end.saturating_sub(n * (degree + 1));
            let step = self.coefficients.get(begin..end).unwrap_or(&[]);
            // Powers of (t - end)/length with the sign of time turned.
            for own in step.chunks(degree + 1) {
                coefficients.extend(
                    own.iter()
                        .enumerate()
                        .map(|(k, c)| if k % 2 == 0 { *c } else { -c }),
                );
            }
            end = begin;
        }
        self.coefficients = coefficients;
        self.degrees.reverse();
        self.from_end = self.degrees.iter().map(|_| true).collect();
        self
    }

    /// These steps and then those of `later`.
    pub(super) fn joined(mut self, later: Self) -> Self {
        if self.times.is_empty() {
            return later;
        }
        self.times.extend(later.times.iter().skip(1));
        self.degrees.extend(later.degrees);
        self.from_end.extend(later.from_end);
        self.coefficients.extend(later.coefficients);
        self
    }

    /// Steps.
    pub(super) fn steps(&self) -> usize {
        self.degrees.len()
    }

    /// Whether what was read can be evaluated.
    pub(in super::super) fn check(&self, fields: usize, dimensions: usize) -> Result<()> {
        let n = self.components();
        let room = self.degrees.iter().fold(0usize, |a, d| {
            a.saturating_add(n.saturating_mul(d.saturating_add(1)))
        });
        let fine = dimensions == 1
            && self.orders.len() == fields
            && self.orders.iter().all(|n| *n >= 1)
            && !self.degrees.is_empty()
            && self.times.len() == self.degrees.len() + 1
            && self.from_end.len() == self.degrees.len()
            && self.times.iter().all(|t| t.is_finite())
            && self.times.windows(2).all(|w| w.first() < w.last())
            && room == self.coefficients.len()
            && room <= MAX_NUMBERS
            && self.coefficients.iter().all(|c| c.is_finite());
        if fine {
            return Ok(());
        }
        Err(Error::invalid(
            "representation.trajectory",
            format!(
                "{} steps, {} coefficients",
                self.degrees.len(),
                self.coefficients.len()
            ),
            "finite coefficients of every step between rising times, for the fields of the problem",
        ))
    }

    /// The values of jets at times: `out[k]` for `jets[k]`. A derivative below the order of the field is a component
    /// of its own; from there on the last component's polynomial is differentiated.
    pub(in super::super) fn jets(
        &self,
        jets: &[Jet],
        points: &Points,
        out: &mut [Vec<f64>],
    ) -> Result<()> {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else {
            return Err(Error::numerical("trajectory", "it has no steps"));
        };
        let slack = 1e-9 * (last - first);
        let far = |t: &f64| !t.is_finite() || *t < first - slack || *t > last + slack;
        if let Some(t) = points.column(0).iter().find(|t| far(t)) {
            return Err(Error::invalid(
                "points",
                t,
                format!("{first} to {last}: a trajectory is not continued"),
            ));
        }
        let n = self.components();
        let mut starts = Vec::with_capacity(self.degrees.len());
        let mut at = 0;
        for degree in &self.degrees {
            starts.push(at);
            at += n * (degree + 1);
        }
        for (jet, out) in jets.iter().zip(out.iter_mut()) {
            let order = usize::from(jet.order.first().copied().unwrap_or(0));
            let own = self.orders.get(jet.field).copied().unwrap_or(1);
            let below = self.orders.iter().take(jet.field).sum::<usize>();
            let component = below + order.min(own.saturating_sub(1));
            let times = order - order.min(own.saturating_sub(1));
            out.clear();
            for t in points.column(0) {
                out.push(
                    self.value(*t, component, times, &starts)
                        .unwrap_or(f64::NAN),
                );
            }
        }
        Ok(())
    }

    /// A derivative of a component.
    fn value(&self, t: f64, component: usize, order: usize, starts: &[usize]) -> Option<f64> {
        let step = self.times.partition_point(|b| *b <= t);
        let step = step
            .saturating_sub(1)
            .min(self.degrees.len().saturating_sub(1));
        let degree = *self.degrees.get(step)?;
        let (begin, end) = (*self.times.get(step)?, *self.times.get(step + 1)?);
        let h = end - begin;
        let x = (t - if *self.from_end.get(step)? {
            end
        } else {
            begin
        }) / h;
        let from = starts.get(step)? + component * (degree + 1);
        let own = self.coefficients.get(from..=from + degree)?;
        let mut sum = 0.0;
        for (k, c) in own.iter().enumerate().skip(order).rev() {
            let falling = (0..order).fold(1.0, |a, i| a * (k - i) as f64);
            sum = sum * x + c * falling;
        }
        Some(sum / h.powi(i32::try_from(order).ok()?))
    }
}
