//! A table of certificates that are wrong, each made here, and what is said about each.

use super::*;
use crate::severity::Severity;
use crate::tls::files::pem;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::path::PathBuf;

/// 2026-06-01.
const NOW: Duration = Duration::from_secs(1_780_272_000);
const DAY: u64 = 24 * 3600;

struct Made {
    pem: String,
    key: String,
}

fn params(names: &[&str], from_days: i64, until_days: i64) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or("nobody"));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let at = |days: i64| {
        let seconds = NOW.as_secs().checked_add_signed(days * DAY as i64).unwrap();
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    (params.not_before, params.not_after) = (at(from_days), at(until_days));
    params
}

/// A certificate of a CA, and the CA's own.
fn signed(params: &CertificateParams) -> (Made, String) {
    let mut ca = self::params(&[], -100, 1000);
    ca.distinguished_name.push(DnType::CommonName, "an authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = pem("CERTIFICATE", ca.self_signed(&ca_key).unwrap().der());
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let made =
        Made { pem: pem("CERTIFICATE", certificate.der()), key: pem("PRIVATE KEY", &key.serialize_der()) };
    (made, ca_pem)
}

fn machine() -> Machine {
    Machine { host: None, addresses: vec!["192.168.1.5".parse().unwrap()] }
}

struct Files {
    _dir: tempfile::TempDir,
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new(cert: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = Self { cert: dir.path().join("a.pem"), key: dir.path().join("a.key"), _dir: dir };
        std::fs::write(&files.cert, cert).unwrap();
        std::fs::write(&files.key, key).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        files
    }

    fn load(&self) -> Loaded {
        load(&self.cert, &self.key, NOW, &machine())
    }
}

/// What is said, worst first; holds that errors and only errors keep the certificate from being used.
fn said(cert: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Vec<String> {
    let loaded = Files::new(cert, key).load();
    let worst = loaded.findings.first().map(CertificateFinding::severity);
    assert_eq!(loaded.key.is_none(), worst == Some(Severity::Error), "{:?}", loaded.findings);
    loaded.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_chain_is_taken_without_a_word() {
    let (own, ca) = signed(&params(&["call.example.org"], -10, 80));
    assert_eq!(said(own.pem + &ca, own.key), [""; 0]);
}

#[test]
fn what_is_wrong_is_named_with_what_to_do() {
    let (own, ca) = signed(&params(&["call.example.org"], -10, 80));
    let (other, _) = signed(&params(&["call.example.org"], -10, 80));
    let chain = own.pem.clone() + &ca;
    let chained = |params: &CertificateParams| {
        let (own, ca) = signed(params);
        (own.pem + &ca, own.key)
    };
    let mut no_purpose = params(&["call.example.org"], -10, 80);
    no_purpose.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let self_signed_key = KeyPair::generate().unwrap();
    let self_signed = params(&["call.example.org"], -10, 80).self_signed(&self_signed_key).unwrap();
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let table: Vec<(&str, (String, String), &str)> = vec![
        ("empty", (String::new(), own.key.clone()), "holds no certificate in PEM"),
        ("text", ("hello".into(), own.key.clone()), "holds no certificate in PEM"),
        ("DER", ("0\u{1}".into(), own.key.clone()), "openssl x509 -inform der"),
        ("damaged", (chain.replace("MII", "AAA"), own.key.clone()), "cannot be used"),
        ("exchanged", (own.key.clone(), chain.clone()), "probably exchanged"),
        ("no key in it", (chain.clone(), "hello".into()), "holds no private key in PEM"),
        ("encrypted", (chain.clone(), encrypted.into()), "openssl pkey"),
        ("encrypted in the old form", (chain.clone(), old.into()), "is encrypted"),
        ("another's key", (chain.clone(), other.key.clone()), "does not belong to the certificate"),
        (
            "the CA first",
            (ca.clone() + &own.pem, own.key.clone()),
            "wrong order (the one of the key is number 2)",
        ),
        (
            "a stranger between",
            (own.pem.clone() + &other.pem, own.key.clone()),
            "number 2 did not sign number 1",
        ),
        ("expired", chained(&params(&["call.example.org"], -90, -1)), "expired on 2026-05-31 00:00 UTC"),
        ("not yet", chained(&params(&["call.example.org"], 1, 90)), "is valid from 2026-06-02 00:00 UTC on"),
        (
            "soon",
            chained(&params(&["call.example.org"], -80, 5)),
            "expires on 2026-06-06 00:00 UTC: renew it",
        ),
        ("alone", (own.pem.clone(), own.key.clone()), "fullchain.pem"),
        (
            "self-signed",
            (pem("CERTIFICATE", self_signed.der()), pem("PRIVATE KEY", &self_signed_key.serialize_der())),
            "is self-signed",
        ),
        ("nameless", chained(&params(&[], -10, 80)), "has no subjectAltName"),
        (
            "elsewhere",
            chained(&params(&["192.168.9.9"], -10, 80)),
            "is for 192.168.9.9, and this machine has 192.168.1.5",
        ),
        ("localhost", chained(&params(&["localhost"], -10, 80)), "is for localhost"),
        ("for clients", chained(&no_purpose), "serverAuth"),
        ("for ever", chained(&params(&["call.example.org"], -10, 900)), "iOS refuses more than 825"),
    ];
    for (what, (cert, key), text) in table {
        let said = said(cert, key);
        assert!(said.iter().any(|line| line.contains(text)), "{what}: {said:?}");
    }
    assert_eq!(said(chained(&params(&["192.168.1.5"], -10, 80)).0, own.key.clone()).len(), 1, "only the key");
}

#[test]
fn a_missing_file_is_named() {
    let gone = Files::new("", "");
    std::fs::remove_file(&gone.cert).unwrap();
    std::fs::remove_file(&gone.key).unwrap();
    let said: Vec<String> = gone.load().findings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("tls.cert") && said[0].contains("a.pem"), "{said:?}");
    assert!(said[1].starts_with("tls.key") && said[1].contains("a.key"), "{said:?}");
}

#[cfg(unix)]
#[test]
fn a_key_that_everybody_may_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let (own, ca) = signed(&params(&["call.example.org"], -10, 80));
    let files = Files::new(own.pem + &ca, own.key);
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let loaded = files.load();
    assert!(loaded.key.is_some());
    assert!(matches!(loaded.findings[..], [CertificateFinding::KeyOpen { .. }]), "{:?}", loaded.findings);
}

#[test]
fn a_clock_before_this_program_was_made_is_named() {
    let finding = check_clock(Duration::from_secs(5)).unwrap();
    assert!(finding.to_string().contains("1970-01-01 00:00 UTC"), "{finding}");
    assert_eq!(check_clock(NOW), None);
}
