//! What holds for every key, name, time and text.

use super::*;
use proptest::prelude::*;

prop_compose! {
    fn any_key()(bytes in any::<[u8; 32]>()) -> Key {
        Key::from_random(bytes)
    }
}

/// Any name that may be signed for: 1 to 64 bytes without control characters.
fn any_user() -> impl Strategy<Value = String> {
    "\\PC{1,16}".prop_filter("at most 64 bytes, no control character", |s| {
        s.len() <= MAX_USER_BYTES && !s.chars().any(char::is_control)
    })
}

fn any_room() -> impl Strategy<Value = Room> {
    prop_oneof![(1..=u32::MAX).prop_map(Room::Number), "[a-z用0-9-]{1,20}".prop_map(Room::Text)]
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_says_what_was_signed(
        key in any_key(),
        app in 1..=u32::MAX,
        user in any_user(),
        lifetime_s in 1..=MAX_LIFETIME.as_secs(),
        now in 0..=u64::from(u32::MAX),
        userbuf in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..=MAX_USERBUF_BYTES)),
    ) {
        let text = match &userbuf {
            Some(bytes) => sign_with_userbuf(&key, app, &user, secs(lifetime_s), now, bytes).unwrap(),
            None => sign(&key, app, &user, secs(lifetime_s), now).unwrap(),
        };
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"*-_".contains(&b)));
        let claims = Claims { issued_at_s: now, expires_at_s: now + lifetime_s, userbuf };
        prop_assert_eq!(verify(&key, app, &user, &text, now).unwrap(), claims);
        let later = verify(&key, app, &user, &text, now + lifetime_s + 5);
        prop_assert_eq!(later, Err(SigError::Expired { ago: secs(5) }));
    }

    #[test]
    fn another_key_app_or_user_never_verifies(
        (key, other) in (any_key(), any_key()),
        (app, other_app) in (1..=u32::MAX, 1..=u32::MAX),
        (user, other_user) in (any_user(), any_user()),
    ) {
        prop_assume!(key != other && app != other_app && user != other_user);
        let text = sign(&key, app, &user, secs(60), T).unwrap();
        prop_assert_eq!(verify(&other, app, &user, &text, T), Err(SigError::BadSignature));
        let is_wrong_app = matches!(verify(&key, other_app, &user, &text, T), Err(SigError::WrongApp { .. }));
        let is_wrong_user = matches!(verify(&key, app, &other_user, &text, T), Err(SigError::WrongUser { .. }));
        prop_assert!(is_wrong_app && is_wrong_user);
    }

    /// A flipped bit of the compressed form may fall into padding that means nothing; whatever it does, it never makes
    /// a UserSig that says something else.
    #[test]
    fn a_flipped_bit_never_changes_what_is_verified(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let text = sign(&key(), APP, "alice", secs(600), T).unwrap();
        let genuine = verify(&key(), APP, "alice", &text, T).unwrap();
        let mut packed = from_text(&text);
        let at = at.index(packed.len());
        packed[at] ^= 1 << bit;
        if let Ok(claims) = verify(&key(), APP, "alice", &to_text(&packed), T) {
            prop_assert_eq!(claims, genuine);
        }
    }

    /// The JSON has no padding: each changed bit of it is noticed, unless it only touches what is not signed.
    #[test]
    fn a_flipped_bit_of_the_json_never_verifies(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let text = sign(&key(), APP, "alice", secs(600), T).unwrap();
        let mut json = explain(&text).unwrap().json.into_bytes();
        let at = at.index(json.len());
        json[at] ^= 1 << bit;
        prop_assert!(verify(&key(), APP, "alice", &pack_bytes(&json), T).is_err());
    }

    #[test]
    fn garbage_is_refused_without_a_panic(
        text in "\\PC{0,300}",
        letters in "[A-Za-z0-9*_-]{0,300}",
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        for text in [text, letters, to_text(&bytes), pack_bytes(&bytes)] {
            prop_assert!(verify(&key(), APP, "alice", &text, T).is_err());
            prop_assert!(explain(&text).is_err());
        }
        let _ = PrivateMapKey::decode(&bytes);
    }

    #[test]
    fn room_rights_come_back_as_they_were_written(
        app in 1..=u32::MAX,
        user in any_user(),
        room in any_room(),
        bits in any::<u32>(),
        lifetime_s in 1..1_000_000u64,
    ) {
        let privileges = Privileges::from_bits(bits);
        let text = sign_map_key(&key(), app, &user, &room, privileges, secs(lifetime_s), T).unwrap();
        let rights = verify_map_key(&key(), app, &user, &text, T).unwrap();
        prop_assert_eq!(rights.room(), &room);
        prop_assert_eq!(rights.privileges(), privileges);
        prop_assert_eq!(u64::from(rights.expires_at_s()), T + lifetime_s);
        prop_assert!(rights.is_for(&user));
        prop_assert_eq!(PrivateMapKey::decode(&rights.encode().unwrap()), Ok(rights.clone()));
        let explained = explain(&text).unwrap().map_key;
        prop_assert_eq!(explained, Some(rights));
    }
}
