//! What leaves for the network, written once: runs of datagrams for one destination, each run in one buffer, as a
//! segmented send (GSO) takes it.

use std::net::{IpAddr, SocketAddr};

/// Most datagrams of one train: the kernel's limit for a segmented send (UDP_MAX_SEGMENTS is 64 or 128).
pub const MAX_TRAIN: usize = 64;

/// Most bytes of one train: the largest UDP datagram, less the headers of IPv6 and UDP.
pub const MAX_TRAIN_BYTES: usize = 65_000;

/// Longest datagram of a train; a longer one leaves alone. The kernel refuses a segmented send whose segments do not fit
/// the interface, and the socket then does without segmentation for all its sessions. Higher: larger packets share a
/// system call. Lower: smaller interfaces (a tunnel's 1,420, a cloud's 1,460) are safe.
pub const MAX_SEGMENT: usize = 1_300;

/// Bytes of memory that emptied trains keep for the next ones. Higher: a burst of many receivers allocates nothing. Lower:
/// a worker that had one such burst gives its memory back.
const MAX_KEPT_BYTES: usize = 2 << 20;

/// The way that a datagram leaves by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hop {
    /// Where to.
    pub destination: SocketAddr,
    /// The local address to send from (the one that the peer talks to; matters on a wildcard socket).
    pub source: IpAddr,
    /// The port to send from, as the shell numbers them in [`Shard::receive`](crate::Shard::receive).
    pub via: u8,
}

/// Datagrams for one hop behind each other: all of one length but the last, which may be shorter. One segmented send
/// carries them.
#[derive(Debug, Clone, Copy)]
pub struct Train<'a> {
    /// The way of all of them.
    pub hop: Hop,
    /// The length of each but the last, in bytes: 1 or more.
    pub segment: usize,
    /// The datagrams behind each other.
    pub contents: &'a [u8],
}

impl<'a> Train<'a> {
    /// The datagrams, in the order they must leave.
    pub fn datagrams(self) -> impl Iterator<Item = &'a [u8]> {
        self.contents.chunks(self.segment.max(1))
    }

    /// How many datagrams it has.
    pub fn count(self) -> usize {
        self.contents.len().div_ceil(self.segment.max(1))
    }
}

/// The train that a sender wrote to last, remembered by the sender: its next datagram finds the train without a search.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TrainHint {
    generation: u64,
    at: usize,
}

#[derive(Debug)]
struct Filling {
    hop: Hop,
    bytes: Vec<u8>,
    /// Bytes of whole datagrams: what lies behind is what a write left that came to no end.
    filled: usize,
    segment: usize,
    datagrams: usize,
    /// No datagram can follow.
    closed: bool,
    /// What the pool's sum has for it.
    counted: usize,
}

/// The trains that wait to be sent, in memory that is used again.
#[derive(Debug)]
pub struct Trains {
    /// Those in use first.
    pool: Vec<Filling>,
    used: usize,
    /// Counts how often the trains were forgotten: a hint of before is none.
    generation: u64,
    /// Bytes that the pool holds, as of the last [`Trains::clear`].
    kept: usize,
}

impl Default for Trains {
    fn default() -> Self {
        // A hint that was never set has generation 0.
        Self { pool: Vec::new(), used: 0, generation: 1, kept: 0 }
    }
}

impl Trains {
    /// Appends a datagram for `hop`. `write` is given the buffer to append it to, and must leave alone what is there
    /// already. Where it gives `false` or appends nothing, there is no datagram, and `push` gives `false`.
    ///
    /// What is pushed with one hint leaves in the order of the pushes, for each hop. One sender has one hint.
    pub(crate) fn push(
        &mut self,
        hop: Hop,
        hint: &mut TrainHint,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        let at = self.open_train(hop, *hint).unwrap_or_else(|| self.begin(hop));
        *hint = TrainHint { generation: self.generation, at };
        let train = &mut self.pool[at];
        // What a write that panicked has left goes.
        train.bytes.truncate(train.filled);
        let written = write(&mut train.bytes);
        debug_assert!(train.bytes.len() >= train.filled, "a write took something away");
        let length = train.bytes.len().saturating_sub(train.filled);
        if !written || length == 0 {
            train.bytes.truncate(train.filled);
            return false;
        }
        if !train.takes(length) {
            // Known only now. Rare: a stream's packets are of one length, and its last is shorter.
            train.closed = true;
            let new = self.begin(hop);
            hint.at = new;
            if let Ok([full, next]) = self.pool.get_disjoint_mut([at, new]) {
                next.bytes.extend_from_slice(&full.bytes[full.filled..]);
                full.bytes.truncate(full.filled);
                next.took(length);
            }
            return true;
        }
        train.took(length);
        true
    }

    /// The train that a hint names, if a datagram for `hop` may be appended there.
    fn open_train(&self, hop: Hop, hint: TrainHint) -> Option<usize> {
        let train = self.pool.get(hint.at)?;
        (hint.generation == self.generation && train.hop == hop && !train.closed).then_some(hint.at)
    }

    /// Begins a train, with a buffer of before where there is one.
    fn begin(&mut self, hop: Hop) -> usize {
        let at = self.used;
        self.used += 1;
        match self.pool.get_mut(at) {
            Some(train) => {
                train.bytes.clear();
                (train.hop, train.filled, train.segment, train.datagrams, train.closed) =
                    (hop, 0, 0, 0, false);
            }
            None => self.pool.push(Filling {
                hop,
                bytes: Vec::new(),
                filled: 0,
                segment: 0,
                datagrams: 0,
                closed: false,
                counted: 0,
            }),
        }
        at
    }

    /// The trains, in the order they were begun: so that the datagrams of each destination keep their order.
    pub fn iter(&self) -> impl Iterator<Item = Train<'_>> {
        let used = self.pool.iter().take(self.used).filter(|t| t.datagrams > 0);
        used.map(|t| Train {
            hop: t.hop,
            segment: t.segment,
            contents: t.bytes.get(..t.filled).unwrap_or_default(),
        })
    }

    /// The datagrams one by one, train after train.
    pub fn datagrams(&self) -> impl Iterator<Item = (Hop, &[u8])> {
        self.iter().flat_map(|train| train.datagrams().map(move |contents| (train.hop, contents)))
    }

    /// There is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Forgets the datagrams. Keeps the memory, up to a bound.
    pub fn clear(&mut self) {
        for train in self.pool.iter_mut().take(self.used) {
            let holds = train.bytes.capacity() + size_of::<Filling>();
            self.kept = self.kept + holds - train.counted;
            train.counted = holds;
        }
        while self.kept > MAX_KEPT_BYTES
            && let Some(train) = self.pool.pop()
        {
            self.kept -= train.counted;
        }
        self.used = 0;
        self.generation += 1;
    }
}

impl Filling {
    /// A datagram of this length may follow.
    fn takes(&self, length: usize) -> bool {
        self.datagrams == 0 || (length <= self.segment && self.filled + length <= MAX_TRAIN_BYTES)
    }

    /// A datagram of this length was appended.
    fn took(&mut self, length: usize) {
        if self.datagrams == 0 {
            self.segment = length;
        }
        self.datagrams += 1;
        self.filled += length;
        self.closed = length < self.segment || length > MAX_SEGMENT || self.datagrams >= MAX_TRAIN;
    }
}

#[cfg(test)]
mod tests;
