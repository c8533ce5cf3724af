//! Containers that were cut, flipped, extended or made up.

use super::super::container::{self, Head, Stated};
use super::super::crc::crc32;
use super::*;

/// A container with segments of every kind.
fn mixed() -> (Vec<u8>, Vec<f64>) {
    let mut random = Random(8);
    let mut x: Vec<f64> = vec![1.5; 64];
    x.extend((0..64).map(|k| (-0.05 * f64::from(k)).exp() * (0.7 * f64::from(k)).cos()));
    x.extend((0..64).map(|k| 5.0 * (1.3 * f64::from(k)).cos() + 0.01 * random.normal()));
    x.extend((0..64).map(|_| random.normal()));
    x.extend((0..64).map(|k| if k % 2 == 0 { 1e300 } else { 1e-5 }));
    let options = CompressOptions {
        target: Target::MaxError(1e-3),
        max_segment: 64,
        min_segment: 64,
        ..CompressOptions::default()
    };
    let c = compress(&x, 0.5, &options, &Progress::none()).unwrap();
    let kinds: Vec<SegmentKind> = c.report.kinds.iter().map(|k| k.kind).collect();
    assert_eq!(kinds, SegmentKind::ALL, "{:?}", c.report);
    let back = decompress(&c.bytes, &Progress::none()).unwrap();
    (c.bytes, back)
}

/// What a decoder gives before it ends or fails.
fn decode(bytes: &[u8]) -> (Vec<f64>, Result<Totals>) {
    let mut decoder = Decoder::new();
    let mut rest = bytes;
    let mut out = Vec::new();
    loop {
        match decoder.push(&mut rest) {
            Ok(Some(segment)) => out.extend(segment.samples),
            Ok(None) => return (out, decoder.finish()),
            Err(error) => {
                // It stays failed.
                assert_eq!(decoder.finish(), Err(error.clone()));
                assert_eq!(decoder.push(&mut &[][..]), Err(error.clone()));
                return (out, Err(error));
            }
        }
    }
}

#[test]
fn every_truncation_gives_a_right_prefix_and_an_error() {
    let (bytes, want) = mixed();
    for len in 0..bytes.len() {
        let (got, end) = decode(&bytes[..len]);
        assert!(end.is_err(), "{len}");
        assert!(got[..] == want[..got.len()], "{len}");
        assert!(Container::open(&bytes[..len]).is_err(), "{len}");
        assert!(decompress(&bytes[..len], &Progress::none()).is_err());
    }
    let (got, end) = decode(&bytes);
    assert!(got == want && end.is_ok());
}

#[test]
fn every_bit_flip_gives_a_right_prefix_and_an_error() {
    let (bytes, want) = mixed();
    for bit in 0..8 * bytes.len() {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (got, end) = decode(&damaged);
        assert!(end.is_err(), "{bit}");
        assert!(got[..] == want[..got.len()], "{bit}");
        if let Ok(container) = Container::open(&damaged) {
            let mut failures = 0;
            let mut start = 0;
            for index in 0..container.len() {
                match container.segment(index) {
                    Ok(s) => assert!(s.samples[..] == want[start..start + 64], "{bit} {index}"),
                    Err(_) => failures += 1,
                }
                start += 64;
            }
            assert_eq!(failures, 1, "{bit}");
            assert!(container.describe().is_err());
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let (mut bytes, want) = mixed();
    bytes.push(0);
    let (got, end) = decode(&bytes);
    assert!(got == want && end.is_err());
    assert!(Container::open(&bytes).is_err());
}

fn head(step: Option<f64>) -> Vec<u8> {
    let mut out = Vec::new();
    Head {
        dt: 1.0,
        stated: Stated::Nothing,
        step,
        lattice: step.is_some(),
        segment_log: container::MAX_SEGMENT_LOG,
    }
    .write(&mut out);
    out
}

/// A record with a check sum that fits.
fn record(out: &mut Vec<u8>, tag: u8, samples: usize, payload: &[u8]) {
    let start = out.len();
    out.push(tag);
    for mut value in [samples, payload.len()] {
        while value >= 128 {
            out.push(value as u8 | 128);
            value >>= 7;
        }
        out.push(value as u8);
    }
    out.extend(payload);
    let crc = crc32(&out[start..]);
    out.extend(crc.to_le_bytes());
}

#[test]
fn made_up_payloads_end_in_finite_samples_or_an_error() {
    let mut random = Random(77);
    let (mut fine, mut refused) = (0, 0);
    for turn in 0..3000 {
        let mut bytes = head((turn % 2 == 0).then_some(1e-3));
        let payload: Vec<u8> = (0..random.below(90)).map(|_| random.bits() as u8).collect();
        let samples = 1 + random.below(500);
        record(&mut bytes, (turn % 4) as u8, samples, &payload);
        let (got, _) = decode(&bytes);
        assert!(got.iter().all(|v| v.is_finite()));
        match got.len() {
            0 => refused += 1,
            n => {
                assert_eq!(n, samples);
                fine += 1;
            }
        }
    }
    assert!(fine > 100 && refused > 100, "{fine} {refused}");
}

#[test]
fn a_few_bytes_that_ask_for_much_meet_the_limit() {
    // 13 bytes for a million zeros, again and again: 1 GB from 13 kB.
    let mut bytes = head(None);
    for _ in 0..1000 {
        record(&mut bytes, 1, 1 << 20, &[]);
    }
    let error = decompress(&bytes, &Progress::none()).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
    let error = decompress_within(&bytes, 3 << 20, &Progress::none()).unwrap_err();
    assert!(matches!(error, Error::Limit { limit, .. } if limit == 3 << 20));
    // Longer than the head allows, or without samples: refused before anything is waited for.
    for samples in [(1 << 20) + 1, usize::MAX, 0] {
        let mut bytes = head(None);
        let framing = bytes.len();
        record(&mut bytes, 1, samples, &[]);
        let (got, end) = decode(&bytes[..framing + 11.min(bytes.len() - framing)]);
        assert!(got.is_empty());
        assert_eq!(end.unwrap_err().field(), Some("bytes"));
    }
}

#[test]
fn what_is_no_container_is_said_at_the_first_byte() {
    for bytes in [&b"x"[..], b"NLD", b"NLC\x02", b"PK\x03\x04rest"] {
        let mut decoder = Decoder::new();
        assert!(decoder.push(&mut &bytes[..]).is_err());
        assert!(decoder.info().is_none());
    }
    assert!(decode(b"").1.is_err());
}
