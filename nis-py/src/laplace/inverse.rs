//! The inverse Laplace transform: formulas, samples and pole-residue forms on a thread of their own, Python
//! functions on the calling thread with the GIL.

use nis_core::expr::Expr;
use nis_core::laplace::PoleResidue;
use nis_core::laplace::inverse::{
    Inversion, InvertOptions, Method, invert, invert_formula, invert_poles, invert_samples,
};
use nis_core::runtime::read_json;
use nis_core::telemetry::{Cancel, Progress};
use nis_core::{Error, Result};
use num_complex::Complex64;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::errors::OrPython;
use crate::work;

/// Value, error, the places of the methods in [`METHODS`], abscissa, evaluations, delays.
type Found<'py> = (
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<u8>>,
    f64,
    u64,
    Bound<'py, PyArray1<f64>>,
);

/// The methods by their names in JSON.
pub(crate) const METHODS: [(&str, Method); 9] = [
    ("auto", Method::Auto),
    ("talbot", Method::Talbot),
    ("euler", Method::Euler),
    ("de_hoog", Method::DeHoog),
    ("cme", Method::Cme),
    ("fourier", Method::Fourier),
    ("weeks", Method::Weeks),
    ("rational", Method::Rational),
    ("exact", Method::Exact),
];

fn hand_out(py: Python<'_>, found: Inversion) -> Found<'_> {
    let place = |m: &Method| METHODS.iter().position(|(_, n)| n == m).unwrap_or(0) as u8;
    let methods: Vec<u8> = found.method.iter().map(place).collect();
    (
        found.value.into_pyarray(py),
        found.error.into_pyarray(py),
        methods.into_pyarray(py),
        found.abscissa,
        found.evaluations,
        found.delays.into_pyarray(py),
    )
}

/// Method, abscissa, delay, nodes: not as JSON, which would take as long as a short inversion.
type Settings = (String, Option<f64>, f64, Option<i64>);

fn options((method, abscissa, delay, nodes): Settings) -> Result<InvertOptions> {
    let known = METHODS.iter().find(|(name, _)| *name == method);
    let method = known.map(|(_, m)| *m).ok_or_else(|| {
        let names = METHODS.map(|(name, _)| name).join(", ");
        Error::invalid("method", method, format!("one of {names}"))
    })?;
    let nodes = match nodes {
        None => None,
        Some(n) => {
            Some(usize::try_from(n).map_err(|_| Error::invalid("nodes", n, "4 to 1000, or none"))?)
        }
    };
    Ok(InvertOptions {
        method,
        abscissa,
        delay,
        nodes,
    })
}

fn owned(values: &PyReadonlyArray1<'_, f64>) -> Vec<f64> {
    values.as_array().to_vec()
}

/// Times up to which an inversion takes some tens of milliseconds at most.
const SHORT: usize = 1000;

/// Inverts a formula in `s`.
#[pyfunction]
pub(crate) fn invert_text<'py>(
    py: Python<'py>,
    formula: &str,
    t: PyReadonlyArray1<'py, f64>,
    settings: Settings,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Found<'py>> {
    let options: InvertOptions = options(settings).or_python(py)?;
    let formula = Expr::parse(formula).or_python(py)?;
    let t = owned(&t);
    let found = work::run_unless_short(py, progress, t.len() <= SHORT, move |progress| {
        invert_formula(&formula, &t, &options, progress)
    })?;
    Ok(hand_out(py, found))
}

/// Inverts samples of a transform.
#[pyfunction]
pub(crate) fn invert_values<'py>(
    py: Python<'py>,
    s: PyReadonlyArray1<'py, Complex64>,
    values: PyReadonlyArray1<'py, Complex64>,
    t: PyReadonlyArray1<'py, f64>,
    settings: Settings,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Found<'py>> {
    let options: InvertOptions = options(settings).or_python(py)?;
    let (s, values, t) = (s.as_array().to_vec(), values.as_array().to_vec(), owned(&t));
    let found = work::run(py, progress, move |progress| {
        invert_samples(&s, &values, &t, &options, progress)
    })?;
    Ok(hand_out(py, found))
}

/// The impulse response of a pole-residue form given as JSON.
#[pyfunction]
pub(crate) fn invert_system<'py>(
    py: Python<'py>,
    system: &str,
    t: PyReadonlyArray1<'py, f64>,
) -> PyResult<Found<'py>> {
    let system: PoleResidue = read_json("system", system).or_python(py)?;
    let t = owned(&t);
    let found = py.detach(move || invert_poles(&system, &t)).or_python(py)?;
    Ok(hand_out(py, found))
}

/// Inverts a Python function of complex arrays. It is called on the calling thread; what it raises goes up.
#[pyfunction]
pub(crate) fn invert_callable<'py>(
    py: Python<'py>,
    function: &Bound<'py, PyAny>,
    t: PyReadonlyArray1<'py, f64>,
    settings: Settings,
) -> PyResult<Found<'py>> {
    let options: InvertOptions = options(settings).or_python(py)?;
    let t = owned(&t);
    let mut raised: Option<PyErr> = None;
    let cancel = Cancel::new();
    let progress = Progress::none().with_cancel(&cancel);
    let outcome = {
        let mut f = |s: &[Complex64], out: &mut [Complex64]| -> Result<()> {
            match call(py, function, s, out) {
                Ok(done) => done,
                Err(exception) => {
                    raised = Some(exception);
                    cancel.cancel();
                    Err(Error::Cancelled)
                }
            }
        };
        invert(&mut f, &t, &options, &progress)
    };
    match raised {
        Some(exception) => Err(exception),
        None => Ok(hand_out(py, outcome.or_python(py)?)),
    }
}

/// One call of a Python function; its own exceptions apart from what does not fit.
fn call(
    py: Python<'_>,
    function: &Bound<'_, PyAny>,
    s: &[Complex64],
    out: &mut [Complex64],
) -> PyResult<Result<()>> {
    py.check_signals()?;
    let given = PyArray1::from_slice(py, s);
    let answer = function.call1((given,))?;
    let Ok(answer) = answer.extract::<PyReadonlyArray1<'_, Complex64>>() else {
        return Ok(Err(Error::invalid(
            "F",
            answer.get_type().to_string(),
            "a function that returns a complex array",
        )));
    };
    let answer = answer.as_array();
    if answer.len() != out.len() {
        return Ok(Err(Error::invalid(
            "F",
            format!("{} values", answer.len()),
            format!("{}, one per point", out.len()),
        )));
    }
    for (out, v) in out.iter_mut().zip(answer) {
        *out = *v;
    }
    Ok(Ok(()))
}
