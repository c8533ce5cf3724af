//! Sums on the lines of the discrete Fourier transform, by one real FFT.

use num_complex::Complex64;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

use super::Sample;
use crate::laplace::phase::{Turns, decay};

/// The sums at `sigma + j 2 pi k/(length dt)`, `k = 0..=length/2`.
pub(super) struct Bins {
    length: usize,
    fft: Arc<dyn Fft<f64>>,
    sigma_dt: f64,
    /// Half a turn of the bins of a half-length transform, for real samples and even lengths.
    twist: Vec<Complex64>,
}

impl Bins {
    pub(super) fn new(length: usize, sigma_dt: f64) -> Self {
        let half = length.is_multiple_of(2);
        let size = if half { length / 2 } else { length };
        let bin = Turns(u128::MAX / length as u128).negated();
        Bins {
            length,
            fft: FftPlanner::new().plan_fft_forward(size),
            sigma_dt,
            twist: if half {
                (0..=size).map(|k| bin.times(k as u128).cis()).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// Length of its Fourier transform.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Number of points.
    pub(super) fn count(&self) -> usize {
        self.length / 2 + 1
    }

    /// `out_k = sum_n x_n e^{-s_k n dt}`; samples beyond the length wrap around, as the exponentials do.
    pub(super) fn sums<T: Sample>(&self, x: &[T], out: &mut [Complex64]) {
        let mut folded = vec![Complex64::default(); self.length];
        let mut n = 0usize;
        decay(self.sigma_dt, 0..x.len(), |size| {
            folded[n % self.length] += x[n].complex() * size;
            n += 1;
        });
        if T::COMPLEX || self.twist.is_empty() {
            FftPlanner::new()
                .plan_fft_forward(self.length)
                .process(&mut folded);
            out.copy_from_slice(&folded[..out.len()]);
            return;
        }
        // Two real samples to a complex one: X_k = (Z_k + Z*_{-k})/2 - j w^k (Z_k - Z*_{-k})/2.
        let half = self.length / 2;
        let mut packed: Vec<Complex64> = (0..half)
            .map(|i| Complex64::new(folded[2 * i].re, folded[2 * i + 1].re))
            .collect();
        self.fft.process(&mut packed);
        for ((k, out), w) in out.iter_mut().enumerate().zip(&self.twist) {
            let (a, b) = (packed[k % half], packed[(half - k) % half].conj());
            let odd = (a - b) * w;
            *out = (a + b) * 0.5 + Complex64::new(odd.im, -odd.re) * 0.5;
        }
    }
}
