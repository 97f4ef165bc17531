//! Old rows go away from SQLite.

use super::SqliteStore;
use crate::model::columns::to_millis;
use crate::model::error::StoreError;
use crate::model::retention::Aging;
use tring_protocol::Timestamp;

/// How the rows of a table are found and deleted, app by app.
struct Statements {
    /// The next app after $1 that has rows: with the app known, each question is a step in an index, not a walk through it.
    next_app: &'static str,
    /// When, before $2, the row of app $1 was made that has $3 older ones.
    nth: &'static str,
    /// What goes away of app $1 that was made before $2; the last statement deletes the rows themselves.
    delete: &'static [&'static str],
}

const SIGNATURES: Statements = Statements {
    next_app: "SELECT MIN(app) FROM signatures WHERE app > $1",
    nth: "SELECT signed_ms FROM signatures WHERE app = $1 AND signed_ms < $2 ORDER BY signed_ms LIMIT 1 OFFSET $3",
    delete: &["DELETE FROM signatures WHERE app = $1 AND signed_ms < $2"],
};

const ENDED_CALLS: Statements = Statements {
    next_app: "SELECT MIN(app) FROM calls WHERE app > $1",
    nth: "SELECT started_ms FROM calls WHERE app = $1 AND started_ms < $2 AND reason <> 'running' \
          ORDER BY started_ms LIMIT 1 OFFSET $3",
    delete: &[
        "DELETE FROM call_callees WHERE app = $1 AND call_id IN (SELECT call_id FROM calls \
         WHERE app = $1 AND started_ms < $2 AND reason <> 'running')",
        "DELETE FROM calls WHERE app = $1 AND started_ms < $2 AND reason <> 'running'",
    ],
};

impl SqliteStore {
    /// Deletes about `at_once` of one app's rows that are older than `before`, in one transaction. Gives how many: none, when
    /// no app has any.
    pub(crate) async fn delete_old(
        &self,
        rows: Aging,
        before: Timestamp,
        at_once: u32,
    ) -> Result<u64, StoreError> {
        let statements = match rows {
            Aging::Signatures => SIGNATURES,
            Aging::EndedCalls => ENDED_CALLS,
        };
        let before = to_millis(before);
        let mut last = i64::MIN;
        loop {
            let next = sqlx::query_scalar::<_, Option<i64>>(statements.next_app).bind(last);
            let Some(app) = next.fetch_one(&self.pool).await? else { return Ok(0) };
            let mut tx = self.begin().await?;
            let nth = sqlx::query_scalar::<_, i64>(statements.nth)
                .bind(app)
                .bind(before)
                .bind(at_once.saturating_sub(1));
            let until = nth.fetch_optional(&mut *tx).await?.map_or(before, |at| before.min(at + 1));
            let mut deleted = 0;
            for sql in statements.delete {
                let done = sqlx::query(*sql).bind(app).bind(until).execute(&mut *tx).await?;
                deleted = done.rows_affected();
            }
            tx.commit().await?;
            if deleted > 0 {
                return Ok(deleted);
            }
            last = app;
        }
    }
}
