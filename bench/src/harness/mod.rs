//! What every figure needs: the server under test, what `/proc` tells of its process, and the table.

pub(crate) mod error;
pub(crate) mod machine;
pub(crate) mod process;
pub(crate) mod report;
pub(crate) mod server;
