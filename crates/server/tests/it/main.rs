//! A real server, asked by devices over real sockets. One binary, so that it is linked once; each file is a subject.

mod apps;
mod calls;
mod common;
mod demo;
mod ending;
mod https;
mod resume;
mod rude_addresses;
mod signing;
mod sockets;
mod streams;
