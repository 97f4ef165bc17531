//! The audit of the signing service: who got a UserSig, when, through which door. Never the UserSig itself.

use crate::sqlite::{from_column, to_column};
use crate::{MAX_LISTED, Store, StoreError};
use sqlx::Row;
use tring_protocol::{SdkAppId, Timestamp, UserId};

/// One UserSig that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRow {
    /// For whom.
    pub user: String,
    /// Its lifetime in seconds.
    pub lifetime_s: u32,
    /// Through which door: `api`, `demo`, `cli`.
    pub door: String,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// Writes down that a UserSig of `lifetime_s` seconds was given out for this user through this door. Errors:
    /// [`StoreError::Database`].
    pub async fn audit_signature(
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
        .bind(i64::from(app.get()))
        .bind(user.as_str())
        .bind(i64::from(lifetime_s))
        .bind(door)
        .bind(to_column(at))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The newest signatures of an app, newest first, at most `limit` and [`MAX_LISTED`]. Errors:
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn list_signatures(&self, app: SdkAppId, limit: u32) -> Result<Vec<SignatureRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT signed_for, lifetime_s, door, signed_ms FROM signatures WHERE app = $1 \
             ORDER BY signed_ms DESC LIMIT $2",
        )
        .bind(i64::from(app.get()))
        .bind(i64::from(limit.min(MAX_LISTED)))
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let lifetime: i64 = row.try_get("lifetime_s")?;
            let lifetime_s = u32::try_from(lifetime)
                .map_err(|_| StoreError::Corrupt { what: "lifetime", found: lifetime.to_string() })?;
            Ok(SignatureRow {
                user: row.try_get("signed_for")?,
                lifetime_s,
                door: row.try_get("door")?,
                at: from_column(row.try_get("signed_ms")?),
            })
        };
        rows.iter().map(read).collect()
    }
}
