//! Stopping long work from any thread.

use nis_core::telemetry::Cancel;

use crate::boundary::{self, nis_status_of};
use crate::status::nis_status;

/// A flag that stops long work. Opaque; one flag may serve several calls, which it stops all.
pub struct nis_cancel_t(Cancel);

impl nis_cancel_t {
    pub(crate) fn flag(&self) -> &Cancel {
        &self.0
    }
}

/// Makes a flag that is not set and writes it to `*out`; free it with `nis_cancel_free`.
///
/// `*out` stays untouched on failure. Safe to call from any thread.
///
/// # Safety
/// `out` must be NULL (refused) or point to writable memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_cancel_new(out: *mut *mut nis_cancel_t) -> nis_status {
    nis_status_of(|| {
        let out = boundary::out_pointer("out", out)?;
        let flag = Box::into_raw(Box::new(nis_cancel_t(Cancel::new())));
        // SAFETY: not NULL, and the caller promises that it points to memory for one pointer.
        unsafe { out.as_ptr().write(flag) };
        Ok(())
    })
}

/// Asks every call that was given this flag to stop; each answers `NIS_ERR_CANCELLED` at its next check.
/// The flag stays set. NULL is fine.
///
/// Safe to call from any thread and from a signal handler: it only stores to an atomic, and leaves
/// `nis_last_error` alone.
///
/// # Safety
/// `cancel` must be NULL or come from `nis_cancel_new` and not have been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_cancel_set(cancel: *const nis_cancel_t) {
    // SAFETY: the caller promises a live flag; it is shared, and only its atomic is written.
    if let Some(cancel) = unsafe { cancel.as_ref() } {
        cancel.0.cancel();
    }
}

/// Frees the flag. NULL is fine. A call that was given the flag and still runs keeps its own share of it,
/// but can no longer be stopped through it.
///
/// No other call may use the handle at the same time or later.
///
/// # Safety
/// `cancel` must be NULL or come from `nis_cancel_new` and not have been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_cancel_free(cancel: *mut nis_cancel_t) {
    if !cancel.is_null() {
        // SAFETY: the caller promises that it comes from `nis_cancel_new`, which let go of this box, and
        // that it is freed once.
        drop(unsafe { Box::from_raw(cancel) });
    }
}
