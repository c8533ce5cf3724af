//! The a2a agent: registered, not written yet.

super::unavailable! {
    /// Speaks to agents of other systems (Agent2Agent protocol).
    A2a,
    "a2a",
    "Speaks to agents of other systems (Agent2Agent protocol).",
    "not written yet; no A2A client or server is built in"
}
