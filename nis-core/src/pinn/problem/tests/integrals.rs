//! Integral terms become fields whose equations hold for the integral itself.

use super::*;

/// Residuals of equations and conditions at points, the fields being these formulas in the coordinates.
fn residuals(problem: &Problem, fields: &[(&str, &str)]) -> Vec<(String, f64)> {
    let arguments: Vec<&str> = problem.coordinates();
    let formulas: Vec<Expr> = problem
        .fields()
        .iter()
        .map(|name| {
            let found = fields.iter().find(|(n, _)| n == name);
            let (_, text) = found.unwrap_or_else(|| panic!("no formula for {name}"));
            Expr::parse(text).unwrap()
        })
        .collect();
    let jets: Vec<crate::expr::Program> = problem
        .jets
        .iter()
        .map(|jet| {
            let mut formula = formulas[jet.field].clone();
            for (axis, times) in jet.order.iter().enumerate() {
                for _ in 0..*times {
                    formula = formula.differentiate(arguments[axis]).unwrap();
                }
            }
            formula.compile(&arguments).unwrap()
        })
        .collect();
    let at = |residual: &Residual, point: &[f64], normal: &[f64]| {
        let mut all = point.to_vec();
        all.extend(jets.iter().map(|j| j.evaluate_point(point)));
        all.extend(normal);
        residual.value.evaluate_point(&all)
    };
    let mut sequence = crate::pinn::points::Sequence::new(problem.coordinates.len(), 3);
    let mut out = Vec::new();
    let mut add = |residual: &Residual, surface: &Points| {
        let zeros = vec![0.0; problem.coordinates.len()];
        let mut worst: f64 = 0.0;
        for i in 0..surface.len() {
            let point: Vec<f64> = surface.columns().map(|c| c[i]).collect();
            let r = at(residual, &point, &zeros).abs();
            worst = if r > worst || r.is_nan() { r } else { worst };
        }
        out.push((residual.text.clone(), worst));
    };
    for e in &problem.equations {
        add(e, &problem.domain.interior(20, &mut sequence).unwrap());
    }
    for c in &problem.conditions {
        add(
            &c.residual,
            &problem
                .domain
                .on(&c.place, 20, &mut sequence)
                .unwrap()
                .points,
        );
    }
    out
}

fn hold(problem: &Problem, fields: &[(&str, &str)]) {
    for (text, r) in residuals(problem, fields) {
        assert!(r < 1e-12, "{text}: {r:e}");
    }
}

#[test]
fn volterra_with_a_kernel() {
    // y' + y = int_0^x exp(s-x) y(s) ds, y(0) = 1: y = exp(-x) cosh(x).
    for equation in [
        "y' + y = int(exp(s-x)*y(s), s, 0, x)",
        "y_x + y - int(exp(s)*y(s)/exp(x), s, 0, x) = 0",
    ] {
        let problem = read(&[equation], r#"{"x": [0, 2]}"#, &["y(0) = 1"]);
        assert!(problem.is_linear(), "{equation}");
        assert_eq!(problem.fields(), ["y", "int1_running"]);
        assert!(problem.notes().is_empty(), "{:?}", problem.notes());
        // The running field is the integral of exp(s) y(s), that is of cosh(s).
        hold(
            &problem,
            &[("y", "exp(-x)*cosh(x)"), ("int1_running", "sinh(x)")],
        );
    }
    // (x - s) falls into two products: y'' = 1 in disguise.
    let twice = read(
        &["y = int((x-s)*w(s), s, 0, x)", "w' = 0"],
        r#"{"x": [0, 1]}"#,
        &["w(0) = 1", "y(0) = 0 with jump"],
    );
    hold(
        &twice,
        &[
            ("y", "x^2/2"),
            ("w", "1"),
            ("int1_1_running", "x"),
            ("int1_2_running", "-x^2/2"),
        ],
    );
}

#[test]
fn fixed_limits_make_a_constant() {
    // y'' = int_0^1 x*s*y(s) ds... with y = x^3: the integral is x/5.
    let problem = read(
        &["y'' = 6*x - x/5 + int(x*s*y(s), s, 0, 1)"],
        r#"{"x": [0, 1]}"#,
        &["y(0) = 0", "y(1) = 1"],
    );
    assert_eq!(problem.fields(), ["y", "int1_running", "int1"]);
    hold(
        &problem,
        &[("y", "x^3"), ("int1_running", "x^5/5"), ("int1", "1/5")],
    );
    // Mass as a condition without a place.
    let mass = read(
        &["y'' = 2"],
        r#"{"x": [0, 3]}"#,
        &["y(0) = 0", "int(y, x) = 9"],
    );
    hold(
        &mass,
        &[("y", "x^2"), ("int1_running", "x^3/3"), ("int1", "9")],
    );
}

#[test]
fn integrals_in_partial_equations() {
    // A loss that feels the whole: u = exp(-t) (1 + x) on [0, 1]: the integral is 1.5 exp(-t).
    let problem = read(
        &["u_t = -u + int(u, x) - 1.5*exp(-t)"],
        r#"{"x": [0, 1], "t": [0, 1]}"#,
        &["u(x,0) = 1 + x"],
    );
    hold(
        &problem,
        &[
            ("u", "exp(-t)*(1 + x)"),
            ("int1_running", "exp(-t)*(x + x^2/2)"),
            ("int1", "1.5*exp(-t)"),
        ],
    );
    // Memory in time with a convolution: int_0^t sin(t-s) x ds = x (1 - cos(t)).
    let memory = read(
        &["u_t = int(sin(t-s)*u(x,s), s, 0, t) - x*(1 - cos(t))"],
        r#"{"x": [0, 1], "t": [0, 1]}"#,
        &["u(x,0) = x"],
    );
    hold(
        &memory,
        &[
            ("u", "x"),
            ("int1_1_running", "x*sin(t)"),
            ("int1_2_running", "-x*(1 - cos(t))"),
        ],
    );
    // Over both coordinates.
    let both = read(
        &["u_xx + u_yy = int(int(u, x), y) - 1"],
        r#"{"x": [0, 1], "y": [0, 2]}"#,
        &["u = x on boundary"],
    );
    hold(
        &both,
        &[
            ("u", "x"),
            ("int1_running", "x^2/2"),
            ("int1", "0.5"),
            ("int2_running", "y/2"),
            ("int2", "1"),
        ],
    );
}

#[test]
fn integrals_that_cannot_be_split_are_refused() {
    for (equation, words) in [
        ("y' = int(y(s)/(x + s), s, 0, x)", "sum of products"),
        ("y' = int(exp(x*s)*y(s), s, 0, x)", "sum of products"),
        ("y' = int(y(s), s)", "lower, upper"),
        ("y' = int(y(s), s, 0, 2)", "a limit must be"),
        ("y' = int(y(x), s, 0, 1)", "with `s` in the place"),
        ("y' = int(y, s, 0, 1)", "write u(s)"),
        ("y' = int(y)", "int(integrand, x)"),
        ("y' = int(y, x, x, x)", "both limits"),
        ("y' = int(y(s), s, 0, 1", "`(` without"),
    ] {
        let result = spec(&[equation], r#"{"x": [0, 1]}"#, &["y(0) = 1"]).read();
        match result {
            Err(e) => assert!(e.to_string().contains(words), "{equation}: {e}"),
            Ok(p) if equation.contains("int(y(s), s)") => assert_eq!(p.fields().len(), 3),
            Ok(_) => panic!("{equation} was read"),
        }
    }
}
