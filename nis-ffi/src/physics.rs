//! Physics checks on foreign data.

use std::ffi::c_char;

use nis_core::Result;
use nis_core::physics::{ValidationSpec, validate};
use nis_core::runtime::read_json;

use crate::boundary::{nis_status_of, numbers, out_pointer, text};
use crate::buffer::nis_buffer;
use crate::call::{CallOptions, nis_call_options};
use crate::handle::write_json;
use crate::status::nis_status;

/// Values that a physics check takes from the caller's memory, not from JSON. Set all of it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct nis_physics_array {
    /// Name of the field of the grid, or of the column: UTF-8, borrowed for the call.
    pub name: *const c_char,
    /// Length of `name` in bytes.
    pub name_len: usize,
    /// The values, borrowed for the call; NaN is a missing one. Of a field: over all points, last axis fastest.
    pub values: *const f64,
    /// Number of values.
    pub len: usize,
}

/// Checks whether data obey the laws of physics that are declared for them, and writes the verdicts as JSON to
/// `*out`; free it with `nis_buffer_free`.
///
/// `spec_json` (UTF-8, `spec_len` bytes, borrowed for the call) is an object with `numbers` (by name: a number, a text
/// like "5 km/h", `{"value", "unit"}`, `{"constant"}`), `columns` (by name: a list, or `{"values", "unit", "noise"}`),
/// `time` (the column of times), `grid` (`axes`, `fields`), `claims` (objects with `law`, such as
/// `{"law": "equation", "text": "F = m*a"}`) and `checks` (kinds that are wanted; empty: all that apply); see
/// docs/physics.md. `arrays` (`array_count` of them, borrowed for the call, may be NULL where there are none) give
/// values of columns and fields directly: their units stand in `spec_json`.
///
/// The result holds `overall` (`valid`, `violated` or `not_checked`), `verdicts` (each with `check`, `status`,
/// `statistic`, `threshold`, `effect`, `explanation`, `noise`), `kinds` and `version`.
///
/// `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
/// `*out` stays untouched on failure.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`, `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `spec_json` must be NULL (refused) or lead to `spec_len` readable bytes; `arrays` must be NULL (refused unless
/// `array_count` is 0) or lead to `array_count` structures whose `name` and `values` lead to as many readable bytes
/// and numbers as they say; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be callable
/// from any thread and its `cancel` must be NULL or live; `out` must be NULL (refused) or point to writable memory for
/// one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_physics_validate(
    spec_json: *const c_char,
    spec_len: usize,
    arrays: *const nis_physics_array,
    array_count: usize,
    call: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_status_of(|| {
            // Read first, so that `user_data` is freed whatever else is wrong.
            let call = CallOptions::read(call)?;
            out_pointer("out", out)?;
            let spec = text("spec_json", spec_json, spec_len)?;
            let mut spec: ValidationSpec = read_json("spec", spec)?;
            for (name, values) in named(arrays, array_count)? {
                spec.put(name, values.to_vec());
            }
            let found = call.run(|progress| validate(&spec, progress))?;
            write_json(out, &found)
        })
    }
}

/// # Safety
/// That of `nis_physics_validate` for `arrays`.
unsafe fn named<'a>(
    arrays: *const nis_physics_array,
    count: usize,
) -> Result<Vec<(&'a str, &'a [f64])>> {
    // SAFETY: the caller promises `count` structures.
    let arrays: &[nis_physics_array] = unsafe { numbers("arrays", arrays, count) }?;
    let each = arrays.iter().enumerate().map(|(i, a)| {
        let at = format!("arrays[{i}]");
        // SAFETY: the caller promises the bytes and numbers that each structure says.
        unsafe {
            Ok((
                text(&format!("{at}.name"), a.name, a.name_len)?,
                numbers(&format!("{at}.values"), a.values, a.len)?,
            ))
        }
    });
    each.collect()
}
