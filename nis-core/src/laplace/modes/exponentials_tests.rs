//! Inner products and projections against plain sums.

use super::*;
use crate::optim::Random;

#[test]
fn moments_agree_with_plain_sums() {
    for n in [1usize, 2, 63, 64, 65, 300, 5000] {
        let sums = std::array::from_fn(|p| power_sum(p, n));
        for (re, im) in [
            (0.0, 0.0),
            (-1e-9, 1e-8),
            (-1e-4, 1e-3),
            (1e-4, -1e-3),
            (-0.3, 2.0),
            (0.002, 3.0),
            (-1e-12, 6.25),
        ] {
            let lambda = Complex64::new(re, im);
            let shift = -lambda * anchor(lambda, n);
            let got = moments(lambda, shift, n, &sums);
            for (m, got) in got.iter().enumerate() {
                let expected: Complex64 = (0..n)
                    .map(|k| {
                        (lambda * k as f64 + shift).exp() * (k as f64 / n as f64).powi(m as i32)
                    })
                    .sum();
                // The plain sum rounds its exponents.
                let exponent = lambda.norm() * n as f64;
                let scale = n as f64 * f64::EPSILON * (40.0 + exponent);
                assert!(
                    (got - expected).norm() <= scale,
                    "{n} {lambda} {m}: {got} {expected}"
                );
            }
        }
    }
}

#[test]
fn products_projections_and_residuals_agree_with_plain_columns() {
    let n = 75;
    let mut random = Random(5);
    let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    let data = Data::new(vec![vec![x.clone()]], n, 2);
    let poles = [
        Pole {
            s: Complex64::new(-0.03, 0.7),
            pair: true,
        },
        Pole {
            s: Complex64::new(0.02, 0.0),
            pair: false,
        },
    ];
    let basis = Basis::new(&data, &poles);
    let column = |s: Complex64, k: usize| (s * (k as f64 - anchor(s, n))).exp();
    let nu = |k: usize| k as f64 / n as f64;
    let (s, r) = (poles[0].s, poles[1].s);
    let columns: Vec<Vec<Complex64>> = vec![
        (0..n).map(|k| column(s, k)).collect(),
        (0..n).map(|k| column(s.conj(), k)).collect(),
        (0..n).map(|k| column(r, k)).collect(),
        vec![Complex64::new(1.0, 0.0); n],
        (0..n).map(|k| Complex64::new(nu(k), 0.0)).collect(),
    ];
    let slopes: Vec<Vec<Complex64>> = [s, s.conj(), r]
        .iter()
        .map(|s| {
            (0..n)
                .map(|k| column(*s, k) * (nu(k) - anchor(*s, n) / n as f64))
                .collect()
        })
        .collect();
    let dot = |a: &[Complex64], b: &[Complex64]| -> Complex64 {
        a.iter().zip(b).map(|(a, b)| a.conj() * b).sum()
    };
    let g = basis.products();
    let (g1, g2) = basis.derivative_products();
    for i in 0..5 {
        for j in 0..5 {
            assert!(
                (g[(i, j)] - dot(&columns[i], &columns[j])).norm() < 1e-12,
                "{i} {j}"
            );
        }
        for j in 0..3 {
            assert!(
                (g1[(i, j)] - dot(&columns[i], &slopes[j])).norm() < 1e-12,
                "{i} {j}"
            );
        }
    }
    for i in 0..3 {
        for j in 0..3 {
            assert!(
                (g2[(i, j)] - dot(&slopes[i], &slopes[j])).norm() < 1e-12,
                "{i} {j}"
            );
        }
    }
    let complex: Vec<Complex64> = x.iter().map(|v| Complex64::new(*v, 0.0)).collect();
    let got = &basis.project(&data)[0];
    assert!((got.plain[0] - dot(&columns[0], &complex)).norm() < 1e-12);
    assert!((got.plain[1] - dot(&columns[2], &complex)).norm() < 1e-12);
    let weighted: Vec<Complex64> = (0..n).map(|k| columns[0][k] * nu(k)).collect();
    let got_weighted = &basis.project_weighted(&data)[0];
    assert!((got_weighted[0] - dot(&weighted, &complex)).norm() < 1e-12);
    assert!((got.baseline[1] - dot(&columns[4], &complex)).norm() < 1e-12);
    let a = vec![vec![
        Complex64::new(0.5, -0.2),
        Complex64::new(2.0, 0.0),
        Complex64::new(0.3, 0.0),
        Complex64::new(-0.4, 0.0),
    ]];
    let residual = basis.residual(&data, &a);
    for k in 0..n {
        let model =
            2.0 * (a[0][0] * columns[0][k]).re + (a[0][1] * columns[2][k]).re + 0.3 - 0.4 * nu(k);
        assert!((residual.sample(0, k).re - (x[k] - model)).abs() < 1e-12);
    }
}
