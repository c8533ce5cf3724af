//! Networks with few sums per layer: eight rows side by side.
//!
//! Where a layer has fewer sums than a vector has numbers, vectors over the sums stay part empty. Here a vector holds
//! the same node of eight rows. All functions of an input are multiplied in, those that vanish too: on a short grid
//! that costs less than picking each row's own.

use pulp::{Simd, WithSimd};

use super::batch::Batch;
use super::place::{Equal, Place, base_at};
use super::real::{Eight, Real, TILE};
use super::shape::Shape;

/// Most functions per input, those for fading ends included.
const MOST: usize = 12;

/// Whether the network is one for this path: equal cells, at most 8 sums per layer, 12 functions per input, no
/// symbolic edges.
pub(super) fn fits<T: Real>(batch: &Batch<T>) -> bool {
    batch.layers.iter().all(|layer| {
        let functions = layer.rows - usize::from(layer.base_row.is_some());
        let equal = matches!(layer.place, Place::Equal(_));
        equal && layer.sums <= TILE && functions <= MOST && layer.fixed.is_empty()
    })
}

/// Room for eight rows on their way.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes<T> {
    nodes: Vec<Eight<T>>,
    sums: Vec<Eight<T>>,
}

/// Outputs of rows, eight at a time.
pub(super) struct Narrow<'a, T> {
    pub(super) batch: &'a Batch<T>,
    pub(super) weights: &'a [T],
    pub(super) x: &'a [T],
    pub(super) y: &'a mut [T],
    pub(super) room: &'a mut Lanes<T>,
}

impl<T: Real> WithSimd for Narrow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Narrow {
            batch,
            weights,
            x,
            y,
            room,
        } = self;
        let (inputs, outputs) = (batch.inputs(), batch.outputs());
        let zero = [T::default(); TILE];
        let before = std::array::from_fn(|c| T::of(c as f64 - 0.5));
        for (x, y) in x.chunks(TILE * inputs).zip(y.chunks_mut(TILE * outputs)) {
            room.nodes.clear();
            room.nodes.resize(inputs, zero);
            for (row, x) in x.chunks_exact(inputs).enumerate() {
                for (node, x) in room.nodes.iter_mut().zip(x) {
                    node[row] = *x;
                }
            }
            for layer in &batch.layers {
                room.sums.clear();
                room.sums
                    .extend(layer.sum_shift[..layer.sums].iter().map(|s| [*s; TILE]));
                let own = batch.own(layer, weights);
                simd.vectorize(Edges {
                    before: &before,
                    layer,
                    weights: own,
                    nodes: &room.nodes,
                    sums: &mut room.sums,
                });
                outputs_of(layer, &room.sums, &mut room.nodes);
            }
            for (row, y) in y.chunks_exact_mut(outputs).enumerate() {
                for (y, node) in y.iter_mut().zip(&room.nodes) {
                    *y = node[row];
                }
            }
        }
    }
}

/// Nodes behind a layer from its sums.
#[inline(always)]
fn outputs_of<T: Real>(layer: &Shape<T>, sums: &[Eight<T>], nodes: &mut Vec<Eight<T>>) {
    nodes.clear();
    nodes.extend_from_slice(&sums[..layer.plain]);
    let mut from = layer.plain;
    for factors in &layer.products {
        let mut product = [T::of(1.0); TILE];
        for factor in &sums[from..from + factors] {
            for (p, f) in product.iter_mut().zip(factor) {
                *p = *p * *f;
            }
        }
        nodes.push(product);
        from += factors;
    }
    for (node, shift) in nodes.iter_mut().zip(&layer.output_shift) {
        node.iter_mut().for_each(|n| *n += *shift);
    }
}

/// Sums of eight rows.
struct Edges<'a, T> {
    layer: &'a Shape<T>,
    weights: &'a [T],
    nodes: &'a [Eight<T>],
    sums: &'a mut [Eight<T>],
    /// `c - 1/2` for every cell `c`.
    before: &'a [T; MOST],
}

impl<T: Real> WithSimd for Edges<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Place::Equal(equal) = &self.layer.place else {
            return;
        };
        match equal.order {
            1 => self.add::<S, 2>(simd, equal),
            2 => self.add::<S, 3>(simd, equal),
            3 => self.add::<S, 4>(simd, equal),
            4 => self.add::<S, 5>(simd, equal),
            _ => self.add::<S, 6>(simd, equal),
        }
    }
}

impl<T: Real> Edges<'_, T> {
    #[inline(always)]
    fn add<S: Simd, const M: usize>(self, simd: S, equal: &Equal<T>) {
        let Edges {
            layer,
            weights,
            nodes,
            sums,
            before,
        } = self;
        let splat = |v: T| T::splat(simd, v);
        let zero = splat(T::default());
        let functions = layer.rows - usize::from(layer.base_row.is_some());
        let size = layer.rows * TILE;
        for (input, (x, own)) in nodes.iter().zip(weights.chunks_exact(size)).enumerate() {
            if layer.idle[input] {
                continue;
            }
            let (start, rate) = equal.grid(input);
            let mut rounded = [T::default(); TILE];
            let mut local = [[T::default(); TILE]; M];
            equal.row::<0, M, S>(
                simd,
                x,
                &[start; TILE],
                &[rate; TILE],
                M,
                &mut rounded,
                &mut local,
            );
            let base = base_at::<T, S, 0>(simd, layer.base, x)[0];
            let base = T::vectors::<S>(&base);
            for (v, rounded) in T::vectors::<S>(&rounded).iter().enumerate() {
                let cell = T::minus(simd, *rounded, splat(T::ROUND));
                let local: [T::V<S>; M] = std::array::from_fn(|j| T::vectors::<S>(&local[j])[v]);
                // The local functions of cell c are functions c, c + 1, .. A window of M slides over the cells; what
                // leaves it is done.
                let mut all = [zero; MOST + 1];
                let mut window = [zero; M];
                for c in 0..=functions - M {
                    let reached = [splat(before[c]), cell];
                    if c > 0 {
                        all[c - 1] = T::where_less(simd, reached, zero, window[0]);
                    }
                    for m in 0..M {
                        let old = if c > 0 && m + 1 < M {
                            window[m + 1]
                        } else {
                            zero
                        };
                        window[m] = T::where_less(simd, reached, local[m], old);
                    }
                }
                for (to, done) in all[functions - M..].iter_mut().zip(window) {
                    *to = done;
                }
                all[functions] = base[v];
                let used = &all[..layer.rows];
                let mut from = 0;
                while from < sums.len() {
                    let some = sums.len() - from;
                    match some {
                        1 => columns::<T, S, 1>(simd, own, used, from, v, sums),
                        2 => columns::<T, S, 2>(simd, own, used, from, v, sums),
                        _ => columns::<T, S, 4>(simd, own, used, from, v, sums),
                    }
                    from += if some < 3 { some } else { 4 };
                }
            }
        }
    }
}

/// Adds the functions times the weights of up to `N` sums.
#[inline(always)]
fn columns<T: Real, S: Simd, const N: usize>(
    simd: S,
    weights: &[T],
    functions: &[T::V<S>],
    from: usize,
    v: usize,
    sums: &mut [Eight<T>],
) {
    let zero = T::splat(simd, T::default());
    // Two chains of additions that do not wait for one another.
    let mut acc = [[zero; N]; 2];
    let mut add = |chain: usize, row: &[T], f: T::V<S>| {
        if let Some(row) = row.get(from..from + N) {
            for n in 0..N {
                acc[chain][n] = T::fma(simd, f, T::splat(simd, row[n]), acc[chain][n]);
            }
        }
    };
    let mut rows = weights.chunks_exact(2 * TILE);
    let mut pairs = functions.chunks_exact(2);
    for (rows, f) in rows.by_ref().zip(pairs.by_ref()) {
        add(0, &rows[..TILE], f[0]);
        add(1, &rows[TILE..], f[1]);
    }
    if let [f] = pairs.remainder() {
        add(0, rows.remainder(), *f);
    }
    for (n, sum) in sums[from..].iter_mut().enumerate().take(N) {
        let sum = &mut T::vectors_mut::<S>(sum)[v];
        *sum = T::plus(simd, *sum, T::plus(simd, acc[0][n], acc[1][n]));
    }
}
