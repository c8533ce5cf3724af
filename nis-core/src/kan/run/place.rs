//! Where inputs lie on their grids, and the values of the functions there.
//!
//! B-splines are polynomials on each cell: the coefficients of these polynomials in the place `t` within the cell (0
//! to 1) are worked out once, so that a value costs `order` multiplications. On equal cells all cells have the same
//! polynomials, and eight inputs are worked on side by side.

use super::real::{Eight, Real, TILE, fitting};
use crate::error::Result;
use crate::kan::basis::{Basis, Family, MAX_ORDER, Outside, Slices};

const MOST: usize = MAX_ORDER + 1;

/// Coefficients of `order + 1` polynomials: `[power][function]`.
type Polynomials<T> = [[T; MOST]; MOST];

/// How the inputs of a layer are placed.
#[derive(Debug, Clone)]
pub(super) enum Place<T> {
    /// B-splines on equal cells.
    Equal(Equal<T>),
    /// B-splines on any cells.
    Cells(Vec<Cells<T>>),
    /// Functions that reach over the whole grid, by [`Basis::evaluate`].
    Dense(Vec<Basis>, Outside),
}

/// B-splines on equal cells.
#[derive(Debug, Clone)]
pub(super) struct Equal<T> {
    order: usize,
    /// Per input, filled up to whole tiles: start of the grid and cells per unit.
    start: Vec<T>,
    rate: Vec<T>,
    /// Range of the place counted in cells: the grid, or the knots where the functions fade.
    from: T,
    to: T,
    /// Added to a cell to get the row of its first function.
    shift: T,
    fade: bool,
    polynomials: Polynomials<T>,
}

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

/// Functions of the inputs of a tile: those that do not vanish, then the base function.
#[derive(Debug, Clone, Default)]
pub(super) struct Tile<T> {
    /// Row of the first function, per input.
    pub(super) first: [u32; TILE],
    /// `[derivative][function][input]`
    pub(super) values: Vec<Eight<T>>,
    wide: Vec<f64>,
}

impl<T: Real> Place<T> {
    pub(super) fn new(bases: &[Basis], inputs: usize, outside: Outside) -> Result<Self> {
        let first = &bases[0];
        if first.family() != Family::BSpline {
            return Ok(Place::Dense(bases.to_vec(), outside));
        }
        let fade = outside == Outside::Natural;
        if bases.iter().all(Basis::is_uniform) {
            return Ok(Place::Equal(Equal::new(bases, inputs, fade)?));
        }
        let cells = bases.iter().map(|b| Cells::new(b, fade));
        Ok(Place::Cells(cells.collect::<Result<_>>()?))
    }

    /// Rows of zeros before and after the coefficients of an input, for functions that do not exist where the
    /// others fade.
    pub(super) fn padding(bases: &[Basis], outside: Outside) -> usize {
        let fades = bases[0].family() == Family::BSpline && outside == Outside::Natural;
        if fades { bases[0].order() } else { 0 }
    }

    /// Writes the functions of the inputs of a tile, and with `D` up to their `D`-th derivatives, to `out`.
    #[inline(always)]
    pub(super) fn evaluate<const D: usize>(
        &self,
        tile: usize,
        count: usize,
        x: &Eight<T>,
        width: usize,
        out: &mut Tile<T>,
    ) {
        match self {
            Place::Equal(equal) => match equal.order {
                1 => equal.evaluate::<D, 2>(tile, x, width, out),
                2 => equal.evaluate::<D, 3>(tile, x, width, out),
                3 => equal.evaluate::<D, 4>(tile, x, width, out),
                4 => equal.evaluate::<D, 5>(tile, x, width, out),
                _ => equal.evaluate::<D, 6>(tile, x, width, out),
            },
            Place::Cells(all) => {
                for lane in 0..count {
                    let own = if all.len() == 1 {
                        0
                    } else {
                        tile * TILE + lane
                    };
                    out.first[lane] = all[own].evaluate::<D>(x[lane], lane, width, &mut out.values);
                }
            }
            Place::Dense(bases, outside) => {
                for lane in 0..count {
                    let own = if bases.len() == 1 {
                        0
                    } else {
                        tile * TILE + lane
                    };
                    dense::<T, D>(&bases[own], *outside, x[lane], lane, width, out);
                }
            }
        }
    }
}

fn dense<T: Real, const D: usize>(
    basis: &Basis,
    outside: Outside,
    x: T,
    lane: usize,
    width: usize,
    out: &mut Tile<T>,
) {
    let n = basis.functions();
    out.wide.resize(3 * n, 0.0);
    let (value, rest) = out.wide.split_at_mut(n);
    let (d1, d2) = rest.split_at_mut(n);
    out.first[lane] = 0;
    basis.evaluate(x.as_f64(), outside, &mut Slices { value, d1, d2 });
    for d in 0..=D {
        for (to, v) in out.values[d * width..]
            .iter_mut()
            .zip(&out.wide[d * n..(d + 1) * n])
        {
            to[lane] = T::of(*v);
        }
    }
}

impl<T: Real> Equal<T> {
    fn new(bases: &[Basis], inputs: usize, fade: bool) -> Result<Self> {
        let (order, cells) = (bases[0].order(), bases[0].cells());
        let whole = inputs.next_multiple_of(TILE);
        let (mut start, mut rate) = (vec![T::default(); whole], vec![T::default(); whole]);
        for (i, (start, rate)) in start.iter_mut().zip(&mut rate).enumerate().take(inputs) {
            let (a, b) = bases[if bases.len() == 1 { 0 } else { i }].grid();
            *start = fitting("knots", a)?;
            *rate = fitting("cells per unit of the grid", cells as f64 / (b - a))?;
        }
        // Knots -order, .., order + 1 around the cell from 0 to 1.
        let knots: Vec<f64> = (0..2 * order + 2)
            .map(|i| i as f64 - order as f64)
            .collect();
        let outer = if fade { order as f64 } else { 0.0 };
        Ok(Equal {
            order,
            start,
            rate,
            from: T::of(-outer),
            to: T::of(cells as f64 + outer),
            // The first of the cells where functions fade has row 0, which is a row of padding.
            shift: T::of(outer),
            fade,
            polynomials: on_cell(&knots, order, order).map(|p| p.map(T::of)),
        })
    }

    #[inline(always)]
    fn evaluate<const D: usize, const M: usize>(
        &self,
        tile: usize,
        x: &Eight<T>,
        width: usize,
        out: &mut Tile<T>,
    ) {
        let zero = T::default();
        let one = T::of(1.0);
        let at = tile * TILE;
        let (Some(start), Some(rate)) = (eight(&self.start, at), eight(&self.rate, at)) else {
            return;
        };
        let mut beyond = [zero; TILE];
        let mut place = [zero; TILE];
        for l in 0..TILE {
            let u = (x[l] - start[l]) * rate[l];
            let inside = if u < self.from { self.from } else { u };
            let inside = if inside > self.to { self.to } else { inside };
            beyond[l] = u - inside;
            place[l] = inside + self.shift;
        }
        let (mut cell, _) = T::whole8(place);
        let last = self.to + self.shift - one;
        for l in 0..TILE {
            if cell[l] > last {
                cell[l] = last;
            }
        }
        let (_, first) = T::whole8(cell);
        out.first = first;
        let mut t = [zero; TILE];
        for l in 0..TILE {
            t[l] = place[l] - cell[l];
        }
        let p = &self.polynomials;
        let mut any = false;
        for v in &beyond {
            any |= *v != zero;
        }
        let Some(values) = out.values.get_mut(..(D + 1) * width) else {
            return;
        };
        for j in 0..M {
            let mut v = [p[M - 1][j]; TILE];
            for power in (0..M - 1).rev() {
                for l in 0..TILE {
                    v[l] = v[l] * t[l] + p[power][j];
                }
            }
            values[j] = v;
            if D >= 1 || any {
                let mut d = slope::<T, M>(p, j, &t);
                if any {
                    for l in 0..TILE {
                        values[j][l] = if self.fade {
                            // 0 beyond the knots, NaN for NaN
                            if beyond[l] == zero {
                                values[j][l]
                            } else {
                                beyond[l] * zero
                            }
                        } else {
                            values[j][l] + beyond[l] * d[l]
                        };
                    }
                }
                if D >= 1 {
                    for l in 0..TILE {
                        if self.fade && beyond[l] != zero {
                            d[l] = beyond[l] * zero;
                        }
                        values[width + j][l] = d[l] * rate[l];
                    }
                }
            }
            if D >= 2 {
                let d2 = bend::<T, M>(p, j, &t);
                for l in 0..TILE {
                    let inside = beyond[l] == zero;
                    values[2 * width + j][l] = if inside {
                        d2[l] * rate[l] * rate[l]
                    } else {
                        beyond[l] * zero
                    };
                }
            }
        }
    }
}

#[inline(always)]
fn eight<T>(all: &[T], from: usize) -> Option<&Eight<T>> {
    all.get(from..from + TILE)?.try_into().ok()
}

/// First derivative of polynomial `j` with respect to the place in the cell.
#[inline(always)]
fn slope<T: Real, const M: usize>(p: &Polynomials<T>, j: usize, t: &Eight<T>) -> Eight<T> {
    let mut v = [T::default(); TILE];
    for power in (1..M).rev() {
        let c = p[power][j] * T::of(power as f64);
        for l in 0..TILE {
            v[l] = v[l] * t[l] + c;
        }
    }
    v
}

/// Second derivative of polynomial `j` with respect to the place in the cell.
#[inline(always)]
fn bend<T: Real, const M: usize>(p: &Polynomials<T>, j: usize, t: &Eight<T>) -> Eight<T> {
    let mut v = [T::default(); TILE];
    for power in (2..M).rev() {
        let c = p[power][j] * T::of((power * (power - 1)) as f64);
        for l in 0..TILE {
            v[l] = v[l] * t[l] + c;
        }
    }
    v
}

impl<T: Real> Cells<T> {
    fn new(basis: &Basis, fade: bool) -> Result<Self> {
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
    fn evaluate<const D: usize>(
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
fn on_cell(knots: &[f64], order: usize, span: usize) -> Polynomials<f64> {
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
