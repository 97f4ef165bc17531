//! When a publisher's packets were captured, on the local clock.

use crate::rtp::packet::Packet;
use std::time::{Duration, Instant, SystemTime};

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
    pub(crate) fn capture_time(&mut self, packet: &Packet<'_>, now: Instant) -> Instant {
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
fn ntp_capture(packet: &Packet<'_>) -> Option<SystemTime> {
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
    use crate::rtp::codec::Codec;

    fn packet(codec: Codec, timestamp: u32, report: (SystemTime, u32)) -> Packet<'static> {
        let mut packet = Packet::new(codec, 0, timestamp, false, &[][..]);
        packet.report = Some(report);
        packet
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
