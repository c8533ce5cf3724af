//! The formula of a whole network, refitted to the data, judged on rows held out.

use serde::{Deserialize, Serialize};

use super::compose::{Candidates, Map, Outcome, Reader, Rows};
use super::edge::EdgeOptions;
use super::importance::check_rows;
use super::library::Library;
use super::sum::Sum;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::kan::Constant;
use crate::kan::network::Kan;
use crate::kan::symbolic::Fitted;
use crate::optim::Random;
use crate::telemetry::Progress;

/// A quantity and how a network sees it: the network's value is `(quantity - shift) / scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// Its name in the formula.
    pub name: String,
    /// Subtracted first, in the quantity's unit.
    pub shift: f64,
    /// Divided by then, in the quantity's unit; not 0.
    pub scale: f64,
}

impl Quantity {
    /// A quantity that the network sees as it is.
    pub fn plain(name: impl Into<String>) -> Self {
        Quantity {
            name: name.into(),
            shift: 0.0,
            scale: 1.0,
        }
    }
}

/// How a formula is read and when it is accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FormulaOptions {
    /// How edges are read. The R2 of a single edge is a weak judge (0.9 by default here): what counts are the rows.
    pub edge: EdgeOptions,
    /// Forms kept per edge for the choice by the rows, 1 to 20.
    pub keep: usize,
    /// Rows used during the choice; the last fit uses all.
    pub search_rows: usize,
    /// Indices of the rows held out, which judge and do nothing else; where empty, `holdout` of them by `seed`.
    pub holdout_rows: Vec<usize>,
    /// Share of the rows held out where none are named; in (0, 0.5].
    pub holdout: f64,
    /// Seed of that.
    pub seed: u64,
    /// Held-out R2 that a formula must have, in [0, 1).
    pub threshold: f64,
    /// A formula may have this many times the held-out error of the network.
    pub loss: f64,
    /// Held-out error, in standard deviations of the target, that is good whatever the network reaches.
    pub good: f64,
}

impl Default for FormulaOptions {
    fn default() -> Self {
        FormulaOptions {
            edge: EdgeOptions {
                threshold: 0.9,
                ..EdgeOptions::default()
            },
            keep: 3,
            search_rows: 300,
            holdout_rows: Vec::new(),
            holdout: 0.2,
            seed: 0,
            threshold: 0.5,
            loss: 1.3,
            good: 0.01,
        }
    }
}

/// An edge and the form it has in a formula.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgeReading {
    /// Layer, input and sum of the edge.
    pub edge: [usize; 3],
    /// Name of the form; `None` where the edge counts as constant.
    pub form: Option<String>,
    /// R2 of the form against the edge.
    pub r2: Option<f64>,
}

/// The formula of one output, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Formula {
    /// The output.
    pub target: String,
    /// Whether a formula was accepted.
    pub found: bool,
    /// Why, with the figures.
    pub reason: String,
    /// `target = formula`: simplified, with the digits that matter.
    pub formula: Option<String>,
    /// The same for LaTeX.
    pub latex: Option<String>,
    /// The same with all digits.
    pub expr: Option<Expr>,
    /// Its free constants with standard errors; those that could be whole numbers, small fractions or multiples of pi are
    /// so and no longer free.
    pub constants: Vec<Constant>,
    /// Root mean square error of the formula on the rows not held out, in the target's unit.
    pub train_error: Option<f64>,
    /// The same on the held-out rows.
    pub holdout_error: Option<f64>,
    /// R2 of the formula on the held-out rows, against the mean of the others.
    pub holdout_r2: Option<f64>,
    /// Root mean square error of the network on the held-out rows.
    pub network_error: f64,
    /// What the edges were read as.
    pub edges: Vec<EdgeReading>,
}

fn checked(
    net: &Kan,
    x: &[f64],
    y: &[f64],
    inputs: &[Quantity],
    outputs: &[Quantity],
    options: &FormulaOptions,
) -> Result<usize> {
    let rows = check_rows(net, x)?;
    options.edge.check()?;
    let n = net.outputs();
    if y.len() != rows * n {
        return Err(Error::invalid(
            "y",
            format!("{} values", y.len()),
            format!("{rows} rows of {n} values"),
        ));
    }
    if let Some(at) = y.iter().position(|v| !v.is_finite()) {
        return Err(Error::invalid(
            format!("y[{}][{}]", at / n, at % n),
            y[at],
            "finite values",
        ));
    }
    if inputs.len() != net.inputs() || outputs.len() != n {
        return Err(Error::invalid(
            "quantities",
            format!("{} and {}", inputs.len(), outputs.len()),
            format!("{} inputs and {n} outputs", net.inputs()),
        ));
    }
    for (k, q) in inputs.iter().chain(outputs).enumerate() {
        if !q.shift.is_finite() || !q.scale.is_normal() {
            return Err(Error::invalid(
                format!("scale of {}", q.name),
                format!("{q:?}"),
                "finite numbers, a scale that is not 0",
            ));
        }
        let again = inputs
            .iter()
            .take(k)
            .any(|other| k < inputs.len() && other.name == q.name);
        if q.name.is_empty() || q.name.contains(char::is_control) || again {
            return Err(Error::invalid(
                "names",
                &q.name,
                "names that differ, not empty, without control characters",
            ));
        }
    }
    if let Some(bad) = options.holdout_rows.iter().find(|r| **r >= rows) {
        return Err(Error::invalid(
            "holdout_rows",
            bad,
            format!("rows below {rows}"),
        ));
    }
    if options.holdout.is_nan() || options.holdout <= 0.0 || options.holdout > 0.5 {
        return Err(Error::invalid(
            "holdout",
            options.holdout,
            "a share in (0, 0.5]",
        ));
    }
    if !(0.0..1.0).contains(&options.threshold) {
        return Err(Error::invalid(
            "threshold",
            options.threshold,
            "an R2 in [0, 1)",
        ));
    }
    for (field, v) in [("loss", options.loss), ("good", options.good)] {
        if v.is_nan() || v < 0.0 {
            return Err(Error::invalid(field, v, "0 or a positive number"));
        }
    }
    if !(1..=20).contains(&options.keep) {
        return Err(Error::invalid("keep", options.keep, "1 to 20"));
    }
    if options.search_rows < 20 {
        return Err(Error::invalid(
            "search_rows",
            options.search_rows,
            "at least 20",
        ));
    }
    Ok(rows)
}

impl Kan {
    /// Reads the network as a formula per output. `x` and `y` are rows in the network's scale; the formula is in the
    /// quantities themselves.
    ///
    /// Every edge is matched with the library over the range that it has on the rows; the forms are composed through all
    /// hidden nodes and products; constants that can be traded for one another are brought to one choice; the rest is
    /// refitted to the rows together (Levenberg-Marquardt with symbolic derivatives), other forms of single edges are taken
    /// where the description of the rows gets shorter, and constants become simple numbers where it does not get longer.
    /// The held-out rows then judge: a formula needs an R2 of [`FormulaOptions::threshold`] there and may miss by at most
    /// [`FormulaOptions::loss`] times what the network misses by (or [`FormulaOptions::good`] standard deviations).
    ///
    /// Standard errors are those of the last Gauss-Newton matrix. Costs a few milliseconds per edge and form kept and 100
    /// rows, more for deep networks; prune first.
    ///
    /// ```
    /// use nis_core::{kan::*, telemetry::Progress};
    /// let x: Vec<f64> = (0..400).flat_map(|i| [f64::from(i % 20) / 9.5 - 1.0, f64::from(i / 20) / 9.5 - 1.0]).collect();
    /// let y: Vec<f64> = x.chunks(2).map(|x| (2.0 * x[0]).sin() + x[1] * x[1]).collect();
    /// let mut net = Kan::new(&[2, 1], 8, 3, 0)?;
    /// net.train(&x, &y, &TrainOptions::default(), &Progress::none())?;
    /// let names = [Quantity::plain("a"), Quantity::plain("b")];
    /// let read = net.formula(&x, &y, &names, &[Quantity::plain("y")], &Library::default(), &FormulaOptions::default(), &Progress::none())?;
    /// assert_eq!(read[0].formula.as_deref(), Some("sin(2*a) + b^2"));
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where sizes, names, scales or options do not fit or a value is not finite;
    /// [`Error::Cancelled`].
    #[allow(clippy::too_many_arguments)]
    pub fn formula(
        &self,
        x: &[f64],
        y: &[f64],
        inputs: &[Quantity],
        outputs: &[Quantity],
        library: &Library,
        options: &FormulaOptions,
        progress: &Progress<'_>,
    ) -> Result<Vec<Formula>> {
        let rows = checked(self, x, y, inputs, outputs, options)?;
        let (train, held) = split(rows, options);
        if train.len() < 5 || held.is_empty() {
            return Err(Error::invalid(
                "rows",
                rows,
                "at least 5 rows besides those held out, and one held out",
            ));
        }
        let used: Vec<f64> = train
            .iter()
            .flat_map(|r| {
                x[r * self.inputs()..(r + 1) * self.inputs()]
                    .iter()
                    .copied()
            })
            .collect();
        let scores = self.importance(&used)?;
        let maps: Vec<Map> = inputs
            .iter()
            .map(|q| Map {
                middle: q.shift,
                half: q.scale,
            })
            .collect();
        let column = |i: usize, rows: &[usize]| -> Vec<f64> {
            rows.iter()
                .map(|r| inputs[i].shift + inputs[i].scale * x[r * self.inputs() + i])
                .collect()
        };
        let predicted = self.predict(x)?;
        let mut out = Vec::new();
        for (output, q) in outputs.iter().enumerate() {
            let target = |r: &usize| q.shift + q.scale * y[r * self.outputs() + output];
            let of = |rows: &[usize]| -> Vec<f64> { rows.iter().map(target).collect() };
            let at = |r: &usize| q.shift + q.scale * predicted[r * self.outputs() + output];
            let network: Vec<f64> = held.iter().map(at).collect();
            let y_train = of(&train);
            let spread = deviation(&y_train);
            let data = Rows {
                inputs: (0..inputs.len()).map(|i| column(i, &train)).collect(),
                floor: 1e-6 * spread,
                y: y_train,
                library,
            };
            let reader = Reader {
                net: self,
                output,
                inputs: &maps,
                target: Map {
                    middle: q.shift,
                    half: q.scale,
                },
                options: &options.edge,
                keep: options.keep,
                search_rows: options.search_rows,
            };
            let judged = Judged {
                options,
                names: inputs.iter().map(|q| q.name.as_str()).collect(),
                target: &q.name,
                held: (0..inputs.len()).map(|i| column(i, &held)).collect(),
                y: of(&held),
                network,
                spread,
            };
            let outcome = if spread > 0.0 {
                reader.read(&scores, &data, progress)?
            } else {
                Outcome::Refused("the target is constant on the rows".into())
            };
            out.push(judged.judge(outcome, &data)?);
        }
        Ok(out)
    }
}

/// Rows for fitting and rows held out.
fn split(rows: usize, options: &FormulaOptions) -> (Vec<usize>, Vec<usize>) {
    let mut held = options.holdout_rows.clone();
    if held.is_empty() {
        let mut all: Vec<usize> = (0..rows).collect();
        let mut random = Random(options.seed ^ 0x5eed);
        for i in (1..rows).rev() {
            all.swap(i, random.below(i + 1));
        }
        all.truncate(((options.holdout * rows as f64).round() as usize).max(1));
        held = all;
    }
    held.sort_unstable();
    held.dedup();
    let train = (0..rows)
        .filter(|r| held.binary_search(r).is_err())
        .collect();
    (train, held)
}

fn deviation(v: &[f64]) -> f64 {
    let n = v.len() as f64;
    let size = v.iter().fold(f64::MIN_POSITIVE, |s, v| s.max(v.abs()));
    let mean = v.iter().map(|v| v / n).sum::<f64>();
    size * (v.iter().map(|v| ((v - mean) / size).powi(2)).sum::<f64>() / n).sqrt()
}

fn root_mean_square(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64).sqrt()
}

/// The held-out rows and what they are compared with.
struct Judged<'a> {
    options: &'a FormulaOptions,
    names: Vec<&'a str>,
    target: &'a str,
    held: Vec<Vec<f64>>,
    y: Vec<f64>,
    network: Vec<f64>,
    spread: f64,
}

impl Judged<'_> {
    fn judge(&self, outcome: Outcome, rows: &Rows<'_>) -> Result<Formula> {
        let mut out = Formula {
            target: self.target.into(),
            found: false,
            reason: String::new(),
            formula: None,
            latex: None,
            expr: None,
            constants: Vec::new(),
            train_error: None,
            holdout_error: None,
            holdout_r2: None,
            network_error: root_mean_square(&self.network, &self.y),
            edges: Vec::new(),
        };
        let (sum, fit, edges) = match outcome {
            Outcome::Refused(reason) => {
                out.reason = reason;
                return Ok(out);
            }
            Outcome::Read { sum, fit, edges } => (sum, fit, edges),
        };
        out.edges = edges.iter().map(reading).collect();
        let leaves: Vec<Expr> = self.names.iter().map(|n| Expr::name(*n)).collect();
        let expr = written(&sum, rows.library, &leaves, &edges)?;
        let inputs: Vec<&[f64]> = self.held.iter().map(Vec::as_slice).collect();
        let mut values = vec![0.0; self.y.len()];
        expr.compile(&self.names)?.evaluate(&inputs, &mut values)?;
        if values.iter().any(|v| !v.is_finite()) {
            out.reason = "the best formula has no finite value on some held-out row".into();
            return Ok(out);
        }
        let train_error = (fit.sum_squares / rows.y.len() as f64).sqrt();
        let error = root_mean_square(&values, &self.y);
        let middle = rows.y.iter().sum::<f64>() / rows.y.len() as f64;
        let held_spread = root_mean_square(&self.y, &vec![middle; self.y.len()]);
        // A few held-out rows near the mean would make R2 a matter of luck: compare with the spread.
        let r2 = 1.0 - (error / held_spread.max(self.spread)).powi(2);
        out.train_error = Some(train_error);
        out.holdout_error = Some(error);
        out.holdout_r2 = Some(r2);
        let allowed = (self.options.loss * out.network_error).max(self.options.good * self.spread);
        let figures = format!(
            "R2 {r2:.4} on {} held-out rows; error {error:.3e} there, the network's is {:.3e}",
            self.y.len(),
            out.network_error
        );
        if r2.is_nan() || r2 < self.options.threshold {
            out.reason = format!(
                "no law: {figures}; a formula needs an R2 of {}",
                self.options.threshold
            );
            return Ok(out);
        }
        if error > allowed {
            out.reason = format!("{figures}; at most {allowed:.3e} is accepted");
            return Ok(out);
        }
        out.found = true;
        out.reason = figures;
        let allowed = 0.1 * train_error.max(100.0 * rows.floor);
        let readable = readable(&expr, &self.names, &inputs, &values, allowed)?;
        out.formula = Some(readable.to_string());
        out.latex = Some(readable.to_latex());
        out.constants = constants(&sum, &fit, rows.library, &self.names, &edges);
        out.expr = Some(expr);
        Ok(out)
    }
}

fn reading(edge: &Candidates) -> EdgeReading {
    EdgeReading {
        edge: [edge.layer, edge.input, edge.sum],
        form: edge.fit().map(|f| f.form.clone()),
        r2: edge.fit().map(|f| f.r2),
    }
}

/// The library that a formula was composed with: fixed edges brought forms of their own, in order.
fn whole_library(library: &Library, edges: &[Candidates]) -> Library {
    let mut whole = library.clone();
    for fit in edges.iter().filter_map(Candidates::fit) {
        if whole.find(&fit.form).is_none()
            && let Some(form) = super::compose::form_of_text(&fit.form)
        {
            whole.add(form);
        }
    }
    whole
}

/// A formula with its numbers, simplified.
pub(in crate::kan) fn written(
    sum: &Sum,
    library: &Library,
    leaves: &[Expr],
    edges: &[Candidates],
) -> Result<Expr> {
    let library = whole_library(library, edges);
    sum.expr(&library, leaves, &mut |n| Expr::number(n.value))?
        .simplify()
}

/// The free constants with their errors.
pub(in crate::kan) fn constants(
    sum: &Sum,
    fit: &Fitted,
    library: &Library,
    names: &[&str],
    edges: &[Candidates],
) -> Vec<Constant> {
    let library = whole_library(library, edges);
    let roles = sum.roles(&library, names, "");
    let free = sum
        .numbers()
        .into_iter()
        .zip(roles)
        .filter(|(n, _)| n.fixed.is_none());
    free.enumerate()
        .map(|(k, (number, name))| Constant {
            name,
            value: number.value,
            std_error: fit.std_errors.as_ref().and_then(|s| s.get(k).copied()),
        })
        .collect()
}

/// The formula with as few significant digits (at least 4) as move no row by more than `allowed`.
fn readable(
    expr: &Expr,
    names: &[&str],
    inputs: &[&[f64]],
    values: &[f64],
    allowed: f64,
) -> Result<Expr> {
    let mut trial = vec![0.0; values.len()];
    for digits in 4..16 {
        let rounded = expr.rounded(digits);
        rounded.compile(names)?.evaluate(inputs, &mut trial)?;
        if trial
            .iter()
            .zip(values)
            .all(|(t, v)| (t - v).abs() <= allowed)
        {
            return Ok(rounded);
        }
    }
    Ok(expr.clone())
}

#[cfg(test)]
mod tests;
