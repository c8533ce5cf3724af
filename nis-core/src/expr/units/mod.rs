//! Physical dimensions and units: the SI (BIPM brochure, 9th ed., 2019) and the units accepted beside it.

use std::fmt;

use crate::error::{Error, Result};

mod formula;
mod table;
#[cfg(test)]
mod tests;

pub use formula::dimension_of;
use table::{Entry, PREFIXES, SCALES, UNITS};

/// Exponents of metre, kilogram, second, ampere, kelvin, mole and candela, in twelfths, so that square and
/// cube roots stay exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Dimension([i32; 7]);

const BASE: [&str; 7] = ["m", "kg", "s", "A", "K", "mol", "cd"];
const PARTS: i32 = 12;

impl Dimension {
    /// A pure number.
    pub const NONE: Dimension = Dimension([0; 7]);

    /// From whole exponents of m, kg, s, A, K, mol, cd.
    pub const fn new(exponents: [i32; 7]) -> Self {
        let mut out = [0; 7];
        let mut i = 0;
        while i < 7 {
            out[i] = exponents[i] * PARTS;
            i += 1;
        }
        Dimension(out)
    }

    /// The exponents of m, kg, s, A, K, mol, cd.
    pub fn exponents(self) -> [f64; 7] {
        self.0.map(|e| f64::from(e) / f64::from(PARTS))
    }

    /// Whether it is that of a pure number.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Of a product.
    pub fn times(self, other: Self) -> Self {
        Dimension(std::array::from_fn(|i| {
            self.0[i].saturating_add(other.0[i])
        }))
    }

    /// Of a quotient.
    pub fn over(self, other: Self) -> Self {
        Dimension(std::array::from_fn(|i| {
            self.0[i].saturating_sub(other.0[i])
        }))
    }

    /// Of a power; `None` where an exponent would be no multiple of 1/12 or too large.
    pub fn pow(self, exponent: f64) -> Option<Self> {
        let mut out = [0; 7];
        for (o, e) in out.iter_mut().zip(self.0) {
            let scaled = f64::from(e) * exponent;
            if (scaled - scaled.round()).abs() > 1e-9 || scaled.abs() > 1e6 {
                return None;
            }
            *o = scaled.round() as i32;
        }
        Some(Dimension(out))
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("1");
        }
        let mut first = true;
        for (name, e) in BASE.iter().zip(self.0) {
            if e == 0 {
                continue;
            }
            f.write_str(if first { "" } else { " " })?;
            first = false;
            f.write_str(name)?;
            if e % PARTS != 0 {
                write!(f, "^({e}/{PARTS})")?;
            } else if e != PARTS {
                write!(f, "^{}", e / PARTS)?;
            }
        }
        Ok(())
    }
}

/// A unit: a factor to SI base units, an offset for temperature scales, and a dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// The text that it was read from.
    pub text: String,
    /// One of this unit in SI base units.
    pub factor: f64,
    /// Zero of this unit in SI base units; not 0 for degC and degF alone.
    pub offset: f64,
    /// Its dimension.
    pub dimension: Dimension,
}

/// Factor and dimension of one symbol, with or without prefix.
fn symbol(name: &str) -> Option<(f64, Dimension)> {
    let exact = |e: &&Entry| e.names.contains(&name);
    if let Some(e) = UNITS.iter().find(exact) {
        return Some((e.factor, Dimension::new(e.exponents)));
    }
    for (short, long, scale) in PREFIXES {
        for e in UNITS.iter().filter(|e| e.prefix) {
            let (symbol, words) = e.names.split_first()?;
            let short_form = name.strip_prefix(short) == Some(symbol);
            let long_form = name
                .strip_prefix(long)
                .is_some_and(|rest| words.contains(&rest));
            if short_form || long_form {
                return Some((scale * e.factor, Dimension::new(e.exponents)));
            }
        }
    }
    None
}

impl Unit {
    /// Reads a unit: symbols and names with SI prefixes, joined by `*`, `.`, a space or `/`, with exponents
    /// after `^` or `**` or directly (`m s^-2`, `km/h`, `kg*m2/s2`). After one `/` only the next symbol is
    /// divided by. `1` is the unit of pure numbers.
    ///
    /// # Errors
    /// [`Error::Parse`] points at the symbol that is not known.
    pub fn parse(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        for (names, factor, offset) in SCALES {
            if names.contains(&trimmed) {
                return Ok(Unit {
                    text: trimmed.into(),
                    factor: *factor,
                    offset: *offset,
                    dimension: Dimension::new([0, 0, 0, 0, 1, 0, 0]),
                });
            }
        }
        let chars: Vec<char> = text.chars().collect();
        let (mut factor, mut dimension) = (1.0, Dimension::NONE);
        let mut at = 0;
        let mut divide = false;
        let mut expect = true;
        let fail = |at: usize, message: String| Err(Error::parse("unit", at + 1, message));
        while let Some(c) = chars.get(at).copied() {
            if c.is_whitespace() {
                at += 1;
                continue;
            }
            if matches!(c, '*' | '·' | '.' | '/') {
                if expect {
                    return fail(at, format!("`{c}` where a unit must stand"));
                }
                divide = c == '/';
                expect = true;
                at += 1;
                continue;
            }
            let start = at;
            while chars
                .get(at)
                .is_some_and(|c| c.is_alphabetic() || matches!(c, '%' | '°'))
            {
                at += 1;
            }
            let name: String = chars.get(start..at).unwrap_or(&[]).iter().collect();
            let (f, d) = if name.is_empty() {
                if c == '1' && chars.get(at + 1).is_none_or(|c| !c.is_ascii_digit()) {
                    at += 1;
                    (1.0, Dimension::NONE)
                } else {
                    return fail(at, format!("unexpected `{c}`"));
                }
            } else if SCALES
                .iter()
                .any(|(names, _, _)| names.contains(&name.as_str()))
            {
                return fail(
                    start,
                    format!("{name} cannot stand in a compound unit; use K"),
                );
            } else {
                match symbol(&name) {
                    Some(found) => found,
                    None => return fail(start, format!("{name} is not a known unit")),
                }
            };
            let exponent = exponent(&chars, &mut at)?;
            let signed = if divide { -exponent } else { exponent };
            factor *= f.powi(signed);
            dimension = match d.pow(f64::from(signed)) {
                Some(d) => dimension.times(d),
                None => return fail(start, format!("the exponent {signed} is out of range")),
            };
            divide = false;
            expect = false;
        }
        if expect {
            return fail(chars.len(), "a unit must stand here".into());
        }
        if !(factor.is_finite() && factor > 0.0) {
            return fail(0, format!("the factor {factor} is out of range"));
        }
        Ok(Unit {
            text: trimmed.into(),
            factor,
            offset: 0.0,
            dimension,
        })
    }
}

fn exponent(chars: &[char], at: &mut usize) -> Result<i32> {
    let start = *at;
    if chars.get(*at) == Some(&'^') {
        *at += 1;
    } else if chars.get(*at) == Some(&'*') && chars.get(*at + 1) == Some(&'*') {
        *at += 2;
    }
    let marked = *at > start;
    let digits = *at;
    if matches!(chars.get(*at), Some('-' | '+')) {
        *at += 1;
    }
    while chars.get(*at).is_some_and(char::is_ascii_digit) {
        *at += 1;
    }
    let text: String = chars.get(digits..*at).unwrap_or(&[]).iter().collect();
    if text.is_empty() && !marked {
        return Ok(1);
    }
    match text.parse::<i32>() {
        Ok(n) if n.abs() <= 99 => Ok(n),
        _ => Err(Error::parse(
            "unit",
            digits + 1,
            "an exponent from -99 to 99 must stand here",
        )),
    }
}

/// Converts a value between units.
///
/// ```
/// use nis_core::expr::units::{Unit, convert};
/// let v = convert(100.0, &Unit::parse("km/h")?, &Unit::parse("m/s")?)?;
/// assert!((v - 27.77777777777778).abs() < 1e-12);
/// assert!(convert(1.0, &Unit::parse("kg")?, &Unit::parse("m")?).is_err());
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] where the dimensions differ, naming both.
pub fn convert(value: f64, from: &Unit, to: &Unit) -> Result<f64> {
    if from.dimension != to.dimension {
        return Err(Error::invalid(
            "unit",
            format!("{} (dimension {})", from.text, from.dimension),
            format!("a unit of dimension {}, as {} has", to.dimension, to.text),
        ));
    }
    if from.offset == 0.0 && to.offset == 0.0 {
        return Ok(value * (from.factor / to.factor));
    }
    Ok((value * from.factor + from.offset - to.offset) / to.factor)
}

/// A value with its unit.
///
/// ```
/// use nis_core::expr::units::{Quantity, Unit};
/// let speed = Quantity::new(36.0, Unit::parse("km/h")?);
/// let si = speed.to(&Unit::parse("m/s")?)?;
/// assert!((si.value - 10.0).abs() < 1e-12);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// The value in `unit`.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
}

impl Quantity {
    /// A value in a unit.
    pub fn new(value: f64, unit: Unit) -> Self {
        Quantity { value, unit }
    }

    /// The same quantity in another unit.
    ///
    /// # Errors
    /// As [`convert`].
    pub fn to(&self, unit: &Unit) -> Result<Self> {
        let value = convert(self.value, &self.unit, unit)?;
        Ok(Quantity::new(value, unit.clone()))
    }
}

/// The value and the text of the unit; the unit `1` is not written.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::print::number_text(self.value))?;
        match self.unit.text.as_str() {
            "1" => Ok(()),
            unit => write!(f, " {unit}"),
        }
    }
}
