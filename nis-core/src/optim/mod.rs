//! Least squares: linear by pivoted QR, nonlinear by Levenberg-Marquardt; and the seeded random numbers that start
//! and split what is fitted.
//!
//! Floor 1: imports floor 0 only and knows nothing of networks, signals or equations.

mod linear;
mod lm;
mod random;

pub use linear::{LinearFit, least_squares};
pub use lm::{LeastSquares, LmFit, LmOptions, Stop, levenberg_marquardt};
pub(crate) use random::Random;
