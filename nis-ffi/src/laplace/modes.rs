//! Modes of sampled signals.

use std::ffi::c_char;

use nis_core::laplace::forward::Sample;
use nis_core::laplace::{ModesOptions, SharedModes, modes, shared_modes};
use nis_core::telemetry::Progress;
use nis_core::{Error, Result};

use super::forward::{Visit, with_samples};
use super::options;
use crate::boundary::{nis_status_of, numbers, out_pointer};
use crate::buffer::nis_buffer;
use crate::call::{CallOptions, nis_call_options};
use crate::handle::write_json;
use crate::status::nis_status;

/// Finds the damped modes of an evenly sampled real signal and writes them as JSON to `*out`; free it with
/// `nis_buffer_free`.
///
/// `signal` holds `samples` numbers at `t0`, `t0 + dt`, ... `options_json` (UTF-8, `options_len` bytes) may be NULL
/// for the defaults; its keys are `order` (null: chosen), `max_order` and `detrend` (`none`, `mean`, `linear`).
/// Both are borrowed for the call. The result holds `modes` (each with `pole`, `pole_se`, `pole_bound`, `residue`,
/// `frequency`, `period`, `damping_ratio`, `amplitude`, `phase`, `power_share` and standard errors), `order`,
/// `order_reason`, `order_rule`, `offset`, `slope`, `noise_std`, `residual_rms`, `explained` and `fitted`. Complex
/// numbers are pairs.
///
/// `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
/// `*out` stays untouched on failure.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_NUMERICAL`, `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `signal` must be NULL (refused unless `samples` is 0) or lead to `samples` readable numbers; `options_json` must
/// be NULL or lead to `options_len` readable bytes; `call` must be NULL or lead to `struct_size` readable bytes, its
/// functions must be callable from any thread and its `cancel` must be NULL or live; `out` must be NULL (refused)
/// or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_modes(
    signal: *const f64,
    samples: usize,
    t0: f64,
    dt: f64,
    options_json: *const c_char,
    options_len: usize,
    call: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_status_of(|| {
            // Read first, so that `user_data` is freed whatever else is wrong.
            let call = CallOptions::read(call)?;
            out_pointer("out", out)?;
            let options: ModesOptions = options(options_json, options_len)?;
            let signal = numbers("signal", signal, samples)?;
            let found = call.run(|progress| modes(signal, t0, dt, &options, progress))?;
            write_json(out, &found)
        })
    }
}

struct Shared<'a, 'p> {
    channels: usize,
    t0: f64,
    dt: f64,
    options: &'a ModesOptions,
    progress: &'a Progress<'p>,
}

impl Visit for Shared<'_, '_> {
    type Output = SharedModes;

    fn run<T: Sample>(self, samples: &[T]) -> Result<SharedModes> {
        let length = samples.len().checked_div(self.channels).unwrap_or(0);
        let channels: Vec<&[T]> = if length == 0 {
            vec![&[]; self.channels.min(1)]
        } else {
            samples.chunks_exact(length).collect()
        };
        shared_modes(&channels, self.t0, self.dt, self.options, self.progress)
    }
}

/// Finds the modes that several channels share, of real or complex samples, and writes them as JSON to `*out`; free
/// it with `nis_buffer_free`.
///
/// `signals` holds `channels` channels of `samples` samples of `kind` (such as `NIS_SAMPLES_F64`), one after the other.
/// Options as in `nis_laplace_modes`. The result holds `modes` (each with `pole`, `pair`, `pole_se`, `pole_bound`,
/// `frequency`, `damping_ratio`, and `residues`, `residue_se` and `power_share` by channel), `order`,
/// `order_reason`, `order_rule`, and `offset`, `slope`, `noise_std` and `explained` by channel.
///
/// `call` (borrowed, may be NULL) says where progress goes and what stops the work. Safe to call from any thread.
/// `*out` stays untouched on failure.
///
/// Errors: those of `nis_laplace_modes`.
///
/// # Safety
/// `signals` must be NULL (refused unless there are no samples) or lead to `channels * samples` readable samples of
/// the kind; the rest is that of `nis_laplace_modes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_shared_modes(
    signals: *const std::ffi::c_void,
    kind: u32,
    channels: usize,
    samples: usize,
    t0: f64,
    dt: f64,
    options_json: *const c_char,
    options_len: usize,
    call: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_status_of(|| {
            // Read first, so that `user_data` is freed whatever else is wrong.
            let call = CallOptions::read(call)?;
            out_pointer("out", out)?;
            let options: ModesOptions = options(options_json, options_len)?;
            let count = channels.checked_mul(samples).ok_or_else(|| {
                Error::invalid(
                    "channels, samples",
                    format!("{channels} x {samples}"),
                    "a product that fits in the address space",
                )
            })?;
            let found = call.run(|progress| {
                let visit = Shared {
                    channels,
                    t0,
                    dt,
                    options: &options,
                    progress,
                };
                with_samples("signals", signals, kind, count, visit)
            })?;
            write_json(out, &found)
        })
    }
}
