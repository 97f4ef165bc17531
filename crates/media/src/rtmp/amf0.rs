//! AMF0, the values of commands and metadata (AMF 0 specification, December 2007). Bounded in depth and count: the
//! parser meets peers that have shown no ticket yet.

/// How deep objects and arrays may nest. Real commands nest once. Higher: only an attacker's.
pub(crate) const MAX_DEPTH: usize = 8;

/// How many values one message may hold, properties included. OBS sends about 30.
pub(crate) const MAX_VALUES: usize = 256;

/// A value. Kinds that no peer of a call sends (movie clip, reference, XML, typed object) are errors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Boolean(bool),
    String(String),
    /// Object or ECMA array, in the order of the wire.
    Object(Vec<(String, Value)>),
    Array(Vec<Value>),
    /// Null or undefined.
    Null,
}

/// Why bytes are no AMF0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AmfError {
    /// It ends within a value.
    #[error("it ends within a value")]
    Short,
    /// A marker that is not supported.
    #[error("the marker {0} is not one of AMF0's plain kinds")]
    Marker(u8),
    /// Nested too deep.
    #[error("values nest deeper than {MAX_DEPTH}")]
    Deep,
    /// Too many values.
    #[error("it holds more than {MAX_VALUES} values")]
    Many,
}

const NUMBER: u8 = 0x00;
const BOOLEAN: u8 = 0x01;
const STRING: u8 = 0x02;
const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const ECMA_ARRAY: u8 = 0x08;
const OBJECT_END: u8 = 0x09;
const STRICT_ARRAY: u8 = 0x0a;
const DATE: u8 = 0x0b;
const LONG_STRING: u8 = 0x0c;

impl Value {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// A property of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(properties) => properties.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::String(text.to_owned())
    }

    pub(crate) fn object(properties: &[(&str, Value)]) -> Self {
        Self::Object(properties.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect())
    }
}

/// All values of a message.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Value>, AmfError> {
    let mut reader = Reader { rest: bytes, values: 0 };
    let mut values = Vec::new();
    while !reader.rest.is_empty() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

/// Appends values.
pub(crate) fn write(values: &[Value], out: &mut Vec<u8>) {
    for value in values {
        write_value(value, out);
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    values: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], AmfError> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(AmfError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], AmfError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(AmfError::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn short_text(&mut self) -> Result<String, AmfError> {
        let length = u16::from_be_bytes(self.array()?);
        Ok(String::from_utf8_lossy(self.take(length.into())?).into_owned())
    }

    fn value(&mut self, depth: usize) -> Result<Value, AmfError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(AmfError::Many);
        }
        if depth > MAX_DEPTH {
            return Err(AmfError::Deep);
        }
        let [marker] = self.array()?;
        Ok(match marker {
            NUMBER => Value::Number(f64::from_be_bytes(self.array()?)),
            BOOLEAN => Value::Boolean(self.array()? != [0]),
            STRING => Value::String(self.short_text()?),
            OBJECT => Value::Object(self.properties(depth)?),
            NULL | UNDEFINED => Value::Null,
            ECMA_ARRAY => {
                // The count is only a hint (§2.10); writers disagree with themselves.
                self.array::<4>()?;
                Value::Object(self.properties(depth)?)
            }
            STRICT_ARRAY => {
                let count = u32::from_be_bytes(self.array()?);
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(self.value(depth + 1)?);
                }
                Value::Array(items)
            }
            DATE => {
                let milliseconds = f64::from_be_bytes(self.array()?);
                self.array::<2>()?; // time zone, reserved
                Value::Number(milliseconds)
            }
            LONG_STRING => {
                let length = u32::from_be_bytes(self.array()?);
                let length = usize::try_from(length).map_err(|_| AmfError::Short)?;
                Value::String(String::from_utf8_lossy(self.take(length)?).into_owned())
            }
            other => return Err(AmfError::Marker(other)),
        })
    }

    /// Up to the end marker. Some writers leave it out at the end of a message.
    fn properties(&mut self, depth: usize) -> Result<Vec<(String, Value)>, AmfError> {
        let mut properties = Vec::new();
        while !self.rest.is_empty() {
            let name = self.short_text()?;
            if name.is_empty() && self.rest.first() == Some(&OBJECT_END) {
                self.take(1)?;
                break;
            }
            properties.push((name, self.value(depth + 1)?));
        }
        Ok(properties)
    }
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(n) => {
            out.push(NUMBER);
            out.extend_from_slice(&n.to_be_bytes());
        }
        Value::Boolean(b) => out.extend_from_slice(&[BOOLEAN, u8::from(*b)]),
        Value::String(s) => write_string(s, out),
        Value::Object(properties) => {
            out.push(OBJECT);
            for (name, value) in properties {
                write_short(name, out);
                write_value(value, out);
            }
            out.extend_from_slice(&[0, 0, OBJECT_END]);
        }
        Value::Array(items) => {
            out.push(STRICT_ARRAY);
            out.extend_from_slice(&u32::try_from(items.len()).unwrap_or(u32::MAX).to_be_bytes());
            write(items, out);
        }
        Value::Null => out.push(NULL),
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    if text.len() <= usize::from(u16::MAX) {
        out.push(STRING);
        write_short(text, out);
    } else {
        out.push(LONG_STRING);
        out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

/// A property's name, or a string's length and bytes. Ours are far below 64 KiB; a longer one is cut.
fn write_short(text: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&text.as_bytes()[..length.into()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(|n| Value::Number(n.into())),
            any::<bool>().prop_map(Value::Boolean),
            ".{0,20}".prop_map(Value::String),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(("[a-z]{1,8}", inner.clone()), 0..5).prop_map(Value::Object),
                prop::collection::vec(inner, 0..5).prop_map(Value::Array),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(values in prop::collection::vec(values(), 0..5)) {
            let mut bytes = Vec::new();
            write(&values, &mut bytes);
            prop_assert_eq!(read(&bytes), Ok(values));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let mut deep = Vec::new();
        for _ in 0..10_000 {
            deep.extend_from_slice(&[OBJECT, 0, 1, b'a']);
        }
        assert_eq!(read(&deep), Err(AmfError::Deep));
        assert_eq!(read(&vec![NULL; MAX_VALUES + 1]), Err(AmfError::Many));
        assert_eq!(read(&[STRICT_ARRAY, 255, 255, 255, 255]), Err(AmfError::Short));
        assert_eq!(read(&[LONG_STRING, 255, 255, 255, 255, b'x']), Err(AmfError::Short));
        assert_eq!(read(&[0x10]), Err(AmfError::Marker(0x10)));
    }

    #[test]
    fn an_ecma_array_is_an_object_whatever_its_count_says() {
        let bytes = [ECMA_ARRAY, 0, 0, 0, 9, 0, 1, b'w', BOOLEAN, 1, 0, 0, OBJECT_END];
        assert_eq!(read(&bytes), Ok(vec![Value::object(&[("w", Value::Boolean(true))])]));
        assert_eq!(
            read(&bytes[..10]),
            Ok(vec![Value::object(&[("w", Value::Boolean(true))])]),
            "no end marker"
        );
    }
}
