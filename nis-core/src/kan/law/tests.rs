//! Laws that are there, laws that are not, and data that cannot be used.

use super::super::Constant;
use super::super::network::Random;
use super::*;
use crate::error::Code;

fn learn(inputs: &[(&str, &[f64])], target: (&str, &[f64]), options: &LawOptions) -> Result<Law> {
    let named: Vec<Named<'_>> = inputs
        .iter()
        .map(|(name, values)| Named { name, values })
        .collect();
    let target = Named {
        name: target.0,
        values: target.1,
    };
    learn_law(&named, target, options, &Progress::none())
}

fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| 0.5 * random.symmetric()).sum()
}

fn constant_of<'a>(law: &'a Law, name: &str) -> &'a Constant {
    law.constants
        .iter()
        .find(|c| c.name == name)
        .unwrap_or_else(|| panic!("{name}: {law:#?}"))
}

#[test]
fn kepler_from_nine_bodies() {
    let text = include_str!("../../../../examples/data/planets.csv");
    let column = |i: usize| -> Vec<f64> {
        text.lines()
            .skip(1)
            .map(|l| l.split(',').nth(i).unwrap().parse().unwrap())
            .collect()
    };
    let (axis, period) = (column(1), column(2));
    for seed in 0..5 {
        let options = LawOptions {
            seed,
            ..LawOptions::default()
        };
        let law = learn(&[("axis", &axis)], ("period", &period), &options).unwrap();
        assert!(law.found, "{}", law.reason);
        assert!(law.logarithmic.iter().all(|l| *l));
        let exponent = constant_of(&law, "exponent of axis");
        assert!(
            (exponent.value - 1.5).abs() < 0.002,
            "seed {seed}: {exponent:?}"
        );
        let se = exponent.std_error.unwrap();
        assert!(se > 0.0 && se < 0.002, "{se}");
        // The catalogue's Pluto is 0.9 % off 365.256 (a/149.598)^1.5 and Neptune 0.6 % the other way: a split
        // that holds them out cannot do much better.
        assert!(
            law.formula_holdout_error.unwrap() < 0.015,
            "{:?}",
            law.formula_holdout_error
        );
        let shown = law.expr.as_ref().unwrap().rounded(3).to_string();
        assert!(shown.ends_with("*axis^1.5"), "{shown}");
        assert_eq!(law.holdout_rows.len(), 2);
    }
}

#[test]
fn a_line_with_noise() {
    let mut hits = 0;
    for seed in 0..20 {
        let mut random = Random(seed);
        let z: Vec<f64> = (0..20).map(|_| 30.0 + 28.0 * random.symmetric()).collect();
        let y: Vec<f64> = z
            .iter()
            .map(|z| 0.55 - 0.028 * z + 0.05 * normal(&mut random))
            .collect();
        let options = LawOptions {
            scale: Scale::Linear,
            ..LawOptions::default()
        };
        let law = learn(&[("lynx", &z)], ("rate", &y), &options).unwrap();
        assert!(law.found, "{}", law.reason);
        if law
            .constants
            .iter()
            .any(|c| c.name == "coefficient of lynx")
            && law.constants.len() == 2
        {
            let slope = constant_of(&law, "coefficient of lynx");
            let off = (slope.value + 0.028).abs() / slope.std_error.unwrap();
            hits += usize::from(off < 3.5);
        }
    }
    // A curve may beat the line by luck in a few of twenty samples.
    assert!(hits >= 16, "{hits}");
}

#[test]
fn a_product_of_powers() {
    let mut random = Random(5);
    let mut draw = || -> Vec<f64> { (0..60).map(|_| (2.0 * random.symmetric()).exp()).collect() };
    let (m, r) = (draw(), draw());
    let f: Vec<f64> = m.iter().zip(&r).map(|(m, r)| 6.7 * m / (r * r)).collect();
    let law = learn(
        &[("m", &m), ("r", &r)],
        ("force", &f),
        &LawOptions::default(),
    )
    .unwrap();
    assert!((constant_of(&law, "exponent of m").value - 1.0).abs() < 1e-6);
    assert!((constant_of(&law, "exponent of r").value + 2.0).abs() < 1e-6);
    assert!((constant_of(&law, "factor").value - 6.7).abs() < 1e-5);
    assert_eq!(law.expr.unwrap().rounded(5).to_string(), "6.7*m/r^2");
}

#[test]
fn a_sine_is_read() {
    let x: Vec<f64> = (0..120).map(|i| -3.0 + 0.05 * f64::from(i)).collect();
    let y: Vec<f64> = x
        .iter()
        .map(|x| 1.0 + 2.0 * (1.7 * x + 0.3).sin())
        .collect();
    let law = learn(&[("x", &x)], ("y", &y), &LawOptions::default()).unwrap();
    assert!((constant_of(&law, "angular frequency of x").value.abs() - 1.7).abs() < 1e-6);
    assert!((constant_of(&law, "amplitude of x").value.abs() - 2.0).abs() < 1e-6);
    assert_eq!(law.curves.len(), 1);
    assert!(law.curves[0].symbolic_r2.unwrap() > 0.999);
}

#[test]
fn a_product_without_logarithm_needs_a_hidden_layer() {
    let mut random = Random(11);
    let mut draw = || -> Vec<f64> { (0..200).map(|_| random.symmetric()).collect() };
    let (a, b) = (draw(), draw());
    let y: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
    let law = learn(&[("a", &a), ("b", &b)], ("y", &y), &LawOptions::default()).unwrap();
    assert_eq!(law.widths.len(), 3, "{}", law.reason);
    assert!(law.found && law.holdout_r2 > 0.95, "{}", law.reason);
}

#[test]
fn random_labels_have_no_law() {
    for (rows, seed) in [(9, 1), (20, 2), (20, 3), (50, 4), (100, 5), (300, 6)] {
        let mut random = Random(seed);
        let mut draw = || -> Vec<f64> { (0..rows).map(|_| random.symmetric()).collect() };
        let (a, b, y) = (draw(), draw(), draw());
        let law = learn(&[("a", &a), ("b", &b)], ("y", &y), &LawOptions::default()).unwrap();
        assert!(
            !law.found && law.formula.is_none(),
            "{rows} rows: {}",
            law.reason
        );
    }
}

#[test]
fn one_seed_one_law() {
    let mut random = Random(9);
    let x: Vec<f64> = (0..50).map(|_| random.symmetric()).collect();
    let y: Vec<f64> = x
        .iter()
        .map(|x| x.exp() + 0.01 * normal(&mut random))
        .collect();
    let once = learn(&[("x", &x)], ("y", &y), &LawOptions::default()).unwrap();
    let again = learn(&[("x", &x)], ("y", &y), &LawOptions::default()).unwrap();
    assert_eq!(once, again);
}

#[test]
fn bad_columns_and_options_are_refused() {
    let x: Vec<f64> = (0..10).map(f64::from).collect();
    let o = LawOptions::default();
    let field = |r: Result<Law>| r.map(|_| ()).unwrap_err().field().unwrap().to_string();
    assert_eq!(field(learn(&[], ("y", &x), &o)), "inputs");
    assert_eq!(field(learn(&[("x", &x[..9])], ("y", &x), &o)), "x");
    assert_eq!(field(learn(&[("x", &x[..4])], ("y", &x[..4]), &o)), "rows");
    assert_eq!(field(learn(&[("x", &x)], ("x", &x), &o)), "names");
    assert_eq!(field(learn(&[("", &x)], ("y", &x), &o)), "names");
    assert_eq!(field(learn(&[("x", &x)], ("y", &[1.0; 10]), &o)), "y");
    let mut gap = x.clone();
    gap[2] = f64::NAN;
    assert_eq!(field(learn(&[("x", &gap)], ("y", &x), &o)), "x[2]");
    let log = LawOptions {
        scale: Scale::Log,
        ..o.clone()
    };
    assert_eq!(
        field(learn(
            &[("x", &x)],
            ("y", &x.iter().map(|v| v + 1.0).collect::<Vec<_>>()),
            &log
        )),
        "x"
    );
    for (options, name) in [
        (
            LawOptions {
                holdout: 0.0,
                ..o.clone()
            },
            "holdout",
        ),
        (
            LawOptions {
                holdout: f64::NAN,
                ..o.clone()
            },
            "holdout",
        ),
        (
            LawOptions {
                threshold: 1.0,
                ..o.clone()
            },
            "threshold",
        ),
        (
            LawOptions {
                grid: Some(0),
                ..o.clone()
            },
            "grid",
        ),
        (
            LawOptions {
                hidden: Some(vec![0]),
                ..o.clone()
            },
            "hidden",
        ),
        (
            LawOptions {
                max_iterations: 0,
                ..o.clone()
            },
            "max_iterations",
        ),
    ] {
        let y: Vec<f64> = x.iter().map(|v| v * v).collect();
        assert_eq!(field(learn(&[("x", &x)], ("y", &y), &options)), name);
    }
    let cancel = crate::telemetry::Cancel::new();
    cancel.cancel();
    let progress = Progress::none().with_cancel(&cancel);
    let y: Vec<f64> = x.iter().map(|v| v * v).collect();
    let out = learn_law(
        &[Named {
            name: "x",
            values: &x,
        }],
        Named {
            name: "y",
            values: &y,
        },
        &o,
        &progress,
    );
    assert_eq!(out.map(|_| ()).unwrap_err().code(), Code::Cancelled);
}
