//! Errors as OpenAI's clients read them: `{"error": {"message", "type", "param", "code"}}`.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use nis_core::Error;
use serde_json::{Value, json};

use crate::serve::error::{Failure, ForLog};

const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A request that is not answered.
pub(crate) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    code: Option<String>,
    param: Option<String>,
    message: String,
    /// What only the operator may see.
    log: Option<String>,
    /// Whether the same request may succeed later.
    retry: bool,
}

impl Refusal {
    fn bad(status: StatusCode, param: Option<String>, code: &str, message: String) -> Self {
        Refusal {
            status,
            kind: "invalid_request_error",
            code: Some(code.into()),
            param,
            message,
            log: None,
            retry: false,
        }
    }

    /// A value that does not fit, at a path inside the body.
    pub(super) fn value(param: &str, message: impl Into<String>) -> Self {
        let param = (!param.is_empty() && param != ".").then(|| param.to_owned());
        Self::bad(
            StatusCode::BAD_REQUEST,
            param,
            "invalid_value",
            message.into(),
        )
    }

    /// A field that changes what is asked for and that this server does not know how to honour.
    pub(super) fn unsupported(param: &str, why: &str) -> Self {
        Self::bad(
            StatusCode::BAD_REQUEST,
            Some(param.into()),
            "unsupported_parameter",
            format!("{param} is not supported here: {why}"),
        )
    }

    pub(super) fn no_model(model: &str) -> Self {
        let shown: String = model.chars().take(100).collect();
        Self::bad(
            StatusCode::NOT_FOUND,
            Some("model".into()),
            "model_not_found",
            format!("there is no model {shown:?} here; GET /v1/models lists them"),
        )
    }

    /// Nobody here makes vectors: nothing is made up.
    pub(super) fn no_embeddings(why: &str) -> Self {
        Refusal {
            kind: "not_supported_error",
            ..Self::bad(
                StatusCode::NOT_IMPLEMENTED,
                Some("model".into()),
                "not_supported",
                why.into(),
            )
        }
    }

    fn json(&self) -> Value {
        json!({"error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        }})
    }

    /// As the last event of a stream that had begun.
    pub(super) fn event(self) -> Event {
        if let Some(log) = &self.log {
            crate::complain(&format!("POST /v1/chat/completions: {log}"));
        }
        Event::default().data(self.json().to_string())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let retryable = match &error {
            Error::Provider { retryable, .. } => *retryable,
            Error::Timeout { .. } | Error::Cancelled => true,
            _ => false,
        };
        // A budget is no size: OpenAI's word for money that is used up.
        let spent = matches!(&error, Error::Limit { what, .. } if what.starts_with("cost of"));
        let mut refusal = Refusal::from(Failure::from_core(error, str::to_owned));
        refusal.retry = retryable;
        if spent {
            refusal.status = StatusCode::TOO_MANY_REQUESTS;
            refusal.kind = "insufficient_quota";
            refusal.code = Some("insufficient_quota".into());
        }
        refusal
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let log = failure.log().map(str::to_owned);
        let (status, code, message, field) = failure.into_parts();
        // 422 is what this server's own paths say; OpenAI says 400.
        let status = match status {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            other => other,
        };
        Refusal {
            kind: match status.as_u16() {
                400..=499 => "invalid_request_error",
                503 => "service_unavailable_error",
                504 => "timeout_error",
                502 => "upstream_error",
                _ => "server_error",
            },
            status,
            code: Some(code.into()),
            param: field,
            message,
            log,
            retry: false,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.json())).into_response();
        let again = if self.retry { "true" } else { "false" };
        response
            .headers_mut()
            .insert(SHOULD_RETRY, HeaderValue::from_static(again));
        if let Some(log) = self.log {
            response.extensions_mut().insert(ForLog(log));
        }
        response
    }
}
