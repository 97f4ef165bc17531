//! How good a session's network is, from 1 (excellent) to 6 (cut off), as the pusher's netQualityLevel of old pages.

use std::time::Duration;

/// Loss of either direction, as a fraction, from which each level from 2 on holds. Level 5 is the weak-network hint:
/// from about 7 % Opus with in-band FEC is heard to suffer and video stalls between retransmissions.
const LOSS: [f32; 4] = [0.01, 0.025, 0.045, 0.07];

/// Round trip from which each level from 2 on holds. 400 ms one way is where talk breaks down (ITU-T G.114).
const ROUND_TRIP: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(350),
    Duration::from_millis(550),
    Duration::from_millis(800),
];

/// Samples (one a second) that the loss is averaged over. Higher: steadier. Lower: the hint comes and goes sooner.
const WINDOW: usize = 3;

/// Samples in a row that must be better before the level falls.
const CALM: u8 = 2;

/// Samples in a row without a single datagram from the peer that mean it is cut off.
const SILENT: u8 = 4;

/// The level that a session starts with.
pub(crate) const FIRST_LEVEL: u8 = 1;

/// The level of a session that hears nothing.
const CUT_OFF: u8 = 6;

/// One second of a session.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    /// Fraction lost of what we sent to it (from its transport-wide feedback and receiver reports).
    pub(crate) sent_lost: Option<f32>,
    /// Fraction lost of what it sent us.
    pub(crate) received_lost: Option<f32>,
    pub(crate) round_trip: Option<Duration>,
    /// At least one datagram came from it.
    pub(crate) heard: bool,
}

/// The judge of one session.
#[derive(Debug)]
pub(crate) struct Quality {
    losses: [f32; WINDOW],
    next: usize,
    level: u8,
    calm: u8,
    silent: u8,
}

impl Default for Quality {
    fn default() -> Self {
        Self { losses: [0.0; WINDOW], next: 0, level: FIRST_LEVEL, calm: 0, silent: 0 }
    }
}

impl Quality {
    /// Takes a second; gives the level if it changed. It rises at once and falls after [`CALM`] better seconds.
    pub(crate) fn sample(&mut self, s: Sample) -> Option<u8> {
        self.silent = if s.heard { 0 } else { self.silent.saturating_add(1) };
        let worse = |a: Option<f32>, b: Option<f32>| a.unwrap_or(0.0).max(b.unwrap_or(0.0));
        self.losses[self.next] = worse(s.sent_lost, s.received_lost).clamp(0.0, 1.0);
        self.next = (self.next + 1) % WINDOW;
        let level = self.judge(s.round_trip);
        if level >= self.level {
            self.calm = 0;
        } else {
            self.calm += 1;
            if self.calm < CALM {
                return None;
            }
        }
        let changed = level != self.level;
        if changed {
            self.level = level;
            self.calm = 0;
        }
        changed.then_some(level)
    }

    fn judge(&self, round_trip: Option<Duration>) -> u8 {
        if self.silent >= SILENT {
            return CUT_OFF;
        }
        #[allow(clippy::cast_precision_loss)] // WINDOW is a handful.
        let loss = self.losses.iter().sum::<f32>() / WINDOW as f32;
        let by_loss = LOSS.iter().filter(|&&l| loss >= l).count();
        let by_delay = ROUND_TRIP.iter().filter(|&&r| round_trip.is_some_and(|t| t >= r)).count();
        #[allow(clippy::cast_possible_truncation)] // At most four.
        let level = 1 + by_loss.max(by_delay) as u8;
        level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lossy(fraction: f32) -> Sample {
        Sample { sent_lost: Some(fraction), heard: true, ..Sample::default() }
    }

    fn run(q: &mut Quality, s: Sample, seconds: usize) -> Vec<u8> {
        (0..seconds).filter_map(|_| q.sample(s)).collect()
    }

    #[test]
    fn ten_per_cent_loss_is_a_hint_within_five_seconds_and_goes_after_recovery() {
        let mut q = Quality::default();
        assert!(run(&mut q, lossy(0.0), 10).is_empty());
        assert_eq!(run(&mut q, lossy(0.1), 5).last(), Some(&5));
        let recovery = run(&mut q, lossy(0.0), 6);
        assert_eq!(recovery.last(), Some(&1), "{recovery:?}");
    }

    #[test]
    fn loss_of_either_direction_counts() {
        let mut q = Quality::default();
        let s = Sample { received_lost: Some(0.1), heard: true, ..Sample::default() };
        assert_eq!(run(&mut q, s, 5).last(), Some(&5));
    }

    #[test]
    fn one_better_second_does_not_make_it_flap() {
        let mut q = Quality::default();
        run(
            &mut q,
            Sample { round_trip: Some(Duration::from_millis(900)), heard: true, ..Sample::default() },
            2,
        );
        assert_eq!(q.sample(lossy(0.0)), None);
        assert_eq!(
            q.sample(Sample {
                round_trip: Some(Duration::from_millis(900)),
                heard: true,
                ..Sample::default()
            }),
            None
        );
    }

    #[test]
    fn silence_is_cut_off_until_something_is_heard() {
        let mut q = Quality::default();
        assert_eq!(run(&mut q, Sample::default(), 10), [6]);
        assert_eq!(run(&mut q, lossy(0.0), 3), [1]);
    }
}
