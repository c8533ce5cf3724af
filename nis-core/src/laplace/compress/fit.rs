//! Modes of a segment, and their quantisation under a tolerance.

use faer::Mat;
use num_complex::Complex64;

use super::evaluate::{GridPole, MAX_BITS, MAX_DECAY, power_of_two};
use super::parameters::{AMPLITUDE_BITS, GridMode, MAX_MODES, Parameters, slope_unit};
use crate::error::{Error, Result};
use crate::laplace::{Detrend, ModesOptions, modes};
use crate::telemetry::Progress;

/// Shortest segment whose modes are sought: a pair has four numbers.
pub(super) const MIN_SAMPLES: usize = 24;

/// The poles of one segment, strongest first, and the segment scaled to unit size.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// The samples over `2^scale`.
    y: Vec<f64>,
    pub(super) scale: i32,
    poles: Vec<Complex64>,
    slope: bool,
    projection: Projection,
}

/// Least squares for every leading part of some columns.
#[derive(Debug, Clone)]
struct Projection {
    r: Mat<f64>,
    /// `Q^T y`.
    turned: Vec<f64>,
    /// Number of columns after each part: nothing, baseline, then each mode.
    ends: Vec<usize>,
    /// Sum of squares that all columns leave.
    rest: f64,
}

impl Projection {
    fn new(y: &[f64], columns: &[Vec<f64>], ends: Vec<usize>) -> Projection {
        let m = columns.len();
        let phi = Mat::from_fn(y.len(), m, |i, j| columns[j][i]);
        let qr = phi.qr();
        let q = qr.compute_thin_Q();
        let r = qr.thin_R().to_owned();
        let mut residual = y.to_vec();
        let turned = (0..m)
            .map(|j| {
                let column = q.col(j);
                let dot: f64 = column.iter().zip(y).map(|(a, b)| a * b).sum();
                for (r, a) in residual.iter_mut().zip(column.iter()) {
                    *r -= dot * a;
                }
                dot
            })
            .collect();
        Projection {
            r,
            turned,
            ends,
            rest: residual.iter().map(|v| v * v).sum(),
        }
    }

    /// Sum of squares left by the first `parts` parts.
    fn left(&self, parts: usize) -> f64 {
        let end = self.ends.get(parts).copied().unwrap_or(0);
        self.rest + self.turned.iter().skip(end).map(|v| v * v).sum::<f64>()
    }

    /// Coefficients of the first `parts` parts; `None` where their columns are dependent.
    fn coefficients(&self, parts: usize) -> Option<Vec<f64>> {
        let m = self.ends.get(parts).copied()?;
        let diagonal = |j: usize| self.r[(j, j)].abs();
        let most = (0..m).map(diagonal).fold(0.0f64, f64::max);
        if (0..m).any(|j| diagonal(j).is_nan() || diagonal(j) <= 1e-11 * most) {
            return None;
        }
        let mut c = self.turned.get(..m)?.to_vec();
        for i in (0..m).rev() {
            let known: f64 = (i + 1..m)
                .zip(&c[i + 1..])
                .map(|(j, c)| self.r[(i, j)] * c)
                .sum();
            c[i] = (c[i] - known) / self.r[(i, i)];
        }
        c.iter().all(|v| v.is_finite()).then_some(c)
    }
}

/// The exponent of the power of two just above the largest size.
fn scale_of(x: &[f64]) -> i32 {
    let size = x.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    ((size.to_bits() >> 52) as i32 & 0x7ff) - 1022
}

/// `v / 2^scale`, in two steps where the power alone would overflow.
fn scaled(v: f64, scale: i32) -> f64 {
    let half = -scale / 2;
    v * power_of_two(half) * power_of_two(-scale - half)
}

/// A bound or step in the units of a fit.
pub(super) fn in_units(fit: &Fit, v: f64) -> f64 {
    scaled(v, fit.scale)
}

impl Fit {
    /// Offset and slope only.
    pub(super) fn line(x: &[f64]) -> Fit {
        let scale = scale_of(x);
        let y = x.iter().map(|v| scaled(*v, scale)).collect();
        Fit::with(y, scale, Vec::new(), true)
    }

    /// The modes of a segment, of order at most `max_order`; `None` where it has none.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub(super) fn modes(
        x: &[f64],
        max_order: usize,
        progress: &Progress<'_>,
    ) -> Result<Option<Fit>> {
        if x.len() < MIN_SAMPLES {
            return Ok(None);
        }
        let options = ModesOptions {
            order: None,
            // A pair takes the bytes of some 16 to 24 samples: more than these hold cannot pay.
            max_order: max_order.min(x.len() / 24).max(2),
            detrend: Detrend::Mean,
        };
        // In units of its own size, so that no square of it leaves the range of f64.
        let scale = scale_of(x);
        let y: Vec<f64> = x.iter().map(|v| scaled(*v, scale)).collect();
        match modes(&y, 0.0, 1.0, &options, progress) {
            Ok(found) if found.modes.is_empty() => Ok(None),
            Ok(found) => {
                let poles = found
                    .modes
                    .iter()
                    .map(|m| m.pole)
                    .filter(|p| p.re.abs() <= MAX_DECAY && p.im < std::f64::consts::PI)
                    .take(MAX_MODES)
                    .collect();
                Ok(Some(Fit::with(y, scale, poles, false)))
            }
            Err(Error::Cancelled) => Err(Error::Cancelled),
            // No modes of their own (a constant, modes that cannot be told apart): no fit.
            Err(_) => Ok(None),
        }
    }

    fn with(y: Vec<f64>, scale: i32, poles: Vec<Complex64>, slope: bool) -> Fit {
        let grid: Vec<GridPole> = poles.iter().map(|p| on_grid(*p, MAX_BITS)).collect();
        let (columns, ends) = basis(y.len(), &grid, slope);
        let projection = Projection::new(&y, &columns, ends);
        Fit {
            y,
            scale,
            poles,
            slope,
            projection,
        }
    }

    /// Number of modes.
    pub(super) fn len(&self) -> usize {
        self.poles.len()
    }

    /// Root mean square that the baseline and the `count` strongest modes leave, in units of the fit.
    pub(super) fn left(&self, count: usize) -> f64 {
        (self.projection.left(count + 1) / self.y.len() as f64).sqrt()
    }

    /// Bits that baseline and `count` modes take when their quantisation adds an error of about `tolerance`
    /// (rms, units of the fit).
    pub(super) fn bits(&self, count: usize, tolerance: f64) -> f64 {
        let digits = |v: f64| (v / tolerance).log2().clamp(1.0, 60.0);
        let n = self.y.len() as f64;
        let Some(c) = self.projection.coefficients(count + 1) else {
            return f64::INFINITY;
        };
        let mut at = if self.slope { 2 } else { 1 };
        let mut bits = 30.0 + digits(c[0].abs());
        for pole in self.poles.iter().take(count) {
            if pole.im != 0.0 {
                let a = c[at].hypot(c[at + 1]);
                bits += 38.0 + 4.0 * digits(a) + pole.im.log2() + n.log2();
                at += 2;
            } else {
                bits += 22.0 + 2.0 * digits(c[at].abs());
                at += 1;
            }
        }
        bits
    }

    /// Baseline and `count` modes on grids that add an error of about `tolerance` (rms, units of the fit),
    /// amplitudes fitted anew to the poles on their grid; `None` where the grids would have to be finer than
    /// f64 carries.
    pub(super) fn quantise(&self, count: usize, tolerance: f64) -> Option<Parameters> {
        let n = self.y.len();
        let c = self.projection.coefficients(count + 1)?;
        let baseline = if self.slope { 2 } else { 1 };
        let free = c.len() + self.poles.iter().take(count).count() * 2;
        // Each number takes its share; a uniform error of one step has an rms of 1/sqrt(12) steps.
        let step = tolerance * 12f64.sqrt() / (free as f64).sqrt();
        if step.is_nan() || step <= 1e-18 {
            return None;
        }
        let mut at = baseline;
        let grid: Vec<GridPole> = self
            .poles
            .iter()
            .take(count)
            .map(|pole| {
                let size = if pole.im != 0.0 {
                    at += 2;
                    c[at - 2].hypot(c[at - 1])
                } else {
                    at += 1;
                    c[at - 1].abs()
                };
                // A pole off by d moves its mode by size * d * (k - mean k) once the amplitude follows.
                let reach = (0.29 * n as f64).min(0.5 / pole.re.abs().max(1e-300));
                let bits = -(step / (size * reach).max(1e-300)).log2();
                on_grid(*pole, bits.ceil().clamp(3.0, f64::from(MAX_BITS)) as u32)
            })
            .collect();
        let (columns, ends) = basis(n, &grid, self.slope);
        let parts = ends.len() - 1;
        let c = Projection::new(&self.y, &columns, ends).coefficients(parts)?;
        // The finest exponent that leaves the largest amplitude its bits.
        let most = c.iter().fold(0.0f64, |a, v| a.max(v.abs()));
        let least = most.log2().floor() as i32 + 2 - AMPLITUDE_BITS as i32;
        let exponent = (step.log2().floor() as i32).max(least);
        let whole = |v: f64| (v / power_of_two(exponent)).round() as i64;
        let mut at = baseline;
        let modes = grid
            .iter()
            .map(|pole| {
                let re = whole(c[at]);
                at += 1;
                let mut im = 0;
                if pole.angle_steps.is_some() {
                    im = whole(c[at]);
                    at += 1;
                }
                GridMode {
                    pole: *pole,
                    re,
                    im,
                }
            })
            .filter(|m| m.re != 0 || m.im != 0)
            .collect();
        let parameters = Parameters {
            exponent: exponent + self.scale,
            offset: whole(c[0]),
            slope: if self.slope { whole(c[1]) } else { 0 },
            modes,
        };
        parameters.fits().then_some(parameters)
    }
}

/// A constant as it is, without rounding; `None` for one below the normal numbers.
pub(super) fn constant(value: f64) -> Option<Parameters> {
    let exponent = (value.to_bits() >> 52) as i32 & 0x7ff;
    let parameters = if value == 0.0 {
        Parameters {
            exponent: 0,
            offset: 0,
            slope: 0,
            modes: Vec::new(),
        }
    } else {
        Parameters {
            exponent: exponent - 1075,
            offset: scaled(value, exponent - 1075) as i64,
            slope: 0,
            modes: Vec::new(),
        }
    };
    parameters.fits().then_some(parameters)
}

fn on_grid(pole: Complex64, bits: u32) -> GridPole {
    let steps = power_of_two(bits as i32);
    let limit = (std::f64::consts::PI * steps).floor() as i64;
    let angle = ((pole.im * steps).round() as i64).min(limit - 1);
    GridPole {
        bits,
        decay_steps: (pole.re.abs() * steps).round() as i64,
        angle_steps: (angle > 0).then_some(angle),
        backward: pole.re > 0.0,
    }
}

/// Columns of the model at `n` samples, and the number of them after each part.
fn basis(n: usize, poles: &[GridPole], slope: bool) -> (Vec<Vec<f64>>, Vec<usize>) {
    let mut columns = vec![vec![1.0; n]];
    if slope {
        let unit = slope_unit(n);
        columns.push((0..n).map(|k| k as f64 * unit).collect());
    }
    let mut ends = vec![0, columns.len()];
    for pole in poles {
        let (mut re, mut im) = (vec![0.0; n], vec![0.0; n]);
        pole.powers(n, |k, z| {
            re[k] = z.re;
            im[k] = -z.im;
        });
        columns.push(re);
        if pole.angle_steps.is_some() {
            columns.push(im);
        }
        ends.push(columns.len());
    }
    (columns, ends)
}
