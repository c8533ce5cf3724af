//! Rows forward and backward: outputs, and the gradient of a loss with respect to the weights.

use pulp::{Arch, Simd, WithSimd};

use super::kernels;
use super::narrow::{self, Lanes, Narrow};
use super::passes::{Back, Piece, There};
use super::place::Tile;
use super::real::{Aligned, Real, TILE};
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::kan::Kan;

/// Rows that go through the network together, and that a thread takes at a time.
pub(super) const BLOCK: usize = 32;

/// Rows whose values are kept for the way back at a time; bounds the memory of [`Batch::loss_gradient`].
const MOST_ROWS: usize = 4096;

/// A loss: gets the index of the first of some rows and their outputs (row-major), writes its derivatives with
/// respect to them, and returns the sum over these rows.
pub type LossOf<'a, T> = dyn Fn(usize, &[T], &mut [T]) -> f64 + Sync + 'a;

/// The kernels of one network structure: bases, shifts and fixed edges are copied from the network, its weights are
/// passed in as a packed list. To be made anew where a grid or an edge changes.
///
/// ```
/// use nis_core::kan::{Kan, run::{Batch, Scratch}};
/// let net = Kan::new(&[2, 3, 1], 5, 3, 0)?;
/// let batch = Batch::<f64>::new(&net)?;
/// let weights = batch.pack(&net);
/// let (x, target) = ([0.1, -0.4, 0.7, 0.2], [1.0, -1.0]);
/// let mut gradient = vec![0.0; batch.weights()];
/// let squared = |row: usize, y: &[f64], slopes: &mut [f64]| {
///     let mut sum = 0.0;
///     for (k, (y, slope)) in y.iter().zip(slopes).enumerate() {
///         *slope = y - target[row + k];
///         sum += 0.5 * *slope * *slope;
///     }
///     sum
/// };
/// let loss = batch.loss_gradient(&weights, &x, 1, &mut Scratch::default(), &squared, &mut gradient)?;
/// assert!(loss > 0.0 && gradient.iter().any(|g| *g != 0.0));
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Batch<T> {
    pub(super) layers: Vec<Shape<T>>,
    weights: usize,
    parameters: usize,
    /// Whether outputs are computed for eight rows side by side.
    pub(super) narrow: bool,
}

/// Room for one block of rows on their way through the network.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows<T> {
    pub(super) tile: Tile<T>,
    pub(super) sums: Vec<T>,
    pub(super) nodes: [Vec<T>; 2],
    pub(super) lanes: Lanes<T>,
}

/// Buffers of [`Batch::loss_gradient`], kept from step to step.
#[derive(Debug, Clone, Default)]
pub struct Scratch<T> {
    pieces: Vec<Piece<T>>,
    weights: Aligned<T>,
}

impl<T: Real> Batch<T> {
    /// The kernels for a network.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a knot or a shift is too large for `T`.
    pub fn new(net: &Kan) -> Result<Self> {
        let (mut layers, mut weights) = (Vec::new(), 0);
        for (layer, parameter) in net.layers().iter().zip(net.parameter_starts()) {
            let shape = Shape::new(layer, weights, parameter)?;
            weights += shape.len();
            layers.push(shape);
        }
        let mut batch = Batch {
            layers,
            weights,
            parameters: net.parameters(),
            narrow: false,
        };
        batch.narrow = narrow::fits(&batch);
        Ok(batch)
    }

    /// Length of the packed list of weights. It holds more than the network has parameters: rows are filled up with
    /// zeros, whose gradient is 0.
    pub fn weights(&self) -> usize {
        self.weights
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs
    }

    /// The network's weights, packed. Those of edges that are removed or fixed are 0.
    pub fn pack(&self, net: &Kan) -> Vec<T> {
        let mut out = vec![T::default(); self.weights];
        self.pack_values(&net.parameter_values(), &mut out);
        out
    }

    /// Packs parameters in the order of [`Kan::parameters`]; places that stand for no parameter are left alone.
    pub fn pack_values(&self, parameters: &[f64], into: &mut [T]) {
        for layer in &self.layers {
            layer.places(|packed, own| {
                if let (Some(to), Some(v)) = (into.get_mut(packed), parameters.get(own)) {
                    *to = T::of(*v);
                }
            });
        }
    }

    /// Unpacks weights or a gradient into the order of [`Kan::parameters`]; values of edges that are removed or fixed
    /// are left alone.
    pub fn unpack_values(&self, packed: &[T], into: &mut [f64]) {
        for layer in &self.layers {
            layer.places(|from, own| {
                if let (Some(to), Some(v)) = (into.get_mut(own), packed.get(from)) {
                    *to = v.as_f64();
                }
            });
        }
    }

    /// Number of parameters of the network.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    pub(super) fn own<'w>(&self, layer: &Shape<T>, weights: &'w [T]) -> &'w [T] {
        &weights[layer.start..layer.start + layer.len()]
    }

    /// Rows of `x` and a check of all lengths.
    pub(super) fn count(&self, weights: &[T], x: &[T], y: Option<usize>) -> Result<usize> {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        if weights.len() != self.weights {
            return Err(Error::invalid(
                "weights",
                weights.len(),
                format!("{} values", self.weights),
            ));
        }
        if !x.len().is_multiple_of(inputs) {
            return Err(Error::invalid(
                "x",
                format!("{} values", x.len()),
                format!("rows of {inputs} values"),
            ));
        }
        let rows = x.len() / inputs;
        match y {
            Some(y) if y != rows * outputs => Err(Error::invalid(
                "y",
                format!("{y} values"),
                format!("{rows} rows of {outputs} values"),
            )),
            _ => Ok(rows),
        }
    }

    /// Outputs of whole rows, row-major, on `threads` threads (0 counts as 1). The bits do not depend on the threads.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit.
    pub fn outputs_into(&self, weights: &[T], x: &[T], threads: usize, y: &mut [T]) -> Result<()> {
        let rows = self.count(weights, x, Some(y.len()))?;
        let share = rows.div_ceil(threads.max(1)).next_multiple_of(BLOCK);
        if share >= rows {
            self.forward(weights, x, y, &mut Rows::default());
            return Ok(());
        }
        std::thread::scope(|scope| {
            let parts = x
                .chunks(share * self.inputs())
                .zip(y.chunks_mut(share * self.outputs()));
            for (x, y) in parts {
                scope.spawn(move || self.forward(weights, x, y, &mut Rows::default()));
            }
        });
        Ok(())
    }

    /// Outputs of whole rows on this thread.
    pub(super) fn forward(&self, weights: &[T], x: &[T], y: &mut [T], room: &mut Rows<T>) {
        if self.narrow {
            let room = &mut room.lanes;
            return Arch::new().dispatch(Narrow {
                batch: self,
                weights,
                x,
                y,
                room,
            });
        }
        self.fit(room, BLOCK.min(x.len() / self.inputs()));
        Arch::new().dispatch(Forward {
            batch: self,
            weights,
            x,
            y,
            room,
        });
    }

    fn fit(&self, room: &mut Rows<T>, rows: usize) {
        for layer in &self.layers {
            grow(&mut room.sums, rows * layer.stride);
            for nodes in &mut room.nodes {
                grow(nodes, rows * layer.outputs);
            }
        }
    }

    /// Adds the gradient of a summed loss with respect to the packed weights to `gradient` and returns the sum.
    ///
    /// Memory: the values of all nodes for 4096 rows at most, whatever the number of rows. Outputs of a layer are
    /// summed row by row on any thread; a weight's gradient is summed over the rows in their order by one thread, so
    /// the bits do not depend on the number of threads. Cost: about three times that of the outputs; the derivatives
    /// with respect to the first layer's inputs are not computed.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit.
    pub fn loss_gradient(
        &self,
        weights: &[T],
        x: &[T],
        threads: usize,
        scratch: &mut Scratch<T>,
        loss: &LossOf<'_, T>,
        gradient: &mut [T],
    ) -> Result<f64> {
        self.count(weights, x, None)?;
        if gradient.len() != self.weights {
            return Err(Error::invalid(
                "gradient",
                gradient.len(),
                format!("{} values", self.weights),
            ));
        }
        let threads = threads.max(1);
        scratch.weights.fit(self.weights).copy_from_slice(weights);
        let weights = &*scratch.weights;
        let mut sum = 0.0;
        for (k, x) in x.chunks(MOST_ROWS * self.inputs()).enumerate() {
            let first = k * MOST_ROWS;
            let rows = x.len() / self.inputs();
            let count = rows.div_ceil(BLOCK);
            if scratch.pieces.len() < count {
                scratch.pieces.resize_with(count, Piece::default);
            }
            let pieces = &mut scratch.pieces[..count];
            let share = count.div_ceil(threads);
            let there = |first: usize, x: &[T], pieces: &mut [Piece<T>]| {
                Arch::new().dispatch(There {
                    batch: self,
                    weights,
                    first,
                    x,
                    pieces,
                    loss,
                });
            };
            if share >= count {
                there(first, x, pieces);
            } else {
                let there = &there;
                std::thread::scope(|scope| {
                    let parts = x
                        .chunks(share * BLOCK * self.inputs())
                        .zip(pieces.chunks_mut(share));
                    for (part, (x, pieces)) in parts.enumerate() {
                        let first = first + part * share * BLOCK;
                        scope.spawn(move || there(first, x, pieces));
                    }
                });
            }
            sum += pieces.iter().map(|p| p.loss).sum::<f64>();
            self.back(threads, x, pieces, gradient);
        }
        Ok(sum)
    }

    /// Adds the gradient from what the rows left behind, tiles of inputs in parallel.
    fn back(&self, threads: usize, x: &[T], pieces: &[Piece<T>], gradient: &mut [T]) {
        let mut parts: Vec<Vec<Back<'_, T>>> = Vec::new();
        parts.resize_with(threads, Vec::new);
        let mut rest = gradient;
        for (l, layer) in self.layers.iter().enumerate() {
            let (mut own, after) = rest.split_at_mut(layer.len());
            rest = after;
            let tiles = layer.tiles();
            for panel in &layer.panels {
                for (k, part) in parts.iter_mut().enumerate() {
                    let (from, to) = (k * tiles / threads, (k + 1) * tiles / threads);
                    let inputs = layer.inputs.min(to * TILE) - layer.inputs.min(from * TILE);
                    let (mine, others) = own.split_at_mut(inputs * layer.rows * panel.width);
                    own = others;
                    if to > from {
                        part.push(Back {
                            layer,
                            l,
                            panel,
                            x,
                            pieces,
                            tiles: from..to,
                            gradient: mine,
                        });
                    }
                }
            }
        }
        let run = |work: Vec<Back<'_, T>>| {
            for part in work {
                Arch::new().dispatch(part);
            }
        };
        if threads == 1 {
            parts.into_iter().for_each(run);
        } else {
            std::thread::scope(|scope| {
                for part in parts {
                    scope.spawn(move || run(part));
                }
            });
        }
    }
}

pub(super) fn grow<T: Real>(list: &mut Vec<T>, length: usize) {
    if list.len() < length {
        list.resize(length, T::default());
    }
}

struct Forward<'a, T> {
    batch: &'a Batch<T>,
    weights: &'a [T],
    x: &'a [T],
    y: &'a mut [T],
    room: &'a mut Rows<T>,
}

impl<T: Real> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward {
            batch,
            weights,
            x,
            y,
            room,
        } = self;
        let (inputs, outputs) = (batch.inputs(), batch.outputs());
        let last = batch.layers.len() - 1;
        for (x, y) in x.chunks(BLOCK * inputs).zip(y.chunks_mut(BLOCK * outputs)) {
            let rows = x.len() / inputs;
            let [mut from, mut to] = room.nodes.each_mut();
            for (l, layer) in batch.layers.iter().enumerate() {
                let sums = &mut room.sums[..rows * layer.stride];
                let x = if l == 0 {
                    x
                } else {
                    &from[..rows * layer.inputs]
                };
                kernels::sums(
                    simd,
                    layer,
                    batch.own(layer, weights),
                    x,
                    sums,
                    &mut room.tile,
                );
                let out = if l == last {
                    &mut *y
                } else {
                    &mut to[..rows * layer.outputs]
                };
                for (sums, y) in sums
                    .chunks_exact(layer.stride)
                    .zip(out.chunks_exact_mut(layer.outputs))
                {
                    layer.outputs(sums, y);
                }
                std::mem::swap(&mut from, &mut to);
            }
        }
    }
}
