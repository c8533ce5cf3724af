//! Agents, their registry and the coordinator.
//!
//! Floor 5: imports floors 0 to 4.
