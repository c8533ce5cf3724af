//! The runtime: chat and health.

use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError};

use nis_core::Error;
use nis_core::provider::FunctionProvider;
use nis_core::runtime::{ChatRequest, Config, Nis, read_json};
use pyo3::prelude::*;
use serde::Serialize;

use crate::errors::OrPython;
use crate::provider;
use crate::stream::{NativeAnswering, NativeStream};
use crate::work;

/// A runtime as the core holds it; `nis_core.Nis` wraps it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeNis")]
pub(crate) struct NativeNis {
    config: Config,
    /// Providers that were registered, for a forked child.
    own: Mutex<Vec<Arc<FunctionProvider>>>,
    state: Mutex<State>,
}

/// A forked child has none of its parent's threads: the runtime is built anew there, and the parent's copy
/// is left alone, as tearing it down would wait for threads that do not exist.
struct State {
    process: u32,
    nis: Nis,
}

impl NativeNis {
    fn nis(&self, py: Python<'_>) -> PyResult<Nis> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if state.process != process {
            let nis = Nis::new(self.config.clone()).or_python(py)?;
            for provider in self
                .own
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
            {
                nis.register(provider.clone()).or_python(py)?;
            }
            let _left = ManuallyDrop::new(std::mem::replace(&mut state.nis, nis));
            state.process = process;
        }
        Ok(state.nis.clone())
    }
}

#[pymethods]
impl NativeNis {
    /// A runtime from JSON text, or from the defaults and the environment where it is `None`.
    #[new]
    #[pyo3(signature = (config))]
    fn new(py: Python<'_>, config: Option<&str>) -> PyResult<Self> {
        let config = match config {
            Some(text) => Config::from_json(text),
            None => Config::from_env(),
        }
        .or_python(py)?;
        let nis = py.detach(|| Nis::new(config.clone())).or_python(py)?;
        Ok(NativeNis {
            config,
            own: Mutex::default(),
            state: Mutex::new(State {
                process: std::process::id(),
                nis,
            }),
        })
    }

    /// Answers a request given as JSON with a reply as JSON.
    fn chat(&self, py: Python<'_>, request: &str) -> PyResult<String> {
        let request: ChatRequest = read_json("request", request).or_python(py)?;
        let nis = self.nis(py)?;
        work::run(py, None, move |_| to_json(&nis.chat_blocking(request)?))
    }

    /// Adds a provider that calls `call(request, saying)`.
    fn register_provider(
        &self,
        py: Python<'_>,
        name: String,
        model: String,
        real_ai: bool,
        call: Py<PyAny>,
    ) -> PyResult<()> {
        let provider = Arc::new(provider::function(name, model, real_ai, call));
        self.nis(py)?.register(provider.clone()).or_python(py)?;
        self.own
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(provider);
        Ok(())
    }

    /// Answers a request given as JSON, heard while the answer is made.
    fn stream(&self, py: Python<'_>, request: &str) -> PyResult<NativeStream> {
        let request: ChatRequest = read_json("request", request).or_python(py)?;
        Ok(NativeStream::new(&self.nis(py)?, request))
    }

    /// The same on the runtime's threads; `wake()` is called there when something can be taken.
    fn answer(&self, py: Python<'_>, request: &str, wake: Py<PyAny>) -> PyResult<NativeAnswering> {
        let request: ChatRequest = read_json("request", request).or_python(py)?;
        NativeAnswering::new(py, &self.nis(py)?, request, wake)
    }

    /// The health as JSON.
    fn health(&self, py: Python<'_>) -> PyResult<String> {
        let nis = self.nis(py)?;
        py.detach(|| to_json(&nis.health())).or_python(py)
    }

    /// The agents as JSON.
    fn agents(&self, py: Python<'_>) -> PyResult<String> {
        let nis = self.nis(py)?;
        py.detach(|| to_json(&nis.agents())).or_python(py)
    }

    /// The counters in Prometheus text format.
    fn metrics(&self, py: Python<'_>) -> PyResult<String> {
        let nis = self.nis(py)?;
        Ok(py.detach(|| nis.metrics()))
    }
}

fn to_json(value: &impl Serialize) -> nis_core::Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Internal {
        message: format!("writing JSON: {e}"),
    })
}
