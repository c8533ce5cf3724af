//! The research agent: registered, not written yet.

super::unavailable! {
    /// Searches sources and cites them.
    Research,
    "research",
    "Searches sources and cites them.",
    "not written yet; nothing here searches the web or a library"
}
