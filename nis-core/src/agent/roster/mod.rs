//! The 14 agents of the system, one file each.

mod a2a;
mod coordination;
mod document;
mod learning;
mod local_model;
mod mcp;
mod memory;
mod physics;
mod reasoning;
mod reflection;
mod research;
mod signal;
mod simulation;
mod vision;

use std::sync::Arc;

pub use a2a::A2a;
pub use coordination::Coordination;
pub use document::Document;
pub use learning::Learning;
pub use local_model::LocalModel;
pub use mcp::Mcp;
pub use memory::Memory;
pub use physics::Physics;
pub use reasoning::{MAX_ROUNDS, Reasoning};
pub use reflection::Reflection;
pub use research::Research;
pub use signal::Signal;
pub use simulation::Simulation;
pub use vision::Vision;

use super::Registry;
use crate::error::Result;

/// A registry of all 14.
///
/// # Errors
/// None that a caller can cause: the names differ.
pub fn all() -> Result<Registry> {
    let mut registry = Registry::default();
    registry.add(Arc::new(Signal))?;
    registry.add(Arc::new(Reasoning))?;
    registry.add(Arc::new(Physics))?;
    registry.add(Arc::new(Reflection))?;
    registry.add(Arc::new(Memory))?;
    registry.add(Arc::new(Coordination))?;
    registry.add(Arc::new(Vision))?;
    registry.add(Arc::new(Document))?;
    registry.add(Arc::new(Research))?;
    registry.add(Arc::new(Simulation))?;
    registry.add(Arc::new(A2a))?;
    registry.add(Arc::new(Mcp))?;
    registry.add(Arc::new(Learning))?;
    registry.add(Arc::new(LocalModel))?;
    Ok(registry)
}

/// An agent that is registered and refuses all work.
macro_rules! unavailable {
    ($(#[$doc:meta])* $type:ident, $name:literal, $description:literal, $reason:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $type;

        impl crate::agent::Agent for $type {
            fn name(&self) -> &'static str {
                $name
            }

            fn description(&self) -> &'static str {
                $description
            }

            fn state(&self) -> crate::agent::State {
                crate::agent::State::Unavailable { reason: $reason.into() }
            }

            fn handle<'a>(
                &'a self,
                _: crate::agent::Task,
                _: &'a crate::agent::Context,
            ) -> crate::provider::Pending<'a, crate::error::Result<crate::agent::Outcome>> {
                Box::pin(async { Err(crate::error::Error::unavailable(concat!("agent ", $name), $reason)) })
            }
        }
    };
}
use unavailable;
