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
    /// Name as in other places of the library: `f32` or `f64`.
    const NAME: &'static str;
}

/// What the kernels need of a number type.
pub trait Vectors: Sized + 'static {
    /// A vector of the instruction set `S`.
    type V<S: Simd>: Copy;
    /// Numbers per vector.
    fn lanes<S: Simd>() -> usize;
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
    /// `a + b`
    fn plus<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// `a - b`
    fn minus<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// `a b`
    fn times<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// `a / b`
    fn over<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// In each lane `then` where the first of `pair` is less than the second, else `other`, also where one of both is NaN.
    fn where_less<S: Simd>(
        simd: S,
        pair: [Self::V<S>; 2],
        then: Self::V<S>,
        other: Self::V<S>,
    ) -> Self::V<S>;
    /// Added to a number from 0 to 2^20, it rounds the number to a whole one, which its low bits then are.
    const ROUND: Self;
    /// Smallest and largest argument of the exponential function that stays clear of underflow and overflow.
    const EXP_RANGE: [Self; 2];
    /// `ln 2` in a part that whole numbers multiply without rounding, and the rest.
    const LN_2: [Self; 2];
    /// `1/n!`, highest first: the Taylor series of `e^r` for `|r| <= ln 2 / 2`.
    const EXP_SERIES: &[Self];
    /// `2^k` from numbers `k + ROUND`.
    fn power8(rounded: &Eight<Self>) -> Eight<Self>;
    /// Whole numbers `k` from numbers `k + ROUND`, 0 to 2^20.
    fn whole8(rounded: &Eight<Self>) -> [u32; TILE];
}

macro_rules! vectors {
    ($v:ident, $m:ident, $lanes:ident,
     [$as_simd:ident, $as_mut_simd:ident, $splat:ident, $fma:ident, $sum:ident],
     [$add:ident, $sub:ident, $mul:ident, $div:ident, $less:ident, $select:ident]) => {
        type V<S: Simd> = S::$v;
        #[inline(always)]
        fn lanes<S: Simd>() -> usize {
            S::$lanes
        }
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
        #[inline(always)]
        fn plus<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S> {
            simd.$add(a, b)
        }
        #[inline(always)]
        fn minus<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S> {
            simd.$sub(a, b)
        }
        #[inline(always)]
        fn times<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S> {
            simd.$mul(a, b)
        }
        #[inline(always)]
        fn over<S: Simd>(simd: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S> {
            simd.$div(a, b)
        }
        #[inline(always)]
        fn where_less<S: Simd>(
            simd: S,
            [a, b]: [Self::V<S>; 2],
            then: Self::V<S>,
            other: Self::V<S>,
        ) -> Self::V<S> {
            simd.$select(simd.$less(a, b), then, other)
        }
    };
}

macro_rules! numbers {
    ($t:ty, $round:expr, $range:expr, $ln_2:expr, $series:expr, $mantissa:expr, $bias:expr) => {
        const ROUND: Self = $round;
        const EXP_RANGE: [Self; 2] = $range;
        const LN_2: [Self; 2] = $ln_2;
        const EXP_SERIES: &[Self] = &$series;
        #[inline(always)]
        fn power8(rounded: &Eight<Self>) -> Eight<Self> {
            // The bits of ROUND below `mantissa` but for the highest are 0, and shifted out.
            let mut out = *rounded;
            for v in &mut out {
                *v = <$t>::from_bits(v.to_bits().wrapping_add($bias) << $mantissa);
            }
            out
        }
        #[inline(always)]
        fn whole8(rounded: &Eight<Self>) -> [u32; TILE] {
            let mut out = [0; TILE];
            for (to, v) in out.iter_mut().zip(rounded) {
                *to = (v.to_bits() & 0x1f_ffff) as u32;
            }
            out
        }
    };
}

impl Vectors for f32 {
    vectors!(
        f32s,
        m32s,
        F32_LANES,
        [
            as_simd_f32s,
            as_mut_simd_f32s,
            splat_f32s,
            mul_add_e_f32s,
            reduce_sum_f32s
        ],
        [
            add_f32s,
            sub_f32s,
            mul_f32s,
            div_f32s,
            less_than_f32s,
            select_f32s
        ]
    );
    numbers!(
        f32,
        12_582_912.0,
        [-87.0, 88.0],
        [355.0 / 512.0, -2.121_944_4e-4],
        SERIES_F32,
        23,
        127
    );
}

impl Vectors for f64 {
    vectors!(
        f64s,
        m64s,
        F64_LANES,
        [
            as_simd_f64s,
            as_mut_simd_f64s,
            splat_f64s,
            mul_add_e_f64s,
            reduce_sum_f64s
        ],
        [
            add_f64s,
            sub_f64s,
            mul_f64s,
            div_f64s,
            less_than_f64s,
            select_f64s
        ]
    );
    numbers!(
        f64,
        6_755_399_441_055_744.0,
        [-708.0, 709.0],
        [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10],
        SERIES_F64,
        52,
        1023
    );
}

/// The term left out is below 2^-25 at `r = ln 2 / 2`.
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

/// `e^x` for eight numbers, with `x` taken into [`Vectors::EXP_RANGE`]; NaN stays NaN. Relative error at most 2 units
/// in the last place (tests: `exponentials_are_accurate`).
///
/// `e^x = 2^k e^r` with `k` the whole number nearest to `x / ln 2`.
#[inline(always)]
pub(super) fn exp8<T: Real, S: Simd>(simd: S, x: &Eight<T>) -> Eight<T> {
    let splat = |v: T| T::splat(simd, v);
    let [low, high] = T::EXP_RANGE.map(splat);
    let (inverse, round) = (splat(T::of(std::f64::consts::LOG2_E)), splat(T::ROUND));
    let [ln_2, rest] = T::LN_2.map(|v| splat(T::default() - v));
    let mut out = *x;
    let mut powers = *x;
    let vectors = T::vectors_mut::<S>(&mut out).iter_mut();
    for (v, power) in vectors.zip(T::vectors_mut::<S>(&mut powers)) {
        let x = T::where_less(simd, [*v, low], low, *v);
        let x = T::where_less(simd, [high, x], high, x);
        *power = T::fma(simd, x, inverse, round);
        let k = T::minus(simd, *power, round);
        let r = T::fma(simd, k, rest, T::fma(simd, k, ln_2, x));
        let mut sum = splat(T::EXP_SERIES[0]);
        for c in &T::EXP_SERIES[1..] {
            sum = T::fma(simd, sum, r, splat(*c));
        }
        *v = sum;
    }
    let powers = T::power8(&powers);
    let vectors = T::vectors_mut::<S>(&mut out).iter_mut();
    for (v, power) in vectors.zip(T::vectors::<S>(&powers)) {
        *v = T::times(simd, *v, *power);
    }
    out
}

impl Real for f32 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn as_f64(self) -> f64 {
        f64::from(self)
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

/// A list that begins at a multiple of 64 bytes, so that no vector of it lies across two lines of the cache.
#[derive(Debug, Clone, Default)]
pub(super) struct Aligned<T> {
    all: Vec<T>,
    from: usize,
    length: usize,
}

impl<T: Real> Aligned<T> {
    /// A list of this length, whose values are whatever they were.
    pub(super) fn fit(&mut self, length: usize) -> &mut [T] {
        let spare = 64 / size_of::<T>();
        if self.all.len() < length + spare {
            self.all.resize(length + spare, T::default());
        }
        // Where the offset is not known (it may be any number then), the list is only slower.
        self.from = self.all.as_ptr().align_offset(64).min(spare);
        self.length = length;
        &mut self.all[self.from..self.from + length]
    }

    pub(super) fn copy(values: &[T]) -> Self {
        let mut out = Aligned::default();
        out.fit(values.len()).copy_from_slice(values);
        out
    }
}

impl<T: Real> std::ops::Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.all[self.from..self.from + self.length]
    }
}
