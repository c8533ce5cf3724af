//! Providers that are functions of the host.

use std::ffi::{c_char, c_int, c_void};

use nis_core::provider::{Completion, FunctionProvider, Saying};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};

use crate::boundary::{self, nis_status_of, null};
use crate::call::nis_user_data_free_fn;
use crate::handle::nis_t;
use crate::status::nis_status;

/// A reply that a provider of the host's is making. Opaque; lent to the callback for the length of its call and used
/// on its thread alone.
pub struct nis_reply_t {
    /// Lives through the callback, which this is lent to.
    saying: *const Saying,
    provider: String,
    completion: Option<Completion>,
    error: Option<Error>,
}

/// Completes one conversation, on a thread of the runtime that it may block; several may run at once.
///
/// `request_json` (UTF-8, `request_len` bytes, not NUL-terminated, lent for the call) is an object: `messages` (each
/// `role`, `content`, `tool_calls`, `tool_call_id`, ...), `tools`, `max_tokens`, `temperature` and more. The reply is
/// given by `nis_reply_text`, `nis_reply_complete` and `nis_reply_fail`. Returns 0 where the reply is whole;
/// whatever else is a failure. Must not throw, `longjmp` or unwind.
pub type nis_complete_fn = Option<
    unsafe extern "C" fn(
        request_json: *const c_char,
        request_len: usize,
        reply: *mut nis_reply_t,
        user_data: *mut c_void,
    ) -> c_int,
>;

/// A provider of the host's. Set all of it to zero, then `struct_size`, then the rest.
#[repr(C)]
#[derive(Debug)]
pub struct nis_provider {
    /// `sizeof(nis_provider)` as the caller was compiled.
    pub struct_size: usize,
    /// Its name in requests: 1 to 64 letters, digits, `_`, `-`, `.`; UTF-8.
    pub name: *const c_char,
    /// Length of `name` in bytes.
    pub name_len: usize,
    /// Its model; any text, UTF-8.
    pub model: *const c_char,
    /// Length of `model` in bytes.
    pub model_len: usize,
    /// 1 where a language model answers, else 0.
    pub real_ai: c_int,
    /// Completes a conversation.
    pub complete: nis_complete_fn,
    /// Handed to `complete`, from several threads at once.
    pub user_data: *mut c_void,
    /// Called once with `user_data`, on any thread, when nothing can call `complete` any more; where the call that
    /// registers fails, before it returns (but for a call that refuses this structure itself). Or NULL.
    pub user_data_free: nis_user_data_free_fn,
}

/// The host's function and its data.
struct Host {
    complete: unsafe extern "C" fn(*const c_char, usize, *mut nis_reply_t, *mut c_void) -> c_int,
    data: Data,
}

struct Data {
    user_data: *mut c_void,
    free: nis_user_data_free_fn,
}

// SAFETY: the contract of `nis_provider` says that `complete` is called with the data from several threads at once,
// and `free` on any.
unsafe impl Send for Data {}
// SAFETY: as above.
unsafe impl Sync for Data {}

impl Drop for Data {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the caller gave the two for each other; this runs once.
            unsafe { free(self.user_data) }
        }
    }
}

impl Host {
    fn call(&self, provider: &str, request: &str, saying: &Saying) -> Result<Completion> {
        let mut reply = nis_reply_t {
            saying,
            provider: provider.to_owned(),
            completion: None,
            error: None,
        };
        // SAFETY: the caller gave the function and its data for each other; request and reply live through the call.
        let answer = unsafe {
            (self.complete)(
                request.as_ptr().cast(),
                request.len(),
                &raw mut reply,
                self.data.user_data,
            )
        };
        match (reply.error, answer) {
            (Some(error), _) => Err(error),
            (None, 0) => Ok(reply.completion.unwrap_or_default()),
            (None, answer) => Err(Error::Provider {
                provider: provider.to_owned(),
                status: None,
                retryable: false,
                message: format!("its function returned {answer}"),
            }),
        }
    }
}

/// Adds a provider of the host's to a runtime, in the layers of its configuration; requests name it. It stays until
/// the runtime is freed. Names are copied. Several threads may call it on one handle at the same time.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (a NULL pointer, a size that does not fit, a name that is taken or does not fit).
///
/// # Safety
/// `nis` must be NULL (refused) or a live handle; `provider` must be NULL (refused) or lead to a structure of the size
/// that its first field tells, whose texts lead to that many readable bytes and whose functions fit its data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_register_provider(
    nis: *const nis_t,
    provider: *const nis_provider,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_t::call(nis, |nis| {
            if provider.is_null() {
                return Err(null("provider"));
            }
            let size = provider.cast::<usize>().read();
            if size != size_of::<nis_provider>() {
                return Err(Error::invalid(
                    "provider.struct_size",
                    size,
                    format!("sizeof(nis_provider), {}", size_of::<nis_provider>()),
                ));
            }
            let raw = provider.read();
            let data = Data {
                user_data: raw.user_data,
                free: raw.user_data_free,
            };
            let name = boundary::text("provider.name", raw.name, raw.name_len)?.to_owned();
            let model = boundary::text("provider.model", raw.model, raw.model_len)?;
            let complete = raw.complete.ok_or_else(|| null("provider.complete"))?;
            let host = Host { complete, data };
            let own = name.clone();
            let function =
                FunctionProvider::new(name, model, raw.real_ai != 0, move |request, saying| {
                    let json = serde_json::to_string(request).map_err(|e| Error::Internal {
                        message: format!("writing JSON: {e}"),
                    })?;
                    host.call(&own, &json, saying)
                });
            nis.register(std::sync::Arc::new(function))
        })
    }
}

/// Says a piece of the reply's text (UTF-8, `text_len` bytes, borrowed for the call), which is heard at once where the
/// chat is streamed. Returns 0 to go on; 1 where nobody waits for the reply any more, or the text is none: the callback
/// should then return.
///
/// # Safety
/// `reply` must be NULL (refused) or the one that this callback was lent; `text` must be NULL (refused) or lead to
/// `text_len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_reply_text(
    reply: *mut nis_reply_t,
    text: *const c_char,
    text_len: usize,
) -> c_int {
    let mut go_on = false;
    let status = nis_status_of(|| {
        // SAFETY: the caller promises a live reply of this thread, and the bytes; `saying` lives as long as it.
        unsafe {
            let reply = reply.as_ref().ok_or_else(|| null("reply"))?;
            let text = boundary::text("text", text, text_len)?;
            go_on = (*reply.saying).text(text);
        }
        Ok(())
    });
    c_int::from(status != nis_status::NIS_OK || !go_on)
}

/// Gives what a reply has beside or instead of pieces of text, as JSON: an object with `text`, `tool_calls` (each
/// `id`, `name` and `arguments`, itself JSON text), `finish` (`stop`, `length`, `tool_calls`, `content_filter`),
/// `usage` (`input`, `output`, `cached`, `reasoning`), `refusal`, `model`, `reasoning`; what is left out is empty. Leave
/// `text` out where it was said in pieces. A later call replaces an earlier one.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT`.
///
/// # Safety
/// `reply` must be NULL (refused) or the one that this callback was lent; `completion_json` must be NULL (refused) or
/// lead to `completion_len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_reply_complete(
    reply: *mut nis_reply_t,
    completion_json: *const c_char,
    completion_len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: the caller promises a live reply of this thread, and the bytes.
        unsafe {
            let reply = reply.as_mut().ok_or_else(|| null("reply"))?;
            let text = boundary::text("completion_json", completion_json, completion_len)?;
            reply.completion = Some(read_json("completion", text)?);
        }
        Ok(())
    })
}

/// Makes the reply a failure, as `NIS_ERR_PROVIDER` tells it to the one who asked. `http_status` is 0 where there was
/// none; `retryable` says whether the same request may succeed later; `message` (UTF-8, `message_len` bytes) must hold
/// no key.
///
/// # Safety
/// `reply` must be NULL (refused) or the one that this callback was lent; `message` must be NULL (refused) or lead to
/// `message_len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_reply_fail(
    reply: *mut nis_reply_t,
    http_status: u16,
    retryable: c_int,
    message: *const c_char,
    message_len: usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: the caller promises a live reply of this thread, and the bytes.
        unsafe {
            let reply = reply.as_mut().ok_or_else(|| null("reply"))?;
            let message = boundary::text("message", message, message_len)?.to_owned();
            reply.error = Some(Error::Provider {
                provider: reply.provider.clone(),
                status: (http_status != 0).then_some(http_status),
                retryable: retryable != 0,
                message,
            });
        }
        Ok(())
    })
}
