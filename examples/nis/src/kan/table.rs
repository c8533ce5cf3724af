//! Columns of a CSV file as the rows of a network.

use nis_core::pipeline::Dataset;

use crate::Stop;
use crate::laplace::column;

/// Rows of the named columns, one after the other.
pub(crate) fn rows(data: &Dataset, names: &[String]) -> Result<Vec<f64>, Stop> {
    let columns = names
        .iter()
        .map(|name| column(data, name))
        .collect::<Result<Vec<&[f64]>, Stop>>()?;
    let count = columns.first().map_or(0, |c| c.len());
    let mut out = Vec::with_capacity(count.saturating_mul(columns.len()));
    for row in 0..count {
        out.extend(columns.iter().filter_map(|c| c.get(row)));
    }
    Ok(out)
}

/// The classes of a column, sorted, and the index of each row's.
pub(crate) fn classes(data: &Dataset, name: &str) -> Result<(Vec<String>, Vec<f64>), Stop> {
    let texts: Vec<String> = match &data.labels {
        Some(labels) if data.text_columns.first().is_some_and(|t| t == name) => labels.clone(),
        _ => {
            let values = column(data, name)?;
            if let Some(row) = values.iter().position(|v| v.is_nan()) {
                return Err(Stop::BadInput(format!(
                    "{name}: row {row} has no class (rows count from 0)"
                )));
            }
            values.iter().map(ToString::to_string).collect()
        }
    };
    let mut names = texts.clone();
    // Numbers by their value, other names by the alphabet.
    names.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    names.dedup();
    let index = |text: &String| names.iter().position(|n| n == text).unwrap_or(0) as f64;
    let rows = texts.iter().map(index).collect();
    Ok((names, rows))
}
