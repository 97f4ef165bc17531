//! Each SRTP profile (RFC 5764 §4.1.2, RFC 7714 §14.2) between the client and the server, beside a session of each other one.
// A failed unwrap is the report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::common::World;
use std::time::Duration;
use tring_media::{MediaKind, SrtpProfile};

const ALL: [SrtpProfile; 3] = [SrtpProfile::Aes128CmSha1, SrtpProfile::Aes128Gcm, SrtpProfile::Aes256Gcm];

/// What one says in packet `n`: as long as sound of a browser's, and longer each time.
fn said(who: usize, n: u8) -> Vec<u8> {
    vec![n + 100 * u8::try_from(who).unwrap(); 20 + usize::from(n) * 50]
}

/// What arrives is what was sent: no payload is changed on the way through two profiles.
#[test]
fn a_peer_that_offers_one_profile_gets_it_and_is_heard_whatever_the_other_has() {
    for alice in ALL {
        for bob in ALL {
            let mut w = World::new();
            for (name, profile) in [("alice", alice), ("bob", bob)] {
                w.join_with(name, true, |c| c.only_profile = Some(profile));
            }
            w.connect();
            assert_eq!([w.clients[0].profile, w.clients[1].profile], [Some(alice), Some(bob)]);
            for n in 0..20 {
                for who in [0, 1] {
                    w.send(who, MediaKind::Audio, &said(who, n));
                }
                w.run(Duration::from_millis(20));
            }
            w.run(Duration::from_millis(100));
            for who in [0, 1] {
                let came = w.clients[who].take(MediaKind::Audio).into_iter().map(|r| r.payload.to_vec());
                let sent: Vec<Vec<u8>> = (0..20).map(|n| said(1 - who, n)).collect();
                assert_eq!(came.collect::<Vec<_>>(), sent, "{alice:?} {bob:?}");
            }
        }
    }
}
