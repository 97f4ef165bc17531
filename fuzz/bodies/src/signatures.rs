//! UserSig and PrivateMapKey.

use base64::{Engine, prelude::BASE64_STANDARD};
use std::io::Write;
use std::time::Duration;
use tring_media::fuzzing::input::Input;
use tring_usersig::{Claims, Key, MAX_JSON_BYTES, PrivateMapKey, explain, sign_with_userbuf, verify};

const APP: u32 = 1_400_000_000;
const USER: &str = "alice";
const NOW: u64 = 1_700_000_000;

fn key() -> Key {
    Key::from_random([0x5a; 32])
}

/// The first byte: 0 the rest is a text, 1 it is the JSON inside, 2 the compressed form, 3 what is signed, and then
/// where a bit is flipped.
pub(crate) fn usersig(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.u8() & 3 {
        0 => {
            let Ok(text) = std::str::from_utf8(input.rest()) else { return };
            refused(text);
        }
        1 => refused(&to_text(&deflate(input.rest()))),
        2 => refused(&to_text(input.rest())),
        _ => signed(&mut input),
    }
}

/// Nobody without the key makes a UserSig, and whoever looks at one is told what it says within bounds.
fn refused(text: &str) {
    let verified = verify(&key(), APP, USER, text, NOW);
    assert!(verified.is_err(), "a signature out of nothing: {verified:?}");
    if let Ok(explained) = explain(text) {
        assert!(explained.json.len() <= MAX_JSON_BYTES);
        let _ = (explained.expires_at_s(), explained.check_time(NOW), verify(&key(), APP, "", text, 0));
        if let Some(rights) = &explained.map_key {
            assert_eq!(PrivateMapKey::decode(&rights.encode().expect("it was read")), Ok(rights.clone()));
        }
    }
}

/// What is signed verifies, for nobody else and not with a bit changed.
fn signed(input: &mut Input<'_>) {
    let (at, app, lifetime_s, now) = (input.u16(), input.u32(), input.u32(), u64::from(input.u32()));
    let user = String::from_utf8_lossy(input.piece()).into_owned();
    let userbuf = input.rest();
    let lifetime = Duration::from_secs(lifetime_s.into());
    let Ok(text) = sign_with_userbuf(&key(), app, &user, lifetime, now, userbuf) else { return };
    let claims = Claims {
        issued_at_s: now,
        expires_at_s: now + u64::from(lifetime_s),
        userbuf: Some(userbuf.to_vec()),
    };
    assert_eq!(verify(&key(), app, &user, &text, now).as_ref(), Ok(&claims));
    assert!(verify(&key(), app, &user, &text, claims.expires_at_s).is_err());
    assert!(verify(&key(), app.wrapping_add(1), &user, &text, now).is_err());
    assert!(verify(&Key::from_random([1; 32]), app, &user, &text, now).is_err());
    let mut changed = text.into_bytes();
    let at = usize::from(at);
    let place = (at >> 3) % changed.len();
    changed[place] ^= 1 << (at & 7);
    // Bits of the padding mean nothing; no other change passes.
    if let Ok(text) = std::str::from_utf8(&changed)
        && let Ok(found) = verify(&key(), app, &user, text, now)
    {
        assert_eq!(found, claims);
    }
}

/// Room rights: what is read is written and read again the same.
pub(crate) fn map_key(bytes: &[u8]) {
    let Ok(rights) = PrivateMapKey::decode(bytes) else { return };
    let written = rights.encode().expect("what was read can be written");
    assert!(written.len() <= bytes.len());
    assert_eq!(PrivateMapKey::decode(&written).as_ref(), Ok(&rights));
    let _ = (rights.is_for(USER), rights.privileges().names().count(), rights.room().to_string());
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn to_text(packed: &[u8]) -> String {
    BASE64_STANDARD.encode(packed).replace('+', "*").replace('/', "-").replace('=', "_")
}
