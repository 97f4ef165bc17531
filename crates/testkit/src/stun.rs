//! Checks of strangers, byte for byte (RFC 8489 section 5).

/// A binding request with a USERNAME for the session of this ufrag, and no password: enough to be sent on to its owner.
pub fn check_for(ufrag: &str) -> Vec<u8> {
    let username = format!("{ufrag}:abc");
    assert_eq!(username.len(), 20, "the lengths below are those of a ufrag of 16 characters");
    let mut m = vec![0, 1, 0, 24, 0x21, 0x12, 0xa4, 0x42];
    m.extend([7; 12]);
    m.extend([0, 6, 0, 20]);
    m.extend(username.bytes());
    m
}
