//! B-splines on cells of any size: positions, functions, and the polynomials of one cell.

use super::real::{Eight, Real, fitting};
use crate::error::Result;
use crate::kan::basis::{Basis, MAX_ORDER};

pub(super) const MOST: usize = MAX_ORDER + 1;

/// Coefficients of `order + 1` polynomials: `[power][function]`.
pub(super) type Polynomials<T> = [[T; MOST]; MOST];

/// B-splines on the cells of one input.
#[derive(Debug, Clone)]
pub(super) struct Cells<T> {
    order: usize,
    from: T,
    to: T,
    start: Vec<T>,
    rate: Vec<T>,
    /// Row of the first function of each cell.
    first: Vec<u32>,
    polynomials: Vec<Polynomials<T>>,
    fade: bool,
}

impl<T: Real> Cells<T> {
    pub(super) fn new(basis: &Basis, fade: bool) -> Result<Self> {
        let (order, n) = (basis.order(), basis.functions());
        let own = basis.knots();
        // Knots that make the functions of the outermost cells complete; what they make has rows of zeros.
        let (low, high) = (own[0], own[own.len() - 1]);
        let mut knots: Vec<f64> = (1..=order)
            .rev()
            .map(|i| low - i as f64 * (own[1] - low).max(1.0))
            .collect();
        knots.extend_from_slice(own);
        knots.extend((1..=order).map(|i| high + i as f64 * (high - own[own.len() - 2]).max(1.0)));
        let spans = if fade { 0..own.len() - 1 } else { order..n };
        let (a, b) = if fade { (low, high) } else { basis.grid() };
        let mut cells = Cells {
            order,
            from: fitting("knots", a)?,
            to: fitting("knots", b)?,
            start: Vec::new(),
            rate: Vec::new(),
            first: Vec::new(),
            polynomials: Vec::new(),
            fade,
        };
        for span in spans.filter(|s| own[*s] < own[*s + 1]) {
            cells.start.push(fitting("knots", own[span])?);
            cells.rate.push(fitting(
                "cells per unit of the grid",
                1.0 / (own[span + 1] - own[span]),
            )?);
            // Function span - order is the first; with `order` rows of padding it has row `span`.
            cells
                .first
                .push(if fade { span } else { span - order } as u32);
            cells
                .polynomials
                .push(on_cell(&knots, order, span + order).map(|p| p.map(T::of)));
        }
        Ok(cells)
    }

    #[inline(always)]
    pub(super) fn evaluate<const D: usize>(
        &self,
        x: T,
        lane: usize,
        width: usize,
        out: &mut [Eight<T>],
    ) -> u32 {
        let (zero, one) = (T::default(), T::of(1.0));
        let inside = if x < self.from { self.from } else { x };
        let inside = if inside > self.to { self.to } else { inside };
        let beyond = x - inside;
        let cell = self
            .start
            .partition_point(|s| *s <= inside)
            .saturating_sub(1);
        let (Some(start), Some(rate), Some(p)) = (
            self.start.get(cell),
            self.rate.get(cell),
            self.polynomials.get(cell),
        ) else {
            return 0;
        };
        let t = (inside - *start) * *rate;
        let t = if t > one { one } else { t };
        let k = self.order;
        for j in 0..=k {
            let (mut v, mut d1, mut d2) = (p[k][j], zero, zero);
            for power in (0..k).rev() {
                d2 = d2 * t + d1;
                d1 = d1 * t + v;
                v = v * t + p[power][j];
            }
            d1 = d1 * *rate;
            d2 = (d2 + d2) * *rate * *rate;
            if beyond != zero {
                (v, d1, d2) = if self.fade {
                    (beyond * zero, beyond * zero, beyond * zero)
                } else {
                    (v + beyond * d1, d1, beyond * zero)
                };
            }
            for (d, v) in [v, d1, d2].into_iter().enumerate().take(D + 1) {
                out[d * width + j][lane] = v;
            }
        }
        self.first[cell]
    }
}

/// The polynomials of the B-splines that do not vanish between knot `span` and the next, in the place within: the
/// recurrence of de Boor (A Practical Guide to Splines, 2001, chapter IX, eq. (14)) on polynomials instead of values.
pub(super) fn on_cell(knots: &[f64], order: usize, span: usize) -> Polynomials<f64> {
    let (left, width) = (knots[span], knots[span + 1] - knots[span]);
    // [function][power]
    let mut own = [[0.0; MOST]; MOST];
    own[0][0] = 1.0;
    for j in 1..=order {
        let mut saved = [0.0; MOST];
        for r in 0..j {
            let (low, high) = (knots[span + 1 + r - j], knots[span + 1 + r]);
            let over = 1.0 / (high - low);
            let (rise, fall) = (own[r], own[r]);
            let mut next = saved;
            saved = [0.0; MOST];
            for power in 0..=j {
                let before = |p: &[f64; MOST]| if power == 0 { 0.0 } else { p[power - 1] };
                // times (high - x) / (high - low) and (x - low) / (high - low), x = left + width t
                next[power] += ((high - left) * fall[power] - width * before(&fall)) * over;
                saved[power] = ((left - low) * rise[power] + width * before(&rise)) * over;
            }
            own[r] = next;
        }
        own[j] = saved;
    }
    let mut out = [[0.0; MOST]; MOST];
    for (function, p) in own.iter().enumerate() {
        for (power, c) in p.iter().enumerate() {
            out[power][function] = *c;
        }
    }
    out
}
