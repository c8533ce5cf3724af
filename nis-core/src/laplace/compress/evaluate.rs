//! Damped exponentials at the samples, the same to the bit on every machine.
//!
//! Encoder and decoder must agree exactly, and `exp`, `sin` and `cos` differ between C libraries in their last
//! bit. Only sums and products of f64 are used here, which IEEE 754 fixes: the pole's exponential is a Taylor
//! series in double-double numbers (Dekker, Numer. Math. 18 (1971) 224), its powers at every 64th sample are
//! double-double products, and what lies between comes by plain recurrence.

use num_complex::Complex64;

/// Samples between double-double anchors; `2^6`.
const BLOCK: usize = 64;

/// The unevaluated sum of two f64, the second at most half a unit in the last place of the first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Double {
    high: f64,
    low: f64,
}

impl Double {
    const fn new(value: f64) -> Self {
        Double {
            high: value,
            low: 0.0,
        }
    }

    fn quick(high: f64, low: f64) -> Self {
        let sum = high + low;
        Double {
            high: sum,
            low: low - (sum - high),
        }
    }

    fn plus(self, other: Double) -> Self {
        let sum = self.high + other.high;
        let part = sum - self.high;
        let error = (self.high - (sum - part)) + (other.high - part);
        Double::quick(sum, error + self.low + other.low)
    }

    fn minus(self, other: Double) -> Self {
        self.plus(Double {
            high: -other.high,
            low: -other.low,
        })
    }

    fn times(self, other: Double) -> Self {
        // Products without loss by splitting; `mul_add` would be a slow library call where there is no FMA.
        let split = |v: f64| {
            let c = 134_217_729.0 * v;
            let high = c - (c - v);
            (high, v - high)
        };
        let product = self.high * other.high;
        let (a, b) = split(self.high);
        let (c, d) = split(other.high);
        let error = ((a * c - product) + a * d + b * c) + b * d;
        Double::quick(
            product,
            error + self.high * other.low + self.low * other.high,
        )
    }

    fn scaled(self, power_of_two: f64) -> Self {
        Double {
            high: self.high * power_of_two,
            low: self.low * power_of_two,
        }
    }
}

/// A complex double-double number.
#[derive(Debug, Clone, Copy)]
struct Wide {
    re: Double,
    im: Double,
}

impl Wide {
    fn times(self, other: Wide) -> Self {
        Wide {
            re: self.re.times(other.re).minus(self.im.times(other.im)),
            im: self.re.times(other.im).plus(self.im.times(other.re)),
        }
    }

    fn near(self) -> Complex64 {
        Complex64::new(self.re.high, self.im.high)
    }

    /// `e^self` for a real part of at most 64 and an imaginary part of at most 4 in size: Taylor's series at a
    /// 4096th, then 12 squarings.
    fn exp(self) -> Self {
        let small = 1.0 / 4096.0;
        let x = Wide {
            re: self.re.scaled(small),
            im: self.im.scaled(small),
        };
        // Horner from the 16th term: (1/64)^17/17! is below 1e-45.
        let one = Wide {
            re: Double::new(1.0),
            im: Double::new(0.0),
        };
        let mut sum = one;
        for term in (1..=16).rev() {
            let mut next = sum.times(x);
            next = Wide {
                re: divided(next.re, f64::from(term)),
                im: divided(next.im, f64::from(term)),
            };
            sum = Wide {
                re: next.re.plus(one.re),
                im: next.im,
            };
        }
        for _ in 0..12 {
            sum = sum.times(sum);
        }
        sum
    }
}

/// Double-double over a small whole number.
fn divided(a: Double, by: f64) -> Double {
    let quotient = a.high / by;
    let rest = a.minus(Double::new(quotient).times(Double::new(by)));
    Double::quick(quotient, (rest.high + rest.low) / by)
}

/// A pole per sample on its grid: `e^{(-decay + i angle) k}` with `decay = decay_steps / 2^bits`, or the same
/// from the last sample backwards, which describes growth without large numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GridPole {
    /// Fineness of the grid.
    pub(super) bits: u32,
    /// Decay per sample in steps of the grid.
    pub(super) decay_steps: i64,
    /// Angle per sample in steps of the grid, in (0, pi); `None` for a real pole.
    pub(super) angle_steps: Option<i64>,
    /// Whether the mode runs from the last sample backwards.
    pub(super) backward: bool,
}

/// Finest grid: angles then still fit in i64 and the steps of f64 near 1 are passed.
pub(super) const MAX_BITS: u32 = 56;

/// Largest decay per sample.
pub(super) const MAX_DECAY: f64 = 40.0;

/// `2^exponent` for the exponents of normal f64.
pub(super) fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent.clamp(-1022, 1023) + 1023) as u64) << 52)
}

impl GridPole {
    /// Decay per sample.
    pub(super) fn decay(&self) -> f64 {
        self.decay_steps as f64 * power_of_two(-(self.bits as i32))
    }

    /// Angle per sample, 0 for a real pole.
    pub(super) fn angle(&self) -> f64 {
        self.angle_steps.unwrap_or(0) as f64 * power_of_two(-(self.bits as i32))
    }

    /// `e^{(-decay + i angle) k}` for `k = 0..n` counted from the side where the mode begins, handed to `each`
    /// with the index of the sample. Within 1e-14 of the exact value of the grid pole.
    pub(super) fn powers(&self, n: usize, mut each: impl FnMut(usize, Complex64)) {
        let unit = power_of_two(-(self.bits as i32));
        let exact = |steps: i64| {
            let high = steps as f64;
            Double::quick(high, (steps - high as i64) as f64).scaled(unit)
        };
        let exponent = Wide {
            re: exact(-self.decay_steps),
            im: exact(self.angle_steps.unwrap_or(0)),
        };
        let z = exponent.exp();
        let mut jump = z;
        for _ in 0..BLOCK.trailing_zeros() {
            jump = jump.times(jump);
        }
        let step = z.near();
        let mut anchor = Wide {
            re: Double::new(1.0),
            im: Double::new(0.0),
        };
        let mut start = 0;
        while start < n {
            let mut value = anchor.near();
            let end = (start + BLOCK).min(n);
            for k in start..end {
                each(if self.backward { n - 1 - k } else { k }, value);
                value *= step;
            }
            // What is left of the mode is below every signal that it can be part of.
            if anchor.re.high.abs() + anchor.im.high.abs() < 1e-250 {
                break;
            }
            anchor = anchor.times(jump);
            start = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_the_exact_exponential() {
        // mpmath, 40 digits: exp((-3 + 2j*1000003)*k/2^20) for k = 1, 63, 64, 1000, 60000, where the grid has
        // decay 3/2^20 and angle 2000006/2^20.
        let pole = GridPole {
            bits: 20,
            decay_steps: 3,
            angle_steps: Some(2_000_006),
            backward: false,
        };
        let mut all = Vec::new();
        pole.powers(60_001, |k, z| {
            assert_eq!(k, all.len());
            all.push(z);
        });
        for (k, re, im) in GOLDEN {
            let error = (all[k] - Complex64::new(re, im)).norm();
            assert!(error <= 1e-14, "{k} {error:e}");
        }
        let mut last = None;
        GridPole {
            backward: true,
            ..pole
        }
        .powers(1001, |k, z| {
            if k == 0 {
                last = Some(z);
            }
        });
        assert_eq!(last, Some(all[1000]));
    }

    const GOLDEN: [(usize, f64, f64); 5] = [
        (1, -0.3302392431855492, 0.9438942314850262),
        (63, 0.7088113183043285, 0.7051426033933788),
        (64, -0.8996573490355166, 0.4361771548762351),
        (1000, -0.9154463785502497, -0.3952875179221087),
        (60_000, 0.6570911022934249, -0.5269160211075149),
    ];

    #[test]
    fn a_steep_decay_ends_in_zeros() {
        let pole = GridPole {
            bits: 10,
            decay_steps: 40 << 10,
            angle_steps: None,
            backward: false,
        };
        let mut last = 0;
        pole.powers(10_000, |k, z| {
            assert!(z.re >= 0.0 && z.im == 0.0);
            last = k;
        });
        assert_eq!(last, 127);
    }
}
