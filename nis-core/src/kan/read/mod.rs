//! Reading a network: what matters in it, what can be left out, which functions its edges are, and the formula of the
//! whole.

mod compose;
mod edge;
mod formula;
mod importance;
mod library;
mod prune;
mod snap;
mod sum;

pub use edge::{EdgeFit, EdgeOptions, read_curve};
pub use formula::{EdgeReading, Formula, FormulaOptions, Quantity};
pub use importance::Importance;
pub use library::{Form, Library};
pub use prune::{PruneOptions, PruneReport};
