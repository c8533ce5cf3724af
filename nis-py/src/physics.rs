//! Physics checks on foreign data.

use nis_core::Error;
use nis_core::physics::{ValidationSpec, validate};
use nis_core::runtime::read_json;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

use crate::errors::OrPython;
use crate::work;

/// Values up to which a request takes some tens of milliseconds at most.
const SHORT: usize = 10_000;

/// The verdicts on a request, as JSON; `arrays` are values of columns and of fields of the grid by name.
#[pyfunction]
#[pyo3(signature = (spec, arrays, progress))]
pub(crate) fn physics_validate(
    py: Python<'_>,
    spec: &str,
    arrays: Vec<(String, PyReadonlyArray1<'_, f64>)>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let mut spec: ValidationSpec = read_json("spec", spec).or_python(py)?;
    let mut values = 0usize;
    for (name, array) in &arrays {
        let array = array.as_array();
        values += array.len();
        spec.put(name, array.to_vec());
    }
    work::run_unless_short(py, progress, values <= SHORT, move |progress| {
        let found = validate(&spec, progress)?;
        serde_json::to_string(&found).map_err(|e| Error::Internal {
            message: format!("writing JSON: {e}"),
        })
    })
}
