//! Token buckets: how often something may happen, with time as an argument.

use tring_protocol::Timestamp;

/// Lets `burst` things happen at once and `per_second` in the long run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    tokens: f32,
    filled: Timestamp,
}

/// The size and the refill of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) burst: f32,
    pub(crate) per_second: f32,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Timestamp) -> Self {
        Self { tokens: rate.burst, filled: now }
    }

    /// Takes one token. False if there is none: too often.
    pub(crate) fn take(&mut self, rate: Rate, now: Timestamp) -> bool {
        let gained = now.since(self.filled).as_secs_f32() * rate.per_second;
        self.tokens = (self.tokens + gained).min(rate.burst);
        self.filled = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let rate = Rate { burst: 3.0, per_second: 2.0 };
        let t0 = Timestamp::from_secs(100);
        let mut bucket = Bucket::full(rate, t0);
        assert_eq!([0; 4].map(|_| bucket.take(rate, t0)), [true, true, true, false]);
        assert!(!bucket.take(rate, t0 + Duration::from_millis(400)));
        assert!(bucket.take(rate, t0 + Duration::from_millis(600)));
        let later = t0 + Duration::from_secs(3600);
        assert_eq!(
            [0; 4].map(|_| bucket.take(rate, later)),
            [true, true, true, false],
            "never above the burst"
        );
    }
}
