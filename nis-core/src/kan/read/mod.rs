//! Reading a network: what matters in it, what can be left out, which functions its edges are, and the formula of the
//! whole.

mod compose;
mod discover;
mod edge;
mod formula;
mod importance;
mod library;
mod prune;
mod snap;
mod sum;

pub use discover::{Attempted, DiscoverOptions, Discovery, discover};
pub use edge::{EdgeFit, EdgeOptions, read_curve};
pub use formula::{EdgeReading, Formula, FormulaOptions, Quantity};
pub use importance::Importance;
pub use library::{Form, Library};
pub use prune::{PruneOptions, PruneReport};

pub(in crate::kan) use compose::{Map, Outcome, Rows};
pub(in crate::kan) use discover::{Best, Search};
pub(in crate::kan) use formula::{constants, written};
