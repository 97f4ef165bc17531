//! Starts of servers: which calls each carries, when each was last alive, and what becomes of the calls of one that died.

use crate::model::apps::random;
use crate::sqlite::to_column;
use crate::{Store, StoreError};
use sqlx::Row;
use tring_protocol::Timestamp;

/// Calls that one transaction closes. Higher: a large crash is closed sooner. Lower: others write in between.
const CLOSED_AT_ONCE: i64 = 500;

/// One start of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunId(pub(crate) i64);

impl RunId {
    /// A new one. Errors: [`StoreError::Random`].
    pub fn draw() -> Result<Self, StoreError> {
        Ok(Self(i64::from_le_bytes(random()?)))
    }
}

impl Store {
    /// Says that a server which started then is alive now. Errors: [`StoreError::Database`].
    pub async fn set_alive(&self, run: RunId, started: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO server_runs (id, started_ms, alive_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET alive_ms = excluded.alive_ms",
        )
        .bind(run.0)
        .bind(to_column(started))
        .bind(to_column(now))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Closes every call of every other start as [`crate::RecordState::LostServer`], with the last time at which that
    /// server was known to live. For a server that knows that no other carries calls of this database. Gives how many.
    /// What an error leaves open is closed by the next try. Errors: [`StoreError::Database`].
    pub async fn close_lost_calls(&self, run: RunId) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let closed = self.close_some(run).await?;
            if closed == 0 {
                break;
            }
            all += closed;
        }
        sqlx::query("DELETE FROM server_runs WHERE id <> $1").bind(run.0).execute(&self.pool).await?;
        Ok(all)
    }

    async fn close_some(&self, run: RunId) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let lost = sqlx::query(
            "SELECT calls.app, calls.call_id, server_runs.alive_ms FROM calls \
             LEFT JOIN server_runs ON server_runs.id = calls.run \
             WHERE calls.reason = 'running' AND calls.run <> $1 LIMIT $2",
        )
        .bind(run.0)
        .bind(CLOSED_AT_ONCE)
        .fetch_all(&mut *tx)
        .await?;
        for row in &lost {
            let (app, call): (i64, &str) = (row.try_get("app")?, row.try_get("call_id")?);
            // None: the server died before it said for the first time that it was alive.
            let alive: Option<i64> = row.try_get("alive_ms")?;
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

    /// A server has stopped, and every call of its has ended. Until when it was alive is kept if the last record of a call was
    /// lost: the next start then knows how long that call lasted. Errors: [`StoreError::Database`].
    pub async fn end_run(&self, run: RunId) -> Result<(), StoreError> {
        let end = "DELETE FROM server_runs WHERE id = $1 \
                   AND NOT EXISTS (SELECT 1 FROM calls WHERE run = $1 AND reason = 'running')";
        sqlx::query(end).bind(run.0).execute(&self.pool).await?;
        Ok(())
    }
}
