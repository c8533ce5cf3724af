//! The inverse Laplace transform.

use std::ffi::{c_char, c_int, c_void};

use nis_core::expr::Expr;
use nis_core::laplace::PoleResidue;
use nis_core::laplace::inverse::{Inversion, InvertOptions, invert, invert_formula, invert_poles};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};
use num_complex::Complex64;

use crate::boundary::{self, nis_status_of, out_pointer};
use crate::buffer::nis_buffer;
use crate::call::{CallOptions, nis_call_options};
use crate::handle::write_json;
use crate::laplace::named_options;
use crate::status::nis_status;

/// A Laplace transform of a real function, called with arrays: writes `F(s[i])` to `out[i]` for `n` points.
/// Complex numbers are pairs of doubles (real, imaginary), so `s` and `out` hold `2 n` doubles; both are lent
/// for the length of the call. A value that does not exist is NaN. Called on the thread that asked, never two
/// at once. Whatever is not 0 stops the work, which then answers `NIS_ERR_CANCELLED`. Must not throw,
/// `longjmp` or unwind.
pub type nis_transform_fn = Option<
    unsafe extern "C" fn(s: *const f64, out: *mut f64, n: usize, user_data: *mut c_void) -> c_int,
>;

/// Inverts a Laplace transform given as a formula in `s`, at the times `t > 0`, and writes the result as JSON
/// to `*out`; free it with `nis_buffer_free`.
///
/// `formula` (UTF-8, `formula_len` bytes) is text such as "exp(-2*s)/(s^2 + 1)": `exp`, `log`, `sqrt` and the
/// others with principal branches; delays are found and split off. `invert_json` (`invert_len` bytes, or NULL
/// for the defaults) is an object of `method` ("auto", "talbot", "euler", "de_hoog", "cme",
/// "fourier", "weeks", "rational"), `abscissa` and `nodes`. The result holds the arrays `t`, `value`, `error` (an estimate of the
/// absolute error of each value) and `method`, and `abscissa`, `evaluations` and `delays`; what is unknown is
/// `null`. All inputs are borrowed for the call; `*out` stays untouched on failure. Works on the calling
/// thread; several threads may call it at the same time. `options` may be NULL.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_NOT_FOUND` (a name other than `s`), `NIS_ERR_INVALID_INPUT` (names the
/// field), `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `formula` must be NULL (refused) or lead to `formula_len` readable bytes, `t` to `n` readable doubles,
/// `invert_json` must be NULL or lead to `invert_len` readable bytes; `options` must be NULL or lead to
/// `struct_size` readable bytes, its functions must be callable from any thread and its `cancel` must be NULL
/// or live; `out` must be NULL (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_invert(
    formula: *const c_char,
    formula_len: usize,
    t: *const f64,
    n: usize,
    invert_json: *const c_char,
    invert_len: usize,
    options: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let call = CallOptions::read(options)?;
            out_pointer("out", out)?;
            let formula = Expr::parse(boundary::text("formula", formula, formula_len)?)?;
            let t = boundary::numbers("t", t, n)?;
            let settings = named_options::<InvertOptions>("invert", invert_json, invert_len)?;
            let found = call.run(|progress| invert_formula(&formula, t, &settings, progress))?;
            write_json(out, &found)
        }
    })
}

/// Inverts a Laplace transform given as a function, at the times `t > 0`: `f(t[i])` goes to `value[i]`, an
/// estimate of its absolute error to `error[i]` (NaN and infinity where nothing is known).
///
/// `transform` is called with arrays of complex numbers and `user_data` (borrowed for the call) on the calling
/// thread; see `nis_transform_fn`. `invert_json` is as for `nis_laplace_invert`, with `delay` for a known delay
/// `a` of `F(s) = e^{-as} G(s)`. `value` and `error` hold `n` doubles each and stay untouched on failure. The
/// whole result as JSON goes to `*out` where `out` is not NULL; free it with `nis_buffer_free`. Several threads
/// may call it at the same time.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_PARSE` (options), `NIS_ERR_NUMERICAL` (no value of
/// the function is finite), `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `transform` must be NULL (refused) or a function that keeps to its type's contract; `t` must lead to `n`
/// readable doubles, `value` and `error` to `n` writable ones that nothing else uses; `invert_json` must be
/// NULL or lead to `invert_len` readable bytes; `options` as for `nis_laplace_invert`; `out` must be NULL or
/// point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_invert_function(
    transform: nis_transform_fn,
    user_data: *mut c_void,
    t: *const f64,
    n: usize,
    invert_json: *const c_char,
    invert_len: usize,
    options: *const nis_call_options,
    value: *mut f64,
    error: *mut f64,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        let call = unsafe { CallOptions::read(options)? };
        let Some(transform) = transform else {
            return Err(boundary::null("transform"));
        };
        // SAFETY: as above.
        let (t, value, error, settings) = unsafe {
            (
                boundary::numbers("t", t, n)?,
                boundary::numbers_out("value", value, n)?,
                boundary::numbers_out("error", error, n)?,
                named_options::<InvertOptions>("invert", invert_json, invert_len)?,
            )
        };
        let mut f = |s: &[Complex64], out: &mut [Complex64]| -> Result<()> {
            // SAFETY: a Complex64 is two doubles in a row (repr(C)); the caller gave the function and its data
            // for each other, and both arrays have `s.len()` values.
            let answer = unsafe {
                transform(
                    s.as_ptr().cast(),
                    out.as_mut_ptr().cast(),
                    s.len(),
                    user_data,
                )
            };
            if answer == 0 {
                Ok(())
            } else {
                Err(Error::Cancelled)
            }
        };
        // SAFETY: the caller promises that `cancel` is NULL or live.
        let found = unsafe { call.run(|progress| invert(&mut f, t, &settings, progress))? };
        if !out.is_null() {
            write_json(out, &found)?;
        }
        copy(&found, value, error);
        Ok(())
    })
}

/// The impulse response of a system in pole-residue form at the times `t > 0`: as
/// `nis_laplace_invert_function`, in closed form.
///
/// `system_json` (UTF-8, `system_len` bytes, borrowed for the call) is an object of `outputs`, `inputs` (both
/// 1), `terms` (`pole` as `[re, im]`, `power`, `residue`), `direct` and `linear`. `value` and `error` hold `n`
/// doubles each and stay untouched on failure. Several threads may call it at the same time.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field).
///
/// # Safety
/// `system_json` must be NULL (refused) or lead to `system_len` readable bytes; `t` must lead to `n` readable
/// doubles, `value` and `error` to `n` writable ones that nothing else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_invert_poles(
    system_json: *const c_char,
    system_len: usize,
    t: *const f64,
    n: usize,
    value: *mut f64,
    error: *mut f64,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        let (text, t, value, error) = unsafe {
            (
                boundary::text("system_json", system_json, system_len)?,
                boundary::numbers("t", t, n)?,
                boundary::numbers_out("value", value, n)?,
                boundary::numbers_out("error", error, n)?,
            )
        };
        let system: PoleResidue = read_json("system", text)?;
        copy(&invert_poles(&system, t)?, value, error);
        Ok(())
    })
}

fn copy(found: &Inversion, value: &mut [f64], error: &mut [f64]) {
    value.copy_from_slice(&found.value);
    error.copy_from_slice(&found.error);
}
