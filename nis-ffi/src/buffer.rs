//! Memory that the library hands to the caller.

use std::ptr;

/// Bytes that the library allocated and the caller owns; free them with `nis_buffer_free`. Holds UTF-8
/// JSON without a terminating NUL.
#[repr(C)]
#[derive(Debug)]
pub struct nis_buffer {
    /// The bytes, or NULL.
    pub ptr: *mut u8,
    /// How many there are.
    pub len: usize,
    /// What was allocated; for `nis_buffer_free` only.
    pub cap: usize,
}

impl nis_buffer {
    pub(crate) fn from_vec(bytes: Vec<u8>) -> Self {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        nis_buffer {
            ptr: bytes.as_mut_ptr(),
            len: bytes.len(),
            cap: bytes.capacity(),
        }
    }
}

/// Frees the bytes of `*buffer` and sets it to `{NULL, 0, 0}`, so that freeing it again is harmless. NULL,
/// and a buffer whose `ptr` is NULL, are fine.
///
/// Safe to call from any thread, also from another than the one that got the buffer.
///
/// # Safety
/// `*buffer` must have been filled by this library and be unchanged, or have a NULL `ptr`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nis_buffer_free(buffer: *mut nis_buffer) {
    // SAFETY: the caller promises that a pointer that is not NULL leads to a buffer that nobody else uses.
    let Some(buffer) = (unsafe { buffer.as_mut() }) else {
        return;
    };
    if !buffer.ptr.is_null() {
        // SAFETY: the three values come from `from_vec`, which let go of exactly this vector.
        drop(unsafe { Vec::from_raw_parts(buffer.ptr, buffer.len, buffer.cap) });
    }
    *buffer = nis_buffer {
        ptr: ptr::null_mut(),
        len: 0,
        cap: 0,
    };
}
