//! What the CA signs, what it may not, and when it signs anew.

use super::*;

/// 2026-06-01.
const NOW: Duration = Duration::from_secs(1_780_272_000);

fn machine(addresses: &[&str]) -> Machine {
    Machine { host: Some("desk".into()), addresses: addresses.iter().map(|a| a.parse().unwrap()).collect() }
}

fn facts(signed: &Signed) -> Facts {
    Facts::read(&signed.key.cert[0]).unwrap()
}

#[test]
fn a_ca_is_made_once_and_its_certificates_hold_all_names() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data/ca");
    assert!(Authority::read(&folder, NOW).unwrap().is_none());
    let machine = machine(&["192.168.1.5", "fd00::5"]);
    let made = Authority::make(&folder, &machine, NOW).unwrap();
    let again = Authority::read(&folder, NOW).unwrap().unwrap();
    assert_eq!(made.fingerprint(), again.fingerprint());
    assert_eq!(made.fingerprint().len(), 32 * 3 - 1);
    assert!(made.name().starts_with("Tring local CA of desk ("), "{}", made.name());
    let signed = again.certificate(&machine, NOW).unwrap();
    let found = facts(&signed);
    assert_eq!(found.names, ["localhost", "desk", "desk.local"]);
    let addresses: Vec<_> = found.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.168.1.5", "fd00::5", "127.0.0.1", "::1"]);
    assert!(found.until - found.from <= 398 * DAY && found.from < NOW, "{found:?}");
    assert_eq!(signed.key.cert.len(), 2, "with the CA");
}

#[cfg(unix)]
#[test]
fn keys_are_for_the_server_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ca");
    let machine = machine(&["192.168.1.5"]);
    Authority::make(&folder, &machine, NOW).unwrap().certificate(&machine, NOW).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for key in ["ca.key", "server.key"] {
        assert_eq!(mode(&folder.join(key)), 0o600, "{key}");
    }
}

#[test]
fn a_certificate_that_cannot_be_kept_is_used_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let home = machine(&["192.168.1.5"]);
    let authority = Authority::make(dir.path(), &home, NOW).unwrap();
    // In the way of a file, for who runs the tests as root too.
    let in_the_way = dir.path().join("server.new");
    fs::create_dir(&in_the_way).unwrap();
    let signed = authority.certificate(&home, NOW).unwrap();
    assert_eq!(facts(&signed).names, ["localhost", "desk", "desk.local"]);
    assert!(!dir.path().join("server.crt").exists());
    fs::remove_dir(&in_the_way).unwrap();
    let kept = authority.certificate(&home, NOW).unwrap();
    assert_ne!(kept.key.cert[0], signed.key.cert[0]);
    assert_eq!(authority.certificate(&home, NOW).unwrap().key.cert[0], kept.key.cert[0]);
}

#[test]
fn a_certificate_is_kept_until_addresses_change_or_its_end_is_near() {
    let dir = tempfile::tempdir().unwrap();
    let home = machine(&["192.168.1.5"]);
    let authority = Authority::make(dir.path(), &home, NOW).unwrap();
    let at = |machine: &Machine, now| authority.certificate(machine, now).unwrap().key.cert[0].clone();
    let first = at(&home, NOW);
    assert_eq!(at(&home, NOW + 300 * DAY), first);
    let renewed = at(&home, NOW + 380 * DAY);
    assert_ne!(renewed, first);
    let office = machine(&["10.1.1.1"]);
    assert_ne!(at(&office, NOW + 380 * DAY), renewed);
    assert_ne!(at(&home, NOW - 3 * DAY), renewed, "made by a clock that was ahead");
    fs::write(dir.path().join("server.crt"), "damaged").unwrap();
    at(&home, NOW);
    assert_eq!(authority.ends_soon(NOW), None);
    let late = NOW + 3640 * DAY;
    assert!(authority.ends_soon(late).is_some());
    assert_eq!(
        at(&home, late),
        at(&home, late + DAY),
        "what lasts as long as the CA is not made anew each minute"
    );
}

#[test]
fn it_signs_for_private_networks_and_for_what_the_machine_had_when_it_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::make(dir.path(), &machine(&["203.0.113.5", "2001:db8:1:2::5"]), NOW).unwrap();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    for yes in
        ["203.0.113.5", "2001:db8:1:2::77", "192.168.9.9", "10.0.0.1", "172.31.0.1", "100.64.0.1", "fd12::1"]
    {
        assert!(authority.constraints.allow_address(ip(yes)), "{yes}");
    }
    for no in ["203.0.113.6", "2001:db8:1:3::5", "8.8.8.8", "172.32.0.1", "100.128.0.1"] {
        assert!(!authority.constraints.allow_address(ip(no)), "{no}");
    }
    for (name, may) in [
        ("desk", true),
        ("desk.local", true),
        ("localhost", true),
        ("example.org", false),
        ("notlocal", false),
        ("mydesk", false),
    ] {
        assert_eq!(authority.constraints.allow_name(name), may, "{name}");
    }
    let moved = machine(&["198.51.100.1", "192.168.1.5"]);
    assert_eq!(authority.uncovered(&moved), [ip("198.51.100.1")]);
    let found = facts(&authority.certificate(&moved, NOW).unwrap());
    assert!(!found.addresses.contains(&ip("198.51.100.1")), "a certificate that no phone takes helps nobody");
}

/// What a client that trusts the CA says of a certificate.
fn verified(authority: &Authority, signed: &Signed, name: &str) -> Result<(), String> {
    use tokio_rustls::rustls::RootCertStore;
    use tokio_rustls::rustls::client::WebPkiServerVerifier;
    use tokio_rustls::rustls::client::danger::ServerCertVerifier;
    use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
    use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone()).unwrap();
    let verifier =
        WebPkiServerVerifier::builder_with_provider(roots.into(), default_provider().into()).build().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier
        .verify_server_cert(&signed.key.cert[0], &[], &name, &[], UnixTime::since_unix_epoch(NOW))
        .map(|_| ())
        .map_err(|e| format!("{e:?}"))
}

#[test]
fn a_thief_of_the_key_is_believed_for_private_networks_only() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(&["192.168.1.5", "203.0.113.5"]);
    let authority = Authority::make(dir.path(), &machine, NOW).unwrap();
    let own = authority.certificate(&machine, NOW).unwrap();
    for name in ["localhost", "desk", "desk.local", "192.168.1.5", "203.0.113.5", "127.0.0.1", "::1"] {
        assert_eq!(verified(&authority, &own, name), Ok(()), "{name}");
    }
    // What `certificate` never asks for, and a thief would.
    let bank = authority.sign(&["bank.example".into()], &[], NOW).unwrap();
    assert!(verified(&authority, &bank, "bank.example").unwrap_err().contains("NameConstraintViolation"));
    let abroad = authority.sign(&[], &["198.51.100.1".parse().unwrap()], NOW).unwrap();
    assert!(verified(&authority, &abroad, "198.51.100.1").unwrap_err().contains("NameConstraintViolation"));
}

#[test]
fn a_ca_that_cannot_be_used_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let make = || {
        let _ = fs::remove_dir_all(dir.path());
        Authority::make(dir.path(), &machine(&["192.168.1.5"]), NOW).unwrap();
    };
    let said = |now| Authority::read(dir.path(), now).map(|_| ()).unwrap_err().to_string();
    make();
    assert!(said(NOW + 4000 * DAY).contains("it expired on 2036-"), "{}", said(NOW + 4000 * DAY));
    assert!(said(NOW - 3 * DAY).contains("set the clock"), "{}", said(NOW - 3 * DAY));
    let other = KeyPair::generate().unwrap();
    fs::write(dir.path().join("ca.key"), pem("PRIVATE KEY", &other.serialize_der())).unwrap();
    assert!(said(NOW).contains("not the key of ca.crt"), "{}", said(NOW));
    fs::write(dir.path().join("ca.key"), "x").unwrap();
    assert!(said(NOW).contains("ca.key is damaged"), "{}", said(NOW));
    fs::remove_file(dir.path().join("ca.key")).unwrap();
    assert!(said(NOW).contains("remove the folder"), "{}", said(NOW));
    make();
    fs::write(dir.path().join("ca.crt"), "x").unwrap();
    assert!(said(NOW).contains("ca.crt is damaged"), "{}", said(NOW));
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Authority::make(&file.join("ca"), &machine(&[]), NOW).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
}
