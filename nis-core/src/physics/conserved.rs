//! Quantities along a trajectory that are declared to be kept.

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::Verdict;
use super::data::Data;
use super::estimate::{Lattice, Line, Missing, Samples, samples};
use super::evaluate::Evaluated;
use super::findings::{Deviate, Findings, Kind};
use super::motion::Integrator;
use super::statistics::{excess, rms};
use crate::error::Result;
use crate::expr::{Context, Expr};
use crate::optim::least_squares;
use crate::telemetry::Progress;

/// Relative change that rounding may cause.
pub(super) const ROUNDING: f64 = 1e-9;

/// How a quantity may change beyond what the declared rate explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Not at all.
    #[default]
    Kept,
    /// It may fall, as the energy of a damped system does.
    NotGrowing,
    /// It may grow, as entropy does.
    NotFalling,
}

/// A quantity of columns that is declared to keep its value, or to change at a declared rate.
///
/// The quantity is a formula of columns, numbers and derivatives with respect to the column of times (`x'`), for
/// example `0.5*m*x'^2 + 0.5*k*x^2`; the rate is one too, for example `-gamma*x'^2`. Derivatives are those of local
/// polynomials; the bias that noise gives to squares is subtracted. Two things are tested: the slope of the regression
/// of the quantity, less the integral of the rate, on time (Student's t, on samples whose windows do not overlap), and
/// its scatter around that line against the noise of the columns. Cost: some multiplications per sample and per
/// sample of a window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conserved {
    /// What the quantity is called.
    pub name: String,
    /// The quantity, as text.
    pub quantity: String,
    /// Its declared rate of change, as text; absent: 0.
    pub rate: Option<String>,
    /// How it may change beyond that.
    pub rule: Rule,
    /// How the samples were computed, where they are the output of a simulation: errors of its order are then allowed.
    pub integrator: Option<Integrator>,
}

/// One quantity and what is declared of it.
pub(super) struct Declared<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) quantity: &'a Expr,
    pub(super) rate: Option<&'a Expr>,
    pub(super) rule: Rule,
    pub(super) integrator: Option<&'a Integrator>,
    /// Whether the declared integrator keeps this quantity to rounding.
    pub(super) exactly: bool,
}

/// Reads a formula in which the names of the data are quantities; on failure there is a reason not to check.
pub(super) fn formula(data: &Data, text: &str) -> std::result::Result<Expr, String> {
    fits(text)?;
    Expr::parse_with(text, &context(data)).map_err(|e| format!("not a formula: {e}"))
}

/// Longest formula or equation, in bytes: what a claim says fits on a page.
const LONGEST: usize = 10_000;

/// Refuses texts whose simplification could take long.
pub(super) fn fits(text: &str) -> std::result::Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("{} bytes of text, more than {LONGEST}", text.len()));
    }
    Ok(())
}

/// Names of the data are quantities, letters of the axes stand in subscripts.
pub(super) fn context(data: &Data) -> Context {
    let names = data.numbers.keys().chain(data.columns.keys());
    let mut context = Context {
        names: names.chain(data.fields.keys()).cloned().collect(),
        ..Context::default()
    };
    for axis in &data.axes {
        for c in axis.name.chars() {
            if !context.coordinates.contains(&c) {
                context.coordinates.push(c);
            }
        }
    }
    if let Some(time) = &data.time {
        let mut letters = time.chars();
        if let (Some(c), None) = (letters.next(), letters.next())
            && !context.coordinates.contains(&c)
        {
            context.coordinates.push(c);
        }
    }
    context
}

/// The columns that formulas need, over the column of times; `Err` holds why there is no trajectory.
pub(super) fn trajectory<'a>(
    data: &'a Data,
    path: &str,
    formulas: &[&Expr],
) -> Result<std::result::Result<Lattice<'a>, String>> {
    let (time, series) = data.times(path)?;
    if series.values.len() < 3 {
        return Ok(Err(format!("{} samples are too few", series.values.len())));
    }
    let Some(line) = Line::through(time, &series.values) else {
        return Ok(Err(format!("{time} does not increase or is not finite")));
    };
    let needed = |name: &str| {
        formulas
            .iter()
            .any(|f| f.names().contains(name) || f.derivatives().iter().any(|d| d.field == name))
    };
    let fields = data
        .columns
        .iter()
        .filter(|(name, _)| name.as_str() != time && needed(name))
        .map(|(name, s)| (name.clone(), s.values.as_slice(), s.noise))
        .collect();
    Ok(Ok(Lattice {
        axes: vec![line],
        fields,
        windows: 16,
    }))
}

/// Values of the numbers of a request.
pub(super) fn constants(data: &Data) -> Vec<(String, f64)> {
    let numbers = data.numbers.iter();
    numbers.map(|(n, (v, _))| (n.clone(), *v)).collect()
}

impl Conserved {
    pub(super) fn check(
        &self,
        path: &str,
        data: &Data,
        out: &mut Findings,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let name = if self.name.is_empty() {
            self.quantity.chars().take(60).collect()
        } else {
            self.name.clone()
        };
        let kind = Kind::Conserved;
        if let Some(integrator) = &self.integrator {
            integrator.valid(&format!("{path}.integrator"))?;
        }
        let quantity = formula(data, &self.quantity);
        let rate = self.rate.as_ref().map(|r| formula(data, r)).transpose();
        match (quantity, rate) {
            (Ok(quantity), Ok(rate)) => {
                let declared = Declared {
                    kind,
                    name: &name,
                    quantity: &quantity,
                    rate: rate.as_ref(),
                    rule: self.rule,
                    integrator: self.integrator.as_ref(),
                    exactly: false,
                };
                check(path, data, &declared, out, progress)
            }
            (Err(why), _) | (_, Err(why)) => {
                out.push(kind, Verdict::not_checked(format!("kept: {name}"), why));
                Ok(())
            }
        }
    }
}

/// Checks one quantity along the trajectory.
pub(super) fn check(
    path: &str,
    data: &Data,
    declared: &Declared<'_>,
    out: &mut Findings,
    progress: &Progress<'_>,
) -> Result<()> {
    if !out.wants(declared.kind) {
        return Ok(());
    }
    let title = format!("{}: {}", verb(declared.rule), declared.name);
    let refuse = |out: &mut Findings, why: String| {
        out.push(declared.kind, Verdict::not_checked(title.clone(), why));
        Ok(())
    };
    let mut formulas = vec![declared.quantity];
    formulas.extend(declared.rate);
    if declared.quantity.names().is_empty() && declared.quantity.derivatives().is_empty() {
        return refuse(out, "the quantity is a number".into());
    }
    let mut lattice = match trajectory(data, path, &formulas)? {
        Ok(lattice) => lattice,
        Err(why) => return refuse(out, why),
    };
    if lattice.fields.is_empty() {
        return refuse(
            out,
            "the quantity holds no column, so it cannot change".into(),
        );
    }
    let derivatives = formulas.iter().any(|f| !f.derivatives().is_empty());
    let exact = declared.integrator.is_some() || lattice.fields.iter().all(|f| f.2 == Some(0.0));
    if exact {
        // The tolerance is that of the integrator, so nothing is estimated from the values.
        for field in &mut lattice.fields {
            field.2 = Some(0.0);
        }
        if derivatives {
            return refuse(
                out,
                "values of a simulation are compared without derivatives: give the velocities as columns".into(),
            );
        }
    }
    let samples = match samples(&lattice, &formulas, &constants(data), progress) {
        Ok(samples) => samples,
        Err(Missing::NotChecked(why)) => return refuse(out, why),
        Err(Missing::Failed(error)) => return Err(error),
    };
    let mut quantity = samples.evaluate(declared.quantity, progress)?;
    if let Some(rate) = declared.rate {
        let rate = samples.evaluate(rate, progress)?;
        let t = samples.along(0);
        subtract_integral(t, &rate.value, &mut quantity.value);
        subtract_integral(t, &rate.other, &mut quantity.other);
        let span = t.last().copied().unwrap_or(0.0) - t.first().copied().unwrap_or(0.0);
        let size = rms(rate.value.iter().copied()) * span;
        if size.is_nan() || size > quantity.scale {
            quantity.scale = size;
        }
    }
    if quantity
        .value
        .iter()
        .chain(&quantity.other)
        .any(|v| !v.is_finite())
    {
        return refuse(out, "the quantity is not finite somewhere".into());
    }
    if exact {
        by_tolerance(&title, declared, &lattice, &samples, &quantity, out);
    } else {
        by_noise(&title, declared, &samples, &quantity, out);
    }
    Ok(())
}

fn verb(rule: Rule) -> &'static str {
    match rule {
        Rule::Kept => "kept",
        Rule::NotGrowing => "not growing",
        Rule::NotFalling => "not falling",
    }
}

/// Subtracts the integral of `rate` from the first sample on (trapezoids).
fn subtract_integral(t: &[f64], rate: &[f64], values: &mut [f64]) {
    let mut sum = 0.0;
    for i in 1..values.len() {
        sum += 0.5 * (t[i] - t[i - 1]) * (rate[i] + rate[i - 1]);
        values[i] -= sum;
    }
}

/// The part of a change that the rule forbids.
fn forbidden(rule: Rule, change: f64) -> f64 {
    match rule {
        Rule::Kept => change,
        Rule::NotGrowing if change < 0.0 => 0.0,
        Rule::NotFalling if change > 0.0 => 0.0,
        _ => change,
    }
}

fn by_tolerance(
    title: &str,
    declared: &Declared<'_>,
    lattice: &Lattice<'_>,
    samples: &Samples,
    quantity: &Evaluated,
    out: &mut Findings,
) {
    let values = &quantity.value;
    let first = values.first().copied().unwrap_or(f64::NAN);
    let worst = values
        .iter()
        .map(|v| forbidden(declared.rule, v - first))
        .fold(0.0f64, |a, v| {
            if v.is_nan() || v.abs() > a.abs() {
                v
            } else {
                a
            }
        });
    let end = values.last().copied().unwrap_or(f64::NAN) - first;
    let scale = first.abs().max(rms(values.iter().copied()));
    let scale = if scale > ROUNDING * quantity.scale {
        scale
    } else {
        quantity.scale
    };
    let (tolerance, why) = match declared.integrator {
        Some(integrator) if !declared.exactly => integrator.tolerance(samples.along(0), lattice),
        Some(integrator) => (
            ROUNDING,
            format!("{} keeps it to rounding", integrator.name()),
        ),
        None => (
            ROUNDING,
            "the samples are declared free of noise".to_string(),
        ),
    };
    let verdict = if tolerance > 0.1 {
        Verdict::not_checked(
            title,
            format!("cannot tell: {why}, which allows a relative change of {tolerance:.1e}"),
        )
    } else {
        Verdict::by(
            title.to_string(),
            ("largest relative change", worst.abs() / scale),
            tolerance,
            why,
        )
        .with_effect(format!(
            "largest change {worst:+.3e} of {scale:.3e}, at the end {end:+.3e}"
        ))
    };
    out.push(declared.kind, verdict);
}

fn by_noise(
    title: &str,
    declared: &Declared<'_>,
    samples: &Samples,
    quantity: &Evaluated,
    out: &mut Findings,
) {
    // Samples whose windows do not overlap are independent.
    let step = (samples.window / samples.stride as f64).ceil().max(1.0) as usize;
    let picked: Vec<usize> = (0..samples.len()).step_by(step).collect();
    let n = picked.len();
    if n < 5 {
        let why = format!("{n} independent samples are too few for a regression");
        out.push(declared.kind, Verdict::not_checked(title, why));
        return;
    }
    let t = samples.along(0);
    let pick = |v: &[f64]| -> Vec<f64> { picked.iter().map(|i| v[*i]).collect() };
    let (t, y, other) = (pick(t), pick(&quantity.value), pick(&quantity.other));
    let variance = mean(&pick(&quantity.variance));
    let difference_variance = mean(&pick(&quantity.difference_variance));
    let mt = mean(&t);
    let stt: f64 = t.iter().map(|t| (t - mt).powi(2)).sum();
    let slope_of = |y: &[f64]| {
        let my = mean(y);
        let sty: f64 = t.iter().zip(y).map(|(t, y)| (t - mt) * (y - my)).sum();
        sty / stt
    };
    let (slope, level) = (slope_of(&y), mean(&y));
    let left: Vec<f64> = t
        .iter()
        .zip(&y)
        .map(|(t, y)| y - level - slope * (t - mt))
        .collect();
    let freedom = (n - 2) as f64;
    let squares: f64 = left.iter().map(|r| r * r).sum();
    // A bend of the quantity is no noise of its slope: what a cubic leaves over counts there.
    let (bent, bent_freedom) = beyond_cubic(&t, &y).unwrap_or((squares, freedom));
    let span = t[n - 1] - t[0];
    // Rounding, and what the windows cut off, by the second window.
    let floor = ROUNDING * quantity.scale / 4.0;
    let cut_slope = samples.truncation_share
        * ((slope - slope_of(&other)).abs() - 3.0 * (difference_variance / stt).sqrt()).max(0.0);
    let difference: Vec<f64> = y.iter().zip(&other).map(|(a, b)| (a - b).powi(2)).collect();
    let cut = samples.truncation_share.powi(2) * (mean(&difference) - difference_variance).max(0.0);
    let by_noise = (variance.max(bent / bent_freedom) / stt).sqrt();
    let se = by_noise.hypot(cut_slope).hypot(floor / span);
    let drift = forbidden(declared.rule, slope) / se;
    let expected = variance + cut + floor * floor;
    // What adds to nearly 0, as the momenta of two bodies, is measured by its terms.
    let size = level.abs().max(quantity.scale);
    let change = slope * span;
    let noise = variance.sqrt();
    let drift = Verdict {
        statistic: Some(("drift in standard errors".into(), drift)),
        ..Verdict::not_checked(
            title,
            format!("slope of the regression on time, {n} independent samples"),
        )
    }
    .noted(
        format!(
            "{change:+.3e} over the record, {:+.2} % of {size:.4e}",
            100.0 * change / size
        ),
        noise,
    );
    let share = se * span / size;
    let deviate = Deviate {
        freedom: bent_freedom,
        share,
    };
    out.deviate(declared.kind, drift, deviate);
    if declared.rule == Rule::Kept {
        let ratio = squares / freedom / expected;
        let scatter = Verdict {
            statistic: Some((
                "scatter in standard deviations".into(),
                excess(ratio, freedom),
            )),
            ..Verdict::not_checked(
                format!("{title}, between its ends too"),
                "scatter around the line, against the noise of the samples",
            )
        }
        .noted(
            format!(
                "scatter {:.3e}, {:.3e} by the noise",
                (squares / freedom).sqrt(),
                expected.sqrt()
            ),
            noise,
        );
        let share = expected.sqrt() / (2.0 * size);
        let freedom = f64::INFINITY;
        out.deviate(declared.kind, scatter, Deviate { freedom, share });
    }
}

/// Sum of squares that a cubic leaves over, and its degrees of freedom; `None` where there are fewer than four.
fn beyond_cubic(t: &[f64], y: &[f64]) -> Option<(f64, f64)> {
    let n = t.len();
    let (first, last) = (t.first()?, t.last()?);
    let freedom = n.checked_sub(4).filter(|f| *f >= 4)?;
    let a = Mat::from_fn(n, 4, |i, j| {
        (2.0 * (t[i] - first) / (last - first) - 1.0).powi(j as i32)
    });
    let fit = least_squares(a.as_ref(), y).ok()?;
    Some((fit.sum_squares, freedom as f64))
}

/// Arithmetic mean.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
