//! Datagrams, in and out.

use std::net::{IpAddr, SocketAddr};

/// A received datagram.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// Where it comes from.
    pub source: SocketAddr,
    /// The local address it was sent to: never a wildcard.
    pub destination: SocketAddr,
    /// The payload of the datagram.
    pub contents: &'a [u8],
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub destination: SocketAddr,
    /// The local address to send from (the one that the peer talks to; matters on a wildcard socket).
    pub source: IpAddr,
    /// The port to send from, as the shell numbers them in [`Shard::receive`](crate::Shard::receive).
    pub via: u8,
    /// The payload of the datagram.
    pub contents: Vec<u8>,
}

impl Transmit {
    /// It answers an ICE check that proved the password: a STUN Binding success response (RFC 8489 §5).
    pub fn answers_check(&self) -> bool {
        self.contents.starts_with(&[1, 1])
    }
}
