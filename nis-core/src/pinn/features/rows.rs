//! Rows of the least-squares system: equations at interior points, conditions on the boundary, measurements.

use faer::Mat;

use super::super::points::{Points, Sequence};
use super::super::problem::{Place, Problem, Residual};
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
    trust: f64,
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
