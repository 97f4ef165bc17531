//! Reading what a client sends, and saying what is wrong with what cannot be read: under the message's own id, and with
//! the name of the field.

use crate::limits::MAX_MESSAGE_BYTES;
use crate::{Answer, ClientMessage, ErrorBody, ErrorCode, IdError, Outcome, UserId};
use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Reads a client's message. Errors: what to answer ([`Answer::re`] is the message's id if it could be read).
pub fn parse_client_message(text: &str) -> Result<ClientMessage, Answer> {
    if text.len() > MAX_MESSAGE_BYTES {
        let message = format!("the message has {} bytes, the limit is {MAX_MESSAGE_BYTES}", text.len());
        return Err(refuse_unread(text, ErrorBody::with(ErrorCode::TooLarge, message)));
    }
    serde_json::from_str(text).map_err(|error| {
        let head = Head::read(text);
        Answer { re: head.id(), outcome: Outcome::Error(head.fault(&error)) }
    })
}

/// The answer to a message that is refused before it is read. Only its id is looked for.
pub fn refuse_unread(text: &str, error: ErrorBody) -> Answer {
    Answer { re: Head::read(text).id(), outcome: Outcome::Error(error) }
}

/// What a field looks like; its contents are not kept, whatever their size.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Null,
    Bool,
    /// None: negative, or a fraction.
    Number(Option<u64>),
    Text {
        /// Why it is no userID, if it is none.
        no_user: Option<IdError>,
        /// The text itself if it may name a type.
        short: Option<String>,
    },
    List {
        of_users: bool,
        /// Why the first text that is no userID is none.
        no_user: Option<IdError>,
    },
    Object,
}

/// Longest text that is looked at as the name of a type, in bytes.
const SHORT: usize = 32;

impl Shape {
    fn is_user(&self) -> bool {
        match self {
            Self::Text { no_user, .. } => no_user.is_none(),
            Self::Number(n) => n.is_some_and(|n| n != 0),
            _ => false,
        }
    }

    /// Why a text in it is no userID, where more is to be said than that it is none.
    fn no_user(&self) -> Option<IdError> {
        match self {
            Self::Text { no_user, .. } | Self::List { no_user, .. } => *no_user,
            _ => None,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number(_) => "a number",
            Self::Text { .. } => "a text",
            Self::List { .. } => "a list",
            Self::Object => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_unit<E>(self) -> Result<Shape, E> {
                Ok(Shape::Null)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
                Ok(Shape::Bool)
            }

            fn visit_u64<E>(self, n: u64) -> Result<Shape, E> {
                Ok(Shape::Number(Some(n)))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
                Ok(Shape::Number(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
                Ok(Shape::Number(None))
            }

            fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
                let short = (text.len() <= SHORT).then(|| text.to_owned());
                Ok(Shape::Text { no_user: UserId::new(text).err(), short })
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
                let (mut of_users, mut no_user) = (true, None);
                while let Some(element) = list.next_element::<Shape>()? {
                    of_users &= element.is_user();
                    no_user = no_user.or(element.no_user());
                }
                Ok(Shape::List { of_users, no_user })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Shape::Object)
            }
        }
        d.deserialize_any(Visitor)
    }
}

/// What a field must be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Want {
    Text,
    Number,
    /// A number other than 0.
    App,
    Bool,
    User,
    Users,
    Object,
}

impl Want {
    fn holds(self, shape: &Shape) -> bool {
        match self {
            Self::Text => matches!(shape, Shape::Text { .. }),
            Self::Number => matches!(shape, Shape::Number(Some(_))),
            Self::App => matches!(shape, Shape::Number(Some(1..))),
            Self::Bool => *shape == Shape::Bool,
            Self::User => shape.is_user(),
            Self::Users => matches!(shape, Shape::List { of_users: true, .. }),
            Self::Object => *shape == Shape::Object,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a whole number, 0 or more",
            Self::App => "the number that `tring app list` prints",
            Self::Bool => "true or false",
            Self::User => "the user's name, a text of 1 to 64 bytes and no placeholder",
            Self::Users => "a list of userIDs, each a text of 1 to 64 bytes and no placeholder",
            Self::Object => "an object",
        }
    }
}

/// The name of a field, what it must be, and whether it must be there.
type Field = (&'static str, Want, bool);

/// The fields of each request as JSON has them. The tests hold this against
/// [`crate::Request`].
const REQUESTS: &[(&str, &[Field])] = &[
    (
        "login",
        &[
            ("userID", Want::User, true),
            ("sdkAppID", Want::App, true),
            ("protocol", Want::Number, true),
            ("userSig", Want::Text, true),
            ("device", Want::Object, true),
            ("again", Want::Bool, false),
        ],
    ),
    (
        "resume",
        &[("protocol", Want::Number, true), ("ticket", Want::Text, true), ("lastSeq", Want::Number, true)],
    ),
    ("logout", &[]),
    ("ping", &[("ack", Want::Number, true)]),
    (
        "call",
        &[
            ("to", Want::Users, true),
            ("media", Want::Text, true),
            ("timeoutS", Want::Number, false),
            ("failFast", Want::Bool, false),
            ("data", Want::Text, false),
        ],
    ),
    ("delivered", &[("callID", Want::Text, true)]),
    ("accept", &[("callID", Want::Text, true)]),
    ("reject", &[("callID", Want::Text, true)]),
    ("hangup", &[("callID", Want::Text, true)]),
    ("transport", &[("callID", Want::Text, true), ("offer", Want::Text, true)]),
    ("streams", &[("callID", Want::Text, true)]),
    (
        "devices",
        &[("callID", Want::Text, true), ("microphone", Want::Bool, true), ("camera", Want::Bool, true)],
    ),
    ("media", &[("callID", Want::Text, true), ("media", Want::Text, true)]),
];

/// The fields of a message by their shape.
#[derive(Debug, Default)]
struct Head {
    is_object: bool,
    fields: Vec<(String, Shape)>,
}

/// Fields that are looked at. A message of the protocol has at most seven; past this, a message is only hostile.
const FIELDS: usize = 32;

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Head;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Head, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, shape)) = map.next_entry::<String, Shape>()? {
                    if fields.len() < FIELDS {
                        fields.push((name, shape));
                    }
                }
                Ok(Head { is_object: true, fields })
            }
        }
        d.deserialize_map(Visitor)
    }
}

/// Longest reason that the parser gives, in bytes: it repeats what it found, and with each odd character escaped that is
/// five times as long. Higher: more of a long text is shown. Lower: a hostile message brings back less.
const REASON: usize = 400;

/// The parser's reason; the middle of a long one is left out, since what was expected and where is at its end.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.len() <= REASON {
        return text;
    }
    let head = text.floor_char_boundary(REASON / 2);
    let tail = text.ceil_char_boundary(text.len() - REASON / 2);
    format!("{} … {}", &text[..head], &text[tail..])
}

impl Head {
    fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    fn field(&self, name: &str) -> Option<&Shape> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, shape)| shape)
    }

    /// 0 if there is none that can be read: no request has it.
    fn id(&self) -> u32 {
        match self.field("id") {
            Some(&Shape::Number(Some(n))) => u32::try_from(n).unwrap_or(0),
            _ => 0,
        }
    }

    /// What is wrong with a message that `error` says is none.
    fn fault(&self, error: &serde_json::Error) -> ErrorBody {
        let malformed = |what: &str| {
            ErrorBody::with(ErrorCode::Malformed, format!("{}: {what}", ErrorCode::Malformed.sentence()))
        };
        if !self.is_object {
            return malformed(&reason(error));
        }
        if !matches!(self.field("id"), Some(&Shape::Number(Some(n))) if u32::try_from(n).is_ok()) {
            return malformed("`id` must be a whole number that rises from 1");
        }
        let kind = match self.field("type") {
            Some(Shape::Text { short, .. }) => short.as_deref(),
            _ => return malformed("`type` must be the name of a request, a text"),
        };
        let Some((kind, fields)) = REQUESTS.iter().find(|(known, _)| Some(*known) == kind) else {
            return ErrorCode::UnknownType.into();
        };
        let wrong = fields.iter().find(|(name, want, required)| match self.field(name) {
            None | Some(Shape::Null) => *required,
            Some(shape) => !want.holds(shape),
        });
        let code = match (*kind, wrong.map(|(name, ..)| *name)) {
            ("login", Some("userID")) => ErrorCode::UserIdInvalid,
            ("login", Some("sdkAppID")) if !matches!(self.field("sdkAppID"), Some(Shape::Text { .. })) => {
                ErrorCode::AppUnknown
            }
            ("call", Some("to")) => ErrorCode::CalleesInvalid,
            ("call", _) => ErrorCode::CallOptions,
            _ => ErrorCode::Malformed,
        };
        let Some((name, want, _)) = wrong else {
            // The right shape, and yet no message: a number or a text out of its range.
            return ErrorBody::with(code, format!("{}: {}", code.sentence(), reason(error)));
        };
        if let (Want::User | Want::Users, Some(why)) = (want, self.field(name).and_then(Shape::no_user)) {
            return ErrorBody::with(code, format!("`{name}` of {kind} holds no userID: {why}"));
        }
        let found = self.field(name).map_or("missing", Shape::name);
        ErrorBody::with(code, format!("`{name}` of {kind} is {found}: it must be {}", want.name()))
    }
}

#[cfg(test)]
mod tests;
