//! Epochs of Adam on the batch kernels, in 32 or 64 bits.

use serde::{Deserialize, Serialize};

use super::problem::{Data, Problem};
use crate::error::{Error, Result};
use crate::kan::network::Kan;
use crate::kan::run::{Batch, Real, Scratch};
use crate::optim::{AdamOptions, AdamState, Objective};

/// Moments of the parameters, in the order of what moves them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Moments {
    /// Of the parameters, whose penalties need edges of all rows.
    Plain(AdamState<f64>),
    /// Of the packed weights.
    F64(AdamState<f64>),
    /// Of the packed weights.
    F32(AdamState<f32>),
}

/// The kernels that go with [`Moments`].
pub(super) enum Kernels {
    Plain,
    F64(Box<Packed<f64>>),
    F32(Box<Packed<f32>>),
}

impl Kernels {
    /// # Errors
    /// Those of [`Batch::new`].
    pub(super) fn new(net: &Kan, moments: &Moments) -> Result<Self> {
        Ok(match moments {
            Moments::Plain(_) => Kernels::Plain,
            Moments::F64(_) => Kernels::F64(Box::new(Packed::new(net)?)),
            Moments::F32(_) => Kernels::F32(Box::new(Packed::new(net)?)),
        })
    }

    /// One epoch over the rows in this order; returns the mean loss that its batches met.
    ///
    /// # Errors
    /// [`Error::Numerical`] where the loss ceases to be finite; [`Error::Cancelled`].
    pub(super) fn epoch(
        &mut self,
        problem: &mut Problem<'_>,
        p: &mut [f64],
        moments: &mut Moments,
        order: &[usize],
        batch: usize,
        adam: &AdamOptions,
    ) -> Result<f64> {
        let sum = match (self, moments) {
            (Kernels::F64(packed), Moments::F64(state)) => {
                packed.epoch(problem, p, state, order, batch, adam)?
            }
            (Kernels::F32(packed), Moments::F32(state)) => {
                packed.epoch(problem, p, state, order, batch, adam)?
            }
            (_, Moments::Plain(state)) => {
                let mut gradient = vec![0.0; p.len()];
                let mut sum = 0.0;
                for rows in order.chunks(batch) {
                    problem.set_rows(rows);
                    let value = problem.evaluate(p, &mut gradient)?;
                    finite(value, adam)?;
                    sum += problem.last_loss * rows.len() as f64;
                    state.step(p, &gradient, adam);
                }
                sum
            }
            _ => {
                return Err(Error::Internal {
                    message: "moments and kernels of Adam differ".into(),
                });
            }
        };
        Ok(sum / order.len() as f64)
    }
}

fn finite(value: f64, adam: &AdamOptions) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::numerical(
        "Adam",
        format!(
            "the loss is {value} at a step size of {:e}: a smaller learning_rate is needed",
            adam.learning_rate
        ),
    ))
}

/// A step in the arithmetic of the weights.
pub(super) trait Steps: Real {
    fn step(state: &mut AdamState<Self>, w: &mut [Self], gradient: &[Self], adam: &AdamOptions)
    where
        Self: Sized;
}

impl Steps for f32 {
    fn step(state: &mut AdamState<f32>, w: &mut [f32], gradient: &[f32], adam: &AdamOptions) {
        state.step(w, gradient, adam);
    }
}

impl Steps for f64 {
    fn step(state: &mut AdamState<f64>, w: &mut [f64], gradient: &[f64], adam: &AdamOptions) {
        state.step(w, gradient, adam);
    }
}

/// The batch kernels and their buffers.
pub(super) struct Packed<T> {
    batch: Batch<T>,
    scratch: Scratch<T>,
    x: Vec<T>,
    gradient: Vec<T>,
}

impl<T: Steps + Default> Packed<T> {
    fn new(net: &Kan) -> Result<Self> {
        let batch = Batch::<T>::new(net)?;
        Ok(Packed {
            gradient: vec![T::default(); batch.weights()],
            batch,
            scratch: Scratch::default(),
            x: Vec::new(),
        })
    }

    fn epoch(
        &mut self,
        problem: &mut Problem<'_>,
        p: &mut [f64],
        state: &mut AdamState<T>,
        order: &[usize],
        size: usize,
        adam: &AdamOptions,
    ) -> Result<f64> {
        let Data {
            x,
            y,
            loss,
            threads,
            progress,
            ..
        } = *problem.data();
        let (inputs, outputs) = (self.batch.inputs(), self.batch.outputs());
        let mut w = vec![T::default(); self.batch.weights()];
        self.batch.pack_values(p, &mut w);
        let mut penalty = vec![0.0; if problem.smoothness > 0.0 { p.len() } else { 0 }];
        let mut packed_penalty =
            vec![T::default(); if problem.smoothness > 0.0 { w.len() } else { 0 }];
        let mut total = 0.0;
        for rows in order.chunks(size) {
            progress.check()?;
            self.x.clear();
            for row in rows {
                self.x.extend(
                    x[row * inputs..(row + 1) * inputs]
                        .iter()
                        .map(|v| T::of(*v)),
                );
            }
            self.gradient.fill(T::default());
            let factor = 1.0 / loss.share(rows.len(), outputs);
            let of = |first: usize, out: &[T], slopes: &mut [T]| -> f64 {
                let out: Vec<f64> = out.iter().map(|v| v.as_f64()).collect();
                let mut gradient = vec![0.0; outputs];
                let mut sum = 0.0;
                for ((k, out), slopes) in out
                    .chunks(outputs)
                    .enumerate()
                    .zip(slopes.chunks_mut(outputs))
                {
                    let row = rows[first + k];
                    let y = &y[row * outputs..(row + 1) * outputs];
                    sum += loss.value(out, y);
                    loss.gradient(out, y, factor, &mut gradient);
                    for (slope, g) in slopes.iter_mut().zip(&gradient) {
                        *slope = T::of(*g);
                    }
                }
                sum
            };
            let sum = self.batch.loss_gradient(
                &w,
                &self.x,
                threads,
                &mut self.scratch,
                &of,
                &mut self.gradient,
            )?;
            finite(sum, adam)?;
            total += sum * factor * rows.len() as f64;
            if problem.smoothness > 0.0 {
                penalty.fill(0.0);
                self.batch.unpack_values(&w, p);
                problem.add_penalty(p, &mut penalty);
                self.batch.pack_values(&penalty, &mut packed_penalty);
                for (g, v) in self.gradient.iter_mut().zip(&packed_penalty) {
                    *g = T::of(g.as_f64() + v.as_f64());
                }
            }
            T::step(state, &mut w, &self.gradient, adam);
        }
        self.batch.unpack_values(&w, p);
        Ok(total)
    }
}
