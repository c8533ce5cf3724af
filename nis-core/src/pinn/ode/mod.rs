//! Ordinary differential equations: systems as text, initial-value problems, parameters from data.

mod fit;
mod integrate;
mod start;
mod state;
mod system;

pub use fit::fit_ode;
pub use system::OdeSystem;
