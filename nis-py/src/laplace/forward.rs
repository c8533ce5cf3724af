//! The Laplace transform of sampled signals.
