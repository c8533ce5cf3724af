//! The local_model agent: registered, not written yet.

super::unavailable! {
    /// Runs a language model in this process.
    LocalModel,
    "local_model",
    "Runs a language model in this process.",
    "not written yet; a local server with the chat-completions interface can be configured as a provider"
}
