//! Responses as they are fitted: checked, scaled, weighted, and grouped by equal weights.

use faer::Mat;
use num_complex::Complex64;

use super::{FitOptions, FrequencyData, Weighting};
use crate::error::{Error, Result};

/// Singular directions of the responses below this share of the largest are rounding.
const RANK: f64 = 1e-14;

/// Imaginary part of a response at real `s` that is taken for rounding, against the largest response.
const REAL: f64 = 1e-6;

/// Elements of the response that have the same weights.
pub(super) struct Group {
    /// Per point.
    pub(super) weight: Vec<f64>,
    /// Which elements of the response these are.
    pub(super) cells: Vec<usize>,
    /// Weighted responses, a column per element; real parts above imaginary parts.
    pub(super) y: Mat<f64>,
    /// An orthogonal mixture of the elements, unweighted, that spans all of them: the sum of squared errors is
    /// the same, and equal elements take one column.
    pub(super) directions: Vec<Vec<Complex64>>,
}

/// Responses of unit size at points of unit size.
pub(super) struct Samples {
    /// Points divided by `scale`.
    pub(super) s: Vec<Complex64>,
    /// Largest magnitude of a point.
    pub(super) scale: f64,
    /// Largest magnitude of a response.
    pub(super) size: f64,
    pub(super) groups: Vec<Group>,
    /// Elements of the response matrix.
    pub(super) cells: usize,
    pub(super) direct: bool,
    pub(super) linear: bool,
    /// Real equations that have a weight.
    pub(super) equations: usize,
    /// Sum of squares of the weighted responses.
    pub(super) power: f64,
    /// Highest order that the points determine.
    pub(super) highest: usize,
    /// The largest weight, by which all were divided.
    pub(super) largest_weight: f64,
}

impl Samples {
    pub(super) fn new(data: &FrequencyData<'_>, options: &FitOptions) -> Result<Self> {
        let cells = check(data, options)?;
        let points = data.s.len();
        let scale = data.s.iter().fold(0.0f64, |a, s| a.max(s.norm()));
        let size = data.response.iter().fold(0.0f64, |a, h| a.max(h.norm()));
        let size = if size > 0.0 { size } else { 1.0 };
        let s: Vec<Complex64> = data.s.iter().map(|s| s / scale).collect();
        let mut h: Vec<Complex64> = data.response.iter().map(|h| h / size).collect();
        for (k, s) in s.iter().enumerate().filter(|(_, s)| s.im == 0.0) {
            for (cell, h) in h.iter_mut().skip(k * cells).take(cells).enumerate() {
                if h.im.abs() > REAL {
                    return Err(Error::invalid(
                        format!("response[{}]", k * cells + cell),
                        format!("{}", *h * size),
                        format!(
                            "a real value: at s = {} a real system answers so",
                            s.re * scale
                        ),
                    ));
                }
                h.im = 0.0;
            }
        }
        let (weights, largest_weight) = weights(data, options.weighting, &h, cells)?;
        let mut groups: Vec<Group> = Vec::new();
        for (cell, weight) in weights.into_iter().enumerate() {
            match groups.iter_mut().find(|g| g.weight == weight) {
                Some(group) => group.cells.push(cell),
                None => groups.push(Group {
                    weight,
                    cells: vec![cell],
                    y: Mat::new(),
                    directions: Vec::new(),
                }),
            }
        }
        let mut equations = 0;
        let mut power = 0.0;
        let mut rows_least = usize::MAX;
        for group in &mut groups {
            let elements: Vec<Vec<Complex64>> = group
                .cells
                .iter()
                .map(|cell| (0..points).map(|k| h[k * cells + cell]).collect())
                .collect();
            group.y = Mat::zeros(2 * points, elements.len());
            for (j, element) in elements.iter().enumerate() {
                super::basis::write(&mut group.y, j, element, &group.weight);
            }
            let rows: usize = distinct(&s, &group.weight);
            rows_least = rows_least.min(rows);
            let all: usize = s
                .iter()
                .zip(&group.weight)
                .filter(|(_, w)| **w > 0.0)
                .map(|(s, _)| if s.im == 0.0 { 1 } else { 2 })
                .sum();
            equations += all * group.cells.len();
            power += group.y.squared_norm_l2();
            group.directions = directions(elements, &group.y)?;
        }
        // Every element needs its residues, all together the poles.
        let extras = usize::from(options.direct) + usize::from(options.linear);
        let each = rows_least.saturating_sub(extras);
        let together = (rows_least * cells).saturating_sub(cells * extras) / (cells + 1);
        let highest = together.min(each.saturating_sub(1));
        Ok(Samples {
            s,
            scale,
            size,
            groups,
            cells,
            direct: options.direct,
            linear: options.linear,
            equations,
            power,
            highest,
            largest_weight,
        })
    }

    /// Columns beside those of the poles.
    pub(super) fn extras(&self) -> usize {
        usize::from(self.direct) + usize::from(self.linear)
    }

    /// Real parameters of a fit of the given order.
    pub(super) fn parameters(&self, order: usize) -> usize {
        order + self.cells * (order + self.extras())
    }
}

/// Real equations of one element at distinct weighted points.
fn distinct(s: &[Complex64], weight: &[f64]) -> usize {
    let mut used: Vec<Complex64> = s
        .iter()
        .zip(weight)
        .filter(|(_, w)| **w > 0.0)
        // A conjugate point repeats what its partner says.
        .map(|(s, _)| Complex64::new(s.re, s.im.abs()))
        .collect();
    used.sort_by(|a, b| a.im.total_cmp(&b.im).then(a.re.total_cmp(&b.re)));
    used.dedup();
    used.iter().map(|s| if s.im == 0.0 { 1 } else { 2 }).sum()
}

fn directions(elements: Vec<Vec<Complex64>>, y: &Mat<f64>) -> Result<Vec<Vec<Complex64>>> {
    if elements.len() == 1 {
        return Ok(elements);
    }
    let svd = y
        .thin_svd()
        .map_err(|e| Error::numerical("singular values of the responses", format!("{e:?}")))?;
    let largest = svd
        .S()
        .column_vector()
        .iter()
        .copied()
        .next()
        .unwrap_or(0.0);
    let points = elements.first().map_or(0, Vec::len);
    Ok((0..svd.S().dim())
        .filter(|d| svd.S()[*d] > RANK * largest)
        .map(|d| {
            (0..points)
                .map(|k| {
                    elements
                        .iter()
                        .enumerate()
                        .map(|(e, element)| element[k] * svd.V()[(e, d)])
                        .sum()
                })
                .collect()
        })
        .collect())
}

/// The weights of every element, at most 1.
fn weights(
    data: &FrequencyData<'_>,
    weighting: Weighting,
    h: &[Complex64],
    cells: usize,
) -> Result<(Vec<Vec<f64>>, f64)> {
    let points = data.s.len();
    let own = |k: usize, cell: usize| match data.weights {
        None => 1.0,
        Some(w) if w.len() == points => w[k],
        Some(w) => w[k * cells + cell],
    };
    let mut all: Vec<Vec<f64>> = Vec::with_capacity(cells);
    for cell in 0..cells {
        let mut weight = Vec::with_capacity(points);
        for k in 0..points {
            let magnitude = match weighting {
                Weighting::Uniform => 1.0,
                Weighting::InverseMagnitude => h[k * cells + cell].norm(),
                Weighting::InverseNorm => h[k * cells..(k + 1) * cells]
                    .iter()
                    .map(Complex64::norm_sqr)
                    .sum::<f64>()
                    .sqrt(),
            };
            if magnitude.is_nan() || magnitude <= 0.0 {
                return Err(Error::invalid(
                    format!("response[{}]", k * cells + cell),
                    "0",
                    "a value other than 0 where weights are relative to it",
                ));
            }
            weight.push(own(k, cell) / magnitude);
        }
        all.push(weight);
    }
    let largest = all.iter().flatten().fold(0.0f64, |a, w| a.max(*w));
    if largest.is_nan() || largest <= 0.0 {
        return Err(Error::invalid(
            "weights",
            "0 everywhere",
            "a positive weight",
        ));
    }
    if !largest.is_finite() {
        return Err(Error::invalid(
            "weights",
            "a weight that overflows when it is divided by the response's magnitude",
            "weights and responses of a smaller range",
        ));
    }
    for weight in all.iter_mut().flatten() {
        *weight /= largest;
    }
    Ok((all, largest))
}

fn check(data: &FrequencyData<'_>, options: &FitOptions) -> Result<usize> {
    let points = data.s.len();
    let cells = match data.outputs.checked_mul(data.inputs) {
        Some(cells) if cells > 0 => cells,
        _ => {
            return Err(Error::invalid(
                "outputs, inputs",
                format!("{} x {}", data.outputs, data.inputs),
                "at least one of each",
            ));
        }
    };
    if points < 2 {
        return Err(Error::invalid("s", format!("{points} points"), "2 or more"));
    }
    if points.checked_mul(cells) != Some(data.response.len()) {
        return Err(Error::invalid(
            "response",
            format!("{} values", data.response.len()),
            format!(
                "{points} x {} x {}, one per point, output and input",
                data.outputs, data.inputs
            ),
        ));
    }
    for (field, values) in [("s", data.s), ("response", data.response)] {
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::invalid(
                format!("{field}[{at}]"),
                format!("{}", values[at]),
                "a finite value",
            ));
        }
    }
    if data.s.iter().all(|s| s.norm() == 0.0) {
        return Err(Error::invalid("s", "0 throughout", "points that differ"));
    }
    if let Some(weights) = data.weights {
        if weights.len() != points && weights.len() != points * cells {
            return Err(Error::invalid(
                "weights",
                format!("{} values", weights.len()),
                format!(
                    "{points} (one per point) or {} (one per response)",
                    points * cells
                ),
            ));
        }
        if let Some(at) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            return Err(Error::invalid(
                format!("weights[{at}]"),
                weights[at],
                "a finite weight, 0 or more",
            ));
        }
    }
    if !(options.tolerance.is_finite() && options.tolerance >= 0.0) {
        return Err(Error::invalid(
            "options.tolerance",
            options.tolerance,
            "a relative error, 0 or more",
        ));
    }
    Ok(cells)
}
