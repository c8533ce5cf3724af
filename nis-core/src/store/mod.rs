//! Conversations and facts.
//!
//! Floor 3: imports floors 0 to 2.
