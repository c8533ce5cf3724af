//! The kernels point by point, without regard to speed: what the fast ones are tested against.

use faer::MatMut;

use super::{Mlp, Streams};

/// What a point leaves behind on its way through a network: per layer, what goes in and (hidden ones) what is under
/// the tanh, both `[node][stream]`.
struct Trace {
    into: Vec<Vec<f64>>,
    under: Vec<Vec<f64>>,
}

fn tanh(streams: &Streams, z: &[f64], h: &mut [f64]) {
    let mut q = vec![0.0; streams.len()];
    for a in 0..streams.len() {
        h[a] = match a {
            0 => z[0].tanh(),
            _ => streams.chain[a]
                .tanh
                .iter()
                .map(|(c, b, d)| c * q[*b] * z[*d])
                .sum(),
        };
        let square: f64 = streams.chain[a]
            .square
            .iter()
            .map(|(c, b, d)| c * h[*b] * h[*d])
            .sum();
        q[a] = if a == 0 { 1.0 - h[0] * h[0] } else { -square };
    }
}

/// From the slopes by `h` to those by `z`.
fn tanh_back(streams: &Streams, z: &[f64], slopes: &[f64], out: &mut [f64]) {
    let n = streams.len();
    let mut h = vec![0.0; n];
    tanh(streams, z, &mut h);
    let mut q = vec![0.0; n];
    for (a, q) in q.iter_mut().enumerate() {
        let square: f64 = streams.chain[a]
            .square
            .iter()
            .map(|(c, b, d)| c * h[*b] * h[*d])
            .sum();
        *q = if a == 0 { 1.0 - h[0] * h[0] } else { -square };
    }
    let (mut hs, mut qs) = (slopes.to_vec(), vec![0.0; n]);
    out.fill(0.0);
    for a in (0..n).rev() {
        for (c, b, d) in &streams.chain[a].square {
            hs[*b] -= c * qs[a] * h[*d];
            hs[*d] -= c * qs[a] * h[*b];
        }
        for (c, b, d) in &streams.chain[a].tanh {
            qs[*b] += c * hs[a] * z[*d];
            out[*d] += c * hs[a] * q[*b];
        }
    }
    out[0] += hs[0] * (1.0 - h[0] * h[0]);
}

/// One point through the network; the outputs are `[output][stream]`.
fn pass(net: &Mlp, streams: &Streams, point: &[f64], p: &[f64]) -> (Trace, Vec<f64>) {
    let s = streams.len();
    let features = &net.embedding.features;
    let mut h = vec![0.0; features.len() * s];
    for (feature, h) in features.iter().zip(h.chunks_exact_mut(s)) {
        feature.jets(streams.orders(), point, |k, v| h[k] = v);
    }
    let mut trace = Trace {
        into: Vec::new(),
        under: Vec::new(),
    };
    let layers = net.layers();
    for (l, layer) in layers.iter().enumerate() {
        let mut z = vec![0.0; layer.to * s];
        for (to, z) in z.chunks_exact_mut(s).enumerate() {
            z[0] = p[layer.biases() + to];
            for (from, h) in h.chunks_exact(s).enumerate() {
                let w = p[layer.start + to * layer.from + from];
                for (z, h) in z.iter_mut().zip(h) {
                    *z += w * h;
                }
            }
        }
        trace.into.push(std::mem::take(&mut h));
        if l + 1 == layers.len() {
            return (trace, z);
        }
        h = vec![0.0; z.len()];
        for (z, h) in z.chunks_exact(s).zip(h.chunks_exact_mut(s)) {
            tanh(streams, z, h);
        }
        trace.under.push(z);
    }
    (trace, h)
}

/// From slopes by the outputs, `[output][stream]`, to those by the parameters, which are given to `add`.
fn back(
    net: &Mlp,
    streams: &Streams,
    trace: &Trace,
    mut slopes: Vec<f64>,
    p: &[f64],
    mut add: impl FnMut(usize, f64),
) {
    let s = streams.len();
    for (l, layer) in net.layers().iter().enumerate().rev() {
        let into = &trace.into[l];
        let mut before = vec![0.0; into.len()];
        for (to, slopes) in slopes.chunks_exact(s).enumerate() {
            add(layer.biases() + to, slopes[0]);
            for (from, h) in into.chunks_exact(s).enumerate() {
                let at = layer.start + to * layer.from + from;
                add(at, h.iter().zip(slopes).map(|(h, s)| h * s).sum());
                for (b, v) in before[from * s..].iter_mut().zip(slopes) {
                    *b += p[at] * v;
                }
            }
        }
        if l > 0 {
            slopes = vec![0.0; before.len()];
            let under = trace.under[l - 1].chunks_exact(s);
            for ((z, b), out) in under
                .zip(before.chunks_exact(s))
                .zip(slopes.chunks_exact_mut(s))
            {
                tanh_back(streams, z, b, out);
            }
        }
    }
}

fn point_of(points: &[&[f64]], i: usize) -> Vec<f64> {
    points.iter().map(|c| c[i]).collect()
}

pub(super) fn forward(net: &Mlp, streams: &Streams, points: &[&[f64]], p: &[f64], out: &mut [f64]) {
    let n = points[0].len();
    for i in 0..n {
        let (_, y) = pass(net, streams, &point_of(points, i), p);
        for (k, v) in y.iter().enumerate() {
            let (output, stream) = (k / streams.len(), k % streams.len());
            out[(stream * net.outputs + output) * n + i] = *v;
        }
    }
}

fn seeds_of(net: &Mlp, streams: &Streams, seeds: &[f64], n: usize, i: usize) -> Vec<f64> {
    (0..net.outputs)
        .flat_map(|output| {
            (0..streams.len()).map(move |stream| seeds[(stream * net.outputs + output) * n + i])
        })
        .collect()
}

pub(super) fn gradient(
    net: &Mlp,
    streams: &Streams,
    points: &[&[f64]],
    p: &[f64],
    adjoint: &[f64],
    gradient: &mut [f64],
) {
    let n = points[0].len();
    for i in 0..n {
        let (trace, _) = pass(net, streams, &point_of(points, i), p);
        let slopes = seeds_of(net, streams, adjoint, n, i);
        back(net, streams, &trace, slopes, p, |k, v| gradient[k] += v);
    }
}

pub(super) fn jacobian(
    net: &Mlp,
    streams: &Streams,
    points: &[&[f64]],
    p: &[f64],
    seeds: &[f64],
    mut rows: MatMut<'_, f64>,
) {
    let n = points[0].len();
    let each = streams.len() * net.outputs * n;
    for i in 0..n {
        let (trace, _) = pass(net, streams, &point_of(points, i), p);
        for (kind, seeds) in seeds.chunks_exact(each).enumerate() {
            let slopes = seeds_of(net, streams, seeds, n, i);
            back(net, streams, &trace, slopes, p, |k, v| {
                rows[(kind * n + i, k)] = v;
            });
        }
    }
}
