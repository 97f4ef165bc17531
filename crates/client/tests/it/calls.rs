//! Two programs call each other through a real server, over real sockets.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use std::time::Duration;
use tring_client::*;

const ALICE: u32 = 1;
const BOB: u32 = 2;

/// A call between two users: both media sessions connected and sending, the callee has not answered yet.
struct Call {
    alice: Client,
    bob: Client,
    id: CallId,
    alice_media: Media,
    bob_media: Media,
}

impl Call {
    async fn ringing(server: &Server) -> Self {
        let (alice, bob) = (server.client("alice").await, server.client("bob").await);
        let id = alice.call("bob", MediaType::Video).await.unwrap();
        assert_eq!(invited(&bob).await, id);
        ringing(&alice).await;
        let alice_media = Media::connect(&alice, &id, MediaOptions::video()).await.unwrap();
        let bob_media = Media::connect(&bob, &id, MediaOptions::video()).await.unwrap();
        for (media, sender) in [(&alice_media, ALICE), (&bob_media, BOB)] {
            media.connected().await.unwrap();
            media.play(Pattern::video_call(sender)).await;
        }
        Self { alice, bob, id, alice_media, bob_media }
    }

    async fn talking(server: &Server) -> Self {
        let call = Self::ringing(server).await;
        call.bob.accept(&call.id).await.unwrap();
        call.flows(20).await;
        call
    }

    /// Waits for that many more packets of each kind in each direction.
    async fn flows(&self, more: u64) {
        for (media, sender) in [(&self.alice_media, BOB), (&self.bob_media, ALICE)] {
            let before = media.tally();
            until(media, "sound and picture of the other", |t| {
                t.audio.from(sender).packets >= before.audio.from(sender).packets + more
                    && t.video.from(sender).packets >= before.video.from(sender).packets + more
            })
            .await;
        }
    }
}

/// What a picture of a test call is cut into: 3,000 bytes in pieces of at most 1,100.
const PACKETS_OF_A_PICTURE: u64 = 3;

#[tokio::test]
async fn sound_and_picture_arrive_both_ways_after_the_accept_and_not_before() {
    let server = Server::start().await;
    let call = Call::ringing(&server).await;
    // Both send for as long as a second of sound takes.
    for media in [&call.alice_media, &call.bob_media] {
        until(media, "sending", |t| t.sent_audio >= 50 && t.sent_video >= 50).await;
    }
    // All of it has reached the server, which has dropped it: nothing of it can be on its way when the gate opens.
    let sent = [&call.alice_media, &call.bob_media].map(|m| m.tally());
    let all: u64 = sent.iter().map(|t| t.sent_audio + t.sent_video).sum();
    server.dropped(all).await;
    for media in [&call.alice_media, &call.bob_media] {
        assert_eq!(media.tally().packets(), 0, "no media before consent");
    }
    call.bob.accept(&call.id).await.unwrap();
    call.flows(100).await;
    let [by_alice, by_bob] = sent;
    for (media, sender, ringing) in [(&call.alice_media, BOB, by_bob), (&call.bob_media, ALICE, by_alice)] {
        let tally = media.tally();
        for (stream, dropped) in [(&tally.audio, ringing.sent_audio), (&tally.video, ringing.sent_video)] {
            let heard = stream.from(sender);
            assert_eq!(stream.senders.len(), 1, "nobody but the other is heard");
            assert_eq!((stream.foreign, heard.out_of_order), (0, 0));
            let is_callers_picture = sender == ALICE && std::ptr::eq(stream, &tally.video);
            if is_callers_picture {
                // The caller's newest key frame waits at the gate, and nothing else of its pictures: a second one of before
                // would be more packets than were sent since.
                let since = u64::from(heard.last) + 1 - dropped;
                assert!(heard.packets <= since + PACKETS_OF_A_PICTURE, "one key frame is kept: {heard:?}");
                assert_eq!(u64::from(heard.first) % PACKETS_OF_A_PICTURE, 0, "it is whole: {heard:?}");
            } else {
                assert!(
                    u64::from(heard.first) >= dropped,
                    "what was sent while it rang is not kept: {heard:?}"
                );
            }
        }
        assert_eq!(media.connected().await.unwrap(), Some(SrtpProfile::Aes256Gcm));
    }
    server.gave_first_pictures(1).await;
}

#[tokio::test]
async fn nothing_arrives_a_second_after_the_hangup() {
    let server = Server::start().await;
    let call = Call::talking(&server).await;
    call.alice.hangup(&call.id).await.unwrap();
    for client in [&call.alice, &call.bob] {
        assert_eq!(ended(client).await, EndReason::Hangup);
    }
    // The server says goodbye to both transports.
    for media in [&call.alice_media, &call.bob_media] {
        let over = media.until(|_| false);
        assert!(
            !tokio::time::timeout(Duration::from_secs(1), over).await.expect("a goodbye within a second")
        );
        assert!(matches!(media.state(), MediaState::Closed { .. }));
    }
    call.alice.hangup(&call.id).await.unwrap();
}

#[tokio::test]
async fn a_cut_socket_in_mid_call_loses_no_event_and_leaves_the_media_alone() {
    let server = Server::start().await;
    let call = Call::talking(&server).await;
    call.bob.cut(Duration::from_millis(500)).await;
    // Said while the other is away: its answer and its event both survive.
    call.alice.devices(&call.id, false, true).await.unwrap();
    call.flows_video(50).await;
    let off = |e| match e {
        Event::Devices { microphone, camera, .. } => Some((microphone, camera)),
        _ => None,
    };
    assert_eq!(event(&call.bob, off).await, (false, true));
    call.bob.hangup(&call.id).await.unwrap();
    assert_eq!(ended(&call.alice).await, EndReason::Hangup);
    assert_eq!(ended(&call.bob).await, EndReason::Hangup);
}

impl Call {
    async fn flows_audio(&self, more: u64) {
        for (media, sender) in [(&self.alice_media, BOB), (&self.bob_media, ALICE)] {
            let before = media.tally().audio.from(sender).packets;
            until(media, "sound", |t| t.audio.from(sender).packets >= before + more).await;
        }
    }

    async fn flows_video(&self, more: u64) {
        for (media, sender) in [(&self.alice_media, BOB), (&self.bob_media, ALICE)] {
            let before = media.tally().video.from(sender).packets;
            until(media, "picture", |t| t.video.from(sender).packets >= before + more).await;
        }
    }
}

#[tokio::test]
async fn the_server_drops_what_a_muted_device_sends() {
    let server = Server::start().await;
    let call = Call::talking(&server).await;
    call.alice.devices(&call.id, false, true).await.unwrap();
    // What was under way arrives; then picture comes and sound does not.
    call.flows_video(20).await;
    let before = call.bob_media.tally().audio.from(ALICE).packets;
    call.flows_video(100).await;
    assert_eq!(call.bob_media.tally().audio.from(ALICE).packets, before, "silence after mute");
    assert!(call.alice_media.tally().audio.from(BOB).packets > 0, "the other is heard still");

    call.alice.devices(&call.id, true, false).await.unwrap();
    until(&call.bob_media, "sound again", |t| t.audio.from(ALICE).packets >= before + 20).await;
    let before = call.bob_media.tally();
    let wanted = before.audio.from(ALICE).packets + 50;
    until(&call.bob_media, "more sound", |t| t.audio.from(ALICE).packets >= wanted).await;
    let after = call.bob_media.tally();
    assert_eq!(after.video.packets, before.video.packets, "no picture after the camera went off");
}

#[tokio::test]
async fn a_switch_to_voice_stops_both_pictures_and_a_switch_back_waits_for_each_camera() {
    let server = Server::start().await;
    let call = Call::talking(&server).await;
    let switched = |e| match e {
        Event::Media { user_id, media, .. } => Some((user_id.to_string(), media)),
        _ => None,
    };
    let pictures = || [&call.alice_media, &call.bob_media].map(|m| m.tally().video.packets);
    for media in [MediaType::Audio, MediaType::Video] {
        call.bob.switch(&call.id, media).await.unwrap();
        for client in [&call.alice, &call.bob] {
            assert_eq!(event(client, switched).await, ("bob".to_owned(), media));
        }
        // What was under way arrives; then sound comes and no picture, although both go on sending it.
        call.flows_audio(20).await;
        let before = pictures();
        call.flows_audio(50).await;
        assert_eq!(pictures(), before, "{media:?}");
    }
    let [before, wanted] = pictures();
    call.alice.devices(&call.id, true, true).await.unwrap();
    until(&call.bob_media, "alice's picture", |t| t.video.packets > wanted + 20).await;
    call.flows_audio(50).await;
    assert_eq!(pictures()[0], before, "bob's camera waits for bob");
}

#[tokio::test]
async fn a_refused_call_moves_no_media() {
    let server = Server::start().await;
    let call = Call::ringing(&server).await;
    call.bob.reject(&call.id).await.unwrap();
    assert_eq!(ended(&call.alice).await, EndReason::Reject);
    for media in [&call.alice_media, &call.bob_media] {
        media.until(|_| false).await;
        assert_eq!(media.tally().packets(), 0);
    }
}

#[tokio::test]
async fn a_session_can_be_held_to_one_address_and_tells_what_the_server_saw_of_it() {
    let server = Server::start_with(|c| c.media.workers = 3).await;
    let (alice, bob) = (server.client("alice").await, server.client("bob").await);
    let id = alice.call("bob", MediaType::Audio).await.unwrap();
    assert_eq!(invited(&bob).await, id);
    bob.accept(&id).await.unwrap();
    let first = Media::connect(&alice, &id, MediaOptions::voice()).await.unwrap();
    first.connected().await.unwrap();
    let path = first.path();
    assert_eq!(path.seen_from, Some(first.local_addr()), "no translation between them");
    assert!(path.answers >= 1 && path.round_trip.is_some() && path.others >= 1, "{path:?}");
    assert!(Owner::of_answer(first.answer()).is_some_and(|o| o.worker < 3), "{}", first.answer());
    // Nobody answers there.
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let options = MediaOptions { only: Some(silent.local_addr().unwrap()), ..MediaOptions::voice() };
    let lost = Media::connect(&alice, &id, options).await.unwrap();
    let mut datagram = [0; 2048];
    let check = tokio::time::timeout(SOON, silent.recv_from(&mut datagram));
    let (_, from) = check.await.expect("a check").unwrap();
    assert_eq!(from, lost.local_addr());
    assert_eq!((lost.state(), lost.path().answers), (MediaState::Connecting, 0));
}
