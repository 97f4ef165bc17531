//! Call records: what happened in a call, for the app's owner. They are written while the call goes on, so that a server
//! that dies takes none with it.

use crate::model::apps::id_from_column;
use crate::sqlite::{from_column, to_column};
use crate::{RunId, Store, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};
use std::collections::HashMap;
use tring_protocol::{CallId, EndReason, MediaType, RoomId, SdkAppId, Timestamp, UserId};

/// Most rows that one listing gives. Higher: fewer questions. Lower: less memory for one.
pub const MAX_LISTED: u32 = 1000;

/// Rows of one statement; SQLite takes some 3,000 of this width. Higher: fewer statements for a busy server. Lower:
/// shorter texts to parse.
const ROWS_AT_ONCE: usize = 200;

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

impl Store {
    /// Writes down how calls stand, in one transaction: all of them or, with an error, none. A record takes the place of
    /// an earlier one of the same call of the same app; one that has ended stays as it is. No call may be there twice.
    /// `run`: who carries them. Errors: [`StoreError::Database`].
    pub async fn write_call_records(&self, run: RunId, records: &[CallRecordRow]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for some in records.chunks(ROWS_AT_ONCE) {
            write_calls(&mut tx, run, some).await?;
        }
        let callees: Vec<_> = records.iter().flat_map(callees_of).collect();
        for some in callees.chunks(ROWS_AT_ONCE) {
            write_callees(&mut tx, some).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The newest calls of an app, newest first, at most `limit` and [`MAX_LISTED`]. An app that does not exist has
    /// none; a deleted one keeps its own. Errors: [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn list_call_records(
        &self,
        app: SdkAppId,
        limit: u32,
    ) -> Result<Vec<CallRecordRow>, StoreError> {
        let limit = i64::from(limit.min(MAX_LISTED));
        // One snapshot for both questions.
        let mut tx = self.pool.begin().await?;
        let calls = sqlx::query(
            "SELECT app, call_id, room, caller, media, started_ms, accepted_ms, ended_ms, reason FROM calls \
             WHERE app = $1 ORDER BY started_ms DESC, call_id LIMIT $2",
        )
        .bind(i64::from(app.get()))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
        let callees = sqlx::query(
            "SELECT call_id, callee, reason FROM call_callees WHERE app = $1 AND call_id IN \
             (SELECT call_id FROM calls WHERE app = $1 ORDER BY started_ms DESC, call_id LIMIT $2) \
             ORDER BY call_id, position",
        )
        .bind(i64::from(app.get()))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;

        let mut by_call: HashMap<String, Vec<(UserId, RecordState)>> = HashMap::new();
        for row in &callees {
            let callee = (user(row, "callee")?, state(row)?);
            by_call.entry(row.try_get("call_id")?).or_default().push(callee);
        }
        calls.iter().map(|row| record(row, &mut by_call)).collect()
    }
}

async fn write_calls(
    connection: &mut SqliteConnection,
    run: RunId,
    records: &[CallRecordRow],
) -> Result<(), StoreError> {
    let mut sql = QueryBuilder::<Sqlite>::new(
        "INSERT INTO calls (app, call_id, room, caller, media, started_ms, accepted_ms, ended_ms, reason, run) ",
    );
    sql.push_values(records, |mut row, record| {
        row.push_bind(i64::from(record.app.get()))
            .push_bind(record.call.as_str())
            .push_bind(i64::from(record.room.get()))
            .push_bind(record.caller.as_str())
            .push_bind(media_text(record.media))
            .push_bind(to_column(record.started))
            .push_bind(record.accepted.map(to_column))
            .push_bind(to_column(record.ended))
            .push_bind(state_text(record.state))
            .push_bind(run.0);
    });
    // A call that was taken for lost, and goes on or ends after all, has the last word.
    sql.push(
        " ON CONFLICT (app, call_id) DO UPDATE SET media = excluded.media, accepted_ms = excluded.accepted_ms, \
         ended_ms = excluded.ended_ms, reason = excluded.reason, run = excluded.run \
         WHERE calls.reason IN ('running', 'lost_server')",
    );
    // Texts of so many lengths would push the others out of the cache of prepared statements.
    sql.build().persistent(false).execute(connection).await?;
    Ok(())
}

type CalleeRow<'a> = (&'a CallRecordRow, i64, &'a (UserId, RecordState));

fn callees_of(record: &CallRecordRow) -> impl Iterator<Item = CalleeRow<'_>> {
    (0..).zip(&record.callees).map(move |(position, callee)| (record, position, callee))
}

async fn write_callees(
    connection: &mut SqliteConnection,
    callees: &[CalleeRow<'_>],
) -> Result<(), StoreError> {
    let mut sql =
        QueryBuilder::<Sqlite>::new("INSERT INTO call_callees (app, call_id, position, callee, reason) ");
    sql.push_values(callees, |mut row, (record, position, (callee, state))| {
        row.push_bind(i64::from(record.app.get()))
            .push_bind(record.call.as_str())
            .push_bind(*position)
            .push_bind(callee.as_str())
            .push_bind(state_text(*state));
    });
    sql.push(
        " ON CONFLICT (app, call_id, position) DO UPDATE SET reason = excluded.reason \
         WHERE call_callees.reason IN ('running', 'lost_server')",
    );
    sql.build().persistent(false).execute(connection).await?;
    Ok(())
}

fn record(
    row: &SqliteRow,
    callees: &mut HashMap<String, Vec<(UserId, RecordState)>>,
) -> Result<CallRecordRow, StoreError> {
    let call: &str = row.try_get("call_id")?;
    let room: i64 = row.try_get("room")?;
    let media: &str = row.try_get("media")?;
    let accepted: Option<i64> = row.try_get("accepted_ms")?;
    Ok(CallRecordRow {
        app: id_from_column(row.try_get("app")?)?,
        call: CallId::new(call).map_err(|_| corrupt("call id", call))?,
        room: u32::try_from(room)
            .ok()
            .and_then(RoomId::new)
            .ok_or_else(|| corrupt("room", &room.to_string()))?,
        caller: user(row, "caller")?,
        media: parse_media(media).ok_or_else(|| corrupt("kind of call", media))?,
        started: from_column(row.try_get("started_ms")?),
        accepted: accepted.map(from_column),
        ended: from_column(row.try_get("ended_ms")?),
        state: state(row)?,
        callees: callees.remove(call).unwrap_or_default(),
    })
}

fn user(row: &SqliteRow, column: &'static str) -> Result<UserId, StoreError> {
    let text: &str = row.try_get(column)?;
    // Not `new`: earlier versions took names that are refused today.
    UserId::recorded(text).map_err(|_| corrupt("userID", text))
}

fn state(row: &SqliteRow) -> Result<RecordState, StoreError> {
    let text: &str = row.try_get("reason")?;
    let ended = REASONS.into_iter().map(RecordState::Ended);
    let mut all = ended.chain([RecordState::Running, RecordState::LostServer]);
    all.find(|state| state_text(*state) == text).ok_or_else(|| corrupt("reason", text))
}

fn corrupt(what: &'static str, found: &str) -> StoreError {
    StoreError::Corrupt { what, found: format!("{found:?}") }
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

/// The texts of the wire protocol. Written out here: what is on the disk must not follow a change of the protocol.
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

/// The statements above and those of `runs` have two of these texts written out.
const fn state_text(state: RecordState) -> &'static str {
    match state {
        RecordState::Running => "running",
        RecordState::Ended(reason) => reason_text(reason),
        RecordState::LostServer => "lost_server",
    }
}

const fn media_text(media: MediaType) -> &'static str {
    match media {
        MediaType::Audio => "audio",
        MediaType::Video => "video",
    }
}

fn parse_media(text: &str) -> Option<MediaType> {
    [MediaType::Audio, MediaType::Video].into_iter().find(|media| media_text(*media) == text)
}
