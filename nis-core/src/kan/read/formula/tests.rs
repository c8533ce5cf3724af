//! Networks of known functions read back, and networks of nothing.

use super::*;
use crate::kan::network::{Edge, Structure, Symbolic};
use crate::kan::train::TrainOptions;

fn quantities(names: &[&str]) -> Vec<Quantity> {
    names.iter().map(|n| Quantity::plain(*n)).collect()
}

fn trained(structure: Structure, x: &[f64], y: &[f64]) -> Kan {
    let mut net = Kan::of(&structure).unwrap();
    let options = TrainOptions {
        smoothness: 1e-9,
        max_iterations: 150,
        tolerance: 1e-9,
    };
    net.train(x, y, &options, &Progress::none()).unwrap();
    net
}

fn samples(
    inputs: usize,
    rows: usize,
    seed: u64,
    f: impl Fn(&[f64]) -> f64,
) -> (Vec<f64>, Vec<f64>) {
    let mut random = Random(seed);
    let x: Vec<f64> = (0..inputs * rows).map(|_| random.symmetric()).collect();
    let y = x.chunks(inputs).map(f).collect();
    (x, y)
}

fn read(net: &Kan, x: &[f64], y: &[f64], names: &[&str]) -> Formula {
    let options = FormulaOptions::default();
    net.formula(
        x,
        y,
        &quantities(names),
        &quantities(&["y"]),
        &Library::default(),
        &options,
        &Progress::none(),
    )
    .unwrap()
    .swap_remove(0)
}

/// Whatever way it is written, the formula is the function, to rounding.
fn assert_is(formula: &Formula, names: &[&str], f: impl Fn(&[f64]) -> f64) {
    let expr = formula
        .expr
        .as_ref()
        .unwrap_or_else(|| panic!("{formula:#?}"));
    let program = expr.compile(names).unwrap();
    let mut random = Random(99);
    for _ in 0..50 {
        let x: Vec<f64> = names.iter().map(|_| random.symmetric()).collect();
        let (got, want) = (program.evaluate_point(&x), f(&x));
        assert!(
            (got - want).abs() <= 1e-6 * (1.0 + want.abs()),
            "{got} {want}: {formula:#?}"
        );
    }
}

#[test]
fn the_toy_of_the_kan_paper_with_its_constants() {
    let f = |x: &[f64]| ((std::f64::consts::PI * x[0]).sin() + x[1] * x[1]).exp();
    let (x, y) = samples(2, 500, 1, f);
    let net = trained(
        Structure {
            widths: vec![2, 1, 1],
            grid: 8,
            seed: 1,
            ..Structure::default()
        },
        &x,
        &y,
    );
    let formula = read(&net, &x, &y, &["x", "y"]);
    assert_is(&formula, &["x", "y"], f);
    let text = formula.formula.as_deref().unwrap();
    assert!(text.contains("pi") && text.contains("y^2"), "{text}");
    assert!(formula.found && formula.latex.unwrap().contains("\\pi"));
    assert_eq!(formula.edges.len(), 3);
}

#[test]
fn a_product_node_is_read() {
    let f = |x: &[f64]| (2.0 * x[0]).sin() * (x[1] + 1.5) + 0.25;
    let (x, y) = samples(2, 400, 2, f);
    let structure = Structure {
        widths: vec![2, 1, 1],
        products: vec![vec![2]],
        grid: 6,
        seed: 3,
        ..Structure::default()
    };
    let mut net = Kan::of(&structure).unwrap();
    // Factors of one input each, as pruning leaves them.
    net.layers_mut()[0].set_edge(1, 0, Edge::Removed).unwrap();
    net.layers_mut()[0].set_edge(0, 1, Edge::Removed).unwrap();
    let options = TrainOptions {
        smoothness: 1e-9,
        max_iterations: 150,
        tolerance: 1e-9,
    };
    net.train(&x, &y, &options, &Progress::none()).unwrap();
    let formula = read(&net, &x, &y, &["a", "b"]);
    assert_is(&formula, &["a", "b"], f);
}

#[test]
fn several_hidden_nodes_are_composed() {
    let f = |x: &[f64]| (x[0] + x[1]).exp() + (3.0 * x[0] - x[1]).sin();
    let (x, y) = samples(2, 600, 4, f);
    // Exact hidden sums, so that the reading alone is tested.
    let mut net = Kan::new(&[2, 2, 1], 5, 3, 0).unwrap();
    let fixed = |text: &str, c: [f64; 4]| Edge::Fixed(Box::new(Symbolic::new(text, c).unwrap()));
    for (layer, input, sum, kind) in [
        (0, 0, 0, fixed("x", [1.0, 0.0, 0.5, 0.1])),
        (0, 1, 0, fixed("x", [1.0, 0.0, 0.5, 0.0])),
        (0, 0, 1, fixed("x", [1.0, 0.0, 0.6, 0.0])),
        (0, 1, 1, fixed("x", [1.0, 0.0, -0.2, 0.0])),
        (1, 0, 0, fixed("exp(x)", [2.0, -0.2, 1.0, 0.0])),
        (1, 1, 0, fixed("sin(x)", [5.0, 0.0, 1.0, 0.0])),
    ] {
        net.layers_mut()[layer].set_edge(input, sum, kind).unwrap();
    }
    let formula = read(&net, &x, &y, &["a", "b"]);
    assert_is(&formula, &["a", "b"], f);
    assert!(formula.constants.is_empty(), "{formula:#?}");
    assert_eq!(
        formula.formula.as_deref(),
        Some("exp(a + b) + sin(3*a - b)")
    );
}

#[test]
fn units_of_the_quantities_come_back() {
    let (x, y) = samples(1, 200, 5, |x| (1.5 * x[0]).exp());
    let net = trained(
        Structure {
            widths: vec![1, 1],
            grid: 8,
            ..Structure::default()
        },
        &x,
        &y,
    );
    // t in seconds over [10, 30], n in thousands.
    let t = Quantity {
        name: "t".into(),
        shift: 20.0,
        scale: 10.0,
    };
    let n = Quantity {
        name: "n".into(),
        shift: 0.0,
        scale: 1000.0,
    };
    let formula = net
        .formula(
            &x,
            &y,
            &[t],
            &[n],
            &Library::default(),
            &FormulaOptions::default(),
            &Progress::none(),
        )
        .unwrap()
        .swap_remove(0);
    let program = formula.expr.as_ref().unwrap().compile(&["t"]).unwrap();
    for t in [10.0, 17.0, 30.0] {
        let want = 1000.0 * (1.5 * (t - 20.0) / 10.0f64).exp();
        let got = program.evaluate_point(&[t]);
        assert!(
            (got - want).abs() <= 1e-5 * want,
            "{got} {want} {formula:#?}"
        );
    }
}

/// The constants of a noisy law have honest errors: over seeds the true value is within 3 standard errors.
#[test]
fn errors_of_constants_are_honest() {
    let (mut inside, mut all) = (0, 0);
    for seed in 0..12 {
        let mut random = Random(1000 + seed);
        let x: Vec<f64> = (0..200).map(|_| random.symmetric()).collect();
        let y: Vec<f64> = x
            .iter()
            .map(|x| 1.37 * (1.21 * x).exp() + 0.05 * random.normal())
            .collect();
        let net = trained(
            Structure {
                widths: vec![1, 1],
                grid: 3,
                ..Structure::default()
            },
            &x,
            &y,
        );
        let formula = read(&net, &x, &y, &["x"]);
        for (name, want) in [("factor of exp", 1.37), ("coefficient of x in exp", 1.21)] {
            if let Some(c) = formula.constants.iter().find(|c| c.name == name) {
                all += 1;
                inside += usize::from((c.value - want).abs() <= 3.0 * c.std_error.unwrap());
            }
        }
    }
    assert!(all >= 12 && inside * 20 >= all * 17, "{inside} of {all}");
}

#[test]
fn random_labels_have_no_law() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let x: Vec<f64> = (0..200).map(|_| random.symmetric()).collect();
        let y: Vec<f64> = (0..100).map(|_| random.normal()).collect();
        let net = trained(
            Structure {
                widths: vec![2, 1],
                grid: 5,
                seed,
                ..Structure::default()
            },
            &x,
            &y,
        );
        // Rows the network never saw judge; here it saw all, and still.
        let formula = read(&net, &x, &y, &["a", "b"]);
        assert!(!formula.found && formula.formula.is_none(), "{formula:#?}");
        assert!(!formula.reason.is_empty());
    }
}

#[test]
fn degenerate_and_bad_data() {
    let net = Kan::new(&[2, 1], 3, 3, 0).unwrap();
    let x: Vec<f64> = (0..40).map(|i| f64::from(i) / 20.0 - 1.0).collect();
    let y = vec![3.0; 20];
    let flat = read(&net, &x, &y, &["a", "b"]);
    assert!(
        !flat.found && flat.reason.contains("constant"),
        "{}",
        flat.reason
    );
    let (a, o) = (quantities(&["a", "b"]), quantities(&["y"]));
    let field = |x: &[f64], y: &[f64], a: &[Quantity], options: &FormulaOptions| {
        let e = net
            .formula(x, y, a, &o, &Library::default(), options, &Progress::none())
            .unwrap_err();
        e.field().unwrap().to_string()
    };
    let d = FormulaOptions::default();
    assert_eq!(field(&x, &y[1..], &a, &d), "y");
    assert_eq!(field(&x, &y, &a[..1], &d), "quantities");
    assert_eq!(field(&x, &y, &quantities(&["a", "a"]), &d), "names");
    assert_eq!(field(&x[..2], &y[..1], &a, &d), "rows");
    assert_eq!(
        field(
            &x,
            &y,
            &a,
            &FormulaOptions {
                keep: 0,
                ..d.clone()
            }
        ),
        "keep"
    );
    assert_eq!(
        field(
            &x,
            &y,
            &a,
            &FormulaOptions {
                holdout_rows: vec![20],
                ..d.clone()
            }
        ),
        "holdout_rows"
    );
    assert_eq!(
        field(
            &x,
            &y,
            &a,
            &FormulaOptions {
                threshold: f64::NAN,
                ..d
            }
        ),
        "threshold"
    );
}
