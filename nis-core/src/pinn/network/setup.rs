//! From a problem to a network and the rows of its loss: sizes, scales, points.

use super::super::points::{Points, Sequence};
use super::super::problem::{Jet, Observations, Place, Problem, Role};
use super::Trained;
use super::kernel::{Embedding, Mlp};
use super::lift::Lifts;
use super::mirror::Mirror;
use super::options::{Conditions, NetworkOptions, Optimiser};
use super::rows::{Block, Plan, Wanted};
use crate::error::{Error, Result};
use crate::expr::Expr;

/// The network of a problem.
pub(super) fn network(
    problem: &Problem,
    options: &NetworkOptions,
    hidden: &[usize],
    open: Option<usize>,
    seed: u64,
) -> Result<Mlp> {
    let ranges: Vec<[f64; 2]> = problem.coordinates.iter().map(|c| c.range).collect();
    let mut embedding = Embedding::normalised(&ranges)?;
    let harmonics = options.harmonics.unwrap_or(1);
    for condition in &problem.conditions {
        if let Place::Periodic { axis } = condition.place
            && Some(axis) != open
        {
            let range = ranges.get(axis).copied().unwrap_or([0.0; 2]);
            embedding = embedding.periodic(axis, range, harmonics)?;
        }
    }
    if let Some(fourier) = &options.fourier {
        if problem
            .conditions
            .iter()
            .any(|c| matches!(c.place, Place::Periodic { .. }))
        {
            return Err(Error::invalid(
                "network.fourier",
                format!("{fourier:?}"),
                "no Fourier features with a periodic coordinate (`harmonics` instead)",
            ));
        }
        embedding = embedding.fourier(&ranges, fourier.count, fourier.scale, seed)?;
    }
    Mlp::new(embedding, hidden, problem.fields.len())
}

/// The hidden layers of the networks that are trained one after the other, each wider than the one before.
pub(super) fn stages(problem: &Problem, options: &NetworkOptions) -> Vec<Vec<usize>> {
    let second_order = matches!(
        options.optimiser,
        Optimiser::Auto | Optimiser::LevenbergMarquardt
    );
    match (&options.hidden, problem.coordinates.len()) {
        (Some(hidden), _) => vec![hidden.clone()],
        (None, 1) => vec![vec![20; 2]],
        (None, 2) if second_order => [16, 20, 24].map(|w| vec![w; 3]).to_vec(),
        (None, 2) => vec![vec![24; 3]],
        (None, _) if second_order => [16, 24].map(|w| vec![w; 3]).to_vec(),
        (None, _) => vec![vec![24; 3]],
    }
}

/// Forms in which conditions hold; `later`: not the first window of time. Where a start is given whose derivatives do
/// not fit a periodic axis, also that axis: the start can hold exactly if the network is not made periodic by it. (That
/// needs a symmetry, which the caller looks for; without it, [`wrapped`] are the right ones.)
pub(super) fn lifts(
    problem: &Problem,
    options: &NetworkOptions,
    later: bool,
) -> Result<(Lifts, Option<usize>)> {
    if options.conditions == Conditions::Soft {
        return Ok((Lifts::none(problem), None));
    }
    let lifts = wrapped(problem, later)?;
    let periodic = problem.conditions.iter().find_map(|c| match c.place {
        Place::Periodic { axis } => Some(axis),
        _ => None,
    });
    if let (Some(axis), false) = (periodic, later) {
        let held = |l: &Lifts| l.held.iter().filter(|h| **h).count();
        let open = Lifts::new(problem, later, Some(axis))?;
        if held(&open) > held(&lifts) {
            return Ok((open, Some(axis)));
        }
    }
    Ok((lifts, None))
}

/// The forms for a network that is periodic where the problem is.
pub(super) fn wrapped(problem: &Problem, later: bool) -> Result<Lifts> {
    Lifts::new(problem, later, None)
}

/// How large the jets are expected to be: the size of the field, by 2 over the range per derivative.
pub(super) fn sizes(problem: &Problem, fields: &[f64]) -> Vec<f64> {
    let size = |jet: &Jet| -> f64 {
        let own = fields.get(jet.field).copied().unwrap_or(1.0);
        let each = problem.coordinates.iter().zip(&jet.order).map(|(c, o)| {
            let half = 0.5 * (c.range[1] - c.range[0]);
            half.powi(-i32::from(*o))
        });
        own * each.product::<f64>()
    };
    problem.jets.iter().map(size).collect()
}

/// The rows beside those of the equations.
pub(super) struct Beside<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) place: Option<Place>,
    /// Fixed points; else they are drawn on `place`.
    pub(super) points: Option<Points>,
    /// Factor per kind before the division by the root of the number of points.
    pub(super) factors: Vec<f64>,
    /// Further factor per fixed point.
    pub(super) shares: Option<Vec<f64>>,
}

/// Soft conditions, data, and the end of the window before.
pub(super) fn beside<'a>(
    problem: &'a Problem,
    lifts: &Lifts,
    (mirror, open): (Option<&Mirror>, Option<usize>),
    before: Option<&Trained>,
    weight: f64,
    fields: &[f64],
    seed: u64,
) -> Result<Vec<Beside<'a>>> {
    let mut out = Vec::new();
    if let (Some(mirror), Some(axis)) = (mirror, open) {
        out.push(joined(problem, lifts, mirror, axis, weight, fields, seed)?);
    }
    let time = problem.time();
    let sizes = sizes(problem, fields);
    for (condition, held) in problem.conditions.iter().zip(&lifts.held) {
        let starts = match &condition.place {
            Place::Face { axis, .. } => Some(*axis) == time,
            Place::Periodic { .. } => continue,
            _ => false,
        };
        if *held || (starts && before.is_some()) {
            continue;
        }
        let plan = Plan::new(
            problem,
            &lifts.fields,
            mirror,
            Wanted::Formulas(vec![&condition.residual]),
        )?;
        let mut sequence = Sequence::new(problem.coordinates.len(), seed);
        let surface = problem.domain.on(&condition.place, 64, &mut sequence)?;
        let n = surface.points.len();
        let values = vec![0.0; plan.width() * n];
        let start: Vec<f64> = problem.unknowns.iter().map(|u| u.start).collect();
        let block = plan.block(surface.points, surface.normals, vec![vec![1.0; n]])?;
        let size = plan.terms(&block, &values, &start, &sizes)?;
        let size = size.first().map_or(1.0, |s| s.0);
        out.push(Beside {
            plan,
            place: Some(condition.place.clone()),
            points: None,
            factors: vec![weight / usable(size)],
            shares: None,
        });
    }
    if let (Some(before), Some(axis)) = (before, time) {
        out.push(start(
            problem,
            lifts,
            (mirror, before),
            axis,
            weight,
            fields,
            seed,
        )?);
    }
    if let Some(data) = &problem.spec.data {
        out.extend(observed(problem, lifts, mirror, data, weight)?);
    }
    Ok(out)
}

/// A size to divide by.
pub(super) fn usable(size: f64) -> f64 {
    if size.is_finite() && size > 0.0 {
        size
    } else {
        1.0
    }
}

/// Periodicity of a field that is even or odd about the middle of the period: what is odd about it vanishes at the end.
fn joined<'a>(
    problem: &Problem,
    lifts: &Lifts,
    mirror: &Mirror,
    axis: usize,
    weight: f64,
    fields: &[f64],
    seed: u64,
) -> Result<Beside<'a>> {
    let range = problem.coordinates.get(axis).map_or([0.0; 2], |c| c.range);
    let half = 0.5 * (range[1] - range[0]);
    let dimensions = problem.coordinates.len();
    let mut sequence = Sequence::new(dimensions, seed ^ 0x10e4);
    let mut points = problem.domain.interior(256, &mut sequence)?;
    points.column_mut(axis).fill(range[1]);
    let (mut wanted, mut factors) = (Vec::new(), Vec::new());
    for field in 0..problem.fields.len() {
        for order in 0..own_order(problem, field, axis).max(1) {
            let mut all = vec![0; dimensions];
            if let Some(o) = all.get_mut(axis) {
                *o = order;
            }
            if mirror.sign(field, &all) < 0.0 {
                let size = fields.get(field).copied().unwrap_or(1.0);
                // Little: where a thin layer at the end is not resolved yet, these rows must not outweigh the
                // equations (measured on the Allen-Cahn equation: 10 in place of 0.01 never leaves a false minimum).
                factors.push(1e-3 * weight * half.powi(i32::from(order)) / size);
                wanted.push((Jet { field, order: all }, vec![0.0; points.len()]));
            }
        }
    }
    // The start contradicts it, so that it counts the less the nearer the start is.
    let shares = problem.time().and_then(|time| {
        let range = problem.coordinates.get(time)?.range;
        let share = |t: &f64| (t - range[0]) / (range[1] - range[0]);
        Some(points.column(time).iter().map(share).collect())
    });
    Ok(Beside {
        plan: Plan::new(problem, &lifts.fields, Some(mirror), Wanted::Values(wanted))?,
        place: None,
        points: Some(points),
        factors,
        shares,
    })
}

/// Where the window before ended: values and derivatives by time below the highest order.
fn start<'a>(
    problem: &Problem,
    lifts: &Lifts,
    (mirror, before): (Option<&Mirror>, &Trained),
    axis: usize,
    weight: f64,
    fields: &[f64],
    seed: u64,
) -> Result<Beside<'a>> {
    let range = problem.coordinates.get(axis).map_or([0.0; 2], |c| c.range);
    let dimensions = problem.coordinates.len();
    let n = if dimensions == 1 { 1 } else { 256 };
    let mut sequence = Sequence::new(dimensions, seed ^ 0x5eed);
    let mut points = problem.domain.interior(n, &mut sequence)?;
    points.column_mut(axis).fill(range[0]);
    let mut jets = Vec::new();
    for field in 0..problem.fields.len() {
        for order in 0..own_order(problem, field, axis) {
            let mut all = vec![0; dimensions];
            if let Some(o) = all.get_mut(axis) {
                *o = order;
            }
            jets.push(Jet { field, order: all });
        }
    }
    let mut values = vec![Vec::new(); jets.len()];
    before.jets(&jets, &points, &mut values)?;
    let half = 0.5 * (range[1] - range[0]);
    let factors = jets.iter().map(|jet| {
        let order = jet.order.get(axis).copied().unwrap_or(0);
        let size = fields.get(jet.field).copied().unwrap_or(1.0);
        // Little, as for conditions that a thin layer contradicts: with 10 in place of 0.1 the windows of the
        // Allen-Cahn equation after the first hardly converge.
        0.01 * weight * half.powi(i32::from(order)) / size
    });
    let factors = factors.collect();
    let wanted = Wanted::Values(jets.into_iter().zip(values).collect());
    Ok(Beside {
        plan: Plan::new(problem, &lifts.fields, mirror, wanted)?,
        place: None,
        points: Some(points),
        factors,
        shares: None,
    })
}

/// Highest order of a field's derivatives by an axis in the equations.
fn own_order(problem: &Problem, field: usize, axis: usize) -> u8 {
    let used = problem.equations.iter().flat_map(|e| &e.by_jet);
    used.filter_map(|(jet, _)| problem.jets.get(*jet))
        .filter(|jet| jet.field == field)
        .filter_map(|jet| jet.order.get(axis).copied())
        .max()
        .unwrap_or(0)
}

/// Rows of the data; those outside of the domain's time belong to another window.
fn observed<'a>(
    problem: &Problem,
    lifts: &Lifts,
    mirror: Option<&Mirror>,
    data: &Observations,
    weight: f64,
) -> Result<Option<Beside<'a>>> {
    let own: Vec<usize> = problem
        .coordinates
        .iter()
        .enumerate()
        .filter(|(_, c)| c.role != Role::Parameter)
        .map(|(k, _)| k)
        .collect();
    if own.len() != problem.coordinates.len() {
        return Err(Error::invalid(
            "data",
            "measurements",
            "no ranged parameters beside measurements",
        ));
    }
    let inside = |row: &&Vec<f64>| match problem.time() {
        Some(axis) => row.get(axis).is_some_and(|t| {
            let range = problem.coordinates.get(axis).map_or([0.0; 2], |c| c.range);
            range[0] <= *t && *t <= range[1]
        }),
        None => true,
    };
    let kept: Vec<(&Vec<f64>, &Vec<f64>)> = data
        .points
        .iter()
        .zip(&data.values)
        .filter(|(row, _)| inside(row))
        .collect();
    if kept.is_empty() {
        return Ok(None);
    }
    let mut points = Points::new(problem.coordinates.len());
    for (row, _) in &kept {
        points.push(row.iter().copied());
    }
    let (mut wanted, mut factors) = (Vec::new(), Vec::new());
    for (k, name) in data.fields.iter().enumerate() {
        let field = problem.fields.iter().position(|f| f == name);
        let field = field.ok_or_else(|| Error::NotFound {
            what: "field of the data".into(),
            name: name.clone(),
        })?;
        let values: Vec<f64> = kept
            .iter()
            .map(|(_, v)| v.get(k).copied().unwrap_or(f64::NAN))
            .collect();
        let given: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        let count = given.len().max(1) as f64;
        let rms = (given.iter().map(|v| v * v).sum::<f64>() / count).sqrt();
        factors.push(weight / usable(rms));
        let jet = Jet {
            field,
            order: vec![0; problem.coordinates.len()],
        };
        wanted.push((jet, values));
    }
    Ok(Some(Beside {
        plan: Plan::new(problem, &lifts.fields, mirror, Wanted::Values(wanted))?,
        place: None,
        points: Some(points),
        factors,
        shares: None,
    }))
}

/// Multiplies the factors by the size that the fields are expected to have, so that the network's outputs are of order
/// 1: from the base, the given values, and what drives the equations. Returns these sizes.
pub(super) fn scale_fields(
    problem: &Problem,
    lifts: &mut Lifts,
    before: Option<&Trained>,
    seed: u64,
) -> Result<Vec<f64>> {
    let mut sequence = Sequence::new(problem.coordinates.len(), seed);
    let inside = problem.domain.interior(256, &mut sequence)?;
    let n = inside.len();
    let normals = Points::zeros(problem.coordinates.len(), n);
    let zero = |field: usize| Jet {
        field,
        order: vec![0; problem.coordinates.len()],
    };
    let jets: Vec<Jet> = (0..problem.fields.len()).map(zero).collect();
    let lifting = super::lift::Lifting::new(problem, &lifts.fields, &jets)?;
    let mut found: Vec<f64> = lifting
        .at(&inside)?
        .base
        .iter()
        .map(|v| v.iter().fold(0.0f64, |m, v| m.max(v.abs())))
        .collect();
    if let Some(before) = before {
        let mut values = vec![Vec::new(); jets.len()];
        before.jets(&jets, &inside, &mut values)?;
        for (f, v) in found.iter_mut().zip(&values) {
            *f = v.iter().fold(*f, |m, v| m.max(v.abs()));
        }
    }
    if let Some(data) = &problem.spec.data {
        for (k, name) in data.fields.iter().enumerate() {
            let own = problem.fields.iter().position(|f| f == name);
            if let Some(f) = own.and_then(|f| found.get_mut(f)) {
                let column = data.values.iter().filter_map(|row| row.get(k));
                *f = column.fold(*f, |m, v| m.max(v.abs()));
            }
        }
    }
    // What a residual is at N = 0, over the size of its terms.
    let start: Vec<f64> = problem.unknowns.iter().map(|u| u.start).collect();
    let sizes = sizes(problem, &vec![1.0; problem.fields.len()]);
    let conditions = problem.conditions.iter().zip(&lifts.held);
    let soft = conditions
        .filter(|(c, held)| !**held && !matches!(c.place, Place::Periodic { .. }))
        .map(|(c, _)| (Some(&c.place), &c.residual));
    let equations = problem.equations.iter().map(|e| (None, e));
    let mut more = vec![0.0f64; found.len()];
    for (place, residual) in equations.chain(soft) {
        let plan = Plan::new(
            problem,
            &lifts.fields,
            None,
            Wanted::Formulas(vec![residual]),
        )?;
        let (points, normals) = match place {
            None => (inside.clone(), normals.clone()),
            Some(place) => {
                let surface = problem.domain.on(place, 64, &mut sequence)?;
                (surface.points, surface.normals)
            }
        };
        let n = points.len();
        let values = vec![0.0; plan.width() * n];
        let block = plan.block(points, normals, vec![vec![1.0; n]])?;
        let size = plan.terms(&block, &values, &start, &sizes)?;
        let size = usable(size.first().map_or(1.0, |s| s.0));
        let mut rows = super::rows::Rows::default();
        plan.rows(&block, 0..n, &values, &start, false, &mut rows)?;
        let sum: f64 = rows.values.iter().map(|v| v * v).sum();
        let own = (sum / n.max(1) as f64).sqrt() / size;
        for (jet, _) in &residual.by_jet {
            let field = problem.jets.get(*jet).map(|j| j.field);
            if let Some(f) = field.and_then(|f| more.get_mut(f)) {
                *f = f.max(own);
            }
        }
    }
    let mut out = Vec::new();
    for (lift, (own, driven)) in lifts.fields.iter_mut().zip(found.into_iter().zip(more)) {
        // Where values are given, they say more than what drives the equations.
        let size = if own > 0.0 { own } else { driven };
        let size = if size.is_finite() && size > 0.0 {
            size.clamp(1e-100, 1e100)
        } else {
            1.0
        };
        lift.factor = lift.factor.times(&Expr::number(size))?.simplify()?;
        out.push(size);
    }
    Ok(out)
}

/// The points of rows beside the equations.
pub(super) fn beside_block(
    problem: &Problem,
    beside: &Beside<'_>,
    n: usize,
    sequence: &mut Sequence,
) -> Result<Block> {
    let (points, normals) = match (&beside.points, &beside.place) {
        (Some(points), _) => {
            let normals = Points::zeros(points.dimensions(), points.len());
            (points.clone(), normals)
        }
        (None, Some(place)) => {
            let surface = problem.domain.on(place, n, sequence)?;
            (surface.points, surface.normals)
        }
        (None, None) => {
            let none = Points::new(problem.coordinates.len());
            (none.clone(), none)
        }
    };
    let count = points.len();
    let root = (count.max(1) as f64).sqrt();
    let share = |i: usize| {
        let shares = beside.shares.as_ref();
        shares.map_or(1.0, |s| s.get(i).copied().unwrap_or(1.0))
    };
    let weights = beside
        .factors
        .iter()
        .map(|f| (0..count).map(|i| share(i) * f / root).collect());
    let weights = weights.collect();
    beside.plan.block(points, normals, weights)
}
