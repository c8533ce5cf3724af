//! Numbers for readers.

/// A value with its standard error, the error to two significant digits and the value to the same place:
/// `10.93 ± 0.12`, `(1.234 ± 0.056)e-5`.
pub(crate) fn plus_minus(value: f64, error: f64) -> String {
    if !(value.is_finite() && error.is_finite()) || error <= 0.0 {
        return short(value);
    }
    // The place is that of the rounded error: 0.0996 becomes 0.10.
    let rounded = format!("{error:.1e}").parse().unwrap_or(error);
    let place = power_of(rounded) - 1;
    let size = value.abs().max(error);
    let power = power_of(size);
    if power - place > 15 {
        // The error is below the precision of the value.
        return format!("{} ± {}", digits(value, 16), digits(error, 2));
    }
    if !(1e-4..1e6).contains(&size) {
        // In two steps: ten to a power below -308 is no normal number.
        let (half, rest) = (10f64.powi(power / 2), 10f64.powi(power - power / 2));
        let digits = (power - place).clamp(0, 15) as usize;
        return format!(
            "({:.digits$} ± {:.digits$})e{power}",
            value / half / rest,
            error / half / rest
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

/// The power of ten of a positive or negative number, by its decimal digits: a logarithm may miss by one.
fn power_of(value: f64) -> i32 {
    format!("{:e}", value.abs())
        .split_once('e')
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or(0)
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
    let power = power_of(value);
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
            (2.0, 0.0996, "2.00 ± 0.10"),
            (9.9996, 0.996, "10.0 ± 1.0"),
            (1e300, 1.0, "1e300 ± 1"),
            (1e-320, 1e-321, "(1.00 ± 0.10)e-320"),
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
