//! Random features: the scale of their weights is that with the smallest residual on fresh points.

use std::time::Instant;

use super::super::problem::Problem;
use super::super::solve::SolveOptions;
use super::attempt::{Attempt, attempt, fits};
use super::basis::{Basis, Block, Ridge};
use super::judge::Judge;
use super::rows::State;
use super::sets::{measurements, on_grids, periodic, spread};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Scales that are tried first.
const SCALES: [f64; 5] = [1.0, 2.0, 4.0, 7.0, 12.0];

/// Columns of the least-squares system at most, as in [`super::grow`].
const COLUMNS: [usize; 2] = [1500, 2400];

/// Features on an axis alone at most.
const LINE: usize = 400;

/// What the scan came to.
pub(super) struct Scanned {
    pub(super) best: Attempt,
    /// An attempt with a residual at least 5 times larger, to learn from it how residual and error go together.
    pub(super) coarse: Option<Attempt>,
    pub(super) count: usize,
    pub(super) scale: f64,
    pub(super) notes: Vec<String>,
}

fn one(
    problem: &Problem,
    options: &SolveOptions,
    extra: &[Block],
    judge: &Judge,
    (count, scale): (usize, f64),
    progress: &Progress<'_>,
) -> Result<Attempt> {
    let round = periodic(problem);
    let mut blocks = vec![Block::Ridge(Ridge::new(count, scale, &round, options.seed))];
    blocks.extend_from_slice(extra);
    let basis = Basis {
        ranges: problem.domain.ranges.clone(),
        blocks,
    };
    let d = problem.coordinates.len();
    let is_box = problem.domain.is_box();
    let n = basis.len() as f64;
    let sets = if is_box && d <= 2 {
        let side = if d == 1 { 1.5 * n } else { (1.4 * n).sqrt() };
        on_grids(problem, &vec![side.ceil() as usize + 2; d])?
    } else {
        let mut sets = spread(
            problem,
            (2.0 * n) as usize,
            (3.0 * n.sqrt()) as usize + 4,
            options.seed,
        )?;
        measurements(problem, &mut sets)?;
        sets
    };
    fits(problem, &options.features, &sets, basis.len())?;
    let start = State::zero(problem, basis.len());
    attempt(problem, basis, sets, &start, judge, 30, progress)
}

/// Runs attempts on the threads allowed; each is independent of the others, so the results do not depend on how many
/// run at once.
fn several(
    problem: &Problem,
    options: &SolveOptions,
    extra: &[Block],
    judge: &Judge,
    settings: &[(usize, f64)],
    progress: &Progress<'_>,
) -> Vec<Result<Attempt>> {
    let threads = options.threads.max(1).min(settings.len());
    let run = |setting| one(problem, options, extra, judge, setting, progress);
    if threads == 1 {
        return settings.iter().map(|s| run(*s)).collect();
    }
    let mut out: Vec<Option<Result<Attempt>>> = settings.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        let run = &run;
        let mut parts: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
        for (k, (place, setting)) in out.iter_mut().zip(settings).enumerate() {
            parts[k % threads].push((place, *setting));
        }
        for part in parts {
            scope.spawn(move || {
                for (place, setting) in part {
                    *place = Some(run(setting));
                }
            });
        }
    });
    let lost = || Error::Internal {
        message: "a thread of the scan ended early".into(),
    };
    out.into_iter()
        .map(|r| r.unwrap_or_else(|| Err(lost())))
        .collect()
}

/// Chooses scale and number of random features by the residual on fresh points.
pub(super) fn scan(
    problem: &Problem,
    options: &SolveOptions,
    extra: &[Block],
    judge: &Judge,
    started: Instant,
    progress: &Progress<'_>,
) -> Result<Scanned> {
    let fields = problem.fields.len().max(1);
    let most = match problem.coordinates.len() {
        1 => LINE,
        _ => COLUMNS[usize::from(problem.is_linear())] / fields,
    };
    let mut count = options.features.count.unwrap_or((200 / fields).max(60));
    let mut scales: Vec<f64> = match options.features.scale {
        Some(scale) => vec![scale],
        None => SCALES.to_vec(),
    };
    let mut best: Option<(Attempt, usize, f64)> = None;
    let mut coarse: Option<Attempt> = None;
    let mut notes = Vec::new();
    let (mut reached, mut idle) = (f64::INFINITY, 0);
    loop {
        let settings: Vec<(usize, f64)> = scales.iter().map(|s| (count, *s)).collect();
        let all = several(problem, options, extra, judge, &settings, progress);
        let mut chosen: Option<(f64, f64)> = None;
        for (scale, result) in scales.iter().zip(all) {
            let attempt = match result {
                Ok(attempt) => attempt,
                Err(Error::Numerical { reason, .. }) => {
                    notes.push(format!("{count} features of scale {scale:.3}: {reason}"));
                    continue;
                }
                Err(e) => return Err(e),
            };
            notes.push(format!(
                "{count} features of scale {scale:.3}: residual {:.2e}",
                attempt.residual
            ));
            if chosen.is_none_or(|(_, r)| attempt.residual < r) {
                chosen = Some((*scale, attempt.residual));
            }
            if best
                .as_ref()
                .is_none_or(|(b, ..)| attempt.residual < b.residual)
            {
                let now = attempt.residual;
                coarse = best
                    .replace((attempt, count, *scale))
                    .map(|(old, ..)| old)
                    .filter(|old| old.residual > 5.0 * now)
                    .or(coarse);
            }
        }
        progress.report("features", count as u64, most as u64, "")?;
        let Some((scale, residual)) = chosen else {
            break;
        };
        let late = options
            .max_seconds
            .is_some_and(|s| started.elapsed().as_secs_f64() > s);
        if residual <= options.tolerance || options.features.count.is_some() || late {
            break;
        }
        idle = if residual < 0.5 * reached {
            0
        } else {
            idle + 1
        };
        reached = reached.min(residual);
        let next = (count * 2).min(most);
        if next <= count || idle >= 2 {
            break;
        }
        count = next;
        if options.features.scale.is_none() {
            // More features serve a slightly larger scale.
            scales = vec![scale, 1.5 * scale];
        }
    }
    let failed = || Error::numerical("random features", "no scale gave finite values");
    let (best, count, scale) = best.ok_or_else(failed)?;
    Ok(Scanned {
        best,
        coarse,
        count,
        scale,
        notes,
    })
}
