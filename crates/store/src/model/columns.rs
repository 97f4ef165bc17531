//! What each value looks like in a column, and each row, in any database that sqlx reaches. What is on the disk must not
//! follow a change of the protocol: the texts are written out here.

use super::apps::App;
use super::calls::{CallRecordRow, RecordState};
use super::error::StoreError;
use super::signatures::SignatureRow;
use tring_protocol::{CallId, EndReason, MediaType, RoomId, SdkAppId, Timestamp, UserId};
use tring_usersig::Key;

/// A row of `apps`.
#[derive(sqlx::FromRow)]
pub(crate) struct AppColumns {
    id: i64,
    name: String,
    secret_key: String,
    api_secret_hash: String,
    single_login: bool,
    created_ms: i64,
    updated_ms: i64,
}

impl TryFrom<AppColumns> for App {
    type Error = StoreError;

    fn try_from(row: AppColumns) -> Result<Self, StoreError> {
        // The app is named, never a secret.
        let corrupt = |what| StoreError::Corrupt { what, found: format!("app {}", row.id) };
        Ok(Self {
            id: app_id(row.id)?,
            key: Key::parse(&row.secret_key).map_err(|_| corrupt("secret key"))?,
            api_secret_hash: unhex(&row.api_secret_hash).ok_or_else(|| corrupt("hash of an API secret"))?,
            single_login: row.single_login,
            created: from_millis(row.created_ms),
            updated: from_millis(row.updated_ms),
            name: row.name,
        })
    }
}

/// A row of `calls`.
#[derive(sqlx::FromRow)]
pub(crate) struct CallColumns {
    app: i64,
    pub(crate) call_id: String,
    room: i64,
    caller: String,
    media: String,
    started_ms: i64,
    accepted_ms: Option<i64>,
    ended_ms: i64,
    reason: String,
}

impl CallColumns {
    /// The record of the call with these callees. Errors: [`StoreError::Corrupt`].
    pub(crate) fn with_callees(
        self,
        callees: Vec<(UserId, RecordState)>,
    ) -> Result<CallRecordRow, StoreError> {
        let room = u32::try_from(self.room).ok().and_then(RoomId::new);
        Ok(CallRecordRow {
            app: app_id(self.app)?,
            call: CallId::new(&self.call_id).map_err(|_| corrupt("call id", &self.call_id))?,
            room: room.ok_or_else(|| corrupt("room", &self.room.to_string()))?,
            caller: user(&self.caller)?,
            media: media(&self.media)?,
            started: from_millis(self.started_ms),
            accepted: self.accepted_ms.map(from_millis),
            ended: from_millis(self.ended_ms),
            state: state(&self.reason)?,
            callees,
        })
    }
}

/// A row of `call_callees`.
#[derive(sqlx::FromRow)]
pub(crate) struct CalleeColumns {
    pub(crate) call_id: String,
    callee: String,
    reason: String,
}

impl CalleeColumns {
    /// Who was called, and how that person's part stands. Errors: [`StoreError::Corrupt`].
    pub(crate) fn callee(&self) -> Result<(UserId, RecordState), StoreError> {
        Ok((user(&self.callee)?, state(&self.reason)?))
    }
}

/// A row of `signatures`.
#[derive(sqlx::FromRow)]
pub(crate) struct SignatureColumns {
    signed_for: String,
    lifetime_s: i64,
    door: String,
    signed_ms: i64,
}

impl TryFrom<SignatureColumns> for SignatureRow {
    type Error = StoreError;

    fn try_from(row: SignatureColumns) -> Result<Self, StoreError> {
        let lifetime_s = u32::try_from(row.lifetime_s)
            .map_err(|_| StoreError::Corrupt { what: "lifetime", found: row.lifetime_s.to_string() })?;
        Ok(Self { user: row.signed_for, lifetime_s, door: row.door, at: from_millis(row.signed_ms) })
    }
}

/// An SDKAppID in a column.
pub(crate) fn app_column(id: SdkAppId) -> i64 {
    i64::from(id.get())
}

fn app_id(id: i64) -> Result<SdkAppId, StoreError> {
    let id_or_none = u32::try_from(id).ok().and_then(|n| SdkAppId::new(n).ok());
    id_or_none.ok_or_else(|| StoreError::Corrupt { what: "SDKAppID", found: id.to_string() })
}

/// Milliseconds since the Unix epoch in a column.
pub(crate) fn to_millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

fn from_millis(ms: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// A hash in a column.
pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.as_chunks::<2>().0.iter().map(|[high, low]| (high << 4) | low).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

fn user(text: &str) -> Result<UserId, StoreError> {
    // Not `new`: earlier versions took names that are refused today.
    UserId::recorded(text).map_err(|_| corrupt("userID", text))
}

/// Voice or video in a column.
pub(crate) const fn media_text(media: MediaType) -> &'static str {
    match media {
        MediaType::Audio => "audio",
        MediaType::Video => "video",
    }
}

fn media(text: &str) -> Result<MediaType, StoreError> {
    let mut all = [MediaType::Audio, MediaType::Video].into_iter();
    all.find(|media| media_text(*media) == text).ok_or_else(|| corrupt("kind of call", text))
}

/// The state of a call, or of a callee's part in it, in a column. Statements have `running` and `lost_server` written out.
pub(crate) const fn state_text(state: RecordState) -> &'static str {
    match state {
        RecordState::Running => "running",
        RecordState::Ended(reason) => reason_text(reason),
        RecordState::LostServer => "lost_server",
    }
}

fn state(text: &str) -> Result<RecordState, StoreError> {
    let ended = REASONS.into_iter().map(RecordState::Ended);
    let mut all = ended.chain([RecordState::Running, RecordState::LostServer]);
    all.find(|state| state_text(*state) == text).ok_or_else(|| corrupt("reason", text))
}

const REASONS: [EndReason; 10] = [
    EndReason::Hangup,
    EndReason::Cancel,
    EndReason::Reject,
    EndReason::Busy,
    EndReason::NoResponse,
    EndReason::Timeout,
    EndReason::AnsweredElsewhere,
    EndReason::Kicked,
    EndReason::Lost,
    EndReason::Server,
];

const fn reason_text(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Hangup => "hangup",
        EndReason::Cancel => "cancel",
        EndReason::Reject => "reject",
        EndReason::Busy => "busy",
        EndReason::NoResponse => "no_response",
        EndReason::Timeout => "timeout",
        EndReason::AnsweredElsewhere => "answered_elsewhere",
        EndReason::Kicked => "kicked",
        EndReason::Lost => "lost",
        EndReason::Server => "server",
    }
}

fn corrupt(what: &'static str, found: &str) -> StoreError {
    StoreError::Corrupt { what, found: format!("{found:?}") }
}
