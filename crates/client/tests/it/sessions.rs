//! A device stays signed in for as long as the server lets it.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use std::time::Duration;
use tring_client::*;

#[tokio::test]
async fn a_wrong_signature_and_an_unknown_server_are_told_apart() {
    let server = Server::start().await;
    let mut options = server.options("alice");
    options.user_id = UserId::new("mallory").unwrap();
    match Client::connect(options).await.err().unwrap() {
        ClientError::Refused(body) => assert_eq!(body.code, ErrorCode::SigWrongUser),
        other => panic!("{other}"),
    }
    let mut options = server.options("alice");
    options.url = "ws://127.0.0.1:9/v1/socket".into();
    let error = Client::connect(options).await.err().unwrap();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn an_invitation_made_while_the_callee_is_cut_off_rings_once() {
    let server = Server::start().await;
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    bob.cut(Duration::from_millis(300)).await;
    let call = alice.call("bob", MediaType::Audio).await.unwrap();
    assert_eq!(invited(&bob).await, call);
    ringing(&alice).await;
    alice.hangup(&call).await.unwrap();
    // The next thing that the callee hears is the end, not the invitation again.
    assert!(matches!(bob.next_event().await, Some(Event::Ended { reason: EndReason::Cancel, .. })));
}

#[tokio::test]
async fn a_request_made_while_cut_off_is_carried_out_once_after_the_return() {
    let server = Server::start().await;
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    alice.cut(Duration::from_millis(200)).await;
    let call = alice.call("bob", MediaType::Audio).await.unwrap();
    assert_eq!(invited(&bob).await, call);
    bob.accept(&call).await.unwrap();
    event(&alice, |e| matches!(e, Event::Accepted { .. }).then_some(())).await;
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_replaced_and_its_call_told_as_lost() {
    let server = Server::start_with(|c| {
        c.limits.resume_s = 5;
        c.calls.ring_grace_s = 5;
        c.calls.talk_grace_s = 1;
    })
    .await;
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let call = alice.call("bob", MediaType::Audio).await.unwrap();
    invited(&bob).await;
    bob.accept(&call).await.unwrap();
    event(&alice, |e| matches!(e, Event::Joined { .. }).then_some(())).await;
    alice.cut(Duration::from_secs(6)).await;
    assert_eq!(ended(&bob).await, EndReason::Lost);
    assert_eq!(ended(&alice).await, EndReason::Lost);
    let call = bob.call("alice", MediaType::Audio).await.unwrap();
    assert_eq!(invited(&alice).await, call, "it is signed in again");
}

#[tokio::test]
async fn a_client_is_over_after_logout() {
    let server = Server::start().await;
    let alice = server.client("alice").await;
    alice.logout().await.unwrap();
    assert!(alice.next_event().await.is_none());
    assert_eq!(alice.closed(), Some(Closed::LoggedOut));
    let error = alice.call("bob", MediaType::Audio).await.unwrap_err();
    assert!(matches!(error, ClientError::Closed(Closed::LoggedOut)), "{error}");
}

/// A server that says what it likes, to see what the client answers.
#[tokio::test]
async fn a_burst_of_events_is_acknowledged_at_once_and_not_at_the_next_heartbeat() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acknowledged = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let _login = socket.next().await;
        let welcome = r#"{"re":1,"ok":{"ticket":"t","resumed":false,"heartbeatS":300,"resumeS":60}}"#;
        socket.send(Message::text(welcome)).await.unwrap();
        // One more each time that the client says nothing: it may have handled the last ones only after they came.
        let mut seq = 0;
        loop {
            seq += 1;
            let event = format!(r#"{{"seq":{seq},"type":"transport_lost","callID":"c"}}"#);
            socket.send(Message::text(event)).await.unwrap();
            if seq < 64 {
                continue;
            }
            if let Ok(said) = tokio::time::timeout(Duration::from_millis(20), socket.next()).await {
                return (seq, said.unwrap().unwrap().into_text().unwrap().to_string());
            }
        }
    });
    let options = Options::new(&format!("ws://{address}/v1/socket"), 1, "alice", "sig").unwrap();
    let client = Client::connect(options).await.unwrap();
    let taking = tokio::spawn(async move { while client.next_event().await.is_some() {} });
    let (seq, said) = tokio::time::timeout(SOON, acknowledged).await.expect("a ping").unwrap();
    let message: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(message["type"], "ping");
    let ack = message["ack"].as_u64().unwrap();
    assert!((64..=seq).contains(&ack), "{ack} of {seq}");
    taking.abort();
}
