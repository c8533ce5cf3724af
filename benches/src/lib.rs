//! What benches share. The benches themselves are in the files beside `src/`, the peers' in `peers/`.

pub mod pinn;
