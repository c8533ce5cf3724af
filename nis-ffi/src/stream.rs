//! Chat that is heard while the answer is made.

use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

use nis_core::Error;
use nis_core::runtime::{ChatRequest, read_json};

use crate::boundary::{self, null};
use crate::call::{CallOptions, nis_call_options};
use crate::handle::nis_t;
use crate::status::nis_status;

/// How often the flag of the call is looked at while nothing comes.
const LOOK: Duration = Duration::from_millis(20);

/// Called with the parts of an answer that arrived together: a JSON array (UTF-8, `parts_len` bytes, not
/// NUL-terminated, lent for the call) of objects whose `type` is `begin`, `text`, `reasoning`, `tool_call`,
/// `tool_result`, `claims` or, last, `reply`. Whatever is not 0 stops the work, which then answers
/// `NIS_ERR_CANCELLED`. Must not throw, `longjmp` or unwind.
pub type nis_parts_fn = Option<
    unsafe extern "C" fn(
        parts_json: *const c_char,
        parts_len: usize,
        user_data: *mut c_void,
    ) -> c_int,
>;

/// Answers one message and calls `on_parts` as the answer is made, always on the calling thread, and returns when the
/// answer is whole.
///
/// `request_json` is that of `nis_chat`. The last part, `reply`, is what `nis_chat` would have given: with
/// `NIS_OK` it came. `text` parts after the last `tool_result` are the answer; those before were said on the way to a
/// tool. A slow callback slows the provider down; nothing is lost. `user_data` is borrowed and handed to
/// `on_parts`. `options` may be NULL; its `cancel` stops the work within about 20 ms and closes the connection, its
/// `progress` is not called. Several threads may call it on one handle at the same time.
///
/// Errors: those of `nis_chat`, and `NIS_ERR_CANCELLED`; parts that came before an error were handed over.
/// `NIS_ERR_UNAVAILABLE` in a process that was forked after the handle was used.
///
/// # Safety
/// `nis` must be NULL (refused) or a live handle; `request_json` must be NULL (refused) or lead to `request_len`
/// readable bytes; `on_parts` must be NULL (refused) or a function that fits `user_data`; `options` must be NULL or
/// lead to a structure of the size that its first field tells, whose `cancel` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_chat_stream(
    nis: *const nis_t,
    request_json: *const c_char,
    request_len: usize,
    on_parts: nis_parts_fn,
    user_data: *mut c_void,
    options: *const nis_call_options,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_t::call(nis, |nis| {
            let options = CallOptions::read(options)?;
            let on_parts = on_parts.ok_or_else(|| null("on_parts"))?;
            let text = boundary::text("request_json", request_json, request_len)?;
            let request: ChatRequest = read_json("request", text)?;
            options.run(|progress| {
                progress.check()?;
                let mut stream = nis.stream_blocking(request);
                while let Some(batch) = stream.next_batch(LOOK)? {
                    progress.check()?;
                    if batch.is_empty() {
                        continue;
                    }
                    let json = serde_json::to_string(&batch).map_err(|e| Error::Internal {
                        message: format!("writing JSON: {e}"),
                    })?;
                    if on_parts(json.as_ptr().cast(), json.len(), user_data) != 0 {
                        return Err(Error::Cancelled);
                    }
                }
                Ok(())
            })
        })
    }
}
