//! The training pass against the plain one; gradients by differences; the Gauss-Newton matrix.

use faer::Mat;

use super::problem::{Data, Problem};
use super::tests::{rows, toy};
use super::*;
use crate::kan::{Base, Edge, Family, Structure, Symbolic};
use crate::optim::{Objective, Quadratic, Random};

const FAMILIES: [Family; 5] = [
    Family::BSpline,
    Family::Chebyshev,
    Family::Fourier,
    Family::Rbf,
    Family::Rational,
];

/// A network with products, a symbolic and a removed edge, of random weights.
fn mixed(family: Family, base: Base) -> Kan {
    let mut net = Kan::of(&Structure {
        widths: vec![2, 3, 2],
        products: vec![vec![2]],
        grid: 4,
        family,
        base,
        ..Structure::default()
    })
    .unwrap();
    let mut random = Random(11);
    let mut p = net.parameter_values();
    p.iter_mut().for_each(|p| *p += 0.3 * random.symmetric());
    net.set_parameter_values(&p);
    let edge = Symbolic::new("sin(x)", [1.3, 0.2, 0.7, -0.1]).unwrap();
    net.layers_mut()[0]
        .set_edge(0, 0, Edge::Fixed(Box::new(edge)))
        .unwrap();
    net.layers_mut()[1].set_edge(1, 0, Edge::Removed).unwrap();
    net
}

fn problem<'a>(
    net: &Kan,
    x: &'a [f64],
    y: &'a [f64],
    loss: Loss,
    sparse: bool,
    threads: usize,
) -> Problem<'a> {
    const NONE: &Progress<'static> = &Progress::none();
    let data = Data {
        x,
        y,
        loss,
        l1: if sparse { 0.3 } else { 0.0 },
        entropy: if sparse { 0.2 } else { 0.0 },
        threads,
        progress: NONE,
    };
    let count = x.len() / net.inputs();
    Problem::new(net.clone(), data, (0..count).collect(), 0.05).unwrap()
}

#[test]
fn the_pass_agrees_with_the_plain_one() {
    for family in FAMILIES {
        for base in [Base::None, Base::Silu] {
            let net = mixed(family, base);
            let x = rows(5, 60, 1.6);
            let y = rows(6, 60, 1.0);
            let mut ours = problem(&net, &x, &y, Loss::Squared, false, 1);
            let mut gradient = vec![0.0; net.parameters()];
            let p = net.parameter_values();
            ours.evaluate(&p, &mut gradient).unwrap();
            let mut want = vec![0.0; net.parameters()];
            let mut trace = net.trace();
            let mut loss = 0.0;
            for (x, y) in x.chunks(2).zip(y.chunks(2)) {
                let out = net.forward(x, &mut trace).to_vec();
                let weights: Vec<f64> = out.iter().zip(y).map(|(o, y)| (o - y) / 60.0).collect();
                loss += weights.iter().map(|w| 30.0 * w * w).sum::<f64>();
                net.add_gradient(&trace, &weights, &mut want);
            }
            assert!((ours.last_loss - loss).abs() <= 1e-13 * loss);
            let mut smooth = problem(&net, &x, &y, Loss::Squared, false, 1);
            smooth.set_rows(&[]);
            let mut penalty = vec![0.0; net.parameters()];
            smooth.evaluate(&p, &mut penalty).unwrap();
            for (i, g) in gradient.iter().enumerate() {
                let error = (g - penalty[i] - want[i]).abs();
                let size = want[i].abs().max(1.0);
                assert!(
                    error <= 1e-12 * size,
                    "{family:?} {base:?} {i}: {g} {}",
                    want[i]
                );
            }
        }
    }
}

#[test]
fn gradients_of_every_loss_penalty_and_family_agree_with_differences() {
    for family in FAMILIES {
        for base in [Base::None, Base::Silu] {
            for loss in [Loss::Squared, Loss::Huber(0.3), Loss::CrossEntropy] {
                for sparse in [false, true] {
                    let net = mixed(family, base);
                    let x = rows(5, 14, 1.3);
                    let y: Vec<f64> = rows(6, 14, 1.0).iter().map(|v| v.abs()).collect();
                    let mut problem = problem(&net, &x, &y, loss, sparse, 1);
                    let p = net.parameter_values();
                    let mut gradient = vec![0.0; p.len()];
                    problem.evaluate(&p, &mut gradient).unwrap();
                    let mut unused = vec![0.0; p.len()];
                    for (i, want) in gradient.iter().enumerate() {
                        let mut at = |step: f64| {
                            let mut q = p.clone();
                            q[i] += step;
                            problem.evaluate(&q, &mut unused).unwrap()
                        };
                        // Exact for polynomials up to the fourth degree.
                        let h = 1e-4;
                        let near = 8.0 * (at(h) - at(-h));
                        let slope = (near - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
                        assert!(
                            (slope - want).abs() <= 1e-7 * want.abs().max(1.0),
                            "{family:?} {base:?} {loss:?} {sparse} {i}: {slope} {want}"
                        );
                    }
                }
            }
        }
    }
}

/// The Hessian of squares is `J^T J` of the plain Jacobian plus that of the penalties, whichever way it is summed.
#[test]
fn the_gauss_newton_matrix_agrees_with_the_plain_jacobian() {
    for (family, base) in [
        (Family::BSpline, Base::Silu),
        (Family::Chebyshev, Base::None),
    ] {
        for (hidden, grid) in [(2, 2), (3, 9)] {
            let structure = Structure {
                widths: vec![2, hidden, 2],
                grid,
                family,
                base,
                ..Structure::default()
            };
            let mut net = Kan::of(&structure).unwrap();
            net.layers_mut()[0].set_edge(1, 1, Edge::Removed).unwrap();
            let (x, y) = (rows(5, 300, 1.2), rows(6, 300, 1.0));
            let n = net.parameters();
            let p = net.parameter_values();
            let mut ours = problem(&net, &x, &y, Loss::Squared, false, 1);
            ours.smoothness = 0.0;
            ours.ridge = 1e-10;
            let (mut g, mut h) = (vec![0.0; n], Mat::zeros(n, n));
            ours.model(&p, &mut g, h.as_mut()).unwrap();
            let mut jacobian = Mat::<f64>::zeros(300, n);
            let mut trace = net.trace();
            for (r, x) in x.chunks(2).enumerate() {
                net.forward(x, &mut trace);
                for o in 0..2 {
                    let mut weights = [0.0; 2];
                    weights[o] = 1.0 / 300f64.sqrt();
                    let mut row = vec![0.0; n];
                    net.add_gradient(&trace, &weights, &mut row);
                    for (c, v) in row.iter().enumerate() {
                        jacobian[(2 * r + o, c)] = *v;
                    }
                }
            }
            let want = jacobian.transpose() * &jacobian;
            let functions = net.layers()[0].functions();
            let edge = net.layers()[0].edge(1, 1);
            let coefficients = net.layers()[0].coefficients.len();
            let frozen = |i: usize| {
                (edge * functions..(edge + 1) * functions).contains(&i)
                    || (base == Base::Silu && i == coefficients + edge)
            };
            for i in 0..n {
                for j in 0..=i {
                    let mut want = want[(i, j)];
                    if i == j {
                        want = if frozen(i) { 1.0 } else { want + ours.ridge };
                    }
                    let error = (h[(i, j)] - want).abs();
                    assert!(
                        error <= 1e-13 * want.abs().max(1.0),
                        "{family:?} {hidden} {i} {j}: {} {want}",
                        h[(i, j)]
                    );
                }
            }
        }
    }
}

#[test]
fn the_sums_do_not_depend_on_threads() {
    let net = Kan::new(&[2, 5, 1], 10, 3, 1).unwrap();
    let x = rows(1, 2 * 60_000, 1.0);
    let y = toy(&x);
    let n = net.parameters();
    let p = net.parameter_values();
    let run = |threads: usize| {
        let mut problem = problem(&net, &x, &y, Loss::Squared, false, threads);
        let (mut g, mut h) = (vec![0.0; n], Mat::zeros(n, n));
        let cost = problem.model(&p, &mut g, h.as_mut()).unwrap();
        let mut gradient = vec![0.0; n];
        let value = problem.evaluate(&p, &mut gradient).unwrap();
        (cost, g, h, value, gradient, problem.cost(&p).unwrap())
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3));
}
