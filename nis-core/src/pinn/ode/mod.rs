//! Ordinary differential equations: systems as text, initial-value problems, parameters from data.

mod fit;
mod integrate;
mod start;
mod state;
mod system;
mod trajectory;

pub use fit::fit_ode;
pub use system::OdeSystem;
pub(super) use trajectory::Trajectory;
