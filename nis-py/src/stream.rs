//! Answers heard while they are made: for a thread that waits, and for an event loop that is woken.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nis_core::Error;
use nis_core::runtime::{Answering, BlockingStream, ChatRequest, Nis, Part};
use pyo3::prelude::*;

use crate::errors::OrPython;

/// How often the calling thread looks for signals while nothing comes.
const LOOK: Duration = Duration::from_millis(25);

fn to_json(parts: &[Part]) -> nis_core::Result<String> {
    serde_json::to_string(parts).map_err(|e| Error::Internal {
        message: format!("writing JSON: {e}"),
    })
}

/// An answer that is made while its parts are asked for; `nis_core.ChatStream` wraps it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeStream")]
pub(crate) struct NativeStream(Mutex<Option<BlockingStream>>);

impl NativeStream {
    pub(crate) fn new(nis: &Nis, request: ChatRequest) -> Self {
        NativeStream(Mutex::new(Some(nis.stream_blocking(request))))
    }
}

#[pymethods]
impl NativeStream {
    /// The parts that arrived together, as a JSON array; `None` after the end. Waits without the GIL and hears
    /// signals.
    fn next_batch(&self, py: Python<'_>) -> PyResult<Option<String>> {
        loop {
            let batch = py
                .detach(|| {
                    let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    match stream.as_mut() {
                        Some(stream) => stream.next_batch(LOOK),
                        None => Ok(None),
                    }
                })
                .or_python(py)?;
            py.check_signals()?;
            match batch {
                Some(parts) if parts.is_empty() => {}
                Some(parts) => return to_json(&parts).map(Some).or_python(py),
                None => return Ok(None),
            }
        }
    }

    /// Stops the work and closes its connection.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
        });
    }
}

/// What arrived and was not taken yet.
#[derive(Default)]
struct Arrived {
    parts: VecDeque<Part>,
    error: Option<Error>,
    ended: bool,
    /// Whether the event loop was woken for what is here.
    woken: bool,
}

/// An answer that is made on the runtime's threads; `nis_core.AsyncChatStream` wraps it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeAnswering")]
pub(crate) struct NativeAnswering {
    arrived: Arc<Mutex<Arrived>>,
    answering: Mutex<Option<Answering>>,
}

impl NativeAnswering {
    /// Starts; `wake` is called without arguments on a thread of the runtime, once for all that arrives until the
    /// next [`NativeAnswering::take`].
    pub(crate) fn new(
        py: Python<'_>,
        nis: &Nis,
        request: ChatRequest,
        wake: Py<PyAny>,
    ) -> PyResult<Self> {
        let arrived = Arc::new(Mutex::new(Arrived::default()));
        let filled = arrived.clone();
        let answering = nis
            .stream_each(request, move |batch| {
                {
                    let mut arrived = filled.lock().unwrap_or_else(PoisonError::into_inner);
                    match batch {
                        Ok(parts) => {
                            arrived.ended |= matches!(parts.last(), Some(Part::Reply(_)));
                            arrived.parts.extend(parts);
                        }
                        Err(error) => {
                            arrived.ended = true;
                            arrived.error = Some(error);
                        }
                    }
                    if std::mem::replace(&mut arrived.woken, true) {
                        return ControlFlow::Continue(());
                    }
                }
                // An interpreter that ends, or a loop that is closed, hears no more.
                match Python::try_attach(|py| wake.call0(py).is_ok()) {
                    Some(true) => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                }
            })
            .or_python(py)?;
        Ok(NativeAnswering {
            arrived,
            answering: Mutex::new(Some(answering)),
        })
    }
}

#[pymethods]
impl NativeAnswering {
    /// All that arrived, as a JSON array, and whether that is the end. The error is raised after the parts before it
    /// were taken.
    fn take(&self, py: Python<'_>) -> PyResult<(String, bool)> {
        let (parts, error, ended) = {
            let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
            arrived.woken = false;
            let parts: Vec<Part> = arrived.parts.drain(..).collect();
            let error = match parts.is_empty() {
                true => arrived.error.take(),
                false => None,
            };
            let ended = arrived.ended && arrived.error.is_none();
            (parts, error, ended)
        };
        match error {
            Some(error) => Err(error).or_python(py),
            None => Ok((to_json(&parts).or_python(py)?, ended)),
        }
    }

    /// Whether something can be taken now.
    fn ready(&self) -> bool {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        !arrived.parts.is_empty() || arrived.ended
    }

    /// Stops the work and closes its connection.
    fn close(&self) {
        drop(
            self.answering
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}
