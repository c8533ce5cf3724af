//! Kolmogorov-Arnold networks.

pub(crate) mod model;
pub(crate) mod network;
