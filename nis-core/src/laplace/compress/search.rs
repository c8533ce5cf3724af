//! `compress`: targets to bounds, the search for a size, and the check by decoding.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::container;
use super::encoder::{Cache, Cutter, Gaps, end, finite, head, rules, stated};
use super::report::{CompressionReport, Tally, Trial};
use super::segment::{Bound, Coded, Errors};
use super::{CompressOptions, Target, decompress_within};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// A container and what it reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compressed {
    /// The container (docs/compression.md).
    pub bytes: Vec<u8>,
    /// Sizes, errors, shares.
    pub report: CompressionReport,
}

/// Runs of the size search after the first.
const RUNS: usize = 24;

/// The search ends when the bound is known to this factor, as a logarithm to 2.
const NEAR: f64 = 0.03;

/// Smallest bound that the search tries, likewise, over the largest sample: below the rounding of f64.
const SMALLEST: f64 = -56.0;

/// 1 dB as a logarithm to 2 of an amplitude.
const DECIBEL: f64 = 0.166;

/// Compresses a signal of `n` samples taken every `dt` time units.
///
/// Every stretch of up to `max_segment` samples is cut in halves as long as that pays, and each part is written in
/// the shortest of four ways: modes alone, modes and their quantised residual, a linear predictor, raw f64. The
/// container is decoded again and its error measured before it is returned: an error bound of the target holds for
/// every sample, for any finite signal. Costs about 1 us per sample and halving, and the search for modes
/// ([`modes`](crate::laplace::modes)) of each stretch that may have some; targets of size take 10 to 20 such runs.
///
/// # Errors
/// [`Error::InvalidInput`] for a sample that is not finite (named by its index), a `dt` that is not positive, options
/// that do not fit, and a ratio that cannot be reached; [`Error::Cancelled`].
pub fn compress(
    signal: &[f64],
    dt: f64,
    options: &CompressOptions,
    progress: &Progress<'_>,
) -> Result<Compressed> {
    let began = Instant::now();
    options.check()?;
    finite(signal, 0)?;
    let mut job = Job {
        signal,
        dt,
        options,
        lattice: options.lattice.or_else(|| lattice(signal)),
        cache: Cache::new(),
    };
    let run = match options.target {
        Target::MaxError(e) => job.run(Bound::Max(e), true, progress)?,
        Target::RmsError(e) => job.run(Bound::Rms(e), true, progress)?,
        Target::RelativeRms(r) => {
            let rms = Errors::between(signal, &vec![0.0; signal.len()]).rms;
            job.run(Bound::Rms(r * rms), true, progress)?
        }
        Target::Ratio(ratio) => job.search("target.ratio", 64.0 / ratio, progress)?,
        Target::BitsPerSample(bits) => job.search("target.bits_per_sample", bits, progress)?,
    };
    finish(signal, run, began, progress)
}

/// One container.
struct Run {
    bytes: Vec<u8>,
    tally: Tally,
    trial: Trial,
    bound: Option<Bound>,
    lattice: Option<f64>,
}

struct Job<'a> {
    signal: &'a [f64],
    dt: f64,
    options: &'a CompressOptions,
    lattice: Option<f64>,
    cache: Cache,
}

impl Job<'_> {
    /// Writes the signal under a bound; `once` where no other run will need the same fits.
    fn run(&mut self, bound: Bound, once: bool, progress: &Progress<'_>) -> Result<Run> {
        let rules = rules(bound, self.lattice);
        let (mut gaps, mut trial) = (Gaps::default(), Trial::default());
        let mut cutter = Cutter {
            rules,
            options: self.options,
            cache: (!once).then_some(&mut self.cache),
            gaps: &mut gaps,
            trial: &mut trial,
        };
        let stated = match once {
            true => stated(bound),
            false => container::Stated::Nothing,
        };
        let head = head(self.dt, &rules, self.options, stated)?;
        let mut segments: Vec<Coded> = Vec::new();
        let total = self.signal.len() as u64;
        let mut start = 0;
        for window in self.signal.chunks(self.options.max_segment) {
            segments.extend(cutter.window(window, start, (start as u64, total), progress)?);
            start += window.len();
        }
        let mut bytes = Vec::new();
        head.write(&mut bytes);
        let mut tally = Tally::default();
        for coded in &segments {
            container::write_segment(&mut bytes, coded);
            tally.add(coded);
        }
        container::write_end(&mut bytes, &end(total, tally.errors()));
        Ok(Run {
            bytes,
            tally,
            trial,
            bound: once.then_some(bound),
            lattice: rules.step.filter(|_| rules.lattice),
        })
    }

    /// The least rms bound whose container has at most `bits` per sample.
    fn search(&mut self, field: &str, bits: f64, progress: &Progress<'_>) -> Result<Run> {
        let n = self.signal.len() as f64;
        let budget = (n * bits / 8.0).floor();
        let size = Errors::between(self.signal, &vec![0.0; self.signal.len()]).max;
        // A bound as large as the signal: all zeros would do.
        let mut run = self.run(Bound::Rms(size), false, progress)?;
        let spare = |run: &Run| budget - run.bytes.len() as f64;
        if spare(&run) < 0.0 {
            let least = run.bytes.len() as f64;
            let reached = if field == "target.ratio" {
                8.0 * n / least
            } else {
                8.0 * least / n.max(1.0)
            };
            return Err(Error::invalid(
                field,
                if field == "target.ratio" {
                    64.0 / bits
                } else {
                    bits
                },
                format!(
                    "a container of at least {least} bytes, which this signal takes at any error \
                     ({reached:.4} here)"
                ),
            ));
        }
        // Logarithms to 2 of a bound that fits the budget and of one that does not.
        let mut fits = 0.0f64;
        let mut misses: Option<f64> = None;
        let mut stride = 0.25;
        for turn in 0..RUNS {
            if run.tally.errors().max == 0.0 {
                break;
            }
            // Every bit per sample halves the error of a quantiser.
            let guess = 8.0 * spare(&run) / n;
            let next = match misses {
                None => {
                    stride = guess.max(2.0 * stride);
                    fits - stride
                }
                Some(low) if fits - low <= NEAR => break,
                // Halve the interval every other time: a step in the size defeats the guess.
                Some(low) if turn % 2 == 0 => {
                    let edge = 0.1 * (fits - low);
                    (fits - guess).clamp(low + edge, fits - edge)
                }
                Some(low) => 0.5 * (low + fits),
            };
            let next = next.max(SMALLEST);
            progress.report("compress", turn as u64, RUNS as u64, "size")?;
            let tried = self.run(Bound::Rms(size * next.exp2()), false, progress)?;
            if spare(&tried) >= 0.0 {
                fits = next;
                run = tried;
                if next <= SMALLEST {
                    break;
                }
            } else {
                misses = Some(next);
            }
        }
        self.without_noise(run, size, fits, progress)
    }

    /// Where modes alone come within 1 dB of the error that `run` reached with a residual, that residual is mostly
    /// noise, and the modes without it are nearer to what the noise hides: then they are the answer, at the least
    /// bound that they keep.
    fn without_noise(
        &mut self,
        run: Run,
        size: f64,
        fits: f64,
        progress: &Progress<'_>,
    ) -> Result<Run> {
        if run.tally.only_modes() {
            return Ok(run);
        }
        let mut high = fits + DECIBEL;
        let mut low = fits;
        let mut best = self.run(Bound::Rms(size * high.exp2()), false, progress)?;
        if !best.tally.only_modes() || best.tally.modes() == 0 {
            return Ok(run);
        }
        for _ in 0..10 {
            let next = 0.5 * (low + high);
            let tried = self.run(Bound::Rms(size * next.exp2()), false, progress)?;
            if tried.tally.only_modes() {
                high = next;
                best = tried;
            } else {
                low = next;
            }
        }
        Ok(best)
    }
}

/// Decodes what was written, measures its error and holds it against the bound.
fn finish(signal: &[f64], run: Run, began: Instant, progress: &Progress<'_>) -> Result<Compressed> {
    let back = decompress_within(&run.bytes, signal.len() as u64, progress)?;
    let errors = Errors::between(signal, &back);
    let (max_bound, rms_bound) = match run.bound {
        Some(Bound::Max(e)) => (Some(e), None),
        Some(Bound::Rms(e)) => (None, Some(e)),
        None => (None, None),
    };
    // The rms of segments that each keep the bound keeps it but for the rounding of the sum.
    let kept = max_bound.is_none_or(|e| errors.max <= e)
        && rms_bound.is_none_or(|e| errors.rms <= e * (1.0 + 1e-12));
    if back.len() != signal.len() || !kept {
        return Err(Error::Internal {
            message: format!(
                "compression: {} samples came back of {}, errors {errors:?} under the bound {:?}",
                back.len(),
                signal.len(),
                run.bound
            ),
        });
    }
    let rms = Errors::between(signal, &vec![0.0; signal.len()]).rms;
    let (n, bytes) = (signal.len() as f64, run.bytes.len() as f64);
    let kinds = run.tally.shares();
    let modal: f64 = kinds
        .iter()
        .filter(|k| k.kind.is_modal())
        .map(|k| k.share)
        .sum();
    let report = CompressionReport {
        samples: signal.len() as u64,
        bytes: run.bytes.len() as u64,
        ratio: 8.0 * n / bytes,
        ratio_f32: 4.0 * n / bytes,
        bits_per_sample: if signal.is_empty() {
            0.0
        } else {
            8.0 * bytes / n
        },
        max_error: errors.max,
        rms_error: errors.rms,
        relative_rms: if errors.rms == 0.0 {
            0.0
        } else {
            errors.rms / rms
        },
        max_error_bound: max_bound,
        rms_error_bound: rms_bound,
        segments: run.tally.segments(),
        kinds,
        modes: run.tally.modes(),
        not_modal: !signal.is_empty() && modal <= 0.5,
        trial: run.trial,
        lattice: run.lattice,
        seconds: began.elapsed().as_secs_f64(),
    };
    Ok(Compressed {
        bytes: run.bytes,
        report,
    })
}

/// The widest step of which all samples are whole multiples: a power of two or of ten, times a whole number.
fn lattice(x: &[f64]) -> Option<f64> {
    let size = x.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    if size == 0.0 {
        return None;
    }
    let fits = |step: f64| step.is_normal() && size / step <= (1u64 << 52) as f64;
    let common = |whole: &dyn Fn(f64) -> Option<u64>| {
        x.iter().try_fold(0u64, |divisor, v| {
            let k = whole(v.abs())?;
            Some(greatest_common_divisor(divisor, k))
        })
    };
    let least = x
        .iter()
        .filter(|v| **v != 0.0)
        .map(|v| last_bit(*v))
        .min()?;
    let binary = super::evaluate::power_of_two(least);
    let mut best = None;
    if (-1022..1023).contains(&least)
        && fits(binary)
        && let Some(divisor) = common(&|v| Some((v / binary) as u64))
    {
        best = Some(divisor as f64 * binary);
    }
    for digits in 1..=9 {
        let tens = 10f64.powi(digits);
        if !fits(1.0 / tens) {
            continue;
        }
        // A decimal number is the f64 nearest to its whole number over the power of ten.
        let whole = |v: f64| {
            let k = (v * tens).round();
            (k / tens == v).then_some(k as u64)
        };
        if let Some(divisor) = common(&whole) {
            let step = divisor as f64 / tens;
            if best.is_none_or(|b| step > b) {
                best = Some(step);
            }
            break;
        }
    }
    best
}

/// Exponent of the last bit that is set, for a number that is not 0.
fn last_bit(v: f64) -> i32 {
    let bits = v.to_bits();
    let exponent = (bits >> 52) as i32 & 0x7ff;
    let mantissa = bits & ((1 << 52) - 1);
    match exponent {
        0 => mantissa.trailing_zeros() as i32 - 1074,
        _ => (mantissa | 1 << 52).trailing_zeros() as i32 + exponent - 1075,
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lattices_are_found_and_their_absence_too() {
        assert_eq!(lattice(&[3.0, -6.0, 0.0, 900.0]), Some(3.0));
        assert_eq!(lattice(&[0.25, 1.5]), Some(0.25));
        assert_eq!(lattice(&[0.1, 5.3, -7.2]), Some(0.1));
        assert_eq!(lattice(&[0.15, 5.3]), Some(0.05));
        let big = 2f64.powi(1000);
        assert_eq!(lattice(&[3.0 * big, 9.0 * big]), Some(3.0 * big));
        assert_eq!(lattice(&[0.0, 0.0]), None);
        assert_eq!(lattice(&[]), None);
        assert_eq!(lattice(&[1.0, 1e-300]), None);
        assert_eq!(lattice(&[5e-324, 1.5e-323]), None);
        let sines: Vec<f64> = (1..50).map(|k| f64::from(k).sin()).collect();
        assert!(lattice(&sines).is_none_or(|d| d < 1e-15));
    }
}
