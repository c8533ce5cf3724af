//! Prediction intervals: by the Laplace approximation at the fitted network, and by split conformal prediction.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

use super::network::{Edge, Kan};
use super::train::Smoothness;
use crate::error::{Error, Result};

/// Most parameters whose covariance is kept (128 MiB).
const MOST: usize = 4000;

/// A share of the largest diagonal entry of the precision, which keeps directions out that neither rows nor penalty
/// determine.
const RIDGE: f64 = 1e-10;

/// Where a prediction and a new observation lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The network's prediction.
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// How far predictions of a network are off. It belongs to the network that it was made with.
///
/// ```
/// use nis_core::{kan::{Kan, TrainOptions, Uncertainty}, telemetry::Progress};
/// let x: Vec<f64> = (0..200).map(|i| f64::from(i) / 100.0 - 1.0).collect();
/// // A line with a disturbance of standard deviation 0.1 sqrt(1/2).
/// let y: Vec<f64> = x.iter().enumerate().map(|(i, x)| 2.0 * x + 0.1 * (i as f64 * 7.3).sin()).collect();
/// let mut net = Kan::new(&[1, 1], 4, 3, 0)?;
/// let options = TrainOptions { smoothness: 1e-3, ..TrainOptions::default() };
/// net.train(&x, &y, &options, &Progress::none())?;
/// let uncertainty = Uncertainty::laplace(&net, &x, &y, options.smoothness)?;
/// let at = uncertainty.interval(&net, &[0.3], 0.9)?[0];
/// assert!(at.lower < 0.6 && 0.6 < at.upper && at.upper - at.lower < 0.4);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Uncertainty {
    /// Normal noise around a network whose parameters are normal around their fitted values.
    Laplace(Laplace),
    /// Residuals of rows that took no part in the fit.
    Conformal(Conformal),
}

/// The Laplace approximation: MacKay, Neural Comput. 4 (1992) 448, eqs. (8) and (16), with the Gauss-Newton matrix for the
/// Hessian.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Laplace {
    /// Indices of the trained parameters.
    trained: Vec<usize>,
    /// Number of all parameters of the network.
    parameters: usize,
    /// Inverse of the Gauss-Newton matrix with penalty, row-major.
    covariance: Vec<f64>,
    /// Noise variance of every output.
    pub noise: Vec<f64>,
    /// Effective degrees of freedom of the fit: the trace of the matrix that maps `y` to predictions.
    pub effective_parameters: f64,
    /// Rows that the fit saw.
    pub rows: usize,
}

/// Absolute residuals of held-out rows: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), section
/// 2.2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// Per output, rising.
    residuals: Vec<Vec<f64>>,
}

fn rows_of(net: &Kan, x: &[f64], y: &[f64]) -> Result<usize> {
    let rows = x.len() / net.inputs();
    if rows == 0 || x.len() != rows * net.inputs() || y.len() != rows * net.outputs() {
        return Err(Error::invalid(
            "x, y",
            format!("{} and {} values", x.len(), y.len()),
            format!(
                "rows of {} inputs and {} outputs",
                net.inputs(),
                net.outputs()
            ),
        ));
    }
    for (field, v, width) in [("x", x, net.inputs()), ("y", y, net.outputs())] {
        if let Some(at) = v.iter().position(|v| !v.is_finite()) {
            return Err(Error::invalid(
                format!("{field}[{}][{}]", at / width, at % width),
                v[at],
                "finite values",
            ));
        }
    }
    Ok(rows)
}

impl Uncertainty {
    /// From the rows that the network was fitted to (row-major) and the smoothness of that fit
    /// ([`TrainOptions::smoothness`](super::TrainOptions)), where the squared loss was at its minimum.
    ///
    /// With the Gauss-Newton matrix `J'J`, the penalty `P` of the fit and `A = J'J + P`, the effective parameters are
    /// `tr(A^-1 J'J)`, the noise variance is the sum of squared residuals over rows minus effective parameters, and the
    /// variance of a new observation is `noise (1 + g' A^-1 g)` with the gradient `g` of the prediction. Linear outside the
    /// grid, the network's uncertainty grows there. Costs `N P^2 + P^3` operations and `8 P^2` bytes.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the rows do not fit, a value is not finite or the smoothness is negative or no number;
    /// [`Error::Limit`] over 4000 trained parameters; [`Error::Numerical`] where no degrees of freedom are left for the
    /// noise or the matrix cannot be inverted.
    pub fn laplace(net: &Kan, x: &[f64], y: &[f64], smoothness: f64) -> Result<Self> {
        let rows = rows_of(net, x, y)?;
        if smoothness.is_nan() || smoothness < 0.0 || smoothness.is_infinite() {
            return Err(Error::invalid(
                "smoothness",
                smoothness,
                "0 or a positive number",
            ));
        }
        let trained = trained_parameters(net);
        let p = trained.len();
        if p > MOST {
            return Err(Error::Limit {
                what: "trained parameters".into(),
                limit: MOST as u64,
                got: p as u64,
            });
        }
        let outputs = net.outputs();
        let mut normal = Mat::<f64>::zeros(p, p);
        let mut squares = vec![0.0; outputs];
        let mut gradients = Gradients::new(net, &trained);
        for (x, y) in x.chunks(net.inputs()).zip(y.chunks(outputs)) {
            let predicted = gradients.forward(x);
            for ((s, p), y) in squares.iter_mut().zip(&predicted).zip(y) {
                *s += (p - y).powi(2);
            }
            for o in 0..outputs {
                let g = gradients.of_output(o);
                let there: Vec<usize> = (0..p).filter(|k| g[*k] != 0.0).collect();
                for (n, j) in there.iter().enumerate() {
                    for i in &there[n..] {
                        normal[(*i, *j)] += g[*i] * g[*j];
                    }
                }
            }
        }
        let mut precision = normal.clone();
        add_penalty(net, &trained, y.len() as f64, smoothness, &mut precision)?;
        for j in 0..p {
            for i in 0..j {
                normal[(i, j)] = normal[(j, i)];
                precision[(i, j)] = precision[(j, i)];
            }
        }
        let top = (0..p).map(|i| precision[(i, i)]).fold(0.0, f64::max);
        for i in 0..p {
            precision[(i, i)] += RIDGE * top.max(f64::MIN_POSITIVE);
        }
        let failed = |reason: &str| Error::numerical("Laplace approximation", reason);
        let llt = precision
            .llt(Side::Lower)
            .map_err(|_| failed("the Gauss-Newton matrix is not positive definite"))?;
        let covariance = llt.solve(Mat::<f64>::identity(p, p));
        let mut effective = 0.0;
        for i in 0..p {
            for j in 0..p {
                effective += covariance[(i, j)] * normal[(j, i)];
            }
        }
        let freedom = rows as f64 - effective / outputs as f64;
        if !effective.is_finite() || freedom < 1.0 {
            return Err(failed(&format!(
                "{effective:.1} effective parameters leave no degrees of freedom of {} values for the noise",
                y.len()
            )));
        }
        Ok(Uncertainty::Laplace(Laplace {
            parameters: net.parameters(),
            covariance: (0..p)
                .flat_map(|i| (0..p).map(move |j| (i, j)))
                .map(|(i, j)| covariance[(i, j)])
                .collect(),
            trained,
            noise: squares.iter().map(|s| s / freedom).collect(),
            effective_parameters: effective,
            rows,
        }))
    }

    /// From rows (row-major) that took no part in the fit nor in its choices.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the rows do not fit or a value is not finite.
    pub fn conformal(net: &Kan, x: &[f64], y: &[f64]) -> Result<Self> {
        rows_of(net, x, y)?;
        let predicted = net.predict(x)?;
        let mut residuals = vec![Vec::new(); net.outputs()];
        for (p, y) in predicted.chunks(net.outputs()).zip(y.chunks(net.outputs())) {
            for ((r, p), y) in residuals.iter_mut().zip(p).zip(y) {
                r.push((p - y).abs());
            }
        }
        residuals.iter_mut().for_each(|r| r.sort_by(f64::total_cmp));
        Ok(Uncertainty::Conformal(Conformal { residuals }))
    }

    /// Intervals that hold a new observation with probability `level`, for rows of inputs: `[row][output]`, row-major.
    ///
    /// Laplace: the quantile of Student's t with rows minus effective parameters degrees of freedom. Conformal: the
    /// `ceil((n + 1) level)`-th smallest of `n` held-out residuals, which covers with at least that probability whatever the
    /// network and the noise are, on average over new rows like the held-out ones.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `x` does not fit, the level is not in (0, 1), the network is another than the one given
    /// before, or the held-out rows are too few for the level (9 for 90 %).
    pub fn interval(&self, net: &Kan, x: &[f64], level: f64) -> Result<Vec<Interval>> {
        if level.is_nan() || level <= 0.0 || level >= 1.0 {
            return Err(Error::invalid("level", level, "a probability in (0, 1)"));
        }
        let predicted = net.predict(x)?;
        let outputs = net.outputs();
        let halves = match self {
            Uncertainty::Laplace(laplace) => {
                let t = student_quantile(0.5 + 0.5 * level, laplace.freedom(outputs));
                let variances = laplace.variances(net, x)?;
                variances
                    .iter()
                    .enumerate()
                    .map(|(k, v)| t * (laplace.noise[k % outputs] + v).sqrt())
                    .collect()
            }
            Uncertainty::Conformal(conformal) => {
                let each = conformal.halves(outputs, level)?;
                predicted
                    .iter()
                    .enumerate()
                    .map(|(k, _)| each[k % outputs])
                    .collect::<Vec<f64>>()
            }
        };
        let around = |(value, half): (&f64, f64)| Interval {
            value: *value,
            lower: value - half,
            upper: value + half,
        };
        Ok(predicted.iter().zip(halves).map(around).collect())
    }

    /// Standard errors of the predictions themselves, without the noise of an observation: `[row][output]`.
    ///
    /// # Errors
    /// As [`Uncertainty::interval`]; [`Error::Unavailable`] for conformal intervals, which know no such thing.
    pub fn standard_errors(&self, net: &Kan, x: &[f64]) -> Result<Vec<f64>> {
        match self {
            Uncertainty::Laplace(laplace) => {
                net.predict(x)?;
                Ok(laplace
                    .variances(net, x)?
                    .iter()
                    .map(|v| v.sqrt())
                    .collect())
            }
            Uncertainty::Conformal(_) => Err(Error::unavailable(
                "standard errors",
                "conformal prediction gives intervals alone; use the Laplace approximation",
            )),
        }
    }
}

impl Laplace {
    fn freedom(&self, outputs: usize) -> f64 {
        self.rows as f64 - self.effective_parameters / outputs as f64
    }

    /// Variances of the predictions.
    fn variances(&self, net: &Kan, x: &[f64]) -> Result<Vec<f64>> {
        let p = self.trained.len();
        let fits = self.trained == trained_parameters(net)
            && self.parameters == net.parameters()
            && self.covariance.len() == p * p
            && self.noise.len() == net.outputs();
        if !fits {
            return Err(Error::invalid(
                "net",
                format!("{} parameters", net.parameters()),
                "the network that the uncertainty was computed for",
            ));
        }
        let mut gradients = Gradients::new(net, &self.trained);
        let mut out = Vec::new();
        for row in x.chunks(net.inputs()) {
            gradients.forward(row);
            for (o, noise) in self.noise.iter().enumerate() {
                let g = gradients.of_output(o);
                let mut sum = 0.0;
                for (gi, row) in g.iter().zip(self.covariance.chunks(p.max(1))) {
                    if *gi != 0.0 {
                        sum += gi * row.iter().zip(g).map(|(c, gj)| c * gj).sum::<f64>();
                    }
                }
                out.push(noise * sum.max(0.0));
            }
        }
        Ok(out)
    }
}

impl Conformal {
    fn halves(&self, outputs: usize, level: f64) -> Result<Vec<f64>> {
        if self.residuals.len() != outputs {
            return Err(Error::invalid(
                "net",
                format!("{outputs} outputs"),
                "the network that the residuals are of",
            ));
        }
        let half = |r: &Vec<f64>| {
            // One part in 1e12 less, so that 0.9 of 10 is 9.
            let rank = ((r.len() + 1) as f64 * level * (1.0 - 1e-12)).ceil() as usize;
            r.get(rank.max(1) - 1).copied().ok_or_else(|| {
                Error::invalid(
                    "level",
                    level,
                    format!(
                        "at most {} with {} held-out rows",
                        r.len() as f64 / (r.len() + 1) as f64,
                        r.len()
                    ),
                )
            })
        };
        self.residuals.iter().map(half).collect()
    }
}

/// Parameters on trained edges.
fn trained_parameters(net: &Kan) -> Vec<usize> {
    let mut out = Vec::new();
    for (layer, start) in net.layers.iter().zip(net.parameter_starts()) {
        let n = layer.functions();
        let trained = |e: &usize| layer.edges[*e] == Edge::Trained;
        let edges: Vec<usize> = (0..layer.inputs * layer.sums).filter(trained).collect();
        out.extend(
            edges
                .iter()
                .flat_map(|e| start + e * n..start + (e + 1) * n),
        );
        if layer.has_base() {
            out.extend(edges.iter().map(|e| start + layer.coefficients.len() + e));
        }
    }
    out
}

/// Adds the penalty of the fit (lower triangle).
fn add_penalty(
    net: &Kan,
    trained: &[usize],
    values: f64,
    smoothness: f64,
    into: &mut Mat<f64>,
) -> Result<()> {
    let mut place = vec![None; net.parameters()];
    for (k, at) in trained.iter().enumerate() {
        place[*at] = Some(k);
    }
    let mut each = |i: usize, j: usize, v: f64| {
        if let (Some(i), Some(j)) = (place[i], place[j]) {
            into[(i, j)] += values * v;
        }
    };
    Smoothness::new(net)?.add(
        net,
        &net.parameter_values(),
        smoothness,
        None,
        Some(&mut each),
    );
    Ok(())
}

/// Gradients of the outputs with respect to the trained parameters, sample by sample.
struct Gradients<'a> {
    net: &'a Kan,
    trained: &'a [usize],
    trace: super::network::Trace,
    all: Vec<f64>,
    own: Vec<f64>,
}

impl<'a> Gradients<'a> {
    fn new(net: &'a Kan, trained: &'a [usize]) -> Self {
        Gradients {
            net,
            trained,
            trace: net.trace(),
            all: vec![0.0; net.parameters()],
            own: vec![0.0; trained.len()],
        }
    }

    fn forward(&mut self, x: &[f64]) -> Vec<f64> {
        self.net.forward(x, &mut self.trace).to_vec()
    }

    fn of_output(&mut self, output: usize) -> &[f64] {
        self.all.fill(0.0);
        let mut weights = vec![0.0; self.net.outputs()];
        if let Some(w) = weights.get_mut(output) {
            *w = 1.0;
        }
        self.net.add_gradient(&self.trace, &weights, &mut self.all);
        for (own, at) in self.own.iter_mut().zip(self.trained) {
            *own = self.all[*at];
        }
        &self.own
    }
}

/// The quantile of the standard normal distribution: Newton's steps on the complementary error function from the
/// approximation of Abramowitz and Stegun, eq. 26.2.23.
fn normal_quantile(p: f64) -> f64 {
    let tail = p.min(1.0 - p);
    let t = (-2.0 * tail.ln()).sqrt();
    let start = t
        - (2.515517 + t * (0.802853 + t * 0.010328))
            / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    let mut z = start;
    for _ in 0..3 {
        let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        if density > 0.0 {
            z += (upper_tail(z) - tail) / density;
        }
    }
    if p < 0.5 { -z } else { z }
}

/// The upper tail of the standard normal distribution for `z >= 0`: the series for small `z`, the continued fraction
/// beyond (Abramowitz and Stegun, eqs. 26.2.11 and 26.2.14).
fn upper_tail(z: f64) -> f64 {
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 3.0 {
        let (mut term, mut sum, mut k) = (z, z, 1.0);
        while term.abs() > 1e-17 {
            k += 2.0;
            term *= z * z / k;
            sum += term;
        }
        0.5 - density * sum
    } else {
        let mut fraction = z;
        for k in (1..80).rev() {
            fraction = z + f64::from(k) / fraction;
        }
        density / fraction
    }
}

/// The quantile of Student's t distribution for `p >= 1/2`: the expansion of Abramowitz and Stegun, eq. 26.7.5, exact forms
/// for 1 and 2 degrees of freedom, whose neighbours it does not reach (eqs. 26.7.3 and 26.7.4 with n = 1, 2).
fn student_quantile(p: f64, freedom: f64) -> f64 {
    let q = p - 0.5;
    if freedom < 1.5 {
        return (std::f64::consts::PI * q).tan();
    }
    if freedom < 2.5 {
        return 2.0 * q * (2.0 / (1.0 - 4.0 * q * q)).sqrt();
    }
    let z = normal_quantile(p);
    let (z2, n) = (z * z, freedom);
    let g1 = (z2 + 1.0) * z / 4.0;
    let g2 = ((5.0 * z2 + 16.0) * z2 + 3.0) * z / 96.0;
    let g3 = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) * z / 384.0;
    let g4 = ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) * z / 92160.0;
    z + (g1 + (g2 + (g3 + g4 / n) / n) / n) / n
}

#[cfg(test)]
mod tests;
