//! The Laplace engine: one file per part of it.

mod compress;
pub(crate) mod fit;
mod forward;
mod inverse;
mod modes;
pub(crate) mod system;
