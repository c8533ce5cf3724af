//! The formula language as a whole: round trips, derivatives, limits.

use proptest::prelude::*;

use super::*;
use crate::error::{Code, Error};

fn parse(text: &str) -> Expr {
    Expr::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn value(text: &str) -> f64 {
    parse(text).as_number().unwrap()
}

fn column(text: &str) -> (usize, String) {
    match Expr::parse(text) {
        Err(Error::Parse {
            column, message, ..
        }) => (column, message),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn values_follow_the_usual_precedence() {
    for (text, want) in [
        ("2+2", 4.0),
        ("2^10/3", 1024.0 / 3.0),
        ("-2^2", -4.0),
        ("(-2)^2", 4.0),
        ("2^-1", 0.5),
        ("2^3^2", 512.0),
        ("2**3**2", 512.0),
        ("8/4/2", 1.0),
        ("8/4*2", 4.0),
        ("8/(4*2)", 1.0),
        ("1 - 2 - 3", -4.0),
        ("2*-3", -6.0),
        ("- - -3", -3.0),
        ("1e3 + .5 + 2.", 1002.5),
        ("pow(2, 5)", 32.0),
        ("log(e)", 1.0),
        ("ln(e^2)", 2.0),
        ("sign(-3) + abs(-3)", 2.0),
        ("atan(1)*4 - pi", 0.0),
        ("cosh(1)^2 - sinh(1)^2", 1.0),
        ("sqrt(16) + tanh(0) + sin(0) + cos(0) + tan(0)", 5.0),
    ] {
        assert!(
            (value(text) - want).abs() <= 1e-14,
            "{text} = {}",
            value(text)
        );
    }
    assert!(value("log(-1)").is_nan());
    assert_eq!(value("1/0"), f64::INFINITY);
}

#[test]
fn names_and_derivatives() {
    let e = parse("u_t + u*u_x - nu*u_xx + x'' - semi_major_axis_gm + `orbital period (d)`'");
    let derivatives: Vec<String> = e.derivatives().iter().map(|d| d.to_string()).collect();
    assert_eq!(
        derivatives,
        ["`orbital period (d)`'", "u_t", "u_x", "u_xx", "x''"]
    );
    let names: Vec<String> = e.names().into_iter().collect();
    assert_eq!(names, ["nu", "semi_major_axis_gm", "u"]);
    assert_eq!(e.derivatives().iter().map(Derivative::order).max(), Some(2));

    let context = Context::with_names(&["velocity_x", "e"]);
    let e = Expr::parse_with("velocity_x + e + velocity_x'", &context).unwrap();
    assert_eq!(
        e.names().into_iter().collect::<Vec<_>>(),
        ["e", "velocity_x"]
    );
    assert_eq!(e.to_string(), "`velocity_x` + `e` + `velocity_x`'");
    assert_eq!(parse(&e.to_string()), e);
    assert_eq!(parse("`a``b`_xx").to_string(), "`a``b`_xx");
}

#[test]
fn errors_point_at_the_column() {
    for (text, at, says) in [
        ("2x", 2, "write `*`"),
        ("2 (3)", 3, "write `*`"),
        ("1 + ", 5, "ends"),
        ("", 1, "ends"),
        ("(1 + 2", 7, "to close"),
        ("1 + 2)", 6, "without"),
        ("sin 3", 5, "after sin"),
        ("foo(3)", 1, "not a function"),
        ("3 + $", 5, "`$`"),
        ("é + ä$", 6, "`$`"),
        ("1..2", 3, "unexpected"),
        (".", 1, "not a number"),
        ("1e999", 1, "too large"),
        ("pow(1)", 6, "`,`"),
        ("`abc", 1, "not closed"),
        ("1 = 2", 3, "`=`"),
    ] {
        let (got, message) = column(text);
        assert_eq!(got, at, "{text}: {message}");
        assert!(message.contains(says), "{text}: {message}");
    }
}

#[test]
fn long_and_deep_texts_are_read_or_refused() {
    let n = 100_000;
    let deep = format!("{}1{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(Expr::parse(&deep).unwrap_err().code(), Code::Limit);
    assert_eq!(Expr::parse(&"(".repeat(n)).unwrap_err().code(), Code::Limit);
    assert_eq!(
        Expr::parse(&"sin(".repeat(n)).unwrap_err().code(),
        Code::Limit
    );
    assert_eq!(
        Expr::parse(&format!("{}2", "2^".repeat(n)))
            .unwrap_err()
            .code(),
        Code::Limit
    );
    assert_eq!(value(&format!("{}1", "-".repeat(n))), 1.0);
    let sum = parse(&vec!["x"; n].join("+"));
    assert_eq!(sum.simplify().unwrap().to_string(), "100000*x");
    assert_eq!(sum.differentiate("x").unwrap().as_number(), Some(1e5));
    assert_eq!(
        parse(&vec!["2"; 60].join("/")).as_number(),
        Some(2f64.powi(-58))
    );
    let chain = vec!["2"; n].join("/");
    assert_eq!(Expr::parse(&chain).unwrap_err().code(), Code::Limit);
    assert_eq!(
        Expr::parse(&"x".repeat(MAX_TEXT + 1)).unwrap_err().code(),
        Code::Limit
    );
    // Building beyond the depth is refused, not a crash.
    let mut e = Expr::name("x");
    let error = loop {
        match e.call(Function::Sin) {
            Ok(deeper) => e = deeper,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::Limit);
    assert!(e.to_string().starts_with("sin(sin("));
    assert!(e.simplify().is_ok() && e.to_latex().len() > 1000);
    let _ = e.differentiate("x");
}

#[test]
fn simplified_forms() {
    for (text, want) in [
        ("x + x", "2*x"),
        ("x - x", "0"),
        ("2*x*3*y", "6*x*y"),
        ("y*x - x*y + z", "z"),
        ("x*x^2", "x^3"),
        ("x/x", "1"),
        ("x^2/x", "x"),
        ("1*x + 0*y", "x"),
        ("-(x - y)", "y - x"),
        ("a*x/b*b", "a*x"),
        ("2/x*3", "6/x"),
        ("(x^2)^3", "x^6"),
        ("(x^2)^0.5", "(x^2)^0.5"),
        ("sqrt(x^2)", "sqrt(x^2)"),
        ("log(exp(x))", "x"),
        ("exp(log(x))", "exp(log(x))"),
        ("-a*hare", "-a*hare"),
        ("-c*lynx + d*hare*lynx", "d*hare*lynx - c*lynx"),
        ("2*pi*x + pi*x", "3*pi*x"),
        ("0.1 + x + 0.2", "x + 0.30000000000000004"),
        ("x^0.5*x^0.5", "x^0.5*x^0.5"),
    ] {
        assert_eq!(parse(text).simplify().unwrap().to_string(), want, "{text}");
    }
}

#[test]
fn latex_forms() {
    for (text, want) in [
        ("a/(b + 1)", r"\frac{a}{b + 1}"),
        ("-x^2", r"-x^{2}"),
        ("(a + b)*c", r"\left(a + b\right) \, c"),
        ("0.2*axis^1.5", r"0.2 \, \mathrm{axis}^{1.5}"),
        ("alpha*x_1 + x12", r"\alpha \, x_{1} + x_{12}"),
        ("u_xx - x''", r"u_{xx} - x''"),
        ("sqrt(x)*abs(y)", r"\sqrt{x} \, \left|y\right|"),
        ("exp(-x)", r"e^{-x}"),
        ("2*3^x", r"2 \cdot 3^{x}"),
        ("1e-9*x", r"1 \cdot 10^{-9} \, x"),
        ("(a/b)^2", r"\left(\frac{a}{b}\right)^{2}"),
        ("hare_lynx", r"\mathrm{hare\_lynx}"),
    ] {
        assert_eq!(parse(text).to_latex(), want, "{text}");
    }
}

#[test]
fn rounding_is_for_reading() {
    assert_eq!(
        parse("0.199612345*x^1.49987 + 12345678.9")
            .rounded(4)
            .to_string(),
        "0.1996*x^1.5 + 12350000"
    );
    assert_eq!(parse("2*x + 1e-20").rounded(3).to_string(), "2*x + 1e-20");
}

#[test]
fn substitution_and_compilation() {
    let e = parse("a*x + y'").substitute("y'", &parse("b")).unwrap();
    assert_eq!(
        e.substitute("a", &parse("1 + c")).unwrap().to_string(),
        "(1 + c)*x + b"
    );
    let Err(Error::NotFound { name, .. }) = e.compile(&["a", "x"]) else {
        panic!()
    };
    assert!(name.starts_with("b "), "{name}");
    let program = parse("sin(x)*sin(x) + sin(x)").compile(&["x"]).unwrap();
    assert_eq!(
        program.len(),
        4,
        "shared parts are computed once: {program:?}"
    );
    let mut out = [0.0; 2];
    assert!(program.evaluate(&[], &mut out).is_err());
    assert!(program.evaluate(&[&[1.0]], &mut out).is_err());
    assert!(program.evaluate_point(&[]).is_nan());
    assert!(program.evaluate(&[&[]], &mut []).is_ok());
}

/// A logarithm of the base stands in the derivative of a power only where the exponent really changes.
#[test]
fn powers_of_negative_bases_have_derivatives() {
    for (text, x, y, want) in [
        ("(-x)^(x/x)", 1.5, 0.7, -1.0),
        ("(-y)^(x/x)", 1.5, 0.7, 0.0),
        ("(-x)^(2*y/y)", 1.5, 0.7, 3.0),
        ("(-x)^(3 + x - x)", 2.0, 0.7, -12.0),
        ("(y - y)^x", 1.5, 0.7, 0.0),
    ] {
        let slope = parse(text).differentiate("x").unwrap();
        let slope = slope.compile(&["x", "y"]).unwrap();
        let error = (slope.evaluate_point(&[x, y]) - want).abs();
        assert!(error <= 1e-14, "{text}: off by {error}");
    }
}

#[test]
fn equations_and_systems() {
    let system = Equation::parse_system("a' = b;\n b' = -a\n").unwrap();
    assert_eq!(system.len(), 2);
    assert_eq!(system[1].to_latex(), "b' = -a");
    for (text, at) in [
        ("a' = b; b' = -", 15),
        ("x", 2),
        ("a = b = c", 7),
        ("", 1),
        ("a' = 2b", 7),
    ] {
        match Equation::parse_system(text) {
            Err(Error::Parse { column, .. }) => assert_eq!(column, at, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let json = serde_json::to_string(&system[0]).unwrap();
    assert_eq!(json, "\"a' = b\"");
    assert_eq!(serde_json::from_str::<Equation>(&json).unwrap(), system[0]);
}

/// Random trees from the public constructors.
fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        (-1e3..1e3f64).prop_map(Expr::number),
        any::<i8>().prop_map(|v| Expr::number(f64::from(v))),
        prop::num::f64::NORMAL.prop_map(Expr::number),
        Just(Expr::pi()),
        Just(Expr::e()),
        prop_oneof![
            Just("x"),
            Just("y"),
            Just("velocity_x"),
            Just("sin"),
            Just("a b`c"),
            Just("")
        ]
        .prop_map(Expr::name),
        prop_oneof![
            Just("u_x"),
            Just("u_xxt"),
            Just("v''"),
            Just("`a b`'"),
            Just("`a_t`_x")
        ]
        .prop_map(|t| Expr::parse(t).unwrap()),
    ];
    leaf.prop_recursive(5, 60, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|v| Expr::sum(v).unwrap()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|v| Expr::product(v).unwrap()),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.over(&b).unwrap()),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.pow(&b).unwrap()),
            inner.clone().prop_map(|a| a.negated().unwrap()),
            (inner, prop::sample::select(Function::ALL.to_vec()))
                .prop_map(|(a, f)| a.call(f).unwrap()),
        ]
    })
}

/// Smooth trees in x and y with moderate values.
fn smooth_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        (-3.0..3.0f64).prop_map(Expr::number),
        Just(Expr::name("x")),
        Just(Expr::name("y")),
        Just(Expr::pi()),
    ];
    let functions = vec![
        Function::Sin,
        Function::Cos,
        Function::Tanh,
        Function::Atan,
        Function::Exp,
        Function::Log,
        Function::Sqrt,
        Function::Sinh,
    ];
    leaf.prop_recursive(4, 30, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|v| Expr::sum(v).unwrap()),
            prop::collection::vec(inner.clone(), 2..3).prop_map(|v| Expr::product(v).unwrap()),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.over(&b).unwrap()),
            (inner.clone(), -3i8..4).prop_map(|(a, n)| a.pow(&Expr::number(f64::from(n))).unwrap()),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.pow(&b).unwrap()),
            inner.clone().prop_map(|a| a.negated().unwrap()),
            (inner, prop::sample::select(functions.clone())).prop_map(|(a, f)| a.call(f).unwrap()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn print_then_parse_is_identity(e in any_expr()) {
        let text = e.to_string();
        let back = Expr::parse(&text);
        prop_assert_eq!(back.as_ref(), Ok(&e), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}", near in "[0-9xyu_'`()+*/^. sincoexp-]{0,60}") {
        for text in [text, near] {
            if let Ok(e) = Expr::parse(&text) {
                prop_assert_eq!(Expr::parse(&e.to_string()), Ok(e));
            }
        }
    }

    #[test]
    fn derivative_agrees_with_differences(e in smooth_expr(), x in 0.3..2.0f64, y in 0.3..2.0f64) {
        let f = e.compile(&["x", "y"]).unwrap();
        let d = e.differentiate("x").unwrap().compile(&["x", "y"]).unwrap();
        let at = |x: f64| f.evaluate_point(&[x, y]);
        let h = 1e-4;
        // Richardson: two central differences tell their own error.
        let d1 = (at(x + h) - at(x - h)) / (2.0 * h);
        let d2 = (at(x + 2.0 * h) - at(x - 2.0 * h)) / (4.0 * h);
        let numeric = (4.0 * d1 - d2) / 3.0;
        let scale = at(x).abs().max(numeric.abs()).max(1.0);
        let trusted = numeric.is_finite() && scale < 1e6 && (d1 - d2).abs() < 1e-6 * scale
            && [-2.0, -1.0, 0.0, 1.0, 2.0].iter().all(|k| at(x + k * h).is_finite());
        prop_assume!(trusted);
        let exact = d.evaluate_point(&[x, y]);
        prop_assert!((exact - numeric).abs() <= 1e-5 * scale, "{} d/dx = {} vs {}", e, exact, numeric);
    }

    #[test]
    fn simplify_keeps_the_value(e in smooth_expr(), x in 0.3..2.0f64, y in 0.3..2.0f64) {
        let simple = e.simplify().unwrap();
        let before = e.compile(&["x", "y"]).unwrap().evaluate_point(&[x, y]);
        prop_assume!(before.is_finite() && before.abs() < 1e6);
        // Cancellation inside the formula amplifies rounding: compare with the spread over close points.
        let near = e.compile(&["x", "y"]).unwrap().evaluate_point(&[x * (1.0 + 1e-13), y * (1.0 - 1e-13)]);
        prop_assume!((near - before).abs() < 1e-8 * before.abs().max(1.0));
        let after = simple.compile(&["x", "y"]).unwrap().evaluate_point(&[x, y]);
        prop_assert!((after - before).abs() <= 1e-7 * before.abs().max(1.0), "{} -> {}: {} {}", e, simple, before, after);
        prop_assert_eq!(Expr::parse(&simple.to_string()), Ok(simple));
    }

    #[test]
    fn batches_equal_points(e in smooth_expr(), n in 1usize..300) {
        let x: Vec<f64> = (0..n).map(|i| 0.1 + 0.01 * i as f64).collect();
        let y: Vec<f64> = (0..n).map(|i| 2.0 - 0.003 * i as f64).collect();
        let program = e.compile(&["x", "y"]).unwrap();
        let mut out = vec![0.0; n];
        program.evaluate(&[&x, &y], &mut out).unwrap();
        for i in 0..n {
            prop_assert_eq!(out[i].to_bits(), program.evaluate_point(&[x[i], y[i]]).to_bits());
        }
    }
}
