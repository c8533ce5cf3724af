//! NIS answers questions with the help of language models and of real mathematics, inside the host's
//! own process.
//!
//! # What is where
//! A module imports only from floors below its own (a test reads the `use` paths and fails otherwise).
//!
//! | floor | module | holds |
//! | --- | --- | --- |
//! | 0 | [`error`] | the one error type and its stable numeric codes |
//! | 0 | [`expr`] | formulas as data: parse, simplify, differentiate, evaluate, print; units and constants |
//! | 0 | [`telemetry`] | progress of long work, cancellation, counters |
//! | 1 | [`optim`] | linear and nonlinear least squares |
//! | 1 | [`device`] | where numbers are crunched |
//! | 2 | [`laplace`] | modes (poles and residues) of sampled signals |
//! | 2 | [`kan`] | Kolmogorov-Arnold networks and the formulas read from them |
//! | 2 | [`pinn`] | differential equations as text, fitted to data |
//! | 2 | [`physics`] | checks with three-valued verdicts |
//! | 3 | [`pipeline`] | signal -> modes -> law -> equation -> verdict, as one typed report |
//! | 3 | `provider` | language models behind one trait, and the offline provider |
//! | 3 | `store` | conversations and facts |
//! | 3 | `bus` | events inside the process |
//! | 4 | `tool` | what an agent can call |
//! | 5 | `agent` | agents, their registry and the coordinator |
//! | 6 | `runtime` | `Nis`, which builds all of the above from one configuration |
//!
//! # Features
//! `runtime` (default) builds floors 3 to 6 beyond `pipeline`. Without it only the numerics are compiled:
//! no async runtime, no HTTP client, no database.

pub mod device;
pub mod error;
pub mod expr;
pub mod kan;
pub mod laplace;
pub mod optim;
pub mod physics;
pub mod pinn;
pub mod pipeline;
pub mod telemetry;

#[cfg(feature = "runtime")]
pub mod agent;
#[cfg(feature = "runtime")]
pub mod bus;
#[cfg(feature = "runtime")]
pub mod provider;
#[cfg(feature = "runtime")]
pub mod runtime;
#[cfg(feature = "runtime")]
pub mod store;
#[cfg(feature = "runtime")]
pub mod tool;

pub use error::{Error, Result};

/// The version of this crate, as in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The Rust example of README.md, run as a doctest.
#[cfg(all(doctest, feature = "runtime"))]
#[doc = include_str!("../../README.md")]
struct Readme;
