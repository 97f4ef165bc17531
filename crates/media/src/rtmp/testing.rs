//! What a client says, for tests and fuzzers: bytes that need no answer to be right.

use super::amf0::{self, Value};
use super::chunk::Writer;
use super::message;
use super::tag::{Tag, TagKind};

/// The bytes of a client that publishes or plays `name` of `app`, up to where it waits for the answer.
pub(crate) fn greeting(command: &str, app: &str, name: &str) -> Vec<u8> {
    let mut bytes = vec![3];
    bytes.extend([1; 2 * 1536]);
    let about = Value::object(&[("app", Value::text(app))]);
    for values in [
        vec![Value::text("connect"), Value::Number(1.0), about],
        vec![Value::text("createStream"), Value::Number(2.0), Value::Null],
        vec![Value::text(command), Value::Number(3.0), Value::Null, Value::text(name)],
    ] {
        let mut payload = Vec::new();
        amf0::write(&values, &mut payload);
        Writer::default().write(3, (message::COMMAND, 0, 0), &payload, &mut bytes);
    }
    bytes
}

/// A tag as a publisher sends it.
pub(crate) fn publish(tag: &Tag) -> Vec<u8> {
    let mut bytes = Vec::new();
    Writer::default().write(4, (tag.number(), 1, tag.timestamp), tag.payload(), &mut bytes);
    bytes
}

/// Sound (`true`) or a picture with this body, as a publisher sends it.
pub(crate) fn media(sound: bool, timestamp: u32, body: &[u8]) -> Vec<u8> {
    let kind = if sound { TagKind::Audio } else { TagKind::Video };
    publish(&Tag::new(kind, timestamp, body.into()))
}

/// A protocol control message.
#[cfg(test)]
pub(crate) fn control(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Writer::default().write(2, (kind, 0, 0), payload, &mut bytes);
    bytes
}
