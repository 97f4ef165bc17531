//! HTTPS and secure WebSockets, through a client that trusts the local CA and nothing else.

#![allow(clippy::unwrap_used, missing_docs, reason = "in a test a panic is the report")]

use crate::common::*;
use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;
use tring_server::Running;

/// An address that no machine of a test has: it stands for one more network of a laptop.
const ELSEWHERE: &str = "192.168.77.7";

fn trusting(ca_pem: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

fn local_ca(dir: &TempDir) -> TlsConnector {
    trusting(&std::fs::read(dir.path().join("ca/ca.crt")).unwrap())
}

async fn connect(
    server: &Running,
    trust: &TlsConnector,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.tls.unwrap()).await?;
    trust.connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

/// Status and body.
async fn get<S: AsyncReadExt + AsyncWriteExt + Unpin>(mut stream: S, path: &str) -> (u16, String) {
    let text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    // Without a close_notify: the length says what is whole.
    let _ = stream.read_to_end(&mut reply).await;
    let reply = String::from_utf8_lossy(&reply).into_owned();
    (reply.split(' ').nth(1).unwrap().parse().unwrap(), reply.split_once("\r\n\r\n").unwrap().1.to_owned())
}

async fn with_local_ca() -> Server {
    Server::start_with(|config| config.tls.local_ca = Some(true)).await
}

/// The server's certificate as a client sees it.
async fn shown(server: &Running, trust: &TlsConnector) -> CertificateDer<'static> {
    let stream = connect(server, trust, "localhost").await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn a_client_that_trusts_the_ca_gets_the_same_pages_and_signs_in() {
    let server = with_local_ca().await;
    let app = server.app("shop").await;
    let trust = local_ca(&server.dir);
    let stream = connect(&server.running, &trust, "localhost").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let (status, body) = get(stream, "/healthz").await;
    assert_eq!(status, 200);
    assert!(body.contains("\"status\":\"ok\""), "{body}");
    for name in ["127.0.0.1", "::1"] {
        connect(&server.running, &trust, name).await.unwrap();
    }

    let stream = connect(&server.running, &trust, "localhost").await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://localhost/v1/socket", stream).await.unwrap();
    socket.send(Message::text(login_text(&app, "a", &sign(&app, "a")))).await.unwrap();
    let welcome = tokio::time::timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
    assert!(welcome.to_text().unwrap().contains("ticket"), "{welcome:?}");
    let (status, _) = server.http("GET /healthz", "", "").await;
    assert_eq!(status, 200, "the plain port stays");
}

#[tokio::test]
async fn another_name_and_another_ca_are_refused_by_the_client() {
    let server = with_local_ca().await;
    let trust = local_ca(&server.dir);
    let error = connect(&server.running, &trust, "example.org").await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    let other = with_local_ca().await;
    let error = connect(&server.running, &local_ca(&other.dir), "localhost").await.unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    assert_eq!(get(connect(&server.running, &trust, "localhost").await.unwrap(), "/healthz").await.0, 200);
}

#[tokio::test]
async fn whoever_leaves_out_the_s_is_led_on() {
    let server = with_local_ca().await;
    let plain = TcpStream::connect(server.running.tls.unwrap()).await.unwrap();
    let (status, body) = get(plain, "/?phone=carol").await;
    assert_eq!(status, 307);
    assert_eq!(body, "this port speaks HTTPS: open https://localhost/?phone=carol\n");
    let mut bare = TcpStream::connect(server.running.tls.unwrap()).await.unwrap();
    bare.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut reply = String::new();
    bare.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.0 400") && reply.contains("https://"), "{reply}");
}

#[tokio::test]
async fn a_restart_keeps_the_certificate_and_a_new_address_is_taken_into_a_new_one_of_the_same_ca() {
    let dir = tempfile::tempdir().unwrap();
    let start = async |advertise: &[&str]| {
        let mut config = config(&dir);
        config.tls.local_ca = Some(true);
        config.media.advertise = advertise.iter().map(|a| (*a).to_owned()).collect();
        tring_server::start(config).await.unwrap()
    };
    let server = start(&[]).await;
    let trust = local_ca(&dir);
    let first = shown(&server, &trust).await;
    assert!(connect(&server, &trust, ELSEWHERE).await.is_err());
    server.stop().await;
    let server = start(&[]).await;
    assert_eq!(shown(&server, &trust).await, first, "nothing has changed");
    server.stop().await;
    let server = start(&[ELSEWHERE]).await;
    assert_ne!(shown(&server, &trust).await, first);
    connect(&server, &trust, ELSEWHERE).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn openssl_takes_the_chain_too() {
    let server = with_local_ca().await;
    let ca = server.dir.path().join("ca");
    let verify = |arguments: &[&str]| {
        let said = std::process::Command::new("openssl")
            .args(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"])
            .arg(ca.join("ca.crt"))
            .args(arguments)
            .arg(ca.join("server.crt"))
            .output()
            .expect("openssl is needed for this test: apt-get install openssl");
        (said.status.success(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    let (good, why) = verify(&["-verify_ip", "127.0.0.1", "-verify_hostname", "localhost"]);
    assert!(good, "{why}");
    let (good, why) = verify(&["-verify_ip", "198.51.100.9"]);
    assert!(!good && why.contains("IP address mismatch"), "{why}");
}

/// A certificate of a CA that is not this server's.
struct Public {
    ca_pem: String,
    ca: CertificateParams,
    ca_key: KeyPair,
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

impl Public {
    fn new() -> Self {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "an authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let ca_pem = pem("CERTIFICATE", ca.self_signed(&ca_key).unwrap().der());
        Self { ca_pem, ca, ca_key }
    }

    fn write(&self, dir: &Path, name: &str) -> Vec<u8> {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = params.signed_by(&key, &Issuer::from_params(&self.ca, &self.ca_key)).unwrap();
        std::fs::write(dir.join("tls.key"), pem("PRIVATE KEY", &key.serialize_der())).unwrap();
        std::fs::write(dir.join("tls.pem"), pem("CERTIFICATE", own.der()) + &self.ca_pem).unwrap();
        own.der().to_vec()
    }
}

fn with_files(config: &mut tring_server::Config, dir: &Path) {
    config.tls.cert = Some(dir.join("tls.pem"));
    config.tls.key = Some(dir.join("tls.key"));
}

#[tokio::test]
async fn renewed_files_are_taken_without_a_restart_and_broken_ones_are_not() {
    let files = tempfile::tempdir().unwrap();
    let public = Public::new();
    let trust = trusting(public.ca_pem.as_bytes());
    let first = public.write(files.path(), "localhost");
    let server = Server::start_with(|config| with_files(config, files.path())).await;
    let running = &server.running;
    assert_eq!(shown(running, &trust).await.as_ref(), first);
    let mut old = connect(running, &trust, "localhost").await.unwrap();

    std::fs::write(files.path().join("tls.key"), "half of a key").unwrap();
    running.look_at_certificate().await;
    assert_eq!(shown(running, &trust).await.as_ref(), first, "the old one stays");
    let second = public.write(files.path(), "localhost");
    running.look_at_certificate().await;
    assert_eq!(shown(running, &trust).await.as_ref(), second);
    old.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut reply = Vec::new();
    let _ = old.read_to_end(&mut reply).await;
    assert!(reply.starts_with(b"HTTP/1.1 200"), "who was connected stays connected");
    assert!(!server.dir.path().join("ca").exists(), "no local CA beside a real certificate");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_keeps_the_server_from_starting_and_says_why() {
    let files = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir);
    with_files(&mut config, files.path());
    let findings = tring_server::tls::check(&config);
    assert_eq!(findings.len(), 2, "{findings:?}");
    let error = tring_server::start(config.clone()).await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("tls.pem") && error.contains("tls.key") && error.lines().count() == 1, "{error}");
    Public::new().write(files.path(), "localhost");
    assert!(
        tring_server::tls::check(&config)
            .iter()
            .all(|f| f.severity() == tring_server::tls::Severity::Warning)
    );
    tring_server::start(config).await.unwrap().stop().await;
}

#[tokio::test]
async fn the_install_page_gives_the_ca_over_both_ports_and_is_absent_without_one() {
    let server = with_local_ca().await;
    let (status, facts) = server.http("GET /install/facts.json", "", "").await;
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    assert_eq!(status, 200);
    assert_eq!(facts["httpsPort"], server.running.tls.unwrap().port());
    let trust = local_ca(&server.dir);
    let stream = connect(&server.running, &trust, "localhost").await.unwrap();
    let (_, secure) = get(stream, "/install/facts.json").await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&secure).unwrap(), facts);

    let mut stream = TcpStream::connect(server.running.address).await.unwrap();
    let text = b"GET /install/tring-ca.crt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(text).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    let at = reply.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&reply[..at]).to_lowercase();
    assert!(head.contains("content-type: application/x-x509-ca-cert"), "{head}");
    let ca =
        CertificateDer::from_pem_slice(&std::fs::read(server.dir.path().join("ca/ca.crt")).unwrap()).unwrap();
    assert_eq!(&reply[at + 4..], ca.as_ref());
    let (status, profile) = server.http("GET /install/tring-ca.mobileconfig", "", "").await;
    assert!(status == 200 && profile.contains("com.apple.security.root"), "{profile}");

    let plain = Server::start().await;
    assert_eq!(plain.running.tls, None);
    assert_eq!(plain.http("GET /install/tring-ca.crt", "", "").await.0, 404);
}

#[tokio::test]
async fn two_servers_that_want_one_port_are_told_apart() {
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir);
    config.tls.local_ca = Some(true);
    config.tls.listen = Some(taken.local_addr().unwrap());
    let error = tring_server::start(config).await.map(|_| ()).unwrap_err().to_string();
    assert!(
        error.contains("--tls-listen") && error.contains(&taken.local_addr().unwrap().to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn connections_of_both_ports_share_one_bound_and_a_handshake_counts() {
    let server = Server::start_with(|config| {
        config.tls.local_ca = Some(true);
        config.limits.max_connections = 2;
    })
    .await;
    let (plain, secure): (SocketAddr, SocketAddr) = (server.running.address, server.running.tls.unwrap());
    // Neither says a word: one before its handshake, one in the midst of it.
    let mut first = TcpStream::connect(secure).await.unwrap();
    let mut second = TcpStream::connect(secure).await.unwrap();
    second.write_all(&[0x16, 3, 1]).await.unwrap();
    for address in [plain, secure] {
        let mut third = TcpStream::connect(address).await.unwrap();
        let mut rest = [Vec::new(), Vec::new(), Vec::new()];
        let [a, b, c] = &mut rest;
        // The third, unless the others have been silent for so long that the first makes way for it.
        let closed = tokio::time::timeout(SOON / 2, async {
            tokio::select! {
                end = third.read_to_end(a) => end,
                end = first.read_to_end(b) => end,
                end = second.read_to_end(c) => end,
            }
        });
        let closed = closed.await.expect("closed");
        assert!(closed.is_err() || rest.iter().all(Vec::is_empty), "closed without a word");
    }
    drop((first, second));
    let back = async {
        loop {
            // The places may not be given back yet.
            if let Ok(stream) = connect(&server.running, &local_ca(&server.dir), "localhost").await {
                return get(stream, "/healthz").await.0;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(tokio::time::timeout(SOON, back).await.expect("the places are free again"), 200);
}
