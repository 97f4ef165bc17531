//! Newtypes for everything that names something. None of them can be mixed up with another.

use crate::characters::{self, Named};
use crate::limits::{MAX_CALL_ID_BYTES, MAX_USER_ID_BYTES};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Why a text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("the id is empty: set it before calling login() or call()")]
    Empty,
    /// The text has more bytes than allowed.
    #[error("the id has {len} bytes, the limit is {max}")]
    TooLong {
        /// Its length in bytes of UTF-8.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The text has a character that nobody sees: a control (line breaks would break the signed text of a UserSig), or a
    /// zero-width, bidirectional or other one by which two ids look alike.
    #[error("the id has the {} {}: leave it out", if found.is_control() { "control character" } else { "invisible character" }, Named(*found))]
    Invisible {
        /// The first such character.
        found: char,
    },
    /// The text begins or ends with white space: nobody who writes the name would reach its user.
    #[error("the id {} with {}: an id has no white space at its ends, take it off", if *begins { "begins" } else { "ends" }, Named(*found))]
    Blank {
        /// The white space.
        found: char,
        /// At the beginning, not at the end.
        begins: bool,
    },
    /// The text is one that a program writes for a value that was never set: `0`, `undefined`, `null`, `NaN`.
    #[error("the id is a placeholder ({0}): fill in the real userID before login()")]
    Placeholder(&'static str),
    /// An SDKAppID of 0.
    #[error("sdkAppID is 0: fill in the number that `tring app list` prints")]
    ZeroApp,
}

/// The number of an app: one world of users, calls and rooms, fully separate from every other (the guide's SDKAppID).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(transparent)]
pub struct SdkAppId(#[cfg_attr(test, ts(type = "number"))] NonZeroU32);

impl SdkAppId {
    /// Wraps a number. Errors: [`IdError::ZeroApp`].
    pub fn new(n: u32) -> Result<Self, IdError> {
        NonZeroU32::new(n).map(Self).ok_or(IdError::ZeroApp)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for SdkAppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Placeholders of the guide's own sample and of pages that log in before their data has arrived.
const PLACEHOLDERS: [&str; 4] = ["0", "undefined", "null", "NaN"];

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(transparent)]
        pub struct $name(#[cfg_attr(test, ts(type = "string"))] Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

text_id! {
    /// A user's name inside one app (the guide's userID): UTF-8, 1 to [`MAX_USER_ID_BYTES`] bytes, none of the texts that
    /// stand for "not set", no white space at its ends, and no control, zero-width, bidirectional or other character that
    /// nobody sees, but for those that are part of an emoji (variation selector, joiner between two pictures, tags of a
    /// flag) or choose between two ways to write a Chinese character.
    UserId
}

/// A text, or a whole number: pages whose users are numbered write it so, and its decimal text is meant. 0 stands for
/// "not set" in both forms.
impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = UserId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a userID: a text, or a whole number above 0")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<UserId, E> {
                UserId::new(text).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, n: u64) -> Result<UserId, E> {
                self.visit_str(&n.to_string())
            }
        }
        d.deserialize_any(Visitor)
    }
}

impl UserId {
    /// Checks and wraps a text. Errors: every [`IdError`] but `ZeroApp`.
    pub fn new(text: &str) -> Result<Self, IdError> {
        if let Some(&p) = PLACEHOLDERS.iter().find(|&&p| p == text) {
            return Err(IdError::Placeholder(p));
        }
        check(text, MAX_USER_ID_BYTES).map(Self)
    }

    /// A userID out of a record of an earlier version, which took names that [`UserId::new`] refuses today: for showing
    /// what was, not for signing in or calling. Errors: empty, too long.
    pub fn recorded(text: &str) -> Result<Self, IdError> {
        check_length(text, MAX_USER_ID_BYTES)?;
        Ok(Self(text.into()))
    }
}

text_id! {
    /// The name of one call (the `inviteID` of old pages): an opaque random text, unique across nodes.
    CallId
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::new(&text).map_err(de::Error::custom)
    }
}

impl CallId {
    /// Wraps a text. Errors: every [`IdError`] but `Placeholder` and `ZeroApp`.
    pub fn new(text: &str) -> Result<Self, IdError> {
        check(text, MAX_CALL_ID_BYTES).map(Self)
    }

    /// A call id from 128 random bits, as 32 hexadecimal digits.
    pub fn from_random(bits: u128) -> Self {
        Self(format!("{bits:032x}").into())
    }
}

fn check_length(text: &str, max: usize) -> Result<(), IdError> {
    match text.len() {
        0 => Err(IdError::Empty),
        len if len > max => Err(IdError::TooLong { len, max }),
        _ => Ok(()),
    }
}

fn check(text: &str, max: usize) -> Result<Arc<str>, IdError> {
    check_length(text, max)?;
    if let Some(found) = characters::first_invisible(text) {
        return Err(IdError::Invisible { found });
    }
    let mut ends = [(text.chars().next(), true), (text.chars().next_back(), false)].into_iter();
    if let Some((Some(found), begins)) = ends.find(|(c, _)| c.is_some_and(char::is_whitespace)) {
        return Err(IdError::Blank { found, begins });
    }
    Ok(text.into())
}

/// The number of a room, 1 to 4,294,967,295, unique among the live rooms of one app (the guide's roomID).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(transparent)]
pub struct RoomId(#[cfg_attr(test, ts(type = "number"))] NonZeroU32);

impl RoomId {
    /// Wraps a number; 0 is no room.
    pub fn new(n: u32) -> Option<Self> {
        NonZeroU32::new(n).map(Self)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One signed-in device (browser tab, phone, program) of a user: the session behind its socket, which outlives the
/// socket. Unique in one server process, never sent to other users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u64);

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "d{}", self.0)
    }
}

/// A user together with the app that gives the name its meaning. Every map of users is keyed by this.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserKey {
    /// The app.
    pub app: SdkAppId,
    /// The user inside it.
    pub user: UserId,
}

impl fmt::Display for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.app, self.user)
    }
}

/// A room together with its app: unique in this server. Two apps with equal room numbers never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKey {
    /// The app.
    pub app: SdkAppId,
    /// The room inside it.
    pub room: RoomId,
}

impl fmt::Display for RoomKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.app, self.room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_that_looks_like_another_is_refused_and_the_character_is_named() {
        for (text, said) in [
            ("a\u{200b}lice", "the invisible character U+200B (zero-width space)"),
            ("\u{feff}alice", "the invisible character U+FEFF (byte order mark)"),
            ("alice\u{202e}", "the invisible character U+202E (bidirectional override)"),
            ("al\u{ad}ice", "the invisible character U+00AD (soft hyphen)"),
            ("a\nb", "the control character U+000A (line feed)"),
            ("alice\n", "the control character U+000A (line feed)"),
            ("a\u{1b}[31m", "the control character U+001B (escape)"),
            (" bob ", "begins with U+0020 (space)"),
            ("bob ", "ends with U+0020 (space)"),
            ("\u{3000}bob", "begins with U+3000 (ideographic space)"),
            ("bob\u{a0}", "ends with U+00A0 (no-break space)"),
            (" ", "begins with U+0020 (space)"),
        ] {
            let refused = UserId::new(text).unwrap_err().to_string();
            assert!(refused.contains(said), "{text:?}: {refused}");
            assert!(!refused.chars().any(crate::log::is_unprintable), "{refused:?}");
            assert_eq!(UserId::recorded(text).unwrap().as_str(), text, "old records are still read");
        }
        for taken in ["bob", "bob smith", "用户", "👩🏽\u{200d}💻", "❤\u{fe0f}", "10086", "O'Brien"]
        {
            assert_eq!(UserId::new(taken).unwrap().as_str(), taken);
        }
        assert_eq!(UserId::recorded(""), Err(IdError::Empty));
        assert!(UserId::recorded(&"a".repeat(65)).is_err());
    }

    #[test]
    fn a_call_id_is_held_to_the_same() {
        assert_eq!(CallId::new("a\nb"), Err(IdError::Invisible { found: '\n' }));
        assert_eq!(CallId::new("a "), Err(IdError::Blank { found: ' ', begins: false }));
        assert!(CallId::new("00ff").is_ok());
    }
}
