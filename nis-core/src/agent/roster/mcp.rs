//! The mcp agent: registered, not written yet.

super::unavailable! {
    /// Calls tools of other programs (Model Context Protocol).
    Mcp,
    "mcp",
    "Calls tools of other programs (Model Context Protocol).",
    "not written yet; no MCP client is built in"
}
