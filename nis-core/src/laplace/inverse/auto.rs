//! The choice per time: the method of least estimated error that an independent one confirms.

use super::cme::cme;
use super::contour::ladder;
use super::de_hoog::{de_hoog, de_hoog_stretched};
use super::euler::euler;
use super::fourier::fourier;
use super::rational::Rational;
use super::transform::Source;
use super::{Estimate, Method};
use crate::error::Result;

/// Order of the continued fraction that confirms; those that stand in where contours fail.
const CHECK_ORDER: usize = 20;
const FALLBACK_ORDER: usize = 45;

/// `|Im s| t` up to which it sees: the last of its points is at `2 order pi/(4 t)` at least.
const CHECK_REACH: f64 = 25.0;

/// The same for those that stand in.
const FALLBACK_REACH: f64 = 50.0;

/// Two methods agree where they differ by less than this times the sum of their errors.
const AGREE: f64 = 10.0;

/// A contour has converged where the change from the last one is below this many rounding errors.
const ROUNDED: f64 = 16.0;

/// Largest error, against the size of the sums, of an estimate that can confirm another.
const INFORMED: f64 = 1e-6;

/// From this contour on, one that contradicts the vertical line ends the search.
const WIDE: usize = 4;

/// What is known about one time.
struct Candidates {
    /// The contour of least change so far.
    contour: Estimate,
    /// The last contour, with its rounding error.
    last: Estimate,
    rational: Option<Estimate>,
    check: Estimate,
    /// `|Im s| t` of the highest singularity that counts at this time, and how far up the last contour and the
    /// vertical line see: what sees less may be wrong with confidence.
    height: f64,
    reach: f64,
    /// Whether no further contour is worth its cost.
    done: bool,
}

impl Candidates {
    /// Takes the next contour in.
    fn push(&mut self, next: Estimate, reach: f64) {
        self.reach = reach;
        let best = next.against(&self.last);
        if reach >= self.height && best.error <= self.contour.error {
            self.contour = best;
        }
        self.last = next;
    }

    /// Whether the contour or the residues can be believed: an estimate confirms another only where it knows
    /// something itself, an error below a millionth of the size of the sums.
    fn settled(&self) -> bool {
        if self.reach < self.height {
            return false;
        }
        let size = self.last.error / f64::EPSILON;
        let knows = |e: &Estimate| e.error <= INFORMED * size;
        let rounded = self.contour.error <= ROUNDED * self.last.error;
        let confirmed = match self.rational.filter(knows) {
            Some(r) => self.contour.agrees(&r),
            None => {
                let sees = self.height <= CHECK_REACH;
                sees && knows(&self.check) && self.contour.agrees(&self.check)
            }
        };
        let by_residues = self.rational.is_some_and(|r| {
            let sharp = r.error <= (1e-12 * (1.0 + r.value.abs())).max(ROUNDED * self.last.error);
            sharp && r.agrees(&self.last)
        });
        rounded && confirmed || by_residues
    }

    /// Whether the vertical line knows the value, and contours of this width contradict it: then a branch cut
    /// lies across all of them.
    fn contradicted(&self) -> bool {
        let size = self.last.error / f64::EPSILON;
        let sees = self.height <= CHECK_REACH;
        sees && self.check.error <= 1e-8 * size && !self.check.agrees(&self.last)
    }
}

impl Estimate {
    fn agrees(&self, other: &Estimate) -> bool {
        (self.value - other.value).abs() <= AGREE * (self.error + other.error)
    }
}

/// Values at many times, each with its error and the method that gave it.
pub(super) fn auto(
    source: &mut Source<'_>,
    times: &[f64],
    rational: &Rational,
) -> Result<Vec<(Estimate, Method)>> {
    let known = residues(source, times, rational)?;
    let open: Vec<usize> = (0..times.len()).filter(|&i| known[i].is_none()).collect();
    let mut out: Vec<(Estimate, Method)> = known
        .into_iter()
        .map(|e| (e.unwrap_or(Estimate::NONE), Method::Rational))
        .collect();
    if !open.is_empty() {
        let at: Vec<f64> = open.iter().map(|&i| times[i]).collect();
        for (i, found) in open.into_iter().zip(by_contours(source, &at, rational)?) {
            out[i] = found;
        }
    }
    Ok(out)
}

/// The sums over the residues where they are sharp: two approximations from different samples agree on them, and
/// at the least, the largest and some times between so does a contour around all poles. The same poles serve
/// all times, so few times confirm all.
fn residues(
    source: &mut Source<'_>,
    times: &[f64],
    rational: &Rational,
) -> Result<Vec<Option<Estimate>>> {
    const PROBES: usize = 4;
    let sharp = |r: &Estimate| r.error <= 1e-12 * (1.0 + r.value.abs());
    let mut found: Vec<Option<Estimate>> = times
        .iter()
        .map(|t| rational.value(*t).filter(sharp))
        .collect();
    let mut order: Vec<usize> = (0..times.len()).filter(|&i| found[i].is_some()).collect();
    order.sort_by(|a, b| times[*a].total_cmp(&times[*b]));
    let last = order.len().saturating_sub(1);
    let mut probes: Vec<usize> = (0..PROBES)
        .filter_map(|k| order.get(k * last / (PROBES - 1)).copied())
        .collect();
    probes.dedup();
    for i in probes {
        let (t, Some(r)) = (times[i], found[i]) else {
            continue;
        };
        let height = rational.height(t) * t;
        let Some(contour) = ladder().iter().skip(1).find(|c| c.reach >= height) else {
            continue;
        };
        let around = contour.apply(source, &[t], rational.abscissa)?;
        let confirmed = |c: &Estimate| c.error <= 1e-6 * (1.0 + r.value.abs()) && r.agrees(c);
        if !around.iter().all(confirmed) {
            found.fill(None);
            break;
        }
    }
    Ok(found)
}

/// By contours of growing width, confirmed along a vertical line.
fn by_contours(
    source: &mut Source<'_>,
    times: &[f64],
    rational: &Rational,
) -> Result<Vec<(Estimate, Method)>> {
    let abscissa = rational.abscissa;
    let check = de_hoog(source, times, abscissa, CHECK_ORDER)?;
    source.check_finite()?;
    let mut all: Vec<Candidates> = times
        .iter()
        .zip(check)
        .map(|(t, check)| Candidates {
            contour: Estimate::NONE,
            last: Estimate::NONE,
            rational: rational.value(*t),
            check,
            height: rational.height(*t) * t,
            reach: 0.0,
            done: false,
        })
        .collect();
    for (level, contour) in ladder().iter().enumerate() {
        // The first two are cheap, and tell an error together.
        let open: Vec<usize> = (0..all.len())
            .filter(|&i| !all[i].done && (level < 2 || contour.reach >= all[i].height))
            .collect();
        if open.is_empty() {
            continue;
        }
        source.progress().report(
            "laplace",
            (times.len() - open.len()) as u64,
            times.len() as u64,
            &format!("inverse transform, contour {level}"),
        )?;
        let at: Vec<f64> = open.iter().map(|&i| times[i]).collect();
        let next = contour.apply(source, &at, abscissa)?;
        for (i, next) in open.into_iter().zip(next) {
            let c = &mut all[i];
            c.push(next, contour.reach);
            if level == 0 {
                continue;
            }
            // Singularities all over the left half plane, or none that a contour can wrap.
            let hopeless =
                !next.value.is_finite() || next.error > 1e-3 * (1.0 + c.check.value.abs());
            c.done = hopeless || c.settled() || level >= WIDE && c.contradicted();
        }
    }
    decide(source, times, rational, &all)
}

fn decide(
    source: &mut Source<'_>,
    times: &[f64],
    rational: &Rational,
    all: &[Candidates],
) -> Result<Vec<(Estimate, Method)>> {
    let abscissa = rational.abscissa;
    let open: Vec<usize> = (0..all.len()).filter(|&i| !all[i].settled()).collect();
    let mut out: Vec<(Estimate, Method)> = all.iter().map(best_settled).collect();
    if open.is_empty() {
        return Ok(out);
    }
    // No contour settled these: the vertical line, with other periods and orders.
    let at: Vec<f64> = open.iter().map(|&i| times[i]).collect();
    let long = de_hoog(source, &at, abscissa, FALLBACK_ORDER)?;
    let stretched = de_hoog_stretched(source, &at, abscissa, FALLBACK_ORDER, 1.3)?;
    let euler = euler(source, &at, abscissa, None)?;
    let averages = cme(source, &at, abscissa, None)?;
    let heights: Vec<f64> = open
        .iter()
        .map(|&i| if rational.holds() { all[i].height } else { 0.0 })
        .collect();
    let series = fourier(source, &at, abscissa, &heights)?;
    for (k, i) in open.into_iter().enumerate() {
        let c = &all[i];
        let candidates = [
            (c.contour, Method::Talbot, f64::INFINITY),
            (c.check, Method::DeHoog, CHECK_REACH),
            (long[k], Method::DeHoog, FALLBACK_REACH),
            (stretched[k], Method::DeHoog, FALLBACK_REACH),
            (euler[k], Method::Euler, FALLBACK_REACH),
            (averages[k], Method::Cme, FALLBACK_REACH),
            (
                c.rational.unwrap_or(Estimate::NONE),
                Method::Rational,
                f64::INFINITY,
            ),
        ];
        let seeing =
            |c: &&(Estimate, Method, f64), height: f64| c.0.error.is_finite() && c.2 >= height;
        let height = heights[k];
        let chosen: Vec<(Estimate, Method)> = candidates
            .iter()
            .filter(|x| seeing(x, height))
            .map(|x| (x.0, x.1))
            .collect();
        let best = match chosen.as_slice() {
            // Nothing else sees the poles: this is two contours around all of them, or two approximations from
            // different samples.
            [only] if rational.holds() => *only,
            [] | [_] => {
                let blind: Vec<(Estimate, Method)> = candidates
                    .iter()
                    .filter(|x| seeing(x, 0.0))
                    .map(|x| (x.0, x.1))
                    .collect();
                let (mut best, method) = closest(&blind);
                best.error = best
                    .error
                    .max(rational.unseen(times[i], FALLBACK_REACH / times[i]));
                (best, method)
            }
            several => closest(several),
        };
        out[i] = with_series(best, series[k]);
    }
    Ok(out)
}

/// The answer of the others against the smooth series, which alone is made for jumps: what the others agree on
/// near one may be wrong for all of them.
fn with_series(best: (Estimate, Method), series: Estimate) -> (Estimate, Method) {
    /// Share of a difference that lies somewhere between the errors of the two.
    const SHARE: f64 = 0.03;
    /// Relative error of the series from which on it sees a jump.
    const COARSE: f64 = 1e-3;
    let (mut best, method) = best;
    let apart = (best.value - series.value).abs();
    if !series.error.is_finite() {
        return (best, method);
    }
    if apart.is_nan() || series.error <= best.error {
        return (series, Method::Fourier);
    }
    best.error = best.error.max(SHARE * apart);
    // In the middle of a jump all agree.
    if series.error > COARSE * best.value.abs().max(series.value.abs()) {
        best.error = best.error.max(series.error);
    }
    (best, method)
}

fn best_settled(c: &Candidates) -> (Estimate, Method) {
    match c.rational {
        Some(r) if r.error < c.contour.error => {
            let mut r = r;
            if r.agrees(&c.last) && c.last.error < r.error {
                r.error = r.error.max((r.value - c.last.value).abs());
            }
            (r, Method::Rational)
        }
        _ => (c.contour, Method::Talbot),
    }
}

/// Of several answers that may all be wrong: the one whose nearest fellow is nearest, with their difference in
/// its error. Two of several are near by chance, so part of the distance to the next one counts as well.
fn closest(candidates: &[(Estimate, Method)]) -> (Estimate, Method) {
    const CHANCE: f64 = 0.1;
    let mut best = (Estimate::NONE, Method::DeHoog);
    for (i, a) in candidates.iter().enumerate() {
        let mut apart: Vec<(f64, f64)> = candidates
            .iter()
            .enumerate()
            .filter(|(j, _)| *j != i)
            .map(|(_, b)| ((a.0.value - b.0.value).abs(), b.0.error))
            .filter(|(d, _)| d.is_finite())
            .collect();
        apart.sort_by(|x, y| x.0.total_cmp(&y.0));
        let Some((nearest, other)) = apart.first().copied() else {
            continue;
        };
        if a.0.error > other {
            continue;
        }
        let next = apart.get(1).map_or(nearest, |next| next.0);
        let error = nearest.max(a.0.error).max(CHANCE * next.min(other));
        if error < best.0.error {
            best = (
                Estimate {
                    value: a.0.value,
                    error,
                },
                a.1,
            );
        }
    }
    best
}
