//! Times of reports (RFC 3550 §4), and the round trip out of them.

use std::time::{Duration, SystemTime};

/// Seconds from 1900, where NTP begins, to 1970, where [`SystemTime::UNIX_EPOCH`] is.
const UNIX_EPOCH: u64 = 2_208_988_800;

/// An NTP time: seconds since 1900 in the upper 32 bits, their fraction in the lower ones. It turns over in 2036.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct NtpTime(pub(crate) u64);

impl NtpTime {
    /// The time of a clock that shows the time of day.
    pub(crate) fn from_system(at: SystemTime) -> Self {
        let nanos = match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i128::try_from(since.as_nanos()),
            Err(before) => i128::try_from(before.duration().as_nanos()).map(|nanos| -nanos),
        };
        // No clock is 10^19 years off.
        let nanos = nanos.unwrap_or_default() + i128::from(UNIX_EPOCH) * 1_000_000_000;
        let seconds = nanos.div_euclid(1_000_000_000);
        let fraction = (nanos.rem_euclid(1_000_000_000) << 32) / 1_000_000_000;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it turns over
        Self(((seconds << 32) + fraction) as u64)
    }

    /// The time of day. Times are taken for those from 1968 to 2104 (RFC 4330 §3): the upper bit says whether it was before
    /// or after the turn-over.
    pub(crate) fn to_system(self) -> SystemTime {
        let era = if self.0 >> 63 == 0 { 1 << 32 } else { 0 };
        let since_1900 = (self.0 >> 32) + era;
        // Up, so that what was written is read as itself.
        let nanos = Duration::from_nanos(((self.0 & 0xffff_ffff) * 1_000_000_000).div_ceil(1 << 32));
        let epoch = SystemTime::UNIX_EPOCH;
        if since_1900 >= UNIX_EPOCH {
            epoch + Duration::from_secs(since_1900 - UNIX_EPOCH) + nanos
        } else {
            epoch - Duration::from_secs(UNIX_EPOCH - since_1900) + nanos
        }
    }

    /// The middle 32 bits, as reports send them back (LSR, RFC 3550 §6.4.1): units of 1/65,536 s.
    pub(crate) fn middle(self) -> u32 {
        #[allow(clippy::cast_possible_truncation)] // the lower half
        let middle = (self.0 >> 16) as u32;
        middle
    }
}

/// A time between two things, in units of 1/65,536 s (DLSR, RFC 3550 §6.4.1). What is longer than 18 hours is that.
pub(crate) fn to_units(time: Duration) -> u32 {
    u32::try_from((time.as_nanos() << 16) / 1_000_000_000).unwrap_or(u32::MAX)
}

/// A time out of units of 1/65,536 s (RFC 3550 §6.4.1).
pub(crate) fn from_units(units: u32) -> Duration {
    Duration::from_nanos((u64::from(units) * 1_000_000_000) >> 16)
}

/// The round trip that an answer to a report shows (RFC 3550 §6.4.1). `now`: when it came, in the clock of the report's
/// time; `last_report`: the middle of the report's time, as it is sent back; `since`: how long the other end kept it, in
/// 1/65,536 s. None: the other end had no report yet, or kept it for longer than it was away.
pub(crate) fn round_trip(now: NtpTime, last_report: u32, since: u32) -> Option<Duration> {
    if last_report == 0 {
        return None;
    }
    let away = now.middle().wrapping_sub(last_report);
    // Half of the range: an answer from before the report, or one that is nine hours old.
    let trip = away.checked_sub(since).filter(|_| away <= u32::MAX / 2)?;
    Some(from_units(trip))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn ntp_counts_from_1900_and_turns_over_in_2036() {
        let half = Duration::from_millis(500);
        for (time, ntp) in [
            (SystemTime::UNIX_EPOCH + half, 0x83aa_7e80_8000_0000),
            // 2036-02-07 06:28:15.5 and half a second on.
            (at(2_085_978_495) + half, 0xffff_ffff_8000_0000),
            (at(2_085_978_496), 0),
            (at(2_085_978_496) + half, 0x8000_0000),
        ] {
            assert_eq!(NtpTime::from_system(time), NtpTime(ntp));
            assert_eq!(NtpTime(ntp).to_system(), time);
        }
        assert_eq!(
            NtpTime(0x8000_0000_0000_0000).to_system(),
            SystemTime::UNIX_EPOCH - Duration::from_secs(61_505_152)
        );
    }

    /// The example of RFC 3550 §6.4.1, figure 2: 6.125 s, with what its times say exactly.
    #[test]
    fn the_round_trip_of_the_rfc() {
        let now = NtpTime(0xb710_8000 << 16);
        let trip = round_trip(now, 0xb705_2000, 0x0005_4000);
        assert_eq!(trip, Some(Duration::from_millis(6_125)));
    }

    #[test]
    fn lies_have_no_round_trip() {
        let now = NtpTime(0x0000_0005_0000_0000);
        assert_eq!(round_trip(now, 0, 0), None, "no report yet");
        assert_eq!(round_trip(now, 0x4_0000, 0x1_0001), None, "it was kept for longer than it was away");
        assert_eq!(round_trip(now, 0x4_0000, 0x1_0000), Some(Duration::ZERO));
        assert_eq!(round_trip(now, 0x6_0000, 0), None, "from the future");
        let turned = NtpTime(0x0001_0000_0000_0000);
        assert_eq!(round_trip(turned, 0xffff_0000, 0), Some(Duration::from_secs(1)), "the middle turns over");
    }

    #[test]
    fn units_are_parts_of_a_second() {
        assert_eq!(to_units(Duration::from_millis(1_500)), 0x1_8000);
        assert_eq!(from_units(0x1_8000), Duration::from_millis(1_500));
        assert_eq!([to_units(Duration::MAX), to_units(Duration::from_secs(65_536))], [u32::MAX; 2]);
        assert!(from_units(u32::MAX) < Duration::from_secs(65_536));
    }

    proptest! {
        #[test]
        fn a_time_goes_there_and_back(ntp: u64, seconds in 0..4_000_000_000_u64, nanos in 0..1_000_000_000_u32) {
            let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            prop_assert_eq!(NtpTime::from_system(time).to_system(), time);
            let again = NtpTime::from_system(NtpTime(ntp).to_system());
            // A nanosecond is four units.
            prop_assert!(again.0.wrapping_sub(ntp) <= 4, "{} {}", again.0, ntp);
        }

        #[test]
        fn any_answer_is_none_or_short(now: u64, last_report: u32, since: u32) {
            let trip = round_trip(NtpTime(now), last_report, since);
            prop_assert!(trip.is_none_or(|t| t < Duration::from_secs(32_768)));
        }
    }
}
