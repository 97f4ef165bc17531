//! Call records: what happened in a call, for the app's owner.

use crate::apps::id_from_column;
use crate::open::{from_column, to_column};
use crate::{Store, StoreError};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::collections::HashMap;
use tring_protocol::{CallId, EndReason, MediaType, RoomId, SdkAppId, Timestamp, UserId};

/// Most rows that one listing gives. Higher: fewer questions. Lower: less memory for one.
pub const MAX_LISTED: u32 = 1000;

/// A call that is over.
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
    /// When it ended.
    pub ended: Timestamp,
    /// Why.
    pub reason: EndReason,
    /// Each callee and how its part ended, in the order of the invitation.
    pub callees: Vec<(UserId, EndReason)>,
}

impl Store {
    /// Writes down a call. The same call of the same app a second time changes nothing. Errors:
    /// [`StoreError::Database`].
    pub async fn insert_call_record(&self, record: &CallRecordRow) -> Result<(), StoreError> {
        let app = i64::from(record.app.get());
        let mut tx = self.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO calls (app, call_id, room, caller, media, started_ms, accepted_ms, ended_ms, reason) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        )
        .bind(app)
        .bind(record.call.as_str())
        .bind(i64::from(record.room.get()))
        .bind(record.caller.as_str())
        .bind(media_text(record.media))
        .bind(to_column(record.started))
        .bind(record.accepted.map(to_column))
        .bind(to_column(record.ended))
        .bind(reason_text(record.reason))
        .execute(&mut *tx)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(());
        }
        for (position, (callee, reason)) in (0_i64..).zip(&record.callees) {
            sqlx::query(
                "INSERT INTO call_callees (app, call_id, position, callee, reason) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(app)
            .bind(record.call.as_str())
            .bind(position)
            .bind(callee.as_str())
            .bind(reason_text(*reason))
            .execute(&mut *tx)
            .await?;
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

        let mut by_call: HashMap<String, Vec<(UserId, EndReason)>> = HashMap::new();
        for row in &callees {
            let callee = (user(row, "callee")?, reason(row)?);
            by_call.entry(row.try_get("call_id")?).or_default().push(callee);
        }
        calls.iter().map(|row| record(row, &mut by_call)).collect()
    }
}

fn record(
    row: &SqliteRow,
    callees: &mut HashMap<String, Vec<(UserId, EndReason)>>,
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
        reason: reason(row)?,
        callees: callees.remove(call).unwrap_or_default(),
    })
}

fn user(row: &SqliteRow, column: &'static str) -> Result<UserId, StoreError> {
    let text: &str = row.try_get(column)?;
    // Not `new`: earlier versions took names that are refused today.
    UserId::recorded(text).map_err(|_| corrupt("userID", text))
}

fn reason(row: &SqliteRow) -> Result<EndReason, StoreError> {
    let text: &str = row.try_get("reason")?;
    REASONS.into_iter().find(|reason| reason_text(*reason) == text).ok_or_else(|| corrupt("reason", text))
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

const fn media_text(media: MediaType) -> &'static str {
    match media {
        MediaType::Audio => "audio",
        MediaType::Video => "video",
    }
}

fn parse_media(text: &str) -> Option<MediaType> {
    [MediaType::Audio, MediaType::Video].into_iter().find(|media| media_text(*media) == text)
}
