//! What a hostile peer does with its own keys: RTP and RTCP that no library would write. Only for tests (feature
//! `hostile`): the ciphers that the library asks for are overheard, and the salt is read from the first packet of each.
//!
//! AES-256-GCM (RFC 7714 §8.1, §9.1) and sequence numbers below 65,536 only.

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

/// The part of the IV that is not salt: SSRC and packet index, for RTP and RTCP.
fn counter(aad: &[u8]) -> Option<(usize, Iv)> {
    let mut iv = [0; 12];
    let rtcp = aad.len() == 12 && (192..=223).contains(&aad[1]);
    if rtcp {
        iv[2..6].copy_from_slice(aad.get(4..8)?);
        iv[8..12].copy_from_slice(aad.get(8..12)?);
        iv[8] &= 0x7f;
    } else {
        iv[2..6].copy_from_slice(aad.get(8..12)?);
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
    pub(crate) fn rtp(&mut self, header: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        let sealed = self.seal(header, payload)?;
        Some([header, &sealed].concat())
    }

    /// A compound RTCP packet under the peer's keys, once it has sent one of its own.
    pub(crate) fn rtcp(&mut self, compound: &[u8]) -> Option<Vec<u8>> {
        let (header, rest) = compound.split_at_checked(8)?;
        // Far from what the library counts.
        self.next_index += 1;
        let index = (0x8100_0000 + self.next_index).to_be_bytes();
        let sealed = self.seal(&[header, &index].concat(), rest)?;
        Some([header, &sealed, &index].concat())
    }

    fn seal(&mut self, aad: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let (kind, counter) = counter(aad)?;
        let tap = self.taps.iter().find(|t| lock(t).salts[kind].is_some())?;
        let tap = &mut *lock(tap);
        let iv = xor(tap.salts[kind]?, counter);
        let mut out = vec![0; plain.len() + TAG];
        tap.cipher.encrypt(&iv, aad, plain, &mut out).ok()?;
        Some(out)
    }
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
        if let Some((kind, counter)) = counter(aad) {
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
