//! Which network: structure, grid and smoothness by cross-validation on the training rows.

use super::super::LawOptions;
use super::super::network::Kan;
use super::super::train::TrainOptions;
use super::data::{Scaled, Split, mean, shuffle};
use crate::error::Result;
use crate::optim::Random;
use crate::telemetry::Progress;

/// Smoothness penalties that are tried, stiffest first.
const LADDER: [f64; 8] = [1e4, 1e2, 1e1, 1.0, 1e-1, 1e-2, 1e-4, 1e-6];

/// Rows of the training set from which on a hidden layer is considered.
const HIDDEN_ROWS: usize = 60;

/// A richer network must lower the validation error below this share of that of the plainer one.
const HIDDEN_GAIN: f64 = 0.7;

/// Iterations per rung of the ladder of a network with hidden nodes, which goes on from the rung before.
const DEEP_ITERATIONS: usize = 15;

/// Validation R2 from which on no richer network is tried.
const ENOUGH: f64 = 0.9999;

/// Validation R2 below which finer grids are tried.
const COARSE: f64 = 0.99;

/// The network taken, trained on all training rows.
pub(super) struct Chosen {
    pub(super) net: Kan,
    pub(super) grid: usize,
    pub(super) iterations: usize,
    pub(super) cv_r2: f64,
    /// Mean squared validation error and its standard error, in units of the map of the target.
    error: f64,
    standard_error: f64,
}

impl Chosen {
    /// A network of another search in the place of this one.
    pub(super) fn found(net: Kan, before: &Chosen, r2: f64) -> Self {
        Chosen {
            grid: net.layers[0].bases[0].cells(),
            net,
            iterations: before.iterations,
            cv_r2: r2,
            error: before.error,
            standard_error: before.standard_error,
        }
    }

    /// Whether this network is worth its additional parameters.
    fn better_than(&self, plainer: &Chosen) -> bool {
        self.error < HIDDEN_GAIN * HIDDEN_GAIN * plainer.error
    }
}

/// Picks structure, grid and smoothness on the training rows and trains on all of them.
pub(super) fn choose(
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
    let search = Search {
        scaled,
        order: &order,
        options,
        progress,
    };
    let given = options.hidden.as_deref();
    if let Some(hidden) = given.filter(|h| !h.is_empty()) {
        return search.run(&Plan {
            widths: [&[inputs], hidden, &[1]].concat(),
            grid,
            folds: folds.min(5),
            ladder: &LADDER[2..7],
            start: None,
        });
    }
    let mut chosen = search.run(&Plan {
        widths: vec![inputs, 1],
        grid,
        folds,
        ladder: &LADDER,
        start: None,
    })?;
    if options.grid.is_none() {
        for finer in [2 * grid, 4 * grid] {
            // Fewer coefficients than rows: beyond, the grid resolves nothing that the rows show.
            if chosen.cv_r2 > COARSE || inputs * (finer + 3) > n {
                break;
            }
            let trial = search.run(&Plan {
                widths: vec![inputs, 1],
                grid: finer,
                folds: folds.min(5),
                ladder: &LADDER[3..],
                start: None,
            })?;
            // By more than chance: beyond one standard error of the coarser grid's error.
            if trial.error < chosen.error - chosen.standard_error {
                chosen = trial;
            }
        }
    }
    if given.is_some() || inputs < 2 || n < HIDDEN_ROWS || chosen.cv_r2 > ENOUGH {
        return Ok(chosen);
    }
    // A function of a sum starts from the sum.
    let mut start = chosen.net.clone();
    start.append_identity(grid)?;
    let single = search.run(&Plan {
        widths: vec![inputs, 1, 1],
        grid,
        folds: 3,
        ladder: &LADDER[2..7],
        start: Some(start),
    })?;
    if single.better_than(&chosen) {
        chosen = single;
    }
    if chosen.cv_r2 > ENOUGH {
        return Ok(chosen);
    }
    let wide = search.run(&Plan {
        widths: vec![inputs, (2 * inputs + 1).min(7), 1],
        grid: grid.min(5),
        folds: 3,
        ladder: &LADDER[2..7],
        start: None,
    })?;
    Ok(if wide.better_than(&chosen) {
        wide
    } else {
        chosen
    })
}

/// A structure and the smoothness ladder to choose from.
struct Plan<'a> {
    widths: Vec<usize>,
    grid: usize,
    folds: usize,
    ladder: &'a [f64],
    /// Where training starts; small random edges where `None`.
    start: Option<Kan>,
}

struct Search<'a> {
    scaled: &'a Scaled<'a>,
    /// Training rows in the order in which they are dealt to the folds.
    order: &'a [usize],
    options: &'a LawOptions,
    progress: &'a Progress<'a>,
}

impl Search<'_> {
    fn train(
        &self,
        plan: &Plan<'_>,
        start: Option<&Kan>,
        rows: &[usize],
        smoothness: f64,
    ) -> Result<(Kan, usize)> {
        let mut net = match start.or(plan.start.as_ref()) {
            Some(net) => net.clone(),
            None => Kan::new(&plan.widths, plan.grid, 3, self.options.seed)?,
        };
        // An additive network is linear in its coefficients and converges in a few steps.
        let (most, tolerance) = if plan.widths.len() > 2 {
            (DEEP_ITERATIONS, 1e-4)
        } else {
            (200, 1e-9)
        };
        let train = TrainOptions {
            smoothness: 1e-4 * smoothness,
            max_iterations: self.options.max_iterations.min(most),
            tolerance,
        };
        let (x, y) = (self.scaled.rows(rows), self.scaled.targets(rows));
        let used = net.train(&x, &y, &train, self.progress)?;
        Ok((net, used))
    }

    fn run(&self, plan: &Plan<'_>) -> Result<Chosen> {
        let n = self.order.len();
        let mut iterations = 0;
        // Mean and standard error of the squared validation error per rung.
        let mut rungs: Vec<(f64, f64)> = Vec::new();
        // Networks with hidden nodes go on from the stiffer rung, which saves most of their iterations.
        let follow = plan.widths.len() > 2;
        let mut previous: Vec<Option<Kan>> = vec![None; plan.folds];
        let mut firsts: Vec<Option<Kan>> = Vec::new();
        for (step, smoothness) in plan.ladder.iter().enumerate() {
            self.progress.report(
                "kan",
                step as u64,
                plan.ladder.len() as u64,
                "cross-validation",
            )?;
            let mut squares = Vec::with_capacity(n);
            for (fold, before) in previous.iter_mut().enumerate() {
                let (mut train, mut test) = (Vec::new(), Vec::new());
                for (i, row) in self.order.iter().enumerate() {
                    if i % plan.folds == fold {
                        test.push(*row)
                    } else {
                        train.push(*row)
                    }
                }
                let (net, used) = self.train(plan, before.as_ref(), &train, *smoothness)?;
                iterations += used;
                let predicted = net.predict(&self.scaled.rows(&test))?;
                if follow {
                    *before = Some(net);
                }
                squares.extend(
                    predicted
                        .iter()
                        .zip(self.scaled.targets(&test))
                        .map(|(p, t)| (p - t) * (p - t)),
                );
            }
            firsts.push(previous.first().cloned().flatten());
            let middle = mean(&squares);
            let variance =
                squares.iter().map(|s| (s - middle).powi(2)).sum::<f64>() / (n as f64 - 1.0);
            rungs.push((middle, (variance / n as f64).sqrt()));
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
        let smoothness = plan.ladder.get(at).copied().unwrap_or(1.0);
        let (net, used) = self.train(
            plan,
            firsts.get(at).and_then(Option::as_ref),
            self.order,
            smoothness,
        )?;
        let targets = self.scaled.targets(self.order);
        let middle = mean(&targets);
        let variance = targets.iter().map(|t| (t - middle).powi(2)).sum::<f64>() / n as f64;
        let (error, standard_error) = rungs.get(at).copied().unwrap_or((f64::INFINITY, 0.0));
        Ok(Chosen {
            net,
            grid: plan.grid,
            iterations: iterations + used,
            // A target without variance on the training rows leaves nothing to explain.
            cv_r2: if variance > 0.0 {
                1.0 - error / variance
            } else {
                0.0
            },
            error,
            standard_error,
        })
    }
}
