//! JSON text to a typed value, with errors that name the field.

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::error::{Error, Result};

/// Reads JSON text into a spec such as [`super::ChatRequest`] or
/// [`AnalyzeOptions`](crate::pipeline::AnalyzeOptions). Every face reads its input through this.
///
/// # Errors
/// [`Error::Parse`] with the column where the text is no JSON; [`Error::InvalidInput`] with the path of the
/// field (below `what`), its value and what fits there, where the JSON is no `T`.
///
/// ```
/// use nis_core::{Error, pipeline::AnalyzeOptions, runtime::read_json};
/// let e = read_json::<AnalyzeOptions>("options", r#"{"law": "yes"}"#).unwrap_err();
/// assert_eq!(e.field(), Some("options.law"));
/// assert!(e.to_string().contains("got \"yes\", expected"), "{e}");
/// ```
pub fn read_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    if let Err(e) = serde_json::from_str::<IgnoredAny>(text) {
        let line = text.lines().nth(e.line().saturating_sub(1)).unwrap_or("");
        // serde_json counts bytes; people count characters.
        let column = line
            .char_indices()
            .take_while(|(at, _)| at + 1 < e.column())
            .count();
        let what = format!("{what}, line {}", e.line().max(1));
        return Err(Error::parse(
            what,
            column + 1,
            without_place(&e.to_string()),
        ));
    }
    // Specs are objects; serde would also take a list as the fields in order.
    if !text.trim_start().starts_with('{') {
        return Err(Error::invalid(what, text.trim(), "a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        let inside = e.path().to_string();
        let value = value_at(text, e.path()).unwrap_or_else(|| "nothing".to_owned());
        let field = match inside.as_str() {
            "." | "?" => what.to_owned(),
            inside => format!("{what}.{inside}"),
        };
        Error::invalid(field, value, without_place(&e.inner().to_string()))
    })
}

/// The message without ` at line 1 column 2`, which [`Error::Parse`] carries itself.
fn without_place(message: &str) -> &str {
    message
        .rfind(" at line ")
        .and_then(|at| message.get(..at))
        .unwrap_or(message)
}

/// The JSON at a path, as text.
fn value_at(text: &str, path: &serde_path_to_error::Path) -> Option<String> {
    use serde_path_to_error::Segment;
    let root: serde_json::Value = serde_json::from_str(text).ok()?;
    let mut value = &root;
    for segment in path.iter() {
        value = match segment {
            Segment::Seq { index } => value.get(index)?,
            Segment::Map { key } => value.get(key)?,
            Segment::Enum { .. } | Segment::Unknown => return Some(value.to_string()),
        };
    }
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::AnalyzeOptions;
    use crate::runtime::ChatRequest;

    #[test]
    fn broken_text_is_a_parse_error_at_its_column() {
        let e = read_json::<ChatRequest>("request", "{\"message\":\n \"é\" x}").unwrap_err();
        let Error::Parse { what, column, .. } = e else {
            panic!("{e}")
        };
        assert_eq!((what.as_str(), column), ("request, line 2", 6));
        for text in ["", "{", "nul", "{\"message\": \"a\"} x"] {
            let e = read_json::<ChatRequest>("request", text).unwrap_err();
            assert!(matches!(e, Error::Parse { .. }), "{text}: {e}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_path() {
        for (text, field, value) in [
            (
                r#"{"modes": {"order": "x"}}"#,
                "options.modes.order",
                "\"x\"",
            ),
            (r#"{"nonsense": 3}"#, "options.nonsense", "3"),
            ("[1]", "options", "[1]"),
            ("7", "options", "7"),
        ] {
            let e = read_json::<AnalyzeOptions>("options", text).unwrap_err();
            let Error::InvalidInput {
                field: f, value: v, ..
            } = &e
            else {
                panic!("{text}: {e}")
            };
            assert_eq!((f.as_str(), v.as_str()), (field, value), "{e}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_a_crash() {
        let deep = "[".repeat(100_000);
        assert!(read_json::<AnalyzeOptions>("options", &deep).is_err());
    }
}
