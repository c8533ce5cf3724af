//! Texts in plots: their widths, and places for them beside points where nothing else stands.

/// Estimated width in pixels of a text at the size that plots use (11.5 px, sans-serif).
pub(super) fn text_width(text: &str) -> f64 {
    text.chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | 'I' | '.' | ',' | '\'' | ':' | '|' | '(' | ')' | ' ' | 'f' | 't' => {
                4.0
            }
            'm' | 'w' | 'M' | 'W' | '…' => 9.8,
            // Scripts with wide signs (Chinese, Japanese, Korean).
            c if c >= '\u{2e80}' => 12.0,
            c if c.is_uppercase() => 8.0,
            _ => 6.6,
        })
        .sum()
}

/// The text, or its beginning with a sign that it goes on.
pub(super) fn ellipsis(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1).max(1)).collect();
    short.push('…');
    short
}

/// A rectangle: left, top, right, bottom.
type Area = (f64, f64, f64, f64);

/// Finds free places for labels.
pub(super) struct Placer {
    area: Area,
    taken: Vec<Area>,
}

const HEIGHT: f64 = 12.0;

impl Placer {
    pub(super) fn new(left: f64, top: f64, width: f64, height: f64) -> Self {
        Placer {
            area: (left, top, left + width, top + height),
            taken: Vec::new(),
        }
    }

    /// Keeps the place of a marker free.
    pub(super) fn block(&mut self, x: f64, y: f64, radius: f64) {
        let r = radius.clamp(0.5, 30.0);
        self.taken.push((x - r, y - r, x + r, y + r));
    }

    /// Keeps a line from one corner to the other free.
    pub(super) fn block_line(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.taken.push((
            from.0.min(to.0),
            from.1.min(to.1) - 1.0,
            from.0.max(to.0),
            from.1.max(to.1) + 1.0,
        ));
    }

    /// Where the text for the point at (x, y) begins (its base line), if there is a free place beside it.
    pub(super) fn find(&mut self, x: f64, y: f64, text: &str) -> Option<(f64, f64)> {
        let width = text_width(text);
        // What stands around the point itself: its marker and its error bars.
        let own = |low: fn(&Area) -> f64, high: fn(&Area) -> f64| {
            self.taken
                .iter()
                .filter(|a| (a.0 + a.2 - 2.0 * x).abs() < 0.1 && (a.1 + a.3 - 2.0 * y).abs() < 0.1)
                .map(|a| 0.5 * (high(a) - low(a)))
                .fold(3.0, f64::max)
        };
        let across = own(|a| a.0, |a| a.2) + 4.0;
        let gap = own(|a| a.1, |a| a.3) + 4.0;
        let places = [
            (x + across, y - 0.5 * HEIGHT),
            (x - across - width, y - 0.5 * HEIGHT),
            (x - 0.5 * width, y - gap - HEIGHT),
            (x - 0.5 * width, y + gap),
            (x + 0.7 * gap, y - 0.7 * gap - HEIGHT),
            (x - 0.7 * gap - width, y - 0.7 * gap - HEIGHT),
            (x + 0.7 * gap, y + 0.7 * gap),
            (x - 0.7 * gap - width, y + 0.7 * gap),
        ];
        let (left, top) = places
            .into_iter()
            .find(|(l, t)| self.is_free((*l, *t, l + width, t + HEIGHT)))?;
        self.taken.push((left, top, left + width, top + HEIGHT));
        Some((left, top + HEIGHT - 2.0))
    }

    fn is_free(&self, a: Area) -> bool {
        let inside =
            a.0 >= self.area.0 && a.1 >= self.area.1 && a.2 <= self.area.2 && a.3 <= self.area.3;
        inside
            && self
                .taken
                .iter()
                .all(|b| a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_meet() {
        let mut placer = Placer::new(0.0, 0.0, 200.0, 200.0);
        placer.block(100.0, 100.0, 4.0);
        placer.block(112.0, 100.0, 4.0);
        let first = placer.find(100.0, 100.0, "Earth").unwrap();
        let second = placer.find(112.0, 100.0, "Mars").unwrap();
        assert!(first.0 + text_width("Earth") <= 96.0, "{first:?}");
        assert!(second.0 >= 116.0, "{second:?}");
        // A label stands beyond the error bar, not on it; above the marker where there is no room.
        let mut placer = Placer::new(0.0, 0.0, 200.0, 200.0);
        placer.block(50.0, 100.0, 4.0);
        placer.block_line((20.0, 100.0), (80.0, 100.0));
        assert!(placer.find(50.0, 100.0, "1").unwrap().0 > 80.0);
        placer.block(150.0, 100.0, 4.0);
        placer.block_line((100.0, 100.0), (200.0, 100.0));
        placer.block(95.0, 100.0, 4.0);
        let above = placer.find(150.0, 100.0, "2").unwrap();
        assert!(above.1 > 80.0 && above.1 < 96.0, "{above:?}");
        // A text that is wider than the area has no place.
        assert!(placer.find(100.0, 50.0, &"W".repeat(60)).is_none());
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(ellipsis("abcdef", 6), "abcdef");
        assert_eq!(ellipsis("abcdefg", 6), "abcde…");
        assert_eq!(ellipsis("", 0), "");
    }
}
