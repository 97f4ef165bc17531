use super::*;
use crate::ice::demux::MAX_DATAGRAM;
use crate::peer::{MediaLine, PeerConfig, PeerEvent};
use crate::webrtc::Certificate;

/// A peer of the library and a light one, connected: what one sends the other gets at once.
struct Pair {
    light: LightPeer,
    library: Peer,
    addresses: (SocketAddr, SocketAddr),
    now: Instant,
    events: Vec<PeerEvent>,
}

fn config(port: u16) -> PeerConfig {
    let mut config =
        PeerConfig::voice(SocketAddr::from(([127, 0, 0, 1], port)), Certificate::generate().unwrap());
    config.lines.push(MediaLine { kind: MediaKind::Video, send: true, receive: true });
    config
}

impl Pair {
    fn connected() -> Self {
        let mut now = Instant::now();
        let addresses = (SocketAddr::from(([127, 0, 0, 1], 4001)), SocketAddr::from(([127, 0, 0, 1], 4002)));
        let (mut peer, offer) = Peer::new(config(4001), now).unwrap();
        let (mut library, answer) = Peer::answer(config(4002), &offer, now).unwrap();
        peer.accept_answer(&answer, now).unwrap();
        let (mut done, mut turns) = ((false, false), 0);
        let mut events = Vec::new();
        while !(done.0 && done.1) {
            turns += 1;
            assert!(turns < 2000, "no connection");
            now += Duration::from_millis(5);
            while let Some(mut t) = peer.poll_transmit() {
                let d = Datagram { source: addresses.0, destination: addresses.1, contents: &mut t.contents };
                library.receive(d, now).unwrap();
            }
            while let Some(mut t) = library.poll_transmit() {
                let d = Datagram { source: addresses.1, destination: addresses.0, contents: &mut t.contents };
                peer.receive(d, now).unwrap();
            }
            while let Some(event) = peer.poll_event() {
                done.0 |= matches!(event, PeerEvent::Connected { .. });
            }
            while let Some(event) = library.poll_event() {
                done.1 |= matches!(event, PeerEvent::Connected { .. });
                events.push(event);
            }
            peer.advance(now).unwrap();
            library.advance(now).unwrap();
        }
        let light = peer.into_light(addresses.0, addresses.1, now).unwrap();
        Self { light, library, addresses, now, events }
    }

    fn hand_to_library(&mut self, contents: &[u8]) {
        let (source, destination) = self.addresses;
        let contents = &mut contents.to_vec()[..];
        self.library.receive(Datagram { source, destination, contents }, self.now).unwrap();
        while let Some(event) = self.library.poll_event() {
            self.events.push(event);
        }
    }

    /// Lets time pass; gives the payloads that came to the light peer.
    fn pass(&mut self, time: Duration) -> Vec<(MediaKind, Vec<u8>)> {
        self.now += time;
        let (now, mut sent) = (self.now, Vec::new());
        self.light.advance(now, &mut |d| sent.push(d.to_vec())).unwrap();
        self.library.advance(now).unwrap();
        let mut came = Vec::new();
        while let Some(mut t) = self.library.poll_transmit() {
            assert!(t.contents.len() <= MAX_DATAGRAM);
            let received = self.light.receive(&mut t.contents, now, &mut |d| sent.push(d.to_vec())).unwrap();
            if let LightReceived::Media(kind, payload) = received {
                came.push((kind, payload.to_vec()));
            }
        }
        sent.iter().for_each(|d| self.hand_to_library(d));
        came
    }
}

#[test]
fn the_library_takes_what_a_light_peer_sends_across_a_rollover() {
    let mut pair = Pair::connected();
    for line in &mut pair.light.sending {
        line.next = 65_500;
    }
    let mut packet = Vec::new();
    for n in 0..60u32 {
        for kind in [MediaKind::Audio, MediaKind::Video] {
            assert!(pair.light.seal(kind, n * 960, true, &n.to_be_bytes(), &mut packet));
            pair.hand_to_library(&packet);
        }
        pair.pass(Duration::from_millis(20));
    }
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let got: Vec<u32> = pair
            .events
            .iter()
            .filter_map(|e| match e {
                PeerEvent::Rtp(rtp) if rtp.kind == kind => Some(rtp.payload[..].try_into().unwrap()),
                _ => None,
            })
            .map(u32::from_be_bytes)
            .collect();
        assert_eq!(got, (0..60).collect::<Vec<_>>(), "{kind:?}");
    }
}

#[test]
fn a_light_peer_takes_what_the_library_sends_and_tells_how_it_came() {
    let mut pair = Pair::connected();
    let mut came = Vec::new();
    for n in 0..150u32 {
        pair.library.send(MediaKind::Audio, n * 960, false, n.to_be_bytes().to_vec(), pair.now).unwrap();
        came.extend(pair.pass(Duration::from_millis(20)));
    }
    came.extend(pair.pass(Duration::from_millis(20)));
    let numbers: Vec<u32> = came.iter().map(|(_, p)| u32::from_be_bytes(p[..].try_into().unwrap())).collect();
    assert_eq!(numbers, (0..150).collect::<Vec<_>>());
    // Its reports were understood: nothing was lost.
    assert!(
        pair.events.iter().any(|e| matches!(e, PeerEvent::Stats { sent_lost: Some(l), .. } if *l == 0.0)),
        "{:?}",
        pair.events
    );
}

#[test]
fn a_light_peer_hears_that_a_key_frame_is_wanted() {
    let mut pair = Pair::connected();
    let mut packet = Vec::new();
    assert!(pair.light.seal(MediaKind::Video, 0, true, b"picture", &mut packet));
    pair.hand_to_library(&packet);
    pair.library.request_keyframe(pair.now).unwrap();
    let mut asked = false;
    for _ in 0..100 {
        pair.now += Duration::from_millis(10);
        pair.library.advance(pair.now).unwrap();
        while let Some(mut t) = pair.library.poll_transmit() {
            let received = pair.light.receive(&mut t.contents, pair.now, &mut |_| {}).unwrap();
            asked |= received == LightReceived::KeyframeRequested;
        }
    }
    assert!(asked);
}

#[test]
fn a_connection_outlives_the_ice_timeout_and_foreign_keys_open_nothing() {
    let mut pair = Pair::connected();
    for _ in 0..600 {
        pair.pass(Duration::from_millis(100));
    }
    assert!(!pair.events.contains(&PeerEvent::Closed), "checks go on");
    let mut other = Pair::connected();
    let mut packet = Vec::new();
    assert!(other.light.seal(MediaKind::Audio, 0, false, b"sound", &mut packet));
    let before = pair.events.len();
    pair.hand_to_library(&packet);
    assert!(!pair.events[before..].iter().any(|e| matches!(e, PeerEvent::Rtp(_))));
    other.hand_to_library(&packet);
    assert!(other.events.iter().any(|e| matches!(e, PeerEvent::Rtp(_))), "the twin that is answered");
}
