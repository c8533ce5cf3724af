//! The calling thread's last error.

use std::cell::RefCell;
use std::ffi::c_char;
use std::ptr;

use crate::status::nis_status;

/// What went wrong in the calling thread's last call. New fields may be added at the end.
#[repr(C)]
#[derive(Debug)]
pub struct nis_error {
    /// The status that the call returned; `NIS_OK` when it succeeded.
    pub code: nis_status,
    /// What happened, as UTF-8 with a terminating NUL that `message_len` does not count; empty after success.
    pub message: *const c_char,
    /// Length of `message` in bytes.
    pub message_len: usize,
    /// A JSON object with `kind` and the fields of that kind, for example
    /// `{"kind":"invalid_input","field":"options.kan.grid","value":"0","expected":"..."}`; NUL-terminated
    /// like `message`. `{}` after success.
    pub details: *const c_char,
    /// Length of `details` in bytes.
    pub details_len: usize,
}

/// The texts and the C view of them. The texts are never touched while the view is lent out: a new
/// [`record`] replaces the whole value.
struct Slot {
    view: nis_error,
    _message: Box<[u8]>,
    _details: Box<[u8]>,
}

impl Slot {
    fn new(code: nis_status, message: &str, details: &str) -> Box<Self> {
        let message: Box<[u8]> = message.bytes().chain([0]).collect();
        let details: Box<[u8]> = details.bytes().chain([0]).collect();
        Box::new(Slot {
            view: nis_error {
                code,
                message: message.as_ptr().cast(),
                message_len: message.len() - 1,
                details: details.as_ptr().cast(),
                details_len: details.len() - 1,
            },
            _message: message,
            _details: details,
        })
    }
}

thread_local! {
    static SLOT: RefCell<Option<Box<Slot>>> = const { RefCell::new(None) };
}

/// What threads without an error see.
struct Success(nis_error);
// SAFETY: the pointers lead to static text that nobody writes.
unsafe impl Sync for Success {}
static SUCCESS: Success = Success(nis_error {
    code: nis_status::NIS_OK,
    message: c"".as_ptr(),
    message_len: 0,
    details: c"{}".as_ptr(),
    details_len: 2,
});

/// Notes the failure of the current call. Does nothing while the thread is being torn down.
pub(crate) fn record(code: nis_status, message: &str, details: &str) {
    let _ = SLOT.try_with(|slot| *slot.borrow_mut() = Some(Slot::new(code, message, details)));
}

/// Notes the success of the current call.
pub(crate) fn clear() {
    let _ = SLOT.try_with(|slot| *slot.borrow_mut() = None);
}

/// What the calling thread's last call that returned a `nis_status` met. Never NULL; `code` is `NIS_OK`
/// when that call succeeded or when there was none, so the record is never stale.
///
/// The record is borrowed: it stays valid until the same thread's next call that returns a `nis_status`
/// and must not be used after the thread ended. Each thread has its own; safe to call from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn nis_last_error() -> *const nis_error {
    SLOT.try_with(|slot| match &*slot.borrow() {
        Some(slot) => ptr::from_ref(&slot.view),
        None => ptr::from_ref(&SUCCESS.0),
    })
    .unwrap_or(ptr::from_ref(&SUCCESS.0))
}
