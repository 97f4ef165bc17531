//! How good a session's network is, from 1 (excellent) to 6 (cut off), as the pusher's netQualityLevel of old pages.

use std::time::Duration;

/// Share of the packets lost, in either direction, from which each level from 2 on holds. Level 5 is the weak-network
/// hint: from about 7 % Opus with in-band FEC is heard to suffer and video stalls between retransmissions.
const LOSS_LIMITS: [f64; 4] = [0.01, 0.025, 0.04, 0.065];

/// Lost packets that a limit of loss allows beyond its share: few packets say little. Of the 150 of three seconds of a
/// voice it makes 6.5 % into 7 %, of a video call's 450 hardly more than 6.5. Higher: bad luck is not taken for a bad
/// network. Lower: the hint of a voice call comes sooner.
const LOSS_ALLOWANCE: f64 = 1.0;

/// Round trip from which each level from 2 on holds. 400 ms one way is where talk breaks down (ITU-T G.114), and what the
/// devices add is not in the round trip.
const ROUND_TRIP_LIMITS: [Duration; 4] = [
    Duration::from_millis(150),
    Duration::from_millis(250),
    Duration::from_millis(350),
    Duration::from_millis(450),
];

/// Samples (one a second) that packets are counted over. Higher: steadier. Lower: the hint comes and goes sooner.
const WINDOW: usize = 3;

/// Samples of a second, longer window, for calls with few packets a second, in which a share of loss takes longer to show.
/// Higher: more of the loss that [`WINDOW`] misses is seen. Lower: it is forgotten sooner.
const LONG_WINDOW: usize = 5;

/// Share of a limit of loss that counts as reached over [`LONG_WINDOW`], where there is no [`LOSS_ALLOWANCE`]. Higher: the
/// long window sees hardly more than the short one. Lower: it takes bad luck for a bad network.
const LONG_WINDOW_SHARE: f64 = 0.9;

/// Fewest packets in [`LONG_WINDOW`] that say something. Higher: voices are left out. Lower: few packets say too much.
const LONG_WINDOW_MIN_PACKETS: f64 = 100.0;

/// Newest measured times (round trips, say) of which the best must reach a limit for a level to rise, and the worst for it
/// to stay: one late packet is no slow network, one early packet no good one. Higher: steadier. Lower: sooner.
const TIMES_COMPARED: usize = 2;

/// Share of a level's limits below which loss and times must be for the level to fall (hysteresis). Lower: a network that
/// is just at a limit flickers less. Higher: the weak-network hint goes sooner.
const FALL_BELOW: f64 = 0.6;

/// Samples in a row that must be better before the level falls. Higher: it flickers less. Lower: the hint goes sooner.
const FALL_AFTER: u8 = 2;

/// Samples in a row without any datagram after which a peer is cut off that has something to say: media, or feedback for
/// ours. Higher: a short outage is not told. Lower: it is told sooner.
const CUT_OFF_AFTER: u8 = 3;

/// Samples in a row without any datagram after which a peer is cut off that neither sends nor is sent media: it has only ICE
/// checks to say, every 2.5 s (Chromium) to 6 s (RFC 7675 §5.1), and one may be lost.
const CUT_OFF_AFTER_IDLE: u8 = 13;

/// Samples in a row with media for a peer that brought no feedback, from which each level from 5 on holds: what it sends
/// arrives, and what is sent to it does not.
const UNCONFIRMED_LIMITS: [u8; 2] = [2, 3];

/// Packets in a second from which on a peer counts as sending media, and as due feedback for media that it is sent. Higher: a
/// stream that ends is not taken for a network that fails. Lower: whoever sends little is watched too.
const MIN_PACKETS_OF_SENDER: u32 = 10;

/// Samples after which what was measured counts no more. Receiver reports of a voice come every 2.5 to 7.5 s. Higher: they
/// are not forgotten in between. Lower: what is over does not count for long.
const MAX_AGE: u8 = 8;

/// Samples after which a level above the first is told again, to devices that have come since or have missed it. Higher:
/// fewer notices. Lower: those devices know it sooner.
const REPEAT_AFTER: u8 = 5;

/// Samples after which the first level is told again: whoever missed that a network is good again reads the hint for as
/// long. Higher: fewer notices. Lower: the hint goes sooner there.
const REPEAT_FIRST_AFTER: u8 = 30;

/// The level that a session starts with.
const FIRST_LEVEL: u8 = 1;

/// The level of a session that hears nothing, or is not heard.
pub(crate) const CUT_OFF: u8 = 6;

/// Packets of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Packets that should have arrived.
    pub(crate) expected: u32,
    /// Of the expected packets, those that did not arrive.
    pub(crate) lost: u32,
}

/// What a peer said of the media that was sent to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Feedback {
    /// Nothing, nor was there much to say.
    #[default]
    NotDue,
    /// Nothing, though there was.
    Missing,
    /// What arrived.
    Came,
}

impl Feedback {
    /// Of a second in which so many packets were sent that feedback is due for, and in which it came or not.
    pub(crate) fn of(sent: u32, came: bool) -> Self {
        match (came, sent >= MIN_PACKETS_OF_SENDER) {
            (true, _) => Self::Came,
            (false, true) => Self::Missing,
            (false, false) => Self::NotDue,
        }
    }
}

/// One second of a session.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    /// What we sent to it, as it says. Nothing expected: it said nothing.
    pub(crate) sent: Tally,
    /// What it sent us.
    pub(crate) received: Tally,
    pub(crate) feedback: Feedback,
    /// The newest, if there is one of this second.
    pub(crate) round_trip: Option<Duration>,
    /// At least one datagram came from it.
    pub(crate) heard: bool,
}

/// The newest seconds of one direction that say something.
#[derive(Debug, Default)]
struct Window {
    /// The newest first, each with the samples since it.
    seconds: [(Tally, u8); LONG_WINDOW],
}

impl Window {
    fn take(&mut self, second: Tally) {
        for (_, age) in &mut self.seconds {
            *age = age.saturating_add(1);
        }
        if second.expected > 0 {
            self.seconds.rotate_right(1);
            self.seconds[0] = (second, 0);
        }
    }

    /// Packets expected and lost in the newest seconds.
    fn sum(&self, seconds: usize) -> (f64, f64) {
        let add = |(expected, lost), s: &Tally| (expected + f64::from(s.expected), lost + f64::from(s.lost));
        let known = self.seconds[..seconds].iter().filter(|(_, age)| *age < MAX_AGE);
        known.map(|(second, _)| second).fold((0.0, 0.0), add)
    }

    /// The limits of loss that are reached, each eased by a factor.
    fn reached(&self, ease: f64) -> usize {
        let ((expected, lost), (all, all_lost)) = (self.sum(WINDOW), self.sum(LONG_WINDOW));
        let reached = |&&share: &&f64| {
            lost >= (share * expected + LOSS_ALLOWANCE) * ease
                || (all >= LONG_WINDOW_MIN_PACKETS && all_lost >= share * all * LONG_WINDOW_SHARE * ease)
        };
        LOSS_LIMITS.iter().filter(reached).count()
    }
}

/// The newest of times that are measured about once a second: round trips, say.
#[derive(Debug, Default)]
pub(crate) struct RecentTimes {
    newest: [Option<Duration>; TIMES_COMPARED],
    quiet: u8,
}

impl RecentTimes {
    /// A second has passed, with a time or without.
    pub(crate) fn take(&mut self, time: Option<Duration>) {
        if time.is_none() {
            self.quiet = self.quiet.saturating_add(1);
            if self.quiet >= MAX_AGE {
                self.newest = Default::default();
            }
            return;
        }
        self.quiet = 0;
        self.newest.rotate_right(1);
        self.newest[0] = time;
    }

    /// How many of the limits are reached, each eased by a factor.
    pub(crate) fn reached(&self, limits: &[Duration], ease: f64) -> usize {
        let known = self.newest.iter().flatten();
        // A level rises with the shortest, for which all must be known, and falls with the longest.
        let time = if ease < 1.0 {
            known.max()
        } else if self.newest.contains(&None) {
            None
        } else {
            known.min()
        };
        let reached = |limit: &&Duration| time.is_some_and(|t| t.as_secs_f64() >= limit.as_secs_f64() * ease);
        limits.iter().filter(reached).count()
    }
}

/// A level, from what is measured to what is told.
#[derive(Debug)]
pub(crate) struct Level {
    now: u8,
    calm: u8,
    told: Option<u8>,
    since_told: u8,
}

impl Default for Level {
    fn default() -> Self {
        Self { now: FIRST_LEVEL, calm: 0, told: None, since_told: 0 }
    }
}

impl Level {
    /// A second has passed. `judge` gives the level by limits that are eased by a factor. Gives what is to be told: the
    /// first level, each other one, and each again every [`REPEAT_AFTER`] or [`REPEAT_FIRST_AFTER`] samples. It rises at once and
    /// falls after [`FALL_AFTER`] better seconds.
    pub(crate) fn settle(&mut self, judge: impl Fn(f64) -> u8) -> Option<u8> {
        let (level, eased) = (judge(1.0), judge(FALL_BELOW));
        if level > self.now {
            (self.now, self.calm) = (level, 0);
        } else if eased < self.now {
            self.calm += 1;
            if self.calm >= FALL_AFTER {
                (self.now, self.calm) = (eased, 0);
            }
        } else {
            self.calm = 0;
        }
        self.tell()
    }

    /// A level was told.
    pub(crate) fn was_told(&self) -> bool {
        self.told.is_some()
    }

    fn tell(&mut self) -> Option<u8> {
        self.since_told = self.since_told.saturating_add(1);
        let again = self.since_told >= if self.now > FIRST_LEVEL { REPEAT_AFTER } else { REPEAT_FIRST_AFTER };
        if self.told == Some(self.now) && !again {
            return None;
        }
        (self.told, self.since_told) = (Some(self.now), 0);
        self.told
    }
}

/// Judges the network of one session, sample by sample.
#[derive(Debug, Default)]
pub(crate) struct LevelJudge {
    sent: Window,
    received: Window,
    trips: RecentTimes,
    /// Samples in a row in which nothing was heard.
    silent: u8,
    /// Media flowed when something was last heard, or has since been sent.
    busy: bool,
    /// Feedback has come at least once: not every peer gives it.
    confirms: bool,
    unconfirmed: u8,
    level: Level,
}

impl LevelJudge {
    /// Takes a second; gives the level if it is to be told ([`Level::settle`]).
    pub(crate) fn sample(&mut self, s: Sample) -> Option<u8> {
        self.sent.take(s.sent);
        self.received.take(s.received);
        self.trips.take(s.round_trip);
        self.listen(&s);
        let mut level = std::mem::take(&mut self.level);
        let told = level.settle(|ease| self.judge(ease));
        self.level = level;
        told
    }

    /// Who says nothing, though something is due?
    fn listen(&mut self, s: &Sample) {
        let flows = s.received.expected >= MIN_PACKETS_OF_SENDER || s.feedback != Feedback::NotDue;
        if s.heard {
            (self.silent, self.busy) = (0, flows);
        } else {
            self.silent = self.silent.saturating_add(1);
            self.busy |= flows;
        }
        self.confirms |= s.feedback == Feedback::Came;
        self.unconfirmed = match s.feedback {
            Feedback::Missing if self.confirms => self.unconfirmed.saturating_add(1),
            _ => 0,
        };
    }

    fn judge(&self, ease: f64) -> u8 {
        let unconfirmed = UNCONFIRMED_LIMITS.iter().filter(|&&n| self.unconfirmed >= n).count();
        let silent = if self.busy { CUT_OFF_AFTER } else { CUT_OFF_AFTER_IDLE };
        if self.silent >= silent || unconfirmed == UNCONFIRMED_LIMITS.len() {
            return CUT_OFF;
        }
        let loss = self.sent.reached(ease).max(self.received.reached(ease));
        let worst = loss.max(self.trips.reached(&ROUND_TRIP_LIMITS, ease));
        level(if unconfirmed > 0 { LOSS_LIMITS.len() } else { worst })
    }
}

/// The level of so many limits that are reached.
pub(crate) fn level(reached: usize) -> u8 {
    FIRST_LEVEL.saturating_add(u8::try_from(reached).unwrap_or(u8::MAX)).min(CUT_OFF)
}

#[cfg(test)]
mod tests;
