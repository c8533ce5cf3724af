//! Where the equations hold, and points in it and on its boundary.

mod level;
mod polygon;
mod region;
mod sample;
#[cfg(test)]
mod tests;

use super::super::points::Points;
use super::functions::Closure;
use super::spec::Shape;
use super::{Coordinate, Role};
use crate::error::{Error, Result};
use crate::expr::Expr;

pub(in super::super) use polygon::Corner;

use level::Level;
use polygon::Polygon;
use region::{Piece, Region};

/// A point of at most three space coordinates; those that are missing are 0.
type V = [f64; 3];

/// Largest absolute value of a coordinate.
pub(super) const MAX_COORDINATE: f64 = 1e100;

/// What a coordinate must be.
const FINITE: &str = "a number within 1e100 of 0";

/// Most points of one call.
const MAX_POINTS: usize = 20_000_000;

/// The region of the coordinates: a box of ranges, whose space part may be cut to a shape with holes.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    /// Ranges of all coordinates: space first, then time, then ranged parameters. Of a shape: the box around it.
    pub(in super::super) ranges: Vec<[f64; 2]>,
    /// The space domain where it is no box, and its holes.
    pub(in super::super) shape: Option<Shape>,
    pub(in super::super) holes: Vec<Shape>,
    /// Number of space coordinates.
    space: usize,
    outer: Region,
    inner: Vec<Region>,
    /// Numbered parts of the boundary of the space domain: first the outer ones, then one per hole.
    parts: Vec<Vec<Piece>>,
    outer_parts: usize,
}

/// Points on a boundary with the outward normals there, one column per coordinate.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Surface {
    pub(in super::super) points: Points,
    pub(in super::super) normals: Points,
}

/// What a domain is made of.
pub(super) struct Parts<'a> {
    pub(super) coordinates: &'a [Coordinate],
    pub(super) shape: Option<&'a Shape>,
    pub(super) holes: &'a [Shape],
    pub(super) inside: Option<&'a Closure>,
    /// Reads a formula in the space coordinates.
    pub(super) formula: &'a dyn Fn(&str, &str) -> Result<Expr>,
}

/// The space box of a shape that has one by itself.
pub(super) fn bounds(shape: &Shape) -> Result<Option<Vec<[f64; 2]>>> {
    let axes = match shape {
        Shape::Disk { .. } | Shape::Polygon(_) | Shape::Rectangle(..) => 2,
        Shape::Ball { .. } | Shape::Cuboid(..) => 3,
        Shape::Below(_) => return Ok(None),
    };
    let none = |_: &str, _: &str| Ok(Expr::number(0.0));
    let region = region("domain.shape", shape, axes, [[0.0; 3]; 2], &[], &none)?;
    let [low, high] = region.bounds();
    Ok(Some(
        low.iter()
            .zip(&high)
            .take(axes)
            .map(|(a, b)| [*a, *b])
            .collect(),
    ))
}

fn region(
    field: &str,
    shape: &Shape,
    axes: usize,
    bounds: [V; 2],
    coordinates: &[&str],
    formula: &dyn Fn(&str, &str) -> Result<Expr>,
) -> Result<Region> {
    let need = |n: usize| {
        if axes == n {
            return Ok(());
        }
        Err(Error::invalid(
            field,
            format!("a shape of {n} dimensions"),
            format!("one of {axes}, the number of space coordinates"),
        ))
    };
    let cuboid = |low: &[f64], high: &[f64]| {
        for (a, b) in low.iter().zip(high) {
            if !a.is_finite() || !b.is_finite() || a.abs().max(b.abs()) > MAX_COORDINATE || a >= b {
                return Err(Error::invalid(
                    field,
                    format!("{a} to {b}"),
                    "the lower corner, then the upper one, within 1e100 of 0",
                ));
            }
        }
        let pad = |v: &[f64]| std::array::from_fn(|k| v.get(k).copied().unwrap_or(0.0));
        Ok(Region::Box([pad(low), pad(high)]))
    };
    match shape {
        Shape::Disk { center, radius } => {
            need(2)?;
            Region::ball(field, center, *radius)
        }
        Shape::Ball { center, radius } => {
            need(3)?;
            Region::ball(field, center, *radius)
        }
        Shape::Polygon(corners) => {
            need(2)?;
            Ok(Region::Polygon(Polygon::new(field, corners)?))
        }
        Shape::Rectangle(low, high) => {
            need(2)?;
            cuboid(low, high)
        }
        Shape::Cuboid(low, high) => {
            need(3)?;
            cuboid(low, high)
        }
        Shape::Below(text) => {
            if axes < 2 {
                need(2)?;
            }
            let level = Level::of_formula(text, &formula(field, text)?, coordinates, bounds)?;
            Ok(Region::Level { level, bounds })
        }
    }
}

impl Domain {
    pub(super) fn new(parts: &Parts<'_>) -> Result<Self> {
        let ranges: Vec<[f64; 2]> = parts.coordinates.iter().map(|c| c.range).collect();
        let own = parts.coordinates.iter().filter(|c| c.role == Role::Space);
        let names: Vec<&str> = own.map(|c| c.name.as_str()).collect();
        let space = names.len();
        let end = |k: usize, high: usize| match ranges.get(k) {
            Some(range) if k < space => range[high],
            _ => 0.0,
        };
        let bounds: [V; 2] = [0, 1].map(|high| std::array::from_fn(|k| end(k, high)));
        let ready =
            |field: &str, shape: &Shape| region(field, shape, space, bounds, &names, parts.formula);
        let outer = match (parts.shape, parts.inside) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid(
                    "domain.shape",
                    "a shape and a function `inside`",
                    "one of both (a shape may be a hole of the other)",
                ));
            }
            (Some(shape), None) => ready("domain.shape", shape)?,
            (None, Some(closure)) => {
                if space < 2 {
                    return Err(Error::invalid(
                        "inside",
                        format!("{space} space coordinates"),
                        "two or three; an interval needs no function",
                    ));
                }
                let level = Level::of_closure(closure, space, bounds)?;
                Region::Level { level, bounds }
            }
            (None, None) => Region::Box(bounds),
        };
        if space < 2 && !parts.holes.is_empty() {
            return Err(Error::invalid(
                "domain.holes",
                format!("{space} space coordinates"),
                "two or three; an interval has no holes",
            ));
        }
        let inner = parts
            .holes
            .iter()
            .enumerate()
            .map(|(k, hole)| ready(&format!("domain.holes[{k}]"), hole))
            .collect::<Result<Vec<_>>>()?;
        let mut all = if space == 0 {
            Vec::new()
        } else {
            outer.parts(space, 1.0)?
        };
        let outer_parts = all.len();
        for hole in &inner {
            all.push(hole.parts(space, -1.0)?.into_iter().flatten().collect());
        }
        let mut domain = Domain {
            ranges,
            shape: parts.shape.cloned(),
            holes: parts.holes.to_vec(),
            space,
            outer,
            inner,
            parts: Vec::new(),
            outer_parts,
        };
        domain.parts = domain.clipped(all)?;
        domain.check()?;
        Ok(domain)
    }

    /// Ranges of all coordinates, in the order of [`Problem::coordinates`](super::Problem::coordinates); of a shape:
    /// the box around it.
    pub fn ranges(&self) -> &[[f64; 2]] {
        &self.ranges
    }

    /// Whether a point (a value per coordinate) belongs to the domain; its boundary does.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a wrong number of coordinates; [`Error::Numerical`] where the function or formula
    /// of the domain is NaN.
    pub fn contains(&self, point: &[f64]) -> Result<bool> {
        if point.len() != self.ranges.len() {
            return Err(Error::invalid(
                "point",
                format!("{} numbers", point.len()),
                format!("{}, one per coordinate", self.ranges.len()),
            ));
        }
        let within = point.iter().zip(&self.ranges).all(|(v, [a, b])| {
            let slack = 1e-12 * (b - a);
            *v >= a - slack && *v <= b + slack
        });
        Ok(within && self.has(self.space_of(point))?)
    }

    /// The corners of the boundary with their angles: of a rectangle, of polygons, of holes. Only in the plane.
    pub(in super::super) fn corners(&self) -> Vec<Corner> {
        let of = |region: &Region, first: usize| match region {
            Region::Polygon(polygon) => polygon.corners(first),
            Region::Box([low, high]) if self.space == 2 => {
                let corners = [*low, [high[0], low[1], 0.0], *high, [low[0], high[1], 0.0]];
                let flat = corners.map(|[x, y, _]| [x, y]);
                Polygon::new("domain", &flat).map_or(Vec::new(), |p| p.corners(first))
            }
            _ => Vec::new(),
        };
        let mut out = of(&self.outer, 0);
        for (k, hole) in self.inner.iter().enumerate() {
            let part = self.outer_parts + k;
            let outside = of(hole, 0).into_iter().map(Corner::outside);
            out.extend(outside.map(|c| Corner {
                parts: [part, part],
                ..c
            }));
        }
        out
    }

    /// Number of edges of the outer boundary; holes follow as further parts, one each.
    pub(in super::super) fn edges(&self) -> usize {
        self.outer_parts
    }

    /// Length, area or number of ends of a numbered part of the boundary of the space domain.
    pub(in super::super) fn measure(&self, part: usize) -> f64 {
        let pieces = self.parts.get(part).map_or(&[][..], Vec::as_slice);
        pieces
            .iter()
            .map(|p| p.measure * p.share * p.kept.iter().map(|[a, b]| b - a).sum::<f64>())
            .sum()
    }

    /// Whether the space domain is a plain box.
    pub(in super::super) fn is_box(&self) -> bool {
        matches!(self.outer, Region::Box(_)) && self.inner.is_empty()
    }

    fn space_of(&self, point: &[f64]) -> V {
        std::array::from_fn(|k| match point.get(k) {
            Some(v) if k < self.space => *v,
            _ => 0.0,
        })
    }

    /// Whether the space domain has a point.
    fn has(&self, p: V) -> Result<bool> {
        if self.space == 0 {
            return Ok(true);
        }
        Ok(self.outer.signed(p, self.space)? <= self.outer.slack() && self.is_free(p, None)?)
    }

    /// Whether a point lies in no hole but perhaps one.
    fn is_free(&self, p: V, but: Option<usize>) -> Result<bool> {
        for (k, hole) in self.inner.iter().enumerate() {
            let [low, high] = hole.bounds();
            let near = !matches!(hole, Region::Level { .. })
                || (0..self.space).all(|k| low[k] <= p[k] && p[k] <= high[k]);
            if Some(k) != but && near && hole.signed(p, self.space)? < -hole.slack() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Leaves out of every piece what lies outside of the outer shape or in a (further) hole.
    fn clipped(&self, mut parts: Vec<Vec<Piece>>) -> Result<Vec<Vec<Piece>>> {
        let plain = self.inner.is_empty() && !matches!(self.outer, Region::Level { .. });
        if plain {
            return Ok(parts);
        }
        let pieces = parts.iter().map(Vec::len).sum::<usize>().max(1);
        let steps = (8192 / pieces).clamp(16, 512);
        for (number, pieces) in parts.iter_mut().enumerate() {
            let hole = number.checked_sub(self.outer_parts);
            for piece in pieces {
                piece.kept = self.visible(piece, hole, steps)?;
            }
        }
        Ok(parts)
    }

    /// Whether a point of the boundary of the outer shape, or of a hole, bounds the domain.
    fn bounds_domain(&self, p: V, hole: Option<usize>) -> Result<bool> {
        let inside = self.outer.signed(p, self.space)? <= self.outer.slack();
        Ok(inside && self.is_free(p, hole)?)
    }

    /// The stretches of a curve that bound the domain; of a surface: all, with its share measured.
    fn visible(
        &self,
        piece: &mut Piece,
        hole: Option<usize>,
        steps: usize,
    ) -> Result<Vec<[f64; 2]>> {
        if !piece.is_curve() {
            // Points that do not count are drawn again; the area is what counts.
            let n = 128;
            let mut seen = 0;
            for i in 0..n * n {
                let (u, v) = ((i / n) as f64 + 0.5, (i % n) as f64 + 0.5);
                let (p, _) = piece.at(u / n as f64, v / n as f64)?;
                seen += usize::from(self.bounds_domain(p, hole)?);
            }
            piece.share = seen as f64 / (n * n) as f64;
            return Ok(if seen == 0 {
                Vec::new()
            } else {
                vec![[0.0, 1.0]]
            });
        }
        let seen = |u: f64| -> Result<bool> {
            let (p, _) = piece.at(u, 0.5)?;
            self.bounds_domain(p, hole)
        };
        let mut out: Vec<[f64; 2]> = Vec::new();
        let mut start = seen(0.0)?.then_some(0.0);
        let mut last = 0.0;
        for k in 1..=steps {
            let u = k as f64 / steps as f64;
            let now = seen(u)?;
            if now != start.is_some() {
                let (mut a, mut b) = (last, u);
                for _ in 0..40 {
                    let middle = 0.5 * (a + b);
                    if seen(middle)? == now {
                        b = middle
                    } else {
                        a = middle
                    }
                }
                match start.take() {
                    Some(from) => out.push([from, a]),
                    None => start = Some(b),
                }
            }
            last = u;
        }
        if let Some(from) = start {
            out.push([from, 1.0]);
        }
        // A curve that only touches is no part of the boundary.
        out.retain(|[a, b]| b - a > 1e-9);
        Ok(out)
    }

    /// Refuses a domain without inside.
    fn check(&self) -> Result<()> {
        if self.is_box() || self.space < 2 {
            return Ok(());
        }
        let mut sequence = super::super::points::Sequence::new(self.ranges.len(), 0);
        self.interior(8, &mut sequence)
            .map(|_| ())
            .map_err(|e| match e {
                Error::Numerical { reason, .. } if reason.contains("attempts") => Error::invalid(
                    "domain",
                    "no point inside",
                    "a shape that fills some part of its box and is not covered by holes",
                ),
                other => other,
            })
    }
}
