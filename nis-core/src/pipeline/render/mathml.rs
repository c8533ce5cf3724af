//! Formulas as MathML, which browsers set without fonts or scripts from elsewhere.

use super::page::escape;
use crate::expr::{By, Context, Equation, Expr, Function, Node};

/// Larger formulas are shown as text.
const MOST_NODES: u64 = 400;

/// Longest text of a formula that is shown.
const MOST_TEXT: usize = 2000;

// How tightly a form binds, as in `expr::print`.
const SUM: u8 = 1;
const PRODUCT: u8 = 2;
const POWER: u8 = 3;
const ATOM: u8 = 4;

/// `target = formula`, the numbers rounded for reading.
pub(super) fn law(target: &str, formula: &Expr) -> String {
    let formula = formula.rounded(5);
    let plain = format!("{target} = {}", short_text(&formula));
    // A rate of change is a formula of its own; any other name stands as it is.
    let left = match Expr::parse(target) {
        Ok(e) if target.contains('\'') => math(&e, SUM),
        _ => name(target),
    };
    set(&plain, left, &formula)
}

/// An equation as a fit reports it; where it cannot be read again (`names` are the columns), its text.
pub(super) fn equation(text: &str, names: &[&str]) -> String {
    match Equation::parse_with(text, &Context::with_names(names)) {
        Ok(e) if e.left.complexity() <= MOST_NODES => set(text, math(&e.left, SUM), &e.right),
        _ => plain_formula(text),
    }
}

/// A formula of one edge, for captions.
pub(super) fn inline(formula: &Expr) -> String {
    if formula.complexity() > MOST_NODES {
        return plain_formula(&short_text(formula));
    }
    format!("<math displaystyle=\"true\">{}</math>", math(formula, SUM))
}

/// A formula that stays text.
pub(super) fn plain_formula(text: &str) -> String {
    format!("<code class=\"formula\">{}</code>", escape(&cut(text)))
}

fn short_text(e: &Expr) -> String {
    // The text of a very large formula is not even built.
    if e.complexity() > 100_000 {
        format!("a formula of {} parts", e.complexity())
    } else {
        cut(&e.to_string())
    }
}

fn cut(text: &str) -> String {
    super::labels::ellipsis(text, MOST_TEXT)
}

/// The terms of the right-hand side become pieces of their own, between which a browser may break the line.
fn set(plain: &str, left: String, right: &Expr) -> String {
    if right.complexity() > MOST_NODES {
        return plain_formula(plain);
    }
    let mut pieces = vec![format!(
        "{left}<mo form=\"infix\" lspace=\"0.28em\" rspace=\"0.1em\">=</mo>"
    )];
    match right.node() {
        Node::Sum(terms) => {
            for (i, term) in terms.iter().enumerate() {
                pieces.push(signed_term(term, i == 0));
            }
        }
        _ => pieces.push(math(right, SUM)),
    }
    let pieces: Vec<String> = pieces
        .into_iter()
        .map(|p| format!("<math displaystyle=\"true\"><mrow>{p}</mrow></math>"))
        .collect();
    format!(
        "<div class=\"formula\" role=\"math\" aria-label=\"{}\">{}</div>",
        escape(plain),
        pieces.join(" ")
    )
}

fn starts_with_sign(e: &Expr) -> bool {
    match e.node() {
        Node::Number(v) => v.is_sign_negative() && !v.is_nan(),
        Node::Neg(_) => true,
        Node::Product(factors) => factors.first().is_some_and(starts_with_sign),
        Node::Quotient(a, _) => starts_with_sign(a),
        _ => false,
    }
}

/// A term of a sum with the operator before it.
fn signed_term(term: &Expr, first: bool) -> String {
    match term.negated() {
        Ok(positive) if !first && starts_with_sign(term) => {
            format!("<mo form=\"infix\">−</mo>{}", math(&positive, PRODUCT))
        }
        _ if first => math(term, SUM),
        _ => format!("<mo form=\"infix\">+</mo>{}", math(term, SUM)),
    }
}

fn binding(e: &Expr) -> u8 {
    match e.node() {
        Node::Sum(_) | Node::Neg(_) => SUM,
        Node::Quotient(..) if !starts_with_sign(e) => ATOM,
        _ if starts_with_sign(e) => SUM,
        Node::Number(v) if number_parts(*v).1.is_some() => PRODUCT,
        Node::Product(_) => PRODUCT,
        Node::Power(..) => POWER,
        Node::Call(Function::Exp, _) => POWER,
        _ => ATOM,
    }
}

fn math(e: &Expr, place: u8) -> String {
    let inner = match e.node() {
        Node::Number(v) => number(*v),
        Node::Pi => "<mi>π</mi>".into(),
        Node::E => "<mi>e</mi>".into(),
        Node::Name(n) => name(n),
        Node::Derivative(d) => match &d.by {
            By::Primes(n) => format!(
                "<mrow>{}<mtext class=\"prime\">{}</mtext></mrow>",
                name(&d.field),
                "′".repeat((*n).min(20) as usize)
            ),
            By::Coordinates(c) => {
                format!("<msub>{}<mi>{}</mi></msub>", name(&d.field), escape(c))
            }
        },
        Node::Sum(terms) => terms
            .iter()
            .enumerate()
            .map(|(i, t)| signed_term(t, i == 0))
            .collect(),
        Node::Product(factors) => factors
            .iter()
            .enumerate()
            .map(|(i, f)| math(f, if i == 0 { first_place(f) } else { POWER }))
            .collect::<Vec<_>>()
            .join("<mo>·</mo>"),
        Node::Quotient(a, b) => quotient(a, b),
        Node::Neg(a) => format!("<mo form=\"prefix\">−</mo>{}", math(a, PRODUCT)),
        Node::Power(a, b) => match a.node() {
            Node::Name(n) => indexed(n, Some(&math(b, SUM))),
            _ => format!(
                "<msup><mrow>{}</mrow><mrow>{}</mrow></msup>",
                math(a, ATOM),
                math(b, SUM)
            ),
        },
        Node::Call(f, a) => call(*f, a),
    };
    if binding(e) < place {
        format!("<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>")
    } else {
        format!("<mrow>{inner}</mrow>")
    }
}

/// The first factor may carry the sign of the whole product.
fn first_place(e: &Expr) -> u8 {
    match e.node() {
        Node::Number(_) | Node::Product(_) | Node::Quotient(..) => SUM,
        _ => PRODUCT,
    }
}

fn quotient(a: &Expr, b: &Expr) -> String {
    let (sign, above) = match a.negated() {
        Ok(positive) if starts_with_sign(a) => ("<mo form=\"prefix\">−</mo>", positive),
        _ => ("", a.clone()),
    };
    format!(
        "{sign}<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>",
        math(&above, SUM),
        math(b, SUM)
    )
}

fn call(function: Function, a: &Expr) -> String {
    let inside = math(a, SUM);
    match function {
        Function::Sqrt => format!("<msqrt>{inside}</msqrt>"),
        Function::Abs => format!("<mo>|</mo>{inside}<mo>|</mo>"),
        Function::Exp => format!("<msup><mi>e</mi><mrow>{inside}</mrow></msup>"),
        _ => {
            let shown = match function {
                Function::Log => "ln",
                Function::Atan => "arctan",
                other => other.name(),
            };
            format!("<mi>{shown}</mi><mo>&#x2061;</mo><mo>(</mo>{inside}<mo>)</mo>")
        }
    }
}

/// Mantissa and exponent as texts.
fn number_parts(v: f64) -> (String, Option<String>) {
    let text = Expr::number(v).to_string();
    match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa.to_string(), Some(exponent.to_string())),
        None if v != 0.0 && v.is_finite() && v.abs() < 1e-3 => {
            let text = format!("{v:e}");
            match text.split_once('e') {
                Some((mantissa, exponent)) => (mantissa.to_string(), Some(exponent.to_string())),
                None => (text, None),
            }
        }
        None => (text, None),
    }
}

fn number(v: f64) -> String {
    let (mantissa, exponent) = number_parts(v);
    let sign = if mantissa.starts_with('-') {
        "<mo form=\"prefix\">−</mo>"
    } else {
        ""
    };
    let digits = mantissa.trim_start_matches('-').replace("inf", "∞");
    match exponent {
        None => format!("{sign}<mn>{digits}</mn>"),
        Some(power) => format!(
            "{sign}<mn>{digits}</mn><mo>×</mo><msup><mn>10</mn><mn>{}</mn></msup>",
            power.replace('-', "−")
        ),
    }
}

const GREEK: [(&str, &str); 24] = [
    ("alpha", "α"),
    ("beta", "β"),
    ("gamma", "γ"),
    ("delta", "δ"),
    ("epsilon", "ε"),
    ("zeta", "ζ"),
    ("eta", "η"),
    ("theta", "θ"),
    ("iota", "ι"),
    ("kappa", "κ"),
    ("lambda", "λ"),
    ("mu", "μ"),
    ("nu", "ν"),
    ("xi", "ξ"),
    ("rho", "ρ"),
    ("sigma", "σ"),
    ("tau", "τ"),
    ("phi", "φ"),
    ("chi", "χ"),
    ("psi", "ψ"),
    ("omega", "ω"),
    ("Omega", "Ω"),
    ("Delta", "Δ"),
    ("Gamma", "Γ"),
];

fn letter(text: &str) -> String {
    if let Some((_, sign)) = GREEK.iter().find(|(n, _)| *n == text) {
        return format!("<mi>{sign}</mi>");
    }
    let plain = text.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain && !text.is_empty() {
        format!("<mi>{}</mi>", escape(text))
    } else {
        // Identifiers, not texts: MathML takes an operator beside nothing but texts for one with spaces.
        let words: Vec<String> = text
            .split(' ')
            .map(|word| format!("<mi mathvariant=\"normal\">{}</mi>", escape(word)))
            .collect();
        format!("<mrow>{}</mrow>", words.join("<mspace width=\"0.3em\"/>"))
    }
}

fn name(text: &str) -> String {
    indexed(text, None)
}

/// `x1`, `x_1` and `omega2` have an index; other names stand as they are. `power` is a raised exponent.
fn indexed(text: &str, power: Option<&str>) -> String {
    let base = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let index = text.get(base.len()..).unwrap_or("");
    let stem = base.strip_suffix('_');
    let known = base.chars().count() == 1 || GREEK.iter().any(|(n, _)| *n == base);
    let parts = match stem {
        Some(stem) if !index.is_empty() && !stem.is_empty() => Some(stem),
        None if !index.is_empty() && known => Some(base),
        _ => None,
    };
    match (parts, power) {
        (Some(stem), None) => format!("<msub>{}<mn>{index}</mn></msub>", letter(stem)),
        (Some(stem), Some(power)) => {
            format!("<msubsup>{}<mn>{index}</mn>{power}</msubsup>", letter(stem))
        }
        (None, None) => letter(text),
        (None, Some(power)) => format!("<msup>{}{power}</msup>", letter(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(formula: &str) -> String {
        // Without the rows, which only group.
        inline(&Expr::parse(formula).unwrap())
            .replace(" displaystyle=\"true\"", "")
            .replace("<mrow>", "")
            .replace("</mrow>", "")
    }

    #[test]
    fn formulas_are_set() {
        assert_eq!(
            text("0.2*a^1.5"),
            "<math><mn>0.2</mn><mo>·</mo><msup><mi>a</mi><mn>1.5</mn></msup></math>"
        );
        assert_eq!(
            text("x_1 - 2*(b + 1)"),
            "<math><msub><mi>x</mi><mn>1</mn></msub><mo form=\"infix\">−</mo><mn>2</mn><mo>·</mo><mo>(</mo><mi>b</mi><mo form=\"infix\">+</mo><mn>1</mn><mo>)</mo></math>"
        );
        assert_eq!(
            text("-omega2/exp(-x)"),
            "<math><mo form=\"prefix\">−</mo><mfrac><msub><mi>ω</mi><mn>2</mn></msub><msup><mi>e</mi><mo form=\"prefix\">−</mo><mi>x</mi></msup></mfrac></math>"
        );
        assert!(text("y''").contains(">′′<"));
        assert!(text("x_1^2").contains("<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>"));
        assert!(text("0.00003*x").contains("<mn>3</mn><mo>×</mo>"));
        // (3e-5)^2 must not read as 3 times 10 to the -5 squared.
        assert!(text("0.00003^x").contains("<mo>(</mo><mn>3</mn>"));
    }

    #[test]
    fn names_are_escaped() {
        let e = Expr::name("<script>alert(1)</script>");
        assert!(!inline(&e).contains("<script"));
        assert!(!law("<b>", &e).contains("<b>"));
        assert!(!equation("<b> & = 1", &[]).contains("<b>"));
    }

    #[test]
    fn large_formulas_stay_text() {
        let sum = Expr::sum((0..2000).map(|i| Expr::name(format!("a{i}")))).unwrap();
        let out = law("y", &sum);
        assert!(
            out.starts_with("<code") && out.len() < 4000,
            "{}",
            out.len()
        );
    }
}
