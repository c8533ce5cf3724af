//! Units and dimensions against their definitions.

use super::*;
use crate::expr::Expr;

fn unit(text: &str) -> Unit {
    Unit::parse(text).unwrap()
}

#[test]
fn units_are_read() {
    let newton = Dimension::new([1, 1, -2, 0, 0, 0, 0]);
    for text in ["N", "kg*m/s^2", "kg m s^-2", "kg·m·s-2", "kg*m/s**2"] {
        assert_eq!(unit(text).dimension, newton, "{text}");
        assert!((unit(text).factor - 1.0).abs() < 1e-15, "{text}");
    }
    assert_eq!(unit("kilometers").factor, 1000.0);
    assert_eq!(unit("mm").factor, 1e-3);
    assert_eq!(unit("min").factor, 60.0);
    assert_eq!(unit("cd").dimension, Dimension::new([0, 0, 0, 0, 0, 0, 1]));
    assert_eq!(unit("dam").factor, 10.0);
    assert_eq!(unit("1").dimension, Dimension::NONE);
    assert_eq!(unit("1/s").dimension, unit("Hz").dimension);
    for bad in [
        "", "furlong", "m/", "/s", "m^", "m^100", "degC/s", "2m", "m//s",
    ] {
        assert!(Unit::parse(bad).is_err(), "{bad}");
    }
    let Err(Error::Parse { column, .. }) = Unit::parse("kg*foo") else {
        panic!()
    };
    assert_eq!(column, 4);
}

#[test]
fn values_are_converted() {
    for (value, from, to, want) in [
        (2.0, "mi", "m", 3218.688),
        (1.0, "kWh", "MJ", 3.6),
        (100.0, "degC", "degF", 212.0),
        (-40.0, "degF", "degC", -40.0),
        (0.0, "degC", "K", 273.15),
        (1.0, "ly", "m", 9_460_730_472_580_800.0),
        (1.0, "atm", "Pa", 101_325.0),
        (180.0, "deg", "rad", std::f64::consts::PI),
        (1.0, "L", "cm^3", 1000.0),
    ] {
        let got = convert(value, &unit(from), &unit(to)).unwrap();
        assert!(
            (got - want).abs() <= 1e-12 * want.abs(),
            "{value} {from} = {got} {to}"
        );
    }
}

#[test]
fn dimensions_of_formulas() {
    let of = |name: &str| {
        Some(match name {
            "m" => unit("kg").dimension,
            "v" => unit("m/s").dimension,
            "h" => unit("m").dimension,
            "g" => unit("m/s^2").dimension,
            _ => return None,
        })
    };
    let dim = |text: &str| dimension_of(&Expr::parse(text).unwrap(), &of);
    assert_eq!(dim("m*v^2/2 + m*g*h").unwrap(), unit("J").dimension);
    assert_eq!(dim("sqrt(2*g*h)").unwrap(), unit("m/s").dimension);
    assert_eq!(dim("v + 0").unwrap(), unit("m/s").dimension);
    assert_eq!(dim("exp(v^2/(g*h))").unwrap(), Dimension::NONE);
    for bad in ["m + v", "exp(v)", "m^v", "v + 1", "sin(h)"] {
        assert_eq!(dim(bad).unwrap_err().field(), Some("dimensions"), "{bad}");
    }
    assert!(dim("m*q").is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
        let _ = Unit::parse(&text);
    }
}
