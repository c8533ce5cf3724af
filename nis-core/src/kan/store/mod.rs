//! Networks and models in files: JSON and safetensors, as C99 source and as ONNX; checkpoints of pykan read.
//!
//! What is read may come from anywhere: every field is checked, and memory is bounded by a multiple of the file.

mod c99;
mod exported;
mod file;
mod format;
mod onnx;
mod pykan;
mod raw;
mod tensors;
#[cfg(test)]
mod zoo;

pub use c99::{COptions, CSource};
pub use format::{Format, SaveOptions};
pub use pykan::{Array, MultArity, PykanOptions};
pub use raw::VERSION;

#[cfg(test)]
mod tests;
