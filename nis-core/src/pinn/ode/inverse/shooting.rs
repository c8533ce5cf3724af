//! Least squares on the integrated trajectory, with unmeasured fields, gaps, and conditions that hold parameters.

use faer::MatMut;

use super::super::fit::unit_variances;
use super::super::initial::{Linear, rows};
use super::super::integrate::Integrator;
use super::super::start::{self, Slopes};
use super::super::state::{Observed, fit_state};
use super::super::system::{Compiled, OdeSystem};
use super::Fitted;
use super::table::Table;
use crate::error::{Error, Result};
use crate::optim::{LeastSquares, LmFit, LmOptions, levenberg_marquardt};
use crate::pinn::problem::{Observations, Problem};
use crate::telemetry::Progress;

/// Error per step of the trajectories that are fitted.
const TOLERANCE: f64 = 1e-11;

/// Rounds of reweighting by the scatter found.
const ROUNDS: usize = 4;

/// Starting values of fields that were not measured, over the size of those that were.
const GUESSES: [f64; 4] = [1.0, 0.1, 10.0, -1.0];

/// Misfit over the size of the data below which no other start is tried.
const EXACT: f64 = 1e-6;

/// Residuals of the trajectory over the parameters and the initial components that no condition gives.
pub(super) struct Shooting<'a> {
    problem: &'a Problem,
    system: &'a OdeSystem,
    compiled: &'a Compiled,
    table: &'a Table,
    /// First component of each measured field.
    components: Vec<usize>,
    /// Beginning, then the times of the data from there on; and whether the beginning is one of these.
    times: Vec<f64>,
    shift: usize,
    /// Components that a condition gives, with its number.
    given: Vec<Option<usize>>,
    sizes: Vec<f64>,
    weights: Vec<f64>,
    progress: &'a Progress<'a>,
}

impl<'a> Shooting<'a> {
    pub(super) fn fit(
        problem: &'a Problem,
        system: &'a OdeSystem,
        compiled: &'a Compiled,
        table: &'a Table,
        data: &Observations,
        progress: &'a Progress<'a>,
    ) -> Result<Fitted> {
        let orders = system.orders();
        let n = compiled.components;
        let starts: Vec<f64> = problem.unknowns.iter().map(|u| u.start).collect();
        let conditions = rows(problem, system, &starts)?;
        let mut given = vec![None; n];
        for (i, row) in conditions.iter().enumerate() {
            match only(row) {
                Some(c) if given.get(c) == Some(&None) => {
                    if let Some(place) = given.get_mut(c) {
                        *place = Some(i);
                    }
                }
                _ => {
                    return Err(Error::invalid(
                        format!("conditions[{i}]"),
                        &row.text,
                        "one condition for one initial value, where parameters are unknown",
                    ));
                }
            }
        }
        let first = table.times.first().copied().unwrap_or(0.0);
        let from = conditions.first().map_or(first, |row| row.at);
        if from > first {
            return Err(Error::invalid(
                "data.points",
                first,
                format!("times from {from} on, where the conditions hold"),
            ));
        }
        let shift = usize::from(from < first);
        let times = std::iter::once(from)
            .filter(|_| shift == 1)
            .chain(table.times.iter().copied())
            .collect();
        let components: Vec<usize> = table
            .fields
            .iter()
            .map(|f| orders.iter().take(*f).sum::<usize>())
            .collect();
        let mut shooting = Shooting {
            problem,
            system,
            compiled,
            table,
            components,
            times,
            shift,
            given,
            sizes: vec![1.0; n],
            weights: Vec::new(),
            progress,
        };
        let (count, unknowns) = (shooting.residuals(), shooting.parameters());
        if count < unknowns {
            return Err(Error::invalid(
                "data",
                format!("{count} values for {unknowns} unknowns"),
                "at least as many values as parameters and unknown initial values",
            ));
        }
        shooting.run(&starts, data)
    }

    /// From several starts, the best.
    fn run(&mut self, starts: &[f64], data: &Observations) -> Result<Fitted> {
        let progress = self.progress;
        let spreads: Vec<f64> = self.table.values.iter().map(|l| spread(l)).collect();
        self.weights = match &data.noise {
            Some(noise) => noise.iter().map(|s| 1.0 / s).collect(),
            None => spreads.iter().map(|s| 1.0 / s).collect(),
        };
        let hidden = self.table.fields.len() < self.problem.fields.len();
        let guesses = if hidden { &GUESSES[..] } else { &GUESSES[..1] };
        let lm = LmOptions {
            max_iterations: 100,
            cost_tolerance: 1e-12,
            stage: "pinn",
            ..LmOptions::default()
        };
        let mut best: Option<(LmFit, Vec<f64>)> = None;
        let mut iterations = 0;
        'starts: for guess in guesses {
            for x in self.starts(starts, *guess)? {
                self.progress.check()?;
                self.sizes = self.size(&x);
                match levenberg_marquardt(self, &x, &lm, progress) {
                    Ok(fit) => {
                        iterations += fit.iterations;
                        let exact = self.misfit(&fit) < EXACT;
                        if best.as_ref().is_none_or(|(b, _)| fit.cost < b.cost) {
                            best = Some((fit, self.sizes.clone()));
                        }
                        if exact {
                            break 'starts;
                        }
                    }
                    Err(Error::Numerical { .. }) => self.progress.check()?,
                    Err(e) => return Err(e),
                }
            }
        }
        let Some((mut fit, sizes)) = best else {
            return Err(Error::numerical(
                "fit of the equations",
                "no finite trajectory was found from the starting values; give starting values for the parameters",
            ));
        };
        self.sizes = sizes;
        // Fields of different scatter are weighted by it, where it is not known.
        let floor: Vec<f64> = self
            .table
            .values
            .iter()
            .map(|l| 1e-10 * largest(l))
            .collect();
        let mut sigma = self.sigma(&fit, &floor);
        if data.noise.is_none() && self.table.fields.len() > 1 {
            for _ in 0..ROUNDS {
                self.weights = sigma.iter().map(|s| 1.0 / s).collect();
                let start = fit.p.clone();
                fit = levenberg_marquardt(self, &start, &lm, progress)?;
                iterations += fit.iterations;
                let next = self.sigma(&fit, &floor);
                let settled = next
                    .iter()
                    .zip(&sigma)
                    .all(|(a, b)| (a / b - 1.0).abs() < 1e-3);
                if settled {
                    break;
                }
                sigma = next;
            }
        }
        let freedom = (self.residuals() - self.parameters()).max(1) as f64;
        let variance = match &data.noise {
            Some(_) => 1.0,
            None => 2.0 * fit.cost / freedom,
        };
        let spreads = unit_variances(&fit);
        let (p, initial, _) = self.unpack(&fit.p)?;
        let mut notes = Vec::new();
        for (name, s) in data.fields.iter().zip(&sigma) {
            notes.push(format!("scatter of {name}: {s:.3e} (additive)"));
        }
        if let Some(chi) = data.noise.as_ref().map(|_| 2.0 * fit.cost / freedom) {
            notes.push(format!(
                "chi^2 over degrees of freedom with the given scatter: {chi:.3}"
            ));
        }
        Ok(Fitted {
            std_errors: (0..p.len())
                .map(|k| {
                    let v = spreads.get(k).copied().flatten()?;
                    Some((variance * v).sqrt()).filter(|s| s.is_finite())
                })
                .collect(),
            p,
            from: self.times.first().copied().unwrap_or(0.0),
            initial,
            method: "least squares on the trajectory".into(),
            notes,
            iterations,
            converged: fit.converged(),
        })
    }

    /// Starting points: parameters by the slopes of the data and by a spline state, and as given.
    fn starts(&self, given: &[f64], guess: f64) -> Result<Vec<Vec<f64>>> {
        let n = self.compiled.components;
        let orders = self.system.orders();
        let rows = self.table.times.len();
        let mut z = vec![vec![f64::NAN; n]; rows];
        let mut dz = vec![vec![f64::NAN; n]; rows];
        let mut typical = 0.0f64;
        let mut data = Vec::new();
        let filled: Vec<Option<Vec<f64>>> = (0..self.table.fields.len())
            .map(|k| self.table.filled(k))
            .collect();
        for ((column, field), first) in filled.iter().zip(&self.table.fields).zip(&self.components)
        {
            let (Some(column), Some(order)) = (column, orders.get(*field)) else {
                continue;
            };
            typical = column.iter().fold(typical, |a, v| a.max(v.abs()));
            if rows >= 5 {
                let d = start::derivatives(&self.table.times, column, *order)?;
                for (k, (values, slopes)) in d.iter().zip(d.iter().skip(1)).enumerate() {
                    let each = z.iter_mut().zip(&mut dz).zip(values.iter().zip(slopes));
                    for ((z, dz), (v, s)) in each {
                        if let (Some(z), Some(dz)) = (z.get_mut(first + k), dz.get_mut(first + k)) {
                            (*z, *dz) = (*v, *s);
                        }
                    }
                }
            }
            data.push((*first, column.as_slice()));
        }
        let typical = if typical > 0.0 { typical } else { 1.0 };
        let complete = z.iter().flatten().all(|v| v.is_finite());
        let mut p = given.to_vec();
        if complete {
            let slopes = Slopes {
                t: self.table.times.clone(),
                z: z.clone(),
                dz,
            };
            let hints = vec![None; p.len()];
            if let Some(found) =
                start::match_gradients(self.compiled, &slopes, &hints, self.progress)?
            {
                p = found;
            }
        }
        // What was not measured begins at its condition or at the guess.
        let known = self.fixed(&p)?;
        for row in &mut z {
            for (c, v) in row.iter_mut().enumerate().filter(|(_, v)| !v.is_finite()) {
                let first = orders.iter().scan(0, |sum, o| {
                    let own = *sum;
                    *sum += o;
                    Some(own)
                });
                let is_field = first.into_iter().any(|f| f == c);
                let fallback = if is_field { guess * typical } else { 0.0 };
                *v = known.get(c).copied().flatten().unwrap_or(fallback);
            }
        }
        let initial = |z: &[f64], p: &[f64]| -> Vec<f64> {
            let free = z.iter().zip(&self.given).filter(|(_, g)| g.is_none());
            p.iter().copied().chain(free.map(|(v, _)| *v)).collect()
        };
        let mut out = Vec::new();
        let observed = Observed {
            t: &self.table.times,
            start: &z,
            data,
        };
        let free: Vec<usize> = (0..p.len()).collect();
        if rows >= 5
            && let Some(state) = fit_state(self.compiled, &observed, &p, &free, self.progress)?
        {
            out.push(initial(&state.initial, &state.p));
        }
        if let Some(z) = z.first() {
            out.push(initial(z, &p));
            if complete {
                out.push(initial(z, given));
            }
        }
        Ok(out)
    }

    /// Initial components that conditions give, for these parameters.
    fn fixed(&self, p: &[f64]) -> Result<Vec<Option<f64>>> {
        let conditions = rows(self.problem, self.system, p)?;
        let value = |c: usize, i: usize| {
            let row = conditions.get(i)?;
            Some(-row.rest / row.slopes.get(c)?)
        };
        Ok(self
            .given
            .iter()
            .enumerate()
            .map(|(c, g)| g.and_then(|i| value(c, i)))
            .collect())
    }

    /// Typical sizes of the components at a start.
    fn size(&self, x: &[f64]) -> Vec<f64> {
        let mut sizes = vec![0.0f64; self.compiled.components];
        for (list, c) in self.table.values.iter().zip(&self.components) {
            if let Some(size) = sizes.get_mut(*c) {
                *size = largest(list);
            }
        }
        if let Ok((_, initial, _)) = self.unpack(x) {
            for (size, z) in sizes.iter_mut().zip(initial) {
                *size = size.max(z.abs());
            }
        }
        let most = sizes.iter().fold(0.0f64, |a, v| a.max(*v));
        let other = if most > 0.0 { most } else { 1.0 };
        sizes
            .iter()
            .map(|s| if *s > 0.0 { *s } else { other })
            .collect()
    }

    /// Parameters, initial components, and the conditions at these parameters.
    fn unpack(&self, x: &[f64]) -> Result<(Vec<f64>, Vec<f64>, Vec<Linear>)> {
        let count = self.problem.unknowns.len();
        let (p, free) = x.split_at_checked(count).unwrap_or((x, &[]));
        let conditions = rows(self.problem, self.system, p)?;
        let mut free = free.iter();
        let initial = self.given.iter().enumerate().map(|(c, given)| match given {
            Some(i) => conditions
                .get(*i)
                .and_then(|row| Some(-row.rest / row.slopes.get(c)?))
                .unwrap_or(f64::NAN),
            None => free.next().copied().unwrap_or(f64::NAN),
        });
        Ok((p.to_vec(), initial.collect(), conditions))
    }

    /// Root mean square misfit over the spread of the data.
    fn misfit(&self, fit: &LmFit) -> f64 {
        let mut at = 0;
        let mut sum = 0.0;
        for (list, w) in self.table.values.iter().zip(&self.weights) {
            let own = fit.residuals.iter().skip(at).take(list.len());
            sum += own.map(|r| (r / w).powi(2)).sum::<f64>() / spread(list).powi(2);
            at += list.len();
        }
        (sum / at.max(1) as f64).sqrt()
    }

    fn sigma(&self, fit: &LmFit, floor: &[f64]) -> Vec<f64> {
        let mut at = 0;
        let mut out = Vec::new();
        for ((list, w), floor) in self.table.values.iter().zip(&self.weights).zip(floor) {
            let own = fit.residuals.iter().skip(at).take(list.len());
            let sum: f64 = own.map(|r| (r / w).powi(2)).sum();
            out.push((sum / list.len().max(1) as f64).sqrt().max(*floor));
            at += list.len();
        }
        out
    }
}

impl LeastSquares for Shooting<'_> {
    fn parameters(&self) -> usize {
        self.problem.unknowns.len() + self.given.iter().filter(|g| g.is_none()).count()
    }

    fn residuals(&self) -> usize {
        self.table.values.iter().map(Vec::len).sum()
    }

    fn evaluate(&mut self, x: &[f64], r: &mut [f64], jacobian: Option<MatMut<'_, f64>>) -> bool {
        if self.progress.check().is_err() {
            return false;
        }
        let mut jacobian = jacobian;
        let Ok((p, initial, conditions)) = self.unpack(x) else {
            return false;
        };
        if !initial.iter().chain(&p).all(|v| v.is_finite()) {
            return false;
        }
        let n = self.compiled.components;
        let width = n + p.len();
        let mut run = Integrator::new(self.compiled, &p, &self.sizes, jacobian.is_some());
        // States at the times of the data, with their slopes where they are wanted.
        let size = n * (1 + if jacobian.is_some() { width } else { 0 });
        let mut states = vec![0.0; self.times.len() * size];
        let fine = run.run(&initial, &self.times, TOLERANCE, |i, z| {
            if let Some(place) = states.get_mut(i * size..(i + 1) * size) {
                place.copy_from_slice(z);
            }
        });
        if !fine {
            return false;
        }
        let mut row = 0;
        for ((list, c), w) in self
            .table
            .values
            .iter()
            .zip(&self.components)
            .zip(&self.weights)
        {
            for (at, value) in list {
                let state = &states[(at + self.shift) * size..(at + self.shift + 1) * size];
                r[row] = w * (state[*c] - value);
                if let Some(j) = jacobian.as_mut() {
                    let s = &state[n + c * width..n + (c + 1) * width];
                    for k in 0..p.len() {
                        let mut slope = s[n + k];
                        // Initial values move with the parameters where a condition says so.
                        for (own, given) in self.given.iter().enumerate() {
                            if let Some(condition) = given.and_then(|i| conditions.get(i)) {
                                slope -= s[own] * condition.by_unknown[k] / condition.slopes[own];
                            }
                        }
                        j[(row, k)] = w * slope;
                    }
                    let free = self.given.iter().enumerate().filter(|(_, g)| g.is_none());
                    for (column, (own, _)) in free.enumerate() {
                        j[(row, p.len() + column)] = w * s[own];
                    }
                }
                row += 1;
            }
        }
        r.iter().all(|v| v.is_finite())
    }
}

/// The component that a condition holds alone.
fn only(row: &Linear) -> Option<usize> {
    let mut held = row.slopes.iter().enumerate().filter(|(_, s)| **s != 0.0);
    let (c, _) = held.next()?;
    held.next().is_none().then_some(c)
}

fn largest(list: &[(usize, f64)]) -> f64 {
    let most = list.iter().fold(0.0f64, |a, (_, v)| a.max(v.abs()));
    if most > 0.0 { most } else { 1.0 }
}

/// Root mean square around the mean; the largest value where all are the same.
fn spread(list: &[(usize, f64)]) -> f64 {
    let n = list.len().max(1) as f64;
    let mean = list.iter().map(|(_, v)| v).sum::<f64>() / n;
    let s = (list.iter().map(|(_, v)| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    if s > 0.0 { s } else { largest(list) }
}
