//! Peers that lie in RTP under their own keys: sequence numbers that roll over or jump, and headers that say what is not so.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::World;
use proptest::prelude::*;
use std::time::Duration;
use tring_media::{MediaKind, Notice};

const SECOND: Duration = Duration::from_secs(1);

/// Clients of [`call`]: the liar, and two honest ones.
const LIAR: usize = 0;
const HONEST: [usize; 2] = [1, 2];

fn call() -> World {
    let mut w = World::new();
    for name in ["liar", "bob", "carol"] {
        w.join_with(name, true, |c| {
            // Each has a line for either of the others.
            for kind in [MediaKind::Audio, MediaKind::Video] {
                c.lines.push(tring_media::MediaLine { kind, send: false, receive: true });
            }
        });
    }
    w.connect();
    w
}

/// Packets of sound that a client was given of another one in a second in which these talk.
fn heard(w: &mut World, talkers: &[usize], me: usize, of: usize) -> usize {
    w.clients.iter_mut().for_each(|c| c.received.clear());
    w.talk(talkers, SECOND);
    w.run(SECOND / 10);
    let mark = u8::try_from(of).unwrap();
    w.clients[me].take(MediaKind::Audio).iter().filter(|r| r.payload[..] == [mark, 0xa0]).count()
}

/// The honest ones hear each other, whatever the liar does meanwhile, and nobody was lost.
fn assert_honest_alive(w: &mut World) {
    let [bob, carol] = HONEST;
    assert!(heard(w, &HONEST, bob, carol) >= 45);
    assert!(heard(w, &HONEST, carol, bob) >= 45);
    let honest = HONEST.map(|c| w.clients[c].session);
    assert!(!w.notices.iter().any(|n| matches!(n, Notice::Lost { session } if honest.contains(session))));
    assert_eq!(w.shard.take_counters().panics, 0);
}

#[test]
fn a_stream_goes_on_when_its_sequence_numbers_roll_over() {
    let mut w = call();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        w.clients[LIAR].peer.skip_to(kind, 65_500);
    }
    w.talk(&[LIAR], 4 * SECOND);
    w.run(SECOND / 10);
    for me in HONEST {
        for (kind, sent) in [(MediaKind::Audio, 200), (MediaKind::Video, 100)] {
            let received = w.clients[me].take(kind);
            assert_eq!(received.len(), sent, "{kind:?}: what was sent before and after the rollover");
            let seqs: Vec<u64> = received.iter().map(|r| r.seq).collect();
            assert!(seqs.windows(2).all(|w| w[1] == w[0] + 1), "{kind:?}: {seqs:?}");
        }
    }
    assert_honest_alive(&mut w);
}

/// A receiver guesses the rollover counter from the sequence number (RFC 3711 §3.3.1, appendix A). A jump of less than half
/// their range is guessed right and forwarded; one of more opens under no guess. It costs the liar its own stream, until it
/// counts on from where it was.
#[test]
fn a_jump_of_sequence_numbers_costs_at_most_the_stream_that_jumps() {
    for jump in [1, 1_000, 20_000, 32_700, 32_800, 40_000, 65_535, 65_536, 131_072, 1 << 40] {
        let mut w = call();
        let [bob, _] = HONEST;
        w.talk(&[0, 1, 2], SECOND);
        let mut next = 51;
        let skip = |w: &mut World, seq| w.clients[LIAR].peer.skip_to(MediaKind::Audio, seq);
        skip(&mut w, next + jump);
        let after = heard(&mut w, &[0, 1, 2], bob, LIAR);
        if jump < 32_768 {
            assert!(after >= 45, "{jump}: {after}");
            next += jump + 50;
        } else {
            assert_eq!(after, 0, "{jump}");
            assert_honest_alive(&mut w);
        }
        skip(&mut w, next);
        assert!(heard(&mut w, &[0, 1, 2], bob, LIAR) >= 45, "{jump}: it counts on from where it was");
        assert_honest_alive(&mut w);
    }
}

/// The receiver takes a number from before the first for one of the rollover before, which there has not been. A liar can
/// seal its packet with just that guess.
#[test]
fn a_packet_from_before_the_first_rollover_costs_at_most_its_stream() {
    for rollovers in [1, u32::MAX, u32::MAX - 1, 1 << 31] {
        for sequence in [0u16, 100, 32_700, 33_000, 40_000, 65_535] {
            let mut lies = Lies::new();
            let header = lies.changed(|h| h[2..4].copy_from_slice(&sequence.to_be_bytes()));
            for _ in 0..3 {
                assert!(lies.w.clients[LIAR].peer.send_raw_rtp_after(rollovers, &header, b"from before"));
                lies.w.flush();
                lies.w.run(Duration::from_millis(20));
            }
            lies.w.talk(&[0, 1, 2], SECOND / 2);
            assert_honest_alive(&mut lies.w);
        }
    }
}

/// The header of the newest packet of sound that the liar sent, with its extensions.
fn newest_header(w: &mut World) -> Vec<u8> {
    w.tap();
    w.talk(&[LIAR], SECOND / 10);
    let sent = w.tap();
    let of_sound = |d: &&Vec<u8>| d.len() > 16 && d[0] & 0xe0 == 0x80 && d[1] & 0x7f == 111;
    let newest = sent.iter().map(|(_, d)| d).rfind(of_sound).expect("sound was sent");
    let extension = if newest[0] & 0x10 == 0 {
        0
    } else {
        4 + 4 * usize::from(u16::from_be_bytes([newest[14], newest[15]]))
    };
    newest[..12 + extension].to_vec()
}

/// One extension with a one-byte header (RFC 8285 §4.2), in its block.
fn extension(id: u8, value: &[u8]) -> Vec<u8> {
    let mut block = vec![id << 4 | (u8::try_from(value.len()).unwrap() - 1)];
    block.extend(value);
    block.resize(block.len().next_multiple_of(4), 0);
    [&[0xbe, 0xde, 0, u8::try_from(block.len() / 4).unwrap()][..], &block].concat()
}

/// A header with this block of extensions instead of its own.
fn with(header: &[u8], extensions: &[u8]) -> Vec<u8> {
    let mut changed = header[..12].to_vec();
    changed[0] = 0x90;
    [&changed, extensions].concat()
}

/// Sends headers of the liar's making in its own stream, each with the next sequence number, then an honest one.
struct Lies {
    w: World,
    header: Vec<u8>,
    seq: u16,
}

impl Lies {
    fn new() -> Self {
        let mut w = call();
        w.talk(&[0, 1, 2], SECOND);
        let header = newest_header(&mut w);
        let seq = u16::from_be_bytes([header[2], header[3]]);
        Self { w, header, seq }
    }

    fn send(&mut self, mut header: Vec<u8>, payload: &[u8]) {
        self.seq += 1;
        if let Some(seq) = header.get_mut(2..4) {
            seq.copy_from_slice(&self.seq.to_be_bytes());
        }
        if header.len() >= 12 {
            assert!(self.w.clients[LIAR].peer.send_raw_rtp(&header, payload));
            self.w.flush();
            self.w.run(Duration::from_millis(20));
        }
    }

    /// A header as the liar's own are, with bytes changed.
    fn changed(&self, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut header = self.header.clone();
        change(&mut header);
        header
    }

    /// The extension that numbers all packets of the liar's transport.
    fn transport_wide(&self) -> u8 {
        let answer = &self.w.clients[LIAR].answer;
        let line = answer.lines().find(|l| l.starts_with("a=extmap:") && l.contains("transport-wide"));
        line.unwrap()["a=extmap:".len()..].split([' ', '/']).next().unwrap().parse().unwrap()
    }

    /// An honest packet is forwarded, and so is what the library sends after it.
    fn assert_alive(mut self) {
        let header = self.header.clone();
        let [bob, _] = HONEST;
        self.w.clients[bob].received.clear();
        self.send(header, b"honest");
        let received = self.w.clients[bob].take(MediaKind::Audio);
        assert!(received.iter().any(|r| &r.payload[..] == b"honest"), "the twin of all lies is forwarded");
        let mut w = self.w;
        w.clients[LIAR].peer.skip_to(MediaKind::Audio, u64::from(self.seq) + 1);
        assert!(heard(&mut w, &[0, 1, 2], bob, LIAR) >= 45);
        assert_honest_alive(&mut w);
    }
}

#[test]
fn headers_that_lie_cost_their_packet() {
    let mut lies = Lies::new();
    let own = lies.header.clone();
    let mut headers = vec![
        lies.changed(|h| h[0] |= 0x0f), // 15 contributing sources, of which none is there
        lies.changed(|h| h[0] |= 0x20), // padding, whose length is whatever comes last
        lies.changed(|h| h[1] = 127),   // a payload type that nobody offered
        lies.changed(|h| h[1] = 108),   // pictures in a stream of sound
        lies.changed(|h| h[1] |= 0x80), // the marker, where speech does not begin
        lies.changed(|h| h[4..8].fill(0xff)), // the last of all times
        lies.changed(|h| h[4..8].fill(0)), // and the first
        lies.changed(|h| h[8..12].fill(0xff)), // a source that was not announced
        lies.changed(|h| h[8..12].fill(0)), // and that of probes
        with(&own, &[0xbe, 0xde, 0xff, 0xff]), // extensions past the end of the packet
        with(&own, &[0xbe, 0xde, 0, 1, 0x1f, 0, 0, 0]), // one past the end of the extensions
        with(&own, &[0x10, 0, 0, 1, 1, 200, 0, 0]), // the same with two-byte headers
        with(&own, &[0xbe, 0xde, 0, 1, 0xf0, 0, 0, 0]), // the number at which reading ends
        with(&own, &[0, 0, 0, 0]),      // no profile that is known
        with(&own, &extension(4, b"\xff\xfe\x00\x80")), // a line's name that is no text
    ];
    // Each extension with all bits and with none, among them the time of capture.
    let numbered = lies.transport_wide();
    for id in (1..15).filter(|&id| id != numbered) {
        headers.push(with(&own, &extension(id, &[0xff; 8])));
        headers.push(with(&own, &extension(id, &[0; 2])));
    }
    for header in headers {
        for payload in [&[][..], &[0], &[0xff; 40]] {
            lies.send(header.clone(), payload);
        }
    }
    lies.assert_alive();
}

/// Sequence numbers all over the range, each confirmed to the liar, who does not listen (its library could not bear it either).
#[test]
fn lies_about_transport_wide_numbers_cost_nobody_else() {
    let mut lies = Lies::new();
    let id = lies.transport_wide();
    lies.w.clients[LIAR].closed = true;
    for n in 0..200u16 {
        // Each length of the extension in turn: its reader takes the first two bytes.
        let mut value = n.wrapping_mul(40_503).to_be_bytes().to_vec();
        value.resize(2 + usize::from(n % 4), 0);
        lies.send(with(&lies.header, &extension(id, &value)), b"numbered");
    }
    let [bob, _] = HONEST;
    let received = lies.w.clients[bob].take(MediaKind::Audio);
    assert!(received.iter().any(|r| &r.payload[..] == b"numbered"), "else this tests nothing");
    assert_honest_alive(&mut lies.w);
}

/// From then on the library takes the stream for one of retransmissions. Whose it is has done that to itself.
#[test]
fn a_stream_that_calls_itself_a_retransmission_costs_nobody_else() {
    let mut lies = Lies::new();
    let header = lies.changed(|h| h[1] = 109);
    for payload in [&[][..], &[0], &[0xff; 40]] {
        lies.send(header.clone(), payload);
    }
    assert_honest_alive(&mut lies.w);
}

#[test]
fn a_flood_of_sources_under_ones_own_keys_makes_no_streams() {
    let mut lies = Lies::new();
    for n in 1..2_000u32 {
        let header = lies.changed(|h| h[8..12].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes()));
        assert!(lies.w.clients[LIAR].peer.send_raw_rtp(&header, &[9; 40]));
        lies.w.flush();
    }
    lies.w.shard.take_counters();
    lies.w.run(SECOND);
    let counted = lies.w.shard.take_counters();
    assert_eq!(counted.packets_in, 0, "{counted:?}");
    assert_eq!(counted.dropped_invalid, 1_999, "{counted:?}");
    lies.assert_alive();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_header_under_ones_own_keys_costs_its_packet(
        packets in prop::collection::vec(
            (any::<u8>(), 0_u8..128, any::<u32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)),
            1..60,
        ),
    ) {
        let mut lies = Lies::new();
        let source: [u8; 4] = lies.header[8..12].try_into().unwrap();
        for (flags, payload_type, timestamp, own, rest) in packets {
            // RTCP's numbers are another test's.
            let payload_type = if (64..96).contains(&payload_type) { 111 } else { payload_type };
            let mut header = vec![0x80 | flags & 0x3f, payload_type, 0, 0];
            header.extend(timestamp.to_be_bytes());
            header.extend(if own { source } else { timestamp.to_le_bytes() });
            header.extend(&rest);
            lies.send(header, &rest);
        }
        lies.assert_alive();
    }
}
