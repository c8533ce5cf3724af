//! Where inputs lie on their grids, and the values of the functions there.
//!
//! B-splines are polynomials on each cell: the coefficients of these polynomials in the place `t` within the cell (0
//! to 1) are worked out once, so that a value costs `order` multiplications. On equal cells all cells have the same
//! polynomials, and eight inputs are worked on side by side.

use pulp::Simd;

use super::cells::{Cells, MOST, Polynomials, on_cell};
use super::real::{Eight, Real, TILE, exp8, fitting};
use crate::error::Result;
use crate::kan::basis::{Basis, Family, Outside, Slices};
use crate::kan::network::Base;

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
    pub(super) order: usize,
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
    /// Slopes of the functions of the first cell at its start and of the last at its end, per cell.
    ends: [[T; MOST]; 2],
}

/// Functions of the inputs of a tile for some rows: those that do not vanish, then the base function.
#[derive(Debug, Clone, Default)]
pub(super) struct Tile<T> {
    /// Row of the first function: `[row][input]`.
    pub(super) first: Vec<[u32; TILE]>,
    /// `[row][derivative][function][input]`
    pub(super) values: Vec<Eight<T>>,
    wide: Vec<f64>,
}

/// The part of a [`Tile`] that belongs to one row.
pub(super) struct TileRow<'a, T> {
    first: &'a mut [u32; TILE],
    values: &'a mut [Eight<T>],
}

impl<T: Real> Tile<T> {
    /// Makes room for `rows` rows of `values` functions and derivatives in all.
    pub(super) fn fit(&mut self, rows: usize, values: usize) {
        if self.first.len() < rows {
            self.first.resize(rows, [0; TILE]);
        }
        if self.values.len() < rows * values {
            self.values.resize(rows * values, [T::default(); TILE]);
        }
    }
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

    /// Writes the functions of the inputs of a tile, and with `D` up to their `D`-th derivatives, for rows of a
    /// layer's `inputs` inputs; `width` numbers of [`Tile::values`] per derivative, the last of which is left for
    /// the base function (`base`).
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    pub(super) fn evaluate<const D: usize, S: Simd>(
        &self,
        simd: S,
        t: usize,
        x: &[T],
        inputs: usize,
        width: usize,
        base: Base,
        out: &mut Tile<T>,
    ) {
        match self {
            Place::Equal(equal) => match equal.order {
                1 => equal.rows::<D, 2, S>(simd, t, x, inputs, width, base, out),
                2 => equal.rows::<D, 3, S>(simd, t, x, inputs, width, base, out),
                3 => equal.rows::<D, 4, S>(simd, t, x, inputs, width, base, out),
                4 => equal.rows::<D, 5, S>(simd, t, x, inputs, width, base, out),
                _ => equal.rows::<D, 6, S>(simd, t, x, inputs, width, base, out),
            },
            Place::Cells(all) => each_row::<T, S, D>(
                simd,
                t,
                x,
                inputs,
                width,
                base,
                out,
                |x, input, lane, row, _| {
                    let own = &all[if all.len() == 1 { 0 } else { input }];
                    row.first[lane] = own.evaluate::<D>(x, lane, width, row.values);
                },
            ),
            Place::Dense(bases, outside) => {
                each_row::<T, S, D>(
                    simd,
                    t,
                    x,
                    inputs,
                    width,
                    base,
                    out,
                    |x, input, lane, row, wide| {
                        let own = &bases[if bases.len() == 1 { 0 } else { input }];
                        dense::<T, D>(own, *outside, x, lane, width, row, wide);
                    },
                );
            }
        }
    }
}

/// The inputs of a tile in one row, filled up with zeros.
#[inline(always)]
fn gather<T: Real>(t: usize, x: &[T]) -> (Eight<T>, usize) {
    let own = &x[t * TILE..x.len().min(t * TILE + TILE)];
    let mut eight = [T::default(); TILE];
    match own.try_into() {
        Ok(all) => eight = all,
        Err(_) => eight.iter_mut().zip(own).for_each(|(to, v)| *to = *v),
    }
    (eight, own.len())
}

/// Writes the base function of a row's inputs behind the others.
#[inline(always)]
fn write_base<T: Real, S: Simd, const D: usize>(
    simd: S,
    base: Base,
    x: &Eight<T>,
    width: usize,
    values: &mut [Eight<T>],
) {
    if base != Base::None {
        let all = base_at::<T, S, D>(simd, base, x);
        for (d, v) in all.iter().enumerate().take(D + 1) {
            values[d * width + width - 1] = *v;
        }
    }
}

#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn each_row<T: Real, S: Simd, const D: usize>(
    simd: S,
    t: usize,
    x: &[T],
    inputs: usize,
    width: usize,
    base: Base,
    out: &mut Tile<T>,
    mut one: impl FnMut(T, usize, usize, &mut TileRow<'_, T>, &mut Vec<f64>),
) {
    let Tile {
        first,
        values,
        wide,
    } = out;
    for ((x, first), values) in x
        .chunks_exact(inputs)
        .zip(first)
        .zip(values.chunks_exact_mut((D + 1) * width))
    {
        let (x, count) = gather(t, x);
        let mut row = TileRow { first, values };
        for (lane, x) in x.iter().enumerate().take(count) {
            one(*x, t * TILE + lane, lane, &mut row, wide);
        }
        write_base::<T, S, D>(simd, base, &x, width, values);
    }
}

fn dense<T: Real, const D: usize>(
    basis: &Basis,
    outside: Outside,
    x: T,
    lane: usize,
    width: usize,
    row: &mut TileRow<'_, T>,
    wide: &mut Vec<f64>,
) {
    let n = basis.functions();
    wide.resize(3 * n, 0.0);
    let (value, rest) = wide.split_at_mut(n);
    let (d1, d2) = rest.split_at_mut(n);
    row.first[lane] = 0;
    basis.evaluate(x.as_f64(), outside, &mut Slices { value, d1, d2 });
    for d in 0..=D {
        for (to, v) in row.values[d * width..]
            .iter_mut()
            .zip(&wide[d * n..(d + 1) * n])
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
        let polynomials = on_cell(&knots, order, order);
        let ends = [0.0, 1.0].map(|t| {
            let slopes: [f64; MOST] = std::array::from_fn(|j| {
                (1..=order)
                    .map(|n| n as f64 * polynomials[n][j] * if n == 1 { 1.0 } else { t })
                    .sum()
            });
            // Slopes that rounding left of 0 would show far outside the grid.
            slopes.map(|d| T::of(if d.abs() < 1e-12 { 0.0 } else { d }))
        });
        Ok(Equal {
            order,
            start,
            rate,
            from: T::of(-outer),
            to: T::of(cells as f64 + outer),
            // The first of the cells where functions fade has row 0, which is a row of padding.
            shift: T::of(outer),
            fade,
            polynomials: polynomials.map(|p| p.map(T::of)),
            ends,
        })
    }

    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    fn rows<const D: usize, const M: usize, S: Simd>(
        &self,
        simd: S,
        t: usize,
        x: &[T],
        inputs: usize,
        width: usize,
        base: Base,
        out: &mut Tile<T>,
    ) {
        let (Some(start), Some(rate)) = (eight(&self.start, t * TILE), eight(&self.rate, t * TILE))
        else {
            return;
        };
        for ((x, first), values) in x
            .chunks_exact(inputs)
            .zip(&mut out.first)
            .zip(out.values.chunks_exact_mut((D + 1) * width))
        {
            let (x, _) = gather(t, x);
            let mut rounded = [T::default(); TILE];
            self.row::<D, M, S>(simd, &x, start, rate, width, &mut rounded, values);
            *first = T::whole8(&rounded);
            write_base::<T, S, D>(simd, base, &x, width, values);
        }
    }

    /// Start of an input's grid and cells per unit.
    pub(super) fn grid(&self, input: usize) -> (T, T) {
        (self.start[input], self.rate[input])
    }

    /// Eight numbers on their grids: the cells (plus [`super::real::Vectors::ROUND`]), and `M` functions and `D`
    /// derivatives of each, `width` numbers of `values` apart.
    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    pub(super) fn row<const D: usize, const M: usize, S: Simd>(
        &self,
        simd: S,
        x: &Eight<T>,
        start: &Eight<T>,
        rate: &Eight<T>,
        width: usize,
        rounded: &mut Eight<T>,
        values: &mut [Eight<T>],
    ) {
        let splat = |v: T| T::splat(simd, v);
        let (zero, one) = (splat(T::default()), splat(T::of(1.0)));
        let (from, to, shift, round) = (
            splat(self.from),
            splat(self.to),
            splat(self.shift),
            splat(T::ROUND),
        );
        let last = T::minus(simd, T::plus(simd, to, shift), one);
        let (x, start) = (T::vectors::<S>(x), T::vectors::<S>(start));
        let (rate, rounded_vectors) = (T::vectors::<S>(rate), T::vectors_mut::<S>(rounded));
        let p = &self.polynomials;
        for (v, rounded) in rounded_vectors.iter_mut().enumerate() {
            let rate = rate[v];
            let u = T::times(simd, T::minus(simd, x[v], start[v]), rate);
            let inside = T::where_less(simd, [u, from], from, u);
            let inside = T::where_less(simd, [to, inside], to, inside);
            let beyond = T::minus(simd, u, inside);
            let place = T::plus(simd, inside, shift);
            // The cell: rounded, lowered where that went up, 0 for NaN, at most the last one.
            let known = T::where_less(simd, [splat(T::of(-1.0)), place], place, zero);
            let near = T::minus(simd, T::plus(simd, known, round), round);
            let cell = T::where_less(simd, [known, near], T::minus(simd, near, one), near);
            let cell = T::where_less(simd, [last, cell], last, cell);
            *rounded = T::plus(simd, cell, round);
            let t = T::minus(simd, place, cell);
            // 0 where the functions have faded
            let faded = |value| {
                let value = T::where_less(simd, [beyond, zero], zero, value);
                T::where_less(simd, [zero, beyond], zero, value)
            };
            for j in 0..M {
                let mut value = splat(p[M - 1][j]);
                for power in (0..M - 1).rev() {
                    value = T::fma(simd, value, t, splat(p[power][j]));
                }
                value = if self.fade {
                    faded(value)
                } else {
                    let [low, high] = [self.ends[0][j], self.ends[1][j]].map(splat);
                    let slope = T::where_less(simd, [beyond, zero], low, high);
                    T::fma(simd, beyond, slope, value)
                };
                T::vectors_mut::<S>(&mut values[j])[v] = value;
                if D >= 1 {
                    let mut value = zero;
                    for power in (1..M).rev() {
                        value = T::fma(simd, value, t, splat(p[power][j] * T::of(power as f64)));
                    }
                    value = T::times(simd, value, rate);
                    let value = if self.fade { faded(value) } else { value };
                    T::vectors_mut::<S>(&mut values[width + j])[v] = value;
                }
                if D >= 2 {
                    let mut value = zero;
                    for power in (2..M).rev() {
                        let factor = T::of((power * (power - 1)) as f64);
                        value = T::fma(simd, value, t, splat(p[power][j] * factor));
                    }
                    value = T::times(simd, T::times(simd, value, rate), rate);
                    T::vectors_mut::<S>(&mut values[2 * width + j])[v] = faded(value);
                }
            }
        }
    }
}

#[inline(always)]
fn eight<T>(all: &[T], from: usize) -> Option<&Eight<T>> {
    all.get(from..from + TILE)?.try_into().ok()
}

/// Value and derivatives of the base function.
#[inline(always)]
pub(super) fn base_at<T: Real, S: Simd, const D: usize>(
    simd: S,
    base: Base,
    x: &Eight<T>,
) -> [Eight<T>; 3] {
    let mut out = [[T::default(); TILE]; 3];
    match base {
        Base::None => {}
        Base::Identity => {
            out[0] = *x;
            out[1] = [T::of(1.0); TILE];
        }
        Base::Silu => {
            let splat = |v: T| T::splat(simd, v);
            let (zero, one, two) = (splat(T::default()), splat(T::of(1.0)), splat(T::of(2.0)));
            // 1 / (1 + e^-x) counts as 0 where e^-x is cut off.
            let least = splat(T::default() - T::EXP_RANGE[1]);
            let mut minus = *x;
            for v in T::vectors_mut::<S>(&mut minus) {
                *v = T::minus(simd, zero, *v);
            }
            let e = exp8(simd, &minus);
            let [value, d1, d2] = out.each_mut().map(|o| T::vectors_mut::<S>(o));
            for (v, (e, x)) in T::vectors::<S>(&e)
                .iter()
                .zip(T::vectors::<S>(x))
                .enumerate()
            {
                let s = T::over(simd, one, T::plus(simd, one, *e));
                let s = T::where_less(simd, [*x, least], zero, s);
                value[v] = T::times(simd, *x, s);
                if D >= 1 {
                    let d = T::times(simd, s, T::minus(simd, one, s));
                    d1[v] = T::fma(simd, *x, d, s);
                    let half = T::minus(simd, one, T::plus(simd, s, s));
                    d2[v] = T::times(simd, d, T::fma(simd, *x, half, two));
                }
            }
        }
    }
    out
}
