//! Errors as a client sees them: a stable code, and a sentence that says what to do.

use serde::{Deserialize, Serialize};

/// What an [`crate::Answer`] says when a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// For programs; never renamed.
    pub code: ErrorCode,
    /// For people: what is wrong and what to do. May change.
    pub message: String,
    /// True if the same request can succeed later without a change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retry: bool,
}

impl ErrorBody {
    /// An error with the code's own sentence.
    pub fn new(code: ErrorCode) -> Self {
        Self { code, message: code.sentence().to_owned(), retry: code.retry() }
    }

    /// An error with a sentence of its own.
    pub fn with(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry: code.retry() }
    }
}

impl From<ErrorCode> for ErrorBody {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $retry:literal $sentence:literal;)*) => {
        /// Every way in which a request can fail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum ErrorCode { $($(#[$doc])* #[doc = $sentence] $name,)* }

        impl ErrorCode {
            /// All codes, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What is wrong and what to do, in English.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            /// Whether the same request can succeed later.
            pub const fn retry(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }
        }
    };
}

codes! {
    // The message itself.
    Malformed false "the message is no JSON object of the protocol: send {\"id\":…,\"type\":…}";
    UnknownType false "this message type is not known: update the server, or the client";
    TooLarge false "the message is too large: see the limits in the documentation";
    TooMany true "too many messages: wait a second and send again";
    AnswerForgotten false "a newer request has taken the place of this one's answer: it may have been carried out, so look before repeating it under a new id";
    ProtocolVersion false "this protocol version is not served: update the client, or the server";
    // Signing in.
    LoginRequired false "sign in first: call login()";
    AlreadyLoggedIn false "this socket is signed in already: log out first";
    AppUnknown false "no app has this sdkAppID here: `tring app list` prints those that exist";
    UserIdInvalid false "the userID is empty, a placeholder or too long: set it before login()";
    SigMalformed false "the UserSig is no TLSSigAPIv2 text: copy it whole, and check that the signing service made it";
    SigWrongApp false "the UserSig was made for another sdkAppID";
    SigWrongUser false "the UserSig was made for another userID";
    SigBad false "the UserSig was signed with another key: use this app's secret key";
    SigExpired false "the UserSig has expired: ask the signing service for a new one";
    SigNotYetValid false "the UserSig is dated in the future: set the clock of the machine that signs";
    TicketInvalid false "the session is gone: sign in again";
    SignedInElsewhere false "the account has signed in on another device since: sign in only if the user asks for it";
    TooManyDevices true "this user has too many devices signed in: log one out";
    // Calling.
    CallSelf false "one cannot call oneself";
    CalleesInvalid false "name one to eight different users to call";
    CallOptions false "an option of the call is out of range: type is 1 (audio) or 2 (video), the ring 5 to 300 s";
    AlreadyInCall true "this user is ringing or talking already: hang up first";
    CallUnknown false "no such call: it has ended, or its id is wrong";
    NotYourCall false "this device has no part in that call";
    NotRinging false "the call is not ringing here any more: it was answered, cancelled or has ended";
    AnsweredElsewhere false "another device of this user has answered";
    SwitchRefused false "only a one-to-one call in which both talk changes between voice and video";
    // Media.
    SourceUnsupported false "one of the sources is not taken by this server: leave it out (microphone and camera always are); nothing was changed";
    OfferInvalid false "the SDP offer cannot be read, or lacks audio, ICE credentials or a DTLS fingerprint";
    OfferTooLarge false "the SDP offer has too many media lines or bytes";
    PreconnectRefused true "the server prepares no transport for this device now: send the offer again after the answer";
    MediaUnavailable true "the media part of the server cannot take this session: try again";
    // The server.
    Overloaded true "the server is at its limit: try again shortly";
    Internal true "the server failed on this request; its log says why";
}
