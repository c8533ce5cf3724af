//! Equations and systems of equations.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::node::{Expr, over};
use super::parse::{Context, MAX_TEXT, Parser};
use crate::error::{Error, Result};

/// An equation `left = right`.
///
/// ```
/// use nis_core::expr::Equation;
/// let system = Equation::parse_system("x' = v; v' = -w2*x")?;
/// assert_eq!(system[1].to_string(), "v' = -w2*x");
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Equation {
    /// Left-hand side.
    pub left: Expr,
    /// Right-hand side.
    pub right: Expr,
}

/// The characters of a text, `None` for those inside backquotes, where `=`, `;` and line ends are letters of
/// a name.
fn unquoted(text: &str) -> impl Iterator<Item = Option<char>> {
    let mut quoted = false;
    text.chars().map(move |c| {
        quoted ^= c == '`';
        (!quoted).then_some(c)
    })
}

impl Equation {
    /// Reads one equation.
    ///
    /// # Errors
    /// [`Error::Parse`] points at the column.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &Context::default())
    }

    /// Reads one equation in a context.
    ///
    /// # Errors
    /// As [`Equation::parse`].
    pub fn parse_with(text: &str, context: &Context) -> Result<Self> {
        Self::at(text, 0, context)
    }

    fn at(text: &str, offset: usize, context: &Context) -> Result<Self> {
        let column = |c: usize| offset + c + 1;
        let signs: Vec<usize> = unquoted(text)
            .enumerate()
            .filter(|(_, c)| *c == Some('='))
            .map(|(i, _)| i)
            .collect();
        let side = |text: &str, offset: usize| -> Result<Expr> {
            let mut parser = Parser::new(text, offset, context)?;
            let expr = parser.formula()?;
            parser.end()?;
            Ok(expr)
        };
        let at = match signs.as_slice() {
            [at] => *at,
            [] => {
                if text.chars().filter(|c| *c == '`').count() % 2 == 1 {
                    // A backquote that is not closed hides the sign: reading says where it stands.
                    side(text, offset)?;
                }
                let end = text.trim_end().chars().count();
                return Err(Error::parse(
                    "equation",
                    column(end),
                    "an equation needs `=`",
                ));
            }
            [_, second, ..] => {
                return Err(Error::parse(
                    "equation",
                    column(*second),
                    "a second `=` in one equation",
                ));
            }
        };
        let left: String = text.chars().take(at).collect();
        let right: String = text.chars().skip(at + 1).collect();
        Ok(Equation {
            left: side(&left, offset)?,
            right: side(&right, offset + at + 1)?,
        })
    }

    /// Reads equations separated by `;` or line ends; empty ones are skipped. Columns in errors count from
    /// the start of the whole text.
    ///
    /// # Errors
    /// [`Error::Parse`]; also where there is no equation at all. [`Error::Limit`] over [`MAX_TEXT`].
    pub fn parse_system(text: &str) -> Result<Vec<Self>> {
        Self::parse_system_with(text, &Context::default())
    }

    /// [`Equation::parse_system`] in a context.
    ///
    /// # Errors
    /// As [`Equation::parse_system`].
    pub fn parse_system_with(text: &str, context: &Context) -> Result<Vec<Self>> {
        if text.len() > MAX_TEXT {
            return Err(over("bytes", MAX_TEXT as u64, text.len() as u64));
        }
        let (mut out, mut part, mut offset) = (Vec::new(), String::new(), 0);
        for (i, (c, free)) in text.chars().zip(unquoted(text)).enumerate() {
            if matches!(free, Some(';' | '\n')) {
                if !part.trim().is_empty() {
                    out.push(Self::at(&part, offset, context)?);
                }
                part.clear();
                offset = i + 1;
            } else {
                part.push(c);
            }
        }
        if !part.trim().is_empty() {
            out.push(Self::at(&part, offset, context)?);
        }
        if out.is_empty() {
            return Err(Error::parse("equation", 1, "there is no equation"));
        }
        Ok(out)
    }

    /// The equation for LaTeX's mathematics mode.
    pub fn to_latex(&self) -> String {
        format!("{} = {}", self.left.to_latex(), self.right.to_latex())
    }
}

impl fmt::Display for Equation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.left, self.right)
    }
}

impl Serialize for Equation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Equation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Equation::parse(&text).map_err(serde::de::Error::custom)
    }
}
