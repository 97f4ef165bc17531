//! SRTP and SRTCP with AES-256-GCM (RFC 7714, key derivation of RFC 3711 §4.3): one direction of one session.

use super::dtls::Keys;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use str0m::crypto::SrtpProvider;
use str0m::crypto::dtls::SrtpProfile;

const KEY: usize = 32;
const SALT: usize = 12;

/// The word behind an SRTCP packet: the encryption flag and the index (RFC 7714 §9.2).
const INDEX: usize = 4;
const ENCRYPTED: u32 = 1 << 31;

/// What stays in clear of an RTCP packet.
const RTCP_HEADER: usize = 8;

/// The keys of one direction.
pub(super) struct Direction {
    rtp: LessSafeKey,
    rtp_salt: [u8; SALT],
    rtcp: LessSafeKey,
    rtcp_salt: [u8; SALT],
}

/// What is sent, and what is received. `None`: the handshake chose another profile.
pub(super) fn directions(keys: &Keys, crypto: &dyn SrtpProvider) -> Option<(Direction, Direction)> {
    if keys.profile != SrtpProfile::AEAD_AES_256_GCM || keys.material.len() != 2 * (KEY + SALT) {
        return None;
    }
    let (masters, salts) = keys.material.split_at(2 * KEY);
    let of = |server: bool| {
        let n = usize::from(server);
        Direction::new(&masters[n * KEY..][..KEY], &salts[n * SALT..][..SALT], crypto)
    };
    Some((of(!keys.client)?, of(keys.client)?))
}

impl Direction {
    fn new(master: &[u8], salt: &[u8], crypto: &dyn SrtpProvider) -> Option<Self> {
        // RFC 3711 §4.3.1, with the labels of §4.3.2: the counter is the salt with the label in its eighth byte.
        let derive = |label: u8| {
            let mut out = [0; KEY];
            for (round, part) in (0..).zip(out.chunks_exact_mut(16)) {
                let mut input = [0; 16];
                input[..SALT].copy_from_slice(salt);
                input[7] ^= label;
                input[15] = round;
                let mut block = [0; 32];
                crypto.srtp_aes_256_ecb_round(master, &input, &mut block);
                part.copy_from_slice(&block[..16]);
            }
            out
        };
        let key = |label| Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derive(label)).ok()?));
        let salt = |label| derive(label).first_chunk().copied();
        Some(Self { rtp: key(0)?, rtp_salt: salt(2)?, rtcp: key(3)?, rtcp_salt: salt(5)? })
    }

    /// Encrypts what follows the header of `header` bytes, and appends the tag. `false`: it failed.
    pub(super) fn seal_rtp(&self, packet: &mut Vec<u8>, header: usize, rollovers: u32) -> bool {
        let Some((head, payload)) = packet.split_at_mut_checked(header) else { return false };
        let nonce = self.rtp_nonce(head, rollovers);
        match self.rtp.seal_in_place_separate_tag(nonce, Aad::from(&*head), payload) {
            Ok(tag) => packet.extend_from_slice(tag.as_ref()),
            Err(_) => return false,
        }
        true
    }

    /// Decrypts in place; gives the payload.
    pub(super) fn open_rtp<'a>(
        &self,
        packet: &'a mut [u8],
        header: usize,
        rollovers: u32,
    ) -> Option<&'a mut [u8]> {
        let (head, payload) = packet.split_at_mut_checked(header)?;
        let nonce = self.rtp_nonce(head, rollovers);
        self.rtp.open_in_place(nonce, Aad::from(&*head), payload).ok()
    }

    /// RFC 7714 §8.1. `head` is a whole header.
    fn rtp_nonce(&self, head: &[u8], rollovers: u32) -> Nonce {
        let mut iv = [0; SALT];
        iv[2..6].copy_from_slice(&head[8..12]);
        iv[6..10].copy_from_slice(&rollovers.to_be_bytes());
        iv[10..].copy_from_slice(&head[2..4]);
        Nonce::assume_unique_for_key(std::array::from_fn(|i| iv[i] ^ self.rtp_salt[i]))
    }

    /// Encrypts a compound RTCP packet, and appends tag and index. `false`: it failed.
    pub(super) fn seal_rtcp(&self, packet: &mut Vec<u8>, index: u32) -> bool {
        let word = (index | ENCRYPTED).to_be_bytes();
        let Some((head, rest)) = packet.split_at_mut_checked(RTCP_HEADER) else { return false };
        let (nonce, aad) = (self.rtcp_nonce(head, index), [&*head, &word].concat());
        match self.rtcp.seal_in_place_separate_tag(nonce, Aad::from(&aad), rest) {
            Ok(tag) => packet.extend_from_slice(tag.as_ref()),
            Err(_) => return false,
        }
        packet.extend_from_slice(&word);
        true
    }

    /// Decrypts in place; gives the whole compound packet.
    pub(super) fn open_rtcp<'a>(&self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let (body, word) = packet.split_last_chunk_mut::<INDEX>()?;
        let index = u32::from_be_bytes(*word) & !ENCRYPTED;
        let (head, rest) = body.split_at_mut_checked(RTCP_HEADER)?;
        let (nonce, aad) = (self.rtcp_nonce(head, index), [&*head, &*word].concat());
        let plain = self.rtcp.open_in_place(nonce, Aad::from(&aad), rest).ok()?.len();
        Some(&body[..RTCP_HEADER + plain])
    }

    /// RFC 7714 §9.1.
    fn rtcp_nonce(&self, head: &[u8], index: u32) -> Nonce {
        let mut iv = [0; SALT];
        iv[2..6].copy_from_slice(&head[4..8]);
        iv[8..].copy_from_slice(&index.to_be_bytes());
        Nonce::assume_unique_for_key(std::array::from_fn(|i| iv[i] ^ self.rtcp_salt[i]))
    }
}
