//! Overhears the keys of a handshake: the DTLS of the library, with an ear at its output.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Instant;
use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, KeyingMaterial, ProtocolVersion, SrtpProfile,
};

thread_local! {
    static HEARD: Cell<Option<Keys>> = const { Cell::new(None) };
}

/// What a handshake came to (RFC 5764 §4.2).
pub(super) struct Keys {
    pub(super) material: Vec<u8>,
    pub(super) profile: SrtpProfile,
    /// This end was the DTLS client: its own keys are the first ones.
    pub(super) client: bool,
}

/// The keys of the handshake that ended on this thread since the last call.
pub(super) fn take_keys() -> Option<Keys> {
    HEARD.take()
}

/// The provider with its handshakes overheard.
pub(super) fn overheard(mut provider: CryptoProvider) -> CryptoProvider {
    static OVERHEARD: OnceLock<Overheard> = OnceLock::new();
    let inner = provider.dtls_provider;
    provider.dtls_provider = OVERHEARD.get_or_init(|| Overheard(inner));
    provider
}

#[derive(Debug)]
struct Overheard(&'static dyn DtlsProvider);

impl DtlsProvider for Overheard {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.0.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        Ok(Box::new(Tapped(self.0.new_dtls(cert, now, version, mtu)?)))
    }
}

#[derive(Debug)]
struct Tapped(Box<dyn DtlsInstance>);

impl DtlsInstance for Tapped {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.0.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            let material: &KeyingMaterial = material;
            let client = self.0.is_active();
            HEARD.set(Some(Keys { material: material.to_vec(), profile: *profile, client }));
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
