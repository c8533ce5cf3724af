//! How one call of long work reports and stops.

use std::ffi::{c_char, c_int, c_void};
use std::ops::ControlFlow;
use std::sync::Mutex;

use nis_core::telemetry::{Progress, Step};
use nis_core::{Error, Result};

use crate::cancel::nis_cancel_t;

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
pub(crate) struct CallOptions {
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
    pub(crate) unsafe fn read(options: *const nis_call_options) -> Result<Self> {
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

    /// Runs long work with the caller's callback and flag.
    ///
    /// # Safety
    /// `cancel` of the structure must be NULL or live.
    pub(crate) unsafe fn run<T>(&self, work: impl FnOnce(&Progress<'_>) -> Result<T>) -> Result<T> {
        let report = |step: Step<'_>| self.report(step);
        let mut progress = Progress::new(&report);
        // Its own share of the flag, so that freeing the handle meanwhile does no harm.
        // SAFETY: the caller promises that it is NULL or live.
        let cancel = unsafe { self.raw.cancel.as_ref() }.map(|c| c.flag().clone());
        if let Some(cancel) = &cancel {
            progress = progress.with_cancel(cancel);
        }
        work(&progress)
    }
}
