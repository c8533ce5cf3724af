//! The wire format of protocol buffers, as far as ONNX needs it: fields are a key `number << 3 | kind`, then a
//! variable-length integer (kind 0) or a length and bytes (kind 2).
//!
//! Numbers of messages and fields are those of `onnx.proto` of ONNX 1.13 (IR version 8).

/// A message that is being written.
#[derive(Default, Clone)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    fn varint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push(v as u8 | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }

    pub(super) fn integer(mut self, field: u32, v: i64) -> Self {
        self.varint(u64::from(field) << 3);
        self.varint(v as u64);
        self
    }

    pub(super) fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(super) fn message(self, field: u32, inner: Message) -> Self {
        self.bytes(field, &inner.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_format() {
        // Protocol Buffers, "Encoding": 150 in field 1, "testing" in field 2, a message with the first in field 3.
        let number = Message::default().integer(1, 150);
        assert_eq!(number.0, [0x08, 0x96, 0x01]);
        let text = Message::default().text(2, "testing");
        assert_eq!(text.0, [0x12, 7, b't', b'e', b's', b't', b'i', b'n', b'g']);
        let nested = Message::default().message(3, number);
        assert_eq!(nested.0, [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let negative = Message::default().integer(1, -1);
        assert_eq!(negative.0.len(), 11);
    }
}
