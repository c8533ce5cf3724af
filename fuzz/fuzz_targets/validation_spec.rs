//! cargo-fuzz target; the body is in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nis_fuzz::validation_spec(data));
