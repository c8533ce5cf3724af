//! The boundary that every entry crosses: pointers become references or errors, errors become a status and
//! the thread's last error, panics stop here.

use std::any::Any;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use nis_core::{Error, Result};

use crate::last_error;
use crate::status::nis_status;

/// Runs an entry that has no handle.
pub(crate) fn nis_status_of(entry: impl FnOnce() -> Result<()>) -> nis_status {
    finish(catch_unwind(AssertUnwindSafe(entry)))
}

/// What a finished entry answers, noted as the thread's last error.
pub(crate) fn finish(outcome: std::thread::Result<Result<()>>) -> nis_status {
    match outcome {
        Ok(Ok(())) => {
            last_error::clear();
            nis_status::NIS_OK
        }
        Ok(Err(error)) => fail(&error),
        Err(panic) => fail(&Error::Internal {
            message: panic_message(&*panic),
        }),
    }
}

fn fail(error: &Error) -> nis_status {
    let code = nis_status::from(error.code());
    // An `Error` holds text and integers only, which always become JSON; the fallback says so if not.
    let details = serde_json::to_string(error).unwrap_or_else(|e| {
        format!(
            r#"{{"kind":"{}","details_lost":true}} {e}"#,
            error.code().name()
        )
    });
    last_error::record(code, &error.to_string(), &details);
    code
}

/// The answer of a handle that met a panic before.
pub(crate) fn poisoned() -> nis_status {
    last_error::record(
        nis_status::NIS_ERR_POISONED,
        "this handle met a panic in an earlier call and answers no more; free it and make a new one",
        r#"{"kind":"poisoned"}"#,
    );
    nis_status::NIS_ERR_POISONED
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a message"))
}

/// An out pointer that is not NULL.
pub(crate) fn out_pointer<T>(field: &str, out: *mut T) -> Result<NonNull<T>> {
    NonNull::new(out).ok_or_else(|| null(field))
}

/// The error for a NULL pointer.
pub(crate) fn null(field: &str) -> Error {
    Error::invalid(field, "NULL", "a pointer")
}

/// The text at `pointer`, checked to be UTF-8.
///
/// # Safety
/// `pointer` must be NULL or lead to `len` readable bytes that stay unchanged for `'a`.
pub(crate) unsafe fn text<'a>(field: &str, pointer: *const c_char, len: usize) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(field));
    }
    if isize::try_from(len).is_err() {
        return Err(Error::invalid(
            format!("{field}_len"),
            len,
            "a length that fits in the address space",
        ));
    }
    // SAFETY: not NULL, the length fits in isize, and the caller promises the bytes.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), len) };
    std::str::from_utf8(bytes).map_err(|e| {
        Error::invalid(
            field,
            format!("a byte that is not UTF-8 at offset {}", e.valid_up_to()),
            "UTF-8 text",
        )
    })
}

/// The numbers at `pointer`; NULL is fine where `len` is 0.
///
/// # Safety
/// `pointer` must be NULL or lead to `len` readable values that stay unchanged for `'a`.
pub(crate) unsafe fn numbers<'a, T: Copy>(
    field: &str,
    pointer: *const T,
    len: usize,
) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    let pointer = NonNull::new(pointer.cast_mut()).ok_or_else(|| null(field))?;
    fits::<T>(field, pointer, len)?;
    // SAFETY: not NULL, aligned, the size fits in isize, and the caller promises the values.
    Ok(unsafe { std::slice::from_raw_parts(pointer.as_ptr(), len) })
}

/// The place for `len` numbers at `pointer`; NULL is fine where `len` is 0.
///
/// # Safety
/// `pointer` must be NULL or lead to `len` writable, initialised values that nobody else uses during `'a`.
pub(crate) unsafe fn numbers_out<'a, T: Copy>(
    field: &str,
    pointer: *mut T,
    len: usize,
) -> Result<&'a mut [T]> {
    if len == 0 {
        return Ok(&mut []);
    }
    let pointer = out_pointer(field, pointer)?;
    fits::<T>(field, pointer, len)?;
    // SAFETY: not NULL, aligned, the size fits in isize, and the caller promises the place.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer.as_ptr(), len) })
}

fn fits<T>(field: &str, pointer: NonNull<T>, len: usize) -> Result<()> {
    if !pointer.is_aligned() {
        return Err(Error::invalid(
            field,
            format!("{pointer:p}"),
            format!("a pointer aligned to {} bytes", align_of::<T>()),
        ));
    }
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(Error::invalid(
            format!("length of {field}"),
            len,
            "a length that fits in the address space",
        )),
    }
}
