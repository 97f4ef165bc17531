//! What a hostile peer does with its own keys: RTP and RTCP that no library would write, and ICE checks of any making. Only
//! for tests (feature `hostile`): the ciphers that the library asks for are overheard, and the salt is read from the first
//! packet of each.
//!
//! AES-256-GCM (RFC 7714 §8.1, §9.1) only; the first packet of each cipher must have a sequence number below 65,536.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use str0m::crypto::{AeadAes256GcmCipher, CryptoError, SupportedAeadAes256Gcm};

const TAG: usize = 16;
type Iv = [u8; 12];

/// The sending keys of one peer, as far as they were overheard.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    taps: Vec<Arc<Mutex<Tap>>>,
    next_index: u32,
}

#[derive(Debug)]
struct Tap {
    cipher: Box<dyn AeadAes256GcmCipher>,
    /// Salt of RTP, of RTCP.
    salts: [Option<Iv>; 2],
}

thread_local! {
    static CREATED: RefCell<Vec<Arc<Mutex<Tap>>>> = const { RefCell::new(Vec::new()) };
}

fn lock(tap: &Mutex<Tap>) -> MutexGuard<'_, Tap> {
    tap.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The part of the IV that is not salt: SSRC and packet index, for RTP (with this rollover counter) and RTCP.
fn counter(aad: &[u8], rollovers: u32) -> Option<(usize, Iv)> {
    let mut iv = [0; 12];
    let rtcp = aad.len() == 12 && (192..=223).contains(&aad[1]);
    if rtcp {
        iv[2..6].copy_from_slice(aad.get(4..8)?);
        iv[8..12].copy_from_slice(aad.get(8..12)?);
        iv[8] &= 0x7f;
    } else {
        iv[2..6].copy_from_slice(aad.get(8..12)?);
        iv[6..10].copy_from_slice(&rollovers.to_be_bytes());
        iv[10..12].copy_from_slice(aad.get(2..4)?);
    }
    Some((usize::from(rtcp), iv))
}

fn xor(a: Iv, b: Iv) -> Iv {
    std::array::from_fn(|i| a[i] ^ b[i])
}

impl Keys {
    /// Takes the ciphers that were made on this thread since the last call.
    pub(crate) fn overhear(&mut self) {
        self.taps.append(&mut CREATED.take());
    }

    /// An RTP packet under the peer's keys, once it has sent one of its own.
    pub(crate) fn rtp(&mut self, header: &[u8], payload: &[u8], rollovers: u32) -> Option<Vec<u8>> {
        let sealed = self.seal(header, payload, rollovers)?;
        Some([header, &sealed].concat())
    }

    /// A compound RTCP packet under the peer's keys, once it has sent one of its own.
    pub(crate) fn rtcp(&mut self, compound: &[u8]) -> Option<Vec<u8>> {
        let (header, rest) = compound.split_at_checked(8)?;
        // Far from what the library counts.
        self.next_index += 1;
        let index = (0x8100_0000 + self.next_index).to_be_bytes();
        let sealed = self.seal(&[header, &index].concat(), rest, 0)?;
        Some([header, &sealed, &index].concat())
    }

    fn seal(&mut self, aad: &[u8], plain: &[u8], rollovers: u32) -> Option<Vec<u8>> {
        let (kind, counter) = counter(aad, rollovers)?;
        let tap = self.taps.iter().find(|t| lock(t).salts[kind].is_some())?;
        let tap = &mut *lock(tap);
        let iv = xor(tap.salts[kind]?, counter);
        let mut out = vec![0; plain.len() + TAG];
        tap.cipher.encrypt(&iv, aad, plain, &mut out).ok()?;
        Some(out)
    }
}

/// The value of the first line of a description that begins so.
fn line<'a>(sdp: &'a str, name: &str) -> &'a str {
    sdp.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default().trim_end()
}

/// The ICE password of a description (RFC 8839 §5.4).
pub fn ice_password(sdp: &str) -> &str {
    line(sdp, "a=ice-pwd:")
}

/// The ICE check that the maker of `offer` would send to the maker of `answer` with this password (RFC 8445 §7.2.2; RFC 8489
/// §14.5, §14.7). Right in everything but what the caller makes wrong: its password is that of `answer`.
pub fn ice_check(offer: &str, answer: &str, password: &str, transaction: [u8; 12]) -> Vec<u8> {
    const INTEGRITY: usize = 4 + 20;
    const FINGERPRINT: usize = 4 + 4;
    let username = format!("{}:{}", line(answer, "a=ice-ufrag:"), line(offer, "a=ice-ufrag:"));
    let mut attributes = Vec::new();
    // USERNAME, PRIORITY, ICE-CONTROLLING, USE-CANDIDATE.
    for (kind, value) in
        [(0x0006u16, username.as_bytes()), (0x0024, &[0x6e, 0, 1, 255]), (0x802a, &[1; 8]), (0x0025, &[])]
    {
        attributes.extend(kind.to_be_bytes());
        attributes.extend(length(value.len()));
        attributes.extend(value);
        attributes.resize(attributes.len().next_multiple_of(4), 0);
    }
    let mut message = [&[0, 1], &length(attributes.len() + INTEGRITY)[..]].concat();
    message.extend([0x21, 0x12, 0xa4, 0x42]);
    message.extend(transaction);
    message.extend(attributes);
    let crypto = str0m::crypto::from_feature_flags();
    let sum = crypto.sha1_hmac_provider.sha1_hmac(password.as_bytes(), &[&message]);
    message.extend([0, 8, 0, 20]);
    message.extend(sum);
    let whole = message.len() - 20 + FINGERPRINT;
    message[2..4].copy_from_slice(&length(whole));
    let fingerprint = crc32(&message) ^ 0x5354_554e;
    message.extend([0x80, 0x28, 0, 4]);
    message.extend(fingerprint.to_be_bytes());
    message
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// CRC-32 of ISO 3309, as STUN's fingerprint takes it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

/// The usual ciphers, overheard.
pub(crate) fn overhear(inner: &'static dyn SupportedAeadAes256Gcm) -> &'static dyn SupportedAeadAes256Gcm {
    static OVERHEARD: OnceLock<Overheard> = OnceLock::new();
    OVERHEARD.get_or_init(|| Overheard(inner))
}

#[derive(Debug)]
struct Overheard(&'static dyn SupportedAeadAes256Gcm);

impl SupportedAeadAes256Gcm for Overheard {
    fn create_cipher(&self, key: [u8; 32], encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        let cipher = self.0.create_cipher(key, encrypt);
        if !encrypt {
            return cipher;
        }
        let tap = Arc::new(Mutex::new(Tap { cipher: self.0.create_cipher(key, true), salts: [None; 2] }));
        CREATED.with_borrow_mut(|c| c.push(Arc::clone(&tap)));
        Box::new(Tapped { cipher, tap })
    }
}

#[derive(Debug)]
struct Tapped {
    cipher: Box<dyn AeadAes256GcmCipher>,
    tap: Arc<Mutex<Tap>>,
}

impl AeadAes256GcmCipher for Tapped {
    fn encrypt(&mut self, iv: &Iv, aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        if let Some((kind, counter)) = counter(aad, 0) {
            lock(&self.tap).salts[kind].get_or_insert(xor(*iv, counter));
        }
        self.cipher.encrypt(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &Iv,
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.cipher.decrypt(iv, aads, input, output)
    }
}
