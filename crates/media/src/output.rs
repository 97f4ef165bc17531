//! What leaves a [`Shard`](crate::Shard): datagrams and notices, in a buffer that the caller owns and uses again.

use crate::api::{Notice, SessionId};
use crate::datagram::Transmit;
use crate::streams::StreamOutput;

/// Most datagrams of one train: the kernel's limit for a segmented send (UDP_MAX_SEGMENTS is 64 or 128).
pub const MAX_TRAIN: usize = 64;

/// Most bytes of one train: the largest UDP datagram, less the headers of IPv6 and UDP.
pub const MAX_TRAIN_BYTES: usize = 65_000;

/// Longest datagram of a train; a longer one leaves alone. The kernel refuses a segmented send whose segments do not fit
/// the interface, and the socket then does without segmentation for all its sessions. Higher: larger packets share a
/// system call. Lower: smaller interfaces (a tunnel's 1,420, a cloud's 1,460) are safe.
pub const MAX_SEGMENT: usize = 1_300;

/// What a call into a [`Shard`](crate::Shard) gave. Calls append; the caller clears.
#[derive(Debug, Default)]
pub struct Output {
    /// Datagrams, in the order they must leave for each destination.
    pub transmits: Vec<Transmit>,
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
        self.transmits.clear();
        self.notices.clear();
        self.ended.clear();
        self.streams.clear();
    }

    /// Groups the datagrams by destination, the order for each kept, and gives them as trains: runs for one
    /// destination from one source in which all but the last have the same length and the last is no longer, so that
    /// one segmented send (GSO) carries each.
    pub fn trains(&mut self) -> impl Iterator<Item = &[Transmit]> {
        // Stable: the datagrams of one destination keep their order.
        self.transmits.sort_by_key(|t| (t.destination, t.source, t.via));
        Trains { rest: &self.transmits }
    }
}

struct Trains<'a> {
    rest: &'a [Transmit],
}

impl<'a> Iterator for Trains<'a> {
    type Item = &'a [Transmit];

    fn next(&mut self) -> Option<&'a [Transmit]> {
        let first = self.rest.first()?;
        let len = first.contents.len();
        let most = if len > MAX_SEGMENT { 1 } else { MAX_TRAIN.min(MAX_TRAIN_BYTES / len.max(1)) };
        let mut n = 1;
        while let Some(t) = self.rest.get(n)
            && n < most
            && t.destination == first.destination
            && t.source == first.source
            && t.via == first.via
            && t.contents.len() <= len
        {
            n += 1;
            if t.contents.len() < len {
                break;
            }
        }
        let (train, rest) = self.rest.split_at(n);
        self.rest = rest;
        Some(train)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, SocketAddr};

    fn transmit(port: u16, len: usize, mark: u8) -> Transmit {
        Transmit {
            destination: SocketAddr::from(([127, 0, 0, 1], port)),
            source: IpAddr::from([127, 0, 0, 1]),
            via: 0,
            contents: vec![mark; len],
        }
    }

    #[test]
    fn trains_keep_order_and_have_equal_segments_but_for_a_shorter_last() {
        let mut out = Output::new();
        for (i, (port, len)) in
            [(1, 9), (2, 5), (1, 9), (1, 4), (1, 9), (2, 6), (1, 9)].into_iter().enumerate()
        {
            out.transmits.push(transmit(port, len, i as u8));
        }
        let trains: Vec<Vec<u8>> = out.trains().map(|t| t.iter().map(|t| t.contents[0]).collect()).collect();
        assert_eq!(trains, [vec![0, 2, 3], vec![4, 6], vec![1], vec![5]]);
    }

    #[test]
    fn trains_stay_under_the_kernels_limits() {
        let mut out = Output::new();
        out.transmits.extend((0..200).map(|_| transmit(1, 1200, 0)));
        let sizes: Vec<usize> = out.trains().map(<[Transmit]>::len).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 200);
        assert!(sizes.iter().all(|&n| n <= MAX_TRAIN && n * 1200 <= MAX_TRAIN_BYTES), "{sizes:?}");
    }

    #[test]
    fn what_may_not_fit_the_interface_leaves_alone() {
        let mut out = Output::new();
        for len in [MAX_SEGMENT, MAX_SEGMENT, MAX_SEGMENT + 1, MAX_SEGMENT + 1, MAX_SEGMENT + 1, 9] {
            out.transmits.push(transmit(1, len, 0));
        }
        assert_eq!(out.trains().map(<[Transmit]>::len).collect::<Vec<_>>(), [2, 1, 1, 1, 1]);
    }

    #[test]
    fn a_train_leaves_through_one_port() {
        let mut out = Output::new();
        for via in [0, 1, 0] {
            out.transmits.push(Transmit { via, ..transmit(1, 9, via) });
        }
        assert_eq!(out.trains().map(<[Transmit]>::len).collect::<Vec<_>>(), [2, 1]);
    }
}
