//! Integer sequences by linear prediction: the coder that needs no model of the signal.
//!
//! The predictors are the fixed differences of Shorten (Robinson, CUED/F-INFENG/TR.156, 1994, eq. (3) to (6))
//! and one least-squares predictor by Burg's method (Burg, PhD thesis, Stanford 1975; recursion as in Kay,
//! Modern Spectral Estimation, 1988, section 7.6), its coefficients rounded to integers so that encoder and
//! decoder agree to the bit on every machine.

use super::range::{RangeDecoder, RangeEncoder};
use super::residual::{LARGEST, Model, start_index};
use crate::error::{Error, Result};

/// Longest least-squares predictor.
const MAX_ORDER: usize = 32;

/// Bits of a coefficient without its sign.
const PRECISION: i32 = 14;

/// Above this size of integers only the fixed predictors are used: their sums stay inside i64.
const LPC_LARGEST: i64 = 1 << 40;

/// Integers after this many set the first scale of the residual coder.
const START: usize = 32;

/// How the next integer is predicted from those before.
#[derive(Debug, Clone, PartialEq)]
enum Predictor {
    /// Difference of this order, 0 to 4.
    Fixed(usize),
    /// `(sum_j c_j k_{i-1-j} + 2^(shift-1)) >> shift`.
    Linear { coefficients: Vec<i32>, shift: u32 },
}

impl Predictor {
    /// The prediction of `k[i]`, `i >= 1`; integers before the first count as the first, which is 0 here.
    fn predict(&self, before: &[i64]) -> i64 {
        let i = before.len();
        let at = |back: usize| i.checked_sub(back).and_then(|j| before.get(j)).copied();
        match self {
            Predictor::Fixed(order) => {
                let v = |back| at(back).unwrap_or(0);
                // The first integers have a shorter past.
                match (*order).min(i) {
                    0 => 0,
                    1 => v(1),
                    2 => 2 * v(1) - v(2),
                    3 => 3 * (v(1) - v(2)) + v(3),
                    _ => 4 * (v(1) + v(3)) - 6 * v(2) - v(4),
                }
            }
            Predictor::Linear {
                coefficients,
                shift,
            } => {
                if i < coefficients.len() {
                    return at(1).unwrap_or(0);
                }
                let sum: i64 = coefficients
                    .iter()
                    .zip(before.iter().rev())
                    .map(|(c, k)| i64::from(*c) * k)
                    .sum();
                (sum + (1i64 << shift >> 1)) >> shift
            }
        }
    }

    /// Largest size of the integers that it can take part with.
    fn largest(&self) -> i64 {
        match self {
            Predictor::Fixed(_) => LARGEST,
            Predictor::Linear { .. } => LPC_LARGEST,
        }
    }
}

/// The shortest way found to write some integers.
pub(super) struct Plan {
    first: i64,
    predictor: Predictor,
    start: u64,
    residuals: Vec<i64>,
}

impl Plan {
    /// The plan for at least one integer, none over [`LARGEST`] / 2 in size.
    pub(super) fn new(values: &[i64]) -> Plan {
        let first = values.first().copied().unwrap_or(0);
        let k: Vec<i64> = values.iter().map(|v| v - first).collect();
        let mut candidates: Vec<Predictor> = (0..=4).map(Predictor::Fixed).collect();
        if k.iter().all(|v| v.abs() <= LPC_LARGEST)
            && let Some(linear) = burg(&k)
        {
            candidates.push(linear);
        }
        let mut plans: Vec<(f64, Plan)> = candidates
            .into_iter()
            .filter_map(|predictor| {
                let residuals = differences(&k, &predictor)?;
                let sum: f64 = residuals.iter().map(|e| e.unsigned_abs() as f64).sum();
                let mean = sum / residuals.len().max(1) as f64;
                let bits = (mean + 0.05).log2() * residuals.len() as f64;
                let head: f64 = residuals
                    .iter()
                    .take(START)
                    .map(|e| e.unsigned_abs() as f64)
                    .sum();
                let start = start_index(head / residuals.len().clamp(1, START) as f64);
                let plan = Plan {
                    first,
                    predictor,
                    start,
                    residuals,
                };
                Some((bits + plan.head_bits(), plan))
            })
            .collect();
        // The mean size tells the cost up to the shape of the distribution: code the two best to decide.
        plans.sort_by(|a, b| a.0.total_cmp(&b.0));
        plans.truncate(2);
        plans
            .into_iter()
            .map(|(_, plan)| {
                let mut trial = RangeEncoder::new();
                plan.write(&mut trial);
                (trial.len(), plan)
            })
            .min_by_key(|(cost, _)| *cost)
            .map_or_else(
                || Plan {
                    first,
                    predictor: Predictor::Fixed(0),
                    start: 0,
                    residuals: k.get(1..).unwrap_or_default().to_vec(),
                },
                |(_, plan)| plan,
            )
    }

    fn head_bits(&self) -> f64 {
        match &self.predictor {
            Predictor::Fixed(_) => 0.0,
            Predictor::Linear { coefficients, .. } => {
                10.0 + f64::from(PRECISION + 1) * coefficients.len() as f64
            }
        }
    }

    /// Writes the integers.
    pub(super) fn write(&self, out: &mut RangeEncoder) {
        out.signed(self.first);
        match &self.predictor {
            Predictor::Fixed(order) => {
                out.plain(0, 1);
                out.plain(*order as u64, 3);
            }
            Predictor::Linear {
                coefficients,
                shift,
            } => {
                out.plain(1, 1);
                out.plain(coefficients.len() as u64 - 1, 5);
                out.plain(u64::from(*shift), 5);
                for c in coefficients {
                    out.plain(
                        (i64::from(*c) + (1 << PRECISION)) as u64,
                        PRECISION as u32 + 1,
                    );
                }
            }
        }
        out.plain(self.start, 7);
        let mut model = Model::new(self.start);
        for e in &self.residuals {
            model.write(out, *e);
        }
    }
}

/// Reads `n` integers that [`Plan::write`] wrote.
///
/// # Errors
/// [`Error::InvalidInput`] where the stream holds what no encoder writes.
pub(super) fn read(from: &mut RangeDecoder<'_>, n: usize) -> Result<Vec<i64>> {
    let bad = |what: String, expected: &str| Error::invalid("bytes", what, expected);
    let first = from.signed(54)?;
    let predictor = if from.plain(1) == 0 {
        let order = from.plain(3) as usize;
        if order > 4 {
            return Err(bad(format!("a fixed predictor of order {order}"), "0 to 4"));
        }
        Predictor::Fixed(order)
    } else {
        let order = from.plain(5) as usize + 1;
        let shift = from.plain(5) as u32;
        let coefficients = (0..order)
            .map(|_| (from.plain(PRECISION as u32 + 1) as i64 - (1 << PRECISION)) as i32)
            .collect();
        Predictor::Linear {
            coefficients,
            shift,
        }
    };
    let mut model = Model::new(from.plain(7));
    let mut k = Vec::with_capacity(n);
    if n > 0 {
        k.push(0i64);
    }
    for _ in 1..n {
        let next = predictor.predict(&k) + model.read(from)?;
        if next.abs() > predictor.largest() {
            return Err(bad(
                format!("an integer of {next}"),
                "no integer beyond the predictor's range",
            ));
        }
        k.push(next);
    }
    for v in &mut k {
        *v += first;
    }
    Ok(k)
}

/// What the predictor leaves, from the second integer on; `None` where it leaves more than can be coded.
fn differences(k: &[i64], predictor: &Predictor) -> Option<Vec<i64>> {
    (1..k.len())
        .map(|i| {
            let e = k[i] - predictor.predict(&k[..i]);
            (e.abs() <= LARGEST && k[i].abs() <= predictor.largest()).then_some(e)
        })
        .collect()
}

/// The least-squares predictor of least description length by Burg's recursion; `None` where nothing is
/// gained or the coefficients do not fit their bits.
fn burg(k: &[i64]) -> Option<Predictor> {
    let n = k.len();
    let highest = MAX_ORDER.min(n / 8);
    if highest == 0 {
        return None;
    }
    let mut forward: Vec<f64> = k.iter().map(|v| *v as f64).collect();
    let mut backward = forward.clone();
    let mut a: Vec<f64> = Vec::new();
    let power: f64 = forward.iter().map(|v| v * v).sum::<f64>() / n as f64;
    // Rounding of the integers leaves 1/12 that no predictor explains.
    let bits = |error: f64, order: usize| {
        0.5 * n as f64 * (error + 1.0 / 12.0).log2() + f64::from(PRECISION + 1) * order as f64
    };
    let mut best = (bits(power, 0), Vec::new());
    for m in 0..highest {
        let (mut top, mut bottom) = (0.0, 0.0);
        for i in m + 1..n {
            top += forward[i] * backward[i - 1];
            bottom += forward[i] * forward[i] + backward[i - 1] * backward[i - 1];
        }
        if bottom.is_nan() || bottom <= 0.0 {
            break;
        }
        let reflection = 2.0 * top / bottom;
        let mut error = 0.0;
        for i in (m + 1..n).rev() {
            let (f, b) = (forward[i], backward[i - 1]);
            forward[i] = f - reflection * b;
            backward[i] = b - reflection * f;
            error += forward[i] * forward[i];
        }
        let old = a.clone();
        for (j, c) in a.iter_mut().enumerate() {
            *c = old[j] - reflection * old[m - 1 - j];
        }
        a.push(reflection);
        let value = bits(error / (n - m - 1) as f64, m + 1);
        if value < best.0 {
            best = (value, a.clone());
        }
    }
    let a = best.1;
    let largest = a.iter().fold(0.0f64, |s, c| s.max(c.abs()));
    if a.is_empty() || !largest.is_finite() || largest <= 0.0 {
        return None;
    }
    let shift = (PRECISION - 1 - largest.log2().floor() as i32).clamp(0, 31);
    let scale = f64::from(shift).exp2();
    let most = f64::from((1 << PRECISION) - 1);
    // The rounding error of each is carried to the next, so that the sum, the answer to a constant, stays.
    let mut carried = 0.0;
    let coefficients: Vec<i32> = a
        .iter()
        .map(|c| {
            let wanted = c * scale + carried;
            let rounded = wanted.round().clamp(-most, most);
            carried = wanted - rounded;
            rounded as i32
        })
        .collect();
    Some(Predictor::Linear {
        coefficients,
        shift: shift as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Random;

    fn round_trip(values: &[i64]) -> (Predictor, usize) {
        let plan = Plan::new(values);
        let mut encoder = RangeEncoder::new();
        plan.write(&mut encoder);
        let bytes = encoder.finish();
        let back = read(&mut RangeDecoder::new(&bytes), values.len()).unwrap();
        assert_eq!(back, values);
        (plan.predictor, bytes.len())
    }

    #[test]
    fn ramps_and_parabolas_cost_their_start_only() {
        let ramp: Vec<i64> = (0..5000).map(|i| 1_000_000 + 37 * i).collect();
        assert!(round_trip(&ramp).1 <= 60);
        let parabola: Vec<i64> = (0..5000).map(|i: i64| 3 * i * i - 7 * i).collect();
        assert!(round_trip(&parabola).1 <= 60);
    }

    #[test]
    fn an_autoregressive_process_costs_its_innovations() {
        // x_k = 1.8 x_{k-1} - 0.9 x_{k-2} + e, e of standard deviation 20.
        let mut random = Random(3);
        let (mut a, mut b) = (0.0f64, 0.0f64);
        let values: Vec<i64> = (0..20_000)
            .map(|_| {
                let x = 1.8 * a - 0.9 * b + 20.0 * random.normal();
                (a, b) = (x, a);
                x.round() as i64
            })
            .collect();
        let (predictor, bytes) = round_trip(&values);
        assert!(matches!(predictor, Predictor::Linear { .. }));
        // Entropy of the innovations, with the power of the rounding errors through 1 - 1.8/z + 0.9/z^2.
        let sigma = (400.0f64 + (1.0 + 3.24 + 0.81) / 12.0).sqrt();
        let ideal = sigma.log2() + 0.5 * (std::f64::consts::TAU * std::f64::consts::E).log2();
        let cost = 8.0 * bytes as f64 / 20_000.0;
        assert!(cost <= ideal + 0.06, "{cost} {ideal}");
    }

    #[test]
    fn extremes_and_short_sequences_come_back() {
        let half = LARGEST / 2;
        round_trip(&[7]);
        round_trip(&[-half, half]);
        round_trip(&[half, -half, half, -half, 0, 1, half, half, -half]);
        for n in 1..40usize {
            let mut random = Random(n as u64);
            let values: Vec<i64> = (0..n).map(|_| (random.normal() * 1e6) as i64).collect();
            round_trip(&values);
        }
        let mut random = Random(0);
        let wide: Vec<i64> = (0..500)
            .map(|_| (random.symmetric() * half as f64) as i64)
            .collect();
        round_trip(&wide);
    }

    #[test]
    fn noise_as_input_ends_in_values_or_an_error() {
        let mut random = Random(5);
        for _ in 0..500 {
            let bytes: Vec<u8> = (0..random.below(80)).map(|_| random.bits() as u8).collect();
            let _ = read(&mut RangeDecoder::new(&bytes), 300);
        }
    }
}
