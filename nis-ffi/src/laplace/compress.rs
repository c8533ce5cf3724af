//! Compression of signals: containers in memory, and a decoder of streams.

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use nis_core::laplace::compress::{
    CompressOptions, Container, Decoder, Segment, compress, decompress_within,
};
use nis_core::runtime::read_json;
use nis_core::{Error, Result};

use crate::boundary::{self, nis_status_of, out_pointer};
use crate::buffer::nis_buffer;
use crate::call::{CallOptions, nis_call_options};
use crate::handle::write_json;
use crate::status::nis_status;

/// Compresses `len` samples taken every `dt` time units to a container (docs/compression.md), which is written
/// to `*out`: bytes, not JSON; free them with `nis_buffer_free`.
///
/// `options_json` (UTF-8, `options_len` bytes, borrowed for the call; NULL for the defaults) is an object:
/// `target`, one of `{"max_error": 0.1}`, `{"rms_error": ..}`, `{"relative_rms": 1e-3}` (the default),
/// `{"ratio": 10}`, `{"bits_per_sample": ..}`; `max_order`, `max_segment`, `min_segment`, `modes`, `lattice`.
/// `report` may be NULL; else the report (sizes, errors, shares of the kinds, `not_modal`) is written there as
/// JSON, to be freed likewise. `call` (borrowed, may be NULL) says where progress goes and what stops the work.
/// Works on the calling thread; safe to call from any. `*out` and `*report` stay untouched on failure.
///
/// Errors: `NIS_ERR_PARSE`, `NIS_ERR_INVALID_INPUT` (names the option, or the sample that is not finite as
/// `signal[index]`), `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `signal` must lead to `len` readable values (NULL is fine where `len` is 0); `options_json` must be NULL or
/// lead to `options_len` readable bytes; `call` must be NULL or lead to `struct_size` readable bytes, its
/// functions must be callable and its `cancel` NULL or live; `out` must be NULL (refused) and `report` NULL or
/// point to writable memory for one buffer each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_compress(
    signal: *const f64,
    len: usize,
    dt: f64,
    options_json: *const c_char,
    options_len: usize,
    call: *const nis_call_options,
    out: *mut nis_buffer,
    report: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        // Read first, so that `user_data` is freed whatever else is wrong.
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let call = CallOptions::read(call)?;
            let out = out_pointer("out", out)?;
            let signal = boundary::numbers("signal", signal, len)?;
            let options = match options_json.is_null() {
                true => CompressOptions::default(),
                false => {
                    let text = boundary::text("options_json", options_json, options_len)?;
                    read_json("options", text)?
                }
            };
            let compressed = call.run(|progress| compress(signal, dt, &options, progress))?;
            if !report.is_null() {
                write_json(report, &compressed.report)?;
            }
            out.as_ptr().write(nis_buffer::from_vec(compressed.bytes));
        }
        Ok(())
    })
}

/// Decodes a whole container. Writes its number of samples to `*samples`, and the samples to `values`, which has
/// room for `capacity` of them. With NULL for `values` only the number is written; it is read from the
/// container's framing, without decoding.
///
/// `bytes` is borrowed for the call; `call` as in `nis_laplace_compress`. A few bytes can stand for very many
/// samples: `capacity` is the limit of what is decoded. Works on the calling thread; safe to call from any.
/// `*samples` stays untouched on failure; `values` does too.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (bytes that are no whole container), `NIS_ERR_LIMIT` (more samples than
/// `capacity`), `NIS_ERR_CANCELLED`.
///
/// # Safety
/// `bytes` must lead to `len` readable bytes; `values` must be NULL or lead to `capacity` writable values;
/// `samples` must be NULL (refused) or point to writable memory for one number; `call` as in
/// `nis_laplace_compress`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_decompress(
    bytes: *const u8,
    len: usize,
    values: *mut f64,
    capacity: usize,
    call: *const nis_call_options,
    samples: *mut usize,
) -> nis_status {
    nis_status_of(|| {
        // SAFETY: this function's contract is that of the calls.
        unsafe {
            let call = CallOptions::read(call)?;
            let samples = out_pointer("samples", samples)?;
            let bytes = boundary::numbers("bytes", bytes, len)?;
            if values.is_null() {
                let count = Container::open(bytes)?.totals().samples;
                let count =
                    usize::try_from(count).map_err(|_| too_many(usize::MAX as u64, count))?;
                samples.as_ptr().write(count);
                return Ok(());
            }
            let place = boundary::numbers_out("values", values, capacity)?;
            let decoded =
                call.run(|progress| decompress_within(bytes, capacity as u64, progress))?;
            copy(&decoded, place)?;
            samples.as_ptr().write(decoded.len());
        }
        Ok(())
    })
}

fn too_many(limit: u64, got: u64) -> Error {
    Error::Limit {
        what: "samples".to_owned(),
        limit,
        got,
    }
}

fn copy(from: &[f64], to: &mut [f64]) -> Result<()> {
    let room = to.len();
    let place = to
        .get_mut(..from.len())
        .ok_or_else(|| too_many(room as u64, from.len() as u64))?;
    place.copy_from_slice(from);
    Ok(())
}

/// Writes what a container holds, but for the residuals, as JSON to `*out`; free it with `nis_buffer_free`:
/// `info` (`dt`, bounds), `totals` (samples, errors) and `segments` with their poles and residues.
///
/// Safe to call from any thread. `*out` stays untouched on failure.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (bytes that are no whole container).
///
/// # Safety
/// `bytes` must lead to `len` readable bytes; `out` must be NULL (refused) or point to writable memory for one
/// buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_laplace_compressed_describe(
    bytes: *const u8,
    len: usize,
    out: *mut nis_buffer,
) -> nis_status {
    nis_status_of(|| {
        out_pointer("out", out)?;
        // SAFETY: this function's contract is that of the call.
        let bytes = unsafe { boundary::numbers("bytes", bytes, len) }?;
        write_json(out, &Container::open(bytes)?.describe()?)
    })
}

/// A decoder of containers that come in pieces. Opaque; made by `nis_decoder_new`, freed by `nis_decoder_free`.
/// Calls on one handle from several threads follow one another.
pub struct nis_decoder_t(Mutex<State>);

#[derive(Default)]
struct State {
    decoder: Decoder,
    ready: Option<Segment>,
}

impl nis_decoder_t {
    /// Runs an entry on a handle; after a panic the handle answers no more.
    ///
    /// # Safety
    /// `handle` must be NULL or a live handle.
    unsafe fn call(
        handle: *const nis_decoder_t,
        entry: impl FnOnce(&mut State) -> Result<()>,
    ) -> nis_status {
        // SAFETY: the caller promises a live handle; it is only shared, and its state is behind a lock.
        let Some(handle) = (unsafe { handle.as_ref() }) else {
            return nis_status_of(|| Err(boundary::null("decoder")));
        };
        // The guard is dropped by the unwinding of a panic, which poisons the lock.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut state = match handle.0.lock() {
                Ok(state) => state,
                Err(_) => return None,
            };
            Some(entry(&mut state))
        }));
        match outcome {
            Ok(None) => boundary::poisoned(),
            Ok(Some(outcome)) => boundary::finish(Ok(outcome)),
            Err(panic) => boundary::finish(Err(panic)),
        }
    }
}

/// Makes a decoder and writes it to `*out`; free it with `nis_decoder_free`. It holds one record of a container
/// and its samples at a time, at most 17 MB, whatever the bytes claim.
///
/// `*out` stays untouched on failure. Safe to call from any thread.
///
/// # Safety
/// `out` must be NULL (refused) or point to writable memory for one pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_decoder_new(out: *mut *mut nis_decoder_t) -> nis_status {
    nis_status_of(|| {
        let out = out_pointer("out", out)?;
        let decoder = Box::new(nis_decoder_t(Mutex::new(State::default())));
        // SAFETY: not NULL, and the caller promises that it points to memory for one pointer.
        unsafe { out.as_ptr().write(Box::into_raw(decoder)) };
        Ok(())
    })
}

/// Takes bytes until a segment is whole or none are left: writes to `*used` how many it took, and to `*ready`
/// how many samples wait for `nis_decoder_next` (0: it took all, hand in more). While samples wait it takes
/// nothing.
///
/// `*used` and `*ready` stay untouched on failure. After an error every further call answers it.
///
/// Errors: `NIS_ERR_INVALID_INPUT` (bytes that no encoder wrote), `NIS_ERR_POISONED`.
///
/// # Safety
/// `decoder` must be NULL (refused) or live; `bytes` must lead to `len` readable bytes (NULL is fine where `len`
/// is 0); `used` and `ready` must be NULL (refused) or point to writable memory for one number each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_decoder_push(
    decoder: *const nis_decoder_t,
    bytes: *const u8,
    len: usize,
    used: *mut usize,
    ready: *mut usize,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_decoder_t::call(decoder, |state| {
            let used = out_pointer("used", used)?;
            let ready = out_pointer("ready", ready)?;
            let bytes = boundary::numbers("bytes", bytes, len)?;
            let mut rest = bytes;
            if state.ready.is_none() {
                state.ready = state.decoder.push(&mut rest)?;
            }
            used.as_ptr().write(bytes.len() - rest.len());
            let waiting = state.ready.as_ref().map_or(0, |s| s.samples.len());
            ready.as_ptr().write(waiting);
            Ok(())
        })
    }
}

/// Copies the samples that wait to `values`, which has room for `capacity` of them, and writes their number to
/// `*samples` and the number of the first of them in the record to `*start` (which may be NULL). 0 samples where
/// none wait.
///
/// On failure `values`, `*samples` and `*start` stay untouched and the samples go on waiting.
///
/// Errors: `NIS_ERR_LIMIT` (more samples wait than `capacity`), `NIS_ERR_POISONED`.
///
/// # Safety
/// `decoder` must be NULL (refused) or live; `values` must lead to `capacity` writable values (NULL is fine where
/// `capacity` is 0); `samples` must be NULL (refused) and `start` NULL or point to writable memory for one
/// number each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_decoder_next(
    decoder: *const nis_decoder_t,
    values: *mut f64,
    capacity: usize,
    samples: *mut usize,
    start: *mut u64,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_decoder_t::call(decoder, |state| {
            let samples = out_pointer("samples", samples)?;
            let place = boundary::numbers_out("values", values, capacity)?;
            let Some(segment) = &state.ready else {
                samples.as_ptr().write(0);
                return Ok(());
            };
            copy(&segment.samples, place)?;
            samples.as_ptr().write(segment.samples.len());
            if !start.is_null() {
                start.write(segment.start);
            }
            state.ready = None;
            Ok(())
        })
    }
}

/// Says whether the container came to its end, and writes its number of samples to `*samples` (may be NULL).
///
/// Errors: `NIS_ERR_INVALID_INPUT` (the end is missing, or an earlier error), `NIS_ERR_POISONED`.
///
/// # Safety
/// `decoder` must be NULL (refused) or live; `samples` must be NULL or point to writable memory for one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_decoder_finish(
    decoder: *const nis_decoder_t,
    samples: *mut u64,
) -> nis_status {
    // SAFETY: this function's contract is that of the calls.
    unsafe {
        nis_decoder_t::call(decoder, |state| {
            let totals = state.decoder.finish()?;
            if !samples.is_null() {
                samples.write(totals.samples);
            }
            Ok(())
        })
    }
}

/// Frees a decoder. NULL is fine. No other call may use the handle at the same time or later.
///
/// # Safety
/// `decoder` must be NULL or come from `nis_decoder_new` and not have been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_decoder_free(decoder: *mut nis_decoder_t) {
    if !decoder.is_null() {
        // SAFETY: the caller promises that it comes from `nis_decoder_new`, which let go of this box, and that it
        // is freed once.
        drop(unsafe { Box::from_raw(decoder) });
    }
}
