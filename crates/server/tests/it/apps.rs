//! Apps are separate worlds, and changes from the command line reach the running server.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use tring_protocol::*;
use tring_store::RecordState;

#[tokio::test]
async fn equal_user_ids_of_two_apps_never_meet() {
    let server = Server::start().await;
    let (one, two) = (server.app("one").await, server.app("two").await);
    let (mut a1, mut b1) = (server.device(&one, "a").await, server.device(&one, "b").await);
    let (mut a2, mut b2) = (server.device(&two, "a").await, server.device(&two, "b").await);
    let call = a1.call("b", MediaType::Audio).await;
    assert_eq!(b1.ring().await, call);
    b2.hears_nothing().await;
    for foreign in [Request::Accept { call_id: call.clone() }, Request::Reject { call_id: call.clone() }] {
        b2.ask(foreign).await.unwrap_err();
    }
    b2.ask(Request::Hangup { call_id: call.clone() }).await.unwrap();
    a2.ask(Request::Hangup { call_id: call.clone() }).await.unwrap();
    assert!(matches!(a1.event().await, Event::Ringing { .. }));
    a1.hears_nothing().await;
    b1.ask(Request::Accept { call_id: call }).await.unwrap();
}

#[tokio::test]
async fn deleting_an_app_ends_its_calls_and_signs_its_users_out() {
    let server = Server::start().await;
    let (doomed, other) = (server.app("doomed").await, server.app("other").await);
    let (mut a, mut b) = (server.device(&doomed, "a").await, server.device(&doomed, "b").await);
    let mut bystander = server.device(&other, "a").await;
    let call = a.call("b", MediaType::Audio).await;
    b.ring().await;
    b.ask(Request::Accept { call_id: call }).await.unwrap();
    assert!(matches!(b.event().await, Event::Joined { .. }));

    server.store.delete_app(doomed.id).await.unwrap();
    assert!(matches!(b.event().await, Event::Ended { reason: EndReason::Server, .. }));
    assert_eq!(b.event().await, Event::KickedOut { reason: KickReason::AppDeleted });
    assert_eq!(b.resume(&server).await.unwrap_err().code, ErrorCode::TicketInvalid);
    let mut again = Device::connect(&server).await;
    assert_eq!(again.login(&doomed, "a").await.unwrap_err().code, ErrorCode::AppUnknown);
    bystander.ask(Request::Ping { ack: 0 }).await.unwrap();
    bystander.hears_nothing().await;
}

#[tokio::test]
async fn single_login_is_a_setting_of_the_app() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let mut first = server.device(&app, "a").await;
    let mut second = server.device(&app, "a").await;
    first.hears_nothing().await;
    second.hears_nothing().await;

    server.store.set_single_login(app.id, true).await.unwrap();
    let kicked = tokio::time::timeout(SOON, async {
        loop {
            let third = server.device(&app, "a").await;
            tokio::select! {
                event = first.event() => return (event, third),
                () = tokio::time::sleep(QUIET) => drop(third),
            }
        }
    });
    let (event, mut third) = kicked.await.unwrap();
    assert_eq!(event, Event::KickedOut { reason: KickReason::SignedInElsewhere });
    assert_eq!(first.resume(&server).await.unwrap_err().code, ErrorCode::TicketInvalid);
    third.ask(Request::Ping { ack: 0 }).await.unwrap();
}

#[tokio::test]
async fn a_call_is_written_down_when_it_ends() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    let call = a.call("b", MediaType::Video).await;
    b.ring().await;
    b.ask(Request::Reject { call_id: call.clone() }).await.unwrap();
    let record = tokio::time::timeout(SOON, async {
        loop {
            let record = server.store.list_call_records(app.id, 10).await.unwrap().pop();
            if let Some(record) = record.filter(|record| record.state != RecordState::Running) {
                return record;
            }
            tokio::task::yield_now().await;
        }
    });
    let record = record.await.unwrap();
    assert_eq!(
        (record.call, record.caller.as_str(), record.state),
        (call, "a", RecordState::Ended(EndReason::Reject))
    );
}
