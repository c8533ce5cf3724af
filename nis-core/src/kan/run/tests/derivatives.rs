//! Derivatives with respect to the inputs.

use super::*;

#[test]
fn golden_jacobians() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../../../../tests/golden/kan.json")).unwrap();
    let numbers = |v: &serde_json::Value| -> Vec<f64> {
        v.as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap())
            .collect()
    };
    for case in golden["kan"].as_array().unwrap() {
        let layers = case["layers"].as_array().unwrap().iter().map(|l| {
            let shape = numbers(&l["coef_shape"]);
            let basis =
                Basis::new(numbers(&l["knots"]), l["k"].as_u64().unwrap() as usize).unwrap();
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
        let net = Kan::from_layers(layers.collect()).unwrap();
        let fast = Predictor::<f64>::new(&net).unwrap();
        let x = numbers(&case["x"]);
        let d = distance(&fast.predict(&x).unwrap(), &numbers(&case["y"]));
        assert!(d <= 1e-12, "{d}");
        let want = numbers(&case["jacobian"]);
        let mut jacobian = vec![0.0; want.len()];
        fast.jacobian_into(&x, &mut jacobian).unwrap();
        let d = distance(&jacobian, &want);
        assert!(d <= 1e-12, "{d}");
    }
}

#[test]
fn derivatives_agree_with_the_plain_path_and_with_differences() {
    for family in FAMILIES {
        for base in BASES {
            for order in [2, 3, 5] {
                let net = rich(&Structure {
                    widths: vec![3, 11, 2],
                    products: vec![vec![2, 3], vec![2]],
                    grid: 4,
                    order,
                    family,
                    base,
                    ..Structure::default()
                });
                let what = format!("{family:?} {base:?} {order}");
                let fast = Predictor::<f64>::new(&net).unwrap();
                let x = points(3 * 9, 1.3, 7);
                let mut jacobian = vec![0.0; 9 * 6];
                let mut hessian = vec![0.0; 9 * 18];
                fast.hessian_into(&x, &mut jacobian, &mut hessian).unwrap();
                let plain: Vec<f64> = x.chunks(3).flat_map(|x| net.jacobian(x).unwrap()).collect();
                let d = distance(&jacobian, &plain);
                assert!(d <= 1e-11, "{what}: {d}");
                let mut alone = vec![0.0; jacobian.len()];
                fast.jacobian_into(&x, &mut alone).unwrap();
                assert_eq!(alone, jacobian);
                // Second derivatives: differences of the plain path's first derivatives.
                // Of fourth order, so that rounding and the jumps of higher derivatives at knots both stay small.
                let h = if family == Family::BSpline {
                    1e-6
                } else {
                    2e-5
                };
                let mut differences = vec![0.0; hessian.len()];
                for (row, x) in x.chunks(3).enumerate() {
                    for q in 0..3 {
                        for (step, weight) in [(1.0, 8.0), (-1.0, -8.0), (2.0, -1.0), (-2.0, 1.0)] {
                            let mut x = x.to_vec();
                            x[q] += step * h;
                            for (k, v) in net.jacobian(&x).unwrap().iter().enumerate() {
                                differences[row * 18 + k * 3 + q] += weight * v / (12.0 * h);
                            }
                        }
                    }
                }
                let d = distance(&hessian, &differences);
                assert!(d <= 1e-6, "{what}: {d}");
            }
        }
    }
}

#[test]
fn derivatives_of_a_known_function() {
    // y = sin(2 x0) * (3 x1) by fixed edges and a multiplication node.
    let basis = Basis::uniform(-1.0, 1.0, 4, 3).unwrap();
    let mut layer = Layer::new(2, 2, basis, Base::None, Outside::Linear)
        .unwrap()
        .with_products(vec![2])
        .unwrap();
    for (input, sum, edge) in [
        (
            0,
            0,
            Edge::Fixed(Box::new(
                Symbolic::new("sin(x)", [2.0, 0.0, 1.0, 0.0]).unwrap(),
            )),
        ),
        (
            1,
            1,
            Edge::Fixed(Box::new(Symbolic::new("x", [3.0, 0.0, 1.0, 0.0]).unwrap())),
        ),
        (0, 1, Edge::Removed),
        (1, 0, Edge::Removed),
    ] {
        layer.set_edge(input, sum, edge).unwrap();
    }
    let fast = Predictor::<f64>::new(&Kan::from_layers(vec![layer]).unwrap()).unwrap();
    let (a, b) = (0.4f64, -1.7f64);
    let (mut first, mut second) = ([0.0; 2], [0.0; 4]);
    fast.hessian_into(&[a, b], &mut first, &mut second).unwrap();
    let (s, c) = (2.0 * a).sin_cos();
    let want = [6.0 * c * b, 3.0 * s, -12.0 * s * b, 6.0 * c, 6.0 * c, 0.0];
    for (got, want) in first.iter().chain(&second).zip(want) {
        assert!((got - want).abs() <= 1e-14, "{got} {want}");
    }
    assert_eq!(
        fast.jacobian_into(&[a, b], &mut [0.0]).unwrap_err().field(),
        Some("jacobian")
    );
    assert_eq!(
        fast.hessian_into(&[a, b], &mut first, &mut [0.0])
            .unwrap_err()
            .field(),
        Some("hessian")
    );
}
