//! The runtime handle: making and freeing it, chat and health.

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use nis_core::runtime::{ChatRequest, Config, Nis, read_json};
use nis_core::{Error, Result};
use serde::Serialize;

use crate::boundary::{self, nis_status_of, out_pointer};
use crate::buffer::nis_buffer;
use crate::status::nis_status;

/// A runtime: providers, store, tools and agents. Opaque; made by `nis_new`, freed by `nis_free`. Several
/// threads may use one handle at the same time.
pub struct nis_t {
    nis: Nis,
    poisoned: AtomicBool,
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<nis_t>()
};

impl nis_t {
    /// Runs an entry on a handle. After a panic the handle answers no more: the panic may have left the
    /// runtime's state half changed.
    ///
    /// # Safety
    /// `handle` must be NULL or a live handle.
    pub(crate) unsafe fn call(
        handle: *const nis_t,
        entry: impl FnOnce(&Nis) -> Result<()>,
    ) -> nis_status {
        // SAFETY: the caller promises a live handle, which is only shared, never changed but for its atomic.
        let Some(handle) = (unsafe { handle.as_ref() }) else {
            return nis_status_of(|| Err(boundary::null("nis")));
        };
        if handle.poisoned.load(Ordering::Acquire) {
            return boundary::poisoned();
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| entry(&handle.nis)));
        if outcome.is_err() {
            handle.poisoned.store(true, Ordering::Release);
        }
        boundary::finish(outcome)
    }
}

/// Writes `value` as JSON to `*out`.
pub(crate) fn write_json(out: *mut nis_buffer, value: &impl Serialize) -> Result<()> {
    let out = out_pointer("out", out)?;
    let json = serde_json::to_vec(value).map_err(|e| Error::Internal {
        message: format!("writing JSON: {e}"),
    })?;
    // SAFETY: not NULL, and each entry's contract says that it points to writable memory for one buffer.
    unsafe { out.as_ptr().write(nis_buffer::from_vec(json)) };
    Ok(())
}

/// Builds a runtime and writes its handle to `*out`; free it with `nis_free`.
///
/// `config_json` is the configuration as JSON (UTF-8, `config_len` bytes, borrowed for the call). With
/// NULL the defaults are used, with what the environment variables say; `config_len` is then ignored.
/// `*out` stays untouched on failure. Safe to call from any thread.
///
/// Errors: `NIS_ERR_PARSE` (not JSON), `NIS_ERR_INVALID_INPUT` (names the key), and what a configured part
/// answers when it cannot be built.
///
/// # Safety
/// `config_json` must be NULL or lead to `config_len` readable bytes; `out` must be NULL (refused) or point
/// to writable memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_new(
    config_json: *const c_char,
    config_len: usize,
    out: *mut *mut nis_t,
) -> nis_status {
    nis_status_of(|| {
        let out = out_pointer("out", out)?;
        let config = if config_json.is_null() {
            Config::from_env()?
        } else {
            // SAFETY: not NULL; the caller promises the bytes for the length of this call.
            Config::from_json(unsafe { boundary::text("config_json", config_json, config_len) }?)?
        };
        let handle = Box::new(nis_t {
            nis: Nis::new(config)?,
            poisoned: AtomicBool::new(false),
        });
        // SAFETY: not NULL, and the caller promises that it points to memory for one pointer.
        unsafe { out.as_ptr().write(Box::into_raw(handle)) };
        Ok(())
    })
}

/// Frees a runtime and stops its threads. NULL is fine, and so is a poisoned handle.
///
/// No other call may use the handle at the same time or later.
///
/// # Safety
/// `nis` must be NULL or come from `nis_new` and not have been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_free(nis: *mut nis_t) {
    if !nis.is_null() {
        // SAFETY: the caller promises that it comes from `nis_new`, which let go of this box, and that it is
        // freed once. A panic while it is dropped must not cross into C; there is nobody to tell, and the
        // memory that is then left is not touched again.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(nis) })));
    }
}

/// Answers one message and writes the reply as JSON to `*out`; free it with `nis_buffer_free`.
///
/// `request_json` (UTF-8, `request_len` bytes, borrowed for the call) is an object: `message`, and optional
/// `conversation_id`, `user_id`, `provider`. The reply holds `response`, `conversation_id`, `provider`,
/// `real_ai`, `model`, `confidence`, `tokens_used`, `reasoning_trace` and more. Blocks until the answer is
/// there. `*out` stays untouched on failure. Several threads may call it on one handle at the same time.
///
/// Errors: `NIS_ERR_PARSE` (not JSON), `NIS_ERR_INVALID_INPUT` (names the field), `NIS_ERR_PROVIDER`,
/// `NIS_ERR_TIMEOUT`, `NIS_ERR_POISONED`.
///
/// # Safety
/// `nis` must be NULL (refused) or a live handle; `request_json` must be NULL (refused) or lead to
/// `request_len` readable bytes; `out` must be NULL (refused) or point to writable memory for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_chat(
    nis: *const nis_t,
    request_json: *const c_char,
    request_len: usize,
    out: *mut nis_buffer,
) -> nis_status {
    // SAFETY: this function's contract is that of the two calls.
    unsafe {
        nis_t::call(nis, |nis| {
            out_pointer("out", out)?;
            let text = boundary::text("request_json", request_json, request_len)?;
            let request: ChatRequest = read_json("request", text)?;
            write_json(out, &nis.chat_blocking(request)?)
        })
    }
}

/// Writes what the runtime can do now as JSON to `*out`; free it with `nis_buffer_free`.
///
/// The object holds `status`, `timestamp`, `provider`, `model`, `real_ai`, `agents_registered`,
/// `tools_available` and more. `*out` stays untouched on failure. Several threads may call it on one
/// handle at the same time.
///
/// # Safety
/// `nis` must be NULL (refused) or a live handle; `out` must be NULL (refused) or point to writable memory
/// for one buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_health(nis: *const nis_t, out: *mut nis_buffer) -> nis_status {
    // SAFETY: this function's contract is that of the call.
    unsafe { nis_t::call(nis, |nis| write_json(out, &nis.health())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::last_error::nis_last_error;
    use std::ptr;

    fn last_message() -> String {
        // SAFETY: the record is live until this thread's next call.
        unsafe {
            let e = &*nis_last_error();
            String::from_utf8_lossy(std::slice::from_raw_parts(e.message.cast(), e.message_len))
                .into_owned()
        }
    }

    #[test]
    fn a_panic_stops_at_the_boundary_and_poisons_its_handle_only() {
        let mut bad = ptr::null_mut();
        let mut good = ptr::null_mut();
        let mut out = nis_buffer {
            ptr: ptr::null_mut(),
            len: 0,
            cap: 0,
        };
        // SAFETY: handles are live until freed at the end; texts and out pointers are valid.
        unsafe {
            assert_eq!(nis_new(ptr::null(), 0, &mut bad), nis_status::NIS_OK);
            assert_eq!(nis_new(ptr::null(), 0, &mut good), nis_status::NIS_OK);
            assert_eq!(
                nis_t::call(bad, |_| panic!("on purpose")),
                nis_status::NIS_ERR_INTERNAL
            );
            assert!(last_message().contains("on purpose"), "{}", last_message());
            let request = r#"{"message":"hello"}"#;
            for _ in 0..2 {
                assert_eq!(nis_health(bad, &mut out), nis_status::NIS_ERR_POISONED);
                assert!(last_message().contains("panic"));
                assert_eq!(
                    nis_chat(bad, request.as_ptr().cast(), request.len(), &mut out),
                    nis_status::NIS_ERR_POISONED
                );
                assert_eq!(
                    crate::nis_analyze(
                        bad,
                        request.as_ptr().cast(),
                        request.len(),
                        ptr::null(),
                        &mut out
                    ),
                    nis_status::NIS_ERR_POISONED
                );
            }
            assert!(out.ptr.is_null());
            assert_eq!(nis_health(good, &mut out), nis_status::NIS_OK);
            assert_eq!(last_message(), "");
            crate::nis_buffer_free(&mut out);
            crate::nis_buffer_free(&mut out);
            nis_free(bad);
            nis_free(good);
        }
    }
}
