//! The inverse Laplace transform.
