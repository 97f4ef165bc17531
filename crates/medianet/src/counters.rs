//! What the sockets of a worker count.

/// Counts of sockets: of one worker since they were last taken, or of all since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IoCounters {
    /// Times that the worker woke, or looked without sleeping: one `epoll_wait` each.
    pub wake_ups: u64,
    /// System calls that received datagrams, those that found none among them.
    pub receive_calls: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// System calls that sent them: fewer, where trains formed.
    pub send_calls: u64,
    /// Datagrams that the system did not take.
    pub send_drops: u64,
    /// Datagrams that reached another worker's port than their session's, and were handed on.
    pub handed_over: u64,
    /// Such datagrams for which the owner's queue had no room.
    pub misrouted_dropped: u64,
    /// Datagrams whose source address nothing can be sent to.
    pub unanswerable: u64,
    /// RTMP connections that found no place.
    pub connections_refused: u64,
    /// RTMP connections without a ticket that lost their place to a newer one.
    pub strangers_evicted: u64,
    /// Times that the system had no file or no memory for an RTMP connection.
    pub accept_failures: u64,
}

impl IoCounters {
    pub(crate) fn add(&mut self, other: &Self) {
        self.wake_ups += other.wake_ups;
        self.receive_calls += other.receive_calls;
        self.datagrams_out += other.datagrams_out;
        self.send_calls += other.send_calls;
        self.send_drops += other.send_drops;
        self.handed_over += other.handed_over;
        self.misrouted_dropped += other.misrouted_dropped;
        self.unanswerable += other.unanswerable;
        self.connections_refused += other.connections_refused;
        self.strangers_evicted += other.strangers_evicted;
        self.accept_failures += other.accept_failures;
    }

    /// Name and value of each.
    pub(crate) fn each(&self) -> [(&'static str, u64); 11] {
        [
            ("wake_ups", self.wake_ups),
            ("receive_calls", self.receive_calls),
            ("datagrams_out", self.datagrams_out),
            ("send_calls", self.send_calls),
            ("send_drops", self.send_drops),
            ("handed_over", self.handed_over),
            ("misrouted_dropped", self.misrouted_dropped),
            ("unanswerable", self.unanswerable),
            ("connections_refused", self.connections_refused),
            ("strangers_evicted", self.strangers_evicted),
            ("accept_failures", self.accept_failures),
        ]
    }
}
