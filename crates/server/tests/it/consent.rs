//! No media before consent, across the planes: the call engine, the server's own map of transports and a media shard, with
//! real peers that send all the time, while devices say and do things in every order.
//!
//! What the media plane is told and what it tells waits in queues of random length, as between threads. Each packet that
//! arrives names the peer that sent it and when, and is held against what the people have said, not against what the engine
//! or the media plane believe: both ends belong to the same call and had consented to it, the caller by calling, a callee by
//! an `accept` that was carried out, and neither has left it. Every other peer sends sound as browsers do, each packet with
//! the two before it (RFC 2198): what is repeated is held against the same.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, unreachable_pub)] // The server's own; its other users are not here.
#[path = "../../src/signalling/transports.rs"]
mod transports;

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tring_calls::{Effect, Engine, Input, Reply, Settings};
use tring_media::{
    Certificate, Command, Datagram, MediaKind, Notice, Output, Owner, Peer, PeerConfig, PeerEvent, Rtp,
    SessionId, Shard, ShardConfig,
};
use tring_protocol::{
    CallId, CallRequest, DeviceId, Event, MediaType, SdkAppId, SourceSet, Timestamp, UserId, UserKey,
};

use transports::{Gone, Offer, Transports, Way};

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7700);

/// The people and their devices.
const DEVICES: [(u64, &str); 5] = [(1, "alice"), (2, "alice"), (3, "bob"), (4, "bob"), (5, "carol")];

/// One transport of a device, as the device has it.
struct End {
    device: DeviceId,
    call: CallId,
    peer: Peer,
    address: SocketAddr,
    connected: bool,
    closed: bool,
    /// Hears nothing more, not even a goodbye, and goes on sending.
    deaf: bool,
    clock: u32,
    /// Its sound repeats the newest of what it said.
    red: bool,
    said: Vec<Said>,
    received: usize,
}

/// The payload type of sound that repeats, and of what is in it.
const RED: u8 = 63;
const OPUS: u8 = 111;

/// What a packet says: its sender and the moment.
type Said = [u8; 8];

/// Sound of 20 ms that repeats what was said 20 ms ago, 40 ms ago and so on: `said` in the order of time.
fn repeating(said: &[Said]) -> Vec<u8> {
    let header = |ago: u32| (u32::from(0x80 | OPUS) << 24 | (ago * 960) << 10 | 8).to_be_bytes();
    let headers = (1..said.len() as u32).rev().map(header);
    headers.flatten().chain([OPUS]).chain(said.iter().copied().flatten()).collect()
}

/// All that a packet says.
fn said(rtp: &Rtp) -> Vec<Said> {
    let is_red = rtp.kind == MediaKind::Audio && rtp.payload_type == RED;
    let repeated = rtp.payload.iter().step_by(4).take_while(|&&b| is_red && b & 0x80 != 0).count();
    let (said, rest) = rtp.payload[if is_red { repeated * 4 + 1 } else { 0 }..].as_chunks();
    assert!(said.len() == repeated + 1 && rest.is_empty(), "{:?}", rtp.payload);
    said.to_vec()
}

/// What waits for the media plane.
enum Job {
    Command(Command),
    /// The device has left the call, and everything that this means for the media plane is in the queue before it.
    Left(CallId, DeviceId),
}

struct World {
    random: u64,
    engine: Engine,
    transports: Transports,
    shard: Shard,
    out: Output,
    jobs: VecDeque<Job>,
    notices: VecDeque<Notice>,
    certificate: Certificate,
    time: Timestamp,
    instant: Instant,
    start: Instant,
    ends: Vec<End>,
    calls: Vec<CallId>,
    /// Who has consented to what, and when.
    consents: HashMap<(CallId, DeviceId), Instant>,
    /// Jobs and notices wait for their turn, instead of being taken at once.
    delays: bool,
    refused: usize,
}

impl World {
    fn new(seed: u64, delays: bool) -> Self {
        let certificate = Certificate::generate().unwrap();
        let start = Instant::now();
        let shard = Shard::new(ShardConfig {
            owner: Owner { node: 0, worker: 0 },
            certificate: certificate.clone(),
            local: vec![SERVER],
            advertise: Vec::new(),
            max_sessions: 1_000,
            max_connections: 100,
        });
        let mut world = Self {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            engine: Engine::new(Settings::default()),
            transports: Transports::default(),
            shard,
            out: Output::new(),
            jobs: VecDeque::new(),
            notices: VecDeque::new(),
            certificate,
            time: Timestamp::from_secs(1_700_000_000),
            instant: start,
            start,
            ends: Vec::new(),
            calls: Vec::new(),
            consents: HashMap::new(),
            delays,
            refused: 0,
        };
        for (device, user) in DEVICES {
            let owner = UserKey { app: SdkAppId::new(1).unwrap(), user: UserId::new(user).unwrap() };
            world
                .input(Input::DeviceOnline { device: DeviceId(device), owner, single_login: false })
                .unwrap();
        }
        world
    }

    fn below(&mut self, n: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % n as u64) as usize
    }

    /// One input of the engine, and its effects as the switchboard carries them out.
    fn input(&mut self, input: Input) -> Result<Reply, ()> {
        let mut effects = Vec::new();
        let reply = self.engine.handle(input, self.time, &mut effects);
        self.carry_out(effects);
        reply.map_err(|_| self.refused += 1)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut commands = Vec::new();
        let mut left = Vec::new();
        for effect in effects {
            match effect {
                Effect::OpenGate { call, device } => self.transports.open_gate(&call, device, &mut commands),
                Effect::SetSources { call, device, sources } => {
                    self.transports.set_sources(&call, device, sources, &mut commands);
                }
                Effect::CloseTransport { call, device } => {
                    self.transports.close(&call, device, &mut commands);
                }
                Effect::Tell { device, event: Event::Ended { call_id, .. } } => left.push((call_id, device)),
                _ => {}
            }
        }
        self.jobs.extend(commands.into_iter().map(Job::Command));
        self.jobs.extend(left.into_iter().map(|(call, device)| Job::Left(call, device)));
    }

    fn call(&mut self, from: u64, to: &[&str]) -> Option<CallId> {
        let id = CallId::from_random((self.below(usize::MAX) as u128) << 64 | self.below(usize::MAX) as u128);
        let request = CallRequest {
            to: to.iter().map(|u| UserId::new(u).unwrap()).collect(),
            media: MediaType::Video,
            timeout_s: None,
            fail_fast: false,
            data: None,
        };
        let room_seed = self.below(3) as u32;
        let device = DeviceId(from);
        match self.input(Input::Call { device, call: id, room_seed, request }) {
            Ok(Reply::Calling { call, .. }) => {
                if !self.calls.contains(&call) {
                    self.calls.push(call.clone());
                }
                self.consents.entry((call.clone(), device)).or_insert(self.instant);
                Some(call)
            }
            _ => None,
        }
    }

    fn delivered(&mut self, device: u64, call: &CallId) {
        let _ = self.input(Input::Delivered { device: DeviceId(device), call: call.clone() });
    }

    fn accept(&mut self, device: u64, call: &CallId) -> bool {
        let device = DeviceId(device);
        // What was said counts from the moment it was said; what follows from it may come at once.
        let consent = (call.clone(), device);
        let fresh = !self.consents.contains_key(&consent);
        self.consents.entry(consent.clone()).or_insert(self.instant);
        let accepted = self.input(Input::Accept { device, call: call.clone() }).is_ok();
        if !accepted && fresh {
            self.consents.remove(&consent);
        }
        accepted
    }

    fn hangup(&mut self, device: u64, call: &CallId) {
        let device = DeviceId(device);
        if self.input(Input::Hangup { device, call: call.clone() }).is_ok() {
            self.jobs.push_back(Job::Left(call.clone(), device));
        }
    }

    /// A device offers a transport. Gives its end.
    fn offer(&mut self, device: u64, call: &CallId) -> Option<usize> {
        let device = DeviceId(device);
        let Ok(Reply::Transport(permit)) = self.input(Input::Transport { device, call: call.clone() }) else {
            return None;
        };
        let index = self.ends.len();
        let address = SocketAddr::from((Ipv4Addr::new(198, 51, 100, 1), 10_000 + index as u16));
        let mut config = PeerConfig::video(address, self.certificate.clone());
        config.red = index.is_multiple_of(2);
        let red = config.red;
        let (peer, sdp) = Peer::new(config, self.instant).unwrap();
        let mut commands = Vec::new();
        let offer = Offer { call: call.clone(), device, request: index as u32, way: Way::Sdp(sdp) };
        self.transports.open(offer, permit, self.time, &mut commands);
        self.jobs.extend(commands.into_iter().map(Job::Command));
        self.ends.push(End {
            device,
            call: call.clone(),
            peer,
            address,
            connected: false,
            closed: false,
            deaf: false,
            clock: 0,
            red,
            said: Vec::new(),
            received: 0,
        });
        Some(index)
    }

    /// Takes jobs and notices: all, or with delays some.
    fn take_turns(&mut self) {
        let jobs = if self.delays { self.below(self.jobs.len() + 2) } else { usize::MAX };
        for _ in 0..jobs {
            match self.jobs.pop_front() {
                Some(Job::Command(c)) => self.shard.command(c, self.instant, &mut self.out),
                Some(Job::Left(call, device)) => drop(self.consents.remove(&(call, device))),
                None => break,
            }
            self.carry();
        }
        let notices = if self.delays { self.below(self.notices.len() + 2) } else { usize::MAX };
        for _ in 0..notices {
            let Some(notice) = self.notices.pop_front() else { break };
            self.notice(notice);
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Answered { session, answer } => {
                let mut commands = Vec::new();
                let waiting = self.transports.answered(session, &mut commands).and_then(|t| t.request.take());
                self.jobs.extend(commands.into_iter().map(Job::Command));
                if let Some(end) = waiting {
                    let end = &mut self.ends[end as usize];
                    end.peer.accept_answer(&answer, self.instant).unwrap();
                    assert_eq!(end.peer.use_red(), end.red);
                }
            }
            Notice::Lost { session } | Notice::Refused { session, .. } | Notice::Evicted { session } => {
                self.gone(session);
            }
            _ => {}
        }
    }

    fn gone(&mut self, session: SessionId) {
        let mut commands = Vec::new();
        self.transports.settled(session);
        let gone = self.transports.forget(session, &mut commands);
        self.jobs.extend(commands.into_iter().map(Job::Command));
        if let Some(Gone { transport: t, last: true }) = gone {
            let _ = self.input(Input::TransportGone { device: t.device, call: t.call });
        }
    }

    /// Lets time pass; everybody who is connected sends sound and pictures every 20 ms.
    fn run(&mut self, d: Duration) {
        let end = self.instant + d;
        let mut tick = 0;
        while self.instant < end {
            let step = Duration::from_millis(5);
            self.instant += step;
            self.time = self.time + step;
            self.take_turns();
            let mut effects = Vec::new();
            self.engine.advance(self.time, &mut effects);
            self.carry_out(effects);
            if self.shard.next_deadline().is_some_and(|at| at <= self.instant) {
                self.shard.advance(self.instant, &mut self.out);
            }
            for (index, e) in self.ends.iter_mut().enumerate().filter(|(_, e)| !e.closed) {
                if e.peer.next_deadline().is_some_and(|at| at <= self.instant) {
                    e.peer.advance(self.instant).unwrap();
                }
                if e.connected && tick % 4 == 0 {
                    e.clock += 1;
                    let moment = (self.instant - self.start).as_millis() as u32;
                    let said = Said::try_from([(index as u32).to_be_bytes(), moment.to_be_bytes()].concat());
                    let said = said.unwrap();
                    e.said.push(said);
                    e.said.drain(..e.said.len().saturating_sub(3));
                    let sound = if e.red { repeating(&e.said) } else { said.to_vec() };
                    e.peer.send(MediaKind::Audio, e.clock * 960, false, sound, self.instant).unwrap();
                    e.peer.send(MediaKind::Video, e.clock * 1_800, true, said, self.instant).unwrap();
                }
            }
            self.carry();
            tick += 1;
        }
    }

    /// Carries datagrams both ways until there are none, and looks at what arrives.
    fn carry(&mut self) {
        loop {
            let mut any = false;
            for i in 0..self.ends.len() {
                while let Some(t) = self.ends[i].peer.poll_transmit() {
                    any = true;
                    let d =
                        Datagram { source: self.ends[i].address, destination: SERVER, contents: &t.contents };
                    self.shard.receive(d, 0, self.instant, &mut self.out);
                }
                while let Some(event) = self.ends[i].peer.poll_event() {
                    match event {
                        PeerEvent::Connected { .. } => self.ends[i].connected = true,
                        PeerEvent::Closed => self.ends[i].closed = true,
                        PeerEvent::Rtp(rtp) => {
                            self.ends[i].received += 1;
                            for said in said(&rtp) {
                                self.judge(said, i);
                            }
                        }
                        _ => {}
                    }
                }
            }
            self.notices.extend(self.out.notices.drain(..));
            self.out.ended.clear();
            for t in std::mem::take(&mut self.out.transmits) {
                any = true;
                let to = self.ends.iter_mut().find(|e| e.address == t.destination);
                if let Some(e) = to.filter(|e| !e.closed && !e.deaf) {
                    let d = Datagram { source: SERVER, destination: e.address, contents: &t.contents };
                    e.peer.receive(d, self.instant).unwrap();
                }
            }
            if !any {
                return;
            }
        }
    }

    /// What was said at one end has reached another.
    fn judge(&self, said: Said, to: usize) {
        let number = |at: usize| u32::from_be_bytes(said[at..at + 4].try_into().unwrap());
        let (from, to) = (&self.ends[number(0) as usize], &self.ends[to]);
        let moment = self.start + Duration::from_millis(number(4).into());
        assert_eq!(from.call, to.call, "from {} to {}", from.device, to.device);
        for end in [from, to] {
            let consent = (end.call.clone(), end.device);
            assert!(
                self.consents.get(&consent).is_some_and(|&since| since <= moment),
                "from {} to {}: {} had not consented to {}, or has left it",
                from.device,
                to.device,
                end.device,
                end.call
            );
        }
    }

    /// Packets that reached each end since the last call.
    fn heard(&mut self) -> Vec<usize> {
        self.ends.iter_mut().map(|e| std::mem::take(&mut e.received)).collect()
    }
}

const WHILE: Duration = Duration::from_millis(600);

/// Alice calls Bob, whose phone (3) and laptop (4) ring; those of `preconnect` offer while it rings.
fn ringing(preconnect: &[u64]) -> (World, CallId) {
    let mut w = World::new(1, false);
    let call = w.call(1, &["bob"]).unwrap();
    w.offer(1, &call).unwrap();
    for device in [3, 4] {
        w.delivered(device, &call);
    }
    for &device in preconnect {
        w.offer(device, &call).unwrap();
    }
    w.run(WHILE);
    assert!(w.ends.iter().all(|e| e.connected), "they connect while it rings");
    assert!(w.heard().iter().all(|&n| n == 0));
    (w, call)
}

#[test]
fn an_accept_before_the_transport_lets_media_through_once_it_is_there() {
    let (mut w, call) = ringing(&[]);
    assert!(w.accept(3, &call));
    w.run(WHILE);
    assert_eq!(w.heard(), [0]);
    w.offer(3, &call).unwrap();
    w.run(WHILE);
    assert!(w.heard().iter().all(|&n| n > 0));
}

#[test]
fn an_offer_that_replaces_another_while_it_rings_is_as_closed_and_opens_with_the_accept() {
    let (mut w, call) = ringing(&[3]);
    let again = w.offer(3, &call).unwrap();
    w.run(WHILE);
    assert!(w.ends[again].connected);
    assert!(w.heard().iter().all(|&n| n == 0));
    assert!(w.accept(3, &call));
    w.run(WHILE);
    let heard = w.heard();
    assert!(heard[0] > 0 && heard[again] > 0 && heard[1] == 0, "{heard:?}");
}

#[test]
fn a_device_that_lost_and_does_not_hear_of_it_is_heard_by_nobody() {
    let (mut w, call) = ringing(&[3, 4]);
    w.ends[2].deaf = true;
    assert!(w.accept(3, &call));
    assert!(!w.accept(4, &call));
    w.run(WHILE);
    assert!(!w.ends[2].closed, "it goes on sending");
    let heard = w.heard();
    assert!(heard[0] > 0 && heard[1] > 0 && heard[2] == 0, "{heard:?}");
    assert!(w.offer(4, &call).is_none());
}

#[test]
fn two_calls_that_meet_become_one_with_the_transports_that_are_there() {
    let (mut w, call) = ringing(&[3, 4]);
    assert_eq!(w.call(3, &["alice"]), Some(call));
    w.run(WHILE);
    let heard = w.heard();
    assert!(heard[0] > 0 && heard[1] > 0 && heard[2] == 0, "{heard:?}");
}

#[test]
fn after_a_cancel_there_is_nothing_to_offer_for_and_nothing_to_hear() {
    let (mut w, call) = ringing(&[3, 4]);
    for end in &mut w.ends {
        end.deaf = true;
    }
    w.hangup(1, &call);
    assert!([1, 3, 4].iter().all(|&d| w.offer(d, &call).is_none()));
    assert!(!w.accept(3, &call));
    w.run(WHILE);
    // The next call is another one, even in the same room.
    let next = w.call(1, &["bob"]).unwrap();
    w.offer(1, &next).unwrap();
    w.delivered(3, &next);
    w.offer(3, &next).unwrap();
    assert!(!w.accept(3, &call), "an answer to the call that is over");
    w.run(WHILE);
    assert!(w.heard().iter().all(|&n| n == 0));
    assert!(w.accept(3, &next));
    w.run(WHILE);
    let heard = w.heard();
    assert!(heard[..3].iter().all(|&n| n == 0) && heard[3..].iter().all(|&n| n > 0), "{heard:?}");
}

/// One random thing.
fn step(w: &mut World) {
    let (device, _) = DEVICES[w.below(DEVICES.len())];
    let known = w.calls.len();
    let call = (known > 0).then(|| {
        // Mostly the newest ones.
        let back = if w.below(4) == 0 { w.below(known) } else { w.below(known.min(2)) };
        w.calls[known - 1 - back].clone()
    });
    match (w.below(24), call) {
        (0..=1, _) | (_, None) => {
            let to: &[&str] = [&["bob"][..], &["alice"], &["carol"], &["bob", "carol"]][w.below(4)];
            w.call(device, to);
        }
        (2..=6, Some(call)) => w.delivered(device, &call),
        (7..=12, Some(call)) => drop(w.offer(device, &call)),
        (13..=18, Some(call)) => drop(w.accept(device, &call)),
        (19, Some(call)) => w.hangup(device, &call),
        (20..=21, Some(call)) => {
            let (microphone, camera) = (w.below(4) > 0, w.below(2) > 0);
            let sources = SourceSet::said(microphone, camera, None);
            let _ = w.input(Input::Devices { device: DeviceId(device), call, sources });
        }
        (22, Some(_)) => {
            let ends = w.ends.len();
            if ends > 0 {
                let end = w.below(ends);
                w.ends[end].deaf = true;
            }
        }
        (_, Some(call)) => {
            let _ = w.input(Input::Reject { device: DeviceId(device), call });
        }
    }
}

#[test]
fn in_every_order_nothing_is_heard_by_or_from_who_has_not_accepted() {
    let (mut heard, mut refused, mut ends) = (0, 0, 0);
    for seed in 1..=80 {
        let mut w = World::new(seed, true);
        for _ in 0..40 {
            for _ in 0..1 + w.below(4) {
                step(&mut w);
            }
            let pause = Duration::from_millis([5, 20, 60, 300][w.below(4)]);
            w.run(pause);
        }
        heard += w.heard().iter().sum::<usize>();
        refused += w.refused;
        ends += w.ends.len();
    }
    // Else nothing was tried.
    assert!(
        heard > 3_000 && refused > 1_000 && ends > 300,
        "{heard} packets, {refused} refusals, {ends} offers"
    );
}
