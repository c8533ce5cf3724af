//! The C ABI of NIS.
