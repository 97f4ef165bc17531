use super::*;
use proptest::prelude::*;
use std::time::Duration;

fn tag(kind: TagKind, timestamp: u32, payload: &[u8]) -> Tag {
    Tag::new(kind, timestamp, payload.into())
}

fn key(timestamp: u32) -> Tag {
    tag(TagKind::Video, timestamp, &[0x17, 1, 0, 0, 0, 1])
}

fn picture(timestamp: u32) -> Tag {
    tag(TagKind::Video, timestamp, &[0x27, 1, 0, 0, 0, 1])
}

fn sound(timestamp: u32) -> Tag {
    tag(TagKind::Audio, timestamp, &[0xaf, 1, 1])
}

fn headers() -> [Tag; 2] {
    [tag(TagKind::Video, 0, &[0x17, 0, 0, 0, 0, 1]), tag(TagKind::Audio, 0, &[0xaf, 0, 0x11, 0x88])]
}

/// The GOP cache of a stream and one player of the stream.
struct Link {
    gop_cache: GopCache,
    player: Player,
    now: Instant,
    pauses: u32,
    cuts: u32,
}

impl Link {
    fn new() -> Self {
        Self {
            gop_cache: GopCache::default(),
            player: Player::default(),
            now: Instant::now(),
            pauses: 0,
            cuts: 0,
        }
    }

    fn publish(&mut self, tag: &Tag) {
        self.gop_cache.keep(tag, true);
        if !tag.is_header() {
            self.cuts += u32::from(self.player.push(&self.gop_cache, (tag, self.pauses), self.now));
        }
    }

    fn drain(&mut self) -> Vec<(u32, Tag)> {
        std::iter::from_fn(|| self.player.pull()).collect()
    }

    fn times(&mut self) -> Vec<u32> {
        self.drain().into_iter().map(|(at, _)| at).collect()
    }
}

#[test]
fn who_joins_late_decodes_from_the_key_frame_and_is_caught_up() {
    let mut l = Link::new();
    for t in headers() {
        l.gop_cache.keep(&t, true);
    }
    l.gop_cache.keep(&key(10_000), true);
    for n in 1..30 {
        l.gop_cache.keep(&picture(10_000 + n * 66), true);
    }
    l.publish(&picture(12_000));
    let got = l.drain();
    assert!(got[0].1.is_header() && got[1].1.is_header() && got[2].1.is_keyframe());
    assert_eq!(got.len(), 2 + 31, "all that the key frame needs, once");
    assert_eq!(got.last().unwrap().0, 30, "two seconds of pictures in 30 ms");
    l.publish(&sound(12_010));
    l.publish(&picture(12_066));
    assert_eq!(l.times(), [40, 96], "from here on, in real time");
}

#[test]
fn a_voice_waits_for_no_picture() {
    let mut l = Link::new();
    let [_, audio] = headers();
    l.publish(&audio);
    l.publish(&sound(0));
    l.publish(&sound(21));
    let kinds: Vec<_> = l.drain().iter().map(|(_, t)| t.kind()).collect();
    assert_eq!(kinds, [TagKind::Audio; 3]);
}

#[test]
fn a_voice_goes_on_while_the_picture_waits_for_its_key_frame() {
    let mut l = Link::new();
    l.publish(&sound(0));
    l.publish(&picture(5));
    l.publish(&sound(21));
    assert!(l.drain().iter().all(|(_, t)| t.kind() == TagKind::Audio));
    l.publish(&key(40));
    l.publish(&picture(106));
    assert_eq!(l.times(), [40, 106]);
}

#[test]
fn a_publisher_that_comes_back_goes_on_without_a_jump() {
    let mut l = Link::new();
    for t in headers() {
        l.publish(&t);
    }
    l.publish(&key(500_000));
    l.publish(&sound(500_500));
    let before = *l.times().last().unwrap();
    l.now += Duration::from_millis(1_200);
    l.gop_cache.restart();
    for t in headers() {
        l.publish(&t);
    }
    l.publish(&key(33));
    let times = l.times();
    assert!(times.iter().all(|&t| t >= before), "{times:?} after {before}");
    assert_eq!(times[0], before + 1_200, "the pause is as long as it was");
    assert_eq!(times.len(), 3, "headers and the key frame");
}

#[test]
fn headers_that_change_go_before_the_next_frame_and_repeated_ones_do_not() {
    let mut l = Link::new();
    for t in headers() {
        l.publish(&t);
    }
    l.publish(&key(0));
    l.drain();
    l.publish(&headers()[0]);
    l.publish(&picture(66));
    assert_eq!(l.drain().len(), 1);
    l.publish(&tag(TagKind::Video, 132, &[0x17, 0, 0, 0, 0, 2]));
    l.publish(&key(132));
    let got = l.drain();
    assert!(got.len() == 3 && got[1].1.is_header() && got[2].1.is_keyframe());
}

#[test]
fn after_a_pause_the_pictures_begin_with_a_key_frame() {
    let mut l = Link::new();
    l.publish(&key(0));
    l.publish(&picture(66));
    l.drain();
    l.pauses += 1;
    l.publish(&picture(900));
    l.publish(&sound(901));
    l.publish(&key(966));
    let got = l.drain();
    assert!(got.len() == 2 && got[0].1.kind() == TagKind::Audio && got[1].1.is_keyframe());
}

#[test]
fn a_slow_player_is_cut_to_the_newest_key_frame() {
    let mut l = Link::new();
    for t in headers() {
        l.publish(&t);
    }
    for n in 0..40 {
        let t = if n == 5 { key(n * 66) } else { picture(n * 66) };
        l.publish(&t);
        l.publish(&sound(n * 66 + 1));
    }
    // The key frame itself grew too old, so the pictures wait for the next one, and the voice is the newest.
    let got = l.drain();
    assert!(got.iter().filter(|(_, t)| t.kind() == TagKind::Video && !t.is_header()).count() == 0);
    assert!(got.iter().filter(|(_, t)| t.is_header()).count() == 2, "a header is never cut");
    let ages: Vec<_> = got.iter().filter(|(_, t)| !t.is_header()).map(|(at, _)| 39 * 66 + 1 - at).collect();
    assert!(!ages.is_empty() && ages.iter().all(|&a| a <= MAX_WAITING_MS), "{ages:?}");
    l.publish(&picture(40 * 66));
    assert!(l.drain().is_empty());
    l.publish(&key(41 * 66));
    assert!(l.drain()[0].1.is_keyframe());
    assert!(l.cuts > 0);
}

#[test]
fn a_cut_keeps_what_the_newest_key_frame_needs() {
    let mut l = Link::new();
    for n in 0..8 {
        l.publish(&if n % 6 == 0 { key(n * 66) } else { picture(n * 66) });
    }
    l.publish(&picture(8 * 66));
    let got = l.drain();
    assert_eq!(got.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [6 * 66, 7 * 66, 8 * 66]);
    assert!(got[0].1.is_keyframe());
}

#[test]
fn a_frame_is_never_before_the_last_of_its_kind() {
    let mut l = Link::new();
    l.publish(&key(1_000));
    for at in [1_010, 400, 1_031] {
        l.publish(&sound(at));
    }
    l.publish(&picture(900));
    l.publish(&picture(1_066));
    assert_eq!(l.times(), [0, 10, 10, 31, 0, 66]);
}

#[test]
fn a_clock_that_wraps_is_followed() {
    let mut l = Link::new();
    let start = u32::MAX - 40;
    for n in 0..4 {
        l.publish(&sound(start.wrapping_add(n * 21)));
    }
    assert_eq!(l.times().windows(2).map(|w| w[1] - w[0]).collect::<Vec<_>>(), [21, 21, 21], "wraps");
}

proptest! {
    /// Whatever the publisher's clock and sizes: what waits is bounded, and no picture comes before its key frame.
    #[test]
    fn the_queue_is_bounded_and_pictures_begin_with_a_key_frame(
        tags in prop::collection::vec((0_u8..5, any::<u32>(), 1_usize..60_000, any::<bool>(), 0_u64..50), 1..150),
        steady in any::<bool>(),
    ) {
        let mut l = Link::new();
        let mut clock = 0_u32;
        let mut whole = false;
        for (kind, time, size, pull, pause) in tags {
            l.now += Duration::from_millis(pause);
            clock = clock.wrapping_add(u32::try_from(pause).unwrap());
            let mut t = match kind { 0 => key(0), 1 | 2 => picture(0), 3 => headers()[0].clone(), _ => sound(0) };
            let mut payload = t.payload().to_vec();
            payload.resize(size.max(payload.len()), 0);
            t = Tag::new(t.kind(), if steady { clock } else { time }, payload.into());
            l.publish(&t);
            prop_assert!(l.player.bytes <= MAX_WAITING_BYTES + 60_000);
            let held: usize = l.player.queue.iter().map(|(_, t)| t.payload().len()).sum();
            prop_assert_eq!(held, l.player.bytes);
            if pull {
                for (_, t) in l.drain() {
                    whole |= t.is_keyframe();
                    prop_assert!(t.kind() != TagKind::Video || t.is_header() || whole);
                }
            }
        }
    }
}
