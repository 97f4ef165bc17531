//! Reading what a peer sends: the envelope says which message it is, and the message's type says what its fields are.
//! What a client sent and cannot be read is answered under its own id, and with the name of the field at fault.

use crate::limits::MAX_MESSAGE_BYTES;
use crate::{Answer, ClientMessage, ErrorBody, ErrorCode, EventMessage, Outcome, Request};
use serde::de::{self, DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::{Path, Segment, Track};
use std::fmt;

mod found;

use found::{Found, find};

/// Longest reason of the JSON reader that is sent back, in bytes: it repeats what it found, and with each odd character
/// escaped that is five times as long. Higher: more of a long text is shown. Lower: a hostile message brings back less.
const MAX_REASON_BYTES: usize = 400;

/// Reads a client's message.
///
/// # Errors
/// What the client is to be answered. [`Answer::re`] is the message's id, or 0 if that cannot be read.
pub fn parse_client_message(text: &str) -> Result<ClientMessage, Answer> {
    if text.len() > MAX_MESSAGE_BYTES {
        let message = format!("the message has {} bytes, the limit is {MAX_MESSAGE_BYTES}", text.len());
        return Err(refuse_unread(text, ErrorBody::with(ErrorCode::TooLarge, message)));
    }
    let envelope = Envelope::read(text).map_err(|error| refuse_unread(text, malformed(&reason(&error))))?;
    let Some(id) = envelope.id() else {
        return Err(refuse(0, malformed("`id` must be a whole number that rises from 1")));
    };
    let Found::Text(name) = &envelope.kind else {
        return Err(refuse(id, malformed("`type` must be the name of a request, a text")));
    };
    // The path to a fault is only kept where there is one: keeping it costs as much as reading.
    let fields = &mut serde_json::Deserializer::from_str(text);
    match Request::deserialize(Named { name, fields }) {
        Ok(request) => Ok(ClientMessage { id, request }),
        Err(_) => Err(refuse(id, fault(name, text))),
    }
}

/// The answer to a client's message that is refused before it is read. Only its id is looked for.
pub fn refuse_unread(text: &str, error: ErrorBody) -> Answer {
    let id = find(text, ["id"]).ok().and_then(|[id]| number(&id));
    refuse(id.unwrap_or(0), error)
}

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerMessage {
    /// The answer to a request.
    Answer(Answer),
    /// An event of the session.
    Event(EventMessage),
}

/// Reads a server's message.
///
/// # Errors
/// The message is broken, or of a later version: a client passes it over.
pub fn parse_server_message(text: &str) -> Result<ServerMessage, serde_json::Error> {
    match Envelope::read(text)?.kind {
        Found::Nothing => serde_json::from_str(text).map(ServerMessage::Answer),
        _ => serde_json::from_str(text).map(ServerMessage::Event),
    }
}

const fn refuse(re: u32, error: ErrorBody) -> Answer {
    Answer { re, outcome: Outcome::Error(error) }
}

fn malformed(what: &str) -> ErrorBody {
    ErrorBody::with(ErrorCode::Malformed, format!("{}: {what}", ErrorCode::Malformed.sentence()))
}

/// What tells a message from others, as it was found: nothing of it need be right.
#[derive(Debug)]
struct Envelope<'a> {
    id: Found<'a>,
    kind: Found<'a>,
}

impl<'a> Envelope<'a> {
    /// Reads the envelope, and goes through the rest without keeping it.
    ///
    /// # Errors
    /// The text is no JSON object.
    fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        let [id, kind] = find(text, ["id", "type"])?;
        Ok(Self { id, kind })
    }

    fn id(&self) -> Option<u32> {
        number(&self.id)
    }
}

fn number(found: &Found<'_>) -> Option<u32> {
    match found {
        Found::Number(Some(n)) => u32::try_from(*n).ok(),
        _ => None,
    }
}

/// What is wrong with a JSON object that is no request of this name.
fn fault(name: &str, text: &str) -> ErrorBody {
    let (mut json, mut track) = (serde_json::Deserializer::from_str(text), Track::new());
    let fields = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let Err(error) = Request::deserialize(Named { name, fields }) else { return ErrorCode::Internal.into() };
    let (path, reason) = (track.path(), reason(&error));
    // serde says in words alone that a field is missing, and that no variant has the name.
    if path.iter().len() == 0 && reason.starts_with("unknown variant") {
        return ErrorCode::UnknownType.into();
    }
    let missing = reason.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let place = Place::of(&path);
    let field = missing.or(place.field);
    // None: a value that no JSON reader can hold, such as 1e999.
    let found = field.and_then(|field| find(text, [field]).ok()).map(|[found]| found);
    let code = match (name, field) {
        ("login", Some("userID")) => ErrorCode::UserIdInvalid,
        ("login", Some("sdkAppID")) if !matches!(found, Some(Found::Text(_))) => ErrorCode::AppUnknown,
        ("call", Some("to")) => ErrorCode::CalleesInvalid,
        ("call", _) => ErrorCode::CallOptions,
        ("devices", Some("sources")) if place.inside => ErrorCode::SourceUnsupported,
        _ => ErrorCode::Malformed,
    };
    let what = match field {
        Some(field) if missing.is_some() => format!("`{field}` of {name} is missing"),
        Some(field)
            if !place.inside
                && let Some(found) = found =>
        {
            format!("`{field}` of {name} is {found}: {reason}")
        }
        Some(_) => format!("`{place}` of {name}: {reason}"),
        None => format!("{name}: {reason}"),
    };
    match code {
        ErrorCode::Malformed => ErrorBody::with(code, what),
        _ => ErrorBody::with(code, format!("{what}; {}", code.sentence())),
    }
}

/// The JSON reader's reason. The middle of a long one is left out, since what was expected and where is at its end.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.len() <= MAX_REASON_BYTES {
        return text;
    }
    let head = text.floor_char_boundary(MAX_REASON_BYTES / 2);
    let tail = text.ceil_char_boundary(text.len() - MAX_REASON_BYTES / 2);
    format!("{} … {}", &text[..head], &text[tail..])
}

/// Where in a message a fault is: `to[1]`, `device.kind`.
struct Place<'a> {
    path: &'a Path,
    field: Option<&'a str>,
    /// The fault is not the whole field, but something in it.
    inside: bool,
}

impl<'a> Place<'a> {
    fn of(path: &'a Path) -> Self {
        let steps = path.iter().filter(|s| matches!(s, Segment::Map { .. } | Segment::Seq { .. }));
        let field = path.iter().find_map(|s| if let Segment::Map { key } = s { Some(&**key) } else { None });
        Self { path, field, inside: steps.count() > 1 }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut dot = "";
        for step in self.path {
            match step {
                Segment::Map { key } => write!(f, "{dot}{key}")?,
                Segment::Seq { index } => write!(f, "[{index}]")?,
                // The variant that a text did not name: the text may be long, and the reason has it.
                Segment::Enum { .. } | Segment::Unknown => {}
            }
            dot = ".";
        }
        Ok(())
    }
}

/// Reads an enum from an object of fields when the name of the variant is known from elsewhere. serde's own
/// `#[serde(tag = "type")]` reads such objects too, but copies all fields first, and then no longer knows where they were.
struct Named<'n, D> {
    name: &'n str,
    fields: D,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Named<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, D: Deserializer<'de>> EnumAccess<'de> for Named<'_, D> {
    type Error = D::Error;
    type Variant = Fields<D>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Fields<D>), D::Error> {
        let name: de::value::StrDeserializer<'_, D::Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Fields(self.fields)))
    }
}

/// The fields of the variant: always an object, since the envelope was one.
struct Fields<D>(D);

impl<'de, D: Deserializer<'de>> VariantAccess<'de> for Fields<D> {
    type Error = D::Error;

    fn unit_variant(self) -> Result<(), D::Error> {
        de::IgnoredAny::deserialize(self.0).map(drop)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, D::Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: de::Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    fn struct_variant<V: de::Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests;
