//! Physical dimensions and units: the SI (BIPM brochure, 9th ed., 2019) and the units accepted beside it.

use std::fmt;

use super::node::{Expr, Node};
use crate::error::{Error, Result};

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

struct Entry {
    names: &'static [&'static str],
    factor: f64,
    exponents: [i32; 7],
    /// Whether SI prefixes may stand before the first name.
    prefix: bool,
}

const fn entry(
    names: &'static [&'static str],
    factor: f64,
    exponents: [i32; 7],
    prefix: bool,
) -> Entry {
    Entry {
        names,
        factor,
        exponents,
        prefix,
    }
}

const YEAR: f64 = 365.25 * 86400.0;
const C: f64 = 299_792_458.0;
const INCH: f64 = 0.0254;
const POUND: f64 = 0.453_592_37;

/// Name(s), factor, exponents of m kg s A K mol cd, prefixes allowed. The first name is the symbol.
const UNITS: &[Entry] = &[
    entry(
        &["m", "meter", "meters", "metre", "metres"],
        1.0,
        [1, 0, 0, 0, 0, 0, 0],
        true,
    ),
    entry(&["g", "gram", "grams"], 1e-3, [0, 1, 0, 0, 0, 0, 0], true),
    entry(
        &["s", "sec", "second", "seconds"],
        1.0,
        [0, 0, 1, 0, 0, 0, 0],
        true,
    ),
    entry(
        &["A", "ampere", "amperes", "amp", "amps"],
        1.0,
        [0, 0, 0, 1, 0, 0, 0],
        true,
    ),
    entry(
        &["K", "kelvin", "kelvins"],
        1.0,
        [0, 0, 0, 0, 1, 0, 0],
        true,
    ),
    entry(&["mol", "mole", "moles"], 1.0, [0, 0, 0, 0, 0, 1, 0], true),
    entry(&["cd", "candela"], 1.0, [0, 0, 0, 0, 0, 0, 1], true),
    entry(&["Hz", "hertz"], 1.0, [0, 0, -1, 0, 0, 0, 0], true),
    entry(
        &["N", "newton", "newtons"],
        1.0,
        [1, 1, -2, 0, 0, 0, 0],
        true,
    ),
    entry(
        &["Pa", "pascal", "pascals"],
        1.0,
        [-1, 1, -2, 0, 0, 0, 0],
        true,
    ),
    entry(&["J", "joule", "joules"], 1.0, [2, 1, -2, 0, 0, 0, 0], true),
    entry(&["W", "watt", "watts"], 1.0, [2, 1, -3, 0, 0, 0, 0], true),
    entry(
        &["C", "coulomb", "coulombs"],
        1.0,
        [0, 0, 1, 1, 0, 0, 0],
        true,
    ),
    entry(&["V", "volt", "volts"], 1.0, [2, 1, -3, -1, 0, 0, 0], true),
    entry(
        &["F", "farad", "farads"],
        1.0,
        [-2, -1, 4, 2, 0, 0, 0],
        true,
    ),
    entry(&["ohm", "ohms", "Ω"], 1.0, [2, 1, -3, -2, 0, 0, 0], true),
    entry(&["S", "siemens"], 1.0, [-2, -1, 3, 2, 0, 0, 0], true),
    entry(&["Wb", "weber"], 1.0, [2, 1, -2, -1, 0, 0, 0], true),
    entry(
        &["T", "tesla", "teslas"],
        1.0,
        [0, 1, -2, -1, 0, 0, 0],
        true,
    ),
    entry(
        &["H", "henry", "henries"],
        1.0,
        [2, 1, -2, -2, 0, 0, 0],
        true,
    ),
    entry(
        &["eV", "electronvolt", "electronvolts"],
        1.602_176_634e-19,
        [2, 1, -2, 0, 0, 0, 0],
        true,
    ),
    entry(
        &["L", "l", "liter", "liters", "litre", "litres"],
        1e-3,
        [3, 0, 0, 0, 0, 0, 0],
        true,
    ),
    entry(&["bar", "bars"], 1e5, [-1, 1, -2, 0, 0, 0, 0], true),
    entry(
        &["cal", "calorie", "calories"],
        4.184,
        [2, 1, -2, 0, 0, 0, 0],
        true,
    ),
    entry(&["Wh"], 3600.0, [2, 1, -2, 0, 0, 0, 0], true),
    entry(&["t", "tonne", "tonnes"], 1e3, [0, 1, 0, 0, 0, 0, 0], false),
    entry(
        &["min", "minute", "minutes"],
        60.0,
        [0, 0, 1, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["h", "hr", "hour", "hours"],
        3600.0,
        [0, 0, 1, 0, 0, 0, 0],
        false,
    ),
    entry(&["d", "day", "days"], 86400.0, [0, 0, 1, 0, 0, 0, 0], false),
    entry(&["week", "weeks"], 604_800.0, [0, 0, 1, 0, 0, 0, 0], false),
    entry(
        &["yr", "year", "years", "a"],
        YEAR,
        [0, 0, 1, 0, 0, 0, 0],
        false,
    ),
    entry(&["rad", "radian", "radians"], 1.0, [0; 7], false),
    entry(
        &["deg", "degree", "degrees", "°"],
        std::f64::consts::PI / 180.0,
        [0; 7],
        false,
    ),
    entry(&["%", "percent"], 0.01, [0; 7], false),
    entry(
        &["au", "AU"],
        149_597_870_700.0,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["ly", "lightyear", "lightyears"],
        C * YEAR,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["pc", "parsec", "parsecs"],
        149_597_870_700.0 * 648_000.0 / std::f64::consts::PI,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["in", "inch", "inches"],
        INCH,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["ft", "foot", "feet"],
        12.0 * INCH,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["yd", "yard", "yards"],
        36.0 * INCH,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["mi", "mile", "miles"],
        63_360.0 * INCH,
        [1, 0, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["mph"],
        63_360.0 * INCH / 3600.0,
        [1, 0, -1, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["lb", "lbs", "pound", "pounds"],
        POUND,
        [0, 1, 0, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["oz", "ounce", "ounces"],
        POUND / 16.0,
        [0, 1, 0, 0, 0, 0, 0],
        false,
    ),
    entry(&["lbf"], POUND * 9.806_65, [1, 1, -2, 0, 0, 0, 0], false),
    entry(
        &["psi"],
        POUND * 9.806_65 / (INCH * INCH),
        [-1, 1, -2, 0, 0, 0, 0],
        false,
    ),
    entry(
        &["atm", "atmosphere", "atmospheres"],
        101_325.0,
        [-1, 1, -2, 0, 0, 0, 0],
        false,
    ),
    entry(&["mmHg"], 133.322_387_415, [-1, 1, -2, 0, 0, 0, 0], false),
    entry(
        &["u", "Da"],
        1.660_539_068_92e-27,
        [0, 1, 0, 0, 0, 0, 0],
        false,
    ),
];

const PREFIXES: &[(&str, &str, f64)] = &[
    ("da", "deca", 1e1),
    ("Q", "quetta", 1e30),
    ("R", "ronna", 1e27),
    ("Y", "yotta", 1e24),
    ("Z", "zetta", 1e21),
    ("E", "exa", 1e18),
    ("P", "peta", 1e15),
    ("T", "tera", 1e12),
    ("G", "giga", 1e9),
    ("M", "mega", 1e6),
    ("k", "kilo", 1e3),
    ("h", "hecto", 1e2),
    ("d", "deci", 1e-1),
    ("c", "centi", 1e-2),
    ("m", "milli", 1e-3),
    ("µ", "micro", 1e-6),
    ("μ", "micro", 1e-6),
    ("u", "micro", 1e-6),
    ("n", "nano", 1e-9),
    ("p", "pico", 1e-12),
    ("f", "femto", 1e-15),
    ("a", "atto", 1e-18),
    ("z", "zepto", 1e-21),
    ("y", "yocto", 1e-24),
    ("r", "ronto", 1e-27),
    ("q", "quecto", 1e-30),
];

/// Temperature scales with another zero: name, factor, offset.
const SCALES: &[(&[&str], f64, f64)] = &[
    (&["degC", "°C", "celsius", "Celsius"], 1.0, 273.15),
    (
        &["degF", "°F", "fahrenheit", "Fahrenheit"],
        5.0 / 9.0,
        459.67 * 5.0 / 9.0,
    ),
];

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

/// The dimension of a formula whose names have known dimensions: terms of a sum must agree, arguments of
/// functions and exponents must be pure numbers.
///
/// # Errors
/// [`Error::NotFound`] for a name without dimension, [`Error::InvalidInput`] with both dimensions where they
/// do not fit. A literal 0 fits any dimension.
pub fn dimension_of(e: &Expr, of: &dyn Fn(&str) -> Option<Dimension>) -> Result<Dimension> {
    Ok(free_dimension(e, of)?.unwrap_or(Dimension::NONE))
}

/// `None` for what fits any dimension: the number 0.
fn free_dimension(e: &Expr, of: &dyn Fn(&str) -> Option<Dimension>) -> Result<Option<Dimension>> {
    let known = |name: &str| {
        of(name).map(Some).ok_or_else(|| Error::NotFound {
            what: "dimension of".into(),
            name: name.to_string(),
        })
    };
    match e.node() {
        Node::Number(0.0) => Ok(None),
        Node::Number(_) | Node::Pi | Node::E => Ok(Some(Dimension::NONE)),
        Node::Name(name) => known(name),
        Node::Derivative(d) => known(&d.to_string()),
        Node::Neg(a) => free_dimension(a, of),
        Node::Sum(terms) => {
            let mut sum: Option<(Dimension, &Expr)> = None;
            for term in terms {
                let Some(d) = free_dimension(term, of)? else {
                    continue;
                };
                match sum {
                    None => sum = Some((d, term)),
                    Some((first, with)) if first != d => {
                        return Err(Error::invalid(
                            "dimensions",
                            format!("{with} [{first}] + {term} [{d}]"),
                            "terms of one dimension",
                        ));
                    }
                    Some(_) => {}
                }
            }
            Ok(sum.map(|(d, _)| d))
        }
        Node::Product(factors) => {
            let mut out = Some(Dimension::NONE);
            for factor in factors {
                out = match (out, free_dimension(factor, of)?) {
                    (Some(a), Some(b)) => Some(a.times(b)),
                    _ => None,
                };
            }
            Ok(out)
        }
        Node::Quotient(a, b) => {
            let b = dimension_of(b, of)?;
            Ok(free_dimension(a, of)?.map(|a| a.over(b)))
        }
        Node::Power(a, b) => {
            let exponent = dimension_of(b, of)?;
            let base = dimension_of(a, of)?;
            if !exponent.is_none() {
                return Err(Error::invalid(
                    "dimensions",
                    format!("exponent {b} [{exponent}]"),
                    "a pure number",
                ));
            }
            if base.is_none() {
                return Ok(Some(base));
            }
            b.as_number()
                .and_then(|n| base.pow(n))
                .map(Some)
                .ok_or_else(|| {
                    Error::invalid(
                        "dimensions",
                        format!("{a} [{base}] to the power {b}"),
                        "a number with small denominator as exponent",
                    )
                })
        }
        Node::Call(function, a) => {
            use super::node::Function::{Abs, Sign, Sqrt};
            let d = free_dimension(a, of)?;
            match (function, d) {
                (Abs, d) => Ok(d),
                (Sign, _) => Ok(Some(Dimension::NONE)),
                (Sqrt, d) => Ok(d.and_then(|d| d.pow(0.5))),
                (_, None) => Ok(Some(Dimension::NONE)),
                (_, Some(d)) if d.is_none() => Ok(Some(d)),
                (_, Some(d)) => Err(Error::invalid(
                    "dimensions",
                    format!("{}({a}) with {a} [{d}]", function.name()),
                    "a pure number as argument",
                )),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Unit {
        Unit::parse(text).unwrap()
    }

    #[test]
    fn units_are_read() {
        let newton = Dimension::new([1, 1, -2, 0, 0, 0, 0]);
        for text in ["N", "kg*m/s^2", "kg m s^-2", "kg·m·s-2", "kg*m/s**2"] {
            assert_eq!(unit(text).dimension, newton, "{text}");
            assert!((unit(text).factor - 1.0).abs() < 1e-15, "{text}");
        }
        assert_eq!(unit("kilometers").factor, 1000.0);
        assert_eq!(unit("mm").factor, 1e-3);
        assert_eq!(unit("min").factor, 60.0);
        assert_eq!(unit("cd").dimension, Dimension::new([0, 0, 0, 0, 0, 0, 1]));
        assert_eq!(unit("dam").factor, 10.0);
        assert_eq!(unit("1").dimension, Dimension::NONE);
        assert_eq!(unit("1/s").dimension, unit("Hz").dimension);
        for bad in [
            "", "furlong", "m/", "/s", "m^", "m^100", "degC/s", "2m", "m//s",
        ] {
            assert!(Unit::parse(bad).is_err(), "{bad}");
        }
        let Err(Error::Parse { column, .. }) = Unit::parse("kg*foo") else {
            panic!()
        };
        assert_eq!(column, 4);
    }

    #[test]
    fn values_are_converted() {
        for (value, from, to, want) in [
            (2.0, "mi", "m", 3218.688),
            (1.0, "kWh", "MJ", 3.6),
            (100.0, "degC", "degF", 212.0),
            (-40.0, "degF", "degC", -40.0),
            (0.0, "degC", "K", 273.15),
            (1.0, "ly", "m", 9_460_730_472_580_800.0),
            (1.0, "atm", "Pa", 101_325.0),
            (180.0, "deg", "rad", std::f64::consts::PI),
            (1.0, "L", "cm^3", 1000.0),
        ] {
            let got = convert(value, &unit(from), &unit(to)).unwrap();
            assert!(
                (got - want).abs() <= 1e-12 * want.abs(),
                "{value} {from} = {got} {to}"
            );
        }
    }

    #[test]
    fn dimensions_of_formulas() {
        let of = |name: &str| {
            Some(match name {
                "m" => unit("kg").dimension,
                "v" => unit("m/s").dimension,
                "h" => unit("m").dimension,
                "g" => unit("m/s^2").dimension,
                _ => return None,
            })
        };
        let dim = |text: &str| dimension_of(&Expr::parse(text).unwrap(), &of);
        assert_eq!(dim("m*v^2/2 + m*g*h").unwrap(), unit("J").dimension);
        assert_eq!(dim("sqrt(2*g*h)").unwrap(), unit("m/s").dimension);
        assert_eq!(dim("v + 0").unwrap(), unit("m/s").dimension);
        assert_eq!(dim("exp(v^2/(g*h))").unwrap(), Dimension::NONE);
        for bad in ["m + v", "exp(v)", "m^v", "v + 1", "sin(h)"] {
            assert_eq!(dim(bad).unwrap_err().field(), Some("dimensions"), "{bad}");
        }
        assert!(dim("m*q").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = Unit::parse(&text);
        }
    }
}
