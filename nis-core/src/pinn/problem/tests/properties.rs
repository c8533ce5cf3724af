//! Any text is read or refused without a panic, and what is read is read again from its JSON.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

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

/// Few cases, or as many as PROPTEST_CASES says.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").is_ok();
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: if asked { usual.cases } else { 300 },
        ..usual
    }
}

/// The examples of the notation page.
fn seeds() -> Vec<String> {
    let page = include_str!("../../../../../docs/pinn-problems.md");
    let blocks = page.split("```json").skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .map(|text| text.trim_start_matches(" refused").trim().to_string())
        .collect()
}

/// A change of a text: at a place, so many characters become a piece.
fn change() -> impl Strategy<Value = (usize, usize, String)> {
    let json = [
        "\"", ",", "[", "]", "{", "}", "null", "1e308", "-1", "0", "\\u0000", "\"x\"", "\"t\"",
        "\"u\"",
    ];
    let piece = prop_oneof![3 => piece(), 1 => proptest::sample::select(json.to_vec()).prop_map(String::from), 1 => Just(String::new())];
    (any::<prop::sample::Index>(), 0usize..6, piece).prop_map(|(i, n, p)| (i.index(100_000), n, p))
}

/// Reads a spec again from its JSON and compares.
fn again(spec: &ProblemSpec) -> Result<(), TestCaseError> {
    let Ok(problem) = spec.read() else {
        return Ok(());
    };
    let json = serde_json::to_string(problem.spec()).unwrap();
    let again: ProblemSpec = serde_json::from_str(&json).unwrap();
    let again = again.read().unwrap();
    prop_assert_eq!(again.symbols(), problem.symbols());
    prop_assert_eq!(again.notes(), problem.notes());
    prop_assert_eq!(again.to_string(), problem.to_string());
    for (a, b) in again.equations.iter().zip(&problem.equations) {
        prop_assert_eq!(a.formula.to_string(), b.formula.to_string());
    }
    for c in &problem.conditions {
        let mut sequence = crate::pinn::points::Sequence::new(problem.coordinates.len(), 1);
        let surface = problem.domain.on(&c.place, 5, &mut sequence).unwrap();
        prop_assert!(surface.points.len() <= 5 && surface.points.len() == surface.normals.len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn changed_examples_are_read_or_refused(
        seed in proptest::sample::select(seeds()),
        changes in proptest::collection::vec(change(), 1..5),
    ) {
        let mut text = seed;
        for (at, n, piece) in changes {
            let all: Vec<char> = text.chars().collect();
            let at = at % (all.len() + 1);
            text = all[..at].iter().collect::<String>() + &piece + &all[(at + n).min(all.len())..].iter().collect::<String>();
        }
        if let Ok(spec) = serde_json::from_str::<ProblemSpec>(&text) {
            again(&spec)?;
        }
    }
}

proptest! {
    #![proptest_config(config())]
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
        again(&spec)?;
    }
}
