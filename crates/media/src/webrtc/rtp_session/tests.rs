//! Two sessions as each other's ends, in virtual time: what one writes is carried to the other by hand.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::room::network_level::{Feedback, Sample};
use crate::rtcp::compound::{self, packets};
use crate::rtcp::feedback::write_nack;
use crate::rtp::codec::Codec;
use crate::webrtc::SrtpProfile;
use crate::webrtc::line::{ExtensionIds, SendSsrcs};
use std::collections::BTreeMap;
use str0m::crypto::dtls::KeyingMaterial;
use tring_protocol::MediaKind;

const PROFILES: [(SrtpProfile, usize); 3] =
    [(SrtpProfile::Aes128CmSha1, 60), (SrtpProfile::Aes128Gcm, 56), (SrtpProfile::Aes256Gcm, 88)];

/// Lines of both ends.
const AUDIO: usize = 0;
const VIDEO: usize = 1;

/// How long a datagram is on its way, and how often time passes.
const WAY: Duration = Duration::from_millis(20);
const STEP: Duration = Duration::from_millis(5);

/// SSRCs of the first end; the second's are [`APART`] higher.
const SSRC: u32 = 100;
const APART: u32 = 1_000;

struct End {
    rtp: RtpSession,
    lines: Vec<Line>,
    trains: Trains,
    hint: TrainHint,
    events: Vec<Event>,
}

fn keys(profile: SrtpProfile, length: usize, is_client: bool) -> ExportedKeys {
    let material: Vec<u8> = (0..length).map(|i| u8::try_from(i).unwrap() ^ 0x5a).collect();
    ExportedKeys { profile, material: KeyingMaterial::new(&material), is_client }
}

impl End {
    /// An end without keys, of an offer that announces no SSRCs.
    fn new(first: bool, now: Instant) -> Self {
        let base = if first { SSRC } else { SSRC + APART };
        let line = |at: u32, kind| {
            let (mut payload_types, mut rtx_payload_types) = ([None; 3], [None; 3]);
            if kind == MediaKind::Audio {
                payload_types[Codec::Opus.index()] = Some(111);
            } else {
                payload_types[Codec::H264.index()] = Some(102);
                rtx_payload_types[Codec::H264.index()] = Some(103);
            }
            let rtx = (kind == MediaKind::Video).then_some(base + 50);
            Line {
                mid: at.to_string().into(),
                kind,
                receives: true,
                sends: true,
                ssrcs: Some(SendSsrcs { media: base + at, rtx }),
                payload_types,
                rtx_payload_types,
                extensions: ExtensionIds {
                    audio_level: Some(1),
                    transport_sequence: Some(3),
                    mid: Some(4),
                    playout_delay: None,
                },
                red: None,
            }
        };
        let lines = vec![line(0, MediaKind::Audio), line(1, MediaKind::Video)];
        let offer = Offer {
            sdp: String::new(),
            lines: Vec::new(),
            ssrcs: None,
            rtx_ssrcs: Vec::new(),
            transport_wide: Some(3),
            rejected: Vec::new(),
        };
        let rtp = RtpSession::new(&offer, &lines, "cname-of-an-end".into(), now);
        Self { rtp, lines, trains: Trains::default(), hint: TrainHint::default(), events: Vec::new() }
    }

    fn with<T>(&mut self, f: impl FnOnce(&mut RtpSession, &[Line], &mut Out<'_>, &mut Vec<Event>) -> T) -> T {
        let hop =
            Hop { destination: "192.0.2.1:1".parse().unwrap(), source: "192.0.2.2".parse().unwrap(), via: 0 };
        let Self { rtp, lines, trains, hint, events } = self;
        f(rtp, lines, &mut Out { hop, hint, trains }, events)
    }

    fn send(&mut self, line: usize, seq: u64, payload: &[u8], now: Instant) {
        let codec = if line == AUDIO { Codec::Opus } else { Codec::H264 };
        let timestamp = u32::try_from(seq % (1 << 20)).unwrap() * 450;
        let packet = Packet::new(codec, seq, timestamp, true, payload);
        let write = Write { line, seq, timestamp, captured: now, reach: 0, packet: &packet };
        self.with(|rtp, lines, out, _| rtp.send(&write, lines, now, out));
    }

    /// Takes a datagram; gives line, number and payload if there is something to forward.
    fn give(
        &mut self,
        mut datagram: Vec<u8>,
        now: Instant,
    ) -> Result<Option<(usize, u64, Vec<u8>)>, Refused> {
        self.with(|rtp, lines, out, events| {
            if (192..=223).contains(&datagram[1]) {
                return rtp.receive_control(&mut datagram, lines, now, out, events).map(|()| None);
            }
            let packet = rtp.receive(&mut datagram, lines, now)?;
            Ok(Some((packet.line, packet.seq, packet.payload.to_vec())))
        })
    }

    fn advance(&mut self, now: Instant) {
        self.with(|rtp, lines, out, events| rtp.advance(lines, now, out, events));
    }

    /// What leaves.
    fn take(&mut self) -> Vec<Vec<u8>> {
        let datagrams = self.trains.datagrams().map(|(_, d)| d.to_vec()).collect();
        self.trains.clear();
        datagrams
    }

    /// RTCP of the end's own keys.
    fn sealed(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut buffer = Vec::new();
        write(&mut buffer);
        assert!(self.rtp.keys.as_mut().unwrap().sealer.seal_rtcp(&mut buffer, 0));
        buffer
    }

    fn stats(&mut self) -> Vec<Sample> {
        let stats = |e| if let Event::Stats(sample) = e { Some(sample) } else { None };
        self.events.drain(..).filter_map(stats).collect()
    }

    fn key_frames_wanted(&mut self) -> Vec<usize> {
        let wanted = |e| if let Event::KeyframeWanted { line } = e { Some(line) } else { None };
        self.events.drain(..).filter_map(wanted).collect()
    }
}

/// Two ends that have the keys of one handshake.
fn pair((profile, length): (SrtpProfile, usize), now: Instant) -> [End; 2] {
    [true, false].map(|first| {
        let mut end = End::new(first, now);
        assert!(end.rtp.set_keys(&keys(profile, length, first), now));
        end
    })
}

/// What happens to datagrams on their way, in percent.
#[derive(Clone, Copy, Default)]
struct Harm {
    lost: u32,
    late: u32,
    twice: u32,
}

/// What the second end was given of the pictures of the first, by number, and how often.
#[derive(Default)]
struct Given {
    payloads: BTreeMap<u64, (Vec<u8>, u32)>,
    /// Lengths of the datagrams that the first sent, in order.
    lengths: Vec<usize>,
}

/// The first end sends pictures, one packet a step; a datagram either way is harmed, the first packets are not.
fn run(ends: &mut [End; 2], start: Instant, seqs: std::ops::Range<u64>, harm: Harm) -> Given {
    let mut given = Given::default();
    let mut under_way: Vec<(Instant, usize, Vec<u8>)> = Vec::new();
    let mut random = 0x2545_f491_u32;
    let mut percent = |of: u32| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random % 100 < of
    };
    let first = seqs.start;
    let mut now = start;
    for seq in first..seqs.end + 200 {
        if seq < seqs.end {
            ends[0].send(VIDEO, seq, &seq.to_be_bytes().repeat(25), now);
        }
        for (from, end) in ends.iter_mut().enumerate() {
            end.advance(now);
            for datagram in end.take() {
                if from == 0 {
                    given.lengths.push(datagram.len());
                }
                if seq >= first + 10 && percent(harm.lost) {
                    continue;
                }
                let late = if percent(harm.late) { 3 * STEP } else { Duration::ZERO };
                if percent(harm.twice) {
                    under_way.push((now + WAY + STEP, 1 - from, datagram.clone()));
                }
                under_way.push((now + WAY + late, 1 - from, datagram));
            }
        }
        now += STEP;
        for (_, to, datagram) in under_way.extract_if(.., |(at, ..)| *at <= now) {
            if let Ok(Some((line, seq, payload))) = ends[to].give(datagram, now) {
                assert_eq!((to, line), (1, VIDEO));
                given.payloads.entry(seq).or_insert((payload, 0)).1 += 1;
            }
        }
    }
    given
}

/// With GCM a second packet under the same key, SSRC and number gives away the key of the tag (RFC 7714 §8.4).
#[test]
fn no_number_is_sealed_twice() {
    let now = Instant::now();
    for (profile, length) in PROFILES {
        let mut end = End::new(true, now);
        assert!(end.rtp.set_keys(&keys(profile, length, true), now));
        for line in [AUDIO, VIDEO] {
            let mut sent = |seq, payload: &[u8]| {
                end.send(line, seq, payload, now);
                end.take().len()
            };
            assert_eq!((sent(1_000, b"one"), sent(1_000, b"two")), (1, 0), "{profile:?}");
            assert_eq!((sent(1_002, b"on"), sent(1_001, b"late"), sent(1_001, b"again")), (1, 1, 0));
            assert_eq!((sent(9_000, b"on"), sent(1_003, b"too old to know")), (1, 0));
        }
    }
}

#[test]
fn what_is_lost_comes_again_once_and_in_its_place_over_a_rollover() {
    for profile in PROFILES {
        for (lost, least) in [(0, 100.0), (10, 99.5), (30, 95.0)] {
            let start = Instant::now();
            let mut ends = pair(profile, start);
            let seqs = 65_000..67_000;
            let given = run(&mut ends, start, seqs.clone(), Harm { lost, late: 10, twice: 5 });
            for (seq, (payload, times)) in &given.payloads {
                assert!(seqs.contains(seq) && *times == 1, "{seq} came {times} times");
                assert_eq!(*payload, seq.to_be_bytes().repeat(25), "{seq}");
            }
            // Nobody can miss the very last ones.
            let due = seqs.start..seqs.end - 20;
            let came = due.clone().filter(|seq| given.payloads.contains_key(seq)).count();
            #[allow(clippy::cast_precision_loss)]
            let share = came as f64 * 100.0 / due.count() as f64;
            assert!(share >= least, "{profile:?}, {lost} % lost: {share} % came");
        }
    }
}

#[test]
fn both_ends_learn_what_came_and_their_round_trip() {
    for (lost, least, most) in [(0, 0, 0), (10, 40, 200)] {
        let start = Instant::now();
        let mut ends = pair(PROFILES[1], start);
        let given = run(&mut ends, start, 0..1_000, Harm { lost, ..Harm::default() });
        let [sender, receiver] = &mut ends;
        let samples = sender.stats();
        let expected: u32 = samples.iter().map(|s| s.sent.expected).sum();
        let missed: u32 = samples.iter().map(|s| s.sent.lost).sum();
        assert!((900..=1_200).contains(&expected), "{expected} confirmed of 1,000 and what was sent again");
        assert!((least..=most).contains(&missed), "{missed} told lost at {lost} %");
        assert!(samples[..4].iter().all(|s| s.feedback == Feedback::Came), "{samples:?}");
        let received = receiver.stats();
        let due: u32 = received.iter().map(|s| s.received.expected).sum();
        assert!((950..=1_000).contains(&due), "{due} due");
        let lost_in: u32 = received.iter().map(|s| s.received.lost).sum();
        assert!((least..=most).contains(&lost_in), "{lost_in} missed at {lost} %");
        // The receiver sends nothing that could be reported on: it asks by its own time.
        for (who, samples) in [("sender", samples), ("receiver", received)] {
            let measured: Vec<_> = samples.iter().filter_map(|s| s.round_trip).collect();
            assert!(!measured.is_empty(), "the {who} knows no round trip");
            // Times in reports are rounded to 1/65,536 s.
            let near = |d: &Duration| (2 * WAY - STEP / 5..=2 * WAY + 2 * STEP).contains(d);
            assert!(measured.iter().all(near), "{who}: {measured:?}");
        }
        if lost == 0 {
            let pictures: Vec<_> = given.lengths.iter().filter(|l| **l > 200).collect();
            assert!(pictures.last() < pictures.first(), "the line's name has left once it is known");
        }
    }
}

#[test]
fn a_lost_picture_is_told_to_the_line_that_it_is_of() {
    let now = Instant::now();
    let [mut a, mut b] = pair(PROFILES[2], now);
    assert!(!b.with(|rtp, _, out, _| rtp.request_keyframe(VIDEO, out)), "nothing has come");
    a.send(AUDIO, 5, b"sound", now);
    a.send(VIDEO, 9, b"picture", now);
    let came: Vec<_> = a.take().into_iter().filter_map(|d| b.give(d, now).unwrap()).collect();
    assert_eq!(came, [(AUDIO, 5, b"sound".to_vec()), (VIDEO, 9, b"picture".to_vec())]);
    assert!(b.with(|rtp, _, out, _| rtp.request_keyframe(VIDEO, out)));
    for datagram in b.take() {
        a.give(datagram, now).unwrap();
    }
    assert_eq!(a.key_frames_wanted(), [VIDEO]);
    // PLI (RFC 4585 §6.3.1) of a stream that was never sent.
    let strange = b.sealed(|out| crate::rtcp::feedback::write_picture_loss(out, 1, 77));
    a.give(strange, now).unwrap();
    assert_eq!(a.key_frames_wanted(), [0_usize; 0]);
}

#[test]
fn nothing_leaves_and_nothing_is_taken_before_there_are_keys() {
    let now = Instant::now();
    let [mut keyed, _] = pair(PROFILES[0], now);
    keyed.send(VIDEO, 1, b"picture", now);
    let datagram = keyed.take().pop().unwrap();
    let mut end = End::new(false, now);
    // 60 bytes are what AES-CM has; GCM with 128 bits has 56.
    for (profile, _) in PROFILES {
        for wrong in [0, 55, 57, 61, 200] {
            assert!(!end.rtp.set_keys(&keys(profile, wrong, false), now), "{wrong} bytes");
        }
    }
    for _ in 0..2_000 {
        end.advance(now + Duration::from_secs(9));
        end.send(VIDEO, 1, b"picture", now);
    }
    end.with(|rtp, _, out, _| rtp.close(out));
    assert_eq!(end.take(), Vec::<Vec<u8>>::new());
    assert_eq!(end.give(datagram.clone(), now), Err(Refused::Invalid));
    assert!(end.rtp.set_keys(&keys(PROFILES[0].0, PROFILES[0].1, false), now));
    assert_eq!(end.give(datagram.clone(), now), Ok(Some((VIDEO, 1, b"picture".to_vec()))));
    assert_eq!(end.give(datagram, now), Err(Refused::Invalid), "twice");
    end.send(VIDEO, 1, b"picture", now);
    assert_eq!(end.take().len(), 1);
}

#[test]
fn what_is_asked_for_again_is_bounded_and_only_what_was_sent() {
    let start = Instant::now();
    let [mut a, mut b] = pair(PROFILES[1], start);
    for seq in 100..400 {
        a.send(VIDEO, seq, &[7; 1_000], start);
    }
    a.take();
    let now = start + Duration::from_millis(200);
    let again = |a: &mut End, b: &mut End, ssrc: u32, seqs: std::ops::Range<u16>| {
        let nack = b.sealed(|out| write_nack(out, 1, ssrc, seqs));
        a.give(nack, now).unwrap();
        a.take().len()
    };
    assert_eq!(again(&mut a, &mut b, SSRC + 1, 500..900), 0, "what is to come");
    assert_eq!(again(&mut a, &mut b, SSRC + 7, 100..400), 0, "of a stream that is not");
    assert_eq!(again(&mut a, &mut b, SSRC, 100..400), 0, "of sound");
    assert_eq!(again(&mut a, &mut b, SSRC + 1, 390..393), 3);
    assert_eq!(a.rtp.rtx_refused, 0);
    let many = again(&mut a, &mut b, SSRC + 1, 100..390);
    assert!((30..=64).contains(&many), "{many} packets of a thousand bytes");
    assert!(a.rtp.rtx_refused >= 1);
}

#[test]
fn a_goodbye_names_all_streams() {
    let now = Instant::now();
    let [mut a, mut b] = pair(PROFILES[2], now);
    a.with(|rtp, _, out, _| rtp.close(out));
    let mut datagram = a.take().pop().unwrap();
    let length = b.rtp.keys.as_mut().unwrap().opener.open_rtcp(&mut datagram).unwrap();
    let gone: Vec<u32> = packets(&datagram[..length])
        .filter_map(|p| if let compound::Packet::Bye { ssrcs } = p { Some(ssrcs) } else { None })
        .flatten()
        .collect();
    assert_eq!(gone, [SSRC, SSRC + 1]);
}
