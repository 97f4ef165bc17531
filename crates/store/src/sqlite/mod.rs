//! The data folder, the database file in it, and the migrations that bring the file up to date.

use crate::StoreError;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;
use tring_protocol::Timestamp;

pub(crate) mod calls;
mod retention;
mod runs;
pub(crate) mod signatures;

pub use runs::RunId;

/// The database's file in the data folder.
pub const FILE_NAME: &str = "tring.sqlite";

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

/// The open database. Cheap to clone; all clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: SqlitePool,
}

/// As long as it lives, this is the one server that serves from its folder. The system lets it go with the process, however
/// that ends.
#[derive(Debug)]
pub struct ServeLock(#[expect(dead_code, reason = "held, not read")] File);

impl Store {
    /// Opens the database in this folder; makes the folder and the database if they are absent, readable by this user
    /// only, since the apps' keys are in it. Errors: [`StoreError::Folder`], [`StoreError::Open`],
    /// [`StoreError::Migrate`].
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
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
            .map_err(|source| StoreError::Open { path: path.clone(), source })?;
        MIGRATIONS.run(&pool).await.map_err(|source| match source {
            sqlx::migrate::MigrateError::Execute(source) => StoreError::Open { path: path.clone(), source },
            source => StoreError::Migrate { path: path.clone(), source },
        })?;
        drop(lock);
        Ok(Self { pool })
    }

    /// Like [`Store::open`], but makes nothing: for commands that only make sense where a database is. Errors:
    /// [`StoreError::Absent`] and those of `open`.
    pub async fn open_existing(folder: &Path) -> Result<Self, StoreError> {
        if !folder.join(FILE_NAME).is_file() {
            return Err(StoreError::Absent { path: folder.to_owned() });
        }
        Self::open(folder).await
    }

    /// Takes the lock of the one server that serves from this folder. None: another has it. Errors: [`StoreError::Folder`].
    pub fn serve_lock(folder: &Path) -> Result<Option<ServeLock>, StoreError> {
        let in_folder = |source| StoreError::Folder { path: folder.to_owned(), source };
        let file = open_private(&folder.join(SERVE_LOCK_NAME)).map_err(in_folder)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(ServeLock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(in_folder(source)),
        }
    }

    /// Writes what is still to be written and closes all connections, of every clone.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A number that is different after each change of an app, whichever process made it. Errors:
    /// [`StoreError::Database`].
    pub async fn change_counter(&self) -> Result<u64, StoreError> {
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

/// Milliseconds as a column holds them.
pub(crate) fn to_column(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// A column's milliseconds.
pub(crate) fn from_column(ms: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(ms).unwrap_or(0))
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

#[cfg(test)]
mod tests;
