//! Solutions beside known values.

use serde::{Deserialize, Serialize};

use super::Solution;
use crate::error::{Error, Result};

/// How far a solution is from a reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Points compared.
    pub points: usize,
    /// Norm of all differences over the norm of all reference values (each field divided by its own root mean
    /// square in the reference, so that units do not matter); the differences' norm alone where the reference
    /// vanishes.
    pub relative_l2: f64,
    /// Each field.
    pub fields: Vec<FieldComparison>,
}

/// One field beside its reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldComparison {
    /// Field name.
    pub field: String,
    /// Norm of the differences over the norm of the reference; `None` where the reference is zero everywhere.
    pub relative_l2: Option<f64>,
    /// Root mean square of the differences, in the field's unit.
    pub rms: f64,
    /// Largest difference, in the field's unit.
    pub max: f64,
    /// The point with the largest difference.
    pub at: Vec<f64>,
    /// Reference values that are not NaN.
    pub count: usize,
}

impl Solution {
    /// Compares with reference values at points: `points` as for [`Solution::evaluate`], `values` a row of fields
    /// for each (NaN where the reference has none).
    ///
    /// # Errors
    /// As [`Solution::evaluate`]; [`Error::InvalidInput`] where the numbers of values and points differ, a value
    /// is infinite, or a field has no value at all.
    pub fn compare(&self, points: &[f64], values: &[f64]) -> Result<Comparison> {
        let (d, m) = (self.coordinates.len(), self.fields.len());
        let own = self.evaluate(points)?;
        if own.len() != values.len() || own.is_empty() {
            return Err(Error::invalid(
                "values",
                format!("{} values", values.len()),
                format!("{} values, a row of {m} fields for each point", own.len()),
            ));
        }
        if let Some(at) = values.iter().position(|v| v.is_infinite()) {
            return Err(Error::invalid(
                format!("values[{}]", at / m.max(1)),
                values.get(at).copied().unwrap_or(f64::NAN),
                "a finite value, or NaN where there is none",
            ));
        }
        let mut fields = Vec::new();
        let (mut all, mut parts) = (0.0, 0.0);
        for (k, name) in self.fields.iter().enumerate() {
            let (mut off, mut size, mut count) = (0.0, 0.0, 0usize);
            let (mut max, mut worst) = (0.0, 0);
            let pairs = own.iter().zip(values).skip(k).step_by(m);
            for (i, (a, b)) in pairs.enumerate().filter(|(_, (_, b))| !b.is_nan()) {
                let e = (a - b).abs();
                off += e * e;
                size += b * b;
                count += 1;
                // `max` would drop a NaN.
                if e > max || e.is_nan() || count == 1 {
                    (max, worst) = (e, i);
                }
            }
            if count == 0 {
                return Err(Error::invalid(
                    "values",
                    format!("no value of {name}"),
                    "at least one reference value for each field",
                ));
            }
            let relative = (size > 0.0).then(|| (off / size).sqrt());
            all += relative.map_or(off, |r| r * r);
            parts += 1.0;
            fields.push(FieldComparison {
                field: name.clone(),
                relative_l2: relative,
                rms: (off / count as f64).sqrt(),
                max,
                at: points
                    .get(worst * d..(worst + 1) * d)
                    .unwrap_or(&[])
                    .to_vec(),
                count,
            });
        }
        Ok(Comparison {
            points: points.len() / d.max(1),
            relative_l2: (all / f64::max(parts, 1.0)).sqrt(),
            fields,
        })
    }
}
