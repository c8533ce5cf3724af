//! From columns to a law: which network, how smooth, which formula, and whether there is a law at all.

mod choose;
mod data;
mod formula;
mod reading;
mod structures;

pub(super) use self::data::check_columns;

use self::choose::{Chosen, choose};
use self::data::{Affine, Errors, Scaled, Split, check, suits_logarithm};
use self::formula::Formula;
use self::reading::{Readings, noise_floor};
use super::network::Kan;
use super::symbolic::description;
use super::{Curve, Law, LawOptions, Named, Scale};
use crate::error::Result;
use crate::telemetry::Progress;

/// A formula may have this many times the held-out error of the network it was read from.
const FORMULA_LOSS: f64 = 1.3;

/// Held-out errors (in standard deviations of the target) below which a formula is good whatever the network
/// reaches.
const FORMULA_GOOD: f64 = 0.01;

/// R2 in cross-validation that the quantities as they are must reach where their logarithms show no law: more than
/// for the first try, for two tries find a law by luck more often than one.
const SECOND_TRY: f64 = 0.9;

/// Learns `target` as a function of `inputs` and reads a formula from it.
///
/// **Rows.** The rows are split by `seed` into a training and a held-out set; the latter is used for the
/// reported errors, for whether a law is found and for whether the formula is accepted, and for nothing else:
/// the scaling to [-1, 1] too comes from the training rows.
///
/// **Network.** An additive network (one spline per input) is trained for every smoothness of a ladder; 5-fold
/// cross-validation (leave-one-out under 20 rows) takes the stiffest within one standard error of the best
/// (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., section 7.10). Finer grids
/// (two and four times) are taken where they lower the validation error by more than its standard error. From
/// 60 training rows on, a function of a sum (one hidden node) and then a hidden layer of `2 n + 1` nodes are
/// taken where they lower the validation error by 30 %.
///
/// **Formula.** Each edge is matched with a library of forms, the constants are refitted to the training rows
/// together, terms that are not needed are left out, and the formula is accepted where its held-out error is
/// at most 1.3 times the network's (or below 1 % of the target's standard deviation). Where a hidden layer is
/// needed and no function of a sum is exact, networks with products and several hidden nodes are trained, pruned and
/// read as [`discover`](super::discover) does (2 to 4 inputs), and taken where their formula describes the training
/// rows shorter; their R2 on rows apart stands for that of cross-validation.
///
/// **Scale.** [`Scale::Auto`] learns through logarithms where all values are positive and a column spans more
/// than a decade, unless the formula learned from the quantities as they are describes the training rows
/// better: with fewer constants where both are exact, by description length otherwise. Where the logarithms show
/// no law, the quantities as they are must reach an R2 of 0.9 in cross-validation.
///
/// **No law.** A law is found where the R2 of the network reaches [`LawOptions::threshold`] both in
/// cross-validation and on the held-out rows. On independent random columns (1 to 3 inputs, threshold 0.5) that
/// happened by chance in 3 to 5 % of trials with 5 or 6 rows, in at most 1 % with 12 or 15, and in none of 1800
/// with 20 or 30.
///
/// ```
/// use nis_core::{kan::{LawOptions, Named, learn_law}, telemetry::Progress};
/// let x: Vec<f64> = (1..=30).map(f64::from).collect();
/// let y: Vec<f64> = x.iter().map(|x| 3.0 * x.powf(0.5)).collect();
/// let input = [Named { name: "x", values: &x }];
/// let law = learn_law(&input, Named { name: "y", values: &y }, &LawOptions::default(), &Progress::none())?;
/// assert!(law.found);
/// assert_eq!(law.formula.as_deref(), Some("3*x^0.5"));
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`](crate::Error::InvalidInput) for columns of unequal length, fewer than 5 rows, values
/// that are not finite, a target that does not vary, names that are empty, not unique or with control
/// characters, or options out of range; [`Error::Cancelled`](crate::Error::Cancelled).
pub fn learn_law(
    inputs: &[Named<'_>],
    target: Named<'_>,
    options: &LawOptions,
    progress: &Progress<'_>,
) -> Result<Law> {
    check(inputs, target, options)?;
    let split = Split::new(target.values.len(), options);
    let attempt = |logarithmic| {
        let scaled = Scaled::new(inputs, target, logarithmic, &split)?;
        Attempt::new(scaled, &split, options, progress)
    };
    match options.scale {
        Scale::Linear => attempt(false)?.judge(&split, options),
        Scale::Log => attempt(true)?.judge(&split, options),
        Scale::Auto if !suits_logarithm(inputs, target) => attempt(false)?.judge(&split, options),
        Scale::Auto => {
            let by_log = attempt(true)?;
            let linear = attempt(false)?;
            if linear.describes_better_than(&by_log, &split, options) {
                linear.judge(&split, options)
            } else {
                by_log.judge(&split, options)
            }
        }
    }
}

/// What was learned from the training rows in one scale, not yet judged by the held-out rows.
struct Attempt<'a> {
    scaled: Scaled<'a>,
    chosen: Chosen,
    readings: Readings,
}

impl<'a> Attempt<'a> {
    fn new(
        scaled: Scaled<'a>,
        split: &Split,
        options: &LawOptions,
        progress: &Progress<'_>,
    ) -> Result<Self> {
        let chosen = choose(&scaled, split, options, progress)?;
        let hidden = chosen.net.widths().len() > 2;
        let readings = if chosen.cv_r2 >= options.threshold {
            Readings::of(&scaled, split, &chosen.net, progress)?
        } else {
            Readings::default()
        };
        let mut attempt = Attempt {
            scaled,
            chosen,
            readings,
        };
        // Where sums of functions do not do, and no function of a sum is exact.
        if hidden && attempt.chosen.cv_r2 >= options.threshold && attempt.exact(split) != Some(true)
        {
            let other =
                structures::search(&attempt.scaled, split, options, &attempt.chosen, progress)?;
            let floor = noise_floor(&attempt.scaled, split);
            if let Some((chosen, readings)) = other {
                let other = Attempt {
                    scaled: attempt.scaled,
                    chosen,
                    readings,
                };
                let length = |readings: &Readings| match &readings.formula {
                    Some(f) => description(split.train.len(), f.sum_squares, f.k, floor),
                    None => f64::INFINITY,
                };
                let shorter = length(&other.readings) < length(&attempt.readings);
                if shorter {
                    return Ok(other);
                }
                attempt.scaled = other.scaled;
            }
        }
        Ok(attempt)
    }

    /// Whether the formula fits the training rows to rounding; `None` without formula.
    fn exact(&self, split: &Split) -> Option<bool> {
        let floor = noise_floor(&self.scaled, split);
        let formula = self.readings.formula.as_ref()?;
        Some(formula.sum_squares <= split.train.len() as f64 * floor * floor)
    }

    /// Description length of the training rows in their own unit, whichever scale was learned in: residuals of
    /// the logarithm carry the factor `1/y` of the change of variable (Box and Cox, J. R. Statist. Soc. B 26
    /// (1964) 211, section 3).
    fn description(&self, split: &Split) -> f64 {
        let Some(formula) = &self.readings.formula else {
            return f64::INFINITY;
        };
        let own = description(split.train.len(), formula.sum_squares, formula.k, 0.0);
        if self.scaled.logarithmic {
            own + 2.0 * split.train.iter().map(|r| self.scaled.y[*r]).sum::<f64>()
        } else {
            own
        }
    }

    fn describes_better_than(&self, by_log: &Self, split: &Split, options: &LawOptions) -> bool {
        if by_log.chosen.cv_r2 < options.threshold {
            return self.chosen.cv_r2 >= options.threshold.max(SECOND_TRY);
        }
        if self.chosen.cv_r2 < options.threshold {
            return false;
        }
        let constants = |a: &Self| a.readings.formula.as_ref().map_or(usize::MAX, |f| f.k);
        match (self.exact(split), by_log.exact(split)) {
            (Some(true), Some(true)) => constants(self) < constants(by_log),
            (Some(true), _) => true,
            (_, Some(true)) => false,
            _ => self.description(split) < by_log.description(split),
        }
    }

    /// The law, judged by the held-out rows.
    fn judge(self, split: &Split, options: &LawOptions) -> Result<Law> {
        let (scaled, chosen) = (&self.scaled, &self.chosen);
        let outputs = chosen.net.predict(&scaled.rows(&scaled.all()))?;
        let network = Errors::of(scaled, split, &scaled.learned(&outputs));
        let mut law = Law {
            target: scaled.target.into(),
            inputs: scaled.names.iter().map(|n| n.to_string()).collect(),
            // Two judges that never saw each other's rows.
            found: chosen.cv_r2 >= options.threshold && network.r2 >= options.threshold,
            reason: format!(
                "R2 {:.4} in cross-validation and {:.4} on {} held-out rows; a law needs {}",
                chosen.cv_r2,
                network.r2,
                split.holdout.len(),
                options.threshold
            ),
            formula: None,
            latex: None,
            expr: None,
            constants: Vec::new(),
            formula_holdout_error: None,
            error_kind: if scaled.logarithmic {
                "relative"
            } else {
                "normalised"
            }
            .into(),
            train_error: network.train,
            holdout_error: network.holdout,
            holdout_r2: network.r2,
            holdout_rows: split.holdout.clone(),
            logarithmic: vec![scaled.logarithmic; scaled.names.len() + 1],
            widths: chosen.net.widths().to_vec(),
            grid: chosen.grid,
            parameters: chosen.net.parameters(),
            iterations: chosen.iterations,
            curves: Vec::new(),
            predicted: network.predicted.clone(),
        };
        if law.found {
            match &self.readings.formula {
                Some(formula) => accept(&mut law, formula, scaled, split, &network)?,
                None => law
                    .reason
                    .push_str("; no formula of the library was read from the network"),
            }
        }
        law.curves = curves(scaled, &chosen.net, &self.readings);
        Ok(law)
    }
}

/// Takes the formula into the law where it holds on the held-out rows.
fn accept(
    law: &mut Law,
    formula: &Formula,
    scaled: &Scaled<'_>,
    split: &Split,
    network: &Errors,
) -> Result<()> {
    let errors = Errors::of(scaled, split, &formula.learned);
    let good = errors.normalised <= (FORMULA_LOSS * network.normalised).max(FORMULA_GOOD);
    let all_finite = errors.predicted.iter().all(|v| v.is_finite());
    if !(good && all_finite) {
        law.reason.push_str(&format!(
            "; the best formula misses the held-out rows of {} by {:.3} standard deviations, the network by {:.3}",
            scaled.target, errors.normalised, network.normalised
        ));
        return Ok(());
    }
    let readable = formula.readable(scaled, split, noise_floor(scaled, split))?;
    law.formula = Some(readable.to_string());
    law.latex = Some(readable.to_latex());
    law.expr = Some(formula.expr.clone());
    law.constants = formula.constants.clone();
    law.formula_holdout_error = Some(errors.holdout);
    Ok(())
}

/// Edges sampled for plots, inputs in the learned scale.
fn curves(scaled: &Scaled<'_>, net: &Kan, readings: &Readings) -> Vec<Curve> {
    const POINTS: usize = 81;
    let mut out = Vec::new();
    let layers = net.layers.len();
    for (l, layer) in net.layers.iter().enumerate() {
        for i in 0..layer.inputs {
            for o in 0..layer.sums {
                let (map, from) = if l == 0 {
                    (scaled.maps[i], scaled.names[i].to_string())
                } else {
                    (
                        Affine {
                            middle: 0.0,
                            half: 1.0,
                        },
                        format!("hidden {l}.{}", i + 1),
                    )
                };
                let last = l + 1 == layers;
                let to = if last {
                    scaled.target.to_string()
                } else {
                    format!("hidden {}.{}", l + 1, o + 1)
                };
                let scale = if last { scaled.y_map.half } else { 1.0 };
                let unit = |k: usize| 2.0 * k as f64 / (POINTS - 1) as f64 - 1.0;
                let x: Vec<f64> = (0..POINTS)
                    .map(|k| map.middle + map.half * unit(k))
                    .collect();
                let mut y: Vec<f64> = (0..POINTS)
                    .map(|k| scale * layer.at(i, o, unit(k)))
                    .collect();
                if last && layers == 1 && i == 0 && layer.inputs == 1 {
                    // A single edge carries the whole law: show it where the data are.
                    y.iter_mut().for_each(|v| *v += scaled.y_map.middle);
                }
                let edges = readings.edges.get(l);
                let reading = edges.and_then(|e| e.get(layer.edge(i, o)).cloned().flatten());
                out.push(Curve {
                    from,
                    to,
                    x,
                    y,
                    symbolic: reading.as_ref().map(|(text, _)| text.clone()),
                    symbolic_r2: reading.map(|(_, r2)| r2),
                });
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
