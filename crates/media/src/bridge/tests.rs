//! Flash and beep through both directions, on clocks that drift, jump and lose what they send. A picture that flashes is
//! known by its bytes, since pictures pass through; a beep is found in the decoded sound.

use super::sound::{AacIn, AacOut, Block, OpusIn, OpusOut, RATE};
use super::*;
use crate::rtmp::{PacketType, Tag, TagKind};
use crate::rtp::codec::Codec;
use crate::rtp::packet::Packet;
use std::time::{Duration, Instant, SystemTime};
use tring_protocol::MediaKind;

/// A flash and a beep begin together, once in so many milliseconds.
const EVERY_MS: u64 = 5_000;
const BEEP_MS: u64 = 200;

/// Largest error that is heard as one (ITU-R BT.1359: 45 ms early sound).
const IN_STEP_MS: f64 = 40.0;

/// Between pictures: so that the one that flashes is at most 10 ms from its beep.
const PICTURE_MS: u64 = 20;

const SPS: [u8; 5] = [0x67, 0x42, 0xc0, 0x1e, 0x8c];
const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

/// Samples of the true sound from a sample on: beeps in silence.
fn sound(from: u64, count: usize) -> Vec<i16> {
    let beep = |n: u64| n * 1000 / u64::from(RATE) % EVERY_MS < BEEP_MS;
    let tone = |n: u64| ((n as f64 * 0.1).sin() * 12_000.0) as i16;
    (from..from + count as u64).map(|n| if beep(n) { tone(n) } else { 0 }).collect()
}

/// A picture of one slice.
fn slice(key: bool, flashes: bool) -> [u8; 3] {
    [if key { 0x65 } else { 0x41 }, u8::from(flashes), 9]
}

/// Finds where beeps begin on a line of samples that comes in pieces.
#[derive(Default)]
struct Ear {
    quiet: usize,
    beeps: Vec<f64>,
}

impl Ear {
    /// `ms`: when the first sample is.
    fn hear(&mut self, samples: &[i16], ms: f64, rate: u32) {
        for (n, s) in samples.iter().enumerate() {
            if s.unsigned_abs() < 2_000 {
                self.quiet += 1;
            } else {
                if self.quiet > rate as usize / 2 {
                    self.beeps.push(ms + n as f64 * 1000.0 / f64::from(rate));
                }
                self.quiet = 0;
            }
        }
    }
}

/// How late each beep is after its flash. A clock that drifts leaves a flash out now and then.
fn errors(beeps: &[f64], flashes: &[f64]) -> Vec<f64> {
    let nearest = |beep: &f64| flashes.iter().map(|f| beep - f).min_by(|a, b| a.abs().total_cmp(&b.abs()));
    beeps.iter().filter_map(nearest).filter(|e| e.abs() < EVERY_MS as f64 / 2.0).collect()
}

/// How a phone's clocks and its network behave.
#[derive(Clone, Copy)]
struct Phone {
    /// Its milliseconds against ours.
    ppm: f64,
    /// Its samples against its milliseconds.
    samples_ppm: f64,
    first_timestamp: u32,
    jitter_ms: u64,
}

/// Minutes of a phone's stream; gives beeps and flashes by their capture times, and the largest delay in the last minute.
fn phone_to_browser(phone: Phone, minutes: u64) -> (Vec<f64>, Vec<f64>, f64) {
    let start = Instant::now();
    let mut into = IntoPackets::default();
    let mut aac = AacOut::new().unwrap();
    let header = [&[0xaf, 0][..], aac.config()].concat();
    let mut config = h264::Config::new();
    [&SPS[..], &PPS].iter().for_each(|set| assert!(config.learn(set)));
    let record = [&[0x17, 0, 0, 0, 0][..], &config.record().unwrap()].concat();
    let tag = |kind, timestamp: u32, payload: &[u8]| Tag::new(kind, timestamp, payload.into());
    // All tags, by the phone's milliseconds since its start.
    let mut tags = vec![(0.0, tag(TagKind::Video, 0, &record)), (0.0, tag(TagKind::Audio, 0, &header))];
    let total = minutes * 60 * u64::from(RATE);
    for first in (0..total).step_by(1024) {
        aac.push(&sound(first, 1024), |position, frame| {
            let ms = position.max(0) as f64 * 1000.0 / f64::from(RATE) / (1.0 + phone.samples_ppm / 1e6);
            tags.push((ms, tag(TagKind::Audio, ms as u32, &[&[0xaf, 1], frame].concat())));
        })
        .unwrap();
    }
    for n in 0..minutes * 60_000 / PICTURE_MS {
        let ms = n * PICTURE_MS;
        // What the phone shows with a sound, it shows when it sends that sound.
        let true_ms = ms as f64 * (1.0 + phone.samples_ppm / 1e6);
        let flashes = (true_ms + PICTURE_MS as f64 / 2.0) % (EVERY_MS as f64) < PICTURE_MS as f64;
        let unit = slice(n % 45 == 0, flashes);
        let first = if n % 45 == 0 { 0x17 } else { 0x27 };
        tags.push((
            ms as f64,
            tag(TagKind::Video, ms as u32, &[&[first, 1, 0, 0, 0, 0, 0, 0, 3], &unit[..]].concat()),
        ));
    }
    tags.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ear, mut flashes, mut late) = (Ear::default(), Vec::new(), 0.0);
    let (mut opus, mut made, mut captures) =
        (OpusIn::new().unwrap(), Vec::new(), std::collections::VecDeque::new());
    let mut seed = 1u64;
    for (ms, mut t) in tags {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let arrives = ms / (1.0 + phone.ppm / 1e6) + (seed >> 33) as f64 % (phone.jitter_ms + 1) as f64;
        let now = start + Duration::from_secs_f64(arrives / 1000.0);
        t.timestamp = t.timestamp.wrapping_add(phone.first_timestamp);
        into.tag((&t, 0), now, &mut made).unwrap();
        for m in made.drain(..) {
            let captured = ms_of(m.captured, start);
            assert!(m.captured <= now);
            if ms > (minutes - 1) as f64 * 60_000.0 {
                late = f64::max(late, ms_of(now, start) - captured);
            }
            match m.source.kind() {
                MediaKind::Video if m.packet.payload[1..2] == [1] && m.packet.payload[0] & 0x1f != 24 => {
                    flashes.push(captured)
                }
                MediaKind::Video => {}
                MediaKind::Audio => {
                    captures.push_back(captured);
                    opus.take(
                        m.packet.seq,
                        m.packet.timestamp,
                        &m.packet.payload,
                        now,
                        &mut |b: Block<'_>| {
                            ear.hear(b.samples, captures.pop_front().unwrap(), RATE);
                        },
                    );
                }
            }
        }
    }
    (ear.beeps, flashes, late)
}

fn ms_of(at: Instant, start: Instant) -> f64 {
    at.saturating_duration_since(start).as_secs_f64() * 1000.0
}

#[test]
fn a_phone_stays_in_step_for_as_long_as_it_talks_whatever_its_clocks_do() {
    for (ppm, samples_ppm) in
        [(0.0, 0.0), (200.0, 0.0), (-200.0, 0.0), (0.0, 200.0), (0.0, -200.0), (-200.0, 200.0)]
    {
        // Past 24 bits after ten seconds: the time of RTMP needs its extension from there.
        let phone = Phone { ppm, samples_ppm, first_timestamp: (1 << 24) - 10_000, jitter_ms: 30 };
        let (beeps, flashes, late) = phone_to_browser(phone, 3);
        let errors = errors(&beeps, &flashes);
        assert!(errors.len() > 30, "{ppm} {samples_ppm}: {} beeps", errors.len());
        assert!(errors.iter().all(|e| e.abs() <= IN_STEP_MS), "{ppm} {samples_ppm}: {errors:.0?}");
        assert!(late < 100.0, "{ppm} {samples_ppm}: what is sent at the end is {late} ms old");
    }
}

/// A browser's stream, as its packets come.
struct Browser {
    into: IntoTags,
    start: Instant,
    tags: Vec<Tag>,
    run: u32,
}

/// How a browser's clocks and its network behave.
#[derive(Clone, Copy)]
struct Clocks {
    /// Its sound against ours, its pictures against ours.
    ppm: [f64; 2],
    /// How late its pictures come, besides its sound.
    pictures_late_ms: f64,
    jitter_ms: u64,
    reports: bool,
}

impl Browser {
    fn new() -> Self {
        let start = Instant::now();
        Self { into: IntoTags::new(start).unwrap(), start, tags: Vec::new(), run: 0 }
    }

    fn packet(&mut self, packet: &Packet<'_>, at_ms: f64) {
        let now = self.start + Duration::from_secs_f64(at_ms.max(0.0) / 1000.0);
        self.into.packet(packet, (self.run, true), now, &mut self.tags).unwrap();
    }
}

/// Beeps and flashes by the tags' time, and how far the tags' time is behind ours at the end compared with the beginning.
fn browser_to_phone(clocks: Clocks, minutes: u64) -> (Vec<f64>, Vec<f64>, f64) {
    let mut opus = OpusOut::new(RATE).unwrap();
    let ntp = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let mut packets: Vec<(f64, Packet)> = Vec::new();
    let mut seed = 7u64;
    let mut jitter = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as f64 % (clocks.jitter_ms + 1) as f64
    };
    let report = |ms: f64, every: f64, rtp_rate: f64, ppm: f64, offset: u32| {
        let at = (ms / every).floor() * every;
        (clocks.reports && at > 0.0).then(|| {
            let rtp = (at * rtp_rate * (1.0 + ppm / 1e6)) as u64 as u32;
            (ntp + Duration::from_secs_f64(at / 1000.0), rtp.wrapping_add(offset))
        })
    };
    let mut n = 0u32;
    for first in (0..minutes * 60 * u64::from(RATE)).step_by(960) {
        let ms = first as f64 / 48.0 / (1.0 + clocks.ppm[0] / 1e6);
        opus.push(&sound(first, 960), |payload| {
            let mut p =
                Packet::new(Codec::Opus, n.into(), (n * 960).wrapping_sub(90_000), false, payload.to_vec());
            p.report = report(ms, 1_000.0, 48.0, clocks.ppm[0], 90_000u32.wrapping_neg());
            n += 1;
            packets.push((ms + 20.0 + jitter(), p));
        })
        .unwrap();
    }
    let mut seq = 0;
    for n in 0..minutes * 60_000 / PICTURE_MS {
        let ms = n as f64 * PICTURE_MS as f64;
        let true_ms = ms * (1.0 + clocks.ppm[0] / 1e6);
        let flashes = (true_ms + PICTURE_MS as f64 / 2.0) % (EVERY_MS as f64) < PICTURE_MS as f64;
        let timestamp = ((ms * 90.0 * (1.0 + clocks.ppm[1] / 1e6)) as u64 as u32).wrapping_add(77);
        let key = n % 100 == 0;
        let sets: &[&[u8]] = if key { &[&SPS, &PPS] } else { &[] };
        let unit = slice(key, flashes);
        let arrives = ms + 20.0 + clocks.pictures_late_ms + jitter();
        for (payload, marker) in sets.iter().map(|&s| (s, false)).chain([(&unit[..], true)]) {
            let mut p = Packet::new(Codec::H264, seq, timestamp, marker, payload.to_vec());
            p.report = report(ms, 1_000.0, 90.0, clocks.ppm[1], 77);
            seq += 1;
            packets.push((arrives, p));
        }
    }
    packets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut browser = Browser::new();
    let (mut ear, mut flashes, mut decoder) = (Ear::default(), Vec::new(), None);
    let mut behind = Vec::new();
    for (at, p) in packets {
        browser.packet(&p, at);
        for t in browser.tags.drain(..) {
            let ms = f64::from(t.timestamp);
            match (t.kind(), t.is_header()) {
                (TagKind::Audio, true) => decoder = Some(AacIn::new(t.data()).unwrap()),
                (TagKind::Audio, _) => {
                    let mut samples = Vec::new();
                    decoder.as_mut().unwrap().decode(t.data(), &mut samples);
                    ear.hear(&samples, ms, RATE);
                    behind.push(at - ms);
                }
                (TagKind::Video, false) if t.data()[5] == 1 => flashes.push(ms),
                _ => {}
            }
        }
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (head, tail) = (mean(&behind[100..500]), mean(&behind[behind.len() - 400..]));
    (ear.beeps, flashes, tail - head)
}

#[test]
fn a_browser_stays_in_step_for_as_long_as_it_talks_whatever_its_clocks_do() {
    for ppm in [[0.0, 0.0], [200.0, -200.0], [-200.0, 200.0]] {
        let clocks = Clocks { ppm, pictures_late_ms: 90.0, jitter_ms: 25, reports: true };
        let (beeps, flashes, grown) = browser_to_phone(clocks, 3);
        let errors = errors(&beeps, &flashes);
        assert!(errors.len() > 30, "{ppm:?}: {} beeps, {} flashes", beeps.len(), flashes.len());
        assert!(errors.iter().all(|e| e.abs() <= IN_STEP_MS), "{ppm:?}: {errors:.0?}");
        // The tags' clock is the browser's own.
        let drifted = 180_000.0 * ppm[0] / 1e6;
        assert!((grown + drifted).abs() < 15.0, "{ppm:?}: {grown} ms behind, {drifted} by its clock");
    }
}

#[test]
fn without_reports_pictures_are_where_they_arrive() {
    let clocks = Clocks { ppm: [0.0; 2], pictures_late_ms: 30.0, jitter_ms: 5, reports: false };
    let (beeps, flashes, _) = browser_to_phone(clocks, 1);
    let errors = errors(&beeps, &flashes);
    assert!(errors.iter().all(|e| (e + 30.0).abs() <= IN_STEP_MS), "{errors:.0?}");
}

#[test]
fn a_picture_that_comes_before_the_first_sound_is_where_it_belongs() {
    let packets = opus_packets(&vec![5_000; 48_000]);
    let mut b = Browser::new();
    let picture = |n: u32| {
        let (seq, time) = (u64::from(n) * 3, n * 1_800);
        let sets = [&SPS[..], &PPS].map(|s| s.to_vec()).into_iter().map(|s| (s, false));
        let all = sets.chain([(slice(true, false).to_vec(), true)]);
        let made = all.zip(seq..).map(|((p, marker), seq)| Packet::new(Codec::H264, seq, time, marker, p));
        made.collect::<Vec<_>>()
    };
    picture(0).iter().for_each(|p| b.packet(p, 0.0));
    for (n, packet) in packets.iter().enumerate() {
        b.packet(packet, 20.0 * n as f64 + 5.0);
        picture(n as u32 + 1).iter().for_each(|p| b.packet(p, 20.0 * (n + 1) as f64));
    }
    let newest = |kind| b.tags.iter().filter(|t| t.kind() == kind).map(|t| t.timestamp).max().unwrap();
    let apart = f64::from(newest(TagKind::Video)) - f64::from(newest(TagKind::Audio));
    assert!((0.0..100.0).contains(&apart), "pictures are {apart} ms ahead of sound");
}

fn opus_packets(samples: &[i16]) -> Vec<Packet<'static>> {
    let (mut opus, mut n, mut packets) = (OpusOut::new(RATE).unwrap(), 0u32, Vec::new());
    opus.push(samples, |payload| {
        packets.push(Packet::new(Codec::Opus, n.into(), n * 960, false, payload.to_vec()));
        n += 1;
    })
    .unwrap();
    packets
}

/// The times of the frames of sound, and how loud the loudest sample of all is.
fn heard(tags: &[Tag]) -> (Vec<u32>, u16) {
    let mut decoder = None;
    let (mut times, mut samples) = (Vec::new(), Vec::new());
    for t in tags.iter().filter(|t| t.kind() == TagKind::Audio) {
        if t.is_header() {
            decoder = Some(AacIn::new(t.data()).unwrap());
        } else {
            decoder.as_mut().unwrap().decode(t.data(), &mut samples);
            times.push(t.timestamp);
        }
    }
    (times, samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0))
}

fn steps(times: &[u32]) -> Vec<u32> {
    times.windows(2).map(|w| w[1] - w[0]).collect()
}

#[test]
fn a_muted_microphone_is_silence_on_the_same_line() {
    let tone: Vec<i16> = (0..96_000).map(|n| ((f64::from(n) * 0.1).sin() * 12_000.0) as i16).collect();
    let (mut browser, mut quiet) = (Browser::new(), Browser::new());
    for (n, p) in opus_packets(&tone).iter().enumerate() {
        let now = browser.start + Duration::from_millis(20 * n as u64);
        browser.into.packet(p, (0, true), now, &mut browser.tags).unwrap();
        quiet.into.packet(p, (0, false), now, &mut quiet.tags).unwrap();
    }
    let (loud, silent) = (heard(&browser.tags), heard(&quiet.tags));
    assert!(loud.1 > 10_000 && silent.1 < 50, "{} and {}", loud.1, silent.1);
    assert_eq!(loud.0, silent.0);
    assert!(steps(&loud.0).iter().all(|s| (21..=22).contains(s)));
}

#[test]
fn what_does_not_come_is_silence_and_what_comes_too_late_is_dropped() {
    let tone: Vec<i16> = (0..480_000).map(|n| ((f64::from(n) * 0.1).sin() * 12_000.0) as i16).collect();
    let packets = opus_packets(&tone);
    let mut b = Browser::new();
    (0..100).for_each(|n| b.packet(&packets[n], 20.0 * n as f64));
    // The network stands still for four seconds. A tick comes each second.
    for second in 3..=6 {
        b.into.tick(b.start + Duration::from_secs(second), &mut b.tags).unwrap();
    }
    let (times, _) = heard(&b.tags);
    let reached = *times.last().unwrap();
    assert!((5_800..6_600).contains(&reached), "silence has reached {reached} ms");
    assert!(steps(&times).iter().all(|s| (21..=22).contains(s)));
    // Then all comes at once, and goes on.
    (100..300).for_each(|n| b.packet(&packets[n], 6_000.0));
    let (times, _) = heard(&b.tags);
    assert!(*times.last().unwrap() < reached + 300, "no burst makes the player late");
    (300..500).for_each(|n| b.packet(&packets[n], 20.0 * n as f64));
    let (times, loudest) = heard(&b.tags);
    assert!((9_900..10_700).contains(times.last().unwrap()) && loudest > 10_000);
    assert!(steps(&times).iter().all(|s| (21..=22).contains(s)));
}

#[test]
fn a_clock_of_sound_that_stood_still_is_put_at_the_end() {
    let packets = opus_packets(&vec![5_000; 192_000]);
    let mut b = Browser::new();
    (0..50).for_each(|n| b.packet(&packets[n], 20.0 * n as f64));
    b.into.tick(b.start + Duration::from_secs(5), &mut b.tags).unwrap();
    let before = heard(&b.tags).0.len();
    (50..150).for_each(|n| b.packet(&packets[n], 4_000.0 + 20.0 * n as f64));
    let more = heard(&b.tags).0.len() - before;
    assert!((40..=60).contains(&more), "{more} frames of two seconds after the pause");
}

#[test]
fn a_microphone_that_comes_back_on_is_heard_at_once_whatever_its_clock_did_meanwhile() {
    let packets = opus_packets(&vec![5_000; 192_000]);
    for stood_still in [true, false] {
        let mut b = Browser::new();
        (0..50).for_each(|n| b.packet(&packets[n], 20.0 * n as f64));
        (11..40).for_each(|n| b.into.tick(b.start + Duration::from_millis(100 * n), &mut b.tags).unwrap());
        b.run = 1;
        let first = if stood_still { 50 } else { 150 };
        let before = heard(&b.tags).0.len();
        for n in 0..25 {
            let mut p = Packet::new(
                Codec::Opus,
                50 + n,
                packets[first + n as usize].timestamp,
                false,
                packets[first + n as usize].payload.clone(),
            );
            p.report = None;
            b.packet(&p, 4_000.0 + 20.0 * n as f64);
        }
        let (times, _) = heard(&b.tags);
        assert!(times.len() - before >= 20, "{stood_still}: {} frames", times.len() - before);
        assert!(steps(&times).iter().all(|s| (21..=22).contains(s)), "{stood_still}");
        assert!((4_850..5_050).contains(times.last().unwrap()), "{stood_still}: {:?}", times.last());
    }
}

fn header_tags() -> [Tag; 2] {
    let mut config = h264::Config::new();
    [&SPS[..], &PPS].iter().for_each(|set| assert!(config.learn(set)));
    let record = [&[0x17, 0, 0, 0, 0][..], &config.record().unwrap()].concat();
    let sound = [&[0xaf, 0][..], AacOut::new().unwrap().config()].concat();
    [(TagKind::Video, record), (TagKind::Audio, sound)]
        .map(|(kind, payload)| Tag::new(kind, 0, payload.into()))
}

fn picture(first: u8, timestamp: u32, composition: u8) -> Tag {
    let unit = slice(first == 0x17, false);
    let payload = [&[first, 1, 0, 0, composition, 0, 0, 0, 3], &unit[..]].concat().into();
    Tag::new(TagKind::Video, timestamp, payload)
}

struct Pushed {
    into: IntoPackets,
    start: Instant,
    made: Vec<BridgedPacket>,
}

impl Pushed {
    fn new() -> Self {
        let mut p = Self { into: IntoPackets::default(), start: Instant::now(), made: Vec::new() };
        header_tags().iter().for_each(|h| p.tag(h, 0, 0).unwrap());
        p
    }

    fn tag(&mut self, tag: &Tag, pauses: u32, at_ms: u64) -> Result<(), Unplayable> {
        self.into.tag((tag, pauses), self.start + Duration::from_millis(at_ms), &mut self.made)
    }

    fn pictures(&self) -> Vec<u32> {
        let last = self.made.iter().filter(|m| m.source.kind() == MediaKind::Video && m.packet.marker);
        last.map(|m| m.packet.timestamp / 90).collect()
    }
}

#[test]
fn b_frames_are_refused_once_and_named() {
    let mut p = Pushed::new();
    p.tag(&picture(0x17, 0, 0), 0, 0).unwrap();
    let error = p.tag(&picture(0x27, 66, 80), 0, 66).unwrap_err().why;
    assert!(error.contains("B-frames"), "{error}");
    p.tag(&picture(0x27, 132, 0), 0, 132).unwrap();
    assert_eq!(p.pictures().len(), 1);
}

#[test]
fn after_a_pause_pictures_begin_with_a_key_frame() {
    let mut p = Pushed::new();
    for (first, timestamp, pauses) in
        [(0x27, 0, 1), (0x17, 66, 1), (0x27, 132, 1), (0x27, 900, 2), (0x17, 966, 2)]
    {
        p.tag(&picture(first, timestamp, 0), pauses, timestamp.into()).unwrap();
    }
    assert_eq!(p.pictures().len(), 3);
}

#[test]
fn who_joins_is_sent_what_is_kept_between_two_pictures() {
    let mut p = Pushed::new();
    let kept: Vec<Tag> = (0..40u32).map(|n| picture(if n == 0 { 0x17 } else { 0x27 }, n * 66, 0)).collect();
    for t in &kept {
        p.tag(t, 0, t.timestamp.into()).unwrap();
    }
    let newest = p.made.last().unwrap().packet.timestamp;
    p.made.clear();
    let now = p.start + Duration::from_millis(40 * 66);
    p.into.catch_up(&kept, now, &mut p.made);
    let sent: Vec<u32> = p.made.iter().map(|m| m.packet.timestamp.wrapping_sub(newest)).collect();
    assert_eq!(
        (sent.len(), p.made[0].packet.payload[0] & 0x1f),
        (41, 24),
        "parameter sets, then each picture"
    );
    assert!(sent.iter().all(|&t| t > 0 && t < 66 * 90) && sent.is_sorted());
    p.into.catch_up(&[], now, &mut p.made);
    assert_eq!(p.made.len(), 41);
}

#[test]
fn a_push_that_begins_anew_goes_on_for_a_browser() {
    let mut p = Pushed::new();
    let mut aac = AacOut::new().unwrap();
    let mut frames = Vec::new();
    aac.push(&sound(0, 48_000), |_, frame| frames.push(frame.to_vec())).unwrap();
    let sound = |n: usize, ms: u32| Tag::aac(ms, PacketType::Frame, &frames[n]);
    for (round, begins) in [(0, 0u64), (1, 8_000), (2, 8_500)] {
        if round > 0 {
            p.into.restart();
            header_tags().iter().for_each(|h| p.tag(h, 0, begins).unwrap());
        }
        // Each connection counts from somewhere else, the last one from before.
        let from = [500_000, 0, 400_000][round];
        for n in 0..20u32 {
            p.tag(
                &picture(if n == 0 { 0x17 } else { 0x27 }, from + n * 21, 0),
                0,
                begins + u64::from(n) * 21,
            )
            .unwrap();
            p.tag(&sound(n as usize, from + n * 21), 0, begins + u64::from(n) * 21).unwrap();
        }
    }
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let of: Vec<&Packet> = p.made.iter().filter(|m| m.source.kind() == kind).map(|m| &m.packet).collect();
        assert!(
            of.windows(2).all(|w| w[0].timestamp <= w[1].timestamp && w[0].seq + 1 == w[1].seq),
            "{kind:?}"
        );
    }
    let pictures = p.pictures();
    assert!((7_900..8_100).contains(&pictures[20]), "{pictures:?}");
}

#[test]
fn headers_that_lie_are_named_and_the_rest_goes_on() {
    let mut p = Pushed::new();
    let lie = Tag::new(TagKind::Audio, 0, [0xaf, 0, 0x0a, 0x10].as_slice().into());
    assert!(p.tag(&lie, 0, 5).unwrap_err().why.contains("AAC-LC"));
    let frame = Tag::new(TagKind::Audio, 9, [0xaf, 1, 0xff, 0xff].as_slice().into());
    p.tag(&frame, 0, 9).unwrap();
    p.tag(&picture(0x17, 20, 0), 0, 20).unwrap();
    assert_eq!(p.pictures().len(), 1);
    let lie = Tag::new(TagKind::Video, 0, [0x17, 0, 0, 0, 0, 1].as_slice().into());
    assert!(p.tag(&lie, 0, 25).unwrap_err().why.contains("cut short"));
    p.tag(&picture(0x17, 26, 0), 0, 26).unwrap();
    assert_eq!(p.pictures().len(), 1, "nothing can be decoded without it");
    // One that says another rate than its frames have costs its own sound only.
    let other = Tag::new(TagKind::Audio, 0, [0xaf, 0, 0x14, 0x10].as_slice().into());
    p.tag(&other, 0, 30).unwrap();
    p.tag(&frame, 0, 40).unwrap();
}
