//! A refused or broken call: what the provider said, and whether and when to ask again.

use std::time::{Duration, SystemTime};

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
    /// a credit is used up, or `x-should-retry: false` or a wait over [`MAX_WAIT`] says no. `now` is the time of
    /// day, for waits that are stated as a date.
    pub fn from_reply(
        status: u16,
        header: impl Fn(&str) -> Option<String>,
        body: &[u8],
        now: SystemTime,
    ) -> Self {
        let json: Option<Value> = serde_json::from_slice(body).ok();
        // Google wraps errors in a list at times.
        let json = json.map(|v| match v {
            Value::Array(mut all) if all.len() == 1 => all.remove(0),
            other => other,
        });
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
            .or_else(|| error.and_then(|e| e.as_str()).map(str::to_owned))
            .or_else(|| fields_of(error?.get("detail")?));
        let html = header("content-type").is_some_and(|t| t.contains("html"));
        let said = said.unwrap_or_else(|| {
            if html {
                "an HTML page instead of a reply".to_owned()
            } else {
                String::from_utf8_lossy(body).trim().to_owned()
            }
        });
        let words = |c: &String| c.parse::<i64>().is_err();
        let code = text("code")
            .filter(words)
            .or_else(|| text("type"))
            .or_else(|| text("status"))
            .filter(words);
        let details = details_of(error);
        let quota = status == 402
            || details.spent
            || [text("code"), text("type")].into_iter().flatten().any(|c| {
                ["quota", "credit", "billing", "spend"]
                    .iter()
                    .any(|word| c.contains(word))
            });
        let may = match header("x-should-retry").as_deref() {
            Some("true") => true,
            Some("false") => false,
            _ => matches!(status, 408 | 409 | 425 | 429 | 500 | 502..=504 | 506..=599),
        };
        let retry = match after(&header, now).or(details.wait) {
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

/// What the details of an error of Google's say.
#[derive(Default)]
struct Details {
    /// A quota that does not come back within the minute.
    spent: bool,
    wait: Option<Duration>,
}

fn details_of(error: Option<&Value>) -> Details {
    let mut out = Details::default();
    let all = error
        .and_then(|e| e.get("details"))
        .and_then(Value::as_array);
    for detail in all.into_iter().flatten() {
        // `21.4s`
        let wait = detail.get("retryDelay").and_then(Value::as_str);
        let seconds = wait.and_then(|w| w.strip_suffix('s')?.parse::<f64>().ok());
        out.wait = seconds
            .filter(|s| *s >= 0.0)
            .map(|s| Duration::try_from_secs_f64(s).unwrap_or(Duration::MAX))
            .or(out.wait);
        let violations = detail.get("violations").and_then(Value::as_array);
        out.spent |= violations.into_iter().flatten().any(|v| {
            v.get("quotaId")
                .and_then(Value::as_str)
                .is_some_and(|id| id.contains("PerDay"))
        });
    }
    out
}

/// The fields that FastAPI complains about: `body.messages: Field required`.
fn fields_of(detail: &Value) -> Option<String> {
    let all = detail.as_array()?.iter().map(|item| {
        let place: Vec<String> = item
            .get("loc")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|l| l.as_str().map_or_else(|| l.to_string(), str::to_owned))
            .collect();
        let said = item.get("msg").and_then(Value::as_str).unwrap_or("");
        format!("{}: {said}", place.join("."))
    });
    Some(all.collect::<Vec<_>>().join("; ")).filter(|s| !s.is_empty())
}

/// The wait that the headers ask for: `retry-after-ms`, then `retry-after` in seconds or as an HTTP date. A date
/// that is past is no wait; a negative number or anything else counts as no statement.
pub fn after(header: &impl Fn(&str) -> Option<String>, now: SystemTime) -> Option<Duration> {
    let number = |name: &str| header(name)?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms")
        .map(|ms| ms / 1000.0)
        .filter(|s| s.is_finite() && *s >= 0.0)
        .or_else(|| number("retry-after"));
    match seconds {
        Some(seconds) if seconds >= 0.0 => {
            Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
        }
        Some(_) => None,
        None => {
            let date = httpdate::parse_http_date(header("retry-after")?.trim()).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        }
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
            let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:27:30 GMT").unwrap();
            after(&move |n: &str| (n == name).then(|| value.to_owned()), now)
        };
        assert_eq!(of("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(of("retry-after", "0.25"), Some(Duration::from_millis(250)));
        assert_eq!(
            of("retry-after-ms", "1750"),
            Some(Duration::from_millis(1750))
        );
        assert_eq!(of("retry-after", "1e300"), Some(Duration::MAX));
        assert_eq!(
            of("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            of("retry-after", "Wed, 21 Oct 2026 07:00:00 GMT"),
            Some(Duration::ZERO)
        );
        for nothing in ["-1", "NaN", "soon", "", "Wed, 21 Oct"] {
            assert_eq!(of("retry-after", nothing), None, "{nothing}");
        }
    }
}
