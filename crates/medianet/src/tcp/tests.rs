//! Connections over real sockets, under a time of the test's own.

use super::*;
use std::net::{SocketAddr, TcpStream as StdStream};
use tring_limits::TicketLimit;
use tring_media::{
    Certificate, Command, Direction, Notice, Owner, RoomKey, SessionId, ShardConfig, Source, SourceSet,
    StreamTicket, StreamTickets, UserId, phone_says,
};
use tring_protocol::{RoomId, SdkAppId};

/// Longest wait for anything: only a failure takes it.
const PATIENCE: Duration = Duration::from_secs(20);

const TWO_MINUTES: u64 = 120;

/// One worker's connections, turned by hand.
struct Rig {
    streams: Streams,
    shard: Shard,
    out: Output,
    io: IoCounters,
    poll: Poll,
    now: Instant,
    rtmp: SocketAddr,
}

impl Rig {
    fn new(worker: u8, limit: &TicketLimit<ConnectionId>) -> Self {
        let shard = Shard::new(
            ShardConfig {
                owner: Owner { node: 0, worker },
                certificate: Certificate::generate().unwrap(),
                local: vec!["127.0.0.1:7700".parse().unwrap()],
                advertise: Vec::new(),
                max_sessions: 9,
                max_connections: 99,
            },
            Instant::now(),
        );
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let rtmp = listener.local_addr().unwrap();
        let streams = Streams::new(worker.into(), Some(listener), limit.clone()).unwrap();
        let (out, io, poll) = (Output::new(), IoCounters::default(), Poll::new().unwrap());
        Self { streams, shard, out, io, poll, now: Instant::now(), rtmp }
    }

    /// Both sides of a call between Alice and Bob.
    fn call(&mut self) -> [StreamTickets; 2] {
        [(1, "alice", "bob"), (2, "bob", "alice")].map(|(session, user, other)| {
            let command = Command::OpenStreams {
                session: SessionId(session),
                room: RoomKey { app: SdkAppId::new(1).unwrap(), room: RoomId::new(1).unwrap() },
                user: UserId::new(user).unwrap(),
                label: "c1".into(),
                others: vec![UserId::new(other).unwrap()],
                gate_open: true,
                on: SourceSet::of(&[Source::Microphone, Source::Camera]),
            };
            self.shard.command(command, self.now, &mut self.out);
            match self.out.notices.pop() {
                Some(Notice::StreamsOpened { tickets, .. }) => tickets,
                other => panic!("{other:?}"),
            }
        })
    }

    fn world(&mut self) -> (&mut Streams, WorkerParts<'_>) {
        let (shard, out, io, now) = (&mut self.shard, &mut self.out, &mut self.io, self.now);
        (&mut self.streams, WorkerParts { shard, out, io, registry: self.poll.registry(), now })
    }

    /// What a worker does in a turn, after which pushers are read again. Gives the connections that go to another.
    fn turn(&mut self) -> Vec<(u8, ConnectionId, Moving)> {
        self.now += READ_PUSHERS_EVERY;
        let mut events = Events::with_capacity(64);
        self.poll.poll(&mut events, Some(Duration::from_millis(1))).unwrap();
        let (streams, mut w) = self.world();
        for event in &events {
            streams.event(event.token(), event.is_readable(), event.is_writable(), &mut w);
        }
        streams.may_accept();
        streams.receive(&mut w);
        self.shard.advance(self.now, &mut self.out);
        let (streams, mut w) = self.world();
        let moving = streams.settle(&mut w);
        self.out.clear();
        moving
    }

    fn turn_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < end, "{what}");
            assert!(self.turn().is_empty());
        }
    }

    /// A client with a small window that publishes or plays, and has said all of it.
    fn client(&mut self, command: &str, ticket: &StreamTicket) -> StdStream {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(2_304).unwrap();
        socket.connect(&self.rtmp.into()).unwrap();
        let mut client = StdStream::from(socket);
        let name = format!("c1?ticket={}", ticket.as_str());
        client.write_all(&phone_says::greeting(command, "call", &name)).unwrap();
        client.set_nonblocking(true).unwrap();
        client
    }

    fn admitted(&self) -> usize {
        self.streams.streams.keys().filter(|&&id| self.shard.is_admitted(id)).count()
    }
}

/// Reads what is there. `false`: the connection is closed.
fn drain(stream: &mut impl Read) -> bool {
    let mut buffer = [0; 65_536];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// A key frame of 20 KiB.
fn picture(timestamp: u32) -> Vec<u8> {
    let mut body = vec![0x17, 1, 0, 0, 0];
    body.resize(20 * 1024, 7);
    phone_says::media(false, timestamp, &body)
}

#[derive(Debug, Clone, Copy)]
enum Door {
    Rtmp,
    Flv,
}

/// The seconds that a player keeps its connection while key frames come all the time, at most two minutes.
fn kept(door: Door, reads: bool) -> u64 {
    let mut rig = Rig::new(0, &TicketLimit::new(9, 9));
    let [alice, bob] = rig.call();
    let mut pusher = rig.client("publish", &alice.push);
    rig.turn_until("the pusher is there", |rig| drain(&mut pusher) && rig.admitted() == 1);
    let ticket = &bob.play[0].1;
    let mut player: Box<dyn Read> = match door {
        Door::Rtmp => Box::new(rig.client("play", ticket)),
        Door::Flv => {
            let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
            near.set_nonblocking(true).unwrap();
            far.set_nonblocking(true).unwrap();
            let query = format!("ticket={}", ticket.as_str());
            let wanted =
                StreamRequest { direction: Direction::Play, app: String::new(), name: "c1".into(), query };
            let (streams, mut w) = rig.world();
            streams.play(UnixStream::from_std(near), wanted, &mut w);
            Box::new(far)
        }
    };
    rig.turn_until("the player is there", |rig| rig.admitted() == 2);
    pusher.set_nonblocking(false).unwrap();
    let start = rig.now;
    for frame in 0.. {
        pusher.write_all(&picture(frame * 100)).unwrap();
        rig.now += Duration::from_millis(100);
        rig.turn_until("the picture has come", |rig| rig.shard.take_counters().tags_in > 0);
        if reads {
            drain(&mut player);
        }
        let passed = (rig.now - start).as_secs();
        if rig.admitted() < 2 {
            assert_eq!(rig.streams.streams.len(), 1, "the pusher stays, and nothing is left of the player");
            return passed;
        }
        if passed >= TWO_MINUTES {
            break;
        }
    }
    TWO_MINUTES
}

#[test]
fn a_player_that_reads_nothing_is_closed_at_both_doors_and_one_that_reads_is_not() {
    for door in [Door::Rtmp, Door::Flv] {
        assert_eq!(kept(door, true), TWO_MINUTES);
        // The first seconds fill what the systems hold.
        let seconds = kept(door, false);
        assert!((45..70).contains(&seconds), "{door:?}: {seconds} s");
    }
}

#[test]
fn the_system_holds_little_for_a_connection_whose_peer_reads_nothing() {
    let held = |prepared: bool| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        client.set_recv_buffer_size(2_304).unwrap();
        client.connect(&listener.local_addr().unwrap().into()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream);
        if prepared {
            prepare(&stream);
        }
        let mut held = 0;
        let end = Instant::now() + Duration::from_millis(300);
        // The system may find room again for a moment.
        while Instant::now() < end {
            held += stream.write(&[7; 65_536]).unwrap_or_default();
        }
        held
    };
    let (with, without) = (held(true), held(false));
    assert!(with <= SEND_BUFFER, "{with} bytes are held, and {without} without a bound");
    assert!(without > 2 * SEND_BUFFER, "it is our bound that holds: {without}");
}

#[test]
fn whoever_lost_its_place_on_the_way_to_its_worker_is_closed_there() {
    let limit = TicketLimit::new(1, 1);
    for evicted in [true, false] {
        let (mut first, mut second) = (Rig::new(0, &limit), Rig::new(1, &limit));
        let [alice, _] = second.call();
        let mut mover = first.client("publish", &alice.push);
        let mut moving = Vec::new();
        while moving.is_empty() {
            moving = first.turn();
        }
        if evicted {
            let _newer = StdStream::connect(first.rtmp).unwrap();
            first.turn_until("a newer one has its place", |rig| rig.io.strangers_evicted == 1);
        }
        for (worker, id, moving) in moving {
            assert_eq!(worker, 1);
            let (streams, mut w) = second.world();
            streams.adopt(id, moving, &mut w);
        }
        assert_eq!(second.admitted(), usize::from(!evicted));
        second.turn();
        if evicted {
            mover.set_nonblocking(false).unwrap();
            let mut rest = Vec::new();
            let _ = mover.read_to_end(&mut rest);
            continue;
        }
        // Whoever has shown its ticket stays.
        let _newer = StdStream::connect(first.rtmp).unwrap();
        first.turn_until("a newer one is refused", |rig| rig.io.connections_refused == 1);
        second.turn();
        assert!(drain(&mut mover) && second.admitted() == 1);
    }
}
