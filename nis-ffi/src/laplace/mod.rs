//! The Laplace engine: one file per part of it.

mod compress;
pub(crate) mod fit;
mod forward;
pub(crate) mod inverse;
mod modes;
pub(crate) mod system;

pub use forward::{
    NIS_SAMPLES_COMPLEX_F32, NIS_SAMPLES_COMPLEX_F64, NIS_SAMPLES_F32, NIS_SAMPLES_F64,
    nis_laplace_transform, nis_laplace_transform_nonuniform, nis_line_plan_free, nis_line_plan_new,
    nis_line_plan_t, nis_line_plan_transform,
};
pub use modes::{nis_laplace_modes, nis_laplace_shared_modes};

pub use compress::{
    nis_decoder_finish, nis_decoder_free, nis_decoder_new, nis_decoder_next, nis_decoder_push,
    nis_decoder_t, nis_laplace_compress, nis_laplace_compressed_describe, nis_laplace_decompress,
};

use std::ffi::c_char;

use nis_core::runtime::read_json;
use nis_core::{Error, Result};
use num_complex::Complex64;

use crate::boundary;

/// Twice a number of complex values.
fn doubled(field: &str, count: usize) -> Result<usize> {
    count
        .checked_mul(2)
        .ok_or_else(|| Error::invalid(field, count, "a length that fits in the address space"))
}

/// `count` complex numbers from interleaved pairs.
///
/// # Safety
/// `pointer` must be NULL (refused unless `count` is 0) or lead to `2 * count` readable numbers.
unsafe fn complexes(field: &str, pointer: *const f64, count: usize) -> Result<Vec<Complex64>> {
    // SAFETY: the caller promises the numbers.
    let values = unsafe { boundary::numbers(field, pointer, doubled(field, count)?) }?;
    Ok(values
        .chunks_exact(2)
        .map(|v| Complex64::new(v[0], v[1]))
        .collect())
}

/// Options as JSON, or the defaults for NULL.
///
/// # Safety
/// `text` must be NULL or lead to `len` readable bytes.
unsafe fn options<T: Default + serde::de::DeserializeOwned>(
    text: *const c_char,
    len: usize,
) -> Result<T> {
    // SAFETY: this function's contract is that of the call.
    unsafe { named_options("options", text, len) }
}

/// As [`options`], where the parameter has another name before its `_json`.
///
/// # Safety
/// As [`options`].
unsafe fn named_options<T: Default + serde::de::DeserializeOwned>(
    name: &str,
    text: *const c_char,
    len: usize,
) -> Result<T> {
    if text.is_null() {
        return Ok(T::default());
    }
    // SAFETY: not NULL; the caller promises the bytes.
    read_json(name, unsafe {
        boundary::text(&format!("{name}_json"), text, len)
    }?)
}
