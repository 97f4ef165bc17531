//! What every figure needs: the server under test, what `/proc` tells of its process, and the table.
//!
//! | module | subject |
//! |---|---|
//! | `plan` | what is measured, how large and how long |
//! | `server` | the server under test, `tring serve` as a child process |
//! | `calls` | calls between clients: the steps that several figures make |
//! | `socket_calls` | how packets arrived and left |
//! | `durations` | how long things took, and quantiles of that |
//! | `process`, `machine` | what `/proc` tells of a process and of the machine |
//! | `report` | the table, on the terminal and in `bench/README.md` |
//!
//! Nothing here imports from another folder.
//!
//! To read it, begin with `plan`.

pub(crate) mod calls;
pub(crate) mod durations;
pub(crate) mod error;
pub(crate) mod machine;
pub(crate) mod plan;
pub(crate) mod process;
pub(crate) mod report;
pub(crate) mod server;
pub(crate) mod socket_calls;
