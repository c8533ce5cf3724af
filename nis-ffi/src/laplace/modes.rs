//! Modes of sampled signals.
