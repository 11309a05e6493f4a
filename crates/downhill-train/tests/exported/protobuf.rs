//! A reader of Protocol Buffers, as small as a test needs it.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Int(u64),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// The fields of a message, in their order.
#[derive(Clone, Debug)]
pub struct Message<'a>(Vec<(u64, Value<'a>)>);

impl<'a> Message<'a> {
    pub fn parse(mut bytes: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let value = match key & 7 {
                0 => Value::Int(varint(&mut bytes)),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    let (head, rest) = bytes.split_at(length);
                    bytes = rest;
                    Value::Bytes(head)
                }
                5 => {
                    let (head, rest) = bytes.split_first_chunk().unwrap();
                    bytes = rest;
                    Value::Fixed32(*head)
                }
                other => panic!("wire type {other}"),
            };
            fields.push((key >> 3, value));
        }
        Message(fields)
    }

    fn all(&self, field: u64) -> impl Iterator<Item = Value<'a>> {
        self.0.iter().filter(move |(number, _)| *number == field).map(|(_, value)| *value)
    }

    pub fn messages(&self, field: u64) -> Vec<Message<'a>> {
        self.all(field).map(|value| Message::parse(bytes(value))).collect()
    }

    pub fn message(&self, field: u64) -> Message<'a> {
        self.messages(field).remove(0)
    }

    pub fn texts(&self, field: u64) -> Vec<&'a str> {
        self.all(field).map(|value| std::str::from_utf8(bytes(value)).unwrap()).collect()
    }

    pub fn text(&self, field: u64) -> &'a str {
        self.texts(field).first().copied().unwrap_or_default()
    }

    pub fn bytes(&self, field: u64) -> &'a [u8] {
        self.all(field).map(bytes).next().unwrap_or_default()
    }

    pub fn ints(&self, field: u64) -> Vec<i64> {
        self.all(field)
            .map(|value| match value {
                Value::Int(int) => int as i64,
                other => panic!("{other:?} is no whole number"),
            })
            .collect()
    }
}

fn bytes(value: Value<'_>) -> &[u8] {
    match value {
        Value::Bytes(bytes) => bytes,
        other => panic!("{other:?} is not delimited"),
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
