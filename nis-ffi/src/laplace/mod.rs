//! The Laplace engine: one file per part of it.

mod compress;
mod fit;
mod forward;
mod inverse;
mod modes;
pub(crate) mod system;
