//! No media before consent, across the planes: a switchboard and a media shard under virtual time, with real peers that send
//! all the time, while devices say and do things in every order.
//!
//! What the media plane is told and what it tells waits in queues of random length, as between threads. Each packet that
//! arrives names the peer that sent it and when, and is held against what the people have said, not against what the
//! switchboard or the media plane believe: both ends belong to the same call and had consented to it, the caller by calling, a
//! callee by an `accept` that was carried out, and neither has left it. Every other peer sends sound as browsers do, each
//! packet with the two before it (RFC 2198): what is repeated is held against the same.

mod orders;

use super::{login, switchboard, user, without_rates};
use crate::signalling::messages::{In, Link, Out};
use crate::signalling::session::Frame;
use crate::signalling::switchboard::Switchboard;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tring_media::{
    Certificate, Command, Datagram, MediaKind, Notice, Output, Owner, Peer, PeerConfig, PeerEvent, Rtp,
    Shard, ShardConfig,
};
use tring_protocol::{CallId, CallRequest, ClientMessage, DeviceId, MediaType, Request, Timestamp, UserId};

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

/// A signed-in device: its socket, whose number is the device's.
#[derive(Default)]
struct Socket {
    last_id: u32,
    last_seq: u32,
    acknowledged: u32,
    /// Answers that nobody has looked at.
    answers: HashMap<u32, Value>,
    /// Offers whose answer has not come, and the end that each is for.
    offers: HashMap<u32, usize>,
}

struct World {
    random: Arc<AtomicU64>,
    board: Switchboard,
    sockets: HashMap<DeviceId, Socket>,
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

/// The next of the numbers that look random (Marsaglia's xorshift).
fn next(random: &AtomicU64) -> u64 {
    let mut n = random.load(Ordering::Relaxed);
    n ^= n << 13;
    n ^= n >> 7;
    n ^= n << 17;
    random.store(n, Ordering::Relaxed);
    n
}

/// Room numbers come back all the time; tickets and call ids never.
fn fill(random: &AtomicU64, bytes: &mut [u8]) -> bool {
    if bytes.len() == size_of::<u32>() {
        let room = (next(random) % 3) as u32;
        bytes.copy_from_slice(&room.to_le_bytes());
    } else {
        bytes.fill_with(|| next(random) as u8);
    }
    true
}

impl World {
    fn new(seed: u64, delays: bool) -> Self {
        let certificate = Certificate::generate().unwrap();
        let start = Instant::now();
        let shard = Shard::new(
            ShardConfig {
                owner: Owner { node: 0, worker: 0 },
                certificate: certificate.clone(),
                local: vec![SERVER],
                advertise: Vec::new(),
                max_sessions: 1_000,
                max_connections: 100,
            },
            start,
        );
        let random = Arc::new(AtomicU64::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
        let of_board = random.clone();
        let mut world = Self {
            random,
            board: switchboard(without_rates, Box::new(move |bytes| fill(&of_board, bytes))),
            sockets: HashMap::new(),
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
        for (device, name) in DEVICES {
            world.sockets.insert(DeviceId(device), Socket { last_id: 1, ..Socket::default() });
            let signed_in = world.give(In::Login(login(Link(device), user(name), false, false)));
            assert_eq!(signed_in, Some(DeviceId(device)));
        }
        world
    }

    fn below(&mut self, n: usize) -> usize {
        (next(&self.random) % n as u64) as usize
    }

    /// One input of the switchboard, and what comes of it.
    fn give(&mut self, input: In) -> Option<DeviceId> {
        let mut out = Vec::new();
        let signed_in = self.board.handle(input, self.time, &mut out);
        self.carry_out(out);
        signed_in
    }

    /// One step is one moment: whoever is told of an end in it has left when the commands of the same step are carried out.
    fn carry_out(&mut self, mut out: Vec<Out>) {
        out.sort_by_key(|output| !matches!(output, Out::Media(_)));
        for output in out {
            match output {
                Out::Frame { link, frame } => self.hears(DeviceId(link.0), &frame),
                Out::Media(command) => self.jobs.push_back(Job::Command(command)),
                Out::Record(_) => {}
                Out::Close { .. } => panic!("nobody here signs out or falls behind: {output:?}"),
            }
        }
    }

    fn hears(&mut self, device: DeviceId, frame: &Frame) {
        let message: Value = serde_json::from_str(frame).unwrap();
        let socket = self.sockets.get_mut(&device).unwrap();
        if let Some(seq) = message["seq"].as_u64() {
            socket.last_seq += 1;
            assert_eq!(seq, u64::from(socket.last_seq));
            if message["type"] == "ended" {
                let call = CallId::new(message["callID"].as_str().unwrap()).unwrap();
                self.jobs.push_back(Job::Left(call, device));
            }
            return;
        }
        let re = message["re"].as_u64().unwrap() as u32;
        match socket.offers.remove(&re) {
            Some(end) => {
                // An offer that was refused or replaced meanwhile has no answer.
                if let Some(answer) = message["ok"]["answer"].as_str() {
                    let end = &mut self.ends[end];
                    end.peer.accept_answer(answer, self.instant).unwrap();
                    assert_eq!(end.peer.use_red(), end.red);
                }
            }
            None => drop(socket.answers.insert(re, message)),
        }
    }

    /// A device asks. Gives the number of the request, and the answer if it has come.
    fn send(&mut self, device: DeviceId, request: Request) -> (u32, Option<Value>) {
        let socket = self.sockets.get_mut(&device).unwrap();
        socket.last_id += 1;
        let id = socket.last_id;
        self.give(In::Request { device, link: Link(device.0), message: ClientMessage { id, request } });
        (id, self.sockets.get_mut(&device).unwrap().answers.remove(&id))
    }

    /// A device asks for what is answered at once.
    fn ask(&mut self, device: DeviceId, request: Request) -> Result<Value, ()> {
        let (_, answer) = self.send(device, request);
        let mut answer = answer.expect("it is answered at once");
        if answer.get("error").is_some() {
            self.refused += 1;
            return Err(());
        }
        Ok(answer["ok"].take())
    }

    fn call(&mut self, from: u64, to: &[&str]) -> Option<CallId> {
        let request = CallRequest {
            to: to.iter().map(|u| UserId::new(u).unwrap()).collect(),
            media: MediaType::Video,
            timeout_s: None,
            fail_fast: false,
            data: None,
        };
        let device = DeviceId(from);
        let answer = self.ask(device, Request::Call(request)).ok()?;
        let call = CallId::new(answer["callID"].as_str().unwrap()).unwrap();
        if !self.calls.contains(&call) {
            self.calls.push(call.clone());
        }
        self.consents.entry((call.clone(), device)).or_insert(self.instant);
        Some(call)
    }

    fn delivered(&mut self, device: u64, call: &CallId) {
        let _ = self.ask(DeviceId(device), Request::Delivered { call_id: call.clone() });
    }

    fn accept(&mut self, device: u64, call: &CallId) -> bool {
        let device = DeviceId(device);
        // What was said counts from the moment it was said; what follows from it may come at once.
        let consent = (call.clone(), device);
        let fresh = !self.consents.contains_key(&consent);
        self.consents.entry(consent.clone()).or_insert(self.instant);
        let accepted = self.ask(device, Request::Accept { call_id: call.clone() }).is_ok();
        if !accepted && fresh {
            self.consents.remove(&consent);
        }
        accepted
    }

    fn hangup(&mut self, device: u64, call: &CallId) {
        let device = DeviceId(device);
        if self.ask(device, Request::Hangup { call_id: call.clone() }).is_ok() {
            self.jobs.push_back(Job::Left(call.clone(), device));
        }
    }

    /// A device offers a transport. Gives its end; None if it is refused at once.
    fn offer(&mut self, device: u64, call: &CallId) -> Option<usize> {
        let device = DeviceId(device);
        let index = self.ends.len();
        let address = SocketAddr::from((Ipv4Addr::new(198, 51, 100, 1), 10_000 + index as u16));
        let mut config = PeerConfig::video(address, self.certificate.clone());
        config.red = index.is_multiple_of(2);
        let red = config.red;
        let (peer, offer) = Peer::new(config, self.instant).unwrap();
        let (id, refusal) = self.send(device, Request::Transport { call_id: call.clone(), offer });
        if let Some(refusal) = refusal {
            assert!(refusal.get("error").is_some(), "{refusal}");
            self.refused += 1;
            return None;
        }
        self.sockets.get_mut(&device).unwrap().offers.insert(id, index);
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
            self.give(In::Notice(notice));
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
            if self.board.next_deadline().is_some_and(|at| at <= self.time) {
                let mut out = Vec::new();
                self.board.advance(self.time, &mut out);
                self.carry_out(out);
            }
            self.acknowledge();
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

    /// Devices say what they have heard, so that none falls behind.
    fn acknowledge(&mut self) {
        for (device, _) in DEVICES {
            let socket = self.sockets.get_mut(&DeviceId(device)).unwrap();
            if socket.acknowledged < socket.last_seq {
                socket.acknowledged = socket.last_seq;
                let ack = socket.last_seq;
                self.ask(DeviceId(device), Request::Ping { ack }).unwrap();
            }
        }
    }

    /// Carries datagrams both ways until there are none, and looks at what arrives.
    fn carry(&mut self) {
        loop {
            let mut any = false;
            for i in 0..self.ends.len() {
                while let Some(mut t) = self.ends[i].peer.poll_transmit() {
                    any = true;
                    let source = self.ends[i].address;
                    let d = Datagram { source, destination: SERVER, contents: &mut t.contents };
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
            for (hop, contents) in self.out.trains.datagrams() {
                any = true;
                let to = self.ends.iter_mut().find(|e| e.address == hop.destination);
                if let Some(e) = to.filter(|e| !e.closed && !e.deaf) {
                    let contents = &mut contents.to_vec();
                    let d = Datagram { source: SERVER, destination: e.address, contents };
                    e.peer.receive(d, self.instant).unwrap();
                }
            }
            self.out.trains.clear();
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
