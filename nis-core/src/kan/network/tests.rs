//! The golden networks, and shapes that do not fit.

use super::*;
use serde_json::Value;

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

fn golden_network(case: &Value) -> Kan {
    let layers = case["layers"].as_array().unwrap().iter().map(|l| {
        let shape = numbers(&l["coef_shape"]);
        let basis = Basis::new(numbers(&l["knots"]), l["k"].as_u64().unwrap() as usize).unwrap();
        Layer::new(
            shape[0] as usize,
            shape[1] as usize,
            basis,
            Base::Silu,
            Outside::Natural,
        )
        .unwrap()
        .with_weights(
            numbers(&l["coef"]),
            numbers(&l["scale_sp"]),
            numbers(&l["scale_base"]),
        )
        .unwrap()
    });
    Kan::from_layers(layers.collect()).unwrap()
}

fn close(got: &[f64], want: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (g, w) in got.iter().zip(want) {
        assert!(
            (g - w).abs() <= tolerance * w.abs().max(1.0),
            "{what}: {g} {w}"
        );
    }
}

#[test]
fn golden_networks() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../tests/golden/kan.json")).unwrap();
    for case in golden["kan"].as_array().unwrap() {
        let net = golden_network(case);
        let x = numbers(&case["x"]);
        let y = net.predict(&x).unwrap();
        close(&y, &numbers(&case["y"]), 1e-12, "y");
        let jacobian: Vec<f64> = x
            .chunks(net.inputs())
            .flat_map(|x| net.jacobian(x).unwrap())
            .collect();
        close(&jacobian, &numbers(&case["jacobian"]), 1e-12, "jacobian");

        let target = numbers(&case["target"]);
        let batch = case["batch"].as_f64().unwrap();
        let mut gradient = vec![0.0; net.parameters()];
        let mut loss = 0.0;
        let mut trace = net.trace();
        for (l, acts) in case["acts"].as_array().unwrap().iter().enumerate() {
            for (row, x) in x.chunks(net.inputs()).enumerate() {
                net.forward(x, &mut trace);
                let width = net.widths[l];
                let want = &numbers(acts)[row * width..(row + 1) * width];
                close(&trace.nodes[l], want, 1e-12, "acts");
            }
        }
        for (x, t) in x.chunks(net.inputs()).zip(target.chunks(net.outputs())) {
            let y = net.forward(x, &mut trace).to_vec();
            let weights: Vec<f64> = y.iter().zip(t).map(|(y, t)| (y - t) / batch).collect();
            loss += y
                .iter()
                .zip(t)
                .map(|(y, t)| 0.5 * (y - t) * (y - t))
                .sum::<f64>()
                / batch;
            net.add_gradient(&trace, &weights, &mut gradient);
        }
        assert!((loss - case["loss"].as_f64().unwrap()).abs() <= 1e-12);
        // The golden networks have a factor per spline, which is part of the coefficients here: gradients with
        // respect to both follow from the gradient with respect to the product.
        let starts = net.parameter_starts();
        for (l, grads) in case["grads"].as_array().unwrap().iter().enumerate() {
            let golden_layer = &case["layers"][l];
            let (scale, coef) = (
                numbers(&golden_layer["scale_sp"]),
                numbers(&golden_layer["coef"]),
            );
            let n = net.layers[l].functions();
            let own = &gradient[starts[l]..];
            let by_coef: Vec<f64> = (0..coef.len()).map(|c| own[c] * scale[c / n]).collect();
            let by_scale: Vec<f64> = (0..scale.len())
                .map(|e| (e * n..(e + 1) * n).map(|c| own[c] * coef[c]).sum())
                .collect();
            close(&by_coef, &numbers(&grads["coef"]), 1e-12, "coefficients");
            let by_base = &own[coef.len()..coef.len() + scale.len()];
            close(by_base, &numbers(&grads["sb"]), 1e-12, "base scales");
            close(&by_scale, &numbers(&grads["sp"]), 1e-12, "spline scales");
        }
    }
}

/// Derivative at 0, exact for polynomials up to the fourth degree.
fn five_point(h: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
}

#[test]
fn gradients_agree_with_differences_for_every_kind_of_network() {
    let differ = |structure: &Structure| {
        let mut net = Kan::of(structure).unwrap();
        let mut random = Random(11);
        let mut p = net.parameter_values();
        p.iter_mut().for_each(|p| *p += 0.3 * random.symmetric());
        net.set_parameter_values(&p);
        let edge = Symbolic::new("sin(x)", [1.3, 0.2, 0.7, -0.1]).unwrap();
        net.layers_mut()[0]
            .set_edge(0, 0, Edge::Fixed(Box::new(edge)))
            .unwrap();
        net.layers_mut()[1].set_edge(1, 0, Edge::Removed).unwrap();
        let shifts = |n: usize| (0..n).map(|i| 0.1 * i as f64 + 0.05).collect::<Vec<f64>>();
        let layer = net.layers[0].clone();
        let (sums, outputs) = (layer.sums(), layer.outputs());
        net.layers[0] = layer.with_shifts(shifts(sums), shifts(outputs)).unwrap();
        let x = [0.31, -1.24];
        let weights = [0.7, -1.9];
        let mut trace = net.trace();
        let value = |net: &Kan, x: &[f64]| -> f64 {
            net.predict(x)
                .unwrap()
                .iter()
                .zip(&weights)
                .map(|(y, w)| y * w)
                .sum()
        };
        net.forward(&x, &mut trace);
        let mut gradient = vec![0.0; net.parameters()];
        net.add_gradient(&trace, &weights, &mut gradient);
        let by_input = net.backward(&trace, &weights, |_, _, _, _| {});
        let h = 1e-4;
        for (i, want) in by_input.iter().enumerate() {
            let slope = five_point(h, |step| {
                let mut x = x;
                x[i] += step;
                value(&net, &x)
            });
            assert!(
                (slope - want).abs() <= 1e-7 * want.abs().max(1.0),
                "{structure:?}: {slope} {want}"
            );
        }
        let p = net.parameter_values();
        for (c, want) in gradient.iter().enumerate() {
            let mut moved = net.clone();
            let slope = five_point(h, |step| {
                let mut q = p.clone();
                q[c] += step;
                moved.set_parameter_values(&q);
                value(&moved, &x)
            });
            assert!(
                (slope - want).abs() <= 1e-7 * want.abs().max(1.0),
                "{structure:?} {c}: {slope} {want}"
            );
        }
    };
    for family in [
        Family::BSpline,
        Family::Chebyshev,
        Family::Fourier,
        Family::Rbf,
        Family::Rational,
    ] {
        for base in [Base::None, Base::Silu, Base::Identity] {
            differ(&Structure {
                widths: vec![2, 3, 2],
                products: vec![vec![2]],
                grid: 4,
                family,
                base,
                ..Structure::default()
            });
        }
    }
}

#[test]
fn a_product_multiplies_its_sums() {
    // x0 * x1 through one multiplication node: both factors are lines.
    let line = |on: usize| -> Vec<f64> {
        let basis = Basis::uniform(-1.0, 1.0, 4, 3).unwrap();
        let marsden: Vec<f64> = (0..basis.functions())
            .map(|c| -1.0 + 0.5 * (c as f64 - 1.0))
            .collect();
        (0..2)
            .flat_map(|sum| {
                if sum == on {
                    marsden.clone()
                } else {
                    vec![0.0; 7]
                }
            })
            .collect()
    };
    let basis = Basis::uniform(-1.0, 1.0, 4, 3).unwrap();
    let layer = Layer::new(2, 2, basis, Base::None, Outside::Linear)
        .unwrap()
        .with_weights([line(0), line(1)].concat(), vec![1.0; 4], vec![0.0; 4])
        .unwrap()
        .with_products(vec![2])
        .unwrap();
    let net = Kan::from_layers(vec![layer]).unwrap();
    assert_eq!(net.widths(), [2, 1]);
    for x in [[0.3, -0.8], [1.5, 2.0]] {
        let y = net.predict(&x).unwrap()[0];
        assert!((y - x[0] * x[1]).abs() <= 1e-14, "{x:?}: {y}");
    }
}

#[test]
fn bad_shapes_are_refused() {
    assert!(Kan::new(&[2], 5, 3, 0).is_err());
    assert!(Kan::new(&[2, 0, 1], 5, 3, 0).is_err());
    assert!(Kan::new(&[usize::MAX, 2], 5, 3, 0).is_err());
    assert!(Kan::new(&[2, 1], 0, 3, 0).is_err());
    let net = Kan::new(&[2, 1], 5, 3, 0).unwrap();
    assert!(net.predict(&[1.0]).is_err());
    assert!(net.jacobian(&[1.0]).is_err());
    assert!(Kan::from_layers(vec![]).is_err());
    let basis = || Basis::uniform(-1.0, 1.0, 5, 3).unwrap();
    let layer = |i, o| Layer::new(i, o, basis(), Base::None, Outside::Linear);
    assert!(layer(0, 1).is_err());
    assert!(layer(usize::MAX, 2).is_err());
    assert!(Kan::from_layers(vec![layer(1, 2).unwrap(), layer(1, 1).unwrap()]).is_err());
    let one = layer(1, 1).unwrap();
    assert_eq!(one.edge_value(1, 0, 0.5), None);
    assert_eq!(one.edge_value(0, 0, 0.5), Some(0.0));
    assert!(
        one.clone()
            .with_weights(vec![0.0; 7], vec![1.0], vec![0.0])
            .is_err()
    );
    assert!(
        one.with_weights(vec![f64::NAN; 8], vec![1.0], vec![0.0])
            .is_err()
    );
}

#[test]
fn an_appended_edge_passes_its_value_on() {
    let net = Kan::new(&[2, 1], 4, 3, 5).unwrap();
    let mut longer = net.clone();
    longer.append_identity(6).unwrap();
    for x in [[0.1, -0.9], [1.7, 0.4]] {
        let (a, b) = (net.predict(&x).unwrap(), longer.predict(&x).unwrap());
        assert!((a[0] - b[0]).abs() <= 1e-14, "{a:?} {b:?}");
    }
}
