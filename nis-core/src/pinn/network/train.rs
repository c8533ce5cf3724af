//! The training of one network.

use std::time::Instant;

use super::super::points::{Points, Sequence};
use super::super::problem::Problem;
use super::super::solve::SolveOptions;
use super::Trained;
use super::kernel::{Mlp, Workspace};
use super::loss::{Loss, forward, residuals};
use super::mirror::Mirror;
use super::options::Optimiser;
use super::rows::{Block, Plan, Wanted};
use super::sample::{Causal, by_residual};
use super::setup::{self, Beside, beside_block};
use crate::error::{Error, Result};
use crate::optim::{
    AdamOptions, AdamState, BroydenOptions, BroydenState, GaussNewton, GaussNewtonState,
    LbfgsOptions, LbfgsState, Moved, Objective, Random, Stepped,
};
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
const PATIENCE: usize = 12;

/// Points of the pool that new points are drawn from, per point.
const POOL: usize = 5;

/// The iteration, whichever it is.
enum Machine {
    Gauss(Box<GaussNewton>),
    Broyden(BroydenState),
    Lbfgs(LbfgsState),
    Adam(AdamState<f64>, Vec<f64>),
}

impl Machine {
    fn p(&self) -> &[f64] {
        match self {
            Machine::Gauss(g) => &g.state.p,
            Machine::Broyden(s) => &s.p,
            Machine::Lbfgs(s) => &s.p,
            Machine::Adam(_, p) => p,
        }
    }

    /// One step; the loss if it is known, and whether the iteration has come to an end.
    fn step(&mut self, loss: &mut Loss<'_>, done: f64) -> Result<(Option<f64>, bool)> {
        let moved = |m: Moved| match m {
            Moved::Lower { value, .. } => (Some(value), false),
            Moved::Done => (None, true),
        };
        match self {
            Machine::Gauss(g) => Ok(match g.step(loss)? {
                Stepped::Lower { cost, .. } => (Some(cost), false),
                Stepped::Refused => (None, false),
                Stepped::Done => (None, true),
            }),
            Machine::Broyden(s) => Ok(moved(s.step(loss, &BroydenOptions::default())?)),
            Machine::Lbfgs(s) => Ok(moved(s.step(loss, &LbfgsOptions::default())?)),
            Machine::Adam(state, p) => {
                let mut gradient = vec![0.0; p.len()];
                let value = loss.evaluate(p, &mut gradient)?;
                if !value.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
                    return Ok((None, true));
                }
                let options = AdamOptions {
                    learning_rate: 5e-3 * 0.01f64.powf(done),
                    ..AdamOptions::default()
                };
                state.step(p, &gradient, &options);
                Ok((Some(value), false))
            }
        }
    }

    /// The loss has changed: what is known of it at this point is forgotten, the curvature is kept.
    fn refresh(&mut self) {
        match self {
            Machine::Gauss(g) => {
                let p = g.state.p.clone();
                g.move_to(&p);
            }
            Machine::Broyden(s) => s.at = None,
            Machine::Lbfgs(s) => s.at = None,
            Machine::Adam(..) => {}
        }
    }

    fn new(optimiser: Optimiser, p: Vec<f64>) -> Self {
        match optimiser {
            Optimiser::LevenbergMarquardt | Optimiser::Auto => {
                Machine::Gauss(Box::new(GaussNewton::new(GaussNewtonState {
                    p,
                    damping: 1e-2,
                    grow: 2.0,
                    iterations: 0,
                })))
            }
            Optimiser::Broyden => Machine::Broyden(BroydenState::new(p)),
            Optimiser::Lbfgs => Machine::Lbfgs(LbfgsState::new(p)),
            Optimiser::Adam => Machine::Adam(AdamState::<f64>::new(p.len()), p),
        }
    }
}

fn chosen(optimiser: Optimiser, parameters: usize) -> (Optimiser, &'static str) {
    match optimiser {
        Optimiser::Auto if parameters <= 1500 => chosen(Optimiser::LevenbergMarquardt, 0),
        Optimiser::Auto if parameters <= 6000 => chosen(Optimiser::Broyden, 0),
        Optimiser::Auto => chosen(Optimiser::Lbfgs, 0),
        Optimiser::LevenbergMarquardt => (optimiser, "Levenberg-Marquardt"),
        Optimiser::Broyden => (optimiser, "self-scaled Broyden"),
        Optimiser::Lbfgs => (optimiser, "L-BFGS"),
        Optimiser::Adam => (optimiser, "Adam"),
    }
}

/// Steps at most, and steps after which points are drawn anew.
fn pace(optimiser: Optimiser) -> (usize, usize) {
    match optimiser {
        Optimiser::LevenbergMarquardt | Optimiser::Auto => (1000, 10),
        Optimiser::Broyden => (20_000, 200),
        Optimiser::Lbfgs => (20_000, 500),
        Optimiser::Adam => (20_000, 500),
    }
}

/// Measures a state on points that training does not use.
struct Judge<'a> {
    net: &'a Mlp,
    plan: Plan<'a>,
    block: Block,
    sizes: Vec<f64>,
    scales: Vec<f64>,
    workspace: Workspace,
}

impl Judge<'_> {
    fn split<'p>(&self, p: &'p [f64]) -> (&'p [f64], Vec<f64>) {
        let (own, rest) = p.split_at(self.net.parameters().min(p.len()));
        let unknowns = rest.iter().zip(&self.scales).map(|(q, s)| q * s);
        (own, unknowns.collect())
    }

    /// Half the sum of squares of the equations' rows.
    fn equations(&mut self, p: &[f64]) -> Result<f64> {
        let (own, unknowns) = self.split(p);
        let rows = residuals(
            self.net,
            &self.plan,
            &self.block,
            own,
            &unknowns,
            &mut self.workspace,
        )?;
        Ok(0.5 * rows.iter().flatten().map(|r| r * r).sum::<f64>())
    }

    /// Largest root mean square of an equation's residual relative to that of its largest term.
    fn relative(&mut self, p: &[f64]) -> Result<f64> {
        let (own, unknowns) = self.split(p);
        let n = self.block.points.len();
        let points: Vec<&[f64]> = self.block.points.columns().collect();
        let mut values = vec![0.0; self.plan.width() * n];
        forward(
            self.net,
            &self.plan,
            &points,
            own,
            &mut self.workspace,
            &mut values,
        )?;
        let terms = self
            .plan
            .terms(&self.block, &values, &unknowns, &self.sizes)?;
        let mut rows = super::rows::Rows::default();
        let weights = std::mem::take(&mut self.block.weights);
        let computed = self
            .plan
            .rows(&self.block, 0..n, &values, &unknowns, false, &mut rows);
        self.block.weights = weights;
        computed?;
        let mut worst = 0.0f64;
        for (rows, (_, largest)) in rows.values.chunks_exact(n.max(1)).zip(terms) {
            let rms = (rows.iter().map(|r| r * r).sum::<f64>() / n.max(1) as f64).sqrt();
            let own = rms / setup::usable(largest);
            worst = if own <= worst { worst } else { own };
        }
        Ok(worst)
    }
}

/// Trains one network.
///
/// # Errors
/// [`Error::Cancelled`]; [`Error::Numerical`] where the loss does not exist at any start.
pub(super) fn train(job: &Job<'_>) -> Result<Outcome> {
    let (problem, options) = (job.problem, &job.options.network);
    let seed = job.options.seed;
    let threads = job.options.threads.max(1);
    let net = setup::network(problem, options, seed)?;
    let mut lifts = setup::lifts(problem, options, job.before.is_some())?;
    let fields = setup::scale_fields(problem, &mut lifts, job.before, seed)?;
    let sizes = setup::sizes(problem, &fields);
    let mirror = Mirror::find(problem, &lifts.fields)?;
    let mirror = mirror.as_ref();
    let start: Vec<f64> = problem.unknowns.iter().map(|u| u.start).collect();
    let scales: Vec<f64> = start
        .iter()
        .map(|v| if *v == 0.0 { 1.0 } else { v.abs() })
        .collect();
    let parameters = net.parameters() + scales.len();
    let (optimiser, name) = chosen(options.optimiser, parameters);
    let (most, every) = pace(optimiser);
    let most = options.iterations.unwrap_or(most);
    let every = options.resample.unwrap_or(every);

    let equations = || Wanted::Formulas(problem.equations.iter().collect());
    let plan = Plan::new(problem, &lifts.fields, mirror, equations())?;
    let kinds = plan.wanted.kinds().max(1);
    let points = options
        .points
        .unwrap_or_else(|| (5 * parameters / (2 * kinds)).clamp(128, 8192));
    let dimensions = problem.coordinates.len();
    let mut sequence = Sequence::new(dimensions, seed);
    let mut fresh = Sequence::new(dimensions, seed.wrapping_add(0x9e37));

    // Sizes of the equations' terms where the network is still 0.
    let factors = {
        let inside = problem.domain.interior(points.min(1024), &mut fresh)?;
        let n = inside.len();
        let values = vec![0.0; plan.width() * n];
        let block = plain(problem, &plan, inside, &vec![1.0; kinds])?;
        let terms = plan.terms(&block, &values, &start, &sizes)?;
        let factors = terms.iter().map(|t| 1.0 / setup::usable(t.0));
        factors.collect::<Vec<f64>>()
    };
    let beside = setup::beside(
        problem,
        &lifts,
        mirror,
        job.before,
        options.condition_weight,
        &fields,
        seed,
    )?;
    let mut judge = {
        let plan = Plan::new(problem, &lifts.fields, mirror, equations())?;
        let inside = problem
            .domain
            .interior(points.clamp(512, 4096), &mut fresh)?;
        Judge {
            net: &net,
            block: plain(problem, &plan, inside, &factors)?,
            plan,
            sizes,
            scales: scales.clone(),
            workspace: Workspace::new(threads),
        }
    };
    let mut loss = Loss::new(&net, threads, scales, job.progress, job.deadline);
    let inside = problem.domain.interior(points, &mut sequence)?;
    loss.blocks.push(plain(problem, &plan, inside, &factors)?);
    loss.plans.push(plan);
    let per_condition = if dimensions == 1 {
        1
    } else {
        (points / 8).clamp(64, 512)
    };
    let mut places: Vec<Beside<'_>> = Vec::new();
    for own in beside {
        loss.blocks
            .push(beside_block(problem, &own, per_condition, &mut sequence)?);
        places.push(own);
    }
    let redraw: Vec<bool> = places.iter().map(|b| b.points.is_none()).collect();
    let mut drawn: Vec<Drawn> = Vec::new();
    for own in places {
        drawn.push(Drawn {
            place: own.place,
            factors: own.factors,
        });
        loss.plans.push(own.plan);
    }

    let mut p = net.start(seed);
    if let Some(before) = job.before
        && before.net.parameters() == p.len()
    {
        p.copy_from_slice(&before.p);
    }
    p.extend(start.iter().zip(&loss.scales).map(|(v, s)| v / s));
    let mut machine = Machine::new(optimiser, p);
    let mut random = Random(seed ^ 0xd1ce);
    let mut best = (f64::INFINITY, machine.p().to_vec());
    let (mut iterations, mut ended, mut waited, mut residual) = (0, 0usize, 0usize, f64::NAN);
    let mut last = f64::NAN;
    let mut reason = "steps used up";
    let stage = if job.window.1 == 1 {
        "network".to_string()
    } else {
        format!("network, window {} of {}", job.window.0 + 1, job.window.1)
    };
    // A round: steps on the same points, then a look from fresh ones.
    let round = if every == 0 { pace(optimiser).1 } else { every };
    loop {
        let outcome = steps(
            &mut machine,
            &mut loss,
            round.min(most - iterations),
            (&mut iterations, most),
            &mut last,
            (&stage, residual),
            job.progress,
        );
        let over = match outcome {
            Ok(over) => over,
            Err(Error::Cancelled) if loss.late => break,
            Err(e) if best.0.is_finite() => {
                if !matches!(e, Error::Numerical { .. }) {
                    return Err(e);
                }
                reason = "the loss ceased to exist";
                break;
            }
            Err(e) => return Err(e),
        };
        let p = machine.p().to_vec();
        let mut value = judge.equations(&p)?;
        for k in 1..loss.blocks.len() {
            let rows = loss.residuals(&p, k)?;
            value += 0.5 * rows.iter().flatten().map(|r| r * r).sum::<f64>();
        }
        if value < best.0 {
            waited = if value < 0.9 * best.0 { 0 } else { waited + 1 };
            best = (value, p.clone());
            residual = judge.relative(&p)?;
        } else {
            waited += 1;
        }
        if residual <= job.options.tolerance {
            reason = "";
            break;
        }
        ended = if over { ended + 1 } else { 0 };
        if ended >= 2 || waited >= PATIENCE {
            reason = "the loss no longer falls";
            break;
        }
        if iterations >= most {
            break;
        }
        if every > 0 {
            let pool = problem
                .domain
                .interior(knob("T_POOL", POOL as f64) as usize * points, &mut sequence)?;
            redraw_interior(
                &mut loss,
                problem,
                pool,
                points,
                &factors,
                options,
                &p,
                &mut random,
            )?;
            for (k, own) in drawn.iter().enumerate() {
                if redraw.get(k) == Some(&true) && dimensions > 1 {
                    redraw_condition(&mut loss, problem, k + 1, own, per_condition, &mut sequence)?;
                }
            }
            machine.refresh();
        }
    }
    if !best.0.is_finite() {
        // Stopped before the first round ended: what there is by now, if it is finite.
        let p = machine.p().to_vec();
        let value = judge.equations(&p)?;
        if !value.is_finite() {
            return Err(Error::numerical("network", "no finite solution was found"));
        }
        best = (value, p);
    }
    residual = judge.relative(&best.1)?;
    let late = loss.late;
    let met = residual <= job.options.tolerance;
    let converged = met || (!late && reason == "the loss no longer falls" && residual <= 1e-3);
    let mut notes = vec![format!(
        "residual of the equations on fresh points, relative to their largest term: {residual:.1e}"
    )];
    if !met && !late {
        notes.push(format!("training ended: {reason}"));
    }
    if let Some(m) = mirror {
        let name = problem.coordinates.get(m.axis).map_or("", |c| &c.name);
        notes.push(format!(
            "equations and conditions are symmetric about {name} = {}; so is the network",
            m.centre
        ));
    }
    let held = lifts.held.iter().filter(|h| **h).count();
    if held > 0 {
        notes.push(format!("{held} conditions hold by construction"));
    }
    let weights = net.parameters();
    let (own, rest) = best.1.split_at(weights.min(best.1.len()));
    let unknowns = rest.iter().zip(&loss.scales).map(|(q, s)| (q * s, None));
    let unknowns = unknowns.collect();
    let shape: Vec<String> = net.hidden().iter().map(usize::to_string).collect();
    let trained = Trained {
        coordinates: problem.coordinates.iter().map(|c| c.name.clone()).collect(),
        lifts: lifts.fields.clone(),
        p: own.to_vec(),
        net: net.clone(),
        mirror: mirror.cloned(),
    };
    Ok(Outcome {
        trained,
        unknowns,
        method: format!(
            "tanh network {}, {weights} weights, {points} points, {name}",
            shape.join("-")
        ),
        iterations,
        converged,
        late,
        notes,
    })
}

/// Where the points of a condition come from.
struct Drawn {
    place: Option<super::super::problem::Place>,
    factors: Vec<f64>,
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

/// A block of the equations with the same weight everywhere.
fn plain(problem: &Problem, plan: &Plan<'_>, mut points: Points, factors: &[f64]) -> Result<Block> {
    if let Some((mirror, _)) = &plan.mirror {
        mirror.fold(&mut points);
    }
    let n = points.len();
    let root = (n.max(1) as f64).sqrt();
    let weights = factors.iter().map(|f| vec![f / root; n]).collect();
    let normals = Points::zeros(problem.coordinates.len(), n);
    plan.block(points, normals, weights)
}

#[allow(clippy::too_many_arguments)] // one caller; they come from all over it
fn redraw_interior(
    loss: &mut Loss<'_>,
    problem: &Problem,
    pool: Points,
    points: usize,
    factors: &[f64],
    options: &super::NetworkOptions,
    p: &[f64],
    random: &mut Random,
) -> Result<()> {
    let Some(plan) = loss.plans.first() else {
        return Ok(());
    };
    let ones: Vec<f64> = factors
        .iter()
        .map(|f| f * (pool.len().max(1) as f64).sqrt())
        .collect();
    let block = plain(problem, plan, pool, &ones)?;
    let old = loss.blocks.first_mut().map(|b| std::mem::replace(b, block));
    drop(old);
    let rows = loss.residuals(p, 0)?;
    let Some(block) = loss.blocks.first() else {
        return Ok(());
    };
    let squares: Vec<f64> = (0..block.points.len())
        .map(|i| rows.iter().map(|r| r.get(i).map_or(0.0, |v| v * v)).sum())
        .collect();
    let causal = match (options.causal, problem.time()) {
        (Some(epsilon), Some(axis)) if epsilon > 0.0 => {
            let range = problem.coordinates.get(axis).map_or([0.0; 2], |c| c.range);
            let times = block.points.column(axis);
            Some((axis, Causal::new(range, times, &squares, epsilon)))
        }
        _ => None,
    };
    let mut sizes: Vec<f64> = squares.iter().map(|s| s.sqrt()).collect();
    if let Some((axis, causal)) = &causal {
        for (s, t) in sizes.iter_mut().zip(block.points.column(*axis)) {
            *s *= causal.at(*t);
        }
    }
    let shift = 0.5 + 0.5 * random.symmetric();
    let chosen = by_residual(
        &block.points,
        &sizes,
        points,
        knob("T_POWER", 1.0),
        knob("T_FLOOR", 1.0),
        shift,
    );
    let Some(plan) = loss.plans.first() else {
        return Ok(());
    };
    let mut block = plain(problem, plan, chosen, factors)?;
    if let Some((axis, causal)) = &causal {
        let times: Vec<f64> = block.points.column(*axis).to_vec();
        for weights in &mut block.weights {
            for (w, t) in weights.iter_mut().zip(&times) {
                *w *= causal.at(*t);
            }
        }
    }
    if let Some(first) = loss.blocks.first_mut() {
        *first = block;
    }
    Ok(())
}

fn redraw_condition(
    loss: &mut Loss<'_>,
    problem: &Problem,
    k: usize,
    drawn: &Drawn,
    n: usize,
    sequence: &mut Sequence,
) -> Result<()> {
    let (Some(plan), Some(place)) = (loss.plans.get(k), &drawn.place) else {
        return Ok(());
    };
    let surface = problem.domain.on(place, n, sequence)?;
    let count = surface.points.len();
    let root = (count.max(1) as f64).sqrt();
    let weights = drawn
        .factors
        .iter()
        .map(|f| vec![f / root; count])
        .collect();
    let block = plan.block(surface.points, surface.normals, weights)?;
    if let Some(own) = loss.blocks.get_mut(k) {
        *own = block;
    }
    Ok(())
}

fn knob(name: &str, default: f64) -> f64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}
