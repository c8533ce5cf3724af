//! Least squares: linear by pivoted QR, nonlinear by Levenberg-Marquardt.
//!
//! Floor 1: imports floor 0 only and knows nothing of networks, signals or equations.

mod linear;
mod lm;

pub use linear::{LinearFit, least_squares};
pub use lm::{LeastSquares, LmFit, LmOptions, Stop, levenberg_marquardt};
