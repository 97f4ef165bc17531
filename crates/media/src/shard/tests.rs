use super::*;
use crate::datagram::Datagram;
use crate::peer::{Peer, PeerConfig};
use tring_protocol::{RoomId, SdkAppId, UserId};

/// What a caller of a video call has on.
const BOTH: SourceSet = SourceSet::of(&[Source::Microphone, Source::Camera]);

const ADDRESS: &str = "192.0.2.9:9";

/// A shard with the sessions 1 (alice) and 2 (bob) in one room, gates open.
fn shard() -> (Shard, Instant, Output) {
    let certificate = Certificate::generate().unwrap();
    let (now, mut out) = (Instant::now(), Output::new());
    let mut shard = Shard::new(
        ShardConfig {
            owner: Owner { node: 0, worker: 0 },
            certificate: certificate.clone(),
            local: vec!["192.0.2.1:1".parse().unwrap()],
            advertise: Vec::new(),
            max_sessions: 9,
            max_connections: 100,
        },
        now,
    );
    for (id, name) in [(1, "alice"), (2, "bob")] {
        let config = PeerConfig::voice(ADDRESS.parse().unwrap(), certificate.clone());
        let command = Command::Open {
            session: SessionId(id),
            room: RoomKey { app: SdkAppId::new(1).unwrap(), room: RoomId::new(1).unwrap() },
            user: UserId::new(name).unwrap(),
            label: String::new(),
            offer: Peer::new(config, now).unwrap().1,
            gate_open: true,
            on: BOTH,
        };
        shard.command(command, now, &mut out);
    }
    out.clear();
    (shard, now, out)
}

/// A bug of the library, wherever a session calls it, costs that session.
#[test]
fn a_session_that_panics_is_lost_alone() {
    for cause in ["a datagram", "time", "a goodbye"] {
        let (mut shard, now, mut out) = shard();
        let key = shard.by_id[&SessionId(1)];
        let source = ADDRESS.parse().unwrap();
        shard.demux.bind(source, key, now);
        shard.sessions.get_mut(key).unwrap().transport.fails = true;
        match cause {
            "a datagram" => {
                let destination = "192.0.2.1:1".parse().unwrap();
                shard.receive(Datagram { source, destination, contents: &mut [22; 40] }, 0, now, &mut out);
            }
            "time" => {
                let at = shard.sessions.get(key).unwrap().transport.deadline();
                shard.advance(at.max(now), &mut out);
            }
            _ => shard.command(Command::Close { session: SessionId(1) }, now, &mut out),
        }
        if cause == "a goodbye" {
            assert_eq!(out.notices, []);
        } else {
            assert_eq!(out.notices, [Notice::Lost { session: SessionId(1) }], "{cause}");
            assert_eq!(shard.take_counters().panics, 1);
        }
        assert_eq!(out.ended, [SessionId(1)]);
        assert_eq!(shard.session_ids().collect::<Vec<_>>(), [SessionId(2)]);
    }
}

#[test]
fn a_user_with_too_many_sessions_loses_the_oldest_and_that_is_told() {
    let (mut shard, now, mut out) = shard();
    shard.config.max_sessions = 99;
    let certificate = shard.config.certificate.clone();
    for id in 100..=100 + crate::room::MAX_SESSIONS_PER_USER as u64 {
        let config = PeerConfig::voice(ADDRESS.parse().unwrap(), certificate.clone());
        let command = Command::Open {
            session: SessionId(id),
            room: RoomKey { app: SdkAppId::new(1).unwrap(), room: RoomId::new(1).unwrap() },
            user: UserId::new("carol").unwrap(),
            label: String::new(),
            offer: Peer::new(config, now).unwrap().1,
            gate_open: false,
            on: BOTH,
        };
        shard.command(command, now, &mut out);
    }
    assert_eq!(out.notices.iter().filter(|n| matches!(n, Notice::Evicted { .. })).count(), 1);
    assert!(out.notices.contains(&Notice::Evicted { session: SessionId(100) }));
    assert_eq!(out.ended, [SessionId(100)]);
}
