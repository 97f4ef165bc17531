//! What the tests of several crates need, once.
//!
//! | module | subject |
//! |---|---|
//! | `process` | a test that runs itself again: in a process of its own, in another role |
//! | `namespace` | a test in a network of its own, and machines in that network |
//! | `settings` | of a server on this machine |
//! | `stun` | checks of strangers, byte for byte |
//! | `sound` | tones, and how much of a tone is in what was heard |
//!
//! Helpers that name types of one crate are in the `common` module of that crate's tests: this crate has no dependency, so
//! that no crate is built twice for its tests.
//!
//! To read it, begin with `process`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

pub mod namespace;
pub mod process;
pub mod settings;
pub mod sound;
pub mod stun;
