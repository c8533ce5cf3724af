//! Polygons: checks, signed distance, corners with their angles.

use std::f64::consts::{PI, TAU};

use crate::error::{Error, Result};

/// Most corners of a polygon (the check for crossing edges takes time with their square).
const MAX_CORNERS: usize = 1000;

/// A polygon without crossing edges; edge `k` leads from corner `k` to the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Polygon {
    corners: Vec<[f64; 2]>,
    /// Whether the corners are listed counter-clockwise.
    left: bool,
}

/// A corner of the boundary: the domain fills `angle` from the direction `start`, counter-clockwise.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super::super) struct Corner {
    /// Where it is.
    pub(in super::super::super) at: [f64; 2],
    /// Direction of the edge from which the domain is reached counter-clockwise, in radians from the x axis.
    pub(in super::super::super) start: f64,
    /// Angle of the domain there, in radians; over pi the corner is re-entrant.
    pub(in super::super::super) angle: f64,
    /// The boundary part along `start`, and the one along `start + angle`.
    pub(in super::super::super) parts: [usize; 2],
}

impl Corner {
    /// Whether derivatives of the solution are unbounded here as a rule.
    pub(in super::super::super) fn is_reentrant(&self) -> bool {
        self.angle > PI * (1.0 + 1e-9)
    }

    /// The same corner of what lies outside of the region.
    pub(super) fn outside(self) -> Self {
        Corner {
            start: (self.start + self.angle).rem_euclid(TAU),
            angle: TAU - self.angle,
            parts: [self.parts[1], self.parts[0]],
            ..self
        }
    }
}

fn minus(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

fn cross(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

/// Distance of a point from a segment.
fn distance(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (d, r) = (minus(b, a), minus(p, a));
    let t = ((r[0] * d[0] + r[1] * d[1]) / (d[0] * d[0] + d[1] * d[1])).clamp(0.0, 1.0);
    (r[0] - t * d[0]).hypot(r[1] - t * d[1])
}

/// Whether two segments meet; touching counts.
fn meet(a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2], slack: f64) -> bool {
    let side = |p: [f64; 2], q: [f64; 2], r: [f64; 2]| cross(minus(q, p), minus(r, p));
    let proper = side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0;
    proper
        || distance(c, a, b).min(distance(d, a, b)) <= slack
        || distance(a, c, d).min(distance(b, c, d)) <= slack
}

impl Polygon {
    pub(super) fn new(field: &str, corners: &[[f64; 2]]) -> Result<Self> {
        let n = corners.len();
        if n > MAX_CORNERS {
            return Err(Error::Limit {
                what: format!("corners of {field}"),
                limit: MAX_CORNERS as u64,
                got: n as u64,
            });
        }
        if n < 3 {
            return Err(Error::invalid(field, format!("{n} corners"), "3 or more"));
        }
        let numbers = || corners.iter().flatten();
        if let Some(bad) = numbers().find(|v| !v.is_finite() || v.abs() > super::MAX_COORDINATE) {
            return Err(Error::invalid(field, bad, super::FINITE));
        }
        let polygon = Polygon {
            corners: corners.to_vec(),
            left: true,
        };
        let [low, high] = polygon.bounds();
        let size = (high[0] - low[0]).hypot(high[1] - low[1]);
        let slack = 1e-12 * size;
        let edges: Vec<_> = polygon.edges().collect();
        if let Some(k) = edges
            .iter()
            .position(|(a, b)| minus(*b, *a)[0].hypot(minus(*b, *a)[1]) <= slack)
        {
            return Err(Error::invalid(
                field,
                format!("corners {} and {} at one point", k + 1, (k + 1) % n + 1),
                "different corners (the polygon closes by itself)",
            ));
        }
        for (i, (a, b)) in edges.iter().enumerate() {
            for (j, (c, d)) in edges.iter().enumerate().skip(i + 1) {
                let neighbours = j == i + 1 || (i == 0 && j == n - 1);
                let crossing = if neighbours {
                    // They share a corner; the other ends must not lie on the other edge.
                    let (far, near) = if j == i + 1 { (d, a) } else { (c, b) };
                    distance(*far, *a, *b) <= slack || distance(*near, *c, *d) <= slack
                } else {
                    meet(*a, *b, *c, *d, slack)
                };
                if crossing {
                    return Err(Error::invalid(
                        field,
                        format!("edges {} and {} that cross", i + 1, j + 1),
                        "edges that meet at their ends only",
                    ));
                }
            }
        }
        let area: f64 = edges
            .iter()
            .map(|(a, b)| cross(minus(*a, low), minus(*b, low)))
            .sum();
        Ok(Polygon {
            left: area > 0.0,
            ..polygon
        })
    }

    /// The edges in the order of the corners.
    pub(super) fn edges(&self) -> impl Iterator<Item = ([f64; 2], [f64; 2])> + '_ {
        let next = self.corners.iter().cycle().skip(1);
        self.corners.iter().zip(next).map(|(a, b)| (*a, *b))
    }

    /// The outward unit normal of an edge.
    pub(super) fn normal(&self, (a, b): ([f64; 2], [f64; 2])) -> [f64; 2] {
        let d = minus(b, a);
        let length = d[0].hypot(d[1]);
        let sign = if self.left { 1.0 } else { -1.0 };
        [sign * d[1] / length, -sign * d[0] / length]
    }

    /// Lower and upper corner of the box around it.
    pub(super) fn bounds(&self) -> [[f64; 2]; 2] {
        let mut out = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
        for corner in &self.corners {
            out[0] = [out[0][0].min(corner[0]), out[0][1].min(corner[1])];
            out[1] = [out[1][0].max(corner[0]), out[1][1].max(corner[1])];
        }
        out
    }

    /// Distance from the boundary, negative inside (crossing number of a ray along x).
    pub(super) fn signed(&self, p: [f64; 2]) -> f64 {
        let (mut nearest, mut inside) = (f64::INFINITY, false);
        for (a, b) in self.edges() {
            nearest = nearest.min(distance(p, a, b));
            if (a[1] > p[1]) != (b[1] > p[1]) {
                let x = a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
                inside ^= x > p[0];
            }
        }
        if inside { -nearest } else { nearest }
    }

    /// The corners as seen from inside; its edges are the boundary parts from `first` on.
    pub(super) fn corners(&self, first: usize) -> Vec<Corner> {
        let n = self.corners.len();
        let edges: Vec<_> = self.edges().collect();
        let before = edges.iter().cycle().skip(n - 1);
        let pairs = before.zip(&edges).enumerate();
        pairs
            .map(|(k, ((from, at), (_, to)))| {
                let (back, ahead) = (minus(*from, *at), minus(*to, *at));
                let (last, next) = (first + (k + n - 1) % n, first + k);
                let (start, end, parts) = if self.left {
                    (ahead, back, [next, last])
                } else {
                    (back, ahead, [last, next])
                };
                let start = start[1].atan2(start[0]);
                Corner {
                    at: *at,
                    start: start.rem_euclid(TAU),
                    angle: (end[1].atan2(end[0]) - start).rem_euclid(TAU),
                    parts,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const L: [[f64; 2]; 6] = [
        [-1.0, -1.0],
        [1.0, -1.0],
        [1.0, 0.0],
        [0.0, 0.0],
        [0.0, 1.0],
        [-1.0, 1.0],
    ];

    #[test]
    fn the_l_shape_has_one_re_entrant_corner_in_either_sense() {
        let backwards: Vec<[f64; 2]> = L.iter().rev().copied().collect();
        for (corners, parts) in [(L.to_vec(), [3, 2]), (backwards, [1, 2])] {
            let polygon = Polygon::new("p", &corners).unwrap();
            let corners = polygon.corners(0);
            let found: Vec<&Corner> = corners.iter().filter(|c| c.is_reentrant()).collect();
            let [corner] = found.as_slice() else {
                panic!("{corners:?}")
            };
            assert_eq!(corner.at, [0.0, 0.0]);
            assert!((corner.angle - 1.5 * PI).abs() < 1e-12);
            // The domain is left of the edge that leads up from the corner.
            assert!((corner.start - 0.5 * PI).abs() < 1e-12);
            assert_eq!(corner.parts, parts);
            let sum: f64 = corners.iter().map(|c| c.angle).sum();
            assert!((sum - 4.0 * PI).abs() < 1e-9);
            for edge in polygon.edges() {
                let n = polygon.normal(edge);
                let middle = [0.5 * (edge.0[0] + edge.1[0]), 0.5 * (edge.0[1] + edge.1[1])];
                let out = [middle[0] + 0.01 * n[0], middle[1] + 0.01 * n[1]];
                assert!((polygon.signed(out) - 0.01).abs() < 1e-12);
                let inside = [middle[0] - 0.01 * n[0], middle[1] - 0.01 * n[1]];
                assert!((polygon.signed(inside) + 0.01).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn crossing_edges_and_repeated_corners_are_refused() {
        let cases: [&[[f64; 2]]; 5] = [
            &[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]],
            &[[0.0, 0.0], [1.0, 0.0]],
            &[[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
            &[[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]],
            &[[0.0, 0.0], [1.0, f64::NAN], [0.0, 1.0]],
        ];
        for corners in cases {
            assert!(Polygon::new("p", corners).is_err(), "{corners:?}");
        }
    }
}
