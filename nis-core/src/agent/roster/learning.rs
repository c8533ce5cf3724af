//! The learning agent: registered, not written yet.

super::unavailable! {
    /// Improves models and routing from feedback.
    Learning,
    "learning",
    "Improves models and routing from feedback.",
    "not written yet; nothing is learned from conversations"
}
