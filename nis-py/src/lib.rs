//! The Python face of NIS: the extension module `nis_core._native`.
//!
//! A face: it stands above all floors of `nis-core`, uses its public API only, and decides nothing. It
//! converts arguments, runs native work on its own thread while the calling thread waits without the GIL,
//! lets Ctrl-C through, and turns errors into the exception classes of `nis_core._errors`. What a Python
//! programmer meets (classes, docstrings, array handling) is written in Python, in `python/nis_core`.

mod errors;
mod kan;
mod laplace;
mod physics;
mod pinn;
mod provider;
mod report;
mod runtime;
mod stream;
mod work;

/// The extension module.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::kan::model::{NativeKanModel, NativeKanUncertainty};
    #[pymodule_export]
    use crate::kan::network::NativeKan;
    #[pymodule_export]
    use crate::laplace::compress::{
        NativeDecoder, laplace_compress, laplace_decompress, laplace_describe_compressed,
    };
    #[pymodule_export]
    use crate::laplace::fit::{laplace_enforce_passivity, laplace_fit_response, laplace_passivity};
    #[pymodule_export]
    use crate::laplace::forward::{
        NativeLinePlan, laplace_transform, laplace_transform_nonuniform,
    };
    #[pymodule_export]
    use crate::laplace::inverse::{invert_callable, invert_system, invert_text, invert_values};
    #[pymodule_export]
    use crate::laplace::modes::laplace_shared_modes;
    #[pymodule_export]
    use crate::laplace::system::NativeSystem;
    #[pymodule_export]
    use crate::physics::physics_validate;
    #[pymodule_export]
    use crate::pinn::{NativeProblem, NativeSolution};
    #[pymodule_export]
    use crate::provider::NativeSaying;
    #[pymodule_export]
    use crate::report::{NativeReport, analyze_columns, analyze_path};
    #[pymodule_export]
    use crate::runtime::NativeNis;
    #[pymodule_export]
    use crate::stream::{NativeAnswering, NativeStream};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("VERSION", nis_core::VERSION)?;
        let names = crate::laplace::inverse::METHODS.map(|(name, _)| name);
        module.add("INVERSE_METHODS", names)
    }
}
