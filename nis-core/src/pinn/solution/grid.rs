//! Solutions on regular grids.

use serde::{Deserialize, Serialize};

use super::super::points::Points;
use super::super::problem::Domain;
use super::Solution;
use crate::error::{Error, Result};

/// Points of a grid at most.
const MAX_POINTS: usize = 1 << 24;

/// Share of a range by which a point may lie outside it: rounding of the caller's arithmetic.
const SLACK: f64 = 1e-9;

/// Values on the points of a regular grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Names of the axes.
    pub coordinates: Vec<String>,
    /// Names of the fields.
    pub fields: Vec<String>,
    /// Coordinates along each axis, evenly spaced from the lowest to the highest.
    pub axes: Vec<Vec<f64>>,
    /// The values: axes in order, the last one varying fastest, and the fields of a point side by side. `None`
    /// (NaN in [`Grid::numbers`]) at points that are not in the domain.
    pub values: Vec<Option<f64>>,
}

impl Grid {
    /// The values with NaN in the place of `None`.
    pub fn numbers(&self) -> Vec<f64> {
        self.values.iter().map(|v| v.unwrap_or(f64::NAN)).collect()
    }
}

/// Whether each point lies in the domain, up to rounding.
pub(super) fn inside(domain: &Domain, points: &Points) -> Result<Vec<bool>> {
    let mut inside = vec![true; points.len()];
    for (axis, range) in domain.ranges.iter().enumerate() {
        for (inside, v) in inside.iter_mut().zip(points.column(axis)) {
            *inside &= within(*range, *v);
        }
    }
    if domain.is_box() {
        return Ok(inside);
    }
    let middle: Vec<f64> = domain.ranges.iter().map(|[a, b]| 0.5 * (a + b)).collect();
    for (i, inside) in inside.iter_mut().enumerate().filter(|(_, fine)| **fine) {
        let at = |share: f64| -> Vec<f64> {
            let own = points.columns().zip(&middle);
            own.map(|(c, m)| m + share * (c.get(i).copied().unwrap_or(f64::NAN) - m))
                .collect()
        };
        // A point of the boundary may be off by rounding: nearer to the middle or farther (at a hole) it is inside.
        *inside = domain.contains(&at(1.0))?
            || domain.contains(&at(1.0 - SLACK))?
            || domain.contains(&at(1.0 + SLACK))?;
    }
    Ok(inside)
}

/// Whether a coordinate lies in its range, up to rounding.
pub(super) fn within([low, high]: [f64; 2], v: f64) -> bool {
    let slack = SLACK * (high - low).abs();
    v >= low - slack && v <= high + slack
}

impl Solution {
    /// The fields on a regular grid over the domain: `counts[k]` points along axis `k` (in the order of
    /// [`Solution::coordinates`]), both ends included; one number serves all axes.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a wrong number of counts or a count below 2; [`Error::Limit`] above 2^24
    /// points.
    pub fn on_grid(&self, counts: &[usize]) -> Result<Grid> {
        let d = self.coordinates.len();
        let counts = match counts {
            [one] => vec![*one; d],
            many if many.len() == d => many.to_vec(),
            other => {
                return Err(Error::invalid(
                    "counts",
                    format!("{} numbers", other.len()),
                    format!(
                        "one number, or one for each of {}",
                        self.coordinates.join(", ")
                    ),
                ));
            }
        };
        if let Some(axis) = counts.iter().position(|n| *n < 2) {
            return Err(Error::invalid(
                format!("counts.{}", self.name_of(axis)),
                counts.get(axis).copied().unwrap_or(0),
                "at least 2 points along an axis",
            ));
        }
        let total = counts.iter().try_fold(1usize, |a, n| a.checked_mul(*n));
        let total = total.filter(|n| *n <= MAX_POINTS).ok_or(Error::Limit {
            what: "points of a grid".into(),
            limit: MAX_POINTS as u64,
            got: counts.iter().fold(1u64, |a, n| a.saturating_mul(*n as u64)),
        })?;
        let axes: Vec<Vec<f64>> = counts
            .iter()
            .zip(&self.ranges)
            .map(|(n, [low, high])| {
                let step = (*n - 1) as f64;
                (0..*n)
                    .map(|i| low * ((step - i as f64) / step) + high * (i as f64 / step))
                    .collect()
            })
            .collect();
        let mut all = Points::zeros(d, total);
        let mut repeat = 1;
        for (axis, values) in axes.iter().enumerate().rev() {
            for (i, place) in all.column_mut(axis).iter_mut().enumerate() {
                if let Some(v) = values.get(i / repeat % values.len()) {
                    *place = *v;
                }
            }
            repeat *= values.len();
        }
        let inside = inside(&self.domain, &all)?;
        let mut within = Points::new(d);
        for i in (0..total).filter(|i| inside.get(*i) == Some(&true)) {
            within.push(all.columns().filter_map(|c| c.get(i).copied()));
        }
        let rows = self.rows(&self.values(), &within)?;
        let mut rows = rows.chunks_exact(self.fields.len().max(1));
        let mut values = Vec::with_capacity(total * self.fields.len());
        for fine in inside {
            match if fine { rows.next() } else { None } {
                Some(row) => values.extend(row.iter().copied().map(Some)),
                None => values.extend(self.fields.iter().map(|_| None)),
            }
        }
        Ok(Grid {
            coordinates: self.coordinates.clone(),
            fields: self.fields.clone(),
            axes,
            values,
        })
    }
}
