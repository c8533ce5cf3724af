//! Rows of the least-squares system: what they say, their residuals and slopes, and how they are weighted.

use faer::Mat;

use super::super::points::Points;
use super::super::problem::{Problem, Residual};
use super::basis::Basis;
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// What a set of rows says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Equation(usize),
    Condition(usize),
    /// A field was measured.
    Data {
        field: usize,
    },
    /// A derivative of a field is known: the end of the piece before.
    Known {
        field: usize,
    },
}

/// Rows of one kind.
pub(super) struct Rows {
    pub(super) says: Says,
    pub(super) points: Points,
    pub(super) normals: Points,
    /// The measurements, where there are.
    pub(super) measured: Vec<f64>,
    /// The order of the derivative that is known.
    pub(super) known: Vec<u8>,
    /// Weight of measurements against those of other fields.
    pub(super) trust: f64,
    /// Every row is multiplied by it.
    pub(super) weight: f64,
    /// Orders of derivatives that occur, and the functions' derivatives of that order at the points.
    orders: Vec<Vec<u8>>,
    functions: Vec<Mat<f64>>,
    /// The host's functions at the points, where the problem names some.
    host: Vec<Vec<f64>>,
}

/// What the rows evaluate to at a state: jets of the problem by number (empty where not used by the rows).
pub(super) type Jets = Vec<Vec<f64>>;

/// The unknowns of a system: coefficients by field, then parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) coefficients: Vec<Vec<f64>>,
    pub(super) parameters: Vec<f64>,
}

impl State {
    pub(super) fn zero(problem: &Problem, functions: usize) -> Self {
        State {
            coefficients: vec![vec![0.0; functions]; problem.fields.len()],
            parameters: problem.unknowns.iter().map(|u| u.start).collect(),
        }
    }

    /// This state plus `length` times a step.
    pub(super) fn moved(&self, step: &[f64], length: f64) -> Self {
        let mut next = self.clone();
        let all = next.coefficients.iter_mut().flatten();
        for (v, s) in all.chain(&mut next.parameters).zip(step) {
            *v += length * s;
        }
        next
    }
}

impl Rows {
    pub(super) fn new(says: Says, points: Points, normals: Points) -> Self {
        Rows {
            says,
            points,
            normals,
            measured: Vec::new(),
            known: Vec::new(),
            trust: 1.0,
            weight: 1.0,
            orders: Vec::new(),
            functions: Vec::new(),
            host: Vec::new(),
        }
    }

    pub(super) fn residual<'a>(&self, problem: &'a Problem) -> Option<&'a Residual> {
        match self.says {
            Says::Equation(k) => problem.equations.get(k),
            Says::Condition(k) => problem.conditions.get(k).map(|c| &c.residual),
            Says::Data { .. } | Says::Known { .. } => None,
        }
    }

    /// Jets that these rows read.
    fn used(&self, problem: &Problem) -> Vec<usize> {
        let Some(residual) = self.residual(problem) else {
            return Vec::new();
        };
        residual.by_jet.iter().map(|(jet, _)| *jet).collect()
    }

    /// Evaluates the functions at the points once, for all later states.
    pub(super) fn prepare(&mut self, problem: &Problem, basis: &Basis) -> Result<()> {
        self.orders = match self.says {
            Says::Data { .. } => vec![vec![0; problem.coordinates.len()]],
            Says::Known { .. } => vec![self.known.clone()],
            _ => {
                let mut orders = Vec::new();
                for jet in self
                    .used(problem)
                    .iter()
                    .filter_map(|j| problem.jets.get(*j))
                {
                    if !orders.contains(&jet.order) {
                        orders.push(jet.order.clone());
                    }
                }
                orders
            }
        };
        let orders: Vec<&[u8]> = self.orders.iter().map(Vec::as_slice).collect();
        let (m, n) = (self.points.len(), basis.len());
        let mut functions = vec![Mat::zeros(m, n); orders.len()];
        basis.each(&orders, &self.points, |k, columns| {
            for (to, from) in functions.iter_mut().zip(columns) {
                for (to, from) in to.col_as_slice_mut(k).iter_mut().zip(from) {
                    *to = *from;
                }
            }
        })?;
        self.functions = functions;
        self.host = problem.functions_at(&self.points)?;
        Ok(())
    }

    fn of_order(&self, order: &[u8]) -> Option<&Mat<f64>> {
        let place = self.orders.iter().position(|o| o.as_slice() == order)?;
        self.functions.get(place)
    }

    /// Jets at the points of a state.
    pub(super) fn jets(&self, problem: &Problem, state: &State) -> Result<Jets> {
        let mut jets = vec![Vec::new(); problem.jets.len()];
        for k in self.used(problem) {
            let Some(jet) = problem.jets.get(k) else {
                continue;
            };
            jets[k] = self.sum(jet.field, &jet.order, state)?;
        }
        Ok(jets)
    }

    fn sum(&self, field: usize, order: &[u8], state: &State) -> Result<Vec<f64>> {
        let missing = || Error::Internal {
            message: format!("rows without functions of order {order:?}"),
        };
        let functions = self.of_order(order).ok_or_else(missing)?;
        let coefficients = state.coefficients.get(field).ok_or_else(missing)?;
        let mut sum = vec![0.0; self.points.len()];
        for (k, c) in coefficients.iter().enumerate().take(functions.ncols()) {
            if *c != 0.0 {
                for (s, v) in sum.iter_mut().zip(functions.col_as_slice(k)) {
                    *s += c * v;
                }
            }
        }
        Ok(sum)
    }

    /// The residual, not weighted.
    pub(super) fn values(&self, problem: &Problem, jets: &Jets, state: &State) -> Result<Vec<f64>> {
        match self.residual(problem) {
            Some(residual) => {
                let mut out = vec![0.0; self.points.len()];
                self.with_arguments(problem, jets, state, |arguments| {
                    residual.value.evaluate(arguments, &mut out)
                })?;
                Ok(out)
            }
            None => {
                let (Says::Data { field } | Says::Known { field }) = self.says else {
                    return Ok(Vec::new());
                };
                let order = self.orders.first().cloned().unwrap_or_default();
                let sum = self.sum(field, &order, state)?;
                Ok(sum.iter().zip(&self.measured).map(|(s, v)| s - v).collect())
            }
        }
    }

    /// Slopes of the residual: `(jet, values)` and `(unknown, values)`.
    #[allow(clippy::type_complexity)] // two lists of the same make
    pub(super) fn slopes(
        &self,
        problem: &Problem,
        jets: &Jets,
        state: &State,
    ) -> Result<(Vec<(usize, Vec<f64>)>, Vec<(usize, Vec<f64>)>)> {
        let Some(residual) = self.residual(problem) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let (mut by_jet, mut by_unknown) = (Vec::new(), Vec::new());
        self.with_arguments(problem, jets, state, |arguments| {
            let run = |program: &crate::expr::Program| -> Result<Vec<f64>> {
                let mut out = vec![0.0; self.points.len()];
                program.evaluate(arguments, &mut out)?;
                Ok(out)
            };
            for (k, program) in &residual.by_jet {
                by_jet.push((*k, run(program)?));
            }
            for (k, program) in &residual.by_unknown {
                by_unknown.push((*k, run(program)?));
            }
            Ok(())
        })?;
        Ok((by_jet, by_unknown))
    }

    fn with_arguments(
        &self,
        problem: &Problem,
        jets: &Jets,
        state: &State,
        run: impl FnOnce(&[&[f64]]) -> Result<()>,
    ) -> Result<()> {
        let m = self.points.len();
        let none = vec![0.0; m];
        let parameters: Vec<Vec<f64>> = state.parameters.iter().map(|v| vec![*v; m]).collect();
        let missing = self.host.len() < problem.functions.len();
        let found = match missing {
            true => problem.functions_at(&self.points)?,
            false => Vec::new(),
        };
        let host = if missing { &found } else { &self.host };
        let jets = jets.iter().map(|j| if j.is_empty() { &none } else { j });
        let arguments: Vec<&[f64]> = self
            .points
            .columns()
            .chain(jets.map(Vec::as_slice))
            .chain(parameters.iter().map(Vec::as_slice))
            .chain(self.normals.columns())
            .chain(host.iter().map(Vec::as_slice))
            .collect();
        run(&arguments)
    }

    /// Writes weighted rows of the Jacobian from row `first` on.
    pub(super) fn jacobian(
        &self,
        problem: &Problem,
        jets: &Jets,
        state: &State,
        first: usize,
        into: &mut Mat<f64>,
    ) -> Result<()> {
        let m = self.points.len();
        let n = state.coefficients.first().map_or(0, Vec::len);
        if let Says::Data { field } | Says::Known { field } = self.says {
            if let Some(functions) = self.functions.first() {
                for k in 0..n {
                    let to = &mut into.col_as_slice_mut(field * n + k)[first..first + m];
                    for (to, v) in to.iter_mut().zip(functions.col_as_slice(k)) {
                        *to += self.weight * v;
                    }
                }
            }
            return Ok(());
        }
        let (by_jet, by_unknown) = self.slopes(problem, jets, state)?;
        for (jet, slope) in &by_jet {
            let Some((jet, functions)) = problem
                .jets
                .get(*jet)
                .and_then(|j| Some((j, self.of_order(&j.order)?)))
            else {
                continue;
            };
            let slope: Vec<f64> = slope.iter().map(|s| s * self.weight).collect();
            for k in 0..n {
                let to = &mut into.col_as_slice_mut(jet.field * n + k)[first..first + m];
                for ((to, v), s) in to.iter_mut().zip(functions.col_as_slice(k)).zip(&slope) {
                    *to += s * v;
                }
            }
        }
        for (k, slope) in &by_unknown {
            let column = state.coefficients.len() * n + k;
            let to = &mut into.col_as_slice_mut(column)[first..first + m];
            for (to, s) in to.iter_mut().zip(slope) {
                *to += self.weight * s;
            }
        }
        Ok(())
    }
}

/// A system of rows over a basis.
pub(super) struct System<'a> {
    pub(super) problem: &'a Problem,
    pub(super) basis: Basis,
    pub(super) sets: Vec<Rows>,
}

impl<'a> System<'a> {
    /// Evaluates the functions at all points. `weights`: whether the rows of every set are brought to a common
    /// size, at this state.
    pub(super) fn new(
        problem: &'a Problem,
        basis: Basis,
        mut sets: Vec<Rows>,
        progress: &Progress<'_>,
    ) -> Result<Self> {
        for set in &mut sets {
            progress.check()?;
            set.prepare(problem, &basis)?;
        }
        Ok(System {
            problem,
            basis,
            sets,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.sets.iter().map(|s| s.points.len()).sum()
    }

    pub(super) fn columns(&self) -> usize {
        self.problem.fields.len() * self.basis.len() + self.problem.unknowns.len()
    }

    /// The weighted residual at a state.
    pub(super) fn residual(&self, state: &State) -> Result<Vec<f64>> {
        let mut out = Vec::with_capacity(self.rows());
        for set in &self.sets {
            let jets = set.jets(self.problem, state)?;
            let values = set.values(self.problem, &jets, state)?;
            out.extend(values.iter().map(|v| v * set.weight));
        }
        Ok(out)
    }

    /// The weighted Jacobian at a state.
    pub(super) fn jacobian(&self, state: &State) -> Result<Mat<f64>> {
        let mut out = Mat::zeros(self.rows(), self.columns());
        let mut first = 0;
        for set in &self.sets {
            let jets = set.jets(self.problem, state)?;
            set.jacobian(self.problem, &jets, state, first, &mut out)?;
            first += set.points.len();
        }
        Ok(out)
    }

    /// Weights every set such that its rows have norm one in the mean, times `strength` for conditions and `data` of
    /// that for measurements, and counts
    /// each set as one row per function, however many points it has.
    pub(super) fn balance(&mut self, state: &State, strength: f64, data: f64) -> Result<()> {
        let n = self.basis.len();
        for set in &mut self.sets {
            set.weight = 1.0;
            let m = set.points.len();
            let columns = state.coefficients.len() * n + state.parameters.len();
            let mut rows = Mat::zeros(m, columns);
            let jets = set.jets(self.problem, state)?;
            set.jacobian(self.problem, &jets, state, 0, &mut rows)?;
            let mut sum = 0.0;
            for k in 0..state.coefficients.len() * n {
                sum += rows.col_as_slice(k).iter().map(|v| v * v).sum::<f64>();
            }
            let norm = (sum / m.max(1) as f64).sqrt();
            if norm.is_finite() && norm > 0.0 {
                let strength = match set.says {
                    Says::Equation(_) => 1.0,
                    Says::Condition(_) | Says::Known { .. } => strength,
                    // Equations hold, measurements scatter.
                    Says::Data { .. } => strength * data * set.trust,
                };
                set.weight = strength / norm / (m as f64).sqrt();
            }
        }
        Ok(())
    }
}
