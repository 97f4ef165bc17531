//! What the server tells a device without being asked.

use crate::{CallId, MediaType, RoomId, SourceSet, UserId, VideoCodec};
use serde::{Deserialize, Serialize};

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
        /// Every source of it that is on. Servers before this field say `microphone` and `camera` alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        sources: Option<SourceSet>,
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
    /// Sources of this user went on or off.
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
        /// Every source of it that is on. Servers before this field say `microphone` and `camera` alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        sources: Option<SourceSet>,
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

impl Event {
    /// Every source of a user that is on, from an event that says so: of servers too that say `microphone` and `camera`
    /// alone.
    pub fn sources(&self) -> Option<SourceSet> {
        match *self {
            Self::Joined { microphone, camera, sources, .. }
            | Self::Devices { microphone, camera, sources, .. } => {
                Some(SourceSet::said(microphone, camera, sources))
            }
            _ => None,
        }
    }
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
