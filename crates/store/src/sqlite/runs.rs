//! Starts of servers, and the calls of those that died, in SQLite.

use super::SqliteStore;
use crate::model::columns::to_millis;
use crate::model::error::StoreError;
use crate::model::runs::RunId;
use tring_protocol::Timestamp;

impl SqliteStore {
    /// Says that a server which started then is alive now.
    pub(crate) async fn set_alive(
        &self,
        run: RunId,
        started: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO server_runs (id, started_ms, alive_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET alive_ms = excluded.alive_ms",
        )
        .bind(run.0)
        .bind(to_millis(started))
        .bind(to_millis(now))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Closes up to `at_once` running calls of other starts as lost, each with the last time at which its server was known to
    /// live and no earlier than it stands. Gives how many: none, when there are no more.
    pub(crate) async fn close_lost_calls(&self, run: RunId, at_once: u32) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        // No time: the server died before it said for the first time that it was alive.
        let lost = sqlx::query_as::<_, (i64, String, Option<i64>)>(
            "SELECT calls.app, calls.call_id, server_runs.alive_ms FROM calls \
             LEFT JOIN server_runs ON server_runs.id = calls.run \
             WHERE calls.reason = 'running' AND calls.run <> $1 LIMIT $2",
        )
        .bind(run.0)
        .bind(at_once)
        .fetch_all(&mut *tx)
        .await?;
        for (app, call, alive) in &lost {
            sqlx::query(
                "UPDATE calls SET reason = 'lost_server', \
                 ended_ms = CASE WHEN ended_ms < $1 THEN $1 ELSE ended_ms END WHERE app = $2 AND call_id = $3",
            )
            .bind(alive.unwrap_or(i64::MIN))
            .bind(app)
            .bind(call)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "UPDATE call_callees SET reason = 'lost_server' \
                 WHERE app = $1 AND call_id = $2 AND reason = 'running'",
            )
            .bind(app)
            .bind(call)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(lost.len() as u64)
    }

    /// Forgets every other start.
    pub(crate) async fn forget_other_runs(&self, run: RunId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM server_runs WHERE id <> $1").bind(run.0).execute(&self.pool).await?;
        Ok(())
    }

    /// Forgets this start, unless a call that it carries still runs.
    pub(crate) async fn end_run(&self, run: RunId) -> Result<(), StoreError> {
        let end = "DELETE FROM server_runs WHERE id = $1 \
                   AND NOT EXISTS (SELECT 1 FROM calls WHERE run = $1 AND reason = 'running')";
        sqlx::query(end).bind(run.0).execute(&self.pool).await?;
        Ok(())
    }
}
