//! The local CA: made once, kept in the data folder, signs for this machine's own names.
//!
//! Whoever installs a CA on a phone trusts it with everything, so this one is bound in three ways: its key never leaves
//! the data folder (mode 0600); it may sign no other CA (path length 0); and its name constraints (RFC 5280, 4.2.1.10)
//! allow private networks, `.local`, this machine's name and the public addresses that it had when the CA was made, and
//! nothing else. A thief of the key can listen in a home network, and cannot be a bank.

use super::certificate::{Facts, day};
use super::finding::Finding;
use super::names::Machine;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::name::GeneralName;

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

/// Private IPv4 networks (RFC 1918, 6598), link-local and loopback ones.
const PRIVATE_V4: [([u8; 4], u8); 6] = [
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([100, 64, 0, 0], 10),
    ([169, 254, 0, 0], 16),
    ([127, 0, 0, 0], 8),
];

/// Unique local IPv6 addresses (RFC 4193), link-local ones, loopback.
const PRIVATE_V6: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::LOCALHOST, 128),
];

/// A CA with its key.
pub(crate) struct Authority {
    folder: PathBuf,
    der: CertificateDer<'static>,
    facts: Facts,
    permitted: Vec<Permitted>,
    issuer: Issuer<'static, KeyPair>,
}

/// What the CA may sign for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Permitted {
    Network { address: Vec<u8>, mask: Vec<u8> },
    Domain(String),
}

/// A certificate that the CA has signed for this machine.
pub(super) struct Signed {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) until: Duration,
}

impl Authority {
    /// Reads the CA of a folder. None: there is none yet.
    pub(super) fn read(folder: &Path, now: Duration) -> Result<Option<Self>, Finding> {
        let fault = |why: String| Finding::Authority { folder: folder.into(), why };
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
    pub(super) fn make(folder: &Path, machine: &Machine, now: Duration) -> Result<Self, Finding> {
        let fault = |why: String| Finding::Authority { folder: folder.into(), why };
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
        params.name_constraints =
            Some(NameConstraints { permitted_subtrees: permitted(machine), excluded_subtrees: Vec::new() });
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
        let permitted = constraints(&der)?;
        Ok(Self { folder: folder.into(), der, facts, permitted, issuer: Issuer::new(params, key) })
    }

    /// The certificate in DER, as phones install it.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate, as phones and browsers show it.
    pub(crate) fn fingerprint(&self) -> String {
        Sha256::digest(&self.der).iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
    }

    /// Its name, as phones list it.
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
        machine.addresses.iter().copied().filter(|ip| !self.covers(*ip)).collect()
    }

    fn covers(&self, ip: IpAddr) -> bool {
        let bytes = octets(ip);
        self.permitted.iter().any(|p| match p {
            Permitted::Network { address, mask } => {
                mask.len() == bytes.len()
                    && bytes.iter().zip(mask).zip(address).all(|((b, m), a)| b & m == a & m)
            }
            Permitted::Domain(_) => false,
        })
    }

    fn covers_name(&self, name: &str) -> bool {
        self.permitted.iter().any(|p| match p {
            Permitted::Domain(domain) => {
                name == domain || name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            Permitted::Network { .. } => false,
        })
    }

    /// The machine's certificate: the one of the folder if it still fits, else a new one.
    pub(super) fn certificate(&self, machine: &Machine, now: Duration) -> Result<Signed, Finding> {
        let mut names = machine.names();
        names.retain(|name| self.covers_name(name));
        let mut addresses = machine.all_addresses();
        addresses.retain(|ip| self.covers(*ip));
        match self.kept(&names, &addresses, now) {
            Some(kept) => Ok(kept),
            None => self.sign(&names, &addresses, now).map_err(|why| Finding::Authority {
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

fn permitted(machine: &Machine) -> Vec<GeneralSubtree> {
    let mut list: Vec<GeneralSubtree> = Vec::new();
    list.extend(
        PRIVATE_V4.map(|(net, bits)| GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(net, bits))),
    );
    list.extend(
        PRIVATE_V6
            .map(|(net, bits)| GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(net.octets(), bits))),
    );
    for ip in &machine.addresses {
        let known = |(net, bits): &(Ipv4Addr, u8), v4: Ipv4Addr| {
            v4.to_bits() >> (32 - bits) == net.to_bits() >> (32 - bits)
        };
        match ip {
            IpAddr::V4(v4) if PRIVATE_V4.iter().any(|(n, b)| known(&((*n).into(), *b), *v4)) => {}
            IpAddr::V4(v4) => {
                list.push(GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(v4.octets(), 32)))
            }
            IpAddr::V6(v6) if v6.is_unique_local() => {}
            // The network: privacy extensions (RFC 8981) change the rest each day.
            IpAddr::V6(v6) => {
                let net = Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64);
                list.push(GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(net.octets(), 64)));
            }
        }
    }
    list.push(GeneralSubtree::DnsName("local".into()));
    list.extend(machine.names().into_iter().filter(|n| !n.ends_with(".local")).map(GeneralSubtree::DnsName));
    list
}

/// The permitted subtrees of a CA.
fn constraints(der: &[u8]) -> Result<Vec<Permitted>, String> {
    let certificate = Certificate::from_der(der).map_err(|e| e.to_string())?;
    let found = certificate
        .tbs_certificate()
        .get_extension::<x509_cert::ext::pkix::NameConstraints>()
        .map_err(|e| e.to_string())?;
    let subtrees = found.and_then(|(_, constraints)| constraints.permitted_subtrees).unwrap_or_default();
    Ok(subtrees
        .into_iter()
        .filter_map(|subtree| match subtree.base {
            GeneralName::DnsName(name) => Some(Permitted::Domain(name.as_str().to_owned())),
            GeneralName::IpAddress(bytes) => {
                let (address, mask) = bytes.as_bytes().split_at(bytes.as_bytes().len() / 2);
                Some(Permitted::Network { address: address.into(), mask: mask.into() })
            }
            _ => None,
        })
        .collect())
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(v4) => v4.octets().into(),
        IpAddr::V6(v6) => v6.octets().into(),
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

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out += line;
        out.push('\n');
        rest = after;
    }
    out + &format!("-----END {label}-----\n")
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Writes a file whole or not at all. It never has more than its mode.
fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new); // of a start that was interrupted
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&new); // half a file, on a disk that may be full
    }
    written
}

#[cfg(test)]
mod tests;
