//! Server-sent events, pushed in pieces of any size (WHATWG HTML, section 9.2: event streams).

use crate::error::{Error, Result};

/// Longest event, in bytes.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

/// One event: the joined `data:` lines. The other fields carry nothing in the dialects read here.
pub type Frame = Vec<u8>;

/// Cuts a byte stream into events. Each byte is looked at once, so time is linear in the length.
#[derive(Debug, Default)]
pub struct Framer {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_cr: bool,
    past_bom: bool,
}

impl Framer {
    /// Takes the next bytes and hands each finished event to `each`.
    ///
    /// # Errors
    /// [`Error::Limit`] for an event over [`MAX_EVENT_BYTES`], and what `each` returns.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Frame) -> Result<()>) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest.first() == Some(&b'\n') {
                rest = rest.get(1..).unwrap_or(&[]);
                continue;
            }
            let end = rest.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let (head, tail) = rest.split_at(end.unwrap_or(rest.len()));
            let size = self.line.len() + self.data.len() + head.len();
            if size > MAX_EVENT_BYTES {
                return Err(Error::Limit {
                    what: "bytes of one streamed event".into(),
                    limit: MAX_EVENT_BYTES as u64,
                    got: size as u64,
                });
            }
            self.line.extend_from_slice(head);
            let Some((&ending, tail)) = tail.split_first() else {
                return Ok(());
            };
            rest = tail;
            self.after_cr = ending == b'\r';
            if let Some(frame) = self.end_of_line() {
                each(frame)?;
            }
        }
        Ok(())
    }

    fn end_of_line(&mut self) -> Option<Frame> {
        let mut line = self.line.as_slice();
        if !std::mem::replace(&mut self.past_bom, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        let mut done = None;
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.has_data) {
                done = Some(data);
            }
        } else if let Some(value) = line.strip_prefix(b"data") {
            let value = match value.split_first() {
                Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
                None => Some(value),
                Some(_) => None,
            };
            if let Some(value) = value {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
        }
        self.line.clear();
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(pieces: &[&[u8]]) -> Vec<String> {
        let mut framer = Framer::default();
        let mut out = Vec::new();
        for piece in pieces {
            framer
                .push(piece, |frame| {
                    out.push(String::from_utf8_lossy(&frame).into_owned());
                    Ok(())
                })
                .unwrap();
        }
        out
    }

    #[test]
    fn every_line_end_and_comments() {
        let text = "\u{feff}:hi\r\ndata: a\r\ndata:b\r\n\r\nevent: x\rdata\r\rdatax: no\n\ndata: c\n\ndata: lost\n";
        let whole = frames(&[text.as_bytes()]);
        assert_eq!(whole, ["a\nb", "", "c"]);
        for cut in 0..=text.len() {
            let (a, b) = text.as_bytes().split_at(cut);
            assert_eq!(frames(&[a, b]), whole, "{cut}");
        }
    }

    #[test]
    fn an_overlong_event_is_refused() {
        let mut framer = Framer::default();
        let piece = vec![b'a'; 1 << 20];
        let results: Vec<_> = (0..5).map(|_| framer.push(&piece, |_| Ok(()))).collect();
        assert!(results.iter().take(4).all(Result::is_ok));
        assert!(matches!(results.last(), Some(Err(Error::Limit { .. }))));
    }
}
