//! Binary range coder with adaptive probabilities: a payload is one stream of its decisions.
//!
//! Martin, Range encoding (Video & Data Recording Conf., 1979) in the carry-propagating form that LZMA made
//! common; the probabilities adapt by `1/(n + 1.5)` at first and by a constant rate later.

use crate::error::{Error, Result};

/// Below this the range is shifted up by a byte.
const TOP: u32 = 1 << 24;

/// Adaptive probability that a bit is 0, in 1/65536.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bit {
    p: u16,
    seen: u8,
}

/// Slowest adaptation: one part in this many.
const SLOWEST: u8 = 100;

impl Bit {
    /// One that expects a 0 in `p` of 65536 cases, as if it had seen three decisions.
    pub(super) fn expecting(p: u16) -> Self {
        Bit {
            p: p.clamp(24, 65535 - 24),
            seen: 3,
        }
    }

    fn update(&mut self, one: bool) {
        let target: i32 = if one { 24 } else { 65536 - 24 };
        let change = (target - i32::from(self.p)) * 2 / (2 * i32::from(self.seen) + 3);
        // Between 24 and 65512 by construction: a step never passes its target.
        self.p = (i32::from(self.p) + change) as u16;
        if self.seen < SLOWEST {
            self.seen += 1;
        }
    }
}

/// Writes decisions.
#[derive(Debug, Clone)]
pub(super) struct RangeEncoder {
    low: u64,
    range: u32,
    cache: u8,
    /// Bytes that wait for a carry: the cache and 0xff after it.
    waiting: u64,
    out: Vec<u8>,
}

impl RangeEncoder {
    pub(super) fn new() -> Self {
        RangeEncoder {
            low: 0,
            range: u32::MAX,
            cache: 0,
            waiting: 1,
            out: Vec::new(),
        }
    }

    fn shift(&mut self) {
        if self.low < 0xff00_0000 || self.low > u64::from(u32::MAX) {
            let carry = (self.low >> 32) as u8;
            let mut byte = self.cache;
            while self.waiting > 0 {
                self.out.push(byte.wrapping_add(carry));
                byte = 0xff;
                self.waiting -= 1;
            }
            self.cache = (self.low >> 24) as u8;
        }
        self.waiting += 1;
        self.low = (self.low & 0x00ff_ffff) << 8;
    }

    /// One adaptive decision.
    pub(super) fn bit(&mut self, model: &mut Bit, one: bool) {
        let bound = (self.range >> 16) * u32::from(model.p);
        if one {
            self.low += u64::from(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        model.update(one);
        while self.range < TOP {
            self.range <<= 8;
            self.shift();
        }
    }

    /// The low `count` bits of `value`, high ones first, each costing one bit.
    pub(super) fn plain(&mut self, value: u64, count: u32) {
        for i in (0..count).rev() {
            self.range >>= 1;
            if (value >> i) & 1 == 1 {
                self.low += u64::from(self.range);
            }
            while self.range < TOP {
                self.range <<= 8;
                self.shift();
            }
        }
    }

    /// A number below 2^63: its length in 6 bits, then what follows its leading 1.
    pub(super) fn unsigned(&mut self, value: u64) {
        let length = u64::BITS - value.leading_zeros();
        self.plain(u64::from(length), 6);
        self.plain(value, length.saturating_sub(1));
    }

    /// A number of either sign, below 2^63 in size.
    pub(super) fn signed(&mut self, value: i64) {
        self.unsigned(value.unsigned_abs());
        if value != 0 {
            self.plain(u64::from(value < 0), 1);
        }
    }

    /// How many bytes are out so far, give or take those that wait.
    pub(super) fn len(&self) -> usize {
        self.out.len() + self.waiting as usize
    }

    /// The stream: of all values in the last interval the one with most zeros at its end, without these, since
    /// the decoder reads zeros past the end.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let last = self.low + u64::from(self.range) - 1;
        for zeros in (0..=32).rev() {
            let mask = (1u64 << zeros) - 1;
            let value = (self.low + mask) & !mask;
            if value <= last {
                self.low = value;
                break;
            }
        }
        for _ in 0..5 {
            self.shift();
        }
        // The first byte is the cache's start value: nothing carries into it, as low + range < 2^32 at first.
        let mut out = self.out.split_off(1);
        while out.last() == Some(&0) {
            out.pop();
        }
        out
    }
}

/// Reads decisions.
#[derive(Debug, Clone)]
pub(super) struct RangeDecoder<'a> {
    code: u32,
    range: u32,
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> RangeDecoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = RangeDecoder {
            code: 0,
            range: u32::MAX,
            bytes: bytes.iter(),
        };
        for _ in 0..4 {
            decoder.shift();
        }
        decoder
    }

    fn shift(&mut self) {
        let byte = self.bytes.next().copied().unwrap_or(0);
        self.code = (self.code << 8) | u32::from(byte);
    }

    pub(super) fn bit(&mut self, model: &mut Bit) -> bool {
        let bound = (self.range >> 16) * u32::from(model.p);
        let one = self.code >= bound;
        if one {
            self.code -= bound;
            self.range -= bound;
        } else {
            self.range = bound;
        }
        model.update(one);
        while self.range < TOP {
            self.range <<= 8;
            self.shift();
        }
        one
    }

    pub(super) fn plain(&mut self, count: u32) -> u64 {
        let mut value = 0;
        for _ in 0..count {
            self.range >>= 1;
            let one = self.code >= self.range;
            if one {
                self.code -= self.range;
            }
            value = (value << 1) | u64::from(one);
            while self.range < TOP {
                self.range <<= 8;
                self.shift();
            }
        }
        value
    }

    /// What [`RangeEncoder::unsigned`] wrote, refused from `2^most` on.
    pub(super) fn unsigned(&mut self, most: u32) -> Result<u64> {
        let length = self.plain(6) as u32;
        if length > most {
            return Err(Error::invalid(
                "bytes",
                format!("a number of {length} bits"),
                format!("at most {most} bits there"),
            ));
        }
        if length == 0 {
            return Ok(0);
        }
        Ok((1 << (length - 1)) | self.plain(length - 1))
    }

    /// What [`RangeEncoder::signed`] wrote, refused from `2^most` on (`most` below 63).
    pub(super) fn signed(&mut self, most: u32) -> Result<i64> {
        let size = self.unsigned(most)? as i64;
        Ok(if size != 0 && self.plain(1) == 1 {
            -size
        } else {
            size
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Random;

    #[test]
    fn decisions_come_back_and_cost_their_entropy() {
        for (share, seed) in [(0usize, 1u64), (1, 2), (50, 3), (500, 4), (999, 5)] {
            let mut random = Random(seed);
            let bits: Vec<bool> = (0..20_000).map(|_| random.below(1000) < share).collect();
            let mut encoder = RangeEncoder::new();
            let mut model = Bit::expecting(1 << 15);
            for (i, bit) in bits.iter().enumerate() {
                encoder.bit(&mut model, *bit);
                if i % 100 == 0 {
                    encoder.plain(i as u64, 17);
                    encoder.signed(-(i as i64));
                    encoder.signed(i64::MAX >> (i % 60));
                }
            }
            let bytes = encoder.finish();
            let mut decoder = RangeDecoder::new(&bytes);
            let mut model = Bit::expecting(1 << 15);
            let mut plain = 0.0;
            for (i, bit) in bits.iter().enumerate() {
                assert_eq!(decoder.bit(&mut model), *bit, "{share} {i}");
                if i % 100 == 0 {
                    assert_eq!(decoder.plain(17), i as u64);
                    assert_eq!(decoder.signed(62).unwrap(), -(i as i64));
                    let wide = i64::MAX >> (i % 60);
                    match decoder.clone().signed(62) {
                        Ok(v) => assert_eq!(v, wide),
                        Err(_) => assert_eq!(i % 60, 0),
                    }
                    assert_eq!(decoder.unsigned(63).unwrap() as i64, wide);
                    assert_eq!(decoder.plain(1), 0);
                    let lengths = [i as i64, wide].map(|v| 64 - v.leading_zeros());
                    plain += 17.0 + 14.0 + f64::from(lengths[0] + lengths[1]);
                }
            }
            let p = share as f64 / 1000.0;
            let entropy = if p > 0.0 {
                -(p * p.log2() + (1.0 - p) * (1.0 - p).log2())
            } else {
                0.0
            };
            let ideal = 20_000.0 * entropy + plain;
            let cost = 8.0 * bytes.len() as f64;
            assert!(cost <= 1.01 * ideal + 200.0, "{share}: {cost} {ideal}");
        }
    }

    #[test]
    fn an_empty_stream_is_empty_and_reads_as_zeros() {
        assert!(RangeEncoder::new().finish().is_empty());
        let mut decoder = RangeDecoder::new(&[]);
        assert_eq!(decoder.plain(40), 0);
    }
}
