//! Problems and solutions of differential equations; `nis_core.pinn` wraps them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nis_core::Error;
use nis_core::pinn::{
    Functions, Observations, Problem, ProblemSpec, Scatter, Solution, SolveOptions, solve,
};
use nis_core::runtime::read_json;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde_json::json;

use crate::errors::OrPython;
use crate::work;

/// Values up to which a call is so short that a thread would cost more than it saves.
const SHORT: usize = 1 << 12;

/// Measured values by column, and their known scatter as JSON.
type Data<'py> = (Vec<(String, PyReadonlyArray1<'py, f64>)>, Option<String>);

/// A problem that was read and checked; `nis_core.pinn.Problem` wraps it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeProblem")]
pub(crate) struct NativeProblem {
    problem: Arc<Problem>,
    raised: Raised,
}

/// What a function of the host raised first.
#[derive(Clone, Default)]
struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    fn place(&self) -> MutexGuard<'_, Option<PyErr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A Python callable as the core wants it: NaN where it raises, which the core refuses, and the exception is kept.
    fn guarded(&self, call: Py<PyAny>) -> impl Fn(&[f64]) -> f64 + Send + Sync + 'static {
        let raised = self.clone();
        move |point| {
            Python::attach(|py| {
                let value = PyTuple::new(py, point)
                    .and_then(|point| call.call1(py, point))
                    .and_then(|value| value.extract::<f64>(py));
                value.unwrap_or_else(|error| {
                    raised.place().get_or_insert(error);
                    f64::NAN
                })
            })
        }
    }

    /// The outcome of work that called such functions: what they raised goes before the error that followed from it.
    fn first<T>(&self, outcome: PyResult<T>) -> PyResult<T> {
        match (outcome, self.place().take()) {
            (Err(_), Some(raised)) => Err(raised),
            (outcome, _) => outcome,
        }
    }
}

#[pymethods]
impl NativeProblem {
    /// Reads a problem from JSON; `data` stands for the `data` of the JSON text, `functions` for names in it,
    /// `inside` for a domain by the sign of a function.
    #[new]
    fn new(
        py: Python<'_>,
        spec: &str,
        data: Option<Data<'_>>,
        functions: Vec<(String, Py<PyAny>)>,
        inside: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let mut spec: ProblemSpec = read_json("problem", spec).or_python(py)?;
        if let Some((columns, noise)) = data {
            let noise: Option<Scatter> = noise
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(|e| Error::invalid("noise", e, "a number, or one for each field"))
                .or_python(py)?;
            let columns = columns.into_iter();
            let columns = columns.map(|(name, values)| (name, values.as_array().to_vec()));
            let found = Observations::from_columns(&spec.domain, columns.collect(), noise.as_ref());
            spec.data = Some(found.or_python(py)?);
        }
        let raised = Raised::default();
        let mut own = Functions::new();
        if let Some(call) = inside {
            own = own.inside(raised.guarded(call));
        }
        for (name, call) in functions {
            own = own.named(&name, raised.guarded(call));
        }
        let read = py.detach(|| Problem::with_functions(&spec, &own));
        Ok(NativeProblem {
            problem: Arc::new(raised.first(read.or_python(py))?),
            raised,
        })
    }

    /// What was read, as JSON.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        serde_json::to_string(self.problem.spec())
            .map_err(|e| Error::Internal {
                message: format!("writing JSON: {e}"),
            })
            .or_python(py)
    }

    /// Names and kind, as JSON.
    fn describe(&self) -> String {
        json!({
            "fields": self.problem.fields(),
            "coordinates": self.problem.coordinates(),
            "unknowns": self.problem.unknowns(),
            "linear": self.problem.is_linear(),
            "eigen": self.problem.is_eigenproblem(),
            "notes": self.problem.notes(),
        })
        .to_string()
    }

    /// Solves it.
    #[pyo3(signature = (options, progress))]
    fn solve(
        &self,
        py: Python<'_>,
        options: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<NativeSolution> {
        let options: SolveOptions = read_json("options", options).or_python(py)?;
        let problem = Arc::clone(&self.problem);
        let solution = work::run(py, progress, move |progress| {
            solve(&problem, &options, progress)
        });
        Ok(NativeSolution(Arc::new(self.raised.first(solution)?)))
    }
}

/// A solution as the core holds it; `nis_core.pinn.Solution` wraps it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeSolution")]
pub(crate) struct NativeSolution(Arc<Solution>);

/// The rows of an array, as the core reads them.
fn flat(points: &PyReadonlyArray2<'_, f64>) -> Vec<f64> {
    points.as_array().iter().copied().collect()
}

impl NativeSolution {
    /// What `work` gives at points: `width` values for each.
    fn at<'py>(
        &self,
        py: Python<'py>,
        points: &PyReadonlyArray2<'py, f64>,
        width: usize,
        work: impl FnOnce(&Solution, &[f64]) -> nis_core::Result<Vec<f64>> + Send + 'static,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (n, columns) = points.as_array().dim();
        self.fitting(py, columns)?;
        let points = flat(points);
        let solution = Arc::clone(&self.0);
        let values = work::run_unless_short(py, None, n * width < SHORT, move |_| {
            work(&solution, &points)
        })?;
        values.into_pyarray(py).reshape([n, width])
    }

    fn fitting(&self, py: Python<'_>, columns: usize) -> PyResult<()> {
        let wanted = self.0.coordinates.len();
        if columns == wanted {
            return Ok(());
        }
        Err(Error::invalid(
            "points",
            format!("{columns} columns"),
            format!("{wanted}: {}", self.0.coordinates.join(", ")),
        ))
        .or_python(py)
    }
}

#[pymethods]
impl NativeSolution {
    /// The fields at points, a row for each.
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        points: PyReadonlyArray2<'py, f64>,
        outside: bool,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.at(py, &points, self.0.fields.len(), move |solution, points| {
            if outside {
                solution.evaluate_outside(points)
            } else {
                solution.evaluate(points)
            }
        })
    }

    /// A derivative at points.
    fn derivative<'py>(
        &self,
        py: Python<'py>,
        name: String,
        points: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.at(py, &points, 1, move |solution, points| {
            solution.derivative(&name, points)
        })
    }

    /// Left minus right side of the equations at points, a row for each.
    fn residual<'py>(
        &self,
        py: Python<'py>,
        points: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let equations = self.0.certificate.equations.len();
        self.at(py, &points, equations, |solution, points| {
            solution.residual(points)
        })
    }

    /// Whether points lie in the domain.
    fn inside<'py>(
        &self,
        py: Python<'py>,
        points: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray1<bool>>> {
        self.fitting(py, points.as_array().dim().1)?;
        let points = flat(&points);
        let found = py.detach(|| self.0.contains(&points)).or_python(py)?;
        Ok(found.into_pyarray(py))
    }

    /// All but the functions, as JSON.
    fn summary(&self, py: Python<'_>) -> PyResult<String> {
        serde_json::to_string(&self.0.summary())
            .map_err(|e| Error::Internal {
                message: format!("writing JSON: {e}"),
            })
            .or_python(py)
    }

    /// The solution as JSON that every face reads.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.to_json()).or_python(py)
    }

    /// The solution as one self-contained HTML page.
    fn to_html(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.to_html()).or_python(py)
    }

    /// The solution of such JSON.
    #[staticmethod]
    fn from_json(py: Python<'_>, text: &str) -> PyResult<Self> {
        let solution = py.detach(|| Solution::from_json(text)).or_python(py)?;
        Ok(NativeSolution(Arc::new(solution)))
    }
}
