//! Who may ask the demo's open signer: pages of this server by a name that it has, or by an address, so many times.
//!
//! The signer makes anybody anybody. A page of a stranger's name that was made to point at this machine (DNS rebinding)
//! would get a UserSig too, out of a browser behind the firewall; it is known by its `Host`, which a page cannot choose.

use crate::config::Config;
use crate::http::Doors;
use crate::limits::ip_quota::holder;
use crate::limits::rate_limit::{Buckets, Rate};
use crate::signalling::stream_urls;
use crate::tls::Machine;
use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tring_protocol::Timestamp;

/// How often one address may ask the demo, for its settings and for UserSigs together. A page of two phones asks three
/// times. Higher: more pages behind one address. Lower: one neighbour uses less of what the demo app may sign
/// (`limits.signatures_burst`, `limits.signatures_per_second`).
const ASKS: Rate = Rate { burst: 40.0, per_second: 4.0 };

/// What the demo's guard knows.
pub(crate) struct DemoGuard {
    /// Names of this server besides those of its certificate.
    names: Vec<String>,
    asks: Mutex<Buckets<IpAddr>>,
}

impl DemoGuard {
    pub(crate) fn new(config: &Config) -> Self {
        let mut names = Machine::look(config).names();
        names.extend(config.rtmp.advertise.as_deref().map(|host| stream_urls::without_port(host).to_owned()));
        Self { names, asks: Buckets::new(ASKS).into() }
    }

    fn may_ask(&self, from: IpAddr, now: Timestamp) -> bool {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner).take(holder(from), now)
    }
}

/// Lets a request to the demo pass, or says why not and what to do.
pub(crate) async fn guard(
    State(doors): State<Arc<Doors>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let refused = |status: StatusCode, code: &str, message: &str| {
        (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
    };
    let host = stream_urls::host_of(request.headers());
    let certified = || doors.identity.as_ref().map(|identity| identity.names()).unwrap_or_default();
    if !is_address(&host) && !is_one_of(&host, &doors.demo_guard.names) && !is_one_of(&host, &certified()) {
        let message = "the demo signs only for pages of its own: open it as localhost, by the host name that the \
            server itself has, or by an address, such as http://192.0.2.7:8080/. Other names are those of tls.cert and of rtmp.advertise";
        return refused(StatusCode::FORBIDDEN, "host_unknown", message);
    }
    if !doors.demo_guard.may_ask(from.ip(), doors.clock.now()) {
        let message = "too many requests from this address: wait some seconds and send again";
        return refused(StatusCode::TOO_MANY_REQUESTS, "too_many", message);
    }
    next.run(request).await
}

/// An address is what somebody typed, and points nowhere else.
fn is_address(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok()
}

/// `*` in a name stands for one label, as in certificates (RFC 9525 §6.3).
fn is_one_of(host: &str, names: &[String]) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_and_a_name_that_looks_like_one_is_not() {
        for address in ["127.0.0.1", "192.0.2.7", "[::1]", "[2001:db8::1]"] {
            assert!(is_address(address), "{address}");
        }
        for name in ["", "localhost", "127.0.0.1.evil.example", "evil.example", "1.2.3", "[evil]"] {
            assert!(!is_address(name), "{name}");
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
}
