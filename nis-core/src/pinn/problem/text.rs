//! A text of the host while it is taken apart: every character remembers its column.

use std::ops::Range;

use crate::error::{Error, Result};

/// Longest equation or condition, in characters.
const MAX_CHARS: usize = 20_000;

/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 200;

/// An equation or condition; errors name its field and point at columns of what the host wrote.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// `equations[2]`.
    pub(super) field: String,
    /// As the host wrote it.
    pub(super) host: String,
    chars: Vec<char>,
    /// Column of each character in what the host wrote, from 0.
    at: Vec<usize>,
}

/// A name in a text; `end` is after primes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) name: String,
    pub(super) primes: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Parentheses that are open before it.
    pub(super) depth: usize,
}

impl Text {
    pub(super) fn new(field: String, host: &str) -> Result<Self> {
        let chars: Vec<char> = host.chars().take(MAX_CHARS + 1).collect();
        if chars.len() > MAX_CHARS {
            return Err(Error::Limit {
                what: format!("characters of {field}"),
                limit: MAX_CHARS as u64,
                got: host.len() as u64,
            });
        }
        if let Some(k) = chars
            .iter()
            .position(|c| c.is_control() && !c.is_whitespace())
        {
            return Err(Error::parse(field, k + 1, "a control character"));
        }
        // Every walk over parentheses takes time with their depth.
        let mut depth = 0usize;
        for c in &chars {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_DEPTH {
                return Err(Error::Limit {
                    what: format!("parentheses in one another in {field}"),
                    limit: MAX_DEPTH as u64,
                    got: depth as u64,
                });
            }
        }
        Ok(Text {
            field,
            host: host.trim().to_string(),
            at: (0..chars.len()).collect(),
            chars,
        })
    }

    pub(super) fn string(&self) -> String {
        self.chars.iter().collect()
    }

    /// The text of a part.
    pub(super) fn part(&self, range: Range<usize>) -> String {
        self.chars.get(range).unwrap_or(&[]).iter().collect()
    }

    /// A part as a text of its own.
    pub(super) fn cut(&self, range: Range<usize>) -> Text {
        Text {
            field: self.field.clone(),
            host: self.host.clone(),
            chars: self.chars.get(range.clone()).unwrap_or(&[]).to_vec(),
            at: self.at.get(range).unwrap_or(&[]).to_vec(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.chars.len()
    }

    /// Puts another text in the place of a part; its columns are that of the part's first character.
    pub(super) fn replace(&mut self, range: Range<usize>, with: &str) -> Result<()> {
        let column = self.at.get(range.start).copied().unwrap_or(0);
        let new: Vec<char> = with.chars().collect();
        self.at
            .splice(range.clone(), std::iter::repeat_n(column, new.len()));
        self.chars.splice(range, new);
        if self.chars.len() > 4 * MAX_CHARS {
            return Err(Error::Limit {
                what: format!("characters of {}", self.field),
                limit: MAX_CHARS as u64,
                got: self.chars.len() as u64,
            });
        }
        Ok(())
    }

    /// An error at a character.
    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> Error {
        let column = self.at.get(at).copied();
        let end = self.at.last().map_or(0, |c| c + 1);
        Error::parse(self.field.clone(), column.unwrap_or(end) + 1, message)
    }

    /// An error about the whole text.
    pub(super) fn refuse(&self, expected: impl Into<String>) -> Error {
        Error::invalid(self.field.clone(), &self.host, expected)
    }

    /// An error of the formula parser, with the columns of what the host wrote.
    pub(super) fn located(&self, error: Error) -> Error {
        match error {
            Error::Parse {
                column, message, ..
            } => self.error(column.saturating_sub(1), message),
            other => other,
        }
    }

    /// Parts between `separator` outside of parentheses and backquotes.
    pub(super) fn split(&self, separator: char) -> Vec<Range<usize>> {
        let (mut out, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0usize, false);
        for (i, c) in self.chars.iter().enumerate() {
            quoted ^= *c == '`';
            match c {
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth = depth.saturating_sub(1),
                c if *c == separator && depth == 0 && !quoted => {
                    out.push(start..i);
                    start = i + 1;
                }
                _ => {}
            }
        }
        out.push(start..self.chars.len());
        out
    }

    /// The parenthesis that closes the one at `open`.
    pub(super) fn closing(&self, open: usize) -> Result<usize> {
        let (mut depth, mut quoted) = (0usize, false);
        for (i, c) in self.chars.iter().enumerate().skip(open) {
            quoted ^= *c == '`';
            match c {
                '(' if !quoted => depth += 1,
                ')' if !quoted => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Ok(i);
                    }
                }
                _ => {}
            }
        }
        Err(self.error(open, "`(` without its `)`"))
    }

    /// The opening parenthesis after a word, where one follows.
    pub(super) fn opening(&self, word: &Word) -> Option<usize> {
        let rest = self.chars.get(word.end..)?;
        let skip = rest.iter().position(|c| !c.is_whitespace())?;
        (rest.get(skip) == Some(&'(')).then_some(word.end + skip)
    }

    /// All names with their places, numbers such as `1e5` left out.
    pub(super) fn words(&self) -> Vec<Word> {
        let (mut out, mut i, mut depth) = (Vec::new(), 0, 0usize);
        let get = |i: usize| self.chars.get(i).copied().unwrap_or(' ');
        let part = |c: char| c.is_alphanumeric() || c == '_';
        while i < self.chars.len() {
            let c = get(i);
            let start = i;
            if c.is_ascii_digit() || c == '.' {
                while get(i).is_ascii_digit() || get(i) == '.' {
                    i += 1;
                }
                let sign = usize::from(matches!(get(i + 1), '+' | '-'));
                if matches!(get(i), 'e' | 'E') && get(i + 1 + sign).is_ascii_digit() {
                    i += 1 + sign;
                    while get(i).is_ascii_digit() {
                        i += 1;
                    }
                }
                continue;
            }
            let name = if c == '`' {
                let close = (i + 1..self.chars.len()).find(|k| get(*k) == '`');
                let close = close.unwrap_or(self.chars.len());
                i = close + 1;
                self.part(start + 1..close)
            } else if c.is_alphabetic() || c == '_' {
                while i < self.chars.len() && part(get(i)) {
                    i += 1;
                }
                self.part(start..i)
            } else {
                match c {
                    '(' => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                i += 1;
                continue;
            };
            let mut primes = 0;
            while get(i) == '\'' {
                primes += 1;
                i += 1;
            }
            out.push(Word {
                name,
                primes,
                start,
                end: i.min(self.chars.len()),
                depth,
            });
        }
        out
    }
}

/// The name of those known that is spelled most alike, where one is near.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let reach = if name.chars().count() <= 3 { 1 } else { 2 };
    known
        .into_iter()
        .map(|k| (distance(name, k), k))
        .filter(|(d, _)| *d > 0 && *d <= reach)
        .min()
        .map(|(_, k)| k)
}

/// Letters to change, add, leave out or exchange with their neighbour (Damerau and Levenshtein, optimal alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (
        a.to_lowercase().chars().take(40).collect(),
        b.to_lowercase().chars().take(40).collect(),
    );
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |r: &[usize], k: usize| r.get(k).copied().unwrap_or(usize::MAX / 2);
            let above = rows.last().map_or(&[][..], Vec::as_slice);
            let mut best = (at(above, j) + usize::from(x != y))
                .min(at(above, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if let (true, Some(earlier)) = (swapped, rows.get(i.wrapping_sub(1))) {
                best = best.min(at(earlier, j - 1) + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    let last = rows.last().and_then(|r| r.last().copied());
    last.unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_told_apart() {
        let text = Text::new("f".into(), "2e3*u_x' + 1.5e-2(a, `b c`'') - e5").unwrap();
        let found: Vec<(String, usize, usize)> = text
            .words()
            .into_iter()
            .map(|w| (w.name, w.primes, w.depth))
            .collect();
        let expected = [("u_x", 1, 0), ("a", 0, 1), ("b c", 2, 1), ("e5", 0, 0)];
        assert_eq!(found, expected.map(|(n, p, d)| (n.to_string(), p, d)));
    }

    #[test]
    fn columns_survive_replacement() {
        let mut text = Text::new("f".into(), "a + lap(u) + b").unwrap();
        text.replace(4..10, "(u_xx + u_yy)").unwrap();
        assert_eq!(text.string(), "a + (u_xx + u_yy) + b");
        let at = text.string().find('b').unwrap();
        assert!(matches!(
            text.error(at, ""),
            Error::Parse { column: 14, .. }
        ));
    }

    #[test]
    fn near_names() {
        let known = ["lambda", "nu", "u", "sigma"];
        assert_eq!(nearest("lamda", known), Some("lambda"));
        assert_eq!(nearest("simga", known), Some("sigma"));
        assert_eq!(nearest("un", ["nu"]), Some("nu"));
        assert_eq!(nearest("completely", known), None);
    }
}
