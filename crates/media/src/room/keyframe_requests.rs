//! When a publisher is asked for a key frame: many receivers, one throttle (RFC 4585 §6.3.1, RFC 5104 §4.3.1).

use std::time::{Duration, Instant};

/// Shortest time between two requests to one publisher, whoever asks. Lower: a picture comes back sooner after loss.
/// Higher: a storm of requests (or a liar) makes the publisher send fewer of its largest frames.
pub(crate) const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);

/// The throttle of one track.
#[derive(Debug, Default)]
pub(crate) struct KeyframeThrottle {
    last: Option<Instant>,
    pending: bool,
}

impl KeyframeThrottle {
    /// Somebody needs a key frame. `true`: ask now; else it is remembered for [`KeyframeThrottle::due`].
    pub(crate) fn want(&mut self, now: Instant) -> bool {
        self.pending = true;
        self.take_due(now)
    }

    /// When a remembered request may go.
    pub(crate) fn due(&self) -> Option<Instant> {
        let last = self.last?;
        self.pending.then(|| last + KEYFRAME_INTERVAL)
    }

    /// `true`: ask now.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let ready = self.pending && self.last.is_none_or(|l| now >= l + KEYFRAME_INTERVAL);
        if ready {
            self.pending = false;
            self.last = Some(now);
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_becomes_one_request_an_interval_and_the_last_wish_is_kept() {
        let mut t = KeyframeThrottle::default();
        let start = Instant::now();
        let mut asked = 0;
        for ms in 0..1000 {
            let now = start + Duration::from_millis(ms);
            asked += usize::from(t.take_due(now)) + usize::from(t.want(now));
        }
        assert_eq!(asked, 4);
        let due = t.due().unwrap();
        assert!(!t.take_due(due - Duration::from_millis(1)));
        assert!(t.take_due(due));
        assert_eq!(t.due(), None);
    }
}
