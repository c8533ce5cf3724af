//! The search for a law: networks of several shapes, trained, pruned and read, the shortest description taken.

mod columns;

use serde::{Deserialize, Serialize};

use self::columns::{check, scaling};
use super::compose::{Map, Outcome, Reader, Rows};
use super::formula::{Formula, FormulaOptions, Judge, Quantity, deviation, split, written};
use super::library::Library;
use super::prune::PruneOptions;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::kan::Named;
use crate::kan::network::{Edge, Kan, Layer, Structure};
use crate::kan::train::TrainOptions;
use crate::telemetry::Progress;

/// How a law is searched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscoverOptions {
    /// Networks to try, first to last; where empty, [`DiscoverOptions::usual`]. Their widths begin with the number of
    /// inputs and end with 1.
    pub structures: Vec<Structure>,
    /// Starts from different weights per network.
    pub starts: usize,
    /// Levenberg-Marquardt iterations per smoothness.
    pub iterations: usize,
    /// Rows that networks are trained on at most; the formula is fitted to all.
    pub rows: usize,
    /// R2 on rows apart that a network needs to be read.
    pub readable: f64,
    /// How formulas are read and judged.
    pub formula: FormulaOptions,
}

impl Default for DiscoverOptions {
    fn default() -> Self {
        DiscoverOptions {
            structures: Vec::new(),
            starts: 4,
            iterations: 30,
            rows: 400,
            readable: 0.9,
            formula: FormulaOptions::default(),
        }
    }
}

impl DiscoverOptions {
    /// The networks tried for `inputs` inputs, simplest first: a sum; a function of a sum; a function of a product of two
    /// sums; a sum beside a product of two or three; a function of those; products of functions of sums; a product of a sum
    /// and a product.
    pub fn usual(inputs: usize) -> Vec<Structure> {
        let of = |hidden: &[(usize, &[usize])]| {
            let mut widths = vec![inputs];
            widths.extend(
                hidden
                    .iter()
                    .map(|(plain, products)| plain + products.len()),
            );
            widths.push(1);
            Structure {
                widths,
                products: hidden
                    .iter()
                    .map(|(_, products)| products.to_vec())
                    .collect(),
                grid: 5,
                ..Structure::default()
            }
        };
        let mut out = vec![of(&[])];
        if inputs > 1 {
            out.extend([
                of(&[(1, &[])]),
                of(&[(0, &[2])]),
                of(&[(1, &[2])]),
                of(&[(1, &[2]), (1, &[])]),
                of(&[(2, &[]), (0, &[2])]),
                of(&[(1, &[2]), (0, &[2])]),
            ]);
        }
        if inputs > 2 {
            out.insert(4, of(&[(1, &[3])]));
        }
        out
    }
}

/// One network that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempted {
    /// Its widths before pruning.
    pub widths: Vec<usize>,
    /// Factors of its multiplication nodes.
    pub products: Vec<Vec<usize>>,
    /// Its seed.
    pub seed: u64,
    /// Root mean square error on rows apart, in standard deviations of the target, after pruning.
    pub error: f64,
    /// Edges left after pruning.
    pub edges: usize,
    /// The formula read, as it stood before it was judged; `None` where the network was not read.
    pub formula: Option<String>,
    /// Description length of the formula.
    pub score: Option<f64>,
    /// Why a network that was good enough has no formula.
    pub refused: Option<String>,
}

/// What came of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discovery {
    /// The best formula, judged by rows that nothing else saw; or why there is none.
    pub formula: Formula,
    /// The networks tried.
    pub attempts: Vec<Attempted>,
}

/// Smoothness of successive stages of training: stiff first, so that edges start as nearly straight lines.
const STAGES: [f64; 3] = [1e-4, 1e-6, 1e-8];

/// Share of the rows in training that choose (pruning, reading or not).
const APART: usize = 5;

/// Edges below this score are tried to be left out one by one.
const DOUBTFUL: f64 = 0.5;

/// An error that pruning may always reach, in standard deviations of the target.
const CLOSE: f64 = 2e-3;

pub(in crate::kan) struct Search<'a> {
    pub(in crate::kan) net_inputs: Vec<Map>,
    pub(in crate::kan) target: Map,
    /// Rows to train on and rows apart, in the network's scale.
    pub(in crate::kan) fit: (Vec<f64>, Vec<f64>),
    pub(in crate::kan) apart: (Vec<f64>, Vec<f64>),
    /// Spread of the target in the network's scale.
    pub(in crate::kan) spread: f64,
    pub(in crate::kan) options: &'a DiscoverOptions,
}

/// Searches for a law between columns. Networks of several shapes, multiplication nodes among them, are trained from several
/// starts (stiff edges first), pruned edge by edge as long as rows apart allow it, and read; the formula that describes
/// the rows shortest is taken and judged by rows that took no part. The search ends early where a formula is exact.
///
/// Costs a few tenths of a second per network and start for two inputs and 400 rows, more with the third power of the
/// number of edges.
///
/// ```no_run
/// use nis_core::{kan::*, telemetry::Progress};
/// # let (mass, speed, energy) = (vec![0.0; 100], vec![0.0; 100], vec![0.0; 100]);
/// let inputs = [Named { name: "m", values: &mass }, Named { name: "v", values: &speed }];
/// let target = Named { name: "E", values: &energy };
/// let found = discover(&inputs, target, &Library::default(), &DiscoverOptions::default(), &Progress::none())?;
/// println!("{}: {:?}", found.formula.reason, found.formula.formula);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] for no columns, columns of unequal length, fewer than 20 rows, values that are not finite, names
/// as in [`Kan::formula`], structures that do not fit or options out of range; [`Error::Cancelled`].
pub fn discover(
    inputs: &[Named<'_>],
    target: Named<'_>,
    library: &Library,
    options: &DiscoverOptions,
    progress: &Progress<'_>,
) -> Result<Discovery> {
    let rows = check(inputs, target, options)?;
    let (train, held) = split(rows, &options.formula);
    if train.len() < 16 || held.is_empty() {
        return Err(Error::invalid(
            "rows",
            rows,
            "at least 16 rows besides those held out, and one held out",
        ));
    }
    let quantities: Vec<Quantity> = inputs.iter().map(|c| scaling(c, &train)).collect();
    let output = scaling(&target, &train);
    let pick =
        |values: &[f64], rows: &[usize]| -> Vec<f64> { rows.iter().map(|r| values[*r]).collect() };
    let y = pick(target.values, &train);
    let spread = deviation(&y);
    let data = Rows {
        inputs: inputs.iter().map(|c| pick(c.values, &train)).collect(),
        floor: 1e-6 * spread,
        y,
        library,
        iterations: 100,
    };
    let mut judge = Judge {
        options: &options.formula,
        names: inputs.iter().map(|c| c.name).collect(),
        target: target.name,
        held: inputs.iter().map(|c| pick(c.values, &held)).collect(),
        y: pick(target.values, &held),
        network: Vec::new(),
        spread,
    };
    if spread.is_nan() || spread <= 0.0 {
        let outcome = Outcome::Refused("the target is constant on the rows".into());
        return Ok(Discovery {
            formula: judge.judge(outcome, &data)?,
            attempts: Vec::new(),
        });
    }
    let step = train.len().div_ceil(options.rows).max(1);
    let used: Vec<usize> = train.iter().copied().step_by(step).collect();
    let (apart, fit): (Vec<usize>, Vec<usize>) = {
        let (a, f): (Vec<_>, Vec<_>) = used
            .iter()
            .enumerate()
            .partition(|(k, _)| k % APART == APART - 1);
        (
            a.into_iter().map(|(_, r)| *r).collect(),
            f.into_iter().map(|(_, r)| *r).collect(),
        )
    };
    let scaled = |rows: &[usize]| -> (Vec<f64>, Vec<f64>) {
        let x = rows.iter().flat_map(|r| {
            inputs
                .iter()
                .zip(&quantities)
                .map(move |(c, q)| (c.values[*r] - q.shift) / q.scale)
        });
        (
            x.collect(),
            rows.iter()
                .map(|r| (target.values[*r] - output.shift) / output.scale)
                .collect(),
        )
    };
    let search = Search {
        net_inputs: quantities
            .iter()
            .map(|q| Map {
                middle: q.shift,
                half: q.scale,
            })
            .collect(),
        target: Map {
            middle: output.shift,
            half: output.scale,
        },
        fit: scaled(&fit),
        apart: scaled(&apart),
        spread: spread / output.scale,
        options,
    };
    let usual = DiscoverOptions::usual(inputs.len());
    let structures = if options.structures.is_empty() {
        &usual
    } else {
        &options.structures
    };
    let (best, attempts) = search.run(structures, &data, &judge.names, progress)?;
    let formula = match best {
        Some(best) => {
            let held = best.net.predict(&scaled(&held).0)?;
            judge.network = held
                .iter()
                .map(|v| output.shift + output.scale * v)
                .collect();
            judge.judge(best.outcome, &data)?
        }
        None => {
            let errors = attempts.iter().map(|a| a.error);
            let nearest = errors.fold(f64::INFINITY, f64::min);
            let mut refused = attempts.iter().filter_map(|a| a.refused.as_deref());
            let why = match refused.next_back() {
                Some(refused) => format!("none was read: {refused}"),
                None => format!("{} is needed", options.readable),
            };
            let reason = format!(
                "no law: the best of {} networks has an R2 of {:.4} on rows apart; {why}",
                attempts.len(),
                1.0 - nearest * nearest,
            );
            judge.judge(Outcome::Refused(reason), &data)?
        }
    };
    Ok(Discovery { formula, attempts })
}

/// The best formula so far, with its description length and the network that it was read from.
pub(in crate::kan) struct Best {
    pub(in crate::kan) score: f64,
    pub(in crate::kan) outcome: Outcome,
    pub(in crate::kan) net: Kan,
    /// Error on the rows apart, in standard deviations.
    pub(in crate::kan) error: f64,
}

impl Search<'_> {
    /// Trains, prunes and reads; `names` are those of the inputs in the attempts' formulas.
    pub(in crate::kan) fn run(
        &self,
        structures: &[Structure],
        rows: &Rows<'_>,
        names: &[&str],
        progress: &Progress<'_>,
    ) -> Result<(Option<Best>, Vec<Attempted>)> {
        let mut attempts = Vec::new();
        let mut best: Option<Best> = None;
        let mut nearest = f64::INFINITY;
        let leaves: Vec<Expr> = names.iter().map(|n| Expr::name(*n)).collect();
        let near = (1.0 - self.options.readable).sqrt();
        for (s, structure) in structures.iter().enumerate() {
            // A sum of functions is linear in its coefficients: one start is all.
            let linear =
                structure.widths.len() == 2 && structure.products.iter().all(Vec::is_empty);
            for start in 0..if linear { 1 } else { self.options.starts } {
                progress.report(
                    "kan",
                    s as u64,
                    structures.len() as u64,
                    "searching for a law",
                )?;
                let seed = structure.seed.wrapping_add(start as u64);
                let mut net = self.start(&Structure {
                    seed,
                    ..structure.clone()
                })?;
                let mut error = self.train(&mut net, self.options.iterations, &STAGES, progress)?;
                // What is far behind another network is neither pruned nor read.
                let worth = |error: f64| error <= near && error <= (4.0 * nearest).max(0.02);
                let mut readable = worth(error);
                if readable {
                    error = self.prune(&mut net, error, progress)?;
                    readable = worth(error);
                }
                nearest = nearest.min(error);
                let left = |l: &Layer| l.edges.iter().filter(|e| **e != Edge::Removed).count();
                let mut attempt = Attempted {
                    widths: structure.widths.clone(),
                    products: structure.products.clone(),
                    seed,
                    error,
                    edges: net.layers.iter().map(left).sum(),
                    formula: None,
                    score: None,
                    refused: None,
                };
                let mut exact = false;
                if readable {
                    let outcome = self.read(&net, error, rows, progress)?;
                    match &outcome {
                        Outcome::Refused(reason) => attempt.refused = Some(reason.clone()),
                        Outcome::Read { sum, fit, edges } => {
                            let score = rows.score(sum, fit, self.options.formula.edge.price);
                            exact = rows.exact(fit);
                            attempt.score = Some(score);
                            let text = written(sum, rows.library, &leaves, edges)?;
                            attempt.formula = Some(text.rounded(5).to_string());
                            if best.as_ref().is_none_or(|b| score < b.score) {
                                best = Some(Best {
                                    score,
                                    outcome,
                                    net,
                                    error,
                                });
                            }
                        }
                    }
                }
                attempts.push(attempt);
                if exact {
                    return Ok((best, attempts));
                }
            }
        }
        Ok((best, attempts))
    }

    /// A network whose factors start near 1, where a product of two small ones has no slope.
    fn start(&self, structure: &Structure) -> Result<Kan> {
        let mut net = Kan::of(structure)?;
        for layer in &mut net.layers {
            let share = 1.0 / layer.inputs as f64;
            for i in 0..layer.inputs {
                for o in layer.plain_sums()..layer.sums {
                    let n = layer.functions();
                    let at = layer.edge(i, o) * n;
                    // B-splines sum to 1; for other families this is a start like any other.
                    for c in &mut layer.coefficients[at..at + n] {
                        *c += share;
                    }
                }
            }
        }
        Ok(net)
    }

    /// Trains in stages, the grids of hidden nodes following their values; returns the error on the rows apart in standard
    /// deviations. A network that cannot be trained has an infinite one.
    fn train(
        &self,
        net: &mut Kan,
        iterations: usize,
        stages: &[f64],
        progress: &Progress<'_>,
    ) -> Result<f64> {
        for (k, smoothness) in stages.iter().enumerate() {
            if k > 0 && net.layers.len() > 1 {
                net.follow(&self.fit.0, None, 0.0, 0.0)?;
            }
            let train = TrainOptions {
                smoothness: *smoothness,
                max_iterations: iterations,
                tolerance: 1e-6,
            };
            match net.train(&self.fit.0, &self.fit.1, &train, progress) {
                Ok(_) => {}
                Err(Error::Numerical { .. }) => return Ok(f64::INFINITY),
                Err(e) => return Err(e),
            }
        }
        self.error(net)
    }

    fn error(&self, net: &Kan) -> Result<f64> {
        let error = net.residual(&self.apart.0, &self.apart.1)? / self.spread;
        Ok(if error.is_nan() { f64::INFINITY } else { error })
    }

    /// Leaves edges out, least important first, as long as the rows apart allow it.
    fn prune(&self, net: &mut Kan, error: f64, progress: &Progress<'_>) -> Result<f64> {
        let (x, y) = &self.fit;
        let last = STAGES[STAGES.len() - 1..].to_vec();
        let mut error = error;
        let allowed = |error: f64| (1.5 * error).max(CLOSE);
        let mut all = net.clone();
        let slight = PruneOptions {
            edge: 0.02,
            ..PruneOptions::default()
        };
        all.prune(x, y, &slight, progress)?;
        let after = self.train(&mut all, 15, &last, progress)?;
        if after <= allowed(error) {
            (*net, error) = (all, after.min(error));
        }
        let mut refused: Vec<[usize; 3]> = Vec::new();
        loop {
            let scores = net.importance(x)?;
            let mut weakest: Option<(f64, [usize; 3])> = None;
            for (l, layer) in net.layers.iter().enumerate() {
                for i in 0..layer.inputs {
                    for o in 0..layer.sums {
                        let edge = layer.edge(i, o);
                        let score = scores.edges[l][edge];
                        let open = layer.edges[edge] != Edge::Removed
                            && score < DOUBTFUL
                            && !refused.contains(&[l, i, o]);
                        if open && weakest.is_none_or(|w| score < w.0) {
                            weakest = Some((score, [l, i, o]));
                        }
                    }
                }
            }
            let Some((_, [l, i, o])) = weakest else {
                break;
            };
            let mut trial = net.clone();
            let layer = &mut trial.layers[l];
            let edge = layer.edge(i, o);
            layer.edges[edge] = Edge::Removed;
            layer.sum_shift[o] += scores.mean[l][edge];
            let after = self.train(&mut trial, 12, &last, progress)?;
            if after <= allowed(error) {
                *net = trial;
                error = error.min(after);
            } else {
                refused.push([l, i, o]);
            }
        }
        // Nodes that lost their edges.
        let none = PruneOptions {
            edge: 0.0,
            node: 0.0,
            input: 0.0,
            ..PruneOptions::default()
        };
        net.prune(x, y, &none, progress)?;
        self.train(net, 30, &[1e-9], progress)
    }

    fn read(
        &self,
        net: &Kan,
        error: f64,
        rows: &Rows<'_>,
        progress: &Progress<'_>,
    ) -> Result<Outcome> {
        let scores = net.importance(&self.fit.0)?;
        let reader = Reader {
            net,
            output: 0,
            inputs: &self.net_inputs,
            target: self.target,
            options: &self.options.formula.edge,
            keep: self.options.formula.keep,
            expected: error * self.spread * self.target.half,
            search_rows: self.options.formula.search_rows,
        };
        reader.read(&scores, rows, progress)
    }
}

#[cfg(test)]
mod tests;
