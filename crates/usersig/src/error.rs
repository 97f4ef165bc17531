//! What can be wrong with a key, a UserSig or a PrivateMapKey, and what to do about it.

use std::time::Duration;

/// Why a text is no secret key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has the wrong length.
    #[error("a secret key has 64 characters, this text has {found}: copy the key whole, without spaces")]
    Length {
        /// Its length in characters.
        found: usize,
    },
    /// It has a character other than 0–9, a–f, A–F.
    #[error(
        "a secret key has only the characters 0-9 and a-f, character {position} is another: copy the key again"
    )]
    Character {
        /// Where the first such character is, counted from 1.
        position: usize,
    },
}

/// Why a UserSig cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// An SDKAppID of 0.
    #[error("the sdkAppID is 0: give the number of your app")]
    App,
    /// The userID is empty.
    #[error("the userID is empty: say for whom to sign")]
    UserEmpty,
    /// The userID is too long.
    #[error("the userID has {len} bytes, the limit is {max}: use a shorter one")]
    UserTooLong {
        /// Its length in bytes of UTF-8.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The userID has a control character; a line break in it would forge a line of the signed text.
    #[error("the userID has a control character (a line break or the like): remove it")]
    UserControl,
    /// The lifetime is shorter than a second or longer than [`crate::MAX_LIFETIME`].
    #[error("the lifetime is {found} s: it takes 1 to {max} s")]
    Lifetime {
        /// The lifetime asked for, in seconds.
        found: u64,
        /// The limit in seconds.
        max: u64,
    },
    /// The user buffer is too long.
    #[error("the userbuf has {len} bytes, the limit is {max}")]
    UserbufTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The PrivateMapKey cannot be written.
    #[error(transparent)]
    MapKey(#[from] MapKeyError),
}

/// Why a UserSig is refused. The variants come in the order in which they are checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigError {
    /// The text is no UserSig.
    #[error("the text is no UserSig: {0}")]
    Malformed(#[from] MalformedReason),
    /// It was made for another app.
    #[error(
        "the UserSig was made for the sdkAppID {found}, not for {expected}: sign with the app's own number"
    )]
    WrongApp {
        /// The app in the UserSig.
        found: u64,
        /// The app it is used for.
        expected: u32,
    },
    /// It was made for another user.
    #[error(
        "the UserSig was made for the userID {found:?}, not for {expected:?}: sign for the user that logs in"
    )]
    WrongUser {
        /// The user in the UserSig.
        found: String,
        /// The user it is used for.
        expected: String,
    },
    /// It was signed with another key, or changed after signing.
    #[error("the signature does not fit the key: sign with this app's secret key (was it rotated?)")]
    BadSignature,
    /// It is no longer valid.
    #[error("the UserSig expired {} s ago: make a new one", ago.as_secs())]
    Expired {
        /// For how long.
        ago: Duration,
    },
    /// It was signed further in the future than [`crate::CLOCK_SKEW`].
    #[error("the UserSig is dated {} s in the future: set the clock of the machine that signs", ahead.as_secs())]
    NotYetValid {
        /// How far its date is ahead.
        ahead: Duration,
    },
}

/// Why a text is no UserSig at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedReason {
    /// It is empty.
    #[error("it is empty; fetch one from the signing service before login()")]
    Empty,
    /// It is longer than [`crate::MAX_TEXT_BYTES`].
    #[error("it has {len} bytes, the limit is {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// There is white space inside; at its ends it would do no harm.
    #[error("character {position} is white space (a blank or a line end): copy it as one line")]
    Blank {
        /// Where the first is, counted from 1 without white space at the ends.
        position: usize,
    },
    /// It is not base64 in the alphabet of TLSSigAPIv2 (`*` for `+`, `-` for `/`, `_` for `=`).
    #[error("it is not base64 with *, - and _ for +, / and =; copy it whole, and do not URL-encode it")]
    Base64,
    /// The decoded bytes are no zlib stream, or the stream is cut or damaged.
    #[error("it cannot be decompressed; copy it whole")]
    Zlib,
    /// It decompresses to more than [`crate::MAX_JSON_BYTES`].
    #[error("it decompresses to more than {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// There are bytes behind the zlib stream.
    #[error("something follows the compressed part; copy exactly the UserSig")]
    Trailing,
    /// The content is not the JSON object of TLSSigAPIv2.
    #[error("its content is not that of TLSSigAPIv2 ({0}); sign with a library of that version")]
    Json(String),
    /// `TLS.ver` is another version.
    #[error("it has the version {0:?}, known is \"2.0\"; sign with a library of TLSSigAPIv2")]
    Version(String),
    /// `TLS.userbuf` is not base64.
    #[error("its TLS.userbuf is not base64")]
    Userbuf,
    /// `TLS.sig` is not base64 of 32 bytes.
    #[error("its TLS.sig is not the base64 text of 32 bytes")]
    Signature,
    /// A PrivateMapKey was expected and this one carries no rights, or broken ones.
    #[error(transparent)]
    MapKey(#[from] MapKeyError),
}

/// Why bytes are no PrivateMapKey, or cannot be written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapKeyError {
    /// The UserSig has no userbuf.
    #[error("it is a plain UserSig without room rights; sign a PrivateMapKey")]
    Absent,
    /// The first byte is neither 0 (numeric room) nor 1 (string room).
    #[error("its room rights have the layout {0}, known are 0 and 1")]
    Layout(u8),
    /// The bytes end too early.
    #[error("its room rights are cut short")]
    Short,
    /// Bytes follow the last field.
    #[error("its room rights have {0} bytes too many")]
    Trailing(usize),
    /// The string room is empty, longer than [`crate::MAX_ROOM_BYTES`] or no UTF-8; or the numeric room is 0.
    #[error("the room is empty, 0, too long or no UTF-8")]
    Room,
    /// The account is empty or longer than 65,535 bytes.
    #[error("the account in its room rights is empty or too long")]
    Account,
    /// The expiry does not fit 32 bits (after the year 2106).
    #[error("the room rights would expire after the year 2106: use a shorter lifetime")]
    Expiry,
    /// The app or the user inside differs from that of the UserSig around it.
    #[error("its room rights are for another app or user than the UserSig around them")]
    Mismatch,
}
