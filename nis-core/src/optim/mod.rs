//! Least squares: linear by pivoted QR, nonlinear by Levenberg-Marquardt; damped Gauss-Newton on normal equations,
//! self-scaled Broyden, L-BFGS and Adam, one step at a time; and the seeded random numbers that start
//! and split what is fitted.
//!
//! Floor 1: imports floor 0 only and knows nothing of networks, signals or equations.

mod adam;
mod broyden;
mod gauss_newton;
mod lbfgs;
mod linear;
mod lm;
mod random;

pub use adam::{AdamOptions, AdamState};
pub use broyden::{BroydenOptions, BroydenState, BroydenUpdate};
pub use gauss_newton::{GaussNewton, GaussNewtonState, Quadratic, Stepped};
pub use lbfgs::{LbfgsOptions, LbfgsState, Moved, Objective};
pub use linear::{LinearFit, least_squares};
pub use lm::{LeastSquares, LmFit, LmOptions, Stop, levenberg_marquardt};
pub(crate) use random::Random;
