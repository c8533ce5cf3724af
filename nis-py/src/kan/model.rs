//! Models: networks with names, scaling and a task; `nis_core.kan` wraps them in estimators.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use nis_core::kan::store::{COptions, SaveOptions};
use nis_core::kan::{
    FormulaOptions, Library, Model, ModelOptions, Names, Precision, Predictor, PruneOptions, Task,
    Uncertainty,
};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};
use numpy::ndarray::Array3;
use numpy::{
    Element, IntoPyArray, PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1,
    PyReadonlyArray2,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;

use crate::errors::OrPython;
use crate::work;

/// Rows times parameters up to which a prediction runs on the calling thread.
const SHORT: usize = 1 << 23;

/// A model as the core holds it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeKanModel")]
pub(crate) struct NativeKanModel(Arc<Ready>);

/// A model and, from the first prediction on, its packed network.
struct Ready {
    model: Model,
    predictor: OnceLock<Predictor<f64>>,
}

impl Ready {
    fn of(model: Model) -> NativeKanModel {
        NativeKanModel(Arc::new(Ready {
            model,
            predictor: OnceLock::new(),
        }))
    }

    fn predictor(&self) -> Result<&Predictor<f64>> {
        if let Some(ready) = self.predictor.get() {
            return Ok(ready);
        }
        let new = self.model.predictor()?;
        Ok(self.predictor.get_or_init(|| new))
    }
}

impl Deref for Ready {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

/// How far predictions of a model are off.
#[pyclass(frozen, module = "nis_core._native", name = "NativeKanUncertainty")]
pub(crate) struct NativeKanUncertainty(Arc<Uncertainty>);

pub(super) fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Internal {
        message: format!("writing JSON: {e}"),
    })
}

/// The values of an array row by row; without a copy beyond the one that the work must own.
pub(super) fn owned_rows<T: Element + Copy>(x: &PyReadonlyArray2<'_, T>) -> Vec<T> {
    // `as_slice` of the numpy array itself would also give arrays that lie column by column.
    let x = x.as_array();
    match x.as_slice() {
        Some(values) => values.to_vec(),
        None => x.iter().copied().collect(),
    }
}

pub(super) fn matrix<'py>(
    py: Python<'py>,
    values: Vec<f64>,
    rows: usize,
    columns: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    values.into_pyarray(py).reshape([rows, columns])
}

impl NativeKanModel {
    fn rows<'py>(
        &self,
        py: Python<'py>,
        x: &PyReadonlyArray2<'py, f64>,
        width: usize,
        work: impl FnOnce(&Ready, &[f64]) -> Result<Vec<f64>> + Send + 'static,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let rows = x.as_array().nrows();
        self.fitting(py, x)?;
        let short = rows.saturating_mul(self.0.net().parameters()) < SHORT;
        let (model, x) = (Arc::clone(&self.0), owned_rows(x));
        let values = work::run_unless_short(py, None, short, move |_| work(&model, &x))?;
        matrix(py, values, rows, width)
    }

    /// Refuses arrays of another width, whose values might make whole rows all the same.
    fn fitting(&self, py: Python<'_>, x: &PyReadonlyArray2<'_, f64>) -> PyResult<()> {
        let (got, want) = (x.as_array().ncols(), self.0.inputs().len());
        if got == want {
            return Ok(());
        }
        Err(Error::invalid(
            "X",
            format!("{got} columns"),
            format!("{want} columns"),
        ))
        .or_python(py)
    }
}

#[pymethods]
impl NativeKanModel {
    /// Fits a model: `x` is `(rows, inputs)`, `y` `(rows, outputs)`, or `(rows, 1)` with class indices.
    #[staticmethod]
    #[pyo3(signature = (x, y, names, options, progress))]
    fn fit(
        py: Python<'_>,
        x: PyReadonlyArray2<'_, f64>,
        y: PyReadonlyArray2<'_, f64>,
        names: &str,
        options: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let names: Names = read_json("names", names).or_python(py)?;
        let options: ModelOptions = read_json("options", options).or_python(py)?;
        // The work owns what it uses: an array could change under it while the GIL is free.
        let (x, y) = (owned_rows(&x), owned_rows(&y));
        let model = work::run(py, progress, move |progress| {
            Model::fit(&x, &y, &names, &options, progress)
        })?;
        Ok(Ready::of(model))
    }

    /// Outputs `(rows, outputs)`, or class indices `(rows, 1)`.
    fn predict<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let width = match self.0.task() {
            Task::Regression => self.0.outputs().len(),
            Task::Classification { .. } => 1,
        };
        self.rows(py, &x, width, |m, x| m.predict_with(m.predictor()?, x))
    }

    /// Outputs, or scores of the classes, `(rows, outputs)`.
    fn scores<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.rows(py, &x, self.0.outputs().len(), |m, x| {
            m.scores_with(m.predictor()?, x)
        })
    }

    /// Probabilities of the classes, `(rows, classes)`.
    fn predict_proba<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.rows(py, &x, self.0.outputs().len(), |m, x| {
            m.predict_proba_with(m.predictor()?, x)
        })
    }

    /// Derivatives of the outputs with respect to the inputs, `(rows, outputs, inputs)`.
    fn jacobian<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        self.fitting(py, &x)?;
        let shape = (
            x.as_array().nrows(),
            self.0.outputs().len(),
            self.0.inputs().len(),
        );
        let short = shape.0.saturating_mul(self.0.net().parameters()) < SHORT / 8;
        let (model, x) = (Arc::clone(&self.0), owned_rows(&x));
        let values = work::run_unless_short(py, None, short, move |progress| {
            let mut out = Vec::with_capacity(shape.0 * shape.1 * shape.2);
            for (row, x) in x.chunks(shape.2).enumerate() {
                if row % 1024 == 0 {
                    progress.check()?;
                }
                out.extend(model.jacobian(x)?);
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

    /// Values of the nodes for rows of inputs: per layer `(rows, nodes)`, scaled.
    fn nodes<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Vec<Bound<'py, PyArray2<f64>>>> {
        self.fitting(py, &x)?;
        let rows = x.as_array().nrows();
        let (model, x) = (Arc::clone(&self.0), owned_rows(&x));
        let layers = work::run(py, None, move |_| model.nodes(&x))?;
        layers
            .into_iter()
            .zip(self.0.net().widths())
            .map(|(values, width)| matrix(py, values, rows, *width))
            .collect()
    }

    /// What every node and edge contributes on rows of inputs, as JSON.
    fn importance<'py>(&self, py: Python<'py>, x: PyReadonlyArray2<'py, f64>) -> PyResult<String> {
        self.fitting(py, &x)?;
        let (model, x) = (Arc::clone(&self.0), owned_rows(&x));
        work::run(py, None, move |_| to_json(&model.importance(&x)?))
    }

    /// The function on an edge at scaled points.
    fn curve<'py>(
        &self,
        py: Python<'py>,
        layer: usize,
        input: usize,
        sum: usize,
        at: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let at: Vec<f64> = at.as_array().iter().copied().collect();
        let values = self.0.curve(layer, input, sum, &at).or_python(py)?;
        Ok(values.into_pyarray(py))
    }

    /// The model without what matters little, and what that cost as JSON.
    #[pyo3(signature = (x, y, options, progress))]
    fn pruned(
        &self,
        py: Python<'_>,
        x: PyReadonlyArray2<'_, f64>,
        y: PyReadonlyArray2<'_, f64>,
        options: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(NativeKanModel, String)> {
        let options: PruneOptions = read_json("options", options).or_python(py)?;
        self.fitting(py, &x)?;
        let (model, x, y) = (Arc::clone(&self.0), owned_rows(&x), owned_rows(&y));
        let (model, report) = work::run(py, progress, move |progress| {
            let (model, report) = model.pruned(&x, &y, &options, progress)?;
            Ok((model, to_json(&report)?))
        })?;
        Ok((Ready::of(model), report))
    }

    /// A formula per output as JSON; `functions` names those of the library, all where `None`.
    #[pyo3(signature = (x, y, functions, options, progress))]
    fn formula(
        &self,
        py: Python<'_>,
        x: PyReadonlyArray2<'_, f64>,
        y: PyReadonlyArray2<'_, f64>,
        functions: Option<Vec<String>>,
        options: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let options: FormulaOptions = read_json("options", options).or_python(py)?;
        self.fitting(py, &x)?;
        let (model, x, y) = (Arc::clone(&self.0), owned_rows(&x), owned_rows(&y));
        work::run(py, progress, move |progress| {
            let mut library = Library::default();
            if let Some(functions) = &functions {
                library =
                    library.only(&functions.iter().map(String::as_str).collect::<Vec<_>>())?;
            }
            to_json(&model.formula(&x, &y, &library, &options, progress)?)
        })
    }

    /// From the rows of the fit (`laplace`), or from rows that took no part in it.
    fn uncertainty(
        &self,
        py: Python<'_>,
        laplace: bool,
        x: PyReadonlyArray2<'_, f64>,
        y: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<NativeKanUncertainty> {
        self.fitting(py, &x)?;
        let (model, x, y) = (Arc::clone(&self.0), owned_rows(&x), owned_rows(&y));
        let uncertainty = work::run(py, None, move |_| {
            if laplace {
                model.laplace(&x, &y)
            } else {
                model.conformal(&x, &y)
            }
        })?;
        Ok(NativeKanUncertainty(Arc::new(uncertainty)))
    }

    /// Intervals of a level: predictions, lower and upper ends, each `(rows, outputs)`.
    #[allow(clippy::type_complexity)]
    fn intervals<'py>(
        &self,
        py: Python<'py>,
        uncertainty: &NativeKanUncertainty,
        x: PyReadonlyArray2<'py, f64>,
        level: f64,
    ) -> PyResult<(
        Bound<'py, PyArray2<f64>>,
        Bound<'py, PyArray2<f64>>,
        Bound<'py, PyArray2<f64>>,
    )> {
        self.fitting(py, &x)?;
        let (rows, outputs) = (x.as_array().nrows(), self.0.outputs().len());
        let (model, of, x) = (
            Arc::clone(&self.0),
            Arc::clone(&uncertainty.0),
            owned_rows(&x),
        );
        let found = work::run(py, None, move |_| model.intervals(&of, &x, level))?;
        let table = |values: Vec<f64>| matrix(py, values, rows, outputs);
        Ok((
            table(found.iter().map(|i| i.value).collect())?,
            table(found.iter().map(|i| i.lower).collect())?,
            table(found.iter().map(|i| i.upper).collect())?,
        ))
    }

    /// Standard errors of the predictions, `(rows, outputs)`.
    fn standard_errors<'py>(
        &self,
        py: Python<'py>,
        uncertainty: &NativeKanUncertainty,
        x: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.fitting(py, &x)?;
        let (rows, outputs) = (x.as_array().nrows(), self.0.outputs().len());
        let (model, of, x) = (
            Arc::clone(&self.0),
            Arc::clone(&uncertainty.0),
            owned_rows(&x),
        );
        let found = work::run(py, None, move |_| model.standard_errors(&of, &x))?;
        matrix(py, found, rows, outputs)
    }

    /// The model as an ONNX file.
    fn to_onnx<'py>(&self, py: Python<'py>, options: &str) -> PyResult<Bound<'py, PyBytes>> {
        let options: SaveOptions = read_json("options", options).or_python(py)?;
        let bytes = py
            .detach(|| self.0.to_onnx(options.precision))
            .or_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The model as C99: source and header.
    fn to_c(&self, py: Python<'_>, options: &str) -> PyResult<(String, String)> {
        let options: COptions = read_json("options", options).or_python(py)?;
        let c = py.detach(|| self.0.to_c(&options)).or_python(py)?;
        Ok((c.source, c.header))
    }

    /// The model as a safetensors file, with all bits.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py
            .detach(|| self.0.to_safetensors(Precision::F64))
            .or_python(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The model as JSON, with all bits.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.to_json()).or_python(py)
    }

    /// The model of a file, JSON or safetensors.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        let model = py.detach(|| Model::from_bytes(data)).or_python(py)?;
        Ok(Ready::of(model))
    }

    /// Columns, task, network and report as JSON.
    fn describe(&self, py: Python<'_>) -> PyResult<String> {
        let model = &self.0.model;
        to_json(&serde_json::json!({
            "inputs": model.inputs(),
            "outputs": model.outputs(),
            "task": model.task(),
            "rows": model.rows(),
            "report": model.report(),
            "net": super::network::description(model.net()),
        }))
        .or_python(py)
    }
}
