//! How long things took, and quantiles of that.

use super::report::millis;
use std::time::Duration;

/// How long each of some things took, in no order.
#[derive(Debug, Default, Clone)]
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    pub(crate) fn add(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The duration that this share of them (0 to 1) stays within. `None`: there are none.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // an index
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }

    /// The 99th percentile, or the longest duration there is where nothing was measured: then no bar is met.
    pub(crate) fn p99(&self) -> Duration {
        self.quantile(0.99).unwrap_or(Duration::MAX)
    }

    /// Median and 99th percentile for people: `1.20 ms / 3.40 ms`, or `none`.
    pub(crate) fn quantiles(&self) -> String {
        match (self.quantile(0.5), self.quantile(0.99)) {
            (Some(p50), Some(p99)) => format!("{} / {}", millis(p50), millis(p99)),
            _ => "none".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact() {
        let mut durations = Durations::default();
        assert_eq!((durations.quantile(0.5), durations.p99()), (None, Duration::MAX));
        (1..=100).rev().for_each(|n| durations.add(Duration::from_millis(n)));
        assert_eq!(durations.quantile(0.5), Some(Duration::from_millis(50)));
        assert_eq!(durations.p99(), Duration::from_millis(99));
        assert_eq!(durations.count(), 100);
        assert_eq!(durations.quantiles(), "50.00 ms / 99.00 ms");
    }
}
