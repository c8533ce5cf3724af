//! Parts of the page: escaped text, numbers, tables, figures.

use std::fmt::Write;

/// Whether a character acts instead of being read: control codes, and marks that turn the reading direction
/// of what follows them.
pub(super) fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// The text with acting characters shown as a replacement sign.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if acts(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Text for HTML and SVG, inside elements and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A number as [`super::number`] writes it, with a minus sign and a raised power of ten.
pub(super) fn number(text: &str) -> String {
    let (front, power) = match text.rsplit_once('e') {
        Some((front, power)) if power.parse::<i32>().is_ok() => (front, Some(power)),
        _ => (text, None),
    };
    let front = escape(&front.replace('-', "−"));
    match power {
        Some(p) => format!("{front}×10<sup>{}</sup>", p.replace('-', "−")),
        None => front,
    }
}

/// A sentence of the report, with the formulas in it made easier to read: raised exponents, a dot for times,
/// a minus sign.
pub(super) fn sentence(text: &str) -> String {
    // A number stays with its sign of per cent and its error.
    let text = visible(text)
        .replace(" %", "\u{a0}%")
        .replace(" ± ", "\u{a0}±\u{a0}");
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied();
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '`'));
    let mut plain = String::new();
    let mut out = String::new();
    let mut i = 0;
    while let Some(c) = at(i) {
        let before = i.checked_sub(1).and_then(at);
        let operand_before = word(before) || before == Some(')') || before == Some('\'');
        let operand_after = word(at(i + 1)) || at(i + 1) == Some('(');
        match c {
            '*' if operand_before && operand_after => plain.push('·'),
            '-' if at(i + 1).is_some_and(|c| c.is_ascii_digit())
                && !word(before)
                && before != Some(')') =>
            {
                plain.push('−');
            }
            '-' if before == Some(' ') && at(i + 1) == Some(' ') => plain.push('−'),
            '-' if word(at(i + 1))
                && (before == Some('(') || i.checked_sub(2).and_then(at) == Some('=')) =>
            {
                plain.push('−');
            }
            '^' if operand_before => {
                let start = i + 1;
                let mut end = start + usize::from(at(start) == Some('-'));
                let digits = end;
                while at(end).is_some_and(|c| c.is_ascii_digit())
                    || (at(end) == Some('.')
                        && end > digits
                        && at(end + 1).is_some_and(|c| c.is_ascii_digit()))
                {
                    end += 1;
                }
                if end == digits {
                    plain.push('^');
                } else {
                    let power: String = chars.iter().take(end).skip(start).collect();
                    let _ = write!(
                        out,
                        "{}<sup>{}</sup>",
                        escape(&plain),
                        power.replace('-', "−")
                    );
                    plain.clear();
                    i = end;
                    continue;
                }
            }
            c => plain.push(c),
        }
        i += 1;
    }
    out.push_str(&escape(&plain));
    out
}

/// A table; the cells are HTML. All columns but the first hold numbers where `numeric`.
pub(super) fn table(caption: &str, head: &[&str], rows: &[Vec<String>], numeric: bool) -> String {
    let mut out = format!(
        "<div class=\"scroll\"><table class=\"{}\"><caption>{}</caption>",
        if numeric { "numbers" } else { "words" },
        escape(caption)
    );
    if !head.is_empty() {
        out.push_str("<thead><tr>");
        for cell in head {
            let _ = write!(out, "<th scope=\"col\">{}</th>", escape(cell));
        }
        out.push_str("</tr></thead>");
    }
    out.push_str("<tbody>");
    for row in rows {
        out.push_str("<tr>");
        for (i, cell) in row.iter().enumerate() {
            let tag = if i == 0 { "th scope=\"row\"" } else { "td" };
            let end = if i == 0 { "th" } else { "td" };
            let _ = write!(out, "<{tag}>{cell}</{end}>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

/// A figure with its title and a line below the title (HTML, may be empty); `None` as drawing says that there
/// is nothing to draw.
pub(super) fn figure(title: &str, note: &str, svg: Option<String>) -> String {
    let drawing = svg.unwrap_or_else(|| "<p class=\"none\">no finite values to draw</p>".into());
    let note = if note.is_empty() {
        String::new()
    } else {
        format!(" <span>{note}</span>")
    };
    format!(
        "<figure><figcaption><b>{}</b>{note}</figcaption>{drawing}</figure>",
        escape(title)
    )
}

/// Things side by side where the window is wide enough.
pub(super) fn row(class: &str, parts: &[String]) -> String {
    if parts.is_empty() {
        return String::new();
    }
    format!("<div class=\"{class}\">{}</div>", parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            escape("<script>\"'&\u{7}\u{202e}x"),
            "&lt;script&gt;&quot;&#39;&amp;\u{fffd}\u{fffd}x"
        );
    }

    #[test]
    fn numbers_are_set() {
        assert_eq!(number("(1.23 ± 0.05)e-7"), "(1.23 ± 0.05)×10<sup>−7</sup>");
        assert_eq!(number("-3.5"), "−3.5");
        assert_eq!(number("not determined"), "not determined");
    }

    #[test]
    fn sentences_are_set() {
        assert_eq!(sentence("y' = -k*y*(-b)"), "y&#39; = −k·y·(−b)");
        assert_eq!(
            sentence("T = 0.2*a^1.5 - 3*b^-2; rate -0.5 in two-body <x>"),
            "T = 0.2·a<sup>1.5</sup> − 3·b<sup>−2</sup>; rate −0.5 in two-body &lt;x&gt;"
        );
        assert_eq!(sentence("x^n ^ * - ** ^"), "x^n ^ * − ** ^");
        assert_eq!(sentence("ends a^2."), "ends a<sup>2</sup>.");
    }

    proptest::proptest! {
        #[test]
        fn any_sentence_is_set(text in "[a-z0-9*^.() <&'-]{0,40}") {
            let out = sentence(&text).replace("<sup>", "").replace("</sup>", "");
            proptest::prop_assert!(!out.contains('<'), "{out}");
        }
    }
}
