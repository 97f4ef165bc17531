//! Apps, their keys, call records and the audit of signatures: what a server must still know after a restart.
//!
//! IO: one SQLite file in a data folder (write-ahead log, migrations embedded). The server and the command open it at
//! the same time from different processes; [`Store::change_counter`] tells the server what the command changed.
//! It knows the ids of `tring-protocol` and the key of `tring-usersig`, and nothing of calls, media or sockets.
//! The SQL keeps to what PostgreSQL understands too, except where `open` sets up SQLite itself.
//!
//! | module | subject |
//! |---|---|
//! | `open` | the data folder, the file, the migrations |
//! | `apps` | apps and their secrets |
//! | `calls` | call records |
//! | `runs` | starts of servers, and the calls of those that died |
//! | `signatures` | who got a UserSig |
//! | `retention` | old rows go away |

mod apps;
mod calls;
mod error;
mod open;
mod retention;
mod runs;
mod signatures;

pub use apps::{APP_ID_RANGE, ApiSecret, App, CreatedApp, DEMO_APP, MAX_NAME_BYTES};
pub use calls::{CallRecordRow, MAX_LISTED, RecordState};
pub use error::{StoreError, Trouble};
pub use open::{FILE_NAME, ServeLock, Store};
pub use runs::RunId;
pub use signatures::SignatureRow;

#[cfg(test)]
mod tests;
