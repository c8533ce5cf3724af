//! The Laplace transform of sampled signals.

use std::ffi::c_char;

use nis_core::laplace::forward::{
    Line, LinePlan, Sample, Transform, TransformOptions, transform, transform_nonuniform,
};
use nis_core::telemetry::Progress;
use nis_core::{Error, Result};
use num_complex::{Complex32, Complex64};

use super::{complexes, doubled, options};
use crate::boundary::{nis_status_of, numbers, numbers_out, out_pointer};
use crate::call::{CallOptions, nis_call_options};
use crate::status::nis_status;

/// A kind of samples: `double`.
pub const NIS_SAMPLES_F64: u32 = 0;
/// A kind of samples: `float`.
pub const NIS_SAMPLES_F32: u32 = 1;
/// A kind of samples: complex, `double` real and imaginary parts interleaved.
pub const NIS_SAMPLES_COMPLEX_F64: u32 = 2;
/// A kind of samples: complex, `float` real and imaginary parts interleaved.
pub const NIS_SAMPLES_COMPLEX_F32: u32 = 3;

/// Samples of a kind that is known when the program runs.
///
/// # Safety
/// `samples` must be NULL or lead to `count` readable samples of the kind.
pub(super) unsafe fn with_samples<V: Visit>(
    field: &str,
    samples: *const std::ffi::c_void,
    kind: u32,
    count: usize,
    visit: V,
) -> Result<V::Output> {
    // SAFETY: the caller promises `count` samples of the kind; `Complex` is two numbers in a row (repr(C)), and
    // alignment is checked.
    unsafe {
        match kind {
            NIS_SAMPLES_F64 => visit.run(numbers(field, samples.cast::<f64>(), count)?),
            NIS_SAMPLES_F32 => visit.run(numbers(field, samples.cast::<f32>(), count)?),
            NIS_SAMPLES_COMPLEX_F64 => {
                visit.run(numbers(field, samples.cast::<Complex64>(), count)?)
            }
            NIS_SAMPLES_COMPLEX_F32 => {
                visit.run(numbers(field, samples.cast::<Complex32>(), count)?)
            }
            other => Err(Error::invalid(
                "kind",
                other,
                "one of NIS_SAMPLES_F64, F32, COMPLEX_F64 and COMPLEX_F32",
            )),
        }
    }
}

/// What is done with samples, whatever their kind.
pub(super) trait Visit {
    type Output;
    fn run<T: Sample>(self, samples: &[T]) -> Result<Self::Output>;
}

/// Where the results of a transform go.
struct Out<'a> {
    values: &'a mut [f64],
    error: &'a mut [f64],
    tail: &'a mut [f64],
}

impl<'a> Out<'a> {
    /// # Safety
    /// `values` must be NULL or lead to `2 * points`, `error` and `tail` to `points` writable numbers.
    unsafe fn new(
        values: *mut f64,
        error: *mut f64,
        tail: *mut f64,
        points: usize,
    ) -> Result<Self> {
        let optional = |pointer: *mut f64| if pointer.is_null() { 0 } else { points };
        let (errors, tails) = (optional(error), optional(tail));
        // SAFETY: the caller promises the places.
        unsafe {
            Ok(Out {
                values: numbers_out("values", values, doubled("points", points)?)?,
                error: numbers_out("error", error, errors)?,
                tail: numbers_out("tail", tail, tails)?,
            })
        }
    }

    fn write(self, found: &Transform) {
        for (out, v) in self.values.chunks_exact_mut(2).zip(&found.values) {
            out.copy_from_slice(&[v.re, v.im]);
        }
        for (out, e) in self.error.iter_mut().zip(&found.error) {
            *out = *e;
        }
        for (out, t) in self.tail.iter_mut().zip(&found.tail) {
            *out = t.unwrap_or(f64::INFINITY);
        }
    }
}

enum Job<'a> {
    Points {
        t0: f64,
        dt: f64,
        s: Vec<Complex64>,
        options: TransformOptions,
    },
    Uneven {
        times: &'a [f64],
        s: Vec<Complex64>,
        options: TransformOptions,
    },
    Line(&'a LinePlan),
}

struct Run<'a, 'p> {
    job: Job<'a>,
    progress: &'a Progress<'p>,
}

impl Visit for Run<'_, '_> {
    type Output = Transform;

    fn run<T: Sample>(self, x: &[T]) -> Result<Transform> {
        match &self.job {
            Job::Points { t0, dt, s, options } => transform(x, *t0, *dt, s, options, self.progress),
            Job::Uneven { times, s, options } => {
                transform_nonuniform(times, x, s, options, self.progress)
            }
            Job::Line(plan) => plan.transform(x, self.progress),
        }
    }
}

/// The Laplace transform of an evenly sampled record at arbitrary points.
///
/// `signal` holds `samples` samples of `kind` (one of `NIS_SAMPLES_F64`, `.._F32`, `.._COMPLEX_F64`, `.._COMPLEX_F32`) at `t0`, `t0 + dt`, ..; `s` holds `points`
/// complex numbers (re, im interleaved, 1/time unit). `options_json` (UTF-8, `options_len` bytes) may be NULL for
/// the defaults; its keys are `quadrature` (`spline`, `simpson`, `trapezoid`, `rectangle`), `extent` (`record`,
/// `signal`), `tail` (`estimated`, `zero`, or `{"given": {"amplitude": .., "rate": ..}}`) and `threads` (0: all).
/// All are borrowed for the call.
///
/// Writes `points` complex numbers to `values`, as many error estimates to `error` and bounds of the part after
/// the record to `tail` (infinite where it does not converge); the last two may be NULL. All stay untouched on
/// failure. `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any
/// thread.
///
/// Errors: `NIS_ERR_PARSE` (options are not JSON), `NIS_ERR_INVALID_INPUT` (names the field),
/// `NIS_ERR_CANCELLED`, `NIS_ERR_LIMIT`.
///
/// # Safety
/// `signal` must be NULL (refused unless `samples` is 0) or lead to `samples` readable samples of the kind, `s` to
/// `2 * points` readable numbers; `options_json` must be NULL or lead to `options_len` readable bytes; `call` must
/// be NULL or lead to `struct_size` readable bytes, its functions must be callable from any thread and its
/// `cancel` must be NULL or live; `values` must lead to `2 * points` writable numbers, `error` and `tail` each be
/// NULL or lead to `points`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_transform(
    signal: *const std::ffi::c_void,
    kind: u32,
    samples: usize,
    t0: f64,
    dt: f64,
    s: *const f64,
    points: usize,
    options_json: *const c_char,
    options_len: usize,
    call: *const nis_call_options,
    values: *mut f64,
    error: *mut f64,
    tail: *mut f64,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_status_of(|| {
            // Read first, so that `user_data` is freed whatever else is wrong.
            let call = CallOptions::read(call)?;
            let out = Out::new(values, error, tail, points)?;
            let s = complexes("s", s, points)?;
            let options = options(options_json, options_len)?;
            let job = Job::Points { t0, dt, s, options };
            let found = call.run(|progress| {
                with_samples("signal", signal, kind, samples, Run { job, progress })
            })?;
            out.write(&found);
            Ok(())
        })
    }
}

/// The Laplace transform of a record with uneven, rising `times` (`samples` numbers) at arbitrary points. The rest
/// is that of `nis_laplace_transform`; `quadrature` is `spline` or `trapezoid`.
///
/// Errors: those of `nis_laplace_transform`.
///
/// # Safety
/// That of `nis_laplace_transform`; `times` must be NULL (refused unless `samples` is 0) or lead to `samples`
/// readable numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_transform_nonuniform(
    times: *const f64,
    signal: *const std::ffi::c_void,
    kind: u32,
    samples: usize,
    s: *const f64,
    points: usize,
    options_json: *const c_char,
    options_len: usize,
    call: *const nis_call_options,
    values: *mut f64,
    error: *mut f64,
    tail: *mut f64,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_status_of(|| {
            // Read first, so that `user_data` is freed whatever else is wrong.
            let call = CallOptions::read(call)?;
            let out = Out::new(values, error, tail, points)?;
            let s = complexes("s", s, points)?;
            let options = options(options_json, options_len)?;
            let times = numbers("times", times, samples)?;
            let job = Job::Uneven { times, s, options };
            let found = call.run(|progress| {
                with_samples("signal", signal, kind, samples, Run { job, progress })
            })?;
            out.write(&found);
            Ok(())
        })
    }
}

/// A transform on a line of evenly spaced points, made once for records of one length. Opaque; made by
/// `nis_line_plan_new`, freed by `nis_line_plan_free`. Several threads may use one plan at the same time.
pub struct nis_line_plan_t(LinePlan);

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<nis_line_plan_t>()
};

/// Makes a plan for records of `samples` samples at `t0`, `t0 + dt`, .. and the points
/// `sigma + j (omega0 + k step)`, `k = 0 .. points - 1`, and writes it to `*out`; free it with
/// `nis_line_plan_free`. Options as in `nis_laplace_transform`. `*out` stays untouched on failure. Safe to call from
/// any thread.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_LIMIT`.
///
/// # Safety
/// `options_json` must be NULL or lead to `options_len` readable bytes; `out` must be NULL (refused) or point to
/// writable memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_line_plan_new(
    samples: usize,
    t0: f64,
    dt: f64,
    sigma: f64,
    omega0: f64,
    step: f64,
    points: usize,
    options_json: *const c_char,
    options_len: usize,
    out: *mut *mut nis_line_plan_t,
) -> nis_status {
    nis_status_of(|| {
        let out = out_pointer("out", out)?;
        // SAFETY: the caller promises the bytes.
        let options = unsafe { options(options_json, options_len) }?;
        let line = Line {
            sigma,
            omega0,
            step,
            count: points,
        };
        let plan = LinePlan::new(samples, t0, dt, line, options)?;
        let plan = Box::into_raw(Box::new(nis_line_plan_t(plan)));
        // SAFETY: not NULL, and the caller promises that it points to memory for one pointer.
        unsafe { out.as_ptr().write(plan) };
        Ok(())
    })
}

/// The transform of one record of the planned length; results as in `nis_laplace_transform`.
///
/// Errors: those of `nis_laplace_transform`.
///
/// # Safety
/// `plan` must be NULL (refused) or live; the rest is that of `nis_laplace_transform`, with the plan's number of
/// points.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_line_plan_transform(
    plan: *const nis_line_plan_t,
    signal: *const std::ffi::c_void,
    kind: u32,
    samples: usize,
    call: *const nis_call_options,
    values: *mut f64,
    error: *mut f64,
    tail: *mut f64,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_status_of(|| {
            // Read first, so that `user_data` is freed whatever else is wrong.
            let call = CallOptions::read(call)?;
            let plan = plan.as_ref().ok_or_else(|| crate::boundary::null("plan"))?;
            let out = Out::new(values, error, tail, plan.0.points().len())?;
            let job = Job::Line(&plan.0);
            let found = call.run(|progress| {
                with_samples("signal", signal, kind, samples, Run { job, progress })
            })?;
            out.write(&found);
            Ok(())
        })
    }
}

/// Frees a plan. NULL is fine.
///
/// # Safety
/// `plan` must be NULL or come from `nis_line_plan_new`, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_line_plan_free(plan: *mut nis_line_plan_t) {
    if !plan.is_null() {
        // SAFETY: the caller promises that it comes from `nis_line_plan_new`, which let go of this box, and that it
        // is freed once.
        drop(unsafe { Box::from_raw(plan) });
    }
}
