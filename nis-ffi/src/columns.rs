//! Columns from JSON in the order in which they stand.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

/// `{"name": [1.0, null, ...], ...}` in its own order, which `serde_json::Map` would not keep; `null` is
/// NaN.
pub(crate) struct Columns(pub(crate) Vec<(String, Vec<f64>)>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of columns, each an array of numbers or null")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
                let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    let values: Vec<Option<f64>> = map.next_value()?;
                    if columns.iter().any(|(other, _)| *other == name) {
                        return Err(A::Error::custom(format!("column {name:?} stands twice")));
                    }
                    let values = values.into_iter().map(|v| v.unwrap_or(f64::NAN));
                    columns.push((name, values.collect()));
                }
                Ok(Columns(columns))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_null_is_missing() {
        let columns: Columns =
            serde_json::from_str(r#"{"z": [1, 2.5], "a": [null, -1e3]}"#).unwrap();
        let names: Vec<_> = columns.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["z", "a"]);
        assert_eq!(columns.0[0].1, [1.0, 2.5]);
        assert!(columns.0[1].1[0].is_nan());
        assert_eq!(columns.0[1].1[1], -1e3);
    }

    #[test]
    fn what_is_no_column_is_refused() {
        for text in [
            r#"{"a": [1], "a": [2]}"#,
            r#"{"a": ["x"]}"#,
            r#"{"a": 1}"#,
            "[1]",
        ] {
            assert!(serde_json::from_str::<Columns>(text).is_err(), "{text}");
        }
    }
}
