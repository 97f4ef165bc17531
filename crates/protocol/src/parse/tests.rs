use super::*;
use crate::{CallId, DeviceInfo, DeviceKind, Event, Request, SdkAppId, Source, SourceSet, Success, UserId};
use std::collections::BTreeSet;

fn code_of(text: &str) -> (u32, ErrorCode) {
    match parse_client_message(text) {
        Err(Answer { re, outcome: Outcome::Error(e) }) => (re, e.code),
        other => panic!("{text} was read as {other:?}"),
    }
}

#[test]
fn bad_messages_get_the_error_that_says_what_to_do() {
    for (text, re, code) in [
        ("", 0, ErrorCode::Malformed),
        ("[]", 0, ErrorCode::Malformed),
        (r#"{"id":3}"#, 3, ErrorCode::Malformed),
        (r#"{"id":3,"type":"teleport"}"#, 3, ErrorCode::UnknownType),
        (r#"{"id":3,"type":"accept"}"#, 3, ErrorCode::Malformed),
        (
            r#"{"id":3,"type":"login","protocol":1,"sdkAppID":1,"userSig":"x","device":{"kind":"web"}}"#,
            3,
            ErrorCode::UserIdInvalid,
        ),
        (
            r#"{"id":3,"type":"login","protocol":1,"sdkAppID":1,"userID":0,"userSig":"x","device":{"kind":"web"}}"#,
            3,
            ErrorCode::UserIdInvalid,
        ),
        (
            r#"{"id":3,"type":"login","protocol":1,"sdkAppID":1,"userID":"undefined","userSig":"x","device":{"kind":"web"}}"#,
            3,
            ErrorCode::UserIdInvalid,
        ),
        (
            r#"{"id":3,"type":"login","protocol":1,"sdkAppID":0,"userID":"a","userSig":"x","device":{"kind":"web"}}"#,
            3,
            ErrorCode::AppUnknown,
        ),
        (r#"{"id":3,"type":"call","to":[""],"media":"audio"}"#, 3, ErrorCode::CalleesInvalid),
        (r#"{"id":3,"type":"call","to":["b"],"media":3}"#, 3, ErrorCode::CallOptions),
    ] {
        assert_eq!(code_of(text), (re, code), "{text}");
    }
}

#[test]
fn a_message_past_the_limit_is_refused_before_it_is_parsed() {
    let rest = r#"{"id":9,"type":"transport","callID":"c","offer":""}"#.len();
    let text = |bytes: usize| {
        format!(r#"{{"id":9,"type":"transport","callID":"c","offer":"{}"}}"#, "x".repeat(bytes - rest))
    };
    assert_eq!(code_of(&text(MAX_MESSAGE_BYTES + 1)), (9, ErrorCode::TooLarge));
    assert!(parse_client_message(&text(MAX_MESSAGE_BYTES)).is_ok());
}

#[test]
fn an_offer_of_the_greatest_length_is_read_whatever_is_in_it() {
    for pattern in ["x", "a=x\r\n", "\r\n", "\"\\"] {
        let offer: String = pattern.chars().cycle().take(crate::limits::MAX_OFFER_BYTES).collect();
        let call_id = CallId::new("c".repeat(crate::limits::MAX_CALL_ID_BYTES).as_str()).unwrap();
        let sent = ClientMessage { id: u32::MAX, request: Request::Transport { call_id, offer } };
        let text = serde_json::to_string(&sent).unwrap();
        assert_eq!(parse_client_message(&text), Ok(sent), "{pattern:?}");
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let m = parse_client_message(r#"{"id":1,"type":"accept","callID":"c","later":{"a":[1]}}"#).unwrap();
    assert_eq!(m.request, Request::Accept { call_id: CallId::new("c").unwrap() });
}

fn fault_of(text: &str) -> ErrorBody {
    match parse_client_message(text) {
        Err(Answer { outcome: Outcome::Error(e), .. }) => e,
        other => panic!("{text} was read as {other:?}"),
    }
}

#[test]
fn a_wrong_shape_keeps_the_id_and_names_the_field() {
    for (text, code, said) in [
        (r#"{"id":3,"type":"call","to":"b"}"#, ErrorCode::CalleesInvalid, "`to` of call is a text"),
        (r#"{"id":3,"type":"call","media":"audio"}"#, ErrorCode::CalleesInvalid, "`to` of call is missing"),
        (
            r#"{"id":3,"type":"call","to":["b"],"media":"audio","timeoutS":"9"}"#,
            ErrorCode::CallOptions,
            "`timeoutS`",
        ),
        (r#"{"id":3,"type":"call","to":["b"],"media":"smell"}"#, ErrorCode::CallOptions, "smell"),
        (r#"{"id":3,"type":"accept","callID":7}"#, ErrorCode::Malformed, "`callID` of accept is a number"),
        (r#"{"id":3,"type":"ping"}"#, ErrorCode::Malformed, "`ack` of ping is missing"),
        (r#"{"id":3,"type":"ping","ack":-1}"#, ErrorCode::Malformed, "`ack`"),
        (r#"{"id":3,"type":5}"#, ErrorCode::Malformed, "`type`"),
        (
            r#"{"id":3,"type":"login","protocol":1,"sdkAppID":"1","userID":"a","userSig":"x","device":{"kind":"web"}}"#,
            ErrorCode::Malformed,
            "`sdkAppID` of login is a text",
        ),
        (
            r#"{"id":3,"type":"login","protocol":1,"sdkAppID":1,"userID":"a","userSig":"x","device":{"kind":"fridge"}}"#,
            ErrorCode::Malformed,
            "fridge",
        ),
    ] {
        assert_eq!(code_of(text), (3, code), "{text}");
        let message = fault_of(text).message;
        assert!(message.contains(said), "{text}: {message}");
    }
    assert_eq!(code_of(r#"{"id":"3","type":"ping","ack":0}"#), (0, ErrorCode::Malformed));
    assert!(fault_of(r#"{"id":"3","type":"ping","ack":0}"#).message.contains("`id`"));
}

#[test]
fn a_hostile_message_is_answered_and_not_kept() {
    let deep = format!(r#"{{"id":3,"type":"call","to":{}"#, "[".repeat(20_000));
    assert_eq!(code_of(&deep).1, ErrorCode::Malformed);
    let many: Vec<String> = (0..3000).map(|n| format!("\"f{n}\":[0]")).collect();
    assert_eq!(
        code_of(&format!(r#"{{"id":3,"type":"ping",{}}}"#, many.join(","))),
        (3, ErrorCode::Malformed)
    );
}

#[test]
fn a_numeric_user_id_is_its_decimal_text_and_0_is_refused() {
    let read =
        |to: &str| parse_client_message(&format!(r#"{{"id":1,"type":"call","to":[{to}],"media":"audio"}}"#));
    let Ok(ClientMessage { request: Request::Call(call), .. }) = read("10086") else { panic!("refused") };
    assert_eq!(call.to, [UserId::new("10086").unwrap()]);
    for wrong in ["0", "\"0\"", "1.5", "-1", "null", "true", "\"\"", "\"undefined\""] {
        let Err(Answer { re: 1, outcome: Outcome::Error(e) }) = read(wrong) else {
            panic!("{wrong} was taken")
        };
        assert_eq!(e.code, ErrorCode::CalleesInvalid, "{wrong}");
    }
}

#[test]
fn no_secret_is_printed() {
    let login = Request::Login {
        protocol: 1,
        sdk_app_id: SdkAppId::new(1).unwrap(),
        user_id: UserId::new("a").unwrap(),
        user_sig: "hush".into(),
        device: DeviceInfo { kind: DeviceKind::Web },
        again: false,
    };
    let resume = Request::Resume { protocol: 1, ticket: "hush".into(), last_seq: 0 };
    let welcome = crate::Welcome { ticket: "hush".into(), resumed: false, heartbeat_s: 15, resume_s: 60 };
    for request in [login, resume] {
        let message = ClientMessage { id: 1, request };
        assert!(!format!("{message:?}").contains("hush"), "{message:?}");
        assert!(serde_json::to_string(&message).unwrap().contains("hush"), "but it is sent");
    }
    let answer = Answer { re: 1, outcome: Outcome::Ok(Success::Welcome(welcome)) };
    assert!(!format!("{answer:?}").contains("hush"), "{answer:?}");
}

/// The fields that a request may leave out.
const OPTIONAL: [(&str, &str); 5] = [
    ("login", "again"),
    ("call", "timeoutS"),
    ("call", "failFast"),
    ("call", "data"),
    ("devices", "sources"),
];

#[test]
fn a_field_that_is_missing_or_wrong_is_named() {
    let mut seen = BTreeSet::new();
    for (golden, message) in crate::golden::requests() {
        let whole = serde_json::to_value(&message).unwrap();
        let kind = whole["type"].as_str().unwrap();
        for field in whole.as_object().unwrap().keys().filter(|f| !["id", "type"].contains(&f.as_str())) {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(field);
            if OPTIONAL.contains(&(kind, field)) {
                seen.insert((kind.to_owned(), field.clone()));
                assert!(parse_client_message(&without.to_string()).is_ok(), "{golden} without {field}");
            } else {
                let said = format!("`{field}` of {kind} is missing");
                let e = fault_of(&without.to_string());
                assert!(e.message.starts_with(&said), "{golden} without {field}: {e:?}");
            }
            let mut wrong = whole.clone();
            wrong[field] = serde_json::json!([[]]);
            let e = fault_of(&wrong.to_string());
            assert!(e.message.contains(&format!("`{field}")), "{golden}, wrong {field}: {e:?}");
        }
    }
    assert_eq!(seen.len(), OPTIONAL.len(), "only {seen:?} are in golden messages");
}

#[test]
fn the_place_of_a_fault_within_a_field_is_named() {
    let login =
        r#"{"id":3,"type":"login","protocol":1,"sdkAppID":1,"userID":"a","userSig":"x","device":{"kind":"#;
    for (text, said) in [
        (r#"{"id":3,"type":"call","to":["a",{}],"media":"audio"}"#.to_owned(), "`to[1]` of call: "),
        (format!("{login}3}}}}"), "`device.kind` of login: "),
        (format!("{login}\"fridge\"}}}}"), "`device.kind` of login: unknown variant `fridge`"),
    ] {
        let message = fault_of(&text).message;
        assert!(message.starts_with(said), "{text}: {message}");
    }
}

#[test]
fn a_source_that_is_not_known_is_refused_in_a_request_and_passed_over_in_an_event() {
    let fields =
        |sources: &str| format!(r#""callID":"c","microphone":true,"camera":false,"sources":{sources}"#);
    let request = |sources: &str| format!(r#"{{"id":3,"type":"devices",{}}}"#, fields(sources));
    let event = |sources: &str| format!(r#"{{"seq":3,"type":"devices","userID":"u",{}}}"#, fields(sources));
    let asked = |sources: &str| match parse_client_message(&request(sources)).unwrap().request {
        Request::Devices { sources, .. } => sources,
        other => panic!("{other:?}"),
    };
    let told = |sources: &str| match parse_server_message(&event(sources)).unwrap() {
        ServerMessage::Event(EventMessage { event: Event::Devices { sources, .. }, .. }) => sources,
        other => panic!("{other:?}"),
    };
    let (known, later) = (r#"["camera","screen_audio"]"#, r#"["camera","whiteboard"]"#);
    let both = Some([Source::Camera, Source::ScreenAudio].into());
    assert_eq!((asked(known), told(known)), (both, both));
    assert_eq!((asked("[]"), told("[]")), (Some(SourceSet::EMPTY), Some(SourceSet::EMPTY)));
    assert_eq!((asked("null"), told("null")), (None, None));
    assert_eq!(told(later), Some(Source::Camera.into()));
    assert_eq!(code_of(&request(later)), (3, ErrorCode::SourceUnsupported));
    assert!(
        fault_of(&request(later))
            .message
            .starts_with("`sources[1]` of devices: unknown variant `whiteboard`")
    );
    assert_eq!(code_of(&request("7")), (3, ErrorCode::Malformed), "no list is another matter");
}

#[test]
fn the_envelope_is_found_wherever_it_stands_and_only_once() {
    let ping = ClientMessage { id: 7, request: Request::Ping { ack: 1 } };
    for text in [
        r#"{"ack":1,"type":"ping","id":7}"#,
        r#"{"deep":[[[[{"id":9}]]]],"id":7,"ack":1,"type":"pi\u006eg"}"#,
    ] {
        assert_eq!(parse_client_message(text), Ok(ping.clone()), "{text}");
    }
    for text in [
        r#"{"id":7,"type":"ping","ack":1,"id":8}"#,
        r#"{"id":7,"type":"ping","ack":1} {}"#,
        r#"[7,"ping",1]"#,
    ] {
        assert_eq!(code_of(text), (0, ErrorCode::Malformed), "{text}");
    }
    for text in
        [r#"{"id":7,"type":"ping","ack":1,"ack":2}"#, r#"{"id":7,"type":"ping","type":"ping","ack":1}"#]
    {
        assert_eq!(code_of(text), (7, ErrorCode::Malformed), "who sent it waits for its answer: {text}");
    }
    let error = parse_client_message(r#"{"id":7,"type":"ping","ack":1e999}"#).unwrap_err();
    assert!(
        !format!("{error:?}").contains("missing"),
        "what no reader can hold is there all the same: {error:?}"
    );
}

#[test]
fn a_server_message_with_a_type_is_an_event_and_any_other_an_answer() {
    let left = Event::TransportLost { call_id: CallId::new("c").unwrap() };
    let read = |text: &str| parse_server_message(text).ok();
    assert_eq!(
        read(r#"{"seq":2,"type":"transport_lost","callID":"c","later":1}"#),
        Some(ServerMessage::Event(EventMessage { seq: 2, event: left }))
    );
    let done = Answer { re: 3, outcome: Outcome::Ok(Success::Done {}) };
    assert_eq!(read(r#"{"re":3,"ok":{}}"#), Some(ServerMessage::Answer(done)));
    for unknown in [r#"{"seq":2,"type":"of_version_9"}"#, r#"{"re":3}"#, "{}", "[]", r#"{"re":3,"ok":{}"#] {
        assert_eq!(read(unknown), None, "{unknown}");
    }
}

/// The parser's own words repeat what it found, escaped.
#[test]
fn a_long_text_in_the_wrong_place_is_not_sent_back_whole() {
    let odd = "\u{7f}".repeat(10_000);
    for text in [format!("\"{odd}\""), format!(r#"{{"id":1,"type":"call","to":["a"],"media":"{odd}"}}"#)] {
        let Err(Answer { outcome: Outcome::Error(error), .. }) = parse_client_message(&text) else {
            panic!()
        };
        assert!(error.message.len() < 600, "{}", error.message.len());
        assert!(error.message.contains("at line 1 column"), "{}", error.message);
    }
}

#[test]
fn a_user_id_that_is_refused_is_refused_with_the_reason() {
    let login = |id: &str| {
        serde_json::json!({
            "id": 3, "type": "login", "protocol": 1, "sdkAppID": 1, "userID": id, "userSig": "x",
            "device": { "kind": "web" },
        })
        .to_string()
    };
    let call = |id: &str| {
        serde_json::json!({ "id": 3, "type": "call", "to": ["a", id], "media": "audio" }).to_string()
    };
    for (id, said) in [
        (" bob ", "U+0020 (space)"),
        ("bo\u{200b}b", "U+200B (zero-width space)"),
        ("bob\n", "U+000A (line feed)"),
        ("undefined", "placeholder"),
    ] {
        for (text, code) in [(login(id), ErrorCode::UserIdInvalid), (call(id), ErrorCode::CalleesInvalid)] {
            let fault = fault_of(&text);
            assert_eq!(fault.code, code, "{text}");
            assert!(fault.message.contains(said), "{text}: {}", fault.message);
        }
    }
    assert!(parse_client_message(&login("bob")).is_ok() && parse_client_message(&call("bob")).is_ok());
}
