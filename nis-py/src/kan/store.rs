//! Files of networks in all formats, and checkpoints of pykan; `nis_core.kan` wraps them.

use std::collections::BTreeMap;

use nis_core::Error;
use nis_core::kan::store::{Array, PykanOptions, SaveOptions};
use nis_core::kan::{Kan, Model, Precision};
use nis_core::runtime::read_json;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::OrPython;

/// A saved network (`kind` is `network`) or model (`model`) in the format that the options name.
#[pyfunction]
pub(crate) fn kan_export<'py>(
    py: Python<'py>,
    kind: &str,
    data: &[u8],
    options: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let options: SaveOptions = read_json("options", options).or_python(py)?;
    let bytes = py
        .detach(|| match kind {
            "network" => Kan::from_bytes(data)?.saved(&options),
            "model" => Model::from_bytes(data)?.saved(&options),
            other => Err(Error::invalid("kind", other, "network or model")),
        })
        .or_python(py)?;
    Ok(PyBytes::new(py, &bytes))
}

/// The network of a pykan checkpoint, as the bytes of a safetensors file: arrays as `(name, shape, values)`.
#[pyfunction]
pub(crate) fn kan_from_pykan<'py>(
    py: Python<'py>,
    state: Vec<(String, Vec<usize>, PyReadonlyArray1<'py, f64>)>,
    options: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let options: PykanOptions = read_json("options", options).or_python(py)?;
    let state: BTreeMap<String, Array> = state
        .into_iter()
        .map(|(name, shape, values)| {
            let values = values.as_array().iter().copied().collect();
            (name, Array { shape, values })
        })
        .collect();
    let bytes = py
        .detach(|| Kan::from_pykan(&state, &options)?.to_safetensors(Precision::F64))
        .or_python(py)?;
    Ok(PyBytes::new(py, &bytes))
}
