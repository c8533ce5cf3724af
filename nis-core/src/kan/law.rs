//! From columns to a law: which network, how smooth, which formula, and whether there is a law at all.

use super::network::{Kan, Random};
use super::symbolic::{Form, X, constant, fit_constants, forms};
use super::train::TrainOptions;
use super::{Constant, Curve, Law, LawOptions, Named, Scale};
use crate::error::{Error, Result};
use crate::expr::{Expr, Function};
use crate::telemetry::Progress;

const MIN_ROWS: usize = 5;
const MAX_INPUTS: usize = 64;

/// Smoothness penalties that are tried, stiffest first.
const LADDER: [f64; 8] = [1e4, 1e2, 1e1, 1.0, 1e-1, 1e-2, 1e-4, 1e-6];

/// Rows of the training set from which on a hidden layer is considered.
const HIDDEN_ROWS: usize = 60;

/// A hidden layer must lower the validation error below this share of that of the additive network.
const HIDDEN_GAIN: f64 = 0.7;

/// A formula may have this many times the held-out error of the network it was read from.
const FORMULA_LOSS: f64 = 1.3;

/// Held-out errors (in standard deviations of the target) below which a formula is good whatever the network
/// reaches.
const FORMULA_GOOD: f64 = 0.01;

/// Learns `target` as a function of `inputs` and reads a formula from it.
///
/// The rows are split by `seed` into a training and a held-out set; the latter is used for the reported errors
/// only. Inputs and target enter through their logarithms where [`LawOptions::scale`] says so, scaled to
/// [-1, 1]. An additive network (one spline per input) is trained for every smoothness of a ladder; 5-fold
/// cross-validation (leave-one-out under 20 rows) takes the stiffest within one standard error of the best
/// (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., section 7.10). A hidden
/// layer of `2 n + 1` nodes is taken where it lowers the validation error by 30 %. Then each edge is matched
/// with a library of forms, the constants are refitted to the training rows together, and the formula is
/// accepted where its held-out error is at most 1.3 times the network's (or below 1 % of the target's standard
/// deviation).
///
/// ```
/// use nis_core::{kan::{LawOptions, Named, learn_law}, telemetry::Progress};
/// let x: Vec<f64> = (1..=30).map(f64::from).collect();
/// let y: Vec<f64> = x.iter().map(|x| 3.0 * x.powf(0.5)).collect();
/// let input = [Named { name: "x", values: &x }];
/// let law = learn_law(&input, Named { name: "y", values: &y }, &LawOptions::default(), &Progress::none())?;
/// assert!(law.found);
/// assert_eq!(law.expr.unwrap().rounded(6).to_string(), "3*x^0.5");
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] for columns of unequal length, fewer than 5 rows, values that are not finite, names
/// that are empty or not unique, or options out of range; [`Error::Cancelled`].
pub fn learn_law(
    inputs: &[Named<'_>],
    target: Named<'_>,
    options: &LawOptions,
    progress: &Progress<'_>,
) -> Result<Law> {
    check(inputs, target, options)?;
    let scaled = Scaled::new(inputs, target, options.scale)?;
    let split = Split::new(scaled.y.len(), options);
    let chosen = choose(&scaled, &split, options, progress)?;
    let network = Errors::of(
        &scaled,
        &split,
        &chosen.net.predict(&scaled.rows(&scaled.all()))?,
    );

    let mut law = Law {
        target: target.name.into(),
        inputs: inputs.iter().map(|i| i.name.to_string()).collect(),
        found: false,
        reason: String::new(),
        formula: None,
        latex: None,
        expr: None,
        constants: Vec::new(),
        formula_holdout_error: None,
        error_kind: if scaled.logarithmic {
            "relative"
        } else {
            "normalised"
        }
        .into(),
        train_error: network.train,
        holdout_error: network.holdout,
        holdout_r2: network.r2,
        holdout_rows: split.holdout.clone(),
        logarithmic: vec![scaled.logarithmic; inputs.len() + 1],
        widths: chosen.net.widths().to_vec(),
        grid: chosen.grid,
        parameters: chosen.net.parameters(),
        iterations: chosen.iterations,
        curves: Vec::new(),
        predicted: network.predicted.clone(),
    };
    // Two judges that never saw each other's rows: cross-validation on the training rows and the held-out rows.
    law.found = chosen.cv_r2 >= options.threshold && network.r2 >= options.threshold;
    law.reason = format!(
        "R2 {:.4} in cross-validation and {:.4} on {} held-out rows; a law needs {}",
        chosen.cv_r2,
        network.r2,
        split.holdout.len(),
        options.threshold
    );
    let mut readings = Readings::default();
    if law.found {
        readings = Readings::of(&scaled, &split, &chosen.net, progress)?;
        if let Some(formula) = &readings.formula {
            accept(&mut law, formula, &scaled, &split, &network)?;
        }
    }
    law.curves = curves(&scaled, &chosen.net, &readings)?;
    Ok(law)
}

fn check(inputs: &[Named<'_>], target: Named<'_>, options: &LawOptions) -> Result<()> {
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
    let mut names = std::collections::HashSet::new();
    for column in inputs.iter().chain([&target]) {
        if column.name.is_empty() || !names.insert(column.name) {
            return Err(Error::invalid(
                "names",
                format!("{:?}", column.name),
                "names that differ",
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
        if options.scale == Scale::Log && column.values.iter().any(|v| *v <= 0.0) {
            return Err(Error::invalid(
                column.name,
                "a value <= 0",
                "positive values for a log scale",
            ));
        }
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

/// An affine map to [-1, 1] (or of a constant to 0).
#[derive(Clone, Copy)]
struct Affine {
    middle: f64,
    half: f64,
}

impl Affine {
    fn over(values: &[f64]) -> Self {
        let (a, b) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
                (a.min(*v), b.max(*v))
            });
        let half = 0.5 * (b - a);
        Affine {
            middle: a + half,
            half: if half > 0.0 { half } else { 1.0 },
        }
    }

    fn apply(self, v: f64) -> f64 {
        (v - self.middle) / self.half
    }
}

/// The columns in the scale that is learned in.
struct Scaled<'a> {
    names: Vec<&'a str>,
    target: &'a str,
    /// Original target values.
    original: &'a [f64],
    logarithmic: bool,
    /// Inputs in the learned scale, before the map to [-1, 1].
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
    maps: Vec<Affine>,
    y_map: Affine,
}

impl<'a> Scaled<'a> {
    fn new(inputs: &[Named<'a>], target: Named<'a>, scale: Scale) -> Result<Self> {
        let all = || inputs.iter().chain([&target]);
        let positive = all().all(|c| c.values.iter().all(|v| *v > 0.0));
        let wide = all().any(|c| {
            let most = c.values.iter().copied().fold(0.0, f64::max);
            let least = c.values.iter().copied().fold(f64::INFINITY, f64::min);
            most > 10.0 * least
        });
        let logarithmic = match scale {
            Scale::Linear => false,
            Scale::Log => true,
            Scale::Auto => positive && wide,
        };
        let learned = |v: &[f64]| -> Vec<f64> {
            v.iter()
                .map(|v| if logarithmic { v.ln() } else { *v })
                .collect()
        };
        let x: Vec<Vec<f64>> = inputs.iter().map(|c| learned(c.values)).collect();
        let y = learned(target.values);
        if y.iter().all(|v| *v == y[0]) {
            return Err(Error::invalid(
                target.name,
                "a constant",
                "a target that varies",
            ));
        }
        Ok(Scaled {
            names: inputs.iter().map(|c| c.name).collect(),
            target: target.name,
            original: target.values,
            logarithmic,
            maps: x.iter().map(|v| Affine::over(v)).collect(),
            y_map: Affine::over(&y),
            x,
            y,
        })
    }

    fn all(&self) -> Vec<usize> {
        (0..self.y.len()).collect()
    }

    /// Inputs of some rows, scaled for the network, row-major.
    fn rows(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter()
            .flat_map(|r| {
                self.x
                    .iter()
                    .zip(&self.maps)
                    .map(move |(x, m)| m.apply(x[*r]))
            })
            .collect()
    }

    fn targets(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().map(|r| self.y_map.apply(self.y[*r])).collect()
    }

    /// The target in its own unit from its value in the learned scale.
    fn back(&self, learned: f64) -> f64 {
        if self.logarithmic {
            learned.exp()
        } else {
            learned
        }
    }
}

struct Split {
    train: Vec<usize>,
    holdout: Vec<usize>,
}

impl Split {
    fn new(n: usize, options: &LawOptions) -> Self {
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

fn shuffle(rows: &mut [usize], random: &mut Random) {
    for i in (1..rows.len()).rev() {
        rows.swap(i, random.below(i + 1));
    }
}

/// Errors of a prediction, and the prediction in the target's unit.
struct Errors {
    train: f64,
    holdout: f64,
    /// Held-out R2 in the learned scale, against the mean of the training rows.
    r2: f64,
    /// Held-out root-mean-square error in standard deviations of the learned target.
    normalised: f64,
    predicted: Vec<f64>,
}

impl Errors {
    /// From the network's outputs for all rows.
    fn of(scaled: &Scaled<'_>, split: &Split, outputs: &[f64]) -> Self {
        let map = scaled.y_map;
        let learned: Vec<f64> = outputs.iter().map(|v| map.middle + map.half * v).collect();
        Self::of_learned(scaled, split, &learned)
    }

    fn of_learned(scaled: &Scaled<'_>, split: &Split, learned: &[f64]) -> Self {
        let predicted: Vec<f64> = learned.iter().map(|v| scaled.back(*v)).collect();
        let y = &scaled.y;
        let n = split.train.len() as f64;
        let mean = split.train.iter().map(|r| y[*r]).sum::<f64>() / n;
        let spread = (split
            .train
            .iter()
            .map(|r| (y[*r] - mean).powi(2))
            .sum::<f64>()
            / n)
            .sqrt();
        let error = |rows: &[usize]| {
            let sum: f64 = rows
                .iter()
                .map(|r| {
                    if scaled.logarithmic {
                        (predicted[*r] / scaled.original[*r] - 1.0).powi(2)
                    } else {
                        ((learned[*r] - y[*r]) / spread).powi(2)
                    }
                })
                .sum();
            (sum / rows.len() as f64).sqrt()
        };
        let squares: f64 = split
            .holdout
            .iter()
            .map(|r| (learned[*r] - y[*r]).powi(2))
            .sum();
        let total: f64 = split.holdout.iter().map(|r| (mean - y[*r]).powi(2)).sum();
        Errors {
            train: error(&split.train),
            holdout: error(&split.holdout),
            // A single held-out row near the mean would make R2 a matter of luck: compare with the spread.
            r2: 1.0 - squares / total.max(spread * spread * split.holdout.len() as f64),
            normalised: (squares / split.holdout.len() as f64).sqrt() / spread,
            predicted,
        }
    }
}

struct Chosen {
    net: Kan,
    grid: usize,
    iterations: usize,
    cv_r2: f64,
}

/// Picks structure and smoothness on the training rows and trains on all of them.
fn choose(
    scaled: &Scaled<'_>,
    split: &Split,
    options: &LawOptions,
    progress: &Progress<'_>,
) -> Result<Chosen> {
    let n = split.train.len();
    let inputs = scaled.x.len();
    let grid = options.grid.unwrap_or(match n {
        0..15 => 2,
        15..40 => 4,
        40..200 => 6,
        _ => 10,
    });
    let folds = if n < 20 { n } else { 5 };
    let mut order = split.train.clone();
    shuffle(&mut order, &mut Random(options.seed ^ 0xf01d));
    let given = options.hidden.as_deref();
    if given.is_none_or(<[usize]>::is_empty) {
        let additive = Plan {
            widths: vec![inputs, 1],
            grid,
            folds,
            ladder: &LADDER,
        };
        let chosen = additive.run(scaled, &order, options, progress)?;
        // A hidden layer is worth trying only where the additive network leaves something to explain.
        if given.is_some() || inputs < 2 || n < HIDDEN_ROWS || chosen.cv_r2 > 0.9999 {
            return Ok(chosen);
        }
        let hidden = Plan {
            widths: vec![inputs, (2 * inputs + 1).min(7), 1],
            grid: grid.min(5),
            folds: 3,
            ladder: &LADDER[2..7],
        };
        let deeper = hidden.run(scaled, &order, options, progress)?;
        let gained = 1.0 - deeper.cv_r2 < HIDDEN_GAIN * HIDDEN_GAIN * (1.0 - chosen.cv_r2);
        return Ok(if gained { deeper } else { chosen });
    }
    let mut widths = vec![inputs];
    widths.extend(given.unwrap_or(&[]));
    widths.push(1);
    let folds = folds.min(5);
    Plan {
        widths,
        grid,
        folds,
        ladder: &LADDER[2..7],
    }
    .run(scaled, &order, options, progress)
}

/// A structure and the smoothness ladder to choose from.
struct Plan<'a> {
    widths: Vec<usize>,
    grid: usize,
    folds: usize,
    ladder: &'a [f64],
}

impl Plan<'_> {
    fn train(
        &self,
        scaled: &Scaled<'_>,
        rows: &[usize],
        smoothness: f64,
        options: &LawOptions,
        progress: &Progress<'_>,
    ) -> Result<(Kan, usize)> {
        let mut net = Kan::new(&self.widths, self.grid, 3, options.seed)?;
        let train = TrainOptions {
            smoothness: 1e-4 * smoothness,
            max_iterations: options.max_iterations.min(if self.widths.len() > 2 {
                40
            } else {
                200
            }),
            tolerance: if self.widths.len() > 2 { 1e-4 } else { 1e-9 },
        };
        let used = net.train(&scaled.rows(rows), &scaled.targets(rows), &train, progress)?;
        Ok((net, used))
    }

    fn run(
        &self,
        scaled: &Scaled<'_>,
        order: &[usize],
        options: &LawOptions,
        progress: &Progress<'_>,
    ) -> Result<Chosen> {
        let n = order.len();
        let mut iterations = 0;
        // Mean and standard error of the squared validation error per rung.
        let mut rungs: Vec<(f64, f64)> = Vec::new();
        for (step, smoothness) in self.ladder.iter().enumerate() {
            progress.report(
                "kan",
                step as u64,
                self.ladder.len() as u64,
                "cross-validation",
            )?;
            let mut squares = Vec::with_capacity(n);
            for fold in 0..self.folds {
                let (mut train, mut test) = (Vec::new(), Vec::new());
                for (i, row) in order.iter().enumerate() {
                    if i % self.folds == fold {
                        test.push(*row)
                    } else {
                        train.push(*row)
                    }
                }
                let (net, used) = self.train(scaled, &train, *smoothness, options, progress)?;
                iterations += used;
                let predicted = net.predict(&scaled.rows(&test))?;
                squares.extend(
                    predicted
                        .iter()
                        .zip(scaled.targets(&test))
                        .map(|(p, t)| (p - t) * (p - t)),
                );
            }
            let mean = squares.iter().sum::<f64>() / n as f64;
            let variance =
                squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
            rungs.push((mean, (variance / n as f64).sqrt()));
        }
        let best = rungs
            .iter()
            .copied()
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((f64::INFINITY, 0.0));
        let at = rungs
            .iter()
            .position(|r| r.0 <= best.0 + best.1)
            .unwrap_or(0);
        let smoothness = self.ladder.get(at).copied().unwrap_or(1.0);
        let (net, used) = self.train(scaled, order, smoothness, options, progress)?;
        let targets = scaled.targets(order);
        let mean = targets.iter().sum::<f64>() / n as f64;
        let variance = targets.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / n as f64;
        let error = rungs.get(at).map_or(f64::INFINITY, |r| r.0);
        Ok(Chosen {
            net,
            grid: self.grid,
            iterations: iterations + used,
            cv_r2: 1.0 - error / variance,
        })
    }
}

/// A formula in the learned scale: inputs and constants by name.
struct Formula {
    /// Right-hand side in the original quantities.
    expr: Expr,
    constants: Vec<Constant>,
    /// Values in the learned scale for all rows.
    learned: Vec<f64>,
}

/// What was read from the edges.
#[derive(Default)]
struct Readings {
    formula: Option<Formula>,
    /// Form of each edge of the first layer with its R2 against the spline, for the plots.
    edges: Vec<Option<(String, f64)>>,
}

impl Readings {
    /// Reads the edges of an additive network. Edges of deeper networks are drawn, not read.
    fn of(scaled: &Scaled<'_>, split: &Split, net: &Kan, progress: &Progress<'_>) -> Result<Self> {
        if net.widths().len() != 2 {
            return Ok(Readings::default());
        }
        let train = &split.train;
        let map = scaled.y_map;
        // Edge functions in the learned scale, less their means, which belong to the constant.
        let edge = |i: usize, r: usize| {
            map.half * net.layers[0].edge_value(i, 0, scaled.maps[i].apply(scaled.x[i][r]))
        };
        let y: Vec<f64> = train.iter().map(|r| scaled.y[*r]).collect();
        let splines: Vec<Vec<f64>> = (0..scaled.x.len())
            .map(|i| train.iter().map(|r| edge(i, *r)).collect())
            .collect();
        let spread = standard_deviation(&y);
        let floor = 1e-6 * spread;
        let mut picked: Vec<Option<Form>> = Vec::new();
        let mut edges = Vec::new();
        for (i, spline) in splines.iter().enumerate() {
            progress.report("kan", i as u64, splines.len() as u64, "formula")?;
            // Partial residuals: what the other edges leave for this one.
            let partial: Vec<f64> = (0..train.len())
                .map(|k| {
                    let others: f64 = (0..splines.len())
                        .filter(|j| *j != i)
                        .map(|j| splines[j][k])
                        .sum();
                    y[k] - map.middle - others
                })
                .collect();
            let x: Vec<f64> = train.iter().map(|r| scaled.x[i][*r]).collect();
            let without = standard_deviation(&partial).powi(2) * partial.len() as f64;
            let found = forms(&x, &partial, floor, progress)?;
            let n = partial.len() as f64;
            let silent = n * (without / n + floor * floor).ln() + n.ln();
            match found.into_iter().next() {
                Some((score, form)) if score < silent => {
                    edges.push(against_spline(&form, &x, spline)?);
                    picked.push(Some(form));
                }
                // The input does not shorten the description: it has no place in the formula.
                _ => {
                    edges.push(None);
                    picked.push(None);
                }
            }
        }
        let formula = compose(scaled, train, &picked, progress)?;
        Ok(Readings { formula, edges })
    }
}

fn standard_deviation(v: &[f64]) -> f64 {
    let mean = v.iter().sum::<f64>() / v.len() as f64;
    (v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / v.len() as f64).sqrt()
}

/// The form with its numbers, and its R2 against the spline.
fn against_spline(form: &Form, x: &[f64], spline: &[f64]) -> Result<Option<(String, f64)>> {
    let mut expr = form.expr.clone();
    for (name, value) in form.constants.iter().zip(&form.values) {
        expr = expr.substitute(name, &Expr::number(*value))?;
    }
    let program = expr.compile(&[X])?;
    let mut values = vec![0.0; x.len()];
    program.evaluate(&[x], &mut values)?;
    let (mean_v, mean_s) = (mean(&values), mean(spline));
    let total: f64 = spline.iter().map(|s| (s - mean_s).powi(2)).sum();
    let off: f64 = values
        .iter()
        .zip(spline)
        .map(|(v, s)| ((v - mean_v) - (s - mean_s)).powi(2))
        .sum();
    let r2 = if total > 0.0 { 1.0 - off / total } else { 0.0 };
    Ok(Some((expr.simplify()?.rounded(4).to_string(), r2)))
}

fn mean(v: &[f64]) -> f64 {
    v.iter().sum::<f64>() / v.len() as f64
}

/// Adds the edges' forms up, refits all constants together and goes back to the original quantities.
fn compose(
    scaled: &Scaled<'_>,
    train: &[usize],
    picked: &[Option<Form>],
    progress: &Progress<'_>,
) -> Result<Option<Formula>> {
    // One additive constant for all edges.
    let mut terms = vec![Expr::name(constant(0))];
    let mut names = vec![constant(0)];
    let mut roles = vec![("constant".to_string(), None)];
    let mut start = vec![scaled.y_map.middle];
    for (i, form) in picked.iter().enumerate() {
        let Some(form) = form else { continue };
        let mut expr = form.expr.substitute(X, &Expr::name(scaled.names[i]))?;
        for (k, old) in form.constants.iter().enumerate() {
            if k == 0 {
                expr = expr.substitute(old, &Expr::number(0.0))?;
                start[0] += form.values[0];
                continue;
            }
            let new = format!("#{i}.{k}");
            expr = expr.substitute(old, &Expr::name(new.as_str()))?;
            names.push(new);
            roles.push((form.roles[k].to_string(), Some(i)));
            start.push(form.values[k]);
        }
        terms.push(expr.simplify()?);
    }
    if terms.len() == 1 {
        return Ok(None);
    }
    let model = Expr::sum(terms)?;
    let columns: Vec<Vec<f64>> = scaled
        .x
        .iter()
        .map(|x| train.iter().map(|r| x[*r]).collect())
        .collect();
    let named: Vec<(&str, &[f64])> = scaled
        .names
        .iter()
        .copied()
        .zip(columns.iter().map(Vec::as_slice))
        .collect();
    let y: Vec<f64> = train.iter().map(|r| scaled.y[*r]).collect();
    let Some(fit) = fit_constants(&model, &names, &start, &named, &y, progress)? else {
        return Ok(None);
    };
    let mut learned_expr = model;
    for (name, value) in names.iter().zip(&fit.values) {
        learned_expr = learned_expr.substitute(name, &Expr::number(*value))?;
    }
    let program = learned_expr.compile(&scaled.names)?;
    let mut learned = vec![0.0; scaled.y.len()];
    let all: Vec<&[f64]> = scaled.x.iter().map(Vec::as_slice).collect();
    program.evaluate(&all, &mut learned)?;

    let se = |i: usize| fit.std_errors.as_ref().map(|s| s[i]);
    let mut constants = Vec::new();
    for (i, (role, input)) in roles.iter().enumerate() {
        let (value, std_error) = (fit.values[i], se(i));
        let of = |role: &str| match input {
            Some(input) => format!("{role} of {}", scaled.names[*input]),
            None => role.to_string(),
        };
        constants.push(match (scaled.logarithmic, role.as_str()) {
            // ln y = k + p ln x is y = e^k x^p; the error of e^k is e^k times that of k.
            (true, "constant") => Constant {
                name: "factor".into(),
                value: value.exp(),
                std_error: std_error.map(|s| s * value.exp()),
            },
            (true, "coefficient") => Constant {
                name: of("exponent"),
                value,
                std_error,
            },
            (true, role) => Constant {
                name: of(&format!("{role} of the logarithm")),
                value,
                std_error,
            },
            (false, role) => Constant {
                name: of(role),
                value,
                std_error,
            },
        });
    }
    let expr = if scaled.logarithmic {
        to_powers(scaled, &learned_expr)?
    } else {
        learned_expr.simplify()?
    };
    Ok(Some(Formula {
        expr,
        constants,
        learned,
    }))
}

/// `exp(k + p ln x + g(ln z))` as `e^k x^p exp(g(log(z)))`.
fn to_powers(scaled: &Scaled<'_>, learned: &Expr) -> Result<Expr> {
    let (mut constant, mut powers, mut rest) = (0.0, Vec::new(), Vec::new());
    // The sum's terms, told apart by what they depend on and how they respond.
    for term in learned.simplify()?.terms() {
        if let Some(v) = term.as_number() {
            constant += v;
            continue;
        }
        let input = scaled
            .names
            .iter()
            .find(|n| term.names().contains(**n) && term.names().len() == 1);
        let slope = match input {
            Some(name) => term.differentiate(name)?.as_number().map(|s| (*name, s)),
            None => None,
        };
        match slope {
            Some((name, slope)) => powers.push(Expr::name(name).pow(&Expr::number(slope))?),
            None => rest.push(term),
        }
    }
    let mut factors = vec![Expr::number(constant.exp())];
    factors.extend(powers);
    if !rest.is_empty() {
        let mut inner = Expr::sum(rest)?;
        for name in &scaled.names {
            // In two steps, so that the new name is not taken for the old.
            inner = inner.substitute(name, &Expr::name("#").call(Function::Log)?)?;
            inner = inner.substitute("#", &Expr::name(*name))?;
        }
        factors.push(inner.call(Function::Exp)?);
    }
    Expr::product(factors)?.simplify()
}

/// Takes the formula into the law where it holds on the held-out rows.
fn accept(
    law: &mut Law,
    formula: &Formula,
    scaled: &Scaled<'_>,
    split: &Split,
    network: &Errors,
) -> Result<()> {
    let errors = Errors::of_learned(scaled, split, &formula.learned);
    let good = errors.normalised <= (FORMULA_LOSS * network.normalised).max(FORMULA_GOOD);
    let all_finite = errors.predicted.iter().all(|v| v.is_finite());
    if !(good && all_finite) {
        law.reason.push_str(&format!(
            "; the best formula misses the held-out rows of {} by {:.3} standard deviations, the network by {:.3}",
            scaled.target, errors.normalised, network.normalised
        ));
        return Ok(());
    }
    law.formula = Some(formula.expr.to_string());
    law.latex = Some(formula.expr.rounded(5).to_latex());
    law.expr = Some(formula.expr.clone());
    law.constants = formula.constants.clone();
    law.formula_holdout_error = Some(errors.holdout);
    Ok(())
}

/// Edges sampled for plots, inputs in the learned scale.
fn curves(scaled: &Scaled<'_>, net: &Kan, readings: &Readings) -> Result<Vec<Curve>> {
    const POINTS: usize = 81;
    let mut out = Vec::new();
    let layers = net.layers.len();
    for (l, layer) in net.layers.iter().enumerate() {
        for i in 0..layer.inputs {
            for o in 0..layer.outputs {
                let (map, from) = if l == 0 {
                    (scaled.maps[i], scaled.names[i].to_string())
                } else {
                    (
                        Affine {
                            middle: 0.0,
                            half: 1.0,
                        },
                        format!("hidden {l}.{}", i + 1),
                    )
                };
                let last = l + 1 == layers;
                let to = if last {
                    scaled.target.to_string()
                } else {
                    format!("hidden {}.{}", l + 1, o + 1)
                };
                let scale = if last { scaled.y_map.half } else { 1.0 };
                let unit = |k: usize| 2.0 * k as f64 / (POINTS - 1) as f64 - 1.0;
                let x: Vec<f64> = (0..POINTS)
                    .map(|k| map.middle + map.half * unit(k))
                    .collect();
                let mut y: Vec<f64> = (0..POINTS)
                    .map(|k| scale * layer.edge_value(i, o, unit(k)))
                    .collect();
                if last && layers == 1 && i == 0 && layer.inputs == 1 {
                    // A single edge carries the whole law: show it where the data are.
                    y.iter_mut().for_each(|v| *v += scaled.y_map.middle);
                }
                let reading = if l == 0 {
                    readings.edges.get(i).cloned().flatten()
                } else {
                    None
                };
                out.push(Curve {
                    from,
                    to,
                    x,
                    y,
                    symbolic: reading.as_ref().map(|(text, _)| text.clone()),
                    symbolic_r2: reading.map(|(_, r2)| r2),
                });
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
