//! The local CA: made once, kept in the data folder, signs for this machine's own names.
//!
//! Whoever installs a CA on a phone trusts it with everything, so this one is bound in three ways: its key never leaves
//! the data folder (mode 0600); it may sign no other CA (path length 0); and its name constraints (RFC 5280, 4.2.1.10)
//! allow private networks, `.local`, this machine's name and the public addresses that it had when the CA was made, and
//! nothing else. A thief of the key can listen in a home network, and cannot be a bank.

use super::certificate::{Facts, day};
use super::constraints::{self, Constraints};
use super::files::{make_folder, pem, write};
use super::finding::CertificateFinding;
use super::names::Machine;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use sha2::{Digest, Sha256};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Life of the CA, in days: ten years. Higher: a stolen key is good for longer. Lower: every phone needs the next one.
const CA_DAYS: u32 = 3_652;

/// Life of the server's certificate, in days. iOS takes 825 of a CA that its owner installed, and 398 of others; browsers
/// go the same way. It is renewed by the server itself, so a short life costs nothing.
const SERVER_DAYS: u32 = 397;

/// What a certificate must have left, in days; else it is renewed. More than a server is usually stopped.
const RENEW_DAYS: u32 = 30;

/// How far back certificates are dated, in days, for phones whose clock is behind.
const BACK_DAYS: u32 = 2;

/// A CA with its key.
pub(crate) struct Authority {
    folder: PathBuf,
    der: CertificateDer<'static>,
    facts: Facts,
    constraints: Constraints,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that the CA has signed for this machine.
pub(super) struct Signed {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) until: Duration,
}

impl Authority {
    /// Reads the CA of a folder. None: there is none yet.
    ///
    /// # Errors
    /// [`CertificateFinding::Authority`]: there is one that cannot be used.
    pub(super) fn read(folder: &Path, now: Duration) -> Result<Option<Self>, CertificateFinding> {
        let fault = |why: String| CertificateFinding::Authority { folder: folder.into(), why };
        let again = "remove the folder and start again: a new one is made, to be installed on the phones";
        let path = folder.join("ca.crt");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => {
                return Err(fault(format!("ca.crt: {e}. The user of the server must be able to read it")));
            }
        };
        let der = CertificateDer::from_pem_slice(&bytes)
            .map_err(|e| fault(format!("ca.crt is damaged ({e:?}): {again}")))?;
        let key = fs::read(folder.join("ca.key"))
            .map_err(|e| fault(format!("ca.key: {e}. Bring it back, or {again}")))?;
        let key = PrivateKeyDer::from_pem_slice(&key)
            .map_err(|e| fault(format!("ca.key is damaged ({e:?}): bring it back, or {again}")))?;
        let facts = Facts::read(&der).map_err(|e| fault(format!("ca.crt is damaged ({e}): {again}")))?;
        if now > facts.until {
            return Err(fault(format!(
                "it expired on {}, and the clock shows {}: {again}",
                day(facts.until),
                day(now)
            )));
        }
        if now < facts.from {
            return Err(fault(format!(
                "it is valid from {} on, but the clock shows {}: set the clock (timedatectl set-ntp true)",
                day(facts.from),
                day(now)
            )));
        }
        let signing = any_supported_type(&key).map_err(|e| fault(format!("ca.key: {e}: {again}")))?;
        if CertifiedKey::new(vec![der.clone()], signing).keys_match().is_err() {
            return Err(fault(format!(
                "ca.key is not the key of ca.crt: bring the right one back, or {again}"
            )));
        }
        Self::assemble(folder, der, &key, facts).map(Some).map_err(|e| fault(format!("{e}: {again}")))
    }

    /// Makes a CA for this machine in a folder.
    pub(super) fn make(folder: &Path, machine: &Machine, now: Duration) -> Result<Self, CertificateFinding> {
        let fault = |why: String| CertificateFinding::Authority { folder: folder.into(), why };
        let written = |e: std::io::Error| {
            fault(format!("it cannot be written: {e}. The user of the server must be able to write there"))
        };
        let key = KeyPair::generate().map_err(|e| fault(e.to_string()))?;
        let serial = random_serial().map_err(&fault)?;
        let mut params = CertificateParams::default();
        let tag: String = serial[1..5].iter().map(|b| format!("{b:02X}")).collect();
        let host = machine.host.as_deref().unwrap_or("this machine");
        params.distinguished_name = named(&format!("Tring local CA of {host} ({tag})"));
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: constraints::permitted(machine),
            excluded_subtrees: Vec::new(),
        });
        set_validity(&mut params, now.saturating_sub(BACK_DAYS * DAY), now + CA_DAYS * DAY);
        let certificate = params.self_signed(&key).map_err(|e| fault(e.to_string()))?;
        make_folder(folder).map_err(written)?;
        // The key first: a certificate without its key would have to be complained about at the next start.
        write(&folder.join("ca.key"), &pem("PRIVATE KEY", &key.serialize_der()), 0o600).map_err(written)?;
        write(&folder.join("ca.crt"), &pem("CERTIFICATE", certificate.der()), 0o644).map_err(written)?;
        let made = Self::read(folder, now)?.ok_or_else(|| fault("ca.crt has vanished".into()))?;
        tracing::info!(folder = %folder.display(), fingerprint = made.fingerprint(), "a local CA was made");
        Ok(made)
    }

    fn assemble(
        folder: &Path,
        der: CertificateDer<'static>,
        key: &PrivateKeyDer<'_>,
        facts: Facts,
    ) -> Result<Self, String> {
        let key = KeyPair::from_der_and_sign_algo(key, &rcgen::PKCS_ECDSA_P256_SHA256)
            .map_err(|e| e.to_string())?;
        let mut params = CertificateParams::default();
        // An issuer is found by its name as it is encoded: the one attribute that `make` has written.
        params.distinguished_name =
            named(&common_name(&facts).ok_or("ca.crt is not of this server's making")?);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let constraints = Constraints::read(&der)?;
        Ok(Self { folder: folder.into(), der, facts, constraints, issuer: Issuer::new(params, key) })
    }

    /// The certificate in DER, as phones install it.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate, as phones and browsers show it.
    pub(crate) fn fingerprint(&self) -> String {
        Sha256::digest(&self.der).iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
    }

    /// The name of the CA, as phones list it.
    pub(crate) fn name(&self) -> String {
        common_name(&self.facts).unwrap_or_default()
    }

    /// Whether a certificate that ends then is to be renewed now. One that lasts as long as the CA cannot last longer.
    pub(super) fn is_due(&self, until: Duration, now: Duration) -> bool {
        until <= now + RENEW_DAYS * DAY && until < self.facts.until
    }

    /// When it ends, if that is soon: its phones will need the next one.
    pub(super) fn ends_soon(&self, now: Duration) -> Option<Duration> {
        Some(self.facts.until).filter(|until| *until <= now + RENEW_DAYS * DAY)
    }

    /// The addresses of a machine for which it may not sign.
    pub(super) fn uncovered(&self, machine: &Machine) -> Vec<IpAddr> {
        machine.addresses.iter().copied().filter(|ip| !self.constraints.allow_address(*ip)).collect()
    }

    /// The machine's certificate: the one of the folder if it still fits, else a new one.
    pub(super) fn certificate(&self, machine: &Machine, now: Duration) -> Result<Signed, CertificateFinding> {
        let mut names = machine.names();
        names.retain(|name| self.constraints.allow_name(name));
        let mut addresses = machine.all_addresses();
        addresses.retain(|ip| self.constraints.allow_address(*ip));
        match self.kept(&names, &addresses, now) {
            Some(kept) => Ok(kept),
            None => self.sign(&names, &addresses, now).map_err(|why| CertificateFinding::Authority {
                folder: self.folder.clone(),
                why: format!("the server's certificate cannot be made: {why}"),
            }),
        }
    }

    fn kept(&self, names: &[String], addresses: &[IpAddr], now: Duration) -> Option<Signed> {
        let chain = CertificateDer::from_pem_slice(&fs::read(self.folder.join("server.crt")).ok()?).ok()?;
        let key = PrivateKeyDer::from_pem_slice(&fs::read(self.folder.join("server.key")).ok()?).ok()?;
        let facts = Facts::read(&chain).ok()?;
        let same = |a: &mut Vec<String>, b: &mut Vec<String>| {
            a.sort();
            b.sort();
            a == b
        };
        let text = |list: &[IpAddr]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let fits = facts.is_signed_by(&self.facts)
            && facts.from <= now
            && !self.is_due(facts.until, now)
            && same(&mut facts.names.clone(), &mut names.to_vec())
            && same(&mut text(&facts.addresses), &mut text(addresses));
        let certified = CertifiedKey::new(vec![chain, self.der.clone()], any_supported_type(&key).ok()?);
        (fits && certified.keys_match().is_ok())
            .then(|| Signed { key: Arc::new(certified), until: facts.until })
    }

    fn sign(&self, names: &[String], addresses: &[IpAddr], now: Duration) -> Result<Signed, String> {
        let key = KeyPair::generate().map_err(|e| e.to_string())?;
        let mut params = CertificateParams::default();
        // No host name: name constraints would be held against it too.
        params.distinguished_name = named("Tring server");
        params.serial_number = Some(SerialNumber::from_slice(&random_serial()?));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        for name in names {
            params
                .subject_alt_names
                .push(SanType::DnsName(name.as_str().try_into().map_err(|_| "host name")?));
        }
        params.subject_alt_names.extend(addresses.iter().map(|ip| SanType::IpAddress(*ip)));
        let from = now.saturating_sub(BACK_DAYS * DAY);
        let until = (from + SERVER_DAYS * DAY).min(self.facts.until);
        set_validity(&mut params, from, until);
        let certificate = params.signed_by(&key, &self.issuer).map_err(|e| e.to_string())?;
        let chain = vec![certificate.der().clone(), self.der.clone()];
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing = any_supported_type(&private).map_err(|e| e.to_string())?;
        let kept = write(&self.folder.join("server.key"), &pem("PRIVATE KEY", private.secret_der()), 0o600)
            .and_then(|()| {
                let text = pem("CERTIFICATE", certificate.der()) + &pem("CERTIFICATE", &self.der);
                write(&self.folder.join("server.crt"), &text, 0o644)
            });
        if let Err(error) = kept {
            // Phones trust the CA, not these files: the certificate is as good without them.
            let folder = self.folder.display();
            tracing::warn!(%error, %folder, "the server's certificate is in use, but cannot be kept: the next start makes another. See whether the disk is full");
        }
        tracing::info!(?names, ?addresses, until = day(until), "the server's certificate was made");
        Ok(Signed { key: Arc::new(CertifiedKey::new(chain, signing)), until })
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn common_name(facts: &Facts) -> Option<String> {
    facts.subject.to_string().strip_prefix("CN=").map(str::to_owned)
}

/// Sets when a certificate begins and ends. (Its type of date is another crate's, which this one does not name.)
fn set_validity(params: &mut CertificateParams, from: Duration, until: Duration) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(from.as_secs());
    params.not_after = epoch + Duration::from_secs(until.as_secs());
}

/// 16 random bytes that are a positive number (RFC 5280, 4.1.2.2).
fn random_serial() -> Result<[u8; 16], String> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|e| e.to_string())?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}

#[cfg(test)]
mod tests;
