//! The simulation agent: registered, not written yet.

super::unavailable! {
    /// Runs a model forward under changed conditions.
    Simulation,
    "simulation",
    "Runs a model forward under changed conditions.",
    "not written yet; the signal agent fits equations to data"
}
