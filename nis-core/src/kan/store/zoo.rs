//! Networks of every kind, for tests.

use crate::kan::{Base, Basis, Edge, Family, Kan, Layer, Outside, Structure, Symbolic};
use crate::optim::Random;

/// Cells of widths from 0.2 to 1.8 of each other, some knots doubled where `clamped`.
fn uneven(random: &mut Random, order: usize, cells: usize, clamped: bool) -> Basis {
    let mut at = -1.3;
    let mut knots = vec![at];
    for _ in 1..cells + 1 + if clamped { 0 } else { 2 * order } {
        at += 0.4 * (1.0 + 0.8 * random.symmetric());
        knots.push(at);
    }
    if clamped {
        let (first, last) = (knots[0], knots[knots.len() - 1]);
        knots.splice(0..0, vec![first; order]);
        knots.extend(vec![last; order]);
    }
    Basis::new(knots, order).unwrap()
}

fn filled(mut layer: Layer, random: &mut Random) -> Layer {
    layer
        .coefficients
        .iter_mut()
        .for_each(|c| *c = 0.7 * random.symmetric());
    if layer.has_base() {
        layer
            .base_scale
            .iter_mut()
            .for_each(|c| *c = random.symmetric());
    }
    layer
}

/// One network of each kind with its name.
pub(super) fn networks() -> Vec<(String, Kan)> {
    let mut out = Vec::new();
    for family in [
        Family::BSpline,
        Family::Chebyshev,
        Family::Fourier,
        Family::Rbf,
        Family::Rational,
    ] {
        for outside in [Outside::Linear, Outside::Natural] {
            let base = match family {
                Family::BSpline => Base::Silu,
                Family::Chebyshev => Base::None,
                _ => Base::Identity,
            };
            let net = Kan::of(&Structure {
                widths: vec![3, 4, 2],
                grid: 4,
                family,
                outside,
                base,
                range: [-0.9, 1.1],
                seed: 3,
                ..Structure::default()
            });
            out.push((format!("{family:?} {outside:?}"), net.unwrap()));
        }
    }
    let mut random = Random(17);
    for order in 1..=5 {
        for clamped in [false, true] {
            for outside in [Outside::Linear, Outside::Natural] {
                let bases: Vec<Basis> = (0..3)
                    .map(|_| uneven(&mut random, order, 4, clamped))
                    .collect();
                let layer = Layer::new(3, 2, bases[0].clone(), Base::Silu, outside)
                    .unwrap()
                    .with_bases(bases)
                    .unwrap();
                let net = Kan::from_layers(vec![filled(layer, &mut random)]).unwrap();
                out.push((
                    format!("order {order}, clamped {clamped}, {outside:?}"),
                    net,
                ));
            }
        }
    }
    out.push(("with products and symbols".into(), symbolic()));
    let mut none = Kan::new(&[2, 3], 3, 3, 1).unwrap();
    for (input, sum) in (0..2).flat_map(|i| (0..3).map(move |s| (i, s))) {
        none.layers[0].set_edge(input, sum, Edge::Removed).unwrap();
    }
    none.layers[0].output_shift = vec![0.5, -1.5, 1e-9];
    out.push(("without an edge".into(), none));
    out
}

/// Multiplication nodes, removed and symbolic edges, shifts.
pub(super) fn symbolic() -> Kan {
    let mut random = Random(5);
    let cubic = Basis::uniform(-1.0, 1.0, 5, 3).unwrap();
    let first = Layer::new(3, 7, cubic.clone(), Base::Silu, Outside::Linear)
        .unwrap()
        .with_products(vec![2, 3])
        .unwrap();
    let mut first = filled(first, &mut random);
    first.sum_shift = (0..7).map(|_| random.symmetric()).collect();
    first.output_shift = vec![0.1, -0.2, 0.0, 1.5];
    for (edge, text) in [
        ((0, 0), "sin(x)"),
        ((0, 1), "x^2"),
        ((1, 1), "exp(-x^2)"),
        ((1, 2), "x^3 - 2*x"),
        ((2, 3), "abs(x)"),
        ((2, 4), "sqrt(x^2 + 1)"),
        ((1, 5), "tanh(x)"),
        ((2, 5), "1/(x^2 + 2)"),
        ((0, 6), "cos(pi*x)"),
        ((1, 6), "sign(x)"),
        ((2, 6), "log(x^2 + 3)^1.5"),
    ] {
        let constants = [1.3, -0.4, 0.8, 0.25];
        let symbolic = Symbolic::new(text, constants).unwrap();
        first
            .set_edge(edge.0, edge.1, Edge::Fixed(Box::new(symbolic)))
            .unwrap();
    }
    first.set_edge(0, 3, Edge::Removed).unwrap();
    first.set_edge(2, 0, Edge::Removed).unwrap();
    let second = Layer::new(4, 2, cubic, Base::None, Outside::Linear).unwrap();
    let mut second = filled(second, &mut random);
    for (edge, text) in [
        ((0, 0), "atan(x)"),
        ((1, 0), "sinh(x) - cosh(x)"),
        ((2, 1), "2"),
        ((3, 1), "tan(x/10)"),
        ((0, 1), "-x"),
    ] {
        let symbolic = Symbolic::new(text, [0.2, 0.1, -0.8, 0.25]).unwrap();
        second
            .set_edge(edge.0, edge.1, Edge::Fixed(Box::new(symbolic)))
            .unwrap();
    }
    Kan::from_layers(vec![first, second]).unwrap()
}

/// Points inside the grids, at their ends, and outside.
pub(super) fn points(inputs: usize) -> Vec<f64> {
    let mut random = Random(99);
    let mut out: Vec<f64> = (0..61 * inputs).map(|_| 1.6 * random.symmetric()).collect();
    for special in [-1.3, -1.0, -0.9, 0.0, 1.0, 1.1, 3.7, -5.0] {
        out.extend(vec![special; inputs]);
    }
    out
}
