//! The interface: plain methods and plain types, whichever database stands behind them. What holds for all databases (names,
//! secrets, how much at once) is decided here; a backend only reads and writes.

use crate::model::apps::{ApiSecret, App, AppChange, CreatedApp, DEMO_APP, NewApp, check_name};
use crate::model::calls::{CallRecordRow, MAX_LISTED};
use crate::model::error::{StoreError, Trouble};
use crate::model::retention::Aging;
use crate::model::runs::RunId;
use crate::model::signatures::SignatureRow;
use crate::sqlite::{self, SqliteStore};
use std::fs::File;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use tring_protocol::{SdkAppId, Timestamp, UserId};

/// Calls that one transaction closes. Higher: a large crash is closed sooner. Lower: others write in between.
const CLOSED_AT_ONCE: u32 = 500;

/// Rows that one transaction deletes, or a few more of the same millisecond. Higher: a large backlog is gone sooner. Lower:
/// others write in between.
const DELETED_AT_ONCE: u32 = 500;

/// The open database. Cheap to clone; all clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) backend: Backend,
}

/// The databases that can stand behind a [`Store`]. What each has to provide: see the crate's first page.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// One file in the data folder.
    Sqlite(SqliteStore),
}

/// As long as it lives, this is the one server that serves from its database. The system lets it go with the process,
/// however that ends.
#[derive(Debug)]
pub struct ServeLock(#[expect(dead_code, reason = "held, not read")] File);

/// Opening, locking, closing.
impl Store {
    /// Opens the SQLite database in this folder; makes the folder and the database if they are absent, readable by this
    /// user only, since the apps' keys are in it.
    ///
    /// # Errors
    /// [`StoreError::Folder`], [`StoreError::Open`], [`StoreError::Migrate`]: nothing can be done without the database;
    /// the error's text tells the operator what to do.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self { backend: Backend::Sqlite(SqliteStore::open(folder).await?) })
    }

    /// Like [`Store::open`], but makes nothing: for commands that only make sense where a database is.
    ///
    /// # Errors
    /// [`StoreError::Absent`] and those of [`Store::open`].
    pub async fn open_existing(folder: &Path) -> Result<Self, StoreError> {
        if !sqlite::exists(folder) {
            return Err(StoreError::Absent { path: folder.to_owned() });
        }
        Self::open(folder).await
    }

    /// Whether [`Store::open`] would find a database in this folder, instead of making one.
    pub fn exists(folder: &Path) -> bool {
        sqlite::exists(folder)
    }

    /// Takes the lock of the one server that serves from this database. None: another has it.
    ///
    /// # Errors
    /// [`StoreError::Folder`]: the server cannot know whether it is alone, and should not start.
    pub fn serve_lock(&self) -> Result<Option<ServeLock>, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => Ok(db.serve_lock()?.map(ServeLock)),
        }
    }

    /// A number that is different after each change of an app, whichever process made it.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn change_counter(&self) -> Result<u64, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.change_counter().await,
        }
    }

    /// Writes what is still to be written and closes all connections, of every clone.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(db) => db.close().await,
        }
    }
}

/// Apps.
impl Store {
    /// Makes an app with a number, a key and an API secret of its own.
    ///
    /// # Errors
    /// [`StoreError::NameInvalid`], [`StoreError::NameTaken`], [`StoreError::NameReserved`]: choose another name.
    /// [`StoreError::Database`].
    pub async fn create_app(&self, name: &str) -> Result<CreatedApp, StoreError> {
        check_name(name)?;
        if name == DEMO_APP {
            return Err(StoreError::NameReserved);
        }
        let (new, api_secret) = NewApp::draw(name, now())?;
        let app = match &self.backend {
            Backend::Sqlite(db) => db.create_app(new).await?,
        };
        Ok(CreatedApp { app, api_secret })
    }

    /// The app of `tring serve --demo`, made if it does not exist yet.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn ensure_demo_app(&self) -> Result<App, StoreError> {
        let (new, _) = NewApp::draw(DEMO_APP, now())?;
        match &self.backend {
            Backend::Sqlite(db) => db.find_or_create_app(new).await,
        }
    }

    /// All apps, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn list_apps(&self) -> Result<Vec<App>, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.list_apps().await,
        }
    }

    /// One app.
    ///
    /// # Errors
    /// [`StoreError::AppUnknown`], [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn app(&self, id: SdkAppId) -> Result<App, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.app(id).await,
        }
    }

    /// The app with this number or this name, as a person types it.
    ///
    /// # Errors
    /// Those of [`Store::app`].
    pub async fn find_app(&self, text: &str) -> Result<App, StoreError> {
        if text.bytes().all(|b| b.is_ascii_digit()) {
            let id = text.parse().ok().and_then(|n| SdkAppId::new(n).ok());
            return self.app(id.ok_or_else(|| StoreError::AppUnknown(text.to_owned()))?).await;
        }
        let app = match &self.backend {
            Backend::Sqlite(db) => db.app_by_name(text).await?,
        };
        app.ok_or_else(|| StoreError::AppUnknown(format!("{text:?}")))
    }

    /// Gives an app a new key. The old one is void at once, and every UserSig made with it.
    ///
    /// # Errors
    /// Those of [`Store::app`].
    pub async fn rotate_key(&self, id: SdkAppId) -> Result<App, StoreError> {
        self.change_app(id, AppChange::draw_key()?).await
    }

    /// Gives an app a new API secret; the old one is void at once.
    ///
    /// # Errors
    /// Those of [`Store::app`].
    pub async fn rotate_api_secret(&self, id: SdkAppId) -> Result<CreatedApp, StoreError> {
        let api_secret = ApiSecret::draw()?;
        let app = self.change_app(id, AppChange::ApiSecretHash(api_secret.hash())).await?;
        Ok(CreatedApp { app, api_secret })
    }

    /// Sets whether a user's second sign-in kicks the first.
    ///
    /// # Errors
    /// Those of [`Store::app`].
    pub async fn set_single_login(&self, id: SdkAppId, on: bool) -> Result<App, StoreError> {
        self.change_app(id, AppChange::SingleLogin(on)).await
    }

    /// Removes an app and its key; gives what it was. Its call records and its audit stay, and its number is never given
    /// out again.
    ///
    /// # Errors
    /// Those of [`Store::app`].
    pub async fn delete_app(&self, id: SdkAppId) -> Result<App, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.delete_app(id, now()).await,
        }
    }

    async fn change_app(&self, id: SdkAppId, change: AppChange) -> Result<App, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.change_app(id, &change, now()).await,
        }
    }
}

/// Call records.
impl Store {
    /// Writes down how calls stand, in one transaction: all of them or, with an error, none. A record takes the place of
    /// an earlier one of the same call of the same app; one that has ended stays as it is. No call may be there twice.
    /// `run`: who carries them.
    ///
    /// # Errors
    /// [`StoreError::Database`]: none is written; write them again.
    pub async fn write_call_records(&self, run: RunId, records: &[CallRecordRow]) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.write_call_records(run, records).await,
        }
    }

    /// The newest calls of an app, newest first, at most `limit` and [`MAX_LISTED`]. An app that does not exist has
    /// none; a deleted one keeps its own.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn list_call_records(
        &self,
        app: SdkAppId,
        limit: u32,
    ) -> Result<Vec<CallRecordRow>, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.list_call_records(app, limit.min(MAX_LISTED)).await,
        }
    }
}

/// Starts of servers.
impl Store {
    /// Says that a server which started then is alive now.
    ///
    /// # Errors
    /// [`StoreError::Database`]: say it again later; a crash meanwhile ends its calls at the last time that was said.
    pub async fn set_alive(&self, run: RunId, started: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.set_alive(run, started, now).await,
        }
    }

    /// Closes every call of every other start as [`crate::RecordState::LostServer`], with the last time at which that
    /// server was known to live. For a server that knows that no other carries calls of this database. Gives how many.
    ///
    /// # Errors
    /// [`StoreError::Database`]: what is left open is closed by the next try.
    pub async fn close_lost_calls(&self, run: RunId) -> Result<u64, StoreError> {
        let mut all = 0;
        while let some @ 1.. = self.close_some_lost_calls(run).await? {
            all += some;
        }
        match &self.backend {
            Backend::Sqlite(db) => db.forget_other_runs(run).await?,
        }
        Ok(all)
    }

    async fn close_some_lost_calls(&self, run: RunId) -> Result<u64, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.close_lost_calls(run, CLOSED_AT_ONCE).await,
        }
    }

    /// Says that a server has stopped and every call that it carried has ended. If the last record of one was lost, the time
    /// until which the server was alive stays: the next start then knows how long that call lasted.
    ///
    /// # Errors
    /// [`StoreError::Database`]: the next start's [`Store::close_lost_calls`] takes the run away.
    pub async fn end_run(&self, run: RunId) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.end_run(run).await,
        }
    }
}

/// The audit of the signing service.
impl Store {
    /// Writes down that a UserSig of `lifetime_s` seconds was given out for this user through this door.
    ///
    /// # Errors
    /// [`StoreError::Database`]: it is not written; a UserSig that is given out all the same has no audit.
    pub async fn audit_signature(
        &self,
        app: SdkAppId,
        user: &UserId,
        lifetime_s: u32,
        door: &'static str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.audit_signature(app, user, lifetime_s, door, at).await,
        }
    }

    /// The newest signatures of an app, newest first, at most `limit` and [`MAX_LISTED`].
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn list_signatures(&self, app: SdkAppId, limit: u32) -> Result<Vec<SignatureRow>, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.list_signatures(app, limit.min(MAX_LISTED)).await,
        }
    }
}

/// Old rows go away.
impl Store {
    /// Deletes some of the signatures that were made before a time. Gives how many: none, when there are no more.
    ///
    /// # Errors
    /// [`StoreError::Database`]: nothing was deleted; a later try may go on.
    pub async fn delete_old_signatures(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.delete_old(Aging::Signatures, before).await
    }

    /// Deletes some of the records of calls that started before a time and are over. Gives how many: none, when there are
    /// no more.
    ///
    /// # Errors
    /// [`StoreError::Database`]: nothing was deleted; a later try may go on.
    pub async fn delete_old_calls(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.delete_old(Aging::EndedCalls, before).await
    }

    async fn delete_old(&self, rows: Aging, before: Timestamp) -> Result<u64, StoreError> {
        match &self.backend {
            Backend::Sqlite(db) => db.delete_old(rows, before, DELETED_AT_ONCE).await,
        }
    }
}

/// Every backend is reached through sqlx; only the backend whose error it is knows what the code means.
impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        let trouble = sqlite::trouble(&source).unwrap_or(Trouble::Other);
        Self::Database { trouble, source: source.into() }
    }
}

/// To the millisecond, as a column holds it.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::default() + since
}
