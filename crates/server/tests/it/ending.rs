//! How calls and sessions end for a device, over real sockets: log-out, kick, grace, a client that does not listen, a
//! new key, and the server's own stop.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tring_protocol::*;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// A rings B.
async fn ringing(server: &Server, app: &tring_store::App) -> (Device, Device, CallId) {
    let (mut a, mut b) = (server.device(app, "a").await, server.device(app, "b").await);
    let call = a.call("b", MediaType::Audio).await;
    assert_eq!(b.ring().await, call);
    assert!(matches!(a.event().await, Event::Ringing { .. }));
    (a, b, call)
}

/// A talks with B.
async fn talking(server: &Server, app: &tring_store::App) -> (Device, Device, CallId) {
    let (mut a, mut b, call) = ringing(server, app).await;
    b.ask(Request::Accept { call_id: call.clone() }).await.unwrap();
    assert!(matches!(a.event().await, Event::Accepted { .. }));
    assert!(matches!(a.event().await, Event::Joined { .. }));
    assert!(matches!(b.event().await, Event::Joined { .. }));
    (a, b, call)
}

/// The next event is the end of a call.
async fn ends(device: &mut Device, reason: EndReason, by: Option<&str>) {
    match device.event().await {
        Event::Ended { reason: found, by: who, .. } => {
            assert_eq!((found, who.as_ref().map(UserId::as_str)), (reason, by));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn logging_out_leaves_the_call_wherever_it_stands() {
    let server = Server::start().await;
    let app = server.app("app").await;

    let (mut a, mut b, _) = ringing(&server, &app).await;
    a.ask(Request::Logout {}).await.unwrap();
    ends(&mut a, EndReason::Cancel, Some("a")).await;
    ends(&mut b, EndReason::Cancel, Some("a")).await;
    b.ask(Request::Logout {}).await.unwrap();

    let (mut a, mut b, call) = ringing(&server, &app).await;
    b.ask(Request::Logout {}).await.unwrap();
    ends(&mut b, EndReason::Reject, Some("b")).await;
    let leg = Event::LegEnded { call_id: call, user_id: user("b"), reason: EndReason::Reject };
    assert_eq!(a.event().await, leg);
    ends(&mut a, EndReason::Reject, Some("b")).await;
    a.ask(Request::Logout {}).await.unwrap();

    let (mut a, mut b, call) = talking(&server, &app).await;
    b.ask(Request::Logout {}).await.unwrap();
    ends(&mut b, EndReason::Hangup, Some("b")).await;
    assert_eq!(a.event().await, Event::Left { call_id: call, user_id: user("b") });
    ends(&mut a, EndReason::Hangup, Some("b")).await;
    a.hears_nothing().await;
}

/// An app with single login, once the server knows it.
async fn single_login_app(server: &Server) -> tring_store::App {
    let app = server.app("single").await;
    server.store.set_single_login(app.id, true).await.unwrap();
    let known = async {
        loop {
            let mut first = server.device(&app, "probe").await;
            let second = server.device(&app, "probe").await;
            let kicked = tokio::time::timeout(QUIET, first.event()).await;
            drop(second);
            if kicked.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, known).await.expect("the setting reaches the server");
    app
}

#[tokio::test]
async fn a_newer_sign_in_kicks_the_older_out_of_its_call_wherever_it_stands() {
    let server = Server::start().await;
    let app = single_login_app(&server).await;
    let kicked = Event::KickedOut { reason: KickReason::SignedInElsewhere };

    let (mut a, mut b, _) = ringing(&server, &app).await;
    let _a2 = server.device(&app, "a").await;
    ends(&mut a, EndReason::Kicked, Some("a")).await;
    assert_eq!(a.event().await, kicked);
    ends(&mut b, EndReason::Cancel, Some("a")).await;

    let (mut a, mut b, call) = ringing(&server, &app).await;
    let mut b2 = server.device(&app, "b").await;
    ends(&mut b, EndReason::Kicked, Some("b")).await;
    assert_eq!(b.event().await, kicked);
    assert_eq!(b2.ring().await, call, "the ring goes on at the newer device");
    a.ask(Request::Hangup { call_id: call }).await.unwrap();

    let (mut a, mut b, call) = talking(&server, &app).await;
    let mut b2 = server.device(&app, "b").await;
    ends(&mut b, EndReason::Kicked, Some("b")).await;
    assert_eq!(b.event().await, kicked);
    assert_eq!(a.event().await, Event::Left { call_id: call, user_id: user("b") });
    ends(&mut a, EndReason::Kicked, Some("b")).await;
    b2.hears_nothing().await;
}

#[tokio::test]
async fn a_device_that_was_away_when_it_was_kicked_is_told_when_it_comes_back_and_kicks_nobody() {
    let server = Server::start().await;
    let app = single_login_app(&server).await;
    let mut phone = server.device(&app, "a").await;
    phone.socket.close(None).await.unwrap();
    let mut laptop = server.device(&app, "a").await;
    phone.resume(&server).await.expect("its ticket is remembered");
    assert_eq!(phone.event().await, Event::KickedOut { reason: KickReason::SignedInElsewhere });
    assert!(phone.socket.next().await.is_none_or(|m| m.is_err() || m.unwrap().is_close()));
    laptop.ask(Request::Ping { ack: 0 }).await.unwrap();
    laptop.hears_nothing().await;
}

#[tokio::test]
async fn a_caller_that_never_comes_back_is_lost_after_its_grace() {
    let server = Server::start_with(|c| c.calls.ring_grace_s = 1).await;
    let app = server.app("app").await;
    let (a, mut b, _) = ringing(&server, &app).await;
    drop(a);
    ends(&mut b, EndReason::Lost, Some("a")).await;
    b.hears_nothing().await;
}

#[tokio::test]
async fn a_callee_that_is_away_for_longer_than_its_grace_is_unreachable_and_may_still_answer() {
    let server = Server::start_with(|c| c.calls.ring_grace_s = 1).await;
    let app = server.app("app").await;
    let (mut a, mut b, call) = ringing(&server, &app).await;
    b.socket.close(None).await.unwrap();
    assert_eq!(a.event().await, Event::Unreachable { call_id: call.clone(), user_id: user("b") });
    b.resume(&server).await.unwrap();
    assert!(matches!(a.event().await, Event::Ringing { .. }));
    b.ask(Request::Accept { call_id: call }).await.unwrap();
    assert!(matches!(a.event().await, Event::Accepted { .. }));
}

#[tokio::test]
async fn a_client_that_does_not_listen_is_cut_and_gets_everything_when_it_comes_back() {
    let server = Server::start_with(|c| {
        (c.limits.devices_burst, c.limits.messages_burst) = (10_000.0, 10_000.0);
    })
    .await;
    let app = server.app("app").await;
    let (mut a, mut b, call) = talking(&server, &app).await;
    for n in 0..400 {
        let microphone = n % 2 == 1;
        let call_id = call.clone();
        a.ask(Request::Devices { call_id, microphone, camera: false, sources: None }).await.unwrap();
    }
    // Its socket ends by itself, after what was sent on it.
    let mut heard = 0;
    while let Some(event) = b.event_or_end().await {
        assert!(matches!(event, Event::Devices { .. }));
        heard += 1;
    }
    assert!((100..256).contains(&heard), "{heard}");
    b.resume(&server).await.unwrap();
    let newest = Event::Devices {
        call_id: call.clone(),
        user_id: user("a"),
        microphone: true,
        camera: false,
        sources: Some(Source::Microphone.into()),
    };
    assert_eq!(b.event().await, newest);
    a.ask(Request::Hangup { call_id: call }).await.unwrap();
    assert!(matches!(b.event().await, Event::Left { .. }));
    ends(&mut b, EndReason::Hangup, Some("a")).await;
}

#[tokio::test]
async fn a_client_that_overruns_its_buffer_is_signed_out_and_told_so() {
    let server = Server::start_with(|c| {
        (c.limits.calls_burst, c.limits.messages_burst) = (10_000.0, 10_000.0);
    })
    .await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    b.socket.close(None).await.unwrap();
    for _ in 0..130 {
        let call = a.call("b", MediaType::Audio).await;
        a.ask(Request::Hangup { call_id: call }).await.unwrap();
        a.ask(Request::Ping { ack: a.last_seq }).await.unwrap();
    }
    b.resume(&server).await.unwrap();
    let mut last = Vec::new();
    while let Some(event) = b.event_or_end().await {
        last.push(event);
    }
    assert_eq!(last.pop(), Some(Event::KickedOut { reason: KickReason::TooSlow }));
    assert!(matches!(last.pop(), Some(Event::Ended { .. })), "every call it heard of has ended");
    server.device(&app, "b").await;
}

#[tokio::test]
async fn a_new_key_reaches_a_running_server_and_signs_nobody_out() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let mut signed_in = server.device(&app, "a").await;
    let newer = server.store.rotate_key(app.id).await.unwrap();
    let refused = async {
        loop {
            match Device::connect(&server).await.login(&app, "b").await {
                Ok(_) => tokio::task::yield_now().await,
                Err(e) => return e.code,
            }
        }
    };
    assert_eq!(tokio::time::timeout(SOON, refused).await.unwrap(), ErrorCode::SigBad);
    server.device(&newer, "b").await;
    signed_in.ask(Request::Ping { ack: 0 }).await.unwrap();
    signed_in.resume(&server).await.unwrap();
    signed_in.hears_nothing().await;
}

/// The server has a runtime of its own, which goes with it as a process does: what was not written by then is lost.
#[test]
fn a_stop_waits_until_every_client_has_heard_of_the_end_of_its_call() {
    const PAIRS: usize = 40;
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (servers, clients) = (runtime(), runtime());
    let server = servers.block_on(Server::start());
    let app = servers.block_on(server.app("app"));
    let mut devices = clients.block_on(async {
        let mut devices = Vec::new();
        for n in 0..PAIRS {
            let mut a = server.device(&app, &format!("a{n}")).await;
            let mut b = server.device(&app, &format!("b{n}")).await;
            let call = a.call(&format!("b{n}"), MediaType::Audio).await;
            b.ring().await;
            b.ask(Request::Accept { call_id: call }).await.unwrap();
            devices.extend([a, b]);
        }
        // Something unread on the server's side: closing over it would throw away what it has just sent.
        for device in &mut devices {
            device.send(Request::Ping { ack: 0 }).await;
        }
        devices
    });
    let silent = clients.block_on(server.socket());
    let Server { running, store, dir } = server;
    servers.block_on(running.stop());
    drop((servers, store));
    clients.block_on(async move {
        for device in &mut devices {
            let mut ended = 0;
            while let Some(event) = device.event_or_end().await {
                ended += u32::from(matches!(event, Event::Ended { reason: EndReason::Server, .. }));
            }
            assert_eq!(ended, 1);
            assert_eq!(device.closed_with, Some(CloseCode::Away), "after its last event");
        }
        let closes: Vec<_> = silent.collect().await;
        assert!(matches!(&closes[..], [Ok(Message::Close(Some(_)))]), "{closes:?}");
    });
    drop(dir);
}
