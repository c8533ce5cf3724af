//! The three loops over the edges of a layer: sums of rows, derivatives with respect to the layer's inputs, and
//! derivatives with respect to its weights.
//!
//! All of them run over the sums of an input side by side: at a point only `order + 1` rows of an input's weights
//! count, whatever the grid. Every row's arithmetic is the same whichever rows it is computed with, so results do not
//! depend on the partition into blocks and threads.

use pulp::Simd;

use super::place::Tile;
use super::real::{Real, TILE};
use super::shape::{Panel, Shape};

/// Calls a kernel made for the panel's width (in vectors) and for the number of functions; 0 stands for any number.
macro_rules! by_size {
    ($vectors:expr, $local:expr, $call:ident, $arguments:tt) => {
        match ($vectors, $local) {
            (1, 4) => by_size!(@ $call, 1, 4, $arguments),
            (2, 4) => by_size!(@ $call, 2, 4, $arguments),
            (4, 4) => by_size!(@ $call, 4, 4, $arguments),
            (8, 4) => by_size!(@ $call, 8, 4, $arguments),
            (1, _) => by_size!(@ $call, 1, 0, $arguments),
            (2, _) => by_size!(@ $call, 2, 0, $arguments),
            (4, _) => by_size!(@ $call, 4, 0, $arguments),
            _ => by_size!(@ $call, 8, 0, $arguments),
        }
    };
    (@ $call:ident, $n:literal, $m:literal, ($($argument:expr),*)) => {
        $call::<T, S, $n, $m>($($argument),*)
    };
}

/// A panel's weights (or their gradient) as rows of `N` vectors.
#[inline(always)]
fn rows_of<T: Real, S: Simd, const N: usize>(weights: &[T]) -> &[[T::V<S>; N]] {
    T::vectors::<S>(weights).as_chunks::<N>().0
}

/// Sums of rows of inputs, `stride` numbers each, without products.
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
    for t in 0..shape.tiles() {
        shape.evaluate::<0, S>(simd, t, x, tile);
        for panel in &shape.panels {
            let own = &weights[panel.start..panel.start + shape.inputs * shape.rows * panel.width];
            let vectors = panel.width / T::lanes::<S>();
            by_size!(
                vectors,
                shape.local,
                add,
                (simd, shape, panel, t, own, tile, out)
            );
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
fn add<T: Real, S: Simd, const N: usize, const M: usize>(
    simd: S,
    shape: &Shape<T>,
    panel: &Panel,
    t: usize,
    weights: &[T],
    tile: &Tile<T>,
    out: &mut [T],
) {
    let weights = rows_of::<T, S, N>(weights);
    let width = shape.width();
    let lanes = shape.lanes(t);
    for ((out, first), values) in out
        .chunks_exact_mut(shape.stride)
        .zip(&tile.first)
        .zip(tile.values.chunks_exact(width))
    {
        let out = T::vectors_mut::<S>(&mut out[panel.from..panel.from + panel.width]);
        let Some(out) = out.first_chunk_mut::<N>() else {
            continue;
        };
        // Chains of additions that do not wait for one another, as a narrow panel has too few of its own.
        let mut acc = [[T::splat(simd, T::default()); N]; 2];
        acc[0] = *out;
        for (input, lane) in lanes.clone() {
            if shape.idle[input] {
                continue;
            }
            let start = input * shape.rows;
            let c = &weights[start + first[lane] as usize..start + shape.rows];
            let acc = &mut acc[if N < 8 { lane & 1 } else { 0 }];
            if M > 0 {
                let (Some(c), Some(values)) = (c.first_chunk::<M>(), values.first_chunk::<M>())
                else {
                    continue;
                };
                for j in 0..M {
                    fused::<T, S, N>(simd, values[j][lane], &c[j], acc);
                }
            } else {
                for (c, value) in c.iter().zip(&values[..shape.local]) {
                    fused::<T, S, N>(simd, value[lane], c, acc);
                }
            }
            if let Some(base) = shape.base_row {
                fused::<T, S, N>(simd, values[shape.local][lane], &weights[start + base], acc);
            }
        }
        if N < 8 {
            let one = T::splat(simd, T::of(1.0));
            for v in 0..N {
                out[v] = T::fma(simd, one, acc[0][v], acc[1][v]);
            }
        } else {
            *out = acc[0];
        }
    }
}

/// `acc += value * c`
#[inline(always)]
fn fused<T: Real, S: Simd, const N: usize>(
    simd: S,
    value: T,
    c: &[T::V<S>; N],
    acc: &mut [T::V<S>; N],
) {
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
    out.fill(T::default());
    for t in 0..shape.tiles() {
        shape.evaluate::<1, S>(simd, t, x, tile);
        for panel in &shape.panels {
            let own = &weights[panel.start..panel.start + shape.inputs * shape.rows * panel.width];
            let vectors = panel.width / T::lanes::<S>();
            by_size!(
                vectors,
                shape.local,
                dot,
                (simd, shape, panel, t, own, tile, on_sums, out)
            );
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

#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn dot<T: Real, S: Simd, const N: usize, const M: usize>(
    simd: S,
    shape: &Shape<T>,
    panel: &Panel,
    t: usize,
    weights: &[T],
    tile: &Tile<T>,
    on_sums: &[T],
    out: &mut [T],
) {
    let weights = rows_of::<T, S, N>(weights);
    let width = shape.width();
    let lanes = shape.lanes(t);
    for (((out, on_sums), first), values) in out
        .chunks_exact_mut(shape.inputs)
        .zip(on_sums.chunks_exact(shape.stride))
        .zip(&tile.first)
        .zip(tile.values.chunks_exact(2 * width))
    {
        let on_sums = T::vectors::<S>(&on_sums[panel.from..panel.from + panel.width]);
        let Some(on_sums) = on_sums.first_chunk::<N>() else {
            continue;
        };
        let slopes = &values[width..];
        for (input, lane) in lanes.clone() {
            if shape.idle[input] {
                continue;
            }
            let start = input * shape.rows;
            let c = &weights[start + first[lane] as usize..start + shape.rows];
            let mut slope = [T::splat(simd, T::default()); N];
            if M > 0 {
                let (Some(c), Some(slopes)) = (c.first_chunk::<M>(), slopes.first_chunk::<M>())
                else {
                    continue;
                };
                for j in 0..M {
                    fused::<T, S, N>(simd, slopes[j][lane], &c[j], &mut slope);
                }
            } else {
                for (c, d) in c.iter().zip(&slopes[..shape.local]) {
                    fused::<T, S, N>(simd, d[lane], c, &mut slope);
                }
            }
            if let Some(base) = shape.base_row {
                fused::<T, S, N>(
                    simd,
                    slopes[shape.local][lane],
                    &weights[start + base],
                    &mut slope,
                );
            }
            let mut total = T::splat(simd, T::default());
            for v in 0..N {
                total = T::fma(simd, slope[v], on_sums[v], total);
            }
            out[input] += T::sum(simd, total);
        }
    }
}

/// Adds the derivatives with respect to the weights of a tile of inputs of a panel; `out` is their part of the
/// gradient.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
pub(super) fn gradient<T: Real, S: Simd>(
    simd: S,
    shape: &Shape<T>,
    panel: &Panel,
    t: usize,
    x: &[T],
    on_sums: &[T],
    out: &mut [T],
    tile: &mut Tile<T>,
) {
    shape.evaluate::<0, S>(simd, t, x, tile);
    let vectors = panel.width / T::lanes::<S>();
    by_size!(
        vectors,
        shape.local,
        spread,
        (simd, shape, panel, t, on_sums, tile, out)
    );
}

#[inline(always)]
fn spread<T: Real, S: Simd, const N: usize, const M: usize>(
    simd: S,
    shape: &Shape<T>,
    panel: &Panel,
    t: usize,
    on_sums: &[T],
    tile: &Tile<T>,
    out: &mut [T],
) {
    let out = T::vectors_mut::<S>(out).as_chunks_mut::<N>().0;
    let width = shape.width();
    let lanes = shape.lanes(t);
    for ((on_sums, first), values) in on_sums
        .chunks_exact(shape.stride)
        .zip(&tile.first)
        .zip(tile.values.chunks_exact(width))
    {
        let on_sums = T::vectors::<S>(&on_sums[panel.from..panel.from + panel.width]);
        let Some(on_sums) = on_sums.first_chunk::<N>() else {
            continue;
        };
        for (input, lane) in lanes.clone() {
            if shape.idle[input] {
                continue;
            }
            let start = (input - t * TILE) * shape.rows;
            let g = &mut out[start + first[lane] as usize..start + shape.rows];
            if M > 0 {
                let (Some(g), Some(values)) = (g.first_chunk_mut::<M>(), values.first_chunk::<M>())
                else {
                    continue;
                };
                for j in 0..M {
                    fused::<T, S, N>(simd, values[j][lane], on_sums, &mut g[j]);
                }
            } else {
                for (g, value) in g.iter_mut().zip(&values[..shape.local]) {
                    fused::<T, S, N>(simd, value[lane], on_sums, g);
                }
            }
            if let Some(base) = shape.base_row {
                fused::<T, S, N>(
                    simd,
                    values[shape.local][lane],
                    on_sums,
                    &mut out[start + base],
                );
            }
        }
    }
}
