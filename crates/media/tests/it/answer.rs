//! A peer that answers, against one that offers: two clients without a server between them.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tring_media::{
    Certificate, Codec, Datagram, MediaKind, MediaLine, Peer, PeerConfig, PeerError, PeerEvent, Rtp,
    SrtpProfile,
};

/// A turn of the virtual clock; what one sends is with the other in the same turn.
const TURN: Duration = Duration::from_millis(5);

fn address(n: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], 40_000 + n))
}

/// Both peers, and what happened to each.
struct Pair {
    now: Instant,
    peers: [Peer; 2],
    events: [Vec<PeerEvent>; 2],
}

impl Pair {
    /// The first offers these lines, the second answers.
    fn new(lines: Vec<MediaLine>) -> Self {
        let now = Instant::now();
        let mut config = PeerConfig::video(address(0), Certificate::generate().unwrap());
        config.lines = lines;
        let (mut offering, offer) = Peer::new(config, now).unwrap();
        let config = PeerConfig::voice(address(1), Certificate::generate().unwrap());
        let (answering, answer) = Peer::answer(config, &offer, now).unwrap();
        offering.accept_answer(&answer, now).unwrap();
        let mut pair = Self { now, peers: [offering, answering], events: [Vec::new(), Vec::new()] };
        pair.run(Duration::from_secs(2));
        pair
    }

    fn run(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            self.now += TURN;
            for from in [0, 1] {
                self.peers[from].advance(self.now).unwrap();
                while let Some(mut t) = self.peers[from].poll_transmit() {
                    let datagram = Datagram {
                        source: address(from as u16),
                        destination: t.destination,
                        contents: &mut t.contents,
                    };
                    self.peers[1 - from].receive(datagram, self.now).unwrap();
                }
                while let Some(event) = self.peers[from].poll_event() {
                    self.events[from].push(event);
                }
            }
        }
    }

    /// What came to one of them, by its numbers.
    fn heard(&self, who: usize) -> Vec<&Rtp> {
        let mut came = Vec::new();
        for event in &self.events[who] {
            if let PeerEvent::Rtp(rtp) = event {
                came.push(rtp);
            }
        }
        came
    }
}

fn line(kind: MediaKind, send: bool, receive: bool) -> MediaLine {
    MediaLine { kind, send, receive }
}

#[test]
fn who_answers_connects_and_both_hear_and_see_each_other() {
    let mut pair = Pair::new(vec![line(MediaKind::Audio, true, true), line(MediaKind::Video, true, true)]);
    for events in &pair.events {
        let profile = Some(SrtpProfile::Aes256Gcm);
        assert!(events.contains(&PeerEvent::Connected { profile }), "{events:?}");
    }
    for n in 0..10 {
        for from in [0, 1] {
            let payload = vec![from as u8, n];
            let now = pair.now;
            pair.peers[from].send(MediaKind::Audio, u32::from(n) * 960, false, payload.clone(), now).unwrap();
            pair.peers[from].send(MediaKind::Video, u32::from(n) * 1800, true, payload, now).unwrap();
        }
        pair.run(Duration::from_millis(20));
    }
    for who in [0, 1] {
        for (index, kind, codec) in [(0, MediaKind::Audio, Codec::Opus), (1, MediaKind::Video, Codec::H264)] {
            let came: Vec<_> = pair.heard(who).into_iter().filter(|r| r.kind == kind).collect();
            assert!(came.iter().all(|r| (r.line, r.codec) == (index, codec)));
            let payloads: Vec<&[u8]> = came.iter().map(|r| &r.payload[..]).collect();
            let sent: Vec<[u8; 2]> = (0..10).map(|n| [1 - who as u8, n]).collect();
            assert_eq!(payloads, sent.iter().map(|p| &p[..]).collect::<Vec<_>>());
        }
    }
}

#[test]
fn who_answers_an_offer_to_send_only_receives() {
    let mut pair = Pair::new(vec![line(MediaKind::Video, true, false)]);
    let now = pair.now;
    let refused = pair.peers[1].send(MediaKind::Video, 0, true, vec![9], now);
    assert!(matches!(refused, Err(PeerError::NotSending(MediaKind::Video))), "{refused:?}");
    pair.peers[0].send(MediaKind::Video, 0, true, vec![7], now).unwrap();
    pair.run(Duration::from_millis(50));
    assert_eq!(pair.heard(1).iter().map(|r| r.payload.to_vec()).collect::<Vec<_>>(), [[7]]);
    let now = pair.now;
    pair.peers[1].request_keyframe(now).unwrap();
    pair.run(Duration::from_millis(200));
    assert!(pair.events[0].contains(&PeerEvent::KeyframeRequested));
}

#[test]
fn what_is_no_offer_is_refused_with_a_reason() {
    let config = PeerConfig::voice(address(1), Certificate::generate().unwrap());
    for text in ["", "v=0", "hello"] {
        let refused = Peer::answer(config.clone(), text, Instant::now());
        assert!(matches!(refused, Err(PeerError::Offer(_))), "{text}");
    }
}
