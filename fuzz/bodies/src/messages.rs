//! What clients and server say to each other.

use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;
use tring_protocol::limits::MAX_MESSAGE_BYTES;
use tring_protocol::{
    Answer, ErrorCode, Outcome, ServerMessage, parse_client_message, parse_server_message, refuse_unread,
};

/// A client's message: read, or answered under its own id with what is wrong.
pub(crate) fn request(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse_client_message(text) {
        Ok(message) => {
            let written = serde_json::to_string(&message).expect("a message has a JSON form");
            let longest = written.len() > MAX_MESSAGE_BYTES;
            assert!(longest || parse_client_message(&written) == Ok(message.clone()), "{written}");
            assert_eq!(refuse_unread(text, ErrorCode::TooMany.into()).re, message.id);
        }
        Err(answer) => {
            let Outcome::Error(error) = &answer.outcome else { panic!("no error for what is no message") };
            assert!(error.message.len() <= 600, "{} bytes of reason", error.message.len());
            assert_eq!(refuse_unread(text, ErrorCode::TooMany.into()).re, answer.re);
            identity(&answer);
        }
    }
    unknown_type(text);
}

/// The same message of a type that this version does not know.
fn unknown_type(text: &str) {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else { return };
    fields.insert("id".into(), 5.into());
    fields.insert("type".into(), "of_version_9".into());
    let text = Value::Object(fields.clone()).to_string();
    if text.len() > MAX_MESSAGE_BYTES {
        return;
    }
    let expected = Answer { re: 5, outcome: Outcome::Error(ErrorCode::UnknownType.into()) };
    assert_eq!(parse_client_message(&text), Err(expected), "{text}");
}

/// What a server says: an answer or an event, or nothing that a client of this version takes.
pub(crate) fn reply(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse_server_message(text) {
        Ok(ServerMessage::Answer(answer)) => identity(&answer),
        Ok(ServerMessage::Event(event)) => identity(&event),
        Err(_) => {}
    }
}

fn identity<T: serde::Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let written = serde_json::to_string(value).expect("a message has a JSON form");
    let again: T = serde_json::from_str(&written).expect("what is written can be read");
    assert_eq!(&again, value, "{written}");
}
