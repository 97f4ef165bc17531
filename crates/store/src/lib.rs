//! Apps, their keys, call records and the audit of signatures: what a server must still know after a restart.
//!
//! IO: one SQLite file in a data folder (write-ahead log, migrations embedded). The server and the command open it at
//! the same time from different processes; [`Store::change_counter`] tells the server what the command changed.
//! It knows the ids of `tring-protocol` and the key of `tring-usersig`, and nothing of calls, media or sockets.
//!
//! | module | subject |
//! |---|---|
//! | `store` | [`Store`]: the interface, and which database stands behind it |
//! | `model` | what is kept: apps, calls, starts of servers, signatures; errors; what a value looks like in a column |
//! | `sqlite` | the same subjects in SQLite's SQL, with its files, locks and result codes |
//!
//! To read it, begin with `store`.
//!
//! # A second database
//!
//! Nothing outside `sqlite` names a type, a statement or a file of SQLite's, and `model` knows neither database nor
//! interface. PostgreSQL, by the same sqlx, comes beside `sqlite` as a variant of `store::Backend`; the compiler then asks
//! for an arm in each method of [`Store`]. It provides
//!
//! - a way to open it (by a URL, not a folder), with migrations of its own that give the tables the same columns:
//!   `model::columns` reads the rows of any database of sqlx's;
//! - the methods of `sqlite::SqliteStore`, with the meanings that are said there, each in one transaction;
//! - a lock for [`Store::serve_lock`] that goes with the process, however that ends (an advisory lock of a session);
//! - what its error codes mean, as a [`Trouble`], beside `sqlite::trouble` in `store`;
//! - an entry in the list of databases in `tests`, on which all tests of the interface then run, and a file in `tests`
//!   for what is its own, as file rights, a full disk and old files are SQLite's.
//!
//! Imports: model ← sqlite ← store ← tests

mod model;
mod sqlite;
mod store;

pub use model::apps::{APP_ID_RANGE, ApiSecret, App, CreatedApp, DEMO_APP, MAX_NAME_BYTES};
pub use model::calls::{CallRecordRow, MAX_LISTED, RecordState};
pub use model::error::{StoreError, Trouble};
pub use model::runs::RunId;
pub use model::signatures::SignatureRow;
pub use store::{ServeLock, Store};

#[cfg(test)]
mod tests;
