//! How agents run blocking work: off the async threads, stopped when nobody waits any more.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Context, TraceStep};
use crate::error::{Error, Result};
use crate::telemetry::{Cancel, Progress};
use crate::tool;

/// Seconds since 1970-01-01 UTC.
pub fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |d| d.as_secs_f64())
}

/// Times one step.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// The step that ends now.
    pub fn step(
        self,
        actor: &str,
        action: impl Into<String>,
        result: impl Into<String>,
    ) -> TraceStep {
        TraceStep {
            actor: actor.into(),
            action: action.into(),
            result: result.into(),
            ms: self.0.elapsed().as_secs_f64() * 1e3,
        }
    }
}

/// Sets the flag when the one who waits goes away.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Runs blocking work on a thread made for it. When the returned future is dropped, the work's flag is set.
///
/// # Errors
/// What the work returns; [`Error::Internal`] where it panics.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce(&Cancel) -> Result<T> + Send + 'static,
) -> Result<T> {
    let cancel = Cancel::new();
    let guard = CancelOnDrop(cancel.clone());
    let result = tokio::task::spawn_blocking(move || work(&cancel)).await;
    drop(guard);
    result.unwrap_or_else(|e| {
        if e.is_cancelled() {
            Err(Error::Cancelled)
        } else {
            Err(Error::Internal {
                message: "work on a thread panicked".into(),
            })
        }
    })
}

/// Calls a tool off the async threads and says so on the bus.
///
/// # Errors
/// As [`tool::Toolbox::call`].
pub async fn call_tool(
    agent: &'static str,
    name: &str,
    arguments: String,
    user: &str,
    context: &Context,
) -> Result<(Value, TraceStep)> {
    let watch = Stopwatch::start();
    let (tools, tool, for_user) = (context.tools.clone(), name.to_owned(), user.to_owned());
    let result = off_thread(move |cancel| {
        let context = tool::Context {
            user: &for_user,
            progress: Progress::none().with_cancel(cancel),
        };
        tools.call(&tool, &arguments, &context)
    })
    .await;
    let outcome = if result.is_ok() { "ok" } else { "error" };
    context.publish(
        agent,
        "tool.called",
        json!({"tool": name, "outcome": outcome}),
    );
    let value = result?;
    let step = watch.step(agent, format!("called the tool {name}"), shown(&value));
    Ok((value, step))
}

/// A result as it stands in a trace, shortened.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 300;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!(
            "{}... ({} bytes)",
            text.get(..cut).unwrap_or(""),
            text.len()
        ),
        None => text,
    }
}
