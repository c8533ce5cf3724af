//! Axes: ranges, ticks and the way from values to places.

use super::number::digits;

/// How values are laid out along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    /// Values are given as they are; places follow their logarithm. Values of 0 and below have no place.
    Log,
}

/// An axis over a range of values, laid out from one place to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis that holds all finite values with a margin, from place `from` to place `to`.
    pub(super) fn over(
        values: impl Iterator<Item = f64>,
        scale: Scale,
        from: f64,
        to: f64,
    ) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values.map(|v| forward(scale, v)).filter(|v| v.is_finite()) {
            low = low.min(v);
            high = high.max(v);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let width = high - low;
        // A range of one value, or of values that differ by rounding only.
        let least = 1e-9 * low.abs().max(high.abs()).max(1e-300);
        let margin = if width > least {
            0.04 * width
        } else {
            0.5 * low.abs().max(1.0)
        };
        let (low, high) = (low - margin, high + margin);
        if low.is_finite() && high.is_finite() && low < high {
            Axis {
                scale,
                low,
                high,
                from,
                to,
            }
        } else {
            // Values near the largest number: no margin can be added.
            Axis {
                scale,
                low: -f64::MAX / 4.0,
                high: f64::MAX / 4.0,
                from,
                to,
            }
        }
    }

    /// The place of a value, within the axis or up to one length beyond; `None` for what has no place.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let v = forward(self.scale, value);
        let share = (v - self.low) / (self.high - self.low);
        share
            .is_finite()
            .then(|| self.from + share.clamp(-1.0, 2.0) * (self.to - self.from))
    }

    /// Ticks inside the range with their labels: about `wanted` of them, at 1, 2 or 5 times powers of ten.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let values = match self.scale {
            Scale::Linear => linear_ticks(self.low, self.high, wanted),
            Scale::Log => log_ticks(self.low, self.high, wanted),
        };
        values
            .into_iter()
            .filter(|(v, _)| {
                let v = forward(self.scale, *v);
                v >= self.low && v <= self.high
            })
            .collect()
    }
}

fn forward(scale: Scale, v: f64) -> f64 {
    match scale {
        Scale::Linear => v,
        Scale::Log if v > 0.0 => v.ln(),
        Scale::Log => f64::NAN,
    }
}

fn linear_ticks(low: f64, high: f64, wanted: usize) -> Vec<(f64, String)> {
    let rough = (high - low) / wanted.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .iter()
        .map(|m| m * power)
        .find(|s| *s >= rough)
        .unwrap_or(rough);
    let first = (low / step).ceil();
    if !(step > 0.0 && step.is_finite() && first.is_finite()) {
        return Vec::new();
    }
    // The label needs as many digits as tell neighbours apart.
    let most = low.abs().max(high.abs());
    let needed = ((most / step).log10().ceil().max(0.0) as usize + 1).clamp(1, 12);
    (0..=2 * wanted + 2)
        .map(|i| (first + i as f64) * step)
        .map(|v| if v.abs() < 1e-9 * step { 0.0 } else { v })
        .map(|v| (v, digits(v, needed)))
        .collect()
}

fn log_ticks(low: f64, high: f64, wanted: usize) -> Vec<(f64, String)> {
    let decades = (high - low) / std::f64::consts::LN_10;
    if decades < 0.7 {
        return linear_ticks(low.exp(), high.exp(), wanted);
    }
    let first = (low / std::f64::consts::LN_10).floor() as i32;
    let last = (high / std::f64::consts::LN_10).ceil() as i32;
    let within: &[f64] = if decades < 2.5 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let stride = ((f64::from(last - first) / wanted as f64).ceil() as usize).max(1);
    (first..=last)
        .step_by(stride)
        .flat_map(|p| within.iter().map(move |m| m * 10f64.powi(p)))
        .map(|v| (v, digits(v, 2)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks(6).into_iter().map(|(_, l)| l).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::over([1700.0, 2008.0].into_iter(), Scale::Linear, 0.0, 100.0);
        assert_eq!(labels(&axis), ["1700", "1800", "1900", "2000"]);
        let axis = Axis::over([0.0, 0.001].into_iter(), Scale::Linear, 0.0, 100.0);
        assert_eq!(
            labels(&axis),
            ["0", "0.0002", "0.0004", "0.0006", "0.0008", "0.001"]
        );
        let axis = Axis::over([50.0, 6000.0].into_iter(), Scale::Log, 0.0, 100.0);
        assert_eq!(
            labels(&axis),
            ["50", "100", "200", "500", "1000", "2000", "5000"]
        );
        let axis = Axis::over([1e-6, 1e12].into_iter(), Scale::Log, 0.0, 100.0);
        assert!(labels(&axis).len() <= 8);
    }

    #[test]
    fn places_are_finite_or_none() {
        let axis = Axis::over([2.0, 4.0].into_iter(), Scale::Linear, 10.0, 110.0);
        assert!((axis.place(3.0).unwrap() - 60.0).abs() < 1e-9);
        assert!(axis.place(f64::NAN).is_none() && axis.place(f64::INFINITY).is_none());
        let axis = Axis::over([1.0, 4.0].into_iter(), Scale::Log, 0.0, 1.0);
        assert!(axis.place(0.0).is_none() && axis.place(-1.0).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_values_make_an_axis(a in proptest::num::f64::ANY, b in proptest::num::f64::ANY, log in proptest::bool::ANY) {
            let scale = if log { Scale::Log } else { Scale::Linear };
            let axis = Axis::over([a, b].into_iter(), scale, 0.0, 100.0);
            for (v, _) in axis.ticks(6) {
                proptest::prop_assert!(axis.place(v).is_some_and(|p| (-1.0..=101.0).contains(&p)));
            }
            proptest::prop_assert!(axis.ticks(6).len() < 40);
            for v in [a, b] {
                proptest::prop_assert!(axis.place(v).is_none_or(f64::is_finite));
            }
        }
    }
}
