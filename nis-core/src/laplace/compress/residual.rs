//! Entropy coding of integers of unknown and changing scale.
//!
//! A running mean of the sizes normalises each integer to a few units, as adaptive Golomb-Rice codes do (Rice,
//! JPL 79-22, 1979; Weinberger, Seroussi and Sapiro, IEEE Trans. Image Process. 9 (2000) 1309, section III);
//! the quotient is then coded in unary by adaptive binary decisions instead of a fixed code, so that a long run
//! of zeros costs a hundredth of a bit each and every distribution of quotients is learnt.

use super::range::{Bit, RangeDecoder, RangeEncoder};
use crate::error::{Error, Result};

/// Quotients from here on are escaped.
const ESCAPE: usize = 18;

/// The running mean moves by one part in this many.
const RATE: i64 = 32;

/// Contexts: two per octave of the running mean below the normalised range.
const CONTEXTS: usize = 20;

/// Largest size of an integer: what sums of a few of them leave exact in f64.
pub(super) const LARGEST: i64 = 1 << 53;

/// The state that encoder and decoder share.
pub(super) struct Model {
    /// 256 times the running mean of the sizes.
    mean: i64,
    bits: [[Bit; ESCAPE]; CONTEXTS],
}

/// Index of a mean that starts a [`Model`]: two steps per octave, 7 bits.
pub(super) fn start_index(mean: f64) -> u64 {
    let steps = 2.0 * (256.0 * mean.max(1.0 / 256.0)).log2();
    steps.round().clamp(0.0, 127.0) as u64
}

/// Chance in 65536 that a quotient ends at a number that it has reached, before anything is learnt: that of a
/// geometric distribution with the context's mean. Whole numbers only, as the decoder must find the same.
fn ends(context: usize) -> u16 {
    let octave = 1u64 << (context / 2);
    // A quarter and three quarters of an octave above its start.
    let mean = octave * if context.is_multiple_of(2) { 119 } else { 168 } / 100;
    (65535 * 256 / (256 + mean)) as u16
}

impl Model {
    pub(super) fn new(start: u64) -> Self {
        let octave = (start / 2).min(61) as u32;
        let whole = 1i64 << octave;
        // The square root of 2 within a percent.
        let half = if start % 2 == 1 {
            (whole >> 2) + (whole >> 3) + (whole >> 5)
        } else {
            0
        };
        Model {
            mean: whole + half,
            bits: std::array::from_fn(|context| [Bit::expecting(ends(context)); ESCAPE]),
        }
    }

    /// Context and shift for the next integer.
    fn place(&self) -> (usize, u32) {
        let mean = self.mean.max(1) as u64;
        let octave = 63 - mean.leading_zeros();
        let half = if octave == 0 {
            0
        } else {
            (mean >> (octave - 1)) & 1
        };
        // Above a mean of 2 the shift keeps the quotients' mean in 2 to 4.
        let shift = octave.saturating_sub(9);
        ((octave.min(9) as usize) * 2 + half as usize, shift)
    }

    fn learn(&mut self, size: u64) {
        let size = size.min(1 << 54) as i64;
        self.mean += ((size << 8) - self.mean) / RATE;
    }

    pub(super) fn write(&mut self, out: &mut RangeEncoder, value: i64) {
        let (context, shift) = self.place();
        let size = value.unsigned_abs();
        let quotient = size >> shift;
        for (i, bit) in self.bits[context].iter_mut().enumerate() {
            let more = quotient > i as u64;
            out.bit(bit, more);
            if !more {
                break;
            }
        }
        if quotient >= ESCAPE as u64 {
            out.unsigned(quotient - ESCAPE as u64);
        }
        out.plain(size, shift);
        if size != 0 {
            out.plain(u64::from(value < 0), 1);
        }
        self.learn(size);
    }

    /// # Errors
    /// [`Error::InvalidInput`] for an integer over [`LARGEST`] in size.
    pub(super) fn read(&mut self, from: &mut RangeDecoder<'_>) -> Result<i64> {
        let (context, shift) = self.place();
        let mut quotient = 0u64;
        for bit in &mut self.bits[context] {
            if !from.bit(bit) {
                break;
            }
            quotient += 1;
        }
        if quotient == ESCAPE as u64 {
            quotient += from.unsigned(54)?;
        }
        let size = (u128::from(quotient) << shift) | u128::from(from.plain(shift));
        if size > LARGEST as u128 {
            return Err(Error::invalid(
                "bytes",
                format!("a residual of {size}"),
                "residuals to 2^53",
            ));
        }
        let size = size as i64;
        self.learn(size as u64);
        Ok(if size != 0 && from.plain(1) == 1 {
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

    fn cost(values: &[i64], start: f64) -> f64 {
        let index = start_index(start);
        let mut encoder = RangeEncoder::new();
        let mut model = Model::new(index);
        for v in values {
            model.write(&mut encoder, *v);
        }
        let bytes = encoder.finish();
        let mut decoder = RangeDecoder::new(&bytes);
        let mut model = Model::new(index);
        for v in values {
            assert_eq!(model.read(&mut decoder).unwrap(), *v);
        }
        8.0 * bytes.len() as f64 / values.len() as f64
    }

    #[test]
    fn gaussian_integers_cost_little_more_than_their_entropy() {
        for sigma in [0.2, 1.0, 10.0, 3e5] {
            let mut random = Random(1);
            let values: Vec<i64> = (0..20_000)
                .map(|_| (sigma * random.normal()).round() as i64)
                .collect();
            // Entropy of the rounded normal distribution from its cell probabilities, or for wide ones from
            // the density: log2(sigma sqrt(2 pi e)).
            let entropy = if sigma > 100.0 {
                f64::log2(sigma) + 0.5 * (std::f64::consts::TAU * std::f64::consts::E).log2()
            } else {
                let mut counts = std::collections::BTreeMap::new();
                for v in &values {
                    *counts.entry(*v).or_insert(0.0) += 1.0;
                }
                let n = values.len() as f64;
                counts.values().map(|c: &f64| -c / n * (c / n).log2()).sum()
            };
            let cost = cost(&values, sigma);
            assert!(cost <= entropy * 1.01 + 0.03, "{sigma}: {cost} {entropy}");
        }
    }

    #[test]
    fn runs_of_zeros_cost_next_to_nothing() {
        assert!(cost(&[0; 20_000], 0.0) <= 0.01);
    }

    #[test]
    fn extremes_come_back() {
        let values = [
            0,
            LARGEST,
            -LARGEST,
            1,
            -1,
            LARGEST,
            0,
            0,
            5,
            i64::from(i32::MIN),
        ];
        for start in [0.0, 1.0, 1e300, f64::INFINITY] {
            cost(&values, start);
        }
    }

    #[test]
    fn noise_as_input_ends_in_a_value_or_an_error() {
        let mut random = Random(9);
        for _ in 0..300 {
            let bytes: Vec<u8> = (0..random.below(60)).map(|_| random.bits() as u8).collect();
            let mut decoder = RangeDecoder::new(&bytes);
            let mut model = Model::new(decoder.plain(7));
            for _ in 0..200 {
                if model.read(&mut decoder).is_err() {
                    break;
                }
            }
        }
    }
}
