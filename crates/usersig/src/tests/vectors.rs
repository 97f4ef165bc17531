//! Texts that other people's libraries made, with the clock at T.

use super::*;

struct Vector {
    user: &'static str,
    lifetime_s: u64,
    signature: &'static str,
    /// What each library wrote.
    texts: &'static [&'static str],
}

const V1: Vector = Vector {
    user: "xiaojun",
    lifetime_s: 15_552_000,
    signature: "LvA7d/Iw7gSsnskvVzBDPOCCDbuNCw4GHwTC0bip+B4=",
    texts: &[
        "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwhWZiflZpXlQqeKU7MSCgswUJStDEwMogMiUZOamKlkZmqOKplYUZBaBxE1NTY3gosWZ6UpWSj5ljuYp*p7l5unBxXnF2WVhVU4uAf7Ozi5JpX7O5SbuHuUhzgZJmQXaTia2SrUAohcx8g__",
        "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkKjIT87NK82CSxSnZiQUFmSlAKUMTAyiAyqVWFGQWpYJkTE1NjRDiJZm5YFFzNPXFmekgG3zKHM1T9D3LzdODi-OKs8vCqpxcAvydnV2SSv2cy03cPcpDnA2SMgu0nUxslWoBHdYzUg__",
    ],
};

const V2: Vector = Vector {
    user: "test_user_001",
    lifetime_s: 604_800,
    signature: "6KU9wgxOAAHMRmYlMP5QctNw4947uUqZ30BbJxV/R5A=",
    texts: &[
        "eJyrVgrxCdYrSy1SslIy0jNQ0gHzM1NS80oy0zLBwiWpxSXxpcWpRfEGBoZQBcUp2YkFBZkpSlaGJgZQAJEpycxNVbIyNEcVTa0oyCxKVbIyMzCxgIkVZ6YrWSmZeYdalqdX*Ds6evgG5Ubm*AaYBiaX*JWbWJqYl4YWRhkbOCV5VYTpB5k62irVAgB5lTLF",
        "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkSlKLS*JLi1OL4g0MDGFKilOyEwsKMlOACgxNDKAAKpdaUZBZlAqUMTMwsYCLlmTmgsQMzdFUF2emg2wx8w61LE*v8Hd09PANyo3M8Q0wDUwu8Ss3sTQxLw0tjDI2cEryqgjTDzJ1tFWqBQAFWDQl",
    ],
};

const V3_TEXT: &str = "eJxVjUsPwVAUhP-L2RLprVblJhYnCEoEfQi7NveqQ9XVh1TEf5dWuzCLycw3i3mDu3J6T5kCB72nQbfuJGSS04lqXFJwvxRJM2XiGihFAjgztEa-JaebBM6sfypLRakEPhwYLSoymYbFCTgg4lzO4nOoKxbG65cbIeIEzaPvj6uIm2Hl2H5TBBwMNVt4-cdhb9*y3fSc5U4wce2nKgbe1PQ6OlPW1kpKVyyjEXy*75xCkg__";
const V3_SIGNATURE: &str = "4pGIU3qYWJmsREhstSaDTJvpu6UE5U+21p7Q7nxTdKg=";
const V3_USERBUF: &str = "0000077869616f6a756e53724e000000303965554280000000ff00000000";

const V4_TEXT: &str = "eJxVjssKglAURf-lTIvySs8LDlQwCbGXJDbz4ilPmd58pBX9e2A2aI-2XmuyX*A5u8Edc*CgDhTot5siTEs6UosbCrNzlXaqiC6hlBQBZyOly9eUdEXgbPpPsZGUI-DZZPRDVYG5qI7AQd-oNi6SWKiSicR9eCe9zWG-N9tqZl*gxw*hzkvHtyioNe33hU7AYYcxrp7xsLgt14Vn*pkRGUz2WOjZiZXWSUVjS2xr10gDDd4ffIBIww__";
const V4_SIGNATURE: &str = "SeheOzh/sqJPsTCWoBdB1p+1aTHlFnwlui5FbRwNBnY=";
const V4_USERBUF: &str = "0100077869616f6a756e53724e0000000000655542800000002a000000000008726f6f6d2d616263";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn the_texts_of_both_libraries_verify() {
    for vector in [V1, V2] {
        for text in vector.texts {
            let claims = verify(&key(), APP, vector.user, text, T).unwrap();
            assert_eq!(claims.issued_at_s, T);
            assert_eq!(claims.expires_at_s, T + vector.lifetime_s);
            assert_eq!(claims.userbuf, None);
            assert_eq!(explain(text).unwrap().signature, vector.signature);
        }
    }
}

#[test]
fn our_text_has_their_fields_their_order_and_their_signature() {
    for vector in [V1, V2] {
        let ours = sign(&key(), APP, vector.user, secs(vector.lifetime_s), T).unwrap();
        let theirs = explain(vector.texts[0]).unwrap();
        assert_eq!(explain(&ours).unwrap(), theirs, "the npm library's JSON, to the byte");
        assert_eq!(theirs.signature, vector.signature);
    }
}

#[test]
fn the_room_rights_of_a_numeric_room_verify_and_are_written_alike() {
    let rights = verify_map_key(&key(), APP, "xiaojun", V3_TEXT, T).unwrap();
    assert_eq!(rights.room(), &Room::Number(12_345));
    assert_eq!(rights.privileges(), Privileges::ALL);
    assert_eq!(u64::from(rights.expires_at_s()), T + 86_400);
    let theirs = explain(V3_TEXT).unwrap();
    assert_eq!(hex(theirs.userbuf.as_deref().unwrap()), V3_USERBUF);
    assert_eq!(theirs.signature, V3_SIGNATURE);
    let ours = sign_map_key(&key(), APP, "xiaojun", &Room::Number(12_345), Privileges::ALL, secs(86_400), T)
        .unwrap();
    assert_eq!(explain(&ours).unwrap(), theirs);
}

#[test]
fn the_room_rights_of_a_string_room_verify_and_are_written_alike() {
    let room = Room::Text("room-abc".to_owned());
    let rights = verify_map_key(&key(), APP, "xiaojun", V4_TEXT, T).unwrap();
    assert_eq!(rights.room(), &room);
    assert_eq!(rights.privileges(), Privileges::WATCH);
    let theirs = explain(V4_TEXT).unwrap();
    assert_eq!(hex(theirs.userbuf.as_deref().unwrap()), V4_USERBUF);
    assert_eq!(theirs.signature, V4_SIGNATURE);
    let ours = sign_map_key(&key(), APP, "xiaojun", &room, Privileges::WATCH, secs(86_400), T).unwrap();
    assert_eq!(explain(&ours).unwrap(), theirs);
}

#[test]
fn a_userbuf_of_the_apps_own_is_signed_as_the_python_library_signs_it() {
    let text = sign_with_userbuf(&key(), APP, "xiaojun", secs(86_400), T, b"hello-userbuf").unwrap();
    let explained = explain(&text).unwrap();
    assert_eq!(explained.signature, "K3sMU7ThP8eeAWllplXDjjl3YmLpyBzsGURmhcZrJ78=");
    assert!(explained.json.contains(r#""TLS.userbuf":"aGVsbG8tdXNlcmJ1Zg==""#));
    let claims = verify(&key(), APP, "xiaojun", &text, T).unwrap();
    assert_eq!(claims.userbuf.as_deref(), Some(&b"hello-userbuf"[..]));
}

#[test]
fn a_name_beyond_ascii_is_signed_as_utf_8() {
    let text = sign(&Key::of_any_length("k"), APP, "用户", secs(60), T).unwrap();
    assert_eq!(explain(&text).unwrap().signature, "1CzxFkR2FMs7+s/WAciSAHMdwjNTjl/cFHvjCsbCdzI=");
}

#[test]
fn numbers_written_as_text_and_escaped_characters_are_read() {
    let explained = explain(V1.texts[0]).unwrap();
    let json = explained
        .json
        .replace("1400000000", "\"1400000000\"")
        .replace("1700000000", "\"1700000000\"")
        .replace("15552000", "\"15552000\"")
        .replace('/', "\\/")
        .replace("xiaojun", "\\u0078iaojun")
        .replace('{', "\r\n { \"TLS.later\" : [1, {}], ");
    assert_eq!(verify(&key(), APP, "xiaojun", &pack(&json), T).unwrap().issued_at_s, T);
}
