//! The modal part of a segment as it stands in a container: quantised poles and amplitudes.

use super::evaluate::{GridPole, MAX_BITS, MAX_DECAY, power_of_two};
use super::range::{RangeDecoder, RangeEncoder};
use crate::error::{Error, Result};

/// Most modes of a segment.
pub(super) const MAX_MODES: usize = 63;

/// Bits of an amplitude without its sign: the mantissa of f64.
pub(super) const AMPLITUDE_BITS: u32 = 53;

/// Range of the amplitudes' exponent.
const EXPONENTS: std::ops::RangeInclusive<i32> = -1022..=1023;

/// What is added to the exponent to write it in 11 bits.
const EXPONENT_BIAS: i32 = 1022;

/// One mode: `Re((re + i im) 2^exponent z^k)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GridMode {
    pub(super) pole: GridPole,
    pub(super) re: i64,
    /// 0 for a real pole.
    pub(super) im: i64,
}

/// Offset, slope and modes of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Amplitudes are in steps of `2^exponent`.
    pub(super) exponent: i32,
    pub(super) offset: i64,
    /// Rise over `2^L` samples, the least power of two not below the segment's length.
    pub(super) slope: i64,
    pub(super) modes: Vec<GridMode>,
}

/// `2^-L` of the slope.
pub(super) fn slope_unit(n: usize) -> f64 {
    power_of_two(-(n.next_power_of_two().trailing_zeros() as i32))
}

impl Parameters {
    /// Whether the numbers fit their places.
    pub(super) fn fits(&self) -> bool {
        let amplitude = |v: i64| v.unsigned_abs() < 1 << AMPLITUDE_BITS;
        EXPONENTS.contains(&self.exponent)
            && self.modes.len() <= MAX_MODES
            && amplitude(self.offset)
            && amplitude(self.slope)
            && self.modes.iter().all(|m| {
                let angle = m.pole.angle();
                amplitude(m.re)
                    && amplitude(m.im)
                    && m.pole.bits <= MAX_BITS
                    && m.pole.decay_steps >= 0
                    && m.pole.decay() <= MAX_DECAY
                    && m.pole
                        .angle_steps
                        .is_none_or(|steps| steps > 0 && angle < std::f64::consts::PI)
            })
    }

    /// The size of one step of the amplitudes.
    pub(super) fn unit(&self) -> f64 {
        power_of_two(self.exponent)
    }

    /// The model at `n` samples; costs `4 n` operations per mode.
    pub(super) fn evaluate(&self, n: usize) -> Vec<f64> {
        let unit = self.unit();
        let offset = self.offset as f64 * unit;
        let mut out = vec![offset; n];
        if self.slope != 0 {
            let (slope, each) = (self.slope as f64 * unit, slope_unit(n));
            for (k, v) in out.iter_mut().enumerate() {
                *v += slope * (k as f64 * each);
            }
        }
        for mode in &self.modes {
            let (re, im) = (mode.re as f64 * unit, mode.im as f64 * unit);
            mode.pole.powers(n, |k, z| {
                if let Some(v) = out.get_mut(k) {
                    *v += re * z.re - im * z.im;
                }
            });
        }
        out
    }

    pub(super) fn write(&self, out: &mut RangeEncoder) {
        out.plain(self.modes.len() as u64, 6);
        out.plain((self.exponent + EXPONENT_BIAS) as u64, 11);
        out.signed(self.offset);
        out.signed(self.slope);
        for mode in &self.modes {
            out.plain(u64::from(mode.pole.angle_steps.is_some()), 1);
            out.plain(u64::from(mode.pole.backward), 1);
            out.plain(u64::from(mode.pole.bits), 6);
            out.unsigned(mode.pole.decay_steps as u64);
            out.signed(mode.re);
            if let Some(steps) = mode.pole.angle_steps {
                out.unsigned(steps as u64);
                out.signed(mode.im);
            }
        }
    }

    /// # Errors
    /// [`Error::InvalidInput`] for numbers that no encoder writes.
    pub(super) fn read(from: &mut RangeDecoder<'_>) -> Result<Self> {
        let count = from.plain(6) as usize;
        let exponent = from.plain(11) as i32 - EXPONENT_BIAS;
        let offset = from.signed(AMPLITUDE_BITS)?;
        let slope = from.signed(AMPLITUDE_BITS)?;
        let mut modes = Vec::new();
        for _ in 0..count {
            let pair = from.plain(1) == 1;
            let backward = from.plain(1) == 1;
            let bits = from.plain(6) as u32;
            let decay_steps = from.unsigned(62)? as i64;
            let re = from.signed(AMPLITUDE_BITS)?;
            let (angle_steps, im) = if pair {
                (
                    Some(from.unsigned(62)? as i64),
                    from.signed(AMPLITUDE_BITS)?,
                )
            } else {
                (None, 0)
            };
            modes.push(GridMode {
                pole: GridPole {
                    bits,
                    decay_steps,
                    angle_steps,
                    backward,
                },
                re,
                im,
            });
        }
        let parameters = Parameters {
            exponent,
            offset,
            slope,
            modes,
        };
        if parameters.fits() {
            Ok(parameters)
        } else {
            Err(Error::invalid(
                "bytes",
                "a pole or amplitude out of its range",
                "poles and amplitudes in their ranges (docs/compression.md)",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_back_and_evaluate_to_their_closed_form() {
        let n = 200;
        let parameters = Parameters {
            exponent: -10,
            offset: 2048,
            slope: -256,
            modes: vec![
                GridMode {
                    pole: GridPole {
                        bits: 20,
                        decay_steps: 5000,
                        angle_steps: Some(300_000),
                        backward: false,
                    },
                    re: 3000,
                    im: -1000,
                },
                GridMode {
                    pole: GridPole {
                        bits: 16,
                        decay_steps: 900,
                        angle_steps: None,
                        backward: true,
                    },
                    re: 1 << 12,
                    im: 0,
                },
            ],
        };
        let mut out = RangeEncoder::new();
        parameters.write(&mut out);
        let bytes = out.finish();
        let back = Parameters::read(&mut RangeDecoder::new(&bytes)).unwrap();
        assert_eq!(back, parameters);
        let (decay, angle) = (5000.0 / 1048576.0, 300_000.0 / 1048576.0);
        for (k, v) in parameters.evaluate(n).iter().enumerate() {
            let t = k as f64;
            let pair = (-decay * t).exp()
                * (3000.0 * (angle * t).cos() + 1000.0 * (angle * t).sin())
                / 1024.0;
            let real = 4.0 * (-900.0 / 65536.0 * (199.0 - t)).exp();
            let want = 2.0 - 0.25 * t / 256.0 + pair + real;
            assert!((v - want).abs() <= 1e-13, "{k}: {v} {want}");
        }
    }
}
