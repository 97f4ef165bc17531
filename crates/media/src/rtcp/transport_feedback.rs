//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): when each packet of a transport arrived.
//!
//! ```text
//! base number │ count │ reference time, feedback number │ chunks: came it, and how is that told │ times between arrivals
//! ```

use crate::rtcp::feedback::{TRANSPORT, begin, read_ssrcs};
use crate::rtcp::frame::FrameWriter;

/// Kind of feedback of a transport.
pub(super) const TRANSPORT_WIDE: u8 = 15;

/// Ticks of 250 µs, in which arrivals are told, in a unit of the reference time: 64 ms.
pub(crate) const REFERENCE_TICKS: i64 = 256;

/// Most numbers that the feedbacks of one compound may tell of, and that one that is written does. A lost packet costs nearly no bytes, so their length is no
/// bound. Higher: a liar's datagram makes its reader count further. Lower: after a blackout the end is not read, though
/// nobody keeps a record of half of all sequence numbers.
pub(super) const MOST_STATUSES: usize = 1 << 15;

/// Length of a feedback before its chunks, in bytes.
const HEAD: usize = 20;

/// The longest run that a chunk can have: 13 bits.
const LONGEST_RUN: u16 = 0x1fff;

/// Statuses in a chunk of one bit each.
const ONE_BIT: u16 = 14;

/// Statuses in a chunk of two bits each.
const TWO_BITS: u16 = 7;

/// How a packet's arrival is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Status {
    NotReceived = 0,
    /// By one byte: 0 to 255 ticks behind the one before.
    SmallDelta = 1,
    /// By two bytes, with a sign.
    LargeDelta = 2,
    /// Nobody knows.
    Reserved = 3,
}

impl Status {
    /// Out of the lower two bits.
    fn of(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::NotReceived,
            1 => Self::SmallDelta,
            2 => Self::LargeDelta,
            _ => Self::Reserved,
        }
    }
}

/// Which packets of a transport came, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TransportFeedback<'a> {
    /// SSRC of who says it.
    pub(crate) sender: u32,
    /// SSRC of a stream of the transport.
    pub(crate) media: u32,
    /// Transport-wide number of the first packet that is told of.
    pub(crate) base: u16,
    /// How many packets it claims to tell of.
    pub(crate) count: u16,
    /// What arrivals are counted from, in 64 ms ([`REFERENCE_TICKS`]) of the receiver's clock: 24 bits, they turn over.
    pub(crate) reference: u32,
    /// Number of the feedback: it turns over.
    pub(crate) number: u8,
    /// Two bytes each.
    chunks: &'a [[u8; 2]],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    /// Reads the body of a packet. None: its head is cut off, or it has fewer chunks than it tells of packets.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (sender, media, rest) = read_ssrcs(body)?;
        let (&[b0, b1, c0, c1, r0, r1, r2, number], rest) = rest.split_first_chunk()?;
        let (base, count) = (u16::from_be_bytes([b0, b1]), u16::from_be_bytes([c0, c1]));
        let (all, _) = rest.as_chunks::<2>();
        let mut told = 0_u32;
        let mut chunks = 0;
        while told < u32::from(count) {
            told += u32::from(Chunk::read(*all.get(chunks)?).left);
            chunks += 1;
        }
        let reference = u32::from_be_bytes([0, r0, r1, r2]);
        let (chunks, deltas) = (&all[..chunks], &rest[2 * chunks..]);
        Some(Self { sender, media, base, count, reference, number, chunks, deltas })
    }

    /// Each packet's number and when it came, in ticks of 250 µs since the reference; None: it did not come yet. At most
    /// [`TransportFeedback::count`], fewer where the times end.
    pub(crate) fn statuses(&self) -> Statuses<'a> {
        Statuses {
            sequence: self.base,
            left: self.count,
            chunk: Chunk { kind: ChunkKind::Run, bits: 0, left: 0 },
            chunks: self.chunks.iter(),
            deltas: self.deltas,
            arrival: 0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChunkKind {
    /// One status again and again.
    Run,
    /// Came or did not come: a bit each.
    OneBit,
    /// Two bits each.
    TwoBits,
}

/// Some statuses.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    kind: ChunkKind,
    bits: u16,
    /// How many are still to be told.
    left: u16,
}

impl Chunk {
    fn read(bytes: [u8; 2]) -> Self {
        let bits = u16::from_be_bytes(bytes);
        let (kind, left) = match bits >> 14 {
            0 | 1 => (ChunkKind::Run, bits & LONGEST_RUN),
            2 => (ChunkKind::OneBit, ONE_BIT),
            _ => (ChunkKind::TwoBits, TWO_BITS),
        };
        Self { kind, bits, left }
    }
}

impl Iterator for Chunk {
    type Item = Status;

    fn next(&mut self) -> Option<Status> {
        self.left = self.left.checked_sub(1)?;
        Some(match self.kind {
            ChunkKind::Run => Status::of(self.bits >> 13),
            ChunkKind::OneBit => Status::of(self.bits >> self.left & 1),
            ChunkKind::TwoBits => Status::of(self.bits >> (2 * self.left)),
        })
    }
}

/// The packets that a feedback tells of.
#[derive(Debug, Clone)]
pub(crate) struct Statuses<'a> {
    sequence: u16,
    left: u16,
    chunk: Chunk,
    chunks: std::slice::Iter<'a, [u8; 2]>,
    deltas: &'a [u8],
    /// When the last one came, in ticks since the reference.
    arrival: i64,
}

impl Statuses<'_> {
    fn status(&mut self) -> Option<Status> {
        loop {
            if let Some(status) = self.chunk.next() {
                return Some(status);
            }
            self.chunk = Chunk::read(*self.chunks.next()?);
        }
    }

    /// When a packet came. The outer None: nobody knows, for this one and all behind.
    fn arrival(&mut self, status: Status) -> Option<Option<i64>> {
        let delta = match status {
            Status::NotReceived => return Some(None),
            Status::SmallDelta => {
                let (&delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                i64::from(delta)
            }
            Status::LargeDelta => {
                let (&delta, rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                i64::from(i16::from_be_bytes(delta))
            }
            // How many bytes it has is not known.
            Status::Reserved => return None,
        };
        // At most 2^16 times 2^15.
        self.arrival += delta;
        Some(Some(self.arrival))
    }
}

impl Iterator for Statuses<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let arrival = self.status().and_then(|status| self.arrival(status));
        if arrival.is_none() {
            self.left = 0;
        }
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some((sequence, arrival?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left.into()))
    }
}

/// What a feedback that is written begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FeedbackHead {
    /// SSRC of who says it.
    pub(crate) sender: u32,
    /// SSRC of a stream of the transport.
    pub(crate) media: u32,
    /// Transport-wide number of the first packet.
    pub(crate) base: u16,
    /// Number of the feedback: each next one is one higher, and it turns over.
    pub(crate) number: u8,
}

/// Writes a feedback, in `room` bytes at most. `packets` has each packet's number, from the base on without gaps, and when
/// it came in ticks of 250 µs on a clock of the caller's; None: it did not come yet. Returns how many of them are told of: it
/// ends before a packet that is too far in time from the one before (8.19 s), or has no room, or is not the next. The
/// caller writes another feedback from there. Nothing is written for none.
///
/// The packets are gone through twice: for the chunks, and for the times.
pub(crate) fn write_transport_feedback(
    out: &mut Vec<u8>,
    head: FeedbackHead,
    packets: impl IntoIterator<Item = (u16, Option<i64>), IntoIter: Clone>,
    room: usize,
) -> usize {
    let packets = packets.into_iter();
    let frame = begin(out, TRANSPORT_WIDE, TRANSPORT, head.sender, head.media);
    let fields = out.len();
    out.extend_from_slice(&head.base.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, 0, head.number]);

    let mut chunks = Chunks::default();
    let (mut count, mut deltas, mut clock) = (0_u16, 0, Clock::default());
    for (sequence, arrival) in packets.clone() {
        if sequence != head.base.wrapping_add(count) || usize::from(count) == MOST_STATUSES {
            break;
        }
        let mut ahead = clock;
        let Some((status, bytes)) = ahead.status(arrival) else { break };
        let written = out.len() - fields - 8 + if chunks.has_room(status) { 0 } else { 2 };
        if (HEAD + written + 2 + deltas + bytes).next_multiple_of(4) > room.min(MOST_BYTES) {
            break;
        }
        chunks.add(status, out);
        (count, deltas, clock) = (count + 1, deltas + bytes, ahead);
    }
    if count == 0 {
        frame.discard(out);
        return 0;
    }
    chunks.finish(out);
    out[fields + 2..fields + 4].copy_from_slice(&count.to_be_bytes());
    let [.., r0, r1, r2] = clock.reference().to_be_bytes();
    out[fields + 4..fields + 7].copy_from_slice(&[r0, r1, r2]);
    write_deltas(out, packets.take(count.into()));
    finish(frame, out);
    count.into()
}

/// The longest that a packet can be, in bytes.
const MOST_BYTES: usize = 4 << 16;

fn finish(frame: FrameWriter, out: &mut Vec<u8>) {
    frame.pad(out);
    frame.finish(out);
}

/// Writes the times between packets that [`Clock::status`] has found to fit.
fn write_deltas(out: &mut Vec<u8>, packets: impl Iterator<Item = (u16, Option<i64>)>) {
    let mut clock = Clock::default();
    for (_, arrival) in packets {
        match clock.delta(arrival) {
            Some(Delta::Small(delta)) => out.push(delta),
            Some(Delta::Large(delta)) => out.extend_from_slice(&delta.to_be_bytes()),
            None => {}
        }
    }
}

/// The time between a packet and the one before.
#[derive(Debug, Clone, Copy)]
enum Delta {
    Small(u8),
    Large(i16),
}

/// When the last packet came that is told of. The reference is the 64 ms in which the first one came.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    first: Option<i64>,
    last: i64,
}

impl Clock {
    /// What of the reference is told: 24 bits count.
    fn reference(&self) -> i64 {
        self.first.unwrap_or_default().div_euclid(REFERENCE_TICKS)
    }

    /// Goes on to the next packet. None: it did not come, or too far from the one before.
    fn delta(&mut self, arrival: Option<i64>) -> Option<Delta> {
        let arrival = arrival?;
        let last =
            if self.first.is_some() { self.last } else { arrival - arrival.rem_euclid(REFERENCE_TICKS) };
        let delta = i16::try_from(arrival.checked_sub(last)?).ok()?;
        self.first = self.first.or(Some(arrival));
        self.last = arrival;
        Some(u8::try_from(delta).map_or(Delta::Large(delta), Delta::Small))
    }

    /// Goes on to the next packet: how it is told, and in how many bytes. None: it came too far from the one before.
    fn status(&mut self, arrival: Option<i64>) -> Option<(Status, usize)> {
        if arrival.is_none() {
            return Some((Status::NotReceived, 0));
        }
        self.delta(arrival).map(|delta| match delta {
            Delta::Small(_) => (Status::SmallDelta, 1),
            Delta::Large(_) => (Status::LargeDelta, 2),
        })
    }
}

/// Statuses that are put into chunks: a run where all are alike, else 14 of one bit where no time is large, else 7 of two.
/// Large times are in no run: there are readers that take a run of them for half as many bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Chunks {
    /// Statuses that are in no chunk yet.
    count: u16,
    /// Two bits each, the last one lowest; of a run, only the last 16 are here.
    bits: u32,
    /// All are alike.
    run: bool,
}

impl Chunks {
    /// A status fits into the chunk that is not written yet.
    fn has_room(self, status: Status) -> bool {
        let alike = self.run && Status::of(self.last()) == status;
        let no_large = status != Status::LargeDelta && !self.has_large();
        let most = match (no_large, alike) {
            (true, true) => LONGEST_RUN,
            (true, false) => ONE_BIT,
            (false, _) => TWO_BITS,
        };
        self.count < most
    }

    #[allow(clippy::cast_possible_truncation)] // the lowest two count
    fn last(self) -> u16 {
        self.bits as u16
    }

    /// One of the statuses has a large time.
    fn has_large(self) -> bool {
        self.bits & 0xaaaa_aaaa != 0
    }

    fn add(&mut self, status: Status, out: &mut Vec<u8>) {
        if !self.has_room(status) {
            self.flush(out);
        }
        self.run = self.count == 0 || self.run && Status::of(self.last()) == status;
        self.bits = self.bits << 2 | u32::from(status as u8);
        self.count += 1;
    }

    /// Writes what cannot grow. Up to six statuses stay.
    fn flush(&mut self, out: &mut Vec<u8>) {
        if !self.has_large() && (self.run || self.count == ONE_BIT) {
            self.finish(out);
            return;
        }
        // A large time among the first seven, or behind some that have none.
        let stay = self.count - TWO_BITS;
        push_two_bits(out, self.bits >> (2 * stay));
        self.count = stay;
        self.bits &= (1 << (2 * stay)) - 1;
        let first = self.bits & 3;
        self.run = (0..stay).all(|n| self.bits >> (2 * n) & 3 == first);
    }

    /// Writes all: one chunk, or none for nothing.
    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.count == 0 {
            return;
        }
        if self.run && !self.has_large() {
            let chunk = (self.last() & 3) << 13 | self.count;
            out.extend_from_slice(&chunk.to_be_bytes());
        } else if self.count <= TWO_BITS {
            push_two_bits(out, self.bits << (2 * (TWO_BITS - self.count)));
        } else {
            // The lower bit of each status, together.
            let bits = (0..self.count).fold(0, |bits, n| bits | (self.bits >> (2 * n) & 1) << n);
            #[allow(clippy::cast_possible_truncation)] // 14 bits
            let chunk = 0x8000 | (bits << (ONE_BIT - self.count)) as u16;
            out.extend_from_slice(&chunk.to_be_bytes());
        }
        *self = Self::default();
    }
}

fn push_two_bits(out: &mut Vec<u8>, bits: u32) {
    #[allow(clippy::cast_possible_truncation)] // 14 bits
    let chunk = 0xc000 | (bits & 0x3fff) as u16;
    out.extend_from_slice(&chunk.to_be_bytes());
}

#[cfg(test)]
mod tests;
