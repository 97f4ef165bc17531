//! What receivers are given, packet by packet, in calls that are the same in every run.
//!
//! The digests were taken when the server still left SRTP and RTP to str0m on its side, and hold what was forwarded then:
//! every payload, its place, its time, and how it is named. `TRING_FORWARDED=1 cargo test -p tring-media --test it old_and_new
//! -- --nocapture` prints the packets themselves, to be held against those of another commit.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::World;
use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;
use tring_media::{Codec, MediaKind, Rtp};

/// How often a packet of sound is sent, and how finely the time of arrival is told.
const TICK: Duration = Duration::from_millis(20);

const OPUS: u8 = 111;

/// FNV-1a.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// What a client has sent.
#[derive(Default)]
struct Sent {
    sounds: u16,
    pictures: u16,
    /// Requests for a key frame that were met.
    met: usize,
    red: bool,
}

/// The first packet of a stream as a receiver knows it: its place among the streams, sequence number, timestamp.
type First = (usize, u64, u32);

struct Calls {
    w: World,
    sent: Vec<Sent>,
    firsts: HashMap<(usize, u32), First>,
    ticks: u32,
    told: String,
}

impl Calls {
    fn new() -> Self {
        Self { w: World::new(), sent: Vec::new(), firsts: HashMap::new(), ticks: 0, told: String::new() }
    }

    fn join(&mut self, name: &str, codecs: &[Codec], red: bool) -> usize {
        let client = self.w.join_with(name, true, |c| {
            c.video_codecs = codecs.to_vec();
            c.red = red;
        });
        self.w.connect();
        let red = red && self.w.clients[client].peer.use_red();
        self.sent.push(Sent { red, ..Sent::default() });
        client
    }

    /// The n-th packet of sound of a client, from 3 to 62 bytes of it.
    fn said(client: usize, n: u16) -> Vec<u8> {
        let mut said = vec![0xf8, client as u8];
        said.extend(n.to_be_bytes());
        said.resize(4 + usize::from(n * 7 % 59), n as u8);
        said
    }

    fn sound(&mut self, client: usize) {
        let sent = &mut self.sent[client];
        sent.sounds += 1;
        let n = sent.sounds;
        let mut payload = Self::said(client, n);
        if sent.red && n > 2 {
            let repeats = [n - 2, n - 1];
            let header = |earlier: u16| {
                let rest = (u32::from(n - earlier) * 960) << 10 | Self::said(client, earlier).len() as u32;
                (u32::from(0x80 | OPUS) << 24 | rest).to_be_bytes()
            };
            let repeated: Vec<u8> = repeats.iter().flat_map(|&n| Self::said(client, n)).collect();
            payload = [repeats.map(header).concat(), vec![OPUS], repeated, payload].concat();
        } else if sent.red {
            payload.insert(0, OPUS);
        }
        let c = &mut self.w.clients[client];
        c.clock[0] += 960;
        c.peer.send(MediaKind::Audio, c.clock[0], n == 1, payload, self.w.now).unwrap();
    }

    /// A picture of three packets: a key frame if it is the first or one was asked for.
    fn picture(&mut self, client: usize) {
        let c = &mut self.w.clients[client];
        let sent = &mut self.sent[client];
        sent.pictures += 1;
        let n = sent.pictures;
        let key = n == 1 || c.keyframe_requests.len() > sent.met;
        sent.met = c.keyframe_requests.len();
        c.clock[1] += 3600;
        let vp8 = c.peer.codec(MediaKind::Video) == Some(Codec::Vp8);
        for piece in 0..3_u8 {
            let mut payload = if vp8 {
                // RFC 7741 §4.2 and §4.3: the start of a partition, and of an interframe or not.
                vec![if piece == 0 { 0x10 } else { 0 }, u8::from(!key)]
            } else {
                // RFC 6184 §5.8: a slice in pieces, of a key frame or not.
                vec![0x7c, [0x80, 0, 0x40][usize::from(piece)] | if key { 5 } else { 1 }]
            };
            payload.push(client as u8);
            payload.extend(n.to_be_bytes());
            payload.resize(40 + usize::from(n * 131 % 997), n as u8 ^ piece);
            c.peer.send(MediaKind::Video, c.clock[1], piece == 2, payload, self.w.now).unwrap();
        }
    }

    /// All of `talkers` send sound each 20 ms and a picture each 40 ms.
    fn talk(&mut self, talkers: &[usize], ticks: u32) {
        for _ in 0..ticks {
            for &client in talkers {
                self.sound(client);
                if self.ticks.is_multiple_of(2) {
                    self.picture(client);
                }
            }
            self.w.flush();
            self.listen(1);
        }
    }

    /// Time passes, and what arrives in it is told.
    fn listen(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.w.run(TICK);
            self.ticks += 1;
            for client in 0..self.w.clients.len() {
                for packet in std::mem::take(&mut self.w.clients[client].received) {
                    self.tell(client, &packet);
                }
            }
        }
    }

    fn tell(&mut self, client: usize, p: &Rtp) {
        let streams = self.firsts.keys().filter(|(c, _)| *c == client).count();
        let first = self.firsts.entry((client, p.ssrc)).or_insert((streams, p.seq, p.timestamp));
        let seq = i128::from(p.seq) - i128::from(first.1);
        let timestamp = p.timestamp.wrapping_sub(first.2) as i32;
        writeln!(
            self.told,
            "{client} {:?} line {} stream {} {:?} type {} marker {} seq {seq:+} time {timestamp:+} {} bytes {:016x} tick {}",
            p.kind,
            p.line,
            first.0,
            p.codec,
            p.payload_type,
            u8::from(p.marker),
            p.payload.len(),
            digest(&p.payload),
            self.ticks,
        )
        .unwrap();
    }

    fn requests(&mut self) {
        for (client, c) in self.w.clients.iter().enumerate() {
            writeln!(self.told, "{client} was asked for {} key frames", c.keyframe_requests.len()).unwrap();
        }
        self.told += &format!("{} panics\n", self.w.shard.take_counters().panics);
    }
}

const BOTH: [Codec; 2] = [Codec::H264, Codec::Vp8];

fn two() -> Calls {
    let mut c = Calls::new();
    c.join("alice", &BOTH, false);
    c.join("bob", &BOTH, false);
    c.talk(&[0, 1], 250);
    c
}

fn three() -> Calls {
    let mut c = Calls::new();
    c.join("alice", &BOTH, false);
    c.join("bob", &BOTH, false);
    c.talk(&[0, 1], 50);
    c.join("carol", &BOTH, false);
    c.talk(&[0, 1, 2], 150);
    c.w.close(1);
    c.talk(&[0, 2], 50);
    c
}

fn red() -> Calls {
    let mut c = Calls::new();
    c.join("alice", &BOTH, true);
    c.join("bob", &BOTH, true);
    c.join("carol", &BOTH, false);
    c.talk(&[0, 1, 2], 150);
    c
}

fn mute() -> Calls {
    let mut c = Calls::new();
    c.join("alice", &BOTH, true);
    c.join("bob", &BOTH, true);
    c.talk(&[0, 1], 50);
    for (microphone, camera) in [(false, true), (false, false), (true, false), (true, true)] {
        c.w.devices(0, microphone, camera);
        c.talk(&[0, 1], 50);
    }
    c
}

fn replaced() -> Calls {
    let mut c = Calls::new();
    c.join("alice", &BOTH, false);
    c.join("bob", &BOTH, false);
    c.talk(&[0, 1], 50);
    c.join("alice", &BOTH, false);
    c.talk(&[0, 1, 2], 10);
    c.w.close(0);
    c.talk(&[1, 2], 100);
    c
}

fn vp8() -> Calls {
    let mut c = Calls::new();
    c.join("alice", &BOTH, false);
    c.join("bob", &[Codec::Vp8], false);
    c.talk(&[0, 1], 50);
    c.w.clients[0].peer.use_codec(Codec::Vp8);
    c.talk(&[0, 1], 100);
    c
}

/// What is told of a call.
fn told(name: &str, call: fn() -> Calls) -> String {
    let mut c = call();
    c.listen(10);
    c.requests();
    if std::env::var_os("TRING_FORWARDED").is_some() {
        for line in c.told.lines() {
            println!("{name}: {line}");
        }
    }
    c.told
}

type Call = fn() -> Calls;

#[test]
fn what_is_forwarded_is_what_it_was() {
    let calls: [(&str, Call, u64); 6] = [
        ("two", two, 0x9e4d_01d5_d94e_956e),
        ("three", three, 0x6716_10ab_32ec_3310),
        ("red", red, 0xd33a_a408_bb1a_1db5),
        ("mute", mute, 0x98af_1920_1546_4af9),
        ("replaced", replaced, 0x3970_e4ca_603c_3705),
        ("vp8", vp8, 0x2353_75de_acce_b829),
    ];
    for (name, call, held) in calls {
        let told = told(name, call);
        assert_eq!(digest(told.as_bytes()), held, "{name}: {:016x}", digest(told.as_bytes()));
    }
}
