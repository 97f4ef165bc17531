//! What the server answers to a request.

use crate::{CallId, ErrorBody, MediaUrl, ResumeTicket, RoomId, UserId};
use serde::{Deserialize, Serialize};

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

/// What a client learns when it signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// For `resume`. A secret of this session.
    pub ticket: ResumeTicket,
    /// True if the session goes on where its socket was cut.
    pub resumed: bool,
    /// Send `ping` at least this often, in seconds.
    pub heartbeat_s: u16,
    /// How long a cut session is kept, in seconds.
    pub resume_s: u16,
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
