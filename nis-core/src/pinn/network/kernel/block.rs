//! A block of points on its way through the network and back.

use std::ops::Range;

use pulp::Simd;

use super::chain::{self, Spare};
use super::plan::{Plan, Room};
use super::product::{Outer, Products};
use super::simd::Real;

/// The first tiles of a block that a number of points fills.
fn tiles_of<T: Real, S: Simd>(plan: &Plan<'_, T>, points: usize) -> usize {
    points.div_ceil(plan.side * T::lanes::<S>())
}

/// Two lists, to read from the one and write to the next.
fn step<X>(list: &mut [X], at: usize) -> Option<(&X, &mut X)> {
    let (before, after) = list.split_at_mut_checked(at + 1)?;
    Some((before.last()?, after.first_mut()?))
}

/// All streams of the embedding at the points `range`; what is left of the last tile repeats the last point.
#[inline(always)]
fn embed<T: Real, S: Simd>(plan: &Plan<'_, T>, room: &mut Room<T>, range: Range<usize>) {
    let lanes = T::lanes::<S>();
    let embedding = &plan.net.embedding;
    let tile = plan.side * lanes;
    let tiles = tiles_of::<T, S>(plan, range.len());
    let size = embedding.len() * plan.columns * lanes;
    if room.into.is_empty() {
        room.into.push(Default::default());
    }
    let out = room.into[0].fit(tiles * size);
    let mut point = vec![0.0; embedding.coordinates];
    let orders = plan.streams.orders();
    for (t, out) in out.chunks_exact_mut(size).enumerate() {
        for i in 0..tile {
            let at = (range.start + t * tile + i).min(range.end - 1);
            for (x, column) in point.iter_mut().zip(plan.points) {
                *x = column[at];
            }
            let nodes = out.chunks_exact_mut(plan.columns * lanes);
            for (feature, out) in embedding.features.iter().zip(nodes) {
                feature.jets(orders, &point, |s, v| out[s * tile + i] = T::of(v));
            }
        }
    }
}

/// The points `range` through the network: what each layer reads and gives stays in `room`.
#[inline(always)]
pub(super) fn there<T: Real, S: Simd>(
    simd: S,
    plan: &Plan<'_, T>,
    room: &mut Room<T>,
    spare: &mut Spare<T::V<S>>,
    range: Range<usize>,
) {
    let (columns, lanes) = (plan.columns, T::lanes::<S>());
    let tiles = tiles_of::<T, S>(plan, range.len());
    room.into
        .resize_with(plan.layers.len() + 1, Default::default);
    room.under
        .resize_with(plan.layers.len() - 1, Default::default);
    embed::<T, S>(plan, room, range);
    for (l, layer) in plan.layers.iter().enumerate() {
        let Some((from, to)) = step(&mut room.into, l) else {
            return;
        };
        let length = tiles * layer.to * columns * lanes;
        let to = T::vectors_mut::<S>(to.fit(length));
        let mut under = room
            .under
            .get_mut(l)
            .map(|u| T::vectors_mut::<S>(u.fit(length)));
        simd.vectorize(Products::<T, S> {
            simd,
            packed: &plan.there[l],
            rows: layer.to,
            reads: layer.from,
            columns,
            bias: &plan.p[layer.biases()..layer.end()],
            values: plan.side,
            from: T::vectors::<S>(from),
            to: under.as_deref_mut().unwrap_or(to),
        });
        if let Some(under) = under {
            simd.vectorize(chain::There::<T, S> {
                simd,
                streams: plan.streams,
                side: plan.side,
                z: under,
                h: to,
                spare,
            });
        }
    }
}

/// The outputs of [`there`] as columns: `to(stream * outputs + output)` are the places of the block's points.
#[inline(always)]
pub(super) fn outputs<'o, T: Real, S: Simd>(
    plan: &Plan<'_, T>,
    room: &Room<T>,
    columns: impl Iterator<Item = &'o mut [T]>,
) {
    let tile = plan.side * T::lanes::<S>();
    let outputs = plan.net.outputs;
    let Some(out) = room.into.last() else {
        return;
    };
    let size = outputs * plan.columns * T::lanes::<S>();
    for (k, column) in columns.enumerate() {
        let (stream, output) = (k / outputs, k % outputs);
        let place = (output * plan.streams.len() + stream) * tile;
        for (to, from) in column.chunks_mut(tile).zip(out.chunks_exact(size)) {
            to.copy_from_slice(&from[place..place + to.len()]);
        }
    }
}

/// Slopes by the outputs, from columns as in [`outputs`], to the first buffer of slopes; 0 where there is no point.
#[inline(always)]
pub(super) fn seed<'o, T: Real, S: Simd>(
    plan: &Plan<'_, T>,
    slopes: &mut super::simd::Aligned<T>,
    points: usize,
    columns: impl Iterator<Item = &'o [T]>,
) {
    let tile = plan.side * T::lanes::<S>();
    let outputs = plan.net.outputs;
    let size = outputs * plan.columns * T::lanes::<S>();
    let out = slopes.fit(tiles_of::<T, S>(plan, points) * size);
    for (k, column) in columns.enumerate() {
        let (stream, output) = (k / outputs, k % outputs);
        let place = (output * plan.streams.len() + stream) * tile;
        for (from, to) in column.chunks(tile).zip(out.chunks_exact_mut(size)) {
            let to = &mut to[place..place + tile];
            to.fill(T::default());
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
        }
    }
}

/// From the slopes by a layer's sums, in the first buffer, to those by the sums of the layer before it, which take
/// their place.
#[inline(always)]
fn one_back<T: Real, S: Simd>(
    simd: S,
    plan: &Plan<'_, T>,
    room: &mut Room<T>,
    spare: &mut Spare<T::V<S>>,
    l: usize,
) {
    let (layer, columns) = (plan.layers[l], plan.columns);
    let [from, to] = &mut room.slopes;
    let tiles = from.len() / (layer.to * columns * T::lanes::<S>());
    let to = T::vectors_mut::<S>(to.fit(tiles * layer.from * columns * T::lanes::<S>()));
    simd.vectorize(Products::<T, S> {
        simd,
        packed: &plan.back[l],
        rows: layer.from,
        reads: layer.to,
        columns,
        bias: &[],
        values: 0,
        from: T::vectors::<S>(from),
        to,
    });
    simd.vectorize(chain::Back::<T, S> {
        simd,
        streams: plan.streams,
        side: plan.side,
        z: T::vectors::<S>(&room.under[l - 1]),
        h: T::vectors::<S>(&room.into[l]),
        slopes: to,
        spare,
    });
    room.slopes.swap(0, 1);
}

/// Adds the gradient to `gradient`, a vector per parameter; slopes by the outputs as left by [`seed`].
#[inline(always)]
pub(super) fn back<T: Real, S: Simd>(
    simd: S,
    plan: &Plan<'_, T>,
    room: &mut Room<T>,
    spare: &mut Spare<T::V<S>>,
    gradient: &mut [T],
) {
    let (columns, lanes) = (plan.columns, T::lanes::<S>());
    for (l, layer) in plan.layers.iter().enumerate().rev() {
        let slopes = T::vectors::<S>(&room.slopes[0]);
        let into = T::vectors::<S>(&room.into[l]);
        let own = &mut gradient[layer.start * lanes..layer.end() * lanes];
        let (weights, biases) = T::vectors_mut::<S>(own).split_at_mut(layer.from * layer.to);
        simd.vectorize(Outer::<T, S> {
            simd,
            rows: [layer.to, layer.from],
            columns,
            a: slopes,
            b: into,
            out: weights,
        });
        for tile in slopes.chunks_exact(layer.to * columns) {
            for (bias, node) in biases.iter_mut().zip(tile.chunks_exact(columns)) {
                for v in &node[..plan.side] {
                    *bias = T::plus(simd, *bias, *v);
                }
            }
        }
        if l > 0 {
            one_back::<T, S>(simd, plan, room, spare, l);
        }
    }
}

/// Gives every parameter's column of a Jacobian for the block's points to `put`; slopes by the outputs as left by
/// [`seed`].
#[inline(always)]
pub(super) fn rows<T: Real, S: Simd>(
    simd: S,
    plan: &Plan<'_, T>,
    room: &mut Room<T>,
    spare: &mut Spare<T::V<S>>,
    mut put: impl FnMut(usize, &[T]),
) {
    let (columns, side, lanes) = (plan.columns, plan.side, T::lanes::<S>());
    for (l, layer) in plan.layers.iter().enumerate().rev() {
        let tiles = room.slopes[0].len() / (layer.to * columns * lanes);
        let length = tiles * side;
        for node in 0..layer.to {
            let slopes = T::vectors::<S>(&room.slopes[0]).chunks_exact(layer.to * columns);
            let into = T::vectors::<S>(&room.into[l]).chunks_exact(layer.from * columns);
            let out = T::vectors_mut::<S>(room.rows.fit((layer.from + 1) * length * lanes));
            for (t, (slopes, into)) in slopes.zip(into).enumerate() {
                let own = &slopes[node * columns..(node + 1) * columns];
                let nodes = into.chunks_exact(columns);
                for (h, out) in nodes.zip(out.chunks_exact_mut(length)) {
                    let out = &mut out[t * side..(t + 1) * side];
                    for (p, out) in out.iter_mut().enumerate() {
                        let mut sum = T::splat(simd, T::default());
                        for (own, h) in own.chunks_exact(side).zip(h.chunks_exact(side)) {
                            sum = T::fma(simd, own[p], h[p], sum);
                        }
                        *out = sum;
                    }
                }
                let bias = &mut out[layer.from * length + t * side..];
                for (out, v) in bias.iter_mut().zip(&own[..side]) {
                    *out = *v;
                }
            }
            for (from, column) in room.rows.chunks_exact(length * lanes).enumerate() {
                let at = if from < layer.from {
                    layer.start + node * layer.from + from
                } else {
                    layer.biases() + node
                };
                put(at, column);
            }
        }
        if l > 0 {
            one_back::<T, S>(simd, plan, room, spare, l);
        }
    }
}
