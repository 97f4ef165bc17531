//! The media plane on real sockets. One binary, so that it is linked once; each file is a subject.

mod common;
mod dnat;
mod rtmp_strangers;
mod sockets;
