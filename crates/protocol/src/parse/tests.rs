use super::*;
use crate::{CallId, DeviceInfo, DeviceKind, Request, SdkAppId};

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
    let answer = Answer { re: 1, outcome: Outcome::Ok(crate::Success::Welcome(welcome)) };
    assert!(!format!("{answer:?}").contains("hush"), "{answer:?}");
}

#[test]
fn the_fields_looked_at_are_those_of_the_requests() {
    // serde names the variants it knows when it meets one that it does not.
    let message = serde_json::from_str::<Request>(r#"{"type":"?"}"#).unwrap_err().to_string();
    let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
    assert_eq!(known, REQUESTS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
    for (kind, message) in crate::golden::requests() {
        let whole = serde_json::to_value(&message).unwrap();
        let name = whole["type"].as_str().unwrap().to_owned();
        let (_, fields) = REQUESTS.iter().find(|(known, _)| *known == name).unwrap();
        for field in whole.as_object().unwrap().keys().filter(|f| !["id", "type"].contains(&f.as_str())) {
            assert!(fields.iter().any(|(known, ..)| known == field), "{kind}: {field} is not in the list");
        }
        for (field, _, required) in *fields {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(*field);
            assert_eq!(
                parse_client_message(&without.to_string()).is_err(),
                *required,
                "{kind} without {field}"
            );
            let mut wrong = whole.clone();
            wrong[*field] = serde_json::json!([[]]);
            let e = fault_of(&wrong.to_string());
            assert!(e.message.contains(&format!("`{field}`")), "{kind}, wrong {field}: {e:?}");
        }
    }
    for (kind, fields) in REQUESTS {
        for (field, ..) in *fields {
            let spoken = crate::golden::requests().into_iter().any(|(_, message)| {
                let value = serde_json::to_value(&message).unwrap();
                value["type"] == *kind && value.get(field).is_some()
            });
            assert!(spoken, "no golden {kind} has {field}, so this test has not seen it");
        }
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
