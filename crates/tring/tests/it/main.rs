//! The built command. One binary, so that it is linked once; each file is a subject.

mod app;
mod common;
mod docker;
mod docs;
mod doctor;
mod log_lines;
mod reach;
mod records;
mod serve;
mod symbols;
mod usersig;
