//! Language models behind one trait.
//!
//! Floor 3: imports floors 0 to 2.
