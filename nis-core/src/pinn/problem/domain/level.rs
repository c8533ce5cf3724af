//! Regions where a function is below 0: the function, its zero set as a curve or a surface.

use std::collections::HashMap;

use super::super::functions::Closure;
use super::V;
use crate::error::{Error, Result};
use crate::expr::{Expr, Program};

/// Cells per axis of the grid on which the zero set is found: in the plane, in space.
const CELLS: [usize; 2] = [192, 40];

/// A region where a function of the space coordinates is below 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    name: String,
    value: Source,
    /// Slopes of a formula; those of a closure are differences.
    slopes: Vec<Program>,
    axes: usize,
    /// Steps of differences: a small part of the box.
    step: V,
    /// Largest absolute value on the grid, for tolerances.
    pub(super) scale: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    Formula(Program),
    Closure(Closure),
}

/// Where the zero set crosses a grid line: from a grid point `(i, j)` along axis 0 or 1.
type Crossing = (usize, usize, usize);

/// A chain of points on the zero set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain(pub(super) Vec<V>);

impl Level {
    /// Of a formula in the named space coordinates.
    pub(super) fn of_formula(
        name: &str,
        formula: &Expr,
        coordinates: &[&str],
        bounds: [V; 2],
    ) -> Result<Self> {
        let slopes = coordinates
            .iter()
            .map(|c| formula.differentiate(c)?.compile(coordinates))
            .collect::<Result<_>>()?;
        let value = Source::Formula(formula.compile(coordinates)?);
        Level::new(name, value, slopes, coordinates.len(), bounds)
    }

    /// Of a function of the space coordinates.
    pub(super) fn of_closure(closure: &Closure, axes: usize, bounds: [V; 2]) -> Result<Self> {
        let source = Source::Closure(closure.clone());
        Level::new(&closure.name, source, Vec::new(), axes, bounds)
    }

    fn new(
        name: &str,
        value: Source,
        slopes: Vec<Program>,
        axes: usize,
        [low, high]: [V; 2],
    ) -> Result<Self> {
        let mut level = Level {
            name: name.to_string(),
            value,
            slopes,
            axes,
            step: std::array::from_fn(|k| 1e-5 * (high[k] - low[k])),
            scale: 0.0,
        };
        let n = 16;
        let counts: [usize; 3] = std::array::from_fn(|k| if k < axes { n } else { 0 });
        for i in 0..=counts[0] {
            for j in 0..=counts[1] {
                for k in 0..=counts[2] {
                    let p = grid_point([low, high], counts, [i, j, k]);
                    let v = level.at(p)?.abs();
                    if v.is_finite() {
                        level.scale = level.scale.max(v);
                    }
                }
            }
        }
        Ok(level)
    }

    /// The value at a point.
    pub(super) fn at(&self, p: V) -> Result<f64> {
        let own = p.get(..self.axes).unwrap_or(&p);
        match &self.value {
            Source::Closure(closure) => closure.at(own),
            Source::Formula(program) => {
                let value = program.evaluate_point(own);
                if value.is_nan() {
                    return Err(Error::numerical(
                        format!("domain `{}`", self.name),
                        format!("NaN at {own:?}"),
                    ));
                }
                Ok(value)
            }
        }
    }

    /// The gradient at a point.
    fn gradient(&self, p: V) -> Result<V> {
        let mut out = [0.0; 3];
        for (axis, slope) in out.iter_mut().enumerate().take(self.axes) {
            if let Some(program) = self.slopes.get(axis) {
                *slope = program.evaluate_point(p.get(..self.axes).unwrap_or(&p));
            } else {
                let (mut a, mut b) = (p, p);
                a[axis] -= self.step[axis];
                b[axis] += self.step[axis];
                *slope = (self.at(b)? - self.at(a)?) / (b[axis] - a[axis]);
            }
        }
        Ok(out)
    }

    /// The outward unit normal; 0 where the gradient vanishes.
    pub(super) fn normal(&self, p: V) -> Result<V> {
        let g = self.gradient(p)?;
        let size = g.iter().fold(0.0, |a: f64, b| a.hypot(*b));
        Ok(if size > 0.0 && size.is_finite() {
            g.map(|v| v / size)
        } else {
            [0.0; 3]
        })
    }

    /// The nearest point of the zero set along the gradient, from a point at most `reach` away.
    pub(super) fn project(&self, p: V, reach: f64) -> Result<V> {
        let value = self.at(p)?;
        let normal = self.normal(p)?;
        if value == 0.0 || normal == [0.0; 3] {
            return Ok(p);
        }
        // Regula falsi (Illinois) between the point and one on the other side.
        let along = |s: f64| -> V { std::array::from_fn(|k| p[k] + s * normal[k]) };
        let (mut a, mut fa) = (0.0, value);
        let mut far = -value.signum() * reach / 16.0;
        let (mut b, mut fb) = loop {
            let f = self.at(along(far))?;
            if f == 0.0 || (f > 0.0) != (value > 0.0) {
                break (far, f);
            }
            far *= 2.0;
            if far.abs() > reach {
                return Ok(p);
            }
        };
        for _ in 0..60 {
            if fb == 0.0 || (a - b).abs() <= 1e-15 * reach {
                break;
            }
            let mut c = b - fb * (b - a) / (fb - fa);
            if !c.is_finite() {
                c = 0.5 * (a + b);
            }
            let fc = self.at(along(c))?;
            if (fc > 0.0) != (fb > 0.0) {
                (a, fa) = (b, fb);
            } else {
                fa *= 0.5;
            }
            (b, fb) = (c, fc);
        }
        Ok(along(b))
    }

    /// The zero set in a plane box as chains of points (marching squares; Lorensen and Cline, SIGGRAPH 1987, in
    /// two dimensions).
    pub(super) fn chains(&self, bounds: [V; 2]) -> Result<Vec<Chain>> {
        let n = CELLS[0];
        let counts = [n, n, 0];
        let values = self.grid(bounds, counts)?;
        let value = |i: usize, j: usize| values.get(j * (n + 1) + i).copied().unwrap_or(1.0);
        let mut links: HashMap<Crossing, Vec<Crossing>> = HashMap::new();
        for j in 0..n {
            for i in 0..n {
                let square = [
                    value(i, j) < 0.0,
                    value(i + 1, j) < 0.0,
                    value(i + 1, j + 1) < 0.0,
                    value(i, j + 1) < 0.0,
                ];
                // Sides in the order bottom, right, top, left.
                let sides = [(i, j, 0), (i + 1, j, 1), (i, j + 1, 0), (i, j, 1)];
                let crossed: Vec<usize> = (0..4)
                    .filter(|k| square[*k] != square[(k + 1) % 4])
                    .collect();
                let pairs: Vec<(usize, usize)> = match crossed.as_slice() {
                    [a, b] => vec![(*a, *b)],
                    [_, _, _, _] => {
                        let middle =
                            grid_point(bounds, [2 * n, 2 * n, 0], [2 * i + 1, 2 * j + 1, 0]);
                        if (self.at(middle)? < 0.0) == square[0] {
                            vec![(0, 1), (2, 3)]
                        } else {
                            vec![(3, 0), (1, 2)]
                        }
                    }
                    _ => continue,
                };
                for (a, b) in pairs {
                    links.entry(sides[a]).or_default().push(sides[b]);
                    links.entry(sides[b]).or_default().push(sides[a]);
                }
            }
        }
        let point = |(i, j, axis): Crossing| {
            let end = if axis == 0 { (i + 1, j) } else { (i, j + 1) };
            let (p, q) = (
                grid_point(bounds, counts, [i, j, 0]),
                grid_point(bounds, counts, [end.0, end.1, 0]),
            );
            between(p, q, value(i, j), value(end.0, end.1))
        };
        // Open chains first: their ends have one neighbour.
        let mut starts: Vec<_> = links.keys().copied().collect();
        starts.sort_by_key(|k| (links.get(k).map_or(0, Vec::len), *k));
        let mut out = Vec::new();
        for start in starts {
            let mut chain = Vec::new();
            let mut at = start;
            while let Some(next) = links.get_mut(&at).and_then(Vec::pop) {
                if let Some(back) = links.get_mut(&next)
                    && let Some(place) = back.iter().position(|k| *k == at)
                {
                    back.swap_remove(place);
                }
                if chain.is_empty() {
                    chain.push(point(at));
                }
                chain.push(point(next));
                at = next;
            }
            if chain.len() > 1 {
                out.push(Chain(chain));
            }
        }
        Ok(out)
    }

    /// The zero set in a box in space as triangles (marching tetrahedra; Doi and Koide, IEICE Trans. E74 (1991) 214).
    pub(super) fn triangles(&self, bounds: [V; 2]) -> Result<Vec<[V; 3]>> {
        let n = CELLS[1];
        let counts = [n; 3];
        let values = self.grid(bounds, counts)?;
        let side = n + 1;
        let value = |c: [usize; 3]| {
            let at = (c[2] * side + c[1]) * side + c[0];
            values.get(at).copied().unwrap_or(1.0)
        };
        // Six tetrahedra around the diagonal of a cube, corners by bits x, y, z.
        const TETRAHEDRA: [[usize; 4]; 6] = [
            [0, 1, 3, 7],
            [0, 3, 2, 7],
            [0, 2, 6, 7],
            [0, 6, 4, 7],
            [0, 4, 5, 7],
            [0, 5, 1, 7],
        ];
        let mut out = Vec::new();
        for k in 0..n {
            for j in 0..n {
                for i in 0..n {
                    let corner = |b: usize| [i + (b & 1), j + (b >> 1 & 1), k + (b >> 2)];
                    let below = (0..8).filter(|b| value(corner(*b)) < 0.0).count();
                    if below == 0 || below == 8 {
                        continue;
                    }
                    for tetrahedron in TETRAHEDRA {
                        let (inside, outside): (Vec<[usize; 3]>, Vec<[usize; 3]>) = tetrahedron
                            .iter()
                            .map(|b| corner(*b))
                            .partition(|c| value(*c) < 0.0);
                        let cut = |a: [usize; 3], b: [usize; 3]| {
                            let (p, q) =
                                (grid_point(bounds, counts, a), grid_point(bounds, counts, b));
                            between(p, q, value(a), value(b))
                        };
                        match (inside.as_slice(), outside.as_slice()) {
                            ([a], [b, c, d]) | ([b, c, d], [a]) => {
                                out.push([cut(*a, *b), cut(*a, *c), cut(*a, *d)]);
                            }
                            ([a, b], [c, d]) => {
                                let (ac, ad) = (cut(*a, *c), cut(*a, *d));
                                let (bc, bd) = (cut(*b, *c), cut(*b, *d));
                                out.push([ac, ad, bd]);
                                out.push([ac, bd, bc]);
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        Ok(out)
    }

    fn grid(&self, bounds: [V; 2], counts: [usize; 3]) -> Result<Vec<f64>> {
        let mut values = Vec::new();
        for k in 0..=counts[2] {
            for j in 0..=counts[1] {
                for i in 0..=counts[0] {
                    values.push(self.at(grid_point(bounds, counts, [i, j, k]))?);
                }
            }
        }
        Ok(values)
    }
}

/// The point of a grid with this many cells per axis; the ends are exact.
fn grid_point([low, high]: [V; 2], counts: [usize; 3], at: [usize; 3]) -> V {
    std::array::from_fn(|k| {
        if counts[k] == 0 {
            return low[k];
        }
        let f = at[k] as f64 / counts[k] as f64;
        low[k] * (1.0 - f) + high[k] * f
    })
}

/// Where the value passes 0 between two points, by a straight line.
fn between(p: V, q: V, fp: f64, fq: f64) -> V {
    let f = fp / (fp - fq);
    let f = if f.is_finite() {
        f.clamp(0.0, 1.0)
    } else {
        0.5
    };
    std::array::from_fn(|k| p[k] * (1.0 - f) + q[k] * f)
}
