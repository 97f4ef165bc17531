//! Call records in SQLite.

use super::SqliteStore;
use crate::model::calls::{CallRecordRow, RecordState};
use crate::model::columns::{CallColumns, CalleeColumns, app_column, media_text, state_text, to_millis};
use crate::model::error::StoreError;
use crate::model::runs::RunId;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use std::collections::HashMap;
use tring_protocol::{SdkAppId, UserId};

/// Rows of one statement; SQLite takes some 3,000 of this width. Higher: fewer statements for a busy server. Lower:
/// shorter texts to parse.
const ROWS_AT_ONCE: usize = 200;

impl SqliteStore {
    /// Writes calls with their callees, all or none. A row that has not ended, or was taken for lost, is overwritten.
    pub(crate) async fn write_call_records(
        &self,
        run: RunId,
        records: &[CallRecordRow],
    ) -> Result<(), StoreError> {
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

    /// The newest calls of an app with their callees in order, newest first, at most `limit`.
    pub(crate) async fn list_call_records(
        &self,
        app: SdkAppId,
        limit: u32,
    ) -> Result<Vec<CallRecordRow>, StoreError> {
        let limit = i64::from(limit);
        // One snapshot for both questions.
        let mut tx = self.pool.begin().await?;
        let calls: Vec<CallColumns> = sqlx::query_as(
            "SELECT app, call_id, room, caller, media, started_ms, accepted_ms, ended_ms, reason FROM calls \
             WHERE app = $1 ORDER BY started_ms DESC, call_id LIMIT $2",
        )
        .bind(app_column(app))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
        let callees: Vec<CalleeColumns> = sqlx::query_as(
            "SELECT call_id, callee, reason FROM call_callees WHERE app = $1 AND call_id IN \
             (SELECT call_id FROM calls WHERE app = $1 ORDER BY started_ms DESC, call_id LIMIT $2) \
             ORDER BY call_id, position",
        )
        .bind(app_column(app))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;

        let mut by_call: HashMap<String, Vec<(UserId, RecordState)>> = HashMap::new();
        for row in callees {
            let callee = row.callee()?;
            by_call.entry(row.call_id).or_default().push(callee);
        }
        let with_callees = |row: CallColumns| {
            let callees = by_call.remove(&row.call_id).unwrap_or_default();
            row.with_callees(callees)
        };
        calls.into_iter().map(with_callees).collect()
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
        row.push_bind(app_column(record.app))
            .push_bind(record.call.as_str())
            .push_bind(i64::from(record.room.get()))
            .push_bind(record.caller.as_str())
            .push_bind(media_text(record.media))
            .push_bind(to_millis(record.started))
            .push_bind(record.accepted.map(to_millis))
            .push_bind(to_millis(record.ended))
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
        row.push_bind(app_column(record.app))
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
