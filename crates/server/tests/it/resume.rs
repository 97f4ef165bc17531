//! A cut socket loses nothing and doubles nothing.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use tring_protocol::*;

#[tokio::test]
async fn an_event_missed_while_the_socket_was_cut_arrives_once() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    let call = a.call("b", MediaType::Audio).await;
    b.ring().await;
    assert_eq!(a.event().await, Event::Ringing { call_id: call.clone(), user_id: UserId::new("b").unwrap() });

    a.socket.close(None).await.unwrap();
    b.ask(Request::Accept { call_id: call.clone() }).await.unwrap();
    a.resume(&server).await.unwrap();
    assert!(matches!(a.event().await, Event::Accepted { .. }));
    assert!(matches!(a.event().await, Event::Joined { .. }));
    a.hears_nothing().await;
    a.resume(&server).await.unwrap();
    a.hears_nothing().await;
}

#[tokio::test]
async fn a_request_repeated_after_a_cut_is_carried_out_once() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    let request = call_to("b", MediaType::Audio);
    a.send_as(100, request.clone()).await;
    let first = a.answer_to(100).await.unwrap();
    a.resume(&server).await.unwrap();
    a.send_as(100, request).await;
    assert_eq!(a.answer_to(100).await.unwrap(), first, "the same answer, the same call");
    b.ring().await;
    b.hears_nothing().await;
}

#[tokio::test]
async fn an_open_invitation_rings_again_on_a_device_that_signs_in() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let mut a = server.device(&app, "a").await;
    let call = a.call("late", MediaType::Video).await;
    assert!(matches!(a.event().await, Event::Unreachable { .. }));
    let mut late = server.device(&app, "late").await;
    assert_eq!(late.ring().await, call);
    assert!(matches!(a.event().await, Event::Ringing { .. }));
}

#[tokio::test]
async fn a_session_moves_to_its_newest_socket() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let mut a = server.device(&app, "a").await;
    let mut old = server.socket().await;
    std::mem::swap(&mut a.socket, &mut old);
    a.resume(&server).await.unwrap();
    use futures_util::StreamExt;
    let closed = async { while let Some(Ok(_)) = old.next().await {} };
    tokio::time::timeout(SOON, closed).await.expect("the old socket is closed");
    a.ask(Request::Ping { ack: 0 }).await.unwrap();
}

#[tokio::test]
async fn a_ticket_is_void_after_logout() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let mut a = server.device(&app, "a").await;
    a.ask(Request::Logout {}).await.unwrap();
    assert_eq!(a.resume(&server).await.unwrap_err().code, ErrorCode::TicketInvalid);
}

#[tokio::test]
async fn a_talking_device_that_never_comes_back_is_lost_after_its_grace() {
    let server = Server::start_with(|c| c.calls.talk_grace_s = 1).await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    let call = a.call("b", MediaType::Audio).await;
    b.ring().await;
    b.ask(Request::Accept { call_id: call.clone() }).await.unwrap();
    assert!(matches!(b.event().await, Event::Joined { .. }));
    drop(a);
    assert_eq!(b.event().await, Event::Left { call_id: call, user_id: UserId::new("a").unwrap() });
    assert!(matches!(b.event().await, Event::Ended { reason: EndReason::Lost, .. }));
    b.hears_nothing().await;
}

#[tokio::test]
async fn a_session_is_taken_up_again_where_there_is_no_place_for_another() {
    let server = Server::start_with(|c| c.limits.max_sockets = 2).await;
    // Whoever has asked whether the app is there has a session too, without a socket.
    let app = server.app("app").await;
    let mut a = server.device(&app, "a").await;
    let mut b = Device::connect(&server).await;
    let refused = b.login(&app, "b").await.unwrap_err();
    assert_eq!((refused.code, refused.retry), (ErrorCode::Overloaded, true));
    for _ in 0..3 {
        a.resume(&server).await.expect("the place is the session's");
    }
    a.ask(Request::Ping { ack: 0 }).await.unwrap();
    a.ask(Request::Logout {}).await.unwrap();
    b.login(&app, "b").await.expect("the place is free");
}
