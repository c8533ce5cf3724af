//! Modes of sampled signals: the poles and residues of the Laplace transform of the signal's model.
//!
//! Floor 2: imports floors 0 and 1. A signal `x(t) = offset + slope*t + sum_k 2 Re(r_k e^{s_k (t - t0)})`
//! is described by its poles `s_k` (1/time unit) and residues `r_k`.

pub mod aaa;
pub mod compress;
pub mod fit;
pub mod forward;
pub mod inverse;
mod length;
mod modes;
mod phase;
mod pole_residue;
mod spectrum;
pub mod system;
mod wide;

pub use modes::{
    Detrend, Mode, Modes, ModesOptions, OrderRule, SharedMode, SharedModes, modes, shared_modes,
};
pub use pole_residue::{PoleResidue, Term};
pub use spectrum::{Spectrum, spectrum};
