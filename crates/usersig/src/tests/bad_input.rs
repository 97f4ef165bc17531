//! Each way to be wrong has an error of its own.

use super::*;

fn good() -> String {
    sign(&key(), APP, "alice", secs(600), T).unwrap()
}

fn malformed(text: &str) -> MalformedReason {
    match verify(&key(), APP, "alice", text, T) {
        Err(SigError::Malformed(reason)) => {
            assert_eq!(
                explain(text).is_err(),
                reason != MalformedReason::Signature,
                "what cannot be read cannot be explained either"
            );
            reason
        }
        other => panic!("{text:?} gave {other:?}"),
    }
}

#[test]
fn checks_come_in_the_order_app_user_signature_time() {
    let expired = T + 10_000;
    let check = |key: &Key, app, user| verify(key, app, user, &good(), expired).unwrap_err();
    assert_eq!(check(&other_key(), 1, "bob"), SigError::WrongApp { found: u64::from(APP), expected: 1 });
    let wrong_user = SigError::WrongUser { found: "alice".to_owned(), expected: "bob".to_owned() };
    assert_eq!(check(&other_key(), APP, "bob"), wrong_user);
    assert_eq!(check(&other_key(), APP, "alice"), SigError::BadSignature);
    assert_eq!(check(&key(), APP, "alice"), SigError::Expired { ago: secs(9_400) });
}

#[test]
fn it_is_valid_to_its_last_second_and_no_longer() {
    assert!(verify(&key(), APP, "alice", &good(), T + 599).is_ok());
    let at_the_end = verify(&key(), APP, "alice", &good(), T + 600);
    assert_eq!(at_the_end, Err(SigError::Expired { ago: Duration::ZERO }));
}

#[test]
fn a_date_ahead_is_allowed_up_to_the_clock_skew() {
    let skew = CLOCK_SKEW.as_secs();
    assert!(verify(&key(), APP, "alice", &good(), T - skew).is_ok());
    let too_far = verify(&key(), APP, "alice", &good(), T - skew - 1);
    assert_eq!(too_far, Err(SigError::NotYetValid { ahead: secs(301) }));
}

#[test]
fn times_at_the_end_of_the_number_range_do_not_wrap() {
    let json = explain(&good()).unwrap().json.replace(":600,", &format!(":{},", u64::MAX));
    let explained = explain(&pack(&json)).unwrap();
    assert_eq!(explained.expires_at_s(), u64::MAX);
    assert_eq!(explained.check_time(T), Ok(()));
    assert_eq!(verify(&key(), APP, "alice", &pack(&json), T), Err(SigError::BadSignature));
}

#[test]
fn what_is_no_user_sig_is_refused_with_the_reason() {
    assert_eq!(malformed(""), MalformedReason::Empty);
    assert_eq!(malformed(&"A".repeat(2049)), MalformedReason::TooLong { len: 2049, max: 2048 });
    assert_eq!(malformed("undefined"), MalformedReason::Base64);
    assert_eq!(malformed(&format!("{}%3D", good())), MalformedReason::Base64);
    assert_eq!(malformed("+/+/"), MalformedReason::Base64);
    assert_eq!(malformed(" \r\n\t"), MalformedReason::Empty);
    assert_eq!(malformed("AAAA"), MalformedReason::Zlib);
    let packed = from_text(&good());
    assert_eq!(malformed(&to_text(&packed[..packed.len() - 1])), MalformedReason::Zlib);
    let long = [packed.as_slice(), b"x"].concat();
    assert_eq!(malformed(&to_text(&long)), MalformedReason::Trailing);
    assert!(matches!(malformed(&pack("[]")), MalformedReason::Json(_)));
    assert!(matches!(malformed(&pack_bytes(b"\"\xff\"")), MalformedReason::Json(_)));
}

#[test]
fn white_space_at_the_ends_is_taken_off_and_inside_it_is_named() {
    for ends in [["", "\n"], ["", "\r\n"], [" ", " "], ["\t\n", "\n\n"]] {
        let text = ends.join(&good());
        assert!(verify(&key(), APP, "alice", &text, T).is_ok(), "{ends:?}");
        assert_eq!(explain(&text), explain(&good()), "{ends:?}");
    }
    for blank in [" ", "\n", "\r\n", "\u{3000}"] {
        let (head, tail) = (&good()[..7], &good()[7..]);
        assert_eq!(malformed(&[head, tail].join(blank)), MalformedReason::Blank { position: 8 }, "{blank:?}");
    }
    // A blank of another alphabet is no line end that came along with a copy.
    assert_eq!(malformed(&format!("\u{3000}{}", good())), MalformedReason::Blank { position: 1 });
    // The limit is that of the text, however much is taken off.
    assert!(explain(&format!("{}{}", good(), "\n".repeat(4096))).is_ok());
}

#[test]
fn each_field_is_needed_once_and_in_its_range() {
    let json = explain(&good()).unwrap().json;
    let with = |from: &str, to: &str| {
        assert!(json.contains(from), "{json}");
        malformed(&pack(&json.replacen(from, to, 1)))
    };
    for name in ["TLS.ver", "TLS.identifier", "TLS.sdkappid", "TLS.time", "TLS.expire", "TLS.sig"] {
        let MalformedReason::Json(text) = with(name, "TLS.other") else { panic!("{name}") };
        assert!(text.contains(&format!("missing field `{name}`")), "{text}");
    }
    assert_eq!(with("\"2.0\"", "\"1.0\""), MalformedReason::Version("1.0".to_owned()));
    for bad in ["-1", "1.5", "1e3", "null", "\"\"", "\"1 \"", "true", "18446744073709551616"] {
        assert!(matches!(with(":600,", &format!(":{bad},")), MalformedReason::Json(_)), "{bad}");
    }
    let twice = with("{", "{\"TLS.identifier\":\"bob\",");
    assert!(matches!(twice, MalformedReason::Json(text) if text.contains("duplicate")));
    assert!(matches!(with("alice", "\\ud800"), MalformedReason::Json(_)), "half a surrogate pair");
    assert_eq!(with("\"TLS.sig\":\"", "\"TLS.sig\":\"AAAA"), MalformedReason::Signature);
    assert_eq!(with("{", "{\"TLS.userbuf\":\"a\\nb\","), MalformedReason::Userbuf);
}

#[test]
fn an_added_or_removed_userbuf_breaks_the_signature() {
    let json = explain(&good()).unwrap().json;
    let added = pack(&json.replace("\"TLS.sig\"", "\"TLS.userbuf\":\"AAAA\",\"TLS.sig\""));
    assert_eq!(verify(&key(), APP, "alice", &added, T), Err(SigError::BadSignature));
    let text = sign_with_userbuf(&key(), APP, "alice", secs(600), T, &[0, 0, 0]).unwrap();
    let json = explain(&text).unwrap().json;
    assert!(json.contains("\"TLS.userbuf\":\"AAAA\","));
    let removed = pack(&json.replace("\"TLS.userbuf\":\"AAAA\",", ""));
    assert_eq!(verify(&key(), APP, "alice", &removed, T), Err(SigError::BadSignature));
}

#[test]
fn a_decompression_bomb_gets_no_further_than_the_bound() {
    let bomb = pack_bytes(&vec![b' '; 1_000_000]);
    assert!(bomb.len() <= MAX_TEXT_BYTES, "{} bytes would be refused by length", bomb.len());
    assert_eq!(malformed(&bomb), MalformedReason::TooLarge { max: MAX_JSON_BYTES });
    let json = explain(&good()).unwrap().json;
    let fits = format!("{json}{}", " ".repeat(MAX_JSON_BYTES - json.len()));
    assert!(verify(&key(), APP, "alice", &pack(&fits), T).is_ok());
    assert_eq!(malformed(&pack(&(fits + " "))), MalformedReason::TooLarge { max: MAX_JSON_BYTES });
}

#[test]
fn a_name_with_line_breaks_forges_nothing() {
    let forged = format!("alice\nTLS.sdkappid:{APP}\nTLS.time:{T}\nTLS.expire:600");
    assert_eq!(sign(&key(), APP, &forged, secs(600), T), Err(SignError::UserControl));
    let json = explain(&good()).unwrap().json.replace("alice", &forged.replace('\n', "\\n"));
    assert_eq!(verify(&key(), APP, &forged, &pack(&json), T), Err(SigError::BadSignature));
}

#[test]
fn nothing_is_signed_for_nobody_for_no_time_or_for_ever() {
    let sign = |app, user: &str, s| sign(&key(), app, user, secs(s), T).unwrap_err();
    assert_eq!(sign(0, "a", 1), SignError::App);
    assert_eq!(sign(1, "", 1), SignError::UserEmpty);
    assert_eq!(sign(1, &"用".repeat(22), 1), SignError::UserTooLong { len: 66, max: 64 });
    assert_eq!(sign(1, "a\nb", 1), SignError::UserControl);
    let max = MAX_LIFETIME.as_secs();
    assert_eq!(sign(1, "a", 0), SignError::Lifetime { found: 0, max });
    assert_eq!(sign(1, "a", max + 1), SignError::Lifetime { found: max + 1, max });
    let long = sign_with_userbuf(&key(), 1, "a", secs(1), T, &[0; 769]);
    assert_eq!(long, Err(SignError::UserbufTooLong { len: 769, max: 768 }));
}

#[test]
fn room_rights_are_bound_to_their_app_their_user_and_their_time() {
    let inner = PrivateMapKey::new(APP, "alice", Room::Number(1), Privileges::ALL, T + 60).unwrap();
    let around = |app, user: &'static str| {
        let text = sign_with_userbuf(&key(), app, user, secs(600), T, &inner.encode().unwrap()).unwrap();
        move |now| verify_map_key(&key(), app, user, &text, now)
    };
    let mismatch = Err(SigError::Malformed(MalformedReason::MapKey(MapKeyError::Mismatch)));
    assert_eq!(around(APP, "alice")(T + 59), Ok(inner.clone()));
    assert_eq!(around(APP, "alice")(T + 61), Err(SigError::Expired { ago: secs(1) }));
    assert_eq!(around(APP, "bob")(T), mismatch);
    assert_eq!(around(APP + 1, "alice")(T), mismatch);
    let plain = verify_map_key(&key(), APP, "alice", &good(), T);
    assert_eq!(plain, Err(SigError::Malformed(MalformedReason::MapKey(MapKeyError::Absent))));
}

#[test]
fn broken_room_rights_are_refused_with_the_reason() {
    let room = Room::Text("lobby".to_owned());
    let bytes = PrivateMapKey::new(APP, "alice", room, Privileges::JOIN, T).unwrap().encode().unwrap();
    let with = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        PrivateMapKey::decode(&bytes).unwrap_err()
    };
    assert_eq!(with(0, 2), MapKeyError::Layout(2));
    assert_eq!(with(0, 0), MapKeyError::Trailing(7));
    assert_eq!(with(1, 255), MapKeyError::Short);
    assert_eq!(with(bytes.len() - 1, 0xff), MapKeyError::Room);
    for end in 0..bytes.len() {
        assert_eq!(PrivateMapKey::decode(&bytes[..end]), Err(MapKeyError::Short), "{end} bytes");
    }
    let new = |user, room, at| PrivateMapKey::new(APP, user, room, Privileges::ALL, at).unwrap_err();
    assert_eq!(new("", Room::Number(1), T), MapKeyError::Account);
    assert_eq!(new("a", Room::Number(0), T), MapKeyError::Room);
    assert_eq!(new("a", Room::Text(String::new()), T), MapKeyError::Room);
    assert_eq!(new("a", Room::Text("r".repeat(65)), T), MapKeyError::Room);
    assert_eq!(new("a", Room::Number(1), 1 << 32), MapKeyError::Expiry);
}

#[test]
fn a_key_is_64_hexadecimal_characters_and_stays_hidden() {
    assert_eq!(Key::parse(""), Err(KeyError::Length { found: 0 }));
    assert_eq!(Key::parse(&SAMPLE_KEY[1..]), Err(KeyError::Length { found: 63 }));
    assert_eq!(Key::parse(&format!("{SAMPLE_KEY} ")), Err(KeyError::Length { found: 65 }));
    assert_eq!(Key::parse(&SAMPLE_KEY.replace("0f", "0用")), Err(KeyError::Character { position: 8 }));
    assert_eq!(Key::parse(&"用".repeat(64)), Err(KeyError::Character { position: 1 }));
    assert_ne!(Key::parse(&SAMPLE_KEY.to_uppercase()).unwrap(), key(), "the text signs, not what it spells");
    assert_eq!(Key::from_random([0xa5; 32]).expose(), "a5".repeat(32));
    assert_eq!(format!("{:?}", key()), "Key(hidden)");
}

#[test]
fn rights_have_names() {
    assert_eq!(Privileges::WATCH.bits(), 42);
    assert!(Privileges::ALL.contains(Privileges::WATCH));
    assert!(!Privileges::WATCH.contains(Privileges::SEND_AUDIO));
    let both = Privileges::JOIN | Privileges::SEND_AUDIO;
    assert_eq!(both.names().collect::<Vec<_>>(), ["join", "send-audio"]);
    assert_eq!(Privileges::from_bits(255).names().count(), 8);
}
