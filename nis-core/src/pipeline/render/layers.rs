//! Drawing of one layer of a plot.

use std::fmt::Write;

use super::labels::text_width;
use super::page::escape;
use super::plot::{Frame, Layer, Shape};
use super::thin;

pub(super) fn shade(
    out: &mut String,
    f: &Frame,
    left_of: f64,
    text: &str,
    other: &str,
) -> std::fmt::Result {
    let Some(place) = f.x.place(left_of) else {
        return Ok(());
    };
    let width = place.clamp(0.0, 1.0) * f.width;
    let edge = f.left + width;
    write!(
        out,
        "<rect class=\"shade\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
        f.left, f.top, f.height
    )?;
    if width > text_width(text) + 12.0 {
        write!(
            out,
            "<text class=\"note\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            edge - 6.0,
            f.top + 14.0,
            escape(text)
        )?;
    }
    if f.width - width > text_width(other) + 12.0 {
        write!(
            out,
            "<text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            edge + 6.0,
            f.top + 14.0,
            escape(other)
        )?;
    }
    write!(
        out,
        "<path class=\"axis\" d=\"M{edge:.1} {:.1}v{:.1}\"/>",
        f.top, f.height
    )
}

/// What is cut at the edge of the area.
pub(super) fn lines(out: &mut String, f: &Frame, layer: &Layer) -> std::fmt::Result {
    match layer {
        Layer::Line { role, x, y, .. } => {
            let path = thin::path(x, y, f.left, f.width, |x, y| f.at(x, y));
            if !path.is_empty() {
                write!(out, "<path class=\"{}\" d=\"{path}\"/>", role.class())?;
            }
        }
        Layer::Level { y } => {
            if let Some((_, y)) = f.inside(f.x.low, *y) {
                write!(
                    out,
                    "<path class=\"guide\" d=\"M{:.1} {y:.1}h{:.1}\"/>",
                    f.left, f.width
                )?;
            }
        }
        Layer::Stems { x, y } => {
            let mut path = String::new();
            for (x, y) in thin::scatter(x, y, |x, y| f.inside(x, y)) {
                if let Some((_, zero)) = f.at(f.x.low, 0.0) {
                    write!(path, "M{x:.1} {zero:.1}V{y:.1}")?;
                }
            }
            if !path.is_empty() {
                write!(out, "<path class=\"stem\" d=\"{path}\"/>")?;
            }
        }
        Layer::Bars {
            x,
            y,
            x_error,
            y_error,
        } => {
            let mut path = String::new();
            for (((x, y), ex), ey) in x.iter().zip(y).zip(x_error).zip(y_error) {
                for (from, to) in [
                    (f.at(x - ex, *y), f.at(x + ex, *y)),
                    (f.at(*x, y - ey), f.at(*x, y + ey)),
                ] {
                    if let (Some((x1, y1)), Some((x2, y2))) = (from, to) {
                        write!(path, "M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}")?;
                    }
                }
            }
            if !path.is_empty() {
                write!(out, "<path class=\"bars\" d=\"{path}\"/>")?;
            }
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn points(out: &mut String, f: &Frame, layer: &Layer) -> std::fmt::Result {
    let Layer::Points {
        role,
        shape,
        x,
        y,
        radii,
        names,
        ..
    } = layer
    else {
        return Ok(());
    };
    write!(out, "<g class=\"{}\">", role.class())?;
    if x.len() <= thin::FEW {
        for (i, (x, y)) in x.iter().zip(y).enumerate() {
            if let Some((px, py)) = f.inside(*x, *y) {
                let radius = radii.get(i).copied().unwrap_or(3.0);
                out.push_str(&marker(*shape, px, py, radius, names.get(i)));
            }
        }
    } else {
        for (px, py) in thin::scatter(x, y, |x, y| f.inside(x, y)) {
            out.push_str(&marker(*shape, px, py, 2.0, None));
        }
    }
    out.push_str("</g>");
    Ok(())
}

pub(super) fn marker(shape: Shape, x: f64, y: f64, radius: f64, name: Option<&String>) -> String {
    let r = if radius.is_finite() {
        radius.clamp(0.5, 30.0)
    } else {
        3.0
    };
    let open = match shape {
        Shape::Disc => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\""),
        Shape::Diamond => {
            let d = 1.4 * r;
            format!(
                "<path d=\"M{:.1} {y:.1}l{d:.1} {d:.1}l{d:.1} -{d:.1}l-{d:.1} -{d:.1}z\"",
                x - d
            )
        }
    };
    match name {
        Some(name) => {
            let tag = if shape == Shape::Disc {
                "circle"
            } else {
                "path"
            };
            format!("{open}><title>{}</title></{tag}>", escape(name))
        }
        None => format!("{open}/>"),
    }
}
