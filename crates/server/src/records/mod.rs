//! What is written down: call records and signatures on their way to the database, whether it takes them, and how old
//! rows go away.
//!
//! To read it, begin with `writer`: one task writes what `queue` and `waiting` hold. `store_health` says whether the database
//! takes it, `retention` deletes what is old.

pub(crate) mod queue;
pub(crate) mod retention;
pub(crate) mod store_health;
mod waiting;
pub(crate) mod writer;
