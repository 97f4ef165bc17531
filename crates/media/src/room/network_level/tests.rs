use super::*;

/// Packets a second of a voice, and of a video call.
const VOICE: u32 = 50;
const VIDEO: u32 = 150;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A second in which nothing is wrong.
fn good(packets: u32) -> Sample {
    let all = Tally { expected: packets, lost: 0 };
    Sample { sent: all, received: all, feedback: Feedback::Came, round_trip: Some(MS(40)), heard: true }
}

fn lossy(packets: u32, up: u32, down: u32) -> Sample {
    let tally = |lost| Tally { expected: packets, lost };
    Sample { sent: tally(down), received: tally(up), ..good(packets) }
}

/// The level after each sample.
fn levels(q: &mut LevelJudge, samples: impl IntoIterator<Item = Sample>) -> Vec<u8> {
    let after = |s| {
        q.sample(s);
        q.level.now
    };
    samples.into_iter().map(after).collect()
}

fn told(q: &mut LevelJudge, s: Sample, seconds: usize) -> Vec<Option<u8>> {
    (0..seconds).map(|_| q.sample(s)).collect()
}

/// After ten good seconds of a call.
fn settled(packets: u32) -> LevelJudge {
    let mut q = LevelJudge::default();
    assert_eq!(levels(&mut q, [good(packets); 10]), [1; 10]);
    q
}

#[test]
fn a_tenth_lost_either_way_is_the_hint_within_four_seconds_and_goes_within_seven() {
    // Lost in each second, over and over; the second in which it begins may be a good one for the most part.
    let patterns: [(&str, u32, &[u32]); 7] = [
        ("evenly", VIDEO, &[15]),
        ("evenly, from within a second", VIDEO, &[3, 15, 15, 15]),
        ("every other second", VIDEO, &[30, 0]),
        ("every other second, late", VIDEO, &[0, 30]),
        ("a voice, evenly", VOICE, &[5]),
        ("a voice in bursts", VOICE, &[8, 1, 6]),
        ("a voice, late", VOICE, &[0, 9]),
    ];
    for (name, packets, lost) in patterns {
        for up in [true, false] {
            let mut q = settled(packets);
            let seconds = lost.iter().cycle().take(4);
            let bad = seconds.map(|&n| lossy(packets, if up { n } else { 0 }, if up { 0 } else { n }));
            let rising = levels(&mut q, bad.collect::<Vec<_>>());
            assert!(rising.contains(&5), "{name}, up {up}: {rising:?}");
            let falling = levels(&mut q, [good(packets); 7]);
            assert_eq!(falling.last(), Some(&1), "{name}, up {up}: {falling:?}");
            assert!(falling[0] >= 5, "{name}: one good second is none: {falling:?}");
        }
    }
}

/// A tenth of a session's packets is seen within five seconds, 2 % of them are not, nor 3 % of a video call's: as far as
/// chance lets it, which with a voice's few packets hides a little and makes a little.
#[test]
fn chance_neither_hides_loss_nor_makes_it() {
    const CALLS: usize = 400;
    const HOUR: usize = 3_600;
    let mut seed = 7u64;
    let mut draw = |packets: u32, per_mille: u64| -> u32 {
        let hit = |_: &u32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % 1_000 < per_mille
        };
        u32::try_from((0..packets).filter(hit).count()).unwrap()
    };
    for (packets, most) in [(VIDEO, 0), (VOICE, CALLS / 25)] {
        let missed = (0..CALLS).filter(|_| {
            let mut q = settled(packets);
            let seconds: Vec<_> = (0..5).map(|_| lossy(packets, draw(packets, 100), 0)).collect();
            !levels(&mut q, seconds).contains(&5)
        });
        let missed = missed.count();
        assert!(missed <= most, "{missed} of {CALLS} calls with {packets} packets a second");
    }
    for (packets, per_mille, most) in [(VIDEO, 20, 0), (VIDEO, 30, 0), (VOICE, 20, 3)] {
        let seconds: Vec<_> =
            (0..HOUR).map(|_| lossy(packets, draw(packets, per_mille), draw(packets, per_mille))).collect();
        let after = levels(&mut settled(packets), seconds);
        let hints = after.windows(2).filter(|w| w[0] < 5 && w[1] >= 5).count();
        assert!(hints <= most, "{packets} packets a second, {per_mille} per mille: {hints} in an hour");
    }
}

#[test]
fn few_packets_say_little() {
    let mut q = settled(VOICE);
    // A second with three packets, of which one is lost, between seconds with 50.
    let little = levels(&mut q, [lossy(3, 1, 0), good(VOICE), lossy(3, 1, 0), good(VOICE)]);
    assert!(little.iter().all(|&l| l < 4), "{little:?}");
    // What one second with many lost, those with few lose not again.
    let mut q = settled(VIDEO);
    let mostly_silent = levels(&mut q, [lossy(1, 1, 0), lossy(1, 1, 0), lossy(VIDEO, 0, 0)]);
    assert!(mostly_silent.iter().all(|&l| l < 3), "{mostly_silent:?}");
}

#[test]
fn round_trips_have_their_levels_and_one_late_packet_is_none() {
    let slow = |ms| Sample { round_trip: Some(MS(ms)), ..good(VOICE) };
    for (ms, level) in [(149, 1), (150, 2), (250, 3), (350, 4), (450, 5), (500, 5), (1_000, 5), (90_000, 5)] {
        let mut q = settled(VOICE);
        assert_eq!(levels(&mut q, [slow(ms); 2]), [1, level], "{ms} ms");
    }
    let mut q = settled(VOICE);
    assert_eq!(levels(&mut q, [slow(900), slow(40), slow(900), slow(40)]), [1; 4]);
}

#[test]
fn a_network_at_a_limit_does_not_flicker() {
    let slow = |ms| Sample { round_trip: Some(MS(ms)), ..good(VIDEO) };
    let mut q = settled(VIDEO);
    levels(&mut q, [slow(460); 2]);
    assert_eq!(levels(&mut q, [300, 440, 280, 460].map(slow)), [5; 4], "above 0.6 of what brought it");
    assert_eq!(levels(&mut q, [slow(260), slow(460), slow(460), slow(260)]), [5; 4], "one better second");
    assert_eq!(levels(&mut q, [slow(40); 4]), [5, 1, 1, 1], "neither of two, twice in a row");

    let mut q = settled(VIDEO);
    levels(&mut q, [lossy(VIDEO, 15, 0); 4]);
    assert_eq!(levels(&mut q, [lossy(VIDEO, 6, 0); 9]), [5; 9], "4 %, which would not bring it");
    assert_eq!(levels(&mut q, [lossy(VIDEO, 2, 0); 8]).last(), Some(&2));
}

#[test]
fn a_dead_downlink_is_noticed_while_the_uplink_delivers() {
    let dead =
        Sample { sent: Tally::default(), feedback: Feedback::Missing, round_trip: None, ..good(VOICE) };
    let mut q = settled(VOICE);
    assert_eq!(levels(&mut q, [dead; 4]), [1, 5, 6, 6]);
    assert_eq!(levels(&mut q, [good(VOICE); 4]).last(), Some(&1));
    // One gap is a lost report, and who never gives feedback cannot miss it.
    assert_eq!(levels(&mut q, [dead, good(VOICE), dead, good(VOICE)]), [1; 4]);
    assert_eq!(levels(&mut LevelJudge::default(), [dead; 9]), [1; 9]);
    // Nor is it due where nothing is sent.
    let idle = Sample { feedback: Feedback::NotDue, ..dead };
    assert_eq!(levels(&mut q, [idle; 9]), [1; 9]);
    assert_eq!(Feedback::of(MIN_PACKETS_OF_SENDER - 1, false), Feedback::NotDue);
    assert_eq!(Feedback::of(MIN_PACKETS_OF_SENDER, false), Feedback::Missing);
    assert_eq!(Feedback::of(0, true), Feedback::Came);
}

#[test]
fn three_silent_seconds_are_cut_off_until_something_is_heard() {
    let mut q = settled(VOICE);
    assert_eq!(levels(&mut q, [Sample::default(); 4]), [1, 1, 6, 6]);
    assert_eq!(levels(&mut q, [good(VOICE); 3]), [6, 1, 1]);
    // The same while media is sent to it without an answer.
    let unanswered = Sample { feedback: Feedback::Missing, ..Sample::default() };
    assert_eq!(levels(&mut q, [unanswered; 3]), [1, 5, 6]);
    // A peer with nothing to say is heard by its checks alone.
    let mut q = LevelJudge::default();
    let check = Sample { heard: true, ..Sample::default() };
    let quiet = Sample::default();
    let checks = [check, quiet, quiet, quiet, quiet, check, quiet, quiet, check];
    assert_eq!(levels(&mut q, checks), [1; 9]);
    assert_eq!(levels(&mut q, [quiet; 13]).last(), Some(&6));
}

#[test]
fn after_a_blackout_what_was_lost_in_it_is_forgotten() {
    let mut q = settled(VIDEO);
    assert_eq!(levels(&mut q, [Sample { feedback: Feedback::Missing, ..Sample::default() }; 5])[4], 6);
    // The first packet shows how many are missing.
    let back = lossy(6 * VIDEO, 5 * VIDEO, 5 * VIDEO);
    let after = levels(&mut q, [&[back][..], &[good(VIDEO); 7]].concat());
    assert_eq!(after.last(), Some(&1), "{after:?}");
}

#[test]
fn what_is_known_of_a_direction_is_kept_for_a_while_and_then_forgotten() {
    // Receiver reports that come every five seconds.
    let report = Sample { sent: Tally { expected: 250, lost: 25 }, ..good(0) };
    let between = Sample { sent: Tally::default(), received: Tally::default(), ..good(VOICE) };
    let seconds = [report, between, between, between, between].repeat(4);
    let mut q = LevelJudge::default();
    let all = levels(&mut q, seconds);
    assert!(all[6..].iter().all(|&l| l == 5), "{all:?}");
    assert_eq!(levels(&mut q, [between; 8]).last(), Some(&1), "the reports stay away");
}

#[test]
fn the_first_level_is_told_then_changes_and_a_bad_one_again() {
    let mut q = LevelJudge::default();
    let best = [&[Some(1)][..], &[None; 29]].concat();
    assert_eq!(told(&mut q, good(VOICE), 70), [&best[..], &best, &best[..10]].concat());
    let slow = Sample { round_trip: Some(MS(500)), ..good(VOICE) };
    let again = [None, Some(5), None, None, None, None, Some(5), None, None, None, None, Some(5)];
    assert_eq!(told(&mut q, slow, 12), again);
    assert_eq!(told(&mut q, good(VOICE), 9), [None, None, Some(1), None, None, None, None, None, None]);
    // A session that begins in a bad network says so at once.
    let mut q = LevelJudge::default();
    assert_eq!(told(&mut q, lossy(VIDEO, 50, 0), 2), [Some(5), None]);
}

#[test]
fn whatever_is_claimed_there_is_a_level() {
    let most = Tally { expected: u32::MAX, lost: u32::MAX };
    let wild = Sample { sent: most, received: most, round_trip: Some(Duration::MAX), ..good(VOICE) };
    let mut q = LevelJudge::default();
    assert_eq!(levels(&mut q, [wild; 300]), [5; 300]);
    assert_eq!(levels(&mut q, [Sample::default(); 300]).last(), Some(&6));
}
