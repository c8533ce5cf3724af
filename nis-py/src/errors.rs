//! `nis_core::Error` as a Python exception.

use nis_core::Error;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The exception for an error: the class of `nis_core._errors` for its kind, with code, field and details.
pub(crate) fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    match build(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

fn build<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let details = serde_json::to_string(error).unwrap_or_else(|_| "{}".to_owned());
    MAKE.import(py, "nis_core._errors", "from_native")?.call1((
        error.code() as u32,
        error.to_string(),
        error.field(),
        details,
    ))
}

/// Shorthand for the end of a call.
pub(crate) trait OrPython<T> {
    /// The value, or the exception.
    fn or_python(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrPython<T> for nis_core::Result<T> {
    fn or_python(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| to_python(py, &error))
    }
}
