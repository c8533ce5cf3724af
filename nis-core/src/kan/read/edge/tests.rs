//! Curves of known form, of no form, and of bad numbers.

use super::*;
use crate::kan::read::library::Form;
use crate::optim::Random;

fn read(x: &[f64], y: &[f64], options: &EdgeOptions) -> Vec<EdgeFit> {
    read_curve(x, y, &Library::default(), options, &Progress::none()).unwrap()
}

fn over(from: f64, to: f64) -> Vec<f64> {
    (0..81)
        .map(|i| from + (to - from) * f64::from(i) / 80.0)
        .collect()
}

#[test]
fn every_form_recovers_itself() {
    for (want, text, from, to) in [
        ("x", "3*x - 2", -1.0, 1.0),
        ("x^2", "3*(x - 0.3)^2 + 1", -1.0, 1.0),
        ("x^3", "(x + 0.2)^3", -1.0, 1.0),
        ("x^4", "2*(x - 0.1)^4", -1.0, 1.0),
        ("1/x", "1/(x + 1.2)", -1.0, 1.0),
        ("1/x^2", "1/(2 - x)^2", -1.0, 1.0),
        ("sqrt", "sqrt(x + 1.01)", -1.0, 1.0),
        ("1/sqrt", "1/sqrt(1.05 - x)", -1.0, 1.0),
        ("exp", "2*exp(-3*x)", -1.0, 1.0),
        ("log", "log(1.1 - x)", -1.0, 1.0),
        ("sin", "sin(17*x + 1) + 4", -1.0, 1.0),
        ("sin", "5*cos(2*x)", -1.0, 1.0),
        ("tan", "tan(1.4*x)", -1.0, 1.0),
        ("arcsin", "atan(0.95*x/sqrt(1 - (0.95*x)^2))", -1.0, 1.0),
        ("atan", "atan(8*x + 1)", -1.0, 1.0),
        ("tanh", "tanh(4*x - 2)", -1.0, 1.0),
        ("bell", "exp(-(3*x - 1)^2)", -1.0, 1.0),
        ("abs", "abs(x - 0.4)", -1.0, 1.0),
        ("power", "x^1.7", 0.01, 2.0),
        ("power", "(3 - x)^(-2.4)", -2.0, 2.0),
    ] {
        let x = over(from, to);
        let program = Expr::parse(text).unwrap().compile(&["x"]).unwrap();
        let y: Vec<f64> = x.iter().map(|x| program.evaluate_point(&[*x])).collect();
        let found = read(
            &x,
            &y,
            &EdgeOptions {
                resolution: 1e-6,
                ..EdgeOptions::default()
            },
        );
        let best = found.first().unwrap_or_else(|| panic!("{text}: none"));
        assert_eq!(best.form, want, "{text}: {found:#?}");
        let got = best.expr.compile(&["x"]).unwrap();
        let size = y.iter().map(|v| v.abs()).sum::<f64>() / 81.0;
        for (x, y) in x.iter().zip(&y) {
            let off = (got.evaluate_point(&[*x]) - y).abs();
            assert!(off <= 1e-4 * size, "{text} at {x}: off by {off}, {best:?}");
        }
    }
}

#[test]
fn the_units_of_a_curve_do_not_matter() {
    for (sx, sy) in [(1e-300, 1e300), (1e12, 1e-200), (3.0, -1.0)] {
        let x: Vec<f64> = over(0.5, 2.0).iter().map(|x| x * sx).collect();
        let y: Vec<f64> = x
            .iter()
            .map(|x| sy * (0.3 + (2.0 * x / sx).sin()))
            .collect();
        let found = read(&x, &y, &EdgeOptions::default());
        let hits = found
            .iter()
            .filter(|f| f.r2 > 0.999999 && f.form == "sin")
            .count();
        assert_eq!(hits, 1, "{sx} {sy}: {found:#?}");
    }
}

#[test]
fn noise_and_constants_have_no_form() {
    let mut random = Random(3);
    let x = over(-1.0, 1.0);
    for _ in 0..20 {
        let y: Vec<f64> = x.iter().map(|_| random.normal()).collect();
        assert!(read(&x, &y, &EdgeOptions::default()).is_empty());
    }
    assert!(read(&x, &[2.0; 81], &EdgeOptions::default()).is_empty());
    assert!(read(&[1.0; 81], &x, &EdgeOptions::default()).is_empty());
    assert!(read(&[], &[], &EdgeOptions::default()).is_empty());
}

#[test]
fn a_poor_fit_wins_by_no_simplicity() {
    let x = over(-1.0, 1.0);
    let y: Vec<f64> = x.iter().map(|x| (6.0 * x).sin()).collect();
    let any = EdgeOptions {
        threshold: 0.0,
        ..EdgeOptions::default()
    };
    assert_eq!(read(&x, &y, &any)[0].form, "sin");
    let strict = read(&x, &y, &EdgeOptions::default());
    assert!(strict.iter().all(|f| f.r2 >= 0.99), "{strict:#?}");
}

#[test]
fn domains_are_kept_and_bad_input_is_refused() {
    let x = over(-1.0, 1.0);
    let y: Vec<f64> = x.iter().map(|x| x.abs().sqrt()).collect();
    let any = EdgeOptions {
        threshold: 0.0,
        top: 50,
        ..EdgeOptions::default()
    };
    for fit in read(&x, &y, &any) {
        let program = fit.expr.compile(&["x"]).unwrap();
        assert!(
            x.iter().all(|x| program.evaluate_point(&[*x]).is_finite()),
            "{fit:?}"
        );
    }
    let library = Library::default();
    let try_it = |x: &[f64], y: &[f64], o: &EdgeOptions| {
        read_curve(x, y, &library, o, &Progress::none())
            .unwrap_err()
            .field()
            .unwrap()
            .to_string()
    };
    assert_eq!(try_it(&[1.0], &[], &any), "y");
    assert_eq!(try_it(&[1.0, f64::NAN], &[1.0, 2.0], &any), "x[1]");
    assert_eq!(try_it(&[1.0], &[f64::INFINITY], &any), "y[0]");
    assert_eq!(
        try_it(
            &[1.0],
            &[1.0],
            &EdgeOptions {
                top: 0,
                ..any.clone()
            }
        ),
        "top"
    );
    assert_eq!(
        try_it(
            &[1.0],
            &[1.0],
            &EdgeOptions {
                threshold: f64::NAN,
                ..any.clone()
            }
        ),
        "threshold"
    );
    assert_eq!(
        try_it(&[1.0], &[1.0], &EdgeOptions { points: 3, ..any }),
        "points"
    );
}

#[test]
fn a_users_form_is_found_and_put_on_an_edge() {
    let mut library = Library::default();
    library.add(
        Form::new(
            "softplus",
            "log(1 + exp(x))",
            [f64::NEG_INFINITY, f64::INFINITY],
            3.0,
        )
        .unwrap(),
    );
    let x = over(-2.0, 2.0);
    let y: Vec<f64> = x
        .iter()
        .map(|x| 2.0 * (1.0 + (4.0 * x - 1.0).exp()).ln() + 0.5)
        .collect();
    let options = EdgeOptions {
        resolution: 1e-6,
        ..EdgeOptions::default()
    };
    let best = read_curve(&x, &y, &library, &options, &Progress::none())
        .unwrap()
        .swap_remove(0);
    assert_eq!(best.form, "softplus");
    let mut net = Kan::new(&[1, 1], 5, 3, 0).unwrap();
    net.fix_edge([0, 0, 0], &best, &library).unwrap();
    for (x, y) in x.iter().zip(&y) {
        assert!((net.predict(&[*x]).unwrap()[0] - y).abs() <= 1e-5);
    }
    assert!(net.fix_edge([1, 0, 0], &best, &library).is_err());
    assert!(
        net.read_edge(
            [0, 1, 0],
            [-1.0, 1.0],
            &library,
            &options,
            &Progress::none()
        )
        .is_err()
    );
    assert!(
        net.read_edge([0, 0, 0], [1.0, 1.0], &library, &options, &Progress::none())
            .is_err()
    );
}
