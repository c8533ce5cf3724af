//! Request bodies: read within a limit, parsed, checked field by field.
//!
//! Unknown fields of a chat request and of the outer analysis request are ignored, as FastAPI does; inside
//! `options` they are refused, since a misspelt option would silently change the result. `null` counts as
//! absent. The Content-Type is not looked at: a body is JSON or it is refused.

use std::collections::HashSet;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use futures::StreamExt;
use nis_core::pipeline::{AnalyzeOptions, Dataset};
use nis_core::runtime::ChatRequest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{Detail, Failure};

/// Largest request body and WebSocket message, in bytes.
pub(crate) const LIMIT: usize = 1 << 20;

/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// How much of a body that is too large is read and thrown away, so that the client, still sending, gets
/// to read the answer instead of a reset connection.
const DRAINED: usize = 16 * LIMIT;

/// Reads a body within [`LIMIT`] and [`BODY_TIME`] and parses it.
pub(crate) async fn read_json(headers: &HeaderMap, body: Body) -> Result<Value, Failure> {
    let bytes = tokio::time::timeout(BODY_TIME, read(headers, body))
        .await
        .map_err(|_| {
            Failure::new(
                StatusCode::REQUEST_TIMEOUT,
                "timeout",
                format!("the body did not arrive within {} s", BODY_TIME.as_secs()),
            )
        })??;
    parse(&bytes)
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(0);
    let mut kept = Vec::with_capacity(announced.min(LIMIT));
    let mut seen = 0_usize;
    let mut stream = body.into_data_stream();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| {
            Failure::new(
                StatusCode::BAD_REQUEST,
                "body",
                "the body ended before it was complete",
            )
        })?;
        seen = seen.saturating_add(part.len());
        if seen > DRAINED {
            break;
        }
        if seen <= LIMIT {
            kept.extend_from_slice(&part);
        }
    }
    if seen > LIMIT {
        return Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "limit",
            format!("the body is over the limit of {LIMIT} bytes"),
        ));
    }
    Ok(kept.into())
}

/// Parses JSON; the error names the character where it stops being JSON.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Failure::invalid(Detail::bad_json(
            String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default())
                .chars()
                .count(),
            "not UTF-8",
        ))
    })?;
    if text.trim().is_empty() {
        return Err(Failure::invalid(
            Detail::new("missing", "", "Field required").with_input(&Value::Null),
        ));
    }
    serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        // The position has its own place in the answer.
        let reason = reason.split(" at line ").next().unwrap_or_default();
        Failure::invalid(Detail::bad_json(
            character(text, error.line(), error.column()),
            reason,
        ))
    })
}

/// The 0-based character of a 1-based line and byte column.
fn character(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let byte = (before + column.saturating_sub(1)).min(text.len());
    text.char_indices()
        .take_while(|(start, _)| *start < byte)
        .count()
}

fn not_an_object(value: &Value) -> Failure {
    Failure::invalid(
        Detail::new(
            "model_attributes_type",
            "",
            "Input should be a valid dictionary or object to extract fields from",
        )
        .with_input(value),
    )
}

/// A chat request, and the name of the field that held the message.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) request: ChatRequest,
    pub(crate) message_field: &'static str,
}

impl Chat {
    /// The names that a message may have; all that are given must agree.
    pub(crate) const HTTP: &'static [&'static str] = &["query", "message"];
    /// The same in a WebSocket frame.
    pub(crate) const FRAME: &'static [&'static str] = &["content", "message", "query"];

    /// Checks all fields and reports everything that is wrong with them at once.
    pub(crate) fn read(value: &Value, names: &[&'static str]) -> Result<Self, Failure> {
        let Some(object) = value.as_object() else {
            return Err(not_an_object(value));
        };
        let mut details = Vec::new();
        let mut text = |name: &str| -> Option<String> {
            match object.get(name) {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text.clone()),
                Some(other) => {
                    details.push(
                        Detail::new("string_type", name, "Input should be a valid string")
                            .with_input(other),
                    );
                    None
                }
            }
        };
        let given: Vec<(&'static str, String)> = names
            .iter()
            .filter_map(|name| text(name).map(|value| (*name, value)))
            .collect();
        let mut request = ChatRequest {
            conversation_id: text("conversation_id"),
            user_id: text("user_id"),
            provider: text("provider"),
            task: text("task"),
            ..ChatRequest::default()
        };
        let mut message_field = names.first().copied().unwrap_or("message");
        let wrong_type = names.iter().any(|name| {
            object
                .get(*name)
                .is_some_and(|v| !v.is_string() && !v.is_null())
        });
        match given.first() {
            Some((name, message)) if message.trim().is_empty() => details.push(
                Detail::new(
                    "string_too_short",
                    name,
                    "String should have at least 1 character that is not a space",
                )
                .with_input(&Value::String(message.clone())),
            ),
            Some((name, message)) => {
                if let Some((other, _)) = given.iter().find(|(_, text)| text != message) {
                    details.push(Detail::new(
                        "value_error",
                        other,
                        format!("{name} and {other} are both given and differ; send one of them"),
                    ));
                }
                message_field = name;
                request.message.clone_from(message);
            }
            None if wrong_type => {}
            None => details
                .push(Detail::new("missing", message_field, "Field required").with_input(value)),
        }
        if details.is_empty() {
            Ok(Chat {
                request,
                message_field,
            })
        } else {
            Err(Failure::Invalid(details))
        }
    }
}

#[derive(Deserialize)]
struct AnalyzeBody {
    #[serde(default)]
    source: Option<String>,
    columns: Vec<ColumnBody>,
    #[serde(default)]
    labels: Option<Vec<String>>,
    #[serde(default)]
    options: Option<AnalyzeOptions>,
}

#[derive(Deserialize)]
struct ColumnBody {
    name: String,
    /// `null` is a missing value; JSON has no NaN.
    values: Vec<Option<f64>>,
}

/// Reads the body of an analysis.
pub(crate) fn read_analysis(value: &Value) -> Result<(Dataset, AnalyzeOptions), Failure> {
    let body: AnalyzeBody = read_as(value)?;
    let rows = body.columns.first().map_or(0, |column| column.values.len());
    if rows == 0 {
        return Err(Failure::invalid(Detail::new(
            "too_short",
            "columns",
            "expected at least one column with at least one value",
        )));
    }
    // Dataset checks the same; here the answer can name the place in the body.
    let mut names = HashSet::new();
    for (index, column) in body.columns.iter().enumerate() {
        if column.values.len() != rows {
            return Err(Failure::invalid(Detail::new(
                "value_error",
                &format!("columns[{index}].values"),
                format!(
                    "got {} values, expected {rows} as in the first column",
                    column.values.len()
                ),
            )));
        }
        if column.name.trim().is_empty() || !names.insert(column.name.as_str()) {
            return Err(Failure::invalid(
                Detail::new(
                    "value_error",
                    &format!("columns[{index}].name"),
                    "expected a name that is not empty and not that of another column",
                )
                .with_input(&Value::String(column.name.clone())),
            ));
        }
    }
    if let Some(labels) = body.labels.as_ref().filter(|labels| labels.len() != rows) {
        return Err(Failure::invalid(Detail::new(
            "value_error",
            "labels",
            format!("got {} labels, expected one per row ({rows})", labels.len()),
        )));
    }
    let columns = body
        .columns
        .into_iter()
        .map(|column| {
            let values = column.values.into_iter();
            let values = values.map(|value| value.unwrap_or(f64::NAN)).collect();
            (column.name, values)
        })
        .collect();
    let source = body.source.as_deref().unwrap_or("request");
    let mut data = Dataset::from_columns(source, columns)
        .map_err(|error| Failure::from_core(error, str::to_owned))?;
    data.labels = body.labels;
    Ok((data, body.options.unwrap_or_default()))
}

/// Reads a body of a given form; the answer to one that does not fit names the place.
pub(crate) fn read_as<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    if !value.is_object() {
        return Err(not_an_object(value));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        unfit(value, path.trim_matches('.'), &error.inner().to_string())
    })
}

/// What serde says about a value that does not fit, in FastAPI's words where it has some.
fn unfit(root: &Value, path: &str, message: &str) -> Failure {
    let quoted = |message: &str| message.split('`').nth(1).unwrap_or_default().to_owned();
    let inside = |name: String| {
        if path.is_empty() {
            name
        } else {
            format!("{path}.{name}")
        }
    };
    let input = path
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
        .try_fold(root, |value, part| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            other => other.get(part),
        });
    let detail = if message.starts_with("missing field") {
        Detail::new("missing", &inside(quoted(message)), "Field required")
    } else {
        let kind = if message.starts_with("unknown field") {
            "extra_forbidden"
        } else if message.starts_with("invalid type") {
            "type_error"
        } else {
            "value_error"
        };
        let short: String = message.chars().take(300).collect();
        Detail::new(kind, path, short)
    };
    Failure::invalid(match input {
        Some(input) => detail.with_input(input),
        None => detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn details(failure: Failure) -> Value {
        failure.frame()["detail"].clone()
    }

    #[test]
    fn position_counts_characters() {
        let detail = details(parse("{\"é\": 1,\n\"b\": é}".as_bytes()).unwrap_err());
        assert_eq!(detail[0]["loc"], json!(["body", 14]));
        let detail = details(parse(b"{").unwrap_err());
        assert_eq!(detail[0]["type"], "json_invalid");
        let detail = details(parse(b"\"\xff\"").unwrap_err());
        assert_eq!(detail[0]["loc"], json!(["body", 1]));
        assert_eq!(details(parse(b" ").unwrap_err())[0]["type"], "missing");
        let deep = "[".repeat(100_000);
        assert_eq!(
            details(parse(deep.as_bytes()).unwrap_err())[0]["type"],
            "json_invalid"
        );
    }

    #[test]
    fn chat_names_every_wrong_field() {
        let body = json!({"query": 3, "user_id": [], "provider": "p", "extra": 1});
        let detail = details(Chat::read(&body, Chat::HTTP).unwrap_err());
        assert_eq!(detail[0]["loc"], json!(["body", "query"]));
        assert_eq!(detail[0]["input"], json!(3));
        assert_eq!(detail[1]["loc"], json!(["body", "user_id"]));
        assert_eq!(detail.as_array().unwrap().len(), 2);
    }

    #[test]
    fn both_names_may_agree_but_not_differ() {
        let same = json!({"query": "a", "message": "a", "user_id": null});
        let chat = Chat::read(&same, Chat::HTTP).unwrap();
        assert_eq!(
            (chat.request.message.as_str(), chat.message_field),
            ("a", "query")
        );
        assert_eq!(chat.request.user_id, None);
        let differ = json!({"query": "a", "message": "b"});
        let detail = details(Chat::read(&differ, Chat::HTTP).unwrap_err());
        assert_eq!(detail[0]["loc"], json!(["body", "message"]));
    }

    #[test]
    fn analysis_points_at_the_place() {
        let cases = [
            (json!({}), json!(["body", "columns"]), "missing"),
            (
                json!({"columns": []}),
                json!(["body", "columns"]),
                "too_short",
            ),
            (
                json!({"columns": [{"values": [1]}]}),
                json!(["body", "columns", 0, "name"]),
                "missing",
            ),
            (
                json!({"columns": [{"name": "a", "values": [1, "x"]}]}),
                json!(["body", "columns", 0, "values", 1]),
                "type_error",
            ),
            (
                json!({"columns": [{"name": "a", "values": [1]}], "options": {"modes": {"ordr": 2}}}),
                json!(["body", "options", "modes", "ordr"]),
                "extra_forbidden",
            ),
            (
                json!({"columns": [{"name": "a", "values": [1]}, {"name": "b", "values": [1, 2]}]}),
                json!(["body", "columns", 1, "values"]),
                "value_error",
            ),
            (
                json!({"columns": [{"name": "a", "values": [1]}, {"name": "a", "values": [1]}]}),
                json!(["body", "columns", 1, "name"]),
                "value_error",
            ),
            (
                json!({"columns": [{"name": "a", "values": [1]}], "labels": []}),
                json!(["body", "labels"]),
                "value_error",
            ),
        ];
        for (body, loc, kind) in cases {
            let detail = details(read_analysis(&body).unwrap_err());
            assert_eq!(detail[0]["loc"], loc, "{body}");
            assert_eq!(detail[0]["type"], kind, "{body}");
        }
    }

    #[test]
    fn null_is_a_missing_value() {
        let body = json!({"columns": [{"name": "a", "values": [1, null]}], "more": 1});
        let (data, options) = read_analysis(&body).unwrap();
        assert!(data.columns[0].values[1].is_nan());
        assert_eq!(options, AnalyzeOptions::default());
    }
}
