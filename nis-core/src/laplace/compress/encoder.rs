//! Cutting the samples into segments and writing them: as a stream, or as often as a search needs it.
//!
//! Windows of `max_segment` samples are cut by the best-basis search of Coifman and Wickerhauser (IEEE Trans.
//! Inf. Theory 38 (1992) 713, section III) over halvings, with bytes as the cost: a stretch stays whole where
//! that is shorter than its best halves. It is dynamic programming, so that the choice is the best one among
//! all dyadic cuts of the window whose costs are known.

use std::collections::HashMap;

use super::container::{self, End, Head, Stated};
use super::fit::Fit;
use super::report::{Tally, Trial};
use super::segment::{self, Bound, Coded, Errors, Rules, SegmentKind};
use super::{CompressOptions, Target};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// After a success modes are sought in the next stretch of that length again; after failures in ever fewer, at
/// least one in this many. The search for modes is most of the work.
const LONGEST_GAP: u32 = 64;

/// Fits of stretches that are coded again and again under other bounds.
pub(super) type Cache = HashMap<(usize, usize), Option<Fit>>;

/// What cutting needs to know and learns.
pub(super) struct Cutter<'a> {
    pub(super) rules: Rules,
    pub(super) options: &'a CompressOptions,
    pub(super) cache: Option<&'a mut Cache>,
    pub(super) gaps: &'a mut Gaps,
    pub(super) trial: &'a mut Trial,
}

/// For each length (by its logarithm): stretches to pass over until modes are tried again, and the last count.
#[derive(Debug, Clone, Default)]
pub(super) struct Gaps([(u32, u32); 32]);

/// A stretch in its best way.
struct Cut {
    segments: Vec<Coded>,
    bytes: usize,
    /// Whether modes were sought in the stretch as a whole, and were its shortest way.
    modes: Option<bool>,
}

impl Cutter<'_> {
    /// The segments of one window. `done` and `total` are samples, for progress.
    pub(super) fn window(
        &mut self,
        x: &[f64],
        start: usize,
        (done, total): (u64, u64),
        progress: &Progress<'_>,
    ) -> Result<Vec<Coded>> {
        progress.report("compress", done, total, "")?;
        let cut = self.cut(x, start, progress)?;
        self.gaps.learn(x.len(), cut.modes);
        Ok(cut.segments)
    }

    fn cut(&mut self, x: &[f64], start: usize, progress: &Progress<'_>) -> Result<Cut> {
        progress.check()?;
        let (whole, modes) = self.whole(x, start, progress)?;
        let whole = Cut {
            bytes: whole.bytes(),
            segments: vec![whole],
            modes,
        };
        // Modes that need no residual: their parts would need as many numbers again.
        let alone = whole.segments.iter().any(|s| s.kind == SegmentKind::Modal);
        if alone || x.len() < 2 * self.options.min_segment {
            return Ok(whole);
        }
        let (a, b) = x.split_at(x.len() / 2);
        let left = self.cut(a, start, progress)?;
        // The left half alone may already cost more than the whole.
        if left.bytes >= whole.bytes {
            self.gaps.learn(a.len(), left.modes.map(|_| false));
            return Ok(whole);
        }
        let right = self.cut(b, start + a.len(), progress)?;
        let parts = left.bytes + right.bytes;
        // Modes of a half are a success only where the halves are kept.
        let kept = parts < whole.bytes;
        for (half, cut) in [(a, &left), (b, &right)] {
            self.gaps
                .learn(half.len(), cut.modes.map(|won| won && kept));
        }
        if !kept {
            return Ok(whole);
        }
        let mut segments = left.segments;
        segments.extend(right.segments);
        Ok(Cut {
            segments,
            bytes: parts,
            modes: modes.map(|_| false),
        })
    }

    /// A stretch as one segment in the cheapest way; whether modes were sought, and were that way.
    fn whole(
        &mut self,
        x: &[f64],
        start: usize,
        progress: &Progress<'_>,
    ) -> Result<(Coded, Option<bool>)> {
        if let Some(constant) = segment::constant(x) {
            return Ok((constant, None));
        }
        let mut best = segment::fallback(x, &self.rules);
        if x.len() < super::fit::MIN_SAMPLES {
            return Ok((best, None));
        }
        if let Some(line) = segment::modal(x, &Fit::line(x), &self.rules)
            && line.bytes() < best.bytes()
        {
            best = line;
        }
        // A pair of modes takes some 10 bytes at least: where there is no room for one, none are sought.
        if !self.options.modes || best.payload.len() < 12 || !self.gaps.due(x.len()) {
            return Ok((best, None));
        }
        let fit = match self.cache.as_deref_mut() {
            Some(cache) => match cache.get(&(start, x.len())) {
                Some(known) => known.clone(),
                None => {
                    let fit = Fit::modes(x, self.options.max_order, progress)?;
                    cache.insert((start, x.len()), fit.clone());
                    fit
                }
            },
            None => Fit::modes(x, self.options.max_order, progress)?,
        };
        let coded = fit.and_then(|fit| segment::modal(x, &fit, &self.rules));
        self.trial
            .note(x.len(), coded.as_ref().map(Coded::bytes), best.bytes());
        match coded {
            Some(coded) if coded.bytes() < best.bytes() => Ok((coded, Some(true))),
            _ => Ok((best, Some(false))),
        }
    }
}

impl Gaps {
    fn due(&mut self, len: usize) -> bool {
        match self.0.get_mut(len.ilog2() as usize) {
            Some((left, _)) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        }
    }

    /// Whether modes paid in a stretch of this length; nothing where they were not sought.
    fn learn(&mut self, len: usize, won: Option<bool>) {
        if let (Some(won), Some((left, last))) = (won, self.0.get_mut(len.ilog2() as usize)) {
            *last = match won {
                true => 0,
                false => (2 * *last + 1).min(LONGEST_GAP - 1),
            };
            *left = *last;
        }
    }
}

/// Compresses samples as they come; the bytes come out as windows fill.
///
/// Works for targets that need not see the record first ([`Target::MaxError`] and [`Target::RmsError`]); memory is
/// about `40 max_segment` bytes beside the bytes that were not taken yet.
///
/// ```
/// use nis_core::laplace::compress::{CompressOptions, Encoder, Target, decompress};
/// use nis_core::telemetry::Progress;
/// let options = CompressOptions { target: Target::MaxError(0.01), ..CompressOptions::default() };
/// let mut encoder = Encoder::new(1e-3, &options)?;
/// let x: Vec<f64> = (0..10_000).map(|k| (0.05 * f64::from(k)).sin()).collect();
/// let mut bytes = Vec::new();
/// for block in x.chunks(700) {
///     encoder.push(block, &Progress::none())?;
///     bytes.extend(encoder.take());
/// }
/// bytes.extend(encoder.finish(&Progress::none())?);
/// let back = decompress(&bytes, &Progress::none())?;
/// assert!(x.iter().zip(&back).all(|(a, b)| (a - b).abs() <= 0.01));
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    options: CompressOptions,
    rules: Rules,
    gaps: Gaps,
    trial: Trial,
    tally: Tally,
    pending: Vec<f64>,
    samples: u64,
    out: Vec<u8>,
    ended: bool,
}

impl Encoder {
    /// An encoder for samples at the interval `dt` (time units); the head of the container can be taken at once.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a `dt` that is not positive and for options that do not fit, among them a
    /// target that needs the whole record.
    pub fn new(dt: f64, options: &CompressOptions) -> Result<Self> {
        options.check()?;
        let bound = match options.target {
            Target::MaxError(e) => Bound::Max(e),
            Target::RmsError(e) => Bound::Rms(e),
            other => {
                return Err(Error::invalid(
                    "target",
                    format!("{other:?}"),
                    "max_error or rms_error, which need not see the whole record first",
                ));
            }
        };
        let rules = rules(bound, options.lattice);
        let mut out = Vec::new();
        head(dt, &rules, options, stated(bound))?.write(&mut out);
        Ok(Encoder {
            options: options.clone(),
            rules,
            gaps: Gaps::default(),
            trial: Trial::default(),
            tally: Tally::default(),
            pending: Vec::new(),
            samples: 0,
            out,
            ended: false,
        })
    }

    /// Takes more samples. Where a sample is refused none of the block is taken.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a sample that is not finite, named by its number in the record, and after
    /// [`Encoder::finish`]; [`Error::Cancelled`], after which the encoder can only be dropped.
    pub fn push(&mut self, samples: &[f64], progress: &Progress<'_>) -> Result<()> {
        self.open()?;
        let before = self.samples + self.pending.len() as u64;
        finite(samples, before)?;
        let window = self.options.max_segment;
        let mut rest = samples;
        while !rest.is_empty() {
            let (block, more) = rest.split_at((window - self.pending.len()).min(rest.len()));
            self.pending.extend_from_slice(block);
            rest = more;
            if self.pending.len() == window {
                self.write(progress)?;
            }
        }
        Ok(())
    }

    /// The bytes that were written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Writes what is left and the end record; the bytes that were not taken yet.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn finish(&mut self, progress: &Progress<'_>) -> Result<Vec<u8>> {
        self.open()?;
        if !self.pending.is_empty() {
            self.write(progress)?;
        }
        let errors = self.tally.errors();
        container::write_end(&mut self.out, &end(self.samples, errors));
        self.ended = true;
        Ok(self.take())
    }

    fn open(&self) -> Result<()> {
        match self.ended {
            true => Err(Error::invalid(
                "samples",
                "more after the end",
                "a new encoder",
            )),
            false => Ok(()),
        }
    }

    fn write(&mut self, progress: &Progress<'_>) -> Result<()> {
        // Until the window is written the encoder counts as ended: what cancels it leaves no half state in use.
        self.ended = true;
        let segments = Cutter {
            rules: self.rules,
            options: &self.options,
            cache: None,
            gaps: &mut self.gaps,
            trial: &mut self.trial,
        }
        .window(&self.pending, 0, (self.samples, 0), progress)?;
        for coded in &segments {
            container::write_segment(&mut self.out, coded);
            self.tally.add(coded);
        }
        self.samples += self.pending.len() as u64;
        self.pending.clear();
        self.ended = false;
        Ok(())
    }
}

/// Bound and quantiser of a container.
pub(super) fn rules(bound: Bound, lattice: Option<f64>) -> Rules {
    let widest = match bound {
        Bound::Max(e) => 2.0 * e.min(f64::MAX / 8.0),
        Bound::Rms(e) => e.min(f64::MAX / 8.0) * 12f64.sqrt(),
    };
    match (lattice, bound) {
        // Steps of the lattice lose nothing, and are wider than what the bound allows otherwise.
        (Some(step), _) if step >= widest => Rules {
            bound,
            step: Some(step),
            lattice: true,
        },
        // A little less than twice the bound, for the rounding of the sums.
        (_, Bound::Max(_)) if widest.is_normal() => Rules {
            bound,
            step: Some(widest * (1.0 - 1e-9)),
            lattice: false,
        },
        _ => Rules {
            bound,
            step: None,
            lattice: false,
        },
    }
}

pub(super) fn stated(bound: Bound) -> Stated {
    match bound {
        Bound::Max(e) => Stated::Max(e),
        Bound::Rms(e) => Stated::Rms(e),
    }
}

/// # Errors
/// [`Error::InvalidInput`] for a `dt` that is not positive.
pub(super) fn head(
    dt: f64,
    rules: &Rules,
    options: &CompressOptions,
    stated: Stated,
) -> Result<Head> {
    if !(dt.is_finite() && dt > 0.0) {
        return Err(Error::invalid(
            "dt",
            dt,
            "a positive, finite sampling interval",
        ));
    }
    Ok(Head {
        dt,
        stated,
        step: rules.step,
        lattice: rules.lattice,
        segment_log: options.max_segment.next_power_of_two().trailing_zeros() as u8,
    })
}

/// The end record; errors rounded up, so that what it states holds.
pub(super) fn end(samples: u64, errors: Errors) -> End {
    let up = |v: f64| {
        let near = v as f32;
        if f64::from(near) < v {
            near.next_up()
        } else {
            near
        }
    };
    End {
        samples,
        max_error: up(errors.max),
        rms_error: up(errors.rms),
    }
}

/// # Errors
/// [`Error::InvalidInput`] naming the first sample that is not finite; `before` samples came earlier.
pub(super) fn finite(samples: &[f64], before: u64) -> Result<()> {
    match samples.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        Some((at, v)) => Err(Error::invalid(
            format!("signal[{}]", before + at as u64),
            v,
            "finite samples",
        )),
        None => Ok(()),
    }
}
