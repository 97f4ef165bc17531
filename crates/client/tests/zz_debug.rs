//! Two programs call each other through a real server, over real sockets.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
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
            assert!(u64::from(heard.first) >= dropped, "what was sent while it rang is not kept: {heard:?}");
        }
        assert_eq!(media.connected().await.unwrap(), Some(SrtpProfile::Aes256Gcm));
    }
}

