//! The container: head, one record per segment, end record (docs/compression.md has every byte).

use std::ops::Range;

use super::crc::crc32;
use super::segment::{Coded, SegmentKind};
use crate::error::{Error, Result};

/// First bytes of a container: name and version.
pub(super) const MAGIC: [u8; 4] = *b"NLC\x01";

/// Logarithm of the longest segment that a container may have.
pub(super) const MAX_SEGMENT_LOG: u8 = 20;

/// Tag of the end record; smaller tags are those of [`SegmentKind`].
const END: u8 = 4;

/// What a segment's payload may have beyond 8 bytes per sample.
const SLACK: usize = 64;

/// The bound that a container's head states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stated {
    Nothing,
    Max(f64),
    Rms(f64),
}

/// The head of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Head {
    pub(super) dt: f64,
    pub(super) stated: Stated,
    pub(super) step: Option<f64>,
    pub(super) lattice: bool,
    /// Logarithm of the longest segment.
    pub(super) segment_log: u8,
}

/// The end record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct End {
    pub(super) samples: u64,
    pub(super) max_error: f32,
    pub(super) rms_error: f32,
}

/// A record that stands whole in some bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    Segment {
        kind: SegmentKind,
        samples: usize,
        payload: Range<usize>,
        /// Bytes of the record.
        len: usize,
    },
    End {
        end: End,
        len: usize,
    },
}

/// What a reader finds at the start of some bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found<T> {
    /// The whole of it.
    Whole(T),
    /// At least this many bytes are needed before it can be whole.
    Needs(usize),
}

fn bad(what: impl ToString, expected: impl Into<String>) -> Error {
    Error::invalid("bytes", what, expected)
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A number in 7-bit groups at `at`, and where it ends; `None` where it is not whole.
fn read_number(bytes: &[u8], at: usize, most: u64) -> Result<Option<(u64, usize)>> {
    let mut value = 0u128;
    for (i, byte) in bytes.iter().skip(at).take(10).enumerate() {
        value |= u128::from(byte & 0x7f) << (7 * i);
        if value > u128::from(most) {
            return Err(bad(
                format!("a length of {value} or more"),
                format!("at most {most} there"),
            ));
        }
        if byte & 0x80 == 0 {
            return Ok(Some((value as u64, at + i + 1)));
        }
    }
    match bytes.len() - at.min(bytes.len()) {
        0..=9 => Ok(None),
        _ => Err(bad("a length of more than 10 bytes", "at most 10 bytes")),
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Checks the 4 bytes of check sum at the end of `bytes[..len]`.
fn check(bytes: &[u8], len: usize, what: &str) -> Result<()> {
    let stored = len.checked_sub(4).and_then(|at| array(bytes, at));
    let covered = len.checked_sub(4).and_then(|end| bytes.get(..end));
    match (stored, covered) {
        (Some(stored), Some(covered)) if u32::from_le_bytes(stored) == crc32(covered) => Ok(()),
        _ => Err(bad(
            format!("a check sum that does not fit the {what}"),
            "bytes as they were written",
        )),
    }
}

impl Head {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(MAGIC);
        let (kind, bound) = match self.stated {
            Stated::Nothing => (0, None),
            Stated::Max(v) => (1, Some(v)),
            Stated::Rms(v) => (2, Some(v)),
        };
        out.push(kind | u8::from(self.step.is_some()) << 2 | u8::from(self.lattice) << 3);
        out.push(self.segment_log);
        out.extend(self.dt.to_le_bytes());
        for value in [bound, self.step].into_iter().flatten() {
            out.extend(value.to_le_bytes());
        }
        let crc = crc32(out.get(start..).unwrap_or_default());
        out.extend(crc.to_le_bytes());
    }

    /// The head at the start of `bytes`, and its length.
    pub(super) fn read(bytes: &[u8]) -> Result<Found<(Head, usize)>> {
        let shown = bytes.len().min(MAGIC.len());
        if bytes.get(..shown) != MAGIC.get(..shown) {
            return Err(bad(
                format!("{:02x?}", bytes.get(..shown).unwrap_or_default()),
                "a container of compressed samples, which begins with \"NLC\" and version 1",
            ));
        }
        if shown < MAGIC.len() {
            return Ok(Found::Needs(shown + 1));
        }
        let Some([flags, segment_log]) = array(bytes, 4) else {
            return Ok(Found::Needs(6));
        };
        let bounded = flags & 3 != 0;
        let stepped = flags & 4 != 0;
        let len = 18 + 8 * usize::from(bounded) + 8 * usize::from(stepped);
        if flags & 3 == 3 || flags & 0xf0 != 0 || segment_log > MAX_SEGMENT_LOG {
            return Err(bad(
                format!("flags {flags:#04x} and segment size 2^{segment_log}"),
                "a head of version 1",
            ));
        }
        if bytes.len() < len {
            return Ok(Found::Needs(len));
        }
        check(bytes, len, "head")?;
        let value = |at| array(bytes, at).map_or(f64::NAN, f64::from_le_bytes);
        let dt = value(6);
        let bound = if bounded { value(14) } else { 0.0 };
        let step = stepped.then(|| value(if bounded { 22 } else { 14 }));
        let positive = |v: f64| v.is_finite() && v > 0.0;
        if !positive(dt) || !bound.is_finite() || bound < 0.0 || !step.is_none_or(positive) {
            return Err(bad(
                format!("dt {dt}, bound {bound}, step {step:?}"),
                "finite values, dt and step positive, the bound not negative",
            ));
        }
        let stated = match flags & 3 {
            0 => Stated::Nothing,
            1 => Stated::Max(bound),
            _ => Stated::Rms(bound),
        };
        let lattice = flags & 8 != 0;
        let head = Head {
            dt,
            stated,
            step,
            lattice,
            segment_log,
        };
        Ok(Found::Whole((head, len)))
    }
}

/// Writes a segment's record.
pub(super) fn write_segment(out: &mut Vec<u8>, coded: &Coded) {
    let start = out.len();
    out.push(coded.kind.tag());
    number(out, coded.samples as u64);
    number(out, coded.payload.len() as u64);
    out.extend(&coded.payload);
    let crc = crc32(out.get(start..).unwrap_or_default());
    out.extend(crc.to_le_bytes());
}

/// Writes the end record.
pub(super) fn write_end(out: &mut Vec<u8>, end: &End) {
    let start = out.len();
    out.push(END);
    number(out, end.samples);
    out.extend(end.max_error.to_le_bytes());
    out.extend(end.rms_error.to_le_bytes());
    let crc = crc32(out.get(start..).unwrap_or_default());
    out.extend(crc.to_le_bytes());
}

/// The record at the start of `bytes`; its lengths are checked before its bytes are waited for, its check sum
/// once it is whole and `verify` says so.
pub(super) fn read_record(bytes: &[u8], head: &Head, verify: bool) -> Result<Found<Record>> {
    let Some(&tag) = bytes.first() else {
        return Ok(Found::Needs(1));
    };
    if tag == END {
        let Some((samples, at)) = read_number(bytes, 1, u64::MAX)? else {
            return Ok(Found::Needs(bytes.len() + 1));
        };
        let len = at + 12;
        if bytes.len() < len {
            return Ok(Found::Needs(len));
        }
        check(bytes, len, "end record")?;
        let value = |at| array(bytes, at).map_or(f32::NAN, f32::from_le_bytes);
        let end = End {
            samples,
            max_error: value(at),
            rms_error: value(at + 4),
        };
        return Ok(Found::Whole(Record::End { end, len }));
    }
    let Some(&kind) = SegmentKind::ALL.get(usize::from(tag)) else {
        return Err(bad(
            format!("a record with the tag {tag}"),
            format!("a tag from 0 to {END}"),
        ));
    };
    let Some((samples, at)) = read_number(bytes, 1, 1 << head.segment_log)? else {
        return Ok(Found::Needs(bytes.len() + 1));
    };
    if samples == 0 {
        return Err(bad("a segment without samples", "1 sample or more"));
    }
    let samples = samples as usize;
    let Some((payload, at)) = read_number(bytes, at, (8 * samples + SLACK) as u64)? else {
        return Ok(Found::Needs(bytes.len() + 1));
    };
    let payload = at..at + payload as usize;
    let len = payload.end + 4;
    if bytes.len() < len {
        return Ok(Found::Needs(len));
    }
    if verify {
        check(bytes, len, "segment")?;
    }
    Ok(Found::Whole(Record::Segment {
        kind,
        samples,
        payload,
        len,
    }))
}
