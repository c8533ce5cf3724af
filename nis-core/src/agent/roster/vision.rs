//! The vision agent: registered, not written yet.

super::unavailable! {
    /// Reads images.
    Vision,
    "vision",
    "Reads images.",
    "not written yet; no provider here takes images so far"
}
