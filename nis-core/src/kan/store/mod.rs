//! Networks and models in files: JSON and safetensors, as C99 source and as ONNX; checkpoints of pykan read.
//!
//! What is read may come from anywhere: every field is checked, and memory is bounded by a multiple of the file.

mod file;
mod raw;
mod tensors;

pub use raw::VERSION;
