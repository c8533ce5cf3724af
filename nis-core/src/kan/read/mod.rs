//! Reading a network: what matters in it, what can be left out, which functions its edges are, and the formula of the
//! whole.

mod edge;
mod library;

pub use edge::{EdgeFit, EdgeOptions, read_curve};
pub use library::{Form, Library};
