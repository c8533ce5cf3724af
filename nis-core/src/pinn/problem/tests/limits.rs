//! Data that do not fit, and sizes that no host means.

use super::refused::{GOOD, refused};
use super::*;
use crate::error::Error;

#[test]
fn data_must_fit() {
    let with =
        |fields: &[&str], points: Vec<Vec<f64>>, values: Vec<Vec<f64>>, noise: Option<Vec<f64>>| {
            let mut s = spec(&["y' = -k*y"], r#"{"t": [0, 1]}"#, &[]);
            s.parameters
                .insert("k".into(), ParameterSpec::Text("?".into()));
            s.data(Observations {
                fields: fields.iter().map(|f| f.to_string()).collect(),
                points,
                values,
                noise,
            })
        };
    let (p, v) = (vec![vec![0.0], vec![0.5]], vec![vec![1.0], vec![0.5]]);
    let good = with(&["y"], p.clone(), v.clone(), Some(vec![0.1]))
        .read()
        .unwrap();
    assert_eq!(good.unknowns(), ["k"]);
    assert!(good.notes()[0].contains("the data must tell"));
    for (spec, words) in [
        (
            with(&["z"], p.clone(), v.clone(), None),
            "stand in an equation",
        ),
        (with(&[], p.clone(), v.clone(), None), "at least one field"),
        (with(&["y"], vec![], vec![], None), "at least one"),
        (with(&["y"], p.clone(), vec![vec![1.0]], None), "2 rows"),
        (
            with(&["y"], vec![vec![0.0, 1.0], vec![0.5]], v.clone(), None),
            "data.points[0]",
        ),
        (
            with(&["y"], vec![vec![0.0], vec![1.5]], v.clone(), None),
            "t = 1.5",
        ),
        (
            with(&["y"], vec![vec![0.0], vec![f64::NAN]], v.clone(), None),
            "data.points[1]",
        ),
        (
            with(&["y"], p.clone(), vec![vec![1.0], vec![1.0, 2.0]], None),
            "data.values[1]",
        ),
        (
            with(
                &["y"],
                p.clone(),
                vec![vec![1.0], vec![f64::INFINITY]],
                None,
            ),
            "data.values[1]",
        ),
        (
            with(&["y"], p.clone(), vec![vec![f64::NAN]; 2], None),
            "at least one measured",
        ),
        (
            with(&["y"], p.clone(), v.clone(), Some(vec![0.0])),
            "data.noise",
        ),
        (with(&["y", "y"], p, v, None), "every field once"),
    ] {
        let (message, _) = refused(&spec);
        assert!(message.contains(words), "{message}, not {words}");
    }
}

#[test]
fn hostile_sizes_end_in_an_error() {
    let many = ProblemSpec::new(vec!["u_t = u_xx"; 1_000_000]);
    assert!(matches!(many.read(), Err(Error::Limit { .. })));
    let semicolons = ProblemSpec::new(["y'=1;".repeat(3000)]).interval("t", 0.0, 1.0);
    assert!(matches!(semicolons.read(), Err(Error::Limit { .. })));
    let long = ProblemSpec::new(["u_t = ".to_string() + &"u_xx + ".repeat(100_000) + "1"]);
    assert!(matches!(long.read(), Err(Error::Limit { .. })));
    let deep =
        ProblemSpec::new(["u_t = ".to_string() + &"(".repeat(5000) + "u_xx" + &")".repeat(5000)]);
    assert!(
        deep.interval("x", 0.0, 1.0)
            .interval("t", 0.0, 1.0)
            .read()
            .is_err()
    );
    let nested = "int(".repeat(2000) + "u" + &", x)".repeat(2000);
    let nested = ProblemSpec::new([format!("u_t = {nested}")]);
    assert!(
        nested
            .interval("x", 0.0, 1.0)
            .interval("t", 0.0, 1.0)
            .read()
            .is_err()
    );
    let power = ProblemSpec::new(["u_t = (u + u_x + 1)^1000*u_xx"])
        .interval("x", 0.0, 1.0)
        .interval("t", 0.0, 1.0)
        .conditions(GOOD);
    assert!(power.read().is_ok());
    let product = vec!["(u + u_x + x)"; 700].join("*");
    let product = ProblemSpec::new([format!("u_t = {product}")])
        .interval("x", 0.0, 1.0)
        .interval("t", 0.0, 1.0)
        .conditions(GOOD);
    let _ = product.read();
    // As many equations as are read at all.
    let n = 400;
    let chain: Vec<String> = (0..n)
        .map(|k| format!("q{k}' = q{} - q{k}", (k + 1) % n))
        .collect();
    let start: Vec<String> = (0..n).map(|k| format!("q{k}(0) = {k}")).collect();
    let system = ProblemSpec::new(chain)
        .interval("t", 0.0, 1.0)
        .conditions(start);
    assert_eq!(system.read().unwrap().fields().len(), n);
}
