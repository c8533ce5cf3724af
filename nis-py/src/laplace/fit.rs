//! Rational fits of frequency data.

use nis_core::laplace::PoleResidue;
use nis_core::laplace::fit::{
    EnforceOptions, FitOptions, FrequencyData, Representation, enforce_passivity, fit_response,
    passivity,
};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};
use num_complex::Complex64;
use numpy::{PyReadonlyArray1, PyReadonlyArray3};
use pyo3::prelude::*;
use serde::Serialize;

use crate::errors::OrPython;
use crate::work;

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Internal {
        message: format!("writing JSON: {e}"),
    })
}

fn representation(text: &str) -> Result<Representation> {
    match text {
        "scattering" => Ok(Representation::Scattering),
        "immittance" => Ok(Representation::Immittance),
        other => Err(Error::invalid(
            "representation",
            other,
            "\"scattering\" or \"immittance\"",
        )),
    }
}

/// Fits poles and residues to responses of shape (points, outputs, inputs); the result as JSON.
#[pyfunction]
#[pyo3(signature = (s, response, weights, options, progress))]
pub(crate) fn laplace_fit_response(
    py: Python<'_>,
    s: PyReadonlyArray1<'_, Complex64>,
    response: PyReadonlyArray3<'_, Complex64>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    options: &str,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let options: FitOptions = read_json("options", options).or_python(py)?;
    // The work outlives a call that Ctrl-C ends, so it owns what it reads.
    let s = s.as_array().to_vec();
    let view = response.as_array();
    let (_, outputs, inputs) = view.dim();
    let response: Vec<Complex64> = view.iter().copied().collect();
    let weights = weights.map(|w| w.as_array().to_vec());
    work::run(py, progress, move |progress| {
        let data = FrequencyData {
            s: &s,
            outputs,
            inputs,
            response: &response,
            weights: weights.as_deref(),
        };
        json(&fit_response(&data, &options, progress)?)
    })
}

/// Tests a system (JSON) for passivity; the result as JSON.
#[pyfunction]
#[pyo3(signature = (system, kind, progress))]
pub(crate) fn laplace_passivity(
    py: Python<'_>,
    system: &str,
    kind: &str,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let system: PoleResidue = read_json("system", system).or_python(py)?;
    let kind = representation(kind).or_python(py)?;
    work::run(py, progress, move |progress| {
        json(&passivity(&system, kind, progress)?)
    })
}

/// Makes a system (JSON) passive; the result as JSON.
#[pyfunction]
#[pyo3(signature = (system, kind, options, progress))]
pub(crate) fn laplace_enforce_passivity(
    py: Python<'_>,
    system: &str,
    kind: &str,
    options: &str,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let system: PoleResidue = read_json("system", system).or_python(py)?;
    let kind = representation(kind).or_python(py)?;
    let options: EnforceOptions = read_json("options", options).or_python(py)?;
    work::run(py, progress, move |progress| {
        json(&enforce_passivity(&system, kind, &options, progress)?)
    })
}
