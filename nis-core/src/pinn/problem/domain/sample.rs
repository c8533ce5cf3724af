//! Points in a domain and on its boundary.

use super::super::super::points::{Points, Sequence};
use super::super::Place;
use super::{Domain, MAX_POINTS, Piece, Surface, V};
use crate::error::{Error, Result};

/// Draws per wanted point after which a shape counts as empty.
const PATIENCE: usize = 2000;

impl Domain {
    /// `n` points inside, spread evenly.
    ///
    /// # Errors
    /// [`Error::Limit`] for too many; [`Error::Numerical`] where the domain's function is NaN, or so little of the
    /// box belongs to the domain that no points are found.
    pub(in super::super::super) fn interior(
        &self,
        n: usize,
        sequence: &mut Sequence,
    ) -> Result<Points> {
        self.drawn(n, sequence, &[])
    }

    /// `n` points of a place with normals; fewer where the place has no more (a point, the ends of an interval).
    /// Of a periodic axis: points at its lower end (the others have the upper end there).
    ///
    /// # Errors
    /// As [`Domain::interior`]; [`Error::InvalidInput`] for a part that there is not.
    pub(in super::super::super) fn on(
        &self,
        place: &Place,
        n: usize,
        sequence: &mut Sequence,
    ) -> Result<Surface> {
        match place {
            Place::Point(at) => {
                let mut points = Points::new(self.ranges.len());
                points.push(at.iter().copied());
                let normals = Points::zeros(self.ranges.len(), 1);
                Ok(Surface { points, normals })
            }
            Place::Face { axis, value } => self.face(n, sequence, &[(*axis, *value)]),
            Place::Edge(fixed) => self.face(n, sequence, fixed),
            Place::Periodic { axis } => {
                let Some([low, _]) = self.ranges.get(*axis).copied() else {
                    return Err(Error::Internal {
                        message: format!("no axis {axis}"),
                    });
                };
                self.face(n, sequence, &[(*axis, low)])
            }
            Place::Boundary => self.boundary(n, sequence, &mut self.parts.iter().enumerate()),
            Place::Part(part) => {
                let own = self.parts.get(*part).into_iter().map(|p| (*part, p));
                self.boundary(n, sequence, &mut own.into_iter())
            }
        }
    }

    /// Points with some coordinates fixed, the rest of which ranges over the domain.
    fn face(&self, n: usize, sequence: &mut Sequence, fixed: &[(usize, f64)]) -> Result<Surface> {
        let free = self.ranges.len().saturating_sub(fixed.len());
        let points = self.drawn(if free == 0 { n.min(1) } else { n }, sequence, fixed)?;
        let mut normals = Points::zeros(self.ranges.len(), points.len());
        if let [(axis, value)] = fixed {
            let outward = match self.ranges.get(*axis) {
                Some([_, high]) if value == high => 1.0,
                Some([low, _]) if value == low => -1.0,
                _ => 0.0,
            };
            normals.column_mut(*axis).fill(outward);
        }
        Ok(Surface { points, normals })
    }

    fn drawn(&self, n: usize, sequence: &mut Sequence, fixed: &[(usize, f64)]) -> Result<Points> {
        limit(n)?;
        let d = self.ranges.len();
        let mut points = Points::new(d);
        let is_box = self.is_box();
        let free = d.saturating_sub(fixed.len());
        let even = Even::new(n, is_box && free == 1, sequence);
        let mut left = PATIENCE * (n + 10);
        while points.len() < n {
            if left == 0 {
                return Err(Error::numerical(
                    "points of a domain",
                    format!(
                        "{} of {n} points found in {} attempts: the domain fills too little of its box",
                        points.len(),
                        PATIENCE * (n + 10)
                    ),
                ));
            }
            left -= 1;
            let mut unit = sequence.next();
            if let Some(u) = even.at(points.len()) {
                unit.fill(u);
            }
            let mut point: Vec<f64> = self
                .ranges
                .iter()
                .zip(&unit)
                .map(|([a, b], u)| a * (1.0 - u) + u * b)
                .collect();
            for (axis, value) in fixed {
                if let Some(place) = point.get_mut(*axis) {
                    *place = *value;
                }
            }
            if is_box || self.has(self.space_of(&point))? {
                points.push(point);
            }
        }
        Ok(points)
    }

    /// `n` points on parts of the boundary of the space domain, at all values of the other coordinates.
    fn boundary(
        &self,
        n: usize,
        sequence: &mut Sequence,
        parts: &mut dyn Iterator<Item = (usize, &Vec<Piece>)>,
    ) -> Result<Surface> {
        limit(n)?;
        let d = self.ranges.len();
        // Every stretch with its part, its bounds and the measure up to its end.
        let mut stretches: Vec<(usize, &Piece, [f64; 2], f64)> = Vec::new();
        let mut total = 0.0;
        for (part, pieces) in parts {
            for piece in pieces {
                for kept in &piece.kept {
                    total += piece.measure * (kept[1] - kept[0]);
                    stretches.push((part, piece, *kept, total));
                }
            }
        }
        if stretches.is_empty() || total.is_nan() || total <= 0.0 {
            return Err(Error::invalid(
                "boundary part",
                "of no length",
                "a part of the boundary of the domain",
            ));
        }
        let ends = self.space == 1 && d == 1;
        let n = if ends { n.min(stretches.len()) } else { n };
        let even = Even::new(n, self.space <= 2 && d == self.space, sequence);
        let mut surface = Surface {
            points: Points::new(d),
            normals: Points::new(d),
        };
        let mut left = PATIENCE * (n + 10);
        while surface.points.len() < n {
            if left == 0 {
                return Err(Error::numerical(
                    "points of a boundary",
                    format!("{} of {n} points found", surface.points.len()),
                ));
            }
            left -= 1;
            let unit = sequence.next();
            let first = even.at(surface.points.len());
            let s = first.unwrap_or_else(|| unit.first().copied().unwrap_or(0.5)) * total;
            let k = stretches
                .partition_point(|(.., to)| *to <= s)
                .min(stretches.len() - 1);
            let Some((part, piece, [a, b], to)) = stretches.get(k).copied() else {
                continue;
            };
            let size = piece.measure * (b - a);
            let f = ((s - (to - size)) / size).clamp(0.0, 1.0);
            let v = unit.get(1).copied().unwrap_or(0.5);
            let (p, normal) = piece.at(a + f * (b - a), v)?;
            if !piece.is_curve() && self.space == 3 && !self.is_box() {
                let hole = part.checked_sub(self.outer_parts);
                if !self.bounds_domain(p, hole)? {
                    continue;
                }
            }
            let other = self.ranges.iter().zip(&unit).skip(self.space);
            let other = other.map(|([a, b], u)| a * (1.0 - u) + u * b);
            let own = |v: V| v.into_iter().take(self.space);
            surface.points.push(own(p).chain(other));
            surface.normals.push(own(normal));
        }
        Ok(surface)
    }
}

/// Even steps from a random start, for points along one line; they are spread better than any sequence.
struct Even {
    n: usize,
    start: Option<f64>,
}

impl Even {
    fn new(n: usize, wanted: bool, sequence: &mut Sequence) -> Self {
        Even {
            n,
            start: wanted.then(|| sequence.next().first().copied().unwrap_or(0.5)),
        }
    }

    fn at(&self, k: usize) -> Option<f64> {
        self.start.map(|s| (k as f64 + s) / self.n as f64)
    }
}

fn limit(n: usize) -> Result<()> {
    if n <= MAX_POINTS {
        return Ok(());
    }
    Err(Error::Limit {
        what: "points of a domain".into(),
        limit: MAX_POINTS as u64,
        got: n as u64,
    })
}
