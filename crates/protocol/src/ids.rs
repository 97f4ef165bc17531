//! Newtypes for everything that names something. None of them can be mixed up with another.

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
    /// The text has a control character (line breaks would break the signed text of a UserSig).
    #[error("the id has a control character")]
    Control,
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
    /// A user's name inside one app (the guide's userID): UTF-8, 1 to [`MAX_USER_ID_BYTES`] bytes, no control
    /// characters, and none of the texts that stand for "not set".
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
    /// Wraps a text. Errors: empty, too long, control characters.
    pub fn new(text: &str) -> Result<Self, IdError> {
        check(text, MAX_CALL_ID_BYTES).map(Self)
    }

    /// A call id from 128 random bits, as 32 hexadecimal digits.
    pub fn from_random(bits: u128) -> Self {
        Self(format!("{bits:032x}").into())
    }
}

fn check(text: &str, max: usize) -> Result<Arc<str>, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > max {
        return Err(IdError::TooLong { len: text.len(), max });
    }
    if text.chars().any(char::is_control) {
        return Err(IdError::Control);
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
