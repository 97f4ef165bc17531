//! Apps in SQLite.

use super::SqliteStore;
use crate::model::apps::{App, AppChange, NewApp, candidate_ids, no_id_is_free};
use crate::model::columns::{AppColumns, app_column, hex, to_millis};
use crate::model::error::StoreError;
use sqlx::{Sqlite, SqliteConnection, Transaction};
use tring_protocol::{SdkAppId, Timestamp};

macro_rules! select_apps {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, secret_key, api_secret_hash, single_login, created_ms, updated_ms FROM apps ",
            $rest
        )
    };
}

impl SqliteStore {
    /// Adds an app under a number that no app has or had. Errors: [`StoreError::NameTaken`].
    pub(crate) async fn create_app(&self, new: NewApp) -> Result<App, StoreError> {
        let mut tx = self.begin().await?;
        if select_by_name(&mut tx, &new.name).await?.is_some() {
            return Err(StoreError::NameTaken(new.name));
        }
        let app = insert(&mut tx, new).await?;
        tx.commit().await?;
        Ok(app)
    }

    /// The app of this name, added if there is none.
    pub(crate) async fn find_or_create_app(&self, new: NewApp) -> Result<App, StoreError> {
        let mut tx = self.begin().await?;
        if let Some(app) = select_by_name(&mut tx, &new.name).await? {
            return Ok(app);
        }
        let app = insert(&mut tx, new).await?;
        tx.commit().await?;
        Ok(app)
    }

    /// All apps, by name.
    pub(crate) async fn list_apps(&self) -> Result<Vec<App>, StoreError> {
        let rows: Vec<AppColumns> =
            sqlx::query_as(select_apps!("ORDER BY name")).fetch_all(&self.pool).await?;
        rows.into_iter().map(App::try_from).collect()
    }

    /// One app. Errors: [`StoreError::AppUnknown`].
    pub(crate) async fn app(&self, id: SdkAppId) -> Result<App, StoreError> {
        select(&mut *self.pool.acquire().await?, id).await
    }

    /// The app of this name.
    pub(crate) async fn app_by_name(&self, name: &str) -> Result<Option<App>, StoreError> {
        select_by_name(&mut *self.pool.acquire().await?, name).await
    }

    /// Changes an app, and gives it as it is now. Errors: [`StoreError::AppUnknown`].
    pub(crate) async fn change_app(
        &self,
        id: SdkAppId,
        change: &AppChange,
        now: Timestamp,
    ) -> Result<App, StoreError> {
        let update = match change {
            AppChange::Key(key) => {
                sqlx::query("UPDATE apps SET secret_key = $1, updated_ms = $2 WHERE id = $3")
                    .bind(key.expose())
            }
            AppChange::ApiSecretHash(hash) => {
                sqlx::query("UPDATE apps SET api_secret_hash = $1, updated_ms = $2 WHERE id = $3")
                    .bind(hex(hash))
            }
            AppChange::SingleLogin(on) => {
                sqlx::query("UPDATE apps SET single_login = $1, updated_ms = $2 WHERE id = $3").bind(on)
            }
        };
        let update = update.bind(to_millis(now)).bind(app_column(id));
        let mut tx = self.begin().await?;
        if update.execute(&mut *tx).await?.rows_affected() == 0 {
            return Err(StoreError::unknown(id));
        }
        raise_revision(&mut tx).await?;
        let app = select(&mut tx, id).await?;
        tx.commit().await?;
        Ok(app)
    }

    /// Removes an app and retires its number; gives what it was. Errors: [`StoreError::AppUnknown`].
    pub(crate) async fn delete_app(&self, id: SdkAppId, now: Timestamp) -> Result<App, StoreError> {
        let mut tx = self.begin().await?;
        let app = select(&mut tx, id).await?;
        sqlx::query("DELETE FROM apps WHERE id = $1").bind(app_column(id)).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO retired_apps (id, retired_ms) VALUES ($1, $2)")
            .bind(app_column(id))
            .bind(to_millis(now))
            .execute(&mut *tx)
            .await?;
        raise_revision(&mut tx).await?;
        tx.commit().await?;
        Ok(app)
    }
}

async fn raise_revision(tx: &mut Transaction<'static, Sqlite>) -> Result<(), StoreError> {
    sqlx::query("UPDATE revision SET number = number + 1 WHERE id = 1").execute(&mut **tx).await?;
    Ok(())
}

async fn select(connection: &mut SqliteConnection, id: SdkAppId) -> Result<App, StoreError> {
    let row: Option<AppColumns> =
        sqlx::query_as(select_apps!("WHERE id = $1")).bind(app_column(id)).fetch_optional(connection).await?;
    row.ok_or_else(|| StoreError::unknown(id))?.try_into()
}

async fn select_by_name(connection: &mut SqliteConnection, name: &str) -> Result<Option<App>, StoreError> {
    let row: Option<AppColumns> =
        sqlx::query_as(select_apps!("WHERE name = $1")).bind(name).fetch_optional(connection).await?;
    row.map(App::try_from).transpose()
}

async fn insert(tx: &mut Transaction<'static, Sqlite>, new: NewApp) -> Result<App, StoreError> {
    let app = new.with_id(free_id(tx).await?);
    sqlx::query(
        "INSERT INTO apps (id, name, secret_key, api_secret_hash, single_login, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
    )
    .bind(app_column(app.id))
    .bind(&app.name)
    .bind(app.key.expose())
    .bind(hex(&app.api_secret_hash))
    .bind(app.single_login)
    .bind(to_millis(app.created))
    .execute(&mut **tx)
    .await?;
    raise_revision(tx).await?;
    Ok(app)
}

/// A number that no app has or had.
async fn free_id(tx: &mut Transaction<'static, Sqlite>) -> Result<SdkAppId, StoreError> {
    for id in candidate_ids() {
        let id = id?;
        let taken: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM apps WHERE id = $1) \
             + (SELECT COUNT(*) FROM retired_apps WHERE id = $1)",
        )
        .bind(app_column(id))
        .fetch_one(&mut **tx)
        .await?;
        if taken == 0 {
            return Ok(id);
        }
    }
    Err(no_id_is_free())
}
