//! Progress of long work and its cancellation.
//!
//! Floor 0: imports only [`crate::error`]. Every call that can take over 0.1 s takes a [`Progress`]; it
//! reports steps to the caller's function and stops the work when that function or a [`Cancel`] says so.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// One report of long work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<'a> {
    /// The stage, for example `laplace`.
    pub stage: &'a str,
    /// How much of the stage is done.
    pub done: u64,
    /// How much there is; 0 where it is not known.
    pub total: u64,
    /// What is happening, with the current figure where there is one.
    pub message: &'a str,
}

/// A flag that stops long work from any thread. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop; it answers [`Error::Cancelled`] at its next check.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

type Callback<'a> = dyn Fn(Step<'_>) -> ControlFlow<()> + Sync + 'a;

/// Where long work reports to, and how it learns that it shall stop.
///
/// ```
/// use std::ops::ControlFlow;
/// use nis_core::{Error, telemetry::{Cancel, Progress, Step}};
///
/// let cancel = Cancel::new();
/// let print = |step: Step<'_>| { println!("{} {}/{}", step.stage, step.done, step.total); ControlFlow::Continue(()) };
/// let progress = Progress::new(&print).with_cancel(&cancel);
/// assert!(progress.report("fit", 1, 10, "").is_ok());
/// cancel.cancel();
/// assert_eq!(progress.check(), Err(Error::Cancelled));
/// ```
#[derive(Clone, Copy, Default)]
pub struct Progress<'a> {
    callback: Option<&'a Callback<'a>>,
    cancel: Option<&'a Cancel>,
}

impl fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("callback", &self.callback.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

impl<'a> Progress<'a> {
    /// Reports nowhere and never stops.
    pub const fn none() -> Progress<'static> {
        Progress {
            callback: None,
            cancel: None,
        }
    }

    /// Reports to `callback`, which may be called from any thread and stops the work with
    /// [`ControlFlow::Break`].
    pub fn new(callback: &'a Callback<'a>) -> Self {
        Progress {
            callback: Some(callback),
            cancel: None,
        }
    }

    /// Stops the work when `cancel` is set.
    pub fn with_cancel(self, cancel: &'a Cancel) -> Self {
        Progress {
            cancel: Some(cancel),
            ..self
        }
    }

    /// [`Error::Cancelled`] when the work was asked to stop. Costs one atomic load: call it in every
    /// iteration that takes over a few milliseconds.
    pub fn check(&self) -> Result<()> {
        match self.cancel {
            Some(cancel) if cancel.is_cancelled() => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }

    /// Reports one step; [`Error::Cancelled`] when the callback or the flag asks to stop.
    pub fn report(&self, stage: &str, done: u64, total: u64, message: &str) -> Result<()> {
        self.check()?;
        match self.callback.map(|call| {
            call(Step {
                stage,
                done,
                total,
                message,
            })
        }) {
            Some(ControlFlow::Break(())) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_from_the_callback_cancels() {
        let stop = |step: Step<'_>| {
            if step.done > 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let progress = Progress::new(&stop);
        assert_eq!(progress.report("s", 2, 0, ""), Ok(()));
        assert_eq!(progress.report("s", 3, 0, ""), Err(Error::Cancelled));
        assert_eq!(Progress::none().report("s", 3, 0, ""), Ok(()));
    }
}
