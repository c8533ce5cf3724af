//! One slab of time: pieces of space with polynomials of fixed degree, joined by continuity.

use faer::Mat;

use super::super::points::Points;
use super::super::problem::{Place, Problem};
use super::attempt::STRENGTH;
use super::axis::{Axis, Kind};
use super::basis::{Basis, Block, members, tensor};
use super::rows::{Rows, Says, State, System};
use super::sets::{gauss, grid};
use super::staircase::{Link, Own, solve};
use crate::error::Result;
use crate::telemetry::Progress;

/// Functions per piece along space and along time.
const ACROSS: usize = 13;
const ALONG: usize = 9;

/// Newton steps per slab at most.
const STEPS: usize = 12;

/// Halvings of a step at most.
const HALVINGS: i32 = 8;

/// A slab ready to be solved.
pub(super) struct Slab<'a> {
    problem: &'a Problem,
    systems: Vec<System<'a>>,
    /// Functions at the edges between pieces: of the left piece and of the right one, weighted, one row per field,
    /// order and point.
    links: Vec<(Mat<f64>, Mat<f64>)>,
    start: Vec<State>,
}

/// Residuals of the pieces and of the links, and the norm of all.
type Residuals = (Vec<Vec<f64>>, Vec<Vec<f64>>, f64);

/// A solved slab.
pub(super) struct Solved {
    pub(super) bases: Vec<Basis>,
    pub(super) states: Vec<State>,
    pub(super) iterations: usize,
    /// Whether Newton's method converged.
    pub(super) settled: bool,
    /// What the highest polynomials in space hold, by piece, and those in time, relative to the largest value.
    pub(super) across: Vec<f64>,
    pub(super) along: f64,
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

/// Highest order of a derivative of a field by an axis in the equations.
fn order_of(problem: &Problem, field: usize, axis: usize) -> u8 {
    let used = problem.equations.iter().flat_map(|e| &e.by_jet);
    used.filter_map(|(jet, _)| problem.jets.get(*jet))
        .filter(|jet| jet.field == field)
        .filter_map(|jet| jet.order.get(axis).copied())
        .max()
        .unwrap_or(0)
}

impl Solved {
    /// Coefficients of a piece.
    pub(super) fn functions(&self) -> usize {
        let first = self.states.first();
        first.map_or(0, |s| s.coefficients.iter().map(Vec::len).sum())
    }

    /// A derivative by space (`order`) of a field at the end of the slab.
    fn at_end(&self, field: usize, order: &[u8], x: &[f64]) -> Result<Vec<f64>> {
        let mut out = vec![0.0; x.len()];
        for (basis, state) in self.bases.iter().zip(&self.states) {
            let [[a, b], [_, end]] = [basis.ranges[0], basis.ranges[1]];
            let own: Vec<usize> = (0..x.len()).filter(|i| x[*i] >= a && x[*i] <= b).collect();
            let mut points = Points::new(2);
            for i in &own {
                points.push([x[*i], end]);
            }
            let coefficients = state.coefficients.get(field).cloned().unwrap_or_default();
            let sums = basis.sums(&[coefficients], &[order], &points)?;
            for (i, v) in own.iter().zip(&sums[0][0]) {
                out[*i] = *v;
            }
        }
        Ok(out)
    }
}

impl<'a> Slab<'a> {
    /// A slab over the pieces between `edges`, from `before` or from the initial conditions.
    pub(super) fn new(
        problem: &'a Problem,
        edges: &[f64],
        time: [f64; 2],
        before: Option<&Solved>,
        progress: &Progress<'_>,
    ) -> Result<Self> {
        let mut systems = Vec::new();
        let mut start = Vec::new();
        for piece in edges.windows(2) {
            let ranges = vec![[piece[0], piece[1]], time];
            let basis = Basis {
                ranges: ranges.clone(),
                blocks: vec![tensor(&[ACROSS, ALONG], &[false, false])],
            };
            let sets = rows(problem, &ranges, before)?;
            let state = guess(problem, &basis, &sets, before)?;
            let mut system = System::new(problem, basis, sets, progress)?;
            system.balance(&state, STRENGTH, 1.0)?;
            systems.push(system);
            start.push(state);
        }
        let circle = problem
            .conditions
            .iter()
            .any(|c| matches!(c.place, Place::Periodic { axis: 0 }));
        let pieces = systems.len();
        let count = if circle { pieces } else { pieces - 1 };
        let mut links = Vec::new();
        for k in 0..count {
            links.push(link(
                problem,
                &systems[k].basis,
                &systems[(k + 1) % pieces].basis,
            )?);
        }
        Ok(Slab {
            problem,
            systems,
            links,
            start,
        })
    }

    /// What links give at states: left less right.
    fn gaps(&self, states: &[State]) -> Vec<Vec<f64>> {
        let flat = |state: &State| -> Vec<f64> { state.coefficients.concat() };
        let all: Vec<Vec<f64>> = states.iter().map(flat).collect();
        self.links
            .iter()
            .enumerate()
            .map(|(k, (left, right))| {
                let (a, b) = (&all[k], &all[(k + 1) % all.len()]);
                let mut gap = vec![0.0; left.nrows()];
                for j in 0..left.ncols() {
                    let sides = left.col_as_slice(j).iter().zip(right.col_as_slice(j));
                    for (g, (l, r)) in gap.iter_mut().zip(sides) {
                        *g += l * a[j] - r * b[j];
                    }
                }
                gap
            })
            .collect()
    }

    fn residuals(&self, states: &[State]) -> Result<Residuals> {
        let own = self
            .systems
            .iter()
            .zip(states)
            .map(|(system, state)| system.residual(state))
            .collect::<Result<Vec<_>>>()?;
        let gaps = self.gaps(states);
        let size = norm(own.iter().chain(&gaps).flatten().copied());
        Ok((own, gaps, size))
    }

    /// Gauss-Newton steps with halving.
    pub(super) fn solve(self, progress: &Progress<'_>) -> Result<Solved> {
        let mut states = self.start.clone();
        let (mut own, mut gaps, mut last) = self.residuals(&states)?;
        let mut iterations = 0;
        let mut settled = false;
        while iterations < STEPS && !settled {
            progress.check()?;
            iterations += 1;
            let mut parts = Vec::new();
            for ((system, state), right) in self.systems.iter().zip(&states).zip(&own) {
                parts.push(Own {
                    matrix: system.jacobian(state)?,
                    right: right.clone(),
                });
            }
            let ties: Vec<Link> = self
                .links
                .iter()
                .zip(&gaps)
                .map(|((left, next), right)| Link {
                    left: left.clone(),
                    next: next.clone(),
                    right: right.clone(),
                })
                .collect();
            let (steps, rest) = solve(&parts, &ties)?;
            let mut taken = false;
            for halving in 0..HALVINGS {
                let length = 0.5f64.powi(halving);
                let next: Vec<State> = states
                    .iter()
                    .zip(&steps)
                    .map(|(state, step)| state.moved(step, -length))
                    .collect();
                let (o, g, now) = self.residuals(&next)?;
                if now < last * (1.0 - 1e-4 * length) {
                    // What is left is what the functions cannot represent, or rounding.
                    settled = length == 1.0 && (now < 1.05 * rest || now > 0.95 * last);
                    (states, own, gaps, last) = (next, o, g, now);
                    taken = true;
                    break;
                }
            }
            if !taken {
                // No step gains: at the rounding error, or stuck.
                settled = last < 1.5 * rest || norm(steps.iter().flatten().copied()) < 1e-9;
                break;
            }
            if self.problem.is_linear() {
                settled = true;
            }
        }
        Ok(self.measured(states, iterations, settled))
    }

    fn measured(self, states: Vec<State>, iterations: usize, settled: bool) -> Solved {
        let fields = self.problem.fields.len();
        // The size of a field is that of its largest coefficient in any piece.
        let mut size = vec![0.0f64; fields];
        for state in &states {
            for (size, c) in size.iter_mut().zip(&state.coefficients) {
                *size = c.iter().fold(*size, |m, c| m.max(c.abs()));
            }
        }
        let axes = |basis: &Basis| -> Vec<Axis> {
            match basis.blocks.first() {
                Some(Block::Tensor(axes)) => axes.clone(),
                _ => vec![
                    Axis {
                        kind: Kind::Chebyshev,
                        size: 0,
                    };
                    2
                ],
            }
        };
        let (mut across, mut along) = (Vec::new(), 0.0f64);
        for (system, state) in self.systems.iter().zip(&states) {
            let numbers = members(&axes(&system.basis));
            let mut tail = 0.0f64;
            for (c, size) in state.coefficients.iter().zip(&size) {
                for (k, c) in numbers.iter().zip(c) {
                    let share = if *size > 0.0 { c.abs() / size } else { 0.0 };
                    if k[0] + 2 >= ACROSS {
                        tail = tail.max(share);
                    }
                    if k[1] + 2 >= ALONG {
                        along = along.max(share);
                    }
                }
            }
            across.push(tail);
        }
        Solved {
            bases: self.systems.into_iter().map(|s| s.basis).collect(),
            states,
            iterations,
            settled,
            across,
            along,
        }
    }
}

/// Rows of one piece.
fn rows(problem: &Problem, ranges: &[[f64; 2]], before: Option<&Solved>) -> Result<Vec<Rows>> {
    let (x, t) = (gauss(ACROSS + 1), gauss(ALONG + 1));
    let mut sets = Vec::new();
    for k in 0..problem.equations.len() {
        let points = grid(ranges, &[x.clone(), t.clone()]);
        let normals = Points::zeros(2, points.len());
        sets.push(Rows::new(Says::Equation(k), points, normals));
    }
    let bottom = grid(ranges, &[gauss(ACROSS + 2), vec![0.0]]);
    for (k, condition) in problem.conditions.iter().enumerate() {
        let Place::Face { axis, value } = condition.place else {
            continue;
        };
        let (points, outward) = match axis {
            0 if value == ranges[0][0] || value == ranges[0][1] => {
                let share = f64::from(u8::from(value == ranges[0][1]));
                (grid(ranges, &[vec![share], t.clone()]), 2.0 * share - 1.0)
            }
            1 if before.is_none() => (bottom.clone(), -1.0),
            _ => continue,
        };
        let mut normals = Points::zeros(2, points.len());
        normals.column_mut(axis).fill(outward);
        let mut points = points;
        points.column_mut(axis).fill(value);
        sets.push(Rows::new(Says::Condition(k), points, normals));
    }
    if let Some(before) = before {
        for field in 0..problem.fields.len() {
            for order in 0..order_of(problem, field, 1) {
                let mut set = Rows::new(
                    Says::Known { field },
                    bottom.clone(),
                    Points::zeros(2, bottom.len()),
                );
                set.known = vec![0, order];
                set.measured = before.at_end(field, &[0, order], bottom.column(0))?;
                sets.push(set);
            }
        }
    }
    Ok(sets)
}

/// Coefficients of what the slab starts with, the same at all its times.
fn guess(
    problem: &Problem,
    basis: &Basis,
    sets: &[Rows],
    before: Option<&Solved>,
) -> Result<State> {
    let mut state = State::zero(problem, basis.len());
    let Some(Block::Tensor(axes)) = basis.blocks.first() else {
        return Ok(state);
    };
    let [a, b] = basis.ranges[0];
    let shares = gauss(ACROSS);
    let x: Vec<f64> = shares.iter().map(|u| a + u * (b - a)).collect();
    for field in 0..problem.fields.len() {
        let values = match before {
            Some(before) => before.at_end(field, &[0, 0], &x)?,
            None => initial(problem, field, &x, basis.ranges[1][0], sets)?,
        };
        for (c, numbers) in state.coefficients[field].iter_mut().zip(members(axes)) {
            if numbers[1] > 0 {
                continue;
            }
            // Discrete orthogonality of the polynomials at Gauss points.
            let k = numbers[0] as f64;
            let n = x.len() as f64;
            let sum: f64 = shares
                .iter()
                .zip(&values)
                .map(|(u, v)| v * (k * (2.0 * u - 1.0).acos()).cos())
                .sum();
            *c = sum / n * if numbers[0] == 0 { 1.0 } else { 2.0 };
        }
    }
    Ok(state)
}

/// The initial value of a field where a condition `u(x,t0) = ...` gives it, else 0.
fn initial(problem: &Problem, field: usize, x: &[f64], t: f64, sets: &[Rows]) -> Result<Vec<f64>> {
    for set in sets {
        let (Says::Condition(k), Some(residual)) = (set.says, set.residual(problem)) else {
            continue;
        };
        let jets = residual.by_jet.iter();
        let own: Vec<_> = jets.filter_map(|(j, _)| problem.jets.get(*j)).collect();
        let plain = own.len() == 1
            && own
                .iter()
                .all(|j| j.field == field && j.order.iter().all(|n| *n == 0));
        let first = matches!(
            problem.conditions.get(k).map(|c| &c.place),
            Some(Place::Face { axis: 1, .. })
        );
        if plain && first && residual.linear {
            let mut points = Points::new(2);
            for x in x {
                points.push([*x, t]);
            }
            let at = Rows::new(set.says, points, Points::zeros(2, x.len()));
            // u - f at u = 0, over the slope.
            let mut jets = vec![Vec::new(); problem.jets.len()];
            let state = State::zero(problem, 0);
            for (j, _) in &residual.by_jet {
                jets[*j] = vec![0.0; x.len()];
            }
            let values = at.values(problem, &jets, &state)?;
            let (slopes, _) = at.slopes(problem, &jets, &state)?;
            let slope = slopes.first().map(|(_, s)| s.clone()).unwrap_or_default();
            let out: Vec<f64> = values.iter().zip(&slope).map(|(v, s)| -v / s).collect();
            if out.iter().all(|v| v.is_finite()) {
                return Ok(out);
            }
        }
    }
    Ok(vec![0.0; x.len()])
}

/// Functions of two neighbours at the edge between them.
fn link(problem: &Problem, left: &Basis, right: &Basis) -> Result<(Mat<f64>, Mat<f64>)> {
    let n = left.len();
    let shares = gauss(ALONG + 1);
    let at = |basis: &Basis, share: f64| grid(&basis.ranges, &[vec![share], shares.clone()]);
    let (end, begin) = (at(left, 1.0), at(right, 0.0));
    let fields = problem.fields.len();
    let orders: Vec<Vec<u8>> = (0..fields)
        .map(|f| (0..order_of(problem, f, 0)).collect())
        .collect();
    let m = shares.len();
    let rows = m * orders.iter().map(Vec::len).sum::<usize>();
    let (mut a, mut b) = (Mat::zeros(rows, n * fields), Mat::zeros(rows, n * fields));
    let mut row = 0;
    for (field, orders) in orders.iter().enumerate() {
        for order in orders {
            let jet: [&[u8]; 1] = [&[*order, 0]];
            // One row in the mean has norm one: derivatives of order p grow with the square of the degree.
            let mut sum = 0.0;
            left.each(&jet, &end, |k, columns| {
                for (i, v) in columns[0].iter().enumerate() {
                    a[(row + i, field * n + k)] = *v;
                    sum += v * v;
                }
            })?;
            right.each(&jet, &begin, |k, columns| {
                for (i, v) in columns[0].iter().enumerate() {
                    b[(row + i, field * n + k)] = *v;
                    sum += v * v;
                }
            })?;
            let weight = STRENGTH / sum.sqrt();
            for j in field * n..(field + 1) * n {
                for i in row..row + m {
                    a[(i, j)] *= weight;
                    b[(i, j)] *= weight;
                }
            }
            row += m;
        }
    }
    Ok((a, b))
}
