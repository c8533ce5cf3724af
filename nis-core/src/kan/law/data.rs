//! The columns as they are learned: checked, in the chosen scale, mapped to [-1, 1], split; and the errors of a
//! prediction.

use super::super::{LawOptions, Named, Scale};
use crate::error::{Error, Result};
use crate::optim::Random;

const MIN_ROWS: usize = 5;
const MAX_INPUTS: usize = 64;

/// Refuses columns of different lengths, with values that are not finite, or with names that repeat or cannot stand in
/// a formula.
pub(in crate::kan) fn check_columns(inputs: &[Named<'_>], target: &Named<'_>) -> Result<()> {
    let rows = target.values.len();
    let mut names = std::collections::HashSet::new();
    for column in inputs.iter().chain([target]) {
        if column.name.is_empty()
            || column.name.contains(char::is_control)
            || !names.insert(column.name)
        {
            return Err(Error::invalid(
                "names",
                format!("{:?}", column.name),
                "names that differ, not empty, without control characters",
            ));
        }
        if column.values.len() != rows {
            return Err(Error::invalid(
                column.name,
                format!("{} values", column.values.len()),
                format!("{rows} values, as in {}", target.name),
            ));
        }
        if let Some(at) = column.values.iter().position(|v| !v.is_finite()) {
            return Err(Error::invalid(
                format!("{}[{at}]", column.name),
                column.values[at],
                "finite values",
            ));
        }
    }
    Ok(())
}

/// Refuses what cannot be learned from.
pub(super) fn check(inputs: &[Named<'_>], target: Named<'_>, options: &LawOptions) -> Result<()> {
    let rows = target.values.len();
    if inputs.is_empty() || inputs.len() > MAX_INPUTS {
        return Err(Error::invalid(
            "inputs",
            inputs.len(),
            format!("1 to {MAX_INPUTS} columns"),
        ));
    }
    if rows < MIN_ROWS {
        return Err(Error::invalid("rows", rows, format!("at least {MIN_ROWS}")));
    }
    check_columns(inputs, &target)?;
    for column in inputs.iter().chain([&target]) {
        if options.scale == Scale::Log && column.values.iter().any(|v| *v <= 0.0) {
            return Err(Error::invalid(
                column.name,
                "a value <= 0",
                "positive values for a log scale",
            ));
        }
    }
    if target.values.iter().all(|v| *v == target.values[0]) {
        return Err(Error::invalid(
            target.name,
            "a constant",
            "a target that varies",
        ));
    }
    if !(options.holdout > 0.0 && options.holdout <= 0.5) {
        return Err(Error::invalid(
            "holdout",
            options.holdout,
            "a share in (0, 0.5]",
        ));
    }
    if !(options.threshold >= 0.0 && options.threshold < 1.0) {
        return Err(Error::invalid(
            "threshold",
            options.threshold,
            "an R2 in [0, 1)",
        ));
    }
    if options.grid.is_some_and(|g| !(1..=200).contains(&g)) {
        return Err(Error::invalid(
            "grid",
            options.grid.unwrap_or(0),
            "1 to 200 cells",
        ));
    }
    if options
        .hidden
        .as_ref()
        .is_some_and(|h| h.contains(&0) || h.len() > 4)
    {
        return Err(Error::invalid(
            "hidden",
            format!("{:?}", options.hidden),
            "at most 4 positive widths",
        ));
    }
    if options.max_iterations == 0 {
        return Err(Error::invalid("max_iterations", 0, "at least 1"));
    }
    Ok(())
}

/// An affine map of the training rows to [-1, 1] (or of a constant to 0).
#[derive(Clone, Copy)]
pub(super) struct Affine {
    pub(super) middle: f64,
    pub(super) half: f64,
}

impl Affine {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (a, b) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
            (a.min(v), b.max(v))
        });
        // Halves first: the difference of the largest numbers is no number.
        let half = 0.5 * b - 0.5 * a;
        Affine {
            middle: a + half,
            half: if half > 0.0 { half } else { 1.0 },
        }
    }

    pub(super) fn apply(self, v: f64) -> f64 {
        (v - self.middle) / self.half
    }
}

/// The columns in the scale that is learned in.
pub(super) struct Scaled<'a> {
    pub(super) names: Vec<&'a str>,
    pub(super) target: &'a str,
    /// Inputs in their own units.
    pub(super) inputs: Vec<&'a [f64]>,
    /// The target in its own unit.
    pub(super) original: &'a [f64],
    pub(super) logarithmic: bool,
    /// Inputs in the learned scale, before the map to [-1, 1].
    pub(super) x: Vec<Vec<f64>>,
    pub(super) y: Vec<f64>,
    /// Maps of the inputs and of the target, from the training rows alone.
    pub(super) maps: Vec<Affine>,
    pub(super) y_map: Affine,
}

/// Whether the default scale is the logarithm: all values are positive, and one column spans a decade.
pub(super) fn suits_logarithm(inputs: &[Named<'_>], target: Named<'_>) -> bool {
    let mut wide = false;
    for column in inputs.iter().chain([&target]) {
        let most = column.values.iter().copied().fold(0.0, f64::max);
        let least = column.values.iter().copied().fold(f64::INFINITY, f64::min);
        if least <= 0.0 {
            return false;
        }
        wide |= most / 10.0 > least;
    }
    wide
}

impl<'a> Scaled<'a> {
    pub(super) fn new(
        inputs: &[Named<'a>],
        target: Named<'a>,
        logarithmic: bool,
        split: &Split,
    ) -> Result<Self> {
        let learned = |v: &[f64]| -> Vec<f64> {
            v.iter()
                .map(|v| if logarithmic { v.ln() } else { *v })
                .collect()
        };
        let x: Vec<Vec<f64>> = inputs.iter().map(|c| learned(c.values)).collect();
        let y = learned(target.values);
        let map = |v: &[f64]| Affine::over(split.train.iter().map(|r| v[*r]));
        Ok(Scaled {
            names: inputs.iter().map(|c| c.name).collect(),
            target: target.name,
            inputs: inputs.iter().map(|c| c.values).collect(),
            original: target.values,
            logarithmic,
            maps: x.iter().map(|v| map(v)).collect(),
            y_map: map(&y),
            x,
            y,
        })
    }

    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.y.len()).collect()
    }

    /// Inputs of some rows, scaled for the network, row-major.
    pub(super) fn rows(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter()
            .flat_map(|r| {
                self.x
                    .iter()
                    .zip(&self.maps)
                    .map(move |(x, m)| m.apply(x[*r]))
            })
            .collect()
    }

    pub(super) fn targets(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().map(|r| self.y_map.apply(self.y[*r])).collect()
    }

    /// Network outputs in the learned scale.
    pub(super) fn learned(&self, outputs: &[f64]) -> Vec<f64> {
        let map = self.y_map;
        outputs.iter().map(|v| map.middle + map.half * v).collect()
    }

    /// The target in its own unit from its value in the learned scale.
    pub(super) fn back(&self, learned: f64) -> f64 {
        if self.logarithmic {
            learned.exp()
        } else {
            learned
        }
    }

    /// Some rows of a column.
    pub(super) fn pick(column: &[f64], rows: &[usize]) -> Vec<f64> {
        rows.iter().map(|r| column[*r]).collect()
    }
}

/// Which rows train and which are held out.
pub(super) struct Split {
    pub(super) train: Vec<usize>,
    pub(super) holdout: Vec<usize>,
}

impl Split {
    pub(super) fn new(n: usize, options: &LawOptions) -> Self {
        let mut rows: Vec<usize> = (0..n).collect();
        shuffle(&mut rows, &mut Random(options.seed ^ 0x5eed));
        let out = ((options.holdout * n as f64).round() as usize).clamp(1, n - 3);
        let mut holdout = rows.split_off(n - out);
        holdout.sort_unstable();
        Split {
            train: rows,
            holdout,
        }
    }
}

pub(super) fn shuffle(rows: &mut [usize], random: &mut Random) {
    for i in (1..rows.len()).rev() {
        rows.swap(i, random.below(i + 1));
    }
}

pub(super) fn mean(v: &[f64]) -> f64 {
    v.iter().sum::<f64>() / v.len() as f64
}

pub(super) fn standard_deviation(v: &[f64]) -> f64 {
    let middle = mean(v);
    (v.iter().map(|x| (x - middle).powi(2)).sum::<f64>() / v.len() as f64).sqrt()
}

/// Errors of a prediction, and the prediction in the target's unit.
pub(super) struct Errors {
    pub(super) train: f64,
    pub(super) holdout: f64,
    /// Held-out R2 in the learned scale, against the mean of the training rows.
    pub(super) r2: f64,
    /// Held-out root-mean-square error in standard deviations of the learned target.
    pub(super) normalised: f64,
    pub(super) predicted: Vec<f64>,
}

impl Errors {
    /// From values in the learned scale for all rows.
    pub(super) fn of(scaled: &Scaled<'_>, split: &Split, learned: &[f64]) -> Self {
        let predicted: Vec<f64> = learned.iter().map(|v| scaled.back(*v)).collect();
        // In the units of the map, whose squares are numbers however large the target is.
        let y: Vec<f64> = scaled.y.iter().map(|v| scaled.y_map.apply(*v)).collect();
        let p: Vec<f64> = learned.iter().map(|v| scaled.y_map.apply(*v)).collect();
        let trained = Scaled::pick(&y, &split.train);
        let middle = mean(&trained);
        // A target that is constant on the training rows varies on the others.
        let spread = Some(standard_deviation(&trained))
            .filter(|s| *s > 0.0)
            .unwrap_or_else(|| standard_deviation(&y));
        let error = |rows: &[usize]| {
            let sum: f64 = rows
                .iter()
                .map(|r| {
                    if scaled.logarithmic {
                        (predicted[*r] / scaled.original[*r] - 1.0).powi(2)
                    } else {
                        ((p[*r] - y[*r]) / spread).powi(2)
                    }
                })
                .sum();
            (sum / rows.len() as f64).sqrt()
        };
        let held = split.holdout.len() as f64;
        let squares: f64 = split.holdout.iter().map(|r| (p[*r] - y[*r]).powi(2)).sum();
        let total: f64 = split.holdout.iter().map(|r| (middle - y[*r]).powi(2)).sum();
        Errors {
            train: error(&split.train),
            holdout: error(&split.holdout),
            // A single held-out row near the mean would make R2 a matter of luck: compare with the spread.
            r2: 1.0 - squares / total.max(spread * spread * held),
            normalised: (squares / held).sqrt() / spread,
            predicted,
        }
    }
}
