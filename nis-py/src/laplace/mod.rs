//! The Laplace engine: one file per part of it.

pub(crate) mod compress;
pub(crate) mod fit;
pub(crate) mod forward;
pub(crate) mod inverse;
pub(crate) mod modes;
mod samples;
pub(crate) mod system;
