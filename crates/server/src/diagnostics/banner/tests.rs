use super::*;

fn machine() -> Machine {
    let addresses = ["192.168.1.5", "2001:db8::5"].map(|a| a.parse().unwrap()).into();
    Machine { host: Some("desk".into()), addresses }
}

fn banner<'a>(machine: &'a Machine, plain: &str, tls: Option<&str>) -> Banner<'a> {
    Banner {
        plain: plain.parse().unwrap(),
        tls: tls.map(|a| a.parse().unwrap()),
        udp: (7700..7704).map(|port| SocketAddr::new([192, 168, 1, 5].into(), port)).collect(),
        rtmp: None,
        data: "/srv/tring".into(),
        apps: 1,
        demo_app: Some(SdkAppId::new(1_400_000_000).unwrap()),
        fingerprint: Some("AB:CD".into()),
        certified: None,
        machine,
    }
}

#[test]
fn a_phone_is_sent_to_the_page_that_works_before_the_ca_is_trusted() {
    let machine = machine();
    let text = banner(&machine, "0.0.0.0:8080", Some("0.0.0.0:8443")).text(false);
    for part in [
        "ws://localhost:8080/v1/socket",
        "https://192.168.1.5:8443/",
        "http://192.168.1.5:8080/install",
        "AB:CD",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("2001:db8") && !text.contains('█') && !text.contains('\x1b'), "{text}");
    let both = banner(&machine, "[::]:8080", Some("[::]:8443")).text(false);
    assert!(both.contains("https://[2001:db8::5]:8443/"), "{both}");
}

/// The lines from the one on that says how to stop.
fn ending(text: &str) -> Vec<&str> {
    text.lines().skip_while(|line| !line.contains("Ctrl-C")).map(str::trim).collect()
}

#[test]
fn what_to_open_is_last_and_one_address_a_line() {
    let machine = machine();
    for terminal in [false, true] {
        let text = banner(&machine, "0.0.0.0:8080", Some("0.0.0.0:8443")).text(terminal);
        let last = ending(&text);
        assert_eq!(last.len(), 4, "{text}");
        assert_eq!((last[1], last[3]), ("http://192.168.1.5:8080/install", "http://localhost:8080/"));
        assert_eq!(text.lines().last(), Some("  http://localhost:8080/"));
    }
}

#[test]
fn many_addresses_are_no_long_list() {
    let all: Vec<IpAddr> = (1..=9).map(|n| IpAddr::from([10, 0, n, 1])).collect();
    let machine = Machine { host: None, addresses: all.clone() };
    let mut it = banner(&machine, "0.0.0.0:8080", Some("0.0.0.0:8443"));
    it.udp = all.iter().flat_map(|ip| (7700..7704).map(|port| SocketAddr::new(*ip, port))).collect();
    let text = it.text(false);
    let lines = |part: &str| text.lines().filter(|line| line.contains(part)).count();
    assert_eq!((lines("https://10.0."), lines(", ports 7700 to 7703")), (3, 3), "{text}");
    assert!(text.contains("and 6 addresses more"), "{text}");
    assert!(text.contains("https://10.0.1.1:8443/\n") && text.contains("10.0.1.1, ports"), "{text}");
    // A line has one address.
    assert!(text.lines().all(|line| line.matches("10.0.").count() <= 1), "{text}");
    // Programs are told all of them.
    let fields = it.announcement(false).fields;
    assert_eq!(fields["udp"].as_array().map(Vec::len), Some(36));
    assert_eq!(fields["https"].as_array().map(Vec::len), Some(9));
}

#[test]
fn ports_are_written_as_spans() {
    assert_eq!(spans(&[7700]), "port 7700");
    assert_eq!(spans(&[7703, 7701, 7700, 7702]), "ports 7700 to 7703");
    assert_eq!(spans(&[5009, 5001, 5002, 65_535]), "ports 5001 to 5002, 5009, 65535");
}

#[test]
fn without_an_app_the_last_line_makes_one_in_the_folder_that_is_served() {
    let machine = machine();
    let mut it = banner(&machine, "0.0.0.0:8080", None);
    (it.demo_app, it.apps, it.fingerprint) = (None, 0, None);
    let text = it.text(false);
    assert_eq!(ending(&text)[1..], ["tring app create NAME --data /srv/tring"], "{text}");
    it.apps = 2;
    let text = it.text(false);
    assert!(text.contains("/srv/tring (apps: 2)"), "{text}");
    assert_eq!(ending(&text)[1..], ["http://localhost:8080/"], "{text}");
    assert!(!text.contains("app create"), "{text}");
}

#[test]
fn with_a_real_certificate_a_phone_is_sent_to_its_name() {
    let machine = machine();
    let mut it = banner(&machine, "0.0.0.0:80", Some("0.0.0.0:443"));
    (it.fingerprint, it.certified) = (None, Some("call.example.org".into()));
    let text = it.text(false);
    assert!(text.contains("  https://call.example.org/\n"), "{text}");
    assert!(!text.contains("install") && !text.contains("192.168.1.5/"), "{text}");
}

#[test]
fn without_https_or_on_loopback_there_is_nothing_for_a_phone() {
    let machine = machine();
    for it in
        [banner(&machine, "0.0.0.0:8080", None), banner(&machine, "127.0.0.1:8080", Some("127.0.0.1:8443"))]
    {
        let text = it.text(true);
        assert!(!text.contains("phone, in") && !text.contains('█'), "{text}");
        assert!(text.ends_with("\n  http://localhost:8080/"), "{text}");
        assert!(text.contains("http://localhost:8080/"), "{text}");
    }
}

#[test]
fn a_demo_that_others_can_reach_says_so_and_how_to_keep_it_to_oneself() {
    let machine = machine();
    let said = |plain: &str| banner(&machine, plain, None).text(false);
    let text = said("0.0.0.0:8080");
    assert!(
        text.contains("every interface: anybody in the network can sign in too, also as alice"),
        "{text}"
    );
    assert!(text.contains("--listen 127.0.0.1:8080\n"), "{text}");
    assert!(said("192.168.1.5:80").contains("listens on 192.168.1.5: anybody"));
    assert!(!said("127.0.0.1:8080").contains("anybody"));
    let secure_only = banner(&machine, "127.0.0.1:8080", Some("0.0.0.0:8443")).text(false);
    assert!(
        secure_only.contains("every interface") && secure_only.contains(": --tls-listen 127.0.0.1:8443\n"),
        "{secure_only}"
    );
    let mut it = banner(&machine, "0.0.0.0:8080", None);
    it.demo_app = None;
    assert!(!it.text(false).contains("anybody"), "without the demo a UserSig is needed");
}
