//! Linear systems: responses and reduction.
