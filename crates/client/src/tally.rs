//! What came and went in a media session, and how long it took.

use crate::pattern::TestPacket;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tring_media::{MediaKind, Rtp};

/// Most senders that are told apart; packets of further ones count as of none. A call has a handful.
const MAX_SENDERS: usize = 64;

/// Steps of the delay scale in each doubling: 16 make it exact to 6 %.
const STEPS: u32 = 16;

/// Doublings of the delay scale, from 1 µs: up to 16 s.
const DOUBLINGS: u32 = 24;

/// Counts of one media session.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Sound that came.
    pub audio: StreamTally,
    /// Picture that came.
    pub video: StreamTally,
    /// Packets of sound sent.
    pub sent_audio: u64,
    /// Packets of picture sent.
    pub sent_video: u64,
    /// How often a key frame was asked for.
    pub keyframes_wanted: u64,
    /// The round trip to the server as its reports tell it.
    pub round_trip: Option<Duration>,
    /// How long test packets travelled, from sender to receiver.
    pub delays: Delays,
}

impl Tally {
    /// All packets that came.
    pub fn packets(&self) -> u64 {
        self.audio.packets + self.video.packets
    }

    /// Sound or picture.
    pub fn of(&self, kind: MediaKind) -> &StreamTally {
        match kind {
            MediaKind::Audio => &self.audio,
            MediaKind::Video => &self.video,
        }
    }

    pub(crate) fn take(&mut self, rtp: &Rtp, now: Instant) {
        let test = TestPacket::read(rtp.kind, &rtp.payload);
        if let Some(test) = test {
            self.delays.add(test.age());
        }
        let stream = match rtp.kind {
            MediaKind::Audio => &mut self.audio,
            MediaKind::Video => &mut self.video,
        };
        stream.take(test, rtp.payload.len(), now);
    }
}

/// Counts of one kind.
#[derive(Debug, Clone, Default)]
pub struct StreamTally {
    /// Packets that came.
    pub packets: u64,
    /// Bytes of their payload.
    pub bytes: u64,
    /// Those that are no test packets.
    pub foreign: u64,
    /// When the newest came.
    pub last: Option<Instant>,
    /// Test packets by sender.
    pub senders: BTreeMap<u32, SenderTally>,
}

impl StreamTally {
    /// Test packets of one sender; zeros for one that was never heard.
    pub fn from(&self, sender: u32) -> SenderTally {
        self.senders.get(&sender).copied().unwrap_or_default()
    }

    fn take(&mut self, test: Option<TestPacket>, len: usize, now: Instant) {
        self.packets += 1;
        self.bytes += len as u64;
        self.last = Some(now);
        let Some(test) = test else {
            self.foreign += 1;
            return;
        };
        if self.senders.len() < MAX_SENDERS || self.senders.contains_key(&test.sender) {
            self.senders.entry(test.sender).or_default().take(test.counter);
        }
    }
}

/// Test packets of one sender and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderTally {
    /// Packets that came.
    pub packets: u64,
    /// Counter of the first.
    pub first: u32,
    /// Highest counter.
    pub last: u32,
    /// Those that came after one with the same or a higher counter: late or twice.
    pub out_of_order: u64,
}

impl SenderTally {
    /// Packets between the first and the last that did not come. Repeated ones hide others.
    pub fn missing(&self) -> u64 {
        match self.packets {
            0 => 0,
            n => (u64::from(self.last.saturating_sub(self.first)) + 1).saturating_sub(n),
        }
    }

    fn take(&mut self, counter: u32) {
        if self.packets == 0 {
            (self.first, self.last) = (counter, counter);
        } else if counter > self.last {
            self.last = counter;
        } else {
            self.first = self.first.min(counter);
            self.out_of_order += 1;
        }
        self.packets += 1;
    }
}

/// How often each delay was seen, exact to 6 %, from 1 µs to 16 s.
#[derive(Debug, Clone)]
pub struct Delays {
    counts: Box<[u32]>,
    total: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { counts: vec![0; (DOUBLINGS * STEPS) as usize].into(), total: 0 }
    }
}

impl Delays {
    /// Counts a delay.
    pub fn add(&mut self, delay: Duration) {
        let us = u32::try_from(delay.as_micros()).unwrap_or(u32::MAX).max(1);
        let doubling = us.ilog2();
        // The four bits below the highest.
        let step = ((u64::from(us) << 4 >> doubling) & 15) as u32;
        let index = (doubling * STEPS + step).min(DOUBLINGS * STEPS - 1);
        self.counts[index as usize] += 1;
        self.total += 1;
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// What was counted since `earlier`, an older copy of the same counts.
    pub fn since(&self, earlier: &Self) -> Self {
        let counts =
            self.counts.iter().zip(&earlier.counts).map(|(now, then)| now.saturating_sub(*then)).collect();
        Self { counts, total: self.total.saturating_sub(earlier.total) }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The delay that this share (0 to 1) of all did not exceed, rounded up to the scale; none without any.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        if self.total == 0 {
            return None;
        }
        #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, clippy::cast_possible_truncation)]
        let rank = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total);
        let mut seen = 0;
        let index = self.counts.iter().position(|&n| {
            seen += u64::from(n);
            seen >= rank
        })?;
        let (doubling, step) = (index as u32 / STEPS, index as u32 % STEPS);
        let upper = (u64::from(STEPS + step + 1) << doubling).div_ceil(u64::from(STEPS));
        Some(Duration::from_micros(upper))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_to_the_scale() {
        let mut delays = Delays::default();
        assert_eq!(delays.quantile(0.5), None);
        for us in 1..=1000 {
            delays.add(Duration::from_micros(us));
        }
        for (share, exact) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = delays.quantile(share).unwrap().as_secs_f64() * 1e6;
            assert!((exact..exact * 1.08).contains(&found), "{share}: {found}");
        }
        delays.add(Duration::from_secs(3600));
        assert!(delays.quantile(1.0).unwrap() >= Duration::from_secs(16));
    }

    #[test]
    fn a_sender_is_told_by_its_missing_and_misplaced_packets() {
        let mut sender = SenderTally::default();
        for counter in [10, 11, 14, 12, 14] {
            sender.take(counter);
        }
        assert_eq!((sender.packets, sender.first, sender.last, sender.out_of_order), (5, 10, 14, 2));
        assert_eq!(sender.missing(), 0, "13 is hidden by the second 14");
    }
}
