//! What a device can do wrong in a call, and what it is told; the neighbours go on.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use tring_protocol::*;

async fn refused(device: &mut Device, request: Request) -> ErrorCode {
    device.ask(request).await.unwrap_err().code
}

fn transport(call_id: &CallId, offer: impl Into<String>) -> Request {
    Request::Transport { call_id: call_id.clone(), offer: offer.into() }
}

#[tokio::test]
async fn an_offer_that_cannot_be_used_is_refused_by_name_and_the_call_goes_on() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    let call = a.call("b", MediaType::Video).await;
    b.ring().await;

    let head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    let line = |kind: &str| {
        format!(
            "m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n",
            ["AB"; 32].join(":")
        )
    };
    let no_audio = format!("{head}{}", line("video"));
    let hundred_lines = format!("{head}{}", line("audio").repeat(100));
    for (offer, code) in [
        ("".to_owned(), ErrorCode::OfferInvalid),
        ("hello".to_owned(), ErrorCode::OfferInvalid),
        (head.to_owned(), ErrorCode::OfferInvalid),
        (no_audio, ErrorCode::OfferInvalid),
        (hundred_lines, ErrorCode::OfferTooLarge),
        ("x".repeat(limits::MAX_OFFER_BYTES + 1), ErrorCode::OfferTooLarge),
        // Twice as long in JSON. What is wrong with the longest that is allowed is not its length.
        ("\r\n".repeat(limits::MAX_OFFER_BYTES / 2), ErrorCode::OfferInvalid),
        ("\r\n".repeat(limits::MAX_OFFER_BYTES / 2 + 1), ErrorCode::OfferTooLarge),
    ] {
        let text: String = offer.chars().take(60).collect();
        assert_eq!(refused(&mut a, transport(&call, offer)).await, code, "{text:?}");
    }
    b.ask(Request::Accept { call_id: call }).await.unwrap();
    assert!(matches!(a.event().await, Event::Ringing { .. }));
    assert!(matches!(a.event().await, Event::Accepted { .. }));
}

#[tokio::test]
async fn accepting_twice_or_too_late_is_told_apart() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    let mut b2 = server.device(&app, "b").await;
    let accept = |call: &CallId| Request::Accept { call_id: call.clone() };

    let call = a.call("b", MediaType::Audio).await;
    b.ring().await;
    b2.ring().await;
    b.ask(accept(&call)).await.unwrap();
    b.ask(accept(&call)).await.expect("a repeated accept of the device that talks changes nothing");
    assert_eq!(refused(&mut b2, accept(&call)).await, ErrorCode::AnsweredElsewhere);
    assert!(matches!(b2.event().await, Event::Ended { reason: EndReason::AnsweredElsewhere, .. }));
    b.ask(Request::Hangup { call_id: call.clone() }).await.unwrap();
    b.ask(Request::Hangup { call_id: call.clone() }).await.expect("hangup is idempotent");
    assert_eq!(refused(&mut b, accept(&call)).await, ErrorCode::CallUnknown);

    while !matches!(b.event().await, Event::Ended { .. }) {}
    let call = a.call("b", MediaType::Audio).await;
    assert_eq!(b.ring().await, call);
    a.ask(Request::Hangup { call_id: call.clone() }).await.unwrap();
    assert_eq!(refused(&mut b, accept(&call)).await, ErrorCode::CallUnknown, "accept after cancel");
}

#[tokio::test]
async fn a_stranger_can_do_nothing_with_the_id_of_a_call() {
    let server = Server::start().await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    let mut stranger = server.device(&app, "stranger").await;
    let call = a.call("b", MediaType::Audio).await;
    b.ring().await;
    for request in [
        Request::Accept { call_id: call.clone() },
        Request::Reject { call_id: call.clone() },
        Request::Delivered { call_id: call.clone() },
        Request::Devices { call_id: call.clone(), microphone: false, camera: false, sources: None },
        Request::Hangup { call_id: call.clone() },
        transport(&call, "v=0"),
    ] {
        let code = refused(&mut stranger, request.clone()).await;
        assert!(matches!(code, ErrorCode::NotYourCall | ErrorCode::CallUnknown), "{request:?}: {code:?}");
    }
    b.hears_nothing().await;
    b.ask(Request::Accept { call_id: call }).await.unwrap();
}

#[tokio::test]
async fn calling_too_often_is_refused_without_ringing_anybody() {
    let server = Server::start_with(|c| {
        c.limits.calls_burst = 2.0;
        c.limits.calls_per_minute = 1.0;
    })
    .await;
    let app = server.app("app").await;
    let (mut a, mut b) = (server.device(&app, "a").await, server.device(&app, "b").await);
    for _ in 0..2 {
        let call = a.call("b", MediaType::Audio).await;
        assert!(matches!(b.event().await, Event::Invited { .. }));
        a.ask(Request::Hangup { call_id: call }).await.unwrap();
        assert!(matches!(b.event().await, Event::Ended { .. }));
    }
    assert_eq!(refused(&mut a, call_to("b", MediaType::Audio)).await, ErrorCode::TooMany);
    b.hears_nothing().await;
}
