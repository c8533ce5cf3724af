//! Edges of the formula language: what must be refused, what must stay small, what must not change a value.

use super::*;
use crate::error::{Code, Error};

fn parse(text: &str) -> Expr {
    Expr::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn simple(text: &str) -> String {
    parse(text).simplify().unwrap().to_string()
}

#[test]
fn a_missing_star_is_named_inside_parentheses_too() {
    for (text, at) in [
        ("(2x)", 3),
        ("sin(2x)", 6),
        ("sin(x y)", 7),
        ("pow(2x, 3)", 6),
        ("pow(2, 3x)", 9),
        ("((a)(b))", 5),
        ("(2`a b`)", 3),
    ] {
        let Err(Error::Parse {
            column, message, ..
        }) = Expr::parse(text)
        else {
            panic!("{text} was read")
        };
        assert_eq!(column, at, "{text}: {message}");
        assert!(message.contains("write `*`"), "{text}: {message}");
    }
}

#[test]
fn raised_digits_are_no_part_of_a_name() {
    let Err(Error::Parse {
        column, message, ..
    }) = Expr::parse("a*x² + 1")
    else {
        panic!("read")
    };
    assert_eq!(column, 4);
    assert!(message.contains('^'), "{message}");
    // As a column's title it is still a name.
    let e = Expr::name("x²");
    assert_eq!(e.to_string(), "`x²`");
    assert_eq!(parse("`x²`"), e);
}

#[test]
fn nesting_is_a_limit() {
    for text in [
        "(".repeat(100_000),
        "sin(".repeat(100_000),
        "2^".repeat(100_000),
    ] {
        let error = Expr::parse(&text).unwrap_err();
        assert_eq!(error.code(), Code::Limit, "{error}");
    }
}

#[test]
fn coordinates_may_be_letters_beyond_ascii() {
    let context = Context {
        coordinates: vec!['ξ', 'η'],
        names: vec![],
    };
    let e = Expr::parse_with("u_ξξη", &context).unwrap();
    assert_eq!(e.derivatives().first().map(Derivative::order), Some(3));
}

#[test]
fn a_derivative_of_order_zero_is_the_field() {
    for by in [By::Primes(0), By::Coordinates(String::new())] {
        let e = Expr::derivative(Derivative {
            field: "x".into(),
            by,
        });
        assert_eq!(e, Expr::name("x"));
        assert_eq!(parse(&e.to_string()), e);
    }
}

#[test]
fn separators_inside_backquotes_belong_to_the_name() {
    let system = Equation::parse_system("`a=b; c` = 1; y = `p``=;q`").unwrap();
    assert_eq!(system.len(), 2);
    assert_eq!(system[0].left, Expr::name("a=b; c"));
    assert_eq!(system[1].right, Expr::name("p`=;q"));
    for equation in &system {
        let text = equation.to_string();
        assert_eq!(&Equation::parse(&text).unwrap(), equation, "{text}");
        assert_eq!(&Equation::parse_system(&text).unwrap()[0], equation);
    }
    let Err(Error::Parse { column, .. }) = Equation::parse_system("a = 1; `b = 2") else {
        panic!("read")
    };
    assert_eq!(column, 8);
    let long = "a = 1\n".repeat(MAX_TEXT / 6 + 1);
    assert_eq!(
        Equation::parse_system(&long).unwrap_err().code(),
        Code::Limit
    );
}

/// The product rule on n factors has n^2 parts: it must be refused before they are built.
#[test]
fn the_product_rule_stays_within_the_limit() {
    let many = parse(&vec!["x"; 100_000].join("*"));
    assert_eq!(many.simplify().unwrap().to_string(), "x^100000");
    assert_eq!(
        many.differentiate("x").unwrap().to_string(),
        "100000*x^99999"
    );
    let factors: Vec<String> = (0..10_000).map(|i| format!("(x + a{i})")).collect();
    let many = parse(&factors.join("*"));
    assert_eq!(many.differentiate("x").unwrap_err().code(), Code::Limit);
    let names: Vec<String> = (0..1000).map(|i| format!("a{i}")).collect();
    let d = parse(&names.join("*")).differentiate("a0").unwrap();
    assert_eq!(d.complexity(), 1000);
}

#[test]
fn many_different_factors_are_simplified_in_linear_time() {
    let names: Vec<String> = (0..100_000).map(|i| format!("a{i}")).collect();
    let product = parse(&names.join("*"));
    let start = std::time::Instant::now();
    assert_eq!(product.simplify().unwrap().complexity(), 100_001);
    // Comparing every pair took minutes; this takes well under a second even in a loaded test run.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn a_long_program_needs_few_registers() {
    let terms: Vec<String> = (0..20_000).map(|i| format!("{i}*x")).collect();
    let program = parse(&terms.join(" + ")).compile(&["x"]).unwrap();
    assert!(program.registers() <= 4, "{}", program.registers());
    let x: Vec<f64> = (0..131).map(|i| i as f64).collect();
    let mut out = vec![0.0; x.len()];
    program.evaluate(&[&x], &mut out).unwrap();
    for (x, y) in x.iter().zip(out) {
        assert_eq!(y, 199_990_000.0 * x);
    }
}

#[test]
fn folding_numbers_neither_overflows_nor_underflows() {
    for (text, x) in [
        ("x*1e200*1e200", 1e-150),
        ("x*1e-200*1e-200", 1e150),
        ("1.2e308*x + 1.2e308*x", 0.1),
        ("(1e200*x)^2", 1e-150),
        ("x/1e-200/1e-200", 1e-150),
    ] {
        let e = parse(text);
        let value = |e: &Expr| e.compile(&["x"]).unwrap().evaluate_point(&[x]);
        let (before, after) = (value(&e), value(&e.simplify().unwrap()));
        assert!(before.is_finite(), "{text} = {before}");
        assert!(
            (after - before).abs() <= 1e-12 * before.abs(),
            "{text}: {before} became {after}"
        );
    }
}

#[test]
fn like_parts_are_found_in_any_order() {
    for (text, want) in [
        ("sin(x + y) - sin(y + x)", "0"),
        ("(x + y)/(y + x)", "1"),
        ("(x - y)*(-y + x)", "(x - y)^2"),
        ("x^0.5*x*x", "x^0.5*x^2"),
        ("x*x^0.5*x", "x^0.5*x^2"),
        ("1^x + x^1 + x^0", "x + 2"),
    ] {
        assert_eq!(simple(text), want, "{text}");
    }
}

#[test]
fn latex_has_no_double_script() {
    for (text, want) in [
        ("exp(x)^2", r"\left(e^{x}\right)^{2}"),
        ("x_1_x", r"{x_{1}}_{x}"),
        (
            "alpha_1 + Gamma + alpha2",
            r"\alpha_{1} + \Gamma + \alpha_{2}",
        ),
        ("x'^2 + u_x^2", r"x'^{2} + u_{x}^{2}"),
    ] {
        assert_eq!(parse(text).to_latex(), want, "{text}");
    }
    assert_eq!(Expr::name("a\n\tb").to_latex(), r"\mathrm{a\ \ b}");
}

#[test]
fn operators_build_formulas_or_say_the_limit() {
    let (x, y) = (Expr::name("x"), Expr::name("y"));
    assert_eq!((&x + &y).unwrap().to_string(), "x + y");
    assert_eq!((x.clone() - 2.0).unwrap().to_string(), "x - 2");
    assert_eq!((&x * &(-&y).unwrap()).unwrap().to_string(), "x*(-y)");
    assert_eq!((&x / y.clone()).unwrap().to_string(), "x/y");
    let mut deep = x.clone();
    let error = loop {
        match &deep / &y {
            Ok(deeper) => deep = deeper,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::Limit);
}

/// The deepest trees of every kind pass every walk on a thread with 1 MiB of stack.
#[test]
fn the_deepest_trees_fit_a_small_stack() {
    let walk = || {
        let x = Expr::name("x");
        type Step = fn(&Expr, &Expr) -> crate::Result<Expr>;
        let kinds: [Step; 5] = [
            |e, _| e.call(Function::Cos),
            |e, x| x.plus(&e.pow(x)?),
            |e, x| x.over(e),
            |e, x| x.times(&x.plus(e)?)?.negated(),
            |e, _| Expr::number(2.0).pow(e),
        ];
        for kind in kinds {
            let mut e = x.clone();
            while let Ok(deeper) = kind(&e, &x) {
                e = deeper;
            }
            assert!(e.depth() > MAX_DEPTH - 4);
            let text = e.to_string();
            assert!(text.len() > 500 && e.to_latex().len() > 500 && format!("{e:?}").len() > 500);
            assert_eq!(e.names().len(), 1);
            let _ = (e.simplify(), e.differentiate("x"), e.rounded(3));
            let _ = e.substitute("x", &e);
            let _ = Expr::parse(&text);
            assert!(e.substitute("x", &Expr::name("y")).unwrap() != e);
            let _ = units::dimension_of(&e, &|_| Some(units::Dimension::NONE));
            let program = e.compile(&["x"]).unwrap();
            let mut out = [0.0];
            program.evaluate(&[&[0.7]], &mut out).unwrap();
            assert_eq!(out[0].to_bits(), program.evaluate_point(&[0.7]).to_bits());
            let _ = serde_json::to_string(&e).unwrap();
        }
    };
    std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(walk)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn constants_are_found_by_their_short_names() {
    for (name, symbol) in [
        ("boltzmann", "k_B"),
        ("Planck", "h"),
        ("avogadro", "N_A"),
        ("eps0", "epsilon_0"),
        ("mu0", "mu_0"),
        ("gravitational constant", "G"),
    ] {
        let found = constants::find(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(found.symbol, symbol, "{name}");
    }
    let exact = |name: &str| constants::find(name).unwrap().is_exact();
    assert!(exact("c") && exact("standard gravity") && !exact("G"));
}

#[test]
fn quantities_are_converted() {
    use units::{Dimension, Quantity, Unit, dimension_of};
    let v = Quantity::new(36.0, Unit::parse("km/h").unwrap());
    let w = v.to(&Unit::parse("m/s").unwrap()).unwrap();
    assert!((w.value - 10.0).abs() <= 1e-14, "{w}");
    assert_eq!(v.to_string(), "36 km/h");
    let error = v.to(&Unit::parse("kg").unwrap()).unwrap_err().to_string();
    assert!(error.contains("m s^-1") && error.contains("kg"), "{error}");
    for (text, same) in [
        ("Mpc", 1e6 * 3.085_677_581_491_367e16),
        ("Gyr", 3.155_76e16),
    ] {
        let factor = Unit::parse(text).unwrap().factor;
        assert!((factor / same - 1.0).abs() < 1e-14, "{text} {factor}");
    }
    // A root that has no dimension is refused, not taken as fitting anything.
    let odd = Dimension::new([1, 0, 0, 0, 0, 0, 0]).pow(1.0 / 12.0);
    let e = parse("1 + sqrt(a)");
    assert_eq!(
        dimension_of(&e, &|_| odd).unwrap_err().field(),
        Some("dimensions")
    );
}
