//! What an agent can call.
//!
//! Floor 4: imports floors 0 to 3.
