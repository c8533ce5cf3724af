//! Rational fits of frequency data.

use std::ffi::c_char;

use nis_core::laplace::PoleResidue;
use nis_core::laplace::fit::{
    EnforceOptions, FitOptions, FrequencyData, Representation, enforce_passivity, fit_response,
    passivity,
};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};

use super::{complexes, options};
use crate::boundary::{self, nis_status_of, numbers, out_pointer};
use crate::buffer::nis_buffer;
use crate::call::{CallOptions, nis_call_options};
use crate::handle::write_json;
use crate::status::nis_status;

/// # Safety
/// `text` must be NULL (refused) or lead to `len` readable bytes.
unsafe fn representation(text: *const c_char, len: usize) -> Result<Representation> {
    // SAFETY: the caller promises the bytes.
    match unsafe { boundary::text("representation", text, len) }? {
        "scattering" => Ok(Representation::Scattering),
        "immittance" => Ok(Representation::Immittance),
        other => Err(Error::invalid(
            "representation",
            other,
            "\"scattering\" or \"immittance\"",
        )),
    }
}

/// Fits poles and residues to frequency responses and writes the result as JSON to `*out`; free it with
/// `nis_buffer_free`.
///
/// `s` holds `points` complex numbers (re, im interleaved, 1/time unit; `0, 2 pi f` for a frequency `f`),
/// `response` `points * outputs * inputs` complex numbers `[point][output][input]`, interleaved. `weights`
/// holds `weights_len` numbers, one per point or one per response, and may be NULL for 1 everywhere.
/// `options_json` (UTF-8, `options_len` bytes) may be NULL for the defaults; its keys are `order` (null: chosen
/// from the data), `max_order`, `direct`, `linear`, `weighting` (`uniform`, `inverse_magnitude`,
/// `inverse_norm`), `start` (`auto`, `spread`, `aaa`), `stable`, `tolerance`, `max_relocations`, `max_polish`.
/// All are borrowed for the call.
///
/// The result holds `system` (`outputs`, `inputs`, `terms`, `direct`, `linear`), `poles` (with `pole_se`),
/// `order`, `order_reason`, `tried`, `rms`, `relative_rms`, `max_error`, `max_relative_error`, `max_error_at`,
/// `noise_std`, `relocations`, `polish_steps`, `converged`, `stable` and `start`. Complex numbers are pairs.
///
/// `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any
/// thread. `*out` stays untouched on failure.
///
/// Errors: `NIS_ERR_PARSE` (options are not JSON), `NIS_ERR_INVALID_INPUT` (names the field),
/// `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `s` must be NULL (refused unless `points` is 0) or lead to `2 * points` readable numbers, `response`
/// likewise to `2 * points * outputs * inputs`, `weights` NULL or to `weights_len`; `options_json` must be NULL
/// or lead to `options_len` readable bytes; `call` must be NULL or lead to `struct_size` readable bytes, its
/// functions must be callable from any thread and its `cancel` must be NULL or live; `out` must be NULL
/// (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_fit_response(
    s: *const f64,
    points: usize,
    response: *const f64,
    outputs: usize,
    inputs: usize,
    weights: *const f64,
    weights_len: usize,
    options_json: *const c_char,
    options_len: usize,
    call: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // Read first, so that `user_data` is freed whatever else is wrong.
        // SAFETY: this function's contract is that of the call.
        let call = unsafe { CallOptions::read(call) }?;
        out_pointer("out", out)?;
        let values = points
            .checked_mul(outputs)
            .and_then(|v| v.checked_mul(inputs))
            .ok_or_else(|| {
                Error::invalid(
                    "outputs, inputs",
                    format!("{outputs} x {inputs}"),
                    "sizes that fit in the address space",
                )
            })?;
        // SAFETY: this function's contract is that of the calls.
        let (s, response, weights, options) = unsafe {
            (
                complexes("s", s, points)?,
                complexes("response", response, values)?,
                (!weights.is_null())
                    .then(|| numbers("weights", weights, weights_len))
                    .transpose()?,
                options::<FitOptions>(options_json, options_len)?,
            )
        };
        let data = FrequencyData {
            s: &s,
            outputs,
            inputs,
            response: &response,
            weights,
        };
        // SAFETY: this function's contract is that of the call.
        let found = unsafe { call.run(|progress| fit_response(&data, &options, progress)) }?;
        write_json(out, &found)
    })
}

/// Tests a system for passivity and writes the result as JSON to `*out`; free it with `nis_buffer_free`.
///
/// `system_json` (UTF-8, `system_len` bytes) is a system in pole-residue form, as in the result of
/// `nis_laplace_fit_response`; `representation` (`representation_len` bytes) is `scattering` or `immittance`.
/// Both are borrowed for the call. The result holds `passive`, `stable`, `linear_passive`, `bands` (`from`,
/// `to`, `at`, `worst`; null for infinity), `worst`, `worst_at`, `method` and `states`.
///
/// `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any
/// thread. `*out` stays untouched on failure.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`, `NIS_ERR_NUMERICAL`,
/// `NIS_ERR_CANCELLED`.
///
/// # Safety
/// The texts must be NULL (refused) or lead to as many readable bytes as their lengths say; `call` must be NULL
/// or lead to `struct_size` readable bytes, its functions must be callable from any thread and its `cancel`
/// must be NULL or live; `out` must be NULL (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_passivity(
    system_json: *const c_char,
    system_len: usize,
    representation: *const c_char,
    representation_len: usize,
    call: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the call.
        let call = unsafe { CallOptions::read(call) }?;
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the calls.
        let (text, kind) = unsafe {
            (
                boundary::text("system_json", system_json, system_len)?,
                self::representation(representation, representation_len)?,
            )
        };
        let system: PoleResidue = read_json("system", text)?;
        // SAFETY: this function's contract is that of the call.
        let found = unsafe { call.run(|progress| passivity(&system, kind, progress)) }?;
        write_json(out, &found)
    })
}

/// Changes residues and `D` of a system as little as possible until it is passive, and writes the result as
/// JSON to `*out`; free it with `nis_buffer_free`.
///
/// `system_json` and `representation` as in `nis_laplace_passivity`; `options_json` (UTF-8, `options_len`
/// bytes) may be NULL for the defaults; its keys are `omega` (angular frequencies at which the change counts),
/// `max_iterations`, `margin`, `fallback`. All are borrowed for the call. The result holds `system`, `report`
/// (`enforced`, `method`, `iterations`, `change_rms`, `change_relative`, `change_max`), `before` and `after` (as
/// from `nis_laplace_passivity`). A system that could not be made passive is no error: `enforced` is false.
///
/// `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any
/// thread. `*out` stays untouched on failure.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field; also for unstable systems),
/// `NIS_ERR_LIMIT`, `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
///
/// # Safety
/// The texts must be NULL (refused, but for the options) or lead to as many readable bytes as their lengths
/// say; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be callable from any
/// thread and its `cancel` must be NULL or live; `out` must be NULL (refused) or point to writable memory for
/// one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_enforce_passivity(
    system_json: *const c_char,
    system_len: usize,
    representation: *const c_char,
    representation_len: usize,
    options_json: *const c_char,
    options_len: usize,
    call: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the call.
        let call = unsafe { CallOptions::read(call) }?;
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the calls.
        let (text, kind, options) = unsafe {
            (
                boundary::text("system_json", system_json, system_len)?,
                self::representation(representation, representation_len)?,
                options::<EnforceOptions>(options_json, options_len)?,
            )
        };
        let system: PoleResidue = read_json("system", text)?;
        // SAFETY: this function's contract is that of the call.
        let done =
            unsafe { call.run(|progress| enforce_passivity(&system, kind, &options, progress)) }?;
        write_json(out, &done)
    })
}
