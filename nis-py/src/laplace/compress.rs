//! Compression of signals.
