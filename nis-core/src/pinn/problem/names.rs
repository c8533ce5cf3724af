//! What every name of a problem means: coordinates, parameters, fields, functions of the host.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::KEYWORDS;
use super::fields::fields;
use super::text::{Text, nearest};
use super::{Coordinate, Functions, ParameterSpec, ProblemSpec, Role, Unknown, domain};
use crate::error::{Error, Result};
use crate::expr::{Context, Expr, Function, Node};

/// Most coordinates with ranged parameters, and most parameters.
const MAX_COORDINATES: usize = 12;
const MAX_PARAMETERS: usize = 500;

/// Largest formula of a parameter.
const MAX_PARAMETER: u64 = 2000;

/// All names of a problem.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// Space first, then time, then ranged parameters.
    pub(super) coordinates: Vec<Coordinate>,
    /// Known parameters as formulas in coordinates and other parameters.
    pub(super) known: BTreeMap<String, Expr>,
    pub(super) unknowns: Vec<Unknown>,
    /// In the order of their first appearance.
    pub(super) fields: Vec<String>,
    pub(super) functions: BTreeSet<String>,
    pub(super) context: Context,
}

/// Whether a text can be the name of a coordinate or parameter.
pub(super) fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    let letters = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
        && !name
            .chars()
            .any(|c| matches!(c, '²' | '³' | '¹' | '⁰'..='⁹'));
    let taken = matches!(name, "pi" | "inf" | "nan" | "pow") || Function::by_name(name).is_some();
    letters && !taken && !KEYWORDS.contains(&name) && name.chars().count() <= 100
}

fn check_name(field: &str, name: &str) -> Result<()> {
    if is_name(name) {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        name,
        "a name of letters, digits and `_` that is no function, constant or keyword",
    ))
}

/// Reads the names of a problem; equations such as `nu = ?` are taken out of the list.
pub(super) fn declared(
    spec: &ProblemSpec,
    functions: &Functions,
    equations: &mut Vec<Text>,
    conditions: &[Text],
) -> Result<Names> {
    let mut parameters = spec.parameters.clone();
    equations.retain(|text| {
        let sides = text.split('=');
        let [name, value] = sides.as_slice() else {
            return true;
        };
        let (name, value) = (text.part(name.clone()), text.part(value.clone()));
        let is = value.trim() == "?" && is_name(name.trim());
        if is {
            let unknown = ParameterSpec::Text("?".into());
            parameters.entry(name.trim().to_string()).or_insert(unknown);
        }
        !is
    });
    if parameters.len() > MAX_PARAMETERS {
        return Err(Error::Limit {
            what: "parameters".into(),
            limit: MAX_PARAMETERS as u64,
            got: parameters.len() as u64,
        });
    }
    let mut coordinates = coordinates(spec)?;
    let mut texts = BTreeMap::new();
    let mut known = BTreeMap::new();
    let mut unknowns = Vec::new();
    for (name, parameter) in &parameters {
        let field = format!("parameters.{name}");
        check_name(&field, name)?;
        let finite = |v: f64| {
            if v.is_finite() {
                return Ok(v);
            }
            Err(Error::invalid(&field, v, "a finite number"))
        };
        match parameter {
            ParameterSpec::Value(v) => {
                known.insert(name.clone(), Expr::number(finite(*v)?));
            }
            ParameterSpec::Text(text) if text.trim() == "?" => unknowns.push(Unknown {
                name: name.clone(),
                start: 1.0,
            }),
            ParameterSpec::Text(text) => {
                texts.insert(name.clone(), Text::new(field, text)?);
            }
            ParameterSpec::Range(range) => {
                coordinates.push(Coordinate {
                    name: name.clone(),
                    range: ordered(&field, *range)?,
                    role: Role::Parameter,
                });
            }
            ParameterSpec::Start { start } => unknowns.push(Unknown {
                name: name.clone(),
                start: finite(*start)?,
            }),
        }
    }
    for name in functions.named.keys() {
        check_name("functions", name)?;
        if parameters.contains_key(name) {
            return Err(Error::invalid(
                "functions",
                name,
                "names other than those of parameters",
            ));
        }
    }
    let twice = coordinates.iter().find(|c| {
        let many = coordinates.iter().filter(|o| o.name == c.name).count() > 1;
        many || functions.named.contains_key(&c.name)
            || (c.role != Role::Parameter && parameters.contains_key(&c.name))
    });
    if let Some(c) = twice {
        return Err(Error::invalid(
            format!("domain.{}", c.name),
            &c.name,
            "a name that is not also a parameter or function",
        ));
    }
    if coordinates.len() > MAX_COORDINATES {
        return Err(Error::Limit {
            what: "coordinates with ranged parameters".into(),
            limit: MAX_COORDINATES as u64,
            got: coordinates.len() as u64,
        });
    }
    let own = || coordinates.iter().filter(|c| c.role != Role::Parameter);
    let mut context = Context {
        coordinates: own()
            .filter(|c| c.name.chars().count() == 1)
            .filter_map(|c| c.name.chars().next())
            .collect(),
        names: parameters
            .keys()
            .chain(functions.named.keys())
            .cloned()
            .chain(coordinates.iter().map(|c| c.name.clone()))
            .collect(),
    };
    for name in spec
        .fields
        .iter()
        .chain(spec.data.iter().flat_map(|d| &d.fields))
    {
        if !context.names.contains(name) && !name.is_empty() {
            context.names.push(name.clone());
        }
    }
    let mut names = Names {
        coordinates,
        known,
        unknowns,
        fields: Vec::new(),
        functions: functions.named.keys().cloned().collect(),
        context,
    };
    names.fields = fields(spec, &names, &parameters, equations, conditions)?;
    // Formulas of parameters may name other parameters in any order.
    while !texts.is_empty() {
        let mut done = None;
        for (name, text) in &texts {
            let parsed = Expr::parse_with(&text.string(), &names.context);
            let formula = parsed.map_err(|e| text.located(e))?;
            if formula.names().iter().any(|n| texts.contains_key(n)) {
                continue;
            }
            if let Some(bad) = formula.names().iter().find(|n| !names.is_taken(n)) {
                return Err(names.unknown(text, bad, &[]));
            }
            if !formula.derivatives().is_empty() {
                return Err(text.refuse("a formula of numbers, coordinates and parameters"));
            }
            let value = names.known_in(&formula)?.simplify()?;
            if value.complexity() > MAX_PARAMETER {
                return Err(Error::Limit {
                    what: format!("parts of {}", text.field),
                    limit: MAX_PARAMETER,
                    got: value.complexity(),
                });
            }
            if value.as_number().is_some_and(|v| !v.is_finite()) {
                return Err(text.refuse("a formula with a finite value"));
            }
            done = Some((name.clone(), value));
            break;
        }
        let Some((name, value)) = done else {
            let field = texts
                .values()
                .next()
                .map(|t| t.field.clone())
                .unwrap_or_default();
            let all: Vec<&str> = texts.keys().map(String::as_str).collect();
            return Err(Error::invalid(
                field,
                all.join(", "),
                "parameters that do not depend on each other in a circle",
            ));
        };
        texts.remove(&name);
        names.known.insert(name, value);
    }
    Ok(names)
}

/// A range that a coordinate can have.
fn ordered(field: &str, [low, high]: [f64; 2]) -> Result<[f64; 2]> {
    let wide = low.abs().max(high.abs());
    if !low.is_finite() || !high.is_finite() || wide > domain::MAX_COORDINATE {
        return Err(Error::invalid(
            field,
            format!("{low} to {high}"),
            "two numbers within 1e100 of 0",
        ));
    }
    if low > high {
        return Err(Error::invalid(
            field,
            format!("{low} to {high}"),
            format!("the lower end first: [{high}, {low}]"),
        ));
    }
    if high - low <= 1e-12 * wide || low == high {
        return Err(Error::invalid(
            field,
            format!("{low} to {high}"),
            "a range that is not empty",
        ));
    }
    Ok([low, high])
}

fn coordinates(spec: &ProblemSpec) -> Result<Vec<Coordinate>> {
    let mut out: Vec<Coordinate> = Vec::new();
    let bounds = match &spec.domain.shape {
        Some(shape) => domain::bounds(shape)?,
        None => None,
    };
    if let Some(bounds) = &bounds {
        for (name, range) in ["x", "y", "z"].iter().zip(bounds) {
            out.push(Coordinate {
                name: (*name).into(),
                range: *range,
                role: Role::Space,
            });
        }
    }
    for (name, range) in &spec.domain.ranges {
        let field = format!("domain.{name}");
        check_name(&field, name)?;
        if name != "t" && bounds.is_some() {
            return Err(Error::invalid(
                field,
                name,
                "only `t` beside a shape, which has its own extent in x and y (and z)",
            ));
        }
        out.push(Coordinate {
            name: name.clone(),
            range: ordered(&field, *range)?,
            role: if name == "t" { Role::Time } else { Role::Space },
        });
    }
    out.sort_by_key(|c| c.role == Role::Time);
    let space = out.iter().filter(|c| c.role == Role::Space).count();
    if out.is_empty() {
        return Err(Error::invalid(
            "domain",
            "no coordinate",
            "ranges, such as x from 0 to 1",
        ));
    }
    if space > 3 {
        return Err(Error::invalid(
            "domain",
            format!("{space} space coordinates"),
            "one to three, and t for time",
        ));
    }
    if out.len() > 1
        && let Some(long) = out.iter().find(|c| c.name.chars().count() > 1)
    {
        return Err(Error::invalid(
            format!("domain.{}", long.name),
            &long.name,
            "names of one letter where there are several coordinates: derivatives are written u_x",
        ));
    }
    Ok(out)
}

impl Names {
    /// The field of a derivative `u_xx`; `None` for other names.
    pub(super) fn base<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.context.names.iter().any(|n| n == name) {
            return None;
        }
        let (base, letters) = name.rsplit_once('_')?;
        let fits = !base.is_empty()
            && (1..=4).contains(&letters.chars().count())
            && letters
                .chars()
                .all(|c| self.context.coordinates.contains(&c));
        fits.then_some(base)
    }

    /// Whether a name is a field or a derivative of one, also along the normal.
    pub(super) fn is_field(&self, name: &str) -> bool {
        let has = |name: &str| self.fields.iter().any(|f| f == name);
        has(name) || self.base(name).is_some_and(has) || name.strip_suffix("_n").is_some_and(has)
    }

    /// Whether a name stands for itself in residuals.
    pub(super) fn is_symbol(&self, name: &str) -> bool {
        self.coordinates.iter().any(|c| c.name == name)
            || self.unknowns.iter().any(|u| u.name == name)
            || self.functions.contains(name)
    }

    /// Whether a name is a coordinate, parameter or function.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.is_symbol(name) || self.known.contains_key(name)
    }

    /// A formula with the known parameters put in.
    pub(super) fn known_in(&self, e: &Expr) -> Result<Expr> {
        match e.node() {
            Node::Name(name) => Ok(self.known.get(name).cloned().unwrap_or_else(|| e.clone())),
            _ => e.map(|part| self.known_in(part)),
        }
    }

    /// The value of a formula of numbers and known parameters.
    pub(super) fn number(&self, text: &str) -> Option<f64> {
        let formula = Expr::parse_with(text, &self.context).ok()?;
        let value = self.known_in(&formula).ok()?.as_number()?;
        value.is_finite().then_some(value)
    }

    /// An error at the first place of a name in a text.
    pub(super) fn point_at(&self, text: &Text, name: &str, message: String) -> Error {
        let words = text.words();
        let base = |w: &str| w.rsplit_once('_').map(|(b, _)| b.to_string());
        let word = words.iter().find(|w| w.name == name).or_else(|| {
            words
                .iter()
                .find(|w| base(&w.name).as_deref() == Some(name))
        });
        text.error(word.map_or(0, |w| w.start), message)
    }

    /// The error for a name that means nothing.
    pub(super) fn unknown(&self, text: &Text, name: &str, fields: &[String]) -> Error {
        let letters: Vec<&str> = super::condition::own(&self.coordinates)
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        let known = fields
            .iter()
            .chain(self.known.keys())
            .chain(self.functions.iter())
            .map(String::as_str)
            .chain(self.coordinates.iter().map(|c| c.name.as_str()))
            .chain(self.unknowns.iter().map(|u| u.name.as_str()));
        let derivative = name.rsplit_once('_').filter(|(base, suffix)| {
            fields.iter().any(|f| f == base)
                && !suffix.is_empty()
                && suffix.chars().all(|c| c.is_alphabetic())
        });
        let message = match derivative {
            Some((base, "n")) => format!(
                "`{base}_n`, the derivative along the normal, has a meaning in boundary conditions only"
            ),
            Some((_, suffix))
                if suffix.chars().count() > 4
                    && suffix
                        .chars()
                        .all(|c| letters.contains(&c.to_string().as_str())) =>
            {
                format!(
                    "`{name}` is of order {}; orders up to 4 are solved in partial differential equations",
                    suffix.chars().count()
                )
            }
            Some((base, suffix)) => {
                let missing = suffix
                    .chars()
                    .find(|c| !letters.contains(&c.to_string().as_str()));
                format!(
                    "`{name}` is a derivative of `{base}` by `{}`, but the domain has {}",
                    missing.map_or(suffix.to_string(), |c| c.to_string()),
                    letters.join(", ")
                )
            }
            None => match nearest(name, known) {
                Some(near) => format!("`{name}` is unknown; did you mean `{near}`?"),
                None => format!(
                    "`{name}` is unknown; give it a value or \"?\" in `parameters`, or list it in `fields`"
                ),
            },
        };
        self.point_at(text, name, message)
    }
}
