//! The two number types of the fast path, and their vectors.

use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Mul, Sub};

use pulp::Simd;

use crate::error::{Error, Result};

/// Inputs that are looked at together: their positions and function values are computed side by side.
pub(super) const TILE: usize = 8;

/// One number per input of a tile.
pub(super) type Eight<T> = [T; TILE];

/// `f32` or `f64`.
pub trait Real:
    Copy
    + Debug
    + Display
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + AddAssign
    + Vectors
{
    /// The nearest number of this type.
    fn of(value: f64) -> Self;
    /// As 64 bits.
    fn as_f64(self) -> f64;
    /// `1 / self`.
    fn reciprocal(self) -> Self;
    /// Name as in other places of the library: `f32` or `f64`.
    const NAME: &'static str;
}

/// What the kernels need of a number type.
pub trait Vectors: Sized {
    /// A vector of the instruction set `S`.
    type V<S: Simd>: Copy;
    /// A slice as vectors; its length is a multiple of 8.
    fn vectors<S: Simd>(slice: &[Self]) -> &[Self::V<S>];
    /// The same to write to.
    fn vectors_mut<S: Simd>(slice: &mut [Self]) -> &mut [Self::V<S>];
    /// One number in every lane.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::V<S>;
    /// `a b + c`, rounded once where the processor can.
    fn fma<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>, c: Self::V<S>) -> Self::V<S>;
    /// Sum of the lanes in a fixed order.
    fn sum<S: Simd>(simd: S, v: Self::V<S>) -> Self;
    /// `e^x` for each number, with x taken into the range where neither overflow nor underflow occurs. Relative
    /// error at most 2 units in the last place (tests: `exponentials_are_accurate`). NaN stays NaN.
    fn exp8(x: Eight<Self>) -> Eight<Self>;
    /// Below this, `1 / (1 + e^-x)` counts as 0.
    const SIGMOID_ZERO: Self;
    /// Whole part of a number from 0 to 2^20, 0 for NaN: the number and as an index.
    fn whole8(x: Eight<Self>) -> (Eight<Self>, [u32; TILE]);
}

macro_rules! vectors {
    ($t:ty, $v:ident, $as_simd:ident, $as_mut_simd:ident, $splat:ident, $fma:ident, $sum:ident) => {
        type V<S: Simd> = S::$v;
        #[inline(always)]
        fn vectors<S: Simd>(slice: &[Self]) -> &[Self::V<S>] {
            S::$as_simd(slice).0
        }
        #[inline(always)]
        fn vectors_mut<S: Simd>(slice: &mut [Self]) -> &mut [Self::V<S>] {
            S::$as_mut_simd(slice).0
        }
        #[inline(always)]
        fn splat<S: Simd>(simd: S, value: Self) -> Self::V<S> {
            simd.$splat(value)
        }
        #[inline(always)]
        fn fma<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>, c: Self::V<S>) -> Self::V<S> {
            simd.$fma(a, b, c)
        }
        #[inline(always)]
        fn sum<S: Simd>(simd: S, v: Self::V<S>) -> Self {
            simd.$sum(v)
        }
    };
}

/// `e^x = 2^k e^r` with `k` the whole number nearest to `x / ln 2` and `|r| <= ln 2 / 2`; `e^r` by its Taylor
/// series. `k` is found by adding a number so large that the fraction is rounded away; its low bits are then `k`.
macro_rules! exp8 {
    ($t:ty, $bits:ty, $low:expr, $high:expr, $magic:expr, $ln2_high:expr, $ln2_low:expr, $mantissa:expr, $bias:expr,
     $series:expr) => {
        #[inline(always)]
        fn exp8(x: Eight<Self>) -> Eight<Self> {
            let mut out = x;
            for v in &mut out {
                let x = *v;
                let x = if x < $low { $low } else { x };
                let x = if x > $high { $high } else { x };
                let shifted = x * <$t>::of(std::f64::consts::LOG2_E) + $magic;
                let k = shifted - $magic;
                let r = (x - k * $ln2_high) - k * $ln2_low;
                let mut sum = $series[0];
                for c in &$series[1..] {
                    sum = sum * r + c;
                }
                let exponent = shifted
                    .to_bits()
                    .wrapping_sub(<$t>::to_bits($magic))
                    .wrapping_add($bias);
                *v = sum * <$t>::from_bits(exponent << $mantissa);
            }
            out
        }
        const SIGMOID_ZERO: Self = -$high;
        #[inline(always)]
        fn whole8(x: Eight<Self>) -> (Eight<Self>, [u32; TILE]) {
            let mut number = x;
            let mut index = [0; TILE];
            for (v, index) in number.iter_mut().zip(&mut index) {
                // NaN goes to 0; the rounded number is lowered where rounding went up.
                let x = if *v >= 0.0 { *v } else { 0.0 };
                let near = x + $magic - $magic;
                let down = if near > x { near - 1.0 } else { near };
                *index = ((down + $magic).to_bits() & 0x1f_ffff) as u32;
                *v = down;
            }
            (number, index)
        }
    };
}

impl Vectors for f32 {
    vectors!(
        f32,
        f32s,
        as_simd_f32s,
        as_mut_simd_f32s,
        splat_f32s,
        mul_add_e_f32s,
        reduce_sum_f32s
    );
    exp8!(
        f32,
        u32,
        -87.0,
        88.0,
        12_582_912.0,
        0.693_359_375,
        -2.121_944_4e-4,
        23,
        127,
        SERIES_F32
    );
}

impl Vectors for f64 {
    vectors!(
        f64,
        f64s,
        as_simd_f64s,
        as_mut_simd_f64s,
        splat_f64s,
        mul_add_e_f64s,
        reduce_sum_f64s
    );
    exp8!(
        f64,
        u64,
        -708.0,
        709.0,
        6_755_399_441_055_744.0,
        0.693_147_180_369_123_8,
        1.908_214_929_270_587_7e-10,
        52,
        1023,
        SERIES_F64
    );
}

/// `1/n!`, highest first: the term left out is below 2^-25 at `r = ln 2 / 2`.
const SERIES_F32: [f32; 8] = [
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// The same below 2^-54.
const SERIES_F64: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

impl Real for f32 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        1.0 / self
    }
    const NAME: &'static str = "f32";
}

impl Real for f64 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn as_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn reciprocal(self) -> Self {
        1.0 / self
    }
    const NAME: &'static str = "f64";
}

/// `value` in this type.
///
/// # Errors
/// [`Error::InvalidInput`] where it is too large for the type.
pub(super) fn fitting<T: Real>(field: &str, value: f64) -> Result<T> {
    let new = T::of(value);
    if new.as_f64().is_finite() || !value.is_finite() {
        return Ok(new);
    }
    Err(Error::invalid(
        field,
        value,
        format!("a value that {} can hold", T::NAME),
    ))
}
