//! Reports for readers: plain text for a terminal, and one self-contained HTML page with plots.

mod axis;
mod figures;
mod html;
pub(crate) mod number;
mod plot;
mod text;
