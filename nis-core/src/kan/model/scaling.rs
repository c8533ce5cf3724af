//! Columns between their units and those of the network.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A named column: the network sees `(value - shift) / scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name; appears in formulas.
    pub name: String,
    /// Value that becomes 0.
    pub shift: f64,
    /// Difference that becomes 1; positive.
    pub scale: f64,
}

impl Column {
    /// From the smallest and largest value to -1 and 1. A constant column gets scale 1.
    pub(super) fn unit(name: String, lo: f64, hi: f64) -> Self {
        let shift = if lo == hi { lo } else { 0.5 * lo + 0.5 * hi };
        // Halved before the difference is taken: the whole width of +-1e308 overflows.
        let half = 0.5 * hi - 0.5 * lo;
        Column {
            name,
            shift,
            scale: positive(if lo == hi { 1.0 } else { half }),
        }
    }

    /// From mean and standard deviation to 0 and 1. A constant column gets scale 1.
    pub(super) fn standard(name: String, values: impl Iterator<Item = f64> + Clone) -> Self {
        let (lo, hi) = range(values.clone());
        let unit = Column::unit(name, lo, hi);
        if lo == hi {
            return unit;
        }
        // Through values in [-1, 1], whose squares neither overflow nor vanish.
        let n = values.clone().count() as f64;
        let mean = values.clone().map(|v| unit.scaled(v)).sum::<f64>() / n;
        let squares: f64 = values.map(|v| (unit.scaled(v) - mean).powi(2)).sum();
        let deviation = (squares / n).sqrt();
        Column {
            shift: unit.shift + unit.scale * mean,
            scale: positive(unit.scale * deviation),
            name: unit.name,
        }
    }

    /// As the network sees it.
    pub(crate) fn scaled(&self, value: f64) -> f64 {
        let difference = value - self.shift;
        if difference.is_finite() {
            difference / self.scale
        } else {
            value / self.scale - self.shift / self.scale
        }
    }

    /// Back to the column's unit.
    pub(crate) fn restore(&self, scaled: f64) -> f64 {
        scaled * self.scale + self.shift
    }
}

fn positive(scale: f64) -> f64 {
    if scale < f64::MIN_POSITIVE {
        f64::MIN_POSITIVE
    } else {
        scale
    }
}

/// Smallest and largest of finite values.
pub(super) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| {
        (lo.min(v), hi.max(v))
    })
}

/// The number of rows of row-major values.
pub(super) fn rows(field: &str, values: &[f64], width: usize) -> Result<usize> {
    if width == 0 || !values.len().is_multiple_of(width) {
        return Err(Error::invalid(
            field,
            format!("{} values", values.len()),
            format!("rows of {width} values"),
        ));
    }
    Ok(values.len() / width)
}

/// Refuses values that are not finite, naming row (from 0) and column.
pub(super) fn check_finite<'a>(
    field: &str,
    values: &[f64],
    width: usize,
    name: impl Fn(usize) -> &'a str,
) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::invalid(
            field,
            format!(
                "{} in row {}, column {} ({})",
                values[at],
                at / width,
                at % width,
                name(at % width)
            ),
            "finite values (rows and columns count from 0)",
        )),
        None => Ok(()),
    }
}

/// Rows as the network sees them.
pub(super) fn scaled_rows(field: &str, x: &[f64], columns: &[Column]) -> Result<Vec<f64>> {
    rows(field, x, columns.len())?;
    check_finite(field, x, columns.len(), |c| &columns[c].name)?;
    Ok(x.chunks(columns.len())
        .flat_map(|row| row.iter().zip(columns).map(|(v, c)| c.scaled(*v)))
        .collect())
}

/// Names and scales that a model can work with.
pub(super) fn check_columns(field: &str, columns: &[Column], width: usize) -> Result<()> {
    if columns.len() != width {
        return Err(Error::invalid(
            field,
            format!("{} columns", columns.len()),
            format!("{width} columns"),
        ));
    }
    check_names(field, columns.iter().map(|c| c.name.as_str()))?;
    for c in columns {
        if !(c.shift.is_finite() && c.scale.is_finite() && c.scale > 0.0) {
            return Err(Error::invalid(
                format!("{field}.{}", c.name),
                format!("shift {}, scale {}", c.shift, c.scale),
                "a finite shift and a positive finite scale",
            ));
        }
    }
    Ok(())
}

/// Names that are not empty, each once, without control characters.
pub(super) fn check_names<'a>(field: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if name.is_empty() || name.chars().any(char::is_control) || !seen.insert(name) {
            return Err(Error::invalid(
                format!("{field}.name"),
                format!("{name:?}"),
                "names that are not empty, each once, without control characters",
            ));
        }
    }
    Ok(())
}
