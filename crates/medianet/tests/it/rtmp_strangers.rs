//! Strangers at the RTMP port: what they hold, for how long, and who is taken when nothing is left.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::process::{listen, marked_lines, say};
use crate::common::{PATIENCE, Server, room};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tring_media::{Notice, SessionId, Source, SourceSet, StreamTicket, StreamTickets, UserId, phone_says};
use tring_medianet::Config;
use tring_testkit::namespace;
use tring_testkit::process::{again, role};
use tring_testkit::test_name;

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Longest wait for an answer: less than a stranger may stay.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// A ping request of RTMP, as a whole chunk: user control (RTMP 1.0 §5.4, §7.1.7), chunk stream 2.
const PING: [u8; 18] = [2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1];

/// What answers it: the same, of type 7.
const PONG: [u8; 6] = [0, 7, 0, 0, 0, 1];

/// Files that the server of one test may have open, and connections that ask for one.
const FILES: usize = 256;
const IDLE: usize = 300;

/// An address of the network that a test has for itself.
fn host(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

/// Whether the test runs where the first hosts are addresses of its machine: on 127.0.0.0/8 nobody has a share.
fn inside(test: &str) -> bool {
    let inside = namespace::inside(test);
    if inside {
        namespace::loopback((1..=5).map(host));
    }
    inside
}

fn server(rtmp: IpAddr, places: usize, of_address: usize) -> (Server, SocketAddr) {
    let server = Server::start(Config {
        bind: LOOPBACK,
        udp_port: 0,
        workers: 2,
        rtmp: Some(SocketAddr::new(rtmp, 0)),
        rtmp_connections: places,
        rtmp_connections_of_address: of_address,
        ..Config::default()
    });
    let rtmp = server.net.rtmp_address().unwrap();
    (server, rtmp)
}

/// The tickets of Alice's and of Bob's phone in a call.
fn call(server: &Server) -> [StreamTickets; 2] {
    [(1, "alice", "bob"), (2, "bob", "alice")].map(|(session, user, other)| {
        let session = SessionId(session);
        server.net.send(tring_media::Command::OpenStreams {
            session,
            room: room(1),
            user: UserId::new(user).unwrap(),
            label: "c1".into(),
            others: vec![UserId::new(other).unwrap()],
            gate_open: true,
            on: SourceSet::of(&[Source::Microphone, Source::Camera]),
        });
        match server.wait(|n| matches!(n, Notice::StreamsOpened { session: s, .. } if *s == session)) {
            Notice::StreamsOpened { tickets, .. } => tickets,
            other => panic!("{other:?}"),
        }
    })
}

/// A connection from an address of this machine, with a small window.
fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2_304).unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(ANSWERED_WITHIN)).unwrap();
    stream
}

fn greeting(command: &str, ticket: &StreamTicket) -> Vec<u8> {
    phone_says::greeting(command, "call", &format!("c1?ticket={}", ticket.as_str()))
}

/// The handshake alone.
fn handshake() -> Vec<u8> {
    phone_says::greeting("play", "call", "c1")[..1 + 2 * 1536].to_vec()
}

/// Reads until these bytes have come. `false`: they do not come.
fn hears(stream: &mut TcpStream, wanted: &[u8]) -> bool {
    let (mut heard, mut buffer) = (Vec::new(), [0; 4_096]);
    while !heard.windows(wanted.len()).any(|w| w == wanted) {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => heard.extend_from_slice(&buffer[..n]),
            _ => return false,
        }
    }
    true
}

fn is_answered(stream: &mut TcpStream) -> bool {
    stream.write_all(&PING).is_ok() && hears(stream, &PONG)
}

#[test]
fn two_addresses_that_hold_all_places_keep_no_third_out() {
    if !inside(test_name!(two_addresses_that_hold_all_places_keep_no_third_out)) {
        return;
    }
    let (server, rtmp) = server(host(1), 100, 50);
    let [alice, bob] = call(&server);
    let mut pusher = connect(host(5), rtmp);
    pusher.write_all(&greeting("publish", &alice.push)).unwrap();
    assert!(hears(&mut pusher, b"NetStream.Publish.Start"));
    // They ask, and never read the answers.
    let ask = [handshake(), PING.repeat(150)].concat();
    let rude: Vec<TcpStream> = (0..120)
        .map(|n| {
            let mut stream = connect(host(2 + n / 60), rtmp);
            // It may have had to go already.
            let _ = stream.write_all(&ask);
            stream
        })
        .collect();
    let end = Instant::now() + PATIENCE;
    // Of 100 places the pusher has one.
    while server.net.stats().io.strangers_evicted < 120 - 99 {
        assert!(Instant::now() < end, "more are connected than there are places");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut player = connect(host(4), rtmp);
    player.write_all(&greeting("play", &bob.play[0].1)).unwrap();
    assert!(hears(&mut player, b"NetStream.Play.Start"), "a third address is served");
    assert!(is_answered(&mut pusher) && is_answered(&mut player), "whoever has a ticket stays");
    let (_, refused) = (rude, server.net.stats().io.connections_refused);
    assert_eq!(refused, 0, "whoever comes is heard");
    server.net.shutdown();
}

#[test]
fn a_stranger_that_pings_is_closed_and_a_publisher_that_does_is_not() {
    let (server, rtmp) = server(LOOPBACK, 100, 100);
    let [alice, _] = call(&server);
    let (mut stranger, mut pusher) = (connect(LOOPBACK, rtmp), connect(LOOPBACK, rtmp));
    stranger.write_all(&handshake()).unwrap();
    pusher.write_all(&greeting("publish", &alice.push)).unwrap();
    assert!(hears(&mut pusher, b"NetStream.Publish.Start"));
    assert!(is_answered(&mut stranger), "both are answered");
    let end = Instant::now() + PATIENCE;
    while is_answered(&mut stranger) {
        assert!(Instant::now() < end, "its deadline does not pass");
        assert!(is_answered(&mut pusher));
        std::thread::sleep(Duration::from_millis(500));
    }
    let end = stranger.read(&mut [0; 9]);
    assert!(
        !matches!(&end, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
        "it is closed: {end:?}"
    );
    assert!(is_answered(&mut pusher), "who has its ticket stays");
    server.net.shutdown();
}

#[test]
fn who_waited_for_a_file_is_taken_when_there_are_some_again() {
    if role().is_some() {
        return serve_with_few_files();
    }
    let script = format!("ulimit -n {FILES} && exec \"$0\" \"$@\"");
    let test = test_name!(who_waited_for_a_file_is_taken_when_there_are_some_again);
    let mut command = again(&["sh", "-c", &script], test, "server");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut tell = child.stdin.take().unwrap();
    let lines = marked_lines(child.stdout.take().unwrap());
    let hear = || lines.recv_timeout(PATIENCE).expect("the server's next line");
    assert_eq!(hear(), "here");
    writeln!(tell, "go").unwrap();
    let rtmp: SocketAddr = hear().parse().unwrap();
    let idle: Vec<TcpStream> = (0..IDLE).map(|_| connect(LOOPBACK, rtmp)).collect();
    assert_eq!(hear(), "full");
    let mut waiting = connect(LOOPBACK, rtmp);
    waiting.write_all(&handshake()).unwrap();
    drop(idle);
    assert!(hears(&mut waiting, &[3]), "its turn comes, although nobody comes after it");
    assert!(is_answered(&mut waiting));
    writeln!(tell, "freed").unwrap();
    assert_eq!(hear(), "played");
    drop(tell);
    assert!(child.wait().unwrap().success());
}

/// The server of that test.
fn serve_with_few_files() {
    assert_eq!(listen(), "go");
    let (server, rtmp) = server(LOOPBACK, 1_000, 1_000);
    say(&rtmp.to_string());
    let end = Instant::now() + PATIENCE;
    while server.net.stats().io.accept_failures == 0 {
        assert!(Instant::now() < end, "the files do not run out");
        std::thread::sleep(Duration::from_millis(20));
    }
    // FLV needs a pair of sockets: it is refused, and works again later.
    let ticket = StreamTicket::parse(&"0".repeat(32)).unwrap();
    assert!(server.net.play("c1".into(), &ticket).is_err(), "there are files for FLV");
    say("full");
    assert_eq!(listen(), "freed");
    assert!(server.net.play("c1".into(), &ticket).is_ok(), "there are no files for FLV");
    say("played");
    listen();
    server.net.shutdown();
}
