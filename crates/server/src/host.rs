//! Hosts as they stand in headers, settings, origins and certificates. Whatever the server asks about a host is asked
//! here, so that no two of its parts read one differently.
//!
//! | text | example | read by |
//! |---|---|---|
//! | authority, `host[:port]` (RFC 3986 §3.2) | `calls.example:8080`, `[::1]:8080` | [`split_port`], [`is_authority`] |
//! | host | `calls.example`, `192.0.2.7`, `[::1]` | [`address`], [`is_loopback`], [`is_one_of`] |
//! | name of one machine (RFC 1123 §2.1) | `desk`, `desk.example.org` | [`is_machine_name`] |
//! | address with or without a port | `203.0.113.5:7700`, `2001:db8::5` | [`address_and_port`] |

use axum::http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Longest name of a host, in bytes (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;

/// Longest authority, in bytes: a name, a colon and five digits.
const MAX_AUTHORITY: usize = MAX_NAME + 6;

/// Longest label of a name, in bytes (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// The host by which a client reached this server: its `Host` header without port. Empty if it named none that can stand
/// in a URL.
pub(crate) fn of_request(headers: &HeaderMap) -> Arc<str> {
    let authority = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let (host, _) = split_port(authority);
    if is_authority(host) { host.into() } else { "".into() }
}

/// An authority as host and port. An IPv6 address keeps its brackets; without brackets it has no port.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']')) =>
        {
            (host, Some(port))
        }
        _ => (authority, None),
    }
}

/// Whether a text is a host, with a port or without, and holds nothing that could change the meaning of a URL.
///
/// Wider than RFC 1123: names with `_` resolve in many networks.
pub(crate) fn is_authority(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
    !text.is_empty() && text.len() <= MAX_AUTHORITY && text.bytes().all(plain)
}

/// The address that a host is, if it is no name. IPv6 with brackets or without.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// An entry such as those of `media.advertise`, `ip` or `ip:port`. IPv4 that is written as IPv6 is given as IPv4. None:
/// it is something else.
pub(crate) fn address_and_port(entry: &str) -> Option<(IpAddr, Option<u16>)> {
    let entry = entry.trim();
    if let Some(ip) = address(entry) {
        return Some((ip.to_canonical(), None));
    }
    entry.parse::<SocketAddr>().ok().map(|a| (a.ip().to_canonical(), Some(a.port())))
}

/// Whether a host is the machine itself: `localhost`, a name below it (RFC 6761 §6.3), or a loopback address.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || address(host).is_some_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether a host is one of these names, of which `*` stands for one label, as in certificates (RFC 9525 §6.3).
pub(crate) fn is_one_of(host: &str, names: &[String]) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is = |name: &String| match name.strip_prefix("*.") {
        Some(parent) => {
            let inside = |(label, rest): (&str, &str)| !label.is_empty() && rest.eq_ignore_ascii_case(parent);
            host.split_once('.').is_some_and(inside)
        }
        None => host.eq_ignore_ascii_case(name),
    };
    !host.is_empty() && names.iter().any(is)
}

/// Whether a text is a name that one machine can have and a certificate can hold (RFC 1123 §2.1): letters, digits and
/// inner hyphens. `localhost` is every machine's, and an address is no name.
pub(crate) fn is_machine_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=MAX_LABEL).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    name.len() <= MAX_NAME
        && name.split('.').all(label)
        && !name.starts_with("localhost")
        && address(name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_split_at_its_port_and_an_address_is_not() {
        for (authority, host, port) in [
            ("calls.example:8080", "calls.example", Some("8080")),
            ("calls.example", "calls.example", None),
            ("192.0.2.7:80", "192.0.2.7", Some("80")),
            ("[2001:db8::1]:2935", "[2001:db8::1]", Some("2935")),
            ("[2001:db8::1]", "[2001:db8::1]", None),
            ("2001:db8::1", "2001:db8::1", None),
            ("calls.example:x", "calls.example:x", None),
        ] {
            assert_eq!(split_port(authority), (host, port));
        }
    }

    #[test]
    fn a_host_that_would_change_the_url_is_none() {
        let host = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, header::HeaderValue::from_static(text));
            of_request(&headers).to_string()
        };
        assert_eq!(host("calls.example:8080"), "calls.example");
        assert_eq!(host("[::1]:8080"), "[::1]");
        assert_eq!(host("192.0.2.7"), "192.0.2.7");
        for bad in ["evil.example/x?", "a b", "user@evil.example"] {
            assert_eq!(host(bad), "", "{bad}");
        }
        assert_eq!(of_request(&HeaderMap::new()).as_ref(), "");
    }

    #[test]
    fn an_address_is_one_and_a_name_that_looks_like_one_is_not() {
        for text in ["127.0.0.1", "192.0.2.7", "[::1]", "[2001:db8::1]"] {
            assert!(address(text).is_some(), "{text}");
        }
        for name in ["", "localhost", "127.0.0.1.evil.example", "evil.example", "1.2.3", "[evil]"] {
            assert_eq!(address(name), None, "{name}");
        }
    }

    #[test]
    fn an_address_may_have_a_port_behind_it() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (entry, expected) in [
            ("203.0.113.5:7700", Some((ip("203.0.113.5"), Some(7700)))),
            ("[2001:db8::5]:7700", Some((ip("2001:db8::5"), Some(7700)))),
            ("2001:db8::5", Some((ip("2001:db8::5"), None))),
            (" ::ffff:203.0.113.5 ", Some((ip("203.0.113.5"), None))),
            ("calls.example", None),
            ("203.0.113.5:99999", None),
            ("", None),
        ] {
            assert_eq!(address_and_port(entry), expected, "{entry}");
        }
    }

    #[test]
    fn a_name_is_one_of_those_that_the_server_has() {
        let names = ["localhost", "desk.local", "*.calls.example"].map(str::to_owned);
        for own in ["localhost", "LOCALHOST", "localhost.", "desk.local", "demo.calls.example"] {
            assert!(is_one_of(own, &names), "{own}");
        }
        for other in [
            "",
            ".",
            ".calls.example",
            "desk",
            "localhost.evil.example",
            "calls.example",
            "a.b.calls.example",
            "*",
        ] {
            assert!(!is_one_of(other, &names), "{other}");
        }
    }

    #[test]
    fn the_name_of_a_machine_is_one_that_a_certificate_can_hold() {
        for name in ["desk", "desk.example.org", "a-b"] {
            assert!(is_machine_name(name), "{name:?}");
        }
        for bad in ["", "a_b", "-a", "a..b", "localhost", "localhost.localdomain", "10.0.0.1"] {
            assert!(!is_machine_name(bad), "{bad:?}");
        }
    }
}
