//! The audit of the signing service in SQLite.

use super::SqliteStore;
use crate::model::columns::{SignatureColumns, app_column, to_millis};
use crate::model::error::StoreError;
use crate::model::signatures::SignatureRow;
use tring_protocol::{SdkAppId, Timestamp, UserId};

impl SqliteStore {
    /// Adds a row.
    pub(crate) async fn audit_signature(
        &self,
        app: SdkAppId,
        user: &UserId,
        lifetime_s: u32,
        door: &'static str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO signatures (app, signed_for, lifetime_s, door, signed_ms) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(app_column(app))
        .bind(user.as_str())
        .bind(i64::from(lifetime_s))
        .bind(door)
        .bind(to_millis(at))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The newest rows of an app, newest first, at most `limit`.
    pub(crate) async fn list_signatures(
        &self,
        app: SdkAppId,
        limit: u32,
    ) -> Result<Vec<SignatureRow>, StoreError> {
        let rows: Vec<SignatureColumns> = sqlx::query_as(
            "SELECT signed_for, lifetime_s, door, signed_ms FROM signatures WHERE app = $1 \
             ORDER BY signed_ms DESC LIMIT $2",
        )
        .bind(app_column(app))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(SignatureRow::try_from).collect()
    }
}
