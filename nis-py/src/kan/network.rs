//! Bare networks; `nis_core.kan.Kan` wraps them.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use nis_core::Error;
use nis_core::kan::run::Real;
use nis_core::kan::store::{Array, COptions, PykanOptions, SaveOptions};
use nis_core::kan::{Edge, FitOptions, Kan, Precision, Predictor, Structure};
use nis_core::runtime::read_json;
use numpy::ndarray::Array3;
use numpy::{
    Element, IntoPyArray, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyReadonlyArrayDyn,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::{Value, json};

use super::model::{owned_rows, to_json};
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
pub(crate) struct NativeKan(Arc<Ready>);

/// A network and, from the first predictions on, its packed forms.
struct Ready {
    net: Kan,
    wide: OnceLock<Predictor<f64>>,
    narrow: OnceLock<Predictor<f32>>,
}

impl Deref for Ready {
    type Target = Kan;

    fn deref(&self) -> &Kan {
        &self.net
    }
}

fn packed<'r, T: Real>(
    net: &Kan,
    kept: &'r OnceLock<Predictor<T>>,
) -> nis_core::Result<&'r Predictor<T>> {
    if let Some(ready) = kept.get() {
        return Ok(ready);
    }
    let new = Predictor::new(net)?;
    Ok(kept.get_or_init(|| new))
}

/// Outputs of rows; single ones, as of a loop, on the calling thread.
fn predict<'py, T: Real + Element>(
    py: Python<'py>,
    ready: &Arc<Ready>,
    kept: fn(&Ready) -> &OnceLock<Predictor<T>>,
    x: &PyReadonlyArray2<'py, T>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<T>>> {
    let (rows, columns) = x.as_array().dim();
    fitting(py, &ready.net, columns)?;
    let outputs = ready.outputs();
    let x = owned_rows(x);
    let short = rows.saturating_mul(ready.parameters()) < 1 << 23;
    let ready = Arc::clone(ready);
    let values = work::run_unless_short(py, None, short, move |progress| {
        let predictor = packed(&ready.net, kept(&ready))?;
        let mut y = vec![T::default(); rows * outputs];
        predictor.predict_on(&x, &mut y, threads, progress)?;
        Ok(y)
    })?;
    values.into_pyarray(py).reshape([rows, outputs])
}

fn fitting(py: Python<'_>, net: &Kan, columns: usize) -> PyResult<()> {
    if columns == net.inputs() {
        return Ok(());
    }
    Err(Error::invalid(
        "x",
        format!("{columns} columns"),
        format!("{} columns", net.inputs()),
    ))
    .or_python(py)
}

impl NativeKan {
    fn of(net: Kan) -> Self {
        NativeKan(Arc::new(Ready {
            net,
            wide: OnceLock::new(),
            narrow: OnceLock::new(),
        }))
    }
}

#[pymethods]
impl NativeKan {
    /// A network of a structure given as JSON.
    #[new]
    fn new(py: Python<'_>, structure: &str) -> PyResult<Self> {
        let structure: Structure = read_json("structure", structure).or_python(py)?;
        let net = py.detach(|| Kan::of(&structure)).or_python(py)?;
        Ok(NativeKan::of(net))
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
        fitting(py, &self.0, x.as_array().ncols())?;
        let (x, y) = (owned_rows(&x), owned_rows(&y));
        let net = Arc::clone(&self.0);
        let (net, report) = work::run(py, progress, move |progress| {
            let mut net = net.net.clone();
            let report = net.fit(&x, &y, &options, progress)?;
            Ok((net, to_json(&report)?))
        })?;
        Ok((NativeKan::of(net), report))
    }

    /// Outputs `(rows, outputs)` in 64 bits.
    fn predict<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f64>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        predict(py, &self.0, |r| &r.wide, &x, threads)
    }

    /// Outputs `(rows, outputs)` in 32 bits.
    fn predict_f32<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        predict(py, &self.0, |r| &r.narrow, &x, threads)
    }

    /// Derivatives of the outputs with respect to the inputs, `(rows, outputs, inputs)`.
    fn jacobian<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        fitting(py, &self.0, x.as_array().ncols())?;
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

    /// The network of a pykan checkpoint: arrays by name, and what pykan keeps outside them as JSON.
    #[staticmethod]
    fn from_pykan(
        py: Python<'_>,
        state: Vec<(String, PyReadonlyArrayDyn<'_, f64>)>,
        options: &str,
    ) -> PyResult<Self> {
        let options: PykanOptions = read_json("options", options).or_python(py)?;
        let state: BTreeMap<String, Array> = state
            .into_iter()
            .map(|(name, array)| {
                let array = array.as_array();
                let array = Array {
                    shape: array.shape().to_vec(),
                    values: array.iter().copied().collect(),
                };
                (name, array)
            })
            .collect();
        let net = py
            .detach(|| Kan::from_pykan(&state, &options))
            .or_python(py)?;
        Ok(NativeKan::of(net))
    }

    /// The network as an ONNX file.
    fn to_onnx<'py>(&self, py: Python<'py>, options: &str) -> PyResult<Bound<'py, PyBytes>> {
        let options: SaveOptions = read_json("options", options).or_python(py)?;
        let bytes = py
            .detach(|| self.0.to_onnx(options.precision))
            .or_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The network as C99: source and header.
    fn to_c(&self, py: Python<'_>, options: &str) -> PyResult<(String, String)> {
        let options: COptions = read_json("options", options).or_python(py)?;
        let c = py.detach(|| self.0.to_c(&options)).or_python(py)?;
        Ok((c.source, c.header))
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
        Ok(NativeKan::of(net))
    }

    /// Widths and edges as JSON.
    fn describe(&self, py: Python<'_>) -> PyResult<String> {
        to_json(&description(&self.0.net)).or_python(py)
    }
}
