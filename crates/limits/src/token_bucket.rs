//! Token buckets: so much at once, so much in the long run.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// A point in time of a clock that does not go back.
pub trait Moment: Copy + Ord {
    /// The time since `earlier`, zero if `earlier` is later.
    fn since(self, earlier: Self) -> Duration;
}

impl Moment for Instant {
    fn since(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

/// How much a [`Bucket`] lets through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// At once.
    pub burst: f64,
    /// A second, in the long run.
    pub per_second: f64,
}

/// What is left of a [`Rate`]. Starts full. It does not keep its rate, so that a million of them are small.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<T = Instant> {
    left: f64,
    /// When `left` was right.
    at: T,
}

impl<T: Moment> Bucket<T> {
    /// A full one.
    pub fn full(rate: Rate, now: T) -> Self {
        Self { left: rate.burst, at: now }
    }

    fn left(&self, rate: Rate, now: T) -> f64 {
        (self.left + now.since(self.at).as_secs_f64() * rate.per_second).min(rate.burst)
    }

    /// Whether there is enough for `n`.
    pub fn has(&self, n: f64, rate: Rate, now: T) -> bool {
        self.left(rate, now) >= n
    }

    /// Takes one. False: there is none, it is too early; nothing was taken.
    pub fn take(&mut self, rate: Rate, now: T) -> bool {
        self.take_many(1.0, rate, now)
    }

    /// Takes `n`. False: there is not enough, it is too early; nothing was taken.
    pub fn take_many(&mut self, n: f64, rate: Rate, now: T) -> bool {
        (self.left, self.at) = (self.left(rate, now), self.at.max(now));
        let enough = self.left >= n;
        if enough {
            self.left -= n;
        }
        enough
    }

    /// Puts `n` in on top of what time brings, up to the burst.
    pub fn add(&mut self, n: f64, rate: Rate) {
        self.left = (self.left + n).min(rate.burst);
    }
}

/// Keys from which on full buckets are looked for. Lower: less memory. Higher: looked for less often.
const SWEEP_FROM: usize = 1024;

/// Most keys with a bucket of their own. Only as many different ones within the time in which a bucket fills up get
/// here; then the memory starts anew, which forgives everybody once.
const KEYS: usize = 200_000;

/// A bucket for each key, all of one rate. A bucket that is full again is as good as none, and is forgotten.
#[derive(Debug)]
pub struct Buckets<K, T = Instant> {
    rate: Rate,
    of: HashMap<K, Bucket<T>>,
    sweep_at: usize,
}

impl<K: Hash + Eq, T: Moment> Buckets<K, T> {
    /// None is kept yet: each is full.
    pub fn new(rate: Rate) -> Self {
        Self { rate, of: HashMap::new(), sweep_at: SWEEP_FROM }
    }

    /// Whether [`Self::take`] would be true.
    pub fn has(&self, key: &K, now: T) -> bool {
        self.of.get(key).is_none_or(|bucket| bucket.has(1.0, self.rate, now))
    }

    /// Takes one token of this key. False if there is none: too often.
    pub fn take(&mut self, key: K, now: T) -> bool {
        if self.of.len() >= self.sweep_at && !self.of.contains_key(&key) {
            let rate = self.rate;
            self.of.retain(|_, bucket| !bucket.has(rate.burst, rate, now));
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

    /// As a clock in milliseconds has it, which is another type than [`Instant`].
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct Millis(u64);

    impl Moment for Millis {
        fn since(self, earlier: Self) -> Duration {
            Duration::from_millis(self.0.saturating_sub(earlier.0))
        }
    }

    impl std::ops::Add<Duration> for Millis {
        type Output = Self;

        fn add(self, time: Duration) -> Self {
            Self(self.0 + u64::try_from(time.as_millis()).unwrap())
        }
    }

    const T0: Millis = Millis(100_000);

    #[test]
    fn a_burst_then_the_rate_and_never_more_than_a_burst_after_a_rest() {
        let rate = Rate { burst: 10.0, per_second: 2.0 };
        let start = Instant::now();
        let mut b = Bucket::full(rate, start);
        let mut taken = |at: Duration| (0..100).filter(|_| b.take(rate, start + at)).count();
        assert_eq!(taken(Duration::ZERO), 10);
        assert_eq!(taken(Duration::from_millis(1_500)), 3);
        assert_eq!(taken(Duration::from_secs(60)), 10);
        assert_eq!(taken(Duration::from_secs(1)), 0, "a clock that goes back gives nothing");
    }

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
