//! The reflection agent: registered, not written yet.

super::unavailable! {
    /// Examines an answer and the way to it, and asks for a better one.
    Reflection,
    "reflection",
    "Examines an answer and the way to it, and asks for a better one.",
    "not written yet; the physics agent checks what can be computed again"
}
