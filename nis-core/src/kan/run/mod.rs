//! Running networks fast: outputs of many rows or of one, derivatives with respect to the inputs, and the gradient of
//! a loss, in 32 or 64 bits.

mod batch;
mod cells;
mod derivative;
mod kernels;
mod narrow;
mod passes;
mod place;
mod predictor;
mod real;
mod shape;

pub use batch::{Batch, LossOf, Scratch};
pub use predictor::{Path, Predictor, Room};
pub use real::Real;

#[cfg(test)]
mod tests;
