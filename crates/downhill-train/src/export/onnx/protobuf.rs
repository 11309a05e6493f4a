//! Messages of Protocol Buffers, written by hand: ONNX needs few of them, and no reader.
//!
//! A message is a sequence of fields; a field is its number and the kind of what follows in one varint, then a
//! varint, four bytes, or a length and that many bytes.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding>.

/// A message under construction: its bytes so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

/// What follows the number of a field.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Delimited = 2,
    Fixed32 = 5,
}

impl Message {
    /// Without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a whole number; negative ones take ten bytes.
    pub fn int(mut self, field: u32, value: i64) -> Self {
        self.key(field, Wire::Varint);
        self.varint(value as u64);
        self
    }

    /// With a number in single precision.
    pub fn float(mut self, field: u32, value: f32) -> Self {
        self.key(field, Wire::Fixed32);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// With bytes.
    pub fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.key(field, Wire::Delimited);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// With a text.
    pub fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    /// With a message inside.
    pub fn message(self, field: u32, value: &Message) -> Self {
        self.bytes(field, &value.bytes)
    }

    /// With the same field once for each of these.
    pub fn each<V>(
        self,
        field: u32,
        values: impl IntoIterator<Item = V>,
        add: fn(Self, u32, V) -> Self,
    ) -> Self {
        values.into_iter().fold(self, |message, value| add(message, field, value))
    }

    /// The bytes of the message.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn key(&mut self, field: u32, wire: Wire) {
        self.varint(u64::from(field << 3 | wire as u32));
    }

    /// Seven bits a byte, the lowest first; the eighth says whether more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_the_specification_shows() {
        assert_eq!(Message::new().int(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::new().text(2, "testing");
        assert_eq!(text.into_bytes(), *b"\x12\x07testing");
        let inner = Message::new().int(1, 150);
        assert_eq!(Message::new().message(3, &inner).into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let minus_two = [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Message::new().int(1, -2).into_bytes(), minus_two);
        assert_eq!(Message::new().float(16, 1.0).into_bytes(), [0x85, 0x01, 0, 0, 0x80, 0x3f]);
    }
}
