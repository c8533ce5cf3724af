//! Everything fast against the plain path in 64 bits (network/pass.rs), closed forms and finite differences.

use super::*;
use crate::kan::network::{Base, Edge, Kan, Layer, Structure, Symbolic};
use crate::kan::{Basis, Family, Outside};
use crate::optim::Random;
use crate::telemetry::{Cancel, Progress};

mod derivatives;

const FAMILIES: [Family; 5] = [
    Family::BSpline,
    Family::Chebyshev,
    Family::Fourier,
    Family::Rbf,
    Family::Rational,
];
const BASES: [Base; 3] = [Base::None, Base::Silu, Base::Identity];

/// Random parameters, also of the base functions.
fn shake(net: &mut Kan, seed: u64) {
    let mut random = Random(seed);
    let p: Vec<f64> = net
        .parameter_values()
        .iter()
        .map(|_| random.symmetric())
        .collect();
    net.set_parameter_values(&p);
}

fn points(count: usize, reach: f64, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    (0..count).map(|_| reach * random.symmetric()).collect()
}

/// A network of a structure with all there is: removed and fixed edges, shifts, and an input without edges.
fn rich(structure: &Structure) -> Kan {
    let mut net = Kan::of(structure).unwrap();
    shake(&mut net, 5);
    let fixed = Symbolic::new("sin(x)", [1.3, 0.2, 0.7, -0.1]).unwrap();
    let layer = &mut net.layers_mut()[0];
    layer.set_edge(0, 1, Edge::Fixed(Box::new(fixed))).unwrap();
    layer.set_edge(1, 0, Edge::Removed).unwrap();
    if layer.inputs() > 2 {
        for sum in 0..layer.sums() {
            layer.set_edge(2, sum, Edge::Removed).unwrap();
        }
    }
    let shifts = |n: usize| (0..n).map(|i| 0.1 * i as f64 + 0.05).collect::<Vec<f64>>();
    let layers = net.layers().iter().cloned();
    let shifted = layers.map(|l| {
        let (sums, outputs) = (l.sums(), l.outputs());
        l.with_shifts(shifts(sums), shifts(outputs)).unwrap()
    });
    Kan::from_layers(shifted.collect()).unwrap()
}

/// Largest difference over the size of what is expected, at least 1; NaN where the difference is NaN.
fn distance<T: Real>(got: &[T], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let size = want.iter().fold(1.0f64, |m, w| m.max(w.abs()));
    let mut worst = 0.0;
    for (g, w) in got.iter().zip(want) {
        let d = (g.as_f64() - w).abs() / size;
        if d.is_nan() || d > worst {
            worst = d;
        }
        if worst.is_nan() {
            break;
        }
    }
    worst
}

fn agrees(net: &Kan, reach: f64, what: &str) {
    for rows in [0, 1, 7, 33, 257] {
        let x = points(rows * net.inputs(), reach, 3);
        let x32: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let rounded: Vec<f64> = x32.iter().map(|v| f64::from(*v)).collect();
        let wide = Predictor::<f64>::new(net).unwrap().predict(&x).unwrap();
        let d = distance(&wide, &net.predict(&x).unwrap());
        assert!(d <= 1e-12, "{what}, {rows} rows, f64: {d}");
        let narrow = Predictor::<f32>::new(net).unwrap().predict(&x32).unwrap();
        let d = distance(&narrow, &net.predict(&rounded).unwrap());
        assert!(d <= 2e-4, "{what}, {rows} rows, f32: {d}");
    }
}

/// Grids of different kinds for two inputs.
fn grids(order: usize) -> Vec<(&'static str, Vec<Basis>)> {
    let ends = |a: f64, inner: &[f64], b: f64| {
        let mut knots = vec![a; order + 1];
        knots.extend_from_slice(inner);
        knots.extend(vec![b; order + 1]);
        Basis::new(knots, order).unwrap()
    };
    let open = |from: f64| {
        let knots = (0..2 * order + 6).map(|i| from + 0.1 * (i * i + 2 * i) as f64 / order as f64);
        Basis::new(knots.collect(), order).unwrap()
    };
    vec![
        (
            "equal cells",
            vec![Basis::uniform(-1.0, 1.0, 5, order).unwrap()],
        ),
        (
            "equal cells per input",
            vec![
                Basis::uniform(-1.0, 0.7, 4, order).unwrap(),
                Basis::uniform(-0.1, 1.9, 4, order).unwrap(),
            ],
        ),
        (
            "one cell",
            vec![Basis::uniform(-1.0, 1.0, 1, order).unwrap()],
        ),
        ("clamped", vec![ends(-1.0, &[-0.5, 0.1, 0.2], 1.0)]),
        (
            "a repeated knot",
            vec![ends(-1.0, &[-0.5, 0.25, 0.25], 1.0)],
        ),
        ("open cells per input", vec![open(-1.5), open(-2.0)]),
    ]
}

#[test]
fn splines_of_every_order_on_every_grid() {
    for order in 1..=5 {
        for (name, bases) in grids(order) {
            for outside in [Outside::Linear, Outside::Natural] {
                for base in BASES {
                    let mut layer = Layer::new(2, 3, bases[0].clone(), base, outside).unwrap();
                    if bases.len() > 1 {
                        layer = layer.with_bases(bases.clone()).unwrap();
                    }
                    let mut net = Kan::from_layers(vec![layer]).unwrap();
                    shake(&mut net, 8);
                    let what = format!("order {order}, {name}, {outside:?}, {base:?}");
                    agrees(&net, 1.0, &what);
                    agrees(&net, 4.0, &what);
                }
            }
        }
    }
}

/// Ends and knots themselves belong to one of the cells beside them.
#[test]
fn knots_are_no_holes() {
    for order in 2..=5 {
        for (name, bases) in grids(order) {
            if name == "a repeated knot" && order == 2 {
                continue; // the slope jumps there, the value does not
            }
            for outside in [Outside::Linear, Outside::Natural] {
                let layer = Layer::new(1, 1, bases[0].clone(), Base::None, outside).unwrap();
                let mut net = Kan::from_layers(vec![layer]).unwrap();
                shake(&mut net, 4);
                // At the outermost knots of a clamped grid the natural continuation jumps to 0.
                let (a, b) = bases[0].grid();
                let inner = bases[0].knots().iter().filter(|k| **k > a && **k < b);
                let x: Vec<f64> = inner.copied().collect();
                let d = distance(
                    &Predictor::<f64>::new(&net).unwrap().predict(&x).unwrap(),
                    &net.predict(&x).unwrap(),
                );
                assert!(d <= 1e-12, "order {order}, {name}, {outside:?}: {d}");
            }
        }
    }
}

#[test]
fn networks_of_every_family_with_all_kinds_of_edges() {
    for family in FAMILIES {
        for base in BASES {
            for outside in [Outside::Linear, Outside::Natural] {
                for widths in [vec![2, 5, 1], vec![9, 17, 3], vec![3, 71, 2]] {
                    let net = rich(&Structure {
                        products: vec![vec![2]],
                        grid: 4,
                        family,
                        base,
                        outside,
                        widths: widths.clone(),
                        ..Structure::default()
                    });
                    // Hidden values are of size 10: Chebyshev polynomials and lines outside the grid get large,
                    // and so do the steps of rounding.
                    let rows = 37;
                    let x = points(rows * net.inputs(), 0.9, 3);
                    let want = net.predict(&x).unwrap();
                    let got = Predictor::<f64>::new(&net).unwrap().predict(&x).unwrap();
                    let d = distance(&got, &want);
                    assert!(
                        d <= 1e-11,
                        "{family:?} {base:?} {outside:?} {widths:?}: {d}"
                    );
                }
            }
        }
    }
}

/// The gradient of `0.5 sum |y|^2` by the plain path.
fn plain_gradient(net: &Kan, x: &[f64]) -> (f64, Vec<f64>) {
    let mut gradient = vec![0.0; net.parameters()];
    let (mut trace, mut loss) = (net.trace(), 0.0);
    for x in x.chunks(net.inputs()) {
        let y = net.forward(x, &mut trace).to_vec();
        loss += y.iter().map(|y| 0.5 * y * y).sum::<f64>();
        net.add_gradient(&trace, &y, &mut gradient);
    }
    (loss, gradient)
}

fn half_square<T: Real>(_: usize, y: &[T], slopes: &mut [T]) -> f64 {
    slopes.copy_from_slice(y);
    y.iter().map(|y| 0.5 * y.as_f64() * y.as_f64()).sum()
}

fn fast_gradient<T: Real>(net: &Kan, x: &[T], threads: usize) -> (f64, Vec<T>, Vec<f64>) {
    let batch = Batch::<T>::new(net).unwrap();
    let weights = batch.pack(net);
    let mut gradient = vec![T::default(); batch.weights()];
    let loss = batch
        .loss_gradient(
            &weights,
            x,
            threads,
            &mut Scratch::default(),
            &half_square,
            &mut gradient,
        )
        .unwrap();
    let mut own = vec![0.0; net.parameters()];
    batch.unpack_values(&gradient, &mut own);
    (loss, gradient, own)
}

#[test]
fn gradients_of_every_family_agree() {
    for family in FAMILIES {
        for base in BASES {
            for (widths, order) in [
                (vec![2, 5, 1], 3),
                (vec![9, 17, 3], 2),
                (vec![3, 71, 2, 2], 5),
            ] {
                let net = rich(&Structure {
                    products: vec![vec![2, 3], vec![2]],
                    grid: 4,
                    order,
                    family,
                    base,
                    widths: widths.clone(),
                    ..Structure::default()
                });
                for rows in [0, 1, 7, 131] {
                    let x = points(rows * net.inputs(), 1.2, 9);
                    let (want_loss, want) = plain_gradient(&net, &x);
                    let (loss, _, got) = fast_gradient::<f64>(&net, &x, 1);
                    let what = format!("{family:?} {base:?} {widths:?} {rows} rows");
                    assert!(
                        (loss - want_loss).abs() <= 1e-11 * want_loss.abs().max(1.0),
                        "{what}"
                    );
                    let d = distance(&got, &want);
                    assert!(d <= 1e-11, "{what}: {d}");
                }
            }
        }
    }
}

#[test]
fn gradients_in_32_bits() {
    for base in BASES {
        let mut net = Kan::of(&Structure {
            base,
            widths: vec![20, 12, 3],
            ..Structure::default()
        })
        .unwrap();
        shake(&mut net, 1);
        let x: Vec<f32> = points(20 * 100, 1.0, 2).iter().map(|v| *v as f32).collect();
        let wide: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
        let (_, want) = plain_gradient(&net, &wide);
        let (_, _, got) = fast_gradient::<f32>(&net, &x, 1);
        let d = distance(&got, &want);
        assert!(d <= 1e-4, "{base:?}: {d}");
    }
}

/// More rows than are kept at once (4096), and rows that fill no block.
#[test]
fn bits_do_not_depend_on_threads() {
    let structure = |family, widths: &[usize]| Structure {
        base: Base::Silu,
        family,
        products: vec![vec![2]],
        widths: widths.to_vec(),
        ..Structure::default()
    };
    let mut narrow = Kan::of(&structure(Family::BSpline, &[19, 6, 2])).unwrap();
    shake(&mut narrow, 2);
    for (net, path) in [
        (rich(&structure(Family::BSpline, &[19, 6, 2])), Path::Sums),
        (rich(&structure(Family::Chebyshev, &[19, 6, 2])), Path::Sums),
        (rich(&structure(Family::BSpline, &[19, 75, 2])), Path::Sums),
        (narrow, Path::Rows),
    ] {
        let x: Vec<f32> = points(19 * 4500, 1.5, 6)
            .iter()
            .map(|v| *v as f32)
            .collect();
        let (loss, gradient, _) = fast_gradient::<f32>(&net, &x, 1);
        let fast = Predictor::<f32>::new(&net).unwrap();
        assert_eq!(fast.path(), path);
        let y = fast.predict(&x).unwrap();
        for threads in [2, 3, 7] {
            let (other, bits, _) = fast_gradient::<f32>(&net, &x, threads);
            assert_eq!(loss.to_bits(), other.to_bits());
            assert!(
                gradient
                    .iter()
                    .zip(&bits)
                    .all(|(a, b)| a.to_bits() == b.to_bits())
            );
            let mut again = vec![0.0; y.len()];
            fast.predict_on(&x, &mut again, threads, &Progress::none())
                .unwrap();
            assert!(
                y.iter()
                    .zip(&again)
                    .all(|(a, b)| a.to_bits() == b.to_bits())
            );
        }
        // and a row alone has the bits that it has among others
        let mut room = Room::default();
        for row in [0, 1, 31, 32, 4499] {
            let mut alone = [0.0; 2];
            fast.predict_with(&x[row * 19..(row + 1) * 19], &mut alone, &mut room)
                .unwrap();
            assert_eq!(
                alone.map(f32::to_bits),
                [y[2 * row].to_bits(), y[2 * row + 1].to_bits()]
            );
        }
    }
}

/// Both paths of small networks, on both sides of each limit.
#[test]
fn paths_agree_with_the_plain_one() {
    for order in 1..=5 {
        for grid in [1, 5, 7, 12 - order, 13 - order] {
            for (widths, products) in [
                (vec![3, 8, 1], vec![]),
                (vec![2, 4, 3], vec![2, 3]),
                (vec![2, 9], vec![]),
            ] {
                for outside in [Outside::Linear, Outside::Natural] {
                    let mut net = Kan::of(&Structure {
                        products: vec![products.clone()],
                        base: Base::Silu,
                        grid,
                        order,
                        widths: widths.clone(),
                        outside,
                        ..Structure::default()
                    })
                    .unwrap();
                    shake(&mut net, 4);
                    let functions = grid
                        + order
                        + if outside == Outside::Natural {
                            2 * order
                        } else {
                            0
                        };
                    let small = functions <= 12 && widths != [2, 9];
                    let path = Predictor::<f32>::new(&net).unwrap().path();
                    assert_eq!(
                        path == Path::Rows,
                        small,
                        "{widths:?} {grid} {order} {outside:?}"
                    );
                    let rows = 21;
                    let x = points(rows * net.inputs(), 1.2, 3);
                    let got = Predictor::<f64>::new(&net).unwrap().predict(&x).unwrap();
                    let d = distance(&got, &net.predict(&x).unwrap());
                    assert!(d <= 1e-11, "{widths:?} {grid} {order} {outside:?}: {d}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_parameter_has_no_gradient() {
    let net = rich(&Structure {
        outside: Outside::Natural,
        base: Base::Silu,
        widths: vec![4, 3, 1],
        ..Structure::default()
    });
    let batch = Batch::<f64>::new(&net).unwrap();
    let (_, mut gradient, _) = fast_gradient::<f64>(&net, &points(4 * 50, 3.0, 1), 1);
    let zeros = vec![0.0; net.parameters()];
    batch.pack_values(&zeros, &mut gradient);
    assert!(gradient.iter().all(|g| *g == 0.0));
    let mut back = net.parameter_values();
    batch.unpack_values(&batch.pack(&net), &mut back);
    assert_eq!(back, net.parameter_values());
}

#[test]
fn nan_and_infinities_stay_in_their_row() {
    for family in FAMILIES {
        for widths in [vec![2, 5, 1], vec![9, 17, 3]] {
            let mut net = Kan::of(&Structure {
                family,
                base: Base::Silu,
                widths,
                ..Structure::default()
            })
            .unwrap();
            shake(&mut net, 3);
            let (inputs, outputs) = (net.inputs(), net.outputs());
            let fast = Predictor::<f64>::new(&net).unwrap();
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut x = points(40 * inputs, 1.0, 3);
                let good = fast.predict(&x).unwrap();
                x[17 * inputs + 1] = bad;
                let y = fast.predict(&x).unwrap();
                for (row, (y, good)) in y.chunks(outputs).zip(good.chunks(outputs)).enumerate() {
                    if row == 17 {
                        assert!(y.iter().all(|y| y.is_nan()), "{family:?} {bad}: {y:?}");
                    } else {
                        assert_eq!(y, good);
                    }
                }
                let e = fast.check(&x).unwrap_err();
                assert_eq!(e.field(), Some("x[17][1]"));
            }
        }
    }
}

#[test]
fn far_inputs_are_finite_where_the_plain_path_is() {
    let mut net = Kan::of(&Structure {
        widths: vec![2, 5, 1],
        ..Structure::default()
    })
    .unwrap();
    shake(&mut net, 3);
    let fast = Predictor::<f64>::new(&net).unwrap();
    for far in [1e300, -1e300, 1e-300, -5e-324, 1e15] {
        let x = [far, 0.3, -0.2, far, far, far];
        let (got, want) = (fast.predict(&x).unwrap(), net.predict(&x).unwrap());
        for (g, w) in got.iter().zip(&want) {
            assert!(
                w.is_finite() && (g - w).abs() <= 1e-12 * w.abs().max(1.0),
                "{far}: {g} {w}"
            );
        }
    }
}

#[test]
fn bad_lengths_and_values_out_of_range_are_refused() {
    let net = Kan::new(&[2, 3, 1], 5, 3, 0).unwrap();
    let fast = Predictor::<f32>::new(&net).unwrap();
    assert_eq!(fast.predict(&[1.0]).unwrap_err().field(), Some("x"));
    assert_eq!(
        fast.predict_into(&[1.0, 2.0], &mut []).unwrap_err().field(),
        Some("y")
    );
    let batch = Batch::<f32>::new(&net).unwrap();
    let zeros = vec![0.0; batch.weights()];
    let run = |weights: &[f32], gradient: usize| {
        let mut gradient = vec![0.0; gradient];
        batch.loss_gradient(
            weights,
            &[1.0; 4],
            1,
            &mut Scratch::default(),
            &half_square,
            &mut gradient,
        )
    };
    assert_eq!(
        run(&zeros[1..], zeros.len()).unwrap_err().field(),
        Some("weights")
    );
    assert_eq!(run(&zeros, 3).unwrap_err().field(), Some("gradient"));
    let mut large = net.clone();
    let mut p = net.parameter_values();
    p[3] = 1e300;
    large.set_parameter_values(&p);
    assert_eq!(
        Predictor::<f32>::new(&large).unwrap_err().field(),
        Some("coefficients")
    );
    assert!(Predictor::<f64>::new(&large).is_ok());
    let cancel = Cancel::new();
    cancel.cancel();
    let mut y = [0.0];
    let stopped = fast.predict_on(
        &[0.0, 0.0],
        &mut y,
        1,
        &Progress::none().with_cancel(&cancel),
    );
    assert_eq!(stopped, Err(crate::error::Error::Cancelled));
}

struct Exponentials<T>([T; 8]);

impl<T: Real> pulp::WithSimd for Exponentials<T> {
    type Output = [T; 8];
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) -> [T; 8] {
        super::real::exp8(simd, &self.0)
    }
}

fn exp<T: Real>(x: [T; 8]) -> [T; 8] {
    let fast = pulp::Arch::new().dispatch(Exponentials(x));
    // the path of processors without vectors
    let plain = pulp::WithSimd::with_simd(Exponentials(x), pulp::Scalar);
    for (a, b) in fast.iter().zip(&plain) {
        let (a, b) = (a.as_f64(), b.as_f64());
        assert!(
            a.is_nan() && b.is_nan() || (a - b).abs() <= 5e-7 * b,
            "{a} {b}"
        );
    }
    fast
}

#[test]
fn exponentials_are_accurate() {
    let mut random = Random(4);
    for _ in 0..20_000 {
        let x: [f64; 8] = std::array::from_fn(|_| 700.0 * random.symmetric());
        for (x, e) in x.iter().zip(exp(x)) {
            let want = x.exp();
            assert!((e - want).abs() <= 4.5e-16 * want, "{x}: {e} {want}");
        }
        let x: [f32; 8] = std::array::from_fn(|_| (86.0 * random.symmetric()) as f32);
        for (x, e) in x.iter().zip(exp(x)) {
            let want = f64::from(*x).exp();
            assert!(
                (f64::from(e) - want).abs() <= 2.4e-7 * want,
                "{x}: {e} {want}"
            );
        }
    }
    assert!(exp([f32::NAN; 8])[0].is_nan() && exp([f64::NAN; 8])[7].is_nan());
}
