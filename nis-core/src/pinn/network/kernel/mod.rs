//! Kernels of tanh networks whose derivatives by the inputs are propagated beside the values (Taylor mode, forward),
//! and their derivatives by the weights (hand-written reverse).
//!
//! [`Streams`] says which derivatives, [`Mlp`] which network. Points come one slice per coordinate.

mod block;
mod chain;
mod embedding;
#[cfg(test)]
mod plain;
mod plan;
mod product;
mod run;
mod simd;
mod streams;
#[cfg(test)]
mod tests;

use std::ops::Range;

use faer::MatMut;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::optim::Random;

use plan::{Plan, Room};

pub use embedding::{Embedding, Feature};
use simd::Aligned;
pub use simd::{Real, Vectors};
pub use streams::Streams;

/// Most parameters of a network.
const MOST_PARAMETERS: usize = 1 << 24;

/// A network: a fixed embedding of the coordinates, hidden layers of tanh, linear outputs.
///
/// Its parameters are one flat list, layer by layer, the linear outputs last: a layer's weights, those of its first
/// node first (`weight[node][from]`), then its biases.
///
/// Values of streams are one flat list too: `out[(stream * outputs + output) * points + point]`.
///
/// ```
/// use nis_core::pinn::network::kernel::{Embedding, Mlp, Streams, Workspace};
/// let net = Mlp::new(Embedding::plain(1), &[8, 8], 1)?;
/// let p = net.start(0);
/// let streams = Streams::closing(&[vec![2]])?; // u, u_x, u_xx
/// let x = [0.1, 0.2];
/// let mut out = vec![0.0; 3 * 2];
/// net.forward(&streams, &[&x], &p, &mut Workspace::new(1), &mut out)?;
/// assert!(out.iter().all(|v| v.is_finite()));
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mlp {
    embedding: Embedding,
    hidden: Vec<usize>,
    outputs: usize,
}

/// Number of threads and the buffers of the kernels, kept from call to call.
///
/// Memory: per thread all streams of all nodes for a block of 16 to 256 points, about 0.5 MB for usual networks; for
/// all, 4 to 16 gradients of a vector (16 to 64 bytes) per parameter.
#[derive(Debug, Clone, Default)]
pub struct Workspace<T = f64> {
    threads: usize,
    rooms: Vec<Room<T>>,
    partial: Aligned<T>,
}

impl<T: Real> Workspace<T> {
    /// For this many threads (0 counts as 1). Results do not depend on the number.
    pub fn new(threads: usize) -> Self {
        Workspace {
            threads: threads.max(1),
            rooms: Vec::new(),
            partial: Aligned::default(),
        }
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.threads.max(1)
    }
}

/// A loss over some points: gets their range and the values of their streams
/// (`[(stream * outputs + output) * range.len() + point]`), adds nothing, but writes the loss's derivative by each
/// value into the second list, and returns the sum over these points. It is called from several threads.
pub type LossOf<'a, T> = dyn Fn(Range<usize>, &[T], &mut [T]) -> f64 + Sync + 'a;

impl Mlp {
    /// A network of this shape. No hidden layer makes a linear one.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a width is 0 or the embedding does not fit; [`Error::Limit`] above 2^24
    /// parameters.
    pub fn new(embedding: Embedding, hidden: &[usize], outputs: usize) -> Result<Self> {
        let net = Mlp {
            embedding,
            hidden: hidden.to_vec(),
            outputs,
        };
        net.check()?;
        Ok(net)
    }

    /// To be called on a network that was read from a file.
    ///
    /// # Errors
    /// Those of [`Mlp::new`].
    pub fn check(&self) -> Result<()> {
        self.embedding.check()?;
        if let Some(bad) = self.hidden.iter().position(|w| *w == 0) {
            return Err(Error::invalid(format!("hidden[{bad}]"), 0, "at least 1"));
        }
        if self.outputs == 0 {
            return Err(Error::invalid("outputs", 0, "at least 1"));
        }
        let (mut from, mut sum) = (self.embedding.len(), 0usize);
        for to in self.hidden.iter().chain([&self.outputs]) {
            let own = from
                .checked_add(1)
                .and_then(|n| n.checked_mul(*to))
                .and_then(|n| n.checked_add(sum));
            sum = match own {
                Some(n) if n <= MOST_PARAMETERS => n,
                n => {
                    return Err(Error::Limit {
                        what: "parameters of a network".into(),
                        limit: MOST_PARAMETERS as u64,
                        got: n.map_or(u64::MAX, |n| n as u64),
                    });
                }
            };
            from = *to;
        }
        Ok(())
    }

    /// The fixed first layer.
    pub fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    /// Widths of the hidden layers.
    pub fn hidden(&self) -> &[usize] {
        &self.hidden
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The layers: how many numbers each reads and gives, and where its parameters begin.
    pub(super) fn layers(&self) -> Vec<Layer> {
        let (mut from, mut start) = (self.embedding.len(), 0);
        let mut out = Vec::with_capacity(self.hidden.len() + 1);
        for to in self.hidden.iter().chain([&self.outputs]) {
            out.push(Layer {
                from,
                to: *to,
                start,
            });
            start += (from + 1) * to;
            from = *to;
        }
        out
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.layers().last().map_or(0, Layer::end)
    }

    /// Parameters to start from: weights uniform in `±sqrt(6/(from + to))` (Glorot and Bengio, AISTATS 2010, equation
    /// (16)), biases 0.
    pub fn start(&self, seed: u64) -> Vec<f64> {
        let mut random = Random(seed);
        let mut p = Vec::with_capacity(self.parameters());
        for layer in self.layers() {
            let bound = (6.0 / (layer.from + layer.to) as f64).sqrt();
            p.extend((0..layer.from * layer.to).map(|_| bound * random.symmetric()));
            p.extend(std::iter::repeat_n(0.0, layer.to));
        }
        p
    }

    /// All streams of all outputs at points: `out[(stream * outputs + output) * points + point]`.
    ///
    /// Cost per point: two operations per weight and stream, and about 40 per node.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit.
    pub fn forward<T: Real>(
        &self,
        streams: &Streams,
        points: &[&[f64]],
        p: &[T],
        workspace: &mut Workspace<T>,
        out: &mut [T],
    ) -> Result<()> {
        let n = self.count(streams, points, p.len())?;
        fits("out", out.len(), &[streams.len(), self.outputs, n])?;
        run::values(&Plan::new(self, streams, points, p, false), workspace, out);
        Ok(())
    }

    /// Adds to `gradient` the derivative by the parameters of a loss whose derivative by every value of
    /// [`Mlp::forward`] is given in the same order. Cost: about three times that of [`Mlp::forward`], which it repeats.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit.
    pub fn gradient<T: Real>(
        &self,
        streams: &Streams,
        points: &[&[f64]],
        p: &[T],
        adjoint: &[T],
        workspace: &mut Workspace<T>,
        gradient: &mut [T],
    ) -> Result<()> {
        let n = self.count(streams, points, p.len())?;
        fits("adjoint", adjoint.len(), &[streams.len(), self.outputs, n])?;
        let loss = |range: Range<usize>, _: &[T], slopes: &mut [T]| {
            let columns = adjoint.chunks_exact(n.max(1));
            for (to, from) in slopes.chunks_exact_mut(range.len()).zip(columns) {
                to.copy_from_slice(&from[range.clone()]);
            }
            0.0
        };
        self.loss_gradient(streams, points, p, workspace, &loss, gradient)?;
        Ok(())
    }

    /// The sum of a loss over points, in one pass forth and back: adds its derivative by the parameters to
    /// `gradient`. Cheaper than [`Mlp::forward`] and [`Mlp::gradient`] one after the other.
    ///
    /// ```
    /// use nis_core::pinn::network::kernel::{Embedding, Mlp, Streams, Workspace};
    /// // u_x = cos x
    /// let net = Mlp::new(Embedding::plain(1), &[8], 1)?;
    /// let p = net.start(0);
    /// let x = [0.1_f64, 0.2, 0.3];
    /// let loss = |points: std::ops::Range<usize>, values: &[f64], slopes: &mut [f64]| {
    ///     let n = points.len();
    ///     let mut sum = 0.0;
    ///     slopes.fill(0.0);
    ///     for (k, i) in points.enumerate() {
    ///         let residual = values[n + k] - x[i].cos();
    ///         sum += 0.5 * residual * residual;
    ///         slopes[n + k] = residual;
    ///     }
    ///     sum
    /// };
    /// let streams = Streams::closing(&[vec![1]])?;
    /// let mut gradient = vec![0.0; net.parameters()];
    /// let sum = net.loss_gradient(&streams, &[&x], &p, &mut Workspace::new(1), &loss, &mut gradient)?;
    /// assert!(sum > 0.0 && gradient.iter().any(|g| *g != 0.0));
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit.
    pub fn loss_gradient<T: Real>(
        &self,
        streams: &Streams,
        points: &[&[f64]],
        p: &[T],
        workspace: &mut Workspace<T>,
        loss: &LossOf<'_, T>,
        gradient: &mut [T],
    ) -> Result<f64> {
        self.count(streams, points, p.len())?;
        fits("gradient", gradient.len(), &[self.parameters()])?;
        let plan = Plan::new(self, streams, points, p, true);
        Ok(run::loss(&plan, workspace, loss, gradient))
    }

    /// Derivatives by the parameters, point by point: row `k * points + i` of `rows` is the sum over streams and
    /// outputs of `seeds[((k * streams + stream) * outputs + output) * points + i]` times the derivative of that
    /// value at point `i`. `k` counts whatever is wanted at each point: one per equation, for Gauss-Newton. Quickest
    /// where the columns of `rows` are contiguous, as those of [`faer::Mat`] are.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit.
    pub fn jacobian<T: Real>(
        &self,
        streams: &Streams,
        points: &[&[f64]],
        p: &[T],
        seeds: &[T],
        workspace: &mut Workspace<T>,
        rows: MatMut<'_, T>,
    ) -> Result<()> {
        let n = self.count(streams, points, p.len())?;
        if n == 0 && rows.nrows() == 0 {
            return Ok(());
        }
        if n == 0 || !rows.nrows().is_multiple_of(n) {
            return Err(Error::invalid(
                "rows",
                rows.nrows(),
                format!("a multiple of the {n} points"),
            ));
        }
        let kinds = rows.nrows() / n;
        fits("columns of rows", rows.ncols(), &[self.parameters()])?;
        fits(
            "seeds",
            seeds.len(),
            &[kinds, streams.len(), self.outputs, n],
        )?;
        let plan = Plan::new(self, streams, points, p, true);
        run::rows(&plan, workspace, seeds, rows);
        Ok(())
    }

    /// Number of points, after a check of what all kernels are given.
    fn count(&self, streams: &Streams, points: &[&[f64]], p: usize) -> Result<usize> {
        let d = self.embedding.coordinates;
        fits("streams", streams.inputs(), &[d])?;
        fits("points", points.len(), &[d])?;
        fits("parameters", p, &[self.parameters()])?;
        let n = points.first().map_or(0, |c| c.len());
        for column in points {
            fits("points", column.len(), &[n])?;
        }
        Ok(n)
    }
}

/// A list's length is the product of these.
fn fits(field: &str, got: usize, want: &[usize]) -> Result<()> {
    let product = want.iter().try_fold(1usize, |a, b| a.checked_mul(*b));
    if product == Some(got) {
        return Ok(());
    }
    let want: Vec<String> = want.iter().map(usize::to_string).collect();
    Err(Error::invalid(
        field,
        format!("{got} values"),
        format!("{} values", want.join(" x ")),
    ))
}

/// One layer's place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) start: usize,
}

impl Layer {
    /// Where its biases begin.
    pub(super) fn biases(&self) -> usize {
        self.start + self.from * self.to
    }

    /// Where the next layer's parameters begin.
    pub(super) fn end(&self) -> usize {
        self.biases() + self.to
    }
}
