//! `analyze` and the report that it gives.

use std::path::PathBuf;

use nis_core::Error;
use nis_core::pipeline::{AnalyzeOptions, Dataset, Report, analyze};
use nis_core::runtime::read_json;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::OrPython;
use crate::work;

/// A report as the core holds it; `nis_core.Report` wraps it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeReport")]
pub(crate) struct NativeReport {
    report: Report,
}

#[pymethods]
impl NativeReport {
    /// The report as JSON text; numbers that are not finite are null.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| serde_json::to_string(&self.report))
            .map_err(|e| internal(format!("writing JSON: {e}")))
            .or_python(py)
    }

    /// The report as terminal text.
    fn to_text(&self, py: Python<'_>) -> String {
        py.detach(|| self.report.to_text())
    }

    /// The report as one self-contained HTML page.
    fn to_html(&self, py: Python<'_>) -> String {
        py.detach(|| self.report.to_html())
    }

    /// The report as MessagePack, which keeps numbers that are not finite.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py
            .detach(|| rmp_serde::to_vec_named(&self.report))
            .map_err(|e| internal(format!("writing MessagePack: {e}")))
            .or_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The report that `to_bytes` wrote.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        rmp_serde::from_slice(bytes)
            .map(|report| NativeReport { report })
            .map_err(|e| Error::parse("report", 1, e.to_string()))
            .or_python(py)
    }
}

fn internal(message: String) -> Error {
    Error::Internal { message }
}

/// Analyzes a CSV file.
#[pyfunction]
#[pyo3(signature = (path, source, options, progress))]
pub(crate) fn analyze_path(
    py: Python<'_>,
    path: PathBuf,
    source: Option<String>,
    options: &str,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<NativeReport> {
    let options: AnalyzeOptions = read_json("options", options).or_python(py)?;
    work::run(py, progress, move |progress| {
        let mut data = Dataset::from_csv_path(&path)?;
        if let Some(source) = source {
            data.source = source;
        }
        analyze(&data, &options, progress)
    })
    .map(|report| NativeReport { report })
}

/// Analyzes columns: numeric ones, and the labels of the rows with the names of the text columns.
#[pyfunction]
#[pyo3(signature = (source, columns, labels, text_columns, options, progress))]
pub(crate) fn analyze_columns(
    py: Python<'_>,
    source: &str,
    columns: Vec<(String, PyReadonlyArray1<'_, f64>)>,
    labels: Option<Vec<String>>,
    text_columns: Vec<String>,
    options: &str,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<NativeReport> {
    let options: AnalyzeOptions = read_json("options", options).or_python(py)?;
    let columns = columns
        .into_iter()
        .map(|(name, values)| (name, values.as_array().to_vec()))
        .collect();
    let mut data = Dataset::from_columns(source, columns).or_python(py)?;
    data.labels = labels;
    data.text_columns = text_columns;
    work::run(py, progress, move |progress| {
        analyze(&data, &options, progress)
    })
    .map(|report| NativeReport { report })
}
