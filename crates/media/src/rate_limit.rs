//! A token bucket: so much at once, so much in the long run.

use std::time::Instant;

/// How much a [`Bucket`] lets through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    /// At once.
    pub(crate) burst: f64,
    /// A second, in the long run.
    pub(crate) per_second: f64,
}

/// What is left of a [`Rate`]. Starts full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { left: rate.burst, at: now }
    }

    /// There is enough for `n`.
    pub(crate) fn has(&mut self, n: f64, rate: Rate, now: Instant) -> bool {
        self.add(now.saturating_duration_since(self.at).as_secs_f64() * rate.per_second, rate);
        self.at = self.at.max(now);
        self.left >= n
    }

    /// Takes `n`. `false`: there is not enough, and nothing was taken.
    pub(crate) fn take(&mut self, n: f64, rate: Rate, now: Instant) -> bool {
        let enough = self.has(n, rate, now);
        if enough {
            self.left -= n;
        }
        enough
    }

    /// Puts `n` in on top of what time brings, up to the burst.
    pub(crate) fn add(&mut self, n: f64, rate: Rate) {
        self.left = (self.left + n).min(rate.burst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_then_the_rate_and_never_more_than_a_burst_after_a_rest() {
        let rate = Rate { burst: 10.0, per_second: 2.0 };
        let start = Instant::now();
        let mut b = Bucket::new(rate, start);
        let mut taken = |at: Duration| (0..100).filter(|_| b.take(1.0, rate, start + at)).count();
        assert_eq!(taken(Duration::ZERO), 10);
        assert_eq!(taken(Duration::from_millis(1_500)), 3);
        assert_eq!(taken(Duration::from_secs(60)), 10);
        assert_eq!(taken(Duration::from_secs(1)), 0, "a clock that goes back gives nothing");
    }
}
