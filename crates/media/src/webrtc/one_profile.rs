//! DTLS of a peer that offers one SRTP profile, for tests of what a server does in each (feature `hostile`).
//!
//! The DTLS library offers all profiles that it has and cannot be told otherwise. So the offer is changed on its way out
//! ([`narrow`]), and with it what the handshake's proofs are made of (RFC 5246 §7.4.8, §7.4.9; RFC 7627 §4): both ends must
//! have seen the same ClientHello.

use super::SrtpProfile;
use dimpl::crypto::{
    Buf, CryptoProvider, HashContext, HashProvider, KeyProvider, SigningKey, aws_lc_rs::default_provider,
};
use dimpl::{HashAlgorithm, SignatureAlgorithm};
use std::sync::Arc;
use str0m::crypto::CryptoError;

/// The extension `use_srtp` as the library writes it (RFC 5764 §4.1.1): type, length, three profiles, no MKI.
const OFFERED: [u8; 13] = [0, 14, 0, 9, 0, 6, 0, 8, 0, 7, 0, 1, 0];

/// Numbers of no profile, in the place of those that are not offered: who does not know a number passes over it.
const NOBODYS: [[u8; 2]; 2] = [[0xff, 0xf0], [0xff, 0xf1]];

/// Makes a ClientHello among these bytes, if there is one of the library's, offer this profile only.
pub(crate) fn narrow(bytes: &mut [u8], profile: SrtpProfile) {
    let Some(at) = bytes.windows(OFFERED.len()).position(|w| w == OFFERED) else { return };
    let number = match profile {
        SrtpProfile::Aes128CmSha1 => [0, 1],
        SrtpProfile::Aes128Gcm => [0, 7],
        SrtpProfile::Aes256Gcm => [0, 8],
    };
    for (n, wanted) in [number, NOBODYS[0], NOBODYS[1]].into_iter().enumerate() {
        let place = at + 6 + 2 * n;
        bytes[place..place + 2].copy_from_slice(&wanted);
    }
}

/// The configuration of handshakes that offer this profile only.
pub(super) fn config(profile: SrtpProfile, mtu: Option<usize>) -> Result<Arc<dimpl::Config>, CryptoError> {
    static ONLY: [Only; 3] =
        [Only(SrtpProfile::Aes128CmSha1), Only(SrtpProfile::Aes128Gcm), Only(SrtpProfile::Aes256Gcm)];
    let only: &'static Only = match profile {
        SrtpProfile::Aes128CmSha1 => &ONLY[0],
        SrtpProfile::Aes128Gcm => &ONLY[1],
        SrtpProfile::Aes256Gcm => &ONLY[2],
    };
    let provider = CryptoProvider { hash_provider: only, key_provider: only, ..default_provider() };
    let mut builder = dimpl::Config::builder().with_crypto_provider(provider).use_server_cookie(false);
    if let Some(mtu) = mtu {
        builder = builder.mtu(mtu);
    }
    let config = builder.build().map_err(|e| CryptoError::Other(format!("no DTLS configuration: {e}")))?;
    Ok(Arc::new(config))
}

/// Cryptography to which a handshake looks as if the library had offered one profile.
#[derive(Debug)]
struct Only(SrtpProfile);

impl Only {
    fn narrowed(&self, data: &[u8]) -> Vec<u8> {
        let mut data = data.to_vec();
        narrow(&mut data, self.0);
        data
    }
}

impl HashProvider for Only {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        Box::new(Hash { inner: default_provider().hash_provider.create_hash(algorithm), only: Only(self.0) })
    }
}

#[derive(Debug)]
struct Hash {
    inner: Box<dyn HashContext>,
    only: Only,
}

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.inner.update(&self.only.narrowed(data));
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        self.inner.clone_and_finalize(out);
    }
}

impl KeyProvider for Only {
    fn load_private_key(&self, der: &[u8]) -> Result<Box<dyn SigningKey>, dimpl::CryptoError> {
        let inner = default_provider().key_provider.load_private_key(der)?;
        Ok(Box::new(Key { inner, only: Only(self.0) }))
    }
}

#[derive(Debug)]
struct Key {
    inner: Box<dyn SigningKey>,
    only: Only,
}

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), dimpl::CryptoError> {
        self.inner.sign(&self.only.narrowed(data), hash, out)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.inner.algorithm()
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.inner.hash_algorithm()
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        self.inner.supported_hash_algorithms()
    }
}
