//! The DTLS handshake (RFC 6347) as the library runs it, with two things of our own: one configuration for the process, and
//! the SRTP keys that a handshake exports (RFC 5764 §4.2) come out here.
//!
//! The library builds a configuration for each session, and each runs a self-test of all key exchanges and signatures, which
//! costs more than the handshake. It also gives the keys to its own SRTP: a server's session keeps them for itself instead.

use super::SrtpProfile;
use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, KeyingMaterial, ProtocolVersion,
    SrtpProfile as Negotiated,
};

/// What a handshake has agreed on for SRTP.
pub(crate) struct ExportedKeys {
    pub(crate) profile: SrtpProfile,
    /// Keys and salts of both sides (RFC 5764 §4.2).
    pub(crate) material: KeyingMaterial,
    /// This side was the client of the handshake, so the client's keys are those that it sends with.
    pub(crate) is_client: bool,
}

thread_local! {
    /// The library owns its DTLS instances, and a provider cannot tell whose one is: what a handshake exports is taken by
    /// whoever drives the library at that moment.
    static EXPORTED: RefCell<Option<ExportedKeys>> = const { RefCell::new(None) };
}

/// Drives the library by `f`; gives the keys too if a handshake has exported them meanwhile.
pub(crate) fn exporting<T>(f: impl FnOnce() -> T) -> (T, Option<ExportedKeys>) {
    // What a session left that panicked on its way here is nobody's.
    EXPORTED.take();
    let result = f();
    (result, EXPORTED.take())
}

/// The library's cryptography, with DTLS as this module has it. The library gets no SRTP keys: it neither sends nor takes RTP.
pub(crate) fn provider_without_srtp() -> Arc<CryptoProvider> {
    static DTLS: Dtls = Dtls { library_gets_keys: false, config };
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || Arc::new(CryptoProvider { dtls_provider: &DTLS, ..super::config::provider() });
    Arc::clone(PROVIDER.get_or_init(make))
}

/// The library's cryptography, with DTLS as this module has it.
pub(crate) fn provider_with_srtp() -> CryptoProvider {
    static DTLS: Dtls = Dtls { library_gets_keys: true, config };
    CryptoProvider { dtls_provider: &DTLS, ..super::config::provider() }
}

/// DTLS of a peer that offers one SRTP profile; the library gets the keys.
#[cfg(feature = "hostile")]
pub(crate) fn of_one_profile(profile: SrtpProfile) -> &'static dyn DtlsProvider {
    use super::one_profile;
    static SHA1: Dtls =
        Dtls { library_gets_keys: true, config: |mtu| one_profile::config(SrtpProfile::Aes128CmSha1, mtu) };
    static GCM_128: Dtls =
        Dtls { library_gets_keys: true, config: |mtu| one_profile::config(SrtpProfile::Aes128Gcm, mtu) };
    static GCM_256: Dtls =
        Dtls { library_gets_keys: true, config: |mtu| one_profile::config(SrtpProfile::Aes256Gcm, mtu) };
    match profile {
        SrtpProfile::Aes128CmSha1 => &SHA1,
        SrtpProfile::Aes128Gcm => &GCM_128,
        SrtpProfile::Aes256Gcm => &GCM_256,
    }
}

#[derive(Debug)]
struct Dtls {
    library_gets_keys: bool,
    /// The configuration of its handshakes, by the largest datagram.
    config: fn(Option<usize>) -> Result<Arc<dimpl::Config>, CryptoError>,
}

/// The configuration of all handshakes of the process: those of the library, which checks ICE before DTLS, so that a cookie
/// would be a second proof of the same (RFC 6347 §4.2.1).
fn config(mtu: Option<usize>) -> Result<Arc<dimpl::Config>, CryptoError> {
    static CONFIG: OnceLock<(Option<usize>, Arc<dimpl::Config>)> = OnceLock::new();
    let build = || {
        let mut builder = dimpl::Config::builder().use_server_cookie(false);
        if let Some(mtu) = mtu {
            builder = builder.mtu(mtu);
        }
        let config =
            builder.build().map_err(|e| CryptoError::Other(format!("no DTLS configuration: {e}")))?;
        Ok(Arc::new(config))
    };
    match CONFIG.get() {
        Some((of, config)) if *of == mtu => Ok(Arc::clone(config)),
        // All sessions have one size; another would be built for itself.
        Some(_) => build(),
        None => {
            let config = build()?;
            let (_, kept) = CONFIG.get_or_init(|| (mtu, config));
            Ok(Arc::clone(kept))
        }
    }
}

impl DtlsProvider for Dtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let (config, cert) = ((self.config)(mtu)?, cert.clone());
        let dtls = match version {
            DtlsVersion::Dtls12 => dimpl::Dtls::new_12(config, cert, now),
            // No session is set up with another.
            other => return Err(CryptoError::Other(format!("{other} is not spoken"))),
        };
        Ok(Box::new(Instance { dtls, now, library_gets_keys: self.library_gets_keys }))
    }
}

/// One handshake, and the connection that it made.
struct Instance {
    dtls: dimpl::Dtls,
    now: Instant,
    library_gets_keys: bool,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dtls")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let is_client = self.dtls.is_active();
        match self.dtls.poll_output(buf) {
            DtlsOutput::KeyingMaterial(material, negotiated) => {
                let Some(profile) = profile_of(negotiated) else {
                    return DtlsOutput::KeyingMaterial(material, negotiated);
                };
                let copy = self.library_gets_keys.then(|| KeyingMaterial::new(&material));
                EXPORTED.set(Some(ExportedKeys { profile, material, is_client }));
                match copy {
                    Some(copy) => DtlsOutput::KeyingMaterial(copy, negotiated),
                    // Due at once: the library asks again, and is told the rest.
                    None => DtlsOutput::Timeout(self.now),
                }
            }
            other => other,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = now;
        self.dtls.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.dtls.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.dtls.close()
    }
}

fn profile_of(negotiated: Negotiated) -> Option<SrtpProfile> {
    match negotiated {
        Negotiated::AES128_CM_SHA1_80 => Some(SrtpProfile::Aes128CmSha1),
        Negotiated::AEAD_AES_128_GCM => Some(SrtpProfile::Aes128Gcm),
        Negotiated::AEAD_AES_256_GCM => Some(SrtpProfile::Aes256Gcm),
        _ => None,
    }
}
