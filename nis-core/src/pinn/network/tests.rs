//! Tests of the network solver.
