//! A basis made again from what a file holds.

use super::{Basis, Family, MAX_ORDER, few};
use crate::error::{Error, Result};

/// Largest difference between the widths of cells that count as equal, in widths of a cell.
const EQUAL: f64 = 1e-6;

impl Basis {
    /// The basis with exactly these knots (both ends of the grid for other families than B-splines), so that
    /// values come out bit for bit as before. `uniform` is believed only of equal cells.
    ///
    /// # Errors
    /// As [`Basis::new`]; [`Error::InvalidInput`] where knots and number of functions do not belong together.
    pub(crate) fn stored(
        family: Family,
        order: usize,
        knots: Vec<f64>,
        functions: usize,
        uniform: bool,
    ) -> Result<Self> {
        few(functions)?;
        if family == Family::BSpline {
            let mut basis = Basis::new(knots, order)?;
            if basis.functions != functions {
                return Err(Error::invalid(
                    "functions",
                    functions,
                    format!("{}, as the knots say", basis.functions),
                ));
            }
            if uniform && !equal_cells(&basis.knots) {
                return Err(Error::invalid(
                    "uniform",
                    "true",
                    "false for knots of unequal distance",
                ));
            }
            basis.uniform = uniform;
            return Ok(basis);
        }
        if !(1..=MAX_ORDER).contains(&order) {
            return Err(Error::invalid("order", order, format!("1 to {MAX_ORDER}")));
        }
        if functions <= order {
            return Err(Error::invalid(
                "functions",
                functions,
                format!("more than the order, {order}"),
            ));
        }
        let rising = matches!(knots[..], [a, b] if a.is_finite() && b.is_finite() && a < b);
        if !rising {
            return Err(Error::invalid(
                "knots",
                format!("{} knots", knots.len()),
                "the two finite, rising ends of the grid",
            ));
        }
        Ok(Basis {
            family,
            order,
            knots,
            functions,
            uniform: true,
        })
    }
}

fn equal_cells(knots: &[f64]) -> bool {
    let (Some(first), Some(last)) = (knots.first(), knots.last()) else {
        return false;
    };
    let h = (last - first) / (knots.len().max(2) - 1) as f64;
    knots
        .windows(2)
        .all(|w| (w[1] - w[0] - h).abs() <= EQUAL * h)
}
