//! Axes of plots: limits that hold the data, ticks at 1-2-5 steps, and their labels.

/// Values beyond this size are not drawn: differences of two of them must stay finite.
const LARGEST: f64 = 1e300;

/// Values that a logarithmic axis can hold with room at its ends.
const LOG_RANGE: std::ops::RangeInclusive<f64> = 1e-250..=1e250;

/// Whether a value can be drawn on a linear axis.
pub(super) fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() <= LARGEST
}

/// How values become places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AxisScale {
    /// Equal differences, equal distances.
    Linear,
    /// Equal ratios, equal distances; holds positive values only.
    Log,
}

/// What an axis must show.
#[derive(Debug, Clone)]
pub(super) struct AxisSpec {
    /// What is plotted, with its unit.
    pub(super) label: String,
    /// Linear or logarithmic.
    pub(super) scale: AxisScale,
    /// Values that must be inside, for example zero.
    pub(super) include: Vec<f64>,
    /// Free space at both ends, as a share of the span.
    pub(super) margin: f64,
}

impl AxisSpec {
    pub(super) fn linear(label: impl Into<String>) -> Self {
        AxisSpec {
            label: label.into(),
            scale: AxisScale::Linear,
            include: Vec::new(),
            margin: 0.05,
        }
    }

    /// Logarithmic where `log`, else linear.
    pub(super) fn scaled(label: impl Into<String>, log: bool) -> Self {
        let mut spec = Self::linear(label);
        if log {
            spec.scale = AxisScale::Log;
        }
        spec
    }

    pub(super) fn including(mut self, values: &[f64]) -> Self {
        self.include.extend_from_slice(values);
        self
    }

    /// Space at the ends for texts.
    pub(super) fn roomy(mut self) -> Self {
        self.margin = 0.14;
        self
    }

    /// Little space at the ends, as for time.
    pub(super) fn tight(mut self) -> Self {
        self.margin = 0.01;
        self
    }
}

/// A tick with its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// An axis with limits and ticks.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) scale: AxisScale,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<Tick>,
}

impl Axis {
    /// An axis that holds all drawable `values` with about `count` ticks; `None` where none can be drawn.
    pub(super) fn fit(
        spec: &AxisSpec,
        values: impl IntoIterator<Item = f64>,
        count: usize,
    ) -> Option<Self> {
        let fits = |v: f64| match spec.scale {
            AxisScale::Linear => drawable(v),
            AxisScale::Log => LOG_RANGE.contains(&v),
        };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values.into_iter().chain(spec.include.iter().copied()) {
            if fits(v) {
                low = low.min(v);
                high = high.max(v);
            }
        }
        if low > high {
            return None;
        }
        let (low, high) = match spec.scale {
            AxisScale::Linear => linear_limits(low, high, spec.margin),
            AxisScale::Log => log_limits(low, high, spec.margin),
        };
        let ticks = match spec.scale {
            AxisScale::Linear => linear_ticks(low, high, count),
            AxisScale::Log => log_ticks(low, high, count),
        };
        Some(Axis {
            scale: spec.scale,
            low,
            high,
            ticks,
        })
    }

    /// Where a value lies: 0 at the lower end, 1 at the upper; `None` where it cannot be drawn.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        if !drawable(value) {
            return None;
        }
        let place = match self.scale {
            AxisScale::Linear => (value - self.low) / (self.high - self.low),
            AxisScale::Log if value <= 0.0 => return None,
            AxisScale::Log => (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()),
        };
        place.is_finite().then_some(place)
    }

    /// `count` values at equal distances on the paper, from end to end of the given range.
    pub(super) fn spaced(scale: AxisScale, from: f64, to: f64, count: usize) -> Vec<f64> {
        let steps = count.saturating_sub(1).max(1) as f64;
        (0..count)
            .map(|i| {
                let share = i as f64 / steps;
                match scale {
                    AxisScale::Linear => from * (1.0 - share) + to * share,
                    AxisScale::Log => (from.ln() * (1.0 - share) + to.ln() * share).exp(),
                }
            })
            .collect()
    }
}

fn linear_limits(low: f64, high: f64, margin: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    let span = high - low;
    if span <= 1e-12 * size || span < 1e-290 {
        // One value: it stands in the middle.
        let half = if size < 1e-280 { 1.0 } else { 0.1 * size };
        return (low - half, high + half);
    }
    let room = margin * span;
    // Data of one sign that come near zero are shown from zero.
    let from = if low >= 0.0 && low <= 0.3 * high {
        if margin < 0.02 { low - room } else { 0.0 }
    } else {
        low - room
    };
    let to = if high == 0.0 && margin >= 0.02 {
        0.0
    } else {
        high + room
    };
    (from, to)
}

fn log_limits(low: f64, high: f64, margin: f64) -> (f64, f64) {
    let span = high.ln() - low.ln();
    let room = if span < 1e-9 {
        0.7
    } else {
        (margin * span).max(0.02)
    };
    (low / room.exp(), high * room.exp())
}

/// The largest of 1, 2, 5 times a power of ten that is at most about `rough`.
fn nice(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let mantissa = rough / power;
    let step = if mantissa < 1.5 {
        1.0
    } else if mantissa < 3.5 {
        2.0
    } else if mantissa < 7.5 {
        5.0
    } else {
        10.0
    };
    step * power
}

fn linear_ticks(low: f64, high: f64, count: usize) -> Vec<Tick> {
    let step = nice((high - low) / count.max(2) as f64);
    if !(step.is_finite() && step > 0.0) {
        return Vec::new();
    }
    let first = (low / step - 1e-9).ceil();
    let values: Vec<f64> = (0..4 * count.max(2))
        .map(|i| (first + i as f64) * step)
        .take_while(|v| *v <= high + 1e-9 * step)
        // The product may miss zero by rounding.
        .map(|v| if v.abs() < 1e-9 * step { 0.0 } else { v })
        .collect();
    labelled(values, step)
}

/// Labels with as many decimals as the step needs.
fn labelled(values: Vec<f64>, step: f64) -> Vec<Tick> {
    let size = values.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let step_power = (step.log10() + 1e-9).floor() as i32;
    let scientific = !(1e-3..1e6).contains(&size);
    let power = size.max(f64::MIN_POSITIVE).log10().floor() as i32;
    let decimals = if scientific {
        (power - step_power).clamp(0, 15) as usize
    } else {
        (-step_power).clamp(0, 15) as usize
    };
    values
        .into_iter()
        .map(|value| {
            let label = if value == 0.0 {
                "0".into()
            } else if scientific {
                // Two steps, because ten to a power below -308 is no normal number.
                let mantissa = value / 10f64.powi(power / 2) / 10f64.powi(power - power / 2);
                format!("{mantissa:.decimals$}×10{}", superscript(power))
            } else {
                format!("{value:.decimals$}")
            };
            Tick {
                value,
                label: label.replace('-', "−"),
            }
        })
        .collect()
}

fn log_ticks(low: f64, high: f64, count: usize) -> Vec<Tick> {
    let (first, last) = (low.log10().ceil() as i32, high.log10().floor() as i32);
    let decades = last - first + 1;
    if decades >= 3 {
        let every = (decades as usize).div_ceil(count.max(2)) as i32;
        return (first..=last)
            .filter(|p| p.rem_euclid(every) == 0)
            .map(|p| log_tick(10f64.powi(p)))
            .collect();
    }
    let mut values = Vec::new();
    for p in first - 1..=last {
        for m in [1.0, 2.0, 5.0] {
            let v = m * 10f64.powi(p);
            if v >= low && v <= high {
                values.push(v);
            }
        }
    }
    if values.len() >= 2 {
        return values.into_iter().map(log_tick).collect();
    }
    linear_ticks(low, high, count.min(4))
        .into_iter()
        .filter(|t| t.value > 0.0)
        .collect()
}

fn log_tick(value: f64) -> Tick {
    let power = (value.log10() + 1e-9).floor() as i32;
    let label = if (-3..6).contains(&power) {
        format!("{:.*}", (-power).max(0) as usize, value)
    } else {
        let mantissa = 10f64.powf(value.log10() - f64::from(power)).round();
        if mantissa == 1.0 {
            format!("10{}", superscript(power))
        } else {
            format!("{mantissa}×10{}", superscript(power))
        }
    };
    Tick { value, label }
}

/// An exponent in raised digits.
pub(super) fn superscript(power: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    power
        .to_string()
        .chars()
        .map(|c| match c.to_digit(10) {
            Some(d) => DIGITS.get(d as usize).copied().unwrap_or(c),
            None => '⁻',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(spec: &AxisSpec, values: &[f64], count: usize) -> Vec<String> {
        Axis::fit(spec, values.iter().copied(), count)
            .unwrap()
            .ticks
            .into_iter()
            .map(|t| t.label)
            .collect()
    }

    #[test]
    fn ticks_stand_at_1_2_5_steps() {
        let time = AxisSpec::linear("year").tight();
        assert_eq!(
            labels(&time, &[1700.0, 2008.0], 6),
            ["1700", "1750", "1800", "1850", "1900", "1950", "2000"]
        );
        let y = AxisSpec::linear("y");
        assert_eq!(labels(&y, &[0.0, 190.2], 4), ["0", "50", "100", "150"]);
        assert_eq!(
            labels(&y, &[-0.0074, 0.0191], 4),
            ["−0.005", "0.000", "0.005", "0.010", "0.015", "0.020"].map(|s| if s == "0.000" {
                "0"
            } else {
                s
            })
        );
        assert_eq!(
            labels(&y, &[2e7, 5e7], 3),
            ["2×10⁷", "3×10⁷", "4×10⁷", "5×10⁷"]
        );
    }

    #[test]
    fn logarithmic_ticks() {
        let log = AxisSpec::scaled("d", true);
        assert_eq!(
            labels(&log, &[88.0, 90560.0], 6),
            ["100", "1000", "10000", "100000"]
        );
        assert_eq!(labels(&log, &[3.0, 60.0], 6), ["5", "10", "20", "50"]);
        assert_eq!(labels(&log, &[1e-12, 1e-8], 9).len(), 5);
        assert_eq!(
            labels(&log, &[2e-9, 3e-8], 9),
            ["2×10⁻⁹", "5×10⁻⁹", "10⁻⁸", "2×10⁻⁸"]
        );
        assert!(Axis::fit(&log, [0.0, -1.0, f64::NAN], 5).is_none());
    }

    #[test]
    fn one_value_stands_in_the_middle() {
        for v in [0.0, 3.0, -1e299, 1e-310, 7e-200] {
            let axis = Axis::fit(&AxisSpec::linear("v"), [v, v], 4).unwrap();
            assert!((axis.place(v).unwrap() - 0.5).abs() < 1e-6, "{v}");
        }
        let axis = Axis::fit(&AxisSpec::scaled("v", true), [7.0], 4).unwrap();
        assert!((axis.place(7.0).unwrap() - 0.5).abs() < 1e-6);
    }

    #[test]
    fn nothing_to_draw() {
        let spec = AxisSpec::linear("v");
        assert!(Axis::fit(&spec, [], 4).is_none());
        assert!(Axis::fit(&spec, [f64::NAN, f64::INFINITY, 1e305], 4).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_values_have_an_axis(a in proptest::num::f64::ANY, b in proptest::num::f64::ANY, log: bool) {
            let spec = AxisSpec::scaled("v", log);
            if let Some(axis) = Axis::fit(&spec, [a, b], 6) {
                proptest::prop_assert!(axis.low < axis.high, "{axis:?}");
                proptest::prop_assert!(axis.ticks.len() <= 30, "{axis:?}");
                for v in [a, b].into_iter().filter(|v| drawable(*v) && (!log || LOG_RANGE.contains(v))) {
                    let place = axis.place(v).unwrap();
                    proptest::prop_assert!((-1e-6..=1.0 + 1e-6).contains(&place), "{v} {axis:?}");
                }
                for t in &axis.ticks {
                    proptest::prop_assert!(axis.place(t.value).is_some_and(|p| (-0.01..=1.01).contains(&p)), "{axis:?}");
                    proptest::prop_assert!(t.label.chars().count() <= 24, "{axis:?}");
                }
            }
        }
    }
}
