//! Reading containers: as a stream, whole, or one segment at will.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::container::{Found, Head, Record, Stated, read_record};
use super::evaluate::power_of_two;
use super::parameters::{Parameters, slope_unit};
use super::segment::{self, SegmentKind};
use crate::error::{Error, Result};

/// What the head of a container states.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ContainerInfo {
    /// Sampling interval.
    pub dt: f64,
    /// Bound of the largest error, where one was asked for.
    pub max_error: Option<f64>,
    /// Bound of the rms error, where one was asked for.
    pub rms_error: Option<f64>,
    /// Longest segment, in samples.
    pub max_segment: usize,
}

/// What the end record of a container states.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Number of samples.
    pub samples: u64,
    /// Largest error that the encoder saw, rounded up to f32 (so that it may be infinite).
    pub max_error: f32,
    /// Rms error that the encoder saw, likewise.
    pub rms_error: f32,
}

/// One mode of a segment: `2 Re(residue e^{pole t})` for a pair, `Re(residue) e^{pole t}` for a real pole, with
/// `t` from the segment's first sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SegmentMode {
    /// Pole with non-negative imaginary part, in 1/(time unit).
    pub pole: Complex64,
    /// Complex amplitude at the segment's first sample.
    pub residue: Complex64,
}

/// The modal part of a segment, for reading: `offset + slope t + sum of the modes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModalPart {
    /// Value at the first sample without the modes.
    pub offset: f64,
    /// Rise per time unit without the modes.
    pub slope: f64,
    /// The modes, strongest first.
    pub modes: Vec<SegmentMode>,
}

/// One decoded segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Number of the segment, from 0.
    pub index: usize,
    /// Number of its first sample in the record.
    pub start: u64,
    /// How it was written.
    pub kind: SegmentKind,
    /// Its samples.
    pub samples: Vec<f64>,
    /// Its damped exponentials, where it has some.
    pub modal: Option<ModalPart>,
}

fn modal_part(parameters: &Parameters, n: usize, dt: f64) -> ModalPart {
    let unit = parameters.unit();
    let modes = parameters
        .modes
        .iter()
        .map(|m| {
            let amplitude = Complex64::new(m.re as f64 * unit, m.im as f64 * unit);
            let (decay, angle) = (m.pole.decay(), m.pole.angle());
            let share = if m.pole.angle_steps.is_some() {
                0.5
            } else {
                1.0
            };
            let (growth, residue) = if m.pole.backward {
                // Re(A z^(n-1-k)) = Re(conj(A z^(n-1)) conj(z)^-k) and conj(z)^-1 = e^{decay + i angle}.
                let z = Complex64::new(-decay, angle) * (n - 1) as f64;
                (decay, (amplitude * z.exp()).conj())
            } else {
                (-decay, amplitude)
            };
            SegmentMode {
                pole: Complex64::new(growth / dt, angle / dt),
                residue: residue * share,
            }
        })
        .collect();
    ModalPart {
        offset: parameters.offset as f64 * unit,
        slope: parameters.slope as f64 * unit * slope_unit(n) / dt,
        modes,
    }
}

fn info(head: &Head) -> ContainerInfo {
    let (max_error, rms_error) = match head.stated {
        Stated::Nothing => (None, None),
        Stated::Max(v) => (Some(v), None),
        Stated::Rms(v) => (None, Some(v)),
    };
    ContainerInfo {
        dt: head.dt,
        max_error,
        rms_error,
        max_segment: power_of_two(i32::from(head.segment_log)) as usize,
    }
}

/// Decodes a container from pieces of any size.
///
/// Holds at most one record and its samples at a time: `16 max_segment` bytes and a little, at most 17 MB by the
/// format's limit, whatever the bytes claim. Segments come out as soon as their last byte is in; each has a check
/// sum, so that every segment given out is as it was written. After an error every further call gives that error.
///
/// ```
/// use nis_core::laplace::compress::{CompressOptions, Decoder, Target, compress};
/// use nis_core::telemetry::Progress;
/// let x: Vec<f64> = (0..1000).map(|k| (0.1 * f64::from(k)).sin()).collect();
/// let options = CompressOptions { target: Target::MaxError(1e-3), ..CompressOptions::default() };
/// let compressed = compress(&x, 0.01, &options, &Progress::none())?;
/// let mut decoder = Decoder::new();
/// let mut samples = Vec::new();
/// for mut piece in compressed.bytes.chunks(7) {
///     while let Some(segment) = decoder.push(&mut piece)? {
///         samples.extend(segment.samples);
///     }
/// }
/// assert_eq!(decoder.finish()?.samples, 1000);
/// assert!(x.iter().zip(&samples).all(|(a, b)| (a - b).abs() <= 1e-3));
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    head: Option<Head>,
    buffer: Vec<u8>,
    /// Bytes that the buffer must have before it is looked at again.
    needs: usize,
    index: usize,
    samples: u64,
    totals: Option<Totals>,
    failed: Option<Error>,
}

impl Decoder {
    /// A decoder at the start of a container.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the head states, once it is in.
    pub fn info(&self) -> Option<ContainerInfo> {
        self.head.as_ref().map(info)
    }

    /// Number of samples given out so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Takes bytes off the front of `bytes` until a segment is whole, which is returned, or none are left: then
    /// `None`. Call it until it says `None`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for bytes that no encoder wrote, or that follow the end record.
    pub fn push(&mut self, bytes: &mut &[u8]) -> Result<Option<Segment>> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.advance(bytes).inspect_err(|error| {
            self.buffer = Vec::new();
            self.failed = Some(error.clone());
        })
    }

    fn advance(&mut self, bytes: &mut &[u8]) -> Result<Option<Segment>> {
        loop {
            if self.totals.is_some() {
                return match bytes.is_empty() {
                    true => Ok(None),
                    false => Err(Error::invalid(
                        "bytes",
                        format!("{} bytes after the end record", bytes.len()),
                        "nothing there",
                    )),
                };
            }
            let wanted = self.needs.max(1).saturating_sub(self.buffer.len());
            let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.buffer.extend_from_slice(taken);
            *bytes = rest;
            if taken.len() < wanted {
                return Ok(None);
            }
            let Some(head) = &self.head else {
                match Head::read(&self.buffer)? {
                    Found::Needs(n) => self.needs = n,
                    Found::Whole((head, _)) => {
                        self.head = Some(head);
                        self.next_record();
                    }
                }
                continue;
            };
            match read_record(&self.buffer, head, true)? {
                Found::Needs(n) => self.needs = n,
                Found::Whole(Record::End { end, .. }) => {
                    if end.samples != self.samples {
                        return Err(miscounted(self.samples, end.samples));
                    }
                    self.totals = Some(Totals {
                        samples: end.samples,
                        max_error: end.max_error,
                        rms_error: end.rms_error,
                    });
                    self.next_record();
                }
                Found::Whole(Record::Segment {
                    kind,
                    samples,
                    payload,
                    ..
                }) => {
                    let payload = self.buffer.get(payload).unwrap_or_default();
                    let segment = decoded(head, kind, samples, payload, self.index, self.samples)?;
                    self.index += 1;
                    self.samples = self.samples.saturating_add(samples as u64);
                    self.next_record();
                    return Ok(Some(segment));
                }
            }
        }
    }

    fn next_record(&mut self) {
        self.buffer.clear();
        self.needs = 1;
    }

    /// Says whether the container came to its end, and what it states there.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the end record is missing; the error of an earlier call.
    pub fn finish(&self) -> Result<Totals> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.totals.ok_or_else(|| {
            Error::invalid(
                "bytes",
                format!(
                    "an end after {} samples without an end record",
                    self.samples
                ),
                "a whole container",
            )
        })
    }
}

fn miscounted(counted: u64, stated: u64) -> Error {
    Error::invalid(
        "bytes",
        format!("{counted} samples where the end record states {stated}"),
        "all segments of the container",
    )
}

fn decoded(
    head: &Head,
    kind: SegmentKind,
    samples: usize,
    payload: &[u8],
    index: usize,
    start: u64,
) -> Result<Segment> {
    let (values, parameters) = segment::decode(kind, samples, payload, head.step, head.lattice)?;
    Ok(Segment {
        index,
        start,
        kind,
        samples: values,
        modal: parameters.map(|p| modal_part(&p, samples, head.dt)),
    })
}

/// A segment as [`Container::describe`] tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentInfo {
    /// Number of its first sample.
    pub start: u64,
    /// Number of samples.
    pub samples: usize,
    /// How it was written.
    pub kind: SegmentKind,
    /// Bytes of its payload.
    pub bytes: usize,
    /// Its damped exponentials, where it has some.
    pub modal: Option<ModalPart>,
}

/// A container for reading: everything but the residuals. Its JSON is the readable form of the modal part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// What the head states.
    pub info: ContainerInfo,
    /// What the end record states.
    pub totals: Totals,
    /// The segments in their order.
    pub segments: Vec<SegmentInfo>,
}

/// Where a segment stands in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    at: usize,
    start: u64,
    samples: usize,
}

/// A container in memory whose segments can be decoded one by one.
///
/// Opening hops over the records (no segment is decoded) and keeps 24 bytes for each, at most eight times the
/// container's own size.
///
/// ```
/// use nis_core::laplace::compress::{CompressOptions, Container, compress};
/// use nis_core::telemetry::Progress;
/// let x: Vec<f64> = (0..5000).map(|k| (0.1 * f64::from(k)).sin()).collect();
/// let options = CompressOptions { max_segment: 1024, ..CompressOptions::default() };
/// let compressed = compress(&x, 1.0, &options, &Progress::none())?;
/// let container = Container::open(&compressed.bytes)?;
/// let (index, offset) = container.locate(4321).ok_or(nis_core::Error::invalid("sample", 4321, "inside"))?;
/// let segment = container.segment(index)?;
/// assert!((segment.samples[offset] - x[4321]).abs() < 0.1);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Container<'a> {
    bytes: &'a [u8],
    head: Head,
    entries: Vec<Entry>,
    totals: Totals,
}

impl<'a> Container<'a> {
    /// Reads head, framing and end record.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for bytes that are not a whole container; damage inside a segment is found when
    /// the segment is decoded.
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        let cut = |needs: usize| {
            Error::invalid(
                "bytes",
                format!("{} bytes", bytes.len()),
                format!("a whole container: at least {needs} bytes"),
            )
        };
        let (head, mut at) = match Head::read(bytes)? {
            Found::Whole(found) => found,
            Found::Needs(n) => return Err(cut(n)),
        };
        let mut entries = Vec::new();
        let mut start = 0u64;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match read_record(rest, &head, false)? {
                Found::Needs(n) => return Err(cut(at.saturating_add(n))),
                Found::Whole(Record::Segment { samples, len, .. }) => {
                    entries.push(Entry { at, start, samples });
                    start = start.saturating_add(samples as u64);
                    at += len;
                }
                Found::Whole(Record::End { end, len }) => {
                    if end.samples != start {
                        return Err(miscounted(start, end.samples));
                    }
                    if at + len != bytes.len() {
                        return Err(Error::invalid(
                            "bytes",
                            format!("{} bytes after the end record", bytes.len() - at - len),
                            "nothing there",
                        ));
                    }
                    let totals = Totals {
                        samples: end.samples,
                        max_error: end.max_error,
                        rms_error: end.rms_error,
                    };
                    return Ok(Container {
                        bytes,
                        head,
                        entries,
                        totals,
                    });
                }
            }
        }
    }

    /// What the head states.
    pub fn info(&self) -> ContainerInfo {
        info(&self.head)
    }

    /// What the end record states.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Number of segments.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no segments.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The segment that holds a sample, and the sample's place in it; `None` past the end.
    pub fn locate(&self, sample: u64) -> Option<(usize, usize)> {
        let index = self
            .entries
            .partition_point(|e| e.start <= sample)
            .checked_sub(1)?;
        let entry = self.entries.get(index)?;
        let offset = usize::try_from(sample - entry.start).ok()?;
        (offset < entry.samples).then_some((index, offset))
    }

    /// Kinds, sizes and modes of all segments.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a damaged segment.
    pub fn describe(&self) -> Result<Description> {
        let segments = (0..self.entries.len())
            .map(|index| {
                let (entry, kind, payload) = self.record(index)?;
                let modal = match kind.is_modal() {
                    true => {
                        let parameters = segment::parameters(payload)?;
                        Some(modal_part(&parameters, entry.samples, self.head.dt))
                    }
                    false => None,
                };
                Ok(SegmentInfo {
                    start: entry.start,
                    samples: entry.samples,
                    kind,
                    bytes: payload.len(),
                    modal,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Description {
            info: self.info(),
            totals: self.totals,
            segments,
        })
    }

    /// Decodes one segment.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an index that is not there and for a damaged segment.
    pub fn segment(&self, index: usize) -> Result<Segment> {
        let (entry, kind, payload) = self.record(index)?;
        decoded(&self.head, kind, entry.samples, payload, index, entry.start)
    }

    fn record(&self, index: usize) -> Result<(Entry, SegmentKind, &'a [u8])> {
        let entry = self.entries.get(index).ok_or_else(|| {
            Error::invalid(
                "index",
                index,
                format!("a segment below {}", self.entries.len()),
            )
        })?;
        let bytes = self.bytes.get(entry.at..).unwrap_or_default();
        match read_record(bytes, &self.head, true)? {
            Found::Whole(Record::Segment { kind, payload, .. }) => {
                Ok((*entry, kind, bytes.get(payload).unwrap_or_default()))
            }
            // `open` found a segment there.
            _ => Err(Error::Internal {
                message: format!("segment {index} is gone"),
            }),
        }
    }
}
