//! Writing formulas: plain text that parses back to the same tree, and LaTeX.

use std::fmt::{self, Write};

use super::function::Function;
use super::node::{By, Expr, Node};
use super::parse::{Context, is_name_part, is_name_start, is_reserved, subscript};

// How tightly a form binds; an operand that binds less tightly than its place demands gets parentheses.
const SUM: u8 = 1;
const PRODUCT: u8 = 2;
const POWER: u8 = 3;
const ATOM: u8 = 4;

fn binding(e: &Expr) -> u8 {
    match e.node() {
        Node::Sum(_) => SUM,
        // A sign reaches over a whole product, so a signed form binds as a term of a sum does.
        Node::Neg(_) => SUM,
        Node::Number(v) if v.is_sign_negative() && !v.is_nan() => SUM,
        Node::Product(_) | Node::Quotient(..) if starts_with_sign(e) => SUM,
        Node::Product(_) | Node::Quotient(..) => PRODUCT,
        Node::Power(..) => POWER,
        _ => ATOM,
    }
}

/// Whether the text of the formula begins with a minus.
pub(super) fn starts_with_sign(e: &Expr) -> bool {
    match e.node() {
        Node::Number(v) => v.is_sign_negative() && !v.is_nan(),
        Node::Neg(_) => true,
        Node::Product(factors) => factors.first().is_some_and(starts_with_sign),
        Node::Quotient(a, _) => starts_with_sign(a),
        _ => false,
    }
}

/// The shortest text that reads back as the same number.
pub(super) fn number_text(v: f64) -> String {
    if v == 0.0 && v.is_sign_negative() {
        return "-0".into();
    }
    if v.is_nan() {
        return "nan".into();
    }
    if v.is_infinite() {
        return if v > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let magnitude = v.abs();
    if magnitude != 0.0 && !(1e-5..1e15).contains(&magnitude) {
        format!("{v:e}")
    } else {
        format!("{v}")
    }
}

fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_part) && !is_reserved(name)
}

/// The field of a derivative.
pub(super) fn field(f: &mut impl Write, name: &str) -> fmt::Result {
    if is_plain(name) && subscript(name, &Context::default().coordinates).is_none() {
        f.write_str(name)
    } else {
        write!(f, "`{}`", name.replace('`', "``"))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        plain(f, self, SUM)
    }
}

fn plain(f: &mut fmt::Formatter<'_>, e: &Expr, place: u8) -> fmt::Result {
    let wrap = binding(e) < place;
    if wrap {
        f.write_str("(")?;
    }
    match e.node() {
        Node::Number(v) => f.write_str(&number_text(*v))?,
        Node::Pi => f.write_str("pi")?,
        Node::E => f.write_str("e")?,
        Node::Name(name) => field(f, name)?,
        Node::Derivative(d) => write!(f, "{d}")?,
        Node::Sum(terms) => {
            for (i, term) in terms.iter().enumerate() {
                if i > 0 && starts_with_sign(term) {
                    f.write_str(" - ")?;
                    match term.negated() {
                        // Taking the sign off makes the tree no deeper.
                        Ok(positive) => plain(f, &positive, PRODUCT)?,
                        Err(_) => return Err(fmt::Error),
                    }
                } else {
                    f.write_str(if i > 0 { " + " } else { "" })?;
                    // A sum inside a sum does not occur; a sign on the first term needs no parentheses.
                    plain(f, term, SUM)?;
                }
            }
        }
        Node::Product(factors) => {
            for (i, factor) in factors.iter().enumerate() {
                if i == 0 {
                    first_factor(f, factor)?;
                } else {
                    f.write_str("*")?;
                    plain(f, factor, POWER)?;
                }
            }
        }
        Node::Quotient(a, b) => {
            first_factor(f, a)?;
            f.write_str("/")?;
            plain(f, b, POWER)?;
        }
        Node::Neg(a) => {
            f.write_str("-")?;
            plain(f, a, PRODUCT)?;
        }
        Node::Power(a, b) => {
            plain(f, a, ATOM)?;
            f.write_str("^")?;
            plain(f, b, POWER)?;
        }
        Node::Call(function, a) => {
            write!(f, "{}(", function.name())?;
            plain(f, a, SUM)?;
            f.write_str(")")?;
        }
    }
    if wrap {
        f.write_str(")")?;
    }
    Ok(())
}

/// The first factor may carry the sign of the whole product.
fn first_factor(f: &mut fmt::Formatter<'_>, e: &Expr) -> fmt::Result {
    let signed = matches!(
        e.node(),
        Node::Number(_) | Node::Product(_) | Node::Quotient(..)
    );
    plain(f, e, if signed { SUM } else { PRODUCT })
}

const GREEK: [&str; 34] = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
    "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
    "varphi",
];

fn latex_name(name: &str) -> String {
    let letter = |name: &str| {
        if GREEK.contains(&name) {
            return Some(format!("\\{name}"));
        }
        let mut chars = name.chars();
        let single = chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none();
        single.then(|| name.to_string())
    };
    // x1 or x_1: a letter with a number is a subscript.
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = name.strip_prefix(base).unwrap_or("");
    let base = base.strip_suffix('_').unwrap_or(base);
    match letter(if digits.is_empty() { name } else { base }) {
        Some(letter) if digits.is_empty() => letter,
        Some(letter) => format!("{letter}_{{{digits}}}"),
        None => format!("\\mathrm{{{}}}", latex_text(name)),
    }
}

fn latex_text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\backslash "),
            '_' | '{' | '}' | '%' | '&' | '#' | '$' => {
                out.push('\\');
                out.push(c);
            }
            '^' => out.push_str("\\hat{}"),
            '~' => out.push_str("\\sim "),
            c if c.is_whitespace() => out.push_str("\\ "),
            c => out.push(c),
        }
    }
    out
}

fn latex_number(v: f64) -> String {
    let text = number_text(v);
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{mantissa} \\cdot 10^{{{exponent}}}"),
        None => text
            .replace("inf", "\\infty")
            .replace("nan", "\\mathrm{NaN}"),
    }
}

impl Expr {
    /// The formula for LaTeX's mathematics mode.
    pub fn to_latex(&self) -> String {
        let mut out = String::new();
        latex(&mut out, self, SUM);
        out
    }
}

fn latex(out: &mut String, e: &Expr, place: u8) {
    let bound = match e.node() {
        // A fraction holds together, unless a sign stands before it.
        Node::Quotient(..) if place <= POWER && !starts_with_sign(e) => ATOM,
        // A second exponent on e^{x} would be refused by LaTeX.
        Node::Call(Function::Exp, _) => POWER,
        Node::Number(v) if number_text(*v).contains('e') && !starts_with_sign(e) => PRODUCT,
        _ => binding(e),
    };
    let wrap = bound < place;
    if wrap {
        out.push_str("\\left(");
    }
    match e.node() {
        Node::Number(v) => out.push_str(&latex_number(*v)),
        Node::Pi => out.push_str("\\pi"),
        Node::E => out.push_str("\\mathrm{e}"),
        Node::Name(name) => out.push_str(&latex_name(name)),
        Node::Derivative(d) => {
            let name = latex_name(&d.field);
            match &d.by {
                By::Primes(n) => {
                    out.push_str(&name);
                    (0..*n).for_each(|_| out.push('\''));
                }
                By::Coordinates(c) => {
                    // LaTeX refuses a second subscript on one symbol.
                    let (before, after) = if name.ends_with("}") && name.contains("_{") {
                        ("{", "}")
                    } else {
                        ("", "")
                    };
                    out.push_str(&format!("{before}{name}{after}_{{"));
                    out.push_str(c);
                    out.push('}');
                }
            }
        }
        Node::Sum(terms) => {
            for (i, term) in terms.iter().enumerate() {
                match term.negated() {
                    Ok(positive) if i > 0 && starts_with_sign(term) => {
                        out.push_str(" - ");
                        latex(out, &positive, PRODUCT);
                    }
                    _ => {
                        out.push_str(if i > 0 { " + " } else { "" });
                        latex(out, term, SUM);
                    }
                }
            }
        }
        Node::Product(factors) => {
            for (i, factor) in factors.iter().enumerate() {
                if i > 0 {
                    let number = matches!(factor.node(), Node::Number(_))
                        || matches!(factor.node(), Node::Power(b, _) if matches!(b.node(), Node::Number(_)));
                    out.push_str(if number { " \\cdot " } else { " \\, " });
                }
                let signed = i == 0 && !matches!(factor.node(), Node::Sum(_));
                latex(out, factor, if signed { SUM } else { POWER });
            }
        }
        Node::Quotient(a, b) => {
            out.push_str("\\frac{");
            latex(out, a, SUM);
            out.push_str("}{");
            latex(out, b, SUM);
            out.push('}');
        }
        Node::Neg(a) => {
            out.push('-');
            latex(out, a, PRODUCT);
        }
        Node::Power(a, b) => {
            latex(out, a, ATOM);
            out.push_str("^{");
            latex(out, b, SUM);
            out.push('}');
        }
        Node::Call(function, a) => {
            let (before, after) = match function {
                Function::Sqrt => ("\\sqrt{", "}"),
                Function::Abs => ("\\left|", "\\right|"),
                Function::Exp => ("e^{", "}"),
                Function::Log => ("\\ln\\left(", "\\right)"),
                Function::Atan => ("\\arctan\\left(", "\\right)"),
                Function::Sign => ("\\operatorname{sign}\\left(", "\\right)"),
                Function::Sin => ("\\sin\\left(", "\\right)"),
                Function::Cos => ("\\cos\\left(", "\\right)"),
                Function::Tan => ("\\tan\\left(", "\\right)"),
                Function::Tanh => ("\\tanh\\left(", "\\right)"),
                Function::Sinh => ("\\sinh\\left(", "\\right)"),
                Function::Cosh => ("\\cosh\\left(", "\\right)"),
            };
            out.push_str(before);
            latex(out, a, SUM);
            out.push_str(after);
        }
    }
    if wrap {
        out.push_str("\\right)");
    }
}
