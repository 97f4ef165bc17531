//! What a receiver says: receiver reports (RFC 3550 §6.4) and transport-wide feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

use crate::webrtc::srtp::ReplayWindow;
use std::time::{Duration, Instant};

/// RTCP packet types.
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const TRANSPORT_FEEDBACK: u8 = 205;
pub(super) const PAYLOAD_FEEDBACK: u8 = 206;

/// Format of transport-wide feedback.
const TRANSPORT_WIDE: u8 = 15;

/// Units of the feedback's times.
const REFERENCE_UNIT: Duration = Duration::from_millis(64);
const DELTA_UNIT: Duration = Duration::from_micros(250);

/// Symbols in one status vector of two bits each.
const SYMBOLS: usize = 7;

/// Most packets that one feedback tells of. A longer gap than this is no loss but a new beginning.
const MAX_SPAN: u16 = 1_000;

/// Seconds between 1900 and 1970, for the NTP time of a sender report. Any time will do: nobody compares it.
const NTP_EPOCH: u64 = 2_208_988_800;

/// One stream that is received.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    pub(super) window: ReplayWindow,
    /// Highest sequence number, with its rollovers.
    highest: u32,
    first: u32,
    received: u32,
    told: (u32, u32),
}

impl Stream {
    pub(super) fn new(ssrc: u32, seq: u16) -> Self {
        let first = u32::from(seq);
        Self { ssrc, window: ReplayWindow::default(), highest: first, first, received: 0, told: (first, 0) }
    }

    /// A packet with this SRTP index came.
    pub(super) fn take(&mut self, index: u64) {
        self.window.accept(index);
        self.highest = self.highest.max(u32::try_from(index).unwrap_or(u32::MAX));
        self.received += 1;
    }

    fn report(&mut self, out: &mut Vec<u8>) {
        let expected = self.highest + 1 - self.first;
        let lost = expected.saturating_sub(self.received);
        let span = (self.highest + 1).saturating_sub(self.told.0);
        let lost_since = span.saturating_sub(self.received - self.told.1);
        self.told = (self.highest + 1, self.received);
        let fraction = u8::try_from((lost_since * 256).checked_div(span).unwrap_or(0)).unwrap_or(u8::MAX);
        out.extend(self.ssrc.to_be_bytes());
        out.extend((u32::from(fraction) << 24 | lost.min(0x7f_ffff)).to_be_bytes());
        out.extend(self.highest.to_be_bytes());
        // Jitter, and the last sender report: unknown.
        out.extend([0; 12]);
    }
}

/// What a sender report says of a stream that is sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) packets: u32,
    pub(super) bytes: u32,
    pub(super) timestamp: u32,
}

/// A compound packet: a sender report of `own` if anything was sent, else a receiver report; then a source description.
pub(super) fn report(own: u32, sent: Option<&Sent>, streams: &mut [Stream], at: Duration, out: &mut Vec<u8>) {
    let begin = out.len();
    let count = u8::try_from(streams.len().min(31)).unwrap_or(31);
    out.extend([0x80 | count, if sent.is_some() { SENDER_REPORT } else { RECEIVER_REPORT }, 0, 0]);
    out.extend(own.to_be_bytes());
    if let Some(sent) = sent {
        let seconds = u32::try_from((NTP_EPOCH + at.as_secs()) & 0xffff_ffff).unwrap_or(0);
        let fraction = u32::try_from((u64::from(at.subsec_nanos()) << 32) / 1_000_000_000).unwrap_or(0);
        for word in [seconds, fraction, sent.timestamp, sent.packets, sent.bytes] {
            out.extend(word.to_be_bytes());
        }
    }
    for stream in streams.iter_mut().take(usize::from(count)) {
        stream.report(out);
    }
    set_length(out, begin);
    let begin = out.len();
    out.extend([0x81, SOURCE_DESCRIPTION, 0, 0]);
    out.extend(own.to_be_bytes());
    out.extend([1, 4, b'l', b'o', b'a', b'd', 0, 0]);
    set_length(out, begin);
}

/// Which packets of the transport came, and when.
#[derive(Debug)]
pub(super) struct Arrivals {
    start: Instant,
    came: Vec<(u16, Instant)>,
    count: u8,
}

impl Arrivals {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, came: Vec::new(), count: 0 }
    }

    pub(super) fn take(&mut self, number: u16, now: Instant) {
        self.came.push((number, now));
    }

    /// Appends a feedback about all that came since the last one. `false`: nothing came.
    pub(super) fn feedback(&mut self, own: u32, media: u32, out: &mut Vec<u8>) -> bool {
        let Some(&(base, first)) = self.came.first() else { return false };
        // By number; what is before the base is a straggler that was told of as lost.
        self.came.retain(|(n, _)| n.wrapping_sub(base) < MAX_SPAN);
        self.came.sort_unstable_by_key(|(n, _)| n.wrapping_sub(base));
        self.came.dedup_by_key(|(n, _)| *n);
        let span = self.came.last().map_or(0, |(n, _)| n.wrapping_sub(base)) + 1;
        let units = |d: Duration, unit: Duration| d.as_micros() / unit.as_micros();
        let reference = u32::try_from(units(first - self.start, REFERENCE_UNIT)).unwrap_or(0) & 0xff_ffff;
        let mut clock = self.start + REFERENCE_UNIT * reference;
        let begin = out.len();
        out.extend([0x80 | TRANSPORT_WIDE, TRANSPORT_FEEDBACK, 0, 0]);
        out.extend(own.to_be_bytes());
        out.extend(media.to_be_bytes());
        out.extend(base.to_be_bytes());
        out.extend(span.to_be_bytes());
        out.extend((reference << 8 | u32::from(self.count)).to_be_bytes());
        self.count = self.count.wrapping_add(1);
        let (mut deltas, mut symbols, mut next) = (Vec::new(), Vec::new(), 0);
        for &(number, at) in &self.came {
            let offset = number.wrapping_sub(base);
            symbols.resize(symbols.len() + usize::from(offset - next), 0u16);
            next = offset + 1;
            // In units, so that what is cut off one is in the next.
            let late = units(at.saturating_duration_since(clock), DELTA_UNIT);
            clock += DELTA_UNIT * u32::try_from(late).unwrap_or(0);
            if let Ok(small) = u8::try_from(late) {
                symbols.push(1);
                deltas.push(small);
            } else {
                symbols.push(2);
                deltas.extend(i16::try_from(late).unwrap_or(i16::MAX).to_be_bytes());
            }
        }
        for chunk in symbols.chunks(SYMBOLS) {
            let vector = (0..SYMBOLS).fold(0b11, |v: u16, i| v << 2 | chunk.get(i).copied().unwrap_or(0));
            out.extend(vector.to_be_bytes());
        }
        out.extend(deltas);
        out.resize(begin + (out.len() - begin).next_multiple_of(4), 0);
        set_length(out, begin);
        self.came.clear();
        true
    }
}

/// Writes the length of the packet that begins there and ends here, in words without the first.
fn set_length(out: &mut [u8], begin: usize) {
    let words = u16::try_from((out.len() - begin) / 4 - 1).unwrap_or(u16::MAX);
    out[begin + 2..begin + 4].copy_from_slice(&words.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feedback_tells_what_came_and_what_did_not() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start);
        let at = |us| start + Duration::from_micros(us);
        let mut out = Vec::new();
        assert!(!arrivals.feedback(1, 2, &mut out), "nothing came");
        for (number, us) in [(65_535, 64_000), (1, 65_000), (0, 65_000), (3, 165_000)] {
            arrivals.take(number, at(us));
        }
        assert!(arrivals.feedback(1, 2, &mut out));
        // Base 65,535; 5 numbers; reference 1 × 64 ms; received with a small delta four times but 2, the last one large.
        assert_eq!(out[12..20], [0xff, 0xff, 0, 5, 0, 0, 1, 0]);
        assert_eq!(out[20..22], 0b11_01_01_01_00_10_00_00u16.to_be_bytes());
        assert_eq!(out[22..27], [0, 4, 0, 1, 0x90]);
        assert_eq!((out.len(), out[3]), (28, 6));
        out.clear();
        assert!(!arrivals.feedback(1, 2, &mut out), "each is told once");
    }

    #[test]
    fn a_report_counts_loss_across_a_rollover() {
        let mut stream = Stream::new(9, 65_534);
        for seq in [65_534, 65_535, 1] {
            stream.take(stream.window.index_of(seq).unwrap());
        }
        assert_eq!(stream.highest, 65_537);
        let mut out = Vec::new();
        report(7, None, std::slice::from_mut(&mut stream), Duration::ZERO, &mut out);
        assert_eq!(out[..4], [0x81, RECEIVER_REPORT, 0, 7]);
        assert_eq!(out[12..16], [64, 0, 0, 1], "one of four");
        assert_eq!(out[16..20], 65_537u32.to_be_bytes());
    }
}
