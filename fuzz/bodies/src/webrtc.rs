//! A shard, its peers, and a network that does what the bytes say.
//!
//! Names and keys are random, as in the crate itself, so a datagram of an input is never a genuine one; the inputs steer
//! genuine ones instead: late, twice, bent, from elsewhere, or made under the peer's own keys.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};
use tring_media::fuzzing::input::Input;
use tring_media::{
    Certificate, Command, Datagram, MAX_DATAGRAM, MediaKind, Notice, Output, Owner, Peer, PeerConfig,
    PeerEvent, RoomKey, SessionId, Shard, ShardConfig, Source, SourceSet, UserId,
};
use tring_protocol::{RoomId, SdkAppId};

const SERVER: &str = "192.0.2.1:3478";

/// Most that one input does: a fuzzer would rather wait than vary.
const MAX_ACTS: usize = 300;

/// Panics of the library that are known, cost the liar's session and are not ours to mend: a report of arrival times
/// (transport-wide congestion control) whose times cannot be, in builds that check for overflow. File and message.
const KNOWN: [(&str, &str); 1] = [("twcc.rs", "overflow")];

/// Known panics that were caught.
static CAUGHT: AtomicU64 = AtomicU64::new(0);

/// The shell around the library catches a panic, and a fuzzing engine would end at it before that. So the known ones
/// are taken out here, by place and message, and counted: a shard may have caught no other.
fn let_the_known_pass() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let file = info.location().map_or("", |l| l.file());
            let message = info.payload_as_str().unwrap_or_default();
            if file.contains("str0m") && KNOWN.iter().any(|(f, m)| file.ends_with(f) && message.contains(m)) {
                CAUGHT.fetch_add(1, Ordering::Relaxed);
            } else {
                before(info);
            }
        }));
    });
}

fn certificate() -> Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE.get_or_init(|| Certificate::generate().expect("a certificate")).clone()
}

fn server() -> SocketAddr {
    SERVER.parse().expect("an address")
}

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], 40_000 + u16::from(n)))
}

fn shard(start: Instant) -> Shard {
    Shard::new(
        ShardConfig {
            owner: Owner { node: 1, worker: 0 },
            certificate: certificate(),
            local: vec![server(), "[2001:db8::1]:3478".parse().expect("an address")],
            advertise: Vec::new(),
            max_sessions: 4,
            max_connections: 100,
        },
        start,
    )
}

fn on(microphone: bool, camera: bool) -> SourceSet {
    let mut on = SourceSet::EMPTY;
    on.set(Source::Microphone, microphone);
    on.set(Source::Camera, camera);
    on
}

fn open(session: u64, user: &str, offer: String, gate_open: bool) -> Command {
    let room = RoomKey { app: SdkAppId::new(1).expect("an app"), room: RoomId::new(1).expect("a room") };
    Command::Open {
        session: SessionId(session),
        room,
        user: UserId::new(user).expect("a name"),
        label: String::new(),
        offer,
        gate_open,
        on: SourceSet::of(&[Source::Microphone, Source::Camera]),
    }
}

/// The first byte: 0 the rest is an offer to the server, 1 it is an answer to a peer. Each is taken or refused, and an
/// answer fits its offer.
pub(crate) fn answer(bytes: &[u8]) {
    let_the_known_pass();
    let mut input = Input::new(bytes);
    let kind = input.u8() & 1;
    let Ok(sdp) = std::str::from_utf8(input.rest()) else { return };
    let now = Instant::now();
    if kind == 1 {
        let mut config = PeerConfig::video(address(0), certificate());
        config.data_channel = sdp.contains("m=application");
        let (mut peer, _) = Peer::new(config, now).expect("a peer");
        if peer.accept_answer(sdp, now).is_ok() {
            let _ = peer.advance(now + Duration::from_millis(50));
            while peer.poll_transmit().is_some() {}
            assert!(peer.next_deadline().is_none_or(|at| at > now), "it would spin");
        }
        return;
    }
    let (mut shard, mut out) = (shard(now), Output::new());
    shard.command(open(1, "alice", sdp.to_owned(), true), now, &mut out);
    match &out.notices[..] {
        [Notice::Answered { answer, .. }] => fits(answer, sdp),
        [Notice::Refused { error, .. }] => {
            assert_eq!(shard.sessions(), 0);
            assert!(error.to_string().len() <= 1_024, "{} bytes of reason", error.to_string().len());
            assert!(!error.to_string().contains("broke the session"), "the library failed at an offer");
        }
        other => panic!("{other:?} for one offer"),
    }
    shard.advance(now + Duration::from_secs(1), &mut out);
    shard.command(Command::Close { session: SessionId(1) }, now + Duration::from_secs(1), &mut out);
    assert_eq!((shard.sessions(), shard.bindings()), (0, 0), "something is left");
    assert_eq!(shard.take_counters().panics, 0);
    assert!(out.trains.is_empty(), "sent to one that proved nothing");
}

/// An answer has the media lines of its offer, in their order, and our candidates once.
fn fits(answer: &str, offer: &str) {
    let kinds = |sdp: &str| -> Vec<String> {
        let media = sdp.lines().filter_map(|l| l.strip_prefix("m="));
        media.map(|m| m.split(' ').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(kinds(answer), kinds(offer), "{answer}");
    assert_eq!(answer.matches("\r\na=candidate:").count(), 2, "{answer}");
    assert!(answer.contains("a=ice-lite\r\n"), "{answer}");
}

/// One client.
struct Client {
    session: SessionId,
    peer: Peer,
    closed: bool,
    connected: bool,
    clock: u32,
}

/// Two peers, a shard and what is under way between them.
struct World {
    now: Instant,
    shard: Shard,
    out: Output,
    clients: Vec<Client>,
    /// From whom, to whom.
    wire: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    /// Addresses that something came from.
    heard: BTreeSet<SocketAddr>,
    caught: u64,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let mut world = Self {
            now,
            shard: shard(now),
            out: Output::new(),
            clients: Vec::new(),
            wire: VecDeque::new(),
            heard: BTreeSet::new(),
            caught: CAUGHT.load(Ordering::Relaxed),
        };
        for (n, name) in (0..).zip(["alice", "bob"]) {
            let config = PeerConfig::video(address(n), certificate());
            let (mut peer, offer) = Peer::new(config, world.now).expect("a peer");
            let session = SessionId(u64::from(n) + 1);
            world.shard.command(open(session.0, name, offer, true), world.now, &mut world.out);
            let answered = world.out.notices.iter().find_map(|notice| match notice {
                Notice::Answered { session: s, answer } if *s == session => Some(answer.clone()),
                _ => None,
            });
            peer.accept_answer(&answered.expect("an answer"), world.now).expect("it fits");
            world.clients.push(Client { session, peer, closed: false, connected: false, clock: 0 });
        }
        world.flush();
        world
    }

    /// What everybody has to send is under way.
    fn flush(&mut self) {
        for (hop, contents) in self.out.trains.datagrams() {
            let to = hop.destination;
            assert!(self.heard.contains(&to), "sent to {to} which never sent");
            self.wire.push_back((SocketAddr::new(hop.source, server().port()), to, contents.to_vec()));
        }
        self.out.clear();
        for (n, client) in (0..).zip(&mut self.clients) {
            while let Some(t) = client.peer.poll_transmit() {
                self.wire.push_back((address(n), t.destination, t.contents));
            }
            while let Some(event) = client.peer.poll_event() {
                match event {
                    PeerEvent::Connected { .. } => client.connected = true,
                    PeerEvent::Closed => client.closed = true,
                    _ => {}
                }
            }
        }
        assert!(self.wire.len() < 20_000, "an answer without end");
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, contents: &[u8]) {
        let contents = &mut contents.to_vec();
        if to.ip() == server().ip() {
            self.heard.insert(from);
            let d = Datagram { source: from, destination: to, contents };
            self.shard.receive(d, 0, self.now, &mut self.out);
        } else if let Some(n) = (0..2).find(|&n| address(n) == to) {
            let client = &mut self.clients[usize::from(n)];
            let d = Datagram { source: from, destination: to, contents };
            client.closed |= client.peer.receive(d, self.now).is_err();
        }
        self.flush();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.shard.next_deadline().is_some_and(|at| at <= self.now) {
            self.shard.advance(self.now, &mut self.out);
        }
        for client in self.clients.iter_mut().filter(|c| !c.closed) {
            if client.peer.next_deadline().is_some_and(|at| at <= self.now) {
                client.closed |= client.peer.advance(self.now).is_err();
            }
        }
        self.flush();
    }

    fn deliver_all(&mut self) {
        for _ in 0..self.wire.len() {
            if let Some((from, to, contents)) = self.wire.pop_front() {
                self.deliver(from, to, &contents);
            }
        }
    }

    fn connect(&mut self) {
        for _ in 0..200 {
            self.deliver_all();
            if self.clients.iter().all(|c| c.connected) {
                break;
            }
            self.pass(Duration::from_millis(10));
        }
        for n in 0..2 {
            for kind in [MediaKind::Audio, MediaKind::Video] {
                self.send(n, kind, &[0x90, 1, 2, 3]);
            }
        }
        // The first reports, so that the keys for them are known.
        for _ in 0..12 {
            self.pass(Duration::from_millis(100));
            self.deliver_all();
        }
    }

    fn send(&mut self, n: usize, kind: MediaKind, payload: &[u8]) {
        let client = &mut self.clients[n];
        client.clock = client.clock.wrapping_add(960);
        if client.connected && !client.closed {
            let sent = client.peer.send(kind, client.clock, kind == MediaKind::Video, payload, self.now);
            client.closed |= sent.is_err();
        }
        self.flush();
    }

    fn act(&mut self, input: &mut Input<'_>) {
        let (act, which) = (input.u8(), input.u8());
        let n = usize::from(which & 1);
        let session = self.clients[n].session;
        match act % 14 {
            0 | 1 => self.deliver_all(),
            2 => self.pass(Duration::from_millis(u64::from(which) * u64::from(which) / 4)),
            // Something under way: once more, lost, bent, cut, from elsewhere, or later.
            3 => {
                let Some((from, to, mut contents)) = self.pick(which) else { return };
                match input.u8() % 6 {
                    0 => self.deliver(from, to, &contents.clone()),
                    1 => return,
                    2 => {
                        let (at, bits) = (usize::from(input.u16()), input.u8());
                        let len = contents.len().max(1);
                        if let Some(byte) = contents.get_mut(at % len) {
                            *byte ^= bits;
                        }
                    }
                    3 => contents.truncate(input.u16().into()),
                    4 => return self.deliver(address(2 + input.u8() % 8), to, &contents),
                    _ => return self.wire.push_back((from, to, contents)),
                }
                self.deliver(from, to, &contents);
            }
            4 => {
                let contents = input.piece();
                let to_peer = which & 2 != 0;
                let (from, to) = (address(which & 1), server());
                let (from, to) = if to_peer { (to, from) } else { (from, to) };
                self.deliver(from, to, contents);
            }
            5 => self.send(n, MediaKind::Audio, input.piece()),
            6 => self.send(n, MediaKind::Video, input.piece()),
            // Under its own keys.
            7 | 8 => {
                let compound = input.piece();
                if self.clients[n].peer.send_raw_rtcp(&compound[..compound.len() / 4 * 4]) {
                    self.flush();
                }
            }
            9 => {
                // Without a list of sources and without an extension: those would be payload.
                let mut header = [0x80; 12];
                for (byte, value) in header[1..].iter_mut().zip(input.take(11)) {
                    *byte = *value;
                }
                let payload = input.piece();
                if self.clients[n].peer.send_raw_rtp(&header, payload) {
                    self.flush();
                }
            }
            10 => self.command(Command::SetSources { session, on: on(which & 2 != 0, which & 4 != 0) }),
            11 => self.command(Command::OpenGate { session }),
            12 if which > 250 => self.command(Command::Close { session }),
            13 if which > 250 => {
                let _ = self.clients[n].peer.start_sctp(self.now);
                self.flush();
            }
            _ => {
                let client = &mut self.clients[n];
                if !client.closed {
                    client.closed |= client.peer.request_keyframe(self.now).is_err();
                }
                self.flush();
            }
        }
    }

    fn pick(&mut self, which: u8) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let at = usize::from(which >> 1).checked_rem(self.wire.len())?;
        if which & 1 == 0 { self.wire.remove(at) } else { self.wire.get(at).cloned() }
    }

    fn command(&mut self, command: Command) {
        self.shard.command(command, self.now, &mut self.out);
        self.flush();
    }

    /// Whatever happened, the sessions end and leave nothing, and only known panics were caught.
    fn end(mut self) {
        let panics = self.shard.take_counters().panics;
        let known = CAUGHT.load(Ordering::Relaxed) - self.caught;
        assert!(panics <= known, "{panics} panics of the library, of which {known} are known");
        for n in 0..2 {
            let session = self.clients[n].session;
            self.command(Command::Close { session });
        }
        assert_eq!((self.shard.sessions(), self.shard.bindings()), (0, 0), "something is left");
    }
}

/// The first byte: 1 the two are connected before anything happens.
pub(crate) fn network(bytes: &[u8]) {
    let_the_known_pass();
    let mut input = Input::new(bytes);
    let mut world = World::new();
    if input.u8() & 1 != 0 {
        world.connect();
        assert!(world.clients.iter().all(|c| c.connected && !c.closed), "an honest call connects");
    }
    for _ in 0..MAX_ACTS {
        if input.is_empty() {
            break;
        }
        world.act(&mut input);
    }
    assert!(world.wire.iter().all(|(.., contents)| contents.len() <= MAX_DATAGRAM));
    world.end();
}
