//! What a client asks of the server.

use crate::{CallId, MediaType, ResumeTicket, SdkAppId, SourceSet, UserId, UserSig};
use serde::{Deserialize, Serialize, Serializer, ser};
use serde_json::Value;

/// A request and the number by which its answer is found. The numbers of one session rise; a request that is sent
/// again with the same number (after a cut socket) is answered again and carried out once.
///
/// In JSON the request's name stands beside its fields and the id: `{"id":7,"type":"ping","ack":0}`. Read it with
/// [`crate::parse_client_message`], which says what is wrong with what is none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ClientMessage {
    /// Chosen by the client, rising from 1.
    pub id: u32,
    /// What it wants.
    #[cfg_attr(test, ts(flatten))]
    pub request: Request,
}

impl Serialize for ClientMessage {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        // By itself a request is `{"ping":{"ack":0}}`.
        let named = match serde_json::to_value(&self.request).map_err(ser::Error::custom)? {
            Value::Object(named) => named.into_iter().next(),
            _ => None,
        };
        let Some((name, Value::Object(mut fields))) = named else {
            return Err(ser::Error::custom("a request is a name and fields"));
        };
        fields.insert("id".into(), self.id.into());
        fields.insert("type".into(), name.into());
        fields.serialize(s)
    }
}

/// What a client can ask for. It travels in a [`ClientMessage`].
// Not `#[non_exhaustive]`: whoever adds a request is told by the compiler where the server must answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(tag = "type"))]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Request {
    /// Signs in and opens a session. Answer: [`crate::Success::Welcome`]. An invitation that still rings follows as an event.
    Login {
        /// The protocol version the client speaks.
        protocol: u16,
        /// The app.
        #[serde(rename = "sdkAppID")]
        sdk_app_id: SdkAppId,
        /// The user.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// The proof, made by the app's own signing service.
        user_sig: UserSig,
        /// What signs in.
        device: DeviceInfo,
        /// The client signs in by itself, since its session is gone, and nobody has asked it to: under single login it
        /// must not sign out a newer device of the user. Error: [`crate::ErrorCode::SignedInElsewhere`].
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
        again: bool,
    },
    /// Takes up a session whose socket was cut. Answer: [`crate::Success::Welcome`] with `resumed`, then each event after
    /// `last_seq` once. Error: [`crate::ErrorCode::TicketInvalid`], then `login` is the way.
    Resume {
        /// The protocol version the client speaks.
        protocol: u16,
        /// From [`crate::Welcome::ticket`].
        ticket: ResumeTicket,
        /// The `seq` of the last event that the client has handled, 0 for none.
        last_seq: u32,
    },
    /// Ends the session. A call of this device ends for it first: cancelled, rejected or hung up.
    Logout {},
    /// Keeps the socket alive, and frees the server of the events up to `ack`.
    Ping {
        /// The `seq` of the last event that the client has handled.
        ack: u32,
    },
    /// Calls people. Answer: [`crate::Success::Calling`].
    Call(CallRequest),
    /// Says that an invitation has reached this device, which now rings. Without it the call ends as `no_response`.
    Delivered {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
    },
    /// Answers the call on this device.
    Accept {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
    },
    /// Refuses the call.
    Reject {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
    },
    /// Leaves the call: cancels it while it rings, refuses it where it rings, else hangs up. Never an error for a call
    /// that is over.
    Hangup {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
    },
    /// Connects the media of this device by one SDP offer. Answer: [`crate::Success::Transport`]. Allowed from the caller at once,
    /// from a callee after `delivered`; a second offer replaces the first transport (network change, page reload).
    Transport {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// The SDP offer, all candidates optional: the server is ICE-lite and learns addresses from checks.
        offer: String,
    },
    /// Asks where a mini-program pushes its own stream and plays the others'. Answer: [`crate::Success::Streams`]; the same as
    /// long as the call lives, so a pusher or a player that lost its connection may use its URL again. Allowed when
    /// `transport` is.
    Streams {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
    },
    /// Says which sources of the device are on. State only: nothing is renegotiated. The server drops what is off.
    Devices {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// The microphone is on.
        microphone: bool,
        /// The camera is on.
        camera: bool,
        /// Every source that is on. With it `microphone` and `camera` are for older servers and count for nothing. Error:
        /// [`crate::ErrorCode::SourceUnsupported`] if one of them is not taken; then nothing is changed.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "crate::source::only_known"
        )]
        #[cfg_attr(test, ts(optional))]
        sources: Option<SourceSet>,
    },
    /// Makes a connected one-to-one call a voice call, at once for both, or a video call, in which every camera stays off
    /// until its own user switches it on. The change itself is told by [`crate::Event::Media`], to the asker too: so all who
    /// talk see changes in one order, whatever answers are under way.
    Media {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// What it shall be.
        media: MediaType,
    },
}

/// Who is called, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CallRequest {
    /// The callees, 1 to [`crate::limits::MAX_CALLEES`], each once, not the caller.
    pub to: Vec<UserId>,
    /// Voice or video.
    pub media: MediaType,
    /// How long it rings, in seconds ([`crate::limits::RING_TIMEOUT_RANGE_S`]); none means 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub timeout_s: Option<u16>,
    /// End at once with `no_response` when nobody called has a device, instead of ringing to the deadline.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub fail_fast: bool,
    /// Text of the app's own for the callees, at most [`crate::limits::MAX_CALL_DATA_BYTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub data: Option<String>,
}

/// What a device says of itself when it signs in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DeviceInfo {
    /// What kind of program.
    pub kind: DeviceKind,
}

/// What kind of program signs in. It decides how media reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A browser: WebRTC.
    Web,
    /// A WeChat mini-program: RTMP push and play.
    Miniprogram,
    /// A program: WebRTC.
    Native,
}
