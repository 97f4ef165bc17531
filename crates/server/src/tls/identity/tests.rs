//! A new certificate while the server runs.

use super::*;

fn local_ca(dir: &Path) -> Config {
    let mut config = Config { data: dir.into(), ..Config::default() };
    config.tls.local_ca = Some(true);
    config
}

fn shown(identity: &Identity) -> certificate::Facts {
    certificate::Facts::read(&identity.current.read().unwrap().cert[0]).unwrap()
}

#[test]
fn a_laptop_that_changes_its_network_shows_its_new_address() {
    let dir = tempfile::tempdir().unwrap();
    let identity = Identity::open(&local_ca(dir.path())).unwrap().unwrap();
    let before = shown(&identity);
    let same = Machine::look(&identity.config);
    identity.look_at(same.clone(), now());
    assert_eq!(shown(&identity), before);
    let moved = Machine { addresses: vec!["192.168.77.7".parse().unwrap()], ..same.clone() };
    identity.look_at(moved, now());
    assert!(shown(&identity).addresses.contains(&"192.168.77.7".parse().unwrap()));
    identity.look_at(same.clone(), now());
    let back = shown(&identity);
    identity.look_at(same, now() + Duration::from_secs(380 * 24 * 3600));
    assert!(shown(&identity).until > back.until, "renewed before its end");
}

#[test]
fn a_check_writes_nothing_and_names_what_the_start_would_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let config = local_ca(dir.path());
    assert_eq!(check(&config), []);
    assert!(!dir.path().join("ca").exists());
    let absurd = check_at(&config, Duration::from_secs(0));
    assert!(matches!(absurd[..], [CertificateFinding::ClockAbsurd { .. }]), "{absurd:?}");
    assert!(Identity::open_at(&config, Duration::from_secs(0)).is_err(), "no CA is made by such a clock");
    assert!(!dir.path().join("ca").exists());
    Identity::open(&config).unwrap().unwrap();
    std::fs::remove_file(dir.path().join("ca/ca.key")).unwrap();
    let findings = check(&config);
    assert!(matches!(findings[..], [CertificateFinding::Authority { .. }]), "{findings:?}");
    let refused = Identity::open(&config).unwrap_err();
    assert_eq!(refused, findings);
    assert!(
        Identity::open_at(&Config::default(), Duration::from_secs(0)).unwrap().is_none(),
        "without HTTPS it starts"
    );
}
