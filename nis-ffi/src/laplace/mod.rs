//! The Laplace engine: one file per part of it.

mod compress;
mod fit;
mod forward;
pub(crate) mod inverse;
mod modes;
mod system;
