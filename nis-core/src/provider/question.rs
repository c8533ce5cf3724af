//! Questions that can be answered without a language model: arithmetic, units, constants.

use crate::expr::{Expr, constants, units::Unit};

/// A question as it was understood.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Question {
    /// A formula without names.
    Calculate {
        /// As [`Expr::parse`] reads it.
        expression: String,
    },
    /// A quantity in another unit.
    Convert {
        /// The number.
        value: f64,
        /// Its unit, as [`Unit::parse`] reads it.
        from: String,
        /// The unit asked for.
        to: String,
    },
    /// A physical constant.
    Constant {
        /// Its name, as [`constants::find`] knows it.
        name: String,
        /// The unit asked for; its own where `None`.
        unit: Option<String>,
    },
    /// Something to remember.
    Remember {
        /// The fact.
        fact: String,
    },
    /// Something remembered.
    Recall {
        /// What about.
        query: String,
    },
}

/// Longest message that is looked at, in bytes: questions of these kinds are short.
const MAX_QUESTION: usize = 4096;

const LEADS: [&str; 26] = [
    "what is",
    "what's",
    "whats",
    "what are",
    "what does",
    "how much is",
    "how many is",
    "calculate",
    "compute",
    "evaluate",
    "work out",
    "solve",
    "convert",
    "tell me",
    "give me",
    "find",
    "please",
    "can you",
    "could you",
    "hey",
    "hello",
    "hi",
    "ok",
    "so",
    "and",
    "the result of",
];

const TAILS: [&str; 5] = ["please", "thanks", "thank you", "equal to", "equal"];

impl Question {
    /// Reads a message; `None` where it is no such question as a whole.
    ///
    /// ```
    /// use nis_core::provider::Question;
    /// assert_eq!(Question::read("What is 15% of 80?"), Some(Question::Calculate { expression: "(15)/100*(80)".into() }));
    /// assert_eq!(Question::read("Who was 15 in 1980?"), None);
    /// ```
    pub fn read(message: &str) -> Option<Self> {
        if message.len() > MAX_QUESTION {
            return None;
        }
        let flat = message.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(question) = memory(&flat) {
            return Some(question);
        }
        let core = strip(&flat);
        if core.is_empty() {
            return None;
        }
        constant(core)
            .or_else(|| conversion(core))
            .or_else(|| arithmetic(core))
    }

    /// The formula that a text is as a whole, in symbols or simple words, as [`Expr::parse`] reads it.
    ///
    /// ```
    /// assert_eq!(nis_core::provider::Question::formula("12 times 7").as_deref(), Some("12 * 7"));
    /// ```
    pub fn formula(text: &str) -> Option<String> {
        match arithmetic(text)? {
            Question::Calculate { expression } => Some(expression),
            _ => None,
        }
    }

    /// The number and the unit that a text is as a whole, such as `100 km/h`.
    pub fn quantity(text: &str) -> Option<(f64, Unit)> {
        let (value, unit) = quantity(text)?;
        Some((value, Unit::parse(&unit_text(unit)?).ok()?))
    }
}

/// `text` after `lead`, letters compared without case; the lead must end at a word's end.
fn after<'a>(text: &'a str, lead: &str) -> Option<&'a str> {
    let head = text.get(..lead.len())?;
    let rest = text.get(lead.len()..)?;
    let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric());
    (head.eq_ignore_ascii_case(lead) && ends).then(|| rest.trim_start_matches([' ', ',', ':', '!']))
}

fn strip(text: &str) -> &str {
    let mut core = text.trim();
    loop {
        let before = core;
        core = core.trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, '?' | '!' | '=' | ',' | ':' | ';' | '"' | '`')
        });
        core = core.trim_end_matches('.');
        for lead in LEADS {
            core = after(core, lead).unwrap_or(core);
        }
        for tail in TAILS {
            let cut = core.len().saturating_sub(tail.len());
            if let (Some(head), Some(end)) = (core.get(..cut), core.get(cut..))
                && end.eq_ignore_ascii_case(tail)
                && (head.ends_with(' ') || head.ends_with(','))
            {
                core = head;
            }
        }
        if core == before {
            return core;
        }
    }
}

fn memory(text: &str) -> Option<Question> {
    let mut text = text.trim();
    for lead in ["please", "hey", "hello", "hi"] {
        text = after(text, lead).unwrap_or(text);
    }
    for lead in ["remember that", "remember:", "note that", "remember"] {
        if let Some(fact) = after(text, lead).filter(|f| !f.is_empty() && !text.ends_with('?')) {
            return Some(Question::Remember {
                fact: fact.to_owned(),
            });
        }
    }
    for lead in [
        "what do you remember about",
        "what do you know about",
        "recall",
    ] {
        if let Some(query) = after(text, lead) {
            return Some(Question::Recall {
                query: query.trim_end_matches(['?', '.', '!']).to_owned(),
            });
        }
    }
    None
}

/// `speed of light`, `the value of the Planck constant in eV s`.
fn constant(text: &str) -> Option<Question> {
    let mut name = text;
    for lead in [
        "the",
        "value of",
        "the",
        "exact",
        "numerical",
        "value of",
        "the",
    ] {
        name = after(name, lead).unwrap_or(name);
    }
    let found = |name: &str| constants::find(name).map(|c| c.name.to_owned());
    if let Some(name) = found(name) {
        return Some(Question::Constant { name, unit: None });
    }
    let (head, unit) = name.rsplit_once(" in ")?;
    let name = found(head)?;
    let unit = unit_text(unit)?;
    Some(Question::Constant {
        name,
        unit: Some(unit),
    })
}

/// A unit in words or symbols, as [`Unit::parse`] reads it.
fn unit_text(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > 60 {
        return None;
    }
    if Unit::parse(text).is_ok() {
        return Some(text.to_owned());
    }
    let mut words: Vec<String> = Vec::new();
    let mut power: Option<&str> = None;
    for word in text.split(' ') {
        let lower = word.to_lowercase();
        match lower.as_str() {
            "per" => words.push("/".into()),
            "square" | "squared" | "cubic" | "cubed" => {
                let exponent = if lower.starts_with("sq") { "^2" } else { "^3" };
                if lower.ends_with("ed") {
                    words.last_mut()?.push_str(exponent);
                } else {
                    power = Some(exponent);
                }
            }
            "degree" | "degrees" | "deg" if text.contains(' ') => {}
            _ => {
                let mut unit = match lower.as_str() {
                    "celsius" | "centigrade" => "degC".to_owned(),
                    "fahrenheit" => "degF".to_owned(),
                    "kph" | "kmh" => "km/h".to_owned(),
                    "mph" => "mi/h".to_owned(),
                    _ if Unit::parse(word).is_ok() => word.to_owned(),
                    _ => lower.clone(),
                };
                unit.push_str(power.take().unwrap_or(""));
                words.push(unit);
            }
        }
    }
    let joined = words.join(" ").replace(" / ", "/");
    Unit::parse(&joined).is_ok().then_some(joined)
}

/// The number at the start of a text, and what follows it.
fn quantity(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    for (word, value) in [("a", 1.0), ("an", 1.0), ("one", 1.0)] {
        if let Some(rest) = after(text, word) {
            return Some((value, rest));
        }
    }
    let text = text.trim_start_matches('+');
    let bytes = text.as_bytes();
    // The longest start that is a number: `1e3 m`, but `5 eV` and `5e` are 5.
    let longest = bytes
        .iter()
        .position(|b| !matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E' | b','))
        .unwrap_or(bytes.len());
    (1..=longest).rev().find_map(|end| {
        let (head, rest) = (text.get(..end)?, text.get(end..)?);
        let head = without_thousands(head);
        let value: f64 = head.parse().ok()?;
        (head.ends_with(|c: char| c.is_ascii_digit() || c == '.') && value.is_finite())
            .then(|| (value, rest.trim_start()))
    })
}

/// `100 km/h to m/s`, `100 km/h in m/s`, `how many meters in 2 miles`.
fn conversion(text: &str) -> Option<Question> {
    let build = |amount: &str, to: &str| {
        let (value, from) = quantity(amount)?;
        let (from, to) = (unit_text(from)?, unit_text(to)?);
        Some(Question::Convert { value, from, to })
    };
    if let Some(rest) = after(text, "how many") {
        for middle in [" are there in ", " are in ", " is ", " in ", " are "] {
            if let Some((to, amount)) = rest.split_once(middle)
                && let Some(question) = build(amount, to)
            {
                return Some(question);
            }
        }
        return None;
    }
    for middle in [" to ", " into ", " in ", " as "] {
        if let Some((amount, to)) = text.rsplit_once(middle)
            && let Some(question) = build(amount, to)
        {
            return Some(question);
        }
    }
    None
}

/// `1,234` -> `1234`: a comma between a digit and exactly three digits.
fn without_thousands(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
    let drop = |i: usize| {
        chars.get(i) == Some(&',')
            && i > 0
            && digit(i - 1)
            && digit(i + 1)
            && digit(i + 2)
            && digit(i + 3)
            && !digit(i + 4)
    };
    let kept = chars.iter().enumerate().filter(|(i, _)| !drop(*i));
    kept.map(|(_, c)| *c).collect()
}

const WORDS: [(&str, &str); 15] = [
    (" to the power of ", " ^ "),
    (" raised to the power ", " ^ "),
    (" raised to ", " ^ "),
    (" divided by ", " / "),
    (" multiplied by ", " * "),
    (" added to ", " + "),
    (" times ", " * "),
    (" plus ", " + "),
    (" minus ", " - "),
    (" over ", " / "),
    (" squared", "^2"),
    (" cubed", "^3"),
    ("square root of ", "sqrt "),
    ("percent of ", "% of "),
    ("per cent of ", "% of "),
];

/// A formula in symbols or simple words.
fn arithmetic(text: &str) -> Option<Question> {
    let mut plain = after(text, "the").unwrap_or(text).to_lowercase();
    // A comma inside parentheses separates arguments, as in pow(2,300).
    if !plain.contains('(') {
        plain = without_thousands(&plain);
    }
    for (from, to) in [
        ("×", "*"),
        ("·", "*"),
        ("÷", "/"),
        ("−", "-"),
        ("–", "-"),
        ("π", "pi"),
        ("²", "^2"),
        ("³", "^3"),
        ("√", "sqrt "),
    ] {
        plain = plain.replace(from, to);
    }
    for (from, to) in WORDS {
        plain = plain.replace(from, to);
    }
    plain = plain.replace("of the ", "of ").replace("ln(", "log(");
    if let Some((percent, whole)) = plain.split_once("% of ") {
        plain = format!("({})/100*({})", percent.trim(), whole.trim());
    } else if let Some(rest) = plain
        .strip_prefix("sqrt ")
        .map(str::trim)
        .filter(|r| !r.starts_with('('))
    {
        plain = format!("sqrt({rest})");
    } else {
        plain = times_x(&plain);
    }
    let plain = plain.trim();
    let formula = Expr::parse(plain).ok()?;
    let closed = formula.names().is_empty() && formula.derivatives().is_empty();
    closed.then(|| Question::Calculate {
        expression: plain.to_owned(),
    })
}

/// `3 x 4` -> `3 * 4`.
fn times_x(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let near = |mut i: usize, step: isize| {
        loop {
            i = i.checked_add_signed(step)?;
            let c = *chars.get(i)?;
            if c != ' ' {
                return Some(c);
            }
        }
    };
    let is_times = |i: usize| {
        near(i, -1).is_some_and(|c| c.is_ascii_digit() || c == ')')
            && near(i, 1).is_some_and(|c| c.is_ascii_digit() || c == '(')
    };
    chars
        .iter()
        .enumerate()
        .map(|(i, c)| if *c == 'x' && is_times(i) { '*' } else { *c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        match Question::read(text) {
            Some(Question::Calculate { expression }) => Expr::parse(&expression)
                .unwrap()
                .compile(&[])
                .unwrap()
                .evaluate_point(&[]),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn arithmetic_is_read() {
        for (text, want) in [
            ("What is 2+2?", 4.0),
            ("2+2", 4.0),
            ("what's 2 + 2 =", 4.0),
            ("Please calculate 2^10/3.", 1024.0 / 3.0),
            (
                "sqrt(2)*pi",
                std::f64::consts::SQRT_2 * std::f64::consts::PI,
            ),
            ("15% of 80", 12.0),
            ("What is 15 percent of 80?", 12.0),
            ("12 times 7", 84.0),
            ("What is 7 divided by 2, please", 3.5),
            ("what is the square root of 16", 4.0),
            ("3 x 4", 12.0),
            ("3×4−1", 11.0),
            ("what is 5 squared", 25.0),
            ("2 to the power of 8", 256.0),
            ("How much is 1,234 + 1?", 1235.0),
            ("pow(2,3)", 8.0),
            ("-3^2", -9.0),
            ("Hello, what is 2+2?", 4.0),
        ] {
            assert!(
                (value(text) - want).abs() <= 1e-12 * want.abs(),
                "{text}: {}",
                value(text)
            );
        }
    }

    #[test]
    fn units_and_constants_are_read() {
        let convert = |value: f64, from: &str, to: &str| {
            Some(Question::Convert {
                value,
                from: from.into(),
                to: to.into(),
            })
        };
        for (text, want) in [
            ("convert 100 km/h to m/s", convert(100.0, "km/h", "m/s")),
            (
                "How many meters in 2 miles?",
                convert(2.0, "miles", "meters"),
            ),
            (
                "how many feet are there in a mile",
                convert(1.0, "mile", "feet"),
            ),
            (
                "What is 20 degrees Celsius in Fahrenheit?",
                convert(20.0, "degC", "Fahrenheit"),
            ),
            (
                "60 miles per hour to km/h",
                convert(60.0, "miles/hour", "km/h"),
            ),
            ("5 eV in J", convert(5.0, "eV", "J")),
            ("1,500 m to km", convert(1500.0, "m", "km")),
            ("2 square meters in cm^2", convert(2.0, "meters^2", "cm^2")),
        ] {
            assert_eq!(Question::read(text), want, "{text}");
        }
        for (text, name, unit) in [
            (
                "What is the speed of light?",
                "speed of light in vacuum",
                None,
            ),
            ("value of the planck constant", "Planck constant", None),
            (
                "What is the value of the Boltzmann constant in eV/K?",
                "Boltzmann constant",
                Some("eV/K"),
            ),
            (
                "What is the speed of light in km/s",
                "speed of light in vacuum",
                Some("km/s"),
            ),
        ] {
            let want = Question::Constant {
                name: name.into(),
                unit: unit.map(str::to_owned),
            };
            assert_eq!(Question::read(text), Some(want), "{text}");
        }
    }

    #[test]
    fn other_questions_are_left_alone() {
        for text in [
            "",
            "?",
            "hello",
            "What is love?",
            "Who won the 2020-2021 season?",
            "What is x + 1?",
            "Tell me a joke",
            "I have 3 apples and 4 pears",
            "What is the time in Paris?",
            "how many people live in 2 cities",
            "Do you remember me?",
            "convert 3 kg to nothing",
        ] {
            assert_eq!(Question::read(text), None, "{text}");
        }
    }

    #[test]
    fn memory_is_read() {
        assert_eq!(
            Question::read("Please remember that my dog is Rex."),
            Some(Question::Remember {
                fact: "my dog is Rex.".into()
            })
        );
        assert_eq!(
            Question::read("What do you remember about my dog?"),
            Some(Question::Recall {
                query: "my dog".into()
            })
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_left(text in "\\PC{0,80}") {
            let _ = Question::read(&text);
        }

        #[test]
        fn questionlike_text_is_read_or_left(text in "(what is|convert|how many|3 x|sqrt|%| |in|to|[0-9,.e+()×-]|m/s|é){0,12}") {
            let _ = Question::read(&text);
        }
    }
}
