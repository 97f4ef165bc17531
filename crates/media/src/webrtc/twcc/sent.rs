//! What was sent to a receiver that confirms each packet by its transport-wide number
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).
//!
//! Feedback comes from the network and may say anything. Each packet counts once as received or once as lost, whatever is
//! said of it how often, and of packets that were never sent, or so long ago that they are forgotten, nothing counts.

use std::time::{Duration, Instant};

/// Packets that are remembered, a power of two of 8 bytes each: what is in flight at 5 Mbit/s, in packets of 800 bytes on
/// average, within a round trip of 1 s and the 100 ms between two feedbacks. Higher: on a longer or faster way all is
/// counted. Lower: less memory.
const MAX_PACKETS: usize = 1_024;

/// Packets that a new record remembers: a voice stays with them while its round trip is below a second.
const FIRST_PACKETS: usize = 64;

/// A packet that is older than this, or confirmed, is forgotten rather than that more memory is taken: a round trip of 1 s,
/// and the time between two feedbacks. Higher: on a longer way all is counted. Lower: a voice that loses packets takes less.
const REMEMBERED: Duration = Duration::from_millis(1_200);

/// A packet that was sent before a silence of this length is forgotten: its feedback is lost, or says nothing about the
/// way as it is now. Higher: more is remembered of before. Times of sending would turn over at 1,024 times 67 s.
const SILENCE: Duration = Duration::from_secs(10);

/// Microseconds of a unit of [`Record::sent`].
const UNIT_MICROS: u128 = 16;

/// What is known of a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing was said of it.
    #[default]
    InFlight,
    /// It has not come, so far.
    Lost,
    Received,
}

/// A packet that was sent: 8 bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    /// When, in units of 16 µs since the epoch, modulo 2^32.
    sent: u32,
    bytes: u16,
    state: State,
}

/// A packet whose arrival was confirmed for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// When it was sent, 16 µs early at most.
    pub(crate) sent: Instant,
    /// When it came, by the receiver's clock: ticks of 250 µs since an epoch of the feedback's reader.
    pub(crate) came: i64,
    /// What it took on the wire, as it was given to [`SentPackets::sent`].
    pub(crate) bytes: u16,
}

/// What a feedback says that is new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Confirmed {
    /// Packets of which nothing was said before: they came.
    pub(crate) received: u32,
    /// Packets of which nothing was said before: they have not come.
    pub(crate) lost: u32,
    /// Packets that were counted as lost by an earlier feedback, and came after all. Whoever adds up what is lost takes
    /// them off: received, lost and these together are never more than was sent.
    pub(crate) late: u32,
    /// From the sending of the newest packet that is newly confirmed to its feedback, which the receiver may have held
    /// back for some 100 ms.
    pub(crate) round_trip: Option<Duration>,
}

/// The packets that one receiver is to confirm.
#[derive(Debug, Default)]
pub(crate) struct SentPackets {
    records: Box<[Record]>,
    /// The number of the next packet, extended past 16 bits, and the first that is remembered.
    next: u64,
    first: u64,
    /// The zero of [`Record::sent`].
    epoch: Option<Instant>,
    /// When the newest packet was sent: the zero of all ages.
    newest: Option<Instant>,
}

impl SentPackets {
    /// A record without memory: the first packet takes some.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The number that the next packet shall have. It stays the same until that packet was [`Self::sent`].
    pub(crate) fn next_number(&self) -> u16 {
        low(self.next)
    }

    /// The packet with this number was sent; a number that is not [`Self::next_number`] is none of this record's and
    /// changes nothing. `bytes`: what it takes on the wire, as the congestion controller shall count it.
    pub(crate) fn sent(&mut self, number: u16, bytes: usize, now: Instant) {
        if number != self.next_number() {
            return;
        }
        if self.newest.is_some_and(|at| now.saturating_duration_since(at) > SILENCE) {
            self.first = self.next;
        }
        // Time does not go back between packets.
        let now = self.newest.map_or(now, |newest| now.max(newest));
        if self.records.is_empty() {
            self.records = vec![Record::default(); FIRST_PACKETS].into();
        }
        if self.remembered() == self.records.len() {
            self.make_room(now);
        }
        let sent = self.units(now);
        self.newest = Some(now);
        let index = self.index(self.next);
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.records[index] = Record { sent, bytes, state: State::InFlight };
        self.next += 1;
    }

    /// Takes what a feedback says, number by number in any order: whether and when each came, in ticks of 250 µs. `each` is
    /// told of every packet that is confirmed for the first time, in the order in which the feedback tells.
    pub(crate) fn feedback(
        &mut self,
        statuses: impl IntoIterator<Item = (u16, Option<i64>)>,
        now: Instant,
        mut each: impl FnMut(Arrival),
    ) -> Confirmed {
        let mut confirmed = Confirmed::default();
        let Some(newest_sent) = self.newest else { return confirmed };
        let newest_units = self.units(newest_sent);
        let mut newest = None;
        for (number, came) in statuses {
            // The newest number that ends so, 1 to 65,536 before the next.
            let back = u64::from(low(self.next.wrapping_sub(1)).wrapping_sub(number)) + 1;
            let Some(at) = self.next.checked_sub(back).filter(|at| *at >= self.first) else { continue };
            let index = self.index(at);
            let record = &mut self.records[index];
            let before = record.state;
            match (before, came) {
                (State::InFlight, None) => {
                    record.state = State::Lost;
                    confirmed.lost += 1;
                }
                (State::InFlight | State::Lost, Some(came)) => {
                    record.state = State::Received;
                    if before == State::Lost {
                        confirmed.late += 1;
                    } else {
                        confirmed.received += 1;
                    }
                    let age = micros(newest_units.wrapping_sub(record.sent));
                    let sent = newest_sent.checked_sub(age).unwrap_or(newest_sent);
                    if newest.is_none_or(|(number, _)| at > number) {
                        newest = Some((at, sent));
                    }
                    each(Arrival { sent, came, bytes: record.bytes });
                }
                (State::Lost, None) | (State::Received, _) => {}
            }
        }
        confirmed.round_trip = newest.map(|(_, sent)| now.saturating_duration_since(sent));
        confirmed
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        size_of_val::<[Record]>(&self.records)
    }

    fn remembered(&self) -> usize {
        usize::try_from(self.next - self.first).unwrap_or(usize::MAX)
    }

    #[allow(clippy::cast_possible_truncation)] // At most MAX_PACKETS.
    fn index(&self, number: u64) -> usize {
        (number & (self.records.len() as u64 - 1)) as usize
    }

    /// Forgets the oldest packet, if it is not worth more memory; else remembers twice as many.
    fn make_room(&mut self, now: Instant) {
        let oldest = self.records[self.index(self.first)];
        let age = micros(self.units(now).wrapping_sub(oldest.sent));
        if oldest.state == State::Received || age > REMEMBERED || self.records.len() >= MAX_PACKETS {
            self.first += 1;
            return;
        }
        let doubled = vec![Record::default(); self.records.len() * 2].into();
        let before = std::mem::replace::<Box<[Record]>>(&mut self.records, doubled);
        for number in self.first..self.next {
            #[allow(clippy::cast_possible_truncation)] // At most MAX_PACKETS.
            let (from, to) = ((number & (before.len() as u64 - 1)) as usize, self.index(number));
            self.records[to] = before[from];
        }
    }

    /// Units of 16 µs since the first packet, modulo 2^32.
    fn units(&mut self, at: Instant) -> u32 {
        let epoch = *self.epoch.get_or_insert(at);
        #[allow(clippy::cast_possible_truncation)] // Modulo 2^32.
        let units = (at.saturating_duration_since(epoch).as_micros() / UNIT_MICROS) as u32;
        units
    }
}

fn micros(units: u32) -> Duration {
    Duration::from_micros(u64::from(units) * 16)
}

/// The low 16 bits.
#[allow(clippy::cast_possible_truncation)]
fn low(number: u64) -> u16 {
    number as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// A sender of packets of `n % 1,000` bytes, and its time in milliseconds.
    struct Sender {
        packets: SentPackets,
        start: Instant,
        arrivals: Vec<Arrival>,
    }

    impl Sender {
        fn new() -> Self {
            let start = Instant::now() + MS(60_000);
            Self { packets: SentPackets::new(), start, arrivals: Vec::new() }
        }

        fn send(&mut self, packets: u64, at: u64) {
            for _ in 0..packets {
                let (number, bytes) = (self.packets.next_number(), self.packets.next % 1_000);
                self.packets.sent(number, bytes as usize, self.start + MS(at));
            }
        }

        /// Received, lost, late, and the round trip in milliseconds.
        fn hear(&mut self, statuses: &[(u16, Option<i64>)], at: u64) -> (u32, u32, u32, Option<u64>) {
            let arrivals = &mut self.arrivals;
            let statuses = statuses.iter().copied();
            let c = self.packets.feedback(statuses, self.start + MS(at), |a| arrivals.push(a));
            (c.received, c.lost, c.late, c.round_trip.map(|r| r.as_millis() as u64))
        }
    }

    #[test]
    fn what_is_confirmed_is_told_with_its_times_and_size() {
        let mut s = Sender::new();
        (0..4).for_each(|n| s.send(1, n * 10));
        let came = [(0, Some(100)), (1, None), (2, Some(90)), (3, Some(-7))];
        assert_eq!(s.hear(&came, 80), (3, 1, 0, Some(50)));
        let due = [(0, 100, 0), (20, 90, 2), (30, -7, 3)];
        let due = due.map(|(at, came, bytes)| Arrival { sent: s.start + MS(at), came, bytes });
        assert_eq!(s.arrivals, due);
    }

    #[test]
    fn feedback_of_what_was_never_sent_counts_nothing() {
        let mut s = Sender::new();
        assert_eq!(s.hear(&[(0, Some(1)), (65_535, None)], 5), (0, 0, 0, None));
        s.send(3, 0);
        let lies: Vec<_> = (3..=u16::MAX).map(|n| (n, Some(1).filter(|_| n % 2 == 0))).collect();
        assert_eq!(s.hear(&lies, 5), (0, 0, 0, None));
        assert_eq!(s.hear(&[(2, Some(1))], 5), (1, 0, 0, Some(5)), "what was sent does");
    }

    #[test]
    fn what_is_said_again_or_taken_back_counts_once() {
        let mut s = Sender::new();
        s.send(3, 0);
        assert_eq!(
            s.hear(&[(0, Some(1)), (0, None), (0, Some(9)), (1, None), (1, None)], 5),
            (1, 1, 0, Some(5))
        );
        assert_eq!(s.hear(&[(0, Some(1)), (1, None)], 90), (0, 0, 0, None), "nor a round trip");
        assert_eq!(s.hear(&[(1, Some(7)), (1, Some(8)), (0, None)], 95), (0, 0, 1, Some(95)));
        assert_eq!(s.hear(&[(1, None), (2, None), (2, Some(3))], 99), (0, 1, 1, Some(99)));
        assert_eq!(s.arrivals.len(), 3);
    }

    #[test]
    fn numbers_turn_over() {
        let mut s = Sender::new();
        s.send(65_534, 0);
        assert_eq!(s.packets.next_number(), 65_534);
        s.send(4, 0);
        assert_eq!(s.packets.next_number(), 2);
        let newest = [(65_534, Some(1)), (65_535, Some(1)), (0, Some(1)), (1, None), (2, Some(1))];
        assert_eq!(s.hear(&newest, 1), (3, 1, 0, Some(1)));
    }

    #[test]
    fn a_number_that_is_not_the_next_is_not_taken() {
        let mut s = Sender::new();
        s.packets.sent(7, 100, s.start);
        assert_eq!((s.packets.next_number(), s.packets.memory()), (0, 0));
        s.packets.sent(0, usize::MAX, s.start);
        assert_eq!(s.packets.next_number(), 1);
        assert_eq!(s.hear(&[(0, Some(1))], 0).0, 1);
        assert_eq!(s.arrivals[0].bytes, u16::MAX);
    }

    #[test]
    fn a_voice_takes_little_and_nothing_takes_more_than_the_bound() {
        assert_eq!(size_of::<Record>(), 8);
        let mut s = Sender::new();
        for n in 0..5_000u64 {
            s.send(1, n * 20);
            if n >= 50 {
                s.hear(&[((n - 50) as u16, Some(n as i64).filter(|n| n % 3 > 0))], n * 20);
            }
        }
        assert_eq!((s.packets.memory(), s.arrivals.len()), (FIRST_PACKETS * 8, 3_300));
        s.send(100_000, 100_000);
        assert_eq!(s.packets.memory(), MAX_PACKETS * 8);
        let all: Vec<_> = (0..=u16::MAX).map(|n| (n, Some(1))).collect();
        assert_eq!(s.hear(&all, 100_001).0 as usize, MAX_PACKETS, "the newest are remembered");
    }

    #[test]
    fn what_was_sent_before_a_silence_is_forgotten() {
        let mut s = Sender::new();
        s.send(2, 0);
        s.send(1, 10_000);
        assert_eq!(s.hear(&[(0, Some(1))], 10_001).0, 1);
        // Days, in which the times of sending turn over.
        s.send(1, 500_000_000);
        assert_eq!(s.hear(&[(1, Some(1)), (2, Some(1)), (3, Some(1))], 500_000_040), (1, 0, 0, Some(40)));
        assert_eq!(s.arrivals[1].sent, s.start + MS(500_000_000));
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_time_before_or_after() {
        let mut s = Sender::new();
        s.send(1, 1_000);
        s.send(1, 0);
        assert_eq!(s.hear(&[(0, Some(1)), (1, Some(1))], 500), (2, 0, 0, Some(0)));
        assert!(s.arrivals.iter().all(|a| a.sent == s.start + MS(1_000)));
    }

    proptest! {
        /// Whatever is said in whatever order: nothing counts twice, and no more than was sent.
        #[test]
        fn never_more_is_confirmed_than_was_sent(
            turns in proptest::collection::vec(
                (0u64..90, 0u64..12_000, proptest::collection::vec((0u16..200, any::<Option<i64>>()), 0..60)),
                1..60,
            ),
        ) {
            let mut s = Sender::new();
            let (mut at, mut received, mut lost, mut late) = (0, 0, 0, 0);
            for (packets, passed, statuses) in turns {
                at += passed % if passed > 11_000 { 12_000 } else { 100 };
                s.send(packets, at);
                let next = s.packets.next_number();
                let statuses: Vec<_> = statuses.iter().map(|&(n, came)| (next.wrapping_add(20).wrapping_sub(n), came)).collect();
                let said = s.hear(&statuses, at + 30);
                received += said.0;
                lost += said.1;
                late += said.2;
                prop_assert!(late <= lost && u64::from(received + lost) <= s.packets.next);
                prop_assert_eq!((received + late) as usize, s.arrivals.len());
                prop_assert_eq!(said.3.is_some(), said.0 + said.2 > 0);
                prop_assert!(said.3.is_none_or(|r| r >= 30));
                prop_assert!(s.packets.memory() <= MAX_PACKETS * 8);
            }
            let mut of: Vec<_> = s.arrivals.iter().map(|a| a.sent).collect();
            of.sort();
            prop_assert!(of.iter().all(|sent| *sent >= s.start && *sent <= s.start + MS(at)));
        }
    }
}
