//! Systems of ordinary differential equations, read from text and made ready for evaluation.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, Result};
use crate::expr::{By, Context, Derivative, Equation, Expr, Program};

/// The independent variable in equations.
const TIME: &str = "t";

/// Highest order of a derivative.
pub(super) const MAX_DERIVATIVE: u32 = 6;

/// Most first-order components.
pub(super) const MAX_COMPONENTS: usize = 200;

/// A system of ordinary differential equations, each solved for the highest derivative of one field:
/// `hare' = a*hare - b*hare*lynx; lynx' = -c*lynx + d*hare*lynx`, or `y'' + g*y' + w2*y = 0`.
///
/// Fields are the names that stand with primes; `t` is the independent variable; all other names are
/// parameters.
///
/// ```
/// use nis_core::pinn::OdeSystem;
/// let system = OdeSystem::parse("y'' + g*y' + w2*y = 0")?;
/// assert_eq!((system.states(), system.parameters()), (vec!["y"], vec!["g", "w2"]));
/// assert_eq!(system.to_string(), "y'' = -(g*y' + w2*y)");
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OdeSystem {
    fields: Vec<Field>,
    parameters: Vec<String>,
    /// The independent variable.
    time: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) order: u32,
    /// The highest derivative as a formula in `t`, lower derivatives and parameters.
    pub(super) highest: Expr,
}

pub(super) fn symbol(field: &str, order: u32) -> String {
    if order == 0 {
        return field.to_string();
    }
    Derivative {
        field: field.into(),
        by: By::Primes(order),
    }
    .to_string()
}

impl OdeSystem {
    /// Reads a system; equations are separated by `;` or line ends.
    ///
    /// # Errors
    /// [`Error::Parse`] points at the column; [`Error::InvalidInput`] for a field without equation, an
    /// equation for no field or for two, a partial derivative, or an equation that is not linear in its
    /// highest derivative.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with::<&str>(text, &[])
    }

    /// [`OdeSystem::parse`] where some names (columns of data) stand for themselves whatever they look like.
    ///
    /// # Errors
    /// As [`OdeSystem::parse`].
    pub fn parse_with<S: AsRef<str>>(text: &str, names: &[S]) -> Result<Self> {
        let equations = Equation::parse_system_with(text, &Context::with_names(names))?;
        let mut orders: BTreeMap<String, u32> = BTreeMap::new();
        let mut appearance: Vec<String> = Vec::new();
        for equation in &equations {
            for d in equation
                .left
                .derivatives()
                .into_iter()
                .chain(equation.right.derivatives())
            {
                let By::Primes(order) = d.by else {
                    return Err(Error::invalid(
                        "equation",
                        d,
                        "derivatives by one variable, written x', x'' (partial differential equations are not solved yet)",
                    ));
                };
                if order > MAX_DERIVATIVE {
                    return Err(Error::invalid(
                        "equation",
                        d,
                        format!("derivatives up to order {MAX_DERIVATIVE}"),
                    ));
                }
                let known = orders.entry(d.field.clone()).or_insert(0);
                *known = (*known).max(order);
            }
        }
        if orders.is_empty() {
            return Err(Error::invalid(
                "equation",
                text.trim(),
                "at least one derivative, such as y' or y''",
            ));
        }
        let mut highest: BTreeMap<String, Expr> = BTreeMap::new();
        for equation in &equations {
            let field = solved_field(equation, &orders)?;
            let expr = solve(equation, &symbol(&field, orders[&field]))?;
            if highest.insert(field.clone(), expr).is_some() {
                return Err(Error::invalid(
                    "equation",
                    format!("a second equation for {}", symbol(&field, orders[&field])),
                    "one equation per field",
                ));
            }
            appearance.push(field);
        }
        if let Some(missing) = orders.keys().find(|f| !highest.contains_key(*f)) {
            return Err(Error::invalid(
                "equation",
                format!("no equation for {}", symbol(missing, orders[missing])),
                "one equation per field",
            ));
        }
        let components: u32 = orders.values().sum();
        if components as usize > MAX_COMPONENTS {
            return Err(Error::Limit {
                what: "components of the system".into(),
                limit: MAX_COMPONENTS as u64,
                got: u64::from(components),
            });
        }
        let mut parameters: Vec<String> = Vec::new();
        for equation in &equations {
            let mut found: Vec<String> = equation
                .left
                .names()
                .into_iter()
                .chain(equation.right.names())
                .collect();
            found.retain(|n| n != TIME && !orders.contains_key(n) && !parameters.contains(n));
            parameters.extend(found);
        }
        let mut seen = std::collections::HashSet::new();
        parameters.retain(|p| seen.insert(p.clone()));
        let fields = appearance
            .into_iter()
            .filter_map(|name| {
                let highest = highest.remove(&name)?;
                Some(Field {
                    order: orders[&name],
                    name,
                    highest,
                })
            })
            .collect();
        Ok(OdeSystem {
            fields,
            parameters,
            time: TIME.into(),
        })
    }

    /// A system of equations solved already, in an independent variable of any name.
    pub(super) fn of_fields(fields: Vec<Field>, parameters: Vec<String>, time: String) -> Self {
        OdeSystem {
            fields,
            parameters,
            time,
        }
    }

    /// The arguments of the formulas: time, components (field by field, by rising derivative), parameters.
    pub(super) fn symbols(&self) -> Vec<String> {
        let mut symbols = vec![self.time.clone()];
        for field in &self.fields {
            symbols.extend((0..field.order).map(|k| symbol(&field.name, k)));
        }
        symbols.extend(self.parameters.iter().cloned());
        symbols
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Names of the fields, in the order of their equations.
    pub fn states(&self) -> Vec<&str> {
        self.fields.iter().map(|f| f.name.as_str()).collect()
    }

    /// The unknown parameters, in order of appearance.
    pub fn parameters(&self) -> Vec<&str> {
        self.parameters.iter().map(String::as_str).collect()
    }

    /// Each equation in the form `highest derivative = formula`.
    pub fn equations(&self) -> Vec<Equation> {
        self.fields
            .iter()
            .map(|f| Equation {
                left: Expr::derivative(Derivative {
                    field: f.name.clone(),
                    by: By::Primes(f.order),
                }),
                right: f.highest.clone(),
            })
            .collect()
    }

    pub(super) fn orders(&self) -> Vec<usize> {
        self.fields.iter().map(|f| f.order as usize).collect()
    }

    /// The system in first-order form, ready for evaluation.
    pub(super) fn compile(&self) -> Result<Compiled> {
        let symbols = self.symbols();
        let components = symbols.len() - 1 - self.parameters.len();
        let arguments: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let mut rows = Vec::new();
        for field in &self.fields {
            let start = rows.len();
            for k in 1..field.order as usize {
                rows.push(Row::Next(start + k));
            }
            let mut slopes = Vec::new();
            for (at, argument) in arguments.iter().enumerate().skip(1) {
                let slope = field.highest.differentiate(argument)?;
                if slope.as_number() != Some(0.0) {
                    slopes.push((at - 1, slope.compile(&arguments)?));
                }
            }
            rows.push(Row::Formula {
                value: field.highest.compile(&arguments)?,
                slopes,
            });
        }
        // Linear in the parameters: no slope with respect to one depends on any.
        let linear = self.fields.iter().all(|f| {
            self.parameters.iter().all(|p| {
                f.highest
                    .differentiate(p)
                    .is_ok_and(|d| self.parameters.iter().all(|q| !d.names().contains(q)))
            })
        });
        Ok(Compiled {
            rows,
            components,
            parameters: self.parameters.len(),
            linear,
        })
    }
}

/// The field whose highest derivative an equation determines.
fn solved_field(equation: &Equation, orders: &BTreeMap<String, u32>) -> Result<String> {
    let mut here: Vec<Derivative> = equation
        .left
        .derivatives()
        .into_iter()
        .chain(equation.right.derivatives())
        .filter(|d| orders.get(&d.field) == Some(&d.order()))
        .collect();
    // One that stands on both sides is still one.
    let mut seen = Vec::new();
    here.retain(|d| {
        let new = !seen.contains(d);
        if new {
            seen.push(d.clone());
        }
        new
    });
    // A highest derivative alone on the left names the field, even where others stand on the right.
    if here.len() > 1 {
        here.retain(|d| equation.left.is(&d.to_string()));
    }
    match here.as_slice() {
        [one] => Ok(one.field.clone()),
        _ => Err(Error::invalid(
            "equation",
            equation,
            "an equation for the highest derivative of exactly one field",
        )),
    }
}

/// Solves an equation that is linear in `unknown` for it.
fn solve(equation: &Equation, unknown: &str) -> Result<Expr> {
    if equation.left.is(unknown) && !depends(&equation.right, unknown)? {
        return Ok(equation.right.clone());
    }
    let difference = equation.left.minus(&equation.right)?;
    let slope = difference.differentiate(unknown)?;
    if depends(&slope, unknown)? || slope.as_number() == Some(0.0) {
        return Err(Error::invalid(
            "equation",
            equation,
            format!("an equation that is linear in {unknown}"),
        ));
    }
    let rest = difference
        .substitute(unknown, &Expr::number(0.0))?
        .simplify()?
        .negated()?;
    match slope.as_number() {
        Some(1.0) => Ok(rest),
        _ => rest.over(&slope)?.simplify(),
    }
}

fn depends(e: &Expr, symbol: &str) -> Result<bool> {
    Ok(e.differentiate(symbol)?.as_number() != Some(0.0))
}

impl fmt::Display for OdeSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, equation) in self.equations().iter().enumerate() {
            write!(f, "{}{equation}", if i > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Row {
    /// The derivative of this component is that component.
    Next(usize),
    Formula {
        value: Program,
        /// Slopes with respect to components and then parameters, where they do not vanish.
        slopes: Vec<(usize, Program)>,
    },
}

/// A system in first-order form `z' = f(t, z, p)`.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    rows: Vec<Row>,
    pub(super) components: usize,
    pub(super) parameters: usize,
    /// Whether the right-hand side is linear in the parameters.
    pub(super) linear: bool,
}

impl Compiled {
    /// Room for `t`, components and parameters.
    pub(super) fn point(&self, p: &[f64]) -> Vec<f64> {
        let mut point = vec![0.0; 1 + self.components];
        point.extend_from_slice(p);
        point
    }

    /// The right-hand side at a point made by [`Compiled::point`] with `t` and `z` filled in.
    pub(super) fn slope(&self, point: &[f64], out: &mut [f64]) {
        for (row, out) in self.rows.iter().zip(out) {
            *out = match row {
                Row::Next(i) => point[1 + i],
                Row::Formula { value, .. } => value.evaluate_point(point),
            };
        }
    }

    /// The Jacobian with respect to components and parameters, row-major `components x (components +
    /// parameters)`.
    pub(super) fn jacobian(&self, point: &[f64], out: &mut [f64]) {
        let width = self.components + self.parameters;
        out.fill(0.0);
        for (row, out) in self.rows.iter().zip(out.chunks_mut(width)) {
            match row {
                Row::Next(i) => out[*i] = 1.0,
                Row::Formula { slopes, .. } => {
                    for (at, slope) in slopes {
                        out[*at] = slope.evaluate_point(point);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_read() {
        let s = OdeSystem::parse("hare' = a*hare - b*hare*lynx; lynx' = -c*lynx + d*hare*lynx")
            .unwrap();
        assert_eq!(s.states(), ["hare", "lynx"]);
        assert_eq!(s.parameters(), ["a", "b", "c", "d"]);
        let s = OdeSystem::parse("2*m*y'' + k*y - sin(w*t) = 0\nx' = y'").unwrap();
        assert_eq!(s.states(), ["y", "x"]);
        assert_eq!(s.parameters(), ["k", "m", "w"]);
        let c = s.compile().unwrap();
        assert_eq!((c.components, c.parameters, c.linear), (3, 3, false));
        let mut point = c.point(&[3.0, 0.5, 2.0]);
        point[..4].copy_from_slice(&[0.7, 1.5, -0.4, 9.0]);
        let mut f = [0.0; 3];
        c.slope(&point, &mut f);
        assert_eq!(f[0], -0.4);
        assert!((f[1] - (1.4f64.sin() - 4.5)).abs() < 1e-15);
        assert_eq!(f[2], -0.4);
        let mut j = [0.0; 18];
        c.jacobian(&point, &mut j);
        let want = [
            [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
            [
                -3.0,
                0.0,
                0.0,
                -1.5,
                -2.0 * (1.4f64.sin() - 4.5),
                0.7 * 1.4f64.cos(),
            ],
            [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        ];
        for (got, want) in j.iter().zip(want.iter().flatten()) {
            assert!((got - want).abs() < 1e-14, "{j:?}");
        }
        let named = OdeSystem::parse_with("velocity_x' = -k*velocity_x", &["velocity_x"]).unwrap();
        assert_eq!(named.states(), ["velocity_x"]);
    }

    #[test]
    fn bad_systems_are_refused() {
        for text in [
            "y = 2",
            "y' = a; y' = b",
            "y' = x'",
            "x' + y' = 1; x' = 2",
            "u_t = u_xx",
            "y'^2 = y",
            "0*y' = y",
            "y''''''' = 1",
            "y' = ",
        ] {
            assert!(OdeSystem::parse(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        /// Text of the pieces that equations are made of is read or refused; what is read is written so that it
        /// is read again as the same.
        #[test]
        fn any_text_is_read_or_refused(pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "y'", "y''", "x'", "y", "x", "t", "a", "b", "=", "=", "+", "-", "*", "/", "^2", "(", ")", ";",
                "\n", "sin(", "2", "0", "1e300", "u_xx", "'", "é", " ",
            ]),
            0..24,
        )) {
            let text = pieces.concat();
            if let Ok(system) = OdeSystem::parse(&text) {
                let written = system.to_string();
                let again = OdeSystem::parse(&written);
                proptest::prop_assert!(again.is_ok(), "{text:?} -> {written:?}: {again:?}");
                if let Ok(again) = again {
                    proptest::prop_assert_eq!(again.to_string(), written);
                    proptest::prop_assert_eq!(again.states(), system.states());
                }
                let _ = system.compile();
            }
        }
    }

    /// Equations that are nearly always readable, so that writing and reading again is really tried.
    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "y' = -(a - b) - (x - y)/(a/b); x' = a^-2*y",
            "2*m*y'' + k*y - sin(w*t) = 0",
            "y''/a - y' = b*(y - 1)^3",
            "a*y' - b = -y'",
        ] {
            let system = OdeSystem::parse(text).unwrap();
            let again = OdeSystem::parse(&system.to_string()).unwrap();
            assert_eq!(again.to_string(), system.to_string());
            let at = |s: &OdeSystem| {
                let c = s.compile().unwrap();
                // Parameters may be listed in another order after solving; all get the same value.
                let mut point = c.point(&vec![1.7; s.parameters().len()]);
                for (i, p) in point[..=c.components].iter_mut().enumerate() {
                    *p = 0.3 + 0.4 * i as f64;
                }
                let mut f = vec![0.0; c.components];
                c.slope(&point, &mut f);
                f
            };
            for (a, b) in at(&system).iter().zip(at(&again)) {
                assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{text}: {a} {b}");
            }
        }
    }
}
