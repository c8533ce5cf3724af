//! Any text is read or refused without a panic, and what is read is read again from its JSON.

use super::*;
use proptest::prelude::*;

fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "u",
        "v",
        "u_x",
        "u_t",
        "u_xx",
        "v_y",
        "u'",
        "u(x,0)",
        "u(0,t)",
        "u(s)",
        "x",
        "t",
        "y",
        "s",
        "nu",
        "=",
        "=",
        "+",
        "-",
        "*",
        "/",
        "^",
        "(",
        ")",
        ",",
        "0",
        "1",
        "2.5e3",
        "1e308",
        "pi",
        "e",
        "sin(",
        "exp(",
        "int(",
        "lap(",
        "at ",
        " at x=0",
        " on boundary",
        " on edge 1",
        " on hole 2",
        "periodic ",
        "free at ",
        " with jump",
        "u_n",
        "n_x",
        "?",
        "`a b`",
        "'",
        ";",
        " ",
        "\n",
        "é",
        "²",
    ];
    proptest::sample::select(pieces.to_vec()).prop_map(String::from)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::collection::vec(piece(), 0..12).prop_map(|p| p.concat()),
        1 => any::<String>(),
    ]
}

fn good_or_text(good: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![2 => proptest::sample::select(good).prop_map(String::from), 1 => text()]
}

const EQUATIONS: &[&str] = &[
    "u_t = u_xx",
    "u_t + u*u_x = nu*u_xx",
    "v_t = -v + int(v, x)",
    "u_tt = u_xx - u",
    "v = u^2",
    "u_t = int(exp(s-t)*u(x,s), s, 0, t)",
];
const CONDITIONS: &[&str] = &[
    "u(x,0) = 0",
    "u(0,t) = 0",
    "u(1,t) = 0",
    "u_t(x,0) = x",
    "u + u_x = 0 at x=1",
    "periodic x",
    "u_n = 0 on boundary",
    "free at x=0",
    "v(x,0) = 1 with jump",
    "u(0.5, 0.5) = 0",
    "int(u, x) = 0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_read_or_refused(
        equations in proptest::collection::vec(good_or_text(EQUATIONS), 0..4),
        conditions in proptest::collection::vec(good_or_text(CONDITIONS), 0..6),
        x in any::<[f64; 2]>(),
        plain in any::<bool>(),
        shape in proptest::option::of(text()),
        nu in text(),
    ) {
        let mut spec = ProblemSpec::new(equations).conditions(conditions);
        let x = if plain { [0.0, 1.0] } else { x };
        spec = spec.interval("x", x[0], x[1]).interval("t", 0.0, 1.0);
        if let Some(shape) = shape.filter(|_| !plain) {
            spec = spec.interval("y", 0.0, 1.0).shape(Shape::Below(shape));
        }
        spec.parameters.insert("nu".into(), ParameterSpec::Text(nu));
        if let Ok(problem) = spec.read() {
            let json = serde_json::to_string(problem.spec()).unwrap();
            let again: ProblemSpec = serde_json::from_str(&json).unwrap();
            let again = again.read().unwrap();
            prop_assert_eq!(again.symbols(), problem.symbols());
            for (a, b) in again.equations.iter().zip(&problem.equations) {
                prop_assert_eq!(a.formula.to_string(), b.formula.to_string());
            }
            // The printed problem is read again with the same residuals.
            let printed = problem.to_string();
            prop_assert!(printed.contains(&problem.equations[0].text));
        }
    }
}
