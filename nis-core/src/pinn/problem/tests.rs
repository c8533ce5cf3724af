//! Problems as text: what is read, what is refused and with which words.

mod integrals;
mod limits;
mod properties;
mod refused;

use super::*;
use crate::expr::Expr;

/// `domain` as JSON.
fn spec(equations: &[&str], domain: &str, conditions: &[&str]) -> ProblemSpec {
    ProblemSpec {
        domain: serde_json::from_str(domain).unwrap(),
        ..ProblemSpec::new(equations.iter().copied()).conditions(conditions.iter().copied())
    }
}

fn read(equations: &[&str], domain: &str, conditions: &[&str]) -> Problem {
    spec(equations, domain, conditions).read().unwrap()
}

fn jets(problem: &Problem) -> Vec<String> {
    let d = problem.coordinates.len();
    problem.symbols()[d..d + problem.jets.len()].to_vec()
}

fn places(problem: &Problem) -> Vec<Place> {
    problem.conditions.iter().map(|c| c.place.clone()).collect()
}

fn face(axis: usize, value: f64) -> Place {
    Place::Face { axis, value }
}

#[test]
fn burgers_and_its_residual() {
    let problem = spec(
        &["u_t + u*u_x = nu*u_xx"],
        r#"{"x": [-1, 1], "t": [0, 1]}"#,
        &["u(x,0) = -sin(pi*x)", "u(-1,t) = 0", "u(1,t) = 0"],
    );
    let mut problem = problem.clone();
    problem
        .parameters
        .insert("nu".into(), ParameterSpec::Text("0.01/pi".into()));
    let problem = problem.read().unwrap();
    assert_eq!(problem.coordinates(), ["x", "t"]);
    assert_eq!(problem.fields(), ["u"]);
    assert!(problem.notes().is_empty() && !problem.is_linear() && !problem.is_eigenproblem());
    assert_eq!(
        places(&problem),
        [face(1, 0.0), face(0, -1.0), face(0, 1.0)]
    );
    // Arguments: x, t, then the jets in the order of their first appearance, then the normal.
    assert_eq!(jets(&problem), ["u_t", "u", "u_x", "u_xx"]);
    let e = &problem.equations[0];
    let at = |u_t, u, u_x, u_xx| {
        e.value
            .evaluate_point(&[0.3, 0.2, u_t, u, u_x, u_xx, 0.0, 0.0])
    };
    let nu = 0.01 / std::f64::consts::PI;
    assert!((at(2.0, 7.0, 3.0, 5.0) - (2.0 + 21.0 - 5.0 * nu)).abs() < 1e-14);
    let slopes: Vec<(usize, f64)> = e
        .by_jet
        .iter()
        .map(|(k, p)| {
            (
                *k,
                p.evaluate_point(&[0.3, 0.2, 2.0, 7.0, 3.0, 5.0, 0.0, 0.0]),
            )
        })
        .collect();
    assert_eq!(slopes, [(0, 1.0), (1, 3.0), (2, 7.0), (3, -nu)]);
    let initial = &problem.conditions[0].residual;
    let value = initial
        .value
        .evaluate_point(&[0.5, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.0]);
    assert!((value - 1.25).abs() < 1e-14 && initial.linear);
}

#[test]
fn neumann_robin_and_normal_derivatives() {
    let problem = read(
        &["u_t = u_xx"],
        r#"{"x": [0, 1], "t": [0, 1]}"#,
        &["u(x,0) = cos(x)", "u_x(0,t) = 0", "u + 2*u_x = 1 at x=1"],
    );
    assert_eq!(places(&problem), [face(1, 0.0), face(0, 0.0), face(0, 1.0)]);
    assert!(problem.is_linear());
    let robin = &problem.conditions[2].residual;
    assert_eq!(robin.formula, Expr::parse("u + 2*u_x - 1").unwrap());

    let problem = read(
        &["-lap(u) = 1"],
        r#"{"shape": {"disk": {"center": [0, 0], "radius": 1}}, "holes": [{"rectangle": [[-0.1, -0.1], [0.1, 0.1]]}]}"#,
        &["u = 0 on edge 1", "u_n = 3*x on hole 1"],
    );
    assert_eq!(places(&problem), [Place::Part(0), Place::Part(1)]);
    assert_eq!(jets(&problem), ["u_xx", "u_yy", "u", "u_x", "u_y"]);
    let c = &problem.conditions[1].residual;
    // x, y, five jets, the normal.
    let value = c
        .value
        .evaluate_point(&[0.1, 0.0, 0.0, 0.0, 0.0, 2.0, 5.0, -1.0, 0.5]);
    assert!((value - (-2.0 + 2.5 - 0.3)).abs() < 1e-14);
    assert!(c.linear);
    // The same with the normal spelled out.
    let again = read(
        &["-u_xx - u_yy = 1"],
        r#"{"x": [0, 1], "y": [0, 1]}"#,
        &["n_x*u_x + n_y*u_y + u = 0 on the boundary"],
    );
    let value = &again.conditions[0].residual.value;
    assert_eq!(
        value.evaluate_point(&[0.0, 0.0, 0.0, 0.0, 2.0, 3.0, 5.0, 1.0, -1.0]),
        4.0
    );
}

#[test]
fn order_of_arguments_is_read_off_the_conditions() {
    let problem = read(
        &["u_tt = u_xx"],
        r#"{"x": [0, 2], "t": [0, 1]}"#,
        &[
            "u(0,x) = 0",
            "u_t(0, x) = 1",
            "u(t, 0) = 0",
            "u(t, 2) = 0",
            "u(1, 2) = 0",
        ],
    );
    assert_eq!(
        places(&problem),
        [
            face(1, 0.0),
            face(1, 0.0),
            face(0, 0.0),
            face(0, 2.0),
            Place::Point(vec![2.0, 1.0])
        ]
    );
}

#[test]
fn ordinary_systems_of_any_order() {
    let mut lorenz = spec(
        &["x' = s*(y - x); y' = x*(r - z) - y", "z' = x*y - b*z"],
        r#"{"t": [0, 3]}"#,
        &["x(0) = -8", "y(0) = 7; z(0) = 27"],
    );
    for (name, value) in [("s", "10"), ("r", "15"), ("b", "8/3")] {
        lorenz
            .parameters
            .insert(name.into(), ParameterSpec::Text(value.into()));
    }
    let problem = lorenz.read().unwrap();
    assert_eq!(problem.fields(), ["x", "y", "z"]);
    assert_eq!(places(&problem), vec![Place::Point(vec![0.0]); 3]);
    assert_eq!(jets(&problem), ["x_t", "y", "x", "y_t", "z", "z_t"]);

    let third = read(
        &["f''' + 0.5*f*f'' = 0"],
        r#"{"eta": [0, 8]}"#,
        &["f(0) = 0", "f'(0) = 0", "f'(8) = 1"],
    );
    assert_eq!((third.coordinates(), third.highest(0)), (vec!["eta"], 3));
    let algebraic = read(
        &["u' = -w", "w = 2*u"],
        r#"{"t": [0, 1]}"#,
        &["u(0) = 1", "w - 2 = 0 at t=0"],
    );
    assert_eq!(algebraic.fields(), ["u", "w"]);
    let mut listed = spec(&["u' = -w", "w = 2*u"], r#"{"t": [0, 1]}"#, &["u(0) = 1"]);
    listed.fields = vec!["w".into()];
    assert_eq!(listed.read().unwrap().fields(), ["u", "w"]);
    // A field may look like a derivative by a coordinate that there is not.
    let velocity = read(&["v_x' = -v_x"], r#"{"t": [0, 1]}"#, &["v_x(0) = 1"]);
    assert_eq!(velocity.fields(), ["v_x"]);
    assert_eq!(velocity.symbols()[..3], ["t", "`v_x`_t", "v_x"]);
}

#[test]
fn navier_stokes_with_a_gauge() {
    let problem = read(
        &[
            "u*u_x + v*u_y + p_x = (u_xx + u_yy)/40",
            "u*v_x + v*v_y + p_y = (v_xx + v_yy)/40",
            "u_x + v_y = 0",
        ],
        r#"{"x": [-0.5, 1], "y": [-0.5, 1.5]}"#,
        &["u = 1 on boundary", "v = 0 on boundary", "p(0,0) = 0"],
    );
    assert_eq!(problem.fields(), ["u", "v", "p"]);
    assert_eq!(
        places(&problem),
        [
            Place::Boundary,
            Place::Boundary,
            Place::Point(vec![0.0, 0.0])
        ]
    );
    assert!(
        problem
            .notes()
            .iter()
            .all(|n| n.starts_with("no condition for `p`")),
        "{:?}",
        problem.notes()
    );
    let loose = read(
        &["-u_xx - u_yy = 0"],
        r#"{"x": [0, 1], "y": [0, 1]}"#,
        &["u_n = 0 on boundary"],
    );
    assert!(
        loose.notes()[0].contains("up to a constant"),
        "{:?}",
        loose.notes()
    );
}

#[test]
fn periodic_in_both_spellings() {
    for conditions in [
        vec!["periodic x", "u(x,0) = x^2*cos(pi*x)"],
        vec![
            "u(-1,t) = u(1,t)",
            "u_x(-1,t) = u_x(1,t)",
            "u(x,0) = x^2*cos(pi*x)",
        ],
    ] {
        let problem = read(
            &["u_t = 1e-4*u_xx + 5*u - 5*u^3"],
            r#"{"x": [-1, 1], "t": [0, 1]}"#,
            &conditions,
        );
        assert_eq!(
            places(&problem),
            [Place::Periodic { axis: 0 }, face(1, 0.0)]
        );
    }
    let both = read(
        &["-u_xx - u_yy + u = cos(x)"],
        r#"{"x": [0, 6.283185307179586], "y": [0, 6.283185307179586]}"#,
        &["periodic in x and y"],
    );
    assert_eq!(
        places(&both),
        [Place::Periodic { axis: 0 }, Place::Periodic { axis: 1 }]
    );
}

#[test]
fn parameters_known_unknown_and_ranged() {
    let mut family = spec(
        &["u_t = a*k*u_xx + g", "k = ?"],
        r#"{"x": [0, 1], "t": [0, 1]}"#,
        &["u(x,0) = a*sin(pi*x)", "u(0,t) = 0", "u(L,t) = 0"],
    );
    let text = |t: &str| ParameterSpec::Text(t.into());
    family.parameters = [
        ("a".into(), ParameterSpec::Range([0.5, 2.0])),
        ("g".into(), text("h*x + a")),
        ("h".into(), text("2*L")),
        ("L".into(), text("1")),
    ]
    .into();
    family.data = Some(Observations {
        fields: vec!["u".into()],
        points: vec![vec![0.5, 0.5]],
        values: vec![vec![0.1]],
        noise: None,
    });
    let problem = family.read().unwrap();
    assert_eq!(problem.coordinates(), ["x", "t", "a"]);
    assert_eq!(problem.unknowns(), ["k"]);
    assert_eq!(places(&problem), [face(1, 0.0), face(0, 0.0), face(0, 1.0)]);
    let e = &problem.equations[0];
    assert_eq!(e.by_unknown.len(), 1);
    // x, t, a, then u_t, u_xx, u; then k and the normal.
    assert_eq!(problem.symbols()[3..7], ["u_t", "u_xx", "u", "k"]);
    let value = e
        .value
        .evaluate_point(&[0.25, 0.0, 1.5, 7.0, 2.0, 0.0, 3.0, 0.0, 0.0, 0.0]);
    assert!((value - (7.0 - 1.5 * 3.0 * 2.0 - (2.0 * 0.25 + 1.5))).abs() < 1e-14);
    // Of one ordinary coordinate beside a family: the value at 0 holds for all.
    let mut decay = spec(&["y' = -a*y"], r#"{"t": [0, 1]}"#, &["y(0) = 1"]);
    decay
        .parameters
        .insert("a".into(), ParameterSpec::Range([1.0, 2.0]));
    assert_eq!(places(&decay.read().unwrap()), [face(0, 0.0)]);
}

#[test]
fn eigenproblems_are_marked() {
    let mut string = spec(
        &["-u_xx = lambda*u"],
        r#"{"x": [0, 1]}"#,
        &["u(0) = 0", "u(1) = 0"],
    );
    string
        .parameters
        .insert("lambda".into(), ParameterSpec::Text("?".into()));
    let problem = string.read().unwrap();
    assert_eq!(problem.eigen, Some(0));
    let mut drum = spec(
        &["-lap(u) = lambda*u"],
        r#"{"shape": {"disk": {"center": [0, 0], "radius": 1}}}"#,
        &["u = 0 on boundary"],
    );
    drum.parameters
        .insert("lambda".into(), ParameterSpec::Start { start: 6.0 });
    assert!(drum.read().unwrap().is_eigenproblem());
    // A value of the slope beside both ends tells the parameter by itself.
    string.conditions.push("u'(0) = 1".into());
    let shot = string.read().unwrap();
    assert!(!shot.is_eigenproblem());
}

#[test]
fn functions_of_the_host() {
    let spec = spec(
        &["u_t = u_xx + f"],
        r#"{"x": [0, 1], "t": [0, 1]}"#,
        &["u(x,0) = start", "u = 0 at x=0", "u = 0 at x=1"],
    );
    let functions = Functions::new()
        .named("start", |p| {
            if p[0] > 0.0 && p[0] < 1.0 {
                1.0 - (2.0 * p[0] - 1.0).abs()
            } else {
                0.0
            }
        })
        .named("f", |p| p[0] * p[1]);
    let problem = spec.read_with(&functions).unwrap();
    assert_eq!(problem.symbols().last().unwrap(), "start");
    let mut points = Points::new(2);
    points.push([0.25, 0.5]);
    assert_eq!(problem.functions_at(&points).unwrap(), [[0.125], [0.5]]);
    // NaN is found when it is read, or at the latest where it is used.
    let bad = functions.clone().named("f", |_| f64::NAN);
    let error = spec.read_with(&bad).unwrap_err().to_string();
    assert!(error.contains("function `f`"), "{error}");
    let bad = functions.named("f", |p| if p == [0.25, 0.5] { f64::NAN } else { 0.0 });
    let problem = spec.read_with(&bad).unwrap();
    let error = problem.functions_at(&points).unwrap_err().to_string();
    assert!(error.contains("`f`") && error.contains("0.25"), "{error}");
}

#[test]
fn places_on_parts_and_lines() {
    let problem = read(
        &["u_xx + u_yy + u_zz = 0"],
        r#"{"x": [0, 1], "y": [0, 1], "z": [0, 1]}"#,
        &[
            "u = 0 on boundary",
            "u = 0 at x=0, z=1",
            "u(0.5, y, 0.25) = 0 with jump",
        ],
    );
    assert_eq!(
        places(&problem),
        [
            Place::Boundary,
            Place::Edge(vec![(0, 0.0), (2, 1.0)]),
            Place::Edge(vec![(0, 0.5), (2, 0.25)])
        ]
    );
    let l = read(
        &["-lap(u) = 1"],
        r#"{"shape": {"polygon": [[-1,-1],[1,-1],[1,0],[0,0],[0,1],[-1,1]]}}"#,
        &["u = 0 on edges 1, 2, 3, 4 and 5", "u_n = 0 on edge 6"],
    );
    assert_eq!(places(&l), (0..6).map(Place::Part).collect::<Vec<_>>());
    assert!(l.domain.corners().iter().any(|c| c.is_reentrant()));
}

/// The examples of docs/pinn-problems.md: ```json is read, ```json refused is refused with the words below it.
#[test]
fn the_notation_page_is_true() {
    let page = include_str!("../../../../docs/pinn-problems.md");
    let mut read = 0;
    let mut refused = 0;
    for block in page.split("```json").skip(1) {
        let (text, after) = block.split_once("```").unwrap();
        let (bad, text) = match text.strip_prefix(" refused") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let spec: ProblemSpec =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        match spec.read() {
            Ok(problem) => {
                assert!(!bad, "{text} was read");
                let printed = problem.to_string();
                assert!(
                    spec.equations
                        .iter()
                        .all(|e| printed.contains(e.split(';').next().unwrap()))
                );
                read += 1;
            }
            Err(e) => {
                let said = after.lines().find(|l| l.starts_with("> ")).unwrap_or("");
                assert!(bad && e.to_string() == said[2..], "{text}: {e}");
                refused += 1;
            }
        }
    }
    assert!(read >= 20 && refused >= 5, "{read} {refused}");
}
