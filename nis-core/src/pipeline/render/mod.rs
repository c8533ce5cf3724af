//! Reports for readers: plain text for a terminal, and one self-contained HTML page with plots.

pub(crate) mod number;
mod text;
