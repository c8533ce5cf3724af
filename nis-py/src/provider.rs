//! Providers written in Python.

use std::sync::{Arc, Mutex, PoisonError};

use nis_core::provider::{Completion, FunctionProvider, Request, Saying};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};
use pyo3::prelude::*;
use serde::Deserialize;

/// Through which a Python provider says pieces of its reply; of no use after its call.
#[pyclass(frozen, module = "nis_core._native", name = "NativeSaying")]
pub(crate) struct NativeSaying(Arc<Mutex<Option<Saying>>>);

#[pymethods]
impl NativeSaying {
    /// Says a piece. `False` where nobody waits for the reply any more.
    fn text(&self, py: Python<'_>, piece: String) -> bool {
        py.detach(|| {
            let saying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            saying.as_ref().is_some_and(|s| s.text(piece))
        })
    }

    /// Whether nobody waits for the reply any more.
    fn is_cancelled(&self) -> bool {
        let saying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        saying.as_ref().is_none_or(Saying::is_cancelled)
    }
}

/// What the Python side answers: a completion, or what went wrong.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Completion(Box<Completion>),
    Error {
        message: String,
        status: Option<u16>,
        retryable: bool,
    },
}

/// A provider that calls `call(request, saying)` with the request as JSON and takes the answer as JSON.
pub(crate) fn function(
    name: String,
    model: String,
    real_ai: bool,
    call: Py<PyAny>,
) -> FunctionProvider {
    let own = name.clone();
    FunctionProvider::new(name, model, real_ai, move |request, saying| {
        ask(&own, &call, request, saying)
    })
}

fn ask(name: &str, call: &Py<PyAny>, request: &Request, saying: &Saying) -> Result<Completion> {
    let failed = |message: String| Error::Provider {
        provider: name.to_owned(),
        status: None,
        retryable: false,
        message,
    };
    let json = serde_json::to_string(request).map_err(|e| Error::Internal {
        message: format!("writing JSON: {e}"),
    })?;
    let slot = Arc::new(Mutex::new(Some(saying.clone())));
    let answer = Python::try_attach(|py| {
        let saying = Py::new(py, NativeSaying(slot.clone()))?;
        call.call1(py, (json, saying))?.extract::<String>(py)
    });
    // The provider may have kept it; the reply ends here all the same.
    slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let answer = match answer {
        // The interpreter ends.
        None => return Err(Error::Cancelled),
        Some(Err(error)) => return Err(failed(error.to_string())),
        Some(Ok(answer)) => answer,
    };
    match read_json("completion", &answer)? {
        Answer::Completion(completion) => Ok(*completion),
        Answer::Error {
            message,
            status,
            retryable,
        } => Err(Error::Provider {
            provider: name.to_owned(),
            status,
            retryable,
            message,
        }),
    }
}
