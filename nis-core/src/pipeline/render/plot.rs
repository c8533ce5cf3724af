//! Plots as SVG: lines, points, bars and error bars over two axes. Colours are class names, so that the page's
//! style decides them for light and dark screens.

use std::fmt::Write;

use super::axis::{Axis, Scale};

/// Points that a line is drawn with at most; longer ones keep least and largest value per column of pixels.
const MAX_POINTS: usize = 1600;

/// Text for SVG and HTML.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// What is drawn.
pub(super) enum Mark {
    /// A line through points.
    Line {
        class: &'static str,
        points: Vec<(f64, f64)>,
        label: Option<String>,
    },
    /// Dots with what a pointer over them tells.
    Dots {
        class: &'static str,
        points: Vec<Dot>,
        label: Option<String>,
    },
    /// Bars from zero.
    Stems {
        class: &'static str,
        points: Vec<(f64, f64)>,
    },
    /// A level line.
    Level(f64),
    /// An upright line.
    Upright(f64),
    /// Everything left of a value is shaded.
    ShadeLeft(f64),
}

/// A dot.
pub(super) struct Dot {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Standard errors along both axes, 0 for none.
    pub(super) error: (f64, f64),
    /// Radius in pixels.
    pub(super) radius: f64,
    /// What a pointer over it tells.
    pub(super) title: String,
}

impl Dot {
    pub(super) fn new(x: f64, y: f64, title: String) -> Self {
        Dot {
            x,
            y,
            error: (0.0, 0.0),
            radius: 2.6,
            title,
        }
    }
}

/// A plot.
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) x_label: String,
    pub(super) y_label: String,
    pub(super) x_scale: Scale,
    pub(super) y_scale: Scale,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) marks: Vec<Mark>,
}

const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 42.0;

impl Plot {
    pub(super) fn new(
        title: impl Into<String>,
        x_label: impl Into<String>,
        y_label: impl Into<String>,
    ) -> Self {
        Plot {
            title: title.into(),
            x_label: x_label.into(),
            y_label: y_label.into(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
            width: 560.0,
            height: 300.0,
            marks: Vec::new(),
        }
    }

    pub(super) fn sized(mut self, width: f64, height: f64) -> Self {
        (self.width, self.height) = (width, height);
        self
    }

    pub(super) fn scales(mut self, x: Scale, y: Scale) -> Self {
        (self.x_scale, self.y_scale) = (x, y);
        self
    }

    pub(super) fn with(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }

    fn values(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        for mark in &self.marks {
            match mark {
                Mark::Line { points, .. } => {
                    xs.extend(points.iter().map(|p| p.0));
                    ys.extend(points.iter().map(|p| p.1));
                }
                Mark::Stems { points, .. } => {
                    xs.extend(points.iter().map(|p| p.0));
                    ys.extend(points.iter().map(|p| p.1));
                    ys.push(0.0);
                }
                Mark::Dots { points, .. } => {
                    for d in points {
                        xs.extend([d.x - d.error.0, d.x + d.error.0]);
                        ys.extend([d.y - d.error.1, d.y + d.error.1]);
                    }
                }
                Mark::Level(y) => ys.push(*y),
                Mark::Upright(x) => xs.push(*x),
                Mark::ShadeLeft(_) => {}
            }
        }
        (xs, ys)
    }

    fn legend(&self) -> Vec<(&'static str, bool, &str)> {
        self.marks
            .iter()
            .filter_map(|m| match m {
                Mark::Line {
                    class,
                    label: Some(l),
                    ..
                } => Some((*class, true, l.as_str())),
                Mark::Dots {
                    class,
                    label: Some(l),
                    ..
                } => Some((*class, false, l.as_str())),
                _ => None,
            })
            .collect()
    }

    /// The plot as one `<svg>` element.
    pub(super) fn svg(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let (w, h) = (self.width, self.height);
        let legend = self.legend();
        let top = if legend.is_empty() { 14.0 } else { 30.0 };
        let (xs, ys) = self.values();
        let x = Axis::over(xs.into_iter(), self.x_scale, LEFT, w - RIGHT);
        let y = Axis::over(ys.into_iter(), self.y_scale, h - BOTTOM, top);
        writeln!(
            out,
            "<svg viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
            escape(&self.title)
        )?;
        let (right, bottom) = (w - RIGHT, h - BOTTOM);
        for mark in &self.marks {
            if let Mark::ShadeLeft(v) = mark
                && let Some(p) = x.place(*v)
            {
                let width = (p.clamp(LEFT, right) - LEFT).max(0.0);
                writeln!(
                    out,
                    "<rect class=\"shade\" x=\"{LEFT}\" y=\"{top}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                    bottom - top
                )?;
            }
        }
        for (v, label) in y.ticks(((bottom - top) / 42.0) as usize) {
            let Some(p) = y.place(v) else { continue };
            writeln!(
                out,
                "<path class=\"grid\" d=\"M{LEFT} {p:.1}H{right}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                p + 3.5,
                escape(&label)
            )?;
        }
        for (v, label) in x.ticks(((right - LEFT) / 72.0) as usize) {
            let Some(p) = x.place(v) else { continue };
            writeln!(
                out,
                "<path class=\"grid\" d=\"M{p:.1} {top}V{bottom}\"/><text class=\"tick\" x=\"{p:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 15.0,
                escape(&label)
            )?;
        }
        writeln!(
            out,
            "<path class=\"axis\" d=\"M{LEFT} {top}V{bottom}H{right}\"/>\
             <text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text class=\"label\" transform=\"translate(13 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            (LEFT + right) / 2.0,
            h - 8.0,
            escape(&shortened(&self.x_label, (right - LEFT) / 6.5)),
            (top + bottom) / 2.0,
            escape(&shortened(&self.y_label, (bottom - top) / 6.5)),
        )?;
        for mark in &self.marks {
            draw(out, mark, &x, &y, (right, bottom, top))?;
        }
        let mut at = LEFT;
        for (class, line, label) in legend {
            let text = shortened(label, 36.0);
            if line {
                write!(out, "<path class=\"line {class}\" d=\"M{at:.1} 14h18\"/>")?;
            } else {
                write!(
                    out,
                    "<circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"14\" r=\"3.2\"/>",
                    at + 9.0
                )?;
            }
            writeln!(
                out,
                "<text class=\"legend\" x=\"{:.1}\" y=\"18\">{}</text>",
                at + 23.0,
                escape(&text)
            )?;
            at += 38.0 + 6.6 * text.chars().count() as f64;
        }
        writeln!(out, "</svg>")
    }
}

fn shortened(text: &str, most: f64) -> String {
    let most = most.max(4.0) as usize;
    if text.chars().count() <= most {
        return text.to_string();
    }
    let head: String = text.chars().take(most - 1).collect();
    format!("{head}…")
}

fn draw(
    out: &mut String,
    mark: &Mark,
    x: &Axis,
    y: &Axis,
    edge: (f64, f64, f64),
) -> std::fmt::Result {
    let (right, bottom, top) = edge;
    match mark {
        Mark::ShadeLeft(_) => Ok(()),
        Mark::Level(v) => match y.place(*v) {
            Some(p) => writeln!(out, "<path class=\"rule\" d=\"M{LEFT} {p:.1}H{right}\"/>"),
            None => Ok(()),
        },
        Mark::Upright(v) => match x.place(*v) {
            Some(p) => writeln!(out, "<path class=\"rule\" d=\"M{p:.1} {top}V{bottom}\"/>"),
            None => Ok(()),
        },
        Mark::Line { class, points, .. } => {
            write!(out, "<path class=\"line {class}\" d=\"")?;
            let mut pen = false;
            for (a, b) in thinned(points) {
                match (x.place(a), y.place(b)) {
                    (Some(px), Some(py)) => {
                        write!(out, "{}{px:.1} {py:.1}", if pen { 'L' } else { 'M' })?;
                        pen = true;
                    }
                    // A gap in the values is a gap in the line.
                    _ => pen = false,
                }
            }
            writeln!(out, "\"/>")
        }
        Mark::Stems { class, points } => {
            write!(out, "<path class=\"line {class}\" d=\"")?;
            let zero = y.place(0.0).unwrap_or(bottom);
            for (a, b) in thinned(points) {
                if let (Some(px), Some(py)) = (x.place(a), y.place(b)) {
                    write!(out, "M{px:.1} {zero:.1}V{py:.1}")?;
                }
            }
            writeln!(out, "\"/>")
        }
        Mark::Dots { class, points, .. } => {
            let stride = points.len().div_ceil(MAX_POINTS).max(1);
            for d in points.iter().step_by(stride) {
                let (Some(px), Some(py)) = (x.place(d.x), y.place(d.y)) else {
                    continue;
                };
                let ends = [
                    (
                        x.place(d.x - d.error.0),
                        Some(py),
                        x.place(d.x + d.error.0),
                        d.error.0,
                    ),
                    (
                        y.place(d.y - d.error.1),
                        Some(px),
                        y.place(d.y + d.error.1),
                        d.error.1,
                    ),
                ];
                for (axis, (from, other, to, error)) in ends.into_iter().enumerate() {
                    if let (Some(from), Some(other), Some(to)) = (from, other, to)
                        && error > 0.0
                    {
                        if axis == 0 {
                            write!(
                                out,
                                "<path class=\"line thin {class}\" d=\"M{from:.1} {other:.1}H{to:.1}\"/>"
                            )?;
                        } else {
                            write!(
                                out,
                                "<path class=\"line thin {class}\" d=\"M{other:.1} {from:.1}V{to:.1}\"/>"
                            )?;
                        }
                    }
                }
                writeln!(
                    out,
                    "<circle class=\"dot {class}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"{:.1}\"><title>{}</title></circle>",
                    if d.radius.is_finite() {
                        d.radius.clamp(1.0, 12.0)
                    } else {
                        2.6
                    },
                    escape(&d.title)
                )?;
            }
            Ok(())
        }
    }
}

/// At most [`MAX_POINTS`] points: least and largest value of each stretch.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MAX_POINTS {
        return points.to_vec();
    }
    let stretch = (2 * points.len()).div_ceil(MAX_POINTS);
    let mut out = Vec::with_capacity(MAX_POINTS + 2);
    for part in points.chunks(stretch) {
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (Some(low), Some(high)) = (part.iter().min_by(by), part.iter().max_by(by)) else {
            continue;
        };
        if low.0 <= high.0 {
            out.extend([*low, *high]);
        } else {
            out.extend([*high, *low]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_thinned_and_keep_their_peaks() {
        let mut points: Vec<(f64, f64)> = (0..1_000_000).map(|i| (f64::from(i), 0.0)).collect();
        points[777_777].1 = 5.0;
        let thin = thinned(&points);
        assert!(thin.len() <= MAX_POINTS + 2);
        assert!(thin.contains(&(777_777.0, 5.0)));
        let line = Mark::Line {
            class: "c1",
            points,
            label: None,
        };
        assert!(Plot::new("a", "b", "c").with(line).svg().len() < 100_000);
    }

    #[test]
    fn text_is_escaped() {
        let plot = Plot::new("<script>", "a & b", "\"c\"");
        let svg = plot.svg();
        assert!(
            !svg.contains("<script>")
                && svg.contains("&lt;script&gt;")
                && svg.contains("a &amp; b")
        );
    }

    proptest::proptest! {
        #[test]
        fn coordinates_are_always_finite(
            points in proptest::collection::vec((proptest::num::f64::ANY, proptest::num::f64::ANY), 0..30),
            log in proptest::bool::ANY,
        ) {
            let scale = if log { Scale::Log } else { Scale::Linear };
            let dots = points.iter().map(|p| Dot { error: (p.1.abs(), p.0.abs()), radius: p.0, ..Dot::new(p.0, p.1, String::new()) }).collect();
            let svg = Plot::new("t", "x", "y")
                .scales(scale, scale)
                .with(Mark::Line { class: "c1", points: points.clone(), label: None })
                .with(Mark::Stems { class: "c2", points })
                .with(Mark::Dots { class: "c3", points: dots, label: Some("d".into()) })
                .with(Mark::Level(f64::NAN))
                .svg();
            for bad in ["NaN", "inf"] {
                proptest::prop_assert!(!svg.contains(bad), "{}", svg);
            }
        }
    }
}
