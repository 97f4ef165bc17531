//! Who may ask the demo's open signer: pages of this server by a name that it has, or by an address, so many times.
//!
//! The signer makes anybody anybody. A page of a stranger's name that was made to point at this machine (DNS rebinding)
//! would get a UserSig too, out of a browser behind the firewall; it is known by its `Host`, which a page cannot choose.

use crate::config::Config;
use crate::host;
use crate::http::state::AppState;
use crate::limits::{Buckets, Rate, quota_key};
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
        names.extend(config.rtmp.advertise.as_deref().map(|host| host::split_port(host).0.to_owned()));
        Self { names, asks: Buckets::new(ASKS).into() }
    }

    fn may_ask(&self, from: IpAddr, now: Timestamp) -> bool {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner).take(quota_key(from), now)
    }
}

/// Lets a request to the demo pass, or says why not and what to do.
pub(crate) async fn guard(
    State(state): State<Arc<AppState>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let refused = |status: StatusCode, code: &str, message: &str| {
        (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
    };
    // An address is what somebody typed, and points nowhere else.
    let host = host::of_request(request.headers());
    let certified = || state.identity.as_ref().map(|identity| identity.names()).unwrap_or_default();
    if host::address(&host).is_none()
        && !host::is_one_of(&host, &state.demo_guard.names)
        && !host::is_one_of(&host, &certified())
    {
        let message = "the demo signs only for pages of its own: open it as localhost, by the host name that the \
            server itself has, or by an address, such as http://192.0.2.7:8080/. Other names are those of tls.cert and of rtmp.advertise";
        return refused(StatusCode::FORBIDDEN, "host_unknown", message);
    }
    if !state.demo_guard.may_ask(from.ip(), state.clock.now()) {
        let message = "too many requests from this address: wait some seconds and send again";
        return refused(StatusCode::TOO_MANY_REQUESTS, "too_many", message);
    }
    next.run(request).await
}
