//! Measured values as columns by name, as tables and files hold them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{DomainSpec, Observations, Shape};
use crate::error::{Error, Result};

/// The coordinate of time.
const TIME: &str = "t";

/// Known standard deviation of measured values, in their unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scatter {
    /// The same for every field.
    Equal(f64),
    /// By field.
    Each(BTreeMap<String, f64>),
}

impl DomainSpec {
    /// Names of the coordinates in the order of points: space by name, then time.
    ///
    /// ```
    /// use nis_core::pinn::ProblemSpec;
    /// let spec = ProblemSpec::new(["u_t = u_xx"]).interval("t", 0.0, 1.0).interval("x", 0.0, 1.0);
    /// assert_eq!(spec.domain.coordinates(), ["x", "t"]);
    /// ```
    pub fn coordinates(&self) -> Vec<String> {
        let mut names: Vec<String> = self.ranges.keys().cloned().collect();
        let implied: &[&str] = match self.shape {
            Some(Shape::Disk { .. } | Shape::Polygon(_) | Shape::Rectangle(..)) => &["x", "y"],
            Some(Shape::Ball { .. } | Shape::Cuboid(..)) => &["x", "y", "z"],
            Some(Shape::Below(_)) | None => &[],
        };
        for name in implied {
            if !self.ranges.contains_key(*name) {
                names.push((*name).into());
            }
        }
        names.sort_by(|a, b| (a == TIME).cmp(&(b == TIME)).then_with(|| a.cmp(b)));
        names
    }
}

impl Observations {
    /// Measured values from columns by name: one for each coordinate of the domain, every other one a field.
    ///
    /// ```
    /// use nis_core::pinn::{Observations, ProblemSpec};
    /// let spec = ProblemSpec::new(["u' = -k*u"]).interval("t", 0.0, 2.0);
    /// let columns = vec![("t".to_string(), vec![0.0, 1.0]), ("u".to_string(), vec![1.0, 0.4])];
    /// let data = Observations::from_columns(&spec.domain, columns, None)?;
    /// assert_eq!((data.fields.len(), data.points.len()), (1, 2));
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a coordinate has no column, no field is left, lengths differ, a name stands
    /// twice, or `noise` does not name the fields.
    pub fn from_columns(
        domain: &DomainSpec,
        columns: Vec<(String, Vec<f64>)>,
        noise: Option<&Scatter>,
    ) -> Result<Self> {
        let rows = columns.first().map_or(0, |(_, values)| values.len());
        for (k, (name, values)) in columns.iter().enumerate() {
            if values.len() != rows {
                return Err(Error::invalid(
                    format!("data.{name}"),
                    format!("{} values", values.len()),
                    format!("{rows} values, as in the first column"),
                ));
            }
            if columns.iter().take(k).any(|(other, _)| other == name) {
                return Err(Error::invalid(
                    format!("data.{name}"),
                    "a second column of that name",
                    "each name once",
                ));
            }
        }
        let names = domain.coordinates();
        let mut points = vec![Vec::with_capacity(names.len()); rows];
        for name in &names {
            let Some((_, column)) = columns.iter().find(|(other, _)| other == name) else {
                let found: Vec<&str> = columns.iter().map(|(n, _)| n.as_str()).collect();
                return Err(Error::invalid(
                    format!("data.{name}"),
                    format!("columns {}", found.join(", ")),
                    "a column for each coordinate",
                ));
            };
            for (point, value) in points.iter_mut().zip(column) {
                point.push(*value);
            }
        }
        let (mut fields, mut values) = (Vec::new(), vec![Vec::new(); rows]);
        for (name, column) in columns {
            if names.contains(&name) {
                continue;
            }
            for (row, value) in values.iter_mut().zip(column) {
                row.push(value);
            }
            fields.push(name);
        }
        if fields.is_empty() {
            return Err(Error::invalid(
                "data",
                format!("columns {}", names.join(", ")),
                "a column for one field or more beside the coordinates",
            ));
        }
        Ok(Observations {
            noise: noise.map(|n| n.of(&fields)).transpose()?,
            fields,
            points,
            values,
        })
    }
}

impl Scatter {
    fn of(&self, fields: &[String]) -> Result<Vec<f64>> {
        let each = match self {
            Scatter::Equal(value) => return Ok(vec![*value; fields.len()]),
            Scatter::Each(each) => each,
        };
        if let Some((name, value)) = each.iter().find(|(name, _)| !fields.contains(name)) {
            return Err(Error::invalid(
                format!("noise.{name}"),
                value,
                format!("one of the measured fields: {}", fields.join(", ")),
            ));
        }
        let of = |field: &String| {
            each.get(field).copied().ok_or_else(|| {
                Error::invalid(
                    format!("noise.{field}"),
                    "nothing",
                    "a standard deviation for each measured field",
                )
            })
        };
        fields.iter().map(of).collect()
    }
}

/// Rows of values as JSON knows them: `null` stands for NaN.
pub(super) mod gaps {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Row<T> = Vec<Vec<T>>;

    pub(in super::super) fn serialize<S: Serializer>(
        rows: &[Vec<f64>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let cell = |v: &f64| (!v.is_nan()).then_some(*v);
        let rows: Row<Option<f64>> = rows
            .iter()
            .map(|row| row.iter().map(cell).collect())
            .collect();
        rows.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Row<f64>, D::Error> {
        let rows: Row<Option<f64>> = Vec::deserialize(deserializer)?;
        let row = |row: Vec<Option<f64>>| row.into_iter().map(|v| v.unwrap_or(f64::NAN));
        Ok(rows.into_iter().map(|r| row(r).collect()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pinn::ProblemSpec;

    fn columns(names: &[&str]) -> Vec<(String, Vec<f64>)> {
        let numbered = names.iter().enumerate();
        numbered
            .map(|(k, name)| (name.to_string(), vec![k as f64, 10.0 + k as f64]))
            .collect()
    }

    fn each(values: &[(&str, f64)]) -> Scatter {
        Scatter::Each(values.iter().map(|(n, v)| (n.to_string(), *v)).collect())
    }

    #[test]
    fn columns_are_sorted_into_coordinates_and_fields() {
        let spec = ProblemSpec::new(["u_t = u_yy"])
            .interval("t", 0.0, 1.0)
            .interval("y", 0.0, 1.0);
        let noise = each(&[("v", 0.1), ("u", 0.2)]);
        let data =
            Observations::from_columns(&spec.domain, columns(&["u", "t", "v", "y"]), Some(&noise))
                .unwrap();
        assert_eq!(data.fields, ["u", "v"]);
        assert_eq!(data.points, [[3.0, 1.0], [13.0, 11.0]]);
        assert_eq!(data.values, [[0.0, 2.0], [10.0, 12.0]]);
        assert_eq!(data.noise, Some(vec![0.2, 0.1]));
        let both = columns(&["t", "y", "u", "v"]);
        let data = Observations::from_columns(&spec.domain, both, Some(&Scatter::Equal(0.3)));
        assert_eq!(data.unwrap().noise, Some(vec![0.3, 0.3]));
    }

    #[test]
    fn gaps_are_null_in_json() {
        let data: Observations = serde_json::from_str(
            r#"{"fields": ["u"], "points": [[0], [1]], "values": [[null], [2.5]]}"#,
        )
        .unwrap();
        assert!(data.values[0][0].is_nan() && data.values[1][0] == 2.5);
        let text = serde_json::to_string(&data).unwrap();
        assert!(text.contains("[[null],[2.5]]"), "{text}");
        let named: Observations = serde_json::from_str(r#"{"fields": ["u"]}"#).unwrap();
        assert!(named.points.is_empty() && named.values.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let spec = ProblemSpec::new(["u' = -u"]).interval("t", 0.0, 1.0);
        let field = |columns, noise: &[(&str, f64)]| {
            let noise = (!noise.is_empty()).then(|| each(noise));
            let error =
                Observations::from_columns(&spec.domain, columns, noise.as_ref()).unwrap_err();
            error.field().map(str::to_string)
        };
        assert_eq!(field(columns(&["u"]), &[]).as_deref(), Some("data.t"));
        assert_eq!(field(columns(&["t"]), &[]).as_deref(), Some("data"));
        assert_eq!(
            field(columns(&["t", "u", "u"]), &[]).as_deref(),
            Some("data.u")
        );
        let mut uneven = columns(&["t", "u"]);
        uneven[1].1.pop();
        assert_eq!(field(uneven, &[]).as_deref(), Some("data.u"));
        assert_eq!(
            field(columns(&["t", "u"]), &[("w", 1.0)]).as_deref(),
            Some("noise.w")
        );
        assert_eq!(
            field(columns(&["t", "u", "v"]), &[("u", 1.0)]).as_deref(),
            Some("noise.v")
        );
        assert_eq!(field(Vec::new(), &[]).as_deref(), Some("data.t"));
    }
}
