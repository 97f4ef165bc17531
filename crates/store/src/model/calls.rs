//! Call records: what happened in a call, for the app's owner. They are written while the call goes on, so that a server
//! that dies takes none with it.

use tring_protocol::{CallId, EndReason, MediaType, RoomId, SdkAppId, Timestamp, UserId};

/// Most rows that one listing gives. Higher: fewer questions. Lower: less memory for one.
pub const MAX_LISTED: u32 = 1000;

/// What is known of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecordRow {
    /// Its app.
    pub app: SdkAppId,
    /// The call.
    pub call: CallId,
    /// Its room.
    pub room: RoomId,
    /// Who called.
    pub caller: UserId,
    /// Voice or video.
    pub media: MediaType,
    /// When it was asked for.
    pub started: Timestamp,
    /// When the first callee answered.
    pub accepted: Option<Timestamp>,
    /// When it ended, as far as is known: see [`RecordState`].
    pub ended: Timestamp,
    /// Whether it goes on, or why it ended.
    pub state: RecordState,
    /// Each callee and how its part ended, in the order of the invitation.
    pub callees: Vec<(UserId, RecordState)>,
}

/// Whether a call, or a callee's part in it, goes on; or why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// It goes on. The record's `ended` is when this was written.
    Running,
    /// It ended, and its devices were told why.
    Ended(EndReason),
    /// The server that carried it died. The record's `ended` is when that server was last known to live. No device was
    /// told this: each has noticed by itself.
    LostServer,
}
