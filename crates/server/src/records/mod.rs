//! What is written down: call records and signatures on their way to the database, whether it takes them, and how old
//! rows go away.

pub(crate) mod queue;
pub(crate) mod retention;
pub(crate) mod store_health;
mod waiting;
pub(crate) mod writer;
