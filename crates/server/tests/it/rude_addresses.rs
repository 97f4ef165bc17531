//! Two addresses that take whatever they can get, at each door, and a third that is served nevertheless.

#![allow(clippy::unwrap_used, missing_docs, reason = "in a test a panic is the report")]

use crate::common::netns::{CLIENTS, SERVER, inside};
use crate::common::*;
use futures_util::{SinkExt, StreamExt};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tring_protocol::Request;
use tring_server::Config;
use tring_testkit::test_name;

/// Well below each time limit of the server, so that whoever is served by then was given a place that somebody else had.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Connections that each of the two tries to hold. The server has fewer places.
const EACH: usize = 60;

/// Places of a server under test.
const PLACES: usize = 100;

/// The smallest receive buffer that Linux gives.
const TINY: u32 = 2304;

async fn server(change: impl FnOnce(&mut Config)) -> Server {
    Server::start_with(|config| {
        config.listen = SocketAddr::new(SERVER.into(), 0);
        config.media.bind = SERVER.into();
        change(config);
    })
    .await
}

async fn dial(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(TINY)?;
    socket.bind(SocketAddr::new(from.into(), 0))?;
    socket.connect(to).await
}

/// Sends request upon request for as long as the server takes them, and reads nothing. None if the server has closed.
async fn pipeline<S: AsyncWrite + Unpin>(mut stream: S) -> Option<S> {
    let request = b"GET /nothing-here HTTP/1.1\r\nHost: x\r\n\r\n".repeat(300);
    loop {
        // Once its answers pile up, the server takes no more requests.
        match tokio::time::timeout(Duration::from_millis(200), stream.write_all(&request)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return None,
            Err(_) => return Some(stream),
        }
    }
}

/// That the two hold what there is, and are there still.
fn hold_all<S>(held: &[Option<S>]) {
    let count = held.iter().flatten().count();
    // The third's own, from before, may be in its last moment.
    assert!((PLACES - 2..2 * EACH).contains(&count), "{count} connections are held");
}

/// The status of one request.
async fn get<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> Option<u16> {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.ok()?;
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    String::from_utf8_lossy(&reply).split(' ').nth(1)?.parse().ok()
}

fn trusting(server: &Server) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let ca = std::fs::read(server.dir.path().join("ca/ca.crt")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&ca).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn web_socket(from: Ipv4Addr, server: &Server) -> Result<WebSocketStream<TcpStream>, String> {
    let stream = dial(from, server.running.address).await.map_err(|e| e.to_string())?;
    let (socket, _) =
        tokio_tungstenite::client_async(server.url(), stream).await.map_err(|e| e.to_string())?;
    Ok(socket)
}

async fn at_once<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(AT_ONCE, what).await.expect("served at once")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_addresses_that_do_not_read_leave_a_third_its_http() {
    if !inside(test_name!(two_addresses_that_do_not_read_leave_a_third_its_http)) {
        return;
    }
    let server = server(|c| c.limits.max_connections = PLACES).await;
    let to = server.running.address;
    let third = async || get(dial(CLIENTS[2], to).await.unwrap()).await;
    assert_eq!(at_once(third()).await, Some(200), "before");
    let rude = [CLIENTS[0], CLIENTS[1]].into_iter().flat_map(|from| [from; EACH]);
    let rude = rude.map(async |from| pipeline(dial(from, to).await.unwrap()).await);
    let held = futures_util::future::join_all(rude).await;
    hold_all(&held);
    for _ in 0..20 {
        assert_eq!(at_once(third()).await, Some(200), "and whenever it comes");
    }
    let socket = web_socket(CLIENTS[2], &server);
    assert!(at_once(socket).await.is_ok(), "a WebSocket begins as HTTP");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_addresses_that_do_not_read_leave_a_third_its_https() {
    if !inside(test_name!(two_addresses_that_do_not_read_leave_a_third_its_https)) {
        return;
    }
    let server = server(|c| {
        c.limits.max_connections = PLACES;
        c.tls.local_ca = Some(true);
    })
    .await;
    let (to, trust) = (server.running.tls.unwrap(), trusting(&server));
    let secure = async |from| {
        let name = ServerName::try_from(SERVER.to_string()).unwrap();
        trust.connect(name, dial(from, to).await?).await
    };
    let third = async || get(secure(CLIENTS[2]).await.ok()?).await;
    assert_eq!(at_once(third()).await, Some(200), "before");
    let rude = [CLIENTS[0], CLIENTS[1]].into_iter().flat_map(|from| [from; EACH]);
    let rude = rude.map(async |from| pipeline(secure(from).await.ok()?).await);
    let held = futures_util::future::join_all(rude).await;
    hold_all(&held);
    for _ in 0..20 {
        assert_eq!(at_once(third()).await, Some(200), "and whenever it comes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_addresses_that_never_sign_in_leave_a_third_its_sign_in_and_its_session() {
    if !inside(test_name!(two_addresses_that_never_sign_in_leave_a_third_its_sign_in_and_its_session)) {
        return;
    }
    let server = server(|c| c.limits.max_pending_sockets = PLACES).await;
    let app = server.app("app").await;
    let mut before = server.device(&app, "before").await;
    let rude = [CLIENTS[0], CLIENTS[1]].into_iter().flat_map(|from| [from; 5 * EACH]);
    // They say something, and do not read what is said to them.
    let rude = rude.map(async |from| {
        let mut socket = web_socket(from, &server).await.ok()?;
        socket.send(Message::text(r#"{"id":1,"type":"ping","ack":0}"#)).await.ok()?;
        Some(socket)
    });
    let held = futures_util::future::join_all(rude).await;
    assert!(held.iter().flatten().count() >= PLACES - 2, "all places would be taken");
    before.ask(Request::Ping { ack: 0 }).await.expect("who has signed in is not touched");
    at_once(before.resume(&server)).await.expect("a session is taken up again");
    let mut socket = at_once(web_socket(CLIENTS[2], &server)).await.expect("a third is let in");
    socket.send(Message::text(login_text(&app, "third", &sign(&app, "third")))).await.unwrap();
    let answer = at_once(socket.next()).await.unwrap().unwrap().into_text().unwrap();
    assert!(answer.contains("ticket"), "{answer}");
}
