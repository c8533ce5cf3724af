//! The power spectrum, for plots and for first looks.

use num_complex::Complex64;
use rustfft::FftPlanner;

use crate::error::{Error, Result};

/// One-sided power per frequency.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// Cycles per time unit, from 0 to the Nyquist frequency.
    pub frequency: Vec<f64>,
    /// Mean square at each frequency; their sum is the mean square of the signal (Parseval).
    pub power: Vec<f64>,
}

/// The periodogram of a real signal sampled every `dt`. Costs one FFT.
///
/// ```
/// let x: Vec<f64> = (0..100).map(|i| (0.2 * std::f64::consts::PI * f64::from(i)).sin()).collect();
/// let s = nis_core::laplace::spectrum(&x, 0.5)?;
/// assert!((s.frequency[10] - 0.2).abs() < 1e-15 && (s.power[10] - 0.5).abs() < 1e-12);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] for an empty signal, a value that is not finite, or a bad `dt`.
pub fn spectrum(signal: &[f64], dt: f64) -> Result<Spectrum> {
    if signal.is_empty() {
        return Err(Error::invalid("signal", "empty", "at least one sample"));
    }
    if !(dt.is_finite() && dt > 0.0) {
        return Err(Error::invalid("dt", dt, "a positive sampling interval"));
    }
    if let Some(at) = signal.iter().position(|v| !v.is_finite()) {
        return Err(Error::invalid(
            format!("signal[{at}]"),
            signal[at],
            "finite samples",
        ));
    }
    let n = signal.len();
    let mut buffer: Vec<Complex64> = signal.iter().map(|v| Complex64::new(*v, 0.0)).collect();
    FftPlanner::new().plan_fft_forward(n).process(&mut buffer);
    let half = n / 2;
    let scale = 1.0 / (n as f64 * n as f64);
    let power = (0..=half)
        .map(|k| {
            // Every frequency but 0 and Nyquist stands for two lines.
            let twice = k != 0 && 2 * k != n;
            buffer[k].norm_sqr() * scale * if twice { 2.0 } else { 1.0 }
        })
        .collect();
    let frequency = (0..=half).map(|k| k as f64 / (n as f64 * dt)).collect();
    Ok(Spectrum { frequency, power })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parseval_at_odd_and_even_lengths() {
        for n in [1, 2, 3, 7, 8, 30, 31] {
            let x: Vec<f64> = (0..n).map(|i| ((i * i) as f64 * 0.7).sin() + 0.3).collect();
            let mean_square = x.iter().map(|v| v * v).sum::<f64>() / n as f64;
            let total: f64 = spectrum(&x, 1.0).unwrap().power.iter().sum();
            assert!((total - mean_square).abs() <= 1e-14, "{n}");
        }
        assert!(spectrum(&[], 1.0).is_err());
        assert!(spectrum(&[1.0], 0.0).is_err());
        assert!(spectrum(&[f64::NAN], 1.0).is_err());
    }
}
