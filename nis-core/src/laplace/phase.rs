//! Angles in turns as fixed-point fractions, so that phases of long chirps are exact.
//!
//! The chirp of a chirp-z transform turns by `n^2 theta / 2`; at n = 1e6 a phase computed in floating point
//! has lost twelve digits. Here an angle is an integer multiple of 2^-128 turns: sums and integer multiples
//! wrap around as angles do and are exact, so the only error is that of the angle one starts from.

use num_complex::Complex64;
use std::f64::consts::TAU;
use std::sync::LazyLock;

/// `1/(2 pi)` in three parts.
const TURNS_PER_RADIAN: [f64; 3] = [
    0.15915494309189535,
    -9.839338337591243e-18,
    -5.360718141446502e-34,
];

/// An angle modulo one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::laplace) struct Turns(pub(super) u128);

impl Turns {
    /// The angle of `a b scale` radians, for `scale` a power of two. The products are kept to about 2^-104 of
    /// their size.
    pub(in crate::laplace) fn of_product(a: f64, b: f64, scale: f64) -> Self {
        let p = a * b;
        let e = a.mul_add(b, -p);
        let (p, e) = (p * scale, e * scale);
        let [h, m, l] = TURNS_PER_RADIAN;
        let q = p * h;
        let r = p.mul_add(h, -q);
        let pm = p * m;
        let parts = [q, r, pm, p.mul_add(m, -pm), p * l, e * h, e * m];
        Turns(
            parts
                .iter()
                .fold(0, |sum, part| sum.wrapping_add(fixed(*part))),
        )
    }

    /// Half a turn.
    pub(in crate::laplace) fn half() -> Self {
        Turns(1 << 127)
    }

    pub(in crate::laplace) fn times(self, n: u128) -> Self {
        Turns(self.0.wrapping_mul(n))
    }

    pub(in crate::laplace) fn plus(self, other: Self) -> Self {
        Turns(self.0.wrapping_add(other.0))
    }

    pub(in crate::laplace) fn negated(self) -> Self {
        Turns(self.0.wrapping_neg())
    }

    /// `e^{j angle}`, to about 2e-16.
    pub(in crate::laplace) fn cis(self) -> Complex64 {
        // The upper bits choose a table entry, the rest is a small angle to either side of it.
        const REST_BITS: u32 = 64 - TABLE_BITS;
        let top = (self.0 >> 64) as u64;
        let index = (top.wrapping_add(1 << (REST_BITS - 1))) >> REST_BITS;
        let rest = top.wrapping_sub(index << REST_BITS) as i64;
        let r = rest as f64 * (TAU / 18_446_744_073_709_551_616.0);
        let r2 = r * r;
        let sin = r * (1.0 - r2 * (1.0 / 6.0 - r2 * (1.0 / 120.0)));
        // 1 - cos, so that the sum below keeps the last bits.
        let less = r2 * (0.5 - r2 * (1.0 / 24.0));
        let (c, s) = TABLE[index as usize % TABLE_SIZE];
        Complex64::new(c - (c * less + s * sin), s - (s * less - c * sin))
    }
}

const TABLE_BITS: u32 = 10;
const TABLE_SIZE: usize = 1 << TABLE_BITS;

static TABLE: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    let eighth = TABLE_SIZE / 8;
    // Angles up to an eighth of a turn, where the argument's rounding matters least; the rest by symmetry.
    let first = |k: usize| (TAU * k as f64 / TABLE_SIZE as f64).sin_cos();
    (0..TABLE_SIZE)
        .map(|k| {
            let within = k % (2 * eighth);
            let (s, c) = if within <= eighth {
                first(within)
            } else {
                let (s, c) = first(2 * eighth - within);
                (c, s)
            };
            match k / (2 * eighth) {
                0 => (c, s),
                1 => (-s, c),
                2 => (-c, -s),
                _ => (s, -c),
            }
        })
        .collect()
});

/// `x` modulo 1 as a multiple of 2^-128, rounded towards zero; 0 for what is not finite.
fn fixed(x: f64) -> u128 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    if exponent == 0x7ff {
        return 0;
    }
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if exponent == 0 {
        (fraction, -1074)
    } else {
        (fraction | (1 << 52), exponent - 1075)
    };
    // x = mantissa 2^exponent.
    let shift = exponent + 128;
    let mantissa = u128::from(mantissa);
    let magnitude = match shift {
        128.. => 0,
        0..128 => mantissa << shift,
        -127..0 => mantissa >> -shift,
        _ => 0,
    };
    if x < 0.0 {
        magnitude.wrapping_neg()
    } else {
        magnitude
    }
}

/// Samples between two exact exponentials of [`decay`].
const STRIDE: usize = 64;

/// `e^{-a n}` for `n` in a range, handed one by one to `take`: a table of [`STRIDE`] values times one exact value
/// per stride, so that the error is that of one exponential.
pub(in crate::laplace) fn decay(a: f64, range: std::ops::Range<usize>, mut take: impl FnMut(f64)) {
    if a == 0.0 {
        range.for_each(|_| take(1.0));
        return;
    }
    let table: Vec<f64> = (0..STRIDE).map(|k| (-a * k as f64).exp()).collect();
    let mut at = range.start;
    while at < range.end {
        let base = (-a * at as f64).exp();
        let end = (at + STRIDE).min(range.end);
        for step in &table[..end - at] {
            take(base * step);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_point_of_exact_fractions() {
        assert_eq!(fixed(0.5), 1 << 127);
        assert_eq!(fixed(-0.25), 3 << 126);
        assert_eq!(fixed(7.0), 0);
        assert_eq!(fixed(1e300), 0);
        assert_eq!(fixed(3.75), 3 << 126);
        assert_eq!(fixed(f64::NAN), 0);
        assert_eq!(fixed(2f64.powi(-128)), 1);
        assert_eq!(fixed(5e-324), 0);
    }

    #[test]
    fn angles_agree_with_the_library_and_squares_stay_exact() {
        for k in 0..4001 {
            let x = (k as f64 - 2000.0) * 0.0137;
            let got = Turns::of_product(x, 1.0, 1.0).cis();
            let expected = Complex64::new(x.cos(), x.sin());
            assert!((got - expected).norm() <= 4e-16 + 1e-16 * x.abs(), "{x}");
        }
        // 0.3 * 0.01 / 2 * n^2 radians at n = 123457, from 60 digits:
        // (0.3 and 0.01 as f64) cos, sin.
        let alpha = Turns::of_product(0.3, 0.01, 0.5);
        let z = alpha.times(123_457 * 123_457).cis();
        let expected = Complex64::new(COS_REFERENCE, SIN_REFERENCE);
        assert!((z - expected).norm() <= 4e-16, "{z}");
    }

    const COS_REFERENCE: f64 = -0.5122849081223572;
    const SIN_REFERENCE: f64 = 0.8588155639659008;

    #[test]
    fn decay_is_the_exponential() {
        for a in [0.0, 1e-4, -2e-4, 0.3] {
            let mut n = 1000usize;
            decay(a, 1000..1500, |v| {
                let expected = (-a * n as f64).exp();
                assert!((v - expected).abs() <= 4e-16 * expected * (1.0 + a.abs() * n as f64));
                n += 1;
            });
            assert_eq!(n, 1500);
        }
    }
}
