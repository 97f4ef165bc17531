use super::*;

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
    let text = format!(r#"{{"id":9,"type":"transport","callID":"c","offer":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(code_of(&text), (9, ErrorCode::TooLarge));
}

#[test]
fn unknown_fields_are_ignored() {
    let m = parse_client_message(r#"{"id":1,"type":"accept","callID":"c","later":{"a":[1]}}"#).unwrap();
    assert_eq!(m.request, Request::Accept { call_id: CallId::new("c").unwrap() });
}

#[test]
fn known_types_are_those_of_request() {
    for kind in KNOWN_TYPES {
        assert_ne!(code_of_kind(kind), Some(ErrorCode::UnknownType), "{kind}");
    }
    // serde names the variants it knows when it meets one that it does not.
    let message = serde_json::from_str::<Request>(r#"{"type":"?"}"#).unwrap_err().to_string();
    for kind in KNOWN_TYPES {
        assert!(message.contains(&format!("`{kind}`")), "{kind} is not in: {message}");
    }
    assert_eq!(message.matches('`').count() / 2, KNOWN_TYPES.len() + 1, "{message}");
}

fn code_of_kind(kind: &str) -> Option<ErrorCode> {
    match parse_client_message(&format!(r#"{{"id":1,"type":"{kind}"}}"#)) {
        Err(Answer { outcome: Outcome::Error(e), .. }) => Some(e.code),
        _ => None,
    }
}
