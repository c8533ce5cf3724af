//! Networks in files: JSON and safetensors.

mod raw;

pub use raw::VERSION;
