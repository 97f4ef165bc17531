//! Single datagrams, in and out.

use std::net::{IpAddr, SocketAddr};

/// A received datagram, in the buffer that it was received in: media is opened there, so what is read afterwards is not
/// what came.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// Where it comes from.
    pub source: SocketAddr,
    /// The local address it was sent to: never a wildcard.
    pub destination: SocketAddr,
    /// The payload of the datagram.
    pub contents: &'a mut [u8],
}

/// A datagram to send that stands alone: what a [`Peer`](crate::Peer) sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub destination: SocketAddr,
    /// The local address to send from (the one that the other end talks to; matters on a wildcard socket).
    pub source: IpAddr,
    /// The payload of the datagram.
    pub contents: Vec<u8>,
}
