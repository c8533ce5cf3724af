//! Starting poles, and the order: given, or the one of least description length.

use num_complex::Complex64;

use super::basis::{order, width};
use super::data::Samples;
use super::polish::{self, linear};
use super::relocate::{own_columns, relocate};
use super::report::Tried;
use super::{FitOptions, Start};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Error below this share of the response is rounding.
const ROUNDING: f64 = 1e-12;

/// Orders tried without a shorter description before the search ends.
const PATIENCE: usize = 3;

/// Up to this order every one is also fitted from spread poles.
const FRESH: usize = 12;

/// Up to this order AAA is tried where nothing was asked.
const AAA_ORDER: usize = 60;

/// Relative error of a fit that may be a poor local optimum.
const DOUBTFUL: f64 = 1e-2;

/// Relocations and Gauss-Newton steps per order of the search; the order taken gets all.
const SEARCH: (usize, usize) = (8, 15);

/// Cost of a parameter of a pole against that of a residue.
const PLACE: f64 = 2.0;

/// Damping ratio of starting poles.
const START_DAMPING: f64 = 0.01;

/// One fit and how it came about.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) poles: Vec<Complex64>,
    pub(super) rss: f64,
    pub(super) relocations: usize,
    pub(super) steps: usize,
    pub(super) converged: bool,
    pub(super) start: &'static str,
}

/// The fit taken, and why its order was.
pub(super) struct Found {
    pub(super) best: Candidate,
    pub(super) reason: String,
    pub(super) tried: Vec<Tried>,
}

/// Chooses the order where it is not given, and fits.
pub(super) fn find(
    samples: &Samples,
    options: &FitOptions,
    progress: &Progress<'_>,
) -> Result<Found> {
    let search = Search {
        samples,
        options,
        progress,
    };
    match options.order {
        Some(order) => search.given(order),
        None => search.automatic(),
    }
}

struct Search<'a> {
    samples: &'a Samples,
    options: &'a FitOptions,
    progress: &'a Progress<'a>,
}

impl Search<'_> {
    /// Error that counts as rounding.
    fn floor(&self) -> f64 {
        self.samples.power * ROUNDING * ROUNDING
    }

    /// Description length of a fit (Rissanen, Automatica 14 (1978) 465), in units of half a nat. A parameter of
    /// a pole counts [`PLACE`] times a residue's: the best of some `n` places for a pole fits noise better than
    /// any one place does (cf. Djuric, IEEE Trans. SP 44 (1996) 1744, eq. (17), for sinusoids).
    fn score(&self, rss: f64, order: usize) -> f64 {
        let n = self.samples.equations as f64;
        let k = self.samples.parameters(order) as f64 + (PLACE - 1.0) * order as f64;
        n * (rss.max(self.floor()).max(f64::MIN_POSITIVE) / n).ln() + k * n.ln()
    }

    fn candidate_score(&self, c: &Candidate) -> f64 {
        self.score(c.rss, order(&c.poles))
    }

    fn tried(&self, c: &Candidate) -> Tried {
        Tried {
            order: order(&c.poles),
            relative_rms: ratio(c.rss, self.samples.power),
            description_length: self.candidate_score(c),
        }
    }

    fn given(&self, wanted: usize) -> Result<Found> {
        if wanted > self.samples.highest {
            return Err(Error::invalid(
                "options.order",
                wanted,
                format!(
                    "at most {}: the weighted, distinct points give no more equations",
                    self.samples.highest
                ),
            ));
        }
        let flat = self.fixed(&[]);
        if wanted > 0 && flat.rss <= self.floor() {
            return Err(Error::invalid(
                "response",
                "nothing but D and s E",
                "a response with poles, or order 0",
            ));
        }
        let mut best = None;
        if wanted == 0 {
            best = Some(flat);
        }
        if wanted > 0 && self.options.start != Start::Aaa {
            let most = (self.options.max_relocations, self.options.max_polish);
            best = Some(self.fit(&spread(self.samples, wanted), most, "spread")?);
        }
        let best = self.with_aaa(best, wanted)?;
        Ok(Found {
            tried: vec![self.tried(&best)],
            best,
            reason: "given".to_owned(),
        })
    }

    /// The better of a fit and that from AAA poles, where these are asked for or worth a try.
    fn with_aaa(&self, best: Option<Candidate>, wanted: usize) -> Result<Candidate> {
        let start = self.options.start;
        let try_it = match start {
            Start::Aaa => true,
            Start::Spread => false,
            Start::Auto => {
                wanted <= AAA_ORDER
                    && best
                        .as_ref()
                        .is_none_or(|b| !b.converged || ratio(b.rss, self.samples.power) > DOUBTFUL)
            }
        };
        if wanted == 0 || !try_it {
            return best.ok_or_else(|| self.nothing());
        }
        let most = (self.options.max_relocations, self.options.max_polish);
        let poles =
            super::aaa_start::poles(self.samples, wanted, self.options.stable, self.progress)?;
        let other = match poles {
            Some(poles) => Some(self.fit(&poles, most, "aaa")?),
            None if best.is_none() => Some(self.fit(
                &spread(self.samples, wanted),
                most,
                "spread (AAA found no poles)",
            )?),
            None => None,
        };
        match (best, other) {
            (Some(a), Some(b)) => Ok(if b.rss < a.rss { b } else { a }),
            (a, b) => a.or(b).ok_or_else(|| self.nothing()),
        }
    }

    fn nothing(&self) -> Error {
        Error::numerical("vector fitting", "no set of poles could be fitted")
    }

    /// The fit of the poles as they are.
    fn fixed(&self, poles: &[Complex64]) -> Candidate {
        Candidate {
            poles: poles.to_vec(),
            rss: linear(self.samples, poles, false).rss,
            relocations: 0,
            steps: 0,
            converged: true,
            start: "none",
        }
    }

    fn fit(
        &self,
        start: &[Complex64],
        (relocations, steps): (usize, usize),
        name: &'static str,
    ) -> Result<Candidate> {
        let moved = relocate(
            self.samples,
            start,
            relocations.min(self.options.max_relocations),
            self.options,
            self.progress,
        )?;
        let mut c = self.polished(&moved.poles, steps)?;
        c.relocations = moved.iterations;
        c.start = name;
        Ok(c)
    }

    fn polished(&self, poles: &[Complex64], steps: usize) -> Result<Candidate> {
        let polished = polish::polish(
            self.samples,
            poles,
            steps.min(self.options.max_polish),
            self.options.stable,
            self.progress,
        )?;
        Ok(Candidate {
            poles: polished.poles,
            rss: polished.rss,
            relocations: 0,
            steps: polished.iterations,
            converged: polished.converged,
            start: "",
        })
    }

    fn automatic(&self) -> Result<Found> {
        let most = self.options.max_order.min(self.samples.highest);
        let goal = self.options.tolerance.powi(2) * self.samples.power;
        let mut last = self.fixed(&[]);
        let mut best = last.clone();
        let mut tried = vec![self.tried(&last)];
        let mut since_best = 0;
        let mut met = None;
        loop {
            if last.rss <= goal {
                met = Some(format!(
                    "first order with a relative rms error of at most {:e}",
                    self.options.tolerance
                ));
                best = last.clone();
                break;
            }
            if best.rss <= self.floor() || since_best >= PATIENCE {
                break;
            }
            let at = order(&last.poles);
            // Orders grow by 2, from 20 on by a tenth.
            let next = (at + (at / 20 * 2).max(2)).min(most);
            if next <= at {
                break;
            }
            self.progress.report(
                "fit",
                next as u64,
                most as u64,
                &format!(
                    "order {next}, error {:.2e}",
                    ratio(best.rss, self.samples.power)
                ),
            )?;
            let from = self.extended(&last, next);
            let mut c = self.fit(&from, SEARCH, "previous order")?;
            if next <= FRESH || c.rss > 0.9 * last.rss {
                let other = self.fit(&spread(self.samples, next), SEARCH, "spread")?;
                if other.rss < c.rss {
                    c = other;
                }
            }
            tried.push(self.tried(&c));
            if self.candidate_score(&c) < self.candidate_score(&best) {
                best = c.clone();
                since_best = 0;
            } else {
                since_best += 1;
            }
            last = c;
        }
        let before = order(&best.poles);
        if met.is_none() {
            best = self.pruned(best, &mut tried)?;
        }
        let done = self.polished(&best.poles, self.options.max_polish)?;
        if done.rss <= best.rss {
            best = Candidate {
                steps: best.steps + done.steps,
                relocations: best.relocations,
                start: best.start,
                ..done
            };
        }
        let chosen = order(&best.poles);
        if chosen > 0 {
            best = self.with_aaa(Some(best), chosen)?;
        }
        let at_limit = before == most && since_best == 0;
        let reason = match met {
            Some(reason) => reason,
            None if best.rss <= self.floor() => "lowest order whose error is rounding".to_owned(),
            None if at_limit && before == self.options.max_order => format!(
                "description length, which still fell at max_order = {before}: a higher order may fit better"
            ),
            None if at_limit => format!(
                "description length, which still fell at {before}, the highest order that the points determine"
            ),
            None => "least description length".to_owned(),
        };
        Ok(Found {
            best,
            reason,
            tried,
        })
    }

    /// Drops poles, or turns pairs into real poles, as long as the description gets shorter.
    fn pruned(&self, mut best: Candidate, tried: &mut Vec<Tried>) -> Result<Candidate> {
        loop {
            let mut shorter: Option<Candidate> = None;
            let strength = self.strengths(&best.poles);
            let mut ranked: Vec<usize> = (0..best.poles.len()).collect();
            ranked.sort_by(|a, b| strength[*a].total_cmp(&strength[*b]));
            for weak in ranked.into_iter().take(2) {
                let mut without = best.poles.clone();
                let pole = without.remove(weak);
                let mut options = vec![without.clone()];
                if width(pole) == 2 {
                    without.push(Complex64::new(-pole.norm(), 0.0));
                    options.push(without);
                }
                for poles in options {
                    let c = self.polished(&poles, SEARCH.1)?;
                    let reference = shorter.as_ref().unwrap_or(&best);
                    if self.candidate_score(&c) < self.candidate_score(reference) {
                        shorter = Some(c);
                    }
                }
            }
            match shorter {
                Some(c) => {
                    tried.push(self.tried(&c));
                    best = Candidate {
                        relocations: best.relocations,
                        steps: best.steps + c.steps,
                        start: best.start,
                        ..c
                    };
                }
                None => return Ok(best),
            }
        }
    }

    /// Power of the contribution of each pole at the points, all elements together.
    fn strengths(&self, poles: &[Complex64]) -> Vec<f64> {
        let fit = linear(self.samples, poles, false);
        let columns = own_columns(self.samples, poles);
        let mut out = Vec::with_capacity(poles.len());
        let mut at = 0;
        for pole in poles {
            let mut power = 0.0;
            for group in &self.samples.groups {
                for cell in &group.cells {
                    let c = &fit.coefficients[*cell];
                    for (k, w) in group.weight.iter().enumerate() {
                        let value: Complex64 =
                            (at..at + width(*pole)).map(|j| columns[j][k] * c[j]).sum();
                        power += w * w * value.norm_sqr();
                    }
                }
            }
            out.push(power);
            at += width(*pole);
        }
        out
    }

    /// The poles of a fit, with further ones where its error is largest, up to `wanted`.
    fn extended(&self, from: &Candidate, wanted: usize) -> Vec<Complex64> {
        let mut poles = from.poles.clone();
        let error = self.errors(&poles);
        let mut ranked: Vec<usize> = (0..error.len()).collect();
        ranked.sort_by(|a, b| error[*b].total_cmp(&error[*a]));
        let apart = 1.0 + START_DAMPING;
        let least = least_magnitude(&self.samples.s);
        let mut added: Vec<f64> = Vec::new();
        for k in ranked {
            if order(&poles) + 2 > wanted {
                break;
            }
            let b = self.samples.s[k].im.abs().max(least);
            if added.iter().all(|a| b > a * apart || b < a / apart) {
                added.push(b);
                poles.push(Complex64::new(-START_DAMPING * b, b));
            }
        }
        if order(&poles) < wanted {
            poles.extend(spread(self.samples, wanted - order(&poles)));
        }
        poles
    }

    /// Squared weighted error at each point.
    fn errors(&self, poles: &[Complex64]) -> Vec<f64> {
        let fit = linear(self.samples, poles, false);
        let columns = own_columns(self.samples, poles);
        let points = self.samples.s.len();
        let mut out = vec![0.0; points];
        for group in &self.samples.groups {
            for (e, cell) in group.cells.iter().enumerate() {
                let c = &fit.coefficients[*cell];
                for (k, out) in out.iter_mut().enumerate() {
                    let value: Complex64 = columns.iter().zip(c).map(|(f, c)| f[k] * c).sum();
                    let w = group.weight[k];
                    *out += (group.y[(k, e)] - w * value.re).powi(2)
                        + (group.y[(points + k, e)] - w * value.im).powi(2);
                }
            }
        }
        out
    }
}

fn ratio(rss: f64, power: f64) -> f64 {
    if power > 0.0 {
        (rss / power).sqrt()
    } else {
        0.0
    }
}

/// Smallest magnitude other than 0 among the points.
fn least_magnitude(s: &[Complex64]) -> f64 {
    s.iter()
        .map(|s| s.norm())
        .filter(|v| *v > 0.0)
        .fold(f64::INFINITY, f64::min)
}

/// Weakly damped pairs at quantiles of the points' frequencies, so that a logarithmic grid gets logarithmic
/// poles; a real pole for an odd order.
pub(super) fn spread(samples: &Samples, wanted: usize) -> Vec<Complex64> {
    let mut omega: Vec<f64> = samples
        .s
        .iter()
        .map(|s| s.norm())
        .filter(|w| *w > 0.0)
        .collect();
    omega.sort_by(f64::total_cmp);
    omega.dedup();
    let at = |share: f64| -> f64 {
        let place = share * (omega.len() - 1) as f64;
        let (low, part) = (place.floor() as usize, place.fract());
        let high = (low + 1).min(omega.len() - 1);
        omega[low] + part * (omega[high] - omega[low])
    };
    let pairs = wanted / 2;
    let mut poles: Vec<Complex64> = (0..pairs)
        .map(|i| {
            let b = at((i as f64 + 0.5) / pairs as f64);
            // Equal frequencies would make equal columns where there are more pairs than points.
            let b = b * (1.0 + 1e-3 * (i as f64 / pairs as f64));
            Complex64::new(-START_DAMPING * b, b)
        })
        .collect();
    if wanted % 2 == 1 {
        poles.push(Complex64::new(-at(0.5), 0.0));
    }
    poles
}
