//! How one try of a call ends where it fails.

use std::time::Duration;

use super::failure::{Failure, Retry, shorten};
use super::wire::Stop;
use crate::error::Error;

/// How one try ended without what was asked for.
pub(super) enum Attempt {
    /// Before any of a reply came.
    Failed(Failure),
    /// After some of a reply came; whether a later call may succeed, and what happened.
    Broken(bool, String),
    /// With an error that stands for itself.
    Ended(Error),
}

pub(super) fn plain(retry: Retry, message: &str) -> Failure {
    Failure {
        status: None,
        retry,
        message: message.to_owned(),
    }
}

pub(super) fn stopped(stop: Stop) -> Attempt {
    match stop {
        Stop::Limit(error) => Attempt::Ended(error),
        Stop::Malformed(message) => Attempt::Broken(false, shorten(&message)),
        Stop::Truncated { received } => Attempt::Broken(
            true,
            format!("the reply ended before it was complete, after {received} characters"),
        ),
        Stop::Server { message, code } => {
            let code = code.map(|c| format!(" ({c})")).unwrap_or_default();
            Attempt::Broken(
                true,
                format!("failed while answering: {}{code}", shorten(&message)),
            )
        }
    }
}

/// The causes of a transport error, without the address.
pub(super) fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    shorten(&text)
}

pub(super) fn jittered(first: Duration, attempt: u32, jitter: f64) -> Duration {
    let full = first
        .saturating_mul(1 << attempt.min(8))
        .min(Duration::from_secs(8));
    full.mul_f64(1.0 - 0.25 * jitter.clamp(0.0, 1.0))
}
