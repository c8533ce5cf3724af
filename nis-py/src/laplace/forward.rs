//! The Laplace transform of sampled signals.

use std::sync::Arc;

use nis_core::Result;
use nis_core::laplace::forward::{
    Line, LinePlan, Sample, Transform, TransformOptions, transform, transform_nonuniform,
};
use nis_core::runtime::read_json;
use nis_core::telemetry::Progress;
use num_complex::Complex64;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use super::samples::{Samples, WithSamples};
use crate::errors::OrPython;
use crate::work;

/// One transform: values, error estimates, bounds of the tail (NaN where there is none), abscissa.
type Parts<'py> = (
    Bound<'py, PyArray1<Complex64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Option<f64>,
);

/// Samples times points below which the work is over before Ctrl-C could be promised.
const SHORT: usize = 20_000_000;

fn parts(py: Python<'_>, transform: Transform) -> Parts<'_> {
    let tail: Vec<f64> = transform
        .tail
        .iter()
        .map(|bound| bound.unwrap_or(f64::NAN))
        .collect();
    (
        transform.values.into_pyarray(py),
        transform.error.into_pyarray(py),
        tail.into_pyarray(py),
        transform.abscissa,
    )
}

/// What is transformed, and where.
#[derive(Clone)]
enum Job {
    Points {
        t0: f64,
        dt: f64,
        s: Vec<Complex64>,
        options: TransformOptions,
    },
    Uneven {
        times: Vec<f64>,
        s: Vec<Complex64>,
        options: TransformOptions,
    },
    Line(Arc<LinePlan>),
}

struct Visit<'a, 'p> {
    job: &'a Job,
    progress: &'a Progress<'p>,
}

impl WithSamples for Visit<'_, '_> {
    type Output = Result<Vec<Transform>>;

    fn run<T: Sample + 'static>(self, channels: &[&[T]]) -> Self::Output {
        let Visit { job, progress } = self;
        match job {
            Job::Points { t0, dt, s, options } => channels
                .iter()
                .map(|x| transform(x, *t0, *dt, s, options, progress))
                .collect(),
            Job::Uneven { times, s, options } => channels
                .iter()
                .map(|x| transform_nonuniform(times, x, s, options, progress))
                .collect(),
            Job::Line(plan) => plan.transform_channels(channels, progress),
        }
    }
}

/// A visit without the GIL, on the arrays where they lie.
struct InPlace<'a, 'py> {
    py: Python<'py>,
    job: &'a Job,
    progress: Option<&'a Bound<'py, PyAny>>,
}

impl WithSamples for InPlace<'_, '_> {
    type Output = PyResult<Vec<Transform>>;

    fn run<T: Sample + 'static>(self, channels: &[&[T]]) -> Self::Output {
        let job = self.job;
        work::run_here(self.py, self.progress, |progress| {
            Visit { job, progress }.run(channels)
        })
    }
}

/// Most points of a line, or length of its transform, between whose reports lies no more than 0.1 s.
const PROMPT: usize = 1 << 19;

impl Job {
    /// Whether the work reports often enough for Ctrl-C to be heard there.
    fn is_prompt(&self, samples: usize) -> bool {
        match self {
            Job::Points { .. } => true,
            Job::Uneven { s, .. } => samples.saturating_mul(s.len()).saturating_mul(300) <= SHORT,
            Job::Line(plan) => plan.longest() <= PROMPT,
        }
    }
}

/// Prompt work reads the arrays where they lie; other work reads a copy, as it may outlive a call that Ctrl-C ends.
fn run<'py>(
    py: Python<'py>,
    samples: &Samples<'_>,
    progress: Option<&Bound<'py, PyAny>>,
    job: Job,
) -> PyResult<Vec<Parts<'py>>> {
    let found = if job.is_prompt(samples.len()) {
        samples.with(InPlace {
            py,
            job: &job,
            progress,
        })?
    } else {
        let owned = samples.to_owned();
        work::run(py, progress, move |progress| {
            owned.with(Visit {
                job: &job,
                progress,
            })
        })?
    };
    Ok(found.into_iter().map(|t| parts(py, t)).collect())
}

/// The transforms of channels (rows) at points `s`: evenly sampled from `t0` every `dt`.
#[pyfunction]
#[pyo3(signature = (samples, t0, dt, s, options, progress))]
pub(crate) fn laplace_transform<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    t0: f64,
    dt: f64,
    s: PyReadonlyArray1<'py, Complex64>,
    options: &str,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<Parts<'py>>> {
    let options: TransformOptions = read_json("options", options).or_python(py)?;
    let s = s.as_array().to_vec();
    run(py, &samples, progress, Job::Points { t0, dt, s, options })
}

/// The transforms of channels (rows) at points `s`: sampled at `times`.
#[pyfunction]
#[pyo3(signature = (samples, times, s, options, progress))]
pub(crate) fn laplace_transform_nonuniform<'py>(
    py: Python<'py>,
    samples: Samples<'py>,
    times: PyReadonlyArray1<'py, f64>,
    s: PyReadonlyArray1<'py, Complex64>,
    options: &str,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Vec<Parts<'py>>> {
    let options: TransformOptions = read_json("options", options).or_python(py)?;
    let (times, s) = (times.as_array().to_vec(), s.as_array().to_vec());
    run(py, &samples, progress, Job::Uneven { times, s, options })
}

/// A plan as the core holds it; `nis_core.laplace.LinePlan` wraps it.
#[pyclass(frozen, module = "nis_core._native", name = "NativeLinePlan")]
pub(crate) struct NativeLinePlan {
    plan: Arc<LinePlan>,
}

#[pymethods]
impl NativeLinePlan {
    /// A plan for the points `sigma + j (omega0 + k step)`.
    #[staticmethod]
    #[pyo3(signature = (samples, t0, dt, line, options))]
    fn line(
        py: Python<'_>,
        samples: usize,
        t0: f64,
        dt: f64,
        line: &str,
        options: &str,
    ) -> PyResult<Self> {
        let line: Line = read_json("line", line).or_python(py)?;
        let options: TransformOptions = read_json("options", options).or_python(py)?;
        let plan = py
            .detach(|| LinePlan::new(samples, t0, dt, line, options))
            .or_python(py)?;
        Ok(NativeLinePlan {
            plan: Arc::new(plan),
        })
    }

    /// A plan for the points of a discrete Fourier transform.
    #[staticmethod]
    #[pyo3(signature = (samples, t0, dt, sigma, length, options))]
    fn bins(
        py: Python<'_>,
        samples: usize,
        t0: f64,
        dt: f64,
        sigma: f64,
        length: usize,
        options: &str,
    ) -> PyResult<Self> {
        let options: TransformOptions = read_json("options", options).or_python(py)?;
        let plan = py
            .detach(|| LinePlan::bins(samples, t0, dt, sigma, length, options))
            .or_python(py)?;
        Ok(NativeLinePlan {
            plan: Arc::new(plan),
        })
    }

    /// The points.
    fn points<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<Complex64>> {
        self.plan.points().to_vec().into_pyarray(py)
    }

    /// The transforms of channels (rows).
    #[pyo3(signature = (samples, progress))]
    fn transform<'py>(
        &self,
        py: Python<'py>,
        samples: Samples<'py>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Parts<'py>>> {
        run(py, &samples, progress, Job::Line(self.plan.clone()))
    }
}
