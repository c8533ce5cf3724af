//! The C ABI of NIS: handles, buffers, callbacks and status codes over `nis-core`.
//!
//! A face: it stands above all floors of `nis-core`, uses its public API only, and decides nothing. The
//! header `include/nis.h` is generated from this crate (`nis-ffi/tests/header.rs` keeps it current), so the
//! names here are those of C, and the doc comments are what a C programmer reads.
//!
//! This is the one crate of the workspace that may use `unsafe`; each use states why it is sound.
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]
#![deny(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]

mod boundary;
mod columns;

// The order of the header: each on its own, or rustfmt would sort them.
mod status;

mod last_error;

mod buffer;

mod handle;

mod cancel;

mod call;

mod stream;

mod provider;

mod analyze;

mod laplace;

mod kan;

mod physics;
mod solve;

pub use analyze::nis_analyze;
pub use buffer::{nis_buffer, nis_buffer_free};
pub use call::{nis_call_options, nis_progress_fn, nis_step, nis_user_data_free_fn};
pub use cancel::{nis_cancel_free, nis_cancel_new, nis_cancel_set, nis_cancel_t};
pub use handle::{nis_chat, nis_free, nis_health, nis_new, nis_t};
pub use kan::{
    nis_kan_describe, nis_kan_fit, nis_kan_formula, nis_kan_free, nis_kan_load, nis_kan_load_file,
    nis_kan_new, nis_kan_predict, nis_kan_predict_f32, nis_kan_predict_proba, nis_kan_save,
    nis_kan_save_file, nis_kan_size, nis_kan_t,
};
pub use laplace::fit::{
    nis_laplace_enforce_passivity, nis_laplace_fit_response, nis_laplace_passivity,
};
pub use laplace::inverse::{
    nis_laplace_invert, nis_laplace_invert_function, nis_laplace_invert_poles, nis_transform_fn,
};
pub use laplace::system::{
    nis_laplace_bode, nis_laplace_connect, nis_laplace_convert, nis_laplace_describe,
    nis_laplace_discretize, nis_laplace_frequency_response, nis_laplace_grid, nis_laplace_impulse,
    nis_laplace_margins, nis_laplace_reduce, nis_laplace_response, nis_laplace_simulate,
    nis_laplace_step, nis_laplace_system_free, nis_laplace_system_json, nis_laplace_system_new,
    nis_laplace_system_size, nis_laplace_zeros, nis_system_t,
};
pub use laplace::{
    NIS_SAMPLES_COMPLEX_F32, NIS_SAMPLES_COMPLEX_F64, NIS_SAMPLES_F32, NIS_SAMPLES_F64,
    nis_decoder_finish, nis_decoder_free, nis_decoder_new, nis_decoder_next, nis_decoder_push,
    nis_decoder_t, nis_laplace_compress, nis_laplace_compressed_describe, nis_laplace_decompress,
    nis_laplace_modes, nis_laplace_shared_modes, nis_laplace_transform,
    nis_laplace_transform_nonuniform, nis_line_plan_free, nis_line_plan_new, nis_line_plan_t,
    nis_line_plan_transform,
};
pub use last_error::{nis_error, nis_last_error};
pub use physics::{nis_physics_array, nis_physics_validate};
pub use provider::{
    nis_complete_fn, nis_provider, nis_register_provider, nis_reply_complete, nis_reply_fail,
    nis_reply_t, nis_reply_text,
};
pub use solve::{
    nis_solution_compare, nis_solution_derivative, nis_solution_evaluate, nis_solution_free,
    nis_solution_json, nis_solution_load, nis_solution_save, nis_solution_size, nis_solution_t,
    nis_solve,
};
pub use status::nis_status;
pub use stream::{nis_chat_stream, nis_parts_fn};

use std::ffi::c_char;

/// The number of the binary interface that this header describes. It is raised when a function or a
/// structure changes in a way that breaks programs compiled before; additions do not raise it.
pub const NIS_ABI_VERSION: u32 = 0;

/// The library's version as NUL-terminated text, for example "0.1.0".
///
/// The text is static: never free it. Safe to call from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn nis_version() -> *const c_char {
    const VERSION: &[u8] = concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes();
    VERSION.as_ptr().cast()
}

/// The number of the binary interface that the loaded library has. `nis_check_abi()` compares it with the
/// header's `NIS_ABI_VERSION`.
///
/// Safe to call from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn nis_abi_version() -> u32 {
    NIS_ABI_VERSION
}
