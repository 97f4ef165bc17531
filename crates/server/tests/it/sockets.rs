//! What a hostile or broken client can do at the WebSocket, and what it is told.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tring_protocol::*;

async fn refusal(server: &Server, text: String) -> ErrorCode {
    let mut socket = server.socket().await;
    socket.send(Message::text(text)).await.unwrap();
    answer(&mut socket).await.unwrap_err().code
}

#[tokio::test]
async fn each_bad_sign_in_has_its_own_error() {
    let server = Server::start().await;
    let (ours, other) = (server.app("ours").await, server.app("other").await);
    let sig = |key: &tring_usersig::Key, app: u32, user: &str, life: u64, at: u64| {
        tring_usersig::sign(key, app, user, Duration::from_secs(life), at).unwrap()
    };
    let app = ours.id.get();
    let now = now_s();
    for (user, text, code) in [
        ("a", "not a signature".to_owned(), ErrorCode::SigMalformed),
        ("a", String::new(), ErrorCode::SigMalformed),
        ("a", sig(&other.key, other.id.get(), "a", 60, now), ErrorCode::SigWrongApp),
        ("a", sig(&ours.key, app, "b", 60, now), ErrorCode::SigWrongUser),
        ("a", sig(&other.key, app, "a", 60, now), ErrorCode::SigBad),
        ("a", sig(&ours.key, app, "a", 60, now - 3600), ErrorCode::SigExpired),
        ("a", sig(&ours.key, app, "a", 60, now + 3600), ErrorCode::SigNotYetValid),
        ("", sign(&ours, "a"), ErrorCode::UserIdInvalid),
        ("0", sign(&ours, "0"), ErrorCode::UserIdInvalid),
        ("undefined", sign(&ours, "undefined"), ErrorCode::UserIdInvalid),
    ] {
        assert_eq!(refusal(&server, login_text(&ours, user, &text)).await, code, "{user:?} {text}");
    }
    let unknown = login_text(&ours, "a", &sign(&ours, "a")).replace(&app.to_string(), "77");
    assert_eq!(refusal(&server, unknown).await, ErrorCode::AppUnknown);
    let future = login_text(&ours, "a", &sign(&ours, "a")).replace("\"protocol\":1", "\"protocol\":9");
    assert_eq!(refusal(&server, future).await, ErrorCode::ProtocolVersion);
    server.device(&ours, "a").await;
}

#[tokio::test]
async fn nothing_but_signing_in_works_before_signing_in() {
    let server = Server::start().await;
    let call = call_to("b", MediaType::Audio);
    for request in [call, Request::Logout {}, Request::Ping { ack: 0 }] {
        let text = serde_json::to_string(&ClientMessage { id: 1, request }).unwrap();
        assert_eq!(refusal(&server, text).await, ErrorCode::LoginRequired);
    }
    let stolen = r#"{"id":1,"type":"resume","protocol":1,"ticket":"00","lastSeq":0}"#;
    assert_eq!(refusal(&server, stolen.into()).await, ErrorCode::TicketInvalid);
}

#[tokio::test]
async fn an_oversized_or_binary_frame_costs_only_its_socket() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let mut neighbour = server.device(&app, "n").await;
    for message in [Message::text("x".repeat(200_000)), Message::binary(vec![1, 2, 3])] {
        let mut device = server.device(&app, "a").await;
        let _ = device.socket.send(message).await;
        let ended = tokio::time::timeout(SOON, async {
            while let Some(Ok(message)) = device.socket.next().await {
                if message.is_close() {
                    return;
                }
            }
        });
        ended.await.expect("the socket is closed");
        device.resume(&server).await.expect("the session is not");
    }
    neighbour.ask(Request::Ping { ack: 0 }).await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_too_large_is_answered_under_its_id_and_the_socket_goes_on() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let mut device = server.device(&app, "a").await;
    let offer = "x".repeat(limits::MAX_MESSAGE_BYTES + 1);
    let call_id = CallId::new("c").unwrap();
    let refused = device.ask(Request::Transport { call_id, offer: offer.clone() }).await.unwrap_err();
    assert_eq!((refused.code, refused.retry), (ErrorCode::TooLarge, false), "and must not be sent again");
    device.socket.send(Message::text(offer)).await.unwrap();
    assert_eq!(device.answer_to(0).await.unwrap_err().code, ErrorCode::TooLarge, "no id could be read");
    device.ask(Request::Ping { ack: 0 }).await.unwrap();
}

#[tokio::test]
async fn pings_of_the_websocket_count_as_messages() {
    let server = Server::start_with(|c| {
        c.limits.messages_burst = 5.0;
        c.limits.messages_per_second = 1.0;
    })
    .await;
    let app = server.app("app").await;
    let mut device = server.device(&app, "a").await;
    let mut pongs = 0;
    let closed = tokio::time::timeout(SOON, async {
        loop {
            let _ = device.socket.send(Message::Ping("".into())).await;
            match device.socket.next().await {
                Some(Ok(Message::Pong(_))) => pongs += 1,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            }
        }
    });
    closed.await.expect("a flood of pings closes its socket");
    assert!(pongs < 200, "{pongs}");
    server.device(&app, "b").await.ask(Request::Ping { ack: 0 }).await.unwrap();
}

#[tokio::test]
async fn a_reconnect_storm_finds_every_session_as_it_was() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    let call = a.call("b", MediaType::Audio).await;
    b.ring().await;
    let mut devices = Vec::new();
    for n in 0..60 {
        devices.push(server.device(&app, &format!("u{n}")).await);
    }
    for _ in 0..3 {
        let storm = devices.iter_mut().map(|device| device.resume(&server));
        for back in futures_util::future::join_all(storm).await {
            back.unwrap();
        }
    }
    for device in &mut devices {
        device.ask(Request::Ping { ack: 0 }).await.unwrap();
    }
    b.ask(Request::Accept { call_id: call }).await.unwrap();
    assert!(matches!(a.event().await, Event::Ringing { .. }));
    assert!(matches!(a.event().await, Event::Accepted { .. }));
}

#[tokio::test]
async fn too_many_messages_are_refused_and_then_cut_off() {
    let server = Server::start_with(|c| {
        c.limits.messages_burst = 5.0;
        c.limits.messages_per_second = 1.0;
    })
    .await;
    let app = server.app("app").await;
    let mut device = server.device(&app, "a").await;
    let mut refused = 0;
    let closed = tokio::time::timeout(SOON, async {
        loop {
            // One at a time: a closed socket with unread frames would be reset, and its last answers lost.
            let _ = device.socket.send(Message::text(r#"{"id":2,"type":"ping","ack":0}"#)).await;
            match device.socket.next().await {
                Some(Ok(Message::Text(text))) => refused += u32::from(text.contains("too_many")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            }
        }
    });
    closed.await.expect("a flood closes its socket");
    assert_eq!(refused, 100);
    server.device(&app, "b").await.ask(Request::Ping { ack: 0 }).await.unwrap();
}

#[tokio::test]
async fn a_socket_that_never_signs_in_or_falls_silent_is_closed() {
    let server = Server::start_with(|c| c.limits.heartbeat_s = 5).await;
    let app = server.app("app").await;
    let mut device = server.device(&app, "a").await;
    let silent = async { while let Some(Ok(_)) = device.socket.next().await {} };
    tokio::time::timeout(Duration::from_secs(20), silent)
        .await
        .expect("closed after two and a half heartbeats");
    device.resume(&server).await.expect("the session is kept");
}

#[tokio::test]
async fn unknown_and_malformed_messages_are_answered_and_the_socket_goes_on() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let mut device = server.device(&app, "a").await;
    for (text, code) in [
        ("{", ErrorCode::Malformed),
        (r#"{"id":50,"type":"teleport"}"#, ErrorCode::UnknownType),
        (r#"{"id":50,"type":"call","to":"b"}"#, ErrorCode::CalleesInvalid),
        (r#"{"id":51,"type":"call","to":["b"],"media":3}"#, ErrorCode::CallOptions),
        (r#"{"id":52,"type":"call","to":["a"],"media":"audio"}"#, ErrorCode::CallSelf),
        (r#"{"id":53,"type":"call","to":[],"media":"audio"}"#, ErrorCode::CalleesInvalid),
        (r#"{"id":54,"type":"call","to":["b","b"],"media":"audio"}"#, ErrorCode::CalleesInvalid),
        (r#"{"id":55,"type":"call","to":["b"],"media":"audio","timeoutS":1}"#, ErrorCode::CallOptions),
        (r#"{"id":56,"type":"accept","callID":"nope"}"#, ErrorCode::CallUnknown),
    ] {
        device.socket.send(Message::text(text)).await.unwrap();
        assert_eq!(answer(&mut device.socket).await.unwrap_err().code, code, "{text}");
    }
    device.send_as(57, Request::Ping { ack: 0 }).await;
    assert_eq!(device.answer_to(57).await, Ok(Success::Done {}));
}
