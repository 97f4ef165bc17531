//! What can go wrong with the store, and what to do about it.

use super::apps::{DEMO_APP, MAX_NAME_BYTES};
use std::error::Error;
use std::path::PathBuf;
use tring_protocol::SdkAppId;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The data folder cannot be made, or nothing can be written in it.
    #[error(
        "cannot write in the data folder {}: {source}. Give this user the right to, or choose another folder with --data",
        path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no database where one is expected.
    #[error(
        "there is no database in {}: name the server's data folder with --data, or make an app with `tring app create`",
        path.display()
    )]
    Absent {
        /// The folder.
        path: PathBuf,
    },
    /// The file is there but is no database of ours, is damaged, or cannot be written.
    #[error(
        "cannot open the database {}: {source}. Check that it is a file of Tring which this user may write, and that the disk is not full",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file was made by another version, whose changes this one does not know.
    #[error(
        "the database {} does not fit this version ({source}): start the version that wrote it, or a newer one",
        path.display()
    )]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No such app.
    #[error("no app {0} exists here: `tring app list` prints those that do")]
    AppUnknown(String),
    /// The name cannot be an app's.
    #[error(
        "{0:?} cannot be the name of an app: give 1 to {MAX_NAME_BYTES} bytes without control characters or blanks at the ends, not only digits"
    )]
    NameInvalid(String),
    /// The name is taken.
    #[error("an app {0:?} exists already: choose another name")]
    NameTaken(String),
    /// The name is that of the demo's app, in which anybody may sign in as anybody.
    #[error("the name {DEMO_APP:?} belongs to the open app of `tring serve --demo`: choose another name")]
    NameReserved,
    /// A row holds what no version writes.
    #[error("the database holds a {what} that cannot be read ({found}): restore it from a backup")]
    Corrupt {
        /// Which kind of value.
        what: &'static str,
        /// What is there; never a secret.
        found: String,
    },
    /// The system gave no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The database failed on a statement.
    #[error("the database failed: {source}. Check the disk of the data folder, then try again")]
    Database {
        /// What it was, as far as it matters for what to do.
        trouble: Trouble,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Why nothing can be written, as far as it matters for what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// No space is left.
    DiskFull,
    /// The file, its folder or its file system is read-only.
    ReadOnly,
    /// Another program holds the lock.
    Locked,
    /// Something else: the error's text says what.
    Other,
}

impl StoreError {
    /// Which kind of trouble kept the database from doing a statement; [`Trouble::Other`] for every other error.
    pub fn trouble(&self) -> Trouble {
        let Self::Database { trouble, .. } = self else { return Trouble::Other };
        *trouble
    }

    pub(crate) fn unknown(id: SdkAppId) -> Self {
        Self::AppUnknown(id.to_string())
    }
}
