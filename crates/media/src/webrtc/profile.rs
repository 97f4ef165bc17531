//! Which SRTP protection profile a handshake chose. The library does not tell, but it asks the cryptographic provider
//! for that profile's ciphers at the moment it knows.

use super::dtls;
use std::cell::Cell;
use std::sync::OnceLock;
use str0m::config::CryptoProvider;
use str0m::crypto::{SrtpProvider, SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80};

/// An SRTP protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SrtpProfile {
    /// AES-CM with HMAC-SHA1: several times the cost of GCM.
    Aes128CmSha1,
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-256-GCM.
    Aes256Gcm,
}

thread_local! {
    static CHOSEN: Cell<Option<SrtpProfile>> = const { Cell::new(None) };
}

/// The profile chosen on this thread since the last call.
pub(crate) fn take_chosen() -> Option<SrtpProfile> {
    CHOSEN.take()
}

/// The usual provider, overheard.
pub(crate) fn provider() -> CryptoProvider {
    static OVERHEARD: OnceLock<Overheard> = OnceLock::new();
    let mut provider = dtls::provider_with_srtp();
    let inner = provider.srtp_provider;
    provider.srtp_provider = OVERHEARD.get_or_init(|| Overheard(inner));
    provider
}

struct Overheard(&'static dyn SrtpProvider);

impl std::fmt::Debug for Overheard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Overheard")
    }
}

impl SrtpProvider for Overheard {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        CHOSEN.set(Some(SrtpProfile::Aes128CmSha1));
        self.0.aes_128_cm_sha1_80()
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        CHOSEN.set(Some(SrtpProfile::Aes128Gcm));
        self.0.aead_aes_128_gcm()
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        CHOSEN.set(Some(SrtpProfile::Aes256Gcm));
        #[cfg(feature = "hostile")]
        return super::hostile::overhear(self.0.aead_aes_256_gcm());
        #[cfg(not(feature = "hostile"))]
        self.0.aead_aes_256_gcm()
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        self.0.srtp_aes_128_ecb_round(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        self.0.srtp_aes_256_ecb_round(key, input, output);
    }
}
