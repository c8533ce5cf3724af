//! A refused or broken call: what the provider said, and whether and when to ask again.

use std::time::Duration;

use serde_json::Value;

/// Longest wait that a provider's `Retry-After` may ask for; a longer one means: do not try again.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// Longest piece of a provider's message that is passed on, in characters.
const SHOWN: usize = 600;

/// Whether the same request may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will not.
    No,
    /// It may, after a wait of the caller's choice.
    Backoff,
    /// It may, after this wait.
    After(Duration),
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// Whether to try again.
    pub retry: Retry,
    /// The provider's words, shortened.
    pub message: String,
}

impl Failure {
    /// From a reply with an error status. `header` looks a header up by its lower-case name.
    ///
    /// 408, 409, 425, 429 and 5xx may be tried again (501 and 505 not), unless the code says that a quota or
    /// a credit is used up, or `x-should-retry: false` or a wait over [`MAX_WAIT`] says no.
    pub fn from_reply(status: u16, header: impl Fn(&str) -> Option<String>, body: &[u8]) -> Self {
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let error = json.as_ref().map(|v| v.get("error").unwrap_or(v));
        let text = |key: &str| {
            let value = error?.get(key)?;
            value
                .as_str()
                .map(str::to_owned)
                .or_else(|| value.as_i64().map(|n| n.to_string()))
        };
        let said = ["message", "detail", "title"]
            .into_iter()
            .find_map(text)
            .or_else(|| error.and_then(|e| e.as_str()).map(str::to_owned));
        let html = header("content-type").is_some_and(|t| t.contains("html"));
        let said = said.unwrap_or_else(|| {
            if html {
                "an HTML page instead of a reply".to_owned()
            } else {
                String::from_utf8_lossy(body).trim().to_owned()
            }
        });
        let code = text("code").or_else(|| text("type"));
        let quota = [text("code"), text("type")].into_iter().flatten().any(|c| {
            ["quota", "credit", "billing", "spend"]
                .iter()
                .any(|word| c.contains(word))
        });
        let may = match header("x-should-retry").as_deref() {
            Some("true") => true,
            Some("false") => false,
            _ => matches!(status, 408 | 409 | 425 | 429 | 500 | 502..=504 | 506..=599),
        };
        let retry = match after(&header) {
            _ if quota || !may => Retry::No,
            Some(wait) if wait > MAX_WAIT => Retry::No,
            Some(wait) => Retry::After(wait),
            None => Retry::Backoff,
        };
        let message = match code.filter(|c| !said.contains(c.as_str())) {
            Some(code) => format!("HTTP {status}: {} ({code})", shorten(&said)),
            None if said.is_empty() => format!("HTTP {status}"),
            None => format!("HTTP {status}: {}", shorten(&said)),
        };
        Failure {
            status: Some(status),
            retry,
            message,
        }
    }
}

/// The wait that the headers ask for: `retry-after-ms`, then `retry-after` in seconds. A date, a negative
/// number or anything else counts as no statement.
pub fn after(header: &impl Fn(&str) -> Option<String>) -> Option<Duration> {
    let number = |name: &str| header(name)?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms")
        .map(|ms| ms / 1000.0)
        .filter(|s| s.is_finite() && *s >= 0.0)
        .or_else(|| number("retry-after"))?;
    if seconds >= 0.0 {
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    } else {
        None
    }
}

pub(super) fn shorten(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("{}...", one_line.get(..cut).unwrap_or("")),
        None => one_line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read() {
        let of = |name: &'static str, value: &'static str| {
            after(&move |n: &str| (n == name).then(|| value.to_owned()))
        };
        assert_eq!(of("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(of("retry-after", "0.25"), Some(Duration::from_millis(250)));
        assert_eq!(
            of("retry-after-ms", "1750"),
            Some(Duration::from_millis(1750))
        );
        assert_eq!(of("retry-after", "1e300"), Some(Duration::MAX));
        for nothing in ["-1", "NaN", "soon", "", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(of("retry-after", nothing), None, "{nothing}");
        }
    }
}
