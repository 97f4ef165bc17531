//! A phone (RTMP and FLV) and a browser (WebRTC) in one room of a shard, under virtual time.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::{World, room, user};
use std::time::Duration;
use tring_media::{
    Codec, Command, ConnectionId, Direction, MediaKind, Notice, SessionId, Source, StreamProtocol,
    StreamRequest, StreamTickets, phone_says,
};
use tring_testkit::sound::tone;

const SECOND: Duration = Duration::from_secs(1);
const PHONE: SessionId = SessionId(900);

/// Longest time of the world's network that a picture may be late by.
const TICK: Duration = Duration::from_millis(20);

const SPS: [u8; 5] = [0x67, 0x42, 0xc0, 0x1e, 0x8c];
const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

fn loudest(samples: &[i16]) -> u16 {
    samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0)
}

/// A phone in a world, and one browser, at index 0.
struct Call {
    w: World,
    push: ConnectionId,
    play: ConnectionId,
    tickets: StreamTickets,
    aac: fdk_aac::enc::Encoder,
    opus: opus::Encoder,
    ears: opus::Decoder,
    phone_ears: fdk_aac::dec::Decoder,
    /// Samples, pictures and milliseconds that were sent so far.
    sent: usize,
    pictures: u32,
    ms: u32,
    flv: Vec<u8>,
}

impl Call {
    /// Everybody is there and connected; gates as asked for.
    fn new(phone_talks: bool, browser_talks: bool, codecs: &[Codec]) -> Self {
        let mut w = World::new();
        w.join_with("bob", browser_talks, |c| c.video_codecs = codecs.to_vec());
        w.connect();
        w.command(Command::OpenStreams {
            session: PHONE,
            room: room(1),
            user: user("alice"),
            label: "call".into(),
            others: vec![user("bob")],
            gate_open: phone_talks,
            on: crate::common::BOTH,
        });
        let tickets = w.take_notices().into_iter().find_map(|n| match n {
            Notice::StreamsOpened { tickets, .. } => Some(tickets),
            _ => None,
        });
        let tickets = tickets.unwrap();
        let mono = fdk_aac::enc::EncoderParams {
            bit_rate: fdk_aac::enc::BitRate::Cbr(48_000),
            sample_rate: 48_000,
            transport: fdk_aac::enc::Transport::Raw,
            channels: fdk_aac::enc::ChannelMode::Mono,
            audio_object_type: fdk_aac::enc::AudioObjectType::Mpeg4LowComplexity,
        };
        let mut call = Self {
            w,
            push: ConnectionId(1),
            play: ConnectionId(2),
            tickets,
            aac: fdk_aac::enc::Encoder::new(mono).unwrap(),
            opus: opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap(),
            ears: opus::Decoder::new(48_000, opus::Channels::Mono).unwrap(),
            phone_ears: fdk_aac::dec::Decoder::new(fdk_aac::dec::Transport::Raw),
            sent: 0,
            pictures: 0,
            ms: 0,
            flv: Vec::new(),
        };
        // What it is, whatever of the stream a test passes over.
        call.phone_ears.config_raw(&[0x11, 0x88]).unwrap();
        call.push_anew(1);
        call.play_anew(2);
        call
    }

    fn push_anew(&mut self, id: u64) {
        self.push = ConnectionId(id);
        assert!(self.w.shard.connect(self.push, StreamProtocol::Rtmp([1; 8]), self.w.now));
        let name = format!("call?ticket={}", self.tickets.push.as_str());
        self.tell(&phone_says::greeting("publish", "live", &name));
        let record =
            [&[0x17, 0, 0, 0, 0, 1, SPS[1], SPS[2], SPS[3], 0xff, 0xe1, 0, 5][..], &SPS, &[1, 0, 4], &PPS]
                .concat();
        self.tell(&phone_says::media(false, self.ms, &record));
        self.tell(&phone_says::media(true, self.ms, &[0xaf, 0, 0x11, 0x88]));
    }

    fn play_anew(&mut self, id: u64) {
        self.play = ConnectionId(id);
        self.flv.clear();
        assert!(self.w.shard.connect(self.play, StreamProtocol::Flv, self.w.now));
        let query = format!("ticket={}", self.tickets.play[0].1.as_str());
        let wanted =
            StreamRequest { direction: Direction::Play, app: String::new(), name: "call".into(), query };
        self.w.shard.admit(self.play, wanted, self.w.now, &mut self.w.out);
        self.w.flush();
    }

    fn tell(&mut self, bytes: &[u8]) {
        self.w.shard.receive_stream(self.push, bytes, self.w.now, &mut self.w.out);
        self.w.flush();
    }

    /// A picture of the phone's with a mark.
    fn show(&mut self, key: bool, mark: u8) {
        let (first, kind) = if key { (0x17, 0x65) } else { (0x27, 0x41) };
        self.tell(&phone_says::media(false, self.ms, &[first, 1, 0, 0, 0, 0, 0, 0, 3, kind, mark, 1]));
    }

    /// A picture of the browser's, whole, with a mark.
    fn browser_shows(&mut self, key: bool, mark: u8) {
        let (clock, now) = (self.ms * 90, self.w.now);
        let peer = &mut self.w.clients[0].peer;
        let sets: &[&[u8]] = if key { &[&SPS, &PPS] } else { &[] };
        for set in sets {
            peer.send(MediaKind::Video, clock, false, *set, now).unwrap();
        }
        let slice = [if key { 0x65 } else { 0x41 }, mark, 1];
        peer.send(MediaKind::Video, clock, true, slice.as_slice(), now).unwrap();
        self.w.flush();
    }

    /// Both speak a tone and show a picture every 40 ms, the phone with a key frame every second, the browser when asked.
    fn talk(&mut self, d: Duration) {
        for _ in 0..d.as_millis() / TICK.as_millis() {
            let samples = tone(500.0, 48_000, self.sent, 960);
            self.sent += 960;
            let mut bytes = [0; 2_000];
            // Frames of 1024 out of pieces of 960: the encoder waits for more.
            let made = self.aac.encode(&samples, &mut bytes).unwrap();
            if made.output_size > 0 {
                let body = [&[0xaf, 1], &bytes[..made.output_size]].concat();
                self.tell(&phone_says::media(true, self.ms, &body));
            }
            let packet = self.opus.encode_vec(&samples, 1_275).unwrap();
            let clock = u32::try_from(self.sent).unwrap();
            let now = self.w.now;
            if self.w.clients[0].connected && !self.w.clients[0].closed {
                self.w.clients[0].peer.send(MediaKind::Audio, clock, false, packet, now).unwrap();
            }
            if self.ms.is_multiple_of(40) {
                let asked = !std::mem::take(&mut self.w.clients[0].keyframe_requests).is_empty();
                self.show(self.pictures.is_multiple_of(25), 0xaa);
                self.browser_shows(asked || self.pictures == 0, 0xbb);
                self.pictures += 1;
            }
            self.w.run(TICK);
            self.ms += 20;
            self.w.shard.fill(self.play, self.w.now, &mut self.flv);
        }
    }

    /// What the browser heard and saw since the last call: the loudest sample, and how many pictures.
    fn browser_got(&mut self) -> (u16, usize) {
        let mut samples = vec![0; 5_760];
        let mut most = 0;
        for r in self.w.clients[0].take(MediaKind::Audio) {
            let made = self.ears.decode(&r.payload, &mut samples, false).unwrap();
            most = most.max(loudest(&samples[..made]));
        }
        let pictures = self.w.clients[0].take(MediaKind::Video);
        (most, pictures.iter().filter(|r| r.payload.get(1) == Some(&0xaa)).count())
    }

    /// The tags that the phone's player was given since the last call: kind, time, body.
    fn phone_got(&mut self) -> Vec<(u8, u32, Vec<u8>)> {
        let bytes = std::mem::take(&mut self.flv);
        let mut rest = bytes.strip_prefix(b"FLV\x01\x05\0\0\0\x09\0\0\0\0").unwrap_or(&bytes);
        let mut tags = Vec::new();
        while let Some((head, after)) = rest.split_first_chunk::<11>() {
            let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
            let time = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
            tags.push((head[0], time, after[..length].to_vec()));
            rest = &after[length + 4..];
        }
        tags
    }

    /// Frames of sound, those of them that are more than silence, and pictures.
    fn phone_counts(&mut self) -> [usize; 3] {
        let (mut frames, mut loud, mut pictures) = (0, 0, 0);
        for (kind, _, body) in self.phone_got() {
            match (kind, body[1]) {
                (8, 0) => assert_eq!(body[2..4], [0x11, 0x88]),
                (8, _) => {
                    frames += 1;
                    self.phone_ears.fill(&body[2..]).unwrap();
                    let mut samples = vec![0; 2_048];
                    self.phone_ears.decode_frame(&mut samples).unwrap();
                    loud += usize::from(loudest(&samples) > 5_000);
                }
                _ => pictures += usize::from(body.get(10) == Some(&0xbb)),
            }
        }
        [frames, loud, pictures]
    }
}

fn both() -> Call {
    Call::new(true, true, &[Codec::H264, Codec::Vp8])
}

#[test]
fn each_hears_and_sees_the_other() {
    let mut c = both();
    c.talk(SECOND * 3);
    let (sound, pictures) = c.browser_got();
    assert!(sound > 10_000 && pictures >= 70, "the browser: {sound}, {pictures}");
    let [frames, loud, pictures] = c.phone_counts();
    assert!(frames >= 130 && loud >= 130 && pictures >= 70, "the phone: {frames}, {loud}, {pictures}");
}

#[test]
fn what_the_phone_is_given_begins_with_headers_and_its_time_goes_on() {
    let mut c = both();
    c.talk(SECOND * 2);
    let tags = c.phone_got();
    let header = |kind: u8| tags.iter().position(|(k, _, body)| *k == kind && body[1] == 0).unwrap();
    let first = |kind: u8| tags.iter().position(|(k, _, body)| *k == kind && body[1] == 1).unwrap();
    assert!(header(8) < first(8) && header(9) < first(9));
    assert_eq!(tags[first(9)].2[0], 0x17, "a key frame first");
    assert_eq!(tags[header(9)].2[5..9], [1, SPS[1], SPS[2], SPS[3]]);
    for kind in [8, 9] {
        let times: Vec<u32> = tags.iter().filter(|(k, ..)| *k == kind).map(|(_, t, _)| *t).collect();
        assert!(times.is_sorted(), "{kind}: {times:?}");
    }
}

#[test]
fn nothing_crosses_before_both_have_accepted() {
    for (phone, browser) in [(false, false), (true, false), (false, true)] {
        let mut c = Call::new(phone, browser, &[Codec::H264]);
        c.talk(SECOND * 2);
        assert_eq!(c.browser_got(), (0, 0), "{phone} {browser}");
        assert_eq!(c.phone_got(), [], "{phone} {browser}");
        if !phone {
            c.w.command(Command::OpenGate { session: PHONE });
        }
        if !browser {
            c.w.open_gate(0);
        }
        c.talk(SECOND * 2);
        assert!(c.browser_got().0 > 10_000 && c.phone_counts()[1] > 80, "{phone} {browser}");
    }
}

#[test]
fn what_is_off_does_not_cross_and_is_silence_for_the_phone() {
    let mut c = both();
    c.talk(SECOND);
    c.w.devices(0, false, false);
    c.w.command(Command::SetSources { session: PHONE, on: tring_media::SourceSet::EMPTY });
    c.talk(SECOND / 5);
    c.browser_got();
    c.phone_got();
    c.talk(SECOND * 2);
    assert_eq!(c.browser_got(), (0, 0));
    let [frames, loud, pictures] = c.phone_counts();
    assert!((80..110).contains(&frames) && loud == 0 && pictures == 0, "{frames} {loud} {pictures}");
    c.w.devices(0, true, true);
    c.w.command(Command::SetSources { session: PHONE, on: crate::common::BOTH });
    c.talk(SECOND * 2);
    let [_, loud, pictures] = c.phone_counts();
    assert!(loud > 80 && pictures >= 40, "{loud} {pictures}");
    let (sound, pictures) = c.browser_got();
    assert!(sound > 10_000 && pictures >= 25, "{sound} {pictures}");
}

#[test]
fn a_browser_without_a_microphone_is_silence_for_the_phone() {
    let mut c = both();
    for _ in 0..25 {
        c.w.run(SECOND / 5);
        c.w.shard.fill(c.play, c.w.now, &mut c.flv);
    }
    let [frames, loud, _] = c.phone_counts();
    assert!((170..240).contains(&frames) && loud == 0, "{frames} {loud}");
}

#[test]
fn a_player_that_joins_has_a_picture_within_two_round_trips() {
    let mut c = both();
    c.talk(SECOND * 20);
    c.phone_got();
    c.play_anew(3);
    c.talk(SECOND / 5);
    let tags = c.phone_got();
    let pictures: Vec<u8> =
        tags.iter().filter(|(k, _, b)| *k == 9 && b[1] == 1).map(|(.., b)| b[0]).collect();
    assert!(pictures.len() >= 2 && pictures[0] == 0x17, "{pictures:x?}");
}

#[test]
fn a_browser_that_has_lost_a_picture_is_sent_what_is_kept_of_the_phone() {
    let mut c = both();
    c.talk(SECOND * 2 + SECOND / 2);
    c.browser_got();
    let now = c.w.now;
    c.w.clients[0].peer.request_keyframe(now).unwrap();
    c.w.run(TICK * 2);
    let again = c.w.clients[0].take(MediaKind::Video);
    assert!(again.len() > 5, "{} packets", again.len());
    assert_eq!(again[0].payload[0] & 0x1f, 24, "parameter sets and a key frame first");
    assert!(again.windows(2).all(|w| w[0].seq + 1 == w[1].seq && w[0].timestamp <= w[1].timestamp));
    let last = again.last().unwrap().clone();
    c.talk(SECOND / 5);
    let next = &c.w.clients[0].take(MediaKind::Video)[0];
    assert_eq!(next.seq, last.seq + 1);
    assert!(next.timestamp.wrapping_sub(last.timestamp) < 90 * 50, "time goes on");
    // A storm of requests is not a storm of pictures.
    for _ in 0..20 {
        let now = c.w.now;
        c.w.clients[0].peer.request_keyframe(now).unwrap();
        c.w.run(TICK / 4);
    }
    assert_eq!(c.w.clients[0].take(MediaKind::Video).len(), 0);
}

#[test]
fn loss_on_the_browsers_side_costs_little_sound_and_only_pictures_for_a_while() {
    let mut c = both();
    c.talk(SECOND);
    c.phone_got();
    c.w.lose_one_in = 10;
    c.talk(SECOND * 5);
    let [frames, loud, pictures] = c.phone_counts();
    assert!(frames >= 225 && loud >= frames - 10, "concealed: {frames} {loud}");
    assert!(pictures >= 80, "retransmitted: {pictures} of 125");
}

#[test]
fn ten_seconds_of_nothing_from_the_browser_are_silence_and_then_it_goes_on() {
    let mut c = both();
    c.talk(SECOND);
    c.phone_got();
    c.w.lose_one_in = 1;
    for _ in 0..50 {
        c.w.run(SECOND / 5);
        c.w.shard.fill(c.play, c.w.now, &mut c.flv);
    }
    let tags = c.phone_got();
    let silent = tags.iter().filter(|(k, ..)| *k == 8).count();
    assert!((440..480).contains(&silent), "{silent} frames in ten seconds");
    c.w.lose_one_in = 0;
    // Its clocks ran on meanwhile.
    c.sent += 480_000;
    c.ms += 10_000;
    c.talk(SECOND * 3);
    let [frames, loud, pictures] = c.phone_counts();
    assert!((120..=150).contains(&frames) && loud > 100 && pictures > 50, "{frames} {loud} {pictures}");
}

#[test]
fn a_push_that_breaks_and_begins_anew_is_heard_and_seen_on() {
    let mut c = both();
    c.talk(SECOND);
    c.w.shard.disconnected(c.push);
    c.w.run(SECOND);
    c.browser_got();
    c.pictures = 0;
    c.push_anew(7);
    c.talk(SECOND * 2);
    let (sound, pictures) = c.browser_got();
    assert!(sound > 10_000 && pictures >= 40, "{sound} {pictures}");
}

#[test]
fn vp8_is_asked_to_become_h264_and_who_has_none_is_named() {
    let mismatch = |w: &mut World| {
        w.take_notices().into_iter().find_map(|n| match n {
            Notice::CodecMismatch { session, source: Source::Camera, wanted } => Some((session, wanted)),
            _ => None,
        })
    };
    let mut c = both();
    assert!(c.w.clients[0].peer.use_codec(Codec::Vp8));
    c.talk(SECOND);
    assert_eq!(c.phone_counts()[2], 0, "no VP8 reaches a phone");
    let session = c.w.clients[0].session;
    // H.264 came first in its answer, so it is not asked again.
    let _ = mismatch(&mut c.w);

    let mut c = Call::new(true, true, &[Codec::Vp8]);
    c.talk(SECOND);
    let told = c.w.take_notices();
    for session in [session, PHONE] {
        let none = Notice::CodecMismatch { session, source: Source::Camera, wanted: None };
        assert!(told.contains(&none), "{session}: {told:?}");
    }
    assert!(c.browser_got().0 > 10_000 && c.phone_counts()[1] > 30, "the voice goes on");
}

#[test]
fn an_end_on_either_side_leaves_nothing() {
    for phone_first in [true, false] {
        let mut c = both();
        c.talk(SECOND);
        if phone_first {
            c.w.command(Command::Close { session: PHONE });
            c.w.close(0);
        } else {
            c.w.close(0);
            c.w.command(Command::Close { session: PHONE });
        }
        assert!(c.w.out.streams.hang_up.contains(&c.push));
        for conn in [c.push, c.play] {
            c.w.shard.disconnected(conn);
        }
        assert_eq!((c.w.shard.sessions(), c.w.shard.bindings(), c.w.shard.connections()), (0, 0, 0));
        c.w.run(SECOND * 2);
        assert_eq!(c.w.shard.next_deadline(), None, "nothing is waited for");
    }
}
