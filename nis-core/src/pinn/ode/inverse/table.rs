//! Measured values, by rising time.

use crate::error::{Error, Result};
use crate::pinn::problem::{Observations, Problem};

/// The data by rising time.
pub(super) struct Table {
    pub(super) times: Vec<f64>,
    /// Index of each measured field.
    pub(super) fields: Vec<usize>,
    /// Per measured field: `(time, value)`, those that are there.
    pub(super) values: Vec<Vec<(usize, f64)>>,
}

impl Table {
    pub(super) fn new(problem: &Problem, data: &Observations) -> Result<Self> {
        let mut times: Vec<f64> = data
            .points
            .iter()
            .filter_map(|p| p.first().copied())
            .collect();
        if let Some(bad) = times.iter().find(|t| !t.is_finite()) {
            return Err(Error::invalid("data.points", bad, "finite times"));
        }
        times.sort_by(f64::total_cmp);
        times.dedup();
        let mut fields = Vec::new();
        let mut values = vec![Vec::new(); data.fields.len()];
        for name in &data.fields {
            let known = problem.fields.iter().position(|f| f == name);
            fields.push(known.ok_or_else(|| Error::NotFound {
                what: "field of the data".into(),
                name: format!("{name} (fields: {})", problem.fields.join(", ")),
            })?);
        }
        for (point, row) in data.points.iter().zip(&data.values) {
            let Some(t) = point.first() else { continue };
            let Ok(at) = times.binary_search_by(|v| v.total_cmp(t)) else {
                continue;
            };
            for (list, v) in values.iter_mut().zip(row).filter(|(_, v)| v.is_finite()) {
                list.push((at, *v));
            }
        }
        for list in &mut values {
            list.sort_by_key(|(at, _)| *at);
        }
        Ok(Table {
            times,
            fields,
            values,
        })
    }

    /// The columns, where every field of the problem was measured once at every time.
    pub(super) fn complete(&self) -> Option<Vec<(usize, Vec<f64>)>> {
        let mut sorted = self.fields.clone();
        sorted.sort_unstable();
        let all = sorted.iter().copied().eq(0..sorted.len());
        let whole =
            |list: &Vec<(usize, f64)>| list.iter().map(|(at, _)| *at).eq(0..self.times.len());
        (all && self.values.iter().all(whole)).then(|| {
            let columns = self
                .values
                .iter()
                .map(|l| l.iter().map(|(_, v)| *v).collect());
            self.fields.iter().copied().zip(columns).collect()
        })
    }

    /// A column without gaps: what is missing by straight lines. For starting values only.
    pub(super) fn filled(&self, k: usize) -> Option<Vec<f64>> {
        let list = self.values.get(k).filter(|l| !l.is_empty())?;
        let mut out = Vec::with_capacity(self.times.len());
        for (i, t) in self.times.iter().enumerate() {
            let next = list.partition_point(|(at, _)| *at < i);
            let (a, b) = (
                list.get(next.saturating_sub(1)).or(list.first())?,
                list.get(next).or(list.last())?,
            );
            let (ta, tb) = (self.times.get(a.0)?, self.times.get(b.0)?);
            let share = if tb > ta {
                ((t - ta) / (tb - ta)).clamp(0.0, 1.0)
            } else {
                1.0
            };
            out.push(a.1 + share * (b.1 - a.1));
        }
        Some(out)
    }
}
