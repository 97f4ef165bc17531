//! Rust clients of a real server. One binary, so that it is linked once; each file is a subject.

mod bursts;
mod calls;
mod common;
mod sessions;
