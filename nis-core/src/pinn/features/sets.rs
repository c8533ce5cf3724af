//! Where rows are: equations at points inside, conditions on the boundary, measurements where they were taken.

use super::super::points::{Points, Sequence};
use super::super::problem::{Place, Problem};
use super::rows::{Rows, Says};
use crate::error::{Error, Result};

/// Chebyshev-distributed numbers in (0, 1): `n` of them.
pub(super) fn gauss(n: usize) -> Vec<f64> {
    (0..n)
        .map(|i| {
            let angle = (i as f64 + 0.5) / n as f64 * std::f64::consts::PI;
            0.5 - 0.5 * angle.cos()
        })
        .collect()
}

/// All combinations of one number per axis.
pub(super) fn grid(ranges: &[[f64; 2]], shares: &[Vec<f64>]) -> Points {
    let mut points = Points::new(ranges.len());
    let total: usize = shares.iter().map(Vec::len).product();
    for mut i in 0..total {
        points.push(ranges.iter().zip(shares).map(|([a, b], shares)| {
            let u = shares[i % shares.len()];
            i /= shares.len();
            a + u * (b - a)
        }));
    }
    points
}

/// Which axes are periodic.
pub(super) fn periodic(problem: &Problem) -> Vec<bool> {
    (0..problem.coordinates.len())
        .map(|axis| {
            let mut all = problem.conditions.iter();
            all.any(|c| c.place == Place::Periodic { axis })
        })
        .collect()
}

/// Rows on grids that are dense towards the faces, of these numbers of points per axis: for boxes.
pub(super) fn on_grids(problem: &Problem, sizes: &[usize]) -> Result<Vec<Rows>> {
    let ranges = &problem.domain.ranges;
    let d = ranges.len();
    let round = periodic(problem);
    let shares = |axis: usize| match round[axis] {
        true => (0..sizes[axis])
            .map(|i| (i as f64 + 0.5) / sizes[axis] as f64)
            .collect(),
        false => gauss(sizes[axis]),
    };
    let all: Vec<Vec<f64>> = (0..d).map(shares).collect();
    let mut sets = Vec::new();
    for k in 0..problem.equations.len() {
        let points = grid(ranges, &all);
        let normals = Points::zeros(d, points.len());
        sets.push(Rows::new(Says::Equation(k), points, normals));
    }
    for (k, condition) in problem.conditions.iter().enumerate() {
        let mut sequence = Sequence::new(d, 0);
        let surface = match &condition.place {
            Place::Periodic { .. } => continue,
            Place::Face { axis, value } => {
                // The domain gives the normal; the points are the grid's.
                let one = problem.domain.on(&condition.place, 1, &mut sequence)?;
                let mut shares = all.clone();
                if let Some(s) = shares.get_mut(*axis) {
                    *s = vec![0.0];
                }
                let mut points = grid(ranges, &shares);
                points.column_mut(*axis).fill(*value);
                let mut normals = Points::zeros(d, points.len());
                for a in 0..d {
                    let n = one.normals.column(a).first().copied().unwrap_or(0.0);
                    normals.column_mut(a).fill(n);
                }
                (points, normals)
            }
            place => {
                let n = 2 * sizes.iter().sum::<usize>();
                let surface = problem.domain.on(place, n, &mut sequence)?;
                (surface.points, surface.normals)
            }
        };
        sets.push(Rows::new(Says::Condition(k), surface.0, surface.1));
    }
    measurements(problem, &mut sets)?;
    Ok(sets)
}

/// Rows at points spread evenly: `inside` per equation, `edge` per condition.
pub(super) fn spread(
    problem: &Problem,
    inside: usize,
    edge: usize,
    seed: u64,
) -> Result<Vec<Rows>> {
    let d = problem.coordinates.len();
    let mut sequence = Sequence::new(d, seed);
    let mut sets = Vec::new();
    let points = problem.domain.interior(inside, &mut sequence)?;
    for k in 0..problem.equations.len() {
        let normals = Points::zeros(d, points.len());
        sets.push(Rows::new(Says::Equation(k), points.clone(), normals));
    }
    for (k, condition) in problem.conditions.iter().enumerate() {
        if matches!(condition.place, Place::Periodic { .. }) {
            continue;
        }
        let surface = problem.domain.on(&condition.place, edge, &mut sequence)?;
        sets.push(Rows::new(
            Says::Condition(k),
            surface.points,
            surface.normals,
        ));
    }
    Ok(sets)
}

/// Rows for what was measured: a set per field.
pub(super) fn measurements(problem: &Problem, sets: &mut Vec<Rows>) -> Result<()> {
    let Some(data) = &problem.spec.data else {
        return Ok(());
    };
    let d = problem.coordinates.len();
    for (column, name) in data.fields.iter().enumerate() {
        let Some(field) = problem.fields.iter().position(|f| f == name) else {
            return Err(Error::NotFound {
                what: "measured field".into(),
                name: name.clone(),
            });
        };
        let mut points = Points::new(d);
        let mut measured = Vec::new();
        for (at, values) in data.points.iter().zip(&data.values) {
            let Some(v) = values.get(column).copied().filter(|v| v.is_finite()) else {
                continue;
            };
            if at.len() != d {
                return Err(Error::invalid(
                    "data.points",
                    at.len(),
                    format!("rows of {d} coordinates"),
                ));
            }
            points.push(at.iter().copied());
            measured.push(v);
        }
        let normals = Points::zeros(d, points.len());
        let mut rows = Rows::new(Says::Data { field }, points, normals);
        // The scatter where it is known, else the size of what was measured.
        let known = data.noise.as_ref().and_then(|n| n.get(column).copied());
        let size = measured.iter().map(|v| v * v).sum::<f64>() / measured.len().max(1) as f64;
        rows.trust = known.unwrap_or(size.sqrt());
        rows.measured = measured;
        sets.push(rows);
    }
    let own = |set: &&mut Rows| matches!(set.says, Says::Data { .. });
    let usable = |v: &f64| *v > 0.0 && v.is_finite();
    let scatter = sets.iter().filter(|s| matches!(s.says, Says::Data { .. }));
    let least = scatter
        .map(|s| s.trust)
        .filter(usable)
        .fold(f64::INFINITY, f64::min);
    for set in sets.iter_mut().filter(own) {
        set.trust = match usable(&set.trust) && least.is_finite() {
            true => (least / set.trust).max(1e-6),
            false => 1.0,
        };
    }
    Ok(())
}
