//! Tests of the network solver: against closed forms, finite differences, and itself on other thread counts.

use std::ops::ControlFlow;

use super::super::points::{Points, Sequence};
use super::super::problem::{Functions, Jet, Observations, Problem, ProblemSpec};
use super::super::solution::Solution;
use super::super::solve::{Method, SolveOptions, solve};
use super::lift::{Lifting, Lifts};
use super::loss::Loss;
use super::mirror::Mirror;
use super::rows::{Plan, Wanted};
use super::{Conditions, NetworkOptions, Optimiser};
use crate::error::{Code, Error};
use crate::optim::{Objective, Quadratic};
use crate::telemetry::{Progress, Step};

use std::f64::consts::PI;

fn heat() -> ProblemSpec {
    ProblemSpec::new(["u_t = 0.4*u_xx"])
        .interval("x", 0.0, 1.0)
        .interval("t", 0.0, 0.5)
        .conditions(["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"])
}

fn small(hidden: &[usize], points: usize, iterations: usize) -> SolveOptions {
    SolveOptions {
        method: Method::Network,
        network: NetworkOptions {
            hidden: Some(hidden.to_vec()),
            points: Some(points),
            iterations: Some(iterations),
            ..NetworkOptions::default()
        },
        ..SolveOptions::default()
    }
}

fn run(spec: &ProblemSpec, options: &SolveOptions) -> Solution {
    solve(&spec.read().unwrap(), options, &Progress::none()).unwrap()
}

/// Largest error against a formula on a grid of points (rows of coordinates).
fn worst(solution: &Solution, points: &[f64], exact: impl Fn(&[f64]) -> f64) -> f64 {
    let d = solution.coordinates.len();
    let fields = solution.fields.len();
    let got = solution.evaluate(points).unwrap();
    let mut worst = 0.0f64;
    for (row, u) in points.chunks(d).zip(got.chunks(fields)) {
        let off = (u[0] - exact(row)).abs();
        worst = if off <= worst { worst } else { off };
    }
    worst
}

fn grid(x: [f64; 2], t: [f64; 2]) -> Vec<f64> {
    let at = |r: [f64; 2], i: usize| r[0] + (r[1] - r[0]) * i as f64 / 12.0;
    (0..13)
        .flat_map(|i| (0..13).flat_map(move |j| [at(x, i), at(t, j)]))
        .collect()
}

#[test]
fn heat_by_a_small_network() {
    let exact = |r: &[f64]| (-0.4 * PI * PI * r[1]).exp() * (PI * r[0]).sin();
    let solution = run(&heat(), &small(&[8, 8], 250, 60));
    let points = grid([0.0, 1.0], [0.0, 0.5]);
    let off = worst(&solution, &points, exact);
    assert!(off <= 2e-4, "{off} {:?}", solution.notes);
    // Conditions hold by construction, to rounding.
    let start: Vec<f64> = (0..9).flat_map(|i| [f64::from(i) / 8.0, 0.0]).collect();
    let off = worst(&solution, &start, |r| (PI * r[0]).sin());
    assert!(off <= 1e-14, "{off}");
    // Soft conditions lead to the same solution, less exactly and in more steps.
    let mut options = small(&[8, 8], 250, 150);
    options.network.conditions = Conditions::Soft;
    let off = worst(&run(&heat(), &options), &points, exact);
    assert!(off <= 2e-3, "{off}");
}

#[test]
fn an_oscillator_and_a_system() {
    let spec = ProblemSpec::new(["u'' + 4*u = 0"])
        .interval("t", 0.0, 2.0)
        .conditions(["u(0) = 1", "u'(0) = 0"]);
    let solution = run(&spec, &small(&[12], 80, 400));
    let points: Vec<f64> = (0..41).map(|i| f64::from(i) / 20.0).collect();
    let off = worst(&solution, &points, |r| (2.0 * r[0]).cos());
    assert!(off <= 1e-5, "{off} {:?}", solution.notes);
    let spec = ProblemSpec::new(["u' = 2*v", "v' = -2*u"])
        .interval("t", 0.0, 2.0)
        .conditions(["u(0) = 1", "v(0) = 0"]);
    let solution = run(&spec, &small(&[12], 80, 400));
    let off = worst(&solution, &points, |r| (2.0 * r[0]).cos());
    assert!(off <= 1e-5, "{off} {:?}", solution.notes);
}

#[test]
fn an_unknown_parameter_is_found() {
    let exact = |x: f64, t: f64| (-0.4 * PI * PI * t).exp() * (PI * x).sin();
    let mut spec = ProblemSpec::new(["u_t = a*u_xx"])
        .unknown("a", 1.0)
        .interval("x", 0.0, 1.0)
        .interval("t", 0.0, 0.5)
        .conditions(["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"]);
    let points: Vec<Vec<f64>> = (1..6)
        .flat_map(|i| (1..5).map(move |j| vec![f64::from(i) / 6.0, f64::from(j) / 10.0]))
        .collect();
    let mut values: Vec<Vec<f64>> = points.iter().map(|p| vec![exact(p[0], p[1])]).collect();
    // A place without a measurement.
    values[3] = vec![f64::NAN];
    spec.data = Some(Observations {
        fields: vec!["u".into()],
        points,
        values,
        noise: None,
    });
    let solution = run(&spec, &small(&[8, 8], 250, 80));
    let a = solution.parameters[0].value;
    assert!((a - 0.4).abs() <= 1e-4, "{a} {:?}", solution.notes);
}

/// A loss with everything in it: two fields, an unknown parameter, data, soft conditions, a mirror.
fn gradients(spec: &ProblemSpec, hard: bool) {
    let problem = spec.read().unwrap();
    let lifts = if hard {
        Lifts::new(&problem, false, None).unwrap()
    } else {
        Lifts::none(&problem)
    };
    let mirror = Mirror::find(&problem, &lifts.fields).unwrap();
    let net =
        super::setup::network(&problem, &NetworkOptions::default(), &[4, 3], None, 5).unwrap();
    let progress = Progress::none();
    let scales = vec![0.7; problem.unknowns.len()];
    let mut loss = Loss::new(&net, 2, scales, &progress, None);
    let wanted = Wanted::Formulas(problem.equations.iter().collect());
    let plan = Plan::new(&problem, &lifts.fields, mirror.as_ref(), wanted).unwrap();
    let mut sequence = Sequence::new(problem.coordinates.len(), 4);
    let points = problem.domain.interior(37, &mut sequence).unwrap();
    let weights = (0..plan.wanted.kinds())
        .map(|k| (0..37).map(|i| 0.5 + f64::from(i % 5 + k as i32)).collect())
        .collect();
    let normals = Points::zeros(problem.coordinates.len(), 37);
    loss.blocks
        .push(plan.block(points, normals, weights).unwrap());
    loss.plans.push(plan);
    let fields = vec![1.0; problem.fields.len()];
    let beside = super::setup::beside(
        &problem,
        &lifts,
        (mirror.as_ref(), None),
        None,
        3.0,
        &fields,
        6,
    )
    .unwrap();
    for own in beside {
        loss.blocks
            .push(super::setup::beside_block(&problem, &own, 9, &mut sequence).unwrap());
        loss.plans.push(own.plan);
    }
    let mut p = net.start(8);
    p.extend(problem.unknowns.iter().map(|u| u.start));
    for (i, v) in p.iter_mut().enumerate() {
        *v += 0.2 * (i as f64 * 1.3).sin();
    }
    let n = p.len();
    let mut gradient = vec![0.0; n];
    let value = loss.evaluate(&p, &mut gradient).unwrap();
    let mut by_model = vec![0.0; n];
    let mut hessian = faer::Mat::<f64>::zeros(n, n);
    let cost = loss
        .model(&p, &mut by_model, hessian.as_mut())
        .unwrap()
        .unwrap();
    let same = loss.cost(&p).unwrap().unwrap();
    assert!((cost - value).abs() <= 1e-12 * value && (cost - same).abs() <= 1e-12 * value);
    let largest = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    assert!(largest > 1e-3);
    let residuals = |loss: &mut Loss<'_>, p: &[f64]| -> Vec<f64> {
        let all = (0..loss.blocks.len()).map(|k| loss.residuals(p, k).unwrap());
        all.flatten().flatten().collect()
    };
    let h = 1e-6;
    let mut columns = Vec::new();
    for k in 0..n {
        let (mut a, mut b) = (p.clone(), p.clone());
        a[k] += h;
        b[k] -= h;
        let (ra, rb) = (residuals(&mut loss, &a), residuals(&mut loss, &b));
        let slope = (loss.cost(&a).unwrap().unwrap() - loss.cost(&b).unwrap().unwrap()) / (2.0 * h);
        for g in [gradient[k], by_model[k]] {
            assert!((g - slope).abs() <= 1e-6 * largest, "{k}: {g} {slope}");
        }
        let column: Vec<f64> = ra
            .iter()
            .zip(&rb)
            .map(|(a, b)| (a - b) / (2.0 * h))
            .collect();
        columns.push(column);
    }
    for i in 0..n {
        for j in 0..=i {
            let want: f64 = columns[i].iter().zip(&columns[j]).map(|(a, b)| a * b).sum();
            let size = (hessian[(i, i)] * hessian[(j, j)]).sqrt();
            let off = (hessian[(i, j)] - want).abs();
            assert!(off <= 1e-6 * (size + largest), "{i} {j}: {off}");
        }
    }
}

#[test]
fn gradients_of_the_whole_loss() {
    // Odd in x, conditions by construction.
    let burgers = ProblemSpec::new(["u_t + u*u_x = 0.1*u_xx"])
        .interval("x", -1.0, 1.0)
        .interval("t", 0.0, 1.0)
        .conditions(["u(x,0) = -sin(pi*x)", "u(-1,t) = 0", "u(1,t) = 0"]);
    gradients(&burgers, true);
    let mut system = ProblemSpec::new(["u_t = a*u_xx + u*v^2", "v_t = v_xy - a*u_x*v"])
        .unknown("a", 0.6)
        .interval("x", -1.0, 2.0)
        .interval("y", 0.0, 1.0)
        .interval("t", 0.0, 1.0)
        .conditions([
            "u(x,y,0) = sin(x + y)",
            "v(x,y,0) = x*y",
            "u_x + 2*u = a at x=2",
        ]);
    system.data = Some(Observations {
        fields: vec!["v".into(), "u".into()],
        points: vec![vec![0.1, 0.2, 0.3], vec![1.0, 0.5, 0.9]],
        values: vec![vec![0.5, f64::NAN], vec![-1.0, 2.0]],
        noise: None,
    });
    gradients(&system, false);
    gradients(&system, true);
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    for optimiser in [Optimiser::LevenbergMarquardt, Optimiser::Broyden] {
        let mut texts = Vec::new();
        for threads in [1, 2, 3] {
            let mut options = small(&[9, 9], 1100, 12);
            options.threads = threads;
            options.network.optimiser = optimiser;
            let solution = run(&heat(), &options);
            texts.push(serde_json::to_string(&solution.representation).unwrap());
        }
        assert!(
            texts[0] == texts[1] && texts[0] == texts[2],
            "{optimiser:?}"
        );
    }
}

#[test]
fn every_optimiser_lowers_the_residual() {
    let exact = |r: &[f64]| (-0.4 * PI * PI * r[1]).exp() * (PI * r[0]).sin();
    let points = grid([0.0, 1.0], [0.0, 0.5]);
    for (optimiser, steps, most) in [
        (Optimiser::Broyden, 250, 5e-3),
        (Optimiser::Lbfgs, 250, 2e-2),
        (Optimiser::Adam, 400, 1e-1),
    ] {
        let mut options = small(&[8, 8], 150, steps);
        options.network.optimiser = optimiser;
        let solution = run(&heat(), &options);
        let off = worst(&solution, &points, exact);
        assert!(off <= most, "{optimiser:?} {off}");
        assert!(!solution.converged, "{:?}", solution.notes);
    }
}

#[test]
fn windows_of_time_join() {
    let exact = |r: &[f64]| (-0.4 * PI * PI * r[1]).exp() * (PI * r[0]).sin();
    let mut options = small(&[8, 8], 200, 50);
    options.network.windows = Some(2);
    let solution = run(&heat(), &options);
    let off = worst(&solution, &grid([0.0, 1.0], [0.0, 0.5]), exact);
    assert!(off <= 1e-3, "{off} {:?}", solution.notes);
    // Both sides of the joint.
    let sides = solution
        .evaluate(&[0.3, 0.25, 0.3, 0.25f64.next_up()])
        .unwrap();
    assert!((sides[0] - sides[1]).abs() <= 1e-4, "{sides:?}");
    let mut refused = options.clone();
    refused.network.windows = Some(0);
    let problem = heat().read().unwrap();
    let error = solve(&problem, &refused, &Progress::none()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidInput);
}

#[test]
fn a_periodic_wave_travels() {
    let spec = ProblemSpec::new(["u_t + u_x = 0"])
        .interval("x", 0.0, 1.0)
        .interval("t", 0.0, 0.5)
        .conditions(["u(x,0) = sin(2*pi*x)", "periodic x"]);
    let solution = run(&spec, &small(&[12, 12], 500, 200));
    let off = worst(&solution, &grid([0.0, 1.0], [0.0, 0.5]), |r| {
        (2.0 * PI * (r[0] - r[1])).sin()
    });
    assert!(off <= 1e-3, "{off} {:?}", solution.notes);
    let ends = solution.evaluate(&[0.0, 0.4, 1.0, 0.4]).unwrap();
    assert!((ends[0] - ends[1]).abs() <= 1e-12, "{ends:?}");
}

#[test]
fn solutions_survive_a_file() {
    let solution = run(&heat(), &small(&[5, 4], 60, 5));
    let text = serde_json::to_string(&solution).unwrap();
    let back: Solution = serde_json::from_str(&text).unwrap();
    let points = grid([0.0, 1.0], [0.0, 0.5]);
    assert_eq!(
        back.evaluate(&points).unwrap(),
        solution.evaluate(&points).unwrap()
    );
}

#[test]
fn work_stops_when_asked() {
    let problem = heat().read().unwrap();
    let stop = |step: Step<'_>| {
        if step.done >= 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let cancelled = solve(&problem, &small(&[8, 8], 200, 50), &Progress::new(&stop));
    assert_eq!(cancelled.unwrap_err(), Error::Cancelled);
    // No time at all: the start is given and does not claim to be a solution.
    let mut options = small(&[8, 8], 200, 50);
    options.max_seconds = Some(1e-9);
    let solution = solve(&problem, &options, &Progress::none()).unwrap();
    assert!(!solution.converged);
    assert!(solution.notes.iter().any(|n| n.contains("max_seconds")));
    options.max_seconds = Some(f64::NAN);
    assert!(solve(&problem, &options, &Progress::none()).is_err());
}

#[test]
fn a_loss_that_does_not_exist_is_an_error() {
    let spec = ProblemSpec::new(["u' = sqrt(u - 5)"])
        .interval("t", 0.0, 1.0)
        .conditions(["u(0) = 1"]);
    for optimiser in [
        Optimiser::LevenbergMarquardt,
        Optimiser::Broyden,
        Optimiser::Lbfgs,
        Optimiser::Adam,
    ] {
        let mut options = small(&[4], 20, 20);
        options.network.optimiser = optimiser;
        let error = solve(&spec.read().unwrap(), &options, &Progress::none()).unwrap_err();
        assert_eq!(error.code(), Code::Numerical, "{optimiser:?}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let problem = heat().read().unwrap();
    let cases = [
        r#"{"hidden": []}"#,
        r#"{"hidden": [0]}"#,
        r#"{"points": 0}"#,
        r#"{"condition_weight": 0}"#,
        r#"{"causal": -1}"#,
        r#"{"fourier": {"count": 0, "scale": 1}}"#,
        r#"{"harmonics": 0}"#,
    ];
    for text in cases {
        let options = SolveOptions {
            method: Method::Network,
            network: serde_json::from_str(text).unwrap(),
            ..SolveOptions::default()
        };
        let error = solve(&problem, &options, &Progress::none()).unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput, "{text}");
    }
    for text in [
        r#"{"optimizer": "lm"}"#,
        r#"{"optimiser": "ssbroyden1"}"#,
        r#"{"fourier": {"count": 3, "scale": 1, "seed": 2}}"#,
    ] {
        assert!(
            serde_json::from_str::<NetworkOptions>(text).is_err(),
            "{text}"
        );
    }
}

/// Values of a jet of the bases at points.
fn base(problem: &Problem, lifts: &Lifts, order: &[u8], points: &Points) -> Vec<f64> {
    let jet = Jet {
        field: 0,
        order: order.to_vec(),
    };
    let lifting = Lifting::new(problem, &lifts.fields, &[jet]).unwrap();
    lifting.at(points).unwrap().base.remove(0)
}

#[test]
fn bases_take_the_given_values() {
    // Four sides with data that fit at the corners; the base is not the solution, but right on the boundary.
    let exact = |x: f64, y: f64| (x + 2.0 * y).sin() + x * y;
    let problem = ProblemSpec::new(["u_xx + u_yy = 1"])
        .interval("x", -1.0, 2.0)
        .interval("y", 0.5, 1.5)
        .conditions([
            "u(-1,y) = sin(-1 + 2*y) - y",
            "u(2,y) = sin(2 + 2*y) + 2*y",
            "u(x,0.5) = sin(x + 1) + 0.5*x",
            "u(x,1.5) = sin(x + 3) + 1.5*x",
        ])
        .read()
        .unwrap();
    let lifts = Lifts::new(&problem, false, None).unwrap();
    assert_eq!(lifts.held, [true; 4]);
    let mut on = Points::new(2);
    for s in [0.0, 0.13, 0.5, 0.77, 1.0] {
        on.push([-1.0, 0.5 + s]);
        on.push([2.0, 0.5 + s]);
        on.push([-1.0 + 3.0 * s, 0.5]);
        on.push([-1.0 + 3.0 * s, 1.5]);
    }
    let got = base(&problem, &lifts, &[0, 0], &on);
    for (i, g) in got.iter().enumerate() {
        let want = exact(on.column(0)[i], on.column(1)[i]);
        assert!((g - want).abs() <= 1e-13, "{i}: {g} {want}");
    }
    // A clamped beam: value and slope at both ends.
    let beam = ProblemSpec::new(["u_xxxx = 1"])
        .interval("x", 1.0, 4.0)
        .conditions(["u(1) = 2", "u'(1) = -1", "u(4) = 5", "u'(4) = 3"])
        .read()
        .unwrap();
    let lifts = Lifts::new(&beam, false, None).unwrap();
    assert_eq!(lifts.held, [true; 4]);
    let mut ends = Points::new(1);
    ends.push([1.0]);
    ends.push([4.0]);
    for (order, want) in [(0, [2.0, 5.0]), (1, [-1.0, 3.0])] {
        let got = base(&beam, &lifts, &[order], &ends);
        for (g, w) in got.iter().zip(want) {
            assert!((g - w).abs() <= 1e-13, "{order}: {g} {w}");
        }
    }
}

#[test]
fn data_that_contradict_or_are_rough_stay_soft() {
    let read = |conditions: [&str; 3]| {
        let problem = ProblemSpec::new(["u_t = u_xx"])
            .interval("x", 0.0, 1.0)
            .interval("t", 0.0, 1.0)
            .conditions(conditions)
            .read()
            .unwrap();
        Lifts::new(&problem, false, None).unwrap().held
    };
    assert_eq!(
        read(["u(x,0) = x*(1 - x)", "u(0,t) = 0", "u(1,t) = 0"]),
        [true; 3]
    );
    // 1 and 0 at the corner (0, 0).
    let held = read(["u(x,0) = 1 - x", "u(0,t) = 0 with jump", "u(1,t) = 0"]);
    assert!(held.iter().any(|h| !h), "{held:?}");
    // A Neumann condition alone at its end.
    assert_eq!(
        read(["u(x,0) = x^2", "u_x(0,t) = 0", "u(1,t) = 1"]),
        [true, false, true]
    );
    // The start is finite on one half only.
    let held = read([
        "u(x,0) = log(x - 0.5)",
        "u(0,t) = 0 with jump",
        "u(1,t) = 0 with jump",
    ]);
    assert!(!held[0], "{held:?}");
}

/// A domain that the host's function says is no box, though its spec names no shape.
#[test]
fn nothing_is_built_in_where_a_function_is_the_domain() {
    let disk = Functions::new().inside(|p| p[0].hypot(p[1]) - 1.0);
    let problem = ProblemSpec::new(["u_t = u_xx + u_yy"])
        .interval("x", -1.0, 1.0)
        .interval("y", -1.0, 1.0)
        .interval("t", 0.0, 1.0)
        .conditions(["u(x,y,0) = 1 - x^2 - y^2", "u = 0 on boundary"])
        .read_with(&disk)
        .unwrap();
    let lifts = Lifts::new(&problem, false, None).unwrap();
    assert_eq!(lifts.held, [false; 2]);
    assert!(Mirror::find(&problem, &lifts.fields).unwrap().is_none());
}

#[test]
fn symmetries_are_found_and_not_assumed() {
    let find = |equation: &str, start: &str| {
        let problem = ProblemSpec::new([equation])
            .interval("x", -1.0, 1.0)
            .interval("t", 0.0, 1.0)
            .conditions([start, "u(-1,t) = 0", "u(1,t) = 0"])
            .read()
            .unwrap();
        let lifts = Lifts::new(&problem, false, None).unwrap();
        Mirror::find(&problem, &lifts.fields).unwrap()
    };
    let burgers = "u_t + u*u_x = 0.1*u_xx";
    let signs = |m: Option<Mirror>| m.map(|m| m.signs);
    assert_eq!(
        signs(find(burgers, "u(x,0) = -sin(pi*x)")),
        Some(vec![-1.0])
    );
    assert_eq!(signs(find(burgers, "u(x,0) = cos(pi*x/2)")), None);
    assert_eq!(
        signs(find("u_t = u_xx + u - u^3", "u(x,0) = 1 - x^2")),
        Some(vec![1.0])
    );
    assert_eq!(
        signs(find("u_t = u_xx + 0.001*u_x", "u(x,0) = 1 - x^2")),
        None
    );
    assert_eq!(signs(find("u_t = u_xx + u^2", "u(x,0) = sin(pi*x)")), None);
    assert_eq!(signs(find("u_t = u_xx + x", "u(x,0) = 1 - x^2")), None);
}
