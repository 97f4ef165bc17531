//! Token buckets: how often something may happen, with time as an argument.

use std::collections::HashMap;
use std::hash::Hash;
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

    fn tokens(&self, rate: Rate, now: Timestamp) -> f32 {
        let gained = now.since(self.filled).as_secs_f32() * rate.per_second;
        (self.tokens + gained).min(rate.burst)
    }

    /// Takes one token. False if there is none: too often.
    pub(crate) fn take(&mut self, rate: Rate, now: Timestamp) -> bool {
        self.tokens = self.tokens(rate, now);
        self.filled = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

/// Keys from which on full buckets are looked for. Lower: less memory. Higher: looked for less often.
const SWEEP_FROM: usize = 1024;

/// Most keys with a bucket of their own. Only as many different ones within the time in which a bucket fills up get
/// here; then the memory starts anew, which forgives everybody once.
const KEYS: usize = 200_000;

/// A bucket for each key, all of one rate. A bucket that is full again is as good as none, and is forgotten.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    of: HashMap<K, Bucket>,
    sweep_at: usize,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, of: HashMap::new(), sweep_at: SWEEP_FROM }
    }

    /// Whether [`Self::take`] would be true.
    pub(crate) fn has(&self, key: &K, now: Timestamp) -> bool {
        self.of.get(key).is_none_or(|bucket| bucket.tokens(self.rate, now) >= 1.0)
    }

    /// Takes one token of this key. False if there is none: too often.
    pub(crate) fn take(&mut self, key: K, now: Timestamp) -> bool {
        if self.of.len() >= self.sweep_at && !self.of.contains_key(&key) {
            let rate = self.rate;
            self.of.retain(|_, bucket| bucket.tokens(rate, now) < rate.burst);
            if self.of.len() >= KEYS {
                self.of.clear();
            }
            self.sweep_at = (self.of.len() * 2).max(SWEEP_FROM);
        }
        self.of.entry(key).or_insert_with(|| Bucket::full(self.rate, now)).take(self.rate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const T0: Timestamp = Timestamp::from_secs(100);

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let rate = Rate { burst: 3.0, per_second: 2.0 };
        let mut bucket = Bucket::full(rate, T0);
        assert_eq!([0; 4].map(|_| bucket.take(rate, T0)), [true, true, true, false]);
        assert!(!bucket.take(rate, T0 + Duration::from_millis(400)));
        assert!(bucket.take(rate, T0 + Duration::from_millis(600)));
        let later = T0 + Duration::from_secs(3600);
        assert_eq!(
            [0; 4].map(|_| bucket.take(rate, later)),
            [true, true, true, false],
            "never above the burst"
        );
    }

    #[test]
    fn each_key_has_its_own_and_looking_takes_nothing() {
        let mut buckets = Buckets::new(Rate { burst: 1.0, per_second: 1.0 });
        assert!(buckets.has(&"a", T0) && buckets.has(&"a", T0));
        assert!(buckets.take("a", T0));
        assert!(!buckets.has(&"a", T0) && !buckets.take("a", T0));
        assert!(buckets.take("b", T0));
        assert!(buckets.has(&"a", T0 + Duration::from_secs(1)));
    }

    #[test]
    fn full_buckets_are_forgotten_and_others_are_not() {
        let mut buckets = Buckets::new(Rate { burst: 2.0, per_second: 1.0 });
        for key in 0..100_000_u32 {
            // One key a millisecond: each is full again a second later.
            buckets.take(key, T0 + Duration::from_millis(key.into()));
        }
        assert!(buckets.of.len() < 4 * SWEEP_FROM, "{} are kept", buckets.of.len());
        let now = T0 + Duration::from_millis(99_999);
        assert!(buckets.take(99_999, now) && !buckets.take(99_999, now), "what is not full is still known");
    }

    #[test]
    fn however_many_keys_there_are_the_memory_is_bounded() {
        let mut buckets = Buckets::new(Rate { burst: 1.0, per_second: 0.001 });
        for key in 0..(3 * KEYS as u32) {
            buckets.take(key, T0);
        }
        assert!(buckets.of.len() <= 2 * KEYS);
    }
}
