//! Dimensional analysis: terms of equations, and groups that are pure numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::conserved::{context, fits};
use super::data::Data;
use super::findings::{Findings, Kind};
use super::{Status, Verdict, dimensions};
use crate::error::{Error, Result};
use crate::expr::units::{Dimension, Unit, dimension_of};
use crate::expr::{By, Context, Equation, Expr};

/// An equation whose terms must have one dimension. Units come from the data of the request and from `units`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DimensionsClaim {
    /// The equation.
    pub equation: String,
    /// Units of names, for example `{"E": "J", "m": "kg"}`.
    pub units: BTreeMap<String, String>,
}

fn units(path: &str, units: &BTreeMap<String, String>) -> Result<BTreeMap<String, Dimension>> {
    let each = units.iter().map(|(name, unit)| {
        let unit = Unit::parse(unit)
            .map_err(|e| Error::invalid(format!("{path}.{name}"), unit, e.to_string()))?;
        Ok((name.clone(), unit.dimension))
    });
    each.collect()
}

impl DimensionsClaim {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let own = units(&format!("{path}.units"), &self.units)?;
        let shown: String = self.equation.chars().take(80).collect();
        let mut context = context(data);
        context.names.extend(own.keys().cloned());
        let read = fits(&self.equation).and_then(|()| {
            Equation::parse_with(&self.equation, &context)
                .map_err(|e| format!("not an equation: {e}"))
        });
        let equation = match read {
            Ok(equation) => equation,
            Err(why) => {
                let title = format!("dimensions agree: {shown}");
                out.push(Kind::Dimensions, Verdict::not_checked(title, why));
                return Ok(());
            }
        };
        let plain = |name: &str| own.get(name).copied().or_else(|| data.dimension_of(name));
        let mut derivatives = BTreeMap::new();
        for d in equation
            .left
            .derivatives()
            .union(&equation.right.derivatives())
        {
            let by = match &d.by {
                By::Primes(n) => {
                    let time = data.time.as_deref().unwrap_or("t");
                    plain(time).and_then(|t| t.pow(f64::from(*n)))
                }
                By::Coordinates(letters) => letters.chars().try_fold(Dimension::NONE, |all, c| {
                    Some(all.times(plain(&c.to_string())?))
                }),
            };
            if let (Some(field), Some(by)) = (plain(&d.field), by) {
                derivatives.insert(d.to_string(), field.over(by));
            }
        }
        let of = |name: &str| derivatives.get(name).copied().or_else(|| plain(name));
        out.push(Kind::Dimensions, dimensions(&equation, &of));
        Ok(())
    }
}

/// Quantities with units and the dimensionless groups that are claimed for them (Buckingham, Phys. Rev. 4 (1914)
/// 345): there are as many independent ones as quantities less the rank of their dimensions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Buckingham {
    /// Units of the quantities, for example `{"v": "m/s", "L": "m"}`.
    pub quantities: BTreeMap<String, String>,
    /// Claimed groups, as formulas, for example `rho*v*L/mu`.
    pub groups: Vec<String>,
    /// Claimed number of independent groups; absent: not claimed.
    pub count: Option<usize>,
}

/// Rank of the exponents (rows: quantities) and one exponent vector per independent group.
fn groups(exponents: &[[f64; 7]]) -> (usize, Vec<Vec<f64>>) {
    let n = exponents.len();
    // Columns are quantities; reduced row echelon form. Exponents are small multiples of 1/12: exact enough.
    let mut m: Vec<Vec<f64>> = (0..7)
        .map(|row| exponents.iter().map(|e| e[row]).collect())
        .collect();
    let mut pivots = Vec::new();
    let mut row = 0;
    for column in 0..n {
        let Some(best) =
            (row..7).max_by(|a, b| m[*a][column].abs().total_cmp(&m[*b][column].abs()))
        else {
            break;
        };
        if m[best][column].abs() <= 1e-9 {
            continue;
        }
        m.swap(row, best);
        let pivot = m[row][column];
        for v in &mut m[row] {
            *v /= pivot;
        }
        let source = m[row].clone();
        for (r, target) in m.iter_mut().enumerate() {
            let factor = target[column];
            if r != row && factor != 0.0 {
                for (t, s) in target.iter_mut().zip(&source) {
                    *t -= factor * s;
                }
            }
        }
        pivots.push(column);
        row += 1;
    }
    let free = (0..n).filter(|c| !pivots.contains(c));
    let basis = free
        .map(|c| {
            let mut group = vec![0.0; n];
            group[c] = 1.0;
            for (r, p) in pivots.iter().enumerate() {
                group[*p] = -m[r][c];
            }
            group
        })
        .collect();
    (pivots.len(), basis)
}

fn shown(names: &[&String], group: &[f64]) -> String {
    let parts: Vec<String> = names
        .iter()
        .zip(group)
        .filter(|(_, e)| e.abs() > 1e-9)
        .map(|(n, e)| {
            if (e - 1.0).abs() <= 1e-9 {
                (*n).clone()
            } else {
                format!("{n}^{}", (e * 1e6).round() / 1e6)
            }
        })
        .collect();
    parts.join(" ")
}

impl Buckingham {
    pub(super) fn check(&self, path: &str, out: &mut Findings) -> Result<()> {
        let known = units(&format!("{path}.quantities"), &self.quantities)?;
        let names: Vec<&String> = known.keys().collect();
        let exponents: Vec<[f64; 7]> = known.values().map(|d| d.exponents()).collect();
        let (rank, basis) = groups(&exponents);
        let all: Vec<String> = basis.iter().map(|g| shown(&names, g)).collect();
        let explanation = format!(
            "{} quantities of rank {rank} leave {} independent groups: {}",
            names.len(),
            basis.len(),
            all.join(", ")
        );
        let by = |title: String, status, effect: String| {
            Verdict {
                status,
                ..Verdict::not_checked(title, explanation.clone())
            }
            .noted(effect, f64::NAN)
        };
        if self.groups.is_empty() && self.count.is_none() {
            let title = "dimensionless groups";
            let why = format!("no group and no number of groups is claimed; {explanation}");
            out.push(Kind::Buckingham, Verdict::not_checked(title, why));
        }
        if let Some(count) = self.count {
            let status = if count == basis.len() {
                Status::Valid
            } else {
                Status::Violated
            };
            let mut verdict = by(
                "number of dimensionless groups".into(),
                status,
                format!("{count} claimed, {} there", basis.len()),
            );
            verdict.statistic = Some(("groups claimed".into(), count as f64));
            verdict.threshold = Some(basis.len() as f64);
            out.push(Kind::Buckingham, verdict);
        }
        let context = Context::with_names(&names);
        for group in &self.groups {
            let text: String = group.chars().take(80).collect();
            let title = format!("a pure number: {text}");
            if let Err(why) = fits(group) {
                out.push(Kind::Buckingham, Verdict::not_checked(title, why));
                continue;
            }
            let found = Expr::parse_with(group, &context).and_then(|e| {
                Ok((
                    e.names().is_empty(),
                    dimension_of(&e, &|n| known.get(n).copied())?,
                ))
            });
            let verdict = match found {
                Ok((true, _)) => Verdict::not_checked(title, "it holds no quantity"),
                Ok((false, d)) if d.is_none() => by(title, Status::Valid, "dimension 1".into()),
                Ok((false, d)) => by(title, Status::Violated, format!("dimension {d}")),
                Err(Error::InvalidInput { value, .. }) => by(title, Status::Violated, value),
                Err(e) => Verdict::not_checked(title, e.to_string()),
            };
            out.push(Kind::Buckingham, verdict);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_drag() {
        // F, rho, v, L, mu: rank 3, two groups (drag coefficient and Reynolds number).
        let of = |unit: &str| Unit::parse(unit).unwrap().dimension.exponents();
        let all = ["N", "kg/m^3", "m/s", "m", "Pa*s"].map(of);
        let (rank, basis) = groups(&all);
        assert_eq!((rank, basis.len()), (3, 2));
        for group in basis {
            for base in 0..7 {
                let sum: f64 = group.iter().zip(&all).map(|(g, e)| g * e[base]).sum();
                assert!(sum.abs() <= 1e-12);
            }
        }
        assert_eq!(groups(&[]), (0, vec![]));
        assert_eq!(groups(&[[0.0; 7]]).0, 0);
    }
}
