//! Bare networks; `nis_core.kan.Kan` wraps them.

use std::sync::Arc;

use nis_core::Error;
use nis_core::kan::{Edge, FitOptions, Kan, Precision, Structure};
use nis_core::runtime::read_json;
use numpy::ndarray::Array3;
use numpy::{IntoPyArray, PyArray2, PyArray3, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::{Value, json};

use super::model::{matrix, owned_rows, to_json};
use crate::errors::OrPython;
use crate::work;

/// Widths, and per layer what its edges are made of.
pub(super) fn description(net: &Kan) -> Value {
    let layers: Vec<Value> = net
        .layers()
        .iter()
        .map(|layer| {
            let edges: Vec<Vec<Value>> = (0..layer.inputs())
                .map(|i| {
                    (0..layer.sums())
                        .map(|o| match layer.edge_kind(i, o) {
                            Some(Edge::Trained) => json!("trained"),
                            Some(Edge::Fixed(symbolic)) => json!({
                                "function": symbolic.text(),
                                "constants": symbolic.constants(),
                            }),
                            Some(Edge::Removed) | None => json!("removed"),
                        })
                        .collect()
                })
                .collect();
            let basis = layer.basis(0);
            json!({
                "inputs": layer.inputs(),
                "sums": layer.sums(),
                "products": layer.products(),
                "grid": basis.cells(),
                "order": basis.order(),
                "family": basis.family(),
                "ranges": (0..layer.inputs()).map(|i| layer.basis(i).grid()).collect::<Vec<_>>(),
                "edges": edges,
            })
        })
        .collect();
    json!({"widths": net.widths(), "parameters": net.parameters(), "layers": layers})
}

/// A network as the core holds it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeKan")]
pub(crate) struct NativeKan(Arc<Kan>);

impl NativeKan {
    fn fitting(&self, py: Python<'_>, x: &PyReadonlyArray2<'_, f64>) -> PyResult<()> {
        let (got, want) = (x.as_array().ncols(), self.0.inputs());
        if got == want {
            return Ok(());
        }
        Err(Error::invalid(
            "x",
            format!("{got} columns"),
            format!("{want} columns"),
        ))
        .or_python(py)
    }
}

#[pymethods]
impl NativeKan {
    /// A network of a structure given as JSON.
    #[new]
    fn new(py: Python<'_>, structure: &str) -> PyResult<Self> {
        let structure: Structure = read_json("structure", structure).or_python(py)?;
        let net = py.detach(|| Kan::of(&structure)).or_python(py)?;
        Ok(NativeKan(Arc::new(net)))
    }

    /// The network fitted to rows, and the report as JSON.
    #[pyo3(signature = (x, y, options, progress))]
    fn fit(
        &self,
        py: Python<'_>,
        x: PyReadonlyArray2<'_, f64>,
        y: PyReadonlyArray2<'_, f64>,
        options: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(NativeKan, String)> {
        let options: FitOptions = read_json("options", options).or_python(py)?;
        self.fitting(py, &x)?;
        let (x, y) = (owned_rows(&x), owned_rows(&y));
        let net = Arc::clone(&self.0);
        let (net, report) = work::run(py, progress, move |progress| {
            let mut net = Kan::clone(&net);
            let report = net.fit(&x, &y, &options, progress)?;
            Ok((net, to_json(&report)?))
        })?;
        Ok((NativeKan(Arc::new(net)), report))
    }

    /// Outputs `(rows, outputs)`.
    fn predict<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.fitting(py, &x)?;
        let rows = x.as_array().nrows();
        let short = rows.saturating_mul(self.0.parameters()) < 1 << 23;
        let (net, x) = (Arc::clone(&self.0), owned_rows(&x));
        let values = work::run_unless_short(py, None, short, move |_| net.predict(&x))?;
        matrix(py, values, rows, self.0.outputs())
    }

    /// Derivatives of the outputs with respect to the inputs, `(rows, outputs, inputs)`.
    fn jacobian<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        self.fitting(py, &x)?;
        let shape = (x.as_array().nrows(), self.0.outputs(), self.0.inputs());
        let (net, x) = (Arc::clone(&self.0), owned_rows(&x));
        let short = shape.0.saturating_mul(self.0.parameters()) < 1 << 20;
        let values = work::run_unless_short(py, None, short, move |progress| {
            let mut out = Vec::with_capacity(shape.0 * shape.1 * shape.2);
            for (row, x) in x.chunks(shape.2).enumerate() {
                if row % 1024 == 0 {
                    progress.check()?;
                }
                out.extend(net.jacobian(x)?);
            }
            Ok(out)
        })?;
        let array = Array3::from_shape_vec(shape, values)
            .map_err(|e| Error::Internal {
                message: e.to_string(),
            })
            .or_python(py)?;
        Ok(array.into_pyarray(py))
    }

    /// The network as a safetensors file, with all bits.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py
            .detach(|| self.0.to_safetensors(Precision::F64))
            .or_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The network as JSON, with all bits.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.to_json()).or_python(py)
    }

    /// The network of a file, JSON or safetensors.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        let net = py.detach(|| Kan::from_bytes(data)).or_python(py)?;
        Ok(NativeKan(Arc::new(net)))
    }

    /// Widths and edges as JSON.
    fn describe(&self, py: Python<'_>) -> PyResult<String> {
        to_json(&description(&self.0)).or_python(py)
    }
}
