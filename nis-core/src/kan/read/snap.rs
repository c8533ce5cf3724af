//! Constants that the data allow to be simple: 0, whole numbers, halves, small fractions, multiples of pi.

use super::compose::Rows;
use super::sum::{Number, Sum};
use crate::error::Result;
use crate::expr::Expr;
use crate::kan::symbolic::Fitted;
use crate::telemetry::Progress;

/// Simple values within `reach` of a constant; 0 however far where `try_zero`.
fn simple(value: f64, reach: f64, try_zero: bool) -> Vec<Number> {
    let mut out: Vec<Number> = Vec::new();
    let near = |v: f64| (value - v).abs() <= reach;
    let mut offer = |v: f64, expr: Expr| {
        if (near(v) || v == 0.0 && try_zero) && v.is_finite() && !out.iter().any(|n| n.value == v) {
            out.push(Number {
                value: v,
                fixed: Some(expr),
            });
        }
    };
    offer(0.0, Expr::number(0.0));
    if value.abs() < 1e6 {
        offer(value.round(), Expr::number(value.round()));
        let half = (2.0 * value).round() / 2.0;
        offer(half, Expr::number(half));
        let pies = (2.0 * value / std::f64::consts::PI).round() / 2.0;
        if pies != 0.0 && pies.abs() <= 16.0 {
            let expr = if pies == 1.0 {
                Ok(Expr::pi())
            } else {
                Expr::number(pies).times(&Expr::pi())
            };
            if let Ok(expr) = expr {
                offer(pies * std::f64::consts::PI, expr);
            }
        }
        let inverse = (1.0 / value).round();
        if inverse.abs() >= 2.0
            && inverse.abs() <= 12.0
            && let Ok(expr) = Expr::number(inverse.signum()).over(&Expr::number(inverse.abs()))
        {
            offer(1.0 / inverse, expr);
        }
        let third = (3.0 * value).round();
        if third.abs() <= 12.0
            && let Ok(expr) = Expr::number(third).over(&Expr::number(3.0))
        {
            offer(third / 3.0, expr);
        }
        let quarter = (4.0 * value).round() / 4.0;
        offer(quarter, Expr::number(quarter));
    }
    // The nearest first would prefer 0.25 to 0; the simplest come first as they are.
    out
}

/// Fixes constants to simple values, and drops terms, as long as the description of the rows gets no longer.
pub(super) fn shorten(
    mut sum: Sum,
    mut fit: Fitted,
    rows: &Rows<'_>,
    search_rows: usize,
    price: f64,
    progress: &Progress<'_>,
) -> Result<(Sum, Fitted)> {
    let few = rows.thinned(search_rows);
    let thin = few.y.len() < rows.y.len();
    let mut score = rows.score(&sum, &fit, price);
    let mut at = 0;
    let mut idle = 0;
    loop {
        let free = sum.free();
        if free == 0 || idle >= free {
            return Ok((sum, fit));
        }
        at %= free;
        progress.check()?;
        let error = fit.std_errors.as_ref().map(|s| s[at]);
        let value = fit.values[at];
        // Where the rows do not determine a constant, any simple value near it may do.
        let reach = match error {
            Some(e) => (5.0 * e).max(1e-4 * value.abs()),
            None => 0.3 * value.abs().max(1.0),
        };
        let mut taken = false;
        // Where the formula is exact, errors are those of rounding and say little.
        for number in simple(value, reach, rows.exact(&fit)) {
            let mut shorter = sum.clone();
            if let Some(place) = shorter
                .numbers_mut()
                .into_iter()
                .filter(|n| n.fixed.is_none())
                .nth(at)
            {
                *place = number;
            }
            shorter.drop_zeros();
            shorter.normalise(rows.library);
            if shorter.terms.is_empty() {
                continue;
            }
            // First on few rows, which most trials do not survive.
            if thin {
                let mut trial = shorter.clone();
                match few.fit(&mut trial, progress)? {
                    Some(fit)
                        if few.score(&trial, &fit, price)
                            <= few.score(&sum, &on(&few, &sum, progress)?, price) =>
                    {
                        shorter = trial
                    }
                    _ => continue,
                }
            }
            let Some(new) = rows.fit(&mut shorter, progress)? else {
                continue;
            };
            let new_score = rows.score(&shorter, &new, price);
            if new_score <= score {
                (sum, fit, score) = (shorter, new, new_score);
                taken = true;
                break;
            }
        }
        if taken {
            idle = 0;
        } else {
            idle += 1;
            at += 1;
        }
    }
}

/// A formula as it stands, on other rows.
fn on(rows: &Rows<'_>, sum: &Sum, progress: &Progress<'_>) -> Result<Fitted> {
    let mut frozen = sum.clone();
    for number in frozen.numbers_mut() {
        number.fixed = Some(Expr::number(number.value));
    }
    let fit = rows.fit(&mut frozen, progress)?;
    Ok(fit.unwrap_or(Fitted {
        values: vec![],
        sum_squares: f64::INFINITY,
        std_errors: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_values_are_near_and_written_well() {
        let texts = |v: f64, reach: f64| -> Vec<String> {
            simple(v, reach, false)
                .iter()
                .map(|n| n.fixed.as_ref().map(|e| e.to_string()).unwrap_or_default())
                .collect()
        };
        assert_eq!(texts(2.0000001, 1e-3), ["2"]);
        assert_eq!(texts(std::f64::consts::PI + 1e-5, 1e-3), ["pi"]);
        assert_eq!(texts(1e-5 - std::f64::consts::FRAC_PI_2, 1e-3), ["-0.5*pi"]);
        assert_eq!(texts(0.3333, 1e-3), ["1/3"]);
        assert_eq!(texts(1e-9, 1e-3), ["0"]);
        assert!(simple(0.123, 1e-4, true).iter().all(|n| n.value == 0.0));
        assert!(texts(0.123, 1e-4).is_empty());
        for n in simple(0.66, 0.2, false) {
            let written = n.fixed.unwrap().as_number().unwrap();
            assert!((written - n.value).abs() <= 1e-15 && (n.value - 0.66).abs() <= 0.2);
        }
    }
}
