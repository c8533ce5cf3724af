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
            Outside::Fade,
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
        let mut base_gradient: Vec<Vec<f64>> = net
            .layers
            .iter()
            .map(|l| vec![0.0; l.base_scale.len()])
            .collect();
        let mut spline_gradient = base_gradient.clone();
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
            net.backward(&trace, &weights, |l, i, o, w| {
                let (layer, local) = (&net.layers[l], &trace.locals[l][i]);
                let edge = layer.edge(i, o);
                base_gradient[l][edge] += w * trace.bases[l][i].0;
                let first = edge * layer.basis.functions() + local.first;
                spline_gradient[l][edge] += w
                    * (0..local.count)
                        .map(|c| layer.coefficients[first + c] * local.value[c])
                        .sum::<f64>();
            });
        }
        assert!((loss - case["loss"].as_f64().unwrap()).abs() <= 1e-12);
        let mut at = 0;
        for (l, grads) in case["grads"].as_array().unwrap().iter().enumerate() {
            let want = numbers(&grads["coef"]);
            close(&gradient[at..at + want.len()], &want, 1e-12, "coefficients");
            at += want.len();
            close(
                &base_gradient[l],
                &numbers(&grads["sb"]),
                1e-12,
                "base scales",
            );
            close(
                &spline_gradient[l],
                &numbers(&grads["sp"]),
                1e-12,
                "spline scales",
            );
        }
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
