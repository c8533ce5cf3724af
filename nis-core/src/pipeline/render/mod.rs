//! Reports for readers: plain text for a terminal, and one self-contained HTML page with plots.
//!
//! `html` and `text` put the page together; `figures` says what each plot shows; `plot`, `layers`, `axis`,
//! `thin` and `labels` draw plots of any data; `page` and `mathml` write HTML and formulas; `number` writes numbers.

mod axis;
mod figures;
mod html;
mod labels;
mod layers;
mod mathml;
pub(crate) mod number;
mod page;
mod plot;
mod text;
mod thin;
