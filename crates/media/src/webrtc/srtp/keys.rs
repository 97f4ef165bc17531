//! Master keys out of a handshake's export (RFC 5764 §4.2), and session keys out of a master key (RFC 3711 §4.3).

use crate::webrtc::SrtpProfile;
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

/// Bytes of the longest key: that of AES-256.
const MAX_KEY: usize = 32;

/// Bytes of the longest salt: that of AES-CM. Key derivation takes a salt of GCM with zeros behind it (RFC 7714 §11).
const MAX_SALT: usize = 14;

/// Bytes of a key of HMAC-SHA1 (RFC 3711 §8.2).
const AUTH_KEY: usize = 20;

/// Where the label stands among the bytes of the salt that it is added to, while the key derivation rate is 0
/// (RFC 3711 §4.3.1).
const LABEL_AT: usize = 7;

/// Bytes of a key and of a salt.
const fn lengths(profile: SrtpProfile) -> (usize, usize) {
    match profile {
        SrtpProfile::Aes128CmSha1 => (16, 14),
        SrtpProfile::Aes128Gcm => (16, 12),
        SrtpProfile::Aes256Gcm => (32, 12),
    }
}

/// A key and salt of one direction. Has no `Debug`, and is wiped when dropped.
pub(crate) struct MasterKey {
    profile: SrtpProfile,
    /// Zeros behind the key's own length.
    key: Zeroizing<[u8; MAX_KEY]>,
    /// Zeros behind the salt's own length.
    salt: Zeroizing<[u8; MAX_SALT]>,
}

/// The client's and the server's master key out of what a DTLS handshake exports (RFC 5764 §4.2: client key, server key,
/// client salt, server salt). `None`: the length does not fit the profile.
pub(crate) fn master_keys(profile: SrtpProfile, exported: &[u8]) -> Option<(MasterKey, MasterKey)> {
    let (key, salt) = lengths(profile);
    if exported.len() != 2 * (key + salt) {
        return None;
    }
    let (keys, salts) = exported.split_at(2 * key);
    let (client_key, server_key) = keys.split_at(key);
    let (client_salt, server_salt) = salts.split_at(salt);
    Some((MasterKey::new(profile, client_key, client_salt), MasterKey::new(profile, server_key, server_salt)))
}

/// What a session key is for. The number is the label of its cipher key; the next two are those of its authentication key
/// and its salt (RFC 3711 §4.3.2).
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Rtp = 0,
    Rtcp = 3,
}

/// Keys and salt for the packets of one direction and purpose. Has no `Debug`, and is wiped when dropped.
pub(super) struct SessionKeys {
    pub(super) profile: SrtpProfile,
    key: Zeroizing<[u8; MAX_KEY]>,
    /// For HMAC-SHA1; zero in GCM's profiles, which authenticate with the one key.
    pub(super) auth: Zeroizing<[u8; AUTH_KEY]>,
    /// Zeros behind the salt's own length.
    pub(super) salt: Zeroizing<[u8; MAX_SALT]>,
}

impl SessionKeys {
    /// The cipher's key.
    pub(super) fn key(&self) -> &[u8] {
        &self.key[..lengths(self.profile).0]
    }

    /// Keys that were not derived, as test vectors have them.
    #[cfg(test)]
    pub(super) fn given(profile: SrtpProfile, key: &[u8], salt: &[u8]) -> Self {
        let master = MasterKey::new(profile, key, salt);
        Self { profile, key: master.key, auth: Zeroizing::default(), salt: master.salt }
    }
}

impl MasterKey {
    fn new(profile: SrtpProfile, key: &[u8], salt: &[u8]) -> Self {
        let mut made = Self { profile, key: Zeroizing::default(), salt: Zeroizing::default() };
        made.key[..key.len()].copy_from_slice(key);
        made.salt[..salt.len()].copy_from_slice(salt);
        made
    }

    /// Session keys. `None`: the cryptographic library refuses, which it never does to keys of the right length.
    pub(super) fn session(&self, purpose: Purpose) -> Option<SessionKeys> {
        let (key_len, salt_len) = lengths(self.profile);
        let label = purpose as u8;
        let mut session = SessionKeys {
            profile: self.profile,
            key: Zeroizing::default(),
            auth: Zeroizing::default(),
            salt: Zeroizing::default(),
        };
        self.derive(label, &mut session.key[..key_len])?;
        if self.profile == SrtpProfile::Aes128CmSha1 {
            self.derive(label + 1, &mut session.auth[..])?;
        }
        self.derive(label + 2, &mut session.salt[..salt_len])?;
        Some(session)
    }

    /// Writes what a label stands for into `out`, which is all zeros: keystream of AES in counter mode, of the master key's
    /// length (RFC 3711 §4.3.3, RFC 6188 §3).
    pub(super) fn derive(&self, label: u8, out: &mut [u8]) -> Option<()> {
        let (key_len, _) = lengths(self.profile);
        let algorithm = if key_len == MAX_KEY { &AES_256 } else { &AES_128 };
        let key = UnboundCipherKey::new(algorithm, &self.key[..key_len]).ok()?;
        let mut iv = [0; 16];
        iv[..MAX_SALT].copy_from_slice(&self.salt[..]);
        iv[LABEL_AT] ^= label;
        let context = EncryptionContext::Iv128(FixedLength::from(iv));
        EncryptingKey::ctr(key).ok()?.less_safe_encrypt(out, context).ok()?;
        Some(())
    }
}
