//! The example program.
fn main() {}
