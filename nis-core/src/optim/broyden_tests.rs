//! Tests of the self-scaled quasi-Newton iteration.

use super::*;

struct Function<F>(usize, F);

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Objective for Function<F> {
    fn parameters(&self) -> usize {
        self.0
    }
    fn evaluate(&mut self, p: &[f64], gradient: &mut [f64]) -> Result<f64> {
        Ok((self.1)(p, gradient))
    }
}

const UPDATES: [BroydenUpdate; 3] = [
    BroydenUpdate::Bfgs,
    BroydenUpdate::SelfScaledBfgs,
    BroydenUpdate::SelfScaledBroyden,
];

/// The extended Rosenbrock function (More, Garbow, Hillstrom, ACM TOMS 7 (1981) 17, no. 21).
fn rosenbrock(p: &[f64], g: &mut [f64]) -> f64 {
    let mut sum = 0.0;
    for (p, g) in p.chunks(2).zip(g.chunks_mut(2)) {
        let (a, b) = (p[1] - p[0] * p[0], 1.0 - p[0]);
        sum += 100.0 * a * a + b * b;
        g[0] = -400.0 * p[0] * a - 2.0 * b;
        g[1] = 200.0 * a;
    }
    sum
}

/// The extended Powell singular function (no. 22 there): its Hessian is singular at the minimum.
fn powell(p: &[f64], g: &mut [f64]) -> f64 {
    let mut sum = 0.0;
    for (p, g) in p.chunks(4).zip(g.chunks_mut(4)) {
        let (a, b) = (p[0] + 10.0 * p[1], p[2] - p[3]);
        let (c, d) = (p[1] - 2.0 * p[2], p[0] - p[3]);
        sum += a * a + 5.0 * b * b + c.powi(4) + 10.0 * d.powi(4);
        g[0] = 2.0 * a + 40.0 * d.powi(3);
        g[1] = 20.0 * a + 4.0 * c.powi(3);
        g[2] = 10.0 * b - 8.0 * c.powi(3);
        g[3] = -10.0 * b - 40.0 * d.powi(3);
    }
    sum
}

fn run<F: FnMut(&[f64], &mut [f64]) -> f64>(
    f: F,
    p: Vec<f64>,
    most: usize,
    update: BroydenUpdate,
) -> BroydenState {
    let mut function = Function(p.len(), f);
    let mut state = BroydenState::new(p);
    let options = BroydenOptions {
        update,
        ..BroydenOptions::default()
    };
    while state.iterations < most && state.step(&mut function, &options).unwrap() != Moved::Done {}
    state
}

#[test]
fn the_extended_rosenbrock_function() {
    for update in UPDATES {
        let state = run(rosenbrock, [-1.2, 1.0].repeat(25), 400, update);
        assert!(
            state.p.iter().all(|p| (p - 1.0).abs() <= 1e-7),
            "{update:?} {:?}",
            state.at
        );
        // Starts that differ by pair, so that the problem has many curvatures.
        let start = (0..24).map(|i| -1.2 + 0.1 * f64::from(i)).collect();
        let state = run(rosenbrock, start, 800, update);
        assert!(
            state.p.iter().all(|p| (p - 1.0).abs() <= 1e-7),
            "{update:?} {:?}",
            state.at
        );
    }
}

#[test]
fn a_singular_minimum() {
    for update in UPDATES {
        let state = run(powell, [3.0, -1.0, 0.0, 1.0].repeat(8), 600, update);
        let value = state.at.as_ref().map_or(f64::NAN, |a| a.0);
        assert!(value <= 1e-12, "{update:?} {value}");
    }
}

#[test]
fn the_inverse_hessian_of_a_quadratic_is_learnt() {
    // After as many independent steps as dimensions the BFGS matrix satisfies the secant equation of the last one,
    // whatever the update.
    let diagonal = [1.0, 4.0, 9.0, 16.0];
    for update in UPDATES {
        let mut gradients: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
        let quadratic = |p: &[f64], g: &mut [f64]| {
            let mut sum = 0.0;
            for ((p, g), d) in p.iter().zip(g.iter_mut()).zip(diagonal) {
                sum += 0.5 * d * p * p;
                *g = d * p;
            }
            sum
        };
        let mut state = BroydenState::new(vec![1.0; 4]);
        let options = BroydenOptions {
            update,
            ..BroydenOptions::default()
        };
        for _ in 0..5 {
            state.step(&mut Function(4, quadratic), &options).unwrap();
            gradients.push((state.p.clone(), state.at.clone().unwrap().1));
        }
        let (before, last) = (&gradients[3], &gradients[4]);
        let y: Vec<f64> = last.1.iter().zip(&before.1).map(|(a, b)| a - b).collect();
        let mut hy = vec![0.0; 4];
        times(&state.inverse, &y, &mut hy);
        for (k, h) in hy.iter().enumerate() {
            let s = last.0[k] - before.0[k];
            assert!((h - s).abs() <= 1e-10, "{update:?} {k}: {h} {s}");
        }
    }
}

#[test]
fn a_product_by_the_lower_triangle() {
    let n = 21;
    let at = |i: usize, j: usize| 1.0 / (1.0 + i.max(j) as f64 * 0.7 + i.min(j) as f64 * 0.3);
    let lower: Vec<f64> = (0..n)
        .flat_map(|i| (0..=i).map(move |j| at(i, j)))
        .collect();
    let x: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
    let mut out = vec![f64::NAN; n];
    times(&lower, &x, &mut out);
    for (i, o) in out.iter().enumerate() {
        let want: f64 = (0..n).map(|j| at(i, j) * x[j]).sum();
        assert!((o - want).abs() <= 1e-13, "{i}: {o} {want}");
    }
}

#[test]
fn going_on_from_a_stored_state_gives_the_same_bits() {
    let update = BroydenUpdate::SelfScaledBroyden;
    let whole = run(rosenbrock, vec![-1.2, 1.0], 30, update);
    let first = run(rosenbrock, vec![-1.2, 1.0], 11, update);
    let text = serde_json::to_string(&first).unwrap();
    let mut second: BroydenState = serde_json::from_str(&text).unwrap();
    let mut function = Function(2, rosenbrock);
    while second.iterations < 30 {
        let moved = second.step(&mut function, &BroydenOptions::default());
        if moved.unwrap() == Moved::Done {
            break;
        }
    }
    assert_eq!(second, whole);
}

#[test]
fn functions_without_minimum_or_with_a_wrong_gradient_end() {
    for update in UPDATES {
        // Falls for ever; a wrong sign; NaN a step away; a kink.
        let falling = run(
            |p, g| {
                g[0] = -1.0;
                -p[0]
            },
            vec![0.0],
            30,
            update,
        );
        assert!(falling.evaluations <= 30 * 21);
        let wrong = run(
            |p, g| {
                g[0] = -2.0 * p[0];
                p[0] * p[0]
            },
            vec![1.0],
            30,
            update,
        );
        assert!(wrong.iterations <= 3 && wrong.p == [1.0], "{wrong:?}");
        let fenced = run(
            |p, g| {
                g[0] = 1.0 - 1.0 / p[0];
                p[0] - p[0].ln()
            },
            vec![1e-3],
            100,
            update,
        );
        assert!((fenced.p[0] - 1.0).abs() <= 1e-6, "{fenced:?}");
        let kink = run(
            |p, g| {
                g[0] = p[0].signum();
                p[0].abs()
            },
            vec![0.3],
            100,
            update,
        );
        assert!(kink.p[0].abs() <= 1e-6, "{kink:?}");
    }
    let nothing = BroydenState::new(vec![1.0]).step(
        &mut Function(1, |_: &[f64], _: &mut [f64]| f64::NAN),
        &BroydenOptions::default(),
    );
    assert_eq!(nothing.unwrap_err().code(), crate::error::Code::Numerical);
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let mut state = BroydenState::new(vec![1.0, 2.0]);
    state.inverse = vec![1.0; 2];
    let refused = state.step(&mut Function(2, rosenbrock), &BroydenOptions::default());
    assert_eq!(
        refused.unwrap_err().code(),
        crate::error::Code::InvalidInput
    );
    let refused =
        BroydenState::new(vec![1.0]).step(&mut Function(2, rosenbrock), &BroydenOptions::default());
    assert_eq!(
        refused.unwrap_err().code(),
        crate::error::Code::InvalidInput
    );
    assert!(serde_json::from_str::<BroydenOptions>(r#"{"update": "ssbroyden1"}"#).is_err());
    assert!(serde_json::from_str::<BroydenOptions>(r#"{"method": "bfgs"}"#).is_err());
}

proptest::proptest! {
    #[test]
    fn convex_quadratics(diagonal in proptest::collection::vec(1e-2f64..1e2, 1..9), shift in -5.0f64..5.0) {
        let d = diagonal.clone();
        let state = run(
            move |p, g| {
                let mut sum = 0.0;
                for ((p, g), d) in p.iter().zip(g).zip(&d) {
                    sum += 0.5 * d * (p - shift) * (p - shift);
                    *g = d * (p - shift);
                }
                sum
            },
            vec![0.0; diagonal.len()],
            300,
            BroydenUpdate::SelfScaledBroyden,
        );
        for p in &state.p {
            proptest::prop_assert!((p - shift).abs() <= 1e-5, "{} {}", p, shift);
        }
    }
}
