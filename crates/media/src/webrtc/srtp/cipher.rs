//! The ciphers of one direction and purpose, over parts of a packet.
//!
//! What one packet of 1,200 bytes costs: no allocation and no key schedule, which stands in the keys here. GCM takes one pass
//! of AES and GHASH and a copy of its tables (about 300 bytes). AES-CM takes a pass of AES, one of SHA-1 (19 blocks of 64
//! bytes and one for the outer hash, which is most of the price) and a copy of the hash's beginning (about 1,200 bytes).

use super::keys::{MasterKey, Purpose, SessionKeys};
use crate::webrtc::SrtpProfile;
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

/// Bytes of a tag of GCM (RFC 7714 §13).
pub(super) const GCM_TAG: usize = 16;

/// Bytes of a tag of HMAC-SHA1-80.
pub(super) const SHA1_TAG: usize = 10;

/// Bytes that AES-CM can encrypt under one index: its counter has 16 bits (RFC 3711 §4.1.1). No datagram is so long.
const MAX_KEYSTREAM: usize = 16 << 16;

/// A cipher with its key schedule.
pub(super) enum SessionCipher {
    /// AES-GCM, of either length.
    Gcm(Gcm),
    /// AES-CM with HMAC-SHA1-80. Boxed: it is more than a kilobyte, and rare.
    CmSha1(Box<CmSha1>),
}

impl SessionCipher {
    /// `None`: the cryptographic library refuses the keys.
    pub(super) fn derive(master: &MasterKey, purpose: Purpose) -> Option<Self> {
        Self::new(&master.session(purpose)?)
    }

    pub(super) fn new(keys: &SessionKeys) -> Option<Self> {
        let gcm = |algorithm| {
            let key = LessSafeKey::new(UnboundKey::new(algorithm, keys.key()).ok()?);
            Some(Self::Gcm(Gcm { key, salt: *keys.salt.first_chunk()? }))
        };
        match keys.profile {
            SrtpProfile::Aes128Gcm => gcm(&AES_128_GCM),
            SrtpProfile::Aes256Gcm => gcm(&AES_256_GCM),
            SrtpProfile::Aes128CmSha1 => {
                let key = UnboundCipherKey::new(&AES_128, keys.key()).ok()?;
                Some(Self::CmSha1(Box::new(CmSha1 {
                    key: EncryptingKey::ctr(key).ok()?,
                    salt: *keys.salt,
                    auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &keys.auth[..]),
                })))
            }
        }
    }

    /// Bytes of a tag.
    pub(super) fn tag_len(&self) -> usize {
        match self {
            Self::Gcm(_) => GCM_TAG,
            Self::CmSha1(_) => SHA1_TAG,
        }
    }
}

/// AES-GCM (RFC 7714).
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Gcm {
    /// RFC 7714 §8.1 and, since an SRTCP index of 31 bits leaves the upper bits zero, §9.1.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = [0; 12];
        nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
        nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        nonce.iter_mut().zip(self.salt).for_each(|(n, s)| *n ^= s);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypts `text`, and gives the tag over it and `clear`. `None`: it is too long.
    pub(super) fn seal(&self, (ssrc, index): (u32, u64), clear: &[u8], text: &mut [u8]) -> Option<Tag> {
        self.key.seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(clear), text).ok()
    }

    /// Decrypts `text` if the tag over it and `clear` is right. Otherwise `text` is destroyed.
    pub(super) fn open(
        &self,
        (ssrc, index): (u32, u64),
        clear: &[u8],
        text: &mut [u8],
        tag: &[u8],
    ) -> Option<()> {
        let nonce = self.nonce(ssrc, index);
        self.key.open_in_place_separate_tag(nonce, Aad::from(clear), tag, text).ok()?;
        Some(())
    }
}

/// AES-CM with HMAC-SHA1-80 (RFC 3711).
pub(super) struct CmSha1 {
    key: EncryptingKey,
    salt: [u8; 14],
    /// With the hash of the padded key in it.
    auth: hmac::Key,
}

impl CmSha1 {
    /// Encrypts or decrypts (RFC 3711 §4.1.1). `None`: it is too long.
    pub(super) fn apply_keystream(&self, ssrc: u32, index: u64, text: &mut [u8]) -> Option<()> {
        if text.len() > MAX_KEYSTREAM {
            return None;
        }
        let mut iv = [0; 16];
        iv[4..8].copy_from_slice(&ssrc.to_be_bytes());
        iv[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
        iv.iter_mut().zip(self.salt).for_each(|(i, s)| *i ^= s);
        self.key.less_safe_encrypt(text, EncryptionContext::Iv128(FixedLength::from(iv))).ok()?;
        Some(())
    }

    /// The tag over encrypted bytes and what is thought behind them (RFC 3711 §4.2).
    pub(super) fn tag(&self, packet: &[u8], behind: &[u8]) -> [u8; SHA1_TAG] {
        let mut hash = hmac::Context::with_key(&self.auth);
        hash.update(packet);
        hash.update(behind);
        let mut tag = [0; SHA1_TAG];
        tag.copy_from_slice(&hash.sign().as_ref()[..SHA1_TAG]);
        tag
    }

    /// Compares in a time that does not depend on the bytes.
    pub(super) fn verify(&self, packet: &[u8], behind: &[u8], tag: &[u8]) -> Option<()> {
        verify_slices_are_equal(&self.tag(packet, behind), tag).ok()
    }
}
