//! The clock of one push, without its steps: a phone's owner sets it, or its encoder counts from somewhere else.
//!
//! Every reader of a stream (players, the bridge, the judge of its network) is given times that go on as sound and picture
//! do, so none of them has to know a clock that was set from time that has passed.

use crate::rtmp::TagKind;
use std::time::Instant;

/// How far the times of sound, or of pictures, may step back and still be an encoder's unevenness. A clock that is set back
/// by more is followed. Higher: after a smaller step all frames of its span share one time. Lower: uneven times shift sound
/// against pictures.
const STEP_BACK_MS: i64 = 50;

/// How much further than our own clock the times of sound, or of pictures, may step on in one frame. What the network held
/// up comes at once, with the steps that it was sent with: this must be more than the longest time between two frames.
/// Higher: a clock that is set on by less leaves a hole. Lower: a stream of few pictures on a bad network loses time.
const STEP_ON_MS: i64 = 500;

/// How far apart sound and pictures of one push may begin. Beyond it they count from different clocks.
const BEGIN_APART_MS: i64 = 5_000;

/// How near to where it belongs a frame must come by the setting that the other kind brought, to take it over: both then
/// keep the distance that they had. Higher: two settings within a moment are taken for one. Lower: on a shaky network sound
/// and picture lose each other at a step.
const SAME_SETTING_MS: i64 = 1_000;

/// How a clock is set: what must be added to its times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Setting {
    /// Rises each time the clock is set.
    number: u32,
    offset: u32,
}

/// The newest frame of a kind.
#[derive(Debug, Clone, Copy)]
struct Newest {
    /// As it came.
    timestamp: u32,
    /// As it is given on.
    at: u32,
    arrived: Instant,
    setting: Setting,
}

/// Takes the steps out of the times of one connection.
#[derive(Debug, Default)]
pub(super) struct PushClock {
    setting: Setting,
    sound: Option<Newest>,
    pictures: Option<Newest>,
}

impl PushClock {
    /// The time of a frame, in milliseconds modulo 2^32: the first one's own, then as far on as sound and picture are.
    /// `timestamp` is as it came; headers and metadata have no time and must not be given.
    pub(super) fn follow(&mut self, kind: TagKind, timestamp: u32, now: Instant) -> u32 {
        let (known, other) = match kind {
            TagKind::Video => (self.pictures, self.sound),
            TagKind::Audio | TagKind::Metadata => (self.sound, self.pictures),
        };
        let by = |setting: Setting| timestamp.wrapping_add(setting.offset);
        let setting = match (known, other) {
            (Some(before), _) => {
                let step = apart(timestamp, before.timestamp);
                let passed = millis(now, before.arrived);
                let off = |setting| apart(by(setting), before.at).saturating_sub(passed).abs();
                let goes_on = (-STEP_BACK_MS..=passed.saturating_add(STEP_ON_MS)).contains(&step);
                // The other kind's clock was set before: this kind's is when its own frame fits that setting.
                let fits_newest = before.setting != self.setting
                    && off(self.setting) < if goes_on { off(before.setting) } else { SAME_SETTING_MS };
                // A phone with a full uplink drops pictures and keeps its sound: what agrees with that is time.
                let with_other = step > 0
                    && other.is_some_and(|o| {
                        o.setting == before.setting && apart(by(before.setting), o.at).abs() <= STEP_ON_MS
                    });
                match (fits_newest, goes_on || with_other) {
                    (true, _) => self.setting,
                    (false, true) => before.setting,
                    (false, false) => self.set(before, passed.max(1), timestamp),
                }
            }
            (None, Some(other)) if apart(by(self.setting), other.at).abs() > BEGIN_APART_MS => {
                self.set(other, millis(now, other.arrived), timestamp)
            }
            (None, _) => self.setting,
        };
        let newest = Newest { timestamp, at: by(setting), arrived: now, setting };
        match kind {
            TagKind::Video => self.pictures = Some(newest),
            TagKind::Audio | TagKind::Metadata => self.sound = Some(newest),
        }
        newest.at
    }

    /// The clock was set: `timestamp` is so long after that frame.
    fn set(&mut self, before: Newest, passed: i64, timestamp: u32) -> Setting {
        let at = before.at.wrapping_add(u32::try_from(passed).unwrap_or(u32::MAX));
        self.setting =
            Setting { number: self.setting.number.wrapping_add(1), offset: at.wrapping_sub(timestamp) };
        self.setting
    }
}

/// How far one time is after another.
fn apart(at: u32, before: u32) -> i64 {
    i64::from(at.wrapping_sub(before).cast_signed())
}

fn millis(now: Instant, before: Instant) -> i64 {
    i64::try_from(now.saturating_duration_since(before).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// A phone's stream for six seconds, 50 frames of sound and 15 pictures a second, which its encoder takes 80 ms longer
    /// for. `clock`: the phone's time at a moment of ours. Gives what each kind is given, with its moment.
    fn push(clock: impl Fn(i64) -> i64) -> [Vec<(i64, u32)>; 2] {
        push_late(clock, |_| 0)
    }

    fn push_late(clock: impl Fn(i64) -> i64, late: impl Fn(i64) -> i64) -> [Vec<(i64, u32)>; 2] {
        let mut frames: Vec<(i64, i64, TagKind)> =
            (0..300).map(|n| (n * 20, n * 20, TagKind::Audio)).collect();
        frames.extend((0..90).map(|n| (n * 66, n * 66 + 80, TagKind::Video)));
        frames.sort_by_key(|&(captured, sent, kind)| (sent + late(sent), captured, kind == TagKind::Video));
        let (mut followed, start) = (PushClock::default(), Instant::now());
        let mut given = [Vec::new(), Vec::new()];
        for (captured, sent, kind) in frames {
            let now = start + Duration::from_millis((sent + late(sent)).try_into().unwrap());
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as RTMP does
            let timestamp = clock(captured) as u32;
            let at = followed.follow(kind, timestamp, now);
            given[usize::from(kind == TagKind::Video)].push((captured, at));
        }
        given
    }

    /// The times of each kind go on as its frames were captured, to so many milliseconds at a step.
    fn assert_steady(given: &[Vec<(i64, u32)>; 2], tolerance: i64) {
        for times in given {
            for pair in times.windows(2) {
                let (captured, at) = (pair[1].0 - pair[0].0, apart(pair[1].1, pair[0].1));
                assert!(at > 0, "two frames share a time: {pair:?}");
                assert!((at - captured).abs() <= tolerance, "{pair:?}");
            }
        }
    }

    /// Sound and picture are as far apart at the end as at the start.
    fn assert_in_step(given: &[Vec<(i64, u32)>; 2], tolerance: i64) {
        let off = |times: &[(i64, u32)]| {
            times.last().map(|&(captured, at)| i64::from(at.cast_signed()) - captured).unwrap()
        };
        let apart = off(&given[0]) - off(&given[1]);
        assert!(apart.abs() <= tolerance, "{apart} ms");
    }

    #[test]
    fn a_clock_that_nobody_sets_is_given_on_as_it_is() {
        for first in [0, 77_000, i64::from(u32::MAX) - 3_000] {
            let given = push(|at| at + first);
            for &(captured, at) in given.iter().flatten() {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // as RTMP does
                let expected = (captured + first) as u32;
                assert_eq!(at, expected);
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_or_on_is_followed_whatever_the_step() {
        for step in [-90_000, -5_100, -4_900, -1_500, -150, 700, 1_500, 4_900, 5_100, 86_400_000] {
            let given = push(|at| 100_000 + at + if at >= 2_000 { step } else { 0 });
            assert_steady(&given, 80);
            assert_in_step(&given, 1);
            // Pictures are the first that are set.
            let given = push(|at| 100_000 + at + if at >= 1_981 { step } else { 0 });
            assert_steady(&given, 80);
            assert_in_step(&given, 1);
        }
    }

    #[test]
    fn a_clock_that_is_set_twice_is_followed_twice() {
        let given = push(|at| {
            100_000 + at - if at >= 2_000 { 1_500 } else { 0 } + if at >= 2_200 { 3_000 } else { 0 }
        });
        assert_steady(&given, 100);
        assert_in_step(&given, 1);
    }

    /// A phone in the background sends nothing, and its clock goes on: the hole is as long as it was.
    #[test]
    fn time_that_passes_without_a_frame_is_no_step() {
        let (mut clock, start) = (PushClock::default(), Instant::now());
        assert_eq!(clock.follow(TagKind::Audio, 1_000, start), 1_000);
        assert_eq!(clock.follow(TagKind::Audio, 61_000, start + Duration::from_secs(60)), 61_000);
        assert_eq!(clock.follow(TagKind::Video, 61_010, start + Duration::from_secs(60)), 61_010);
    }

    #[test]
    fn what_a_network_held_up_keeps_its_times() {
        // Two seconds of nothing, then all of it at once.
        let late = |sent: i64| if (1_000..3_000).contains(&sent) { 3_000 - sent } else { 0 };
        for &(captured, at) in push_late(|at| at, late).iter().flatten() {
            assert_eq!(i64::from(at), captured);
        }
    }

    /// An uplink stands still for three seconds; the phone keeps the sound, and drops the pictures of that time.
    #[test]
    fn pictures_that_a_phone_has_dropped_leave_the_rest_in_step() {
        let (mut clock, start) = (PushClock::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        assert_eq!(clock.follow(TagKind::Video, 1_000, at(1_000)), 1_000);
        assert_eq!(clock.follow(TagKind::Audio, 1_000, at(1_000)), 1_000);
        for n in 1..=150 {
            assert_eq!(clock.follow(TagKind::Audio, 1_000 + n * 20, at(4_000)), 1_000 + n * 20);
        }
        assert_eq!(clock.follow(TagKind::Video, 1_066, at(4_001)), 1_066, "one that was on its way");
        assert_eq!(clock.follow(TagKind::Video, 4_000, at(4_080)), 4_000);
        assert_eq!(clock.follow(TagKind::Audio, 4_020, at(4_081)), 4_020);
    }

    #[test]
    fn sound_and_pictures_that_begin_with_different_clocks_begin_together() {
        let (mut clock, start) = (PushClock::default(), Instant::now());
        assert_eq!(clock.follow(TagKind::Audio, 5, start), 5);
        let at = clock.follow(TagKind::Video, 9_000_000, start + Duration::from_millis(40));
        assert_eq!(at, 45);
        assert_eq!(clock.follow(TagKind::Video, 9_000_066, start + Duration::from_millis(106)), 111);
        assert_eq!(clock.follow(TagKind::Audio, 105, start + Duration::from_millis(106)), 105);
    }

    #[test]
    fn an_uneven_encoder_is_not_a_clock_that_is_set() {
        let (mut clock, start) = (PushClock::default(), Instant::now());
        let given = [1_000, 1_021, 980, 1_042].map(|t| clock.follow(TagKind::Audio, t, start));
        assert_eq!(given, [1_000, 1_021, 980, 1_042]);
    }

    proptest! {
        /// Whatever the clock does, no frame is further from the one before of its kind than time has passed, and none is far
        /// behind it.
        #[test]
        fn nothing_steps_back_far_and_nothing_runs_ahead(
            frames in prop::collection::vec((any::<bool>(), any::<u32>(), 0_u64..3_000), 1..200),
        ) {
            let (mut clock, mut now) = (PushClock::default(), Instant::now());
            let mut before: [Option<(u32, Instant)>; 2] = [None; 2];
            for (video, timestamp, passes) in frames {
                now += Duration::from_millis(passes);
                let kind = if video { TagKind::Video } else { TagKind::Audio };
                let at = clock.follow(kind, timestamp, now);
                if let Some((last, then)) = before[usize::from(video)].replace((at, now)) {
                    let step = apart(at, last);
                    let passed = millis(now, then);
                    prop_assert!(step >= -SAME_SETTING_MS, "{step}");
                    prop_assert!(step <= passed + SAME_SETTING_MS, "{step} in {passed} ms");
                }
            }
        }
    }
}
