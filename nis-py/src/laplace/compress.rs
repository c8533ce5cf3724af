//! Compression of signals.

use std::sync::{Mutex, PoisonError};

use nis_core::laplace::compress::{
    CompressOptions, Container, Decoder, compress, decompress_within,
};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;

use crate::errors::OrPython;
use crate::work;

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Internal {
        message: format!("writing JSON: {e}"),
    })
}

/// A container, and its report as JSON.
#[pyfunction]
#[pyo3(signature = (signal, dt, options, progress))]
pub(crate) fn laplace_compress<'py>(
    py: Python<'py>,
    signal: PyReadonlyArray1<'py, f64>,
    dt: f64,
    options: &str,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyBytes>, String)> {
    let options: CompressOptions = read_json("options", options).or_python(py)?;
    // The work owns what it uses: an array could change under it while the GIL is free.
    let signal = signal.as_array().to_vec();
    let (bytes, report) = work::run(py, progress, move |progress| {
        let compressed = compress(&signal, dt, &options, progress)?;
        Ok((compressed.bytes, to_json(&compressed.report)?))
    })?;
    Ok((PyBytes::new(py, &bytes), report))
}

/// The samples of a container.
#[pyfunction]
#[pyo3(signature = (data, max_samples))]
pub(crate) fn laplace_decompress<'py>(
    py: Python<'py>,
    data: &[u8],
    max_samples: u64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let data = data.to_vec();
    let values = work::run(py, None, move |progress| {
        decompress_within(&data, max_samples, progress)
    })?;
    Ok(values.into_pyarray(py))
}

/// What a container holds but for the residuals, as JSON.
#[pyfunction]
pub(crate) fn laplace_describe_compressed(py: Python<'_>, data: &[u8]) -> PyResult<String> {
    py.detach(|| to_json(&Container::open(data)?.describe()?))
        .or_python(py)
}

/// A decoder of containers that come in pieces; `nis_core.laplace.Decoder` wraps it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeDecoder")]
pub(crate) struct NativeDecoder(Mutex<Decoder>);

#[pymethods]
impl NativeDecoder {
    #[new]
    fn new() -> Self {
        NativeDecoder(Mutex::new(Decoder::new()))
    }

    /// The segments that these bytes complete.
    fn push<'py>(&self, py: Python<'py>, data: &[u8]) -> PyResult<Vec<Bound<'py, PyArray1<f64>>>> {
        let segments = py
            .detach(|| {
                let mut decoder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let mut rest = data;
                let mut segments = Vec::new();
                while let Some(segment) = decoder.push(&mut rest)? {
                    segments.push(segment.samples);
                }
                Ok(segments)
            })
            .or_python(py)?;
        Ok(segments.into_iter().map(|s| s.into_pyarray(py)).collect())
    }

    /// The number of samples of the whole container; an error where its end is missing.
    fn finish(&self, py: Python<'_>) -> PyResult<u64> {
        let decoder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(decoder.finish().or_python(py)?.samples)
    }
}
