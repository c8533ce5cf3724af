//! Differential equations as text: solved into a handle that is asked for values and derivatives.

use std::ffi::{c_char, c_int};

use nis_core::pinn::{Observations, Problem, ProblemSpec, Solution, SolveOptions, solve};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};

use crate::boundary::{self, nis_status_of, null, numbers, numbers_out, out_pointer};
use crate::buffer::nis_buffer;
use crate::call::{CallOptions, nis_call_options};
use crate::handle::write_json;
use crate::status::nis_status;

/// A solved problem. Opaque; made by `nis_solve` and `nis_solution_load`, freed by `nis_solution_free`. It never
/// changes, so several threads may use one handle at the same time.
pub struct nis_solution_t(Solution);

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<nis_solution_t>()
};

/// # Safety
/// `handle` must be NULL or live for `'a`.
unsafe fn solution<'a>(handle: *const nis_solution_t) -> Result<&'a Solution> {
    // SAFETY: the caller promises a live handle, which is only shared.
    unsafe { handle.as_ref() }
        .map(|handle| &handle.0)
        .ok_or_else(|| null("solution"))
}

/// # Safety
/// `out` must be NULL (refused) or point to writable memory for one pointer.
unsafe fn give(out: *mut *mut nis_solution_t, solution: Solution) -> Result<()> {
    let out = out_pointer("out", out)?;
    // SAFETY: not NULL, and the caller promises the place.
    unsafe {
        out.as_ptr()
            .write(Box::into_raw(Box::new(nis_solution_t(solution))));
    }
    Ok(())
}

/// The product of two sizes.
fn times(field: &str, a: usize, b: usize) -> Result<usize> {
    a.checked_mul(b)
        .ok_or_else(|| Error::invalid(field, a, "a number of rows that fits in the address space"))
}

fn rows(values: &[f64], width: usize) -> Vec<Vec<f64>> {
    values
        .chunks_exact(width.max(1))
        .map(<[f64]>::to_vec)
        .collect()
}

/// Solves a differential equation, or fits its unknown parameters to data, and writes the handle of the solution to
/// `*out`; free it with `nis_solution_free`.
///
/// `problem_json` (UTF-8, `problem_len` bytes) is an object: `equations` (texts such as `"u_t = a*u_xx"`), `domain`
/// (`{"x": [0, 1], "t": [0, 1]}`; optional `shape` and `holes` in the plane), `conditions` (texts such as
/// `"u(x,0) = sin(pi*x)"`), `parameters` (numbers, formulas as text, `"?"` or `{"start": 1.0}` for one to be found,
/// `[low, high]` for a family) and `data` (`fields`, `points`, `values`, `noise`) for parameters to be found.
///
/// `options_json` (UTF-8, `options_len` bytes) may be NULL for the defaults; else an object with any of `method`
/// (`"auto"`, `"features"`, `"network"`, `"integrate"`), `tolerance`, `seed`, `threads`, `max_seconds`, `features` and
/// `network`.
///
/// Data may also come as arrays: then `data` of the problem holds `fields` (and `noise`) only, `points` holds
/// `data_rows` rows of coordinates (space by name, then `t`) and `values` as many rows of fields, NaN where a field was
/// not measured. Otherwise NULL, NULL and 0.
///
/// All of these are borrowed for the call, as is `call` (may be NULL), which says where progress goes and what stops
/// the work. `*out` stays untouched on failure. A solution that did not converge is no failure: `nis_solution_json`
/// says so. Safe to call from any thread.
///
/// Errors: `NIS_ERR_PARSE` (not JSON, or a text that cannot be read; the message has the column),
/// `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NOT_FOUND`, `NIS_ERR_NUMERICAL` (no finite solution was found),
/// `NIS_ERR_LIMIT`, `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `problem_json` must be NULL (refused) or lead to `problem_len` readable bytes, `options_json` NULL or to
/// `options_len`; `points` and `values` must be NULL (refused unless `data_rows` is 0) or lead to as many readable
/// numbers as stated; `call` must be NULL or lead to `struct_size` readable bytes, its functions must be callable from
/// any thread and its `cancel` must be NULL or live; `out` must be NULL (refused) or point to writable memory for one
/// pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_solve(
    problem_json: *const c_char,
    problem_len: usize,
    options_json: *const c_char,
    options_len: usize,
    points: *const f64,
    values: *const f64,
    data_rows: usize,
    call: *const nis_call_options,
    out: *mut *mut nis_solution_t,
) -> nis_status {
    nis_status_of(|| {
        // Read first, so that `user_data` is freed whatever else is wrong.
        // SAFETY: this function's contract is that of the call.
        let call = unsafe { CallOptions::read(call) }?;
        out_pointer("out", out)?;
        // SAFETY: as above.
        let text = unsafe { boundary::text("problem_json", problem_json, problem_len) }?;
        let mut spec: ProblemSpec = read_json("problem", text)?;
        let options = if options_json.is_null() {
            SolveOptions::default()
        } else {
            // SAFETY: as above.
            let text = unsafe { boundary::text("options_json", options_json, options_len) }?;
            read_json("options", text)?
        };
        if data_rows > 0 {
            let wide = spec.domain.coordinates().len();
            let given = spec.data.get_or_insert_with(|| Observations {
                fields: Vec::new(),
                points: Vec::new(),
                values: Vec::new(),
                noise: None,
            });
            if given.fields.is_empty() || !given.points.is_empty() || !given.values.is_empty() {
                return Err(Error::invalid(
                    "problem.data",
                    "no fields, or points and values beside the arrays",
                    "the names of the measured fields, and no points or values",
                ));
            }
            let fields = given.fields.len();
            // SAFETY: as above.
            let (points, values) = unsafe {
                (
                    numbers("points", points, times("data_rows", data_rows, wide)?)?,
                    numbers("values", values, times("data_rows", data_rows, fields)?)?,
                )
            };
            given.points = rows(points, wide);
            given.values = rows(values, fields);
        }
        let problem = Problem::new(&spec)?;
        // SAFETY: as above.
        let solution = unsafe { call.run(|progress| solve(&problem, &options, progress)) }?;
        // SAFETY: as above.
        unsafe { give(out, solution) }
    })
}

/// Frees a solution. NULL is fine.
///
/// # Safety
/// `solution` must be NULL or a handle of this library that is not freed yet and that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_solution_free(solution: *mut nis_solution_t) {
    if !solution.is_null() {
        // SAFETY: the caller promises a handle made by `give`, given up here.
        drop(unsafe { Box::from_raw(solution) });
    }
}

/// Writes how many coordinates a point has and how many fields there are to `*coordinates` and `*fields`; either may be
/// NULL. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (NULL).
///
/// # Safety
/// `solution` must be NULL (refused) or live; `coordinates` and `fields` must be NULL or point to writable memory for
/// one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_solution_size(
    solution: *const nis_solution_t,
    coordinates: *mut usize,
    fields: *mut usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the call.
        let solution = unsafe { self::solution(solution) }?;
        for (place, value) in [
            (coordinates, solution.coordinates.len()),
            (fields, solution.fields.len()),
        ] {
            if !place.is_null() {
                // SAFETY: not NULL, and the caller promises the place.
                unsafe { place.write(value) };
            }
        }
        Ok(())
    })
}

/// Copies `values` to the caller's array of exactly that length.
///
/// # Safety
/// `out` must be NULL (refused unless `out_len` is 0) or lead to `out_len` writable numbers.
unsafe fn copy_out(values: &[f64], out: *mut f64, out_len: usize) -> Result<()> {
    // SAFETY: this function's contract is that of the call.
    let out = unsafe { numbers_out("out", out, out_len) }?;
    out.copy_from_slice(values);
    Ok(())
}

fn fits(out_len: usize, points: usize, per_point: usize) -> Result<()> {
    let wanted = times("points", points, per_point)?;
    if out_len == wanted {
        return Ok(());
    }
    Err(Error::invalid(
        "out_len",
        out_len,
        format!("{wanted}: {per_point} for each of {points} points"),
    ))
}

/// Writes the values of all fields at `n` points to `out`, which holds `out_len` numbers: as many as there are fields
/// per point, in the order that `nis_solution_json` tells. `points` holds `n` rows of coordinates, likewise in order,
/// borrowed for the call. Points outside the domain are refused, unless `outside` is not 0, which extrapolates. `out`
/// stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (names the point or the length).
///
/// # Safety
/// `solution` must be NULL (refused) or live; `points` must be NULL (refused unless `n` is 0) or lead to `n` rows of
/// readable numbers; `out` must be NULL (refused unless `out_len` is 0) or lead to `out_len` writable numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_solution_evaluate(
    solution: *const nis_solution_t,
    points: *const f64,
    n: usize,
    outside: c_int,
    out: *mut f64,
    out_len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the call.
        let solution = unsafe { self::solution(solution) }?;
        fits(out_len, n, solution.fields.len())?;
        let size = times("n", n, solution.coordinates.len())?;
        // SAFETY: as above.
        let points = unsafe { numbers("points", points, size) }?;
        let values = if outside == 0 {
            solution.evaluate(points)?
        } else {
            solution.evaluate_outside(points)?
        };
        // SAFETY: as above.
        unsafe { copy_out(&values, out, out_len) }
    })
}

/// Writes one derivative of a field (`name`, UTF-8, `name_len` bytes: `u_x`, `u_xt`, `u''`) at `n` points of the domain
/// to `out`, which holds `out_len` numbers: `n`. `points` as for `nis_solution_evaluate`; both are borrowed for the
/// call. `out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_NOT_FOUND` (no such field or coordinate), `NIS_ERR_LIMIT` (too high an order),
/// `NIS_ERR_INVALID_INPUT` (names the point or the length).
///
/// # Safety
/// `solution` must be NULL (refused) or live; `name` must be NULL (refused) or lead to `name_len` readable bytes;
/// `points` must be NULL (refused unless `n` is 0) or lead to `n` rows of readable numbers; `out` must be NULL (refused
/// unless `out_len` is 0) or lead to `out_len` writable numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_solution_derivative(
    solution: *const nis_solution_t,
    name: *const c_char,
    name_len: usize,
    points: *const f64,
    n: usize,
    out: *mut f64,
    out_len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the call.
        let solution = unsafe { self::solution(solution) }?;
        // SAFETY: as above.
        let name = unsafe { boundary::text("name", name, name_len) }?;
        fits(out_len, n, 1)?;
        let size = times("n", n, solution.coordinates.len())?;
        // SAFETY: as above.
        let points = unsafe { numbers("points", points, size) }?;
        let values = solution.derivative(name, points)?;
        // SAFETY: as above.
        unsafe { copy_out(&values, out, out_len) }
    })
}

/// Compares with reference values at `n` points and writes the outcome as JSON to `*out`; free it with
/// `nis_buffer_free`. `points` as for `nis_solution_evaluate`, `values` a row of fields for each, NaN where the
/// reference has none; both borrowed for the call. The object holds `points`, `relative_l2` and, per field,
/// `relative_l2`, `rms`, `max` and where that is. `*out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (names the point or the value).
///
/// # Safety
/// `solution` must be NULL (refused) or live; `points` and `values` must be NULL (refused unless `n` is 0) or lead to
/// `n` rows of readable numbers; `out` must be NULL (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_solution_compare(
    solution: *const nis_solution_t,
    points: *const f64,
    values: *const f64,
    n: usize,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let solution = unsafe { self::solution(solution) }?;
        // SAFETY: as above.
        let (points, values) = unsafe {
            (
                numbers("points", points, times("n", n, solution.coordinates.len())?)?,
                numbers("values", values, times("n", n, solution.fields.len())?)?,
            )
        };
        write_json(out, &solution.compare(points, values)?)
    })
}

/// Writes what is known of the solution as JSON to `*out`; free it with `nis_buffer_free`. The object holds `problem`,
/// `coordinates`, `ranges`, `fields`, `parameters` (value and standard error of those that were found), `method`,
/// `iterations`, `converged`, `valid`, `notes`, `certificate` (residual per equation, error per condition, estimate of
/// the error), `seed`, `seconds` and `version`. `*out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (NULL).
///
/// # Safety
/// `solution` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_solution_json(
    solution: *const nis_solution_t,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the call.
        let solution = unsafe { self::solution(solution) }?;
        write_json(out, &solution.summary())
    })
}

/// Writes the whole solution, functions included, as JSON to `*out`; free it with `nis_buffer_free`. Every face of NIS
/// reads it (`nis_solution_load`), and no bit is lost. `*out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (NULL).
///
/// # Safety
/// `solution` must be NULL (refused) or live; `out` must be NULL (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_solution_save(
    solution: *const nis_solution_t,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        let out = out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let text = unsafe { self::solution(solution) }?.to_json()?;
        // SAFETY: not NULL, and the caller promises the place.
        unsafe { out.as_ptr().write(nis_buffer::from_vec(text.into_bytes())) };
        Ok(())
    })
}

/// Reads a solution that `nis_solution_save` or another face of NIS wrote and writes its handle to `*out`; free it with
/// `nis_solution_free`. `json` (UTF-8, `len` bytes) is borrowed for the call and may come from anywhere: sizes are
/// checked before memory is taken. `*out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`.
///
/// # Safety
/// `json` must be NULL (refused) or lead to `len` readable bytes; `out` must be NULL (refused) or point to writable
/// memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_solution_load(
    json: *const c_char,
    len: usize,
    out: *mut *mut nis_solution_t,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let text = unsafe { boundary::text("json", json, len) }?;
        let solution = Solution::from_json(text)?;
        // SAFETY: as above.
        unsafe { give(out, solution) }
    })
}
