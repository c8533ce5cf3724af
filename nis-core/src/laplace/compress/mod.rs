//! Compression of sampled signals to segments of damped exponentials with a stated error.
//!
//! A signal that rings, decays or hums is a few numbers per stretch: the poles and amplitudes of its modes, each
//! written with as many bits as the error that was asked for needs. What modes leave, and stretches that are not
//! modal at all, go through a quantiser whose error is bounded and a linear predictor with an adaptive range
//! coder; each stretch takes whichever way is shortest, and the report says which took how much. The container
//! is documented byte by byte in docs/compression.md.
//!
//! ```
//! use nis_core::laplace::compress::{CompressOptions, Target, compress, decompress};
//! use nis_core::telemetry::Progress;
//! // Two modes, 2000 samples: 16000 bytes.
//! let x: Vec<f64> = (0..2000)
//!     .map(|k| 1e-3 * f64::from(k))
//!     .map(|t| (-t).exp() * (300.0 * t).cos() + 0.5 * (-3.0 * t).exp() * (711.0 * t).sin())
//!     .collect();
//! let options = CompressOptions { target: Target::MaxError(1e-4), ..CompressOptions::default() };
//! let compressed = compress(&x, 1e-3, &options, &Progress::none())?;
//! assert!(compressed.report.ratio > 100.0 && !compressed.report.not_modal);
//! let back = decompress(&compressed.bytes, &Progress::none())?;
//! assert!(x.iter().zip(&back).all(|(a, b)| (a - b).abs() <= 1e-4));
//! # Ok::<(), nis_core::Error>(())
//! ```

mod container;
mod crc;
mod decoder;
mod encoder;
mod evaluate;
mod fit;
mod parameters;
mod predict;
mod range;
mod report;
mod residual;
mod search;
mod segment;

pub use decoder::{
    Container, ContainerInfo, Decoder, Description, ModalPart, Segment, SegmentInfo, SegmentMode,
    Totals,
};
pub use encoder::Encoder;
pub use report::{CompressionReport, KindShare, Trial};
pub use search::{Compressed, compress};
pub use segment::SegmentKind;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// What a compression must reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// No sample is off by more than this (signal units). 0 is allowed: samples on a lattice (whole numbers, for
    /// example) are then coded without loss, others stay as they are.
    MaxError(f64),
    /// The root mean square of the errors is at most this (signal units), in every segment.
    RmsError(f64),
    /// The same, relative to the root mean square of the signal.
    RelativeRms(f64),
    /// The container has at most `8 n / ratio` bytes; the rms error is as small as was found possible, or within
    /// 1 dB of that where modes alone reach it, as the rest is then noise.
    Ratio(f64),
    /// The container has at most this many bits per sample; likewise.
    BitsPerSample(f64),
}

/// How a signal is compressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompressOptions {
    /// What must be reached; a relative rms error of 1e-3 by default.
    pub target: Target,
    /// Largest order of the modes of a segment (a conjugate pair counts 2), to 100.
    pub max_order: usize,
    /// Longest segment in samples, 16 to 2^20. The decoder's memory is `16 max_segment` bytes.
    pub max_segment: usize,
    /// Shortest segment that a cut makes, 8 or more.
    pub min_segment: usize,
    /// Whether modes are sought; without them compression is some ten times as fast.
    pub modes: bool,
    /// Step of a lattice on which the samples lie (all are whole multiples of it). [`compress`] finds it where
    /// `None`; [`Encoder`], which does not see the record first, takes none then.
    pub lattice: Option<f64>,
}

impl Default for CompressOptions {
    fn default() -> Self {
        CompressOptions {
            target: Target::RelativeRms(1e-3),
            max_order: 16,
            max_segment: 1 << 16,
            min_segment: 256,
            modes: true,
            lattice: None,
        }
    }
}

impl CompressOptions {
    /// # Errors
    /// [`Error::InvalidInput`] naming the first option that does not fit.
    fn check(&self) -> Result<()> {
        let (name, value, least) = match self.target {
            Target::MaxError(v) => ("target.max_error", v, "0 or more"),
            Target::RmsError(v) => ("target.rms_error", v, "0 or more"),
            Target::RelativeRms(v) => ("target.relative_rms", v, "0 or more"),
            Target::Ratio(v) => ("target.ratio", v, "positive"),
            Target::BitsPerSample(v) => ("target.bits_per_sample", v, "positive"),
        };
        let fits = value.is_finite() && (value > 0.0 || (value == 0.0 && least == "0 or more"));
        if !fits {
            return Err(Error::invalid(
                name,
                value,
                format!("a finite number, {least}"),
            ));
        }
        if !(1..=100).contains(&self.max_order) {
            return Err(Error::invalid("max_order", self.max_order, "1 to 100"));
        }
        if !(16..=1 << container::MAX_SEGMENT_LOG).contains(&self.max_segment) {
            return Err(Error::invalid(
                "max_segment",
                self.max_segment,
                "16 to 1048576",
            ));
        }
        if self.min_segment < 8 {
            return Err(Error::invalid("min_segment", self.min_segment, "8 or more"));
        }
        if let Some(step) = self.lattice
            && !(step.is_normal() && step > 0.0)
        {
            return Err(Error::invalid("lattice", step, "a positive, normal number"));
        }
        Ok(())
    }
}

/// Most samples that [`decompress`] gives out: 1 GiB.
pub const MAX_DECOMPRESSED: u64 = 1 << 27;

/// All samples of a container. A few bytes can stand for a megabyte of samples, so what a stranger sends can
/// ask for more memory than it has itself: at most [`MAX_DECOMPRESSED`] samples here; [`decompress_within`] sets
/// another limit, and [`Decoder`] gives out one segment at a time.
///
/// # Errors
/// [`Error::InvalidInput`] for bytes that are no whole container, [`Error::Limit`], [`Error::Cancelled`].
pub fn decompress(bytes: &[u8], progress: &Progress<'_>) -> Result<Vec<f64>> {
    decompress_within(bytes, MAX_DECOMPRESSED, progress)
}

/// All samples of a container, at most `max_samples`.
///
/// # Errors
/// As [`decompress`].
pub fn decompress_within(
    bytes: &[u8],
    max_samples: u64,
    progress: &Progress<'_>,
) -> Result<Vec<f64>> {
    let mut decoder = Decoder::new();
    let mut rest = bytes;
    let mut out = Vec::new();
    while let Some(segment) = decoder.push(&mut rest)? {
        if decoder.samples() > max_samples {
            return Err(Error::Limit {
                what: "samples".to_owned(),
                limit: max_samples,
                got: decoder.samples(),
            });
        }
        progress.report(
            "decompress",
            (bytes.len() - rest.len()) as u64,
            bytes.len() as u64,
            "",
        )?;
        out.extend(segment.samples);
    }
    decoder.finish()?;
    Ok(out)
}

#[cfg(test)]
mod tests;
