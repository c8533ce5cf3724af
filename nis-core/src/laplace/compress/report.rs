//! What a compression reached, in numbers.

use serde::{Deserialize, Serialize};

use super::segment::{Coded, Errors, SegmentKind};

/// The part of a record that one kind of segment took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KindShare {
    /// The kind.
    pub kind: SegmentKind,
    /// Number of segments.
    pub segments: usize,
    /// Number of samples.
    pub samples: u64,
    /// Share of all samples, 0 to 1.
    pub share: f64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

/// Modes against the coder without them, over every stretch on which both were tried (stretches of several
/// lengths overlap, so the samples may be more than the record has).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Trial {
    /// Stretches on which modes were sought.
    pub stretches: u64,
    /// Stretches without modes, or whose modes cannot be written under the bound.
    pub without_modes: u64,
    /// Samples of the stretches that were coded both ways.
    pub samples: u64,
    /// Bytes with modes, for these.
    pub modal_bytes: u64,
    /// Bytes of the fallback, for these.
    pub fallback_bytes: u64,
}

impl Trial {
    pub(super) fn note(&mut self, samples: usize, modal: Option<usize>, fallback: usize) {
        self.stretches += 1;
        match modal {
            Some(bytes) => {
                self.samples += samples as u64;
                self.modal_bytes += bytes as u64;
                self.fallback_bytes += fallback as u64;
            }
            None => self.without_modes += 1,
        }
    }
}

/// What a compression reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompressionReport {
    /// Number of samples.
    pub samples: u64,
    /// Bytes of the container.
    pub bytes: u64,
    /// 8 bytes per sample over the container's bytes.
    pub ratio: f64,
    /// 4 bytes per sample over the container's bytes.
    pub ratio_f32: f64,
    /// Bits per sample; 0 for no samples.
    pub bits_per_sample: f64,
    /// Largest error, measured on the decoded container.
    pub max_error: f64,
    /// Root mean square of the errors.
    pub rms_error: f64,
    /// `rms_error` over the root mean square of the samples; 0 where both are 0.
    pub relative_rms: f64,
    /// Bound that holds for the largest error, where the target set one.
    pub max_error_bound: Option<f64>,
    /// Bound that holds for the rms error, where the target set one.
    pub rms_error_bound: Option<f64>,
    /// Number of segments.
    pub segments: usize,
    /// The kinds that occur, with their shares.
    pub kinds: Vec<KindShare>,
    /// Damped exponentials in all segments together (a conjugate pair counts 1).
    pub modes: usize,
    /// Whether damped exponentials took no more than half of the samples: the signal is then not modal at this
    /// error, and the numbers in `trial` say by how much they lost.
    pub not_modal: bool,
    /// Modes against the fallback where both were tried.
    pub trial: Trial,
    /// Step of the lattice on which all samples lie, where one was found and used: they then came back exactly.
    pub lattice: Option<f64>,
    /// Wall time, seconds.
    pub seconds: f64,
}

/// Counts and errors of segments.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    kinds: [(usize, u64, u64); 4],
    errors: Vec<(u64, Errors)>,
    max: f64,
    modes: usize,
}

impl Tally {
    pub(super) fn add(&mut self, coded: &Coded) {
        if let Some((segments, samples, bytes)) = self.kinds.get_mut(usize::from(coded.kind.tag()))
        {
            *segments += 1;
            *samples += coded.samples as u64;
            *bytes += coded.payload.len() as u64;
        }
        self.modes += coded.modes;
        if coded.errors.max > self.max || coded.errors.max.is_nan() {
            self.max = coded.errors.max;
        }
        self.errors.push((coded.samples as u64, coded.errors));
        // Keep the list short in long streams: two entries of the same record are as good as one.
        if self.errors.len() >= 64 {
            let all = self.errors();
            let samples = self.errors.iter().map(|(n, _)| n).sum();
            self.errors = vec![(samples, all)];
        }
    }

    /// Errors over all segments.
    pub(super) fn errors(&self) -> Errors {
        let samples: u64 = self.errors.iter().map(|(n, _)| n).sum();
        if self.max == 0.0 || samples == 0 {
            return Errors::default();
        }
        let mean: f64 = self
            .errors
            .iter()
            .map(|(n, e)| (e.rms / self.max).powi(2) * (*n as f64 / samples as f64))
            .sum();
        Errors {
            max: self.max,
            rms: self.max * mean.sqrt(),
        }
    }

    /// Whether every segment is modes without a residual.
    pub(super) fn only_modes(&self) -> bool {
        let modal = usize::from(SegmentKind::Modal.tag());
        let of = |(tag, (n, _, _)): (usize, &(usize, u64, u64))| if tag == modal { 0 } else { *n };
        self.kinds.iter().enumerate().map(of).sum::<usize>() == 0
    }

    pub(super) fn modes(&self) -> usize {
        self.modes
    }

    pub(super) fn segments(&self) -> usize {
        self.kinds.iter().map(|(n, _, _)| n).sum()
    }

    pub(super) fn shares(&self) -> Vec<KindShare> {
        let total: u64 = self.kinds.iter().map(|(_, n, _)| n).sum();
        SegmentKind::ALL
            .iter()
            .zip(&self.kinds)
            .filter(|(_, (segments, _, _))| *segments > 0)
            .map(|(kind, (segments, samples, bytes))| KindShare {
                kind: *kind,
                segments: *segments,
                samples: *samples,
                share: *samples as f64 / total as f64,
                bytes: *bytes,
            })
            .collect()
    }
}
