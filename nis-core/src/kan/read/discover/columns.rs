//! The columns of a search: checked and scaled.

use super::DiscoverOptions;
use crate::error::{Error, Result};
use crate::kan::Named;
use crate::kan::law::check_columns;
use crate::kan::read::formula::Quantity;

/// The quantity of a column, brought to [-1, 1] by some of its rows.
pub(super) fn scaling(column: &Named<'_>, rows: &[usize]) -> Quantity {
    let (a, b) = rows
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), r| {
            (a.min(column.values[*r]), b.max(column.values[*r]))
        });
    let half = 0.5 * b - 0.5 * a;
    Quantity {
        name: column.name.into(),
        shift: a + half,
        scale: if half > 0.0 { half } else { 1.0 },
    }
}

/// Refuses columns and options that cannot be searched.
pub(super) fn check(
    inputs: &[Named<'_>],
    target: Named<'_>,
    options: &DiscoverOptions,
) -> Result<usize> {
    let rows = target.values.len();
    if inputs.is_empty() {
        return Err(Error::invalid("inputs", 0, "at least one column"));
    }
    if rows < 20 {
        return Err(Error::invalid("rows", rows, "at least 20"));
    }
    check_columns(inputs, &target)?;
    for structure in &options.structures {
        let fits =
            structure.widths.first() == Some(&inputs.len()) && structure.widths.last() == Some(&1);
        if !fits || structure.range != [-1.0, 1.0] {
            return Err(Error::invalid(
                "structures",
                format!("{:?}", structure.widths),
                format!("widths from {} to 1, over [-1, 1]", inputs.len()),
            ));
        }
    }
    if options.starts == 0 || options.iterations == 0 || options.rows < 16 {
        return Err(Error::invalid(
            "starts, iterations, rows",
            format!(
                "{}, {}, {}",
                options.starts, options.iterations, options.rows
            ),
            "positive numbers, at least 16 rows",
        ));
    }
    if !(0.0..1.0).contains(&options.readable) {
        return Err(Error::invalid(
            "readable",
            options.readable,
            "an R2 in [0, 1)",
        ));
    }
    options.formula.check(rows)?;
    Ok(rows)
}
