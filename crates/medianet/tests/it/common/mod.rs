//! Peers on real sockets, driven by one poll.
// Each test file uses a part; a failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub(crate) mod process;

use mio::{Events, Interest, Poll, Token};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tring_media::{
    Certificate, Command, Datagram, MediaKind, Notice, Peer, PeerConfig, PeerEvent, RoomKey, Rtp, SessionId,
    Source, SourceSet, UserId,
};
use tring_medianet::{Config, MediaNet, start};
use tring_protocol::{RoomId, SdkAppId};

/// Longest wait for anything: only a failure takes it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn room(n: u32) -> RoomKey {
    RoomKey { app: SdkAppId::new(1_400_000_001).unwrap(), room: RoomId::new(n).unwrap() }
}

/// A media plane and what it told.
pub(crate) struct Server {
    pub(crate) net: MediaNet,
    notices: Receiver<Notice>,
}

impl Server {
    pub(crate) fn start(config: Config) -> Self {
        let (tell, notices) = channel();
        let net = start(config, move |n| drop(tell.send(n))).unwrap();
        Self { net, notices }
    }

    pub(crate) fn on_loopback(workers: usize) -> Self {
        Self::start(Config { bind: IpAddr::from([127, 0, 0, 1]), udp_port: 0, workers, ..Config::default() })
    }

    pub(crate) fn open(
        &self,
        session: u64,
        room: RoomKey,
        user: &str,
        offer: String,
        gate_open: bool,
    ) -> String {
        let session = SessionId(session);
        self.net.send(Command::Open {
            session,
            room,
            user: UserId::new(user).unwrap(),
            label: "test".into(),
            offer,
            gate_open,
            on: SourceSet::of(&[Source::Microphone, Source::Camera]),
        });
        match self.wait(|n| matches!(n, Notice::Answered { session: s, .. } | Notice::Refused { session: s, .. } if *s == session)) {
            Notice::Answered { answer, .. } => answer,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for a notice; others are dropped.
    pub(crate) fn wait(&self, wanted: impl Fn(&Notice) -> bool) -> Notice {
        let end = Instant::now() + PATIENCE;
        loop {
            let n = self
                .notices
                .recv_timeout(end.saturating_duration_since(Instant::now()))
                .expect("the notice in time");
            if wanted(&n) {
                return n;
            }
        }
    }
}

/// A peer on a socket.
pub(crate) struct Phone {
    pub(crate) peer: Peer,
    socket: mio::net::UdpSocket,
    pub(crate) address: SocketAddr,
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    pub(crate) keyframes_wanted: usize,
    pub(crate) received: Vec<Rtp>,
    pub(crate) datagrams: usize,
    /// Where they came from.
    pub(crate) sources: BTreeSet<SocketAddr>,
    clock: u32,
}

/// Phones and the poll that wakes them.
pub(crate) struct Phones {
    pub(crate) all: Vec<Phone>,
    poll: Poll,
}

impl Phones {
    pub(crate) fn new() -> Self {
        Self { all: Vec::new(), poll: Poll::new().unwrap() }
    }

    /// A phone on an address of this machine; gives its index and its offer.
    pub(crate) fn add(&mut self, ip: IpAddr, video: bool) -> (usize, String) {
        let mut socket = mio::net::UdpSocket::bind(SocketAddr::new(ip, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        self.poll.registry().register(&mut socket, Token(self.all.len()), Interest::READABLE).unwrap();
        let certificate = Certificate::generate().unwrap();
        let config = if video {
            PeerConfig::video(address, certificate)
        } else {
            PeerConfig::voice(address, certificate)
        };
        let (peer, offer) = Peer::new(config, Instant::now()).unwrap();
        self.all.push(Phone {
            peer,
            socket,
            address,
            connected: false,
            closed: false,
            keyframes_wanted: 0,
            received: Vec::new(),
            datagrams: 0,
            sources: BTreeSet::new(),
            clock: 0,
        });
        (self.all.len() - 1, offer)
    }

    /// Runs until `done`, or panics after [`PATIENCE`].
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&mut [Phone]) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(&mut self.all) {
            assert!(Instant::now() < end, "{what}");
            self.turn(end);
        }
    }

    /// Runs for a while.
    pub(crate) fn run(&mut self, d: Duration) {
        let end = Instant::now() + d;
        while Instant::now() < end {
            self.turn(end);
        }
    }

    /// Both talk until `done`: sound every 20 ms, a picture of three packets every 40 ms.
    pub(crate) fn talk_until(&mut self, what: &str, video: bool, mut done: impl FnMut(&mut [Phone]) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut tick = 0u32;
        while !done(&mut self.all) {
            assert!(Instant::now() < end, "{what}");
            let now = Instant::now();
            for (i, phone) in self.all.iter_mut().enumerate() {
                phone.clock += 20;
                phone.peer.send(MediaKind::Audio, phone.clock * 48, false, vec![i as u8, 0xa0], now).unwrap();
                if video && tick.is_multiple_of(2) {
                    for part in 0..3u8 {
                        let payload = vec![i as u8; 1000];
                        phone.peer.send(MediaKind::Video, phone.clock * 90, part == 2, payload, now).unwrap();
                    }
                }
            }
            tick += 1;
            self.run(Duration::from_millis(20));
        }
    }

    fn turn(&mut self, end: Instant) {
        for phone in &mut self.all {
            phone.flush();
        }
        let now = Instant::now();
        let due = self.all.iter().filter_map(|p| p.peer.next_deadline()).min().unwrap_or(end).min(end);
        let mut events = Events::with_capacity(16);
        // Rounded up, so that a sub-millisecond rest does not spin.
        let wait = due.saturating_duration_since(now) + Duration::from_millis(1);
        if let Err(e) = self.poll.poll(&mut events, Some(wait)) {
            assert_eq!(e.kind(), std::io::ErrorKind::Interrupted);
        }
        for phone in &mut self.all {
            phone.receive();
            if phone.peer.next_deadline().is_some_and(|d| d <= Instant::now()) {
                phone.peer.advance(Instant::now()).unwrap();
            }
            phone.flush();
        }
    }
}

impl Phone {
    pub(crate) fn answer(&mut self, answer: &str) {
        self.peer.accept_answer(answer, Instant::now()).unwrap();
        self.flush();
    }

    pub(crate) fn count(&self, kind: MediaKind) -> usize {
        self.received.iter().filter(|r| r.kind == kind).count()
    }

    fn receive(&mut self) {
        let mut buffer = [0; 2048];
        while let Ok((n, source)) = self.socket.recv_from(&mut buffer) {
            self.datagrams += 1;
            self.sources.insert(source);
            let d = Datagram { source, destination: self.address, contents: &mut buffer[..n] };
            self.peer.receive(d, Instant::now()).unwrap();
            self.flush();
        }
    }

    fn flush(&mut self) {
        while let Some(t) = self.peer.poll_transmit() {
            // An unreachable candidate is what ICE is there for.
            let _ = self.socket.send_to(&t.contents, t.destination);
        }
        while let Some(e) = self.peer.poll_event() {
            match e {
                PeerEvent::Connected { .. } => self.connected = true,
                PeerEvent::Closed => self.closed = true,
                PeerEvent::KeyframeRequested => self.keyframes_wanted += 1,
                PeerEvent::Rtp(r) => self.received.push(r),
                _ => {}
            }
        }
    }
}
