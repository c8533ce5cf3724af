//! Errors as the client sees them: FastAPI's list of field paths for input that does not fit, one object
//! for the rest. An error holds nothing that the client did not send; the full text goes to stderr.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nis_core::Error;
use serde_json::{Value, json};

/// Longest value of the client that is repeated to it, in bytes of JSON.
const ECHOED: usize = 1024;

/// One thing that is wrong with the input.
#[derive(Debug)]
pub(crate) struct Detail {
    /// Kind, in Pydantic's vocabulary where it has a word.
    kind: &'static str,
    /// Where: `["body", "options", "modes", "order"]`; numbers are indices.
    loc: Vec<Value>,
    /// What is wrong, for people.
    msg: String,
    /// The offending value.
    input: Option<Value>,
    /// More about it.
    ctx: Option<Value>,
}

impl Detail {
    /// A detail about a field inside the body; the path is as in `options.modes.order` or
    /// `columns[2].name`, empty for the body itself.
    pub(crate) fn new(kind: &'static str, path: &str, msg: impl Into<String>) -> Self {
        Detail {
            kind,
            loc: location(path),
            msg: msg.into(),
            input: None,
            ctx: None,
        }
    }

    /// Adds the offending value, unless it is long.
    pub(crate) fn with_input(mut self, input: &Value) -> Self {
        if serde_json::to_string(input).is_ok_and(|text| text.len() <= ECHOED) {
            self.input = Some(input.clone());
        }
        self
    }

    /// Text that is no JSON from the character at `position` on.
    pub(crate) fn bad_json(position: usize, reason: &str) -> Self {
        Detail {
            kind: "json_invalid",
            loc: vec![json!("body"), json!(position)],
            msg: "JSON decode error".into(),
            input: Some(json!({})),
            ctx: Some(json!({ "error": reason })),
        }
    }

    fn to_json(&self) -> Value {
        let mut value = json!({ "type": self.kind, "loc": self.loc, "msg": self.msg });
        if let Some(input) = &self.input {
            value["input"] = input.clone();
        }
        if let Some(ctx) = &self.ctx {
            value["ctx"] = ctx.clone();
        }
        value
    }

    /// The field's path inside the body; empty for the body itself.
    fn path(&self) -> String {
        let path: Vec<String> = self
            .loc
            .iter()
            .skip(1)
            .map(|part| match part {
                Value::String(name) => name.clone(),
                other => other.to_string(),
            })
            .collect();
        path.join(".")
    }

    fn sentence(&self) -> String {
        let path = self.path();
        if path.is_empty() {
            self.msg.clone()
        } else {
            format!("{path}: {}", self.msg)
        }
    }
}

fn location(path: &str) -> Vec<Value> {
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    std::iter::once(json!("body"))
        .chain(parts.map(|part| match part.parse::<u64>() {
            Ok(index) => json!(index),
            Err(_) => json!(part),
        }))
        .collect()
}

/// Why a request was not answered.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The input does not fit: 422.
    Invalid(Vec<Detail>),
    /// Anything else.
    Other {
        /// HTTP status.
        status: StatusCode,
        /// Stable name of the kind.
        code: &'static str,
        /// For the client.
        message: String,
        /// The field it is about.
        field: Option<String>,
        /// For the operator, where it says more than the client may see.
        log: Option<String>,
    },
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Failure::Other {
            status,
            code,
            message: message.into(),
            field: None,
            log: None,
        }
    }

    /// One thing that is wrong with the input.
    pub(crate) fn invalid(detail: Detail) -> Self {
        Failure::Invalid(vec![detail])
    }

    /// A panic that a barrier caught, or the like. The client learns only that it happened.
    pub(crate) fn internal(log: impl Into<String>) -> Self {
        Failure::Other {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "internal",
            message: "internal error".into(),
            field: None,
            log: Some(log.into()),
        }
    }

    /// An error of nis-core; `place` turns its field into a path inside the body.
    pub(crate) fn from_core(error: Error, place: impl Fn(&str) -> String) -> Self {
        let code = error.code().name();
        let field = error.field().map(&place);
        let text = error.to_string();
        let (status, message, log) = match error {
            Error::InvalidInput {
                field,
                value,
                expected,
            } => {
                return Failure::invalid(Detail::new(
                    "value_error",
                    &place(&field),
                    format!("got {value}, expected {expected}"),
                ));
            }
            Error::Parse { what, .. } => {
                return Failure::invalid(Detail::new("parse_error", &place(&what), text));
            }
            Error::Numerical { .. } => {
                return Failure::invalid(Detail::new("numerical_error", "", text));
            }
            Error::NotFound { .. } => (StatusCode::NOT_FOUND, text, None),
            Error::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, text, None),
            Error::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, text, None),
            Error::Timeout { .. } => (StatusCode::GATEWAY_TIMEOUT, text, None),
            Error::Limit { .. } => (StatusCode::PAYLOAD_TOO_LARGE, text, None),
            // The upstream's own words may hold its address or a piece of the key.
            Error::Provider {
                provider,
                status,
                retryable,
                ..
            } => {
                let answered = status.map_or("failed".to_owned(), |status| {
                    format!("failed with HTTP status {status}")
                });
                let advice = if retryable {
                    "the same request may succeed later"
                } else {
                    "the same request will fail again"
                };
                (
                    StatusCode::BAD_GATEWAY,
                    format!("provider {provider} {answered}; {advice}"),
                    Some(text),
                )
            }
            _ => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal error".into(),
                Some(text),
            ),
        };
        Failure::Other {
            status,
            code,
            message,
            field,
            log,
        }
    }

    /// The failure as a WebSocket frame.
    pub(crate) fn frame(&self) -> Value {
        match self {
            Failure::Invalid(details) => json!({
                "type": "error",
                "error": {
                    "code": "invalid_input",
                    "message": sentences(details),
                    "field": Value::Null,
                },
                "detail": details.iter().map(Detail::to_json).collect::<Vec<_>>(),
            }),
            Failure::Other {
                code,
                message,
                field,
                ..
            } => json!({
                "type": "error",
                "error": { "code": code, "message": message, "field": field },
            }),
        }
    }

    /// Status, code, message and field, for answers in another form.
    pub(crate) fn into_parts(self) -> (StatusCode, &'static str, String, Option<String>) {
        match self {
            Failure::Invalid(details) => {
                let field = details.first().map(Detail::path).filter(|p| !p.is_empty());
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                (status, "invalid_input", sentences(&details), field)
            }
            Failure::Other {
                status,
                code,
                message,
                field,
                ..
            } => (status, code, message, field),
        }
    }

    /// What only the operator may see.
    pub(crate) fn log(&self) -> Option<&str> {
        match self {
            Failure::Other { log, .. } => log.as_deref(),
            Failure::Invalid(_) => None,
        }
    }
}

fn sentences(details: &[Detail]) -> String {
    let all: Vec<String> = details.iter().map(Detail::sentence).collect();
    all.join("; ")
}

/// The operator's text of a response's failure, carried to the middleware that knows the request id.
#[derive(Clone)]
pub(crate) struct ForLog(pub(crate) String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Failure::Invalid(details) => {
                let details: Vec<Value> = details.iter().map(Detail::to_json).collect();
                let body = Json(json!({ "detail": details }));
                (StatusCode::UNPROCESSABLE_ENTITY, body).into_response()
            }
            Failure::Other {
                status,
                code,
                message,
                field,
                log,
            } => {
                let body = json!({ "error": { "code": code, "message": message, "field": field } });
                let mut response = (status, Json(body)).into_response();
                if let Some(log) = log {
                    response.extensions_mut().insert(ForLog(log));
                }
                response
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(error: Error) -> (u16, Value) {
        let failure = Failure::from_core(error, str::to_owned);
        let frame = failure.frame();
        (failure.into_response().status().as_u16(), frame)
    }

    #[test]
    fn each_kind_has_its_status() {
        let cases = [
            (Error::invalid("a.b[3]", "x", "y"), 422),
            (Error::parse("equation", 3, "no"), 422),
            (Error::numerical("LM", "diverged"), 422),
            (
                Error::NotFound {
                    what: "column".into(),
                    name: "z".into(),
                },
                404,
            ),
            (Error::unavailable("vision", "none"), 503),
            (Error::Cancelled, 503),
            (
                Error::Timeout {
                    what: "chat".into(),
                    after_ms: 3,
                },
                504,
            ),
            (
                Error::Limit {
                    what: "rows".into(),
                    limit: 1,
                    got: 2,
                },
                413,
            ),
        ];
        for (error, status) in cases {
            assert_eq!(status_of(error.clone()).0, status, "{error}");
        }
    }

    #[test]
    fn secrets_of_the_server_stay_there() {
        let hidden = [
            Error::Internal {
                message: "SECRET".into(),
            },
            Error::Io {
                path: "/SECRET".into(),
                reason: "SECRET".into(),
            },
            Error::Provider {
                provider: "openai".into(),
                status: Some(401),
                retryable: false,
                message: "Incorrect API key SECRET".into(),
            },
        ];
        for error in hidden {
            let failure = Failure::from_core(error, str::to_owned);
            assert!(!failure.frame().to_string().contains("SECRET"));
            assert!(failure.log().is_some_and(|log| log.contains("SECRET")));
            let response = failure.into_response();
            assert!(matches!(response.status().as_u16(), 500 | 502));
        }
    }

    #[test]
    fn paths_become_locations() {
        assert_eq!(
            location("columns[2].name"),
            vec![json!("body"), json!("columns"), json!(2), json!("name")]
        );
        assert_eq!(location(""), vec![json!("body")]);
    }

    #[test]
    fn long_input_is_not_echoed() {
        let short = Detail::new("t", "a", "m").with_input(&json!(5));
        assert_eq!(short.to_json()["input"], json!(5));
        let long = Detail::new("t", "a", "m").with_input(&json!("x".repeat(5000)));
        assert!(long.to_json().get("input").is_none());
    }
}
