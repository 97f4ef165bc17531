//! Every message, in both directions.

use crate::{CallId, ErrorBody, MediaUrl, RoomId, SdkAppId, Ticket, UserId, UserSig};
use serde::{Deserialize, Serialize, Serializer, ser};
use serde_json::Value;

/// Voice or video (the guide's `type`, where 1 is audio and 2 is video).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MediaType {
    /// Voice only.
    Audio,
    /// Voice and picture.
    Video,
}

/// What pictures are encoded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    /// H.264 (RFC 6184): all mini-programs and most browsers.
    H264,
    /// VP8 (RFC 7741): browsers only.
    Vp8,
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

/// What a device says of itself when it signs in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct DeviceInfo {
    /// What kind of program.
    pub kind: DeviceKind,
}

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(tag = "type"))]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Request {
    /// Signs in and opens a session. Answer: [`Success::Welcome`]. An invitation that still rings follows as an event.
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
    /// Takes up a session whose socket was cut. Answer: [`Success::Welcome`] with `resumed`, then each event after
    /// `last_seq` once. Error: [`crate::ErrorCode::TicketInvalid`], then `login` is the way.
    Resume {
        /// The protocol version the client speaks.
        protocol: u16,
        /// From [`Welcome::ticket`].
        ticket: Ticket,
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
    /// Calls people. Answer: [`Success::Calling`].
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
    /// Connects the media of this device by one SDP offer. Answer: [`Success::Transport`]. Allowed from the caller at once,
    /// from a callee after `delivered`; a second offer replaces the first transport (network change, page reload).
    Transport {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// The SDP offer, all candidates optional: the server is ICE-lite and learns addresses from checks.
        offer: String,
    },
    /// Asks where a mini-program pushes its own stream and plays the others'. Answer: [`Success::Streams`]; the same as
    /// long as the call lives, so a pusher or a player that lost its connection may use its URL again. Allowed when
    /// `transport` is.
    Streams {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
    },
    /// Says which of its devices are on. State only: nothing is renegotiated. The server drops what is off.
    Devices {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// The microphone is on.
        microphone: bool,
        /// The camera is on.
        camera: bool,
    },
    /// Makes a connected one-to-one call a voice call, at once for both, or a video call, in which every camera stays off
    /// until its own user switches it on. The change itself is told by [`Event::Media`], to the asker too: so all who
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

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Answer {
    /// The request's `id`; 0 if the message had none that could be read.
    pub re: u32,
    /// How it went.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was carried out.
    Ok(Success),
    /// It was not.
    Error(ErrorBody),
}

/// What a successful answer carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Success {
    /// To `login` and `resume`.
    Welcome(Welcome),
    /// To `call`.
    Calling {
        /// The new call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Its room.
        #[serde(rename = "roomID")]
        room_id: RoomId,
    },
    /// To `transport`.
    Transport {
        /// The SDP answer.
        answer: String,
    },
    /// To `streams`.
    Streams {
        /// RTMP URL to push to.
        push: MediaUrl,
        /// Where each of the others is played.
        play: Vec<PlayStream>,
    },
    /// To everything else.
    Done {},
}

/// Where somebody's stream is played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PlayStream {
    /// Whose it is.
    #[serde(rename = "userID")]
    pub user_id: UserId,
    /// RTMP URL.
    pub url: MediaUrl,
    /// The same stream as HTTP-FLV: a path of the server that the client talks to.
    pub flv_path: MediaUrl,
}

/// What a client learns when it signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// For `resume`. A secret of this session.
    pub ticket: Ticket,
    /// True if the session goes on where its socket was cut.
    pub resumed: bool,
    /// Send `ping` at least this often, in seconds.
    pub heartbeat_s: u16,
    /// How long a cut session is kept, in seconds.
    pub resume_s: u16,
}

/// An event and its number in the session, rising by one from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventMessage {
    /// The number.
    pub seq: u32,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What the server tells a device without being asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// Somebody calls. Answer with `delivered` at once, then `accept` or `reject`.
    Invited {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Its room.
        #[serde(rename = "roomID")]
        room_id: RoomId,
        /// The caller.
        from: UserId,
        /// All callees.
        to: Vec<UserId>,
        /// Voice or video.
        media: MediaType,
        /// Milliseconds until it stops ringing.
        remaining_ms: u32,
        /// The caller's own text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        data: Option<String>,
    },
    /// To the caller: this user has no device now. The call keeps ringing for a device that signs in.
    Unreachable {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
    },
    /// To the caller: a device of this user rings.
    Ringing {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
    },
    /// To everyone else in the call: this user answered.
    Accepted {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
    },
    /// To the caller: this callee will not come. In a one-to-one call `ended` follows.
    LegEnded {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// Why.
        reason: EndReason,
    },
    /// This user is in the room now (the guide's USER_ENTER).
    Joined {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// Its microphone is on.
        microphone: bool,
        /// Its camera is on.
        camera: bool,
    },
    /// This user has left the room (the guide's USER_LEAVE).
    Left {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
    },
    /// This user's devices went on or off.
    Devices {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Who.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// Its microphone is on.
        microphone: bool,
        /// Its camera is on.
        camera: bool,
    },
    /// The call is a voice or a video call from now on; every camera in it is off. To everybody who talks.
    Media {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Who wanted it.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// What it is.
        media: MediaType,
    },
    /// How good somebody's network is, sent when it changes, and again every few seconds while it is not the best.
    Network {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Whose: the receiver's own id, or the other's.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// 1 (excellent) to 6 (cut off), as the pusher's netQualityLevel of old pages; above 4 is worth a hint.
        level: u8,
    },
    /// The media path of this device broke: send `transport` with a new offer.
    TransportLost {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
    },
    /// A user's picture cannot be decoded by everybody who is to see it. With a codec: told to that user's device, which sends
    /// in it from now on, by its sender's parameters or with a new offer. Without one: told to everybody in the call; there
    /// is no codec that all have, and the call goes on by voice where it cannot be seen.
    VideoCodec {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Whose picture.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// What it is to be sent in, if there is such a codec.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        codec: Option<VideoCodec>,
    },
    /// What a user sends cannot be given to everybody in the call: told once for each user and reason, to everybody in the
    /// call, the sender too. The call goes on with what is left.
    StreamFault {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Whose sound or picture.
        #[serde(rename = "userID")]
        user_id: UserId,
        /// What is wrong with it.
        fault: StreamFault,
        /// The same as a sentence for developers, with what to do about it.
        message: String,
    },
    /// Two users called each other: their calls go on as one, which is connected and of this media type. Sent to the
    /// one who asked for video and gets voice.
    Merged {
        /// The call as this device knows it: the one that goes on, since the second caller's request was answered with
        /// the first call's id.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// The call that goes on.
        into: CallId,
        /// Its room.
        #[serde(rename = "roomID")]
        room_id: RoomId,
        /// Voice or video: video only if both asked for it.
        media: MediaType,
    },
    /// The call is over for this device. Each device gets it once per call.
    Ended {
        /// The call.
        #[serde(rename = "callID")]
        call_id: CallId,
        /// Why.
        reason: EndReason,
        /// Who ended it, if somebody did.
        #[serde(rename = "by", default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        by: Option<UserId>,
        /// Whole seconds from the accept to the end by the server's clock: the same for everybody; 0 if unanswered.
        duration_s: u32,
    },
    /// The session is over: the socket closes and its ticket is void.
    KickedOut {
        /// Why.
        reason: KickReason,
    },
}

/// Why a call, or one leg of it, is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Somebody hung up a connected call.
    Hangup,
    /// The caller took it back while it rang.
    Cancel,
    /// The callee refused.
    Reject,
    /// The callee is ringing or talking elsewhere.
    Busy,
    /// It never reached a device of the callee.
    NoResponse,
    /// It rang unanswered.
    Timeout,
    /// Another device of the same user answered or refused.
    AnsweredElsewhere,
    /// The device was signed out by a newer sign-in.
    Kicked,
    /// The connection was gone for longer than the grace.
    Lost,
    /// The server ended it: app deleted, shutdown.
    Server,
}

/// Why somebody's sound or picture does not reach everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum StreamFault {
    /// It is neither H.264 nor AAC (H.265, MP3): nobody is given it, and its connection was closed.
    Codec,
    /// The pictures are not shown in the order in which they are sent: no browser takes them.
    BFrames,
    /// Sound that no browser can be given: more than two channels, another kind of AAC.
    SoundFormat,
    /// An H.264 header that cannot be read.
    PictureFormat,
    /// No key frame comes: nobody can begin to see the pictures.
    NoKeyFrames,
    /// The server could not turn it into what the others take.
    Server,
}

/// Why a session was ended by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum KickReason {
    /// The user signed in elsewhere, and the app allows one device a user.
    SignedInElsewhere,
    /// The app was deleted. (A new key signs nobody out.)
    AppDeleted,
    /// The client did not take its events and overran the buffer of its session.
    TooSlow,
}
