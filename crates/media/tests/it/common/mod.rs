//! Two ends in memory: peers and one shard under virtual time, with a network that can lose packets.
// Each test file uses a part; a failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tring_media::{
    Certificate, Command, Datagram, MediaKind, Notice, Output, Owner, Peer, PeerConfig, PeerEvent, RoomKey,
    Rtp, SessionId, Shard, ShardConfig, Source, SourceSet, UserId, stranger_says,
};
use tring_protocol::{RoomId, SdkAppId};

/// The shard's address.
pub(crate) const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 3478);

/// What a caller of a video call has on.
pub(crate) const BOTH: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

/// Delay of each direction.
pub(crate) const DELAY: Duration = Duration::from_millis(10);

/// One client.
pub(crate) struct Client {
    pub(crate) session: SessionId,
    pub(crate) peer: Peer,
    /// Its address as the server sees it.
    pub(crate) address: SocketAddr,
    /// Its address as it knows it itself: behind a translation it stays when the other changes.
    local: SocketAddr,
    pub(crate) offer: String,
    pub(crate) answer: String,
    pub(crate) connected: bool,
    pub(crate) profile: Option<tring_media::SrtpProfile>,
    pub(crate) received: Vec<Rtp>,
    pub(crate) keyframe_requests: Vec<Instant>,
    pub(crate) closed: bool,
    /// RTP timestamp by kind.
    pub(crate) clock: [u32; 2],
    /// Datagrams that arrived.
    pub(crate) arrived: usize,
}

impl Client {
    /// Packets of a kind received since the last call.
    pub(crate) fn take(&mut self, kind: MediaKind) -> Vec<Rtp> {
        let (taken, kept) = std::mem::take(&mut self.received).into_iter().partition(|r| r.kind == kind);
        self.received = kept;
        taken
    }
}

struct InFlight {
    at: Instant,
    from: SocketAddr,
    to: SocketAddr,
    contents: Vec<u8>,
}

/// Runs some work; gives how often it allocated.
pub(crate) type CountAllocations = fn(&mut dyn FnMut()) -> u64;

/// Everything.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) shard: Shard,
    pub(crate) clients: Vec<Client>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) out: Output,
    pub(crate) certificate: Certificate,
    /// One packet in so many is lost, each way; 0 is none.
    pub(crate) lose_one_in: u32,
    /// What the shard sent, in bytes, by destination.
    pub(crate) sent: HashMap<SocketAddr, Vec<Vec<u8>>>,
    /// What the clients sent since the last [`World::tap`], if somebody listens.
    pub(crate) tapped: Option<Vec<(SocketAddr, Vec<u8>)>>,
    /// Runs what the shard does and counts its allocations, if somebody wants to know; see [`World::allocated`].
    pub(crate) count_allocations: Option<CountAllocations>,
    /// Allocations of the shard that were counted.
    pub(crate) allocated: u64,
    wire: Vec<InFlight>,
    lottery: u32,
    checks: u32,
    next_session: u64,
}

pub(crate) fn room(n: u32) -> RoomKey {
    RoomKey { app: SdkAppId::new(1_400_000_001).unwrap(), room: RoomId::new(n).unwrap() }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let certificate = Certificate::generate().unwrap();
        let now = Instant::now();
        let shard = Shard::new(
            ShardConfig {
                owner: Owner { node: 1, worker: 0 },
                certificate: certificate.clone(),
                local: vec![SERVER],
                advertise: Vec::new(),
                max_sessions: 50,
                max_connections: 100,
            },
            now,
        );
        Self {
            now,
            shard,
            clients: Vec::new(),
            notices: Vec::new(),
            out: Output::new(),
            certificate,
            lose_one_in: 0,
            sent: HashMap::new(),
            tapped: None,
            count_allocations: None,
            allocated: 0,
            wire: Vec::new(),
            lottery: 1,
            checks: 0,
            next_session: 1,
        }
    }

    /// Alice and Bob, clients 0 and 1, connected and allowed to talk.
    pub(crate) fn call() -> Self {
        let mut w = Self::new();
        w.join("alice", true);
        w.join("bob", true);
        w.connect();
        w
    }

    /// [`World::call`], after they have talked for a while.
    pub(crate) fn talking(d: Duration) -> Self {
        let mut w = Self::call();
        w.talk(&[0, 1], d);
        w
    }

    /// Fails unless clients 0 and 1 hear and see each other for a second and nobody is lost.
    #[track_caller]
    pub(crate) fn assert_alive(&mut self) {
        for c in &mut self.clients {
            c.received.clear();
        }
        self.talk(&[0, 1], Duration::from_secs(1));
        self.run(Duration::from_secs(1));
        assert!(!self.notices.iter().any(|n| matches!(n, Notice::Lost { .. })), "{:?}", self.notices);
        for me in [0, 1] {
            assert!(self.clients[me].take(MediaKind::Audio).len() >= 45);
            assert!(!self.clients[me].take(MediaKind::Video).is_empty());
        }
        assert_eq!(self.shard.take_counters().panics, 0);
    }

    /// A client in room 1 whose offer was answered. Gives its index.
    pub(crate) fn join(&mut self, name: &str, gate_open: bool) -> usize {
        self.join_with(name, gate_open, |_| ())
    }

    pub(crate) fn join_with(
        &mut self,
        name: &str,
        gate_open: bool,
        change: impl FnOnce(&mut PeerConfig),
    ) -> usize {
        let address = SocketAddr::from(([198, 51, 100, 1], 40_000 + self.clients.len() as u16));
        self.join_from(address, room(1), name, gate_open, change)
    }

    /// A client at an address, in any room.
    pub(crate) fn join_from(
        &mut self,
        address: SocketAddr,
        room: RoomKey,
        name: &str,
        gate_open: bool,
        change: impl FnOnce(&mut PeerConfig),
    ) -> usize {
        let index = self.clients.len();
        let mut config = PeerConfig::video(address, self.certificate.clone());
        change(&mut config);
        let (mut peer, offer) = Peer::new(config, self.now).unwrap();
        let session = SessionId(self.next_session);
        self.next_session += 1;
        self.command(Command::Open {
            session,
            room,
            user: user(name),
            label: "call".into(),
            offer: offer.clone(),
            gate_open,
            on: BOTH,
        });
        let answer = self
            .notices
            .iter()
            .find_map(|n| match n {
                Notice::Answered { session: s, answer } if *s == session => Some(answer.clone()),
                _ => None,
            })
            .expect("an answer");
        peer.accept_answer(&answer, self.now).unwrap();
        self.clients.push(Client {
            session,
            peer,
            address,
            local: address,
            offer,
            answer,
            connected: false,
            profile: None,
            received: Vec::new(),
            keyframe_requests: Vec::new(),
            closed: false,
            clock: [0; 2],
            arrived: 0,
        });
        self.flush();
        index
    }

    pub(crate) fn command(&mut self, c: Command) {
        self.shard.command(c, self.now, &mut self.out);
        self.flush();
    }

    pub(crate) fn open_gate(&mut self, client: usize) {
        let session = self.clients[client].session;
        self.command(Command::OpenGate { session });
    }

    pub(crate) fn devices(&mut self, client: usize, microphone: bool, camera: bool) {
        let session = self.clients[client].session;
        let mut on = SourceSet::EMPTY;
        on.set(Source::Microphone, microphone);
        on.set(Source::Camera, camera);
        self.command(Command::SetSources { session, on });
    }

    pub(crate) fn close(&mut self, client: usize) {
        let session = self.clients[client].session;
        self.command(Command::Close { session });
    }

    /// From now on the client's datagrams have another source, and only what is sent there reaches it: a translation has
    /// changed its port, or a telephone its network.
    pub(crate) fn move_client(&mut self, client: usize, address: SocketAddr) {
        self.clients[client].address = address;
    }

    /// An ICE check of a client's with this password, each with a transaction of its own.
    pub(crate) fn check(&mut self, client: usize, password: &str) -> Vec<u8> {
        self.checks += 1;
        let mut transaction = [0x5a; 12];
        transaction[..4].copy_from_slice(&self.checks.to_be_bytes());
        let Client { offer, answer, .. } = &self.clients[client];
        stranger_says::ice_check(offer, answer, password, transaction)
    }

    /// The password of a client's session.
    pub(crate) fn password(&self, client: usize) -> String {
        stranger_says::ice_password(&self.clients[client].answer).to_owned()
    }

    /// Whether a client's check with the right password is answered where it comes from: the twin of whatever is not.
    pub(crate) fn answers_check(&mut self, client: usize, from: SocketAddr) -> bool {
        let check = self.check(client, &self.password(client));
        let before = self.sent.get(&from).map_or(0, Vec::len);
        self.inject(from, &check);
        self.sent.get(&from).is_some_and(|sent| sent[before..].iter().any(|d| d.starts_with(&[1, 1])))
    }

    /// What the clients sent since the last call.
    pub(crate) fn tap(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        self.tapped.replace(Vec::new()).unwrap_or_default()
    }

    /// A copy of a client's next ICE check, before it arrives.
    pub(crate) fn next_check(&mut self, client: usize) -> Vec<u8> {
        let address = self.clients[client].address;
        for _ in 0..2_000 {
            let is_check = |w: &InFlight| w.from == address && w.contents.starts_with(&[0, 1]);
            if let Some(at) = self.wire.iter().position(is_check) {
                return self.wire[at].contents.clone();
            }
            self.run(Duration::from_millis(5));
        }
        panic!("no check in ten seconds");
    }

    /// Hands a datagram to the shard at once.
    pub(crate) fn inject(&mut self, source: SocketAddr, contents: &[u8]) {
        let contents = &mut contents.to_vec();
        self.shard.receive(Datagram { source, destination: SERVER, contents }, 0, self.now, &mut self.out);
        self.flush();
    }

    /// Lets the client send one packet of a kind, 20 ms of sound or a whole small picture.
    pub(crate) fn send(&mut self, client: usize, kind: MediaKind, payload: &[u8]) {
        let c = &mut self.clients[client];
        let (step, clock) = match kind {
            MediaKind::Audio => (960, &mut c.clock[0]),
            MediaKind::Video => (3000, &mut c.clock[1]),
        };
        *clock += step;
        c.peer.send(kind, *clock, kind == MediaKind::Video, payload, self.now).unwrap();
        self.flush();
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, d: Duration) {
        let end = self.now + d;
        loop {
            let wire = self.wire.iter().map(|w| w.at).min();
            let peers =
                self.clients.iter().filter(|c| !c.closed).filter_map(|c| c.peer.next_deadline()).min();
            let next = [wire, peers, self.shard.next_deadline()].into_iter().flatten().min();
            match next {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => break,
            }
            self.step();
        }
        self.now = end;
        self.step();
    }

    /// Runs with every client in `talkers` sending sound each 20 ms and a picture each 40 ms.
    pub(crate) fn talk(&mut self, talkers: &[usize], d: Duration) {
        let ticks = d.as_millis() / 20;
        for tick in 0..ticks {
            for &c in talkers {
                if self.clients[c].connected {
                    self.send(c, MediaKind::Audio, &[c as u8, 0xa0]);
                    if tick.is_multiple_of(2) {
                        self.send(c, MediaKind::Video, &[c as u8, 0xb0]);
                    }
                }
            }
            self.run(Duration::from_millis(20));
        }
    }

    /// Runs until every client is connected.
    pub(crate) fn connect(&mut self) {
        for _ in 0..100 {
            self.run(Duration::from_millis(50));
            if self.clients.iter().all(|c| c.connected || c.closed) {
                return;
            }
        }
        panic!("not connected in five seconds");
    }

    /// A datagram of an address that is under way to the shard, if any.
    pub(crate) fn in_flight_from(&self, address: SocketAddr) -> Option<Vec<u8>> {
        self.wire.iter().rfind(|w| w.from == address).map(|w| w.contents.clone())
    }

    /// Notices since the last call.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn step(&mut self) {
        let mut due: Vec<InFlight> = Vec::new();
        let mut i = 0;
        while i < self.wire.len() {
            if self.wire[i].at <= self.now {
                due.push(self.wire.remove(i));
            } else {
                i += 1;
            }
        }
        for mut w in due {
            if w.to == SERVER {
                let (shard, now, out) = (&mut self.shard, self.now, &mut self.out);
                let mut receive = || {
                    let d = Datagram { source: w.from, destination: SERVER, contents: &mut w.contents };
                    shard.receive(d, 0, now, out);
                };
                match self.count_allocations {
                    Some(count) => self.allocated += count(&mut receive),
                    None => receive(),
                }
            } else if let Some(c) = self.clients.iter_mut().find(|c| c.address == w.to && !c.closed) {
                c.arrived += 1;
                let d = Datagram { source: w.from, destination: c.local, contents: &mut w.contents };
                c.peer.receive(d, self.now).unwrap();
            }
        }
        if self.shard.next_deadline().is_some_and(|d| d <= self.now) {
            let (shard, now, out) = (&mut self.shard, self.now, &mut self.out);
            let mut advance = || shard.advance(now, out);
            match self.count_allocations {
                Some(count) => self.allocated += count(&mut advance),
                None => advance(),
            }
        }
        for c in self.clients.iter_mut().filter(|c| !c.closed) {
            if c.peer.next_deadline().is_some_and(|d| d <= self.now) {
                c.peer.advance(self.now).unwrap();
            }
        }
        self.flush();
    }

    /// Puts what everybody has to send on the wire.
    pub(crate) fn flush(&mut self) {
        let mut packets: Vec<(SocketAddr, SocketAddr, Vec<u8>)> = Vec::new();
        for (hop, contents) in self.out.trains.datagrams() {
            assert_eq!(hop.source, SERVER.ip());
            self.sent.entry(hop.destination).or_default().push(contents.to_vec());
            packets.push((SERVER, hop.destination, contents.to_vec()));
        }
        self.out.trains.clear();
        self.notices.append(&mut self.out.notices);
        for c in &mut self.clients {
            while let Some(t) = c.peer.poll_transmit() {
                if let Some(tapped) = &mut self.tapped {
                    tapped.push((c.address, t.contents.clone()));
                }
                packets.push((c.address, t.destination, t.contents));
            }
            while let Some(e) = c.peer.poll_event() {
                match e {
                    PeerEvent::Connected { profile } => {
                        c.connected = true;
                        c.profile = profile;
                    }
                    PeerEvent::Rtp(r) => c.received.push(r),
                    PeerEvent::KeyframeRequested => c.keyframe_requests.push(self.now),
                    PeerEvent::Closed => c.closed = true,
                    _ => {}
                }
            }
        }
        for (from, to, contents) in packets {
            self.lottery = self.lottery.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if self.lose_one_in > 0 && (self.lottery >> 16).is_multiple_of(self.lose_one_in) {
                continue;
            }
            self.wire.push(InFlight { at: self.now + DELAY, from, to, contents });
        }
    }
}
