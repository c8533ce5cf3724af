//! Kernels against closed forms and finite differences.

use faer::Mat;

use super::{Embedding, Mlp, Real, Streams, Workspace, plain, simd};
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
        let (mut gradient, mut plain_gradient) = (vec![0.0; p.len()], vec![0.0; p.len()]);
        let first = &seeds[..out.len()];
        net.gradient(
            &streams,
            &columns,
            &p,
            first,
            &mut Workspace::new(1),
            &mut gradient,
        )
        .unwrap();
        plain::gradient(&net, &streams, &columns, &p, first, &mut plain_gradient);
        assert!(apart(&gradient, &plain_gradient) <= 1e-11, "{net:?}");
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

struct Tanh<'a, T>(&'a mut [T]);

impl<T: Real> pulp::WithSimd for Tanh<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        let vectors = T::vectors_mut::<S>(self.0);
        for v in vectors {
            *v = simd::tanh::<T, S>(simd, *v);
        }
    }
}

fn tanh<T: Real>(mut x: Vec<T>) -> Vec<T> {
    x.resize(x.len().next_multiple_of(16), T::default());
    let mut scalar = x.clone();
    pulp::Arch::new().dispatch(Tanh(&mut x));
    pulp::Simd::vectorize(pulp::Scalar, Tanh(&mut scalar));
    for (a, b) in x.iter().zip(&scalar) {
        let (a, b) = (a.as_f64(), b.as_f64());
        assert!(a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 4e-7 * b.abs());
    }
    x
}

#[test]
fn tanh_is_accurate() {
    let mut x: Vec<f64> = (0..40_000)
        .map(|k| (f64::from(k) - 20_000.0) * 1.03e-3)
        .collect();
    x.extend((0..4000).map(|k| 2.0_f64.powf(-f64::from(k) / 40.0)));
    x.extend((0..200).map(|k| 0.346_573_590_28 + f64::from(k) * 1e-13));
    let mut worst = 0.0;
    for (x, y) in x.iter().zip(tanh(x.clone())) {
        let want = x.tanh();
        let ulp = (y - want).abs() / (want.abs() * f64::EPSILON).max(f64::MIN_POSITIVE);
        worst = if ulp <= worst { worst } else { ulp };
    }
    // EPSILON is one to two units in the last place; std's own error is below one.
    assert!(worst <= 2.5, "{worst}");
    let single: Vec<f32> = x.iter().map(|x| *x as f32).collect();
    let mut worst = 0.0;
    for (x, y) in single.iter().zip(tanh(single.clone())) {
        let want = f64::from(*x).tanh();
        let ulp = (f64::from(y) - want).abs() / (want.abs() * f64::from(f32::EPSILON)).max(1e-38);
        worst = if ulp <= worst { worst } else { ulp };
    }
    assert!(worst <= 2.0, "{worst}");
    let edges = [
        0.0,
        -0.0,
        1e-300,
        -5e-324,
        19.0,
        -25.0,
        1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    for (x, y) in edges.iter().zip(tanh(edges.to_vec())) {
        assert_eq!(y, x.tanh(), "{x}");
        assert_eq!(y.is_sign_negative(), x.is_sign_negative());
    }
    assert!(tanh(vec![f64::NAN])[0].is_nan() && tanh(vec![f32::NAN])[0].is_nan());
}

#[test]
fn bits_do_not_depend_on_the_threads() {
    for (net, streams, n) in cases() {
        let (points, p) = data(&net, 40 * n);
        let n = 40 * n;
        let columns = columns(&points);
        let out = forward(&net, &streams, &points, &p, 1);
        let c = random(out.len(), 2);
        let run = |threads| {
            // Twice: buffers that are used again change nothing.
            let mut workspace = Workspace::new(threads);
            let mut all = Vec::new();
            for _ in 0..2 {
                all.clear();
                all.extend(forward(&net, &streams, &points, &p, threads));
                let mut gradient = vec![0.0; p.len()];
                net.gradient(&streams, &columns, &p, &c, &mut workspace, &mut gradient)
                    .unwrap();
                all.extend(gradient);
                let mut rows = Mat::zeros(n, p.len());
                net.jacobian(&streams, &columns, &p, &c, &mut workspace, rows.as_mut())
                    .unwrap();
                for k in (0..p.len()).step_by(7) {
                    all.extend(rows.col(k).iter());
                }
            }
            all.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let one = run(1);
        assert!(run(2) == one && run(3) == one, "{net:?}");
    }
}

#[test]
fn a_loss_in_one_pass_is_a_loss_in_two() {
    for (net, streams, n) in cases() {
        let (points, p) = data(&net, n);
        let columns = columns(&points);
        let values = forward(&net, &streams, &points, &p, 1);
        let (mut one, mut two) = (vec![0.5; p.len()], vec![0.5; p.len()]);
        let mut workspace = Workspace::new(2);
        net.gradient(&streams, &columns, &p, &values, &mut workspace, &mut one)
            .unwrap();
        let seen = std::sync::Mutex::new(vec![0; n]);
        let square = |range: std::ops::Range<usize>, v: &[f64], slopes: &mut [f64]| {
            for i in range {
                seen.lock().unwrap()[i] += 1;
            }
            slopes.copy_from_slice(v);
            v.iter().map(|v| 0.5 * v * v).sum()
        };
        let sum = net
            .loss_gradient(&streams, &columns, &p, &mut workspace, &square, &mut two)
            .unwrap();
        let want: f64 = values.iter().map(|v| 0.5 * v * v).sum();
        assert!((sum - want).abs() <= 1e-12 * want, "{sum} {want}");
        assert!(one == two, "{net:?}");
        assert!(seen.into_inner().unwrap().iter().all(|k| *k == 1));
    }
}

#[test]
fn single_precision_is_double_precision_rounded() {
    for (net, streams, n) in cases() {
        let (points, p) = data(&net, n);
        let columns = columns(&points);
        let single: Vec<f32> = p.iter().map(|v| *v as f32).collect();
        let p: Vec<f64> = single.iter().map(|v| f64::from(*v)).collect();
        let want = forward(&net, &streams, &points, &p, 1);
        let mut out = vec![0.0_f32; want.len()];
        net.forward(
            &streams,
            &columns,
            &single,
            &mut Workspace::new(1),
            &mut out,
        )
        .unwrap();
        let wide: Vec<f64> = out.iter().map(|v| f64::from(*v)).collect();
        let scale = want
            .iter()
            .fold(1.0, |m: f64, v| if v.abs() <= m { m } else { v.abs() });
        let scaled: Vec<f64> = want.iter().map(|v| v / scale).collect();
        let wide: Vec<f64> = wide.iter().map(|v| v / scale).collect();
        assert!(
            apart(&wide, &scaled) <= 1e-5,
            "{net:?} {}",
            apart(&wide, &scaled)
        );
        let (mut g, mut g32) = (vec![0.0; p.len()], vec![0.0_f32; p.len()]);
        let seeds = vec![1.0; want.len()];
        net.gradient(
            &streams,
            &columns,
            &p,
            &seeds,
            &mut Workspace::new(1),
            &mut g,
        )
        .unwrap();
        let seeds = vec![1.0; want.len()];
        net.gradient(
            &streams,
            &columns,
            &single,
            &seeds,
            &mut Workspace::new(1),
            &mut g32,
        )
        .unwrap();
        let size = g.iter().map(|v| v * v).sum::<f64>().sqrt();
        let error = g
            .iter()
            .zip(&g32)
            .map(|(a, b)| (a - f64::from(*b)).powi(2))
            .sum::<f64>()
            .sqrt();
        assert!(error <= 1e-5 * (1.0 + size), "{net:?} {error} {size}");
    }
}

#[test]
fn what_is_no_number_stays_none_and_leaves_the_others_alone() {
    let net = Mlp::new(Embedding::plain(2), &[5, 5], 1).unwrap();
    let streams = Streams::closing(&[vec![2, 0], vec![0, 1]]).unwrap();
    let (mut points, p) = data(&net, 40);
    let clean = forward(&net, &streams, &points, &p, 1);
    points[1][17] = f64::NAN;
    let out = forward(&net, &streams, &points, &p, 1);
    for (k, (a, b)) in out.iter().zip(&clean).enumerate() {
        assert!(if k % 40 == 17 { a.is_nan() } else { a == b }, "{k}");
    }
    let mut gradient = vec![0.0; p.len()];
    net.gradient(
        &streams,
        &columns(&points),
        &p,
        &out,
        &mut Workspace::new(1),
        &mut gradient,
    )
    .unwrap();
    assert!(gradient.iter().all(|g| g.is_nan()));
    for huge in [1e300, -1e300, 5e-324] {
        points[1][17] = huge;
        let out = forward(&net, &streams, &points, &p, 1);
        assert!(out.iter().all(|v| v.is_finite()), "{huge}");
    }
    // No points.
    let none = [Vec::new(), Vec::new()];
    assert!(forward(&net, &streams, &[Vec::new(), Vec::new()], &p, 2).is_empty());
    let mut kept = vec![3.0; p.len()];
    net.gradient(
        &streams,
        &columns(&none),
        &p,
        &[],
        &mut Workspace::new(2),
        &mut kept,
    )
    .unwrap();
    assert!(kept.iter().all(|v| *v == 3.0));
}

#[test]
fn a_jacobian_may_be_written_by_rows() {
    let net = Mlp::new(Embedding::plain(2), &[5], 1).unwrap();
    let streams = Streams::closing(&[vec![1, 0]]).unwrap();
    let (points, p) = data(&net, 19);
    let seeds = random(2 * 19, 3);
    let (mut a, mut b) = (Mat::zeros(19, p.len()), Mat::<f64>::zeros(p.len(), 19));
    let mut workspace = Workspace::new(2);
    net.jacobian(
        &streams,
        &columns(&points),
        &p,
        &seeds,
        &mut workspace,
        a.as_mut(),
    )
    .unwrap();
    net.jacobian(
        &streams,
        &columns(&points),
        &p,
        &seeds,
        &mut workspace,
        b.as_mut().transpose_mut(),
    )
    .unwrap();
    assert!(a.as_ref() == b.transpose());
    assert!(a.as_ref().norm_l2() > 0.0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let field = |e: crate::Error| e.field().unwrap_or("").to_string();
    let plain = || Embedding::plain(2);
    assert_eq!(
        field(Mlp::new(plain(), &[3, 0], 1).unwrap_err()),
        "hidden[1]"
    );
    assert_eq!(field(Mlp::new(plain(), &[3], 0).unwrap_err()), "outputs");
    assert_eq!(
        field(Mlp::new(plain(), &[1 << 20, 1 << 20], 1).unwrap_err()),
        "parameters of a network"
    );
    assert_eq!(
        field(Mlp::new(plain(), &[usize::MAX], 1).unwrap_err()),
        "parameters of a network"
    );
    assert_eq!(
        field(Mlp::new(Embedding::plain(0), &[3], 1).unwrap_err()),
        "embedding"
    );
    assert!(Streams::closing(&[]).is_err() && Streams::closing(&[vec![]]).is_err());
    assert!(Streams::closing(&[vec![1, 0], vec![1]]).is_err());
    assert!(Streams::closing(&[vec![255, 255, 255]]).is_err());
    assert!(Streams::closing(&[vec![3, 3, 3, 3]]).is_ok_and(|s| s.len() == 256));
    assert!(Embedding::normalised(&[[1.0, 1.0]]).is_err());
    assert!(Embedding::normalised(&[[0.0, f64::NAN]]).is_err());
    assert!(plain().periodic(2, [0.0, 1.0], 1).is_err());
    assert!(plain().periodic(0, [0.0, f64::INFINITY], 1).is_err());
    assert!(plain().fourier(&[[0.0, 1.0]], 1, 1.0, 0).is_err());
    assert!(
        plain()
            .fourier(&[[0.0, 1.0], [0.0, 1.0]], 1, f64::NAN, 0)
            .is_err()
    );
    let net = Mlp::new(plain(), &[3], 1).unwrap();
    let p = net.start(1);
    let streams = Streams::closing(&[vec![1, 0]]).unwrap();
    let mut workspace = Workspace::new(1);
    let (x, short) = ([0.0; 4], [0.0; 3]);
    let mut out = [0.0; 8];
    let mut check = |points: &[&[f64]], p: &[f64], out: &mut [f64]| {
        field(
            net.forward(&streams, points, p, &mut workspace, out)
                .unwrap_err(),
        )
    };
    assert_eq!(check(&[&x], &p, &mut out), "points");
    assert_eq!(check(&[&x, &short], &p, &mut out), "points");
    assert_eq!(check(&[&x, &x], &p[1..], &mut out), "parameters");
    assert_eq!(check(&[&x, &x], &p, &mut out[1..]), "out");
    let one = Streams::closing(&[vec![1]]).unwrap();
    assert!(
        net.forward(&one, &[&x, &x], &p, &mut workspace, &mut out)
            .is_err()
    );
    assert!(
        serde_json::from_str::<Embedding>(r#"{"coordinates":1,"features":[],"more":1}"#).is_err()
    );
    let text = serde_json::to_string(&net).unwrap();
    let back: Mlp = serde_json::from_str(&text).unwrap();
    assert!(back == net && back.check().is_ok());
}
