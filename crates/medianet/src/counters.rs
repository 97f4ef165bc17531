//! What the sockets of a worker count.

/// Counts of sockets: of one worker since they were last taken, or of all since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IoCounters {
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// System calls that sent them: fewer, where trains formed.
    pub send_calls: u64,
    /// Datagrams that the system did not take.
    pub send_drops: u64,
    /// Datagrams that reached another worker's port than their session's, and were handed on.
    pub handed_over: u64,
    /// Such datagrams for which the owner's queue had no room.
    pub strays_dropped: u64,
    /// Datagrams whose source address nothing can be sent to.
    pub unanswerable: u64,
}

impl IoCounters {
    pub(crate) fn add(&mut self, other: &Self) {
        self.datagrams_out += other.datagrams_out;
        self.send_calls += other.send_calls;
        self.send_drops += other.send_drops;
        self.handed_over += other.handed_over;
        self.strays_dropped += other.strays_dropped;
        self.unanswerable += other.unanswerable;
    }

    /// Name and value of each.
    pub(crate) fn each(&self) -> [(&'static str, u64); 6] {
        [
            ("datagrams_out", self.datagrams_out),
            ("send_calls", self.send_calls),
            ("send_drops", self.send_drops),
            ("handed_over", self.handed_over),
            ("strays_dropped", self.strays_dropped),
            ("unanswerable", self.unanswerable),
        ]
    }
}
