//! Old rows go away, some at a time, so that nobody else waits long to write.

use crate::sqlite::to_column;
use crate::{Store, StoreError};
use tring_protocol::Timestamp;

/// Rows that one transaction deletes, or a few more of the same millisecond. Higher: a large backlog is gone sooner. Lower:
/// others write in between.
const DELETED_AT_ONCE: i64 = 500;

/// How the rows of a table grow old.
struct Aging {
    /// The next app after $1 that has rows. App by app each question is a step in an index, not a walk through it.
    next_app: &'static str,
    /// When, before $2, the row of app $1 was made that has $3 older ones.
    nth: &'static str,
    /// What goes away of app $1 that was made before $2; the last statement deletes the rows themselves.
    delete: &'static [&'static str],
}

const SIGNATURES: Aging = Aging {
    next_app: "SELECT MIN(app) FROM signatures WHERE app > $1",
    nth: "SELECT signed_ms FROM signatures WHERE app = $1 AND signed_ms < $2 ORDER BY signed_ms LIMIT 1 OFFSET $3",
    delete: &["DELETE FROM signatures WHERE app = $1 AND signed_ms < $2"],
};

const CALLS: Aging = Aging {
    next_app: "SELECT MIN(app) FROM calls WHERE app > $1",
    nth: "SELECT started_ms FROM calls WHERE app = $1 AND started_ms < $2 AND reason <> 'running' \
          ORDER BY started_ms LIMIT 1 OFFSET $3",
    delete: &[
        "DELETE FROM call_callees WHERE app = $1 AND call_id IN (SELECT call_id FROM calls \
         WHERE app = $1 AND started_ms < $2 AND reason <> 'running')",
        "DELETE FROM calls WHERE app = $1 AND started_ms < $2 AND reason <> 'running'",
    ],
};

impl Store {
    /// Deletes some of the signatures that were made before a time. Gives how many: none, when there are no more. Errors:
    /// [`StoreError::Database`].
    pub async fn delete_old_signatures(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.delete_some(&SIGNATURES, before).await
    }

    /// Deletes some of the records of calls that started before a time and are over. Gives how many: none, when there are
    /// no more. Errors: [`StoreError::Database`].
    pub async fn delete_old_calls(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.delete_some(&CALLS, before).await
    }

    async fn delete_some(&self, rows: &Aging, before: Timestamp) -> Result<u64, StoreError> {
        let before = to_column(before);
        let mut last = i64::MIN;
        loop {
            let next = sqlx::query_scalar::<_, Option<i64>>(rows.next_app).bind(last);
            let Some(app) = next.fetch_one(&self.pool).await? else { return Ok(0) };
            let mut tx = self.begin().await?;
            let nth = sqlx::query_scalar::<_, i64>(rows.nth).bind(app).bind(before).bind(DELETED_AT_ONCE - 1);
            let until = nth.fetch_optional(&mut *tx).await?.map_or(before, |at| before.min(at + 1));
            let mut deleted = 0;
            for sql in rows.delete {
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
