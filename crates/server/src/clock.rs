//! The one place where the server reads the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tring_protocol::Timestamp;

/// Wall-clock time taken once and advanced by the monotonic clock, so that it never runs backwards: deadlines and call
/// durations do not jump when somebody sets the machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    epoch: Timestamp,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let epoch = Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(0));
        Self { started: Instant::now(), epoch }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.epoch + self.started.elapsed()
    }

    /// The monotonic instant of a timestamp, for timers; now if it has passed.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.started + at.since(self.epoch)
    }
}
