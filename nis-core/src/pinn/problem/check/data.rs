//! Checks of measured values.

use crate::error::{Error, Result};
use crate::pinn::problem::{Problem, Role};

/// Most measurements.
const MAX_ROWS: usize = 1_000_000;

pub(super) fn check(problem: &Problem, notes: &mut Vec<String>) -> Result<()> {
    let Some(data) = &problem.spec.data else {
        return Ok(());
    };
    let own = problem
        .coordinates
        .iter()
        .filter(|c| c.role != Role::Parameter);
    let own: Vec<_> = own.collect();
    let (rows, width) = (data.points.len(), data.fields.len());
    if rows > MAX_ROWS {
        return Err(Error::Limit {
            what: "data.points".into(),
            limit: MAX_ROWS as u64,
            got: rows as u64,
        });
    }
    if width == 0 || rows == 0 {
        return Err(Error::invalid(
            "data",
            format!("{width} fields, {rows} points"),
            "at least one field and one point",
        ));
    }
    if let Some(name) = data
        .fields
        .iter()
        .find(|f| data.fields.iter().filter(|o| o == f).count() > 1)
    {
        return Err(Error::invalid("data.fields", name, "every field once"));
    }
    if data.values.len() != rows {
        return Err(Error::invalid(
            "data.values",
            format!("{} rows", data.values.len()),
            format!("{rows} rows, as `points` has"),
        ));
    }
    let mut outside = 0;
    let mut measured = 0;
    for (i, (point, values)) in data.points.iter().zip(&data.values).enumerate() {
        if point.len() != own.len() {
            return Err(Error::invalid(
                format!("data.points[{i}]"),
                format!("{} numbers", point.len()),
                format!("{}, one per coordinate", own.len()),
            ));
        }
        if values.len() != width {
            return Err(Error::invalid(
                format!("data.values[{i}]"),
                format!("{} numbers", values.len()),
                format!("{width}, one per field"),
            ));
        }
        for (c, v) in own.iter().zip(point) {
            let slack = 1e-9 * (c.range[1] - c.range[0]);
            if !v.is_finite() || *v < c.range[0] - slack || *v > c.range[1] + slack {
                return Err(Error::invalid(
                    format!("data.points[{i}]"),
                    format!("{} = {v}", c.name),
                    format!("{} from {} to {}", c.name, c.range[0], c.range[1]),
                ));
            }
        }
        if let Some(bad) = values.iter().find(|v| v.is_infinite()) {
            return Err(Error::invalid(
                format!("data.values[{i}]"),
                bad,
                "finite numbers, or NaN where nothing was measured",
            ));
        }
        measured += values.iter().filter(|v| !v.is_nan()).count();
        if own.len() == problem.coordinates.len() && !problem.domain.contains(point)? {
            outside += 1;
        }
    }
    if measured == 0 {
        return Err(Error::invalid(
            "data.values",
            "NaN only",
            "at least one measured value",
        ));
    }
    if outside > 0 {
        notes.push(format!(
            "{outside} of {rows} measurements lie outside of the domain"
        ));
    }
    if let Some(noise) = &data.noise
        && (noise.len() != width || noise.iter().any(|s| !s.is_finite() || *s <= 0.0))
    {
        return Err(Error::invalid(
            "data.noise",
            format!("{noise:?}"),
            format!("{width} positive numbers, one per field"),
        ));
    }
    Ok(())
}
