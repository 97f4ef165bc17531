//! A received RTP packet as the rooms see it.

use super::Codec;
use crate::rtp::red::Red;
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
#[cfg(feature = "bridge")]
use str0m::media::MediaTime;
use str0m::rtp::{ExtensionValues, RtpPacket};

/// How long at least, and at most, a browser waits before it shows a picture that was made here, in milliseconds (the
/// playout-delay extension). Its sound comes with frames of 21 ms, waits in the browser for the next, and is played through
/// the system's buffer; a browser finds that out by itself, but takes ten seconds. Higher: in step at once where that is
/// slower. Lower: pictures are shown sooner.
#[cfg(feature = "bridge")]
const PICTURE_DELAY_MS: [u64; 2] = [110, 2_000];

/// An RTP packet, decrypted and deduplicated, retransmissions undone.
#[derive(Debug)]
pub(crate) struct Packet {
    /// Index of the media line it came on.
    pub(crate) line: usize,
    pub(crate) codec: Codec,
    /// Sequence number, extended past 16 bits (RFC 3711 §3.3.1).
    pub(crate) seq: u64,
    /// RTP timestamp, in the codec's clock.
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// As it came, maybe with what was sent before in it: shared by all receivers that take that.
    pub(crate) payload: Arc<[u8]>,
    /// Where things are in it, if it repeats what was sent before (RFC 2198).
    red: Option<Red>,
    /// Then: what is said in it alone. Made for the first receiver that needs it.
    plain: OnceCell<Arc<[u8]>>,
    /// Only the extensions that describe the content; those of the transport are each receiver's own.
    pub(super) extensions: ExtensionValues,
    /// The newest sender report of this stream: (NTP time, RTP timestamp at that time).
    pub(crate) report: Option<(SystemTime, u32)>,
}

impl Packet {
    pub(super) fn new(line: usize, codec: Codec, p: RtpPacket) -> Self {
        let extensions = ExtensionValues {
            audio_level: p.header.ext_vals.audio_level,
            voice_activity: p.header.ext_vals.voice_activity,
            video_orientation: p.header.ext_vals.video_orientation,
            ..ExtensionValues::default()
        };
        Self {
            line,
            codec,
            seq: *p.seq_no,
            timestamp: p.header.timestamp,
            marker: p.header.marker,
            payload: p.payload,
            red: None,
            plain: OnceCell::new(),
            extensions,
            #[allow(clippy::cast_possible_truncation)] // RTP timestamps are 32 bits by definition.
            report: p.last_sender_info.map(|i| (i.ntp_time, i.rtp_time.numer() as u32)),
        }
    }

    /// One of Opus that repeats what was sent before, with the type of its blocks. None: it cannot be read.
    pub(super) fn redundant(line: usize, opus: u8, p: RtpPacket) -> Option<Self> {
        let red = Red::read(&p.payload, opus)?;
        Some(Self { red: Some(red), ..Self::new(line, Codec::Opus, p) })
    }

    /// The codec's payload.
    pub(crate) fn plain(&self) -> &Arc<[u8]> {
        match self.red {
            Some(red) => self.plain.get_or_init(|| red.primary(&self.payload).into()),
            None => &self.payload,
        }
    }

    /// The payload for a receiver that takes it with what it repeats, back to `reach` ticks, under its own payload type of
    /// Opus. None: it repeats nothing, [`Packet::plain`] is all.
    pub(super) fn repeating(&self, opus: u8, reach: u32) -> Option<Arc<[u8]>> {
        let made = self.red?.rewritten(&self.payload, opus, reach);
        Some(made.map_or_else(|| self.payload.clone(), Arc::from))
    }

    /// A packet that was made here, of what came another way than by RTP.
    #[cfg(feature = "bridge")]
    pub(crate) fn made(codec: Codec, seq: u64, timestamp: u32, marker: bool, payload: Arc<[u8]>) -> Self {
        let delay = |ms: u64| (codec != Codec::Opus).then(|| MediaTime::from_hundredths(ms / 10));
        let extensions = ExtensionValues {
            play_delay_min: delay(PICTURE_DELAY_MS[0]),
            play_delay_max: delay(PICTURE_DELAY_MS[1]),
            ..ExtensionValues::default()
        };
        Self { extensions, ..Self::bare(codec, seq, timestamp, marker, payload) }
    }

    /// With nothing but what it must have.
    #[cfg(any(feature = "bridge", feature = "fuzzing", test))]
    pub(super) fn bare(codec: Codec, seq: u64, timestamp: u32, marker: bool, payload: Arc<[u8]>) -> Self {
        Self {
            line: usize::MAX,
            codec,
            seq,
            timestamp,
            marker,
            payload,
            red: None,
            plain: OnceCell::new(),
            extensions: ExtensionValues::default(),
            report: None,
        }
    }
}

/// Where on the local clock a publisher's packets were captured, so that the sender reports of its audio and video,
/// which we write anew, keep them in step (RFC 3550 §6.4.1).
#[derive(Debug, Default)]
pub(crate) struct CaptureClock {
    /// One moment in the publisher's NTP clock and in ours, the same for all its streams.
    anchor: Option<(SystemTime, Instant)>,
}

/// A capture time further from the arrival than this is a lie or a jumped clock; the arrival is used instead.
const MAX_CAPTURE_AGE: Duration = Duration::from_secs(5);

impl CaptureClock {
    /// When `packet`, which arrived at `now`, was captured: never after `now`.
    pub(crate) fn capture_time(&mut self, packet: &Packet, now: Instant) -> Instant {
        let Some(captured) = ntp_capture(packet) else { return now };
        let (ntp, local) = *self.anchor.get_or_insert((captured, now));
        let time = match captured.duration_since(ntp) {
            Ok(later) => local.checked_add(later),
            Err(earlier) => local.checked_sub(earlier.duration()),
        };
        match time {
            Some(t) if t <= now && now.duration_since(t) <= MAX_CAPTURE_AGE => t,
            _ => {
                // Ahead of the arrival: this packet travelled faster than any before, so it is the better anchor.
                self.anchor = Some((captured, now));
                now
            }
        }
    }
}

/// The NTP time of a packet, from the newest sender report of its stream.
fn ntp_capture(packet: &Packet) -> Option<SystemTime> {
    let (ntp, rtp) = packet.report?;
    #[allow(clippy::cast_possible_wrap)] // The difference of two RTP timestamps is signed, modulo 2^32.
    let ticks = packet.timestamp.wrapping_sub(rtp) as i32;
    let offset =
        Duration::from_secs_f64(f64::from(ticks.unsigned_abs()) / f64::from(packet.codec.clock_rate()));
    if ticks >= 0 { ntp.checked_add(offset) } else { ntp.checked_sub(offset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(codec: Codec, timestamp: u32, report: (SystemTime, u32)) -> Packet {
        Packet { report: Some(report), ..Packet::bare(codec, 0, timestamp, false, Arc::new([])) }
    }

    #[test]
    fn audio_and_video_captured_together_get_the_same_time_whatever_their_clocks_and_delays() {
        let mut clock = CaptureClock::default();
        let ntp = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let start = Instant::now();
        clock.capture_time(&packet(Codec::Opus, 5, (ntp, 5)), start);
        let second = Duration::from_secs(1);
        // Captured one second after the anchor; the video took 80 ms longer to come.
        let audio = packet(Codec::Opus, 48_005, (ntp, 5));
        let video = packet(Codec::Vp8, 90_000u32.wrapping_sub(100), (ntp, 100u32.wrapping_neg()));
        let a = clock.capture_time(&audio, start + second + Duration::from_millis(3));
        let v = clock.capture_time(&video, start + second + Duration::from_millis(83));
        assert_eq!(a, start + second);
        assert_eq!(v, a);
    }

    #[test]
    fn a_lying_report_falls_back_to_the_arrival() {
        let mut clock = CaptureClock::default();
        let ntp = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let now = Instant::now() + Duration::from_secs(60);
        clock.capture_time(&packet(Codec::Opus, 0, (ntp, 0)), now);
        for lie in [ntp + Duration::from_secs(900), ntp - Duration::from_secs(900)] {
            assert_eq!(clock.capture_time(&packet(Codec::Opus, 0, (lie, 0)), now), now);
        }
    }
}
