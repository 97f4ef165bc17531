//! The test vectors of RFC 3711 (appendix B) and RFC 7714 (§16, §17).

use super::super::cipher::SessionCipher;
use super::*;

/// Key and salt of RFC 3711 §B.3, as both ends' in an export.
fn b3() -> MasterKey {
    let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
    let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
    let exported = [&key[..], &key, &salt, &salt].concat();
    master_keys(SrtpProfile::Aes128CmSha1, &exported).unwrap().0
}

/// RFC 3711 §B.3. Its authentication key is longer than one of HMAC-SHA1, which begins like it.
#[test]
fn session_keys_of_aes_cm() {
    let derived = |label, len| {
        let mut out = vec![0; len];
        b3().derive(label, &mut out).unwrap();
        out
    };
    assert_eq!(derived(0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(
        derived(1, 94),
        hex("CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
             E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
             6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2")
    );
    let session = b3().session(super::super::keys::Purpose::Rtp).unwrap();
    assert_eq!(session.key(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(session.auth[..], hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    assert_eq!(session.salt[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
}

/// RFC 3711 §B.2: the first blocks of SSRC 0 and index 0, and some with a high counter.
#[test]
fn keystream_of_aes_cm() {
    let keys = SessionKeys::given(
        SrtpProfile::Aes128CmSha1,
        &hex("2B7E151628AED2A6ABF7158809CF4F3C"),
        &hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
    );
    let Some(SessionCipher::CmSha1(cm)) = SessionCipher::new(&keys) else { panic!("AES-CM") };
    let mut stream = vec![0; 0xff02 * 16];
    cm.apply_keystream(0, 0, &mut stream).unwrap();
    assert_eq!(
        stream[..48],
        hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
             41E95B3BB0A2E8DD477901E4FCA894C0")
    );
    assert_eq!(
        stream[0xfeff * 16..],
        hex("EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE
             6A2CC3787889374FBEB4C81B17BA6C44")
    );
    let mut last = vec![0; 16 << 16];
    assert!(cm.apply_keystream(0, 0, &mut last).is_some());
    last.push(0);
    assert!(cm.apply_keystream(0, 0, &mut last).is_none(), "the counter would start again");
}

/// Session keys of RFC 7714 §16 and §17.
fn gcm() -> [SessionKeys; 2] {
    let key: Vec<u8> = (0..32).collect();
    let salt = hex("517569642070726f2071756f");
    [
        SessionKeys::given(SrtpProfile::Aes128Gcm, &key[..16], &salt),
        SessionKeys::given(SrtpProfile::Aes256Gcm, &key, &salt),
    ]
}

/// RFC 7714 §16.1 and §16.2.
#[test]
fn rtp_of_gcm() {
    let plain = hex("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
                     69736120 696e2070 61727465 73207472 6573");
    let sealed = [
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
         0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
         9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
    ];
    for (keys, sealed) in gcm().iter().zip(sealed) {
        let mut packet = plain.clone();
        assert!(Sealer::given(keys, 0).seal_rtp(&mut packet, 0, 12, 0x5501_a0b2, 0xf17b));
        assert_eq!(packet, hex(sealed));
        let len = Opener::given(keys).open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b);
        assert_eq!(packet[..len.unwrap()], plain);
    }
}

/// The compound of RFC 7714 §17.
const COMPOUND: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                        deadbeef deadbeef deadbeef deadbeef deadbeef";

/// RFC 7714 §17.1 and §17.2.
#[test]
fn rtcp_of_gcm() {
    let sealed = [
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
         c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
         a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
    ];
    for (keys, sealed) in gcm().iter().zip(sealed) {
        let mut packet = hex(COMPOUND);
        assert!(Sealer::given(keys, 0x5d4).seal_rtcp(&mut packet, 0));
        assert_eq!(packet, hex(sealed));
        assert_eq!(opened_rtcp(&mut Opener::given(keys), &packet).unwrap(), hex(COMPOUND));
    }
}

/// RFC 7714 §17.3 and §17.4: authenticated, not encrypted.
#[test]
fn rtcp_of_gcm_in_the_clear() {
    let trailers =
        ["841dd968 3dd78ec9 2ae58790 125f62b3 000005d4", "91db4afb feee5a97 8fab4393 ed2615fe 000005d4"];
    for (keys, trailer) in gcm().iter().zip(trailers) {
        let sealed = [hex(COMPOUND), hex(trailer)].concat();
        let mut opener = Opener::given(keys);
        for bit in 0..8 * sealed.len() {
            let mut bent = sealed.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened_rtcp(&mut opener, &bent), None, "bit {bit}");
        }
        assert_eq!(opened_rtcp(&mut opener, &sealed).unwrap(), hex(COMPOUND));
        assert_eq!(opened_rtcp(&mut opener, &sealed), None, "twice");
    }
}
