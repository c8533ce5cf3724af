//! Linear systems: responses and reduction.

mod chain;
mod dense;
mod frequency;
mod schur;
mod state_space;
mod time;

pub use frequency::{Bode, FrequencyResponse};
pub use state_space::StateSpace;
pub use time::TimeResponse;
