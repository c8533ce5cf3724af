//! Linear systems: responses and reduction.

use std::sync::Arc;

use nis_core::laplace::system::{
    DiscretizeOptions, Hold, Prepared, ReduceOptions, System, SystemSpec, Zpk,
};
use nis_core::runtime::read_json;
use nis_core::telemetry::Progress;
use nis_core::{Error, Result};
use numpy::{Complex64, IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use serde::Serialize;

use crate::errors::OrPython;
use crate::work;

/// A linear system as the core holds it; `nis_core.laplace.System` wraps it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeSystem")]
pub(crate) struct NativeSystem {
    prepared: Arc<Prepared>,
}

/// Most states whose decompositions take well below 0.1 s.
const PROMPT: usize = 150;

impl NativeSystem {
    fn system(&self) -> &System {
        self.prepared.system()
    }

    /// Work on arrays of numbers. Where decompositions are short, so that between two reports lies no more than 0.1 s,
    /// on the arrays where they lie; else on a thread of its own.
    fn answer<T: Send + 'static>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        x: &[f64],
        work: impl FnOnce(&Prepared, &[f64], &Progress<'_>) -> Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let states = match self.system() {
            System::PoleResidue(_) => 0,
            System::StateSpace(s) => s.states,
        };
        if states <= PROMPT {
            let prepared = &*self.prepared;
            return work::run_here(py, progress, |progress| work(prepared, x, progress));
        }
        let (prepared, x) = (Arc::clone(&self.prepared), x.to_vec());
        work::run(py, progress, move |progress| work(&prepared, &x, progress))
    }
}

type Reals<'py> = Bound<'py, PyArray1<f64>>;
type Complexes<'py> = Bound<'py, PyArray1<Complex64>>;

fn wrap(system: System) -> NativeSystem {
    NativeSystem {
        prepared: Arc::new(Prepared::new(system)),
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Internal {
        message: format!("writing JSON: {e}"),
    })
}

fn slice<'a, T: numpy::Element>(
    field: &str,
    array: &'a PyReadonlyArray1<'_, T>,
) -> Result<&'a [T]> {
    array
        .as_slice()
        .map_err(|_| Error::invalid(field, "strided array", "a contiguous array"))
}

#[pymethods]
impl NativeSystem {
    /// The system of a JSON spec: `pole_residue`, `state_space`, `zpk` or `coefficients`.
    #[new]
    fn new(py: Python<'_>, spec: &str) -> PyResult<Self> {
        py.detach(|| read_json::<SystemSpec>("system", spec)?.build())
            .map(wrap)
            .or_python(py)
    }

    /// From polynomial coefficients: the system, and the largest error estimates of its zeros and poles.
    #[staticmethod]
    fn from_coefficients(
        py: Python<'_>,
        numerator: Vec<f64>,
        denominator: Vec<f64>,
        dt: Option<f64>,
    ) -> PyResult<(Self, f64, f64)> {
        py.detach(|| {
            let (zpk, zeros, poles) = Zpk::from_coefficients(&numerator, &denominator, dt)?;
            let worst = |e: &[f64]| e.iter().copied().fold(0.0, f64::max);
            Ok((
                wrap(zpk.to_system()?),
                worst(&zeros.error),
                worst(&poles.error),
            ))
        })
        .or_python(py)
    }

    /// The system as JSON with one key, `pole_residue` or `state_space`.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| json(self.system())).or_python(py)
    }

    #[getter]
    fn outputs(&self) -> usize {
        self.system().outputs()
    }

    #[getter]
    fn inputs(&self) -> usize {
        self.system().inputs()
    }

    #[getter]
    fn dt(&self) -> Option<f64> {
        self.system().dt()
    }

    #[getter]
    fn form(&self) -> &'static str {
        match self.system() {
            System::PoleResidue(_) => "pole_residue",
            System::StateSpace(_) => "state_space",
        }
    }

    /// `H` by rows at one point.
    fn evaluate<'py>(&self, py: Python<'py>, re: f64, im: f64) -> PyResult<Complexes<'py>> {
        let s = Complex64::new(re, im);
        let h = py.detach(|| self.system().evaluate(s)).or_python(py)?;
        Ok(h.into_pyarray(py))
    }

    fn poles<'py>(&self, py: Python<'py>) -> PyResult<Complexes<'py>> {
        let poles = py.detach(|| self.system().poles()).or_python(py)?;
        Ok(poles.into_pyarray(py))
    }

    #[pyo3(signature = (progress=None))]
    fn zeros<'py>(
        &self,
        py: Python<'py>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Complexes<'py>> {
        // An eigenproblem in either form, so the order decides.
        let order = match self.system() {
            System::PoleResidue(s) => 2 * s.terms.len(),
            System::StateSpace(s) => s.states,
        };
        let zeros = if order <= PROMPT {
            let prepared = &*self.prepared;
            work::run_here(py, progress, |progress| prepared.zeros(progress))?
        } else {
            let prepared = Arc::clone(&self.prepared);
            work::run(py, progress, move |progress| prepared.zeros(progress))?
        };
        Ok(zeros.into_pyarray(py))
    }

    fn dc_gain<'py>(&self, py: Python<'py>) -> PyResult<Reals<'py>> {
        let gain = py.detach(|| self.system().dc_gain()).or_python(py)?;
        Ok(gain.into_pyarray(py))
    }

    fn is_stable(&self, py: Python<'_>) -> PyResult<bool> {
        py.detach(|| self.system().is_stable()).or_python(py)
    }

    fn damping(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| json(&self.system().damping()?)).or_python(py)
    }

    fn default_times<'py>(&self, py: Python<'py>) -> PyResult<Reals<'py>> {
        let t = py.detach(|| self.system().default_times()).or_python(py)?;
        Ok(t.into_pyarray(py))
    }

    fn default_frequencies<'py>(&self, py: Python<'py>) -> PyResult<Reals<'py>> {
        let omega = py
            .detach(|| self.system().default_frequencies())
            .or_python(py)?;
        Ok(omega.into_pyarray(py))
    }

    /// `H(j omega)`, flat: `[(output * inputs + input) * n + k]`.
    #[pyo3(signature = (omega, progress=None))]
    fn frequency_response<'py>(
        &self,
        py: Python<'py>,
        omega: PyReadonlyArray1<'py, f64>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Complexes<'py>> {
        let omega = slice("omega", &omega).or_python(py)?;
        let got = self.answer(py, progress, omega, |system, omega, progress| {
            Ok(system.frequency_response(omega, progress)?.response)
        })?;
        Ok(got.into_pyarray(py))
    }

    /// Magnitude, decibels and unwrapped phase, flat.
    #[pyo3(signature = (omega, progress=None))]
    fn bode<'py>(
        &self,
        py: Python<'py>,
        omega: PyReadonlyArray1<'py, f64>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Reals<'py>, Reals<'py>, Reals<'py>)> {
        let omega = slice("omega", &omega).or_python(py)?;
        let got = self.answer(py, progress, omega, |system, omega, progress| {
            Ok(system.frequency_response(omega, progress)?.bode())
        })?;
        Ok((
            got.magnitude.into_pyarray(py),
            got.decibel.into_pyarray(py),
            got.phase.into_pyarray(py),
        ))
    }

    #[pyo3(signature = (t, progress=None))]
    fn step<'py>(
        &self,
        py: Python<'py>,
        t: PyReadonlyArray1<'py, f64>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Reals<'py>> {
        let t = slice("t", &t).or_python(py)?;
        let got = self.answer(py, progress, t, |system, t, progress| {
            Ok(system.step(t, progress)?.y)
        })?;
        Ok(got.into_pyarray(py))
    }

    #[pyo3(signature = (t, progress=None))]
    fn impulse<'py>(
        &self,
        py: Python<'py>,
        t: PyReadonlyArray1<'py, f64>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Reals<'py>> {
        let t = slice("t", &t).or_python(py)?;
        let got = self.answer(py, progress, t, |system, t, progress| {
            Ok(system.impulse(t, progress)?.y)
        })?;
        Ok(got.into_pyarray(py))
    }

    #[pyo3(signature = (x0, t, progress=None))]
    fn initial<'py>(
        &self,
        py: Python<'py>,
        x0: Vec<f64>,
        t: PyReadonlyArray1<'py, f64>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Reals<'py>> {
        let t = slice("t", &t).or_python(py)?;
        let got = self.answer(py, progress, t, move |system, t, progress| {
            Ok(system.initial(&x0, t, progress)?.y)
        })?;
        Ok(got.into_pyarray(py))
    }

    #[pyo3(signature = (t, u, x0, hold, progress=None))]
    fn simulate<'py>(
        &self,
        py: Python<'py>,
        t: PyReadonlyArray1<'py, f64>,
        u: PyReadonlyArray1<'py, f64>,
        x0: Vec<f64>,
        hold: &str,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Reals<'py>> {
        let (t, u) = (slice("t", &t).or_python(py)?, slice("u", &u).or_python(py)?);
        let hold = match hold {
            "zero" => Ok(Hold::Zero),
            "first" => Ok(Hold::First),
            other => Err(Error::invalid("hold", other, "\"zero\" or \"first\"")),
        }
        .or_python(py)?;
        let u = u.to_vec();
        let got = self.answer(py, progress, t, move |system, t, progress| {
            Ok(system.simulate(t, &u, &x0, hold, progress)?.y)
        })?;
        Ok(got.into_pyarray(py))
    }

    fn margins(&self, py: Python<'_>) -> PyResult<String> {
        let prepared = Arc::clone(&self.prepared);
        work::run(py, None, move |progress| {
            json(&prepared.system().margins(progress)?)
        })
    }

    /// The H-infinity norm and where it is reached.
    fn h_infinity_norm(&self, py: Python<'_>) -> PyResult<(f64, f64)> {
        let prepared = Arc::clone(&self.prepared);
        work::run(py, None, move |progress| {
            let peak = prepared.system().h_infinity_norm(progress)?;
            Ok((peak.norm, peak.omega))
        })
    }

    fn h2_norm(&self, py: Python<'_>) -> PyResult<f64> {
        py.detach(|| self.system().h2_norm()).or_python(py)
    }

    /// The reduced system and the rest of the result: order, unstable, Hankel singular values, bound.
    #[pyo3(signature = (options, progress))]
    fn reduce<'py>(
        &self,
        py: Python<'py>,
        options: &str,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Self, usize, usize, Reals<'py>, f64)> {
        let options: ReduceOptions = read_json("options", options).or_python(py)?;
        let prepared = Arc::clone(&self.prepared);
        let found = work::run(py, progress, move |progress| {
            prepared.system().reduce(&options, progress)
        })?;
        Ok((
            wrap(System::StateSpace(found.system)),
            found.order,
            found.unstable,
            found.hankel_singular_values.into_pyarray(py),
            found.error_bound,
        ))
    }

    fn discretize(&self, py: Python<'_>, dt: f64, options: &str) -> PyResult<Self> {
        let options: DiscretizeOptions = read_json("options", options).or_python(py)?;
        py.detach(|| self.system().discretize(dt, &options))
            .map(wrap)
            .or_python(py)
    }

    /// `how`: `series` (this, then other), `parallel`, `append`, `feedback` or `positive_feedback`.
    fn connect(&self, py: Python<'_>, other: &Self, how: &str) -> PyResult<Self> {
        py.detach(|| match how {
            "series" => self.system().series(other.system()),
            "parallel" => self.system().parallel(other.system()),
            "append" => self.system().append(other.system()),
            "feedback" => self.system().feedback(other.system(), -1.0),
            "positive_feedback" => self.system().feedback(other.system(), 1.0),
            unknown => Err(Error::invalid("how", unknown, "a known interconnection")),
        })
        .map(wrap)
        .or_python(py)
    }

    fn scaled(&self, py: Python<'_>, factor: f64) -> PyResult<Self> {
        self.system().scaled(factor).map(wrap).or_python(py)
    }

    fn to_state_space(&self, py: Python<'_>) -> PyResult<Self> {
        py.detach(|| self.system().to_state_space())
            .map(|s| wrap(System::StateSpace(s)))
            .or_python(py)
    }

    /// The pole-residue form and its largest relative difference.
    fn to_pole_residue(&self, py: Python<'_>, tolerance: f64) -> PyResult<(Self, f64)> {
        let form = py
            .detach(|| self.system().to_pole_residue(tolerance))
            .or_python(py)?;
        Ok((wrap(System::PoleResidue(form.system)), form.error))
    }

    /// The stable part and the rest.
    fn split_stable(&self, py: Python<'_>) -> PyResult<(Self, Self)> {
        let (stable, rest) = py.detach(|| self.system().split_stable()).or_python(py)?;
        Ok((
            wrap(System::StateSpace(stable)),
            wrap(System::StateSpace(rest)),
        ))
    }
}
