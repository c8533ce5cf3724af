//! Fixed functions of the coordinates that a network starts from.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::optim::Random;

/// One fixed function of the coordinates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// `scale (x[axis] - centre)`
    Affine {
        /// Coordinate.
        axis: usize,
        /// Where it vanishes.
        centre: f64,
        /// Slope.
        scale: f64,
    },
    /// `cos(rates . x + phase)`; a phase of `-pi/2` makes it a sine.
    Wave {
        /// Radians per unit of each coordinate.
        rates: Vec<f64>,
        /// Radians.
        phase: f64,
    },
}

impl Feature {
    /// Gives all these derivatives of the function at a point to `put`, by number; an order counts how often by each
    /// coordinate.
    #[inline(always)]
    pub(super) fn jets(&self, orders: &[Vec<u8>], point: &[f64], mut put: impl FnMut(usize, f64)) {
        let total = |order: &[u8]| order.iter().map(|k| u32::from(*k)).sum::<u32>();
        match self {
            Feature::Affine {
                axis,
                centre,
                scale,
            } => {
                for (k, order) in orders.iter().enumerate() {
                    let value = match (total(order), order.get(*axis)) {
                        (0, _) => scale * (point.get(*axis).copied().unwrap_or(f64::NAN) - centre),
                        (1, Some(1)) => *scale,
                        _ => 0.0,
                    };
                    put(k, value);
                }
            }
            Feature::Wave { rates, phase } => {
                let angle: f64 = rates.iter().zip(point).map(|(r, x)| r * x).sum();
                let (sine, cosine) = (angle + phase).sin_cos();
                for (k, order) in orders.iter().enumerate() {
                    let powers = rates.iter().zip(order);
                    let factor: f64 = powers.map(|(r, k)| r.powi(i32::from(*k))).product();
                    let turned = match total(order) % 4 {
                        0 => cosine,
                        1 => -sine,
                        2 => -cosine,
                        _ => sine,
                    };
                    put(k, factor * turned);
                }
            }
        }
    }
}

/// The first, fixed layer of a network: coordinates normalised to [-1, 1], sines and cosines of periodic ones, random
/// Fourier features.
///
/// ```
/// use nis_core::pinn::network::kernel::Embedding;
/// // x in [-1, 1] is periodic, t in [0, 2] is not
/// let embedding = Embedding::normalised(&[[-1.0, 1.0], [0.0, 2.0]])?.periodic(0, [-1.0, 1.0], 2)?;
/// assert_eq!(embedding.len(), 5);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Number of coordinates.
    pub coordinates: usize,
    /// The functions, in the order in which the first layer reads them.
    pub features: Vec<Feature>,
}

impl Embedding {
    /// The coordinates as they are.
    pub fn plain(coordinates: usize) -> Self {
        Embedding {
            coordinates,
            features: (0..coordinates)
                .map(|axis| Feature::Affine {
                    axis,
                    centre: 0.0,
                    scale: 1.0,
                })
                .collect(),
        }
    }

    /// Every coordinate taken from its range to [-1, 1].
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is no range, or one is empty or not finite.
    pub fn normalised(ranges: &[[f64; 2]]) -> Result<Self> {
        if ranges.is_empty() {
            return Err(Error::invalid("ranges", "none", "a range per coordinate"));
        }
        let mut features = Vec::with_capacity(ranges.len());
        for (axis, range) in ranges.iter().enumerate() {
            let length = length(axis, *range)?;
            features.push(Feature::Affine {
                axis,
                centre: range[0] + 0.5 * length,
                scale: 2.0 / length,
            });
        }
        Ok(Embedding {
            coordinates: ranges.len(),
            features,
        })
    }

    /// Replaces a coordinate by `cos(2 pi k (x - from)/L)` and the sine of the same, `k = 1..=harmonics`, where
    /// `range` is `[from, from + L]`: every function of these has that period.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is no such axis, no harmonic, or the range is empty or not finite.
    pub fn periodic(mut self, axis: usize, range: [f64; 2], harmonics: usize) -> Result<Self> {
        if axis >= self.coordinates {
            return Err(Error::invalid(
                "axis",
                axis,
                format!("below {}", self.coordinates),
            ));
        }
        if harmonics == 0 || harmonics > 1024 {
            return Err(Error::invalid("harmonics", harmonics, "1 to 1024"));
        }
        let length = length(axis, range)?;
        self.features
            .retain(|f| !matches!(f, Feature::Affine { axis: own, .. } if *own == axis));
        for k in 1..=harmonics {
            let rate = std::f64::consts::TAU * k as f64 / length;
            let mut rates = vec![0.0; self.coordinates];
            rates[axis] = rate;
            for quarter in [0.0, std::f64::consts::FRAC_PI_2] {
                self.features.push(Feature::Wave {
                    rates: rates.clone(),
                    phase: -rate * range[0] - quarter,
                });
            }
        }
        Ok(self)
    }

    /// Adds `count` pairs of cosines and sines of `b . y`, `y` the coordinates normalised from these ranges to
    /// [-1, 1] and `b` normal deviates of standard deviation `scale` (Tancik et al., Fourier features let networks
    /// learn high frequency functions, 2020).
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the ranges do not fit the coordinates or `scale` is not positive.
    pub fn fourier(
        mut self,
        ranges: &[[f64; 2]],
        count: usize,
        scale: f64,
        seed: u64,
    ) -> Result<Self> {
        if ranges.len() != self.coordinates {
            return Err(Error::invalid(
                "ranges",
                ranges.len(),
                format!("{} ranges", self.coordinates),
            ));
        }
        if !scale.is_finite() || scale <= 0.0 {
            return Err(Error::invalid("scale", scale, "a positive number"));
        }
        if count > 65_536 {
            return Err(Error::invalid("count", count, "at most 65536"));
        }
        let mut random = Random(seed);
        for _ in 0..count {
            let mut rates = Vec::with_capacity(ranges.len());
            let mut phase = 0.0;
            for (axis, range) in ranges.iter().enumerate() {
                let length = length(axis, *range)?;
                let rate = scale * random.normal() * 2.0 / length;
                phase -= rate * (range[0] + 0.5 * length);
                rates.push(rate);
            }
            for quarter in [0.0, std::f64::consts::FRAC_PI_2] {
                self.features.push(Feature::Wave {
                    rates: rates.clone(),
                    phase: phase - quarter,
                });
            }
        }
        Ok(self)
    }

    /// Number of functions.
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// Axes and rates fit the number of coordinates, and there is something for the first layer to read.
    pub(super) fn check(&self) -> Result<()> {
        if self.features.is_empty() {
            return Err(Error::invalid("embedding", "no functions", "at least one"));
        }
        let fits = |f: &Feature| match f {
            Feature::Affine { axis, .. } => *axis < self.coordinates,
            Feature::Wave { rates, .. } => rates.len() == self.coordinates,
        };
        match self.features.iter().find(|f| !fits(f)) {
            Some(bad) => Err(Error::invalid(
                "embedding",
                format!("{bad:?}"),
                format!("a function of {} coordinates", self.coordinates),
            )),
            None => Ok(()),
        }
    }
}

/// The length of a range.
fn length(axis: usize, range: [f64; 2]) -> Result<f64> {
    let length = range[1] - range[0];
    if !length.is_finite() || length <= 0.0 {
        return Err(Error::invalid(
            format!("ranges[{axis}]"),
            format!("{range:?}"),
            "a finite range whose end is above its start",
        ));
    }
    Ok(length)
}
