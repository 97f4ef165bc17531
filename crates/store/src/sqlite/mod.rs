//! SQLite: the data folder, the database file in it, the migrations that bring the file up to date, and what its result
//! codes mean. The modules below hold its statements, by subject. They keep to what PostgreSQL understands too.
//!
//! To read it, begin with this file, then `apps`.

use crate::model::error::{StoreError, Trouble};
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod apps;
mod calls;
mod retention;
mod runs;
mod signatures;

/// The database's file in the data folder.
pub(crate) const FILE_NAME: &str = "tring.sqlite";

/// Held while the database is made or brought up to date, so that two processes do not do it at once.
const LOCK_NAME: &str = "tring.lock";

/// Held by a server for as long as it serves from the folder.
const SERVE_LOCK_NAME: &str = "tring.serve.lock";

/// Connections to the file. SQLite has one writer at a time. Higher: more readers beside it. Lower: less memory.
const CONNECTIONS: u32 = 4;

/// How long a statement waits for another process to finish writing. Higher: survives slower disks. Lower: a stuck
/// writer is noticed sooner.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The open database. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct SqliteStore {
    folder: PathBuf,
    pub(crate) pool: SqlitePool,
}

/// Whether there is a database in this folder.
pub(crate) fn exists(folder: &Path) -> bool {
    folder.join(FILE_NAME).is_file()
}

impl SqliteStore {
    /// Opens the database in this folder; makes both if they are absent. Errors: [`StoreError::Folder`],
    /// [`StoreError::Open`], [`StoreError::Migrate`].
    pub(crate) async fn open(folder: &Path) -> Result<Self, StoreError> {
        let in_folder = |source| StoreError::Folder { path: folder.to_owned(), source };
        make_folder(folder).map_err(in_folder)?;
        let lock = lock(&folder.join(LOCK_NAME)).await.map_err(in_folder)?;
        let path = folder.join(FILE_NAME);
        // SQLite's own message for this is "unable to open database file"; the system's says why.
        open_private(&path).map_err(in_folder)?;

        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            // A power cut may take the last transactions, never the consistency; a fsync for each is too dear.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .after_release(|connection, _| Box::pin(is_reusable(connection)))
            .connect_with(options)
            .await
            .map_err(|source| StoreError::Open { path: path.clone(), source: source.into() })?;
        MIGRATIONS.run(&pool).await.map_err(|source| match source {
            MigrateError::Execute(source) => StoreError::Open { path: path.clone(), source: source.into() },
            source => StoreError::Migrate { path: path.clone(), source: source.into() },
        })?;
        drop(lock);
        Ok(Self { folder: folder.to_owned(), pool })
    }

    /// Takes the lock of the one server. None: another has it. Errors: [`StoreError::Folder`].
    pub(crate) fn serve_lock(&self) -> Result<Option<File>, StoreError> {
        let in_folder = |source| StoreError::Folder { path: self.folder.clone(), source };
        let file = open_private(&self.folder.join(SERVE_LOCK_NAME)).map_err(in_folder)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(in_folder(source)),
        }
    }

    /// Closes all connections, of every clone.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// How often apps were changed.
    pub(crate) async fn change_counter(&self) -> Result<u64, StoreError> {
        let number: i64 =
            sqlx::query_scalar("SELECT number FROM revision WHERE id = 1").fetch_one(&self.pool).await?;
        u64::try_from(number).map_err(|_| StoreError::Corrupt { what: "revision", found: number.to_string() })
    }

    /// A transaction that may write from its start. A plain one takes the lock at its first write and then fails at
    /// once, instead of waiting, when another process wrote since it began to read.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// Which trouble an error of SQLite's is. None: it is not SQLite's.
pub(crate) fn trouble(error: &sqlx::Error) -> Option<Trouble> {
    let error = error.as_database_error()?.try_downcast_ref::<SqliteError>()?;
    // Extended result codes have the primary one in their lowest byte (https://sqlite.org/rescode.html).
    let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default();
    Some(match code & 0xff {
        13 => Trouble::DiskFull,
        // No room for the shared memory beside the file.
        10 if code == 4874 => Trouble::DiskFull,
        8 => Trouble::ReadOnly,
        5 | 6 => Trouble::Locked,
        _ => Trouble::Other,
    })
}

/// SQLite ends a transaction by itself when the disk is full (<https://sqlite.org/lang_transaction.html>, 3.1). The library
/// does not notice, and a connection that it takes to be in a transaction never begins another: it is closed.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A roll-back that is under way comes before this.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.read(true).write(true).create(true).truncate(false).open(path)
}

async fn lock(path: &Path) -> io::Result<File> {
    let file = open_private(path)?;
    // Waiting for another process would hold up the runtime's thread.
    tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await.map_err(io::Error::other)?
}
