//! The course of a fit: stages of finer grids, within each rungs of less smoothness, within each iterations; what
//! is kept is what does best on the held-out rows.

use super::adam::{Kernels, Moments};
use super::check::{check_data, fingerprint};
use super::checkpoint::{Best, Checkpoint, Optimiser};
use super::options::{FitOptions, FitReport, Loss, Method, Precision, Progressed};
use super::problem::{Data, Problem};
use super::setup::{choose, on_grid, split};
use crate::error::{Error, Result};
use crate::kan::network::Kan;
use crate::kan::run::Batch;
use crate::optim::{
    AdamOptions, AdamState, GaussNewton, GaussNewtonState, LbfgsOptions, LbfgsState, Moved, Random,
    Stepped,
};

/// Smoothness of the first rung where the held-out rows choose it.
const FIRST_SMOOTHNESS: f64 = 1e-4;

/// Smoothness from rung to rung, and the least.
const LESS: f64 = 1e-2;
const LEAST_SMOOTHNESS: f64 = 1e-16;

/// Smoothness where it is not given and no rows are held out.
const PLAIN_SMOOTHNESS: f64 = 1e-8;

/// Less smoothness is kept and followed by less where the held-out loss falls below this share of that before.
const BETTER: f64 = 0.97;

/// A finer grid must lower the held-out loss below this share: it gives freedom where there are no rows that could
/// object.
const FINER: f64 = 0.5;

/// Share of decrease that ends a rung of Levenberg-Marquardt before the last grid.
const COARSE: f64 = 0.03;

/// Iterations of Levenberg-Marquardt without a better held-out loss that end a rung.
const STALE: usize = 6;

/// What an iteration came to.
enum Went {
    /// Loss of the training rows, share by which the cost fell.
    On(f64, f64),
    Refused,
    Done,
}

/// A fit under way.
pub(super) struct Course<'a> {
    pub(super) state: Checkpoint,
    data: Data<'a>,
    train: Vec<usize>,
    held: Vec<usize>,
    problem: Problem<'a>,
    newton: Option<GaussNewton>,
    kernels: Option<Kernels>,
}

impl<'a> Course<'a> {
    /// # Errors
    /// Those of [`Kan::fit`].
    pub(super) fn start(net: &Kan, data: Data<'a>, options: &FitOptions) -> Result<Self> {
        options.check()?;
        let rows = check_data(net, data.x, data.y, options.loss)?;
        let (train, held) = split(rows, options);
        let method = choose(net, options, train.len());
        let grids = match &options.grids[..] {
            [] => vec![net.layers()[0].basis(0).cells()],
            grids => grids.to_vec(),
        };
        let smoothness = options.smoothness.unwrap_or(match method {
            Method::Adam => 0.0,
            _ if held.is_empty() || options.l1 > 0.0 || options.entropy > 0.0 => PLAIN_SMOOTHNESS,
            // As stiff on a fine grid as on one of five cells.
            _ => FIRST_SMOOTHNESS * (grids[0] as f64 / 5.0).powi(3).max(1.0),
        });
        let state = Checkpoint {
            options: options.clone(),
            data: fingerprint(data.x, data.y),
            method,
            grids,
            net: net.clone(),
            optimiser: Optimiser::Lbfgs(LbfgsState::new(Vec::new())),
            stage: 0,
            rung: 0,
            rung_iterations: 0,
            stale: 0,
            smoothness,
            rung_best: None,
            stage_best: None,
            polished: false,
            best: None,
            iterations: 0,
            history: Vec::new(),
            stop: None,
        };
        let net = on_grid(net, &state, &data, &train)?;
        let mut course = Course {
            problem: Problem::new(net.clone(), data, train.clone(), smoothness)?,
            newton: None,
            kernels: None,
            state,
            data,
            train,
            held,
        };
        course.enter(net)?;
        Ok(course)
    }

    /// # Errors
    /// [`Error::InvalidInput`] where the checkpoint belongs to other rows.
    pub(super) fn resume(state: Checkpoint, data: Data<'a>) -> Result<Self> {
        state.options.check()?;
        let rows = check_data(&state.net, data.x, data.y, state.options.loss)?;
        if fingerprint(data.x, data.y) != state.data {
            return Err(Error::invalid(
                "checkpoint",
                "other rows",
                "the rows of the fit that it was taken from",
            ));
        }
        if state.optimiser.p().len() != state.net.parameters() || state.stage >= state.grids.len() {
            return Err(Error::invalid(
                "checkpoint",
                "sizes that do not fit together",
                "an unchanged checkpoint",
            ));
        }
        let (train, held) = split(rows, &state.options);
        let problem = Problem::new(state.net.clone(), data, train.clone(), state.smoothness)?;
        let mut newton = None;
        if let Optimiser::GaussNewton(at) = &state.optimiser {
            newton = Some(GaussNewton::new(at.clone()));
        }
        Ok(Course {
            state,
            data,
            train,
            held,
            problem,
            newton,
            kernels: None,
        })
    }

    /// Whether the fit is over.
    pub(super) fn over(&self) -> bool {
        self.state.stop.is_some()
    }

    /// Whether the held-out rows choose what is kept. They do not where sparsity is asked for: it costs accuracy.
    fn selecting(&self) -> bool {
        let options = &self.state.options;
        !self.held.is_empty() && options.l1 == 0.0 && options.entropy == 0.0
    }

    /// Begins the stage with this network on its grids.
    fn enter(&mut self, net: Kan) -> Result<()> {
        self.problem = Problem::new(
            net.clone(),
            self.data,
            self.train.clone(),
            self.state.smoothness,
        )?;
        let p = net.parameter_values();
        self.state.net = net;
        self.state.rung = 0;
        self.state.stage_best = None;
        self.begin_rung(p)
    }

    fn begin_rung(&mut self, p: Vec<f64>) -> Result<()> {
        self.problem.set_smoothness(self.state.smoothness);
        self.state.rung_iterations = 0;
        self.state.stale = 0;
        self.state.rung_best = None;
        self.newton = None;
        self.state.optimiser = match self.state.method {
            Method::Lbfgs => Optimiser::Lbfgs(LbfgsState::new(p)),
            Method::Adam => {
                let kernels = Batch::<f64>::new(&self.state.net)?.weights();
                let options = &self.state.options;
                let moments = match options.precision {
                    _ if options.l1 > 0.0 || options.entropy > 0.0 => {
                        Moments::Plain(AdamState::<f64>::new(p.len()))
                    }
                    Precision::F64 => Moments::F64(AdamState::<f64>::new(kernels)),
                    Precision::F32 => Moments::F32(AdamState::<f32>::new(kernels)),
                };
                self.kernels = None;
                Optimiser::Adam {
                    p,
                    moments,
                    random: options.seed ^ 0x00ad_a300 ^ self.state.stage as u64,
                }
            }
            _ => {
                let damping = if self.state.stage == 0 && self.state.rung == 0 {
                    1e-2
                } else {
                    1e-4
                };
                let mut newton = GaussNewton::new(GaussNewtonState {
                    p,
                    damping,
                    grow: 2.0,
                    iterations: 0,
                });
                if self.data.loss == Loss::Squared {
                    self.settle(&mut newton)?;
                }
                let state = newton.state.clone();
                self.newton = Some(newton);
                Optimiser::GaussNewton(state)
            }
        };
        Ok(())
    }

    /// The last layer is linear in its coefficients: to their best values (variable projection).
    fn settle(&mut self, newton: &mut GaussNewton) -> Result<()> {
        let net = &self.problem.net;
        let last = net.layers().last().filter(|l| l.products.is_empty());
        if let (Some(_), Some(from)) = (last, net.parameter_starts().last().copied()) {
            newton.settle(&mut self.problem, from)?;
        }
        Ok(())
    }

    /// One iteration, and what follows from it: the next rung, the next stage, the end.
    pub(super) fn advance(&mut self) -> Result<()> {
        let went = self.iterate()?;
        self.state.iterations += 1;
        self.state.rung_iterations += 1;
        let limit = self.state.options.max_iterations;
        let used_up = self.state.rung_iterations >= limit;
        match went {
            Went::Refused => {
                if used_up {
                    self.end_rung("iterations are used up")?;
                }
            }
            Went::Done => self.end_rung("no step lowers the cost any more")?,
            Went::On(train, share) => {
                let better = self.look(train)?;
                let patience = match (self.state.options.patience, self.state.method) {
                    (0, _) => usize::MAX,
                    (n, Method::LevenbergMarquardt) => n.min(STALE),
                    (n, _) => n,
                };
                self.state.stale = if better { 0 } else { self.state.stale + 1 };
                let newton = self.state.method == Method::LevenbergMarquardt;
                let last = self.state.stage + 1 == self.state.grids.len();
                let least = if newton && !last { COARSE } else { 0.0 };
                let tolerance = self.state.options.tolerance.max(least);
                if self.state.method != Method::Adam && share <= tolerance {
                    self.end_rung("the cost no longer falls")?;
                } else if self.state.stale >= patience && self.selecting() {
                    self.end_rung("the held-out rows get no better")?;
                } else if used_up {
                    self.end_rung("iterations are used up")?;
                }
            }
        }
        Ok(())
    }

    fn iterate(&mut self) -> Result<Went> {
        let problem = &mut self.problem;
        match &mut self.state.optimiser {
            Optimiser::GaussNewton(state) => {
                let newton = self
                    .newton
                    .get_or_insert_with(|| GaussNewton::new(state.clone()));
                let stepped = newton.step(problem)?;
                // The numbers are swapped into the state only where it is looked at: see `store`.
                Ok(match stepped {
                    Stepped::Lower { share, gain, .. } => {
                        Went::On(problem.last_loss, if gain > 0.25 { share } else { 1.0 })
                    }
                    Stepped::Refused => Went::Refused,
                    Stepped::Done => Went::Done,
                })
            }
            Optimiser::Lbfgs(state) => Ok(match state.step(problem, &LbfgsOptions::default())? {
                Moved::Lower { share, .. } => {
                    Went::On(problem.last_loss, if share == 0.0 { 1.0 } else { share })
                }
                Moved::Done => Went::Done,
            }),
            Optimiser::Adam { p, moments, random } => {
                let options = &self.state.options;
                let mut numbers = Random(*random);
                let mut order = self.train.clone();
                for i in (1..order.len()).rev() {
                    order.swap(i, numbers.below(i + 1));
                }
                *random = numbers.0;
                let done = self.state.rung_iterations as f64 / options.max_iterations as f64;
                let fall = 0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
                let adam = AdamOptions {
                    learning_rate: options.learning_rate * fall,
                    weight_decay: options.weight_decay,
                    ..AdamOptions::default()
                };
                let kernels = match &mut self.kernels {
                    Some(kernels) => kernels,
                    none => none.insert(Kernels::new(&self.state.net, moments)?),
                };
                let loss = kernels.epoch(problem, p, moments, &order, options.batch, &adam)?;
                Ok(Went::On(loss, 1.0))
            }
        }
    }

    fn p(&self) -> &[f64] {
        match &self.newton {
            Some(newton) => &newton.state.p,
            None => self.state.optimiser.p(),
        }
    }

    /// Looks at the held-out rows, reports, and keeps what is best; returns whether it is better than before.
    fn look(&mut self, train: f64) -> Result<bool> {
        let p = self.p().to_vec();
        let holdout = match self.held.is_empty() {
            true => None,
            false => Some(self.problem.loss_of(&p, &self.held)?),
        };
        let loss = holdout.unwrap_or(train);
        let grid = self.state.grids[self.state.stage];
        self.state.history.push(Progressed {
            grid,
            iteration: self.state.iterations,
            train,
            holdout,
        });
        let message = match holdout {
            Some(held) => format!("grid {grid}: loss {train:.3e}, held out {held:.3e}"),
            None => format!("grid {grid}: loss {train:.3e}"),
        };
        self.data.progress.report(
            "kan fit",
            self.state.rung_iterations as u64 + 1,
            self.state.options.max_iterations as u64,
            &message,
        )?;
        let before = self.state.rung_best.as_ref().map(|b| b.loss);
        // Without held-out rows the last is kept: the cost falls, the loss alone may rise a little.
        let keep = !self.selecting() || before.is_none_or(|b| loss < b);
        if keep {
            self.state.rung_best = Some(Best {
                p,
                loss,
                smoothness: self.state.smoothness,
            });
        }
        Ok(before.is_none_or(|b| loss < b * (1.0 - 1e-4)))
    }

    /// The optimiser's numbers, once they are needed outside.
    pub(super) fn store(&mut self) -> &Checkpoint {
        if let Some(newton) = &self.newton {
            self.state.optimiser = Optimiser::GaussNewton(newton.state.clone());
        }
        &self.state
    }

    fn end_rung(&mut self, why: &str) -> Result<()> {
        if self.state.rung_best.is_none() {
            // Not one step was taken: where it began is what there is.
            let p = self.p().to_vec();
            let train = self.problem.loss(&p)?;
            if !train.is_finite() {
                return Err(Error::numerical(
                    "kan fit",
                    "the loss does not exist at the starting point",
                ));
            }
            self.look(train)?;
        }
        let Some(rung) = self.state.rung_best.take() else {
            return Ok(());
        };
        let before = self.state.stage_best.as_ref().map(|b| b.loss);
        let better = before.is_none_or(|b| rung.loss < BETTER * b);
        if better || !self.selecting() {
            self.state.stage_best = Some(rung);
        }
        let choosing = self.state.options.smoothness.is_none()
            && self.selecting()
            && self.state.method != Method::Adam;
        if choosing && better && self.state.smoothness > LEAST_SMOOTHNESS {
            self.state.smoothness *= LESS;
            self.state.rung += 1;
            let p = self
                .state
                .stage_best
                .as_ref()
                .map(|b| b.p.clone())
                .unwrap_or_default();
            return self.begin_rung(p);
        }
        self.end_stage(why)
    }

    fn end_stage(&mut self, why: &str) -> Result<()> {
        let Some(stage) = self.state.stage_best.take() else {
            return Ok(());
        };
        let before = self.state.best.as_ref().map(|(_, b)| b.loss);
        // What is smoother or coarser stays unless it is clearly worse: beyond the rows that choose, a finer grid can
        // only lose.
        let worth = !self.selecting() || before.is_none_or(|b| stage.loss < FINER * b);
        let better = worth || self.state.polished && before.is_none_or(|b| stage.loss < b);
        if better {
            let mut net = self.state.net.clone();
            net.set_parameter_values(&stage.p);
            self.state.best = Some((net, stage));
        }
        let next = self.state.stage + 1;
        if !worth && !self.state.polished && self.state.method == Method::LevenbergMarquardt {
            // Back to the better grid, whose stage was left before it had converged.
            if let Some((net, _)) = &self.state.best {
                let cells = net.layers()[0].basis(0).cells();
                self.state.grids.truncate(next);
                self.state.grids.push(cells);
                self.state.polished = true;
            }
        } else if next >= self.state.grids.len() || !worth {
            self.state.stop = Some(why.into());
            return Ok(());
        }
        let Some((net, best)) = &self.state.best else {
            return Ok(());
        };
        if self.state.options.smoothness.is_none() {
            // The same penalty of the second derivative: a second difference falls with the square of the cell.
            let cells = net.layers()[0].basis(0).cells();
            let ratio = self.state.grids[next] as f64 / cells as f64;
            self.state.smoothness = best.smoothness * ratio.powi(3);
        }
        let net = net.clone();
        self.state.stage = next;
        let net = on_grid(&net, &self.state, &self.data, &self.train)?;
        self.enter(net)
    }

    /// The network found, and the report.
    pub(super) fn finish(mut self) -> Result<(Kan, FitReport)> {
        let Some((net, best)) = self.state.best.take() else {
            return Err(Error::Internal {
                message: "a fit ended without a network".into(),
            });
        };
        let data = Data {
            loss: match self.data.loss {
                Loss::CrossEntropy => Loss::CrossEntropy,
                _ => Loss::Squared,
            },
            ..self.data
        };
        let mut problem = Problem::new(net.clone(), data, Vec::new(), 0.0)?;
        let mut error = |rows: &[usize]| -> Result<f64> {
            let loss = problem.loss_of(&best.p, rows)?;
            Ok(if data.loss == Loss::CrossEntropy {
                loss
            } else {
                (2.0 * loss).sqrt()
            })
        };
        let report = FitReport {
            method: self.state.method,
            iterations: self.state.iterations,
            stop: self.state.stop.unwrap_or_default(),
            grid: net.layers()[0].basis(0).cells(),
            smoothness: best.smoothness,
            train_error: error(&self.train)?,
            holdout_error: if self.held.is_empty() {
                None
            } else {
                Some(error(&self.held)?)
            },
            holdout_rows: self.held,
            history: self.state.history,
        };
        Ok((net, report))
    }
}
