//! Where the equations hold, and points in it and on its boundary.

use super::super::points::{Points, Sequence};
use super::spec::Shape;
use super::{Coordinate, Place};
use crate::error::{Error, Result};

/// The region of the coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    pub(in super::super) ranges: Vec<[f64; 2]>,
    /// The space domain where it is no box, and its holes.
    pub(in super::super) shape: Option<Shape>,
    pub(in super::super) holes: Vec<Shape>,
}

/// Points on a boundary with the outward normals there, one column per coordinate.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Surface {
    pub(in super::super) points: Points,
    pub(in super::super) normals: Points,
}

impl Domain {
    pub(super) fn of_box(coordinates: &[Coordinate]) -> Self {
        Domain {
            ranges: coordinates.iter().map(|c| c.range).collect(),
            shape: None,
            holes: Vec::new(),
        }
    }

    /// `n` points inside, spread evenly.
    pub(in super::super) fn interior(&self, n: usize, sequence: &mut Sequence) -> Result<Points> {
        if self.shape.is_some() || !self.holes.is_empty() {
            return Err(Error::unavailable("shapes", "only boxes are sampled yet"));
        }
        let mut points = Points::new(self.ranges.len());
        for _ in 0..n {
            let unit = sequence.next();
            points.push(
                self.ranges
                    .iter()
                    .zip(&unit)
                    .map(|([a, b], u)| a + u * (b - a)),
            );
        }
        Ok(points)
    }

    /// `n` points of a place (one where it is a point), with normals.
    pub(in super::super) fn on(
        &self,
        place: &Place,
        n: usize,
        sequence: &mut Sequence,
    ) -> Result<Surface> {
        match place {
            Place::Point(at) => {
                let mut points = Points::new(self.ranges.len());
                points.push(at.iter().copied());
                let mut normals = Points::new(self.ranges.len());
                normals.push(at.iter().map(|_| 0.0));
                Ok(Surface { points, normals })
            }
            Place::Face { axis, value } => {
                let mut points = self.interior(n, sequence)?;
                let mut normals = Points::zeros(self.ranges.len(), n);
                let Some([low, high]) = self.ranges.get(*axis).copied() else {
                    return Err(Error::Internal {
                        message: format!("no axis {axis}"),
                    });
                };
                points.column_mut(*axis).fill(*value);
                let outward = match *value {
                    v if v == high => 1.0,
                    v if v == low => -1.0,
                    _ => 0.0,
                };
                normals.column_mut(*axis).fill(outward);
                Ok(Surface { points, normals })
            }
            Place::Boundary | Place::Part(_) | Place::Periodic { .. } => Err(Error::unavailable(
                "boundaries",
                "only faces of boxes are sampled yet",
            )),
        }
    }
}
