//! The three loops over the edges of a layer: sums of a row, derivatives with respect to the layer's inputs, and
//! derivatives with respect to its weights.
//!
//! All of them run over the sums of an input side by side: at a point only `order + 1` rows of an input's weights
//! count, whatever the grid. Every row's arithmetic is the same whichever rows it is computed with, so results do not
//! depend on the partition into blocks and threads.

use pulp::Simd;

use super::place::Tile;
use super::real::{Real, TILE};
use super::shape::Shape;

/// Calls a kernel for as many vectors at a time as registers hold.
macro_rules! by_registers {
    ($vectors:expr, $call:ident, $($argument:expr),*) => {{
        let (all, mut from) = ($vectors, 0);
        while from + 8 <= all {
            $call::<T, S, 8>($($argument,)* from);
            from += 8;
        }
        if from + 4 <= all {
            $call::<T, S, 4>($($argument,)* from);
            from += 4;
        }
        if from + 2 <= all {
            $call::<T, S, 2>($($argument,)* from);
            from += 2;
        }
        if from < all {
            $call::<T, S, 1>($($argument,)* from);
        }
    }};
}

/// Inputs of a tile and where their weights are.
struct Spot<'a, T> {
    shape: &'a Shape<T>,
    tile: &'a Tile<T>,
    /// First input, and how many.
    first: usize,
    count: usize,
    /// Vectors per row of weights.
    row: usize,
}

impl<T: Real> Spot<'_, T> {
    /// Inputs with trained edges: place in the tile, first vector of the local rows, and of the row of the base
    /// function.
    #[inline(always)]
    fn lanes(&self) -> impl Iterator<Item = (usize, usize, Option<usize>)> {
        (0..self.count).filter_map(|lane| {
            let input = self.first + lane;
            if self.shape.idle[input] {
                return None;
            }
            let start = input * self.shape.rows;
            let base = self.shape.base_row.map(|b| (start + b) * self.row);
            Some((
                lane,
                (start + self.tile.first[lane] as usize) * self.row,
                base,
            ))
        })
    }
}

/// Sums of `rows` rows of inputs, `stride` numbers each, without fixed edges and products.
#[inline(always)]
pub(super) fn sums<T: Real, S: Simd>(
    simd: S,
    shape: &Shape<T>,
    weights: &[T],
    x: &[T],
    out: &mut [T],
    tile: &mut Tile<T>,
) {
    for row in out.chunks_exact_mut(shape.stride) {
        row.copy_from_slice(&shape.sum_shift);
    }
    let weights = T::vectors::<S>(weights);
    for t in 0..shape.tiles() {
        for (x, out) in x
            .chunks_exact(shape.inputs)
            .zip(out.chunks_exact_mut(shape.stride))
        {
            let count = shape.evaluate::<0>(t, x, tile);
            let out = T::vectors_mut::<S>(out);
            let spot = Spot {
                shape,
                tile,
                first: t * TILE,
                count,
                row: out.len(),
            };
            by_registers!(out.len(), add, simd, &spot, weights, out);
        }
    }
    for (input, sum, symbolic) in &shape.fixed {
        for (x, out) in x
            .chunks_exact(shape.inputs)
            .zip(out.chunks_exact_mut(shape.stride))
        {
            out[*sum] += T::of(symbolic.at(x[*input].as_f64())[0]);
        }
    }
}

#[inline(always)]
fn add<T: Real, S: Simd, const N: usize>(
    simd: S,
    spot: &Spot<'_, T>,
    weights: &[T::V<S>],
    out: &mut [T::V<S>],
    from: usize,
) {
    let Some(slot) = out[from..].first_chunk_mut::<N>() else {
        return;
    };
    let mut acc = *slot;
    let local = spot.shape.local;
    for (lane, start, base) in spot.lanes() {
        for (c, value) in weights[start + from..]
            .chunks(spot.row)
            .zip(&spot.tile.values[..local])
        {
            fused::<T, S, N>(simd, value[lane], c, &mut acc);
        }
        if let Some(base) = base {
            fused::<T, S, N>(
                simd,
                spot.tile.values[local][lane],
                &weights[base + from..],
                &mut acc,
            );
        }
    }
    *slot = acc;
}

/// `acc += value * c` for the first `N` vectors of `c`.
#[inline(always)]
fn fused<T: Real, S: Simd, const N: usize>(
    simd: S,
    value: T,
    c: &[T::V<S>],
    acc: &mut [T::V<S>; N],
) {
    let Some(c) = c.first_chunk::<N>() else {
        return;
    };
    let value = T::splat(simd, value);
    for v in 0..N {
        acc[v] = T::fma(simd, value, c[v], acc[v]);
    }
}

/// Derivatives with respect to the layer's inputs from those with respect to its sums, row by row.
#[inline(always)]
pub(super) fn below<T: Real, S: Simd>(
    simd: S,
    shape: &Shape<T>,
    weights: &[T],
    x: &[T],
    on_sums: &[T],
    out: &mut [T],
    tile: &mut Tile<T>,
) {
    let weights = T::vectors::<S>(weights);
    for t in 0..shape.tiles() {
        for ((x, on_sums), out) in x
            .chunks_exact(shape.inputs)
            .zip(on_sums.chunks_exact(shape.stride))
            .zip(out.chunks_exact_mut(shape.inputs))
        {
            let count = shape.evaluate::<1>(t, x, tile);
            let on_sums = T::vectors::<S>(on_sums);
            let spot = Spot {
                shape,
                tile,
                first: t * TILE,
                count,
                row: on_sums.len(),
            };
            let mut dots = [T::splat(simd, T::default()); TILE];
            by_registers!(on_sums.len(), dot, simd, &spot, weights, on_sums, &mut dots);
            for (out, dot) in out[t * TILE..].iter_mut().zip(dots).take(count) {
                *out = T::sum(simd, dot);
            }
        }
    }
    for (input, sum, symbolic) in &shape.fixed {
        for ((x, on_sums), out) in x
            .chunks_exact(shape.inputs)
            .zip(on_sums.chunks_exact(shape.stride))
            .zip(out.chunks_exact_mut(shape.inputs))
        {
            out[*input] += on_sums[*sum] * T::of(symbolic.at(x[*input].as_f64())[1]);
        }
    }
}

#[inline(always)]
fn dot<T: Real, S: Simd, const N: usize>(
    simd: S,
    spot: &Spot<'_, T>,
    weights: &[T::V<S>],
    on_sums: &[T::V<S>],
    dots: &mut [T::V<S>; TILE],
    from: usize,
) {
    let Some(on_sums) = on_sums[from..].first_chunk::<N>() else {
        return;
    };
    let (local, width) = (spot.shape.local, spot.shape.width());
    let slopes = &spot.tile.values[width..2 * width];
    for (lane, start, base) in spot.lanes() {
        let mut slope = [T::splat(simd, T::default()); N];
        for (c, d) in weights[start + from..]
            .chunks(spot.row)
            .zip(&slopes[..local])
        {
            fused::<T, S, N>(simd, d[lane], c, &mut slope);
        }
        if let Some(base) = base {
            fused::<T, S, N>(
                simd,
                slopes[local][lane],
                &weights[base + from..],
                &mut slope,
            );
        }
        for (slope, on_sum) in slope.iter().zip(on_sums) {
            dots[lane] = T::fma(simd, *slope, *on_sum, dots[lane]);
        }
    }
}

/// Adds the derivatives with respect to the weights of a tile of inputs; `out` is the tile's part of the gradient.
#[inline(always)]
pub(super) fn gradient<T: Real, S: Simd>(
    simd: S,
    shape: &Shape<T>,
    t: usize,
    x: &[T],
    on_sums: &[T],
    out: &mut [T],
    tile: &mut Tile<T>,
) {
    let out = T::vectors_mut::<S>(out);
    for (x, on_sums) in x
        .chunks_exact(shape.inputs)
        .zip(on_sums.chunks_exact(shape.stride))
    {
        let count = shape.evaluate::<0>(t, x, tile);
        let on_sums = T::vectors::<S>(on_sums);
        let spot = Spot {
            shape,
            tile,
            first: t * TILE,
            count,
            row: on_sums.len(),
        };
        by_registers!(on_sums.len(), spread, simd, &spot, on_sums, out);
    }
}

#[inline(always)]
fn spread<T: Real, S: Simd, const N: usize>(
    simd: S,
    spot: &Spot<'_, T>,
    on_sums: &[T::V<S>],
    out: &mut [T::V<S>],
    from: usize,
) {
    let Some(on_sums) = on_sums[from..].first_chunk::<N>() else {
        return;
    };
    let before = spot.first * spot.shape.rows * spot.row;
    let local = spot.shape.local;
    for (lane, start, base) in spot.lanes() {
        let rows = out[start - before + from..].chunks_mut(spot.row);
        for (g, value) in rows.zip(&spot.tile.values[..local]) {
            collect::<T, S, N>(simd, value[lane], on_sums, g);
        }
        if let Some(base) = base {
            let g = &mut out[base - before + from..];
            collect::<T, S, N>(simd, spot.tile.values[local][lane], on_sums, g);
        }
    }
}

/// `g += value * on_sums` for the first `N` vectors of `g`.
#[inline(always)]
fn collect<T: Real, S: Simd, const N: usize>(
    simd: S,
    value: T,
    on_sums: &[T::V<S>; N],
    g: &mut [T::V<S>],
) {
    let Some(g) = g.first_chunk_mut::<N>() else {
        return;
    };
    let value = T::splat(simd, value);
    for v in 0..N {
        g[v] = T::fma(simd, value, on_sums[v], g[v]);
    }
}
