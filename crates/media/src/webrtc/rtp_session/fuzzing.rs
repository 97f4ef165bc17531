//! What a peer that has the keys may send into an RTP session (feature `fuzzing`).

use super::*;
use crate::fuzzing::input::Input;
use crate::rtcp::feedback::write_nack;
use crate::rtp::codec::Codec;
use crate::rtp::header::Header;
use crate::webrtc::SrtpProfile;
use crate::webrtc::line::{ExtensionIds, SendSsrcs};
use str0m::crypto::dtls::KeyingMaterial;

const PROFILES: [(SrtpProfile, usize); 3] =
    [(SrtpProfile::Aes128CmSha1, 60), (SrtpProfile::Aes128Gcm, 56), (SrtpProfile::Aes256Gcm, 88)];

/// Things that happen in one run: more would only be more of the kind.
const MAX_ACTS: usize = 400;

/// SSRCs of the session's own streams, by line, and of the retransmissions of its pictures.
const OWN: u32 = 1;
const OWN_RTX: u32 = 9;

/// SSRCs that the peer announces, if it does, by line, and of the retransmissions of its pictures.
const PEERS: u32 = 21;
const PEERS_RTX: u32 = 29;

const AUDIO: usize = 0;
const VIDEO: usize = 1;

/// Bytes of RTCP that a datagram of the peer may cost, a second may, and the beginning: five requests for each packet of the
/// longest gap, and feedback and reports on all that the session knows.
const CONTROL_A_DATAGRAM: f64 = 4_000.0;
const CONTROL_A_SECOND: f64 = 8_000.0;

/// Retransmitted bytes: the budget's burst and its rate, and one packet more.
const AGAIN: f64 = 66_000.0;
const AGAIN_A_SECOND: f64 = 16_000.0;
const AGAIN_A_BYTE: f64 = 0.25;

/// Calls in which all that is due at one moment is said: a request has room for more than half of what may be missing.
const CALLS_AT_ONCE: usize = 2;

/// What left, and what it is held against.
#[derive(Debug, Default)]
struct Account {
    datagrams: f64,
    media: f64,
    control: f64,
    again: f64,
}

struct World {
    rtp: RtpSession,
    lines: Vec<Line>,
    trains: Trains,
    hint: TrainHint,
    events: Vec<Event>,
    peer: Sealer,
    start: Instant,
    now: Instant,
    account: Account,
    /// The newest number of the peer's sound, and of the session's own streams.
    newest: u64,
    own: [u64; 2],
}

fn lines(confirms: bool, repeats: bool) -> Vec<Line> {
    let line = |at: u8, kind| {
        let (mut payload_types, mut rtx_payload_types) = ([None; 3], [None; 3]);
        let pictures = kind == MediaKind::Video;
        if pictures {
            payload_types[Codec::H264.index()] = Some(102);
            payload_types[Codec::Vp8.index()] = Some(96);
            rtx_payload_types[Codec::H264.index()] = repeats.then_some(103);
        } else {
            payload_types[Codec::Opus.index()] = Some(111);
        }
        Line {
            mid: at.to_string().into(),
            kind,
            receives: true,
            sends: true,
            ssrcs: Some(SendSsrcs {
                media: OWN + u32::from(at),
                rtx: (pictures && repeats).then_some(OWN_RTX),
            }),
            payload_types,
            rtx_payload_types,
            extensions: ExtensionIds {
                audio_level: Some(1),
                transport_sequence: confirms.then_some(3),
                mid: Some(4),
                playout_delay: Some(5),
            },
            red: (!pictures).then_some(63),
        }
    };
    vec![line(0, MediaKind::Audio), line(1, MediaKind::Video)]
}

impl World {
    /// The first byte: the profile, and what was agreed on.
    fn new(choice: u8) -> Self {
        let start = Instant::now();
        let (profile, length) = PROFILES[usize::from(choice % 3)];
        let [announces, confirms, repeats] = [4, 8, 16].map(|bit| choice & bit != 0);
        let lines = lines(confirms, repeats);
        let offer = Offer {
            sdp: String::new(),
            lines: Vec::new(),
            ssrcs: announces.then(|| vec![(PEERS, AUDIO), (PEERS + 1, VIDEO), (PEERS_RTX, VIDEO)]),
            rtx_ssrcs: if announces { vec![(PEERS_RTX, PEERS + 1)] } else { Vec::new() },
            transport_wide: confirms.then_some(3),
            rejected: Vec::new(),
        };
        let mut rtp = RtpSession::new(&offer, &lines, "cname".into(), start);
        let keys =
            ExportedKeys { profile, material: KeyingMaterial::new(&vec![0x5a; length]), is_client: false };
        assert!(rtp.set_keys(&keys, start), "keys that fit");
        let (client, _) = master_keys(profile, &keys.material).expect("a length that fits");
        Self {
            rtp,
            lines,
            trains: Trains::default(),
            hint: TrainHint::default(),
            events: Vec::new(),
            peer: Sealer::new(&client).expect("a key"),
            start,
            now: start,
            account: Account::default(),
            newest: 0,
            own: [0; 2],
        }
    }

    fn with<T>(&mut self, f: impl FnOnce(&mut RtpSession, &[Line], &mut Out<'_>, &mut Vec<Event>) -> T) -> T {
        let hop = Hop { destination: ([192, 0, 2, 1], 1).into(), source: [192, 0, 2, 2].into(), via: 0 };
        let Self { rtp, lines, trains, hint, events, .. } = self;
        f(rtp, lines, &mut Out { hop, hint, trains }, events)
    }

    /// What left is within what came, what was sent and the time that passed.
    fn settle(&mut self) {
        for (_, datagram) in self.trains.datagrams() {
            #[allow(clippy::cast_precision_loss)] // A datagram's length.
            let length = datagram.len() as f64;
            assert!(datagram.len() < 1_500, "longer than a network takes");
            if (192..=223).contains(&datagram[1]) {
                self.account.control += length;
            } else if Header::read(datagram).expect("a header").ssrc == OWN_RTX {
                self.account.again += length;
            } else {
                self.account.media += length;
            }
        }
        self.trains.clear();
        let seconds = self.now.duration_since(self.start).as_secs_f64() + 1.0;
        let Account { datagrams, media, control, again } = self.account;
        assert!(
            control <= datagrams * CONTROL_A_DATAGRAM + seconds * CONTROL_A_SECOND,
            "{:?} in {seconds} s",
            self.account
        );
        let earned = AGAIN + seconds * AGAIN_A_SECOND + media * AGAIN_A_BYTE;
        assert!(again <= earned, "{:?} in {seconds} s", self.account);
    }

    /// A datagram comes. Gives the line and number of what is forwarded.
    fn give(&mut self, datagram: &[u8]) -> Option<(usize, u64)> {
        let mut bytes = datagram.to_vec();
        let now = self.now;
        let forwarded = self.with(|rtp, lines, out, events| {
            // As the transport tells the two apart (RFC 5761 §4).
            if bytes.get(1).is_some_and(|b| (192..=223).contains(b)) {
                let _ = rtp.receive_control(&mut bytes, lines, now, out, events);
                rtp.notice(now, out, events);
                return None;
            }
            let packet = rtp.receive(&mut bytes, lines, now);
            let forwarded = packet.ok().map(|packet| {
                assert!(packet.line < lines.len() && !packet.payload.is_empty());
                assert!(packet.payload.len() <= datagram.len());
                (packet.line, packet.seq)
            });
            rtp.notice(now, out, events);
            forwarded
        });
        self.account.datagrams += 1.0;
        // Each wish for a key frame has eight bytes; and one second may be over.
        assert!(self.events.len() <= datagram.len() / 8 + 1, "{} events", self.events.len());
        self.events.clear();
        self.settle();
        forwarded
    }

    /// A compound comes, sealed.
    fn control(&mut self, mut compound: Vec<u8>) {
        if compound.len() >= 8 && self.peer.seal_rtcp(&mut compound, 0) {
            self.give(&compound);
        }
    }

    /// A packet comes, sealed: extensions of the one-byte form, and a payload.
    fn packet(
        &mut self,
        (ssrc, index, timestamp): (u32, u64, u32),
        second: u8,
        extensions: &[u8],
        payload: &[u8],
    ) -> Option<(usize, u64)> {
        let mut packet = vec![0x90, second];
        packet.extend_from_slice(&index.to_be_bytes()[6..]);
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&ssrc.to_be_bytes());
        let words = extensions.len().div_ceil(4);
        packet.extend_from_slice(&[0xbe, 0xde, 0, u8::try_from(words).unwrap_or(u8::MAX)]);
        packet.extend_from_slice(extensions);
        packet.resize(16 + 4 * words, 0);
        let header = packet.len();
        packet.extend_from_slice(payload);
        assert!(self.peer.seal_rtp(&mut packet, 0, header, ssrc, index));
        self.give(&packet)
    }

    fn advance(&mut self) {
        let now = self.now;
        self.with(|rtp, lines, out, events| rtp.advance(lines, now, out, events));
        self.events.clear();
        self.settle();
    }

    /// Time passes, and each deadline is kept.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.rtp.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let mut calls = 0;
            while self.rtp.due().is_some_and(|due| due <= self.now) {
                assert!(calls < CALLS_AT_ONCE, "due at once again and again");
                calls += 1;
                self.advance();
            }
        }
        self.now = end;
        self.advance();
    }

    /// The session sends on a line.
    fn send(&mut self, line: usize, skipped: u64, length: usize) {
        self.own[line] += 1 + skipped;
        let (seq, now) = (self.own[line], self.now);
        let codec = if line == AUDIO { Codec::Opus } else { Codec::H264 };
        #[allow(clippy::cast_possible_truncation)] // RTP time is modulo 2^32.
        let timestamp = (seq as u32).wrapping_mul(960);
        let payload = vec![0x41; length];
        let packet = Packet::new(codec, seq, timestamp, seq.is_multiple_of(3), &payload);
        let write = Write { line, seq, timestamp, captured: now, reach: 0, packet: &packet };
        self.with(|rtp, lines, out, _| rtp.send(&write, lines, now, out));
        self.settle();
    }

    fn act(&mut self, input: &mut Input<'_>) {
        let act = input.u8();
        match act % 10 {
            0 => self.control(input.piece().to_vec()),
            1 => {
                let (ssrc, from, count) = (OWN + u32::from(act >> 7), input.u16(), input.u8());
                let mut nack = Vec::new();
                write_nack(&mut nack, PEERS, ssrc, (0..count.into()).map(|n| from.wrapping_add(n)));
                self.control(nack);
            }
            // The peer's sound, ahead by less than half the range of numbers, or late.
            2 => {
                self.newest += u64::from(input.u16() >> 1);
                self.sound(input, self.newest);
            }
            3 => {
                let late = self.newest.saturating_sub(input.u16().into());
                self.sound(input, late);
            }
            // Anything else under its keys: few SSRCs and many, each payload type, any index below the first rollover.
            4 | 5 => {
                let ssrc = if act >= 128 { input.u32() } else { PEERS + 1 + u32::from(input.u8() % 9) };
                let place = (ssrc, u64::from(input.u16()), input.u32());
                let second = [102, 103, 96, 63, 111, input.u8()][usize::from(act / 10) % 6];
                let second = if (64..96).contains(&(second & 0x7f)) { 102 } else { second };
                self.packet(place, second, input.piece(), input.piece());
            }
            6 => {
                self.give(input.piece());
            }
            7 => {
                let unit = if act >= 200 { 20 } else { 1 };
                self.pass(Duration::from_millis(u64::from(input.u8()) * unit));
            }
            8 => {
                let (line, skipped) = (usize::from(act >= 128), input.u8() & 3);
                self.send(line, skipped.into(), 1 + 4 * usize::from(input.u8()));
            }
            _ => {
                self.with(|rtp, _, out, _| rtp.request_keyframe(VIDEO, out));
                // Throttled by who asks; here it counts as if a datagram had come.
                self.account.datagrams += 1.0;
                self.settle();
            }
        }
    }

    fn sound(&mut self, input: &mut Input<'_>, index: u64) {
        let timestamp = input.u32();
        self.packet((PEERS, index, timestamp), 111, input.piece(), input.piece());
    }
}

/// What a peer with the keys sends, in any order and at any pace, makes the session say and send a bounded amount, and
/// nothing stays due; and then its honest sound still passes.
pub(crate) fn rtp_session(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.u8();
    let mut world = World::new(choice);
    for _ in 0..MAX_ACTS {
        if input.is_empty() {
            break;
        }
        world.act(&mut input);
    }
    world.pass(Duration::from_secs(3));
    // Who announces nothing may have used up its streams.
    if choice & 4 != 0 {
        let next = world.newest + 1;
        let forwarded = world.packet((PEERS, next, 0), 111, &[], &[0xf8]);
        assert_eq!(forwarded, Some((AUDIO, next)), "an honest packet");
    }
}
