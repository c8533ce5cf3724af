//! The training of one network: rounds of steps on the same points, then new points; small networks first, which then
//! grow.

use std::time::Instant;

use super::super::points::Sequence;
use super::super::problem::Problem;
use super::super::solve::SolveOptions;
use super::Trained;
use super::grow::widened;
use super::judge::Judge;
use super::kernel::{Mlp, Workspace};
use super::lift::Lifts;
use super::loss::Loss;
use super::machine::{Machine, chosen, pace};
use super::mirror::Mirror;
use super::options::Optimiser;
use super::redraw::{Drawn, plain, redraw_condition, redraw_interior};
use super::rows::{Plan, Wanted};
use super::setup::{self, beside_block};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// What is to be trained.
pub(super) struct Job<'a> {
    pub(super) problem: &'a Problem,
    /// The window before.
    pub(super) before: Option<&'a Trained>,
    pub(super) options: &'a SolveOptions,
    pub(super) deadline: Option<Instant>,
    pub(super) progress: &'a Progress<'a>,
    /// Its number and how many there are.
    pub(super) window: (usize, usize),
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) trained: Trained,
    /// Unknown parameters with their standard errors.
    pub(super) unknowns: Vec<(f64, Option<f64>)>,
    pub(super) method: String,
    pub(super) iterations: usize,
    pub(super) converged: bool,
    pub(super) late: bool,
    pub(super) notes: Vec<String>,
}

/// Rounds without a better solution after which training ends.
const PATIENCE: usize = 40;

/// Rounds within which the loss of a network that can still grow must halve.
const HALVING: usize = 6;

/// Starting weights that are tried where the problem is not linear, and steps for each.
const STARTS: usize = 3;
const TRIAL: usize = 40;

/// Rounds after which a network that makes no progress grows even if it has learnt little.
const LONG: usize = 40;

/// What all stages share.
pub(super) struct Ground<'a> {
    pub(super) job: &'a Job<'a>,
    lifts: Lifts,
    mirror: Option<Mirror>,
    /// A periodic axis that the network does not see as such.
    pub(super) open: Option<usize>,
    /// Expected sizes of fields and of jets.
    fields: Vec<f64>,
    sizes: Vec<f64>,
    /// Factor of each equation.
    pub(super) factors: Vec<f64>,
    /// Unknown parameter number `i` is `scales[i]` times what the optimiser sees.
    scales: Vec<f64>,
}

/// Where training stands.
struct Stand {
    p: Vec<f64>,
    value: f64,
    residual: f64,
    iterations: usize,
    reason: &'static str,
    late: bool,
    points: usize,
}

impl<'a> Ground<'a> {
    fn new(job: &'a Job<'a>) -> Result<Self> {
        let problem = job.problem;
        let seed = job.options.seed;
        let (mut lifts, mut open) =
            setup::lifts(problem, &job.options.network, job.before.is_some())?;
        if open.is_some() && Mirror::find(problem, &lifts.fields)?.map(|m| m.axis) != open {
            open = None;
            lifts = setup::wrapped(problem, job.before.is_some())?;
        }
        let fields = setup::scale_fields(problem, &mut lifts, job.before, seed)?;
        let sizes = setup::sizes(problem, &fields);
        let mirror = Mirror::find(problem, &lifts.fields)?;
        let start: Vec<f64> = problem.unknowns.iter().map(|u| u.start).collect();
        let scale = |v: &f64| if *v == 0.0 { 1.0 } else { v.abs() };
        let scales = start.iter().map(scale).collect();
        // Sizes of the equations' terms where the network is still 0.
        let mut sequence = Sequence::new(problem.coordinates.len(), seed);
        let inside = problem.domain.interior(1024, &mut sequence)?;
        let wanted = Wanted::Formulas(problem.equations.iter().collect());
        let plan = Plan::new(problem, &lifts.fields, mirror.as_ref(), wanted)?;
        let values = vec![0.0; plan.width() * inside.len()];
        let ones = vec![1.0; plan.wanted.kinds()];
        let block = plain(problem, &plan, inside, &ones, None)?;
        let terms = plan.terms(&block, &values, &start, &sizes)?;
        let factors = terms.iter().map(|t| 1.0 / setup::usable(t.0)).collect();
        Ok(Ground {
            job,
            lifts,
            mirror,
            open,
            fields,
            sizes,
            factors,
            scales,
        })
    }

    fn equations(&self) -> Result<Plan<'a>> {
        let problem = self.job.problem;
        let wanted = Wanted::Formulas(problem.equations.iter().collect());
        Plan::new(problem, &self.lifts.fields, self.mirror.as_ref(), wanted)
    }

    fn trained(&self, net: &Mlp, p: &[f64]) -> Trained {
        let coordinates = self.job.problem.coordinates.iter();
        let own = p.get(..net.parameters()).unwrap_or(p);
        Trained {
            coordinates: coordinates.map(|c| c.name.clone()).collect(),
            lifts: self.lifts.fields.clone(),
            p: own.to_vec(),
            net: net.clone(),
            mirror: self.mirror.clone(),
        }
    }

    /// Where to start from: the best of a few starts after some steps each, where the loss has false minima; with the
    /// number of steps taken.
    fn start(&self, net: &Mlp, p: Vec<f64>, growing: bool) -> Result<(Vec<f64>, usize)> {
        let (job, problem) = (self.job, self.job.problem);
        let options = &job.options.network;
        let (optimiser, _) = chosen(options.optimiser, p.len());
        let one = optimiser != Optimiser::LevenbergMarquardt
            || options.iterations.is_some()
            || job.before.is_some()
            || problem.coordinates.len() < 2
            || problem.equations.iter().all(|e| e.linear);
        if one {
            return Ok((p, 0));
        }
        let mut best: Option<Stand> = None;
        let mut done = 0;
        for k in 0..STARTS {
            let mut start = p.clone();
            if k > 0 {
                let fresh = net.start(job.options.seed.wrapping_add(k as u64));
                for (s, f) in start.iter_mut().zip(fresh) {
                    *s = f;
                }
            }
            let stand = self.stage(net, start, 0, growing, Some(TRIAL))?;
            done += stand.iterations;
            let over = stand.late || stand.residual <= job.options.tolerance;
            if best.as_ref().is_none_or(|b| stand.value < b.value) {
                best = Some(stand);
            }
            if over {
                break;
            }
        }
        Ok((best.map_or(p, |b| b.p), done))
    }

    /// Rounds of steps until the tolerance, the deadline, the last step, or the end of progress. `growing`: the network
    /// will be made wider when progress becomes slow.
    fn stage(
        &self,
        net: &Mlp,
        p: Vec<f64>,
        done: usize,
        growing: bool,
        limit: Option<usize>,
    ) -> Result<Stand> {
        let (job, problem) = (self.job, self.job.problem);
        let options = &job.options.network;
        let threads = job.options.threads.max(1);
        let dimensions = problem.coordinates.len();
        let seed = job.options.seed;
        let (optimiser, _) = chosen(options.optimiser, p.len());
        let (most, every) = pace(optimiser);
        let most = options.iterations.unwrap_or(most);
        let most = limit.map_or(most, |l| most.min(done + l));
        let every = options.resample.unwrap_or(every);
        let plan = self.equations()?;
        let kinds = plan.wanted.kinds().max(1);
        let points = options
            .points
            .unwrap_or_else(|| (5 * p.len() / (2 * kinds)).clamp(128, 8192));
        let mut sequence = Sequence::new(dimensions, seed.wrapping_add(done as u64));
        let mut fresh = Sequence::new(dimensions, seed.wrapping_add(0x9e37));
        let mut judge = {
            let plan = self.equations()?;
            let inside = problem
                .domain
                .interior(points.clamp(512, 4096), &mut fresh)?;
            Judge {
                net,
                block: plain(problem, &plan, inside, &self.factors, self.open)?,
                plan,
                sizes: self.sizes.clone(),
                scales: self.scales.clone(),
                workspace: Workspace::new(threads),
            }
        };
        let mut loss = Loss::new(
            net,
            threads,
            self.scales.clone(),
            job.progress,
            job.deadline,
        );
        let inside = problem.domain.interior(points, &mut sequence)?;
        loss.blocks
            .push(plain(problem, &plan, inside, &self.factors, self.open)?);
        loss.plans.push(plan);
        let per_condition = if dimensions == 1 {
            1
        } else {
            (points / 8).clamp(64, 512)
        };
        let mut drawn = Vec::new();
        for own in setup::beside(
            problem,
            &self.lifts,
            (self.mirror.as_ref(), self.open),
            job.before,
            options.condition_weight,
            &self.fields,
            seed,
        )? {
            loss.blocks
                .push(beside_block(problem, &own, per_condition, &mut sequence)?);
            drawn.push(Drawn {
                place: own.place.filter(|_| own.points.is_none()),
                factors: own.factors,
            });
            loss.plans.push(own.plan);
        }
        let mut machine = Machine::new(optimiser, p);
        if done > 0 {
            redraw_interior(self, &mut loss, points, machine.p(), &mut sequence)?;
        }
        let mut stand = Stand {
            p: machine.p().to_vec(),
            value: f64::INFINITY,
            residual: f64::NAN,
            iterations: done,
            reason: "steps used up",
            late: false,
            points,
        };
        let stage = if job.window.1 == 1 {
            "network".to_string()
        } else {
            format!("network, window {} of {}", job.window.0 + 1, job.window.1)
        };
        let round = if every == 0 { pace(optimiser).1 } else { every };
        let (mut last, mut ended, mut waited) = (f64::NAN, 0usize, 0usize);
        let mut history = Vec::new();
        while stand.iterations < most {
            let outcome = steps(
                &mut machine,
                &mut loss,
                round.min(most - stand.iterations),
                (&mut stand.iterations, most),
                &mut last,
                (&stage, stand.residual),
                job.progress,
            );
            let over = match outcome {
                Ok(over) => over,
                Err(Error::Cancelled) if loss.late => break,
                Err(Error::Numerical { .. }) if stand.value.is_finite() => {
                    stand.reason = "the loss ceased to exist";
                    break;
                }
                Err(e) => return Err(e),
            };
            let p = machine.p();
            let mut value = judge.equations(p)?;
            for k in 1..loss.blocks.len() {
                let rows = loss.residuals(p, k)?;
                value += 0.5 * rows.iter().flatten().map(|r| r * r).sum::<f64>();
            }
            waited = if value < 0.9 * stand.value {
                0
            } else {
                waited + 1
            };
            if value < stand.value {
                stand.value = value;
                stand.p = p.to_vec();
                stand.residual = judge.relative(p)?;
            }
            history.push(stand.value);
            if stand.residual <= job.options.tolerance {
                stand.reason = "";
                break;
            }
            ended = if over { ended + 1 } else { 0 };
            let before = history.len().checked_sub(HALVING + 1);
            let before = before.and_then(|k| history.get(k));
            let slow = before.is_some_and(|v| stand.value > 0.5 * v)
                && (stand.residual <= 0.05 || history.len() > LONG);
            if ended >= 2 || waited >= PATIENCE || (growing && slow) {
                stand.reason = "the loss no longer falls";
                break;
            }
            if every > 0 {
                redraw_interior(self, &mut loss, points, machine.p(), &mut sequence)?;
                for (k, own) in drawn.iter().enumerate() {
                    if dimensions > 1 {
                        redraw_condition(
                            &mut loss,
                            problem,
                            k + 1,
                            own,
                            per_condition,
                            &mut sequence,
                        )?;
                    }
                }
                machine.refresh();
            }
        }
        if !stand.value.is_finite() {
            // Stopped before the first round ended: what there is by now, if it is finite.
            stand.p = machine.p().to_vec();
            stand.value = judge.equations(&stand.p)?;
            if !stand.value.is_finite() {
                return Err(Error::numerical("network", "no finite solution was found"));
            }
            stand.residual = judge.relative(&stand.p)?;
        }
        stand.late = loss.late;
        Ok(stand)
    }
}

/// Trains one network.
///
/// # Errors
/// [`Error::Cancelled`]; [`Error::Numerical`] where the loss does not exist at any start.
pub(super) fn train(job: &Job<'_>) -> Result<Outcome> {
    let problem = job.problem;
    let options = &job.options.network;
    let seed = job.options.seed;
    let ground = Ground::new(job)?;
    let stages = setup::stages(problem, options);
    let mut state: Option<(Mlp, Stand)> = None;
    for (k, hidden) in stages.iter().enumerate() {
        let net = setup::network(problem, options, hidden, ground.open, seed)?;
        let grown = state
            .as_ref()
            .and_then(|(old, stand)| widened(old, &stand.p, &net, seed + k as u64));
        let before = job.before.filter(|b| b.net == net);
        let p = match (grown, before) {
            (Some(p), _) => p,
            (None, Some(before)) => before.p.clone(),
            (None, None) => {
                let mut p = net.start(seed);
                let unknowns = problem.unknowns.iter().zip(&ground.scales);
                p.extend(unknowns.map(|(u, s)| u.start / s));
                p
            }
        };
        let done = state.as_ref().map_or(0, |(_, s)| s.iterations);
        let growing = k + 1 < stages.len();
        let (p, done) = match k {
            0 => ground.start(&net, p, growing)?,
            _ => (p, done),
        };
        let stand = ground.stage(&net, p, done, growing, None)?;
        let over = stand.late || stand.residual <= job.options.tolerance;
        state = Some((net, stand));
        if over {
            break;
        }
    }
    let Some((net, stand)) = state else {
        return Err(Error::Internal {
            message: "no network to train".into(),
        });
    };
    Ok(outcome(&ground, &net, stand))
}

fn outcome(ground: &Ground<'_>, net: &Mlp, stand: Stand) -> Outcome {
    let (job, problem) = (ground.job, ground.job.problem);
    let met = stand.residual <= job.options.tolerance;
    let settled = stand.reason == "the loss no longer falls" && stand.residual <= 1e-3;
    let mut notes = vec![format!(
        "residual of the equations on fresh points, relative to their largest term: {:.1e}",
        stand.residual
    )];
    if !met && !stand.late {
        notes.push(format!("training ended: {}", stand.reason));
    }
    if let Some(m) = &ground.mirror {
        let name = problem.coordinates.get(m.axis).map_or("", |c| &c.name);
        notes.push(format!(
            "equations and conditions are symmetric about {name} = {}; so is the network",
            m.centre
        ));
    }
    let held = ground.lifts.held.iter().filter(|h| **h).count();
    if held > 0 {
        notes.push(format!("{held} conditions hold by construction"));
    }
    let rest = stand.p.get(net.parameters()..).unwrap_or(&[]);
    let unknowns = rest.iter().zip(&ground.scales).map(|(q, s)| (q * s, None));
    let shape: Vec<String> = net.hidden().iter().map(usize::to_string).collect();
    let (_, name) = chosen(job.options.network.optimiser, stand.p.len());
    Outcome {
        unknowns: unknowns.collect(),
        method: format!(
            "tanh network {}, {} weights, {} points, {name}",
            shape.join("-"),
            net.parameters(),
            stand.points
        ),
        trained: ground.trained(net, &stand.p),
        iterations: stand.iterations,
        converged: met || (!stand.late && settled),
        late: stand.late,
        notes,
    }
}

/// Steps on the same points; whether the iteration has come to an end.
fn steps(
    machine: &mut Machine,
    loss: &mut Loss<'_>,
    round: usize,
    (iterations, most): (&mut usize, usize),
    last: &mut f64,
    (stage, residual): (&str, f64),
    progress: &Progress<'_>,
) -> Result<bool> {
    for _ in 0..round {
        loss.check()?;
        let message = format!("loss {last:.3e}, residual {residual:.1e}");
        progress.report(stage, *iterations as u64, most as u64, &message)?;
        let (value, over) = machine.step(loss, *iterations as f64 / most.max(1) as f64)?;
        *iterations += 1;
        if let Some(value) = value {
            *last = value;
        }
        if over {
            return Ok(true);
        }
    }
    Ok(false)
}
