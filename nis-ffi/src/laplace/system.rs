//! Linear systems: a handle, its responses, margins, reduction, discretisation and interconnection.

use std::ffi::c_char;

use nis_core::laplace::system::{
    DiscretizeOptions, Hold, Prepared, ReduceOptions, System, SystemSpec,
};
use nis_core::runtime::read_json;
use nis_core::telemetry::Progress;
use nis_core::{Error, Result};
use serde::Serialize;

use super::options;
use crate::boundary::{self, nis_status_of, null, numbers, numbers_out, out_pointer};
use crate::buffer::nis_buffer;
use crate::call::{CallOptions, nis_call_options};
use crate::handle::write_json;
use crate::status::nis_status;

/// A linear system. Opaque; made by `nis_laplace_system_new` and the functions that answer systems, freed by
/// `nis_laplace_system_free`. It never changes: several threads may use one handle at the same time.
pub struct nis_system_t {
    prepared: Prepared,
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<nis_system_t>()
};

/// # Safety
/// `handle` must be NULL or live for `'a`.
unsafe fn system<'a>(field: &str, handle: *const nis_system_t) -> Result<&'a System> {
    // SAFETY: this function's contract is that of the call.
    unsafe { prepared(field, handle) }.map(Prepared::system)
}

/// # Safety
/// `handle` must be NULL or live for `'a`.
unsafe fn prepared<'a>(field: &str, handle: *const nis_system_t) -> Result<&'a Prepared> {
    // SAFETY: the caller promises a live handle, which is only shared.
    match unsafe { handle.as_ref() } {
        Some(handle) => Ok(&handle.prepared),
        None => Err(null(field)),
    }
}

/// # Safety
/// `out` must be NULL (refused) or point to writable memory for one pointer.
unsafe fn give(out: *mut *mut nis_system_t, system: System) -> Result<()> {
    let out = out_pointer("out", out)?;
    let prepared = Prepared::new(system);
    let handle = Box::into_raw(Box::new(nis_system_t { prepared }));
    // SAFETY: not NULL, and the caller promises the place.
    unsafe { out.as_ptr().write(handle) };
    Ok(())
}

/// Copies a result to the caller's array, whose length must be that of the result.
///
/// # Safety
/// `out` must be NULL or lead to `len` writable, initialised values.
unsafe fn put(field: &str, out: *mut f64, len: usize, values: &[f64]) -> Result<()> {
    if len != values.len() {
        return Err(Error::invalid(
            format!("{field}_len"),
            len,
            format!("{} values", values.len()),
        ));
    }
    // SAFETY: this function's contract is that of the call.
    unsafe { numbers_out(field, out, len) }?.copy_from_slice(values);
    Ok(())
}

/// Makes a system from JSON and writes its handle to `*out`; free it with `nis_laplace_system_free`.
///
/// `spec_json` (UTF-8, `spec_len` bytes, borrowed for the call) is an object with one key:
/// `{"pole_residue": {"outputs": 1, "inputs": 1, "terms": [{"pole": [re, im], "residue": [[re, im]]}],
/// "direct": [0]}}`, `{"state_space": {"states", "inputs", "outputs", "a", "b", "c", "d", "dt"}}` (matrices by
/// rows), `{"zpk": {"zeros", "poles", "gain", "dt"}}` or `{"coefficients": {"numerator", "denominator", "dt"}}`
/// (highest power first; inaccurate from order 20 or so). `*out` stays untouched on failure. Safe to call from
/// any thread.
///
/// Errors: `NIS_ERR_PARSE` (not JSON), `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL`,
/// `NIS_ERR_LIMIT`.
///
/// # Safety
/// `spec_json` must be NULL (refused) or lead to `spec_len` readable bytes; `out` must be NULL (refused) or
/// point to writable memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_system_new(
    spec_json: *const c_char,
    spec_len: usize,
    out: *mut *mut nis_system_t,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the calls.
        let text = unsafe { boundary::text("spec_json", spec_json, spec_len) }?;
        let system = read_json::<SystemSpec>("system", text)?.build()?;
        // SAFETY: as above.
        unsafe { give(out, system) }
    })
}

/// Frees a system. NULL is fine.
///
/// # Safety
/// `system` must be NULL or a handle of this library that is not freed yet and that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_system_free(system: *mut nis_system_t) {
    if !system.is_null() {
        // SAFETY: the caller promises a handle made by `give`, given up here.
        drop(unsafe { Box::from_raw(system) });
    }
}

/// Writes the system as JSON, in the form that `nis_laplace_system_new` reads, to `*out`; free it with
/// `nis_buffer_free`. `*out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (NULL).
///
/// # Safety
/// `system` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one
/// buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_system_json(
    system: *const nis_system_t,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        write_json(out, unsafe { self::system("system", system) }?)
    })
}

/// Writes the numbers of outputs and inputs, by which arrays are sized. A NULL `outputs` or `inputs` is skipped.
/// Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (NULL system).
///
/// # Safety
/// `system` must be NULL (refused) or live; `outputs` and `inputs` must be NULL or point to writable memory for
/// one value each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_system_size(
    system: *const nis_system_t,
    outputs: *mut usize,
    inputs: *mut usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the call.
        let system = unsafe { self::system("system", system) }?;
        for (out, value) in [(outputs, system.outputs()), (inputs, system.inputs())] {
            if let Ok(out) = out_pointer("size", out) {
                // SAFETY: not NULL, and the caller promises the place.
                unsafe { out.as_ptr().write(value) };
            }
        }
        Ok(())
    })
}

#[derive(Serialize)]
struct Description {
    outputs: usize,
    inputs: usize,
    dt: Option<f64>,
    stable: bool,
    dc_gain: Vec<f64>,
    poles: Vec<nis_core::laplace::system::Damping>,
    zeros: Vec<[f64; 2]>,
}

impl Description {
    fn new(prepared: &Prepared, progress: &Progress<'_>) -> Result<Self> {
        let at_zero = prepared.frequency_response(&[0.0], progress)?;
        let system = prepared.system();
        Ok(Description {
            outputs: system.outputs(),
            inputs: system.inputs(),
            dt: system.dt(),
            stable: system.is_stable()?,
            dc_gain: at_zero.response.iter().map(|h| h.re).collect(),
            poles: system.damping()?,
            zeros: prepared
                .zeros(progress)?
                .iter()
                .map(|z| [z.re, z.im])
                .collect(),
        })
    }
}

/// Writes what is known of the system as JSON to `*out`: `outputs`, `inputs`, `dt`, `stable`, `dc_gain` (by rows;
/// null where it is infinite), `poles` (each with `pole` [re, im], `natural_frequency`, `damping_ratio`,
/// `time_constant`) and the invariant `zeros`. Free it with `nis_buffer_free`. `*out` stays untouched on failure.
/// Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (NULL, or a linear term that leaves the zeros undefined), `NIS_ERR_NUMERICAL`.
///
/// # Safety
/// `system` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one
/// buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_zeros(
    system: *const nis_system_t,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let system = unsafe { prepared("system", system) }?;
        write_json(out, &Description::new(system, &Progress::none())?)
    })
}

/// As `nis_laplace_zeros`, for systems of hundreds of states: `options` (borrowed, may be NULL) says where progress
/// goes and what stops the work. Between two reports lies one decomposition at most.
///
/// Errors: as `nis_laplace_zeros`; `NIS_ERR_CANCELLED`.
///
/// # Safety
/// As `nis_laplace_margins`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_describe(
    system: *const nis_system_t,
    options: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let call = CallOptions::read(options)?;
            out_pointer("out", out)?;
            let system = prepared("system", system)?;
            write_json(
                out,
                &call.run(|progress| Description::new(system, progress))?,
            )
        }
    })
}

/// A response of many points or states, with progress: `what` 0 for `H(j omega)` at `n` angular frequencies `x`
/// (`2 * outputs * inputs * n` doubles, laid out as those of `nis_laplace_frequency_response`), 1 for the step and 2
/// for the impulse response at `n` times `x` (`outputs * inputs * n` doubles, as those of `nis_laplace_step`).
/// `options` (borrowed, may be NULL) says where progress goes and what stops the work. Borrowed for the call; `values`
/// stays untouched on failure. Safe to call from any thread.
///
/// Errors: as those functions; `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `system`, `options` as for `nis_laplace_margins`; `x` must lead to `n` readable and `values` to `values_len`
/// writable, initialised values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_response(
    system: *const nis_system_t,
    what: u32,
    options: *const nis_call_options,
    x: *const f64,
    n: usize,
    values: *mut f64,
    values_len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let call = CallOptions::read(options)?;
            let system = prepared("system", system)?;
            let x = numbers("x", x, n)?;
            let got = call.run(|progress| match what {
                0 => {
                    let got = system.frequency_response(x, progress)?;
                    Ok(got.response.iter().flat_map(|h| [h.re, h.im]).collect())
                }
                1 => Ok(system.step(x, progress)?.y),
                2 => Ok(system.impulse(x, progress)?.y),
                other => Err(Error::invalid(
                    "what",
                    other,
                    "0 (frequency response), 1 (step) or 2 (impulse)",
                )),
            })?;
            put("values", values, values_len, &got)
        }
    })
}

/// `H(j omega)` (`H(e^{j omega dt})` of a discrete system) at `n` angular frequencies. `response` takes
/// `2 * outputs * inputs * n` doubles: real and imaginary part of output `o`, input `i` at `omega[k]` stand at
/// `2 * ((o * inputs + i) * n + k)`; infinite where `omega[k]` is a pole. Borrowed for the call; `response` stays
/// untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (NULL, a frequency that is not finite, another length), `NIS_ERR_NUMERICAL`.
///
/// # Safety
/// `system` must be NULL (refused) or live; `omega` must lead to `n` readable and `response` to `response_len`
/// writable, initialised values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_frequency_response(
    system: *const nis_system_t,
    omega: *const f64,
    n: usize,
    response: *mut f64,
    response_len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let system = prepared("system", system)?;
            let omega = numbers("omega", omega, n)?;
            let got = system.frequency_response(omega, &Progress::none())?;
            let flat: Vec<f64> = got.response.iter().flat_map(|h| [h.re, h.im]).collect();
            put("response", response, response_len, &flat)
        }
    })
}

/// Magnitude, decibels and unwrapped phase (radians) at `n` angular frequencies; each array takes
/// `outputs * inputs * n = len` doubles, output `o`, input `i` at `omega[k]` at `(o * inputs + i) * n + k`. A NULL
/// array is skipped. As `nis_laplace_frequency_response` otherwise.
///
/// Errors: `NIS_ERR_INVALID_INPUT`, `NIS_ERR_NUMERICAL`.
///
/// # Safety
/// `system` must be NULL (refused) or live; `omega` must lead to `n` readable values; each of the arrays must be
/// NULL or lead to `len` writable, initialised values, and they must not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_bode(
    system: *const nis_system_t,
    omega: *const f64,
    n: usize,
    magnitude: *mut f64,
    decibel: *mut f64,
    phase: *mut f64,
    len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let system = prepared("system", system)?;
            let omega = numbers("omega", omega, n)?;
            let bode = system.frequency_response(omega, &Progress::none())?.bode();
            let arrays = [
                ("magnitude", magnitude, &bode.magnitude),
                ("decibel", decibel, &bode.decibel),
                ("phase", phase, &bode.phase),
            ];
            if len != bode.phase.len() {
                return Err(Error::invalid(
                    "len",
                    len,
                    format!("{} values", bode.phase.len()),
                ));
            }
            for (field, out, values) in arrays {
                if !out.is_null() {
                    put(field, out, len, values)?;
                }
            }
            Ok(())
        }
    })
}

/// Step response of every output to a unit step at time 0 in every input, at `n` increasing times from 0 on (at
/// multiples of `dt` for a discrete system). `y` takes `outputs * inputs * n` doubles: output `o`, input `i` at
/// `t[k]` at `(o * inputs + i) * n + k`. Borrowed for the call; `y` stays untouched on failure. Safe to call from
/// any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (names the time), `NIS_ERR_NUMERICAL` (overflow).
///
/// # Safety
/// `system` must be NULL (refused) or live; `t` must lead to `n` readable and `y` to `y_len` writable,
/// initialised values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_step(
    system: *const nis_system_t,
    t: *const f64,
    n: usize,
    y: *mut f64,
    y_len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let got = self::system("system", system)?.step(numbers("t", t, n)?)?;
            put("y", y, y_len, &got.y)
        }
    })
}

/// Impulse response, as `nis_laplace_step`; without the Dirac impulse of a direct term.
///
/// Errors: as `nis_laplace_step`.
///
/// # Safety
/// As `nis_laplace_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_impulse(
    system: *const nis_system_t,
    t: *const f64,
    n: usize,
    y: *mut f64,
    y_len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let got = self::system("system", system)?.impulse(numbers("t", t, n)?)?;
            put("y", y, y_len, &got.y)
        }
    })
}

/// Output for an input that goes straight (`hold` 1) or stays (`hold` 0) between its samples, exact in both
/// cases. `u` holds `inputs * n` samples, input `i` at `t[k]` at `i * n + k`; `y` takes `outputs * n` doubles in
/// the same manner. `x0` is the state at `t[0]` of the system's state-space form (`x0_len` 0: at rest). Borrowed
/// for the call; `y` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL` (overflow).
///
/// # Safety
/// `system` must be NULL (refused) or live; `t`, `u` and `x0` must lead to `n`, `u_len` and `x0_len` readable and
/// `y` to `y_len` writable, initialised values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_simulate(
    system: *const nis_system_t,
    t: *const f64,
    n: usize,
    u: *const f64,
    u_len: usize,
    x0: *const f64,
    x0_len: usize,
    hold: u32,
    y: *mut f64,
    y_len: usize,
) -> nis_status {
    nis_status_of(|| {
        let hold = match hold {
            0 => Hold::Zero,
            1 => Hold::First,
            other => return Err(Error::invalid("hold", other, "0 or 1")),
        };
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let got = self::system("system", system)?.simulate(
                numbers("t", t, n)?,
                numbers("u", u, u_len)?,
                numbers("x0", x0, x0_len)?,
                hold,
            )?;
            put("y", y, y_len, &got.y)
        }
    })
}

/// Writes a default time grid (`what` 0) or frequency grid (`what` 1), chosen from the poles, as a JSON array to
/// `*out`; free it with `nis_buffer_free`. `*out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT`, `NIS_ERR_NUMERICAL`.
///
/// # Safety
/// `system` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one
/// buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_grid(
    system: *const nis_system_t,
    what: u32,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let system = unsafe { self::system("system", system) }?;
        let grid = match what {
            0 => system.default_times()?,
            1 => system.default_frequencies()?,
            other => {
                return Err(Error::invalid(
                    "what",
                    other,
                    "0 (times) or 1 (frequencies)",
                ));
            }
        };
        write_json(out, &grid)
    })
}

/// Writes all stability margins of the system as an open loop under negative feedback as JSON to `*out`:
/// `closed_loop_stable`, `gain` and `phase` (every crossover), `gain_margin`, `gain_reduction`, `phase_margin`,
/// `delay_margin`, `modulus_margin`. Free it with `nis_buffer_free`. `options` (borrowed, may be NULL) says where
/// progress goes and what stops the work. `*out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (more than one input or output), `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `system` must be NULL (refused) or live; `options` must be NULL or lead to `struct_size` readable bytes, its
/// functions must be callable from any thread and its `cancel` must be NULL or live; `out` must be NULL
/// (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_margins(
    system: *const nis_system_t,
    options: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let call = CallOptions::read(options)?;
            out_pointer("out", out)?;
            let system = self::system("system", system)?;
            write_json(out, &call.run(|progress| system.margins(progress))?)
        }
    })
}

/// Reduces the system by balanced truncation and writes the result as JSON to `*out`: `system` (the body of a
/// `state_space`), `order`, `unstable`, `hankel_singular_values`, `error_bound`. Free it with `nis_buffer_free`.
///
/// `options_json` (UTF-8, borrowed, may be NULL for defaults): `{"order": 6}` or `{"tolerance": 1e-6}` (bound
/// against the largest Hankel singular value), `"match_dc": true`. `options` as in `nis_laplace_margins`. `*out`
/// stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL`,
/// `NIS_ERR_CANCELLED`.
///
/// # Safety
/// As `nis_laplace_margins`; `options_json` must be NULL or lead to `options_json_len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_reduce(
    system: *const nis_system_t,
    options_json: *const c_char,
    options_json_len: usize,
    options: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let call = CallOptions::read(options)?;
            out_pointer("out", out)?;
            let system = self::system("system", system)?;
            let how: ReduceOptions = self::options(options_json, options_json_len)?;
            write_json(out, &call.run(|progress| system.reduce(&how, progress))?)
        }
    })
}

/// The discrete system with sampling interval `dt`, as a new handle in `*out`; free it with
/// `nis_laplace_system_free`. `options_json` (UTF-8, borrowed, may be NULL for defaults):
/// `{"method": "zoh" | "foh" | "tustin" | "matched", "prewarp": omega}`. `*out` stays untouched on failure. Safe
/// to call from any thread.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL`.
///
/// # Safety
/// `system` must be NULL (refused) or live; `options_json` must be NULL or lead to `options_json_len` readable
/// bytes; `out` must be NULL (refused) or point to writable memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_discretize(
    system: *const nis_system_t,
    dt: f64,
    options_json: *const c_char,
    options_json_len: usize,
    out: *mut *mut nis_system_t,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            out_pointer("out", out)?;
            let system = self::system("system", system)?;
            let how: DiscretizeOptions = self::options(options_json, options_json_len)?;
            give(out, system.discretize(dt, &how)?)
        }
    })
}

/// Joins two systems into a new handle in `*out`; free it with `nis_laplace_system_free`. `how` (UTF-8, `how_len`
/// bytes) is `series` (`a`, then `b`), `parallel` (their sum), `append` (side by side), `feedback` (`a` with `b`
/// from its outputs to its inputs, subtracted) or `positive_feedback`. `*out` stays untouched on failure. Safe
/// to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (names what does not fit), `NIS_ERR_NUMERICAL` (a singular loop).
///
/// # Safety
/// `a` and `b` must be NULL (refused) or live; `how` must be NULL (refused) or lead to `how_len` readable bytes;
/// `out` must be NULL (refused) or point to writable memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_connect(
    a: *const nis_system_t,
    b: *const nis_system_t,
    how: *const c_char,
    how_len: usize,
    out: *mut *mut nis_system_t,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            out_pointer("out", out)?;
            let (a, b) = (system("a", a)?, system("b", b)?);
            let joined = match boundary::text("how", how, how_len)? {
                "series" => a.series(b)?,
                "parallel" => a.parallel(b)?,
                "append" => a.append(b)?,
                "feedback" => a.feedback(b, -1.0)?,
                "positive_feedback" => a.feedback(b, 1.0)?,
                other => {
                    return Err(Error::invalid(
                        "how",
                        other,
                        "series, parallel, append, feedback or positive_feedback",
                    ));
                }
            };
            give(out, joined)
        }
    })
}

/// The system in the other form as a new handle in `*out`; free it with `nis_laplace_system_free`. `form` 0 is
/// state space, 1 pole-residue, which is refused with `NIS_ERR_NUMERICAL` where the poles lie too close together
/// for it to agree within `tolerance` (relative; not used for form 0). `*out` stays untouched on failure. Safe
/// to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT`, `NIS_ERR_NUMERICAL`.
///
/// # Safety
/// `system` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one
/// pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_convert(
    system: *const nis_system_t,
    form: u32,
    tolerance: f64,
    out: *mut *mut nis_system_t,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            out_pointer("out", out)?;
            let system = self::system("system", system)?;
            let converted = match form {
                0 => System::StateSpace(system.to_state_space()?),
                1 => System::PoleResidue(system.to_pole_residue(tolerance)?.system),
                other => {
                    return Err(Error::invalid(
                        "form",
                        other,
                        "0 (state space) or 1 (pole-residue)",
                    ));
                }
            };
            give(out, converted)
        }
    })
}
