//! Holds the wire format: one file a message under `golden/v1`, written once when the message was released and never
//! edited, because released clients speak it for years. `golden/v1.lock` has the SHA-256 of each.
//!
//! `make golden` writes files that do not exist yet and their hashes, and changes no others.

use crate::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn call() -> CallId {
    CallId::from_random(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)
}

fn room() -> RoomId {
    RoomId::new(4_294_967_295).unwrap()
}

pub(crate) fn requests() -> Vec<(&'static str, ClientMessage)> {
    let call_id = call();
    [
        (
            "login",
            Request::Login {
                protocol: 1,
                sdk_app_id: SdkAppId::new(1_400_000_000).unwrap(),
                user_id: user("用户-1"),
                user_sig: "eJw_".into(),
                device: DeviceInfo { kind: DeviceKind::Web },
                again: false,
            },
        ),
        (
            "login-miniprogram",
            Request::Login {
                protocol: 1,
                sdk_app_id: SdkAppId::new(1).unwrap(),
                user_id: user("b"),
                user_sig: "eJw_".into(),
                device: DeviceInfo { kind: DeviceKind::Miniprogram },
                again: false,
            },
        ),
        (
            "login-again",
            Request::Login {
                protocol: 1,
                sdk_app_id: SdkAppId::new(1).unwrap(),
                user_id: user("b"),
                user_sig: "eJw_".into(),
                device: DeviceInfo { kind: DeviceKind::Web },
                again: true,
            },
        ),
        ("resume", Request::Resume { protocol: 1, ticket: "t".into(), last_seq: 12 }),
        ("logout", Request::Logout {}),
        ("ping", Request::Ping { ack: 12 }),
        (
            "call",
            Request::Call(CallRequest {
                to: vec![user("b")],
                media: MediaType::Video,
                timeout_s: None,
                fail_fast: false,
                data: None,
            }),
        ),
        (
            "call-with-options",
            Request::Call(CallRequest {
                to: vec![user("b"), user("c")],
                media: MediaType::Audio,
                timeout_s: Some(45),
                fail_fast: true,
                data: Some("{\"order\":7}".into()),
            }),
        ),
        ("delivered", Request::Delivered { call_id: call_id.clone() }),
        ("accept", Request::Accept { call_id: call_id.clone() }),
        ("reject", Request::Reject { call_id: call_id.clone() }),
        ("hangup", Request::Hangup { call_id: call_id.clone() }),
        ("transport", Request::Transport { call_id: call_id.clone(), offer: "v=0\r\n".into() }),
        ("streams", Request::Streams { call_id: call_id.clone() }),
        ("media", Request::Media { call_id: call_id.clone(), media: MediaType::Audio }),
        (
            "devices",
            Request::Devices { call_id: call_id.clone(), microphone: true, camera: false, sources: None },
        ),
        (
            "devices-sources",
            Request::Devices { call_id, microphone: true, camera: true, sources: Some(SourceSet::ALL) },
        ),
    ]
    .map(|(name, request)| (name, ClientMessage { id: 7, request }))
    .into()
}

fn answers() -> Vec<(&'static str, Answer)> {
    let welcome = Welcome { ticket: "t".into(), resumed: false, heartbeat_s: 15, resume_s: 60 };
    [
        ("welcome", Outcome::Ok(Success::Welcome(welcome))),
        ("calling", Outcome::Ok(Success::Calling { call_id: call(), room_id: room() })),
        ("transport", Outcome::Ok(Success::Transport { answer: "v=0\r\n".into() })),
        (
            "streams",
            Outcome::Ok(Success::Streams {
                push: "rtmp://calls.example:1935/call/c?ticket=t".into(),
                play: vec![PlayStream {
                    user_id: user("b"),
                    url: "rtmp://calls.example:1935/call/c?ticket=u".into(),
                    flv_path: "/live/c.flv?ticket=u".into(),
                }],
            }),
        ),
        ("done", Outcome::Ok(Success::Done {})),
        ("error", Outcome::Error(ErrorBody::with(ErrorCode::SigExpired, "why"))),
        ("error-retry", Outcome::Error(ErrorBody::with(ErrorCode::TooMany, "why"))),
    ]
    .map(|(name, outcome)| (name, Answer { re: 7, outcome }))
    .into()
}

fn events() -> Vec<(&'static str, EventMessage)> {
    let (call_id, user_id) = (call(), user("b"));
    let c = || call_id.clone();
    let u = || user_id.clone();
    [
        (
            "invited",
            Event::Invited {
                call_id: c(),
                room_id: room(),
                from: user("a"),
                to: vec![u()],
                media: MediaType::Video,
                remaining_ms: 30_000,
                data: Some("{}".into()),
            },
        ),
        ("unreachable", Event::Unreachable { call_id: c(), user_id: u() }),
        ("ringing", Event::Ringing { call_id: c(), user_id: u() }),
        ("accepted", Event::Accepted { call_id: c(), user_id: u() }),
        ("leg-ended", Event::LegEnded { call_id: c(), user_id: u(), reason: EndReason::Busy }),
        (
            "joined",
            Event::Joined { call_id: c(), user_id: u(), microphone: true, camera: false, sources: None },
        ),
        (
            "joined-sources",
            Event::Joined {
                call_id: c(),
                user_id: u(),
                microphone: true,
                camera: false,
                sources: Some(Source::Microphone.into()),
            },
        ),
        ("left", Event::Left { call_id: c(), user_id: u() }),
        (
            "devices",
            Event::Devices { call_id: c(), user_id: u(), microphone: false, camera: true, sources: None },
        ),
        (
            "devices-sources",
            Event::Devices {
                call_id: c(),
                user_id: u(),
                microphone: false,
                camera: false,
                sources: Some([Source::Screen, Source::ScreenAudio].into()),
            },
        ),
        ("media", Event::Media { call_id: c(), user_id: u(), media: MediaType::Video }),
        ("network", Event::Network { call_id: c(), user_id: u(), level: 5 }),
        ("transport-lost", Event::TransportLost { call_id: c() }),
        ("video-codec", Event::VideoCodec { call_id: c(), user_id: u(), codec: Some(VideoCodec::H264) }),
        ("video-codec-none", Event::VideoCodec { call_id: c(), user_id: u(), codec: None }),
        (
            "stream-fault",
            Event::StreamFault {
                call_id: c(),
                user_id: u(),
                fault: StreamFault::BFrames,
                message: "encode without B-frames".into(),
            },
        ),
        (
            "merged",
            Event::Merged {
                call_id: c(),
                into: CallId::from_random(1),
                room_id: room(),
                media: MediaType::Audio,
            },
        ),
        ("ended", Event::Ended { call_id: c(), reason: EndReason::Hangup, by: Some(u()), duration_s: 61 }),
        (
            "ended-by-nobody",
            Event::Ended { call_id: c(), reason: EndReason::NoResponse, by: None, duration_s: 0 },
        ),
        ("kicked-out", Event::KickedOut { reason: KickReason::SignedInElsewhere }),
    ]
    .map(|(name, event)| (name, EventMessage { seq: 12, event }))
    .into()
}

/// Compares with the golden file of `path`, or writes it if it is new and writing was asked for.
fn hold(path: &str, message: &impl Serialize, known: &mut BTreeSet<String>) {
    known.insert(path.to_owned());
    let file = folder().join(path);
    let value = serde_json::to_value(message).unwrap();
    if std::env::var_os("TRING_WRITE_GOLDEN").is_some() && !file.exists() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, format!("{}\n", serde_json::to_string_pretty(&value).unwrap())).unwrap();
    }
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("golden/v1/{path}: {e}"));
    assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap(), "golden/v1/{path}");
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/v1")
}

#[test]
fn version_1_is_spoken_as_it_was_released() {
    let mut known = BTreeSet::new();
    for (name, message) in requests() {
        let path = format!("request/{name}.json");
        hold(&path, &message, &mut known);
        let text = std::fs::read_to_string(folder().join(&path)).unwrap();
        assert_eq!(parse_client_message(&text).unwrap(), message, "{path}");
    }
    for (name, answer) in answers() {
        let path = format!("answer/{name}.json");
        hold(&path, &answer, &mut known);
        let text = std::fs::read_to_string(folder().join(&path)).unwrap();
        assert_eq!(parse_server_message(&text).unwrap(), ServerMessage::Answer(answer), "{path}");
    }
    for (name, event) in events() {
        let path = format!("event/{name}.json");
        hold(&path, &event, &mut known);
        let text = std::fs::read_to_string(folder().join(&path)).unwrap();
        assert_eq!(parse_server_message(&text).unwrap(), ServerMessage::Event(event), "{path}");
    }
    for kind in ["request", "answer", "event"] {
        for file in std::fs::read_dir(folder().join(kind)).unwrap() {
            let path = format!("{kind}/{}", file.unwrap().file_name().to_string_lossy());
            assert!(
                known.contains(&path),
                "golden/v1/{path} is a released message that nothing speaks any more"
            );
        }
    }
}

#[test]
fn every_message_type_has_a_golden_file() {
    // serde names the variants that it knows when it meets one that it does not.
    let names = |e: serde_json::Error| -> BTreeSet<String> {
        e.to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect()
    };
    let spoken = |values: Vec<Value>| -> BTreeSet<String> {
        values.iter().map(|v| v["type"].as_str().unwrap().to_owned()).collect()
    };
    let requests = requests().into_iter().map(|(_, m)| serde_json::to_value(m).unwrap()).collect();
    let events = events().into_iter().map(|(_, m)| serde_json::to_value(m).unwrap()).collect();
    assert_eq!(names(serde_json::from_str::<Request>(r#"{"?":{}}"#).unwrap_err()), spoken(requests));
    assert_eq!(names(serde_json::from_str::<Event>(r#"{"type":"?"}"#).unwrap_err()), spoken(events));
}

/// Every value of an enum without fields, in the order of its declaration. The match is there for the compiler, which
/// refuses it when a value is missing.
macro_rules! every {
    ($name:ident: $($value:ident)*) => {{
        #[allow(dead_code)]
        fn complete(value: $name) {
            match value { $($name::$value => {})* }
        }
        vec![$($name::$value),*]
    }};
}

/// The texts of an enum's values. Each is read back as the value it was written from.
fn texts<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(values: &[T]) -> Value {
    let texts: Vec<Value> = values.iter().map(|v| serde_json::to_value(v).unwrap()).collect();
    for (text, value) in texts.iter().zip(values) {
        assert_eq!(serde_json::from_value::<T>(text.clone()).unwrap(), *value);
    }
    texts.into()
}

#[test]
fn every_value_of_every_enum_is_held() {
    let mut known = BTreeSet::new();
    let enums = json!({
        "mediaType": texts(&every!(MediaType: Audio Video)),
        "videoCodec": texts(&every!(VideoCodec: H264 Vp8)),
        "deviceKind": texts(&every!(DeviceKind: Web Miniprogram Native)),
        "endReason": texts(&every!(EndReason:
            Hangup Cancel Reject Busy NoResponse Timeout AnsweredElsewhere Kicked Lost Server)),
        "kickReason": texts(&every!(KickReason: SignedInElsewhere AppDeleted TooSlow)),
    });
    hold("enums.json", &enums, &mut known);
    let faults = texts(&every!(StreamFault: Codec BFrames SoundFormat PictureFormat NoKeyFrames Server));
    hold("stream-faults.json", &faults, &mut known);
    hold("sources.json", &texts(&every!(Source: Microphone Camera Screen ScreenAudio)), &mut known);
    // `ErrorCode::ALL` is complete by its own macro. A code that came later has a file of its own.
    let (first, later): (Vec<ErrorCode>, Vec<ErrorCode>) =
        ErrorCode::ALL.iter().copied().partition(|code| !matches!(code, ErrorCode::SourceUnsupported));
    hold("errors.json", &texts(&first), &mut known);
    hold("errors-sources.json", &texts(&later), &mut known);
}

fn files(folder: &std::path::Path, under: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{under}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), &format!("{path}/"), found);
        } else {
            let hash = Sha256::digest(std::fs::read(entry.path()).unwrap());
            found.insert(path, hash.iter().map(|b| format!("{b:02x}")).collect());
        }
    }
}

/// What has changed since the lock was written, as sentences that say what to do. A new file is only a change of the
/// lock while its version is not released.
fn changes(lock: &str, found: &BTreeMap<String, String>) -> Vec<String> {
    let locked: BTreeMap<&str, &str> =
        lock.lines().filter_map(|line| line.split_once("  ").map(|(hash, path)| (path, hash))).collect();
    let mut changes = Vec::new();
    for (path, hash) in &locked {
        let edit = match found.get(*path) {
            Some(now) if now == hash => continue,
            Some(_) => "was edited",
            None => "was removed",
        };
        changes.push(format!(
            "golden/v1/{path} {edit}. Released clients speak it for years: put it back, and add a new version beside \
             it (a folder golden/v2, PROTOCOL_VERSION 2) for what has changed"
        ));
    }
    for path in found.keys().filter(|path| !locked.contains_key(path.as_str())) {
        changes.push(format!(
            "golden/v1/{path} is not in golden/v1.lock. Before the release of version 1: `make golden` adds \
             it. After it: it belongs to a new version"
        ));
    }
    changes
}

#[test]
fn a_released_folder_is_locked() {
    let mut found = BTreeMap::new();
    files(&folder(), "", &mut found);
    let path = folder().with_extension("lock");
    let mut lock = std::fs::read_to_string(&path).unwrap_or_default();
    if std::env::var_os("TRING_WRITE_GOLDEN").is_some() {
        for (path, hash) in &found {
            if !lock.contains(&format!("  {path}\n")) {
                lock += &format!("{hash}  {path}\n");
            }
        }
        std::fs::write(&path, &lock).unwrap();
    }
    assert_eq!(changes(&lock, &found), [""; 0]);
}

#[test]
fn the_lock_notices_an_edit_a_removal_and_a_new_file() {
    let found =
        |files: &[(&str, &str)]| files.iter().map(|(p, h)| ((*p).to_owned(), (*h).to_owned())).collect();
    let lock = "aa  a.json\nbb  b.json\n";
    assert_eq!(changes(lock, &found(&[("a.json", "aa"), ("b.json", "bb")])), [""; 0]);
    let said = changes(lock, &found(&[("a.json", "ac"), ("c.json", "cc")]));
    assert!(said[0].contains("a.json was edited") && said[0].contains("new version"), "{said:?}");
    assert!(said[1].contains("b.json was removed"), "{said:?}");
    assert!(said[2].contains("c.json is not in"), "{said:?}");
}
