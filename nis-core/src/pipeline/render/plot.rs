//! Plots as SVG: lines, points, error bars and direct labels on two axes.
//!
//! Colours and line widths come from the page's style sheet through class names, so that one drawing serves
//! the light page, the dark page and paper. Every coordinate written is finite and near the drawing.

use std::fmt::Write;

use super::axis::{Axis, AxisSpec};
use super::labels::{Placer, ellipsis, text_width};
use super::layers::{lines, marker, points, shade};
use super::page::escape;
use super::thin;

/// What a layer stands for; decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Observations.
    Data,
    /// What was fitted to them.
    Model,
    /// A second model or a formula over a model.
    Formula,
    /// Rows that the fit has not seen.
    Held,
    /// A line to judge by.
    Guide,
}

impl Role {
    pub(super) fn class(self) -> &'static str {
        match self {
            Role::Data => "data",
            Role::Model => "model",
            Role::Formula => "formula",
            Role::Held => "held",
            Role::Guide => "guide",
        }
    }
}

/// Shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A filled disc.
    Disc,
    /// An open diamond.
    Diamond,
}

/// One thing drawn.
#[derive(Debug, Clone)]
pub(super) enum Layer {
    /// A line through points in order; broken where a value cannot be drawn.
    Line {
        role: Role,
        x: Vec<f64>,
        y: Vec<f64>,
        key: String,
    },
    /// Points; `names` (one per point or none) are shown on hovering, `radii` (likewise) are in pixels.
    Points {
        role: Role,
        shape: Shape,
        x: Vec<f64>,
        y: Vec<f64>,
        radii: Vec<f64>,
        names: Vec<String>,
        key: String,
    },
    /// Bars of one standard error to each side of a point.
    Bars {
        x: Vec<f64>,
        y: Vec<f64>,
        x_error: Vec<f64>,
        y_error: Vec<f64>,
    },
    /// Lines from zero to each point.
    Stems { x: Vec<f64>, y: Vec<f64> },
    /// The half-plane left of an abscissa, with a text at its top and one on the other side.
    Shade {
        left_of: f64,
        text: &'static str,
        other: &'static str,
    },
    /// A horizontal line.
    Level { y: f64 },
    /// Texts beside points, as far as there is room.
    Labels {
        x: Vec<f64>,
        y: Vec<f64>,
        texts: Vec<String>,
    },
}

/// Labels of an axis on the right: the same places in another quantity.
#[derive(Debug, Clone)]
pub(super) struct RightAxis {
    pub(super) label: String,
    /// The text at a value of the left axis, where there is one.
    pub(super) text: fn(f64) -> Option<String>,
}

/// A plot.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    /// Width and height in pixels.
    pub(super) size: (f64, f64),
    pub(super) x: AxisSpec,
    pub(super) y: AxisSpec,
    pub(super) right: Option<RightAxis>,
    pub(super) layers: Vec<Layer>,
    /// What the plot shows, for readers who do not see it.
    pub(super) title: String,
}

/// Rows of ticks and text around the drawing area.
const LEFT: f64 = 58.0;
const BOTTOM: f64 = 40.0;

/// The drawing area and its axes.
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Frame {
    /// The pixel of a point, also somewhat outside the area.
    pub(super) fn at(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let px = self.left + self.x.place(x)?.clamp(-9.0, 10.0) * self.width;
        let py = self.top + (1.0 - self.y.place(y)?.clamp(-9.0, 10.0)) * self.height;
        Some((px, py))
    }

    /// The pixel of a point inside the area.
    pub(super) fn inside(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let near = |p: f64| (-0.005..=1.005).contains(&p);
        (near(self.x.place(x)?) && near(self.y.place(y)?))
            .then(|| self.at(x, y))
            .flatten()
    }
}

impl Plot {
    /// The drawing; `None` where there is nothing that can be drawn.
    pub(super) fn svg(&self) -> Option<String> {
        let (width, height) = self.size;
        let (xs, ys) = self.extent();
        let x = Axis::fit(&self.x, xs, (width / 95.0) as usize)?;
        let y = Axis::fit(&self.y, ys, ((height / 52.0) as usize).max(3))?;
        let widest = y
            .ticks
            .iter()
            .map(|t| text_width(&t.label))
            .fold(0.0, f64::max);
        let left = LEFT.max(widest + 12.0);
        let right = if self.right.is_some() { 46.0 } else { 14.0 };
        let keys = self.keys(left, width);
        let top = if keys.rows > 1 { 46.0 } else { 28.0 };
        let frame = Frame {
            left,
            top,
            width: width - left - right,
            height: height - top - BOTTOM,
            x,
            y,
        };
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.draw(&mut out, &frame, &keys.svg);
        Some(out)
    }

    /// The values that the axes must hold. Observations set the frame; a model may widen it by half their
    /// span, so that one that runs away does not squash them.
    fn extent(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut xs, mut frame, mut follow) = (Vec::new(), Vec::new(), Vec::new());
        let mut bars: Option<(Vec<f64>, Vec<f64>)> = None;
        for layer in &self.layers {
            match layer {
                Layer::Line { role, x, y, .. } => {
                    xs.extend(thin::ends(x));
                    let to = if *role == Role::Data {
                        &mut frame
                    } else {
                        &mut follow
                    };
                    to.extend(thin::ends(y));
                }
                Layer::Points { x, y, .. } | Layer::Stems { x, y } => {
                    xs.extend(thin::ends(x));
                    frame.extend(thin::ends(y));
                }
                Layer::Bars {
                    x,
                    y,
                    x_error,
                    y_error,
                } => {
                    let ends = |v: &[f64], e: &[f64]| -> Vec<f64> {
                        v.iter().zip(e).flat_map(|(v, e)| [v - e, v + e]).collect()
                    };
                    bars = Some((ends(x, x_error), ends(y, y_error)));
                }
                Layer::Shade { .. } | Layer::Level { .. } | Layer::Labels { .. } => {}
            }
        }
        if frame.is_empty() {
            frame = std::mem::take(&mut follow);
        }
        widen(&mut frame, &self.y.include, &follow, 0.5);
        if let Some((x, y)) = bars {
            // Long bars of a few points are part of what the plot says; of many points they would hide the rest.
            let room = if x.len() <= 6 { 25.0 } else { 2.0 };
            widen(&mut xs, &self.x.include, &x, room);
            widen(&mut frame, &self.y.include, &y, room);
        }
        (xs, frame)
    }

    fn draw(&self, out: &mut String, f: &Frame, keys: &str) -> std::fmt::Result {
        let (width, height) = self.size;
        write!(
            out,
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
            escape(&self.title)
        )?;
        for layer in &self.layers {
            if let Layer::Shade {
                left_of,
                text,
                other,
            } = layer
            {
                shade(out, f, *left_of, text, other)?;
            }
        }
        self.axes(out, f)?;
        out.push_str(keys);
        // Lines are cut at the edge of the area, which an inner drawing does without any name.
        write!(
            out,
            "<svg x=\"{0:.1}\" y=\"{1:.1}\" width=\"{2:.1}\" height=\"{3:.1}\" viewBox=\"{0:.1} {1:.1} {2:.1} {3:.1}\" overflow=\"hidden\">",
            f.left, f.top, f.width, f.height
        )?;
        for layer in &self.layers {
            lines(out, f, layer)?;
        }
        out.push_str("</svg>");
        // Labels have a rim in the page's colour; the points stand above it.
        self.labels(out, f)?;
        for layer in &self.layers {
            points(out, f, layer)?;
        }
        out.push_str("</svg>");
        Ok(())
    }

    fn axes(&self, out: &mut String, f: &Frame) -> std::fmt::Result {
        let (right, bottom) = (f.left + f.width, f.top + f.height);
        out.push_str("<g class=\"grid\">");
        for t in &f.y.ticks {
            if let Some((_, y)) = f.inside(f.x.low, t.value) {
                write!(out, "<path d=\"M{:.1} {y:.1}H{right:.1}\"/>", f.left)?;
            }
        }
        for t in &f.x.ticks {
            if let Some((x, _)) = f.inside(t.value, f.y.low) {
                write!(out, "<path d=\"M{x:.1} {:.1}V{bottom:.1}\"/>", f.top)?;
            }
        }
        out.push_str("</g><g class=\"ticks\">");
        let mut free = f64::NEG_INFINITY;
        for t in &f.x.ticks {
            let half = 0.5 * text_width(&t.label);
            if let Some((x, _)) = f.inside(t.value, f.y.low) {
                // A label that would run into the one before it is left out.
                if x - half < free {
                    continue;
                }
                free = x + half + 6.0;
                write!(
                    out,
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                    bottom + 16.0,
                    t.label
                )?;
            }
        }
        for t in &f.y.ticks {
            let Some((_, y)) = f.inside(f.x.low, t.value) else {
                continue;
            };
            write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                f.left - 6.0,
                y + 4.0,
                t.label
            )?;
            if let Some(text) = self.right.as_ref().and_then(|r| (r.text)(t.value)) {
                write!(
                    out,
                    "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    right + 6.0,
                    y + 4.0,
                    escape(&text)
                )?;
            }
        }
        write!(
            out,
            "</g><path class=\"axis\" d=\"M{:.1} {bottom:.1}H{right:.1}\"/><text class=\"name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            f.left,
            f.left + 0.5 * f.width,
            bottom + 34.0,
            escape(&ellipsis(&self.x.label, (f.width / 6.6) as usize)),
        )?;
        let room = if self.right.is_some() { 0.5 } else { 0.9 };
        write!(
            out,
            "<text class=\"name\" x=\"2\" y=\"14\">{}</text>",
            escape(&ellipsis(
                &self.y.label,
                (room * self.size.0 / 6.6) as usize
            ))
        )?;
        if let Some(axis) = &self.right {
            write!(
                out,
                "<text class=\"name\" x=\"{:.1}\" y=\"14\" text-anchor=\"end\">{}</text>",
                self.size.0 - 2.0,
                escape(&ellipsis(&axis.label, (0.4 * self.size.0 / 6.6) as usize))
            )?;
        }
        Ok(())
    }

    /// The key: samples with texts, right-aligned beside the name of the vertical axis, or below it where
    /// that is too long.
    fn keys(&self, left: f64, width: f64) -> Keys {
        let entries: Vec<(&Layer, String)> = self
            .layers
            .iter()
            .filter_map(|l| match l {
                Layer::Line { key, .. } | Layer::Points { key, .. } if !key.is_empty() => {
                    Some((l, ellipsis(key, 34)))
                }
                _ => None,
            })
            .collect();
        let total: f64 = entries.iter().map(|(_, k)| 40.0 + text_width(k)).sum();
        let beside = text_width(&self.y.label) + total + 10.0 < width && self.right.is_none();
        let (mut x, y) = if beside || entries.is_empty() {
            (width - 14.0 - total + 14.0, 10.0)
        } else {
            (left, 30.0)
        };
        let mut svg = String::new();
        for (layer, text) in &entries {
            let (mark, class) = match layer {
                Layer::Line { role, .. } => {
                    (format!("<path d=\"M{x:.1} {y:.1}h18\"/>"), role.class())
                }
                Layer::Points { role, shape, .. } => {
                    (marker(*shape, x + 9.0, y, 3.5, None), role.class())
                }
                _ => continue,
            };
            let _ = write!(
                svg,
                "<g class=\"{class}\">{mark}</g><text class=\"key\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + 23.0,
                y + 4.0,
                escape(text)
            );
            x += 40.0 + text_width(text);
        }
        Keys {
            svg,
            rows: if beside || entries.is_empty() { 1 } else { 2 },
        }
    }

    fn labels(&self, out: &mut String, f: &Frame) -> std::fmt::Result {
        let mut placer = Placer::new(f.left, f.top, f.width, f.height);
        for layer in &self.layers {
            if let Layer::Points { x, y, radii, .. } = layer {
                for (i, (x, y)) in x.iter().zip(y).take(500).enumerate() {
                    if let Some((px, py)) = f.inside(*x, *y) {
                        placer.block(px, py, radii.get(i).copied().unwrap_or(3.5));
                    }
                }
            }
        }
        for layer in &self.layers {
            if let Layer::Bars {
                x,
                y,
                x_error,
                y_error,
            } = layer
            {
                for (((x, y), ex), ey) in x.iter().zip(y).zip(x_error).zip(y_error).take(500) {
                    for (dx, dy) in [(*ex, 0.0), (0.0, *ey)] {
                        if let (Some(a), Some(b)) = (f.at(x - dx, y - dy), f.at(x + dx, y + dy)) {
                            placer.block_line(a, b);
                        }
                    }
                }
            }
            if let Layer::Shade { left_of, text, .. } = layer
                && let Some((edge, _)) = f.at(*left_of, f.y.low)
            {
                placer.block(edge - 0.5 * text_width(text), f.top + 10.0, 25.0);
                placer.block(edge + 0.5 * text_width(text), f.top + 10.0, 25.0);
            }
        }
        for layer in &self.layers {
            let Layer::Labels { x, y, texts } = layer else {
                continue;
            };
            for ((x, y), text) in x.iter().zip(y).zip(texts) {
                let Some((px, py)) = f.inside(*x, *y) else {
                    continue;
                };
                let text = ellipsis(text, 24);
                if let Some((tx, ty)) = placer.find(px, py, &text) {
                    write!(
                        out,
                        "<text class=\"label\" x=\"{tx:.1}\" y=\"{ty:.1}\">{}</text>",
                        escape(&text)
                    )?;
                }
            }
        }
        Ok(())
    }
}

struct Keys {
    svg: String,
    rows: usize,
}

/// Adds to `frame` the ends of `values`, at most `share` of the frame's span beyond it.
fn widen(frame: &mut Vec<f64>, include: &[f64], values: &[f64], share: f64) {
    let all: Vec<f64> = frame.iter().chain(include).copied().collect();
    let ends = thin::ends(&all);
    let more = thin::ends(values);
    let (Some(low), Some(high)) = (ends.first(), ends.last()) else {
        frame.extend(more);
        return;
    };
    let span = high - low;
    let room = share * if span > 0.0 { span } else { f64::INFINITY };
    frame.extend(more.iter().map(|v| v.max(low - room).min(high + room)));
}
