//! Packets of one stream put in order: what is missing is waited for, and then given up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What is next in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<T> {
    Packet(T),
    /// One packet or several were given up; what comes after them is next.
    Lost,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Reorder<T> {
    waiting: BTreeMap<u64, T>,
    /// The sequence number whose turn it is; none before the first packet.
    turn: Option<u64>,
    /// Since when a packet is missing.
    missing: Option<Instant>,
    /// How long one is waited for, and how many wait behind it at most.
    bounds: (Duration, usize),
}

impl<T> Reorder<T> {
    /// A missing packet is waited for until `wait` has passed or `most` packets wait behind it.
    pub(super) fn new(wait: Duration, most: usize) -> Self {
        Self { waiting: BTreeMap::new(), turn: None, missing: None, bounds: (wait, most) }
    }

    /// Takes a packet; one that was given up is dropped.
    pub(super) fn insert(&mut self, seq: u64, packet: T) {
        if seq >= *self.turn.get_or_insert(seq) {
            self.waiting.insert(seq, packet);
        }
    }

    /// The next in order, if it is there or if what is missing is given up. Call it until there is none.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next<T>> {
        let turn = self.turn?;
        if let Some(packet) = self.waiting.remove(&turn) {
            self.turn = Some(turn + 1);
            self.missing = None;
            return Some(Next::Packet(packet));
        }
        let Some((&first, _)) = self.waiting.first_key_value() else {
            self.missing = None;
            return None;
        };
        let (wait, most) = self.bounds;
        let since = *self.missing.get_or_insert(now);
        if now < since + wait && self.waiting.len() < most {
            return None;
        }
        self.missing = None;
        self.turn = Some(first);
        Some(Next::Lost)
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(r: &mut Reorder<u64>, now: Instant) -> Vec<Next<u64>> {
        std::iter::from_fn(|| r.next(now)).collect()
    }

    #[test]
    fn what_is_missing_is_waited_for_then_given_up() {
        let (wait, now) = (Duration::from_millis(40), Instant::now());
        let mut r = Reorder::new(wait, 4);
        [7, 9].into_iter().for_each(|seq| r.insert(seq, seq));
        assert_eq!(all(&mut r, now), [Next::Packet(7)]);
        assert_eq!(all(&mut r, now + wait), [Next::Lost, Next::Packet(9)]);
        r.insert(8, 8);
        assert_eq!(all(&mut r, now + wait), [], "it was given up");
    }

    #[test]
    fn many_behind_a_missing_one_prove_that_it_is_lost() {
        let (mut r, now) = (Reorder::new(Duration::from_secs(1), 4), Instant::now());
        [1, 5, 4, 3, 6].into_iter().for_each(|seq| r.insert(seq, seq));
        assert_eq!(all(&mut r, now)[..2], [Next::Packet(1), Next::Lost]);
        assert_eq!(r.len(), 0);
    }
}
