//! Apps, their keys, call records and the audit of signatures: what a server must still know after a restart.
//!
//! IO: one SQLite file in a data folder (write-ahead log, migrations embedded). The server and the command open it at
//! the same time from different processes; [`Store::change_counter`] tells the server what the command changed.
//! It knows the ids of `tring-protocol` and the key of `tring-usersig`, and nothing of calls, media or sockets.
//! The SQL keeps to what PostgreSQL understands too, except where `sqlite` sets up SQLite itself.
//!
//! | module | subject |
//! |---|---|
//! | `sqlite` | the data folder, the file, the migrations |
//! | `model::apps` | apps and their secrets |
//! | `sqlite::calls` | call records |
//! | `sqlite::runs` | starts of servers, and the calls of those that died |
//! | `sqlite::signatures` | who got a UserSig |
//! | `sqlite::retention` | old rows go away |

mod model;
mod sqlite;

pub use model::apps::{APP_ID_RANGE, ApiSecret, App, CreatedApp, DEMO_APP, MAX_NAME_BYTES};
pub use model::error::{StoreError, Trouble};
pub use sqlite::calls::{CallRecordRow, MAX_LISTED, RecordState};
pub use sqlite::signatures::SignatureRow;
pub use sqlite::{FILE_NAME, RunId, ServeLock, Store};

#[cfg(test)]
mod tests;
