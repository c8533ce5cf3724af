//! Reading formulas: a Pratt parser (Pratt, "Top down operator precedence", 1973) whose recursion is bounded.

use super::function::Function;
use super::node::{By, Derivative, Expr, over};
use crate::error::{Error, Result};

/// Longest text that is read, in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// Deepest nesting of parentheses, functions and exponents in a text.
pub const MAX_NESTING: u32 = 200;

/// What names mean where the spelling alone does not tell.
///
/// A formula is printed for the default context: names listed here are then written in backquotes where they
/// need them. The text of a formula with other coordinates has to be read with those coordinates again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Letters that may stand in the subscript of a derivative.
    pub coordinates: Vec<char>,
    /// Names that are quantities whatever they look like, for example a column `velocity_x`, `e` or `sin`.
    pub names: Vec<String>,
}

impl Default for Context {
    fn default() -> Self {
        Context {
            coordinates: vec!['x', 'y', 'z', 't'],
            names: Vec::new(),
        }
    }
}

impl Context {
    /// The default coordinates and these names.
    pub fn with_names<S: AsRef<str>>(names: &[S]) -> Self {
        Context {
            names: names.iter().map(|n| n.as_ref().to_string()).collect(),
            ..Self::default()
        }
    }
}

impl Expr {
    /// Reads a formula; see the [grammar](super).
    ///
    /// # Errors
    /// [`Error::Parse`] points at the 1-based column; [`Error::Limit`] over [`MAX_TEXT`], [`MAX_NESTING`],
    /// [`MAX_DEPTH`](super::MAX_DEPTH) or [`MAX_NODES`](super::MAX_NODES).
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &Context::default())
    }

    /// Reads a formula in which the context says what names mean.
    ///
    /// # Errors
    /// As [`Expr::parse`].
    pub fn parse_with(text: &str, context: &Context) -> Result<Self> {
        let mut parser = Parser::new(text, 0, context)?;
        let expr = parser.formula()?;
        parser.end()?;
        Ok(expr)
    }
}

/// Whether a name is taken by a constant, a literal or a function.
pub(super) fn is_reserved(name: &str) -> bool {
    matches!(name, "pi" | "e" | "inf" | "nan" | "pow") || Function::by_name(name).is_some()
}

/// Splits `base_suffix` where the suffix consists of coordinates only.
pub(super) fn subscript<'a>(name: &'a str, coordinates: &[char]) -> Option<(&'a str, &'a str)> {
    let (base, suffix) = name.rsplit_once('_')?;
    let fits = !base.is_empty()
        && (1..=4).contains(&suffix.chars().count())
        && suffix.chars().all(|c| coordinates.contains(&c));
    fits.then_some((base, suffix))
}

pub(super) fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// Raised digits are no part of a name: `x²` must not silently be a quantity beside `x`.
pub(super) fn is_name_part(c: char) -> bool {
    (c.is_alphanumeric() && !is_raised(c)) || c == '_'
}

fn is_raised(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '⁰'..='⁹')
}

/// What to write instead of a character that stands where an operator must.
fn advice(c: char) -> Option<&'static str> {
    if is_raised(c) {
        Some("write `^` for a power")
    } else if is_name_start(c) || c.is_ascii_digit() || matches!(c, '(' | '`') {
        Some("write `*` to multiply")
    } else {
        None
    }
}

pub(super) struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    /// Column of the first character, less one.
    offset: usize,
    nesting: u32,
    context: &'a Context,
}

const SUM: u8 = 1;
const PRODUCT: u8 = 2;
const POWER: u8 = 3;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &str, offset: usize, context: &'a Context) -> Result<Self> {
        if text.len() > MAX_TEXT {
            return Err(Error::Limit {
                what: "bytes of a formula".into(),
                limit: MAX_TEXT as u64,
                got: text.len() as u64,
            });
        }
        Ok(Parser {
            chars: text.chars().collect(),
            at: 0,
            offset,
            nesting: 0,
            context,
        })
    }

    fn error<T>(&self, at: usize, message: impl Into<String>) -> Result<T> {
        Err(Error::parse("formula", self.offset + at + 1, message))
    }

    fn skip(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.skip();
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: char, why: &str) -> Result<()> {
        if self.eat(wanted) {
            return Ok(());
        }
        let found = self.found();
        let advice = self.peek().filter(|c| *c != wanted).and_then(advice);
        let advice = advice.map_or(String::new(), |a| format!("; {a}"));
        self.error(
            self.at,
            format!("expected `{wanted}` {why}, found {found}{advice}"),
        )
    }

    fn found(&mut self) -> String {
        self.peek().map_or("the end".into(), |c| format!("`{c}`"))
    }

    pub(super) fn end(&mut self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(')') => self.error(self.at, "`)` without its `(`"),
            Some(c) => match advice(c) {
                Some(advice) => self.error(
                    self.at,
                    format!("found `{c}` where an operator must stand; {advice}"),
                ),
                None => self.error(self.at, format!("unexpected `{c}`")),
            },
        }
    }

    pub(super) fn formula(&mut self) -> Result<Expr> {
        self.level(SUM)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let (limit, got) = (u64::from(MAX_NESTING), u64::from(self.nesting));
            return Err(over("nesting", limit, got));
        }
        let out = read(self);
        self.nesting -= 1;
        out
    }

    /// Reads operands joined by operators that bind at least as tightly as `level`.
    fn level(&mut self, level: u8) -> Result<Expr> {
        match level {
            SUM => {
                let mut terms = vec![self.signed()?];
                loop {
                    let minus = match self.peek() {
                        Some('+') => false,
                        Some('-') => true,
                        _ => break,
                    };
                    self.at += 1;
                    let term = self.signed()?;
                    terms.push(if minus { term.negated()? } else { term });
                }
                Expr::sum(terms)
            }
            PRODUCT => {
                let mut factors = vec![self.level(POWER)?];
                loop {
                    let star = self.peek() == Some('*');
                    if star && self.chars.get(self.at + 1) == Some(&'*') {
                        break;
                    }
                    let divide = match self.peek() {
                        Some('*') => false,
                        Some('/') => true,
                        _ => break,
                    };
                    self.at += 1;
                    let factor = self.factor()?;
                    if divide {
                        let whole = Expr::product(std::mem::take(&mut factors))?;
                        factors.push(whole.over(&factor)?);
                    } else {
                        factors.push(factor);
                    }
                }
                Expr::product(factors)
            }
            _ => {
                let base = self.operand()?;
                let double = self.peek() == Some('*') && self.chars.get(self.at + 1) == Some(&'*');
                if !double && self.peek() != Some('^') {
                    return Ok(base);
                }
                self.at += if double { 2 } else { 1 };
                let exponent = self.nested(Self::factor)?;
                base.pow(&exponent)
            }
        }
    }

    /// Counts signs without recursion; `true` for an odd number of minuses.
    fn signs(&mut self) -> bool {
        let mut minus = false;
        while let Some(c @ ('+' | '-')) = self.peek() {
            minus ^= c == '-';
            self.at += 1;
        }
        minus
    }

    /// A product with signs before it: the minus applies to the whole product.
    fn signed(&mut self) -> Result<Expr> {
        let minus = self.signs();
        let product = self.level(PRODUCT)?;
        if minus {
            product.negated()
        } else {
            Ok(product)
        }
    }

    /// A power with signs before it: what may follow `*`, `/` and `^`.
    fn factor(&mut self) -> Result<Expr> {
        let minus = self.signs();
        let power = self.level(POWER)?;
        if minus { power.negated() } else { Ok(power) }
    }

    fn operand(&mut self) -> Result<Expr> {
        let Some(c) = self.peek() else {
            return self.error(
                self.at,
                "the formula ends where a number, name or `(` must stand",
            );
        };
        let at = self.at;
        match c {
            '(' => {
                self.at += 1;
                let inner = self.nested(Self::formula)?;
                self.expect(')', "to close the parenthesis")?;
                Ok(inner)
            }
            '`' => self.quoted(),
            c if c.is_ascii_digit() || c == '.' => self.number(),
            c if is_name_start(c) => self.named(),
            c => self.error(
                at,
                format!("found `{c}` where a number, name or `(` must stand"),
            ),
        }
    }

    fn number(&mut self) -> Result<Expr> {
        let start = self.at;
        let digit = |p: &Self, at: usize| p.chars.get(at).is_some_and(char::is_ascii_digit);
        while digit(self, self.at) {
            self.at += 1;
        }
        if self.chars.get(self.at) == Some(&'.') {
            self.at += 1;
            while digit(self, self.at) {
                self.at += 1;
            }
        }
        if matches!(self.chars.get(self.at), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.chars.get(self.at + 1), Some('+' | '-')));
            if digit(self, self.at + 1 + sign) {
                self.at += 1 + sign;
                while digit(self, self.at) {
                    self.at += 1;
                }
            }
        }
        let text: String = self
            .chars
            .get(start..self.at)
            .unwrap_or(&[])
            .iter()
            .collect();
        match text.parse::<f64>() {
            Ok(v) if v.is_finite() => Ok(Expr::number(v)),
            Ok(_) => self.error(start, format!("{text} is too large for a 64-bit number")),
            Err(_) => self.error(start, format!("`{text}` is not a number")),
        }
    }

    fn quoted(&mut self) -> Result<Expr> {
        let start = self.at;
        self.at += 1;
        let mut name = String::new();
        loop {
            match (self.chars.get(self.at), self.chars.get(self.at + 1)) {
                (Some('`'), Some('`')) => {
                    name.push('`');
                    self.at += 2;
                }
                (Some('`'), _) => {
                    self.at += 1;
                    break;
                }
                (Some(c), _) => {
                    name.push(*c);
                    self.at += 1;
                }
                (None, _) => return self.error(start, "the backquote is not closed"),
            }
        }
        // `a name`_x is a derivative of the quoted field.
        if self.chars.get(self.at) == Some(&'_') {
            let rest: String = self
                .chars
                .get(self.at + 1..)
                .unwrap_or(&[])
                .iter()
                .take_while(|c| is_name_part(**c))
                .collect();
            let fits = (1..=4).contains(&rest.chars().count())
                && rest.chars().all(|c| self.context.coordinates.contains(&c));
            if !fits {
                return self.error(self.at, "a subscript of coordinates must follow `_`");
            }
            self.at += 1 + rest.chars().count();
            return Ok(Expr::derivative(Derivative {
                field: name,
                by: By::Coordinates(rest),
            }));
        }
        self.primes(name)
    }

    fn primes(&mut self, name: String) -> Result<Expr> {
        let start = self.at;
        while self.chars.get(self.at) == Some(&'\'') {
            self.at += 1;
        }
        match self.at - start {
            0 => Ok(Expr::name(name)),
            n if n <= 16 => Ok(Expr::derivative(Derivative {
                field: name,
                by: By::Primes(n as u32),
            })),
            _ => self.error(start, "more than 16 primes"),
        }
    }

    fn named(&mut self) -> Result<Expr> {
        let start = self.at;
        while self.chars.get(self.at).copied().is_some_and(is_name_part) {
            self.at += 1;
        }
        let name: String = self
            .chars
            .get(start..self.at)
            .unwrap_or(&[])
            .iter()
            .collect();
        if self.context.names.contains(&name) {
            return self.primes(name);
        }
        match name.as_str() {
            "pi" => return Ok(Expr::pi()),
            "e" => return Ok(Expr::e()),
            "inf" => return Ok(Expr::number(f64::INFINITY)),
            "nan" => return Ok(Expr::number(f64::NAN)),
            "pow" => return self.pow(),
            _ => {}
        }
        if let Some(function) = Function::by_name(&name) {
            if self.peek() != Some('(') {
                let found = self.found();
                return self.error(self.at, format!("expected `(` after {name}, found {found}"));
            }
            self.at += 1;
            let argument = self.nested(Self::formula)?;
            self.expect(')', &format!("after the argument of {name}"))?;
            return argument.call(function);
        }
        if self.peek() == Some('(') {
            let known: Vec<&str> = Function::ALL.iter().map(|f| f.name()).collect();
            return self.error(
                start,
                format!(
                    "{name} is not a function (there are: {}, pow); write `*` to multiply",
                    known.join(", ")
                ),
            );
        }
        match subscript(&name, &self.context.coordinates) {
            Some((base, suffix)) if self.chars.get(self.at) != Some(&'\'') => {
                Ok(Expr::derivative(Derivative {
                    field: base.to_string(),
                    by: By::Coordinates(suffix.to_string()),
                }))
            }
            _ => self.primes(name),
        }
    }

    fn pow(&mut self) -> Result<Expr> {
        self.expect('(', "after pow")?;
        let base = self.nested(Self::formula)?;
        self.expect(',', "between the arguments of pow")?;
        let exponent = self.nested(Self::formula)?;
        self.expect(')', "after the arguments of pow")?;
        base.pow(&exponent)
    }
}
