//! Shapes made ready: whether a point lies inside, and their boundary in pieces.

use std::f64::consts::TAU;

use super::level::{Chain, Level};
use super::polygon::Polygon;
use super::{FINITE, MAX_COORDINATE, V};
use crate::error::{Error, Result};

/// A region of the space coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Region {
    Box([V; 2]),
    /// A disk in the plane, a ball in space.
    Ball {
        center: V,
        radius: f64,
    },
    Polygon(Polygon),
    Level {
        level: Level,
        /// The box that it is looked for in.
        bounds: [V; 2],
    },
}

/// A piece of a boundary with its length or area (1 for an end of an interval).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) form: Form,
    pub(super) measure: f64,
    /// The parts of a curve that belong to the boundary, as fractions of its length.
    pub(super) kept: Vec<[f64; 2]>,
    /// The part of a surface that belongs to the boundary, as a fraction of its area.
    pub(super) share: f64,
}

/// The form of a piece; `sign` is -1 for holes, whose inside is out of the domain.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    End {
        at: f64,
        normal: f64,
    },
    Segment {
        ends: [V; 2],
        normal: V,
    },
    Circle {
        center: V,
        radius: f64,
        sign: f64,
    },
    Curve {
        points: Vec<V>,
        /// Length up to each point.
        lengths: Vec<f64>,
        level: Level,
        sign: f64,
    },
    Rectangle {
        bounds: [V; 2],
        axis: usize,
        normal: f64,
    },
    Sphere {
        center: V,
        radius: f64,
        sign: f64,
    },
    Mesh {
        triangles: Vec<[V; 3]>,
        /// Area up to and with each triangle.
        areas: Vec<f64>,
        level: Level,
        sign: f64,
    },
}

fn distance(a: V, b: V) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1]).hypot(a[2] - b[2])
}

fn mix(a: V, b: V, f: f64) -> V {
    std::array::from_fn(|k| a[k] * (1.0 - f) + b[k] * f)
}

fn area(t: &[V; 3]) -> f64 {
    let (u, v): (V, V) = (
        std::array::from_fn(|k| t[1][k] - t[0][k]),
        std::array::from_fn(|k| t[2][k] - t[0][k]),
    );
    0.5 * (u[1] * v[2] - u[2] * v[1])
        .hypot(u[2] * v[0] - u[0] * v[2])
        .hypot(u[0] * v[1] - u[1] * v[0])
}

impl Region {
    pub(super) fn ball(field: &str, center: &[f64], radius: f64) -> Result<Self> {
        let numbers = center.iter().chain([&radius]);
        if let Some(bad) = numbers
            .clone()
            .find(|v| !v.is_finite() || v.abs() > MAX_COORDINATE)
        {
            return Err(Error::invalid(field, bad, FINITE));
        }
        let far = center.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        if radius <= 1e-12 * far || radius <= 0.0 {
            return Err(Error::invalid(
                format!("{field}.radius"),
                radius,
                "a positive radius, not tiny beside the centre",
            ));
        }
        Ok(Region::Ball {
            center: std::array::from_fn(|k| center.get(k).copied().unwrap_or(0.0)),
            radius,
        })
    }

    /// Lower and upper corner of the box around it.
    pub(super) fn bounds(&self) -> [V; 2] {
        match self {
            Region::Box(bounds) | Region::Level { bounds, .. } => *bounds,
            Region::Ball { center, radius } => {
                [center.map(|v| v - radius), center.map(|v| v + radius)]
            }
            Region::Polygon(polygon) => polygon.bounds().map(|[x, y]| [x, y, 0.0]),
        }
    }

    /// Negative inside, positive outside; a distance but for levels.
    pub(super) fn signed(&self, p: V, axes: usize) -> Result<f64> {
        Ok(match self {
            Region::Box([low, high]) => (0..axes)
                .map(|k| (low[k] - p[k]).max(p[k] - high[k]))
                .fold(f64::NEG_INFINITY, f64::max),
            Region::Ball { center, radius } => {
                let mut at = *center;
                at.iter_mut().zip(p).take(axes).for_each(|(a, p)| *a = p);
                distance(at, *center) - radius
            }
            Region::Polygon(polygon) => polygon.signed([p[0], p[1]]),
            Region::Level { level, .. } => level.at(p)?,
        })
    }

    /// What [`Region::signed`] may be off by at a point of the boundary.
    pub(super) fn slack(&self) -> f64 {
        match self {
            Region::Level { level, .. } => 1e-9 * level.scale,
            _ => {
                let [low, high] = self.bounds();
                let size = low
                    .iter()
                    .chain(&high)
                    .fold(0.0, |a: f64, b| a.max(b.abs()));
                1e-12 * size
            }
        }
    }

    /// The boundary as numbered parts, each of pieces; `sign` is -1 for a hole.
    pub(super) fn parts(&self, axes: usize, sign: f64) -> Result<Vec<Vec<Piece>>> {
        Ok(match self {
            Region::Box(bounds) => sides(*bounds, axes, sign),
            Region::Polygon(polygon) => polygon
                .edges()
                .map(|edge| {
                    let normal = polygon.normal(edge);
                    let flat = |p: [f64; 2]| [p[0], p[1], 0.0];
                    vec![segment(
                        [flat(edge.0), flat(edge.1)],
                        flat(normal).map(|v| sign * v),
                    )]
                })
                .collect(),
            Region::Ball { center, radius } => {
                let (center, radius) = (*center, *radius);
                let (form, measure) = if axes == 3 {
                    let form = Form::Sphere {
                        center,
                        radius,
                        sign,
                    };
                    (form, 2.0 * TAU * radius * radius)
                } else {
                    let form = Form::Circle {
                        center,
                        radius,
                        sign,
                    };
                    (form, TAU * radius)
                };
                vec![vec![Piece::new(form, measure)]]
            }
            Region::Level { level, bounds } => {
                let zero: Vec<Piece> = if axes == 3 {
                    mesh(level, *bounds, sign)?.into_iter().collect()
                } else {
                    let chains = level.chains(*bounds)?;
                    chains
                        .into_iter()
                        .map(|chain| curve(chain, level, sign))
                        .collect()
                };
                let mut parts = vec![zero];
                if sign > 0.0 {
                    parts.extend(sides(*bounds, axes, sign));
                }
                parts
            }
        })
    }
}

/// Ends of an interval; bottom, right, top and left of a rectangle; low and high side per axis of a box.
fn sides([low, high]: [V; 2], axes: usize, sign: f64) -> Vec<Vec<Piece>> {
    match axes {
        1 => [(low[0], -1.0), (high[0], 1.0)]
            .map(|(at, normal)| vec![Piece::new(Form::End { at, normal }, 1.0)])
            .into(),
        2 => {
            let corners = [
                [low[0], low[1], 0.0],
                [high[0], low[1], 0.0],
                [high[0], high[1], 0.0],
                [low[0], high[1], 0.0],
            ];
            let normals = [[0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]];
            (0..4)
                .map(|k| {
                    let normal = [sign * normals[k][0], sign * normals[k][1], 0.0];
                    vec![segment([corners[k], corners[(k + 1) % 4]], normal)]
                })
                .collect()
        }
        _ => (0..6)
            .map(|k| {
                let axis = k / 2;
                let (at, outward) = if k % 2 == 0 { (low, -1.0) } else { (high, 1.0) };
                let mut bounds = [low, high];
                bounds[0][axis] = at[axis];
                bounds[1][axis] = at[axis];
                let spans = (0..3).filter(|a| *a != axis).map(|a| high[a] - low[a]);
                let form = Form::Rectangle {
                    bounds,
                    axis,
                    normal: sign * outward,
                };
                vec![Piece::new(form, spans.product())]
            })
            .collect(),
    }
}

fn segment(ends: [V; 2], normal: V) -> Piece {
    Piece::new(Form::Segment { ends, normal }, distance(ends[0], ends[1]))
}

fn curve(Chain(points): Chain, level: &Level, sign: f64) -> Piece {
    let mut total = 0.0;
    let mut last = points.first().copied().unwrap_or_default();
    let lengths = points
        .iter()
        .map(|p| {
            total += distance(last, *p);
            last = *p;
            total
        })
        .collect();
    let form = Form::Curve {
        points,
        lengths,
        level: level.clone(),
        sign,
    };
    Piece::new(form, total)
}

fn mesh(level: &Level, bounds: [V; 2], sign: f64) -> Result<Option<Piece>> {
    let triangles = level.triangles(bounds)?;
    let mut total = 0.0;
    let areas = triangles
        .iter()
        .map(|t| {
            total += area(t);
            total
        })
        .collect();
    let form = Form::Mesh {
        triangles,
        areas,
        level: level.clone(),
        sign,
    };
    Ok((total > 0.0).then(|| Piece::new(form, total)))
}

impl Piece {
    fn new(form: Form, measure: f64) -> Self {
        Piece {
            form,
            measure,
            kept: vec![[0.0, 1.0]],
            share: 1.0,
        }
    }

    /// Whether [`Piece::at`] reads one number only, the fraction of the length.
    pub(super) fn is_curve(&self) -> bool {
        matches!(
            self.form,
            Form::Segment { .. } | Form::Circle { .. } | Form::Curve { .. }
        )
    }

    /// The point at fractions of the length (of the area: in two directions), and the outward normal there.
    pub(super) fn at(&self, u: f64, v: f64) -> Result<(V, V)> {
        Ok(match &self.form {
            Form::End { at, normal } => ([*at, 0.0, 0.0], [*normal, 0.0, 0.0]),
            Form::Segment { ends, normal } => (mix(ends[0], ends[1], u), *normal),
            Form::Circle {
                center,
                radius,
                sign,
            } => {
                let (sin, cos) = (TAU * u).sin_cos();
                let point = [center[0] + radius * cos, center[1] + radius * sin, 0.0];
                (point, [sign * cos, sign * sin, 0.0])
            }
            Form::Curve {
                points,
                lengths,
                level,
                sign,
            } => {
                let s = u * self.measure;
                let k = lengths
                    .partition_point(|l| *l < s)
                    .clamp(1, lengths.len().max(2) - 1);
                let get = |k: usize| {
                    let point = points.get(k).copied().unwrap_or_default();
                    (point, lengths.get(k).copied().unwrap_or(0.0))
                };
                let ((p, from), (q, to)) = (get(k - 1), get(k));
                let f = if to > from {
                    (s - from) / (to - from)
                } else {
                    0.5
                };
                let point = level.project(mix(p, q, f), distance(p, q))?;
                (point, level.normal(point)?.map(|n| sign * n))
            }
            Form::Rectangle {
                bounds: [low, high],
                axis,
                normal,
            } => {
                let mut fractions = [u, v].into_iter();
                let point = std::array::from_fn(|k| {
                    if k == *axis {
                        low[k]
                    } else {
                        let f = fractions.next().unwrap_or(0.5);
                        low[k] * (1.0 - f) + high[k] * f
                    }
                });
                let mut n = [0.0; 3];
                n[*axis] = *normal;
                (point, n)
            }
            Form::Sphere {
                center,
                radius,
                sign,
            } => {
                // Areas of zones are proportional to their height (Archimedes).
                let z = 2.0 * u - 1.0;
                let (sin, cos) = (TAU * v).sin_cos();
                let r = (1.0 - z * z).max(0.0).sqrt();
                let n = [r * cos, r * sin, z];
                let point = std::array::from_fn(|k| center[k] + radius * n[k]);
                (point, n.map(|c| sign * c))
            }
            Form::Mesh {
                triangles,
                areas,
                level,
                sign,
            } => {
                let s = u * self.measure;
                let k = areas
                    .partition_point(|a| *a <= s)
                    .min(areas.len().max(1) - 1);
                let from = if k == 0 {
                    0.0
                } else {
                    areas.get(k - 1).copied().unwrap_or(0.0)
                };
                let to = areas.get(k).copied().unwrap_or(1.0);
                let f = if to > from {
                    ((s - from) / (to - from)).clamp(0.0, 1.0)
                } else {
                    0.5
                };
                let Some([a, b, c]) = triangles.get(k).copied() else {
                    return Err(Error::Internal {
                        message: "a surface without triangles was sampled".into(),
                    });
                };
                let root = f.sqrt();
                let start = mix(a, mix(b, c, v), root);
                let reach = distance(a, b).max(distance(a, c));
                let point = level.project(start, reach)?;
                (point, level.normal(point)?.map(|n| sign * n))
            }
        })
    }
}
