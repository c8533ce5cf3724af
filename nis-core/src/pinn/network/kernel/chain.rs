//! Derivatives of `tanh(z)` from those of `z`, and slopes by `z` from those by `tanh(z)`, node by node.
//!
//! A node has `columns = streams * side` vectors: stream `s` of its points is in vectors `s * side` and on.

use pulp::{NullaryFnOnce, Simd};

use super::simd::{Real, tanh};
use super::streams::{Order, Streams};

/// Buffers of [`back`] for sets of streams of order 3 and above.
#[derive(Debug, Clone)]
pub(super) struct Spare<V> {
    q: Vec<V>,
    slope_h: Vec<V>,
    slope_q: Vec<V>,
}

impl<V: Copy> Spare<V> {
    pub(super) fn new(streams: usize, zero: V) -> Self {
        let list = vec![zero; streams];
        Spare {
            q: list.clone(),
            slope_h: list.clone(),
            slope_q: list,
        }
    }
}

/// Calls a function with the order of the streams, the usual ones as constants, so that its loops unroll.
macro_rules! by_order {
    ($order:expr, $firsts:ident, $pairs:ident, $call:expr, $other:expr) => {
        match $order {
            Order::Second(0, _) => {
                let ($firsts, $pairs): (usize, &[[usize; 2]]) = (0, &[]);
                $call
            }
            Order::Second(1, p) if p.is_empty() => {
                let ($firsts, $pairs): (usize, &[[usize; 2]]) = (1, &[]);
                $call
            }
            Order::Second(2, p) if p.is_empty() => {
                let ($firsts, $pairs): (usize, &[[usize; 2]]) = (2, &[]);
                $call
            }
            Order::Second(1, _) => {
                let ($firsts, $pairs): (usize, &[[usize; 2]]) = (1, &[[1, 1]]);
                $call
            }
            Order::Second(2, p) if **p == [[1, 1]] => {
                let ($firsts, $pairs): (usize, &[[usize; 2]]) = (2, &[[1, 1]]);
                $call
            }
            Order::Second(2, p) if **p == [[1, 1], [2, 2]] => {
                let ($firsts, $pairs): (usize, &[[usize; 2]]) = (2, &[[1, 1], [2, 2]]);
                $call
            }
            Order::Second(2, p) if **p == [[1, 1], [1, 2], [2, 2]] => {
                let ($firsts, $pairs): (usize, &[[usize; 2]]) = (2, &[[1, 1], [1, 2], [2, 2]]);
                $call
            }
            Order::Second(n, p) => {
                let ($firsts, $pairs): (usize, &[[usize; 2]]) = (*n, p);
                $call
            }
            Order::Higher => $other,
        }
    };
}

/// From all streams of `z` to all streams of `h = tanh(z)`.
pub(super) struct There<'a, T: Real, S: Simd> {
    pub(super) simd: S,
    pub(super) streams: &'a Streams,
    pub(super) side: usize,
    pub(super) z: &'a [T::V<S>],
    pub(super) h: &'a mut [T::V<S>],
    pub(super) spare: &'a mut Spare<T::V<S>>,
}

impl<T: Real, S: Simd> NullaryFnOnce for There<'_, T, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (simd, streams, side, q) = (self.simd, self.streams, self.side, &mut self.spare.q);
        let columns = streams.len() * side;
        let nodes = self.z.chunks_exact(columns);
        let nodes = nodes.zip(self.h.chunks_exact_mut(columns));
        by_order!(
            &streams.order,
            firsts,
            pairs,
            // No closures: what they call would not become vector instructions.
            for (z, h) in nodes {
                second_there::<T, S>(simd, firsts, pairs, side, z, h);
            },
            for (z, h) in nodes {
                higher_there::<T, S>(simd, streams, side, z, h, q);
            }
        );
    }
}

/// From the slopes of something by `h` to those by `z`, in place; `h` as made by [`There`].
pub(super) struct Back<'a, T: Real, S: Simd> {
    pub(super) simd: S,
    pub(super) streams: &'a Streams,
    pub(super) side: usize,
    pub(super) z: &'a [T::V<S>],
    pub(super) h: &'a [T::V<S>],
    pub(super) slopes: &'a mut [T::V<S>],
    pub(super) spare: &'a mut Spare<T::V<S>>,
}

impl<T: Real, S: Simd> NullaryFnOnce for Back<'_, T, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (simd, streams, side, spare) = (self.simd, self.streams, self.side, self.spare);
        let columns = streams.len() * side;
        let nodes = self.z.chunks_exact(columns);
        let nodes = nodes.zip(self.h.chunks_exact(columns));
        let nodes = nodes.zip(self.slopes.chunks_exact_mut(columns));
        by_order!(
            &streams.order,
            firsts,
            pairs,
            for ((z, h), s) in nodes {
                second_back::<T, S>(simd, firsts, pairs, side, z, h, s);
            },
            for ((z, h), s) in nodes {
                higher_back::<T, S>(simd, streams, side, z, h, s, spare);
            }
        );
    }
}

/// `h_i = f1 z_i` and `h_ij = f1 z_ij + f2 z_i z_j` with `f1 = 1 - h^2`, `f2 = -2 h f1`; `pairs` are the streams of
/// first order that a stream of second order belongs to.
#[inline(always)]
fn second_there<T: Real, S: Simd>(
    simd: S,
    firsts: usize,
    pairs: &[[usize; 2]],
    side: usize,
    z: &[T::V<S>],
    h: &mut [T::V<S>],
) {
    let (z, h) = (&z[..(1 + firsts + pairs.len()) * side], &mut h[..]);
    let one = T::splat(simd, T::of(1.0));
    for p in 0..side {
        let value = tanh::<T, S>(simd, z[p]);
        h[p] = value;
        let minus = T::minus(simd, T::splat(simd, T::default()), value);
        let f1 = T::fma(simd, minus, value, one);
        for i in 1..=firsts {
            h[i * side + p] = T::times(simd, f1, z[i * side + p]);
        }
        let f2 = T::times(simd, T::plus(simd, minus, minus), f1);
        for (k, [i, j]) in pairs.iter().enumerate() {
            let at = (1 + firsts + k) * side + p;
            let product = T::times(simd, z[i * side + p], z[j * side + p]);
            h[at] = T::fma(simd, f2, product, T::times(simd, f1, z[at]));
        }
    }
}

/// The reverse of [`second_there`]; `f3 = f1 (6 h^2 - 2)` is the slope of `f2`.
#[inline(always)]
fn second_back<T: Real, S: Simd>(
    simd: S,
    firsts: usize,
    pairs: &[[usize; 2]],
    side: usize,
    z: &[T::V<S>],
    h: &[T::V<S>],
    slopes: &mut [T::V<S>],
) {
    let length = (1 + firsts + pairs.len()) * side;
    let (z, slopes) = (&z[..length], &mut slopes[..length]);
    for p in 0..side {
        let value = h[p];
        let minus = T::minus(simd, T::splat(simd, T::of(0.0)), value);
        let f1 = T::fma(simd, minus, value, T::splat(simd, T::of(1.0)));
        let f2 = T::times(simd, T::plus(simd, minus, minus), f1);
        let mut by_value = T::times(simd, f1, slopes[p]);
        // What f2 is multiplied with in the slope by the value, and f3.
        let zero = T::splat(simd, T::default());
        let (mut by_f2, mut by_f3) = (zero, zero);
        for i in 1..=firsts {
            let at = i * side + p;
            by_f2 = T::fma(simd, slopes[at], z[at], by_f2);
            slopes[at] = T::times(simd, f1, slopes[at]);
        }
        for (k, [i, j]) in pairs.iter().enumerate() {
            let at = (1 + firsts + k) * side + p;
            let (i, j) = (i * side + p, j * side + p);
            let own = slopes[at];
            by_f2 = T::fma(simd, own, z[at], by_f2);
            by_f3 = T::fma(simd, own, T::times(simd, z[i], z[j]), by_f3);
            let share = T::times(simd, f2, own);
            slopes[i] = T::fma(simd, share, z[j], slopes[i]);
            slopes[j] = T::fma(simd, share, z[i], slopes[j]);
            slopes[at] = T::times(simd, f1, own);
        }
        by_value = T::fma(simd, f2, by_f2, by_value);
        if !pairs.is_empty() {
            let square = T::times(simd, value, value);
            let f3 = T::times(
                simd,
                f1,
                T::fma(
                    simd,
                    T::splat(simd, T::of(6.0)),
                    square,
                    T::splat(simd, T::of(-2.0)),
                ),
            );
            by_value = T::fma(simd, f3, by_f3, by_value);
        }
        slopes[p] = by_value;
    }
}

/// Derivatives of `q = 1 - h^2`, which are one stream behind those of `h`.
#[inline(always)]
fn squares<T: Real, S: Simd>(
    simd: S,
    streams: &Streams,
    stream: usize,
    (h, side, p): (&[T::V<S>], usize, usize),
) -> T::V<S> {
    let mut sum = T::splat(simd, T::of(if stream == 0 { 1.0 } else { 0.0 }));
    for (c, b, d) in &streams.chain[stream].square {
        let left = T::times(simd, T::splat(simd, T::of(-c)), h[b * side + p]);
        sum = T::fma(simd, left, h[d * side + p], sum);
    }
    sum
}

#[inline(always)]
fn higher_there<T: Real, S: Simd>(
    simd: S,
    streams: &Streams,
    side: usize,
    z: &[T::V<S>],
    h: &mut [T::V<S>],
    q: &mut [T::V<S>],
) {
    for p in 0..side {
        for (a, link) in streams.chain.iter().enumerate() {
            let mut sum = tanh::<T, S>(simd, z[p]);
            if a > 0 {
                sum = T::splat(simd, T::default());
                for (c, b, d) in &link.tanh {
                    let left = T::times(simd, T::splat(simd, T::of(*c)), q[*b]);
                    sum = T::fma(simd, left, z[d * side + p], sum);
                }
            }
            h[a * side + p] = sum;
            q[a] = squares::<T, S>(simd, streams, a, (h, side, p));
        }
    }
}

#[inline(always)]
fn higher_back<T: Real, S: Simd>(
    simd: S,
    streams: &Streams,
    side: usize,
    z: &[T::V<S>],
    h: &[T::V<S>],
    slopes: &mut [T::V<S>],
    spare: &mut Spare<T::V<S>>,
) {
    let zero = T::splat(simd, T::default());
    let Spare {
        q,
        slope_h,
        slope_q,
    } = spare;
    for p in 0..side {
        for (a, q) in q.iter_mut().enumerate() {
            *q = squares::<T, S>(simd, streams, a, (h, side, p));
            slope_h[a] = slopes[a * side + p];
            slopes[a * side + p] = zero;
            slope_q[a] = zero;
        }
        for (a, link) in streams.chain.iter().enumerate().rev() {
            for (c, b, d) in &link.square {
                let own = T::times(simd, T::splat(simd, T::of(-c)), slope_q[a]);
                slope_h[*b] = T::fma(simd, own, h[d * side + p], slope_h[*b]);
                slope_h[*d] = T::fma(simd, own, h[b * side + p], slope_h[*d]);
            }
            for (c, b, d) in &link.tanh {
                let own = T::times(simd, T::splat(simd, T::of(*c)), slope_h[a]);
                slope_q[*b] = T::fma(simd, own, z[d * side + p], slope_q[*b]);
                let to = &mut slopes[d * side + p];
                *to = T::fma(simd, own, q[*b], *to);
            }
        }
        slopes[p] = T::fma(simd, slope_h[0], q[0], slopes[p]);
    }
}
