//! Loops compiled for the widest vector instructions that the processor has.
//!
//! The crate is compiled for the oldest processor that it runs on, whose vectors hold two numbers. A [`Kernel`] is
//! compiled a second time for AVX2 and FMA, and [`widest`] runs what the processor understands. The arithmetic is
//! the same: no products and sums are fused that the source does not fuse.

use pulp::{Arch, Simd, WithSimd};

/// A loop over slices. `run` and all that it calls in the loop must be `#[inline(always)]`, or they stay as narrow
/// as the rest of the crate.
pub(super) trait Kernel {
    type Output;
    fn run(self) -> Self::Output;
}

struct Dispatched<K>(K);

impl<K: Kernel> WithSimd for Dispatched<K> {
    type Output = K::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> K::Output {
        self.0.run()
    }
}

/// Runs a kernel.
pub(super) fn widest<K: Kernel>(kernel: K) -> K::Output {
    Arch::new().dispatch(Dispatched(kernel))
}

/// Accumulators of a sum: enough to keep the adders busy.
const SUMS: usize = 16;

/// The sum of squares. The order of the additions does not depend on the processor.
pub(super) fn sum_squares(values: &[f64]) -> f64 {
    struct Squares<'a>(&'a [f64]);
    impl Kernel for Squares<'_> {
        type Output = f64;
        #[inline(always)]
        fn run(self) -> f64 {
            let mut sums = [0.0; SUMS];
            let (chunks, rest) = self.0.as_chunks::<SUMS>();
            for chunk in chunks {
                for (sum, v) in sums.iter_mut().zip(chunk) {
                    *sum += v * v;
                }
            }
            for (sum, v) in sums.iter_mut().zip(rest) {
                *sum += v * v;
            }
            sums.iter().sum()
        }
    }
    widest(Squares(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_of_squares_of_any_length() {
        for n in [0, 1, 15, 16, 17, 100] {
            let values: Vec<f64> = (0..n).map(|k| k as f64 - 3.0).collect();
            let expected: f64 = values.iter().map(|v| v * v).sum();
            assert_eq!(sum_squares(&values), expected, "{n}");
        }
        assert!(sum_squares(&[1.0, f64::NAN]).is_nan());
    }
}
