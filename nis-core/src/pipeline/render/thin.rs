//! Long series drawn with few points: the least and the largest value per pixel column.

use std::collections::HashSet;
use std::fmt::Write;

use super::axis::drawable;

/// Points up to which every single one is drawn.
pub(super) const FEW: usize = 600;

/// Most points of a scatter plot that are drawn.
const MOST: usize = 4000;

/// The least and the largest drawable value; nothing where there is none.
pub(super) fn ends(values: &[f64]) -> Vec<f64> {
    let mut ends: Option<(f64, f64)> = None;
    for v in values.iter().copied().filter(|v| drawable(*v)) {
        let (low, high) = ends.unwrap_or((v, v));
        ends = Some((low.min(v), high.max(v)));
    }
    ends.map_or_else(Vec::new, |(low, high)| vec![low, high])
}

/// A path through the points, as the value of an SVG `d` attribute. `at` gives the pixel of a point. The line
/// is broken where a point has none.
pub(super) fn path(
    x: &[f64],
    y: &[f64],
    left: f64,
    width: f64,
    at: impl Fn(f64, f64) -> Option<(f64, f64)>,
) -> String {
    let columns = (2.0 * width.max(1.0)) as usize;
    let n = x.len().min(y.len());
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut breaks = 0;
    let mut run = Run::new(n > 4 * columns, left);
    for (x, y) in x.iter().zip(y) {
        match at(*x, *y) {
            Some(point) => {
                if let Some(current) = runs.last_mut() {
                    run.push(point, current);
                }
            }
            // A line with more holes than pixels is drawn through.
            None if breaks < columns => {
                if let Some(current) = runs.last_mut().filter(|r| !r.is_empty() || run.any()) {
                    run.flush(current);
                    runs.push(Vec::new());
                    breaks += 1;
                }
            }
            None => {}
        }
    }
    if let Some(current) = runs.last_mut() {
        run.flush(current);
    }
    // A line that goes back and forth (a phase plane) has no pixel columns to be thinned by.
    let total: usize = runs.iter().map(Vec::len).sum();
    let every = total.div_ceil(8 * columns).max(1);
    let mut out = String::new();
    for points in runs {
        let mut last = String::new();
        for (i, (x, y)) in points.iter().step_by(every).enumerate() {
            let text = format!("{x:.1} {y:.1}");
            if text != last {
                let _ = write!(out, "{}{text}", if i == 0 { 'M' } else { 'L' });
                last = text;
            }
        }
        // A single point is drawn as a dot (round line ends).
        if points.len() == 1 {
            out.push_str("h0");
        }
    }
    out
}

/// Points of one pixel column: first, lowest, highest, last, in the order in which they came.
struct Run {
    thinned: bool,
    left: f64,
    column: i64,
    count: usize,
    held: Vec<(usize, (f64, f64))>,
}

impl Run {
    fn new(thinned: bool, left: f64) -> Self {
        Run {
            thinned,
            left,
            column: i64::MIN,
            count: 0,
            held: Vec::with_capacity(4),
        }
    }

    fn any(&self) -> bool {
        !self.held.is_empty()
    }

    fn push(&mut self, point: (f64, f64), out: &mut Vec<(f64, f64)>) {
        if !self.thinned {
            out.push(point);
            return;
        }
        let column = (2.0 * (point.0 - self.left)).floor() as i64;
        if column != self.column {
            self.flush(out);
            self.column = column;
        }
        self.count += 1;
        let entry = (self.count, point);
        match self.held.as_mut_slice() {
            [_, low, high, last] => {
                if point.1 < low.1.1 {
                    *low = entry;
                }
                if point.1 > high.1.1 {
                    *high = entry;
                }
                *last = entry;
            }
            _ => self.held = vec![entry; 4],
        }
    }

    fn flush(&mut self, out: &mut Vec<(f64, f64)>) {
        self.held.sort_by_key(|(i, _)| *i);
        self.held.dedup_by_key(|(i, _)| *i);
        out.extend(self.held.drain(..).map(|(_, p)| p));
        self.column = i64::MIN;
    }
}

/// The pixels of points; of many that fall together, one.
pub(super) fn scatter(
    x: &[f64],
    y: &[f64],
    at: impl Fn(f64, f64) -> Option<(f64, f64)>,
) -> Vec<(f64, f64)> {
    let all = x.iter().zip(y).filter_map(|(x, y)| at(*x, *y));
    if x.len() <= FEW {
        return all.collect();
    }
    let mut seen = HashSet::new();
    let apart: Vec<(f64, f64)> = all
        .filter(|(x, y)| seen.insert(((x / 1.5) as i64, (y / 1.5) as i64)))
        .collect();
    let every = apart.len().div_ceil(MOST).max(1);
    apart.into_iter().step_by(every).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn straight(x: f64, y: f64) -> Option<(f64, f64)> {
        (x.is_finite() && y.is_finite()).then_some((x, y))
    }

    #[test]
    fn a_long_series_keeps_its_extremes() {
        let n = 1_000_000;
        let x: Vec<f64> = (0..n).map(|i| 500.0 * i as f64 / n as f64).collect();
        let mut y: Vec<f64> = x.iter().map(|x| 50.0 + (40.0 * x).sin()).collect();
        y[123_456] = 99.0;
        y[654_321] = 1.0;
        let path = path(&x, &y, 0.0, 500.0, straight);
        assert!(path.len() < 80_000, "{}", path.len());
        assert!(
            path.contains(" 99.0") && path.contains(" 1.0"),
            "extremes lost"
        );
    }

    #[test]
    fn lines_break_at_holes() {
        let x = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let y = [f64::NAN, 1.0, 2.0, f64::NAN, f64::NAN, 5.0];
        assert_eq!(
            path(&x, &y, 0.0, 10.0, straight),
            "M1.0 1.0L2.0 2.0M5.0 5.0h0"
        );
        assert_eq!(path(&[], &[], 0.0, 10.0, straight), "");
        // As many holes as values, far more than pixels.
        let n = 200_000;
        let x: Vec<f64> = (0..n)
            .map(|i| 100.0 * f64::from(i) / f64::from(n))
            .collect();
        let y: Vec<f64> = (0..n)
            .map(|i| if i % 2 == 0 { 1.0 } else { f64::NAN })
            .collect();
        assert!(path(&x, &y, 0.0, 100.0, straight).len() < 20_000);
    }

    #[test]
    fn a_long_orbit_is_thinned() {
        let angle = |i: i32| 0.37 * f64::from(i);
        let x: Vec<f64> = (0..300_000).map(|i| 50.0 + 40.0 * angle(i).cos()).collect();
        let y: Vec<f64> = (0..300_000).map(|i| 50.0 + 40.0 * angle(i).sin()).collect();
        let path = path(&x, &y, 0.0, 100.0, straight);
        assert!(path.len() < 40_000 && path.len() > 5_000, "{}", path.len());
    }

    #[test]
    fn a_dense_scatter_is_thinned() {
        let n = 200_000;
        let x: Vec<f64> = (0..n).map(|i| f64::from(i % 1000)).collect();
        let y: Vec<f64> = (0..n).map(|i| f64::from(i / 1000)).collect();
        let points = scatter(&x, &y, straight);
        assert!(points.len() <= MOST && points.len() > MOST / 4);
    }

    #[test]
    fn ends_skip_what_cannot_be_drawn() {
        assert_eq!(ends(&[f64::NAN, 3.0, -2.0, f64::INFINITY]), [-2.0, 3.0]);
        assert!(ends(&[f64::NAN]).is_empty());
    }
}
