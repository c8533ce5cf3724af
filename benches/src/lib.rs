//! Nothing of its own: the benches are in `spine.rs`, the peers' in `peers/`.
