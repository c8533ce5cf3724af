//! B-splines: values and derivatives of the few functions that do not vanish at a point.
//!
//! De Boor, A Practical Guide to Splines (2001), chapter IX (recurrence B-V) and X (derivative, eq. (8)).

use super::{MAX_ORDER, Slices};

const WIDTH: usize = MAX_ORDER + 1;

/// Rising knots with a degree.
#[derive(Clone, Copy)]
pub(super) struct Spline<'a> {
    pub(super) knots: &'a [f64],
    pub(super) order: usize,
}

impl Spline<'_> {
    fn functions(&self) -> usize {
        self.knots.len() - self.order - 1
    }

    /// Writes the functions of the span that holds `x` and returns the index of the first of them.
    pub(super) fn inside(&self, x: f64, out: &mut Slices<'_>) -> usize {
        let span = self.span(x);
        let k = self.order;
        let value = self.values(span, k, x);
        let lower = self.values(span, k - 1, x);
        let d1 = self.differences(span, k, &lower);
        let mut d2 = [0.0; WIDTH];
        if k >= 2 {
            let lowest = self.values(span, k - 2, x);
            d2 = self.differences(span, k, &self.differences(span, k - 1, &lowest));
        }
        out.value.copy_from_slice(&value[..=k]);
        out.d1.copy_from_slice(&d1[..=k]);
        out.d2.copy_from_slice(&d2[..=k]);
        span - k
    }

    /// The functions beyond the grid, where they fade to zero over the extended knots: the functions of the
    /// outermost spans that exist, in the place of those that do not zeros.
    pub(super) fn extended(&self, x: f64, out: &mut Slices<'_>) -> usize {
        let (t, k, n) = (self.knots, self.order, self.functions());
        out.value.fill(0.0);
        out.d1.fill(0.0);
        out.d2.fill(0.0);
        let after = t.partition_point(|k| *k <= x);
        if after == 0 || after == t.len() || x.is_nan() {
            return 0;
        }
        // Continue the knots so far that the span has all its functions, then keep those that exist.
        let (low, high) = (t[1] - t[0], t[t.len() - 1] - t[t.len() - 2]);
        let mut wide: Vec<f64> = (1..=k)
            .rev()
            .map(|i| t[0] - i as f64 * low.max(1.0))
            .collect();
        wide.extend_from_slice(t);
        wide.extend((1..=k).map(|i| t[t.len() - 1] + i as f64 * high.max(1.0)));
        let (mut value, mut d1, mut d2) = ([0.0; WIDTH], [0.0; WIDTH], [0.0; WIDTH]);
        let padded = Spline {
            knots: &wide,
            order: k,
        };
        let all = padded.inside(
            x,
            &mut Slices {
                value: &mut value[..=k],
                d1: &mut d1[..=k],
                d2: &mut d2[..=k],
            },
        );
        // Functions all-k ..= all of this basis; some may not exist.
        let first = all.saturating_sub(k).min(n - k - 1);
        for i in 0..=k {
            let index = all + i;
            if index >= k && index - k < n {
                let at = index - k - first;
                out.value[at] = value[i];
                out.d1[at] = d1[i];
                out.d2[at] = d2[i];
            }
        }
        first
    }

    /// The knot interval of the grid that holds `x`; the last one holds the end.
    fn span(&self, x: f64) -> usize {
        let (k, n) = (self.order, self.functions());
        let after = self.knots[k..=n].partition_point(|t| *t <= x);
        let mut span = (k + after).saturating_sub(1).clamp(k, n - 1);
        while span > k && self.knots[span] == self.knots[span + 1] {
            span -= 1;
        }
        span
    }

    /// Values of the functions of degree `p` that do not vanish in the span: numbers `span - p ..= span`.
    fn values(&self, span: usize, p: usize, x: f64) -> [f64; WIDTH] {
        let t = self.knots;
        let mut out = [0.0; WIDTH];
        out[0] = 1.0;
        for j in 1..=p {
            let mut saved = 0.0;
            for r in 0..j {
                let (left, right) = (t[span + 1 + r - j], t[span + 1 + r]);
                let term = out[r] / (right - left);
                out[r] = saved + (right - x) * term;
                saved = (x - left) * term;
            }
            out[j] = saved;
        }
        out
    }

    /// Derivatives of the functions of degree `p` from values (or derivatives) of those of degree `p - 1`.
    fn differences(&self, span: usize, p: usize, lower: &[f64; WIDTH]) -> [f64; WIDTH] {
        let t = self.knots;
        let mut out = [0.0; WIDTH];
        for (r, out) in out.iter_mut().enumerate().take(p + 1) {
            // Function number i = span - p + r is p (B_{i,p-1}/(t_{i+p}-t_i) - B_{i+1,p-1}/(t_{i+p+1}-t_{i+1})).
            let i = span + r - p;
            let ratio = |at: usize, v: f64| {
                let width = t[at + p] - t[at];
                if width > 0.0 { v / width } else { 0.0 }
            };
            let mut v = 0.0;
            if r > 0 {
                v += ratio(i, lower[r - 1]);
            }
            if r < p {
                v -= ratio(i + 1, lower[r]);
            }
            *out = p as f64 * v;
        }
        out
    }
}
