//! What the load drives: one end of a call.

use std::time::Instant;
use tring_client::{Due, MediaKind};

/// What a datagram was.
pub(crate) enum Received<'a> {
    /// The payload of a packet of media.
    Media(MediaKind, &'a [u8]),
    /// The other side needs a key frame.
    KeyframeRequested,
    /// Nothing that is counted.
    Nothing,
}

/// One end of a call on a connected socket. What an end cannot do any more, it does not: the counts of the others show it.
pub(crate) trait Endpoint: Send {
    /// Writes what is due into `out`, sealed. `false`: it is not sent.
    fn seal(&mut self, due: &Due, out: &mut Vec<u8>) -> bool;

    /// Takes a datagram. `send` gets what is to be sent at once.
    fn receive<'a>(
        &mut self,
        datagram: &'a mut [u8],
        now: Instant,
        send: &mut dyn FnMut(&[u8]),
    ) -> Received<'a>;

    /// Says what is due besides media, and when it will be due again; `None`: never.
    fn advance(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) -> Option<Instant>;
}
