//! The one error type of NIS and its stable numeric codes, shared with C, Python and HTTP.
//!
//! Floor 0: imports nothing of this crate. A code, once given, never changes its meaning; the C header
//! and the Python package carry the same numbers.

use serde::Serialize;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Each kind has one [`Code`]; the message names the field, the value and what was
/// expected.
///
/// ```
/// use nis_core::{Error, error::Code};
/// let e = Error::invalid("dt", "-1", "a positive sampling interval in seconds");
/// assert_eq!(e.code(), Code::InvalidInput);
/// assert_eq!(e.to_string(), "dt: got -1, expected a positive sampling interval in seconds");
/// ```
///
/// As JSON it is an object whose `kind` is the code's name, beside the fields of the kind: the details that
/// C, Python and HTTP hand on.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Error {
    /// A value that the caller gave does not fit.
    #[error("{field}: got {value}, expected {expected}")]
    InvalidInput {
        /// Path of the field, for example `options.grid`.
        field: String,
        /// The offending value, shortened where it is long.
        value: String,
        /// What would have been accepted.
        expected: String,
    },
    /// A formula, an equation or a file could not be read.
    #[error("{what}, column {column}: {message}")]
    Parse {
        /// What was being read, for example `formula` or the line of a file.
        what: String,
        /// 1-based column (in characters) of the first character that does not fit.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The thing named does not exist.
    #[error("{what} not found: {name}")]
    NotFound {
        /// The kind of thing, for example `column`.
        what: String,
        /// The name asked for.
        name: String,
    },
    /// The capability is not there on this machine or in this build.
    #[error("{what} is unavailable: {reason}")]
    Unavailable {
        /// The capability, for example an agent's name.
        what: String,
        /// Why it is not there, and how to get it where there is a way.
        reason: String,
    },
    /// The caller stopped the work.
    #[error("cancelled by the caller")]
    Cancelled,
    /// A deadline passed.
    #[error("{what} timed out after {after_ms} ms")]
    Timeout {
        /// What took too long.
        what: String,
        /// The deadline, in milliseconds.
        after_ms: u64,
    },
    /// A method failed on numbers that were in order as input.
    #[error("{method}: {reason}")]
    Numerical {
        /// The method, for example `Levenberg-Marquardt`.
        method: String,
        /// What happened, with numbers.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("{path}: {reason}")]
    Io {
        /// File or address.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
    /// A language-model provider refused or failed.
    #[error("provider {provider}: {message}")]
    Provider {
        /// The provider's name.
        provider: String,
        /// HTTP status, where there was one.
        status: Option<u16>,
        /// Whether the same request may succeed later.
        retryable: bool,
        /// The provider's message; never holds a key.
        message: String,
    },
    /// A limit that protects memory or time was reached.
    #[error("{what}: {got} is over the limit of {limit}")]
    Limit {
        /// What is limited.
        what: String,
        /// The limit.
        limit: u64,
        /// What was met.
        got: u64,
    },
    /// A defect of NIS: a panic caught at a boundary, or a broken invariant.
    #[error("internal error (please report it): {message}")]
    Internal {
        /// What was caught.
        message: String,
    },
}

/// Stable numeric code of an [`Error`]; 0 is success. The numbers are those of `nis_status` in C and of
/// `NisError.code` in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[repr(u32)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// [`Error::InvalidInput`]
    InvalidInput = 1,
    /// [`Error::Parse`]
    Parse = 2,
    /// [`Error::NotFound`]
    NotFound = 3,
    /// [`Error::Unavailable`]
    Unavailable = 4,
    /// [`Error::Cancelled`]
    Cancelled = 5,
    /// [`Error::Timeout`]
    Timeout = 6,
    /// [`Error::Numerical`]
    Numerical = 7,
    /// [`Error::Io`]
    Io = 8,
    /// [`Error::Provider`]
    Provider = 9,
    /// [`Error::Limit`]
    Limit = 10,
    /// [`Error::Internal`]
    Internal = 11,
    /// A handle that met a panic before and answers no more (C ABI only).
    Poisoned = 12,
}

impl Code {
    /// The code's name as it stands in JSON, for example `invalid_input`.
    pub fn name(self) -> &'static str {
        match self {
            Code::InvalidInput => "invalid_input",
            Code::Parse => "parse",
            Code::NotFound => "not_found",
            Code::Unavailable => "unavailable",
            Code::Cancelled => "cancelled",
            Code::Timeout => "timeout",
            Code::Numerical => "numerical",
            Code::Io => "io",
            Code::Provider => "provider",
            Code::Limit => "limit",
            Code::Internal => "internal",
            Code::Poisoned => "poisoned",
        }
    }
}

/// Longest piece of a caller's value that is repeated in a message, in characters.
const SHOWN: usize = 120;

fn shorten(value: String) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}... ({} bytes)", &value[..cut], value.len()),
        None => value,
    }
}

impl Error {
    /// An [`Error::InvalidInput`]; a long value is shortened.
    pub fn invalid(
        field: impl Into<String>,
        value: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Error::InvalidInput {
            field: field.into(),
            value: shorten(value.to_string()),
            expected: expected.into(),
        }
    }

    /// An [`Error::Parse`] at a 1-based column.
    pub fn parse(what: impl Into<String>, column: usize, message: impl Into<String>) -> Self {
        Error::Parse {
            what: what.into(),
            column,
            message: message.into(),
        }
    }

    /// An [`Error::Numerical`].
    pub fn numerical(method: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Numerical {
            method: method.into(),
            reason: reason.into(),
        }
    }

    /// An [`Error::Unavailable`].
    pub fn unavailable(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Unavailable {
            what: what.into(),
            reason: reason.into(),
        }
    }

    /// An [`Error::Io`] from an operating-system error.
    pub fn io(path: impl Into<String>, error: &std::io::Error) -> Self {
        Error::Io {
            path: path.into(),
            reason: error.to_string(),
        }
    }

    /// The stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Error::InvalidInput { .. } => Code::InvalidInput,
            Error::Parse { .. } => Code::Parse,
            Error::NotFound { .. } => Code::NotFound,
            Error::Unavailable { .. } => Code::Unavailable,
            Error::Cancelled => Code::Cancelled,
            Error::Timeout { .. } => Code::Timeout,
            Error::Numerical { .. } => Code::Numerical,
            Error::Io { .. } => Code::Io,
            Error::Provider { .. } => Code::Provider,
            Error::Limit { .. } => Code::Limit,
            Error::Internal { .. } => Code::Internal,
        }
    }

    /// The field that the error is about, where it is about one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Error::InvalidInput { field, .. } => Some(field),
            Error::Parse { what, .. } | Error::Limit { what, .. } => Some(what),
            Error::NotFound { what, .. } => Some(what),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shortened_at_a_character() {
        let e = Error::invalid("text", "é".repeat(500), "less");
        let Error::InvalidInput { value, .. } = e else {
            panic!("another kind")
        };
        assert_eq!(value, format!("{}... (1000 bytes)", "é".repeat(120)));
    }

    #[test]
    fn codes_are_fixed() {
        let all = [
            (Code::InvalidInput, 1, "invalid_input"),
            (Code::Parse, 2, "parse"),
            (Code::NotFound, 3, "not_found"),
            (Code::Unavailable, 4, "unavailable"),
            (Code::Cancelled, 5, "cancelled"),
            (Code::Timeout, 6, "timeout"),
            (Code::Numerical, 7, "numerical"),
            (Code::Io, 8, "io"),
            (Code::Provider, 9, "provider"),
            (Code::Limit, 10, "limit"),
            (Code::Internal, 11, "internal"),
            (Code::Poisoned, 12, "poisoned"),
        ];
        for (code, number, name) in all {
            assert_eq!(code as u32, number);
            assert_eq!(code.name(), name);
        }
    }
}
