//! Opus packets of a browser in, samples out: in order, and without gaps where a packet was lost.

use super::{RATE, SoundError};
use crate::bridge::reorder::{Next, Reorder};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a missing packet is waited for: sound is not sent again, so only disorder is to be waited for. Higher: more
/// disorder is survived. Lower: less delay after a loss.
const WAIT: Duration = Duration::from_millis(40);

/// Packets behind a missing one that prove that it is lost.
const MAX_WAITING: usize = 4;

/// Longest gap that is concealed. Beyond it concealment is silence anyway. 120 ms.
const MAX_CONCEALED: u32 = RATE * 120 / 1000;

/// Samples of the longest packet: 120 ms (RFC 6716 §3.2.5).
const MAX_PACKET: usize = 5_760;

/// The decoder conceals in steps of 2.5 ms.
const STEP: u32 = RATE / 400;

/// Samples, and where on the line of RTP time they are.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// RTP time of the first sample.
    pub(crate) timestamp: u32,
    /// The position of that time on a line that goes on where the peer's clock was reset.
    pub(crate) position: i64,
    pub(crate) samples: &'a mut [i16],
}

/// The reader of one stream.
pub(crate) struct OpusIn {
    decoder: opus::Decoder,
    packets: Reorder<(u32, Arc<[u8]>)>,
    /// RTP time, and its place on the line, where the next packet should begin.
    expected: Option<(u32, i64)>,
    samples: Box<[i16; MAX_PACKET]>,
}

impl OpusIn {
    pub(crate) fn new() -> Result<Self, SoundError> {
        let decoder = opus::Decoder::new(RATE, opus::Channels::Mono)
            .map_err(|e| SoundError::Codec("Opus decoder", e.to_string()))?;
        Ok(Self {
            decoder,
            packets: Reorder::new(WAIT, MAX_WAITING),
            expected: None,
            samples: Box::new([0; MAX_PACKET]),
        })
    }

    /// Takes a packet; gives the blocks that are ready now, in order.
    pub(crate) fn take(
        &mut self,
        seq: u64,
        timestamp: u32,
        payload: &[u8],
        now: Instant,
        block: &mut impl FnMut(Block<'_>),
    ) {
        self.packets.insert(seq, (timestamp, payload.into()));
        while let Some(next) = self.packets.next(now) {
            // What was lost shows as a gap in RTP time.
            if let Next::Packet((timestamp, payload)) = next {
                self.decode(timestamp, &payload, block);
            }
        }
    }

    fn decode(&mut self, timestamp: u32, payload: &[u8], block: &mut impl FnMut(Block<'_>)) {
        let (rtp, mut position) = *self.expected.get_or_insert((timestamp, 0));
        let gap = timestamp.wrapping_sub(rtp).cast_signed();
        let length = opus::packet::get_nb_samples(payload, RATE).unwrap_or(0).min(MAX_PACKET);
        if gap < 0 && gap.unsigned_abs() <= MAX_CONCEALED {
            return; // it was given up, and concealed
        }
        if (1..=MAX_CONCEALED.cast_signed()).contains(&gap) {
            position = self.conceal((rtp, position), gap.unsigned_abs(), (length, payload), block);
        } else if gap != 0 {
            // The clock of the peer was reset, or it sent nothing for a while: there is nothing to go on from.
            let _ = self.decoder.reset_state();
            position += i64::from(gap.max(0));
        }
        let made = self.decoder.decode(payload, &mut self.samples[..], false);
        // What cannot be decoded is concealed for as long as it claims to be.
        let made = made.or_else(|_| self.decoder.decode(&[], &mut self.samples[..length.max(960)], false));
        let made = made.unwrap_or(0);
        block(Block { timestamp, position, samples: &mut self.samples[..made] });
        let passed = u32::try_from(made).unwrap_or(0);
        self.expected = Some((timestamp.wrapping_add(passed), position + i64::from(passed)));
    }

    /// Fills a gap before a packet, the end of it from what that packet repeats of the one before (in-band FEC, RFC 6716
    /// §2.1.7). Gives where the packet begins.
    fn conceal(
        &mut self,
        (mut timestamp, position): (u32, i64),
        gap: u32,
        (length, payload): (usize, &[u8]),
        block: &mut impl FnMut(Block<'_>),
    ) -> i64 {
        let end = position + i64::from(gap);
        let repeated = u32::try_from(length).unwrap_or(0).min(gap) / STEP * STEP;
        let (concealed, mut at) = ((gap - repeated) / STEP * STEP, position);
        for (samples, source) in [(concealed, &[][..]), (repeated, payload)] {
            let room = &mut self.samples[..samples as usize];
            if room.is_empty() {
                continue;
            }
            if self.decoder.decode(source, room, !source.is_empty()).is_err() {
                room.fill(0);
            }
            block(Block { timestamp, position: at, samples: room });
            timestamp = timestamp.wrapping_add(samples);
            at += i64::from(samples);
        }
        end
    }
}
