//! What is refused, where the message points, and how it says to go on.

use super::*;
use crate::error::Error;

/// The error of a problem; `column` where it points at one.
pub(super) fn refused(spec: &ProblemSpec) -> (String, Option<usize>) {
    let error = spec.read().expect_err("an ill-posed problem");
    let column = match &error {
        Error::Parse { column, .. } => Some(*column),
        _ => None,
    };
    (error.to_string(), column)
}

const HEAT: &str = r#"{"x": [0, 1], "t": [0, 1]}"#;
pub(super) const GOOD: [&str; 3] = ["u(x,0) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"];

/// Equations, domain, conditions, words of the message, column.
type Case<'a> = (
    &'a [&'a str],
    &'a str,
    &'a [&'a str],
    &'a str,
    Option<usize>,
);

/// Each text must be refused with these words, and the column where one is given.
fn all(cases: &[Case<'_>]) {
    for (equations, domain, conditions, words, column) in cases {
        let (message, at) = refused(&spec(equations, domain, conditions));
        assert!(
            message.contains(words),
            "{equations:?} {conditions:?}\n  says: {message}\n  not:  {words}"
        );
        if column.is_some() {
            assert_eq!(at, *column, "{message}");
        }
    }
}

#[test]
fn missing_conditions() {
    all(&[
        (
            &["u_t = u_xx"],
            HEAT,
            &GOOD[1..],
            "missing: `u(x,0) = ...`",
            None,
        ),
        (
            &["u_tt = u_xx"],
            HEAT,
            &GOOD,
            "missing: `u_t(x,0) = ...`",
            None,
        ),
        (&["u_t = u_xx"], HEAT, &GOOD[..2], "`u = 0 at x=1`", None),
        (
            &["y'' = -y"],
            r#"{"t": [0, 1]}"#,
            &["y(0) = 1"],
            "`y'(0) = ...`",
            None,
        ),
        (
            &["x' = y; y' = -x"],
            r#"{"t": [0, 1]}"#,
            &["x(0) = 1"],
            "missing initial condition: such as `y(0) = ...`",
            None,
        ),
        (
            &["-lap(u) = 1"],
            r#"{"shape": {"polygon": [[0,0],[1,0],[0,1]]}}"#,
            &["u = 0 on edge 1", "u = 0 on edge 3"],
            "`u = 0 on edge 2`",
            None,
        ),
        (
            &["-lap(u) = 1"],
            r#"{"x": [0, 1], "y": [0, 1], "holes": [{"disk": {"center": [0.5, 0.5], "radius": 0.1}}]}"#,
            &["u = 0 on outer boundary"],
            "`u = 0 on hole 1`",
            None,
        ),
    ]);
    // On purpose.
    let mut free = spec(
        &["u_t = u_xx + u_x/x"],
        r#"{"x": [0.0, 1], "t": [0, 1]}"#,
        &["u(x,0) = 1 - x^2", "u(1,t) = 0"],
    );
    assert!(free.read().is_err());
    free.conditions.push("free at x=0".into());
    assert_eq!(free.read().unwrap().conditions.len(), 2);
}

#[test]
fn conflicting_conditions() {
    all(&[
        (
            &["u_t = u_xx"],
            HEAT,
            &["u(x,0) = 1", "u(0,t) = 0", "u(1,t) = 1"],
            "conditions[0]: got u(x,0) = 1, expected 0 at x = 0, t = 0, as `u(0,t) = 0` says, not 1; where the jump is meant, end one of them with `with jump`",
            None,
        ),
        (
            &["-lap(u) = 0"],
            r#"{"x": [0, 1], "y": [0, 1]}"#,
            &["u = 0 on boundary", "u(x,1) = 1"],
            "with jump",
            None,
        ),
        (
            &["u_t = lap(u)"],
            r#"{"shape": {"disk": {"center": [0, 0], "radius": 1}}, "t": [0, 1]}"#,
            &["u(x,y,0) = 1 + x", "u = 1 on boundary"],
            "with jump",
            None,
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["periodic x", "u(x,0) = x"],
            "the same values at x = 0 and x = 1",
            None,
        ),
        (
            &["y'' = -y"],
            r#"{"t": [0, 1]}"#,
            &["y(0) = 1", "y(0) = 2"],
            "2 at t = 0",
            None,
        ),
    ]);
    let meant = read(
        &["u_t = u_xx"],
        HEAT,
        &["u(x,0) = 1", "u(0,t) = 0 with jump", "u(1,t) = 1"],
    );
    assert_eq!(meant.conditions[1].place, face(0, 0.0));
    let near = read(
        &["u_t = u_xx"],
        HEAT,
        &["u(x,0) = 1 + 1e-5*x", "u(0,t) = 1", "u(1,t) = 1"],
    );
    assert!(
        near.notes()[0].contains("differ by 1.0e-5"),
        "{:?}",
        near.notes()
    );
}

#[test]
fn names_places_and_arguments() {
    all(&[
        (
            &["u_t = lamda*u_xx"],
            HEAT,
            &GOOD,
            "`lamda` is unknown; give it a value",
            Some(7),
        ),
        (
            &["u_t = u_xx + u_yy"],
            HEAT,
            &GOOD,
            "the domain has x, t",
            Some(14),
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u(x,0) = sn(pi*x)"],
            "did you mean `sin`",
            Some(10),
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u(x) = 1"],
            "depends on 2 coordinates (x, t)",
            Some(2),
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u(2,t) = 1"],
            "x = 2 is off the domain, where x goes from 0 to 1",
            Some(3),
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u = 0 at x=-1"],
            "off the domain",
            Some(12),
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u(x,t) = 1"],
            "belongs to the equations",
            None,
        ),
        (&["u_t = u_xx"], HEAT, &["u = 1"], "a place", None),
        (
            &["u_t = u_xx"],
            HEAT,
            &["w(0,t) = 1"],
            "`w` is no field",
            Some(1),
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u = 1 on hole 1"],
            "no holes",
            None,
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u = 1 on edge 3"],
            "numbered from 1 to 2",
            None,
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u(x,0) = 1 at x=0"],
            "named twice",
            Some(1),
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["periodic y"],
            "`y` is no coordinate",
            Some(10),
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u(0,t) = 2*u(1,t)"],
            "the same field",
            None,
        ),
        (&["u_t = u_xx"], HEAT, &["u_n = 0 at t=0"], "normal", None),
        (
            &["u_t = u_xx + u(x,0)"],
            HEAT,
            &GOOD,
            "another place",
            Some(14),
        ),
        (
            &["u_t = u_xx +"],
            HEAT,
            &GOOD,
            "equations[0], column 13",
            Some(13),
        ),
        (&["u_t = 2u_xx"], HEAT, &GOOD, "write `*`", Some(8)),
        (&["u_t"], HEAT, &GOOD, "needs `=`", Some(4)),
        (&["u_t = u_xxxxx"], HEAT, &GOOD, "order 5", Some(7)),
        (
            &["u' = u_xx"],
            HEAT,
            &GOOD,
            "primes need a single coordinate",
            Some(1),
        ),
        (
            &["y''''''' = 0"],
            r#"{"t": [0, 1]}"#,
            &["y(0) = 1"],
            "order 7",
            Some(1),
        ),
        (
            &["u_t = div(u)"],
            HEAT,
            &GOOD,
            "`div` is neither a function nor a field",
            None,
        ),
        (&["x + 1 = 2"], HEAT, &GOOD, "at least one derivative", None),
        (&[], HEAT, &GOOD, "at least one equation", None),
        (&["  "], HEAT, &GOOD, "no text", None),
    ]);
    let mut near = spec(&["u_t = lamda*u_xx"], HEAT, &GOOD);
    near.parameters
        .insert("lambda".into(), ParameterSpec::Value(1.0));
    assert!(refused(&near).0.contains("did you mean `lambda`"));
}

#[test]
fn domains_and_parameters() {
    let good = ["u(x,0) = 0", "u(0,t) = 0", "u(1,t) = 0"];
    all(&[
        (
            &["u_t = u_xx"],
            r#"{"x": [1, 0], "t": [0, 1]}"#,
            &good,
            "domain.x: got 1 to 0, expected the lower end first: [0, 1]",
            None,
        ),
        (
            &["u_t = u_xx"],
            r#"{"x": [1, 1], "t": [0, 1]}"#,
            &good,
            "not empty",
            None,
        ),
        (
            &["u_t = u_xx"],
            r#"{"x": [0, 1e308], "t": [0, 1]}"#,
            &good,
            "1e100",
            None,
        ),
        (&["u_t = u_xx"], r#"{}"#, &good, "ranges", None),
        (
            &["u_t = u_xx"],
            r#"{"a": [0,1], "b": [0,1], "c": [0,1], "d": [0,1], "t": [0,1]}"#,
            &good,
            "one to three",
            None,
        ),
        (
            &["u_t = u_xx"],
            r#"{"x": [0, 1], "tau": [0, 1]}"#,
            &good,
            "one letter",
            None,
        ),
        (
            &["u_t = u_xx"],
            r#"{"sin": [0, 1]}"#,
            &good,
            "domain.sin",
            None,
        ),
        (
            &["-lap(u) = 1"],
            r#"{"x": [0, 1], "shape": {"disk": {"center": [0, 0], "radius": 1}}}"#,
            &["u = 0 on boundary"],
            "only `t` beside a shape",
            None,
        ),
        (
            &["-lap(u) = 1"],
            r#"{"x": [0, 1], "y": [0, 1], "shape": {"below": "x^2 + q - 1"}}"#,
            &["u = 0 on boundary"],
            "`q` is none",
            None,
        ),
    ]);
    let with = |name: &str, p: ParameterSpec| {
        let mut s = spec(&["u_t = a*u_xx"], HEAT, &GOOD);
        s.parameters.insert("a".into(), ParameterSpec::Value(1.0));
        s.parameters.insert(name.into(), p);
        s
    };
    let text = |t: &str| ParameterSpec::Text(t.into());
    for (name, p, words) in [
        ("a", ParameterSpec::Range([2.0, 1.0]), "lower end first"),
        ("a", ParameterSpec::Value(f64::NAN), "parameters.a"),
        ("a", text("1/0"), "finite"),
        ("a", text("2*b"), "`b` is unknown"),
        ("a", text("a + 1"), "in a circle"),
        ("a", text("?"), "parameters.a: got unknown, expected `data`"),
        ("b", text("?"), "depends on"),
        ("b", ParameterSpec::Range([0.0, 1.0]), "depends on"),
        ("sin", ParameterSpec::Value(1.0), "parameters.sin"),
        ("x", ParameterSpec::Value(1.0), "domain.x"),
    ] {
        let (message, _) = refused(&with(name, p));
        assert!(message.contains(words), "{message}, not {words}");
    }
    let unused = with("b", ParameterSpec::Value(1.0)).read().unwrap();
    assert!(unused.notes()[0].contains("`b` is not used"));
}

#[test]
fn equations_against_fields_and_time() {
    all(&[
        (
            &["u_t = u_xx + v_xx"],
            HEAT,
            &GOOD,
            "1 equation for 2 fields (u, v)",
            None,
        ),
        (
            &["u_t = u_xx"],
            HEAT,
            &["u(x,1) = sin(pi*x)", "u(0,t) = 0", "u(1,t) = 0"],
            "conditions[0]: got u(x,1) = sin(pi*x), expected values at t = 0: `u_t = u_xx` spreads forwards",
            None,
        ),
        (&["u_t = -u_xx"], HEAT, &GOOD, "spreads backwards", None),
        (
            &["u_t + 2*u_xx = u*u_x"],
            HEAT,
            &GOOD,
            "spreads backwards",
            None,
        ),
    ]);
    // Black and Scholes: final values of backward diffusion.
    let option = read(
        &["V_t + 0.02*S^2*V_SS + 0.05*S*V_S - 0.05*V = 0"],
        r#"{"S": [0, 200], "t": [0, 1]}"#,
        &["V(S,1) = S", "V(0,t) = 0", "V(200,t) = 200"],
    );
    assert_eq!(option.coordinates(), ["S", "t"]);
    let more = read(&["u_t = u_xx", "u_t = u_xx"], HEAT, &GOOD);
    assert!(more.notes()[0].contains("least squares"));
}

#[test]
fn transport_needs_values_where_it_comes_in() {
    let start = "u(x,0) = sin(pi*x)";
    all(&[
        (&["u_t + 2*u_x = 0"], HEAT, &[start], "`u = 0 at x=0`", None),
        (
            &["u_t + 2*u_x = 0"],
            HEAT,
            &[start, "u(1,t) = 0"],
            "none at x = 0",
            None,
        ),
        (
            &["u_t = (1 + x)*u_x - u^2"],
            HEAT,
            &[start, "u(0,t) = 0"],
            "none at x = 1",
            None,
        ),
    ]);
    for conditions in [
        vec![start, "u(0,t) = 0"],
        vec![start, "periodic x"],
        vec![start, "free at x=0"],
    ] {
        assert_eq!(
            read(&["u_t + 2*u_x = 0"], HEAT, &conditions).fields(),
            ["u"]
        );
    }
    // Nothing comes in, or it cannot be told.
    read(&["u_t + (x - 0.5)*u_x = 0"], HEAT, &[start]);
    read(&["u_t + u*u_x = 0"], HEAT, &[start]);
}
