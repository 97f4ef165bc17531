//! What was sent of one outgoing video stream and may be sent again (RFC 4588).
//!
//! Payloads lie one behind the other in a ring of bytes that grows with the stream: a quiet stream costs little, and in the
//! steady state nothing is allocated. Beside them is a table of slots, found by the low bits of the sequence number and
//! chained in the order of sending, so that a request costs the same whether or not the packet is still there.

use super::config::{RTX_CACHE_AGE, RTX_CACHE_PACKETS};
use crate::rtp::packet::{HeaderExtensions, MAX_PAYLOAD};
use std::time::{Duration, Instant};

/// Bytes that the ring of payloads grows by. Higher: fewer copies while a stream starts. Lower: less memory beyond what the
/// stream's last second takes.
const GROWTH: usize = 8 * 1024;

/// Most bytes of payload that are kept: every packet as long as may be. Higher is never used.
const MAX_BYTES: usize = RTX_CACHE_PACKETS * MAX_PAYLOAD;

/// Slots of a new ring. Lower: a slow stream takes less memory, and a fast one grows more often.
const FIRST_SLOTS: usize = 32;

/// Bounds of the time in which a packet is not sent again a second time. Lower: the same request, told twice or by two
/// datagrams that met on their way, is answered twice. Higher: a retransmission that was lost is repeated late.
const QUIET: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(250));

/// The same while no round trip is known. Browsers repeat a request after 100 ms at the earliest then.
const QUIET_UNKNOWN: Duration = Duration::from_millis(50);

/// In [`Slot::resent`]: not sent again yet.
const NEVER: u16 = u16::MAX;

/// A packet as it was sent for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent<'a> {
    /// Sequence number, extended past 16 bits.
    pub(crate) seq: u64,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// Payload type of the original stream, 0 to 127.
    pub(crate) payload_type: u8,
    /// The header extensions that describe the content.
    pub(crate) extensions: HeaderExtensions,
    /// The payload, not encrypted, 1 to [`MAX_PAYLOAD`] bytes.
    pub(crate) payload: &'a [u8],
}

/// What is known of a kept packet: 32 bytes. A slot whose length is 0 is empty.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The lower half of the sequence number. All that are kept are less than 2^32 packets apart.
    seq: u32,
    timestamp: u32,
    /// When it was sent, in milliseconds since [`RtxRing::epoch`], modulo 2^32.
    sent: u32,
    /// Where its payload begins.
    at: u32,
    length: u16,
    /// Milliseconds between the first sending and the newest retransmission, or [`NEVER`].
    resent: u16,
    extensions: HeaderExtensions,
    /// The marker above seven bits of payload type.
    kind: u8,
    /// The slot of the packet that was sent next. Of the newest packet: undefined.
    next: u8,
}

/// The retransmission cache of one outgoing stream.
#[derive(Debug, Default)]
pub(crate) struct RtxRing {
    bytes: Box<[u8]>,
    /// A power of two of them, at most [`RTX_CACHE_PACKETS`].
    slots: Box<[Slot]>,
    /// Packets kept.
    count: usize,
    /// The slots of the packets that were sent first and last, while any is kept.
    oldest: u8,
    newest: u8,
    /// Where the next payload goes.
    head: usize,
    /// The highest sequence number so far.
    highest: u64,
    /// The zero of [`Slot::sent`]: when the first packet was sent.
    epoch: Option<Instant>,
    /// When the newest packet was sent.
    newest_at: Option<Instant>,
}

impl RtxRing {
    /// A ring without memory: the first packet takes some.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Keeps a packet that was sent for the first time, and forgets those that are too old. One without payload, or with
    /// more than [`MAX_PAYLOAD`] bytes of it, is not kept.
    pub(crate) fn keep(&mut self, packet: &Sent<'_>, now: Instant) {
        let length = packet.payload.len();
        if length == 0 || length > MAX_PAYLOAD {
            return;
        }
        if self.count > 0 && packet.seq.abs_diff(self.highest) > u64::from(u32::MAX / 2) {
            self.clear();
        }
        self.highest = if self.count == 0 { packet.seq } else { self.highest.max(packet.seq) };
        let sent = self.millis(now);
        self.forget_old(now);
        self.newest_at = Some(now);
        #[allow(clippy::cast_possible_truncation)] // The lower half.
        let seq = packet.seq as u32;
        if self.holds(seq) || !self.vacate(seq) {
            return;
        }
        let at = self.make_room(length);
        let Some(place) = self.bytes.get_mut(at..at + length) else { return };
        place.copy_from_slice(packet.payload);
        self.head = at + length;
        let index = self.index(seq);
        #[allow(clippy::cast_possible_truncation)] // At most MAX_BYTES and MAX_PAYLOAD.
        let (at, length) = (at as u32, length as u16);
        self.slots[usize::from(index)] = Slot {
            seq,
            timestamp: packet.timestamp,
            sent,
            at,
            length,
            resent: NEVER,
            extensions: packet.extensions,
            kind: u8::from(packet.marker) << 7 | packet.payload_type & 0x7f,
            next: index,
        };
        if self.count == 0 {
            self.oldest = index;
        } else {
            self.slots[usize::from(self.newest)].next = index;
        }
        self.newest = index;
        self.count += 1;
    }

    /// The packet that a receiver asks for, to be sent again now. `None`: it is not kept, it is too old, or it was sent
    /// again less than about a round trip ago, so that a retransmission is still under way.
    pub(crate) fn find(&mut self, seq: u16, round_trip: Option<Duration>, now: Instant) -> Option<Sent<'_>> {
        self.forget_old(now);
        if self.count == 0 {
            return None;
        }
        let millis = self.millis(now);
        let index = usize::from(self.index(seq.into()));
        let slot = self.slots.get_mut(index)?;
        #[allow(clippy::cast_possible_truncation)] // The lower 16 bits.
        if slot.length == 0 || slot.seq as u16 != seq {
            return None;
        }
        // Both are at most RTX_CACHE_AGE: older ones were just forgotten.
        let age = u16::try_from(millis.wrapping_sub(slot.sent)).unwrap_or(NEVER - 1).min(NEVER - 1);
        if slot.resent != NEVER {
            let quiet = round_trip.map_or(QUIET_UNKNOWN, |r| (r / 4 * 3).clamp(QUIET.0, QUIET.1));
            if Duration::from_millis(age.saturating_sub(slot.resent).into()) < quiet {
                return None;
            }
        }
        slot.resent = age;
        let slot = *slot;
        #[allow(clippy::cast_possible_truncation)] // Modulo 2^32.
        let back = (self.highest as u32).wrapping_sub(slot.seq);
        let at = slot.at as usize;
        Some(Sent {
            seq: self.highest.checked_sub(back.into())?,
            timestamp: slot.timestamp,
            marker: slot.kind & 0x80 != 0,
            payload_type: slot.kind & 0x7f,
            extensions: slot.extensions,
            payload: self.bytes.get(at..at + usize::from(slot.length))?,
        })
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.bytes.len() + size_of_val::<[Slot]>(&self.slots)
    }

    /// Milliseconds since the first packet, modulo 2^32.
    fn millis(&mut self, now: Instant) -> u32 {
        let epoch = *self.epoch.get_or_insert(now);
        #[allow(clippy::cast_possible_truncation)]
        // Modulo 2^32; what is compared is at most RTX_CACHE_AGE apart.
        let millis = now.saturating_duration_since(epoch).as_millis() as u32;
        millis
    }

    #[allow(clippy::cast_possible_truncation)] // At most RTX_CACHE_PACKETS slots.
    fn index(&self, seq: u32) -> u8 {
        (seq as usize & self.slots.len().wrapping_sub(1)) as u8
    }

    fn holds(&self, seq: u32) -> bool {
        let slot = self.slots.get(usize::from(self.index(seq)));
        slot.is_some_and(|s| s.length > 0 && s.seq == seq)
    }

    fn clear(&mut self) {
        self.slots.fill(Slot::default());
        self.count = 0;
        self.head = 0;
    }

    fn forget_old(&mut self, now: Instant) {
        // A pause of weeks would wrap the milliseconds; the newest packet's age is exact.
        if self.newest_at.is_some_and(|at| now.saturating_duration_since(at) > RTX_CACHE_AGE) {
            if self.count > 0 {
                self.clear();
            }
            return;
        }
        let millis = self.millis(now);
        while self.count > 0 {
            let age = millis.wrapping_sub(self.slots[usize::from(self.oldest)].sent).cast_signed();
            if i64::from(age) <= RTX_CACHE_AGE.as_millis().try_into().unwrap_or(i64::MAX) {
                break;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let slot = &mut self.slots[usize::from(self.oldest)];
        slot.length = 0;
        self.oldest = slot.next;
        self.count -= 1;
        if self.count == 0 {
            self.head = 0;
        }
    }

    /// Makes the slot of this number free: by more slots, or by forgetting the packet in it and all that were sent before.
    /// `false`: the number is further behind the newest than packets are kept.
    fn vacate(&mut self, seq: u32) -> bool {
        #[allow(clippy::cast_possible_truncation)] // Modulo 2^32.
        let behind = (self.highest as u32).wrapping_sub(seq);
        if behind as usize >= RTX_CACHE_PACKETS {
            return false;
        }
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); FIRST_SLOTS].into();
        }
        loop {
            let index = self.index(seq);
            if self.slots[usize::from(index)].length == 0 {
                return true;
            }
            if self.slots.len() < RTX_CACHE_PACKETS {
                self.double_slots();
            } else {
                while self.slots[usize::from(index)].length > 0 {
                    self.forget_oldest();
                }
            }
        }
    }

    /// What was apart stays apart: the index gains a bit.
    fn double_slots(&mut self) {
        let doubled = vec![Slot::default(); self.slots.len() * 2].into();
        let before = std::mem::replace::<Box<[Slot]>>(&mut self.slots, doubled);
        let mut from = self.oldest;
        for n in 0..self.count {
            let slot = before[usize::from(from)];
            from = slot.next;
            let index = self.index(slot.seq);
            if n == 0 {
                self.oldest = index;
            } else {
                self.slots[usize::from(self.newest)].next = index;
            }
            self.newest = index;
            self.slots[usize::from(index)] = slot;
        }
    }

    /// Where this many bytes may be written: in what is free, or else in more memory, or else over the oldest.
    fn make_room(&mut self, length: usize) -> usize {
        loop {
            if let Some(at) = self.room(length) {
                return at;
            }
            if self.bytes.len() < MAX_BYTES {
                self.grow();
            } else {
                self.forget_oldest();
            }
        }
    }

    fn room(&self, length: usize) -> Option<usize> {
        if self.count == 0 {
            return (length <= self.bytes.len()).then_some(0);
        }
        let tail = self.slots[usize::from(self.oldest)].at as usize;
        if self.head <= tail {
            return (length <= tail - self.head).then_some(self.head);
        }
        if length <= self.bytes.len() - self.head {
            return Some(self.head);
        }
        (length <= tail).then_some(0)
    }

    /// Takes more memory, in which the payloads lie in the order of sending from the beginning.
    fn grow(&mut self) {
        let mut grown = vec![0; (self.bytes.len() + GROWTH).min(MAX_BYTES)].into_boxed_slice();
        let mut head = 0;
        let mut index = self.oldest;
        for _ in 0..self.count {
            let slot = &mut self.slots[usize::from(index)];
            let (at, length) = (slot.at as usize, usize::from(slot.length));
            grown[head..head + length].copy_from_slice(&self.bytes[at..at + length]);
            #[allow(clippy::cast_possible_truncation)] // At most MAX_BYTES.
            let moved = head as u32;
            slot.at = moved;
            head += length;
            index = slot.next;
        }
        self.head = head;
        self.bytes = grown;
    }
}

#[cfg(test)]
#[path = "rtx_ring/tests.rs"]
mod tests;
