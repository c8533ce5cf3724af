//! What a text states and can be computed again: equalities of numbers, quantities and constants.
//!
//! A claim is `formula = number`, `quantity = quantity` or `constant = quantity`, also with `≈`, "is" or
//! "equals". It holds when the computed value agrees with the stated one to the digits stated: half a unit
//! of the last decimal, for a whole number exactly. After `≈`, "about" or "approximately" a whole number
//! counts to its last digit that is not 0. Text that cannot be read so is no claim and counts for nothing.

use crate::expr::{Expr, constants, units, units::Unit};
use crate::provider::Question;

/// Most claims of one text that are computed.
const MAX_CLAIMS: usize = 200;

/// Most equality signs of one text that are looked at.
const MAX_SIGNS: usize = 2000;

/// Longest left and right side that is looked at, in characters.
const LEFT: usize = 120;
const RIGHT: usize = 80;

/// One stated equality.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Claim {
    /// The equality as it was understood.
    pub text: String,
    /// The value stated on the right.
    pub stated: f64,
    /// The value of the left side, in the unit of the right; `None` where the units do not fit.
    pub computed: Option<f64>,
    /// Whether they agree.
    pub holds: bool,
}

/// The share of claims that hold, held / checked; `None` where there are none.
pub fn confidence(claims: &[Claim]) -> Option<f64> {
    let held = claims.iter().filter(|c| c.holds).count();
    (!claims.is_empty()).then(|| held as f64 / claims.len() as f64)
}

/// Finds and computes the claims of a text.
///
/// ```
/// use nis_core::agent::claims::{check, confidence};
/// let claims = check("First 2+2 = 5, then 100 km/h = 27.78 m/s.");
/// assert_eq!((claims[0].holds, claims[0].computed), (false, Some(4.0)));
/// assert!(claims[1].holds);
/// assert_eq!(confidence(&claims), Some(0.5));
/// assert_eq!(confidence(&check("x = 4 is what I mean")), None);
/// ```
pub fn check(text: &str) -> Vec<Claim> {
    let chars = normalised(text);
    let signs: Vec<usize> = (0..chars.len())
        .filter(|i| is_sign(&chars, *i))
        .take(MAX_SIGNS)
        .collect();
    let mut claims = Vec::new();
    for (n, &at) in signs.iter().enumerate() {
        if claims.len() >= MAX_CLAIMS {
            break;
        }
        let before = n
            .checked_sub(1)
            .and_then(|p| signs.get(p))
            .map_or(0, |p| p + 1);
        let left_from = before.max(at.saturating_sub(LEFT));
        let right_to = signs
            .get(n + 1)
            .copied()
            .unwrap_or(chars.len())
            .min(at + 1 + RIGHT);
        let line = |c: &char| matches!(c, '\n' | ';');
        let left = chars.get(left_from..at).unwrap_or(&[]);
        let left = left.rsplit(line).next().unwrap_or(&[]);
        let right = chars.get(at + 1..right_to).unwrap_or(&[]);
        let right = right.split(line).next().unwrap_or(&[]);
        if denied(left, sentence(chars.get(at + 1..).unwrap_or(&[]))) {
            continue;
        }
        let approximate = chars.get(at) == Some(&'≈');
        if let Some(claim) = read(left, right, approximate) {
            claims.push(claim);
        }
    }
    claims
}

/// The text with one spelling for each sign; " is " and " equals " become `=`.
fn normalised(text: &str) -> Vec<char> {
    let mut text = text
        .replace("\\times", "*")
        .replace("\\cdot", "*")
        .replace("\\approx", "≈")
        .replace("**", "^");
    for word in [
        " is equal to ",
        " equals ",
        " is approximately ",
        " is about ",
        " is roughly ",
        " is ",
    ] {
        let sign = if word.contains("appr") || word.contains("about") || word.contains("rough") {
            " ≈ "
        } else {
            " = "
        };
        text = text.replace(word, sign);
    }
    text.chars()
        .filter(|c| !matches!(c, '$' | '`' | '\u{200b}'))
        .map(|c| match c {
            '×' | '·' | '⋅' => '*',
            '÷' => '/',
            '−' => '-',
            '≃' | '≅' | '~' => '≈',
            '\u{a0}' | '\u{202f}' => ' ',
            c => c,
        })
        .collect()
}

fn is_sign(chars: &[char], at: usize) -> bool {
    let get = |i: Option<usize>| i.and_then(|i| chars.get(i)).copied().unwrap_or(' ');
    let here = get(Some(at));
    let beside = [get(at.checked_sub(1)), get(Some(at + 1))];
    (here == '='
        && !beside
            .iter()
            .any(|c| matches!(c, '=' | '<' | '>' | '!' | ':')))
        || (here == '≈' && !beside.contains(&'≈'))
}

/// The rest of a sentence, shortened.
fn sentence(after: &[char]) -> &[char] {
    let after = after.get(..RIGHT.min(after.len())).unwrap_or(after);
    let ends = |i: usize, c: &char| {
        matches!(c, '\n' | ';' | '!')
            || (matches!(c, '.' | ',') && after.get(i + 1).is_some_and(|c| c.is_whitespace()))
    };
    let end = after
        .iter()
        .enumerate()
        .find(|(i, c)| ends(*i, c))
        .map_or(after.len(), |(i, _)| i);
    after.get(..end).unwrap_or(after)
}

/// Whether the text around says that the equality is wrong, or only supposes it.
fn denied(left: &[char], right: &[char]) -> bool {
    let text = |chars: &[char]| chars.iter().collect::<String>().to_lowercase();
    let (left, right) = (text(left), text(right));
    let words = |text: &str, list: &[&str]| {
        text.split(|c: char| !c.is_alphanumeric() && c != '\'')
            .any(|w| list.contains(&w))
    };
    words(
        &left,
        &[
            "not",
            "never",
            "wrong",
            "incorrect",
            "false",
            "if",
            "suppose",
            "isn't",
        ],
    ) || words(&right, &["not", "wrong", "incorrect", "false"])
}

/// A number, how far the truth may be from it, and what follows it.
struct Stated<'a> {
    text: String,
    value: f64,
    tolerance: f64,
    after: &'a [char],
}

fn read(left: &[char], right: &[char], approximate: bool) -> Option<Claim> {
    let mut approximate = approximate;
    let mut right = right.trim_ascii_start_chars();
    for word in [
        "about",
        "approximately",
        "roughly",
        "around",
        "approx.",
        "≈",
    ] {
        if let Some(rest) = strip_word(right, word) {
            (right, approximate) = (rest.trim_ascii_start_chars(), true);
        }
    }
    let stated = number(right, approximate)?;
    // A letter glued to the number makes it a name or an unknown: `4x`.
    let glued = stated
        .after
        .first()
        .is_some_and(|c| c.is_alphabetic() || *c == '_');
    let starts: Vec<usize> = (0..left.len()).filter(|i| may_start(left, *i)).collect();
    let suffix = |from: usize| {
        left.get(from..)
            .unwrap_or(&[])
            .iter()
            .collect::<String>()
            .trim()
            .to_owned()
    };
    let unit = unit_after(stated.after);
    for from in &starts {
        let text = suffix(*from);
        let Some(formula) = Question::formula(&text).filter(|f| has_operator(f)) else {
            continue;
        };
        let value = Expr::parse(&formula)
            .ok()?
            .compile(&[])
            .ok()?
            .evaluate_point(&[]);
        if glued || !value.is_finite() {
            return None;
        }
        return Some(claim(&text, &stated, "", Some(value)));
    }
    let (unit_text, unit) = unit?;
    for from in &starts {
        let text = suffix(*from);
        let Some((value, own)) = Question::quantity(&text) else {
            continue;
        };
        let computed = units::convert(value, &own, &unit).ok();
        return Some(claim(&text, &stated, &unit_text, computed));
    }
    constant(left, &stated, &unit_text, &unit)
}

fn claim(left: &str, stated: &Stated<'_>, unit: &str, computed: Option<f64>) -> Claim {
    let space = if unit.is_empty() { "" } else { " " };
    let holds =
        computed.is_some_and(|c| (c - stated.value).abs() <= stated.tolerance + 1e-12 * c.abs());
    Claim {
        text: format!("{left} = {}{space}{unit}", stated.text),
        stated: stated.value,
        computed,
        holds,
    }
}

/// The left side ends with the name of a constant, and the right side has its dimension.
fn constant(left: &[char], stated: &Stated<'_>, unit_text: &str, unit: &Unit) -> Option<Claim> {
    let text: String = left.iter().collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    for take in (2..=6).rev() {
        let Some(tail) = words
            .len()
            .checked_sub(take)
            .and_then(|from| words.get(from..))
        else {
            continue;
        };
        let name = tail.join(" ");
        let Some(found) = constants::find(&name) else {
            continue;
        };
        let own = Unit::parse(found.unit).ok()?;
        if own.dimension != unit.dimension {
            return None;
        }
        let ratio = own.factor / unit.factor;
        let wider = Stated {
            text: stated.text.clone(),
            tolerance: stated.tolerance + 3.0 * found.uncertainty * ratio,
            ..*stated
        };
        return Some(claim(&name, &wider, unit_text, Some(found.value * ratio)));
    }
    None
}

/// Whether a formula is more than a number.
fn has_operator(formula: &str) -> bool {
    formula
        .trim_start_matches(['-', '+', ' '])
        .contains(['+', '-', '*', '/', '^', '('])
}

/// Whether a formula or quantity may start here: at the start of a word or a sign that continues nothing.
fn may_start(left: &[char], at: usize) -> bool {
    let Some(&here) = left.get(at) else {
        return false;
    };
    if !(here.is_alphanumeric() || matches!(here, '(' | '-' | '+' | '√')) {
        return false;
    }
    let head = left.get(..at).unwrap_or(&[]);
    match head.last() {
        None => return true,
        Some(c) if c.is_alphanumeric() || matches!(c, '_' | '.' | '\'' | ')' | '%') => {
            return false;
        }
        Some(_) => {}
    }
    let spaces = head.iter().rev().take_while(|c| **c == ' ').count();
    let head = head.get(..head.len() - spaces).unwrap_or(&[]);
    let word = last_word(head);
    if word.is_empty() {
        // A comma inside a number (`1, 2`) is no continuation, an operator is.
        return !head
            .last()
            .is_some_and(|c| matches!(c, '+' | '-' | '*' | '/' | '^' | '(' | '%' | ')' | '='));
    }
    const CONTINUED: [&str; 21] = [
        "of", "times", "plus", "minus", "over", "by", "sqrt", "sin", "cos", "tan", "exp", "log",
        "ln", "abs", "root", "squared", "cubed", "percent", "power", "log10", "atan",
    ];
    // `the result of 2+2` is 2+2, `half of 2+2` is not.
    const WHOLE: [&str; 8] = [
        "result",
        "value",
        "sum",
        "product",
        "answer",
        "difference",
        "quotient",
        "total",
    ];
    if word == "of" {
        let before = head.get(..head.len() - word.len()).unwrap_or(&[]);
        let spaces = before.iter().rev().take_while(|c| **c == ' ').count();
        let before = last_word(before.get(..before.len() - spaces).unwrap_or(&[]));
        return WHOLE.contains(&before.to_lowercase().as_str());
    }
    let letters = word.chars().all(char::is_alphabetic);
    letters && word.chars().count() >= 2 && !CONTINUED.contains(&word.to_lowercase().as_str())
}

fn last_word(text: &[char]) -> String {
    let length = text
        .iter()
        .rev()
        .take_while(|c| c.is_alphanumeric())
        .count();
    text.get(text.len() - length..)
        .unwrap_or(&[])
        .iter()
        .collect()
}

/// The number at the start: digits, `1.2e-3`, `1.2*10^-3`, `3/4`, with a percent sign.
fn number(right: &[char], approximate: bool) -> Option<Stated<'_>> {
    let allowed = |c: &char| {
        c.is_ascii_digit()
            || matches!(
                c,
                '.' | ',' | '+' | '-' | '*' | '/' | '^' | '(' | ')' | 'e' | 'E' | ' '
            )
    };
    let longest = right
        .iter()
        .position(|c| !allowed(c))
        .unwrap_or(right.len());
    let (mut text, value, mut end) = (1..=longest).rev().find_map(|end| {
        let raw: String = right.get(..end)?.iter().collect();
        if !raw.ends_with(|c: char| c.is_ascii_digit() || c == ')') {
            return None;
        }
        let formula = Question::formula(raw.trim())?;
        let value = Expr::parse(&formula)
            .ok()?
            .compile(&[])
            .ok()?
            .evaluate_point(&[]);
        value
            .is_finite()
            .then(|| (raw.trim().to_owned(), value, end))
    })?;
    // The digits before any sign say how exact the statement is.
    let unsigned = text.trim_start_matches(['-', '+', '(']);
    let mantissa: String = unsigned
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
        .collect();
    let mantissa = mantissa.trim_end_matches(',').replace(',', "");
    let leading: f64 = mantissa.parse().ok()?;
    let scale = if leading == 0.0 {
        1.0
    } else {
        (value / leading).abs()
    };
    let last_place = match mantissa.split_once('.') {
        Some((_, decimals)) => Some(10f64.powi(-i32::try_from(decimals.len()).ok()?)),
        None if approximate => {
            let zeros = mantissa.len() - mantissa.trim_end_matches('0').len();
            Some(10f64.powi(i32::try_from(zeros.min(mantissa.len().saturating_sub(1))).ok()?))
        }
        // `5e3` and `5*10^3` are rounded as `5.0e3` is; `5000` is exact.
        None if unsigned.len() > mantissa.len() && unsigned.contains(['e', 'E', '^']) => Some(1.0),
        None => None,
    };
    let mut tolerance = last_place.map_or(0.0, |place| 0.5 * place * scale);
    let mut value = value;
    if right.get(end) == Some(&'%') {
        (value, tolerance, end) = (value / 100.0, tolerance / 100.0, end + 1);
        text.push('%');
    }
    Some(Stated {
        text,
        value,
        tolerance,
        after: right.get(end..).unwrap_or(&[]),
    })
}

/// The longest unit of at most four words that stands next.
fn unit_after(after: &[char]) -> Option<(String, Unit)> {
    let text: String = after.iter().collect();
    let words: Vec<&str> = text.split_whitespace().take(4).collect();
    (1..=words.len()).rev().find_map(|take| {
        let joined = words.get(..take)?.join(" ");
        let clean = joined.trim_end_matches(['.', ',', ')', '!', '?', ':', '*']);
        let (_, unit) = Question::quantity(&format!("1 {clean}"))?;
        Some((clean.to_owned(), unit))
    })
}

fn strip_word<'a>(text: &'a [char], word: &str) -> Option<&'a [char]> {
    let length = word.chars().count();
    let head: String = text.get(..length)?.iter().collect();
    head.eq_ignore_ascii_case(word)
        .then(|| text.get(length..).unwrap_or(&[]))
}

trait TrimStart {
    fn trim_ascii_start_chars(&self) -> &Self;
}

impl TrimStart for [char] {
    fn trim_ascii_start_chars(&self) -> &Self {
        let spaces = self.iter().take_while(|c| c.is_whitespace()).count();
        self.get(spaces..).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests;
