//! The two passes of a gradient: rows there and back to the first layer's sums, then the weights of tiles of inputs.

use pulp::{Simd, WithSimd};

use super::batch::{BLOCK, Batch, LossOf, grow};
use super::kernels;
use super::place::Tile;
use super::real::{Aligned, Real, TILE};
use super::shape::{Panel, Shape};

/// What a block of rows leaves behind for the way back.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece<T> {
    tile: Tile<T>,
    rows: usize,
    /// Inputs of every layer but the first, then the outputs.
    nodes: Vec<Vec<T>>,
    /// Sums of every layer, then the derivatives with respect to them.
    sums: Vec<Vec<T>>,
    /// Derivatives with respect to a layer's outputs.
    slopes: Vec<T>,
    pub(super) loss: f64,
}

/// Rows through the network and, from the loss, back to the first layer's sums.
pub(super) struct There<'a, T> {
    pub(super) batch: &'a Batch<T>,
    pub(super) weights: &'a [T],
    pub(super) first: usize,
    pub(super) x: &'a [T],
    pub(super) pieces: &'a mut [Piece<T>],
    pub(super) loss: &'a LossOf<'a, T>,
}

impl<T: Real> WithSimd for There<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let layers = &self.batch.layers;
        let blocks = self.x.chunks(BLOCK * self.batch.inputs());
        for (k, (x, piece)) in blocks.zip(self.pieces.iter_mut()).enumerate() {
            let rows = x.len() / self.batch.inputs();
            piece.fit(layers, rows);
            for (l, layer) in layers.iter().enumerate() {
                let (before, after) = piece.nodes.split_at_mut(l);
                let x = before.last().map_or(x, |n| n.as_slice());
                let (sums, y) = (&mut piece.sums[l], &mut after[0]);
                kernels::sums(
                    simd,
                    layer,
                    self.batch.own(layer, self.weights),
                    x,
                    sums,
                    &mut piece.tile,
                );
                for (sums, y) in sums
                    .chunks_exact(layer.stride)
                    .zip(y.chunks_exact_mut(layer.outputs))
                {
                    layer.outputs(sums, y);
                }
            }
            let last = layers.len() - 1;
            let outputs = rows * layers[last].outputs;
            let slopes = &mut piece.slopes[..outputs];
            slopes.fill(T::default());
            piece.loss = (self.loss)(self.first + k * BLOCK, &piece.nodes[last], slopes);
            for (l, layer) in layers.iter().enumerate().rev() {
                for (sums, slopes) in piece.sums[l]
                    .chunks_exact_mut(layer.stride)
                    .zip(piece.slopes.chunks_exact(layer.outputs))
                {
                    on_sums(layer, slopes, sums);
                }
                if l > 0 {
                    kernels::below(
                        simd,
                        layer,
                        self.batch.own(layer, self.weights),
                        &piece.nodes[l - 1],
                        &piece.sums[l],
                        &mut piece.slopes[..rows * layer.inputs],
                        &mut piece.tile,
                    );
                }
            }
        }
    }
}

impl<T: Real> Piece<T> {
    fn fit(&mut self, layers: &[Shape<T>], rows: usize) {
        self.rows = rows;
        self.nodes.resize_with(layers.len(), Vec::new);
        self.sums.resize_with(layers.len(), Vec::new);
        for ((layer, nodes), sums) in layers.iter().zip(&mut self.nodes).zip(&mut self.sums) {
            nodes.resize(rows * layer.outputs, T::default());
            sums.resize(rows * layer.stride, T::default());
            grow(&mut self.slopes, rows * layer.outputs);
        }
    }
}

/// Replaces the sums of a row by the derivatives with respect to them.
#[inline(always)]
fn on_sums<T: Real>(layer: &Shape<T>, slopes: &[T], sums: &mut [T]) {
    let plain = layer.plain;
    sums[..plain].copy_from_slice(&slopes[..plain]);
    let mut from = plain;
    for (p, factors) in layer.products.iter().enumerate() {
        // Factor k gets the product of those before it (done already, in `before`) and of those behind it.
        let group = &mut sums[from..from + factors];
        let mut before = slopes[plain + p];
        for k in 0..*factors {
            let own = group[k];
            let mut product = before;
            for other in &group[k + 1..] {
                product = product * *other;
            }
            group[k] = product;
            before = before * own;
        }
        from += factors;
    }
    sums[layer.sums..].fill(T::default());
}

/// The gradient of some tiles of a layer.
pub(super) struct Back<'a, T> {
    pub(super) layer: &'a Shape<T>,
    pub(super) l: usize,
    pub(super) panel: &'a Panel,
    pub(super) x: &'a [T],
    pub(super) pieces: &'a [Piece<T>],
    pub(super) tiles: std::ops::Range<usize>,
    pub(super) gradient: &'a mut [T],
}

impl<T: Real> WithSimd for Back<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let layer = self.layer;
        let mut tile = Tile::default();
        let mut own = Aligned::default();
        let part = TILE * layer.rows * self.panel.width;
        for (t, out) in self.tiles.clone().zip(self.gradient.chunks_mut(part)) {
            // Summed in a place of its own, which begins with a line of the cache.
            let own = own.fit(out.len());
            own.fill(T::default());
            let mut from = 0;
            for piece in self.pieces {
                let to = from + piece.rows * layer.inputs;
                let x = if self.l == 0 {
                    &self.x[from..to]
                } else {
                    piece.nodes[self.l - 1].as_slice()
                };
                from = to;
                let on_sums = &piece.sums[self.l];
                kernels::gradient(simd, layer, self.panel, t, x, on_sums, own, &mut tile);
            }
            for (out, own) in out.iter_mut().zip(own) {
                *out += *own;
            }
        }
        layer.mask(self.gradient, self.panel, self.tiles.start * TILE);
    }
}
