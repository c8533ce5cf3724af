//! What a call of the kernels prepares once, and where numbers lie.
//!
//! Points go through the network in *blocks*, a block as tiles of `side` vectors. In a tile each node has `columns =
//! streams * side` vectors, stream `s` in vectors `s * side` and on; a layer's numbers are `[tile][node][column]`.

use std::ops::Range;

use super::product::pack;
use super::simd::{Aligned, Real};
use super::{Layer, Mlp, Streams};

/// Numbers in the widest vector there may be; blocks are whole tiles of vectors of any width up to it.
const WIDEST: usize = 16;

/// Bytes that the numbers of a block should take: they then stay in the second cache.
const BLOCK_BYTES: usize = 256 << 10;

/// Points in a block at least and at most, where tiles allow it.
const BLOCK_POINTS: [usize; 2] = [32, 256];

/// Parts of the points whose gradients are summed apart, at most: threads can share no more than that.
const MOST_CHUNKS: usize = 16;

/// Numbers in all these gradients, a vector per parameter, that should not be passed.
const MOST_PARTIAL: usize = 1 << 24;

#[derive(Debug)]
pub(super) struct Plan<'a, T> {
    pub(super) net: &'a Mlp,
    pub(super) streams: &'a Streams,
    pub(super) points: &'a [&'a [f64]],
    pub(super) p: &'a [T],
    pub(super) layers: Vec<Layer>,
    /// Packed weights of each layer, to be multiplied with what goes in.
    pub(super) there: Vec<Vec<T>>,
    /// The same transposed, for slopes on their way back; not of the first layer.
    pub(super) back: Vec<Vec<T>>,
    pub(super) side: usize,
    pub(super) columns: usize,
    pub(super) block: usize,
}

impl<'a, T: Real> Plan<'a, T> {
    pub(super) fn new(
        net: &'a Mlp,
        streams: &'a Streams,
        points: &'a [&'a [f64]],
        p: &'a [T],
        backward: bool,
    ) -> Self {
        let layers = net.layers();
        // One stream of four vectors is as good for the kernels as four streams of one.
        let side = match streams.len() {
            1 => 4,
            2 => 2,
            _ => 1,
        };
        let columns = streams.len() * side;
        let (mut there, mut back) = (Vec::new(), Vec::new());
        for (l, layer) in layers.iter().enumerate() {
            let weight = |to: usize, from: usize| p[layer.start + to * layer.from + from];
            let mut packed = Vec::new();
            pack(layer.to, layer.from, columns, &mut packed, weight);
            there.push(packed);
            let mut packed = Vec::new();
            if backward && l > 0 {
                pack(layer.from, layer.to, columns, &mut packed, |from, to| {
                    weight(to, from)
                });
            }
            back.push(packed);
        }
        let nodes: usize = layers.iter().map(|l| l.from + l.to).sum();
        let bytes = nodes * streams.len() * size_of::<T>();
        let [least, most] = BLOCK_POINTS;
        let tile = side * WIDEST;
        let block = (BLOCK_BYTES / bytes.max(1)).clamp(least, most) / tile * tile;
        Plan {
            net,
            streams,
            points,
            p,
            layers,
            there,
            back,
            side,
            columns,
            block: block.max(tile),
        }
    }

    /// Number of points.
    pub(super) fn count(&self) -> usize {
        self.points.first().map_or(0, |c| c.len())
    }

    /// The points in parts of whole blocks: as many whatever the number of threads.
    pub(super) fn chunks(&self) -> Vec<Range<usize>> {
        let n = self.count();
        let blocks = n.div_ceil(self.block);
        // WIDEST and not the machine's: the same everywhere.
        let most = (MOST_PARTIAL / (WIDEST * self.p.len()).max(1)).clamp(4, MOST_CHUNKS);
        let size = blocks.div_ceil(most).max(1) * self.block;
        (0..n)
            .step_by(size)
            .map(|from| from..n.min(from + size))
            .collect()
    }

    /// A chunk's blocks.
    pub(super) fn blocks(
        &self,
        chunk: Range<usize>,
    ) -> impl Iterator<Item = Range<usize>> + use<T> {
        let block = self.block;
        chunk
            .clone()
            .step_by(block)
            .map(move |from| from..chunk.end.min(from + block))
    }
}

/// One thread's buffers.
#[derive(Debug, Clone, Default)]
pub(super) struct Room<T> {
    /// What goes into each layer, then the outputs.
    pub(super) into: Vec<Aligned<T>>,
    /// What is under the tanh of each hidden layer.
    pub(super) under: Vec<Aligned<T>>,
    /// Slopes by what is under the tanh of two layers.
    pub(super) slopes: [Aligned<T>; 2],
    /// Streams of the outputs as columns of points, and the slopes by them.
    pub(super) values: Vec<T>,
    pub(super) adjoint: Vec<T>,
    /// Rows of a Jacobian for one node: `[parameter][point]`.
    pub(super) rows: Aligned<T>,
}
