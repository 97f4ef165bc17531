//! What leaves a [`Shard`](crate::Shard): datagrams and notices, in a buffer that the caller owns and uses again.

use crate::api::{Notice, SessionId};
use crate::streams::StreamOutput;
use crate::trains::Trains;

/// What a call into a [`Shard`](crate::Shard) gave. Calls append; the caller clears.
#[derive(Debug, Default)]
pub struct Output {
    /// Datagrams, in the order they must leave for each destination.
    pub trains: Trains,
    /// What happened.
    pub notices: Vec<Notice>,
    /// Sessions that ended, for whatever reason (closed, refused, lost, replaced). More than the notices tell: a
    /// session that a newer one of its user replaced ends without a notice.
    pub ended: Vec<SessionId>,
    /// What to do for TCP connections.
    pub streams: StreamOutput,
}

impl Output {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.trains.clear();
        self.notices.clear();
        self.ended.clear();
        self.streams.clear();
    }
}
