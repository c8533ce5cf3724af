//! Integral terms: `int(u*x, x)`, `int(exp(x-s)*u(s), s, 0, x)`.
//!
//! An integral becomes equations of further fields, so that solvers need to know nothing of it. For a kernel
//! `g(x) h(s, u(s))`: the field `j` with `j_x = h(x, u)` and `j = 0` at the lower limit is the integral up to `x`;
//! for fixed limits the field `i` with `i_x = 0` and `i = j` at the upper limit carries its value everywhere. A
//! kernel that is a sum of such products (also by the addition formulas of exp, sin, cos, sinh, cosh and by powers)
//! needs one field, or two, per product.

use super::text::{Text, Word};
use super::{Coordinate, Role};
use crate::error::{Error, Result};
use crate::expr::{Context, Equation, Expr, Function, Node};

/// Most products that a kernel may fall into.
const MAX_PRODUCTS: usize = 16;

/// What an integral became.
#[derive(Debug, Clone)]
pub(super) struct Integral {
    /// As written, with its place in the text.
    pub(super) text: Text,
    /// Its value, in fields and coordinates.
    pub(super) value: Expr,
    /// The axis that is integrated along, and the upper limit where it is a number.
    pub(super) axis: usize,
    pub(super) upper: Option<f64>,
    /// Fields added, equations that they satisfy everywhere, and conditions with the value of the axis.
    pub(super) fields: Vec<String>,
    pub(super) equations: Vec<Equation>,
    pub(super) conditions: Vec<(Equation, f64)>,
}

/// What the reader of integrals knows of the problem.
pub(super) struct Scope<'a> {
    pub(super) coordinates: &'a [Coordinate],
    pub(super) context: &'a Context,
    /// Whether a name is a field (or a derivative of one).
    pub(super) is_field: &'a dyn Fn(&str) -> bool,
    /// The value of a formula of known numbers.
    pub(super) number: &'a dyn Fn(&str) -> Option<f64>,
    /// How many integrals there are before.
    pub(super) count: usize,
}

/// Takes the innermost integral out of a text, where there is one, and puts `name` in its place.
pub(super) fn take(text: &mut Text, name: &str, scope: &Scope<'_>) -> Result<Option<Integral>> {
    let calls: Vec<(Word, usize)> = text
        .words()
        .into_iter()
        .filter(|w| w.name == "int" && w.primes == 0)
        .filter_map(|w| text.opening(&w).map(|open| (w, open)))
        .collect();
    let Some((word, open)) = calls.last().cloned() else {
        return Ok(None);
    };
    let close = text.closing(open)?;
    let inside = text.cut(open + 1..close);
    let whole = text.cut(word.start..close + 1);
    let integral = read(&inside, whole, scope)?;
    text.replace(word.start..close + 1, &format!("`{name}`"))?;
    Ok(Some(integral))
}

fn read(inside: &Text, whole: Text, scope: &Scope<'_>) -> Result<Integral> {
    let parts = inside.split(',');
    let usage = "`int(integrand, x)` over the range of x, or `int(integrand, s, lower, upper)`";
    let (integrand, variable, limits) = match parts.as_slice() {
        [a, b] => (a, b, None),
        [a, b, c, d] => (a, b, Some((c, d))),
        _ => return Err(whole.error(0, usage)),
    };
    let own: Vec<&Coordinate> = scope
        .coordinates
        .iter()
        .filter(|c| c.role != Role::Parameter)
        .collect();
    let variable = inside.part(variable.clone()).trim().to_string();
    let mut body = inside.cut(integrand.clone());
    let (axis, dummy) = match own.iter().position(|c| c.name == variable) {
        Some(axis) => (axis, variable.clone()),
        None => (
            applied(&mut body, &variable, &own, scope)?,
            variable.clone(),
        ),
    };
    let Some(coordinate) = own.get(axis) else {
        return Err(whole.error(0, usage));
    };
    let [low, high] = coordinate.range;
    let name = coordinate.name.as_str();
    // A limit is a number in the range, or the coordinate itself.
    let limit = |range: &std::ops::Range<usize>| -> Result<Option<f64>> {
        let text = inside.part(range.clone());
        if text.trim() == name {
            return Ok(None);
        }
        let slack = 1e-12 * (high - low);
        match (scope.number)(text.trim()) {
            Some(v) if v >= low - slack && v <= high + slack => Ok(Some(v.clamp(low, high))),
            _ => Err(inside.error(
                range.start,
                format!("a limit must be `{name}` or a number in its range, {low} to {high}"),
            )),
        }
    };
    let (from, to) = match limits {
        None => (Some(low), Some(high)),
        Some((a, b)) => (limit(a)?, limit(b)?),
    };
    let mut context = scope.context.clone();
    context.names.push(dummy.clone());
    let body_expr = Expr::parse_with(&body.string(), &context).map_err(|e| body.located(e))?;
    let depends = |e: &Expr, wanted: &dyn Fn(&str) -> bool| {
        e.names().iter().any(|n| wanted(n)) || e.derivatives().iter().any(|d| wanted(&d.field))
    };
    let own_dummy = dummy != name;
    if own_dummy && body.words().iter().any(|w| w.name.starts_with("integral ")) {
        return Err(whole.error(
            0,
            "an integral in an integral needs the coordinate itself as variable",
        ));
    }
    let inner = |e: &Expr| depends(e, &|n| n == dummy || (scope.is_field)(n));
    let outer = |e: &Expr| own_dummy && depends(e, &|n| n == name);
    let products = separate(&body_expr, &inner, &outer)?.ok_or_else(|| {
        body.error(
            0,
            format!(
                "the integrand must be a sum of products of a function of {name} and one of {dummy}"
            ),
        )
    })?;
    let here = Expr::name(name);
    let mut out = Integral {
        text: whole.clone(),
        value: Expr::number(0.0),
        axis,
        upper: to,
        fields: Vec::new(),
        equations: Vec::new(),
        conditions: Vec::new(),
    };
    let mut terms = Vec::new();
    for (k, (factor, integrand)) in products.iter().enumerate() {
        let letter = if products.len() == 1 {
            String::new()
        } else {
            format!("_{}", k + 1)
        };
        let running = format!("int{}{letter}_running", scope.count + 1);
        let slope = |field: &str| {
            Expr::derivative(crate::expr::Derivative {
                field: field.into(),
                by: crate::expr::By::Coordinates(name.into()),
            })
        };
        let integrand = integrand.substitute(&dummy, &here)?;
        out.equations.push(Equation {
            left: slope(&running),
            right: integrand,
        });
        out.fields.push(running.clone());
        let zero_at = |field: &str, other: Expr, at: f64| {
            (
                Equation {
                    left: Expr::name(field),
                    right: other,
                },
                at,
            )
        };
        match (from, to) {
            (Some(a), None) => {
                out.conditions.push(zero_at(&running, Expr::number(0.0), a));
                terms.push(factor.times(&Expr::name(running))?);
            }
            (None, Some(b)) => {
                out.conditions.push(zero_at(&running, Expr::number(0.0), b));
                terms.push(factor.times(&Expr::name(running))?.negated()?);
            }
            (Some(a), Some(b)) => {
                let total = format!("int{}{letter}", scope.count + 1);
                out.conditions.push(zero_at(&running, Expr::number(0.0), a));
                out.conditions.push(zero_at(&total, Expr::name(running), b));
                out.equations.push(Equation {
                    left: slope(&total),
                    right: Expr::number(0.0),
                });
                out.fields.push(total.clone());
                terms.push(factor.times(&Expr::name(total))?);
            }
            (None, None) => return Err(whole.error(0, "both limits are the same")),
        }
    }
    out.value = Expr::sum(terms)?;
    Ok(out)
}

/// The axis that stands as `variable` in `u(s)` or `u(s,t)`; the applications become plain fields.
fn applied(
    body: &mut Text,
    variable: &str,
    own: &[&Coordinate],
    scope: &Scope<'_>,
) -> Result<usize> {
    let taken = scope.context.names.iter().any(|n| n == variable)
        || (scope.is_field)(variable)
        || Function::by_name(variable).is_some();
    if taken || !super::lower::is_name(variable) {
        return Err(body.error(
            body.len(),
            format!(
                "`{variable}` is no coordinate, and no free name for a variable of integration"
            ),
        ));
    }
    let mut found = None;
    for word in body.words() {
        let Some(open) = body.opening(&word).filter(|_| (scope.is_field)(&word.name)) else {
            continue;
        };
        let close = body.closing(open)?;
        let list = body.cut(open + 1..close);
        let arguments: Vec<String> = list
            .split(',')
            .into_iter()
            .map(|r| list.part(r).trim().to_string())
            .collect();
        let axis = arguments.iter().position(|a| a == variable);
        let fits = arguments.len() == own.len()
            && arguments
                .iter()
                .zip(own)
                .enumerate()
                .all(|(k, (a, c))| Some(k) == axis || *a == c.name);
        match (fits, axis, found) {
            (true, Some(axis), None) => found = Some(axis),
            (true, Some(axis), Some(before)) if axis == before => {}
            _ => {
                let names: Vec<&str> = own.iter().map(|c| c.name.as_str()).collect();
                return Err(body.error(
                    word.start,
                    format!(
                        "a field in an integral is applied to ({}) with `{variable}` in the place of one",
                        names.join(", ")
                    ),
                ));
            }
        }
        let blank = " ".repeat(close + 1 - open);
        body.replace(open..close + 1, &blank)?;
    }
    found.ok_or_else(|| {
        body.error(
            0,
            format!("`{variable}` is no coordinate and stands in no field: write u({variable})"),
        )
    })
}

type Products = Vec<(Expr, Expr)>;

/// Writes a formula as a sum of products of a part without inner and a part without outer names.
fn separate(
    e: &Expr,
    inner: &dyn Fn(&Expr) -> bool,
    outer: &dyn Fn(&Expr) -> bool,
) -> Result<Option<Products>> {
    let one = || Expr::number(1.0);
    if !outer(e) {
        return Ok(Some(vec![(one(), e.clone())]));
    }
    if !inner(e) {
        return Ok(Some(vec![(e.clone(), one())]));
    }
    let again = |e: &Expr| separate(e, inner, outer);
    // A formula whose terms each have inner or outer names only, as the sum of both.
    let split = |e: &Expr| -> Result<Option<(Expr, Expr)>> {
        let Some(pairs) = again(e)? else {
            return Ok(None);
        };
        let (mut g, mut h) = (Vec::new(), Vec::new());
        for (a, b) in pairs {
            let whole = a.times(&b)?;
            if !inner(&whole) {
                g.push(whole);
            } else if !outer(&whole) {
                h.push(whole);
            } else {
                return Ok(None);
            }
        }
        Ok(Some((Expr::sum(g)?.simplify()?, Expr::sum(h)?.simplify()?)))
    };
    Ok(match e.node() {
        Node::Sum(terms) => {
            let mut out = Vec::new();
            for term in terms {
                match again(term)? {
                    Some(pairs) => out.extend(pairs),
                    None => return Ok(None),
                }
            }
            few(out)?
        }
        Node::Product(factors) => {
            let mut out = vec![(one(), one())];
            for factor in factors {
                let Some(pairs) = again(factor)? else {
                    return Ok(None);
                };
                let Some(next) = multiplied(&out, &pairs)? else {
                    return Ok(None);
                };
                out = next;
            }
            Some(out)
        }
        Node::Quotient(a, b) => match (again(a)?, again(b)?) {
            (Some(pairs), Some(below)) => {
                let [(g, h)] = below.as_slice() else {
                    return Ok(None);
                };
                let over = pairs.iter().map(|(a, b)| Ok((a.over(g)?, b.over(h)?)));
                Some(over.collect::<Result<_>>()?)
            }
            _ => None,
        },
        Node::Neg(a) => match again(a)? {
            Some(pairs) => {
                let negated = pairs.into_iter().map(|(g, h)| Ok((g.negated()?, h)));
                Some(negated.collect::<Result<_>>()?)
            }
            None => None,
        },
        Node::Power(base, exponent) => match exponent.node() {
            Node::Number(n) if *n == n.trunc() && (1.0..=6.0).contains(n) => {
                let Some(pairs) = again(base)? else {
                    return Ok(None);
                };
                let mut out = vec![(one(), one())];
                for _ in 0..*n as usize {
                    let Some(next) = multiplied(&out, &pairs)? else {
                        return Ok(None);
                    };
                    out = next;
                }
                Some(out)
            }
            _ if !inner(base) && !outer(base) => match split(exponent)? {
                Some((g, h)) => Some(vec![(base.pow(&g)?, base.pow(&h)?)]),
                None => None,
            },
            _ => None,
        },
        Node::Call(function, a) => {
            let Some((g, h)) = split(a)? else {
                return Ok(None);
            };
            let of = |f: Function| Ok::<_, Error>((g.call(f)?, h.call(f)?));
            match function {
                Function::Exp => Some(vec![of(Function::Exp)?]),
                Function::Sin | Function::Sinh => {
                    let (sine, cosine) = match function {
                        Function::Sin => (of(Function::Sin)?, of(Function::Cos)?),
                        _ => (of(Function::Sinh)?, of(Function::Cosh)?),
                    };
                    Some(vec![(sine.0, cosine.1), (cosine.0, sine.1)])
                }
                Function::Cos => {
                    let (s, c) = (of(Function::Sin)?, of(Function::Cos)?);
                    Some(vec![(c.0, c.1), (s.0.negated()?, s.1)])
                }
                Function::Cosh => {
                    let (s, c) = (of(Function::Sinh)?, of(Function::Cosh)?);
                    Some(vec![(c.0, c.1), (s.0, s.1)])
                }
                _ => None,
            }
        }
        _ => None,
    })
}

fn multiplied(a: &Products, b: &Products) -> Result<Option<Products>> {
    let mut out = Vec::new();
    for (g1, h1) in a {
        for (g2, h2) in b {
            out.push((g1.times(g2)?.simplify()?, h1.times(h2)?.simplify()?));
        }
    }
    few(out)
}

/// Products with the same inner part taken together; `None` where there are too many.
fn few(pairs: Products) -> Result<Option<Products>> {
    let mut out: Products = Vec::new();
    for (g, h) in pairs {
        match out.iter_mut().find(|(_, other)| *other == h) {
            Some((sum, _)) => *sum = sum.plus(&g)?,
            None => out.push((g, h)),
        }
        if out.len() > MAX_PRODUCTS {
            return Ok(None);
        }
    }
    Ok(Some(out))
}
