//! The whole server, where a test must reach into it.

use super::*;
use crate::signalling::messages::In;
use futures_util::{SinkExt, StreamExt};
use std::net::Ipv4Addr;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tring_store::App;

/// Longest wait for something that must come.
const SOON: Duration = Duration::from_secs(10);

/// The bounds of a server, but for the time that a head may take.
fn head_within(ms: u64) -> Bounds {
    Bounds { head_within: Duration::from_millis(ms), ..Bounds::default() }
}

struct Server {
    running: Running,
    app: App,
    _dir: TempDir,
}

async fn server(clock: Clock, bounds: Bounds, change: impl FnOnce(&mut Config)) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config { data: dir.path().to_owned(), ..Config::default() };
    config.listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    config.media.bind = Ipv4Addr::LOCALHOST.into();
    (config.media.udp_port, config.media.workers) = (0, 1);
    config.rtmp.listen.set_port(0);
    change(&mut config);
    let store = Store::open(dir.path()).await.unwrap();
    let app = store.create_app("app").await.unwrap().app;
    let running = start_at(config, clock, bounds).await.unwrap();
    Server { running, app, _dir: dir }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.running.address).await.unwrap()
    }

    /// The status of a plain request.
    async fn get(&self, path: &str) -> u16 {
        let mut stream = self.connect().await;
        let text = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        reply.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn login(&self, at_s: u64) -> String {
        let sig = tring_usersig::sign(&self.app.key, self.app.id.get(), "a", SOON * 60, at_s).unwrap();
        serde_json::json!({
            "id": 1, "type": "login", "protocol": 1, "sdkAppID": self.app.id, "userID": "a", "userSig": sig,
            "device": { "kind": "native" },
        })
        .to_string()
    }

    /// What the server says to a sign-in with a UserSig made at this time of day.
    async fn sign_in(&self, at_s: u64) -> String {
        let url = format!("ws://{}/v1/socket", self.running.address);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        socket.send(Message::text(self.login(at_s))).await.unwrap();
        let answer = tokio::time::timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
        answer.into_text().unwrap().to_string()
    }
}

/// Reads to the end, which must come soon.
async fn is_closed(mut stream: TcpStream) -> String {
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ =
        tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await.expect("the connection is closed");
    String::from_utf8_lossy(&rest).into_owned()
}

#[tokio::test]
async fn a_user_sig_is_held_against_the_time_of_day_also_after_the_machine_slept() {
    let server = server(Clock::behind(Duration::from_secs(3 * 3600)), Bounds::default(), |_| ()).await;
    let now = crate::clock::wall().as_secs();
    let fresh = server.sign_in(now).await;
    assert!(fresh.contains("ticket"), "{fresh}");
    let expired = server.sign_in(now - 3600).await;
    assert!(expired.contains("sig_expired"), "{expired}");
}

#[tokio::test]
async fn a_server_without_its_switchboard_says_so_and_ends() {
    let mut server = server(Clock::start(), Bounds::default(), |_| ()).await;
    assert_eq!(server.get("/healthz").await, 200);
    server.running.switchboard.send(In::Panic).await.unwrap();
    let error = tokio::time::timeout(SOON, server.running.failed()).await.expect("the failure is noticed");
    assert!(matches!(error, RunError::Failed { part: "switchboard" }), "{error}");
    assert_eq!(server.get("/healthz").await, 503);
    tokio::time::timeout(SOON, server.running.stop()).await.expect("it can still be stopped");
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_closed() {
    let server = server(Clock::start(), head_within(200), |_| ()).await;
    let silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost:").await.unwrap();
    let mut idle = server.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    is_closed(silent).await;
    is_closed(slow).await;
    assert!(is_closed(idle).await.contains("200 OK"), "between two requests too");
    let answer = server.sign_in(crate::clock::wall().as_secs()).await;
    assert!(answer.contains("ticket"), "{answer}");
}

#[tokio::test]
async fn a_tls_handshake_that_does_not_end_is_closed() {
    let server = server(Clock::start(), head_within(200), |c| c.tls.local_ca = Some(true)).await;
    let address = server.running.tls.unwrap();
    let silent = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    // The head of a handshake record, and a promise of 512 bytes.
    slow.write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(is_closed(silent).await, "");
    assert_eq!(is_closed(slow).await, "");
    is_closed(plain).await;
    assert_eq!(server.get("/healthz").await, 200);
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = server(Clock::start(), Bounds::default(), |_| ()).await;
    let mut stream = server.connect().await;
    let _ = stream.write_all(format!("GET /{} HTTP/1.1\r\n", "x".repeat(100_000)).as_bytes()).await;
    is_closed(stream).await;
    assert_eq!(server.get("/healthz").await, 200);
}

#[tokio::test]
async fn connections_have_a_bound_and_websockets_are_not_counted_among_them() {
    let server = server(Clock::start(), head_within(60_000), |c| c.limits.max_connections = 2).await;
    let url = format!("ws://{}/v1/socket", server.running.address);
    let socket = async || loop {
        // The one before may not have given back its place yet.
        if let Ok((socket, _)) = tokio_tungstenite::connect_async(&url).await {
            return socket;
        }
    };
    let mut sockets = Vec::new();
    for _ in 0..4 {
        sockets.push(tokio::time::timeout(SOON, socket()).await.expect("a connection became a socket"));
    }
    let mut silent = futures_util::stream::FuturesUnordered::new();
    for _ in 0..20 {
        silent.push(is_closed(server.connect().await));
    }
    for _ in 0..18 {
        assert_eq!(silent.next().await.as_deref(), Some(""), "closed without a word");
    }
    drop(silent);
    tokio::time::timeout(SOON, socket()).await.expect("the places are free again");
}

#[test]
fn one_address_has_its_share_of_the_rtmp_connections() {
    let mut config = Config::default();
    (config.limits.max_rtmp_connections, config.limits.address_share) = (300, 0.25);
    let media = media_config(&config);
    assert_eq!((media.rtmp_connections, media.rtmp_connections_of_address), (300, 75));
    assert_eq!(media.flv_players, config.limits.max_connections);
}

#[tokio::test]
async fn a_stop_ends_after_the_last_socket_has_closed() {
    let server = server(Clock::start(), Bounds::default(), |_| ()).await;
    let url = format!("ws://{}/v1/socket", server.running.address);
    let (mut signed_in, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let login = server.login(crate::clock::wall().as_secs());
    signed_in.send(Message::text(login)).await.unwrap();
    assert!(signed_in.next().await.unwrap().unwrap().into_text().unwrap().contains("ticket"));
    let _silent = tokio_tungstenite::connect_async(&url).await.unwrap();
    let (sockets, all) = (server.running.sockets.clone(), ALL_SOCKETS as usize);
    assert_eq!(sockets.available_permits(), all - 2);
    // Neither answers the close: each is waited for, and not for ever.
    tokio::time::timeout(SOON, server.running.stop()).await.expect("the stop is bounded");
    assert_eq!(sockets.available_permits(), all);
}
