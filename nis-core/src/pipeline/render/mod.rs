//! Reports for readers: plain text for a terminal, and one self-contained HTML page with plots.
//!
//! `html` and `text` put the page together; `solution` is the page of a solved equation, with the maps of `heat`; `figures` says what each plot shows; `plot`, `layers`, `axis`,
//! `thin` and `labels` draw plots of any data; `page` and `mathml` write HTML and formulas; `number` writes numbers.

mod axis;
mod figures;
mod heat;
mod html;
mod labels;
mod layers;
mod mathml;
pub(crate) mod number;
mod page;
mod plot;
mod solution;
mod text;
mod thin;
