//! How good a mini-program's network is, by what its connections show. TCP loses nothing: on a bad network all is late.

use super::player::MAX_WAITING_MS;
use crate::room::network_level::{CUT_OFF, Level, RecentTimes, level};
use crate::rtmp::TagKind;
use crate::rtp::by_kind::ByKind;
use std::time::{Duration, Instant};

/// How much later than it could be what is pushed arrives, on average in a second, from which each level from 2 on holds.
/// Level 5 is the weak-network hint: a link that is too slow for the stream reaches it within a second or two. Higher: a
/// phone that sends in bursts has a good network. Lower: the hint comes sooner.
const LATE: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(350),
    Duration::from_millis(500),
];

/// Media that waits for a player, at most in a second, from which each level from 2 on holds. Beyond
/// [`MAX_WAITING_MS`] it is cut, so the last limit must be below that. A key frame alone makes about 200 ms on a link that is
/// just fast enough.
const WAITING: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(300),
    Duration::from_millis(400),
];

/// Seconds after which the fastest arrival is looked for anew; that of the time before counts so long besides. Higher: a
/// pause of the encoder, after which the stream's clock is behind, is taken for a bad network for longer. Lower: a lateness
/// that stays is taken for punctual sooner.
const FASTEST_OF: u8 = 30;

/// Seconds without any connection after which a session that was judged before is cut off. Higher: a phone that pushes anew
/// has time to. Lower: the others know it sooner.
const AWAY: u8 = 5;

/// The longest lateness that is counted, in milliseconds.
const MAX_LATE_MS: i64 = 60_000;

/// Sound or pictures.
#[derive(Debug, Clone, Copy)]
struct Line {
    /// The newest timestamp, and the same without its turn-over at 32 bits.
    newest: u32,
    time: i64,
    /// How far our clock was ahead of the stream's at the fastest arrival, in milliseconds: of these [`FASTEST_OF`]
    /// seconds and of those before.
    fastest: [i64; 2],
}

impl Line {
    fn arrived(&mut self, ahead: i64) -> i64 {
        self.fastest[0] = self.fastest[0].min(ahead);
        ahead.saturating_sub(self.fastest[0].min(self.fastest[1]))
    }
}

/// How late what is pushed arrives, by the stream's own clock. Nobody knows how long it was on its way; but what came
/// fastest shows how soon all could have come.
#[derive(Debug, Default)]
struct Arrivals {
    began: Option<Instant>,
    /// By kind: an encoder of pictures takes longer than one of sound.
    lines: ByKind<Option<Line>>,
    late_ms: i64,
    count: i64,
    seconds: u8,
}

impl Arrivals {
    /// `timestamp`: without the steps of a clock that was set ([`super::push_clock`]).
    fn arrived(&mut self, kind: TagKind, timestamp: u32, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let passed = i64::try_from(now.saturating_duration_since(began).as_millis()).unwrap_or(i64::MAX);
        let line = &mut self.lines[kind.media()];
        let step = |l: &Line| i64::from(timestamp.wrapping_sub(l.newest).cast_signed());
        let time = line.map_or(timestamp.into(), |l| l.time.saturating_add(step(&l)));
        let ahead = passed.saturating_sub(time);
        let fastest = line.map_or([i64::MAX; 2], |l| l.fastest);
        let late = line.insert(Line { newest: timestamp, time, fastest }).arrived(ahead);
        self.late_ms += late.min(MAX_LATE_MS);
        self.count += 1;
    }

    /// A second has passed: the average lateness in it, if anything came.
    fn second(&mut self) -> Option<Duration> {
        self.seconds += 1;
        if self.seconds >= FASTEST_OF {
            self.seconds = 0;
            for line in self.lines.values_mut().flatten() {
                line.fastest = [i64::MAX, line.fastest[0]];
            }
        }
        let (late, count) = (std::mem::take(&mut self.late_ms), std::mem::take(&mut self.count));
        let average = late.checked_div(count)?;
        Some(Duration::from_millis(average.unsigned_abs()))
    }
}

/// The judge of one session.
#[derive(Debug, Default)]
pub(super) struct Network {
    arrivals: Arrivals,
    /// The longest that media waited for a player since the second before, in milliseconds.
    waiting: Option<u32>,
    late: RecentTimes,
    waits: RecentTimes,
    /// Seconds without any connection.
    away: u8,
    level: Level,
}

impl Network {
    /// Something was told of it, which stands until it is told otherwise.
    pub(super) fn was_judged(&self) -> bool {
        self.level.was_told()
    }

    /// Another connection pushes from now on: its clock is another.
    pub(super) fn restart(&mut self) {
        self.arrivals = Arrivals::default();
    }

    /// A frame came from the pusher.
    pub(super) fn arrived(&mut self, kind: TagKind, timestamp: u32, now: Instant) {
        self.arrivals.arrived(kind, timestamp, now);
    }

    /// So much media waits for a player; `cut`: it was more.
    pub(super) fn waits(&mut self, ms: u32, cut: bool) {
        let ms = if cut { MAX_WAITING_MS } else { ms };
        self.waiting = self.waiting.max(Some(ms));
    }

    /// A second has passed, with a connection of the session's or without; gives the level if it is to be told.
    pub(super) fn second(&mut self, connected: bool) -> Option<u8> {
        self.away = if connected { 0 } else { self.away.saturating_add(1) };
        let gone = self.away >= AWAY;
        self.late.take(self.arrivals.second());
        self.waits.take(self.waiting.take().map(|ms| Duration::from_millis(ms.into())));
        let (late, waits) = (&self.late, &self.waits);
        let judge = |ease| level(late.reached(&LATE, ease).max(waits.reached(&WAITING, ease)));
        self.level.settle(|ease| if gone { CUT_OFF } else { judge(ease) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Seconds of a stream of 50 frames of sound and 15 pictures a second, each so late as `late` says of its time. Gives
    /// what is told after each.
    fn push(n: &mut Network, from_s: u64, seconds: u64, late: impl Fn(u64) -> u64) -> Vec<u8> {
        let start = *n.arrivals.began.get_or_insert_with(Instant::now);
        let mut told = Vec::new();
        for second in from_s..from_s + seconds {
            for i in 0..50 {
                let at = second * 1_000 + i * 20;
                n.arrived(TagKind::Audio, at as u32, start + MS(at + late(at)));
                if i % 3 == 0 {
                    n.arrived(TagKind::Video, at as u32, start + MS(at + 80 + late(at)));
                }
            }
            told.extend(n.second(true));
        }
        told
    }

    #[test]
    fn a_punctual_stream_has_a_good_network_whatever_its_clock() {
        // Jitter of TCP; a clock that is 200 ppm slow for ten minutes, and one that begins anew.
        let mut n = Network::default();
        assert_eq!(push(&mut n, 0, 20, |at| at * 7 % 90), [1]);
        let mut told = push(&mut n, 20, 600, |at| (at - 20_000) / 5_000 + at * 7 % 90);
        told.extend(push(&mut n, 7_000, 20, |at| at * 7 % 90));
        n.restart();
        told.extend(push(&mut n, 3, 20, |at| at * 7 % 90));
        assert!(told.iter().all(|&l| l == 1), "{told:?}");
    }

    #[test]
    fn a_link_that_is_too_slow_for_the_stream_is_the_hint_within_four_seconds_and_goes() {
        let mut n = Network::default();
        push(&mut n, 0, 10, |_| 0);
        // Each second of media takes 1.3 s.
        let choked = push(&mut n, 10, 4, |at| (at - 10_000) * 3 / 10);
        assert_eq!(choked.last(), Some(&5), "{choked:?}");
        let good = push(&mut n, 14, 5, |_| 0);
        assert_eq!(good.last(), Some(&1), "{good:?}");
    }

    #[test]
    fn one_stall_is_no_bad_network() {
        let mut n = Network::default();
        // Nothing for 700 ms, then all of it at once.
        let stall = |at: u64| if (5_100..5_800).contains(&at) { 5_800 - at } else { 0 };
        assert_eq!(push(&mut n, 0, 10, stall), [1]);
    }

    #[test]
    fn a_lateness_that_stays_is_told_again() {
        let mut n = Network::default();
        push(&mut n, 0, 10, |_| 0);
        assert_eq!(push(&mut n, 10, 12, |_| 900), [5, 5, 5]);
    }

    #[test]
    fn a_player_that_is_always_behind_has_a_bad_network() {
        let seconds = |n: &mut Network, waits: &[(u32, bool)]| -> Vec<u8> {
            let mut told = Vec::new();
            for &(ms, cut) in waits {
                n.waits(0, false);
                n.waits(ms, cut);
                n.waits(0, false);
                told.extend(n.second(true));
            }
            told
        };
        let mut n = Network::default();
        assert_eq!(seconds(&mut n, &[(0, false), (230, false), (20, false), (0, false)]), [1], "a key frame");
        assert!(seconds(&mut n, &[(0, false), (180, true), (0, false)]).is_empty(), "one cut");
        assert_eq!(seconds(&mut n, &[(450, false), (0, true), (430, false), (480, false)]), [5]);
        assert_eq!(seconds(&mut n, &[(0, false); 4]), [1]);
    }

    #[test]
    fn a_session_that_has_lost_its_connections_is_cut_off_until_it_has_one() {
        let mut n = Network::default();
        push(&mut n, 0, 5, |_| 0);
        let away: Vec<Option<u8>> = (0..12).map(|_| n.second(false)).collect();
        let six = |at: usize| [4, 9].contains(&at).then_some(6);
        assert_eq!(away, (0..12).map(six).collect::<Vec<_>>());
        n.restart();
        assert_eq!(push(&mut n, 20, 5, |_| 0), [1]);
    }

    #[test]
    fn one_that_pushes_nothing_is_not_judged_by_what_it_pushed_before() {
        let mut n = Network::default();
        push(&mut n, 0, 5, |_| 0);
        push(&mut n, 5, 5, |_| 900);
        let quiet: Vec<u8> = (0..12).filter_map(|_| n.second(true)).collect();
        assert_eq!(quiet.last(), Some(&1), "{quiet:?}");
    }

    #[test]
    fn a_clock_that_stood_still_for_a_while_is_no_bad_network_for_long() {
        let mut n = Network::default();
        push(&mut n, 0, 10, |_| 0);
        let after = push(&mut n, 10, 2 * u64::from(FASTEST_OF) + 5, |_| 2_000);
        assert_eq!(after.last(), Some(&1), "{after:?}");
    }

    #[test]
    fn no_timestamp_breaks_it() {
        let mut n = Network::default();
        let now = Instant::now();
        for timestamp in [0, u32::MAX, 1, u32::MAX / 2, u32::MAX / 2 + 1, 7, 5_008, 0] {
            n.arrived(TagKind::Video, timestamp, now);
            n.arrived(TagKind::Audio, timestamp, now + Duration::from_secs(1 << 40));
            n.second(true);
        }
    }
}
