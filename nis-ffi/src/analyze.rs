//! The analysis: request, options of the call, progress.

use std::ffi::{c_char, c_int, c_void};
use std::ops::ControlFlow;
use std::sync::Mutex;

use nis_core::pipeline::AnalyzeOptions;
use nis_core::pipeline::Dataset;
use nis_core::runtime::read_json;
use nis_core::telemetry::{Progress, Step};
use nis_core::{Error, Result};
use serde::Deserialize;

use crate::boundary::{self, nis_status_of, out_pointer};
use crate::buffer::nis_buffer;
use crate::cancel::nis_cancel_t;
use crate::columns::Columns;
use crate::handle::{nis_t, write_json};
use crate::status::nis_status;

/// One report of long work, lent to a progress callback for the length of its call. New fields may be
/// added at the end.
#[repr(C)]
#[derive(Debug)]
pub struct nis_step {
    /// Which stage works, for example "laplace": UTF-8, not NUL-terminated.
    pub stage: *const c_char,
    /// Length of `stage` in bytes.
    pub stage_len: usize,
    /// How much of the stage is done.
    pub done: u64,
    /// How much there is; 0 where it is not known.
    pub total: u64,
    /// What is happening, with the current figure where there is one: UTF-8, not NUL-terminated.
    pub message: *const c_char,
    /// Length of `message` in bytes.
    pub message_len: usize,
}

/// Called as long work goes on, possibly on threads of the runtime, never on two at once. Whatever is not
/// 0 stops the work, which then answers `NIS_ERR_CANCELLED`. Must not throw, `longjmp` or unwind.
pub type nis_progress_fn =
    Option<unsafe extern "C" fn(step: *const nis_step, user_data: *mut c_void) -> c_int>;

/// Frees what a callback's `user_data` points to.
pub type nis_user_data_free_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// How one call of long work reports and stops. Set all of it to zero, then `struct_size`, then what is
/// wanted, for example `nis_call_options options = {.struct_size = sizeof options};`. The structure may
/// grow; a library that is older than the header refuses fields that it does not know unless they are zero.
#[repr(C)]
#[derive(Debug)]
pub struct nis_call_options {
    /// `sizeof(nis_call_options)` as the caller was compiled.
    pub struct_size: usize,
    /// Called as the work goes on, or NULL.
    pub progress: nis_progress_fn,
    /// Handed to `progress`. Borrowed, unless `user_data_free` is given.
    pub user_data: *mut c_void,
    /// Called once with `user_data` before the call returns, whatever it returns (but for a call that
    /// refuses this structure itself), or NULL.
    pub user_data_free: nis_user_data_free_fn,
    /// Stops the work when it is set, or NULL. Borrowed for the call.
    pub cancel: *const nis_cancel_t,
}

const OPTIONS_SIZE: usize = size_of::<nis_call_options>();
/// A larger structure than this is a size that was never set.
const OPTIONS_SIZE_LIMIT: usize = 4096;

/// What the caller handed to the call; frees `user_data` when it is dropped.
struct CallOptions {
    raw: nis_call_options,
    /// Serialises the callback: its author need not think about two calls at once.
    turn: Mutex<()>,
}

// SAFETY: the contract of `nis_progress_fn` says that it may be called on any thread; `turn` keeps the
// calls apart; nothing else of it is used on other threads.
unsafe impl Sync for CallOptions {}

impl Drop for CallOptions {
    fn drop(&mut self) {
        if let Some(free) = self.raw.user_data_free {
            // SAFETY: the caller gave the two for each other; this runs once.
            unsafe { free(self.raw.user_data) }
        }
    }
}

impl CallOptions {
    /// # Safety
    /// `options` must be NULL or lead to a structure of the size that its first field tells.
    unsafe fn read(options: *const nis_call_options) -> Result<Self> {
        let mut raw = nis_call_options {
            struct_size: OPTIONS_SIZE,
            progress: None,
            user_data: std::ptr::null_mut(),
            user_data_free: None,
            cancel: std::ptr::null(),
        };
        if !options.is_null() {
            // SAFETY: the caller promises a structure that begins with its size.
            let size = unsafe { options.cast::<usize>().read() };
            if !(OPTIONS_SIZE..=OPTIONS_SIZE_LIMIT).contains(&size) {
                return Err(Error::invalid(
                    "options.struct_size",
                    size,
                    format!("sizeof(nis_call_options), {OPTIONS_SIZE} or more"),
                ));
            }
            // SAFETY: the caller promises `size` readable bytes, which are at least this structure.
            let more = unsafe {
                std::slice::from_raw_parts(
                    options.cast::<u8>().add(OPTIONS_SIZE),
                    size - OPTIONS_SIZE,
                )
            };
            if let Some(at) = more.iter().position(|&b| b != 0) {
                return Err(Error::invalid(
                    "options",
                    format!("a field at byte {}", OPTIONS_SIZE + at),
                    "no field that is newer than this library",
                ));
            }
            // SAFETY: at least this structure is there, as C laid it out; pointers in it are the caller's.
            raw = unsafe { options.read() };
        }
        Ok(CallOptions {
            raw,
            turn: Mutex::new(()),
        })
    }

    fn report(&self, step: Step<'_>) -> ControlFlow<()> {
        let Some(progress) = self.raw.progress else {
            return ControlFlow::Continue(());
        };
        let view = nis_step {
            stage: step.stage.as_ptr().cast(),
            stage_len: step.stage.len(),
            done: step.done,
            total: step.total,
            message: step.message.as_ptr().cast(),
            message_len: step.message.len(),
        };
        let _turn = self
            .turn
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        // SAFETY: the caller gave the function and its data for each other; `view` lives through the call.
        match unsafe { progress(&view, self.raw.user_data) } {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

/// What `nis_analyze` reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    path: Option<std::path::PathBuf>,
    columns: Option<Columns>,
    source: Option<String>,
    #[serde(default)]
    options: AnalyzeOptions,
}

impl Request {
    fn data(self) -> Result<(Dataset, AnalyzeOptions)> {
        let data = match (self.path, self.columns) {
            (Some(path), None) => {
                let mut data = Dataset::from_csv_path(&path)?;
                if let Some(source) = self.source {
                    data.source = source;
                }
                data
            }
            (None, Some(columns)) => {
                Dataset::from_columns(self.source.as_deref().unwrap_or("columns"), columns.0)?
            }
            (Some(_), Some(_)) => {
                return Err(Error::invalid(
                    "request",
                    "both path and columns",
                    "one of them",
                ));
            }
            (None, None) => {
                return Err(Error::invalid(
                    "request",
                    "neither path nor columns",
                    "one of them",
                ));
            }
        };
        Ok((data, self.options))
    }
}

/// Runs the scientific path on a data set and writes the report as JSON to `*out`; free it with
/// `nis_buffer_free`.
///
/// `request_json` (UTF-8, `request_len` bytes, borrowed for the call) is an object:
/// `{"path": "data.csv"}` or `{"columns": {"t": [..], "y": [..]}, "source": "name"}`, and optional
/// `"options"` (`time`, `law`, `target`, `equation`, `modes`, `kan`, `fit`). Columns keep their order;
/// `null` in a column is a missing value. In the report, numbers that are not finite are `null`.
///
/// `options` (borrowed for the call, may be NULL) says where progress goes and what stops the work. Works
/// on the calling thread; several threads may call it on one handle at the same time. `*out` stays
/// untouched on failure.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_IO`, `NIS_ERR_NOT_FOUND`,
/// `NIS_ERR_CANCELLED`, `NIS_ERR_NUMERICAL`, `NIS_ERR_LIMIT`, `NIS_ERR_POISONED`.
///
/// # Safety
/// `nis` must be NULL (refused) or a live handle; `request_json` must be NULL (refused) or lead to
/// `request_len` readable bytes; `options` must be NULL or lead to `struct_size` readable bytes, its
/// functions must be callable from any thread and its `cancel` must be NULL or live; `out` must be NULL
/// (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_analyze(
    nis: *const nis_t,
    request_json: *const c_char,
    request_len: usize,
    options: *const nis_call_options,
    out: *mut nis_buffer,
) -> nis_status {
    // Read first, so that `user_data` is freed whatever else is wrong.
    // SAFETY: this function's contract is that of the call.
    let call = match unsafe { CallOptions::read(options) } {
        Ok(call) => call,
        Err(error) => return nis_status_of(|| Err(error)),
    };
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_t::call(nis, |nis| {
            out_pointer("out", out)?;
            let text = boundary::text("request_json", request_json, request_len)?;
            let (data, options) = read_json::<Request>("request", text)?.data()?;
            let report = |step: Step<'_>| call.report(step);
            let mut progress = Progress::new(&report);
            // Its own share of the flag, so that freeing the handle meanwhile does no harm.
            let cancel = call.raw.cancel.as_ref().map(|c| c.flag().clone());
            if let Some(cancel) = &cancel {
                progress = progress.with_cancel(cancel);
            }
            write_json(out, &nis.analyze(&data, &options, &progress)?)
        })
    }
}
