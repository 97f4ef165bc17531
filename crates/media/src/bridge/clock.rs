//! The clocks of the two sides. RTP counts samples and parts of 90 kHz from anywhere, wraps, and says in sender reports what
//! its numbers mean; tags count milliseconds of the publisher's own clock.

use std::time::{Duration, Instant, SystemTime};

/// How fast the way is believed to have become longer, as a part of the time that passes: a publisher's clock that is slow
/// against ours looks like that, and quartz is good to 0.0001. Higher: a worse clock is followed. Lower: a queue in the
/// network is not taken for a slow clock so soon.
const LEAK: f64 = 0.001;

/// Numbers of 32 bits on a line without end.
#[derive(Debug, Default)]
pub(super) struct Unwrap(Option<(u32, i64)>);

impl Unwrap {
    pub(super) fn at(&mut self, number: u32) -> i64 {
        let (known, line) = self.0.unwrap_or((number, 0));
        let at = line + i64::from(number.wrapping_sub(known).cast_signed());
        if self.0.is_none() || at > line {
            self.0 = Some((number, at));
        }
        at
    }

    /// Where a number is on the line that is not the newest of it.
    pub(super) fn near(&self, number: u32) -> Option<i64> {
        let (known, line) = self.0?;
        Some(line + i64::from(number.wrapping_sub(known).cast_signed()))
    }
}

/// The shortest that the difference of two clocks has been of late: what came over the network came at least so late.
#[derive(Debug, Default)]
pub(super) struct Shortest(Option<(f64, f64)>);

impl Shortest {
    /// Takes a difference in milliseconds, seen at `now` in milliseconds; gives the shortest.
    pub(super) fn take(&mut self, difference: f64, now: f64) -> f64 {
        let shortest = match self.0 {
            Some((known, at)) => {
                let allowed = f64::max(now - at, 0.0) * LEAK;
                if difference > known { f64::min(difference, known + allowed) } else { difference }
            }
            None => difference,
        };
        self.0 = Some((shortest, now));
        shortest
    }

    pub(super) fn get(&self) -> Option<f64> {
        self.0.map(|(shortest, _)| shortest)
    }
}

/// Milliseconds between two moments of ours.
pub(super) fn ms_since(now: Instant, start: Instant) -> f64 {
    now.saturating_duration_since(start).as_secs_f64() * 1000.0
}

/// A moment of ours, so many milliseconds after another, not after `latest`.
pub(super) fn moment(start: Instant, ms: f64, latest: Instant) -> Instant {
    let later = Duration::try_from_secs_f64(ms.abs() / 1000.0).unwrap_or_default();
    let at = if ms < 0.0 { start.checked_sub(later) } else { start.checked_add(later) };
    at.unwrap_or(start).min(latest)
}

/// Milliseconds from one moment of a peer's NTP clock to another.
pub(super) fn ntp_ms(from: SystemTime, to: SystemTime) -> f64 {
    match to.duration_since(from) {
        Ok(later) => later.as_secs_f64() * 1000.0,
        Err(earlier) => -earlier.duration().as_secs_f64() * 1000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_old_ones_are_where_they_were() {
        let mut line = Unwrap::default();
        let at = [u32::MAX - 1, 1, u32::MAX, 0x7fff_0000, 0xfffe_0000, 5].map(|n| line.at(n));
        assert_eq!(at, [0, 3, 1, 0x7fff_0002, 0xfffe_0002, 0x1_0000_0007]);
        assert_eq!(line.near(4), Some(0x1_0000_0006));
    }

    #[test]
    fn the_shortest_way_is_followed_down_at_once_and_up_slowly() {
        let mut s = Shortest::default();
        assert_eq!((s.take(50.0, 0.0), s.take(20.0, 20.0), s.take(90.0, 40.0)), (50.0, 20.0, 20.02));
        // A clock that is 200 ppm slow is followed without an error.
        let mut s = Shortest::default();
        let worst = (0..100_000).map(|n| {
            let now = f64::from(n) * 20.0;
            (s.take(now * 0.0002, now) - now * 0.0002).abs()
        });
        assert!(worst.fold(0.0, f64::max) < 0.001);
    }
}
