//! SRTP with AES-256-GCM (RFC 7714), as far as two ends that share a key need it: no key derivation, no rollover.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;

/// Bytes of the header: the fixed one, and an extension as a browser's packets have it (RFC 8285).
pub(super) const HEADER: usize = 24;

/// Bytes of the authentication tag.
pub(super) const TAG: usize = 16;

/// First bytes of a header: version 2 with extension; payload type.
const FIRST: [u8; 2] = [0x90, 111];

/// The extension: one-byte form, two words.
const EXTENSION: [u8; 12] = [0xbe, 0xde, 0, 2, 0x10, 30, 0x31, 0, 0, 0x40, b'0', 0];

/// The key of one session.
pub(super) struct Key(LessSafeKey);

impl Key {
    /// A key for a number.
    pub(super) fn new(session: u32) -> Result<Self, Unspecified> {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&session.to_be_bytes());
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes)?)))
    }

    /// Encrypts the payload after the header in place, and appends the tag.
    pub(super) fn seal(&self, packet: &mut Vec<u8>) -> Result<(), Unspecified> {
        let (header, payload) = packet.split_at_mut_checked(HEADER).ok_or(Unspecified)?;
        let tag = self.0.seal_in_place_separate_tag(nonce(header), Aad::from(&*header), payload)?;
        packet.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Decrypts in place; gives the length without the tag.
    pub(super) fn open(&self, packet: &mut [u8]) -> Result<usize, Unspecified> {
        let (header, payload) = packet.split_at_mut_checked(HEADER).ok_or(Unspecified)?;
        let plain = self.0.open_in_place(nonce(header), Aad::from(&*header), payload)?;
        Ok(HEADER + plain.len())
    }
}

/// RFC 7714 §8.1 with a zero salt and no rollover.
fn nonce(header: &[u8]) -> Nonce {
    let mut bytes = [0; 12];
    bytes[2..6].copy_from_slice(&header[8..12]);
    bytes[10..12].copy_from_slice(&header[2..4]);
    Nonce::assume_unique_for_key(bytes)
}

/// Starts a packet.
pub(super) fn start(packet: &mut Vec<u8>, ssrc: u32, seq: u16, payload: &[u8]) {
    packet.clear();
    packet.extend_from_slice(&FIRST);
    packet.extend_from_slice(&seq.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&EXTENSION);
    packet.extend_from_slice(payload);
}

/// Makes a packet the next of another stream.
pub(super) fn rewrite(packet: &mut [u8], ssrc: u32, seq: u16) {
    packet[2..4].copy_from_slice(&seq.to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_seals_the_other_opens_and_nobody_else() {
        let (key, other) = (Key::new(1).unwrap(), Key::new(2).unwrap());
        let mut packet = Vec::new();
        start(&mut packet, 5, 9, &[0x55; 100]);
        key.seal(&mut packet).unwrap();
        assert_eq!(packet.len(), HEADER + 100 + TAG);
        assert!(other.open(&mut packet.clone()).is_err());
        assert_eq!(key.open(&mut packet).unwrap(), HEADER + 100);
        assert_eq!(packet[HEADER..HEADER + 100], [0x55; 100]);
    }
}
