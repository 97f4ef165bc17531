//! Known figures: what the link is told to do, held against what comes out.

use super::*;
use proptest::prelude::*;

/// Packets of the statistical tests: three standard deviations of a 10 % loss are 0.3 %.
const MANY: usize = 100_000;

fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

fn link(text: &str) -> Link<usize> {
    Link::new(text.parse().expect(text), 7)
}

/// Sends `count` packets of so many bytes, one every `gap`, and gives what comes out, with its times.
fn send(link: &mut Link<usize>, count: usize, bytes: usize, gap: Duration) -> Vec<(Duration, usize)> {
    let mut out = Vec::new();
    for number in 0..count {
        let now = gap * number as u32;
        drain(link, now, &mut out);
        link.push(now, number, bytes, true);
    }
    drain(link, Duration::from_secs(1 << 20), &mut out);
    out
}

fn drain(link: &mut Link<usize>, until: Duration, out: &mut Vec<(Duration, usize)>) {
    while let Some(at) = link.next_at().filter(|at| *at <= until) {
        out.extend(std::iter::from_fn(|| link.pop(at)));
    }
}

#[test]
fn a_perfect_link_gives_everything_at_once() {
    let out = send(&mut link(""), 100, 1000, us(10));
    assert_eq!(out, (0..100).map(|n| (us(10) * n as u32, n)).collect::<Vec<_>>());
}

#[test]
fn a_delay_is_exact() {
    let mut link = link("delay=50ms");
    link.push(us(3), 0, 100, true);
    assert_eq!(link.next_at(), Some(us(50_003)));
    assert_eq!(link.pop(us(50_002)), None);
    assert_eq!(link.pop(us(60_000)), Some((us(50_003), 0)));
    assert_eq!((link.counts().delayed, link.counts().longest_us), (1, 50_000));
}

#[test]
fn jitter_lies_between_the_delay_and_the_sum_evenly_and_keeps_the_order() {
    // Far apart, so that none waits for the one before.
    let out = send(&mut link("delay=50ms jitter=10ms"), 10_000, 100, us(100_000));
    let extra: Vec<f64> =
        out.iter().map(|(at, n)| (*at - us(100_000) * *n as u32).as_secs_f64() * 1000.0 - 50.0).collect();
    assert!(extra.iter().all(|ms| (-0.001..=10.001).contains(ms)));
    let mean = extra.iter().sum::<f64>() / extra.len() as f64;
    assert!((4.8..5.2).contains(&mean), "{mean}");
    let close = send(&mut link("delay=50ms jitter=10ms"), 10_000, 100, us(1000));
    assert!(close.is_sorted_by_key(|(_, n)| *n));
}

#[test]
fn random_loss_is_its_share_without_bursts() {
    for (percent, share) in [(1.0, 0.01), (5.0, 0.05), (10.0, 0.1), (50.0, 0.5)] {
        let mut link = link(&format!("loss={percent}%"));
        let out = send(&mut link, MANY, 100, us(1));
        let lost = link.counts().lost as f64 / MANY as f64;
        assert_eq!(out.len() as u64 + link.counts().lost, MANY as u64);
        let deviation = (share * (1.0 - share) / MANY as f64).sqrt();
        assert!((lost - share).abs() < 4.0 * deviation, "{percent} %: {lost}");
        // Of independent losses in a row the mean is 1 / (1 - share).
        let mean = mean_burst(&out);
        assert!((mean - 1.0 / (1.0 - share)).abs() < 0.05, "{percent} %: runs of {mean}");
    }
}

#[test]
fn bursts_have_their_mean_length_and_the_loss_its_share() {
    for (percent, burst) in [(5.0, 2.0), (10.0, 4.0), (20.0, 10.0), (50.0, 3.0)] {
        let mut link = link(&format!("loss={percent}% burst={burst}"));
        let out = send(&mut link, MANY, 100, us(1));
        let lost = 100.0 * link.counts().lost as f64 / MANY as f64;
        assert!((lost - percent).abs() < percent * 0.08, "{percent} % in bursts of {burst}: {lost} %");
        let mean = mean_burst(&out);
        assert!((mean - burst).abs() < burst * 0.08, "{percent} % in bursts of {burst}: {mean}");
    }
}

/// The mean length of gaps in the numbers.
fn mean_burst(out: &[(Duration, usize)]) -> f64 {
    let gaps: Vec<usize> = out.windows(2).map(|two| two[1].1 - two[0].1 - 1).filter(|gap| *gap > 0).collect();
    gaps.iter().sum::<usize>() as f64 / gaps.len() as f64
}

#[test]
fn the_ends_of_the_scale_are_exact() {
    assert!(send(&mut link("loss=100%"), 1000, 100, us(1)).is_empty());
    assert_eq!(send(&mut link("duplicate=100%"), 1000, 100, us(1)).len(), 2000);
    assert!(send(&mut link("down"), 1000, 100, us(1)).is_empty());
}

#[test]
fn the_same_seed_loses_the_same_packets_whatever_else_is_set() {
    let numbers = |text: &str, seed| {
        let mut link = Link::new(text.parse().expect(text), seed);
        let mut numbers: Vec<_> =
            send(&mut link, 2000, 100, us(1000)).into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    };
    let one = numbers("loss=10%", 1);
    assert_eq!(one, numbers("loss=10%", 1));
    assert_eq!(one, numbers("loss=10% delay=50ms jitter=9ms reorder=5% duplicate=20%", 1));
    assert_ne!(one, numbers("loss=10%", 2));
}

#[test]
fn a_rate_is_exact_and_the_first_packet_takes_its_time_too() {
    // 1,000 bytes at 800 kbit/s are 10 ms.
    let out = send(&mut link("rate=800kbps queue=60000ms"), 100, 1000, us(1));
    assert_eq!(out.len(), 100);
    for (at, number) in out {
        let expected = us(10_000) * (number as u32 + 1);
        assert!(at.abs_diff(expected) < us(1), "{number} at {at:?}");
    }
}

#[test]
fn a_line_that_is_not_full_loses_nothing_and_a_full_one_gives_its_rate() {
    let mut idle = link("rate=1000kbps queue=20ms");
    assert_eq!(send(&mut idle, 1000, 1000, us(8001)).len(), 1000);
    let mut full = link("rate=1000kbps queue=100ms");
    let out = send(&mut full, 10_000, 1250, us(1000)); // 10 Mbit/s for 10 s
    let seconds = out[out.len() - 1].0.as_secs_f64();
    let kbps = out.len() as f64 * 10.0 / seconds;
    assert!((995.0..1005.0).contains(&kbps), "{kbps} kbit/s");
    assert_eq!(full.counts().dropped + out.len() as u64, 10_000);
    assert!(
        full.counts().longest_us <= 110_000,
        "{} µs in a queue of 100 ms and 10 ms",
        full.counts().longest_us
    );
    assert!(full.counts().longest_us > 95_000);
}

#[test]
fn the_queue_in_bytes_holds_that_many() {
    let mut link = link("rate=100kbps queue=5000bytes");
    for number in 0..20 {
        link.push(us(0), number, 1000, true);
    }
    assert_eq!(link.counts().dropped, 15);
    let mut out = Vec::new();
    drain(&mut link, us(10_000_000), &mut out);
    assert_eq!(out.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [0, 1, 2, 3, 4], "the tail is dropped");
}

#[test]
fn a_rate_that_changes_takes_what_waits_with_it() {
    // 100 ms a packet.
    let mut link = link("rate=80kbps queue=10000ms");
    for number in 0..3 {
        link.push(us(0), number, 1000, true);
    }
    // Half of the first is sent; then ten times as fast.
    link.set(us(50_000), "rate=800kbps queue=10000ms".parse().expect("a shape"));
    let mut out = Vec::new();
    drain(&mut link, us(1_000_000), &mut out);
    let times: Vec<_> = out.iter().map(|(at, _)| at.as_micros()).collect();
    assert_eq!(times, [55_000, 65_000, 75_000]);
    link.push(us(2_000_000), 3, 1000, true);
    link.set(us(2_001_000), Shape::default());
    assert_eq!(link.pop(us(2_001_000)), Some((us(2_001_000), 3)), "no line to wait for");
}

#[test]
fn what_is_held_back_is_overtaken_and_the_others_keep_their_order() {
    let mut link = link("delay=20ms reorder=10% hold=30ms");
    let out = send(&mut link, 10_000, 100, us(10_000));
    assert_eq!(out.len(), 10_000);
    let share = link.counts().held as f64 / 10_000.0;
    assert!((0.09..0.11).contains(&share), "{share}");
    let late = |(at, number): &(Duration, usize)| *at - us(10_000) * *number as u32 == us(50_000);
    assert_eq!(out.iter().filter(|o| late(o)).count() as u64, link.counts().held);
    assert!(!out.is_sorted_by_key(|(_, n)| *n));
    assert!(out.iter().filter(|o| !late(o)).is_sorted_by_key(|(_, n)| *n));
}

#[test]
fn duplicates_are_counted_and_come_together() {
    let mut link = link("delay=5ms duplicate=5%");
    let out = send(&mut link, 10_000, 100, us(1000));
    assert_eq!(out.len() as u64, 10_000 + link.counts().duplicated);
    assert!((400..600).contains(&link.counts().duplicated), "{:?}", link.counts());
    let pairs = out.windows(2).filter(|two| two[0] == two[1]).count();
    assert_eq!(pairs as u64, link.counts().duplicated);
}

#[test]
fn a_link_that_goes_down_delivers_what_was_under_way_and_comes_back() {
    let mut link = link("delay=50ms");
    link.push(us(0), 0, 100, true);
    link.set(us(10_000), "delay=50ms down".parse().expect("a shape"));
    link.push(us(20_000), 1, 100, true);
    link.set(us(30_000), "delay=50ms".parse().expect("a shape"));
    link.push(us(40_000), 2, 100, true);
    let mut out = Vec::new();
    drain(&mut link, us(1_000_000), &mut out);
    assert_eq!(out, [(us(50_000), 0), (us(90_000), 2)]);
    assert_eq!(link.counts().cut, 1);
}

#[test]
fn udp_alone_is_blocked() {
    let mut link = link("block_udp");
    link.push(us(0), 0, 100, true);
    link.push(us(0), 1, 100, false);
    assert_eq!(link.pop(us(0)), Some((us(0), 1)));
    assert_eq!(link.pop(us(0)), None);
    assert_eq!(link.counts().blocked, 1);
}

#[test]
fn a_flood_is_bounded() {
    let mut link = link("delay=60000ms");
    for number in 0..MAX_HELD + 10 {
        link.push(us(0), number, 100, true);
    }
    assert_eq!(link.counts().dropped, 10);
}

proptest! {
    /// Whatever it is told, and however often: every packet is accounted for, none is early, and without holding back
    /// none overtakes.
    #[test]
    fn every_packet_is_accounted_for(
        shapes in prop::collection::vec(
            (0..200u32, 0..50u32, 0..=100u32, prop::option::of(1..5000u32), 0..3u32, any::<bool>()), 1..5),
        gaps in prop::collection::vec(0..20_000u64, 1..300),
        holds in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut link = Link::new(Shape::default(), seed);
        let (mut now, mut out, mut sent_at) = (0, Vec::new(), Vec::new());
        let mut least = us(0);
        for (number, gap) in gaps.iter().enumerate() {
            now += gap;
            drain(&mut link, us(now), &mut out);
            let (delay, jitter, loss, rate, twice, down) = shapes[number * shapes.len() / gaps.len()];
            let rate = rate.map_or(String::new(), |kbps| format!("rate={kbps}kbps queue=50ms"));
            let down = if down && number % 3 == 0 { "down" } else { "" };
            let reorder = if holds { 5 } else { 0 };
            let text = format!(
                "delay={delay}ms jitter={jitter}ms loss={loss}% duplicate={twice}% reorder={reorder}% {rate} {down}"
            );
            link.set(us(now), text.parse().expect("a shape"));
            least = if number == 0 { us(delay.into()) * 1000 } else { least.min(us(delay.into()) * 1000) };
            sent_at.push(us(now));
            link.push(us(now), number, 500, number % 2 == 0);
        }
        drain(&mut link, Duration::from_secs(1 << 20), &mut out);
        let counts = link.counts();
        prop_assert_eq!(counts.packets, gaps.len() as u64);
        prop_assert_eq!(
            counts.delivered + counts.lost + counts.dropped + counts.cut,
            counts.packets + counts.duplicated
        );
        prop_assert_eq!(out.len() as u64, counts.delivered);
        prop_assert_eq!(link.next_at(), None);
        prop_assert!(out.is_sorted_by_key(|(at, _)| *at));
        prop_assert!(out.iter().all(|(at, number)| *at >= sent_at[*number] + least));
        if !holds {
            prop_assert!(out.is_sorted_by_key(|(_, number)| *number));
        }
    }
}
