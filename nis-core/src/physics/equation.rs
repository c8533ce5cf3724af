//! Equations given as text, on numbers, on columns and on fields.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::conserved::{ROUNDING, constants, context, fits, trajectory};
use super::data::Data;
use super::estimate::{Lattice, Line, Missing, samples};
use super::findings::{Deviate, Findings, Kind};
use super::laws::same_sides;
use super::statistics::{BLIND, SLACK, excess, rms};
use crate::error::{Error, Result};
use crate::expr::{Equation, Expr};
use crate::telemetry::Progress;

/// An equation that the data are claimed to obey.
///
/// - On numbers alone, `F = m*a`: both sides are computed.
/// - On columns, row by row; where columns have a declared noise, the sum of squares of the residuals is compared with
///   it, else each row must hold to `tolerance`.
/// - With derivatives of columns (`x'' = -w2*x`, with respect to the column of times) or of fields on the grid
///   (`u_t = a*u_xx`): derivatives are those of local polynomials, the root mean square of the residual is compared
///   with what noise and truncation make of it. Where those would hide half of the largest term, it is not checked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EquationClaim {
    /// The equation.
    pub text: String,
    /// Relative difference of the sides that is granted where nothing has noise; absent: 1e-9.
    pub tolerance: Option<f64>,
}

impl EquationClaim {
    pub(super) fn check(
        &self,
        path: &str,
        data: &Data,
        out: &mut Findings,
        progress: &Progress<'_>,
    ) -> Result<()> {
        if let Some(t) = self.tolerance
            && !(0.0..0.5).contains(&t)
        {
            return Err(Error::invalid(
                format!("{path}.tolerance"),
                t,
                "a relative difference from 0 to below 0.5",
            ));
        }
        if !out.wants(Kind::Equation) {
            return Ok(());
        }
        let shown: String = self.text.chars().take(80).collect();
        let title = format!("equation holds: {shown}");
        let refuse = |out: &mut Findings, why: String| {
            out.push(Kind::Equation, Verdict::not_checked(title.clone(), why));
            Ok(())
        };
        if let Err(why) = fits(&self.text) {
            return refuse(out, why);
        }
        let equation = match Equation::parse_with(&self.text, &context(data)) {
            Ok(equation) => equation,
            Err(e) => return refuse(out, format!("not an equation: {e}")),
        };
        if same_sides(&equation) {
            return refuse(out, "both sides are the same for all numbers".into());
        }
        let sides = [&equation.left, &equation.right];
        let holds = |known: &dyn Fn(&str) -> bool| {
            sides.iter().any(|s| {
                s.names().iter().any(|n| known(n))
                    || s.derivatives().iter().any(|d| known(&d.field))
            })
        };
        let on_grid =
            holds(&|n| data.fields.contains_key(n) || data.axes.iter().any(|a| a.name == n));
        let on_columns = holds(&|n| data.columns.contains_key(n));
        let derivatives = sides.iter().any(|s| !s.derivatives().is_empty());
        if on_grid && on_columns {
            return refuse(out, "it mixes columns and fields of the grid".into());
        }
        if on_grid {
            let lattice = grid(data, |name| {
                sides.iter().any(|s| {
                    s.names().contains(name) || s.derivatives().iter().any(|d| d.field == name)
                })
            });
            return residual(
                &title,
                Kind::Equation,
                data,
                &lattice,
                &equation,
                out,
                progress,
            );
        }
        if on_columns && derivatives {
            return match trajectory(data, path, &sides)? {
                Err(why) => refuse(out, why),
                Ok(mut lattice) => {
                    // No regression on time follows that would need many independent samples.
                    lattice.windows = 6;
                    let kind = Kind::Equation;
                    residual(&title, kind, data, &lattice, &equation, out, progress)
                }
            };
        }
        if derivatives {
            return refuse(out, "there are no samples of what it differentiates".into());
        }
        self.rows(&title, data, &equation, out)
    }

    /// Numbers and columns without derivatives, row by row.
    fn rows(
        &self,
        title: &str,
        data: &Data,
        equation: &Equation,
        out: &mut Findings,
    ) -> Result<()> {
        let kind = Kind::Equation;
        let refuse = |out: &mut Findings, why: String| {
            out.push(kind, Verdict::not_checked(title, why));
            Ok(())
        };
        let mut names: Vec<&str> = Vec::new();
        let mut inputs: Vec<&[f64]> = Vec::new();
        let mut noises = Vec::new();
        let used = |name: &str| {
            equation.left.names().contains(name) || equation.right.names().contains(name)
        };
        let mut rows = None;
        for (name, series) in data.columns.iter().filter(|(n, _)| used(n)) {
            names.push(name);
            inputs.push(&series.values);
            noises.push(series.noise.unwrap_or(0.0));
            rows = Some(series.values.len());
        }
        let rows = rows.unwrap_or(1);
        if rows == 0 {
            return refuse(out, "the columns are empty".into());
        }
        let constant: Vec<(String, Vec<f64>)> = constants(data)
            .into_iter()
            .filter(|(n, _)| used(n) && !names.contains(&n.as_str()))
            .map(|(n, v)| (n, vec![v; rows]))
            .collect();
        for (name, values) in &constant {
            names.push(name);
            inputs.push(values);
        }
        let run = |e: &Expr| -> Result<Vec<f64>> {
            let mut values = vec![0.0; rows];
            e.compile(&names)?.evaluate(&inputs, &mut values)?;
            Ok(values)
        };
        let (left, right) = match (run(&equation.left), run(&equation.right)) {
            (Ok(left), Ok(right)) => (left, right),
            (Err(e), _) | (_, Err(e)) => return refuse(out, e.to_string()),
        };
        if left.iter().chain(&right).any(|v| !v.is_finite()) {
            return refuse(out, "a side is not finite".into());
        }
        if noises.iter().all(|n| *n == 0.0) {
            let mut worst = (0.0, 0);
            for (i, (l, r)) in left.iter().zip(&right).enumerate() {
                let size = l.abs().max(r.abs());
                let difference = if l == r {
                    0.0
                } else {
                    (l / size - r / size).abs()
                };
                if difference > worst.0 {
                    worst = (difference, i);
                }
            }
            if left.iter().chain(&right).all(|v| *v == 0.0) {
                return refuse(out, "both sides are 0".into());
            }
            let (difference, row) = worst;
            let at = if rows > 1 {
                format!(" in row {}", row + 1)
            } else {
                String::new()
            };
            out.push(
                kind,
                Verdict::by(
                    title.to_string(),
                    ("relative difference of the sides", difference),
                    self.tolerance.unwrap_or(ROUNDING),
                    "both sides were computed from the given numbers".into(),
                )
                .with_effect(format!(
                    "left side {}, right side {}{at}",
                    left[row], right[row]
                )),
            );
            return Ok(());
        }
        // Noise of the difference by the slopes of the sides.
        let difference = equation.left.minus(&equation.right)?;
        let mut variance = vec![0.0; rows];
        for (name, noise) in names.iter().zip(&noises) {
            let slope = run(&difference.differentiate(name)?)?;
            for (v, s) in variance.iter_mut().zip(slope) {
                *v += (s * noise).powi(2);
            }
        }
        let mut squares = 0.0;
        for i in 0..rows {
            let size = ROUNDING * left[i].abs().max(right[i].abs());
            squares += (left[i] - right[i]).powi(2) / (variance[i] + size * size);
        }
        let freedom = rows as f64;
        let (noise, size) = (
            (variance.iter().sum::<f64>() / freedom).sqrt(),
            rms(left.iter().copied()).max(rms(right.iter().copied())),
        );
        // The noise is declared, so nothing is granted to its estimate.
        let statistic = excess(squares / freedom * SLACK * SLACK, freedom);
        let verdict = Verdict {
            statistic: Some(("residuals in standard deviations".into(), statistic)),
            ..Verdict::not_checked(
                title,
                "sum of squares of the residuals, against the declared noise",
            )
        }
        .noted(format!("chi^2 per row {:.3}", squares / freedom), noise);
        let deviate = Deviate {
            freedom: f64::INFINITY,
            share: noise / size / 4.0,
        };
        out.deviate(kind, verdict, deviate);
        Ok(())
    }
}

/// The fields of the grid that are needed.
pub(super) fn grid<'a>(data: &'a Data, needed: impl Fn(&str) -> bool) -> Lattice<'a> {
    Lattice {
        axes: data
            .axes
            .iter()
            .map(|a| Line {
                name: a.name.clone(),
                at: (0..a.points).map(|i| a.start + i as f64 * a.step).collect(),
                step: Some(a.step),
                periodic: a.periodic,
            })
            .collect(),
        fields: data
            .fields
            .iter()
            .filter(|(name, _)| needed(name))
            .map(|(name, s)| (name.clone(), s.values.as_slice(), s.noise))
            .collect(),
        windows: 6,
    }
}

/// Checks an equation on a lattice by the root mean square of its residual.
pub(super) fn residual(
    title: &str,
    kind: Kind,
    data: &Data,
    lattice: &Lattice<'_>,
    equation: &Equation,
    out: &mut Findings,
    progress: &Progress<'_>,
) -> Result<()> {
    let refuse = |out: &mut Findings, why: String| {
        out.push(kind, Verdict::not_checked(title, why));
        Ok(())
    };
    let difference = equation.left.minus(&equation.right)?;
    let samples = match samples(lattice, &[&difference], &constants(data), progress) {
        Ok(samples) => samples,
        Err(Missing::NotChecked(why)) => return refuse(out, why),
        Err(Missing::Failed(error)) => return Err(error),
    };
    let found = samples.evaluate(&difference, progress)?;
    let points = samples.len() as f64;
    let left = rms(found.value.iter().copied());
    if !left.is_finite() || !found.scale.is_finite() {
        return refuse(out, "a term is not finite somewhere".into());
    }
    if found.scale == 0.0 {
        return refuse(out, "all terms are 0".into());
    }
    // Squares of shares of the largest term, so that none overflows.
    let share = |v: f64| (v / found.scale).powi(2);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / points / found.scale / found.scale;
    let noise = mean(&found.variance);
    let independent = (points * samples.stride as f64 / samples.window).clamp(1.0, points);
    let spread = (2.0 / independent).sqrt();
    let changed: Vec<f64> = found
        .value
        .iter()
        .zip(&found.other)
        .map(|(a, b)| (a / found.scale - b / found.scale).powi(2))
        .collect();
    let change = changed.iter().sum::<f64>() / points;
    let by_noise = mean(&found.difference_variance) * (1.0 + 3.0 * spread);
    let cut = samples.truncation_share.powi(2) * (change - by_noise).max(0.0);
    let expected = (noise + 4.0 * cut + ROUNDING * ROUNDING).sqrt();
    let threshold = SLACK * (1.0 + 4.0 * spread).sqrt();
    let ratio = share(left).sqrt() / expected;
    let relative = left / found.scale;
    let hidden = threshold * expected;
    let verdict = if ratio.is_finite() && ratio <= threshold && hidden > BLIND {
        Verdict::not_checked(
            title,
            format!(
                "cannot tell: noise ({:.1e}) and truncation ({:.1e}) would hide {:.0} % of the largest term",
                noise.sqrt(),
                cut.sqrt(),
                (100.0 * hidden).min(1e6)
            ),
        )
    } else {
        Verdict::by(
            title.to_string(),
            ("residual over what noise and truncation explain", ratio),
            threshold,
            format!(
                "derivatives by local polynomials at {} points; relative to the largest term noise makes {:.1e}, truncation {:.1e}",
                samples.len(),
                noise.sqrt(),
                cut.sqrt()
            ),
        )
        .with_effect(format!(
            "residual {left:.3e}, {relative:.2e} of the largest term ({:.3e})",
            found.scale
        ))
        .with_noise(noise.sqrt() * found.scale)
    };
    out.push(kind, verdict);
    Ok(())
}
