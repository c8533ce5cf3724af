//! The Laplace engine: one file per part of it.

mod compress;
pub(crate) mod fit;
mod forward;
mod inverse;
mod modes;
pub(crate) mod system;

pub use compress::{
    nis_decoder_finish, nis_decoder_free, nis_decoder_new, nis_decoder_next, nis_decoder_push,
    nis_decoder_t, nis_laplace_compress, nis_laplace_compressed_describe, nis_laplace_decompress,
};
