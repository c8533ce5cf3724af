//! Native work under Python's rules: no GIL held, Ctrl-C heard, callbacks on the calling thread.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nis_core::telemetry::{Cancel, Progress, Step};
use nis_core::{Error, Result};
use pyo3::prelude::*;

use crate::errors::OrPython;

/// How often the calling thread looks for signals: Ctrl-C is promised within 0.2 s.
const LOOK: Duration = Duration::from_millis(25);

/// Reports that may wait for the Python callback; the work waits when it is that far ahead.
const BACKLOG: usize = 64;

enum Event<T> {
    Step {
        stage: String,
        done: u64,
        total: u64,
        message: String,
    },
    Done(Result<T>),
}

/// Runs `work` on a thread of its own and waits for it without the GIL.
///
/// `progress`, a callable `(stage, done, total, message)`, is called on the calling thread; the work stops
/// when it returns `False` or raises. When a signal handler raises (Ctrl-C), the exception goes up at once
/// and the work, which owns all that it uses, stops at its next check.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Progress<'_>) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let cancel = Cancel::new();
    let (sender, events) = mpsc::sync_channel(BACKLOG);
    let reports = progress.is_some();
    let flag = cancel.clone();
    std::thread::Builder::new()
        .name("nis-python".to_owned())
        .spawn(move || {
            let tell = |step: Step<'_>| {
                let event = Event::Step {
                    stage: step.stage.to_owned(),
                    done: step.done,
                    total: step.total,
                    message: step.message.to_owned(),
                };
                match sender.send(event) {
                    Ok(()) => ControlFlow::Continue(()),
                    // The calling thread left with an exception.
                    Err(_) => ControlFlow::Break(()),
                }
            };
            let mut progress = Progress::none();
            if reports {
                progress = Progress::new(&tell);
            }
            let progress = progress.with_cancel(&flag);
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&progress)))
                .unwrap_or_else(|panic| Err(panicked(&*panic)));
            let _ = sender.send(Event::Done(outcome));
        })
        .map_err(|e| Error::unavailable("a thread for the work", e.to_string()))
        .or_python(py)?;

    // Whatever leaves this function early stops the work.
    let _stop = StopOnDrop(cancel.clone());
    let mut raised = None;
    // The receiver is not shared; `Ungil` wants it to be owned by what runs without the GIL.
    let mut events = events;
    loop {
        let event;
        (events, event) = py.detach(move || {
            let event = events.recv_timeout(LOOK);
            (events, event)
        });
        py.check_signals()?;
        match event {
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Internal {
                    message: "the working thread ended without a result".to_owned(),
                })
                .or_python(py);
            }
            Ok(Event::Done(outcome)) => {
                return match raised {
                    Some(exception) => Err(exception),
                    // The callback said stop; short work may have ended before it heard of it.
                    None if cancel.is_cancelled() => Err(Error::Cancelled).or_python(py),
                    None => outcome.or_python(py),
                };
            }
            Ok(Event::Step {
                stage,
                done,
                total,
                message,
            }) => {
                let Some(progress) = progress else { continue };
                if raised.is_some() || cancel.is_cancelled() {
                    continue;
                }
                match progress.call1((stage, done, total, message)) {
                    Ok(answer) if answer.extract::<bool>().is_ok_and(|go_on| !go_on) => {
                        cancel.cancel();
                    }
                    Ok(_) => {}
                    Err(exception) => {
                        cancel.cancel();
                        raised = Some(exception);
                    }
                }
            }
        }
    }
}

/// As [`run`]; work that is `short` (well below the time in which Ctrl-C is promised to be heard) and reports to
/// nobody runs on the calling thread, which saves what a thread costs.
pub(crate) fn run_unless_short<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    short: bool,
    work: impl FnOnce(&Progress<'_>) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    if !short || progress.is_some() {
        return run(py, progress, work);
    }
    py.detach(|| {
        catch_unwind(AssertUnwindSafe(|| work(&Progress::none())))
            .unwrap_or_else(|panic| Err(panicked(&*panic)))
    })
    .or_python(py)
}

/// Runs `work` on the calling thread without the GIL; it may borrow from the call, so arrays are read where they lie.
///
/// For work that reports to its [`Progress`] from this thread every 0.1 s or so: there signals (Ctrl-C) are heard, and
/// `progress`, as that of [`run`], is called. What either raises stops the work and goes up.
pub(crate) fn run_here<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Progress<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    let callback: Option<Py<PyAny>> = progress.map(|p| p.clone().unbind());
    let calling = std::thread::current().id();
    let raised: Mutex<Option<PyErr>> = Mutex::new(None);
    let looked = Mutex::new(Instant::now());
    let outcome = py.detach(|| {
        let tell = |step: Step<'_>| {
            if std::thread::current().id() != calling {
                return ControlFlow::Continue(());
            }
            let mut looked = looked.lock().unwrap_or_else(PoisonError::into_inner);
            let due = looked.elapsed() >= LOOK;
            if !due && callback.is_none() {
                return ControlFlow::Continue(());
            }
            *looked = Instant::now();
            let answer = Python::attach(|py| {
                py.check_signals()?;
                let Some(callback) = &callback else {
                    return Ok(true);
                };
                let answer =
                    callback.call1(py, (step.stage, step.done, step.total, step.message))?;
                Ok(answer.extract::<bool>(py).unwrap_or(true))
            });
            match answer {
                Ok(true) => ControlFlow::Continue(()),
                Ok(false) => ControlFlow::Break(()),
                Err(exception) => {
                    *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(exception);
                    ControlFlow::Break(())
                }
            }
        };
        catch_unwind(AssertUnwindSafe(|| work(&Progress::new(&tell))))
            .unwrap_or_else(|panic| Err(panicked(&*panic)))
    });
    match raised.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(exception) => Err(exception),
        None => outcome.or_python(py),
    }
}

struct StopOnDrop(Cancel);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::Internal {
        message: format!("panic: {}", text.unwrap_or("without a message")),
    }
}
