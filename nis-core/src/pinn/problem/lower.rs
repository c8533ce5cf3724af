//! From text to residuals that the solvers evaluate.

use super::condition::split;
use super::{
    Condition, Coordinate, Domain, Functions, Jet, ParameterSpec, Place, Problem, ProblemSpec,
    Residual, Role, Unknown, domain,
};
use crate::error::{Error, Result};
use crate::expr::{By, Context, Derivative, Equation, Expr};

pub(super) fn read(spec: &ProblemSpec, functions: &Functions) -> Result<Problem> {
    let mut coordinates: Vec<Coordinate> = Vec::new();
    if let Some(shape) = &spec.domain.shape
        && let Some(bounds) = domain::bounds(shape)?
    {
        for (name, range) in ["x", "y", "z"].iter().zip(bounds) {
            coordinates.push(Coordinate {
                name: (*name).into(),
                range,
                role: Role::Space,
            });
        }
    }
    for (name, range) in &spec.domain.ranges {
        coordinates.push(Coordinate {
            name: name.clone(),
            range: *range,
            role: if name == "t" { Role::Time } else { Role::Space },
        });
    }
    coordinates.sort_by_key(|c| c.role == Role::Time);
    let mut known = Vec::new();
    let mut unknowns = Vec::new();
    for (name, parameter) in &spec.parameters {
        match parameter {
            ParameterSpec::Value(v) => known.push((name.clone(), Expr::number(*v))),
            ParameterSpec::Text(text) if text.trim() == "?" => unknowns.push(Unknown {
                name: name.clone(),
                start: 1.0,
            }),
            ParameterSpec::Text(text) => known.push((name.clone(), Expr::parse(text)?)),
            ParameterSpec::Range(range) => coordinates.push(Coordinate {
                name: name.clone(),
                range: *range,
                role: Role::Parameter,
            }),
            ParameterSpec::Start { start } => unknowns.push(Unknown {
                name: name.clone(),
                start: *start,
            }),
        }
    }
    let context = Context {
        coordinates: coordinates
            .iter()
            .filter(|c| c.role != Role::Parameter)
            .filter_map(|c| c.name.chars().next())
            .collect(),
        names: Vec::new(),
    };
    let mut reader = Reader {
        coordinates,
        context,
        known,
        unknowns,
        fields: Vec::new(),
        jets: Vec::new(),
    };
    let mut equations = Vec::new();
    for text in &spec.equations {
        let equation = Equation::parse_with(text, &reader.context)?;
        for side in [&equation.left, &equation.right] {
            for derivative in side.derivatives() {
                if !reader.fields.contains(&derivative.field) {
                    reader.fields.push(derivative.field.clone());
                }
            }
        }
        equations.push((text.clone(), equation));
    }
    let equations = equations
        .iter()
        .map(|(text, e)| Ok((text.clone(), reader.formula(e)?)))
        .collect::<Result<Vec<_>>>()?;
    let mut conditions = Vec::new();
    for text in &spec.conditions {
        let split = split(text, &reader.fields, &reader.coordinates)?;
        let formula = match split.place {
            Place::Periodic { .. } => Expr::number(0.0),
            _ => reader.formula(&Equation::parse_with(&split.equation, &reader.context)?)?,
        };
        conditions.push((text.clone(), split.place, formula));
    }
    let domain = Domain::new(&domain::Parts {
        coordinates: &reader.coordinates,
        shape: spec.domain.shape.as_ref(),
        holes: &spec.domain.holes,
        inside: functions.inside.as_ref(),
        formula: &|_, text| Expr::parse(text),
    })?;
    let mut problem = Problem {
        spec: spec.clone(),
        coordinates: reader.coordinates,
        fields: reader.fields,
        unknowns: reader.unknowns,
        domain,
        jets: reader.jets,
        equations: Vec::new(),
        conditions: Vec::new(),
    };
    problem.equations = equations
        .into_iter()
        .map(|(text, formula)| problem.residual(text, formula))
        .collect::<Result<_>>()?;
    problem.conditions = conditions
        .into_iter()
        .map(|(text, place, formula)| {
            Ok(Condition {
                place,
                residual: problem.residual(text, formula)?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(problem)
}

struct Reader {
    coordinates: Vec<Coordinate>,
    context: Context,
    known: Vec<(String, Expr)>,
    unknowns: Vec<Unknown>,
    fields: Vec<String>,
    jets: Vec<Jet>,
}

impl Reader {
    /// Left minus right with known parameters put in and derivatives in their canonical spelling.
    fn formula(&mut self, equation: &Equation) -> Result<Expr> {
        let mut formula = equation.left.minus(&equation.right)?;
        for (name, value) in &self.known {
            formula = formula.substitute(name, value)?;
        }
        for derivative in formula.derivatives() {
            let jet = self.jet(&derivative)?;
            let symbol = symbol(&jet, &self.fields, &self.coordinates);
            formula = formula.substitute(&derivative.to_string(), &symbol)?;
            self.add(jet);
        }
        for name in formula.names() {
            if let Some(field) = self.fields.iter().position(|f| *f == name) {
                self.add(Jet {
                    field,
                    order: vec![0; self.coordinates.len()],
                });
            } else if !self.coordinates.iter().any(|c| c.name == name)
                && !self.unknowns.iter().any(|u| u.name == name)
            {
                return Err(Error::NotFound {
                    what: "name in an equation".into(),
                    name,
                });
            }
        }
        formula.simplify()
    }

    fn add(&mut self, jet: Jet) {
        if !self.jets.contains(&jet) {
            self.jets.push(jet);
        }
    }

    fn jet(&self, derivative: &Derivative) -> Result<Jet> {
        let unknown = || Error::NotFound {
            what: "field".into(),
            name: derivative.to_string(),
        };
        let field = self.fields.iter().position(|f| *f == derivative.field);
        let field = field.ok_or_else(unknown)?;
        let mut order = vec![0u8; self.coordinates.len()];
        match &derivative.by {
            By::Primes(n) => {
                if let Some(first) = order.first_mut() {
                    *first = u8::try_from(*n).map_err(|_| unknown())?;
                }
            }
            By::Coordinates(letters) => {
                for letter in letters.chars() {
                    let axis = self
                        .coordinates
                        .iter()
                        .position(|c| c.name == letter.to_string())
                        .ok_or_else(unknown)?;
                    if let Some(times) = order.get_mut(axis) {
                        *times += 1;
                    }
                }
            }
        }
        Ok(Jet { field, order })
    }
}

/// A jet in its one spelling: letters in the order of the coordinates.
fn symbol(jet: &Jet, fields: &[String], coordinates: &[Coordinate]) -> Expr {
    let name = fields.get(jet.field).cloned().unwrap_or_default();
    let letters: String = coordinates
        .iter()
        .zip(&jet.order)
        .map(|(c, n)| c.name.repeat(usize::from(*n)))
        .collect();
    if letters.is_empty() {
        return Expr::name(name);
    }
    Expr::derivative(Derivative {
        field: name,
        by: By::Coordinates(letters),
    })
}

impl Problem {
    /// The arguments of every residual: coordinates, jets, unknown parameters, components of the normal
    /// (`n_x`, ...).
    pub(in super::super) fn symbols(&self) -> Vec<String> {
        let names = self.coordinates.iter().map(|c| c.name.clone());
        let jets = self
            .jets
            .iter()
            .map(|j| symbol(j, &self.fields, &self.coordinates).to_string());
        let unknowns = self.unknowns.iter().map(|u| u.name.clone());
        let normal = self.coordinates.iter().map(|c| format!("n_{}", c.name));
        names.chain(jets).chain(unknowns).chain(normal).collect()
    }

    fn residual(&self, text: String, formula: Expr) -> Result<Residual> {
        let symbols = self.symbols();
        let arguments: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let first = self.coordinates.len();
        let (mut by_jet, mut by_unknown) = (Vec::new(), Vec::new());
        let mut linear = true;
        let varying = arguments
            .iter()
            .skip(first)
            .take(self.jets.len() + self.unknowns.len());
        for (k, argument) in varying.clone().enumerate() {
            let slope = formula.differentiate(argument)?;
            if slope.as_number() == Some(0.0) {
                continue;
            }
            let program = slope.compile(&arguments)?;
            if k < self.jets.len() {
                for other in varying.clone() {
                    linear &= slope.differentiate(other)?.as_number() == Some(0.0);
                }
                by_jet.push((k, program));
            } else {
                by_unknown.push((k - self.jets.len(), program));
            }
        }
        Ok(Residual {
            text,
            value: formula.compile(&arguments)?,
            formula,
            by_jet,
            by_unknown,
            linear,
        })
    }
}
