//! The document agent: registered, not written yet.

super::unavailable! {
    /// Reads documents.
    Document,
    "document",
    "Reads documents.",
    "not written yet; hand text over in the message"
}
