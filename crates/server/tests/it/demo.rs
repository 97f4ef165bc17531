//! The demo's open signer: for pages of this server alone, and so often for each address.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// Asks from an address of this machine with this `Host`. Gives the status and the body.
async fn ask(server: &Server, from: Ipv4Addr, request: &str, host: &str) -> (u16, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.into(), 0)).unwrap();
    let mut stream = socket.connect(server.running.address).await.unwrap();
    let body = if request.starts_with("POST") { r#"{"userID":"alice"}"# } else { "" };
    let length = body.len();
    let text =
        format!("{request} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let status = reply.split(' ').nth(1).unwrap().parse().unwrap();
    (status, reply.split_once("\r\n\r\n").unwrap().1.to_owned())
}

const DOORS: [&str; 2] = ["POST /demo/usersig", "GET /demo/config.json"];

#[tokio::test]
async fn a_page_of_another_name_that_points_here_gets_nothing_and_is_told_what_to_do() {
    let server = Server::start_with(|c| {
        c.demo = true;
        c.rtmp.advertise = Some("demo.example.org:2935".into());
    })
    .await;
    let from = Ipv4Addr::LOCALHOST;
    let port = server.running.address.port();
    for request in DOORS {
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "a b", ""] {
            let (status, body) = ask(&server, from, request, &format!("Host: {host}:{port}\r\n")).await;
            assert_eq!(status, 403, "{request} {host}: {body}");
            assert!(body.contains("host_unknown") && body.contains("open it as localhost"), "{body}");
        }
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "192.0.2.7", "demo.example.org"] {
            let (status, body) = ask(&server, from, request, &format!("Host: {host}:{port}\r\n")).await;
            assert_eq!(status, 200, "{request} {host}: {body}");
        }
    }
    // The page itself may be looked at by any name: it gives nothing away.
    let (status, _) = ask(&server, from, "GET /healthz", "Host: evil.example\r\n").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn one_neighbour_does_not_use_up_what_the_demo_may_sign() {
    let server = Server::start_with(|c| c.demo = true).await;
    let (neighbour, own) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST);
    for request in DOORS {
        let mut refused = None;
        for _ in 0..100 {
            let (status, body) = ask(&server, neighbour, request, "Host: localhost\r\n").await;
            match status {
                200 => {}
                _ => refused = Some((status, body)),
            }
        }
        let (status, body) = refused.expect("a hundred are too many");
        assert_eq!(status, 429, "{body}");
        assert!(body.contains("from this address"), "{body}");
        for _ in 0..10 {
            let (status, body) = ask(&server, own, request, "Host: localhost\r\n").await;
            assert_eq!(status, 200, "another address has its own: {body}");
        }
    }
}
