//! Maps: values over two coordinates as coloured cells, with a bar of the colours beside the drawing.

use std::fmt::Write;

use super::axis::{Axis, AxisSpec};
use super::number::short;
use super::page::escape;
use super::plot::Frame;

/// Colours of a map. More could not be told apart, and cells of one colour become one shape.
const LEVELS: usize = 32;

/// Values from dark blue over green to yellow (the ends and middles of the map "viridis" of matplotlib, which is in
/// the public domain).
const RISING: [[f64; 3]; 5] = [
    [68.0, 1.0, 84.0],
    [59.0, 82.0, 139.0],
    [33.0, 145.0, 140.0],
    [94.0, 201.0, 98.0],
    [253.0, 231.0, 37.0],
];

/// Values on both sides of zero: blue, white, red.
const SIGNED: [[f64; 3]; 5] = [
    [33.0, 102.0, 172.0],
    [146.0, 197.0, 222.0],
    [247.0, 247.0, 247.0],
    [244.0, 165.0, 130.0],
    [178.0, 24.0, 43.0],
];

/// Values on the points of a grid.
#[derive(Debug, Clone)]
pub(super) struct HeatMap {
    /// Width and height in pixels.
    pub(super) size: (f64, f64),
    /// Names of the two axes.
    pub(super) names: (String, String),
    /// Ends of the two axes.
    pub(super) ranges: ([f64; 2], [f64; 2]),
    /// Points along the first axis, then along the second.
    pub(super) counts: (usize, usize),
    /// The values: the first axis slowest; NaN is left blank.
    pub(super) values: Vec<f64>,
    /// What it shows, for readers who do not see it.
    pub(super) title: String,
}

/// The lowest and highest colour, and whether the colours are those of both signs.
fn limits(values: &[f64]) -> Option<(f64, f64, bool)> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for v in values.iter().filter(|v| super::axis::drawable(**v)) {
        low = low.min(*v);
        high = high.max(*v);
    }
    if low > high {
        return None;
    }
    if low < 0.0 && high > 0.0 && high.min(-low) > 0.2 * high.max(-low) {
        let reach = high.max(-low);
        return Some((-reach, reach, true));
    }
    if high - low <= 1e-12 * high.abs().max(low.abs()) {
        let half = (0.1 * high.abs()).max(1e-300);
        return Some((low - half, high + half, false));
    }
    Some((low, high, false))
}

fn colour(level: usize, signed: bool) -> String {
    let stops = if signed { &SIGNED } else { &RISING };
    let place = level as f64 / (LEVELS - 1) as f64 * (stops.len() - 1) as f64;
    let first = (place as usize).min(stops.len() - 2);
    let share = place - first as f64;
    let mut text = String::from("#");
    for k in 0..3 {
        let at = |i: usize| stops.get(i).and_then(|c| c.get(k)).copied().unwrap_or(0.0);
        let v = at(first) * (1.0 - share) + at(first + 1) * share;
        let _ = write!(text, "{:02x}", v.round() as u8);
    }
    text
}

impl HeatMap {
    /// The drawing; `None` where no value can be drawn.
    pub(super) fn svg(&self) -> Option<String> {
        let (width, height) = self.size;
        let (low, high, signed) = limits(&self.values)?;
        let axis = |name: &str, range: [f64; 2], count| {
            let mut spec = AxisSpec::linear(name);
            spec.margin = 0.0;
            Axis::fit(&spec, range, count)
        };
        let mut x = axis(&self.names.0, self.ranges.0, (width / 95.0) as usize)?;
        let mut y = axis(
            &self.names.1,
            self.ranges.1,
            ((height / 52.0) as usize).max(3),
        )?;
        // Exactly the range: there is nothing beyond it.
        [x.low, x.high] = self.ranges.0;
        [y.low, y.high] = self.ranges.1;
        let frame = Frame {
            left: 58.0,
            top: 28.0,
            width: width - 58.0 - 88.0,
            height: height - 28.0 - 40.0,
            x,
            y,
        };
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.draw(&mut out, &frame, (low, high, signed));
        Some(out)
    }

    fn draw(
        &self,
        out: &mut String,
        f: &Frame,
        (low, high, signed): (f64, f64, bool),
    ) -> std::fmt::Result {
        let (width, height) = self.size;
        write!(
            out,
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
            escape(&self.title)
        )?;
        out.push_str("<g shape-rendering=\"crispEdges\">");
        for (level, path) in self.cells(f, low, high).iter().enumerate() {
            if !path.is_empty() {
                let fill = colour(level, signed);
                write!(out, "<path style=\"fill:{fill}\" d=\"{path}\"/>")?;
            }
        }
        // The bar of colours: the highest on top.
        let (left, step) = (f.left + f.width + 14.0, f.height / LEVELS as f64);
        for level in 0..LEVELS {
            write!(
                out,
                "<path style=\"fill:{}\" d=\"M{left:.1} {:.2}h12v{:.2}h-12z\"/>",
                colour(level, signed),
                f.top + f.height - (level + 1) as f64 * step,
                step + 0.2
            )?;
        }
        out.push_str("</g><g class=\"ticks\">");
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                left + 17.0,
                f.top + (1.0 - share) * f.height + 4.0,
                escape(&short(low * (1.0 - share) + high * share))
            )?;
        }
        for t in &f.x.ticks {
            if let Some((x, _)) = f.inside(t.value, f.y.low) {
                write!(
                    out,
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                    f.top + f.height + 16.0,
                    t.label
                )?;
            }
        }
        for t in &f.y.ticks {
            if let Some((_, y)) = f.inside(f.x.low, t.value) {
                write!(
                    out,
                    "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                    f.left - 6.0,
                    y + 4.0,
                    t.label
                )?;
            }
        }
        write!(
            out,
            "</g><path class=\"axis\" d=\"M{0:.1} {1:.1}h{2:.1}v{3:.1}h-{2:.1}z\"/><text class=\"name\" x=\"{4:.1}\" y=\"{5:.1}\" text-anchor=\"middle\">{6}</text><text class=\"name\" x=\"2\" y=\"14\">{7}</text></svg>",
            f.left,
            f.top,
            f.width,
            f.height,
            f.left + 0.5 * f.width,
            f.top + f.height + 34.0,
            escape(&self.names.0),
            escape(&self.names.1),
        )
    }

    /// Per colour the outline of its cells, those side by side in a row as one.
    fn cells(&self, f: &Frame, low: f64, high: f64) -> Vec<String> {
        let (nx, ny) = self.counts;
        let (w, h) = (f.width / nx.max(1) as f64, f.height / ny.max(1) as f64);
        let level = |i: usize, j: usize| -> Option<usize> {
            let v = self.values.get(i * ny + j).filter(|v| v.is_finite())?;
            let share = ((v - low) / (high - low)).clamp(0.0, 1.0);
            Some(((share * LEVELS as f64) as usize).min(LEVELS - 1))
        };
        let mut paths = vec![String::new(); LEVELS];
        for j in 0..ny {
            let top = f.top + f.height - (j + 1) as f64 * h;
            let mut from = 0;
            while from < nx {
                let here = level(from, j);
                let run = (from..nx).take_while(|i| level(*i, j) == here).count();
                if let Some(path) = here.and_then(|k| paths.get_mut(k)) {
                    let (x, wide) = (f.left + from as f64 * w, run as f64 * w);
                    let _ = write!(path, "M{x:.1} {top:.1}h{wide:.1}v{h:.1}h-{wide:.1}z");
                }
                from += run.max(1);
            }
        }
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: Vec<f64>, counts: (usize, usize)) -> HeatMap {
        HeatMap {
            size: (560.0, 340.0),
            names: ("t".into(), "x".into()),
            ranges: ([0.0, 1.0], [-1.0, 1.0]),
            counts,
            values,
            title: "u & v".into(),
        }
    }

    #[test]
    fn cells_of_one_colour_are_one_shape_and_gaps_stay_blank() {
        let drawn = map(vec![1.0, 2.0, 1.0, f64::NAN, 1.0, 2.0], (3, 2))
            .svg()
            .unwrap();
        // The lower row is one run of three cells; the upper one is broken by the gap.
        let lowest = colour(0, false);
        let runs = drawn.matches(&lowest).count();
        assert_eq!(runs, 2, "its cells and its place in the bar: {drawn}");
        let path = drawn
            .split(&lowest)
            .nth(1)
            .unwrap()
            .split('>')
            .next()
            .unwrap();
        assert_eq!(path.matches('M').count(), 1, "{path}");
        let highest = colour(LEVELS - 1, false);
        let path = drawn
            .split(&highest)
            .nth(1)
            .unwrap()
            .split('>')
            .next()
            .unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert!(drawn.contains("u &amp; v"));
    }

    #[test]
    fn colours_have_a_middle_where_values_have_both_signs() {
        assert_eq!(limits(&[-1.0, 0.5]), Some((-1.0, 1.0, true)));
        assert_eq!(limits(&[-0.1, 5.0]), Some((-0.1, 5.0, false)));
        assert_eq!(limits(&[f64::NAN, f64::INFINITY]), None);
        let (low, high, _) = limits(&[3.0, 3.0]).unwrap();
        assert!(low < 3.0 && high > 3.0);
        assert_eq!(colour(0, false), "#440154");
        assert_eq!(colour(LEVELS - 1, false), "#fde725");
        assert!(map(vec![f64::NAN; 4], (2, 2)).svg().is_none());
    }

    proptest::proptest! {
        #[test]
        fn every_number_drawn_is_finite(values in proptest::collection::vec(proptest::num::f64::ANY, 12)) {
            if let Some(drawn) = map(values, (4, 3)).svg() {
                proptest::prop_assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
            }
        }
    }
}
