//! A program that does something else for a while finds what came meanwhile.

#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::*;
use std::time::Duration;
use tring_client::*;

const ALICE: u32 = 1;

/// Bob's thread stands still, so that his datagrams pile up in the socket: far fewer than it has room for, and far more
/// than one turn takes.
#[tokio::test]
async fn datagrams_that_pile_up_are_all_taken() {
    let server = Server::start().await;
    let alice = server.client("alice").await;
    let options = server.options("bob");
    let (tell, told) = tokio::sync::oneshot::channel();
    let bob = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bob = Client::connect(options).await.unwrap();
            tell.send(()).unwrap();
            let id = invited(&bob).await;
            bob.accept(&id).await.unwrap();
            let media = Media::connect(&bob, &id, MediaOptions::video()).await.unwrap();
            media.connected().await.unwrap();
            until(&media, "Alice", |t| t.audio.from(ALICE).packets >= 10).await;
            for _ in 0..3 {
                std::thread::sleep(Duration::from_millis(500));
                let before = media.tally().audio.from(ALICE).packets;
                until(&media, "what piled up", |t| t.audio.from(ALICE).packets >= before + 30).await;
            }
            media.tally()
        })
    });
    told.await.unwrap();
    let id = alice.call("bob", MediaType::Video).await.unwrap();
    let media = Media::connect(&alice, &id, MediaOptions::video()).await.unwrap();
    media.connected().await.unwrap();
    media.play(Pattern::video_call(ALICE)).await;
    let tally = tokio::task::spawn_blocking(|| bob.join().unwrap()).await.unwrap();
    let sound = tally.audio.from(ALICE);
    assert_eq!((sound.out_of_order, sound.missing()), (0, 0), "{sound:?}");
    assert_eq!(tally.video.from(ALICE).out_of_order, 0, "a picture that was asked for again");
}
