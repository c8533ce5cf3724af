//! The scientific path as a tool.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Context, Tool, read};
use crate::error::{Error, Result};
use crate::pipeline::{self, AnalyzeOptions, Dataset};

/// Most cells of data given inline.
pub const MAX_INLINE_CELLS: usize = 1_000_000;

/// Longest list that a result hands to a model; longer ones are replaced by their length.
const LONGEST_LIST: usize = 32;

/// Runs signal -> modes -> law -> equation -> verdict on columns given inline.
#[derive(Debug, Clone, Copy)]
pub struct Analyze;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    columns: Vec<InlineColumn>,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    law: bool,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    equation: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InlineColumn {
    name: String,
    values: Vec<Option<f64>>,
}

impl Tool for Analyze {
    fn name(&self) -> &'static str {
        "analyze"
    }

    fn description(&self) -> &'static str {
        "Analyses measured data: damped modes of a time series, a law between columns as a formula, the fit of a \
         differential equation, and physics checks, each with its uncertainty. Use it for data, not for arithmetic."
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "columns": {
                    "type": "array",
                    "description": "the data, column by column, all of the same length",
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "values": {"type": "array", "items": {"type": ["number", "null"]}},
                        },
                        "required": ["name", "values"],
                        "additionalProperties": false,
                    },
                },
                "time": {"type": "string", "description": "name of the time column; found where left out"},
                "law": {"type": "boolean", "description": "rows are unordered: learn `target` from the other columns"},
                "target": {"type": "string", "description": "the column to explain in a law"},
                "equation": {"type": "string", "description": "equations to fit, for example y'' = -w2*y - g*y'"},
            },
            "required": ["columns"],
            "additionalProperties": false,
        })
    }

    fn call(&self, arguments: Value, context: &Context<'_>) -> Result<Value> {
        let given: Arguments = read(self.name(), arguments)?;
        let cells = given
            .columns
            .iter()
            .map(|c| c.values.len())
            .fold(0usize, usize::saturating_add);
        if cells > MAX_INLINE_CELLS {
            return Err(Error::Limit {
                what: "analyze.columns: cells".into(),
                limit: MAX_INLINE_CELLS as u64,
                got: cells as u64,
            });
        }
        let columns = given.columns.into_iter().map(|c| {
            let values = c
                .values
                .into_iter()
                .map(|v| v.unwrap_or(f64::NAN))
                .collect();
            (c.name, values)
        });
        let data = Dataset::from_columns("the message", columns.collect())?;
        let options = AnalyzeOptions {
            time: given.time,
            law: given.law,
            target: given.target,
            equation: given.equation,
            ..AnalyzeOptions::default()
        };
        let report = pipeline::analyze(&data, &options, &context.progress)?;
        let mut value = serde_json::to_value(&report).map_err(|e| Error::Internal {
            message: format!("the report is no JSON: {e}"),
        })?;
        if let Some(map) = value.as_object_mut() {
            map.remove("series");
        }
        shorten(&mut value);
        Ok(value)
    }
}

/// Replaces long lists of numbers: a model reads figures, not curves.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(items)
            if items.len() > LONGEST_LIST && items.iter().all(|v| v.is_number() || v.is_null()) =>
        {
            *value = json!(format!("{} numbers left out", items.len()));
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(map) => map.values_mut().for_each(shorten),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Cancel, Progress};

    fn call(arguments: Value, progress: Progress<'_>) -> Result<Value> {
        Analyze.call(
            arguments,
            &Context {
                user: "ann",
                progress,
            },
        )
    }

    #[test]
    fn bad_data_is_named() {
        for (arguments, field) in [
            (json!({}), "analyze"),
            (json!({"columns": [{"name": "t"}]}), "analyze.columns[0]"),
            (
                json!({"columns": [{"name": "t", "values": [1, "x"]}]}),
                "analyze.columns[0].values[1]",
            ),
        ] {
            let e = call(arguments.clone(), Progress::none()).unwrap_err();
            assert_eq!(e.field(), Some(field), "{arguments}: {e}");
        }
        let ragged =
            json!({"columns": [{"name": "t", "values": [1, 2]}, {"name": "y", "values": [1]}]});
        assert!(matches!(
            call(ragged, Progress::none()),
            Err(Error::InvalidInput { .. })
        ));
    }

    #[test]
    fn long_lists_are_named_not_sent() {
        let mut value = json!({"a": vec![1.0; 40], "b": [{"c": [1, 2]}]});
        shorten(&mut value);
        assert_eq!(
            value,
            json!({"a": "40 numbers left out", "b": [{"c": [1, 2]}]})
        );
    }

    #[test]
    fn a_cancelled_call_does_not_start() {
        let cancel = Cancel::new();
        cancel.cancel();
        let progress = Progress::none().with_cancel(&cancel);
        let mut tools = super::super::Toolbox::default();
        tools.add(std::sync::Arc::new(Analyze)).unwrap();
        let e = tools
            .call(
                "analyze",
                "{}",
                &Context {
                    user: "ann",
                    progress,
                },
            )
            .unwrap_err();
        assert_eq!(e, Error::Cancelled);
    }
}
