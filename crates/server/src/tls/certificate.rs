//! Certificates and keys: read from files, held against the clock and the machine.

use super::finding::CertificateFinding;
use super::names::Machine;
use crate::clock::NOT_BEFORE_S;
use crate::severity::Severity;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};

/// How long before its end a certificate is called due. Higher: more time to act, more nagging about short-lived ones,
/// which are replaced with a third of their life (30 of 90 days) left.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// Longest life that iOS takes, in days.
const IOS_DAYS: u64 = 825;

/// id-kp-serverAuth (RFC 5280, 4.2.1.12).
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";

/// A certificate chain with its key, and what is to be said about it.
pub(super) struct Loaded {
    /// None: one of the findings is an error.
    pub(super) key: Option<Arc<CertifiedKey>>,
    pub(super) findings: Vec<CertificateFinding>,
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// Since the Unix epoch.
    pub(super) from: Duration,
    /// Since the Unix epoch.
    pub(super) until: Duration,
    pub(super) names: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
    /// The certificate's holder, as it is encoded.
    pub(super) subject: x509_cert::name::Name,
    issuer: x509_cert::name::Name,
    is_ca: bool,
    /// None: it says nothing of what it is for.
    for_servers: Option<bool>,
}

impl Facts {
    /// Reads a certificate in DER. The error says why it cannot be read.
    pub(super) fn read(der: &[u8]) -> Result<Self, String> {
        let certificate = Certificate::from_der(der).map_err(|e| e.to_string())?;
        let it = certificate.tbs_certificate();
        let (mut names, mut addresses) = (Vec::new(), Vec::new());
        let alternative = it.get_extension::<SubjectAltName>().map_err(|e| e.to_string())?;
        for name in alternative.map(|(_, names)| names.0).unwrap_or_default() {
            match name {
                GeneralName::DnsName(name) => names.push(name.as_str().to_owned()),
                GeneralName::IpAddress(bytes) => addresses.extend(address(bytes.as_bytes())),
                _ => {}
            }
        }
        let purposes = it.get_extension::<ExtendedKeyUsage>().map_err(|e| e.to_string())?;
        let basic = it.get_extension::<BasicConstraints>().map_err(|e| e.to_string())?;
        Ok(Self {
            from: it.validity().not_before.to_unix_duration(),
            until: it.validity().not_after.to_unix_duration(),
            names,
            addresses,
            subject: it.subject().clone(),
            issuer: it.issuer().clone(),
            is_ca: basic.is_some_and(|(_, basic)| basic.ca),
            for_servers: purposes.map(|(_, list)| list.0.iter().any(|p| p.to_string() == SERVER_AUTH)),
        })
    }

    /// Whether it names this CA as the one that signed it.
    pub(super) fn is_signed_by(&self, ca: &Self) -> bool {
        self.issuer == ca.subject
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

/// A day and time as people read it, UTC.
pub(super) fn day(since_epoch: Duration) -> String {
    match x509_cert::der::DateTime::from_unix_duration(since_epoch) {
        Ok(t) => {
            format!("{:04}-{:02}-{:02} {:02}:{:02} UTC", t.year(), t.month(), t.day(), t.hour(), t.minutes())
        }
        Err(_) => "a time without end".into(),
    }
}

/// What is wrong with the clock, if it is plainly wrong.
pub(super) fn check_clock(now: Duration) -> Option<CertificateFinding> {
    (now.as_secs() < NOT_BEFORE_S).then(|| CertificateFinding::ClockAbsurd { now: day(now) })
}

/// Reads `tls.cert` and `tls.key` and holds them against each other, the clock and the machine.
pub(super) fn load(cert: &Path, key: &Path, now: Duration, machine: &Machine) -> Loaded {
    let mut findings = Vec::new();
    let chain = read_chain(cert).map_err(|f| findings.push(f)).ok();
    let private = read_key(key).map_err(|f| findings.push(f)).ok();
    findings.extend(open_key(key));
    let mut certified = None;
    if let Some((chain, facts)) = chain {
        findings.extend(check_facts(cert, &facts, now, machine));
        if let Some(private) = private {
            match pair(cert, key, &chain, &facts, &private) {
                Ok(pair) => certified = Some(Arc::new(pair)),
                Err(finding) => findings.push(finding),
            }
        }
    }
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity()));
    let fails = findings.iter().any(|f| f.severity() == Severity::Error);
    Loaded { key: certified.filter(|_| !fails), findings }
}

type Chain = (Vec<CertificateDer<'static>>, Vec<Facts>);

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, CertificateFinding> {
    std::fs::read(path).map_err(|e| CertificateFinding::Unreadable {
        setting,
        path: path.into(),
        why: e.to_string(),
    })
}

fn read_chain(path: &Path) -> Result<Chain, CertificateFinding> {
    let setting = "tls.cert";
    let bytes = read(setting, path)?;
    let text = String::from_utf8_lossy(&bytes);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|e| CertificateFinding::Unusable { setting, path: path.into(), why: e.to_string() })?;
    if chain.is_empty() {
        let why = if text.contains("PRIVATE KEY-----") {
            "holds a key and no certificate: tls.cert and tls.key are probably exchanged"
        } else if bytes.starts_with(&[0x30]) {
            "is not PEM but probably DER: convert it (openssl x509 -inform der -in FILE -out FILE.pem)"
        } else {
            "holds no certificate in PEM (a text with -----BEGIN CERTIFICATE-----): give that file"
        };
        return Err(CertificateFinding::NotPem { setting, path: path.into(), why });
    }
    let facts = chain.iter().map(|der| Facts::read(der)).collect::<Result<Vec<_>, _>>();
    let facts = facts.map_err(|why| CertificateFinding::Unusable { setting, path: path.into(), why })?;
    Ok((chain, facts))
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateFinding> {
    let setting = "tls.key";
    let bytes = read(setting, path)?;
    let text = String::from_utf8_lossy(&bytes);
    // PKCS #8, and the older form of OpenSSL.
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(CertificateFinding::EncryptedKey { path: path.into() });
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        let why = if text.contains("BEGIN CERTIFICATE") {
            "holds a certificate and no key: tls.cert and tls.key are probably exchanged"
        } else if bytes.starts_with(&[0x30]) {
            "is not PEM but probably DER: convert it (openssl pkey -inform der -in FILE -out FILE.pem)"
        } else {
            "holds no private key in PEM (a text with -----BEGIN PRIVATE KEY-----): give that file"
        };
        CertificateFinding::NotPem { setting, path: path.into(), why }
    })
}

#[cfg(unix)]
fn open_key(path: &Path) -> Option<CertificateFinding> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| CertificateFinding::KeyOpen { path: path.into() })
}

#[cfg(not(unix))]
fn open_key(_: &Path) -> Option<CertificateFinding> {
    None
}

fn pair(
    cert: &Path,
    key: &Path,
    chain: &[CertificateDer<'static>],
    facts: &[Facts],
    private: &PrivateKeyDer<'_>,
) -> Result<CertifiedKey, CertificateFinding> {
    let signing = any_supported_type(private).map_err(|e| CertificateFinding::Unusable {
        setting: "tls.key",
        path: key.into(),
        why: e.to_string(),
    })?;
    // rustls leaves open what it cannot compare; a handshake would then fail, so that is a mismatch too.
    let fits = |chain: &[CertificateDer<'static>]| {
        CertifiedKey::new(chain.to_vec(), signing.clone()).keys_match().is_ok()
    };
    if !fits(chain) {
        // The key may be that of a certificate further down.
        if let Some(at) = (1..chain.len()).find(|&i| fits(&chain[i..])) {
            let why = format!("the one of the key is number {}", at + 1);
            return Err(CertificateFinding::ChainOrder { path: cert.into(), why });
        }
        return Err(CertificateFinding::KeyMismatch { cert: cert.into(), key: key.into() });
    }
    if let Some(at) = (1..facts.len()).find(|&i| facts[i - 1].issuer != facts[i].subject) {
        let why = format!("number {} did not sign number {at}", at + 1);
        return Err(CertificateFinding::ChainOrder { path: cert.into(), why });
    }
    Ok(CertifiedKey::new(chain.to_vec(), signing))
}

/// What the certificates say that is wrong now, or will be.
fn check_facts(path: &Path, chain: &[Facts], now: Duration, machine: &Machine) -> Vec<CertificateFinding> {
    let path = || path.to_owned();
    let mut findings = Vec::new();
    for facts in chain {
        if now < facts.from {
            findings.push(CertificateFinding::NotYetValid {
                path: path(),
                from: day(facts.from),
                now: day(now),
            });
        } else if now > facts.until {
            findings.push(CertificateFinding::Expired { path: path(), at: day(facts.until), now: day(now) });
        } else if now + SOON > facts.until {
            findings.push(CertificateFinding::ExpiresSoon { path: path(), at: day(facts.until) });
        }
    }
    let Some(own) = chain.first() else { return findings };
    if own.issuer == own.subject {
        findings.push(CertificateFinding::SelfSigned { path: path() });
    } else if chain.len() == 1 && !own.is_ca {
        findings.push(CertificateFinding::ChainIncomplete { path: path() });
    }
    if own.names.is_empty() && own.addresses.is_empty() {
        findings.push(CertificateFinding::NoNames { path: path() });
    } else if !may_be_ours(own, machine) {
        let join = |list: &[IpAddr]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let names: Vec<String> = own.names.iter().cloned().chain(join(&own.addresses)).collect();
        findings.push(CertificateFinding::OtherNames {
            path: path(),
            names: names.join(", "),
            addresses: join(&machine.addresses).join(", "),
        });
    }
    if own.for_servers == Some(false) {
        findings.push(CertificateFinding::NotForServers { path: path() });
    }
    let days = own.until.saturating_sub(own.from).as_secs() / (24 * 3600);
    if days > IOS_DAYS {
        findings.push(CertificateFinding::TooLong { path: path(), days });
    }
    findings
}

/// Whether clients may reach this machine under one of the names. A name of the DNS may: who knows where it points.
fn may_be_ours(facts: &Facts, machine: &Machine) -> bool {
    facts.names.iter().any(|name| name != "localhost" && !name.ends_with(".localhost"))
        || facts.addresses.iter().any(|ip| machine.addresses.contains(ip))
        || machine.addresses.is_empty()
}

#[cfg(test)]
mod tests;
