//! The two number types of the kernels, their vectors, and `tanh` of a vector.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Deref, DerefMut, Mul, Sub};

use pulp::Simd;
use pulp::bytemuck::{Pod, cast_slice_mut};

/// `f32` or `f64`.
pub trait Real:
    Copy
    + Debug
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
}

/// What the kernels need of a number type.
pub trait Vectors: Sized + 'static {
    /// A vector of the instruction set `S`.
    type V<S: Simd>: Copy + Pod;
    /// Numbers per vector.
    fn lanes<S: Simd>() -> usize;
    /// A slice as vectors, without the numbers at its end that fill none.
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
    /// The lesser of `v` and a number; NaN stays NaN.
    fn at_most<S: Simd>(simd: S, v: Self::V<S>, most: Self::V<S>) -> Self::V<S>;
    /// The size and, in the sign bit of zeros, the sign.
    fn size_and_sign<S: Simd>(simd: S, v: Self::V<S>) -> [Self::V<S>; 2];
    /// A number that is not negative with a sign from [`Vectors::size_and_sign`].
    fn signed<S: Simd>(simd: S, size: Self::V<S>, sign: Self::V<S>) -> Self::V<S>;
    /// `2^k` from numbers `k + ROUND`, `k` from 0 to 100.
    fn power<S: Simd>(rounded: Self::V<S>) -> Self::V<S>;
    /// Added to a number from 0 to 100, it rounds the number to a whole one, which its low bits then are.
    const ROUND: Self;
    /// `tanh` is 1 in this type from half of this on.
    const FAR: Self;
    /// `-ln 2` in a part that small whole numbers multiply without rounding, and the rest.
    const LN_2: [Self; 2];
    /// `1/n!` for `n` from high to 2: of the Taylor series of `(e^r - 1 - r)/r^2` for `|r| <= ln 2 / 2`.
    const SERIES: &[Self];
}

macro_rules! vectors {
    ($t:ty, $bits:ty, $v:ident, $lanes:ident,
     [$as_simd:ident, $as_mut_simd:ident, $splat:ident, $fma:ident, $sum:ident],
     [$add:ident, $sub:ident, $mul:ident, $div:ident, $less:ident, $select:ident],
     [$and:ident, $or:ident, $abs:ident],
     $round:expr, $far:expr, $ln_2:expr, $series:expr, $mantissa:expr, $bias:expr) => {
        impl Vectors for $t {
            type V<S: Simd> = S::$v;
            const ROUND: Self = $round;
            const FAR: Self = $far;
            const LN_2: [Self; 2] = $ln_2;
            const SERIES: &[Self] = &$series;
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
            fn at_most<S: Simd>(simd: S, v: Self::V<S>, most: Self::V<S>) -> Self::V<S> {
                simd.$select(simd.$less(most, v), most, v)
            }
            #[inline(always)]
            fn size_and_sign<S: Simd>(simd: S, v: Self::V<S>) -> [Self::V<S>; 2] {
                [simd.$abs(v), simd.$and(v, simd.$splat(-0.0))]
            }
            #[inline(always)]
            fn signed<S: Simd>(simd: S, size: Self::V<S>, sign: Self::V<S>) -> Self::V<S> {
                simd.$or(size, sign)
            }
            #[inline(always)]
            fn power<S: Simd>(rounded: Self::V<S>) -> Self::V<S> {
                // The bits of ROUND below `mantissa` but for the highest are 0, and shifted out.
                let mut out = rounded;
                for v in cast_slice_mut::<Self::V<S>, $bits>(std::slice::from_mut(&mut out)) {
                    *v = v.wrapping_add($bias) << $mantissa;
                }
                out
            }
        }
    };
}

vectors!(
    f32,
    u32,
    f32s,
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
    ],
    [and_f32s, or_f32s, abs_f32s],
    12_582_912.0,
    20.0,
    [-355.0 / 512.0, 2.121_944_4e-4],
    [
        1.0 / 40_320.0,
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5
    ],
    23,
    127
);

vectors!(
    f64,
    u64,
    f64s,
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
    ],
    [and_f64s, or_f64s, abs_f64s],
    6_755_399_441_055_744.0,
    40.0,
    [-0.693_147_180_369_123_8, -1.908_214_929_270_587_7e-10],
    [
        1.0 / 87_178_291_200.0,
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
        0.5
    ],
    52,
    1023
);

/// `tanh` of every lane; NaN stays NaN. Relative error at most 2.5 units in the last place (tests: `tanh_is_accurate`).
///
/// `tanh |x| = m/(m + 2)` with `m = e^{2|x|} - 1 = 2^k (e^r - 1) + 2^k - 1`, `k` the whole number nearest to
/// `2|x| / ln 2`: nothing cancels.
#[inline(always)]
pub(super) fn tanh<T: Real, S: Simd>(simd: S, x: T::V<S>) -> T::V<S> {
    let [size, sign] = T::size_and_sign(simd, x);
    let y = T::at_most(simd, T::plus(simd, size, size), T::splat(simd, T::FAR));
    let round = T::splat(simd, T::ROUND);
    let rounded = T::fma(
        simd,
        y,
        T::splat(simd, T::of(std::f64::consts::LOG2_E)),
        round,
    );
    let k = T::minus(simd, rounded, round);
    let [ln_2, rest] = T::LN_2;
    let r = T::fma(simd, k, T::splat(simd, ln_2), y);
    let r = T::fma(simd, k, T::splat(simd, rest), r);
    let mut sum = T::splat(simd, T::SERIES[0]);
    for c in &T::SERIES[1..] {
        sum = T::fma(simd, sum, r, T::splat(simd, *c));
    }
    let small = T::fma(simd, sum, T::times(simd, r, r), r);
    let power = T::power::<S>(rounded);
    let m = T::fma(
        simd,
        power,
        small,
        T::minus(simd, power, T::splat(simd, T::of(1.0))),
    );
    let size = T::over(simd, m, T::plus(simd, m, T::splat(simd, T::of(2.0))));
    T::signed(simd, size, sign)
}

/// A list that begins at a multiple of 64 bytes, so that no vector of it lies across two lines of the cache.
#[derive(Debug, Clone, Default)]
pub(super) struct Aligned<T> {
    all: Vec<T>,
    from: usize,
    length: usize,
}

impl<T: Real> Aligned<T> {
    /// Makes it this long; the values are whatever they were.
    pub(super) fn fit(&mut self, length: usize) -> &mut [T] {
        let spare = 64 / size_of::<T>();
        if self.all.len() < length + spare {
            self.all.resize(length + spare, T::default());
        }
        // Where the offset is not known (it may be any number then), the list is only slower.
        self.from = self.all.as_ptr().align_offset(64).min(spare);
        self.length = length;
        self
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.all[self.from..self.from + self.length]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.all[self.from..self.from + self.length]
    }
}
