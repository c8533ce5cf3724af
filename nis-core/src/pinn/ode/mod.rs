//! Ordinary differential equations: systems as text, initial-value problems, parameters from data.

mod fit;
mod initial;
mod integrate;
mod inverse;
mod radau;
mod reduce;
mod run;
mod start;
mod state;
mod system;
mod tape;
mod taylor;
mod trajectory;

pub use fit::fit_ode;
pub(super) use initial::solve;
pub use system::OdeSystem;
pub(super) use trajectory::Trajectory;

#[cfg(test)]
mod tests;
