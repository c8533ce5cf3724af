//! Kernels against closed forms and finite differences.

use faer::Mat;

use super::{Embedding, Mlp, Streams, Workspace, plain};
use crate::optim::Random;

/// Largest difference relative to `1 + |b|`; NaN where a number is not one.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let worst = |w: f64, v: f64| if w.is_nan() || v <= w { w } else { v };
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs() / (1.0 + b.abs()))
        .fold(0.0, worst)
}

fn random(n: usize, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    (0..n).map(|_| random.symmetric()).collect()
}

fn columns(points: &[Vec<f64>]) -> Vec<&[f64]> {
    points.iter().map(Vec::as_slice).collect()
}

/// Nets, streams and numbers of points of every kind: order 1 to 4, odd widths, no hidden layer, several outputs.
fn cases() -> Vec<(Mlp, Streams, usize)> {
    let closing = |orders: &[&[u8]]| {
        Streams::closing(&orders.iter().map(|o| o.to_vec()).collect::<Vec<_>>()).unwrap()
    };
    let net = |d: usize, hidden: &[usize], outputs| {
        Mlp::new(Embedding::plain(d), hidden, outputs).unwrap()
    };
    let mixed = Embedding::normalised(&[[-2.0, 1.0], [0.0, 3.0]])
        .unwrap()
        .periodic(0, [-2.0, 1.0], 2)
        .unwrap()
        .fourier(&[[-2.0, 1.0], [0.0, 3.0]], 2, 1.5, 3)
        .unwrap();
    vec![
        (net(1, &[1], 1), closing(&[&[0]]), 1),
        (net(1, &[3], 1), closing(&[&[1]]), 7),
        (net(2, &[5, 4], 1), closing(&[&[2, 0], &[0, 1]]), 7),
        (net(2, &[20, 20, 20], 1), closing(&[&[2, 0], &[0, 1]]), 101),
        (net(2, &[50, 50], 2), closing(&[&[2, 0], &[0, 2]]), 33),
        (net(2, &[6, 7], 3), closing(&[&[2, 0], &[1, 1], &[0, 2]]), 9),
        (
            net(3, &[9], 2),
            closing(&[&[2, 0, 0], &[0, 2, 0], &[0, 0, 2]]),
            66,
        ),
        (net(1, &[4, 3], 1), closing(&[&[4]]), 5),
        (net(2, &[4, 5], 2), closing(&[&[2, 2], &[3, 0]]), 13),
        (net(2, &[], 2), closing(&[&[1, 1]]), 4),
        (
            Mlp::new(mixed, &[7, 6], 2).unwrap(),
            closing(&[&[2, 0], &[1, 1], &[0, 1]]),
            17,
        ),
        (net(2, &[3, 3], 1), closing(&[&[0, 0]]), 129),
    ]
}

fn data(net: &Mlp, n: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let points = (0..net.embedding().coordinates)
        .map(|k| random(n, 10 + k as u64))
        .collect();
    let mut p = net.start(5);
    for (p, r) in p.iter_mut().zip(random(net.parameters(), 8)) {
        *p += 0.3 * r;
    }
    (points, p)
}

fn forward(
    net: &Mlp,
    streams: &Streams,
    points: &[Vec<f64>],
    p: &[f64],
    threads: usize,
) -> Vec<f64> {
    let n = points[0].len();
    let mut out = vec![f64::NAN; streams.len() * net.outputs() * n];
    net.forward(
        streams,
        &columns(points),
        p,
        &mut Workspace::new(threads),
        &mut out,
    )
    .unwrap();
    out
}

#[test]
fn derivatives_of_one_node_are_those_of_tanh() {
    let net = Mlp::new(Embedding::plain(2), &[1], 1).unwrap();
    let (a, b, c, v, d) = (0.7, -1.3, 0.2, 1.5, -0.4);
    let p = [a, b, c, v, d];
    let streams = Streams::closing(&[vec![4, 0], vec![2, 2], vec![1, 3]]).unwrap();
    let points = [random(37, 1), random(37, 2)];
    let out = forward(&net, &streams, &points, &p, 1);
    let mut want = Vec::new();
    for order in streams.orders() {
        for (x, y) in points[0].iter().zip(&points[1]) {
            let t = (a * x + b * y + c).tanh();
            let q = 1.0 - t * t;
            let total = order[0] + order[1];
            let f = match total {
                0 => t,
                1 => q,
                2 => -2.0 * t * q,
                3 => q * (6.0 * t * t - 2.0),
                _ => q * t * (16.0 - 24.0 * t * t),
            };
            let inner = a.powi(i32::from(order[0])) * b.powi(i32::from(order[1]));
            want.push(v * f * inner + if total == 0 { d } else { 0.0 });
        }
    }
    assert!(apart(&out, &want) <= 1e-14, "{}", apart(&out, &want));
}

#[test]
fn each_stream_is_the_slope_of_a_lower_one() {
    for (net, streams, n) in cases() {
        let (points, p) = data(&net, n);
        let size = net.outputs() * n;
        let out = forward(&net, &streams, &points, &p, 1);
        for (s, order) in streams.orders().iter().enumerate().skip(1) {
            let axis = order.iter().position(|k| *k > 0).unwrap();
            let mut lower = order.clone();
            lower[axis] -= 1;
            let from = streams.index_of(&lower).unwrap();
            // Fourth-order central differences.
            let h = 1e-3;
            let mut slope = vec![0.0; size];
            for (shift, weight) in [(1.0, 8.0), (-1.0, -8.0), (2.0, -1.0), (-2.0, 1.0)] {
                let mut moved = points.clone();
                moved[axis].iter_mut().for_each(|x| *x += shift * h);
                let v = forward(&net, &streams, &moved, &p, 1);
                for (to, v) in slope.iter_mut().zip(&v[from * size..]) {
                    *to += weight * v / (12.0 * h);
                }
            }
            let got = &out[s * size..(s + 1) * size];
            assert!(
                apart(got, &slope) <= 1e-8,
                "{net:?} {order:?} {}",
                apart(got, &slope)
            );
        }
    }
}

/// `sum of c v + v^2/2` over all values, whose adjoint is `c + v`.
fn loss(c: &[f64], values: &[f64]) -> f64 {
    c.iter().zip(values).map(|(c, v)| c * v + 0.5 * v * v).sum()
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (net, streams, n) in cases() {
        let (points, p) = data(&net, n);
        let values = forward(&net, &streams, &points, &p, 1);
        let c = random(values.len(), 4);
        let adjoint: Vec<f64> = c.iter().zip(&values).map(|(c, v)| c + v).collect();
        let mut gradient = vec![0.25; p.len()];
        net.gradient(
            &streams,
            &columns(&points),
            &p,
            &adjoint,
            &mut Workspace::new(1),
            &mut gradient,
        )
        .unwrap();
        let scale = loss(&c, &values).abs() + adjoint.iter().map(|a| a.abs()).sum::<f64>();
        for k in (0..p.len()).step_by(1 + p.len() / 40) {
            let h = 1e-3;
            let mut slope = 0.25;
            for (shift, weight) in [(1.0, 8.0), (-1.0, -8.0), (2.0, -1.0), (-2.0, 1.0)] {
                let mut moved = p.clone();
                moved[k] += shift * h;
                let v = forward(&net, &streams, &points, &moved, 1);
                slope += weight * loss(&c, &v) / (12.0 * h);
            }
            let err = (gradient[k] - slope).abs() / (scale / n as f64 + slope.abs());
            assert!(
                err <= 1e-8,
                "{net:?} parameter {k}: {} {slope}",
                gradient[k]
            );
        }
    }
}

#[test]
fn rows_of_the_jacobian_add_up_to_the_gradient() {
    for (net, streams, n) in cases() {
        let (points, p) = data(&net, n);
        let each = streams.len() * net.outputs() * n;
        for kinds in [1, 3] {
            let seeds = random(kinds * each, 6);
            let mut rows = Mat::full(kinds * n, p.len(), f64::NAN);
            net.jacobian(
                &streams,
                &columns(&points),
                &p,
                &seeds,
                &mut Workspace::new(1),
                rows.as_mut(),
            )
            .unwrap();
            for (kind, seeds) in seeds.chunks_exact(each).enumerate() {
                let mut gradient = vec![0.0; p.len()];
                net.gradient(
                    &streams,
                    &columns(&points),
                    &p,
                    seeds,
                    &mut Workspace::new(1),
                    &mut gradient,
                )
                .unwrap();
                let sums: Vec<f64> = (0..p.len())
                    .map(|k| (0..n).map(|i| rows[(kind * n + i, k)]).sum())
                    .collect();
                assert!(
                    apart(&sums, &gradient) <= 1e-11,
                    "{net:?} {}",
                    apart(&sums, &gradient)
                );
            }
        }
    }
}

#[test]
fn kernels_are_the_plain_ones() {
    for (net, streams, n) in cases() {
        let (points, p) = data(&net, n);
        let columns = columns(&points);
        let out = forward(&net, &streams, &points, &p, 1);
        let mut want = vec![0.0; out.len()];
        plain::forward(&net, &streams, &columns, &p, &mut want);
        assert!(
            apart(&out, &want) <= 1e-13,
            "{net:?} {}",
            apart(&out, &want)
        );
        let seeds = random(2 * out.len(), 3);
        let (mut rows, mut plain_rows) = (Mat::zeros(2 * n, p.len()), Mat::zeros(2 * n, p.len()));
        let mut workspace = Workspace::new(1);
        net.jacobian(
            &streams,
            &columns,
            &p,
            &seeds,
            &mut workspace,
            rows.as_mut(),
        )
        .unwrap();
        plain::jacobian(&net, &streams, &columns, &p, &seeds, plain_rows.as_mut());
        for k in 0..p.len() {
            for i in 0..2 * n {
                let (a, b) = (rows[(i, k)], plain_rows[(i, k)]);
                assert!(
                    (a - b).abs() <= 1e-12 * (1.0 + b.abs()),
                    "{net:?} {i} {k}: {a} {b}"
                );
            }
        }
    }
}
