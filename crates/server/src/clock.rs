//! The one place where the server reads the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tring_protocol::Timestamp;

/// The time before which no clock can be right, since this source is younger: 2026-01-01, in seconds since the Unix epoch.
pub(crate) const NOT_BEFORE_S: u64 = 1_767_225_600;

/// Wall-clock time taken once and advanced by the monotonic clock, so that it never runs backwards: deadlines and call
/// durations do not jump when somebody sets the machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    epoch: Timestamp,
}

impl Clock {
    /// A clock that is right now.
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), epoch: wall() }
    }

    /// For deadlines and durations: never backwards.
    pub(crate) fn now(&self) -> Timestamp {
        self.epoch + self.started.elapsed()
    }

    /// The monotonic instant of a timestamp, for timers; now if it has passed.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.started + at.since(self.epoch)
    }

    /// A clock as it stands after the machine was suspended, or after its clock was set: not where the wall clock is.
    #[cfg(test)]
    pub(crate) fn behind(by: std::time::Duration) -> Self {
        let behind = wall().as_millis() - u64::try_from(by.as_millis()).unwrap();
        Self { started: Instant::now(), epoch: Timestamp::from_millis(behind) }
    }
}

/// The time of day now. Only for what other machines date, that is for UserSigs: it may jump, but theirs jumps with it,
/// while [`Clock::now`] stands still when the machine is suspended.
pub(crate) fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(0))
}
