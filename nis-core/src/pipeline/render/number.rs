//! Numbers for readers.

/// A value with its standard error, the error to two significant digits and the value to the same place:
/// `10.93 ± 0.12`, `(1.234 ± 0.056)e-5`.
pub(crate) fn plus_minus(value: f64, error: f64) -> String {
    if !(value.is_finite() && error.is_finite()) || error <= 0.0 {
        return short(value);
    }
    let place = error.log10().floor() as i32 - 1;
    let size = value.abs().max(error);
    if !(1e-4..1e6).contains(&size) {
        let power = size.log10().floor() as i32;
        let scale = 10f64.powi(power);
        let digits = (power - place).clamp(0, 15) as usize;
        return format!(
            "({:.digits$} ± {:.digits$})e{power}",
            value / scale,
            error / scale
        );
    }
    if place >= 0 {
        let unit = 10f64.powi(place);
        return format!(
            "{:.0} ± {:.0}",
            (value / unit).round() * unit,
            (error / unit).round() * unit
        );
    }
    let digits = (-place).clamp(0, 15) as usize;
    format!("{value:.digits$} ± {error:.digits$}")
}

/// A number to four significant digits.
pub(crate) fn short(value: f64) -> String {
    digits(value, 4)
}

/// A number to `count` significant digits, without trailing zeros after the point.
pub(crate) fn digits(value: f64, count: usize) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "not known".into()
        } else {
            format!("{value}")
        };
    }
    let power = value.abs().log10().floor() as i32;
    if !(-4..6).contains(&power) {
        let text = format!("{value:.*e}", count.saturating_sub(1));
        return match text.split_once('e') {
            Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa)),
            None => text,
        };
    }
    let places = (count as i32 - 1 - power).max(0) as usize;
    trimmed(&format!("{value:.places$}"))
}

fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_set_the_digits() {
        for (value, error, want) in [
            (10.9312, 0.1234, "10.93 ± 0.12"),
            (1.49998, 0.00031, "1.49998 ± 0.00031"),
            (-3.0, 0.5, "-3.00 ± 0.50"),
            (1234.5, 120.0, "1230 ± 120"),
            (1.234e-7, 5.6e-9, "(1.234 ± 0.056)e-7"),
            (2.5e8, 1.0e6, "(2.500 ± 0.010)e8"),
            (0.0, 0.25, "0.00 ± 0.25"),
            (1.0, f64::NAN, "1"),
            (1.5, 0.0, "1.5"),
            (f64::NAN, 1.0, "not known"),
        ] {
            assert_eq!(plus_minus(value, error), want);
        }
    }

    #[test]
    fn short_numbers() {
        for (value, want) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.123456, "0.1235"),
            (123456.7, "123457"),
            (1.5e-9, "1.5e-9"),
            (-2.0e12, "-2e12"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(value), want);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_number_is_written(a in proptest::num::f64::ANY, b in proptest::num::f64::ANY) {
            proptest::prop_assert!(plus_minus(a, b).len() < 60);
            proptest::prop_assert!(short(a).len() < 30);
        }
    }
}
