//! Modes of sampled signals.

use nis_core::Error;
use nis_core::Result;
use nis_core::laplace::forward::Sample;
use nis_core::laplace::{ModesOptions, shared_modes};
use nis_core::runtime::read_json;
use nis_core::telemetry::Progress;
use pyo3::prelude::*;

use super::samples::{Samples, WithSamples};
use crate::errors::OrPython;
use crate::work;

struct Shared<'a, 'p> {
    t0: f64,
    dt: f64,
    options: &'a ModesOptions,
    progress: &'a Progress<'p>,
}

impl WithSamples for Shared<'_, '_> {
    type Output = Result<String>;

    fn run<T: Sample + 'static>(self, channels: &[&[T]]) -> Self::Output {
        let Shared {
            t0,
            dt,
            options,
            progress,
        } = self;
        let found = shared_modes(channels, t0, dt, options, progress)?;
        serde_json::to_string(&found).map_err(|e| Error::Internal {
            message: format!("writing JSON: {e}"),
        })
    }
}

/// Samples up to which the search takes some tens of milliseconds at most.
const SHORT: usize = 10_000;

/// The modes that channels (rows) share, as JSON.
#[pyfunction]
#[pyo3(signature = (samples, t0, dt, options, progress))]
pub(crate) fn laplace_shared_modes(
    py: Python<'_>,
    samples: Samples<'_>,
    t0: f64,
    dt: f64,
    options: &str,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let options: ModesOptions = read_json("options", options).or_python(py)?;
    let owned = samples.to_owned();
    work::run_unless_short(py, progress, samples.len() <= SHORT, move |progress| {
        owned.with(Shared {
            t0,
            dt,
            options: &options,
            progress,
        })
    })
}
