//! From text to residuals that the solvers evaluate.

use std::collections::{BTreeMap, HashMap};

use super::condition::{self, Kind, Taken, applications};
use super::names::{self, Names, declared};
use super::residual::{Compiler, normal_symbol, symbol};
use super::text::Text;
use super::{
    Condition, Domain, Functions, Jet, Place, Problem, ProblemSpec, Role, check, domain, integral,
};
use crate::error::{Error, Result};
use crate::expr::{By, Derivative, Equation, Expr, Node};

pub(super) use names::is_name;

/// Most equations, conditions, and derivatives that occur in them.
const MAX_EQUATIONS: usize = 1000;
const MAX_CONDITIONS: usize = 4000;
const MAX_JETS: usize = 5000;

/// Most characters in all.
const MAX_TOTAL: usize = 400_000;

/// Highest order of a derivative in all.
pub(super) const MAX_ORDER: u32 = 6;

/// Most nodes of a formula.
const MAX_FORMULA: u64 = 20_000;

fn limit(what: &str, limit: usize, got: usize) -> Result<()> {
    if got <= limit {
        return Ok(());
    }
    Err(Error::Limit {
        what: what.into(),
        limit: limit as u64,
        got: got as u64,
    })
}

/// A condition before its residual is made.
struct Draft {
    text: Text,
    place: Place,
    equation: Option<Equation>,
    jump: bool,
}

pub(super) fn read(spec: &ProblemSpec, functions: &Functions) -> Result<Problem> {
    limit("equations", MAX_EQUATIONS, spec.equations.len())?;
    limit("conditions", MAX_CONDITIONS, spec.conditions.len())?;
    let mut equations = texts("equations", &spec.equations)?;
    limit("equations", MAX_EQUATIONS, equations.len())?;
    let conditions = texts("conditions", &spec.conditions)?;
    let total = equations.iter().chain(&conditions).map(Text::len).sum();
    limit("characters of equations and conditions", MAX_TOTAL, total)?;
    limit("conditions", MAX_CONDITIONS, conditions.len())?;
    if equations.is_empty() {
        return Err(Error::invalid("equations", "none", "at least one equation"));
    }
    let names = declared(spec, functions, &mut equations, &conditions)?;
    let formula = |field: &str, text: &str| {
        let text = Text::new(field.to_string(), text)?;
        let parsed = Expr::parse_with(&text.string(), &names.context);
        let formula = names.known_in(&parsed.map_err(|e| text.located(e))?)?;
        let space = |n: &String| {
            names
                .coordinates
                .iter()
                .any(|c| c.name == *n && c.role == Role::Space)
        };
        match formula.names().iter().find(|n| !space(n)) {
            Some(other) => Err(text.refuse(format!(
                "a formula in space coordinates and known parameters; `{other}` is none"
            ))),
            None if formula.derivatives().is_empty() => Ok(formula),
            None => Err(text.refuse("a formula without derivatives")),
        }
    };
    let domain = Domain::new(&domain::Parts {
        coordinates: &names.coordinates,
        shape: spec.domain.shape.as_ref(),
        holes: &spec.domain.holes,
        inside: functions.inside.as_ref(),
        formula: &formula,
    })?;
    let mut reader = Reader {
        fields: names.fields.clone(),
        names,
        jets: Vec::new(),
        index: HashMap::new(),
        integrals: BTreeMap::new(),
        further: Vec::new(),
        limits: Vec::new(),
        domain: &domain,
    };
    let mut formulas = Vec::new();
    for text in &equations {
        let mut prepared = text.clone();
        reader.everywhere(&mut prepared)?;
        reader.sugar(&mut prepared)?;
        let equation = reader.parse(&prepared)?;
        let formula = reader.formula(text, &equation, None)?;
        formulas.push((text.host.clone(), formula));
    }
    let (drafts, free) = reader.conditions(&conditions)?;
    let mut conditions = Vec::new();
    let mut jumps = Vec::new();
    for draft in &drafts {
        let formula = match &draft.equation {
            Some(equation) => reader.formula(&draft.text, equation, Some(&draft.place))?,
            None => Expr::number(0.0),
        };
        conditions.push((draft.text.host.clone(), draft.place.clone(), formula));
        jumps.push(draft.jump);
    }
    // What integrals stand for; these may not add integrals again.
    for (text, equation) in std::mem::take(&mut reader.further) {
        let formula = reader.formula(&text, &equation, None)?;
        formulas.push((
            format!("{equation} (for {})", text.string().trim()),
            formula,
        ));
    }
    for (text, equation, place) in std::mem::take(&mut reader.limits) {
        let formula = reader.formula(&text, &equation, None)?;
        let said = format!("{equation} (for {})", text.string().trim());
        conditions.push((said, place, formula));
        jumps.push(true);
    }
    let Reader {
        names,
        fields,
        jets,
        ..
    } = reader;
    limit(
        "derivatives in equations and conditions",
        MAX_JETS,
        jets.len(),
    )?;
    let mut problem = Problem {
        spec: spec.clone(),
        coordinates: names.coordinates.clone(),
        fields,
        unknowns: names.unknowns.clone(),
        domain,
        jets,
        equations: Vec::new(),
        conditions: Vec::new(),
        functions: functions.named.values().cloned().collect(),
        notes: Vec::new(),
        eigen: None,
    };
    let mut compiler = Compiler::new(&problem)?;
    problem.equations = formulas
        .into_iter()
        .map(|(text, formula)| compiler.residual(text, formula))
        .collect::<Result<_>>()?;
    problem.conditions = conditions
        .into_iter()
        .map(|(text, place, formula)| {
            let residual = compiler.residual(text, formula)?;
            Ok(Condition { place, residual })
        })
        .collect::<Result<_>>()?;
    let given = check::Given {
        own_fields: names.fields.len(),
        own_equations: equations.len(),
        names: &names,
        equations: &equations,
        drafts: &drafts.iter().map(|d| &d.text).collect::<Vec<_>>(),
        jumps: &jumps,
        free: &free,
    };
    check::check(&mut problem, &given)?;
    Ok(problem)
}

/// The texts of a list; one text may hold several, apart by `;` or line ends.
fn texts(list: &str, hosts: &[String]) -> Result<Vec<Text>> {
    let mut out = Vec::new();
    for (k, host) in hosts.iter().enumerate() {
        let field = format!("{list}[{k}]");
        let whole = Text::new(field.clone(), host)?;
        let mut any = false;
        for line in whole.split('\n') {
            let line_text = whole.cut(line.clone());
            for range in line_text.split(';') {
                let mut text = line_text.cut(range);
                if !text.string().trim().is_empty() {
                    text.host = text.string().trim().to_string();
                    out.push(text);
                    any = true;
                }
            }
        }
        if !any {
            return Err(Error::parse(field, 1, "there is no text"));
        }
    }
    Ok(out)
}

struct Reader<'a> {
    names: Names,
    /// The host's fields, then those of integrals.
    fields: Vec<String>,
    jets: Vec<Jet>,
    index: HashMap<Jet, usize>,
    /// Values of integrals by the name that stands for them.
    integrals: BTreeMap<String, Expr>,
    further: Vec<(Text, Equation)>,
    limits: Vec<(Text, Equation, Place)>,
    domain: &'a Domain,
}

impl Reader<'_> {
    fn parse(&self, text: &Text) -> Result<Equation> {
        Equation::parse_with(&text.string(), &self.names.context).map_err(|e| text.located(e))
    }

    /// `u(x,t)` in an equation is `u`; anything else is no differential equation.
    fn everywhere(&self, text: &mut Text) -> Result<()> {
        let own = condition::own(&self.names.coordinates);
        let words = text.words();
        let mut integrals = Vec::new();
        for word in words.iter().filter(|w| w.name == "int") {
            if let Some(open) = text.opening(word) {
                integrals.push((open, text.closing(open)?));
            }
        }
        for application in applications(text)? {
            // Those in integrals are read with the integral.
            let at = application.word.start;
            if integrals
                .iter()
                .any(|(open, close)| *open < at && at < *close)
            {
                continue;
            }
            let open = text.opening(&application.word).unwrap_or(0);
            let close = text.closing(open)?;
            let inside = text.cut(open + 1..close);
            let list = inside.split(',').into_iter().map(|r| inside.part(r));
            let list: Vec<String> = list.map(|a| a.trim().to_string()).collect();
            let fits = list.len() == own.len() && own.iter().all(|c| list.contains(&c.name));
            let name = &application.word.name;
            if !self.names.is_field(name) {
                return Err(text.error(
                    application.word.start,
                    format!("`{name}` is neither a function nor a field; write `*` to multiply"),
                ));
            }
            if !fits {
                return Err(text.error(
                    application.word.start,
                    format!("`{name}` stands in an equation at another place than the equation: delays are not solved"),
                ));
            }
            text.replace(open..close + 1, &" ".repeat(close + 1 - open))?;
        }
        Ok(())
    }

    /// Replaces `lap(u)` by derivatives and integrals by names. The axis and upper limit of the last integral.
    fn sugar(&mut self, text: &mut Text) -> Result<Option<(usize, Option<f64>)>> {
        // From the last to the first, so that what is put in moves none that is to come.
        for word in text.words().into_iter().rev() {
            let lap = matches!(word.name.as_str(), "lap" | "laplacian") && word.primes == 0;
            let Some(open) = text.opening(&word).filter(|_| lap) else {
                continue;
            };
            let close = text.closing(open)?;
            let field = text.part(open + 1..close).trim().to_string();
            if !self.names.fields.contains(&field) {
                return Err(text.error(
                    open + 1,
                    format!("`{}` of a field: `{}(u)`", word.name, word.name),
                ));
            }
            let space = self
                .names
                .coordinates
                .iter()
                .filter(|c| c.role == Role::Space);
            let terms: Vec<String> = space
                .map(|c| {
                    if c.name.chars().count() == 1 {
                        format!("`{field}`_{0}{0}", c.name)
                    } else {
                        format!("`{field}`''")
                    }
                })
                .collect();
            if terms.is_empty() {
                return Err(text.error(word.start, "there is no space coordinate"));
            }
            text.replace(word.start..close + 1, &format!("({})", terms.join(" + ")))?;
        }
        let mut last = None;
        loop {
            let count = self.integrals.len();
            let name = format!("integral {}", count + 1);
            let names = &self.names;
            let is_field = |n: &str| names.is_field(n) || n.starts_with("integral ");
            let number = |t: &str| names.number(t);
            let scope = integral::Scope {
                coordinates: &names.coordinates,
                context: &names.context,
                is_field: &is_field,
                number: &number,
                count,
            };
            let Some(integral) = integral::take(text, &name, &scope)? else {
                break;
            };
            let time = names
                .coordinates
                .get(integral.axis)
                .is_some_and(|c| c.role == Role::Time);
            if !time && !self.domain.is_box() {
                return Err(integral
                    .text
                    .error(0, "integrals along a space coordinate need a box as domain"));
            }
            limit("integrals", 64, count + 1)?;
            for field in &integral.fields {
                if self.fields.contains(field) || names.is_taken(field) {
                    return Err(integral
                        .text
                        .error(0, format!("the name `{field}` is needed for this integral")));
                }
                self.fields.push(field.clone());
            }
            let at = |value: f64| {
                if names.coordinates.len() == 1 {
                    Place::Point(vec![value])
                } else {
                    Place::Face {
                        axis: integral.axis,
                        value,
                    }
                }
            };
            for equation in &integral.equations {
                self.further.push((integral.text.clone(), equation.clone()));
            }
            for (equation, value) in &integral.conditions {
                self.limits
                    .push((integral.text.clone(), equation.clone(), at(*value)));
            }
            last = Some((integral.axis, integral.upper));
            self.integrals.insert(name, integral.value);
        }
        Ok(last)
    }

    /// Takes all conditions apart; also the places where none is asked on purpose.
    fn conditions(&mut self, texts: &[Text]) -> Result<(Vec<Draft>, Vec<Place>)> {
        let mut prepared = Vec::new();
        let mut orders: Vec<Vec<usize>> = Vec::new();
        for text in texts {
            let mut whole = text.clone();
            let integral = self.sugar(&mut whole)?;
            for application in applications(&whole)? {
                let order = condition::shown_order(&whole, &application, &self.names.coordinates);
                // A list such as (0, 1) shows nothing; (x, 0) and (0, x) do.
                orders.extend(order.filter(|o| o.len() > 1 && !orders.contains(o)));
            }
            prepared.push((whole, integral));
        }
        let order = match orders.as_slice() {
            [one] => Some(one.as_slice()),
            _ => None,
        };
        let (mut drafts, mut free): (Vec<Draft>, Vec<Place>) = (Vec::new(), Vec::new());
        for ((mut whole, integral), text) in prepared.into_iter().zip(texts) {
            let default = integral.and_then(|(axis, upper)| {
                let coordinate = self.names.coordinates.get(axis)?;
                let value = upper.unwrap_or(coordinate.range[1]);
                let whole = self.names.coordinates.len() == 1;
                Some(if whole {
                    Place::Point(vec![value])
                } else {
                    Place::Face { axis, value }
                })
            });
            let names = &self.names;
            let is_field = |n: &str| names.is_field(n);
            let number = |t: &str| names.number(t);
            let scope = condition::Scope {
                coordinates: &names.coordinates,
                domain: self.domain,
                is_field: &is_field,
                number: &number,
                order,
                default,
            };
            let Taken { kind, places, jump } = scope.take(&whole)?;
            let equation = match kind {
                Kind::Free => {
                    free.extend(places);
                    continue;
                }
                Kind::Periodic => None,
                Kind::Pair(left, right) => {
                    let both = [left, right].map(|side| {
                        let parsed = Expr::parse_with(&side.string(), &self.names.context);
                        parsed.map_err(|e| side.located(e))
                    });
                    let [left, right] = both;
                    let (left, right) = (left?, right?);
                    if left != right || !matches!(left.node(), Node::Name(_) | Node::Derivative(_))
                    {
                        return Err(whole.refuse(
                            "the same field or derivative on both sides, as in `u(0,t) = u(1,t)` for a periodic one",
                        ));
                    }
                    None
                }
                Kind::Equation(equation) => {
                    whole = equation;
                    Some(self.parse(&whole)?)
                }
            };
            for place in places {
                let again = equation.is_none() && drafts.iter().any(|d| d.place == place);
                if !again {
                    drafts.push(Draft {
                        text: text.clone(),
                        place,
                        equation: equation.clone(),
                        jump,
                    });
                }
            }
        }
        Ok((drafts, free))
    }

    /// Left minus right with known parameters put in and derivatives in their one spelling.
    fn formula(&mut self, text: &Text, equation: &Equation, place: Option<&Place>) -> Result<Expr> {
        let formula = equation.left.minus(&equation.right)?;
        let formula = self.rewritten(text, &formula, place, 0)?.simplify()?;
        if formula.complexity() > MAX_FORMULA {
            return Err(Error::Limit {
                what: format!("parts of {}", text.field),
                limit: MAX_FORMULA,
                got: formula.complexity(),
            });
        }
        Ok(formula)
    }

    fn rewritten(
        &mut self,
        text: &Text,
        e: &Expr,
        place: Option<&Place>,
        depth: u8,
    ) -> Result<Expr> {
        match e.node() {
            Node::Name(name) => self.name(text, name, place, depth),
            Node::Derivative(derivative) => {
                // `n_x` is a component of the normal, where no field has that name.
                let normal = derivative.field == "n" && !self.names.fields.iter().any(|f| f == "n");
                if let (true, Some(place), By::Coordinates(axis)) = (normal, place, &derivative.by)
                {
                    self.normal(text, place)?;
                    return Ok(Expr::name(normal_symbol(axis)));
                }
                let jet = self.jet(text, derivative)?;
                self.add(jet)
            }
            _ => e.map(|part| self.rewritten(text, part, place, depth)),
        }
    }

    fn name(&mut self, text: &Text, name: &str, place: Option<&Place>, depth: u8) -> Result<Expr> {
        if let Some(field) = self.fields.iter().position(|f| f == name) {
            let order = vec![0; self.names.coordinates.len()];
            return self.add(Jet { field, order });
        }
        if let Some(value) = self.integrals.get(name).cloned() {
            // Integrals in integrals: bounded by their number.
            if depth > 64 {
                return Err(text.refuse("integrals nested less deeply"));
            }
            return self.rewritten(text, &value, None, depth + 1);
        }
        if let Some(value) = self.names.known.get(name) {
            return Ok(value.clone());
        }
        if self.names.is_symbol(name) {
            return Ok(Expr::name(name));
        }
        if let (Some(base), Some(place)) = (name.strip_suffix("_n"), place)
            && let Some(field) = self.fields.iter().position(|f| f == base)
        {
            self.normal(text, place)?;
            let mut terms = Vec::new();
            for (axis, c) in self.names.coordinates.clone().iter().enumerate() {
                if c.role == Role::Space {
                    let mut order = vec![0; self.names.coordinates.len()];
                    if let Some(times) = order.get_mut(axis) {
                        *times = 1;
                    }
                    let slope = self.add(Jet { field, order })?;
                    terms.push(Expr::name(normal_symbol(&c.name)).times(&slope)?);
                }
            }
            return Expr::sum(terms);
        }
        Err(self.names.unknown(text, name, &self.fields))
    }

    /// Refuses a normal where a place has none.
    fn normal(&self, text: &Text, place: &Place) -> Result<()> {
        let fits = match place {
            Place::Boundary | Place::Part(_) => true,
            Place::Face { axis, value } => self.names.coordinates.get(*axis).is_some_and(|c| {
                c.role == Role::Space && c.range.contains(value) && self.domain.is_box()
            }),
            Place::Point(at) => {
                at.len() == 1
                    && self
                        .names
                        .coordinates
                        .iter()
                        .all(|c| c.range.contains(&at[0]))
            }
            Place::Edge(_) | Place::Periodic { .. } => false,
        };
        if fits {
            return Ok(());
        }
        Err(text.refuse("a boundary of the space domain, where there is a normal"))
    }

    fn add(&mut self, jet: Jet) -> Result<Expr> {
        let symbol = symbol(&jet, &self.fields, &self.names.coordinates);
        if !self.index.contains_key(&jet) {
            self.index.insert(jet.clone(), self.jets.len());
            self.jets.push(jet);
        }
        Ok(symbol)
    }

    fn jet(&self, text: &Text, derivative: &Derivative) -> Result<Jet> {
        let Some(field) = self.fields.iter().position(|f| *f == derivative.field) else {
            return Err(self.names.unknown(text, &derivative.field, &self.fields));
        };
        let coordinates = &self.names.coordinates;
        let mut order = vec![0u8; coordinates.len()];
        if derivative.order() > MAX_ORDER && matches!(derivative.by, By::Primes(_)) {
            return Err(self.names.point_at(
                text,
                &derivative.field,
                format!(
                    "`{derivative}` is of order {}; orders up to {MAX_ORDER} are solved",
                    derivative.order()
                ),
            ));
        }
        match &derivative.by {
            By::Primes(n) => {
                let own = condition::own(coordinates);
                if own.len() != 1 {
                    let letters: Vec<&str> = own.iter().map(|c| c.name.as_str()).collect();
                    return Err(self.names.point_at(
                        text,
                        &derivative.field,
                        format!(
                            "primes need a single coordinate, but there are {}; write `{}_{}`",
                            letters.join(", "),
                            derivative.field,
                            letters.first().copied().unwrap_or("x").repeat(*n as usize)
                        ),
                    ));
                }
                if let Some(first) = order.first_mut() {
                    *first = *n as u8;
                }
            }
            By::Coordinates(letters) => {
                if let Some(axis) = coordinates.iter().position(|c| c.name == *letters) {
                    if let Some(times) = order.get_mut(axis) {
                        *times = 1;
                    }
                    return Ok(Jet { field, order });
                }
                for letter in letters.chars() {
                    let axis = coordinates
                        .iter()
                        .position(|c| c.name == letter.to_string());
                    match axis.and_then(|axis| order.get_mut(axis)) {
                        Some(times) => *times += 1,
                        None => {
                            return Err(self.names.unknown(
                                text,
                                &derivative.to_string(),
                                &self.fields,
                            ));
                        }
                    }
                }
            }
        }
        Ok(Jet { field, order })
    }
}
