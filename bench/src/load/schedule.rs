//! When each person of a load begins: one schedule for the calls, for the bare forwarder and for Janus, so that what they
//! are sent comes in the same pattern by construction.

use std::time::{Duration, Instant};
use tring_client::FRAMES_PER_SECOND;

/// Two pictures of one person lie so far apart; sound has half of it.
const PICTURE_INTERVAL: Duration = Duration::from_millis(1000 / FRAMES_PER_SECOND as u64);

/// Part of the interval between two people who follow each other: the golden ratio. So the moments of any number of people
/// are spread evenly, and no two coincide, neither those of their sound nor those of their pictures.
const STEP: f64 = 0.618_033_988_749_895;

/// When person number `person` begins, if the first one does at `begin`.
pub(super) fn start(begin: Instant, person: u32) -> Instant {
    begin + PICTURE_INTERVAL.mul_f64((f64::from(person) * STEP).fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_begin_apart_from_each_other() {
        let begin = Instant::now();
        for people in [20u32, 80, 200] {
            let sound = PICTURE_INTERVAL / 2;
            let mut starts: Vec<Duration> =
                (0..people).map(|p| start(begin, p).duration_since(begin)).collect();
            assert!(starts.iter().all(|&s| s < PICTURE_INTERVAL));
            // The sound of each falls twice into the interval of pictures.
            starts = starts
                .iter()
                .flat_map(|&s| [s, (s + sound).min(s.saturating_sub(sound).max(s + sound))])
                .collect();
            starts.iter_mut().for_each(|s| {
                if *s >= PICTURE_INTERVAL {
                    *s -= PICTURE_INTERVAL
                }
            });
            starts.sort();
            let closest = starts.windows(2).map(|w| w[1] - w[0]).min().unwrap();
            assert!(closest > PICTURE_INTERVAL / (people * 40), "{people}: {closest:?}");
        }
    }
}
